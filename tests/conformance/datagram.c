/* SPDX-License-Identifier: MIT
 *
 * datagram.c - datagrams, on every backend: empty ones are messages and no end, long ones are cut off and say so,
 * addresses, errors of the network, a full receiver. Sources: udp(7), unix(7), recvmsg(2).
 */
#include "support.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* fds[0], fds[1]: connected to each other; two of UDP and two of AF_UNIX, blocking or not as in streams. */
static void datagram_pair(unsigned flavour, int fds[2])
{
    if (!flavour_is_tcp(flavour)) {
        CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    } else {
        struct sockaddr_in addrs[2];
        for (int i = 0; i < 2; i++) {
            socklen_t len = sizeof addrs[i];
            fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            CHECK(fds[i] >= 0);
            loopback(&addrs[i], 0);
            CHECK_EQ(bind(fds[i], (struct sockaddr *)&addrs[i], len), 0);
            CHECK_EQ(getsockname(fds[i], (struct sockaddr *)&addrs[i], &len), 0);
        }
        for (int i = 0; i < 2; i++) {
            CHECK_EQ(connect(fds[i], (struct sockaddr *)&addrs[1 - i], sizeof addrs[0]), 0);
        }
    }
    give_deadline(fds[1]);
    set_nonblocking(fds[0], flavour % 2 == 1);
}

static struct stream open_pair(picot_loop *loop, unsigned flavour)
{
    int fds[2];
    datagram_pair(flavour, fds);
    return (struct stream){adopt(loop, fds[0]), fds[1]};
}

static int64_t receive(picot_loop *loop, picot_fd fd, void *buf, size_t len, int flags)
{
    struct recorded it = {0};
    picot_op_recv(&it.op, fd, buf, len, flags);
    return perform(loop, &it);
}

/* Several wait: each receive takes one whole message, whatever its size. */
static void boundaries_are_kept(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char sent[64], got[128];
        struct stream pair = open_pair(loop, flavour);
        for (size_t size = 1; size <= 9; size++) {
            pattern_fill(sent, size, flavour, 100 * size);
            peer_send(pair.theirs, sent, size);
        }
        for (size_t size = 1; size <= 9; size++) {
            CHECK_EQ(receive(loop, pair.ours, got, sizeof got, 0), size);
            CHECK_EQ(pattern_match(got, size, flavour, 100 * size), size);
        }
        for (size_t size = 1; size <= 9; size++) {
            struct recorded out = {0};
            pattern_fill(sent, size, flavour, 100 * size);
            picot_op_send(&out.op, pair.ours, sent, size, 0);
            CHECK_EQ(perform(loop, &out), size);
            CHECK_EQ(recv(pair.theirs, got, sizeof got, 0), size);
            CHECK_EQ(pattern_match(got, size, flavour, 100 * size), size);
        }
        close_stream(loop, &pair);
    }
    tap_loop_end(loop);
}

/* 0 is an empty message, not the end: the next one comes. */
static void empty_datagrams(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded in = {0}, out = {0};
        struct stream pair = open_pair(loop, flavour);
        picot_op_recv(&in.op, pair.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &in), 0);
        run_turns(loop, 3);
        peer_send(pair.theirs, "", 0);
        CHECK_EQ(finish(loop, &in), 0);
        peer_send(pair.theirs, "", 0);
        peer_send(pair.theirs, "next", 4);
        CHECK_EQ(receive(loop, pair.ours, got, sizeof got, 0), 0);
        CHECK_EQ(receive(loop, pair.ours, got, sizeof got, 0), 4);
        CHECK_MEM(got, "next", 4);
        picot_op_send(&out.op, pair.ours, "", 0, 0);
        CHECK_EQ(perform(loop, &out), 0);
        CHECK_EQ(recv(pair.theirs, got, sizeof got, MSG_DONTWAIT), 0); /* it has really been sent */
        CHECK_EQ(start(loop, &in), 0);
        CHECK(is_calm(run_for(loop, 20 * PICOT_MS)));
        CHECK(!completed(&in));
        CHECK_EQ(picot_cancel(loop, &in.op), 0);
        CHECK_EQ(finish(loop, &in), -ECANCELED);
        close_stream(loop, &pair);
    }
    tap_loop_end(loop);
}

