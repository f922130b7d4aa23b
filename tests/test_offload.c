/* SPDX-License-Identifier: MIT
 *
 * test_offload.c - name lookups, and how they and files share the loop's thread pools.
 *
 * getaddrinfo is replaced here: names that begin with "slow" wait at a gate until the test opens it.
 */
#include "../loop/internal.h"
#include "tap.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POOL_THREADS 4

/* ---- the gate -------------------------------------------------------------------------------- */

static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static int gate_waiting;

/* One at a time: the C library's own cache in getaddrinfo looks like a race to the thread sanitizer. */
static int real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **ret_list)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **), rc;

    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    (void)pthread_mutex_lock(&mutex);
    rc = real(host, service, hints, ret_list);
    (void)pthread_mutex_unlock(&mutex);
    return rc;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret_list)
{
    if (!host || strncmp(host, "slow", 4)) return real_getaddrinfo(host, service, hints, ret_list);
    (void)pthread_mutex_lock(&gate_mutex);
    gate_waiting++;
    (void)pthread_cond_broadcast(&gate_changed);
    while (!gate_open)
        (void)pthread_cond_wait(&gate_changed, &gate_mutex);
    gate_waiting--;
    (void)pthread_mutex_unlock(&gate_mutex);
    return real_getaddrinfo("127.0.0.1", service, hints, ret_list);
}

static void gate_release(void)
{
    (void)pthread_mutex_lock(&gate_mutex);
    gate_open = true;
    (void)pthread_cond_broadcast(&gate_changed);
    (void)pthread_mutex_unlock(&gate_mutex);
}

static void gate_await(int count)
{
    (void)pthread_mutex_lock(&gate_mutex);
    while (gate_waiting < count)
        (void)pthread_cond_wait(&gate_changed, &gate_mutex);
    (void)pthread_mutex_unlock(&gate_mutex);
}

static void *release_later(void *argument)
{
    struct timespec pause = {0, 100000000};

    (void)nanosleep(&pause, NULL);
    gate_release();
    return argument;
}

/* ---- helpers --------------------------------------------------------------------------------- */

static void count_done(picot_loop *loop, picot_op *op)
{
    (void)loop;
    if (op->user) ++*(int *)op->user;
}

/* Submit and run until it is done. */
static int64_t perform(picot_loop *loop, picot_op *op)
{
    int rc = picot_submit(loop, op, count_done, NULL);

    if (rc < 0) return rc;
    while (picot_op_pending(op))
        CHECK(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0);
    return op->result;
}

static void close_handle(picot_loop *loop, picot_fd handle)
{
    picot_op op;

    picot_op_close(&op, handle);
    CHECK_EQ(perform(loop, &op), 0);
}

static int temporary_file(void)
{
    char path[] = "/tmp/picot-test-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    CHECK(fd >= 0);
    CHECK(unlink(path) == 0);
    return fd;
}

static picot_fd adopt_file(picot_loop *loop)
{
    picot_fd handle = picot_adopt(loop, temporary_file());

    CHECK(handle > 0);
    return handle;
}

static int64_t write_at(picot_loop *loop, picot_fd handle, const char *text, int64_t offset)
{
    picot_op op;

    picot_op_write(&op, handle, text, strlen(text), offset);
    return perform(loop, &op);
}

static int64_t read_at(picot_loop *loop, picot_fd handle, char *buf, size_t len, int64_t offset)
{
    picot_op op;

    memset(buf, 'x', len);
    picot_op_read(&op, handle, buf, len, offset);
    return perform(loop, &op);
}

/* ---- lookups --------------------------------------------------------------------------------- */

static int64_t resolve(picot_loop *loop, const char *host, const char *service, int flags, struct addrinfo **ret_list)
{
    struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM};
    picot_op op;

    picot_op_resolve(&op, host, service, &hints, ret_list);
    return perform(loop, &op);
}

