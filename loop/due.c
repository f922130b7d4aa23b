/* SPDX-License-Identifier: MIT
 *
 * due.c - what is due, in order: the far end of the wheel.
 *
 * A turn's timers are a few. After a jump over a long time, or when the loop was held up, they may be a million, which
 * do not fit in a cache; then all that counts is how often each is fetched from memory, and how many are at once. So
 * they are taken as they lay in the wheel and are handed out piece by piece. A list of up to PICOT__MOST_SORTED nodes
 * is a piece; a longer one is dealt out to parts by the leading bits of its ticks, and parts that are still too long
 * once more. A part is brought into the cache shortly before it becomes a piece, is sorted there, and runs.
 *
 * A walk along a list waits for memory at every node, since each tells where the next one is. So several lists are
 * walked together, each from both its ends.
 *
 * Invariants: `ready` is before all parts, parts of a greater depth are before those of a lower one, and all of them
 * before `levels`, `top_slots` and `last`, in this order. All lists are in order of adding, so that equal deadlines
 * are. A node can be taken out of any.
 */
#include "wheel.h"

/* Lists that are walked together, and how many nodes are touched ahead: what the cache holds. */
#define TOGETHER 8
#define MOST_TOUCHED 8192

/* A node and what it is part of, most often the 56 bytes of a timer, may lie in two lines. */
static inline void prefetch(const struct picot_wheel_node *node)
{
    __builtin_prefetch((const char *)node - offsetof(picot_timer, _.node), 1);
    __builtin_prefetch((const char *)node + sizeof *node + 7, 1);
}

/* ---- dealing out ----------------------------------------------------------------------------- */

/* A walk along a list from both its ends, and where its nodes go. */
struct walk {
    struct picot_wheel_node *front, *back;
    struct picot_wheel_node *parts, **middles; /* a part's middle: the last of its nodes that came from the front */
};

/* Parts grow in their middle: from the front at its left, from the back at its right. */
static void deal_node(const struct walk *walk, const struct picot__due_row *row, struct picot_wheel_node *node,
                      bool is_front)
{
    unsigned part = picot__tick_of(node->deadline_ns) >> row->bits & row->mask;
    struct picot_wheel_node *middle = walk->middles[part];

    walk->parts[part].deadline_ns++;
    node->prev = middle;
    node->next = middle->next;
    node->next->prev = node;
    middle->next = node;
    if (is_front) walk->middles[part] = node;
}

/* A step from both ends; false: they have met. */
static bool deal_step(struct walk *walk, const struct picot__due_row *row)
{
    struct picot_wheel_node *front = walk->front, *back = walk->back;
    bool more = front != back && front->next != back;

    walk->front = front->next;
    walk->back = back->prev;
    deal_node(walk, row, front, true);
    if (front != back) deal_node(walk, row, back, false);
    return more;
}

static void deal_all(struct walk *walks, unsigned count, const struct picot__due_row *row)
{
    while (count > 0) {
        for (unsigned i = 0; i < count; i++) {
            prefetch(walks[i].front->next);
            prefetch(walks[i].back->prev);
        }
        for (unsigned i = count; i-- > 0;) {
            if (!deal_step(&walks[i], row)) walks[i] = walks[--count];
        }
    }
}

/* A new row of empty parts, for each of `count` lists as many as there is room for. */
static struct picot__due_row *begin_row(struct picot__due *due, unsigned count, unsigned bits)
{
    struct picot__due_row *row = &due->rows[due->depth];
    unsigned part_bits = due->depth == 0 ? PICOT__DUE_FIRST_BITS : PICOT__DUE_NEXT_BITS;

    if (count > 1) part_bits -= 32 - (unsigned)__builtin_clz(count - 1);
    if (part_bits > bits) part_bits = bits;
    row->bits = bits - part_bits;
    row->mask = (1U << part_bits) - 1;
    row->next = row->untouched = due->depth == 0 ? 0 : row[-1].end;
    row->end = row->next + (count << part_bits);
    for (unsigned i = row->next; i < row->end; i++) {
        picot__list_init(&due->parts[i]);
        due->parts[i].deadline_ns = 0;
    }
    due->depth++;
    return row;
}

/*
 * Deal some lists out to a new row, each to parts of its own. They are not empty and follow each other in time; the
 * ticks of each agree but for their last `bits` bits.
 */
