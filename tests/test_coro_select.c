/* SPDX-License-Identifier: MIT
 *
 * test_coro_select.c - the first of several arms: futures, times, descriptors; the others leave without a trace;
 * cancelled at each point; misuse. On each backend. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <sys/socket.h>
#include <unistd.h>

#define LOOP picot_this_loop()

/* ---- futures and times --------------------------------------------------------------------------- */

static void set_it(picot_loop *loop, void *user)
{
    CHECK_EQ(picot_future_set(loop, *(picot_future *)user, NULL, 0), 0);
}

#define SELECT(n) picot_await(my->r, picot_select(.arms = my->arms, .count = (n)))

picot_async_fn(int, selects, (char unused;), (picot_arm arms[4]; picot_future f, g; picot_job job; int i, r;))
{
    picot_begin;
    SELECT(0);
    CHECK_EQ(my->r, -EINVAL);
    picot_await(my->r, picot_select(.arms = NULL, .count = 1));
    CHECK_EQ(my->r, -EINVAL);
    SELECT(1); /* an arm that was never made */
    CHECK_EQ(my->r, -EINVAL);
    my->arms[0] = picot_arm_sleep(-1);
    SELECT(1);
    CHECK_EQ(my->r, -EINVAL);
    my->arms[0] = picot_arm_sleep(PICOT_NEVER);
    my->arms[1] = picot_arm_future(0);
    SELECT(2);
    CHECK_EQ(my->r, -EBADF);
    my->f = picot_future_create(LOOP, 0);
    my->g = picot_future_create(LOOP, 0);
    /* A time wins. */
    my->arms[0] = picot_arm_future(my->f);
    my->arms[1] = picot_arm_sleep(50 * PICOT_MS);
    my->arms[2] = picot_arm_sleep(PICOT_MS);
    my->arms[3] = picot_arm_sleep(PICOT_NEVER);
    SELECT(4);
    CHECK_EQ(my->r, 2);
    CHECK_EQ(my->arms[2].rc, 0);
    /* At once: the first in order that is ready; not a time of 0. */
    CHECK_EQ(picot_future_fail(LOOP, my->f, -EDOM), 0);
    my->arms[0] = picot_arm_sleep(0);
    my->arms[1] = picot_arm_future(my->g);
    my->arms[2] = picot_arm_future(my->f);
    SELECT(3);
    CHECK_EQ(my->r, 2);
    CHECK_EQ(my->arms[2].rc, -EDOM);
    CHECK_EQ(picot_error(), 0);
    my->arms[0] = picot_arm_sleep(0);
    my->arms[1] = picot_arm_future(my->g);
    SELECT(2);
    CHECK_EQ(my->r, 0);
    /* The same future twice, and twice more: one of the arms wins. */
    for (my->i = 0; my->i < 4; my->i++)
        my->arms[my->i] = picot_arm_future(my->g);
    CHECK_EQ(picot_call_soon(LOOP, &my->job, set_it, &my->g), 0);
    SELECT(4);
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    CHECK_EQ(picot_future_unref(LOOP, my->g), 0);
    for (my->i = 0; my->i < 100; my->i++) { /* more than a step's budget of results at once */
        my->f = picot_future_create(LOOP, 0);
        CHECK_EQ(picot_future_set(LOOP, my->f, NULL, 0), 0);
        my->arms[0] = picot_arm_future(my->f);
        SELECT(1);
        CHECK_EQ(my->r, 0);
        CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    }
    picot_end;
}

static void futures_and_times(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(selects, 0));
    CHECK_EQ(rc, 0);
}

/* An arm holds no reference: with the last one the future is cancelled, and the arm wins so. A task goes on. */
picot_async_fn(int, lets_go, (picot_future f;), (char none;))
{
    picot_begin;
    picot_await(nap(1));
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_end;
}

picot_async_fn(int, selects_dropped, (char unused;), (picot_group group; picot_arm arms[2]; picot_future f; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    my->f = picot_future_create(LOOP, 0);
    picot_spawn(&my->group, picot_call(lets_go, my->f));
    my->arms[0] = picot_arm_sleep(PICOT_NEVER);
    my->arms[1] = picot_arm_future(my->f);
    SELECT(2);
    CHECK_EQ(my->r, 1);
    CHECK_EQ(my->arms[1].rc, -ECANCELED);
    picot_create(my->f, nap(3, .done = 'd'));
    picot_spawn(&my->group, picot_call(lets_go, my->f));
    my->arms[0] = picot_arm_sleep(PICOT_NEVER);
    my->arms[1] = picot_arm_future(my->f);
    SELECT(2);
    CHECK_EQ(my->r, 1);
    CHECK_EQ(my->arms[1].rc, 0);
    CHECK_STR(trace, "d");
    picot_create(my->f, nap(3, .done = 'e', .cancelled = 'x'));
    my->arms[0] = picot_arm_sleep(PICOT_MS);
    my->arms[1] = picot_arm_future(my->f);
    SELECT(2);
    CHECK_EQ(my->r, 0); /* losing leaves the task alone */
    picot_try_await(picot_result(.of = my->f));
    CHECK_STR(trace, "de");
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_end;
}

static void dropped(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(selects_dropped, 0));
    CHECK_EQ(rc, 0);
}

