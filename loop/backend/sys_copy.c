/* SPDX-License-Identifier: MIT
 *
 * sys_copy.c - the system calls that move bytes between descriptors: one piece of a transfer, in a pool's thread, whose
 * signals are blocked, SIGPIPE too. They may wait for a disk, never for a peer: sockets are non-blocking by now, and
 * splice is told not to wait for a pipe.
 *
 * Sources: copy_file_range(2) (Linux 4.5; across file systems 5.3), sendfile(2), splice(2).
 */
#include "backend.h"

#include <fcntl.h>
#include <picot/transfer.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* What one piece may move: then others, and a cancel, get their turn. */
#define PIECE ((int64_t)4 << 20)

static bool method_fits(unsigned method, unsigned from, unsigned to)
{
    switch (method) {
    case PICOT__COPY_RANGE:
        return from & PICOT__FILE && to & PICOT__FILE;
    case PICOT__COPY_SENDFILE: /* to a pipe it would block */
        return from & PICOT__FILE && to & (PICOT__FILE | PICOT__SOCKET);
    case PICOT__COPY_SPLICE: /* one of them has to be a pipe */
        return !(from & (PICOT__FILE | PICOT__SOCKET)) || !(to & (PICOT__FILE | PICOT__SOCKET));
    default:
        return true;
    }
}

unsigned picot__copy_method_after(unsigned method, unsigned from_flags, unsigned to_flags)
{
    do {
        method++;
    } while (!method_fits(method, from_flags, to_flags));
    return method;
}

static ssize_t send_file(picot_transfer *transfer, off_t *from_offset, size_t size)
{
    int from = transfer->_.from_number, to = transfer->_.to_number;
    if (transfer->_.to_offset < 0) return sendfile(to, from, from_offset, size);
    errno = EINVAL; /* it writes at the position only */
    return -1;
}

static ssize_t move_once(picot_transfer *transfer, size_t size)
{
    int from = transfer->_.from_number, to = transfer->_.to_number;
    off_t from_at = transfer->_.from_offset, to_at = transfer->_.to_offset;
    off_t *from_offset = from_at >= 0 ? &from_at : NULL, *to_offset = to_at >= 0 ? &to_at : NULL;
    switch (transfer->_.method) {
    case PICOT__COPY_RANGE:
        return copy_file_range(from, from_offset, to, to_offset, size, 0);
    case PICOT__COPY_SENDFILE:
        return send_file(transfer, from_offset, size);
    default:
        return splice(from, from_offset, to, to_offset, size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    }
}

/* It would have blocked: because of whom? */
static uint8_t who_blocks(const picot_transfer *transfer)
{
    struct pollfd entry = {.fd = transfer->_.from_number, .events = POLLIN};
    if (transfer->_.from_flags & PICOT__FILE) return PICOT_WRITABLE;
    return poll(&entry, 1, 0) == 0 ? PICOT_READABLE : PICOT_WRITABLE;
}

int64_t picot__sys_copy(picot_transfer *transfer)
{
    int64_t total = 0, limit = transfer->_.left < PIECE ? transfer->_.left : PIECE;
    transfer->_.wait = 0;
    while (total < limit) {
        ssize_t n = move_once(transfer, (size_t)(limit - total));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
            transfer->_.wait = who_blocks(transfer);
            return total > 0 ? total : PICOT__COPY_BLOCKED;
        }
        if (n <= 0) return total > 0 || n == 0 ? total : -errno;
        total += n;
        if (transfer->_.from_offset >= 0) transfer->_.from_offset += n;
        if (transfer->_.to_offset >= 0) transfer->_.to_offset += n;
    }
    return total;
}
