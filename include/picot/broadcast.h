/* SPDX-License-Identifier: MIT
 *
 * broadcast.h - every receiver sees every item.
 *
 *     picot_broadcast_init(loop, &my->news, sizeof(struct event), 64, PICOT_LAP);
 *     picot_broadcast_join(&my->news, &my->rx);  picot_defer picot_broadcast_leave(&my->rx);
 *     picot_await(my->r, picot_broadcast_recv(.receiver = &my->rx, .ret_item = &my->event));
 *     picot_await(my->r, picot_broadcast_send(.broadcast = &my->news, .item = &my->event));
 *
 * The last `capacity` items are kept in a ring. A receiver sees what is sent after it has joined. With PICOT_LAP a
 * sender never waits: a receiver that is slower than that is lapped, is told so once (-EOVERFLOW, and
 * picot_broadcast_missed), and goes on with the oldest item there is. With PICOT_PACE the sender waits for the slowest.
 *
 * Items are copied; what one points to belongs to no receiver alone. Broadcast and receivers lie in their users'
 * memory, and are not to be copied or moved. All functions here: the loop's thread; -EINVAL for a NULL and for what is
 * zeroed, destroyed or left; a task of another loop is refused with -EPERM.
 */
#ifndef PICOT_BROADCAST_H
#define PICOT_BROADCAST_H

#include <picot/coro.h>
#include <picot/select.h>

PICOT_BEGIN_DECLS

/** What happens to a receiver that does not keep up. */
enum picot_pace {
    PICOT_LAP = 0, /**< it misses the oldest items, and is told how many */
    PICOT_PACE = 1 /**< senders wait for it */
};

typedef struct picot_broadcast picot_broadcast;

/** A receiver. Private. Zero it (locals are) before it joins. */
typedef struct picot_broadcast_receiver {
    picot_broadcast *broadcast; /* NULL: it has not joined */
    struct picot_broadcast_receiver *next, *prev;
    uint64_t position; /* of the item it receives next */
    uint64_t missed;
    picot_waitqueue waiters; /* tasks that wait through it; only while it has seen all */
} picot_broadcast_receiver;

/** A broadcast. Private. */
struct picot_broadcast {
    picot_ready_queue *ready; /* the loop's; NULL: no broadcast */
    picot_loop *loop;
    char *items;
    uint32_t *unseen; /* PICOT_PACE: by how many receivers the item of each slot is still to be seen */
    size_t item_size, capacity;
    uint64_t sent, oldest; /* of all items so far: how many, and the first one that is kept */
    picot_broadcast_receiver *receivers;
    picot_waitqueue senders; /* only while the ring is full */
    uint32_t count;
    uint8_t pace, closed;
};

/**
 * Make a broadcast.
 * @param item_size  in bytes, at least 1
 * @param capacity   items, at least 1 and not PICOT_UNBOUNDED; their memory is taken now
 * @return  0; -ENOMEM; -EINVAL. Ownership: picot_broadcast_destroy gives the memory back. @since 0.1
 */
PICOT_API int picot_broadcast_init(picot_loop *loop, picot_broadcast *broadcast, size_t item_size, size_t capacity,
                                   enum picot_pace pace);

/** Let everyone who waits go with PICOT_ECLOSED, let all receivers leave, give the memory back; then as zeroed. NULL,
 * or zeroed: nothing happens. @since 0.1 */
PICOT_API void picot_broadcast_destroy(picot_broadcast *broadcast);

/** A receiver joins. @return 0; -EALREADY: it has; PICOT_ECLOSED; -EINVAL. Ownership: it leaves before its memory goes.
 * @since 0.1 */
PICOT_API int picot_broadcast_join(picot_broadcast *broadcast, picot_broadcast_receiver *receiver);

/** A receiver leaves; tasks that wait through it get PICOT_ECLOSED. Not joined, or NULL: nothing happens. @since 0.1 */
PICOT_API void picot_broadcast_leave(picot_broadcast_receiver *receiver);

/**
 * picot_await(my->r, picot_broadcast_send(.broadcast = &my->news, .item = &my->x)): send to all receivers.
 * Result: how many there are, 0 and more: each has it, or will see it unless it is lapped; PICOT_ECLOSED, -ECANCELED,
 * -EINVAL, -EPERM: not sent. Waits only with PICOT_PACE. Ownership: item must stay until then. Cancel: as picot_put.
 * @since 0.1
 */
struct picot_broadcast_send_head {
    picot_frame _co;
    picot_broadcast *broadcast;
    const void *item;
    picot_waiter _waiter;
    int _ret;
};
#define picot_broadcast_send(...) picot_call(picot_broadcast_send, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_broadcast_send);

/**
 * picot_await(my->r, picot_broadcast_recv(.receiver = &my->rx, .ret_item = &my->x)): the next item, into *ret_item.
 * Result: 0; -EOVERFLOW: it was lapped, picot_broadcast_missed tells by how much, the next call goes on; PICOT_ECLOSED:
 * closed, and all seen; -ECANCELED, -EINVAL, -EPERM. Several tasks may wait through one receiver: each item goes to
 * one of them, in order. Ownership, cancel: as picot_get. @since 0.1
 */
struct picot_broadcast_recv_head {
    picot_frame _co;
    picot_broadcast_receiver *receiver;
    void *ret_item;
    picot_waiter _waiter;
    int _ret;
};
#define picot_broadcast_recv(...) picot_call(picot_broadcast_recv, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_broadcast_recv);

/** Send without waiting. @return as picot_broadcast_send; PICOT_PACE and a receiver is behind: -EBUSY. @since 0.1 */
PICOT_API int picot_broadcast_try_send(picot_broadcast *broadcast, const void *item);

/** Receive without waiting. @return as picot_broadcast_recv; nothing new: -EBUSY. @since 0.1 */
PICOT_API int picot_broadcast_try_recv(picot_broadcast_receiver *receiver, void *ret_item);

/** An arm for picot_select: rc as picot_broadcast_recv's result. @since 0.1 */
PICOT_API picot_arm picot_arm_broadcast_recv(picot_broadcast_receiver *receiver, void *ret_item);

/** No more items: sending fails with PICOT_ECLOSED, also for those who wait; receivers see what is kept, then the same.
 * @return 0, also again; -EINVAL. @since 0.1 */
PICOT_API int picot_broadcast_close(picot_broadcast *broadcast);

/** How many items the last -EOVERFLOW of this receiver stands for. 0 for NULL. @since 0.1 */
PICOT_API uint64_t picot_broadcast_missed(const picot_broadcast_receiver *receiver);

/** How many receivers there are. 0 for NULL, zeroed or destroyed. @since 0.1 */
PICOT_API size_t picot_broadcast_receivers(const picot_broadcast *broadcast);

PICOT_END_DECLS

#endif /* PICOT_BROADCAST_H */
