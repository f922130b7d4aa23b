/* SPDX-License-Identifier: MIT
 *
 * report.c - errors that nobody collects and steps that take too long: to the loop's handler, and as a sentence.
 */
#include "report.h"

#include <stdio.h>

#include "rare.h"

void picot__report(struct picot__coro *coro, const picot_report *report)
{
    coro->report_count++;
    if (coro->report_handler) coro->report_handler(coro->loop, report, coro->report_user);
}

void picot__report_task(const picot_task *task, const char *name, int rc)
{
    const struct picot__rare *rare = task->extra ? task->extra->rare : NULL;
    picot_report report = {.kind = PICOT_REPORT_TASK_FAILED,
                           .rc = rc,
                           .task_name = rare && rare->name ? rare->name : name,
                           .task_id = task->id,
                           .file = rare && rare->created_file ? rare->created_file : "",
                           .line = rare ? rare->created_line : 0};
    picot__report(picot__coro_of_task(task), &report);
}

/* The innermost function of a task that is suspended: a leaf has no place of its own. */
static void locate(picot_report *report, const picot_task *task)
{
    picot_frame *frame = task->top;
    while (!(frame->fn->flags & PICOT_FN_BODY) && frame->parent)
        frame = frame->parent;
    report->file = frame->fn->file;
    report->line = frame->fn->flags & PICOT_FN_BODY ? picot__frame_line(frame) : frame->fn->line;
}

void picot__report_slow(struct picot__coro *coro, int64_t began_ns, const picot_task *task,
                        struct picot__step_mark mark)
{
    int64_t took_ns = picot_loop_update_now(coro->loop) - began_ns;
    if (coro->slow_step_ns == 0 || took_ns <= coro->slow_step_ns) return;
    picot_report report = {.kind = PICOT_REPORT_SLOW_STEP, .task_id = mark.task_id, .took_ns = took_ns};
    if (mark.ended) {
        report.task_name = mark.ended->name;
        report.file = mark.ended->file;
        report.line = mark.ended->line;
    } else {
        report.task_name = picot_task_name(task);
        locate(&report, task);
    }
    picot__report(coro, &report);
}

/* The loop's coroutines, for a setting. */
static int settings_of(picot_loop *loop, struct picot__coro **ret_coro)
{
    if (!loop) return -EINVAL;
    int rc = picot__may_use(loop);
    if (rc < 0) return rc;
    *ret_coro = picot__coro_of(loop);
    return *ret_coro ? 0 : -ENOMEM;
}

int picot_loop_set_report_handler(picot_loop *loop, picot_report_handler *handler, void *user)
{
    struct picot__coro *coro;
    int rc = settings_of(loop, &coro);
    if (rc < 0) return rc;
    coro->report_handler = handler;
    coro->report_user = user;
    return 0;
}

uint64_t picot_loop_report_count(const picot_loop *loop)
{
    const struct picot__coro *coro = picot__coro_find(loop);
    return coro ? coro->report_count : 0;
}

int picot_loop_set_slow_step(picot_loop *loop, int64_t limit_ns)
{
    struct picot__coro *coro;
    if (limit_ns < 0) return -EINVAL;
    int rc = settings_of(loop, &coro);
    if (rc == 0) coro->slow_step_ns = limit_ns;
    return rc;
}

int picot_loop_set_debug(picot_loop *loop, int on)
{
    struct picot__coro *coro;
    int rc = settings_of(loop, &coro);
    if (rc < 0) return rc;
    coro->debug = on != 0;
    coro->roots.plan.fn = NULL; /* tasks get more than a plan has */
    for (picot_group *group = coro->groups.next; group != &coro->groups; group = group->next)
        group->plan.fn = NULL;
    return 0;
}

int picot_loop_set_eager(picot_loop *loop, int on)
{
    struct picot__coro *coro;
    int rc = settings_of(loop, &coro);
    if (rc < 0) return rc;
    coro->eager = on != 0;
    coro->roots.eager = coro->eager;
    return 0;
}

int picot_report_format(const picot_report *report, char *buf, size_t size)
{
    char who[160] = "a future", where[160] = "";
    if (!report || (!buf && size > 0)) return -EINVAL;
    if (report->task_id) (void)snprintf(who, sizeof who, "task %u %s", report->task_id, report->task_name);
    if (report->kind == PICOT_REPORT_SLOW_STEP)
        return snprintf(buf, size, "%s held the loop for %lld us, up to %s:%u: yield, or hand the work to a thread",
                        who, (long long)(report->took_ns / 1000), report->file, report->line);
    if (report->line) (void)snprintf(where, sizeof where, " (created at %s:%u)", report->file, report->line);
    return snprintf(buf, size, "%s%s failed and %s: %s, %s", who, where,
                    report->kind == PICOT_REPORT_TASK_FAILED ? "nobody waits for it" : "its error was never retrieved",
                    picot_error_name(report->rc), picot_strerror(report->rc));
}
