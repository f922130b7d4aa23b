/* SPDX-License-Identifier: MIT
 *
 * test_coro_tasks.c - tasks with handles: their life, names and texts, cancelling along, deadlocks, variables, reports
 * of what nobody collects, eager beginnings. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <stdbool.h>
#include <stdio.h>

#define LOOP picot_this_loop()

/* ---- life ---------------------------------------------------------------------------------------- */

struct triple {
    int64_t a, b, c;
};

picot_async_fn(struct triple, triple_of, (int n;), (char none;))
{
    picot_begin;
    picot_yield();
    if (my->n < 0) picot_fail(my->n);
    picot_return((struct triple){my->n, my->n + 1, my->n + 2});
    picot_end;
}
#define triple_of(...) picot_call(triple_of, __VA_ARGS__)

picot_async_fn(int, lives, (char unused;), (picot_group group; picot_future a, b; struct triple t; int r; uint32_t id;))
{
    picot_begin;
    picot_create(my->a, nap(1, 'a', 'b'));
    picot_create(my->b, nap(1, 'c', 'd'));
    CHECK_STR(trace, in_eager_mode() ? "ac" : ""); /* none of its body runs in the spawn */
    CHECK_EQ(picot_loop_task_count(LOOP), 3);
    CHECK(picot_future_task(LOOP, my->a) != picot_self);
    my->id = picot_task_id(picot_self);
    CHECK_EQ(picot_task_id(picot_future_task(LOOP, my->a)), my->id + 1);
    CHECK_EQ(picot_task_id(picot_future_task(LOOP, my->b)), my->id + 2);
    CHECK_EQ(picot_future_set(LOOP, my->a, &my->r, sizeof my->r), -EPERM);
    CHECK_EQ(picot_future_fail(LOOP, my->a, -EDOM), -EPERM);
    CHECK_EQ(picot_future_unref(LOOP, my->a), 0); /* the loop owns it: it goes on */
    picot_try_await(picot_result(.of = my->b));
    picot_await(nap(2));
    CHECK_STR(trace, "acbd");
    CHECK(!picot_future_task(LOOP, my->b));
    CHECK_EQ(picot_future_done(LOOP, my->a), -EBADF);
    CHECK_EQ(picot_future_unref(LOOP, my->b), 0);
    CHECK_EQ(picot_loop_task_count(LOOP), 1);
    /* Results of any type. */
    picot_create(my->a, triple_of(5));
    picot_await(my->r, picot_result(.of = my->a, PICOT_INTO(my->r)));
    CHECK_EQ(my->r, -EINVAL);
    picot_try_await(picot_result(.of = my->a, PICOT_INTO(my->t)));
    CHECK_EQ(my->t.a * 100 + my->t.b * 10 + my->t.c, 567);
    CHECK_EQ(picot_future_unref(LOOP, my->a), 0);
    picot_create(my->a, triple_of(-EDOM));
    picot_await(my->r, picot_result(.of = my->a, PICOT_INTO(my->t)));
    CHECK_EQ(my->r, -EDOM);
    CHECK_EQ(my->t.a, 5);
    CHECK_EQ(picot_future_unref(LOOP, my->a), 0);
    /* A refused spawn leaves nothing behind. */
    picot_task_group(my->group);
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_spawn_future(my->a, &my->group, nap(1));
    CHECK_EQ(my->a, -ECANCELED);
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(picot_future_unref(LOOP, my->a), 0);
    picot_end;
}

static void life(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(lives, 0));
    CHECK_EQ(rc, 0);
}

/* ---- names and texts ----------------------------------------------------------------------------- */

static char described[200];

static const char *describe(picot_loop *loop, picot_future future)
{
    int len = picot_future_describe(loop, future, described, sizeof described);
    CHECK_EQ(len, strlen(described));
    char *number = strstr(described, "task "), *rest = number ? strchr(number + 5, ' ') : NULL;
    if (rest) memmove(number + 4, rest, strlen(rest) + 1); /* without its id */
    return described;
}

