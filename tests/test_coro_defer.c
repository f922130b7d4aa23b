/* SPDX-License-Identifier: MIT
 *
 * test_coro_defer.c - defers: when they run, in which order, awaiting inside them, and what cancellation does
 * meanwhile; cancellation at each suspension point of a small program in turn. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

/* ---- order, and each way to end -------------------------------------------------------------- */

enum ending { FALL_OFF, RETURN, RETURN_ERROR, FAIL, TRY, EARLY };

picot_async_fn(int, ends, (int how;), (int r;))
{
    picot_begin;
    picot_defer say('1');
    picot_defer
    {
        say('2');
    }
    if (my->how == EARLY) picot_return(5);
    picot_defer
    {
        say(picot_status() < 0 ? '-' : '+');
        say('3');
    }
    picot_yield();
    if (my->how == RETURN) picot_return(7);
    if (my->how == RETURN_ERROR) picot_return(-EDOM);
    if (my->how == FAIL) picot_fail(-ERANGE);
    if (my->how == TRY) picot_try_await(give(-EPIPE));
    say('0');
    picot_end;
}

static void order(void)
{
    static const struct {
        int how, value;
        const char *trace;
    } expected[] = {{FALL_OFF, 0, "0+321"},  {RETURN, 7, "+321"},   {RETURN_ERROR, -EDOM, "-321"},
                    {FAIL, -ERANGE, "-321"}, {TRY, -EPIPE, "-321"}, {EARLY, 5, "21"}};
    picot_loop *loop = tap_loop();
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        int value = 99;
        trace[0] = 0;
        int rc = picot_run_into(loop, &value, picot_call(ends, expected[i].how));
        CHECK_EQ(value, expected[i].value);
        CHECK_EQ(rc, value < 0 ? value : 0);
        CHECK_STR(trace, expected[i].trace);
    }
    tap_loop_end(loop);
}

picot_async_fn(int, in_a_loop, (int times;), (int i;))
{
    picot_begin;
    for (my->i = 0; my->i < my->times; my->i++) {
        picot_defer say('d');
        say('.');
        if (my->i & 1) picot_yield();
    }
    if (my->times == 0) {
        picot_defer say('n'); /* never registered */
    }
    picot_end;
}

static void registered_again(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(in_a_loop, 3));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "...d");
    trace[0] = 0;
    RUN_ALONE(rc, picot_call(in_a_loop, 0));
    CHECK_STR(trace, "n");
    trace[0] = 0;
    RUN_ALONE(rc, picot_call(in_a_loop, 1));
    CHECK_STR(trace, ".d");
}

/* ---- what a defer may do --------------------------------------------------------------------- */

picot_async_fn(int, awaits_in_defers, (int code;), (int i, r;))
{
    picot_begin;
    picot_defer
    {
        for (my->i = 0; my->i < 3; my->i++)
            picot_await(nap(1, (char)('a' + my->i)));
        picot_await(my->r, give(-ENOTTY)); /* an error inside stays there */
        CHECK_EQ(my->r, -ENOTTY);
        CHECK_EQ(picot_status(), my->code);
    }
    picot_defer
    {
        picot_wait_for(my->r, 2 * PICOT_MS, nap(1000, 'w', 0, 'x'));
        CHECK_EQ(my->r, -ETIMEDOUT);
    }
    picot_defer picot_yield();
    if (my->code < 0) picot_fail(my->code);
    picot_return(my->code);
    picot_end;
}

static void awaiting(void)
{
    picot_loop *loop = tap_loop();
    for (int code = -EDOM; code <= 0; code += EDOM) {
        int value = 1;
        trace[0] = 0;
        CHECK_EQ(picot_run_into(loop, &value, picot_call(awaits_in_defers, code)), code);
        CHECK_EQ(value, code);
        CHECK_STR(trace, "wxabc");
    }
    tap_loop_end(loop);
}

picot_async_fn(int, inner, (char name; int code;), (int r;))
{
    picot_begin;
    picot_defer
    {
        picot_yield();
        say(my->name);
    }
    picot_yield();
    picot_return(my->code);
    picot_end;
}
#define inner(...) picot_call(inner, __VA_ARGS__)

/* A callee's defers run before its caller goes on, and a function called in a defer has defers of its own. */
picot_async_fn(int, nests, (char unused;), (int r;))
{
    picot_begin;
    picot_defer
    {
        picot_await(my->r, inner('c'));
        say('d');
    }
    picot_await(my->r, inner('a', -EDOM));
    CHECK_EQ(my->r, -EDOM);
    say('b');
    picot_try_await(inner('z', -ERANGE));
    say('!');
    picot_end;
}

