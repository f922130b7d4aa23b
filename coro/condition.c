/* SPDX-License-Identifier: MIT
 *
 * condition.c - to wait, inside a lock, for a change.
 *
 * A notification moves a waiter from the condition's line to the lock's, so that it wakes once, as the owner. So does a
 * cancellation: whoever waits comes back with the lock, and from the lock's line it cannot be called away.
 */
#include "sync.h"

enum { FRESH, WAITING, OVER }; /* leaf->pos */

#define NOTIFIED 0 /* of a waiter's reasons to come back; else a code */

static struct picot_condition_wait_head *head_of(picot_frame *leaf)
{
    return (struct picot_condition_wait_head *)(void *)leaf;
}

/* It has the lock again, or the lock was broken. */
static void come_back(picot_waiter *waiter, int rc)
{
    picot_frame *leaf = waiter->owner;
    leaf->rc = rc < 0 ? rc : (int)waiter->want;
    picot__task_ready(waiter->task);
}

/* It is out of the condition's line: into the lock's. */
static void want_back(picot_waiter *waiter, int why)
{
    picot_lock *lock = head_of(waiter->owner)->condition->lock;
    waiter->want = why;
    waiter->granted = come_back;
    if (lock->owned.sync.broken) {
        come_back(waiter, PICOT_EBROKEN);
    } else if (lock->owned.owner) {
        picot__waitqueue_append(&lock->owned.sync.waiters, waiter);
    } else {
        picot__owned_take(&lock->owned, waiter->task);
        come_back(waiter, 0);
    }
}

static void wait_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_condition_wait_head *my = head_of(leaf);
    if (my->_waiter.granted == come_back) return; /* in the lock's line: told when it has the lock */
    (void)picot__waitqueue_remove(&my->condition->sync.waiters, &my->_waiter);
    picot__cancel_delivered(task);
    want_back(&my->_waiter, -ECANCELED);
}

/* Who waits here waits for the lock, too, from the beginning: nobody can notify but as its owner. */
static picot_step line_up(picot_task *task, picot_frame *leaf)
{
    struct picot_condition_wait_head *my = head_of(leaf);
    my->_waiter = (picot_waiter){.task = task, .owner = leaf, .granted = want_back};
    my->_waiter.slot = &my->condition->lock->owned;
    leaf->pos = WAITING;
    picot__waitqueue_append(&my->condition->sync.waiters, &my->_waiter);
    picot__lock_hand(my->condition->lock);
    return (picot_step){PICOT_STEP_PENDING};
}

static int enter(picot_condition *condition, const picot_task *task)
{
    if (!condition || !condition->lock) return -EINVAL;
    int rc = picot__sync_enter(&condition->sync, task);
    if (rc < 0) return rc;
    return condition->lock->owned.owner == task ? 0 : PICOT_ENOTOWNER;
}

static void pass_on(picot_condition *condition)
{
    if (condition->sync.waiters.first) picot__grant(&condition->sync.waiters, condition->sync.waiters.first, NOTIFIED);
}

/* Back with the lock: a cancellation that came meanwhile goes first, and the notification to another. */
static void tell_cancellation(picot_task *task, picot_frame *leaf)
{
    if (leaf->rc < 0 || !picot__cancel_due(task)) return;
    picot__cancel_delivered(task);
    leaf->rc = -ECANCELED;
    pass_on(head_of(leaf)->condition);
}

static picot_step finish(picot_task *task, picot_frame *leaf, int result)
{
    head_of(leaf)->_ret = result;
    picot_step step = picot__leaf_now(task, leaf, result < 0 ? result : 0);
    if (step.rc == PICOT_STEP_PENDING) leaf->pos = OVER;
    return step;
}

/* Wait on? Asked with the lock held. */
static picot_step decide(picot_task *task, picot_frame *leaf)
{
    struct picot_condition_wait_head *my = head_of(leaf);
    if (!my->predicate) return leaf->pos == FRESH ? line_up(task, leaf) : finish(task, leaf, 0);
    int answer = my->predicate(my->user);
    return answer == 0 ? line_up(task, leaf) : finish(task, leaf, answer);
}

picot_step picot_condition_wait_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_condition_wait_head *my = head_of(leaf);
    picot_step step;
    (void)child;
    if (leaf->pos == OVER) return picot__leaf_return(task, leaf, leaf->rc);
    if (leaf->pos == FRESH) {
        if (picot__leaf_refused(task, leaf, &step)) {
            my->_ret = leaf->rc;
            if (step.rc == PICOT_STEP_PENDING) leaf->pos = OVER;
            return step;
        }
        leaf->rc = enter(my->condition, task);
    } else {
        tell_cancellation(task, leaf);
    }
    return leaf->rc < 0 ? finish(task, leaf, leaf->rc) : decide(task, leaf);
}

PICOT__LEAF_FN_FLAGS(picot_condition_wait, wait_cancel, PICOT__FN_OWNED);

/* ---- notify ------------------------------------------------------------------------------------ */

int picot_condition_init(picot_condition *condition, picot_lock *lock)
{
    if (!condition || !lock) return -EINVAL;
    *condition = (picot_condition){.lock = lock};
    return 0;
}

int64_t picot_condition_notify(picot_condition *condition, size_t count)
{
    if (!condition || !condition->lock) return -EINVAL;
    if (!picot__owned_by_current(&condition->lock->owned)) return PICOT_ENOTOWNER;
    int64_t notified = 0;
    for (; count > 0 && condition->sync.waiters.first; count--, notified++)
        pass_on(condition);
    return notified;
}

int64_t picot_condition_notify_all(picot_condition *condition)
{
    return picot_condition_notify(condition, SIZE_MAX);
}

int picot_condition_break(picot_condition *condition)
{
    return condition ? picot__sync_break(&condition->sync) : -EINVAL;
}
