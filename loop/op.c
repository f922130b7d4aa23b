/* SPDX-License-Identifier: MIT
 *
 * op.c - the life of an operation: submit, exactly one completion, cancel, close.
 *
 *     IDLE --submit--> PENDING --finish--> IDLE, callback
 *                         |  \--finish_later--> FINISHING --turn--> IDLE, callback
 *                         \--out of descriptors--> RETRYING --> PENDING
 *     close: IDLE --> CLOSING, until the handle's other operations have ended --> PENDING --> ...
 *
 * A handle's reader and writer are entered here before the backend sees the operation and leave here before the
 * callback.
 */
#include "backend/backend.h"

#include <picot/transfer.h>

/* What the core must know of a kind. READS and WRITES are the directions it occupies on its handle. */
enum {
    ON_HANDLE = 4,      /* needs a handle */
    MOVES_BYTES = 8,    /* u.io: a buffer and its length */
    MAY_LACK_ROOM = 16, /* may have to wait for the system: see must_wait_for_room */
    CHECKED = 32,       /* has other arguments to check */
    VECTOR = 64         /* u.io: several buffers and their number */
};
#define READER (ON_HANDLE | PICOT__READS)
#define WRITER (ON_HANDLE | PICOT__WRITES)
static const unsigned char traits[PICOT__OP_KINDS] = {
    [PICOT__OP_BIND] = ON_HANDLE,
    [PICOT__OP_LISTEN] = ON_HANDLE,
    [PICOT__OP_SETSOCKOPT] = ON_HANDLE,
    [PICOT__OP_GETSOCKOPT] = ON_HANDLE,
    [PICOT__OP_GETNAME] = ON_HANDLE,
    [PICOT__OP_SHUTDOWN] = ON_HANDLE,
    [PICOT__OP_STAT] = ON_HANDLE,
    [PICOT__OP_ACCEPT] = READER | MAY_LACK_ROOM | CHECKED,
    [PICOT__OP_CONNECT] = WRITER | MAY_LACK_ROOM | CHECKED,
    [PICOT__OP_RECV] = READER | MOVES_BYTES,
    [PICOT__OP_RECV_LEASED] = READER | CHECKED,
    [PICOT__OP_SEND] = WRITER | MOVES_BYTES,
    [PICOT__OP_SEND_ALL] = WRITER | MOVES_BYTES,
    [PICOT__OP_RECVMSG] = READER | CHECKED,
    [PICOT__OP_SENDMSG] = WRITER | CHECKED | MAY_LACK_ROOM,
    [PICOT__OP_READ] = READER | MOVES_BYTES,
    [PICOT__OP_WRITE] = WRITER | MOVES_BYTES,
    [PICOT__OP_READV] = READER | VECTOR,
    [PICOT__OP_WRITEV] = WRITER | VECTOR,
    [PICOT__OP_FSYNC] = WRITER,
    [PICOT__OP_FTRUNCATE] = WRITER,
    [PICOT__OP_FALLOCATE] = WRITER,
    [PICOT__OP_POLL] = ON_HANDLE | CHECKED,
};

unsigned picot__op_directions(const picot_op *op)
{
    if (op->_.kind != PICOT__OP_POLL) return traits[op->_.kind] & (PICOT__READS | PICOT__WRITES);
    return (unsigned)op->_.u.call.a & (PICOT_READABLE | PICOT_WRITABLE); /* the same bits */
}

static struct picot__descriptor *descriptor_of_op(picot_loop *loop, const picot_op *op)
{
    return op->_.fd > 0 ? picot__descriptor_of_key(loop, (uint64_t)op->_.fd) : NULL;
}

static void attach(struct picot__descriptor *desc, picot_op *op, unsigned which)
{
    if (which & PICOT__READS) desc->reader = op;
    if (which & PICOT__WRITES) desc->writer = op;
}

static void detach(struct picot__descriptor *desc, const picot_op *op)
{
    if (desc->reader == op) desc->reader = NULL;
    if (desc->writer == op) desc->writer = NULL;
}

/* ---- completion ------------------------------------------------------------------------------ */

/* The system has no room now: should the operation wait for it rather than end? See picot_op_accept, picot_op_connect.
 */
