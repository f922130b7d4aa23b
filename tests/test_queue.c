/* SPDX-License-Identifier: MIT
 *
 * test_queue.c - queues: waiting in both directions, hand-over and cancellation, the three orders, what happens when
 * one is full, join, the end, memory. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <stdlib.h>

/* One put or get in a task of its own. */
struct seat {
    picot_task *task;
    int result; /* 1000: not over yet */
};

picot_async_fn(int, putter, (picot_queue * queue; int value; struct seat * seat;), (int r;))
{
    picot_begin;
    my->seat->task = picot_self;
    my->seat->result = 1000;
    picot_await(my->r, picot_put(my->queue, &my->value));
    my->seat->result = my->r;
    my->seat->task = NULL;
    picot_return(0);
    picot_end;
}
#define putter(...) picot_call(putter, __VA_ARGS__)

/* The value, or the code. */
picot_async_fn(int, getter, (picot_queue * queue; struct seat * seat;), (int value, r;))
{
    picot_begin;
    my->seat->task = picot_self;
    my->seat->result = 1000;
    my->value = -1;
    picot_await(my->r, picot_get(my->queue, &my->value));
    my->seat->result = my->r < 0 ? my->r : my->value;
    my->seat->task = NULL;
    picot_return(0);
    picot_end;
}
#define getter(...) picot_call(getter, __VA_ARGS__)

static int put_now(picot_queue *queue, int value)
{
    return picot_queue_try_put(queue, &value);
}

static int get_now(picot_queue *queue)
{
    int value = -1, rc = picot_queue_try_get(queue, &value);
    if (rc < 0) CHECK_EQ(value, -1);
    return rc < 0 ? rc : value;
}

#define LOCALS (picot_queue q; picot_group group; struct seat a, b, c; int r, i, x, y; picot_arm arms[3];)

/* ---- waiting ------------------------------------------------------------------------------------- */

picot_async_fn(int, full_and_empty_task, (char unused;), LOCALS)
{
    picot_begin;
    CHECK_EQ(picot_queue_init(picot_this_loop(), &my->q, sizeof(int), 2, NULL), 0);
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(get_now(&my->q), -EBUSY);
    CHECK_EQ(put_now(&my->q, 1), 0);
    CHECK_EQ(put_now(&my->q, 2), 0);
    CHECK_EQ(put_now(&my->q, 3), -EBUSY);
    CHECK_EQ(picot_queue_len(&my->q), 2);
    CHECK_EQ(picot_queue_capacity(&my->q), 2);
    picot_spawn(&my->group, putter(&my->q, 3, &my->a));
    picot_spawn(&my->group, putter(&my->q, 4, &my->b));
    picot_yield();
    picot_yield();
    CHECK_EQ(my->a.result, 1000);
    CHECK_EQ(my->b.result, 1000);
    CHECK_EQ(picot_queue_waiting_putters(&my->q), 2);
    CHECK_EQ(put_now(&my->q, 9), -EBUSY);
    /* One slot wakes one putter, the first, and the slot is its own: nobody gets in between. */
    CHECK_EQ(get_now(&my->q), 1);
    CHECK_EQ(picot_queue_waiting_putters(&my->q), 1);
    CHECK_EQ(put_now(&my->q, 9), -EBUSY);
    picot_yield();
    CHECK_EQ(my->a.result, 0);
    CHECK_EQ(my->b.result, 1000);
    CHECK_EQ(get_now(&my->q), 2);
    CHECK_EQ(get_now(&my->q), 3);
    CHECK_EQ(get_now(&my->q), 4);
    CHECK_EQ(get_now(&my->q), -EBUSY);
    /* One item wakes one getter, and it is its own. */
    picot_spawn(&my->group, getter(&my->q, &my->a));
    picot_spawn(&my->group, getter(&my->q, &my->b));
    picot_yield();
    CHECK_EQ(picot_queue_waiting_getters(&my->q), 2);
    CHECK_EQ(put_now(&my->q, 5), 0);
    CHECK_EQ(picot_queue_waiting_getters(&my->q), 1);
    CHECK_EQ(picot_queue_len(&my->q), 0);
    CHECK_EQ(get_now(&my->q), -EBUSY);
    picot_yield();
    CHECK_EQ(my->a.result, 5);
    CHECK_EQ(my->b.result, 1000);
    CHECK_EQ(put_now(&my->q, 6), 0);
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(my->b.result, 6);
    picot_queue_destroy(&my->q);
    picot_end;
}

