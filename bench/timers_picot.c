/* SPDX-License-Identifier: MIT
 *
 * timers_picot.c - our timers: re-armed by picot_timer_extend, and once more by picot_call_later.
 */
#include "timers.h"

#include <picot.h>
#include <stdio.h>
#include <stdlib.h>

static void fired(picot_loop *loop, void *user)
{
    (void)loop;
    (void)user;
    timers_fired++;
}

static picot_loop *open_loop(void)
{
    picot_loop *loop;
    int rc = picot_loop_create(NULL, &loop);
    if (rc == 0) return loop;
    fprintf(stderr, "picot: %s\n", picot_strerror(rc));
    exit(1);
}

static void insert(picot_loop *loop, picot_timer *timers, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        (void)picot_call_later(loop, &timers[i], timers_delay_ns(i, 0), fired, NULL);
}

static void cancel(picot_loop *loop, picot_timer *timers, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        (void)picot_timer_cancel(loop, &timers[i]);
}

static void fire(picot_loop *loop, size_t count)
{
    while (timers_fired < count)
        if (picot_loop_run(loop, PICOT_RUN_NOWAIT) < 0) exit(1);
}

/* A request puts its time-out off: to what it was, from now, which is some seconds later. */
static void extend(picot_loop *loop, picot_timer *timers, size_t count)
{
    for (size_t round = 0; round < TIMERS_ACTIVE; round++)
        for (size_t i = 0; i < count; i += TIMERS_ACTIVE)
            (void)picot_timer_extend(loop, &timers[i], 61 * PICOT_SECOND);
}

static void set_anew(picot_loop *loop, picot_timer *timers, size_t count)
{
    for (size_t round = 0; round < TIMERS_ACTIVE; round++)
        for (size_t i = 0; i < count; i += TIMERS_ACTIVE)
            (void)picot_call_later(loop, &timers[i], timers_delay_ns(i + round, 1) + PICOT_SECOND, fired, NULL);
}

void timers_of_picot(size_t count, size_t extra, struct timers_result *ret_result)
{
    picot_timer *timers = calloc(count + extra, sizeof *timers);
    picot_loop *loop = open_loop();
    if (!timers) exit(1);
    insert(loop, timers, 0, count + extra); /* every page touched */
    cancel(loop, timers, count, count + extra);
    TIMERS_MEASURE(ret_result->insert, extra, insert(loop, timers, count, count + extra));
    TIMERS_MEASURE(ret_result->cancel, extra, cancel(loop, timers, count, count + extra));
    TIMERS_MEASURE(ret_result->rearm, count, extend(loop, timers, count));
    cancel(loop, timers, 0, count);
    insert(loop, timers, 0, count);
    timers_make_due();
    TIMERS_MEASURE(ret_result->fire, count, fire(loop, count));
    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    free(timers);
}

void timers_of_picot_rearmed(size_t count, size_t extra, struct timers_result *ret_result)
{
    picot_timer *timers = calloc(count, sizeof *timers);
    picot_loop *loop = open_loop();
    (void)extra;
    if (!timers) exit(1);
    insert(loop, timers, 0, count);
    TIMERS_MEASURE(ret_result->rearm, count, set_anew(loop, timers, count));
    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    free(timers);
}
