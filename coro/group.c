/* SPDX-License-Identifier: MIT
 *
 * group.c - groups own their tasks: none outlives the function that opened the group.
 *
 * A child is entered before its first step and leaves when it has ended. The first failure cancels the others, unless
 * the group keeps going. Join and leave are leaves of the owner; a cancellation that reaches a join is passed to the
 * children, and the join still waits for them.
 */
#include "internal.h"

enum { CANCELLED_BY_FAILURE = 1, CANCELLED_BY_CALL = 2 };

void picot_rt_group_open(picot_task *task, picot_group *group, picot_group_options options)
{
    struct picot__coro *coro = picot__task_of(task)->coro;
    *group = (picot_group){.owner = task, .open = 1, .keep_going = options.keep_going != 0};
    group->next = &coro->groups;
    group->prev = coro->groups.prev;
    group->prev->next = group;
    coro->groups.prev = group;
}

static void close_group(picot_group *group)
{
    group->prev->next = group->next;
    group->next->prev = group->prev;
    group->open = 0;
}

static void cancel_children(picot_group *group)
{
    struct picot__task *first = (struct picot__task *)(void *)group->children, *child = first;
    if (!child) return;
    do { /* a cancel never ends a task from here: it only withdraws what the task waits for */
        picot__task_cancel(child, PICOT__CANCEL_GROUP);
        child = child->next;
    } while (child != first);
}

int picot_group_cancel(picot_group *group)
{
    if (!group || !group->open) return -EINVAL;
    group->cancelled |= CANCELLED_BY_CALL;
    cancel_children(group);
    return 0;
}

size_t picot_group_size(const picot_group *group)
{
    return group && group->open ? group->live : 0;
}

/* ---- children -------------------------------------------------------------------------------- */

picot_task *picot_rt_spawn_open(picot_task *spawner, picot_group *group, const picot_fn *fn, int32_t *ret_rc)
{
    *ret_rc = -EINVAL;
    if (!group || !group->open) return NULL;
    *ret_rc = -ECANCELED;
    if (group->cancelled) return NULL;
    struct picot__task *task = picot__task_new(picot__task_of(spawner)->coro, group, fn);
    *ret_rc = task ? 0 : -ENOMEM;
    if (!task) return NULL;
    group->live++;
    return &task->head;
}

void picot_rt_spawn_start(picot_task *task, void *ret_value)
{
    picot__task_of(task)->ret_value = ret_value;
    picot__task_ready(picot__task_of(task));
}

void picot__group_child_ended(picot_group *group, int rc)
{
    group->live--;
    bool failed = rc < 0 && !group->keep_going && !(rc == -ECANCELED && group->cancelled);
    if (failed && group->rc == 0) {
        group->rc = rc;
        group->cancelled |= CANCELLED_BY_FAILURE;
        cancel_children(group);
    }
    if (group->live == 0 && group->joiner) {
        group->joiner = NULL;
        picot__task_ready(picot__task_of(group->owner));
    }
}

/* ---- join ------------------------------------------------------------------------------------ */

/* All children have ended: the outcome, and the group is as new. */
static int settle(picot_group *group, int rc)
{
    if (rc == 0) rc = group->rc;
    group->rc = 0;
    group->cancelled &= CANCELLED_BY_CALL;
    return rc;
}

/* A cancellation reaches the owner while it waits: the children get it. All ended already: then success is delivered.
 */
static void join_cancel(picot_task *head, picot_frame *leaf)
{
    struct picot_join_head *my = (struct picot_join_head *)(void *)leaf;
    if (my->_ret == -ECANCELED || my->group->live == 0) return;
    picot__cancel_delivered(picot__task_of(head));
    my->_ret = -ECANCELED;
    my->group->cancelled |= CANCELLED_BY_FAILURE;
    cancel_children(my->group);
}

static int join_refusal(const picot_task *head, const picot_group *group)
{
    if (!group || !group->open) return -EINVAL;
    if (group->owner != head) return -EPERM;
    return group->joiner ? -EBUSY : 0;
}

picot_step picot_join_resume(picot_task *head, picot_frame *leaf, picot_frame *child)
{
    struct picot_join_head *my = (struct picot_join_head *)(void *)leaf;
    (void)child;
    if (leaf->pos == 0) {
        my->_ret = join_refusal(head, my->group);
        if (my->_ret < 0) return picot__leaf_return(head, leaf, my->_ret);
        if (picot__cancel_due(picot__task_of(head))) join_cancel(head, leaf);
        if (my->group->live > 0) {
            leaf->pos = 1;
            my->group->joiner = leaf;
            return (picot_step){PICOT_STEP_PENDING};
        }
    }
    my->_ret = settle(my->group, my->_ret);
    return picot__leaf_return(head, leaf, my->_ret);
}

const picot_fn picot_join_fn = {picot_join_resume,
                                join_cancel,
                                sizeof(struct picot_join_head),
                                offsetof(struct picot_join_head, _ret),
                                sizeof(int),
                                __LINE__,
                                "picot_join",
                                __FILE__};

/* ---- leave ----------------------------------------------------------------------------------- */

static void leave_cancel(picot_task *head, picot_frame *leaf)
{
    struct picot_group_leave_head *my = (struct picot_group_leave_head *)(void *)leaf;
    if (leaf->parent->status < 0 || my->_ret == -ECANCELED || my->group->live == 0) return;
    picot__cancel_delivered(picot__task_of(head));
    my->_ret = -ECANCELED;
    my->group->cancelled |= CANCELLED_BY_FAILURE;
    cancel_children(my->group);
}

/*
 * The end of a picot_task_group runs among the function's defers. After a failure the children are cancelled. After a
 * success they are waited for, and then the cancellations that defers hold off must get through to them.
 */
picot_step picot_group_leave_resume(picot_task *head, picot_frame *leaf, picot_frame *child)
{
    struct picot_group_leave_head *my = (struct picot_group_leave_head *)(void *)leaf;
    picot_group *group = my->group;
    (void)child;
    if (leaf->pos == 0) {
        my->_ret = 0;
        my->_shield = head->shield;
        if (leaf->parent->status < 0) {
            group->cancelled |= CANCELLED_BY_FAILURE;
            cancel_children(group);
        } else {
            head->shield = picot__outer_shield(leaf->parent, head->shield);
            if (picot__cancel_due(picot__task_of(head))) leave_cancel(head, leaf);
        }
        if (group->live > 0) {
            leaf->pos = 1;
            group->joiner = leaf;
            return (picot_step){PICOT_STEP_PENDING};
        }
    }
    head->shield = my->_shield;
    my->_ret = settle(group, my->_ret);
    close_group(group);
    return picot__leaf_return(head, leaf, my->_ret);
}

const picot_fn picot_group_leave_fn = {picot_group_leave_resume,
                                       leave_cancel,
                                       sizeof(struct picot_group_leave_head),
                                       offsetof(struct picot_group_leave_head, _ret),
                                       sizeof(int),
                                       __LINE__,
                                       "picot_task_group",
                                       __FILE__};
