/* SPDX-License-Identifier: MIT
 *
 * scope.c - deadlines around awaits, and cancellation: what is pending, what is held off, whose it was.
 *
 * Cancellations are levels: each await inside ends with -ECANCELED until the scope is left or the task ends. Each scope
 * absorbs only its own: `cause` remembers which one the last -ECANCELED came from, so that a deadline that passes while
 * an earlier cancellation is being cleaned up does not turn it into a time-out. The outermost one wins.
 *
 * A task has one alarm for all its deadlines, and it is lazy: armed for the earliest one seen, and when it fires early,
 * because that deadline's scope has long been left, it is armed anew. A deadline around every receive costs a
 * comparison.
 */
#include "internal.h"

/* A task that goes on awaiting although each await is refused gives the others a turn this often. */
#define REFUSALS_PER_TURN 32

static bool unconditional_due(const struct picot__task *task)
{
    return task->head.shield == 0 && task->head.cancel & (PICOT__CANCEL_GROUP | PICOT__CANCEL_SHUTDOWN);
}

/* The outermost scope past its deadline that is not held off, or NULL. */
static const struct picot__scope *fired_scope(const struct picot__task *task)
{
    const struct picot__scope *found = NULL;
    for (const struct picot__scope *scope = task->scopes; scope && scope->index >= task->head.shield;
         scope = scope->outer)
        if (scope->fired) found = scope;
    return found;
}

bool picot__cancel_due(const struct picot__task *task)
{
    if (!task->head.cancel) return false;
    return unconditional_due(task) || (task->head.cancel & PICOT__CANCEL_SCOPE && fired_scope(task));
}

void picot__cancel_delivered(struct picot__task *task)
{
    task->cause = unconditional_due(task) ? (const void *)task : fired_scope(task);
}

bool picot__leaf_refused(picot_task *head, picot_frame *leaf, picot_step *ret_step)
{
    struct picot__task *task = picot__task_of(head);
    if (!head->cancel || !picot__cancel_due(task)) {
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
        *ret_step = picot__leaf_return(head, leaf, -ECANCELED);
    }
    return true;
}

void picot__task_poke(struct picot__task *task)
{
    picot_frame *leaf = task->head.top;
    if (task->head.state == PICOT__WAITING && leaf->fn->cancel && picot__cancel_due(task))
        leaf->fn->cancel(&task->head, leaf);
}

void picot__task_cancel(struct picot__task *task, enum picot__cancel_bit bit)
{
    task->head.cancel |= (uint8_t)bit;
    picot__task_poke(task);
}

/* ---- the alarm ------------------------------------------------------------------------------- */

static void alarm_rings(picot_loop *loop, void *user)
{
    struct picot__task *task = user;
    int64_t now_ns = picot_loop_now(loop), next_ns = PICOT_NEVER;
    for (struct picot__scope *scope = task->scopes; scope; scope = scope->outer) {
        if (scope->deadline_ns <= now_ns) {
            scope->fired = true;
            task->head.cancel |= PICOT__CANCEL_SCOPE;
        } else if (scope->deadline_ns < next_ns) {
            next_ns = scope->deadline_ns;
        }
    }
    task->alarm_ns = next_ns;
    if (next_ns != PICOT_NEVER) (void)picot_call_at(loop, task->alarm, next_ns, alarm_rings, task);
    picot__task_poke(task);
}

static int set_alarm(struct picot__task *task, int64_t deadline_ns)
{
    if (!task->alarm) {
        task->alarm = picot__block_alloc(task->coro, sizeof *task->alarm);
        if (!task->alarm) return -ENOMEM;
        *task->alarm = (picot_timer)PICOT_TIMER_INIT;
    }
    int rc = picot_call_at(task->coro->loop, task->alarm, deadline_ns, alarm_rings, task);
    if (rc == 0) task->alarm_ns = deadline_ns;
    return rc;
}

/* ---- wait_for -------------------------------------------------------------------------------- */

int picot_rt_scope_open(picot_task *head, int64_t timeout_ns)
{
    struct picot__task *task = picot__task_of(head);
    if (timeout_ns < 0) return -EINVAL;
    int64_t now_ns = picot_loop_now(task->coro->loop);
    int64_t deadline_ns = timeout_ns > PICOT_NEVER - now_ns ? PICOT_NEVER : now_ns + timeout_ns;
    if (deadline_ns < task->alarm_ns && timeout_ns > 0) {
        int rc = set_alarm(task, deadline_ns);
        if (rc < 0) return rc;
    }
    struct picot__scope *scope = picot_rt_push(head, sizeof *scope);
    if (!scope) return -ENOMEM;
    *scope = (struct picot__scope){task->scopes, task->cause, deadline_ns, ++head->scope_count, timeout_ns == 0};
    if (scope->fired) head->cancel |= PICOT__CANCEL_SCOPE;
    task->scopes = scope;
    return 0;
}

/* The awaited call has ended with rc: is it this scope's time-out? */
int picot_rt_scope_close(picot_task *head, int rc)
{
    struct picot__task *task = picot__task_of(head);
    if (rc != -ECANCELED || task->cause != task->scopes) return rc;
    task->cause = NULL;
    return -ETIMEDOUT;
}

void picot_rt_scope_pop(picot_task *head)
{
    struct picot__task *task = picot__task_of(head);
    struct picot__scope *scope = task->scopes;
    task->scopes = scope->outer;
    head->scope_count--;
    /* A deadline inside a cleanup must not make it forget whose cancellation is being cleaned up. */
    if (!task->cause || task->cause == scope) task->cause = scope->outer_cause;
    if (scope->fired) {
        bool others = false;
        for (const struct picot__scope *outer = task->scopes; outer && !others; outer = outer->outer)
            others = outer->fired;
        if (!others) head->cancel &= (uint8_t)~PICOT__CANCEL_SCOPE;
    }
    picot_rt_pop(head, scope);
}
