/* SPDX-License-Identifier: MIT
 *
 * waitqueue.c - waiters in order, direct hand-over, and the leaves that are parked in such a queue.
 */
#include "waitqueue.h"

void picot__waitqueue_append(picot_waitqueue *queue, picot_waiter *waiter)
{
    picot__enlist(queue, waiter);
}

bool picot__waitqueue_remove(picot_waitqueue *queue, picot_waiter *waiter)
{
    if (!waiter->next) return false;
    picot__delist(queue, waiter);
    return true;
}

void picot__grant(picot_waitqueue *queue, picot_waiter *waiter, int rc)
{
    picot__grant_now(queue, waiter, rc);
}

/* A grant may take others out of this very queue: a select with two arms there. None enters: no task runs meanwhile. */
size_t picot__grant_all(picot_waitqueue *queue, int rc)
{
    size_t count = 0;
    for (; queue->first; count++)
        picot__grant(queue, queue->first, rc);
    return count;
}

/* ---- parked leaves ----------------------------------------------------------------------------- */

void picot__resume_leaf(picot_waiter *waiter, int rc)
{
    picot_frame *leaf = waiter->owner;
    leaf->rc = rc;
    leaf->pos = 1;
    picot__task_ready(waiter->task);
}

picot_step picot__park(picot_task *task, picot_frame *leaf, picot_waitqueue *queue, picot_waiter *waiter)
{
    return picot__park_now(task, leaf, queue, waiter);
}

bool picot__unpark(picot_task *task, picot_frame *leaf, picot_waitqueue *queue, picot_waiter *waiter)
{
    if (!picot__waitqueue_remove(queue, waiter)) return false;
    picot__cancel_delivered(task);
    leaf->rc = -ECANCELED;
    leaf->pos = 1;
    picot__task_ready(task);
    return true;
}

picot_step picot__leaf_now(picot_task *task, picot_frame *leaf, int rc)
{
    picot_ready_queue *ready = task->group->ready;
    if (PICOT_LIKELY_(ready->budget > 0)) {
        ready->budget--;
        return picot__leaf_return(task, leaf, rc);
    }
    leaf->rc = rc;
    leaf->pos = 1;
    picot__task_ready(task);
    return (picot_step){PICOT_STEP_PENDING};
}
