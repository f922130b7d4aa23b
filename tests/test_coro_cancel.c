/* SPDX-License-Identifier: MIT
 *
 * test_coro_cancel.c - cancellation of tasks: edges and their count, levels, what a task that was not begun, that is
 * itself, or that has ended makes of it; who cancelled it and why. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <picot/future.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- edges ------------------------------------------------------------------------------------- */

static picot_task *victim;

picot_async_fn(int, ignores, (char unused;), (int r;))
{
    picot_begin;
    victim = picot_self;
    picot_await(my->r, nap(5000, .cancelled = 'c'));
    CHECK_EQ(my->r, -ECANCELED);
    CHECK_EQ(picot_task_cancelling(picot_self), 1);
    picot_await(my->r, nap(1, .done = 'd', .cancelled = '!')); /* undisturbed: it was told once */
    CHECK_EQ(my->r, 0);
    victim = NULL;
    picot_return(6);
    picot_end;
}

picot_async_fn(int, counts, (char unused;), (int r; picot_cancellation why;))
{
    picot_begin;
    victim = picot_self;
    CHECK_EQ(picot_task_uncancel(picot_self), 0);
    /* Withdrawn before it was told. */
    CHECK_EQ(picot_task_cancel(picot_self, "one"), 0);
    CHECK_EQ(picot_task_cancel(picot_self, "two"), 0);
    CHECK_EQ(picot_task_cancelling(picot_self), 2);
    CHECK_EQ(picot_task_uncancel(picot_self), 1);
    CHECK_EQ(picot_task_cancellation(picot_self, &my->why), 0);
    CHECK_STR(my->why.text, "one");
    CHECK_EQ(picot_task_uncancel(picot_self), 0);
    picot_await(my->r, nap(1));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_task_cancellation(picot_self, &my->why), -ENOENT);
    /* Of two, one is left: told, once. */
    CHECK_EQ(picot_task_cancel(picot_self, "three"), 0);
    CHECK_EQ(picot_task_cancel(picot_self, "four"), 0);
    CHECK_EQ(picot_task_uncancel(picot_self), 1);
    picot_yield();
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(picot_task_cancellation(picot_self, &my->why), 0);
    CHECK_STR(my->why.text, "three");
    picot_yield();
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(picot_task_uncancel(picot_self), 0);
    CHECK_EQ(picot_task_cancellation(picot_self, &my->why), -ENOENT);
    /* And anew. */
    CHECK_EQ(picot_task_cancel(picot_self, "five"), 0);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, -ECANCELED);
    CHECK_EQ(picot_task_cancellation(picot_self, &my->why), 0);
    CHECK_STR(my->why.text, "five");
    CHECK_EQ(my->why.reason, PICOT_CANCEL_USER);
    CHECK_EQ(my->why.origin, picot_task_id(picot_self));
    CHECK_EQ(picot_task_uncancel(picot_self), 0);
    /* A block leaves the count alone. */
    CHECK_EQ(picot_task_cancel(picot_self, NULL), 0);
    picot_wait_for(my->r, 0, nap(0));
    CHECK_EQ(my->r, -ECANCELED); /* the task's is the outer one */
    CHECK_EQ(picot_task_cancelling(picot_self), 1);
    picot_wait_for(my->r, 0, nap(0)); /* that is over: its cleanup may time out */
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_EQ(picot_task_cancelling(picot_self), 1);
    picot_end;
}

picot_async_fn(int, edges, (char unused;), (picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    CHECK_EQ(picot_task_cancel(NULL, NULL), -EINVAL);
    CHECK_EQ(picot_task_cancelling(NULL), 0);
    CHECK_EQ(picot_task_uncancel(NULL), 0);
    picot_spawn(&my->group, my->r, picot_call(ignores, 0));
    picot_await(nap(1));
    CHECK_EQ(picot_task_cancel(victim, NULL), 0);
    say('o'); /* a request: nothing has happened yet */
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(my->r, 6);
    CHECK_STR(trace, "ocd");
    picot_try_await(my->r, picot_call(counts, 0));
    picot_end;
}

static void told_once(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(edges, 0));
    CHECK_EQ(rc, 0);
}

/* ---- not begun, itself, ended ------------------------------------------------------------------ */

