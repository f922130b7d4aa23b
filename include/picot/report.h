/* SPDX-License-Identifier: MIT
 *
 * report.h - what would otherwise be lost: errors nobody collects, steps that stop the loop for too long.
 *
 * The library never prints. Give the loop a handler and print there; without one the reports are only counted.
 */
#ifndef PICOT_REPORT_H
#define PICOT_REPORT_H

#include <picot/coro_runtime.h>

PICOT_BEGIN_DECLS

enum picot_report_kind {
    PICOT_REPORT_TASK_FAILED = 0,     /**< a task failed that had no handle, no place for its result and no group that
                                           fails with it: of picot_start, or in a group that keeps going */
    PICOT_REPORT_NEVER_RETRIEVED = 1, /**< the last reference of a failed future went, and nobody had asked for it */
    PICOT_REPORT_SLOW_STEP = 2        /**< one step of a task took longer than the limit of picot_loop_set_slow_step */
};

typedef struct picot_report {
    enum picot_report_kind kind;
    int rc;                /**< the error; 0: none */
    const char *task_name; /**< "" when it is not about a task */
    uint32_t task_id;      /**< 0 when it is not about a task */
    int64_t took_ns;       /**< of a slow step */
    const char *file; /**< of a slow step: where the task stands now, or its function when it has ended; else where the
                           task was spawned, in a debugging loop (picot_loop_set_debug); "": unknown */
    unsigned line;    /**< 0: unknown. Of a future of your own: of the last await or spawn before it was made */
} picot_report;

/**
 * A handler of reports: called in the loop's thread, from inside whatever happens; it must not run or destroy the loop.
 * The report and its strings are valid during the call.
 */
typedef void picot_report_handler(picot_loop *loop, const picot_report *report, void *user);

/**
 * Set the loop's handler. NULL: none.
 * @return  0; -EINVAL, -EPERM, PICOT_EFORKED; -ENOMEM. @since 0.1
 */
PICOT_API int picot_loop_set_report_handler(picot_loop *loop, picot_report_handler *handler, void *user);

/** How many reports there were, handled or not. 0 for NULL. Thread: the loop's. @since 0.1 */
PICOT_API uint64_t picot_loop_report_count(const picot_loop *loop);

/**
 * A report as a sentence: "task 7 fetch (created at crawl.c:40) failed and nobody waits for it: ECONNREFUSED, ...".
 * @return  the length, as snprintf; -EINVAL: NULL. Thread: any. @since 0.1
 */
PICOT_API int picot_report_format(const picot_report *report, char *buf, size_t size);

/**
 * Report every step of a task, from one wait to the next, that runs longer than this. Costs two readings of the clock a
 * step while it is on, and picot_loop_now then moves with them.
 * @param limit_ns  0: off (the default)
 * @return  0; -EINVAL: negative; -EPERM, PICOT_EFORKED; -ENOMEM. @since 0.1
 */
PICOT_API int picot_loop_set_slow_step(picot_loop *loop, int64_t limit_ns);

/**
 * A debugging loop remembers where each task and future was created. Costs a record per task while it is on.
 * @return  0; -EINVAL, -EPERM, PICOT_EFORKED; -ENOMEM. @since 0.1
 */
PICOT_API int picot_loop_set_debug(picot_loop *loop, int on);

PICOT_END_DECLS

#endif /* PICOT_REPORT_H */
