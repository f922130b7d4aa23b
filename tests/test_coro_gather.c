/* SPDX-License-Identifier: MIT
 *
 * test_coro_gather.c - several tasks at a time: gather, wait, completions, a staggered race. Built in the GNU and in
 * the ISO form.
 */
#include "coro_support.h"

#define LOOP picot_this_loop()

picot_async_fn(int, breaks, (int ms; int code; int *ran;), (int r;))
{
    picot_begin;
    if (my->ran) ++*my->ran;
    picot_await(my->r, nap(my->ms));
    if (my->r < 0) picot_fail(my->r);
    picot_fail(my->code);
    picot_end;
}
#define breaks(...) picot_call(breaks, __VA_ARGS__)

/* ---- gather -------------------------------------------------------------------------------------- */

picot_async_fn(int, gathers, (char unused;), (picot_group group, kept, all; int r[8], ran; double d; picot_future f;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_gather(&my->group, (my->r[0], nap(3, .done = 'a', .result = 1)), (my->r[1], nap(1, .done = 'b', .result = 2)),
                 (my->r[2], nap(2, .done = 'c', .result = 3)));
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(my->r[0] * 100 + my->r[1] * 10 + my->r[2], 123); /* whatever the order of their ends */
    CHECK_STR(trace, "bca");
    picot_gather(&my->group, (my->r[0], give(1)), (my->r[1], give(2)), (my->r[2], give(3)), (my->r[3], give(4)),
                 (my->r[4], give(5)), (my->r[5], give(6)), (my->r[6], give(7)), (my->r[7], give(8)));
    CHECK_EQ(picot_error(), 0);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(my->r[i], i + 1);
    picot_gather(&my->group, (my->r[0], give(9)));
    CHECK_EQ(my->r[0], 9);
    /* The first error cancels the others, which have ended then. */
    picot_gather(&my->group, (my->r[0], nap(5000, .cancelled = 'x')), (my->r[1], breaks(1, -EDOM)),
                 (my->r[2], breaks(5000, -ERANGE)));
    CHECK_EQ(picot_error(), -EDOM);
    CHECK_EQ(my->r[0], -ECANCELED);
    CHECK_EQ(my->r[1], -EDOM);
    CHECK_EQ(my->r[2], -ECANCELED);
    CHECK_STR(trace, "bcax");
    /* Errors in their places. */
    picot_task_group(my->kept, .keep_going = 1);
    picot_gather(&my->kept, (my->r[0], nap(3, .result = 4)), (my->r[1], breaks(1, -EDOM)),
                 (my->r[2], breaks(2, -ECANCELED)));
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(my->r[0], 4);
    CHECK_EQ(my->r[1], -EDOM);
    CHECK_EQ(my->r[2], -ECANCELED);
    picot_task_group(my->all, .collect = 1);
    picot_gather(&my->all, (my->r[0], nap(3, .result = 4)), (my->r[1], breaks(2, -EDOM)),
                 (my->r[2], breaks(1, -ERANGE)));
    CHECK_EQ(picot_error(), -ERANGE); /* the first in time; all have run */
    CHECK_EQ(my->r[0], 4);
    CHECK_EQ(picot_errors_count(picot_group_errors(&my->all)), 2);
    /* One that cannot be spawned: the others are cancelled, and the group is as new. */
    picot_task_group(my->group, .limit = 2);
    my->r[2] = 77;
    picot_gather(&my->group, (my->r[0], nap(5000)), (my->r[1], nap(5000)), (my->r[2], nap(5000)), (my->r[3], nap(1)));
    CHECK_EQ(picot_error(), -EBUSY);
    CHECK_EQ(my->r[0], -ECANCELED);
    CHECK_EQ(my->r[1], -ECANCELED);
    CHECK_EQ(my->r[2], 77);
    picot_gather(&my->group, (my->r[0], give(1)), (my->r[1], give(2)));
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(my->r[0] + my->r[1], 3);
    picot_end;
}

picot_async_fn(int, is_cancelled_gathering, (char unused;), (picot_group group; int a, b;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_gather(&my->group, (my->a, nap(5000, .cancelled = 'p')), (my->b, nap(5000, .cancelled = 'q')));
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(my->a, -ECANCELED);
    CHECK_EQ(my->b, -ECANCELED);
    picot_fail(picot_error());
    picot_end;
}

static void gathering(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, picot_call(gathers, 0)), 0);
    tap_loop_end(loop);
}

