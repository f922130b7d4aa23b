/* SPDX-License-Identifier: MIT
 *
 * run_in.c - a call of an executor as a leaf, and as a future of the loop.
 */
#include <picot/threads.h>

#include "completion_leaf.h"
#include "waitqueue.h"

/* ---- awaited ------------------------------------------------------------------------------------- */

static struct picot_run_in_head *head_of(picot_frame *leaf)
{
    return (struct picot_run_in_head *)(void *)leaf;
}

static void finish(picot_task *task, int64_t result)
{
    picot__completion_came(task, &head_of(task->top)->_ret, result);
}

static void own_done(picot_loop *loop, picot_work *work)
{
    (void)loop;
    finish(work->user, work->result);
}

/* A call in memory of its own, for nobody may be waiting any more when it ends. */
struct loose_call {
    picot_work work;
    struct picot__coro *coro;
    picot_task *task; /* NULL: abandoned */
};

static void loose_done(picot_loop *loop, picot_work *work)
{
    struct loose_call *call = work->user;
    picot_task *task = call->task;
    int64_t result = work->result;
    (void)loop;
    picot__block_free(call->coro, call, sizeof *call);
    if (task) finish(task, result);
}

static int submit_loose(picot_task *task, struct picot_run_in_head *my)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    struct loose_call *call = picot__block_alloc(coro, sizeof *call);
    if (!call) return -ENOMEM;
    *call = (struct loose_call){.coro = coro, .task = task};
    my->_work = &call->work;
    picot_work_call(my->_work, my->fn, my->arg);
    int rc = picot_executor_submit_on(my->executor, my->_work, coro->loop, loose_done, call);
    if (rc < 0) picot__block_free(coro, call, sizeof *call);
    return rc;
}

static int submit(picot_task *task, struct picot_run_in_head *my)
{
    picot_loop *loop = picot__coro_of_task(task)->loop;
    if (!my->executor) {
        int rc = picot_loop_executor(loop, &my->executor);
        if (rc < 0) return rc;
    }
    if (my->abandon) return submit_loose(task, my);
    my->_work = &my->_own;
    picot_work_call(my->_work, my->fn, my->arg);
    return picot_executor_submit_on(my->executor, my->_work, loop, own_done, task);
}

static void run_in_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_run_in_head *my = head_of(leaf);
    if (leaf->pos != 0 || picot_work_cancel(my->_work) != -EBUSY || !my->abandon) return;
    ((struct loose_call *)my->_work->user)->task = NULL;
    picot__cancel_delivered(task);
    my->_ret = leaf->rc = -ECANCELED;
    leaf->pos = 1;
    picot__task_ready(task);
}

picot_step picot_run_in_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_run_in_head *my = head_of(leaf);
    picot_step step;
    (void)child;
    if (picot__completion_over(task, leaf, &my->_ret, &step)) return step;
    return picot__completion_begun(task, leaf, &my->_ret, submit(task, my));
}

PICOT__LEAF_FN(picot_run_in, run_in_cancel);

/* ---- by a process ---------------------------------------------------------------------------------- */

static void request_done(picot_loop *loop, picot_work *work)
{
    picot_task *task = work->user;
    struct picot_request_in_head *my = (struct picot_request_in_head *)(void *)task->top;
    (void)loop;
    if (work->result == PICOT_EWORKERDIED && my->ret_exit_status) *my->ret_exit_status = picot_work_exit_status(work);
    picot__completion_came(task, &my->_ret, work->result);
}

static void request_in_cancel(picot_task *task, picot_frame *leaf)
{
    (void)task;
    if (leaf->pos == 0) (void)picot_work_cancel(&((struct picot_request_in_head *)(void *)leaf)->_work);
}

picot_step picot_request_in_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_request_in_head *my = (struct picot_request_in_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__completion_over(task, leaf, &my->_ret, &step)) return step;
    picot_work_request(&my->_work, my->name, my->data, my->len, my->ret_data, my->ret_size);
    picot_work_limit(&my->_work, my->limit_ns);
    int rc = picot_executor_submit_on(my->executor, &my->_work, picot__coro_of_task(task)->loop, request_done, task);
    return picot__completion_begun(task, leaf, &my->_ret, rc);
}

PICOT__LEAF_FN(picot_request_in, request_in_cancel);

/* ---- as a future --------------------------------------------------------------------------------- */

struct future_call {
    picot_work work;
    struct picot__coro *coro;
    picot_future future;
    picot_done_callback cancelled; /* the future is finished before the call is: by a cancellation */
};

static void future_cancelled(picot_loop *loop, picot_future future, void *user)
{
    struct future_call *call = user;
    (void)loop;
    (void)future;
    (void)picot_work_cancel(&call->work);
}

static void future_done(picot_loop *loop, picot_work *work)
{
    struct future_call *call = work->user;
    picot_future future = call->future;
    int64_t result = work->result;
    (void)picot_future_remove_callback(loop, &call->cancelled);
    picot__block_free(call->coro, call, sizeof *call);
    if (result >= 0)
        (void)picot_future_set(loop, future, &result, sizeof result);
    else if (result == -ECANCELED)
        (void)picot_future_cancel(loop, future, NULL);
    else
        (void)picot_future_fail(loop, future, picot__status_of(result));
    (void)picot_future_unref(loop, future);
}

static int begin_future_call(picot_loop *loop, picot_executor *executor, struct future_call *call)
{
    if (!executor) {
        int rc = picot_loop_executor(loop, &executor);
        if (rc < 0) return rc;
    }
    return picot_executor_submit_on(executor, &call->work, loop, future_done, call);
}

picot_future picot_run_in_future(picot_loop *loop, picot_executor *executor, picot_work_fn *fn, void *arg)
{
    picot_future future = picot_future_create(loop, sizeof(int64_t));
    if (future < 0) return future;
    struct picot__coro *coro = picot__coro_of(loop);
    struct future_call *call = picot__block_alloc(coro, sizeof *call);
    int rc = -ENOMEM;
    if (call) {
        *call = (struct future_call){.coro = coro, .future = future};
        picot_work_call(&call->work, fn, arg);
        rc = begin_future_call(loop, executor, call);
        if (rc < 0) picot__block_free(coro, call, sizeof *call);
    }
    if (rc < 0) {
        (void)picot_future_unref(loop, future);
        return rc;
    }
    (void)picot_future_ref(loop, future); /* the call's */
    (void)picot_future_add_callback(loop, future, &call->cancelled, future_cancelled, call);
    return future;
}