picot_async_fn(int, tells_texts, (char unused;), (picot_future job, own; char name[40]; int r;))
{
    picot_begin;
    my->own = picot_future_create(LOOP, 0);
    CHECK_STR(describe(LOOP, my->own), "future: pending");
    CHECK_EQ(picot_future_describe(LOOP, my->own, NULL, 0), strlen("future: pending"));
    CHECK_EQ(picot_future_describe(LOOP, my->own, NULL, 3), -EINVAL);
    CHECK_EQ(picot_future_fail(LOOP, my->own, -ETIMEDOUT), 0);
    CHECK_STR(describe(LOOP, my->own), "future: finished, -110 ETIMEDOUT");
    CHECK_EQ(picot_future_result(LOOP, my->own, NULL, 0), -ETIMEDOUT);
    CHECK_EQ(picot_future_unref(LOOP, my->own), 0);
    picot_create(my->job, nap(50));
    CHECK_STR(describe(LOOP, my->job), in_eager_mode() ? "task nap: pending, awaits picot_sleep" : "task nap: pending");
    picot_yield();
    CHECK_STR(describe(LOOP, my->job), "task nap: pending, awaits picot_sleep");
    (void)snprintf(my->name, sizeof my->name, "the %d%s", 3, "rd");
    CHECK_EQ(picot_task_set_name(picot_future_task(LOOP, my->job), my->name), 0);
    CHECK_EQ(picot_task_set_name(picot_self, NULL), -EINVAL);
    CHECK_EQ(picot_task_set_name(NULL, "x"), -EINVAL);
    memset(my->name, 'x', sizeof my->name - 1);
    CHECK_STR(picot_task_name(picot_future_task(LOOP, my->job)), "the 3rd"); /* a copy */
    CHECK_STR(picot_task_name(picot_self), "tells_texts");
    CHECK_STR(picot_task_name(NULL), "none");
    CHECK_EQ(picot_future_cancel(LOOP, my->job, NULL), 1);
    CHECK_EQ(picot_future_done(LOOP, my->job), 0); /* asked to, no more */
    CHECK_STR(describe(LOOP, my->job), "task the 3rd: cancelling, awaits picot_sleep");
    picot_await(my->r, picot_result(.of = my->job));
    CHECK_EQ(my->r, -ECANCELED);
    CHECK_EQ(picot_future_cancelled(LOOP, my->job), 1);
    CHECK_STR(describe(LOOP, my->job), "task the 3rd: cancelled"); /* a name outlives its task */
    CHECK_EQ(picot_future_unref(LOOP, my->job), 0);
    picot_create(my->job, nap(0));
    picot_try_await(picot_result(.of = my->job));
    CHECK_STR(describe(LOOP, my->job), "task nap: finished");
    CHECK_EQ(picot_future_cancel(LOOP, my->job, NULL), 0);
    CHECK_EQ(picot_future_unref(LOOP, my->job), 0);
    picot_end;
}

static void texts(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(tells_texts, 0));
    CHECK_EQ(rc, 0);
}

/* ---- awaiting in circles, and of another loop ---------------------------------------------------- */

static picot_future ring[3];

picot_async_fn(int, awaits_next, (int i; int next;), (int r;))
{
    picot_begin;
    picot_yield(); /* until all are there */
    picot_await(my->r, picot_result(.of = ring[my->next]));
    if (my->r == -EDEADLK) say((char)('0' + my->i));
    picot_return(my->r == -EDEADLK ? 0 : my->r);
    picot_end;
}

picot_async_fn(int, makes_rings, (int size;), (picot_group group; int i, r;))
{
    picot_begin;
    picot_task_group(my->group);
    for (my->i = 0; my->i < my->size; my->i++)
        picot_spawn_future(ring[my->i], &my->group, picot_call(awaits_next, my->i, (my->i + 1) % my->size));
    picot_try_await(picot_join(.group = &my->group));
    CHECK_EQ(strlen(trace), 1); /* the one that would have closed the ring */
    for (my->i = 0; my->i < my->size; my->i++)
        CHECK_EQ(picot_future_unref(LOOP, ring[my->i]), 0);
    picot_end;
}