picot_async_fn(int, says_and_waits, (char unused;), (int r;))
{
    picot_begin;
    say('b');
    picot_defer say('z');
    picot_try_await(nap(5000, .cancelled = 'c'));
    picot_end;
}

picot_async_fn(int, cancels_itself, (int waits;), (int r;))
{
    picot_begin;
    CHECK_EQ(picot_task_cancel(picot_self, NULL), 0);
    if (my->waits) picot_try_await(nap(0));
    picot_return(5); /* without a wait it has finished, and keeps its value */
    picot_end;
}

picot_async_fn(int, moments, (char unused;), (picot_group group; picot_future job; picot_arm arm; int i, a, b;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    /* Not begun: it begins, and is cut where it would wait. */
    picot_spawn_future(my->job, &my->group, picot_call(says_and_waits, 0));
    CHECK_EQ(picot_future_cancel(picot_this_loop(), my->job, "early"), 1);
    CHECK_STR(trace, "");
    picot_await(my->a, picot_result(.of = my->job));
    CHECK_EQ(my->a, -ECANCELED);
    CHECK_STR(trace, "bcz");
    /* Ended: nothing happens. */
    CHECK_EQ(picot_future_cancel(picot_this_loop(), my->job, "late"), 0);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->job), 0);
    picot_spawn(&my->group, my->a, picot_call(cancels_itself, 0));
    picot_spawn(&my->group, my->b, picot_call(cancels_itself, 1));
    picot_try_await(picot_join(.group = &my->group));
    CHECK_EQ(my->a, 5);
    CHECK_EQ(my->b, -ECANCELED);
    /* Tasks that are nothing but a leaf: not begun, and waiting. */
    for (my->i = 0; my->i < 2; my->i++) {
        picot_spawn_future(my->job, &my->group, picot_sleep(.ns = PICOT_NEVER));
        if (my->i == 1) picot_await(nap(0));
        CHECK_EQ(picot_future_cancel(picot_this_loop(), my->job, NULL), 1);
        picot_await(my->a, picot_result(.of = my->job));
        CHECK_EQ(my->a, -ECANCELED);
        CHECK_EQ(picot_future_unref(picot_this_loop(), my->job), 0);
    }
    CHECK_EQ(picot_loop_task_count(picot_this_loop()), 1);
    picot_end;
}

static void at_all_moments(void)
{
    lazy_only();
    int rc;
    RUN_ALONE(rc, picot_call(moments, 0));
    CHECK_EQ(rc, 0);
}

/* ---- who does not listen ----------------------------------------------------------------------- */

static int rounds, others;

picot_async_fn(int, stubborn, (int kind; picot_fd fd;), (char byte; picot_arm arm; picot_scope scope;))
{
    picot_begin;
    while (others < 50) {
        rounds++;
        if (my->kind == 0) picot_await(nap(1));
        if (my->kind == 1) picot_await(picot_recv(.fd = my->fd, .buf = &my->byte, .len = 1));
        if (my->kind == 2) picot_yield();
        if (my->kind == 3) {
            my->arm = picot_arm_sleep(PICOT_SECOND);
            picot_await(picot_select(.arms = &my->arm, .count = 1));
        }
        if (my->kind == 4)
            picot_timeout(my->scope, PICOT_SECOND)
                picot_await(picot_sleep(.ns = 0));
        CHECK(picot_error() == -ECANCELED || rounds == 1);
        CHECK(rounds < 100000);
    }
    picot_end;
}

picot_async_fn(int, works, (char unused;), (char none;))
{
    picot_begin;
    for (others = 0; others < 50; others++)
        picot_yield();
    picot_end;
}

/* Cancelled by its group: a level, each of its awaits is refused. */
picot_async_fn(int, one_stubborn, (int kind; picot_fd fd; picot_group * others;), (picot_group group;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(stubborn, my->kind, my->fd));
    picot_await(nap(0));
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_spawn(my->others, picot_call(works, 0));
    picot_try_await(picot_join(.group = &my->group));
    CHECK(rounds > 40);
    picot_end;
}

