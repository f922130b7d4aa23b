/* SPDX-License-Identifier: MIT
 *
 * lock.c - a lock with an owner, handed over in order.
 */
#include "sync.h"

static picot_lock *lock_of(picot_owned *owned)
{
    return (picot_lock *)(void *)owned; /* its first member */
}

/* 0: taken; -EBUSY; or why not. Between two owners it is never free while somebody waits. */
static int take(picot_lock *lock, picot_task *task)
{
    if (!lock) return -EINVAL;
    int rc = picot__owned_enter(&lock->owned, task);
    if (rc < 0) return rc;
    if (lock->owned.owner) return -EBUSY;
    picot__owned_take(&lock->owned, task);
    return 0;
}

void picot__lock_hand(picot_lock *lock)
{
    picot_waiter *first = lock->owned.sync.waiters.first;
    picot__owned_drop(&lock->owned);
    if (!first) return;
    picot__owned_take(&lock->owned, first->task);
    picot__grant(&lock->owned.sync.waiters, first, 0);
}

/* ---- acquire ----------------------------------------------------------------------------------- */

static void acquire_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_lock_acquire_head *my = (struct picot_lock_acquire_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &my->lock->owned.sync.waiters, &my->_waiter);
}

picot_step picot_lock_acquire_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_lock_acquire_head *my = (struct picot_lock_acquire_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_ret = take(my->lock, task);
    if (my->_ret == -EBUSY && picot__owned_deadlock(&my->lock->owned, task)) my->_ret = -EDEADLK;
    if (my->_ret != -EBUSY) return picot__leaf_now(task, leaf, my->_ret);
    my->_waiter.slot = &my->lock->owned;
    return picot__park(task, leaf, &my->lock->owned.sync.waiters, &my->_waiter);
}

PICOT__LEAF_FN_FLAGS(picot_lock_acquire, acquire_cancel, PICOT__FN_OWNED);

/* ---- without waiting --------------------------------------------------------------------------- */

int picot_lock_try(picot_lock *lock, picot_task *self)
{
    if (!self || picot__coro_of_task(self)->current != self) return -EINVAL;
    return take(lock, self);
}

int picot_lock_release(picot_lock *lock)
{
    if (!lock) return -EINVAL;
    if (!picot__owned_by_current(&lock->owned)) return PICOT_ENOTOWNER;
    picot__lock_hand(lock);
    return 0;
}

picot_task *picot_lock_owner(const picot_lock *lock)
{
    return lock ? lock->owned.owner : NULL;
}

picot_lock *picot_lock_wanted(const picot_task *task)
{
    picot_owned *owned = task ? picot__owned_wanted(task) : NULL;
    if (!owned) return NULL;
    bool of_rwlock = task->top->fn == &picot_rwlock_read_fn || task->top->fn == &picot_rwlock_write_fn;
    return of_rwlock ? NULL : lock_of(owned);
}

int picot_lock_break(picot_lock *lock)
{
    return lock ? picot__sync_break(&lock->owned.sync) : -EINVAL;
}

/* ---- a block ----------------------------------------------------------------------------------- */

static void undo(picot_hold *hold)
{
    (void)picot_lock_release(hold->object);
}

int picot_rt_hold_lock(picot_hold *hold, picot_lock *lock)
{
    return picot__hold_begin(hold, lock, undo);
}

/* ---- an arm ------------------------------------------------------------------------------------ */

static int arm_poll(picot_loop *loop, picot_arm *arm)
{
    int rc = take(arm->object, picot_task_current(loop));
    if (rc == -EBUSY) return 0;
    arm->rc = rc;
    return rc < 0 && rc != PICOT_EBROKEN ? rc : 1;
}

static int arm_enlist(picot_loop *loop, picot_arm *arm)
{
    picot_lock *lock = arm->object;
    (void)loop;
    picot__waitqueue_append(&lock->owned.sync.waiters, &arm->waiter);
    return 0;
}

static int arm_withdraw(picot_loop *loop, picot_arm *arm)
{
    picot_lock *lock = arm->object;
    (void)loop;
    (void)picot__waitqueue_remove(&lock->owned.sync.waiters, &arm->waiter);
    return 1;
}

picot_arm picot_arm_lock(picot_lock *lock)
{
    static const struct picot_arm_kind kind = {arm_poll, arm_enlist, arm_withdraw};
    return (picot_arm){.kind = &kind, .object = lock};
}
