/* SPDX-License-Identifier: MIT
 *
 * next_mapped.c - the next outcome of a map, awaited. A worker that brings one posts to the loop.
 */
#include <picot/threads.h>

#include "waitqueue.h"

enum { FRESH, OVER, WAITING, CANCELLED }; /* leaf->pos; OVER: it has its result, and comes from the ready queue */

static struct picot_next_mapped_head *head_of(picot_frame *leaf)
{
    return (struct picot_next_mapped_head *)(void *)leaf;
}

static void arrived(picot_loop *loop, void *user);

/* In a worker. */
static void tell_loop(void *user)
{
    struct picot_next_mapped_head *my = user;
    (void)picot_post(picot__coro_of_task(my->_task)->loop, &my->_posted);
}

/* An outcome, an error, or -ETIMEDOUT: tell_loop will be called. */
static int look(struct picot_next_mapped_head *my)
{
    for (;;) {
        int rc = picot_map_next(my->map, 0, my->ret_mapped);
        if (rc != -ETIMEDOUT) return rc;
        rc = picot_map_notify(my->map, tell_loop, my);
        if (rc <= 0) return rc < 0 ? rc : -ETIMEDOUT;
    }
}

/* Of that the loop does not end while it waits for another thread. */
static void wait_begins(picot_task *task, bool begins)
{
    picot_loop *loop = picot__coro_of_task(task)->loop;
    (void)(begins ? picot_loop_hold(loop) : picot_loop_unhold(loop));
}

static void arrived(picot_loop *loop, void *user)
{
    struct picot_next_mapped_head *my = user;
    bool cancelled = my->_co.pos == CANCELLED;
    int rc = cancelled ? picot_map_next(my->map, 0, my->ret_mapped) : look(my);
    (void)loop;
    if (rc == -ETIMEDOUT && !cancelled) return;
    if (rc == -ETIMEDOUT) {
        rc = -ECANCELED;
        picot__cancel_delivered(my->_task);
    }
    wait_begins(my->_task, false);
    my->_ret = rc;
    picot__leaf_finish(my->_task, &my->_co, rc);
}

static void next_mapped_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_next_mapped_head *my = head_of(leaf);
    if (leaf->pos != WAITING) return;
    if (picot_map_notify(my->map, NULL, NULL) == 0) { /* a post is on its way, and needs this leaf */
        leaf->pos = CANCELLED;
        return;
    }
    wait_begins(task, false);
    picot__cancel_delivered(task);
    my->_ret = leaf->rc = -ECANCELED;
    leaf->pos = OVER;
    picot__task_ready(task);
}

picot_step picot_next_mapped_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_next_mapped_head *my = head_of(leaf);
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_task = task;
    my->_posted = (picot_posted)PICOT_POSTED_INIT(arrived, my);
    my->_ret = look(my);
    if (my->_ret != -ETIMEDOUT) return picot__leaf_now(task, leaf, my->_ret);
    leaf->pos = WAITING;
    wait_begins(task, true);
    return (picot_step){PICOT_STEP_PENDING};
}

PICOT__LEAF_FN(picot_next_mapped, next_mapped_cancel);
