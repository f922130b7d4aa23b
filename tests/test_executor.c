/* SPDX-License-Identifier: MIT
 *
 * test_executor.c - pools of threads and the calls they run, from plain threads: order, results, cancelling, waiting,
 * callbacks, full queues, hooks, the end. What completes on a loop: tests/conformance/executor.c.
 */
#include "executor_support.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- results ----------------------------------------------------------------------------------------- */

static int64_t twice(picot_worker *worker, void *arg)
{
    CHECK(worker);
    return 2 * *(const int *)arg;
}

static int64_t fails(picot_worker *worker, void *arg)
{
    (void)worker;
    (void)arg;
    return -EDOM;
}

static void a_result_comes_back(void)
{
    picot_executor *pool = pool_with(2, NULL);
    picot_work work = PICOT_WORK_INIT;
    int number = 21;
    CHECK_EQ(picot_work_state(&work), PICOT_WORK_IDLE);
    CHECK_EQ(picot_work_wait(&work, 0), -EINVAL);
    CHECK_EQ(picot_work_cancel(&work), -EALREADY);
    picot_work_call(&work, twice, &number);
    CHECK_EQ(picot_executor_submit(pool, &work), 0);
    CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), 0);
    CHECK_EQ(picot_work_state(&work), PICOT_WORK_DONE);
    CHECK_EQ(work.result, 42);
    CHECK_EQ(picot_work_cancel(&work), -EALREADY);
    CHECK_EQ(picot_work_cancelled(&work), 0);
    picot_work_call(&work, fails, NULL); /* the struct is ours again */
    CHECK_EQ(picot_executor_submit(pool, &work), 0);
    CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), 0);
    CHECK_EQ(work.result, -EDOM);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

