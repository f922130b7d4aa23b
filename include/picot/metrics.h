/* SPDX-License-Identifier: MIT
 *
 * metrics.h - what a loop has done since it was created: always counted, for some instructions per turn.
 *
 * Rules of thread, reentrancy, fork and NULL: see loop.h.
 */
#ifndef PICOT_METRICS_H
#define PICOT_METRICS_H

#include <picot/loop.h>

PICOT_BEGIN_DECLS

/** Buckets of a histogram of lag; see picot_metrics_lag_bound. */
#define PICOT_METRICS_LAGS 32

/** Totals since the loop was created; none ever goes down. Set with PICOT_METRICS_INIT. Grows only at its end. */
typedef struct picot_metrics {
    size_t size;        /**< sizeof of this struct, for compatibility of later versions */
    uint64_t turns;     /**< turns of the loop */
    uint64_t callbacks; /**< calls of callbacks and steps of tasks, of every kind */
    uint64_t events;    /**< events that the backend has brought */
    uint64_t timers;    /**< timers, timeouts, sleeps and deadlines that came due */
    uint64_t posts;     /**< posts that were called */
    /**
     * Time inside picot_loop_run: waiting for the kernel, and busy with callbacks and everything else. It is made of
     * the readings of the clock that a turn needs anyway: one after waiting, and one before where there is a deadline
     * to wait for. Where there is none, or a far one, one wait in 16 is measured, and the turn before it stands for the
     * next 15 ones: an estimate, good for rates over many turns. A turn that does not wait is busy. What happens after
     * the last wait of a run, or between two runs, is in neither: for a loop inside a foreign one they tell nothing.
     * "Busy" is time, not CPU: it contains what other processes took meanwhile.
     */
    int64_t waiting_ns, busy_ns;
    /** How late the earliest due timer of each turn that had one was when the timers began to run. */
    uint64_t lag[PICOT_METRICS_LAGS];
} picot_metrics;

#define PICOT_METRICS_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(picot_metrics), 0, 0, 0, 0, 0, 0, 0,                                                                    \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

/**
 * Copy the loop's totals.
 * @param ret_metrics  its size says how much of it the caller knows
 * @return  0; -EINVAL: NULL or a size that is no known one; -EPERM, PICOT_EFORKED
 * Thread: the owner. @since 0.1
 */
PICOT_API int picot_loop_metrics(picot_loop *loop, picot_metrics *ret_metrics);

/**
 * The end of a bucket of lag: bucket 0 holds what was less than 1 us late, bucket i what was less than 2^i us late and
 * not in an earlier one, the last one all the rest.
 * @return  nanoseconds, not in the bucket any more; PICOT_NEVER for the last bucket and beyond. Thread: any. @since 0.1
 */
PICOT_API int64_t picot_metrics_lag_bound(size_t bucket);

/**
 * Read the clock of the loop's backend, and leave picot_loop_now as it is: to measure how long something takes.
 * @return  nanoseconds, of the same clock as picot_loop_now and not before it; 0 for NULL. Thread: the owner.
 * @since 0.1
 */
PICOT_API int64_t picot_loop_clock(picot_loop *loop);

PICOT_END_DECLS

#endif /* PICOT_METRICS_H */
