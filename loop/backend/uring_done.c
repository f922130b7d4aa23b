/* SPDX-License-Identifier: MIT
 *
 * uring_done.c - operations on io_uring: how each kind ends, or goes on.
 *
 * A completion is the truth about its operation, also after a cancel. What is not a result goes on: the rest of a
 * send_all, and EAGAIN or EINTR, with which kernels now and then complete an entry on an O_NONBLOCK descriptor instead
 * of waiting; then the operation is attempted as on the readiness backends, with POLL_ADD for the event.
 */
#include "uring.h"

#include <poll.h>

void picot__uring_end(picot_loop *loop, picot_op *op, int64_t result)
{
    op->_.slot = PICOT__URING_NO_SLOT;
    picot__budget_renew(loop);
    picot__finish(loop, op, result);
}

void picot__uring_slot_drop_memory(picot_loop *loop, struct picot__uring_slot *slot)
{
    if (!slot->owns_how) return;
    picot_free(loop, slot->of.how, sizeof *slot->of.how);
    slot->owns_how = false;
}

/* The slot's handle, or NULL when there is none, or the number means something else by now. */
static struct picot__descriptor *handle_of(const struct picot__uring_slot *slot)
{
    struct picot__descriptor *desc = slot->desc_generation ? slot->of.desc : NULL;
    return desc && desc->generation == slot->desc_generation ? desc : NULL;
}

/* The call ended without a result: attempt it ourselves, else wait for readiness. */
static void attempt_again(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    int64_t result = picot__attempt(loop, desc, op);
    if (result == PICOT__AGAIN) {
        result = picot__uring_await(loop, desc, op, picot__uring_events_of(op));
        if (result == 0) return;
    }
    picot__uring_end(loop, op, result);
}

static bool is_file_call(const struct picot__descriptor *desc, const picot_op *op)
{
    return op->_.kind == PICOT__OP_OPEN || picot__is_on_path(op->_.kind) || op->_.kind == PICOT__OP_FSYNC ||
           op->_.kind == PICOT__OP_FTRUNCATE || op->_.kind == PICOT__OP_FALLOCATE ||
           (desc && desc->flags & PICOT__FILE);
}

/* EAGAIN or EINTR, of which the caller must not hear. */
static void retry(picot_loop *loop, struct picot__descriptor *desc, picot_op *op, int32_t result)
{
    int64_t rc;
    if (is_file_call(desc, op)) {
        rc = picot__uring_offload(loop, op, desc ? desc->fd : -1);
    } else if (op->_.kind != PICOT__OP_CONNECT) {
        attempt_again(loop, desc, op);
        return;
    } else if (result == -EAGAIN) { /* a full AF_UNIX backlog cannot be waited for; the core asks again */
        rc = result;
    } else {
        op->_.flags |= PICOT__STARTED; /* it goes on connecting */
        rc = picot__uring_await(loop, desc, op, POLLOUT);
    }
    if (rc < 0) picot__uring_end(loop, op, rc);
}

/* A piece of a send has gone out. Is there more to do? */
static bool send_goes_on(struct picot__descriptor *desc, picot_op *op, int32_t moved)
{
    size_t wanted = op->_.u.io.len;
    if (op->_.kind == PICOT__OP_SEND_ALL) {
        wanted -= op->_.u.io.at.progress;
        op->_.u.io.at.progress += (size_t)moved;
    }
    bool short_of = (size_t)moved < wanted;
    if (desc && short_of) desc->flags |= PICOT__WRITE_BLOCKED;
    if (desc && !short_of) desc->flags &= (uint16_t)~PICOT__WRITE_BLOCKED;
    return op->_.kind == PICOT__OP_SEND_ALL && short_of;
}

static void sent(picot_loop *loop, const struct picot__uring_slot *slot, int32_t moved)
{
    picot_op *op = slot->op;
    struct picot__descriptor *desc = handle_of(slot);
    int64_t result = moved;
    if (send_goes_on(desc, op, moved)) {
        result = slot->cancelled || !desc ? -ECANCELED : picot__uring_hand_over(loop, desc, op);
        if (result == 0) return;
    } else if (op->_.kind == PICOT__OP_SEND_ALL) {
        result = (int64_t)op->_.u.io.len;
    }
    picot__uring_end(loop, op, result);
}

static int64_t accepted(picot_loop *loop, struct picot__descriptor *desc, int fd)
{
    unsigned flags = PICOT__SOCKET | PICOT__NONBLOCKING;
    if (desc) {
        desc->flags |= PICOT__READ_READY; /* others may wait behind it */
        flags |= desc->flags & PICOT__STREAM;
    }
    return picot__descriptor_open(loop, fd, flags);
}

static void succeeded(picot_loop *loop, const struct picot__uring_slot *slot, int32_t result)
{
    struct picot__descriptor *desc = handle_of(slot);
    switch (slot->op->_.kind) {
    case PICOT__OP_ACCEPT:
        picot__uring_end(loop, slot->op, accepted(loop, desc, result));
        break;
    case PICOT__OP_OPEN:
        picot__uring_end(loop, slot->op, picot__sys_opened(loop, result));
        break;
    case PICOT__OP_SEND:
    case PICOT__OP_SEND_ALL:
        sent(loop, slot, result);
        break;
    case PICOT__OP_SENDMSG:
        if (desc) desc->flags &= (uint16_t)~PICOT__WRITE_BLOCKED;
        picot__uring_end(loop, slot->op, result);
        break;
    case PICOT__OP_WRITE:
        if (desc && desc->flags & PICOT__SOCKET)
            sent(loop, slot, result);
        else
            picot__uring_end(loop, slot->op, result);
        break;
    default:
        picot__uring_end(loop, slot->op, result);
        break;
    }
}

static void failed(picot_loop *loop, const struct picot__uring_slot *slot, int32_t result)
{
    picot_op *op = slot->op;
    struct picot__descriptor *desc = handle_of(slot);
    bool passing = result == -EAGAIN || result == -EINTR;
    if (op->_.kind == PICOT__OP_ACCEPT && result != -ECANCELED)
        passing = true; /* attempt knows which errors are not ours */
    if (!passing)
        picot__uring_end(loop, op, result);
    else if (slot->cancelled)
        picot__uring_end(loop, op, -ECANCELED);
    else if (slot->desc_generation && !desc)
        picot__uring_end(loop, op, -EBADF);
    else
        retry(loop, desc, op, result);
}

void picot__uring_op_event(picot_loop *loop, const struct picot__uring_slot *slot, int32_t result)
{
    picot_op *op = slot->op;
    struct picot__descriptor *desc = handle_of(slot);
    op->_.slot = PICOT__URING_NO_SLOT;
    if (slot->kind == PICOT__URING_OPERATION) {
        if (result >= 0)
            succeeded(loop, slot, result);
        else
            failed(loop, slot, result);
    } else if (slot->cancelled || !desc) {
        picot__uring_end(loop, op, -ECANCELED);
    } else if (result < 0) {
        picot__uring_end(loop, op, result);
    } else {
        attempt_again(loop, desc, op);
    }
}
