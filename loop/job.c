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
    picot_job *tail = loop->ready._.prev;
    job->_.next = &loop->ready;
    job->_.prev = tail;
    tail->_.next = job;
    loop->ready._.prev = job;
    loop->ready_count++;
    return 0;
}

static void unlink_job(picot_loop *loop, picot_job *job)
{
    job->_.prev->_.next = job->_.next;
    job->_.next->_.prev = job->_.prev;
    job->_.next = job->_.prev = NULL;
    loop->ready_count--;
}

int picot_job_cancel(picot_loop *loop, picot_job *job)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_job_cancel");
    if (!job) return -EINVAL;
    if (job->_.next) unlink_job(loop, job);
    return 0;
}

void picot__run_jobs(picot_loop *loop)
{
    if (loop->ready._.next == &loop->ready) return;
    picot_job batch = loop->ready; /* those that are ready now */
    batch._.next->_.prev = batch._.prev->_.next = &batch;
    loop->ready._.next = loop->ready._.prev = &loop->ready;
    if (PICOT__UNLIKELY(loop->seed)) picot__shuffle(loop, &batch, offsetof(picot_job, _));
    while (batch._.next != &batch) {
        picot_job *job = batch._.next;
        unlink_job(loop, job);
        picot__budget_renew(loop);
        job->fn(loop, job->user);
    }
}

void picot__drop_jobs(picot_loop *loop)
{
    while (loop->ready._.next != &loop->ready)
        unlink_job(loop, loop->ready._.next);
}
