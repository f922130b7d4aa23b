/* SPDX-License-Identifier: MIT
 *
 * transfer.c - moving bytes between handles: which way, and what to do when one says no or not now.
 *
 * One operation at a time: a COPY, which a thread makes (sys_copy.c); a poll, when that would have blocked; or, where
 * the kernel cannot do it by itself, a read and then writes.
 */
#include "backend/backend.h"

#include <picot/transfer.h>

#define BUFFER_SIZE ((size_t)64 * 1024)

static void advance(picot_transfer *transfer);

static void finish(picot_transfer *transfer, int64_t result)
{
    picot_free(transfer->_.loop, transfer->_.buf, BUFFER_SIZE);
    transfer->_.buf = NULL;
    transfer->result = result;
    transfer->done(transfer->_.loop, transfer);
}

static void submit(picot_transfer *transfer, picot_op_done *done)
{
    int rc = picot_submit(transfer->_.loop, &transfer->_.op, done, transfer);
    if (rc < 0) finish(transfer, rc);
}

static void moved(picot_transfer *transfer, int64_t count)
{
    transfer->moved += count;
    transfer->_.left -= count;
}

/* ---- by reading and writing ------------------------------------------------------------------ */

static void write_rest(picot_transfer *transfer);

static void written(picot_loop *loop, picot_op *op)
{
    picot_transfer *transfer = op->user;
    (void)loop;
    if (op->result <= 0) {
        finish(transfer, op->result < 0 ? op->result : -EIO);
        return;
    }
    moved(transfer, op->result);
    if (transfer->_.to_offset >= 0) transfer->_.to_offset += op->result;
    transfer->_.begin += (size_t)op->result;
    if (transfer->_.begin == transfer->_.end)
        advance(transfer);
    else if (transfer->_.cancelled)
        finish(transfer, -ECANCELED);
    else
        write_rest(transfer);
}

static void write_rest(picot_transfer *transfer)
{
    picot_op_write(&transfer->_.op, transfer->_.to, transfer->_.buf + transfer->_.begin,
                   transfer->_.end - transfer->_.begin, transfer->_.to_offset);
    submit(transfer, written);
}

static void has_read(picot_loop *loop, picot_op *op)
{
    picot_transfer *transfer = op->user;
    (void)loop;
    if (op->result <= 0) {
        finish(transfer, op->result < 0 ? op->result : transfer->moved);
        return;
    }
    if (transfer->_.from_offset >= 0) transfer->_.from_offset += op->result;
    transfer->_.begin = 0;
    transfer->_.end = (size_t)op->result;
    write_rest(transfer); /* also when cancelled: what was read is not thrown away without need */
}

static void read_piece(picot_transfer *transfer)
{
    if (!transfer->_.buf) transfer->_.buf = picot_alloc(transfer->_.loop, BUFFER_SIZE);
    if (!transfer->_.buf) {
        finish(transfer, -ENOMEM);
        return;
    }
    size_t size = transfer->_.left < (int64_t)BUFFER_SIZE ? (size_t)transfer->_.left : BUFFER_SIZE;
    picot_op_read(&transfer->_.op, transfer->_.from, transfer->_.buf, size, transfer->_.from_offset);
    submit(transfer, has_read);
}

/* ---- by the kernel --------------------------------------------------------------------------- */

/* It was waited for: go on, or that was all. */
static void go_on(picot_loop *loop, picot_op *op)
{
    picot_transfer *transfer = op->user;
    (void)loop;
    if (op->result < 0)
        finish(transfer, op->result);
    else
        advance(transfer);
}

static void wait_until_ready(picot_transfer *transfer)
{
    unsigned events = transfer->_.wait;
    picot_op_poll(&transfer->_.op, events == PICOT_READABLE ? transfer->_.from : transfer->_.to, events);
    submit(transfer, go_on);
}

