/* SPDX-License-Identifier: MIT
 *
 * shared.c - operations that share a file: reads and writes with an offset.
 *
 * A socket has one reader and one writer, for bytes come in one order. A read of a file at an offset meets no other
 * one, and disks want many at once. So these are entered in a table of the handle, made with the first of them and kept
 * until the handle is closed; each operation knows its place, and the last one fills the place of one that leaves.
 */
#include "internal.h"

#define FIRST_CAPACITY 8U

static size_t size_of(uint32_t capacity)
{
    return sizeof(struct picot__shared) + capacity * sizeof(picot_op *);
}

static struct picot__shared *grow(picot_loop *loop, struct picot__descriptor *desc)
{
    struct picot__shared *shared = desc->shared;
    uint32_t capacity = shared ? shared->capacity * 2 : FIRST_CAPACITY;
    if (shared && shared->count < shared->capacity) return shared;
    if (capacity > UINT32_MAX / 4) return NULL;
    struct picot__shared *grown =
        picot_realloc(loop, shared, shared ? size_of(shared->capacity) : 0, size_of(capacity));
    if (!grown) return NULL;
    if (!shared) grown->count = 0;
    grown->capacity = capacity;
    desc->shared = grown;
    return grown;
}

int picot__shared_enter(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    struct picot__shared *shared = grow(loop, desc);
    if (!shared) return -ENOMEM;
    op->_.flags |= PICOT__SHARING;
    op->_.u.io.place = shared->count;
    shared->ops[shared->count++] = op;
    return 0;
}

void picot__shared_leave(const struct picot__descriptor *desc, const picot_op *op)
{
    struct picot__shared *shared = desc->shared;
    uint32_t place = op->_.u.io.place;
    assert(shared && place < shared->count && shared->ops[place] == op);
    picot_op *last = shared->ops[--shared->count];
    shared->ops[place] = last;
    last->_.u.io.place = place;
}

/* From the end: who leaves meanwhile is replaced by one that has had its turn. */
void picot__shared_cancel(picot_loop *loop, const struct picot__descriptor *desc)
{
    for (uint32_t i = desc->shared ? desc->shared->count : 0; i-- > 0;)
        (void)picot_cancel(loop, desc->shared->ops[i]);
}

void picot__shared_free(picot_loop *loop, struct picot__descriptor *desc)
{
    if (!desc->shared) return;
    picot_free(loop, desc->shared, size_of(desc->shared->capacity));
    desc->shared = NULL;
}
