/* SPDX-License-Identifier: MIT
 *
 * job.c - callbacks for the next turn: a circular list in the order they were queued.
 *
 * The turn moves the list to a head of its own before it runs it, so that a job queued meanwhile waits for the next
 * turn; unlinking works the same in either list.
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
    if (job->_.next) picot_ready_remove(&loop->ready, job);
    return 0;
}

void picot__run_jobs(picot_loop *loop)
{
    picot_job *head = &loop->ready.head;
    if (head->_.next == head) return;
    picot_job batch = *head; /* those that are ready now */
    batch._.next->_.prev = batch._.prev->_.next = &batch;
    head->_.next = head->_.prev = head;
    if (PICOT__UNLIKELY(loop->seed)) picot__shuffle(loop, &batch, offsetof(picot_job, _));
    while (batch._.next != &batch) {
        picot_job *job = batch._.next, *next = job->_.next;
        batch._.next = next;
        next->_.prev = &batch;
        job->_.next = NULL;
        loop->ready.count--;
        loop->jobs_since_wait++;
        picot__budget_renew(loop);
        job->fn(loop, job->user);
    }
}

void picot__drop_jobs(picot_loop *loop)
{
    while (loop->ready.head._.next != &loop->ready.head)
        picot_ready_remove(&loop->ready, loop->ready.head._.next);
}
