/* SPDX-License-Identifier: MIT
 *
 * due.c - what is due, in order: the far end of the wheel.
 *
 * A turn's timers are a few, and a merge sort puts them in order. After a jump over a long time, or when the loop was
 * held up, they may be a million: a merge sort would then go through memory twenty times. So they are taken as they lay
 * in the wheel and are handed out piece by piece. A piece is the first slot; where that holds many nodes they are dealt
 * out to 64 parts by the next digit of their ticks, and the first part is the piece, and so on: each node is moved once
 * per digit, while its neighbours are in the cache, and runs right after that.
 *
 * Invariants: `ready` is before all parts, parts of a greater depth are before those of a lower one, and all of them
 * before `levels` and `last`. All lists are in order of adding, so that equal deadlines are. A node can be taken out of
 * any.
 */
#include "wheel.h"

/* Lists up to this length are sorted by merging. */
#define FEW 48
/* Lists that are walked at once, and how far: what the cache holds. */
#define TOGETHER 8
#define MOST_TOUCHED 8192
/* Lists of 2^i nodes that a merge sort holds; no memory has room for 2^48 nodes. */
#define SORT_BINS 48

/* ---- a merge sort ---------------------------------------------------------------------------- */

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

void picot__list_sort(struct picot_wheel_node *list)
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

/* ---- pieces ---------------------------------------------------------------------------------- */

static bool is_in(const struct picot_wheel_node *node, unsigned level, uint64_t slot)
{
    return picot__tick_of(node->deadline_ns) >> level * PICOT__SLOT_BITS == slot;
}

/* Does the list begin with more than a few nodes of that slot? */
static bool has_many(const struct picot_wheel_node *list, unsigned level, uint64_t slot)
{
    const struct picot_wheel_node *node = list->next;
    unsigned count = 0;

    for (; node != list && count <= FEW && is_in(node, level, slot); node = node->next)
        count++;
    return count > FEW;
}

/* Take the nodes off the front of a list up to `end`, which stays; they are still linked to each other. */
static void cut(struct picot_wheel_node *list, struct picot_wheel_node *end)
{
    list->next = end;
    end->prev = list;
}

/* The row of parts that is filled next. */
static struct picot_wheel_node *row_begin(struct picot__due *due, unsigned level)
{
    due->part_level[due->depth] = level;
    return due->parts[due->depth];
}

static void row_end(struct picot__due *due, uint64_t occupied)
{
    due->untouched[due->depth] = occupied;
    due->occupied[due->depth++] = occupied;
}

/* Deal the slot that the list begins with out to parts, by the next digit. */
static void deal_front(struct picot__due *due, struct picot_wheel_node *list, unsigned level, uint64_t slot)
{
    struct picot_wheel_node *parts = row_begin(due, level - 1), *node, *next;
    uint64_t occupied = 0;

    for (node = list->next; node != list && is_in(node, level, slot); node = next) {
        unsigned part = picot__digit(picot__tick_of(node->deadline_ns), level - 1);

        next = node->next;
        if (!(occupied & UINT64_C(1) << part)) picot__list_init(&parts[part]);
        occupied |= UINT64_C(1) << part;
        picot__list_append(&parts[part], node);
    }
    cut(list, node);
    row_end(due, occupied);
}

/*
 * The same with a list that is one slot: from both its ends, because two walks wait for memory together. Each part
 * grows towards its middle: `first` is the last node that came from the front, its next the last one from the back.
 */
static void deal_all(struct picot__due *due, struct picot_wheel_node *list, unsigned level)
{
    struct picot_wheel_node *parts = row_begin(due, level - 1), *first[PICOT__WHEEL_SLOTS];
    struct picot_wheel_node *front = list->next, *back = list->prev;
    uint64_t occupied = 0;
    bool more = true;

    while (more) {
        struct picot_wheel_node *pair[2] = {front, back};
        unsigned count = front == back ? 1 : 2;

        more = count == 2 && front->next != back;
        for (unsigned i = 0; i < count; i++) {
            struct picot_wheel_node *node = pair[i];
            unsigned part = picot__digit(picot__tick_of(node->deadline_ns), level - 1);

            if (i == 0)
                front = node->next;
            else
                back = node->prev;
            if (!(occupied & UINT64_C(1) << part)) {
                picot__list_init(&parts[part]);
                first[part] = &parts[part];
            }
            occupied |= UINT64_C(1) << part;
            node->prev = first[part];
            node->next = first[part]->next;
            node->next->prev = node;
            first[part]->next = node;
            if (i == 0) first[part] = node;
        }
    }
    picot__list_init(list);
    row_end(due, occupied);
}

