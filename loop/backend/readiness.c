/* SPDX-License-Identifier: MIT
 *
 * readiness.c - operations and watches on kernels that tell readiness: what select, poll and epoll have in common.
 *
 * The system call first, where it is likely to succeed; else the operation is parked (the core has entered it as the
 * handle's reader or writer) and tried again when an event comes. An event never decides a result: it only lets the
 * system call be made again.
 *
 * Invariants:
 *   - a parked operation's direction is armed in the kernel, or its handle is in the hot list;
 *   - desc->flags remembers what a past event or attempt has told: READ_READY, WRITE_BLOCKED, HUNG_UP;
 *   - one attempt per operation and event, so that no handle starves another;
 *   - an event is found by key, never by address, so those of closed descriptors fall through.
 */
#include "readiness.h"

#define BATCH_MAX 4096U

#define ARMED (PICOT__ARMED_READ | PICOT__ARMED_WRITE)
#define BOTH (PICOT_READABLE | PICOT_WRITABLE)

/* ---- the set of armed descriptors ------------------------------------------------------------ */

static int set_interest(picot_loop *loop, struct picot__descriptor *desc, unsigned interest)
{
    struct picot__readiness *state = loop->backend_state;
    if (interest && state->poller->edge && !desc->watch) interest = BOTH;
    int rc = state->poller->set(loop, desc, interest);
    if (rc < 0) return rc;
    if (state->mirror_fd >= 0) rc = picot__mirror_set(state, desc->fd, interest);
    if (rc < 0) {
        (void)state->poller->set(loop, desc, picot__armed_interest(desc)); /* as it was */
        return rc;
    }
    desc->flags &= (uint16_t)~ARMED;
    if (interest & PICOT_READABLE) desc->flags |= PICOT__ARMED_READ;
    if (interest & PICOT_WRITABLE) desc->flags |= PICOT__ARMED_WRITE;
    if (!interest) state->dropped = true;
    return 0;
}

/* ---- the hot list: entries that no event will announce --------------------------------------- */

static void heat(picot_loop *loop, struct picot__descriptor *desc)
{
    if (desc->flags & PICOT__HOT) return;
    desc->flags |= PICOT__HOT;
    desc->hot_next = loop->hot;
    loop->hot = desc;
    picot__look_up(loop);
}

static bool unlink_hot(struct picot__descriptor **head, const struct picot__descriptor *desc)
{
    for (struct picot__descriptor **link = head; *link; link = &(*link)->hot_next) {
        if (*link != desc) continue;
        *link = desc->hot_next;
        return true;
    }
    return false;
}

static void cool(picot_loop *loop, struct picot__descriptor *desc)
{
    struct picot__readiness *state = loop->backend_state;
    if (!(desc->flags & PICOT__HOT)) return;
    desc->flags &= (uint16_t)~PICOT__HOT;
    if (!unlink_hot(&loop->hot, desc)) (void)unlink_hot(&state->hot, desc);
}

/* The loop lets go of a descriptor. */
static void disarm(picot_loop *loop, struct picot__descriptor *desc)
{
    if (desc->flags & ARMED) (void)set_interest(loop, desc, 0);
    cool(loop, desc);
}

/* ---- attempts -------------------------------------------------------------------------------- */

static bool is_parked(const picot_op *op)
{
    /* Not one that waits in the retry list, nor one that a thread has. */
    return op && op->_.state == PICOT__PENDING && op->_.kind != PICOT__OP_COPY;
}

/* Parked although its latch says ready: it used up its share of this turn, and the kernel will not say it again. */
static bool is_owed_an_attempt(const struct picot__descriptor *desc, const picot_op *op)
{
    if (op->_.kind == PICOT__OP_SEND_ALL) return !(desc->flags & PICOT__WRITE_BLOCKED);
    return op->_.kind == PICOT__OP_ACCEPT && desc->flags & PICOT__READ_READY;
}

static void run(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    int64_t result = picot__attempt(loop, desc, op);
    if (result != PICOT__AGAIN) {
        picot__budget_renew(loop);
        picot__finish(loop, op, result);
    } else if (is_owed_an_attempt(desc, op)) {
        heat(loop, desc);
    }
}

