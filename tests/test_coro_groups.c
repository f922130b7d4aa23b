/* SPDX-License-Identifier: MIT
 *
 * test_coro_groups.c - groups of tasks: joining, the first failure, keeping going, cancelling, leaving on every way
 * out, nested groups, many tasks. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <stdio.h>

/* ---- results and joining --------------------------------------------------------------------- */

struct pair {
    int a, b;
};

picot_async_fn(struct pair, pair_of, (int a; int b;), (char none;))
{
    picot_begin;
    picot_yield();
    picot_return((struct pair){my->a, my->b});
    picot_end;
}

picot_async_fn(double, half_of, (int n;), (char none;))
{
    picot_begin;
    picot_try_await(picot_sleep(.ns = PICOT_MS));
    picot_return(my->n / 2.0);
    picot_end;
}

picot_async_fn(int, collects, (char unused;),
               (picot_group group; int i, results[10]; struct pair pair; double half; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    CHECK_EQ(picot_group_size(&my->group), 0);
    for (my->i = 0; my->i < 10; my->i++) {
        picot_spawn(&my->group, my->results[my->i], nap(my->i % 3, .result = my->i));
        CHECK_EQ(picot_error(), 0);
    }
    picot_try_spawn(&my->group, my->pair, picot_call(pair_of, 3, .b = 4));
    picot_spawn(&my->group, my->half, picot_call(half_of, 5));
    picot_spawn(&my->group, nap(1, .done = 'n')); /* its result is nobody's */
    CHECK_EQ(picot_group_size(&my->group), 13);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_group_size(&my->group), 0);
    for (my->i = 0; my->i < 10; my->i++)
        CHECK_EQ(my->results[my->i], my->i);
    CHECK_EQ(my->pair.a * 10 + my->pair.b, 34);
    CHECK(my->half == 2.5);
    CHECK_STR(trace, "n");
    /* The group may be filled and joined again, and joined when empty. */
    picot_spawn(&my->group, nap(1, 'a', 'b'));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_STR(trace, "nab");
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void joining(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(collects, 0));
    CHECK_EQ(rc, 0);
}

/* The first step of a task is in the next turn; leaving with success waits for the tasks. */
picot_async_fn(int, leaves, (int code;), (picot_group group; int i;))
{
    picot_begin;
    picot_defer say('d');
    picot_task_group(my->group);
    picot_defer say('e');
    for (my->i = 0; my->i < 3; my->i++)
        picot_spawn(&my->group, nap(my->i, 's', 't', 'k'));
    say('w');
    if (my->code < 0) picot_yield();
    picot_return(my->code);
    picot_end;
}

static void leaving(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(leaves, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, in_eager_mode() ? "ssswetttd" : "wessstttd");
    trace[0] = 0;
    RUN_ALONE(rc, picot_call(leaves, -EDOM));
    CHECK_EQ(rc, -EDOM);
    CHECK_EQ(strlen(trace), strlen("wsssekkkd"));
    CHECK_EQ(trace[strlen(trace) - 1], 'd');
}

/* ---- failures -------------------------------------------------------------------------------- */

picot_async_fn(int, fails_later, (int ms; int code;), (int r;))
{
    picot_begin;
    picot_try_await(nap(my->ms));
    picot_fail(my->code);
    picot_end;
}
#define fails_later(...) picot_call(fails_later, __VA_ARGS__)

picot_async_fn(int, one_fails, (int keep_going; int join;), (picot_group group; int r, a, b, c;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = my->keep_going);
    picot_spawn(&my->group, my->a, nap(my->keep_going ? 20 : 5000, 0, 'a', 'x', .result = 5));
    picot_spawn(&my->group, my->b, fails_later(2, -EDOM));
    picot_spawn(&my->group, my->c, fails_later(my->keep_going ? 10 : 5000, -ERANGE));
    if (my->join) {
        picot_await(my->r, picot_join(.group = &my->group));
        CHECK_EQ(my->r, my->keep_going ? 0 : -EDOM);
        CHECK_EQ(my->a, my->keep_going ? 5 : -ECANCELED);
        CHECK_EQ(my->b, -EDOM);
        CHECK_EQ(my->c, my->keep_going ? -ERANGE : -ECANCELED);
        CHECK_EQ(picot_group_size(&my->group), 0);
        /* The failure has been told; the group is as new. */
        picot_spawn(&my->group, my->a, nap(1, .result = 6));
        CHECK_EQ(picot_error(), 0);
        picot_await(my->r, picot_join(.group = &my->group));
        CHECK_EQ(my->r, 0);
        CHECK_EQ(my->a, 6);
    }
    picot_return(11);
    picot_end;
}

