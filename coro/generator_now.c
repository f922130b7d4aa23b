/* SPDX-License-Identifier: MIT
 *
 * generator_now.c - generators driven from plain code: by a task that must not wait.
 *
 * The task lives for one value. Should it have to wait after all, the generator is given up: the task is cancelled, and
 * ends on its own in the coming turns, the body's cleanup included.
 */
#include "generator.h"

#define UNKNOWN 2 /* the task has not ended */

/* What it waits for may take long, and nobody asks for its values any more. */
static void give_up(picot_task *task, struct picot_next_head *next)
{
    struct picot_gen_body *body = next->_body;
    for (struct picot_gen_body *inner = body; inner; inner = inner->delegate ? inner->delegate->_inner : NULL)
        inner->closing = 1;
    body->object->body = NULL;
    body->object->result = -EDEADLK;
    body->object = NULL;
    next->ret_value = NULL;
    *picot__outcome(task) = NULL;
    picot__task_cancel(task, PICOT__CANCEL_SHUTDOWN);
}

int picot_rt_gen_now(picot_loop *loop, const struct picot_next_head *arguments)
{
    picot_task *task;
    struct picot_next_head head = *arguments;
    head._co = (picot_frame){.fn = &picot_next_fn};
    int rc = picot__root_new(loop, &picot_next_fn, &head, sizeof head, true, &task);
    if (rc < 0) return rc;
    struct picot_next_head *next = (struct picot_next_head *)(void *)task->top;
    picot_ready_queue *ready = task->group->ready;
    uint32_t budget = ready->budget;
    int result = UNKNOWN;
    *picot__outcome(task) = &result;
    ready->budget = UINT32_MAX; /* a result that is there is taken: this is no wait */
    picot__task_step_now(task);
    ready->budget = budget;
    if (result != UNKNOWN) return result;
    give_up(task, next);
    return -EDEADLK;
}

int picot_gen_close_now(picot_loop *loop, picot_generator *generator)
{
    struct picot_next_head arguments = {.gen = generator, .how = PICOT_GEN_CLOSE_};
    return generator ? picot_rt_gen_now(loop, &arguments) : -EINVAL;
}
