/* SPDX-License-Identifier: MIT
 *
 * test_coro_memory.c - out of memory at every allocation in turn: a program of calls, tasks, groups, defers and
 * deadlines ends with a code, runs every defer that it registered, and leaks nothing. Once with a single failure, once
 * with no memory from then on. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"
#include "dry_memory.h"

/* ---- the program ----------------------------------------------------------------------------- */

static int held, ended, begun;

/* A frame too large for the slabs, so that each call is an allocation; and enough defers to fill a chunk. */
picot_async_fn(int, holds, (int depth;), (char bulk[1100]; int r;))
{
    picot_begin;
    held++;
    picot_defer held--;
    held++;
    picot_defer
    {
        picot_await(my->r, nap(1));
        CHECK(my->r == 0 || my->r == -ENOMEM);
        held--;
    }
    held++;
    picot_defer
    {
        picot_wait_for(my->r, PICOT_SECOND, nap(0));
        CHECK(my->r == 0 || my->r == -ENOMEM);
        held--;
    }
    memset(my->bulk, my->depth, sizeof my->bulk);
    picot_try_await(nap(0));
    if (my->depth > 0) picot_try_await(picot_call(holds, my->depth - 1));
    for (size_t i = 0; i < sizeof my->bulk; i++)
        CHECK_EQ(my->bulk[i], my->depth);
    picot_end;
}
#define holds(...) picot_call(holds, __VA_ARGS__)

picot_async_fn(int, member, (int depth;), (picot_group group, calm; char bulk[3000]; int i, r, results[3];))
{
    picot_begin;
    begun++;
    picot_defer ended++;
    picot_task_group(my->group);
    picot_task_group(my->calm, .keep_going = 1);
    for (my->i = 0; my->i < 3; my->i++) {
        my->results[my->i] = 1;
        picot_try_spawn(&my->group, my->results[my->i], holds(my->i));
    }
    picot_spawn(&my->calm, holds(1));
    CHECK(picot_error() == 0 || picot_error() == -ENOMEM || picot_error() == -ECANCELED);
    if (my->depth > 0) {
        picot_try_spawn(&my->group, picot_call(member, my->depth - 1));
        picot_try_wait_for(my->r, PICOT_SECOND, picot_call(member, my->depth - 1));
    }
    picot_wait_for(my->r, PICOT_MS, nap(1000));
    CHECK(my->r == -ETIMEDOUT || my->r == -ENOMEM || my->r == -ECANCELED);
    if (my->r != -ETIMEDOUT) picot_fail(my->r);
    picot_try_await(picot_join(.group = &my->group));
    picot_end;
}

/* Allocations of a run without a failure; with one at `fail_at` the outcome must be a code and everything in balance.
 */
static void run_with_failure(long fail_at, bool expect_success)
{
    picot_loop *loop = dry_loop();
    held = begun = ended = 0;
    countdown = fail_at;
    int rc = picot_run(loop, picot_call(member, 2));
    bool failed = countdown <= 0 && fail_at >= 0;
    if (rc != 0 && rc != -ENOMEM) tap_note("allocation %ld: %d", fail_at, rc);
    CHECK(rc == 0 || (failed && rc == -ENOMEM));
    if (expect_success) CHECK_EQ(rc, 0);
    CHECK_EQ(held, 0);
    CHECK_EQ(ended, begun);
    CHECK_EQ(picot_loop_task_count(loop), 0);
    countdown = -1;
    /* The loop is none the worse for it. */
    int value = 0;
    CHECK_EQ(picot_run_into(loop, &value, nap(0, .result = 4)), 0);
    CHECK_EQ(value, 4);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), 0);
    CHECK_EQ(bytes, 0);
}

static long allocations_of_a_run(void)
{
    picot_loop *loop = dry_loop();
    countdown = 1000000;
    CHECK_EQ(picot_run(loop, picot_call(member, 2)), 0);
    long used = 1000000 - countdown;
    countdown = -1;
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), 0);
    CHECK_EQ(bytes, 0);
    return used;
}

static void at_each(bool all_after)
{
    countdown = -1;
    run_with_failure(-1, true);
    long count = allocations_of_a_run();
    tap_note("%ld allocations", count);
    CHECK(count > 20);
    for_good = all_after;
    for (long i = 0; i < count; i++)
        run_with_failure(i, false);
    for_good = false;
}

