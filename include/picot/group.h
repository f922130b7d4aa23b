/* SPDX-License-Identifier: MIT
 *
 * group.h - groups of tasks: what they tell and how they end. Opened by picot_task_group, filled by picot_spawn
 * (coro.h).
 *
 *     picot_task_group(my->group);                    the first failure cancels the others
 *     picot_task_group(my->group, .keep_going = 1);   failures stay with their tasks
 *     picot_task_group(my->group, .collect = 1);      all run to their end, join gives the first failure
 *     picot_task_group(my->group, .limit = 100);      at most 100 at a time: see picot_room
 *
 * A task that is cancelled by picot_task_cancel or picot_future_cancel, and ends so, is no failure of its group.
 */
#ifndef PICOT_GROUP_H
#define PICOT_GROUP_H

#include <picot/coro.h>

PICOT_BEGIN_DECLS

/**
 * picot_await(picot_join(.group = &my->group)): wait until all tasks of the group have ended.
 * Result: 0, or the first failure (with keep_going always 0). The group may be filled and joined again.
 * Cancel: the group's tasks are cancelled, waited for, and the result is -ECANCELED; if one of them failed otherwise
 * meanwhile, that failure, and the cancellation is told at the next await.
 */
#define picot_join(...) picot_call(picot_join, __VA_ARGS__)

/**
 * picot_await(picot_room(.group = &my->group)): wait until a group with a limit has room for one more task. Those who
 * wait are served in order; a spawn right after it succeeds unless another task spawned first.
 * Result: 0; -ECANCELED: this task, or the group, was cancelled; -EINVAL: not open; -ENOMEM. One that is let in and
 * does not spawn before its next await leaves the room to the next. @since 0.1
 */
struct picot_room_head {
    picot_frame _co;
    picot_group *group;
    picot_waiter _waiter;
    int _ret;
};
#define picot_room(...) picot_call(picot_room, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_room);

/**
 * Cancel all tasks of a group; each gets -ECANCELED at its present and at every further await outside its defers. New
 * tasks are refused. That is no failure: picot_join then gives 0 unless a task failed otherwise.
 * @param text  why, for picot_task_cancellation; a string that outlives the group, or NULL. The first call's is kept
 * @return  0; -EINVAL: NULL or not open. Thread: the loop's. From inside one of its tasks: yes. @since 0.1
 */
PICOT_API int picot_group_cancel(picot_group *group, const char *text);

/** How many tasks of the group are alive. 0 for NULL. @since 0.1 */
PICOT_API size_t picot_group_size(const picot_group *group);

/* ---- all the failures, not only the first ------------------------------------------------------ */

/** A task that failed. Needs no memory of its own: it takes the place of the task. */
typedef struct picot_error_node {
    const struct picot_error_node *next;  /**< the next failure of the same group, in the order of failing */
    const struct picot_error_node *inner; /**< the failures of the group that failed inside this task, or NULL */
    const char *name;                     /**< of the task's first function */
    uint32_t task_id;
    int rc;
    struct {
        size_t size;
        const struct picot_error_node *outer; /* it is among this one's inner ones */
        const picot_task *owner;
        struct picot_error_node *next_tree;
    } _;
} picot_error_node;

/**
 * The failures of a group since it was last joined, or those that this join has told. With keep_going: none are kept.
 * @return  the first one, or NULL. Valid until the first spawn after that join, or until the group is left. @since 0.1
 */
PICOT_API const picot_error_node *picot_group_errors(const picot_group *group);

/**
 * The failures of the last group that a failing function of this task has left: for that function's caller.
 * @return  the first one, or NULL. Valid until a function fails and leaves another such group, or the task ends.
 * @since 0.1
 */
PICOT_API const picot_error_node *picot_task_errors(const picot_task *task);

/**
 * Find a code in a tree of failures, depth first.
 * @return  the first failure with that code that has no inner ones, or NULL. @since 0.1
 */
PICOT_API const picot_error_node *picot_errors_find(const picot_error_node *first, int code);

/** How many failures there are, inner ones instead of those they caused. @since 0.1 */
PICOT_API size_t picot_errors_count(const picot_error_node *first);

PICOT_END_DECLS

#endif /* PICOT_GROUP_H */