/* ---- cancelled --------------------------------------------------------------------------------------- */

picot_async_fn(int, cancelled_task, (char unused;), LOCALS)
{
    picot_begin;
    CHECK_EQ(picot_queue_init(picot_this_loop(), &my->q, sizeof(int), 1, NULL), 0);
    picot_task_group(my->group, .keep_going = 1);
    /* A getter cancelled after an item was put for it has the item. */
    picot_spawn(&my->group, getter(&my->q, &my->a));
    picot_yield();
    CHECK_EQ(put_now(&my->q, 7), 0);
    CHECK_EQ(picot_task_cancel(my->a.task, NULL), 0);
    picot_yield();
    CHECK_EQ(my->a.result, 7);
    /* One cancelled before is out of the queue, and what is put then is the next one's. */
    picot_spawn(&my->group, getter(&my->q, &my->a));
    picot_spawn(&my->group, getter(&my->q, &my->b));
    picot_yield();
    CHECK_EQ(picot_task_cancel(my->a.task, NULL), 0);
    CHECK_EQ(picot_queue_waiting_getters(&my->q), 1);
    CHECK_EQ(put_now(&my->q, 8), 0);
    picot_yield();
    CHECK_EQ(my->a.result, -ECANCELED);
    CHECK_EQ(my->b.result, 8);
    /* A cancelled putter inserts nothing, and does not hold up the one behind it. */
    CHECK_EQ(put_now(&my->q, 1), 0);
    picot_spawn(&my->group, putter(&my->q, 2, &my->a));
    picot_spawn(&my->group, putter(&my->q, 3, &my->b));
    picot_yield();
    CHECK_EQ(picot_task_cancel(my->a.task, NULL), 0);
    CHECK_EQ(get_now(&my->q), 1);
    CHECK_EQ(picot_queue_waiting_putters(&my->q), 0);
    CHECK_EQ(picot_task_cancel(my->b.task, NULL), 0); /* too late: it is inside */
    picot_yield();
    CHECK_EQ(my->a.result, -ECANCELED);
    CHECK_EQ(my->b.result, 0);
    CHECK_EQ(get_now(&my->q), 3);
    CHECK_EQ(get_now(&my->q), -EBUSY);
    /* One cancelled before it comes is refused before it does anything. */
    picot_spawn(&my->group, putter(&my->q, 4, &my->a));
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(my->a.result, -ECANCELED);
    CHECK_EQ(picot_queue_len(&my->q), 0);
    picot_wait_for(my->r, PICOT_MS, picot_get(.queue = &my->q, .ret_item = &my->x));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_EQ(picot_queue_waiting_getters(&my->q), 0);
    picot_queue_destroy(&my->q);
    picot_end;
}

/* ---- done, and the end ------------------------------------------------------------------------------- */

picot_async_fn(int, joiner, (picot_queue * queue; struct seat * seat;), (int r;))
{
    picot_begin;
    my->seat->task = picot_self;
    my->seat->result = 1000;
    picot_await(my->r, picot_queue_join(.queue = my->queue));
    my->seat->result = my->r;
    picot_return(0);
    picot_end;
}
#define joiner(...) picot_call(joiner, __VA_ARGS__)

