/* SPDX-License-Identifier: MIT
 *
 * executors_processes.c - Picot's rows of calls in other processes, which complete on a loop. In time that passes: the
 * workers are other processes.
 */
#include "executors.h"

#include <picot.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define IN_FLIGHT 1000
#define SMALL 64
#define LARGE ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

struct run {
    picot_executor *pool;
    picot_work *works;
    long left, failed;
    const void *data;
    void *ret;
    size_t len, ret_size;
};

/* Bytes come back as they are. */
static int64_t echo(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)worker;
    if (len > ret_size) return -EMSGSIZE;
    memcpy(ret, data, len);
    return (int64_t)len;
}

/* They are only looked at: the first and the last one. */
static int64_t look(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    const char *bytes = data;
    (void)worker;
    (void)ret_size;
    ((char *)ret)[0] = (char)(bytes[0] + bytes[len - 1]);
    return 1;
}

static const picot_process_function functions[] = {{"echo", echo}, {"look", look}};

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * PICOT_SECOND + now.tv_nsec;
}

static void done(picot_loop *loop, picot_work *work)
{
    struct run *run = work->user;
    if (work->result < 0) run->failed++;
    if (run->left == 0) return;
    run->left--;
    (void)picot_executor_submit_on(run->pool, work, loop, done, run);
}

static double measure(picot_loop *loop, struct run *run, const char *name, long count, long in_flight)
{
    char warm[SMALL] = "";
    picot_work first = PICOT_WORK_INIT;
    picot_work_request(&first, "echo", warm, sizeof warm, warm, sizeof warm);
    if (picot_executor_submit(run->pool, &first) < 0 || picot_work_wait(&first, PICOT_NEVER) < 0) return -1;
    run->works = calloc((size_t)in_flight, sizeof *run->works);
    if (!run->works) return -1;
    run->left = count - in_flight;
    int64_t begin_ns = now_ns();
    for (long i = 0; i < in_flight; i++) {
        picot_work_request(&run->works[i], name, run->data, run->len, run->ret, run->ret_size);
        if (picot_executor_submit_on(run->pool, &run->works[i], loop, done, run) < 0) run->failed++;
    }
    (void)picot_loop_run(loop, PICOT_RUN_IDLE);
    int64_t ns = now_ns() - begin_ns;
    free(run->works);
    return run->failed > 0 || run->left > 0 ? -1 : (double)ns / (double)count;
}

static double small_calls(picot_loop *loop, struct run *run, long count, long in_flight)
{
    static char data[SMALL], ret[SMALL];
    run->data = data;
    run->ret = ret;
    run->len = run->ret_size = SMALL;
    return measure(loop, run, "echo", count, in_flight);
}

static double large_calls(picot_loop *loop, struct run *run, long count, int lent)
{
    void *data = NULL, *ret = NULL;
    double ns = -1;
    if (lent)
        (void)(picot_lend(run->pool, LARGE, &data) == 0 && picot_lend(run->pool, LARGE, &ret) == 0);
    else
        (void)((data = malloc(LARGE)) && (ret = malloc(LARGE)));
    if (data && ret) {
        memset(data, 7, LARGE);
        run->data = data;
        run->ret = ret;
        run->len = LARGE;
        run->ret_size = lent ? LARGE : 1;
        ns = measure(loop, run, "look", count, 1);
    }
    if (lent) {
        (void)picot_lend_return(run->pool, data, LARGE);
        (void)picot_lend_return(run->pool, ret, LARGE);
    } else {
        free(data);
        free(ret);
    }
    return ns;
}

static double run_row(picot_loop *loop, struct run *run, const char *row, long count)
{
    if (strcmp(row, "process_rtt_64") == 0) return small_calls(loop, run, count, 1);
    if (strcmp(row, "process_throughput_64") == 0) return small_calls(loop, run, count, IN_FLIGHT);
    if (strcmp(row, "process_rtt_1m") == 0) return large_calls(loop, run, count, 0);
    if (strcmp(row, "process_rtt_1m_lent") == 0) return large_calls(loop, run, count, 1);
    return small_calls(loop, run, count, 1); /* worker_start_1gib: each call has a worker of its own */
}

double executors_of_processes(const char *row, long count)
{
    picot_process_pool_options options = PICOT_PROCESS_POOL_OPTIONS_INIT;
    picot_process_server *server;
    picot_loop *loop;
    struct run run = {.left = 0};
    bool starts = strcmp(row, "worker_start_1gib") == 0;
    char *ballast = NULL;
    if (picot_process_server_start(functions, 2, &server) < 0) return -1;
    if (starts) {
        ballast = malloc(GIB);
        if (!ballast) return -1;
        memset(ballast, 1, GIB);
    }
    options.processes_max = 1;
    options.max_tasks_per_child = starts ? 1 : 0;
    if (picot_process_pool_create(server, &options, &run.pool) < 0 || picot_loop_create(NULL, &loop) < 0) return -1;
    double ns = run_row(loop, &run, row, count);
    if (picot_loop_destroy(loop, PICOT_DESTROY_FORCE) < 0 || picot_executor_destroy(run.pool) < 0) ns = -1;
    free(ballast);
    return picot_process_server_stop(server) < 0 ? -1 : ns;
}
