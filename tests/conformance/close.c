/* SPDX-License-Identifier: MIT
 *
 * close.c - the end of handles, on every backend: pending operations end first, the peer learns of it at once, and no
 * number that lives again ever meets an old event or an old operation. Giving descriptors in and taking them back.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The peer has its end of stream within a second although the loop does not turn: nothing holds the file any more. */
static void peer_ends_promptly(int fd, int expected)
{
    struct pollfd wanted = {fd, POLLIN, 0};
    CHECK_EQ(poll(&wanted, 1, 1000), 1);
    CHECK_EQ(peer_end(fd), expected);
}

static void close_with_a_pending_receive(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned round = 0; round < 3 * FLAVOURS; round++) {
        char got[8];
        struct recorded receiving = {0}, closing = {0};
        struct stream stream = open_stream(loop, round / 3);
        picot_op_recv(&receiving.op, stream.ours, got, sizeof got, 0);
        picot_op_close(&closing.op, stream.ours);
        CHECK_EQ(start(loop, &receiving), 0);
        run_turns(loop, round % 3);
        CHECK_EQ(start(loop, &closing), 0);
        CHECK_EQ(finish(loop, &closing), 0);
        CHECK(completed(&receiving));
        CHECK_EQ(receiving.result, -ECANCELED);
        CHECK(receiving.order < closing.order);
        peer_ends_promptly(stream.theirs, 0);
        CHECK_EQ(close(stream.theirs), 0);
    }
    tap_loop_end(loop);
}

/* What progress tells is what the peer gets before the end. */
static void close_with_a_pending_send(void)
{
    enum { TOTAL = 16 * 1000 * 1000 };
    picot_loop *loop = tap_loop();
    char *data = malloc(TOTAL), block[4096], got[4];
    CHECK(data != NULL);
    pattern_fill(data, TOTAL, 6, 0);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct recorded sending = {0}, receiving = {0}, closing = {0};
        size_t total = 0;
        ssize_t bytes;
        struct stream stream = open_stream(loop, flavour);
        picot_op_send_all(&sending.op, stream.ours, data, TOTAL, 0);
        picot_op_recv(&receiving.op, stream.ours, got, sizeof got, 0);
        picot_op_close(&closing.op, stream.ours);
        CHECK_EQ(start(loop, &sending), 0);
        CHECK_EQ(start(loop, &receiving), 0);
        run_turns(loop, flavour % 2 * 4);
        CHECK_EQ(perform(loop, &closing), 0);
        CHECK_EQ(sending.result, -ECANCELED);
        CHECK_EQ(receiving.result, -ECANCELED);
        CHECK(sending.order < closing.order && receiving.order < closing.order);
        while ((bytes = recv(stream.theirs, block, sizeof block, 0)) > 0) {
            CHECK_EQ(pattern_match(block, (size_t)bytes, 6, total), bytes);
            total += (size_t)bytes;
        }
        CHECK_EQ(bytes, 0);
        CHECK_EQ(total, picot_op_progress(&sending.op));
        CHECK_EQ(close(stream.theirs), 0);
    }
    free(data);
    tap_loop_end(loop);
}

/* accept and connect; the harness sees a descriptor that is left over. */
static void close_with_a_pending_accept_or_connect(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned turns = 0; turns < 4; turns++) {
        struct sockaddr_in addr;
        struct recorded accepting = {0}, connecting = {0}, made = {0};
        unsigned before = open_descriptors();
        picot_fd idle = adopt(loop, bound_listener(1, &addr));
        picot_op_accept(&accepting.op, idle, NULL, NULL);
        CHECK_EQ(start(loop, &accepting), 0);
        int full = bound_listener(0, &addr); /* one in its queue, and then nothing answers: tcp(7) */
        int first = connect_to(&addr);
        picot_op_socket(&made.op, AF_INET, SOCK_STREAM, 0);
        picot_fd waiting = perform(loop, &made);
        CHECK(waiting > 0);
        picot_op_connect(&connecting.op, waiting, (struct sockaddr *)&addr, sizeof addr);
        CHECK_EQ(start(loop, &connecting), 0);
        run_turns(loop, turns);
        close_handle(loop, idle);
        CHECK_EQ(accepting.result, -ECANCELED);
        CHECK(!completed(&connecting));
        close_handle(loop, waiting);
        CHECK_EQ(connecting.result, -ECANCELED);
        CHECK_EQ(close(full), 0);
        CHECK_EQ(close(first), 0);
        CHECK_EQ(open_descriptors(), before);
    }
    tap_loop_end(loop);
}

