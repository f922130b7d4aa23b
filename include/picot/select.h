/* SPDX-License-Identifier: MIT
 *
 * select.h - wait for the first of several things: tasks, queues, locks, events, descriptors, times.
 *
 *     my->arms[0] = picot_arm_get(&my->queue, &my->item);
 *     my->arms[1] = picot_arm_future(my->job);
 *     my->arms[2] = picot_arm_sleep(PICOT_SECOND);
 *     picot_await(my->which, picot_select(.arms = my->arms, .count = 3));
 *     if (my->which == 0) ... my->item ...
 *
 * Exactly one arm wins: its effect has taken place (the item was taken, the lock is held), and its arm's `rc` says how.
 * The others are withdrawn without any effect: no item is lost, no place in a queue is kept. Arms that are ready at
 * once are preferred in their order. An arm is made anew for each picot_select; it lies in the function's locals.
 */
#ifndef PICOT_SELECT_H
#define PICOT_SELECT_H

#include <picot/coro.h>
#include <picot/op.h>

PICOT_BEGIN_DECLS

typedef struct picot_arm picot_arm;

/** What an arm waits for. Made by the picot_arm_... functions of each header; private. */
struct picot_arm {
    int rc; /**< after picot_select, of the arm that won: what its own await would have given */
    const struct picot_arm_kind *kind;
    void *object;
    int64_t number; /* a handle, a duration, units: as the kind likes */
    picot_waiter waiter;
    union {
        struct picot_wheel_node timer;
        picot_op op;
    } _;
};

/** How a kind of arm is waited for. For libraries with waitable things of their own. */
struct picot_arm_kind {
    /** Take effect at once if that is possible: 1 with arm->rc set; 0: not now; negative: misuse, the select's result.
     */
    int (*poll)(picot_loop *loop, picot_arm *arm);
    /** Enter arm->waiter (task, owner and granted are set), or begin what ends in arm->waiter.granted. 0 or a code. */
    int (*enlist)(picot_loop *loop, picot_arm *arm);
    /** Take it back. 1: gone; 0: its granted is still to come, with -ECANCELED or as it turns out. */
    int (*withdraw)(picot_loop *loop, picot_arm *arm);
};

/**
 * picot_await(my->which, picot_select(.arms = arms, .count = n)): wait for the first.
 * Result: the index of the arm that won; -EINVAL: no arms, or one of them misused; -ECANCELED; -ENOMEM.
 * Cancel: all arms are withdrawn, unless one has won: then its index, and the cancellation is told at the next await.
 * @since 0.1
 */
struct picot_select_head {
    picot_frame _co;
    picot_arm *arms;
    size_t count;
    size_t _left; /* arms whose withdrawal is still under way */
    int _ret;
};
#define picot_select(...) picot_call(picot_select, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_select);

/** An arm that wins after a time; 0: unless another is ready at once. rc 0; a negative ns is -EINVAL. @since 0.1 */
PICOT_API picot_arm picot_arm_sleep(int64_t ns);

/** An arm that wins when a descriptor is ready; rc: what picot_poll would give. @since 0.1 */
PICOT_API picot_arm picot_arm_poll(picot_fd fd, unsigned events);

PICOT_END_DECLS

#endif /* PICOT_SELECT_H */