static void misuse_is_refused(void)
{
    picot_thread_pool_options options = PICOT_THREAD_POOL_OPTIONS_INIT;
    picot_executor *pool = NULL;
    picot_work work = PICOT_WORK_INIT;
    options.size = 3;
    CHECK_EQ(picot_thread_pool_create(&options, &pool), -EINVAL);
    options.size = sizeof options;
    options.threads_min = 3;
    options.threads_max = 2;
    CHECK_EQ(picot_thread_pool_create(&options, &pool), -EINVAL);
    options.threads_min = 0;
    options.idle_ns = -1;
    CHECK_EQ(picot_thread_pool_create(&options, &pool), -EINVAL);
    options.idle_ns = 0;
    options.full = (enum picot_pool_full)9;
    CHECK_EQ(picot_thread_pool_create(&options, &pool), -EINVAL);
    CHECK_EQ(picot_thread_pool_create(NULL, NULL), -EINVAL);
    CHECK(!pool);
    pool = pool_with(1, NULL);
    CHECK_EQ(picot_executor_submit(pool, &work), -EINVAL); /* not prepared */
    CHECK_EQ(picot_executor_submit(pool, NULL), -EINVAL);
    CHECK_EQ(picot_executor_submit(NULL, &work), -EINVAL);
    picot_work_call(&work, NULL, NULL);
    CHECK_EQ(picot_executor_submit(pool, &work), -EINVAL);
    CHECK_EQ(picot_executor_shutdown(NULL, 0), -EINVAL);
    CHECK_EQ(picot_executor_shutdown(pool, 8), -EINVAL);
    CHECK_EQ(picot_executor_stats_get(pool, NULL), -EINVAL);
    CHECK_EQ(picot_work_cancel(NULL), -EINVAL);
    CHECK_EQ(picot_work_wait(NULL, 0), -EINVAL);
    CHECK_EQ(picot_work_wait(&work, -1), -EINVAL);
    CHECK_EQ(picot_work_state(NULL), PICOT_WORK_IDLE);
    CHECK_EQ(picot_work_remove_callback(NULL), -EINVAL);
    CHECK_EQ(picot_executor_destroy(NULL), 0);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

/* ---- order, cancel ------------------------------------------------------------------------------------ */

static int order[64], ran;

static int64_t note(picot_worker *worker, void *arg)
{
    (void)worker;
    order[ran++] = (int)(intptr_t)arg;
    return 0;
}

static void in_order_and_taken_back(void)
{
    picot_executor *pool = pool_with(1, NULL);
    struct gate gate = GATE_INIT;
    picot_work works[20], first = PICOT_WORK_INIT;
    int expected = 0;
    gate_submit(pool, &first, &gate);
    CHECK_EQ(picot_work_state(&first), PICOT_WORK_RUNNING);
    CHECK_EQ(picot_executor_submit(pool, &first), -EBUSY);
    for (int i = 0; i < 20; i++) {
        works[i] = (picot_work)PICOT_WORK_INIT;
        picot_work_call(&works[i], note, (void *)(intptr_t)i);
        CHECK_EQ(picot_executor_submit(pool, &works[i]), 0);
        CHECK_EQ(picot_work_state(&works[i]), PICOT_WORK_QUEUED);
    }
    for (int i = 0; i < 20; i += 3) {
        CHECK_EQ(picot_work_cancel(&works[i]), 1);
        CHECK_EQ(picot_work_cancel(&works[i]), 1); /* and says so again */
        CHECK_EQ(picot_work_cancelled(&works[i]), 1);
        CHECK_EQ(picot_work_wait(&works[i], 0), 0);
        CHECK_EQ(works[i].result, -ECANCELED);
    }
    CHECK_EQ(picot_executor_submit(pool, &works[0]), 0); /* and back, at the end */
    gate_release(&gate);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(picot_work_wait(&works[i], PICOT_NEVER), 0);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(ran, 14);
    for (int i = 0; i < 13; i++) {
        expected += 1 + (expected % 3 == 2);
        CHECK_EQ(order[i], expected);
    }
    CHECK_EQ(order[13], 0);
    CHECK_EQ(first.result, 7);
}

static int64_t until_asked(picot_worker *worker, void *arg)
{
    struct gate *gate = arg;
    gate_enter(gate);
    while (!picot_worker_cancelled(worker))
        (void)sched_yield();
    return -ECANCELED;
}

static void a_running_one_can_be_asked(void)
{
    picot_executor *pool = pool_with(1, NULL);
    struct gate gate = GATE_INIT;
    picot_work work = PICOT_WORK_INIT;
    gate.open = true;
    picot_work_call(&work, until_asked, &gate);
    CHECK_EQ(picot_executor_submit(pool, &work), 0);
    gate_await(&gate, 1);
    CHECK_EQ(picot_work_wait(&work, PICOT_MS), -ETIMEDOUT);
    CHECK_EQ(picot_work_cancel(&work), -EBUSY);
    CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), 0);
    CHECK_EQ(work.result, -ECANCELED);
    CHECK_EQ(picot_work_cancelled(&work), 0); /* it did run */
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

struct self_wait {
    picot_work *work;
    picot_executor *pool;
    int wait_rc, shutdown_rc, destroy_rc;
};

static int64_t waits_for_itself(picot_worker *worker, void *arg)
{
    struct self_wait *self = arg;
    (void)worker;
    self->wait_rc = picot_work_wait(self->work, PICOT_NEVER);
    self->shutdown_rc = picot_executor_shutdown(self->pool, PICOT_SHUTDOWN_WAIT);
    self->destroy_rc = picot_executor_destroy(self->pool);
    return 1;
}

static void waiting_for_oneself_is_an_error(void)
{
    picot_executor *pool = pool_with(1, NULL);
    picot_work work = PICOT_WORK_INIT;
    struct self_wait self = {&work, pool, 0, 0, 0};
    picot_work_call(&work, waits_for_itself, &self);
    CHECK_EQ(picot_executor_submit(pool, &work), 0);
    CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), 0);
    CHECK_EQ(self.wait_rc, -EDEADLK);
    CHECK_EQ(self.shutdown_rc, -EDEADLK);
    CHECK_EQ(self.destroy_rc, -EDEADLK);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

/* ---- callbacks ------------------------------------------------------------------------------------------ */

struct told {
    picot_work_callback callback;
    pthread_t thread;
    int *order, place;
};

