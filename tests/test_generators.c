/* SPDX-License-Identifier: MIT
 *
 * test_generators.c - generators and async generators: states, values, ends, sending, throwing, closing, delegation,
 * scopes across a yield, several drivers, cancellation, plain code. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <stdio.h>

/* Counts, waiting `ms` before each value when that is not 0; says what becomes of it. */
picot_gen_fn(int, count, (int from; int to; int ms; int result;), (int i, r;))
{
    picot_begin;
    say('(');
    picot_defer say(')');
    for (my->i = my->from; my->i < my->to; my->i++) {
        if (my->ms > 0) picot_try_await(my->r, nap(my->ms, .cancelled = 'x'));
        picot_try_yield_value(my->i);
    }
    picot_return(my->result);
    picot_end;
}
#define count(...) picot_call(count, __VA_ARGS__)

/* ---- states and ends --------------------------------------------------------------------------- */

static picot_generator *watched;

static void say_state(const picot_generator *generator)
{
    say("CNRS"[picot_gen_state(generator)]);
}

picot_gen_fn(char, introspective, (int unused;), (int i;))
{
    picot_begin;
    CHECK(picot_this_generator() == watched);
    say_state(watched);
    picot_yield();
    say_state(watched);
    picot_defer say_state(watched);
    picot_yield_value('v');
    say_state(watched);
    picot_end;
}

picot_async_fn(int, states, (int unused;), (picot_generator g; char v; int r;))
{
    picot_begin;
    watched = &my->g;
    say_state(NULL);
    say_state(&my->g);
    CHECK_EQ(picot_gen_result(&my->g), -EINVAL);
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, -EINVAL);
    picot_generate(my->g, picot_call(introspective, 0));
    CHECK_EQ(picot_error(), 0);
    picot_gen_open(my->g, picot_call(introspective, 0));
    CHECK_EQ(picot_error(), -EBUSY);
    say_state(&my->g);
    CHECK_EQ(picot_gen_result(&my->g), PICOT_ENOTDONE);
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 1);
    CHECK_EQ(my->v, 'v');
    say_state(&my->g);
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 0);
    say_state(&my->g);
    CHECK_EQ(picot_gen_result(&my->g), 0);
    CHECK_STR(picot_gen_state_name(PICOT_GEN_SUSPENDED), "suspended");
    picot_end;
}

static void four_states(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(states, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "CCNRRSRRC");
}

picot_gen_fn(int, ends_with, (int code; int in_turn;), (int i;))
{
    picot_begin;
    picot_yield_value(7);
    if (my->in_turn) picot_yield();
    if (my->code == 1) picot_return(-ERANGE);
    if (my->code < 0) picot_fail(my->code);
    picot_return((int64_t)1 << 40);
    picot_end;
}

/* The error is told once, then there are no more values; the value that was returned can be asked for. */
picot_async_fn(int, ends, (int in_turn;), (picot_generator_of(int) g; int v, r, i;))
{
    picot_begin;
    static const int codes[] = {0, -EDOM, PICOT_ECLOSED, -ECANCELED, 1};
    for (my->i = 0; my->i < 5; my->i++) {
        picot_generate(my->g, picot_call(ends_with, codes[my->i], my->in_turn));
        picot_await(my->r, picot_next(my->g, my->v));
        CHECK_EQ(my->r, 1);
        CHECK_EQ(my->v, 7);
        picot_await(my->r, picot_next(my->g, my->v));
        CHECK_EQ(my->r, codes[my->i] == 1 ? -ERANGE : codes[my->i]);
        CHECK_EQ(picot_error(), my->r);
        picot_await(my->r, picot_next(my->g, my->v));
        CHECK_EQ(my->r, 0);
        CHECK_EQ(my->v, 7);
        CHECK_EQ(picot_gen_result(&my->g.generator), codes[my->i] == 1 ? -ERANGE : my->i ? codes[my->i] : 1LL << 40);
        picot_await(my->r, picot_gen_close(my->g));
        CHECK_EQ(my->r, 0);
    }
    picot_end;
}

static void the_end(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(ends, 0));
    CHECK_EQ(rc, 0);
    RUN_ALONE(rc, picot_call(ends, 1));
    CHECK_EQ(rc, 0);
}

/* ---- loops ------------------------------------------------------------------------------------- */

picot_async_fn(int, loops, (int ms;), (picot_generator_of(int) a, b; picot_generator plain; int x, y, sum, n;))
{
    picot_begin;
    picot_generate(my->a, count(0, 10, my->ms));
    picot_for_await(my->x, my->a)
    {
        if (my->x == 1) continue;
        if (my->x == 4) break;
        my->sum += my->x;
    }
    CHECK_EQ(my->sum, 5);
    picot_for_await(my->x, my->a) my->sum += my->x; /* goes on */
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(my->sum, 5 + 5 + 6 + 7 + 8 + 9);
    picot_for_await(my->x, my->a) CHECK(0);
    CHECK_EQ(picot_error(), 0);

    /* Nested, an inner one for each value; and a local that receives the value. */
    my->sum = 0;
    picot_generate(my->a, count(1, 4, my->ms));
    picot_for_await(my->x, my->a)
    {
        picot_generate(my->b, count(0, my->x, my->ms));
        picot_for_await(my->y, my->b)
        {
            picot_await(nap(0));
            my->sum = my->sum * 10 + my->y;
        }
    }
    CHECK_EQ(my->sum, 1012); /* 0, 01, 012 */
    picot_generate(my->plain, count(3, 5, my->ms));
    int local;
    picot_for_await(local, my->plain) my->n += local;
    CHECK_EQ(my->n, 7);
    if (my->n)
        picot_for_await(my->x, my->plain) my->n = 0;
    else
        my->n = 1;
    CHECK_EQ(my->n, 7);
    picot_end;
}