/* ---- descriptors --------------------------------------------------------------------------------- */

static void connected_pair(picot_loop *loop, picot_fd ret_ends[2])
{
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    for (int i = 0; i < 2; i++) {
        ret_ends[i] = picot_adopt(loop, fds[i]);
        CHECK(ret_ends[i] >= 0);
    }
}

picot_async_fn(int, writes_later, (picot_fd fd; int ms;), (int r;))
{
    picot_begin;
    picot_try_await(nap(my->ms));
    picot_await(my->r, picot_send_all(.fd = my->fd, .buf = "x", .len = 1));
    picot_end;
}

picot_async_fn(int, selects_fds, (char unused;),
               (picot_group group; picot_arm arms[4]; picot_fd a[2], b[2]; picot_future f; long n; int r; char buf[4];))
{
    picot_begin;
    connected_pair(LOOP, my->a);
    connected_pair(LOOP, my->b);
    picot_task_group(my->group);
    /* A descriptor wins; the other one keeps nothing of it. */
    picot_spawn(&my->group, picot_call(writes_later, my->b[1], 2));
    my->arms[0] = picot_arm_poll(my->a[0], PICOT_READABLE);
    my->arms[1] = picot_arm_poll(my->b[0], PICOT_READABLE);
    my->arms[2] = picot_arm_sleep(10 * PICOT_SECOND);
    SELECT(3);
    CHECK_EQ(my->r, 1);
    CHECK(my->arms[1].rc > 0 && my->arms[1].rc & PICOT_READABLE);
    picot_await(my->n, picot_recv(.fd = my->b[0], .buf = my->buf, .len = sizeof my->buf));
    CHECK_EQ(my->n, 1);
    /* A time wins over both; then they can be read at once, by others, too. */
    my->arms[0] = picot_arm_poll(my->a[0], PICOT_READABLE);
    my->arms[1] = picot_arm_poll(my->b[0], PICOT_READABLE);
    my->arms[2] = picot_arm_sleep(2 * PICOT_MS);
    SELECT(3);
    CHECK_EQ(my->r, 2);
    picot_spawn(&my->group, picot_call(writes_later, my->a[1], 1));
    picot_await(my->n, picot_recv(.fd = my->a[0], .buf = my->buf, .len = sizeof my->buf));
    CHECK_EQ(my->n, 1);
    /* One that is ready already, and one that may be written. */
    picot_try_await(picot_send_all(.fd = my->a[1], .buf = "y", .len = 1));
    my->arms[0] = picot_arm_poll(my->b[0], PICOT_READABLE);
    my->arms[1] = picot_arm_poll(my->a[0], PICOT_READABLE);
    SELECT(2);
    CHECK_EQ(my->r, 1);
    picot_await(my->n, picot_recv(.fd = my->a[0], .buf = my->buf, .len = sizeof my->buf));
    CHECK_EQ(my->n, 1);
    my->arms[0] = picot_arm_poll(my->a[0], PICOT_WRITABLE);
    SELECT(1);
    CHECK_EQ(my->r, 0);
    CHECK(my->arms[0].rc & PICOT_WRITABLE);
    /* A second reader is refused; the arms before it are withdrawn. */
    my->arms[0] = picot_arm_sleep(PICOT_NEVER);
    my->arms[1] = picot_arm_poll(my->a[0], PICOT_READABLE);
    my->arms[2] = picot_arm_poll(my->a[0], PICOT_READABLE);
    SELECT(3);
    CHECK_EQ(my->r, -EBUSY);
    /* A future against descriptors. */
    picot_create(my->f, nap(1));
    my->arms[0] = picot_arm_poll(my->a[0], PICOT_READABLE);
    my->arms[1] = picot_arm_future(my->f);
    my->arms[2] = picot_arm_poll(my->b[0], PICOT_READABLE);
    SELECT(3);
    CHECK_EQ(my->r, 1);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_await(picot_close(.fd = my->a[0]));
    my->arms[0] = picot_arm_sleep(PICOT_NEVER);
    my->arms[1] = picot_arm_poll(my->a[0], PICOT_READABLE);
    SELECT(2);
    CHECK_EQ(my->r, -EBADF);
    picot_await(picot_close(.fd = my->a[1]));
    picot_await(picot_close(.fd = my->b[0]));
    picot_await(picot_close(.fd = my->b[1]));
    picot_end;
}

