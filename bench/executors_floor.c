/* SPDX-License-Identifier: MIT
 *
 * executors_floor.c - what this machine takes for the least that a call elsewhere needs: a request handed over in
 * shared memory, the other end woken by a futex, ours by an eventfd that epoll waits for. No loop, no queue, no checks.
 *
 * With many under way neither end sleeps while there is something to do: that is two rings and the copies.
 */
#include "executors.h"

#include <errno.h>
#include <linux/futex.h>
#include <picot/base.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SMALL 64
#define SLOTS 1024U /* in each ring */
#define IN_FLIGHT 1000

struct slot {
    char bytes[SMALL];
};

/* One direction. The numbers only grow. */
struct ring {
    _Alignas(64) _Atomic uint32_t put;
    _Alignas(64) _Atomic uint32_t taken;
    _Alignas(64) struct slot slots[SLOTS];
};

struct pair {
    struct ring there, back;
    _Atomic uint32_t sleeping; /* the other end waits for there.put to change */
    int wake_fd;
    size_t size; /* of a request that is copied; 0: none is */
    long count;
};

static void futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
    (void)syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

/* ---- the other end ------------------------------------------------------------------------------- */

static uint32_t wait_for_work(struct pair *pair, uint32_t taken)
{
    for (;;) {
        uint32_t put = atomic_load(&pair->there.put);
        if (put != taken) return put;
        atomic_store(&pair->sleeping, 1);
        if (atomic_load(&pair->there.put) == taken) futex(&pair->there.put, FUTEX_WAIT, taken);
        atomic_store(&pair->sleeping, 0);
    }
}

static void *serve(void *arg)
{
    struct pair *pair = arg;
    uint32_t taken = 0;
    while (taken < (uint32_t)pair->count) {
        uint32_t put = wait_for_work(pair, taken);
        for (; taken != put; taken++)
            memcpy(&pair->back.slots[taken % SLOTS], &pair->there.slots[taken % SLOTS], pair->size);
        atomic_store(&pair->back.put, taken);
        (void)eventfd_write(pair->wake_fd, 1);
    }
    return NULL;
}

/* ---- ours ---------------------------------------------------------------------------------------- */

static void ask(struct pair *pair, uint32_t *put, uint32_t count, const struct slot *request)
{
    for (uint32_t i = 0; i < count; i++)
        memcpy(&pair->there.slots[(*put + i) % SLOTS], request, pair->size);
    *put += count;
    atomic_store(&pair->there.put, *put);
    if (atomic_load(&pair->sleeping)) futex(&pair->there.put, FUTEX_WAKE, 1);
}

static bool call_all(struct pair *pair, int epoll_fd, uint32_t in_flight)
{
    struct slot request = {"request"}, answer = {""};
    uint32_t put = 0, taken = 0, count = (uint32_t)pair->count;
    ask(pair, &put, in_flight, &request);
    while (taken < count) {
        struct epoll_event event;
        if (epoll_wait(epoll_fd, &event, 1, -1) < 0 && errno != EINTR) return false;
        uint32_t back = atomic_load(&pair->back.put), got = back - taken, more = count - put;
        for (; taken != back; taken++)
            memcpy(&answer, &pair->back.slots[taken % SLOTS], pair->size);
        if (more > 0 && got > 0) ask(pair, &put, got < more ? got : more, &request);
    }
    return true;
}

static int64_t wall_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * PICOT_SECOND + now.tv_nsec;
}

static double with_thread(struct pair *pair, int epoll_fd, uint32_t in_flight)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, pair) != 0) return -1;
    int64_t begin_ns = executors_cpu_ns();
    bool done = call_all(pair, epoll_fd, in_flight);
    int64_t ns = executors_cpu_ns() - begin_ns;
    (void)pthread_join(thread, NULL);
    return done ? (double)ns / (double)pair->count : -1;
}

static double with_process(struct pair *pair, int epoll_fd, uint32_t in_flight)
{
    pid_t child = fork();
    if (child < 0) return -1;
    if (child == 0) {
        (void)serve(pair);
        _exit(0);
    }
    int64_t begin_ns = wall_ns();
    bool done = call_all(pair, epoll_fd, in_flight);
    int64_t ns = wall_ns() - begin_ns;
    (void)waitpid(child, NULL, 0);
    return done ? (double)ns / (double)pair->count : -1;
}

double executors_floor(const char *row, long count)
{
    bool process = strncmp(row, "process", 7) == 0, many = strstr(row, "throughput");
    if (!many && strcmp(row, "thread_rtt") != 0 && strcmp(row, "process_rtt_64") != 0) return 0;
    struct pair *pair = mmap(NULL, sizeof *pair, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pair == MAP_FAILED) return -1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET}; /* it need not be read */
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pair->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pair->size = process ? SMALL : sizeof(void *);
    pair->count = count;
    double ns = -1;
    if (epoll_fd >= 0 && pair->wake_fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair->wake_fd, &event) == 0)
        ns = (process ? with_process : with_thread)(pair, epoll_fd, many ? IN_FLIGHT : 1);
    (void)close(pair->wake_fd);
    (void)close(epoll_fd);
    (void)munmap(pair, sizeof *pair);
    return ns;
}
