/* SPDX-License-Identifier: MIT
 *
 * test_threads.c - coroutines and other threads: awaited calls, futures of calls, maps, tasks started from elsewhere.
 */
#include "coro_support.h"
#include "executor_support.h"

#include <picot/threads.h>
#include <sched.h>
#include <stdbool.h>

static struct gate gate = GATE_INIT;
static picot_executor *pool;

static int64_t give_back(picot_worker *worker, void *arg)
{
    (void)worker;
    return (int64_t)(intptr_t)arg;
}

static int64_t until_asked(picot_worker *worker, void *arg)
{
    gate_enter(&gate);
    while (!picot_worker_cancelled(worker))
        (void)sched_yield();
    return (int64_t)(intptr_t)arg;
}

static picot_loop *begin(unsigned threads)
{
    pool = pool_with(threads, NULL);
    return tap_loop();
}

static void end(picot_loop *loop)
{
    CHECK_EQ(picot_loop_task_count(loop), 0);
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    tap_loop_end(loop);
}

/* ---- awaited calls ------------------------------------------------------------------------------- */

picot_async_fn(int, calls, (int abandon;), (int64_t r; int i;))
{
    picot_begin;
    for (my->i = 0; my->i < 50; my->i++) {
        picot_await(my->r, picot_run_in(.executor = pool, .fn = give_back, .arg = (void *)(intptr_t)my->i,
                                        .abandon = my->abandon));
        CHECK_EQ(my->r, my->i);
        CHECK_EQ(picot_error(), 0);
    }
    picot_await(my->r, picot_run_in(.fn = give_back, .arg = (void *)77)); /* the default executor */
    CHECK_EQ(my->r, 77);
    picot_await(my->r, picot_run_in(.executor = pool, .fn = give_back, .arg = (void *)-5, .abandon = my->abandon));
    CHECK_EQ(my->r, -5);
    CHECK_EQ(picot_error(), -5);
    picot_await(my->r, picot_run_in(.executor = pool, .abandon = my->abandon));
    CHECK_EQ(my->r, -EINVAL); /* no function */
    picot_return(1);
    picot_end;
}
#define calls(...) picot_call(calls, __VA_ARGS__)

static void calls_are_awaited(void)
{
    picot_loop *loop = begin(2);
    for (int abandon = 0; abandon < 2; abandon++)
        CHECK_EQ(picot_run(loop, calls(.abandon = abandon)), 0);
    end(loop);
}

/* ---- cancelled ----------------------------------------------------------------------------------- */

static int after_rc, after_error;

picot_async_fn(int, one_call, (picot_work_fn * fn; void *arg; int abandon;), (int64_t r; int rc;))
{
    picot_begin;
    picot_await(my->r, picot_run_in(.executor = pool, .fn = my->fn, .arg = my->arg, .abandon = my->abandon));
    after_rc = (int)my->r;
    picot_yield();
    after_error = picot_error();
    picot_return((int)my->r);
    picot_end;
}
#define one_call(...) picot_call(one_call, __VA_ARGS__)

picot_async_fn(int, cancel_a_call, (picot_work_fn * fn; void *arg; int abandon; int queued; int rc; int error;),
               (picot_group group; picot_future task; picot_future first; int r;))
{
    picot_begin;
    gate = (struct gate)GATE_INIT;
    gate.open = !my->queued;
    after_rc = after_error = 1;
    my->first = my->queued ? picot_run_in_future(picot_this_loop(), pool, gate_call, &gate) : 0;
    if (my->queued) gate_await(&gate, 1);
    picot_create(my->task, one_call(.fn = my->fn, .arg = my->arg, .abandon = my->abandon));
    picot_yield();
    picot_yield();
    if (!my->queued) gate_await(&gate, 1);
    CHECK_EQ(picot_future_cancel(picot_this_loop(), my->task, NULL), 1);
    picot_await(my->r, picot_result(.of = my->task));
    CHECK_EQ(after_rc, my->rc);
    if (my->error <= 0) CHECK_EQ(after_error, my->error);
    gate_release(&gate);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->task), 0);
    if (my->queued) {
        picot_await(my->r, picot_result(.of = my->first));
        CHECK_EQ(my->r, 0);
        CHECK_EQ(picot_future_unref(picot_this_loop(), my->first), 0);
    }
    picot_return(0);
    picot_end;
}
#define cancel_a_call(...) picot_call(cancel_a_call, __VA_ARGS__)

