/* SPDX-License-Identifier: MIT
 *
 * task.c - a task's life, once it has been made (spawn.c): stepped by the trampoline, ended.
 *
 * A step runs from a completion, a timer or the ready queue; inside another step only where a task is started eagerly.
 * Frames call each other directly; the trampoline resumes whoever waits for an ended callee, and takes over when calls
 * have become deep.
 */
#include "errors.h"
#include "future_task.h"
#include "report.h"
#include "slab.h"

/* Spawns whose tasks begin inside them, inside each other: beyond this they begin in the next turn. */
#define EAGER_DEPTH 32

#ifdef PICOT_DEBUG
__attribute__((noinline)) void picot__scribble(void)
{
    volatile uint64_t stack[1024];
    for (size_t i = 0; i < sizeof stack / sizeof *stack; i++)
        stack[i] = UINT64_C(0xA5A5A5A5A5A5A5A5);
}
#endif

static inline void unlink_task(picot_task **list, picot_task *task)
{
    if (task->next == task) {
        *list = NULL;
        return;
    }
    task->prev->next = task->next;
    task->next->prev = task->prev;
    if (*list == task) *list = task->next;
}

/* ---- ended ----------------------------------------------------------------------------------- */

struct picot__extra *picot__extra_of(picot_task *task)
{
    if (task->extra) return task->extra;
    struct picot__extra *extra = picot__block_alloc(picot__coro_of_task(task), sizeof *extra);
    if (!extra) return NULL;
    *extra = (struct picot__extra){.task = task};
    extra->alarm.deadline_ns = PICOT_NEVER;
    return task->extra = extra;
}

/* Everything of it but its memory. */
static void retire(picot_task *task)
{
    unlink_task(&task->group->children, task);
    if (task->extra) picot__extra_free(task);
    if (task->limit != picot__arena_end(task)) picot__arena_free_chunks(task);
    picot__coro_of_task(task)->live--;
}

void picot__task_discard(picot_task *task)
{
    if (picot__task_queued(task)) picot_ready_remove(&task->wait.job);
    retire(task);
    picot__block_free(picot__coro_of_task(task), task, picot__task_size(task));
}

static void hand_over(void *place, const picot_frame *root)
{
    if (place) memcpy(place, (const char *)root + root->fn->result_offset, root->fn->result_size);
}

/* With a failure, a future, a name, ...: any end. */
static __attribute__((cold, noinline)) void end_any(picot_task *task, const picot_frame *root)
{
    picot_group *group = task->group;
    struct picot__coro *coro = group->coro;
    const picot_fn *fn = root->fn;
    int rc = root->rc;
    uint32_t id = task->id;
    bool failed = rc < 0 && picot__group_fails(task, rc);
    bool told = task->extra && picot__handshake_failed(task, rc);
    if (told) failed = false;
    if (task->flags & PICOT__TASK_FUTURE)
        picot__future_task_ended(task, root, failed);
    else if (task->flags & PICOT__TASK_RESULT)
        hand_over(*picot__outcome(task), root);
    else if (rc < 0 && !failed && !told && rc != -ECANCELED && !(task->flags & PICOT__TASK_MAIN))
        picot__report_task(task, fn->name, rc);
    if (task->flags & PICOT__TASK_MAIN) {
        coro->main = NULL;
        coro->main_status = picot__interrupt_status(task, rc);
        (void)picot_loop_stop(coro->loop);
    }
    retire(task);
    if (failed) {
        picot__errors_add(task, group, fn->name, rc);
    } else {
        if (task->flags & PICOT__TASK_HAS_TREE) picot__errors_drop(task);
        picot__block_free(coro, task, picot__task_size(task));
    }
    picot__group_child_ended(group, rc, id, failed);
}

static inline __attribute__((always_inline)) void end_plainly(picot_task *task)
{
    picot_group *group = task->group;
    struct picot__coro *coro = group->coro;
    unlink_task(&group->children, task);
    coro->live--;
    picot__block_free_units(coro, task, task->size_units);
    group->live--;
    if (group->live == 0 && group->joiner) {
        group->joiner = NULL;
        picot_ready_append(group->ready, &group->owner->wait.job);
    }
    if (!PICOT_LIKELY_(!group->room.first)) picot__group_offer_room(group);
}

static __attribute__((noinline)) void end_with_result(picot_task *task, const picot_frame *root)
{
    hand_over(*picot__outcome(task), root);
    end_plainly(task);
}

