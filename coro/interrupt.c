/* SPDX-License-Identifier: MIT
 *
 * interrupt.c - signals that end picot_run: the first cancels the main task, a second one does not wait.
 *
 * The same signal again is dealt with in the handler (PICOT_SIGNAL_INSIST), for the program may hang; another one of
 * the list here.
 */
#include <picot/signal_wait.h>
#include <signal.h>

#include "internal.h"

struct picot__interrupt {
    picot_signal watcher;
    int number;
};

static void interrupted(picot_loop *loop, picot_signal *watcher, const picot_signal_info *info)
{
    struct picot__coro *coro = watcher->user;
    picot_task *task = coro->main;
    (void)loop;
    if (!task) return;
    if (coro->interrupted) {
        (void)picot_signal_die(info->number);
        return;
    }
    coro->interrupted = info->number;
    bool first = picot_task_cancelling(task) == 0 && !(task->flags & (PICOT__TASK_BY_GROUP | PICOT__TASK_BY_LOOP));
    if (first) task->flags |= PICOT__TASK_BY_SIGNAL;
    (void)picot_task_cancel(task, "interrupted by a signal");
}

int picot__interrupts_begin(struct picot__coro *coro)
{
    coro->interrupted = 0;
    for (size_t i = 0; i < coro->interrupt_count; i++) {
        struct picot__interrupt *interrupt = &coro->interrupts[i];
        int rc = picot_signal_add(coro->loop, &interrupt->watcher, interrupt->number,
                                  PICOT_SIGNAL_BACKGROUND | PICOT_SIGNAL_IF_DEFAULT | PICOT_SIGNAL_INSIST, interrupted,
                                  coro);
        if (rc < 0 && rc != -EEXIST) {
            picot__interrupts_end(coro);
            return rc;
        }
    }
    return 0;
}

void picot__interrupts_end(struct picot__coro *coro)
{
    for (size_t i = 0; i < coro->interrupt_count; i++)
        (void)picot_signal_remove(coro->loop, &coro->interrupts[i].watcher);
}

void picot__interrupts_free(struct picot__coro *coro)
{
    picot_free(coro->loop, coro->interrupts, coro->interrupt_count * sizeof *coro->interrupts);
    coro->interrupts = NULL;
    coro->interrupt_count = 0;
}

int picot__interrupt_status(const picot_task *task, int rc)
{
    bool alone = picot_task_cancelling(task) <= 1 && !(task->flags & (PICOT__TASK_BY_GROUP | PICOT__TASK_BY_LOOP));
    return picot__coro_of_task(task)->interrupted && rc == -ECANCELED && alone ? PICOT_EINTERRUPT : rc;
}

/* ---- public ------------------------------------------------------------------------------------ */

static int copy(struct picot__coro *coro, const int *numbers, size_t count, struct picot__interrupt **ret_interrupts)
{
    if (count == 0) return 0;
    struct picot__interrupt *interrupts = picot_alloc(coro->loop, count * sizeof *interrupts);
    if (!interrupts) return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        interrupts[i] = (struct picot__interrupt){PICOT_SIGNAL_INIT, numbers[i]};
    *ret_interrupts = interrupts;
    return 0;
}

int picot_loop_set_interrupts(picot_loop *loop, const int *numbers)
{
    struct picot__interrupt *interrupts = NULL;
    size_t count = 0;
    int rc = picot__may_use(loop);
    if (rc < 0) return rc;
    for (; numbers && numbers[count]; count++)
        if (!picot_signal_can_watch(numbers[count])) return -EINVAL;
    struct picot__coro *coro = picot__coro_of(loop);
    if (!coro) return -ENOMEM;
    rc = copy(coro, numbers, count, &interrupts);
    if (rc < 0) return rc;
    picot__interrupts_end(coro); /* of the present run */
    picot__interrupts_free(coro);
    coro->interrupts = interrupts;
    coro->interrupt_count = count;
    return 0;
}

int picot_loop_interrupt(const picot_loop *loop)
{
    const struct picot__coro *coro = picot__coro_find(loop);
    return coro ? coro->interrupted : 0;
}

int picot_exit_status(int rc)
{
    if (rc >= 0) return 0;
    if (rc == PICOT_EINTERRUPT) (void)picot_signal_die(SIGINT);
    return 1;
}
