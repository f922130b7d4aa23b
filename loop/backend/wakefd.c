/* SPDX-License-Identifier: MIT
 *
 * wakefd.c - the eventfd that ends a wait. eventfd(2): write(2) on it is async-signal-safe, coalesces, and never
 * blocks here.
 */
#include "backend.h"

#include <sys/eventfd.h>
#include <unistd.h>

int picot__wakefd_open(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

void picot__wakefd_signal(int fd)
{
    int error = errno; /* may run in a signal handler */
    const uint64_t one = 1;
    ssize_t n;
    do {
        n = write(fd, &one, sizeof one); /* EAGAIN: the counter is full, so the wake is pending anyway */
    } while (n < 0 && errno == EINTR);
    errno = error;
}

void picot__wakefd_drain(int fd)
{
    uint64_t count;
    ssize_t n;
    do {
        n = read(fd, &count, sizeof count); /* EAGAIN: drained already */
    } while (n < 0 && errno == EINTR);
}
