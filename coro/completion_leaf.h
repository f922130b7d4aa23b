/* SPDX-License-Identifier: MIT
 *
 * completion_leaf.h - leaves that end by a completion of the loop's, with an int64_t result: operations, calls of
 * executors, transfers. While one is pending its leaf is the task's top, with pos 0.
 */
#ifndef PICOT_CORO_COMPLETION_LEAF_H
#define PICOT_CORO_COMPLETION_LEAF_H

#include "internal.h"

/* What a result is as a status: its code, or 0. */
static inline int picot__status_of(int64_t result)
{
    return result < 0 ? (int)result : 0;
}

/* At the start of a leaf: true, and the step to return, when it is over. One that was cancelled is refused before it
 * has begun; one in a long row of refusals comes back from the ready queue with pos 1. */
static inline bool picot__completion_over(picot_task *task, picot_frame *leaf, int64_t *ret, picot_step *ret_step)
{
    if (leaf->pos != 0) {
        *ret = leaf->rc;
        *ret_step = picot__leaf_return(task, leaf, leaf->rc);
        return true;
    }
    if (!picot__leaf_refused(task, leaf, ret_step)) return false;
    *ret = -ECANCELED;
    return true;
}

/* The step of a leaf that has begun what it waits for (rc >= 0), or was refused. */
static inline picot_step picot__completion_begun(picot_task *task, picot_frame *leaf, int64_t *ret, int rc)
{
    if (rc >= 0) return (picot_step){PICOT_STEP_PENDING};
    *ret = rc;
    return picot__leaf_return(task, leaf, rc);
}

/* The completion has come. That it was cancelled may be of its own making, too. */
static inline void picot__completion_came(picot_task *task, int64_t *ret, int64_t result)
{
    *ret = result;
    if (result == -ECANCELED && picot__cancel_due(task)) picot__cancel_delivered(task);
    picot__leaf_finish(task, task->top, picot__status_of(result));
}

#endif /* PICOT_CORO_COMPLETION_LEAF_H */
