/* SPDX-License-Identifier: MIT
 *
 * sync.h - locks, events, conditions, barriers and wait groups between the tasks of one loop.
 *
 *     picot_try_with_lock(my->hold, &my->cache->lock) {
 *         picot_try_await(refill(.cache = my->cache));
 *     }
 *
 * All are served in order, and handed over directly: who releases makes the first waiter the owner at once, although
 * its task runs only later, and no newcomer can overtake. A wait that was granted succeeds, even if a cancellation has
 * come in between: that is told at the next await, and nothing is lost.
 *
 * They are plain structs: zero one, or call its _init function where there is one. It stays at its place while
 * somebody waits for it or holds it. The picot_..._break functions end all waits before one goes away.
 *
 * Common codes of the waits: -ECANCELED; -EINVAL: NULL; -EPERM: it belongs to another loop, for the first await binds
 * it to its own; PICOT_EBROKEN: it was broken. Cancel: the waiter leaves, nobody else is affected. Nothing here
 * allocates but the owners' record, once per task: -ENOMEM where it is named. Thread: the loop's. After fork: not to be
 * used. Semaphores and rate limits: limiter.h.
 */
#ifndef PICOT_SYNC_H
#define PICOT_SYNC_H

#include <picot/coro.h>
#include <picot/select.h>

PICOT_BEGIN_DECLS

/* ---- lock -------------------------------------------------------------------------------------- */

/** A lock that knows its owner, a task. Zeroed: free. Private. */
typedef struct picot_lock {
    picot_owned owned;
} picot_lock;

/**
 * picot_await(picot_lock_acquire(.lock = &my->lock)): wait until the lock is this task's.
 * Result: 0; -EDEADLK: the task holds it already, or its owner waits, perhaps through others, for a lock that this task
 * holds; -ENOMEM; the common codes. A lock whose owner ends without a release is broken: its waiters, and all who come
 * later, get PICOT_EBROKEN, for what it guards may be half done. Zero it to use it again. @since 0.1
 */
struct picot_lock_acquire_head {
    picot_frame _co;
    picot_lock *lock;
    picot_waiter _waiter;
    int _ret;
};
#define picot_lock_acquire(...) picot_call(picot_lock_acquire, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_lock_acquire);

/**
 * Take a lock if it is free.
 * @param self  the running task: picot_self inside an async function
 * @return  0: it is this task's; -EBUSY: another's; else as picot_lock_acquire. @since 0.1
 */
PICOT_API int picot_lock_try(picot_lock *lock, picot_task *self);

/**
 * Release a lock: the first waiter owns it from now on.
 * @return  0; PICOT_ENOTOWNER: it is not the running task's; -EINVAL: NULL. @since 0.1
 */
PICOT_API int picot_lock_release(picot_lock *lock);

/** The task that owns a lock, or NULL: it is free. @since 0.1 */
PICOT_API picot_task *picot_lock_owner(const picot_lock *lock);

/**
 * The lock that a task waits for in picot_lock_acquire or to come back from a condition, or NULL. With picot_lock_owner
 * this walks the cycle that an -EDEADLK speaks of: from the owner of the lock that was refused to the lock it waits
 * for, to that one's owner, and so on to the refused task. @since 0.1
 */
PICOT_API picot_lock *picot_lock_wanted(const picot_task *task);

/** Waiters, and all who come later, get PICOT_EBROKEN; an owner keeps it until it releases. Zero it then to use it
 * again. @return 0; -EINVAL: NULL. @since 0.1 */
PICOT_API int picot_lock_break(picot_lock *lock);

/** An arm that wins when the lock is this task's. Cycles over several tasks are not looked for. @since 0.1 */
PICOT_API picot_arm picot_arm_lock(picot_lock *lock);

/* ---- blocks that hold something ---------------------------------------------------------------- */

/**
 * picot_with_lock(my->hold, &lock) { ... }  The block runs with the lock held. It is released when the block is left:
 * by its end, by `break` or `continue` (both end this block, not a loop around it), or by ending the function, in turn
 * with its defers; after a `goto` out of it when the function ends. my->hold is a picot_hold among the locals, in use
 * for one block at a time. Not acquired: the block is skipped, and picot_error() tells why (-EINVAL: also that the hold
 * is in use). The picot_try_... form then ends the function with that error.
 */
