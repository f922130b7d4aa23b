/* SPDX-License-Identifier: MIT
 *
 * channel.c - channels: opened, their ends cloned and closed, and gone with the last end.
 *
 * The loop has one table of ends; a place that is used again has another generation, so that an old number is found
 * out. A channel is a queue that its ends close: the last sender gracefully, the last receiver at once.
 */
#include "channel.h"

#define LEAST_ENDS 16
#define MOST_GENERATIONS 0x7fffffffu

/* ---- the table ----------------------------------------------------------------------------------- */

/* Each loop counts from elsewhere: an end of another loop is most likely none here, and not one of another size. */
static uint32_t first_generation(const struct picot__coro *coro)
{
    uint32_t spread = (uint32_t)((uintptr_t)coro >> 6) * 2654435761u;
    return spread >> 1 ? spread >> 1 : 1;
}

static int grow_table(struct picot__coro *coro)
{
    uint32_t count = coro->end_count ? coro->end_count * 2 : LEAST_ENDS;
    size_t size = sizeof *coro->ends;
    if (count > UINT32_MAX / 4) return -ENOMEM;
    struct picot__end *ends = picot_realloc(coro->loop, coro->ends, coro->end_count * size, count * size);
    if (!ends) return -ENOMEM;
    for (uint32_t i = coro->end_count; i < count; i++)
        ends[i] = (struct picot__end){.generation = first_generation(coro), .next_free = i + 1};
    coro->ends = ends;
    coro->end_free = coro->end_count;
    coro->end_count = count;
    return 0;
}

static int64_t new_end(struct picot__coro *coro, struct picot__channel *channel, enum picot__side side)
{
    if (coro->end_free == coro->end_count && grow_table(coro) < 0) return -ENOMEM;
    uint32_t index = coro->end_free;
    struct picot__end *end = &coro->ends[index];
    coro->end_free = end->next_free;
    end->channel = channel;
    end->side = side;
    channel->ends[side]++;
    return (int64_t)((uint64_t)end->generation << 32 | index);
}

static void free_end(struct picot__coro *coro, struct picot__end *end)
{
    end->channel = NULL;
    end->generation = end->generation < MOST_GENERATIONS ? end->generation + 1 : 1;
    end->next_free = coro->end_free;
    coro->end_free = (uint32_t)(end - coro->ends);
}

/* ---- opened and closed --------------------------------------------------------------------------- */

static void free_channel(struct picot__coro *coro, struct picot__channel *channel)
{
    picot__store_free(&channel->queue);
    picot__block_free(coro, channel, sizeof *channel);
}

static int open_ends(struct picot__coro *coro, struct picot__channel *channel, int64_t ends[2])
{
    for (int side = PICOT__SENDER; side <= PICOT__RECEIVER; side++) {
        ends[side] = new_end(coro, channel, (enum picot__side)side);
        if (ends[side] >= 0) continue;
        if (side == PICOT__RECEIVER) free_end(coro, picot__end_find(coro, ends[PICOT__SENDER]));
        return -ENOMEM;
    }
    return 0;
}

int picot_channel_open(picot_loop *loop, size_t item_size, size_t capacity, const picot_queue_options *options,
                       picot_sender *ret_sender, picot_receiver *ret_receiver)
{
    int64_t ends[2];
    if (!loop || !ret_sender || !ret_receiver) return -EINVAL;
    if (capacity == 0 && options && options->overflow == PICOT_DROP_OLDEST) return -EINVAL;
    struct picot__coro *coro = picot__coro_of(loop);
    struct picot__channel *channel = coro ? picot__block_alloc(coro, sizeof *channel) : NULL;
    if (!channel) return -ENOMEM;
    channel->ends[PICOT__SENDER] = channel->ends[PICOT__RECEIVER] = 0;
    int rc = picot__queue_init(loop, &channel->queue, item_size, capacity, options);
    if (rc < 0) {
        picot__block_free(coro, channel, sizeof *channel);
        return rc;
    }
    rc = open_ends(coro, channel, ends);
    if (rc < 0) {
        free_channel(coro, channel);
        return rc;
    }
    *ret_sender = ends[PICOT__SENDER];
    *ret_receiver = ends[PICOT__RECEIVER];
    return 0;
}

int64_t picot_channel_clone(picot_loop *loop, int64_t end)
{
    if (!loop) return -EINVAL;
    struct picot__coro *coro = picot__coro_find(loop);
    const struct picot__end *found = coro ? picot__end_find(coro, end) : NULL;
    return found ? new_end(coro, found->channel, found->side) : -EBADF;
}

/* Those who wait through an end that is being closed. A grant may take others out, too: so from the start again. */
static void refuse_waiters(picot_waitqueue *queue, int64_t end)
{
    picot_waiter *waiter = queue->first;
    while (waiter) {
        if (waiter->want == end) {
            picot__grant(queue, waiter, -EBADF);
            waiter = queue->first;
        } else {
            waiter = waiter->next != queue->first ? waiter->next : NULL;
        }
    }
}

static void close_end(struct picot__coro *coro, struct picot__end *end)
{
    struct picot__channel *channel = end->channel;
    enum picot__side side = end->side;
    free_end(coro, end);
    if (--channel->ends[side] > 0) return;
    if (side == PICOT__SENDER)
        picot__queue_close(&channel->queue, PICOT_ECLOSED, false);
    else
        picot__queue_close(&channel->queue, -EPIPE, true);
    if (channel->ends[PICOT__SENDER] + channel->ends[PICOT__RECEIVER] == 0) free_channel(coro, channel);
}

int picot_channel_close(picot_loop *loop, int64_t end)
{
    if (!loop) return -EINVAL;
    struct picot__coro *coro = picot__coro_find(loop);
    struct picot__end *found = coro ? picot__end_find(coro, end) : NULL;
    if (!found) return -EBADF;
    refuse_waiters(picot__side_of(&found->channel->queue, found->side), end);
    close_end(coro, found);
    return 0;
}

void picot__ends_free(struct picot__coro *coro)
{
    for (uint32_t i = 0; i < coro->end_count; i++)
        if (coro->ends[i].channel) close_end(coro, &coro->ends[i]);
    if (coro->ends) picot_free(coro->loop, coro->ends, coro->end_count * sizeof *coro->ends);
}

/* ---- sizes ----------------------------------------------------------------------------------------- */

/* The channel of an end, or the code why there is none. */
static int channel_of(picot_loop *loop, int64_t end, const struct picot__channel **ret_channel)
{
    if (!loop) return -EINVAL;
    const struct picot__coro *coro = picot__coro_find(loop);
    const struct picot__end *found = coro ? picot__end_find(coro, end) : NULL;
    if (!found) return -EBADF;
    *ret_channel = found->channel;
    return 0;
}

int64_t picot_channel_len(picot_loop *loop, int64_t end)
{
    const struct picot__channel *channel;
    int rc = channel_of(loop, end, &channel);
    return rc < 0 ? rc : (int64_t)channel->queue.len;
}

int64_t picot_channel_senders(picot_loop *loop, int64_t end)
{
    const struct picot__channel *channel;
    int rc = channel_of(loop, end, &channel);
    return rc < 0 ? rc : (int64_t)channel->ends[PICOT__SENDER];
}

int64_t picot_channel_receivers(picot_loop *loop, int64_t end)
{
    const struct picot__channel *channel;
    int rc = channel_of(loop, end, &channel);
    return rc < 0 ? rc : (int64_t)channel->ends[PICOT__RECEIVER];
}
