/* SPDX-License-Identifier: MIT
 *
 * test_coro_sweep.c - programs of every kind, cancelled at each of their suspension points in turn: by
 * picot_task_cancel, by their group, by a deadline, by a scope; once or twice. Afterwards all resources are given back,
 * exactly one outcome has been seen, and nothing lingers. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <picot/future.h>
#include <sys/socket.h>

/* ---- where to cancel, and how ------------------------------------------------------------------ */

enum how { BY_TASK, BY_GROUP, BY_DEADLINE, BY_SCOPE, HOWS };
static const char *const how_names[] = {"task", "group", "deadline", "scope"};

static struct {
    enum how how;
    int at, again; /* the points; again < 0: only once */
    int later;     /* in the next turn, when the await waits; else before it */
    int points, held, most_held, outcomes, told;
    picot_loop *loop;
    picot_task *task;
    picot_group *group;
    picot_scope *scope;
    picot_job jobs[2];
    picot_fd pair[2];
} sweep;

static void cancel_now(picot_loop *loop, void *user)
{
    (void)loop;
    (void)user;
    if (sweep.outcomes > 0) return; /* it has ended meanwhile */
    sweep.told++;
    switch (sweep.how) {
    case BY_TASK:
        (void)picot_task_cancel(sweep.task, "sweep");
        break;
    case BY_GROUP:
        (void)picot_group_cancel(sweep.group, "sweep");
        break;
    case BY_DEADLINE:
        (void)picot_scope_reschedule(sweep.scope, 0);
        break;
    default:
        (void)picot_scope_cancel(sweep.scope, "sweep");
    }
}

/* Stands before every await. */
static void point(void)
{
    int here = sweep.points++;
    for (int i = 0; i < 2; i++) {
        if (here != (i == 0 ? sweep.at : sweep.again)) continue;
        if (sweep.later)
            (void)picot_call_soon(sweep.loop, &sweep.jobs[i], cancel_now, NULL);
        else
            cancel_now(sweep.loop, NULL);
    }
}
#define try_at(...)                                                                                                    \
    do {                                                                                                               \
        point();                                                                                                       \
        picot_try_await(__VA_ARGS__);                                                                                  \
    } while (0)
#define at(...)                                                                                                        \
    do {                                                                                                               \
        point();                                                                                                       \
        picot_await(__VA_ARGS__);                                                                                      \
    } while (0)

static void hold(void)
{
    if (++sweep.held > sweep.most_held) sweep.most_held = sweep.held;
}

/* Giving back takes a turn, and may not be cut. */
picot_async_fn(int, gives_back, (char unused;), (int r;))
{
    picot_begin;
    at(my->r, nap(0));
    CHECK_EQ(my->r, 0);
    sweep.held--;
    picot_end;
}
#define gives_back() picot_call(gives_back, 0)

/* ---- the programs ------------------------------------------------------------------------------ */

picot_async_fn(int, calls, (int depth;), (char some[200]; int r;))
{
    picot_begin;
    hold();
    picot_defer picot_await(gives_back());
    try_at(nap(0));
    if (my->depth > 0) try_at(my->r, picot_call(calls, my->depth - 1));
    try_at(picot_sleep(.ns = 20 * PICOT_US));
    hold();
    picot_defer
    {
        picot_await(gives_back());
        picot_wait_for(my->r, 20 * PICOT_US, nap(1000));
        CHECK_EQ(my->r, -ETIMEDOUT);
    }
    point();
    picot_yield();
    if (picot_error() < 0) picot_fail(picot_error());
    try_at(nap(0));
    picot_end;
}

static const int deep = 3;
picot_async_fn(int, nested_calls, (char unused;), (char none;))
{
    picot_begin;
    picot_try_await(picot_call(calls, deep));
    picot_end;
}

picot_async_fn(int, groups, (int depth;), (picot_group group; int i, a, b;))
{
    picot_begin;
    hold();
    picot_defer picot_await(gives_back());
    picot_task_group(my->group, .limit = 3);
    picot_try_spawn(&my->group, my->a, picot_call(calls, 1));
    if (my->depth > 0) picot_try_spawn(&my->group, my->b, picot_call(groups, my->depth - 1));
    for (my->i = 0; my->i < 3; my->i++) {
        try_at(picot_call(picot_room, &my->group));
        picot_try_spawn(&my->group, nap(0));
    }
    try_at(nap(0));
    try_at(picot_join(.group = &my->group));
    picot_try_spawn(&my->group, my->a, picot_call(calls, 0)); /* left running: waited for at the end */
    try_at(nap(0));
    picot_end;
}

picot_async_fn(int, nested_groups, (char unused;), (char none;))
{
    picot_begin;
    picot_try_await(picot_call(groups, 1));
    picot_end;
}

