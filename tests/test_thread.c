/* SPDX-License-Identifier: MIT
 *
 * test_thread.c - the pool of threads: order, cancel, batches; each job runs once or was taken back, none is lost.
 */
#include "../loop/executor/thread.h"
#include "tap.h"

#include <string.h>

struct number_job {
    struct picot__thread_job job;
    struct pool_test *test;
    int number;
};

struct pool_test {
    struct picot__pool pool;
    int order[64], ran; /* one thread: in which order */
    int notified;       /* atomic */
};

static void pool_notify(void *user)
{
    struct pool_test *test = user;

    (void)__atomic_add_fetch(&test->notified, 1, __ATOMIC_RELAXED);
}

static void run_number(struct picot__thread_job *job)
{
    struct number_job *number = (struct number_job *)job;

    number->test->order[number->test->ran++] = number->number;
}

/* A job that keeps its thread until the test lets go. */
struct gate_job {
    struct picot__thread_job job;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool begun, open;
};

static void run_gate(struct picot__thread_job *job)
{
    struct gate_job *gate = (struct gate_job *)job;

    (void)pthread_mutex_lock(&gate->mutex);
    gate->begun = true;
    (void)pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        (void)pthread_cond_wait(&gate->changed, &gate->mutex);
    (void)pthread_mutex_unlock(&gate->mutex);
}

static void gate_await(struct gate_job *gate)
{
    (void)pthread_mutex_lock(&gate->mutex);
    while (!gate->begun)
        (void)pthread_cond_wait(&gate->changed, &gate->mutex);
    (void)pthread_mutex_unlock(&gate->mutex);
}

static void gate_release(struct gate_job *gate)
{
    (void)pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    (void)pthread_cond_broadcast(&gate->changed);
    (void)pthread_mutex_unlock(&gate->mutex);
}

static void pool_start(struct pool_test *test, unsigned threads)
{
    struct picot__pool_options options = {"test", threads, 128 * 1024, pool_notify, test};

    memset(test, 0, sizeof *test);
    CHECK_EQ(picot__pool_open(&test->pool, &options), 0);
}

static void pool_order(void)
{
    static struct pool_test test;
    struct gate_job gate = {{.run = run_gate}, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
    struct picot__thread_job *job;
    struct number_job jobs[20];
    int taken = 0, expected = 0;

    pool_start(&test, 1);
    CHECK(!picot__pool_take(&test.pool, true)); /* nothing to wait for */
    CHECK_EQ(picot__pool_submit(&test.pool, &gate.job), 0);
    gate_await(&gate);
    CHECK(!picot__pool_cancel(&test.pool, &gate.job));
    for (int i = 0; i < 20; i++) {
        jobs[i] = (struct number_job){{.run = run_number}, &test, i};
        CHECK_EQ(picot__pool_submit(&test.pool, &jobs[i].job), 0);
    }
    for (int i = 0; i < 20; i += 3)
        CHECK(picot__pool_cancel(&test.pool, &jobs[i].job));
    CHECK(!picot__pool_cancel(&test.pool, &jobs[0].job));
    CHECK_EQ(picot__pool_submit(&test.pool, &jobs[0].job), 0); /* and back, at the end */
    gate_release(&gate);
    while (taken < 15) {
        for (job = picot__pool_take(&test.pool, true); job; job = job->next, taken++)
            if (taken == 0) CHECK(job == &gate.job);
    }
    CHECK_EQ(taken, 15);
    CHECK_EQ(test.ran, 14);
    for (int i = 0; i < 13; i++) {
        expected += 1 + (expected % 3 == 2);
        CHECK_EQ(test.order[i], expected);
    }
    CHECK_EQ(test.order[13], 0);
    CHECK(!picot__pool_cancel(&test.pool, &jobs[1].job));
    picot__pool_close(&test.pool);
}

static int counted;

static void run_count(struct picot__thread_job *job)
{
    (void)job;
    (void)__atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED);
}

/* Many rounds of submit, cancel and take against all threads: each job runs once or was cancelled, none is lost. */
static void pool_stress(void)
{
    enum { JOBS = 64, ROUNDS = 2000 };
    static struct pool_test test;
    static struct picot__thread_job jobs[JOBS];
    int cancelled = 0, taken = 0, batches = 0;

    pool_start(&test, 4);
    for (int round = 0; round < ROUNDS; round++) {
        int out = 0;

        for (int i = 0; i < JOBS; i++) {
            jobs[i] = (struct picot__thread_job){.run = run_count};
            CHECK_EQ(picot__pool_submit(&test.pool, &jobs[i]), 0);
            out++;
            if (i % 5 == 4 && picot__pool_cancel(&test.pool, &jobs[i - 2])) {
                cancelled++;
                out--;
            }
        }
        while (out > 0) {
            struct picot__thread_job *job = picot__pool_take(&test.pool, true);

            CHECK(job);
            batches++;
            for (; job; job = job->next, taken++, out--)
                CHECK_EQ(job->state, PICOT__JOB_COMPLETED);
        }
    }
    CHECK(test.pool.thread_count >= 1 && test.pool.thread_count <= 4);
    picot__pool_close(&test.pool);
    CHECK_EQ(taken + cancelled, JOBS * ROUNDS);
    CHECK_EQ(counted, taken);
    CHECK(test.notified <= batches);
    CHECK(test.notified > 0);
}

static const struct tap_case cases[] = {
    {"first in, first out, and cancel", pool_order, 0},
    {"many rounds with four threads", pool_stress, 0},
};

TAP_MAIN(cases)
