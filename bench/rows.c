/* SPDX-License-Identifier: MIT
 *
 * rows.c - the benches of rows.h: arguments, processes, medians.
 */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int rounds = 5;
static const char *only, *only_row;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double rows_median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 2];
}

/* ---- one measurement ----------------------------------------------------------------------------- */

static double measure(const struct rows_bench *bench, size_t impl, size_t row)
{
    int pipes[2], status = 1;
    double ns = -1;
    if (pipe(pipes) < 0) return -1;
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(pipes[0]);
        if (bench->become) bench->become(impl, row, pipes[1]);
        (void)dprintf(pipes[1], "%f\n", bench->measure(impl, row));
        _exit(0);
    }
    (void)close(pipes[1]);
    FILE *in = fdopen(pipes[0], "r");
    if (!in || fscanf(in, "%lf", &ns) != 1) ns = -1;
    if (in) (void)fclose(in);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? ns : -1;
}

/* ---- all ------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct rows_bench *bench, size_t impl, size_t row)
{
    if (only && !strstr(bench->impls[impl], only)) return false;
    return !only_row || strstr(bench->rows[row], only_row);
}

static int report(const struct rows_bench *bench, size_t impl, size_t row, double *ns)
{
    double median = rows_median(ns, rounds);
    if (ns[0] < 0) {
        (void)fprintf(stderr, "%s: %s failed at %s\n", bench->name, bench->impls[impl], bench->rows[row]);
        return 1;
    }
    if (median <= 0) return 0;
    printf("{\"bench\": \"%s\", \"impl\": \"%s\", \"row\": \"%s\", \"rounds\": %d, \"ns_per_op\": %.1f", bench->name,
           bench->impls[impl], bench->rows[row], rounds, median);
    if (bench->per_second) printf(", \"per_second\": %.0f", 1e9 / median);
    printf("}\n");
    return 0;
}

static int read_arguments(const struct rows_bench *bench, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc) return -1;
        long value = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--only") == 0)
            only = argv[i + 1];
        else if (strcmp(argv[i], "--row") == 0)
            only_row = argv[i + 1];
        else if (strcmp(argv[i], "--rounds") == 0 && value > 0 && value <= ROUNDS_MOST)
            rounds = (int)value;
        else if (bench->option && strcmp(argv[i], bench->option) == 0)
            *bench->option_value = argv[i + 1];
        else
            return -1;
    }
    return 0;
}

static int usage(const struct rows_bench *bench)
{
    (void)fprintf(stderr, "usage: %s [--rounds N] [--only WORD] [--row WORD]", bench->name);
    if (bench->option) (void)fprintf(stderr, " [%s WORD]", bench->option);
    (void)fprintf(stderr, "\n%s--only: libraries with WORD in their name; --row: rows with it in theirs.\n",
                  bench->usage);
    return 2;
}

/* Say once who is left out, and why. */
static void look_round(const struct rows_bench *bench, bool *ret_there)
{
    for (size_t impl = 0; bench->impls[impl]; impl++) {
        const char *lacks = bench->lacks ? bench->lacks(impl) : NULL;
        ret_there[impl] = !lacks;
        if (lacks)
            (void)fprintf(stderr, "%s: %s is left out: there is no %s\n", bench->name, bench->impls[impl], lacks);
    }
}

int rows_run(const struct rows_bench *bench, int argc, char **argv, int (*prepare)(void))
{
    static double ns[ROWS_MOST][ROWS_MOST][ROUNDS_MOST];
    bool there[ROWS_MOST];
    int status = 0;
    if (read_arguments(bench, argc, argv) < 0) return usage(bench);
    if (prepare) status = prepare();
    if (status) return status;
    look_round(bench, there);
    for (int round = 0; round < rounds; round++)
        for (size_t row = 0; bench->rows[row]; row++)
            for (size_t impl = 0; bench->impls[impl]; impl++)
                if (there[impl] && is_wanted(bench, impl, row)) ns[impl][row][round] = measure(bench, impl, row);
    for (size_t row = 0; bench->rows[row]; row++)
        for (size_t impl = 0; bench->impls[impl]; impl++)
            if (there[impl] && is_wanted(bench, impl, row)) status |= report(bench, impl, row, ns[impl][row]);
    return status;
}
