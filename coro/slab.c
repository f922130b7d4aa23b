/* SPDX-License-Identifier: MIT
 *
 * slab.c - memory for tasks, arenas and alarms: carved from slabs by size class, so that a task costs a pop from a
 * list.
 *
 *     slab  | header | block | block | ... |     all of one class; freed when the loop ends
 */
#include "slab.h"

#define SLAB_BYTES 16384

struct picot__slab {
    struct picot__slab *next;
    size_t size;
};

static size_t class_of(size_t size)
{
    return (size + PICOT__CLASS_STEP - 1) / PICOT__CLASS_STEP;
}

static __attribute__((cold, noinline)) bool refill(struct picot__coro *coro, size_t class)
{
    struct picot__slab *slab = picot_alloc(coro->loop, SLAB_BYTES);
    if (!slab) return false;
    slab->next = coro->slabs;
    slab->size = SLAB_BYTES;
    coro->slabs = slab;
    size_t step = class * PICOT__CLASS_STEP, count = (SLAB_BYTES - 32) / step;
    for (char *block = (char *)slab + 32 + (count - 1) * step; count > 0; count--, block -= step)
        picot__block_put(coro, block, class);
    return true;
}

void *picot__block_alloc(struct picot__coro *coro, size_t size)
{
    size_t class = class_of(size);
    if (class >= PICOT__CLASS_COUNT) return picot_alloc(coro->loop, size);
    if (!coro->free_blocks[class] && !refill(coro, class)) return NULL;
    void *block = coro->free_blocks[class];
    coro->free_blocks[class] = *(void **)block;
    PICOT_UNPOISON_(block, class * PICOT__CLASS_STEP);
    return block;
}

void picot__block_free(struct picot__coro *coro, void *block, size_t size)
{
    size_t class = class_of(size);
    PICOT_UNPOISON_(block, size); /* an arena that was in use leaves its free part poisoned */
    if (class >= PICOT__CLASS_COUNT)
        picot_free(coro->loop, block, size);
    else
        picot__block_put(coro, block, class);
}

void picot__slabs_free(struct picot__coro *coro)
{
    while (coro->slabs) {
        struct picot__slab *slab = coro->slabs;
        coro->slabs = slab->next;
        PICOT_UNPOISON_(slab, slab->size);
        picot_free(coro->loop, slab, slab->size);
    }
}
