/* SPDX-License-Identifier: MIT
 *
 * uring.c - the io_uring backend's table: open, close, wait, reap. The map of its files is in uring.h.
 *
 * Defects and traps of the kernel's that shape it (found by trying on Linux 6.18, or told by the manual pages):
 *  - With DEFER_TASKRUN (6.1) completions appear only inside io_uring_enter with GETEVENTS; TASKRUN in the queue's
 *    flags tells when that is worth while. A foreign epoll that watches the ring's descriptor is not woken, an eventfd
 *    registered with the ring is.
 *  - The ring belongs to one thread: it is made disabled, and the thread that waits first enables it.
 *  - A forked child must not touch the ring, whose memory it does not even have (ring_dontfork).
 *  - A wake-up that comes from a write to an eventfd may not signal the registered eventfd at once; the kernel does it
 *    later, and (found on Linux 6.18) only the first time after it was registered. So it is registered anew before a
 *    foreign loop sleeps, and the loop's own wake-up signals it itself.
 *  - Completions beyond the queue's size are kept by the kernel (NODROP) and need an enter to come out.
 */
#include "uring.h"

#include <unistd.h>

#define DEFAULT_ENTRIES 256u
#define MOST_ENTRIES 32768u
/* While something could not be armed for want of memory, look again soon. */
#define BEHIND_PAUSE_NS (10 * PICOT_MS)

/* ---- open and close -------------------------------------------------------------------------- */

/* Entries are used in order for ever, so the indirection (absent with NO_SQARRAY, Linux 6.6) is filled once. */
static void fill_array(struct io_uring_sq *sq)
{
    if (!sq->array) return;
    for (unsigned i = 0; i < sq->ring_entries; i++)
        sq->array[i] = i;
}

static int open_ring(struct picot__uring *uring, unsigned entries)
{
    int rc = picot__uring_set_up(&uring->ring, entries, IORING_SETUP_R_DISABLED);
    if (rc < 0) return rc;
    (void)io_uring_ring_dontfork(&uring->ring);
    fill_array(&uring->ring.sq);
    uring->enter_fd = (unsigned)uring->ring.ring_fd;
    uring->wake_fd = picot__wakefd_open();
    if (uring->wake_fd >= 0) return 0;
    picot__uring_tear_down(&uring->ring);
    return uring->wake_fd;
}

static void close_descriptor(int fd)
{
    if (fd >= 0) (void)picot__sys_close(fd);
}

static void free_state(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    for (uint32_t i = 0; i < uring->slot_count; i++)
        picot__uring_slot_drop_memory(loop, &uring->slots[i]);
    picot__uring_slots_free(loop);
    picot_free(loop, uring->backlog, uring->backlog_capacity * sizeof *uring->backlog);
    picot_free(loop, uring, sizeof *uring);
    loop->backend_state = NULL;
}

static void uring_close(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    if (*loop->fork_mark) {
        picot__uring_drain(loop);
        picot__uring_unregister(uring);
        picot__uring_tear_down(&uring->ring);
    } else {
        close_descriptor(uring->ring.ring_fd); /* other memory may live where the parent has the ring */
    }
    close_descriptor(uring->wake_fd);
    close_descriptor(uring->event_fd);
    free_state(loop);
}

static int uring_open(picot_loop *loop, const picot_loop_options *options)
{
    unsigned entries = options->ring_entries ? options->ring_entries : DEFAULT_ENTRIES;
    struct picot__uring *uring = picot_alloc(loop, sizeof *uring);
    if (!uring) return -ENOMEM;
    memset(uring, 0, sizeof *uring);
    uring->event_fd = -1;
    int rc = open_ring(uring, entries < MOST_ENTRIES ? entries : MOST_ENTRIES);
    if (rc < 0) {
        picot_free(loop, uring, sizeof *uring);
        return rc;
    }
    loop->backend_state = uring;
    picot__uring_find_natives(uring);
    rc = picot__uring_arm_wake(loop);
    if (rc < 0) uring_close(loop);
    return rc;
}

/* ---- completions ----------------------------------------------------------------------------- */

/* The slot is freed before its owner hears of it, so that the owner may begin something new. */
static void dispatch(picot_loop *loop, struct picot__uring *uring, const struct io_uring_cqe *event)
{
    struct picot__uring_slot *found = picot__uring_slot_of(uring, event->user_data);
    if (!found) return;
    struct picot__uring_slot slot = *found;
    uint32_t index = (uint32_t)event->user_data;
    bool last = !(event->flags & IORING_CQE_F_MORE);
    if (last) picot__uring_slot_free(uring, index);
    switch ((enum picot__uring_slot_kind)slot.kind) {
    case PICOT__URING_READER:
        picot__uring_reader_event(loop, index, &slot, event->res, last);
        break;
    case PICOT__URING_OPERATION:
    case PICOT__URING_AWAIT:
        picot__uring_slot_drop_memory(loop, &slot);
        picot__uring_op_event(loop, &slot, event->res);
        break;
    case PICOT__URING_WATCH:
        picot__uring_watch_event(loop, index, &slot, event->res);
        break;
    case PICOT__URING_CLOSER:
        if (last) picot__uring_closer_event(loop, &slot);
        break;
    case PICOT__URING_WAKE:
        if (last) (void)picot__uring_arm_wake(loop);
        break;
    case PICOT__URING_ORPHAN:
    case PICOT__URING_FREE:
        break;
    }
}