picot_async_fn(int, cancels_a_gather, (char unused;), (picot_future f; int r;))
{
    picot_begin;
    picot_create(my->f, picot_call(is_cancelled_gathering, 0));
    picot_await(nap(1));
    CHECK_EQ(picot_future_cancel(LOOP, my->f, NULL), 1);
    picot_await(my->r, picot_result(.of = my->f));
    CHECK_EQ(my->r, -ECANCELED);
    CHECK_STR(trace, "pq");
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_end;
}

static void cancelled_gather(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(cancels_a_gather, 0));
    CHECK_EQ(rc, 0);
}

/* ---- wait ---------------------------------------------------------------------------------------- */

static void finish_two(picot_loop *loop, void *user)
{
    picot_future *futures = user;
    CHECK_EQ(picot_future_set(loop, futures[0], NULL, 0), 0);
    CHECK_EQ(picot_future_fail(loop, futures[1], -EDOM), 0);
}

#define WAIT(expected, ...)                                                                                            \
    do {                                                                                                               \
        picot_await(my->r, picot_wait(__VA_ARGS__));                                                                   \
        CHECK_EQ(my->r, expected);                                                                                     \
        CHECK_EQ(picot_error(), my->r < 0 ? my->r : 0);                                                                \
    } while (0)

picot_async_fn(int, waits, (char unused;), (picot_future f[5]; picot_job job; int64_t began_ns; int i, r;))
{
    picot_begin;
    for (my->i = 0; my->i < 3; my->i++)
        my->f[my->i] = picot_future_create(LOOP, 0);
    my->f[3] = my->f[0], my->f[4] = my->f[1];
    WAIT(-EINVAL, .futures = my->f, .count = 0);
    WAIT(-EINVAL, .count = 1);
    WAIT(-EINVAL, .futures = my->f, .count = 3, .until = 3);
    WAIT(-EINVAL, .futures = my->f, .count = 3, .until = -1);
    WAIT(-EINVAL, .futures = my->f, .count = 3, .limit_ns = -1);
    my->began_ns = picot_loop_now(LOOP);
    WAIT(0, .futures = my->f, .count = 5, .limit_ns = 2 * PICOT_MS);
    CHECK(picot_loop_now(LOOP) - my->began_ns >= 2 * PICOT_MS);
    /* Two end in the same turn: both are counted, each once. */
    CHECK_EQ(picot_call_soon(LOOP, &my->job, finish_two, my->f), 0);
    WAIT(2, .futures = my->f, .count = 5, .until = PICOT_FIRST_COMPLETED);
    WAIT(2, .futures = my->f, .count = 5, .until = PICOT_FIRST_EXCEPTION); /* one has failed: at once */
    WAIT(2, .futures = my->f, .count = 5, .until = PICOT_ALL_COMPLETED, .limit_ns = PICOT_MS);
    picot_wait_for(my->r, PICOT_MS, picot_wait(.futures = my->f, .count = 3));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_EQ(picot_future_done(LOOP, my->f[2]), 0); /* left alone */
    CHECK_EQ(picot_future_cancel(LOOP, my->f[2], NULL), 1);
    WAIT(3, .futures = my->f, .count = 5);
    CHECK_EQ(picot_future_result(LOOP, my->f[1], NULL, 0), -EDOM);
    for (my->i = 0; my->i < 3; my->i++)
        CHECK_EQ(picot_future_unref(LOOP, my->f[my->i]), 0);
    WAIT(-EBADF, .futures = my->f, .count = 1);
    /* Until the first failure; a cancellation is none. */
    picot_create(my->f[0], nap(1));
    picot_create(my->f[1], breaks(4, -EDOM));
    picot_create(my->f[2], nap(5000));
    picot_create(my->f[3], nap(5000));
    CHECK_EQ(picot_future_cancel(LOOP, my->f[2], NULL), 1);
    WAIT(3, .futures = my->f, .count = 4, .until = PICOT_FIRST_EXCEPTION);
    CHECK_EQ(picot_future_done(LOOP, my->f[3]), 0);
    CHECK_EQ(picot_future_cancel(LOOP, my->f[3], NULL), 1);
    CHECK_EQ(picot_future_result(LOOP, my->f[1], NULL, 0), -EDOM);
    WAIT(4, .futures = my->f, .count = 4, .until = PICOT_ALL_COMPLETED, .limit_ns = 5 * PICOT_SECOND);
    for (my->i = 0; my->i < 4; my->i++)
        CHECK_EQ(picot_future_unref(LOOP, my->f[my->i]), 0);
    picot_end;
}

