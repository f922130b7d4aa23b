/* SPDX-License-Identifier: MIT
 *
 * cancel_races.c - cancels that meet the data, on every backend: whatever the outcome of each single one, the bytes of
 * all of them together are the stream, complete and in order.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void cancel(picot_loop *loop, struct recorded *it)
{
    unsigned before = it->completions;
    CHECK_EQ(picot_cancel(loop, &it->op), 0);
    CHECK_EQ(it->completions, before); /* never from inside */
}

/* Data is there, the receive is submitted and cancelled in one breath: either outcome, and all bytes in order. */
static void cancel_races_with_ready_data(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        uint64_t sent = 0, got = 0;
        struct stream stream = open_stream(loop, flavour);
        for (unsigned i = 0; i < 500; i++) {
            char block[24];
            struct recorded it = {0};
            pattern_fill(block, sizeof block, 1, sent);
            peer_send(stream.theirs, block, 1 + i % sizeof block);
            sent += 1 + i % sizeof block;
            picot_op_recv(&it.op, stream.ours, block, sizeof block, 0);
            CHECK_EQ(start(loop, &it), 0);
            run_turns(loop, i % 3 / 2);
            cancel(loop, &it);
            int64_t bytes = finish(loop, &it);
            CHECK(bytes > 0 || bytes == -ECANCELED);
            if (bytes > 0) {
                CHECK_EQ(pattern_match(block, (size_t)bytes, 1, got), bytes);
                got += (uint64_t)bytes;
            }
        }
        while (got < sent) {
            char block[64];
            struct recorded it = {0};
            picot_op_recv(&it.op, stream.ours, block, sizeof block, 0);
            int64_t bytes = perform(loop, &it);
            CHECK(bytes > 0);
            CHECK_EQ(pattern_match(block, (size_t)bytes, 1, got), bytes);
            got += (uint64_t)bytes;
        }
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* ---- a race with another thread -------------------------------------------------------------- */

struct racer {
    pthread_t thread;
    int fd;
    _Atomic unsigned round; /* the receiver's; UINT32_MAX: end */
    _Atomic unsigned seen;  /* the round that was answered last: the receiver never runs far ahead */
    uint64_t sent;
};

/* In each round of the receiver a few bytes, at a moment that moves from round to round. */
static void *send_at_odd_moments(void *arg)
{
    struct racer *racer = arg;
    for (unsigned seen = 0, round; (round = atomic_load(&racer->round)) != UINT32_MAX;) {
        if (round == seen) {
            (void)sched_yield();
            continue;
        }
        seen = round;
        for (volatile unsigned delay = round * 37 % 3000; delay > 0; delay--) {
        }
        char block[8];
        size_t size = 1 + round % sizeof block;
        pattern_fill(block, size, 4, racer->sent);
        peer_send(racer->fd, block, size);
        racer->sent += size;
        atomic_store(&racer->seen, round);
    }
    CHECK_EQ(shutdown(racer->fd, SHUT_WR), 0);
    return NULL;
}

static uint64_t race(picot_loop *loop, picot_fd fd, struct racer *racer, unsigned rounds)
{
    uint64_t got = 0;
    for (unsigned i = 1;; i++) {
        char block[32];
        struct recorded it = {0};
        bool last = i > rounds;
        while (i > atomic_load(&racer->seen) + 8) {
            (void)sched_yield();
        }
        atomic_store(&racer->round, last ? UINT32_MAX : i);
        picot_op_recv(&it.op, fd, block, sizeof block, 0);
        CHECK_EQ(start(loop, &it), 0);
        if (!last) {
            run_turns(loop, i % 3);
            cancel(loop, &it);
            if (i % 5 == 0) {
                cancel(loop, &it);
            }
        }
        int64_t bytes = finish(loop, &it);
        if (bytes == 0) {
            CHECK(last);
            return got;
        }
        CHECK(bytes > 0 || (bytes == -ECANCELED && !last));
        if (bytes > 0) {
            CHECK_EQ(pattern_match(block, (size_t)bytes, 4, got), bytes);
            got += (uint64_t)bytes;
        }
    }
}

static void cancel_races_with_arriving_data(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct stream stream = open_stream(loop, flavour);
        struct racer racer = {.fd = stream.theirs};
        CHECK_EQ(pthread_create(&racer.thread, NULL, send_at_odd_moments, &racer), 0);
        uint64_t got = race(loop, stream.ours, &racer, 25000);
        CHECK_EQ(pthread_join(racer.thread, NULL), 0);
        CHECK_EQ(got, racer.sent);
        CHECK(got > 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* The same for a read of a pipe; picot_loop_next_deadline lets the kernel answer without anybody looking at it. */
static void cancel_races_with_a_pipe(void)
{
    picot_loop *loop = tap_loop();
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        uint64_t sent = 0, got = 0;
        int fds[2];
        CHECK_EQ(pipe2(fds, O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0)), 0);
        picot_fd in = adopt(loop, fds[0]);
        for (unsigned i = 0; i < 600 || got < sent; i++) {
            char block[24];
            struct recorded it = {0};
            bool last = i >= 600;
            picot_op_read(&it.op, in, block, sizeof block, -1);
            CHECK_EQ(start(loop, &it), 0);
            run_turns(loop, last ? 0 : i % 3);
            if (!last) {
                char sending[8]; /* block is the loop's */
                pattern_fill(sending, 1 + i % 8, 3, sent);
                CHECK_EQ(write(fds[1], sending, 1 + i % 8), 1 + i % 8);
                sent += 1 + i % 8;
                if (i % 4 < 2) {
                    CHECK(picot_loop_next_deadline(loop) >= 0);
                }
                cancel(loop, &it);
            }
            int64_t bytes = finish(loop, &it);
            CHECK(bytes > 0 || (bytes == -ECANCELED && !last));
            if (bytes > 0) {
                CHECK_EQ(pattern_match(block, (size_t)bytes, 3, got), bytes);
                got += (uint64_t)bytes;
            }
        }
        CHECK_EQ(got, sent);
        close_handle(loop, in);
        CHECK_EQ(close(fds[1]), 0);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"cancel: races with ready data", cancel_races_with_ready_data, TAP_BACKENDS},
    {"cancel: races with a pipe", cancel_races_with_a_pipe, TAP_BACKENDS},
    {"cancel: 100000 races with arriving data", cancel_races_with_arriving_data, TAP_BACKENDS | TAP_SLOW},
};

TAP_MAIN(cases)
