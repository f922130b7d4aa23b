/* SPDX-License-Identifier: MIT
 *
 * support.c - what the conformance cases share. The rules are in support.h.
 */
#include "support.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_NS (25 * PICOT_SECOND)
#define PEER_DEADLINE_S 20

/* Threads of a case may have loops of their own. */
static _Thread_local bool submitting;
static _Atomic uint64_t completion_count;

/* ---- operations ------------------------------------------------------------------------------ */

void recorded_done(picot_loop *loop, picot_op *op)
{
    struct recorded *it = (struct recorded *)op;
    CHECK(loop != NULL);
    CHECK(!submitting);
    CHECK_EQ(picot_op_pending(op), 0);
    CHECK_EQ(it->completions, 0);
    CHECK(op->result != -EAGAIN && op->result != -EINTR);
    it->completions++;
    it->result = op->result;
    it->order = ++completion_count;
}

int start(picot_loop *loop, struct recorded *it)
{
    it->completions = 0;
    it->result = NEVER_CAME;
    bool nested = submitting;
    submitting = true;
    int code = picot_submit(loop, &it->op, recorded_done, it);
    submitting = nested;
    CHECK(code <= 0);
    CHECK_EQ(picot_op_pending(&it->op), code == 0);
    return code;
}

bool completed(const struct recorded *it)
{
    return it->completions > 0;
}

static bool is_completed(void *arg)
{
    return completed(arg);
}

int64_t finish(picot_loop *loop, struct recorded *it)
{
    return run_until(loop, is_completed, it) ? it->result : NEVER_CAME;
}

int64_t perform(picot_loop *loop, struct recorded *it)
{
    int code = start(loop, it);
    return code < 0 ? code : finish(loop, it);
}

/* ---- running --------------------------------------------------------------------------------- */

static void raise_flag(picot_loop *loop, void *user)
{
    (void)loop;
    *(bool *)user = true;
}

/* In real time, for what only another thread or a signal can do. */
static bool run_guarded(picot_loop *loop, condition *holds, void *arg)
{
    bool late = false;
    picot_timer guard = PICOT_TIMER_INIT;
    (void)picot_loop_update_now(loop);
    CHECK_EQ(picot_call_later(loop, &guard, DEADLINE_NS, raise_flag, &late), 0);
    bool good = holds(arg);
    while (!good && !late) {
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 1); /* the guard is work left */
        good = holds(arg);
    }
    CHECK_EQ(picot_timer_cancel(loop, &guard), 0);
    return good;
}

static bool run_simulated(picot_loop *loop, condition *holds, void *arg)
{
    int64_t end_ns = clock_now() + DEADLINE_NS;
    bool good = holds(arg);
    while (!good && clock_now() < end_ns) {
        int code = picot_loop_run(loop, PICOT_RUN_ONCE);
        CHECK(code >= 0 || code == -EDEADLK);
        good = holds(arg);
        if (good || code > 0) continue;
        CHECK_EQ(picot_loop_hold(loop), 0);
        good = run_guarded(loop, holds, arg);
        CHECK_EQ(picot_loop_unhold(loop), 0);
        break;
    }
    return good;
}

bool run_until(picot_loop *loop, condition *holds, void *arg)
{
    return tap_is_simulated() ? run_simulated(loop, holds, arg) : run_guarded(loop, holds, arg);
}

void run_turns(picot_loop *loop, unsigned count)
{
    while (count-- > 0) {
        CHECK(picot_loop_run(loop, PICOT_RUN_NOWAIT) >= 0);
    }
}

int64_t clock_now(void)
{
    struct timespec now;
    CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * PICOT_SECOND + now.tv_nsec;
}

int64_t clock_of(picot_loop *loop)
{
    return tap_is_simulated() ? picot_loop_update_now(loop) : clock_now();
}

static int64_t cpu_now(void)
{
    struct rusage used;
    CHECK_EQ(getrusage(RUSAGE_SELF, &used), 0);
    return ((int64_t)used.ru_utime.tv_sec + used.ru_stime.tv_sec) * PICOT_SECOND +
           ((int64_t)used.ru_utime.tv_usec + used.ru_stime.tv_usec) * PICOT_US;
}

