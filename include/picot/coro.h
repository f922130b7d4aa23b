/* SPDX-License-Identifier: MIT
 *
 * coro.h - async functions: stackless, typed, with cleanup that always runs.
 *
 *     picot_async_fn(long, session, (picot_fd conn; int64_t idle_ns;), (char buf[512]; long n, total;))
 *     {
 *         picot_begin;
 *         picot_defer { picot_await(picot_close(.fd = my->conn)); }
 *         for (;;) {
 *             picot_try_wait_for(my->n, my->idle_ns,
 *                                picot_recv(.fd = my->conn, .buf = my->buf, .len = sizeof my->buf));
 *             if (my->n == 0) break;
 *             picot_try_await(picot_send_all(.fd = my->conn, .buf = my->buf, .len = (size_t)my->n));
 *             my->total += my->n;
 *         }
 *         picot_return(my->total);
 *         picot_end;
 *     }
 *     #define session(...) picot_call(session, __VA_ARGS__)
 *
 * picot_async_fn takes the result's type (a plain type name), the function's name, its arguments and its locals; both
 * lists are struct members in parentheses and are reached through `my->`. A call is written with keyword arguments,
 * those left out are zero. <picot/short.h> offers the same without the prefix: async_fn, await, defer, ...
 *
 * Locals of the list begin zero, too. What survives an await is what is reached through `my->`; plain local
 * variables may live only between two awaits. picot-lint reports those that do not survive; a debug build of the
 * library scribbles over the stack so that they fail at once. A `picot_defer` block runs when the function ends, by
 * whatever way, last first, and may itself await.
 *
 * Two forms of the same code: computed gotos with GNU C, a `switch` with ISO C (-std=c11), where an await inside a
 * switch of your own ends the function with PICOT_ENESTED. Both may be linked into one program.
 */
#ifndef PICOT_CORO_H
#define PICOT_CORO_H

#include <limits.h>
#include <picot/coro_runtime.h>

/* ---- defining -------------------------------------------------------------------------------- */

/**
 * Declare an async function in a header: picot_async_decl(long, fetch, (const char *url; int tries;));
 * Only arguments and result are visible; the definition is a picot_async_def with the same arguments, plus locals.
 */
#define picot_async_decl(T, name, args)                                                                                \
    PICOT_HEAD_DECL_(T, name, args);                                                                                   \
    extern const picot_fn name##_fn;                                                                                   \
    PICOT_FN_SIZE_(name)                                                                                               \
    picot_step name##_resume(picot_task *, picot_frame *, picot_frame *)

/* The same for the functions that the library itself exports. */
#define PICOT_API_DECL_(T, name, args)                                                                                 \
    PICOT_HEAD_DECL_(T, name, args);                                                                                   \
    PICOT_API extern const picot_fn name##_fn;                                                                         \
    PICOT_FN_SIZE_(name)                                                                                               \
    PICOT_API picot_step name##_resume(picot_task *, picot_frame *, picot_frame *)

/** Define a function that a header declares with picot_async_decl. */
#define picot_async_def(T, name, args, locals)                                                                         \
    _Static_assert(sizeof(struct name##_head) == sizeof(struct {                                                       \
                       struct picot_frame_tail _fx;                                                                    \
                       picot_frame _co;                                                                                \
                       PICOT_UNPAREN_ args T _ret;                                                                     \
                   }),                                                                                                 \
                   #name ": arguments or result differ from its picot_async_decl");                                    \
    PICOT_DEFINE_(, T, name, args, locals)

/** Define a static async function. Follow it with `#define name(...) picot_call(name, __VA_ARGS__)`. */
#define picot_async_fn(T, name, args, locals)                                                                          \
    PICOT_HEAD_DECL_(T, name, args);                                                                                   \
    PICOT_UNUSED_ static const picot_fn name##_fn;                                                                     \
    PICOT_FN_SIZE_(name)                                                                                               \
    static picot_step name##_resume(picot_task *, picot_frame *, picot_frame *);                                       \
    PICOT_DEFINE_(static, T, name, args, locals)

/** A call, as a tuple that await, spawn, wait_for and run unpack: picot_call(fetch, .url = u, .tries = 3). */
#define picot_call(name, ...) (name, __VA_ARGS__)

