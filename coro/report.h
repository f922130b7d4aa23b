/* SPDX-License-Identifier: MIT
 *
 * report.h - the way of a report to the loop's handler.
 */
#ifndef PICOT_CORO_REPORT_INTERNAL_H
#define PICOT_CORO_REPORT_INTERNAL_H

#include <picot/report.h>

#include "internal.h"

/* Count it, and call the handler if there is one. */
void picot__report(struct picot__coro *coro, const picot_report *report);

/* A task ends with an error that nobody collects. */
void picot__report_task(const picot_task *task, const char *name, int rc);

/* A step is over: was it slow? `ended`: the function of a task that has ended with it, and is gone. */
struct picot__step_mark {
    uint32_t task_id;
    const picot_fn *ended;
};
void picot__report_slow(struct picot__coro *coro, int64_t began_ns, const picot_task *task,
                        struct picot__step_mark mark);

#endif /* PICOT_CORO_REPORT_INTERNAL_H */
