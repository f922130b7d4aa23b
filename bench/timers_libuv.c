/* SPDX-License-Identifier: MIT
 *
 * timers_libuv.c - libuv's timers, which count milliseconds, re-armed by uv_timer_start.
 */
#include "timers.h"

#include <stdlib.h>
#include <uv.h>

static void fired(uv_timer_t *timer)
{
    (void)timer;
    timers_fired++;
}

static void insert(uv_timer_t *timers, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        (void)uv_timer_start(&timers[i], fired, (uint64_t)timers_delay_ns(i, 0) / 1000000, 0);
}

static void cancel(uv_timer_t *timers, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        (void)uv_timer_stop(&timers[i]);
}

static void rearm(uv_timer_t *timers, size_t count)
{
    for (size_t round = 0; round < TIMERS_ACTIVE; round++)
        for (size_t i = 0; i < count; i += TIMERS_ACTIVE)
            (void)uv_timer_start(&timers[i], fired, (uint64_t)timers_delay_ns(i + round, 1) / 1000000 + 1000, 0);
}

static void fire(uv_loop_t *loop, size_t count)
{
    while (timers_fired < count)
        (void)uv_run(loop, UV_RUN_NOWAIT);
}

void timers_of_libuv(size_t count, size_t extra, struct timers_result *ret_result)
{
    uv_timer_t *timers = calloc(count + extra, sizeof *timers);
    uv_loop_t loop;
    if (!timers || uv_loop_init(&loop) < 0) exit(1);
    for (size_t i = 0; i < count + extra; i++)
        (void)uv_timer_init(&loop, &timers[i]);
    insert(timers, 0, count + extra);
    cancel(timers, count, count + extra);
    TIMERS_MEASURE(ret_result->insert, extra, insert(timers, count, count + extra));
    TIMERS_MEASURE(ret_result->cancel, extra, cancel(timers, count, count + extra));
    TIMERS_MEASURE(ret_result->rearm, count, rearm(timers, count));
    cancel(timers, 0, count);
    insert(timers, 0, count);
    timers_make_due();
    TIMERS_MEASURE(ret_result->fire, count, fire(&loop, count));
    free(timers); /* the process ends */
}
