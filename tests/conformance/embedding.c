/* SPDX-License-Identifier: MIT
 *
 * embedding.c - the loop inside a foreign one, on every backend: a bare epoll that sleeps on picot_loop_fd, asks
 * picot_loop_next_deadline before each sleep and calls picot_loop_step. Nothing may be missed, nothing may spin.
 */
#include "support.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct host {
    picot_loop *loop;
    int epoll, fd;
    unsigned rounds;
};

static void host_open(struct host *host)
{
    struct epoll_event event = {.events = EPOLLIN};
    host->loop = tap_loop();
    host->rounds = 0;
    host->fd = picot_loop_fd(host->loop);
    CHECK(host->fd >= 0);
    CHECK_EQ(picot_loop_fd(host->loop), host->fd); /* the same each time */
    host->epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(host->epoll >= 0);
    CHECK_EQ(epoll_ctl(host->epoll, EPOLL_CTL_ADD, host->fd, &event), 0);
}

static void host_close(struct host *host)
{
    CHECK_EQ(close(host->epoll), 0);
    tap_loop_end(host->loop);
}

/* As any foreign loop does it. Rounds the timeout up, so that it never comes early. */
static void host_round(struct host *host, int64_t until_ns)
{
    struct epoll_event event;
    int64_t deadline = picot_loop_next_deadline(host->loop);
    CHECK(deadline >= 0);
    deadline = deadline < until_ns ? deadline : until_ns;
    int64_t left = deadline - clock_now();
    int ready = epoll_wait(host->epoll, &event, 1, left <= 0 ? 0 : (int)((left + PICOT_MS - 1) / PICOT_MS));
    CHECK(ready >= 0 || errno == EINTR);
    if (ready > 0 || picot_loop_next_deadline(host->loop) <= clock_now()) {
        CHECK(picot_loop_step(host->loop) >= 0);
    }
    host->rounds++;
}

static bool host_until(struct host *host, condition *holds, void *arg)
{
    int64_t until_ns = clock_now() + 10 * PICOT_SECOND;
    while (!holds(arg)) {
        if (clock_now() >= until_ns) {
            return false;
        }
        host_round(host, until_ns);
    }
    return true;
}

static bool is_completed(void *arg)
{
    return completed(arg);
}

static int64_t host_finish(struct host *host, struct recorded *it)
{
    return host_until(host, is_completed, it) ? it->result : NEVER_CAME;
}

/* Ready before, ready while the host sleeps, and several in a row. */
static void operations(void)
{
    struct host host;
    host_open(&host);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct stream stream = open_stream(host.loop, flavour);
        for (int i = 0; i < 10; i++) {
            char got[8];
            struct recorded in = {0}, out = {0};
            picot_op_recv(&in.op, stream.ours, got, sizeof got, 0);
            if (i % 2 == 0) {
                peer_send(stream.theirs, "abc", 3);
                wait_readable(picot_fd_number(host.loop, stream.ours));
            }
            CHECK_EQ(start(host.loop, &in), 0);
            if (i % 2 == 1) {
                host_round(&host, clock_now());
                host_round(&host, clock_now());
                peer_send(stream.theirs, "abc", 3);
            }
            CHECK_EQ(host_finish(&host, &in), 3);
            CHECK_MEM(got, "abc", 3);
            picot_op_send(&out.op, stream.ours, "xyz", 3, 0);
            CHECK_EQ(start(host.loop, &out), 0);
            CHECK_EQ(host_finish(&host, &out), 3);
            peer_recv(stream.theirs, got, 3);
        }
        struct recorded closing = {0};
        picot_op_close(&closing.op, stream.ours);
        CHECK_EQ(start(host.loop, &closing), 0);
        CHECK_EQ(host_finish(&host, &closing), 0);
        CHECK_EQ(close(stream.theirs), 0);
    }
    host_close(&host);
}

/* A peer in a thread answers at its own pace while the host sleeps without any deadline. */
static void *echo(void *arg)
{
    int fd = *(int *)arg;
    char byte;
    while (recv(fd, &byte, 1, 0) == 1) {
        peer_send(fd, &byte, 1);
    }
    return NULL;
}

static void sleeping_host_is_woken(void)
{
    struct host host;
    pthread_t thread;
    host_open(&host);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct stream stream = open_stream(host.loop, flavour);
        CHECK_EQ(pthread_create(&thread, NULL, echo, &stream.theirs), 0);
        host.rounds = 0;
        for (int i = 0; i < 300; i++) {
            char byte = (char)i, got;
            struct recorded in = {0}, out = {0};
            picot_op_recv(&in.op, stream.ours, &got, 1, 0);
            picot_op_send(&out.op, stream.ours, &byte, 1, 0);
            CHECK_EQ(start(host.loop, &in), 0);
            CHECK_EQ(start(host.loop, &out), 0);
            CHECK_EQ(host_finish(&host, &in), 1);
            CHECK_EQ(got, byte);
            CHECK_EQ(host_finish(&host, &out), 1);
        }
        CHECK(host.rounds < 300 * 10);
        close_handle(host.loop, stream.ours);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        CHECK_EQ(close(stream.theirs), 0);
    }
    host_close(&host);
}

