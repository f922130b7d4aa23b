/* SPDX-License-Identifier: MIT
 *
 * uring.h - the io_uring backend's own structs, and who calls whom among its files.
 *
 *     uring.c         the table; open, close, wait, reap
 *     uring_probe.c   set-up of a ring on kernels of different ages, and whether this machine lets us use one
 *     uring_queue.c   the submission queue and io_uring_enter
 *     uring_slot.c    the table of what is in the kernel's hands
 *     uring_ops.c     operations: how each kind begins
 *     uring_path.c    operations on paths, and sizes of files
 *     uring_done.c    operations: how each kind ends
 *     uring_poll.c    readiness: the receivers' multishot polls, and the caller's watches
 *     uring_cancel.c  cancelling, closing and releasing
 *
 * Invariants:
 *  - user_data is generation << 32 | slot, never a pointer. A slot lives from the making of its submission entry (SQE)
 * to its last completion entry (CQE), so it is known at any time what the kernel may still touch.
 *  - Only the target's own completion tells how a cancelled operation ended.
 *  - At most one operation per handle and direction is in the kernel: io_uring promises no order.
 */
#ifndef PICOT_LOOP_BACKEND_URING_H
#define PICOT_LOOP_BACKEND_URING_H

#include "backend.h"

#include <liburing.h>

/* What op->_.slot holds besides the index of a slot. */
#define PICOT__URING_NO_SLOT UINT32_MAX
#define PICOT__URING_PARKED (UINT32_MAX - 1)    /* waits for its handle's multishot poll */
#define PICOT__URING_OFFLOADED (UINT32_MAX - 2) /* a thread of the loop's pool has it */

/* user_data of entries whose completion tells nothing. All ones is liburing's own. */
#define PICOT__URING_IGNORED (UINT64_MAX - 1)

enum picot__uring_slot_kind {
    PICOT__URING_FREE,
    PICOT__URING_OPERATION, /* op, native */
    PICOT__URING_AWAIT,     /* op: a one-shot poll, then picot__attempt */
    PICOT__URING_READER,    /* desc: the multishot poll of its receivers */
    PICOT__URING_WATCH,     /* desc: a one-shot poll of its watch */
    PICOT__URING_CLOSER,    /* op: the close that waits for the end of desc's poll */
    PICOT__URING_WAKE,      /* the eventfd */
    PICOT__URING_ORPHAN     /* nobody waits for its end */
};

struct picot__uring_slot {
    picot_op *op;
    union {
        struct picot__descriptor *desc; /* NULL for operations without a handle */
        struct open_how *how;           /* of an open below a directory */
    } of;
    uint32_t generation;      /* of the user_data; never 0 */
    uint32_t desc_generation; /* of the handle or watch the poll was armed for */
    uint32_t sequence; /* which submission entry, counted since the beginning; of a free slot: the next free one */
    uint8_t kind;
    bool cancelled;   /* the end is asked for ... */
    bool cancel_owed; /* ... but there was no room for the entry that asks */
    bool makes_fd;    /* a result >= 0 is a descriptor that must not leak */
    bool owns_how;    /* of.how is to be freed */
};

struct picot__uring {
    struct io_uring ring;
    unsigned enter_fd; /* the ring's descriptor, or its number among the thread's registered ones */
    unsigned enter_flags;
    long thread;         /* kernel's number of the thread that has enabled the ring; 0: not enabled */
    int wake_fd;         /* eventfd: ends a wait */
    atomic_int event_fd; /* eventfd that the kernel signals with each completion, for foreign loops; -1: nobody asked */
    unsigned stalls;     /* enters in a row that the kernel had no room for */
    bool refused;        /* it had none lately: do not try again in this turn */
    bool behind;         /* for want of memory a cancel is owed, or a watch or the wake-up is not armed */
    bool wake_armed;
    uint64_t natives; /* a bit per kind of operation that only some kernels have; see picot__uring_has */

    struct picot__uring_slot *slots;
    uint32_t slot_count, slots_used, free_slot;

    /* Entries that found no room in the submission queue, in their order. */
    struct io_uring_sqe *backlog;
    unsigned backlog_count, backlog_capacity;
};

static inline struct picot__uring *picot__uring_of(const picot_loop *loop)
{
    return loop->backend_state;
}

/* ---- uring_probe.c --------------------------------------------------------------------------- */

/* Make a ring with the best set of flags this kernel takes, plus `extra`. 0 or a negative code. */
int picot__uring_set_up(struct io_uring *ring, unsigned entries, unsigned extra);
/* And give it back. */
void picot__uring_tear_down(struct io_uring *ring);
int picot__uring_probe(char *reason, size_t size);

/* ---- uring_queue.c --------------------------------------------------------------------------- */

