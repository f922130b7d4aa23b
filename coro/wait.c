/* SPDX-License-Identifier: MIT
 *
 * wait.c - the leaves that wait for nothing but a turn or a time: yield and sleep.
 */
#include "internal.h"

/* ---- yield ----------------------------------------------------------------------------------- */

static void yield_cancel(picot_task *head, picot_frame *leaf)
{
    picot__cancel_delivered(picot__task_of(head));
    leaf->rc = -ECANCELED; /* its turn comes anyway */
}

picot_step picot_yield_once_resume(picot_task *head, picot_frame *leaf, picot_frame *child)
{
    struct picot_yield_once_head *my = (struct picot_yield_once_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (leaf->pos == 0) {
        if (picot__leaf_refused(head, leaf, &step)) {
            my->_ret = leaf->rc;
            return step;
        }
        leaf->pos = 1;
        picot__task_ready(picot__task_of(head));
        return (picot_step){PICOT_STEP_PENDING};
    }
    my->_ret = leaf->rc;
    return picot__leaf_return(head, leaf, leaf->rc);
}

const picot_fn picot_yield_once_fn = {picot_yield_once_resume,
                                      yield_cancel,
                                      sizeof(struct picot_yield_once_head),
                                      offsetof(struct picot_yield_once_head, _ret),
                                      sizeof(int),
                                      __LINE__,
                                      "picot_yield",
                                      __FILE__};

/* ---- sleep ----------------------------------------------------------------------------------- */

static void sleep_over(picot_loop *loop, void *user)
{
    struct picot__task *task = user;
    (void)loop;
    picot__leaf_finish(task, task->head.top, 0);
}

/* The timer is gone at once; the task goes on in the next turn. A sleep whose time is over keeps its success. */
static void sleep_cancel(picot_task *head, picot_frame *leaf)
{
    struct picot_sleep_head *my = (struct picot_sleep_head *)(void *)leaf;
    if (leaf->pos != 0) return;
    picot__cancel_delivered(picot__task_of(head));
    (void)picot_timer_cancel(picot__task_of(head)->coro->loop, &my->_timer);
    my->_ret = leaf->rc = -ECANCELED;
    leaf->pos = 1;
    picot__task_ready(picot__task_of(head));
}

picot_step picot_sleep_resume(picot_task *head, picot_frame *leaf, picot_frame *child)
{
    struct picot_sleep_head *my = (struct picot_sleep_head *)(void *)leaf;
    struct picot__task *task = picot__task_of(head);
    picot_step step;
    (void)child;
    if (leaf->pos != 0) {
        my->_ret = leaf->rc;
        return picot__leaf_return(head, leaf, leaf->rc);
    }
    if (picot__leaf_refused(head, leaf, &step)) {
        my->_ret = leaf->rc;
        return step;
    }
    if (my->ns == 0) {
        leaf->pos = 1;
        picot__task_ready(task);
        return (picot_step){PICOT_STEP_PENDING};
    }
    my->_timer = (picot_timer)PICOT_TIMER_INIT;
    my->_ret = picot_call_later(task->coro->loop, &my->_timer, my->ns, sleep_over, task);
    return my->_ret < 0 ? picot__leaf_return(head, leaf, my->_ret) : (picot_step){PICOT_STEP_PENDING};
}

const picot_fn picot_sleep_fn = {picot_sleep_resume,
                                 sleep_cancel,
                                 sizeof(struct picot_sleep_head),
                                 offsetof(struct picot_sleep_head, _ret),
                                 sizeof(int),
                                 __LINE__,
                                 "picot_sleep",
                                 __FILE__};
