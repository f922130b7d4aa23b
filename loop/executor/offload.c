/* SPDX-License-Identifier: MIT
 *
 * offload.c - operations that the kernel can only do by blocking, in the loop's own small thread pools.
 *
 * Two pools, started by the first operation that needs them: "picot-lookup" for names, "picot-file" for everything
 * else, so that a name server that does not answer never holds up a file.
 *
 * A job holds a copy of its operation, and that copy is what the worker works on; the operation itself is touched in
 * the loop's thread only. A lookup also has copies of its strings and its own result: it can be abandoned while its
 * thread is inside getaddrinfo(3), which nothing can interrupt. The caller then has the operation back at once, and the
 * late answer is freed when it arrives. A file operation works on the caller's buffer and is therefore waited for, once
 * it has begun.
 *
 * While an operation is here its `next` points to the copy inside its job.
 */
#include "../backend/backend.h"
#include "thread.h"

#include <netdb.h>

#define THREADS_MAX 4
/* getaddrinfo and the name service modules it loads want more than the minimum. */
#define STACK_SIZE (size_t)(256 * 1024)

enum { POOL_FILE, POOL_LOOKUP, POOLS };

struct offload_job {
    struct picot__thread_job thread_job;
    struct offload_job *next, *prev; /* in the port's list of jobs; loop's thread only */
    picot_op *op;                    /* NULL: abandoned */
    picot_op copy;
    int fd;
    int64_t result; /* written by the worker */
    struct addrinfo hints, *list;
    size_t size; /* of this allocation, strings included */
    char strings[];
};

/* One pool and its way back into the loop. */
struct offload_port {
    struct picot__pool pool;
    picot_posted posted;
    picot_loop *loop;
    struct offload_job *jobs; /* all that are in the pool */
    bool is_open;
};

struct picot__offloads {
    struct offload_port ports[POOLS];
};

/* ---- jobs ------------------------------------------------------------------------------------ */

/* In a worker. */
static void job_run(struct picot__thread_job *thread_job)
{
    struct offload_job *job = (struct offload_job *)((char *)thread_job - offsetof(struct offload_job, thread_job));

    job->result = picot__sys_blocking(&job->copy, job->fd);
}

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* Let the copy of a lookup stand on its own. */
static void copy_lookup(struct offload_job *job)
{
    const char *host = job->copy._.u.lookup.host, *service = job->copy._.u.lookup.service;
    size_t host_size = text_size(host), service_size = text_size(service);

    if (host) job->copy._.u.lookup.host = memcpy(job->strings, host, host_size);
    if (service) job->copy._.u.lookup.service = memcpy(job->strings + host_size, service, service_size);
    if (job->copy._.u.lookup.hints) {
        memcpy(&job->hints, job->copy._.u.lookup.hints, sizeof job->hints);
        job->copy._.u.lookup.hints = &job->hints;
    }
    if (job->copy._.u.lookup.ret_list) job->copy._.u.lookup.ret_list = &job->list;
}

static struct offload_job *job_create(picot_loop *loop, picot_op *op, int fd)
{
    bool lookup = op->_.kind == PICOT__OP_RESOLVE;
    size_t strings = lookup ? text_size(op->_.u.lookup.host) + text_size(op->_.u.lookup.service) : 0;
    struct offload_job *job = picot_alloc(loop, sizeof *job + strings);

    if (!job) return NULL;
    memset(job, 0, sizeof *job);
    job->size = sizeof *job + strings;
    job->thread_job.run = job_run;
    job->op = op;
    job->copy = *op;
    job->fd = fd;
    if (lookup) copy_lookup(job);
    return job;
}

static struct offload_job *job_of(const picot_op *op)
{
    return (struct offload_job *)((char *)op->_.next - offsetof(struct offload_job, copy));
}

static void job_enter(struct offload_port *port, struct offload_job *job)
{
    job->prev = NULL;
    job->next = port->jobs;
    if (port->jobs) port->jobs->prev = job;
    port->jobs = job;
    job->op->_.next = &job->copy;
}

static void job_free(struct offload_port *port, struct offload_job *job)
{
    if (job->prev) {
        job->prev->next = job->next;
    } else {
        port->jobs = job->next;
    }
    if (job->next) job->next->prev = job->prev;
    if (job->list) freeaddrinfo(job->list);
    picot_free(port->loop, job, job->size);
}

/* ---- completions ----------------------------------------------------------------------------- */

/* End the operation of a job, which the job then has no more. */
static void finish(picot_loop *loop, struct offload_job *job, int64_t result)
{
    picot_op *op = job->op;

    job->op = NULL;
    op->_.next = NULL;
    picot__finish_later(loop, op, result);
}

static void conclude(picot_loop *loop, struct offload_job *job)
{
    int64_t result = job->result;

    if (!job->op) return;
    if (result >= 0 && picot__opens_handle(job->copy._.kind)) result = picot__sys_opened(loop, (int)result);
    if (result >= 0 && job->copy._.kind == PICOT__OP_RESOLVE) {
        *(struct addrinfo **)job->op->_.u.lookup.ret_list = job->list;
        job->list = NULL;
    }
    finish(loop, job, result);
}

