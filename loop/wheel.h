/* SPDX-License-Identifier: MIT
 *
 * wheel.h - what wheel.c, due.c and wheel_sort.c share: lists of nodes, and ticks. See wheel.c.
 */
#ifndef PICOT_LOOP_WHEEL_H
#define PICOT_LOOP_WHEEL_H

#include "internal.h"

#define PICOT__SLOT_BITS 6
#define PICOT__SLOT_MASK (PICOT__WHEEL_SLOTS - 1)

/* ---- circular lists -------------------------------------------------------------------------- */

static inline void picot__list_init(struct picot_wheel_node *list)
{
    list->next = list->prev = list;
}

static inline bool picot__list_empty(const struct picot_wheel_node *list)
{
    return list->next == list;
}

static inline void picot__list_append(struct picot_wheel_node *list, struct picot_wheel_node *node)
{
    struct picot_wheel_node *tail = list->prev;

    node->prev = tail;
    node->next = list;
    tail->next = node;
    list->prev = node;
}

static inline void picot__list_unlink(struct picot_wheel_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
}

/* Move all of `from` to the end of `list`. */
static inline void picot__list_splice(struct picot_wheel_node *list, struct picot_wheel_node *from)
{
    if (picot__list_empty(from)) return;
    from->next->prev = list->prev;
    list->prev->next = from->next;
    from->prev->next = list;
    list->prev = from->prev;
    picot__list_init(from);
}

/* Ticks count from the least int64_t, so that they are unsigned, ordered like times, and have 9 times 6 bits. */
static inline uint64_t picot__tick_of(int64_t time_ns)
{
    return ((uint64_t)time_ns ^ UINT64_C(1) << 63) >> PICOT__WHEEL_TICK_SHIFT;
}

static inline unsigned picot__digit(uint64_t tick, unsigned level)
{
    return tick >> level * PICOT__SLOT_BITS & PICOT__SLOT_MASK;
}

/* The highest digit in which two ticks differ. */
static inline unsigned picot__level_between(uint64_t tick, uint64_t other)
{
    assert(tick != other);
    return (63 - (unsigned)__builtin_clzll(tick ^ other)) / PICOT__SLOT_BITS;
}

/* picot__wheel_add, for where it is worth its length. */
static inline void picot__wheel_enter(struct picot__wheel *wheel, struct picot_wheel_node *node)
{
    uint64_t tick = picot__tick_of(node->deadline_ns);

    assert(!node->next);
    if (PICOT__UNLIKELY(node->deadline_ns == PICOT_NEVER)) {
        picot__list_append(&wheel->never, node);
    } else if (PICOT__UNLIKELY(tick <= wheel->tick)) {
        picot__list_append(&wheel->near, node);
    } else {
        unsigned level = picot__level_between(wheel->tick, tick), slot = picot__digit(tick, level);

        wheel->occupied[level] |= UINT64_C(1) << slot;
        picot__list_append(&wheel->slots[level][slot], node);
    }
}

/* ---- wheel_sort.c ---------------------------------------------------------------------------- */

/* Lists up to this length are sorted quickly: with their nodes, what a cache of 64 KiB or so holds. */
#define PICOT__MOST_SORTED 512

/* By (deadline, order of adding); a list in order costs one look. */
void picot__list_sort(struct picot_wheel_node *list);
/* The same; false, and nothing is done: the list is longer than PICOT__MOST_SORTED. */
bool picot__list_sort_few(struct picot_wheel_node *list);

#endif /* PICOT_LOOP_WHEEL_H */
