/* SPDX-License-Identifier: MIT
 *
 * timers_libevent.c - libevent's timers, in the caller's memory (event_assign), re-armed by event_add.
 */
#include "timers.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

static void fired(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    (void)user;
    timers_fired++;
}

static void add(struct event *timer, int64_t delay_ns)
{
    struct timeval delay = {.tv_sec = delay_ns / 1000000000, .tv_usec = delay_ns % 1000000000 / 1000};
    (void)event_add(timer, &delay);
}

static void insert(struct event *timers, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        add(&timers[i], timers_delay_ns(i, 0));
}

static void cancel(struct event *timers, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        (void)event_del(&timers[i]);
}

static void rearm(struct event *timers, size_t count)
{
    for (size_t round = 0; round < TIMERS_ACTIVE; round++)
        for (size_t i = 0; i < count; i += TIMERS_ACTIVE)
            add(&timers[i], timers_delay_ns(i + round, 1) + 1000000000);
}

static void fire(struct event_base *base, size_t count)
{
    while (timers_fired < count)
        if (event_base_loop(base, EVLOOP_NONBLOCK) < 0) exit(1);
}

void timers_of_libevent(size_t count, size_t extra, struct timers_result *ret_result)
{
    struct event *timers = calloc(count + extra, sizeof *timers);
    struct event_base *base = event_base_new();
    if (!timers || !base) exit(1);
    for (size_t i = 0; i < count + extra; i++)
        (void)evtimer_assign(&timers[i], base, fired, NULL);
    insert(timers, 0, count + extra);
    cancel(timers, count, count + extra);
    TIMERS_MEASURE(ret_result->insert, extra, insert(timers, count, count + extra));
    TIMERS_MEASURE(ret_result->cancel, extra, cancel(timers, count, count + extra));
    TIMERS_MEASURE(ret_result->rearm, count, rearm(timers, count));
    cancel(timers, 0, count);
    insert(timers, 0, count);
    timers_make_due();
    TIMERS_MEASURE(ret_result->fire, count, fire(base, count));
    event_base_free(base);
    free(timers);
}
