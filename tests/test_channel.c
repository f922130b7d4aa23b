/* SPDX-License-Identifier: MIT
 *
 * test_channel.c - channels: rendezvous, clones and closing, stale ends, arms; broadcasts: lapped and paced; and one
 * value that changes. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

/* One operation in a task of its own. */
struct seat {
    picot_task *task;
    int result; /* 1000: not over yet */
    int value;
};

#define OPERATION(name, arguments, call)                                                                               \
    picot_async_fn(int, name, (struct seat * seat; PICOT_UNPAREN_ arguments), (int r;))                                \
    {                                                                                                                  \
        picot_begin;                                                                                                   \
        my->seat->task = picot_self;                                                                                   \
        my->seat->result = 1000;                                                                                       \
        picot_await(my->r, call);                                                                                      \
        my->seat->result = my->r;                                                                                      \
        my->seat->task = NULL;                                                                                         \
        picot_return(0);                                                                                               \
        picot_end;                                                                                                     \
    }

OPERATION(send_one, (picot_sender tx; int value;), picot_channel_send(my->tx, &my->value))
OPERATION(recv_one, (picot_receiver rx;), picot_channel_recv(my->rx, &my->seat->value))
OPERATION(say_one, (picot_broadcast * to; int value;), picot_broadcast_send(.broadcast = my->to, .item = &my->value))
OPERATION(hear_one, (picot_broadcast_receiver * rx;), picot_broadcast_recv(my->rx, &my->seat->value))
OPERATION(see_one, (picot_latest * latest; uint64_t * seen;),
          picot_latest_changed(.latest = my->latest, .seen = my->seen, .ret_value = &my->seat->value))
#define send_one(...) picot_call(send_one, __VA_ARGS__)
#define recv_one(...) picot_call(recv_one, __VA_ARGS__)
#define say_one(...) picot_call(say_one, __VA_ARGS__)
#define hear_one(...) picot_call(hear_one, __VA_ARGS__)
#define see_one(...) picot_call(see_one, __VA_ARGS__)

static int send_now(picot_loop *loop, picot_sender tx, int value)
{
    return picot_channel_try_send(loop, tx, &value);
}

static int recv_now(picot_loop *loop, picot_receiver rx)
{
    int value = -1, rc = picot_channel_try_recv(loop, rx, &value);
    return rc < 0 ? rc : value;
}

#define LOCALS                                                                                                         \
    (picot_loop * loop; picot_group group; picot_sender tx, tx2; picot_receiver rx, rx2; struct seat a, b, c;          \
     int r, i, x, y; picot_arm arms[3];)

