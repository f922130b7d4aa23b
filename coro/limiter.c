/* SPDX-License-Identifier: MIT
 *
 * limiter.c - a capacity limiter: tokens, and a record of who has one or waits for one.
 *
 * The record is made before the wait, so that a hand-over cannot fail. A task is known by its number, too: another may
 * live at the same address later.
 */
#include "sync.h"

struct picot__borrower {
    struct picot__borrower *next; /* of the same hash */
    const void *who;
    uint32_t task_id; /* 0: not a task */
    bool has;         /* a token; else it waits */
};

struct identity {
    const void *who;
    uint32_t task_id;
};

static struct identity identity_of(const void *borrower, const picot_task *task)
{
    return borrower || !task ? (struct identity){borrower, 0} : (struct identity){task, task->id};
}

/* The place that points to the record, or to the end of its list. */
static struct picot__borrower **find(picot_limiter *limiter, struct identity identity)
{
    uint64_t hash = ((uint64_t)(uintptr_t)identity.who >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    struct picot__borrower **at = &limiter->borrowers[hash >> 60];
    while (*at && ((*at)->who != identity.who || (*at)->task_id != identity.task_id))
        at = &(*at)->next;
    return at;
}

static void drop(picot_limiter *limiter, struct picot__borrower **at)
{
    struct picot__borrower *borrower = *at;
    *at = borrower->next;
    picot__block_free(limiter->sync.coro, borrower, sizeof *borrower);
}

static void serve(picot_limiter *limiter)
{
    picot_waitqueue *queue = &limiter->sync.waiters;
    while (queue->first && limiter->borrowed < limiter->total) {
        struct picot__borrower *borrower = queue->first->slot;
        borrower->has = true;
        limiter->borrowed++;
        limiter->waiting--;
        picot__grant(queue, queue->first, 0);
    }
}

/* 0: borrowed; -EBUSY: entered as one who waits, when `waits`; or why not. */
static int borrow(picot_limiter *limiter, const void *who, picot_task *task, bool waits,
                  struct picot__borrower **ret_borrower)
{
    if (!limiter) return -EINVAL;
    int rc = picot__sync_enter(&limiter->sync, task);
    if (rc < 0) return rc;
    struct identity identity = identity_of(who, task);
    struct picot__borrower **at = find(limiter, identity);
    if (*at) return -EALREADY;
    bool free_now = limiter->borrowed < limiter->total && !limiter->sync.waiters.first;
    if (!free_now && !waits) return -EBUSY;
    struct picot__borrower *borrower = picot__block_alloc(limiter->sync.coro, sizeof *borrower);
    if (!borrower) return -ENOMEM;
    *borrower = (struct picot__borrower){NULL, identity.who, identity.task_id, free_now};
    *ret_borrower = *at = borrower;
    if (!free_now) return -EBUSY;
    limiter->borrowed++;
    return 0;
}

/* ---- acquire ----------------------------------------------------------------------------------- */

static void forget_waiter(picot_limiter *limiter, const void *who, const picot_task *task)
{
    limiter->waiting--;
    drop(limiter, find(limiter, identity_of(who, task)));
}

static void acquire_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_limiter_acquire_head *my = (struct picot_limiter_acquire_head *)(void *)leaf;
    if (picot__unpark(task, leaf, &my->limiter->sync.waiters, &my->_waiter))
        forget_waiter(my->limiter, my->borrower, task);
}

picot_step picot_limiter_acquire_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_limiter_acquire_head *my = (struct picot_limiter_acquire_head *)(void *)leaf;
    struct picot__borrower *borrower = NULL;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_ret = borrow(my->limiter, my->borrower, task, true, &borrower);
    if (my->_ret != -EBUSY) return picot__leaf_now(task, leaf, my->_ret);
    my->limiter->waiting++;
    my->_waiter.slot = borrower;
    return picot__park(task, leaf, &my->limiter->sync.waiters, &my->_waiter);
}

PICOT__LEAF_FN(picot_limiter_acquire, acquire_cancel);

/* ---- without waiting --------------------------------------------------------------------------- */

int picot_limiter_init(picot_limiter *limiter, int64_t total)
{
    if (!limiter || total < 0) return -EINVAL;
    *limiter = (picot_limiter){.total = total};
    return 0;
}

int picot_limiter_try(picot_limiter *limiter, const void *borrower, picot_task *self)
{
    struct picot__borrower *unused;
    return self ? borrow(limiter, borrower, self, false, &unused) : -EINVAL;
}

int picot_limiter_release(picot_limiter *limiter, const void *borrower)
{
    if (!limiter) return -EINVAL;
    if (!limiter->sync.coro) return PICOT_ENOTOWNER;
    struct picot__borrower **at = find(limiter, identity_of(borrower, limiter->sync.coro->current));
    if (!*at || !(*at)->has) return PICOT_ENOTOWNER;
    drop(limiter, at);
    limiter->borrowed--;
    serve(limiter);
    return 0;
}

int picot_limiter_set_total(picot_limiter *limiter, int64_t total)
{
    if (!limiter || total < 0) return -EINVAL;
    limiter->total = total;
    serve(limiter);
    return 0;
}

int picot_limiter_statistics_get(const picot_limiter *limiter, picot_limiter_statistics *ret_statistics)
{
    if (!limiter || !ret_statistics) return -EINVAL;
    int64_t available = limiter->total > limiter->borrowed ? limiter->total - limiter->borrowed : 0;
    *ret_statistics = (picot_limiter_statistics){limiter->total, limiter->borrowed, available, limiter->waiting};
    return 0;
}

static bool has(picot_limiter *limiter, struct identity identity)
{
    const struct picot__borrower *borrower = *find(limiter, identity);
    return borrower && borrower->has;
}

int picot_limiter_holds(const picot_limiter *limiter, const void *borrower)
{
    return limiter && borrower && has((picot_limiter *)(uintptr_t)limiter, (struct identity){borrower, 0});
}

/* Their records go with the waiters. */
int picot_limiter_break(picot_limiter *limiter)
{
    if (!limiter) return -EINVAL;
    for (size_t i = 0; i < sizeof limiter->borrowers / sizeof *limiter->borrowers; i++)
        for (struct picot__borrower **at = &limiter->borrowers[i]; *at;) {
            if ((*at)->has)
                at = &(*at)->next;
            else
                drop(limiter, at);
        }
    limiter->waiting = 0;
    return picot__sync_break(&limiter->sync);
}

/* ---- a block ----------------------------------------------------------------------------------- */

static void undo(picot_hold *hold)
{
    (void)picot_limiter_release(hold->object, NULL);
}

int picot_rt_hold_token(picot_hold *hold, picot_limiter *limiter)
{
    return picot__hold_begin(hold, limiter, undo);
}
