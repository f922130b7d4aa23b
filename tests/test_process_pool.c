/* SPDX-License-Identifier: MIT
 *
 * test_process_pool.c - pools of processes: bytes both ways, lent memory, limits, and every way a worker can die.
 *
 * Each case is a process of its own with one thread, which starts the server first.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "../loop/executor/process_memory.h"
#include "tap.h"

#include <picot/process_pool.h>
#include <picot/works.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what workers do --------------------------------------------------------------------------------- */

static int64_t reverse(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)worker;
    for (size_t i = 0; i < len && i < ret_size; i++)
        ((char *)ret)[i] = ((const char *)data)[len - 1 - i];
    return (int64_t)len;
}

static int64_t code(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)worker, (void)len, (void)ret, (void)ret_size;
    return *(const int *)data;
}

static int64_t die(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    int how = *(const int *)data;
    (void)worker, (void)len, (void)ret, (void)ret_size;
    if (how < 0) (void)kill(getpid(), -how);
    if (how == 1000) { /* forgets that descriptors are not its own */
        for (int fd = 3; fd < 100; fd++)
            (void)close(fd);
        return 0;
    }
    _exit(how);
}

static int64_t segv(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)worker, (void)data, (void)len, (void)ret, (void)ret_size;
    (void)signal(SIGSEGV, SIG_DFL);
    (void)raise(SIGSEGV);
    return 0;
}

static int64_t stuck(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)worker, (void)data, (void)len, (void)ret, (void)ret_size;
    (void)signal(SIGTERM, SIG_IGN);
    for (;;)
        (void)pause();
    return 0;
}

static int64_t until_asked(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)data, (void)len, (void)ret, (void)ret_size;
    while (!picot_worker_cancelled(worker))
        (void)sched_yield();
    return 1;
}

static int64_t fill(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)worker, (void)len;
    memset(ret, *(const char *)data, ret_size);
    return (int64_t)ret_size;
}

static int64_t count_calls(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    static int calls; /* of this process */
    int answer[3] = {getpid(), ++calls, (int)(intptr_t)picot_worker_data(worker)};
    (void)data, (void)len;
    memcpy(ret, answer, ret_size < sizeof answer ? ret_size : sizeof answer);
    return sizeof answer;
}

static int64_t start_with(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    (void)ret, (void)ret_size;
    if (len != sizeof(int)) return -EINVAL;
    picot_worker_set_data(worker, (void *)(intptr_t) * (const int *)data);
    return *(const int *)data < 0 ? -EACCES : 0;
}

static int64_t report_limits(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    struct rlimit limit;
    (void)worker, (void)data, (void)len, (void)ret_size;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    *(int64_t *)ret = (int64_t)limit.rlim_cur * 100 + nice(0);
    return sizeof(int64_t);
}

static int64_t scribble(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    /* All before and behind the room for the reply, as far as it can be one's own. */
    (void)worker, (void)data, (void)len, (void)ret_size;
    memset((char *)ret - 3 * 256, 0xA5, 3 * 256 - 64);
    _exit(3);
}

/* The pool's memory, as a wild pointer may find it. */
static struct picot__process_memory *find_memory(void)
{
    char line[512];
    unsigned long at = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "picot-pool") && sscanf(line, "%lx", &at) == 1) break;
    if (maps) (void)fclose(maps);
    return (struct picot__process_memory *)at;
}

/* And goes on. data: 't' its ring's end, 's' the states of all slots, 'n' whom it is to tell, 'r' the ring. */
static int64_t spoil(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    struct picot__process_memory *memory = find_memory();
    (void)len, (void)ret, (void)ret_size;
    switch (*(const char *)data) {
    case 't':
        memory->workers[picot_worker_index(worker)].tail += 7 * PICOT__SLOTS;
        break;
    case 's':
        for (int i = 0; i < PICOT__SLOTS; i++)
            memory->slots[i].state = 0xABCDEF03;
        break;
    case 'r':
        memset(memory->workers[picot_worker_index(worker)].completed, 0xEE, 4 * PICOT__SLOTS);
        break;
    default:
        memory->notify = 0xFFFFFFFF;
        break;
    }
    return 0;
}