/* A case: one task, run alone. */
#define ALONE(name)                                                                                                    \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        int rc;                                                                                                        \
        RUN_ALONE(rc, picot_call(name##_task, 0));                                                                     \
        CHECK_EQ(rc, 0);                                                                                               \
    }

/* ---- channels -------------------------------------------------------------------------------------- */

picot_async_fn(int, rendezvous_task, (char unused;), LOCALS)
{
    picot_begin;
    my->loop = picot_this_loop();
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(picot_channel_open(my->loop, sizeof(int), 0, NULL, &my->tx, &my->rx), 0);
    CHECK_EQ(send_now(my->loop, my->tx, 1), -EBUSY);
    CHECK_EQ(recv_now(my->loop, my->rx), -EBUSY);
    /* A sender waits for the one who takes the item from its hand, */
    picot_spawn(&my->group, send_one(&my->a, my->tx, 1));
    picot_spawn(&my->group, send_one(&my->b, my->tx, 2));
    picot_yield();
    CHECK_EQ(my->a.result, 1000);
    CHECK_EQ(picot_channel_len(my->loop, my->tx), 0);
    CHECK_EQ(recv_now(my->loop, my->rx), 1);
    CHECK_EQ(picot_task_cancel(my->a.task, NULL), 0); /* too late */
    picot_yield();
    CHECK_EQ(my->a.result, 0);
    CHECK_EQ(my->b.result, 1000);
    CHECK_EQ(picot_task_cancel(my->b.task, NULL), 0);
    CHECK_EQ(recv_now(my->loop, my->rx), -EBUSY);
    picot_yield();
    CHECK_EQ(my->b.result, -ECANCELED);
    /* and a receiver owns what was sent to it; nobody who comes later can have it. */
    picot_spawn(&my->group, recv_one(&my->a, my->rx));
    picot_yield();
    CHECK_EQ(send_now(my->loop, my->tx, 3), 0);
    CHECK_EQ(picot_task_cancel(my->a.task, NULL), 0);
    CHECK_EQ(recv_now(my->loop, my->rx), -EBUSY);
    CHECK_EQ(send_now(my->loop, my->tx, 4), -EBUSY);
    picot_yield();
    CHECK_EQ(my->a.result, 0);
    CHECK_EQ(my->a.value, 3);
    CHECK_EQ(picot_channel_close(my->loop, my->tx), 0);
    picot_await(my->r, picot_channel_recv(.receiver = my->rx, .ret_item = &my->x));
    CHECK_EQ(my->r, PICOT_ECLOSED);
    CHECK_EQ(picot_channel_close(my->loop, my->rx), 0);
    picot_end;
}

static int disposed_sum;
static void add_disposed(void *user, void *item)
{
    (void)user;
    disposed_sum += *(int *)item;
}

picot_async_fn(int, clones_task, (char unused;), LOCALS)
{
    picot_begin;
    my->loop = picot_this_loop();
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(
        picot_channel_open(my->loop, sizeof(int), 2, &(picot_queue_options){.dispose = add_disposed}, &my->tx, &my->rx),
        0);
    my->tx2 = picot_channel_clone(my->loop, my->tx);
    my->rx2 = picot_channel_clone(my->loop, my->rx);
    CHECK(my->tx2 > 0 && my->rx2 > 0 && my->tx2 != my->tx && my->rx2 != my->rx);
    CHECK_EQ(picot_channel_senders(my->loop, my->rx), 2);
    CHECK_EQ(picot_channel_receivers(my->loop, my->tx2), 2);
    CHECK_EQ(send_now(my->loop, my->tx, 1), 0);
    CHECK_EQ(send_now(my->loop, my->tx2, 2), 0);
    CHECK_EQ(picot_channel_len(my->loop, my->rx2), 2);
    CHECK_EQ(picot_channel_close(my->loop, my->tx), 0);
    CHECK_EQ(send_now(my->loop, my->tx, 3), -EBADF);
    CHECK_EQ(recv_now(my->loop, my->rx2), 1);
    CHECK_EQ(send_now(my->loop, my->tx2, 3), 0); /* still open: there is a clone */
    CHECK_EQ(picot_channel_close(my->loop, my->tx2), 0);
    CHECK_EQ(recv_now(my->loop, my->rx), 2); /* drained, then closed */
    CHECK_EQ(recv_now(my->loop, my->rx2), 3);
    CHECK_EQ(recv_now(my->loop, my->rx2), PICOT_ECLOSED);
    CHECK_EQ(picot_channel_close(my->loop, my->rx), 0);
    CHECK_EQ(picot_channel_close(my->loop, my->rx2), 0);
    CHECK_EQ(picot_channel_close(my->loop, my->rx2), -EBADF);
    CHECK_EQ(disposed_sum, 0);
    /* The last receiver goes: what is inside is dropped, who waits is told. */
    CHECK_EQ(
        picot_channel_open(my->loop, sizeof(int), 1, &(picot_queue_options){.dispose = add_disposed}, &my->tx, &my->rx),
        0);
    CHECK_EQ(recv_now(my->loop, my->rx2), -EBADF); /* an old number is not a new end */
    CHECK_EQ(send_now(my->loop, my->tx, 5), 0);
    picot_spawn(&my->group, send_one(&my->a, my->tx, 6));
    picot_yield();
    CHECK_EQ(picot_channel_close(my->loop, my->rx), 0);
    picot_yield();
    CHECK_EQ(my->a.result, -EPIPE);
    CHECK_EQ(send_now(my->loop, my->tx, 7), -EPIPE);
    CHECK_EQ(disposed_sum, 5);
    CHECK_EQ(picot_channel_receivers(my->loop, my->tx), 0);
    CHECK_EQ(picot_channel_close(my->loop, my->tx), 0);
    /* Closing an end ends the waits through it, not those through a clone; the last sender's end ends all. */
    CHECK_EQ(picot_channel_open(my->loop, sizeof(int), 1, NULL, &my->tx, &my->rx), 0);
    my->rx2 = picot_channel_clone(my->loop, my->rx);
    picot_spawn(&my->group, recv_one(&my->a, my->rx));
    picot_spawn(&my->group, recv_one(&my->b, my->rx2));
    picot_spawn(&my->group, recv_one(&my->c, my->rx));
    picot_yield();
    CHECK_EQ(picot_channel_close(my->loop, my->rx), 0);
    picot_yield();
    CHECK_EQ(my->a.result, -EBADF);
    CHECK_EQ(my->b.result, 1000);
    CHECK_EQ(my->c.result, -EBADF);
    CHECK_EQ(picot_channel_close(my->loop, my->tx), 0);
    picot_yield();
    CHECK_EQ(my->b.result, PICOT_ECLOSED);
    CHECK_EQ(picot_channel_close(my->loop, my->rx2), 0);
    picot_end;
}

static void misuse(void)
{
    picot_loop *loop = tap_loop(), *other = tap_loop();
    picot_sender tx = 0, foreign_tx;
    picot_receiver rx = 0, foreign_rx;
    int x = 0;
    picot_queue_options drops = {.overflow = PICOT_DROP_OLDEST};
    CHECK_EQ(send_now(loop, tx, 1), -EBADF);
    CHECK_EQ(picot_channel_clone(loop, 0), -EBADF);
    CHECK_EQ(picot_channel_close(loop, 0), -EBADF);
    CHECK_EQ(picot_channel_len(loop, -1), -EBADF);
    CHECK_EQ(picot_channel_open(NULL, 4, 1, NULL, &tx, &rx), -EINVAL);
    CHECK_EQ(picot_channel_open(loop, 4, 1, NULL, NULL, &rx), -EINVAL);
    CHECK_EQ(picot_channel_open(loop, 4, 1, NULL, &tx, NULL), -EINVAL);
    CHECK_EQ(picot_channel_open(loop, 0, 1, NULL, &tx, &rx), -EINVAL);
    CHECK_EQ(picot_channel_open(loop, 4, 0, &drops, &tx, &rx), -EINVAL);
    CHECK_EQ(tx + rx, 0);
    CHECK_EQ(picot_channel_open(loop, sizeof(int), 1, NULL, &tx, &rx), 0);
    CHECK_EQ(picot_channel_open(other, 100 * sizeof(int), 1, NULL, &foreign_tx, &foreign_rx), 0);
    CHECK_EQ(picot_channel_try_send(loop, foreign_tx, &x), -EBADF);
    CHECK_EQ(picot_channel_try_send(other, tx, &x), -EBADF);
    tap_loop_end(other);
    CHECK_EQ(picot_channel_close(NULL, tx), -EINVAL);
    CHECK_EQ(picot_channel_clone(NULL, tx), -EINVAL);
    CHECK_EQ(picot_channel_senders(NULL, tx), -EINVAL);
    CHECK_EQ(picot_channel_try_send(NULL, tx, &x), -EINVAL);
    CHECK_EQ(picot_channel_try_send(loop, tx, NULL), -EINVAL);
    CHECK_EQ(picot_channel_try_send(loop, rx, &x), -EBADF);
    CHECK_EQ(picot_channel_try_recv(loop, tx, &x), -EBADF);
    CHECK_EQ(picot_channel_try_recv(loop, -ENOMEM, &x), -EBADF);
    CHECK_EQ(picot_channel_try_recv(loop, INT64_MAX, &x), -EBADF);
    for (int i = 0; i < 100; i++) { /* the table grows, and old numbers stay dead */
        int64_t clone = picot_channel_clone(loop, tx);
        CHECK(clone > 0);
        if (i % 2) CHECK_EQ(picot_channel_close(loop, clone), 0);
        if (i % 2) CHECK_EQ(picot_channel_close(loop, clone), -EBADF);
    }
    CHECK_EQ(picot_channel_senders(loop, rx), 51);
    int64_t old = picot_channel_clone(loop, tx);
    CHECK_EQ(picot_channel_close(loop, old), 0);
    int64_t fresh = picot_channel_clone(loop, tx); /* in the place of the old one */
    CHECK(fresh > 0 && fresh != old);
    CHECK_EQ(send_now(loop, old, 1), -EBADF);
    CHECK_EQ(picot_channel_close(loop, old), -EBADF);
    CHECK_EQ(picot_channel_close(loop, fresh), 0);
    CHECK_EQ(send_now(loop, tx, 4), 0);
    tap_loop_end(loop); /* ends left open are closed with it */
}

static void memory(void)
{
    for (long fail = 0;; fail++) {
        picot_loop *loop = tap_loop();
        picot_sender tx = 0;
        picot_receiver rx = 0;
        tap_allocator_fail_after(fail);
        int rc = picot_channel_open(loop, sizeof(int), 4, NULL, &tx, &rx);
        tap_allocator_fail_after(-1);
        CHECK_EQ(rc, rc == 0 ? 0 : -ENOMEM);
        CHECK(rc == 0 ? tx > 0 && rx > 0 : tx + rx == 0);
        int clones = 0;
        int64_t clone = 0;
        for (; rc == 0 && clone >= 0 && clones < 100; clones++) {
            tap_allocator_fail_after(0);
            clone = picot_channel_clone(loop, tx);
            tap_allocator_fail_after(-1);
        }
        if (rc == 0) CHECK_EQ(clone, -ENOMEM);
        tap_loop_end(loop);
        if (rc == 0) break;
        CHECK(fail < 20);
    }
}

picot_async_fn(int, arms_task, (char unused;), LOCALS)
{
    picot_begin;
    my->loop = picot_this_loop();
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(picot_channel_open(my->loop, sizeof(int), 0, NULL, &my->tx, &my->rx), 0);
    picot_spawn(&my->group, send_one(&my->a, my->tx, 8));
    my->arms[0] = picot_arm_channel_recv(my->rx, &my->x);
    my->arms[1] = picot_arm_sleep(PICOT_SECOND);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->arms[0].rc, 0);
    CHECK_EQ(my->x, 8);
    picot_yield();
    CHECK_EQ(my->a.result, 0);
    /* Sender and receiver of one select do not serve each other. */
    my->y = 9;
    my->arms[0] = picot_arm_channel_recv(my->rx, &my->x);
    my->arms[1] = picot_arm_channel_send(my->tx, &my->y);
    my->arms[2] = picot_arm_sleep(PICOT_MS);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 3));
    CHECK_EQ(my->r, 2);
    picot_spawn(&my->group, recv_one(&my->a, my->rx));
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 1);
    picot_yield();
    CHECK_EQ(my->a.value, 9);
    CHECK_EQ(recv_now(my->loop, my->rx), -EBUSY); /* nothing of it is left */
    CHECK_EQ(send_now(my->loop, my->tx, 1), -EBUSY);
    /* A closed end is an arm's result. */
    CHECK_EQ(picot_channel_close(my->loop, my->tx), 0);
    my->arms[0] = picot_arm_channel_recv(my->rx, &my->x);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 1));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->arms[0].rc, PICOT_ECLOSED);
    my->arms[0] = picot_arm_channel_send(my->tx, &my->x);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 1));
    CHECK_EQ(my->arms[0].rc, -EBADF);
    CHECK_EQ(picot_channel_close(my->loop, my->rx), 0);
    picot_end;
}

