/* SPDX-License-Identifier: MIT
 *
 * mirror.c - a descriptor for foreign loops on pollers that have none: an epoll set, made when first asked for, that
 * holds what poll or select are waiting for, level-triggered. It only wakes; what has happened is found by the next
 * turn.
 *
 * Invariant: what is armed is in it. What epoll does not take (EPERM: a device without readiness) is not armed but
 * hot.
 */
#include "readiness.h"

#include <sys/epoll.h>

static int control(int mirror_fd, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    return epoll_ctl(mirror_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

int picot__mirror_set(const struct picot__readiness *state, int fd, unsigned interest)
{
    uint32_t events = (interest & PICOT_READABLE ? EPOLLIN : 0U) | (interest & PICOT_WRITABLE ? EPOLLOUT : 0U);
    if (!interest) {
        (void)control(state->mirror_fd, EPOLL_CTL_DEL, fd, 0); /* fails when the number was closed before */
        return 0;
    }
    int rc = control(state->mirror_fd, EPOLL_CTL_MOD, fd, events);
    return rc == -ENOENT ? control(state->mirror_fd, EPOLL_CTL_ADD, fd, events) : rc;
}

static int fill(picot_loop *loop, const struct picot__readiness *state)
{
    int rc = picot__mirror_set(state, state->wake_fd, PICOT_READABLE);
    for (struct picot__descriptor *desc = picot__descriptor_next(loop, 0); desc && rc == 0;
         desc = picot__descriptor_next(loop, desc->fd + 1)) {
        unsigned interest = picot__armed_interest(desc);
        if (!interest) continue;
        rc = desc->watch ? picot__readiness_watch(loop, desc) : picot__mirror_set(state, desc->fd, interest);
        if (rc == -EBADF) rc = 0; /* closed behind the loop's back: the next wait tells */
    }
    return rc;
}

int picot__mirror_pollable(picot_loop *loop)
{
    struct picot__readiness *state = loop->backend_state;
    if (state->mirror_fd >= 0) return state->mirror_fd;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) return -errno;
    state->mirror_fd = fd;
    int rc = fill(loop, state);
    if (rc == 0) return fd;
    state->mirror_fd = -1;
    (void)picot__sys_close(fd);
    return rc;
}
