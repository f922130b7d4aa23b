/* SPDX-License-Identifier: MIT
 *
 * uring_poll.c - readiness on io_uring: the receivers' multishot polls, and the caller's watches.
 *
 * A handle that receives has one multishot poll, armed when a receive first finds nothing, for as long as it is open.
 * It reports each change once, like an edge-triggered epoll, so PICOT__READ_READY remembers what has been reported
 * until a receive has found the end of it. Arming reports what is there already, so nothing is lost in between. The
 * data goes straight to the caller's buffer: there is no read-ahead, and an unread byte makes close(2) say what TCP
 * demands.
 *
 * A watch is level-triggered: a one-shot poll, armed anew after each callback, tells in each turn whether the condition
 * (still) holds.
 */
#include "uring.h"

#include <poll.h>

/* ---- receivers ------------------------------------------------------------------------------- */

static int arm_reader(picot_loop *loop, struct picot__descriptor *desc)
{
    uint32_t index;
    struct io_uring_sqe *sqe = picot__uring_begin(loop, PICOT__URING_READER, &index);
    if (!sqe) return -ENOMEM;
    io_uring_prep_poll_multishot(sqe, desc->fd, POLLIN | POLLRDHUP);
    struct picot__uring_slot *slot = &picot__uring_of(loop)->slots[index];
    slot->of.desc = desc;
    slot->desc_generation = desc->generation;
    desc->backend_index = (int32_t)index;
    desc->flags |= PICOT__ARMED_READ;
    return 0;
}

/* What the poll does not report: urgent data and the error queue. */
static unsigned special_events(const picot_op *op)
{
    int flags = op->_.kind == PICOT__OP_RECV      ? op->_.u.io.flags
                : op->_.kind == PICOT__OP_RECVMSG ? op->_.u.msg.flags
                                                  : 0;
    return (flags & MSG_OOB ? POLLPRI : 0u) | (flags & MSG_ERRQUEUE ? POLLERR : 0u);
}

/*
 * A handle that is not armed is asked: a new connection often has its first request waiting, and some errors (not
 * connected, not a socket) raise no event.
 */
static bool is_promising(const struct picot__descriptor *desc)
{
    return (desc->flags & (PICOT__READ_READY | PICOT__ARMED_READ)) != PICOT__ARMED_READ;
}

int picot__uring_receive(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    unsigned special = special_events(op);
    if (special || is_promising(desc)) {
        op->result = picot__attempt(loop, desc, op);
        if (op->result != PICOT__AGAIN) return PICOT__DONE;
    }
    if (special) return picot__uring_await(loop, desc, op, special);
    if (op->_.kind == PICOT__OP_RECV_LEASED)
        picot__lease_drop(loop, op->_.u.io.at.ret_lease); /* who waits holds none */
    int rc = desc->flags & PICOT__ARMED_READ ? 0 : arm_reader(loop, desc);
    if (rc < 0) return rc;
    op->_.slot = PICOT__URING_PARKED;
    return 0;
}

static void note_events(struct picot__descriptor *desc, unsigned events)
{
    desc->flags |= PICOT__READ_READY;
    if (events & (POLLRDHUP | POLLHUP | POLLERR)) desc->flags |= PICOT__HUNG_UP;
    if (events & (POLLHUP | POLLERR)) desc->flags &= (uint16_t)~PICOT__WRITE_BLOCKED;
}

void picot__uring_reader_event(picot_loop *loop, uint32_t index, const struct picot__uring_slot *slot, int32_t result,
                               bool last)
{
    struct picot__descriptor *desc = slot->of.desc;
    if (desc->generation != slot->desc_generation || desc->backend_index != (int32_t)index) {
        picot__uring_disown(loop, index, slot, last); /* the number was closed behind our back and lives again */
        return;
    }
    if (last) {
        desc->backend_index = -1;
        desc->flags &= (uint16_t)~PICOT__ARMED_READ;
    }
    if (result > 0) note_events(desc, (unsigned)result);
    picot_op *op = desc->reader;
    if (!op || op->_.slot != PICOT__URING_PARKED) return;
    int64_t outcome = picot__attempt(loop, desc, op);
    if (outcome == PICOT__AGAIN) {
        if (result < 0)
            outcome = result; /* this descriptor cannot be polled */
        else if (last)
            outcome = arm_reader(loop, desc);
        else
            return;
        if (outcome == 0) return;
    }
    picot__uring_end(loop, op, outcome);
}

