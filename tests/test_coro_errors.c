/* SPDX-License-Identifier: MIT
 *
 * test_coro_errors.c - more of groups: trees of failures, collecting, failures that meet cancellations, room in a
 * limited group, cancelling without an error, the start handshake. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#define LOOP picot_this_loop()

picot_async_fn(int, breaks, (int ms; int code;), (int r;))
{
    picot_begin;
    picot_await(my->r, nap(my->ms));
    picot_fail(my->code ? my->code : my->r); /* its own error, also when it is cancelled */
    picot_end;
}
#define breaks(...) picot_call(breaks, __VA_ARGS__)

/* ---- trees --------------------------------------------------------------------------------------- */

picot_async_fn(int, inner, (int first;), (picot_group group;))
{
    picot_begin;
    picot_task_group(my->group, .collect = 1);
    picot_try_spawn(&my->group, breaks(2, my->first - 1));
    picot_try_spawn(&my->group, breaks(1, my->first));
    picot_try_spawn(&my->group, nap(1));
    picot_end;
}
#define inner(...) picot_call(inner, __VA_ARGS__)

picot_async_fn(int, collects, (char unused;), (picot_group group; const picot_error_node *e; int r;))
{
    picot_begin;
    picot_task_group(my->group, .collect = 1);
    CHECK(!picot_group_errors(&my->group));
    picot_try_spawn(&my->group, inner(-101));
    picot_try_spawn(&my->group, breaks(0, -103));
    picot_yield();
    picot_yield();
    picot_yield();
    CHECK(picot_group_errors(&my->group));         /* already */
    picot_try_spawn(&my->group, breaks(20, -104)); /* more of the same round forget nothing */
    picot_try_spawn(&my->group, nap(30, .done = 'n'));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -103);
    CHECK_STR(trace, "n"); /* all run to their end */
    my->e = picot_group_errors(&my->group);
    CHECK_EQ(my->e->rc, -103);
    CHECK_STR(my->e->name, "breaks");
    CHECK(!my->e->inner);
    CHECK_EQ(my->e->next->rc, -101);
    CHECK_STR(my->e->next->name, "inner");
    CHECK_EQ(my->e->next->inner->rc, -101);
    CHECK_EQ(my->e->next->inner->next->rc, -102);
    CHECK(!my->e->next->inner->next->next);
    CHECK_EQ(my->e->next->next->rc, -104);
    CHECK(!my->e->next->next->next);
    CHECK(my->e->task_id > 0 && my->e->task_id != my->e->next->task_id);
    CHECK_EQ(picot_errors_count(my->e), 4);
    CHECK_EQ(picot_errors_count(my->e->next->inner), 2);
    CHECK_EQ(picot_errors_count(NULL), 0);
    CHECK(picot_errors_find(my->e, -102) == my->e->next->inner->next);
    CHECK(picot_errors_find(my->e, -101) == my->e->next->inner); /* the cause, not whom it felled */
    CHECK(picot_errors_find(my->e, -104) == my->e->next->next);
    CHECK(!picot_errors_find(my->e->next->inner, -104)); /* not outside of where it began */
    CHECK(!picot_errors_find(my->e, -1) && !picot_errors_find(NULL, -1));
    picot_try_spawn(&my->group, nap(0)); /* the next round */
    CHECK(!picot_group_errors(&my->group));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    CHECK(!picot_task_errors(picot_self));
    picot_end;
}

picot_async_fn(int, calls_inner, (char unused;), (picot_group group; int r;))
{
    picot_begin;
    picot_await(my->r, inner(-101)); /* on this task: its caller sees the tree */
    CHECK_EQ(my->r, -101);
    CHECK_EQ(picot_errors_count(picot_task_errors(picot_self)), 2);
    picot_await(my->r, inner(-111));
    CHECK_EQ(picot_task_errors(picot_self)->rc, -111);
    picot_task_group(my->group);
    picot_spawn(&my->group, inner(-121));
    picot_spawn(&my->group, breaks(5000, 0)); /* cancelled: no failure */
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -121);
    CHECK_EQ(picot_errors_count(picot_group_errors(&my->group)), 2);
    CHECK(!picot_task_errors(NULL) && !picot_group_errors(NULL));
    picot_end; /* dealt with: leaving with success keeps nothing */
}

static void trees(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, picot_call(collects, 0)), 0);
    CHECK_EQ(picot_run(loop, picot_call(calls_inner, 0)), 0);
    tap_loop_end(loop);
}

/* As deep as memory goes, not the stack. */
picot_async_fn(int, nests, (int depth;), (picot_group group;))
{
    picot_begin;
    if (my->depth == 0) picot_fail(-EDOM);
    picot_task_group(my->group, .collect = 1);
    picot_try_spawn(&my->group, picot_call(nests, my->depth - 1));
    picot_end;
}