static void tell(picot_work *work, void *user)
{
    struct told *told = user;
    CHECK_EQ(work->result, 7);
    told->thread = pthread_self();
    told->place = ++*told->order;
}

static void callbacks_run_where_it_completes(void)
{
    picot_executor *pool = pool_with(1, NULL);
    struct gate gate = GATE_INIT;
    picot_work work = PICOT_WORK_INIT;
    struct told told[4];
    int count = 0;
    memset(told, 0, sizeof told);
    CHECK_EQ(picot_work_add_callback(&work, &told[0].callback, tell, &told[0]), -EINVAL);
    gate_submit(pool, &work, &gate);
    for (int i = 0; i < 3; i++) {
        told[i].order = &count;
        CHECK_EQ(picot_work_add_callback(&work, &told[i].callback, tell, &told[i]), 0);
    }
    CHECK_EQ(picot_work_add_callback(&work, &told[0].callback, tell, &told[0]), -EALREADY);
    CHECK_EQ(picot_work_remove_callback(&told[1].callback), 1);
    CHECK_EQ(picot_work_remove_callback(&told[1].callback), 0);
    CHECK_EQ(picot_work_remove_callback(&told[3].callback), 0); /* never added */
    gate_release(&gate);
    CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), 0);
    CHECK_EQ(told[0].place, 1); /* before the wait ends */
    CHECK_EQ(told[2].place, 2);
    CHECK(!pthread_equal(told[0].thread, pthread_self()));
    told[3].order = &count;
    CHECK_EQ(picot_work_add_callback(&work, &told[3].callback, tell, &told[3]), 0);
    CHECK_EQ(told[3].place, 3); /* at once, here */
    CHECK(pthread_equal(told[3].thread, pthread_self()));
    CHECK_EQ(told[1].place, 0);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

/* ---- a full queue ----------------------------------------------------------------------------------------- */

static picot_executor *small_pool(enum picot_pool_full full)
{
    picot_thread_pool_options options = PICOT_THREAD_POOL_OPTIONS_INIT;
    picot_executor *pool;
    options.threads_max = 1;
    options.queue_limit = 2;
    options.full = full;
    CHECK_EQ(picot_thread_pool_create(&options, &pool), 0);
    return pool;
}

static void submit_note(picot_executor *pool, picot_work *work, int number, int expected)
{
    *work = (picot_work)PICOT_WORK_INIT;
    picot_work_call(work, note, (void *)(intptr_t)number);
    CHECK_EQ(picot_executor_submit(pool, work), expected);
}