static void resolve_names(void)
{
    picot_loop *loop = tap_loop();
    struct addrinfo *list = NULL;
    struct sockaddr_in *address;

    CHECK_EQ(resolve(loop, "localhost", "80", 0, &list), 0);
    CHECK(list && list->ai_addr);
    freeaddrinfo(list);
    CHECK_EQ(resolve(loop, "127.0.0.1", "8080", AI_NUMERICHOST, &list), 0);
    CHECK_EQ(list->ai_family, AF_INET);
    address = (void *)list->ai_addr;
    CHECK_EQ(ntohl(address->sin_addr.s_addr), 0x7f000001);
    CHECK_EQ(ntohs(address->sin_port), 8080);
    CHECK(!list->ai_next);
    freeaddrinfo(list);
    CHECK_EQ(resolve(loop, "::1", NULL, AI_NUMERICHOST, &list), 0);
    CHECK_EQ(list->ai_family, AF_INET6);
    freeaddrinfo(list);
    CHECK_EQ(resolve(loop, NULL, "443", AI_PASSIVE, &list), 0);
    freeaddrinfo(list);
    tap_loop_end(loop);
}

static void resolve_failures(void)
{
    picot_loop *loop = tap_loop();
    struct addrinfo *list = (void *)loop; /* untouched on failure */
    char name[300];
    int lengths[] = {254, 255, 256, 257, 299};

    CHECK_EQ(resolve(loop, "", "80", 0, &list), -EINVAL);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int c = 0; c < lengths[i]; c++)
            name[c] = c % 50 == 49 ? '.' : 'a';
        name[lengths[i]] = 0;
        CHECK_EQ(resolve(loop, name, "80", 0, &list), -EINVAL);
    }
    memset(name, 'a', 64);
    memcpy(name + 64, ".test", 6);
    CHECK_EQ(resolve(loop, name, "80", 0, &list), -EINVAL);
    CHECK_EQ(resolve(loop, NULL, NULL, 0, &list), -EINVAL);
    CHECK_EQ(resolve(loop, "127.0.0.1", "80", 0, NULL), -EINVAL);
    CHECK_EQ(resolve(loop, "not-a-number", "80", AI_NUMERICHOST, &list), PICOT_ENOHOST);
    CHECK_EQ(resolve(loop, "127.0.0.1", "no-such-service", 0, &list), PICOT_ESERVICE);
    CHECK(list == (void *)loop);
    tap_loop_end(loop);
}

/* A lookup whose thread is inside getaddrinfo: the caller has everything back at once. */
static void cancel_begun_lookup(void)
{
    picot_loop *loop = tap_loop();
    char *host = strdup("slow.test"), *service = strdup("80");
    struct addrinfo *hints = calloc(1, sizeof *hints), **list = malloc(sizeof(*list));
    picot_op *op = malloc(sizeof *op);
    int done = 0;

    CHECK(host && service && hints && list && op);
    picot_op_resolve(op, host, service, hints, list);
    CHECK_EQ(picot_submit(loop, op, count_done, &done), 0);
    gate_await(1);
    CHECK_EQ(picot_cancel(loop, op), 0);
    CHECK_EQ(done, 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(done, 1);
    CHECK_EQ(op->result, -ECANCELED);
    memset(host, 'z', 9); /* the thread must not look any more */
    free(host);
    free(service);
    free(hints);
    free(list);
    free(op);
    gate_release();
    tap_loop_end(loop); /* waits for the thread, and frees the late answer */
}

/* Cancelled while it waits for a thread, and completed before it is cancelled. */
static void cancel_other_lookups(void)
{
    enum { LOOKUPS = 12 };
    picot_loop *loop = tap_loop();
    struct addrinfo *lists[LOOKUPS];
    picot_op ops[LOOKUPS];
    int done = 0;

    for (int i = 0; i < LOOKUPS; i++) {
        picot_op_resolve(&ops[i], "slow.test", NULL, NULL, &lists[i]);
        CHECK_EQ(picot_submit(loop, &ops[i], count_done, &done), 0);
    }
    gate_await(POOL_THREADS);
    for (int i = 2; i < LOOKUPS; i += 2) /* some begun, most not */
        CHECK_EQ(picot_cancel(loop, &ops[i]), 0);
    while (done < LOOKUPS / 2 - 1)
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 1);
    gate_release();
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(done, LOOKUPS);
    for (int i = 0; i < LOOKUPS; i++) {
        bool cancelled = i >= 2 && i % 2 == 0;

        CHECK_EQ(ops[i].result, cancelled ? -ECANCELED : 0);
        if (!cancelled) freeaddrinfo(lists[i]);
    }
    tap_loop_end(loop);
}