picot_async_fn(int, awaits_foreign, (picot_future of;), (picot_arm arm; int r;))
{
    picot_begin;
    picot_await(my->r, picot_result(.of = my->of));
    CHECK_EQ(my->r, -EXDEV);
    picot_await(my->r, picot_wait(.futures = &my->of, .count = 1));
    CHECK_EQ(my->r, -EXDEV);
    my->arm = picot_arm_future(my->of);
    picot_await(my->r, picot_select(.arms = &my->arm, .count = 1));
    CHECK_EQ(my->r, -EXDEV);
    picot_end;
}

static void circles(void)
{
    int rc;
    for (int size = 1; size <= 3; size++) {
        trace[0] = 0;
        RUN_ALONE(rc, picot_call(makes_rings, size));
        CHECK_EQ(rc, 0);
    }
    picot_loop *other = tap_loop();
    picot_future foreign = picot_future_create(other, 0);
    RUN_ALONE(rc, picot_call(awaits_foreign, foreign));
    CHECK_EQ(rc, 0);
    CHECK_EQ(picot_future_unref(other, foreign), 0);
    tap_loop_end(other);
}

/* ---- cancelling along ---------------------------------------------------------------------------- */

/* Takes `stubborn` cancellations before it ends; then succeeds, or ends with what it was told. */
picot_async_fn(int, resists, (int stubborn; int succeed;), (int r;))
{
    picot_begin;
    for (;;) {
        picot_await(my->r, picot_sleep(.ns = 20 * PICOT_MS));
        if (my->r == 0 || my->stubborn == 0) break;
        my->stubborn--;
        say('r');
    }
    picot_return(my->succeed ? 9 : my->r);
    picot_end;
}
#define resists(...) picot_call(resists, __VA_ARGS__)

picot_async_fn(int, awaits_along, (picot_future of; int shield;), (int r, value, next;))
{
    picot_begin;
    picot_await(my->r, picot_result(.of = my->of, PICOT_INTO(my->value), .shield = my->shield));
    picot_await(my->next, picot_sleep(.ns = 0));
    say(my->r == 0 ? 'v' : my->r == -ECANCELED ? 'c' : '?');
    say(my->next == 0 ? '.' : '!'); /* is a cancellation still to be told? */
    picot_end;
}
#define awaits_along(...) picot_call(awaits_along, __VA_ARGS__)

picot_async_fn(int, cancels_along, (int stubborn; int succeed; int shield; int times;),
               (picot_future inner, outer; int i, r;))
{
    picot_begin;
    trace[0] = 0;
    picot_create(my->inner, resists(my->stubborn, my->succeed));
    picot_create(my->outer, awaits_along(my->inner, my->shield));
    for (my->i = 0; my->i < my->times; my->i++) {
        picot_await(nap(1));
        CHECK_EQ(picot_future_cancel(LOOP, my->outer, "enough"), 1);
    }
    picot_await(my->r, picot_result(.of = my->outer));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_future_done(LOOP, my->inner), !my->shield);
    picot_await(my->r, picot_result(.of = my->inner));
    CHECK_EQ(picot_future_unref(LOOP, my->inner), 0);
    CHECK_EQ(picot_future_unref(LOOP, my->outer), 0);
    picot_end;
}

static void cancelling_along(void)
{
    static const struct {
        int stubborn, succeed, shield, times;
        const char *expected;
    } runs[] = {
        {0, 0, 0, 1, "c."},  /* the task ends by it */
        {0, 1, 0, 1, "v!"},  /* it succeeds all the same: nothing is lost, neither value nor cancellation */
        {1, 1, 0, 1, "rv!"}, /* it goes on */
        {1, 0, 0, 2, "rc."}, /* and is asked again */
        {0, 0, 1, 1, "c."},  /* left alone */
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        int rc;
        RUN_ALONE(rc, picot_call(cancels_along, runs[i].stubborn, runs[i].succeed, runs[i].shield, runs[i].times));
        CHECK_EQ(rc, 0);
        CHECK_STR(trace, runs[i].expected);
    }
}

