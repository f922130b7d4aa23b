/* SPDX-License-Identifier: MIT
 *
 * test_request_in.c - pools of processes and loops: awaited requests, cancelled ones, workers that die, the loop's end.
 */
#include "coro_support.h"

#include <picot/threads.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

static int64_t add_one(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)worker;
    if (len != sizeof(int) || ret_size < len) return -EINVAL;
    *(int *)ret = *(const int *)data + 1;
    return sizeof(int);
}

static int64_t die(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)worker, (void)data, (void)len, (void)ret, (void)ret_size;
    (void)raise(SIGKILL);
    return 0;
}

static int64_t stuck(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)worker, (void)data, (void)len, (void)ret, (void)ret_size;
    for (;;)
        (void)pause();
    return 0;
}

static const picot_process_function functions[] = {{"add_one", add_one}, {"die", die}, {"stuck", stuck}};

static picot_process_server *server;
static picot_executor *pool;

static picot_loop *begin(void)
{
    picot_process_pool_options options = PICOT_PROCESS_POOL_OPTIONS_INIT;
    options.processes_max = 2;
    options.cancel_grace_ns = 1;
    CHECK_EQ(picot_process_server_start(functions, 3, &server), 0);
    CHECK_EQ(picot_process_pool_create(server, &options, &pool), 0);
    return tap_loop();
}

static void end_pool(void)
{
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(picot_process_server_stop(server), 0);
}

picot_async_fn(int, asks, (int from;), (int number; int answer; int64_t len; int i; int status;))
{
    picot_begin;
    for (my->i = 0; my->i < 20; my->i++) {
        my->number = my->from + my->i;
        picot_await(my->len, picot_request_in(.executor = pool, .name = "add_one", .data = &my->number,
                                              .len = sizeof(int), .ret_data = &my->answer, .ret_size = sizeof(int)));
        CHECK_EQ(my->len, sizeof(int));
        CHECK_EQ(my->answer, my->number + 1);
    }
    picot_await(my->len, picot_request_in(.executor = pool, .name = "die", .ret_exit_status = &my->status));
    CHECK_EQ(my->len, PICOT_EWORKERDIED);
    CHECK_EQ(picot_error(), PICOT_EWORKERDIED);
    CHECK_EQ(my->status, -SIGKILL);
    picot_await(my->len, picot_request_in(.executor = pool, .name = "stuck", .limit_ns = PICOT_MS));
    CHECK_EQ(my->len, -ETIMEDOUT);
    picot_await(my->len, picot_request_in(.executor = pool, .name = "nobody"));
    CHECK_EQ(my->len, -ENOSYS);
    picot_await(my->len, picot_request_in(.executor = pool));
    CHECK_EQ(my->len, -EINVAL);
    picot_await(my->len, picot_request_in(.executor = pool, .name = "add_one", .len = 4));
    CHECK_EQ(my->len, -EINVAL);
    picot_return(0);
    picot_end;
}
#define asks(...) picot_call(asks, __VA_ARGS__)

picot_async_fn(int, ask_together, (int count;), (picot_group group; int i; int rc;))
{
    picot_begin;
    picot_task_group(my->group)
    {
        for (my->i = 0; my->i < my->count; my->i++)
            picot_spawn(&my->group, asks(.from = 1000 * my->i));
    }
    picot_return(0);
    picot_end;
}
#define ask_together(...) picot_call(ask_together, __VA_ARGS__)

static void requests_are_awaited(void)
{
    picot_loop *loop = begin();
    CHECK_EQ(picot_run(loop, ask_together(.count = 5)), 0);
    CHECK_EQ(picot_loop_pending(loop), 0);
    end_pool();
    tap_loop_end(loop);
}

picot_async_fn(int, one, (const char *name;), (int64_t len;))
{
    picot_begin;
    picot_await(my->len, picot_request_in(.executor = pool, .name = my->name));
    if (my->len < 0) picot_fail((int)my->len);
    picot_return(0);
    picot_end;
}
#define one(...) picot_call(one, __VA_ARGS__)

picot_async_fn(int, cancels, (int unused;), (picot_future tasks[4]; int i; int rc;))
{
    picot_begin;
    for (my->i = 0; my->i < 4; my->i++) /* two of them begin */
        picot_create(my->tasks[my->i], one(.name = "stuck"));
    picot_yield();
    picot_yield();
    for (my->i = 0; my->i < 4; my->i++)
        CHECK_EQ(picot_future_cancel(picot_this_loop(), my->tasks[my->i], NULL), 1);
    for (my->i = 0; my->i < 4; my->i++) {
        picot_await(my->rc, picot_result(.of = my->tasks[my->i]));
        CHECK_EQ(my->rc, -ECANCELED);
        CHECK_EQ(picot_future_unref(picot_this_loop(), my->tasks[my->i]), 0);
    }
    picot_return(0);
    picot_end;
}
#define cancels(...) picot_call(cancels, __VA_ARGS__)

static void cancelled_requests_end(void)
{
    picot_loop *loop = begin();
    for (int i = 0; i < 5; i++)
        CHECK_EQ(picot_run(loop, cancels(.unused = 0)), 0);
    end_pool();
    tap_loop_end(loop);
}

