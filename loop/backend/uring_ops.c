/* SPDX-License-Identifier: MIT
 *
 * uring_ops.c - operations on io_uring: how each kind begins. How they end: uring_done.c.
 *
 *   recv, recvmsg, read of a socket   a multishot poll per handle, then recv(2) into the caller's buffer: uring_poll.c
 *   send, send_all, sendmsg           the system call at once; what it leaves goes to the kernel as SEND, SENDMSG
 *   accept                            accept4(2) while connections are known to wait, else ACCEPT
 *   connect, open, fsync              CONNECT, OPENAT or OPENAT2, FSYNC
 *   read, write of a regular file     READ, WRITE, READV, WRITEV
 *   paths, sizes of files             uring_path.c
 *   readv, writev of anything else    at once, else as recv (of a socket), or POLL_ADD and again
 *   read of a pipe, tty, device       READ
 *   write to a pipe, tty, device      at once, else POLL_ADD and again: WRITE would raise SIGPIPE
 *   poll                              at once, else POLL_ADD
 *   resolve                           the thread pool
 *
 * Sources: io_uring_enter(2), openat2(2).
 */
#include "uring.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>

/* The length of an entry has 32 bits, and the kernel moves at most this much at once: read(2), "NOTES". */
#define LONGEST_PIECE ((size_t)0x7ffff000)

static unsigned piece(size_t len)
{
    return (unsigned)(len < LONGEST_PIECE ? len : LONGEST_PIECE);
}

/* ---- handing to the kernel ------------------------------------------------------------------- */

static void fill_send(struct io_uring_sqe *sqe, int fd, const picot_op *op)
{
    size_t done = op->_.kind == PICOT__OP_SEND_ALL ? op->_.u.io.at.progress : 0;
    int flags = op->_.kind == PICOT__OP_WRITE ? 0 : op->_.u.io.flags;
    io_uring_prep_send(sqe, fd, (const char *)op->_.u.io.buf + done, piece(op->_.u.io.len - done),
                       flags | MSG_NOSIGNAL);
}

static void fill_transfer(struct io_uring_sqe *sqe, int fd, const picot_op *op)
{
    uint64_t offset = (uint64_t)op->_.u.io.at.offset; /* all ones: the current position */
    if (op->_.kind == PICOT__OP_READ)
        io_uring_prep_read(sqe, fd, op->_.u.io.buf, piece(op->_.u.io.len), offset);
    else
        io_uring_prep_write(sqe, fd, op->_.u.io.buf, piece(op->_.u.io.len), offset);
}

static void fill_vector(struct io_uring_sqe *sqe, int fd, const picot_op *op)
{
    uint64_t offset = (uint64_t)op->_.u.io.at.offset;
    unsigned count = (unsigned)op->_.u.io.len;
    if (op->_.kind == PICOT__OP_READV)
        io_uring_prep_readv(sqe, fd, op->_.u.io.buf, count, offset);
    else
        io_uring_prep_writev(sqe, fd, op->_.u.io.buf, count, offset);
}