/* Is the method no good here, and another may be? Reading and writing then tells what is really wrong. */
static bool is_refusal(int64_t code)
{
    switch (code) {
    case -EINVAL:
    case -ENOSYS:
    case -EXDEV:
    case -EOPNOTSUPP:
    case -EBADF: /* opened with O_APPEND */
    case -EPERM:
    case -ESPIPE:
    case -ETXTBSY:
    case -EOVERFLOW:
        return true;
    default:
        return false;
    }
}

static void next_method(picot_transfer *transfer)
{
    transfer->_.method = picot__copy_method_after(transfer->_.method, transfer->_.from_flags, transfer->_.to_flags);
    transfer->_.worked = 0;
    advance(transfer);
}

static void copied(picot_loop *loop, picot_op *op)
{
    picot_transfer *transfer = op->user;
    int64_t result = op->result;
    (void)loop;
    if (result > 0) {
        moved(transfer, result);
        transfer->_.worked = 1;
    }
    if (result == 0 && transfer->_.worked)
        finish(transfer, transfer->moved);
    else if (result == 0 || is_refusal(result)) /* 0: some kernels say so of files that seem to be empty, as in /proc */
        next_method(transfer);
    else if (result < 0 && result != PICOT__COPY_BLOCKED)
        finish(transfer, result);
    else if (transfer->_.wait && transfer->_.left > 0 && !transfer->_.cancelled)
        wait_until_ready(transfer);
    else
        advance(transfer);
}

static void copy_piece(picot_transfer *transfer)
{
    picot__prepare_copy(&transfer->_.op, transfer);
    submit(transfer, copied);
}

static void advance(picot_transfer *transfer)
{
    if (transfer->_.left == 0)
        finish(transfer, transfer->moved);
    else if (transfer->_.cancelled)
        finish(transfer, -ECANCELED);
    else if (transfer->_.method == PICOT__COPY_READ_WRITE)
        read_piece(transfer);
    else
        copy_piece(transfer);
}

/* ---- begin and end --------------------------------------------------------------------------- */

void picot_transfer_prepare(picot_transfer *transfer, picot_fd from, int64_t from_offset, picot_fd to,
                            int64_t to_offset, int64_t count)
{
    memset(transfer, 0, sizeof *transfer);
    transfer->_.from = from;
    transfer->_.to = to;
    transfer->_.from_offset = from_offset;
    transfer->_.to_offset = to_offset;
    transfer->_.left = count;
}

int picot_transfer_start(picot_loop *loop, picot_transfer *transfer, picot_transfer_done *done, void *user)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_transfer_start");
    if (!transfer || !done || transfer->_.left < 0 || transfer->_.from_offset < -1 || transfer->_.to_offset < -1)
        return -EINVAL;
    if (picot_op_pending(&transfer->_.op)) return -EBUSY;
    const struct picot__descriptor *from = picot__descriptor_of(loop, transfer->_.from),
                                   *to = picot__descriptor_of(loop, transfer->_.to);
    if (!from || !to) return -EBADF;
    if (from->reader || to->writer) return -EBUSY;
    transfer->_.loop = loop;
    transfer->_.from_flags = from->flags;
    transfer->_.to_flags = to->flags;
    transfer->_.method = picot__copy_method_after(PICOT__COPY_NONE, from->flags, to->flags);
    transfer->_.cancelled = transfer->_.worked = 0;
    transfer->moved = 0;
    transfer->done = done;
    transfer->user = user;
    if (transfer->_.left > 0 && transfer->_.method != PICOT__COPY_READ_WRITE) {
        picot__prepare_copy(&transfer->_.op, transfer);
        return picot_submit(loop, &transfer->_.op, copied, transfer);
    }
    picot_op_timeout(&transfer->_.op, 0); /* done never comes from inside */
    return picot_submit(loop, &transfer->_.op, go_on, transfer);
}

int picot_transfer_cancel(picot_loop *loop, picot_transfer *transfer)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_transfer_cancel");
    if (!transfer) return -EINVAL;
    if (!picot_op_pending(&transfer->_.op)) return 0;
    transfer->_.cancelled = 1;
    return picot_cancel(loop, &transfer->_.op);
}
