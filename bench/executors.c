/* SPDX-License-Identifier: MIT
 *
 * executors.c - what a call in another thread or process costs, alone and with a thousand under way, and a post that is
 * merged; beside libuv and CPython's pools under asyncio in the same run, and the least that the machine takes.
 *
 * Both ends share one processor. Rows of threads are measured in CPU time of all of them, rows of processes in time
 * that passes.
 */
#include "executors.h"

#include "rows.h"

#include <picot/base.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *const impls[] = {"picot", "floor",
#ifdef HAVE_LIBUV
                                    "libuv",
#endif
                                    "asyncio"};
#define IMPLS (sizeof impls / sizeof *impls)
#define ASYNCIO (IMPLS - 1)

/* Operations of each row; of programs that are slow. 0: there is nothing like it. */
static const struct {
    const char *name;
    long count, slow_count;
} rows[] = {
    {"thread_rtt", 100000, 10000},     {"thread_throughput", 1000000, 20000},   {"post_coalesced", 10000000, 100000},
    {"process_rtt_64", 50000, 3000},   {"process_throughput_64", 500000, 5000}, {"process_rtt_1m", 3000, 300},
    {"process_rtt_1m_lent", 20000, 0}, {"worker_start_1gib", 300, 10},
};
#define ROWS (sizeof rows / sizeof *rows)

int64_t executors_cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * PICOT_SECOND + now.tv_nsec;
}

static void use_one_processor(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)sched_getcpu(), &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static double measure(size_t impl, size_t row)
{
    if (impl == ASYNCIO) return 0;
    if (impl == 1) return executors_floor(rows[row].name, rows[row].count);
#ifdef HAVE_LIBUV
    if (impl == 2) return executors_of_libuv(rows[row].name, rows[row].count);
#endif
    return executors_of_picot(rows[row].name, rows[row].count);
}

static void become(size_t impl, size_t row, int out)
{
    char number[32];
    use_one_processor();
    if (impl != ASYNCIO || rows[row].slow_count == 0) return;
    (void)snprintf(number, sizeof number, "%ld", rows[row].slow_count);
    (void)dup2(out, STDOUT_FILENO);
    execlp("python3", "python3", BENCH_SOURCES "/executors_asyncio.py", rows[row].name, number, (char *)NULL);
    _exit(1);
}

static const char *lacks(size_t impl)
{
    return impl == ASYNCIO && system("command -v python3 >/dev/null 2>&1") != 0 ? "python3" : NULL;
}

int main(int argc, char **argv)
{
    struct rows_bench bench = {.name = "executors",
                               .usage = "What calls in other threads and processes cost.\n",
                               .measure = measure,
                               .become = become,
                               .lacks = lacks};
    for (size_t i = 0; i < IMPLS; i++)
        bench.impls[i] = impls[i];
    for (size_t i = 0; i < ROWS; i++)
        bench.rows[i] = rows[i].name;
    return rows_run(&bench, argc, argv, NULL);
}
