/* SPDX-License-Identifier: MIT
 *
 * test_shared.c - between processes: shared memory, a robust lock, a semaphore, an event, a queue; messages with
 * descriptors. Children are forked here and killed at bad moments.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <picot/message.h>
#include <picot/shared.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int status_of(pid_t pid)
{
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

/* In a child: end with 0 if it went well. */
#define CHILD(...)                                                                                                     \
    {                                                                                                                  \
        bool right = false;                                                                                            \
        __VA_ARGS__;                                                                                                   \
        _exit(right ? 0 : 1);                                                                                          \
    }

static picot_shared memory_of(size_t size)
{
    picot_shared memory;
    CHECK_EQ(picot_shared_create(size, &memory), 0);
    return memory;
}

/* ---- memory ---------------------------------------------------------------------------------------- */

static void memory_is_shared(void)
{
    picot_shared memory = memory_of(10000), other;
    char *bytes = memory.data;
    CHECK_EQ(bytes[9999], 0);
    pid_t pid = fork();
    if (pid == 0) CHILD(bytes[9999] = 7; right = true)
    CHECK_EQ(status_of(pid), 0);
    CHECK_EQ(bytes[9999], 7);
    CHECK_EQ(picot_shared_attach(dup(memory.fd), &other), 0);
    CHECK(other.data != memory.data);
    CHECK_EQ(other.size, 10000);
    CHECK_EQ(((char *)other.data)[9999], 7);
    CHECK_EQ(ftruncate(memory.fd, 5), -1); /* nobody can take it away under us */
    picot_shared_close(&other);
    picot_shared_close(&other);
    picot_shared_close(NULL);
    picot_shared_close(&memory);
}

static void memory_that_is_none(void)
{
    picot_shared memory = {NULL, 0, -1};
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK_EQ(picot_shared_create(0, &memory), -EINVAL);
    CHECK_EQ(picot_shared_create(SIZE_MAX, &memory), -EINVAL);
    CHECK_EQ(picot_shared_create(1, NULL), -EINVAL);
    CHECK_EQ(picot_shared_attach(-1, &memory), -EBADF);
    CHECK_EQ(picot_shared_attach(file, &memory), -EINVAL);
    CHECK(!memory.data);
    CHECK_EQ(close(file), 0);
}

/* The thread sanitizer may not know pthread_mutex_clocklock(3). */
static void not_under_tsan(void)
{
#ifdef TAP_TSAN
    SKIP("the thread sanitizer does not see locks with a time");
#endif
}

/* ---- the lock --------------------------------------------------------------------------------------- */

struct board {
    picot_shared_lock lock;
    picot_shared_semaphore semaphore;
    picot_shared_event event, other_event;
    long counter;
};

static void a_lock_excludes(void)
{
    enum { CHILDREN = 4, ROUNDS = 5000 };
    not_under_tsan();
    picot_shared memory = memory_of(sizeof(struct board));
    struct board *board = memory.data;
    pid_t pids[CHILDREN];
    CHECK_EQ(picot_shared_lock_init(&board->lock), 0);
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = fork();
        if (pids[i] != 0) continue;
        for (int j = 0; j < ROUNDS; j++) {
            if (picot_shared_lock_acquire(&board->lock, j % 2 ? PICOT_NEVER : 60 * PICOT_SECOND) < 0) _exit(1);
            long before = board->counter;
            if (j % 64 == 0) (void)sched_yield();
            board->counter = before + 1;
            if (picot_shared_lock_release(&board->lock) < 0) _exit(2);
        }
        _exit(0);
    }
    for (int i = 0; i < CHILDREN; i++)
        CHECK_EQ(status_of(pids[i]), 0);
    CHECK_EQ(board->counter, CHILDREN * ROUNDS);
    picot_shared_close(&memory);
}