static void slow_lookups_and_files(void)
{
    enum { LOOKUPS = 20 };
    picot_loop *loop = tap_loop();
    struct addrinfo *lists[LOOKUPS];
    picot_op ops[LOOKUPS], op;
    picot_fd handle = adopt_file(loop);
    char buf[8];
    int done = 0;

    for (int i = 0; i < LOOKUPS; i++) {
        picot_op_resolve(&ops[i], "slow.test", NULL, NULL, &lists[i]);
        CHECK_EQ(picot_submit(loop, &ops[i], count_done, &done), 0);
    }
    gate_await(POOL_THREADS);
    CHECK_EQ(write_at(loop, handle, "abc", 0), 3);
    CHECK_EQ(read_at(loop, handle, buf, sizeof buf, 0), 3);
    picot_op_open(&op, AT_FDCWD, "/dev/null", O_RDONLY, 0, 0);
    CHECK(perform(loop, &op) > 0);
    close_handle(loop, op.result);
    close_handle(loop, handle);
    CHECK_EQ(done, 0);
    gate_release();
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(done, LOOKUPS);
    for (int i = 0; i < LOOKUPS; i++) {
        CHECK_EQ(ops[i].result, 0);
        freeaddrinfo(lists[i]);
    }
    tap_loop_end(loop);
}