/* ---- time, jobs, posts ----------------------------------------------------------------------- */

static void raise_flag(picot_loop *loop, void *user)
{
    (void)loop;
    *(bool *)user = true;
}

static bool is_raised(void *arg)
{
    return *(volatile bool *)arg;
}

static void deadlines(void)
{
    struct host host;
    bool fired = false, called = false;
    picot_timer timer = PICOT_TIMER_INIT;
    picot_job job = PICOT_JOB_INIT;
    host_open(&host);
    CHECK_EQ(picot_loop_next_deadline(host.loop), PICOT_NEVER);
    int64_t now = picot_loop_update_now(host.loop);
    CHECK_EQ(picot_call_later(host.loop, &timer, 30 * PICOT_MS, raise_flag, &fired), 0);
    int64_t deadline = picot_loop_next_deadline(host.loop);
    if (tap_is_simulated()) { /* it is then, and there is no need to sleep */
        CHECK_EQ(deadline, 0);
        CHECK_EQ(picot_loop_next_deadline(host.loop), 0);
    } else {
        CHECK(deadline > now && deadline <= now + 30 * PICOT_MS);
    }
    CHECK_EQ(picot_loop_now(host.loop), tap_is_simulated() ? now + 30 * PICOT_MS : now);
    CHECK(host_until(&host, is_raised, &fired));
    CHECK(clock_of(host.loop) >= now + 30 * PICOT_MS);
    CHECK(host.rounds < 20);
    CHECK_EQ(picot_loop_next_deadline(host.loop), PICOT_NEVER);
    CHECK_EQ(picot_call_soon(host.loop, &job, raise_flag, &called), 0);
    CHECK(picot_loop_next_deadline(host.loop) <= clock_now()); /* at once */
    CHECK(host_until(&host, is_raised, &called));
    struct recorded done = {0};
    picot_op_timeout(&done.op, PICOT_MS);
    CHECK_EQ(start(host.loop, &done), 0);
    CHECK_EQ(host_finish(&host, &done), 0);
    host_close(&host);
}

struct poster {
    picot_loop *loop;
    picot_posted posted;
    bool called;
    int64_t delay_ns;
};

static void *post_later(void *arg)
{
    struct poster *it = arg;
    struct timespec delay = {0, it->delay_ns};
    (void)nanosleep(&delay, NULL);
    CHECK_EQ(picot_post(it->loop, &it->posted), 0);
    return NULL;
}

/* Before the host sleeps, and while it does; the loop itself is never in a wait of its own. */
static void posts(void)
{
    struct host host;
    host_open(&host);
    for (int i = 0; i < 30; i++) {
        pthread_t thread;
        struct poster it = {.loop = host.loop, .delay_ns = i * 100 * PICOT_US};
        it.posted = (picot_posted)PICOT_POSTED_INIT(raise_flag, &it.called);
        if (i == 0) {
            CHECK_EQ(picot_post(host.loop, &it.posted), 0);
            CHECK(host_until(&host, is_raised, &it.called));
            continue;
        }
        CHECK_EQ(pthread_create(&thread, NULL, post_later, &it), 0);
        CHECK(host_until(&host, is_raised, &it.called));
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
    host_close(&host);
}

/* ---- watches, and silence -------------------------------------------------------------------- */

static void watched(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    char got[8];
    (void)loop;
    CHECK_EQ(ready, PICOT_READABLE);
    CHECK(recv(*(int *)watch->user, got, sizeof got, 0) > 0);
    *(int *)watch->user = -1;
}

static bool is_taken(void *arg)
{
    return *(int *)arg == -1;
}

static void watches(void)
{
    struct host host;
    host_open(&host);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        int fds[2], where;
        picot_watch watch = PICOT_WATCH_INIT;
        stream_pair(flavour, fds);
        where = fds[0];
        CHECK_EQ(picot_watch_add(host.loop, &watch, fds[0], PICOT_READABLE, watched, &where), 0);
        host_round(&host, clock_now());
        peer_send(fds[1], "x", 1);
        CHECK(host_until(&host, is_taken, &where));
        CHECK_EQ(picot_watch_remove(host.loop, &watch), 0);
        CHECK_EQ(close(fds[0]) | close(fds[1]), 0);
    }
    host_close(&host);
}

/* An eventfd that other threads write, watched or read: the kernel nests one wake-up in another there. */
struct ticker {
    int fd;
    _Atomic unsigned wanted, seen;
};

