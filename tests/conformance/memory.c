/* SPDX-License-Identifier: MIT
 *
 * memory.c - memory that runs out, on every backend: each allocation of a short program fails in turn, and every time
 * the answer is -ENOMEM, nothing leaks, and the same call works afterwards.
 */
#include "support.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More failures than a case has allocations: the sweep must have come to its end before. */
#define SWEEP_LIMIT 200

static int create(picot_loop **ret_loop)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.backend = tap_backend();
    options.allocator = tap_allocator();
    return picot_loop_create(&options, ret_loop);
}

static void creating(void)
{
    tap_loop_end(tap_loop()); /* skips where the backend is missing */
    for (long after = 0;; after++) {
        picot_loop *loop = NULL;
        CHECK(after < SWEEP_LIMIT);
        unsigned before = open_descriptors();
        tap_allocator_fail_after(after);
        int code = create(&loop);
        tap_allocator_fail_after(-1);
        if (code == 0) {
            CHECK(after > 0); /* at least one failure was met */
            tap_loop_end(loop);
            return;
        }
        CHECK_EQ(code, -ENOMEM);
        CHECK(loop == NULL);
        CHECK_EQ(tap_allocated_bytes(), 0);
        CHECK_EQ(open_descriptors(), before);
    }
}

/* A day in the life of a loop. Every step is either done or refused with -ENOMEM, and then done by the second try. */
static int64_t retried(picot_loop *loop, struct recorded *it, unsigned *failures)
{
    int64_t result = perform(loop, it);
    if (result == -ENOMEM) {
        ++*failures;
        tap_allocator_fail_after(-1);
        result = perform(loop, it);
    }
    return result;
}

static unsigned short_program(picot_loop *loop, long after)
{
    unsigned failures = 0;
    char got[8];
    int fds[2];
    picot_lease lease = {0};
    struct recorded it = {0}, sleeping = {0};
    stream_pair(0, fds);
    tap_allocator_fail_after(after);
    picot_fd fd = picot_adopt(loop, fds[0]);
    if (fd == -ENOMEM) {
        failures++;
        tap_allocator_fail_after(-1);
        fd = picot_adopt(loop, fds[0]);
    }
    CHECK(fd > 0);
    picot_op_timeout(&sleeping.op, PICOT_MS);
    CHECK_EQ(retried(loop, &sleeping, &failures), 0);
    peer_send(fds[1], "one", 3);
    picot_op_recv(&it.op, fd, got, sizeof got, 0);
    CHECK_EQ(retried(loop, &it, &failures), 3);
    peer_send(fds[1], "four", 4);
    picot_op_recv_leased(&it.op, fd, &lease);
    CHECK_EQ(retried(loop, &it, &failures), 4);
    CHECK_MEM(lease.data, "four", 4);
    CHECK_EQ(picot_lease_return(loop, &lease), 0);
    picot_op_send_all(&it.op, fd, "out", 3, 0);
    CHECK_EQ(retried(loop, &it, &failures), 3);
    picot_op_recv(&it.op, fd, got, sizeof got, 0);
    int code = start(loop, &it);
    if (code == -ENOMEM) {
        failures++;
        tap_allocator_fail_after(-1);
        code = start(loop, &it);
    }
    CHECK_EQ(code, 0);
    run_turns(loop, 3);
    struct recorded closing = {0};
    picot_op_close(&closing.op, fd);
    CHECK_EQ(perform(loop, &closing), 0); /* a close never needs memory */
    CHECK_EQ(it.result, -ECANCELED);
    tap_allocator_fail_after(-1);
    CHECK_EQ(close(fds[1]), 0);
    return failures;
}

static void running(void)
{
    for (long after = 0;; after++) {
        CHECK(after < SWEEP_LIMIT);
        picot_loop *loop = tap_loop();
        size_t before = tap_allocation_count();
        unsigned failures = short_program(loop, after);
        bool all_made = tap_allocation_count() - before <= (size_t)after;
        tap_loop_end(loop);
        if (failures == 0 && all_made) {
            return; /* the failure lies behind the last allocation */
        }
    }
}

static const struct tap_case cases[] = {
    {"memory: runs out while creating", creating, TAP_BACKENDS},
    {"memory: runs out while running", running, TAP_BACKENDS},
};

TAP_MAIN(cases)
