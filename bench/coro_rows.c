/* SPDX-License-Identifier: MIT
 *
 * coro_rows.c - Picot's part of bench/coro: yields, awaits, spawns, a queue in between, sleepers.
 */
#include "coro_rows.h"

#include <picot.h>
#include <picot/short.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * PICOT_SECOND + now.tv_nsec;
}

/* Time is taken inside the main task, so that neither the loop's making nor its end counts. */
static int64_t took_ns;
static size_t allocated_bytes;

static void *count_resize(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user;
    allocated_bytes += new_size - old_size;
    if (new_size > 0) return realloc(block, new_size);
    free(block);
    return NULL;
}

/* ---- yields and awaits ----------------------------------------------------------------------- */

async_fn(int, yields, (long n;), (long i;))
{
    async_begin;
    for (my->i = 0; my->i < my->n; my->i++)
        yield_now();
    async_end;
}

async_fn(int, yield100, (long n;), (picot_group group; int i;))
{
    async_begin;
    task_group(my->group);
    took_ns = -cpu_ns();
    for (my->i = 0; my->i < 100; my->i++)
        try_spawn(&my->group, async_call(yields, .n = my->n / 100));
    try_await(picot_join(.group = &my->group));
    took_ns += cpu_ns();
    async_end;
}

async_fn(int, is_ready, (int value;), (char none;))
{
    async_begin;
    async_return(my->value);
    async_end;
}
#define is_ready(...) async_call(is_ready, __VA_ARGS__)

async_fn(int, suspends, (int value;), (char none;))
{
    async_begin;
    yield_now();
    async_return(my->value);
    async_end;
}
#define suspends(...) async_call(suspends, __VA_ARGS__)

async_fn(int, await_ready, (long n;), (long i; int r;))
{
    async_begin;
    took_ns = -cpu_ns();
    for (my->i = 0; my->i < my->n; my->i++)
        try_await(my->r, is_ready(.value = 3));
    took_ns += cpu_ns();
    async_end;
}

async_fn(int, await_suspend, (long n;), (long i; int r;))
{
    async_begin;
    took_ns = -cpu_ns();
    for (my->i = 0; my->i < my->n; my->i++)
        try_await(my->r, suspends(.value = 3));
    took_ns += cpu_ns();
    async_end;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

async_fn(int, spawn_join, (long n; int eager;), (picot_group group; long i;))
{
    async_begin;
    task_group(my->group, .eager = my->eager);
    took_ns = -cpu_ns();
    for (my->i = 0; my->i < my->n; my->i++) {
        try_spawn(&my->group, is_ready(.value = 3));
        try_await(picot_join(.group = &my->group));
    }
    took_ns += cpu_ns();
    async_end;
}

async_fn(int, hits, (picot_queue * from, *to; long n;), (long i; int ball;))
{
    async_begin;
    for (my->i = 0; my->i < my->n; my->i++) {
        try_await(picot_get(.queue = my->from, .ret_item = &my->ball));
        try_await(picot_put(.queue = my->to, .item = &my->ball));
    }
    async_end;
}
#define hits(...) async_call(hits, __VA_ARGS__)

/* Two tasks, two queues with room for one ball. An operation is one ball handed over. */
async_fn(int, pingpong, (long n;), (picot_group group; picot_queue ping, pong; int ball, round;))
{
    async_begin;
    if (picot_queue_init(picot_this_loop(), &my->ping, sizeof my->ball, 1, NULL) < 0) async_fail(-ENOMEM);
    if (picot_queue_init(picot_this_loop(), &my->pong, sizeof my->ball, 1, NULL) < 0) async_fail(-ENOMEM);
    defer
    {
        picot_queue_destroy(&my->ping);
        picot_queue_destroy(&my->pong);
    }
    task_group(my->group);
    for (my->round = 0; my->round < 2; my->round++) { /* the first one teaches the group how large its tasks are */
        took_ns = -cpu_ns();
        try_spawn(&my->group, hits(&my->ping, &my->pong, my->round ? my->n / 2 : 1000));
        try_spawn(&my->group, hits(&my->pong, &my->ping, my->round ? my->n / 2 : 1000));
        try_await(picot_put(.queue = &my->ping, .item = &my->ball));
        try_await(picot_join(.group = &my->group));
        took_ns += cpu_ns();
        try_await(picot_get(.queue = &my->ping, .ret_item = &my->ball));
    }
    async_end;
}

async_fn(int, sleeps, (int64_t ns;), ())
{
    async_begin;
    await(picot_sleep(.ns = my->ns));
    async_end;
}

async_fn(int, sleeping_bytes, (long n;), (picot_group group; long i; size_t before;))
{
    async_begin;
    task_group(my->group);
    my->before = allocated_bytes;
    for (my->i = 0; my->i < my->n; my->i++)
        try_spawn(&my->group, async_call(sleeps, .ns = 1000 * PICOT_SECOND + my->i));
    yield_now();
    yield_now(); /* all of them sleep now */
    took_ns = (int64_t)((allocated_bytes - my->before) * 1000 / (size_t)my->n);
    (void)picot_group_cancel(&my->group, NULL);
    async_end;
}

/* ---- a row ----------------------------------------------------------------------------------- */

static int run_row(picot_loop *loop, const char *row, long n)
{
    if (strcmp(row, "yield100") == 0) return picot_run(loop, async_call(yield100, .n = n));
    if (strcmp(row, "await_ready") == 0) return picot_run(loop, async_call(await_ready, .n = n));
    if (strcmp(row, "await_suspend") == 0) return picot_run(loop, async_call(await_suspend, .n = n));
    if (strcmp(row, "spawn_join") == 0) return picot_run(loop, async_call(spawn_join, .n = n));
    if (strcmp(row, "spawn_join_eager") == 0) return picot_run(loop, async_call(spawn_join, .n = n, .eager = 1));
    if (strcmp(row, "pingpong") == 0) return picot_run(loop, async_call(pingpong, .n = n));
    if (strcmp(row, "sleeping_bytes") == 0) return picot_run(loop, async_call(sleeping_bytes, .n = n));
    return -ENOENT;
}

double coro_row(const char *row, long count, const char *backend)
{
    static const picot_allocator counting = {count_resize, NULL};
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    picot_loop *loop;
    options.backend = backend;
    options.allocator = &counting;
    int rc = picot_loop_create(&options, &loop);
    if (rc < 0) return rc;
    rc = run_row(loop, row, count);
    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    if (rc < 0 && rc != -ECANCELED) return rc;
    return strcmp(row, "sleeping_bytes") == 0 ? (double)took_ns / 1000 : (double)took_ns / (double)count;
}
