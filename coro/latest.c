/* SPDX-License-Identifier: MIT
 *
 * latest.c - one value that changes: set at once, copied to everyone who waits.
 *
 * A waiter's `slot` is where the value goes, or NULL, and its `want` where the version it has seen stands.
 */
#include <picot/latest.h>

#include "store.h"

static bool is_open(const picot_latest *latest)
{
    return latest && latest->ready;
}

static void hand_over(const picot_latest *latest, uint64_t *seen, void *ret_value)
{
    if (ret_value) picot__item_copy(ret_value, latest->value, latest->size);
    *seen = latest->version;
}

/* 0: handed over; else PICOT__MUST_WAIT, or why not. */
static int look(const picot_latest *latest, const picot_ready_queue *ready, uint64_t *seen, void *ret_value)
{
    if (!is_open(latest) || !seen) return -EINVAL;
    if (latest->ready != ready) return -EPERM;
    if (*seen == latest->version) return latest->closed ? PICOT_ECLOSED : PICOT__MUST_WAIT;
    hand_over(latest, seen, ret_value);
    return 0;
}

/* ---- made, set, asked -------------------------------------------------------------------------------- */

int picot_latest_init(picot_loop *loop, picot_latest *latest, size_t size, const void *initial)
{
    if (!loop || !latest || size == 0 || !initial) return -EINVAL;
    void *value = picot_alloc(loop, size);
    if (!value) return -ENOMEM;
    memcpy(value, initial, size);
    *latest = (picot_latest){.loop = loop, .value = value, .size = size, .version = 1};
    latest->ready = picot_extension_ready(loop);
    return 0;
}

int picot_latest_set(picot_latest *latest, const void *value)
{
    int count = 0;
    if (!is_open(latest) || !value) return -EINVAL;
    if (latest->closed) return PICOT_ECLOSED;
    memmove(latest->value, value, latest->size); /* it may be the borrowed one */
    latest->version++;
    for (picot_waiter *waiter; (waiter = latest->waiters.first) != NULL; count++) {
        hand_over(latest, (uint64_t *)(intptr_t)waiter->want, waiter->slot);
        picot__grant(&latest->waiters, waiter, 0);
    }
    return count;
}

int picot_latest_get(const picot_latest *latest, void *ret_value, uint64_t *ret_version)
{
    if (!is_open(latest) || !ret_value) return -EINVAL;
    picot__item_copy(ret_value, latest->value, latest->size);
    if (ret_version) *ret_version = latest->version;
    return 0;
}

const void *picot_latest_borrow(const picot_latest *latest)
{
    return is_open(latest) ? latest->value : NULL;
}

uint64_t picot_latest_version(const picot_latest *latest)
{
    return is_open(latest) ? latest->version : 0;
}

int picot_latest_close(picot_latest *latest)
{
    if (!is_open(latest)) return -EINVAL;
    latest->closed = 1;
    (void)picot__grant_all(&latest->waiters, PICOT_ECLOSED);
    return 0;
}

void picot_latest_destroy(picot_latest *latest)
{
    if (!is_open(latest)) return;
    (void)picot_latest_close(latest);
    picot_free(latest->loop, latest->value, latest->size);
    *latest = (picot_latest){0};
}

/* ---- waited for ---------------------------------------------------------------------------------------- */

static void changed_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_latest_changed_head *my = (struct picot_latest_changed_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &my->latest->waiters, &my->_waiter);
}

picot_step picot_latest_changed_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_latest_changed_head *my = (struct picot_latest_changed_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_ret = look(my->latest, task->group->ready, my->seen, my->ret_value);
    if (my->_ret != PICOT__MUST_WAIT) return picot__leaf_now(task, leaf, my->_ret);
    my->_waiter.slot = my->ret_value;
    my->_waiter.want = (intptr_t)my->seen;
    return picot__park(task, leaf, &my->latest->waiters, &my->_waiter);
}

PICOT__LEAF_FN(picot_latest_changed, changed_cancel);

static int arm_poll(picot_loop *loop, picot_arm *arm)
{
    uint64_t *seen = (uint64_t *)(intptr_t)arm->waiter.want;
    arm->rc = look(arm->object, picot_extension_ready(loop), seen, arm->waiter.slot);
    if (arm->rc == -EINVAL || arm->rc == -EPERM) return arm->rc;
    return arm->rc != PICOT__MUST_WAIT;
}

static int arm_enlist(picot_loop *loop, picot_arm *arm)
{
    picot_latest *latest = arm->object;
    (void)loop;
    picot__waitqueue_append(&latest->waiters, &arm->waiter);
    return 0;
}

static int arm_withdraw(picot_loop *loop, picot_arm *arm)
{
    picot_latest *latest = arm->object;
    (void)loop;
    (void)picot__waitqueue_remove(&latest->waiters, &arm->waiter);
    return 1;
}

picot_arm picot_arm_latest_changed(picot_latest *latest, uint64_t *seen, void *ret_value)
{
    static const struct picot_arm_kind kind = {arm_poll, arm_enlist, arm_withdraw};
    return (picot_arm){.kind = &kind, .object = latest, .waiter = {.slot = ret_value, .want = (intptr_t)seen}};
}
