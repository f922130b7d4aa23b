/* SPDX-License-Identifier: MIT
 *
 * poll.h - the set of poll.c, which sim.c asks, too: the descriptors of a simulated loop are real ones.
 */
#ifndef PICOT_LOOP_BACKEND_POLL_H
#define PICOT_LOOP_BACKEND_POLL_H

#include "readiness.h"

struct pollfd;

/* loop->backend_state, or its first member. */
struct picot__poll {
    struct picot__readiness base;
    struct pollfd *set;
    unsigned count, capacity;
    unsigned next; /* where the next search begins */
};

/* As picot__readiness_open and its close, with the wake in the set. */
int picot__poll_open(picot_loop *loop, const struct picot__poller *poller, size_t state_size);
void picot__poll_close(picot_loop *loop, size_t state_size);

/* Columns of struct picot__poller. */
int picot__poll_set(picot_loop *loop, struct picot__descriptor *desc, unsigned interest);
int picot__poll_wait(picot_loop *loop, int64_t timeout_ns);

/* Would a wait find something? It stays to be found. */
bool picot__poll_is_ready(const struct picot__poll *state);

#endif /* PICOT_LOOP_BACKEND_POLL_H */