/* A handle closes, another gets its number: the old operation is over, the old handle dead, no event crosses over. */
static void reused_number(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char old_got[8] = "", new_got[8] = "";
        struct recorded old_op = {0}, new_op = {0}, stale = {0};
        struct stream old = open_stream(loop, flavour);
        int number = picot_fd_number(loop, old.ours), fds[2];
        stream_pair(flavour, fds);
        picot_op_recv(&old_op.op, old.ours, old_got, sizeof old_got, 0);
        CHECK_EQ(start(loop, &old_op), 0);
        run_turns(loop, 3);
        peer_send(old.theirs, "old", 3); /* an event is waiting while the handle closes */
        close_handle(loop, old.ours);
        CHECK(old_op.result == -ECANCELED || old_op.result == 3);
        CHECK_EQ(dup3(fds[0], number, O_CLOEXEC), number);
        CHECK_EQ(close(fds[0]), 0);
        picot_fd young = adopt(loop, number);
        CHECK(young != old.ours);
        picot_op_recv(&new_op.op, young, new_got, sizeof new_got, 0);
        CHECK_EQ(start(loop, &new_op), 0);
        picot_op_recv(&stale.op, old.ours, old_got, sizeof old_got, 0);
        CHECK_EQ(start(loop, &stale), -EBADF);
        picot_op_close(&stale.op, old.ours);
        CHECK_EQ(start(loop, &stale), -EBADF);
        CHECK_EQ(picot_release(loop, old.ours), -EBADF);
        CHECK_EQ(picot_fd_number(loop, old.ours), -EBADF);
        CHECK(is_calm(run_for(loop, 20 * PICOT_MS)));
        CHECK(!completed(&new_op));
        peer_send(fds[1], "young", 5);
        CHECK_EQ(finish(loop, &new_op), 5);
        CHECK_MEM(new_got, "young", 5);
        close_handle(loop, young);
        CHECK_EQ(close(fds[1]), 0);
        CHECK_EQ(close(old.theirs), 0);
    }
    tap_loop_end(loop);
}

/* ---- inside callbacks ------------------------------------------------------------------------ */

/* A connection that lives on the heap with its operations, closed from its neighbour's completion. */
struct conn {
    picot_op receiving, closing;
    char buf[8];
    struct stream stream;
    struct conn *neighbour;
    unsigned *alive;
    int received, other_closes;
};

static void conn_closed(picot_loop *loop, picot_op *op)
{
    (void)loop;
    struct conn *conn = op->user;
    CHECK_EQ(op->result, 0);
    CHECK_EQ(conn->received, 1);
    CHECK_EQ(close(conn->stream.theirs), 0);
    --*conn->alive;
    free(conn);
}

static void conn_received(picot_loop *loop, picot_op *op)
{
    struct conn *conn = op->user;
    CHECK(op->result == 4 || op->result == -ECANCELED);
    conn->received++;
    if (conn->neighbour != NULL) {
        struct conn *neighbour = conn->neighbour;
        neighbour->neighbour = NULL;
        conn->neighbour = NULL;
        picot_op_close(&neighbour->closing, neighbour->stream.ours);
        CHECK_EQ(picot_submit(loop, &neighbour->closing, conn_closed, neighbour), 0);
        picot_op_close(&conn->closing, conn->stream.ours);
        CHECK_EQ(picot_submit(loop, &conn->closing, conn_closed, conn), 0);
    }
}

