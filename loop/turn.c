/* SPDX-License-Identifier: MIT
 *
 * turn.c - one turn of the loop, the heart of everything.
 *
 * A turn is bounded: events up to a budget; the timers due when their pass begins; the posts, completions and jobs that
 * are there when theirs begins. What these set off anew waits for the next turn, so that nothing starves.
 */
#include "backend/backend.h"

/* Is something there that must not wait? */
static bool is_ready(const picot_loop *loop)
{
    return loop->ready_count > 0 || loop->finished || loop->hot;
}

int64_t picot__next_deadline(const picot_loop *loop, int64_t limit_ns)
{
    if (is_ready(loop)) return 0;
    int64_t timer_ns = picot__wheel_next(&loop->wheel);
    return timer_ns < limit_ns ? timer_ns : limit_ns;
}

static void run_timers(picot_loop *loop)
{
    struct picot__due due;
    picot__wheel_expire(&loop->wheel, loop->now_ns, &due);
    if (!picot__due_refill(&due)) return;
    picot__metrics_lag(loop, due.ready.next->deadline_ns);
    do {
        if (PICOT__UNLIKELY(loop->seed)) picot__shuffle_equals(loop, &due.ready);
        while (due.ready.next != &due.ready) {
            struct picot_wheel_node *node = due.ready.next;
            picot__wheel_remove(&loop->wheel, node);
            loop->metrics.timers++;
            node->expire(loop, node);
        }
    } while (picot__due_refill(&due));
}

int picot__turn(picot_loop *loop, int64_t limit_ns)
{
    loop->turns++;
    int rc = loop->backend->wait(loop, picot__next_deadline(loop, limit_ns)); /* events resume who waits for them */
    if (rc < 0) return rc;
    run_timers(loop);
    picot__take_posts(loop);
    picot__deliver_finished(loop);
    picot__run_jobs(loop);
    return 0;
}
