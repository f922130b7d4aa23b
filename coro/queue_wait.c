/* SPDX-License-Identifier: MIT
 *
 * queue_wait.c - how a task waits for a queue: the leaves put, get and join, and the arms for picot_select.
 */
#include "store.h"

/* The waiter lies where the arguments were. */
static picot_step wait_in(picot_task *task, picot_frame *leaf, picot_queue *queue, picot_waitqueue *side,
                          picot_waiter *waiter, void *item)
{
    waiter->slot = item;
    waiter->want = (intptr_t)queue;
    return picot__park(task, leaf, side, waiter);
}

static picot_queue *queue_of(const picot_waiter *waiter)
{
    return (picot_queue *)(intptr_t)waiter->want;
}

/* ---- put ----------------------------------------------------------------------------------------- */

static void put_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_put_head *my = (struct picot_put_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &queue_of(&my->_waiter)->putters, &my->_waiter);
}

static __attribute__((noinline)) picot_step put_slow(picot_task *task, picot_frame *leaf)
{
    struct picot_put_head *my = (struct picot_put_head *)(void *)leaf;
    picot_step step;
    if (leaf->pos == PICOT__TURN) return picot__leaf_return(task, leaf, 0);
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    picot_queue *queue = my->queue;
    const void *item = my->item;
    int rc = picot__queue_check(queue, task->group->ready);
    if (PICOT_LIKELY_(rc == 0)) rc = item ? picot__queue_put(queue, item) : -EINVAL;
    if (rc == PICOT__MUST_WAIT)
        return wait_in(task, leaf, queue, &queue->putters, &my->_waiter, (void *)(uintptr_t)item);
    my->_ret = rc;
    return picot__leaf_result(task, leaf, rc);
}

/* The plain case, which calls nothing: a parked getter has the item at once. */
picot_step picot_put_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_put_head *my = (struct picot_put_head *)(void *)leaf;
    picot_ready_queue *ready = task->group->ready;
    picot_queue *queue = my->queue;
    (void)child;
    if (leaf->pos != 0 || task->cancel || ready->budget == 0) return put_slow(task, leaf);
    if (picot__queue_check(queue, ready) < 0 || !my->item || queue->refusal != 0) return put_slow(task, leaf);
    picot_waiter *getter = queue->getters.first;
    if (!getter || getter->granted != picot__resume_leaf) return put_slow(task, leaf);
    if (queue->item_size != 8 && queue->item_size != 4) return put_slow(task, leaf); /* copying it would be a call */
    picot__item_copy(getter->slot, my->item, queue->item_size);
    queue->unfinished++;
    picot__grant_leaf(&queue->getters, getter);
    ready->budget--;
    my->_ret = 0;
    return picot__leaf_return(task, leaf, 0);
}

PICOT__LEAF_FN(picot_put, put_cancel);

/* ---- get ----------------------------------------------------------------------------------------- */

static void get_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_get_head *my = (struct picot_get_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &queue_of(&my->_waiter)->getters, &my->_waiter);
}

static __attribute__((noinline)) picot_step get_slow(picot_task *task, picot_frame *leaf)
{
    struct picot_get_head *my = (struct picot_get_head *)(void *)leaf;
    picot_step step;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    picot_queue *queue = my->queue;
    void *item = my->ret_item;
    int rc = picot__queue_check(queue, task->group->ready);
    if (PICOT_LIKELY_(rc == 0)) rc = item ? picot__queue_get(queue, item) : -EINVAL;
    if (rc == PICOT__MUST_WAIT) return wait_in(task, leaf, queue, &queue->getters, &my->_waiter, item);
    my->_ret = rc;
    return picot__leaf_now(task, leaf, rc);
}