static const picot_process_function functions[] = {
    {"reverse", reverse},   {"code", code},
    {"die", die},           {"segv", segv},
    {"stuck", stuck},       {"fill", fill},
    {"calls", count_calls}, {"until_asked", until_asked},
    {"start", start_with},  {"limits", report_limits},
    {"scribble", scribble}, {"spoil", spoil},
};

static picot_process_server *server;

static picot_executor *pool_of(const picot_process_pool_options *options)
{
    picot_executor *pool;
    if (!server) CHECK_EQ(picot_process_server_start(functions, sizeof functions / sizeof *functions, &server), 0);
    CHECK_EQ(picot_process_pool_create(server, options, &pool), 0);
    return pool;
}

static void end(picot_executor *pool)
{
    CHECK_EQ(picot_process_server_stop(server), -EBUSY);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(picot_process_server_stop(server), 0);
    server = NULL;
}

static picot_process_pool_options options_for(uint32_t processes)
{
    picot_process_pool_options options = PICOT_PROCESS_POOL_OPTIONS_INIT;
    options.processes_max = processes;
    options.memory = (size_t)200 << 20;
    return options;
}

static int64_t result_of(picot_executor *pool, picot_work *work)
{
    CHECK_EQ(picot_executor_submit(pool, work), 0);
    CHECK_EQ(picot_work_wait(work, 60 * PICOT_SECOND), 0);
    return work->result;
}

static int64_t request(picot_executor *pool, const char *name, const void *data, size_t len, void *ret, size_t size)
{
    picot_work work = PICOT_WORK_INIT;
    picot_work_request(&work, name, data, len, ret, size);
    return result_of(pool, &work);
}

static int64_t request_int(picot_executor *pool, const char *name, int number)
{
    return request(pool, name, &number, sizeof number, NULL, 0);
}

/* ---- bytes --------------------------------------------------------------------------------------------- */

static void bytes_go_and_come(void)
{
    static const size_t sizes[] = {0, 1, 7, 64, 183, 184, 185, 4096, 4097, 100000, 1 << 20};
    picot_process_pool_options options = options_for(2);
    picot_executor *pool = pool_of(&options);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t len = sizes[i];
        char *data = malloc(len + 1), *ret = malloc(len + 1);
        for (size_t j = 0; j < len; j++)
            data[j] = (char)(j * 7 + j / 251);
        memset(ret, 0, len + 1);
        ret[len] = 'x';
        CHECK_EQ(request(pool, "reverse", data, len, ret, len), len);
        for (size_t j = 0; j < len; j++)
            CHECK_EQ(ret[j], data[len - 1 - j]);
        CHECK_EQ(ret[len], 'x');
        if (len > 0) CHECK_EQ(request(pool, "reverse", data, len, ret, len - 1), -EMSGSIZE); /* the reply is longer */
        free(data);
        free(ret);
    }
    end(pool);
}

static void codes_and_errors(void)
{
    picot_process_pool_options options = options_for(1);
    picot_executor *pool = pool_of(&options);
    picot_work work = PICOT_WORK_INIT;
    CHECK_EQ(request_int(pool, "code", -EDOM), -EDOM);
    CHECK_EQ(request_int(pool, "code", 0), 0);
    CHECK_EQ(request_int(pool, "nobody knows this", 0), -ENOSYS);
    char byte = 1;
    CHECK_EQ(request(pool, "reverse", &byte, (size_t)300 << 20, NULL, 0), -EMSGSIZE); /* more than there is memory */
    picot_work_call(&work, NULL, NULL);
    CHECK_EQ(picot_executor_submit(pool, &work), -EINVAL); /* not for this kind */
    end(pool);
}

