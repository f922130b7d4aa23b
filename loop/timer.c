/* SPDX-License-Identifier: MIT
 *
 * timer.c - callbacks at a time: the public timer, on the wheel of wheel.c.
 */
#include "wheel.h"

void picot__timer_expired(picot_loop *loop, struct picot_wheel_node *node)
{
    picot_timer *timer = (picot_timer *)((char *)node - offsetof(picot_timer, _.node));

    if (timer->_.deadline_ns > loop->now_ns) { /* it was put off */
        node->deadline_ns = timer->_.deadline_ns;
        picot__wheel_add(&loop->wheel, node);
        loop->metrics.timers--;
        return;
    }
    assert(loop->armed_timers > 0);
    loop->armed_timers--;
    picot__budget_renew(loop);
    timer->fn(loop, timer->user);
}

static inline int enter(picot_loop *loop, picot_timer *timer, int64_t deadline_ns, picot_callback *fn, void *user)
{
    timer->fn = fn;
    timer->user = user;
    timer->_.node.deadline_ns = timer->_.deadline_ns = deadline_ns;
    timer->_.node.expire = picot__timer_expired;
    picot__wheel_enter(&loop->wheel, &timer->_.node);
    return 0;
}

/* Apart, so that arming a timer for the first time calls nothing and saves no registers. */
static __attribute__((noinline)) int move(picot_loop *loop, picot_timer *timer, int64_t deadline_ns, picot_callback *fn,
                                          void *user)
{
    picot__wheel_remove(&loop->wheel, &timer->_.node);
    return enter(loop, timer, deadline_ns, fn, user);
}

static inline int arm(picot_loop *loop, picot_timer *timer, int64_t deadline_ns, picot_callback *fn, void *user)
{
    if (timer->_.node.next) return move(loop, timer, deadline_ns, fn, user);
    loop->armed_timers++;
    return enter(loop, timer, deadline_ns, fn, user);
}

int picot_call_at(picot_loop *loop, picot_timer *timer, int64_t deadline_ns, picot_callback *fn, void *user)
{
    int code = picot__check(loop);

    if (code < 0) return code;
    if (!timer || !fn) return PICOT__MISUSE(-EINVAL, "picot_call_at: no timer or no function");
    return arm(loop, timer, deadline_ns, fn, user);
}

/* The time after a delay: PICOT_NEVER for that one, and past the end of time. */
static int64_t time_after(const picot_loop *loop, int64_t delay_ns)
{
    int64_t deadline_ns;

    if (delay_ns == PICOT_NEVER || __builtin_add_overflow(loop->now_ns, delay_ns, &deadline_ns)) return PICOT_NEVER;
    return deadline_ns;
}

int picot_call_later(picot_loop *loop, picot_timer *timer, int64_t delay_ns, picot_callback *fn, void *user)
{
    int code = picot__check(loop);

    if (code < 0) return code;
    if (!timer || !fn) return PICOT__MISUSE(-EINVAL, "picot_call_later: no timer or no function");
    if (delay_ns < 0) return -EINVAL;
    return arm(loop, timer, time_after(loop, delay_ns), fn, user);
}

/* The node stays where it is as long as that is not too late. */
static int extend(picot_loop *loop, picot_timer *timer, int64_t deadline_ns)
{
    if (!timer->_.node.next || deadline_ns < timer->_.node.deadline_ns)
        return arm(loop, timer, deadline_ns, timer->fn, timer->user);
    timer->_.deadline_ns = deadline_ns;
    return 0;
}

int picot_timer_extend_at(picot_loop *loop, picot_timer *timer, int64_t deadline_ns)
{
    int code = picot__check(loop);

    if (code < 0) return code;
    if (!timer || !timer->fn) return PICOT__MISUSE(-EINVAL, "picot_timer_extend_at: a timer that was never set");
    return extend(loop, timer, deadline_ns);
}

int picot_timer_extend(picot_loop *loop, picot_timer *timer, int64_t delay_ns)
{
    int code = picot__check(loop);

    if (code < 0) return code;
    if (!timer || !timer->fn) return PICOT__MISUSE(-EINVAL, "picot_timer_extend: a timer that was never set");
    return delay_ns < 0 ? -EINVAL : extend(loop, timer, time_after(loop, delay_ns));
}

int picot_timer_cancel(picot_loop *loop, picot_timer *timer)
{
    int code = picot__check(loop);

    if (code < 0) return code;
    if (!timer) return PICOT__MISUSE(-EINVAL, "picot_timer_cancel: no timer");
    if (!timer->_.node.next) return 0;
    picot__wheel_remove(&loop->wheel, &timer->_.node);
    loop->armed_timers--;
    return 0;
}

int64_t picot_timer_deadline(const picot_timer *timer)
{
    return timer && timer->_.node.next ? timer->_.deadline_ns : PICOT_NEVER;
}
