/* SPDX-License-Identifier: MIT
 *
 * errors.h - trees of failures: each node takes the place of the task that failed, so that none is lost when memory is
 * out.
 */
#ifndef PICOT_CORO_ERRORS_H
#define PICOT_CORO_ERRORS_H

#include "internal.h"

/* The task has ended with a failure that its group keeps, and is retired: its block becomes a node of the group. */
void picot__errors_add(picot_task *task, picot_group *group, const char *name, int rc);

/* Free what a group has kept. */
void picot__errors_free(picot_group *group);

/* The group is left: its failures stay with the task until it leaves another such group, or ends. */
void picot__errors_keep(picot_group *group, picot_task *task);

/* The task ends: forget its tree, unless a node has taken it. */
void picot__errors_drop(picot_task *task);

#endif /* PICOT_CORO_ERRORS_H */
