/* SPDX-License-Identifier: MIT
 *
 * outside.h - what a loop has outside: jobs of its thread pools, calls on executors, watchers of signals, children. The
 * rooms that keep them, as destroy.c and the backends see them.
 */
#ifndef PICOT_LOOP_OUTSIDE_H
#define PICOT_LOOP_OUTSIDE_H

#include <picot/loop.h>
#include <picot/op.h>
#include <stdbool.h>

/* ---- executor/offload.c: the loop's small thread pools --------------------------------------- */

/* Run picot__sys_blocking(op, fd) in a thread: 0 pending, or a code. RESOLVE has a pool of its own. */
int picot__offload(picot_loop *loop, picot_op *op, int fd);
/* Not begun: finish_later(-ECANCELED). Begun: a lookup is abandoned the same way, a file operation goes on. */
void picot__offload_cancel(picot_loop *loop, picot_op *op);
void picot__offload_cancel_all(picot_loop *loop); /* a forced destroy: as offload_cancel, for each */
/*
 * For destroy and for a failed backend: end everything here by finish_later. Not begun, and lookups: with `result`;
 * begun file operations: with their own, which is waited for.
 */
void picot__offload_end_all(picot_loop *loop, int64_t result);
/* Is an operation with a thread, or on its way there or back? Abandoned lookups do not count. */
bool picot__offload_is_out(const picot_loop *loop);
/* No operation may be left; joins the threads, and so waits for abandoned lookups. Does not in a forked child. */
void picot__offload_close(picot_loop *loop);

/* ---- executor/port.c, call_loop.c: calls on executors that complete on this loop ---------------- */

struct picot__port;
/* Take back what has not begun, ask the rest to end. Completions follow as ever. */
void picot__works_cancel(picot_loop *loop);
/* The same, and wait for all; they are told by jobs. */
void picot__works_end(picot_loop *loop);
/* The loop is about to wait: wake workers for what is queued. */
void picot__works_wake(picot_loop *loop);
/* No work may be out. Forget the executors. */
void picot__ports_close(picot_loop *loop);
/* loop_executor.c: take no more calls of other threads; those that are there end. */
void picot__loop_executor_close(picot_loop *loop);
/* End the loop's own default executor. */
void picot__executor_end_own(picot_loop *loop);

/* ---- signal.c: watchers of signals ----------------------------------------------------------- */

#define PICOT__SIGNALS 129 /* numbers are below; Linux has 64, on MIPS 128 */
/* The loop ends: no handler knows it any more. */
void picot__signals_free(picot_loop *loop);

/* ---- process.c: the loop's children --------------------------------------------------------------- */

/* A forced destroy: kill those for whose end nobody waits, or all. */
void picot__children_kill(picot_loop *loop, bool all);
/* For a failed backend: kill and reap here, and tell those who wait. */
void picot__children_fail(picot_loop *loop, int code);
/* The loop is freed: let go of what is left. Kills nobody. */
void picot__children_free(picot_loop *loop);

#endif /* PICOT_LOOP_OUTSIDE_H */
