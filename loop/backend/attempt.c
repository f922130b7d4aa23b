/* SPDX-License-Identifier: MIT
 *
 * attempt.c - one system call for one operation, without blocking, on sockets, pipes, ttys and character devices.
 *
 * Invariants: desc->flags tells afterwards whether another attempt is worth making. Only EAGAIN, or a short read of
 * a TCP stream that has not hung up, means "wait for an event"; everything else leaves the latch as it is, because
 * an edge-triggered kernel says each thing only once. So these do not count as empty: a read that peeks, one that
 * stops at the urgent mark, the end of the stream, and the boundaries that AF_UNIX streams keep where descriptors
 * were passed.
 *
 * Sources: recv(2), send(2), accept(2), connect(2), pipe(7), tcp(7), unix(7).
 */
#include "attempt.h"

#include <limits.h>
#include <poll.h>

/* Data outside the ordinary stream: the read latch says nothing about it. */
#define OUT_OF_BAND (MSG_OOB | MSG_ERRQUEUE)
#define ACCEPT_TRIES 32
/* What one attempt may move before others get their turn. */
#define SEND_PIECES 16
#define SEND_BYTES ((size_t)1 << 20)

/* ---- latches --------------------------------------------------------------------------------- */

int64_t picot__read_failed(struct picot__descriptor *desc, int flags)
{
    if (errno != EAGAIN) return -errno;
    if (!(flags & OUT_OF_BAND)) desc->flags &= (uint16_t)~PICOT__READ_READY;
    return PICOT__AGAIN;
}

int64_t picot__write_failed(struct picot__descriptor *desc)
{
    if (errno != EAGAIN) return -errno;
    desc->flags |= PICOT__WRITE_BLOCKED;
    return PICOT__AGAIN;
}

/* Has a read of n bytes where more had room emptied the descriptor? */
static void note_read(struct picot__descriptor *desc, ssize_t n, size_t room, int flags)
{
    bool emptied = n > 0 && (size_t)n < room && (desc->flags & (PICOT__STREAM | PICOT__HUNG_UP)) == PICOT__STREAM;
    if (emptied && !(flags & (MSG_PEEK | OUT_OF_BAND))) desc->flags &= (uint16_t)~PICOT__READ_READY;
}