static void cancelled_calls(void)
{
    picot_loop *loop = begin(1);
    /* Queued: taken back. */
    CHECK_EQ(picot_run(loop, cancel_a_call(.fn = give_back, .queued = 1, .rc = -ECANCELED)), 0);
    CHECK_EQ(picot_run(loop, cancel_a_call(.fn = give_back, .queued = 1, .abandon = 1, .rc = -ECANCELED)), 0);
    /* Running: its end is waited for; a result is kept, and the cancellation is told at the next await. */
    CHECK_EQ(picot_run(loop, cancel_a_call(.fn = until_asked, .arg = (void *)9, .rc = 9, .error = -ECANCELED)), 0);
    CHECK_EQ(picot_run(loop, cancel_a_call(.fn = until_asked, .arg = (void *)-ECANCELED, .rc = -ECANCELED)), 0);
    /* Abandoned: the task goes on at once. */
    CHECK_EQ(picot_run(loop, cancel_a_call(.fn = until_asked, .arg = (void *)9, .abandon = 1, .rc = -ECANCELED)), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0); /* it is still at it */
    end(loop);
}

static int64_t slow(picot_worker *worker, void *arg)
{
    (void)worker;
    gate_enter(arg);
    return 5;
}

picot_async_fn(int, leave_it_behind, (int unused;), (picot_future task; int rc;))
{
    picot_begin;
    picot_create(my->task, one_call(.fn = slow, .arg = &gate, .abandon = 1));
    picot_yield();
    picot_yield();
    gate_await(&gate, 1);
    CHECK_EQ(picot_future_cancel(picot_this_loop(), my->task, NULL), 1);
    picot_await(my->rc, picot_result(.of = my->task));
    CHECK_EQ(my->rc, -ECANCELED);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->task), 0);
    picot_return(0);
    picot_end;
}
#define leave_it_behind(...) picot_call(leave_it_behind, __VA_ARGS__)

static void *open_gate_later(void *arg)
{
    for (int i = 0; i < 100; i++)
        (void)sched_yield();
    gate_release(arg);
    return NULL;
}

/* The loop's end waits for it; nothing of the loop is touched after. */
static void the_end_waits_for_abandoned_calls(void)
{
    pthread_t helper;
    picot_loop *loop = begin(1);
    CHECK_EQ(picot_run(loop, leave_it_behind(.unused = 0)), 0);
    CHECK_EQ(picot_loop_pending(loop), 1);
    CHECK_EQ(pthread_create(&helper, NULL, open_gate_later, &gate), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    CHECK_EQ(pthread_join(helper, NULL), 0);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

/* ---- futures of calls ---------------------------------------------------------------------------- */

picot_async_fn(int, futures, (int unused;),
               (picot_future jobs[20]; int64_t value; int n; int rc; picot_arm arms[2]; int i;))
{
    picot_begin;
    for (my->i = 0; my->i < 20; my->i++) {
        my->jobs[my->i] = picot_run_in_future(picot_this_loop(), my->i % 2 ? pool : NULL, give_back,
                                              (void *)(intptr_t)(my->i == 19 ? -EIO : my->i));
        CHECK(my->jobs[my->i] > 0);
    }
    picot_await(my->n, picot_wait(.futures = my->jobs, .count = 20, .until = PICOT_ALL_COMPLETED));
    CHECK_EQ(my->n, 20);
    for (my->i = 0; my->i < 20; my->i++) {
        picot_await(my->rc, picot_result(.of = my->jobs[my->i], PICOT_INTO(my->value)));
        CHECK_EQ(my->rc, my->i == 19 ? -EIO : 0);
        if (my->i < 19) CHECK_EQ(my->value, my->i);
        CHECK_EQ(picot_future_unref(picot_this_loop(), my->jobs[my->i]), 0);
    }
    CHECK_EQ(picot_run_in_future(picot_this_loop(), pool, NULL, NULL), -EINVAL);
    /* Cancelled while it is queued behind another one; and let go of. */
    gate = (struct gate)GATE_INIT;
    my->jobs[0] = picot_run_in_future(picot_this_loop(), pool, gate_call, &gate);
    gate_await(&gate, 1);
    my->jobs[1] = picot_run_in_future(picot_this_loop(), pool, give_back, NULL);
    my->jobs[2] = picot_run_in_future(picot_this_loop(), pool, give_back, NULL);
    CHECK_EQ(picot_future_cancel(picot_this_loop(), my->jobs[1], NULL), 1);
    CHECK_EQ(picot_future_cancelled(picot_this_loop(), my->jobs[1]), 1);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->jobs[2]), 0);
    my->arms[0] = picot_arm_future(my->jobs[0]);
    my->arms[1] = picot_arm_future(my->jobs[1]);
    picot_await(my->n, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->n, 1);
    gate_release(&gate);
    picot_await(my->rc, picot_result(.of = my->jobs[0], PICOT_INTO(my->value)));
    CHECK_EQ(my->value, 7);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->jobs[0]), 0);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->jobs[1]), 0);
    picot_return(0);
    picot_end;
}
#define futures(...) picot_call(futures, __VA_ARGS__)

