/* SPDX-License-Identifier: MIT
 *
 * foreign_fds.c - descriptors behind the loop's back, on every backend: numbers closed by close(2), duplicated ones,
 * large ones. The loop neither hangs nor spins, and only the operations of that descriptor fail.
 *
 * Traps: an epoll set keeps an open file whose number is closed as long as a duplicate lives (epoll(7), Q6); one bad
 * number makes select(2) fail for all; FD_SET past 1023 writes beyond its array.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- closed behind the loop's back ----------------------------------------------------------- */

/* A number closed raw while nothing is pending, and given out anew: the old file is let go of, its peer sees the end.
 */
static void closed_raw_and_given_out_anew(void)
{
    picot_loop *loop = tap_loop();
    char got[4];
    struct recorded it = {0}, made = {0}, closing = {0};
    struct stream stream = open_stream(loop, 0);
    picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
    CHECK_EQ(start(loop, &it), 0);
    run_turns(loop, 2);
    peer_send(stream.theirs, "yes", 3);
    CHECK_EQ(finish(loop, &it), 3);
    int number = picot_fd_number(loop, stream.ours);
    CHECK_EQ(close(number), 0);
    picot_fd fresh[16];
    int count = 0;
    do { /* lower numbers may be free, too */
        picot_op_socket(&made.op, AF_INET, SOCK_STREAM, 0);
        CHECK_EQ(start(loop, &made), 0);
        fresh[count] = finish(loop, &made);
    } while (picot_fd_number(loop, fresh[count++]) != number && count < 16);
    CHECK_EQ(picot_fd_number(loop, fresh[count - 1]), number);
    CHECK_EQ(picot_fd_number(loop, stream.ours), -EBADF);
    ssize_t end = -1;
    for (int i = 0; i < 100 && end != 0; i++) {
        (void)run_for(loop, 10 * PICOT_MS);
        end = recv(stream.theirs, got, sizeof got, MSG_DONTWAIT);
    }
    CHECK_EQ(end, 0);
    CHECK_EQ(close(stream.theirs), 0);
    while (count > 0) {
        picot_op_close(&closing.op, fresh[--count]);
        CHECK_EQ(start(loop, &closing), 0);
        CHECK_EQ(finish(loop, &closing), 0);
    }
    tap_loop_end(loop);
}

/* What is pending ends at the latest by the loop's close; what comes later fails; others go on; nothing spins. */
static void closed_behind_the_back(void)
{
    picot_loop *loop = tap_loop();
    check_receive(loop); /* what a backend makes when first needed has its number now, not the one closed below */
    for (unsigned round = 0; round < 3 * FLAVOURS; round++) {
        char got[8], other_got[8];
        struct recorded pending = {0}, later = {0}, other = {0}, closing = {0};
        struct stream victim = open_stream(loop, round % FLAVOURS), healthy = open_stream(loop, 0);
        picot_op_recv(&other.op, healthy.ours, other_got, sizeof other_got, 0);
        CHECK_EQ(start(loop, &other), 0);
        picot_op_recv(&pending.op, victim.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &pending), 0);
        run_turns(loop, round / FLAVOURS);
        CHECK_EQ(close(picot_fd_number(loop, victim.ours)), 0);
        CHECK(is_calm(run_for(loop, 100 * PICOT_MS)));
        peer_send(healthy.theirs, "go", 2);
        CHECK_EQ(finish(loop, &other), 2);
        picot_op_send(&later.op, victim.ours, "x", 1, 0);
        CHECK_EQ(perform(loop, &later), -EBADF);
        if (completed(&pending)) {
            CHECK_EQ(pending.result, -EBADF);
            picot_op_recv(&later.op, victim.ours, got, sizeof got, 0);
            CHECK_EQ(perform(loop, &later), -EBADF);
        }
        picot_op_close(&closing.op, victim.ours);
        CHECK_EQ(perform(loop, &closing), -EBADF); /* what close(2) says */
        CHECK(completed(&pending));
        CHECK(pending.result == -ECANCELED || pending.result == -EBADF);
        CHECK_EQ(start(loop, &later), -EBADF);
        close_stream(loop, &healthy);
        CHECK_EQ(close(victim.theirs), 0);
    }
    tap_loop_end(loop);
}

