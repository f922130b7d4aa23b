/* SPDX-License-Identifier: MIT
 *
 * sys_signal.c - a signal as a descriptor: blocked in this thread, and told by signalfd(2). No handler, no global.
 */
#include <picot/extension.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "backend.h"

static int mask_signal(int how, int signal_number)
{
    sigset_t set;
    (void)sigemptyset(&set);
    if (sigaddset(&set, signal_number) < 0) return -EINVAL;
    return -pthread_sigmask(how, &set, NULL);
}

int picot_signal_fd_open(int signal_number)
{
    sigset_t set;
    (void)sigemptyset(&set);
    if (sigaddset(&set, signal_number) < 0) return -EINVAL;
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) return -errno;
    int rc = mask_signal(SIG_BLOCK, signal_number);
    if (rc == 0) return fd;
    (void)picot__sys_close(fd);
    return rc;
}

int picot_signal_fd_take(int fd)
{
    struct signalfd_siginfo info;
    int count = 0;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        count++;
    return count;
}

void picot_signal_fd_close(int fd, int signal_number)
{
    (void)picot__sys_close(fd);
    (void)mask_signal(SIG_UNBLOCK, signal_number);
}
