/* SPDX-License-Identifier: MIT
 *
 * message.h - whole messages between processes, with descriptors: over connected AF_UNIX sockets of the kind
 * SOCK_SEQPACKET, which keep messages apart and deliver each whole or not at all.
 *
 *     int ends[2];
 *     picot_message_pair(ends);                       one for this process, the other for a child
 *     picot_message_send_now(ends[0], "go", 2, NULL, 0, PICOT_SECOND);
 *
 * A message has 1 to PICOT_MESSAGE_MAX bytes; what is larger goes through shared memory, whose descriptor a message
 * passes (shared.h). Here are the forms for plain code, which block, and what a loop's callbacks need; coroutines have
 * picot_message_send and picot_message_receive in message_io.h. One connection is used by one reader and one writer at
 * a time. Thread: any.
 */
#ifndef PICOT_MESSAGE_H
#define PICOT_MESSAGE_H

#include <picot/base.h>
#include <picot/error.h>
#include <sys/socket.h>
#include <sys/uio.h>

PICOT_BEGIN_DECLS

/** Bytes of a message at most: what the system's default buffers take. */
#define PICOT_MESSAGE_MAX 65536
/** Descriptors that go with one message at most. */
#define PICOT_MESSAGE_FDS 16

/** A message on its way, in the caller's memory. Private: made and read by the functions below. */
typedef struct picot_message {
    struct msghdr msg;
    struct iovec iov;
    union {
        size_t align; /* as a struct cmsghdr */
        char bytes[CMSG_SPACE(PICOT_MESSAGE_FDS * sizeof(int))];
    } control;
} picot_message;

/**
 * Two connected ends, close-on-exec.
 * @return  0; -EMFILE, -ENFILE, -ENOMEM; -EINVAL. socketpair(2). @since 0.1
 */
PICOT_API int picot_message_pair(int ret_fds[2]);

/* ---- blocking ------------------------------------------------------------------------------------ */

/**
 * Send a message, waiting until it is taken.
 * @param fds         descriptors that the receiver gets copies of; they stay the caller's
 * @param timeout_ns  at most so long; 0: only try; PICOT_NEVER
 * @return  0; -ETIMEDOUT: nothing was sent; -EPIPE, -ECONNRESET: the other end is closed; -EMSGSIZE: too long; -EINVAL:
 *          empty, more than PICOT_MESSAGE_FDS, a negative time; -EBADF: not a socket, or a bad one among fds; -ENOMEM
 * @since 0.1
 */
PICOT_API int picot_message_send_now(int socket, const void *data, size_t len, const int *fds, size_t fd_count,
                                     int64_t timeout_ns);

/**
 * Receive a message, waiting for it.
 * @param fd_count      how many descriptors are expected at most
 * @param ret_fds       receives them, close-on-exec, the caller's to be closed
 * @param ret_fd_count  how many came; may be NULL with fd_count 0
 * @return  its length; 0: the other end is closed; -ETIMEDOUT; -EMSGSIZE: longer than size, or more descriptors than
 *          expected: it is lost, its descriptors are closed; -EMFILE: this process has no room for them, it is lost;
 *          -ECONNRESET, -EBADF, -EINVAL, -ENOMEM. @since 0.1
 */
PICOT_API int64_t picot_message_receive_now(int socket, void *buf, size_t size, int *ret_fds, size_t fd_count,
                                            size_t *ret_fd_count, int64_t timeout_ns);

/* ---- for operations of a loop -------------------------------------------------------------------- */

/**
 * Make out a message to be sent: then picot_op_sendmsg(&op, fd, &message.msg, 0). All of it must live until that ends.
 * @return  0; -EINVAL, -EMSGSIZE: as picot_message_send_now. @since 0.1
 */
PICOT_API int picot_message_to_send(picot_message *message, const void *data, size_t len, const int *fds,
                                    size_t fd_count);

/** Make out room for one to be received: then picot_op_recvmsg(&op, fd, &message.msg, 0). @return  0; -EINVAL.
 * @since 0.1 */
PICOT_API int picot_message_to_receive(picot_message *message, void *buf, size_t size);

/** What came, from the operation's result. @return  as picot_message_receive_now. @since 0.1 */
PICOT_API int64_t picot_message_received(picot_message *message, int64_t result, int *ret_fds, size_t fd_count,
                                         size_t *ret_fd_count);

PICOT_END_DECLS

#endif /* PICOT_MESSAGE_H */