static void options_are_checked(void)
{
    picot_process_pool_options options = options_for(65);
    picot_process_function twice[] = {{"a", code}, {"a", code}};
    picot_process_server *other;
    picot_executor *pool = NULL;
    CHECK_EQ(picot_process_server_start(NULL, 1, &other), -EINVAL);
    CHECK_EQ(picot_process_server_start(functions, 0, &other), -EINVAL);
    CHECK_EQ(picot_process_server_start(twice, 2, &other), -EINVAL);
    CHECK_EQ(picot_process_server_start(functions, 1, NULL), -EINVAL);
    CHECK_EQ(picot_process_server_start(functions, 3, &server), 0);
    CHECK_EQ(picot_process_pool_create(server, &options, &pool), -EINVAL);
    options = options_for(2);
    options.processes_min = 3;
    CHECK_EQ(picot_process_pool_create(server, &options, &pool), -EINVAL);
    options = options_for(2);
    options.full = PICOT_POOL_CALLER_RUNS;
    CHECK_EQ(picot_process_pool_create(server, &options, &pool), -EINVAL);
    options = options_for(2);
    options.on_start = "unknown";
    CHECK_EQ(picot_process_pool_create(server, &options, &pool), -EINVAL);
    options = options_for(2);
    options.on_start_len = 5000;
    CHECK_EQ(picot_process_pool_create(server, &options, &pool), -EINVAL);
    CHECK_EQ(picot_process_pool_create(NULL, NULL, &pool), -EINVAL);
    CHECK(!pool);
    CHECK_EQ(picot_process_server_stop(server), 0);
    CHECK_EQ(picot_process_server_stop(NULL), 0);
}

static void *idle_thread(void *gate)
{
    char byte;
    return read(*(int *)gate, &byte, 1) < 0 ? gate : NULL;
}