/* ---- broadcasts -------------------------------------------------------------------------------------- */

static int hear_now(picot_broadcast_receiver *rx)
{
    int value = -1, rc = picot_broadcast_try_recv(rx, &value);
    return rc < 0 ? rc : value;
}

static int say_now(picot_broadcast *to, int value)
{
    return picot_broadcast_try_send(to, &value);
}

#define NEWS                                                                                                           \
    (picot_broadcast news; picot_broadcast_receiver p, q, late; picot_group group; struct seat a, b, c; int r, i, x;   \
     picot_arm arms[2];)

picot_async_fn(int, lapping_task, (char unused;), NEWS)
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(picot_broadcast_init(picot_this_loop(), &my->news, sizeof(int), 3, PICOT_LAP), 0);
    CHECK_EQ(say_now(&my->news, 1), 0); /* to nobody */
    CHECK_EQ(picot_broadcast_join(&my->news, &my->p), 0);
    CHECK_EQ(picot_broadcast_join(&my->news, &my->q), 0);
    CHECK_EQ(picot_broadcast_join(&my->news, &my->q), -EALREADY);
    CHECK_EQ(picot_broadcast_receivers(&my->news), 2);
    CHECK_EQ(hear_now(&my->p), -EBUSY); /* what was sent before it joined is not its */
    picot_spawn(&my->group, hear_one(&my->a, &my->p));
    picot_spawn(&my->group, hear_one(&my->b, &my->p));
    picot_spawn(&my->group, hear_one(&my->c, &my->q));
    picot_yield();
    CHECK_EQ(say_now(&my->news, 2), 2);
    CHECK_EQ(picot_task_cancel(my->a.task, NULL), 0); /* too late: it has it */
    CHECK_EQ(picot_task_cancel(my->b.task, NULL), 0);
    picot_yield();
    CHECK_EQ(my->a.value, 2);
    CHECK_EQ(my->b.result, -ECANCELED); /* one item, one of those who wait through one receiver */
    CHECK_EQ(my->c.value, 2);
    picot_await(my->r, picot_broadcast_send(&my->news, &my->r)); /* item 3 is whatever r was */
    CHECK_EQ(my->r, 2);
    CHECK_EQ(picot_error(), 0);
    for (my->i = 4; my->i <= 7; my->i++)
        CHECK_EQ(say_now(&my->news, my->i), 2);
    CHECK_EQ(hear_now(&my->p), -EOVERFLOW);
    CHECK_EQ(picot_broadcast_missed(&my->p), 2);
    for (my->i = 5; my->i <= 7; my->i++)
        CHECK_EQ(hear_now(&my->p), my->i);
    CHECK_EQ(hear_now(&my->p), -EBUSY);
    picot_await(my->r, picot_broadcast_recv(.receiver = &my->q, .ret_item = &my->x));
    CHECK_EQ(my->r, -EOVERFLOW);
    picot_await(my->r, picot_broadcast_recv(.receiver = &my->q, .ret_item = &my->x));
    CHECK_EQ(my->x, 5);
    /* An arm; then the end: what is kept can still be seen. */
    picot_spawn(&my->group, say_one(&my->a, &my->news, 8));
    my->arms[0] = picot_arm_broadcast_recv(&my->p, &my->x);
    my->arms[1] = picot_arm_sleep(PICOT_SECOND);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->x, 8);
    CHECK_EQ(my->a.result, 2);
    picot_spawn(&my->group, hear_one(&my->a, &my->p));
    picot_yield();
    CHECK_EQ(picot_broadcast_close(&my->news), 0);
    CHECK_EQ(say_now(&my->news, 9), PICOT_ECLOSED);
    CHECK_EQ(picot_broadcast_join(&my->news, &my->late), PICOT_ECLOSED);
    for (my->i = 6; my->i <= 8; my->i++)
        CHECK_EQ(hear_now(&my->q), my->i);
    CHECK_EQ(hear_now(&my->q), PICOT_ECLOSED);
    picot_yield();
    CHECK_EQ(my->a.result, PICOT_ECLOSED);
    picot_broadcast_leave(&my->p);
    picot_broadcast_leave(&my->p);
    picot_broadcast_leave(NULL);
    CHECK_EQ(hear_now(&my->p), -EINVAL);
    picot_broadcast_destroy(&my->news);
    CHECK_EQ(hear_now(&my->q), -EINVAL); /* it has left by that */
    picot_broadcast_leave(&my->q);
    picot_end;
}

