/* SPDX-License-Identifier: MIT
 *
 * test_coro_reports.c - what nobody collects is reported exactly once; what somebody collects never. Slow steps, the
 * place of creation, the sentence. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <stdio.h>

#define LOOP picot_this_loop()

static int reports;
static picot_report last;
static char last_name[40], last_text[400];

static void note(picot_loop *loop, const picot_report *report, void *user)
{
    CHECK(user == &reports);
    CHECK(loop && report->task_name && report->file);
    reports++;
    last = *report;
    (void)snprintf(last_name, sizeof last_name, "%s", report->task_name);
    int len = picot_report_format(report, last_text, sizeof last_text);
    CHECK_EQ(len, strlen(last_text));
}

/* Exactly one since the last look, of this kind and error; kind -1: none. */
static void check_report(const picot_loop *loop, int kind, int rc, const char *name)
{
    static uint64_t seen;
    CHECK_EQ(reports, kind >= 0);
    CHECK_EQ(picot_loop_report_count(loop), seen + (unsigned)reports);
    seen = picot_loop_report_count(loop);
    if (kind >= 0) {
        CHECK_EQ(last.kind, kind);
        CHECK_EQ(last.rc, rc);
        CHECK_STR(last_name, name);
    }
    reports = 0;
}

picot_async_fn(int, breaks, (int code;), (char none;))
{
    picot_begin;
    picot_yield();
    picot_fail(my->code);
    picot_end;
}
#define breaks(...) picot_call(breaks, __VA_ARGS__)

picot_async_fn(int, breaks_named, (int code;), (char none;))
{
    picot_begin;
    CHECK_EQ(picot_task_set_name(picot_self, "Fred"), 0);
    picot_fail(my->code);
    picot_end;
}

picot_async_fn(int, ends, (int code;), (char none;))
{
    picot_begin;
    picot_fail(my->code);
    picot_end;
}
#define ends(...) picot_call(ends, __VA_ARGS__)

/* ---- tasks without a handle ---------------------------------------------------------------------- */

picot_async_fn(int, leaves_tasks, (char unused;), (picot_group calm, strict, collecting; int r, value; double d;))
{
    picot_begin;
    CHECK_EQ(picot_start(LOOP, breaks(-EDOM)), 0);
    picot_await(nap(1));
    check_report(LOOP, PICOT_REPORT_TASK_FAILED, -EDOM, "breaks");
    CHECK_EQ(picot_start(LOOP, picot_call(breaks_named, -EDOM)), 0);
    picot_await(nap(1));
    check_report(LOOP, PICOT_REPORT_TASK_FAILED, -EDOM, "Fred");
    CHECK_EQ(last.line, 0);
    CHECK_STR(last.file, "");
    CHECK_EQ(picot_start(LOOP, breaks(-ECANCELED)), 0);
    CHECK_EQ(picot_start(LOOP, nap(1, .result = 3)), 0);
    picot_await(nap(2));
    check_report(LOOP, -1, 0, NULL);
    picot_task_group(my->calm, .keep_going = 1);
    picot_spawn(&my->calm, breaks(-ERANGE));
    picot_await(picot_join(.group = &my->calm));
    check_report(LOOP, PICOT_REPORT_TASK_FAILED, -ERANGE, "breaks");
    picot_spawn(&my->calm, my->value, breaks(-ERANGE)); /* it has a place */
    picot_await(picot_join(.group = &my->calm));
    CHECK_EQ(my->value, -ERANGE);
    check_report(LOOP, -1, 0, NULL);
    picot_task_group(my->strict);
    picot_spawn(&my->strict, breaks(-EDOM)); /* its group tells */
    picot_await(my->r, picot_join(.group = &my->strict));
    CHECK_EQ(my->r, -EDOM);
    picot_task_group(my->collecting, .collect = 1);
    picot_spawn(&my->collecting, breaks(-EDOM));
    picot_spawn(&my->collecting, breaks(-ERANGE));
    picot_await(my->r, picot_join(.group = &my->collecting));
    CHECK_EQ(my->r, -EDOM);
    check_report(LOOP, -1, 0, NULL);
    picot_end;
}

static void tasks(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_loop_set_report_handler(NULL, note, NULL), -EINVAL);
    CHECK_EQ(picot_loop_report_count(NULL), 0);
    CHECK_EQ(picot_loop_set_report_handler(loop, note, &reports), 0);
    CHECK_EQ(picot_run(loop, picot_call(leaves_tasks, 0)), 0);
    CHECK_EQ(picot_run(loop, breaks(-EDOM)), -EDOM); /* who runs it is told */
    CHECK_EQ(reports, 0);
    CHECK_EQ(picot_loop_set_report_handler(loop, NULL, NULL), 0);
    uint64_t before = picot_loop_report_count(loop);
    CHECK_EQ(picot_start(loop, breaks(-EDOM)), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(picot_loop_report_count(loop), before + 1); /* counted all the same */
    CHECK_EQ(reports, 0);
    tap_loop_end(loop);
}