#define picot_with_lock(hold, lock) PICOT_WITH_LOCK_(PICOT_STAY_, hold, lock)
#define picot_try_with_lock(hold, lock) PICOT_WITH_LOCK_(PICOT_LEAVE_, hold, lock)
#define PICOT_WITH_LOCK_(fail, hold_, lock_)                                                                           \
    PICOT_HOLD_(fail, __COUNTER__, hold_, picot_rt_hold_lock(&(hold_), (lock_)),                                       \
                picot_lock_acquire(.lock = (picot_lock *)(hold_).wanted))

/** The same for a picot_rwlock, as one of its readers. */
#define picot_with_read(hold, rwlock) PICOT_WITH_READ_(PICOT_STAY_, hold, rwlock)
#define picot_try_with_read(hold, rwlock) PICOT_WITH_READ_(PICOT_LEAVE_, hold, rwlock)
#define PICOT_WITH_READ_(fail, hold_, rwlock_)                                                                         \
    PICOT_HOLD_(fail, __COUNTER__, hold_, picot_rt_hold_read(&(hold_), (rwlock_)),                                     \
                picot_rwlock_read(.rwlock = (picot_rwlock *)(hold_).wanted))

/** The same for a picot_rwlock, as its writer. A downgrade inside is understood. */
#define picot_with_write(hold, rwlock) PICOT_WITH_WRITE_(PICOT_STAY_, hold, rwlock)
#define picot_try_with_write(hold, rwlock) PICOT_WITH_WRITE_(PICOT_LEAVE_, hold, rwlock)
#define PICOT_WITH_WRITE_(fail, hold_, rwlock_)                                                                        \
    PICOT_HOLD_(fail, __COUNTER__, hold_, picot_rt_hold_write(&(hold_), (rwlock_)),                                    \
                picot_rwlock_write(.rwlock = (picot_rwlock *)(hold_).wanted))

/* ---- lock for readers and writers -------------------------------------------------------------- */

/** Many readers or one writer. In order: a reader that comes behind a waiting writer waits. Zeroed: free. Private. */
typedef struct picot_rwlock {
    picot_owned owned; /* the writer */
    size_t readers;
} picot_rwlock;

/**
 * picot_await(picot_rwlock_read(.rwlock = &lock)): become one of its readers. A task that reads already and reads again
 * may wait for a writer that waits for it: do not.
 * Result: 0; -EDEADLK: the task is its writer, or its writer waits for something that this task owns; the common codes.
 * @since 0.1
 */
struct picot_rwlock_read_head {
    picot_frame _co;
    picot_rwlock *rwlock;
    picot_waiter _waiter;
    int _ret;
};
#define picot_rwlock_read(...) picot_call(picot_rwlock_read, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_rwlock_read);

/**
 * picot_await(picot_rwlock_write(.rwlock = &lock)): become its writer. A reader that wants to write releases first.
 * Result: as picot_rwlock_read; -ENOMEM. A writer that ends without a release leaves it broken. @since 0.1
 */
struct picot_rwlock_write_head {
    picot_frame _co;
    picot_rwlock *rwlock;
    picot_waiter _waiter;
    int _ret;
};
#define picot_rwlock_write(...) picot_call(picot_rwlock_write, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_rwlock_write);

/** Become a reader if that needs no waiting. @param self picot_self. @return 0; -EBUSY; else as picot_rwlock_read.
 * @since 0.1 */
PICOT_API int picot_rwlock_try_read(picot_rwlock *rwlock, picot_task *self);
/** Become the writer if that needs no waiting. @param self picot_self. @return 0; -EBUSY; else as picot_rwlock_write.
 * @since 0.1 */
PICOT_API int picot_rwlock_try_write(picot_rwlock *rwlock, picot_task *self);

/** A reader is done. Who the readers are is not remembered. @return 0; PICOT_ENOTOWNER: there is no reader; -EINVAL.
 * @since 0.1 */