struct cost run_for(picot_loop *loop, int64_t duration_ns)
{
    bool over = false;
    struct cost cost = {0, 0};
    picot_timer timer = PICOT_TIMER_INIT;
    int64_t begin = clock_now(), begin_cpu = cpu_now();
    (void)picot_loop_update_now(loop);
    CHECK_EQ(picot_call_later(loop, &timer, duration_ns, raise_flag, &over), 0);
    while (!over) {
        CHECK(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0);
        cost.turns++;
    }
    if (!tap_is_simulated()) cost.cpu_percent = (int)((cpu_now() - begin_cpu) * 100 / (clock_now() - begin));
    return cost;
}

bool is_calm(struct cost cost)
{
    return cost.turns <= 40 && cost.cpu_percent <= 20;
}

unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir != NULL);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

picot_loop *loop_with(const picot_loop_options *options)
{
    picot_loop_options filled = *options;
    char explanation[256] = "";
    picot_loop *loop = NULL;
    filled.backend = tap_backend();
    filled.allocator = tap_allocator();
    filled.explanation = explanation;
    filled.explanation_size = sizeof explanation;
    int code = picot_loop_create(&filled, &loop);
    if (code == PICOT_ENOBACKEND && tap_backend() != NULL && strcmp(tap_backend(), "io_uring") == 0) {
        SKIP(explanation);
    }
    CHECK_EQ(code, 0);
    return loop;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

const char *flavour_name(unsigned flavour)
{
    static const char *const names[FLAVOURS] = {"tcp", "tcp non-blocking", "unix", "unix non-blocking"};
    return names[flavour];
}

bool flavour_is_tcp(unsigned flavour)
{
    return flavour < 2;
}

void give_deadline(int fd)
{
    struct timeval limit = {PEER_DEADLINE_S, 0};
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
}

void set_nonblocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    CHECK(flags >= 0);
    CHECK_EQ(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), 0);
}

bool is_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    CHECK(flags >= 0);
    return (flags & O_NONBLOCK) != 0;
}

bool is_closed_on_exec(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    CHECK(flags >= 0);
    return (flags & FD_CLOEXEC) != 0;
}

void loopback(struct sockaddr_in *ret_addr, uint16_t port)
{
    memset(ret_addr, 0, sizeof *ret_addr);
    ret_addr->sin_family = AF_INET;
    ret_addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ret_addr->sin_port = htons(port);
}

int bound_listener(int backlog, struct sockaddr_in *ret_addr)
{
    socklen_t len = sizeof *ret_addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    loopback(ret_addr, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)ret_addr, len), 0);
    CHECK_EQ(listen(fd, backlog), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)ret_addr, &len), 0);
    return fd;
}

int connect_to(const struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    /* The end of an io_uring of this thread interrupts calls with a limit: they are asked again. */
    while (connect(fd, (const struct sockaddr *)addr, sizeof *addr) != 0 && errno != EISCONN) {
        CHECK(errno == EINTR || errno == EALREADY);
    }
    give_deadline(fd);
    return fd;
}

