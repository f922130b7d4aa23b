/* SPDX-License-Identifier: MIT
 *
 * test_coro_eager.c - tasks that take their first step inside the spawn: what runs when, who is current, trees of tasks
 * that never wait, failures before the spawn returns, depth. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#define LOOP picot_this_loop()

static int steps, deepest;

picot_async_fn(int, looks_around, (int ms; picot_task * creator;), (uint32_t id;))
{
    picot_begin;
    say('(');
    CHECK(picot_task_current(LOOP) == picot_self);
    CHECK(picot_self != my->creator);
    CHECK_EQ(picot_loop_task_count(LOOP), 2); /* it is there from the beginning */
    if (my->ms >= 0) picot_await(picot_sleep(.ns = my->ms * PICOT_MS));
    say(')');
    picot_return(6);
    picot_end;
}
#define looks_around(...) picot_call(looks_around, __VA_ARGS__)

picot_async_fn(int, begins, (char unused;), (picot_group group; picot_future f; int r, value;))
{
    picot_begin;
    picot_task_group(my->group, .eager = 1);
    picot_spawn(&my->group, my->value, looks_around(-1, picot_self));
    CHECK_STR(trace, "()");
    CHECK_EQ(my->value, 6); /* it has ended on return */
    CHECK(picot_task_current(LOOP) == picot_self);
    CHECK_EQ(picot_loop_task_count(LOOP), 1);
    CHECK_EQ(picot_group_size(&my->group), 0);
    picot_spawn(&my->group, my->value, looks_around(1, picot_self));
    say('.');
    CHECK_STR(trace, "()(."); /* it waits: an ordinary task from now on */
    CHECK_EQ(picot_loop_task_count(LOOP), 2);
    picot_try_await(picot_join(.group = &my->group));
    CHECK_STR(trace, "()(.)");
    /* A handle of one that has ended: cancelling does nothing. */
    picot_spawn_future(my->f, &my->group, looks_around(-1, picot_self));
    CHECK_EQ(picot_future_done(LOOP, my->f), 1);
    CHECK_EQ(picot_future_cancel(LOOP, my->f, NULL), 0);
    CHECK(!picot_future_task(LOOP, my->f));
    CHECK_EQ(picot_future_result(LOOP, my->f, &my->value, sizeof my->value), 0);
    CHECK_EQ(my->value, 6);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_end;
}

static void beginning(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(begins, 0));
    CHECK_EQ(rc, 0);
}

/* ---- trees of tasks that never wait -------------------------------------------------------------- */

picot_async_fn(int, grows, (int depth; int width;), (picot_group group; int i;))
{
    picot_begin;
    steps++;
    if (my->depth == 0) picot_return(0);
    picot_task_group(my->group);
    for (my->i = 0; my->i < my->width; my->i++)
        picot_try_spawn(&my->group, picot_call(grows, my->depth - 1, my->width));
    picot_end;
}

/* Jobs that wait for the next turn. */
static size_t count_ready(picot_loop *loop)
{
    const picot_ready_queue *queue = picot_extension_ready(loop);
    size_t count = 0;
    for (const picot_job *job = queue->head._.next; job != &queue->head; job = job->_.next)
        count++;
    return count;
}

picot_async_fn(int, plants, (int eager;), (picot_group group; size_t ready;))
{
    picot_begin;
    my->ready = count_ready(LOOP);
    picot_task_group(my->group, .eager = my->eager);
    picot_try_spawn(&my->group, picot_call(grows, 4, 5)); /* 781 tasks */
    CHECK_EQ(steps, my->eager ? 781 : 0);
    CHECK_EQ(count_ready(LOOP) - my->ready, my->eager ? 0 : 1);
    picot_try_await(picot_join(.group = &my->group));
    CHECK_EQ(steps, 781);
    picot_end;
}

static void trees(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_loop_set_eager(NULL, 1), -EINVAL);
    CHECK_EQ(picot_loop_set_eager(loop, 1), 0);
    CHECK_EQ(picot_run(loop, picot_call(plants, 1)), 0);
    CHECK_EQ(picot_loop_set_eager(loop, 0), 0);
    steps = 0;
    CHECK_EQ(picot_run(loop, picot_call(plants, 0)), 0);
    tap_loop_end(loop);
}

