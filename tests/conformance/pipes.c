/* SPDX-License-Identifier: MIT
 *
 * pipes.c - read and write on what is no socket and no file, on every backend: pipes, terminals, devices.
 *
 * Descriptors that others share keep their flags: O_NONBLOCK belongs to the open file and not to the number (fcntl(2)),
 * so a loop that sets it breaks the program at the other end of a terminal. Sources: pipe(7), tty(4).
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int64_t read_some(picot_loop *loop, picot_fd fd, void *buf, size_t len, int64_t offset)
{
    struct recorded it = {0};
    picot_op_read(&it.op, fd, buf, len, offset);
    return perform(loop, &it);
}

static int64_t write_some(picot_loop *loop, picot_fd fd, const void *buf, size_t len, int64_t offset)
{
    struct recorded it = {0};
    picot_op_write(&it.op, fd, buf, len, offset);
    return perform(loop, &it);
}

static void make_pipe(int fds[2], bool nonblocking)
{
    CHECK_EQ(pipe2(fds, O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0)), 0);
}

/* ---- pipes ----------------------------------------------------------------------------------- */

static void pipe_carries_bytes_and_ends(void)
{
    picot_loop *loop = tap_loop();
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        char got[8];
        int fds[2];
        struct recorded it = {0};
        make_pipe(fds, nonblocking);
        picot_fd in = adopt(loop, fds[0]), out = adopt(loop, fds[1]);
        CHECK_EQ(read_some(loop, in, got, 0, -1), 0);
        CHECK_EQ(write_some(loop, out, NULL, 0, -1), 0);
        picot_op_read(&it.op, in, got, sizeof got, -1);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        CHECK(!completed(&it));
        CHECK_EQ(write_some(loop, out, "pipe", 4, -1), 4);
        CHECK_EQ(finish(loop, &it), 4);
        CHECK_MEM(got, "pipe", 4);
        CHECK_EQ(write_some(loop, out, "last", 4, -1), 4);
        close_handle(loop, out);
        CHECK_EQ(read_some(loop, in, got, sizeof got, -1), 4);
        CHECK_EQ(read_some(loop, in, got, sizeof got, -1), 0);
        CHECK_EQ(read_some(loop, in, got, sizeof got, -1), 0);
        close_handle(loop, in);
    }
    tap_loop_end(loop);
}

/* More than fits, into a pipe that nobody reads: what fits is taken and told, and the thread is not held up. */
static void pipe_takes_what_fits(void)
{
    enum { TOTAL = 1000 * 1000 };
    picot_loop *loop = tap_loop();
    static char data[TOTAL], got[TOTAL];
    pattern_fill(data, TOTAL, 11, 0);
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        int fds[2];
        make_pipe(fds, nonblocking);
        picot_fd out = adopt(loop, fds[1]);
        size_t sent = 0, received = 0;
        struct recorded it = {0};
        for (;;) {
            picot_op_write(&it.op, out, data + sent, TOTAL - sent, -1);
            CHECK_EQ(start(loop, &it), 0);
            run_turns(loop, 5);
            if (!completed(&it)) {
                break; /* full */
            }
            CHECK(it.result > 0);
            sent += (size_t)it.result;
        }
        CHECK(sent > 0 && sent < TOTAL);
        CHECK(is_calm(run_for(loop, 50 * PICOT_MS)));
        while (received < TOTAL) {
            ssize_t bytes = read(fds[0], got, TOTAL);
            CHECK(bytes > 0);
            CHECK_EQ(pattern_match(got, (size_t)bytes, 11, received), bytes);
            received += (size_t)bytes;
            while (sent < TOTAL && received >= sent) {
                CHECK(finish(loop, &it) > 0);
                sent += (size_t)it.result;
                if (sent < TOTAL) {
                    picot_op_write(&it.op, out, data + sent, TOTAL - sent, -1);
                    CHECK_EQ(start(loop, &it), 0);
                }
            }
        }
        close_handle(loop, out);
        CHECK_EQ(is_nonblocking(fds[0]), nonblocking);
        CHECK_EQ(close(fds[0]), 0);
    }
    tap_loop_end(loop);
}

/* The reader leaves before, or while a write waits: EPIPE, and no signal. */
static void pipe_reader_leaves(void)
{
    picot_loop *loop = tap_loop();
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        static char data[300000];
        int fds[2];
        struct recorded it = {0};
        make_pipe(fds, nonblocking);
        picot_fd out = adopt(loop, fds[1]);
        picot_op_write(&it.op, out, data, sizeof data, -1);
        for (int i = 0; i < 20 && (i == 0 || completed(&it)); i++) {
            CHECK_EQ(start(loop, &it), 0);
            run_turns(loop, 5);
        }
        CHECK(!completed(&it));
        CHECK_EQ(close(fds[0]), 0);
        CHECK_EQ(finish(loop, &it), -EPIPE);
        CHECK_EQ(write_some(loop, out, "x", 1, -1), -EPIPE);
        close_handle(loop, out);
    }
    tap_loop_end(loop);
}

