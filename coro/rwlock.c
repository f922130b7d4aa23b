/* SPDX-License-Identifier: MIT
 *
 * rwlock.c - many readers or one writer, in the order of asking.
 */
#include "sync.h"

enum { READ, WRITE }; /* waiter->want */

/* Let in whoever stands in front: readers until a writer comes, or one writer when nobody is in. */
static void admit(picot_rwlock *rwlock)
{
    picot_waitqueue *queue = &rwlock->owned.sync.waiters;
    while (queue->first && !rwlock->owned.owner) {
        picot_waiter *first = queue->first;
        if (first->want == READ) {
            rwlock->readers++;
        } else {
            if (rwlock->readers > 0) return;
            picot__owned_take(&rwlock->owned, first->task);
        }
        picot__grant(queue, first, 0);
    }
}

/* 0: taken; -EBUSY; or why not. */
static int take(picot_rwlock *rwlock, picot_task *task, int want)
{
    if (!rwlock) return -EINVAL;
    int rc = picot__owned_enter(&rwlock->owned, task);
    if (rc < 0) return rc;
    if (rwlock->owned.owner || rwlock->owned.sync.waiters.first) return -EBUSY;
    if (want == READ) {
        rwlock->readers++;
    } else {
        if (rwlock->readers > 0) return -EBUSY;
        picot__owned_take(&rwlock->owned, task);
    }
    return 0;
}

/* ---- read and write: leaves of one shape ------------------------------------------------------- */

_Static_assert(sizeof(struct picot_rwlock_read_head) == sizeof(struct picot_rwlock_write_head), "one shape");
_Static_assert(offsetof(struct picot_rwlock_read_head, _ret) == offsetof(struct picot_rwlock_write_head, _ret), "_ret");

/* A writer that leaves the line may have held up the readers behind it. */
static void wait_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_rwlock_read_head *my = (struct picot_rwlock_read_head *)(void *)leaf;
    if (picot__unpark(task, leaf, &my->rwlock->owned.sync.waiters, &my->_waiter)) admit(my->rwlock);
}

static picot_step wait_resume(picot_task *task, picot_frame *leaf, int want)
{
    struct picot_rwlock_read_head *my = (struct picot_rwlock_read_head *)(void *)leaf;
    picot_step step;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_ret = take(my->rwlock, task, want);
    if (my->_ret == -EBUSY && picot__owned_deadlock(&my->rwlock->owned, task)) my->_ret = -EDEADLK;
    if (my->_ret != -EBUSY) return picot__leaf_now(task, leaf, my->_ret);
    my->_waiter.slot = &my->rwlock->owned;
    my->_waiter.want = want;
    return picot__park(task, leaf, &my->rwlock->owned.sync.waiters, &my->_waiter);
}

picot_step picot_rwlock_read_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    (void)child;
    return wait_resume(task, leaf, READ);
}

picot_step picot_rwlock_write_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    (void)child;
    return wait_resume(task, leaf, WRITE);
}

PICOT__LEAF_FN_FLAGS(picot_rwlock_read, wait_cancel, PICOT__FN_OWNED);
PICOT__LEAF_FN_FLAGS(picot_rwlock_write, wait_cancel, PICOT__FN_OWNED);

/* ---- without waiting --------------------------------------------------------------------------- */

static int try_take(picot_rwlock *rwlock, picot_task *self, int want)
{
    if (!self || picot__coro_of_task(self)->current != self) return -EINVAL;
    return take(rwlock, self, want);
}

int picot_rwlock_try_read(picot_rwlock *rwlock, picot_task *self)
{
    return try_take(rwlock, self, READ);
}

int picot_rwlock_try_write(picot_rwlock *rwlock, picot_task *self)
{
    return try_take(rwlock, self, WRITE);
}

int picot_rwlock_release_read(picot_rwlock *rwlock)
{
    if (!rwlock) return -EINVAL;
    if (rwlock->readers == 0) return PICOT_ENOTOWNER;
    rwlock->readers--;
    admit(rwlock);
    return 0;
}

static int stop_writing(picot_rwlock *rwlock, size_t readers)
{
    if (!rwlock) return -EINVAL;
    if (!picot__owned_by_current(&rwlock->owned)) return PICOT_ENOTOWNER;
    picot__owned_drop(&rwlock->owned);
    rwlock->readers = readers;
    admit(rwlock);
    return 0;
}

int picot_rwlock_release_write(picot_rwlock *rwlock)
{
    return stop_writing(rwlock, 0);
}

int picot_rwlock_downgrade(picot_rwlock *rwlock)
{
    return stop_writing(rwlock, 1);
}

picot_task *picot_rwlock_writer(const picot_rwlock *rwlock)
{
    return rwlock ? rwlock->owned.owner : NULL;
}

size_t picot_rwlock_readers(const picot_rwlock *rwlock)
{
    return rwlock ? rwlock->readers : 0;
}

int picot_rwlock_break(picot_rwlock *rwlock)
{
    return rwlock ? picot__sync_break(&rwlock->owned.sync) : -EINVAL;
}

/* ---- blocks ------------------------------------------------------------------------------------ */

static void undo_read(picot_hold *hold)
{
    (void)picot_rwlock_release_read(hold->object);
}

static void undo_write(picot_hold *hold)
{
    if (picot_rwlock_release_write(hold->object) == PICOT_ENOTOWNER) undo_read(hold); /* it was downgraded */
}

int picot_rt_hold_read(picot_hold *hold, picot_rwlock *rwlock)
{
    return picot__hold_begin(hold, rwlock, undo_read);
}

int picot_rt_hold_write(picot_hold *hold, picot_rwlock *rwlock)
{
    return picot__hold_begin(hold, rwlock, undo_write);
}
