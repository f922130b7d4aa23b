/* SPDX-License-Identifier: MIT
 *
 * event.c - a flag to wait for.
 */
#include "sync.h"

/* 0: set; -EBUSY; or why not. */
static int look(picot_event *event, const picot_task *task)
{
    if (!event) return -EINVAL;
    int rc = picot__sync_enter(&event->sync, task);
    if (rc < 0) return rc;
    return event->set ? 0 : -EBUSY;
}

static void wait_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_event_wait_head *my = (struct picot_event_wait_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &my->event->sync.waiters, &my->_waiter);
}

picot_step picot_event_wait_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_event_wait_head *my = (struct picot_event_wait_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_ret = look(my->event, task);
    if (my->_ret == -EBUSY) return picot__park(task, leaf, &my->event->sync.waiters, &my->_waiter);
    return picot__leaf_now(task, leaf, my->_ret);
}

PICOT__LEAF_FN(picot_event_wait, wait_cancel);

int picot_event_set(picot_event *event)
{
    if (!event) return -EINVAL;
    event->set = 1;
    (void)picot__grant_all(&event->sync.waiters, 0);
    return 0;
}

int picot_event_clear(picot_event *event)
{
    if (!event) return -EINVAL;
    event->set = 0;
    return 0;
}

int picot_event_is_set(const picot_event *event)
{
    return event && event->set;
}

int picot_event_notify_one(picot_event *event)
{
    if (!event) return -EINVAL;
    if (!event->sync.waiters.first) return 0;
    picot__grant(&event->sync.waiters, event->sync.waiters.first, 0);
    return 1;
}

int picot_event_break(picot_event *event)
{
    return event ? picot__sync_break(&event->sync) : -EINVAL;
}

/* ---- an arm ------------------------------------------------------------------------------------ */

static int arm_poll(picot_loop *loop, picot_arm *arm)
{
    int rc = look(arm->object, picot_task_current(loop));
    if (rc == -EBUSY) return 0;
    arm->rc = rc;
    return rc < 0 && rc != PICOT_EBROKEN ? rc : 1;
}

static int arm_enlist(picot_loop *loop, picot_arm *arm)
{
    picot_event *event = arm->object;
    (void)loop;
    picot__waitqueue_append(&event->sync.waiters, &arm->waiter);
    return 0;
}

static int arm_withdraw(picot_loop *loop, picot_arm *arm)
{
    picot_event *event = arm->object;
    (void)loop;
    (void)picot__waitqueue_remove(&event->sync.waiters, &arm->waiter);
    return 1;
}

picot_arm picot_arm_event(picot_event *event)
{
    static const struct picot_arm_kind kind = {arm_poll, arm_enlist, arm_withdraw};
    return (picot_arm){.kind = &kind, .object = event};
}
