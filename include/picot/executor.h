/* SPDX-License-Identifier: MIT
 *
 * executor.h - executors: pools of threads, or of processes (process_pool.h), that run the calls of work.h.
 *
 *     picot_thread_pool_options options = PICOT_THREAD_POOL_OPTIONS_INIT;
 *     options.name = "hash";
 *     picot_executor *pool;
 *     picot_thread_pool_create(&options, &pool);
 *     ...
 *     picot_executor_destroy(pool);                     runs what is queued, joins the threads
 *
 * Several loops and any number of plain threads may use one executor. Calls begin in the order they were submitted.
 * Pools are separate: a slow job of one never holds up another, nor the loop's own file operations and name lookups.
 *
 * Thread: any, also several at a time. After fork: PICOT_EFORKED in the child, where only picot_executor_destroy is
 * allowed.
 */
#ifndef PICOT_EXECUTOR_H
#define PICOT_EXECUTOR_H

#include <picot/work.h>

PICOT_BEGIN_DECLS

/** What a submit does when the queue is full. */
enum picot_pool_full {
    /**
     * picot_executor_submit blocks its thread until there is room. A call on a loop is taken all the same, for it
     * takes no memory but its caller's, who waits for it anyway.
     */
    PICOT_POOL_WAIT = 0,
    PICOT_POOL_REFUSE = 1,      /**< it returns -ENOBUFS */
    PICOT_POOL_CALLER_RUNS = 2, /**< it runs the call itself; on a loop: as PICOT_POOL_WAIT */
    PICOT_POOL_DROP_OLDEST = 3  /**< the call that has waited for longest is cancelled */
};

/** How many calls wait in a queue without limit. Must be asked for by this word. */
#define PICOT_POOL_UNBOUNDED SIZE_MAX

/** A pool of threads. Set with PICOT_THREAD_POOL_OPTIONS_INIT, then change members. Grows only at its end. */
typedef struct picot_thread_pool_options {
    size_t size;          /**< sizeof this struct */
    const char *name;     /**< of the threads, "name-0", cut to 15 bytes; NULL: "picot". Copied */
    uint32_t threads_min; /**< started at once, and kept */
    uint32_t threads_max; /**< 0: as many as there are processors, and 4 more, at most 32 */
    int64_t idle_ns;      /**< a thread above threads_min that has nothing to do for so long ends; 0: 10 s */
    size_t queue_limit;   /**< calls that wait for a thread; 0: 4096; PICOT_POOL_UNBOUNDED */
    enum picot_pool_full full;
    size_t stack_size; /**< bytes; 0: the system's */
    /** In each new thread, before its first call. Negative: the pool is broken, all its calls fail with PICOT_EBROKEN.
     */
    int (*on_start)(picot_worker *worker, void *user);
    /** In each thread whose on_start succeeded, when it ends. */
    void (*on_exit)(picot_worker *worker, void *user);
    void *user;
} picot_thread_pool_options;

#define PICOT_THREAD_POOL_OPTIONS_INIT                                                                                 \
    {                                                                                                                  \
        sizeof(picot_thread_pool_options), 0, 0, 0, 0, 0, PICOT_POOL_WAIT, 0, 0, 0, 0                                  \
    }

/**
 * Create a pool of threads. They are started when calls wait and no thread is idle, and have all signals blocked.
 * @param options       NULL: the defaults
 * @param ret_executor  receives the pool; untouched on failure
 * @return  0; -EINVAL: a size that is no known one, threads_min above threads_max, a negative time; -ENOMEM; what
 *          pthread_create(3) said of one of threads_min
 * Ownership: the caller's, to be ended by picot_executor_destroy. @since 0.1
 */
PICOT_API int picot_thread_pool_create(const picot_thread_pool_options *options, picot_executor **ret_executor);

/**
 * Hand over a prepared call, to be waited for in plain threads.
 * @return  0; 1: it is done already (PICOT_POOL_CALLER_RUNS); -EBUSY: it is queued or running; -ENOBUFS: the queue is
 *          full; PICOT_ECLOSED: after a shutdown; PICOT_EBROKEN: a thread's on_start has failed; -ENOMEM: not even a
 *          first thread could be started; -EINVAL: NULL, not prepared, or not for this kind of executor; -EDEADLK: it
 *          would wait, but is called by one of the pool's threads; PICOT_EFORKED
 * @since 0.1
 */
PICOT_API int picot_executor_submit(picot_executor *executor, picot_work *work);

