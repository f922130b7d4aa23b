/* SPDX-License-Identifier: MIT
 *
 * uring_cancel.c - ending early what was begun on io_uring: cancel, close, release, and the end of the loop.
 *
 *  - What the kernel has not been given yet is turned into a NOP in place, and no system call happens for it.
 *  - Else ASYNC_CANCEL by user_data is a request, and only the target's own completion tells how it ended: no byte and
 * no accepted connection is lost.
 *  - An entry in the kernel holds its file open: after close(2) the peer sees no FIN, and a pipe's writer no EPIPE,
 * until the entry has completed. So a close cancels, waits for that completion, and only then closes.
 */
#include "uring.h"

#define DRAIN_LIMIT_NS (2 * PICOT_SECOND)
#define DRAIN_STEP_NS (10 * PICOT_MS)

/* ---- asking the kernel ----------------------------------------------------------------------- */

static void ask(picot_loop *loop, uint32_t index)
{
    struct picot__uring *uring = picot__uring_of(loop);
    uint32_t sequence;
    struct io_uring_sqe *sqe = picot__uring_next_entry(loop, &sequence);
    uring->slots[index].cancel_owed = !sqe;
    if (!sqe) {
        uring->behind = true;
        return;
    }
    io_uring_prep_cancel64(sqe, picot__uring_slot_key(uring, index), 0);
    sqe->user_data = PICOT__URING_IGNORED;
}

/* End what is in this slot. True: the kernel has never seen it, nobody need wait. */
static bool withdraw(picot_loop *loop, uint32_t index)
{
    struct picot__uring *uring = picot__uring_of(loop);
    struct picot__uring_slot *slot = &uring->slots[index];
    if (slot->cancelled) return false;
    slot->cancelled = true;
    uint64_t key = picot__uring_slot_key(uring, index);
    struct io_uring_sqe *sqe = picot__uring_entry_waiting(uring, slot->sequence, key);
    if (!sqe) {
        ask(loop, index);
        return false;
    }
    memset(sqe, 0, sizeof *sqe);
    io_uring_prep_nop(sqe);
    sqe->user_data = key;
    picot__uring_slot_drop_memory(loop, slot);
    slot->kind = PICOT__URING_ORPHAN;
    slot->makes_fd = false;
    return true;
}

static bool disarm(picot_loop *loop, struct picot__descriptor *desc)
{
    if (!withdraw(loop, (uint32_t)desc->backend_index)) return false;
    desc->backend_index = -1;
    desc->flags &= (uint16_t)~PICOT__ARMED_READ;
    return true;
}

void picot__uring_cancel(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    /* A close is coming: let the end of the poll overlap with the end of the operations. */
    if (desc && desc->flags & PICOT__CLOSE_BEGUN && desc->backend_index >= 0) (void)disarm(loop, desc);
    uint32_t index = op->_.slot;
    if (index == PICOT__URING_OFFLOADED) {
        picot__offload_cancel(loop, op);
        return;
    }
    if (index == PICOT__URING_NO_SLOT || op->_.kind == PICOT__OP_CLOSE) return;
    if (index != PICOT__URING_PARKED && !withdraw(loop, index)) return;
    op->_.slot = PICOT__URING_NO_SLOT;
    picot__finish_later(loop, op, -ECANCELED);
}

void picot__uring_catch_up(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    uring->behind = false;
    for (uint32_t i = 0; i < uring->slot_count; i++)
        if (uring->slots[i].kind != PICOT__URING_FREE && uring->slots[i].cancel_owed) ask(loop, i);
    if (!uring->wake_armed) (void)picot__uring_arm_wake(loop);
    picot__uring_rearm_watches(loop);
}

/* ---- polls ----------------------------------------------------------------------------------- */

void picot__uring_drop_poll(picot_loop *loop, struct picot__descriptor *desc)
{
    if (desc->backend_index < 0) return;
    uint32_t index = (uint32_t)desc->backend_index;
    (void)withdraw(loop, index);
    picot__uring_of(loop)->slots[index].kind = PICOT__URING_ORPHAN;
    desc->backend_index = -1;
    desc->flags &= (uint16_t)~PICOT__ARMED_READ;
}

