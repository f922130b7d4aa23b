/* SPDX-License-Identifier: MIT
 *
 * barrier.c - tasks that wait until all of them have come.
 *
 * The last one lets all go at once, so a round is over before anybody of it runs: there is no draining to wait for.
 */
#include "sync.h"

static struct picot_barrier_wait_head *head_of(picot_frame *leaf)
{
    return (struct picot_barrier_wait_head *)(void *)leaf;
}

/* The last one has come. Those in the line came in that order. */
static void open_up(picot_barrier *barrier)
{
    picot_waitqueue *queue = &barrier->sync.waiters;
    barrier->arrived = 0;
    for (int index = 0; queue->first; index++) {
        head_of(queue->first->owner)->_ret = index;
        picot__grant(queue, queue->first, 0);
    }
}

static void wait_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_barrier_wait_head *my = head_of(leaf);
    if (!picot__unpark(task, leaf, &my->barrier->sync.waiters, &my->_waiter)) return;
    my->barrier->arrived--;
}

/* 0: the last one; -EBUSY: wait; or why not. */
static int arrive(picot_barrier *barrier, const picot_task *task)
{
    if (!barrier || barrier->parties == 0) return -EINVAL;
    int rc = picot__sync_enter(&barrier->sync, task);
    if (rc < 0) return rc;
    return ++barrier->arrived < barrier->parties ? -EBUSY : 0;
}

picot_step picot_barrier_wait_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_barrier_wait_head *my = head_of(leaf);
    picot_step step;
    int over;
    (void)child;
    if (picot__parked_over(task, leaf, &over, &step)) {
        if (over < 0) my->_ret = over;
        return step;
    }
    int rc = arrive(my->barrier, task);
    if (rc == -EBUSY) return picot__park(task, leaf, &my->barrier->sync.waiters, &my->_waiter);
    my->_ret = rc < 0 ? rc : (int)my->barrier->parties - 1;
    if (rc == 0) open_up(my->barrier);
    return picot__leaf_now(task, leaf, rc);
}

PICOT__LEAF_FN(picot_barrier_wait, wait_cancel);

int picot_barrier_init(picot_barrier *barrier, uint32_t parties)
{
    if (!barrier || parties == 0 || parties > INT32_MAX) return -EINVAL;
    *barrier = (picot_barrier){.parties = parties};
    return 0;
}

int picot_barrier_abort(picot_barrier *barrier)
{
    if (!barrier) return -EINVAL;
    barrier->arrived = 0;
    return picot__sync_break(&barrier->sync);
}

int picot_barrier_reset(picot_barrier *barrier)
{
    int rc = picot_barrier_abort(barrier);
    if (rc == 0) barrier->sync.broken = 0;
    return rc;
}

int picot_barrier_broken(const picot_barrier *barrier)
{
    return barrier && barrier->sync.broken;
}

uint32_t picot_barrier_waiting(const picot_barrier *barrier)
{
    return barrier ? barrier->arrived : 0;
}
