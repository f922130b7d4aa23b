/* SPDX-License-Identifier: MIT
 *
 * owned.c - what a task owns alone: taken and dropped, rings of owners found, and the end of a task that owns.
 *
 * A task lists what it owns, so that nobody waits for ever for a task that has ended. An owner waits for one thing at
 * most, and that has one owner at most: a path, which ends at a task that runs, or at the asking one. No ring is ever
 * closed, for each wait but one looks first; the one, coming back from a condition, begins while the lock's owner runs.
 */
#include "sync.h"

struct owned_leaf {
    picot_frame co;
    void *object;
    picot_waiter waiter;
};

_Static_assert(offsetof(struct picot_lock_acquire_head, _waiter) == offsetof(struct owned_leaf, waiter), "lock");
_Static_assert(offsetof(struct picot_rwlock_read_head, _waiter) == offsetof(struct owned_leaf, waiter), "read");
_Static_assert(offsetof(struct picot_rwlock_write_head, _waiter) == offsetof(struct owned_leaf, waiter), "write");
_Static_assert(offsetof(struct picot_condition_wait_head, _waiter) == offsetof(struct owned_leaf, waiter), "condition");

int picot__owned_enter(picot_owned *owned, picot_task *task)
{
    int rc = picot__sync_enter(&owned->sync, task);
    if (rc < 0) return rc;
    if (owned->owner == task) return -EDEADLK;
    return picot__extra_of(task) ? 0 : -ENOMEM; /* now, for a hand-over must not fail */
}

picot_owned *picot__owned_wanted(const picot_task *task)
{
    if (!(task->top->fn->flags & PICOT__FN_OWNED)) return NULL;
    const struct owned_leaf *leaf = (const struct owned_leaf *)(const void *)task->top;
    return leaf->waiter.next ? leaf->waiter.slot : NULL;
}

bool picot__owned_deadlock(const picot_owned *owned, const picot_task *task)
{
    while (owned && owned->owner) {
        if (owned->owner == task) return true;
        owned = picot__owned_wanted(owned->owner);
    }
    return false;
}

void picot__owned_take(picot_owned *owned, picot_task *task)
{
    struct picot__extra *extra = task->extra;
    owned->owner = task;
    owned->next = extra->owned;
    extra->owned = owned;
}

void picot__owned_drop(picot_owned *owned)
{
    picot_owned **at = &owned->owner->extra->owned;
    while (*at != owned)
        at = &(*at)->next;
    *at = owned->next;
    owned->owner = NULL;
    owned->next = NULL;
}

bool picot__owned_by_current(const picot_owned *owned)
{
    return owned->owner && picot__coro_of_task(owned->owner)->current == owned->owner;
}

/* One that was freed while it was held would lead astray: the list is followed only as far as it is this task's. */
void picot__owned_abandon(picot_owned *last, const picot_task *task)
{
    for (picot_owned *owned = last, *next; owned && owned->owner == task; owned = next) {
        next = owned->next;
        owned->owner = NULL;
        owned->next = NULL;
        (void)picot__sync_break(&owned->sync);
    }
}
