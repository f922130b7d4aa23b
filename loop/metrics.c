/* SPDX-License-Identifier: MIT
 *
 * metrics.c - what a loop has done. The counting is done where it happens; here are the sums.
 *
 * Time is divided by readings of the clock that are there anyway:
 *
 *     after the last wait      before this one      after it
 *             |------ busy -----------|---- waiting ---|
 *
 * A wait without a limit needs no reading before it. To read for every one would be the dearest part of counting, so
 * one in `sample` does; how long its turn was busy is taken for the others, but for no more than there was.
 */
#include "backend/backend.h"

#define BUCKET_NS PICOT_US

void picot__metrics_wait(picot_loop *loop, int64_t before_ns, int64_t after_ns)
{
    struct picot__metrics *metrics = &loop->metrics;
    int64_t last_ns = metrics->read_ns;
    metrics->read_ns = after_ns;
    if (last_ns == PICOT_NEVER) last_ns = before_ns ? before_ns : after_ns; /* the first of a run */
    int64_t passed_ns = after_ns - last_ns, busy_ns = before_ns - last_ns;
    if (before_ns && metrics->sampling) metrics->sampled_busy_ns = busy_ns;
    if (!before_ns) busy_ns = metrics->sampled_busy_ns < passed_ns ? metrics->sampled_busy_ns : passed_ns;
    metrics->sampling = false;
    metrics->busy_ns += busy_ns;
    metrics->waiting_ns += passed_ns - busy_ns;
}

int picot_loop_metrics(picot_loop *loop, picot_metrics *ret_metrics)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (!ret_metrics || ret_metrics->size != sizeof *ret_metrics) return -EINVAL;
    *ret_metrics = (picot_metrics){
        .size = sizeof *ret_metrics,
        .turns = loop->ready.turns,
        .callbacks = loop->ready.callbacks,
        .events = loop->metrics.events,
        .timers = loop->metrics.timers,
        .posts = loop->metrics.posts,
        .waiting_ns = loop->metrics.waiting_ns,
        .busy_ns = loop->metrics.busy_ns,
    };
    memcpy(ret_metrics->lag, loop->metrics.lag, sizeof ret_metrics->lag);
    return 0;
}

int64_t picot_metrics_lag_bound(size_t bucket)
{
    return bucket < PICOT_METRICS_LAGS - 1 ? BUCKET_NS << bucket : PICOT_NEVER;
}

int64_t picot_loop_clock(picot_loop *loop)
{
    if (!loop) return 0;
    int64_t now_ns = loop->backend->now(loop);
    return now_ns > loop->now_ns ? now_ns : loop->now_ns;
}