/* ---- futures ------------------------------------------------------------------------------------- */

static void ignore(picot_loop *loop, picot_future future, void *user)
{
    (void)user;
    CHECK_EQ(picot_future_done(loop, future), 1); /* that is not asking for the error */
    CHECK_EQ(picot_future_cancelled(loop, future), 0);
    say('i');
}

picot_async_fn(int, leaves_futures, (char unused;),
               (picot_future f; picot_group group; picot_completions comp; picot_done_callback callback; picot_arm arm;
                int r;))
{
    picot_begin;
    /* Never asked for: told when the last reference goes, after the end or with it. */
    picot_create(my->f, breaks(-EDOM));
    picot_await(nap(1));
    check_report(LOOP, -1, 0, NULL);
    CHECK_EQ(picot_future_ref(LOOP, my->f), 0);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    check_report(LOOP, -1, 0, NULL);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    check_report(LOOP, PICOT_REPORT_NEVER_RETRIEVED, -EDOM, "breaks");
    CHECK(last.task_id > 0);
    picot_create(my->f, breaks(-EDOM));
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    check_report(LOOP, -1, 0, NULL);
    picot_await(nap(1));
    check_report(LOOP, PICOT_REPORT_NEVER_RETRIEVED, -EDOM, "breaks");
    picot_create(my->f, picot_call(breaks_named, -EDOM));
    picot_await(nap(1));
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    check_report(LOOP, PICOT_REPORT_NEVER_RETRIEVED, -EDOM, "Fred"); /* a name outlives its task */
    my->f = picot_future_create(LOOP, 0);
    CHECK_EQ(picot_future_fail(LOOP, my->f, -EDOM), 0);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    check_report(LOOP, PICOT_REPORT_NEVER_RETRIEVED, -EDOM, "");
    CHECK_EQ(last.task_id, 0);
    /* Asked for in one way or another. */
    picot_create(my->f, breaks(-EDOM));
    picot_await(nap(1));
    CHECK_EQ(picot_future_result(LOOP, my->f, NULL, 0), -EDOM);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_create(my->f, breaks(-EDOM));
    picot_await(my->r, picot_result(.of = my->f));
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_create(my->f, breaks(-EDOM));
    my->arm = picot_arm_future(my->f);
    picot_await(my->r, picot_select(.arms = &my->arm, .count = 1));
    CHECK_EQ(my->arm.rc, -EDOM);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    /* Success, cancellation, and what was dropped while pending. */
    picot_create(my->f, nap(1, .result = 5));
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_create(my->f, nap(5000));
    CHECK_EQ(picot_future_cancel(LOOP, my->f, NULL), 1);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    my->f = picot_future_create(LOOP, 0);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    my->f = picot_future_create(LOOP, 0);
    CHECK_EQ(picot_future_cancel(LOOP, my->f, NULL), 1);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_await(nap(2));
    check_report(LOOP, -1, 0, NULL);
    /* Its group has taken it. */
    picot_task_group(my->group);
    picot_spawn_future(my->f, &my->group, breaks(-EDOM));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, -EDOM);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    check_report(LOOP, -1, 0, NULL);
    /* Waiting for the end is not asking how it was. */
    picot_create(my->f, breaks(-EDOM));
    picot_await(my->r, picot_wait(.futures = &my->f, .count = 1));
    CHECK_EQ(picot_completions_init(&my->comp, LOOP, &my->f, 1), 0);
    picot_await(my->f, picot_next_completed(.of = &my->comp));
    picot_completions_close(&my->comp);
    CHECK_EQ(picot_future_add_callback(LOOP, my->f, &my->callback, ignore, NULL), 0);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    check_report(LOOP, -1, 0, NULL); /* the callback may still ask */
    picot_await(nap(1));
    CHECK_STR(trace, "i");
    check_report(LOOP, PICOT_REPORT_NEVER_RETRIEVED, -EDOM, "breaks");
    picot_end;
}

static void futures(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_loop_set_report_handler(loop, note, &reports), 0);
    CHECK_EQ(picot_run(loop, picot_call(leaves_futures, 0)), 0);
    tap_loop_end(loop);
    CHECK_EQ(reports, 0);
}

/* ---- where it was created ------------------------------------------------------------------------ */

picot_async_fn(int, creates, (int line;), (picot_group calm;))
{
    picot_begin;
    picot_task_group(my->calm, .keep_going = 1);
    my->line = __LINE__ + 1;
    picot_spawn(&my->calm, ends(-EDOM));
    picot_await(picot_join(.group = &my->calm));
    check_report(LOOP, PICOT_REPORT_TASK_FAILED, -EDOM, "ends");
    CHECK_EQ(last.line, my->line);
    CHECK_STR(last.file, __FILE__);
    picot_end;
}

