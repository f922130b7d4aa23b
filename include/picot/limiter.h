/* SPDX-License-Identifier: MIT
 *
 * limiter.h - how much at a time, and how much per time: semaphores, capacity limiters, token buckets.
 *
 * What sync.h says of order, hand-over, common codes, threads and places holds here, too. A request at the head of the
 * line is not overtaken by a smaller one behind it.
 */
#ifndef PICOT_LIMITER_H
#define PICOT_LIMITER_H

#include <picot/sync.h>

PICOT_BEGIN_DECLS

/* ---- semaphore --------------------------------------------------------------------------------- */

/** A number of units. Zeroed: none, unbounded. Private. */
typedef struct picot_semaphore {
    picot_sync sync;
    int64_t value, bound; /* bound 0: none */
} picot_semaphore;

/** @param value  units at the beginning, at least 0. @return 0; -EINVAL. @since 0.1 */
PICOT_API int picot_semaphore_init(picot_semaphore *semaphore, int64_t value);
/** The same, and it never has more: a release above that is refused. @param value at least 1. @since 0.1 */
PICOT_API int picot_semaphore_init_bounded(picot_semaphore *semaphore, int64_t value);

/**
 * picot_await(picot_semaphore_acquire(.semaphore = &my->slots, .units = 2)): take units; left out: one.
 * Result: 0; -EINVAL: also negative, or more than a bounded one ever has; the common codes. @since 0.1
 */
struct picot_semaphore_acquire_head {
    picot_frame _co;
    picot_semaphore *semaphore;
    int64_t units;
    picot_waiter _waiter;
    int _ret;
};
#define picot_semaphore_acquire(...) picot_call(picot_semaphore_acquire, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_semaphore_acquire);

/** Take units if they are there and nobody waits. @param units at least 1.
 * @return 0; -EBUSY; PICOT_EBROKEN; -EINVAL. @since 0.1 */
PICOT_API int picot_semaphore_try(picot_semaphore *semaphore, int64_t units);
/** Give units back, or new ones; from any task or callback. @param units at least 1.
 * @return 0; -EOVERFLOW: above the bound, nothing is changed; -EINVAL. @since 0.1 */
PICOT_API int picot_semaphore_release(picot_semaphore *semaphore, int64_t units);
/** The units that are there. @since 0.1 */
PICOT_API int64_t picot_semaphore_value(const picot_semaphore *semaphore);
/** 1: an acquire of one unit would wait; 0. @since 0.1 */
PICOT_API int picot_semaphore_locked(const picot_semaphore *semaphore);
/** As picot_event_break. @since 0.1 */
PICOT_API int picot_semaphore_break(picot_semaphore *semaphore);
/** An arm that wins when it has got the units, at least 1. @since 0.1 */
PICOT_API picot_arm picot_arm_semaphore(picot_semaphore *semaphore, int64_t units);

/** picot_with_units(my->hold, &semaphore, 2) { ... }  They are given back when the block is left: see picot_with_lock.
 */
#define picot_with_units(hold, semaphore, units) PICOT_WITH_UNITS_(PICOT_STAY_, hold, semaphore, units)
#define picot_try_with_units(hold, semaphore, units) PICOT_WITH_UNITS_(PICOT_LEAVE_, hold, semaphore, units)
#define PICOT_WITH_UNITS_(fail, hold_, semaphore_, count_)                                                             \
    PICOT_HOLD_(fail, __COUNTER__, hold_, picot_rt_hold_units(&(hold_), (semaphore_), (count_)),                       \
                picot_semaphore_acquire(.semaphore = (picot_semaphore *)(hold_).wanted, .units = (hold_).units))

/* ---- capacity limiter -------------------------------------------------------------------------- */

struct picot__borrower;

/** Tokens, each of which somebody has: a semaphore that knows who. Begin with picot_limiter_init. Private. */
typedef struct picot_limiter {
    picot_sync sync;
    int64_t total, borrowed, waiting;
    struct picot__borrower *borrowers[16]; /* by hash */
} picot_limiter;

/** @param total  tokens, at least 0. @return 0; -EINVAL. @since 0.1 */
PICOT_API int picot_limiter_init(picot_limiter *limiter, int64_t total);

/**
 * picot_await(picot_limiter_acquire(.limiter = &my->limiter, .borrower = job)): borrow one token, for the running task,
 * or on behalf of something that any pointer identifies. A borrower has one token at most.
 * Result: 0; -EALREADY: that borrower has one, or waits for one; -ENOMEM; the common codes. A task that ends with its
 * token takes it along: use picot_with_token. @since 0.1
 */
struct picot_limiter_acquire_head {
    picot_frame _co;
    picot_limiter *limiter;
    const void *borrower;
    picot_waiter _waiter;
    int _ret;
};
#define picot_limiter_acquire(...) picot_call(picot_limiter_acquire, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_limiter_acquire);

/** Borrow if that needs no waiting. @param self picot_self. @param borrower NULL: the task.
 * @return 0; -EBUSY; else as picot_limiter_acquire. @since 0.1 */