/* The same, and the pending operation is cancelled; then the number is taken by a stranger, who is left alone. */
static void cancelled_after_a_raw_close(void)
{
    picot_loop *loop = tap_loop();
    check_receive(loop); /* what a backend makes when first needed has its number now, not the one closed below */
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded pending = {0};
        struct stream victim = open_stream(loop, flavour);
        int number = picot_fd_number(loop, victim.ours);
        picot_op_recv(&pending.op, victim.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &pending), 0);
        run_turns(loop, 3);
        CHECK_EQ(close(number), 0);
        CHECK_EQ(picot_cancel(loop, &pending.op), 0);
        int64_t result = finish(loop, &pending);
        CHECK(result == -ECANCELED || result == -EBADF);
        CHECK(is_calm(run_for(loop, 20 * PICOT_MS)));
        struct recorded closing = {0};
        picot_op_close(&closing.op, victim.ours);
        CHECK_EQ(perform(loop, &closing), -EBADF);
        CHECK_EQ(close(victim.theirs), 0);
    }
    tap_loop_end(loop);
}

/* The number meets another open file while a receive is pending: cancelling and closing still end everything. */
static void number_taken_after_a_raw_close(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded pending = {0};
        int fds[2];
        struct stream old = open_stream(loop, flavour);
        int number = picot_fd_number(loop, old.ours);
        stream_pair(flavour, fds);
        picot_op_recv(&pending.op, old.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &pending), 0);
        run_turns(loop, 3);
        CHECK_EQ(dup3(fds[0], number, O_CLOEXEC), number); /* closes the old one */
        CHECK_EQ(close(fds[0]), 0);
        CHECK(is_calm(run_for(loop, 50 * PICOT_MS)));
        close_handle(loop, old.ours); /* the number is the loop's, whatever is behind it */
        CHECK(completed(&pending));
        CHECK(pending.result == -ECANCELED || pending.result == -EBADF || pending.result == 0);
        CHECK_EQ(peer_end(fds[1]), 0);
        CHECK(is_calm(run_for(loop, 20 * PICOT_MS)));
        CHECK_EQ(close(fds[1]) | close(old.theirs), 0);
    }
    tap_loop_end(loop);
}

/* ---- duplicates ------------------------------------------------------------------------------ */

/* The open file lives on in a duplicate after its handle has closed: data that arrives must not wake this loop. */
static void duplicate_outlives_the_handle(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned round = 0; round < 2 * FLAVOURS; round++) {
        char got[8];
        struct recorded it = {0};
        struct stream stream = open_stream(loop, round / 2);
        int duplicate = fcntl(picot_fd_number(loop, stream.ours), F_DUPFD_CLOEXEC, 0);
        picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        close_handle(loop, stream.ours);
        CHECK_EQ(it.result, -ECANCELED);
        peer_send(stream.theirs, "late", 4);
        if (round % 2 == 1) {
            CHECK_EQ(close(stream.theirs), 0);
            stream.theirs = -1;
        }
        CHECK(is_calm(run_for(loop, 100 * PICOT_MS)));
        CHECK_EQ(recv(duplicate, got, sizeof got, 0), 4);
        CHECK_EQ(close(duplicate), 0);
        CHECK(stream.theirs < 0 || close(stream.theirs) == 0);
    }
    tap_loop_end(loop);
}

/* The same with close(2) behind the loop's back: the set cannot even be told any more. */
static void duplicate_outlives_a_raw_close(void)
{
    picot_loop *loop = tap_loop();
    check_receive(loop); /* what a backend makes when first needed has its number now, not the one closed below */
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded it = {0}, closing = {0};
        struct stream stream = open_stream(loop, flavour);
        int number = picot_fd_number(loop, stream.ours), duplicate = fcntl(number, F_DUPFD_CLOEXEC, 0);
        picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        CHECK_EQ(close(number), 0);
        peer_send(stream.theirs, "late", 4);
        CHECK(is_calm(run_for(loop, 100 * PICOT_MS)));
        picot_op_close(&closing.op, stream.ours);
        CHECK_EQ(perform(loop, &closing), -EBADF);
        CHECK(completed(&it));
        CHECK(it.result == -ECANCELED || it.result == -EBADF);
        peer_send(stream.theirs, "later", 5);
        CHECK(is_calm(run_for(loop, 100 * PICOT_MS)));
        CHECK_EQ(close(duplicate) | close(stream.theirs), 0);
    }
    tap_loop_end(loop);
}

