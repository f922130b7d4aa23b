/* SPDX-License-Identifier: MIT
 *
 * context.h - variables of a task: each task begins with those of the task that created it, as they are then.
 *
 *     static const picot_context_key request_id = {0};
 *     picot_context_set(picot_self, &request_id, my->id);
 *     ... in any function of this task, and of the tasks it creates from now on:
 *     picot_context_get(picot_self, &request_id)
 *
 * What a task sets is seen by itself and by tasks it creates later; never by its creator. Creating a task costs a small
 * record when its creator has variables, else nothing; the variables themselves are shared until one of the two sets
 * something, which then copies them: made for a handful of variables. Tasks started from plain code begin with none.
 * Callbacks are not tasks: give them what they need through `user`. Thread: the loop's.
 */
#ifndef PICOT_CONTEXT_H
#define PICOT_CONTEXT_H

#include <picot/coro_runtime.h>

PICOT_BEGIN_DECLS

/** A variable: its address is its identity. Define one as a static object. */
typedef struct picot_context_key {
    void *initial; /**< what a task that never set it sees */
} picot_context_key;

/**
 * Set a variable of a task.
 * @param value  a pointer that outlives this task and those it creates; the library never follows it
 * @return  0; -ENOMEM: unchanged; -EINVAL: NULL. @since 0.1
 */
PICOT_API int picot_context_set(picot_task *task, const picot_context_key *key, void *value);

/** The value of a variable in a task; key->initial when it was never set. NULL for NULL. @since 0.1 */
PICOT_API void *picot_context_get(const picot_task *task, const picot_context_key *key);

PICOT_END_DECLS

#endif /* PICOT_CONTEXT_H */
