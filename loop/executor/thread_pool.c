/* SPDX-License-Identifier: MIT
 *
 * thread_pool.c - an executor whose workers are threads: they start when works wait and none is idle, and end when they
 * have been idle for long.
 *
 * An idle thread sleeps on the word `event`. Who wakes one takes it out of the count of idle ones and leaves a token,
 * and changes the word, all under the mutex: so each further work wakes, or starts, another thread, and none is lost. A
 * thread that wakes for whatever reason and finds a token was woken; without one it is idle no more by itself.
 *
 * Threads have all signals blocked, so that handlers run in the program's own threads only. One that ends joins the
 * one that ended before it; the last one is joined at the end.
 */
#include "executor.h"
#include "futex.h"

#include "../internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_SIZE 16 /* of a thread, as the kernel keeps it */
#define IDLE_NS (10 * PICOT_SECOND)
#define QUEUE_LIMIT 4096
#define THREADS_MAX 32
#define THREADS_MORE 4

struct thread_pool;

struct pool_thread {
    picot_worker worker;
    struct thread_pool *pool;
    struct pool_thread *next; /* of the pool's living ones */
    pthread_t thread;
};

struct thread_pool {
    picot_executor base;
    char name[NAME_SIZE];
    uint32_t threads_min, threads_max;
    int64_t idle_ns;
    size_t stack_size;
    int (*on_start)(picot_worker *worker, void *user);
    void (*on_exit)(picot_worker *worker, void *user);
    void *user;
    struct pool_thread *threads; /* living ones */
    struct pool_thread *ended;   /* the last one that ended, to be joined */
    unsigned leaving;            /* living ones that are no workers any more */
    pthread_cond_t all_ended;
    uint32_t event;  /* changes when a thread is to wake */
    unsigned tokens; /* threads that were told to wake and are still on their way */
};

static struct thread_pool *pool_of(picot_executor *executor)
{
    return (struct thread_pool *)(void *)executor;
}

/* ---- in the threads ------------------------------------------------------------------------------- */

static void name_thread(const struct pool_thread *self)
{
    char name[NAME_SIZE + 12];
    (void)snprintf(name, sizeof name, "%s-%u", self->pool->name, self->worker.index);
    name[NAME_SIZE - 1] = 0;
    (void)pthread_setname_np(pthread_self(), name);
}

/* Sleep until there is something to do. False: it was idle for too long. With the mutex locked. */
static bool idle(struct thread_pool *pool)
{
    bool kept = pool->base.workers <= pool->threads_min;
    int64_t deadline_ns = kept ? PICOT_NEVER : picot__futex_deadline(pool->idle_ns);
    uint32_t event = pool->event;
    pool->base.idle++;
    picot__executor_unlock(&pool->base);
    int rc = picot__futex_wait(&pool->event, event, deadline_ns);
    picot__executor_lock(&pool->base);
    if (pool->tokens > 0) {
        pool->tokens--;
        return true;
    }
    pool->base.idle--;
    return rc == 0 || pool->base.workers <= pool->threads_min;
}

static void run_works(struct pool_thread *self)
{
    picot_executor *executor = &self->pool->base;
    picot_work *work = picot__executor_take(executor);
    while (work) {
        self->worker.work = work;
        self->worker.asked = &work->_.state;
        picot__executor_unlock(executor);
        int64_t result = work->_.u.call.fn(&self->worker, work->_.u.call.arg);
        picot__executor_lock(executor);
        self->worker.work = NULL;
        self->worker.asked = NULL;
        picot__work_complete(executor, work, result);
        work = picot__executor_take(executor);
    }
}

static void serve(struct pool_thread *self)
{
    struct thread_pool *pool = self->pool;
    do
        run_works(self);
    while (!pool->base.closing && !pool->base.broken && idle(pool));
    run_works(self); /* what came while it made up its mind */
}

/* Wake up to `count` idle threads. With the mutex locked, which is unlocked meanwhile. */
static void wake(struct thread_pool *pool, size_t count)
{
    if (count > pool->base.idle) count = pool->base.idle;
    if (count == 0) return;
    pool->base.idle -= count;
    pool->tokens += (unsigned)count;
    (void)__atomic_add_fetch(&pool->event, 1, __ATOMIC_RELAXED);
    picot__executor_unlock(&pool->base);
    picot__futex_wake(&pool->event, count > INT_MAX ? INT_MAX : (int)count);
    picot__executor_lock(&pool->base);
}

