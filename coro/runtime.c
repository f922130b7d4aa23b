/* SPDX-License-Identifier: MIT
 *
 * runtime.c - the coroutines of one loop: their state, made when first needed, and the ways in from plain code.
 */
#include <picot/signal_wait.h>
#include <signal.h>

#include "future.h"

/* A failed backend ends every operation; tasks get this many turns to notice and clean up. */
#define TURNS_AFTER_FAILURE 1000

/* Tasks without a group are few and do much. */
#define ROOT_ARENA_UNITS 22

static const char key;

static size_t pending(picot_loop *loop, picot_extension *extension)
{
    (void)loop;
    return ((struct picot__coro *)(void *)extension)->live;
}

static void cancel_list(picot_task *first)
{
    picot_task *task = first;
    if (!task) return;
    do {
        picot__task_cancel(task, PICOT__CANCEL_SHUTDOWN);
        task = task->next;
    } while (task != first);
}

static void cancel_all(picot_loop *loop, picot_extension *extension)
{
    struct picot__coro *coro = (struct picot__coro *)(void *)extension;
    (void)loop;
    cancel_list(coro->roots.children);
    for (picot_group *group = coro->groups.next; group != &coro->groups; group = group->next)
        cancel_list(group->children);
}

static void destroy(picot_loop *loop, picot_extension *extension)
{
    struct picot__coro *coro = (struct picot__coro *)(void *)extension;
    picot__generators_free(coro);
    PICOT_UNPOISON_(coro->reserve, PICOT__RESERVE_SIZE);
    picot_free(loop, coro->reserve, PICOT__RESERVE_SIZE);
    picot__dump_request_free(coro);
    picot__interrupts_free(coro);
    picot__completions_free(coro);
    picot__handles_free(coro);
    picot__ends_free(coro);
    picot__slabs_free(coro);
    picot_free(loop, coro, sizeof *coro);
}

struct picot__coro *picot__coro_find(const picot_loop *loop)
{
    return (struct picot__coro *)(void *)picot_extension_find(loop, &key);
}

struct picot__coro *picot__coro_of(picot_loop *loop)
{
    struct picot__coro *coro = picot__coro_find(loop);
    if (coro || !loop) return coro;
    coro = picot_alloc(loop, sizeof *coro);
    if (!coro) return NULL;
    memset(coro, 0, sizeof *coro);
    coro->extension.key = &key;
    coro->extension.pending = pending;
    coro->extension.cancel = cancel_all;
    coro->extension.destroy = destroy;
    coro->loop = loop;
    coro->groups.next = coro->groups.prev = &coro->groups;
    picot__group_init(&coro->roots, coro);
    coro->roots.keep_going = 1;
    coro->roots.arena_units = ROOT_ARENA_UNITS;
    coro->reserve = picot_alloc(loop, PICOT__RESERVE_SIZE);
    if (!coro->reserve || picot_extension_add(loop, &coro->extension) < 0) {
        picot_free(loop, coro->reserve, PICOT__RESERVE_SIZE);
        picot_free(loop, coro, sizeof *coro);
        return NULL;
    }
    return coro;
}

int picot__root_new(picot_loop *loop, const picot_fn *fn, const void *head, size_t head_size, bool keeps_result,
                    picot_task **ret_task)
{
    if (!loop) return -EINVAL;
    int rc = picot__may_use(loop);
    if (rc < 0) return rc;
    struct picot__coro *coro = picot__coro_of(loop);
    picot_task *task = coro ? picot__task_new(&coro->roots, fn, keeps_result) : NULL;
    if (!task) return -ENOMEM;
    if (picot__inherit(coro->current, task, 0) < 0) {
        picot__task_discard(task);
        return -ENOMEM;
    }
    coro->roots.live++;
    char *place = task->sp - (fn->size & ~PICOT_ALIGNED_);
    memcpy(place, head, head_size);
    memset(place + head_size, 0, (fn->size & ~PICOT_ALIGNED_) - head_size);
    *ret_task = task;
    return 0;
}

int picot_rt_start(picot_loop *loop, const picot_fn *fn, const void *head, size_t head_size)
{
    picot_task *task;
    int rc = picot__root_new(loop, fn, head, head_size, false, &task);
    if (rc == 0) picot__task_begin(task, task->group->coro->eager);
    return rc;
}

/* Run until the main task has ended. Stopped by somebody else: it is cancelled, and its cleanup is waited for. */
static int run_main(struct picot__coro *coro)
{
    picot_loop *loop = coro->loop;
    int rc = picot_loop_run(loop, PICOT_RUN_FOREVER);
    if (!coro->main) return coro->main_status;
    if (rc == -EBUSY || rc == -EPERM) {
        picot__task_discard(coro->main);
        coro->roots.live--;
        coro->main = NULL;
        return rc;
    }
    int outcome = rc < 0 ? rc : -EINTR;
    picot__task_cancel(coro->main, PICOT__CANCEL_SHUTDOWN);
    for (int turns = 0; coro->main && (rc >= 0 || turns < TURNS_AFTER_FAILURE); turns++)
        rc = picot_loop_run(loop, rc < 0 ? PICOT_RUN_NOWAIT : PICOT_RUN_FOREVER);
    return outcome;
}

int picot_rt_run(picot_loop *loop, void *ret_value, const picot_fn *fn, const void *head, size_t head_size)
{
    struct picot__coro *coro = picot__coro_find(loop);
    if (coro && (coro->main || coro->current)) return -EBUSY;
    int64_t usable = picot_loop_next_deadline(loop); /* makes this thread the owner; refuses inside a callback */
    if (usable < 0) return (int)usable;
    picot_task *task;
    int rc = picot__root_new(loop, fn, head, head_size, ret_value != NULL, &task);
    if (rc < 0) return rc;
    coro = picot__coro_of_task(task);
    rc = picot__interrupts_begin(coro);
    if (rc < 0) {
        picot__task_discard(task);
        coro->roots.live--;
        return rc;
    }
    if (ret_value) *picot__outcome(task) = ret_value;
    task->flags |= PICOT__TASK_MAIN;
    coro->main = task;
    picot__task_ready(task);
    rc = run_main(coro);
    picot__interrupts_end(coro);
    return rc;
}

/* The program's main function is here: Ctrl-C is its, if the options do not say otherwise. */
static int set_interrupts(picot_loop *loop, const picot_loop_options *options)
{
    static const int standard[] = {SIGINT, 0};
    const int *given = NULL;
    if (options && options->size > offsetof(picot_loop_options, interrupts)) given = options->interrupts;
    return picot_loop_set_interrupts(loop, given ? given : standard);
}

int picot_rt_main(const picot_loop_options *options, const picot_fn *fn, const void *head, size_t head_size)
{
    picot_loop *loop;
    int rc = picot_loop_create(options, &loop);
    if (rc < 0) return rc;
    rc = set_interrupts(loop, options);
    if (rc == 0) rc = picot_rt_run(loop, NULL, fn, head, head_size);
    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    return rc;
}
