/* SPDX-License-Identifier: MIT
 *
 * spawn.c - tasks are made: straight code for nearly all of them, and the rest out of line.
 */
#include "errors.h"

static inline void link_task(picot_task **list, picot_task *task)
{
    picot_task *first = *list;
    if (!first) *list = first = task->next = task->prev = task;
    picot_task *last = first->prev;
    task->next = first;
    task->prev = last;
    last->next = task;
    first->prev = task;
}

/* The memory of a block is a task now; its root frame, at `head`, is to be filled by the caller. Of `wait` only what a
 * job needs is set: who puts something else there sets that. */
static inline __attribute__((always_inline)) picot_task *
set_up(picot_task *task, picot_group *group, const picot_fn *fn, char *head, size_t size, size_t outcome)
{
    struct picot__coro *coro = group->coro;
    char *sp = head + (fn->size & ~PICOT_ALIGNED_), *limit = (char *)task + size - outcome;
    task->sp = sp;
    task->limit = limit;
    task->top = (picot_frame *)(void *)(head + (fn->flags & PICOT_FN_BODY ? sizeof(struct picot_frame_tail) : 0));
    task->group = group;
    task->scopes = task->shield = 0;
    task->cancel = task->refusals = 0;
    task->arena_units = (uint8_t)((size_t)(limit - sp) / 8);
    task->size_units = (uint16_t)(size / 16);
    task->flags = outcome ? PICOT__TASK_RESULT : 0;
    task->id = ++coro->next_id;
    task->wait.job.fn = picot_rt_step;
    task->wait.job.user = task;
    task->wait.job._.next = NULL;
    task->extra = NULL;
    PICOT_POISON_(sp, (size_t)(limit - sp));
    link_task(&group->children, task);
    coro->live++;
    return task;
}

/* A root of very many bytes has a block so large that `size_units` cannot tell: it is refused. */
static __attribute__((cold, noinline)) picot_task *new_any(picot_group *group, const picot_fn *fn, size_t outcome)
{
    size_t padding = fn->size & PICOT_ALIGNED_ ? sizeof(picot_task) & 8 : 0, root = fn->size & ~PICOT_ALIGNED_;
    size_t size = (sizeof(picot_task) + padding + root + (size_t)group->arena_units * 8 + outcome + 15) & ~(size_t)15;
    if (size / 16 > UINT16_MAX) return NULL;
    picot_task *task = picot__block_alloc(group->coro, size);
    return task ? set_up(task, group, fn, (char *)(task + 1) + padding, size, outcome) : NULL;
}

/* The root frame comes first in the arena and is the task's top. One that needs 16 bytes' alignment has a size so large
 * that it is not taken here. */
static inline __attribute__((always_inline)) picot_task *new_task(struct picot__coro *coro, picot_group *group,
                                                                  const picot_fn *fn, size_t outcome)
{
    size_t size = (sizeof(picot_task) + fn->size + (size_t)group->arena_units * 8 + outcome + 15) & ~(size_t)15;
    size_t class = size / PICOT__CLASS_STEP;
    picot_task *task = class < PICOT__CLASS_COUNT ? coro->free_blocks[class] : NULL;
    if (!PICOT_LIKELY_(task)) return new_any(group, fn, outcome);
    coro->free_blocks[class] = *(void **)task;
    PICOT_UNPOISON_(task, size);
    return set_up(task, group, fn, (char *)(task + 1), size, outcome);
}

picot_task *picot__task_new(struct picot__coro *coro, picot_group *group, const picot_fn *fn, bool keeps_result)
{
    return new_task(coro, group, fn, keeps_result ? sizeof(void *) : 0);
}

/* A group that refuses, or has something to be looked after first; 0: it takes the task. */
static __attribute__((cold, noinline)) int open_rare(picot_group *group)
{
    int rc = picot__spawn_refusal(group);
    if (rc == 0 && group->told && group->errors)
        picot__errors_free(group); /* those of the last join have been there long enough */
    return rc;
}

static __attribute__((cold, noinline)) int no_memory(picot_task *task)
{
    if (task) picot__task_discard(task);
    return -ENOMEM;
}

picot_task *picot_rt_spawn_open(picot_task *spawner, picot_group *group, const picot_fn *fn, int keeps_result,
                                int32_t *ret_rc)
{
    *ret_rc = 0;
    if (!PICOT_LIKELY_(group && group->open && !group->cancelled && !group->limit && !group->errors) &&
        (*ret_rc = open_rare(group)) < 0)
        return NULL;
    group->told = 0;
    picot_task *task = new_task(group->coro, group, fn, keeps_result ? sizeof(void *) : 0);
    if (!PICOT_LIKELY_(task && picot__inherit(spawner, task) == 0)) {
        *ret_rc = no_memory(task);
        return NULL;
    }
    group->live++;
    return task;
}

void picot_rt_spawn_start(picot_task *task, void *ret_value)
{
    if (ret_value) *picot__outcome(task) = ret_value;
    if (task->group->eager)
        picot__task_begin(task, true);
    else
        picot__task_ready(task);
}
