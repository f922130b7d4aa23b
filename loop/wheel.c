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
#include "internal.h"

#define SLOT_BITS 6
#define SLOT_MASK (PICOT__WHEEL_SLOTS - 1)
/* How many nodes of a slot are looked at for the exact time of the earliest; more are worth one early turn. */
#define LOOK_LIMIT 8
/* Lists of 2^i nodes that a merge sort holds; no memory has room for 2^48 nodes. */
#define SORT_BINS 48

/* ---- circular lists -------------------------------------------------------------------------- */

static void list_init(struct picot_wheel_node *list)
{
    list->next = list->prev = list;
}

static bool list_empty(const struct picot_wheel_node *list)
{
    return list->next == list;
}

static void list_append(struct picot_wheel_node *list, struct picot_wheel_node *node)
{
    struct picot_wheel_node *tail = list->prev;

    node->prev = tail;
    node->next = list;
    tail->next = node;
    list->prev = node;
}

static void list_unlink(struct picot_wheel_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
}

/* Move all of `from` to the end of `list`. */
static void list_splice(struct picot_wheel_node *list, struct picot_wheel_node *from)
{
    if (list_empty(from)) return;
    from->next->prev = list->prev;
    list->prev->next = from->next;
    from->prev->next = list;
    list->prev = from->prev;
    list_init(from);
}

static bool list_in_order(const struct picot_wheel_node *list)
{
    const struct picot_wheel_node *node = list->next;

    if (node == list) return true;
    for (; node->next != list; node = node->next) {
        if (node->next->deadline_ns < node->deadline_ns) return false;
    }
    return true;
}

/* Merge two NULL-ended chains; a's nodes were added before b's and come first among equals. */
static struct picot_wheel_node *chain_merge(struct picot_wheel_node *a, struct picot_wheel_node *b)
{
    struct picot_wheel_node *first = NULL, **end = &first;

    while (a && b) {
        struct picot_wheel_node **lesser = b->deadline_ns < a->deadline_ns ? &b : &a;

        *end = *lesser;
        end = &(*lesser)->next;
        *lesser = *end;
    }
    *end = a ? a : b;
    return first;
}

/* The list's nodes as one sorted chain: bin i holds a sorted chain of 2^i nodes, higher bins the earlier nodes. */
static struct picot_wheel_node *chain_sort(struct picot_wheel_node *list)
{
    struct picot_wheel_node *bins[SORT_BINS] = {0}, *chain = NULL;
    unsigned i;

    for (struct picot_wheel_node *node = list->next, *next; node != list; node = next) {
        next = node->next;
        node->next = NULL;
        chain = node;
        for (i = 0; bins[i]; i++) {
            chain = chain_merge(bins[i], chain);
            bins[i] = NULL;
        }
        bins[i] = chain;
    }
    for (chain = NULL, i = 0; i < SORT_BINS; i++)
        chain = chain_merge(bins[i], chain);
    return chain;
}

static void list_sort(struct picot_wheel_node *list)
{
    struct picot_wheel_node *chain, *last = list;

    if (list_in_order(list)) return;
    chain = chain_sort(list);
    for (struct picot_wheel_node *node = chain; node; node = node->next) {
        last->next = node;
        node->prev = last;
        last = node;
    }
    last->next = list;
    list->prev = last;
}

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

/* ---- the wheel ------------------------------------------------------------------------------- */

/* Ticks count from the least int64_t, so that they are unsigned, ordered like times, and have 9 times 6 bits. */
static uint64_t tick_of(int64_t time_ns)
{
    return ((uint64_t)time_ns ^ UINT64_C(1) << 63) >> PICOT__WHEEL_TICK_SHIFT;
}

static int64_t tick_start_ns(uint64_t tick)
{
    return (int64_t)(tick << PICOT__WHEEL_TICK_SHIFT ^ UINT64_C(1) << 63);
}

static unsigned level_between(uint64_t tick, uint64_t other)
{
    assert(tick != other);
    return (63 - (unsigned)__builtin_clzll(tick ^ other)) / SLOT_BITS;
}

static unsigned digit(uint64_t tick, unsigned level)
{
    return tick >> level * SLOT_BITS & SLOT_MASK;
}

