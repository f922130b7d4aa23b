/* SPDX-License-Identifier: MIT
 *
 * slab.h - the short way of a block back to the free ones of its size.
 */
#ifndef PICOT_CORO_SLAB_H
#define PICOT_CORO_SLAB_H

#include "internal.h"

static inline void picot__block_put(struct picot__coro *coro, void *block, size_t class)
{
    *(void **)block = coro->free_blocks[class];
    PICOT_POISON_((char *)block + sizeof(void *), class * PICOT__CLASS_STEP - sizeof(void *));
    coro->free_blocks[class] = block;
}

/* One of so many units of 16 bytes. */
static inline void picot__block_free_units(struct picot__coro *coro, void *block, size_t units)
{
    if (!PICOT_LIKELY_(units < PICOT__CLASS_COUNT)) {
        picot__block_free(coro, block, units * 16);
        return;
    }
    PICOT_UNPOISON_(block, units * 16);
    picot__block_put(coro, block, units);
}

#endif /* PICOT_CORO_SLAB_H */