void tcp_pair(int fds[2])
{
    struct sockaddr_in addr;
    int listener = bound_listener(1, &addr);
    fds[1] = connect_to(&addr);
    fds[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(fds[0] >= 0);
    CHECK_EQ(close(listener), 0);
}

void stream_pair(unsigned flavour, int fds[2])
{
    if (flavour_is_tcp(flavour)) {
        tcp_pair(fds);
    } else {
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    }
    give_deadline(fds[1]);
    set_nonblocking(fds[0], flavour % 2 == 1);
}

void wait_readable(int fd)
{
    struct pollfd wanted = {fd, POLLIN, 0};
    int ready;
    do {
        ready = poll(&wanted, 1, PEER_DEADLINE_S * 1000);
    } while (ready < 0 && errno == EINTR);
    CHECK_EQ(ready, 1);
}

void reset_on_close(int fd)
{
    struct linger linger = {1, 0};
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
}

picot_fd adopt(picot_loop *loop, int fd)
{
    picot_fd handle = picot_adopt(loop, fd);
    if (handle <= 0) {
        CHECK_EQ(handle, 0); /* prints the code */
        CHECK(handle > 0);
    }
    CHECK_EQ(picot_fd_number(loop, handle), fd);
    return handle;
}

void close_handle(picot_loop *loop, picot_fd fd)
{
    struct recorded closing = {0};
    picot_op_close(&closing.op, fd);
    CHECK_EQ(perform(loop, &closing), 0);
}

struct stream open_stream(picot_loop *loop, unsigned flavour)
{
    int fds[2];
    stream_pair(flavour, fds);
    return (struct stream){adopt(loop, fds[0]), fds[1]};
}

void close_stream(picot_loop *loop, struct stream *stream)
{
    close_handle(loop, stream->ours);
    if (stream->theirs >= 0) {
        CHECK_EQ(close(stream->theirs), 0);
    }
}

void small_buffers(int fd)
{
    int size = 4096;
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

/* TCP moves bytes to the receiver's buffer a moment after the sender was refused: full is full for several tries. */
size_t fill_up(int fd, uint64_t seed)
{
    char block[4096];
    size_t sent = 0;
    for (int refused = 0; refused < 12;) { /* longer than an acknowledgement may be delayed */
        pattern_fill(block, sizeof block, seed, sent);
        size_t size = refused > 0 ? 1 : sizeof block;
        ssize_t taken = send(fd, block, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (taken > 0) {
            sent += (size_t)taken;
            refused = 0;
        } else {
            CHECK_EQ(errno, EAGAIN);
            refused++;
            (void)poll(NULL, 0, 10);
        }
    }
    return sent;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Eight bytes of a stream at a time: a bijective mixing, so that shifted, swapped or repeated blocks show. */
static uint64_t pattern_word(uint64_t seed, uint64_t index)
{
    uint64_t word = (index + 1) * UINT64_C(0x9E3779B97F4A7C15) + seed * UINT64_C(0xD1B54A32D192ED03);
    word ^= word >> 31;
    word *= UINT64_C(0xBF58476D1CE4E5B9);
    return word ^ word >> 29;
}

void pattern_fill(void *buf, size_t size, uint64_t seed, uint64_t offset)
{
    unsigned char *bytes = buf;
    for (size_t i = 0; i < size; i++, offset++) {
        bytes[i] = (unsigned char)(pattern_word(seed, offset / 8) >> offset % 8 * 8);
    }
}

size_t pattern_match(const void *buf, size_t size, uint64_t seed, uint64_t offset)
{
    const unsigned char *bytes = buf;
    for (size_t i = 0; i < size; i++, offset++) {
        if (bytes[i] != (unsigned char)(pattern_word(seed, offset / 8) >> offset % 8 * 8)) {
            return i;
        }
    }
    return size;
}

void peer_send(int fd, const void *buf, size_t size)
{
    ssize_t sent;
    do {
        sent = send(fd, buf, size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    CHECK_EQ(sent, size);
}

void peer_recv(int fd, void *buf, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t bytes = recv(fd, (char *)buf + got, size - got, 0);
        if (bytes < 0 && errno == EINTR) {
            continue;
        }
        CHECK(bytes > 0);
        got += (size_t)bytes;
    }
}

int peer_end(int fd)
{
    char byte;
    ssize_t bytes;
    do {
        bytes = recv(fd, &byte, 1, 0);
    } while (bytes < 0 && errno == EINTR);
    return bytes < 0 ? -errno : (int)bytes;
}

void check_receive(picot_loop *loop)
{
    char got[4];
    struct recorded it = {0};
    struct stream stream = open_stream(loop, 0);
    picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
    CHECK_EQ(start(loop, &it), 0);
    run_turns(loop, 2);
    peer_send(stream.theirs, "yes", 3);
    CHECK_EQ(finish(loop, &it), 3);
    CHECK_MEM(got, "yes", 3);
    close_stream(loop, &stream);
}