/*
 * Walk some lists of a row at once. A walk along a list waits for memory at every node, since each tells where the next
 * one is; several walks wait together. Whoever comes after finds the nodes in the cache.
 */
static void touch(struct picot__due *due, unsigned depth)
{
    const struct picot_wheel_node *heads[TOGETHER], *nodes[TOGETHER];
    uint64_t untouched = due->untouched[depth];
    unsigned count = 0, i, longest;

    for (; untouched && count < TOGETHER; untouched &= untouched - 1, count++)
        heads[count] = nodes[count] = &due->parts[depth][__builtin_ctzll(untouched)];
    due->untouched[depth] = untouched;
    for (longest = 0; count > 0 && longest < MOST_TOUCHED; longest++) {
        for (i = 0; i < count; i++)
            nodes[i] = nodes[i]->next;
        for (i = 0; i < count; i++) {
            while (i < count && nodes[i] == heads[i]) {
                count--;
                nodes[i] = nodes[count];
                heads[i] = heads[count];
            }
        }
    }
}

/* Make the slot that the list begins with ready, or deal it out. all: the list is one slot. */
static void take_slot(struct picot__due *due, struct picot_wheel_node *list, unsigned level, bool all)
{
    struct picot_wheel_node *node = list->next, *next;
    uint64_t slot = picot__tick_of(node->deadline_ns) >> level * PICOT__SLOT_BITS;

    if (level > 0 && due->depth < PICOT__DUE_DEPTH && has_many(list, level, slot)) {
        if (all)
            deal_all(due, list, level);
        else
            deal_front(due, list, level, slot);
        return;
    }
    for (; node != list && is_in(node, level, slot); node = next) {
        next = node->next;
        picot__list_append(&due->ready, node);
    }
    cut(list, node);
    picot__list_sort(&due->ready);
}

/* The list that comes next, and the digit that its nodes lie apart by; NULL: none is left but `last`. */
static struct picot_wheel_node *next_list(struct picot__due *due, unsigned *ret_level, bool *ret_all)
{
    *ret_all = true;
    while (due->depth > 0) {
        unsigned depth = due->depth - 1;
        uint64_t occupied = due->occupied[depth];

        if (occupied && !picot__list_empty(&due->parts[depth][__builtin_ctzll(occupied)])) {
            if (due->untouched[depth] & occupied & -occupied) touch(due, depth);
            *ret_level = due->part_level[depth];
            return &due->parts[depth][__builtin_ctzll(occupied)];
        }
        due->occupied[depth] &= occupied - 1;
        if (!due->occupied[depth]) due->depth--;
    }
    for (; due->level < due->top; due->level++) {
        *ret_level = due->level;
        *ret_all = false;
        if (!picot__list_empty(&due->levels[due->level])) return &due->levels[due->level];
    }
    for (; due->top_occupied; due->top_occupied &= due->top_occupied - 1) {
        *ret_level = due->top;
        *ret_all = true;
        if (!picot__list_empty(&due->top_slots[__builtin_ctzll(due->top_occupied)]))
            return &due->top_slots[__builtin_ctzll(due->top_occupied)];
    }
    return NULL;
}

bool picot__due_refill(struct picot__due *due)
{
    struct picot_wheel_node *list;
    unsigned level = 0;
    bool all = false;

    while (picot__list_empty(&due->ready) && (list = next_list(due, &level, &all)))
        take_slot(due, list, level, all);
    if (picot__list_empty(&due->ready)) {
        picot__list_splice(&due->ready, &due->last);
        picot__list_sort(&due->ready);
    }
    return !picot__list_empty(&due->ready);
}
