/* SPDX-License-Identifier: MIT
 *
 * wait_many.c - waiting for some of many futures, with the three conditions and a limit.
 */
#include "future.h"
#include "waitqueue.h"

/* One for each different future that is pending. */
struct picot__wait_entry {
    picot_waiter waiter;
    struct picot__future *future;
};

static struct picot_wait_head *head_of(picot_frame *leaf)
{
    return (struct picot_wait_head *)(void *)leaf;
}

static size_t block_size(const struct picot_wait_head *my)
{
    return my->count * sizeof(struct picot__wait_entry);
}

/* Is this handle the first of its kind in the list? */
static bool is_first(const struct picot_wait_head *my, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (my->futures[i] == my->futures[index]) return false;
    return true;
}

/* Withdraw what still waits, and give the references back. */
static void clear(struct picot_wait_head *my)
{
    struct picot__coro *coro = picot__coro_of_task(my->_task);
    for (size_t i = 0; i < my->count; i++) {
        struct picot__wait_entry *entry = &my->_entries[i];
        if (!entry->future) continue;
        (void)picot__waitqueue_remove(&entry->future->waiters, &entry->waiter);
        picot__future_release(entry->future);
    }
    picot__block_free(coro, my->_entries, block_size(my));
    my->_entries = NULL;
}

/* Those finished, each counted once; *ret_pending: those not; *ret_failed: has one of them failed? */
static int count_done(picot_loop *loop, const struct picot_wait_head *my, size_t *ret_pending, bool *ret_failed)
{
    int done = 0;
    *ret_pending = 0;
    *ret_failed = false;
    for (size_t i = 0; i < my->count; i++) {
        struct picot__future *future;
        int rc = picot__future_find(loop, my->futures[i], &future);
        if (rc < 0) return rc;
        if (!is_first(my, i)) continue;
        if (future->done) {
            done++;
            if (future->rc < 0 && future->rc != -ECANCELED) *ret_failed = true;
        } else {
            ++*ret_pending;
        }
    }
    return done;
}

static bool is_over(const struct picot_wait_head *my, int done, size_t pending, bool failed)
{
    if (pending == 0 || (my->until == PICOT_FIRST_COMPLETED && done > 0)) return true;
    return my->until == PICOT_FIRST_EXCEPTION && failed;
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
    bool failed = rc < 0 && rc != -ECANCELED;
    waiter->slot = NULL; /* told */
    my->_ret--;
    if (my->_co.pos != 0) return; /* it is over, and others end in the same turn */
    if (is_over(my, 1, (size_t)my->_ret, failed)) end(my, 0);
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

static int enlist(picot_task *task, picot_frame *leaf)
{
    struct picot_wait_head *my = head_of(leaf);
    picot_loop *loop = picot__coro_of_task(task)->loop;
    my->_entries = picot__block_alloc(picot__coro_of_task(task), block_size(my));
    if (!my->_entries) return -ENOMEM;
    memset(my->_entries, 0, block_size(my));
    my->_task = task;
    for (size_t i = 0; i < my->count; i++) {
        struct picot__wait_entry *entry = &my->_entries[i];
        struct picot__future *future;
        if (!is_first(my, i) || picot__future_find(loop, my->futures[i], &future) < 0 || future->done) continue;
        entry->future = future;
        future->refs++;
        entry->waiter = (picot_waiter){.task = task, .owner = my, .granted = granted};
        picot__waitqueue_append(&future->waiters, &entry->waiter);
    }
    my->_timer = (struct picot_wheel_node){NULL, NULL, PICOT_NEVER, limit_reached};
    if (my->limit_ns > 0) {
        my->_timer.deadline_ns = picot_rt_after(task, my->limit_ns);
        picot_wheel_arm(loop, &my->_timer);
    }
    return 0;
}

picot_step picot_wait_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_wait_head *my = head_of(leaf);
    picot_loop *loop = picot__coro_of_task(task)->loop;
    size_t pending;
    picot_step step;
    bool failed;
    (void)child;
    if (my->_entries) {
        int rc = leaf->rc;
        if (rc == 0) rc = count_done(loop, my, &pending, &failed);
        clear(my);
        my->_ret = rc;
        return picot__leaf_return(task, leaf, rc < 0 ? rc : 0);
    }
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    bool valid = my->futures && my->count > 0 && my->count < INT32_MAX / 2 && my->limit_ns >= 0;
    if (my->until < PICOT_ALL_COMPLETED || my->until > PICOT_FIRST_EXCEPTION) valid = false;
    my->_ret = valid ? count_done(loop, my, &pending, &failed) : -EINVAL;
    if (my->_ret < 0) return picot__leaf_return(task, leaf, my->_ret);
    if (is_over(my, my->_ret, pending, failed)) return picot__leaf_now(task, leaf, 0);
    int rc = enlist(task, leaf);
    my->_ret = rc < 0 ? rc : (int)pending; /* while it waits: how many are pending */
    return rc < 0 ? picot__leaf_return(task, leaf, rc) : (picot_step){PICOT_STEP_PENDING};
}

PICOT__LEAF_FN(picot_wait, wait_cancel);
