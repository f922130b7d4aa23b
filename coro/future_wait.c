/* SPDX-License-Identifier: MIT
 *
 * future_wait.c - awaiting one future: the leaf behind picot_result, and the arm.
 */
#include "future.h"
#include "waitqueue.h"

static struct picot_result_head *head_of(picot_frame *leaf)
{
    return (struct picot_result_head *)(void *)leaf;
}

/* Does the task behind this future wait, through other tasks' results, for `task`? */
static bool waits_for(const struct picot__future *future, const picot_task *task)
{
    for (const picot_task *at = future->task; at; at = future->task) {
        if (at == task) return true;
        if (at->top->fn != &picot_result_fn || at->top->pos != 0) return false;
        future = head_of(at->top)->_future;
        if (!future) return false;
    }
    return false;
}

/* It is finished: its status, and the value. */
static int take(struct picot_result_head *my, struct picot__future *future)
{
    int rc = future->rc;
    future->asked = true;
    if (rc >= 0 && my->ret_value) memcpy(my->ret_value, future->value, future->value_size);
    return rc < 0 ? rc : 0;
}

/* A task's end is waited for. Only if it did end by the cancellation is that told here; else it stays pending. */
static void result_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_result_head *my = head_of(leaf);
    struct picot__future *future = my->_future;
    if (future->task && !my->shield) {
        unsigned calls = picot_task_cancelling(task) + 1;
        if (my->_passed == calls) return; /* passed on already */
        my->_passed = calls;
        (void)picot_task_cancel(future->task, "who awaits it was cancelled");
    } else if (picot__unpark(task, leaf, &future->waiters, &my->_waiter)) {
        picot__future_drop(future);
        my->_future = NULL;
    }
}

static int refusal(picot_task *task, struct picot_result_head *my, struct picot__future **ret_future)
{
    int rc = picot__future_find(picot__coro_of_task(task)->loop, my->of, ret_future);
    if (rc < 0) return rc;
    if (my->ret_value && my->value_size != (*ret_future)->value_size) return -EINVAL;
    return waits_for(*ret_future, task) ? -EDEADLK : 0;
}

picot_step picot_result_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_result_head *my = head_of(leaf);
    struct picot__future *future = my->_future;
    picot_step step;
    (void)child;
    if (future) { /* granted */
        my->_ret = take(my, future);
        if (my->_ret == -ECANCELED && my->_passed && picot__cancel_due(task)) picot__cancel_delivered(task);
        picot__future_drop(future);
        return picot__leaf_return(task, leaf, my->_ret);
    }
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_ret = refusal(task, my, &future);
    if (my->_ret < 0) return picot__leaf_return(task, leaf, my->_ret);
    if (future->done) {
        my->_ret = take(my, future);
        return picot__leaf_now(task, leaf, my->_ret);
    }
    picot__future_hold(future);
    my->_future = future;
    my->_waiter.want = 1; /* it learns the error */
    return picot__park(task, leaf, &future->waiters, &my->_waiter);
}

PICOT__LEAF_FN(picot_result, result_cancel);

/* ---- as an arm ----------------------------------------------------------------------------------- */

static int arm_poll(picot_loop *loop, picot_arm *arm)
{
    struct picot__future *future;
    int rc = picot__future_find(loop, arm->number, &future);
    if (rc < 0) return rc;
    if (!future->done) return 0;
    future->asked = true;
    arm->rc = future->rc;
    return 1;
}

static int arm_enlist(picot_loop *loop, picot_arm *arm)
{
    struct picot__future *future;
    int rc = picot__future_find(loop, arm->number, &future);
    if (rc < 0) return rc;
    arm->waiter.want = 1; /* it learns the error */
    picot__waitqueue_append(&future->waiters, &arm->waiter);
    return 0;
}

static int arm_withdraw(picot_loop *loop, picot_arm *arm)
{
    struct picot__future *future;
    if (picot__future_find(loop, arm->number, &future) == 0)
        (void)picot__waitqueue_remove(&future->waiters, &arm->waiter);
    return 1;
}

picot_arm picot_arm_future(picot_future future)
{
    static const struct picot_arm_kind kind = {arm_poll, arm_enlist, arm_withdraw};
    return (picot_arm){.kind = &kind, .number = future};
}
