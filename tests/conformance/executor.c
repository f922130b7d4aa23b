/* SPDX-License-Identifier: MIT
 *
 * executor.c - calls on executors that complete on a loop: batches, several loops, cancelling, calling back, the end.
 */
#include "executor_support.h"
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
    picot_work work;
    int64_t result;
    unsigned told;
};

static unsigned told_in_all;

static void record(picot_loop *loop, picot_work *work)
{
    struct call *call = work->user;
    CHECK(loop);
    CHECK_EQ(picot_work_state(work), PICOT_WORK_DONE);
    call->result = work->result;
    call->told++;
    told_in_all++;
}

static int64_t give_back(picot_worker *worker, void *arg)
{
    (void)worker;
    return (int64_t)(intptr_t)arg;
}

static int submit(picot_loop *loop, picot_executor *pool, struct call *call, picot_work_fn *fn, void *arg)
{
    call->told = 0;
    picot_work_call(&call->work, fn, arg);
    return picot_executor_submit_on(pool, &call->work, loop, record, call);
}

static bool is_told(void *arg)
{
    return ((struct call *)arg)->told > 0;
}

static void results_come_to_the_loop(void)
{
    enum { CALLS = 3000 };
    static struct call calls[CALLS];
    picot_loop *loop = tap_loop();
    picot_executor *pool = pool_with(3, NULL);
    for (int i = 0; i < CALLS; i++)
        CHECK_EQ(submit(loop, pool, &calls[i], give_back, (void *)(intptr_t)(i + 1)), 0);
    CHECK_EQ(told_in_all, 0);
    CHECK_EQ(picot_loop_pending(loop), CALLS);
    CHECK_EQ(picot_work_wait(&calls[0].work, 0), calls[0].told ? 0 : -EPERM);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    for (int i = 0; i < CALLS; i++) {
        CHECK_EQ(calls[i].told, 1);
        CHECK_EQ(calls[i].result, i + 1);
    }
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    tap_loop_end(loop);
}

static void refused_on_a_loop(void)
{
    picot_loop *loop = tap_loop();
    picot_executor *pool = pool_with(1, NULL), *own, *same;
    struct call call = {.work = PICOT_WORK_INIT};
    struct gate gate = GATE_INIT;
    picot_work_call(&call.work, give_back, NULL);
    CHECK_EQ(picot_executor_submit_on(pool, &call.work, NULL, record, &call), -EINVAL);
    CHECK_EQ(picot_executor_submit_on(pool, &call.work, loop, NULL, &call), -EINVAL);
    CHECK_EQ(picot_executor_submit_on(NULL, &call.work, loop, record, &call), -EINVAL);
    CHECK_EQ(picot_executor_submit_on(pool, NULL, loop, record, &call), -EINVAL);
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(submit(loop, pool, &call, gate_call, &gate), 0);
    CHECK_EQ(picot_executor_submit_on(pool, &call.work, loop, record, &call), -EBUSY);
    gate_release(&gate);
    CHECK(run_until(loop, is_told, &call));
    CHECK_EQ(picot_loop_executor(loop, NULL), -EINVAL);
    CHECK_EQ(picot_loop_executor(loop, &own), 0);
    CHECK_EQ(picot_loop_executor(loop, &same), 0);
    CHECK(own == same);
    CHECK_EQ(picot_executor_destroy(own), -EBUSY); /* it is the loop's */
    CHECK_EQ(submit(loop, own, &call, give_back, (void *)5), 0);
    CHECK(run_until(loop, is_told, &call));
    CHECK_EQ(call.result, 5);
    CHECK_EQ(picot_loop_set_executor(loop, own), -EINVAL);
    CHECK_EQ(picot_loop_set_executor(loop, pool), 0);
    CHECK_EQ(picot_loop_executor(loop, &same), 0);
    CHECK(same == pool);
    CHECK_EQ(picot_loop_set_executor(loop, NULL), 0);
    CHECK_EQ(picot_loop_executor(loop, &same), 0);
    CHECK(same == own);
    CHECK_EQ(picot_executor_destroy(pool), 0); /* before the loop that has used it */
    tap_loop_end(loop);
}

static void cancelled_calls_are_told_too(void)
{
    picot_loop *loop = tap_loop();
    picot_executor *pool = pool_with(1, NULL);
    struct gate gate = GATE_INIT;
    struct call first = {.work = PICOT_WORK_INIT}, second = first;
    CHECK_EQ(submit(loop, pool, &first, gate_call, &gate), 0);
    CHECK_EQ(submit(loop, pool, &second, give_back, NULL), 0);
    gate_await(&gate, 1);
    CHECK_EQ(picot_work_cancel(&second.work), 1);
    CHECK_EQ(second.told, 0); /* not from inside */
    CHECK(run_until(loop, is_told, &second));
    CHECK_EQ(second.result, -ECANCELED);
    CHECK_EQ(first.told, 0);
    CHECK_EQ(picot_work_cancel(&first.work), -EBUSY);
    gate_release(&gate);
    CHECK(run_until(loop, is_told, &first));
    CHECK_EQ(first.result, 7);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    tap_loop_end(loop);
}

