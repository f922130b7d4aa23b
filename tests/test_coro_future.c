/* SPDX-License-Identifier: MIT
 *
 * test_coro_future.c - futures of one's own, results awaited by many, callbacks, handles that are stale or foreign.
 * Built in the GNU and in the ISO form.
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

/* ---- futures of one's own ------------------------------------------------------------------------ */

static void states(void)
{
    picot_loop *loop = tap_loop();
    picot_future a = picot_future_create(loop, sizeof(int)), b = picot_future_create(loop, 0);
    int value = 5;
    CHECK(a > 0 && b > 0 && a != b);
    CHECK_EQ(picot_future_done(loop, a), 0);
    CHECK_EQ(picot_future_cancelled(loop, a), 0);
    CHECK_EQ(picot_future_result(loop, a, &value, sizeof value), PICOT_ENOTDONE);
    CHECK(!picot_future_task(loop, a));
    CHECK_EQ(picot_future_set(loop, a, &value, 1), -EINVAL);
    CHECK_EQ(picot_future_set(loop, a, NULL, sizeof value), -EINVAL);
    CHECK_EQ(picot_future_fail(loop, a, 0), -EINVAL);
    CHECK_EQ(picot_future_fail(loop, a, -ECANCELED), -EINVAL);
    CHECK_EQ(picot_future_set(loop, a, &(int){42}, sizeof(int)), 0);
    CHECK_EQ(picot_future_done(loop, a), 1);
    CHECK_EQ(picot_future_set(loop, a, &value, sizeof value), -EALREADY);
    CHECK_EQ(picot_future_fail(loop, a, -EDOM), -EALREADY);
    CHECK_EQ(picot_future_cancel(loop, a, "late"), 0);
    CHECK_EQ(picot_future_cancelled(loop, a), 0);
    CHECK_EQ(picot_future_result(loop, a, &value, 1), -EINVAL);
    for (int i = 0; i < 5; i++) {
        value = 0;
        CHECK_EQ(picot_future_result(loop, a, &value, sizeof value), 0);
        CHECK_EQ(value, 42);
    }
    CHECK_EQ(picot_future_result(loop, a, NULL, 0), 0);
    /* Cancelled once, and never again. */
    CHECK_EQ(picot_future_cancel(loop, b, NULL), 1);
    CHECK_EQ(picot_future_cancel(loop, b, NULL), 0);
    CHECK_EQ(picot_future_done(loop, b), 1);
    CHECK_EQ(picot_future_cancelled(loop, b), 1);
    CHECK_EQ(picot_future_result(loop, b, NULL, 0), -ECANCELED);
    CHECK_EQ(picot_future_set(loop, b, NULL, 0), -EALREADY);
    CHECK_EQ(picot_future_ref(loop, a), 0);
    CHECK_EQ(picot_future_unref(loop, a), 0);
    CHECK_EQ(picot_future_unref(loop, a), 0);
    CHECK_EQ(picot_future_unref(loop, a), -EBADF);
    CHECK_EQ(picot_future_ref(loop, a), -EBADF);
    CHECK_EQ(picot_future_unref(loop, b), 0);
    CHECK_EQ(picot_future_unref(loop, -ENOMEM), 0);
    CHECK_EQ(picot_loop_report_count(loop), 0);
    tap_loop_end(loop);
}

static void bad_handles(void)
{
    picot_loop *loop = tap_loop(), *other = tap_loop();
    picot_future mine = picot_future_create(loop, 0), theirs;
    char text[80];
    CHECK_EQ(picot_future_done(other, mine), -EXDEV); /* also while the other has none */
    theirs = picot_future_create(other, 0);
    CHECK_EQ(picot_future_create(NULL, 0), -EINVAL);
    CHECK_EQ(picot_future_create(loop, SIZE_MAX), -ENOMEM);
    CHECK_EQ(picot_future_done(NULL, mine), -EINVAL);
    CHECK_EQ(picot_future_done(loop, theirs), -EXDEV);
    CHECK_EQ(picot_future_set(loop, theirs, NULL, 0), -EXDEV);
    CHECK_EQ(picot_future_fail(loop, theirs, -EDOM), -EXDEV);
    CHECK_EQ(picot_future_cancel(loop, theirs, NULL), -EXDEV);
    CHECK_EQ(picot_future_ref(loop, theirs), -EXDEV);
    CHECK_EQ(picot_future_unref(loop, theirs), -EXDEV);
    CHECK_EQ(picot_future_describe(loop, theirs, text, sizeof text), -EXDEV);
    const picot_future bad[] = {0, -1, INT64_MIN, mine + 1, mine + 1000};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(picot_future_done(loop, bad[i]), -EBADF);
        CHECK_EQ(picot_future_cancelled(loop, bad[i]), -EBADF);
        CHECK_EQ(picot_future_cancel(loop, bad[i], NULL), -EBADF);
        CHECK(!picot_future_task(loop, bad[i]));
    }
    CHECK_EQ(picot_future_unref(loop, mine), 0);
    CHECK_EQ(picot_future_unref(other, theirs), 0);
    tap_loop_end(loop);
    tap_loop_end(other);
}

