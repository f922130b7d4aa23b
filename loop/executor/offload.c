/* SPDX-License-Identifier: MIT
 *
 * offload.c - operations that the kernel can only do by blocking, in the loop's own small pools of threads.
 *
 * Two pools, made by the first operation that needs them: "picot-lookup" for names, "picot-file" for everything else,
 * so that a name server that does not answer never holds up a file. They are executors like any other; only that their
 * works are operations of the loop, and counted as such.
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
#include "executor.h"

#include <netdb.h>

#define THREADS_MAX 4
/* getaddrinfo and the name service modules it loads want more than the minimum. */
#define STACK_SIZE (size_t)(256 * 1024)

enum { POOL_FILE, POOL_LOOKUP, POOLS };

struct offload_job {
    picot_work work;
    struct offload_job *next, *prev; /* in the loop's list of jobs */
    picot_op *op;                    /* NULL: abandoned, or ended early */
    picot_op copy;
    int fd;
    struct addrinfo hints, *list;
    size_t size; /* of this allocation, strings included */
    char strings[];
};

struct picot__offloads {
    picot_executor *pools[POOLS];
    struct offload_job *jobs; /* all that are in the pools */
};

/* ---- jobs ------------------------------------------------------------------------------------ */

/* In a worker. */
static int64_t job_run(picot_worker *worker, void *arg)
{
    struct offload_job *job = arg;
    (void)worker;
    return picot__sys_blocking(&job->copy, job->fd);
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
    job->op = op;
    job->copy = *op;
    job->fd = fd;
    if (lookup) copy_lookup(job);
    picot_work_call(&job->work, job_run, job);
    return job;
}

static struct offload_job *job_of(const picot_op *op)
{
    return (struct offload_job *)((char *)op->_.next - offsetof(struct offload_job, copy));
}

static void job_enter(struct picot__offloads *offloads, struct offload_job *job)
{
    job->prev = NULL;
    job->next = offloads->jobs;
    if (offloads->jobs) offloads->jobs->prev = job;
    offloads->jobs = job;
    job->op->_.next = &job->copy;
}

static void job_free(picot_loop *loop, struct offload_job *job)
{
    if (job->prev) {
        job->prev->next = job->next;
    } else {
        loop->offloads->jobs = job->next;
    }
    if (job->next) job->next->prev = job->prev;
    if (job->list) freeaddrinfo(job->list);
    picot_free(loop, job, job->size);
}

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
    int64_t result = job->work.result;

    if (result >= 0 && picot__opens_handle(job->copy._.kind)) result = picot__sys_opened(loop, (int)result);
    if (result >= 0 && job->copy._.kind == PICOT__OP_RESOLVE) {
        *(struct addrinfo **)job->op->_.u.lookup.ret_list = job->list;
        job->list = NULL;
    }
    finish(loop, job, result);
}

static void job_done(picot_loop *loop, picot_work *work)
{
    struct offload_job *job = work->user;

    if (job->op) conclude(loop, job);
    job_free(loop, job);
}

/* ---- pools ----------------------------------------------------------------------------------- */

static int open_pool(picot_executor **pool, const char *name)
{
    picot_thread_pool_options options = PICOT_THREAD_POOL_OPTIONS_INIT;
    int code;

    if (*pool) return 0;
    options.name = name;
    options.threads_max = THREADS_MAX;
    options.stack_size = STACK_SIZE;
    options.queue_limit = PICOT_POOL_UNBOUNDED; /* as many as there are operations */
    code = picot_thread_pool_create(&options, pool);
    if (code == 0) (*pool)->owned = (*pool)->quiet = true;
    return code;
}

static int open_offloads(picot_loop *loop)
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
    bool lookup = op->_.kind == PICOT__OP_RESOLVE;
    int code = open_offloads(loop);
    picot_executor **pool;
    struct offload_job *job;

    if (code < 0) return code;
    pool = &loop->offloads->pools[lookup ? POOL_LOOKUP : POOL_FILE];
    code = open_pool(pool, lookup ? "picot-lookup" : "picot-file");
    if (code < 0) return code;
    job = job_create(loop, op, fd);
    if (!job) return -ENOMEM;
    job_enter(loop->offloads, job);
    code = picot_executor_submit_on(*pool, &job->work, loop, job_done, job);
    if (code < 0) {
        op->_.next = NULL;
        job_free(loop, job);
    }
    return code;
}

/* End a job early if that is possible. The job itself comes back as ever. */
static void job_cancel(picot_loop *loop, struct offload_job *job, int64_t result)
{
    if (!job->op) return;
    if (picot_work_cancel(&job->work) == 1 || job->copy._.kind == PICOT__OP_RESOLVE) finish(loop, job, result);
}

void picot__offload_cancel(picot_loop *loop, picot_op *op)
{
    assert(loop->offloads && op->_.next);
    job_cancel(loop, job_of(op), -ECANCELED);
}

static void cancel_all(picot_loop *loop, int64_t result)
{
    if (!loop->offloads) return;
    for (struct offload_job *job = loop->offloads->jobs; job; job = job->next)
        job_cancel(loop, job, result);
}

void picot__offload_cancel_all(picot_loop *loop)
{
    cancel_all(loop, -ECANCELED);
}

void picot__offload_end_all(picot_loop *loop, int64_t result)
{
    picot_executor *files = loop->offloads ? loop->offloads->pools[POOL_FILE] : NULL;

    cancel_all(loop, result);
    if (files) picot__port_settle(loop, files);
}

bool picot__offload_is_out(const picot_loop *loop)
{
    for (const struct offload_job *job = loop->offloads ? loop->offloads->jobs : NULL; job; job = job->next)
        if (job->op) return true;
    return false;
}

void picot__offload_close(picot_loop *loop)
{
    bool forked = loop->fork_mark && !*loop->fork_mark;

    if (!loop->offloads) return;
    for (unsigned i = 0; i < POOLS; i++)
        if (loop->offloads->pools[i]) (void)picot__executor_end(loop->offloads->pools[i]);
    while (loop->offloads->jobs) {
        /* What is left are abandoned lookups; the operations themselves the core has completed. */
        struct offload_job *job = loop->offloads->jobs;
        assert(forked || !job->op);
        if (forked) job->list = NULL; /* its thread may have been writing it */
        job_free(loop, job);
    }
    picot_free(loop, loop->offloads, sizeof *loop->offloads);
    loop->offloads = NULL;
}