static void descriptors(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(selects_fds, 0));
    CHECK_EQ(rc, 0);
}

/* ---- cancelled at each point --------------------------------------------------------------------- */

picot_async_fn(int, selects_all, (picot_fd * ends; picot_future f; int *ret_which;),
               (picot_arm arms[3]; int i, told, r, next;))
{
    picot_begin;
    my->arms[0] = picot_arm_poll(my->ends[0], PICOT_READABLE);
    my->arms[1] = picot_arm_future(my->f);
    my->arms[2] = picot_arm_sleep(10 * PICOT_SECOND);
    SELECT(3);
    *my->ret_which = my->r;
    my->told = my->r == -ECANCELED;
    for (my->i = 0; my->i < 20 && !my->told; my->i++) {
        picot_await(my->next, picot_sleep(.ns = 0));
        my->told += my->next == -ECANCELED;
    }
    CHECK_EQ(my->told, 1);
    picot_await(my->next, picot_sleep(.ns = 0)); /* picot_future_cancel is told once, the loop's end always */
    CHECK(my->next == 0 || my->next == -ECANCELED);
    if (my->next < 0) say('l');
    picot_end;
}

/* The descriptor gets ready at turn `ready`, the future at turn `finished`, the cancellation comes at turn `cancelled`.
 */
picot_async_fn(int, cancels_a_select, (int ready; int finished; int cancelled;),
               (picot_fd ends[2]; picot_future f, task; int turn, r, which; long n; char buf[4];))
{
    picot_begin;
    connected_pair(LOOP, my->ends);
    my->f = picot_future_create(LOOP, 0);
    my->which = -1;
    picot_create(my->task, picot_call(selects_all, my->ends, my->f, &my->which));
    for (my->turn = 0; my->turn < 5; my->turn++) {
        if (my->turn == my->ready) picot_try_await(picot_send_all(.fd = my->ends[1], .buf = "z", .len = 1));
        if (my->turn == my->finished) CHECK_EQ(picot_future_set(LOOP, my->f, NULL, 0), 0);
        if (my->turn == my->cancelled) (void)picot_future_cancel(LOOP, my->task, NULL);
        picot_yield();
    }
    picot_wait_for(my->r, 10 * PICOT_SECOND, picot_result(.of = my->task));
    CHECK(my->which == 0 || my->which == 1 || my->which == -ECANCELED);
    CHECK_EQ(my->r, 0);
    if (my->which == 0) CHECK(my->ready < 5);
    if (my->which == 1) CHECK(my->finished < 5);
    /* The descriptor's reader is free, and the byte is there. */
    if (my->ready < 5) {
        picot_await(my->n, picot_recv(.fd = my->ends[0], .buf = my->buf, .len = sizeof my->buf));
        CHECK_EQ(my->n, 1);
    }
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    CHECK_EQ(picot_future_unref(LOOP, my->task), 0);
    picot_await(picot_close(.fd = my->ends[0]));
    picot_await(picot_close(.fd = my->ends[1]));
    picot_end;
}

static void cancelled_at_each_point(void)
{
    picot_loop *loop = tap_loop();
    for (int ready = 0; ready <= 5; ready++)
        for (int finished = 0; finished <= 5; finished++)
            for (int cancelled = 0; cancelled < 5; cancelled++)
                CHECK_EQ(picot_run(loop, picot_call(cancels_a_select, ready, finished, cancelled)), 0);
    CHECK_EQ(picot_loop_task_count(loop), 0);
    CHECK_STR(trace, "");
    tap_loop_end(loop);
}

/* The loop ends while a task selects. */
static void ends_with_the_loop(void)
{
    picot_loop *loop = tap_loop();
    static picot_fd ends[2];
    static int which;
    connected_pair(loop, ends);
    CHECK_EQ(picot_start(loop, picot_call(selects_all, ends, picot_future_create(loop, 0), &which)), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    CHECK_EQ(which, -ECANCELED);
    CHECK_STR(trace, "l");
}

static const struct tap_case cases[] = {
    {"futures and times", futures_and_times, 0},
    {"references go while somebody selects", dropped, 0},
    {"descriptors", descriptors, TAP_BACKENDS},
    {"cancelled at each point", cancelled_at_each_point, TAP_BACKENDS},
    {"the loop ends meanwhile", ends_with_the_loop, TAP_BACKENDS},
};

TAP_MAIN(cases)