static void a_full_queue_refuses_or_drops(void)
{
    struct gate gate = GATE_INIT;
    picot_work first = PICOT_WORK_INIT, works[3];
    picot_executor *pool = small_pool(PICOT_POOL_REFUSE);
    gate_submit(pool, &first, &gate);
    for (int i = 0; i < 3; i++)
        submit_note(pool, &works[i], i, i < 2 ? 0 : -ENOBUFS);
    CHECK_EQ(picot_work_state(&works[2]), PICOT_WORK_IDLE);
    gate_release(&gate);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(ran, 2);

    gate = (struct gate)GATE_INIT;
    pool = small_pool(PICOT_POOL_DROP_OLDEST);
    gate_submit(pool, &first, &gate);
    for (int i = 0; i < 3; i++)
        submit_note(pool, &works[i], i, 0);
    CHECK_EQ(picot_work_cancelled(&works[0]), 1);
    gate_release(&gate);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(ran, 4);
    CHECK_EQ(order[2] * 10 + order[3], 12);

    gate = (struct gate)GATE_INIT;
    pool = small_pool(PICOT_POOL_CALLER_RUNS);
    gate_submit(pool, &first, &gate);
    for (int i = 0; i < 3; i++)
        submit_note(pool, &works[i], i, i < 2 ? 0 : 1);
    CHECK_EQ(ran, 5);
    CHECK_EQ(order[4], 2);
    CHECK_EQ(picot_work_state(&works[2]), PICOT_WORK_DONE);
    gate_release(&gate);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

static void *release_later(void *arg)
{
    struct gate *gate = arg;
    for (int i = 0; i < 50; i++)
        (void)sched_yield();
    gate_release(gate);
    return NULL;
}

static void a_full_queue_blocks(void)
{
    struct gate gate = GATE_INIT;
    picot_work first = PICOT_WORK_INIT, works[3];
    picot_executor *pool = small_pool(PICOT_POOL_WAIT);
    pthread_t helper;
    gate_submit(pool, &first, &gate);
    submit_note(pool, &works[0], 0, 0);
    submit_note(pool, &works[1], 1, 0);
    CHECK_EQ(pthread_create(&helper, NULL, release_later, &gate), 0);
    submit_note(pool, &works[2], 2, 0); /* waits for room */
    CHECK_EQ(picot_work_state(&first), PICOT_WORK_DONE);
    CHECK_EQ(pthread_join(helper, NULL), 0);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(ran, 3);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(order[i], i);
}

/* ---- threads: names, hooks, idle ones ------------------------------------------------------------------------ */

struct hooks {
    int started, ended, refuse; /* atomic */
    char name[16];
    unsigned index;
};

static int on_start(picot_worker *worker, void *user)
{
    struct hooks *hooks = user;
    (void)__atomic_add_fetch(&hooks->started, 1, __ATOMIC_RELAXED);
    picot_worker_set_data(worker, hooks);
    return __atomic_load_n(&hooks->refuse, __ATOMIC_RELAXED) ? -EACCES : 0;
}

static void on_exit(picot_worker *worker, void *user)
{
    struct hooks *hooks = user;
    CHECK(picot_worker_data(worker) == hooks);
    (void)__atomic_add_fetch(&hooks->ended, 1, __ATOMIC_RELAXED);
}

static int64_t look_around(picot_worker *worker, void *arg)
{
    struct hooks *hooks = arg;
    sigset_t mask;
    CHECK_EQ(pthread_getname_np(pthread_self(), hooks->name, sizeof hooks->name), 0);
    hooks->index = picot_worker_index(worker);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    CHECK_EQ(sigismember(&mask, SIGINT), 1);
    CHECK(picot_worker_data(worker) == hooks);
    return __atomic_load_n(&hooks->started, __ATOMIC_RELAXED);
}

static picot_thread_pool_options options_with(struct hooks *hooks)
{
    picot_thread_pool_options options = PICOT_THREAD_POOL_OPTIONS_INIT;
    options.name = "hooked";
    options.on_start = on_start;
    options.on_exit = on_exit;
    options.user = hooks;
    return options;
}

static void threads_have_names_and_hooks(void)
{
    struct hooks hooks = {0, 0, 0, "", 77};
    picot_thread_pool_options options = options_with(&hooks);
    picot_executor *pool;
    picot_work work = PICOT_WORK_INIT;
    options.threads_max = 1;
    CHECK_EQ(picot_thread_pool_create(&options, &pool), 0);
    CHECK_EQ(hooks.started, 0); /* none was needed yet */
    picot_work_call(&work, look_around, &hooks);
    CHECK_EQ(picot_executor_submit(pool, &work), 0);
    CHECK_EQ(picot_work_wait(&work, PICOT_NEVER), 0);
    CHECK_EQ(work.result, 1);
    CHECK_STR(hooks.name, "hooked-0");
    CHECK_EQ(hooks.index, 0);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(hooks.started, 1);
    CHECK_EQ(hooks.ended, 1);
}

static void a_failing_start_breaks_the_pool(void)
{
    struct hooks hooks = {0, 0, 1, "", 0};
    picot_thread_pool_options options = options_with(&hooks);
    picot_executor *pool;
    picot_work works[3] = {PICOT_WORK_INIT, PICOT_WORK_INIT, PICOT_WORK_INIT};
    options.threads_max = 1;
    CHECK_EQ(picot_thread_pool_create(&options, &pool), 0);
    for (int i = 0; i < 3; i++) {
        picot_work_call(&works[i], note, NULL);
        int rc = picot_executor_submit(pool, &works[i]);
        CHECK(rc == 0 || rc == PICOT_EBROKEN);
        if (rc < 0) continue;
        CHECK_EQ(picot_work_wait(&works[i], PICOT_NEVER), 0);
        CHECK_EQ(works[i].result, PICOT_EBROKEN);
        CHECK_EQ(picot_work_cancelled(&works[i]), 0);
    }
    CHECK_EQ(picot_executor_submit(pool, &works[0]), PICOT_EBROKEN);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(hooks.ended, 0);
    CHECK_EQ(ran, 0);
}

static void idle_threads_end_and_come_again(void)
{
    struct hooks hooks = {0, 0, 0, "", 0};
    picot_thread_pool_options options = options_with(&hooks);
    picot_executor *pool;
    picot_executor_stats stats;
    picot_work work = PICOT_WORK_INIT;
    options.threads_max = 3;
    options.idle_ns = 1;
    CHECK_EQ(picot_thread_pool_create(&options, &pool), 0);
    for (int i = 0; i < 200; i++) {
        picot_work_call(&work, look_around, &hooks);
        CHECK_EQ(picot_executor_submit(pool, &work), 0);
        CHECK_EQ(picot_work_wait(&work, 20 * PICOT_SECOND), 0);
        if (i % 8 == 0) do {
                CHECK_EQ(picot_executor_stats_get(pool, &stats), 0);
                (void)sched_yield();
            } while (stats.workers > 0);
    }
    CHECK_EQ(stats.done + 7, 200);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK(hooks.started > 20);
    CHECK_EQ(hooks.ended, hooks.started);
}

static void the_least_are_kept(void)
{
    struct hooks hooks = {0, 0, 0, "", 0};
    picot_thread_pool_options options = options_with(&hooks);
    picot_executor *pool;
    picot_executor_stats stats;
    options.threads_min = 2;
    options.threads_max = 3;
    options.idle_ns = 1;
    CHECK_EQ(picot_thread_pool_create(&options, &pool), 0);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(picot_executor_stats_get(pool, &stats), 0);
        CHECK_EQ(stats.workers, 2);
        CHECK_EQ(stats.running, 0);
        (void)sched_yield();
    }
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(hooks.ended, 2);
}

