/* SPDX-License-Identifier: MIT
 *
 * spawn.c - tasks are made: straight code for nearly all of them, and the rest out of line.
 *
 * A group mostly gets tasks of one function, one after the other. What the last one was made with is kept as a plan, as
 * long as nothing about the group or its loop wants to be looked at: then the next one is a block and some stores.
 * Whatever changes that takes the plan away: a cancel, a failure, the group's end, a larger need of its tasks.
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

/* A root of very many bytes needs a block so large that `size_units` cannot tell: it is refused. */
static bool make_plan(struct picot_spawn_plan *plan, const picot_group *group, const picot_fn *fn, int keeps_result)
{
    bool aligned = fn->size & PICOT_ALIGNED_;
    size_t head = sizeof(picot_task) + (aligned ? sizeof(picot_task) & 8 : 0), sp = head + (fn->size & ~PICOT_ALIGNED_);
    size_t outcome = keeps_result ? sizeof(void *) : 0;
    size_t size = (sp + (size_t)group->arena_units * 8 + outcome + 15) & ~(size_t)15, limit = size - outcome;
    if (size / 16 > UINT16_MAX) return false;
    *plan = (struct picot_spawn_plan){.fn = fn, .sp = (uint32_t)sp, .limit = (uint32_t)limit};
    plan->top = (uint32_t)(head + (fn->flags & PICOT_FN_BODY ? sizeof(struct picot_frame_tail) : 0));
    plan->keeps_result = keeps_result;
    plan->arena_units = (uint8_t)((limit - sp) / 8);
    plan->size_units = (uint16_t)(size / 16);
    plan->flags = keeps_result ? PICOT__TASK_RESULT : 0;
    return true;
}

/* The memory of a block is a task now; its root frame, its top, is to be filled by the caller. Of `wait` only what a
 * job needs is set: who puts something else there sets that. */
static inline __attribute__((always_inline)) void fill(picot_task *task, picot_group *group,
                                                       const struct picot_spawn_plan *plan)
{
    struct picot__coro *coro = group->coro;
    PICOT_UNPOISON_(task, (size_t)plan->size_units * 16);
    task->sp = (char *)task + plan->sp;
    task->limit = (char *)task + plan->limit;
    task->top = (picot_frame *)(void *)((char *)task + plan->top);
    task->group = group;
    task->scopes = task->shield = 0;
    task->cancel = task->refusals = 0;
    task->arena_units = plan->arena_units;
    task->size_units = plan->size_units;
    task->flags = plan->flags;
    task->id = ++coro->next_id;
    task->wait.job.fn = picot_rt_step;
    task->wait.job.user = task;
    task->wait.job._.next = NULL;
    task->extra = NULL;
    PICOT_POISON_(task->sp, (size_t)(task->limit - task->sp));
    link_task(&group->children, task);
    coro->live++;
}

static picot_task *make(picot_group *group, const struct picot_spawn_plan *plan)
{
    picot_task *task = picot__block_alloc(group->coro, (size_t)plan->size_units * 16);
    if (task) fill(task, group, plan);
    return task;
}

picot_task *picot__task_new(picot_group *group, const picot_fn *fn, bool keeps_result)
{
    struct picot_spawn_plan plan;
    return make_plan(&plan, group, fn, keeps_result) ? make(group, &plan) : NULL;
}

/* The next task like this one needs no look at its group. */
static void keep_plan(picot_group *group, const struct picot_spawn_plan *plan)
{
    bool plain = !group->limit && !group->errors && !group->coro->debug;
    if (!plain || plan->size_units >= PICOT__CLASS_COUNT) return;
    group->plan = *plan;
    group->plan.blocks = &group->coro->free_blocks[plan->size_units];
}

static __attribute__((noinline)) picot_task *open_any(picot_task *spawner, picot_group *group, const picot_fn *fn,
                                                      int keeps_result, int32_t *ret_rc, unsigned line)
{
    struct picot_spawn_plan plan;
    int rc = picot__spawn_refusal(group);
    if (rc < 0) {
        *ret_rc = rc;
        return NULL;
    }
    if (group->told && group->errors)
        picot__errors_free(group); /* those of the last join have been there long enough */
    picot_task *task = make_plan(&plan, group, fn, keeps_result) ? make(group, &plan) : NULL;
    if (!task || picot__inherit(spawner, task, line) < 0) {
        if (task) picot__task_discard(task);
        *ret_rc = -ENOMEM;
        return NULL;
    }
    keep_plan(group, &plan);
    group->live++;
    return task;
}

/* Has the spawner what its tasks may inherit? A record of names and contexts, which few have. */
static inline bool has_heritage(const picot_task *spawner)
{
    return spawner->extra && spawner->extra->rare;
}

/* NULL: *ret_rc is why. Calls nothing unless it calls open_any last: then no register has to be saved. */
picot_task *picot_rt_spawn_open(picot_task *spawner, picot_group *group, const picot_fn *fn, int keeps_result,
                                int32_t *ret_rc, unsigned line)
{
    if (!PICOT_LIKELY_(group && group->plan.fn == fn && group->plan.keeps_result == keeps_result &&
                       !has_heritage(spawner)))
        return open_any(spawner, group, fn, keeps_result, ret_rc, line);
    picot_task *task = *group->plan.blocks;
    if (!PICOT_LIKELY_(task)) return open_any(spawner, group, fn, keeps_result, ret_rc, line);
    *group->plan.blocks = *(void **)task;
    fill(task, group, &group->plan);
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