picot_async_fn(int, pacing_task, (char unused;), NEWS)
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(picot_broadcast_init(picot_this_loop(), &my->news, sizeof(int), 2, PICOT_PACE), 0);
    for (my->i = 0; my->i < 5; my->i++)
        CHECK_EQ(say_now(&my->news, 0), 0);
    CHECK_EQ(picot_broadcast_join(&my->news, &my->p), 0);
    CHECK_EQ(picot_broadcast_join(&my->news, &my->q), 0);
    CHECK_EQ(say_now(&my->news, 1), 2);
    CHECK_EQ(say_now(&my->news, 2), 2);
    CHECK_EQ(say_now(&my->news, 3), -EBUSY);
    picot_spawn(&my->group, say_one(&my->a, &my->news, 3));
    picot_spawn(&my->group, say_one(&my->b, &my->news, 4));
    picot_spawn(&my->group, say_one(&my->c, &my->news, 5));
    picot_yield();
    CHECK_EQ(hear_now(&my->p), 1);
    CHECK_EQ(hear_now(&my->p), 2);
    picot_yield();
    CHECK_EQ(my->a.result, 1000); /* q has not seen the first yet */
    CHECK_EQ(hear_now(&my->q), 1);
    CHECK_EQ(say_now(&my->news, 9), -EBUSY); /* the slot is the first sender's */
    picot_yield();
    CHECK_EQ(my->a.result, 2);
    CHECK_EQ(my->b.result, 1000);
    CHECK_EQ(picot_task_cancel(my->b.task, NULL), 0);
    CHECK_EQ(hear_now(&my->p), 3);
    /* The slow one leaves: there is room. */
    picot_broadcast_leave(&my->q);
    picot_yield();
    CHECK_EQ(my->b.result, -ECANCELED);
    CHECK_EQ(my->c.result, 1);
    CHECK_EQ(hear_now(&my->p), 5);
    CHECK_EQ(hear_now(&my->p), -EBUSY);
    /* An item that is handed over needs no slot. */
    for (my->i = 10; my->i < 15; my->i++) {
        picot_spawn(&my->group, hear_one(&my->a, &my->p));
        picot_yield();
        CHECK_EQ(say_now(&my->news, my->i), 1);
        picot_yield();
        CHECK_EQ(my->a.value, my->i);
    }
    CHECK_EQ(say_now(&my->news, 6), 1);
    CHECK_EQ(say_now(&my->news, 7), 1);
    picot_spawn(&my->group, say_one(&my->a, &my->news, 8));
    picot_yield();
    picot_broadcast_destroy(&my->news);
    picot_yield();
    CHECK_EQ(my->a.result, PICOT_ECLOSED);
    picot_end;
}

