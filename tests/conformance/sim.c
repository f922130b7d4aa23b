/* SPDX-License-Identifier: MIT
 *
 * sim.c - what the backend "sim" promises beyond the common suite: the clock jumps and stands still, nothing that can
 * ever happen is a code, and what comes from outside is waited for in real time.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <picot.h>
#include <picot/short.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static picot_loop *loop_named(const char *backend)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    picot_loop *loop = NULL;
    options.backend = backend;
    options.allocator = tap_allocator();
    CHECK_EQ(picot_loop_create(&options, &loop), 0);
    return loop;
}

static picot_loop *simulated(void)
{
    return loop_named("sim");
}

static void count(picot_loop *loop, void *user)
{
    (void)loop;
    ++*(int *)user;
}

/* ---- the clock ------------------------------------------------------------------------------- */

struct clockwork {
    picot_timer timer;
    int64_t period_ns;
    int64_t deadline_ns;
    unsigned left;
};

static void strike(picot_loop *loop, void *user)
{
    struct clockwork *it = user;
    CHECK_EQ(picot_loop_now(loop), it->deadline_ns); /* not a nanosecond late */
    CHECK_EQ(picot_loop_update_now(loop), it->deadline_ns);
    if (--it->left == 0) return;
    it->deadline_ns += it->period_ns;
    CHECK_EQ(picot_call_at(loop, &it->timer, it->deadline_ns, strike, it), 0);
}

/* Ten clockworks of different periods, a day long: 160,000 strikes, each at its time. */
static void a_day_in_no_time(void)
{
    enum { WORKS = 10 };
    static struct clockwork works[WORKS];
    picot_loop *loop = simulated();
    int64_t day_ns = 24 * 3600 * PICOT_SECOND, begin = clock_now(), start_ns = picot_loop_now(loop);
    CHECK_EQ(start_ns, PICOT_SECOND);
    for (int i = 0; i < WORKS; i++) {
        works[i].period_ns = (2 + i) * PICOT_SECOND + i;
        works[i].left = (unsigned)(day_ns / works[i].period_ns);
        works[i].deadline_ns = start_ns + works[i].period_ns;
        CHECK_EQ(picot_call_at(loop, &works[i].timer, works[i].deadline_ns, strike, &works[i]), 0);
    }
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK(picot_loop_now(loop) > start_ns + day_ns - 12 * PICOT_SECOND);
    CHECK(picot_loop_now(loop) <= start_ns + day_ns);
    tap_note("a day took %d ms", (int)((clock_now() - begin) / PICOT_MS));
    CHECK(clock_now() - begin < 20 * PICOT_SECOND);
    tap_loop_end(loop);
}

static void compute(picot_loop *loop, void *user)
{
    int64_t now_ns = picot_loop_now(loop);
    (void)user;
    for (volatile int i = 0; i < 1000000; i++)
        continue;
    CHECK_EQ(picot_loop_update_now(loop), now_ns); /* code takes no time */
    CHECK_EQ(picot_sim_advance(loop, 5 * PICOT_MS), 0);
    CHECK_EQ(picot_loop_now(loop), now_ns);
    CHECK_EQ(picot_loop_update_now(loop), now_ns + 5 * PICOT_MS);
    CHECK_EQ(picot_sim_advance(loop, 5 * PICOT_MS), 0);
}

struct arrival {
    int64_t at_ns;
};

static void note_arrival(picot_loop *loop, void *user)
{
    ((struct arrival *)user)->at_ns = picot_loop_now(loop);
}

