/* SPDX-License-Identifier: MIT
 *
 * test_coro_wait_for.c - deadlines around awaits: each outcome, nested ones, and races with cancellation from outside.
 * Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <sys/socket.h>
#include <unistd.h>

/* ---- one deadline ---------------------------------------------------------------------------- */

picot_async_fn(double, gives_a_double, (int ms;), (char none;))
{
    picot_begin;
    picot_try_await(nap(my->ms));
    picot_return(2.5);
    picot_end;
}

picot_async_fn(int, outcomes, (char unused;), (int r; double d; int64_t begun_ns, took_ns;))
{
    picot_begin;
    /* It completes: at once, or in time. */
    picot_wait_for(my->r, PICOT_SECOND, give(4));
    CHECK_EQ(my->r, 4);
    picot_wait_for(my->r, PICOT_SECOND, nap(1, .result = 5));
    CHECK_EQ(my->r, 5);
    picot_wait_for(my->r, PICOT_SECOND, give(-EDOM));
    CHECK_EQ(my->r, -EDOM);
    CHECK_EQ(picot_error(), -EDOM);
    /* It does not. */
    my->begun_ns = picot_loop_update_now(picot_this_loop());
    picot_wait_for(my->r, 10 * PICOT_MS, nap(5000, .cancelled = 'c'));
    my->took_ns = picot_loop_update_now(picot_this_loop()) - my->begun_ns;
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK(my->took_ns >= 10 * PICOT_MS && my->took_ns < 2 * PICOT_SECOND);
    CHECK_STR(trace, "c");
    my->d = 3;
    picot_wait_for(my->d, PICOT_MS, picot_call(gives_a_double, 5000));
    CHECK(my->d == 0);
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    picot_wait_for(my->d, PICOT_SECOND, picot_call(gives_a_double, 1));
    CHECK(my->d == 2.5);
    CHECK_EQ(picot_error(), 0);
    /* Afterwards nothing is left of it. */
    picot_await(my->r, nap(15));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void one_deadline(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(outcomes, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, odd_limits, (char unused;), (int r; double d;))
{
    picot_begin;
    /* 0: the first suspension times out; what need not wait goes through. */
    picot_wait_for(my->r, 0, nap(1000, 'a', 'b', 'c'));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_STR(trace, "ac");
    picot_wait_for(my->r, 0, give(6));
    CHECK_EQ(my->r, 6);
    picot_wait_for(my->r, 0, picot_sleep(.ns = 1));
    CHECK_EQ(my->r, -ETIMEDOUT);
    picot_wait_for(my->r, 0, picot_call(picot_yield_once, 0));
    CHECK_EQ(my->r, -ETIMEDOUT);
    /* Negative: refused, and not called. */
    picot_wait_for(my->r, -1, nap(0, '!'));
    CHECK_EQ(my->r, -EINVAL);
    CHECK_EQ(picot_error(), -EINVAL);
    my->d = 1;
    picot_wait_for(my->d, INT64_MIN, picot_call(gives_a_double, 0));
    CHECK(my->d == 0);
    CHECK_EQ(picot_error(), -EINVAL);
    CHECK_STR(trace, "ac");
    /* None at all, or as good as none. */
    picot_wait_for(my->r, PICOT_NEVER, nap(2, .result = 7));
    CHECK_EQ(my->r, 7);
    picot_wait_for(my->r, PICOT_NEVER - 1, nap(2, .result = 8));
    CHECK_EQ(my->r, 8);
    picot_wait_for(my->r, 1, nap(1000));
    CHECK_EQ(my->r, -ETIMEDOUT);
    picot_end;
}

static void limits(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(odd_limits, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, tries_in_time, (int64_t timeout_ns;), (int r;))
{
    picot_begin;
    picot_defer say('d');
    picot_try_wait_for(my->r, my->timeout_ns, nap(20, .done = 'a'));
    say('b');
    picot_end;
}

static void trying(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(tries_in_time, PICOT_MS));
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_STR(trace, "d");
    RUN_ALONE(rc, picot_call(tries_in_time, PICOT_SECOND));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "dabd");
}

/* ---- what the awaited call does with it ------------------------------------------------------ */

/* Cleans up for a while when it is cancelled; then gives what it is told to. */
picot_async_fn(int, takes_leave, (int ms; int cleanup_ms; int code;), (int r;))
{
    picot_begin;
    picot_defer
    {
        picot_await(my->r, nap(my->cleanup_ms));
        CHECK_EQ(my->r, 0);
        say('z');
    }
    picot_await(my->r, nap(my->ms));
    if (my->r < 0 && my->code) picot_fail(my->code);
    picot_return(my->r);
    picot_end;
}
#define takes_leave(...) picot_call(takes_leave, __VA_ARGS__)

picot_async_fn(int, reactions, (char unused;), (int r;))
{
    picot_begin;
    /* The call has ended, its cleanup done, before the time-out is told. */
    picot_wait_for(my->r, PICOT_MS, takes_leave(5000, 10));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_STR(trace, "z");
    /* It ends with an error of its own: that is told. */
    picot_wait_for(my->r, PICOT_MS, takes_leave(5000, 1, -EDOM));
    CHECK_EQ(my->r, -EDOM);
    /* It ends in time, and its cleanup takes longer than the deadline: the result is delivered. */
    picot_wait_for(my->r, 5 * PICOT_MS, takes_leave(1, 20));
    CHECK_EQ(my->r, 0);
    /* A plain -ECANCELED that nobody caused stays what it is. */
    picot_wait_for(my->r, PICOT_SECOND, give(-ECANCELED));
    CHECK_EQ(my->r, -ECANCELED);
    picot_await(my->r, nap(1));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void reacting(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(reactions, 0));
    CHECK_EQ(rc, 0);
}

/* Swallows the cancellation and succeeds: a result that won. */
picot_async_fn(int, succeeds_anyway, (int64_t ns;), (int r;))
{
    picot_begin;
    picot_await(my->r, picot_sleep(.ns = my->ns));
    picot_return(9);
    picot_end;
}

picot_async_fn(int, racing_success, (char unused;), (int i, r, ok, late;))
{
    picot_begin;
    picot_wait_for(my->r, PICOT_MS, picot_call(succeeds_anyway, PICOT_SECOND));
    CHECK_EQ(my->r, 9);
    /* Both at nearly the same time: whichever it is, it is one of the two, and nothing lingers. */
    my->ok = my->late = 0;
    for (my->i = 0; my->i < 200; my->i++) {
        picot_wait_for(my->r, 50 * PICOT_US, picot_sleep(.ns = 50 * PICOT_US + (my->i % 5 - 2) * 10 * PICOT_US));
        CHECK(my->r == 0 || my->r == -ETIMEDOUT);
        my->ok += my->r == 0;
        my->late += my->r < 0;
        picot_await(my->r, picot_sleep(.ns = 10 * PICOT_US));
        CHECK_EQ(my->r, 0);
    }
    tap_note("%d in time, %d late", my->ok, my->late);
    picot_end;
}

static void races(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(racing_success, 0));
    CHECK_EQ(rc, 0);
}

