/* SPDX-License-Identifier: MIT
 *
 * inspect.c - what tasks tell of themselves: the current one, number, name, where it stands. The whole tree is dump.c.
 */
#include <stdio.h>

#include "rare.h"

picot_task *picot_task_current(const picot_loop *loop)
{
    struct picot__coro *coro = picot__coro_find(loop);
    return coro ? coro->current : NULL;
}

picot_loop *picot_task_loop(const picot_task *task)
{
    return task ? picot__coro_of_task(task)->loop : NULL;
}

uint32_t picot_task_id(const picot_task *task)
{
    return task ? task->id : 0;
}

const char *picot_task_name(const picot_task *task)
{
    if (!task) return "none";
    if (task->extra && task->extra->rare && task->extra->rare->name) return task->extra->rare->name;
    const picot_frame *frame = task->top;
    while (frame->parent)
        frame = frame->parent;
    return frame->fn->name;
}

/* Of a function: the line of its present await, or where it begins; 0 of a leaf, which has no lines of its own. */
unsigned picot__frame_line(const picot_frame *frame)
{
    if (!(frame->fn->flags & PICOT_FN_BODY)) return 0;
    return frame->rc > 0 ? (unsigned)frame->rc : frame->fn->line;
}

void picot_task_backtrace(const picot_task *task, picot_text_sink *sink, void *user)
{
    char line[256];
    if (!task || !sink) return;
    for (const picot_frame *frame = task->top; frame; frame = frame->parent) {
        unsigned at = picot__frame_line(frame);
        int len = at ? snprintf(line, sizeof line, "  %s at %s:%u\n", frame->fn->name, frame->fn->file, at)
                     : snprintf(line, sizeof line, "  %s\n", frame->fn->name);
        if (len > 0) sink(user, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
    }
}

size_t picot_loop_task_count(const picot_loop *loop)
{
    const struct picot__coro *coro = picot__coro_find(loop);
    return coro ? coro->live : 0;
}