/* A thread that could not begin its work: so no call can be trusted to run. */
static void become_broken(struct thread_pool *pool)
{
    pool->base.broken = PICOT_EBROKEN;
    if (pool->base.blocked > 0) (void)pthread_cond_broadcast(&pool->base.room);
    picot__executor_drop_queued(&pool->base, NULL, PICOT_EBROKEN);
    wake(pool, SIZE_MAX);
}

static void leave(struct pool_thread *self)
{
    struct thread_pool *pool = self->pool;
    struct pool_thread **at = &pool->threads, *before = pool->ended;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    pool->leaving--;
    pool->ended = self;
    if (pool->base.workers + pool->leaving == 0) (void)pthread_cond_broadcast(&pool->all_ended);
    picot__executor_unlock(&pool->base);
    if (!before) return;
    (void)pthread_join(before->thread, NULL);
    free(before);
}

static void *thread_main(void *argument)
{
    struct pool_thread *self = argument;
    struct thread_pool *pool = self->pool;
    picot__executor_lock(&pool->base); /* who started it has entered it by now */
    picot__executor_unlock(&pool->base);
    name_thread(self);
    int rc = pool->on_start ? pool->on_start(&self->worker, pool->user) : 0;
    picot__executor_lock(&pool->base);
    if (rc < 0)
        become_broken(pool);
    else
        serve(self);
    pool->base.workers--; /* works that come from now on start another one */
    pool->leaving++;
    if (rc >= 0 && pool->on_exit) {
        picot__executor_unlock(&pool->base);
        pool->on_exit(&self->worker, pool->user);
        picot__executor_lock(&pool->base);
    }
    leave(self);
    return NULL;
}

/* ---- starting threads ------------------------------------------------------------------------------- */

static unsigned free_index(const struct thread_pool *pool)
{
    unsigned index = 0;
    for (const struct pool_thread *thread = pool->threads; thread;) {
        if (thread->worker.index == index) {
            index++;
            thread = pool->threads; /* they are in no order */
        } else {
            thread = thread->next;
        }
    }
    return index;
}

static int create_thread(struct pool_thread *thread, size_t stack_size)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);
    if (error) return -error;
    if (stack_size > 0) error = pthread_attr_setstacksize(&attributes, stack_size);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    if (!error) error = pthread_create(&thread->thread, &attributes, thread_main, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return -error;
}

/* With the mutex locked: it is held meanwhile, so that the pool's threads are all in its list. */
static int start_thread(struct thread_pool *pool)
{
    struct pool_thread *thread = calloc(1, sizeof *thread);
    if (!thread) return -ENOMEM;
    thread->pool = pool;
    thread->worker.executor = &pool->base;
    thread->worker.index = free_index(pool);
    int rc = create_thread(thread, pool->stack_size);
    if (rc < 0) {
        free(thread);
        return rc;
    }
    thread->next = pool->threads;
    pool->threads = thread;
    pool->base.workers++;
    return 0;
}

/* ---- as an executor ----------------------------------------------------------------------------------- */

static int pool_enqueue(picot_executor *executor)
{
    struct thread_pool *pool = pool_of(executor);
    if (executor->idle > 0) {
        wake(pool, 1);
    } else if (executor->workers < pool->threads_max) {
        int rc = start_thread(pool);
        if (executor->workers == 0) return rc == -EAGAIN ? -ENOMEM : rc;
    }
    return 0;
}

static void pool_wake(picot_executor *executor, size_t count)
{
    wake(pool_of(executor), count);
}

static void pool_interrupt_all(picot_executor *executor, const struct picot__port *port)
{
    for (struct pool_thread *thread = pool_of(executor)->threads; thread; thread = thread->next) {
        picot_work *work = thread->worker.work;
        if (work && (!port || work->_.port == port)) picot__work_ask(work);
    }
}

static void pool_shutdown(picot_executor *executor)
{
    wake(pool_of(executor), SIZE_MAX);
}