static bool must_wait_for_room(struct picot__descriptor *desc, const picot_op *op, int64_t result)
{
    if (!(traits[op->_.kind] & MAY_LACK_ROOM)) return false;
    if (result >= 0 && op->_.kind == PICOT__OP_ACCEPT && desc) desc->flags &= (uint16_t)~PICOT__EXHAUSTED;
    if (result >= 0) return false;
    if (op->_.kind == PICOT__OP_CONNECT || op->_.kind == PICOT__OP_SENDMSG) /* a full AF_UNIX backlog or queue */
        return result == -EAGAIN && !(op->_.flags & PICOT__CANCELLED);
    if (!desc || !picot__is_exhausted(result)) return false;
    bool reported = desc->flags & PICOT__EXHAUSTED;
    desc->flags |= PICOT__EXHAUSTED;
    return reported && !(op->_.flags & PICOT__CANCELLED);
}

static int64_t settle_result(const picot_op *op, int64_t result)
{
    if (result < 0 && op->_.flags & PICOT__CANCELLED && (result == -EAGAIN || picot__is_exhausted(result)))
        return -ECANCELED;
    return result;
}

static void queue_finished(picot_loop *loop, picot_op *op, int64_t result)
{
    op->result = result;
    op->_.state = PICOT__FINISHING;
    op->_.next = NULL;
    *loop->finished_tail = op;
    loop->finished_tail = &op->_.next;
    picot__look_up(loop);
}

static void call_done(picot_loop *loop, picot_op *op)
{
    op->_.state = PICOT__IDLE;
    loop->pending_ops--;
    op->done(loop, op);
}

/* A copy is on two handles; its op->_.fd is the one it writes to. */
static struct picot__descriptor *source_of_copy(picot_loop *loop, const picot_op *op)
{
    if (op->_.kind != PICOT__OP_COPY) return NULL;
    return picot__descriptor_of_key(loop, (uint64_t)op->_.u.transfer->_.from);
}

/* A close goes on when the handle has no other operation left. */
static void advance_close(picot_loop *loop, struct picot__descriptor *desc)
{
    picot_op *closer = desc->closer;
    if (!closer || desc->reader || desc->writer) return;
    desc->closer = NULL;
    closer->_.state = PICOT__PENDING;
    int rc = loop->backend->submit(loop, desc, closer);
    if (rc != 0) queue_finished(loop, closer, rc < 0 ? rc : closer->result);
}

/* A close, an operation without a handle, an error, or one that may have to wait for room. */
static void finish_special(picot_loop *loop, picot_op *op, int64_t result)
{
    if (op->_.kind == PICOT__OP_CLOSE) { /* behind those of its handle that are queued already */
        queue_finished(loop, op, result);
        return;
    }
    struct picot__descriptor *desc = descriptor_of_op(loop, op);
    if (must_wait_for_room(desc, op, result)) {
        picot__retry(loop, op);
        return;
    }
    if (desc) detach(desc, op);
    op->result = settle_result(op, result);
    call_done(loop, op);
    if (desc) advance_close(loop, desc);
}

void picot__finish(picot_loop *loop, picot_op *op, int64_t result)
{
    assert(op->_.state == PICOT__PENDING);
    unsigned kind_traits = traits[op->_.kind];
    if (result < 0 || (kind_traits & (ON_HANDLE | MAY_LACK_ROOM)) != ON_HANDLE) {
        finish_special(loop, op, result);
        return;
    }
    struct picot__descriptor *desc = descriptor_of_op(loop, op);
    if (desc) detach(desc, op);
    op->result = result;
    call_done(loop, op);
    if (desc && PICOT__UNLIKELY(desc->closer != NULL)) advance_close(loop, desc);
}

void picot__finish_later(picot_loop *loop, picot_op *op, int64_t result)
{
    assert(op->_.state == PICOT__PENDING || op->_.state == PICOT__RETRYING);
    struct picot__descriptor *desc = descriptor_of_op(loop, op);
    if (must_wait_for_room(desc, op, result)) {
        picot__retry(loop, op);
        return;
    }
    struct picot__descriptor *source = source_of_copy(loop, op);
    if (desc) detach(desc, op);
    if (source) detach(source, op);
    queue_finished(loop, op, settle_result(op, result));
    if (desc) advance_close(loop, desc);
    if (source && source != desc) advance_close(loop, source);
}

