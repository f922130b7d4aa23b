/* SPDX-License-Identifier: MIT
 *
 * message.c - whole messages with descriptors over SOCK_SEQPACKET: unix(7), cmsg(3).
 */
#include <picot/message.h>

#include "futex.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>

int picot_message_pair(int ret_fds[2])
{
    if (!ret_fds) return -EINVAL;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0 ? -errno : 0;
}

/* ---- made out and read --------------------------------------------------------------------------- */

int picot_message_to_send(picot_message *message, const void *data, size_t len, const int *fds, size_t fd_count)
{
    if (!message || !data || len == 0 || fd_count > PICOT_MESSAGE_FDS || (fd_count > 0 && !fds)) return -EINVAL;
    if (len > PICOT_MESSAGE_MAX) return -EMSGSIZE;
    memset(message, 0, sizeof *message);
    message->iov = (struct iovec){(void *)(uintptr_t)data, len};
    message->msg.msg_iov = &message->iov;
    message->msg.msg_iovlen = 1;
    if (fd_count == 0) return 0;
    message->msg.msg_control = message->control.bytes;
    message->msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message->msg);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    return 0;
}

int picot_message_to_receive(picot_message *message, void *buf, size_t size)
{
    if (!message || !buf || size == 0) return -EINVAL;
    memset(message, 0, sizeof *message);
    message->iov = (struct iovec){buf, size};
    message->msg.msg_iov = &message->iov;
    message->msg.msg_iovlen = 1;
    message->msg.msg_control = message->control.bytes;
    message->msg.msg_controllen = sizeof message->control;
    return 0;
}

/* The descriptors that came. Their number. */
static size_t take_fds(picot_message *message, int fds[PICOT_MESSAGE_FDS])
{
    struct cmsghdr *header = message->msg.msg_controllen >= sizeof *header ? CMSG_FIRSTHDR(&message->msg) : NULL;
    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return 0;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(header), count * sizeof(int));
    return count;
}

/* Why it cannot be delivered; 0: it can. */
static int lost(const picot_message *message, size_t came, size_t expected)
{
    if (message->msg.msg_flags & MSG_CTRUNC) return -EMFILE;
    return message->msg.msg_flags & MSG_TRUNC || came > expected ? -EMSGSIZE : 0;
}

int64_t picot_message_received(picot_message *message, int64_t result, int *ret_fds, size_t fd_count,
                               size_t *ret_fd_count)
{
    int fds[PICOT_MESSAGE_FDS];
    if (!message || (fd_count > 0 && (!ret_fds || !ret_fd_count))) return -EINVAL;
    if (ret_fd_count) *ret_fd_count = 0;
    if (result <= 0) return result;
    size_t came = take_fds(message, fds);
    int rc = lost(message, came, fd_count);
    if (rc < 0) {
        for (size_t i = 0; i < came; i++)
            (void)close(fds[i]);
        return rc;
    }
    if (came > 0) memcpy(ret_fds, fds, came * sizeof(int));
    if (ret_fd_count) *ret_fd_count = came;
    return result;
}

/* ---- blocking -------------------------------------------------------------------------------------- */

/* Until the socket is ready. 0; -ETIMEDOUT, or a code. */
static int wait_ready(int socket, short events, int64_t deadline_ns)
{
    struct pollfd fd = {.fd = socket, .events = events};
    for (;;) {
        int64_t left_ns = deadline_ns == PICOT_NEVER ? 0 : deadline_ns - picot__futex_now();
        if (left_ns < 0) left_ns = 0;
        struct timespec left = {left_ns / PICOT_SECOND, left_ns % PICOT_SECOND};
        int count = ppoll(&fd, 1, deadline_ns == PICOT_NEVER ? NULL : &left, NULL);
        if (count > 0) return fd.revents & POLLNVAL ? -EBADF : 0;
        if (count < 0 && errno != EINTR) return -errno;
        if (count == 0) return -ETIMEDOUT;
    }
}

/* Once, without blocking; -EAGAIN. Receives with one call, sends with the other. */
static int64_t transfer(int socket, picot_message *message, bool sends)
{
    for (;;) {
        ssize_t len = sends ? sendmsg(socket, &message->msg, MSG_DONTWAIT | MSG_NOSIGNAL)
                            : recvmsg(socket, &message->msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (len >= 0) return len;
        if (errno != EINTR) return errno == ENOTSOCK ? -EBADF : -errno;
    }
}

static int64_t transfer_until(int socket, picot_message *message, bool sends, int64_t timeout_ns)
{
    int64_t deadline_ns = timeout_ns == 0 ? 0 : picot__futex_deadline(timeout_ns);
    for (;;) {
        int64_t len = transfer(socket, message, sends);
        if (len != -EAGAIN) return len;
        int rc = wait_ready(socket, sends ? POLLOUT : POLLIN, deadline_ns);
        if (rc < 0) return rc;
    }
}

int picot_message_send_now(int socket, const void *data, size_t len, const int *fds, size_t fd_count,
                           int64_t timeout_ns)
{
    picot_message message;
    int rc = timeout_ns < 0 ? -EINVAL : picot_message_to_send(&message, data, len, fds, fd_count);
    if (rc < 0) return rc;
    int64_t sent = transfer_until(socket, &message, true, timeout_ns);
    return sent < 0 ? (int)sent : 0;
}

int64_t picot_message_receive_now(int socket, void *buf, size_t size, int *ret_fds, size_t fd_count,
                                  size_t *ret_fd_count, int64_t timeout_ns)
{
    picot_message message;
    int rc = timeout_ns < 0 ? -EINVAL : picot_message_to_receive(&message, buf, size);
    if (rc < 0) return rc;
    int64_t len = transfer_until(socket, &message, false, timeout_ns);
    return picot_message_received(&message, len, ret_fds, fd_count, ret_fd_count);
}