/* recvmsg reports MSG_TRUNC in its flags, recv cuts silently, and recv with MSG_TRUNC tells the real length. */
static void truncation(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned round = 0; round < 2 * FLAVOURS; round++) {
        bool late = round % 2 == 1;
        char got[4];
        struct recorded in = {0};
        struct iovec room = {got, sizeof got};
        struct msghdr msg = {.msg_iov = &room, .msg_iovlen = 1};
        struct stream pair = open_pair(loop, round / 2);
        if (!late) {
            peer_send(pair.theirs, "0123456789", 10);
        }
        picot_op_recvmsg(&in.op, pair.ours, &msg, 0);
        CHECK_EQ(start(loop, &in), 0);
        if (late) {
            run_turns(loop, 3);
            peer_send(pair.theirs, "0123456789", 10);
        }
        CHECK_EQ(finish(loop, &in), 4);
        CHECK(msg.msg_flags & MSG_TRUNC);
        CHECK_MEM(got, "0123", 4);
        peer_send(pair.theirs, "abcdefgh", 8);
        CHECK_EQ(receive(loop, pair.ours, got, sizeof got, 0), 4);
        peer_send(pair.theirs, "abcdefgh", 8);
        CHECK_EQ(receive(loop, pair.ours, got, sizeof got, MSG_TRUNC), 8);
        CHECK_MEM(got, "abcd", 4);
        peer_send(pair.theirs, "ok", 2);
        CHECK_EQ(perform(loop, &in), 2);
        CHECK(!(msg.msg_flags & MSG_TRUNC));
        close_stream(loop, &pair);
    }
    tap_loop_end(loop);
}

/* Unconnected UDP: the sender's address comes with the message, and an answer goes there. */
static void addresses(void)
{
    picot_loop *loop = tap_loop();
    struct sockaddr_in addrs[2], from;
    int fds[2];
    for (int i = 0; i < 2; i++) {
        socklen_t len = sizeof addrs[i];
        fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        loopback(&addrs[i], 0);
        CHECK_EQ(bind(fds[i], (struct sockaddr *)&addrs[i], len), 0);
        CHECK_EQ(getsockname(fds[i], (struct sockaddr *)&addrs[i], &len), 0);
    }
    give_deadline(fds[1]);
    picot_fd ours = adopt(loop, fds[0]);
    for (int i = 0; i < 3; i++) {
        char got[16];
        struct recorded in = {0}, out = {0};
        struct iovec room = {got, sizeof got};
        struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &room, .msg_iovlen = 1};
        picot_op_recvmsg(&in.op, ours, &msg, 0);
        CHECK_EQ(start(loop, &in), 0);
        run_turns(loop, (unsigned)i);
        CHECK_EQ(sendto(fds[1], "question", 8, 0, (struct sockaddr *)&addrs[0], sizeof addrs[0]), 8);
        CHECK_EQ(finish(loop, &in), 8);
        CHECK_EQ(msg.msg_namelen, sizeof from);
        CHECK_EQ(from.sin_port, addrs[1].sin_port);
        room.iov_len = 8;
        picot_op_sendmsg(&out.op, ours, &msg, 0);
        CHECK_EQ(perform(loop, &out), 8);
        CHECK_EQ(recv(fds[1], got, sizeof got, 0), 8);
        CHECK_MEM(got, "question", 8);
    }
    close_handle(loop, ours);
    CHECK_EQ(close(fds[1]), 0);
    tap_loop_end(loop);
}