picot_async_fn(int, nests_deeply, (int depth;), (picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_try_spawn(&my->group, picot_call(nests, my->depth));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    CHECK_EQ(picot_errors_count(picot_group_errors(&my->group)), 1);
    CHECK_EQ(picot_errors_find(picot_group_errors(&my->group), -EDOM)->rc, -EDOM);
    picot_end;
}

static void deep_trees(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(nests_deeply, 100000));
    CHECK_EQ(rc, 0);
}

/* ---- failures that meet cancellations ------------------------------------------------------------ */

/* Cancelled from outside, and a child fails while it cleans up: the failure wins, the cancellation is told again. */
picot_async_fn(int, fails_in_cleanup, (char unused;), (picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, breaks(5000, -EDOM));
    picot_spawn(&my->group, nap(5000, .cancelled = 'x'));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    picot_await(my->r, picot_sleep(.ns = 0));
    CHECK_EQ(my->r, -ECANCELED);
    picot_await(my->r, picot_sleep(.ns = 0)); /* once */
    CHECK_EQ(my->r, 0);
    picot_end;
}

/* An outer group's failure and an inner one's in one turn. */
picot_async_fn(int, handles_inner, (char unused;), (picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, breaks(5000, -ERANGE));
    picot_await(my->r, picot_join(.group = &my->group)); /* cancelled by the outer one's failure: its child answers */
    CHECK_EQ(my->r, -ERANGE);
    picot_await(my->r, picot_sleep(.ns = 0));
    CHECK_EQ(my->r, -ECANCELED); /* the outer one's is a level */
    picot_fail(my->r);
    picot_end;
}

picot_async_fn(int, mixes, (char unused;), (picot_future f; picot_group group; int r;))
{
    picot_begin;
    picot_create(my->f, picot_call(fails_in_cleanup, 0));
    picot_await(nap(1));
    CHECK_EQ(picot_future_cancel(LOOP, my->f, NULL), 1);
    picot_await(my->r, picot_result(.of = my->f));
    CHECK_EQ(my->r, 0);
    CHECK_STR(trace, "x");
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(handles_inner, 0));
    picot_spawn(&my->group, breaks(2, -EDOM));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    CHECK_EQ(picot_errors_count(picot_group_errors(&my->group)), 1); /* cancelled ones are left out */
    CHECK_EQ(picot_task_cancelling(picot_self), 0);
    picot_await(my->r, picot_sleep(.ns = 0));
    CHECK_EQ(my->r, 0);
    /* A member cancelled through its handle is no failure; one that ends so by itself is. */
    picot_spawn_future(my->f, &my->group, nap(5000));
    CHECK_EQ(picot_future_cancel(LOOP, my->f, NULL), 1);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_spawn(&my->group, nap(1, .done = 'd'));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    CHECK_STR(trace, "xd");
    picot_spawn(&my->group, breaks(0, -ECANCELED));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -ECANCELED);
    picot_end;
}

static void mixed(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(mixes, 0));
    CHECK_EQ(rc, 0);
}

/* ---- room ---------------------------------------------------------------------------------------- */

static int most, present;

picot_async_fn(int, counted, (int ms;), (int r;))
{
    picot_begin;
    if (++present > most) most = present;
    picot_defer present--;
    picot_try_await(nap(my->ms));
    picot_end;
}

picot_async_fn(int, fills, (picot_group * group; char name; int spawn;), (int r;))
{
    picot_begin;
    picot_await(my->r, picot_room(.group = my->group));
    say(my->r == 0 ? my->name : '-');
    if (my->r < 0) picot_fail(my->r);
    if (my->spawn) picot_try_spawn(my->group, picot_call(counted, 1));
    picot_end;
}
#define fills(...) picot_call(fills, __VA_ARGS__)

