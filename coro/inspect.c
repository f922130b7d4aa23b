/* SPDX-License-Identifier: MIT
 *
 * inspect.c - where tasks stand: the current one, names, backtraces. Frames know their function, and their await its
 * line.
 */
#include "internal.h"

#include <stdio.h>

picot_task *picot_task_current(const picot_loop *loop)
{
    struct picot__coro *coro = picot__coro_find(loop);
    return coro && coro->current ? &coro->current->head : NULL;
}

picot_loop *picot_task_loop(const picot_task *task)
{
    return task ? ((const struct picot__task *)(const void *)task)->coro->loop : NULL;
}

const char *picot_task_name(const picot_task *task)
{
    return task ? ((const picot_frame *)(const void *)((const char *)task + sizeof(struct picot__task)))->fn->name
                : "none";
}

static void write_frame(const picot_frame *frame, picot_text_sink *sink, void *user)
{
    char line[256];
    int len;
    if (frame->fn->cancel || frame->fn == &picot_close_fn)
        len = snprintf(line, sizeof line, "  %s\n", frame->fn->name);
    else
        len = snprintf(line, sizeof line, "  %s at %s:%u\n", frame->fn->name, frame->fn->file,
                       frame->line ? (unsigned)frame->line : (unsigned)frame->fn->line);
    if (len > 0) sink(user, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

void picot_task_backtrace(const picot_task *task, picot_text_sink *sink, void *user)
{
    if (!task || !sink) return;
    for (const picot_frame *frame = task->top; frame; frame = frame->parent)
        write_frame(frame, sink, user);
}

static void dump_list(const struct picot__task *first, picot_text_sink *sink, void *user)
{
    const struct picot__task *task = first;
    if (!task) return;
    do {
        const char *name = picot_task_name(&task->head);
        sink(user, "task ", 5);
        sink(user, name, strlen(name));
        sink(user, "\n", 1);
        picot_task_backtrace(&task->head, sink, user);
        task = task->next;
    } while (task != first);
}

void picot_loop_dump_tasks(const picot_loop *loop, picot_text_sink *sink, void *user)
{
    const struct picot__coro *coro = picot__coro_find(loop);
    if (!coro || !sink) return;
    dump_list(coro->roots, sink, user);
    for (const picot_group *group = coro->groups.next; group != &coro->groups; group = group->next)
        dump_list((const struct picot__task *)(const void *)group->children, sink, user);
}

size_t picot_loop_task_count(const picot_loop *loop)
{
    const struct picot__coro *coro = picot__coro_find(loop);
    return coro ? coro->live : 0;
}
