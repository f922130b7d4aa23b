/* SPDX-License-Identifier: MIT
 *
 * future.h - the private half of futures: one block each, found through a table of handles.
 *
 *     handle   | 0 | generation 20 | tag of the loop 11 | index 32 |
 *
 * A reference count of handles, of the task that will finish it, of queued callbacks. A task's future outlives the
 * task: it has a copy of the result.
 */
#ifndef PICOT_CORO_FUTURE_INTERNAL_H
#define PICOT_CORO_FUTURE_INTERNAL_H

#include <picot/future.h>

#include "internal.h"

struct picot__future {
    struct picot__coro *coro;
    picot_future handle;
    uint32_t refs;
    int rc;
    bool done, asked, of_task, grouped; /* asked: its error was seen; grouped: its group takes it */
    picot_task *task;                   /* that will finish it, while it is alive */
    picot_waitqueue waiters;
    picot_done_callback *callbacks; /* circular, the first one added */
    uint32_t task_id;
    const char *name;         /* of the task's function */
    const char *created_file; /* in a debugging loop */
    unsigned created_line;
    size_t value_size;
    max_align_t value[];
};

/* The future of a handle. 0, -EBADF, -EXDEV, or what a wrong thread or a fork gives. */
int picot__future_find(picot_loop *loop, picot_future handle, struct picot__future **ret_future);

/* Make one with one reference; NULL: out of memory. */
struct picot__future *picot__future_new(struct picot__coro *coro, size_t value_size);

/* One reference less; frees it with the last, and reports an error nobody asked for. */
void picot__future_release(struct picot__future *future);

/* It is pending: finish it, wake who waits, queue the callbacks. value may be NULL. */
void picot__future_finish(struct picot__future *future, int rc, const void *value);

/* The table of handles. */
int picot__handle_open(struct picot__coro *coro, struct picot__future *future);
void picot__handle_close(struct picot__coro *coro, picot_future handle);
void picot__handles_free(struct picot__coro *coro);

#endif /* PICOT_CORO_FUTURE_INTERNAL_H */