static void calls_as_futures(void)
{
    picot_loop *loop = begin(1);
    CHECK_EQ(picot_run(loop, futures(.unused = 0)), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    end(loop);
}

/* ---- maps ---------------------------------------------------------------------------------------- */

static int64_t plus_one(picot_worker *worker, const void *item, void *ret)
{
    (void)worker;
    *(int *)ret = *(const int *)item + 1;
    return 0;
}

static int numbers[100];

picot_async_fn(int, take_map, (size_t chunk; int unordered;),
               (picot_map * map; picot_mapped item; int rc; int sum; int i;))
{
    picot_begin;
    picot_map_options options = PICOT_MAP_OPTIONS_INIT;
    options.fn = plus_one;
    options.items = numbers;
    options.count = 100;
    options.item_size = options.result_size = sizeof(int);
    options.chunk = my->chunk;
    options.ahead = 3;
    options.unordered = my->unordered;
    CHECK_EQ(picot_map_create(pool, &options, &my->map), 0);
    for (;;) {
        picot_await(my->rc, picot_next_mapped(.map = my->map, .ret_mapped = &my->item));
        if (my->rc < 0) break;
        if (!my->unordered) CHECK_EQ(my->item.index, my->i);
        CHECK_EQ(*(const int *)my->item.value, numbers[my->item.index] + 1);
        my->i++;
    }
    CHECK_EQ(my->rc, PICOT_ECLOSED);
    CHECK_EQ(my->i, 100);
    picot_map_destroy(my->map);
    picot_return(0);
    picot_end;
}
#define take_map(...) picot_call(take_map, __VA_ARGS__)

static void maps_are_awaited(void)
{
    picot_loop *loop = begin(2);
    for (int i = 0; i < 100; i++)
        numbers[i] = 5 * i;
    for (size_t chunk = 1; chunk < 130; chunk += 9)
        for (int unordered = 0; unordered < 2; unordered++)
            CHECK_EQ(picot_run(loop, take_map(.chunk = chunk, .unordered = unordered)), 0);
    end(loop);
}

static int64_t enter(picot_worker *worker, const void *item, void *ret)
{
    (void)worker;
    (void)item;
    (void)ret;
    gate_enter(&gate);
    return 3;
}

picot_async_fn(int, take_one, (picot_map * map; picot_mapped * ret;), (int rc;))
{
    picot_begin;
    picot_await(my->rc, picot_next_mapped(.map = my->map, .ret_mapped = my->ret));
    if (my->rc < 0) picot_fail(my->rc);
    picot_return(0);
    picot_end;
}
#define take_one(...) picot_call(take_one, __VA_ARGS__)

picot_async_fn(int, cancel_map, (int unused;), (picot_map * map; picot_mapped item; int rc; picot_future task; int i;))
{
    picot_begin;
    picot_map_options options = PICOT_MAP_OPTIONS_INIT;
    options.fn = enter;
    options.items = numbers;
    options.count = 2;
    options.item_size = sizeof(int);
    CHECK_EQ(picot_map_create(pool, &options, &my->map), 0);
    picot_create(my->task, take_one(.map = my->map, .ret = &my->item));
    for (my->i = 0; my->i < 3; my->i++)
        picot_yield();
    picot_await(my->rc, picot_next_mapped(.map = my->map, .ret_mapped = &my->item));
    CHECK_EQ(my->rc, -EBUSY);
    CHECK_EQ(picot_future_cancel(picot_this_loop(), my->task, NULL), 1);
    picot_await(my->rc, picot_result(.of = my->task));
    CHECK_EQ(my->rc, -ECANCELED);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->task), 0);
    gate_release(&gate);
    for (my->i = 0; my->i < 2; my->i++) { /* nothing is lost */
        picot_await(my->rc, picot_next_mapped(.map = my->map, .ret_mapped = &my->item));
        CHECK_EQ(my->rc, 0);
        CHECK_EQ(my->item.index, my->i);
        CHECK_EQ(my->item.result, 3);
    }
    picot_map_destroy(my->map);
    picot_return(0);
    picot_end;
}
#define cancel_map(...) picot_call(cancel_map, __VA_ARGS__)