PICOT_API int picot_rwlock_release_read(picot_rwlock *rwlock);
/** The writer is done. @return 0; PICOT_ENOTOWNER: the running task is not the writer; -EINVAL. @since 0.1 */
PICOT_API int picot_rwlock_release_write(picot_rwlock *rwlock);
/** The writer becomes a reader, and lets readers in that wait in front of the next writer. Nobody writes in between.
 * @return 0; PICOT_ENOTOWNER; -EINVAL. @since 0.1 */
PICOT_API int picot_rwlock_downgrade(picot_rwlock *rwlock);

/** The task that writes, or NULL. @since 0.1 */
PICOT_API picot_task *picot_rwlock_writer(const picot_rwlock *rwlock);
/** How many read. 0 for NULL. @since 0.1 */
PICOT_API size_t picot_rwlock_readers(const picot_rwlock *rwlock);
/** As picot_lock_break. @since 0.1 */
PICOT_API int picot_rwlock_break(picot_rwlock *rwlock);

/* ---- event ------------------------------------------------------------------------------------- */

/** A flag to wait for. Zeroed: not set. Private. */
typedef struct picot_event {
    picot_sync sync;
    int set;
} picot_event;

/** picot_await(picot_event_wait(.event = &my->event)): until it is set. Result: 0; the common codes. @since 0.1 */
struct picot_event_wait_head {
    picot_frame _co;
    picot_event *event;
    picot_waiter _waiter;
    int _ret;
};
#define picot_event_wait(...) picot_call(picot_event_wait, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_event_wait);

/** Set it: all waiters go on, even if it is cleared before they run. @return 0; -EINVAL: NULL. @since 0.1 */
PICOT_API int picot_event_set(picot_event *event);
/** Whoever waits from now on waits for the next set. @return 0; -EINVAL: NULL. @since 0.1 */
PICOT_API int picot_event_clear(picot_event *event);
/** 1: it is set; 0. @since 0.1 */
PICOT_API int picot_event_is_set(const picot_event *event);
/** Let the first waiter alone go on, without setting it. @return 1; 0: nobody waits; -EINVAL: NULL. @since 0.1 */
PICOT_API int picot_event_notify_one(picot_event *event);
/** Waiters, and all who come later, get PICOT_EBROKEN. Zero it to use it again. @return 0; -EINVAL. @since 0.1 */
PICOT_API int picot_event_break(picot_event *event);
/** An arm that wins when the event is set, or one notify is this task's. @since 0.1 */
PICOT_API picot_arm picot_arm_event(picot_event *event);

/* ---- condition --------------------------------------------------------------------------------- */

/** To wait, inside a lock, until somebody has changed what the lock guards. Begin with picot_condition_init. Private.
 */
typedef struct picot_condition {
    picot_sync sync;
    picot_lock *lock;
} picot_condition;

/** Make a condition for a lock; several may share one. @return 0; -EINVAL: NULL. @since 0.1 */
PICOT_API int picot_condition_init(picot_condition *condition, picot_lock *lock);

/** Does what the lock guards suffice? Called with the lock held; must not await. Positive: yes; 0: no; negative: the
 * wait ends with this code. */
typedef int picot_predicate(void *user);

/**
 * picot_await(my->n, picot_condition_wait(.condition = &my->changed, .predicate = has_items, .user = &my->items)):
 * release the lock, wait for a notification, take the lock again. With a predicate: ask it before waiting, and after
 * each notification wait on while it says no.
 * Result: 0, or what the predicate said. The lock is held again after each result but one.
 * PICOT_ENOTOWNER: the task does not hold the lock. PICOT_EBROKEN: the condition, or the lock, was broken: only in the
 * latter case it is not held (picot_lock_owner tells).
 * Cancel: the lock is taken again first, and that cannot be cancelled; then the result is -ECANCELED. A notification
 * that had already come is passed on to the next waiter. @since 0.1
 */
struct picot_condition_wait_head {
    picot_frame _co;
    picot_condition *condition;
    picot_waiter _waiter;
    picot_predicate *predicate;
    void *user;
    int _ret;
};
#define picot_condition_wait(...) picot_call(picot_condition_wait, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_condition_wait);