picot_async_fn(int, joining_task, (char unused;), LOCALS)
{
    picot_begin;
    CHECK_EQ(picot_queue_init(picot_this_loop(), &my->q, sizeof(int), 1, NULL), 0);
    picot_task_group(my->group, .keep_going = 1);
    picot_await(my->r, picot_queue_join(.queue = &my->q)); /* of an empty one: at once */
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_queue_task_done(&my->q), -EINVAL);
    picot_spawn(&my->group, getter(&my->q, &my->a));
    picot_yield();
    CHECK_EQ(put_now(&my->q, 1), 0); /* handed over */
    CHECK_EQ(put_now(&my->q, 2), 0); /* inside */
    picot_spawn(&my->group, putter(&my->q, 3, &my->c));
    picot_spawn(&my->group, joiner(&my->q, &my->b));
    picot_yield();
    CHECK_EQ(picot_queue_unfinished(&my->q), 2); /* one that waits is not put yet */
    CHECK_EQ(get_now(&my->q), 2);
    CHECK_EQ(picot_queue_unfinished(&my->q), 3);
    CHECK_EQ(get_now(&my->q), 3);
    CHECK_EQ(picot_queue_task_done(&my->q), 0);
    CHECK_EQ(picot_queue_task_done(&my->q), 0);
    picot_yield();
    CHECK_EQ(my->b.result, 1000);
    CHECK_EQ(picot_queue_task_done(&my->q), 0);
    CHECK_EQ(picot_queue_task_done(&my->q), -EINVAL);
    picot_yield();
    CHECK_EQ(my->b.result, 0);
    /* Cancelled while it waits; then the last consumer goes. */
    CHECK_EQ(put_now(&my->q, 4), 0);
    picot_wait_for(my->r, 0, picot_queue_join(.queue = &my->q));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_EQ(picot_queue_consumer_end(&my->q), -EINVAL);
    CHECK_EQ(picot_queue_consumer_begin(&my->q), 0);
    CHECK_EQ(picot_queue_consumer_begin(&my->q), 0);
    picot_spawn(&my->group, joiner(&my->q, &my->b));
    picot_yield();
    CHECK_EQ(picot_queue_consumer_end(&my->q), 0);
    picot_yield();
    CHECK_EQ(my->b.result, 1000);
    CHECK_EQ(picot_queue_consumer_end(&my->q), 0);
    picot_yield();
    CHECK_EQ(my->b.result, PICOT_EBROKEN);
    picot_await(my->r, picot_queue_join(.queue = &my->q));
    CHECK_EQ(my->r, PICOT_EBROKEN);
    CHECK_EQ(picot_queue_consumer_begin(&my->q), 0);
    picot_spawn(&my->group, joiner(&my->q, &my->b));
    picot_yield();
    CHECK_EQ(my->b.result, 1000);
    /* What an immediate end drops is done. */
    CHECK_EQ(picot_queue_shutdown(&my->q, PICOT_IMMEDIATE), 0);
    picot_yield();
    CHECK_EQ(my->b.result, 0);
    CHECK_EQ(picot_queue_dropped(&my->q), 1);
    picot_queue_destroy(&my->q);
    picot_end;
}

static int disposed[16], disposed_count;
static void note_disposed(void *user, void *item)
{
    CHECK(user == disposed);
    disposed[disposed_count++] = *(int *)item;
}