/* Nearly all end so: well, in their first chunk, with nothing kept for them elsewhere. Here no call is made but a last
 * one: then no register has to be saved. */
static void end(picot_task *task, const picot_frame *root)
{
    const unsigned rare =
        PICOT__TASK_FUTURE | PICOT__TASK_MAIN | PICOT__TASK_HAS_TREE | PICOT__TASK_GREW | PICOT__TASK_RESULT;
    if (PICOT_LIKELY_(root->rc >= 0 && !(task->flags & rare) && !task->extra))
        end_plainly(task);
    else if (root->rc >= 0 && (task->flags & rare) == PICOT__TASK_RESULT && !task->extra)
        end_with_result(task, root);
    else
        end_any(task, root);
}

/* ---- stepped --------------------------------------------------------------------------------- */

/* Resume `frame`, whose callee `child` has ended (NULL: it has none yet), and whoever waits for it in turn. Returns the
 * root frame when the task's first function has ended; NULL: the task waits. */
static inline __attribute__((always_inline)) picot_frame *resume(picot_task *task, picot_frame *frame,
                                                                 picot_frame *child)
{
    for (;;) {
        picot__scribble();
        picot_step step = frame->fn->resume(task, frame, child);
        if (PICOT_LIKELY_(step.rc > PICOT_STEP_CALL)) {
            child = frame;
            frame = frame->parent;
            if (!frame) return child;
            continue;
        }
        if (step.rc == PICOT_STEP_PENDING) return NULL;
        child = NULL;
        frame = task->top;
    }
}

/* Returns the task's first function when that has ended, and the task with it. */
static const picot_fn *run(picot_task *task, picot_frame *frame, picot_frame *child, picot_task *outer)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    coro->current = task;
    picot_frame *root = resume(task, frame, child);
    coro->current = outer;
    if (!root) return NULL;
    const picot_fn *ended = root->fn;
    end(task, root);
    return ended;
}

/* The same, in a loop that reports slow steps. */
static __attribute__((noinline)) void run_timed(picot_task *task, picot_frame *frame, picot_frame *child,
                                                picot_task *outer)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    struct picot__step_mark mark = {task->id, NULL};
    int64_t began_ns = picot_loop_update_now(coro->loop);
    mark.ended = run(task, frame, child, outer);
    picot__report_slow(coro, began_ns, task, mark);
}

static void step(picot_task *task, picot_frame *frame, picot_frame *child, picot_task *outer)
{
    if (PICOT_LIKELY_(picot__coro_of_task(task)->slow_step_ns == 0))
        (void)run(task, frame, child, outer);
    else
        run_timed(task, frame, child, outer);
}

/* A job of the ready queue; and those behind it, as long as they are tasks' too. */
void picot_rt_step(picot_loop *loop, void *user)
{
    picot_task *task = user;
    picot_ready_queue *queue = task->group->ready;
    struct picot__coro *coro = picot__coro_of_task(task);
    (void)loop;
    if (!PICOT_LIKELY_(coro->slow_step_ns == 0)) {
        run_timed(task, task->top, NULL, NULL);
        return;
    }
    for (;;) {
        coro->current = task;
        picot_frame *root = resume(task, task->top, NULL);
        if (root) {
            coro->current = NULL;
            end(task, root);
        }
        const picot_job *next = queue->batch._.next;
        if (next != &queue->batch) {
            if (next->fn != picot_rt_step) break;
            next = picot_ready_take(queue);
        } else {
            next = picot_ready_again_take(queue, picot_rt_step);
            if (!next) break;
        }
        task = (picot_task *)(void *)((char *)(uintptr_t)next - offsetof(picot_task, wait));
    }
    coro->current = NULL;
}

void picot__task_step_now(picot_task *task)
{
    step(task, task->top, NULL, picot__coro_of_task(task)->current);
}

void picot__task_begin(picot_task *task, bool eager)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    if (eager && coro->eager_depth < EAGER_DEPTH) {
        coro->eager_depth++;
        picot__task_step_now(task);
        coro->eager_depth--;
    } else {
        picot__task_ready(task);
    }
}

void picot__leaf_finish(picot_task *task, picot_frame *leaf, int rc)
{
    picot_frame *parent = leaf->parent;
    leaf->rc = rc;
    task->top = parent;
    if (parent)
        step(task, parent, leaf, NULL);
    else
        end(task, leaf); /* the task was nothing but this */
}
