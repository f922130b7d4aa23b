/* SPDX-License-Identifier: MIT
 *
 * shared_queue.c - a bounded queue in shared memory.
 *
 * An item is copied first and counted after, by one store: so a process that dies with the lock leaves a queue that is
 * right, and the next one goes on with it.
 */
#include <picot/shared.h>

#include "futex.h"

#include <stdbool.h>
#include <string.h>

static uint64_t in_eights(uint64_t size)
{
    return (size + 7) / 8 * 8;
}

size_t picot_shared_queue_size(size_t item_size, size_t capacity)
{
    size_t items, all;
    if (item_size == 0 || capacity == 0 || item_size > SIZE_MAX - 8) return 0;
    if (__builtin_mul_overflow(in_eights(item_size), capacity, &items)) return 0;
    return __builtin_add_overflow(items, sizeof(picot_shared_queue), &all) ? 0 : all;
}

int picot_shared_queue_init(picot_shared_queue *queue, size_t item_size, size_t capacity)
{
    if (!queue || picot_shared_queue_size(item_size, capacity) == 0) return -EINVAL;
    memset(queue, 0, sizeof *queue);
    queue->item_size = item_size;
    queue->capacity = capacity;
    return picot_shared_lock_init(&queue->lock);
}

static char *item_at(picot_shared_queue *queue, uint64_t index)
{
    return (char *)(queue + 1) + (index % queue->capacity) * in_eights(queue->item_size);
}

static bool is_full(const picot_shared_queue *queue)
{
    return queue->put_count - queue->get_count >= queue->capacity;
}

static bool is_empty(const picot_shared_queue *queue)
{
    return queue->put_count == queue->get_count;
}

static int lock(picot_shared_queue *queue)
{
    int rc = picot_shared_lock_acquire(&queue->lock, PICOT_NEVER);
    return rc == PICOT_EOWNERDIED ? 0 : rc;
}

/* With the lock, which is given up meanwhile: sleep until `word` changes. */
static int sleep_on(picot_shared_queue *queue, uint32_t *word, uint32_t *waiters, int64_t deadline_ns)
{
    uint32_t seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    ++*waiters;
    (void)picot_shared_lock_release(&queue->lock);
    int slept = picot__futex_wait_shared_until(word, seen, deadline_ns);
    int rc = lock(queue);
    --*waiters;
    return rc < 0 ? rc : slept;
}

static void changed(uint32_t *word, uint32_t waiters, int count)
{
    (void)__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
    if (waiters > 0) picot__futex_wake_shared(word, count);
}

int picot_shared_queue_put(picot_shared_queue *queue, const void *item, int64_t timeout_ns)
{
    if (!queue || !item || timeout_ns < 0) return -EINVAL;
    int64_t deadline_ns = timeout_ns == 0 ? 0 : picot__futex_deadline(timeout_ns);
    int rc = lock(queue), slept = 0;
    if (rc < 0) return rc;
    while (rc == 0 && !queue->closed && is_full(queue)) {
        if (slept == 0)
            slept = sleep_on(queue, &queue->gets, &queue->put_waiters, deadline_ns);
        else
            rc = slept;
    }
    if (rc == 0 && queue->closed) rc = PICOT_ECLOSED;
    if (rc == 0) {
        memcpy(item_at(queue, queue->put_count), item, queue->item_size);
        queue->put_count++;
        changed(&queue->puts, queue->get_waiters, 1);
    }
    (void)picot_shared_lock_release(&queue->lock);
    return rc;
}

int picot_shared_queue_get(picot_shared_queue *queue, void *ret_item, int64_t timeout_ns)
{
    if (!queue || !ret_item || timeout_ns < 0) return -EINVAL;
    int64_t deadline_ns = timeout_ns == 0 ? 0 : picot__futex_deadline(timeout_ns);
    int rc = lock(queue), slept = 0;
    if (rc < 0) return rc;
    while (rc == 0 && !queue->closed && is_empty(queue)) {
        if (slept == 0)
            slept = sleep_on(queue, &queue->puts, &queue->get_waiters, deadline_ns);
        else
            rc = slept;
    }
    if (rc == 0 && is_empty(queue)) rc = PICOT_ECLOSED;
    if (rc == 0) {
        memcpy(ret_item, item_at(queue, queue->get_count), queue->item_size);
        queue->get_count++;
        changed(&queue->gets, queue->put_waiters, 1);
    }
    (void)picot_shared_lock_release(&queue->lock);
    return rc;
}

int picot_shared_queue_close(picot_shared_queue *queue)
{
    if (!queue) return -EINVAL;
    int rc = lock(queue);
    if (rc < 0) return rc;
    queue->closed = 1;
    changed(&queue->puts, queue->get_waiters, INT_MAX);
    changed(&queue->gets, queue->put_waiters, INT_MAX);
    (void)picot_shared_lock_release(&queue->lock);
    return 0;
}
