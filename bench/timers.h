/* SPDX-License-Identifier: MIT
 *
 * timers.h - what bench/timers and the libraries it compares share. Each runs in a process of its own.
 */
#ifndef PICOT_BENCH_TIMERS_H
#define PICOT_BENCH_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds per timer; 0: has none of its own. */
struct timers_result {
    double insert, cancel, fire, rearm;
};

/* Drawn before anything is measured. */
extern const int64_t *timers_delays_ns[2];

/* The delay of timer i, from one second to a minute and one, the same in each library; round tells re-arms apart. */
static inline int64_t timers_delay_ns(size_t i, unsigned round)
{
    return timers_delays_ns[round][i];
}

/* CPU time of this process. */
int64_t timers_cpu_ns(void);

/* Move the clock that the libraries read: all that was inserted is due. */
void timers_make_due(void);

/* How many callbacks have run. */
extern size_t timers_fired;

/* Requests re-arm the time-outs of active connections: one timer in a thousand, again and again. */
#define TIMERS_ACTIVE 1000

/* With `count` timers pending: insert and cancel `extra` ones, re-arm `count` times, then let all fire. */
void timers_of_picot(size_t count, size_t extra, struct timers_result *ret_result);
void timers_of_picot_rearmed(size_t count, size_t extra, struct timers_result *ret_result);
#ifdef HAVE_LIBUV
void timers_of_libuv(size_t count, size_t extra, struct timers_result *ret_result);
#endif
#ifdef HAVE_LIBEV
void timers_of_libev(size_t count, size_t extra, struct timers_result *ret_result);
#endif
#ifdef HAVE_LIBEVENT
void timers_of_libevent(size_t count, size_t extra, struct timers_result *ret_result);
#endif

/* Begin and end of a measured stretch. */
#define TIMERS_MEASURE(ret_ns, ops, ...)                                                                               \
    do {                                                                                                               \
        int64_t begin_ns_ = timers_cpu_ns();                                                                           \
        __VA_ARGS__;                                                                                                   \
        (ret_ns) = (double)(timers_cpu_ns() - begin_ns_) / (double)(ops);                                              \
    } while (0)

#endif /* PICOT_BENCH_TIMERS_H */
