/* SPDX-License-Identifier: MIT
 *
 * idle.c - user memory of an idle connection: what the loop's allocator gave out for N connections, each with a task
 * that awaits a receive under a deadline, with cleanup registered. After each has echoed one message.
 */
#include <netinet/in.h>
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDLE_NS (30 * PICOT_SECOND)

static size_t allocated_bytes;

static void *count_resize(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user;
    allocated_bytes += new_size - old_size;
    if (new_size > 0) return realloc(block, new_size);
    free(block);
    return NULL;
}

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

/* The other side, in a process of its own: a message on each connection and its echo; then idle until the server hangs
 * up. */
static void be_clients(const picot_addr *addr, int count)
{
    char byte = 'x';
    int last = -1;
    for (int i = 0; i < count; i++) {
        last = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (last < 0 || connect(last, &addr->sa.any, addr->len) < 0 || send(last, &byte, 1, MSG_NOSIGNAL) != 1 ||
            recv(last, &byte, 1, MSG_WAITALL) != 1)
            _exit(1);
    }
    (void)recv(last, &byte, 1, MSG_WAITALL);
    _exit(0);
}

async_fn(int, bench, (int count; const char *backend;),
         (picot_group sessions; picot_fd listener; picot_addr addr; picot_fd conn; size_t before; int i;
          pid_t clients;))
{
    async_begin;
    (void)picot_addr_parse("127.0.0.1", 0, &my->addr);
    my->listener = picot_tcp_listen(picot_this_loop(), &my->addr, NULL);
    if (my->listener < 0) async_fail((int)my->listener);
    defer
    {
        await(picot_close(.fd = my->listener));
    }
    (void)picot_tcp_local_addr(picot_this_loop(), my->listener, &my->addr);
    task_group(my->sessions, .keep_going = 1);
    my->clients = fork();
    if (my->clients == 0) be_clients(&my->addr, my->count);
    my->before = allocated_bytes;
    for (my->i = 0; my->i < my->count; my->i++) {
        try_wait_for(my->conn, 10 * PICOT_SECOND, picot_accept(.fd = my->listener));
        try_spawn(&my->sessions, picot_call(session, .conn = my->conn));
    }
    try_await(picot_sleep(.ns = 200 * PICOT_MS)); /* the last echo */
    printf("{\"bench\": \"idle\", \"impl\": \"picot %s\", \"connections\": %d, \"bytes_per_connection\": %.0f}\n",
           my->backend, my->count, (double)(allocated_bytes - my->before) / my->count);
    picot_group_cancel(&my->sessions, NULL);
    try_await(picot_join(.group = &my->sessions));
    (void)waitpid(my->clients, NULL, 0);
    async_end;
}

static int run(const char *backend, int count)
{
    static const picot_allocator counting = {count_resize, NULL};
    char why[256] = "";
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.backend = backend;
    options.allocator = &counting;
    options.explanation = why;
    options.explanation_size = sizeof why;
    picot_loop *loop;
    int rc = picot_loop_create(&options, &loop);
    if (rc == 0) {
        rc = picot_run(loop, picot_call(bench, .count = count, .backend = backend));
        (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    }
    if (rc < 0) fprintf(stderr, "%s: %s %s\n", backend, picot_strerror(rc), why);
    return rc;
}

int main(int argc, char **argv)
{
    static const char *const backends[] = {"select", "poll", "epoll", "io_uring"};
    int count = argc > 1 ? atoi(argv[1]) : 5000, failed = 0;
    struct rlimit limit;
    if (count <= 0) {
        fprintf(stderr, "usage: idle [CONNECTIONS]\nUser memory of an idle connection, for each backend.\n");
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        failed |= run(backends[i], count) < 0;
    return failed;
}
