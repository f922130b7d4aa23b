/* SPDX-License-Identifier: MIT
 *
 * turn.c - one turn of the loop, the heart of everything.
 *
 * A turn is bounded: events up to a budget; the timers due when their pass begins; the posts, completions and jobs that
 * are there when theirs begins. What these set off anew waits for the next turn, so that nothing starves.
 *
 * Asking the kernel costs more than many a job. In a run of many turns, while jobs are ready and quick, several turns
 * are run for one look at the kernel and the clock; as soon as that takes longer than PATIENCE_NS it looks in each
 * turn.
 */
#include "backend/backend.h"

#define PATIENCE_NS (20 * PICOT_US)
#define MOST_JOBS_PER_WAIT 128

/* Is something there that must not wait? */
static bool is_ready(const picot_loop *loop)
{
    return picot__has_jobs(loop) || loop->finished || loop->hot;
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
            struct picot_wheel_node *node = picot__due_take(&due);
            loop->metrics.timers++;
            node->expire(loop, node);
        }
    } while (picot__due_refill(&due));
}

/* Jobs are ready, and have been quick of late: the kernel is not asked in this turn. */
static bool may_go_on(const picot_loop *loop, int64_t limit_ns)
{
    return loop->many_turns && picot__has_jobs(loop) &&
           loop->ready.callbacks - loop->callbacks_at_wait < loop->jobs_per_wait && limit_ns != 0 && !loop->hot;
}

/* Events resume who waits for them. */
static int wait(picot_loop *loop, int64_t limit_ns)
{
    if (PICOT__UNLIKELY(loop->unwoken > 0)) picot__works_wake(loop);
    int64_t deadline_ns = picot__next_deadline(loop, limit_ns), began_ns = loop->now_ns;
    int rc = loop->backend->wait(loop, deadline_ns);
    if (loop->now_ns - began_ns > PATIENCE_NS)
        loop->jobs_per_wait = 1;
    else if (loop->jobs_per_wait < MOST_JOBS_PER_WAIT)
        loop->jobs_per_wait *= 2;
    loop->callbacks_at_wait = loop->ready.callbacks;
    bool alone = loop->many_turns && !loop->seed; /* a seed shuffles each batch */
    loop->ready.again_until = alone ? loop->ready.callbacks + loop->jobs_per_wait : 0;
    return rc;
}

/* Jobs set off jobs, and nothing else is waiting: the next turn consists of nothing but these. */
static bool only_jobs(const picot_loop *loop)
{
    return !loop->finished && !loop->stop_asked && !atomic_load_explicit(&loop->posted, memory_order_relaxed) &&
           may_go_on(loop, PICOT_NEVER);
}

int picot__turn(picot_loop *loop, int64_t limit_ns)
{
    loop->ready.turns++;
    if (!may_go_on(loop, limit_ns)) {
        int rc = wait(loop, limit_ns);
        if (rc < 0) return rc;
        run_timers(loop);
    }
    picot__take_posts(loop);
    picot__deliver_finished(loop);
    for (picot__run_jobs(loop); only_jobs(loop); picot__run_jobs(loop))
        loop->ready.turns++;
    return 0;
}