static void loops_of_values(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(loops, 0));
    CHECK_EQ(rc, 0);
    trace[0] = 0;
    RUN_ALONE(rc, picot_call(loops, 1));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "()(()()())()");
}

/* The loop's error is the generator's. */
picot_async_fn(int, failing_loop, (int unused;), (picot_generator_of(int) g; int x, n; short wrong; int r;))
{
    picot_begin;
    picot_generate(my->g, picot_call(ends_with, -EDOM, 1));
    picot_for_await(my->x, my->g) my->n++;
    CHECK_EQ(picot_error(), -EDOM);
    CHECK_EQ(my->n, 1);
    picot_try_for_await(my->x, my->g) CHECK(0);
    picot_generate(my->g, picot_call(ends_with, -ERANGE, 1));
    picot_try_for_await(my->x, my->g) my->n++;
    CHECK(0);
    picot_end;
}

struct large {
    double numbers[40];
    char tag;
};
picot_gen_fn(struct large, larges, (int n;), (int i; char bulk[3000];))
{
    picot_begin;
    memset(my->bulk, 3, sizeof my->bulk);
    for (my->i = 0; my->i < my->n; my->i++) {
        picot_yield_value((struct large){.numbers = {[39] = my->i}, .tag = 't'});
        CHECK_EQ(my->bulk[2999], 3);
    }
    picot_end;
}

picot_async_fn(int, sizes, (int unused;), (picot_generator g; struct large v; long wrong; int r, sum;))
{
    picot_begin;
    picot_generate(my->g, picot_call(larges, 3));
    picot_await(my->r, picot_next(my->g, my->wrong));
    CHECK_EQ(my->r, -EINVAL);
    picot_for_await(my->wrong, my->g) CHECK(0);
    CHECK_EQ(picot_error(), -EINVAL);
    CHECK_EQ(picot_gen_state(&my->g), PICOT_GEN_CREATED); /* left as it was */
    picot_for_await(my->v, my->g)
    {
        CHECK_EQ(my->v.tag, 't');
        my->sum += (int)my->v.numbers[39];
    }
    CHECK_EQ(my->sum, 3);
    picot_end;
}

static void errors_and_sizes(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(failing_loop, 0));
    CHECK_EQ(rc, -ERANGE);
    RUN_ALONE(rc, picot_call(sizes, 0));
    CHECK_EQ(rc, 0);
}

/* An endless one whose values are there at once gives others a turn, and ends when the task is cancelled. */
picot_async_fn(int, cancels_scope, (picot_scope * scope;), (int i;))
{
    picot_begin;
    for (my->i = 0; my->i < 10; my->i++)
        picot_yield();
    CHECK_EQ(picot_scope_cancel(my->scope, "enough"), 0);
    picot_end;
}

picot_async_fn(int, endless, (int unused;),
               (picot_generator_of(int) g; int x, n, r; picot_scope scope; picot_group group;))
{
    picot_begin;
    picot_generate(my->g, count(0, INT_MAX));
    picot_task_group(my->group);
    picot_cancel_scope(my->scope) {
        picot_try_spawn(&my->group, picot_call(cancels_scope, &my->scope));
        picot_for_await(my->x, my->g) my->n++;
        CHECK_EQ(picot_error(), -ECANCELED);
    }
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK(picot_scope_caught(&my->scope));
    CHECK(my->n > 10);
    CHECK_EQ(picot_gen_state(&my->g.generator), PICOT_GEN_SUSPENDED);
    picot_await(my->r, picot_next(my->g, my->x)); /* a value was not lost */
    CHECK_EQ(my->x, my->n);
    picot_end;
}

static void fairness(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(endless, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "()");
}

/* ---- sending and throwing ------------------------------------------------------------------------ */

struct order {
    int add;
    char letter;
};
picot_gen_fn(int, adder, (int unused;), (int sum; struct order order;))
{
    picot_begin;
    for (;;) {
        picot_yield_into(my->order, my->sum);
        if (picot_error() == -ENOENT) picot_yield_value(1000);
        if (picot_error() == -EDOM) picot_return(77);
        if (picot_error() < 0) picot_fail(picot_error());
        my->sum += my->order.add;
        if (my->order.letter) say(my->order.letter);
    }
    picot_end;
}

