/* SPDX-License-Identifier: MIT
 *
 * metrics.c - what the loop counts, on every backend: how often, and roughly how long; on "sim" exactly.
 */
#include "support.h"
#include <errno.h>
#include <picot/metrics.h>
#include <picot/sim.h>

static picot_metrics metrics_of(picot_loop *loop)
{
    picot_metrics metrics = PICOT_METRICS_INIT;
    CHECK_EQ(picot_loop_metrics(loop, &metrics), 0);
    return metrics;
}

static uint64_t lags(const picot_metrics *metrics)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < PICOT_METRICS_LAGS; i++)
        sum += metrics->lag[i];
    return sum;
}

static void nothing(picot_loop *loop, void *user)
{
    (void)loop;
    (void)user;
}

/* ---- counts ---------------------------------------------------------------------------------- */

static void counts(void)
{
    picot_loop *loop = tap_loop();
    picot_job job = PICOT_JOB_INIT;
    picot_timer timers[5];
    picot_posted posts[3] = {PICOT_POSTED_INIT(nothing, NULL), PICOT_POSTED_INIT(nothing, NULL),
                             PICOT_POSTED_INIT(nothing, NULL)};
    picot_metrics before = metrics_of(loop), after;
    CHECK_EQ(before.turns + before.callbacks + before.events + before.timers + before.posts, 0);
    for (int i = 0; i < 5; i++) {
        timers[i] = (picot_timer)PICOT_TIMER_INIT;
        CHECK_EQ(picot_call_later(loop, &timers[i], 0, nothing, NULL), 0);
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQ(picot_post(loop, &posts[i]), 0);
    CHECK_EQ(picot_call_soon(loop, &job, nothing, NULL), 0);
    run_turns(loop, 7);
    after = metrics_of(loop);
    CHECK_EQ(after.turns, 7);
    CHECK_EQ(after.timers, 5);
    CHECK_EQ(after.posts, 3);
    CHECK_EQ(after.callbacks, 9);
    CHECK_EQ(lags(&after), 1); /* one turn had timers */
    before = after;
    for (unsigned i = 0; i < 20; i++)
        check_receive(loop); /* of data that comes later: an event each */
    after = metrics_of(loop);
    CHECK(after.events >= before.events + 20);
    tap_loop_end(loop);
}

/* ---- time ------------------------------------------------------------------------------------ */

struct worker {
    picot_timer timer;
    unsigned left;
};

/* Five milliseconds of computing, then five of waiting. */
static void work(picot_loop *loop, void *user)
{
    struct worker *worker = user;
    int64_t now_ns = picot_loop_now(loop), begin_ns = picot_loop_clock(loop);
    if (tap_is_simulated())
        CHECK_EQ(picot_sim_advance(loop, 5 * PICOT_MS), 0);
    else
        while (picot_loop_clock(loop) < begin_ns + 5 * PICOT_MS)
            continue;
    CHECK(begin_ns >= now_ns && picot_loop_clock(loop) >= begin_ns + 5 * PICOT_MS);
    CHECK_EQ(picot_loop_now(loop), now_ns); /* reading it moves nothing */
    (void)picot_loop_update_now(loop);
    if (--worker->left > 0) CHECK_EQ(picot_call_later(loop, &worker->timer, 5 * PICOT_MS, work, worker), 0);
}

static void waiting_and_busy(void)
{
    picot_loop *loop = tap_loop();
    struct worker worker = {PICOT_TIMER_INIT, 20};
    int64_t begin_ns = picot_loop_update_now(loop);
    CHECK_EQ(picot_call_later(loop, &worker.timer, 5 * PICOT_MS, work, &worker), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    int64_t passed_ns = picot_loop_update_now(loop) - begin_ns;
    picot_metrics metrics = metrics_of(loop);
    tap_note("busy %d us, waiting %d us of %d", (int)(metrics.busy_ns / 1000), (int)(metrics.waiting_ns / 1000),
             (int)(passed_ns / 1000));
    if (tap_is_simulated()) {
        CHECK_EQ(metrics.busy_ns, 19 * 5 * PICOT_MS); /* the last one ends the run */
        CHECK_EQ(metrics.waiting_ns, 20 * 5 * PICOT_MS);
    } else {
        CHECK(metrics.busy_ns >= 19 * 5 * PICOT_MS);
        CHECK(metrics.waiting_ns >= 50 * PICOT_MS); /* a loaded machine wakes late, and then has less to wait */
        CHECK(metrics.busy_ns + metrics.waiting_ns <= passed_ns);
    }
    tap_loop_end(loop);
}

struct echo {
    picot_op op;
    struct stream stream;
    char byte;
    unsigned left;
};

static void echoed(picot_loop *loop, picot_op *op)
{
    struct echo *echo = op->user;
    CHECK_EQ(op->result, 1);
    int64_t end_ns = picot_loop_clock(loop) + 2 * PICOT_MS;
    if (tap_is_simulated())
        CHECK_EQ(picot_sim_advance(loop, 2 * PICOT_MS), 0);
    else
        while (picot_loop_clock(loop) < end_ns)
            continue;
    if (--echo->left == 0) return;
    CHECK_EQ(picot_submit(loop, op, echoed, echo), 0); /* first: so that the loop waits for it */
    peer_send(echo->stream.theirs, "e", 1);
}

/* Waits without a deadline read no clock: what they report is an estimate, and this loop hardly waits at all. */
static void estimated(void)
{
    picot_loop *loop = tap_loop();
    struct echo echo = {.stream = open_stream(loop, 0), .left = 65};
    picot_op_recv(&echo.op, echo.stream.ours, &echo.byte, 1, 0);
    CHECK_EQ(picot_submit(loop, &echo.op, echoed, &echo), 0);
    peer_send(echo.stream.theirs, "e", 1);
    int64_t begin_ns = picot_loop_update_now(loop);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    int64_t passed_ns = picot_loop_update_now(loop) - begin_ns;
    picot_metrics metrics = metrics_of(loop);
    tap_note("busy %d us, waiting %d us of %d", (int)(metrics.busy_ns / 1000), (int)(metrics.waiting_ns / 1000),
             (int)(passed_ns / 1000));
    CHECK(metrics.busy_ns + metrics.waiting_ns <= passed_ns);
    CHECK(metrics.busy_ns >= 64 * 2 * PICOT_MS * 9 / 10);
    if (tap_is_simulated()) CHECK_EQ(metrics.busy_ns, 64 * 2 * PICOT_MS);
    close_stream(loop, &echo.stream);
    tap_loop_end(loop);
}

/* ---- lag ------------------------------------------------------------------------------------- */

static void bounds(void)
{
    for (size_t i = 0; i < PICOT_METRICS_LAGS - 1; i++)
        CHECK_EQ(picot_metrics_lag_bound(i), PICOT_US * (INT64_C(1) << i));
    CHECK_EQ(picot_metrics_lag_bound(PICOT_METRICS_LAGS - 1), PICOT_NEVER);
    CHECK_EQ(picot_metrics_lag_bound(SIZE_MAX), PICOT_NEVER);
}

/* Where a lag belongs, by what the bounds say. */
static size_t bucket_of(int64_t lag_ns)
{
    size_t bucket = 0;
    while (lag_ns >= picot_metrics_lag_bound(bucket))
        bucket++;
    return bucket;
}

/* The clock of "sim" can be set so that a timer is late by exactly that much. */
static void lag_to_the_nanosecond(void)
{
    static const int64_t late_ns[] = {0,
                                      1,
                                      999,
                                      1000,
                                      1001,
                                      1999,
                                      2000,
                                      999999,
                                      1023999999,
                                      1024000000,
                                      (INT64_C(1) << 30) * 1000 - 1,
                                      (INT64_C(1) << 30) * 1000,
                                      INT64_C(1) << 55};
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    picot_loop *loop;
    options.backend = "sim";
    CHECK_EQ(picot_loop_create(&options, &loop), 0);
    for (size_t i = 0; i < sizeof late_ns / sizeof *late_ns; i++) {
        picot_timer timer = PICOT_TIMER_INIT, later = PICOT_TIMER_INIT;
        picot_metrics before = metrics_of(loop);
        CHECK_EQ(picot_call_later(loop, &later, 1, nothing, NULL), 0);
        CHECK_EQ(picot_call_later(loop, &timer, 0, nothing, NULL), 0);
        CHECK_EQ(picot_sim_advance(loop, late_ns[i]), 0);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0, 1);
        picot_metrics after = metrics_of(loop);
        CHECK_EQ(after.lag[bucket_of(late_ns[i])], before.lag[bucket_of(late_ns[i])] + 1);
        CHECK_EQ(lags(&after), lags(&before) + 1);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    }
    tap_loop_end(loop);
}

static void lag_of_a_block(void)
{
    picot_loop *loop = tap_loop();
    picot_timer first = PICOT_TIMER_INIT, second = PICOT_TIMER_INIT;
    struct worker worker = {PICOT_TIMER_INIT, 1};
    CHECK_EQ(picot_call_later(loop, &first, 0, work, &worker), 0); /* blocks for 5 ms */
    CHECK_EQ(picot_call_later(loop, &second, PICOT_MS, nothing, NULL), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    picot_metrics metrics = metrics_of(loop);
    uint64_t late = 0;
    for (size_t i = bucket_of(4 * PICOT_MS); i < PICOT_METRICS_LAGS; i++)
        late += metrics.lag[i];
    CHECK(late >= 1);
    CHECK_EQ(metrics.timers, 2);
    tap_loop_end(loop);
}

/* A deadline of the distant past is just late. */
static void distant_past(void)
{
    picot_loop *loop = tap_loop();
    picot_timer timer = PICOT_TIMER_INIT;
    CHECK_EQ(picot_call_at(loop, &timer, INT64_MIN, nothing, NULL), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(metrics_of(loop).lag[PICOT_METRICS_LAGS - 1], 1);
    tap_loop_end(loop);
}

static void refusals(void)
{
    picot_loop *loop = tap_loop();
    picot_metrics metrics = PICOT_METRICS_INIT;
    CHECK_EQ(picot_loop_metrics(NULL, &metrics), -EINVAL);
    CHECK_EQ(picot_loop_metrics(loop, NULL), -EINVAL);
    metrics.size--;
    CHECK_EQ(picot_loop_metrics(loop, &metrics), -EINVAL);
    metrics.size += 2;
    CHECK_EQ(picot_loop_metrics(loop, &metrics), -EINVAL);
    CHECK_EQ(picot_loop_clock(NULL), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"metrics: counts", counts, TAP_BACKENDS},
    {"metrics: waiting and busy", waiting_and_busy, TAP_BACKENDS},
    {"metrics: estimated", estimated, TAP_BACKENDS},
    {"metrics: bounds", bounds, 0},
    {"metrics: lag to the nanosecond", lag_to_the_nanosecond, 0},
    {"metrics: lag of a block", lag_of_a_block, TAP_BACKENDS},
    {"metrics: a deadline of the distant past", distant_past, TAP_BACKENDS},
    {"metrics: refusals", refusals, TAP_BACKENDS},
};

TAP_MAIN(cases)
