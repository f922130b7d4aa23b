/* SPDX-License-Identifier: MIT
 *
 * tasks.c - ask three mirrors, take the first answer, stop the others; before that a service starts and says so.
 */
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>

static char nobody[] = "nobody", alice[] = "alice";
static const picot_context_key user = {nobody};

/* Stands for a download: slow or fast, and some fail. */
async_fn(long, ask, (const char *mirror; int ms; int code;), (char none;))
{
    async_begin;
    try_await(picot_sleep(.ns = my->ms * PICOT_MS));
    if (my->code < 0) async_fail(my->code);
    printf("%s for %s: ", my->mirror, (const char *)picot_context_get(picot_self, &user));
    async_return(4096);
    async_end;
}
#define ask(...) async_call(ask, __VA_ARGS__)

async_fn(int, serve_log, (int port;), (char none;))
{
    async_begin;
    try_await(picot_sleep(.ns = PICOT_MS)); /* opens, binds, listens */
    (void)picot_started(my->port);
    await(picot_sleep(.ns = PICOT_NEVER)); /* serves until it is cancelled */
    async_end;
}
#define serve_log(...) async_call(serve_log, __VA_ARGS__)

async_fn(int, fetch, (char unused;),
         (picot_group group; picot_future jobs[3], first; picot_completions ends; int64_t port; int i, rc; long bytes;))
{
    async_begin;
    task_group(my->group, .keep_going = 1);
    picot_spawn_started(my->port, &my->group, serve_log(.port = 514)); /* goes on when the log is there */

    (void)picot_context_set(picot_self, &user, alice); /* seen by the tasks that are made from now on */
    picot_spawn_future(my->jobs[0], &my->group, ask("a.example", 5000));
    picot_spawn_future(my->jobs[1], &my->group, ask("b.example", 1, .code = -ECONNREFUSED));
    picot_spawn_future(my->jobs[2], &my->group, ask("c.example", 20));
    my->rc = picot_completions_init(&my->ends, picot_this_loop(), my->jobs, 3);
    if (my->rc < 0) async_fail(my->rc);
    defer picot_completions_close(&my->ends);
    do {
        await(my->first, picot_next_completed(.of = &my->ends));
        if (my->first < 0) break; /* all have come, and failed */
        await(my->rc, picot_result(.of = my->first, PICOT_INTO(my->bytes)));
    } while (my->rc < 0);
    printf("%ld bytes, log at port %lld\n", my->bytes, (long long)my->port);

    (void)picot_group_cancel(&my->group, "the first answer is enough"); /* no error: leaving the group waits for them */
    for (my->i = 0; my->i < 3; my->i++)
        (void)picot_future_unref(picot_this_loop(), my->jobs[my->i]);
    async_end;
}

int main(void)
{
    picot_loop *loop;
    int rc = picot_loop_create(NULL, &loop);

    if (rc < 0) return fprintf(stderr, "%s\n", picot_strerror(rc)), 1;
    rc = picot_run(loop, async_call(fetch, 0));
    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    return rc < 0 ? fprintf(stderr, "%s\n", picot_strerror(rc)), 1 : 0;
}
