/* SPDX-License-Identifier: MIT
 *
 * executor_support.h - what the tests of executors share: a gate that keeps a call running until the test lets go.
 */
#ifndef PICOT_TESTS_EXECUTOR_SUPPORT_H
#define PICOT_TESTS_EXECUTOR_SUPPORT_H

#include "tap.h"

#include <picot/executor.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int inside;
    bool open;
};
#define GATE_INIT                                                                                                      \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false                                                  \
    }

/* In a call: says that it is there, and waits until the gate is open. */
static inline void gate_enter(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->mutex);
    gate->inside++;
    (void)pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        (void)pthread_cond_wait(&gate->changed, &gate->mutex);
    (void)pthread_mutex_unlock(&gate->mutex);
}

static inline void gate_await(struct gate *gate, int inside)
{
    (void)pthread_mutex_lock(&gate->mutex);
    while (gate->inside < inside)
        (void)pthread_cond_wait(&gate->changed, &gate->mutex);
    (void)pthread_mutex_unlock(&gate->mutex);
}

static inline void gate_release(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    (void)pthread_cond_broadcast(&gate->changed);
    (void)pthread_mutex_unlock(&gate->mutex);
}

/* A call that ends, with 7, when the gate is open. */
static inline int64_t gate_call(picot_worker *worker, void *arg)
{
    (void)worker;
    gate_enter(arg);
    return 7;
}

/* Submit it, and wait until it runs. */
static inline void gate_submit(picot_executor *pool, picot_work *work, struct gate *gate)
{
    *work = (picot_work)PICOT_WORK_INIT;
    picot_work_call(work, gate_call, gate);
    CHECK_EQ(picot_executor_submit(pool, work), 0);
    gate_await(gate, 1);
}

static inline picot_executor *pool_with(unsigned threads_max, const char *name)
{
    picot_thread_pool_options options = PICOT_THREAD_POOL_OPTIONS_INIT;
    picot_executor *pool;
    options.threads_max = threads_max;
    options.name = name;
    CHECK_EQ(picot_thread_pool_create(&options, &pool), 0);
    return pool;
}

#endif /* PICOT_TESTS_EXECUTOR_SUPPORT_H */