static void the_loop_may_end_first(void)
{
    picot_loop *loop = begin();
    for (int i = 0; i < 4; i++)
        CHECK_EQ(picot_start(loop, one(.name = "stuck")), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    end_pool();
}

/* ---- few calls at a time: the loop collects them itself ------------------------------------------ */

picot_async_fn(int, one_by_one, (int count;), (int number; int answer; int64_t len; int i;))
{
    picot_begin;
    for (my->i = 0; my->i < my->count; my->i++) {
        my->number = my->i;
        picot_await(my->len, picot_request_in(.executor = pool, .name = "add_one", .data = &my->number,
                                              .len = sizeof(int), .ret_data = &my->answer, .ret_size = sizeof(int)));
        CHECK_EQ(my->len, sizeof(int));
        CHECK_EQ(my->answer, my->number + 1);
    }
    picot_return(0);
    picot_end;
}
#define one_by_one(...) picot_call(one_by_one, __VA_ARGS__)

picot_async_fn(int, in_parallel, (int tasks; int count;), (picot_group group; int i; int rc;))
{
    picot_begin;
    picot_task_group(my->group)
    {
        for (my->i = 0; my->i < my->tasks; my->i++)
            picot_spawn(&my->group, one_by_one(.count = my->count));
    }
    picot_return(0);
    picot_end;
}
#define in_parallel(...) picot_call(in_parallel, __VA_ARGS__)

static void few_and_many_by_turns(void)
{
    picot_loop *loop = begin();
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(picot_run(loop, one_by_one(.count = 400)), 0);
        CHECK_EQ(picot_run(loop, asks(.from = 7)), 0);
        CHECK_EQ(picot_run(loop, in_parallel(.tasks = 100, .count = 3)), 0);
        CHECK_EQ(picot_run(loop, in_parallel(.tasks = 3, .count = 150)), 0);
        CHECK_EQ(picot_run(loop, ask_together(.count = 3)), 0);
    }
    CHECK_EQ(picot_loop_pending(loop), 0);
    end_pool();
    tap_loop_end(loop);
}

static void a_loop_that_collects_may_end_first(void)
{
    picot_loop *loop = begin();
    CHECK_EQ(picot_run(loop, one_by_one(.count = 400)), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(picot_start(loop, one(.name = "stuck")), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    end_pool();
}

static void pools_that_collect_may_end_first(void)
{
    picot_loop *loop = begin();
    CHECK_EQ(picot_run(loop, one_by_one(.count = 400)), 0);
    end_pool();
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    tap_loop_end(loop);
}

static void note_answer(picot_loop *loop, picot_work *work)
{
    (void)loop;
    *(int64_t *)work->user = work->result;
}

/* A loop that does not run holds up nobody but itself. */
static void a_loop_that_stands_still(void)
{
    picot_loop *loop = begin();
    picot_work of_loop[40], plain = PICOT_WORK_INIT;
    int number = 5, answer = 0, answers[40];
    int64_t lens[40] = {0};
    CHECK_EQ(picot_run(loop, one_by_one(.count = 400)), 0);
    for (int i = 0; i < 40; i++) {
        of_loop[i] = (picot_work)PICOT_WORK_INIT;
        picot_work_request(&of_loop[i], "add_one", &number, sizeof number, &answers[i], sizeof answers[i]);
        CHECK_EQ(picot_executor_submit_on(pool, &of_loop[i], loop, note_answer, &lens[i]), 0);
    }
    for (int i = 0; i < 100; i++) {
        picot_work_request(&plain, "add_one", &number, sizeof number, &answer, sizeof answer);
        CHECK_EQ(picot_executor_submit(pool, &plain), 0);
        while (i % 2 && picot_work_state(&plain) != PICOT_WORK_DONE)
            (void)sched_yield();
        CHECK_EQ(picot_work_wait(&plain, PICOT_NEVER), 0);
        CHECK_EQ(plain.result, sizeof answer);
    }
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    for (int i = 0; i < 40; i++)
        CHECK(lens[i] == sizeof(int) && answers[i] == 6);
    end_pool();
    tap_loop_end(loop);
}

/* Of two loops each gets its own. */
static void two_loops_collect(void)
{
    picot_loop *loops[2] = {begin(), tap_loop()};
    picot_work works[2][10];
    int number = 1, answers[2][10];
    int64_t lens[2][10] = {{0}};
    for (int i = 0; i < 2; i++)
        CHECK_EQ(picot_run(loops[i], one_by_one(.count = 300)), 0);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 20; i++) {
            picot_work *work = &works[i % 2][i / 2];
            *work = (picot_work)PICOT_WORK_INIT;
            picot_work_request(work, "add_one", &number, sizeof number, &answers[i % 2][i / 2], sizeof(int));
            CHECK_EQ(picot_executor_submit_on(pool, work, loops[i % 2], note_answer, &lens[i % 2][i / 2]), 0);
        }
        for (int i = 0; i < 2; i++)
            CHECK_EQ(picot_loop_run(loops[(i + round) % 2], PICOT_RUN_IDLE), 0);
    }
    for (int i = 0; i < 20; i++)
        CHECK_EQ(lens[i % 2][i / 2], sizeof(int));
    end_pool();
    tap_loop_end(loops[0]);
    tap_loop_end(loops[1]);
}

static const struct tap_case cases[] = {
    {"requests are awaited", requests_are_awaited, TAP_BACKENDS},
    {"cancelled requests end", cancelled_requests_end, TAP_BACKENDS},
    {"the loop may end first", the_loop_may_end_first, TAP_BACKENDS},
    {"few and many by turns", few_and_many_by_turns, TAP_BACKENDS},
    {"a loop that collects may end first", a_loop_that_collects_may_end_first, TAP_BACKENDS},
    {"pools that a loop collects from may end first", pools_that_collect_may_end_first, TAP_BACKENDS},
    {"a loop that stands still holds up nobody", a_loop_that_stands_still, TAP_BACKENDS},
    {"two loops collect", two_loops_collect, TAP_BACKENDS},
};

TAP_MAIN(cases)
