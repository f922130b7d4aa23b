/* SPDX-License-Identifier: MIT
 *
 * completions.c - the ends of many futures, one by one, in the order they come.
 */
#include "future.h"
#include "waitqueue.h"

/* One per future: it waits for its end, and then stands in the list of those to be fetched. */
struct picot__completion {
    picot_waiter waiter;
    struct picot__completion *next;
    struct picot__future *future;
};

/* The entries. The loop knows the blocks, so that those never closed go with it. */
struct picot__completions_block {
    struct picot__completions_block *next, **link; /* in the loop's list */
    size_t count;
    struct picot__completion entries[];
};

static size_t size_of(size_t count)
{
    return sizeof(struct picot__completions_block) + count * sizeof(struct picot__completion);
}

void picot__completions_free(struct picot__coro *coro)
{
    for (struct picot__completions_block *block = coro->completions, *next; block; block = next) {
        next = block->next;
        picot_free(coro->loop, block, size_of(block->count));
    }
}

static void append(picot_completions *completions, struct picot__completion *entry)
{
    entry->next = NULL;
    *completions->_.last = entry;
    completions->_.last = &entry->next;
}

static struct picot__completion *fetch(picot_completions *completions)
{
    struct picot__completion *entry = completions->_.first;
    if (!entry) return NULL;
    completions->_.first = entry->next;
    if (!entry->next) completions->_.last = &completions->_.first;
    completions->_.left--;
    return entry;
}

/* Who waits gets it; nobody waits: it is kept. */
static void finished(picot_waiter *waiter, int rc)
{
    picot_completions *completions = waiter->owner;
    struct picot__completion *entry =
        (struct picot__completion *)(void *)((char *)waiter - offsetof(struct picot__completion, waiter));
    (void)rc;
    append(completions, entry);
    picot_waiter *first = completions->_.waiters.first;
    if (!first) return;
    (void)fetch(completions);
    *(picot_future *)first->slot = entry->future->handle;
    picot__grant(&completions->_.waiters, first, 0);
    if (completions->_.left == 0) (void)picot__grant_all(&completions->_.waiters, PICOT_ECLOSED);
}

static void watch(picot_completions *completions, struct picot__completion *entry, struct picot__future *future)
{
    *entry = (struct picot__completion){.future = future};
    entry->waiter.owner = completions;
    entry->waiter.granted = finished;
    picot__future_hold(future);
    completions->_.left++;
    if (future->done)
        append(completions, entry);
    else
        picot__waitqueue_append(&future->waiters, &entry->waiter);
}

/* How many different ones there are, or the code of one that is none. */
static int64_t count_different(picot_loop *loop, const picot_future *futures, size_t count)
{
    struct picot__future *future = NULL;
    int64_t different = 0;
    for (size_t i = 0; i < count; i++) {
        int rc = picot__future_find(loop, futures[i], &future);
        if (rc < 0) return rc;
        if (i == 0) future->coro->future_mark++;
        different += !picot__future_met(future);
    }
    return different;
}

static struct picot__completions_block *new_block(struct picot__coro *coro, size_t count)
{
    struct picot__completions_block *block = picot_alloc(coro->loop, size_of(count));
    if (!block) return NULL;
    *block = (struct picot__completions_block){coro->completions, &coro->completions, count};
    if (block->next) block->next->link = &block->next;
    return coro->completions = block;
}

int picot_completions_init(picot_completions *completions, picot_loop *loop, const picot_future *futures, size_t count)
{
    struct picot__future *future;
    if (!completions) return -EINVAL;
    *completions = (picot_completions){0};
    if (!loop || (!futures && count > 0) || count > INT32_MAX) return -EINVAL;
    int rc = picot__may_use(loop);
    if (rc < 0) return rc;
    int64_t different = count_different(loop, futures, count);
    if (different < 0) return (int)different;
    struct picot__coro *coro = picot__coro_find(loop);
    struct picot__completions_block *block = different > 0 ? new_block(coro, (size_t)different) : NULL;
    if (!block && different > 0) return -ENOMEM;
    completions->_.loop = loop;
    completions->_.block = block;
    completions->_.last = &completions->_.first;
    if (block) coro->future_mark++;
    for (size_t i = 0, used = 0; i < count; i++)
        if (picot__future_find(loop, futures[i], &future) == 0 && !picot__future_met(future))
            watch(completions, &block->entries[used++], future);
    return 0;
}

void picot_completions_close(picot_completions *completions)
{
    if (!completions || !completions->_.loop) return;
    struct picot__completions_block *block = completions->_.block;
    (void)picot__grant_all(&completions->_.waiters, -ECANCELED);
    for (size_t i = 0; block && i < block->count; i++) {
        struct picot__completion *entry = &block->entries[i];
        (void)picot__waitqueue_remove(&entry->future->waiters, &entry->waiter);
        picot__future_drop(entry->future);
    }
    if (block) {
        *block->link = block->next;
        if (block->next) block->next->link = block->link;
        picot_free(completions->_.loop, block, size_of(block->count));
    }
    *completions = (picot_completions){0};
}

/* ---- fetched ------------------------------------------------------------------------------------- */

static void next_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_next_completed_head *my = (struct picot_next_completed_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &my->of->_.waiters, &my->_waiter);
}

picot_step picot_next_completed_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_next_completed_head *my = (struct picot_next_completed_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (leaf->pos != 0) {
        if (leaf->rc < 0) my->_ret = leaf->rc;
        return picot__leaf_return(task, leaf, leaf->rc);
    }
    if (picot__leaf_refused(task, leaf, &step)) {
        my->_ret = leaf->rc;
        return step;
    }
    my->_ret = my->of && my->of->_.loop ? PICOT_ECLOSED : -EINVAL;
    if (my->_ret == -EINVAL || my->of->_.left == 0) return picot__leaf_return(task, leaf, (int)my->_ret);
    const struct picot__completion *entry = fetch(my->of);
    if (entry) {
        my->_ret = entry->future->handle;
        return picot__leaf_now(task, leaf, 0);
    }
    my->_waiter.slot = &my->_ret;
    return picot__park(task, leaf, &my->of->_.waiters, &my->_waiter);
}

PICOT__LEAF_FN(picot_next_completed, next_cancel);
