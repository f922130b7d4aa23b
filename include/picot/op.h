/* SPDX-License-Identifier: MIT
 *
 * op.h - operations: everything outside the program is asked for by one struct through one door.
 *
 *     picot_op op;
 *     picot_op_recv(&op, conn, buf, sizeof buf, 0);      prepare: fills the struct, cannot fail
 *     picot_submit(loop, &op, on_received, session);     hand it to the loop
 *     ...
 *     static void on_received(picot_loop *loop, picot_op *op) { if (op->result < 0) ... }
 *
 * The life of an operation. picot_submit refuses it with a negative code and nothing follows, or takes it, and then
 * exactly one completion follows, from a later point of the loop, never from inside picot_submit. From submit to
 * completion the struct, its buffers and whatever it points to belong to the loop; afterwards the loop never touches
 * them again, and the completion callback may free or reuse them. Coroutines use the awaitable forms of io.h instead.
 *
 * Directions. A handle carries at most one pending reader (recv, recvmsg, read, accept, poll for reading) and one
 * pending writer (send, sendmsg, write, connect, poll for writing): a second one is refused with -EBUSY. Reads and
 * writes of a regular file or block device with an offset >= 0 are neither: any number may be pending, and which takes
 * effect first is open.
 *
 * Codes that any submit may return: -EINVAL (NULL, bad argument, unprepared), -EBADF (handle closed, stale or never
 * valid), -EBUSY (see above, or the operation is pending already), -ENOMEM, -EPERM (other thread), PICOT_EFORKED,
 * PICOT_EBACKEND. Results are >= 0 or a negative code; all those of the system call, never -EAGAIN or -EINTR. No
 * operation raises SIGPIPE. Rules of thread, reentrancy and fork: see loop.h.
 */
#ifndef PICOT_OP_H
#define PICOT_OP_H

#include <picot/error.h>
#include <picot/loop.h>
#include <picot/timer.h>
#include <sys/socket.h>

PICOT_BEGIN_DECLS

struct stat;
struct addrinfo;

/**
 * A handle: a descriptor that the loop owns. Opaque and never negative, so that a result is either a handle or a code.
 * It holds the descriptor's number and a generation: a closed handle gives -EBADF for ever, also when the number lives
 * again. 0 is never valid.
 */
typedef int64_t picot_fd;

typedef struct picot_op picot_op;

/** A completion: op->result holds the outcome. The operation is the caller's again. */
typedef void picot_op_done(picot_loop *loop, picot_op *op);

/** A received piece of data in a buffer of the loop's pool; see picot_op_recv_leased. */
typedef struct picot_lease {
    void *data;  /**< NULL when nothing is held */
    size_t size; /**< bytes received */
} picot_lease;

struct picot_op {
    int64_t result;      /**< valid from completion to the next submit */
    picot_op_done *done; /**< set by picot_submit */
    void *user;          /**< set by picot_submit */
    struct {
        struct picot_op *next;
        picot_fd fd;
        uint8_t kind, state;
        uint16_t flags;
        uint32_t slot;
        union {
            struct { /* progress: of send_all; offset: of read and write; ret_lease: of recv_leased */
                void *buf;
                size_t len;
                union {
                    size_t progress;
                    int64_t offset;
                    picot_lease *ret_lease;
                } at;
                int flags;
                uint32_t place; /* among the operations that share a file */
            } io;
            struct {
                struct msghdr *msg;
                int flags;
            } msg;
            struct {
                void *addr;
                socklen_t *ret_len;
                socklen_t len;
                int flags;
            } addr;
            struct {
                int a, b, c;
                socklen_t len;
                void *value;
            } call; /* socket, listen, shutdown, poll, socket options */
            struct {
                const char *path;
                int dir, flags;
                unsigned mode;
                int beneath;
            } file;
            struct { /* other: the second directory, or a group, or a mask; text: the second path, or what is filled */
                const char *path;
                void *text;
                int dir, other, flags;
                unsigned mode;
            } path;
            struct {
                const char *path; /* of truncate; the same place as above */
                int64_t offset, length;
                int mode;
            } range;
            struct picot_transfer *transfer; /* of a copy; see transfer.h */
            struct {
                const char *host, *service;
                const void *hints;
                void *ret_list;
            } lookup;
            struct picot_wheel_node timeout;
        } u;
    } _;
};