static void a_lock_knows_its_owner(void)
{
    not_under_tsan();
    picot_shared memory = memory_of(sizeof(struct board));
    struct board *board = memory.data;
    CHECK_EQ(picot_shared_lock_init(&board->lock), 0);
    CHECK_EQ(picot_shared_lock_init(NULL), -EINVAL);
    CHECK_EQ(picot_shared_lock_release(&board->lock), -EPERM);
    CHECK_EQ(picot_shared_lock_acquire(&board->lock, -1), -EINVAL);
    CHECK_EQ(picot_shared_lock_acquire(&board->lock, 0), 0);
    CHECK_EQ(picot_shared_lock_acquire(&board->lock, PICOT_NEVER), -EDEADLK);
    pid_t pid = fork();
    if (pid == 0)
        CHILD(right = picot_shared_lock_acquire(&board->lock, 0) == -ETIMEDOUT &&
                      picot_shared_lock_acquire(&board->lock, 5 * PICOT_MS) == -ETIMEDOUT &&
                      picot_shared_lock_release(&board->lock) == -EPERM)
    CHECK_EQ(status_of(pid), 0);
    CHECK_EQ(picot_shared_lock_release(&board->lock), 0);
    picot_shared_close(&memory);
}

static void an_owner_that_died_is_reported(void)
{
    not_under_tsan();
    picot_shared memory = memory_of(sizeof(struct board));
    struct board *board = memory.data;
    CHECK_EQ(picot_shared_lock_init(&board->lock), 0);
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            (void)picot_shared_lock_acquire(&board->lock, PICOT_NEVER);
            (void)raise(SIGKILL);
        }
        CHECK_EQ(status_of(pid), SIGKILL);
        CHECK_EQ(picot_shared_lock_acquire(&board->lock, i == 0 ? 0 : 60 * PICOT_SECOND), PICOT_EOWNERDIED);
        CHECK_EQ(picot_shared_lock_release(&board->lock), 0);
        CHECK_EQ(picot_shared_lock_acquire(&board->lock, PICOT_NEVER), 0); /* told once */
        CHECK_EQ(picot_shared_lock_release(&board->lock), 0);
    }
    picot_shared_close(&memory);
}

/* ---- semaphore and event ------------------------------------------------------------------------------ */

static void semaphores_and_events(void)
{
    picot_shared memory = memory_of(sizeof(struct board));
    struct board *board = memory.data;
    CHECK_EQ(picot_shared_semaphore_init(&board->semaphore, 2), 0);
    CHECK_EQ(picot_shared_semaphore_acquire(&board->semaphore, 0), 0);
    CHECK_EQ(picot_shared_semaphore_acquire(&board->semaphore, PICOT_NEVER), 0);
    CHECK_EQ(picot_shared_semaphore_acquire(&board->semaphore, 0), -ETIMEDOUT);
    CHECK_EQ(picot_shared_semaphore_acquire(&board->semaphore, PICOT_MS), -ETIMEDOUT);
    CHECK_EQ(picot_shared_event_wait(&board->event, 0), -ETIMEDOUT);
    CHECK_EQ(picot_shared_event_wait(&board->event, PICOT_MS), -ETIMEDOUT);
    pid_t pid = fork();
    if (pid == 0)
        CHILD(for (int i = 0; i < 1000; i++) if (picot_shared_semaphore_release(&board->semaphore) < 0) _exit(1);
              right = picot_shared_event_set(&board->event) == 0 &&
                      picot_shared_event_wait(&board->other_event, 60 * PICOT_SECOND) == 0)
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(picot_shared_semaphore_acquire(&board->semaphore, 60 * PICOT_SECOND), 0);
    CHECK_EQ(picot_shared_event_wait(&board->event, 60 * PICOT_SECOND), 0);
    CHECK_EQ(picot_shared_event_wait(&board->event, 0), 0);
    CHECK_EQ(picot_shared_event_set(&board->other_event), 0);
    CHECK_EQ(status_of(pid), 0);
    CHECK_EQ(picot_shared_event_clear(&board->event), 0);
    CHECK_EQ(picot_shared_event_wait(&board->event, 0), -ETIMEDOUT);
    CHECK_EQ(picot_shared_semaphore_init(&board->semaphore, UINT32_MAX), 0);
    CHECK_EQ(picot_shared_semaphore_release(&board->semaphore), -EOVERFLOW);
    CHECK_EQ(picot_shared_semaphore_acquire(NULL, 0), -EINVAL);
    CHECK_EQ(picot_shared_event_wait(&board->event, -1), -EINVAL);
    picot_shared_close(&memory);
}