void picot__deliver_finished(picot_loop *loop)
{
    picot_op *op = loop->finished;
    loop->finished = NULL;
    loop->finished_tail = &loop->finished;
    while (op) {
        picot_op *next = op->_.next; /* its callback may reuse it */
        picot__budget_renew(loop);
        call_done(loop, op);
        op = next;
    }
}

/* ---- submit ---------------------------------------------------------------------------------- */

/* A result is there at once: hand it to the caller where he asked for it and has budget left, else later. */
static int result_at_once(picot_loop *loop, picot_op *op, int64_t result, bool now)
{
    if (now && loop->ready.budget > 0) {
        loop->ready.budget--;
    } else if (!now || op->_.kind > PICOT__OP_LAST_IMMEDIATE) { /* those are promised to be done at once, always */
        loop->pending_ops++;
        queue_finished(loop, op, result);
        return 0;
    }
    op->_.state = PICOT__IDLE;
    op->result = result;
    return 1;
}

/* What the backend said, when it did not say "pending". */
static inline int settle_submit(picot_loop *loop, picot_op *op, int rc, bool now)
{
    if (rc == PICOT__DONE) return result_at_once(loop, op, op->result, now);
    op->_.state = PICOT__IDLE;
    return rc;
}

static int give_to_backend(picot_loop *loop, struct picot__descriptor *desc, picot_op *op, bool now)
{
    op->_.state = PICOT__PENDING;
    int rc = loop->backend->submit(loop, desc, op);
    if (rc == 0) {
        loop->pending_ops++;
        return 0;
    }
    if (desc) detach(desc, op);
    return settle_submit(loop, op, rc, now);
}

/* An accept or a connect: its turn may not have come yet. */
static int submit_or_wait_for_room(picot_loop *loop, struct picot__descriptor *desc, picot_op *op, bool now)
{
    bool wait = op->_.kind == PICOT__OP_ACCEPT && desc->flags & PICOT__EXHAUSTED;
    if (!wait) {
        op->_.state = PICOT__PENDING;
        int rc = loop->backend->submit(loop, desc, op);
        wait = rc == PICOT__DONE && must_wait_for_room(desc, op, op->result);
        if (rc != 0 && !wait) {
            detach(desc, op);
            return settle_submit(loop, op, rc, now);
        }
    }
    loop->pending_ops++;
    if (wait) picot__retry(loop, op);
    return 0;
}

static void timeout_expired(picot_loop *loop, struct picot_wheel_node *node)
{
    picot_op *op = (picot_op *)(void *)((char *)node - offsetof(picot_op, _.u.timeout));
    op->result = 0;
    picot__budget_renew(loop);
    call_done(loop, op);
}

void picot__drop_timer(picot_loop *loop, struct picot_wheel_node *node)
{
    if (node->expire == timeout_expired) {
        (void)picot_cancel(loop, (picot_op *)(void *)((char *)node - offsetof(picot_op, _.u.timeout)));
    } else if (node->expire == picot__timer_expired) {
        picot__wheel_remove(&loop->wheel, node);
        loop->armed_timers--;
    }
}

static int submit_timeout(picot_loop *loop, picot_op *op)
{
    struct picot_wheel_node *node = &op->_.u.timeout;
    int64_t delay_ns = node->deadline_ns; /* where prepare has put it */
    if (delay_ns < 0) return -EINVAL;
    node->deadline_ns = delay_ns > PICOT_NEVER - loop->now_ns ? PICOT_NEVER : loop->now_ns + delay_ns;
    node->expire = timeout_expired;
    node->next = NULL;
    picot__wheel_add(&loop->wheel, node);
    op->_.state = PICOT__PENDING;
    loop->pending_ops++;
    return 0;
}

static int submit_close(picot_loop *loop, picot_op *op, bool now)
{
    struct picot__descriptor *desc = descriptor_of_op(loop, op);
    if (!desc || !(desc->flags & PICOT__OPEN)) return -EBADF;
    if (desc->flags & PICOT__CLOSE_BEGUN) return -EALREADY;
    desc->flags |= PICOT__CLOSE_BEGUN;
    if (!desc->reader && !desc->writer) return give_to_backend(loop, desc, op, now);
    desc->closer = op;
    op->_.state = PICOT__CLOSING;
    loop->pending_ops++;
    picot_op *reader = desc->reader, *writer = desc->writer == reader ? NULL : desc->writer;
    if (reader) (void)picot_cancel(loop, reader);
    if (writer) (void)picot_cancel(loop, writer);
    return 0;
}

