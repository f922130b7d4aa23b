/* SPDX-License-Identifier: MIT
 *
 * signal.c - signals to await: a watcher each, what has come and nobody has taken, and those who wait.
 */
#include <picot/signal_wait.h>

#include "waitqueue.h"

#define KEPT 8

/* One signal of a picot_signals. */
struct picot__signal_kept {
    picot_signal watcher;
    picot_signals *signals;
    unsigned first, count;
    picot_signal_info infos[KEPT];
};

/* ---- keeping ----------------------------------------------------------------------------------- */

/* The oldest one makes room: it is counted among those before its successor. */
static void keep(struct picot__signal_kept *kept, const picot_signal_info *info)
{
    if (kept->count == KEPT) {
        uint64_t dropped = 1 + kept->infos[kept->first].coalesced;
        kept->first = (kept->first + 1) % KEPT;
        kept->count--;
        kept->infos[kept->first].coalesced += dropped;
    }
    kept->infos[(kept->first + kept->count++) % KEPT] = *info;
}

static int give(picot_signal_info *ret_info, const picot_signal_info *info)
{
    if (ret_info) *ret_info = *info;
    return info->number;
}

/* Who waits longest has it now; else it is kept. */
static void came(picot_loop *loop, picot_signal *watcher, const picot_signal_info *info)
{
    struct picot__signal_kept *kept = watcher->user;
    picot_waiter *waiter = kept->signals->waiters.first;
    (void)loop;
    if (!waiter)
        keep(kept, info);
    else
        picot__grant(&kept->signals->waiters, waiter, give(waiter->slot, info));
}

int picot_signals_try(picot_signals *signals, picot_signal_info *ret_info)
{
    if (!signals || !signals->kept) return -EINVAL;
    for (size_t i = 0; i < signals->count; i++) {
        size_t index = (signals->next + i) % signals->count;
        struct picot__signal_kept *kept = &signals->kept[index];
        if (kept->count == 0) continue;
        int number = give(ret_info, &kept->infos[kept->first]);
        kept->first = (kept->first + 1) % KEPT;
        kept->count--;
        signals->next = (index + 1) % signals->count;
        return number;
    }
    return -EBUSY;
}

/* ---- open and close ---------------------------------------------------------------------------- */

static void end(picot_signals *signals, size_t count)
{
    struct picot__signal_kept *kept = signals->kept;
    for (size_t i = 0; i < count; i++)
        (void)picot_signal_remove(signals->loop, &kept[i].watcher);
    picot_free(signals->loop, kept, signals->count * sizeof *kept);
    *signals = (picot_signals){.loop = NULL};
}

int picot_signals_open_list(picot_loop *loop, picot_signals *signals, const int *numbers)
{
    size_t count = 0;
    int rc = picot__may_use(loop);
    if (rc < 0) return rc;
    if (!signals || !numbers || numbers[0] == 0) return -EINVAL;
    if (signals->kept) return -EALREADY;
    while (numbers[count])
        count++;
    struct picot__signal_kept *kept = picot_alloc(loop, count * sizeof *kept);
    if (!kept) return -ENOMEM;
    memset(kept, 0, count * sizeof *kept);
    *signals = (picot_signals){.loop = loop, .kept = kept, .count = count};
    for (size_t i = 0; i < count; i++) {
        kept[i].signals = signals;
        rc = picot_signal_add(loop, &kept[i].watcher, numbers[i], 0, came, &kept[i]);
        if (rc < 0) {
            end(signals, i);
            return rc;
        }
    }
    return 0;
}

int picot_signals_close(picot_signals *signals)
{
    if (!signals) return -EINVAL;
    if (!signals->kept) return 0;
    int rc = picot__may_use(signals->loop);
    if (rc < 0) return rc;
    (void)picot__grant_all(&signals->waiters, PICOT_ECLOSED);
    end(signals, signals->count);
    return 0;
}

/* ---- waiting ----------------------------------------------------------------------------------- */

static int look(picot_signals *signals, const picot_loop *loop, picot_signal_info *ret_info)
{
    if (signals && signals->kept && signals->loop != loop) return -EPERM;
    return picot_signals_try(signals, ret_info);
}

/* The number is the result; the status is 0. */
static picot_step success(picot_frame *leaf, picot_step step)
{
    if (step.rc <= 0) return step;
    leaf->rc = 0;
    return (picot_step){0};
}

static void wait_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_signal_wait_head *my = (struct picot_signal_wait_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &my->signals->waiters, &my->_waiter);
}

picot_step picot_signal_wait_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_signal_wait_head *my = (struct picot_signal_wait_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return success(leaf, step);
    my->_ret = look(my->signals, picot__coro_of_task(task)->loop, my->ret_info);
    if (my->_ret == -EBUSY) {
        my->_waiter.slot = my->ret_info;
        return picot__park(task, leaf, &my->signals->waiters, &my->_waiter);
    }
    return success(leaf, picot__leaf_now(task, leaf, my->_ret));
}

PICOT__LEAF_FN(picot_signal_wait, wait_cancel);

/* ---- an arm ------------------------------------------------------------------------------------ */

static int arm_poll(picot_loop *loop, picot_arm *arm)
{
    int rc = look(arm->object, loop, arm->waiter.slot);
    if (rc == -EBUSY) return 0;
    arm->rc = rc;
    return rc < 0 ? rc : 1;
}

static int arm_enlist(picot_loop *loop, picot_arm *arm)
{
    picot_signals *signals = arm->object;
    (void)loop;
    picot__waitqueue_append(&signals->waiters, &arm->waiter);
    return 0;
}

static int arm_withdraw(picot_loop *loop, picot_arm *arm)
{
    picot_signals *signals = arm->object;
    (void)loop;
    (void)picot__waitqueue_remove(&signals->waiters, &arm->waiter);
    return 1;
}

picot_arm picot_arm_signal(picot_signals *signals, picot_signal_info *ret_info)
{
    static const struct picot_arm_kind kind = {arm_poll, arm_enlist, arm_withdraw};
    return (picot_arm){.kind = &kind, .object = signals, .waiter = {.slot = ret_info}};
}