/* ---- submit and cancel ----------------------------------------------------------------------- */

/**
 * Hand a prepared operation to the loop; done(loop, op) follows exactly once, later.
 * @return  0: pending; or a negative code: refused, done will not be called. @since 0.1
 */
PICOT_API int picot_submit(picot_loop *loop, picot_op *op, picot_op_done *done, void *user);

/**
 * The same, but where the result is there at once it is taken: then 1 is returned, op->result is valid and done will
 * not be called. Results at once cost from the budget of the callback (options->inline_budget); when it is used up
 * they come later like the others.
 * @return  1: done, 0: pending, or a negative code. @since 0.1
 */
PICOT_API int picot_submit_now(picot_loop *loop, picot_op *op, picot_op_done *done, void *user);

/**
 * Ask that a pending operation ends early. Its completion still comes, later: with -ECANCELED, or with its real result
 * when that won the race; no byte, accepted connection or timeout is lost. A job of the thread pool that has started
 * cannot be stopped: it completes with its result. A cancelled connect leaves a socket that can only be closed.
 * @return  0, also when the operation is not pending or was cancelled before; -EINVAL, -EPERM, PICOT_EFORKED.
 * @since 0.1
 */
PICOT_API int picot_cancel(picot_loop *loop, picot_op *op);

/**
 * Is the operation between submit and completion? 0 for NULL. A struct that was never prepared must be zeroed.
 * @since 0.1
 */
PICOT_API int picot_op_pending(const picot_op *op);

/** Bytes that a send_all had moved when it ended, also by an error or a cancel. @since 0.1 */
PICOT_API size_t picot_op_progress(const picot_op *op);

/* ---- handles --------------------------------------------------------------------------------- */

/**
 * Give a descriptor to the loop. Sockets, pipes, ttys, character devices and regular files; a regular file is served by
 * the thread pool where the kernel has nothing better. The descriptor's flags are not changed, except that a blocking
 * socket becomes non-blocking when it first accepts or connects; picot_release restores that.
 * @param fd  an open descriptor; on success it is the loop's, to be closed by an operation
 * @return  the handle; -EBADF, -EISDIR, -EEXIST: it has a watch or is the loop's already; -ENOMEM, -EINVAL, -EPERM.
 * @since 0.1
 */
PICOT_API picot_fd picot_adopt(picot_loop *loop, int fd);

/**
 * Take a descriptor back, open, its flags as before.
 * @return  the descriptor number, now the caller's; -EBADF; -EBUSY: operations are pending on it. @since 0.1
 */
PICOT_API int picot_release(picot_loop *loop, picot_fd fd);

/** The descriptor number behind a handle, for system calls that do not close, read or write it; -EBADF. @since 0.1 */
PICOT_API int picot_fd_number(picot_loop *loop, picot_fd fd);

/* ---- preparing: sockets ---------------------------------------------------------------------- */

/** socket(2), close-on-exec and non-blocking. Result: a handle. Always done at once. @since 0.1 */
PICOT_API void picot_op_socket(picot_op *op, int domain, int type, int protocol);

/** bind(2). addr is read at submit. Result: 0. Always done at once. @since 0.1 */
PICOT_API void picot_op_bind(picot_op *op, picot_fd fd, const struct sockaddr *addr, socklen_t len);

/** listen(2). backlog <= 0: SOMAXCONN. Result: 0. Always done at once. @since 0.1 */
PICOT_API void picot_op_listen(picot_op *op, picot_fd fd, int backlog);

/** setsockopt(2). Result: 0. Always done at once. @since 0.1 */
PICOT_API void picot_op_setsockopt(picot_op *op, picot_fd fd, int level, int name, const void *value, socklen_t len);