static bool bad_arguments(const picot_op *op)
{
    switch (op->_.kind) {
    case PICOT__OP_RECV_LEASED:
        return !op->_.u.io.at.ret_lease;
    case PICOT__OP_RECVMSG:
    case PICOT__OP_SENDMSG:
        return !op->_.u.msg.msg;
    case PICOT__OP_CONNECT:
        return !op->_.u.addr.addr;
    case PICOT__OP_ACCEPT:
        return !op->_.u.addr.addr != !op->_.u.addr.ret_len;
    case PICOT__OP_POLL:
        return op->_.u.call.a <= 0 || op->_.u.call.a & ~(PICOT_READABLE | PICOT_WRITABLE);
    default:
        return false;
    }
}

/* Of no bytes: nothing to receive, or to send on a stream: the answer is 0 on every backend. An empty datagram is
 * something. */
static bool moves_nothing(const struct picot__descriptor *desc, const picot_op *op)
{
    bool writes = traits[op->_.kind] & PICOT__WRITES;
    return !writes || !(desc->flags & PICOT__SOCKET) || desc->flags & PICOT__STREAM;
}

/* Kinds that occupy both directions or none: a poll, socket options and their like. */
static int submit_generic(picot_loop *loop, struct picot__descriptor *desc, picot_op *op, bool now)
{
    unsigned which = picot__op_directions(op);
    if ((which & PICOT__READS && desc->reader) || (which & PICOT__WRITES && desc->writer)) return -EBUSY;
    attach(desc, op, which);
    return give_to_backend(loop, desc, op, now);
}

/* The way of every read and write: short, and without a call of its own. */
static inline __attribute__((always_inline)) int submit_on_handle(picot_loop *loop, picot_op *op, unsigned kind_traits,
                                                                  bool now)
{
    struct picot__descriptor *desc = picot__descriptor_of(loop, op->_.fd);
    if (PICOT__UNLIKELY(!desc)) return -EBADF;
    if (kind_traits & CHECKED && bad_arguments(op)) return -EINVAL;
    if (PICOT__UNLIKELY(!(kind_traits & (PICOT__READS | PICOT__WRITES)))) return submit_generic(loop, desc, op, now);
    picot_op **place = kind_traits & PICOT__READS ? &desc->reader : &desc->writer;
    if (PICOT__UNLIKELY(*place != NULL)) return -EBUSY;
    if (kind_traits & MOVES_BYTES && (!op->_.u.io.buf || op->_.u.io.len - 1 >= PTRDIFF_MAX)) { /* also len 0 */
        if (op->_.u.io.len > 0) return -EINVAL;
        if (moves_nothing(desc, op)) return result_at_once(loop, op, 0, now);
    }
    if (PICOT__UNLIKELY(kind_traits & VECTOR)) {
        int64_t total = picot__vector_size(op);
        if (total < 0) return (int)total;
        if (total == 0 && moves_nothing(desc, op)) return result_at_once(loop, op, 0, now);
    }
    *place = op;
    if (PICOT__UNLIKELY(kind_traits & MAY_LACK_ROOM)) return submit_or_wait_for_room(loop, desc, op, now);
    op->_.state = PICOT__PENDING;
    int rc = loop->backend->submit(loop, desc, op);
    if (rc == 0) {
        loop->pending_ops++;
        return 0;
    }
    *place = NULL;
    return settle_submit(loop, op, rc, now);
}

static int unblock_socket(struct picot__descriptor *desc)
{
    return (desc->flags & (PICOT__SOCKET | PICOT__NONBLOCKING)) == PICOT__SOCKET ? picot__sys_unblock(desc, desc->fd)
                                                                                 : 0;
}

