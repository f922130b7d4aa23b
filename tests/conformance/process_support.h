/* SPDX-License-Identifier: MIT
 *
 * process_support.h - a child as the tests of processes have it: this program itself, started anew with `--child WHAT`.
 */
#ifndef PICOT_TESTS_PROCESS_SUPPORT_H
#define PICOT_TESTS_PROCESS_SUPPORT_H

#include "support.h"
#include <errno.h>
#include <picot/process.h>
#include <sys/wait.h>

struct child {
    picot_process *process;
    picot_process_watch watch;
    int calls, rc;
};

static inline void on_end(picot_loop *loop, picot_process_watch *watch, int rc)
{
    struct child *child = watch->user;
    (void)loop;
    child->calls++;
    child->rc = rc;
}

static inline bool has_ended(void *arg)
{
    return ((struct child *)arg)->calls > 0;
}

static inline void watch_it(struct child *child)
{
    CHECK_EQ(picot_process_watch_add(child->process, &child->watch, on_end, child), 0);
}

static inline void spawn_as(picot_loop *loop, struct child *child, const picot_process_options *options)
{
    enum picot_process_step step = PICOT_PROCESS_AT_WATCH;
    memset(child, 0, sizeof *child);
    int rc = picot_process_spawn(loop, options, &child->process, &step);
    if (rc < 0) tap_note("spawn: %s at %s", picot_error_name(rc), picot_process_step_name(step));
    CHECK_EQ(rc, 0);
    CHECK_EQ(step, PICOT_PROCESS_AT_NONE);
    watch_it(child);
}

static inline picot_process_options helper_options(const char *what, const char *code)
{
    static _Thread_local const char *argv[5];
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    argv[0] = "/proc/self/exe";
    argv[1] = "--child";
    argv[2] = what;
    argv[3] = code;
    argv[4] = NULL;
    options.argv = argv;
    return options;
}

static inline void spawn_helper(picot_loop *loop, struct child *child, const char *what, const char *code)
{
    picot_process_options options = helper_options(what, code);
    spawn_as(loop, child, &options);
}

static inline int code_of(const struct child *child)
{
    int code = -1000;
    CHECK_EQ(picot_process_code(child->process, &code), 0);
    return code;
}

static inline int end_of(picot_loop *loop, struct child *child)
{
    CHECK(run_until(loop, has_ended, child));
    CHECK_EQ(child->calls, 1);
    CHECK_EQ(child->rc, 0);
    return code_of(child);
}

/* Everything is closed, freed and reaped. */
static inline void finish_child(picot_loop *loop, struct child *child)
{
    CHECK_EQ(picot_process_close(child->process), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
}

/* Some backends open a descriptor of their own when they first wait long. */
static inline picot_loop *warm_loop(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    spawn_helper(loop, &child, "exit", "0");
    CHECK_EQ(end_of(loop, &child), 0);
    finish_child(loop, &child);
    return loop;
}

static inline void no_child_is_left(void)
{
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_EQ(errno, ECHILD);
}

#endif /* PICOT_TESTS_PROCESS_SUPPORT_H */
