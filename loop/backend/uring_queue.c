/* SPDX-License-Identifier: MIT
 *
 * uring_queue.c - the submission queue and io_uring_enter(2).
 *
 * One enter per turn submits what has gathered and waits. Facts this rests on (io_uring_enter(2); found by trying,
 * Linux 6.18):
 *  - The return value counts submissions and hides time-outs and signals: whoever wants to know looks at the completion
 *    queue and the clock.
 *  - Without SUBMIT_ALL (5.18) the kernel stops at a bad entry; the rest stay in the queue. So what is left to submit
 * is always computed from the kernel's own head.
 *  - A ring made with R_DISABLED belongs to the thread that enables it. Until then nothing can be submitted, so entries
 *    beyond the queue's size gather in the backlog; later they do so only when the kernel has no room.
 *  - Entries are the kernel's from the enter on; before that they can still be changed.
 *
 * Entries are numbered from the beginning, modulo 2^32; the queue and, behind it, the backlog hold consecutive numbers.
 */
#include "uring.h"

#include <sys/syscall.h>
#include <unistd.h>

#define ENTER_NO_IOWAIT (1u << 7) /* Linux 6.15: an idle ring does not count as waiting for a disk */
#define FEATURE_NO_IOWAIT (1u << 17)
#define REGISTER_ENABLE_RINGS 12u /* liburing 2.3 declares io_uring_enable_rings but does not export it */
#define REGISTER_RING_FDS 20u     /* Linux 5.18 */
#define UNREGISTER_RING_FDS 21u
#define MOST_STALLS 5000u /* with a millisecond of patience each */
#define STALL_PAUSE_NS (1 * PICOT_MS)
#define LONGEST_TIMEOUT_NS (INT64_C(86400) * PICOT_SECOND) /* the kernel adds it to the present time */

/* ---- entering the kernel --------------------------------------------------------------------- */

static unsigned waiting_entries(const struct picot__uring *uring)
{
    return uring->ring.sq.sqe_tail - io_uring_smp_load_acquire(uring->ring.sq.khead);
}

static int enter(struct picot__uring *uring, unsigned submit, unsigned wait_nr, unsigned flags, int64_t timeout_ns)
{
    if (timeout_ns > LONGEST_TIMEOUT_NS) timeout_ns = LONGEST_TIMEOUT_NS;
    struct __kernel_timespec ts = {.tv_sec = timeout_ns / PICOT_SECOND, .tv_nsec = timeout_ns % PICOT_SECOND};
    struct io_uring_getevents_arg arg = {.sigmask_sz = _NSIG / 8};
    if (timeout_ns >= 0) arg.ts = (uintptr_t)&ts;
    if (flags & IORING_ENTER_GETEVENTS) flags |= IORING_ENTER_EXT_ARG;
    void *argument = flags & IORING_ENTER_EXT_ARG ? &arg : NULL;
    io_uring_smp_store_release(uring->ring.sq.ktail, uring->ring.sq.sqe_tail);
    return io_uring_enter2(uring->enter_fd, submit, wait_nr, flags | uring->enter_flags, argument, sizeof arg);
}

/* Of what io_uring_enter says, the failures that will not pass by themselves. */
static int judge(struct picot__uring *uring, int rc)
{
    uring->refused = rc == -EBUSY || rc == -EAGAIN;
    if (!uring->refused) {
        uring->stalls = 0;
        return rc >= 0 || rc == -ETIME || rc == -EINTR ? 0 : rc;
    }
    return ++uring->stalls < MOST_STALLS ? 0 : rc;
}

bool picot__uring_has_events(const struct picot__uring *uring)
{
    const struct io_uring_cq *cq = &uring->ring.cq;
    return *cq->khead != io_uring_smp_load_acquire(cq->ktail);
}

