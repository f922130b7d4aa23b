/* SPDX-License-Identifier: MIT
 *
 * queue.c - how a queue hands over: into the memory of the one who waits, else into a slot; and how it ends.
 *
 * While it is open: getters wait only when it is empty, putters only when it is full. So whoever comes and finds an
 * item, or a slot, overtakes nobody. A capacity of 0, a channel's, has no slots: then putters wait for getters.
 *
 * A grant runs nobody's code, it only makes a task ready; so no function here can be entered anew while it grants.
 */
#include "store.h"

#define LEAST_SLOTS 8 /* of an unbounded queue, once it has something in it */

/* ---- made ---------------------------------------------------------------------------------------- */

/* By priority each slot ends in a sequence number. Items of 16 bytes, or twice that, may be aligned to 16. */
static size_t stride_of(size_t item_size, enum picot_order order)
{
    if (order != PICOT_PRIORITY) return item_size;
    size_t unit = item_size % 16 == 0 ? 16 : sizeof(uint64_t);
    return (item_size + sizeof(uint64_t) + unit - 1) / unit * unit;
}

int picot__queue_init(picot_loop *loop, picot_queue *queue, size_t item_size, size_t capacity,
                      const picot_queue_options *options)
{
    static const picot_queue_options defaults;
    if (!options) options = &defaults;
    if (!loop || !queue || item_size == 0 || item_size > SIZE_MAX / 2) return -EINVAL;
    if ((unsigned)options->order > PICOT_PRIORITY || (unsigned)options->overflow > PICOT_DROP_NEWEST) return -EINVAL;
    if (options->order == PICOT_PRIORITY && !options->compare) return -EINVAL;
    *queue = (picot_queue){.loop = loop, .item_size = item_size, .capacity = capacity, .options = *options};
    queue->order = (uint8_t)options->order;
    queue->overflow = (uint8_t)options->overflow;
    queue->stride = stride_of(item_size, options->order);
    if (capacity != PICOT_UNBOUNDED && picot__store_reserve(queue, capacity) < 0) return -ENOMEM;
    queue->ready = picot_extension_ready(loop);
    return 0;
}

int picot_queue_init(picot_loop *loop, picot_queue *queue, size_t item_size, size_t capacity,
                     const picot_queue_options *options)
{
    return capacity == 0 ? -EINVAL : picot__queue_init(loop, queue, item_size, capacity, options);
}

static bool is_queue(const picot_queue *queue)
{
    return queue && queue->ready;
}

/* ---- dropped ------------------------------------------------------------------------------------- */

static void drop(picot_queue *queue, void *item)
{
    queue->dropped++;
    if (queue->options.dispose) queue->options.dispose(queue->options.user, item);
}

static void finished(picot_queue *queue, size_t count)
{
    queue->unfinished -= count;
    if (queue->unfinished == 0) (void)picot__grant_all(&queue->joiners, 0);
}

static void drop_all(picot_queue *queue)
{
    size_t count = queue->len;
    while (queue->len > 0)
        drop(queue, picot__store_pop_any(queue));
    if (count > 0) finished(queue, count);
}

/* ---- put ----------------------------------------------------------------------------------------- */

static int put_inside(picot_queue *queue, const void *item)
{
    picot__store_push(queue, item);
    queue->unfinished++;
    return 0;
}

/* There is no free slot. */
static int put_more(picot_queue *queue, const void *item)
{
    if (queue->slots < queue->capacity) {
        size_t slots = queue->slots > SIZE_MAX / 2 ? queue->capacity : queue->slots * 2;
        if (picot__store_reserve(queue, slots < LEAST_SLOTS ? LEAST_SLOTS : slots) < 0) return -ENOMEM;
        return put_inside(queue, item);
    }
    if (queue->overflow == PICOT_WAIT) return PICOT__MUST_WAIT;
    if (queue->overflow == PICOT_REFUSE) return -EBUSY;
    if (queue->overflow == PICOT_DROP_NEWEST) {
        drop(queue, (void *)(uintptr_t)item);
    } else {
        drop(queue, picot__store_pop_oldest(queue));
        picot__store_push(queue, item); /* one more and one less is unfinished */
    }
    return 1;
}

int picot__queue_put(picot_queue *queue, const void *item)
{
    picot_waiter *getter = queue->getters.first;
    if (queue->refusal != 0) return queue->refusal;
    if (getter) {
        picot__item_copy(getter->slot, item, queue->item_size);
        queue->unfinished++;
        picot__grant(&queue->getters, getter, 0);
        return 0;
    }
    return queue->len < queue->slots ? put_inside(queue, item) : put_more(queue, item);
}

/* ---- get ----------------------------------------------------------------------------------------- */

