/* SPDX-License-Identifier: MIT
 *
 * executors_picot.c - Picot's rows: calls on a pool of threads that complete on a loop; posts.
 */
#include "executors.h"

#include <picot.h>
#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT 1000
#define THREADS 4 /* as libuv has */

struct run {
    picot_executor *pool;
    picot_work *works;
    long left, out;
};

static int64_t nothing(picot_worker *worker, void *arg)
{
    (void)worker;
    (void)arg;
    return 0;
}

static void done(picot_loop *loop, picot_work *work)
{
    struct run *run = work->user;
    run->out--;
    if (run->left == 0) return;
    run->left--;
    run->out++;
    (void)picot_executor_submit_on(run->pool, work, loop, done, run);
}

static double threads(picot_loop *loop, long count, long in_flight)
{
    picot_thread_pool_options options = PICOT_THREAD_POOL_OPTIONS_INIT;
    struct run run = {.left = count - in_flight, .out = in_flight};
    options.threads_min = options.threads_max = in_flight == 1 ? 1 : THREADS;
    run.works = calloc((size_t)in_flight, sizeof *run.works);
    if (!run.works || picot_thread_pool_create(&options, &run.pool) < 0) return -1;
    int64_t begin_ns = executors_cpu_ns();
    for (long i = 0; i < in_flight; i++) {
        picot_work_call(&run.works[i], nothing, NULL);
        (void)picot_executor_submit_on(run.pool, &run.works[i], loop, done, &run);
    }
    (void)picot_loop_run(loop, PICOT_RUN_IDLE);
    int64_t ns = executors_cpu_ns() - begin_ns;
    free(run.works);
    if (picot_executor_destroy(run.pool) < 0 || run.out > 0 || run.left > 0) return -1;
    return (double)ns / (double)count;
}

/* ---- posts, merged while one is waiting ---------------------------------------------------------- */

static void arrived(picot_loop *loop, void *user)
{
    (void)loop;
    (void)user;
}

static double posts(picot_loop *loop, long count)
{
    picot_posted posted = PICOT_POSTED_INIT(arrived, NULL);
    int64_t begin_ns = executors_cpu_ns();
    for (long i = 0; i < count; i++)
        (void)picot_post(loop, &posted);
    int64_t ns = executors_cpu_ns() - begin_ns;
    (void)picot_loop_run(loop, PICOT_RUN_NOWAIT);
    return (double)ns / (double)count;
}

double executors_of_picot(const char *row, long count)
{
    picot_loop *loop;
    double ns = 0;
    if (strncmp(row, "process", 7) == 0 || strncmp(row, "worker", 6) == 0) return executors_of_processes(row, count);
    if (picot_loop_create(NULL, &loop) < 0) return -1;
    if (strcmp(row, "thread_rtt") == 0) ns = threads(loop, count, 1);
    if (strcmp(row, "thread_throughput") == 0) ns = threads(loop, count, IN_FLIGHT);
    if (strcmp(row, "post_coalesced") == 0) ns = posts(loop, count);
    return picot_loop_destroy(loop, PICOT_DESTROY_FORCE) < 0 ? -1 : ns;
}
