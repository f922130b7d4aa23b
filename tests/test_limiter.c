/* SPDX-License-Identifier: MIT
 *
 * test_limiter.c - semaphores, capacity limiters, token buckets. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

/* ---- semaphore --------------------------------------------------------------------------------- */

picot_async_fn(int, acquires, (picot_semaphore * semaphore; int64_t units; char got; char lost;), (int rc;))
{
    picot_begin;
    picot_await(my->rc, picot_semaphore_acquire(.semaphore = my->semaphore, .units = my->units));
    say(my->rc == 0 ? my->got : my->lost);
    picot_return(my->rc);
    picot_end;
}
#define acquires(...) picot_call(acquires, __VA_ARGS__)

picot_async_fn(int, semaphores, (char unused;),
               (picot_semaphore units; picot_group group, doomed; picot_hold hold; int a, b, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_task_group(my->doomed);
    CHECK_EQ(picot_semaphore_init(&my->units, 2), 0);
    CHECK_EQ(picot_semaphore_locked(&my->units), 0);
    picot_await(my->r, picot_semaphore_acquire(&my->units));
    CHECK_EQ(my->r, 0);
    picot_await(my->r, picot_semaphore_acquire(&my->units, 1));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_semaphore_value(&my->units), 0);
    CHECK_EQ(picot_semaphore_locked(&my->units), 1);
    CHECK_EQ(picot_semaphore_try(&my->units, 1), -EBUSY);
    picot_await(my->r, picot_semaphore_acquire(&my->units, -1));
    CHECK_EQ(my->r, -EINVAL);
    /* The large one in front is not overtaken, until it gives up. */
    picot_spawn(&my->doomed, acquires(&my->units, 5, '!', 'x'));
    picot_yield();
    picot_spawn(&my->group, acquires(&my->units, 1, 'a'));
    picot_spawn(&my->group, acquires(&my->units, 2, 'b'));
    picot_spawn(&my->group, acquires(&my->units, 1, 'c'));
    picot_yield();
    CHECK_EQ(picot_semaphore_release(&my->units, 3), 0);
    picot_yield();
    CHECK_STR(trace, "");
    CHECK_EQ(picot_semaphore_value(&my->units), 3);
    CHECK_EQ(picot_semaphore_locked(&my->units), 1);
    CHECK_EQ(picot_semaphore_try(&my->units, 1), -EBUSY);
    picot_group_cancel(&my->doomed, NULL);
    picot_yield();
    CHECK_EQ(strlen(trace), 3);
    CHECK_EQ(picot_semaphore_value(&my->units), 0);
    CHECK_EQ(picot_semaphore_release(&my->units, 2), 0); /* one burst: c takes one */
    CHECK_EQ(picot_semaphore_value(&my->units), 1);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK(strstr(trace, "c") && strstr(trace, "x"));
    CHECK_EQ(picot_semaphore_release(&my->units, INT64_MAX), -EOVERFLOW);
    CHECK_EQ(picot_semaphore_release(&my->units, 0), -EINVAL);
    picot_with_units(my->hold, &my->units, 1) {
        CHECK_EQ(picot_semaphore_value(&my->units), 0);
        picot_spawn(&my->group, my->a, acquires(&my->units, 1, 'd', 'y'));
        picot_spawn(&my->group, my->b, acquires(&my->units, 1, 'e', 'z'));
        picot_yield();
    }
    picot_yield();
    CHECK_EQ(trace[strlen(trace) - 1], 'd');
    CHECK_EQ(picot_semaphore_break(&my->units), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->a, 0);
    CHECK_EQ(my->b, PICOT_EBROKEN);
    CHECK_EQ(picot_semaphore_try(&my->units, 1), PICOT_EBROKEN);
    /* A bounded one. */
    CHECK_EQ(picot_semaphore_init_bounded(&my->units, 2), 0);
    CHECK_EQ(picot_semaphore_release(&my->units, 1), -EOVERFLOW);
    CHECK_EQ(picot_semaphore_value(&my->units), 2);
    picot_await(my->r, picot_semaphore_acquire(&my->units, 3));
    CHECK_EQ(my->r, -EINVAL);
    picot_try_with_units(my->hold, &my->units, 2)
        CHECK_EQ(picot_semaphore_value(&my->units), 0);
    CHECK_EQ(picot_semaphore_value(&my->units), 2);
    picot_try_with_units(my->hold, &my->units, 3)
        say('!');
    say('!');
    picot_end;
}