/** getsockopt(2). Result: the option's length in bytes, at most len. Always done at once. @since 0.1 */
PICOT_API void picot_op_getsockopt(picot_op *op, picot_fd fd, int level, int name, void *ret_value, socklen_t len);

/** getsockname(2), or getpeername(2) with peer != 0. Result: the address length, at most len. Always done at once.
 * @since 0.1 */
PICOT_API void picot_op_getname(picot_op *op, picot_fd fd, int peer, struct sockaddr *ret_addr, socklen_t len);

/**
 * accept4(2), close-on-exec and non-blocking. Result: a handle. Aborted connections are skipped. -EMFILE, -ENFILE,
 * -ENOBUFS and -ENOMEM are reported once; the next accept on this listener then waits until it succeeds, trying again
 * when a handle is closed and every 50 ms, so that a plain loop does not spin.
 * @param ret_addr  room for the peer's address, or NULL
 * @param ret_len   in: its size; out: the address length; NULL with ret_addr NULL
 * @since 0.1
 */
PICOT_API void picot_op_accept(picot_op *op, picot_fd fd, struct sockaddr *ret_addr, socklen_t *ret_len);

/** connect(2). addr is the loop's until completion. Result: 0. A full AF_UNIX backlog is waited out. @since 0.1 */
PICOT_API void picot_op_connect(picot_op *op, picot_fd fd, const struct sockaddr *addr, socklen_t len);

/**
 * recv(2). Result: bytes, 0 at the end of a stream. len 0: 0 at once. flags: MSG_PEEK, MSG_TRUNC, MSG_OOB or 0.
 * @since 0.1
 */
PICOT_API void picot_op_recv(picot_op *op, picot_fd fd, void *buf, size_t len, int flags);

/**
 * recv(2) into a buffer of the loop's pool that is taken only when data is there, so that an idle connection holds
 * none. A lease still held in ret_lease is given back first. Result: bytes (ret_lease is set), 0 at the end (it is
 * not).
 * @param ret_lease  zeroed, or of an earlier call; give the last one back with picot_lease_return
 * @since 0.1
 */
PICOT_API void picot_op_recv_leased(picot_op *op, picot_fd fd, picot_lease *ret_lease);

/** Give a lease back and zero it. @return 0, also when nothing is held; -EINVAL, -EPERM. @since 0.1 */
PICOT_API int picot_lease_return(picot_loop *loop, picot_lease *lease);

/** send(2). Result: bytes taken, possibly fewer than len. len 0: 0 at once (datagrams: an empty one). flags: MSG_MORE,
 * MSG_OOB or 0. @since 0.1 */
PICOT_API void picot_op_send(picot_op *op, picot_fd fd, const void *buf, size_t len, int flags);

/** send(2) until everything is taken. Result: len; on an error or cancel picot_op_progress tells how much went out.
 * @since 0.1 */
PICOT_API void picot_op_send_all(picot_op *op, picot_fd fd, const void *buf, size_t len, int flags);

/** recvmsg(2). msg and all it points to are the loop's until completion; descriptors arrive close-on-exec. @since 0.1
 */
PICOT_API void picot_op_recvmsg(picot_op *op, picot_fd fd, struct msghdr *msg, int flags);

/** sendmsg(2). msg and all it points to are the loop's until completion. Result: bytes taken. @since 0.1 */
PICOT_API void picot_op_sendmsg(picot_op *op, picot_fd fd, const struct msghdr *msg, int flags);

/** shutdown(2); how is SHUT_RD, SHUT_WR or SHUT_RDWR. Result: 0. Always done at once. @since 0.1 */
PICOT_API void picot_op_shutdown(picot_op *op, picot_fd fd, int how);

/**
 * send(2) without an operation: what the socket takes at once, which for short messages is all of it. It never waits,
 * so there is nothing to cancel: for the rest, and on -EAGAIN, submit an operation.
 * @param buf    the caller's again when this returns
 * @param len    bytes
 * @param flags  as picot_op_send
 * @return  bytes taken, 1 to len; 0: len was 0 (datagrams: an empty one was sent); -EAGAIN: nothing now; -EBUSY: an
 *          operation that sends is pending on the handle; -EBADF, -ENOTSOCK, -EINVAL; errors of send(2), as the
 *          operation has them; -EPERM, PICOT_EFORKED, PICOT_EBACKEND
 * Thread: the loop's, from any callback. @since 0.1
 */