picot_async_fn(int, sender, (int unused;), (picot_generator_of(int) g; struct order order; int small, v, r;))
{
    picot_begin;
    picot_generate(my->g, picot_call(adder, 0));
    my->order = (struct order){5, 'a'};
    picot_await(my->r, picot_gen_send(my->g, my->v, my->order));
    CHECK_EQ(my->r, -EINVAL); /* it has not begun */
    picot_await(my->r, picot_next(my->g, my->v));
    picot_await(my->r, picot_gen_send(my->g, my->v, my->order));
    CHECK_EQ(my->r, 1);
    CHECK_EQ(my->v, 5);
    picot_await(my->r, picot_gen_send(my->g, my->v, my->small));
    CHECK_EQ(my->r, -EINVAL); /* of another size */
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->v, 5); /* nothing sent: zeroes */
    my->order = (struct order){-2, 'b'};
    picot_await(my->r, picot_gen_send(my->g, my->v, my->order));
    CHECK_EQ(my->v, 3);
    /* Thrown, and caught: it goes on. */
    picot_await(my->r, picot_gen_throw(my->g, my->v, 5));
    CHECK_EQ(my->r, -EINVAL);
    picot_await(my->r, picot_gen_throw(my->g, my->v, -ENOENT));
    CHECK_EQ(my->r, 1);
    CHECK_EQ(my->v, 1000);
    picot_await(my->r, picot_gen_send(my->g, my->v, my->order));
    CHECK_EQ(my->r, -EINVAL); /* this yield takes nothing */
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->v, 3);
    /* Ends it with success; the next one with the error; then each further use finds nothing more. */
    picot_await(my->r, picot_gen_throw(my->g, my->v, -EDOM));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_gen_result(&my->g.generator), 77);
    picot_generate(my->g, picot_call(adder, 0));
    picot_await(my->r, picot_next(my->g, my->v));
    picot_await(my->r, picot_gen_throw(my->g, my->v, -ERANGE));
    CHECK_EQ(my->r, -ERANGE);
    CHECK_EQ(picot_gen_result(&my->g.generator), -ERANGE);
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 0);
    picot_await(my->r, picot_gen_send(my->g, my->v, my->order));
    CHECK_EQ(my->r, 0);
    picot_await(my->r, picot_gen_throw(my->g, my->v, -ERANGE));
    CHECK_EQ(my->r, -ERANGE);
    /* One that has not begun. */
    picot_generate(my->g, count(0, 3));
    picot_await(my->r, picot_gen_throw(my->g, my->v, -EBADF));
    CHECK_EQ(my->r, -EBADF);
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 0);
    /* One that does not look. */
    picot_generate(my->g, count(0, 3));
    picot_await(my->r, picot_next(my->g, my->v));
    picot_await(my->r, picot_gen_throw(my->g, my->v, -EBADF));
    CHECK_EQ(my->r, -EBADF);
    picot_end;
}

static void sent_and_thrown(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(sender, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "ab()");
}

/* ---- closing ------------------------------------------------------------------------------------- */

enum { WAITS = 1, YIELDS = 2, FAILS = 4, AFTER = 8, TRIES = 16, LOOPS = 32 };
picot_gen_fn(int, holder, (int how;), (char *block; int r;))
{
    picot_begin;
    say('(');
    picot_defer say(')');
    picot_defer
    {
        CHECK_EQ(picot_status(), PICOT_ECLOSED);
        say('d');
        if (my->how & WAITS) picot_await(nap(2, .begun = 'w', .done = 'W'));
        if (my->how & YIELDS) {
            picot_yield_value(5);
            say('!');
        }
        if (my->how & FAILS) picot_fail(-EDOM);
        if (my->how & TRIES) picot_try_await(give(-ERANGE));
        picot_await(my->r, give(-EPERM)); /* an error that nobody minds */
    }
    picot_yield_value(1);
    say('?');
    for (;;)
        picot_yield_value(2);
    picot_end;
}

picot_async_fn(int, closer, (int how; int wanted;), (picot_generator_of(int) g; int v, r;))
{
    picot_begin;
    picot_gen_open(my->g, picot_call(holder, my->how));
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 1);
    picot_await(my->r, picot_gen_close(my->g));
    CHECK_EQ(my->r, my->wanted);
    CHECK_EQ(picot_gen_state(&my->g.generator), PICOT_GEN_CLOSED);
    CHECK_EQ(picot_gen_result(&my->g.generator), my->wanted ? my->wanted : PICOT_ECLOSED);
    picot_await(my->r, picot_gen_close(my->g));
    CHECK_EQ(my->r, 0);
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->v, 1);
    picot_end;
}

static void check_closing(int how, int wanted, const char *wanted_trace)
{
    int rc;
    trace[0] = 0;
    RUN_ALONE(rc, picot_call(closer, how, wanted));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, wanted_trace);
}

static void closing(void)
{
    check_closing(0, 0, "(d)");
    check_closing(WAITS, 0, "(dwW)");
    check_closing(WAITS | YIELDS, 0, "(dwW)");
    check_closing(FAILS, -EDOM, "(d)");
    check_closing(WAITS | TRIES, -ERANGE, "(dwW)");
}

/* One that has not begun: nothing of it runs. One that was never opened, or has ended, is closed. */
picot_async_fn(int, close_fresh, (int unused;), (picot_generator_of(int) g, copy; int v, r;))
{
    picot_begin;
    picot_await(my->r, picot_gen_close(my->g));
    CHECK_EQ(my->r, 0);
    picot_gen_open(my->g, picot_call(holder, FAILS));
    my->copy.generator = my->g.generator;
    picot_await(my->r, picot_next(my->copy, my->v));
    CHECK_EQ(my->r, -EINVAL); /* they cannot be copied */
    picot_await(my->r, picot_gen_close(my->g));
    CHECK_EQ(my->r, 0);
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_gen_result(&my->g.generator), PICOT_ECLOSED);
    picot_end;
}

static void closing_a_fresh_one(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(close_fresh, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "");
}

/* The end of the function closes it: by success, error, cancellation; the error of its cleanup is told. */
picot_async_fn(int, leaves_open, (int how; int code; int64_t ns;), (picot_generator_of(int) g; int v, r;))
{
    picot_begin;
    picot_generate(my->g, picot_call(holder, my->how));
    picot_try_await(my->r, picot_next(my->g, my->v));
    picot_defer say('e');
    if (my->ns) picot_try_await(picot_sleep(.ns = my->ns));
    picot_return(my->code);
    picot_end;
}