picot_async_fn(int, shutting_down_task, (char unused;), LOCALS)
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(picot_queue_init(picot_this_loop(), &my->q, sizeof(int), 2,
                              &(picot_queue_options){.dispose = note_disposed, .user = disposed}),
             0);
    CHECK_EQ(put_now(&my->q, 1), 0);
    CHECK_EQ(put_now(&my->q, 2), 0);
    picot_spawn(&my->group, putter(&my->q, 3, &my->a));
    picot_yield();
    CHECK_EQ(picot_queue_closed(&my->q), 0);
    CHECK_EQ(picot_queue_shutdown(&my->q, PICOT_GRACEFUL), 0);
    CHECK_EQ(picot_queue_closed(&my->q), 1);
    picot_yield();
    CHECK_EQ(my->a.result, PICOT_ECLOSED);
    CHECK_EQ(put_now(&my->q, 4), PICOT_ECLOSED);
    picot_await(my->r, picot_put(.queue = &my->q, .item = &my->x));
    CHECK_EQ(my->r, PICOT_ECLOSED);
    CHECK_EQ(get_now(&my->q), 1);
    CHECK_EQ(picot_queue_shutdown(&my->q, PICOT_GRACEFUL), 0);
    CHECK_EQ(picot_queue_len(&my->q), 1);
    CHECK_EQ(picot_queue_shutdown(&my->q, PICOT_IMMEDIATE), 0); /* the upgrade */
    CHECK_EQ(picot_queue_shutdown(&my->q, PICOT_GRACEFUL), 0);  /* is final */
    CHECK_EQ(disposed_count, 1);
    CHECK_EQ(disposed[0], 2);
    CHECK_EQ(get_now(&my->q), PICOT_ECLOSED);
    picot_await(my->r, picot_get(.queue = &my->q, .ret_item = &my->x));
    CHECK_EQ(my->r, PICOT_ECLOSED);
    picot_queue_destroy(&my->q);
    /* Getters that wait for nothing. */
    CHECK_EQ(picot_queue_init(picot_this_loop(), &my->q, sizeof(int), 2, NULL), 0);
    picot_spawn(&my->group, getter(&my->q, &my->a));
    picot_spawn(&my->group, getter(&my->q, &my->b));
    picot_yield();
    CHECK_EQ(put_now(&my->q, 5), 0);
    CHECK_EQ(picot_queue_shutdown(&my->q, PICOT_IMMEDIATE), 0); /* does not take from the one who has it */
    picot_yield();
    CHECK_EQ(my->a.result, 5);
    CHECK_EQ(my->b.result, PICOT_ECLOSED);
    picot_queue_destroy(&my->q);
    picot_end;
}

picot_async_fn(int, destroying_task, (char unused;), LOCALS)
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(picot_queue_init(picot_this_loop(), &my->q, sizeof(int), 1,
                              &(picot_queue_options){.dispose = note_disposed, .user = disposed}),
             0);
    CHECK_EQ(put_now(&my->q, 1), 0);
    picot_spawn(&my->group, putter(&my->q, 3, &my->a));
    picot_spawn(&my->group, joiner(&my->q, &my->b));
    picot_yield();
    picot_queue_destroy(&my->q);
    memset(&my->q, 0xA5, sizeof my->q); /* nobody looks at it any more */
    picot_yield();
    CHECK_EQ(my->a.result, PICOT_ECLOSED);
    CHECK_EQ(my->b.result, 0); /* what was inside was dropped */
    CHECK_EQ(disposed_count, 1);
    my->q = (picot_queue){0};
    picot_queue_destroy(&my->q);
    picot_queue_destroy(NULL);
    CHECK_EQ(picot_queue_init(picot_this_loop(), &my->q, sizeof(int), 1, NULL), 0);
    CHECK_EQ(put_now(&my->q, 1), 0);
    CHECK_EQ(get_now(&my->q), 1);
    picot_spawn(&my->group, getter(&my->q, &my->a));
    picot_spawn(&my->group, joiner(&my->q, &my->b));
    picot_yield();
    picot_queue_destroy(&my->q);
    picot_yield();
    CHECK_EQ(my->a.result, PICOT_ECLOSED);
    CHECK_EQ(my->b.result, PICOT_ECLOSED);
    picot_end;
}

/* ---- full: the policies ------------------------------------------------------------------------------ */

picot_async_fn(int, policies_task, (char unused;), LOCALS)
{
    picot_begin;
    for (my->i = PICOT_REFUSE; my->i <= PICOT_DROP_NEWEST; my->i++) {
        picot_queue_options options = {
            .overflow = (enum picot_overflow)my->i, .dispose = note_disposed, .user = disposed};
        disposed_count = 0;
        CHECK_EQ(picot_queue_init(picot_this_loop(), &my->q, sizeof(int), 2, &options), 0);
        for (my->x = 1; my->x <= 4; my->x++) {
            picot_await(my->r, picot_put(.queue = &my->q, .item = &my->x));
            CHECK_EQ(my->r, my->x <= 2 ? 0 : my->i == PICOT_REFUSE ? -EBUSY : 1);
            CHECK_EQ(picot_error(), my->r < 0 ? my->r : 0);
        }
        CHECK_EQ(picot_queue_dropped(&my->q), my->i == PICOT_REFUSE ? 0 : 2);
        CHECK_EQ(picot_queue_unfinished(&my->q), 2);
        CHECK_EQ(disposed_count, my->i == PICOT_REFUSE ? 0 : 2);
        if (disposed_count) CHECK_EQ(disposed[0] * 10 + disposed[1], my->i == PICOT_DROP_OLDEST ? 12 : 34);
        CHECK_EQ(get_now(&my->q), my->i == PICOT_DROP_OLDEST ? 3 : 1);
        CHECK_EQ(get_now(&my->q), my->i == PICOT_DROP_OLDEST ? 4 : 2);
        picot_queue_destroy(&my->q);
    }
    picot_end;
}

