/* SPDX-License-Identifier: MIT
 *
 * timer.h - callbacks at a time. Rules of thread, reentrancy, fork and NULL: see loop.h.
 *
 * A timer never fires early. Timers fire in the order of their deadlines, those of equal deadlines in the order they
 * were set, or in any order when the loop has a seed (see picot_loop_options). A timer set from a callback fires in a
 * later turn, even with a delay of 0.
 */
#ifndef PICOT_TIMER_H
#define PICOT_TIMER_H

#include <picot/loop.h>

PICOT_BEGIN_DECLS

/** A place in the timing wheel. Private; its users are the timer, the operation and the sleep of a task. */
struct picot_wheel_node {
    struct picot_wheel_node *next, *prev; /* in a slot's circular list; next is NULL when unarmed */
    int64_t deadline_ns;
    void (*expire)(picot_loop *loop, struct picot_wheel_node *node);
};

/** A timer in the caller's memory. Zero it, or use PICOT_TIMER_INIT, once before its first use. */
typedef struct picot_timer {
    picot_callback *fn;
    void *user;
    struct {
        struct picot_wheel_node node;
        int64_t deadline_ns; /* when it fires: not before the node's, at which it is looked at again */
    } _;
} picot_timer;

#define PICOT_TIMER_INIT                                                                                               \
    {                                                                                                                  \
        0, 0,                                                                                                          \
        {                                                                                                              \
            {0, 0, 0, 0}, 0                                                                                            \
        }                                                                                                              \
    }

/**
 * Call fn(loop, user) after a delay. An armed timer is moved to the new time.
 * @param delay_ns  nanoseconds from picot_loop_now; 0: next turn; PICOT_NEVER (or past the end of time): armed, but
 *                  never
 * @return  0; -EINVAL: NULL, or a negative delay; -EPERM, PICOT_EFORKED
 * Ownership: the timer is the loop's until it fires or is cancelled; its callback may free it or set it anew.
 * @since 0.1
 */
PICOT_API int picot_call_later(picot_loop *loop, picot_timer *timer, int64_t delay_ns, picot_callback *fn, void *user);

/**
 * Call fn(loop, user) at a time of picot_loop_now's clock. An armed timer is moved to the new time.
 * @param deadline_ns  nanoseconds; a time in the past fires in the next turn, still ordered by its deadline
 * @return  as picot_call_later. @since 0.1
 */
PICOT_API int picot_call_at(picot_loop *loop, picot_timer *timer, int64_t deadline_ns, picot_callback *fn, void *user);

/**
 * Put a timer off: the same function and user, after a delay from now. For time-outs that are moved with each request
 * and hardly ever fire: to move an armed timer to a later time is one store. It keeps its place until its former
 * deadline has passed, and is then entered anew; the loop may wake for that once per former deadline.
 * A timer that is not armed, or is moved to an earlier time than that of its place, is set as by picot_call_later.
 * Order: among equal deadlines a timer that was put off counts as set when it was entered anew, not when this was
 * called. When a loop is so late that former and new deadline are both past, it fires at the place of the former one.
 * @param timer     set before, by picot_call_later or picot_call_at
 * @param delay_ns  as for picot_call_later
 * @return  0; -EINVAL: NULL, never set before, or a negative delay; -EPERM, PICOT_EFORKED. @since 0.1
 */
PICOT_API int picot_timer_extend(picot_loop *loop, picot_timer *timer, int64_t delay_ns);

/** The same, to a time of picot_loop_now's clock. @return as picot_timer_extend. @since 0.1 */
PICOT_API int picot_timer_extend_at(picot_loop *loop, picot_timer *timer, int64_t deadline_ns);

/** Disarm: it will not fire, also not in this turn. @return 0, also when it is not armed; -EINVAL, -EPERM. @since 0.1
 */
PICOT_API int picot_timer_cancel(picot_loop *loop, picot_timer *timer);

/** When the timer fires: nanoseconds of picot_loop_now's clock; PICOT_NEVER when unarmed or NULL. @since 0.1 */
PICOT_API int64_t picot_timer_deadline(const picot_timer *timer);

PICOT_END_DECLS

#endif /* PICOT_TIMER_H */