/* A place in the table that was used more often than it can count stays unused: no old handle becomes valid again. */
static void generations(void)
{
    picot_loop *loop = tap_loop();
    picot_future first = picot_future_create(loop, 0), handle = first;
    CHECK_EQ(picot_future_unref(loop, first), 0);
    for (long i = 0; i < (1L << 20) + 10; i++) {
        handle = picot_future_create(loop, 0);
        CHECK(handle != first);
        if (i % 4096 == 0 || i > (1L << 20) - 10) CHECK_EQ(picot_future_done(loop, first), -EBADF);
        CHECK_EQ(picot_future_done(loop, handle), 0);
        CHECK_EQ(picot_future_unref(loop, handle), 0);
        CHECK_EQ(picot_future_done(loop, handle), -EBADF);
    }
    tap_loop_end(loop);
}

/* What is left over goes with the loop, whatever its size; nobody who waited is touched. */
static void left_over(void)
{
    static picot_done_callback callback;
    picot_loop *loop = tap_loop();
    for (size_t size = 0; size < 20000; size = size * 2 + 1)
        CHECK(picot_future_create(loop, size) > 0);
    picot_future jobs[2] = {picot_future_create(loop, 0), picot_future_create(loop, 0)};
    picot_completions *forgotten = malloc(sizeof *forgotten);
    CHECK_EQ(picot_completions_init(forgotten, loop, jobs, 2), 0);
    CHECK_EQ(
        picot_future_add_callback(loop, jobs[0], &callback, (void (*)(picot_loop *, picot_future, void *))abort, 0), 0);
    free(forgotten);
    tap_loop_end(loop);
}

/* ---- callbacks ----------------------------------------------------------------------------------- */

static picot_done_callback calls[5];
static picot_future told_of;

static void tell(picot_loop *loop, picot_future future, void *user);

static int add(picot_loop *loop, picot_future future, int index, const char *what)
{
    return picot_future_add_callback(loop, future, &calls[index], tell, (void *)(uintptr_t)what);
}

static void tell(picot_loop *loop, picot_future future, void *user)
{
    const char *what = user;
    CHECK_EQ(future, told_of);
    CHECK_EQ(picot_future_done(loop, future), 1);
    say(*what);
    if (*what == 'r') { /* removes itself, its neighbours, and adds one anew */
        CHECK_EQ(picot_future_remove_callback(loop, &calls[0]), 0);
        CHECK_EQ(picot_future_remove_callback(loop, &calls[1]), 0);
        CHECK_EQ(picot_future_remove_callback(loop, &calls[2]), 0);
        CHECK_EQ(add(loop, future, 2, "n"), 0);
    }
    if (*what == 'u') CHECK_EQ(picot_future_unref(loop, future), 0);
    if (*what == 'a') CHECK_EQ(add(loop, future, 0, "A"), 0);
    if (*what == 'f') memset(&calls[3], 0xA5, sizeof calls[3]); /* its memory is its own again */
}

static void callbacks(void)
{
    picot_loop *loop = tap_loop();
    told_of = picot_future_create(loop, 0);
    CHECK_EQ(picot_future_add_callback(loop, told_of, NULL, tell, NULL), -EINVAL);
    CHECK_EQ(picot_future_add_callback(loop, told_of, &calls[0], NULL, NULL), -EINVAL);
    CHECK_EQ(picot_future_remove_callback(loop, NULL), -EINVAL);
    CHECK_EQ(picot_future_remove_callback(loop, &calls[0]), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(add(loop, told_of, i, &"12345"[i]), 0);
    CHECK_EQ(add(loop, told_of, 3, "4"), -EALREADY);
    CHECK_EQ(picot_future_remove_callback(loop, &calls[1]), 0);
    CHECK_EQ(picot_future_remove_callback(loop, &calls[1]), 0); /* twice is harmless */
    CHECK_EQ(picot_future_set(loop, told_of, NULL, 0), 0);
    CHECK_STR(trace, ""); /* never from inside */
    CHECK_EQ(picot_future_remove_callback(loop, &calls[3]), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_STR(trace, "135");
    /* A finished one: in a later turn, too. */
    CHECK_EQ(add(loop, told_of, 0, "l"), 0);
    CHECK_STR(trace, "135");
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_STR(trace, "135l");
    CHECK_EQ(picot_future_unref(loop, told_of), 0);
    CHECK_EQ(picot_future_done(loop, told_of), -EBADF);
    tap_loop_end(loop);
}

static void callbacks_meddle(void)
{
    static const struct {
        const char *added, *expected;
    } orders[] = {{"1r345", "1r45n"}, {"r2345", "r45n"},  {"12r45", "12r45n"}, {"a2345", "a2345A"},
                  {"1u345", "1u345"}, {"u2345", "u2345"}, {"1234u", "1234u"},  {"123f5", "123f5"}};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        picot_loop *loop = tap_loop();
        const char *added = orders[i].added;
        memset(calls, 0, sizeof calls);
        trace[0] = 0;
        told_of = picot_future_create(loop, 0);
        for (int j = 0; added[j]; j++)
            CHECK_EQ(add(loop, told_of, j, &added[j]), 0);
        CHECK_EQ(picot_future_set(loop, told_of, NULL, 0), 0);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        CHECK_STR(trace, orders[i].expected);
        CHECK_EQ(picot_future_unref(loop, told_of), strchr(added, 'u') ? -EBADF : 0);
        CHECK_EQ(picot_future_done(loop, told_of), -EBADF);
        tap_loop_end(loop);
    }
}

/* Nobody is left to finish it: who waits, and the callbacks, are told. */
picot_async_fn(int, abandons, (char unused;), (picot_group group; picot_future own, copy; picot_arm arm; int a, b, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    my->own = told_of = picot_future_create(picot_this_loop(), sizeof(int));
    picot_spawn(&my->group, my->a, awaits(my->own, '!'));
    picot_spawn(&my->group, my->b, awaits(my->own, '!'));
    CHECK_EQ(add(picot_this_loop(), my->own, 0, "c"), 0);
    picot_await(nap(1));
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->own), 0);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->own), -EBADF);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->a, -ECANCELED);
    CHECK_EQ(my->b, -ECANCELED);
    CHECK_STR(trace, "c");
    picot_await(nap(1));
    CHECK_EQ(picot_future_done(picot_this_loop(), my->own), -EBADF);
    picot_end;
}