static void nested(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(nests, 0));
    CHECK_EQ(rc, -ERANGE);
    CHECK_STR(trace, "abzcd");
}

picot_async_fn(int, defers_in_a_defer, (char unused;), (int r;))
{
    picot_begin;
    picot_defer say('1');
    picot_defer
    {
        say('a');
        picot_defer
        {
            picot_yield();
            say('b');
        }
        say('c');
    }
    picot_return(3);
    picot_end;
}

static void registered_in_a_defer(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(defers_in_a_defer, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "acb1");
}

picot_async_fn(int, leaves_a_block, (char unused;), (int i;))
{
    picot_begin;
    picot_defer
    {
        say('x');
        if (my->i == 2) break; /* ends the block */
        say('!');
    }
    picot_defer
    {
        say('y');
        if (my->i == 2) continue;
        say('!');
    }
    for (my->i = 0; my->i < 5; my->i++) {
        if (my->i == 2) break;
        picot_yield();
    }
    picot_end;
}

static void broken_out(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(leaves_a_block, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "yx");
}

picot_async_fn(int, many_defers, (int depth;), (int r;))
{
    picot_begin;
    picot_defer say('a');
    picot_defer say('b');
    picot_defer say('c');
    picot_defer say('d');
    picot_defer picot_yield();
    picot_defer say('e');
    picot_defer say('f');
    picot_defer say('g');
    picot_defer say('h');
    if (my->depth > 0) picot_try_await(picot_call(many_defers, my->depth - 1));
    picot_end;
}

static void many(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, picot_call(many_defers, 2)), 0);
    CHECK_STR(trace, "hgfedcbahgfedcbahgfedcba");
    CHECK_EQ(picot_run(loop, picot_call(many_defers, 5000)), 0);
    tap_loop_end(loop);
}

/* ---- cancellation ---------------------------------------------------------------------------- */

picot_async_fn(int, cleans_up, (int *ret_status;), (int r;))
{
    picot_begin;
    picot_defer
    {
        *my->ret_status = picot_status();
        picot_await(my->r, nap(5, 'c', 'd', 'x'));
        CHECK_EQ(my->r, 0);
        picot_await(my->r, nap(0, 'e', 'f', 'x'));
        CHECK_EQ(my->r, 0);
    }
    picot_try_await(nap(10000, 'a', 'b', 'k'));
    picot_end;
}

picot_async_fn(int, cancels, (int again;), (picot_group group; int r, status, result;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, my->result, picot_call(cleans_up, &my->status));
    picot_await(nap(2));
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    if (my->again) {
        picot_await(nap(2)); /* in the middle of its cleanup */
        CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    }
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0); /* a cancel that was asked for is no failure */
    CHECK_EQ(my->status, -ECANCELED);
    CHECK_EQ(my->result, -ECANCELED);
    picot_end;
}

static void cancelled(void)
{
    int rc;
    for (int again = 0; again < 2; again++) {
        trace[0] = 0;
        RUN_ALONE(rc, picot_call(cancels, again));
        CHECK_EQ(rc, 0);
        CHECK_STR(trace, "akcdef");
    }
}

/* A level: each further await outside the defers gets it, too; inside them none. */
picot_async_fn(int, ignores, (char unused;), (int i, refused;))
{
    picot_begin;
    my->refused = 0;
    picot_defer CHECK_EQ(my->refused, 100);
    for (my->i = 0; my->i < 100; my->i++) {
        picot_await(picot_sleep(.ns = PICOT_SECOND));
        if (picot_error() == -ECANCELED) my->refused++;
    }
    picot_return(12);
    picot_end;
}

picot_async_fn(int, cancels_an_ignorer, (char unused;), (picot_group group; int r, result;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, my->result, picot_call(ignores, 0));
    picot_yield();
    picot_yield();
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->result, 12);
    picot_end;
}

static void ignored(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(cancels_an_ignorer, 0));
    CHECK_EQ(rc, 0);
}

/* A task that never stops awaiting although each is refused must not starve the loop. */
picot_async_fn(int, stubborn, (const int *enough;), (int r;))
{
    picot_begin;
    while (!*my->enough)
        picot_await(picot_sleep(.ns = PICOT_SECOND));
    picot_end;
}

picot_async_fn(int, outlasts, (char unused;), (picot_group group; int r, enough;))
{
    picot_begin;
    my->enough = 0;
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(stubborn, &my->enough));
    picot_yield();
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_await(picot_sleep(.ns = 3 * PICOT_MS));
    my->enough = 1;
    picot_end;
}

