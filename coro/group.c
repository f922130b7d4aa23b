/* SPDX-License-Identifier: MIT
 *
 * group.c - groups own their tasks: none outlives the function that opened the group.
 *
 * A child is entered before its first step and leaves when it has ended. The first failure cancels the others, unless
 * the group keeps going or collects. Join and leave are leaves of the owner; a cancellation that reaches a join is
 * passed to the children, and the join still waits for them. A failure that comes with it wins, and the cancellation
 * stays pending.
 */
#include "errors.h"
#include "rare.h"
#include "waitqueue.h"

/* What a first task's arena has room for: a sleep, or a short operation of a primitive. */
#define LEAST_ARENA_UNITS 4

void picot__group_init(picot_group *group, struct picot__coro *coro)
{
    *group = (picot_group){.coro = coro, .ready = picot_extension_ready(coro->loop), .open = 1};
    group->arena_units = LEAST_ARENA_UNITS;
}

void picot_rt_group_open(picot_task *task, picot_group *group, picot_group_options options)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    picot__group_init(group, coro);
    group->owner = task;
    task->flags |= PICOT__TASK_OWNS;
    group->keep_going = options.keep_going != 0;
    group->collect = options.collect != 0;
    group->eager = options.eager != 0 || coro->eager;
    group->limit = options.limit;
    group->next = &coro->groups;
    group->prev = coro->groups.prev;
    group->prev->next = group;
    coro->groups.prev = group;
}

static void close_group(picot_group *group)
{
    if (group->room_job._.next) picot_ready_remove(&group->room_job);
    group->prev->next = group->next;
    group->next->prev = group->prev;
    group->open = 0;
    group->plan.fn = NULL;
    (void)picot__grant_all(&group->room, -EINVAL);
}

/* A cancel never ends a task from here: it only withdraws what the task waits for. */
static void cancel_children(picot_group *group)
{
    picot_task *first = group->children, *child = first;
    if (child) do {
            picot__task_cancel(child, PICOT__CANCEL_GROUP);
            child = child->next;
        } while (child != first);
    (void)picot__grant_all(&group->room, -ECANCELED);
}

/* A child that waits for a group of its own passes the cancellation on. That group has its turn after this one, not
 * inside it, so that the C stack stays shallow however deep groups are nested. */
void picot__group_cancel(picot_group *group, uint8_t why, uint32_t origin)
{
    struct picot__coro *coro = group->coro;
    if (!group->cancelled) {
        group->origin = origin;
        group->reason = why;
    }
    group->cancelled |= why;
    group->plan.fn = NULL;
    if (group->next_cancelled) return; /* it will have its turn */
    bool inside = coro->last_cancelled;
    group->next_cancelled = group; /* the last one */
    if (inside) coro->last_cancelled->next_cancelled = group;
    coro->last_cancelled = group;
    for (picot_group *next = inside ? NULL : group; next;) {
        cancel_children(next);
        picot_group *done = next;
        next = done == done->next_cancelled ? NULL : done->next_cancelled;
        done->next_cancelled = NULL;
        if (!next) coro->last_cancelled = NULL;
    }
}

int picot_group_cancel(picot_group *group, const char *text)
{
    if (!group || !group->open) return -EINVAL;
    const picot_task *current = group->coro->current;
    if (!group->cancelled) group->text = text;
    picot__group_cancel(group, PICOT__GROUP_CALL, current ? current->id : 0);
    return 0;
}

size_t picot_group_size(const picot_group *group)
{
    return group && group->open ? group->live : 0;
}

/* ---- children -------------------------------------------------------------------------------- */

int picot__spawn_refusal(const picot_group *group)
{
    if (!group || !group->open) return -EINVAL;
    if (group->cancelled) return -ECANCELED;
    return group->limit && group->live >= group->limit ? -EBUSY : 0;
}

/* Those to whom room was promised have gone on and filled it, or have not: then it is the next one's. */
static void look_for_room(picot_loop *loop, void *user)
{
    picot_group *group = user;
    (void)loop;
    group->promised = 0;
    picot__group_offer_room(group);
}