/* A slot is free: the putter that waits longest has it. */
static void refill(picot_queue *queue)
{
    picot_waiter *putter = queue->putters.first;
    (void)put_inside(queue, putter->slot);
    picot__grant(&queue->putters, putter, 0);
}

/* There are no slots: straight from the putter's memory. */
static int get_from(picot_queue *queue, picot_waiter *putter, void *ret_item)
{
    picot__item_copy(ret_item, putter->slot, queue->item_size);
    queue->unfinished++;
    picot__grant(&queue->putters, putter, 0);
    return 0;
}

int picot__queue_get(picot_queue *queue, void *ret_item)
{
    if (PICOT_LIKELY_(queue->len > 0)) {
        picot__store_pop(queue, ret_item);
        if (queue->putters.first) refill(queue);
        return 0;
    }
    if (queue->putters.first) return get_from(queue, queue->putters.first, ret_item);
    return queue->refusal == 0 ? PICOT__MUST_WAIT : PICOT_ECLOSED;
}

/* ---- without waiting ------------------------------------------------------------------------------- */

int picot_queue_try_put(picot_queue *queue, const void *item)
{
    if (!is_queue(queue) || !item) return -EINVAL;
    int rc = picot__queue_put(queue, item);
    return rc == PICOT__MUST_WAIT ? -EBUSY : rc;
}

int picot_queue_try_get(picot_queue *queue, void *ret_item)
{
    if (!is_queue(queue) || !ret_item) return -EINVAL;
    int rc = picot__queue_get(queue, ret_item);
    return rc == PICOT__MUST_WAIT ? -EBUSY : rc;
}

/* ---- the end --------------------------------------------------------------------------------------- */

void picot__queue_close(picot_queue *queue, int refusal, bool drop_items)
{
    if (queue->refusal == 0) queue->refusal = refusal;
    (void)picot__grant_all(&queue->putters, queue->refusal);
    if (drop_items) drop_all(queue);
    (void)picot__grant_all(&queue->getters, PICOT_ECLOSED);
}

int picot_queue_shutdown(picot_queue *queue, enum picot_shutdown_mode mode)
{
    if (!is_queue(queue) || (unsigned)mode > PICOT_IMMEDIATE) return -EINVAL;
    picot__queue_close(queue, PICOT_ECLOSED, mode == PICOT_IMMEDIATE);
    return 0;
}

void picot_queue_destroy(picot_queue *queue)
{
    if (!is_queue(queue)) return;
    picot__queue_close(queue, PICOT_ECLOSED, true);
    (void)picot__grant_all(&queue->joiners, PICOT_ECLOSED);
    picot__store_free(queue);
    *queue = (picot_queue){0};
}

int picot_queue_task_done(picot_queue *queue)
{
    if (!is_queue(queue) || queue->unfinished == 0) return -EINVAL;
    finished(queue, 1);
    return 0;
}

int picot_queue_consumer_begin(picot_queue *queue)
{
    if (!is_queue(queue)) return -EINVAL;
    queue->consumers++;
    queue->abandoned = 0;
    return 0;
}

int picot_queue_consumer_end(picot_queue *queue)
{
    if (!is_queue(queue) || queue->consumers == 0) return -EINVAL;
    if (--queue->consumers > 0) return 0;
    queue->abandoned = 1;
    (void)picot__grant_all(&queue->joiners, PICOT_EBROKEN);
    return 0;
}

/* ---- sizes ----------------------------------------------------------------------------------------- */

static size_t count_waiters(const picot_waiter *first)
{
    size_t count = 0;
    const picot_waiter *waiter = first;
    if (waiter) do {
            count++;
            waiter = waiter->next;
        } while (waiter != first);
    return count;
}

int picot_queue_closed(const picot_queue *queue)
{
    return !is_queue(queue) || queue->refusal != 0;
}

size_t picot_queue_len(const picot_queue *queue)
{
    return is_queue(queue) ? queue->len : 0;
}

size_t picot_queue_capacity(const picot_queue *queue)
{
    return is_queue(queue) ? queue->capacity : 0;
}

size_t picot_queue_unfinished(const picot_queue *queue)
{
    return is_queue(queue) ? queue->unfinished : 0;
}

size_t picot_queue_waiting_putters(const picot_queue *queue)
{
    return is_queue(queue) ? count_waiters(queue->putters.first) : 0;
}

size_t picot_queue_waiting_getters(const picot_queue *queue)
{
    return is_queue(queue) ? count_waiters(queue->getters.first) : 0;
}

uint64_t picot_queue_dropped(const picot_queue *queue)
{
    return is_queue(queue) ? queue->dropped : 0;
}