static void waiting(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(waits, 0));
    CHECK_EQ(rc, 0);
}

/* The last reference goes while it is waited for; done ones and pending ones. */
picot_async_fn(int, drops, (picot_future * f;), (int i;))
{
    picot_begin;
    picot_await(nap(1));
    for (my->i = 0; my->i < 3; my->i++)
        CHECK_EQ(picot_future_unref(LOOP, my->f[my->i]), 0);
    picot_end;
}

picot_async_fn(int, waits_for_dropped, (char unused;), (picot_group group; picot_future f[3]; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_create(my->f[0], nap(5, .done = 't'));
    my->f[1] = picot_future_create(LOOP, 0);
    my->f[2] = picot_future_create(LOOP, 0);
    CHECK_EQ(picot_future_set(LOOP, my->f[1], NULL, 0), 0);
    picot_spawn(&my->group, picot_call(drops, my->f));
    WAIT(3, .futures = my->f, .count = 3);
    CHECK_STR(trace, "t");
    CHECK_EQ(picot_future_done(LOOP, my->f[1]), -EBADF);
    picot_end;
}

static void dropped(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(waits_for_dropped, 0));
    CHECK_EQ(rc, 0);
}

/* ---- completions --------------------------------------------------------------------------------- */

picot_async_fn(picot_future, fetches_next, (picot_completions * from;), (picot_future f;))
{
    picot_begin;
    picot_await(my->f, picot_next_completed(.of = my->from));
    picot_return(my->f);
    picot_end;
}
#define fetches_next(...) picot_call(fetches_next, __VA_ARGS__)

picot_async_fn(int, as_completed, (char unused;),
               (picot_group group; picot_completions comp; picot_future jobs[6], f, a, b; int i, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    for (my->i = 0; my->i < 3; my->i++)
        picot_spawn_future(my->jobs[my->i], &my->group, nap(10 * (3 - my->i), .result = my->i));
    my->jobs[3] = my->jobs[1];
    CHECK_EQ(picot_completions_init(&my->comp, LOOP, my->jobs, 4), 0);
    picot_await(my->f, picot_next_completed(.of = &my->comp));
    CHECK_EQ(my->f, my->jobs[2]);
    /* Broken off, and gone on with: nothing is lost. */
    picot_wait_for(my->f, PICOT_US, picot_next_completed(.of = &my->comp));
    CHECK_EQ(my->f, -ETIMEDOUT);
    picot_await(nap(40));
    picot_await(my->f, picot_next_completed(.of = &my->comp));
    CHECK_EQ(my->f, my->jobs[1]);
    picot_await(my->f, picot_next_completed(.of = &my->comp));
    CHECK_EQ(my->f, my->jobs[0]);
    picot_await(my->f, picot_next_completed(.of = &my->comp)); /* one that stands twice comes once */
    CHECK_EQ(my->f, PICOT_ECLOSED);
    picot_completions_close(&my->comp);
    picot_completions_close(&my->comp);
    picot_await(my->f, picot_next_completed(.of = &my->comp));
    CHECK_EQ(my->f, -EINVAL);
    picot_await(my->f, picot_next_completed(.of = NULL));
    CHECK_EQ(my->f, -EINVAL);
    for (my->i = 0; my->i < 3; my->i++)
        CHECK_EQ(picot_future_unref(LOOP, my->jobs[my->i]), 0);
    CHECK_EQ(picot_completions_init(&my->comp, LOOP, my->jobs, 3), -EBADF);
    picot_completions_close(&my->comp);
    CHECK_EQ(picot_completions_init(NULL, LOOP, my->jobs, 1), -EINVAL);
    CHECK_EQ(picot_completions_init(&my->comp, LOOP, NULL, 1), -EINVAL);
    CHECK_EQ(picot_completions_init(&my->comp, LOOP, NULL, 0), 0);
    picot_await(my->f, picot_next_completed(.of = &my->comp));
    CHECK_EQ(my->f, PICOT_ECLOSED);
    picot_completions_close(&my->comp);
    /* More waiters than ends: the rest learns that all have come. */
    my->jobs[0] = picot_future_create(LOOP, 0);
    CHECK_EQ(picot_completions_init(&my->comp, LOOP, my->jobs, 1), 0);
    picot_spawn(&my->group, my->a, fetches_next(&my->comp));
    picot_spawn(&my->group, my->b, fetches_next(&my->comp));
    picot_await(nap(1));
    CHECK_EQ(picot_future_unref(LOOP, my->jobs[0]), 0); /* cancelled: that is an end */
    picot_try_await(picot_join(.group = &my->group));
    CHECK_EQ(my->a, my->jobs[0]);
    CHECK_EQ(my->b, PICOT_ECLOSED);
    CHECK_EQ(picot_future_cancelled(LOOP, my->a), 1);
    picot_completions_close(&my->comp);
    CHECK_EQ(picot_future_cancelled(LOOP, my->a), -EBADF);
    /* Closed while one waits. */
    my->jobs[0] = picot_future_create(LOOP, 0);
    CHECK_EQ(picot_completions_init(&my->comp, LOOP, my->jobs, 1), 0);
    picot_spawn(&my->group, my->a, fetches_next(&my->comp));
    picot_await(nap(1));
    picot_completions_close(&my->comp);
    picot_try_await(picot_join(.group = &my->group));
    CHECK_EQ(my->a, -ECANCELED);
    CHECK_EQ(picot_future_unref(LOOP, my->jobs[0]), 0);
    picot_end;
}

static void completions(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(as_completed, 0));
    CHECK_EQ(rc, 0);
}

