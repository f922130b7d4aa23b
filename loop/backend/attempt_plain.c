/* SPDX-License-Identifier: MIT
 *
 * attempt_plain.c - one read(2) or write(2) for one operation, without blocking, on pipes, ttys and character devices.
 *
 * Sources: read(2), write(2), readv(2), pipe(7).
 */
#include "attempt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BLOCKING_PIECE ((size_t)4096) /* PIPE_BUF: a pipe that polls writable takes as much at once */

/* A blocking descriptor may be shared with other programs: it stays blocking, and is asked first. */
static bool would_block(const struct picot__descriptor *desc, const picot_op *op, short events)
{
    if (desc->flags & PICOT__NONBLOCKING || op->_.u.io.at.offset >= 0)
        return false; /* with a position: -ESPIPE, or a disk */
    return picot__poll_now(desc->fd, events) == 0;
}

/* Where a descriptor is not open for this at all, poll would wait for ever. */
static bool is_open_for(int fd, int mode)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 || (flags & O_ACCMODE) == O_RDWR || (flags & O_ACCMODE) == mode;
}

static ssize_t readv_once(int fd, const picot_op *op)
{
    int64_t offset = op->_.u.io.at.offset;
    int count = (int)op->_.u.io.len;
    return offset < 0 ? readv(fd, op->_.u.io.buf, count) : preadv(fd, op->_.u.io.buf, count, offset);
}

int64_t picot__read_plain(struct picot__descriptor *desc, picot_op *op)
{
    ssize_t n;
    int64_t offset = op->_.u.io.at.offset;
    bool vector = op->_.kind == PICOT__OP_READV;
    if (would_block(desc, op, POLLIN)) {
        if (!is_open_for(desc->fd, O_RDONLY)) return -EBADF;
        desc->flags &= (uint16_t)~PICOT__READ_READY;
        return PICOT__AGAIN;
    }
    do {
        n = vector       ? readv_once(desc->fd, op)
            : offset < 0 ? read(desc->fd, op->_.u.io.buf, op->_.u.io.len)
                         : pread(desc->fd, op->_.u.io.buf, op->_.u.io.len, offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? picot__read_failed(desc, 0) : n;
}

static ssize_t write_once(int fd, const struct iovec *buffers, int count, int64_t offset)
{
    ssize_t n;
    do {
        if (count == 1)
            n = offset < 0 ? write(fd, buffers->iov_base, buffers->iov_len)
                           : pwrite(fd, buffers->iov_base, buffers->iov_len, offset);
        else
            n = offset < 0 ? writev(fd, buffers, count) : pwritev(fd, buffers, count, offset);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* write(2) has no MSG_NOSIGNAL: hold SIGPIPE back, and take the one that this write has caused, but no earlier one. */
static ssize_t write_quietly(int fd, const struct iovec *buffers, int count, int64_t offset)
{
    sigset_t pipe_signal, before, pending;
    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    bool was_blocked = sigismember(&before, SIGPIPE) == 1;
    bool was_pending = was_blocked && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
    ssize_t n = write_once(fd, buffers, count, offset);
    int error = errno;
    if (n < 0 && error == EPIPE && !was_pending) {
        const struct timespec at_once = {0, 0};
        while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    }
    if (!was_blocked) (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return n;
}

/* Of what a blocking descriptor is given no more than it is sure to take: the start of the first buffer. */
static int cut(struct iovec *ret_piece, const struct iovec *buffers)
{
    while (buffers->iov_len == 0)
        buffers++;
    *ret_piece = *buffers;
    if (ret_piece->iov_len > BLOCKING_PIECE) ret_piece->iov_len = BLOCKING_PIECE;
    return 1;
}

int64_t picot__write_plain(struct picot__descriptor *desc, picot_op *op)
{
    bool vector = op->_.kind == PICOT__OP_WRITEV;
    struct iovec piece = {op->_.u.io.buf, op->_.u.io.len}, *buffers = vector ? op->_.u.io.buf : &piece;
    int count = vector ? (int)op->_.u.io.len : 1;
    if (would_block(desc, op, POLLOUT)) {
        if (!is_open_for(desc->fd, O_WRONLY)) return -EBADF;
        desc->flags |= PICOT__WRITE_BLOCKED;
        return PICOT__AGAIN;
    }
    size_t total = vector ? (size_t)picot__vector_size(op) : op->_.u.io.len;
    if (!(desc->flags & PICOT__NONBLOCKING) && total > BLOCKING_PIECE) {
        count = cut(&piece, buffers);
        buffers = &piece;
    }
    ssize_t n = write_quietly(desc->fd, buffers, count, op->_.u.io.at.offset);
    return n < 0 ? picot__write_failed(desc) : n;
}