/* ---- the latest value ---------------------------------------------------------------------------------- */

picot_async_fn(int, latest_task, (char unused;),
               (picot_latest l; uint64_t seen, seen_a, seen_b; picot_group group; struct seat a, b; int r, x;
                picot_arm arms[2];))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    my->x = 10;
    CHECK_EQ(picot_latest_init(picot_this_loop(), &my->l, sizeof(int), &my->x), 0);
    CHECK_EQ(picot_latest_version(&my->l), 1);
    my->x = 0;
    picot_await(my->r, picot_latest_changed(&my->l, &my->seen, &my->x)); /* the first look is at once */
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->x, 10);
    CHECK_EQ(my->seen, 1);
    my->seen_a = my->seen_b = my->seen;
    picot_spawn(&my->group, see_one(&my->a, &my->l, &my->seen_a));
    picot_spawn(&my->group, see_one(&my->b, &my->l, &my->seen_b));
    picot_yield();
    CHECK_EQ(my->a.result, 1000);
    CHECK_EQ(picot_task_cancel(my->b.task, NULL), 0);
    CHECK_EQ(picot_latest_set(&my->l, &(int){11}), 1);
    CHECK_EQ(picot_task_cancel(my->a.task, NULL), 0); /* too late */
    CHECK_EQ(picot_latest_set(&my->l, &(int){12}), 0);
    picot_yield();
    CHECK_EQ(my->a.result, 0);
    CHECK_EQ(my->a.value, 11);
    CHECK_EQ(my->seen_a, 2);
    CHECK_EQ(my->b.result, -ECANCELED);
    CHECK_EQ(my->seen_b, 1);
    picot_await(my->r, picot_latest_changed(&my->l, &my->seen_b, &my->x)); /* versions between are skipped */
    CHECK_EQ(my->x, 12);
    CHECK_EQ(my->seen_b, 3);
    CHECK_EQ(*(const int *)picot_latest_borrow(&my->l), 12);
    CHECK_EQ(picot_latest_get(&my->l, &my->x, &my->seen), 0);
    CHECK_EQ(my->seen, 3);
    my->arms[0] = picot_arm_latest_changed(&my->l, &my->seen, &my->x);
    my->arms[1] = picot_arm_sleep(PICOT_MS);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 1);
    my->arms[0] = picot_arm_latest_changed(&my->l, &my->seen_a, NULL);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->seen_a, 3);
    /* The end: the last value first. */
    picot_spawn(&my->group, see_one(&my->a, &my->l, &my->seen_a));
    picot_yield();
    CHECK_EQ(picot_latest_close(&my->l), 0);
    CHECK_EQ(picot_latest_set(&my->l, &my->x), PICOT_ECLOSED);
    picot_yield();
    CHECK_EQ(my->a.result, PICOT_ECLOSED);
    my->seen = 0;
    picot_await(my->r, picot_latest_changed(&my->l, &my->seen, NULL));
    CHECK_EQ(my->r, 0);
    picot_await(my->r, picot_latest_changed(&my->l, &my->seen, NULL));
    CHECK_EQ(my->r, PICOT_ECLOSED);
    picot_latest_destroy(&my->l);
    picot_latest_destroy(&my->l);
    picot_await(my->r, picot_latest_changed(&my->l, &my->seen, NULL));
    CHECK_EQ(my->r, -EINVAL);
    CHECK_EQ(picot_latest_version(&my->l), 0);
    CHECK(!picot_latest_borrow(&my->l));
    picot_end;
}