void picot__group_offer_room(picot_group *group)
{
    if (!group->room.first || group->live + group->promised >= group->limit) return;
    group->promised++;
    picot__grant(&group->room, group->room.first, 0);
    if (group->room_job._.next) picot_ready_remove(&group->room_job);
    group->room_job.fn = look_for_room;
    group->room_job.user = group;
    picot_ready_append(group->ready, &group->room_job); /* behind the one who has just been granted */
}

/* A task has failed: what its group's owner awaits inside is cut, too, until it joins or leaves the group. */
static void cancel_owner(picot_group *group)
{
    if (!group->owner || group->joiner) return;
    group->failed = 1;
    picot__task_cancel(group->owner, PICOT__CANCEL_CHILD);
}

/* It has joined or left the group: is there another one of its groups that has failed? */
static void settle_owner(picot_group *group)
{
    const picot_group *head = &group->coro->groups;
    group->failed = 0;
    for (const picot_group *other = head->next; other != head; other = other->next)
        if (other->failed && other->owner == group->owner) return;
    group->owner->cancel &= (uint8_t)~PICOT__CANCEL_CHILD;
}

void picot__group_child_ended(picot_group *group, int rc, uint32_t id, bool failed)
{
    group->live--;
    if (failed && group->rc == 0) {
        group->rc = rc;
        if (!group->collect) {
            picot__group_cancel(group, PICOT__GROUP_FAILURE, id);
            cancel_owner(group);
        }
    }
    if (group->live == 0 && group->joiner) {
        group->joiner = NULL;
        picot__task_ready(group->owner);
    }
    picot__group_offer_room(group);
}

/* Does this end count as a failure of the group? Neither do cancellations that the group or picot_task_cancel caused.
 */
bool picot__group_fails(const picot_task *task, int rc)
{
    const picot_group *group = task->group;
    if (rc >= 0 || group->keep_going) return false;
    if (rc != -ECANCELED) return true;
    return !group->cancelled && picot_task_cancelling(task) == 0 && !(task->flags & PICOT__TASK_CANCELLED);
}

/* ---- room ------------------------------------------------------------------------------------ */

static void room_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_room_head *my = (struct picot_room_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &my->group->room, &my->_waiter);
}

picot_step picot_room_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_room_head *my = (struct picot_room_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_ret = picot__spawn_refusal(my->group);
    if (my->_ret == 0 && (my->group->room.first || my->group->promised > 0)) my->_ret = -EBUSY; /* not overtaking */
    if (my->_ret == -EBUSY) return picot__park(task, leaf, &my->group->room, &my->_waiter);
    return picot__leaf_now(task, leaf, my->_ret);
}

PICOT__LEAF_FN(picot_room, room_cancel);

/* ---- join ------------------------------------------------------------------------------------ */

/* All children have ended: the outcome, and the group is as new. */
static __attribute__((noinline)) int settle(picot_group *group, int rc)
{
    if (rc == -ECANCELED && group->rc < 0 && group->cancelled & PICOT__GROUP_EDGE)
        group->owner->cancel |= PICOT__CANCEL_TASK; /* the failure is told instead; tell it again */
    if (rc == 0 || group->rc < 0) rc = group->rc;
    if (group->failed) settle_owner(group);
    group->rc = 0;
    group->told = 1;
    group->cancelled &= PICOT__GROUP_CALL;
    return rc;
}

/* A gather could not spawn all: what it has begun is cancelled. The group may be filled again after the join. */
void picot_rt_gather_failed(picot_task *owner, picot_group *group)
{
    if (group && group->open) picot__group_cancel(group, PICOT__GROUP_PARENT, owner->id);
}

static void pass_cancel_on(picot_task *task, picot_group *group)
{
    uint8_t before = task->cancel;
    picot__cancel_delivered(task);
    bool edge = before & ~task->cancel & PICOT__CANCEL_TASK;
    picot__group_cancel(group, edge ? PICOT__GROUP_PARENT | PICOT__GROUP_EDGE : PICOT__GROUP_PARENT, task->id);
}

/* A cancellation reaches the owner while it waits: the children get it. All ended already: then success is delivered.
 */
static void join_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_join_head *my = (struct picot_join_head *)(void *)leaf;
    if (my->_ret == -ECANCELED || my->group->live == 0) return;
    my->_ret = -ECANCELED;
    pass_cancel_on(task, my->group);
}