/* A put that never waits gives the others their turn all the same, and its result survives that. */
picot_async_fn(int, puts_for_ever, (picot_queue * queue; int *stop;), (int r, x;))
{
    picot_begin;
    while (!*my->stop) {
        picot_await(my->r, picot_put(.queue = my->queue, .item = &my->x));
        CHECK_EQ(my->r, my->x++ == 0 ? 0 : 1);
        CHECK_EQ(picot_error(), 0);
    }
    picot_end;
}

picot_async_fn(int, budget_task, (char unused;), LOCALS)
{
    picot_begin;
    picot_task_group(my->group);
    CHECK_EQ(picot_queue_init(picot_this_loop(), &my->q, sizeof(int), 1,
                              &(picot_queue_options){.overflow = PICOT_DROP_OLDEST}),
             0);
    picot_spawn(&my->group, picot_call(puts_for_ever, &my->q, &my->x));
    for (my->i = 0; my->i < 5; my->i++)
        picot_yield();
    my->x = 1;
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    picot_queue_destroy(&my->q);
    picot_end;
}

/* ---- select ------------------------------------------------------------------------------------------ */

picot_async_fn(int, selecting, (picot_queue * queue; struct seat * seat;), (picot_arm arms[2]; int x, y, r;))
{
    picot_begin;
    my->seat->task = picot_self;
    my->seat->result = 1000;
    my->arms[0] = picot_arm_get(my->queue, &my->x);
    my->arms[1] = picot_arm_get(my->queue, &my->y);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    my->seat->result = my->r < 0 ? my->r : my->arms[my->r].rc < 0 ? my->arms[my->r].rc : my->x * 10 + my->y;
    picot_return(0);
    picot_end;
}
#define selecting(...) picot_call(selecting, __VA_ARGS__)

picot_async_fn(int, arms_task, (char unused;), LOCALS)
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(picot_queue_init(picot_this_loop(), &my->q, sizeof(int), 1, NULL), 0);
    /* At once, in the order of the arms. */
    my->x = 3;
    my->arms[0] = picot_arm_get(&my->q, &my->y);
    my->arms[1] = picot_arm_put(&my->q, &my->x);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 1);
    CHECK_EQ(my->arms[1].rc, 0);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->y, 3);
    /* Waiting, twice in the same queue: one item for one arm; then neither is left in the queue. */
    picot_spawn(&my->group, selecting(&my->q, &my->a));
    picot_yield();
    CHECK_EQ(picot_queue_waiting_getters(&my->q), 2);
    CHECK_EQ(put_now(&my->q, 4), 0);
    CHECK_EQ(picot_queue_waiting_getters(&my->q), 0);
    CHECK_EQ(picot_task_cancel(my->a.task, NULL), 0); /* too late */
    picot_yield();
    CHECK_EQ(my->a.result, 40);
    picot_spawn(&my->group, selecting(&my->q, &my->a));
    picot_yield();
    CHECK_EQ(picot_task_cancel(my->a.task, NULL), 0);
    CHECK_EQ(picot_queue_waiting_getters(&my->q), 0);
    picot_yield();
    CHECK_EQ(my->a.result, -ECANCELED);
    /* A put that waits, and one that loses against the time. */
    CHECK_EQ(put_now(&my->q, 5), 0);
    my->arms[0] = picot_arm_put(&my->q, &my->x);
    my->arms[1] = picot_arm_sleep(PICOT_MS);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 1);
    CHECK_EQ(picot_queue_waiting_putters(&my->q), 0);
    CHECK_EQ(get_now(&my->q), 5);
    CHECK_EQ(get_now(&my->q), -EBUSY);
    /* The end reaches all arms of a select, once. */
    picot_spawn(&my->group, selecting(&my->q, &my->a));
    picot_spawn(&my->group, selecting(&my->q, &my->b));
    picot_yield();
    CHECK_EQ(picot_queue_shutdown(&my->q, PICOT_GRACEFUL), 0);
    picot_yield();
    CHECK_EQ(my->a.result, PICOT_ECLOSED);
    CHECK_EQ(my->b.result, PICOT_ECLOSED);
    picot_queue_destroy(&my->q);
    my->arms[0] = picot_arm_get(&my->q, &my->x);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 1));
    CHECK_EQ(my->r, -EINVAL);
    my->arms[0] = picot_arm_put(NULL, &my->x);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 1));
    CHECK_EQ(my->r, -EINVAL);
    picot_end;
}