PICOT_API int64_t picot_try_send(picot_loop *loop, picot_fd fd, const void *buf, size_t len, int flags);

/* ---- preparing: any handle ------------------------------------------------------------------- */

/** read(2), or pread(2) with offset >= 0; offset -1: the current position. Result: bytes, 0 at the end. What a file has
 * in memory may be there at once. @since 0.1 */
PICOT_API void picot_op_read(picot_op *op, picot_fd fd, void *buf, size_t len, int64_t offset);

/** write(2), or pwrite(2) with offset >= 0; offset -1: the current position. Result: bytes taken. @since 0.1 */
PICOT_API void picot_op_write(picot_op *op, picot_fd fd, const void *buf, size_t len, int64_t offset);

/** fsync(2), or fdatasync(2) with data_only != 0. Result: 0. @since 0.1 */
PICOT_API void picot_op_fsync(picot_op *op, picot_fd fd, int data_only);

/** One report of readiness. events: an or of PICOT_READABLE and PICOT_WRITABLE. Result: an or of enum picot_readiness.
 * @since 0.1 */
PICOT_API void picot_op_poll(picot_op *op, picot_fd fd, unsigned events);

/**
 * close(2). Pending operations of the handle complete first, with -ECANCELED or their real result; then the descriptor
 * is closed, then this completes. From submit on the handle is invalid for everything else. A second close: -EALREADY
 * while the first is pending, then -EBADF. Cannot be cancelled. Result: 0, or what close(2) said (it is closed anyway).
 * @since 0.1
 */
PICOT_API void picot_op_close(picot_op *op, picot_fd fd);

/* ---- preparing: the rest --------------------------------------------------------------------- */

/**
 * openat(2), close-on-exec, O_NONBLOCK unless a regular file. Result: a handle.
 * @param dir      a directory's plain descriptor number, or AT_FDCWD
 * @param path     the loop's until completion
 * @param flags    O_RDONLY, O_CREAT, ...
 * @param mode     permissions of a file that is created
 * @param beneath  != 0: never leave dir, neither by "..", links nor an absolute path: -EXDEV (openat2(2), Linux 5.6,
 *                 -ENOSYS before)
 * @since 0.1
 */
PICOT_API void picot_op_open(picot_op *op, int dir, const char *path, int flags, unsigned mode, int beneath);

/** fstat(2). ret_stat: a struct stat, the loop's until completion. Result: 0. Always done at once. @since 0.1 */
PICOT_API void picot_op_stat(picot_op *op, picot_fd fd, struct stat *ret_stat);

/** Completes with 0 after delay_ns nanoseconds (>= 0), never early; cancelled: -ECANCELED. @since 0.1 */
PICOT_API void picot_op_timeout(picot_op *op, int64_t delay_ns);

/**
 * getaddrinfo(3), in a thread pool of its own. A lookup whose thread has started cannot be cancelled: picot_cancel then
 * completes it with -ECANCELED at once and the late answer is dropped.
 * Result: 0; PICOT_ENOHOST, PICOT_ENODATA, PICOT_ETRYLOOKUP, PICOT_ELOOKUP, PICOT_ESERVICE, -ENOMEM; -EINVAL for names
 * that are empty, longer than 253 bytes, or have a label over 63 bytes: they are never shortened.
 * @param host, service  the loop's until completion; either may be NULL
 * @param hints          a struct addrinfo or NULL, read at submit
 * @param ret_list       receives the list, the caller's, freed with freeaddrinfo; untouched on failure
 * @since 0.1
 */
PICOT_API void picot_op_resolve(picot_op *op, const char *host, const char *service, const struct addrinfo *hints,
                                struct addrinfo **ret_list);

PICOT_END_DECLS

#endif /* PICOT_OP_H */
