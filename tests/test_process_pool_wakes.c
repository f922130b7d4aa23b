/* SPDX-License-Identifier: MIT
 *
 * test_process_pool_wakes.c - no call waits for ever while a worker sleeps: not where a worker falls asleep before the
 * pool knows of it, not behind calls that were taken back, and not where the worker that was woken is dead.
 *
 * The server's answers are held up as long as a case wants: it sends them by sendmsg, which is this file's own.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tap.h"

#include <picot/process_pool.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- answers that are held up ------------------------------------------------------------------------ */

struct shared {
    int program; /* whose own messages go out at once */
    int hold;    /* 1: answers are held up */
    int held;    /* 1: one is */
    int worker;  /* the last one that was at a call */
};

static struct shared *shared;

static int load(const int *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void store(int *word, int value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    while (shared && getpid() != load(&shared->program) && load(&shared->hold)) {
        store(&shared->held, 1);
        (void)sched_yield();
    }
    return syscall(SYS_sendmsg, fd, message, flags);
}

static void await_held(void)
{
    while (!load(&shared->held))
        (void)sched_yield();
}

static void release(void)
{
    store(&shared->hold, 0);
    store(&shared->held, 0);
}

/* ---- workers ------------------------------------------------------------------------------------------- */

static int64_t call_here(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)worker, (void)data, (void)len, (void)ret, (void)ret_size;
    store(&shared->worker, getpid());
    return -7; /* a code of its own */
}

/* Until the process is in this state, as /proc has it: S sleeps, T is stopped. */
static void await_state(pid_t pid, char wanted)
{
    char path[64], state = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    while (state != wanted) {
        FILE *file = fopen(path, "r");
        CHECK(file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1);
        (void)fclose(file);
        (void)sched_yield();
    }
}

static pid_t await_worker(void)
{
    while (!load(&shared->worker))
        (void)sched_yield();
    pid_t pid = load(&shared->worker);
    await_state(pid, 'S');
    return pid;
}

static picot_process_server *server;

static picot_executor *pool_of(uint32_t processes)
{
    static const picot_process_function functions[] = {{"here", call_here}};
    picot_process_pool_options options = PICOT_PROCESS_POOL_OPTIONS_INIT;
    picot_executor *pool;
    options.processes_max = processes;
    options.memory = 1 << 20;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    store(&shared->program, getpid());
    CHECK_EQ(picot_process_server_start(functions, 1, &server), 0);
    store(&shared->hold, 1);
    CHECK_EQ(picot_process_pool_create(server, &options, &pool), 0);
    return pool;
}

static void end(picot_executor *pool)
{
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(picot_process_server_stop(server), 0);
    CHECK_EQ(munmap(shared, sizeof *shared), 0);
}

static void submit(picot_executor *pool, picot_work *work)
{
    picot_work_request(work, "here", NULL, 0, NULL, 0);
    CHECK_EQ(picot_executor_submit(pool, work), 0);
}

static void is_answered(picot_work *work)
{
    CHECK_EQ(picot_work_wait(work, 20 * PICOT_SECOND), 0);
    CHECK_EQ(work->result, -7);
}

/* ---- cases --------------------------------------------------------------------------------------------- */

/* It has done one call and sleeps, and the server has not said yet that it lives. */
static void a_worker_that_is_not_announced(void)
{
    picot_work first = PICOT_WORK_INIT, second = PICOT_WORK_INIT;
    picot_executor *pool = pool_of(1);
    submit(pool, &first);
    (void)await_worker();
    submit(pool, &second);
    release();
    is_answered(&first);
    is_answered(&second);
    end(pool);
}

/* Calls that are taken back leave their places in a ring; however many, there is room for the next one. */
static void a_worker_behind_calls_taken_back(void)
{
    picot_work work = PICOT_WORK_INIT;
    picot_executor *pool = pool_of(1);
    release();
    submit(pool, &work);
    is_answered(&work);
    pid_t pid = await_worker();
    CHECK_EQ(kill(pid, SIGSTOP), 0);
    await_state(pid, 'T');
    for (int i = 0; i < 5000; i++) {
        submit(pool, &work);
        CHECK_EQ(picot_work_state(&work), PICOT_WORK_RUNNING); /* not queued: it has its place */
        CHECK_EQ(picot_work_cancel(&work), 1);
    }
    submit(pool, &work);
    CHECK_EQ(kill(pid, SIGCONT), 0);
    is_answered(&work);
    end(pool);
}

/* The first of two that sleep is dead, which the pool is to learn in a moment. */
static void a_dead_worker(void)
{
    picot_work first = PICOT_WORK_INIT, second = PICOT_WORK_INIT;
    picot_executor_stats stats;
    picot_executor *pool = pool_of(2);
    submit(pool, &first);
    submit(pool, &second);
    (void)await_worker(); /* the first one has done both, which is not known yet */
    release();            /* so now the second one is started, too */
    is_answered(&first);
    is_answered(&second);
    do
        CHECK_EQ(picot_executor_stats_get(pool, &stats), 0);
    while (stats.workers < 2);
    pid_t pid = await_worker();
    store(&shared->hold, 1);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    await_held(); /* the server has reaped it */
    submit(pool, &first);
    release();
    is_answered(&first);
    end(pool);
}

static const struct tap_case cases[] = {
    {"a worker that is not announced", a_worker_that_is_not_announced, 0},
    {"a worker behind calls taken back", a_worker_behind_calls_taken_back, 0},
    {"a dead worker", a_dead_worker, 0},
};

TAP_MAIN(cases)
