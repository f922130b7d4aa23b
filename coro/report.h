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

#endif /* PICOT_CORO_REPORT_INTERNAL_H */
