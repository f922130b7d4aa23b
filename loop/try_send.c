/* SPDX-License-Identifier: MIT
 *
 * try_send.c - what a socket takes at once, without an operation: most messages fit.
 */
#include "backend/backend.h"

/* Why not? */
static int refusal(picot_loop *loop, picot_fd fd)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_try_send");
    if (loop->failed) return PICOT_EBACKEND;
    const struct picot__descriptor *desc = picot__descriptor_of(loop, fd);
    if (!desc) return -EBADF;
    if (!(desc->flags & PICOT__SOCKET)) return -ENOTSOCK;
    return desc->writer ? -EBUSY : -EINVAL;
}

int64_t picot_try_send(picot_loop *loop, picot_fd fd, const void *buf, size_t len, int flags)
{
    if (PICOT__UNLIKELY(picot__check(loop) < 0 || loop->failed)) return refusal(loop, fd);
    struct picot__descriptor *desc = picot__descriptor_of(loop, fd);
    if (PICOT__UNLIKELY(!desc || !(desc->flags & PICOT__SOCKET) || desc->writer)) return refusal(loop, fd);
    if (PICOT__UNLIKELY((!buf && len > 0) || len > PTRDIFF_MAX)) return -EINVAL;
    if (PICOT__UNLIKELY(len == 0 && desc->flags & PICOT__STREAM)) return 0;
    int64_t n = picot__transmit(desc, buf, len, flags);
    return n == PICOT__AGAIN ? -EAGAIN : n;
}