int picot__poll_now(int fd, short events)
{
    struct pollfd entry = {.fd = fd, .events = events};
    int rc;
    do {
        rc = poll(&entry, 1, 0);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? -errno : entry.revents;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/*
 * A datagram socket after its own shutdown(2): a call that blocks returns 0, one that does not says EAGAIN for ever,
 * while poll(2) keeps reporting it. Asked only where an event has come and the shutdown was seen.
 */
static bool is_shut_down(const struct picot__descriptor *desc, int flags)
{
    const unsigned asked = PICOT__STREAM | PICOT__READ_READY | PICOT__HUNG_UP,
                   told = PICOT__READ_READY | PICOT__HUNG_UP;
    if ((desc->flags & asked) != told || flags & OUT_OF_BAND) return false;
    int found = picot__poll_now(desc->fd, POLLRDHUP);
    return found > 0 && found & POLLRDHUP;
}

static int64_t receive_failed(struct picot__descriptor *desc, int flags)
{
    int error = errno;
    if (error == EAGAIN && is_shut_down(desc, flags)) return 0;
    errno = error;
    return picot__read_failed(desc, flags);
}

static int64_t receive(struct picot__descriptor *desc, void *buf, size_t len, int flags)
{
    ssize_t n;
    do {
        n = recv(desc->fd, buf, len, flags | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return receive_failed(desc, flags);
    note_read(desc, n, len, flags);
    return n;
}

void picot__lease_drop(picot_loop *loop, picot_lease *lease)
{
    if (lease->data) picot__lease_give(loop, lease->data);
    *lease = (picot_lease){NULL, 0};
}

static int64_t attempt_recv(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    (void)loop;
    return receive(desc, op->_.u.io.buf, op->_.u.io.len, op->_.u.io.flags);
}

static int64_t attempt_recv_leased(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    picot_lease *ret_lease = op->_.u.io.at.ret_lease;
    picot__lease_drop(loop, ret_lease);
    void *buffer = picot__lease_take(loop);
    if (!buffer) return -ENOMEM;
    int64_t n = receive(desc, buffer, PICOT__LEASE_SIZE, 0);
    if (n > 0)
        *ret_lease = (picot_lease){buffer, (size_t)n};
    else
        picot__lease_give(loop, buffer);
    return n;
}

static size_t message_room(const struct msghdr *msg)
{
    size_t room = 0;
    for (size_t i = 0; i < msg->msg_iovlen; i++)
        room += msg->msg_iov[i].iov_len;
    return room;
}

static int64_t attempt_recvmsg(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    (void)loop;
    struct msghdr *msg = op->_.u.msg.msg;
    int flags = op->_.u.msg.flags;
    ssize_t n;
    do {
        n = recvmsg(desc->fd, msg, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return receive_failed(desc, flags);
    if (desc->flags & PICOT__STREAM) note_read(desc, n, message_room(msg), flags);
    return n;
}

/* ---- sending --------------------------------------------------------------------------------- */

int64_t picot__transmit(struct picot__descriptor *desc, const void *buf, size_t len, int flags)
{
    ssize_t n;
    do {
        n = send(desc->fd, buf, len, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? picot__write_failed(desc) : n;
}

static int64_t attempt_send(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    (void)loop;
    return picot__transmit(desc, op->_.u.io.buf, op->_.u.io.len, op->_.u.io.flags);
}

/* A reader that keeps up must not hold the loop for ever: after some pieces the rest waits, unblocked, for the next
 * turn. */
static int64_t attempt_send_all(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    (void)loop;
    size_t *progress = &op->_.u.io.at.progress, len = op->_.u.io.len, start = *progress;
    for (int piece = 0; piece < SEND_PIECES && *progress - start < SEND_BYTES; piece++) {
        int64_t n = picot__transmit(desc, (const char *)op->_.u.io.buf + *progress, len - *progress, op->_.u.io.flags);
        if (n < 0) return n;
        *progress += (size_t)n;
        if (*progress >= len) return (int64_t)len;
    }
    return PICOT__AGAIN;
}

/*
 * A datagram to a named AF_UNIX socket whose queue is full: poll(2) says that ours is writable, so no event would ever
 * come. The code goes up, to be retried by a timer.
 */
static bool cannot_be_waited_for(const struct msghdr *msg)
{
    const struct sockaddr *name = msg->msg_name;
    return name && msg->msg_namelen >= sizeof name->sa_family && name->sa_family == AF_UNIX;
}

static int64_t attempt_sendmsg(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    (void)loop;
    const struct msghdr *msg = op->_.u.msg.msg;
    int flags = op->_.u.msg.flags;
    ssize_t n;
    do {
        n = sendmsg(desc->fd, msg, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) return n;
    if (errno == EAGAIN && cannot_be_waited_for(msg)) return -EAGAIN;
    return picot__write_failed(desc);
}

/* ---- connections ----------------------------------------------------------------------------- */

/* Errors of a connection that is gone already, not of the listener: accept(2), "Error handling". */
static bool concerns_one_connection(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
        return true;
    default:
        return false;
    }
}

static int64_t attempt_accept(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    int rc = desc->flags & PICOT__NONBLOCKING ? 0 : picot__sys_unblock(desc, desc->fd);
    if (rc < 0) return rc;
    for (int i = 0; i < ACCEPT_TRIES; i++) {
        int fd = accept4(desc->fd, op->_.u.addr.addr, op->_.u.addr.ret_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        unsigned flags = PICOT__SOCKET | PICOT__NONBLOCKING | (desc->flags & PICOT__STREAM);
        if (fd >= 0) return picot__descriptor_open(loop, fd, flags);
        if (!concerns_one_connection(errno)) return picot__read_failed(desc, 0);
    }
    return PICOT__AGAIN;
}

static int64_t connect_begin(struct picot__descriptor *desc, picot_op *op)
{
    int rc = desc->flags & PICOT__NONBLOCKING ? 0 : picot__sys_unblock(desc, desc->fd);
    if (rc < 0) return rc;
    if (connect(desc->fd, op->_.u.addr.addr, op->_.u.addr.len) == 0) return 0;
    if (errno != EINPROGRESS && errno != EINTR) return -errno; /* EAGAIN of AF_UNIX: cannot be waited for, either */
    op->_.flags |= PICOT__STARTED;
    desc->flags |= PICOT__WRITE_BLOCKED;
    return PICOT__AGAIN;
}

/*
 * Asked again, connect(2) tells the outcome once, and the socket itself learns that it is connected. SO_ERROR would
 * leave it in between, so that one more connect would succeed instead of failing with EISCONN, as it does on io_uring.
 */
static int64_t connect_end(struct picot__descriptor *desc, const picot_op *op)
{
    if (connect(desc->fd, op->_.u.addr.addr, op->_.u.addr.len) == 0 || errno == EISCONN) return 0;
    if (errno != EALREADY && errno != EINPROGRESS && errno != EINTR) return -errno;
    desc->flags |= PICOT__WRITE_BLOCKED;
    return PICOT__AGAIN;
}

static int64_t attempt_connect(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    (void)loop;
    return op->_.flags & PICOT__STARTED ? connect_end(desc, op) : connect_begin(desc, op);
}

/* ---- reading and writing of anything ----------------------------------------------------------- */

static int64_t attempt_read(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    (void)loop;
    if (!(desc->flags & PICOT__SOCKET)) return picot__read_plain(desc, op);
    return op->_.u.io.at.offset < 0 ? receive(desc, op->_.u.io.buf, op->_.u.io.len, 0) : -ESPIPE;
}

static int64_t attempt_write(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    (void)loop;
    if (!(desc->flags & PICOT__SOCKET)) return picot__write_plain(desc, op);
    return op->_.u.io.at.offset < 0 ? picot__transmit(desc, op->_.u.io.buf, op->_.u.io.len, 0) : -ESPIPE;
}

/* The same as one message of the socket. */
static picot_op as_message(const picot_op *op, enum picot__op_kind kind, struct msghdr *msg)
{
    *msg = (struct msghdr){.msg_iov = op->_.u.io.buf, .msg_iovlen = op->_.u.io.len};
    picot_op message = {0};
    message._.kind = (uint8_t)kind;
    message._.u.msg.msg = msg;
    return message;
}

static int64_t attempt_readv(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    struct msghdr msg;
    if (!(desc->flags & PICOT__SOCKET)) return picot__read_plain(desc, op);
    if (op->_.u.io.at.offset >= 0) return -ESPIPE;
    picot_op message = as_message(op, PICOT__OP_RECVMSG, &msg);
    return attempt_recvmsg(loop, desc, &message);
}

static int64_t attempt_writev(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    struct msghdr msg;
    if (!(desc->flags & PICOT__SOCKET)) return picot__write_plain(desc, op);
    if (op->_.u.io.at.offset >= 0) return -ESPIPE;
    picot_op message = as_message(op, PICOT__OP_SENDMSG, &msg);
    return attempt_sendmsg(loop, desc, &message);
}

/* ---- one report of readiness ----------------------------------------------------------------- */

static int64_t attempt_poll(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    (void)loop;
    unsigned interest = (unsigned)op->_.u.call.a & (PICOT_READABLE | PICOT_WRITABLE);
    short events = (short)((interest & PICOT_READABLE ? POLLIN : 0) | (interest & PICOT_WRITABLE ? POLLOUT : 0));
    int found = picot__poll_now(desc->fd, events);
    if (found < 0) return found;
    if (found & POLLNVAL) return -EBADF;
    if (found & (POLLERR | POLLHUP)) return PICOT_FAILED | interest;
    if (found) return (found & POLLIN ? PICOT_READABLE : 0) | (found & POLLOUT ? PICOT_WRITABLE : 0);
    if (interest & PICOT_READABLE) desc->flags &= (uint16_t)~PICOT__READ_READY;
    if (interest & PICOT_WRITABLE) desc->flags |= PICOT__WRITE_BLOCKED;
    return PICOT__AGAIN;
}

typedef int64_t attempt_fn(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);

static attempt_fn *const by_kind[PICOT__OP_KINDS] = {
    [PICOT__OP_ACCEPT] = attempt_accept,   [PICOT__OP_CONNECT] = attempt_connect,
    [PICOT__OP_RECV] = attempt_recv,       [PICOT__OP_RECV_LEASED] = attempt_recv_leased,
    [PICOT__OP_SEND] = attempt_send,       [PICOT__OP_SEND_ALL] = attempt_send_all,
    [PICOT__OP_RECVMSG] = attempt_recvmsg, [PICOT__OP_SENDMSG] = attempt_sendmsg,
    [PICOT__OP_READ] = attempt_read,       [PICOT__OP_WRITE] = attempt_write,
    [PICOT__OP_READV] = attempt_readv,     [PICOT__OP_WRITEV] = attempt_writev,
    [PICOT__OP_POLL] = attempt_poll,
};

int64_t picot__attempt(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    attempt_fn *attempt = by_kind[op->_.kind];
    return attempt ? attempt(loop, desc, op) : -EINVAL;
}
