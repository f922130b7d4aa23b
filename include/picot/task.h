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
    int64_t ns;
    picot_timer _timer;
    int _ret;
};
#define picot_sleep(...) picot_call(picot_sleep, __VA_ARGS__)
PICOT_API extern const picot_fn picot_sleep_fn;
PICOT_API picot_step picot_sleep_resume(picot_task *, picot_frame *, picot_frame *);

/** The task that runs now, or NULL outside any. Thread: the loop's. @since 0.1 */
PICOT_API picot_task *picot_task_current(const picot_loop *loop);

/** The loop a task belongs to. @since 0.1 */
PICOT_API picot_loop *picot_task_loop(const picot_task *task);

/** The name of a task: that of its first function. @since 0.1 */
PICOT_API const char *picot_task_name(const picot_task *task);

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
