/* SPDX-License-Identifier: MIT
 *
 * coro_rows.h - what bench/coro measures of Picot: a function per row, to be run in a process of its own.
 */
#ifndef PICOT_BENCH_CORO_ROWS_H
#define PICOT_BENCH_CORO_ROWS_H

/* Run `count` operations on a loop with this backend. Returns nanoseconds of CPU time per operation, or for
 * "sleeping_bytes" the bytes per task; negative: it failed. */
double coro_row(const char *row, long count, const char *backend);

#endif /* PICOT_BENCH_CORO_ROWS_H */
