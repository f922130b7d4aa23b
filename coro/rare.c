/* SPDX-License-Identifier: MIT
 *
 * rare.c - the records that only few tasks have, made when first needed and freed with the task.
 */
#include "rare.h"

#include "context.h"

struct picot__rare *picot__rare_of(picot_task *task)
{
    struct picot__extra *extra = picot__extra_of(task);
    if (!extra || extra->rare) return extra ? extra->rare : NULL;
    struct picot__rare *rare = picot__block_alloc(picot__coro_of_task(task), sizeof *rare);
    if (!rare) return NULL;
    *rare = (struct picot__rare){0};
    return extra->rare = rare;
}

static void free_name(struct picot__coro *coro, struct picot__rare *rare)
{
    if (rare->name) picot__block_free(coro, rare->name, strlen(rare->name) + 1);
    rare->name = NULL;
}

void picot__extra_free(picot_task *task)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    struct picot__extra *extra = task->extra;
    picot_wheel_disarm(coro->loop, &extra->alarm);
    picot__owned_abandon(extra->owned, task);
    if (extra->rare) {
        free_name(coro, extra->rare);
        picot__context_release(coro, extra->rare->context);
        picot__block_free(coro, extra->rare, sizeof *extra->rare);
    }
    picot__block_free(coro, extra, sizeof *extra);
    task->extra = NULL;
}

int picot_task_set_name(picot_task *task, const char *name)
{
    if (!task || !name) return -EINVAL;
    struct picot__coro *coro = picot__coro_of_task(task);
    struct picot__rare *rare = picot__rare_of(task);
    size_t size = strlen(name) + 1;
    char *copy = rare ? picot__block_alloc(coro, size) : NULL;
    if (!copy) return -ENOMEM;
    memcpy(copy, name, size);
    free_name(coro, rare);
    rare->name = copy;
    return 0;
}

/* Where the function stands that creates a task. */
static void note_creation(struct picot__rare *rare, const picot_frame *creator, unsigned line)
{
    if (!creator || !(creator->fn->flags & PICOT_FN_BODY)) return;
    rare->created_file = creator->fn->file;
    rare->created_line = line ? line : picot__frame_line(creator);
}

int picot__inherit_slow(picot_task *creator, picot_task *task, unsigned line)
{
    struct picot__context *context =
        creator && creator->extra && creator->extra->rare ? creator->extra->rare->context : NULL;
    bool debug = picot__coro_of_task(task)->debug;
    if (!context && !debug) return 0;
    struct picot__rare *rare = picot__rare_of(task);
    if (!rare) return -ENOMEM;
    rare->context = picot__context_share(context);
    if (debug) note_creation(rare, creator ? creator->top : NULL, line);
    return 0;
}