static void failures(void)
{
    picot_loop *loop = tap_loop();
    for (int keep_going = 0; keep_going < 2; keep_going++) {
        for (int join = 0; join < 2; join++) {
            int value = 0;
            trace[0] = 0;
            int rc = picot_run_into(loop, &value, picot_call(one_fails, keep_going, join));
            CHECK_EQ(rc, keep_going || join ? 0 : -EDOM); /* unjoined, it becomes the function's status */
            CHECK_EQ(value, keep_going || join ? 11 : -EDOM);
            CHECK_STR(trace, keep_going ? "a" : "x");
        }
    }
    tap_loop_end(loop);
}

/* A task that fails at once, before or while the others are begun. */
picot_async_fn(int, fails_at_once, (char unused;), (picot_group group; int r, a, b;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, my->a, give(-EDOM));
    picot_spawn(&my->group, my->b, nap(5000, 's', 't', 'x'));
    picot_yield();
    picot_yield();
    picot_spawn(&my->group, give(0));
    CHECK_EQ(picot_error(), -ECANCELED);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    CHECK_EQ(my->a, -EDOM);
    CHECK_EQ(my->b, in_eager_mode() ? 0 : -ECANCELED); /* its spawn was refused: the group is cancelled already */
    picot_end;
}

static void failing_at_once(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(fails_at_once, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, in_eager_mode() ? "" : "sx");
}

/* Several fail: the first one counts. */
picot_async_fn(int, all_fail, (char unused;), (picot_group group; int i, r;))
{
    picot_begin;
    picot_task_group(my->group);
    for (my->i = 0; my->i < 5; my->i++)
        picot_spawn(&my->group, fails_later(1 + (my->i + 3) % 5 * 3, -100 - my->i));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -102);
    picot_end;
}

static void several_failures(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(all_fail, 0));
    CHECK_EQ(rc, 0);
}

/* The body is cut by a failure, too, whatever it awaits, until it joins: then all is as new. */
picot_async_fn(int, body_is_cut, (int how;), (picot_group group; picot_cancellation why; int r, i;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_defer
    {
        picot_await(my->r, nap(1)); /* cleanup is not */
        CHECK_EQ(my->r, 0);
        say('d');
    }
    picot_spawn(&my->group, nap(5000, 0, 0, 'x'));
    picot_spawn(&my->group, fails_later(1, -EDOM));
    if (my->how == 0) picot_try_await(nap(5000, 0, 0, 'b'));
    for (my->i = 0; my->i < 2; my->i++) {
        picot_await(my->r, nap(5000, 0, 0, 'b'));
        CHECK_EQ(my->r, -ECANCELED); /* a level */
    }
    CHECK_EQ(picot_task_cancellation(picot_self, &my->why), 0);
    CHECK_EQ(my->why.reason, PICOT_CANCEL_SIBLING);
    if (my->how == 1) picot_return(7); /* a success, but for the group's failure */
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    picot_await(my->r, nap(1));
    CHECK_EQ(my->r, 0);
    picot_fail(-ERANGE);
    picot_end;
}

static void cut_bodies(void)
{
    static const int results[] = {-EDOM, -EDOM, -ERANGE};
    static const char *const traces[] = {"xbd", "xbbd", "xbbd"};
    for (int how = 0; how < 3; how++) {
        int rc;
        trace[0] = 0;
        RUN_ALONE(rc, picot_call(body_is_cut, how));
        CHECK_EQ(rc, results[how]);
        CHECK_EQ(strlen(trace), strlen(traces[how]));
    }
}

/* ---- cancelling ------------------------------------------------------------------------------ */

picot_async_fn(int, cancels_its_group, (char unused;), (picot_group group; int r, a, b, c;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, my->a, nap(5000, 's', 't', 'x'));
    picot_yield();
    picot_spawn(&my->group, my->b, nap(5000, 'q', 'r', 'y')); /* cancelled before its first step: it still takes it */
    picot_spawn(&my->group, give(1));
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_spawn(&my->group, give(1)); /* like the last one, but for the cancel */
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    my->c = 5;
    picot_spawn(&my->group, my->c, give(1));
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(my->c, 5);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->a, -ECANCELED);
    CHECK_EQ(my->b, -ECANCELED);
    picot_try_spawn(&my->group, give(1)); /* it stays cancelled: this ends the function */
    say('!');
    picot_end;
}

