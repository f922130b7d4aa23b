/* SPDX-License-Identifier: MIT
 *
 * executors.c - what a call in another thread or process costs, alone and with a thousand under way, and a post that is
 * merged; beside libuv and CPython's pools under asyncio in the same run.
 *
 * Each row runs in a process of its own, both ends on one processor. Rows of threads are measured in CPU time of all of
 * them, rows of processes in time that passes. The libraries take turns, round by round, and the medians are printed:
 * one JSON object per line.
 */
#include "executors.h"

#include <picot/base.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS 101

static const struct row {
    const char *name;
    long count, slow_count; /* operations; of programs that are slow */
} rows[] = {
    {"thread_rtt", 100000, 10000},     {"thread_throughput", 1000000, 20000},   {"post_coalesced", 10000000, 100000},
    {"process_rtt_64", 50000, 3000},   {"process_throughput_64", 500000, 5000}, {"process_rtt_1m", 3000, 300},
    {"process_rtt_1m_lent", 20000, 0}, {"worker_start_1gib", 300, 10},
};
#define ROWS (sizeof rows / sizeof *rows)

static struct impl {
    const char *name;
    double (*run)(const char *row, long count);
    const char *script; /* with run NULL: a program for python3 in DIR */
    double ns[ROWS][MAX_ROUNDS];
} impls[] = {
    {.name = "picot", .run = executors_of_picot},
#ifdef HAVE_LIBUV
    {.name = "libuv", .run = executors_of_libuv},
#endif
    {.name = "asyncio", .script = BENCH_SOURCES "/executors_asyncio.py"},
};
#define IMPLS (sizeof impls / sizeof *impls)

static int rounds = 5;
static const char *only = NULL, *only_row = NULL;

int64_t executors_cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * PICOT_SECOND + now.tv_nsec;
}

/* ---- one measurement ----------------------------------------------------------------------------- */

static void use_one_processor(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)sched_getcpu(), &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static void be_child(const struct impl *impl, const struct row *row, int out)
{
    use_one_processor();
    if (impl->run) {
        (void)dprintf(out, "%f\n", impl->run(row->name, row->count));
        _exit(0);
    }
    char number[32];
    if (row->slow_count == 0) { /* nothing like it */
        (void)dprintf(out, "0\n");
        _exit(0);
    }
    (void)snprintf(number, sizeof number, "%ld", row->slow_count);
    (void)dup2(out, STDOUT_FILENO);
    execlp("python3", "python3", impl->script, row->name, number, (char *)NULL);
    _exit(1);
}

static double measure(const struct impl *impl, const struct row *row)
{
    int pipes[2], status = 1;
    double ns = -1;
    if (pipe(pipes) < 0) return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        be_child(impl, row, pipes[1]);
    }
    close(pipes[1]);
    FILE *in = fdopen(pipes[0], "r");
    if (!in || fscanf(in, "%lf", &ns) != 1) ns = -1;
    if (in) fclose(in);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? ns : -1;
}

/* ---- all ------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct impl *impl, size_t row)
{
    if (only && !strstr(impl->name, only)) return false;
    if (only_row && !strstr(rows[row].name, only_row)) return false;
    if (impl->run || system("command -v python3 >/dev/null 2>&1") == 0) return true;
    fprintf(stderr, "executors: %s is left out: there is no python3\n", impl->name);
    return false;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int report(struct impl *impl, size_t row)
{
    qsort(impl->ns[row], (size_t)rounds, sizeof(double), by_value);
    if (impl->ns[row][0] < 0) {
        fprintf(stderr, "executors: %s failed at %s\n", impl->name, rows[row].name);
        return 1;
    }
    double median = impl->ns[row][rounds / 2];
    if (median > 0)
        printf("{\"bench\": \"executors\", \"impl\": \"%s\", \"row\": \"%s\", \"rounds\": %d, \"ns_per_op\": %.1f}\n",
               impl->name, rows[row].name, rounds, median);
    return 0;
}

static int read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc) return -1;
        long value = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--only") == 0)
            only = argv[i + 1];
        else if (strcmp(argv[i], "--row") == 0)
            only_row = argv[i + 1];
        else if (strcmp(argv[i], "--rounds") == 0 && value > 0 && value <= MAX_ROUNDS)
            rounds = (int)value;
        else
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (read_arguments(argc, argv) < 0) {
        fprintf(stderr, "usage: executors [--rounds N] [--only WORD] [--row WORD]\n"
                        "What calls in other threads and processes cost. --only: libraries with WORD in their name.\n"
                        "--row: rows with WORD in theirs.\n");
        return 2;
    }
    for (int round = 0; round < rounds; round++)
        for (size_t row = 0; row < ROWS; row++)
            for (size_t i = 0; i < IMPLS; i++)
                if (is_wanted(&impls[i], row)) impls[i].ns[row][round] = measure(&impls[i], &rows[row]);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = 0; i < IMPLS; i++)
            if (is_wanted(&impls[i], row)) failed |= report(&impls[i], row);
    return failed;
}