/* A deadline whose cancellation the awaited task turned into a success was not told: no time-out. */
picot_async_fn(int, limits_result, (int succeed;), (picot_future inner; picot_scope scope; int r, value;))
{
    picot_begin;
    picot_create(my->inner, resists(0, my->succeed));
    picot_timeout(my->scope, PICOT_MS)
    {
        picot_await(my->r, picot_result(.of = my->inner, PICOT_INTO(my->value)));
        CHECK_EQ(my->r, my->succeed ? 0 : -ECANCELED);
    }
    CHECK_EQ(picot_error(), my->succeed ? 0 : -ETIMEDOUT);
    CHECK_EQ(picot_scope_caught(&my->scope), !my->succeed);
    CHECK_EQ(my->value, my->succeed ? 9 : 0);
    CHECK_EQ(picot_future_unref(LOOP, my->inner), 0);
    picot_end;
}

static void deadlines(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(limits_result, 0));
    CHECK_EQ(rc, 0);
    RUN_ALONE(rc, picot_call(limits_result, 1));
    CHECK_EQ(rc, 0);
}

/* ---- variables ----------------------------------------------------------------------------------- */

static int zero, one, two, three;
static const picot_context_key color = {&zero}, shape = {NULL};
static picot_context_key many[40];

#define COLOR (*(int *)picot_context_get(picot_self, &color))

picot_async_fn(int, paints, (int expected; int *set; picot_future * ret_child;), (char none;))
{
    picot_begin;
    CHECK_EQ(COLOR, my->expected);
    picot_yield();
    CHECK_EQ(COLOR, my->expected); /* later writes of the creator are not seen */
    CHECK_EQ(picot_context_set(picot_self, &color, my->set), 0);
    CHECK_EQ(COLOR, *my->set);
    picot_yield();
    CHECK_EQ(COLOR, *my->set);
    picot_end;
}
#define paints(...) picot_call(paints, __VA_ARGS__)

picot_async_fn(int, sees, (picot_task * creator;), (int i;))
{
    picot_begin;
    CHECK_EQ(COLOR, 1);
    for (my->i = 0; my->i < 40; my->i++)
        CHECK(picot_context_get(picot_self, &many[my->i]) == &many[my->i]);
    picot_end;
}

picot_async_fn(int, has_context, (char unused;), (picot_group group; picot_future job; int i;))
{
    picot_begin;
    CHECK_EQ(COLOR, 0);
    CHECK(!picot_context_get(picot_self, &shape));
    CHECK(!picot_context_get(NULL, &shape) && !picot_context_get(picot_self, NULL));
    CHECK_EQ(picot_context_set(NULL, &color, &one), -EINVAL);
    CHECK_EQ(picot_context_set(picot_self, NULL, &one), -EINVAL);
    picot_task_group(my->group);
    picot_spawn(&my->group, paints(0, &three));
    CHECK_EQ(picot_context_set(picot_self, &color, &one), 0);
    picot_spawn(&my->group, paints(1, &two));
    picot_create(my->job, paints(1, &three));
    CHECK_EQ(picot_context_set(picot_self, &color, &two), 0);
    picot_try_await(picot_join(.group = &my->group));
    picot_try_await(picot_result(.of = my->job));
    CHECK_EQ(COLOR, 2);
    CHECK_EQ(picot_future_unref(LOOP, my->job), 0);
    CHECK_EQ(picot_context_set(picot_self, &color, &one), 0);
    for (my->i = 0; my->i < 40; my->i++)
        CHECK_EQ(picot_context_set(picot_self, &many[my->i], &many[my->i]), 0);
    picot_spawn(&my->group, picot_call(sees, picot_self));
    CHECK_EQ(picot_start(LOOP, picot_call(sees, picot_self)), 0);
    picot_await(nap(1));
    CHECK_EQ(picot_context_set(picot_self, &color, NULL), 0);
    CHECK(!picot_context_get(picot_self, &color));
    picot_end;
}

static void contexts(void)
{
    int rc;
    one = 1, two = 2, three = 3;
    RUN_ALONE(rc, picot_call(has_context, 0));
    CHECK_EQ(rc, 0);
}

static const struct tap_case cases[] = {
    {"tasks with handles", life, 0},
    {"names and texts", texts, 0},
    {"awaiting in circles, and of another loop", circles, 0},
    {"a cancellation goes along, and is never lost", cancelling_along, 0},
    {"a deadline around a result", deadlines, 0},
    {"variables", contexts, 0},
};

TAP_MAIN(cases)