/* Two numbers of one open file are two handles, each with a reader of its own. */
static void two_numbers_of_one_file(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct recorded ops[2];
        struct stream stream = open_stream(loop, flavour);
        picot_fd both[2] = {stream.ours, adopt(loop, fcntl(picot_fd_number(loop, stream.ours), F_DUPFD_CLOEXEC, 0))};
        memset(ops, 0, sizeof ops);
        for (int i = 0; i < 2; i++) {
            picot_op_poll(&ops[i].op, both[i], PICOT_READABLE);
            CHECK_EQ(start(loop, &ops[i]), 0);
        }
        run_turns(loop, 3);
        peer_send(stream.theirs, "x", 1);
        CHECK_EQ(finish(loop, &ops[0]), PICOT_READABLE);
        CHECK_EQ(finish(loop, &ops[1]), PICOT_READABLE);
        char got[2];
        struct recorded receiving = {0};
        close_handle(loop, both[0]);
        picot_op_recv(&receiving.op, both[1], got, sizeof got, 0);
        CHECK_EQ(perform(loop, &receiving), 1);
        CHECK_EQ(start(loop, &receiving), 0);
        run_turns(loop, 2);
        peer_send(stream.theirs, "y", 1);
        CHECK_EQ(finish(loop, &receiving), 1);
        close_handle(loop, both[1]);
        CHECK_EQ(close(stream.theirs), 0);
    }
    tap_loop_end(loop);
}

/* ---- large numbers --------------------------------------------------------------------------- */

static void watched(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    *(unsigned *)watch->user |= ready;
    CHECK_EQ(picot_watch_remove(loop, watch), 0);
}

static bool is_set(void *arg)
{
    return *(unsigned *)arg != 0;
}

/* Receive, send, poll, accept, watch and close, on numbers around and far beyond the size of an fd_set. */
static void large_numbers(void)
{
    static const int numbers[] = {1022, 1023, 1024, 1025, 2047, 2048, 4999, 5000, 5001, 16000};
    picot_loop *loop = tap_loop();
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && (rlim_t)numbers[i] < limit.rlim_cur; i++) {
        char got[8];
        unsigned ready = 0;
        int fds[2];
        struct recorded in = {0}, out = {0}, closing = {0};
        picot_watch watch = PICOT_WATCH_INIT;
        stream_pair((unsigned)i % FLAVOURS, fds);
        CHECK_EQ(dup3(fds[0], numbers[i], O_CLOEXEC), numbers[i]);
        CHECK_EQ(close(fds[0]), 0);
        CHECK_EQ(picot_watch_add(loop, &watch, numbers[i], PICOT_READABLE, watched, &ready), 0);
        run_turns(loop, 3);
        CHECK_EQ(ready, 0);
        peer_send(fds[1], "watch", 5);
        CHECK(run_until(loop, is_set, &ready));
        CHECK_EQ(recv(numbers[i], got, sizeof got, 0), 5);
        picot_fd fd = adopt(loop, numbers[i]);
        picot_op_recv(&in.op, fd, got, sizeof got, 0);
        CHECK_EQ(start(loop, &in), 0);
        run_turns(loop, 3);
        CHECK(!completed(&in));
        peer_send(fds[1], "data", 4);
        CHECK_EQ(finish(loop, &in), 4);
        picot_op_send(&out.op, fd, "back", 4, 0);
        CHECK_EQ(perform(loop, &out), 4);
        peer_recv(fds[1], got, 4);
        CHECK_MEM(got, "back", 4);
        CHECK_EQ(start(loop, &in), 0);
        run_turns(loop, 2);
        picot_op_close(&closing.op, fd);
        CHECK_EQ(perform(loop, &closing), 0);
        CHECK_EQ(in.result, -ECANCELED);
        CHECK_EQ(close(fds[1]), 0);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"foreign: closed raw and given out anew", closed_raw_and_given_out_anew, TAP_BACKENDS},
    {"raw close: with a pending receive", closed_behind_the_back, TAP_BACKENDS},
    {"raw close: then cancelled", cancelled_after_a_raw_close, TAP_BACKENDS},
    {"raw close: the number is taken", number_taken_after_a_raw_close, TAP_BACKENDS},
    {"dup: outlives the handle", duplicate_outlives_the_handle, TAP_BACKENDS},
    {"dup: outlives a raw close", duplicate_outlives_a_raw_close, TAP_BACKENDS},
    {"dup: two numbers of one file", two_numbers_of_one_file, TAP_BACKENDS},
    {"large numbers", large_numbers, TAP_BACKENDS},
};

TAP_MAIN(cases)