static void deal(struct picot__due *due, struct picot_wheel_node *const *lists, unsigned count, unsigned bits)
{
    struct picot__due_row *row = begin_row(due, count, bits);
    struct picot_wheel_node *parts = &due->parts[row->next], *middles[1 << PICOT__DUE_FIRST_BITS];
    struct walk walks[TOGETHER];

    for (unsigned i = 0; i < row->end - row->next; i++)
        middles[i] = &parts[i];
    for (unsigned i = 0; i < count; i++) {
        unsigned first = i * (row->mask + 1);

        walks[i] = (struct walk){lists[i]->next, lists[i]->prev, &parts[first], &middles[first]};
        picot__list_init(lists[i]);
    }
    deal_all(walks, count, row);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* More than a piece? The head of a part has as its deadline how many nodes were dealt to it. */
static bool is_long(const struct picot_wheel_node *part)
{
    return part->deadline_ns > PICOT__MOST_SORTED;
}

/* Bring the next few parts of a row into the cache, walking all at once. */
static void touch(struct picot__due *due, struct picot__due_row *row)
{
    const struct picot_wheel_node *heads[TOGETHER], *nodes[TOGETHER];
    unsigned count = 0, i;
    int64_t all = 0;

    for (; row->untouched < row->end && count < TOGETHER; row->untouched++) {
        struct picot_wheel_node *part = &due->parts[row->untouched];
        if (picot__list_empty(part)) continue;
        all += part->deadline_ns;
        if (count > 0 && all > MOST_TOUCHED) break;
        heads[count] = nodes[count] = part;
        count++;
    }
    while (count > 0) {
        for (i = 0; i < count; i++) {
            nodes[i] = nodes[i]->next;
            prefetch(nodes[i]);
        }
        for (i = 0; i < count; i++) {
            while (i < count && nodes[i] == heads[i]) {
                count--;
                nodes[i] = nodes[count];
                heads[i] = heads[count];
            }
        }
    }
}

/* The next part of the last row becomes ready; or some are dealt out again; or the row is at its end. */
static void take_from_row(struct picot__due *due)
{
    struct picot__due_row *row = &due->rows[due->depth - 1];
    struct picot_wheel_node *lists[TOGETHER], *list;
    unsigned count = 0;

    while (row->next < row->end && picot__list_empty(&due->parts[row->next]))
        row->next++;
    if (row->next == row->end) {
        due->depth--;
        return;
    }
    list = &due->parts[row->next];
    if (is_long(list) && row->bits > 0 && due->depth < PICOT__DUE_DEPTH) {
        for (unsigned i = row->next; i < row->end && count < TOGETHER; i++) {
            if (picot__list_empty(&due->parts[i])) continue;
            if (!is_long(&due->parts[i])) break;
            lists[count++] = &due->parts[i];
        }
        deal(due, lists, count, row->bits);
        return;
    }
    if (row->next >= row->untouched) touch(due, row);
    picot__list_sort(list);
    picot__list_splice(&due->ready, list);
}

/* The first of some lists becomes ready, or all are dealt out. */
static void take_lists(struct picot__due *due, struct picot_wheel_node *const *lists, unsigned count, unsigned bits)
{
    if (!picot__list_sort_few(lists[0])) {
        if (bits > 0) {
            deal(due, lists, count, bits);
            return;
        }
        picot__list_sort(lists[0]);
    }
    picot__list_splice(&due->ready, lists[0]);
}

/* Go on with what lay in the wheel. False: nothing is left but `last`. */
static bool take_from_wheel(struct picot__due *due)
{
    struct picot_wheel_node *lists[TOGETHER];
    unsigned count = 0;

    while (due->level < due->top && picot__list_empty(&due->levels[due->level]))
        due->level++;
    if (due->level < due->top) {
        lists[0] = &due->levels[due->level];
        take_lists(due, lists, 1, (due->level + 1) * PICOT__SLOT_BITS);
        return true;
    }
    for (uint64_t slots = due->top_occupied; slots && count < TOGETHER; slots &= slots - 1) {
        struct picot_wheel_node *list = &due->top_slots[__builtin_ctzll(slots)];
        if (picot__list_empty(list))
            due->top_occupied &= ~(slots & -slots);
        else
            lists[count++] = list;
    }
    if (count > 0) take_lists(due, lists, count, due->top * PICOT__SLOT_BITS);
    return count > 0;
}

bool picot__due_refill(struct picot__due *due)
{
    bool more = true;

    while (more && picot__list_empty(&due->ready)) {
        if (due->depth > 0)
            take_from_row(due);
        else
            more = take_from_wheel(due);
    }
    if (picot__list_empty(&due->ready)) {
        picot__list_splice(&due->ready, &due->last);
        picot__list_sort(&due->ready);
    }
    return !picot__list_empty(&due->ready);
}