void picot__wheel_init(struct picot__wheel *wheel, int64_t now_ns)
{
    memset(wheel, 0, sizeof *wheel);
    wheel->tick = tick_of(now_ns);
    for (unsigned level = 0; level < PICOT__WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < PICOT__WHEEL_SLOTS; slot++)
            list_init(&wheel->slots[level][slot]);
    }
    list_init(&wheel->near);
    list_init(&wheel->never);
}

void picot__wheel_add(struct picot__wheel *wheel, struct picot_wheel_node *node)
{
    uint64_t tick = tick_of(node->deadline_ns);
    unsigned level, slot;

    assert(!node->next);
    if (node->deadline_ns == PICOT_NEVER) {
        list_append(&wheel->never, node);
    } else if (tick <= wheel->tick) {
        list_append(&wheel->near, node);
    } else {
        level = level_between(wheel->tick, tick);
        slot = digit(tick, level);
        wheel->occupied[level] |= UINT64_C(1) << slot;
        list_append(&wheel->slots[level][slot], node);
    }
}

void picot__wheel_remove(struct picot__wheel *wheel, struct picot_wheel_node *node)
{
    uintptr_t place;

    if (!node->next) return;
    list_unlink(node);
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

/* Move the nodes of the given slots of a level, all past, to the end of due. */
static void take_slots(struct picot__wheel *wheel, unsigned level, uint64_t slots, struct picot_wheel_node *due)
{
    slots &= wheel->occupied[level];
    wheel->occupied[level] &= ~slots;
    for (; slots; slots &= slots - 1) {
        struct picot_wheel_node *list = &wheel->slots[level][__builtin_ctzll(slots)];

        list_sort(list);
        list_splice(due, list);
    }
}

/* Enter the nodes of the slot that the wheel has just reached anew: in near, and at lower levels. */
static void spread_slot(struct picot__wheel *wheel, unsigned level, unsigned slot)
{
    struct picot_wheel_node list, *node, *next;

    if (!(wheel->occupied[level] & UINT64_C(1) << slot)) return;
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    list_init(&list);
    list_splice(&list, &wheel->slots[level][slot]);
    for (node = list.next; node != &list; node = next) {
        next = node->next;
        node->next = NULL;
        picot__wheel_add(wheel, node);
    }
}

/* Go to a later tick. All nodes of the ticks between are due; those of the tick itself are then in near. */
static void advance(struct picot__wheel *wheel, uint64_t tick, struct picot_wheel_node *due)
{
    unsigned top = level_between(wheel->tick, tick);
    unsigned slot = digit(tick, top);

    list_sort(&wheel->near);
    list_splice(due, &wheel->near);
    for (unsigned level = 0; level < top; level++)
        take_slots(wheel, level, UINT64_MAX, due);
    take_slots(wheel, top, (UINT64_C(1) << slot) - 1, due);
    wheel->tick = tick;
    spread_slot(wheel, top, slot);
}

void picot__wheel_expire(struct picot__wheel *wheel, int64_t now_ns, struct picot_wheel_node *due)
{
    struct picot_wheel_node list, *node, *next;
    uint64_t tick = tick_of(now_ns);

    list_init(due);
    if (tick > wheel->tick) advance(wheel, tick, due);
    if (list_empty(&wheel->near)) return;
    list_init(&list);
    for (node = wheel->near.next; node != &wheel->near; node = next) {
        next = node->next;
        if (node->deadline_ns > now_ns) continue;
        list_unlink(node);
        list_append(&list, node);
    }
    list_sort(&list);
    list_splice(due, &list);
}

int64_t picot__wheel_next(const struct picot__wheel *wheel)
{
    int64_t earliest_ns;
    unsigned level = 0, slot;
    bool all;

    if (!list_empty(&wheel->near)) return list_earliest(&wheel->near, SIZE_MAX, &all);
    while (level < PICOT__WHEEL_LEVELS && !wheel->occupied[level])
        level++;
    if (level == PICOT__WHEEL_LEVELS) return PICOT_NEVER;
    slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
    earliest_ns = list_earliest(&wheel->slots[level][slot], LOOK_LIMIT, &all);
    if (all) return earliest_ns;
    /* The first tick of the slot: the wheel's digits above this level, the slot's, and zeros below. */
    return tick_start_ns(((wheel->tick >> level * SLOT_BITS & ~(uint64_t)SLOT_MASK) | slot) << level * SLOT_BITS);
}
