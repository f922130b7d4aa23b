/* SPDX-License-Identifier: MIT
 *
 * test_coro_races.c - a wait is completed, cancelled and timed out within one turn, in all six orders: what came first
 * is its outcome, nothing is lost, and nothing is told twice. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <picot/future.h>
#include <sys/socket.h>
#include <unistd.h>

enum event { COMPLETE, CANCEL, TIME_OUT, EVENTS };
static const enum event orders[6][EVENTS] = {
    {COMPLETE, CANCEL, TIME_OUT}, {COMPLETE, TIME_OUT, CANCEL}, {CANCEL, COMPLETE, TIME_OUT},
    {CANCEL, TIME_OUT, COMPLETE}, {TIME_OUT, COMPLETE, CANCEL}, {TIME_OUT, CANCEL, COMPLETE},
};

enum what { SLEEP, FUTURE, RECEIVE };
static const char *const what_names[] = {"sleep", "future", "receive"};

/* What the waiting task and those who act upon it share. */
static struct {
    const enum event *order;
    enum what what;
    int level; /* the cancel is the group's: a level */
    picot_task *task;
    picot_group *group;
    picot_scope *scope;
    picot_future future;
    picot_timer timers[2];
    picot_fd conn;
    int peer;
    int outcome, next, after, bytes;
} race;

/* Of what completes by an act; a sleep ends by itself. */
static void complete(picot_loop *loop)
{
    const int value = 77;
    if (race.what == FUTURE) CHECK_EQ(picot_future_set(loop, race.future, &value, sizeof value), 0);
    if (race.what == RECEIVE) CHECK_EQ(write(race.peer, "x", 1), 1);
}

static void cancel(void)
{
    if (race.level)
        CHECK_EQ(picot_group_cancel(race.group, "race"), 0);
    else
        CHECK_EQ(picot_task_cancel(race.task, "race"), 0);
}

/* ---- who waits --------------------------------------------------------------------------------- */

picot_async_fn(int, waits, (int64_t sleep_ns;), (int value; char byte; long n;))
{
    picot_begin;
    if (race.what == SLEEP) picot_try_await(picot_sleep(.ns = my->sleep_ns));
    if (race.what == FUTURE) picot_try_await(picot_result(.of = race.future, PICOT_INTO(my->value)));
    if (race.what == FUTURE) CHECK_EQ(my->value, 77);
    if (race.what == RECEIVE) {
        picot_try_await(my->n, picot_recv(.fd = race.conn, .buf = &my->byte, .len = 1));
        CHECK_EQ(my->n, 1);
        race.bytes++;
    }
    picot_end;
}
#define waits(...) picot_call(waits, __VA_ARGS__)

/* ---- the events, from timers that are all due in one turn --------------------------------------- */

static void act_complete(picot_loop *loop, void *user)
{
    (void)user;
    complete(loop);
}

static void act_cancel(picot_loop *loop, void *user)
{
    (void)loop;
    (void)user;
    cancel();
}

static int64_t time_of(enum event event)
{
    for (int i = 0; i < EVENTS; i++)
        if (race.order[i] == event) return PICOT_MS + i;
    return 0;
}

/* ---- the race ----------------------------------------------------------------------------------- */

/* Tells the outcome, that of the next await, and of one more. */
picot_async_fn(int, runs_the_race, (int by_timers;), (picot_scope scope; int r;))
{
    picot_begin;
    race.task = picot_self;
    if (my->by_timers) {
        int64_t now_ns = picot_loop_now(picot_this_loop());
        CHECK_EQ(picot_call_at(picot_this_loop(), &race.timers[0], now_ns + time_of(COMPLETE), act_complete, NULL), 0);
        CHECK_EQ(picot_call_at(picot_this_loop(), &race.timers[1], now_ns + time_of(CANCEL), act_cancel, NULL), 0);
        (void)picot_sim_advance(picot_this_loop(), 2 * PICOT_MS); /* there the clock would stop at each of them */
        picot_wait_for(my->r, time_of(TIME_OUT), waits(time_of(COMPLETE)));
    } else {
        race.scope = &my->scope;
        picot_cancel_scope(my->scope) picot_await(my->r, waits(0));
        my->r = picot_error();
    }
    race.outcome = my->r;
    picot_await(race.next, nap(0));
    picot_await(race.after, nap(0));
    picot_end;
}