/* ---- misuse and memory --------------------------------------------------------------------------------- */

picot_async_fn(int, uses, (picot_queue * queue; int code;), (int r, x; picot_arm arm;))
{
    picot_begin;
    picot_await(my->r, picot_put(.queue = my->queue, .item = &my->x));
    CHECK_EQ(my->r, my->code);
    picot_await(my->r, picot_get(.queue = my->queue, .ret_item = &my->x));
    CHECK_EQ(my->r, my->code);
    picot_await(my->r, picot_queue_join(.queue = my->queue));
    CHECK_EQ(my->r, my->code);
    my->arm = picot_arm_get(my->queue, &my->x);
    picot_await(my->r, picot_select(.arms = &my->arm, .count = 1));
    CHECK_EQ(my->r, my->code);
    my->arm = picot_arm_put(my->queue, NULL);
    picot_await(my->r, picot_select(.arms = &my->arm, .count = 1));
    CHECK_EQ(my->r, -EINVAL);
    if (my->code == -EPERM) picot_return(0);
    picot_await(my->r, picot_put(.queue = my->queue, .item = NULL));
    CHECK_EQ(my->r, -EINVAL);
    picot_await(my->r, picot_get(.queue = my->queue));
    CHECK_EQ(my->r, -EINVAL);
    picot_end;
}
#define uses(...) picot_call(uses, __VA_ARGS__)

static void misuse(void)
{
    picot_loop *loop = tap_loop(), *other = tap_loop();
    picot_queue q = {0};
    int x = 0;
    CHECK_EQ(picot_queue_init(NULL, &q, 4, 1, NULL), -EINVAL);
    CHECK_EQ(picot_queue_init(loop, NULL, 4, 1, NULL), -EINVAL);
    CHECK_EQ(picot_queue_init(loop, &q, 0, 1, NULL), -EINVAL);
    CHECK_EQ(picot_queue_init(loop, &q, 4, 0, NULL), -EINVAL);
    CHECK_EQ(picot_queue_init(loop, &q, 4, 1, &(picot_queue_options){.order = PICOT_PRIORITY}), -EINVAL);
    CHECK_EQ(picot_queue_init(loop, &q, 4, 1, &(picot_queue_options){.order = (enum picot_order)7}), -EINVAL);
    CHECK_EQ(picot_queue_init(loop, &q, 4, 1, &(picot_queue_options){.overflow = (enum picot_overflow)7}), -EINVAL);
    CHECK_EQ(picot_queue_init(loop, &q, 4, SIZE_MAX / 2, NULL), -ENOMEM);
    q = (picot_queue){0};
    for (int i = 0; i < 2; i++) {
        picot_queue *none = i == 0 ? NULL : &q;
        CHECK_EQ(picot_run(loop, uses(none, -EINVAL)), 0);
        CHECK_EQ(picot_queue_try_put(none, &x), -EINVAL);
        CHECK_EQ(picot_queue_try_get(none, &x), -EINVAL);
        CHECK_EQ(picot_queue_shutdown(none, PICOT_GRACEFUL), -EINVAL);
        CHECK_EQ(picot_queue_task_done(none), -EINVAL);
        CHECK_EQ(picot_queue_consumer_begin(none), -EINVAL);
        CHECK_EQ(picot_queue_consumer_end(none), -EINVAL);
        CHECK_EQ(picot_queue_closed(none), 1);
        CHECK_EQ(picot_queue_len(none) + picot_queue_capacity(none) + picot_queue_unfinished(none), 0);
        CHECK_EQ(picot_queue_waiting_putters(none) + picot_queue_waiting_getters(none), 0);
        CHECK_EQ(picot_queue_dropped(none), 0);
    }
    CHECK_EQ(picot_queue_init(other, &q, sizeof(int), 1, NULL), 0);
    CHECK_EQ(picot_queue_shutdown(&q, (enum picot_shutdown_mode)2), -EINVAL);
    CHECK_EQ(picot_queue_try_put(&q, NULL), -EINVAL);
    CHECK_EQ(picot_run(loop, uses(&q, -EPERM)), 0);
    CHECK_EQ(picot_queue_len(&q), 0);
    picot_queue_destroy(&q);
    tap_loop_end(other);
    tap_loop_end(loop);
}