static bool is_zero(void *arg)
{
    return *(unsigned *)arg == 0;
}

/* Many pairs become ready in one batch; the first of a pair closes both, which frees them. */
static void close_of_another_in_the_same_batch(void)
{
    enum { PAIRS = 40 };
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct conn *conns[2 * PAIRS];
        unsigned alive = 2 * PAIRS;
        for (int i = 0; i < 2 * PAIRS; i++) {
            conns[i] = calloc(1, sizeof *conns[i]);
            CHECK(conns[i] != NULL);
            conns[i]->stream = open_stream(loop, flavour);
            conns[i]->alive = &alive;
            picot_op_recv(&conns[i]->receiving, conns[i]->stream.ours, conns[i]->buf, sizeof conns[i]->buf, 0);
            CHECK_EQ(picot_submit(loop, &conns[i]->receiving, conn_received, conns[i]), 0);
        }
        for (int i = 0; i < 2 * PAIRS; i++) {
            conns[i]->neighbour = conns[2 * PAIRS - 1 - i];
        }
        run_turns(loop, 3);
        for (int i = 0; i < 2 * PAIRS; i++) {
            peer_send(conns[i]->stream.theirs, "data", 4);
        }
        CHECK(run_until(loop, is_zero, &alive));
    }
    tap_loop_end(loop);
}

/* The victim's event is in the same batch as the killer's; the victim's number is opened anew before it would come. */
struct killer {
    struct recorded base;
    struct recorded closing;
    picot_fd victim;
};

static void kill_the_victim(picot_loop *loop, picot_op *op)
{
    struct killer *killer = (struct killer *)op;
    recorded_done(loop, op);
    if (killer->victim != 0) {
        picot_op_close(&killer->closing.op, killer->victim);
        CHECK_EQ(start(loop, &killer->closing), 0);
    }
}

static void number_reused_in_the_same_batch(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[3][8];
        struct killer killers[2];
        struct stream streams[2];
        memset(killers, 0, sizeof killers);
        for (int i = 0; i < 2; i++) {
            streams[i] = open_stream(loop, flavour);
            picot_op_recv(&killers[i].base.op, streams[i].ours, got[i], sizeof got[i], 0);
            CHECK_EQ(picot_submit(loop, &killers[i].base.op, kill_the_victim, NULL), 0);
        }
        killers[0].victim = streams[1].ours;
        killers[1].victim = 0;
        run_turns(loop, 3);
        peer_send(streams[0].theirs, "data", 4);
        peer_send(streams[1].theirs, "data", 4);
        CHECK_EQ(finish(loop, &killers[0].closing), 0);
        CHECK(completed(&killers[1].base));
        struct recorded fresh = {0};
        struct stream stream = open_stream(loop, flavour); /* takes the number that became free */
        picot_op_recv(&fresh.op, stream.ours, got[2], sizeof got[2], 0);
        CHECK_EQ(start(loop, &fresh), 0);
        CHECK(is_calm(run_for(loop, 20 * PICOT_MS)));
        CHECK(!completed(&fresh));
        peer_send(stream.theirs, "fresh", 5);
        CHECK_EQ(finish(loop, &fresh), 5);
        CHECK_MEM(got[2], "fresh", 5);
        close_stream(loop, &stream);
        close_stream(loop, &streams[0]);
        CHECK_EQ(close(streams[1].theirs), 0);
    }
    tap_loop_end(loop);
}

/* ---- the handle itself ----------------------------------------------------------------------- */

