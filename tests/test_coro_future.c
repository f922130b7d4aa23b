/* SPDX-License-Identifier: MIT
 *
 * test_coro_future.c - tasks with handles, futures of one's own, results awaited by many, callbacks, stale handles,
 * wait, completions, gather, the start handshake. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

/* ---- results of tasks ---------------------------------------------------------------------------- */

picot_async_fn(int, awaits, (picot_future of; char done;), (int r, value;))
{
    picot_begin;
    picot_await(my->r, picot_result(.of = my->of, PICOT_INTO(my->value)));
    if (my->r < 0) picot_fail(my->r);
    say(my->done);
    picot_return(my->value);
    picot_end;
}
#define awaits(...) picot_call(awaits, __VA_ARGS__)

picot_async_fn(int, many_await, (char unused;), (picot_group group; picot_future job; int r, a, b, value;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn_future(my->job, &my->group, nap(2, .done = 'j', .result = 42));
    CHECK(my->job > 0);
    CHECK_EQ(picot_future_done(picot_this_loop(), my->job), 0);
    CHECK_EQ(picot_future_result(picot_this_loop(), my->job, &my->value, sizeof my->value), PICOT_ENOTDONE);
    picot_gather(&my->group, (my->a, awaits(my->job, 'a')), (my->b, awaits(my->job, 'b')));
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(my->a + my->b, 84);
    CHECK_STR(trace, "jab");
    picot_await(my->r, picot_result(.of = my->job, PICOT_INTO(my->value)));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->value, 42);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->job), 0);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->job), -EBADF);
    CHECK_EQ(picot_future_done(picot_this_loop(), my->job), -EBADF);
    picot_await(my->r, picot_result(.of = my->job));
    CHECK_EQ(my->r, -EBADF);
    picot_end;
}

static void awaited_by_many(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(many_await, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, starts_up, (int code; int64_t value; int later;), (int r;))
{
    picot_begin;
    picot_await(my->r, nap(1));
    if (my->r < 0) say('x');
    if (my->r < 0 || my->code < 0) picot_fail(my->r < 0 ? my->r : my->code);
    if (my->value >= 0) CHECK_EQ(picot_started(my->value), 0);
    picot_await(my->r, nap(1));
    picot_fail(my->later);
    picot_end;
}

picot_async_fn(int, handshakes, (char unused;), (picot_group group; int64_t n; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn_started(my->n, &my->group, picot_call(starts_up, 0, 7));
    CHECK_EQ(my->n, 7);
    picot_spawn_started(my->n, &my->group, picot_call(starts_up, -EDOM, 7));
    CHECK_EQ(my->n, -EDOM);
    picot_spawn_started(my->n, &my->group, picot_call(starts_up, 0, -1));
    CHECK_EQ(my->n, PICOT_ENOTSTARTED);
    picot_wait_for(my->r, 0, picot_sleep(.ns = 1));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    picot_spawn_started(my->n, &my->group, picot_call(starts_up, 0, 8, -EDOM));
    CHECK_EQ(my->n, 8);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    picot_end;
}

static void start_handshake(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(handshakes, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, waits_for_some, (char unused;),
               (picot_group group; picot_future jobs[3], dup[4]; picot_completions comp; picot_future next; int r, i;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    for (my->i = 0; my->i < 3; my->i++)
        picot_spawn_future(my->jobs[my->i], &my->group, nap(10 * (3 - my->i), .result = my->i));
    picot_await(my->r, picot_wait(.futures = my->jobs, .count = 3, .until = PICOT_FIRST_COMPLETED));
    CHECK_EQ(my->r, 1);
    CHECK_EQ(picot_future_done(picot_this_loop(), my->jobs[2]), 1);
    CHECK_EQ(picot_completions_init(&my->comp, picot_this_loop(), my->jobs, 3), 0);
    picot_await(my->r, picot_wait(.futures = my->jobs, .count = 3, .limit_ns = 1));
    CHECK_EQ(my->r, 1);
    for (my->i = 0; my->i < 3; my->i++) {
        picot_await(my->next, picot_next_completed(.of = &my->comp));
        CHECK_EQ(my->next, my->jobs[2 - my->i]);
    }
    picot_await(my->next, picot_next_completed(.of = &my->comp));
    CHECK_EQ(my->next, PICOT_ECLOSED);
    picot_completions_close(&my->comp);
    picot_await(my->r, picot_wait(.futures = my->jobs, .count = 3));
    CHECK_EQ(my->r, 3);
    for (my->i = 0; my->i < 3; my->i++)
        CHECK_EQ(picot_future_unref(picot_this_loop(), my->jobs[my->i]), 0);
    picot_end;
}

static void waiting_for_some(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(waits_for_some, 0));
    CHECK_EQ(rc, 0);
}

static const struct tap_case cases[] = {
    {"a result is awaited by many", awaited_by_many, 0},
    {"start handshake", start_handshake, 0},
    {"wait and completions", waiting_for_some, 0},
};

TAP_MAIN(cases)
