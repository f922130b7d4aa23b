/* SPDX-License-Identifier: MIT
 *
 * inspect.h - seeing inside: all tasks as a tree, with the chain of awaits of each by function and line.
 *
 *     task 1 main
 *       picot_join
 *       crawl at crawl.c:120
 *       main at crawl.c:301
 *       task 7 fetch (cancelling)
 *         picot_recv
 *         fetch at crawl.c:40
 *
 * A task stands below the task whose function opened its group; each task stands once. Below its line come the frames
 * it waits in, the innermost first. Neither memory nor a turn of the loop is needed.
 */
#ifndef PICOT_INSPECT_H
#define PICOT_INSPECT_H

#include <picot/task.h>

PICOT_BEGIN_DECLS

enum picot_dump_format {
    PICOT_DUMP_TEXT = 0,
    /**
     * One JSON value: an array of tasks, each {"id", "name", "cancelling", "created": {"file", "line"} where it is
     * known, "awaits": [{"function", "file", "line"}, ...] innermost first, leaves without a line, "tasks": [...]}.
     */
    PICOT_DUMP_JSON = 1
};

/**
 * Write all tasks of a loop as a tree.
 * @param sink  receives the text in pieces that do not end in NUL; it must not run the loop
 * @return  how many tasks there are; -EINVAL. Thread: the loop's, also from inside tasks and callbacks. @since 0.1
 */
PICOT_API int64_t picot_loop_dump(const picot_loop *loop, enum picot_dump_format format, picot_text_sink *sink,
                                  void *user);

/**
 * Write the tree each time the process gets a signal, SIGUSR1 say: `kill -USR1 PID` shows where a server stands. See
 * signal.h; several loops may do so for the same signal. It does not keep PICOT_RUN_IDLE from ending. A second call
 * takes the place of the first.
 * @param signal_number  0: no more
 * @return  0; -EINVAL: no such signal, or it cannot be watched; -ENOMEM; -EPERM, PICOT_EFORKED. @since 0.1
 */
PICOT_API int picot_loop_dump_on_signal(picot_loop *loop, int signal_number, enum picot_dump_format format,
                                        picot_text_sink *sink, void *user);

PICOT_END_DECLS

#endif /* PICOT_INSPECT_H */
