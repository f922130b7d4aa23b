/* SPDX-License-Identifier: MIT
 *
 * backend.c - the table of backends and the choice among them, at run time, with its reason.
 *
 * A backend asked for by name is taken or refused with a sentence. "auto" takes io_uring where it has proven itself
 * (kernel 6.1 and a probe that ends in a completed NOP), else epoll, else poll, and never hides that descriptors or
 * memory have run out.
 */
#include "backend/backend.h"

#include <stdio.h>

static const struct picot__backend *const table[] = {
#ifdef HAVE_LIBURING
    &picot__backend_io_uring, /* first: what auto prefers */
#endif
    &picot__backend_epoll,    &picot__backend_poll, &picot__backend_select, &picot__backend_sim,
};
#define TABLE_SIZE (sizeof table / sizeof *table)

const char *picot_backend_names(void)
{
#ifdef HAVE_LIBURING
    return "select, poll, epoll, io_uring, sim";
#else
    return "select, poll, epoll, sim";
#endif
}

static const struct picot__backend *find(const char *name)
{
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (strcmp(table[i]->name, name) == 0) return table[i];
    return NULL;
}

static int unknown(picot_loop *loop, const char *name, const char *origin)
{
#ifndef HAVE_LIBURING
    if (strcmp(name, "io_uring") == 0) {
        (void)snprintf(loop->reason, sizeof loop->reason,
                       "%s: this library was built without io_uring: liburing was missing; valid names: auto, %s",
                       origin, picot_backend_names());
        return PICOT_ENOBACKEND;
    }
#endif
    (void)snprintf(loop->reason, sizeof loop->reason, "%s: unknown backend \"%.40s\"; valid names: auto, %s", origin,
                   name, picot_backend_names());
    return PICOT_ENOBACKEND;
}

/* Probe and open one backend; on failure `why` holds a sentence. */
static int try_open(picot_loop *loop, const struct picot__backend *backend, const picot_loop_options *options,
                    char *why, size_t size)
{
    why[0] = '\0';
    int rc = backend->probe ? backend->probe(why, size) : 0;
    if (rc < 0) {
        if (!why[0]) (void)snprintf(why, size, "%s", picot_strerror(rc));
        return picot__is_exhausted(rc) ? rc : PICOT_ENOBACKEND;
    }
    loop->backend = backend;
    rc = backend->open(loop, options);
    if (rc < 0) {
        loop->backend = NULL;
        (void)snprintf(why, size, "cannot be set up: %s", picot_strerror(rc));
        return picot__is_exhausted(rc) ? rc : PICOT_ENOBACKEND;
    }
    return 0;
}

static int open_named(picot_loop *loop, const char *name, const char *origin, const picot_loop_options *options)
{
    const struct picot__backend *backend = find(name);
    if (!backend) return unknown(loop, name, origin);
    char why[160];
    int rc = try_open(loop, backend, options, why, sizeof why);
    if (rc < 0)
        (void)snprintf(loop->reason, sizeof loop->reason, "%s: %s is not usable here: %s", origin, name, why);
    else
        (void)snprintf(loop->reason, sizeof loop->reason, "%s asks for %s", origin, name);
    return rc;
}

static bool auto_may_take(const struct picot__backend *backend, char *why, size_t size)
{
    if (backend == &picot__backend_select || backend == &picot__backend_sim) return false;
#ifdef HAVE_LIBURING
    if (backend == &picot__backend_io_uring && !picot__uring_kernel_is_proven()) {
        (void)snprintf(why, size, "the kernel is older than 6.1");
        return false;
    }
#endif
    (void)why;
    (void)size;
    return true;
}

static int open_auto(picot_loop *loop, const picot_loop_options *options)
{
    char passed_over[180] = "", why[120] = "";
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        int rc = PICOT_ENOBACKEND;
        if (auto_may_take(table[i], why, sizeof why)) rc = try_open(loop, table[i], options, why, sizeof why);
        if (rc == 0) {
            (void)snprintf(loop->reason, sizeof loop->reason, "auto: %s is the best that works here%s", table[i]->name,
                           passed_over);
            return 0;
        }
        if (rc != PICOT_ENOBACKEND) {
            (void)snprintf(loop->reason, sizeof loop->reason, "auto: %s %s", table[i]->name, why);
            return rc;
        }
        if (!passed_over[0]) (void)snprintf(passed_over, sizeof passed_over, " (%s: %s)", table[i]->name, why);
    }
    (void)snprintf(loop->reason, sizeof loop->reason, "auto: no backend works here%s", passed_over);
    return PICOT_ENOBACKEND;
}

int picot__backend_open(picot_loop *loop, const picot_loop_options *options)
{
    const char *name = options->backend, *origin = "options->backend";
    if (!name) {
        name = picot__environment("PICOT_BACKEND");
        origin = "PICOT_BACKEND";
    }
    if (!name || !*name || strcmp(name, "auto") == 0) return open_auto(loop, options);
    return open_named(loop, name, origin, options);
}