PICOT_API int picot_limiter_try(picot_limiter *limiter, const void *borrower, picot_task *self);
/** Give a token back. @param borrower NULL: the running task.
 * @return 0; PICOT_ENOTOWNER: that borrower has none; -EINVAL. @since 0.1 */
PICOT_API int picot_limiter_release(picot_limiter *limiter, const void *borrower);
/** Raise or lower the total. Tokens that are out stay out: until enough have come back none are lent.
 * @return 0; -EINVAL: negative, NULL. @since 0.1 */
PICOT_API int picot_limiter_set_total(picot_limiter *limiter, int64_t total);

typedef struct picot_limiter_statistics {
    int64_t total, borrowed;
    int64_t available; /**< 0 also while more are out than the total */
    int64_t waiting;   /**< tasks in line */
} picot_limiter_statistics;

/** @return 0; -EINVAL: NULL. @since 0.1 */
PICOT_API int picot_limiter_statistics_get(const picot_limiter *limiter, picot_limiter_statistics *ret_statistics);
/** 1: that borrower (not NULL) has a token; 0. @since 0.1 */
PICOT_API int picot_limiter_holds(const picot_limiter *limiter, const void *borrower);
/** As picot_event_break. Tokens that are out may still be given back. @since 0.1 */
PICOT_API int picot_limiter_break(picot_limiter *limiter);

/** picot_with_token(my->hold, &limiter) { ... }  A token for the task, given back when the block is left: see
 * picot_with_lock. */
#define picot_with_token(hold, limiter) PICOT_WITH_TOKEN_(PICOT_STAY_, hold, limiter)
#define picot_try_with_token(hold, limiter) PICOT_WITH_TOKEN_(PICOT_LEAVE_, hold, limiter)
#define PICOT_WITH_TOKEN_(fail, hold_, limiter_)                                                                       \
    PICOT_HOLD_(fail, __COUNTER__, hold_, picot_rt_hold_token(&(hold_), (limiter_)),                                   \
                picot_limiter_acquire(.limiter = (picot_limiter *)(hold_).wanted))

/* ---- token bucket ------------------------------------------------------------------------------ */

/**
 * A rate: tokens flow in evenly, up to a burst, and are used up. In whole numbers: nothing is lost by rounding, however
 * long it runs. Begin with picot_token_bucket_init. Private.
 */
typedef struct picot_token_bucket {
    picot_sync sync;
    picot_loop *loop;
    int64_t tokens, period_ns, burst;
    int64_t level;  /* a token is period_ns of it, and each nanosecond adds `tokens` */
    int64_t at_ns;  /* when that was true */
    int64_t queued; /* tokens that are waited for */
    struct picot_wheel_node timer;
} picot_token_bucket;

/**
 * Make a full bucket. Three per second with at most ten at once: tokens 3, period_ns PICOT_SECOND, burst 10.
 * @param loop       whose clock it goes by, and whose tasks use it
 * @param tokens     that flow in per period, at least 1
 * @param period_ns  at least 1
 * @param burst      how many it holds, at least 1
 * @return  0; -EINVAL; -ERANGE: burst * period_ns does not fit. @since 0.1
 */
PICOT_API int picot_token_bucket_init(picot_token_bucket *bucket, picot_loop *loop, int64_t tokens, int64_t period_ns,
                                      int64_t burst);

/**
 * picot_await(picot_token_bucket_take(.bucket = &my->rate, .tokens = 2)): use up tokens; left out: one.
 * Result: 0; -EINVAL: also negative, or more than the burst; the common codes. @since 0.1
 */
struct picot_token_bucket_take_head {
    picot_frame _co;
    picot_token_bucket *bucket;
    int64_t tokens;
    picot_waiter _waiter;
    int _ret;
};
#define picot_token_bucket_take(...) picot_call(picot_token_bucket_take, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_token_bucket_take);

/** Take tokens if they are there and nobody waits. @param tokens 1 .. burst.
 * @return 0; -EBUSY; PICOT_EBROKEN; -EINVAL. @since 0.1 */
PICOT_API int picot_token_bucket_try(picot_token_bucket *bucket, int64_t tokens);
/** How long a take that begins now would wait, those in front of it included.
 * @param tokens 1 .. burst. @return nanoseconds, 0: not at all; -EINVAL. @since 0.1 */
PICOT_API int64_t picot_token_bucket_delay(picot_token_bucket *bucket, int64_t tokens);
/** As picot_event_break. @since 0.1 */
PICOT_API int picot_token_bucket_break(picot_token_bucket *bucket);

/** Behind the blocks above. Private. @since 0.1 */
PICOT_API int picot_rt_hold_units(picot_hold *hold, picot_semaphore *semaphore, int64_t units);
PICOT_API int picot_rt_hold_token(picot_hold *hold, picot_limiter *limiter);

PICOT_END_DECLS

#endif /* PICOT_LIMITER_H */
