/* SPDX-License-Identifier: MIT
 *
 * job.c - callbacks for the next turn: a circular list in the order they were queued.
 *
 * The turn moves the list to another head before it runs it, so that a job queued meanwhile waits for the next turn;
 * unlinking works the same in either list.
 */
#include "internal.h"

int picot_call_soon(picot_loop *loop, picot_job *job, picot_callback *fn, void *user)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_call_soon");
    if (!job || !fn) return -EINVAL;
    if (job->_.next) return -EALREADY;
    job->fn = fn;
    job->user = user;
    picot_ready_append(&loop->ready, job);
    return 0;
}

int picot_job_cancel(picot_loop *loop, picot_job *job)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_job_cancel");
    if (!job) return -EINVAL;
    if (job->_.next) picot_ready_remove(job);
    return 0;
}

/* Those that are ready now become the batch. */
static void begin_batch(picot_loop *loop, picot_job *head, picot_job *batch)
{
    picot_job *first = head->_.next, *last = head->_.prev;
    head->_.next = head->_.prev = head;
    batch->_.next = first;
    batch->_.prev = last;
    first->_.prev = last->_.next = batch;
    if (PICOT__UNLIKELY(loop->seed)) picot__shuffle(loop, batch, offsetof(picot_job, _));
}

void picot__run_jobs(picot_loop *loop)
{
    picot_ready_queue *queue = &loop->ready;
    picot_job *batch = &queue->batch;
    if (!picot__has_jobs(loop)) return;
    begin_batch(loop, &queue->head, batch);
    while (batch->_.next != batch) {
        picot_job *job = picot_ready_take(queue);
        job->fn(loop, job->user);
    }
}

static size_t count_list(const picot_job *head)
{
    size_t count = 0;
    for (const picot_job *job = head->_.next; job != head; job = job->_.next)
        count++;
    return count;
}

size_t picot__count_jobs(const picot_loop *loop)
{
    return count_list(&loop->ready.head) + count_list(&loop->ready.batch);
}

static void drop_list(picot_job *head)
{
    while (head->_.next != head)
        picot_ready_remove(head->_.next);
}

void picot__drop_jobs(picot_loop *loop)
{
    drop_list(&loop->ready.head);
    drop_list(&loop->ready.batch);
}