static void fill(struct io_uring_sqe *sqe, const struct picot__descriptor *desc, picot_op *op)
{
    int fd = desc->fd;
    switch (op->_.kind) {
    case PICOT__OP_ACCEPT:
        io_uring_prep_accept(sqe, fd, op->_.u.addr.addr, op->_.u.addr.ret_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        break;
    case PICOT__OP_CONNECT:
        io_uring_prep_connect(sqe, fd, op->_.u.addr.addr, op->_.u.addr.len);
        break;
    case PICOT__OP_SENDMSG:
        io_uring_prep_sendmsg(sqe, fd, op->_.u.msg.msg, (unsigned)(op->_.u.msg.flags | MSG_NOSIGNAL));
        break;
    case PICOT__OP_FSYNC:
        io_uring_prep_fsync(sqe, fd, op->_.u.call.a ? IORING_FSYNC_DATASYNC : 0);
        break;
    case PICOT__OP_WRITE:
        if (desc->flags & PICOT__SOCKET)
            fill_send(sqe, fd, op);
        else
            fill_transfer(sqe, fd, op);
        break;
    case PICOT__OP_READ:
        fill_transfer(sqe, fd, op);
        break;
    case PICOT__OP_READV:
    case PICOT__OP_WRITEV:
        fill_vector(sqe, fd, op);
        break;
    default:
        fill_send(sqe, fd, op);
        break;
    }
}

void picot__uring_enter_slot(struct picot__uring *uring, uint32_t index, struct picot__descriptor *desc, picot_op *op)
{
    struct picot__uring_slot *slot = &uring->slots[index];
    slot->op = op;
    slot->of.desc = desc;
    slot->desc_generation = desc ? desc->generation : 0;
    bool opens =
        op->_.kind == PICOT__OP_ACCEPT || op->_.kind == PICOT__OP_OPEN || op->_.kind == PICOT__OP_DIRECTORY_OPEN;
    slot->makes_fd = slot->kind == PICOT__URING_OPERATION && opens;
    op->_.slot = index;
}

int picot__uring_hand_over(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    uint32_t index;
    struct io_uring_sqe *sqe = picot__uring_begin(loop, PICOT__URING_OPERATION, &index);
    if (!sqe) return -ENOMEM;
    fill(sqe, desc, op);
    picot__uring_enter_slot(picot__uring_of(loop), index, desc, op);
    return 0;
}

int picot__uring_await(picot_loop *loop, struct picot__descriptor *desc, picot_op *op, unsigned events)
{
    uint32_t index;
    struct io_uring_sqe *sqe = picot__uring_begin(loop, PICOT__URING_AWAIT, &index);
    if (!sqe) return -ENOMEM;
    io_uring_prep_poll_add(sqe, desc->fd, events);
    picot__uring_enter_slot(picot__uring_of(loop), index, desc, op);
    return 0;
}

unsigned picot__uring_events_of(const picot_op *op)
{
    unsigned directions = picot__op_directions(op);
    return (directions & PICOT__READS ? POLLIN : 0u) | (directions & PICOT__WRITES ? POLLOUT : 0u);
}

int picot__uring_offload(picot_loop *loop, picot_op *op, int fd)
{
    op->_.slot = PICOT__URING_OFFLOADED;
    return picot__offload(loop, op, fd);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* O_NONBLOCK while opening: a FIFO without its other end, or a modem's tty, must not hold a kernel thread. */
static int open_flags(const picot_op *op)
{
    return op->_.u.file.flags | O_CLOEXEC | O_NONBLOCK;
}

/* The kernel reads this when the entry is submitted, which may be much later than now. */
static struct open_how *make_how(picot_loop *loop, const picot_op *op)
{
    struct open_how *how = picot_alloc(loop, sizeof *how);
    if (!how) return NULL;
    bool creates = op->_.u.file.flags & (O_CREAT | __O_TMPFILE);
    *how = (struct open_how){.flags = (unsigned)open_flags(op), .resolve = RESOLVE_BENEATH};
    if (creates) how->mode = op->_.u.file.mode & 07777;
    return how;
}

static int submit_open(picot_loop *loop, picot_op *op)
{
    struct open_how *how = op->_.u.file.beneath ? make_how(loop, op) : NULL;
    if (op->_.u.file.beneath && !how) return -ENOMEM;
    uint32_t index;
    struct io_uring_sqe *sqe = picot__uring_begin(loop, PICOT__URING_OPERATION, &index);
    if (!sqe) {
        if (how) picot_free(loop, how, sizeof *how);
        return -ENOMEM;
    }
    if (how)
        io_uring_prep_openat2(sqe, op->_.u.file.dir, op->_.u.file.path, how);
    else
        io_uring_prep_openat(sqe, op->_.u.file.dir, op->_.u.file.path, open_flags(op), (mode_t)op->_.u.file.mode);
    struct picot__uring *uring = picot__uring_of(loop);
    picot__uring_enter_slot(uring, index, NULL, op);
    uring->slots[index].of.how = how;
    uring->slots[index].owns_how = how != NULL;
    return 0;
}

/* ---- submit ---------------------------------------------------------------------------------- */

static int done(picot_op *op, int64_t result)
{
    op->result = result;
    return PICOT__DONE;
}

static int submit_send(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    if (!(desc->flags & PICOT__SOCKET && desc->flags & PICOT__WRITE_BLOCKED)) {
        int64_t result = picot__attempt(loop, desc, op);
        if (result != PICOT__AGAIN) return done(op, result);
    }
    return picot__uring_hand_over(loop, desc, op);
}

static int submit_accept(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    if (desc->flags & PICOT__READ_READY) {
        int64_t result = picot__attempt(loop, desc, op);
        if (result != PICOT__AGAIN) return done(op, result);
    }
    return picot__uring_hand_over(loop, desc, op);
}

static int attempt_or_await(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    int64_t result = picot__attempt(loop, desc, op);
    return result != PICOT__AGAIN ? done(op, result) : picot__uring_await(loop, desc, op, picot__uring_events_of(op));
}

/* An offset where there are no positions is an error, which READ and SEND would overlook. */
static int submit_transfer(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    if (desc->flags & PICOT__FILE) return picot__uring_hand_over(loop, desc, op);
    if (op->_.u.io.at.offset >= 0) return attempt_or_await(loop, desc, op);
    bool reads = op->_.kind == PICOT__OP_READ;
    if (desc->flags & PICOT__SOCKET) return reads ? picot__uring_receive(loop, desc, op) : submit_send(loop, desc, op);
    return reads ? picot__uring_hand_over(loop, desc, op) : attempt_or_await(loop, desc, op);
}

static int submit_vector(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    if (desc->flags & PICOT__FILE) return picot__uring_hand_over(loop, desc, op);
    bool receives = op->_.kind == PICOT__OP_READV && desc->flags & PICOT__SOCKET && op->_.u.io.at.offset < 0;
    return receives ? picot__uring_receive(loop, desc, op) : attempt_or_await(loop, desc, op);
}

static int submit_immediate(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    if (op->_.kind == PICOT__OP_RELEASE) picot__uring_let_go(loop, desc);
    return done(op, picot__sys_perform(loop, desc, op));
}

int picot__uring_submit_op(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    if (picot__is_immediate(op->_.kind)) return submit_immediate(loop, desc, op);
    op->_.slot = PICOT__URING_NO_SLOT;
    switch (op->_.kind) {
    case PICOT__OP_RECV:
    case PICOT__OP_RECV_LEASED:
    case PICOT__OP_RECVMSG:
        return picot__uring_receive(loop, desc, op);
    case PICOT__OP_SEND:
    case PICOT__OP_SEND_ALL:
    case PICOT__OP_SENDMSG:
        return submit_send(loop, desc, op);
    case PICOT__OP_ACCEPT:
        return submit_accept(loop, desc, op);
    case PICOT__OP_CONNECT:
    case PICOT__OP_FSYNC:
        return picot__uring_hand_over(loop, desc, op);
    case PICOT__OP_READ:
    case PICOT__OP_WRITE:
        return submit_transfer(loop, desc, op);
    case PICOT__OP_READV:
    case PICOT__OP_WRITEV:
        return submit_vector(loop, desc, op);
    case PICOT__OP_POLL:
        return attempt_or_await(loop, desc, op);
    case PICOT__OP_CLOSE:
        return picot__uring_close_handle(loop, desc, op);
    case PICOT__OP_OPEN:
        return submit_open(loop, op);
    case PICOT__OP_RESOLVE:
        return picot__uring_offload(loop, op, -1);
    default:
        return picot__uring_submit_file_call(loop, desc, op);
    }
}