picot_async_fn(int, cuts, (int unused;), (int r;))
{
    picot_begin;
    picot_wait_for(my->r, PICOT_MS, picot_call(leaves_open, WAITS, 0, PICOT_SECOND));
    CHECK_EQ(my->r, -ETIMEDOUT);
    picot_end;
}

static void left_at_function_end(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(leaves_open, WAITS));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "(edwW)");
    RUN_ALONE(rc, picot_call(leaves_open, FAILS));
    CHECK_EQ(rc, -EDOM);
    RUN_ALONE(rc, picot_call(leaves_open, FAILS, -ERANGE));
    CHECK_EQ(rc, -ERANGE);
    trace[0] = 0;
    RUN_ALONE(rc, picot_call(cuts, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "(edwW)");
}

/* Left open with nobody to close it: its memory goes with the loop. Some chunks of it are large. */
picot_gen_fn(int, spread, (int n;), (char bulk[4000]; int i;))
{
    picot_begin;
    for (my->i = 0; my->i < my->n; my->i++) {
        picot_try_await(picot_call(nap, 0));
        picot_yield_value(my->i);
    }
    picot_end;
}
static picot_generator lost[3];
picot_async_fn(int, loses, (int unused;), (int v, r, i;))
{
    picot_begin;
    for (my->i = 0; my->i < 3; my->i++) {
        picot_gen_open(lost[my->i], picot_call(spread, 9));
        for (; my->v < my->i;)
            picot_try_await(my->r, picot_next(lost[my->i], my->v));
    }
    picot_end;
}

/* A forced destroy ends the tasks, and they close theirs. */
picot_async_fn(int, waits_inside, (int ms;), (picot_generator_of(int) g; int v;))
{
    picot_begin;
    picot_generate(my->g, count(0, 9, my->ms));
    picot_for_await(my->v, my->g) picot_await(nap(1000, .cancelled = 'y'));
    picot_return(picot_error());
    picot_end;
}

static void at_the_loops_end(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(loses, 0));
    CHECK_EQ(rc, 0);
    for (int ms = 0; ms <= 1000; ms += 1000) {
        trace[0] = 0;
        picot_loop *loop = tap_loop();
        CHECK_EQ(picot_start(loop, picot_call(waits_inside, ms)), 0);
        for (int i = 0; i < 5; i++)
            CHECK(picot_loop_run(loop, PICOT_RUN_NOWAIT) >= 0);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        CHECK_STR(trace, ms ? "(x)" : "(y)");
    }
}

/* ---- delegation ---------------------------------------------------------------------------------- */

picot_gen_fn(int, leaf_gen, (int n;), (struct order order; int i;))
{
    picot_begin;
    say('[');
    picot_defer say(']');
    for (my->i = 0; my->i < my->n; my->i++) {
        if (my->i == 1) picot_yield();
        picot_yield_into(my->order, my->i);
        if (picot_error() == -ENOENT) my->order.add = 100;
        if (picot_error() == -EDOM) picot_fail(-EDOM);
        my->i += my->order.add;
    }
    picot_return(40 + my->n);
    picot_end;
}

static picot_generator *inner_seen;
picot_gen_fn(int, outer_gen, (int depth; int n;), (picot_generator_of(int) inner; int r;))
{
    picot_begin;
    say('<');
    picot_defer say('>');
    if (my->depth > 0) {
        picot_generate(my->inner, picot_call(outer_gen, my->depth - 1, my->n));
    } else {
        picot_generate(my->inner, picot_call(leaf_gen, my->n));
    }
    inner_seen = &my->inner.generator;
    CHECK(picot_gen_delegate(picot_this_generator()) == NULL);
    picot_yield_from(my->inner);
    CHECK(picot_gen_delegate(picot_this_generator()) == NULL);
    if (picot_error() < 0) say('E');
    my->r = picot_error();
    if (my->r == 0) CHECK_EQ(picot_gen_result(&my->inner.generator), my->depth ? 1 : 40 + my->n);
    picot_yield_value(900 + my->depth);
    picot_yield_from(my->inner); /* nothing left */
    CHECK_EQ(picot_error(), 0);
    picot_return(1);
    picot_end;
}
#define outer_gen(...) picot_call(outer_gen, __VA_ARGS__)