static int by_number(void *user, const void *a, const void *b)
{
    (void)user;
    return *(const int *)a - *(const int *)b;
}

static void memory(void)
{
    picot_loop *loop = tap_loop();
    for (int order = PICOT_FIFO; order <= PICOT_PRIORITY; order++) {
        picot_queue q;
        picot_queue_options options = {.order = (enum picot_order)order, .compare = by_number};
        tap_allocator_fail_after(0);
        CHECK_EQ(picot_queue_init(loop, &q, sizeof(int), 3, &options), -ENOMEM);
        size_t before = tap_allocation_count();
        CHECK_EQ(picot_queue_init(loop, &q, sizeof(int), 100, &options), 0);
        for (int i = 0; i < 100; i++)
            CHECK_EQ(put_now(&q, i), 0);
        CHECK_EQ(tap_allocation_count(), before + 1);
        picot_queue_destroy(&q);
        /* One without a bound grows, and a put for which there is no memory changes nothing. */
        CHECK_EQ(picot_queue_init(loop, &q, sizeof(int), PICOT_UNBOUNDED, &options), 0);
        int failures = 0;
        for (int i = 0; i < 1000; i++) {
            tap_allocator_fail_after(0);
            int rc = put_now(&q, i);
            tap_allocator_fail_after(-1);
            if (rc < 0) {
                CHECK_EQ(rc, -ENOMEM);
                CHECK_EQ(picot_queue_len(&q), i);
                failures++;
                CHECK_EQ(put_now(&q, i), 0);
            }
        }
        CHECK(failures > 3);
        for (int i = 0; i < 1000; i++)
            CHECK_EQ(get_now(&q), order == PICOT_LIFO ? 999 - i : i);
        CHECK_EQ(picot_queue_unfinished(&q), 1000);
        picot_queue_destroy(&q);
    }
    tap_loop_end(loop);
}

/* ---- random operations against a simple model ------------------------------------------------------------ */

struct thing { /* of a size that is no power of two, and aligned to 16 */
    _Alignas(16) int key;
    int id, check[6]; /* no padding */
};

static int by_key(void *user, const void *a, const void *b)
{
    CHECK_EQ((uintptr_t)a % 16 + (uintptr_t)b % 16, 0);
    (void)user;
    return ((const struct thing *)a)->key - ((const struct thing *)b)->key;
}

static struct thing model[64];
static int model_len, last_dropped;

static void note_thing(void *user, void *item)
{
    (void)user;
    last_dropped = ((struct thing *)item)->id;
}

/* Which one a get takes: the oldest, the newest, the first of the smallest. */
static int model_next(int order)
{
    int best = order == PICOT_LIFO ? model_len - 1 : 0;
    for (int i = 1; order == PICOT_PRIORITY && i < model_len; i++)
        if (model[i].key < model[best].key) best = i;
    return best;
}

