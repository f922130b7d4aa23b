/* SPDX-License-Identifier: MIT
 *
 * shuffle.c - a seeded loop: what may run in any order runs in another order with each seed, and in the same one with
 * the same seed. Tests find with it what only works in the usual order.
 *
 * A list is permuted in place by a merge sort that draws lots instead of comparing: of two chains of m and n items the
 * next one comes from the first with a probability of m / (m + n). Every order is equally likely, and no memory needed.
 * The numbers are those of splitmix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators",
 * OOPSLA 2014): a counter with a good mixer, so that any seed will do.
 */
#include "backend/backend.h"

#include <stdio.h>

/* Chains of 2^i items. */
#define BINS 48

struct chain {
    void *first;
    size_t count;
};

static uint64_t random_number(picot_loop *loop)
{
    uint64_t x = loop->random += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* ---- lists of any kind: `links` is where an item has its next and, behind it, its prev ------- */

static void *load(const void *item, size_t offset)
{
    void *pointer;
    memcpy(&pointer, (const char *)item + offset, sizeof pointer);
    return pointer;
}

static void store(void *item, size_t offset, const void *pointer)
{
    memcpy((char *)item + offset, &pointer, sizeof pointer);
}

static struct chain merge(picot_loop *loop, struct chain a, struct chain b, size_t links)
{
    struct chain all = {NULL, a.count + b.count};
    void *last = NULL;
    while (a.count + b.count > 0) {
        struct chain *from = random_number(loop) % (a.count + b.count) < a.count ? &a : &b;
        void *item = from->first;
        from->first = load(item, links);
        from->count--;
        if (last)
            store(last, links, item);
        else
            all.first = item;
        last = item;
    }
    return all;
}

/* Items from `first` on, up to the one before `end`; the last one's next is left over. */
static struct chain permute(picot_loop *loop, void *first, const void *end, size_t links)
{
    struct chain bins[BINS] = {{NULL, 0}}, chain = {NULL, 0};
    for (void *item = first, *next; item != end; item = next) {
        next = load(item, links);
        unsigned i = 0;
        for (chain = (struct chain){item, 1}; bins[i].count > 0; i++) {
            chain = merge(loop, bins[i], chain, links);
            bins[i].count = 0;
        }
        bins[i] = chain;
    }
    chain.count = 0;
    for (unsigned i = 0; i < BINS; i++)
        if (bins[i].count > 0) chain = merge(loop, bins[i], chain, links);
    return chain;
}

/* Permute what lies between two items of a circular list, of which one may be its head. */
static void shuffle_between(picot_loop *loop, void *before, void *end, size_t links)
{
    struct chain chain = permute(loop, load(before, links), end, links);
    void *last = before, *item = chain.first;
    for (size_t i = 0; i < chain.count; i++) {
        void *next = load(item, links);
        store(last, links, item);
        store(item, links + sizeof(void *), last);
        last = item;
        item = next;
    }
    store(last, links, end);
    store(end, links + sizeof(void *), last);
}

void picot__shuffle(picot_loop *loop, void *head, size_t links)
{
    if (load(head, links) != head) shuffle_between(loop, head, head, links);
}

void picot__shuffle_equals(picot_loop *loop, struct picot_wheel_node *due)
{
    for (struct picot_wheel_node *before = due, *end; before->next != due; before = end->prev) {
        int64_t deadline_ns = before->next->deadline_ns;
        for (end = before->next; end != due && end->deadline_ns == deadline_ns; end = end->next)
            continue;
        shuffle_between(loop, before, end, offsetof(struct picot_wheel_node, next));
    }
}

/* ---- the seed -------------------------------------------------------------------------------- */

/* A decimal number and nothing else; false: it is none, or too large. */
static bool read_number(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        if (__builtin_mul_overflow(number, 10U, &number)) return false;
        if (__builtin_add_overflow(number, (uint64_t)(*text - '0'), &number)) return false;
    }
    *ret_number = number;
    return true;
}

int picot__seed_open(picot_loop *loop, const picot_loop_options *options)
{
    loop->seed = options->seed;
    const char *text = loop->seed ? NULL : picot__environment("PICOT_SEED");
    if (text && *text && !read_number(text, &loop->seed)) {
        (void)snprintf(loop->reason, sizeof loop->reason, "PICOT_SEED: \"%.40s\" is no decimal number of 64 bits",
                       text);
        return -EINVAL;
    }
    loop->random = loop->seed;
    return 0;
}

uint64_t picot_loop_seed(const picot_loop *loop)
{
    return loop ? loop->seed : 0;
}
