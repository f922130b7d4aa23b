/* SPDX-License-Identifier: MIT
 *
 * store.h - the items inside a queue: a ring, or a heap by priority, and how a queue and a channel hand them over.
 */
#ifndef PICOT_CORO_STORE_H
#define PICOT_CORO_STORE_H

#include <picot/queue.h>

#include "waitqueue.h"

/* Items are mostly a number or a pointer. */
static inline void picot__item_copy(void *to, const void *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8);
    else if (size == 4)
        memcpy(to, from, 4);
    else
        memcpy(to, from, size);
}

/* ---- store.c ----------------------------------------------------------------------------------- */

/* Memory for `slots` items (0: none yet). 0 or -ENOMEM, and nothing has changed. */
int picot__store_reserve(picot_queue *queue, size_t slots);
void picot__store_free(picot_queue *queue);

/* Put an item in. The caller has made sure that there is a slot. */
void picot__store_push(picot_queue *queue, const void *item);
/* Take the item out that is next by the order. It is not empty. */
void picot__store_pop(picot_queue *queue, void *ret_item);
/* Take out the one that has been inside for longest: where it lies until the next push. */
void *picot__store_pop_oldest(picot_queue *queue);
/* The same with any of them, whichever is easiest. */
void *picot__store_pop_any(picot_queue *queue);

/* leaf->pos of one whose result, above 0 and so no status, stands in its head: it waits for its turn only. */
#define PICOT__TURN 2

/* The end of a leaf that need not wait, as picot__leaf_now, and also with a result above 0. */
static inline picot_step picot__leaf_result(picot_task *task, picot_frame *leaf, int rc)
{
    picot_step step = picot__leaf_now(task, leaf, rc < 0 ? rc : 0);
    if (rc > 0 && step.rc == PICOT_STEP_PENDING) leaf->pos = PICOT__TURN;
    return step;
}

/* ---- queue.c: capacities of 0 are allowed here ---------------------------------------------------- */

#define PICOT__MUST_WAIT INT_MIN

int picot__queue_init(picot_loop *loop, picot_queue *queue, size_t item_size, size_t capacity,
                      const picot_queue_options *options);
/* Put or take: the result, or PICOT__MUST_WAIT. */
int picot__queue_put(picot_queue *queue, const void *item);
int picot__queue_get(picot_queue *queue, void *ret_item);
/* Puts get `refusal` from now on; what is inside is dropped if `drop`. */
void picot__queue_close(picot_queue *queue, int refusal, bool drop);

/* Why a task may not use it; 0: it may. */
static inline int picot__queue_check(const picot_queue *queue, const picot_ready_queue *ready)
{
    if (PICOT_LIKELY_(queue && queue->ready == ready)) return 0;
    return queue && queue->ready ? -EPERM : -EINVAL;
}

#endif /* PICOT_CORO_STORE_H */