/** The first statement of the body (declarations without initialiser may stand before it). */
#define picot_begin                                                                                                    \
    enum { picot_id0_ = __COUNTER__ };                                                                                 \
    if (0) goto picot_exit_; /* "label used but not defined": the picot_end is missing */                              \
    (void)picot_self;                                                                                                  \
    (void)picot_child;                                                                                                 \
    PICOT_DISPATCH_

/** The last statement of the body. Falling off the end is success; a result never set is then zero. */
#define picot_end                                                                                                      \
    my->_co.rc = 0;                                                                                                    \
    picot_exit_:                                                                                                       \
    if (!PICOT_LIKELY_(!my->_fx.defers)) return picot_rt_exit(picot_self, &my->_co);                                   \
    PICOT_DISPATCH_END_                                                                                                \
    if (my->_co.rc < 0) PICOT_SET_ERROR_(&my->_ret, my->_co.rc);                                                       \
    picot_self->top = my->_co.parent;                                                                                  \
    return (picot_step)                                                                                                \
    {                                                                                                                  \
        my->_co.rc                                                                                                     \
    }

/** End the function with a value. Of integer results a negative value is the error status, too. */
#define picot_return(...)                                                                                              \
    do {                                                                                                               \
        PICOT_STRICT_ON_ my->_ret = (__VA_ARGS__);                                                                     \
        PICOT_STRICT_OFF_                                                                                              \
        my->_co.rc = PICOT_STATUS_OF_(&my->_ret);                                                                      \
        goto picot_exit_;                                                                                              \
    } while (0)

/** End the function with an error: a negative code. Results that are not integers are zeroed. */
#define picot_fail(code)                                                                                               \
    do {                                                                                                               \
        my->_co.rc = (code);                                                                                           \
        goto picot_exit_;                                                                                              \
    } while (0)

/** The status of the last await of this function: 0 or a negative code. */
#define picot_error() ((int)my->_co.rc)
/** Inside a defer block: the status this function ends with. */
#define picot_status() ((int)my->_fx.status)

/* ---- awaiting -------------------------------------------------------------------------------- */

/**
 * picot_await(call) or picot_await(lhs, call): run the called function as part of this task; assign its result. Never
 * jumps: on an error an integer lhs holds the negative code, another is zeroed, and picot_error() tells the code.
 */
#define picot_await(...)                                                                                               \
    PICOT_PICK_(__VA_ARGS__, PICOT_TOO_MANY_, PICOT_TOO_MANY_, PICOT_TOO_MANY_, PICOT_TOO_MANY_, PICOT_AWAIT2_,        \
                PICOT_AWAIT1_, 0)                                                                                      \
    (PICOT_STAY_, __COUNTER__, __VA_ARGS__)

/** The same; but an error ends this function with that error, through its defers. */
#define picot_try_await(...)                                                                                           \
    PICOT_PICK_(__VA_ARGS__, PICOT_TOO_MANY_, PICOT_TOO_MANY_, PICOT_TOO_MANY_, PICOT_TOO_MANY_, PICOT_AWAIT2_,        \
                PICOT_AWAIT1_, 0)                                                                                      \
    (PICOT_LEAVE_, __COUNTER__, __VA_ARGS__)

/**
 * picot_wait_for(lhs, timeout_ns, call): await with a deadline. When it passes, the call is cancelled, has ended, and
 * its result is -ETIMEDOUT; a result that won the race is delivered. timeout_ns: relative nanoseconds; 0: the first
 * suspension times out; PICOT_NEVER: none; negative: -EINVAL.
 */
#define picot_wait_for(lhs, timeout_ns, call) PICOT_WAIT_FOR_(PICOT_STAY_, __COUNTER__, lhs, timeout_ns, call)
/** The same; but an error ends this function with that error. */
#define picot_try_wait_for(lhs, timeout_ns, call) PICOT_WAIT_FOR_(PICOT_LEAVE_, __COUNTER__, lhs, timeout_ns, call)

/**
 * Let every other ready task and callback have a turn. picot_error(): 0, or -ECANCELED when a cancellation is pending
 * then. Descriptors and timers are looked at when that has gone on for 20 us, or after 128 jobs, at the latest.
 */
#define picot_yield() PICOT_YIELD_(PICOT_STAY_, __COUNTER__)

