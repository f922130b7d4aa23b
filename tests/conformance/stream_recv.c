/* SPDX-License-Identifier: MIT
 *
 * stream_recv.c - receiving from streams, on every backend: the moment of completion, ends, resets, half-closed
 * connections, second readers, empty buffers, peeking.
 *
 * The traps are those of speculative calls, edge-triggered events and read-ahead: see epoll(7), tcp(7), recv(2).
 */
#include "support.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t receive(picot_loop *loop, picot_fd fd, void *buf, size_t len)
{
    struct recorded it = {0};
    picot_op_recv(&it.op, fd, buf, len, 0);
    return perform(loop, &it);
}

/* Data is there before the submit: the completion still comes from the loop (start checks that), with all of it. */
static void ready_data_completes_later(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char sent[100], got[200];
        struct stream stream = open_stream(loop, flavour);
        pattern_fill(sent, sizeof sent, flavour, 0);
        peer_send(stream.theirs, sent, sizeof sent);
        wait_readable(picot_fd_number(loop, stream.ours));
        CHECK_EQ(receive(loop, stream.ours, got, sizeof got), sizeof sent);
        CHECK_MEM(got, sent, sizeof sent);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* submit_now may say 1 and must then not complete again; both ways every byte arrives in order. */
static void submit_now_completes_once(void)
{
    picot_loop *loop = tap_loop();
    unsigned at_once = 0;
    char byte, got[2];
    struct stream stream = open_stream(loop, 0);
    for (int i = 0; i < 200; i++) {
        struct recorded it = {0};
        byte = (char)i;
        peer_send(stream.theirs, &byte, 1);
        wait_readable(picot_fd_number(loop, stream.ours));
        picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
        int code = picot_submit_now(loop, &it.op, recorded_done, NULL);
        CHECK(code == 0 || code == 1);
        if (code == 1) {
            at_once++;
            CHECK_EQ(picot_op_pending(&it.op), 0);
            CHECK_EQ(it.op.result, 1);
            run_turns(loop, 2);
            CHECK(!completed(&it));
        } else {
            CHECK_EQ(finish(loop, &it), 1);
        }
        CHECK_EQ(got[0], byte);
    }
    CHECK(at_once <= 200);
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

/* The submit comes first, the data while the loop waits for it. */
static void late_data_completes(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct stream stream = open_stream(loop, flavour);
        for (int i = 0; i < 10; i++) {
            char sent[64], got[64];
            struct recorded it = {0};
            picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
            CHECK_EQ(start(loop, &it), 0);
            run_turns(loop, 3);
            CHECK(!completed(&it));
            pattern_fill(sent, sizeof sent, flavour, 64 * (uint64_t)i);
            peer_send(stream.theirs, sent, sizeof sent);
            CHECK_EQ(finish(loop, &it), sizeof sent);
            CHECK_MEM(got, sent, sizeof sent);
        }
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

static void end_of_stream_is_sticky(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct stream stream = open_stream(loop, flavour);
        CHECK_EQ(close(stream.theirs), 0);
        stream.theirs = -1;
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(receive(loop, stream.ours, got, sizeof got), 0);
        }
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* A short read, then the end: an edge-triggered backend gets no further event for the end that came along. */
static void data_then_end(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        for (size_t room = 1; room <= 16; room *= 2) {
            char got[16] = {0};
            size_t total = 0;
            struct stream stream = open_stream(loop, flavour);
            peer_send(stream.theirs, "12345", 5);
            CHECK_EQ(close(stream.theirs), 0);
            stream.theirs = -1;
            while (total < 5) {
                int64_t bytes = receive(loop, stream.ours, got + total, room < 5 - total ? room : 16 - total);
                CHECK(bytes > 0);
                total += (size_t)bytes;
            }
            CHECK_STR(got, "12345");
            CHECK_EQ(receive(loop, stream.ours, got, sizeof got), 0);
            close_stream(loop, &stream);
        }
    }
    tap_loop_end(loop);
}

/* The receiver is armed first; data and end arrive together, or the end arrives between two receives. */
static void end_after_a_short_read(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned round = 0; round < 2 * FLAVOURS; round++) {
        char got[64];
        struct recorded it = {0};
        struct stream stream = open_stream(loop, round / 2);
        picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        peer_send(stream.theirs, "abc", 3);
        if (round % 2 == 0) {
            CHECK_EQ(shutdown(stream.theirs, SHUT_WR), 0);
            CHECK_EQ(finish(loop, &it), 3);
        } else {
            CHECK_EQ(finish(loop, &it), 3);
            CHECK_EQ(shutdown(stream.theirs, SHUT_WR), 0);
        }
        CHECK_MEM(got, "abc", 3);
        CHECK_EQ(perform(loop, &it), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

static void half_close_by_the_peer(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded sending = {0};
        struct stream stream = open_stream(loop, flavour);
        CHECK_EQ(shutdown(stream.theirs, SHUT_WR), 0);
        CHECK_EQ(receive(loop, stream.ours, got, sizeof got), 0);
        picot_op_send_all(&sending.op, stream.ours, "still", 5, 0);
        CHECK_EQ(perform(loop, &sending), 5);
        peer_recv(stream.theirs, got, 5);
        CHECK_MEM(got, "still", 5);
        CHECK_EQ(receive(loop, stream.ours, got, sizeof got), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

static void half_close_by_us(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded receiving = {0}, ending = {0}, sending = {0};
        struct stream stream = open_stream(loop, flavour);
        picot_op_recv(&receiving.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &receiving), 0);
        picot_op_shutdown(&ending.op, stream.ours, SHUT_WR);
        CHECK_EQ(perform(loop, &ending), 0);
        CHECK_EQ(peer_end(stream.theirs), 0);
        CHECK(!completed(&receiving));
        peer_send(stream.theirs, "here", 4);
        CHECK_EQ(finish(loop, &receiving), 4);
        CHECK_MEM(got, "here", 4);
        picot_op_send(&sending.op, stream.ours, "x", 1, 0);
        CHECK_EQ(perform(loop, &sending), -EPIPE);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* Our own shutdown ends a receive that is pending with 0, like a peer's end. */
static void shutdown_ends_a_pending_receive(void)
{
    static const int ways[] = {SHUT_RD, SHUT_RDWR};
    picot_loop *loop = tap_loop();
    for (unsigned round = 0; round < 2 * FLAVOURS; round++) {
        char got[8];
        struct recorded receiving = {0}, ending = {0};
        struct stream stream = open_stream(loop, round / 2);
        picot_op_recv(&receiving.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &receiving), 0);
        run_turns(loop, 3);
        picot_op_shutdown(&ending.op, stream.ours, ways[round % 2]);
        CHECK_EQ(perform(loop, &ending), 0);
        CHECK_EQ(finish(loop, &receiving), 0);
        CHECK_EQ(perform(loop, &receiving), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* tcp(7): bytes that arrived before the reset are read first, the reset is told once, then comes the end. */
static void reset_after_data(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < 2; flavour++) {
        char got[8];
        struct stream stream = open_stream(loop, flavour);
        peer_send(stream.theirs, "abc", 3);
        wait_readable(picot_fd_number(loop, stream.ours));
        reset_on_close(stream.theirs);
        CHECK_EQ(close(stream.theirs), 0);
        stream.theirs = -1;
        CHECK_EQ(receive(loop, stream.ours, got, sizeof got), 3);
        CHECK_MEM(got, "abc", 3);
        CHECK_EQ(receive(loop, stream.ours, got, sizeof got), -ECONNRESET);
        CHECK_EQ(receive(loop, stream.ours, got, sizeof got), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

static void reset_while_waiting(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < 2; flavour++) {
        char got[8];
        struct recorded it = {0};
        struct stream stream = open_stream(loop, flavour);
        picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        reset_on_close(stream.theirs);
        CHECK_EQ(close(stream.theirs), 0);
        stream.theirs = -1;
        CHECK_EQ(finish(loop, &it), -ECONNRESET);
        CHECK_EQ(perform(loop, &it), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* One reader per handle: the second one is refused, whatever its kind, and so is a pending operation submitted again.
 */
static void second_receive_is_refused(void)
{
    picot_loop *loop = tap_loop();
    char first_got[8], second_got[8] = "";
    struct recorded first = {0}, second = {0}, poll = {0};
    struct stream stream = open_stream(loop, 0);
    picot_op_recv(&first.op, stream.ours, first_got, sizeof first_got, 0);
    CHECK_EQ(start(loop, &first), 0);
    picot_op_recv(&second.op, stream.ours, second_got, sizeof second_got, 0);
    CHECK_EQ(start(loop, &second), -EBUSY);
    picot_op_poll(&poll.op, stream.ours, PICOT_READABLE);
    CHECK_EQ(start(loop, &poll), -EBUSY);
    CHECK_EQ(picot_submit(loop, &first.op, recorded_done, NULL), -EBUSY);
    CHECK_EQ(picot_submit_now(loop, &first.op, recorded_done, NULL), -EBUSY);
    peer_send(stream.theirs, "data", 4);
    CHECK_EQ(finish(loop, &first), 4);
    CHECK_MEM(first_got, "data", 4);
    run_turns(loop, 3);
    CHECK(!completed(&second) && !completed(&poll));
    CHECK_EQ(second_got[0], 0);
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

/* A receive of nothing is answered 0 at once, with data waiting and without; it takes nothing. */
static void empty_receive(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[4];
        struct stream stream = open_stream(loop, flavour);
        CHECK_EQ(receive(loop, stream.ours, got, 0), 0);
        CHECK_EQ(receive(loop, stream.ours, NULL, 0), 0);
        peer_send(stream.theirs, "ab", 2);
        CHECK_EQ(receive(loop, stream.ours, got, 0), 0);
        CHECK_EQ(receive(loop, stream.ours, got, 4), 2);
        CHECK_MEM(got, "ab", 2);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* Peeking leaves the bytes there, also for the backend: the next receive must not wait for a new event. */
static void peeking(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[4];
        struct recorded it = {0};
        struct stream stream = open_stream(loop, flavour);
        picot_op_recv(&it.op, stream.ours, got, sizeof got, MSG_PEEK);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        peer_send(stream.theirs, "xyz", 3);
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(i == 0 ? finish(loop, &it) : perform(loop, &it), 3);
            CHECK_MEM(got, "xyz", 3);
        }
        CHECK_EQ(receive(loop, stream.ours, got, sizeof got), 3);
        CHECK_MEM(got, "xyz", 3);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* A long stream in pieces of odd sizes, from a peer that fills its buffer as fast as it can. */
static void long_stream_in_order(void)
{
    enum { TOTAL = 3 * 1024 * 1024 };
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        static char block[70001];
        struct stream stream = open_stream(loop, flavour);
        size_t sent = 0, got = 0, room = 1;
        while (got < TOTAL) {
            size_t size = TOTAL - sent < sizeof block ? TOTAL - sent : sizeof block;
            pattern_fill(block, size, flavour, sent);
            ssize_t taken = size > 0 ? send(stream.theirs, block, size, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
            sent += taken > 0 ? (size_t)taken : 0;
            room = room * 7 % sizeof block + 1;
            int64_t bytes = receive(loop, stream.ours, block, room);
            CHECK(bytes > 0 && (size_t)bytes <= room);
            CHECK_EQ(pattern_match(block, (size_t)bytes, flavour, got), bytes);
            got += (size_t)bytes;
        }
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"recv: ready data completes, but later", ready_data_completes_later, TAP_BACKENDS},
    {"recv: submit_now completes once", submit_now_completes_once, TAP_BACKENDS},
    {"recv: data that comes later", late_data_completes, TAP_BACKENDS},
    {"recv: the end of a stream is sticky", end_of_stream_is_sticky, TAP_BACKENDS},
    {"recv: data and then the end", data_then_end, TAP_BACKENDS},
    {"recv: the end after a short read", end_after_a_short_read, TAP_BACKENDS},
    {"recv: half-closed by the peer", half_close_by_the_peer, TAP_BACKENDS},
    {"recv: half-closed by us", half_close_by_us, TAP_BACKENDS},
    {"recv: shutdown ends a pending receive", shutdown_ends_a_pending_receive, TAP_BACKENDS},
    {"recv: data, reset, end", reset_after_data, TAP_BACKENDS},
    {"recv: reset while waiting", reset_while_waiting, TAP_BACKENDS},
    {"recv: a second receive is refused", second_receive_is_refused, TAP_BACKENDS},
    {"recv: empty", empty_receive, TAP_BACKENDS},
    {"recv: peeking", peeking, TAP_BACKENDS},
    {"recv: a long stream in order", long_stream_in_order, TAP_BACKENDS},
};

TAP_MAIN(cases)
