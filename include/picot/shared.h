/* SPDX-License-Identifier: MIT
 *
 * shared.h - memory that processes share, and what they need in it: a lock, a semaphore, an event, a queue.
 *
 *     picot_shared memory;
 *     picot_shared_create(sizeof(struct board), &memory);      a child inherits it by fork, another gets memory.fd
 *     struct board *board = memory.data;
 *     picot_shared_lock_init(&board->lock);
 *
 * Memory is a memfd: it has no name, and is gone with the last process that has it; nothing is left behind by one that
 * was killed. Everything here blocks its thread, at most for the time given; coroutines call it by picot_run_in. The
 * objects hold no addresses: they work wherever each process has mapped the memory. A process that dies with a lock is
 * reported to the next one who takes it.
 *
 * Times: timeout_ns is in nanoseconds, 0: only try; PICOT_NEVER; negative: -EINVAL. Thread: any; none from signal
 * handlers.
 */
#ifndef PICOT_SHARED_H
#define PICOT_SHARED_H

#include <picot/base.h>
#include <picot/error.h>
#include <pthread.h>

PICOT_BEGIN_DECLS

/* ---- memory -------------------------------------------------------------------------------------- */

/** A piece of shared memory, as this process has it. */
typedef struct picot_shared {
    void *data;
    size_t size;
    int fd; /**< to be passed on: inherited, or by a message */
} picot_shared;

/**
 * Make a piece of memory, zeroed, that cannot change its size.
 * @return  0; -EINVAL: size 0 or too large; -ENOMEM, -EMFILE, -ENFILE; memfd_create(2), Linux 3.17. @since 0.1
 */
PICOT_API int picot_shared_create(size_t size, picot_shared *ret_shared);

/**
 * Map memory that came as a descriptor.
 * @param fd  becomes the picot_shared's, also when this fails it stays open
 * @return  0; -EINVAL: not of picot_shared_create: its size could change under us; -EBADF, -ENOMEM. @since 0.1
 */
PICOT_API int picot_shared_attach(int fd, picot_shared *ret_shared);

/** Unmap it, and close the descriptor. NULL and a zeroed one do nothing. @since 0.1 */
PICOT_API void picot_shared_close(picot_shared *shared);

/* ---- a lock -------------------------------------------------------------------------------------- */

/** A lock between processes: robust, owner-checked. In shared memory; initialised once, by one process. */
typedef struct picot_shared_lock {
    pthread_mutex_t mutex;
} picot_shared_lock;

/** @return  0, -EINVAL. @since 0.1 */
PICOT_API int picot_shared_lock_init(picot_shared_lock *lock);

/**
 * Take it.
 * @return  0; PICOT_EOWNERDIED: taken, and its last owner has died with it: what it guards may be half changed;
 *          -ETIMEDOUT; -EDEADLK: this thread has it; -EINVAL. @since 0.1
 */
PICOT_API int picot_shared_lock_acquire(picot_shared_lock *lock, int64_t timeout_ns);

/** Give it back. @return  0; -EPERM: this thread does not have it; -EINVAL. @since 0.1 */
PICOT_API int picot_shared_lock_release(picot_shared_lock *lock);

/* ---- a semaphore, an event ----------------------------------------------------------------------- */

/** A counting semaphore. (Nobody owns it: a process that dies takes its units along.) */
typedef struct picot_shared_semaphore {
    uint32_t count, waiters;
} picot_shared_semaphore;

/** @return  0, -EINVAL. @since 0.1 */
PICOT_API int picot_shared_semaphore_init(picot_shared_semaphore *semaphore, uint32_t count);
/** Take a unit. @return  0; -ETIMEDOUT; -EINVAL. @since 0.1 */
PICOT_API int picot_shared_semaphore_acquire(picot_shared_semaphore *semaphore, int64_t timeout_ns);
/** Give a unit. @return  0; -EOVERFLOW: there are UINT32_MAX; -EINVAL. @since 0.1 */
PICOT_API int picot_shared_semaphore_release(picot_shared_semaphore *semaphore);

/** An event: set until it is cleared; zeroed: not set. */
typedef struct picot_shared_event {
    uint32_t set;
} picot_shared_event;

/** Set it, and wake who waits. @return  0, -EINVAL. @since 0.1 */
PICOT_API int picot_shared_event_set(picot_shared_event *event);
/** @return  0, -EINVAL. @since 0.1 */
PICOT_API int picot_shared_event_clear(picot_shared_event *event);
/** Wait until it is set. @return  0; -ETIMEDOUT; -EINVAL. @since 0.1 */
PICOT_API int picot_shared_event_wait(picot_shared_event *event, int64_t timeout_ns);

/* ---- a queue ------------------------------------------------------------------------------------- */

/** A bounded queue of items of one size, first in first out; its items lie behind it in the shared memory. */
typedef struct picot_shared_queue {
    picot_shared_lock lock;
    uint64_t item_size, capacity;
    uint64_t put_count, get_count; /* items ever put in, and taken out */
    uint32_t puts, gets;           /* futex words: they change with each */
    uint32_t put_waiters, get_waiters;
    uint32_t closed;
    uint32_t unused;
} picot_shared_queue;

/** Bytes that a queue needs, its items included; 0: too many. @since 0.1 */
PICOT_API size_t picot_shared_queue_size(size_t item_size, size_t capacity);
/** Make a queue in so much memory. @return  0, -EINVAL. @since 0.1 */
PICOT_API int picot_shared_queue_init(picot_shared_queue *queue, size_t item_size, size_t capacity);
/** Put an item in. A process that died in the middle of it has put nothing. @return  0; -ETIMEDOUT: it is full;
 * PICOT_ECLOSED; -EINVAL. @since 0.1 */
PICOT_API int picot_shared_queue_put(picot_shared_queue *queue, const void *item, int64_t timeout_ns);
/** Take the oldest item out. A process that died in the middle of it has taken nothing. @return  0; -ETIMEDOUT: it is
 * empty; PICOT_ECLOSED: and will remain so; -EINVAL. @since 0.1 */
PICOT_API int picot_shared_queue_get(picot_shared_queue *queue, void *ret_item, int64_t timeout_ns);
/** No more items: puts are refused, gets end when it is empty. @return  0, -EINVAL. @since 0.1 */
PICOT_API int picot_shared_queue_close(picot_shared_queue *queue);

PICOT_END_DECLS

#endif /* PICOT_SHARED_H */
