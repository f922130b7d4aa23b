/* SPDX-License-Identifier: MIT
 *
 * sync.h - what the primitives share: bound to a loop, broken, owned by a task.
 */
#ifndef PICOT_CORO_SYNC_H
#define PICOT_CORO_SYNC_H

#include <picot/limiter.h>
#include <picot/sync.h>

#include "waitqueue.h"

/* The beginning of each wait: 0; -EPERM: it is of another loop; PICOT_EBROKEN. */
static inline int picot__sync_enter(picot_sync *sync, const picot_task *task)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    if (!sync->coro) sync->coro = coro;
    if (sync->coro != coro) return -EPERM;
    return sync->broken ? PICOT_EBROKEN : 0;
}

/* Waiters, and all who come later, get PICOT_EBROKEN. Returns 0. */
static inline int picot__sync_break(picot_sync *sync)
{
    sync->broken = 1;
    (void)picot__grant_all(&sync->waiters, PICOT_EBROKEN);
    return 0;
}

/* ---- owned.c ----------------------------------------------------------------------------------- */

/*
 * A leaf that waits for something owned: an object's pointer, then the waiter, whose slot is the picot_owned while it
 * is in that queue.
 */
#define PICOT__FN_OWNED 8u /* among fn->flags, behind those of coro_runtime.h */

/* Before a task takes or waits: 0; -EDEADLK: its own; -ENOMEM; or as picot__sync_enter. */
int picot__owned_enter(picot_owned *owned, picot_task *task);
/* Would its wait close a ring of owners? */
bool picot__owned_deadlock(const picot_owned *owned, const picot_task *task);
void picot__owned_take(picot_owned *owned, picot_task *task); /* picot__owned_enter went before */
void picot__owned_drop(picot_owned *owned);
/* Is the owner the task that runs now? */
bool picot__owned_by_current(const picot_owned *owned);
/* What this task waits for, or NULL. */
picot_owned *picot__owned_wanted(const picot_task *task);

/* lock.c: the owner gives it up; the first waiter has it now. */
void picot__lock_hand(picot_lock *lock);
/* hold.c: a block is about to acquire; returns the step that it begins with. */
int picot__hold_begin(picot_hold *hold, void *object, void (*undo)(picot_hold *));

#endif /* PICOT_CORO_SYNC_H */
