/* SPDX-License-Identifier: MIT
 *
 * future.h - results that come later: of tasks, and of your own callbacks. Awaited by many, asked, cancelled, told.
 *
 *     picot_spawn_future(my->job, &my->group, fetch(.url = my->url));    a task in a group, with a handle
 *     picot_create(my->job, fetch(.url = my->url));                      a task that only the loop owns
 *     picot_try_await(my->rc, picot_result(.of = my->job, PICOT_INTO(my->page)));
 *     picot_future_unref(picot_this_loop(), my->job);
 *
 * A picot_future is a handle: a positive number, or a negative code where one was to be made. Who makes it gets one
 * reference. When the last is given back, and nobody waits any more, it is freed and the handle is stale: every
 * function then gives -EBADF, however often its place has been used again. A task whose handle is given back goes on;
 * the loop owns it. A handle of another loop is -EXDEV.
 *
 * A future is pending until it has a value, an error (a negative code) or was cancelled (-ECANCELED); then it never
 * changes. An error that nobody asks for is reported once to the loop's handler (report.h) when the last reference
 * goes, unless the task's group takes it. Telling whether it is finished is not asking; picot_future_result, awaiting
 * it and an arm of picot_select are. What is left when the loop ends is freed with it, without a report.
 *
 * Rules of thread and NULL: see loop.h. Everything may be called from inside any callback or task.
 */
#ifndef PICOT_FUTURE_H
#define PICOT_FUTURE_H

#include <picot/coro.h>
#include <picot/select.h>

PICOT_BEGIN_DECLS

typedef int64_t picot_future;

/* ---- tasks with a handle ----------------------------------------------------------------------- */

/**
 * picot_spawn_future(lhs, &group, call): spawn, as picot_spawn does, and store a handle of the task in lhs, a
 * picot_future; a negative code when it is refused. picot_error(): 0 or that code: -ENOMEM; -ECANCELED: the group was
 * cancelled; -EBUSY: it is full; -EINVAL: it is not open. Ownership: one reference is the caller's.
 */
#define picot_spawn_future(lhs, group, call) PICOT_SPAWN_FUTURE_(lhs, group, call)

/** picot_create(lhs, call): the same for a task outside any group, which only the loop owns. Its result, or its error,
 * goes to the future alone. -ENOMEM is the only refusal. */
#define picot_create(lhs, call) PICOT_SPAWN_FUTURE_(lhs, (picot_group *)0, call)