picot_async_fn(int, delegates, (int unused;), (picot_generator_of(int) g; struct order order; int v, r, sum;))
{
    picot_begin;
    picot_generate(my->g, outer_gen(1, 3));
    CHECK(picot_gen_delegate(&my->g.generator) == NULL);
    picot_for_await(my->v, my->g)
    {
        if (my->v < 3) {
            picot_generator *first = picot_gen_delegate(&my->g.generator);
            CHECK(first && picot_gen_delegate(first) == inner_seen);
            CHECK_EQ(picot_gen_state(first), PICOT_GEN_SUSPENDED);
            CHECK_EQ(picot_gen_state(inner_seen), PICOT_GEN_SUSPENDED);
        }
        my->sum = my->sum * 10 + my->v;
    }
    CHECK_EQ(my->sum, 12 * 100 + 9000 + 901 - 0);
    CHECK_STR(trace, "<<[]>>");
    /* Sent and thrown: to the innermost. */
    trace[0] = 0;
    picot_generate(my->g, outer_gen(2, 200));
    picot_await(my->r, picot_next(my->g, my->v));
    my->order.add = 10;
    picot_await(my->r, picot_gen_send(my->g, my->v, my->order));
    CHECK_EQ(my->v, 11);
    picot_await(my->r, picot_gen_throw(my->g, my->v, -ENOENT)); /* caught inside */
    CHECK_EQ(my->v, 112);
    CHECK_STR(trace, "<<<[");
    picot_await(my->r, picot_gen_throw(my->g, my->v, -EDOM)); /* not caught by the innermost, but by the next */
    CHECK_EQ(my->r, 1);
    CHECK_EQ(my->v, 900);
    CHECK_STR(trace, "<<<[]E");
    picot_await(my->r, picot_gen_close(my->g));
    CHECK_EQ(my->r, 0);
    CHECK_STR(trace, "<<<[]E>>>");
    /* Closed: the innermost first. */
    trace[0] = 0;
    picot_generate(my->g, outer_gen(2, 200));
    picot_await(my->r, picot_next(my->g, my->v));
    picot_await(my->r, picot_gen_close(my->g));
    CHECK_EQ(my->r, 0);
    CHECK_STR(trace, "<<<[]>>>");
    /* Somebody ends the innermost behind their backs. */
    trace[0] = 0;
    picot_generate(my->g, outer_gen(0, 200));
    picot_await(my->r, picot_next(my->g, my->v));
    picot_generator *inner = picot_gen_delegate(&my->g.generator);
    picot_await(my->r, picot_gen_close(*inner));
    CHECK_EQ(my->r, 0);
    CHECK(picot_gen_delegate(&my->g.generator) == NULL);
    picot_end;
}

static void delegation(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(delegates, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "<[]>");
}

picot_gen_fn(int, of_others, (picot_generator * source;), (int r;))
{
    picot_begin;
    picot_yield_from(*my->source);
    CHECK_EQ(picot_error(), my->source == picot_this_generator() ? -EBUSY : 0);
    picot_yield_value(55);
    picot_end;
}

/* Both are used: each in turn gives the next value. And one delegates to itself. */
picot_async_fn(int, shares, (int unused;), (picot_generator_of(int) g, h; int v, r;))
{
    picot_begin;
    picot_generate(my->g, count(0, 4, 1));
    picot_generate(my->h, picot_call(of_others, &my->g.generator));
    picot_await(my->r, picot_next(my->h, my->v));
    CHECK_EQ(my->v, 0);
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->v, 1);
    picot_await(my->r, picot_next(my->h, my->v));
    CHECK_EQ(my->v, 2);
    picot_for_await(my->v, my->g) say('g');
    picot_await(my->r, picot_next(my->h, my->v));
    CHECK_EQ(my->v, 55);
    picot_await(my->r, picot_gen_close(my->h));
    picot_generate(my->h, picot_call(of_others, &my->h.generator));
    picot_await(my->r, picot_next(my->h, my->v));
    CHECK_EQ(my->v, 55);
    picot_end;
}

/* The function that holds the inner one ends, and its frame is gone; two others gave its values. What is thrown then is
 * theirs. */
picot_async_fn(int, lends, (picot_generator * a; picot_generator * b;),
               (picot_generator_of(int) g; int v, r; char bulk[64];))
{
    picot_begin;
    picot_generate(my->g, count(0, 9));
    picot_gen_open(*my->a, picot_call(of_others, &my->g.generator));
    picot_gen_open(*my->b, picot_call(of_others, &my->g.generator));
    picot_await(my->r, picot_next(*my->a, my->v));
    picot_await(my->r, picot_next(*my->b, my->v));
    picot_await(my->r, picot_next(*my->a, my->v));
    CHECK_EQ(my->v, 2);
    memset(my->bulk, 0xA5, sizeof my->bulk);
    picot_end;
}
picot_gen_fn(int, of_thrown, (picot_generator * source;), (int r;))
{
    picot_begin;
    picot_yield_from(*my->source);
    picot_yield_value(picot_error());
    picot_end;
}
picot_async_fn(int, borrows, (int unused;), (picot_generator_of(int) a, b, c, d; int v, r, i;))
{
    picot_begin;
    picot_await(my->r, picot_call(lends, &my->a.generator, &my->b.generator));
    CHECK(picot_gen_delegate(&my->a.generator) == NULL);
    picot_await(my->r, picot_next(my->a, my->v));
    CHECK_EQ(my->v, 55);
    picot_await(my->r, picot_gen_close(my->b));
    CHECK_EQ(my->r, 0);
    picot_await(my->r, picot_gen_close(my->a));
    picot_generate(my->c, count(0, 9));
    picot_generate(my->d, picot_call(of_thrown, &my->c.generator));
    picot_await(my->r, picot_next(my->d, my->v));
    picot_await(my->r, picot_gen_close(my->c));
    picot_await(my->r, picot_gen_throw(my->d, my->v, -EDOM));
    CHECK_EQ(my->v, -EDOM);
    picot_await(my->r, picot_gen_close(my->d));
    /* Closed while somebody else drives the inner one. */
    picot_generate(my->c, count(0, 9, 5));
    picot_generate(my->d, picot_call(of_thrown, &my->c.generator));
    picot_await(my->r, picot_next(my->d, my->v));
    picot_end;
}