static void a_cancelled_map_loses_nothing(void)
{
    picot_loop *loop = begin(2);
    CHECK_EQ(picot_run(loop, cancel_map(.unused = 0)), 0);
    end(loop);
}

/* ---- from another thread ------------------------------------------------------------------------- */

picot_async_fn(double, half_of, (double number; int rc; int turns;), (int i;))
{
    picot_begin;
    for (my->i = 0; my->i < my->turns; my->i++)
        picot_yield();
    if (my->rc < 0) picot_fail(my->rc);
    picot_return(my->number / 2);
    picot_end;
}
#define half_of(...) picot_call(half_of, __VA_ARGS__)

static bool cleaned;

picot_async_fn(int, for_ever, (int unused;), (int rc;))
{
    picot_begin;
    picot_defer
    {
        cleaned = true;
    }
    gate_enter(&gate);
    picot_await(my->rc, picot_sleep(.ns = PICOT_NEVER));
    picot_fail(my->rc);
    picot_end;
}
#define for_ever(...) picot_call(for_ever, __VA_ARGS__)

struct stranger {
    picot_loop *loop;
    picot_executor *executor;
    picot_posted stop;
};

static void stop_loop(picot_loop *loop, void *user)
{
    (void)user;
    (void)picot_loop_unhold(loop);
}

static int64_t seven(picot_worker *worker, void *arg)
{
    CHECK(picot_worker_loop(worker) == arg);
    return 7;
}

static void use_the_loop(struct stranger *self)
{
    picot_work work = PICOT_WORK_INIT;
    double half = 0;
    picot_work_call(&work, seven, self->loop);
    CHECK_EQ(picot_executor_submit(self->executor, &work), 0);
    CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), 0);
    CHECK_EQ(work.result, 7);
    for (int turns = 0; turns < 3; turns++) {
        CHECK_EQ(picot_run_threadsafe(self->executor, &work, &half, half_of(.number = 21 + turns, .turns = turns)), 0);
        CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), 0);
        CHECK_EQ(work.result, 0);
        CHECK(half == (21 + turns) / 2.0);
    }
    CHECK_EQ(picot_run_threadsafe(self->executor, &work, (double *)NULL, half_of(.rc = -EDOM)), 0);
    CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), 0);
    CHECK_EQ(work.result, -EDOM);
    /* Given up by a time-out and a cancel: the task ends in the loop. */
    gate.open = true;
    CHECK_EQ(picot_run_threadsafe(self->executor, &work, (int *)NULL, for_ever(.unused = 0)), 0);
    CHECK_EQ(picot_run_threadsafe(self->executor, &work, (int *)NULL, for_ever(.unused = 0)), -EBUSY);
    gate_await(&gate, 1);
    CHECK_EQ(picot_work_wait(&work, PICOT_MS), -ETIMEDOUT);
    CHECK_EQ(picot_work_cancel(&work), -EBUSY);
    CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), 0);
    CHECK_EQ(work.result, -ECANCELED);
}

