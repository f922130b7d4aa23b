/* SPDX-License-Identifier: MIT
 *
 * future_task.c - tasks with a handle, and the start handshake: what a spawn makes beside the task, and how the task's
 * end reaches it.
 */
#include "future_task.h"

#include "future.h"
#include "rare.h"
#include "waitqueue.h"

/* ---- spawned with a handle ----------------------------------------------------------------------- */

static struct picot__future *outcome_of(const picot_task *task)
{
    return *picot__outcome(task);
}

static void describe(struct picot__future *future, const picot_task *task, const picot_fn *fn)
{
    const struct picot__rare *rare = task->extra ? task->extra->rare : NULL;
    future->of_task = true;
    future->task_id = task->id;
    future->name = fn->name;
    future->created_file = rare ? rare->created_file : NULL;
    future->created_line = rare ? rare->created_line : 0;
}

static void enter_future(picot_task *task, struct picot__future *future, const picot_fn *fn)
{
    describe(future, task, fn);
    future->task = task;
    picot__future_hold(future); /* the task does */
    *picot__outcome(task) = future;
    task->flags |= PICOT__TASK_FUTURE;
}

picot_task *picot_rt_spawn_future(picot_task *spawner, picot_group *group, const picot_fn *fn, int32_t *ret_rc,
                                  unsigned line)
{
    struct picot__coro *coro = picot__coro_of_task(spawner);
    struct picot__future *future = picot__future_new(coro, fn->result_size);
    if (!future) {
        *ret_rc = -ENOMEM;
        return NULL;
    }
    picot_task *task = picot_rt_spawn_open(spawner, group ? group : &coro->roots, fn, 1, ret_rc, line);
    if (!task) {
        picot__future_release(future);
        return NULL;
    }
    enter_future(task, future, fn);
    return task;
}

int picot__root_future(picot_loop *loop, const picot_fn *fn, const void *head, size_t head_size, picot_future *ret_task)
{
    picot_task *task;
    int rc = picot__root_new(loop, fn, head, head_size, true, &task);
    if (rc < 0) return rc;
    struct picot__coro *coro = picot__coro_of_task(task);
    struct picot__future *future = picot__future_new(coro, fn->result_size);
    if (!future) {
        picot__task_discard(task);
        coro->roots.live--;
        return -ENOMEM;
    }
    enter_future(task, future, fn);
    *ret_task = future->handle;
    picot__task_begin(task, coro->eager);
    return 0;
}

int64_t picot_rt_spawn_handle(picot_task *task)
{
    picot_future handle = outcome_of(task)->handle;
    picot__task_begin(task, task->group->eager); /* it may have ended on return */
    return handle;
}

/* The task has ended. Its group takes a failure; a cancellation is nobody's loss. */
void picot__future_task_ended(picot_task *task, const picot_frame *root, bool failed)
{
    struct picot__future *future = outcome_of(task);
    if (failed) future->grouped = true;
    if (task->extra && task->extra->rare) {
        future->own_name = task->extra->rare->name; /* reports and texts still want it */
        task->extra->rare->name = NULL;
    }
    picot__future_finish(future, root->rc, (const char *)root + root->fn->result_offset);
    picot__future_drop(future);
}

/* ---- the start handshake ------------------------------------------------------------------------- */

picot_task *picot_rt_spawn_waited(picot_task *spawner, picot_group *group, const picot_fn *fn, int32_t *ret_rc,
                                  unsigned line)
{
    picot_task *task = picot_rt_spawn_open(spawner, group, fn, 0, ret_rc, line);
    if (!task) return NULL;
    if (picot__rare_of(task)) return task; /* the handshake needs it */
    group->live--;
    picot__task_discard(task);
    *ret_rc = -ENOMEM;
    return NULL;
}

/* There was no memory for the handshake: the group's newest task goes before it has begun. */
void picot_rt_spawn_undo(picot_group *group)
{
    picot_task *task = group->children->prev;
    group->live--;
    picot__task_discard(task);
}

/* Wake the one that waits for this task's start. */
static void answer(struct picot__rare *rare, int64_t value)
{
    picot_frame *leaf = rare->starter;
    picot_task *starter = rare->starter_task;
    rare->starter = NULL;
    ((struct picot_handshake_head *)(void *)leaf)->_ret = value;
    leaf->rc = value < 0 ? (int)value : 0;
    leaf->pos = 2;
    picot__task_ready(starter);
}

int picot_rt_started(picot_task *task, int64_t value)
{
    struct picot__rare *rare = task->extra ? task->extra->rare : NULL;
    if (value < 0) return -EINVAL;
    if (rare && rare->starter) {
        rare->started = true;
        answer(rare, value);
        return 0;
    }
    return rare && rare->started ? -EALREADY : 0;
}

bool picot__handshake_failed(picot_task *task, int rc)
{
    struct picot__rare *rare = task->extra ? task->extra->rare : NULL;
    if (!rare || !rare->starter) return false;
    const struct picot_handshake_head *my = (const struct picot_handshake_head *)(const void *)rare->starter;
    int64_t answer_rc = rc < 0 ? rc : PICOT_ENOTSTARTED;
    if (my->_cancelled && rc >= 0) answer_rc = -ECANCELED;
    answer(rare, answer_rc);
    return true;
}

static void handshake_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_handshake_head *my = (struct picot_handshake_head *)(void *)leaf;
    (void)task;
    if (leaf->pos != 1 || my->_cancelled) return;
    my->_cancelled = 1;
    (void)picot_task_cancel(my->task, "who waits for its start was cancelled");
}

/* The task begins here, when the leaf that is to hear of it is there. The spawner's cancellation is passed on, and told
 * only if the task did end by it. */
picot_step picot_handshake_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_handshake_head *my = (struct picot_handshake_head *)(void *)leaf;
    (void)child;
    if (leaf->pos != 0) {
        if (leaf->rc == -ECANCELED && picot__cancel_due(task)) picot__cancel_delivered(task);
        return picot__leaf_return(task, leaf, leaf->rc);
    }
    struct picot__rare *rare = my->task->extra->rare;
    rare->starter = leaf;
    rare->starter_task = task;
    leaf->pos = 1;
    if (picot__cancel_due(task)) handshake_cancel(task, leaf);
    picot__task_begin(my->task, my->task->group->eager);
    return (picot_step){PICOT_STEP_PENDING};
}

PICOT__LEAF_FN(picot_handshake, handshake_cancel);