/* udp(7): an ICMP answer to an earlier datagram is told once; the socket goes on. */
static void refused_by_the_network(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < 2; flavour++) {
        char got[8];
        struct recorded in = {0}, out = {0};
        struct stream pair = open_pair(loop, flavour);
        CHECK_EQ(close(pair.theirs), 0);
        pair.theirs = -1;
        picot_op_recv(&in.op, pair.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &in), 0);
        run_turns(loop, 3);
        picot_op_send(&out.op, pair.ours, "x", 1, 0);
        CHECK_EQ(perform(loop, &out), 1);
        CHECK_EQ(finish(loop, &in), -ECONNREFUSED);
        CHECK_EQ(start(loop, &in), 0);
        CHECK(is_calm(run_for(loop, 20 * PICOT_MS)));
        CHECK(!completed(&in));
        close_stream(loop, &pair);
        CHECK_EQ(in.result, -ECANCELED);
    }
    tap_loop_end(loop);
}

static void errors_of_sending(void)
{
    picot_loop *loop = tap_loop();
    static char big[70000];
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct recorded out = {0};
        struct stream pair = open_pair(loop, flavour);
        if (flavour_is_tcp(flavour)) {
            picot_op_send(&out.op, pair.ours, big, sizeof big, 0); /* over what IP can carry */
            CHECK_EQ(perform(loop, &out), -EMSGSIZE);
        } else {
            CHECK_EQ(close(pair.theirs), 0);
            pair.theirs = -1;
            picot_op_send(&out.op, pair.ours, "x", 1, 0);
            CHECK_EQ(perform(loop, &out), -ECONNREFUSED);
        }
        close_stream(loop, &pair);
    }
    tap_loop_end(loop);
}

/* AF_UNIX keeps a sender waiting while the receiver's queue is full; no datagram is lost or sent twice. */
static void full_receiver_is_waited_for(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 2; flavour < FLAVOURS; flavour++) {
        uint32_t number = 0, got;
        struct recorded out = {0};
        struct stream pair = open_pair(loop, flavour);
        int plain = picot_fd_number(loop, pair.ours);
        while (send(plain, &number, sizeof number, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof number) {
            number++;
        }
        picot_op_send(&out.op, pair.ours, &number, sizeof number, 0);
        CHECK_EQ(start(loop, &out), 0);
        CHECK(is_calm(run_for(loop, 50 * PICOT_MS)));
        CHECK(!completed(&out));
        for (uint32_t i = 0; i < number; i++) {
            CHECK_EQ(recv(pair.theirs, &got, sizeof got, 0), sizeof got);
            CHECK_EQ(got, i);
        }
        CHECK_EQ(finish(loop, &out), sizeof number);
        CHECK_EQ(recv(pair.theirs, &got, sizeof got, 0), sizeof got);
        CHECK_EQ(got, number);
        close_stream(loop, &pair);
    }
    tap_loop_end(loop);
}

/* Our own shutdown ends a pending receive with 0, although nothing will ever arrive: the same on all. */
static void shutdown_ends_a_pending_receive(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded in = {0}, ending = {0};
        struct stream pair = open_pair(loop, flavour);
        picot_op_recv(&in.op, pair.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &in), 0);
        run_turns(loop, 3);
        picot_op_shutdown(&ending.op, pair.ours, SHUT_RDWR);
        CHECK_EQ(perform(loop, &ending), 0);
        CHECK_EQ(finish(loop, &in), 0);
        close_stream(loop, &pair);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"datagram: boundaries are kept", boundaries_are_kept, TAP_BACKENDS},
    {"datagram: empty ones", empty_datagrams, TAP_BACKENDS},
    {"datagram: truncation", truncation, TAP_BACKENDS},
    {"datagram: addresses", addresses, TAP_BACKENDS},
    {"datagram: refused by the network", refused_by_the_network, TAP_BACKENDS},
    {"datagram: errors of sending", errors_of_sending, TAP_BACKENDS},
    {"datagram: a full receiver is waited for", full_receiver_is_waited_for, TAP_BACKENDS},
    {"datagram: shutdown ends a pending receive", shutdown_ends_a_pending_receive, TAP_BACKENDS},
};

TAP_MAIN(cases)
