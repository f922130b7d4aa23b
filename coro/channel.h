/* SPDX-License-Identifier: MIT
 *
 * channel.h - the private half of channels: the loop's table of ends.
 */
#ifndef PICOT_CORO_CHANNEL_H
#define PICOT_CORO_CHANNEL_H

#include <picot/channel.h>

#include "store.h"

enum picot__side { PICOT__SENDER, PICOT__RECEIVER };

struct picot__channel {
    picot_queue queue;
    uint32_t ends[2]; /* how many are open, by side */
};

/* A place in the table. An end is its generation, never 0, in the upper half, and its index in the lower one. */
struct picot__end {
    struct picot__channel *channel; /* NULL: the place is free */
    uint32_t generation;
    uint32_t next_free;
    enum picot__side side;
};

static inline struct picot__end *picot__end_find(const struct picot__coro *coro, int64_t end)
{
    uint32_t index = (uint32_t)end, generation = (uint32_t)((uint64_t)end >> 32);
    if (!PICOT_LIKELY_(index < coro->end_count)) return NULL;
    struct picot__end *found = &coro->ends[index];
    return PICOT_LIKELY_(found->channel && found->generation == generation) ? found : NULL;
}

/* The queue behind an end of this side, or NULL. */
static inline picot_queue *picot__end_queue(const struct picot__coro *coro, int64_t end, enum picot__side side)
{
    const struct picot__end *found = picot__end_find(coro, end);
    return PICOT_LIKELY_(found && found->side == side) ? &found->channel->queue : NULL;
}

static inline picot_waitqueue *picot__side_of(picot_queue *queue, enum picot__side side)
{
    return side == PICOT__SENDER ? &queue->putters : &queue->getters;
}

#endif /* PICOT_CORO_CHANNEL_H */