picot_async_fn(int, endures, (char unused;), (picot_group mine; int kind, pair[2]; picot_fd fds[2];))
{
    picot_begin;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, my->pair), 0);
    for (int i = 0; i < 2; i++)
        my->fds[i] = picot_adopt(picot_this_loop(), my->pair[i]);
    picot_defer
    {
        picot_await(picot_close(.fd = my->fds[0]));
        picot_await(picot_close(.fd = my->fds[1]));
    }
    picot_task_group(my->mine);
    for (my->kind = 0; my->kind < 5; my->kind++) {
        rounds = others = 0;
        picot_try_await(picot_call(one_stubborn, my->kind, my->fds[0], &my->mine));
    }
    picot_end;
}

static void not_listening(void)
{
    lazy_only();
    int rc;
    RUN_ALONE(rc, picot_call(endures, 0));
    CHECK_EQ(rc, 0);
}

/* ---- who and why ------------------------------------------------------------------------------- */

static picot_cancellation told[2];

/* Notes why it was cut, and what is said at its next await. */
picot_async_fn(int, asks_why, (int at; int fails;), (int r;))
{
    picot_begin;
    if (my->at == 0) victim = picot_self;
    CHECK_EQ(picot_task_cancellation(picot_self, &told[my->at]), -ENOENT);
    picot_await(my->r, nap(5000));
    CHECK_EQ(my->r, -ECANCELED);
    CHECK_EQ(picot_task_cancellation(picot_self, &told[my->at]), 0);
    picot_fail(my->fails ? -EDOM : -ECANCELED);
    picot_end;
}

picot_async_fn(int, fails_soon, (char unused;), (char none;))
{
    picot_begin;
    picot_await(nap(1));
    picot_fail(-EDOM);
    picot_end;
}

enum case_of_why { USER, GROUP_CALL, SIBLING, PARENT_FAILS, PARENT_CANCELLED, LIMIT, SCOPE_LIMIT, WHYS };

picot_async_fn(int, owns, (int why;), (picot_group group; picot_scope scope; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(asks_why, 0));
    picot_yield();
    picot_yield(); /* it has begun */
    if (my->why == USER) CHECK_EQ(picot_task_cancel(victim, "user"), 0);
    if (my->why == GROUP_CALL) CHECK_EQ(picot_group_cancel(&my->group, "group"), 0);
    if (my->why == SIBLING) picot_spawn(&my->group, picot_call(fails_soon, 0));
    if (my->why == PARENT_FAILS) picot_fail(-EDOM);
    if (my->why == PARENT_CANCELLED) picot_wait_for(my->r, 0, picot_join(.group = &my->group));
    picot_await(my->r, picot_join(.group = &my->group));
    picot_end;
}

picot_async_fn(int, explains, (char unused;), (picot_scope scope; int i, r; uint32_t id;))
{
    picot_begin;
    CHECK_EQ(picot_task_cancellation(NULL, &told[0]), -EINVAL);
    CHECK_EQ(picot_task_cancellation(picot_self, NULL), -EINVAL);
    for (my->i = 0; my->i < LIMIT; my->i++) {
        static const struct {
            enum picot_cancel_reason reason;
            const char *text;
        } expected[] = {{PICOT_CANCEL_USER, "user"},
                        {PICOT_CANCEL_USER, "group"},
                        {PICOT_CANCEL_SIBLING, ""},
                        {PICOT_CANCEL_PARENT, ""},
                        {PICOT_CANCEL_PARENT, ""}};
        picot_await(my->r, picot_call(owns, my->i));
        tap_note("%s by %u: %s", picot_cancel_reason_name(told[0].reason), told[0].origin, told[0].text);
        CHECK_EQ(told[0].reason, expected[my->i].reason);
        CHECK_STR(told[0].text, expected[my->i].text);
        CHECK(told[0].scope == NULL);
        if (my->i != SIBLING) CHECK_EQ(told[0].origin, picot_task_id(picot_self));
        if (my->i == SIBLING) CHECK(told[0].origin > picot_task_id(picot_self) + 1);
    }
    picot_wait_for(my->r, PICOT_MS, picot_call(asks_why, 1));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_EQ(told[1].reason, PICOT_CANCEL_DEADLINE);
    CHECK_EQ(told[1].origin, 0);
    CHECK(told[1].scope == NULL);
    CHECK_EQ(picot_task_cancellation(picot_self, &told[1]), -ENOENT);
    picot_timeout(my->scope, PICOT_MS)
        picot_await(picot_call(asks_why, 1));
    CHECK_EQ(told[1].reason, PICOT_CANCEL_DEADLINE);
    CHECK(told[1].scope == &my->scope);
    CHECK_EQ(picot_task_cancellation(picot_self, &told[1]), -ENOENT);
    picot_end;
}

