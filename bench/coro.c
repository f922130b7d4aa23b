/* SPDX-License-Identifier: MIT
 *
 * coro.c - what tasks and awaits cost, beside asyncio and Go in the same run; and with valgrind in instructions, which
 * do not depend on what else the machine does.
 *
 * Each row is measured in a process of its own, in CPU time; the implementations take turns, round by round, and the
 * medians are printed: one JSON object per line. Rows:
 *     yield100        100 tasks yield in turn: a yield
 *     await_ready     await a function that ends at once
 *     await_suspend   await a function that yields once
 *     spawn_join      start a task in a group and wait for its end   (_eager: its first step inside the spawn)
 *     pingpong        two tasks, two queues of one: an item handed over
 *     sleeping_bytes  bytes a task that sleeps, of a million (ours: given out by the loop's allocator; others:
 * resident)
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coro_rows.h"

#define MAX_ROUNDS 51

static const char *const rows[] = {"yield100",         "await_ready", "await_suspend", "spawn_join",
                                   "spawn_join_eager", "pingpong",    "sleeping_bytes"};
#define ROWS (sizeof rows / sizeof *rows)

struct impl {
    const char *name, *command; /* a shell command that prints one number; $ROW, $N, $SELF, $DIR */
    const char *needs;
    long divisor; /* so many times fewer operations, for those that are slower */
    double values[ROWS][MAX_ROUNDS];
    bool failed;
};

static struct impl impls[] = {
    {.name = "picot", .command = "exec \"$SELF\" --row $ROW $N epoll", .needs = "sh", .divisor = 1},
    {.name = "asyncio", .command = "exec python3 \"$DIR/coro_asyncio.py\" $ROW $N 2>/dev/null", .needs = "python3", .divisor = 50},
    {.name = "go", .command = "exec go run \"$DIR/coro.go\" $ROW $N 2>/dev/null", .needs = "go", .divisor = 5},
};
#define IMPLS (sizeof impls / sizeof *impls)

static long count = 2000000;
static int rounds = 5;
static const char *only = NULL;
static bool instructions = false;

static bool is_there(const char *program)
{
    char command[128];
    (void)snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", program);
    return system(command) == 0;
}

/* The number that a command prints; negative: it failed. */
static double ask(const char *command)
{
    double value = -1;
    FILE *pipe = popen(command, "r");
    if (!pipe) return -1;
    if (fscanf(pipe, "%lf", &value) != 1) value = -1;
    return pclose(pipe) == 0 ? value : -1;
}

static void set_number(const char *name, long number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%ld", number);
    (void)setenv(name, text, 1);
}

static long count_of(const struct impl *impl, size_t row)
{
    bool sleepers = strcmp(rows[row], "sleeping_bytes") == 0;
    if (sleepers) return impl->divisor > 5 ? 100000 : 1000000;
    return count / impl->divisor;
}

static void measure(struct impl *impl, int round)
{
    for (size_t row = 0; row < ROWS; row++) {
        (void)setenv("ROW", rows[row], 1);
        set_number("N", count_of(impl, row));
        impl->values[row][round] = ask(impl->command);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values)
{
    double sorted[MAX_ROUNDS];
    memcpy(sorted, values, (size_t)rounds * sizeof *sorted);
    qsort(sorted, (size_t)rounds, sizeof *sorted, compare);
    return sorted[rounds / 2];
}

/* The difference of two runs, one twice as long: what is not the row's own cancels out. The virtual clock keeps the
 * loop from noticing how slow valgrind is. */
static double count_instructions(const char *row)
{
    double collected[2];
    const long n = 20000;
    for (int i = 0; i < 2; i++) {
        (void)setenv("ROW", row, 1);
        set_number("N", n * (i + 1));
        collected[i] = ask("valgrind --tool=callgrind --callgrind-out-file=/dev/null \"$SELF\" --row $ROW $N sim 2>&1 |"
                           " sed -n 's/.*Collected : //p'");
        if (collected[i] < 0) return -1;
    }
    return (collected[1] - collected[0]) / (double)n;
}

static void print(const struct impl *impl)
{
    for (size_t row = 0; row < ROWS; row++) {
        double value = median(impl->values[row]);
        bool bytes = strcmp(rows[row], "sleeping_bytes") == 0;
        if (value < 0) continue; /* it has no such row */
        printf("{\"bench\": \"coro\", \"impl\": \"%s\", \"row\": \"%s\", \"%s\": %.1f", impl->name, rows[row],
               bytes ? "bytes_per_task" : "ns_per_op", value);
        double counted = instructions && impl == impls && !bytes ? count_instructions(rows[row]) : -1;
        if (counted >= 0) printf(", \"instr_per_op\": %.0f", counted);
        printf("}\n");
        (void)fflush(stdout);
    }
}

static int usage(void)
{
    fprintf(stderr, "usage: coro [--rounds N] [--count N] [--only IMPL] [--instructions]\n"
                    "What tasks and awaits cost. --instructions counts ours with valgrind, too.\n");
    return 2;
}

static bool read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--instructions") == 0)
            instructions = true;
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            rounds = atoi(argv[++i]);
        else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
            count = atol(argv[++i]);
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            only = argv[++i];
        else
            return false;
    }
    return rounds > 0 && rounds <= MAX_ROUNDS && count >= 10000;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--row") == 0) {
        double value = coro_row(argv[2], atol(argv[3]), argv[4]);
        printf("%.3f\n", value);
        return value < 0;
    }
    if (!read_options(argc, argv)) return usage();
    (void)setenv("SELF", argv[0], 1);
    (void)setenv("DIR", BENCH_SOURCES, 1);
    for (size_t i = 0; i < IMPLS; i++) {
        impls[i].failed = (only && strcmp(only, impls[i].name) != 0) || !is_there(impls[i].needs);
        if (impls[i].failed && !only)
            fprintf(stderr, "%s: not measured, %s is missing\n", impls[i].name, impls[i].needs);
    }
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < IMPLS; i++)
            if (!impls[i].failed) measure(&impls[i], round);
    for (size_t i = 0; i < IMPLS; i++)
        if (!impls[i].failed) print(&impls[i]);
    return 0;
}
