/* SPDX-License-Identifier: MIT
 *
 * attempt.h - what attempt.c and attempt_plain.c know of each other.
 */
#ifndef PICOT_LOOP_BACKEND_ATTEMPT_H
#define PICOT_LOOP_BACKEND_ATTEMPT_H

#include "backend.h"

/* By errno: the code, or PICOT__AGAIN, and the latch says so. flags: those of the recv. */
int64_t picot__read_failed(struct picot__descriptor *desc, int flags);
int64_t picot__write_failed(struct picot__descriptor *desc);
/* poll(2) of one descriptor without waiting: its events, or a code. */
int picot__poll_now(int fd, short events);

/* read, readv; write, writev of what is no socket. */
int64_t picot__read_plain(struct picot__descriptor *desc, picot_op *op);
int64_t picot__write_plain(struct picot__descriptor *desc, picot_op *op);

#endif /* PICOT_LOOP_BACKEND_ATTEMPT_H */