static void reasons(void)
{
    static const char *const names[] = {"none", "user", "deadline", "sibling", "parent", "shutdown"};
    int rc;
    for (int i = 0; i < 6; i++)
        CHECK_STR(picot_cancel_reason_name((enum picot_cancel_reason)i), names[i]);
    CHECK_STR(picot_cancel_reason_name(PICOT_CANCEL_INTERRUPT), "interrupt");
    CHECK_STR(picot_cancel_reason_name((enum picot_cancel_reason)7), "?");
    RUN_ALONE(rc, picot_call(explains, 0));
    CHECK_EQ(rc, 0);
}

/* Of several the first one's reason is kept. */
picot_async_fn(int, cancelled_twice, (int order;), (picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(asks_why, 0));
    picot_yield();
    picot_yield(); /* it has begun */
    if (my->order == 0) CHECK_EQ(picot_task_cancel(victim, "user"), 0);
    CHECK_EQ(picot_group_cancel(&my->group, "group"), 0);
    CHECK_EQ(picot_group_cancel(&my->group, "again"), 0);
    CHECK_EQ(picot_task_cancel(victim, "late"), 0);
    if (my->order == 2) picot_fail(-EDOM); /* its parent's failure comes after the call */
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    picot_end;
}

picot_async_fn(int, keeps_the_first, (char unused;), (int r;))
{
    picot_begin;
    picot_await(my->r, picot_call(cancelled_twice, 0));
    CHECK_STR(told[0].text, "user");
    picot_await(my->r, picot_call(cancelled_twice, 1));
    CHECK_STR(told[0].text, "group");
    CHECK_EQ(told[0].reason, PICOT_CANCEL_USER);
    picot_await(my->r, picot_call(cancelled_twice, 2));
    CHECK_STR(told[0].text, "group");
    CHECK_EQ(told[0].reason, PICOT_CANCEL_USER);
    picot_end;
}

static void first_reason(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(keeps_the_first, 0));
    CHECK_EQ(rc, 0);
}

static void ends_of_loops(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_start(loop, picot_call(asks_why, 0)), 0);
    CHECK_EQ(picot_run(loop, nap(1)), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    CHECK_EQ(told[0].reason, PICOT_CANCEL_SHUTDOWN);
    CHECK_EQ(told[0].origin, 0);
}

/* ---- operations and what ends them otherwise --------------------------------------------------- */

picot_async_fn(int, closes, (picot_fd fd;), (char none;))
{
    picot_begin;
    picot_await(nap(1));
    picot_await(picot_close(.fd = my->fd));
    picot_end;
}

picot_async_fn(int, receives_in_a_defer, (picot_fd fd;), (char byte; long n;))
{
    picot_begin;
    picot_defer
    {
        picot_await(my->n, picot_recv(.fd = my->fd, .buf = &my->byte, .len = 1));
        CHECK_EQ(my->n, -ECANCELED);
    }
    picot_end;
}

/* A descriptor closed by another task is no cancellation of anybody: neither a time-out, nor a reason. */
picot_async_fn(int, loses_its_descriptor, (char unused;),
               (picot_group group; picot_scope outer; picot_cancellation why; int pairs[2][2]; picot_fd fds[2];
                char byte; long n;))
{
    picot_begin;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, my->pairs[i]), 0);
        my->fds[i] = picot_adopt(picot_this_loop(), my->pairs[i][0]);
    }
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(closes, my->fds[0]));
    picot_wait_for(my->n, PICOT_SECOND, picot_recv(.fd = my->fds[0], .buf = &my->byte, .len = 1));
    CHECK_EQ(my->n, -ECANCELED);
    CHECK_EQ(picot_task_cancellation(picot_self, &my->why), -ENOENT);
    /* Nor does it hide whose cancellation is being cleaned up. */
    picot_timeout(my->outer, 0) {
        picot_await(nap(0));
        picot_spawn(&my->group, picot_call(closes, my->fds[1]));
        picot_await(picot_call(receives_in_a_defer, my->fds[1]));
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    for (int i = 0; i < 2; i++)
        (void)close(my->pairs[i][1]);
    picot_end;
}

