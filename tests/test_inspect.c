/* SPDX-License-Identifier: MIT
 *
 * test_inspect.c - seeing inside: backtraces, the tree of tasks as text and as JSON, each task once, on a signal, from
 * inside groups in groups; names, creation sites. Built in the GNU and in the ISO form.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "coro_support.h"
#include <stdarg.h>
#include <stdbool.h>

static char text[8192];

static void collect(void *user, const char *piece, size_t len)
{
    size_t used = strlen(text);
    (void)user;
    CHECK(used + len < sizeof text);
    memcpy(text + used, piece, len);
    text[used + len] = 0;
}

/* "  <name> at <this file>:<line>\n" somewhere in the text? */
static bool stands(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool stands(const char *format, ...)
{
    char wanted[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(wanted, sizeof wanted, format, arguments);
    va_end(arguments);
    return strstr(text, wanted) != NULL;
}

static size_t count_of(const char *what)
{
    size_t count = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        count++;
    return count;
}

enum { SLEEPER_LINE = __LINE__ + 4 };
picot_async_fn(int, sleeper, (char unused;), (char none;))
{
    picot_begin;
    picot_await(picot_sleep(.ns = PICOT_SECOND));
    picot_end;
}

enum { MIDDLE_LINE = __LINE__ + 4 };
picot_async_fn(int, middle, (char unused;), (char none;))
{
    picot_begin;
    picot_try_await(picot_call(sleeper, 0));
    picot_end;
}

/* ---- backtraces ---------------------------------------------------------------------------------- */

picot_async_fn(int, traces, (char unused;), (picot_group group; picot_future job;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn_future(my->job, &my->group, picot_call(middle, 0));
    picot_yield();
    text[0] = 0;
    picot_task_backtrace(picot_future_task(picot_this_loop(), my->job), collect, NULL);
    const char *rest = text;
    char expected[512];
    (void)snprintf(expected, sizeof expected, "  picot_sleep\n  sleeper at %s:%d\n  middle at %s:%d\n", __FILE__,
                   SLEEPER_LINE, __FILE__, MIDDLE_LINE);
    CHECK_STR(rest, expected);
    text[0] = 0;
    picot_task_backtrace(picot_self, collect, NULL);
    CHECK(stands("  traces at "));
    CHECK(!stands("sleeper"));
    picot_task_backtrace(NULL, collect, NULL);
    picot_task_backtrace(picot_self, NULL, NULL);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->job), 0);
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_end;
}

static void backtraces(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(traces, 0));
    CHECK_EQ(rc, 0);
}

/* ---- the tree ------------------------------------------------------------------------------------ */

picot_async_fn(int, parent_of, (int children;), (picot_group first, second; int i;))
{
    picot_begin;
    picot_task_group(my->first);
    picot_task_group(my->second);
    for (my->i = 0; my->i < my->children; my->i++) {
        picot_spawn(&my->first, picot_call(middle, 0));
        picot_spawn(&my->second, picot_call(middle, 0));
    }
    picot_end;
}

picot_async_fn(int, dumps, (enum picot_dump_format format;), (picot_group group; picot_future job; int64_t count;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn_future(my->job, &my->group, picot_call(parent_of, 2));
    CHECK_EQ(picot_task_set_name(picot_future_task(picot_this_loop(), my->job), "a \"b\"\n"), 0);
    CHECK_EQ(picot_start(picot_this_loop(), picot_call(middle, 0)), 0);
    picot_yield();
    picot_yield();
    text[0] = 0;
    my->count = picot_loop_dump(picot_this_loop(), my->format, collect, NULL);
    CHECK_EQ(my->count, 7);
    CHECK_EQ(my->count, (int64_t)picot_loop_task_count(picot_this_loop()));
    tap_note("%s", text);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->job), 0);
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_end;
}

static void dump_as(enum picot_dump_format format)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_loop_dump(loop, format, collect, NULL), 0);
    CHECK_STR(text, format == PICOT_DUMP_JSON ? "[]\n" : "");
    CHECK_EQ(picot_run(loop, picot_call(dumps, format)), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
}

static void as_text(void)
{
    lazy_only();
    dump_as(PICOT_DUMP_TEXT);
    CHECK(strncmp(text, "task 1 dumps\n  dumps at ", strlen("task 1 dumps\n  dumps at ")) == 0);
    CHECK(stands("\n  task 2 a \"b\"\n\n    picot_task_group\n    parent_of at "));
    CHECK(stands("\n    task 4 middle\n      picot_sleep\n      sleeper at %s:%d\n      middle at %s:%d\n", __FILE__,
                 SLEEPER_LINE, __FILE__, MIDDLE_LINE));
    CHECK(stands("\ntask 3 middle\n  picot_sleep\n"));
    CHECK_EQ(count_of("task "), 7);
    CHECK_EQ(count_of(" middle\n"), 5);
}