picot_async_fn(int, deadlines, (char unused;), (picot_scope scope, inner; int i, r;))
{
    picot_begin;
    hold();
    picot_defer picot_await(gives_back());
    point();
    picot_try_wait_for(my->r, PICOT_SECOND, picot_call(calls, 0));
    point();
    picot_wait_for(my->r, 50 * PICOT_US, nap(1000));
    CHECK(my->r == -ETIMEDOUT || my->r == -ECANCELED);
    for (my->i = 0; my->i < 3; my->i++) {
        picot_timeout(my->scope, my->i == 1 ? 0 : PICOT_SECOND)
        {
            hold();
            picot_shielded(my->inner)
            {
                at(my->r, picot_call(calls, 0));
                CHECK(my->r == 0);
                sweep.held--;
            }
            at(my->r, nap(0));
            if (my->i == 2) picot_try_await(nap(0));
            if (my->r < 0) break;
            at(my->r, nap(0));
        }
        if (my->i == 1) CHECK(picot_error() == -ETIMEDOUT || picot_error() == -ECANCELED);
    }
    try_at(nap(0));
    picot_end;
}

picot_async_fn(int, starts, (int value;), (char none;))
{
    picot_begin;
    hold();
    picot_defer picot_await(gives_back());
    try_at(nap(0));
    (void)picot_started(my->value);
    try_at(nap(0));
    picot_return(my->value);
    picot_end;
}

picot_async_fn(int, handshakes, (char unused;), (picot_group group; int64_t value; int a, b, c;))
{
    picot_begin;
    picot_task_group(my->group);
    hold();
    picot_defer picot_await(gives_back());
    point();
    picot_spawn_started(my->value, &my->group, picot_call(starts, 5));
    if (picot_error() < 0) picot_fail(picot_error());
    CHECK_EQ(my->value, 5);
    point();
    picot_gather(&my->group, (my->a, picot_call(starts, 1)), (my->b, picot_call(calls, 0)),
                 (my->c, picot_call(starts, 3)));
    if (picot_error() < 0) picot_fail(picot_error());
    CHECK_EQ(my->a + my->c, 4);
    try_at(nap(0));
    picot_end;
}

picot_async_fn(int, futures, (char unused;), (picot_group group; picot_future jobs[3]; picot_arm arms[2]; int i, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_defer for (my->i = 0; my->i < 3; my->i++)(void) picot_future_unref(sweep.loop, my->jobs[my->i]);
    for (my->i = 0; my->i < 3; my->i++) {
        picot_spawn_future(my->jobs[my->i], &my->group, picot_call(starts, my->i));
        if (picot_error() < 0) picot_fail(picot_error());
    }
    try_at(my->r, picot_result(.of = my->jobs[0], PICOT_INTO(my->r)));
    my->arms[0] = picot_arm_future(my->jobs[1]);
    my->arms[1] = picot_arm_sleep(PICOT_SECOND);
    try_at(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 0);
    try_at(my->r, picot_wait(.futures = my->jobs, .count = 3));
    CHECK_EQ(my->r, 3);
    picot_end;
}

picot_async_fn(long, echoes, (picot_fd fd; int rounds;), (char buf[8]; long n;))
{
    picot_begin;
    hold();
    picot_defer picot_await(gives_back());
    for (; my->rounds > 0; my->rounds--) {
        try_at(my->n, picot_recv(.fd = my->fd, .buf = my->buf, .len = sizeof my->buf));
        try_at(my->n, picot_send_all(.fd = my->fd, .buf = my->buf, .len = (size_t)my->n));
    }
    picot_end;
}

picot_async_fn(int, sockets, (char unused;),
               (picot_group group; picot_arm arms[2]; char buf[8]; int fds[2], i, r; long n;))
{
    picot_begin;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, my->fds), 0);
    sweep.pair[0] = picot_adopt(sweep.loop, my->fds[0]);
    sweep.pair[1] = picot_adopt(sweep.loop, my->fds[1]);
    hold();
    picot_defer
    {
        at(picot_close(.fd = sweep.pair[0]));
        at(picot_close(.fd = sweep.pair[1]));
        sweep.held--;
    }
    picot_task_group(my->group);
    picot_try_spawn(&my->group, picot_call(echoes, sweep.pair[1], 2));
    for (my->i = 0; my->i < 2; my->i++) {
        try_at(my->n, picot_send_all(.fd = sweep.pair[0], .buf = "picot", .len = 6));
        my->arms[0] = picot_arm_poll(sweep.pair[0], PICOT_READABLE);
        my->arms[1] = picot_arm_sleep(PICOT_SECOND);
        if (my->i == 1) try_at(my->r, picot_select(.arms = my->arms, .count = 2));
        try_at(my->n, picot_recv(.fd = sweep.pair[0], .buf = my->buf, .len = sizeof my->buf));
        CHECK_STR(my->buf, "picot");
    }
    try_at(picot_join(.group = &my->group));
    point();
    picot_wait_for(my->n, 20 * PICOT_US, picot_recv(.fd = sweep.pair[0], .buf = my->buf, .len = 1));
    CHECK(my->n == -ETIMEDOUT || my->n == -ECANCELED);
    try_at(nap(0));
    picot_end;
}

