/* SPDX-License-Identifier: MIT
 *
 * thread.h - a pool of threads: jobs go in first in, first out; completed ones are taken out in batches.
 *
 * The pool knows nothing of loops. Its owner is one thread: it opens, submits, cancels, takes and closes. Memory of
 * jobs is the owner's throughout; a worker touches a job only between submit and the moment it is completed.
 */
#ifndef PICOT_LOOP_EXECUTOR_THREAD_H
#define PICOT_LOOP_EXECUTOR_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum picot__job_state { PICOT__JOB_IDLE, PICOT__JOB_QUEUED, PICOT__JOB_RUNNING, PICOT__JOB_COMPLETED };

struct picot__thread_job {
    struct picot__thread_job *next, *prev; /* in a circular list of the pool; its mutex guards them and the state */
    enum picot__job_state state;
    void (*run)(struct picot__thread_job *job); /* called once, in a worker */
};

struct picot__pool_options {
    const char *name;     /* of the threads, as debuggers and top show it: at most 15 bytes */
    unsigned threads_max; /* threads are started one by one, when jobs wait and no thread is idle */
    size_t stack_size;    /* bytes */
    void (*notify)(
        void *user); /* in a worker: there are completed jobs. Once per batch: not again before the next take */
    void *user;
};

struct picot__pool {
    pthread_mutex_t mutex;                      /* guards all that follows but the options */
    pthread_cond_t work;                        /* there are jobs, or the end has come */
    pthread_cond_t done;                        /* a job was completed while the owner waits in take */
    struct picot__thread_job queued, completed; /* heads of circular lists, oldest first */
    size_t queued_count;
    unsigned running, idle, thread_count;
    bool closing, owner_waits;
    pthread_t *threads;
    struct picot__pool_options options;
};

/* Make a pool, without threads as yet, in the caller's memory. 0, -ENOMEM, or what the system said. */
int picot__pool_open(struct picot__pool *pool, const struct picot__pool_options *options);

/* Give a job, with `run` set, to the pool. 0; -ENOMEM: not even a first thread could be started, the job is not taken.
 */
int picot__pool_submit(struct picot__pool *pool, struct picot__thread_job *job);

/* Take a job back that no thread has begun. Was it so? Else it runs, or is completed and will be taken as usual. */
bool picot__pool_cancel(struct picot__pool *pool, struct picot__thread_job *job);

/*
 * The completed jobs, oldest first, as a chain by `next` that ends with NULL.
 * wait: when there are none, but queued or running jobs, wait for the first one.
 */
struct picot__thread_job *picot__pool_take(struct picot__pool *pool, bool wait);

/* Wait for the running jobs, join the threads. Nothing may be queued. Completed jobs that were not taken are forgotten.
 */
void picot__pool_close(struct picot__pool *pool);

/* Instead of close in a forked child, where the threads do not exist and the mutex may be locked for ever. */
void picot__pool_discard(struct picot__pool *pool);

#endif /* PICOT_LOOP_EXECUTOR_THREAD_H */
