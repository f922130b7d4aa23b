/* SPDX-License-Identifier: MIT
 *
 * executors_libuv.c - libuv's rows: uv_queue_work on its pool of four threads; uv_async_send.
 */
#include "executors.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define IN_FLIGHT 1000

static long left, out;

static void nothing(uv_work_t *work)
{
    (void)work;
}

static void done(uv_work_t *work, int status)
{
    (void)status;
    out--;
    if (left == 0) return;
    left--;
    out++;
    (void)uv_queue_work(work->loop, work, nothing, done);
}

static double threads(uv_loop_t *loop, long count, long in_flight)
{
    uv_work_t *works = calloc((size_t)in_flight, sizeof *works);
    if (!works) return -1;
    left = count - in_flight;
    out = in_flight;
    int64_t begin_ns = executors_cpu_ns();
    for (long i = 0; i < in_flight; i++)
        (void)uv_queue_work(loop, &works[i], nothing, done);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    int64_t ns = executors_cpu_ns() - begin_ns;
    free(works);
    return out > 0 ? -1 : (double)ns / (double)count;
}

static void arrived(uv_async_t *async)
{
    uv_close((uv_handle_t *)async, NULL);
}

static double posts(uv_loop_t *loop, long count)
{
    uv_async_t async;
    if (uv_async_init(loop, &async, arrived) < 0) return -1;
    int64_t begin_ns = executors_cpu_ns();
    for (long i = 0; i < count; i++)
        (void)uv_async_send(&async);
    int64_t ns = executors_cpu_ns() - begin_ns;
    (void)uv_run(loop, UV_RUN_DEFAULT);
    return (double)ns / (double)count;
}

double executors_of_libuv(const char *row, long count)
{
    uv_loop_t loop;
    if (uv_loop_init(&loop) < 0) return -1;
    if (strcmp(row, "thread_rtt") == 0) return threads(&loop, count, 1);
    if (strcmp(row, "thread_throughput") == 0) return threads(&loop, count, IN_FLIGHT);
    if (strcmp(row, "post_coalesced") == 0) return posts(&loop, count);
    return 0;
}
