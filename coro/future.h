/* SPDX-License-Identifier: MIT
 *
 * future.h - the private half of futures: one block each, found through a table of handles.
 *
 *     handle   | 0 | generation 20 | tag of the loop 15 | index 28 |
 *
 * Two counts. `refs` are the user's: with the last one a pending future of his own is cancelled, for nobody is left to
 * finish it. `holds` are the library's: of the task that will finish it, of those who wait, of callbacks. While there
 * is either the block and the handle live. A task's future outlives the task: it has a copy of the result.
 */
#ifndef PICOT_CORO_FUTURE_INTERNAL_H
#define PICOT_CORO_FUTURE_INTERNAL_H

#include <picot/future.h>

#include "internal.h"

struct picot__future {
    struct picot__coro *coro;
    picot_future handle;
    uint32_t refs, holds;
    int rc;
    bool done, asked, of_task, grouped; /* asked: its error was seen; grouped: its group takes it */
    picot_task *task;                   /* that will finish it, while it is alive */
    picot_waitqueue waiters;
    picot_done_callback *callbacks; /* circular, the first one added */
    uint32_t task_id;
    const char *name;         /* of the task's function */
    char *own_name;           /* what picot_task_set_name gave the task, once it has ended */
    const char *created_file; /* in a debugging loop */
    unsigned created_line;
    uint64_t mark; /* of the last pass over many futures that met it: see picot__future_met */
    size_t value_size;
    max_align_t value[];
};

/* The future of a handle. 0, -EBADF, -EXDEV, or what a wrong thread or a fork gives. */
int picot__future_find(picot_loop *loop, picot_future handle, struct picot__future **ret_future);

/* Make one with one reference; NULL: out of memory. */
struct picot__future *picot__future_new(struct picot__coro *coro, size_t value_size);

/* One reference of the user's less. */
void picot__future_release(struct picot__future *future);

/* The library's own. The last one to go frees the future, and reports an error nobody asked for. */
static inline void picot__future_hold(struct picot__future *future)
{
    future->holds++;
}
void picot__future_drop(struct picot__future *future);

/* For lists in which a future may stand twice: begin a pass with ++coro->future_mark; true: it was met in this one. */
static inline bool picot__future_met(struct picot__future *future)
{
    bool met = future->mark == future->coro->future_mark;
    future->mark = future->coro->future_mark;
    return met;
}

/* It is pending: finish it, wake who waits, queue the callbacks. value may be NULL. */
void picot__future_finish(struct picot__future *future, int rc, const void *value);

/* completions.c: those never closed, at the loop's end. */
void picot__completions_free(struct picot__coro *coro);

/* Free its block, and what belongs to it. */
void picot__future_free(struct picot__future *future);

/* The table of handles. With the loop, the futures that are left go with it. */
int picot__handle_open(struct picot__coro *coro, struct picot__future *future);
void picot__handle_close(struct picot__coro *coro, picot_future handle);
void picot__handles_free(struct picot__coro *coro);

#endif /* PICOT_CORO_FUTURE_INTERNAL_H */