picot_async_fn(int, creates_futures, (int line;), (picot_future f;))
{
    picot_begin;
    my->line = __LINE__ + 1;
    picot_create(my->f, breaks(-EDOM));
    picot_await(nap(1));
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    check_report(LOOP, PICOT_REPORT_NEVER_RETRIEVED, -EDOM, "breaks");
    CHECK_EQ(last.line, my->line);
    CHECK_STR(last.file, __FILE__);
    CHECK(strstr(last_text, "breaks (created at ") && strstr(last_text, "EDOM"));
    my->line = __LINE__ + 1;
    my->f = picot_future_create(LOOP, 0);
    CHECK_EQ(picot_future_fail(LOOP, my->f, -EDOM), 0);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    check_report(LOOP, PICOT_REPORT_NEVER_RETRIEVED, -EDOM, "");
    CHECK_EQ(last.line, my->line);
    CHECK(strstr(last_text, "a future (created at "));
    picot_end;
}

static void creation(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_loop_set_report_handler(loop, note, &reports), 0);
    CHECK_EQ(picot_loop_set_debug(NULL, 1), -EINVAL);
    CHECK_EQ(picot_loop_set_debug(loop, 1), 0);
    CHECK_EQ(picot_run(loop, picot_call(creates, 0)), 0);
    CHECK_EQ(picot_run(loop, picot_call(creates_futures, 0)), 0);
    CHECK_EQ(picot_start(loop, breaks(-EDOM)), 0); /* from plain code: from nowhere */
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(last.line, 0);
    CHECK_EQ(picot_loop_set_debug(loop, 0), 0);
    tap_loop_end(loop);
}

/* ---- slow steps ---------------------------------------------------------------------------------- */

static void be_slow(picot_loop *loop)
{
    int64_t until_ns = picot_loop_update_now(loop) + 3 * PICOT_MS;
    while (picot_loop_update_now(loop) < until_ns)
        (void)picot_sim_advance(loop, PICOT_MS); /* where the clock does not go by itself */
}

picot_async_fn(int, dawdles, (int at_end;), (int line;))
{
    picot_begin;
    picot_yield();
    check_report(LOOP, -1, 0, NULL);
    be_slow(LOOP);
    my->line = __LINE__ + 1;
    picot_yield();
    check_report(LOOP, PICOT_REPORT_SLOW_STEP, 0, "dawdles");
    CHECK_EQ(last.line, my->line);
    CHECK(last.took_ns >= 3 * PICOT_MS);
    CHECK_EQ(last.task_id, picot_task_id(picot_self));
    CHECK(strstr(last_text, "task ") && strstr(last_text, " dawdles held the loop for ") &&
          strstr(last_text, __FILE__));
    if (my->at_end) be_slow(LOOP);
    picot_end;
}

static void slow_steps(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_loop_set_report_handler(loop, note, &reports), 0);
    CHECK_EQ(picot_loop_set_slow_step(loop, -1), -EINVAL);
    CHECK_EQ(picot_loop_set_slow_step(NULL, 1), -EINVAL);
    CHECK_EQ(picot_loop_set_slow_step(loop, 2 * PICOT_MS), 0);
    CHECK_EQ(picot_run(loop, picot_call(dawdles, 0)), 0);
    CHECK_EQ(picot_run(loop, picot_call(dawdles, 1)), 0);
    check_report(loop, PICOT_REPORT_SLOW_STEP, 0, "dawdles"); /* of a task that is gone */
    CHECK_EQ(last.line, dawdles_fn.line);
    CHECK_EQ(picot_loop_set_slow_step(loop, 0), 0);
    be_slow(loop);
    CHECK_EQ(picot_run(loop, nap(1)), 0);
    CHECK_EQ(reports, 0);
    tap_loop_end(loop);
}

static void sentences(void)
{
    picot_report report = {PICOT_REPORT_TASK_FAILED, -ECONNREFUSED, "fetch", 7, 0, "crawl.c", 40};
    char text[200];
    CHECK_EQ(picot_report_format(NULL, text, sizeof text), -EINVAL);
    CHECK_EQ(picot_report_format(&report, NULL, 5), -EINVAL);
    int len = picot_report_format(&report, text, sizeof text);
    CHECK_EQ(len, strlen(text));
    CHECK_EQ(picot_report_format(&report, NULL, 0), len);
    CHECK(!strncmp(text, "task 7 fetch (created at crawl.c:40) failed and nobody waits for it: ECONNREFUSED, ", 83));
    CHECK_EQ(picot_report_format(&report, text, 7), len);
    CHECK_STR(text, "task 7");
}

static const struct tap_case cases[] = {
    {"tasks without a handle", tasks, 0},  {"futures nobody asked", futures, 0},
    {"where it was created", creation, 0}, {"steps that take too long", slow_steps, 0},
    {"the sentence", sentences, 0},
};

TAP_MAIN(cases)