/* Bring in what the workers have completed so far. Were there any? */
static bool collect(struct offload_port *port, bool wait)
{
    struct picot__thread_job *completed = picot__pool_take(&port->pool, wait), *next;
    bool any = completed;

    for (; completed; completed = next) {
        struct offload_job *job = (struct offload_job *)((char *)completed - offsetof(struct offload_job, thread_job));

        next = completed->next;
        conclude(port->loop, job);
        job_free(port, job);
    }
    return any;
}

/* The post of a batch, in the loop's thread. */
static void batch_arrived(picot_loop *loop, void *user)
{
    (void)loop;
    (void)collect(user, false);
}

/* In a worker: the first of a batch is completed. */
static void batch_ready(void *user)
{
    struct offload_port *port = user;

    (void)picot_post(port->loop, &port->posted);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static int port_open(struct offload_port *port, picot_loop *loop, const char *name)
{
    struct picot__pool_options options = {
        .name = name,
        .threads_max = THREADS_MAX,
        .stack_size = STACK_SIZE,
        .notify = batch_ready,
        .user = port,
    };
    int code;

    if (port->is_open) return 0;
    port->loop = loop;
    port->posted = (picot_posted)PICOT_POSTED_INIT(batch_arrived, port);
    code = picot__pool_open(&port->pool, &options);
    port->is_open = code == 0;
    return code;
}

static struct offload_port *port_of(picot_loop *loop, const picot_op *op)
{
    return &loop->offloads->ports[op->_.kind == PICOT__OP_RESOLVE ? POOL_LOOKUP : POOL_FILE];
}

static int open_all(picot_loop *loop)
{
    if (loop->offloads) return 0;
    loop->offloads = picot_alloc(loop, sizeof *loop->offloads);
    if (!loop->offloads) return -ENOMEM;
    memset(loop->offloads, 0, sizeof *loop->offloads);
    return 0;
}

/* ---- for the backends and the core ----------------------------------------------------------- */

int picot__offload(picot_loop *loop, picot_op *op, int fd)
{
    struct offload_port *port;
    struct offload_job *job;
    int code = open_all(loop);

    if (code < 0) return code;
    port = port_of(loop, op);
    code = port_open(port, loop, op->_.kind == PICOT__OP_RESOLVE ? "picot-lookup" : "picot-file");
    if (code < 0) return code;
    job = job_create(loop, op, fd);
    if (!job) return -ENOMEM;
    job_enter(port, job);
    code = picot__pool_submit(&port->pool, &job->thread_job);
    if (code < 0) {
        op->_.next = NULL;
        job_free(port, job);
    }
    return code;
}

/* End a job early if that is possible. */
static void job_cancel(struct offload_port *port, struct offload_job *job, int64_t result)
{
    if (!job->op) return;
    if (picot__pool_cancel(&port->pool, &job->thread_job)) {
        finish(port->loop, job, result);
        job_free(port, job);
    } else if (job->copy._.kind == PICOT__OP_RESOLVE) {
        finish(port->loop, job, result);
    }
}

void picot__offload_cancel(picot_loop *loop, picot_op *op)
{
    assert(loop->offloads && op->_.next);
    job_cancel(port_of(loop, op), job_of(op), -ECANCELED);
}

static void cancel_all(picot_loop *loop, int64_t result)
{
    for (unsigned i = 0; loop->offloads && i < POOLS; i++) {
        struct offload_port *port = &loop->offloads->ports[i];

        for (struct offload_job *job = port->jobs, *next; job; job = next) {
            next = job->next;
            job_cancel(port, job, result);
        }
    }
}

void picot__offload_cancel_all(picot_loop *loop)
{
    cancel_all(loop, -ECANCELED);
}

void picot__offload_end_all(picot_loop *loop, int64_t result)
{
    struct offload_port *files;

    cancel_all(loop, result);
    if (!loop->offloads) return;
    files = &loop->offloads->ports[POOL_FILE];
    while (files->is_open && collect(files, true))
        continue;
}

bool picot__offload_is_out(const picot_loop *loop)
{
    for (unsigned i = 0; loop->offloads && i < POOLS; i++) {
        for (const struct offload_job *job = loop->offloads->ports[i].jobs; job; job = job->next)
            if (job->op) return true;
    }
    return false;
}

static void port_close(struct offload_port *port, bool forked)
{
    if (!port->is_open) return;
    if (forked) {
        picot__pool_discard(&port->pool);
    } else {
        picot__pool_close(&port->pool);
    }
    while (port->jobs) {
        /* What is left are abandoned lookups; the operations themselves the core has completed. */
        assert(forked || !port->jobs->op);
        if (forked) port->jobs->list = NULL; /* its thread may have been writing it */
        job_free(port, port->jobs);
    }
}

void picot__offload_close(picot_loop *loop)
{
    bool forked = loop->fork_mark && !*loop->fork_mark;

    if (!loop->offloads) return;
    for (unsigned i = 0; i < POOLS; i++)
        port_close(&loop->offloads->ports[i], forked);
    picot_free(loop, loop->offloads, sizeof *loop->offloads);
    loop->offloads = NULL;
}