/* ---- the queue ------------------------------------------------------------------------------------------ */

static picot_shared queue_memory(size_t item_size, size_t capacity)
{
    picot_shared memory = memory_of(picot_shared_queue_size(item_size, capacity));
    CHECK_EQ(picot_shared_queue_init(memory.data, item_size, capacity), 0);
    return memory;
}

static void a_queue_carries_items(void)
{
    enum { PRODUCERS = 3, ITEMS = 3000 };
    picot_shared memory = queue_memory(sizeof(int), 7);
    picot_shared_queue *queue = memory.data;
    pid_t pids[PRODUCERS];
    int item, last[PRODUCERS] = {0};
    for (int p = 0; p < PRODUCERS; p++) {
        pids[p] = fork();
        if (pids[p] != 0) continue;
        for (int i = 1; i <= ITEMS; i++) {
            item = p * 100000 + i;
            if (picot_shared_queue_put(queue, &item, 60 * PICOT_SECOND) < 0) _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < PRODUCERS * ITEMS; i++) {
        CHECK_EQ(picot_shared_queue_get(queue, &item, 60 * PICOT_SECOND), 0);
        CHECK_EQ(item % 100000, ++last[item / 100000]); /* each producer's in its order */
    }
    for (int p = 0; p < PRODUCERS; p++)
        CHECK_EQ(status_of(pids[p]), 0);
    CHECK_EQ(picot_shared_queue_get(queue, &item, 0), -ETIMEDOUT);
    CHECK_EQ(picot_shared_queue_get(queue, &item, PICOT_MS), -ETIMEDOUT);
    for (int i = 0; i < 7; i++)
        CHECK_EQ(picot_shared_queue_put(queue, &i, 0), 0);
    CHECK_EQ(picot_shared_queue_put(queue, &item, 0), -ETIMEDOUT);
    CHECK_EQ(picot_shared_queue_put(queue, &item, PICOT_MS), -ETIMEDOUT);
    CHECK_EQ(picot_shared_queue_close(queue), 0);
    CHECK_EQ(picot_shared_queue_put(queue, &item, 0), PICOT_ECLOSED);
    for (int i = 0; i < 7; i++) {
        CHECK_EQ(picot_shared_queue_get(queue, &item, 0), 0);
        CHECK_EQ(item, i);
    }
    CHECK_EQ(picot_shared_queue_get(queue, &item, PICOT_NEVER), PICOT_ECLOSED);
    picot_shared_close(&memory);
}

static void a_close_wakes_who_waits(void)
{
    picot_shared memory = queue_memory(1, 1);
    picot_shared_queue *queue = memory.data;
    char item = 1;
    pid_t pid = fork();
    if (pid == 0) CHILD(right = picot_shared_queue_get(queue, &item, 60 * PICOT_SECOND) == PICOT_ECLOSED)
    while (__atomic_load_n(&queue->get_waiters, __ATOMIC_SEQ_CST) == 0)
        (void)sched_yield();
    CHECK_EQ(picot_shared_queue_close(queue), 0);
    CHECK_EQ(status_of(pid), 0);
    picot_shared_close(&memory);
}

/* Killed at any moment, a producer loses nothing and spoils nothing. */
static void a_killed_producer_spoils_nothing(void)
{
    picot_shared memory = queue_memory(4096, 4);
    picot_shared_queue *queue = memory.data;
    char item[4096];
    for (int round = 0; round < 50; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            memset(item, round, sizeof item);
            for (;;)
                (void)picot_shared_queue_put(queue, item, PICOT_NEVER);
        }
        for (int i = 0; i < 20; i++)
            CHECK_EQ(picot_shared_queue_get(queue, item, 60 * PICOT_SECOND), 0);
        CHECK_EQ(kill(pid, SIGKILL), 0);
        CHECK_EQ(status_of(pid), SIGKILL);
        while (picot_shared_queue_get(queue, item, 0) == 0)
            for (size_t i = 0; i < sizeof item; i++)
                CHECK_EQ(item[i], round);
    }
    picot_shared_close(&memory);
}

