/* SPDX-License-Identifier: MIT
 *
 * timer.c - callbacks at a time: the public timer, on the wheel of wheel.c.
 */
#include "internal.h"

void picot__timer_expired(picot_loop *loop, struct picot_wheel_node *node)
{
    picot_timer *timer = (picot_timer *)((char *)node - offsetof(picot_timer, _.node));

    picot__wheel_remove(&loop->wheel, node);
    assert(loop->armed_timers > 0);
    loop->armed_timers--;
    picot__budget_renew(loop);
    timer->fn(loop, timer->user);
}

static void arm(picot_loop *loop, picot_timer *timer, int64_t deadline_ns, picot_callback *fn, void *user)
{
    if (timer->_.node.next) {
        picot__wheel_remove(&loop->wheel, &timer->_.node);
    } else {
        loop->armed_timers++;
    }
    timer->fn = fn;
    timer->user = user;
    timer->_.node.deadline_ns = deadline_ns;
    timer->_.node.expire = picot__timer_expired;
    picot__wheel_add(&loop->wheel, &timer->_.node);
}

int picot_call_at(picot_loop *loop, picot_timer *timer, int64_t deadline_ns, picot_callback *fn, void *user)
{
    int code = picot__check(loop);

    if (code < 0) return code;
    if (!timer || !fn) return PICOT__MISUSE(-EINVAL, "picot_call_at: no timer or no function");
    arm(loop, timer, deadline_ns, fn, user);
    return 0;
}

int picot_call_later(picot_loop *loop, picot_timer *timer, int64_t delay_ns, picot_callback *fn, void *user)
{
    int code = picot__check(loop);
    int64_t deadline_ns;

    if (code < 0) return code;
    if (!timer || !fn) return PICOT__MISUSE(-EINVAL, "picot_call_later: no timer or no function");
    if (delay_ns < 0) return -EINVAL;
    if (delay_ns == PICOT_NEVER || __builtin_add_overflow(loop->now_ns, delay_ns, &deadline_ns))
        deadline_ns = PICOT_NEVER;
    arm(loop, timer, deadline_ns, fn, user);
    return 0;
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
    return timer && timer->_.node.next ? timer->_.node.deadline_ns : PICOT_NEVER;
}