static void cancelling(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(cancels_its_group, 0));
    CHECK_EQ(rc, -ECANCELED);
    CHECK(!strchr(trace, '!'));
    CHECK(strchr(trace, 'x') && strchr(trace, 'y'));
}

picot_async_fn(int, child_cancels, (picot_group * group;), (char none;))
{
    picot_begin;
    picot_yield();
    CHECK_EQ(picot_group_cancel(my->group, NULL), 0);
    picot_await(picot_sleep(.ns = PICOT_SECOND));
    CHECK_EQ(picot_error(), -ECANCELED);
    picot_return(3);
    picot_end;
}

picot_async_fn(int, cancelled_by_child, (char unused;), (picot_group group; int r, a, b;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, my->a, nap(5000, 0, 0, 'x'));
    picot_spawn(&my->group, my->b, picot_call(child_cancels, &my->group));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->a, -ECANCELED);
    CHECK_EQ(my->b, 3);
    picot_end;
}

static void cancelled_from_inside(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(cancelled_by_child, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, joins_another_s, (picot_group * group;), (int r;))
{
    picot_begin;
    picot_await(my->r, picot_join(.group = my->group));
    CHECK_EQ(my->r, -EPERM);
    picot_spawn(my->group, give(2)); /* a member may add members */
    CHECK_EQ(picot_error(), 0);
    picot_end;
}

picot_async_fn(int, misuses, (char unused;), (picot_group group, closed; int r;))
{
    picot_begin;
    CHECK_EQ(picot_group_cancel(NULL, NULL), -EINVAL);
    CHECK_EQ(picot_group_size(NULL), 0);
    my->closed = (picot_group){0};
    CHECK_EQ(picot_group_cancel(&my->closed, NULL), -EINVAL);
    CHECK_EQ(picot_group_size(&my->closed), 0);
    picot_spawn(&my->closed, give(1));
    CHECK_EQ(picot_error(), -EINVAL);
    picot_await(my->r, picot_join(.group = &my->closed));
    CHECK_EQ(my->r, -EINVAL);
    picot_await(my->r, picot_join());
    CHECK_EQ(my->r, -EINVAL);
    picot_task_group(my->group);
    picot_spawn(&my->group, my->r, picot_call(joins_another_s, &my->group));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void misuse_run(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(misuses, 0));
    CHECK_EQ(rc, 0);
}

/* ---- the owner is cancelled ------------------------------------------------------------------ */

picot_async_fn(int, owner, (int join; int cleanup_ms;), (picot_group group; int r;))
{
    picot_begin;
    picot_defer say('o');
    picot_task_group(my->group);
    picot_spawn(&my->group, nap(5000, 0, 0, 'x'));
    picot_spawn(&my->group, nap(5000, 0, 0, 'x'));
    if (my->join) picot_try_await(picot_join(.group = &my->group));
    say('l');
    picot_end;
}

/* Joined or left: the deadline reaches the tasks through the owner that waits for them. */
picot_async_fn(int, limits_an_owner, (char unused;), (int r;))
{
    picot_begin;
    picot_wait_for(my->r, 3 * PICOT_MS, picot_call(owner, 1));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_STR(trace, "xxo");
    trace[0] = 0;
    picot_wait_for(my->r, 3 * PICOT_MS, picot_call(owner, 0));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_STR(trace, "lxxo");
    trace[0] = 0;
    picot_wait_for(my->r, 0, picot_call(owner, 1));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_EQ(trace[strlen(trace) - 1], 'o');
    picot_end;
}

static void cancelled_owner(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(limits_an_owner, 0));
    CHECK_EQ(rc, 0);
}

