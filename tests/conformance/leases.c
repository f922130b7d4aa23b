/* SPDX-License-Identifier: MIT
 *
 * leases.c - receiving into buffers of the loop's pool, on every backend: an idle connection holds none, a held one
 * survives its connection, many are held at once, and all come back.
 */
#include "support.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void leased_receive(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        picot_lease lease = {0};
        struct recorded it = {0};
        struct stream stream = open_stream(loop, flavour);
        picot_op_recv_leased(&it.op, stream.ours, &lease);
        for (int i = 0; i < 3; i++) {
            char expected[50];
            CHECK_EQ(start(loop, &it), 0);
            if (i == 1) {
                run_turns(loop, 3);
            }
            pattern_fill(expected, sizeof expected, flavour, 50 * (uint64_t)i);
            peer_send(stream.theirs, expected, sizeof expected);
            CHECK_EQ(finish(loop, &it), 50);
            CHECK_EQ(lease.size, 50);
            CHECK_MEM(lease.data, expected, 50);
            picot_op_recv_leased(&it.op, stream.ours, &lease); /* gives the held one back */
        }
        CHECK_EQ(shutdown(stream.theirs, SHUT_WR), 0);
        CHECK_EQ(perform(loop, &it), 0);
        CHECK(lease.data == NULL);
        CHECK_EQ(picot_lease_return(loop, &lease), 0);
        CHECK_EQ(picot_lease_return(loop, &lease), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* A lease survives the end of its connection, and a cancelled receive holds none. */
static void lease_outlives_its_connection(void)
{
    picot_loop *loop = tap_loop();
    picot_lease lease = {0}, none = {0};
    struct recorded it = {0};
    struct stream stream = open_stream(loop, 0);
    peer_send(stream.theirs, "kept", 4);
    picot_op_recv_leased(&it.op, stream.ours, &lease);
    CHECK_EQ(perform(loop, &it), 4);
    picot_op_recv_leased(&it.op, stream.ours, &none);
    CHECK_EQ(start(loop, &it), 0);
    run_turns(loop, 3);
    CHECK_EQ(picot_cancel(loop, &it.op), 0);
    CHECK_EQ(finish(loop, &it), -ECANCELED);
    CHECK(none.data == NULL);
    close_stream(loop, &stream);
    CHECK_EQ(lease.size, 4);
    CHECK_MEM(lease.data, "kept", 4);
    CHECK_EQ(picot_lease_return(loop, &lease), 0);
    CHECK(lease.data == NULL);
    tap_loop_end(loop);
}

/* More idle connections than anybody would give buffers to: while they wait, memory does not grow with them. */
static void idle_connections_hold_none(void)
{
    enum { COUNT = 100 };
    picot_loop *loop = tap_loop();
    struct stream streams[COUNT];
    static picot_lease leases[COUNT];
    static struct recorded ops[COUNT];
    memset(leases, 0, sizeof leases);
    memset(ops, 0, sizeof ops);
    for (unsigned i = 0; i < COUNT; i++) {
        streams[i] = open_stream(loop, i % FLAVOURS);
    }
    size_t before = tap_allocated_bytes();
    for (unsigned i = 0; i < COUNT; i++) {
        picot_op_recv_leased(&ops[i].op, streams[i].ours, &leases[i]);
        CHECK_EQ(start(loop, &ops[i]), 0);
    }
    run_turns(loop, 3);
    CHECK(tap_allocated_bytes() < before + COUNT * 1024);
    for (unsigned i = 0; i < COUNT; i++) { /* all hold one at the same time, each with its own bytes */
        char sent[100];
        pattern_fill(sent, sizeof sent, i, 0);
        peer_send(streams[i].theirs, sent, sizeof sent);
        CHECK_EQ(finish(loop, &ops[i]), sizeof sent);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(pattern_match(leases[i].data, leases[i].size, i, 0), 100);
        CHECK_EQ(picot_lease_return(loop, &leases[i]), 0);
        close_stream(loop, &streams[i]);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"lease: receive, hold, give back", leased_receive, TAP_BACKENDS},
    {"lease: outlives its connection", lease_outlives_its_connection, TAP_BACKENDS},
    {"lease: idle connections hold none", idle_connections_hold_none, TAP_BACKENDS},
};

TAP_MAIN(cases)
