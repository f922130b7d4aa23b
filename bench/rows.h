/* SPDX-License-Identifier: MIT
 *
 * rows.h - what benches of several rows and several libraries share: each measurement in a process of its own, the
 * libraries taking turns round by round, the medians printed, one JSON object per line.
 */
#ifndef PICOT_BENCH_ROWS_H
#define PICOT_BENCH_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#define ROWS_MOST 16 /* of each kind */
#define ROUNDS_MOST 101

struct rows_bench {
    const char *name;
    const char *rows[ROWS_MOST], *impls[ROWS_MOST]; /* each ends with NULL */
    bool per_second;                                /* print that, too */
    const char *usage;                              /* what it measures: a line or more, with a newline each */
    const char *option, **option_value;             /* one more option with a word, or NULL */
    /* In a process of its own: nanoseconds per operation; 0: it has none of this kind; negative: it failed. */
    double (*measure)(size_t impl, size_t row);
    /* Or, instead of returning, be a program that prints that to descriptor `out`. NULL: none is. */
    void (*become)(size_t impl, size_t row, int out);
    const char *(*lacks)(size_t impl); /* what is missing for it, or NULL. May be NULL */
};

/* Arguments: [--rounds N] [--only WORD] [--row WORD], and the bench's own. Before the first measurement `prepare` is
 * called, unless NULL: 0, or the exit status. Returns the exit status. */
int rows_run(const struct rows_bench *bench, int argc, char **argv, int (*prepare)(void));

/* Sorts them. */
double rows_median(double *values, int count);

#endif /* PICOT_BENCH_ROWS_H */
