/* SPDX-License-Identifier: MIT
 *
 * echo_picot.c - the echo server as a user writes it: a task per connection, a deadline around every receive, cleanup
 * that always runs.
 */
#include "echo.h"

#include <picot.h>
#include <picot/short.h>
#include <stdio.h>

#define IDLE_NS (30 * PICOT_SECOND)

async_fn(int, session, (picot_fd conn;), (picot_lease lease; int64_t n;))
{
    async_begin;
    my->lease = (picot_lease){0};
    defer
    {
        (void)picot_lease_return(picot_this_loop(), &my->lease);
        await(picot_close(.fd = my->conn));
    }
    for (;;) {
        try_wait_for(my->n, IDLE_NS, picot_recv_leased(.fd = my->conn, .ret_lease = &my->lease));
        if (my->n == 0) break;
        try_await(picot_send_all(.fd = my->conn, .buf = my->lease.data, .len = (size_t)my->n));
    }
    async_end;
}

async_fn(int, server, (picot_fd listener;), (picot_group sessions; picot_fd conn;))
{
    async_begin;
    task_group(my->sessions, .keep_going = 1);
    for (;;) {
        try_await(my->conn, picot_accept(.fd = my->listener));
        try_spawn(&my->sessions, picot_call(session, .conn = my->conn));
    }
    async_end;
}

void echo_serve_picot(int listener, const char *backend)
{
    char why[256] = "";
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.backend = backend;
    options.explanation = why;
    options.explanation_size = sizeof why;
    picot_loop *loop;
    int rc = picot_loop_create(&options, &loop);
    if (rc == 0) rc = picot_run(loop, picot_call(server, .listener = picot_adopt(loop, listener)));
    fprintf(stderr, "%s: %s %s\n", backend, picot_strerror(rc), why);
}