bool picot__uring_has_work(const struct picot__uring *uring)
{
    return IO_URING_READ_ONCE(*uring->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

bool picot__uring_must_enter(const struct picot__uring *uring)
{
    return picot__uring_has_work(uring) || uring->backlog_count > 0 || waiting_entries(uring) > 0;
}

bool picot__uring_take_event(struct picot__uring *uring, struct io_uring_cqe *ret_event)
{
    struct io_uring_cq *cq = &uring->ring.cq;
    unsigned head = *cq->khead;
    if (head == io_uring_smp_load_acquire(cq->ktail)) return false;
    const struct io_uring_cqe *cqe = &cq->cqes[head & cq->ring_mask];
    ret_event->user_data = cqe->user_data;
    ret_event->res = cqe->res;
    ret_event->flags = cqe->flags;
    io_uring_smp_store_release(cq->khead, head + 1);
    return true;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* Move entries from the backlog to the queue, in order, as far as there is room. */
static void refill(struct picot__uring *uring)
{
    struct io_uring_sq *sq = &uring->ring.sq;
    if (uring->backlog_count == 0) return;
    unsigned room = sq->ring_entries - waiting_entries(uring);
    unsigned count = room < uring->backlog_count ? room : uring->backlog_count;
    for (unsigned i = 0; i < count; i++)
        sq->sqes[sq->sqe_tail++ & sq->ring_mask] = uring->backlog[i];
    uring->backlog_count -= count;
    memmove(uring->backlog, uring->backlog + count, uring->backlog_count * sizeof *uring->backlog);
}

static struct io_uring_sqe *grow_backlog(picot_loop *loop, struct picot__uring *uring)
{
    if (uring->backlog_count == uring->backlog_capacity) {
        unsigned old = uring->backlog_capacity, capacity = old ? old * 2 : 64;
        void *grown =
            picot_realloc(loop, uring->backlog, old * sizeof *uring->backlog, capacity * sizeof *uring->backlog);
        if (!grown) return NULL;
        uring->backlog = grown;
        uring->backlog_capacity = capacity;
    }
    return &uring->backlog[uring->backlog_count++];
}

static struct io_uring_sqe *zeroed(struct io_uring_sqe *sqe)
{
    if (sqe) memset(sqe, 0, sizeof *sqe);
    return sqe;
}

struct io_uring_sqe *picot__uring_next_entry(picot_loop *loop, uint32_t *ret_sequence)
{
    struct picot__uring *uring = picot__uring_of(loop);
    struct io_uring_sq *sq = &uring->ring.sq;
    if (waiting_entries(uring) == sq->ring_entries && uring->thread && !uring->refused)
        (void)picot__uring_submit(loop, false); /* a lasting failure shows in the next wait */
    *ret_sequence = sq->sqe_tail + uring->backlog_count;
    if (uring->backlog_count > 0 || waiting_entries(uring) == sq->ring_entries) {
        return zeroed(grow_backlog(loop, uring));
    }
    return zeroed(&sq->sqes[sq->sqe_tail++ & sq->ring_mask]);
}

struct io_uring_sqe *picot__uring_entry_waiting(struct picot__uring *uring, uint32_t sequence, uint64_t user_data)
{
    struct io_uring_sq *sq = &uring->ring.sq;
    unsigned queued = waiting_entries(uring), place = sequence - (sq->sqe_tail - queued);
    struct io_uring_sqe *sqe = NULL;
    if (place < queued)
        sqe = &sq->sqes[sequence & sq->ring_mask];
    else if (place - queued < uring->backlog_count)
        sqe = &uring->backlog[place - queued];
    return sqe && sqe->user_data == user_data ? sqe : NULL;
}

void picot__uring_drop_entries(struct picot__uring *uring)
{
    uring->backlog_count = 0;
    uring->ring.sq.sqe_tail -= waiting_entries(uring);
    io_uring_smp_store_release(uring->ring.sq.ktail, uring->ring.sq.sqe_tail);
}

/* ---- submitting and waiting ------------------------------------------------------------------ */

int picot__uring_submit(picot_loop *loop, bool collect)
{
    struct picot__uring *uring = picot__uring_of(loop);
    unsigned flags = collect ? IORING_ENTER_GETEVENTS : 0;
    int rc;
    do {
        refill(uring);
        unsigned waiting = waiting_entries(uring);
        rc = judge(uring, enter(uring, waiting, 0, flags, -1));
        if (waiting_entries(uring) == waiting) break; /* no progress */
    } while (rc == 0 && uring->backlog_count > 0);
    refill(uring);
    return rc;
}

int picot__uring_wait_for(struct picot__uring *uring, int64_t timeout_ns)
{
    int rc = judge(uring, enter(uring, waiting_entries(uring), 1, IORING_ENTER_GETEVENTS, timeout_ns));
    if (rc == 0 && uring->refused && !picot__uring_has_events(uring))
        (void)enter(uring, 0, 1, IORING_ENTER_GETEVENTS, STALL_PAUSE_NS);
    return rc;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* An enter on a registered ring saves looking up the descriptor. The registration is the thread's, not the process's.
 */
static void register_ring(struct picot__uring *uring)
{
    struct io_uring_rsrc_update update = {.offset = UINT32_MAX, .data = (unsigned)uring->ring.ring_fd};
    if (io_uring_register((unsigned)uring->ring.ring_fd, REGISTER_RING_FDS, &update, 1) != 1) return;
    uring->enter_fd = update.offset;
    uring->enter_flags |= IORING_ENTER_REGISTERED_RING;
}

void picot__uring_unregister(struct picot__uring *uring)
{
    if (!(uring->enter_flags & IORING_ENTER_REGISTERED_RING) || uring->thread != syscall(SYS_gettid)) return;
    struct io_uring_rsrc_update update = {.offset = uring->enter_fd};
    (void)io_uring_register((unsigned)uring->ring.ring_fd, UNREGISTER_RING_FDS, &update, 1);
    uring->enter_flags &= ~IORING_ENTER_REGISTERED_RING;
}

int picot__uring_enable(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    if (uring->thread) return 0;
    int rc = io_uring_register((unsigned)uring->ring.ring_fd, REGISTER_ENABLE_RINGS, NULL, 0);
    if (rc < 0) return rc;
    uring->thread = syscall(SYS_gettid);
    if (uring->ring.features & FEATURE_NO_IOWAIT) uring->enter_flags |= ENTER_NO_IOWAIT;
    register_ring(uring);
    return 0;
}