static void the_server_starts_before_threads(void)
{
    int gate[2];
    pthread_t thread;
#ifdef PICOT_SANITIZED
    SKIP("a sanitizer has threads of its own");
#endif
    CHECK_EQ(pipe(gate), 0);
    CHECK_EQ(pthread_create(&thread, NULL, idle_thread, &gate[0]), 0);
    CHECK_EQ(picot_process_server_start(functions, 1, &server), -EBUSY);
    CHECK_EQ(close(gate[1]), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(close(gate[0]), 0);
}

/* ---- lent memory ------------------------------------------------------------------------------------------ */

static void lent_memory_is_not_copied(void)
{
    picot_process_pool_options options = options_for(1);
    picot_executor *pool = pool_of(&options), *threads;
    size_t size = (size_t)64 << 20;
    void *data = NULL, *ret = NULL, *none = NULL;
    CHECK_EQ(picot_lend(pool, size, &data), 0);
    CHECK_EQ(picot_lend(pool, size, &ret), 0);
    CHECK_EQ(picot_lend(pool, (size_t)150 << 20, &none), -ENOBUFS);
    CHECK_EQ(picot_lend(pool, (size_t)250 << 20, &none), -EMSGSIZE);
    CHECK_EQ(picot_lend(pool, 0, &none), -EINVAL);
    CHECK(!none);
    memset(data, 'q', 10);
    CHECK_EQ(request(pool, "fill", data, 1, ret, size), (int64_t)size); /* 64 MiB */
    CHECK_EQ(((char *)ret)[0], 'q');
    CHECK_EQ(((char *)ret)[size - 1], 'q');
    CHECK_EQ(picot_lend_return(pool, (char *)data + 1, size), -EINVAL);
    CHECK_EQ(picot_lend_return(pool, &size, 8), -EINVAL);
    CHECK_EQ(picot_lend_return(pool, data, size), 0);
    CHECK_EQ(picot_lend_return(pool, ret, size), 0);
    CHECK_EQ(picot_lend(pool, (size_t)190 << 20, &data), 0); /* in one piece again */
    CHECK_EQ(picot_lend_return(pool, data, (size_t)190 << 20), 0);
    CHECK_EQ(picot_thread_pool_create(NULL, &threads), 0);
    CHECK_EQ(picot_lend(threads, 10, &data), -EINVAL);
    CHECK_EQ(picot_executor_destroy(threads), 0);
    end(pool);
}

static void large_ones_wait_for_memory(void)
{
    enum { CALLS = 20 };
    picot_process_pool_options options = options_for(2);
    picot_work works[CALLS], *all[CALLS];
    char *replies[CALLS], letter[CALLS];
    options.memory = 1 << 20;
    picot_executor *pool = pool_of(&options);
    for (int i = 0; i < CALLS; i++) {
        works[i] = (picot_work)PICOT_WORK_INIT;
        replies[i] = malloc(300000);
        letter[i] = (char)('a' + i);
        picot_work_request(all[i] = &works[i], "fill", &letter[i], 1, replies[i], 300000);
        CHECK_EQ(picot_executor_submit(pool, &works[i]), 0);
    }
    CHECK_EQ(picot_works_wait(all, CALLS, PICOT_WORKS_ALL, PICOT_NEVER), CALLS);
    for (int i = 0; i < CALLS; i++) {
        CHECK_EQ(works[i].result, 300000);
        CHECK_EQ(replies[i][0], letter[i]);
        CHECK_EQ(replies[i][299999], letter[i]);
        free(replies[i]);
    }
    end(pool);
}

/* ---- workers that die ----------------------------------------------------------------------------------------- */

static void dies_with(picot_executor *pool, const char *name, int how, int status)
{
    picot_work work = PICOT_WORK_INIT;
    picot_work_request(&work, name, &how, sizeof how, NULL, 0);
    CHECK_EQ(result_of(pool, &work), PICOT_EWORKERDIED);
    CHECK_EQ(picot_work_exit_status(&work), status);
    CHECK_EQ(request_int(pool, "code", -77), -77); /* another one has taken its place */
}

static void a_dead_worker_fails_its_call_alone(void)
{
    picot_process_pool_options options = options_for(1);
    picot_executor *pool = pool_of(&options);
    dies_with(pool, "die", -SIGKILL, -SIGKILL);
    dies_with(pool, "die", -SIGABRT, -SIGABRT);
    dies_with(pool, "die", 0, 0);
    dies_with(pool, "die", 7, 7);
    dies_with(pool, "segv", 0, -SIGSEGV);
    end(pool);
}

static void its_neighbours_are_unharmed(void)
{
    enum { CALLS = 60 };
    picot_process_pool_options options = options_for(3);
    picot_executor *pool = pool_of(&options);
    picot_work works[CALLS], *all[CALLS];
    int numbers[CALLS];
    for (int i = 0; i < CALLS; i++) {
        works[i] = (picot_work)PICOT_WORK_INIT;
        numbers[i] = i % 6 == 0 ? -SIGKILL : -1000 - i;
        picot_work_request(all[i] = &works[i], i % 6 == 0 ? "die" : "code", &numbers[i], sizeof(int), NULL, 0);
        CHECK_EQ(picot_executor_submit(pool, &works[i]), 0);
    }
    CHECK_EQ(picot_works_wait(all, CALLS, PICOT_WORKS_ALL, 60 * PICOT_SECOND), CALLS);
    for (int i = 0; i < CALLS; i++)
        CHECK_EQ(works[i].result, i % 6 == 0 ? PICOT_EWORKERDIED : -1000 - i);
    end(pool);
}

/* It cannot tell that it is done, and so ends; what it had done is delivered. */
static void a_worker_without_descriptors_is_replaced(void)
{
    picot_process_pool_options options = options_for(1);
    picot_executor *pool = pool_of(&options);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(request_int(pool, "die", 1000), 0);
        CHECK_EQ(request_int(pool, "code", -77), -77);
    }
    end(pool);
}

static void a_scribbling_worker_harms_no_program(void)
{
    picot_process_pool_options options = options_for(2);
    picot_executor *pool = pool_of(&options);
    char ret[16];
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(request(pool, "scribble", NULL, 0, ret, sizeof ret), PICOT_EWORKERDIED);
        CHECK_EQ(request_int(pool, "code", -77), -77);
    }
    end(pool);
}

/* A worker that has spoiled what it shares lives on: nobody waits for ever, and the pool finds another. */
static void a_spoiling_worker_holds_up_nobody(void)
{
    static const char ways[] = "tsrn";
    picot_process_pool_options options = options_for(1);
    picot_executor *pool = pool_of(&options);
    for (int i = 0; i < 12; i++) {
        int64_t result = request(pool, "spoil", &ways[i % 4], 1, NULL, 0);
        CHECK(result == 0 || result == PICOT_EWORKERDIED);
        CHECK_EQ(request_int(pool, "code", -77), -77);
    }
    end(pool);
}

