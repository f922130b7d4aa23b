/* SPDX-License-Identifier: MIT
 *
 * threadsafe.c - a task started from another thread, whose end is a work's result there.
 */
#include <picot/threads.h>
#include <stdlib.h>

#include "future_task.h"
#include "internal.h"

/* Lives until the work is done, which its callback tells, whatever way that came. */
struct visitor {
    picot_work *work;
    picot_work_callback work_done;
    picot_done_callback task_done;
    picot_future task; /* once it has begun */
    void *ret_value;
    const picot_fn *fn;
    size_t head_size;
    max_align_t head[];
};

static void free_visitor(picot_work *work, void *user)
{
    (void)work;
    free(user);
}

/* ---- in the loop's thread ------------------------------------------------------------------------ */

static void task_done(picot_loop *loop, picot_future task, void *user)
{
    struct visitor *visitor = user;
    int rc = picot_future_result(loop, task, visitor->ret_value, visitor->fn->result_size);
    (void)picot_future_unref(loop, task);
    (void)picot_work_finish(visitor->work, rc);
}

static void cancel_task(picot_loop *loop, picot_work *work)
{
    struct visitor *visitor = work->_.u.call.arg;
    (void)picot_future_cancel(loop, visitor->task, "another thread has cancelled it");
}

static int64_t begin_task(picot_worker *worker, void *arg)
{
    struct visitor *visitor = arg;
    picot_loop *loop = picot_worker_loop(worker);
    int rc = picot__root_future(loop, visitor->fn, visitor->head, visitor->head_size, &visitor->task);
    if (rc < 0) return rc;
    (void)picot_future_add_callback(loop, visitor->task, &visitor->task_done, task_done, visitor);
    return PICOT_WORK_LATER;
}

/* ---- in another thread --------------------------------------------------------------------------- */

int picot_rt_threadsafe(picot_executor *executor, picot_work *work, void *ret_value, const picot_fn *fn,
                        const void *head, size_t head_size)
{
    if (!executor || !work) return -EINVAL;
    struct visitor *visitor = calloc(1, sizeof *visitor + head_size);
    if (!visitor) return -ENOMEM;
    visitor->work = work;
    visitor->ret_value = ret_value;
    visitor->fn = fn;
    visitor->head_size = head_size;
    memcpy(visitor->head, head, head_size);
    enum picot_work_state state = picot_work_state(work);
    if (state == PICOT_WORK_QUEUED || state == PICOT_WORK_RUNNING) {
        free(visitor);
        return -EBUSY;
    }
    picot_work_call(work, begin_task, visitor);
    picot_work_on_cancel(work, cancel_task);
    int rc = picot_executor_submit(executor, work);
    if (rc < 0) {
        free(visitor);
        return rc;
    }
    (void)picot_work_add_callback(work, &visitor->work_done, free_visitor, visitor);
    return 0;
}
