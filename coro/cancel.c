/* SPDX-License-Identifier: MIT
 *
 * cancel.c - cancellation: what is pending for a task, what is held off, whose it was, who asked for it.
 *
 * Cancellations are levels: each await inside ends with -ECANCELED until the scope is left or the task ends;
 * picot_task_cancel alone is told once. Each scope absorbs only its own: `cause` remembers which one the last
 * -ECANCELED came from, so that a deadline that passes while an earlier cancellation is being cleaned up does not turn
 * it into a time-out. The outermost one wins.
 */
#include "internal.h"

#include "rare.h"

/* A task that goes on awaiting although each await is refused gives the others a turn this often. */
#define REFUSALS_PER_TURN 32

static bool unconditional_due(const picot_task *task)
{
    return task->shield == 0 && task->cancel & ~PICOT__CANCEL_SCOPE;
}

/* The outermost cancelled scope that is not held off by a shield of this level, or NULL. */
static const struct picot_scope_node *fired_scope(const picot_task *task, uint16_t shield)
{
    const struct picot_scope_node *found = NULL, *scope = task->extra ? task->extra->scopes : NULL;
    for (; scope && scope->index >= shield; scope = scope->outer)
        if (scope->fired) found = scope;
    return found;
}

bool picot__cancel_due(const picot_task *task)
{
    if (!task->cancel) return false;
    return unconditional_due(task) || (task->cancel & PICOT__CANCEL_SCOPE && fired_scope(task, task->shield));
}

void picot__cancel_delivered(picot_task *task)
{
    const void *cause = unconditional_due(task) ? (const void *)task : fired_scope(task, task->shield);
    if (cause && task->extra) task->extra->cause = cause; /* NULL: the operation itself was, by a close */
    if (cause == task && !(task->cancel & PICOT__CANCEL_CHILD)) task->cancel &= (uint8_t)~PICOT__CANCEL_TASK;
}

bool picot__leaf_refused_slow(picot_task *task, picot_frame *leaf, picot_step *ret_step)
{
    if (!picot__cancel_due(task)) {
        task->refusals = 0;
        return false;
    }
    picot__cancel_delivered(task);
    leaf->rc = -ECANCELED;
    if (++task->refusals % REFUSALS_PER_TURN == 0) {
        leaf->pos = 1;
        picot__task_ready(task);
        *ret_step = (picot_step){PICOT_STEP_PENDING};
    } else {
        *ret_step = picot__leaf_return(task, leaf, -ECANCELED);
    }
    return true;
}

/* The turn of a task that has yielded has come. */
int picot_rt_yielded(picot_task *task)
{
    if (!picot__cancel_due(task)) return 0;
    picot__cancel_delivered(task);
    return -ECANCELED;
}

void picot__task_poke(picot_task *task)
{
    picot_frame *leaf = task->top;
    if (task->extra) picot__scope_start_grace(task);
    if (picot__cancel_due(task) && leaf->fn->cancel && !picot__task_queued(task)) leaf->fn->cancel(task, leaf);
}

/* Of several cancellations of the whole task the first one's reason is told. */
static void note_first(picot_task *task, enum picot__cancel_bit bit)
{
    if (task->flags & (PICOT__TASK_BY_GROUP | PICOT__TASK_BY_LOOP) || picot_task_cancelling(task) > 0) return;
    if (bit == PICOT__CANCEL_GROUP) task->flags |= PICOT__TASK_BY_GROUP;
    if (bit == PICOT__CANCEL_SHUTDOWN) task->flags |= PICOT__TASK_BY_LOOP;
}

void picot__task_cancel(picot_task *task, enum picot__cancel_bit bit)
{
    note_first(task, bit);
    task->cancel |= (uint8_t)bit;
    picot__task_poke(task);
}

/* ---- asked for by the user -------------------------------------------------------------------- */

int picot_task_cancel(picot_task *task, const char *text)
{
    if (!task) return -EINVAL;
    struct picot__rare *rare = picot__rare_of(task); /* without memory the reason is lost, not the cancellation */
    if (!rare) task->flags |= PICOT__TASK_CANCELLED;
    if (rare) {
        const picot_task *current = picot__coro_of_task(task)->current;
        if (rare->cancel_count++ == 0) {
            rare->cancel_text = text;
            rare->cancel_origin = current ? current->id : 0;
        }
    }
    picot__task_cancel(task, PICOT__CANCEL_TASK);
    return 0;
}

