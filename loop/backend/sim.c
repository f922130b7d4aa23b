/* SPDX-License-Identifier: MIT
 *
 * sim.c - a loop for tests: its clock is virtual, its descriptors are real.
 *
 * The clock begins at one second and stands still while code runs. A wait that finds nothing ready does not sleep: it
 * sets the clock to the deadline it was given, so that a day of timers passes in milliseconds, and each fires exactly
 * at its time. Descriptors are asked by poll.c, without waiting, before each jump.
 *
 * What happens outside takes real time, and is waited for in real time:
 *   - a job of the thread pools: no jump until it has come back, so that a run does not depend on the speed of a disk;
 *   - a hold: other threads may post. Nobody knows when, so the clock then goes like the real one, while it waits;
 *   - a child that runs: the same, so that its grace is one, and a deadline does not pass before it has begun;
 *   - without a deadline to jump to: a pending operation on a descriptor, a watch, or the watcher of a signal.
 * A loop that never comes to rest would stop time: from the 1000th turn in a row that has something to do, or is not
 * allowed to wait, each takes a microsecond.
 * Nothing of all this and no deadline: nothing can ever happen, and the wait says -EDEADLK, not to sleep for ever.
 */
#include "poll.h"

#include <picot/sim.h>

#define FIRST_NS PICOT_SECOND
#define TURNS_FOR_NOTHING 1000
#define TURN_NS PICOT_US

struct sim_state {
    struct picot__poll poll;
    int64_t now_ns;
    unsigned busy_turns; /* in a row, up to TURNS_FOR_NOTHING */
};

static int64_t sim_now(picot_loop *loop)
{
    return ((const struct sim_state *)loop->backend_state)->now_ns;
}

/* Saturates: the end of time is never reached, only approached. */
static void pass(struct sim_state *state, int64_t ns)
{
    state->now_ns = ns < PICOT_NEVER - state->now_ns ? state->now_ns + ns : PICOT_NEVER - 1;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool waits(const picot_op *op)
{
    return op && op->_.state == PICOT__PENDING;
}

/* Is there a descriptor, or a signal, that could end a wait without limit? */
static bool waits_for_others(picot_loop *loop)
{
    if (loop->signal_watchers > 0) return true;
    for (struct picot__descriptor *desc = picot__descriptor_next(loop, 0); desc;
         desc = picot__descriptor_next(loop, desc->fd + 1)) {
        if (waits(desc->reader) || waits(desc->writer) || (desc->watch && desc->watch->_.interest)) return true;
    }
    return false;
}

/* Other threads may post: at the speed of the real clock, which the virtual one then follows. */
static int wait_in_real_time(picot_loop *loop, struct sim_state *state, int64_t timeout_ns)
{
    int64_t begin_ns = picot__sys_now(loop);
    int rc = picot__poll_wait(loop, timeout_ns);
    int64_t passed_ns = picot__sys_now(loop) - begin_ns;
    pass(state, passed_ns < timeout_ns ? passed_ns : timeout_ns);
    return rc;
}

static void count_busy_turn(struct sim_state *state)
{
    if (state->busy_turns < TURNS_FOR_NOTHING)
        state->busy_turns++;
    else
        pass(state, TURN_NS);
}

static int sim_poll(picot_loop *loop, int64_t timeout_ns)
{
    struct sim_state *state = loop->backend_state;
    int rc = picot__poll_wait(loop, 0);
    if (rc < 0 || timeout_ns == 0 || state->poll.base.batch_count > 0 || atomic_load(&loop->posted)) {
        count_busy_turn(state);
        return rc;
    }
    state->busy_turns = 0;
    if (picot__is_out(loop)) return picot__poll_wait(loop, PICOT_NEVER);
    if (loop->holds > 0 || loop->children > 0) return wait_in_real_time(loop, state, timeout_ns);
    if (timeout_ns == PICOT_NEVER) return waits_for_others(loop) ? picot__poll_wait(loop, PICOT_NEVER) : -EDEADLK;
    pass(state, timeout_ns);
    return 0;
}

/*
 * Inside a foreign loop: it would sleep until the next deadline, so the clock jumps there, and the deadline has come
 * when it asks for it. Not for who only asks whether the loop is usable: he has no descriptor to sleep on.
 */
static int sim_flush(picot_loop *loop)
{
    struct sim_state *state = loop->backend_state;
    int64_t deadline_ns = picot__next_deadline(loop, PICOT_NEVER);
    if (state->poll.base.mirror_fd < 0 || deadline_ns == PICOT_NEVER) return 0;
    if (deadline_ns <= state->now_ns) return 1;
    if (picot__is_out(loop) || atomic_load(&loop->posted) || picot__poll_is_ready(&state->poll)) return 0;
    loop->now_ns = state->now_ns = deadline_ns;
    return 1;
}

/* ---- open and close -------------------------------------------------------------------------- */

static int sim_open(picot_loop *loop, const picot_loop_options *options)
{
    static const struct picot__poller poller = {false, picot__poll_set, sim_poll, NULL, NULL};
    (void)options;
    int rc = picot__poll_open(loop, &poller, sizeof(struct sim_state));
    if (rc < 0) return rc;
    ((struct sim_state *)loop->backend_state)->now_ns = FIRST_NS;
    loop->metrics.sample_every = 1; /* reading this clock costs nothing */
    return 0;
}

static void sim_close(picot_loop *loop)
{
    picot__poll_close(loop, sizeof(struct sim_state));
}

const struct picot__backend picot__backend_sim = {
    .name = "sim",
    .open = sim_open,
    .close = sim_close,
    .now = sim_now,
    .submit = picot__readiness_submit,
    .cancel = picot__readiness_cancel,
    .wait = picot__readiness_wait,
    .wake = picot__readiness_wake,
    .watch = picot__readiness_watch,
    .pollable = picot__mirror_pollable,
    .flush = sim_flush,
};

/* ---- what tests do with it ------------------------------------------------------------------- */

static int check(const picot_loop *loop, int64_t ns)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (loop->backend != &picot__backend_sim) return -ENOTSUP;
    return ns < 0 ? -EINVAL : 0;
}

int picot_sim_advance(picot_loop *loop, int64_t ns)
{
    int rc = check(loop, ns);
    if (rc == 0) pass(loop->backend_state, ns);
    return rc;
}

static void end_of_run(picot_loop *loop, void *user)
{
    (void)user;
    (void)picot_loop_stop(loop);
}

int picot_sim_run_for(picot_loop *loop, int64_t ns)
{
    int rc = check(loop, ns);
    if (rc < 0) return rc;
    if (loop->running) return PICOT__MISUSE(-EBUSY, "picot_sim_run_for from inside a callback");
    picot_timer end = PICOT_TIMER_INIT;
    (void)picot_loop_update_now(loop);
    rc = picot_call_later(loop, &end, ns, end_of_run, NULL);
    if (rc < 0) return rc;
    rc = picot_loop_run(loop, PICOT_RUN_FOREVER);
    if (!end._.node.next) return rc;
    (void)picot_timer_cancel(loop, &end);
    return rc < 0 ? rc : picot__live(loop) > 0;
}
