/* SPDX-License-Identifier: MIT
 *
 * channel_wait.c - how a task sends and receives: the leaves, the forms that do not wait, the arms for picot_select.
 *
 * A waiter's `want` is the end it waits through: it finds the channel again, and lets closing the end find the waiter.
 * While it waits its end is open, for closing it ends the wait.
 */
#include "channel.h"

static int use(const struct picot__coro *coro, enum picot__side side, int64_t end, void *item)
{
    picot_queue *queue = picot__end_queue(coro, end, side);
    if (!item) return -EINVAL;
    if (!queue) return -EBADF;
    return side == PICOT__SENDER ? picot__queue_put(queue, item) : picot__queue_get(queue, item);
}

static picot_waitqueue *waiters_at(const struct picot__coro *coro, enum picot__side side, int64_t end)
{
    return picot__side_of(picot__end_queue(coro, end, side), side);
}

/* ---- leaves: both of one shape --------------------------------------------------------------------- */

_Static_assert(offsetof(struct picot_channel_send_head, _waiter) == offsetof(struct picot_channel_recv_head, _waiter) &&
                   offsetof(struct picot_channel_send_head, _ret) == offsetof(struct picot_channel_recv_head, _ret),
               "the ends' leaves differ");

static void cancel_wait(picot_task *task, picot_frame *leaf, enum picot__side side)
{
    struct picot_channel_recv_head *my = (struct picot_channel_recv_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, waiters_at(picot__coro_of_task(task), side, my->_waiter.want), &my->_waiter);
}

static picot_step begin(picot_task *task, picot_frame *leaf, enum picot__side side, int64_t end, void *item)
{
    struct picot_channel_recv_head *my = (struct picot_channel_recv_head *)(void *)leaf;
    const struct picot__coro *coro = picot__coro_of_task(task);
    int rc = use(coro, side, end, item);
    if (rc == PICOT__MUST_WAIT) {
        my->_waiter.slot = item;
        my->_waiter.want = end;
        return picot__park(task, leaf, waiters_at(coro, side, end), &my->_waiter);
    }
    my->_ret = rc;
    return picot__leaf_result(task, leaf, rc);
}

static void send_cancel(picot_task *task, picot_frame *leaf)
{
    cancel_wait(task, leaf, PICOT__SENDER);
}

picot_step picot_channel_send_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_channel_send_head *my = (struct picot_channel_send_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (leaf->pos == PICOT__TURN) return picot__leaf_return(task, leaf, 0);
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    return begin(task, leaf, PICOT__SENDER, my->sender, (void *)(uintptr_t)my->item);
}

PICOT__LEAF_FN(picot_channel_send, send_cancel);

static void recv_cancel(picot_task *task, picot_frame *leaf)
{
    cancel_wait(task, leaf, PICOT__RECEIVER);
}

picot_step picot_channel_recv_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_channel_recv_head *my = (struct picot_channel_recv_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    return begin(task, leaf, PICOT__RECEIVER, my->receiver, my->ret_item);
}

PICOT__LEAF_FN(picot_channel_recv, recv_cancel);

/* ---- without waiting --------------------------------------------------------------------------------- */

static int use_now(picot_loop *loop, enum picot__side side, int64_t end, void *item)
{
    if (!loop) return -EINVAL;
    const struct picot__coro *coro = picot__coro_find(loop);
    int rc = coro ? use(coro, side, end, item) : -EBADF;
    return rc == PICOT__MUST_WAIT ? -EBUSY : rc;
}

int picot_channel_try_send(picot_loop *loop, picot_sender sender, const void *item)
{
    return use_now(loop, PICOT__SENDER, sender, (void *)(uintptr_t)item);
}

int picot_channel_try_recv(picot_loop *loop, picot_receiver receiver, void *ret_item)
{
    return use_now(loop, PICOT__RECEIVER, receiver, ret_item);
}

/* ---- arms: `number` is the end ------------------------------------------------------------------------- */

static int poll_end(picot_loop *loop, picot_arm *arm, enum picot__side side)
{
    if (!arm->waiter.slot) return -EINVAL;
    arm->rc = use(picot__coro_find(loop), side, arm->number, arm->waiter.slot);
    return arm->rc != PICOT__MUST_WAIT;
}

static int enlist_end(picot_loop *loop, picot_arm *arm, enum picot__side side)
{
    arm->waiter.want = arm->number;
    picot__waitqueue_append(waiters_at(picot__coro_find(loop), side, arm->number), &arm->waiter);
    return 0;
}

static int withdraw_end(picot_arm *arm, enum picot__side side)
{
    if (!arm->waiter.next) return 1;
    const struct picot__coro *coro = picot__coro_of_task(arm->waiter.task);
    (void)picot__waitqueue_remove(waiters_at(coro, side, arm->number), &arm->waiter);
    return 1;
}

static int send_poll(picot_loop *loop, picot_arm *arm)
{
    return poll_end(loop, arm, PICOT__SENDER);
}

static int send_enlist(picot_loop *loop, picot_arm *arm)
{
    return enlist_end(loop, arm, PICOT__SENDER);
}

static int send_withdraw(picot_loop *loop, picot_arm *arm)
{
    (void)loop;
    return withdraw_end(arm, PICOT__SENDER);
}

picot_arm picot_arm_channel_send(picot_sender sender, const void *item)
{
    static const struct picot_arm_kind kind = {send_poll, send_enlist, send_withdraw};
    return (picot_arm){.kind = &kind, .number = sender, .waiter = {.slot = (void *)(uintptr_t)item}};
}

static int recv_poll(picot_loop *loop, picot_arm *arm)
{
    return poll_end(loop, arm, PICOT__RECEIVER);
}

static int recv_enlist(picot_loop *loop, picot_arm *arm)
{
    return enlist_end(loop, arm, PICOT__RECEIVER);
}

static int recv_withdraw(picot_loop *loop, picot_arm *arm)
{
    (void)loop;
    return withdraw_end(arm, PICOT__RECEIVER);
}

picot_arm picot_arm_channel_recv(picot_receiver receiver, void *ret_item)
{
    static const struct picot_arm_kind kind = {recv_poll, recv_enlist, recv_withdraw};
    return (picot_arm){.kind = &kind, .number = receiver, .waiter = {.slot = ret_item}};
}