picot_async_fn(int, limits, (char unused;), (picot_group group, fillers; int i, r; picot_future f;))
{
    picot_begin;
    picot_task_group(my->group, .limit = 3);
    for (my->i = 0; my->i < 50; my->i++) {
        picot_try_await(picot_room(.group = &my->group));
        picot_try_spawn(&my->group, picot_call(counted, my->i % 4));
    }
    picot_try_await(picot_join(.group = &my->group));
    CHECK_EQ(most, 3);
    CHECK_EQ(present, 0);
    /* In order, and nobody is left waiting beside free room, whether those let in use it or not. */
    for (my->i = 0; my->i < 3; my->i++)
        picot_try_spawn(&my->group, picot_call(counted, 2));
    picot_spawn(&my->group, picot_call(counted, 2));
    CHECK_EQ(picot_error(), -EBUSY);
    picot_task_group(my->fillers);
    for (my->i = 0; my->i < 8; my->i++)
        picot_try_spawn(&my->fillers, fills(&my->group, (char)('a' + my->i), my->i % 3 == 0));
    picot_spawn_future(my->f, &my->fillers, fills(&my->group, 'X', 1));
    picot_try_spawn(&my->fillers, fills(&my->group, 'z', 1));
    picot_yield();
    picot_yield();
    CHECK_STR(trace, "");
    CHECK_EQ(picot_future_cancel(LOOP, my->f, NULL), 1);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_try_await(picot_join(.group = &my->fillers));
    CHECK_STR(trace, "-abcdefghz");
    CHECK_EQ(most, 3);
    picot_try_await(picot_join(.group = &my->group));
    /* The group is cancelled: those who wait for room are told. */
    for (my->i = 0; my->i < 3; my->i++)
        picot_try_spawn(&my->group, picot_call(counted, 5000));
    picot_try_spawn(&my->fillers, fills(&my->group, 'y', 1));
    picot_await(nap(1));
    CHECK_EQ(picot_group_cancel(&my->group, "full"), 0);
    picot_await(my->r, picot_join(.group = &my->fillers));
    CHECK_EQ(my->r, -ECANCELED);
    picot_await(my->r, picot_room(.group = &my->group));
    CHECK_EQ(my->r, -ECANCELED);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0); /* cancelling a group is no error */
    picot_await(my->r, picot_room(.group = NULL));
    CHECK_EQ(my->r, -EINVAL);
    picot_end;
}

static void room(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(limits, 0));
    CHECK_EQ(rc, 0);
}

/* ---- the start handshake ------------------------------------------------------------------------- */

picot_async_fn(int, starts_up, (int code; int64_t value; int later; int plain;), (int r;))
{
    picot_begin;
    picot_await(my->r, nap(1));
    if (my->r < 0) say('x');
    if (my->r < 0 || my->code < 0) picot_fail(my->r < 0 ? my->r : my->code);
    CHECK_EQ(picot_started(-1), -EINVAL);
    if (my->value >= 0) CHECK_EQ(picot_started(my->value), 0);
    if (my->value >= 0) CHECK_EQ(picot_started(my->value), my->plain ? 0 : -EALREADY);
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
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    picot_spawn_started(my->n, &my->group, picot_call(starts_up, 0, 8, -EDOM));
    CHECK_EQ(my->n, 8);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    picot_spawn(&my->group, picot_call(starts_up, 0, 8, .plain = 1)); /* nobody waits for its word */
    picot_try_await(picot_join(.group = &my->group));
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_spawn_started(my->n, &my->group, picot_call(starts_up, 0, 8));
    CHECK_EQ(my->n, -ECANCELED);
    CHECK_EQ(picot_error(), -ECANCELED);
    picot_end;
}

/* Cancelled before the word: the task goes along. It gives its word all the same: both are told. */
picot_async_fn(int, starts_stubbornly, (int stubborn;), (int r;))
{
    picot_begin;
    picot_await(my->r, nap(10));
    if (my->r < 0 && !my->stubborn) picot_fail(my->r);
    CHECK_EQ(picot_started(5), 0);
    picot_await(my->r, nap(10));
    say(my->r < 0 ? 'x' : 'l'); /* it belongs to the group now */
    picot_end;
}

picot_async_fn(int, is_cancelled_starting, (int stubborn;), (picot_group group; int64_t n; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn_started(my->n, &my->group, picot_call(starts_stubbornly, my->stubborn));
    CHECK_EQ(my->n, my->stubborn ? 5 : -ECANCELED);
    picot_await(my->r, picot_sleep(.ns = 0));
    CHECK_EQ(my->r, my->stubborn ? -ECANCELED : 0);
    picot_end;
}

picot_async_fn(int, cancels_a_start, (char unused;), (picot_future f; int i, r;))
{
    picot_begin;
    for (my->i = 0; my->i < 2; my->i++) {
        picot_create(my->f, picot_call(is_cancelled_starting, my->i));
        picot_await(nap(1));
        CHECK_EQ(picot_future_cancel(LOOP, my->f, NULL), 1);
        picot_try_await(picot_result(.of = my->f));
        CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    }
    CHECK_STR(trace, "l");
    picot_end;
}

static void cancelled_start(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(cancels_a_start, 0));
    CHECK_EQ(rc, 0);
}

static void start_handshake(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(handshakes, 0));
    CHECK_EQ(rc, 0);
}

static const struct tap_case cases[] = {
    {"trees of failures", trees, 0},           {"a hundred thousand groups in each other", deep_trees, TAP_SLOW},
    {"failures meet cancellations", mixed, 0}, {"room in a limited group", room, 0},
    {"start handshake", start_handshake, 0},   {"a start is cancelled", cancelled_start, 0},
};

TAP_MAIN(cases)