/* ---- the end ------------------------------------------------------------------------------------------------- */

static void shutdown_runs_or_cancels_what_is_queued(void)
{
    for (unsigned cancel = 0; cancel <= PICOT_SHUTDOWN_CANCEL; cancel += PICOT_SHUTDOWN_CANCEL) {
        picot_executor *pool = pool_with(1, NULL);
        struct gate gate = GATE_INIT;
        picot_work first = PICOT_WORK_INIT, works[5];
        ran = 0;
        gate_submit(pool, &first, &gate);
        for (int i = 0; i < 5; i++)
            submit_note(pool, &works[i], i, 0);
        CHECK_EQ(picot_executor_shutdown(pool, cancel), 0); /* does not wait */
        CHECK_EQ(picot_work_cancelled(&works[4]), cancel != 0);
        CHECK_EQ(picot_executor_submit(pool, &works[4]), cancel ? PICOT_ECLOSED : -EBUSY);
        gate_release(&gate);
        CHECK_EQ(picot_executor_shutdown(pool, cancel | PICOT_SHUTDOWN_WAIT), 0);
        CHECK_EQ(ran, cancel ? 0 : 5);
        for (int i = 0; i < 5; i++)
            CHECK_EQ(picot_work_wait(&works[i], 0), 0);
        CHECK_EQ(picot_executor_destroy(pool), 0);
    }
}

/* Submitted and cancelled right before the end, a thousand times: nothing hangs. */
static void cancelled_right_before_the_end(void)
{
    for (int round = 0; round < 300; round++) {
        picot_executor *pool = pool_with(2, NULL);
        picot_work work = PICOT_WORK_INIT;
        submit_note(pool, &work, 0, 0);
        int rc = picot_work_cancel(&work);
        CHECK(rc == 1 || rc == -EBUSY || rc == -EALREADY);
        CHECK_EQ(picot_executor_destroy(pool), 0);
        CHECK_EQ(picot_work_state(&work), PICOT_WORK_DONE);
        ran = 0;
    }
}

