/* SPDX-License-Identifier: MIT
 *
 * accept.c - accepting, on every backend: flags and addresses of what comes, many at once, and no descriptor left.
 *
 * Sources: accept(2); libuv's and bun's threads on endless EMFILE show what goes wrong: the listener stays readable.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static picot_fd listener(picot_loop *loop, int backlog, struct sockaddr_in *ret_addr)
{
    struct recorded it = {0};
    picot_op_socket(&it.op, AF_INET, SOCK_STREAM, 0);
    picot_fd fd = perform(loop, &it);
    CHECK(fd > 0);
    loopback(ret_addr, 0);
    picot_op_bind(&it.op, fd, (struct sockaddr *)ret_addr, sizeof *ret_addr);
    CHECK_EQ(perform(loop, &it), 0);
    picot_op_listen(&it.op, fd, backlog);
    CHECK_EQ(perform(loop, &it), 0);
    picot_op_getname(&it.op, fd, 0, (struct sockaddr *)ret_addr, sizeof *ret_addr);
    CHECK_EQ(perform(loop, &it), sizeof *ret_addr);
    return fd;
}

static int64_t accept_one(picot_loop *loop, picot_fd fd)
{
    struct recorded it = {0};
    picot_op_accept(&it.op, fd, NULL, NULL);
    return perform(loop, &it);
}

/* Connections that wait already, and ones that come: address, close-on-exec, non-blocking, and bytes. */
static void accepted_is_as_promised(void)
{
    picot_loop *loop = tap_loop();
    struct sockaddr_in addr;
    picot_fd fd = listener(loop, 8, &addr);
    for (int early = 0; early < 2; early++) {
        char got[4];
        int theirs = -1;
        struct sockaddr_in peer, expected;
        socklen_t peer_len = sizeof peer, expected_len = sizeof expected;
        struct recorded it = {0}, in = {0};
        if (early) {
            theirs = connect_to(&addr);
        }
        picot_op_accept(&it.op, fd, (struct sockaddr *)&peer, &peer_len);
        CHECK_EQ(start(loop, &it), 0);
        if (!early) {
            run_turns(loop, 3);
            theirs = connect_to(&addr);
        }
        picot_fd ours = finish(loop, &it);
        CHECK(ours > 0);
        CHECK_EQ(getsockname(theirs, (struct sockaddr *)&expected, &expected_len), 0);
        CHECK_EQ(peer_len, expected_len);
        CHECK_MEM(&peer, &expected, sizeof expected.sin_family + sizeof expected.sin_port + sizeof expected.sin_addr);
        CHECK(is_closed_on_exec(picot_fd_number(loop, ours)));
        CHECK(is_nonblocking(picot_fd_number(loop, ours)));
        picot_op_recv(&in.op, ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &in), 0);
        peer_send(theirs, "hi", 2);
        CHECK_EQ(finish(loop, &in), 2);
        CHECK_EQ(close(theirs), 0);
        close_handle(loop, ours);
    }
    close_handle(loop, fd);
    tap_loop_end(loop);
}

/* A listener given in blocking: accept waits in the loop, not in the system call, and release makes it blocking again.
 */
static void blocking_listener(void)
{
    picot_loop *loop = tap_loop();
    struct sockaddr_in addr;
    picot_fd fd = adopt(loop, bound_listener(8, &addr));
    for (int i = 0; i < 3; i++) {
        struct recorded it = {0};
        picot_op_accept(&it.op, fd, NULL, NULL);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        int theirs = connect_to(&addr);
        picot_fd ours = finish(loop, &it);
        CHECK(ours > 0);
        CHECK_EQ(close(theirs), 0);
        close_handle(loop, ours);
    }
    int number = picot_fd_number(loop, fd);
    CHECK_EQ(picot_release(loop, fd), number);
    CHECK(!is_nonblocking(number));
    CHECK_EQ(close(number), 0);
    tap_loop_end(loop);
}

/* A thousand wait before the first accept: an edge-triggered backend gets one event for all of them. */
static void thousand_in_the_queue(void)
{
    enum { COUNT = 1000 };
    picot_loop *loop = tap_loop();
    static int theirs[COUNT];
    struct sockaddr_in addr;
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 2 * COUNT + 100) {
        SKIP("needs 2100 descriptors");
    }
    picot_fd fd = listener(loop, COUNT, &addr);
    for (int i = 0; i < COUNT; i++) {
        theirs[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        CHECK(theirs[i] >= 0);
        CHECK(connect(theirs[i], (struct sockaddr *)&addr, sizeof addr) == 0 || errno == EINPROGRESS);
    }
    for (int i = 0; i < COUNT; i++) {
        picot_fd ours = accept_one(loop, fd);
        CHECK(ours > 0);
        close_handle(loop, ours);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(close(theirs[i]), 0);
    }
    close_handle(loop, fd);
    tap_loop_end(loop);
}