/* Spawns inside spawns: beyond a depth the C stack is left alone. */
picot_async_fn(int, digs, (int depth;), (picot_group group; picot_future f; int64_t n; int r;))
{
    picot_begin;
    steps++;
    if (steps > deepest) deepest = steps;
    if (my->depth > 0) {
        picot_task_group(my->group, .eager = 1);
        if (my->depth % 3 == 0) {
            picot_spawn(&my->group, picot_call(digs, my->depth - 1));
        } else if (my->depth % 3 == 1) {
            picot_spawn_future(my->f, &my->group, picot_call(digs, my->depth - 1));
            CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
        } else {
            picot_spawn_started(my->n, &my->group, picot_call(digs, my->depth - 1));
            CHECK_EQ(my->n, my->depth - 1);
        }
        CHECK_EQ(picot_error(), 0);
    }
    CHECK_EQ(picot_started(my->depth), 0);
    picot_end;
}

static void depths(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(digs, 30000));
    CHECK_EQ(rc, 0);
    CHECK_EQ(steps, 30001);
}

/* ---- failures, cancellations and words inside the spawn ------------------------------------------ */

picot_async_fn(int, fells, (picot_task * whom; picot_group * group; int code;), (char none;))
{
    picot_begin;
    if (my->whom) CHECK_EQ(picot_task_cancel(my->whom, "felled"), 0);
    if (my->group) CHECK_EQ(picot_group_cancel(my->group, "felled"), 0);
    picot_fail(my->code);
    picot_end;
}
#define fells(...) picot_call(fells, __VA_ARGS__)

picot_async_fn(int, says_word, (int value; int code;), (char none;))
{
    picot_begin;
    if (my->value >= 0) CHECK_EQ(picot_started(my->value), 0);
    picot_fail(my->code);
    picot_end;
}
#define says_word(...) picot_call(says_word, __VA_ARGS__)

picot_async_fn(int, fails_at_once, (char unused;), (picot_group group, all; int64_t n; int r;))
{
    picot_begin;
    picot_task_group(my->group, .eager = 1);
    picot_spawn(&my->group, fells(.code = -EDOM)); /* its group knows it already */
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(picot_group_size(&my->group), 0);
    picot_spawn(&my->group, give(1));
    CHECK_EQ(picot_error(), -ECANCELED);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    picot_spawn(&my->group, fells(.whom = picot_self)); /* cancels its creator */
    picot_await(my->r, picot_sleep(.ns = PICOT_SECOND));
    CHECK_EQ(my->r, -ECANCELED);
    CHECK_EQ(picot_task_uncancel(picot_self), 0);
    picot_spawn_started(my->n, &my->group, says_word(8, 0));
    CHECK_EQ(my->n, 8);
    picot_spawn_started(my->n, &my->group, says_word(-1, -EDOM));
    CHECK_EQ(my->n, -EDOM);
    picot_spawn_started(my->n, &my->group, says_word(-1, 0));
    CHECK_EQ(my->n, PICOT_ENOTSTARTED);
    picot_spawn_started(my->n, &my->group, says_word(3, -ERANGE)); /* after its word: the group's */
    CHECK_EQ(my->n, 3);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -ERANGE);
    picot_task_group(my->all, .eager = 1, .collect = 1);
    picot_spawn(&my->all, fells(.code = -1001));
    picot_spawn(&my->all, fells(.code = -1002)); /* does not forget the first one */
    picot_await(my->r, picot_join(.group = &my->all));
    CHECK_EQ(my->r, -1001);
    CHECK_EQ(picot_errors_count(picot_group_errors(&my->all)), 2);
    picot_spawn(&my->group, fells(.group = &my->group)); /* cancels its own group */
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void failing(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(fails_at_once, 0));
    CHECK_EQ(rc, 0);
}

/* From plain code, outside any task, and from a callback. */
static void start_one(picot_loop *loop, void *user)
{
    (void)user;
    CHECK_EQ(picot_start(loop, nap(0, 'a', 'b')), 0);
    say('c');
    CHECK(!picot_task_current(loop));
}

static void from_callbacks(void)
{
    picot_loop *loop = tap_loop();
    picot_job job = PICOT_JOB_INIT;
    CHECK_EQ(picot_loop_set_eager(loop, 1), 0);
    CHECK_EQ(picot_call_soon(loop, &job, start_one, NULL), 0);
    start_one(loop, NULL);
    CHECK_STR(trace, "ac");
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(strlen(trace), 6);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"the first step is inside the spawn", beginning, 0},
    {"781 tasks, and none is queued", trees, 0},
    {"thirty thousand deep", depths, 0},
    {"failures and cancellations inside the spawn", failing, 0},
    {"from plain code and callbacks", from_callbacks, 0},
};

TAP_MAIN(cases)
