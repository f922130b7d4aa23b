/* SPDX-License-Identifier: MIT
 *
 * queue.h - queues between tasks: bounded, in three orders, with back-pressure and an end.
 *
 *     picot_queue_init(loop, &my->jobs, sizeof(struct job), 100, NULL);
 *     picot_await(picot_put(.queue = &my->jobs, .item = &my->job));      waits while it is full
 *     picot_await(picot_get(.queue = &my->jobs, .ret_item = &my->job));  waits while it is empty
 *     picot_queue_shutdown(&my->jobs, PICOT_GRACEFUL);                   then PICOT_ECLOSED, when it is drained
 *
 * Items are of one size and are copied in and out. A queue lies in its user's memory (its slots come from the loop),
 * and must outlive the tasks that wait in it, or be destroyed first. It belongs to one loop, and to its thread: all
 * functions here are the loop's thread's, and return -EINVAL for a NULL, for a queue that is zeroed or destroyed, and
 * a task of another loop is refused with -EPERM.
 *
 * Who waits is served in order. An item goes straight into the memory of the task that waits for it, and is that
 * task's from then on: a cancellation that comes after that does not lose it. The freed slot goes to the putter that
 * waits longest. Nobody can overtake those who wait.
 */
#ifndef PICOT_QUEUE_H
#define PICOT_QUEUE_H

#include <picot/coro.h>
#include <picot/select.h>

PICOT_BEGIN_DECLS

/** As a capacity: no limit but memory. A queue without back-pressure must be asked for by this word. */
#define PICOT_UNBOUNDED SIZE_MAX

/** Which item a get takes. */
enum picot_order {
    PICOT_FIFO = 0,    /**< the oldest */
    PICOT_LIFO = 1,    /**< the newest */
    PICOT_PRIORITY = 2 /**< the first by options.compare; equal ones in the order they were put */
};

/** What a put does when the queue is full. */
enum picot_overflow {
    PICOT_WAIT = 0,        /**< it waits: back-pressure */
    PICOT_REFUSE = 1,      /**< it ends with -EBUSY */
    PICOT_DROP_OLDEST = 2, /**< the item that has been inside for longest makes room (by priority: a search) */
    PICOT_DROP_NEWEST = 3  /**< the new item is dropped */
};

/** How a queue ends. */
enum picot_shutdown_mode {
    PICOT_GRACEFUL = 0, /**< what is inside can still be fetched */
    PICOT_IMMEDIATE = 1 /**< what is inside is dropped */
};

/** Zeroed: a first-in first-out queue that waits. Callbacks get `user`, and must not use the queue. */
typedef struct picot_queue_options {
    enum picot_order order;
    enum picot_overflow overflow;
    /** For PICOT_PRIORITY: negative when a is to be served before b, 0 when they are equal. */
    int (*compare)(void *user, const void *a, const void *b);
    /** Called with each item that is dropped, so that what it owns can be given back; or NULL. */
    void (*dispose)(void *user, void *item);
    void *user;
} picot_queue_options;

/** A queue. Private: use the functions below. */
typedef struct picot_queue {
    picot_ready_queue *ready; /* the loop's; NULL: no queue */
    picot_waitqueue getters;  /* only while it is empty, */
    picot_waitqueue putters;  /* only while it is full */
    char *items;              /* a ring; by priority a heap, with one spare slot behind it */
    size_t item_size, stride;
    size_t len, first;
    size_t capacity, slots; /* as asked for; for so many there is memory */
    size_t unfinished;      /* put and not yet told by task_done */
    uint64_t dropped, next_sequence;
    picot_waitqueue joiners;
    picot_loop *loop;
    picot_queue_options options;
    uint32_t consumers;
    int32_t refusal; /* what a put gets; 0 while it is open */
    uint8_t order, overflow, abandoned;
} picot_queue;

/**
 * Make a queue.
 * @param queue      memory of the caller's; what was in it does not matter
 * @param item_size  of an item, in bytes, at least 1
 * @param capacity   items, at least 1: their memory is taken now, so that no put fails for want of it; or
 *                   PICOT_UNBOUNDED: it grows as needed, and does not shrink before it is destroyed
 * @param options    NULL: first in, first out, and a put waits
 * @return  0; -ENOMEM; -EINVAL: NULL, a size or capacity of 0, or PICOT_PRIORITY without compare.
 * Ownership: picot_queue_destroy gives the memory back, before the loop ends. @since 0.1
 */
PICOT_API int picot_queue_init(picot_loop *loop, picot_queue *queue, size_t item_size, size_t capacity,
                               const picot_queue_options *options);

/**
 * Drop what is inside, let everyone who waits go with PICOT_ECLOSED, and give the memory back. The queue is as zeroed.
 * NULL, and a queue that is zeroed: nothing happens. @since 0.1
 */
PICOT_API void picot_queue_destroy(picot_queue *queue);

/**
 * picot_await(picot_put(.queue = &my->q, .item = &my->x)): put a copy of *item.
 * Result: 0; PICOT_ECLOSED: it is shut down, now or while this waited; -EBUSY: full, with PICOT_REFUSE; -ENOMEM: only
 * of an unbounded one, which is as before; -ECANCELED; -EINVAL, -EPERM. Whatever the error, the item was not put.
 * With one of the two dropping policies the result is 1 when an item was dropped.
 * Ownership: item must stay until the put has ended. Cancel: it is not put, and those behind it are not held up;
 * if it has been put by then, success, and the cancellation is told at the next await.
 * @since 0.1
 */