static void a_policy_breaks_the_pool(void)
{
    picot_process_pool_options options = options_for(1);
    options.break_on_crash = 1;
    picot_executor *pool = pool_of(&options);
    picot_work dies = PICOT_WORK_INIT, later = PICOT_WORK_INIT;
    int how = -SIGKILL, number = 3;
    picot_work_request(&dies, "die", &how, sizeof how, NULL, 0);
    CHECK_EQ(picot_executor_submit(pool, &dies), 0);
    CHECK_EQ(picot_work_wait(&dies, PICOT_NEVER), 0);
    picot_work_request(&later, "code", &number, sizeof number, NULL, 0);
    CHECK_EQ(dies.result, PICOT_EWORKERDIED);
    while (picot_executor_submit(pool, &later) == 0)
        CHECK_EQ(picot_work_wait(&later, 60 * PICOT_SECOND), 0);
    CHECK_EQ(picot_executor_submit(pool, &later), PICOT_EBROKEN);
    end(pool);
}

/* The parent of a pool's worker, which is stored, too. */
static pid_t server_of(picot_executor *pool, pid_t *ret_worker)
{
    int answer[3], parent = 0;
    char path[64];
    CHECK_EQ(request(pool, "calls", NULL, 0, answer, sizeof answer), sizeof answer);
    (void)snprintf(path, sizeof path, "/proc/%d/stat", answer[0]);
    FILE *file = fopen(path, "r");
    CHECK(file && fscanf(file, "%*d (%*[^)]) %*c %d", &parent) == 1);
    (void)fclose(file);
    CHECK(parent > 1 && parent != getpid());
    *ret_worker = answer[0];
    return parent;
}

static void becomes_broken(picot_executor *pool)
{
    picot_work work = PICOT_WORK_INIT;
    int rc, code = 0;
    do {
        picot_work_request(&work, "code", &code, sizeof code, NULL, 0);
        rc = picot_executor_submit(pool, &work);
        if (rc == 0) CHECK_EQ(picot_work_wait(&work, 60 * PICOT_SECOND), 0);
    } while (rc == 0);
    CHECK_EQ(rc, PICOT_EBROKEN);
}

static void the_server_may_be_killed(void)
{
    picot_process_pool_options options = options_for(1);
    picot_executor *pool = pool_of(&options);
    pid_t worker;
    CHECK_EQ(kill(server_of(pool, &worker), SIGKILL), 0);
    becomes_broken(pool);
    end(pool);
}

/* It does not answer; after ten seconds it is taken for lost. */
static void the_server_may_be_stopped(void)
{
    picot_process_pool_options options = options_for(1);
    picot_executor *pool = pool_of(&options);
    pid_t worker, parent = server_of(pool, &worker);
    CHECK_EQ(kill(parent, SIGSTOP), 0);
    CHECK_EQ(kill(worker, SIGKILL), 0);
    becomes_broken(pool);
    end(pool);
}

/* With nothing to be asked, its end waits for nothing. */
static void a_stopped_server_ends(void)
{
    picot_process_pool_options options = options_for(1);
    picot_executor *pool = pool_of(&options);
    pid_t worker, parent = server_of(pool, &worker);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    CHECK_EQ(kill(parent, SIGSTOP), 0);
    CHECK_EQ(picot_process_server_stop(server), 0);
    server = NULL;
}

/* ---- limits and cancelling ------------------------------------------------------------------------------------- */