/* The next submission entry, zeroed, to be filled at once, and its sequence number. NULL: out of memory. */
struct io_uring_sqe *picot__uring_next_entry(picot_loop *loop, uint32_t *ret_sequence);
/* The entry of that number, if the kernel has not taken it yet, else NULL. */
struct io_uring_sqe *picot__uring_entry_waiting(struct picot__uring *uring, uint32_t sequence, uint64_t user_data);
/* Forget all entries that the kernel has not taken yet. */
void picot__uring_drop_entries(struct picot__uring *uring);
/* The calling thread becomes the one that submits and waits. 0 or a negative code. */
int picot__uring_enable(picot_loop *loop);
void picot__uring_unregister(struct picot__uring *uring);
/* Submit everything; with `collect` also run the kernel's pending work for us. 0, or a code that is no passing one. */
int picot__uring_submit(picot_loop *loop, bool collect);
/* Submit, and wait for a completion; timeout_ns < 0: without limit. As above. */
int picot__uring_wait_for(struct picot__uring *uring, int64_t timeout_ns);
bool picot__uring_has_events(const struct picot__uring *uring);
/* Does the kernel have work that only an enter brings to the completion queue? */
bool picot__uring_has_work(const struct picot__uring *uring);
/* ... or have we entries to submit? */
bool picot__uring_must_enter(const struct picot__uring *uring);
/* Take the oldest completion. */
bool picot__uring_take_event(struct picot__uring *uring, struct io_uring_cqe *ret_event);

/* ---- uring_slot.c ---------------------------------------------------------------------------- */

/*
 * A slot together with a zeroed submission entry that carries its user_data, to be filled at once. NULL: out of memory.
 * Pointers to slots are stale afterwards.
 */
struct io_uring_sqe *picot__uring_begin(picot_loop *loop, enum picot__uring_slot_kind kind, uint32_t *ret_index);
void picot__uring_slot_free(struct picot__uring *uring, uint32_t index);
/* The slot that a completion belongs to, or NULL. */
struct picot__uring_slot *picot__uring_slot_of(struct picot__uring *uring, uint64_t user_data);
uint64_t picot__uring_slot_key(const struct picot__uring *uring, uint32_t index);
void picot__uring_slots_free(picot_loop *loop);

/* ---- uring_ops.c ----------------------------------------------------------------------------- */

int picot__uring_submit_op(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);
/* Give the operation, or what is left of it, to the kernel. 0 or -ENOMEM. */
int picot__uring_hand_over(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);
/* Wait for poll(2) events and attempt the operation again then. 0 or -ENOMEM. */
int picot__uring_await(picot_loop *loop, struct picot__descriptor *desc, picot_op *op, unsigned events);
/* The poll(2) events this operation waits for. */
unsigned picot__uring_events_of(const picot_op *op);
int picot__uring_offload(picot_loop *loop, picot_op *op, int fd);

/* The slot of an entry that is filled now has this operation. */
void picot__uring_enter_slot(struct picot__uring *uring, uint32_t index, struct picot__descriptor *desc, picot_op *op);

/* ---- uring_path.c ---------------------------------------------------------------------------- */

/* Which of the operations that came later has this kernel? Into uring->natives. */
void picot__uring_find_natives(struct picot__uring *uring);
/* Operations on paths, ftruncate, fallocate: to the kernel, or to a thread. */
int picot__uring_submit_file_call(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);

/* ---- uring_done.c ---------------------------------------------------------------------------- */

/* A completion of a slot of kind OPERATION or AWAIT; the slot is free already, `slot` a copy. */
void picot__uring_op_event(picot_loop *loop, const struct picot__uring_slot *slot, int32_t result);
/* End an operation from within wait. */
void picot__uring_end(picot_loop *loop, picot_op *op, int64_t result);
/* Free what belongs to the slot besides the slot itself. */
void picot__uring_slot_drop_memory(picot_loop *loop, struct picot__uring_slot *slot);

/* ---- uring_poll.c ---------------------------------------------------------------------------- */

/* Receive: at once where that is promising, else when the handle's poll reports. As submit. */
int picot__uring_receive(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);
void picot__uring_reader_event(picot_loop *loop, uint32_t index, const struct picot__uring_slot *slot, int32_t result,
                               bool last);
int picot__uring_watch(picot_loop *loop, struct picot__descriptor *desc);
void picot__uring_watch_event(picot_loop *loop, uint32_t index, const struct picot__uring_slot *slot, int32_t result);
/* Arm the watches that could not be armed before. */
void picot__uring_rearm_watches(picot_loop *loop);
/* Watch the eventfd that ends a wait. 0 or -ENOMEM. */
int picot__uring_arm_wake(picot_loop *loop);

/* ---- uring_cancel.c -------------------------------------------------------------------------- */

void picot__uring_cancel(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);
/* End the poll armed for this entry; nobody hears of it any more. */
void picot__uring_drop_poll(picot_loop *loop, struct picot__descriptor *desc);
/* The same, and the kernel holds the descriptor no longer when this returns. */
void picot__uring_let_go(picot_loop *loop, struct picot__descriptor *desc);
/* An event of a poll whose number has come to mean something else. */
void picot__uring_disown(picot_loop *loop, uint32_t index, const struct picot__uring_slot *slot, bool last);
int picot__uring_close_handle(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);
/* The poll that a close has waited for is over. */
void picot__uring_closer_event(picot_loop *loop, const struct picot__uring_slot *slot);
/* Ask again where there was no memory to ask. */
void picot__uring_catch_up(picot_loop *loop);
/* The ring is of no use any more: end what only this backend knows of. */
void picot__uring_fail(picot_loop *loop);
/* Take everything back from the kernel before the ring is closed. */
void picot__uring_drain(picot_loop *loop);

#endif /* PICOT_LOOP_BACKEND_URING_H */