/* A read is pending while its handle closes: the writer learns of it at once. */
static void pipe_closed_with_a_pending_read(void)
{
    picot_loop *loop = tap_loop();
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    CHECK_EQ(sigaction(SIGPIPE, &ignore, &before), 0); /* the plain write below */
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        char got[8];
        int fds[2];
        struct recorded it = {0};
        make_pipe(fds, nonblocking);
        picot_fd in = adopt(loop, fds[0]);
        picot_op_read(&it.op, in, got, sizeof got, -1);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        close_handle(loop, in);
        CHECK_EQ(it.result, -ECANCELED);
        CHECK_EQ(write(fds[1], "x", 1), -1);
        CHECK_EQ(errno, EPIPE);
        CHECK_EQ(close(fds[1]), 0);
    }
    CHECK_EQ(sigaction(SIGPIPE, &before, NULL), 0);
    tap_loop_end(loop);
}

/* The other users of a shared description see no change of its flags: before, while, after. */
static void flags_of_others_stay(void)
{
    picot_loop *loop = tap_loop();
    for (int round = 0; round < 6; round++) {
        bool nonblocking = round % 2 == 1;
        char got[8];
        int fds[2];
        struct recorded it = {0};
        if (round / 2 == 0) {
            make_pipe(fds, nonblocking);
        } else {
            stream_pair(round / 2 == 1 ? nonblocking : 2 + nonblocking, fds);
        }
        int shared = fcntl(fds[0], F_DUPFD_CLOEXEC, 0), flags = fcntl(fds[0], F_GETFL);
        picot_fd in = adopt(loop, fds[0]);
        CHECK_EQ(fcntl(shared, F_GETFL), flags);
        picot_op_read(&it.op, in, got, sizeof got, -1);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        CHECK_EQ(fcntl(shared, F_GETFL), flags);
        CHECK_EQ(write(fds[1], "x", 1), 1);
        CHECK_EQ(finish(loop, &it), 1);
        CHECK_EQ(fcntl(shared, F_GETFL), flags);
        close_handle(loop, in);
        CHECK_EQ(fcntl(shared, F_GETFL), flags);
        CHECK_EQ(close(shared) | close(fds[1]), 0);
    }
    tap_loop_end(loop);
}

/* ---- terminals and devices ------------------------------------------------------------------- */

static void terminal(void)
{
    picot_loop *loop = tap_loop();
    char got[16];
    struct termios raw;
    struct recorded it = {0};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
        SKIP("no pseudo terminals here");
    }
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(slave >= 0);
    CHECK_EQ(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    CHECK_EQ(tcsetattr(slave, TCSANOW, &raw), 0);
    picot_fd tty = adopt(loop, slave);
    for (int i = 0; i < 3; i++) {
        picot_op_read(&it.op, tty, got, sizeof got, -1);
        CHECK_EQ(start(loop, &it), 0);
        CHECK(is_calm(run_for(loop, 20 * PICOT_MS)));
        CHECK_EQ(picot_cancel(loop, &it.op), 0);
        CHECK_EQ(finish(loop, &it), -ECANCELED);
        CHECK_EQ(start(loop, &it), 0);
        CHECK_EQ(write(master, "key", 3), 3);
        CHECK_EQ(finish(loop, &it), 3);
        CHECK_MEM(got, "key", 3);
        CHECK_EQ(write_some(loop, tty, "screen", 6, -1), 6);
        CHECK_EQ(read(master, got, sizeof got), 6);
        CHECK_MEM(got, "screen", 6);
        CHECK(!is_nonblocking(slave));
    }
    CHECK_EQ(start(loop, &it), 0);
    run_turns(loop, 3);
    CHECK_EQ(close(master), 0);
    int64_t end = finish(loop, &it); /* hang-up: the end, or EIO where the read came later than it */
    CHECK(end == 0 || end == -EIO);
    close_handle(loop, tty);
    tap_loop_end(loop);
}

/* Devices that epoll does not take (epoll_ctl(2): EPERM) are always ready. */
static void devices(void)
{
    picot_loop *loop = tap_loop();
    char got[64], zeros[64] = {0};
    struct recorded it = {0};
    picot_fd zero = adopt(loop, open("/dev/zero", O_RDONLY | O_CLOEXEC));
    picot_fd null = adopt(loop, open("/dev/null", O_RDWR | O_CLOEXEC));
    for (int i = 0; i < 3; i++) {
        memset(got, 1, sizeof got);
        CHECK_EQ(read_some(loop, zero, got, sizeof got, -1), sizeof got);
        CHECK_MEM(got, zeros, sizeof got);
        CHECK_EQ(write_some(loop, null, got, sizeof got, -1), sizeof got);
        CHECK_EQ(read_some(loop, null, got, sizeof got, -1), 0);
        picot_op_poll(&it.op, null, PICOT_READABLE | PICOT_WRITABLE);
        CHECK_EQ(perform(loop, &it) & (PICOT_READABLE | PICOT_WRITABLE), PICOT_READABLE | PICOT_WRITABLE);
    }
    close_handle(loop, zero);
    close_handle(loop, null);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"pipe: carries bytes and ends", pipe_carries_bytes_and_ends, TAP_BACKENDS},
    {"pipe: takes what fits", pipe_takes_what_fits, TAP_BACKENDS},
    {"pipe: the reader leaves", pipe_reader_leaves, TAP_BACKENDS},
    {"pipe: closed with a pending read", pipe_closed_with_a_pending_read, TAP_BACKENDS},
    {"adopt: the flags of others stay", flags_of_others_stay, TAP_BACKENDS},
    {"terminal: read, write, cancel, hang-up", terminal, TAP_BACKENDS},
    {"devices: always ready", devices, TAP_BACKENDS},
};

TAP_MAIN(cases)