/* What was told: the first event decides (of operations, a completion may come in before those that precede it). */
static void judge(void)
{
    static const int codes[] = {0, -ECANCELED, -ETIMEDOUT};
    enum event first = race.order[0];
    tap_note("%s%s %d%d%d: %d, then %d, %d", what_names[race.what], race.level ? ", level" : "", race.order[0],
             race.order[1], race.order[2], race.outcome, race.next, race.after);
    if (race.what != RECEIVE) {
        CHECK_EQ(race.outcome, codes[first]);
    } else {
        CHECK(race.outcome == 0 || race.outcome == -ECANCELED || race.outcome == -ETIMEDOUT);
    }
    /* The cancellation is told: by the outcome, or by the next await; and as an edge once, as a level for ever. */
    if (race.level)
        CHECK_EQ(race.next, -ECANCELED);
    else
        CHECK_EQ(race.next, race.outcome == -ECANCELED ? 0 : -ECANCELED);
    CHECK_EQ(race.after, race.level ? -ECANCELED : 0);
}

/* ---- the events, from a step of another task --------------------------------------------------- */

picot_async_fn(int, acts, (char unused;), (int i;))
{
    picot_begin;
    picot_yield();
    for (my->i = 0; my->i < EVENTS; my->i++) {
        if (race.order[my->i] == COMPLETE) complete(picot_this_loop());
        if (race.order[my->i] == CANCEL) cancel();
        if (race.order[my->i] == TIME_OUT) CHECK_EQ(picot_scope_reschedule(race.scope, 0), 0);
    }
    picot_end;
}

/* ---- both -------------------------------------------------------------------------------------- */

picot_async_fn(int, takes_what_is_left, (char unused;), (char byte; long n;))
{
    picot_begin;
    picot_await(my->n, picot_recv(.fd = race.conn, .buf = &my->byte, .len = 1, .flags = MSG_DONTWAIT));
    if (my->n == 1) race.bytes++;
    picot_end;
}

picot_async_fn(int, one_race, (int by_timers;), (picot_group group, helpers; int rc;))
{
    picot_begin;
    picot_task_group(my->helpers);
    picot_task_group(my->group);
    race.group = &my->group;
    race.bytes = 0;
    race.outcome = race.next = race.after = 1;
    if (race.what == FUTURE) race.future = picot_future_create(picot_this_loop(), sizeof(int));
    picot_spawn(&my->group, picot_call(runs_the_race, my->by_timers));
    if (!my->by_timers) picot_spawn(&my->helpers, picot_call(acts, 0));
    picot_try_await(my->rc, picot_join(.group = &my->group));
    if (race.what == RECEIVE) {
        CHECK_EQ(race.bytes, race.outcome == 0);
        if (race.bytes == 0) picot_await(picot_call(takes_what_is_left, 0));
        CHECK_EQ(race.bytes, 1); /* not lost */
    }
    if (race.what == FUTURE) CHECK_EQ(picot_future_unref(picot_this_loop(), race.future), 0);
    judge();
    picot_end;
}

static void race_all(enum what what, int by_timers)
{
    picot_loop *loop = tap_loop();
    int pair[2];
    race.what = what;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    race.peer = pair[1];
    race.conn = picot_adopt(loop, pair[0]);
    CHECK(race.conn >= 0);
    for (race.level = 0; race.level < 2; race.level++)
        for (int i = 0; i < 6; i++) {
            race.order = orders[i];
            CHECK_EQ(picot_run(loop, picot_call(one_race, by_timers)), 0);
        }
    CHECK_EQ(picot_run(loop, picot_close(.fd = race.conn)), 0);
    (void)close(race.peer);
    tap_loop_end(loop);
}

static void sleeps(void)
{
    race_all(SLEEP, 1);
}

static void futures(void)
{
    race_all(FUTURE, 1);
    race_all(FUTURE, 0);
}

static void operations(void)
{
    race_all(RECEIVE, 1);
    race_all(RECEIVE, 0);
}

static const struct tap_case cases[] = {
    {"six orders of a sleep", sleeps, TAP_BACKENDS},
    {"six orders of a future", futures, TAP_BACKENDS},
    {"six orders of a receive", operations, TAP_BACKENDS},
};

TAP_MAIN(cases)
