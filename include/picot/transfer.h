/* SPDX-License-Identifier: MIT
 *
 * transfer.h - moving bytes from one handle to another, without their passing through the program where that can be.
 *
 *     picot_transfer_prepare(&copy, page, 0, conn, PICOT_POSITION, PICOT_TO_THE_END);
 *     picot_transfer_start(loop, &copy, on_sent, session);
 *
 * From a file to a file by copy_file_range(2), which shares blocks where the file system can; from a file to a socket
 * by sendfile(2); from or to a pipe by splice(2); and whatever refuses these by reading and writing 64 KiB at a time.
 * The calls are made in the loop's thread pool, for they may wait for a disk, but they never wait for a peer: when the
 * receiver is full or the sender has nothing, the thread goes home and the loop waits for readiness. A blocking socket
 * becomes non-blocking for this; picot_release restores that. Coroutines: picot_copy of file_io.h.
 *
 * Rules of thread, reentrancy and fork: see loop.h.
 */
#ifndef PICOT_TRANSFER_H
#define PICOT_TRANSFER_H

#include <picot/op.h>

PICOT_BEGIN_DECLS

/** An offset: the present position, which moves on. For sockets, pipes and ttys too. */
#define PICOT_POSITION (-1)
/** A count: until the source has no more. */
#define PICOT_TO_THE_END INT64_MAX

typedef struct picot_transfer picot_transfer;

/** The end: transfer->result and transfer->moved hold the outcome. The transfer is the caller's again. */
typedef void picot_transfer_done(picot_loop *loop, picot_transfer *transfer);

/** In the caller's memory, the loop's from start to the end. */
struct picot_transfer {
    int64_t result; /**< bytes moved: count, or fewer when the source ended; or a negative code */
    int64_t moved;  /**< bytes that the target has taken, also on an error or a cancel */
    picot_transfer_done *done;
    void *user;
    struct {
        picot_op op;
        picot_loop *loop;
        picot_fd from, to;
        int64_t from_offset, to_offset, left;
        int from_number, to_number;
        uint16_t from_flags, to_flags;
        uint8_t method, wait, worked, cancelled;
        char *buf;
        size_t begin, end;
    } _;
};

/**
 * Fill in a transfer. Cannot fail: start checks.
 * @param from, to                what to read, what to write. One may be both, with offsets that do not overlap
 * @param from_offset, to_offset  bytes from the start of a file, or PICOT_POSITION
 * @param count                   bytes >= 0, or PICOT_TO_THE_END
 * @since 0.1
 */
PICOT_API void picot_transfer_prepare(picot_transfer *transfer, picot_fd from, int64_t from_offset, picot_fd to,
                                      int64_t to_offset, int64_t count);

/**
 * Begin. While a call is being made, `from` has its reader and `to` its writer: others get -EBUSY; closing either ends
 * the transfer with -ECANCELED or -EBADF.
 * Result: bytes moved; the codes of read(2), write(2): -EPIPE, -ECONNRESET, -ENOSPC, -EIO, ...; -ESPIPE: an offset
 * where there are no positions; -EBADF: not open for this; -EBUSY; -ENOMEM; -ECANCELED. No SIGPIPE.
 * @return  0: done follows once, never from inside; or refused: -EINVAL: NULL, a negative count or offset; -EBADF,
 *          -EBUSY, -ENOMEM, -EPERM, PICOT_EFORKED, PICOT_EBACKEND. @since 0.1
 */
PICOT_API int picot_transfer_start(picot_loop *loop, picot_transfer *transfer, picot_transfer_done *done, void *user);

/**
 * Ask that it ends early: at once where it waits, else after the present piece, of at most 4 MiB. transfer->moved is
 * exact. But where it went by reading and writing, bytes may have been read from a stream that nobody has taken.
 * @return  0, also when it is not under way; -EINVAL, -EPERM, PICOT_EFORKED. @since 0.1
 */
PICOT_API int picot_transfer_cancel(picot_loop *loop, picot_transfer *transfer);

PICOT_END_DECLS

#endif /* PICOT_TRANSFER_H */
