/* SPDX-License-Identifier: MIT
 *
 * support.h - what the conformance cases share: recorded operations, bounded running, descriptors, byte patterns.
 *
 * Rules of these tests: nothing sleeps to synchronise, everything waits for a condition with a deadline; every
 * operation is checked to complete exactly once and never from inside picot_submit; streams are compared byte by byte.
 */
#ifndef PICOT_CONFORMANCE_SUPPORT_H
#define PICOT_CONFORMANCE_SUPPORT_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tap.h"
#include <netinet/in.h>
#include <picot/error.h>
#include <picot/loop.h>
#include <picot/op.h>
#include <picot/timer.h>
#include <picot/watch.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- operations and what became of them ------------------------------------------------------ */

/* Zero it once; it may be submitted again after its completion. The operation comes first: done finds its record. */
struct recorded {
    picot_op op;
    int64_t result;       /* of the last completion */
    unsigned completions; /* since the last start; a second one fails the case at once */
    uint64_t order;       /* the number of this completion among all of the program */
};

/* What finish returns when the completion has not come within the deadline: no code and no result. */
#define NEVER_CAME (INT64_MIN + 7)

/* The completion function of start, for cases that call picot_submit_now themselves. */
void recorded_done(picot_loop *loop, picot_op *op);
/* picot_submit: 0 or the code. Fails the case when the completion comes from inside. */
int start(picot_loop *loop, struct recorded *it);
/* Run until it has completed: its result, or NEVER_CAME. */
int64_t finish(picot_loop *loop, struct recorded *it);
/* start and finish: a refusal or the result. */
int64_t perform(picot_loop *loop, struct recorded *it);
bool completed(const struct recorded *it);

/* ---- running --------------------------------------------------------------------------------- */

typedef bool condition(void *arg);

/*
 * Turns until the condition holds: true; false after a generous deadline. On "sim" deadlines would come before the
 * bytes of another thread: there the loop runs without one until nothing is left that could happen, and then in real
 * time.
 */
bool run_until(picot_loop *loop, condition *holds, void *arg);
/* A few turns that do not wait: what was going to happen has happened. */
void run_turns(picot_loop *loop, unsigned count);

/* What the loop did while it had nothing to do. */
struct cost {
    unsigned turns;
    int cpu_percent; /* of all threads of the process, of the time that passed; 0 on "sim", where none passes */
};
struct cost run_for(picot_loop *loop, int64_t duration_ns);
/* A loop that waits as it should stays far below these. */
bool is_calm(struct cost cost);

int64_t clock_now(void);            /* CLOCK_MONOTONIC, nanoseconds */
int64_t clock_of(picot_loop *loop); /* what its deadlines are measured by: the same, or the virtual one of "sim" */
unsigned open_descriptors(void);
picot_loop *loop_with(const picot_loop_options *options); /* the case's backend and allocator put in */

/* ---- users ------------------------------------------------------------------------------------- */

/*
 * Are we root, and may others execute programs? Where not even / is theirs, as in some containers, this case gets a
 * view of its own in which /usr, /dev and /proc are.
 */
bool may_become_others(void);

/* ---- descriptors ----------------------------------------------------------------------------- */

/* The four kinds of stream that every stream case runs on: TCP and AF_UNIX, given to the loop blocking and not. */
#define FLAVOURS 4
const char *flavour_name(unsigned flavour);
bool flavour_is_tcp(unsigned flavour);
/* fds[0] is for the loop; fds[1] is the peer's: blocking, with a deadline on its receives and sends. */
void stream_pair(unsigned flavour, int fds[2]);

void tcp_pair(int fds[2]);
void give_deadline(int fd); /* blocking calls on it end after some seconds */
void set_nonblocking(int fd, bool on);
bool is_nonblocking(int fd);
bool is_closed_on_exec(int fd);
int bound_listener(int backlog, struct sockaddr_in *ret_addr); /* 127.0.0.1, any port */
int connect_to(const struct sockaddr_in *addr);                /* a plain blocking socket with a deadline */
void loopback(struct sockaddr_in *ret_addr, uint16_t port);
void wait_readable(int fd); /* of the kernel, not of the loop: data sent on loopback has arrived */
void reset_on_close(int fd);

/* A stream whose loop end is adopted. */
struct stream {
    picot_fd ours;
    int theirs;
};
struct stream open_stream(picot_loop *loop, unsigned flavour);
void close_stream(picot_loop *loop, struct stream *stream);
picot_fd adopt(picot_loop *loop, int fd);
void close_handle(picot_loop *loop, picot_fd fd);
void small_buffers(int fd);
/* Fill the way from fd to its peer until not one byte more is taken; returns how much went in. pattern of offset 0 on.
 */
size_t fill_up(int fd, uint64_t seed);

/* ---- bytes ----------------------------------------------------------------------------------- */

/* The bytes of stream `seed` from `offset` on. */
void pattern_fill(void *buf, size_t size, uint64_t seed, uint64_t offset);
/* How many bytes from the start of buf are right: size when all are. */
size_t pattern_match(const void *buf, size_t size, uint64_t seed, uint64_t offset);

void peer_send(int fd, const void *buf, size_t size);
/* Receive exactly size bytes; fails the case at a shorter end. */
void peer_recv(int fd, void *buf, size_t size);
/* The end of the peer's stream: 0 a clean end, -ECONNRESET, or what recv said; more data gives 1. */
int peer_end(int fd);

/* A receive that has to wait gets its bytes: the loop works. */
void check_receive(picot_loop *loop);

#endif /* PICOT_CONFORMANCE_SUPPORT_H */