static void *be_a_stranger(void *arg)
{
    struct stranger *self = arg;
    use_the_loop(self);
    CHECK_EQ(picot_post(self->loop, &self->stop), 0);
    return NULL;
}

static void tasks_from_another_thread(void)
{
    pthread_t thread;
    struct stranger self = {.loop = begin(1), .stop = PICOT_POSTED_INIT(stop_loop, NULL)};
    picot_executor *same;
    picot_work work = PICOT_WORK_INIT;
    CHECK_EQ(picot_loop_as_executor(self.loop, NULL), -EINVAL);
    CHECK_EQ(picot_loop_as_executor(self.loop, &self.executor), 0);
    CHECK_EQ(picot_loop_as_executor(self.loop, &same), 0);
    CHECK(same == self.executor);
    CHECK_EQ(picot_executor_destroy(same), -EBUSY);
    CHECK_EQ(picot_executor_shutdown(same, 0), -EBUSY);
    CHECK_EQ(picot_loop_set_executor(self.loop, same), -EINVAL);
    CHECK_EQ(picot_work_finish(&work, 0), -EINVAL);
    CHECK_EQ(picot_work_finish(NULL, 0), -EINVAL);
    CHECK_EQ(picot_loop_hold(self.loop), 0);
    CHECK_EQ(pthread_create(&thread, NULL, be_a_stranger, &self), 0);
    CHECK_EQ(picot_loop_run(self.loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(cleaned);
    /* In the loop's own thread one cannot wait for it. */
    picot_work_call(&work, seven, self.loop);
    CHECK_EQ(picot_executor_submit(self.executor, &work), 0);
    CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), -EDEADLK);
    CHECK_EQ(picot_loop_run(self.loop, PICOT_RUN_NOWAIT) < 0, 0);
    CHECK_EQ(work.result, 7);
    end(self.loop);
}

/* What has not begun is cancelled, what has is ended. */
static void the_loop_ends_first(void)
{
    picot_loop *loop = begin(1);
    picot_executor *executor;
    picot_work begun = PICOT_WORK_INIT, queued = PICOT_WORK_INIT;
    gate.open = true;
    CHECK_EQ(picot_loop_as_executor(loop, &executor), 0);
    CHECK_EQ(picot_run_threadsafe(executor, &begun, (int *)NULL, for_ever(.unused = 0)), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
    CHECK_EQ(picot_run_threadsafe(executor, &queued, (double *)NULL, half_of(.number = 2)), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    CHECK_EQ(picot_work_state(&begun), PICOT_WORK_DONE);
    CHECK_EQ(picot_work_state(&queued), PICOT_WORK_DONE);
    CHECK_EQ(begun.result, -ECANCELED);
    CHECK(cleaned);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

static const struct tap_case cases[] = {
    {"calls are awaited", calls_are_awaited, TAP_BACKENDS},
    {"cancelled calls: taken back, waited for, abandoned", cancelled_calls, TAP_BACKENDS},
    {"the end waits for abandoned calls", the_end_waits_for_abandoned_calls, TAP_BACKENDS},
    {"calls as futures", calls_as_futures, TAP_BACKENDS},
    {"maps are awaited", maps_are_awaited, TAP_BACKENDS},
    {"a cancelled map loses nothing", a_cancelled_map_loses_nothing, TAP_BACKENDS},
    {"tasks from another thread", tasks_from_another_thread, TAP_BACKENDS},
    {"the loop ends first", the_loop_ends_first, TAP_BACKENDS},
};

TAP_MAIN(cases)
