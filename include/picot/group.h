/* SPDX-License-Identifier: MIT
 *
 * group.h - groups of tasks: what they tell and how they end. Opened by picot_task_group, filled by picot_spawn
 * (coro.h).
 */
#ifndef PICOT_GROUP_H
#define PICOT_GROUP_H

#include <picot/coro.h>

PICOT_BEGIN_DECLS

/**
 * picot_await(picot_join(.group = &my->group)): wait until all tasks of the group have ended.
 * Result: 0, or the first failure (with keep_going always 0). The group may be filled and joined again.
 * Cancel: the group's tasks are cancelled, waited for, and the result is -ECANCELED.
 */
#define picot_join(...) picot_call(picot_join, __VA_ARGS__)

/**
 * Cancel all tasks of a group; each gets -ECANCELED at its present and at every further await outside its defers. New
 * tasks are refused. That is no failure: picot_join then gives 0 unless a task failed otherwise.
 * @return  0; -EINVAL: NULL or not open. Thread: the loop's. From inside one of its tasks: yes. @since 0.1
 */
PICOT_API int picot_group_cancel(picot_group *group);

/** How many tasks of the group are alive. 0 for NULL. @since 0.1 */
PICOT_API size_t picot_group_size(const picot_group *group);

PICOT_END_DECLS

#endif /* PICOT_GROUP_H */
