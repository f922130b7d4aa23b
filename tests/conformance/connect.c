/* SPDX-License-Identifier: MIT
 *
 * connect.c - connecting, on every backend: at once but later, refused, timed out, cancelled, and AF_UNIX with a full
 * backlog, which no readiness tells (connect(2): EAGAIN).
 */
#include "support.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static picot_fd new_socket(picot_loop *loop, int domain, int type)
{
    struct recorded it = {0};
    picot_op_socket(&it.op, domain, type, 0);
    picot_fd fd = perform(loop, &it);
    CHECK(fd > 0);
    return fd;
}

static void prepare(struct recorded *it, picot_fd fd, const struct sockaddr_in *addr)
{
    memset(it, 0, sizeof *it);
    picot_op_connect(&it->op, fd, (const struct sockaddr *)addr, sizeof *addr);
}

/* A listener that accepts no more: one connection fills its queue, further SYNs are dropped (tcp(7), listen(2)). */
struct blackhole {
    int listener, filler;
    struct sockaddr_in addr;
};

static void blackhole_open(struct blackhole *hole)
{
    hole->listener = bound_listener(0, &hole->addr);
    hole->filler = connect_to(&hole->addr);
}

static void blackhole_close(struct blackhole *hole)
{
    CHECK_EQ(close(hole->listener), 0);
    CHECK_EQ(close(hole->filler), 0);
}

/* start checks that even an immediate success completes later; then the connection carries bytes both ways. */
static void connects(void)
{
    picot_loop *loop = tap_loop();
    struct sockaddr_in addr, peer;
    int listener = bound_listener(8, &addr);
    for (int i = 0; i < 5; i++) {
        char got[8];
        struct recorded it, out = {0}, in = {0}, name = {0};
        picot_fd fd = new_socket(loop, AF_INET, SOCK_STREAM);
        prepare(&it, fd, &addr);
        CHECK_EQ(start(loop, &it), 0);
        CHECK_EQ(finish(loop, &it), 0);
        int theirs = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        CHECK(theirs >= 0);
        picot_op_getname(&name.op, fd, 1, (struct sockaddr *)&peer, sizeof peer);
        CHECK_EQ(perform(loop, &name), sizeof peer);
        CHECK_EQ(peer.sin_port, addr.sin_port);
        picot_op_send(&out.op, fd, "ping", 4, 0);
        CHECK_EQ(perform(loop, &out), 4);
        peer_recv(theirs, got, 4);
        peer_send(theirs, "pong", 4);
        picot_op_recv(&in.op, fd, got, sizeof got, 0);
        CHECK_EQ(perform(loop, &in), 4);
        CHECK_MEM(got, "pong", 4);
        prepare(&it, fd, &addr);
        CHECK_EQ(perform(loop, &it), -EISCONN);
        close_handle(loop, fd);
        CHECK_EQ(close(theirs), 0);
    }
    CHECK_EQ(close(listener), 0);
    tap_loop_end(loop);
}

/* AF_UNIX stream and datagram connects succeed inside the system call. */
static void immediate_success_completes_later(void)
{
    picot_loop *loop = tap_loop();
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    socklen_t len = sizeof addr;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(listener >= 0);
    CHECK_EQ(bind(listener, (struct sockaddr *)&addr, sizeof addr.sun_family), 0); /* an abstract name of its own */
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
    CHECK_EQ(listen(listener, 4), 0);
    for (int i = 0; i < 3; i++) {
        struct recorded it = {0};
        picot_fd fd = new_socket(loop, AF_UNIX, SOCK_STREAM);
        picot_op_connect(&it.op, fd, (struct sockaddr *)&addr, len);
        CHECK_EQ(perform(loop, &it), 0);
        close_handle(loop, fd);
    }
    CHECK_EQ(close(listener), 0);
    tap_loop_end(loop);
}

static int64_t socket_error(picot_loop *loop, picot_fd fd)
{
    int value = -1;
    struct recorded it = {0};
    picot_op_getsockopt(&it.op, fd, SOL_SOCKET, SO_ERROR, &value, sizeof value);
    CHECK_EQ(perform(loop, &it), sizeof value);
    return value;
}

