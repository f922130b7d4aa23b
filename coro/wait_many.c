/* SPDX-License-Identifier: MIT
 *
 * wait_many.c - waiting for some of many futures, with the three conditions and a limit.
 */
#include "future.h"
#include "waitqueue.h"

/* One for each different future, finished or not. */
struct picot__wait_entry {
    picot_waiter waiter;
    struct picot__future *future;
};

/* How far a wait is. */
struct tally {
    int done;
    size_t pending;
    bool failed;
};

static struct picot_wait_head *head_of(picot_frame *leaf)
{
    return (struct picot_wait_head *)(void *)leaf;
}

/* Withdraw what still waits, and let go of the futures. */
static void clear(struct picot_wait_head *my)
{
    struct picot__coro *coro = picot__coro_of_task(my->_task);
    for (size_t i = 0; i < my->_entry_count; i++) {
        struct picot__wait_entry *entry = &my->_entries[i];
        (void)picot__waitqueue_remove(&entry->future->waiters, &entry->waiter);
        picot__future_drop(entry->future);
    }
    picot__block_free(coro, my->_entries, my->_entry_count * sizeof *my->_entries);
    my->_entries = NULL;
}

static void count(struct tally *tally, const struct picot__future *future)
{
    if (!future->done) {
        tally->pending++;
        return;
    }
    tally->done++;
    if (future->rc < 0 && future->rc != -ECANCELED) tally->failed = true;
}

/* Those given, each counted once. 0, or the code of one that is none. */
static int count_given(struct picot__coro *coro, const struct picot_wait_head *my, struct tally *ret_tally)
{
    struct picot__future *future;
    *ret_tally = (struct tally){0};
    coro->future_mark++;
    for (size_t i = 0; i < my->count; i++) {
        int rc = picot__future_find(coro->loop, my->futures[i], &future);
        if (rc < 0) return rc;
        if (!picot__future_met(future)) count(ret_tally, future);
    }
    return 0;
}

static int count_done(const struct picot_wait_head *my)
{
    struct tally tally = {0};
    for (size_t i = 0; i < my->_entry_count; i++)
        count(&tally, my->_entries[i].future);
    return tally.done;
}

static bool is_over(const struct picot_wait_head *my, struct tally tally)
{
    if (tally.pending == 0 || (my->until == PICOT_FIRST_COMPLETED && tally.done > 0)) return true;
    return my->until == PICOT_FIRST_EXCEPTION && tally.failed;
}

/* The wait ends; those that end in the same turn are counted when the task goes on. */
static void end(struct picot_wait_head *my, int rc)
{
    my->_co.rc = rc;
    my->_co.pos = 1;
    picot_wheel_disarm(picot__coro_of_task(my->_task)->loop, &my->_timer);
    picot__task_ready(my->_task);
}

static void granted(picot_waiter *waiter, int rc)
{
    struct picot_wait_head *my = waiter->owner;
    my->_ret--;
    if (my->_co.pos != 0) return; /* it is over, and others end in the same turn */
    if (is_over(my, (struct tally){1, (size_t)my->_ret, rc < 0 && rc != -ECANCELED})) end(my, 0);
}

static void limit_reached(picot_loop *loop, struct picot_wheel_node *node)
{
    struct picot_wait_head *my =
        (struct picot_wait_head *)(void *)((char *)node - offsetof(struct picot_wait_head, _timer));
    (void)loop;
    end(my, 0);
}

static void wait_cancel(picot_task *task, picot_frame *leaf)
{
    picot__cancel_delivered(task);
    end(head_of(leaf), -ECANCELED);
}

static void watch(struct picot_wait_head *my, struct picot__wait_entry *entry, struct picot__future *future)
{
    entry->future = future;
    entry->waiter = (picot_waiter){.task = my->_task, .owner = my, .granted = granted};
    picot__future_hold(future);
    if (!future->done) picot__waitqueue_append(&future->waiters, &entry->waiter);
}

static int enlist(picot_task *task, picot_frame *leaf, struct tally tally)
{
    struct picot_wait_head *my = head_of(leaf);
    struct picot__coro *coro = picot__coro_of_task(task);
    struct picot__future *future;
    size_t entries = (size_t)tally.done + tally.pending, used = 0;
    my->_entries = picot__block_alloc(coro, entries * sizeof *my->_entries);
    if (!my->_entries) return -ENOMEM;
    my->_entry_count = entries;
    my->_task = task;
    my->_ret = (int)tally.pending; /* while it waits: how many are pending */
    coro->future_mark++;
    for (size_t i = 0; i < my->count; i++)
        if (picot__future_find(coro->loop, my->futures[i], &future) == 0 && !picot__future_met(future))
            watch(my, &my->_entries[used++], future);
    assert(used == entries);
    my->_timer = (struct picot_wheel_node){NULL, NULL, PICOT_NEVER, limit_reached};
    if (my->limit_ns > 0) {
        my->_timer.deadline_ns = picot_rt_after(task, my->limit_ns);
        picot_wheel_arm(coro->loop, &my->_timer);
    }
    return 0;
}

static int refusal(const struct picot_wait_head *my)
{
    bool valid = my->futures && my->count > 0 && my->count < INT32_MAX / 2 && my->limit_ns >= 0;
    return valid && my->until >= PICOT_ALL_COMPLETED && my->until <= PICOT_FIRST_EXCEPTION ? 0 : -EINVAL;
}

picot_step picot_wait_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_wait_head *my = head_of(leaf);
    struct tally tally;
    picot_step step;
    (void)child;
    if (my->_entries) {
        my->_ret = leaf->rc < 0 ? leaf->rc : count_done(my);
        clear(my);
        return picot__leaf_return(task, leaf, leaf->rc);
    }
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    int rc = refusal(my);
    if (rc == 0) rc = count_given(picot__coro_of_task(task), my, &tally);
    if (rc == 0 && is_over(my, tally)) {
        my->_ret = tally.done;
        return picot__leaf_now(task, leaf, 0);
    }
    if (rc == 0) rc = enlist(task, leaf, tally);
    if (rc == 0) return (picot_step){PICOT_STEP_PENDING};
    my->_ret = rc;
    return picot__leaf_return(task, leaf, rc);
}

PICOT__LEAF_FN(picot_wait, wait_cancel);