/* A chain of many, and nested loops of many: the C stack does not grow with them. */
picot_gen_fn(long, chain, (int depth;), (picot_generator_of(long) inner;))
{
    picot_begin;
    if (my->depth > 0) {
        picot_generate(my->inner, picot_call(chain, my->depth - 1));
        picot_yield_from(my->inner);
    }
    picot_yield_value(my->depth);
    picot_end;
}
picot_gen_fn(long, nested, (int depth;), (picot_generator_of(long) inner; long v;))
{
    picot_begin;
    if (my->depth > 0) {
        picot_generate(my->inner, picot_call(nested, my->depth - 1));
        picot_for_await(my->v, my->inner) picot_yield_value(my->v + 1);
    }
    picot_yield_value(0);
    picot_end;
}
picot_async_fn(int, deep, (int depth;), (picot_generator_of(long) g; long v, sum; int n;))
{
    picot_begin;
    picot_generate(my->g, picot_call(chain, my->depth));
    picot_for_await(my->v, my->g)
    {
        CHECK_EQ(my->v, my->n);
        if (++my->n == 100) break;
    }
    CHECK_EQ(my->n, 100);
    picot_await(picot_gen_close(my->g));
    CHECK_EQ(picot_error(), 0);
    picot_generate(my->g, picot_call(nested, my->depth));
    picot_for_await(my->v, my->g)
    {
        CHECK_EQ(my->v, my->depth - my->n + 100);
        if (++my->n == 102) break;
    }
    CHECK_EQ(my->n, 102);
    picot_end;
}

static void shared_and_deep(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(shares, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "(g)");
    RUN_ALONE(rc, picot_call(borrows, 0));
    CHECK_EQ(rc, 0);
    RUN_ALONE(rc, picot_call(deep, 60000));
    CHECK_EQ(rc, 0);
}

/* ---- scopes across a yield ------------------------------------------------------------------------ */

enum { IN_TIMEOUT, IN_SHIELD, IN_GROUP, IN_DEFER, FROM_TIMEOUT, AFTER_TIMEOUT };
picot_gen_fn(int, open_scope, (int what;), (picot_scope scope; picot_group group; picot_generator_of(int) inner;))
{
    picot_begin;
    picot_defer say('d');
    picot_yield_value(1);
    if (my->what == IN_TIMEOUT)
        picot_timeout(my->scope, PICOT_SECOND) {
            picot_yield_value(2);
            say('!');
        }
    if (my->what == IN_SHIELD)
        picot_shielded(my->scope)
            picot_yield_value(2);
    if (my->what == IN_GROUP) {
        picot_task_group(my->group);
        picot_spawn(&my->group, nap(1000, .cancelled = 'x'));
        picot_yield();
        picot_yield_value(2);
        say('!');
    }
    if (my->what == IN_DEFER) {
        picot_defer
        {
            picot_yield_value(2);
            say('!');
        }
        picot_return(3);
    }
    if (my->what == FROM_TIMEOUT) {
        picot_generate(my->inner, count(0, 3));
        picot_timeout(my->scope, PICOT_SECOND)
            picot_yield_from(my->inner);
        say('!');
    }
    if (my->what == AFTER_TIMEOUT) {
        picot_timeout(my->scope, PICOT_SECOND)
            picot_await(nap(1));
        picot_timeout(my->scope, PICOT_SECOND)
            picot_await(nap(1));
        picot_yield_value(2);
    }
    picot_end;
}

picot_async_fn(int, scoped, (int what;), (picot_generator_of(int) g; int v, r; picot_scope a, b;))
{
    picot_begin;
    picot_generate(my->g, picot_call(open_scope, my->what));
    picot_timeout(my->a, PICOT_SECOND)
        picot_timeout(my->b, PICOT_SECOND)
            picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 1);
    picot_timeout(my->a, PICOT_SECOND)
        picot_await(my->r, picot_next(my->g, my->v));
    if (my->what == AFTER_TIMEOUT) {
        CHECK_EQ(my->r, 1);
        CHECK_EQ(my->v, 2);
        picot_return(0);
    }
    CHECK_EQ(my->r, PICOT_ESCOPE);
    CHECK_EQ(my->v, 1);
    CHECK_EQ(picot_gen_state(&my->g.generator), PICOT_GEN_CLOSED);
    /* The consumer's own scopes are as they were. */
    CHECK_EQ(picot_task_deadline(picot_self), PICOT_NEVER);
    picot_wait_for(my->r, PICOT_MS, nap(1000));
    CHECK_EQ(my->r, -ETIMEDOUT);
    picot_end;
}

static void scopes(void)
{
    static const char *const wanted[] = {"d", "d", "xd", "d", "d", "d"};
    for (int what = IN_TIMEOUT; what <= AFTER_TIMEOUT; what++) {
        int rc;
        trace[0] = 0;
        RUN_ALONE(rc, picot_call(scoped, what));
        CHECK_EQ(rc, 0);
        CHECK_STR(trace, wanted[what]);
    }
}

/* ---- who drives it ------------------------------------------------------------------------------- */

picot_async_fn(int, takes, (picot_generator * source; int times;), (int v, r, i;))
{
    picot_begin;
    for (my->i = 0; my->i < my->times; my->i++) {
        picot_try_await(my->r, picot_next(*my->source, my->v));
        if (my->r == 1) say((char)('0' + my->v));
    }
    picot_return(my->r);
    picot_end;
}