/* The code is the operation's; it is taken out of the socket, and is not reported again. */
static void refused(void)
{
    picot_loop *loop = tap_loop();
    struct sockaddr_in addr;
    struct recorded it;
    CHECK_EQ(close(bound_listener(1, &addr)), 0);
    for (int i = 0; i < 3; i++) {
        picot_fd fd = new_socket(loop, AF_INET, SOCK_STREAM);
        prepare(&it, fd, &addr);
        CHECK_EQ(perform(loop, &it), -ECONNREFUSED);
        CHECK_EQ(socket_error(loop, fd), 0);
        close_handle(loop, fd);
    }
    /* A descriptor of the caller's own making, blocking: the same. */
    int plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    picot_fd fd = adopt(loop, plain);
    prepare(&it, fd, &addr);
    CHECK_EQ(perform(loop, &it), -ECONNREFUSED);
    CHECK_EQ(picot_release(loop, fd), plain);
    CHECK(!is_nonblocking(plain));
    CHECK_EQ(close(plain), 0);
    tap_loop_end(loop);
}

/* Nobody answers: pending without spinning, until the system gives up. TCP_USER_TIMEOUT makes that soon. */
static void times_out(void)
{
    picot_loop *loop = tap_loop();
    struct blackhole hole;
    struct recorded it, option = {0};
    unsigned limit_ms = 300;
    blackhole_open(&hole);
    picot_fd fd = new_socket(loop, AF_INET, SOCK_STREAM);
    picot_op_setsockopt(&option.op, fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms);
    CHECK_EQ(perform(loop, &option), 0);
    prepare(&it, fd, &hole.addr);
    CHECK_EQ(start(loop, &it), 0);
    CHECK(is_calm(run_for(loop, 100 * PICOT_MS)));
    CHECK(!completed(&it));
    CHECK_EQ(finish(loop, &it), -ETIMEDOUT);
    close_handle(loop, fd);
    blackhole_close(&hole);
    tap_loop_end(loop);
}

/* A descriptor of each sort, cancelled at each stage; then nothing but closing it is possible. */
static void cancelled(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned round = 0; round < 6; round++) {
        struct blackhole hole;
        struct recorded it, again;
        blackhole_open(&hole);
        picot_fd fd = round % 2 == 0 ? new_socket(loop, AF_INET, SOCK_STREAM)
                                     : adopt(loop, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        prepare(&it, fd, &hole.addr);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, round / 2);
        CHECK_EQ(picot_cancel(loop, &it.op), 0);
        CHECK_EQ(finish(loop, &it), -ECANCELED);
        if (round / 2 > 0) { /* it has begun: another try meets the old one */
            prepare(&again, fd, &hole.addr);
            int code = start(loop, &again);
            if (code == 0) {
                run_turns(loop, 3);
                CHECK_EQ(picot_cancel(loop, &again.op), 0);
                code = (int)finish(loop, &again);
            }
            CHECK(code < 0 && code != -EINPROGRESS);
        }
        close_handle(loop, fd);
        blackhole_close(&hole);
    }
    tap_loop_end(loop);
}

/* A time limit in the way users write it: a timer that cancels. */
struct limited {
    struct recorded base;
    bool fired;
};

static void give_up(picot_loop *loop, void *user)
{
    struct limited *it = user;
    it->fired = true;
    CHECK_EQ(picot_cancel(loop, &it->base.op), 0);
}

static void limited_by_a_timer(void)
{
    picot_loop *loop = tap_loop();
    struct blackhole hole;
    struct limited it;
    picot_timer timer = PICOT_TIMER_INIT;
    memset(&it, 0, sizeof it);
    blackhole_open(&hole);
    picot_fd fd = new_socket(loop, AF_INET, SOCK_STREAM);
    prepare(&it.base, fd, &hole.addr);
    CHECK_EQ(start(loop, &it.base), 0);
    CHECK_EQ(picot_call_later(loop, &timer, 50 * PICOT_MS, give_up, &it), 0);
    CHECK_EQ(finish(loop, &it.base), -ECANCELED);
    CHECK(it.fired);
    close_handle(loop, fd);
    blackhole_close(&hole);
    tap_loop_end(loop);
}