/* ---- nested ---------------------------------------------------------------------------------- */

picot_async_fn(int, within, (int64_t timeout_ns; int ms; int *ret_inner;), (int r;))
{
    picot_begin;
    picot_wait_for(my->r, my->timeout_ns, nap(my->ms, .result = 3));
    *my->ret_inner = my->r;
    picot_return(my->r);
    picot_end;
}
#define within(...) picot_call(within, __VA_ARGS__)

picot_async_fn(int, nestings, (char unused;), (int r, inner;))
{
    picot_begin;
    /* The inner one is earlier. */
    picot_wait_for(my->r, PICOT_SECOND, within(2 * PICOT_MS, 5000, &my->inner));
    CHECK_EQ(my->inner, -ETIMEDOUT);
    CHECK_EQ(my->r, -ETIMEDOUT); /* the function's own result, not the outer deadline's */
    /* The outer one is earlier: inside it is a cancellation. */
    picot_wait_for(my->r, 2 * PICOT_MS, within(PICOT_SECOND, 5000, &my->inner));
    CHECK_EQ(my->inner, -ECANCELED);
    CHECK_EQ(my->r, -ETIMEDOUT);
    /* The same: the outer one wins. */
    picot_wait_for(my->r, 3 * PICOT_MS, within(3 * PICOT_MS, 5000, &my->inner));
    CHECK_EQ(my->inner, -ECANCELED);
    CHECK_EQ(my->r, -ETIMEDOUT);
    picot_wait_for(my->r, 0, within(0, 5000, &my->inner));
    CHECK_EQ(my->inner, -ECANCELED);
    CHECK_EQ(my->r, -ETIMEDOUT);
    /* Neither. */
    picot_wait_for(my->r, PICOT_SECOND, within(PICOT_SECOND, 1, &my->inner));
    CHECK_EQ(my->inner * 10 + my->r, 33);
    picot_wait_for(my->r, PICOT_NEVER, within(PICOT_NEVER, 1, &my->inner));
    CHECK_EQ(my->inner * 10 + my->r, 33);
    /* A finite one inside none, and the other way round. */
    picot_wait_for(my->r, PICOT_NEVER, within(PICOT_MS, 5000, &my->inner));
    CHECK_EQ(my->inner, -ETIMEDOUT);
    picot_wait_for(my->r, PICOT_MS, within(PICOT_NEVER, 5000, &my->inner));
    CHECK_EQ(my->inner, -ECANCELED);
    CHECK_EQ(my->r, -ETIMEDOUT);
    picot_end;
}

