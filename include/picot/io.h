/* SPDX-License-Identifier: MIT
 *
 * io.h - the operations of op.h as awaitable calls with keyword arguments.
 *
 *     picot_try_await(my->n, picot_recv(.fd = my->conn, .buf = my->buf, .len = sizeof my->buf));
 *
 * Each means what its namesake in op.h means and gives the same results, an int64_t; a refusal of the submit is the
 * result. A cancelled task gets -ECANCELED; what had already happened is delivered instead, and the cancellation stays
 * pending until the next await.
 */
#ifndef PICOT_IO_H
#define PICOT_IO_H

#include <picot/coro.h>
#include <picot/op.h>

PICOT_BEGIN_DECLS

/* The arguments share their place with the operation: it is prepared from them when the call begins. */
#ifdef __cplusplus
#define PICOT_IO_LEAF_(name, args)                                                                                     \
    PICOT_API extern const picot_fn name##_fn;                                                                         \
    PICOT_API picot_step name##_resume(picot_task *, picot_frame *, picot_frame *)
#else
#define PICOT_IO_LEAF_(name, args)                                                                                     \
    typedef struct {                                                                                                   \
        picot_frame _co;                                                                                               \
        PICOT_UNPAREN_ args                                                                                            \
    } PICOT_ALIASED_ name##_given; /* the part of it that an await fills */                                            \
    struct name##_head {                                                                                               \
        picot_frame _co;                                                                                               \
        union {                                                                                                        \
            struct {                                                                                                   \
                PICOT_UNPAREN_ args                                                                                    \
            };                                                                                                         \
            picot_op _op;                                                                                              \
        };                                                                                                             \
        int64_t _ret;                                                                                                  \
    };                                                                                                                 \
    PICOT_LEAF_SYMBOLS_(name)
#endif

/** Bytes received into buf, 0 at the end of the stream. @since 0.1 */
PICOT_IO_LEAF_(picot_recv, (picot_fd fd; void *buf; size_t len; int flags;));
#define picot_recv(...) picot_call(picot_recv, __VA_ARGS__)

/** Bytes received into a buffer of the loop's pool, taken when data is there: see picot_op_recv_leased. @since 0.1 */
PICOT_IO_LEAF_(picot_recv_leased, (picot_fd fd; picot_lease * ret_lease;));
#define picot_recv_leased(...) picot_call(picot_recv_leased, __VA_ARGS__)

/** Bytes taken, possibly fewer than len. @since 0.1 */
PICOT_IO_LEAF_(picot_send, (picot_fd fd; const void *buf; size_t len; int flags;));
#define picot_send(...) picot_call(picot_send, __VA_ARGS__)

/**
 * len, when everything is taken. ret_progress (or NULL) receives the bytes taken, also on an error or cancel.
 * @since 0.1
 */
#ifndef __cplusplus
typedef struct {
    picot_frame _co;
    picot_fd fd;
    const void *buf;
    size_t len;
    int flags;
    size_t *ret_progress;
} PICOT_ALIASED_ picot_send_all_given;
struct picot_send_all_head {
    picot_frame _co;
    union {
        struct {
            picot_fd fd;
            const void *buf;
            size_t len;
            int flags;
            size_t *ret_progress;
        };
        picot_op _op;
    };
    int64_t _ret;
    size_t *_ret_progress; /* where it is kept while the operation is in its place */
    size_t _sent;          /* what was taken before the operation began */
};
#endif
PICOT_LEAF_SYMBOLS_(picot_send_all);
#define picot_send_all(...) picot_call(picot_send_all, __VA_ARGS__)

/** See picot_op_recvmsg. @since 0.1 */
PICOT_IO_LEAF_(picot_recvmsg, (picot_fd fd; struct msghdr * msg; int flags;));
#define picot_recvmsg(...) picot_call(picot_recvmsg, __VA_ARGS__)

/** See picot_op_sendmsg. @since 0.1 */
PICOT_IO_LEAF_(picot_sendmsg, (picot_fd fd; const struct msghdr *msg; int flags;));
#define picot_sendmsg(...) picot_call(picot_sendmsg, __VA_ARGS__)

/** A handle of the new connection. ret_addr and ret_len may be NULL. @since 0.1 */
PICOT_IO_LEAF_(picot_accept, (picot_fd fd; struct sockaddr * ret_addr; socklen_t * ret_len;));
#define picot_accept(...) picot_call(picot_accept, __VA_ARGS__)

/** See picot_op_connect. @since 0.1 */
PICOT_IO_LEAF_(picot_connect, (picot_fd fd; const struct sockaddr *addr; socklen_t len;));
#define picot_connect(...) picot_call(picot_connect, __VA_ARGS__)

/** how: SHUT_RD, SHUT_WR or SHUT_RDWR. @since 0.1 */
PICOT_IO_LEAF_(picot_shutdown, (picot_fd fd; int how;));
#define picot_shutdown(...) picot_call(picot_shutdown, __VA_ARGS__)

/**
 * offset: give PICOT_HERE for the current position (sockets, pipes, ttys too), else bytes from the start.
 * @since 0.1
 */
#define PICOT_HERE (-1)
PICOT_IO_LEAF_(picot_read, (picot_fd fd; void *buf; size_t len; int64_t offset;));
#define picot_read(...) picot_call(picot_read, __VA_ARGS__)

/** See picot_op_write. @since 0.1 */
PICOT_IO_LEAF_(picot_write, (picot_fd fd; const void *buf; size_t len; int64_t offset;));
#define picot_write(...) picot_call(picot_write, __VA_ARGS__)

/** See picot_op_fsync. @since 0.1 */
PICOT_IO_LEAF_(picot_fsync, (picot_fd fd; int data_only;));
#define picot_fsync(...) picot_call(picot_fsync, __VA_ARGS__)

/** events: an or of PICOT_READABLE and PICOT_WRITABLE. Result: what is ready. @since 0.1 */
PICOT_IO_LEAF_(picot_poll, (picot_fd fd; unsigned events;));
#define picot_poll(...) picot_call(picot_poll, __VA_ARGS__)

/** dir: AT_FDCWD for paths relative to the working directory (0 would be descriptor 0). @since 0.1 */
PICOT_IO_LEAF_(picot_open, (int dir; const char *path; int flags; unsigned mode; int beneath;));
#define picot_open(...) picot_call(picot_open, __VA_ARGS__)

/** See picot_op_stat. @since 0.1 */
PICOT_IO_LEAF_(picot_stat, (picot_fd fd; struct stat * ret_stat;));
#define picot_stat(...) picot_call(picot_stat, __VA_ARGS__)

/** See picot_op_resolve. @since 0.1 */
PICOT_IO_LEAF_(picot_resolve,
               (const char *host; const char *service; const struct addrinfo *hints; struct addrinfo * *ret_list;));
#define picot_resolve(...) picot_call(picot_resolve, __VA_ARGS__)

/** Cannot be cancelled: in a cancelled task, too, it closes, and then gives its result. @since 0.1 */
PICOT_IO_LEAF_(picot_close, (picot_fd fd;));
#define picot_close(...) picot_call(picot_close, __VA_ARGS__)

PICOT_END_DECLS

#endif /* PICOT_IO_H */