static void a_forked_child_may_only_destroy(void)
{
    picot_executor *pool = pool_with(2, NULL);
    picot_work work = PICOT_WORK_INIT, later = PICOT_WORK_INIT;
    struct gate gate = GATE_INIT;
    int status;
    gate_submit(pool, &work, &gate);
    picot_work_call(&later, note, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        bool right = picot_executor_submit(pool, &later) == PICOT_EFORKED &&
                     picot_work_wait(&work, PICOT_SECOND) == PICOT_EFORKED &&
                     picot_work_cancel(&work) == PICOT_EFORKED && picot_executor_shutdown(pool, 0) == PICOT_EFORKED &&
                     picot_executor_destroy(pool) == 0;
        _exit(right ? 0 : 1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    gate_release(&gate);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

/* ---- many at once ----------------------------------------------------------------------------------------------- */

#define SUBMITTERS 4
#define ROUNDS 500
#define BURST 16

static picot_executor *shared;
static int counted, cancelled; /* atomic */

static int64_t count_one(picot_worker *worker, void *arg)
{
    (void)worker;
    (void)arg;
    return __atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED);
}

static void *submit_bursts(void *arg)
{
    for (int round = 0; round < ROUNDS; round++) {
        picot_work works[BURST];
        for (int i = 0; i < BURST; i++) {
            works[i] = (picot_work)PICOT_WORK_INIT;
            picot_work_call(&works[i], count_one, NULL);
            if (picot_executor_submit(shared, &works[i]) < 0) return arg;
            if (i % 5 == 4 && picot_work_cancel(&works[i - 2]) == 1)
                (void)__atomic_add_fetch(&cancelled, 1, __ATOMIC_RELAXED);
        }
        for (int i = 0; i < BURST; i++)
            if (picot_work_wait(&works[i], PICOT_NEVER) < 0) return arg;
    }
    return NULL;
}

static void many_threads_submit_and_cancel(void)
{
    pthread_t threads[SUBMITTERS];
    void *failed = NULL;
    shared = pool_with(4, NULL);
    for (int i = 0; i < SUBMITTERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, submit_bursts, &failed), 0);
    for (int i = 0; i < SUBMITTERS; i++) {
        CHECK_EQ(pthread_join(threads[i], &failed), 0);
        CHECK(!failed);
    }
    CHECK_EQ(picot_executor_destroy(shared), 0);
    CHECK_EQ(counted + cancelled, SUBMITTERS * ROUNDS * BURST);
    CHECK(counted > 0);
}

static const struct tap_case cases[] = {
    {"a result comes back", a_result_comes_back, 0},
    {"misuse is refused", misuse_is_refused, 0},
    {"in order, and taken back", in_order_and_taken_back, 0},
    {"a running call can be asked to end", a_running_one_can_be_asked, 0},
    {"waiting for oneself is an error", waiting_for_oneself_is_an_error, 0},
    {"callbacks run where it completes", callbacks_run_where_it_completes, 0},
    {"a full queue refuses, drops, or the caller runs", a_full_queue_refuses_or_drops, 0},
    {"a full queue blocks the submitter", a_full_queue_blocks, 0},
    {"threads have names and hooks", threads_have_names_and_hooks, 0},
    {"a failing start breaks the pool", a_failing_start_breaks_the_pool, 0},
    {"idle threads end, and come again", idle_threads_end_and_come_again, 0},
    {"the least threads are kept", the_least_are_kept, 0},
    {"a shutdown runs or cancels what is queued", shutdown_runs_or_cancels_what_is_queued, 0},
    {"cancelled right before the end", cancelled_right_before_the_end, 0},
    {"a forked child may only destroy", a_forked_child_may_only_destroy, 0},
    {"many threads submit and cancel", many_threads_submit_and_cancel, 0},
};

TAP_MAIN(cases)
