/* SPDX-License-Identifier: MIT
 *
 * waitgroup.c - a count of work under way, and those who wait for its end.
 */
#include "sync.h"

int picot_waitgroup_add(picot_waitgroup *group, int64_t count)
{
    if (!group || count < 0) return -EINVAL;
    if (count > INT64_MAX - group->count) return -EOVERFLOW;
    group->count += count;
    return 0;
}

int picot_waitgroup_done(picot_waitgroup *group)
{
    if (!group) return -EINVAL;
    if (group->count == 0) return -ERANGE;
    if (--group->count == 0) (void)picot__grant_all(&group->sync.waiters, 0);
    return 0;
}

int64_t picot_waitgroup_count(const picot_waitgroup *group)
{
    return group ? group->count : 0;
}

int picot_waitgroup_break(picot_waitgroup *group)
{
    return group ? picot__sync_break(&group->sync) : -EINVAL;
}

static void wait_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_waitgroup_wait_head *my = (struct picot_waitgroup_wait_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &my->group->sync.waiters, &my->_waiter);
}

picot_step picot_waitgroup_wait_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_waitgroup_wait_head *my = (struct picot_waitgroup_wait_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_ret = my->group ? picot__sync_enter(&my->group->sync, task) : -EINVAL;
    if (my->_ret == 0 && my->group->count > 0) return picot__park(task, leaf, &my->group->sync.waiters, &my->_waiter);
    return picot__leaf_now(task, leaf, my->_ret);
}

PICOT__LEAF_FN(picot_waitgroup_wait, wait_cancel);