/* Always in a thread, so that it ends by picot__finish_later. */
static int submit_copy(picot_loop *loop, picot_op *op)
{
    picot_transfer *transfer = op->_.u.transfer;
    struct picot__descriptor *to = picot__descriptor_of(loop, op->_.fd),
                             *from = picot__descriptor_of(loop, transfer->_.from);
    if (!from || !to) return -EBADF;
    if (from->reader || to->writer) return -EBUSY;
    int rc = unblock_socket(from);
    if (rc == 0) rc = unblock_socket(to);
    if (rc < 0) return rc;
    transfer->_.from_number = from->fd;
    transfer->_.to_number = to->fd;
    from->reader = to->writer = op;
    op->_.state = PICOT__PENDING;
    rc = loop->backend->submit(loop, to, op);
    if (rc == 0) {
        loop->pending_ops++;
        return 0;
    }
    detach(from, op);
    detach(to, op);
    op->_.state = PICOT__IDLE;
    return rc;
}

static int submit_elsewhere(picot_loop *loop, picot_op *op, bool now)
{
    if (picot__is_on_path(op->_.kind)) return picot__bad_path(op) ? -EINVAL : give_to_backend(loop, NULL, op, now);
    switch (op->_.kind) {
    case PICOT__OP_TIMEOUT:
        return submit_timeout(loop, op);
    case PICOT__OP_CLOSE:
        return submit_close(loop, op, now);
    case PICOT__OP_COPY:
        return submit_copy(loop, op);
    case PICOT__OP_OPEN:
        return op->_.u.file.path ? give_to_backend(loop, NULL, op, now) : -EINVAL;
    case PICOT__OP_DIRECTORY_READ:
        return op->_.u.io.buf ? give_to_backend(loop, NULL, op, now) : -EINVAL;
    case PICOT__OP_RESOLVE:
        return op->_.u.lookup.ret_list ? give_to_backend(loop, NULL, op, now) : -EINVAL;
    case PICOT__OP_SOCKET:
        return give_to_backend(loop, NULL, op, now);
    default:
        return -EINVAL;
    }
}

/* Why not? */
static int refusal(const picot_loop *loop, const picot_op *op, picot_op_done *done)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_submit");
    if (!op || !done || op->_.kind >= PICOT__OP_KINDS) return -EINVAL;
    return op->_.state != PICOT__IDLE ? -EBUSY : PICOT_EBACKEND;
}

static inline int submit(picot_loop *loop, picot_op *op, picot_op_done *done, void *user, bool now)
{
    bool refused = picot__check(loop) < 0 || !op || !done || op->_.kind >= PICOT__OP_KINDS ||
                   op->_.state != PICOT__IDLE || loop->failed;
    if (PICOT__UNLIKELY(refused)) return refusal(loop, op, done);
    op->done = done;
    op->user = user;
    op->_.flags = 0;
    unsigned kind_traits = traits[op->_.kind];
    return kind_traits & ON_HANDLE ? submit_on_handle(loop, op, kind_traits, now) : submit_elsewhere(loop, op, now);
}

int picot_submit(picot_loop *loop, picot_op *op, picot_op_done *done, void *user)
{
    return submit(loop, op, done, user, false);
}

int picot_submit_now(picot_loop *loop, picot_op *op, picot_op_done *done, void *user)
{
    return submit(loop, op, done, user, true);
}

/* ---- cancel ---------------------------------------------------------------------------------- */

int picot_cancel(picot_loop *loop, picot_op *op)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_cancel");
    if (!op) return -EINVAL;
    if (op->_.kind == PICOT__OP_CLOSE || op->_.flags & PICOT__CANCELLED) return 0;
    if (op->_.state == PICOT__RETRYING) {
        op->_.flags |= PICOT__CANCELLED;
        picot__retry_cancel(loop, op);
    } else if (op->_.state == PICOT__PENDING) {
        op->_.flags |= PICOT__CANCELLED;
        if (op->_.kind == PICOT__OP_TIMEOUT) {
            picot__wheel_remove(&loop->wheel, &op->_.u.timeout);
            queue_finished(loop, op, -ECANCELED);
        } else {
            loop->backend->cancel(loop, descriptor_of_op(loop, op), op);
        }
    }
    return 0;
}

int picot_op_pending(const picot_op *op)
{
    return op && op->_.state != PICOT__IDLE;
}

size_t picot_op_progress(const picot_op *op)
{
    return op && op->_.kind == PICOT__OP_SEND_ALL ? op->_.u.io.at.progress : 0;
}
