/* SPDX-License-Identifier: MIT
 *
 * select.c - the first of several arms: polled in order, enlisted, one granted, the others withdrawn.
 *
 * The grant of the winner comes from whoever has something to give, so it must withdraw the others at once: a second
 * grant would be lost. Arms on descriptors cannot end at once on every backend; the select waits for them, for their
 * memory is theirs until then.
 */
#include <picot/select.h>

#include "waitqueue.h"

enum { FRESH, WAITING, WON }; /* leaf->pos */

static struct picot_select_head *head_of(picot_frame *leaf)
{
    return (struct picot_select_head *)(void *)leaf;
}

/* Ends when the last arm has come back. */
static void settle(picot_task *task, picot_frame *leaf)
{
    struct picot_select_head *my = head_of(leaf);
    if (my->_left > 0) return;
    leaf->rc = my->_ret < 0 ? my->_ret : 0;
    picot__task_ready(task);
}

/* Take all arms but one back. */
static void withdraw(picot_task *task, struct picot_select_head *my, size_t count, const picot_arm *winner)
{
    picot_loop *loop = picot__coro_of_task(task)->loop;
    for (size_t i = 0; i < count; i++) {
        picot_arm *arm = &my->arms[i];
        if (arm != winner && !arm->kind->withdraw(loop, arm)) my->_left++;
    }
}

static void granted(picot_waiter *waiter, int rc)
{
    picot_frame *leaf = waiter->owner;
    struct picot_select_head *my = head_of(leaf);
    picot_arm *arm = (picot_arm *)(void *)((char *)waiter - offsetof(picot_arm, waiter));
    if (leaf->pos == WON) { /* one of those withdrawn has come back */
        my->_left--;
    } else {
        leaf->pos = WON;
        arm->rc = rc;
        my->_ret = (int)(arm - my->arms);
        withdraw(waiter->task, my, my->count, arm);
    }
    settle(waiter->task, leaf);
}

static void select_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_select_head *my = head_of(leaf);
    if (leaf->pos != WAITING) return;
    picot__cancel_delivered(task);
    leaf->pos = WON;
    my->_ret = -ECANCELED;
    withdraw(task, my, my->count, NULL);
    settle(task, leaf);
}

/* An arm that is ready at once: its index; -EAGAIN: none; -EINVAL: misuse. */
static int poll_arms(picot_loop *loop, const struct picot_select_head *my)
{
    if (!my->arms || my->count == 0 || my->count > INT32_MAX) return -EINVAL;
    for (size_t i = 0; i < my->count; i++) {
        picot_arm *arm = &my->arms[i];
        if (!arm->kind) return -EINVAL;
        int rc = arm->kind->poll(loop, arm);
        if (rc != 0) return rc < 0 ? rc : (int)i;
    }
    return -EAGAIN;
}

static picot_step enlist_arms(picot_task *task, picot_frame *leaf)
{
    struct picot_select_head *my = head_of(leaf);
    picot_loop *loop = picot__coro_of_task(task)->loop;
    leaf->pos = WAITING;
    for (size_t i = 0; i < my->count; i++) {
        picot_arm *arm = &my->arms[i];
        arm->waiter.task = task;
        arm->waiter.owner = leaf;
        arm->waiter.granted = granted;
        int rc = arm->kind->enlist(loop, arm);
        if (rc >= 0) continue;
        leaf->pos = WON;
        my->_ret = leaf->rc = rc;
        withdraw(task, my, i, NULL);
        if (my->_left == 0) return picot__leaf_return(task, leaf, rc);
        break;
    }
    return (picot_step){PICOT_STEP_PENDING};
}

picot_step picot_select_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_select_head *my = head_of(leaf);
    picot_step step;
    (void)child;
    if (leaf->pos != FRESH) return picot__leaf_return(task, leaf, my->_ret < 0 ? my->_ret : 0);
    if (picot__leaf_refused(task, leaf, &step)) {
        my->_ret = leaf->rc;
        return step;
    }
    my->_ret = poll_arms(picot__coro_of_task(task)->loop, my);
    if (my->_ret != -EAGAIN) return picot__leaf_now(task, leaf, my->_ret < 0 ? my->_ret : 0);
    my->_ret = 0;
    return enlist_arms(task, leaf);
}

PICOT__LEAF_FN(picot_select, select_cancel);

/* ---- a time ------------------------------------------------------------------------------------ */

static void time_over(picot_loop *loop, struct picot_wheel_node *node)
{
    picot_arm *arm = (picot_arm *)(void *)((char *)node - offsetof(picot_arm, _.timer));
    (void)loop;
    arm->waiter.granted(&arm->waiter, 0);
}

static int sleep_poll(picot_loop *loop, picot_arm *arm)
{
    (void)loop;
    return arm->number < 0 ? -EINVAL : 0;
}

static int sleep_enlist(picot_loop *loop, picot_arm *arm)
{
    int64_t deadline_ns;
    if (__builtin_add_overflow(picot_loop_now(loop), arm->number, &deadline_ns)) deadline_ns = PICOT_NEVER;
    arm->_.timer = (struct picot_wheel_node){NULL, NULL, deadline_ns, time_over};
    picot_wheel_arm(loop, &arm->_.timer);
    return 0;
}

static int sleep_withdraw(picot_loop *loop, picot_arm *arm)
{
    picot_wheel_disarm(loop, &arm->_.timer);
    return 1;
}

picot_arm picot_arm_sleep(int64_t ns)
{
    static const struct picot_arm_kind kind = {sleep_poll, sleep_enlist, sleep_withdraw};
    return (picot_arm){.kind = &kind, .number = ns};
}

/* ---- a descriptor ------------------------------------------------------------------------------ */

static void poll_done(picot_loop *loop, picot_op *op)
{
    picot_arm *arm = op->user;
    (void)loop;
    arm->waiter.granted(&arm->waiter, (int)op->result);
}

static int poll_poll(picot_loop *loop, picot_arm *arm)
{
    (void)loop;
    (void)arm;
    return 0;
}

static int poll_enlist(picot_loop *loop, picot_arm *arm)
{
    picot_fd fd = arm->number;
    picot_op_poll(&arm->_.op, fd, (unsigned)arm->waiter.want);
    return picot_submit(loop, &arm->_.op, poll_done, arm);
}

static int poll_withdraw(picot_loop *loop, picot_arm *arm)
{
    (void)picot_cancel(loop, &arm->_.op);
    return !picot_op_pending(&arm->_.op);
}

picot_arm picot_arm_poll(picot_fd fd, unsigned events)
{
    static const struct picot_arm_kind kind = {poll_poll, poll_enlist, poll_withdraw};
    return (picot_arm){.kind = &kind, .number = fd, .waiter = {.want = (int64_t)events}};
}