/* Computing that takes ten milliseconds makes the timer of the fifth late by five. */
static void advance(void)
{
    picot_loop *loop = simulated();
    int64_t begin = picot_loop_now(loop);
    picot_timer computing = PICOT_TIMER_INIT, fifth = PICOT_TIMER_INIT, twentieth = PICOT_TIMER_INIT;
    struct arrival first, second;
    CHECK_EQ(picot_call_later(loop, &computing, 0, compute, NULL), 0);
    CHECK_EQ(picot_call_later(loop, &fifth, 5 * PICOT_MS, note_arrival, &first), 0);
    CHECK_EQ(picot_call_later(loop, &twentieth, 20 * PICOT_MS, note_arrival, &second), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(first.at_ns - begin, 10 * PICOT_MS);
    CHECK_EQ(second.at_ns - begin, 20 * PICOT_MS);
    CHECK_EQ(picot_sim_advance(loop, -1), -EINVAL);
    CHECK_EQ(picot_sim_advance(NULL, 1), -EINVAL);
    CHECK_EQ(picot_sim_run_for(loop, -1), -EINVAL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(picot_sim_advance(loop, INT64_MAX), 0); /* the end of time is not passed */
    CHECK_EQ(picot_loop_update_now(loop), PICOT_NEVER - 1);
    tap_loop_end(loop);
    loop = loop_named("poll");
    CHECK_EQ(picot_sim_advance(loop, 1), -ENOTSUP);
    CHECK_EQ(picot_sim_run_for(loop, 1), -ENOTSUP);
    tap_loop_end(loop);
}

static void run_inside(picot_loop *loop, void *user)
{
    *(int *)user = picot_sim_run_for(loop, 1);
}

static void run_for_a_time(void)
{
    picot_loop *loop = simulated();
    int64_t begin = picot_loop_now(loop);
    int early = 0, at_the_end = 0, late = 0, inside = 0;
    picot_timer timers[3] = {PICOT_TIMER_INIT, PICOT_TIMER_INIT, PICOT_TIMER_INIT};
    CHECK_EQ(picot_sim_run_for(loop, 1000 * PICOT_SECOND), 0); /* with nothing to do, too */
    CHECK_EQ(picot_loop_now(loop) - begin, 1000 * PICOT_SECOND);
    CHECK_EQ(picot_call_later(loop, &timers[0], 1, count, &early), 0);
    CHECK_EQ(picot_call_later(loop, &timers[1], PICOT_SECOND, count, &at_the_end), 0);
    CHECK_EQ(picot_call_later(loop, &timers[2], PICOT_SECOND + 1, count, &late), 0);
    CHECK_EQ(picot_loop_next_deadline(loop), begin + 1000 * PICOT_SECOND + 1); /* asking moves nothing */
    CHECK_EQ(picot_loop_update_now(loop), begin + 1000 * PICOT_SECOND);
    CHECK_EQ(picot_sim_run_for(loop, 0), 1);
    CHECK_EQ(early, 0);
    CHECK_EQ(picot_sim_run_for(loop, PICOT_SECOND), 1);
    CHECK(early == 1 && at_the_end == 1 && late == 0);
    CHECK_EQ(picot_call_later(loop, &timers[0], 0, run_inside, &inside), 0);
#ifndef PICOT_DEBUG
    CHECK_EQ(picot_sim_run_for(loop, 1), 0);
    CHECK(inside == -EBUSY && late == 1);
#else
    CHECK_EQ(picot_timer_cancel(loop, &timers[0]), 0);
    CHECK_EQ(picot_sim_run_for(loop, 1), 0);
    CHECK_EQ(late, 1);
#endif
    CHECK_EQ(picot_loop_pending(loop), 0); /* its own timer is gone */
    tap_loop_end(loop);
}

/* Something is always ready: time goes on all the same, if slowly. */
static void never_at_rest(void)
{
    picot_loop *loop = simulated();
    picot_job job = PICOT_JOB_INIT;
    picot_timer timer = PICOT_TIMER_INIT;
    int fired = 0, turns = 0;
    CHECK_EQ(picot_call_later(loop, &timer, PICOT_MS, count, &fired), 0);
    for (; fired == 0 && turns < 100000; turns++) {
        CHECK_EQ(picot_call_soon(loop, &job, count, &(int){0}), 0);
        CHECK(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0);
    }
    CHECK_EQ(fired, 1);
    CHECK(turns > 1000 && turns < 3000);
    tap_loop_end(loop);
}

/* ---- nothing can ever happen ----------------------------------------------------------------- */

static size_t one(picot_loop *loop, picot_extension *extension)
{
    (void)loop;
    return *(size_t *)(extension + 1);
}

static void check_usable(picot_loop *loop)
{
    int fired = 0;
    picot_timer timer = PICOT_TIMER_INIT;
    CHECK_EQ(picot_call_later(loop, &timer, PICOT_SECOND, count, &fired), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0 && fired == 1, 1);
}

static void unexpected(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    (void)loop;
    (void)watch;
    (void)ready;
    CHECK(!"called");
}

static void nothing_can_happen(void)
{
    picot_loop *loop = simulated();
    static const char key;
    static struct {
        picot_extension base;
        size_t pending;
    } waiting;
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), -EDEADLK);
    CHECK_EQ(picot_loop_stop(loop), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), 0); /* stopped before it began */
    check_usable(loop);
    waiting.base.key = &key;
    waiting.base.pending = one;
    waiting.pending = 1; /* of tasks, say, that wait for each other */
    CHECK_EQ(picot_extension_add(loop, &waiting.base), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), -EDEADLK);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), -EDEADLK);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
    check_usable(loop);
    waiting.pending = 0;
    tap_loop_end(loop);
}