static void a_stuck_call_is_killed_by_its_limit(void)
{
    picot_process_pool_options options = options_for(1);
    picot_executor *pool = pool_of(&options);
    picot_work work = PICOT_WORK_INIT, next = PICOT_WORK_INIT;
    int number = -5;
    picot_work_request(&work, "stuck", NULL, 0, NULL, 0);
    picot_work_limit(&work, 20 * PICOT_MS);
    picot_work_request(&next, "code", &number, sizeof number, NULL, 0);
    picot_work_limit(&next, 60 * PICOT_SECOND);
    CHECK_EQ(picot_executor_submit(pool, &work), 0);
    CHECK_EQ(picot_executor_submit(pool, &next), 0);
    CHECK_EQ(picot_work_wait(&work, 60 * PICOT_SECOND), 0);
    CHECK_EQ(work.result, -ETIMEDOUT);
    CHECK_EQ(picot_work_exit_status(&work), -SIGKILL);
    CHECK_EQ(picot_work_wait(&next, 60 * PICOT_SECOND), 0);
    CHECK_EQ(next.result, -5); /* it had not begun, and is not touched */
    end(pool);
}

/* Two calls, the first of which runs when it is cancelled and the second waits behind it. */
static int64_t first_of_two_cancelled(const char *name, int64_t grace_ns)
{
    picot_process_pool_options options = options_for(1);
    options.cancel_grace_ns = grace_ns;
    picot_executor *pool = pool_of(&options);
    picot_work first = PICOT_WORK_INIT, second = PICOT_WORK_INIT;
    int number = 0;
    picot_work_request(&first, name, NULL, 0, &number, sizeof number);
    picot_work_request(&second, "code", &number, sizeof number, NULL, 0);
    CHECK_EQ(picot_executor_submit(pool, &first), 0);
    while (picot_work_cancel(&first) == 1) /* until it has begun */
        CHECK_EQ(picot_executor_submit(pool, &first), 0);
    CHECK_EQ(picot_executor_submit(pool, &second), 0);
    int rc = picot_work_cancel(&second); /* behind the other one, unless that is over already */
    CHECK(rc == 1 || rc == -EBUSY || rc == -EALREADY);
    CHECK_EQ(picot_work_wait(&first, 60 * PICOT_SECOND), 0);
    CHECK_EQ(picot_work_wait(&second, 60 * PICOT_SECOND), 0);
    end(pool);
    return first.result;
}

static void cancelled_calls(void)
{
    CHECK_EQ(first_of_two_cancelled("until_asked", 50 * PICOT_SECOND), 1); /* it has listened */
    CHECK_EQ(first_of_two_cancelled("stuck", 0), -ECANCELED);              /* killed, after the usual time */
}

static void shutdown_always_ends(void)
{
    picot_process_pool_options options = options_for(2);
    picot_executor *pool = pool_of(&options);
    enum { CALLS = 3000 };
    static picot_work works[CALLS];
    for (int i = 0; i < CALLS; i++) {
        picot_work_request(&works[i], "stuck", NULL, 0, NULL, 0);
        CHECK_EQ(picot_executor_submit(pool, &works[i]), 0);
    }
    CHECK_EQ(picot_executor_shutdown(pool, PICOT_SHUTDOWN_CANCEL), 0);
    CHECK_EQ(picot_executor_submit(pool, &works[0]),
             picot_work_state(&works[0]) == PICOT_WORK_DONE ? PICOT_ECLOSED : -EBUSY);
    CHECK_EQ(picot_executor_shutdown(pool, PICOT_SHUTDOWN_CANCEL | PICOT_SHUTDOWN_WAIT), 0);
    for (int i = 0; i < CALLS; i++)
        CHECK_EQ(works[i].result, -ECANCELED);
    end(pool);
}

/* ---- the life of workers ------------------------------------------------------------------------------------------
 */

static void workers_retire_after_some_calls(void)
{
    picot_process_pool_options options = options_for(1);
    options.max_tasks_per_child = 3;
    picot_executor *pool = pool_of(&options);
    int last_pid = 0, answer[3];
    for (int i = 0; i < 12; i++) {
        CHECK_EQ(request(pool, "calls", NULL, 0, answer, sizeof answer), sizeof answer);
        CHECK_EQ(answer[1], i % 3 + 1);
        CHECK_EQ(answer[0] != last_pid, i % 3 == 0);
        last_pid = answer[0];
    }
    end(pool);
}