struct picot_put_head {
    picot_frame _co;
    PICOT_EXTENSION_ union { /* one after the other: what is up to 80 bytes is zeroed quickly */
        PICOT_EXTENSION_ struct {
            picot_queue *queue;
            const void *item;
        };
        picot_waiter _waiter;
        int _ret;
    };
};
#define picot_put(...) picot_call(picot_put, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_put);

/**
 * picot_await(picot_get(.queue = &my->q, .ret_item = &my->x)): take an item, into *ret_item.
 * Result: 0; PICOT_ECLOSED: it is shut down and nothing is inside; -ECANCELED; -EINVAL, -EPERM.
 * Ownership: ret_item must stay until the get has ended; untouched on an error. Cancel: nothing was taken; if an item
 * has been handed over by then, success, and the cancellation is told at the next await.
 * @since 0.1
 */
struct picot_get_head {
    picot_frame _co;
    PICOT_EXTENSION_ union { /* one after the other: what is up to 80 bytes is zeroed quickly */
        PICOT_EXTENSION_ struct {
            picot_queue *queue;
            void *ret_item;
        };
        picot_waiter _waiter;
        int _ret;
    };
};
#define picot_get(...) picot_call(picot_get, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_get);

/** Put without waiting, also from a callback. @return as picot_put; full, and the policy is PICOT_WAIT: -EBUSY.
 * @since 0.1 */
PICOT_API int picot_queue_try_put(picot_queue *queue, const void *item);

/** Take without waiting, also from a callback. @return 0; -EBUSY: empty; PICOT_ECLOSED: and shut down; -EINVAL.
 * @since 0.1 */
PICOT_API int picot_queue_try_get(picot_queue *queue, void *ret_item);

/** Arms for picot_select: rc as picot_put's and picot_get's. @since 0.1 */
PICOT_API picot_arm picot_arm_put(picot_queue *queue, const void *item);
PICOT_API picot_arm picot_arm_get(picot_queue *queue, void *ret_item);

/* ---- the end ----------------------------------------------------------------------------------- */

/**
 * Shut a queue down: every put fails from now on with PICOT_ECLOSED, also those that wait. PICOT_GRACEFUL: gets go on
 * until it is empty, then they end with PICOT_ECLOSED, too. PICOT_IMMEDIATE: what is inside is dropped first; that
 * counts as done. A graceful one may become immediate, and never the other way round; repeating it does nothing.
 * @return  0; -EINVAL. @since 0.1
 */
PICOT_API int picot_queue_shutdown(picot_queue *queue, enum picot_shutdown_mode mode);

/** Has it been shut down? 1 or 0; 1 for NULL, zeroed or destroyed. @since 0.1 */
PICOT_API int picot_queue_closed(const picot_queue *queue);

/* ---- is all of it done? ------------------------------------------------------------------------ */

/** Tell that an item taken out has been dealt with. @return 0; -EINVAL: more often than items were put. @since 0.1 */
PICOT_API int picot_queue_task_done(picot_queue *queue);

/**
 * picot_await(picot_queue_join(.queue = &my->q)): wait until picot_queue_task_done has been told for every item that
 * was put and not dropped; at once when there is none.
 * Result: 0; PICOT_EBROKEN: the last of its consumers has gone (see picot_queue_consumer_begin) and items are left;
 * PICOT_ECLOSED: the queue was destroyed; -ECANCELED; -EINVAL, -EPERM. Cancel: the wait only.
 * @since 0.1
 */
struct picot_queue_join_head {
    picot_frame _co;
    picot_queue *queue;
    picot_waiter _waiter;
    int _ret;
};
#define picot_queue_join(...) picot_call(picot_queue_join, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_queue_join);

/**
 * A task says that it serves this queue, and, in a defer, that it does no more. When the last one has gone and not all
 * is done, picot_queue_join fails instead of waiting for ever, until another one begins. A queue whose consumers say
 * nothing knows nothing of them: a join then waits however long it takes.
 * @return  0; -EINVAL: also an end without a beginning. @since 0.1
 */
PICOT_API int picot_queue_consumer_begin(picot_queue *queue);
PICOT_API int picot_queue_consumer_end(picot_queue *queue);

/* ---- sizes: 0 for NULL, zeroed or destroyed ------------------------------------------------------ */

/** How many items are inside. @since 0.1 */
PICOT_API size_t picot_queue_len(const picot_queue *queue);

/** How many there is room for; PICOT_UNBOUNDED. @since 0.1 */
PICOT_API size_t picot_queue_capacity(const picot_queue *queue);

/** How many were put and are not done. @since 0.1 */
PICOT_API size_t picot_queue_unfinished(const picot_queue *queue);

/** How many wait in a put, and how many in a get; counted by walking along them. @since 0.1 */
PICOT_API size_t picot_queue_waiting_putters(const picot_queue *queue);
PICOT_API size_t picot_queue_waiting_getters(const picot_queue *queue);

/** How many items were dropped so far: by the policy, by an immediate shutdown. @since 0.1 */
PICOT_API uint64_t picot_queue_dropped(const picot_queue *queue);

PICOT_END_DECLS

#endif /* PICOT_QUEUE_H */