/* Try the parked operations of a handle, each once. The reader's completion may close it, or finish the writer. */
static void run_parked(picot_loop *loop, struct picot__descriptor *desc, unsigned ready)
{
    picot_op *reader = desc->reader, *writer = desc->writer;
    if (ready & PICOT_READABLE && is_parked(reader)) run(loop, desc, reader);
    if (ready & PICOT_WRITABLE && writer != reader && writer == desc->writer && is_parked(writer))
        run(loop, desc, writer);
}

/* A state that nobody waits for would be told again and again. */
static void disarm_idle(picot_loop *loop, struct picot__descriptor *desc, unsigned ready)
{
    unsigned idle = (is_parked(desc->reader) ? 0U : PICOT_READABLE) | (is_parked(desc->writer) ? 0U : PICOT_WRITABLE);
    if (ready & idle) (void)set_interest(loop, desc, picot__armed_interest(desc) & ~(ready & idle));
}

/* Somebody has closed the number behind the loop's back: its operations end, the handle stays until it is closed. */
static void handle_invalid(picot_loop *loop, struct picot__descriptor *desc)
{
    picot_op *reader = desc->reader, *writer = desc->writer == reader ? NULL : desc->writer;
    (void)set_interest(loop, desc, 0);
    if (is_parked(reader)) picot__finish_later(loop, reader, -EBADF);
    if (is_parked(writer)) picot__finish_later(loop, writer, -EBADF);
}

static void handle_event(picot_loop *loop, struct picot__descriptor *desc, unsigned ready)
{
    if (ready & PICOT__READY_INVALID) {
        handle_invalid(loop, desc);
        return;
    }
    if (ready & PICOT_FAILED) {
        ready |= BOTH; /* whoever waits finds out by the system call */
        desc->flags |= PICOT__HUNG_UP;
    }
    if (ready & PICOT_READABLE) desc->flags |= PICOT__READ_READY;
    if (ready & PICOT_WRITABLE) desc->flags &= (uint16_t)~PICOT__WRITE_BLOCKED;
    if (!((const struct picot__readiness *)loop->backend_state)->poller->edge) disarm_idle(loop, desc, ready);
    run_parked(loop, desc, ready);
}

/* ---- watches --------------------------------------------------------------------------------- */

static void watch_event(picot_loop *loop, struct picot__descriptor *desc, unsigned ready)
{
    picot_watch *watch = desc->watch;
    unsigned interest = watch->_.interest;
    if (!interest) return;
    if (ready & PICOT__READY_INVALID) { /* reported once: whoever still wants it must ask again */
        (void)set_interest(loop, desc, 0);
        watch->_.interest = 0;
        ready = PICOT_FAILED;
    }
    ready = ready & PICOT_FAILED ? PICOT_FAILED | interest : ready & interest;
    if (!ready) return;
    picot__budget_renew(loop);
    watch->fn(loop, watch, ready);
}

int picot__readiness_watch(picot_loop *loop, struct picot__descriptor *desc)
{
    if (desc->flags & PICOT__OPEN) return 0; /* the number was closed under its watch, and is a handle's now */
    unsigned interest = desc->watch ? desc->watch->_.interest : 0;
    if (!interest) {
        disarm(loop, desc);
        return 0;
    }
    int rc = desc->flags & PICOT__FILE ? -EPERM : set_interest(loop, desc, interest);
    if (rc == -EPERM) { /* files and their like are always ready: reported each turn */
        (void)set_interest(loop, desc, 0);
        heat(loop, desc);
        rc = 0;
    }
    return rc;
}

/* ---- submit and cancel ----------------------------------------------------------------------- */

/*
 * Is the system call likely to succeed? Reading is not, when the last read has emptied the descriptor; a handle that
 * was never armed is asked once, for its data may be there already, and its errors must come at once.
 */
static bool is_worth_trying(const struct picot__descriptor *desc, const picot_op *op)
{
    if (desc->reader == op) return (desc->flags & (PICOT__READ_READY | PICOT__ARMED_READ)) != PICOT__ARMED_READ;
    return !(desc->flags & PICOT__WRITE_BLOCKED);
}

static int arm(picot_loop *loop, struct picot__descriptor *desc, picot_op *op, unsigned interest)
{
    int rc = set_interest(loop, desc, picot__armed_interest(desc) | interest);
    if (rc == 0) return 0;
    op->result = rc; /* not a refusal: an attempt may have moved something before */
    return PICOT__DONE;
}