static void workers_begin_with_a_start_function(void)
{
    picot_process_pool_options options = options_for(2);
    int number = 42, answer[3];
    options.on_start = "start";
    options.on_start_data = &number;
    options.on_start_len = sizeof number;
    picot_executor *pool = pool_of(&options);
    CHECK_EQ(request(pool, "calls", NULL, 0, answer, sizeof answer), sizeof answer);
    CHECK_EQ(answer[2], 42);
    CHECK_EQ(picot_executor_destroy(pool), 0);
    number = -1; /* it fails */
    pool = pool_of(&options);
    picot_work work = PICOT_WORK_INIT;
    picot_work_request(&work, "code", &number, sizeof number, NULL, 0);
    int rc = picot_executor_submit(pool, &work);
    if (rc == 0) {
        CHECK_EQ(picot_work_wait(&work, 60 * PICOT_SECOND), 0);
        rc = (int)work.result;
    }
    CHECK_EQ(rc, PICOT_EBROKEN);
    end(pool);
}

static void workers_have_limits(void)
{
    picot_process_pool_options options = options_for(1);
    picot_process_limit limit = {RLIMIT_NOFILE, 77, 99};
    int64_t answer = 0;
    options.limits = &limit;
    options.limit_count = 1;
    options.nice = 3;
    int before = nice(0);
    picot_executor *pool = pool_of(&options);
    CHECK_EQ(request(pool, "limits", NULL, 0, &answer, sizeof answer), sizeof answer);
    CHECK_EQ(answer, 7700 + (before + 3 > 19 ? 19 : before + 3));
    end(pool);
}

static void workers_start_when_needed(void)
{
    picot_process_pool_options options = options_for(4);
    picot_executor *pool = pool_of(&options);
    picot_executor_stats stats;
    CHECK_EQ(picot_executor_stats_get(pool, &stats), 0);
    CHECK_EQ(stats.workers, 0);
    for (int i = 0; i < 50; i++)
        CHECK_EQ(request_int(pool, "code", -1), -1);
    CHECK_EQ(picot_executor_stats_get(pool, &stats), 0);
    CHECK(stats.workers >= 1 && stats.workers <= 4);
    CHECK_EQ(stats.done, 50);
    end(pool);
}

