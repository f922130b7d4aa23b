/* SPDX-License-Identifier: MIT
 *
 * semaphore.c - a number of units, given out in order; who stands in front is not overtaken by who wants less.
 */
#include "sync.h"

static void serve(picot_semaphore *semaphore)
{
    picot_waitqueue *queue = &semaphore->sync.waiters;
    while (queue->first && queue->first->want <= semaphore->value) {
        semaphore->value -= queue->first->want;
        picot__grant(queue, queue->first, 0);
    }
}

static int refusal(const picot_semaphore *semaphore, int64_t units)
{
    bool never = units < 1 || (semaphore->bound > 0 && units > semaphore->bound);
    return never ? -EINVAL : semaphore->sync.broken ? PICOT_EBROKEN : 0;
}

int picot_semaphore_try(picot_semaphore *semaphore, int64_t units)
{
    if (!semaphore) return -EINVAL;
    int rc = refusal(semaphore, units);
    if (rc < 0) return rc;
    if (semaphore->sync.waiters.first || semaphore->value < units) return -EBUSY;
    semaphore->value -= units;
    return 0;
}

/* The same as a task. */
static int take(picot_semaphore *semaphore, int64_t units, const picot_task *task)
{
    if (!semaphore) return -EINVAL;
    int rc = picot__sync_enter(&semaphore->sync, task);
    return rc < 0 ? rc : picot_semaphore_try(semaphore, units);
}

/* One that leaves the line may have held up smaller ones behind it. */
static void leave(picot_semaphore *semaphore, bool left)
{
    if (left) serve(semaphore);
}

static void acquire_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_semaphore_acquire_head *my = (struct picot_semaphore_acquire_head *)(void *)leaf;
    leave(my->semaphore, picot__unpark(task, leaf, &my->semaphore->sync.waiters, &my->_waiter));
}

picot_step picot_semaphore_acquire_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_semaphore_acquire_head *my = (struct picot_semaphore_acquire_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_waiter.want = my->units == 0 ? 1 : my->units;
    my->_ret = take(my->semaphore, my->_waiter.want, task);
    if (my->_ret == -EBUSY) return picot__park(task, leaf, &my->semaphore->sync.waiters, &my->_waiter);
    return picot__leaf_now(task, leaf, my->_ret);
}

PICOT__LEAF_FN(picot_semaphore_acquire, acquire_cancel);

int picot_semaphore_init(picot_semaphore *semaphore, int64_t value)
{
    if (!semaphore || value < 0) return -EINVAL;
    *semaphore = (picot_semaphore){.value = value};
    return 0;
}

int picot_semaphore_init_bounded(picot_semaphore *semaphore, int64_t value)
{
    if (!semaphore || value < 1) return -EINVAL;
    *semaphore = (picot_semaphore){.value = value, .bound = value};
    return 0;
}

int picot_semaphore_release(picot_semaphore *semaphore, int64_t units)
{
    if (!semaphore || units < 1) return -EINVAL;
    int64_t bound = semaphore->bound > 0 ? semaphore->bound : INT64_MAX;
    if (units > bound - semaphore->value) return -EOVERFLOW;
    semaphore->value += units;
    serve(semaphore);
    return 0;
}

int64_t picot_semaphore_value(const picot_semaphore *semaphore)
{
    return semaphore ? semaphore->value : 0;
}

int picot_semaphore_locked(const picot_semaphore *semaphore)
{
    return !semaphore || semaphore->value == 0 || semaphore->sync.waiters.first;
}

int picot_semaphore_break(picot_semaphore *semaphore)
{
    return semaphore ? picot__sync_break(&semaphore->sync) : -EINVAL;
}

/* ---- a block ----------------------------------------------------------------------------------- */

static void undo(picot_hold *hold)
{
    (void)picot_semaphore_release(hold->object, hold->units);
}

int picot_rt_hold_units(picot_hold *hold, picot_semaphore *semaphore, int64_t units)
{
    if (!hold->object) hold->units = units == 0 ? 1 : units;
    return picot__hold_begin(hold, semaphore, undo);
}

/* ---- an arm ------------------------------------------------------------------------------------ */

static int arm_poll(picot_loop *loop, picot_arm *arm)
{
    int rc = take(arm->object, arm->number, picot_task_current(loop));
    if (rc == -EBUSY) return 0;
    arm->rc = rc;
    return rc < 0 && rc != PICOT_EBROKEN ? rc : 1;
}

static int arm_enlist(picot_loop *loop, picot_arm *arm)
{
    picot_semaphore *semaphore = arm->object;
    (void)loop;
    arm->waiter.want = arm->number;
    picot__waitqueue_append(&semaphore->sync.waiters, &arm->waiter);
    return 0;
}

static int arm_withdraw(picot_loop *loop, picot_arm *arm)
{
    picot_semaphore *semaphore = arm->object;
    (void)loop;
    leave(semaphore, picot__waitqueue_remove(&semaphore->sync.waiters, &arm->waiter));
    return 1;
}

picot_arm picot_arm_semaphore(picot_semaphore *semaphore, int64_t units)
{
    static const struct picot_arm_kind kind = {arm_poll, arm_enlist, arm_withdraw};
    return (picot_arm){.kind = &kind, .object = semaphore, .number = units};
}