static void nested(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(nestings, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, deep_deadlines, (int depth;), (int r;))
{
    picot_begin;
    if (my->depth == 0) {
        picot_try_await(nap(5000));
    } else {
        /* ever earlier towards the middle, ever later below it */
        picot_wait_for(my->r, (my->depth > 50 ? my->depth : 101 - my->depth) * PICOT_MS,
                       picot_call(deep_deadlines, my->depth - 1));
        if (my->depth < 51) CHECK_EQ(my->r, -ECANCELED);
    }
    picot_return(my->r);
    picot_end;
}

static void deeply_nested(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(deep_deadlines, 100));
    CHECK_EQ(rc, -ETIMEDOUT);
}

/* After a time-out the rest of an outer deadline still counts. */
picot_async_fn(int, two_steps, (char unused;), (int r;))
{
    picot_begin;
    picot_wait_for(my->r, 5 * PICOT_MS, nap(5000));
    CHECK_EQ(my->r, -ETIMEDOUT);
    say('a');
    picot_await(my->r, nap(5));
    CHECK_EQ(my->r, 0);
    say('b');
    picot_await(my->r, nap(5000));
    say('c');
    picot_return(my->r);
    picot_end;
}

picot_async_fn(int, outer_of_two_steps, (char unused;), (int r;))
{
    picot_begin;
    picot_wait_for(my->r, 300 * PICOT_MS, picot_call(two_steps, 0));
    picot_return(my->r);
    picot_end;
}

static void outer_goes_on(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(outer_of_two_steps, 0));
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_STR(trace, "abc");
}

/* ---- deadline and cancellation --------------------------------------------------------------- */

picot_async_fn(int, races_a_cancel, (int timeout_ms; int cleanup_ms;), (int r;))
{
    picot_begin;
    picot_wait_for(my->r, my->timeout_ms * PICOT_MS, takes_leave(5000, my->cleanup_ms));
    say(my->r == -ECANCELED ? 'C' : my->r == -ETIMEDOUT ? 'T' : '?');
    picot_await(picot_sleep(.ns = 1));
    say(picot_error() == -ECANCELED ? 'c' : '0');
    picot_return(my->r);
    picot_end;
}