/* The plain case, which calls nothing: there is nothing to get, and it waits; or it has waited. */
picot_step picot_get_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_get_head *my = (struct picot_get_head *)(void *)leaf;
    (void)child;
    if (leaf->pos != 0) {
        my->_ret = leaf->rc;
        return picot__leaf_return(task, leaf, leaf->rc);
    }
    picot_queue *queue = my->queue;
    void *item = my->ret_item;
    if (task->cancel || !item || picot__queue_check(queue, task->group->ready) < 0) return get_slow(task, leaf);
    if (queue->len > 0 || queue->putters.first || queue->refusal != 0) return get_slow(task, leaf);
    my->_waiter.slot = item;
    my->_waiter.want = (intptr_t)queue;
    return picot__park_now(task, leaf, &queue->getters, &my->_waiter);
}

PICOT__LEAF_FN(picot_get, get_cancel);

/* ---- join ---------------------------------------------------------------------------------------- */

static void join_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_queue_join_head *my = (struct picot_queue_join_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &my->queue->joiners, &my->_waiter);
}

picot_step picot_queue_join_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_queue_join_head *my = (struct picot_queue_join_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_ret = picot__queue_check(my->queue, task->group->ready);
    if (my->_ret == 0 && my->queue->unfinished > 0) {
        if (!my->queue->abandoned) return picot__park(task, leaf, &my->queue->joiners, &my->_waiter);
        my->_ret = PICOT_EBROKEN;
    }
    return picot__leaf_now(task, leaf, my->_ret);
}

PICOT__LEAF_FN(picot_queue_join, join_cancel);

/* ---- arms ---------------------------------------------------------------------------------------- */

/* A misuse is the select's result, and so is not told apart from an end here: it has no slot, or the wrong loop. */
static int arm_check(picot_loop *loop, const picot_arm *arm)
{
    const picot_queue *queue = arm->object;
    if (!arm->waiter.slot) return -EINVAL;
    return picot__queue_check(queue, picot_extension_ready(loop));
}

static int put_poll(picot_loop *loop, picot_arm *arm)
{
    int rc = arm_check(loop, arm);
    if (rc < 0) return rc;
    arm->rc = picot__queue_put(arm->object, arm->waiter.slot);
    return arm->rc != PICOT__MUST_WAIT;
}

static int put_enlist(picot_loop *loop, picot_arm *arm)
{
    picot_queue *queue = arm->object;
    (void)loop;
    picot__waitqueue_append(&queue->putters, &arm->waiter);
    return 0;
}

static int put_withdraw(picot_loop *loop, picot_arm *arm)
{
    picot_queue *queue = arm->object;
    (void)loop;
    (void)picot__waitqueue_remove(&queue->putters, &arm->waiter);
    return 1;
}

picot_arm picot_arm_put(picot_queue *queue, const void *item)
{
    static const struct picot_arm_kind kind = {put_poll, put_enlist, put_withdraw};
    return (picot_arm){.kind = &kind, .object = queue, .waiter = {.slot = (void *)(uintptr_t)item}};
}

static int get_poll(picot_loop *loop, picot_arm *arm)
{
    int rc = arm_check(loop, arm);
    if (rc < 0) return rc;
    arm->rc = picot__queue_get(arm->object, arm->waiter.slot);
    return arm->rc != PICOT__MUST_WAIT;
}

static int get_enlist(picot_loop *loop, picot_arm *arm)
{
    picot_queue *queue = arm->object;
    (void)loop;
    picot__waitqueue_append(&queue->getters, &arm->waiter);
    return 0;
}

static int get_withdraw(picot_loop *loop, picot_arm *arm)
{
    picot_queue *queue = arm->object;
    (void)loop;
    (void)picot__waitqueue_remove(&queue->getters, &arm->waiter);
    return 1;
}

picot_arm picot_arm_get(picot_queue *queue, void *ret_item)
{
    static const struct picot_arm_kind kind = {get_poll, get_enlist, get_withdraw};
    return (picot_arm){.kind = &kind, .object = queue, .waiter = {.slot = ret_item}};
}
