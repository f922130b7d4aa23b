/* SPDX-License-Identifier: MIT
 *
 * waitqueue.h - the one queue behind every primitive: waiters in order, and direct hand-over.
 *
 * Who has something to give takes the first waiter out, makes the thing the waiter's, and grants: from that moment the
 * waiter owns it, although its task runs only later. A newcomer cannot overtake, and a cancellation that comes in
 * between does not take it back: the await succeeds, and the cancellation is told at the next one.
 */
#ifndef PICOT_CORO_WAITQUEUE_H
#define PICOT_CORO_WAITQUEUE_H

#include "internal.h"

static inline bool picot__waitqueue_empty(const picot_waitqueue *queue)
{
    return !queue->first;
}

/* Enter at the end. task, owner and granted are set; slot and want as the queue's owner likes. */
void picot__waitqueue_append(picot_waitqueue *queue, picot_waiter *waiter);

/* Take a waiter out of its queue; false: it was in none. */
bool picot__waitqueue_remove(picot_waitqueue *queue, picot_waiter *waiter);

/* Take it out and grant. A leaf's task goes on in the next turn, with rc. */
void picot__grant(picot_waitqueue *queue, picot_waiter *waiter, int rc);

/* Grant all that are in the queue now. Returns how many. */
size_t picot__grant_all(picot_waitqueue *queue, int rc);

/* ---- leaves that wait in a queue: parked ones -------------------------------------------------- */

/* Put the leaf's waiter into the queue: the step to return. */
picot_step picot__park(picot_task *task, picot_frame *leaf, picot_waitqueue *queue, picot_waiter *waiter);

/* A parked leaf is cancelled: true, and it is out of the queue and ends with -ECANCELED; false: it was granted. */
bool picot__unpark(picot_task *task, picot_frame *leaf, picot_waitqueue *queue, picot_waiter *waiter);

/* A leaf that need not wait ends: at once while its step's budget lasts, else in the next turn. */
picot_step picot__leaf_now(picot_task *task, picot_frame *leaf, int rc);

/* The beginning of each parked leaf: true, and the step to return, when it comes back granted, or is refused. */
static inline bool picot__parked_over(picot_task *task, picot_frame *leaf, int *ret_result, picot_step *ret_step)
{
    if (leaf->pos != 0) {
        *ret_step = picot__leaf_return(task, leaf, leaf->rc);
    } else if (!picot__leaf_refused(task, leaf, ret_step)) {
        return false;
    }
    *ret_result = leaf->rc;
    return true;
}

/* ---- the same without a call, for the busiest ------------------------------------------------- */

static inline void picot__enlist(picot_waitqueue *queue, picot_waiter *waiter)
{
    picot_waiter *first = queue->first;
    if (!first) {
        queue->first = waiter->next = waiter->prev = waiter;
        return;
    }
    waiter->next = first;
    waiter->prev = first->prev;
    first->prev->next = waiter;
    first->prev = waiter;
}

/* It is in this queue. */
static inline void picot__delist(picot_waitqueue *queue, picot_waiter *waiter)
{
    if (waiter->next == waiter) {
        queue->first = NULL;
    } else {
        waiter->prev->next = waiter->next;
        waiter->next->prev = waiter->prev;
        if (queue->first == waiter) queue->first = waiter->next;
    }
    waiter->next = waiter->prev = NULL;
}

/* How a parked leaf is granted. */
void picot__resume_leaf(picot_waiter *waiter, int rc);

static inline picot_step picot__park_now(picot_task *task, picot_frame *leaf, picot_waitqueue *queue,
                                         picot_waiter *waiter)
{
    waiter->task = task;
    waiter->owner = leaf;
    waiter->granted = picot__resume_leaf;
    picot__enlist(queue, waiter);
    return (picot_step){PICOT_STEP_PENDING};
}

/* It is in this queue. */
static inline void picot__grant_now(picot_waitqueue *queue, picot_waiter *waiter, int rc)
{
    picot__delist(queue, waiter);
    waiter->granted(waiter, rc);
}

/* The same, where it is a parked leaf and has got what it waited for. */
static inline void picot__grant_leaf(picot_waitqueue *queue, picot_waiter *waiter)
{
    picot_frame *leaf = waiter->owner;
    picot__delist(queue, waiter);
    leaf->rc = 0;
    leaf->pos = 1;
    picot__task_ready(waiter->task);
}

/* A constant for a leaf of this library. */
#define PICOT__LEAF_FN(name, cancel_fn) PICOT__LEAF_FN_FLAGS(name, cancel_fn, 0)
#define PICOT__LEAF_FN_FLAGS(name, cancel_fn, flags)                                                                   \
    const picot_fn name##_fn = {name##_resume,                                                                         \
                                cancel_fn,                                                                             \
                                PICOT_FRAME_SIZE_(struct name##_head),                                                 \
                                PICOT_RESULT_OFFSET_(name),                                                            \
                                sizeof(((struct name##_head *)0)->_ret),                                               \
                                __LINE__,                                                                              \
                                #name,                                                                                 \
                                __FILE__,                                                                              \
                                flags}

#endif /* PICOT_CORO_WAITQUEUE_H */