static void semaphore(void)
{
    picot_semaphore units;
    int rc;
    RUN_ALONE(rc, picot_call(semaphores, 0));
    CHECK_EQ(rc, -EINVAL);
    CHECK(!strchr(trace, '!'));
    CHECK_EQ(picot_semaphore_init(&units, -1), -EINVAL);
    CHECK_EQ(picot_semaphore_init_bounded(&units, 0), -EINVAL);
    CHECK_EQ(picot_semaphore_init(NULL, 1), -EINVAL);
    CHECK_EQ(picot_semaphore_try(NULL, 1), -EINVAL);
    CHECK_EQ(picot_semaphore_release(NULL, 1), -EINVAL);
    CHECK_EQ(picot_semaphore_break(NULL), -EINVAL);
    CHECK_EQ(picot_semaphore_value(NULL), 0);
}

/* ---- capacity limiter -------------------------------------------------------------------------- */

picot_async_fn(int, borrows, (picot_limiter * limiter; char got; int turns;), (picot_hold hold;))
{
    picot_begin;
    picot_try_with_token(my->hold, my->limiter) {
        say(my->got);
        while (my->turns-- > 0)
            picot_yield();
    }
    picot_end;
}
#define borrows(...) picot_call(borrows, __VA_ARGS__)

picot_async_fn(int, limits, (char unused;),
               (picot_limiter limiter; picot_limiter_statistics is; picot_group group, doomed; char job[300];
                int i, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_task_group(my->doomed);
    CHECK_EQ(picot_limiter_init(&my->limiter, 2), 0);
    CHECK_EQ(picot_limiter_release(&my->limiter, NULL), PICOT_ENOTOWNER);
    picot_await(my->r, picot_limiter_acquire(&my->limiter));
    CHECK_EQ(my->r, 0);
    picot_await(my->r, picot_limiter_acquire(&my->limiter));
    CHECK_EQ(my->r, -EALREADY);
    CHECK_EQ(picot_limiter_try(&my->limiter, NULL, picot_self), -EALREADY);
    CHECK_EQ(picot_limiter_try(&my->limiter, &my->job[1], picot_self), 0); /* on behalf of something else */
    CHECK_EQ(picot_limiter_try(&my->limiter, &my->job[2], picot_self), -EBUSY);
    CHECK_EQ(picot_limiter_holds(&my->limiter, &my->job[1]), 1);
    CHECK_EQ(picot_limiter_holds(&my->limiter, &my->job[2]), 0);
    CHECK_EQ(picot_limiter_release(&my->limiter, &my->job[2]), PICOT_ENOTOWNER);
    picot_spawn(&my->group, borrows(&my->limiter, 'a', 2));
    picot_spawn(&my->group, borrows(&my->limiter, 'b', 2));
    picot_yield();
    picot_spawn(&my->doomed, borrows(&my->limiter, '!', 2));
    picot_spawn(&my->doomed, picot_limiter_acquire(&my->limiter, &my->job[3]));
    picot_yield();
    picot_await(my->r, picot_limiter_acquire(&my->limiter, &my->job[3])); /* it waits already */
    CHECK_EQ(my->r, -EALREADY);
    CHECK_EQ(picot_limiter_release(&my->limiter, &my->job[3]), PICOT_ENOTOWNER);
    CHECK_EQ(picot_limiter_statistics_get(&my->limiter, &my->is), 0);
    CHECK_EQ(my->is.total * 1000 + my->is.borrowed * 100 + my->is.available * 10 + my->is.waiting, 2204);
    picot_group_cancel(&my->doomed, NULL);
    picot_yield();
    CHECK_EQ(picot_limiter_statistics_get(&my->limiter, &my->is), 0);
    CHECK_EQ(my->is.waiting, 2);
    /* Raised, one more is in; lowered, nobody is until enough have come back. */
    CHECK_STR(trace, "");
    CHECK_EQ(picot_limiter_set_total(&my->limiter, 3), 0);
    picot_yield();
    CHECK_STR(trace, "a");
    CHECK_EQ(picot_limiter_set_total(&my->limiter, 1), 0);
    for (my->i = 0; my->i < 5; my->i++)
        picot_yield();
    CHECK_EQ(picot_limiter_statistics_get(&my->limiter, &my->is), 0);
    CHECK_EQ(my->is.total * 1000 + my->is.borrowed * 100 + my->is.available * 10 + my->is.waiting, 1201);
    CHECK_EQ(picot_limiter_release(&my->limiter, &my->job[1]), 0);
    picot_yield();
    CHECK_STR(trace, "a");
    CHECK_EQ(picot_limiter_release(&my->limiter, NULL), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_STR(trace, "ab");
    CHECK_EQ(picot_limiter_statistics_get(&my->limiter, &my->is), 0);
    CHECK_EQ(my->is.borrowed + my->is.waiting, 0);
    /* Many borrowers. */
    CHECK_EQ(picot_limiter_set_total(&my->limiter, 300), 0);
    for (my->i = 0; my->i < 300; my->i++)
        CHECK_EQ(picot_limiter_try(&my->limiter, &my->job[my->i], picot_self), 0);
    for (my->i = 0; my->i < 300; my->i += 2)
        CHECK_EQ(picot_limiter_release(&my->limiter, &my->job[my->i]), 0);
    for (my->i = 0; my->i < 300; my->i++)
        CHECK_EQ(picot_limiter_holds(&my->limiter, &my->job[my->i]), my->i % 2);
    /* Broken: who waits is told, who has a token may give it back. */
    CHECK_EQ(picot_limiter_set_total(&my->limiter, 0), 0);
    picot_spawn(&my->group, my->r, borrows(&my->limiter, '!', 2));
    picot_yield();
    CHECK_EQ(picot_limiter_break(&my->limiter), 0);
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(my->r, PICOT_EBROKEN);
    CHECK_EQ(picot_limiter_release(&my->limiter, &my->job[1]), 0);
    CHECK_EQ(picot_limiter_statistics_get(&my->limiter, &my->is), 0);
    CHECK_EQ(my->is.waiting, 0);
    picot_end;
}

static void limiter(void)
{
    picot_limiter limiter;
    int rc;
    RUN_ALONE(rc, picot_call(limits, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "ab");
    CHECK_EQ(picot_limiter_init(&limiter, -1), -EINVAL);
    CHECK_EQ(picot_limiter_init(NULL, 1), -EINVAL);
    CHECK_EQ(picot_limiter_set_total(NULL, 1), -EINVAL);
    CHECK_EQ(picot_limiter_release(NULL, NULL), -EINVAL);
    CHECK_EQ(picot_limiter_try(NULL, NULL, NULL), -EINVAL);
    CHECK_EQ(picot_limiter_statistics_get(NULL, NULL), -EINVAL);
    CHECK_EQ(picot_limiter_break(NULL), -EINVAL);
    CHECK_EQ(picot_limiter_holds(NULL, &rc), 0);
}

/* Each allocation of the records fails once. */
picot_async_fn(int, borrows_without_memory, (char unused;), (picot_limiter limiter; char job[600]; int i, r, failed;))
{
    picot_begin;
    CHECK_EQ(picot_limiter_init(&my->limiter, PICOT_NEVER), 0);
    for (my->i = 0; my->i < 600; my->i++) {
        tap_allocator_fail_after(0);
        picot_await(my->r, picot_limiter_acquire(&my->limiter, &my->job[my->i]));
        tap_allocator_fail_after(-1);
        CHECK(my->r == 0 || my->r == -ENOMEM);
        CHECK_EQ(picot_limiter_holds(&my->limiter, &my->job[my->i]), my->r == 0);
        my->failed += my->r < 0;
    }
    CHECK(my->failed > 0);
    picot_end;
}

static void limiter_memory(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(borrows_without_memory, 0));
    CHECK_EQ(rc, 0);
}

/* ---- token bucket ------------------------------------------------------------------------------ */

picot_async_fn(int, takes, (picot_token_bucket * bucket; int64_t tokens; char got; char lost;), (int rc;))
{
    picot_begin;
    picot_await(my->rc, picot_token_bucket_take(.bucket = my->bucket, .tokens = my->tokens));
    say(my->rc == 0 ? my->got : my->lost);
    picot_return(my->rc);
    picot_end;
}
#define takes(...) picot_call(takes, __VA_ARGS__)

picot_async_fn(int, rates, (char unused;),
               (picot_token_bucket bucket; picot_group group, doomed; int64_t start_ns, delay_ns; int i, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_task_group(my->doomed);
    /* Three in ten milliseconds, five at once. */
    CHECK_EQ(picot_token_bucket_init(&my->bucket, picot_this_loop(), 3, 10 * PICOT_MS, 5), 0);
    my->start_ns = picot_loop_now(picot_this_loop());
    CHECK_EQ(picot_token_bucket_try(&my->bucket, 6), -EINVAL);
    CHECK_EQ(picot_token_bucket_try(&my->bucket, 0), -EINVAL);
    picot_await(my->r, picot_token_bucket_take(&my->bucket, 6));
    CHECK_EQ(my->r, -EINVAL);
    CHECK_EQ(picot_token_bucket_delay(&my->bucket, 6), -EINVAL);
    CHECK_EQ(picot_token_bucket_delay(&my->bucket, 5), 0);
    picot_await(my->r, picot_token_bucket_take(&my->bucket));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_token_bucket_try(&my->bucket, 4), 0);
    CHECK_EQ(picot_token_bucket_try(&my->bucket, 1), -EBUSY);
    my->delay_ns = picot_token_bucket_delay(&my->bucket, 2);
    CHECK_EQ(my->delay_ns, 6666667); /* rounded up */
    /* In order: the four in front are not overtaken by the one. */
    picot_spawn(&my->group, takes(&my->bucket, 4, 'a'));
    picot_spawn(&my->doomed, takes(&my->bucket, 5, '!', 'x'));
    picot_spawn(&my->group, takes(&my->bucket, 1, 'b'));
    picot_yield();
    my->delay_ns = picot_token_bucket_delay(&my->bucket, 1); /* ten in front of it */
    CHECK_EQ(my->delay_ns, (11 * 10 * PICOT_MS - my->bucket.level + 2) / 3);
    my->bucket.level = 20 * PICOT_MS; /* two tokens are there, for those who wait */
    CHECK_EQ(picot_token_bucket_try(&my->bucket, 1), -EBUSY);
    my->bucket.level = 0;
    my->start_ns = my->bucket.at_ns;
    picot_group_cancel(&my->doomed, NULL);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_STR(trace, "xab");
    CHECK(picot_loop_now(picot_this_loop()) - my->start_ns >= 16666667); /* five of them */
    /* Nothing is gained or lost by rounding: 30 more take ten periods. */
    CHECK_EQ(picot_token_bucket_init(&my->bucket, picot_this_loop(), 3, 10 * PICOT_MS, 1000), 0);
    my->start_ns = my->bucket.at_ns;
    my->bucket.level = 0;
    for (my->i = 0; my->i < 30; my->i++)
        picot_try_await(picot_token_bucket_take(&my->bucket));
    CHECK(picot_loop_now(picot_this_loop()) - my->start_ns >= 100 * PICOT_MS);
    CHECK_EQ(30 * 10 * PICOT_MS + my->bucket.level, (my->bucket.at_ns - my->start_ns) * 3);
    /* Broken: no timer is left behind. */
    my->bucket.level = 0;
    picot_spawn(&my->group, takes(&my->bucket, 5, '!', 'y'));
    picot_yield();
    CHECK_EQ(picot_token_bucket_break(&my->bucket), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_STR(trace, "xaby");
    CHECK_EQ(picot_token_bucket_try(&my->bucket, 1), PICOT_EBROKEN);
    picot_end;
}

static void token_bucket(void)
{
    picot_loop *loop = tap_loop();
    picot_token_bucket bucket = {.loop = NULL};
    CHECK_EQ(picot_run(loop, picot_call(rates, 0)), 0);
    CHECK_EQ(picot_token_bucket_try(&bucket, 1), -EINVAL);
    CHECK_EQ(picot_token_bucket_break(&bucket), -EINVAL);
    CHECK_EQ(picot_token_bucket_init(&bucket, NULL, 1, 1, 1), -EINVAL);
    CHECK_EQ(picot_token_bucket_init(&bucket, loop, 0, 1, 1), -EINVAL);
    CHECK_EQ(picot_token_bucket_init(&bucket, loop, 1, 0, 1), -EINVAL);
    CHECK_EQ(picot_token_bucket_init(&bucket, loop, 1, 1, 0), -EINVAL);
    CHECK_EQ(picot_token_bucket_init(&bucket, loop, 1, PICOT_SECOND, INT64_MAX / PICOT_SECOND + 1), -ERANGE);
    CHECK_EQ(picot_token_bucket_init(&bucket, loop, INT64_MAX, 1, INT64_MAX), 0);
    CHECK_EQ(picot_token_bucket_try(&bucket, INT64_MAX), 0);
    CHECK(picot_token_bucket_delay(&bucket, INT64_MAX) <= 1);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"semaphore", semaphore, 0},
    {"capacity limiter", limiter, 0},
    {"capacity limiter: out of memory", limiter_memory, 0},
    {"token bucket", token_bucket, TAP_BACKENDS},
};
TAP_MAIN(cases)
