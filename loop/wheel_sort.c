/* SPDX-License-Identifier: MIT
 *
 * wheel_sort.c - a list of the wheel's nodes in the order of their deadlines, stable.
 *
 * Up to PICOT__MOST_SORTED nodes are sorted in an array, so that the nodes themselves are read once and written once: a
 * distribution to about as many buckets as there are nodes, then insertion. Longer lists, of which due.c makes sure
 * that there hardly are any, are merged.
 */
#include "wheel.h"

/* Arrays up to this length need no buckets. */
#define FEW 16
/* Lists of 2^i nodes that a merge sort holds; no memory has room for 2^48 nodes. */
#define SORT_BINS 48

/* ---- sorting few: in an array ---------------------------------------------------------------- */

struct entry {
    int64_t deadline_ns;
    struct picot_wheel_node *node;
};

/* What a sort needs; not preset. */
struct sorter {
    struct entry entries[PICOT__MOST_SORTED];
    uint16_t order[PICOT__MOST_SORTED];
    uint16_t ends[PICOT__MOST_SORTED + 1];
    unsigned count;
    bool in_order;
    int64_t least_ns, most_ns;
};

/* Enter the nodes of a list; false: there are too many. */
static bool gather(struct sorter *sorter, const struct picot_wheel_node *list)
{
    int64_t before_ns = INT64_MIN;

    sorter->count = 0;
    sorter->in_order = true;
    sorter->least_ns = INT64_MAX;
    sorter->most_ns = INT64_MIN;
    for (struct picot_wheel_node *node = list->next; node != list; node = node->next) {
        int64_t deadline_ns = node->deadline_ns;

        if (sorter->count == PICOT__MOST_SORTED) return false;
        sorter->entries[sorter->count++] = (struct entry){deadline_ns, node};
        if (deadline_ns < before_ns) sorter->in_order = false;
        if (deadline_ns < sorter->least_ns) sorter->least_ns = deadline_ns;
        if (deadline_ns > sorter->most_ns) sorter->most_ns = deadline_ns;
        before_ns = deadline_ns;
    }
    return true;
}

/* Order by buckets, about one per node, that divide the time between the first and the last evenly. */
static void order_roughly(struct sorter *sorter)
{
    uint64_t range = (uint64_t)sorter->most_ns - (uint64_t)sorter->least_ns;
    unsigned bits = 31 - (unsigned)__builtin_clz(sorter->count), shift = 0, end = 0;

    if (range >> bits) shift = 64 - (unsigned)__builtin_clzll(range) - bits;
    memset(sorter->ends, 0, ((size_t)1 << bits) * sizeof *sorter->ends);
    for (unsigned i = 0; i < sorter->count; i++)
        sorter->ends[((uint64_t)sorter->entries[i].deadline_ns - (uint64_t)sorter->least_ns) >> shift]++;
    for (unsigned bucket = 0; bucket < 1U << bits; bucket++) {
        unsigned count = sorter->ends[bucket];

        sorter->ends[bucket] = (uint16_t)end; /* where it begins, as yet */
        end += count;
    }
    for (unsigned i = 0; i < sorter->count; i++) {
        uint64_t bucket = ((uint64_t)sorter->entries[i].deadline_ns - (uint64_t)sorter->least_ns) >> shift;

        sorter->order[sorter->ends[bucket]++] = (uint16_t)i;
    }
}

/* Insertion: what is nearly in order costs little. */
static void order_exactly(struct sorter *sorter)
{
    for (unsigned i = 1; i < sorter->count; i++) {
        uint16_t moved = sorter->order[i];
        int64_t deadline_ns = sorter->entries[moved].deadline_ns;
        unsigned place = i;

        for (; place > 0 && sorter->entries[sorter->order[place - 1]].deadline_ns > deadline_ns; place--)
            sorter->order[place] = sorter->order[place - 1];
        sorter->order[place] = moved;
    }
}

static void link_in_order(const struct sorter *sorter, struct picot_wheel_node *list)
{
    struct picot_wheel_node *last = list;

    for (unsigned i = 0; i < sorter->count; i++) {
        struct picot_wheel_node *node = sorter->entries[sorter->order[i]].node;

        last->next = node;
        node->prev = last;
        last = node;
    }
    last->next = list;
    list->prev = last;
}

bool picot__list_sort_few(struct picot_wheel_node *list)
{
    struct sorter sorter;

    if (list->next == list->prev) return true;
    if (!gather(&sorter, list)) return false;
    if (sorter.in_order) return true;
    if (sorter.count > FEW) {
        order_roughly(&sorter);
    } else {
        for (unsigned i = 0; i < sorter.count; i++)
            sorter.order[i] = (uint16_t)i;
    }
    order_exactly(&sorter);
    link_in_order(&sorter, list);
    return true;
}

/* ---- sorting many: by merging ---------------------------------------------------------------- */

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

static void sort_many(struct picot_wheel_node *list)
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

void picot__list_sort(struct picot_wheel_node *list)
{
    if (!picot__list_sort_few(list)) sort_many(list);
}