/**
 * The same, but done(loop, work) is called on the loop, in a later turn: completions come in batches, with one wake-up
 * per batch. The call is part of picot_loop_pending; a forced destroy of the loop takes it back or waits for it.
 * @return  as above; -EPERM: not in the loop's thread. Thread: the loop's. @since 0.1
 */
PICOT_API int picot_executor_submit_on(picot_executor *executor, picot_work *work, picot_loop *loop,
                                       picot_work_done_fn *done, void *user);

enum picot_shutdown_flags {
    PICOT_SHUTDOWN_WAIT = 1,  /**< block until all calls are done and the threads have ended */
    PICOT_SHUTDOWN_CANCEL = 2 /**< calls that have not begun are cancelled; running ones are asked to end */
};

/**
 * Take no more calls. What is queued still runs, unless it is cancelled. May be called again, with other flags.
 * @param flags  an or of enum picot_shutdown_flags
 * @return  0; -EDEADLK: PICOT_SHUTDOWN_WAIT in one of its own threads; -EBUSY: it is a loop's own; -EINVAL;
 *          PICOT_EFORKED. @since 0.1
 */
PICOT_API int picot_executor_shutdown(picot_executor *executor, unsigned flags);

/**
 * Shut down, wait, and free it. In a forked child it is only freed.
 * @param executor  NULL does nothing
 * @return  0; -EDEADLK: in one of its own threads; -EBUSY: it is a loop's own. Not while another thread uses it.
 * @since 0.1
 */
PICOT_API int picot_executor_destroy(picot_executor *executor);

/** What an executor is doing, at one moment. */
typedef struct picot_executor_stats {
    size_t workers, idle_workers; /**< threads or processes, and those without a call */
    size_t queued, running;       /**< calls */
    uint64_t done;                /**< calls, since it was created, cancelled ones not counted */
} picot_executor_stats;

/** Count. @return  0; -EINVAL: NULL. @since 0.1 */
PICOT_API int picot_executor_stats_get(picot_executor *executor, picot_executor_stats *ret_stats);

/**
 * The loop's default executor: a pool of threads named "picot-work", made when first asked for, that ends with the
 * loop. It is not the one of file operations and name lookups.
 * @param ret_executor  receives it; untouched on failure
 * @return  0; -ENOMEM, -EINVAL, -EPERM, PICOT_EFORKED. Thread: the loop's. @since 0.1
 */
PICOT_API int picot_loop_executor(picot_loop *loop, picot_executor **ret_executor);

/**
 * Make another pool of threads the default one, which stays the caller's and must outlive the loop.
 * @param executor  NULL: the loop's own again
 * @return  0; -EINVAL: not a pool of threads; -EPERM, PICOT_EFORKED. Thread: the loop's. @since 0.1
 */
PICOT_API int picot_loop_set_executor(picot_loop *loop, picot_executor *executor);

/* ---- a loop as an executor ----------------------------------------------------------------------- */

/**
 * The other way round: an executor whose calls run in the loop's thread, one after the other, in later turns. For plain
 * threads, which wait for the results; to start coroutines from there see picot_run_threadsafe in threads.h. Made when
 * first asked for; lives as long as the loop, when calls that have not begun are cancelled.
 * A call that is not done when its function returns gives PICOT_WORK_LATER, and picot_work_finish its result.
 * Calls here are no work of the loop's: while other threads may submit, picot_loop_hold keeps PICOT_RUN_IDLE from
 * ending.
 * @param ret_executor  receives it, the loop's; untouched on failure
 * @return  0; -ENOMEM, -EINVAL, -EPERM, PICOT_EFORKED. Thread: the loop's; then any may use the executor. Waiting
 *          for such a call in the loop's own thread is -EDEADLK. @since 0.1
 */
PICOT_API int picot_loop_as_executor(picot_loop *loop, picot_executor **ret_executor);

/** As a result: picot_work_finish will follow. */
#define PICOT_WORK_LATER INT64_MIN

/**
 * Give the result of a call whose function has returned PICOT_WORK_LATER.
 * @return  0; -EINVAL: NULL, or it is not such a call. Thread: the loop's that runs it. @since 0.1
 */
PICOT_API int picot_work_finish(picot_work *work, int64_t result);

/**
 * Have ask(loop, work) called when this call, once it has begun, is cancelled: it may then be ended early.
 * To be set when it is prepared, after picot_work_call; only for a loop as an executor. @since 0.1
 */
PICOT_API void picot_work_on_cancel(picot_work *work, void (*ask)(picot_loop *loop, picot_work *work));

PICOT_END_DECLS

#endif /* PICOT_EXECUTOR_H */
