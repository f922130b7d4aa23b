/* SPDX-License-Identifier: MIT
 *
 * readiness.h - what select.c, poll.c and epoll.c owe readiness.c, and what they get from it.
 *
 * A poller knows which descriptors are of interest and fills a batch of events; readiness.c knows operations and
 * watches.
 */
#ifndef PICOT_LOOP_BACKEND_READINESS_H
#define PICOT_LOOP_BACKEND_READINESS_H

#include "backend.h"

/* Of an event: the system does not know this descriptor. The other bits are those of enum picot_readiness. */
#define PICOT__READY_INVALID 8U

struct picot__event {
    uint64_t key; /* picot__descriptor_key; one whose registration is over is passed over */
    unsigned ready;
};

struct picot__poller {
    /* An event tells of a change and the registration never changes; otherwise an event tells a state. */
    bool edge;
    /*
     * Be interested in a descriptor; what it was registered for is in desc->flags, PICOT__ARMED_READ and _WRITE. 0: not
     * at all, cannot fail. An edge poller takes any interest in a handle as both; watches are level-triggered
     * everywhere. -EPERM: the kernel cannot tell readiness of this kind of descriptor.
     */
    int (*set)(picot_loop *loop, struct picot__descriptor *desc, unsigned interest);
    /* Wait (0: no; PICOT_NEVER: for ever) and add to the batch, with picot__batch_add. 0 or a negative code. */
    int (*wait)(picot_loop *loop, int64_t timeout_ns);
    /* An event came for a descriptor that nobody has registered any more. NULL: does not happen. */
    int (*rebuild)(picot_loop *loop);
    /* Will the wait end by itself at that time, or earlier, without a limit? NULL: never. */
    bool (*alarm)(picot_loop *loop, int64_t deadline_ns);
};

/* First member of every poller's state, loop->backend_state. */
struct picot__readiness {
    const struct picot__poller *poller;
    struct picot__event *batch;
    unsigned batch_size, batch_count;
    bool dropped;  /* a registration ended in this batch: later events of it may be stale */
    int wake_fd;   /* an eventfd that the poller waits for, too */
    int mirror_fd; /* mirror.c, for pollers that have no descriptor of their own; -1 until it is asked for */
    struct picot__descriptor *hot; /* the part of loop->hot that is being worked off */
};

static inline bool picot__batch_full(const struct picot__readiness *state)
{
    return state->batch_count >= state->batch_size;
}

/* The caller has seen that there is room. */
static inline void picot__batch_add(struct picot__readiness *state, uint64_t key, unsigned ready)
{
    state->batch[state->batch_count++] = (struct picot__event){key, ready};
}

/* What a descriptor is registered for. */
static inline unsigned picot__armed_interest(const struct picot__descriptor *desc)
{
    return (desc->flags & PICOT__ARMED_READ ? PICOT_READABLE : 0U) |
           (desc->flags & PICOT__ARMED_WRITE ? PICOT_WRITABLE : 0U);
}

/* Allocate the state, zeroed but for the common part. On success loop->backend_state is set. */
int picot__readiness_open(picot_loop *loop, const struct picot__poller *poller, size_t state_size);
void picot__readiness_close(picot_loop *loop, size_t state_size);

/* Columns of struct picot__backend that are the same for all. */
int picot__readiness_submit(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);
void picot__readiness_cancel(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);
int picot__readiness_wait(picot_loop *loop, int64_t deadline_ns);
void picot__readiness_wake(picot_loop *loop);
int picot__readiness_watch(picot_loop *loop, struct picot__descriptor *desc);
int picot__readiness_flush(picot_loop *loop);

/* ---- mirror.c: an epoll set that shows to a foreign loop what poll or select would find ------ */

int picot__mirror_pollable(picot_loop *loop); /* the column */
int picot__mirror_set(const struct picot__readiness *state, int fd, unsigned interest);

#endif /* PICOT_LOOP_BACKEND_READINESS_H */
