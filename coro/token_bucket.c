/* SPDX-License-Identifier: MIT
 *
 * token_bucket.c - a rate: tokens flow in evenly and are used up in order.
 *
 * The level is counted in fractions of a token so small that each nanosecond adds a whole number of them: `tokens` of
 * them, with `period_ns` to a token. So there is no remainder to lose. One timer, for the first in line, runs only
 * while somebody waits.
 */
#include "sync.h"

static int64_t full(const picot_token_bucket *bucket)
{
    return bucket->burst * bucket->period_ns;
}

static void fill(picot_token_bucket *bucket)
{
    int64_t now_ns = picot_loop_now(bucket->loop), gained, level;
    bool over = __builtin_mul_overflow(now_ns - bucket->at_ns, bucket->tokens, &gained) ||
                __builtin_add_overflow(bucket->level, gained, &level) || level > full(bucket);
    bucket->level = over ? full(bucket) : level;
    bucket->at_ns = now_ns;
}

/* How long until there is as much as this: rounded up, for a timer must not come too early. */
static int64_t time_until(const picot_token_bucket *bucket, int64_t level)
{
    int64_t missing = level - bucket->level;
    return missing <= 0 ? 0 : missing / bucket->tokens + (missing % bucket->tokens != 0);
}

static void serve(picot_token_bucket *bucket);

static void time_has_come(picot_loop *loop, struct picot_wheel_node *node)
{
    (void)loop;
    serve((picot_token_bucket *)(void *)((char *)node - offsetof(picot_token_bucket, timer)));
}

static void set_timer(picot_token_bucket *bucket)
{
    const picot_waiter *first = bucket->sync.waiters.first;
    picot_wheel_disarm(bucket->loop, &bucket->timer);
    if (!first) return;
    int64_t delay_ns = time_until(bucket, first->want * bucket->period_ns), deadline_ns;
    if (__builtin_add_overflow(bucket->at_ns, delay_ns, &deadline_ns)) deadline_ns = PICOT_NEVER;
    bucket->timer.deadline_ns = deadline_ns;
    bucket->timer.expire = time_has_come;
    picot_wheel_arm(bucket->loop, &bucket->timer);
}

static void serve(picot_token_bucket *bucket)
{
    picot_waitqueue *queue = &bucket->sync.waiters;
    fill(bucket);
    while (queue->first && queue->first->want * bucket->period_ns <= bucket->level) {
        bucket->level -= queue->first->want * bucket->period_ns;
        bucket->queued -= queue->first->want;
        picot__grant(queue, queue->first, 0);
    }
    set_timer(bucket);
}

static int refusal(const picot_token_bucket *bucket, int64_t tokens)
{
    if (!bucket || !bucket->loop || tokens < 1 || tokens > bucket->burst) return -EINVAL;
    return bucket->sync.broken ? PICOT_EBROKEN : 0;
}

int picot_token_bucket_try(picot_token_bucket *bucket, int64_t tokens)
{
    int rc = refusal(bucket, tokens);
    if (rc < 0) return rc;
    fill(bucket);
    if (bucket->sync.waiters.first || bucket->level < tokens * bucket->period_ns) return -EBUSY;
    bucket->level -= tokens * bucket->period_ns;
    return 0;
}

/* ---- take -------------------------------------------------------------------------------------- */

static void take_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_token_bucket_take_head *my = (struct picot_token_bucket_take_head *)(void *)leaf;
    if (!picot__unpark(task, leaf, &my->bucket->sync.waiters, &my->_waiter)) return;
    my->bucket->queued -= my->_waiter.want;
    serve(my->bucket);
}

static int take(picot_token_bucket *bucket, int64_t tokens, const picot_task *task)
{
    if (!bucket || !bucket->loop) return -EINVAL;
    if (bucket->loop != picot_task_loop(task)) return -EPERM;
    return picot_token_bucket_try(bucket, tokens);
}

picot_step picot_token_bucket_take_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_token_bucket_take_head *my = (struct picot_token_bucket_take_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_waiter.want = my->tokens == 0 ? 1 : my->tokens;
    my->_ret = take(my->bucket, my->_waiter.want, task);
    if (my->_ret != -EBUSY) return picot__leaf_now(task, leaf, my->_ret);
    my->bucket->queued += my->_waiter.want;
    bool alone = !my->bucket->sync.waiters.first;
    step = picot__park(task, leaf, &my->bucket->sync.waiters, &my->_waiter);
    if (alone) set_timer(my->bucket);
    return step;
}

PICOT__LEAF_FN(picot_token_bucket_take, take_cancel);

/* ---- made, asked, broken ----------------------------------------------------------------------- */

int picot_token_bucket_init(picot_token_bucket *bucket, picot_loop *loop, int64_t tokens, int64_t period_ns,
                            int64_t burst)
{
    if (!bucket || !loop || tokens < 1 || period_ns < 1 || burst < 1) return -EINVAL;
    int64_t level;
    if (__builtin_mul_overflow(burst, period_ns, &level)) return -ERANGE;
    *bucket = (picot_token_bucket){.loop = loop, .tokens = tokens, .period_ns = period_ns, .burst = burst};
    bucket->level = level;
    bucket->at_ns = picot_loop_now(loop);
    return 0;
}

int64_t picot_token_bucket_delay(picot_token_bucket *bucket, int64_t tokens)
{
    int rc = refusal(bucket, tokens);
    if (rc == -EINVAL) return rc;
    int64_t all, level;
    fill(bucket);
    if (__builtin_add_overflow(bucket->queued, tokens, &all) || __builtin_mul_overflow(all, bucket->period_ns, &level))
        return PICOT_NEVER;
    return time_until(bucket, level);
}

int picot_token_bucket_break(picot_token_bucket *bucket)
{
    if (!bucket || !bucket->loop) return -EINVAL;
    bucket->queued = 0;
    picot_wheel_disarm(bucket->loop, &bucket->timer);
    return picot__sync_break(&bucket->sync);
}
