/* SPDX-License-Identifier: MIT
 *
 * threads.h - coroutines and other threads: await what an executor runs; start a coroutine from another thread.
 *
 *     picot_try_await(my->bytes, picot_run_in(.fn = compress, .arg = &my->job));          in the default pool of
 * threads picot_try_await(my->bytes, picot_run_in(.executor = pool, .fn = compress, .arg = &my->job));
 *
 * What a call works on must live until it ends: an await of it does not return earlier, unless it may be abandoned.
 */
#ifndef PICOT_THREADS_H
#define PICOT_THREADS_H

#include <picot/coro.h>
#include <picot/executor.h>
#include <picot/future.h>
#include <picot/process_pool.h>
#include <picot/works.h>

PICOT_BEGIN_DECLS

/**
 * picot_await(my->r, picot_run_in(.executor = pool, .fn = fn, .arg = arg)): have fn(worker, arg) called by an executor.
 * Arguments: executor: NULL: the loop's default one, see picot_loop_executor. abandon: see below.
 * Result: what fn has returned, an int64_t; or a refusal, as picot_executor_submit_on.
 * Cancel: a call that has not begun is taken back: -ECANCELED. One that has is asked to end (picot_worker_cancelled),
 * and its end is waited for; its result is the await's, and the cancellation is told at the next one, unless it is
 * -ECANCELED. With .abandon = 1 the await ends with -ECANCELED at once and the outcome is dropped; arg must then live
 * on by itself. The end of the loop waits for abandoned calls, too.
 * Context: picot_context_get(picot_self, ...) is the caller's; give the function what it needs through arg.
 * @since 0.1
 */
struct picot_run_in_head {
    picot_frame _co;
    picot_executor *executor;
    picot_work_fn *fn;
    void *arg;
    int abandon;
    picot_work _own;   /* the call, */
    picot_work *_work; /* or that of one that may be abandoned, in memory of its own */
    int64_t _ret;
};
#define picot_run_in(...) picot_call(picot_run_in, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_run_in);

/**
 * picot_await(my->len, picot_request_in(.executor = pool, .name = "thumbnail", .data = ..., .len = ..., .ret_data =
 * ..., .ret_size = ...)): have a function called by a pool of processes, see process_pool.h. Arguments: limit_ns: at
 * most so long, from when a worker begins it; 0: no limit. ret_exit_status: receives, when the result is
 * PICOT_EWORKERDIED, how the worker has ended, as picot_work_exit_status; or NULL. Result: as picot_work_request; or a
 * refusal, as picot_executor_submit_on. Cancel: one that has not begun is taken back: -ECANCELED. Else it is asked to
 * end, and after the pool's grace its worker is killed; a result that comes before is the await's, and the cancellation
 * is told at the next one.
 * @since 0.1
 */
struct picot_request_in_head {
    picot_frame _co;
    picot_executor *executor;
    const char *name;
    const void *data;
    size_t len;
    void *ret_data;
    size_t ret_size;
    int64_t limit_ns;
    int *ret_exit_status;
    picot_work _work;
    int64_t _ret;
};
#define picot_request_in(...) picot_call(picot_request_in, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_request_in);

/**
 * Begin a call whose result is a future of the loop: to be awaited by many, selected, waited for with others. Its value
 * is an int64_t, >= 0; a negative result is the future's error. Cancelling the future cancels the call, as
 * picot_work_cancel does; its outcome is then dropped.
 * @param executor  NULL: the loop's default one
 * @return  a handle, one reference of which is the caller's; or a code: -ENOMEM, as picot_executor_submit_on
 * Ownership: arg must live until the call has ended, which a cancelled future does not tell. Thread: the loop's.
 * @since 0.1
 */
PICOT_API picot_future picot_run_in_future(picot_loop *loop, picot_executor *executor, picot_work_fn *fn, void *arg);

/**
 * picot_await(my->rc, picot_next_mapped(.map = map, .ret_mapped = &my->item)): the next outcome of a map of works.h.
 * Result: 0; PICOT_ECLOSED: there are no more; -ECANCELED: one may ask again; -EINVAL; -EBUSY: another task waits.
 * @since 0.1
 */
struct picot_next_mapped_head {
    picot_frame _co;
    picot_map *map;
    picot_mapped *ret_mapped;
    picot_posted _posted;
    picot_task *_task;
    int _ret;
};
#define picot_next_mapped(...) picot_call(picot_next_mapped, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_next_mapped);

/**
 * int picot_run_threadsafe(executor, work, ret_value, call): an expression that starts a task outside any group from
 * another thread. The arguments are copied; the task begins in the loop's thread, in a later turn.
 * @param executor   of picot_loop_as_executor
 * @param work       a picot_work of the caller's, who waits for it with picot_work_wait: its result is 0 or the task's
 *                   error, -ECANCELED too. picot_work_cancel takes it back, or cancels the task
 * @param ret_value  receives the function's result, of its type, before the work is done; NULL: not wanted
 * @return  0; -ENOMEM, -EBUSY: the work is pending, PICOT_ECLOSED, PICOT_EFORKED, -EINVAL. Thread: any
 */
#define picot_run_threadsafe(executor, work, ret_value, call)                                                          \
    PICOT_EXPAND_(PICOT_RUN_THREADSAFE_ PICOT_PRE3_(executor, work, ret_value, PICOT_UNPAREN_ call))
#define PICOT_RUN_THREADSAFE_(executor, work, ret_value, name, ...)                                                    \
    PICOT_CHECKED_(picot_rt_threadsafe((executor), (work),                                                             \
                                       PICOT_POINTER_TO_(((struct name##_head *)0)->_ret, ret_value),                  \
                                       PICOT_LITERAL_(name, __VA_ARGS__)))

/** Behind picot_run_threadsafe. @since 0.1 */
PICOT_API int picot_rt_threadsafe(picot_executor *executor, picot_work *work, void *ret_value, const picot_fn *fn,
                                  const void *head, size_t head_size);

PICOT_END_DECLS

#endif /* PICOT_THREADS_H */
