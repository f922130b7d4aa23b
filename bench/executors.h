/* SPDX-License-Identifier: MIT
 *
 * executors.h - what bench/executors and the libraries it compares share. Each row runs in a process of its own, whose
 * threads share one processor.
 */
#ifndef PICOT_BENCH_EXECUTORS_H
#define PICOT_BENCH_EXECUTORS_H

#include <stdint.h>

/* CPU time of this process, all threads. */
int64_t executors_cpu_ns(void);

/* Nanoseconds per operation of a row, `count` operations; 0: has none of this kind; negative: it failed. */
double executors_of_picot(const char *row, long count);
/* The same for the rows of other processes; in time that passes. */
double executors_of_processes(const char *row, long count);
/* The least that this machine takes, without a library. */
double executors_floor(const char *row, long count);
#ifdef HAVE_LIBUV
double executors_of_libuv(const char *row, long count);
#endif

#endif /* PICOT_BENCH_EXECUTORS_H */