/* Wait for an event. */
static int park(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    unsigned interest = (desc->reader == op ? PICOT_READABLE : 0U) | (desc->writer == op ? PICOT_WRITABLE : 0U);
    if (is_owed_an_attempt(desc, op)) heat(loop, desc);
    return interest & ~picot__armed_interest(desc) ? arm(loop, desc, op, interest) : 0;
}

/* surely: the answer does not depend on the latches, because it is about data out of band, or an error. */
static int try_or_park(picot_loop *loop, struct picot__descriptor *desc, picot_op *op, bool surely)
{
    if (!surely && !is_worth_trying(desc, op)) return park(loop, desc, op);
    int64_t result = picot__attempt(loop, desc, op);
    if (result == PICOT__AGAIN) return park(loop, desc, op);
    op->result = result;
    return PICOT__DONE;
}

static int64_t close_descriptor(picot_loop *loop, struct picot__descriptor *desc)
{
    disarm(loop, desc); /* while the number still means this descriptor */
    picot__descriptor_forget(loop, desc);
    return picot__sys_close(desc->fd);
}

static int done(picot_op *op, int64_t result)
{
    op->result = result;
    return PICOT__DONE;
}

/* Most reads find what they want in memory: a look there costs less than a thread. */
static int read_file(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    int64_t result = picot__sys_read_cached(desc, op);
    return result == PICOT__AGAIN ? picot__offload(loop, op, desc->fd) : done(op, result);
}

int picot__readiness_submit(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    switch (op->_.kind) {
    case PICOT__OP_RECV_LEASED:
        picot__lease_drop(loop, op->_.u.io.at.ret_lease); /* a connection that waits holds no buffer */
        return try_or_park(loop, desc, op, !(desc->flags & PICOT__SOCKET));
    case PICOT__OP_RECV:
        return try_or_park(loop, desc, op, op->_.u.io.flags || !(desc->flags & PICOT__SOCKET));
    case PICOT__OP_RECVMSG:
        return try_or_park(loop, desc, op, op->_.u.msg.flags || !(desc->flags & PICOT__SOCKET));
    case PICOT__OP_SEND:
    case PICOT__OP_SEND_ALL:
    case PICOT__OP_SENDMSG:
        return try_or_park(loop, desc, op, !(desc->flags & PICOT__SOCKET));
    case PICOT__OP_READ:
        if (desc->flags & PICOT__FILE) return read_file(loop, desc, op);
        return try_or_park(loop, desc, op, op->_.u.io.at.offset >= 0);
    case PICOT__OP_WRITE:
    case PICOT__OP_READV:
    case PICOT__OP_WRITEV:
        if (desc->flags & PICOT__FILE) return picot__offload(loop, op, desc->fd);
        return try_or_park(loop, desc, op, op->_.u.io.at.offset >= 0);
    case PICOT__OP_ACCEPT: /* what does not listen is armed, too, and raises no event */
    case PICOT__OP_CONNECT:
    case PICOT__OP_POLL:
        return try_or_park(loop, desc, op, true);
    case PICOT__OP_FSYNC:
    case PICOT__OP_FTRUNCATE:
    case PICOT__OP_FALLOCATE:
        if (desc->flags & PICOT__FILE) return picot__offload(loop, op, desc->fd);
        return done(op, picot__sys_blocking(op, desc->fd)); /* refused at once */
    case PICOT__OP_OPEN:
    case PICOT__OP_RESOLVE:
        return picot__offload(loop, op, -1);
    case PICOT__OP_CLOSE:
        return done(op, close_descriptor(loop, desc));
    case PICOT__OP_RELEASE:
        disarm(loop, desc);
        return done(op, picot__sys_perform(loop, desc, op));
    default:
        if (!picot__is_immediate(op->_.kind)) return picot__offload(loop, op, -1);
        return done(op, picot__sys_perform(loop, desc, op));
    }
}

