/* SPDX-License-Identifier: MIT
 *
 * wait.c - the leaves that wait for nothing but a turn or a time: yield and sleep.
 */
#include "waitqueue.h"

/* ---- yield ----------------------------------------------------------------------------------- */

picot_step picot_yield_once_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_yield_once_head *my = (struct picot_yield_once_head *)(void *)leaf;
    (void)child;
    if (leaf->pos == 0) {
        leaf->pos = 1;
        picot__task_ready(task);
        return (picot_step){PICOT_STEP_PENDING};
    }
    my->_ret = task->cancel ? picot_rt_yielded(task) : 0;
    return picot__leaf_return(task, leaf, my->_ret);
}

PICOT__LEAF_FN(picot_yield_once, NULL);

/* ---- sleep ----------------------------------------------------------------------------------- */

static void sleep_over(picot_loop *loop, struct picot_wheel_node *node)
{
    picot_task *task = (picot_task *)(void *)((char *)node - offsetof(picot_task, wait));
    struct picot_sleep_head *my = (struct picot_sleep_head *)(void *)task->top;
    (void)loop;
    picot__task_make_job(task);
    picot_ready_begin(task->group->ready);
    my->_ret = 0;
    picot__leaf_finish(task, task->top, 0);
}

/* The timer is gone at once; the task goes on in the next turn. A sleep whose time is over keeps its success. */
static void sleep_cancel(picot_task *task, picot_frame *leaf)
{
    picot__cancel_delivered(task);
    picot_wheel_disarm(picot__coro_of_task(task)->loop, &task->wait.sleep);
    picot__task_make_job(task);
    leaf->rc = -ECANCELED;
    leaf->pos = 1;
    picot__task_ready(task);
}

picot_step picot_sleep_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_sleep_head *my = (struct picot_sleep_head *)(void *)leaf;
    struct picot_wheel_node *node = &task->wait.sleep;
    int64_t ns = my->ns, deadline_ns;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    if (ns < 0) {
        my->_ret = -EINVAL;
        return picot__leaf_return(task, leaf, -EINVAL);
    }
    leaf->rc = 0;
    if (ns == 0) {
        leaf->pos = 1;
        picot__task_ready(task);
        return (picot_step){PICOT_STEP_PENDING};
    }
    picot_loop *loop = picot__coro_of_task(task)->loop;
    if (__builtin_add_overflow(picot_loop_now(loop), ns, &deadline_ns)) deadline_ns = PICOT_NEVER;
    *node = (struct picot_wheel_node){NULL, NULL, deadline_ns, sleep_over};
    picot_wheel_arm(loop, node);
    return (picot_step){PICOT_STEP_PENDING};
}

PICOT__LEAF_FN(picot_sleep, sleep_cancel);