static void queues_that_are_none(void)
{
    picot_shared_queue queue;
    CHECK_EQ(picot_shared_queue_size(0, 1), 0);
    CHECK_EQ(picot_shared_queue_size(1, 0), 0);
    CHECK_EQ(picot_shared_queue_size(SIZE_MAX / 2, 8), 0);
    CHECK_EQ(picot_shared_queue_init(&queue, 0, 1), -EINVAL);
    CHECK_EQ(picot_shared_queue_init(NULL, 1, 1), -EINVAL);
    CHECK_EQ(picot_shared_queue_put(NULL, "x", 0), -EINVAL);
    CHECK_EQ(picot_shared_queue_close(NULL), -EINVAL);
}

/* ---- messages --------------------------------------------------------------------------------------------- */

static void messages_keep_apart(void)
{
    int ends[2];
    static char big[PICOT_MESSAGE_MAX + 1], buf[PICOT_MESSAGE_MAX];
    CHECK_EQ(picot_message_pair(ends), 0);
    CHECK_EQ(picot_message_receive_now(ends[1], buf, sizeof buf, NULL, 0, NULL, 0), -ETIMEDOUT);
    CHECK_EQ(picot_message_receive_now(ends[1], buf, sizeof buf, NULL, 0, NULL, PICOT_MS), -ETIMEDOUT);
    CHECK_EQ(picot_message_send_now(ends[0], "one", 3, NULL, 0, 0), 0);
    memset(big, 'b', sizeof big);
    CHECK_EQ(picot_message_send_now(ends[0], big, PICOT_MESSAGE_MAX, NULL, 0, PICOT_SECOND), 0);
    CHECK_EQ(picot_message_send_now(ends[0], "two", 3, NULL, 0, PICOT_SECOND), 0);
    CHECK_EQ(picot_message_receive_now(ends[1], buf, sizeof buf, NULL, 0, NULL, PICOT_NEVER), 3);
    CHECK_MEM(buf, "one", 3);
    CHECK_EQ(picot_message_receive_now(ends[1], buf, sizeof buf, NULL, 0, NULL, 0), PICOT_MESSAGE_MAX);
    CHECK_MEM(buf, big, PICOT_MESSAGE_MAX);
    CHECK_EQ(picot_message_receive_now(ends[1], buf, 2, NULL, 0, NULL, 0), -EMSGSIZE);  /* lost, */
    CHECK_EQ(picot_message_receive_now(ends[1], buf, 2, NULL, 0, NULL, 0), -ETIMEDOUT); /* whole */
    CHECK_EQ(picot_message_send_now(ends[0], big, sizeof big, NULL, 0, 0), -EMSGSIZE);
    CHECK_EQ(picot_message_send_now(ends[0], "", 0, NULL, 0, 0), -EINVAL);
    CHECK_EQ(picot_message_send_now(ends[0], "x", 1, NULL, 1, 0), -EINVAL);
    CHECK_EQ(picot_message_send_now(ends[0], "x", 1, ends, PICOT_MESSAGE_FDS + 1, 0), -EINVAL);
    CHECK_EQ(picot_message_send_now(ends[0], "x", 1, NULL, 0, -1), -EINVAL);
    CHECK_EQ(picot_message_send_now(-1, "x", 1, NULL, 0, 0), -EBADF);
    CHECK_EQ(close(ends[0]), 0);
    CHECK_EQ(picot_message_receive_now(ends[1], buf, sizeof buf, NULL, 0, NULL, PICOT_NEVER), 0);
    CHECK_EQ(picot_message_send_now(ends[1], "x", 1, NULL, 0, 0), -EPIPE);
    CHECK_EQ(close(ends[1]), 0);
    CHECK_EQ(picot_message_pair(NULL), -EINVAL);
}

static void a_full_connection_blocks(void)
{
    int ends[2], count = 0;
    static char buf[30000];
    CHECK_EQ(picot_message_pair(ends), 0);
    while (picot_message_send_now(ends[0], buf, sizeof buf, NULL, 0, 0) == 0)
        count++;
    CHECK(count > 0);
    CHECK_EQ(picot_message_send_now(ends[0], buf, sizeof buf, NULL, 0, PICOT_MS), -ETIMEDOUT);
    pid_t pid = fork();
    if (pid == 0) CHILD(right = picot_message_send_now(ends[0], buf, sizeof buf, NULL, 0, 60 * PICOT_SECOND) == 0)
    for (int i = 0; i <= count; i++)
        CHECK_EQ(picot_message_receive_now(ends[1], buf, sizeof buf, NULL, 0, NULL, 60 * PICOT_SECOND), sizeof buf);
    CHECK_EQ(status_of(pid), 0);
    CHECK_EQ(close(ends[0]) + close(ends[1]), 0);
}