/* ---- a staggered race: the next candidate starts when the last one fails, or after a while -------- */

struct candidate {
    int ms, result;
};

picot_async_fn(int, races, (const struct candidate *candidates; int count; int64_t delay_ns; int *ret_outcomes;),
               (picot_group group; picot_future f[4]; int started, winner, failed, i, r;))
{
    picot_begin;
    my->winner = -1;
    picot_task_group(my->group, .keep_going = 1);
    while (my->winner < 0 && my->failed < my->count) {
        if (my->started < my->count) {
            my->i = my->started++;
            picot_spawn_future(my->f[my->i], &my->group,
                               breaks(my->candidates[my->i].ms, my->candidates[my->i].result));
            picot_try_await(picot_wait(.futures = &my->f[my->i], .count = 1, .limit_ns = my->delay_ns,
                                       .until = PICOT_FIRST_COMPLETED));
        } else {
            picot_yield();
        }
        my->failed = 0;
        for (my->i = 0; my->i < my->started; my->i++) {
            my->r = picot_future_result(LOOP, my->f[my->i], NULL, 0);
            if (my->r == 0 && my->winner < 0) my->winner = my->i;
            my->failed += my->r < 0 && my->r != PICOT_ENOTDONE;
        }
    }
    for (my->i = 0; my->i < my->started; my->i++)
        (void)picot_future_cancel(LOOP, my->f[my->i], "another one was first");
    picot_await(picot_join(.group = &my->group));
    for (my->i = 0; my->i < my->started; my->i++) {
        my->ret_outcomes[my->i] = picot_future_result(LOOP, my->f[my->i], NULL, 0);
        CHECK_EQ(picot_future_unref(LOOP, my->f[my->i]), 0);
    }
    picot_return(my->winner < 0 ? -ENOENT : my->winner);
    picot_end;
}

static void staggered_race(void)
{
    picot_loop *loop = tap_loop();
    int outcomes[4] = {1, 1, 1, 1}, winner;
    const struct candidate lists[][4] = {{{0, -EDOM}, {5000, 0}, {0, 0}, {0, 0}}, {{0, -EDOM}, {1, -ERANGE}}};
    CHECK_EQ(picot_run_into(loop, &winner, picot_call(races, lists[0], 4, 20 * PICOT_MS, outcomes)), 0);
    CHECK_EQ(winner, 2);
    CHECK_EQ(outcomes[0], -EDOM);
    CHECK_EQ(outcomes[1], -ECANCELED);
    CHECK_EQ(outcomes[2], 0);
    CHECK_EQ(outcomes[3], 1); /* never started */
    CHECK_EQ(picot_run(loop, picot_call(races, lists[1], 2, 20 * PICOT_MS, outcomes)), -ENOENT);
    CHECK_EQ(outcomes[1], -ERANGE);
    CHECK_EQ(picot_loop_report_count(loop), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"gather", gathering, 0},
    {"a gather is cancelled", cancelled_gather, 0},
    {"wait: conditions, limits, doubles", waiting, 0},
    {"references go while somebody waits", dropped, 0},
    {"completions", completions, 0},
    {"a staggered race", staggered_race, 0},
};

TAP_MAIN(cases)
