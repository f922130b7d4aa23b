/* SPDX-License-Identifier: MIT
 *
 * test_generators_memory.c - out of memory at every allocation in turn: generators that await, delegate, are closed or
 * left to the end of their function end with a code, run each defer they have registered, and leak nothing. Once with a
 * single failure, once with no memory from then on. Built in the GNU and in the ISO form.
 */
#include "dry_memory.h"

/* ---- the program ----------------------------------------------------------------------------- */

static int held, registered, run;

/* A frame too large for the slabs, so that each call is an allocation. */
picot_async_fn(int, works, (int depth;), (char bulk[2100]; int r;))
{
    picot_begin;
    held++;
    picot_defer held--;
    my->bulk[my->depth] = 1;
    picot_try_await(nap(0));
    if (my->depth > 0) picot_try_await(picot_call(works, my->depth - 1));
    picot_end;
}
#define works(...) picot_call(works, __VA_ARGS__)

picot_gen_fn(int, items, (int n; int depth;), (picot_generator_of(int) inner; char bulk[2100]; int i, r;))
{
    picot_begin;
    held++;
    picot_defer held--;
    registered++;
    picot_defer
    {
        run++;
        picot_await(my->r, nap(1));
        CHECK(my->r == 0 || my->r == -ENOMEM);
    }
    memset(my->bulk, my->n, sizeof my->bulk);
    for (my->i = 0; my->i < my->n; my->i++) {
        if (my->i == 1) picot_try_await(works(2));
        picot_try_yield_value(my->i);
    }
    if (my->depth > 0) {
        picot_generate(my->inner, picot_call(items, my->n, my->depth - 1));
        picot_try_yield_from(my->inner);
    }
    for (size_t i = 0; i < sizeof my->bulk; i++)
        CHECK_EQ(my->bulk[i], my->n);
    picot_end;
}
#define items(...) picot_call(items, __VA_ARGS__)

picot_async_fn(int, consumer, (char unused;), (picot_generator_of(int) g, h; int v, w, r, n; char bulk[3000];))
{
    picot_begin;
    picot_generate(my->g, items(2, 2));
    picot_for_await(my->v, my->g) my->n++;
    if (picot_error() < 0) picot_fail(picot_error());
    CHECK_EQ(my->n, 6);
    picot_gen_open(my->h, items(2, 1));
    if (picot_error() < 0) picot_fail(picot_error());
    do
        picot_await(my->r, picot_next(my->h, my->w));
    while (my->r == 1 && my->w == 0);
    CHECK(my->r == 1 || my->r == -ENOMEM);
    picot_await(my->n, picot_gen_close(my->h));
    if (my->n == -ENOMEM) { /* not even the call itself had room */
        CHECK(for_good || picot_gen_state(&my->h.generator) == PICOT_GEN_SUSPENDED);
        picot_generator *h = &my->h.generator;
        (void)picot_gen_close_now(picot_this_loop(), h);
    }
    if (my->r < 0) picot_fail(my->r);
    picot_generate(my->g, items(5, 1));
    picot_for_await(my->v, my->g)
    {
        if (my->v == 3) break; /* the end of the function closes it */
    }
    if (picot_error() < 0) picot_fail(picot_error());
    picot_end;
}

/* With a failure at `fail_at` the outcome is a code, and everything is in balance. Returns how many were made. */
static long run_with_failure(long fail_at)
{
    picot_loop *loop = dry_loop();
    held = registered = run = 0;
    countdown = fail_at;
    int rc = picot_run(loop, picot_call(consumer, 0));
    long made = fail_at - countdown;
    if (rc != 0 && rc != -ENOMEM) tap_note("allocation %ld: %d", fail_at, rc);
    CHECK(rc == 0 || rc == -ENOMEM);
    CHECK(picot_loop_run(loop, PICOT_RUN_IDLE) >= 0);
    CHECK_EQ(held, 0);
    CHECK_EQ(registered, run);
    CHECK_EQ(picot_loop_task_count(loop), 0);
    countdown = -1;
    CHECK_EQ(picot_run(loop, picot_call(consumer, 0)), 0); /* none the worse for it */
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), 0);
    CHECK_EQ(bytes, 0);
    return made;
}

static void at_each(bool all_after)
{
    long count = run_with_failure(1000000);
    tap_note("%ld allocations", count);
    CHECK(count > 20);
    for_good = all_after;
    for (long i = 0; i < count; i++)
        (void)run_with_failure(i);
}

static void one_failure(void)
{
    at_each(false);
}

static void no_more_memory(void)
{
    at_each(true);
}

/* ---- opening ----------------------------------------------------------------------------------- */

/* Each use of one that could not be opened repeats the code. */
picot_async_fn(int, cannot_open, (char unused;), (picot_generator_of(int) g; int v, r;))
{
    picot_begin;
    countdown = 0;
    picot_gen_open(my->g, items(1));
    countdown = -1;
    CHECK_EQ(picot_error(), -ENOMEM);
    CHECK_EQ(picot_gen_state(&my->g.generator), PICOT_GEN_CLOSED);
    CHECK_EQ(picot_gen_result(&my->g.generator), -ENOMEM);
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, -ENOMEM);
    picot_for_await(my->v, my->g) CHECK(0);
    CHECK_EQ(picot_error(), -ENOMEM);
    picot_await(my->r, picot_gen_close(my->g));
    CHECK_EQ(my->r, 0);
    picot_gen_open(my->g, items(1));
    CHECK_EQ(picot_error(), 0);
    picot_await(my->r, picot_next(my->g, my->v));
    CHECK_EQ(my->r, 1);
    picot_await(my->r, picot_gen_close(my->g));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void opening(void)
{
    picot_loop *loop = dry_loop();
    for_good = true;
    CHECK_EQ(picot_run(loop, picot_call(cannot_open, 0)), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), 0);
    CHECK_EQ(bytes, 0);
}

/* ---- given back ---------------------------------------------------------------------------------- */

/* close gives all of it back at once; left open, the loop's end does. */
picot_async_fn(int, closes, (char unused;), (picot_generator_of(int) g; int v; long before;))
{
    picot_begin;
    my->before = bytes;
    picot_gen_open(my->g, items(9));
    picot_await(picot_next(my->g, my->v));
    picot_await(picot_next(my->g, my->v));
    CHECK(bytes > my->before + 2100);
    picot_await(picot_gen_close(my->g));
    CHECK_EQ(bytes, my->before);
    picot_end;
}

static void given_back(void)
{
    static picot_generator left[4];
    picot_loop *loop = dry_loop();
    int v;
    CHECK_EQ(picot_run(loop, picot_call(closes, 0)), 0);
    CHECK_EQ(picot_run(loop, picot_call(closes, 0)), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(picot_gen_open_on(loop, left[i], items(9)), 0);
        if (i & 1) CHECK_EQ(picot_gen_next_now(loop, left[i], v), 1);
    }
    CHECK_EQ(picot_gen_close_now(loop, &left[0]), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), 0);
    CHECK_EQ(bytes, 0);
}

static const struct tap_case cases[] = {
    {"a single failure at each allocation", one_failure, TAP_SLOW},
    {"no memory from each allocation on", no_more_memory, TAP_SLOW},
    {"opening without memory", opening, 0},
    {"memory is given back by close, and at the loop's end", given_back, 0},
};
TAP_MAIN(cases)