static void descriptors_go_along(void)
{
    int ends[2], pipes[2], fds[PICOT_MESSAGE_FDS], many[PICOT_MESSAGE_FDS];
    size_t came = 99;
    char byte = 0;
    CHECK_EQ(picot_message_pair(ends), 0);
    CHECK_EQ(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0)
        CHILD(char buf[8]; size_t got;
              right = picot_message_receive_now(ends[1], buf, sizeof buf, fds, 2, &got, 60 * PICOT_SECOND) == 4 &&
                      got == 2 && write(fds[1], "w", 1) == 1 && fcntl(fds[0], F_GETFD) == FD_CLOEXEC)
    CHECK_EQ(picot_message_send_now(ends[0], "pipe", 4, pipes, 2, 0), 0);
    CHECK_EQ(status_of(pid), 0);
    CHECK_EQ(read(pipes[0], &byte, 1), 1);
    CHECK_EQ(byte, 'w');
    for (int i = 0; i < PICOT_MESSAGE_FDS; i++)
        many[i] = pipes[i % 2];
    CHECK_EQ(picot_message_send_now(ends[0], "m", 1, many, PICOT_MESSAGE_FDS, 0), 0);
    CHECK_EQ(picot_message_receive_now(ends[1], &byte, 1, fds, PICOT_MESSAGE_FDS, &came, 0), 1);
    CHECK_EQ(came, PICOT_MESSAGE_FDS);
    for (size_t i = 0; i < came; i++)
        CHECK_EQ(close(fds[i]), 0);
    /* More than are expected: lost, and none is left open. */
    CHECK_EQ(picot_message_send_now(ends[0], "m", 1, pipes, 2, 0), 0);
    CHECK_EQ(picot_message_receive_now(ends[1], &byte, 1, fds, 1, &came, 0), -EMSGSIZE);
    CHECK_EQ(came, 0);
    many[1] = -1;
    CHECK_EQ(picot_message_send_now(ends[0], "m", 1, many, 2, 0), -EBADF);
    CHECK_EQ(close(ends[0]) + close(ends[1]) + close(pipes[0]) + close(pipes[1]), 0);
}

static void no_room_for_descriptors(void)
{
    int ends[2], fds[4];
    size_t came;
    char byte;
    struct rlimit limit;
    CHECK_EQ(picot_message_pair(ends), 0);
    int sent[4] = {ends[0], ends[0], ends[1], ends[1]};
    CHECK_EQ(picot_message_send_now(ends[0], "m", 1, sent, 4, 0), 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit small = {(rlim_t)(ends[0] > ends[1] ? ends[0] : ends[1]) + 2, limit.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &small), 0);
    CHECK_EQ(picot_message_receive_now(ends[1], &byte, 1, fds, 4, &came, 0), -EMFILE);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(close(ends[0]) + close(ends[1]), 0);
}

static const struct tap_case cases[] = {
    {"memory is shared", memory_is_shared, 0},
    {"memory that is none", memory_that_is_none, 0},
    {"a lock excludes", a_lock_excludes, 0},
    {"a lock knows its owner", a_lock_knows_its_owner, 0},
    {"an owner that died is reported", an_owner_that_died_is_reported, 0},
    {"semaphores and events", semaphores_and_events, 0},
    {"a queue carries items", a_queue_carries_items, 0},
    {"a close wakes who waits", a_close_wakes_who_waits, 0},
    {"a killed producer spoils nothing", a_killed_producer_spoils_nothing, 0},
    {"queues that are none", queues_that_are_none, 0},
    {"messages keep apart", messages_keep_apart, 0},
    {"a full connection blocks", a_full_connection_blocks, 0},
    {"descriptors go along", descriptors_go_along, 0},
    {"no room for descriptors", no_room_for_descriptors, 0},
};

TAP_MAIN(cases)
