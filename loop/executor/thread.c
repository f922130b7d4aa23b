/* SPDX-License-Identifier: MIT
 *
 * thread.c - a pool of threads, see thread.h.
 *
 * Invariants, under the mutex: a job is in the queue, or counted in `running`, or in the completed list, or the
 * owner's. A queued job has a thread that will find it: one that is awake, or an idle one that was signalled for it.
 * Threads have all signals blocked, so that handlers run in the program's own threads only.
 */
#include "thread.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void list_init(struct picot__thread_job *list)
{
    list->next = list->prev = list;
}

static bool list_empty(const struct picot__thread_job *list)
{
    return list->next == list;
}

static void list_append(struct picot__thread_job *list, struct picot__thread_job *job)
{
    job->prev = list->prev;
    job->next = list;
    list->prev->next = job;
    list->prev = job;
}

static void list_unlink(struct picot__thread_job *job)
{
    job->prev->next = job->next;
    job->next->prev = job->prev;
    job->next = job->prev = NULL;
}

/* ---- in the workers -------------------------------------------------------------------------- */

/* Run the oldest job. Called and left with the mutex locked. */
static void run_next(struct picot__pool *pool)
{
    struct picot__thread_job *job = pool->queued.next;
    bool first;

    list_unlink(job);
    pool->queued_count--;
    pool->running++;
    job->state = PICOT__JOB_RUNNING;
    (void)pthread_mutex_unlock(&pool->mutex);
    job->run(job);
    (void)pthread_mutex_lock(&pool->mutex);
    job->state = PICOT__JOB_COMPLETED;
    pool->running--;
    first = list_empty(&pool->completed);
    list_append(&pool->completed, job);
    if (pool->owner_waits) (void)pthread_cond_signal(&pool->done);
    if (!first) return; /* the owner has been told and has not come yet: it will find this one too */
    (void)pthread_mutex_unlock(&pool->mutex);
    pool->options.notify(pool->options.user);
    (void)pthread_mutex_lock(&pool->mutex);
}

static void *worker_main(void *argument)
{
    struct picot__pool *pool = argument;

    (void)pthread_setname_np(pthread_self(), pool->options.name);
    (void)pthread_mutex_lock(&pool->mutex);
    while (!pool->closing) {
        if (!list_empty(&pool->queued)) {
            run_next(pool);
            continue;
        }
        pool->idle++;
        (void)pthread_cond_wait(&pool->work, &pool->mutex);
        pool->idle--;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* ---- in the owner's thread ------------------------------------------------------------------- */

/* Start one more thread. Called with the mutex locked. */
static int start_thread(struct picot__pool *pool)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);

    if (error) return -error;
    (void)pthread_attr_setstacksize(&attributes, pool->options.stack_size);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    error = pthread_create(&pool->threads[pool->thread_count], &attributes, worker_main, pool);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    if (error) return -error;
    pool->thread_count++;
    return 0;
}

int picot__pool_open(struct picot__pool *pool, const struct picot__pool_options *options)
{
    int error;

    assert(options->threads_max > 0 && options->notify && strlen(options->name) < 16);
    memset(pool, 0, sizeof *pool);
    pool->options = *options;
    list_init(&pool->queued);
    list_init(&pool->completed);
    pool->threads = calloc(options->threads_max, sizeof *pool->threads);
    if (!pool->threads) return -ENOMEM;
    error = pthread_mutex_init(&pool->mutex, NULL);
    if (error) goto no_mutex;
    error = pthread_cond_init(&pool->work, NULL);
    if (error) goto no_work;
    error = pthread_cond_init(&pool->done, NULL);
    if (error) goto no_done;
    return 0;

no_done:
    (void)pthread_cond_destroy(&pool->work);
no_work:
    (void)pthread_mutex_destroy(&pool->mutex);
no_mutex:
    free(pool->threads);
    return -error;
}

int picot__pool_submit(struct picot__pool *pool, struct picot__thread_job *job)
{
    int code = 0;

    assert(job->state == PICOT__JOB_IDLE && job->run);
    (void)pthread_mutex_lock(&pool->mutex);
    /* Idle threads that are signalled but not awake yet count as idle still, as their jobs count as queued. */
    if (pool->queued_count >= pool->idle && pool->thread_count < pool->options.threads_max) code = start_thread(pool);
    if (pool->thread_count > 0) {
        job->state = PICOT__JOB_QUEUED;
        list_append(&pool->queued, job);
        pool->queued_count++;
        if (pool->idle > 0) (void)pthread_cond_signal(&pool->work);
        code = 0;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return code < 0 ? -ENOMEM : 0;
}

bool picot__pool_cancel(struct picot__pool *pool, struct picot__thread_job *job)
{
    bool queued;

    (void)pthread_mutex_lock(&pool->mutex);
    queued = job->state == PICOT__JOB_QUEUED;
    if (queued) {
        list_unlink(job);
        pool->queued_count--;
        job->state = PICOT__JOB_IDLE;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return queued;
}

struct picot__thread_job *picot__pool_take(struct picot__pool *pool, bool wait)
{
    struct picot__thread_job *first = NULL;

    (void)pthread_mutex_lock(&pool->mutex);
    pool->owner_waits = wait;
    while (wait && list_empty(&pool->completed) && (pool->queued_count > 0 || pool->running > 0))
        (void)pthread_cond_wait(&pool->done, &pool->mutex);
    pool->owner_waits = false;
    if (!list_empty(&pool->completed)) {
        first = pool->completed.next;
        pool->completed.prev->next = NULL;
        list_init(&pool->completed);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return first;
}

void picot__pool_close(struct picot__pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    assert(list_empty(&pool->queued));
    pool->closing = true;
    (void)pthread_cond_broadcast(&pool->work);
    (void)pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->thread_count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    (void)pthread_cond_destroy(&pool->done);
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool->threads);
}

void picot__pool_discard(struct picot__pool *pool)
{
    free(pool->threads);
}
