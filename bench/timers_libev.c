/* SPDX-License-Identifier: MIT
 *
 * timers_libev.c - libev's timers, re-armed by ev_timer_again, as its manual advises.
 */
#include "timers.h"

#include <ev.h>
#include <stdlib.h>

static void fired(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    timers_fired++;
}

static void insert(struct ev_loop *loop, ev_timer *timers, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        ev_timer_init(&timers[i], fired, (double)timers_delay_ns(i, 0) / 1e9, 0.);
        ev_timer_start(loop, &timers[i]);
    }
}

static void cancel(struct ev_loop *loop, ev_timer *timers, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        ev_timer_stop(loop, &timers[i]);
}

static void rearm(struct ev_loop *loop, ev_timer *timers, size_t count)
{
    for (size_t round = 0; round < TIMERS_ACTIVE; round++)
        for (size_t i = 0; i < count; i += TIMERS_ACTIVE) {
            timers[i].repeat = (double)timers_delay_ns(i + round, 1) / 1e9 + 1;
            ev_timer_again(loop, &timers[i]);
        }
}

static void fire(struct ev_loop *loop, size_t count)
{
    while (timers_fired < count)
        ev_run(loop, EVRUN_NOWAIT);
}

void timers_of_libev(size_t count, size_t extra, struct timers_result *ret_result)
{
    ev_timer *timers = calloc(count + extra, sizeof *timers);
    struct ev_loop *loop = ev_loop_new(0);
    if (!timers || !loop) exit(1);
    insert(loop, timers, 0, count + extra);
    cancel(loop, timers, count, count + extra);
    TIMERS_MEASURE(ret_result->insert, extra, insert(loop, timers, count, count + extra));
    TIMERS_MEASURE(ret_result->cancel, extra, cancel(loop, timers, count, count + extra));
    TIMERS_MEASURE(ret_result->rearm, count, rearm(loop, timers, count));
    cancel(loop, timers, 0, count);
    insert(loop, timers, 0, count);
    timers_make_due();
    TIMERS_MEASURE(ret_result->fire, count, fire(loop, count));
    ev_loop_destroy(loop);
    free(timers);
}
