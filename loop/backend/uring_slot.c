/* SPDX-License-Identifier: MIT
 *
 * uring_slot.c - the table of what is in the kernel's hands, found by the user_data of its completions.
 *
 *     user_data:   63  generation of the slot  32 | 31  index of the slot  0
 *
 * A slot is taken when its submission entry is made and freed by its last completion. The generation is for safety: a
 * completion that nobody can explain is ignored rather than given to whoever has the slot now.
 */
#include "uring.h"

#define FIRST_SLOTS 64
#define MOST_SLOTS (1u << 30)
#define NO_FREE_SLOT UINT32_MAX

/* By a quarter: an idle connection keeps a slot, and should not pay for many that nobody uses. */
static bool grow(picot_loop *loop, struct picot__uring *uring)
{
    uint32_t old = uring->slot_count, count = old + old / 4 + FIRST_SLOTS;
    if (count > MOST_SLOTS) return false;
    struct picot__uring_slot *slots = picot_realloc(loop, uring->slots, old * sizeof *slots, count * sizeof *slots);
    if (!slots) return false;
    memset(slots + old, 0, (count - old) * sizeof *slots);
    for (uint32_t i = old; i < count; i++) {
        slots[i].generation = 1;
        slots[i].sequence = i + 1 < count ? i + 1 : NO_FREE_SLOT;
    }
    uring->slots = slots;
    uring->slot_count = count;
    uring->free_slot = old;
    return true;
}

static uint32_t take(struct picot__uring *uring, enum picot__uring_slot_kind kind)
{
    uint32_t index = uring->free_slot;
    struct picot__uring_slot *slot = &uring->slots[index];
    assert(slot->kind == PICOT__URING_FREE);
    uring->free_slot = slot->sequence;
    uring->slots_used++;
    *slot = (struct picot__uring_slot){.generation = slot->generation, .kind = (uint8_t)kind};
    return index;
}

struct io_uring_sqe *picot__uring_begin(picot_loop *loop, enum picot__uring_slot_kind kind, uint32_t *ret_index)
{
    struct picot__uring *uring = picot__uring_of(loop);
    bool none_free = uring->slots_used == uring->slot_count;
    if (none_free && !grow(loop, uring)) return NULL;
    uint32_t sequence;
    struct io_uring_sqe *sqe = picot__uring_next_entry(loop, &sequence);
    if (!sqe) return NULL;
    uint32_t index = take(uring, kind);
    uring->slots[index].sequence = sequence;
    sqe->user_data = picot__uring_slot_key(uring, index);
    *ret_index = index;
    return sqe;
}

void picot__uring_slot_free(struct picot__uring *uring, uint32_t index)
{
    struct picot__uring_slot *slot = &uring->slots[index];
    assert(slot->kind != PICOT__URING_FREE);
    slot->kind = PICOT__URING_FREE;
    slot->owns_how = false; /* whoever frees the slot has seen to it */
    slot->owns_how = false; /* what it owned is the caller's now */
    slot->generation = slot->generation >= INT32_MAX ? 1 : slot->generation + 1;
    slot->sequence = uring->free_slot;
    uring->free_slot = index;
    uring->slots_used--;
}

struct picot__uring_slot *picot__uring_slot_of(struct picot__uring *uring, uint64_t user_data)
{
    uint32_t index = (uint32_t)user_data;
    if (index >= uring->slot_count) return NULL;
    struct picot__uring_slot *slot = &uring->slots[index];
    return slot->kind != PICOT__URING_FREE && slot->generation == user_data >> 32 ? slot : NULL;
}

uint64_t picot__uring_slot_key(const struct picot__uring *uring, uint32_t index)
{
    assert(index < uring->slot_count);
    return (uint64_t)uring->slots[index].generation << 32 | index;
}

void picot__uring_slots_free(picot_loop *loop)
{
    struct picot__uring *uring = picot__uring_of(loop);
    picot_free(loop, uring->slots, uring->slot_count * sizeof *uring->slots);
    uring->slots = NULL;
    uring->slot_count = uring->slots_used = 0;
}