#define PICOT_SPAWN_FUTURE__(lhs, group, name, ...)                                                                    \
    do {                                                                                                               \
        picot_task *picot_new_ = picot_rt_spawn_future(picot_self, (group), &name##_fn, &my->_co.rc, __LINE__);        \
        if (PICOT_LIKELY_(picot_new_)) {                                                                               \
            struct name##_head *picot_root_ = PICOT_HEAD_OF_(name, picot_new_->top);                                   \
            PICOT_FILL_(name, picot_root_, (picot_frame *)0, __VA_ARGS__)                                              \
            (lhs) = picot_rt_spawn_handle(picot_new_);                                                                 \
            my->_co.rc = 0;                                                                                            \
        } else {                                                                                                       \
            (lhs) = my->_co.rc;                                                                                        \
        }                                                                                                              \
    } while (0)
#define PICOT_SPAWN_FUTURE_(lhs, group, call)                                                                          \
    PICOT_EXPAND_(PICOT_SPAWN_FUTURE__ PICOT_PRE2_(lhs, group, PICOT_UNPAREN_ call))

/* ---- futures of your own ----------------------------------------------------------------------- */

/**
 * Make a pending future, for a callback to finish.
 * @param value_size  bytes of the value it will have; 0: none
 * @return  a handle; -ENOMEM, -EINVAL, -EPERM, PICOT_EFORKED. Ownership: one reference is the caller's. @since 0.1
 * A macro besides, so that a debugging loop (picot_loop_set_debug) knows where it was created.
 */
PICOT_API picot_future picot_future_create(picot_loop *loop, size_t value_size);
#define picot_future_create(loop, value_size) picot_rt_future_create((loop), (value_size), __FILE__, __LINE__)
PICOT_API picot_future picot_rt_future_create(picot_loop *loop, size_t value_size, const char *file, unsigned line);

/**
 * Finish a pending future with a value, copied from *value; who awaits it goes on in the next turn.
 * @param value_size  what it was created with
 * @return  0; -EALREADY: it is finished; -EPERM: it is a task's; -EINVAL: another size, or no value; -EBADF, -EXDEV
 * @since 0.1
 */
PICOT_API int picot_future_set(picot_loop *loop, picot_future future, const void *value, size_t value_size);

/** Finish a pending future with an error. @param code  negative, not -ECANCELED. @return  0; -EINVAL: another code;
 * else as picot_future_set. @since 0.1 */
PICOT_API int picot_future_fail(picot_loop *loop, picot_future future, int code);

/**
 * Cancel: a future of your own is finished with -ECANCELED at once; a task is asked to end (picot_task_cancel), and may
 * answer otherwise.
 * @param text  why; a string that outlives the task, or NULL
 * @return  1: done, or asked; 0: it is finished already, nothing happens; -EBADF, -EXDEV. @since 0.1
 */
PICOT_API int picot_future_cancel(picot_loop *loop, picot_future future, const char *text);

/* ---- asking ------------------------------------------------------------------------------------ */

/** 1: finished; 0: pending; -EBADF, -EXDEV. @since 0.1 */
PICOT_API int picot_future_done(picot_loop *loop, picot_future future);
/** 1: finished, by cancellation; 0; -EBADF, -EXDEV. @since 0.1 */
PICOT_API int picot_future_cancelled(picot_loop *loop, picot_future future);

/**
 * The result of a finished future. It counts as asked for.
 * @param ret_value   receives the value; NULL: not wanted. Untouched on failure
 * @param value_size  bytes, those of the value (of the task's result type)
 * @return  0; the future's error, -ECANCELED too; PICOT_ENOTDONE: pending; -EINVAL: another size; -EBADF, -EXDEV
 * @since 0.1
 */
PICOT_API int picot_future_result(picot_loop *loop, picot_future future, void *ret_value, size_t value_size);

/** The task behind a handle while it is alive, else NULL, also for a bad handle. For picot_task_backtrace, say.
 * @since 0.1 */
PICOT_API picot_task *picot_future_task(picot_loop *loop, picot_future future);

/**
 * Describe a future in a line: "task 7 fetch: pending, awaits picot_recv", "future: finished, -110 ETIMEDOUT". The
 * states are pending, cancelling (asked to), cancelled, finished.
 * @return  the length, as snprintf; -EINVAL: no buf; -EBADF, -EXDEV. @since 0.1
 */
PICOT_API int picot_future_describe(picot_loop *loop, picot_future future, char *buf, size_t size);

/** One more reference, one more picot_future_unref to be called. @return  0; -EBADF, -EXDEV. @since 0.1 */
PICOT_API int picot_future_ref(picot_loop *loop, picot_future future);

/**
 * Give a reference back. With the last one a pending future of your own is cancelled, since nobody is left to finish
 * it: those who await it get -ECANCELED, its callbacks are called.
 * @return  0; -EBADF: also when all were given back; -EXDEV; 0 for a negative "handle". @since 0.1
 */
PICOT_API int picot_future_unref(picot_loop *loop, picot_future future);

/* ---- being told -------------------------------------------------------------------------------- */

/** A callback for a future's end, in the caller's memory. Zero it once, and when its loop was destroyed meanwhile. */
typedef struct picot_done_callback {
    void (*fn)(picot_loop *loop, picot_future future, void *user);
    void *user;
    struct {
        struct picot_done_callback *next, *prev; /* of the future's, circular */
        picot_job job;
        picot_future future;
    } _;
} picot_done_callback;

/**
 * Have fn(loop, future, user) called when the future is finished: in a later turn, in the order they were added; also
 * if it is finished already.
 * @return  0; -EALREADY: this one is added already; -EINVAL: no callback or fn; -EBADF, -EXDEV
 * Ownership: the callback is the library's until it begins to run or is removed; it may free itself, add itself anew,
 * add and remove others. The future lives until the last one has run. @since 0.1
 */
PICOT_API int picot_future_add_callback(picot_loop *loop, picot_future future, picot_done_callback *callback,
                                        void (*fn)(picot_loop *loop, picot_future future, void *user), void *user);

/** Take a callback back: it will not run. @return  0, also when it is not added; -EINVAL: NULL; -EXDEV: it was added
 * to a future of another loop. @since 0.1 */
PICOT_API int picot_future_remove_callback(picot_loop *loop, picot_done_callback *callback);

/* ---- awaiting ---------------------------------------------------------------------------------- */

/** For picot_result: where the value goes. The size is checked against the future's. */
#define PICOT_INTO(lvalue) .ret_value = &(lvalue), .value_size = sizeof(lvalue)

/**
 * picot_await(my->rc, picot_result(.of = my->job, PICOT_INTO(my->page))): wait until a future is finished. Any number
 * of tasks may await the same one, any number of times.
 * Result: 0; its error; -ECANCELED; -EINVAL: another size; -EDEADLK: it is this task's own, or its task awaits this
 * one, through whatever number of picot_result; -EBADF, -EXDEV; -ENOMEM. Cancel: a task is cancelled along, and its end
 * is waited for: what it ends with is the result; if that is not -ECANCELED, this task's cancellation is told at its
 * next await. With .shield = 1, and for futures of your own: this await ends with -ECANCELED, and the future is left
 * alone.
 * @since 0.1
 */
struct picot_result_head {
    picot_frame _co;
    picot_future of;
    void *ret_value;
    size_t value_size;
    int shield;
    unsigned _passed; /* cancellations passed on to the task */
    picot_waiter _waiter;
    struct picot__future *_future;
    int _ret;
};
#define picot_result(...) picot_call(picot_result, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_result);

/** An arm that wins when a future is finished; rc: its status. Losing, or cancelled, leaves the future alone. @since
 * 0.1
 */
PICOT_API picot_arm picot_arm_future(picot_future future);

enum picot_until {
    PICOT_ALL_COMPLETED = 0,
    PICOT_FIRST_COMPLETED = 1,
    PICOT_FIRST_EXCEPTION = 2 /**< or all, when none fails */
};

/**
 * picot_await(my->n, picot_wait(.futures = jobs, .count = n, .until = PICOT_FIRST_COMPLETED)): wait for some of many.
 * Which are done is told by picot_future_done; errors stay with the futures.
 * Arguments: until: one of enum picot_until. limit_ns: at most so long; 0: no limit. A handle that stands twice counts
 * once.
 * Result: how many are finished, all those of the same turn; -EINVAL: none given, an unknown condition, a negative
 * limit; -EBADF, -EXDEV; -ENOMEM; -ECANCELED.
 * Cancel: the futures are left alone. @since 0.1
 */
struct picot_wait_head {
    picot_frame _co;
    const picot_future *futures;
    size_t count;
    int until;
    int64_t limit_ns;
    struct picot__wait_entry *_entries; /* of the different ones among them: */
    size_t _entry_count;
    struct picot_wheel_node _timer;
    picot_task *_task;
    int _ret;
};
#define picot_wait(...) picot_call(picot_wait, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_wait);

/**
 * The ends of many futures one by one, in the order they come. Zeroed by picot_completions_init; may lie in a frame.
 */
typedef struct picot_completions {
    struct {
        picot_loop *loop;
        struct picot__completions_block *block; /* an entry per different future */
        struct picot__completion *first, **last;
        size_t left;
        picot_waitqueue waiters;
    } _;
} picot_completions;

/**
 * Begin to watch futures. Their handles stay valid until picot_completions_close; references are not taken.
 * @param futures  handles; one that stands twice comes out once. None: all have come
 * @return  0; -ENOMEM; -EINVAL; -EBADF, -EXDEV: nothing is watched, and closing does nothing. @since 0.1
 */
PICOT_API int picot_completions_init(picot_completions *completions, picot_loop *loop, const picot_future *futures,
                                     size_t count);

/** End it, at any time before the loop is destroyed: those who wait get -ECANCELED. NULL, a zeroed and a closed one do
 * nothing. (One that is never closed costs nothing after the loop's end, but must not be touched then.) @since 0.1 */
PICOT_API void picot_completions_close(picot_completions *completions);

/**
 * picot_await(my->job, picot_next_completed(.of = &my->completions)): the next one that is finished. May be broken off
 * and gone on with later.
 * Result: its handle (valid until they are closed; picot_future_ref keeps it longer); PICOT_ECLOSED: all have come;
 * -EINVAL: not begun, or closed; -ECANCELED: cancelled, or closed while waiting; -ENOMEM. @since 0.1
 */
struct picot_next_completed_head {
    picot_frame _co;
    picot_completions *of;
    picot_waiter _waiter;
    picot_future _ret;
};
#define picot_next_completed(...) picot_call(picot_next_completed, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_next_completed);

/**
 * picot_gather(&my->group, (my->a, f(.x = 1)), (my->b, g(.y = 2)), ...): spawn up to eight calls into an open group and
 * join it: each variable has its result, whatever the order of their ends. picot_error(): 0, or as picot_join and
 * picot_spawn. The first error cancels the others, unless the group keeps going or collects. When one cannot be
 * spawned, those begun are cancelled and joined; the variables of those never begun are left as they were.
 */
#define picot_gather(g, ...)                                                                                           \
    do {                                                                                                               \
        PICOT_GATHER_PICK_(__VA_ARGS__, PICOT_GATHER8_, PICOT_GATHER7_, PICOT_GATHER6_, PICOT_GATHER5_,                \
                           PICOT_GATHER4_, PICOT_GATHER3_, PICOT_GATHER2_, PICOT_GATHER1_, 0)                          \
        (g, __VA_ARGS__) if (my->_co.rc < 0 && my->_co.rc != -ECANCELED) picot_rt_gather_failed(picot_self, (g));      \
        PICOT_GATHER_JOIN_(g)                                                                                          \
    } while (0)
#define PICOT_GATHER_JOIN_(g)                                                                                          \
    {                                                                                                                  \
        (g)->spawn_rc = my->_co.rc;                                                                                    \
        picot_await(picot_join(.group = (g)));                                                                         \
        if (my->_co.rc >= 0) my->_co.rc = (g)->spawn_rc;                                                               \
    }
#define PICOT_GATHER_PICK_(_1, _2, _3, _4, _5, _6, _7, _8, chosen, ...) chosen
#define PICOT_GATHER_SPAWN_(group, pair) PICOT_EXPAND2_(PICOT_GATHER_PAIR_ PICOT_PRE2_(group, PICOT_UNPAREN_ pair))
#define PICOT_GATHER_PAIR_(group, lhs, call) picot_spawn(group, lhs, call)
#define PICOT_GATHER1_(group, a) PICOT_GATHER_SPAWN_(group, a);
#define PICOT_GATHER2_(group, a, ...) PICOT_GATHER1_(group, a) if (my->_co.rc >= 0) PICOT_GATHER1_(group, __VA_ARGS__)
#define PICOT_GATHER3_(group, a, ...)                                                                                  \
    PICOT_GATHER1_(group, a) if (my->_co.rc >= 0)                                                                      \
    {                                                                                                                  \
        PICOT_GATHER2_(group, __VA_ARGS__)                                                                             \
    }
#define PICOT_GATHER4_(group, a, ...)                                                                                  \
    PICOT_GATHER1_(group, a) if (my->_co.rc >= 0)                                                                      \
    {                                                                                                                  \
        PICOT_GATHER3_(group, __VA_ARGS__)                                                                             \
    }
#define PICOT_GATHER5_(group, a, ...)                                                                                  \
    PICOT_GATHER1_(group, a) if (my->_co.rc >= 0)                                                                      \
    {                                                                                                                  \
        PICOT_GATHER4_(group, __VA_ARGS__)                                                                             \
    }
#define PICOT_GATHER6_(group, a, ...)                                                                                  \
    PICOT_GATHER1_(group, a) if (my->_co.rc >= 0)                                                                      \
    {                                                                                                                  \
        PICOT_GATHER5_(group, __VA_ARGS__)                                                                             \
    }
#define PICOT_GATHER7_(group, a, ...)                                                                                  \
    PICOT_GATHER1_(group, a) if (my->_co.rc >= 0)                                                                      \
    {                                                                                                                  \
        PICOT_GATHER6_(group, __VA_ARGS__)                                                                             \
    }
#define PICOT_GATHER8_(group, a, ...)                                                                                  \
    PICOT_GATHER1_(group, a) if (my->_co.rc >= 0)                                                                      \
    {                                                                                                                  \
        PICOT_GATHER7_(group, __VA_ARGS__)                                                                             \
    }

/* ---- the start handshake ----------------------------------------------------------------------- */

/**
 * picot_spawn_started(lhs, &group, call): spawn, and wait until the task says picot_started(value), or ends. lhs, an
 * int64_t, receives that value; an error the task ended with before; PICOT_ENOTSTARTED: it ended without a word;
 * -ECANCELED, or as picot_spawn; then picot_error() is it, too. An error before it has started is told here and to
 * nobody else, one after it to the group.
 * Cancel: the task is cancelled along, and waited for, until it has started. If it says so all the same, the result is
 * its value, and the cancellation is told at the next await.
 */
#define picot_spawn_started(lhs, group, call) PICOT_SPAWN_STARTED_(lhs, group, call)

/** Inside a task's functions: it has started; who waits for that gets the value, >= 0. Gives 0; -EALREADY: it was said
 * before; -EINVAL: negative. In a task that was not spawned by picot_spawn_started it does nothing and gives 0. */
#define picot_started(value) picot_rt_started(picot_self, (value))

#define PICOT_SPAWN_STARTED__(lhs, group, name, ...)                                                                   \
    do {                                                                                                               \
        picot_task *picot_waited_ = picot_rt_spawn_waited(picot_self, (group), &name##_fn, &my->_co.rc, __LINE__);     \
        if (PICOT_LIKELY_(picot_waited_)) {                                                                            \
            struct name##_head *picot_root_ = PICOT_HEAD_OF_(name, picot_waited_->top);                                \
            PICOT_FILL_(name, picot_root_, (picot_frame *)0, __VA_ARGS__)                                              \
            picot_await(lhs, picot_call(picot_handshake, .task = picot_waited_));                                      \
            if (!picot_child) picot_rt_spawn_undo(group);                                                              \
        } else {                                                                                                       \
            (lhs) = my->_co.rc;                                                                                        \
        }                                                                                                              \
    } while (0)
#define PICOT_SPAWN_STARTED_(lhs, group, call)                                                                         \
    PICOT_EXPAND2_(PICOT_SPAWN_STARTED__ PICOT_PRE2_(lhs, group, PICOT_UNPAREN_ call))

/** The leaf behind picot_spawn_started. @since 0.1 */
struct picot_handshake_head {
    picot_frame _co;
    picot_task *task;
    int _cancelled;
    int64_t _ret;
};
PICOT_LEAF_DECL_(picot_handshake);

PICOT_END_DECLS

#endif /* PICOT_FUTURE_H */