/* All at once while everything is under way: each completes once, nothing leaks. */
static void forced_destroy(void)
{
    enum { LOOKUPS = 10, FILES = 10 };
    picot_loop *loop = tap_loop();
    struct addrinfo *list;
    picot_op lookups[LOOKUPS], reads[FILES];
    char buf[FILES][16];
    pthread_t thread;
    int done = 0;

    for (int i = 0; i < LOOKUPS; i++) {
        picot_op_resolve(&lookups[i], "slow.test", NULL, NULL, &list);
        CHECK_EQ(picot_submit(loop, &lookups[i], count_done, &done), 0);
    }
    for (int i = 0; i < FILES; i++) {
        picot_op_read(&reads[i], adopt_file(loop), buf[i], sizeof buf[i], 0);
        CHECK_EQ(picot_submit(loop, &reads[i], count_done, &done), 0);
    }
    gate_await(POOL_THREADS);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
    CHECK_EQ(pthread_create(&thread, NULL, release_later, NULL), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    CHECK_EQ(done, LOOKUPS + FILES);
    for (int i = 0; i < LOOKUPS; i++)
        CHECK_EQ(lookups[i].result, -ECANCELED);
    for (int i = 0; i < FILES; i++)
        if (reads[i].result != -ECANCELED) CHECK_EQ(reads[i].result, 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* White-box, as a backend that has failed for good uses it: what cannot be cancelled is waited for. */
static void end_all(void)
{
    enum { FILES = 50 };
    struct addrinfo *list;
    picot_op lookup, opens[FILES];
    picot_loop *loop;
    int done = 0;

    CHECK_EQ(setenv("PICOT_BACKEND", "poll", 1), 0); /* opens files in threads */
    loop = tap_loop();
    picot_op_resolve(&lookup, "slow.test", NULL, NULL, &list);
    CHECK_EQ(picot_submit(loop, &lookup, count_done, &done), 0);
    for (int i = 0; i < FILES; i++) {
        picot_op_open(&opens[i], AT_FDCWD, "/dev/null", O_RDONLY, 0, 0);
        CHECK_EQ(picot_submit(loop, &opens[i], count_done, &done), 0);
    }
    gate_await(1);
    picot__offload_end_all(loop, PICOT_EBACKEND);
    picot__deliver_finished(loop);
    CHECK_EQ(done, FILES + 1);
    CHECK_EQ(lookup.result, PICOT_EBACKEND);
    for (int i = 0; i < FILES; i++) {
        if (opens[i].result == PICOT_EBACKEND) continue;
        CHECK(opens[i].result > 0);
        close_handle(loop, opens[i].result);
    }
    gate_release();
    tap_loop_end(loop);
}

/* In a forked child the threads do not exist; a forced destroy must not wait for them, nor disturb the parent. */
static void forked_child(void)
{
    picot_loop *loop = tap_loop();
    struct addrinfo *list;
    picot_op op, other;
    int status = -1, done = 0;
    pid_t child;

    picot_op_resolve(&op, "slow.test", NULL, NULL, &list);
    CHECK_EQ(picot_submit(loop, &op, count_done, &done), 0);
    gate_await(1);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
#ifndef PICOT_DEBUG
        picot_op_resolve(&other, "127.0.0.1", NULL, NULL, &list);
        CHECK_EQ(picot_submit(loop, &other, count_done, &done), PICOT_EFORKED);
#else
        (void)other;
#endif
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        CHECK_EQ(done, 0);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    gate_release();
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(done, 1);
    CHECK_EQ(op.result, 0);
    freeaddrinfo(list);
    tap_loop_end(loop);
}

/* ---- what the threads are like --------------------------------------------------------------- */

/* Count threads of a name, and check that they take no signal. */
static int threads_named(const char *name)
{
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    int count = 0;

    CHECK(dir);
    while ((entry = readdir(dir))) {
        char path[300], line[128];
        unsigned long long blocked = 0;
        FILE *file;
        bool same = false;

        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        file = fopen(path, "re");
        CHECK(file);
        while (fgets(line, sizeof line, file)) {
            if (!strncmp(line, "Name:\t", 6)) same = !strncmp(line + 6, name, strlen(name));
            (void)sscanf(line, "SigBlk: %llx", &blocked);
        }
        (void)fclose(file);
        if (!same) continue;
        count++;
        CHECK(blocked & 1ULL << (SIGTERM - 1) && blocked & 1ULL << (SIGALRM - 1) && blocked & 1ULL << (SIGCHLD - 1));
    }
    (void)closedir(dir);
    return count;
}

static void threads_are_few(void)
{
    enum { LOOKUPS = 30 };
    picot_loop *loop = tap_loop();
    struct addrinfo *lists[LOOKUPS], *list;
    picot_op ops[LOOKUPS];
    int done = 0;

    CHECK_EQ(threads_named("picot-"), 0);
    for (int i = 0; i < 5; i++) { /* one after the other: one thread */
        CHECK_EQ(resolve(loop, "127.0.0.1", NULL, AI_NUMERICHOST, &list), 0);
        freeaddrinfo(list);
        struct timespec pause = {0, 5000000};
        (void)nanosleep(&pause, NULL); /* until it is idle */
    }
    CHECK_EQ(threads_named("picot-lookup"), 1);
    for (int i = 0; i < LOOKUPS; i++) {
        picot_op_resolve(&ops[i], "slow.test", NULL, NULL, &lists[i]);
        CHECK_EQ(picot_submit(loop, &ops[i], count_done, &done), 0);
    }
    gate_await(POOL_THREADS);
    CHECK_EQ(threads_named("picot-lookup"), POOL_THREADS);
    gate_release();
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(done, LOOKUPS);
    for (int i = 0; i < LOOKUPS; i++)
        freeaddrinfo(lists[i]);
    tap_loop_end(loop);
    CHECK_EQ(threads_named("picot-"), 0);
}

/* Out of memory at any step of a first lookup is a code, and the next one works. */
static void out_of_memory(void)
{
    picot_loop *loop = tap_loop();
    struct addrinfo *list = NULL;
    picot_op op;
    int refused = 0;

    for (int i = 0; i < 4 && !list; i++) {
        picot_op_resolve(&op, "127.0.0.1", NULL, NULL, &list);
        tap_allocator_fail_after(i);
        int64_t result = perform(loop, &op);
        tap_allocator_fail_after(-1);
        if (result == 0) break;
        CHECK_EQ(result, -ENOMEM);
        CHECK_EQ(picot_loop_pending(loop), 0);
        refused++;
    }
    CHECK(refused > 0 && list);
    freeaddrinfo(list);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"resolve names and numbers", resolve_names, TAP_BACKENDS},
    {"resolve: failures", resolve_failures, TAP_BACKENDS},
    {"cancel a lookup that has begun", cancel_begun_lookup, TAP_BACKENDS},
    {"cancel lookups that have not begun", cancel_other_lookups, TAP_BACKENDS},
    {"slow lookups do not hold up files", slow_lookups_and_files, TAP_BACKENDS},
    {"forced destroy with everything under way", forced_destroy, TAP_BACKENDS},
    {"end all, for a failed backend", end_all, 0},
    {"a forked child destroys the loop", forked_child, TAP_BACKENDS},
    {"threads are few, named, and without signals", threads_are_few, 0},
    {"out of memory", out_of_memory, 0},
};

TAP_MAIN(cases)
