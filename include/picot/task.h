/* SPDX-License-Identifier: MIT
 *
 * task.h - tasks seen from inside and outside: the current one, sleep, backtraces.
 */
#ifndef PICOT_TASK_H
#define PICOT_TASK_H

#include <picot/coro.h>
#include <picot/timer.h>

PICOT_BEGIN_DECLS

/**
 * picot_await(picot_sleep(.ns = 5 * PICOT_MS)): wait at least that long. Result: 0; -ECANCELED; -EINVAL: negative.
 * 0 gives every other ready task a turn. PICOT_NEVER: until cancelled. @since 0.1
 */
struct picot_sleep_head {
    picot_frame _co;
    union { /* the result takes the place of the argument: a sleeping task is small */
        int64_t ns;
        int _ret;
    };
};
#define picot_sleep(...) picot_call(picot_sleep, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_sleep);

/**
 * Cancel a task: its present await, or its next one, ends with -ECANCELED, once. What it does then is its own affair.
 * The first call's text and caller are kept for picot_task_cancellation.
 * @param task  a task that is alive: the current one, or one of a handle (picot_future_cancel is the safe form)
 * @param text  why; a string that outlives the task, or NULL
 * @return  0; -EINVAL: NULL. Thread: the loop's. @since 0.1
 */
PICOT_API int picot_task_cancel(picot_task *task, const char *text);

/** How often picot_task_cancel was called and not undone. @since 0.1 */
PICOT_API unsigned picot_task_cancelling(const picot_task *task);

/** Undo one picot_task_cancel; at zero a cancellation not yet told is withdrawn.
 * @return how many are left. @since 0.1 */
PICOT_API unsigned picot_task_uncancel(picot_task *task);

/** The task's number: 1, 2, ... in the order of creation in this loop; 0 for NULL. @since 0.1 */
PICOT_API uint32_t picot_task_id(const picot_task *task);

/** The task that runs now, or NULL outside any. Thread: the loop's. @since 0.1 */
PICOT_API picot_task *picot_task_current(const picot_loop *loop);

/** The loop a task belongs to. @since 0.1 */
PICOT_API picot_loop *picot_task_loop(const picot_task *task);

/** The name of a task: what picot_task_set_name gave it, else that of its first function. "none" for NULL. @since 0.1
 */
PICOT_API const char *picot_task_name(const picot_task *task);

/** Give a task a name of its own. @param name  copied. @return  0; -ENOMEM; -EINVAL: NULL. Thread: the loop's.
 * @since 0.1 */
PICOT_API int picot_task_set_name(picot_task *task, const char *name);

/**
 * Let new tasks take their first step inside the spawn, instead of in the next turn: fewer turns where most tasks end
 * at once, but then a spawn runs code of the task. (picot_task_group(.eager = 1) does it for one group.) Spawns inside
 * spawns more than 32 deep begin in the next turn all the same.
 * @return  0; -EINVAL, -EPERM, PICOT_EFORKED, -ENOMEM. @since 0.1
 */
PICOT_API int picot_loop_set_eager(picot_loop *loop, int on);

/** Inside an async function: the loop it runs on. */
#define picot_this_loop() picot_task_loop(picot_self)

/** Receives a text in pieces that do not end in NUL. */
typedef void picot_text_sink(void *user, const char *text, size_t len);

/**
 * Write where a task stands, innermost first, a line each: "  picot_recv\n  session at server.c:42\n".
 * Thread: the loop's. @since 0.1
 */
PICOT_API void picot_task_backtrace(const picot_task *task, picot_text_sink *sink, void *user);

/** Write the backtraces of all tasks of a loop, in the order they were started. Thread: the loop's. @since 0.1 */
PICOT_API void picot_loop_dump_tasks(const picot_loop *loop, picot_text_sink *sink, void *user);

/** How many tasks of the loop are alive. @since 0.1 */
PICOT_API size_t picot_loop_task_count(const picot_loop *loop);

PICOT_END_DECLS

#endif /* PICOT_TASK_H */
