/* SPDX-License-Identifier: MIT
 *
 * cancel.c - ending operations early, on every backend: one completion each, and nothing is lost.
 *
 * A cancelled receive that won the race reports its bytes; one that lost it leaves them in the socket. What a kernel
 * says about the cancel request itself never decides (io_uring_prep_cancel(3)).
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void cancel(picot_loop *loop, struct recorded *it)
{
    unsigned before = it->completions;
    CHECK_EQ(picot_cancel(loop, &it->op), 0);
    CHECK_EQ(it->completions, before); /* never from inside */
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* turns: how far the receive has got when it is cancelled; 0: not even handed to the kernel. */
static void cancelled_receive_loses_nothing(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct stream stream = open_stream(loop, flavour);
        for (unsigned turns = 0; turns < 4; turns++) {
            char got[16], before[16];
            struct recorded it = {0};
            memset(got, 7, sizeof got);
            memset(before, 7, sizeof before);
            picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
            CHECK_EQ(start(loop, &it), 0);
            run_turns(loop, turns);
            cancel(loop, &it);
            cancel(loop, &it);
            CHECK_EQ(finish(loop, &it), -ECANCELED);
            peer_send(stream.theirs, "after", 5);
            run_turns(loop, 3);
            CHECK_MEM(got, before, sizeof got); /* the buffer is ours again */
            CHECK_EQ(perform(loop, &it), 5);
            CHECK_MEM(got, "after", 5);
        }
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* Completed, delivered or not: the cancel changes nothing, and above all nothing of the next receive. */
static void cancel_of_a_completed_receive(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[16];
        struct recorded first = {0}, second = {0};
        struct stream stream = open_stream(loop, flavour);
        picot_op_recv(&first.op, stream.ours, got, 1, 0);
        picot_op_recv(&second.op, stream.ours, got, sizeof got, 0);
        peer_send(stream.theirs, "a", 1);
        CHECK_EQ(perform(loop, &first), 1);
        cancel(loop, &first);
        CHECK_EQ(start(loop, &second), 0);
        cancel(loop, &first);
        run_turns(loop, 3);
        cancel(loop, &first);
        CHECK(!completed(&second));
        peer_send(stream.theirs, "bc", 2);
        CHECK_EQ(finish(loop, &second), 2);
        CHECK_MEM(got, "bc", 2);
        CHECK_EQ(first.completions, 1);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* The prefix that progress tells, and not a byte more, has gone out. */
static void cancelled_send_all_tells_its_progress(void)
{
    enum { TOTAL = 16 * 1000 * 1000 };
    picot_loop *loop = tap_loop();
    char *data = malloc(TOTAL), block[4096];
    CHECK(data != NULL);
    pattern_fill(data, TOTAL, 8, 0);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        size_t got = 0;
        ssize_t bytes;
        struct recorded it = {0};
        struct stream stream = open_stream(loop, flavour);
        picot_op_send_all(&it.op, stream.ours, data, TOTAL, 0);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, flavour);
        peer_recv(stream.theirs, block, 100 * flavour); /* some of it is read while it goes on */
        CHECK_EQ(pattern_match(block, 100 * flavour, 8, 0), 100 * flavour);
        got += 100 * flavour;
        run_turns(loop, 5);
        cancel(loop, &it);
        CHECK_EQ(finish(loop, &it), -ECANCELED);
        size_t progress = picot_op_progress(&it.op);
        CHECK(progress > 0 && progress < TOTAL);
        close_handle(loop, stream.ours);
        while ((bytes = recv(stream.theirs, block, sizeof block, 0)) > 0) {
            CHECK_EQ(pattern_match(block, (size_t)bytes, 8, got), bytes);
            got += (size_t)bytes;
        }
        CHECK_EQ(bytes, 0);
        CHECK_EQ(got, progress);
        CHECK_EQ(close(stream.theirs), 0);
    }
    free(data);
    tap_loop_end(loop);
}