static int join_refusal(const picot_task *task, const picot_group *group)
{
    if (!group || !group->open) return -EINVAL;
    if (group->owner != task) return -EPERM;
    return group->joiner ? -EBUSY : 0;
}

static __attribute__((noinline)) picot_step join_over(picot_task *task, picot_frame *leaf)
{
    struct picot_join_head *my = (struct picot_join_head *)(void *)leaf;
    my->_ret = settle(my->group, my->_ret);
    return picot__leaf_return(task, leaf, my->_ret);
}

static picot_step join_wait(picot_frame *leaf, picot_group *group)
{
    leaf->pos = 1;
    group->joiner = leaf;
    return (picot_step){PICOT_STEP_PENDING};
}

/* It is not plain that the owner may wait, or what for. */
static __attribute__((noinline)) picot_step join_any(picot_task *task, picot_frame *leaf)
{
    struct picot_join_head *my = (struct picot_join_head *)(void *)leaf;
    my->_ret = join_refusal(task, my->group);
    if (my->_ret < 0) return picot__leaf_return(task, leaf, my->_ret);
    if (picot__cancel_due(task)) join_cancel(task, leaf);
    return my->group->live > 0 ? join_wait(leaf, my->group) : join_over(task, leaf);
}

picot_step picot_join_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_join_head *my = (struct picot_join_head *)(void *)leaf;
    picot_group *group = my->group;
    (void)child;
    if (leaf->pos == 0) {
        bool plain = group && group->open && group->owner == task && !group->joiner && !task->cancel && group->live > 0;
        return PICOT_LIKELY_(plain) ? join_wait(leaf, group) : join_any(task, leaf);
    }
    if (!PICOT_LIKELY_(!(my->_ret | group->rc | group->failed | group->cancelled))) return join_over(task, leaf);
    group->told = 1;
    return picot__leaf_return(task, leaf, 0);
}

PICOT__LEAF_FN(picot_join, join_cancel);

/* ---- leave ----------------------------------------------------------------------------------- */

static void leave_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_group_leave_head *my = (struct picot_group_leave_head *)(void *)leaf;
    if (picot__tail_of(leaf->parent)->status < 0 || my->_ret == -ECANCELED || my->group->live == 0) return;
    my->_ret = -ECANCELED;
    pass_cancel_on(task, my->group);
}

/*
 * The end of a picot_task_group runs among the function's defers. After a failure the children are cancelled. After a
 * success they are waited for, and then the cancellations that defers hold off must get through to them.
 */
picot_step picot_group_leave_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_group_leave_head *my = (struct picot_group_leave_head *)(void *)leaf;
    picot_group *group = my->group;
    (void)child;
    if (leaf->pos == 0) {
        my->_ret = 0;
        my->_shield = task->shield;
        if (picot__tail_of(leaf->parent)->status < 0) {
            picot__group_cancel(group, PICOT__GROUP_PARENT, task->id);
        } else {
            picot__set_shield(task, picot__outer_shield(leaf->parent, task->shield));
            if (picot__cancel_due(task)) leave_cancel(task, leaf);
        }
        if (group->live > 0) {
            leaf->pos = 1;
            group->joiner = leaf;
            return (picot_step){PICOT_STEP_PENDING};
        }
    }
    task->shield = (uint16_t)my->_shield;
    my->_ret = settle(group, my->_ret);
    close_group(group);
    /* What cut its awaits was the failure: that is what the function ends with. */
    if (my->_ret < 0 && picot__tail_of(leaf->parent)->status == -ECANCELED)
        picot__tail_of(leaf->parent)->status = my->_ret;
    if (my->_ret < 0 || picot__tail_of(leaf->parent)->status < 0)
        picot__errors_keep(group, task);
    else
        picot__errors_free(group); /* the function has dealt with them */
    return picot__leaf_return(task, leaf, my->_ret);
}

const picot_fn picot_group_leave_fn = {picot_group_leave_resume,
                                       leave_cancel,
                                       sizeof(struct picot_group_leave_head),
                                       PICOT_RESULT_OFFSET_(picot_group_leave),
                                       sizeof(int),
                                       __LINE__,
                                       "picot_task_group",
                                       __FILE__,
                                       0};