void picot__readiness_cancel(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    bool on_file = desc && desc->flags & PICOT__FILE && op->_.kind != PICOT__OP_POLL; /* nothing else waits on a file */
    if (!desc || on_file || op->_.kind == PICOT__OP_COPY)
        picot__offload_cancel(loop, op);
    else
        picot__finish_later(loop, op, -ECANCELED);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* How long may we sleep? *ret_now_ns: the clock, where it was read. */
static int64_t time_left(picot_loop *loop, int64_t deadline_ns, int64_t *ret_now_ns)
{
    if (loop->hot || deadline_ns <= loop->now_ns) return 0;
    if (deadline_ns == PICOT_NEVER) return PICOT_NEVER;
    const struct picot__poller *poller = ((const struct picot__readiness *)loop->backend_state)->poller;
    if (poller->alarm && poller->alarm(loop, deadline_ns)) return PICOT_NEVER;
    int64_t now_ns = *ret_now_ns = loop->backend->now(loop);
    return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

static int collect(picot_loop *loop, struct picot__readiness *state, int64_t deadline_ns)
{
    int64_t before_ns = 0, timeout_ns = time_left(loop, deadline_ns, &before_ns);
    if (timeout_ns > 0 && !picot__sleep_begin(loop)) timeout_ns = 0;
    if (timeout_ns > 0 && !before_ns && picot__metrics_sample(loop)) before_ns = loop->backend->now(loop);
    state->batch_count = 0;
    state->dropped = false;
    int rc = state->poller->wait(loop, timeout_ns);
    picot__sleep_end(loop);
    loop->now_ns = loop->backend->now(loop);
    picot__metrics_wait(loop, timeout_ns > 0 ? before_ns : loop->now_ns, loop->now_ns);
    return rc;
}

/* What became hot before this turn; what becomes so now waits for the next one. */
static void run_hot(picot_loop *loop, struct picot__readiness *state)
{
    state->hot = loop->hot;
    loop->hot = NULL;
    while (state->hot) {
        struct picot__descriptor *desc = state->hot;
        state->hot = desc->hot_next;
        desc->flags &= (uint16_t)~PICOT__HOT;
        if (desc->flags & PICOT__OPEN) {
            run_parked(loop, desc, BOTH);
        } else if (desc->watch) {
            heat(loop, desc); /* before the callback, which may end it */
            watch_event(loop, desc, BOTH);
        }
    }
}

static int dispatch(picot_loop *loop, struct picot__readiness *state)
{
    bool phantom = false;
    loop->metrics.events += state->batch_count;
    for (unsigned i = 0; i < state->batch_count; i++) {
        struct picot__descriptor *desc = picot__descriptor_of_key(loop, state->batch[i].key);
        if (desc && desc->flags & PICOT__OPEN)
            handle_event(loop, desc, state->batch[i].ready);
        else if (desc && desc->watch)
            watch_event(loop, desc, state->batch[i].ready);
        else
            phantom = phantom || !state->dropped;
    }
    return phantom && state->poller->rebuild ? state->poller->rebuild(loop) : 0;
}

int picot__readiness_wait(picot_loop *loop, int64_t deadline_ns)
{
    struct picot__readiness *state = loop->backend_state;
    int rc = collect(loop, state, deadline_ns);
    if (rc < 0) return rc;
    if (loop->hot) run_hot(loop, state);
    return dispatch(loop, state);
}

void picot__readiness_wake(picot_loop *loop)
{
    picot__wakefd_signal(((const struct picot__readiness *)loop->backend_state)->wake_fd);
}

int picot__readiness_flush(picot_loop *loop)
{
    (void)loop; /* nothing is held back */
    return 0;
}

/* ---- open and close -------------------------------------------------------------------------- */

int picot__readiness_open(picot_loop *loop, const struct picot__poller *poller, size_t state_size)
{
    struct picot__readiness *state = picot_alloc(loop, state_size);
    if (!state) return -ENOMEM;
    memset(state, 0, state_size);
    state->poller = poller;
    state->mirror_fd = -1;
    state->batch_size = loop->events_per_turn < BATCH_MAX ? loop->events_per_turn : BATCH_MAX;
    state->wake_fd = picot__wakefd_open();
    state->batch = picot_alloc(loop, state->batch_size * sizeof *state->batch);
    loop->backend_state = state;
    int rc = state->wake_fd < 0 ? state->wake_fd : state->batch ? 0 : -ENOMEM;
    if (rc < 0) picot__readiness_close(loop, state_size);
    return rc;
}

void picot__readiness_close(picot_loop *loop, size_t state_size)
{
    struct picot__readiness *state = loop->backend_state;
    if (state->wake_fd >= 0) (void)picot__sys_close(state->wake_fd);
    if (state->mirror_fd >= 0) (void)picot__sys_close(state->mirror_fd);
    picot_free(loop, state->batch, state->batch_size * sizeof *state->batch);
    picot_free(loop, state, state_size);
    loop->backend_state = NULL;
}