static void pool_join(picot_executor *executor)
{
    struct thread_pool *pool = pool_of(executor);
    while (executor->workers + pool->leaving > 0)
        (void)pthread_cond_wait(&pool->all_ended, &executor->mutex);
    struct pool_thread *last = pool->ended;
    pool->ended = NULL;
    picot__executor_unlock(executor);
    if (last) (void)pthread_join(last->thread, NULL);
    free(last);
    picot__executor_lock(executor);
}

static const picot_worker *pool_self(picot_executor *executor)
{
    for (const struct pool_thread *thread = pool_of(executor)->threads; thread; thread = thread->next)
        if (pthread_equal(thread->thread, pthread_self())) return &thread->worker;
    return NULL;
}

static void pool_destroy(picot_executor *executor)
{
    struct thread_pool *pool = pool_of(executor);
    while (pool->threads) { /* in a forked child only: memory without a thread */
        struct pool_thread *thread = pool->threads;
        pool->threads = thread->next;
        free(thread);
    }
    free(pool->ended);
    free(pool);
}

static const struct picot__executor_type thread_pool_type = {
    .name = "threads",
    .work_kind = PICOT__WORK_CALL,
    .enqueue = pool_enqueue,
    .wake = pool_wake,
    .interrupt_all = pool_interrupt_all,
    .shutdown = pool_shutdown,
    .join = pool_join,
    .self = pool_self,
    .destroy = pool_destroy,
};

bool picot__is_thread_pool(const picot_executor *executor)
{
    return executor->type == &thread_pool_type;
}

/* ---- create -------------------------------------------------------------------------------------------- */

static uint32_t default_threads(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    long threads = (processors < 1 ? 1 : processors) + THREADS_MORE;
    return threads > THREADS_MAX ? THREADS_MAX : (uint32_t)threads;
}

static int check_options(const picot_thread_pool_options *options)
{
    if (options->size != sizeof *options || options->idle_ns < 0) return -EINVAL;
    if ((unsigned)options->full > PICOT_POOL_DROP_OLDEST) return -EINVAL;
    if (options->threads_max > 0 && options->threads_min > options->threads_max) return -EINVAL;
    return 0;
}

static void take_options(struct thread_pool *pool, const picot_thread_pool_options *options)
{
    (void)snprintf(pool->name, sizeof pool->name, "%s", options->name ? options->name : "picot");
    pool->threads_min = options->threads_min;
    pool->threads_max = options->threads_max ? options->threads_max : default_threads();
    if (pool->threads_max < pool->threads_min) pool->threads_max = pool->threads_min;
    pool->base.single = pool->threads_max == 1;
    pool->idle_ns = options->idle_ns ? options->idle_ns : IDLE_NS;
    pool->stack_size = options->stack_size;
    pool->on_start = options->on_start;
    pool->on_exit = options->on_exit;
    pool->user = options->user;
}

static int start_first(struct thread_pool *pool)
{
    int rc = 0;
    picot__executor_lock(&pool->base);
    while (rc == 0 && pool->base.workers < pool->threads_min)
        rc = start_thread(pool);
    picot__executor_unlock(&pool->base);
    return rc;
}

int picot_thread_pool_create(const picot_thread_pool_options *options, picot_executor **ret_executor)
{
    static const picot_thread_pool_options defaults = PICOT_THREAD_POOL_OPTIONS_INIT;
    if (!options) options = &defaults;
    int rc = ret_executor ? check_options(options) : -EINVAL;
    if (rc < 0) return rc;
    struct thread_pool *pool = calloc(1, sizeof *pool);
    if (!pool) return -ENOMEM;
    rc = picot__executor_init(&pool->base, &thread_pool_type, options->queue_limit ? options->queue_limit : QUEUE_LIMIT,
                              options->full);
    if (rc < 0) {
        free(pool);
        return rc;
    }
    (void)pthread_cond_init(&pool->all_ended, NULL);
    take_options(pool, options);
    rc = start_first(pool);
    if (rc < 0) {
        (void)picot_executor_destroy(&pool->base);
        return rc;
    }
    *ret_executor = &pool->base;
    return 0;
}