/* ---- calls that submit the next one ---------------------------------------------------------------------- */

static void again(picot_loop *loop, picot_work *work)
{
    struct call *call = work->user;
    picot_executor *pool = work->_.executor;
    if (++call->told == 2000) return;
    CHECK_EQ(picot_executor_submit_on(pool, work, loop, again, call), 0);
}

static void a_chain_of_calls_starves_nobody(void)
{
    picot_loop *loop = tap_loop();
    picot_executor *pool = pool_with(2, NULL);
    static struct call calls[4];
    for (int i = 0; i < 4; i++) {
        picot_work_call(&calls[i].work, give_back, NULL);
        CHECK_EQ(picot_executor_submit_on(pool, &calls[i].work, loop, again, &calls[i]), 0);
    }
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(calls[i].told, 2000);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    tap_loop_end(loop);
}

/* ---- from a worker into the loop ----------------------------------------------------------------------------- */

static pthread_t loop_thread;

static int64_t on_the_loop(picot_loop *loop, void *user)
{
    CHECK(loop);
    CHECK(pthread_equal(loop_thread, pthread_self()));
    return ++*(int *)user;
}

static int64_t calls_in(picot_worker *worker, void *arg)
{
    int64_t result = -1, sum = 0;
    for (int i = 0; i < 100; i++) {
        int rc = picot_worker_call_loop(worker, on_the_loop, arg, &result);
        if (rc < 0) return rc;
        sum += result;
    }
    return picot_worker_call_loop(worker, NULL, arg, NULL) == -EINVAL ? sum : -1;
}

static picot_worker *strange;

static int64_t keep_the_worker(picot_worker *worker, void *arg)
{
    __atomic_store_n(&strange, worker, __ATOMIC_RELEASE);
    gate_enter(arg);
    return 0;
}

static void a_call_may_call_the_loop(void)
{
    picot_loop *loop = tap_loop();
    picot_executor *pool = pool_with(1, NULL);
    struct call call = {.work = PICOT_WORK_INIT};
    struct gate gate = GATE_INIT;
    int visits = 0;
    loop_thread = pthread_self();
    CHECK_EQ(submit(loop, pool, &call, calls_in, &visits), 0);
    CHECK(run_until(loop, is_told, &call));
    CHECK_EQ(call.result, 5050);
    CHECK_EQ(submit(loop, pool, &call, keep_the_worker, &gate), 0);
    gate_await(&gate, 1);
    CHECK_EQ(picot_worker_call_loop(__atomic_load_n(&strange, __ATOMIC_ACQUIRE), on_the_loop, &visits, NULL), -EDEADLK);
    gate_release(&gate);
    CHECK(run_until(loop, is_told, &call));
    CHECK_EQ(picot_executor_destroy(pool), 0);
    tap_loop_end(loop);
}

/* ---- the end of the loop --------------------------------------------------------------------------------------- */

static int64_t until_asked_then_calls_in(picot_worker *worker, void *arg)
{
    gate_enter(arg);
    while (!picot_worker_cancelled(worker))
        usleep(100);
    int visits = 41;
    int64_t result = 0;
    int rc = picot_worker_call_loop(worker, on_the_loop, &visits, &result);
    return rc < 0 ? rc : result;
}

static void a_forced_destroy_waits_for_calls(void)
{
    for (int own = 0; own < 2; own++) {
        picot_loop *loop = tap_loop();
        picot_executor *pool = NULL;
        struct gate gate = GATE_INIT;
        struct call running = {.work = PICOT_WORK_INIT}, queued[20];
        gate.open = true;
        loop_thread = pthread_self();
        if (own)
            CHECK_EQ(picot_loop_executor(loop, &pool), 0);
        else
            pool = pool_with(1, NULL);
        CHECK_EQ(submit(loop, pool, &running, until_asked_then_calls_in, &gate), 0);
        gate_await(&gate, 1);
        for (int i = 0; i < 20; i++) {
            queued[i].work = (picot_work)PICOT_WORK_INIT;
            CHECK_EQ(submit(loop, pool, &queued[i], give_back, (void *)9), 0);
        }
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        CHECK_EQ(running.told, 1);
        CHECK_EQ(running.result, 42);
        for (int i = 0; i < 20; i++) {
            CHECK_EQ(queued[i].told, 1);
            if (!own) CHECK_EQ(queued[i].result, -ECANCELED);
        }
        if (!own) CHECK_EQ(picot_executor_destroy(pool), 0);
    }
}