picot_async_fn(int, several, (int unused;), (picot_generator_of(int) g; picot_group group; int v, r, a, b;))
{
    picot_begin;
    picot_generate(my->g, count(0, 9, 1));
    picot_task_group(my->group, .keep_going = 1);
    /* In turn. */
    picot_spawn(&my->group, my->a, picot_call(takes, &my->g.generator, 2));
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(my->a, 1);
    picot_await(my->r, picot_call(takes, &my->g.generator, 1));
    picot_spawn(&my->group, my->a, picot_next(my->g, my->v)); /* as a task of its own */
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(my->a * 10 + my->v, 13);
    CHECK_STR(trace, "(012");
    /* At once: the second is refused. */
    picot_spawn(&my->group, my->a, picot_call(takes, &my->g.generator, 1));
    picot_spawn(&my->group, my->b, picot_call(takes, &my->g.generator, 1));
    picot_yield();
    CHECK_EQ(picot_gen_state(&my->g.generator), PICOT_GEN_RUNNING);
    picot_await(my->r, picot_gen_close(my->g));
    CHECK_EQ(my->r, -EBUSY);
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(my->a, 1);
    CHECK_EQ(my->b, -EBUSY);
    CHECK_STR(trace, "(0124");
    picot_end;
}

/* From inside itself. */
picot_gen_fn(int, reentrant, (picot_generator * me;), (int v, r;))
{
    picot_begin;
    picot_await(my->r, picot_next(*my->me, my->v));
    CHECK_EQ(my->r, -EBUSY);
    picot_await(my->r, picot_gen_close(*my->me));
    CHECK_EQ(my->r, -EBUSY);
    picot_await(my->r, picot_gen_throw(*my->me, my->v, -EDOM));
    CHECK_EQ(my->r, -EBUSY);
    picot_yield_value(4);
    picot_end;
}
picot_async_fn(int, reenters, (int unused;), (picot_generator_of(int) g; int v, r;))
{
    picot_begin;
    picot_generate(my->g, picot_call(reentrant, &my->g.generator));
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r * 10 + my->v, 14);
    picot_end;
}

/* The function that holds it ends while a task of somebody else drives it: it is given up, and ends on its own. */
static picot_generator *abandoned;
picot_async_fn(int, holds_and_goes, (int unused;), (picot_generator_of(int) g; int v;))
{
    picot_begin;
    picot_generate(my->g, count(0, 9, 3));
    abandoned = &my->g.generator;
    picot_yield();
    picot_yield();
    CHECK_EQ(picot_gen_state(&my->g.generator), PICOT_GEN_RUNNING);
    picot_end;
}
picot_async_fn(int, abandons, (int unused;), (picot_group group; int a, b;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_spawn(&my->group, my->a, picot_call(holds_and_goes, 0));
    picot_yield();
    picot_spawn(&my->group, my->b, picot_call(takes, abandoned, 1));
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(my->a, -EBUSY);
    CHECK_EQ(my->b, PICOT_ECLOSED);
    picot_end;
}

static void drivers(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(several, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "(0124)");
    RUN_ALONE(rc, picot_call(reenters, 0));
    CHECK_EQ(rc, 0);
    trace[0] = 0;
    RUN_ALONE(rc, picot_call(abandons, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "()");
}

/* ---- cancellation, deadlines ---------------------------------------------------------------------- */

picot_gen_fn(int, stubborn, (int unused;), (int r;))
{
    picot_begin;
    picot_await(my->r, nap(1000, .cancelled = 'x'));
    picot_yield_value(my->r);
    picot_await(my->r, nap(1000, .cancelled = 'y'));
    picot_yield_value(my->r);
    picot_end;
}

picot_async_fn(int, cancels, (int unused;), (picot_generator_of(int) g, h; int v, r; picot_scope scope;))
{
    picot_begin;
    /* The consumer's deadline ends what the body waits for, and the body goes on as it likes. */
    picot_generate(my->g, picot_call(stubborn, 0));
    picot_wait_for(my->r, PICOT_MS, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 1);
    CHECK_EQ(my->v, -ECANCELED);
    CHECK_EQ(picot_gen_state(&my->g.generator), PICOT_GEN_SUSPENDED);
    picot_timeout(my->scope, PICOT_MS)
        picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 1);
    CHECK_EQ(my->v, -ECANCELED);
    CHECK_STR(trace, "xy");
    /* One that ends with it. */
    picot_generate(my->h, count(0, 9, 1000));
    picot_wait_for(my->r, PICOT_MS, picot_next(my->h, my->v));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_EQ(picot_gen_result(&my->h.generator), -ECANCELED);
    picot_await(my->r, picot_next(my->h, my->v));
    CHECK_EQ(my->r, 0);
    /* A task that is cancelled is refused, and nothing of the generator runs. */
    picot_generate(my->h, count(0, 9));
    picot_cancel_scope(my->scope) {
        (void)picot_scope_cancel(&my->scope, NULL);
        picot_await(my->r, picot_next(my->h, my->v));
        CHECK_EQ(my->r, -ECANCELED);
        CHECK_EQ(picot_gen_state(&my->h.generator), PICOT_GEN_CREATED);
        picot_await(my->r, picot_gen_close(my->g)); /* but it may close */
        CHECK_EQ(my->r, 0);
    }
    picot_await(my->r, picot_next(my->h, my->v));
    CHECK_EQ(my->r * 10 + my->v, 10);
    picot_end;
}

static void cancellation(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(cancels, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "xy(x)()");
}

/* ---- backtraces ----------------------------------------------------------------------------------- */

static char dump[1024];
static void append(void *user, const char *text, size_t len)
{
    (void)user;
    strncat(dump, text, len);
}

picot_gen_fn(int, traced_inner, (int unused;), (int r;))
{
    picot_begin;
    picot_yield_value(1);
    picot_await(nap(2));
    picot_yield_value(2);
    picot_end;
}
picot_gen_fn(int, traced, (int unused;), (picot_generator_of(int) inner;))
{
    picot_begin;
    picot_generate(my->inner, picot_call(traced_inner, 0));
    picot_yield_from(my->inner);
    picot_end;
}
picot_async_fn(int, consumes, (int unused;), (picot_generator_of(int) g; int v, r;))
{
    picot_begin;
    picot_generate(my->g, picot_call(traced, 0));
    picot_await(picot_next(my->g, my->v));
    picot_await(picot_next(my->g, my->v));
    picot_end;
}

static void backtraces(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_start(loop, picot_call(consumes, 0)), 0);
    (void)picot_loop_run(loop, PICOT_RUN_NOWAIT);
    (void)picot_loop_dump(loop, PICOT_DUMP_TEXT, append, NULL);
    const char *order[] = {"task 1 consumes\n",    "  picot_sleep\n", "  nap at ",      "  traced_inner at ",
                           "  picot_yield_from\n", "  traced at ",    "  picot_next\n", "  consumes at "};
    const char *at = dump;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const char *found = strstr(at, order[i]);
        if (!found) tap_note("no %s in\n%s", order[i], dump);
        CHECK(found != NULL);
        at = found + strlen(order[i]);
    }
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE) >= 0, 1);
    tap_loop_end(loop);
}

