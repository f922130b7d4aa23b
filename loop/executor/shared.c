/* SPDX-License-Identifier: MIT
 *
 * shared.c - memory between processes, and a lock, a semaphore and an event in it.
 *
 * The lock is a robust mutex of the C library, whose kernel half tells of owners that died:
 * pthread_mutexattr_setrobust(3), futex(2). The others are a futex word each.
 */
#include <picot/shared.h>

#include "futex.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* ---- memory ---------------------------------------------------------------------------------------- */

static int map(int fd, size_t size, picot_shared *ret_shared)
{
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) return -errno;
    *ret_shared = (picot_shared){data, size, fd};
    return 0;
}

int picot_shared_create(size_t size, picot_shared *ret_shared)
{
    if (!ret_shared || size == 0 || size > (size_t)INT64_MAX) return -EINVAL;
    int fd = memfd_create("picot-shared", MFD_CLOEXEC | MFD_ALLOW_SEALING), rc = 0;
    if (fd < 0) return -errno;
    if (ftruncate(fd, (off_t)size) < 0) rc = errno == EFBIG ? -EINVAL : -errno;
    if (rc == 0 && fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0) rc = -errno;
    if (rc == 0) rc = map(fd, size, ret_shared);
    if (rc < 0) (void)close(fd);
    return rc;
}

int picot_shared_attach(int fd, picot_shared *ret_shared)
{
    struct stat info;
    if (!ret_shared) return -EINVAL;
    if (fstat(fd, &info) < 0) return -errno;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || info.st_size <= 0) return -EINVAL;
    return map(fd, (size_t)info.st_size, ret_shared);
}

void picot_shared_close(picot_shared *shared)
{
    if (!shared || !shared->data) return;
    (void)munmap(shared->data, shared->size);
    (void)close(shared->fd);
    *shared = (picot_shared){NULL, 0, -1};
}

/* ---- the lock --------------------------------------------------------------------------------------- */

int picot_shared_lock_init(picot_shared_lock *lock)
{
    pthread_mutexattr_t attributes;
    if (!lock) return -EINVAL;
    int error = pthread_mutexattr_init(&attributes);
    if (error) return -error;
    (void)pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    (void)pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    error = pthread_mutex_init(&lock->mutex, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return -error;
}

int picot_shared_lock_acquire(picot_shared_lock *lock, int64_t timeout_ns)
{
    int error;
    if (!lock || timeout_ns < 0) return -EINVAL;
    if (timeout_ns == PICOT_NEVER) {
        error = pthread_mutex_lock(&lock->mutex);
    } else if (timeout_ns == 0) {
        error = pthread_mutex_trylock(&lock->mutex);
        if (error == EBUSY) error = ETIMEDOUT;
    } else {
        int64_t deadline_ns = picot__futex_deadline(timeout_ns);
        struct timespec at = {deadline_ns / PICOT_SECOND, deadline_ns % PICOT_SECOND};
        error = pthread_mutex_clocklock(&lock->mutex, CLOCK_MONOTONIC, &at);
    }
    if (error != EOWNERDEAD) return -error;
    (void)pthread_mutex_consistent(&lock->mutex);
    return PICOT_EOWNERDIED;
}

int picot_shared_lock_release(picot_shared_lock *lock)
{
    return lock ? -pthread_mutex_unlock(&lock->mutex) : -EINVAL;
}

/* ---- the semaphore ---------------------------------------------------------------------------------- */

int picot_shared_semaphore_init(picot_shared_semaphore *semaphore, uint32_t count)
{
    if (!semaphore) return -EINVAL;
    *semaphore = (picot_shared_semaphore){count, 0};
    return 0;
}

static bool take_unit(picot_shared_semaphore *semaphore)
{
    uint32_t count = __atomic_load_n(&semaphore->count, __ATOMIC_SEQ_CST);
    while (count > 0)
        if (__atomic_compare_exchange_n(&semaphore->count, &count, count - 1, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return true;
    return false;
}

int picot_shared_semaphore_acquire(picot_shared_semaphore *semaphore, int64_t timeout_ns)
{
    if (!semaphore || timeout_ns < 0) return -EINVAL;
    if (take_unit(semaphore)) return 0;
    if (timeout_ns == 0) return -ETIMEDOUT;
    int64_t deadline_ns = picot__futex_deadline(timeout_ns);
    int rc = 0;
    /* Counted before it looks again: who gives a unit first raises the count, then looks who waits. */
    (void)__atomic_add_fetch(&semaphore->waiters, 1, __ATOMIC_SEQ_CST);
    while (rc == 0 && !take_unit(semaphore)) {
        rc = picot__futex_wait_shared_until(&semaphore->count, 0, deadline_ns);
        if (rc < 0 && take_unit(semaphore)) rc = 1;
    }
    (void)__atomic_sub_fetch(&semaphore->waiters, 1, __ATOMIC_SEQ_CST);
    return rc < 0 ? rc : 0;
}

int picot_shared_semaphore_release(picot_shared_semaphore *semaphore)
{
    if (!semaphore) return -EINVAL;
    uint32_t count = __atomic_load_n(&semaphore->count, __ATOMIC_SEQ_CST);
    do
        if (count == UINT32_MAX) return -EOVERFLOW;
    while (
        !__atomic_compare_exchange_n(&semaphore->count, &count, count + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    if (__atomic_load_n(&semaphore->waiters, __ATOMIC_SEQ_CST) > 0) picot__futex_wake_shared(&semaphore->count, 1);
    return 0;
}

/* ---- the event --------------------------------------------------------------------------------------- */

int picot_shared_event_set(picot_shared_event *event)
{
    if (!event) return -EINVAL;
    if (__atomic_exchange_n(&event->set, 1, __ATOMIC_SEQ_CST) == 0) picot__futex_wake_shared(&event->set, INT_MAX);
    return 0;
}

int picot_shared_event_clear(picot_shared_event *event)
{
    if (!event) return -EINVAL;
    __atomic_store_n(&event->set, 0, __ATOMIC_SEQ_CST);
    return 0;
}

int picot_shared_event_wait(picot_shared_event *event, int64_t timeout_ns)
{
    if (!event || timeout_ns < 0) return -EINVAL;
    int64_t deadline_ns = timeout_ns == 0 ? 0 : picot__futex_deadline(timeout_ns);
    while (__atomic_load_n(&event->set, __ATOMIC_SEQ_CST) == 0)
        if (picot__futex_wait_shared_until(&event->set, 0, deadline_ns) < 0)
            return __atomic_load_n(&event->set, __ATOMIC_SEQ_CST) ? 0 : -ETIMEDOUT;
    return 0;
}
