/* SPDX-License-Identifier: MIT
 *
 * epoll.c - readiness by epoll(7), edge-triggered: a handle is registered once, for everything, when an operation
 * first has to wait; later operations cost no call. Watches are level-triggered registrations of their own kind.
 *
 * Defects of epoll, and what is done about each:
 *   - It does not know numbers but open files: a closed number whose file lives on (dup, fork) goes on firing, and
 *     can no longer be deleted. Handles are deleted before close; keys with generations make stale events fall
 *     through; an event that nobody has registered makes the set be built anew (rebuild).
 *   - An edge is told once. readiness.c keeps a latch per direction; a short read clears it only where nothing can
 *     be left.
 *   - RDHUP may come in one event with the data, and never again: it is remembered (PICOT__HUNG_UP). The urgent
 *     mark of TCP stops a read early: EPOLLPRI is remembered the same way.
 *   - ERR and HUP are reported whatever the mask: a paused watch is deleted, not masked.
 *   - Regular files and a few devices are refused with EPERM: readiness.c reports them each turn.
 *   - Registrations vanish with the file, and numbers come back: ENOENT and EEXIST of epoll_ctl are mended by the
 *     other call.
 *   - epoll_wait counts milliseconds, up to 24 days: rounded up and capped. epoll_pwait2 (Linux 5.11) counts
 *     nanoseconds, but sandboxes refuse it with ENOSYS or EPERM: remembered.
 */
#include "readiness.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define WAKE_KEY 0 /* generations are never 0 */
#define ALARM_KEY 1
/* A wait with a limit sets up and takes down a kernel timer each time; beyond this an alarm that stays set is cheaper.
 */
#define FAR_NS (100 * PICOT_MS)
#define EDGE_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET)
#define CTL_ARMED (PICOT__ARMED_READ | PICOT__ARMED_WRITE)

struct epoll_state {
    struct picot__readiness base;
    int epoll_fd;
    int outer_fd;     /* for foreign loops: holds epoll_fd, and stays when that is built anew; -1: not asked for */
    int alarm_fd;     /* a timerfd for far deadlines, or -1 */
    int64_t alarm_ns; /* what it is set to; once that is past: nothing */
    bool coarse;      /* there is no epoll_pwait2 */
    struct epoll_event *events;
};

static int control(int epoll_fd, int operation, int fd, uint32_t events, uint64_t key)
{
    struct epoll_event event = {.events = events, .data = {.u64 = key}};
    return epoll_ctl(epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

static int enter(int epoll_fd, int fd, bool known, uint32_t events, uint64_t key)
{
    int rc = control(epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events, key);
    if (rc == -ENOENT) rc = control(epoll_fd, EPOLL_CTL_ADD, fd, events, key);
    if (rc == -EEXIST) rc = control(epoll_fd, EPOLL_CTL_MOD, fd, events, key);
    return rc;
}

static uint32_t events_of(const struct picot__descriptor *desc, unsigned interest)
{
    if (!desc->watch) return EDGE_EVENTS;
    return (interest & PICOT_READABLE ? EPOLLIN : 0U) | (interest & PICOT_WRITABLE ? EPOLLOUT : 0U);
}

static int epoll_set(picot_loop *loop, struct picot__descriptor *desc, unsigned interest)
{
    const struct epoll_state *state = loop->backend_state;
    if (interest)
        return enter(state->epoll_fd, desc->fd, desc->flags & CTL_ARMED, events_of(desc, interest),
                     picot__descriptor_key(desc));
    (void)control(state->epoll_fd, EPOLL_CTL_DEL, desc->fd, 0, 0); /* fails when the number was closed before */
    return 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int coarse_wait(const struct epoll_state *state, int64_t timeout_ns)
{
    int64_t timeout_ms = timeout_ns / PICOT_MS + (timeout_ns % PICOT_MS != 0);
    int limit = timeout_ns == PICOT_NEVER ? -1 : timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX;
    int count = epoll_wait(state->epoll_fd, state->events, (int)state->base.batch_size, limit);
    return count < 0 ? -errno : count;
}

static int fine_wait(struct epoll_state *state, int64_t timeout_ns)
{
#ifdef SYS_epoll_pwait2
    const struct {
        int64_t seconds, nanoseconds; /* the kernel's, on 32-bit machines too */
    } limit = {timeout_ns / PICOT_SECOND, timeout_ns % PICOT_SECOND};
    long count =
        syscall(SYS_epoll_pwait2, state->epoll_fd, state->events, (int)state->base.batch_size, &limit, NULL, 0);
    if (count >= 0) return (int)count;
    if (errno != ENOSYS && errno != EPERM) return -errno;
#endif
    state->coarse = true;
    return coarse_wait(state, timeout_ns);
}

/* ---- the alarm ------------------------------------------------------------------------------- */

static bool open_alarm(struct epoll_state *state)
{
    if (state->alarm_fd >= 0) return true;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) return false;
    if (control(state->epoll_fd, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, ALARM_KEY) < 0) {
        (void)picot__sys_close(fd);
        return false;
    }
    state->alarm_fd = fd;
    return true;
}

/*
 * Will the set wake up by itself, so that the wait needs no limit? Deadlines of idle connections are far, and lazy: the
 * earliest one moves seldom. An alarm that rings too early costs one empty turn.
 */
static bool epoll_alarm(picot_loop *loop, int64_t deadline_ns)
{
    struct epoll_state *state = loop->backend_state;
    if (deadline_ns - loop->now_ns < FAR_NS) return false;
    if (state->alarm_ns > loop->now_ns && state->alarm_ns <= deadline_ns) return true;
    if (!open_alarm(state)) return false;
    const struct itimerspec at = {
        .it_value = {.tv_sec = (time_t)(deadline_ns / PICOT_SECOND), .tv_nsec = (long)(deadline_ns % PICOT_SECOND)}};
    if (timerfd_settime(state->alarm_fd, TFD_TIMER_ABSTIME, &at, NULL) < 0) return false;
    state->alarm_ns = deadline_ns;
    return true;
}

static unsigned ready_of(uint32_t events)
{
    unsigned ready = 0;
    if (events & EPOLLIN) ready |= PICOT_READABLE;
    if (events & EPOLLOUT) ready |= PICOT_WRITABLE;
    if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP | EPOLLPRI)) ready |= PICOT_FAILED;
    return ready;
}