/* ---- one run, and all of them ------------------------------------------------------------------ */

enum program { CALLS, GROUPS, DEADLINES, HANDSHAKES, FUTURES, SOCKETS, PROGRAMS };

picot_async_fn(int, runs, (int program;), (picot_scope scope; int r;))
{
    picot_begin;
    sweep.task = picot_self;
    sweep.scope = &my->scope;
    picot_cancel_scope(my->scope)
    {
        if (my->program == CALLS) picot_await(my->r, picot_call(nested_calls, 0));
        if (my->program == GROUPS) picot_await(my->r, picot_call(nested_groups, 0));
        if (my->program == DEADLINES) picot_await(my->r, picot_call(deadlines, 0));
        if (my->program == HANDSHAKES) picot_await(my->r, picot_call(handshakes, 0));
        if (my->program == FUTURES) picot_await(my->r, picot_call(futures, 0));
        if (my->program == SOCKETS) picot_await(my->r, picot_call(sockets, 0));
        sweep.outcomes++;
        my->r = picot_error();
    }
    if (picot_scope_caught(&my->scope)) my->r = picot_error();
    /* What is left of the cancellation: an edge at most once, a scope's nothing. */
    picot_await(nap(0));
    if (sweep.how == BY_DEADLINE || sweep.how == BY_SCOPE) CHECK_EQ(picot_error(), 0);
    if (sweep.how == BY_TASK) {
        picot_await(nap(0));
        CHECK_EQ(picot_error(), 0);
    }
    picot_return(my->r);
    picot_end;
}

picot_async_fn(int, one_run, (int program;), (picot_group group; int result;))
{
    picot_begin;
    picot_task_group(my->group);
    sweep.group = &my->group;
    my->result = 1;
    picot_spawn(&my->group, my->result, picot_call(runs, my->program));
    picot_try_await(picot_join(.group = &my->group));
    CHECK(my->result <= 0);
    picot_return(my->result);
    picot_end;
}

/* Returns how many points there were. */
static int run_once(enum program program, enum how how, int at_point, int again, int later)
{
    int result = 1;
    sweep.how = how;
    sweep.at = at_point;
    sweep.again = again;
    sweep.later = later;
    sweep.points = sweep.held = sweep.most_held = sweep.outcomes = sweep.told = 0;
    (void)picot_run_into(sweep.loop, &result, picot_call(one_run, program));
    for (int i = 0; i < 2; i++)
        (void)picot_job_cancel(sweep.loop, &sweep.jobs[i]);
    CHECK_EQ(sweep.held, 0);
    CHECK(sweep.most_held > 0 || sweep.told > 0);
    CHECK_EQ(sweep.outcomes, 1);
    CHECK_EQ(picot_loop_task_count(sweep.loop), 0);
    if (sweep.told == 0) CHECK_EQ(result, 0);
    int expected = how == BY_DEADLINE ? -ETIMEDOUT : -ECANCELED;
    if (result != 0 && result != expected)
        tap_fail(__FILE__, __LINE__, "program %d by %s at %d, %d, later %d: %d", program, how_names[how], at_point,
                 again, later, result);
    return sweep.points;
}

static void sweep_program(enum program program)
{
    int runs_made = 0;
    sweep.loop = tap_loop();
    for (enum how how = 0; how < HOWS; how++)
        for (int later = 0; later < 2; later++) {
            int points = run_once(program, how, -1, -1, 0);
            CHECK(points > 10);
            for (int i = 0; i < points; i++, runs_made += 4) {
                (void)run_once(program, how, i, -1, later);
                (void)run_once(program, how, i, i, later);
                (void)run_once(program, how, i, i + 1, later);
                (void)run_once(program, how, i, i + 3, later);
            }
        }
    tap_note("%d runs", runs_made);
    tap_loop_end(sweep.loop);
}

static void of_calls(void)
{
    sweep_program(CALLS);
}

static void of_groups(void)
{
    sweep_program(GROUPS);
}

static void of_deadlines(void)
{
    sweep_program(DEADLINES);
}

static void of_handshakes(void)
{
    sweep_program(HANDSHAKES);
}

static void of_futures(void)
{
    sweep_program(FUTURES);
}

static void of_sockets(void)
{
    sweep_program(SOCKETS);
}

static const struct tap_case cases[] = {
    {"nested calls", of_calls, TAP_BACKENDS},   {"nested groups", of_groups, TAP_BACKENDS},
    {"deadlines and shields", of_deadlines, 0}, {"handshakes and gather", of_handshakes, 0},
    {"futures and select", of_futures, 0},      {"operations on sockets", of_sockets, TAP_BACKENDS},
};

TAP_MAIN(cases)