/* ---- nested ---------------------------------------------------------------------------------- */

picot_async_fn(int, tree, (int depth; int *ret_leaves; int fail_at;), (picot_group group, other; int i;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_task_group(my->other, .keep_going = 1);
    if (my->depth == 0) {
        picot_try_await(nap(1));
        ++*my->ret_leaves;
        if (*my->ret_leaves == my->fail_at) picot_fail(-EDOM);
        picot_return(0);
    }
    for (my->i = 0; my->i < 3; my->i++)
        picot_try_spawn(&my->group, picot_call(tree, my->depth - 1, my->ret_leaves, my->fail_at));
    picot_try_spawn(&my->other, nap(2));
    picot_end;
}

static void nested(void)
{
    picot_loop *loop = tap_loop();
    int leaves = 0;
    CHECK_EQ(picot_run(loop, picot_call(tree, 5, &leaves)), 0);
    CHECK_EQ(leaves, 243);
    leaves = 0;
    CHECK_EQ(picot_run(loop, picot_call(tree, 5, &leaves, 100)), -EDOM);
    CHECK(leaves >= 100);
    CHECK_EQ(picot_loop_task_count(loop), 0);
    tap_loop_end(loop);
}

/* Two groups of one function: the failure of the inner one leads to the cancellation of the outer one. */
picot_async_fn(int, two_groups, (char unused;), (picot_group outer, inner; int a, b;))
{
    picot_begin;
    picot_task_group(my->outer);
    picot_spawn(&my->outer, my->a, nap(5000, 0, 0, 'o'));
    picot_task_group(my->inner);
    picot_spawn(&my->inner, my->b, fails_later(1, -EDOM));
    picot_end;
}

static void groups_in_a_row(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(two_groups, 0));
    CHECK_EQ(rc, -EDOM);
    CHECK_STR(trace, "o");
}

/* ---- many ------------------------------------------------------------------------------------ */

enum { MANY = 20000 };

picot_async_fn(int, adds_one, (int *sum; int how;), (char none;))
{
    picot_begin;
    if (my->how == 1) picot_yield();
    if (my->how == 2) picot_await(picot_sleep(.ns = PICOT_MS));
    ++*my->sum;
    picot_return(*my->sum < 0 ? -EDOM : 0);
    picot_end;
}

picot_async_fn(int, spawns_many, (int cancel;), (picot_group group; int i, sum, r;))
{
    picot_begin;
    my->sum = 0;
    picot_task_group(my->group);
    for (my->i = 0; my->i < MANY; my->i++)
        picot_try_spawn(&my->group, picot_call(adds_one, &my->sum, my->cancel ? 2 : my->i % 3));
    if (!in_eager_mode()) CHECK_EQ(picot_loop_task_count(picot_this_loop()), MANY + 1);
    if (my->cancel) {
        picot_yield();
        CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    }
    picot_try_await(picot_join(.group = &my->group));
    CHECK_EQ(my->sum, MANY);
    picot_end;
}

static void thousands(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(spawns_many, 0));
    CHECK_EQ(rc, 0);
    RUN_ALONE(rc, picot_call(spawns_many, 1));
    CHECK_EQ(rc, 0);
}

static const struct tap_case cases[] = {
    {"results, join, join again", joining, 0},
    {"left with success and with an error", leaving, 0},
    {"the first failure cancels the others, or not", failures, 0},
    {"a task that fails at once", failing_at_once, 0},
    {"several failures", several_failures, 0},
    {"the body is cut by a failure", cut_bodies, 0},
    {"cancel; no spawn after it", cancelling, 0},
    {"cancelled by one of its tasks", cancelled_from_inside, 0},
    {"misuse", misuse_run, 0},
    {"the owner is cancelled", cancelled_owner, 0},
    {"nested", nested, 0},
    {"two in one function", groups_in_a_row, 0},
    {"twenty thousand tasks", thousands, 0},
};

TAP_MAIN(cases)
