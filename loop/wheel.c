/* SPDX-License-Identifier: MIT
 *
 * wheel.c - what is due when: a hierarchical timing wheel.
 *
 * Time is cut into ticks of 1024 ns, and a tick's number into nine digits of six bits. A node lies at the level of the
 * highest digit in which its tick differs from the wheel's, in the slot that this digit of its own names:
 *
 *     wheel's tick   3 17 42
 *     node's tick    3 17 50    level 0, slot 50: within 64 ticks
 *     node's tick    3 20  5    level 1, slot 20: with all those of 3 20 xx
 *     node's tick    4  0  0    level 2, slot 4
 *
 * Invariants. All nodes of a level are due before those of the next one, and a slot before the slots to its right, so
 * the first occupied bit is the earliest. Nodes of the present tick or the past lie in `near`. Lists are appended to at
 * their tail and moved in order, so that equal deadlines keep the order of adding. A node moves down at most once per
 * level. The wheel only goes forward; a clock seen going back delays what is in `near` and nothing else.
 *
 * Source: G. Varghese, T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987; here with digits aligned to the
 * clock and bitmaps, so that a jump over any time costs no more than the slots that hold something.
 */
#include "wheel.h"

/* How many nodes of a slot are looked at for the exact time of the earliest; more are worth one early turn. */
#define LOOK_LIMIT 8

/* ---- the wheel ------------------------------------------------------------------------------- */

/* The earliest deadline among the first `limit` nodes of a list that is not empty; *ret_all: there were no more. */
static int64_t list_earliest(const struct picot_wheel_node *list, size_t limit, bool *ret_all)
{
    const struct picot_wheel_node *node = list->next;
    int64_t earliest_ns = PICOT_NEVER;

    for (; node != list && limit > 0; node = node->next, limit--) {
        if (node->deadline_ns < earliest_ns) earliest_ns = node->deadline_ns;
    }
    *ret_all = node == list;
    return earliest_ns;
}

static int64_t tick_start_ns(uint64_t tick)
{
    return (int64_t)(tick << PICOT__WHEEL_TICK_SHIFT ^ UINT64_C(1) << 63);
}

void picot__wheel_init(struct picot__wheel *wheel, int64_t now_ns)
{
    memset(wheel, 0, sizeof *wheel);
    wheel->tick = picot__tick_of(now_ns);
    for (unsigned level = 0; level < PICOT__WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < PICOT__WHEEL_SLOTS; slot++)
            picot__list_init(&wheel->slots[level][slot]);
    }
    picot__list_init(&wheel->near);
    picot__list_init(&wheel->never);
}

void picot__wheel_add(struct picot__wheel *wheel, struct picot_wheel_node *node)
{
    picot__wheel_enter(wheel, node);
}

void picot__wheel_remove(struct picot__wheel *wheel, struct picot_wheel_node *node)
{
    uintptr_t place;

    if (!node->next) return;
    picot__list_unlink(node);
    /* Where both neighbours are the same it is the list's head, and that list is empty now; is it one of the slots? */
    if (node->next == node->prev) {
        place = (uintptr_t)node->next - (uintptr_t)wheel->slots;
        if (place < sizeof wheel->slots) {
            place /= sizeof *node;
            wheel->occupied[place / PICOT__WHEEL_SLOTS] &= ~(UINT64_C(1) << place % PICOT__WHEEL_SLOTS);
        }
    }
    node->next = NULL;
}

/* Move all nodes of a level, past as they are, to the due ones. */
static void take_level(struct picot__wheel *wheel, unsigned level, struct picot__due *due)
{
    uint64_t slots = wheel->occupied[level];

    picot__list_init(&due->levels[level]);
    wheel->occupied[level] = 0;
    for (; slots; slots &= slots - 1)
        picot__list_splice(&due->levels[level], &wheel->slots[level][__builtin_ctzll(slots)]);
}

/* The same with those slots of the top level that are past. */
static void take_slots(struct picot__wheel *wheel, unsigned level, uint64_t slots, struct picot__due *due)
{
    slots &= wheel->occupied[level];
    wheel->occupied[level] &= ~slots;
    due->top = level;
    due->top_occupied = slots;
    for (; slots; slots &= slots - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(slots);

        picot__list_init(&due->top_slots[slot]);
        picot__list_splice(&due->top_slots[slot], &wheel->slots[level][slot]);
    }
}

/* Enter the nodes of the slot that the wheel has just reached anew: in near, and at lower levels. */
static void spread_slot(struct picot__wheel *wheel, unsigned level, unsigned slot)
{
    struct picot_wheel_node list, *node, *next;

    if (!(wheel->occupied[level] & UINT64_C(1) << slot)) return;
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    picot__list_init(&list);
    picot__list_splice(&list, &wheel->slots[level][slot]);
    for (node = list.next; node != &list; node = next) {
        next = node->next;
        node->next = NULL;
        picot__wheel_add(wheel, node);
    }
}

/* Go to a later tick. All nodes of the ticks between are due; those of the tick itself are then in near. */
static void advance(struct picot__wheel *wheel, uint64_t tick, struct picot__due *due)
{
    unsigned top = picot__level_between(wheel->tick, tick);
    unsigned slot = picot__digit(tick, top);

    picot__list_splice(&due->ready, &wheel->near);
    picot__list_sort(&due->ready);
    for (unsigned level = 0; level < top; level++)
        take_level(wheel, level, due);
    take_slots(wheel, top, (UINT64_C(1) << slot) - 1, due);
    wheel->tick = tick;
    spread_slot(wheel, top, slot);
}

void picot__wheel_expire(struct picot__wheel *wheel, int64_t now_ns, struct picot__due *due)
{
    struct picot_wheel_node *node, *next;
    uint64_t tick = picot__tick_of(now_ns);

    picot__list_init(&due->ready);
    picot__list_init(&due->last);
    due->level = due->top = due->depth = 0;
    due->top_occupied = 0;
    if (tick > wheel->tick) advance(wheel, tick, due);
    for (node = wheel->near.next; node != &wheel->near; node = next) {
        next = node->next;
        if (node->deadline_ns > now_ns) continue;
        picot__list_unlink(node);
        picot__list_append(&due->last, node);
    }
}

int64_t picot__wheel_next(const struct picot__wheel *wheel)
{
    int64_t earliest_ns;
    unsigned level = 0, slot;
    bool all;

    if (!picot__list_empty(&wheel->near)) return list_earliest(&wheel->near, SIZE_MAX, &all);
    while (level < PICOT__WHEEL_LEVELS && !wheel->occupied[level])
        level++;
    if (level == PICOT__WHEEL_LEVELS) return PICOT_NEVER;
    slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
    earliest_ns = list_earliest(&wheel->slots[level][slot], LOOK_LIMIT, &all);
    if (all) return earliest_ns;
    /* The first tick of the slot: the wheel's digits above this level, the slot's, and zeros below. */
    return tick_start_ns(((wheel->tick >> level * PICOT__SLOT_BITS & ~(uint64_t)PICOT__SLOT_MASK) | slot)
                         << level * PICOT__SLOT_BITS);
}