static void closing_handle_is_invalid(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded receiving = {0}, closing = {0}, again = {0}, other = {0};
        struct stream stream = open_stream(loop, flavour);
        picot_op_recv(&receiving.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &receiving), 0);
        run_turns(loop, 3);
        picot_op_close(&closing.op, stream.ours);
        CHECK_EQ(start(loop, &closing), 0);
        picot_op_close(&again.op, stream.ours);
        int code = start(loop, &again); /* -EBADF: the descriptor is closed already, only the completion is to come */
        CHECK(code == -EALREADY || code == -EBADF);
        picot_op_send(&other.op, stream.ours, "x", 1, 0);
        CHECK_EQ(start(loop, &other), -EBADF);
        CHECK_EQ(picot_release(loop, stream.ours), -EBADF);
        CHECK_EQ(picot_fd_number(loop, stream.ours), -EBADF);
        CHECK_EQ(picot_cancel(loop, &closing.op), 0); /* cannot be cancelled */
        CHECK_EQ(finish(loop, &closing), 0);
        CHECK_EQ(start(loop, &again), -EBADF);
        picot_op_send(&other.op, stream.ours, "x", 1, 0);
        CHECK_EQ(start(loop, &other), -EBADF);
        CHECK_EQ(close(stream.theirs), 0);
    }
    tap_loop_end(loop);
}

/* tcp(7), RFC 2525 2.17: input that nobody has read makes the close a reset. A read-ahead would hide it. */
static void close_with_unread_input_resets(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned round = 0; round < 4; round++) {
        char got[2];
        struct recorded it = {0};
        struct stream stream = open_stream(loop, round % 2);
        peer_send(stream.theirs, "four", 4);
        wait_readable(picot_fd_number(loop, stream.ours));
        if (round / 2 == 1) {
            picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
            CHECK_EQ(perform(loop, &it), 2);
            run_turns(loop, 3);
        }
        close_handle(loop, stream.ours);
        peer_ends_promptly(stream.theirs, -ECONNRESET);
        CHECK_EQ(close(stream.theirs), 0);
    }
    tap_loop_end(loop);
}

/* Given back open and with its flags as they were; usable by plain calls, and adoptable again. */
static void release(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded it = {0};
        struct stream stream = open_stream(loop, flavour);
        for (int i = 0; i < 3; i++) {
            int number = picot_fd_number(loop, stream.ours);
            CHECK_EQ(picot_adopt(loop, number), -EEXIST);
            picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
            CHECK_EQ(start(loop, &it), 0);
            run_turns(loop, 3);
            CHECK_EQ(picot_release(loop, stream.ours), -EBUSY);
            peer_send(stream.theirs, "mine", 4);
            CHECK_EQ(finish(loop, &it), 4);
            CHECK_EQ(picot_release(loop, stream.ours), number);
            CHECK_EQ(picot_release(loop, stream.ours), -EBADF);
            CHECK_EQ(start(loop, &it), -EBADF);
            CHECK_EQ(is_nonblocking(number), flavour % 2);
            peer_send(stream.theirs, "plain", 5);
            wait_readable(number);
            run_turns(loop, 3);
            CHECK_EQ(recv(number, got, sizeof got, 0), 5);
            picot_fd handle = adopt(loop, number);
            CHECK(handle != stream.ours);
            stream.ours = handle;
        }
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"close: with a pending receive", close_with_a_pending_receive, TAP_BACKENDS},
    {"close: with a pending send", close_with_a_pending_send, TAP_BACKENDS},
    {"close: with a pending accept or connect", close_with_a_pending_accept_or_connect, TAP_BACKENDS},
    {"close: the number lives again", reused_number, TAP_BACKENDS},
    {"close: of another in the same batch", close_of_another_in_the_same_batch, TAP_BACKENDS},
    {"close: the number lives again in the same batch", number_reused_in_the_same_batch, TAP_BACKENDS},
    {"close: the handle is invalid at once", closing_handle_is_invalid, TAP_BACKENDS},
    {"close: unread input resets", close_with_unread_input_resets, TAP_BACKENDS},
    {"release: open and as before", release, TAP_BACKENDS},
};

TAP_MAIN(cases)