static void starving(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(outlasts, 0));
    CHECK_EQ(rc, 0);
}

/* ---- cancellation at each suspension point in turn ------------------------------------------- */

static int held, most_held, points, cancel_at;
static picot_group *victim;

/* A place where the program suspends; at the chosen one its group is cancelled first. */
picot_async_fn(int, point, (int ms;), (int r;))
{
    picot_begin;
    if (points++ == cancel_at) CHECK_EQ(picot_group_cancel(victim, NULL), 0);
    picot_try_await(nap(my->ms));
    picot_end;
}
#define point(...) picot_call(point, __VA_ARGS__)

picot_async_fn(int, acquire, (char unused;), (int r;))
{
    picot_begin;
    picot_try_await(point(0));
    held++;
    if (held > most_held) most_held = held;
    picot_end;
}

picot_async_fn(int, release, (char unused;), (int r;))
{
    picot_begin;
    picot_await(point(0));
    held--;
    picot_end;
}

picot_async_fn(int, uses_two, (int depth;), (picot_group group; int r;))
{
    picot_begin;
    picot_try_await(picot_call(acquire, 0));
    picot_defer picot_await(picot_call(release, 0));
    picot_try_wait_for(my->r, PICOT_SECOND, point(1));
    picot_try_await(picot_call(acquire, 0));
    picot_defer
    {
        picot_await(picot_call(release, 0));
    }
    picot_task_group(my->group);
    picot_try_spawn(&my->group, point(1));
    if (my->depth > 0) picot_try_spawn(&my->group, picot_call(uses_two, my->depth - 1));
    picot_try_await(point(0));
    picot_try_await(picot_join(.group = &my->group));
    picot_try_await(point(1));
    picot_end;
}

picot_async_fn(int, sweeps, (char unused;), (picot_group group; int r, result;))
{
    picot_begin;
    picot_task_group(my->group);
    victim = &my->group;
    picot_spawn(&my->group, my->result, picot_call(uses_two, 2));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    picot_return(my->result);
    picot_end;
}

static void cancelled_everywhere(void)
{
    picot_loop *loop = tap_loop();
    int cancellations = 0;
    for (cancel_at = 0; cancel_at < 200; cancel_at++) {
        int result = 1;
        held = most_held = points = 0;
        int rc = picot_run_into(loop, &result, picot_call(sweeps, 0));
        CHECK_EQ(held, 0);
        CHECK_EQ(picot_loop_task_count(loop), 0);
        if (points <= cancel_at) {
            CHECK_EQ(rc, 0);
            CHECK_EQ(most_held, 6);
            break;
        }
        CHECK(result == 0 || result == -ECANCELED);
        cancellations += result == -ECANCELED;
    }
    tap_note("%d points, %d of them cancelled the program", cancel_at, cancellations);
    CHECK(cancellations > 15);
    tap_loop_end(loop);
}

/* ---- the loop ends --------------------------------------------------------------------------- */

picot_async_fn(int, keeps_a_child, (int *ret_status;), (picot_group group; int result;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, my->result, picot_call(cleans_up, my->ret_status));
    picot_try_await(picot_join(.group = &my->group));
    picot_end;
}

static void destroyed(void)
{
    picot_loop *loop = tap_loop();
    static int status[4];
    for (int i = 0; i < 3; i++)
        CHECK_EQ(picot_start(loop, picot_call(cleans_up, &status[i])), 0);
    CHECK_EQ(picot_start(loop, picot_call(keeps_a_child, &status[3])), 0);
    CHECK_EQ(picot_run(loop, nap(1)), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
    trace[0] = 0;
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(status[i], -ECANCELED);
    size_t ends = 0;
    for (const char *at = trace; *at; at++)
        ends += *at == 'f';
    CHECK_EQ(ends, 4);
}

static const struct tap_case cases[] = {
    {"run last first, on every way out", order, 0},
    {"the same defer in a loop runs once", registered_again, 0},
    {"await inside", awaiting, 0},
    {"of nested calls", nested, 0},
    {"registered inside a defer", registered_in_a_defer, 0},
    {"break and continue end the block", broken_out, 0},
    {"many, and deep", many, 0},
    {"run on cancellation, which is held off meanwhile", cancelled, 0},
    {"a cancellation is a level", ignored, 0},
    {"a stubborn task does not starve the others", starving, 0},
    {"cancelled at each suspension point in turn", cancelled_everywhere, 0},
    {"run when the loop is destroyed", destroyed, 0},
};

TAP_MAIN(cases)
