/* SPDX-License-Identifier: MIT
 *
 * store.c - the items inside a queue.
 *
 *     ring  |   | a | b | c |   |   |          first: of a; the newest is c
 *     heap  | a | b | c | d |   | spare |      each slot an item and, behind it, its sequence number
 *
 * The heap is binary; equal items are ordered by the numbers under which they came. The spare slot holds the item that
 * is on its way while others move.
 */
#include "store.h"

static bool is_heap(const picot_queue *queue)
{
    return queue->order == PICOT_PRIORITY;
}

/* An index of the ring that is at most one lap too large. */
static size_t wrapped(const picot_queue *queue, size_t index)
{
    return index >= queue->slots ? index - queue->slots : index;
}

static char *slot(const picot_queue *queue, size_t index)
{
    return queue->items + index * queue->stride;
}

static char *ring_slot(const picot_queue *queue, size_t offset)
{
    return slot(queue, wrapped(queue, queue->first + offset));
}

/* ---- memory ------------------------------------------------------------------------------------ */

static size_t bytes_of(const picot_queue *queue, size_t slots)
{
    size_t bytes;
    if (is_heap(queue) && __builtin_add_overflow(slots, 1, &slots)) return SIZE_MAX;
    return __builtin_mul_overflow(slots, queue->stride, &bytes) ? SIZE_MAX : bytes;
}

static void move_ring(picot_queue *queue, char *items)
{
    size_t ahead = queue->slots - queue->first;
    if (ahead > queue->len) ahead = queue->len;
    memcpy(items, slot(queue, queue->first), ahead * queue->stride);
    memcpy(items + ahead * queue->stride, queue->items, (queue->len - ahead) * queue->stride);
    queue->first = 0;
}

int picot__store_reserve(picot_queue *queue, size_t slots)
{
    size_t bytes = bytes_of(queue, slots);
    if (slots == 0) return 0;
    char *items = bytes < SIZE_MAX ? picot_alloc(queue->loop, bytes) : NULL;
    if (!items) return -ENOMEM;
    if (queue->len > 0 && is_heap(queue))
        memcpy(items, queue->items, queue->len * queue->stride);
    else if (queue->len > 0)
        move_ring(queue, items);
    picot__store_free(queue);
    queue->items = items;
    queue->slots = slots;
    return 0;
}

void picot__store_free(picot_queue *queue)
{
    if (queue->items) picot_free(queue->loop, queue->items, bytes_of(queue, queue->slots));
    queue->items = NULL;
}

/* ---- the heap ---------------------------------------------------------------------------------- */

static uint64_t *sequence_of(const picot_queue *queue, const char *item)
{
    return (uint64_t *)(void *)(item + queue->stride - sizeof(uint64_t));
}

static bool before(const picot_queue *queue, const char *a, const char *b)
{
    int order = queue->options.compare(queue->options.user, a, b);
    return order < 0 || (order == 0 && *sequence_of(queue, a) < *sequence_of(queue, b));
}

/* The item in the spare slot goes to the hole, or further up. */
static void sift_up(picot_queue *queue, size_t hole)
{
    const char *item = slot(queue, queue->slots);
    while (hole > 0) {
        size_t parent = (hole - 1) / 2;
        if (!before(queue, item, slot(queue, parent))) break;
        memcpy(slot(queue, hole), slot(queue, parent), queue->stride);
        hole = parent;
    }
    memcpy(slot(queue, hole), item, queue->stride);
}

/* The same, downwards. Returns where it has gone. */
static size_t sift_down(picot_queue *queue, size_t hole)
{
    const char *item = slot(queue, queue->slots);
    for (;;) {
        size_t child = 2 * hole + 1;
        if (child >= queue->len) break;
        if (child + 1 < queue->len && before(queue, slot(queue, child + 1), slot(queue, child))) child++;
        if (!before(queue, slot(queue, child), item)) break;
        memcpy(slot(queue, hole), slot(queue, child), queue->stride);
        hole = child;
    }
    memcpy(slot(queue, hole), item, queue->stride);
    return hole;
}

static void heap_push(picot_queue *queue, const void *item)
{
    char *spare = slot(queue, queue->slots);
    picot__item_copy(spare, item, queue->item_size);
    *sequence_of(queue, spare) = queue->next_sequence++;
    sift_up(queue, queue->len++);
}

/* The item in the spare slot belongs below the hole or, when the hole is in another branch than it was, above. */
static void fill(picot_queue *queue, size_t hole)
{
    if (sift_down(queue, hole) == hole) sift_up(queue, hole);
}

static void heap_pop(picot_queue *queue, void *ret_item)
{
    picot__item_copy(ret_item, slot(queue, 0), queue->item_size);
    if (--queue->len == 0) return;
    memcpy(slot(queue, queue->slots), slot(queue, queue->len), queue->stride);
    fill(queue, 0);
}

/* It changes places with the last one, and is left behind it. */
static void *heap_pop_oldest(picot_queue *queue)
{
    size_t oldest = 0;
    for (size_t i = 1; i < queue->len; i++)
        if (*sequence_of(queue, slot(queue, i)) < *sequence_of(queue, slot(queue, oldest))) oldest = i;
    char *last = slot(queue, --queue->len);
    if (oldest == queue->len) return last;
    memcpy(slot(queue, queue->slots), last, queue->stride);
    memcpy(last, slot(queue, oldest), queue->stride);
    fill(queue, oldest);
    return last;
}

/* ---- in and out ---------------------------------------------------------------------------------- */

void picot__store_push(picot_queue *queue, const void *item)
{
    assert(queue->len < queue->slots);
    if (is_heap(queue)) {
        heap_push(queue, item);
        return;
    }
    picot__item_copy(ring_slot(queue, queue->len), item, queue->item_size);
    queue->len++;
}

void picot__store_pop(picot_queue *queue, void *ret_item)
{
    assert(queue->len > 0);
    if (queue->order == PICOT_FIFO) {
        picot__item_copy(ret_item, slot(queue, queue->first), queue->item_size);
        queue->first = wrapped(queue, queue->first + 1);
        queue->len--;
    } else if (queue->order == PICOT_LIFO) {
        picot__item_copy(ret_item, ring_slot(queue, --queue->len), queue->item_size);
    } else {
        heap_pop(queue, ret_item);
    }
}

void *picot__store_pop_oldest(picot_queue *queue)
{
    if (is_heap(queue)) return heap_pop_oldest(queue);
    return picot__store_pop_any(queue);
}

void *picot__store_pop_any(picot_queue *queue)
{
    if (is_heap(queue)) return slot(queue, --queue->len);
    char *oldest = slot(queue, queue->first);
    queue->first = wrapped(queue, queue->first + 1);
    queue->len--;
    return oldest;
}