/* ---- misuse of both -------------------------------------------------------------------------------------- */

picot_async_fn(int, strangers,
               (picot_broadcast * news; picot_broadcast_receiver * rx; picot_latest * latest; int code;),
               (int x, r; uint64_t seen; picot_arm arm;))
{
    picot_begin;
    picot_await(my->r, picot_broadcast_send(.broadcast = my->news, .item = &my->x));
    CHECK_EQ(my->r, my->code);
    picot_await(my->r, picot_broadcast_recv(.receiver = my->rx, .ret_item = &my->x));
    CHECK_EQ(my->r, my->code);
    picot_await(my->r, picot_latest_changed(.latest = my->latest, .seen = &my->seen));
    CHECK_EQ(my->r, my->code);
    my->arm = picot_arm_broadcast_recv(my->rx, &my->x);
    picot_await(my->r, picot_select(.arms = &my->arm, .count = 1));
    CHECK_EQ(my->r, my->code);
    my->arm = picot_arm_latest_changed(my->latest, &my->seen, &my->x);
    picot_await(my->r, picot_select(.arms = &my->arm, .count = 1));
    CHECK_EQ(my->r, my->code);
    picot_end;
}

static void other_misuse(void)
{
    picot_loop *loop = tap_loop(), *other = tap_loop();
    picot_broadcast news = {0};
    picot_broadcast_receiver rx = {0};
    picot_latest latest = {0};
    int x = 0;
    CHECK_EQ(picot_broadcast_init(loop, &news, 4, 0, PICOT_LAP), -EINVAL);
    CHECK_EQ(picot_broadcast_init(loop, &news, 0, 4, PICOT_LAP), -EINVAL);
    CHECK_EQ(picot_broadcast_init(loop, &news, 4, PICOT_UNBOUNDED, PICOT_LAP), -EINVAL);
    CHECK_EQ(picot_broadcast_init(loop, &news, 4, 4, (enum picot_pace)2), -EINVAL);
    CHECK_EQ(picot_broadcast_init(loop, &news, 4, SIZE_MAX / 2, PICOT_LAP), -ENOMEM);
    for (int i = 0; i < 2; i++) {
        tap_allocator_fail_after(i);
        CHECK_EQ(picot_broadcast_init(loop, &news, 4, 4, PICOT_PACE), -ENOMEM);
    }
    tap_allocator_fail_after(0);
    CHECK_EQ(picot_latest_init(loop, &latest, sizeof x, &x), -ENOMEM);
    CHECK_EQ(picot_latest_init(loop, &latest, 0, &x), -EINVAL);
    CHECK_EQ(picot_latest_init(loop, &latest, sizeof x, NULL), -EINVAL);
    CHECK_EQ(picot_run(loop, picot_call(strangers, &news, &rx, &latest, -EINVAL)), 0);
    CHECK_EQ(picot_run(loop, picot_call(strangers, NULL, NULL, NULL, -EINVAL)), 0);
    CHECK_EQ(picot_broadcast_join(&news, &rx), -EINVAL);
    CHECK_EQ(picot_broadcast_try_send(NULL, &x), -EINVAL);
    CHECK_EQ(picot_broadcast_close(&news), -EINVAL);
    CHECK_EQ(picot_broadcast_receivers(NULL) + picot_broadcast_missed(NULL), 0);
    CHECK_EQ(picot_latest_set(&latest, &x), -EINVAL);
    CHECK_EQ(picot_latest_get(&latest, &x, NULL), -EINVAL);
    CHECK_EQ(picot_latest_close(NULL), -EINVAL);
    picot_broadcast_destroy(&news);
    CHECK_EQ(picot_broadcast_init(other, &news, sizeof x, 1, PICOT_LAP), 0);
    CHECK_EQ(picot_broadcast_join(&news, &rx), 0);
    CHECK_EQ(picot_latest_init(other, &latest, sizeof x, &x), 0);
    CHECK_EQ(picot_run(loop, picot_call(strangers, &news, &rx, &latest, -EPERM)), 0);
    picot_broadcast_destroy(&news);
    picot_latest_destroy(&latest);
    tap_loop_end(other);
    tap_loop_end(loop);
}

ALONE(rendezvous)
ALONE(clones)
ALONE(arms)
ALONE(lapping)
ALONE(pacing)
ALONE(latest)

static const struct tap_case cases[] = {
    {"rendezvous", rendezvous, TAP_BACKENDS},
    {"clones, and closing each side", clones, TAP_BACKENDS},
    {"misuse, and old ends", misuse, 0},
    {"out of memory", memory, 0},
    {"arms of a select", arms, TAP_BACKENDS},
    {"a broadcast that laps", lapping, TAP_BACKENDS},
    {"a broadcast that waits for the slowest", pacing, TAP_BACKENDS},
    {"the latest value", latest, TAP_BACKENDS},
    {"misuse of broadcasts and values", other_misuse, 0},
};

TAP_MAIN(cases)
