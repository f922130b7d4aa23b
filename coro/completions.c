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
}

static bool stands_before(const picot_future *futures, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (futures[i] == futures[index]) return true;
    return false;
}

static void watch(picot_completions *completions, struct picot__completion *entry, struct picot__future *future)
{
    entry->future = future;
    entry->waiter.owner = completions;
    entry->waiter.granted = finished;
    future->refs++;
    completions->_.left++;
    if (future->done)
        append(completions, entry);
    else
        picot__waitqueue_append(&future->waiters, &entry->waiter);
}

int picot_completions_init(picot_completions *completions, picot_loop *loop, const picot_future *futures, size_t count)
{
    struct picot__future *future;
    if (!completions || !loop || (!futures && count > 0) || count > INT32_MAX) return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        int rc = picot__future_find(loop, futures[i], &future);
        if (rc < 0) return rc;
    }
    *completions = (picot_completions){{.loop = loop, .count = count}};
    completions->_.last = &completions->_.first;
    if (count == 0) return 0;
    completions->_.entries = picot_alloc(loop, count * sizeof *completions->_.entries);
    if (!completions->_.entries) return -ENOMEM;
    memset(completions->_.entries, 0, count * sizeof *completions->_.entries);
    for (size_t i = 0; i < count; i++)
        if (!stands_before(futures, i) && picot__future_find(loop, futures[i], &future) == 0)
            watch(completions, &completions->_.entries[i], future);
    return 0;
}

void picot_completions_close(picot_completions *completions)
{
    if (!completions || !completions->_.loop) return;
    (void)picot__grant_all(&completions->_.waiters, -ECANCELED);
    for (size_t i = 0; i < completions->_.count; i++) {
        struct picot__completion *entry = &completions->_.entries[i];
        if (!entry->future) continue;
        (void)picot__waitqueue_remove(&entry->future->waiters, &entry->waiter);
        picot__future_release(entry->future);
    }
    picot_free(completions->_.loop, completions->_.entries, completions->_.count * sizeof *completions->_.entries);
    completions->_.loop = NULL;
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
