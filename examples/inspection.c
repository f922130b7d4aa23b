/* SPDX-License-Identifier: MIT
 *
 * inspection.c - a server that can be asked where it stands: errors nobody took, slow steps, all tasks as a tree.
 */
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>
#include <string.h>

static void print_report(picot_loop *loop, const picot_report *report, void *user)
{
    char line[256];
    (void)loop;
    (void)user;
    picot_report_format(report, line, sizeof line);
    printf("%.*s; ", (int)strcspn(line, ":"), line); /* up to the error's name */
}

static void count_lines(void *user, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *(int *)user += text[i] == '\n';
}

async_fn(int, fetch, (int64_t ns; int code;), (char none;))
{
    async_begin;
    try_await(picot_sleep(.ns = my->ns));
    async_fail(my->code);
    async_end;
}
#define fetch(...) async_call(fetch, __VA_ARGS__)

async_fn(int, serve, (char unused;), (picot_group sessions; int i, lines;))
{
    async_begin;
    picot_loop_set_report_handler(picot_this_loop(), print_report, NULL);
    picot_start(picot_this_loop(), fetch(.ns = PICOT_MS, .code = -ECONNREFUSED)); /* its error is nobody's */
    task_group(my->sessions);
    for (my->i = 0; my->i < 3; my->i++)
        try_spawn(&my->sessions, fetch(.ns = PICOT_SECOND));
    try_await(picot_sleep(.ns = 2 * PICOT_MS));
    my->lines = 0;
    printf("%d tasks", (int)picot_loop_dump(picot_this_loop(), PICOT_DUMP_TEXT, count_lines, &my->lines));
    printf(" in %d lines\n", my->lines);
    picot_group_cancel(&my->sessions, "all was seen");
    async_end;
}

int main(void)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.backend = "sim"; /* in virtual time it always prints the same */
    int rc = picot_main(&options, async_call(serve, .unused = 0));
    if (rc < 0) fprintf(stderr, "%s\n", picot_strerror(rc));
    return rc < 0;
}