void picot__uring_let_go(picot_loop *loop, struct picot__descriptor *desc)
{
    if (desc->backend_index < 0) return;
    picot__uring_drop_poll(loop, desc);
    if (picot__uring_of(loop)->thread) (void)picot__uring_submit(loop, true); /* a failure shows in the next wait */
}

void picot__uring_disown(picot_loop *loop, uint32_t index, const struct picot__uring_slot *slot, bool last)
{
    if (last) return;
    if (!slot->cancelled) (void)withdraw(loop, index);
    picot__uring_of(loop)->slots[index].kind = PICOT__URING_ORPHAN;
}

/* ---- closing a handle ------------------------------------------------------------------------ */

static int64_t close_now(picot_loop *loop, struct picot__descriptor *desc)
{
    int fd = desc->fd;
    desc->backend_index = -1;
    picot__descriptor_forget(loop, desc); /* before the number can be given out anew */
    return picot__sys_close(fd);
}

int picot__uring_close_handle(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    op->_.slot = PICOT__URING_NO_SLOT;
    if (desc->backend_index >= 0 && !disarm(loop, desc)) {
        struct picot__uring_slot *slot = &picot__uring_of(loop)->slots[desc->backend_index];
        slot->kind = PICOT__URING_CLOSER;
        slot->op = op;
        return 0;
    }
    op->result = close_now(loop, desc);
    return PICOT__DONE;
}

void picot__uring_closer_event(picot_loop *loop, const struct picot__uring_slot *slot)
{
    picot__uring_end(loop, slot->op, close_now(loop, slot->of.desc));
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The core ends what it finds at its handles; opens and closes under way it cannot find. */
void picot__uring_fail(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    for (uint32_t i = 0; i < uring->slot_count; i++) {
        struct picot__uring_slot *slot = &uring->slots[i];
        picot_op *op = slot->op;
        if (slot->kind == PICOT__URING_CLOSER) {
            slot->kind = PICOT__URING_ORPHAN;
            picot__finish_later(loop, op, close_now(loop, slot->of.desc));
        } else if (slot->kind == PICOT__URING_OPERATION &&
                   (op->_.kind == PICOT__OP_OPEN || picot__is_on_path(op->_.kind))) {
            slot->kind = PICOT__URING_ORPHAN;
            op->_.slot = PICOT__URING_NO_SLOT;
            picot__finish_later(loop, op, PICOT_EBACKEND);
        }
    }
}

static void free_unsubmitted(picot_loop *loop, struct picot__uring *uring)
{
    for (uint32_t i = 0; i < uring->slot_count; i++) {
        struct picot__uring_slot *slot = &uring->slots[i];
        if (slot->kind == PICOT__URING_FREE) continue;
        if (!picot__uring_entry_waiting(uring, slot->sequence, picot__uring_slot_key(uring, i))) continue;
        picot__uring_slot_drop_memory(loop, slot);
        picot__uring_slot_free(uring, i);
    }
    picot__uring_drop_entries(uring);
}

/* No completion is called any more: whoever waited is gone. */
static void discard_events(picot_loop *loop, struct picot__uring *uring)
{
    struct io_uring_cqe event;
    while (picot__uring_take_event(uring, &event)) {
        struct picot__uring_slot *slot = picot__uring_slot_of(uring, event.user_data);
        if (!slot) continue;
        if (slot->makes_fd && event.res >= 0) (void)picot__sys_close(event.res);
        if (event.flags & IORING_CQE_F_MORE) continue;
        picot__uring_slot_drop_memory(loop, slot);
        picot__uring_slot_free(uring, (uint32_t)event.user_data);
    }
}

void picot__uring_drain(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    free_unsubmitted(loop, uring);
    if (!uring->thread) return; /* nothing was ever submitted */
    for (uint32_t i = 0; i < uring->slot_count; i++)
        if (uring->slots[i].kind != PICOT__URING_FREE) ask(loop, i);
    int64_t limit_ns = picot__sys_now(loop) + DRAIN_LIMIT_NS;
    int rc = 0;
    discard_events(loop, uring);
    while (rc == 0 && uring->slots_used > 0 && picot__sys_now(loop) < limit_ns) {
        if (uring->backlog_count > 0) rc = picot__uring_submit(loop, true);
        if (rc == 0) rc = picot__uring_wait_for(uring, DRAIN_STEP_NS);
        discard_events(loop, uring);
    }
}