unsigned picot_task_cancelling(const picot_task *task)
{
    const struct picot__rare *rare = task && task->extra ? task->extra->rare : NULL;
    return rare ? rare->cancel_count : 0;
}

unsigned picot_task_uncancel(picot_task *task)
{
    struct picot__rare *rare = task && task->extra ? task->extra->rare : NULL;
    if (!rare || rare->cancel_count == 0) return 0;
    if (--rare->cancel_count == 0) {
        task->cancel &= (uint8_t)~PICOT__CANCEL_TASK;
        task->flags &= (uint16_t)~PICOT__TASK_BY_SIGNAL;
    }
    return rare->cancel_count;
}

/* ---- who and why ------------------------------------------------------------------------------ */

static void describe_scope(const struct picot_scope_node *node, picot_cancellation *info)
{
    info->reason = node->flags & PICOT__SCOPE_BY_CALL ? PICOT_CANCEL_USER : PICOT_CANCEL_DEADLINE;
    if (!(node->flags & PICOT__SCOPE_USER)) return;
    info->scope = (const picot_scope *)(const void *)node; /* its first member */
    info->origin = info->scope->origin;
    if (info->scope->text) info->text = info->scope->text;
}

static void describe_group(const picot_group *group, picot_cancellation *info)
{
    info->reason = group->reason & PICOT__GROUP_CALL      ? PICOT_CANCEL_USER
                   : group->reason & PICOT__GROUP_FAILURE ? PICOT_CANCEL_SIBLING
                                                          : PICOT_CANCEL_PARENT;
    info->origin = group->origin;
    if (group->text) info->text = group->text;
}

/* The group of this task's in which a task has failed. */
static const picot_group *failed_group(const picot_task *task)
{
    const picot_group *head = &picot__coro_of_task(task)->groups, *group = head->next;
    while (group != head && !(group->failed && group->owner == task))
        group = group->next;
    return group != head ? group : NULL;
}

static void describe_task(const picot_task *task, picot_cancellation *info)
{
    const struct picot__rare *rare = task->extra ? task->extra->rare : NULL;
    const picot_group *failed = task->cancel & PICOT__CANCEL_CHILD ? failed_group(task) : NULL;
    if (failed) {
        describe_group(failed, info);
    } else if (task->flags & PICOT__TASK_BY_LOOP) {
        info->reason = PICOT_CANCEL_SHUTDOWN;
    } else if (task->flags & PICOT__TASK_BY_GROUP) {
        describe_group(task->group, info);
    } else if (rare && rare->cancel_count > 0) {
        info->reason = task->flags & PICOT__TASK_BY_SIGNAL ? PICOT_CANCEL_INTERRUPT : PICOT_CANCEL_USER;
        info->origin = rare->cancel_origin;
        if (rare->cancel_text) info->text = rare->cancel_text;
    } else if (task->cancel & PICOT__CANCEL_GROUP) { /* it came after a picot_task_cancel that was undone */
        describe_group(task->group, info);
    } else if (task->cancel & PICOT__CANCEL_SHUTDOWN) {
        info->reason = PICOT_CANCEL_SHUTDOWN;
    }
}

int picot_task_cancellation(const picot_task *task, picot_cancellation *ret_cancellation)
{
    if (!task || !ret_cancellation) return -EINVAL;
    picot_cancellation info = {PICOT_CANCEL_NONE, 0, "", NULL};
    const void *cause = task->extra ? task->extra->cause : NULL;
    if (!cause && !unconditional_due(task)) cause = fired_scope(task, 0); /* pending, be it held off or not */
    if (cause && cause != task)
        describe_scope(cause, &info);
    else
        describe_task(task, &info);
    if (info.reason == PICOT_CANCEL_NONE) return -ENOENT;
    *ret_cancellation = info;
    return 0;
}

const char *picot_cancel_reason_name(enum picot_cancel_reason reason)
{
    static const char *const names[] = {"none", "user", "deadline", "sibling", "parent", "shutdown", "interrupt"};
    return (unsigned)reason < sizeof names / sizeof *names ? names[reason] : "?";
}