static void one_failure(void)
{
    at_each(false);
}

static void no_more_memory(void)
{
    at_each(true);
}

/* ---- single calls ---------------------------------------------------------------------------- */

picot_async_fn(double, large, (int n;), (char bulk[100000];))
{
    picot_begin;
    my->bulk[0] = 1;
    picot_yield();
    picot_return(my->n);
    picot_end;
}
#define large(...) picot_call(large, __VA_ARGS__)

picot_async_fn(int, lacks, (char unused;), (picot_group group; double d; int r;))
{
    picot_begin;
    countdown = 0;
    my->d = 1;
    picot_await(my->d, large(5));
    CHECK_EQ(picot_error(), -ENOMEM);
    CHECK(my->d == 0);
    picot_await(large(5));
    CHECK_EQ(picot_error(), -ENOMEM);
    my->d = 1;
    picot_wait_for(my->d, PICOT_SECOND, large(5));
    CHECK_EQ(picot_error(), -ENOMEM);
    CHECK(my->d == 0);
    picot_task_group(my->group);
    my->d = 1;
    picot_spawn(&my->group, my->d, large(5));
    CHECK_EQ(picot_error(), -ENOMEM);
    CHECK(my->d == 1);
    CHECK_EQ(picot_group_size(&my->group), 0);
    countdown = -1;
    picot_await(my->d, large(5));
    CHECK(my->d == 5);
    picot_wait_for(my->d, PICOT_SECOND, large(6));
    CHECK(my->d == 6);
    picot_try_spawn(&my->group, my->d, large(7));
    picot_try_await(picot_join(.group = &my->group));
    CHECK(my->d == 7);
    countdown = 0;
    picot_try_await(large(5));
    say('!');
    picot_end;
}

static void refused_calls(void)
{
    countdown = -1;
    for_good = true;
    picot_loop *loop = dry_loop();
    CHECK_EQ(picot_run(loop, picot_call(lacks, 0)), -ENOMEM);
    CHECK_STR(trace, "");
    CHECK_EQ(picot_start(loop, large(3)), -ENOMEM);
    CHECK_EQ(picot_run(loop, large(3)), -ENOMEM);
    countdown = -1;
    CHECK_EQ(picot_run(loop, large(3)), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), 0);
    CHECK_EQ(bytes, 0);
}

/* A call so deep that memory ends: it comes back with the code, through a million frames' worth of defers. */
static long limit_bytes, cleanups;

static void *limited(void *user, void *block, size_t old_size, size_t new_size)
{
    if (new_size > old_size && bytes + (long)(new_size - old_size) > limit_bytes) return NULL;
    return resize(user, block, old_size, new_size);
}

picot_async_fn(int, bottomless, (long depth;), (int r;))
{
    picot_begin;
    cleanups++;
    picot_defer cleanups--;
    picot_try_await(picot_call(bottomless, my->depth + 1));
    picot_end;
}

static void bottomless_recursion(void)
{
    static const picot_allocator allocator = {limited, NULL};
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    picot_loop *loop = NULL;
    countdown = -1;
    limit_bytes = 40L << 20;
    options.allocator = &allocator;
    CHECK_EQ(picot_loop_create(&options, &loop), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(picot_run(loop, picot_call(bottomless, 0)), -ENOMEM);
        CHECK_EQ(cleanups, 0);
    }
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), 0);
    CHECK_EQ(bytes, 0);
}

/* ---- given back ------------------------------------------------------------------------------ */

/* Running the same program again and again needs no more memory than once. */
static void steady(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, picot_call(member, 2)), 0);
    size_t before = tap_allocated_bytes();
    for (int i = 0; i < 10; i++)
        CHECK_EQ(picot_run(loop, picot_call(member, 2)), 0);
    CHECK_EQ(tap_allocated_bytes(), before);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"a single failure at each allocation", one_failure, TAP_SLOW},
    {"no memory from each allocation on", no_more_memory, TAP_SLOW},
    {"calls, deadlines and tasks that are refused", refused_calls, 0},
    {"bottomless recursion", bottomless_recursion, 0},
    {"no growth", steady, 0},
};

TAP_MAIN(cases)