static void a_forked_child_drops_them(void)
{
    picot_loop *loop = tap_loop();
    picot_executor *pool = pool_with(1, NULL);
    struct gate gate = GATE_INIT;
    struct call call = {.work = PICOT_WORK_INIT};
    int status;
    CHECK_EQ(submit(loop, pool, &call, gate_call, &gate), 0);
    gate_await(&gate, 1);
    pid_t pid = fork();
    if (pid == 0) {
        bool right = picot_loop_destroy(loop, PICOT_DESTROY_FORCE) == 0 && picot_executor_destroy(pool) == 0;
        _exit(right && call.told == 0 ? 0 : 1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    gate_release(&gate);
    CHECK(run_until(loop, is_told, &call));
    CHECK_EQ(picot_executor_destroy(pool), 0);
    tap_loop_end(loop);
}

/* ---- several loops, one pool ---------------------------------------------------------------------------------------
 */

static picot_executor *shared;

static void *run_a_loop(void *arg)
{
    enum { CALLS = 2000 };
    struct call *calls = calloc(CALLS, sizeof *calls);
    picot_loop *loop;
    bool right = calls && picot_loop_create(NULL, &loop) == 0;
    if (!right) return arg;
    for (int i = 0; i < 4; i++) {
        picot_work_call(&calls[i].work, give_back, NULL);
        right = right && picot_executor_submit_on(shared, &calls[i].work, loop, again, &calls[i]) == 0;
    }
    right = right && picot_loop_run(loop, PICOT_RUN_IDLE) == 0 && picot_loop_destroy(loop, PICOT_DESTROY_IDLE) == 0;
    for (int i = 0; i < 4; i++)
        right = right && calls[i].told == CALLS;
    free(calls);
    return right ? NULL : arg;
}

static void several_loops_share_a_pool(void)
{
    pthread_t threads[3];
    void *failed = NULL;
    shared = pool_with(2, NULL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, run_a_loop, &failed), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(pthread_join(threads[i], &failed), 0);
        CHECK(!failed);
    }
    CHECK_EQ(picot_executor_destroy(shared), 0);
}

/* Loops come and go while the pool is busy with their last calls: the wake-up of a batch never meets a dead loop. */
static void loops_come_and_go(void)
{
    shared = pool_with(2, NULL);
    for (int round = 0; round < 300; round++) {
        picot_loop *loop = tap_loop();
        struct call calls[3];
        for (int i = 0; i < 3; i++) {
            calls[i].work = (picot_work)PICOT_WORK_INIT;
            CHECK_EQ(submit(loop, shared, &calls[i], give_back, NULL), 0);
        }
        if (round % 2 == 0) CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE) < 0, 0);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        CHECK_EQ(calls[0].told + calls[1].told + calls[2].told, 3);
    }
    CHECK_EQ(picot_executor_destroy(shared), 0);
}

/*
 * Hundreds of short calls are out, and one worker is woken for many. Then one comes that waits for the call behind it:
 * a second worker must see to that, though nothing completes that would remind the loop.
 */
enum { SHORT = 300, ROUNDS = 20 };
static struct call short_calls[SHORT], waiting, awaited;
static struct gate between = GATE_INIT;
static picot_executor *busy;
static unsigned rounds_left, short_count;

static int64_t open_gate(picot_worker *worker, void *arg)
{
    gate_release(arg);
    return give_back(worker, NULL);
}

static void short_done(picot_loop *loop, picot_work *work)
{
    short_count++;
    if (short_count % (4 * SHORT) == 0 && rounds_left > 0 && waiting.told && awaited.told) {
        rounds_left--;
        between.open = false;
        CHECK_EQ(submit(loop, busy, &waiting, gate_call, &between), 0);
        CHECK_EQ(submit(loop, busy, &awaited, open_gate, &between), 0);
    }
    if (rounds_left > 0) CHECK_EQ(picot_executor_submit_on(busy, work, loop, short_done, NULL), 0);
}

static void a_call_among_many_that_waits(void)
{
    picot_loop *loop = tap_loop();
    busy = pool_with(3, NULL);
    rounds_left = ROUNDS;
    waiting.told = awaited.told = 1; /* they are free to be submitted */
    for (int i = 0; i < SHORT; i++) {
        picot_work_call(&short_calls[i].work, give_back, NULL);
        CHECK_EQ(picot_executor_submit_on(busy, &short_calls[i].work, loop, short_done, NULL), 0);
    }
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(rounds_left, 0);
    CHECK_EQ(waiting.result, 7);
    CHECK_EQ(picot_executor_destroy(busy), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"results come to the loop, each once", results_come_to_the_loop, TAP_BACKENDS},
    {"refused on a loop; the default executor", refused_on_a_loop, TAP_BACKENDS},
    {"cancelled calls are told, too", cancelled_calls_are_told_too, TAP_BACKENDS},
    {"a chain of calls", a_chain_of_calls_starves_nobody, TAP_BACKENDS},
    {"a call may call the loop", a_call_may_call_the_loop, TAP_BACKENDS},
    {"a forced destroy waits for calls", a_forced_destroy_waits_for_calls, TAP_BACKENDS},
    {"a forked child drops them", a_forked_child_drops_them, TAP_BACKENDS},
    {"several loops share a pool", several_loops_share_a_pool, TAP_BACKENDS},
    {"a call among many that waits for the next", a_call_among_many_that_waits, TAP_BACKENDS},
    {"loops come and go", loops_come_and_go, TAP_BACKENDS},
};

TAP_MAIN(cases)