/* ---- AF_UNIX with a full backlog ------------------------------------------------------------- */

static int full_unix_listener(struct sockaddr_un *ret_addr, socklen_t *ret_len, int *ret_filler)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    memset(ret_addr, 0, sizeof *ret_addr);
    ret_addr->sun_family = AF_UNIX;
    *ret_len = sizeof *ret_addr;
    CHECK_EQ(bind(fd, (struct sockaddr *)ret_addr, sizeof ret_addr->sun_family), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)ret_addr, ret_len), 0);
    CHECK_EQ(listen(fd, 0), 0);
    *ret_filler = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(connect(*ret_filler, (struct sockaddr *)ret_addr, *ret_len), 0);
    return fd;
}

static void full_backlog_is_waited_out(void)
{
    picot_loop *loop = tap_loop();
    for (int blocking = 0; blocking < 2; blocking++) {
        struct sockaddr_un addr;
        socklen_t len;
        int filler, plain = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
        struct recorded it = {0};
        int listener = full_unix_listener(&addr, &len, &filler);
        picot_fd fd = adopt(loop, plain);
        picot_op_connect(&it.op, fd, (struct sockaddr *)&addr, len);
        CHECK_EQ(start(loop, &it), 0);
        /* A retry now and then is fine, a busy loop is not. */
        struct cost cost = run_for(loop, 300 * PICOT_MS);
        CHECK(cost.turns <= 100 && cost.cpu_percent <= 20);
        CHECK(!completed(&it));
        int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        CHECK(accepted >= 0);
        CHECK_EQ(finish(loop, &it), 0);
        int other = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        CHECK(other >= 0);
        close_handle(loop, fd);
        CHECK_EQ(close(listener) | close(filler) | close(accepted) | close(other), 0);
    }
    tap_loop_end(loop);
}

/* While it waits for room it can be cancelled, closed, and refused by the listener's end. */
static void full_backlog_can_be_left(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned round = 0; round < 9; round++) {
        struct sockaddr_un addr;
        socklen_t len;
        int filler;
        struct recorded it = {0};
        int listener = full_unix_listener(&addr, &len, &filler);
        picot_fd fd = new_socket(loop, AF_UNIX, SOCK_STREAM);
        picot_op_connect(&it.op, fd, (struct sockaddr *)&addr, len);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, round / 3 * 2);
        if (round % 3 == 0) {
            CHECK_EQ(picot_cancel(loop, &it.op), 0);
            CHECK_EQ(finish(loop, &it), -ECANCELED);
        } else if (round % 3 == 1) {
            CHECK_EQ(close(listener), 0);
            CHECK_EQ(finish(loop, &it), -ECONNREFUSED);
        }
        close_handle(loop, fd);
        CHECK(completed(&it));
        if (round % 3 == 2) {
            CHECK_EQ(it.result, -ECANCELED);
        }
        CHECK_EQ(close(filler), 0);
        if (round % 3 != 1) {
            CHECK_EQ(close(listener), 0);
        }
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"connect: and exchange", connects, TAP_BACKENDS},
    {"connect: immediate success completes later", immediate_success_completes_later, TAP_BACKENDS},
    {"connect: refused", refused, TAP_BACKENDS},
    {"connect: times out", times_out, TAP_BACKENDS},
    {"connect: cancelled", cancelled, TAP_BACKENDS},
    {"connect: limited by a timer", limited_by_a_timer, TAP_BACKENDS},
    {"connect: a full AF_UNIX backlog is waited out", full_backlog_is_waited_out, TAP_BACKENDS},
    {"connect: a full AF_UNIX backlog can be left", full_backlog_can_be_left, TAP_BACKENDS},
};

TAP_MAIN(cases)