static void *write_when_wanted(void *arg)
{
    struct ticker *it = arg;
    const uint64_t one = 1;
    for (unsigned i = 1; i <= 50; i++) {
        struct timespec pause = {0, 200000};
        while (atomic_load(&it->wanted) < i) {
            (void)nanosleep(&pause, NULL);
        }
        (void)nanosleep(&pause, NULL); /* the host sleeps by now, mostly */
        CHECK_EQ(write(it->fd, &one, sizeof one), sizeof one);
    }
    return NULL;
}

static void ticked(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    struct ticker *it = watch->user;
    uint64_t count;
    (void)loop;
    CHECK_EQ(ready, PICOT_READABLE);
    CHECK_EQ(read(it->fd, &count, sizeof count), sizeof count);
    CHECK_EQ(count, 1);
    atomic_fetch_add(&it->seen, 1);
}

static bool has_caught_up(void *arg)
{
    struct ticker *it = arg;
    return atomic_load(&it->seen) == atomic_load(&it->wanted);
}

static void eventfd_of_another_thread(void)
{
    struct host host;
    host_open(&host);
    for (int as_handle = 0; as_handle < 2; as_handle++) {
        static struct ticker it;
        pthread_t thread;
        uint64_t count = 0;
        picot_watch watch = PICOT_WATCH_INIT;
        struct recorded reading = {0};
        picot_fd handle = 0;
        memset(&it, 0, sizeof it);
        it.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (as_handle) {
            handle = adopt(host.loop, it.fd);
        } else {
            CHECK_EQ(picot_watch_add(host.loop, &watch, it.fd, PICOT_READABLE, ticked, &it), 0);
        }
        CHECK_EQ(pthread_create(&thread, NULL, write_when_wanted, &it), 0);
        for (unsigned i = 1; i <= 50; i++) {
            atomic_store(&it.wanted, i);
            if (as_handle) {
                picot_op_read(&reading.op, handle, &count, sizeof count, -1);
                CHECK_EQ(start(host.loop, &reading), 0);
                CHECK_EQ(host_finish(&host, &reading), sizeof count);
                CHECK_EQ(count, 1);
            } else {
                CHECK(host_until(&host, has_caught_up, &it));
            }
        }
        CHECK_EQ(pthread_join(thread, NULL), 0);
        if (as_handle) {
            close_handle(host.loop, handle);
        } else {
            CHECK_EQ(picot_watch_remove(host.loop, &watch), 0);
            CHECK_EQ(close(it.fd), 0);
        }
    }
    host_close(&host);
}

/* Pending operations, nothing happening: the descriptor stays silent, the host sleeps. On "sim" the hour is over. */
static void silence(void)
{
    struct host host;
    host_open(&host);
    char got[8];
    struct recorded in = {0}, waiting = {0};
    struct stream stream = open_stream(host.loop, 0), hung_up = open_stream(host.loop, 0);
    picot_op_recv(&in.op, stream.ours, got, sizeof got, 0);
    picot_op_timeout(&waiting.op, 3600 * PICOT_SECOND);
    CHECK_EQ(start(host.loop, &in), 0);
    CHECK_EQ(start(host.loop, &waiting), 0);
    CHECK_EQ(close(hung_up.theirs), 0); /* nobody waits for this end */
    hung_up.theirs = -1;
    for (int i = 0; i < 5; i++) {
        host_round(&host, clock_now());
    }
    host.rounds = 0;
    int64_t until_ns = clock_now() + 300 * PICOT_MS;
    while (clock_now() < until_ns) {
        host_round(&host, until_ns);
    }
    CHECK(host.rounds < 20);
    CHECK_EQ(picot_cancel(host.loop, &in.op), 0);
    CHECK_EQ(host_finish(&host, &in), -ECANCELED);
    CHECK_EQ(picot_cancel(host.loop, &waiting.op), 0);
    CHECK_EQ(host_finish(&host, &waiting), tap_is_simulated() ? 0 : -ECANCELED);
    close_stream(host.loop, &stream);
    close_stream(host.loop, &hung_up);
    host_close(&host);
}

static const struct tap_case cases[] = {
    {"embedding: operations", operations, TAP_BACKENDS},
    {"embedding: a sleeping host is woken", sleeping_host_is_woken, TAP_BACKENDS},
    {"embedding: deadlines and jobs", deadlines, TAP_BACKENDS},
    {"embedding: posts", posts, TAP_BACKENDS},
    {"embedding: watches", watches, TAP_BACKENDS},
    {"embedding: an eventfd of another thread", eventfd_of_another_thread, TAP_BACKENDS},
    {"embedding: silence", silence, TAP_BACKENDS},
};

TAP_MAIN(cases)