/*
 * Handle the completions that are out, at most the turn's share. One enter brings out few (20 on Linux 6.18, with
 * DEFER_TASKRUN); the others come with the next turn's enter, after the timers had theirs and the clock was read.
 */
static void reap(picot_loop *loop, struct picot__uring *uring)
{
    struct io_uring_cqe event;
    for (uint32_t left = loop->events_per_turn; left > 0 && picot__uring_take_event(uring, &event); left--) {
        loop->metrics.events++;
        dispatch(loop, uring, &event);
    }
}

/* ---- wait ------------------------------------------------------------------------------------ */

/* How long may we sleep? 0: not at all; negative: without limit. *ret_now_ns: the clock, where it was read. */
static int64_t time_left(picot_loop *loop, const struct picot__uring *uring, int64_t deadline_ns, int64_t *ret_now_ns)
{
    if (deadline_ns <= 0 || uring->backlog_count > 0 || picot__uring_has_events(uring)) return 0;
    if (deadline_ns == PICOT_NEVER) return uring->behind ? BEHIND_PAUSE_NS : -1;
    *ret_now_ns = picot__sys_now(loop);
    int64_t left_ns = deadline_ns - *ret_now_ns;
    if (uring->behind && left_ns > BEHIND_PAUSE_NS) left_ns = BEHIND_PAUSE_NS;
    return left_ns > 0 ? left_ns : 0;
}

/*
 * Submit, sleep if allowed, and fetch what the kernel has ready. When none of these has anything to do: no system call.
 * *ret_slept: it was allowed to sleep, from *ret_before_ns on, if that was read.
 */
static int enter_kernel(picot_loop *loop, struct picot__uring *uring, int64_t deadline_ns, bool *ret_slept,
                        int64_t *ret_before_ns)
{
    int rc = uring->backlog_count > 0 ? picot__uring_submit(loop, false) : 0;
    if (rc < 0) return rc;
    int64_t left_ns = time_left(loop, uring, deadline_ns, ret_before_ns);
    *ret_slept = left_ns != 0 && picot__sleep_begin(loop);
    if (*ret_slept) {
        if (!*ret_before_ns && picot__metrics_sample(loop)) *ret_before_ns = picot__sys_now(loop);
        rc = picot__uring_wait_for(uring, left_ns);
        picot__sleep_end(loop);
        return rc;
    }
    return picot__uring_must_enter(uring) ? picot__uring_submit(loop, true) : 0;
}

static int prepare_to_enter(picot_loop *loop, struct picot__uring *uring)
{
    int rc = picot__uring_enable(loop);
    if (rc == 0 && uring->behind) picot__uring_catch_up(loop);
    return rc;
}

/* Completions left for the next turn must not let a foreign loop sleep. */
static void tell_foreign_loop(const struct picot__uring *uring)
{
    if (uring->event_fd >= 0 && picot__uring_has_events(uring)) picot__wakefd_signal(uring->event_fd);
}

static int uring_wait(picot_loop *loop, int64_t deadline_ns)
{
    struct picot__uring *uring = picot__uring_of(loop);
    if (uring->event_fd >= 0) picot__wakefd_drain(uring->event_fd);
    bool slept = false;
    int64_t before_ns = 0;
    int rc = prepare_to_enter(loop, uring);
    if (rc == 0) rc = enter_kernel(loop, uring, deadline_ns, &slept, &before_ns);
    loop->now_ns = picot__sys_now(loop);
    picot__metrics_wait(loop, slept ? before_ns : loop->now_ns, loop->now_ns);
    if (rc == 0)
        reap(loop, uring);
    else
        picot__uring_fail(loop);
    tell_foreign_loop(uring);
    return rc;
}

/* See the traps above. What comes in between is found by the enter that follows. */
static int register_anew(struct picot__uring *uring)
{
    int fd = uring->event_fd;
    if (fd < 0) return 0;
    (void)io_uring_unregister_eventfd(&uring->ring);
    return io_uring_register_eventfd(&uring->ring, fd);
}

static int uring_flush(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    int rc = prepare_to_enter(loop, uring);
    if (rc == 0) rc = register_anew(uring);
    if (rc == 0 && picot__uring_must_enter(uring)) rc = picot__uring_submit(loop, true);
    tell_foreign_loop(uring);
    return rc;
}

static void uring_wake(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    int event_fd = atomic_load_explicit(&uring->event_fd, memory_order_relaxed); /* any thread */
    picot__wakefd_signal(uring->wake_fd);
    if (event_fd >= 0) picot__wakefd_signal(event_fd);
}

static int uring_pollable(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    if (uring->event_fd >= 0) return uring->event_fd;
    int fd = picot__wakefd_open();
    if (fd < 0) return fd;
    int rc = io_uring_register_eventfd(&uring->ring, fd);
    if (rc < 0) {
        (void)picot__sys_close(fd);
        return rc;
    }
    atomic_store_explicit(&uring->event_fd, fd, memory_order_relaxed);
    tell_foreign_loop(uring);
    return fd;
}

const struct picot__backend picot__backend_io_uring = {
    .name = "io_uring",
    .probe = picot__uring_probe,
    .open = uring_open,
    .close = uring_close,
    .now = picot__sys_now,
    .submit = picot__uring_submit_op,
    .cancel = picot__uring_cancel,
    .wait = uring_wait,
    .wake = uring_wake,
    .watch = picot__uring_watch,
    .pollable = uring_pollable,
    .flush = uring_flush,
};
