/* SPDX-License-Identifier: MIT
 *
 * future_task.h - what a task's end means for its future, and for the one that waits for its start.
 */
#ifndef PICOT_CORO_FUTURE_TASK_H
#define PICOT_CORO_FUTURE_TASK_H

#include <picot/future.h>

#include "internal.h"

/* A task outside any group, with a handle, begun. 0 or a code. */
int picot__root_future(picot_loop *loop, const picot_fn *fn, const void *head, size_t head_size,
                       picot_future *ret_task);

/* A task with PICOT__TASK_FUTURE has ended. failed: its group has taken the failure. */
void picot__future_task_ended(picot_task *task, const picot_frame *root, bool failed);

/* Somebody waited for this task's start: he is told how it ended instead, and it is no failure of its group. */
bool picot__handshake_failed(picot_task *task, int rc);

#endif /* PICOT_CORO_FUTURE_TASK_H */