/* Work that is armed for never, and a watch that is paused, will not call back; a pending receive might. */
static void nothing_but_never(void)
{
    picot_loop *loop = simulated();
    struct recorded op = {0};
    struct stream stream = open_stream(loop, 2);
    picot_timer timer = PICOT_TIMER_INIT;
    picot_watch watch = PICOT_WATCH_INIT;
    int fds[2];
    stream_pair(3, fds);
    CHECK_EQ(picot_call_later(loop, &timer, PICOT_NEVER, count, NULL), 0);
    picot_op_timeout(&op.op, PICOT_NEVER);
    CHECK_EQ(start(loop, &op), 0);
    CHECK_EQ(picot_watch_add(loop, &watch, fds[0], 0, unexpected, NULL), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), -EDEADLK);
    CHECK_EQ(picot_cancel(loop, &op.op), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 1);
    CHECK_EQ(op.result, -ECANCELED);
    CHECK_EQ(picot_timer_cancel(loop, &timer), 0);
    CHECK_EQ(picot_watch_remove(loop, &watch), 0);
    CHECK_EQ(close(fds[0]) | close(fds[1]), 0);
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

async_fn(int, waits_for_ever, (int *cleaned_up;), ())
{
    async_begin;
    defer
    {
        await(picot_sleep(.ns = PICOT_SECOND)); /* cleanup may take its time */
        ++*my->cleaned_up;
    }
    try_await(picot_sleep(.ns = PICOT_NEVER));
    async_end;
}

static void a_task_that_waits_for_ever(void)
{
    picot_loop *loop = simulated();
    int cleaned_up = 0;
    CHECK_EQ(picot_run(loop, picot_call(waits_for_ever, .cleaned_up = &cleaned_up)), -EDEADLK);
    CHECK_EQ(cleaned_up, 1);
    tap_loop_end(loop);
}

/* ---- what comes from outside ----------------------------------------------------------------- */

struct outsider {
    picot_loop *loop;
    picot_posted posted;
    int fd;
    pthread_t thread;
};

static void *send_after_a_while(void *arg)
{
    struct outsider *it = arg;
    (void)usleep(30000);
    peer_send(it->fd, "abc", 3);
    return NULL;
}

