/* SPDX-License-Identifier: MIT
 *
 * echo.c - what a message costs a server: CPU time per echoed message, beside a bare epoll loop in the same run.
 *
 * Client and server share one CPU under SCHED_BATCH, so that a batch is as large as the number of connections and the
 * figure does not depend on who wakes whom. The implementations take turns, round by round; the ratio of a round is
 * that to the bare loop of the same round, and the medians are printed: one JSON object per line.
 */
#include "echo.h"

#include "rows.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ROUNDS 101

struct impl {
    const char *name;
    void (*serve)(int listener);
    const char *backend; /* with serve NULL: ours */
    double ns[MAX_ROUNDS];
};

static struct impl impls[] = {
    {.name = "raw epoll", .serve = echo_serve_raw_epoll}, /* the base of the ratios: first */
    {.name = "picot epoll", .backend = "epoll"},
    {.name = "picot io_uring", .backend = "io_uring"},
    {.name = "picot poll", .backend = "poll"},
    {.name = "picot select", .backend = "select"},
#ifdef HAVE_LIBEV
    {.name = "libev", .serve = echo_serve_libev},
#endif
#ifdef HAVE_LIBUV
    {.name = "libuv", .serve = echo_serve_libuv},
#endif
};
#define IMPLS (sizeof impls / sizeof *impls)

static size_t connections = 64, size = 64, messages = 200000;
static int rounds = 7;
static const char *only = NULL;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void share_one_cpu(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
    struct sched_param param = {0};
    (void)sched_setscheduler(0, SCHED_BATCH, &param);
}

static int open_listener(struct sockaddr_in *ret_addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof *ret_addr;
    *ret_addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)ret_addr, len) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)ret_addr, &len) < 0)
        die("listener");
    return fd;
}

static pid_t start_server(const struct impl *impl, int listener)
{
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid > 0) return pid;
    if (impl->serve)
        impl->serve(listener);
    else
        echo_serve_picot(listener, impl->backend);
    _exit(1);
}

/* Every connection sends one message, then every connection receives its echo. */
static void exchange(const int *fds, char *buffer)
{
    for (size_t i = 0; i < connections; i++)
        if (send(fds[i], buffer, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
    for (size_t i = 0; i < connections; i++)
        if (recv(fds[i], buffer, size, MSG_WAITALL) != (ssize_t)size) die("recv");
}

static int connect_client(const struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (const struct sockaddr *)addr, sizeof *addr) < 0) die("connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static double cpu_ns_of(pid_t pid)
{
    struct rusage usage;
    int status;
    if (wait4(pid, &status, 0, &usage) < 0) die("wait4");
    if (!WIFSIGNALED(status)) {
        fprintf(stderr, "the server has ended by itself\n");
        exit(1);
    }
    return 1e9 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* CPU nanoseconds of the server per message. */
static double measure(const struct impl *impl, int *fds, char *buffer)
{
    struct sockaddr_in addr;
    int listener = open_listener(&addr);
    pid_t pid = start_server(impl, listener);
    close(listener);
    for (size_t i = 0; i < connections; i++)
        fds[i] = connect_client(&addr);
    size_t batches = messages / connections + 1;
    for (size_t i = 0; i < batches; i++)
        exchange(fds, buffer);
    kill(pid, SIGTERM);
    double ns = cpu_ns_of(pid);
    for (size_t i = 0; i < connections; i++)
        close(fds[i]);
    return ns / (double)(batches * connections);
}

static double median(const double *values)
{
    double sorted[MAX_ROUNDS];
    memcpy(sorted, values, sizeof(double) * (size_t)rounds);
    return rows_median(sorted, rounds);
}

static void report(const struct impl *impl)
{
    double ratios[MAX_ROUNDS];
    for (int i = 0; i < rounds; i++)
        ratios[i] = impl->ns[i] / impls[0].ns[i];
    printf("{\"bench\": \"echo\", \"impl\": \"%s\", \"connections\": %zu, \"size\": %zu, \"rounds\": %d, "
           "\"ns_per_op\": %.0f, "
           "\"ratio\": %.3f}\n",
           impl->name, connections, size, rounds, median(impl->ns), median(ratios));
}

static int usage(void)
{
    fprintf(stderr,
            "usage: echo [--connections N] [--size BYTES] [--messages N] [--rounds N] [--only NAME]\n"
            "CPU time of an echo server per message, beside a bare epoll loop. --only: one more than the bare loop.\n");
    return 2;
}

static int read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc) return -1;
        long value = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--only") == 0)
            only = argv[i + 1];
        else if (value <= 0)
            return -1;
        else if (strcmp(argv[i], "--connections") == 0)
            connections = (size_t)value;
        else if (strcmp(argv[i], "--size") == 0)
            size = (size_t)value;
        else if (strcmp(argv[i], "--messages") == 0)
            messages = (size_t)value;
        else if (strcmp(argv[i], "--rounds") == 0 && value <= MAX_ROUNDS)
            rounds = (int)value;
        else
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (read_arguments(argc, argv) < 0) return usage();
    int *fds = calloc(connections, sizeof *fds);
    char *buffer = calloc(1, size);
    if (!fds || !buffer) die("memory");
    share_one_cpu();
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < IMPLS; i++)
            if (i == 0 || !only || strcmp(only, impls[i].name) == 0)
                impls[i].ns[round] = measure(&impls[i], fds, buffer);
    for (size_t i = 0; i < IMPLS; i++)
        if (impls[i].ns[0] > 0) report(&impls[i]);
    free(fds);
    free(buffer);
    return 0;
}