picot_async_fn(int, cancels_at, (int cancel_ms; int timeout_ms; int cleanup_ms;), (picot_group group; int r, result;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_spawn(&my->group, my->result, picot_call(races_a_cancel, my->timeout_ms, my->cleanup_ms));
    picot_try_await(nap(my->cancel_ms));
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    picot_return(my->result);
    picot_end;
}

static void cancel_against_deadline(void)
{
    static const struct {
        int cancel_ms, timeout_ms, cleanup_ms, result;
        const char *trace;
    } expected[] = {
        {5, 10, 20, -ECANCELED, "zCc"}, /* the deadline passes during the cleanup: it stays a cancellation */
        {10, 5, 20, -ETIMEDOUT,
         "zTc"}, /* the cancellation comes during the cleanup: it stays a time-out, then it is told */
        {5, 500, 1, -ECANCELED, "zCc"},
        {300, 5, 10, -ETIMEDOUT, "zT0"}, /* all is over when the cancellation comes */
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        picot_loop *loop = tap_loop();
        int result = 1;
        trace[0] = 0;
        CHECK_EQ(picot_run_into(
                     loop, &result,
                     picot_call(cancels_at, expected[i].cancel_ms, expected[i].timeout_ms, expected[i].cleanup_ms)),
                 expected[i].result);
        CHECK_EQ(result, expected[i].result);
        CHECK_STR(trace, expected[i].trace);
        tap_loop_end(loop);
    }
}

/* A deadline within a defer works, although cancellation from outside is held off there. */
picot_async_fn(int, limits_its_cleanup, (char unused;), (int r;))
{
    picot_begin;
    picot_defer
    {
        picot_wait_for(my->r, 5 * PICOT_MS, nap(5000, 0, 0, 'x'));
        CHECK_EQ(my->r, -ETIMEDOUT);
        picot_await(my->r, nap(1, 0, 'y'));
        CHECK_EQ(my->r, 0);
    }
    picot_try_await(nap(5000));
    picot_end;
}

picot_async_fn(int, limited_cleanup, (char unused;), (int r;))
{
    picot_begin;
    picot_wait_for(my->r, PICOT_MS, picot_call(limits_its_cleanup, 0));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_STR(trace, "xy");
    picot_end;
}

static void deadline_in_a_defer(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(limited_cleanup, 0));
    CHECK_EQ(rc, 0);
}

/* ---- around operations ----------------------------------------------------------------------- */

picot_async_fn(int, reads_in_time, (int number;), (picot_fd fd; int64_t n; char buf[8]; int i;))
{
    picot_begin;
    my->fd = picot_adopt(picot_this_loop(), my->number);
    CHECK(my->fd >= 0);
    picot_defer
    {
        picot_await(my->n, picot_close(.fd = my->fd));
        CHECK_EQ(my->n, 0);
    }
    for (my->i = 0; my->i < 3; my->i++) {
        picot_wait_for(my->n, 3 * PICOT_MS, picot_recv(.fd = my->fd, .buf = my->buf, .len = sizeof my->buf));
        CHECK_EQ(my->n, -ETIMEDOUT);
    }
    picot_wait_for(my->n, 0, picot_recv(.fd = my->fd, .buf = my->buf, .len = sizeof my->buf));
    CHECK(my->n == -ETIMEDOUT || my->n == 2);
    picot_wait_for(my->n, PICOT_SECOND, picot_send(.fd = my->fd, .buf = "hi", .len = 2));
    CHECK_EQ(my->n, 2);
    picot_await(my->n, picot_shutdown(.fd = my->fd, .how = 1));
    picot_end;
}

static void around_operations(void)
{
    int pair[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, picot_call(reads_in_time, pair[0])), 0);
    char buf[8];
    CHECK_EQ(read(pair[1], buf, sizeof buf), 2);
    CHECK_MEM(buf, "hi", 2);
    CHECK_EQ(read(pair[1], buf, sizeof buf), 0);
    CHECK_EQ(close(pair[1]), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"completes, or times out", one_deadline, 0},
    {"limits of zero, negative, none", limits, 0},
    {"try_wait_for", trying, 0},
    {"the call cleans up, fails, or has ended", reacting, 0},
    {"success races the deadline", races, 0},
    {"nested, with the same deadline, too", nested, 0},
    {"a hundred nested", deeply_nested, 0},
    {"an outer deadline goes on", outer_goes_on, 0},
    {"cancellation against deadline", cancel_against_deadline, 0},
    {"within a defer", deadline_in_a_defer, 0},
    {"around operations", around_operations, TAP_BACKENDS},
};

TAP_MAIN(cases)