static struct thing model_take(int index)
{
    struct thing taken = model[index];
    memmove(&model[index], &model[index + 1], (size_t)(model_len - index - 1) * sizeof *model);
    model_len--;
    return taken;
}

static void put_thing(picot_queue *q, int overflow, int capacity, struct thing thing)
{
    int full = model_len == capacity;
    last_dropped = -1;
    int rc = picot_queue_try_put(q, &thing);
    CHECK_EQ(rc, !full ? 0 : overflow >= PICOT_DROP_OLDEST ? 1 : -EBUSY);
    int expected = !full || rc < 0 ? -1 : thing.id;
    if (full && overflow == PICOT_DROP_OLDEST) expected = model_take(0).id;
    CHECK_EQ(last_dropped, expected);
    if (rc == 0 || overflow == PICOT_DROP_OLDEST) model[model_len++] = thing;
}

static void get_thing(picot_queue *q, int order)
{
    struct thing thing;
    int rc = picot_queue_try_get(q, &thing);
    CHECK_EQ(rc, model_len > 0 ? 0 : -EBUSY);
    if (rc < 0) return;
    struct thing expected = model_take(model_next(order));
    CHECK_EQ(thing.id, expected.id);
    CHECK_MEM(&thing, &expected, sizeof thing);
}

static void against_the_model(void)
{
    picot_loop *loop = tap_loop();
    for (int i = 0; i < 3 * 4 * 20; i++) {
        int order = i % 3, overflow = i / 3 % 4, capacity = i < 120 ? 1 + i / 12 : 64;
        picot_queue_options options = {(enum picot_order)order, (enum picot_overflow)overflow, by_key, note_thing,
                                       NULL};
        picot_queue q;
        size_t size = i < 120 ? (size_t)capacity : PICOT_UNBOUNDED;
        srand((unsigned)i);
        model_len = 0;
        CHECK_EQ(picot_queue_init(loop, &q, sizeof(struct thing), size, &options), 0);
        for (int step = 0; step < 2000; step++) {
            int phase = step / 200 % 2 ? 3 : 7; /* mostly filling, mostly emptying */
            struct thing thing = {rand() % 5, step, {step, 1, 2, 3, ~step}};
            if (rand() % 10 < phase && (size == (size_t)capacity || model_len < capacity))
                put_thing(&q, overflow, capacity, thing);
            else
                get_thing(&q, order);
            CHECK_EQ(picot_queue_len(&q), model_len);
        }
        picot_queue_destroy(&q);
    }
    tap_loop_end(loop);
}

/* ---- the table --------------------------------------------------------------------------------------------- */

#define ALONE(name) ALONE_(name, (void)0)
#define ALONE_LAZY(name) ALONE_(name, lazy_only()) /* it tells the order of first steps */
#define ALONE_(name, first)                                                                                            \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        int rc;                                                                                                        \
        first;                                                                                                         \
        RUN_ALONE(rc, picot_call(name##_task, 0));                                                                     \
        CHECK_EQ(rc, 0);                                                                                               \
    }
ALONE_LAZY(full_and_empty)
ALONE_LAZY(cancelled)
ALONE(joining)
ALONE(shutting_down)
ALONE(destroying)
ALONE(policies)
ALONE(budget)
ALONE(arms)

static const struct tap_case cases[] = {
    {"waits when full and when empty; one slot, one item, one waiter", full_and_empty, TAP_BACKENDS},
    {"cancelled before and after the hand-over", cancelled, TAP_BACKENDS},
    {"join, task_done, consumers", joining, 0},
    {"shutdown: graceful, immediate, upgraded", shutting_down, 0},
    {"destroyed while tasks wait", destroying, 0},
    {"full: refuse, drop the oldest, drop the newest", policies, 0},
    {"puts that never wait starve nobody", budget, TAP_BACKENDS},
    {"arms of a select", arms, TAP_BACKENDS},
    {"misuse, and a task of another loop", misuse, 0},
    {"out of memory", memory, 0},
    {"three orders and four policies against a model", against_the_model, 0},
};

TAP_MAIN(cases)
