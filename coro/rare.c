/* SPDX-License-Identifier: MIT
 *
 * rare.c - the records that only few tasks have, made when first needed and freed with the task.
 */
#include "rare.h"

struct picot__rare *picot__rare_of(picot_task *task)
{
    struct picot__extra *extra = picot__extra_of(task);
    if (!extra || extra->rare) return extra ? extra->rare : NULL;
    struct picot__rare *rare = picot__block_alloc(picot__coro_of_task(task), sizeof *rare);
    if (!rare) return NULL;
    *rare = (struct picot__rare){0};
    return extra->rare = rare;
}

static void free_rare(struct picot__coro *coro, struct picot__rare *rare)
{
    if (rare->name) picot__block_free(coro, (void *)(uintptr_t)rare->name, rare->name_size);
    picot__block_free(coro, rare, sizeof *rare);
}

void picot__extra_free(picot_task *task)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    struct picot__extra *extra = task->extra;
    picot_wheel_disarm(coro->loop, &extra->alarm);
    picot__owned_abandon(extra->owned, task);
    if (extra->rare) free_rare(coro, extra->rare);
    picot__block_free(coro, extra, sizeof *extra);
    task->extra = NULL;
}

int picot__inherit(picot_task *creator, picot_task *task)
{
    (void)creator;
    (void)task;
    return 0;
}