/* The reader is cancelled, the writer of the same handle goes on, and the other way round. */
static void cancel_of_one_direction_only(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded in = {0}, out = {0};
        struct stream stream = open_stream(loop, flavour);
        small_buffers(picot_fd_number(loop, stream.ours));
        (void)fill_up(picot_fd_number(loop, stream.ours), 0);
        picot_op_recv(&in.op, stream.ours, got, sizeof got, 0);
        picot_op_send(&out.op, stream.ours, "x", 1, 0);
        CHECK_EQ(start(loop, &in), 0);
        CHECK_EQ(start(loop, &out), 0);
        run_turns(loop, 3);
        cancel(loop, &out);
        CHECK_EQ(finish(loop, &out), -ECANCELED);
        CHECK(!completed(&in));
        CHECK_EQ(start(loop, &out), 0);
        run_turns(loop, 3);
        cancel(loop, &in);
        CHECK_EQ(finish(loop, &in), -ECANCELED);
        CHECK(!completed(&out));
        CHECK_EQ(start(loop, &in), 0);
        peer_send(stream.theirs, "in", 2);
        CHECK_EQ(finish(loop, &in), 2);
        CHECK(!completed(&out));
        cancel(loop, &out);
        CHECK_EQ(finish(loop, &out), -ECANCELED);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* ---- every kind of operation that can wait --------------------------------------------------- */

struct waiters {
    char buf[8];
    picot_lease lease;
    struct iovec part;
    struct msghdr msg;
    struct stream idle, full, polled;
    picot_fd listener, pipe_in;
    int pipe_out;
    struct recorded ops[10];
    unsigned count;
};

static void waiters_open(picot_loop *loop, struct waiters *all)
{
    struct sockaddr_in addr;
    int pipes[2];
    CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
    all->pipe_in = adopt(loop, pipes[0]);
    all->pipe_out = pipes[1];
    all->listener = adopt(loop, bound_listener(1, &addr));
    all->idle = open_stream(loop, 0);
    all->polled = open_stream(loop, 2);
    all->full = open_stream(loop, 3);
    (void)fill_up(picot_fd_number(loop, all->full.ours), 0);
    all->part = (struct iovec){all->buf, sizeof all->buf};
    all->msg = (struct msghdr){.msg_iov = &all->part, .msg_iovlen = 1};
}

static void waiters_close(picot_loop *loop, struct waiters *all)
{
    close_handle(loop, all->pipe_in);
    close_handle(loop, all->listener);
    close_stream(loop, &all->idle);
    close_stream(loop, &all->polled);
    close_stream(loop, &all->full);
    CHECK_EQ(close(all->pipe_out), 0);
}

/* One batch of operations, each on a direction of its own, that cannot complete by themselves. */
static void waiters_prepare(struct waiters *all, int batch)
{
    unsigned n = 0;
    struct recorded *ops = all->ops;
    memset(ops, 0, sizeof all->ops);
    picot_op_read(&ops[n++].op, all->pipe_in, all->buf, sizeof all->buf, -1);
    picot_op_accept(&ops[n++].op, all->listener, NULL, NULL);
    picot_op_timeout(&ops[n++].op, PICOT_NEVER);
    picot_op_timeout(&ops[n++].op, 3600 * PICOT_SECOND);
    picot_op_poll(&ops[n++].op, all->polled.ours, PICOT_READABLE);
    if (batch == 0) {
        picot_op_recv(&ops[n++].op, all->idle.ours, all->buf, sizeof all->buf, 0);
        picot_op_send(&ops[n++].op, all->full.ours, all->buf, sizeof all->buf, 0);
    } else if (batch == 1) {
        picot_op_recvmsg(&ops[n++].op, all->idle.ours, &all->msg, 0);
        picot_op_sendmsg(&ops[n++].op, all->full.ours, &all->msg, 0);
    } else {
        picot_op_recv_leased(&ops[n++].op, all->idle.ours, &all->lease);
        picot_op_poll(&ops[n++].op, all->full.ours, PICOT_WRITABLE);
    }
    all->count = n;
}

static void every_kind_can_be_cancelled(void)
{
    picot_loop *loop = tap_loop();
    struct waiters all = {0};
    waiters_open(loop, &all);
    for (int round = 0; round < 12; round++) {
        waiters_prepare(&all, round % 3);
        for (unsigned i = 0; i < all.count; i++) {
            CHECK_EQ(start(loop, &all.ops[i]), 0);
        }
        run_turns(loop, (unsigned)round / 3);
        for (unsigned i = 0; i < all.count; i++) {
            CHECK(!completed(&all.ops[i]));
            cancel(loop, &all.ops[i]);
            if (round % 2 == 0) {
                cancel(loop, &all.ops[i]);
            }
        }
        for (unsigned i = 0; i < all.count; i++) {
            CHECK_EQ(finish(loop, &all.ops[i]), -ECANCELED);
            cancel(loop, &all.ops[i]);
        }
        run_turns(loop, 3);
        CHECK(all.lease.data == NULL);
    }
    waiters_close(loop, &all);
    tap_loop_end(loop);
}

/* ---- from callbacks -------------------------------------------------------------------------- */

struct chained {
    struct recorded base;
    picot_op *other;
};

static void cancel_other(picot_loop *loop, picot_op *op)
{
    struct chained *it = (struct chained *)op;
    recorded_done(loop, op);
    CHECK_EQ(picot_cancel(loop, op), 0); /* itself: completed already */
    CHECK_EQ(picot_cancel(loop, it->other), 0);
}

/* Both are ready in one batch; the first that completes cancels the other, which then still completes once. */
static void cancel_from_a_completion(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[2][4];
        struct chained ops[2];
        struct stream streams[2];
        memset(ops, 0, sizeof ops);
        for (int i = 0; i < 2; i++) {
            streams[i] = open_stream(loop, flavour);
            picot_op_recv(&ops[i].base.op, streams[i].ours, got[i], sizeof got[i], 0);
            ops[i].other = &ops[1 - i].base.op;
            CHECK_EQ(picot_submit(loop, &ops[i].base.op, cancel_other, NULL), 0);
        }
        run_turns(loop, 3);
        for (int i = 0; i < 2; i++) {
            peer_send(streams[i].theirs, "both", 4);
        }
        int64_t results[2] = {finish(loop, &ops[0].base), finish(loop, &ops[1].base)};
        CHECK(results[0] == 4 || results[1] == 4);
        for (int i = 0; i < 2; i++) {
            CHECK(results[i] == 4 || results[i] == -ECANCELED);
            if (results[i] < 0) {
                struct recorded again = {0};
                picot_op_recv(&again.op, streams[i].ours, got[i], sizeof got[i], 0);
                CHECK_EQ(perform(loop, &again), 4);
            }
            CHECK_MEM(got[i], "both", 4);
        }
        close_stream(loop, &streams[0]);
        close_stream(loop, &streams[1]);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"cancel: a receive loses nothing", cancelled_receive_loses_nothing, TAP_BACKENDS},
    {"cancel: of a completed receive", cancel_of_a_completed_receive, TAP_BACKENDS},
    {"cancel: send_all tells its progress", cancelled_send_all_tells_its_progress, TAP_BACKENDS},
    {"cancel: one direction only", cancel_of_one_direction_only, TAP_BACKENDS},
    {"cancel: every kind that waits", every_kind_can_be_cancelled, TAP_BACKENDS},
    {"cancel: from a completion", cancel_from_a_completion, TAP_BACKENDS},
};

TAP_MAIN(cases)