/** Wake the first `count` waiters. They go on one after the other, each with the lock.
 * @return how many there were; PICOT_ENOTOWNER: the running task does not hold the lock; -EINVAL. @since 0.1 */
PICOT_API int64_t picot_condition_notify(picot_condition *condition, size_t count);
/** Wake all. @return as picot_condition_notify. @since 0.1 */
PICOT_API int64_t picot_condition_notify_all(picot_condition *condition);
/** As picot_event_break; the lock need not be held. The waiters take the lock again. @since 0.1 */
PICOT_API int picot_condition_break(picot_condition *condition);

/* ---- barrier ----------------------------------------------------------------------------------- */

/** So many tasks wait for each other, again and again. Begin with picot_barrier_init. Private. */
typedef struct picot_barrier {
    picot_sync sync;
    uint32_t parties, arrived;
} picot_barrier;

/** @param parties how many go on together, at least 1. @return 0; -EINVAL. @since 0.1 */
PICOT_API int picot_barrier_init(picot_barrier *barrier, uint32_t parties);

/**
 * picot_await(my->index, picot_barrier_wait(.barrier = &my->barrier)): until all parties have come. Who comes then
 * belongs to the next round.
 * Result: the place in the order of coming, 0 .. parties - 1, so that one task can do what is to be done once;
 * PICOT_EBROKEN: aborted, or reset meanwhile; the common codes. Cancel: it has not come; the others wait on. @since 0.1
 */
struct picot_barrier_wait_head {
    picot_frame _co;
    picot_barrier *barrier;
    picot_waiter _waiter;
    int _ret;
};
#define picot_barrier_wait(...) picot_call(picot_barrier_wait, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_barrier_wait);

/** Waiters, and all who come before a reset, get PICOT_EBROKEN. @return 0; -EINVAL. @since 0.1 */
PICOT_API int picot_barrier_abort(picot_barrier *barrier);
/** As new: those who wait get PICOT_EBROKEN; those who were let go are not concerned. @return 0; -EINVAL. @since 0.1 */
PICOT_API int picot_barrier_reset(picot_barrier *barrier);
/** 1: aborted; 0. @since 0.1 */
PICOT_API int picot_barrier_broken(const picot_barrier *barrier);
/** How many wait. @since 0.1 */
PICOT_API uint32_t picot_barrier_waiting(const picot_barrier *barrier);

/* ---- wait group -------------------------------------------------------------------------------- */

/** A count of work under way, and those who wait for its end. Zeroed: none. Private. */
typedef struct picot_waitgroup {
    picot_sync sync;
    int64_t count;
} picot_waitgroup;

/** More work. @param count at least 0. @return 0; -EINVAL; -EOVERFLOW. @since 0.1 */
PICOT_API int picot_waitgroup_add(picot_waitgroup *group, int64_t count);
/** One piece is done; the last one lets the waiters go. @return 0; -ERANGE: there is none; -EINVAL. @since 0.1 */
PICOT_API int picot_waitgroup_done(picot_waitgroup *group);
/** How much work is left. @since 0.1 */
PICOT_API int64_t picot_waitgroup_count(const picot_waitgroup *group);
/** As picot_event_break. @since 0.1 */
PICOT_API int picot_waitgroup_break(picot_waitgroup *group);

/** picot_await(picot_waitgroup_wait(.group = &my->work)): until none is left. Result: 0; the common codes. @since 0.1
 */
struct picot_waitgroup_wait_head {
    picot_frame _co;
    picot_waitgroup *group;
    picot_waiter _waiter;
    int _ret;
};
#define picot_waitgroup_wait(...) picot_call(picot_waitgroup_wait, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_waitgroup_wait);

/** Behind the blocks above. Private. @since 0.1 */
PICOT_API int picot_rt_hold_lock(picot_hold *hold, picot_lock *lock);
PICOT_API int picot_rt_hold_read(picot_hold *hold, picot_rwlock *rwlock);
PICOT_API int picot_rt_hold_write(picot_hold *hold, picot_rwlock *rwlock);

PICOT_END_DECLS

#endif /* PICOT_SYNC_H */
