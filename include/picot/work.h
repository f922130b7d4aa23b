/* SPDX-License-Identifier: MIT
 *
 * work.h - calls handed to other threads or processes, and their results: what concurrent.futures calls futures.
 *
 *     picot_work work = PICOT_WORK_INIT;
 *     picot_work_call(&work, hash_file, path);              what is to be called: fills the struct, cannot fail
 *     picot_executor_submit(pool, &work);                   hand it over
 *     picot_work_wait(&work, 5 * PICOT_SECOND);             in a plain thread; then work.result
 *
 *     picot_executor_submit_on(pool, &work, loop, hashed, session);     or: hashed(loop, &work) is called on the loop
 *
 * The life of a call. The executor refuses it with a negative code and nothing follows, or takes it, and then it is
 * done exactly once: with what its function returned, or -ECANCELED when it was taken back before it had begun. From
 * submit until it is done the struct belongs to the executor; so does what its function works on. Coroutines await
 * calls: see threads.h.
 *
 * Thread: any, also several at a time, unless it says otherwise. Signal handlers: none.
 */
#ifndef PICOT_WORK_H
#define PICOT_WORK_H

#include <picot/error.h>
#include <picot/loop.h>

PICOT_BEGIN_DECLS

typedef struct picot_executor picot_executor;
typedef struct picot_worker picot_worker;
typedef struct picot_work picot_work;
typedef struct picot_work_callback picot_work_callback;

/**
 * A function that an executor calls, in one of its workers. It may block.
 * @param worker  who runs it; valid during the call
 * @return  the call's result: a value >= 0, or a negative code
 */
typedef int64_t picot_work_fn(picot_worker *worker, void *arg);

/** A call is done: work->result holds the outcome, and the struct is the caller's again. In the loop's thread. */
typedef void picot_work_done_fn(picot_loop *loop, picot_work *work);

enum picot_work_state {
    PICOT_WORK_IDLE = 0,    /**< not submitted */
    PICOT_WORK_QUEUED = 1,  /**< no worker has begun it */
    PICOT_WORK_RUNNING = 2, /**< a worker is at it */
    PICOT_WORK_DONE = 3     /**< its result is there; it may be submitted again */
};

/** A call and its result, in the caller's memory. Zero it, or use PICOT_WORK_INIT, before it is first prepared. */
struct picot_work {
    int64_t result; /**< valid when it is done */
    void *user;     /**< set by picot_executor_submit_on; else the caller's */
    struct {
        picot_work *next, *prev; /* in a list of its executor, whose mutex guards it */
        uint32_t state;          /* accessed atomically: an enum picot_work_state, and bits */
        uint32_t kind;           /* of the union */
        picot_executor *executor;
        struct picot__port *port; /* of the loop it completes on; NULL: none */
        picot_work_done_fn *done;
        picot_work_callback *callbacks;
        union {
            struct {
                picot_work_fn *fn;
                void *arg;
                void (*ask)(picot_loop *loop, picot_work *work); /* on a loop: it was asked to end */
            } call;
            struct { /* see process_pool.h */
                const char *name;
                const void *data;
                size_t len;
                void *ret_data;
                size_t ret_size;
                int64_t limit_ns;
                uint32_t slot;
                int exit_status;
            } request;
        } u;
    } _;
};