static void closed_descriptors(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(loses_its_descriptor, 0));
    CHECK_EQ(rc, 0);
}

/* ---- groups ------------------------------------------------------------------------------------ */

picot_async_fn(int, fails_when_cut, (char unused;), (char none;))
{
    picot_begin;
    picot_await(nap(5000));
    picot_fail(-EDOM);
    picot_end;
}

picot_async_fn(int, spawns_siblings, (picot_group * group; int depth;), (char none;))
{
    picot_begin;
    say('s');
    picot_await(nap(0));
    if (my->depth > 0) picot_try_spawn(my->group, picot_call(spawns_siblings, my->group, my->depth - 1));
    picot_end;
}

/* A failure that comes with a cancellation wins, and the cancellation is told next; unless it was taken back. */
picot_async_fn(int, joins_failing, (int uncancels;), (picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    victim = picot_self;
    picot_spawn(&my->group, picot_call(fails_when_cut, 0));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    CHECK_EQ(picot_task_cancelling(picot_self), 1);
    if (my->uncancels) CHECK_EQ(picot_task_uncancel(picot_self), 0);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, my->uncancels ? 0 : -ECANCELED);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, 0);
    /* One that fails in a deadline: the failure, and nothing lingers. */
    picot_spawn(&my->group, picot_call(fails_when_cut, 0));
    picot_wait_for(my->r, PICOT_MS, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, 0);
    /* An empty one need not wait. */
    CHECK_EQ(picot_task_cancel(picot_self, NULL), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, -ECANCELED);
    /* Tasks add others while it is joined. */
    trace[0] = 0;
    picot_spawn(&my->group, picot_call(spawns_siblings, &my->group, 5));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    CHECK_STR(trace, "ssssss");
    picot_end;
}

picot_async_fn(int, cancels_joins, (char unused;), (picot_group group; int i, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    for (my->i = 0; my->i < 2; my->i++) {
        my->r = 1;
        picot_spawn(&my->group, my->r, picot_call(joins_failing, my->i));
        picot_await(nap(1));
        CHECK_EQ(picot_task_cancel(victim, NULL), 0);
        picot_await(picot_join(.group = &my->group));
        CHECK_EQ(my->r, 0);
    }
    picot_end;
}

static void joined_groups(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(cancels_joins, 0));
    CHECK_EQ(rc, 0);
}

/* ---- deep -------------------------------------------------------------------------------------- */

/* A tree of one branch: each task waits for a group with one task. A cancellation goes down without deep calls. */
picot_async_fn(int, branch, (int depth; int *ret_ended;), (picot_group group;))
{
    picot_begin;
    picot_defer++ * my->ret_ended;
    picot_task_group(my->group);
    if (my->depth > 0)
        picot_try_spawn(&my->group, picot_call(branch, my->depth - 1, my->ret_ended));
    else
        picot_try_await(picot_sleep(.ns = PICOT_NEVER));
    picot_try_await(picot_join(.group = &my->group));
    picot_end;
}

picot_async_fn(int, fells, (int depth;), (int r, ended;))
{
    picot_begin;
    picot_wait_for(my->r, 200 * PICOT_MS, picot_call(branch, my->depth, &my->ended));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_EQ(my->ended, my->depth + 1);
    picot_end;
}

static void deep_groups(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(fells, 60000));
    CHECK_EQ(rc, 0);
}

static const struct tap_case cases[] = {
    {"an edge is told once, and counted", told_once, 0},
    {"not begun, itself, ended", at_all_moments, 0},
    {"a stubborn task does not starve the others", not_listening, TAP_BACKENDS},
    {"who and why", reasons, 0},
    {"the first reason is kept", first_reason, 0},
    {"the loop ends", ends_of_loops, TAP_BACKENDS},
    {"a descriptor is closed meanwhile", closed_descriptors, TAP_BACKENDS},
    {"while a group is joined", joined_groups, 0},
    {"through sixty thousand groups", deep_groups, 0},
};

TAP_MAIN(cases)
