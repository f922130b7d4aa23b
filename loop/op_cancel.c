/* SPDX-License-Identifier: MIT
 *
 * op_cancel.c - ending an operation early, and asking what has become of it.
 */
#include "backend/backend.h"

static void cancel_pending(picot_loop *loop, picot_op *op)
{
    op->_.flags |= PICOT__CANCELLED;
    if (op->_.kind == PICOT__OP_TIMEOUT) {
        picot__wheel_remove(&loop->wheel, &op->_.u.timeout);
        picot__finish_later(loop, op, -ECANCELED);
        return;
    }
    struct picot__descriptor *desc = op->_.fd > 0 ? picot__descriptor_of_key(loop, (uint64_t)op->_.fd) : NULL;
    loop->backend->cancel(loop, desc, op);
}

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
        cancel_pending(loop, op);
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