static void abandoned(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(abandons, 0));
    CHECK_EQ(rc, 0);
}

/* ---- awaiting and cancelling --------------------------------------------------------------------- */

static void finish_later(picot_loop *loop, void *user)
{
    CHECK_EQ(picot_future_set(loop, *(picot_future *)user, &(int){7}, sizeof(int)), 0);
}

picot_async_fn(int, awaits_own, (char unused;),
               (picot_group group; picot_future own, waiter; picot_job job; int i, r, value;))
{
    picot_begin;
    picot_task_group(my->group);
    my->own = picot_future_create(picot_this_loop(), sizeof(int));
    CHECK_EQ(picot_call_soon(picot_this_loop(), &my->job, finish_later, &my->own), 0);
    picot_spawn_future(my->waiter, &my->group, awaits(my->own, 'w'));
    picot_await(my->r, picot_result(.of = my->own, .ret_value = &my->value, .value_size = 3));
    CHECK_EQ(my->r, -EINVAL);
    picot_await(my->r, picot_result(.of = my->own, PICOT_INTO(my->value)));
    CHECK_EQ(my->value, 7);
    for (my->i = 0; my->i < 100; my->i++) { /* more than a step's budget of results at once */
        my->value = 0;
        picot_try_await(picot_result(.of = my->own, PICOT_INTO(my->value)));
        CHECK_EQ(my->value, 7);
    }
    picot_try_await(picot_result(.of = my->waiter, PICOT_INTO(my->value)));
    CHECK_EQ(my->value, 7);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->waiter), 0);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->own), 0);
    /* Cancelling who awaits leaves a future of one's own alone. */
    my->own = picot_future_create(picot_this_loop(), sizeof(int));
    picot_spawn_future(my->waiter, &my->group, awaits(my->own, '!'));
    picot_await(nap(1));
    CHECK_EQ(picot_future_cancel(picot_this_loop(), my->waiter, NULL), 1);
    picot_await(my->r, picot_result(.of = my->waiter));
    CHECK_EQ(my->r, -ECANCELED);
    CHECK_EQ(picot_future_done(picot_this_loop(), my->own), 0);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->waiter), 0);
    picot_wait_for(my->r, PICOT_MS, picot_result(.of = my->own));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_EQ(picot_future_fail(picot_this_loop(), my->own, -ERANGE), 0);
    my->value = 3;
    picot_await(my->r, picot_result(.of = my->own, PICOT_INTO(my->value)));
    CHECK_EQ(my->r, -ERANGE);
    CHECK_EQ(my->value, 3);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->own), 0);
    picot_end;
}

static void awaited_own(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(awaits_own, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "w");
}

static const struct tap_case cases[] = {
    {"a result is awaited by many", awaited_by_many, 0},
    {"pending, finished, cancelled; each once", states, 0},
    {"stale, foreign and made-up handles", bad_handles, 0},
    {"a million futures in one place", generations, TAP_SLOW},
    {"what is left goes with the loop", left_over, 0},
    {"callbacks: later, in order, removed", callbacks, 0},
    {"callbacks remove, add and free each other", callbacks_meddle, 0},
    {"the last reference to a pending one", abandoned, 0},
    {"one's own, awaited and cancelled", awaited_own, 0},
};

TAP_MAIN(cases)
