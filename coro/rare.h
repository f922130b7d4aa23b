/* SPDX-License-Identifier: MIT
 *
 * rare.h - what only few tasks have: a name, context variables, a history of cancellations. rare.c makes and frees it.
 */
#ifndef PICOT_CORO_RARE_H
#define PICOT_CORO_RARE_H

#include "internal.h"

struct picot__context;

struct picot__rare {
    char *name; /* a copy, or NULL */
    struct picot__context *context;
    unsigned cancel_count;    /* calls of picot_task_cancel not undone by picot_task_uncancel */
    uint32_t cancel_origin;   /* of the first of them: the id of the task that called; 0: plain code */
    const char *cancel_text;  /* of the first of them */
    const char *created_file; /* in a debugging loop: where it was created */
    unsigned created_line;
    bool started;         /* picot_started was called */
    picot_frame *starter; /* the leaf that waits until this task has started, and its task */
    picot_task *starter_task;
};

/* Made when first needed; NULL: out of memory. */
struct picot__rare *picot__rare_of(picot_task *task);

#endif /* PICOT_CORO_RARE_H */
