/* SPDX-License-Identifier: MIT
 *
 * channel.h - channels: a queue whose two sides are held by ends, and that closes itself when nobody holds one.
 *
 *     picot_channel_open(loop, sizeof(struct job), 16, NULL, &my->tx, &my->rx);
 *     picot_spawn(&my->group, worker(.jobs = picot_channel_clone(loop, my->rx)));        each closes its own end
 *     picot_await(my->r, picot_channel_send(.sender = my->tx, .item = &my->job));         -EPIPE: no receiver is left
 *     picot_channel_close(loop, my->tx);                                                  workers get PICOT_ECLOSED
 *
 * An end is a number, to be copied freely and closed once, best in a defer. Another holder gets a clone, not a copy.
 * Whatever is done with an end that is closed, was never one, or is one of the other side gives -EBADF. Ends left open
 * are closed with the loop. An end is only good in the loop it was opened in.
 *
 * A channel is a queue (queue.h) in all else: items are copied, who waits is served in order, what was handed over is
 * its receiver's. All functions here: the loop's thread; -EINVAL for a NULL.
 */
#ifndef PICOT_CHANNEL_H
#define PICOT_CHANNEL_H

#include <picot/queue.h>

PICOT_BEGIN_DECLS

/** Ends of a channel. 0 is none, and so is a negative one. */
typedef int64_t picot_sender;
typedef int64_t picot_receiver;

/**
 * Open a channel.
 * @param item_size  of an item, in bytes, at least 1
 * @param capacity   items that wait inside; 0: none, each send waits until a receiver takes the item from its hand;
 *                   PICOT_UNBOUNDED. The memory of a bounded one is taken now
 * @param options    of the queue inside, or NULL. Items that nobody can receive any more are disposed of
 * @return  0; -ENOMEM; -EINVAL: also PICOT_DROP_OLDEST with capacity 0. @since 0.1
 */
PICOT_API int picot_channel_open(picot_loop *loop, size_t item_size, size_t capacity,
                                 const picot_queue_options *options, picot_sender *ret_sender,
                                 picot_receiver *ret_receiver);

/** One more end of the same side. @return the end; -EBADF, -ENOMEM, -EINVAL. Ownership: to be closed by itself.
 * @since 0.1 */
PICOT_API int64_t picot_channel_clone(picot_loop *loop, int64_t end);

/**
 * Close an end. Tasks that wait through this very end get -EBADF. With the last sender gone, receivers fetch what is
 * inside and then get PICOT_ECLOSED; with the last receiver gone, what is inside is dropped and senders get -EPIPE.
 * @return  0; -EBADF, -EINVAL. Never waits. @since 0.1
 */
PICOT_API int picot_channel_close(picot_loop *loop, int64_t end);

/**
 * picot_await(picot_channel_send(.sender = my->tx, .item = &my->x)): send a copy of *item.
 * Result: 0: it is inside, or a receiver has it; 1: and an item was dropped, by the policy; -EPIPE: no receiver is
 * left; -EBADF; -EBUSY: full, with PICOT_REFUSE; -ENOMEM: only of an unbounded one; -ECANCELED; -EINVAL. Whatever the
 * error, the item was not sent. Ownership, cancel: as picot_put. @since 0.1
 */
struct picot_channel_send_head {
    picot_frame _co;
    PICOT_EXTENSION_ union {
        PICOT_EXTENSION_ struct {
            picot_sender sender;
            const void *item;
        };
        picot_waiter _waiter;
        int _ret;
    };
};
#define picot_channel_send(...) picot_call(picot_channel_send, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_channel_send);

/**
 * picot_await(picot_channel_recv(.receiver = my->rx, .ret_item = &my->x)): receive an item, into *ret_item.
 * Result: 0; PICOT_ECLOSED: no sender is left, and nothing inside; -EBADF; -ECANCELED; -EINVAL. Ownership, cancel: as
 * picot_get. @since 0.1
 */
struct picot_channel_recv_head {
    picot_frame _co;
    PICOT_EXTENSION_ union {
        PICOT_EXTENSION_ struct {
            picot_receiver receiver;
            void *ret_item;
        };
        picot_waiter _waiter;
        int _ret;
    };
};
#define picot_channel_recv(...) picot_call(picot_channel_recv, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_channel_recv);

/** Send without waiting, also from a callback. @return as picot_channel_send; nobody takes it now: -EBUSY.
 * @since 0.1 */
PICOT_API int picot_channel_try_send(picot_loop *loop, picot_sender sender, const void *item);

/** Receive without waiting. @return as picot_channel_recv; nothing is there: -EBUSY. @since 0.1 */
PICOT_API int picot_channel_try_recv(picot_loop *loop, picot_receiver receiver, void *ret_item);

/** Arms for picot_select: rc as the results above. @since 0.1 */
PICOT_API picot_arm picot_arm_channel_send(picot_sender sender, const void *item);
PICOT_API picot_arm picot_arm_channel_recv(picot_receiver receiver, void *ret_item);

/** How many items are inside, by either end. @return >= 0; -EBADF, -EINVAL. @since 0.1 */
PICOT_API int64_t picot_channel_len(picot_loop *loop, int64_t end);

/** How many ends of each side are open, by any end. @return >= 0; -EBADF, -EINVAL. @since 0.1 */
PICOT_API int64_t picot_channel_senders(picot_loop *loop, int64_t end);
PICOT_API int64_t picot_channel_receivers(picot_loop *loop, int64_t end);

PICOT_END_DECLS

#endif /* PICOT_CHANNEL_H */
