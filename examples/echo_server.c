/* SPDX-License-Identifier: MIT
 *
 * echo_server.c - sends every client back what it sends. Usage: echo_server PORT [--backend NAME]
 *
 * Port 0 lets the system choose. SIGTERM and SIGINT end it: every session is cancelled, closes, and the exit status is
 * 0. A second one does not wait for that.
 */
#include <picot.h>
#include <picot/short.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

async_fn(int, session, (picot_fd conn;), (picot_lease data; int64_t n;))
{
    async_begin;
    my->data = (picot_lease){0};
    defer
    {
        picot_lease_return(picot_this_loop(), &my->data);
        await(picot_close(.fd = my->conn));
    }
    for (;;) {
        try_wait_for(my->n, 60 * PICOT_SECOND, picot_recv_leased(.fd = my->conn, .ret_lease = &my->data));
        if (my->n == 0) break;
        try_await(picot_send_all(.fd = my->conn, .buf = my->data.data, .len = my->data.size));
    }
    async_end;
}
#define session(...) async_call(session, __VA_ARGS__)

async_fn(int, serve, (picot_fd listener;), (picot_group sessions; picot_fd conn;))
{
    async_begin;
    defer
    {
        await(picot_close(.fd = my->listener));
    }
    task_group(my->sessions, .keep_going = 1);
    for (;;) {
        await(my->conn, picot_tcp_accept(.fd = my->listener));
        if (my->conn == -EMFILE || my->conn == -ENFILE) continue; /* the next accept waits until there is room */
        if (my->conn < 0) async_return((int)my->conn);
        spawn(&my->sessions, session(.conn = my->conn));
        if (async_error() < 0) await(picot_close(.fd = my->conn));
    }
    async_end;
}
#define serve(...) async_call(serve, __VA_ARGS__)

/* ---- the program around it ------------------------------------------------------------------- */

static picot_loop *loop;

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "echo_server: %s: %s\n", what, why);
    return 1;
}

static int run(unsigned port)
{
    char text[PICOT_ADDR_TEXT_SIZE] = "";
    picot_addr addr;
    picot_addr_parse("127.0.0.1", port, &addr);
    picot_fd listener = picot_tcp_listen(loop, &addr, NULL);
    if (listener < 0) return fail("cannot listen", picot_strerror(listener));
    picot_tcp_local_addr(loop, listener, &addr);
    picot_addr_format(&addr, text, sizeof text);
    printf("listening on %s backend=%s\n", text, picot_loop_backend(loop));
    fflush(stdout);
    picot_loop_set_interrupts(loop, (const int[]){SIGTERM, SIGINT, 0});
    int rc = picot_run(loop, serve(.listener = listener));
    return rc == PICOT_EINTERRUPT ? 0 : fail("serving ended", picot_strerror(rc));
}

int main(int argc, char **argv)
{
    char why[512] = "", *end = NULL;
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    unsigned long port = argc > 1 && argv[1][0] >= '0' && argv[1][0] <= '9' ? strtoul(argv[1], &end, 10) : 65536;
    if (argc == 4 && strcmp(argv[2], "--backend") == 0) options.backend = argv[3];
    if (port > 65535 || *end || (argc != 2 && !options.backend)) {
        fprintf(stderr, "usage: echo_server PORT [--backend NAME]    NAME: auto, %s\n", picot_backend_names());
        return 2;
    }
    struct rlimit files; /* a connection is a descriptor */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) files.rlim_cur = files.rlim_max, setrlimit(RLIMIT_NOFILE, &files);
    options.explanation = why;
    options.explanation_size = sizeof why;
    int rc = picot_loop_create(&options, &loop);
    if (rc < 0) return fail("cannot create a loop", why[0] ? why : picot_strerror(rc));
    rc = run((unsigned)port);
    picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    return rc;
}