static void as_json(void)
{
    dump_as(PICOT_DUMP_JSON);
    CHECK(stands("[{\"id\": 1, \"name\": \"dumps\", \"cancelling\": false, \"awaits\": [{\"function\": \"dumps\", "));
    CHECK(stands("\"name\": \"a \\\"b\\\"\\u000a\""));
    CHECK(stands("{\"function\": \"picot_sleep\"}, {\"function\": \"sleeper\", \"file\": \"%s\", \"line\": %d}",
                 __FILE__, SLEEPER_LINE));
    CHECK_EQ(count_of("\"id\": "), 7);
    CHECK_EQ(count_of("["), count_of("]"));
    CHECK_EQ(count_of("{"), count_of("}"));
    CHECK_EQ(count_of("}{"), 0); /* a comma between any two */
    CHECK_EQ(count_of(", ]"), 0);
}

static void refusals(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_loop_dump(NULL, PICOT_DUMP_TEXT, collect, NULL), -EINVAL);
    CHECK_EQ(picot_loop_dump(loop, PICOT_DUMP_TEXT, NULL, NULL), -EINVAL);
    CHECK_EQ(picot_loop_dump(loop, (enum picot_dump_format)7, collect, NULL), -EINVAL);
    CHECK_EQ(picot_loop_dump_on_signal(NULL, SIGUSR1, PICOT_DUMP_TEXT, collect, NULL), -EINVAL);
    CHECK_EQ(picot_loop_dump_on_signal(loop, 12345, PICOT_DUMP_TEXT, collect, NULL), -EINVAL);
    CHECK_EQ(picot_loop_dump_on_signal(loop, -1, PICOT_DUMP_TEXT, collect, NULL), -EINVAL);
    CHECK_EQ(picot_loop_dump_on_signal(loop, SIGUSR1, PICOT_DUMP_TEXT, NULL, NULL), -EINVAL);
    CHECK_EQ(picot_loop_dump_on_signal(loop, 0, PICOT_DUMP_TEXT, NULL, NULL), 0);
    tap_loop_end(loop);
}

/* ---- created at ---------------------------------------------------------------------------------- */

enum { CREATED_LINE = __LINE__ + 6 };
picot_async_fn(int, creates, (char unused;), (picot_group group;))
{
    picot_begin;
    CHECK_EQ(picot_loop_set_debug(picot_this_loop(), 1), 0);
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(middle, 0));
    text[0] = 0;
    CHECK_EQ(picot_loop_dump(picot_this_loop(), PICOT_DUMP_TEXT, collect, NULL), 2);
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_end;
}

static void created_at(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(creates, 0));
    CHECK_EQ(rc, 0);
    CHECK(stands("task 2 middle, created at %s:%d\n", __FILE__, CREATED_LINE));
}

/* ---- on a signal --------------------------------------------------------------------------------- */

picot_async_fn(int, is_signalled, (char unused;), (int i;))
{
    picot_begin;
    CHECK_EQ(picot_loop_dump_on_signal(picot_this_loop(), SIGUSR1, PICOT_DUMP_JSON, collect, NULL), 0);
    CHECK_EQ(picot_loop_dump_on_signal(picot_this_loop(), SIGUSR1, PICOT_DUMP_TEXT, collect, NULL), 0);
    for (my->i = 0; my->i < 2; my->i++) {
        text[0] = 0;
        CHECK_EQ(kill(getpid(), SIGUSR1), 0);
        while (!text[0])
            picot_await(picot_sleep(.ns = PICOT_MS));
        CHECK(strncmp(text, "task 1 is_signalled\n", strlen("task 1 is_signalled\n")) == 0);
    }
    CHECK_EQ(picot_loop_dump_on_signal(picot_this_loop(), 0, PICOT_DUMP_TEXT, NULL, NULL), 0);
    picot_end;
}

static void on_signal(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(is_signalled, 0));
    CHECK_EQ(rc, 0);
    /* The loop's end takes it back, too. */
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_loop_dump_on_signal(loop, SIGUSR1, PICOT_DUMP_TEXT, collect, NULL), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    tap_loop_end(loop);
    struct sigaction present;
    CHECK_EQ(sigaction(SIGUSR1, NULL, &present), 0);
    CHECK(present.sa_handler == SIG_DFL);
}

static const struct tap_case cases[] = {
    {"backtraces", backtraces, 0},
    {"the tree as text", as_text, 0},
    {"the tree as JSON", as_json, 0},
    {"refusals", refusals, 0},
    {"where a task was created", created_at, 0},
    {"on a signal", on_signal, TAP_BACKENDS},
};

TAP_MAIN(cases)