#define PICOT_WORK_INIT                                                                                                \
    {                                                                                                                  \
        0, 0,                                                                                                          \
        {                                                                                                              \
            0, 0, 0, 0, 0, 0, 0, 0,                                                                                    \
            {                                                                                                          \
                {                                                                                                      \
                    0, 0, 0                                                                                            \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

/** Prepare a call of fn(worker, arg) in a thread. Not while it is queued or running. @since 0.1 */
PICOT_API void picot_work_call(picot_work *work, picot_work_fn *fn, void *arg);

/* ---- asking ------------------------------------------------------------------------------------ */

/** Where it stands, now; PICOT_WORK_IDLE for NULL. @since 0.1 */
PICOT_API enum picot_work_state picot_work_state(const picot_work *work);

/** 1: it was cancelled before it had begun, and is done; else 0. @since 0.1 */
PICOT_API int picot_work_cancelled(const picot_work *work);

/**
 * Ask that it does not run. One that is still queued is done, with -ECANCELED: at once, or by its done callback later
 * where it was submitted with a loop. The function of a running one can learn of it: picot_worker_cancelled.
 * @return  1: it will not run, also when it was cancelled before; -EBUSY: it is running; -EALREADY: it is done, or was
 *          never submitted; -EINVAL: NULL; PICOT_EFORKED. @since 0.1
 */
PICOT_API int picot_work_cancel(picot_work *work);

/**
 * Wait, blocking this thread, until it is done.
 * @param timeout_ns  at most so long; 0: only look; PICOT_NEVER
 * @return  0: done, see work->result; -ETIMEDOUT; -EINVAL: NULL, negative, or it was never submitted; -EDEADLK: called
 *          by the function it runs, or by the only worker that is to run it; -EPERM: it completes on a loop;
 *          PICOT_EFORKED. Many threads may wait for the same one. @since 0.1
 */
PICOT_API int picot_work_wait(picot_work *work, int64_t timeout_ns);

/* ---- being told -------------------------------------------------------------------------------- */

/** A callback for a call's end, in the caller's memory. */
struct picot_work_callback {
    void (*fn)(picot_work *work, void *user);
    void *user;
    struct {
        picot_work_callback *next, *prev; /* of the work's; a circular list */
        picot_work *work;                 /* NULL: it is not added */
    } _;
};

/**
 * Have fn(work, user) called when it is done: in the thread that completes it, in the order they were added, before
 * those who wait go on; at once, in this thread, when it is done already. fn must not block, nor free the work.
 * @return  0: it will be called, or was; -EALREADY: this callback is added; -EINVAL: NULL, or never submitted; -EPERM:
 *          it completes on a loop
 * Ownership: the callback is the library's until it begins to run or is removed. @since 0.1
 */
PICOT_API int picot_work_add_callback(picot_work *work, picot_work_callback *callback,
                                      void (*fn)(picot_work *work, void *user), void *user);

/** Take a callback back; when this returns it does not run, and will not. @return  1: it had not been called; 0: it
 * was called, or is not added; -EINVAL: NULL. Not from inside that callback; while it is added the work must exist.
 * @since 0.1 */
PICOT_API int picot_work_remove_callback(picot_work_callback *callback);

/* ---- inside the function ----------------------------------------------------------------------- */

/** The loop whose thread this is: for calls given to picot_loop_as_executor; else NULL. @since 0.1 */
PICOT_API picot_loop *picot_worker_loop(const picot_worker *worker);

/** Was this call asked to end early? Then a function that can should return, with -ECANCELED, say. @since 0.1 */
PICOT_API int picot_worker_cancelled(const picot_worker *worker);

/** The worker's number, from 0; those of threads that have ended are given out again. @since 0.1 */
PICOT_API unsigned picot_worker_index(const picot_worker *worker);

/** What belongs to this worker: a pointer that its start hook or a call has set. NULL at first. @since 0.1 */
PICOT_API void *picot_worker_data(const picot_worker *worker);
/** Set it; only in the worker. The exit hook may free what it points to. @since 0.1 */
PICOT_API void picot_worker_set_data(picot_worker *worker, void *data);

/**
 * Call back into the loop that the call was submitted on, and wait for the result: fn(loop, user) runs in the loop's
 * thread, in a later turn.
 * @param ret_result  what fn has returned; NULL: not wanted
 * @return  0; -EINVAL: NULL, or submitted without a loop; -EDEADLK: called in the loop's thread; -ECANCELED: the loop
 *          ends, fn was not called. Thread: the worker's. @since 0.1
 */
PICOT_API int picot_worker_call_loop(picot_worker *worker, int64_t (*fn)(picot_loop *loop, void *user), void *user,
                                     int64_t *ret_result);

PICOT_END_DECLS

#endif /* PICOT_WORK_H */