static int epoll_wait_batch(picot_loop *loop, int64_t timeout_ns)
{
    struct epoll_state *state = loop->backend_state;
    bool coarse = state->coarse || timeout_ns == 0 || timeout_ns == PICOT_NEVER;
    int count = coarse ? coarse_wait(state, timeout_ns) : fine_wait(state, timeout_ns);
    if (count < 0) return count == -EINTR ? 0 : count;
    for (int i = 0; i < count; i++) {
        /* wake and alarm are edges: their descriptors need not be read */
        if (state->events[i].data.u64 <= ALARM_KEY) continue;
        picot__batch_add(&state->base, state->events[i].data.u64, ready_of(state->events[i].events));
    }
    return 0;
}

/* ---- sets ------------------------------------------------------------------------------------ */

/* A new set that holds the wake; a descriptor or a code. */
static int make_set(const struct epoll_state *state)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) return -errno;
    int rc = control(epoll_fd, EPOLL_CTL_ADD, state->base.wake_fd, EPOLLIN | EPOLLET, WAKE_KEY);
    if (rc == 0 && state->alarm_fd >= 0)
        rc = control(epoll_fd, EPOLL_CTL_ADD, state->alarm_fd, EPOLLIN | EPOLLET, ALARM_KEY);
    if (rc == 0) return epoll_fd;
    (void)picot__sys_close(epoll_fd);
    return rc;
}

/* A file that has outlived its number fires for ever: leave it behind with the old set. Edges are told anew,
 * harmlessly. */
static int epoll_rebuild(picot_loop *loop)
{
    struct epoll_state *state = loop->backend_state;
    int epoll_fd = make_set(state);
    if (epoll_fd < 0) return picot__is_exhausted(epoll_fd) ? 0 : epoll_fd; /* it stays as it is until there is room */
    for (struct picot__descriptor *desc = picot__descriptor_next(loop, 0); desc;
         desc = picot__descriptor_next(loop, desc->fd + 1)) {
        if (!(desc->flags & CTL_ARMED)) continue;
        unsigned interest = desc->watch ? desc->watch->_.interest : 0;
        (void)enter(epoll_fd, desc->fd, false, events_of(desc, interest), picot__descriptor_key(desc));
    }
    if (state->outer_fd >= 0) (void)control(state->outer_fd, EPOLL_CTL_ADD, epoll_fd, EPOLLIN, 0);
    (void)picot__sys_close(state->epoll_fd);
    state->epoll_fd = epoll_fd;
    return 0;
}

static int epoll_pollable(picot_loop *loop)
{
    struct epoll_state *state = loop->backend_state;
    if (state->outer_fd >= 0) return state->outer_fd;
    int outer_fd = epoll_create1(EPOLL_CLOEXEC);
    if (outer_fd < 0) return -errno;
    int rc = control(outer_fd, EPOLL_CTL_ADD, state->epoll_fd, EPOLLIN, 0);
    if (rc < 0) {
        (void)picot__sys_close(outer_fd);
        return rc;
    }
    state->outer_fd = outer_fd;
    return outer_fd;
}

static void epoll_close(picot_loop *loop)
{
    struct epoll_state *state = loop->backend_state;
    if (state->outer_fd >= 0) (void)picot__sys_close(state->outer_fd);
    if (state->alarm_fd >= 0) (void)picot__sys_close(state->alarm_fd);
    if (state->epoll_fd >= 0) (void)picot__sys_close(state->epoll_fd);
    picot_free(loop, state->events, state->base.batch_size * sizeof *state->events);
    picot__readiness_close(loop, sizeof *state);
}

static int epoll_open(picot_loop *loop, const picot_loop_options *options)
{
    static const struct picot__poller poller = {true, epoll_set, epoll_wait_batch, epoll_rebuild, epoll_alarm};
    (void)options;
    int rc = picot__readiness_open(loop, &poller, sizeof(struct epoll_state));
    if (rc < 0) return rc;
    struct epoll_state *state = loop->backend_state;
    state->outer_fd = state->alarm_fd = -1;
    state->events = picot_alloc(loop, state->base.batch_size * sizeof *state->events);
    state->epoll_fd = state->events ? make_set(state) : -ENOMEM;
    if (state->epoll_fd >= 0) return 0;
    rc = state->epoll_fd;
    epoll_close(loop);
    return rc;
}

const struct picot__backend picot__backend_epoll = {
    .name = "epoll",
    .open = epoll_open,
    .close = epoll_close,
    .now = picot__sys_now,
    .submit = picot__readiness_submit,
    .cancel = picot__readiness_cancel,
    .wait = picot__readiness_wait,
    .wake = picot__readiness_wake,
    .watch = picot__readiness_watch,
    .pollable = epoll_pollable,
    .flush = picot__readiness_flush,
};