/* ---- watches --------------------------------------------------------------------------------- */

static int arm_watch(picot_loop *loop, struct picot__descriptor *desc)
{
    unsigned interest = desc->watch->_.interest;
    uint32_t index;
    struct io_uring_sqe *sqe = picot__uring_begin(loop, PICOT__URING_WATCH, &index);
    if (!sqe) return -ENOMEM;
    unsigned events = (interest & PICOT_READABLE ? POLLIN : 0u) | (interest & PICOT_WRITABLE ? POLLOUT : 0u);
    io_uring_prep_poll_add(sqe, desc->fd, events);
    struct picot__uring_slot *slot = &picot__uring_of(loop)->slots[index];
    slot->of.desc = desc;
    slot->desc_generation = desc->generation;
    desc->backend_index = (int32_t)index;
    return 0;
}

int picot__uring_watch(picot_loop *loop, struct picot__descriptor *desc)
{
    if (desc->flags & PICOT__OPEN) return 0; /* the number was closed under its watch, and is a handle's now */
    if (!desc->watch) {
        picot__uring_let_go(loop, desc);
        return 0;
    }
    picot__uring_drop_poll(loop, desc);
    return desc->watch->_.interest ? arm_watch(loop, desc) : 0;
}

static unsigned readiness(unsigned events, unsigned interest)
{
    if (events & (POLLERR | POLLHUP | POLLNVAL)) return PICOT_FAILED | interest;
    unsigned ready = (events & POLLIN ? PICOT_READABLE : 0u) | (events & POLLOUT ? PICOT_WRITABLE : 0u);
    return ready & interest;
}

static bool wants_arming(const struct picot__descriptor *desc)
{
    return desc->watch && desc->watch->_.interest && desc->backend_index < 0;
}

void picot__uring_watch_event(picot_loop *loop, uint32_t index, const struct picot__uring_slot *slot, int32_t result)
{
    struct picot__descriptor *desc = slot->of.desc;
    if (desc->generation != slot->desc_generation || desc->backend_index != (int32_t)index) return;
    desc->backend_index = -1;
    picot_watch *watch = desc->watch;
    if (!watch) return;
    unsigned interest = watch->_.interest, ready = readiness((unsigned)result, interest);
    if (result < 0) { /* not open any more: reported once; whoever still wants it must ask again */
        watch->_.interest = 0;
        ready = PICOT_FAILED | interest;
    }
    if (ready) {
        picot__budget_renew(loop);
        watch->fn(loop, watch, ready);
    }
    if (wants_arming(desc) && arm_watch(loop, desc) < 0) picot__uring_of(loop)->behind = true;
}

void picot__uring_rearm_watches(picot_loop *loop)
{
    for (struct picot__descriptor *desc = picot__descriptor_next(loop, 0); desc;
         desc = picot__descriptor_next(loop, desc->fd + 1))
        if (wants_arming(desc) && arm_watch(loop, desc) < 0) picot__uring_of(loop)->behind = true;
}

/* ---- the wake-up ----------------------------------------------------------------------------- */

/* Each write to the eventfd reports anew, so it need never be read: its counter has room for 2^64 wake-ups. */
int picot__uring_arm_wake(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    uint32_t index;
    struct io_uring_sqe *sqe = picot__uring_begin(loop, PICOT__URING_WAKE, &index);
    uring->wake_armed = sqe != NULL;
    if (!sqe) {
        uring->behind = true;
        return -ENOMEM;
    }
    io_uring_prep_poll_multishot(sqe, uring->wake_fd, POLLIN);
    return 0;
}