/* ---- from plain code ------------------------------------------------------------------------------- */

static void plain_code(void)
{
    picot_loop *loop = tap_loop();
    picot_generator_of(int) g = {{0}};
    int v = 0;
    CHECK_EQ(picot_gen_next_now(loop, g, v), -EINVAL);
    CHECK_EQ(picot_gen_open_on(loop, g, count(5, 8, .result = 3)), 0);
    CHECK_EQ(picot_gen_open_on(loop, g, count(5, 8)), -EBUSY);
    for (int i = 5; i < 8; i++) {
        CHECK_EQ(picot_gen_next_now(loop, g, v), 1);
        CHECK_EQ(v, i);
    }
    CHECK_EQ(picot_gen_next_now(loop, g, v), 0);
    CHECK_EQ(picot_gen_result(&g.generator), 3);
    CHECK_EQ(picot_gen_next_now(loop, g, v), 0);
    CHECK_STR(trace, "()");
    /* More values than a step's budget. */
    CHECK_EQ(picot_gen_open_on(loop, g, count(0, 10000)), 0);
    for (int i = 0; i < 10000; i++)
        CHECK_EQ(picot_gen_next_now(loop, g, v), 1);
    CHECK_EQ(picot_gen_close_now(loop, &g.generator), 0);
    CHECK_EQ(picot_gen_close_now(loop, &g.generator), 0);
    CHECK_EQ(picot_gen_close_now(loop, NULL), -EINVAL);
    /* One that would have to wait: its cleanup goes on in the loop. */
    trace[0] = 0;
    CHECK_EQ(picot_gen_open_on(loop, g, count(0, 3, 1000)), 0);
    CHECK_EQ(picot_gen_next_now(loop, g, v), -EDEADLK);
    CHECK_EQ(picot_gen_state(&g.generator), PICOT_GEN_CLOSED);
    CHECK_EQ(picot_gen_result(&g.generator), -EDEADLK);
    CHECK_EQ(picot_gen_next_now(loop, g, v), 0);
    CHECK_STR(trace, "(");
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE) >= 0, 1);
    CHECK_STR(trace, "(x)");
    trace[0] = 0;
    CHECK_EQ(picot_gen_open_on(loop, g, picot_call(holder, WAITS)), 0);
    CHECK_EQ(picot_gen_next_now(loop, g, v), 1);
    CHECK_EQ(picot_gen_close_now(loop, &g.generator), -EDEADLK);
    CHECK_STR(trace, "(dw");
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE) >= 0, 1);
    CHECK_STR(trace, "(dwW)");
    CHECK_EQ(picot_gen_open_on(loop, g, count(0, 3)), 0); /* never begun, left open */
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"four states, seen from outside and inside", four_states, 0},
    {"ends: values, errors, once", the_end, 0},
    {"for_await: break, continue, nested", loops_of_values, 0},
    {"for_await: the generator's error; sizes of values", errors_and_sizes, 0},
    {"endless values are fair and can be cancelled", fairness, TAP_BACKENDS},
    {"send and throw", sent_and_thrown, 0},
    {"close: through the defers, which may wait but not yield", closing, 0},
    {"close: one that has not begun", closing_a_fresh_one, 0},
    {"left open at the function's end", left_at_function_end, 0},
    {"left open at the loop's end", at_the_loops_end, 0},
    {"delegation: next, send, throw, close", delegation, 0},
    {"delegation: shared with others, very deep", shared_and_deep, TAP_SLOW},
    {"a scope, group or defer across a yield is refused", scopes, 0},
    {"several tasks, reentrance, given up", drivers, 0},
    {"cancellation and deadlines of the consumer", cancellation, TAP_BACKENDS},
    {"backtraces", backtraces, 0},
    {"from plain code", plain_code, 0},
};
TAP_MAIN(cases)