/* A cancelled accept takes no connection with it: all that connect are accepted. */
static void cancelled_accepts_lose_no_connection(void)
{
    picot_loop *loop = tap_loop();
    struct sockaddr_in addr;
    picot_fd fd = listener(loop, 64, &addr);
    unsigned accepted = 0, made = 0;
    int theirs[200];
    for (int i = 0; i < 200; i++) {
        struct recorded it = {0};
        picot_op_accept(&it.op, fd, NULL, NULL);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, (unsigned)i % 3);
        theirs[made++] = connect_to(&addr);
        run_turns(loop, (unsigned)i / 3 % 2);
        if (i % 2 == 1) {
            CHECK(picot_loop_next_deadline(loop) >= 0); /* the kernel's answer is here, but nobody has looked at it */
        }
        if (!completed(&it)) {
            CHECK_EQ(picot_cancel(loop, &it.op), 0);
        }
        picot_fd ours = finish(loop, &it);
        CHECK(ours > 0 || ours == -ECANCELED);
        if (ours > 0) {
            accepted++;
            close_handle(loop, ours);
        }
        if (accepted < made && i % 5 != 0) { /* mostly the queue is empty when the next one begins */
            ours = accept_one(loop, fd);
            CHECK(ours > 0);
            accepted++;
            close_handle(loop, ours);
        }
    }
    for (; accepted < made; accepted++) {
        picot_fd ours = accept_one(loop, fd);
        CHECK(ours > 0);
        close_handle(loop, ours);
    }
    for (unsigned i = 0; i < made; i++) {
        CHECK_EQ(close(theirs[i]), 0);
    }
    close_handle(loop, fd);
    tap_loop_end(loop);
}

/* A shut-down listener fails each accept, the pending one included. */
static void shut_down_listener(void)
{
    picot_loop *loop = tap_loop();
    struct sockaddr_in addr;
    struct recorded it = {0}, ending = {0};
    picot_fd fd = listener(loop, 8, &addr);
    picot_op_accept(&it.op, fd, NULL, NULL);
    CHECK_EQ(start(loop, &it), 0);
    run_turns(loop, 3);
    picot_op_shutdown(&ending.op, fd, SHUT_RDWR);
    CHECK_EQ(perform(loop, &ending), 0);
    CHECK_EQ(finish(loop, &it), -EINVAL);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    close_handle(loop, fd);
    tap_loop_end(loop);
}

/* ---- no descriptor left ---------------------------------------------------------------------- */

/* Leave room for not one more descriptor; the limit is above all numbers in use. Returns the old limit. */
static struct rlimit forbid_descriptors(void)
{
    struct rlimit old, none;
    int next = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0); /* the lowest number that is free */
    CHECK(next >= 0);
    CHECK_EQ(close(next), 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = (rlim_t)next;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK_EQ(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0), -1);
    return old;
}

/* Reported once; then the accept waits, calmly; then the connection comes after all. */
static void out_of_descriptors(void)
{
    picot_loop *loop = tap_loop();
    struct sockaddr_in addr;
    struct recorded it = {0};
    picot_fd fd = listener(loop, 8, &addr);
    int theirs = connect_to(&addr);
    struct rlimit old = forbid_descriptors();
    picot_op_accept(&it.op, fd, NULL, NULL);
    CHECK_EQ(perform(loop, &it), -EMFILE);
    CHECK_EQ(start(loop, &it), 0);
    struct cost cost = run_for(loop, 400 * PICOT_MS);
    CHECK(cost.turns <= 60 && cost.cpu_percent <= 20);
    CHECK(!completed(&it));
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    picot_fd ours = finish(loop, &it);
    CHECK(ours > 0);
    char byte;
    struct recorded in = {0};
    peer_send(theirs, "x", 1);
    picot_op_recv(&in.op, ours, &byte, 1, 0);
    CHECK_EQ(perform(loop, &in), 1);
    /* The listener has recovered: the next shortage is reported again. */
    int second = connect_to(&addr);
    old = forbid_descriptors();
    CHECK_EQ(accept_one(loop, fd), -EMFILE);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    picot_fd also_ours = accept_one(loop, fd);
    CHECK(also_ours > 0);
    close_handle(loop, also_ours);
    close_handle(loop, ours);
    close_handle(loop, fd);
    CHECK_EQ(close(theirs) | close(second), 0);
    tap_loop_end(loop);
}

/* Closing any handle makes room: the waiting accept tries again at once, and may be cancelled or closed before. */
static void room_after_a_close(void)
{
    picot_loop *loop = tap_loop();
    for (int way = 0; way < 3; way++) {
        struct sockaddr_in addr;
        struct recorded it = {0};
        picot_fd fd = listener(loop, 8, &addr);
        struct stream spare = open_stream(loop, 0);
        int theirs = connect_to(&addr);
        struct rlimit old = forbid_descriptors();
        picot_op_accept(&it.op, fd, NULL, NULL);
        CHECK_EQ(perform(loop, &it), -EMFILE);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        CHECK(!completed(&it));
        picot_fd ours = 0;
        if (way == 0) {
            close_handle(loop, spare.ours); /* the limit stays: the freed number is all there is */
            ours = finish(loop, &it);
            CHECK(ours > 0);
        } else if (way == 1) {
            CHECK_EQ(picot_cancel(loop, &it.op), 0);
            CHECK_EQ(finish(loop, &it), -ECANCELED);
        }
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
        if (way == 0) {
            close_handle(loop, ours);
        } else {
            close_handle(loop, spare.ours);
        }
        if (way == 2) {
            CHECK_EQ(picot_cancel(loop, &it.op), 0);
        }
        close_handle(loop, fd);
        CHECK(completed(&it));
        if (way == 2 && it.result > 0) {
            close_handle(loop, it.result);
        }
        CHECK_EQ(close(spare.theirs) | close(theirs), 0);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"accept: what is accepted is as promised", accepted_is_as_promised, TAP_BACKENDS},
    {"accept: a blocking listener", blocking_listener, TAP_BACKENDS},
    {"accept: a thousand in the queue", thousand_in_the_queue, TAP_BACKENDS},
    {"accept: cancelled ones lose no connection", cancelled_accepts_lose_no_connection, TAP_BACKENDS},
    {"accept: a listener that was shut down", shut_down_listener, TAP_BACKENDS},
    {"accept: out of descriptors", out_of_descriptors, TAP_BACKENDS},
    {"accept: room after a close", room_after_a_close, TAP_BACKENDS},
};

TAP_MAIN(cases)