/**
 * picot_defer { ... }  The block runs once when the function ends, by return, error or cancellation; last registered
 * runs first. It may await; cancellation from outside is held off meanwhile. Registering the same block again, in a
 * loop, runs it once. Out of memory: the block runs at once and the function ends with -ENOMEM.
 */
#define picot_defer PICOT_DEFER_(__COUNTER__)

/* ---- tasks ----------------------------------------------------------------------------------- */

/**
 * picot_spawn(&group, call) or picot_spawn(&group, lhs, call): start a task in a group; its first step is in the next
 * turn (of an eager group or loop: inside the spawn). lhs receives the result when it ends and must live until then; it
 * is left alone when the spawn is refused. picot_error(): 0; -ENOMEM; -ECANCELED: the group was cancelled; -EBUSY: it
 * has a limit and is full; -EINVAL: it is not open.
 */
#define picot_spawn(...)                                                                                               \
    PICOT_PICK_(__VA_ARGS__, PICOT_TOO_LONG_, PICOT_TOO_LONG_, PICOT_TOO_LONG_, PICOT_SPAWN3_, PICOT_SPAWN2_,          \
                PICOT_TOO_FEW_, 0)                                                                                     \
    (PICOT_STAY_, __VA_ARGS__)
/** The same; but an error ends this function with that error. */
#define picot_try_spawn(...)                                                                                           \
    PICOT_PICK_(__VA_ARGS__, PICOT_TOO_LONG_, PICOT_TOO_LONG_, PICOT_TOO_LONG_, PICOT_SPAWN3_, PICOT_SPAWN2_,          \
                PICOT_TOO_FEW_, 0)                                                                                     \
    (PICOT_LEAVE_, __VA_ARGS__)

/**
 * picot_task_group(my->group) or with options, .keep_going = 1: open a group that ends with this function. Leaving
 * with success waits for its tasks; leaving with an error or a cancellation cancels them, and waits. The first failure
 * of a task cancels the others, and what this function awaits meanwhile ends with -ECANCELED, too, until it joins or
 * leaves the group; the failure becomes the status of the join or, instead of that -ECANCELED, of the function. With
 * keep_going failures stay with their tasks. More options: group.h.
 */
#define picot_task_group(...) PICOT_GROUP_(PICOT_FIRST_(__VA_ARGS__, 0), __COUNTER__, __COUNTER__, __VA_ARGS__)

/**
 * int picot_start(loop, call): an expression that starts a task outside any group, from plain code or a callback. The
 * loop owns it; its error goes to the loop's report handler. @return 0; -ENOMEM, -EINVAL, -EPERM
 */
#define picot_start(loop, call) PICOT_EXPAND_(PICOT_START_ PICOT_PRE2_(loop, PICOT_UNPAREN_ call))

/**
 * int picot_run(loop, call): an expression that runs the loop until this one task has ended. Not from inside the loop.
 * @return  the task's status: 0 or a negative code; -EBUSY, -ENOMEM, PICOT_EBACKEND; -EINTR: picot_loop_stop ended the
 *          run first, the task was cancelled and joined; PICOT_EINTERRUPT: a signal of picot_loop_set_interrupts did;
 *          -EDEADLK: on "sim", nothing can ever happen any more
 */
#define picot_run(loop, call) PICOT_EXPAND_(PICOT_RUN_ PICOT_PRE3_(loop, (void *)0, PICOT_UNPAREN_ call))
/** The same, and *ret_value, of the function's result type, receives the result. */
#define picot_run_into(loop, ret_value, call)                                                                          \
    PICOT_EXPAND_(PICOT_RUN_INTO_ PICOT_PRE3_(loop, ret_value, PICOT_UNPAREN_ call))

/**
 * int picot_main(options, call): an expression that does all of it: create a loop (options as of picot_loop_create, or
 * NULL), run this one task, cancel and join what is left, destroy the loop. Like asyncio.run. Ctrl-C (SIGINT, where it
 * has its default effect) cancels the task, and a second one ends the process; options->interrupts says otherwise.
 * @return  the task's status; PICOT_EINTERRUPT: Ctrl-C has ended it (see picot_exit_status); or a code of
 *          picot_loop_create or picot_run
 */
#define picot_main(options, call) PICOT_EXPAND_(PICOT_MAIN_ PICOT_PRE2_(options, PICOT_UNPAREN_ call))

#endif /* PICOT_CORO_H */
