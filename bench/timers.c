/* SPDX-License-Identifier: MIT
 *
 * timers.c - what a timer costs while a million others are pending: to insert, cancel, fire and re-arm it, beside other
 * libraries in the same run.
 *
 * Each library is measured in a process of its own, in CPU time; they take turns, round by round, and the medians are
 * printed: one JSON object per line. Deadlines are random over a minute. Nobody waits for that minute: the libraries
 * read the clock by the clock_gettime defined here, which can be moved. What cannot be linked (asyncio, Go) is a
 * program that prints its four figures.
 */
#include "timers.h"

#include "rows.h"

#include <dlfcn.h>
#include <picot/base.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS 101
#define ROWS 4

struct impl {
    const char *name;
    void (*run)(size_t count, size_t extra, struct timers_result *ret_result);
    const char *command; /* with run NULL: a shell command; $N timers, $EXTRA more, sources in $DIR */
    const char *needs;   /* the program that it runs */
    bool failed;
    double ns[ROWS][MAX_ROUNDS];
};

static struct impl impls[] = {
    {.name = "picot", .run = timers_of_picot},
    {.name = "picot picot_call_later", .run = timers_of_picot_rearmed},
#ifdef HAVE_LIBEV
    {.name = "libev", .run = timers_of_libev},
#endif
#ifdef HAVE_LIBEVENT
    {.name = "libevent", .run = timers_of_libevent},
#endif
#ifdef HAVE_LIBUV
    {.name = "libuv", .run = timers_of_libuv},
#endif
    {.name = "asyncio", .command = "exec python3 \"$DIR/timers_asyncio.py\" $N $EXTRA", .needs = "python3"},
    {.name = "go", .command = "exec go run \"$DIR/timers.go\" $N $EXTRA", .needs = "go"},
};
#define IMPLS (sizeof impls / sizeof *impls)

size_t timers_fired;

static size_t count = 1000000;
static int rounds = 5;
static const char *only = NULL;

/* ---- time ------------------------------------------------------------------------------------ */

static int64_t moved_ns;

static int real_clock(clockid_t id, struct timespec *ret_now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real) {
        void *symbol = dlsym(RTLD_NEXT, "clock_gettime");
        memcpy(&real, &symbol, sizeof real);
    }
    return real(id, ret_now);
}

/* Instead of libc's, for everything in this process. */
int clock_gettime(clockid_t id, struct timespec *ret_now)
{
    int rc = real_clock(id, ret_now);
    if (id != CLOCK_PROCESS_CPUTIME_ID) ret_now->tv_sec += (time_t)(moved_ns / PICOT_SECOND);
    return rc;
}

int64_t timers_cpu_ns(void)
{
    struct timespec now;
    (void)real_clock(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * PICOT_SECOND + now.tv_nsec;
}

void timers_make_due(void)
{
    moved_ns += 200 * PICOT_SECOND;
}

const int64_t *timers_delays_ns[2];

static void draw_delays(unsigned which, size_t number)
{
    int64_t *delays_ns = malloc(number * sizeof *delays_ns);
    uint64_t x = 88172645463325252U + which;
    if (!delays_ns) exit(1);
    for (size_t i = 0; i < number; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17; /* xorshift, G. Marsaglia */
        delays_ns[i] = PICOT_SECOND + (int64_t)(x % (uint64_t)(60 * PICOT_SECOND));
    }
    timers_delays_ns[which] = delays_ns;
}

/* ---- one measurement --------------------------------------------------------------------------- */

static void be_child(const struct impl *impl, int out)
{
    struct timers_result result = {0, 0, 0, 0};
    if (!impl->run) {
        (void)dup2(out, STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c", impl->command, (char *)NULL);
        _exit(1);
    }
    impl->run(count, count / 10, &result);
    (void)dprintf(out, "%.2f %.2f %.2f %.2f\n", result.insert, result.cancel, result.fire, result.rearm);
    _exit(0);
}

static bool measure(struct impl *impl, int round)
{
    int pipes[2], status = 1;
    double *ns[ROWS];
    if (pipe(pipes) < 0) return false;
    pid_t pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        be_child(impl, pipes[1]);
    }
    close(pipes[1]);
    for (int row = 0; row < ROWS; row++)
        ns[row] = &impl->ns[row][round];
    FILE *in = fdopen(pipes[0], "r");
    bool read = in && fscanf(in, "%lf %lf %lf %lf", ns[0], ns[1], ns[2], ns[3]) == ROWS;
    if (in) fclose(in);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && read;
}

/* ---- all --------------------------------------------------------------------------------------- */

static bool is_there(const struct impl *impl)
{
    char command[64];
    if (only && !strstr(impl->name, only)) return false;
    if (!impl->needs) return true;
    (void)snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", impl->needs);
    if (system(command) == 0) return true;
    fprintf(stderr, "timers: %s is left out: there is no %s\n", impl->name, impl->needs);
    return false;
}

static void report(struct impl *impl)
{
    static const char *const rows[ROWS] = {"insert", "cancel", "fire", "rearm"};
    for (int row = 0; row < ROWS; row++) {
        double median = rows_median(impl->ns[row], rounds);
        if (median <= 0) continue;
        printf("{\"bench\": \"timers\", \"impl\": \"%s\", \"row\": \"%s\", \"pending\": %zu, \"rounds\": %d, "
               "\"ns_per_op\": %.1f}\n",
               impl->name, rows[row], count, rounds, median);
    }
}

static int read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc) return -1;
        long value = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--only") == 0)
            only = argv[i + 1];
        else if (strcmp(argv[i], "--pending") == 0 && value >= 1000)
            count = (size_t)value;
        else if (strcmp(argv[i], "--rounds") == 0 && value > 0 && value <= MAX_ROUNDS)
            rounds = (int)value;
        else
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    char number[32];
    bool there[IMPLS];
    if (read_arguments(argc, argv) < 0) {
        fprintf(stderr, "usage: timers [--pending N] [--rounds N] [--only WORD]\n"
                        "What a timer costs with N pending. --only: libraries with WORD in their name.\n");
        return 2;
    }
    (void)setenv("DIR", BENCH_SOURCES, 1);
    (void)snprintf(number, sizeof number, "%zu", count);
    (void)setenv("N", number, 1);
    (void)snprintf(number, sizeof number, "%zu", count / 10);
    (void)setenv("EXTRA", number, 1);
#ifndef HAVE_LIBEV
    fprintf(stderr, "timers: libev is left out: it was not found by configure\n");
#endif
#ifndef HAVE_LIBEVENT
    fprintf(stderr, "timers: libevent is left out: it was not found by configure\n");
#endif
#ifndef HAVE_LIBUV
    fprintf(stderr, "timers: libuv is left out: it was not found by configure\n");
#endif
    draw_delays(0, count + count / 10);
    draw_delays(1, count + count / 10);
    for (size_t i = 0; i < IMPLS; i++)
        there[i] = is_there(&impls[i]);
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < IMPLS; i++)
            if (there[i] && !impls[i].failed) impls[i].failed = !measure(&impls[i], round);
    for (size_t i = 0; i < IMPLS; i++) {
        if (there[i] && impls[i].failed) fprintf(stderr, "timers: %s is left out: it failed\n", impls[i].name);
        if (there[i] && !impls[i].failed) report(&impls[i]);
    }
    return impls[0].failed;
}
