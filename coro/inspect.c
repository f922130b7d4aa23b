/* SPDX-License-Identifier: MIT
 *
 * inspect.c - where tasks stand: the current one, names, backtraces. Frames know their function, and their await its
 * line.
 */
#include "rare.h"

#include <stdio.h>

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

static void write_frame(const picot_frame *frame, picot_text_sink *sink, void *user)
{
    char line[256];
    int len;
    if (frame->fn->flags & PICOT_FN_BODY) {
        unsigned at = picot__tail_of((picot_frame *)(uintptr_t)frame)->line;
        len = snprintf(line, sizeof line, "  %s at %s:%u\n", frame->fn->name, frame->fn->file,
                       at ? at : (unsigned)frame->fn->line);
    } else {
        len = snprintf(line, sizeof line, "  %s\n", frame->fn->name);
    }
    if (len > 0) sink(user, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

void picot_task_backtrace(const picot_task *task, picot_text_sink *sink, void *user)
{
    if (!task || !sink) return;
    for (const picot_frame *frame = task->top; frame; frame = frame->parent)
        write_frame(frame, sink, user);
}

static void dump_list(const picot_task *first, picot_text_sink *sink, void *user)
{
    const picot_task *task = first;
    if (!task) return;
    do {
        const char *name = picot_task_name(task);
        sink(user, "task ", 5);
        sink(user, name, strlen(name));
        sink(user, "\n", 1);
        picot_task_backtrace(task, sink, user);
        task = task->next;
    } while (task != first);
}

void picot_loop_dump_tasks(const picot_loop *loop, picot_text_sink *sink, void *user)
{
    const struct picot__coro *coro = picot__coro_find(loop);
    if (!coro || !sink) return;
    dump_list(coro->roots.children, sink, user);
    for (const picot_group *group = coro->groups.next; group != &coro->groups; group = group->next)
        dump_list(group->children, sink, user);
}

size_t picot_loop_task_count(const picot_loop *loop)
{
    const struct picot__coro *coro = picot__coro_find(loop);
    return coro ? coro->live : 0;
}