/* No deadline, but a pending receive: the loop sleeps until the bytes of another thread come. */
static void real_descriptors(void)
{
    picot_loop *loop = simulated();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded it = {0};
        struct stream stream = open_stream(loop, flavour);
        struct outsider other = {.fd = stream.theirs};
        int64_t begin = clock_now(), now_ns = picot_loop_now(loop);
        picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &it), 0);
        CHECK_EQ(pthread_create(&other.thread, NULL, send_after_a_while, &other), 0);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 0);
        CHECK_EQ(it.result, 3);
        CHECK(clock_now() - begin >= 20 * PICOT_MS);
        CHECK_EQ(picot_loop_now(loop), now_ns); /* where time stood still */
        CHECK_EQ(pthread_join(other.thread, NULL), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* With a deadline in sight it does not: what is not there now comes too late. */
static void a_deadline_before_the_bytes(void)
{
    picot_loop *loop = simulated();
    char got[8];
    struct recorded receiving = {0}, limit = {0};
    struct stream stream = open_stream(loop, 0);
    int64_t begin = clock_now();
    picot_op_recv(&receiving.op, stream.ours, got, sizeof got, 0);
    picot_op_timeout(&limit.op, 9 * PICOT_SECOND); /* not as far as the guard of finish */
    CHECK_EQ(start(loop, &receiving), 0);
    CHECK_EQ(start(loop, &limit), 0);
    CHECK_EQ(finish(loop, &limit), 0);
    CHECK(!completed(&receiving));
    CHECK(clock_now() - begin < 5 * PICOT_SECOND);
    peer_send(stream.theirs, "abc", 3); /* what is there comes before any deadline */
    picot_op_timeout(&limit.op, 1);
    CHECK_EQ(start(loop, &limit), 0);
    CHECK_EQ(finish(loop, &limit), 0);
    CHECK(completed(&receiving) && receiving.order < limit.order);
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

static void *post_after_a_while(void *arg)
{
    struct outsider *it = arg;
    (void)usleep(30000);
    CHECK_EQ(picot_post(it->loop, &it->posted), 0);
    return NULL;
}

/* A hold: the post of a thread comes before a far deadline, the near one comes before the post, each in its real time.
 */
static void posts_under_a_hold(void)
{
    picot_loop *loop = simulated();
    int posted = 0, near = 0, far = 0;
    struct outsider other = {.loop = loop, .posted = PICOT_POSTED_INIT(count, &posted)};
    picot_timer timers[2] = {PICOT_TIMER_INIT, PICOT_TIMER_INIT};
    int64_t begin_ns = picot_loop_now(loop);
    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK_EQ(picot_call_later(loop, &timers[0], PICOT_MS, count, &near), 0);
    CHECK_EQ(picot_call_later(loop, &timers[1], 3600 * PICOT_SECOND, count, &far), 0);
    CHECK_EQ(pthread_create(&other.thread, NULL, post_after_a_while, &other), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 1);
    CHECK(near == 1 && far == 0);
    CHECK_EQ(picot_loop_now(loop), begin_ns + PICOT_MS);
    while (posted == 0)
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 1);
    CHECK_EQ(far, 0);
    CHECK(picot_loop_now(loop) >= begin_ns + 20 * PICOT_MS);
    CHECK_EQ(pthread_join(other.thread, NULL), 0);
    CHECK_EQ(picot_loop_unhold(loop), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(far, 1);
    tap_loop_end(loop);
}

/* A thread of the pool is at work: the clock waits for it, so that the timer of a nanosecond comes second. */
static void files_come_before_deadlines(void)
{
    picot_loop *loop = simulated();
    for (int i = 0; i < 20; i++) {
        struct recorded opening = {0}, limit = {0};
        picot_op_open(&opening.op, AT_FDCWD, "/dev/null", O_RDONLY, 0, 0);
        picot_op_timeout(&limit.op, 1);
        CHECK_EQ(start(loop, &opening), 0);
        CHECK_EQ(start(loop, &limit), 0);
        CHECK_EQ(finish(loop, &limit), 0);
        CHECK(completed(&opening) && opening.result > 0);
        CHECK(opening.order < limit.order);
        close_handle(loop, opening.result);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"sim: a day in no time", a_day_in_no_time, 0},
    {"sim: advance", advance, 0},
    {"sim: run for a time", run_for_a_time, 0},
    {"sim: never at rest", never_at_rest, 0},
    {"sim: nothing can happen", nothing_can_happen, 0},
    {"sim: nothing but never", nothing_but_never, 0},
    {"sim: a task that waits for ever", a_task_that_waits_for_ever, 0},
    {"sim: real descriptors", real_descriptors, 0},
    {"sim: a deadline before the bytes", a_deadline_before_the_bytes, 0},
    {"sim: posts under a hold", posts_under_a_hold, 0},
    {"sim: files come before deadlines", files_come_before_deadlines, 0},
};

TAP_MAIN(cases)