static void a_forked_child_may_only_destroy(void)
{
    picot_process_pool_options options = options_for(1);
    picot_executor *pool = pool_of(&options);
    int status, number = -3;
    CHECK_EQ(request_int(pool, "code", number), number);
    pid_t pid = fork();
    if (pid == 0) {
        picot_work work = PICOT_WORK_INIT;
        void *lent;
        picot_work_request(&work, "code", &number, sizeof number, NULL, 0);
        bool right = picot_executor_submit(pool, &work) == PICOT_EFORKED &&
                     picot_lend(pool, 10, &lent) == PICOT_EFORKED && picot_executor_destroy(pool) == 0 &&
                     picot_process_server_stop(server) == 0;
        _exit(right ? 0 : 1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(request_int(pool, "code", number), number);
    end(pool);
}

static void many_calls(void)
{
    enum { CALLS = 20000, AHEAD = 1500 };
    static picot_work works[AHEAD];
    static int numbers[AHEAD], replies[AHEAD];
    picot_process_pool_options options = options_for(3);
    picot_executor *pool = pool_of(&options);
    for (int i = 0; i < CALLS; i++) {
        picot_work *work = &works[i % AHEAD];
        if (i >= AHEAD) {
            CHECK_EQ(picot_work_wait(work, 60 * PICOT_SECOND), 0);
            CHECK_EQ(work->result, sizeof(int));
            CHECK_EQ(replies[i % AHEAD], (int)__builtin_bswap32((unsigned)(i - AHEAD)));
        }
        numbers[i % AHEAD] = i;
        picot_work_request(work, "reverse", &numbers[i % AHEAD], sizeof(int), &replies[i % AHEAD], sizeof(int));
        CHECK_EQ(picot_executor_submit(pool, work), 0);
    }
    for (int i = 0; i < AHEAD; i++)
        CHECK_EQ(picot_work_wait(&works[i], 60 * PICOT_SECOND), 0);
    end(pool);
}

/* ---- programs with threads --------------------------------------------------------------------------- */

static void *start_server(void *argument)
{
    *(int *)argument = picot_process_server_start_anew(functions, sizeof functions / sizeof *functions, &server);
    return NULL;
}

/* Also from a thread that ends at once. */
static void a_server_begins_late(void)
{
    picot_process_pool_options options = options_for(1);
    pthread_t thread;
    int rc = 1;
    CHECK_EQ(picot_process_server_start_anew(NULL, 1, &server), -EINVAL);
    CHECK_EQ(pthread_create(&thread, NULL, start_server, &rc), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(rc, 0);
    picot_executor *pool = pool_of(&options);
    CHECK_EQ(request_int(pool, "code", -77), -77);
    CHECK_EQ(request_int(pool, "die", -SIGKILL), PICOT_EWORKERDIED);
    CHECK_EQ(request_int(pool, "code", -77), -77);
    end(pool);
}

static void a_server_with_another_table_is_refused(void)
{
    static const picot_process_function other[] = {{"other", code}};
    picot_process_server *refused = NULL;
    CHECK_EQ(picot_process_server_start_anew(other, 1, &refused), -ENOEXEC);
    CHECK(!refused);
}

/* Whoever reads the pipe's end: all that hold it have gone. */
static void all_end_with_the_program(void)
{
    int pipes[2];
    char byte;
    CHECK_EQ(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(pipes[0]);
        (void)dup2(pipes[1], 1);
        (void)close(pipes[1]);
        picot_process_pool_options options = options_for(2);
        picot_executor *pool = pool_of(&options);
        picot_work work = PICOT_WORK_INIT;
        picot_work_request(&work, "stuck", NULL, 0, NULL, 0);
        (void)picot_executor_submit(pool, &work);
        (void)request_int(pool, "code", -77);
        (void)raise(SIGKILL);
    }
    (void)close(pipes[1]);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_EQ(read(pipes[0], &byte, 1), 0);
    (void)close(pipes[0]);
}

static const struct tap_case cases[] = {
    {"bytes go and come", bytes_go_and_come, 0},
    {"codes and errors", codes_and_errors, 0},
    {"options are checked", options_are_checked, 0},
    {"the server starts before threads", the_server_starts_before_threads, 0},
    {"lent memory is not copied", lent_memory_is_not_copied, 0},
    {"large requests wait for memory", large_ones_wait_for_memory, 0},
    {"a dead worker fails its call alone", a_dead_worker_fails_its_call_alone, 0},
    {"its neighbours are unharmed", its_neighbours_are_unharmed, 0},
    {"a worker without descriptors is replaced", a_worker_without_descriptors_is_replaced, 0},
    {"a scribbling worker harms no program", a_scribbling_worker_harms_no_program, 0},
    {"a spoiling worker holds up nobody", a_spoiling_worker_holds_up_nobody, 0},
    {"a policy breaks the pool", a_policy_breaks_the_pool, 0},
    {"the server may be killed", the_server_may_be_killed, 0},
    {"the server may be stopped", the_server_may_be_stopped, TAP_SLOW},
    {"a stopped server ends", a_stopped_server_ends, 0},
    {"a stuck call is killed by its limit", a_stuck_call_is_killed_by_its_limit, 0},
    {"cancelled calls", cancelled_calls, 0},
    {"a shutdown always ends", shutdown_always_ends, 0},
    {"workers retire after some calls", workers_retire_after_some_calls, 0},
    {"workers begin with a start function", workers_begin_with_a_start_function, 0},
    {"workers have limits", workers_have_limits, 0},
    {"workers start when needed", workers_start_when_needed, 0},
    {"a forked child may only destroy", a_forked_child_may_only_destroy, 0},
    {"many calls", many_calls, 0},
    {"a server begins late", a_server_begins_late, 0},
    {"a server with another table is refused", a_server_with_another_table_is_refused, 0},
    {"all end with the program", all_end_with_the_program, 0},
};

int main(int argc, char **argv)
{
    (void)picot_process_server_main(argc, argv, functions, sizeof functions / sizeof *functions);
    return tap_main(cases, sizeof cases / sizeof *cases, argc, argv);
}
