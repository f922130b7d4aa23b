/* SPDX-License-Identifier: MIT
 *
 * task.c - a task's life: made, stepped by the trampoline, ended.
 *
 * A step runs at stack depth one: from a completion, a timer or the ready queue, never from inside another step. Frames
 * call each other directly; the trampoline resumes whoever waits for an ended callee, and takes over when calls have
 * become deep.
 */
#include "internal.h"

/* Room behind the root frame for what an ordinary session needs: a defer, a deadline, the leaf. */
#define FIRST_ARENA_EXTRA 176

#ifdef PICOT_DEBUG
/* What a local kept across an await would read: rubbish, at once, instead of what happened to be there. */
static __attribute__((noinline)) void scribble(void)
{
    volatile char stack[8192];
    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = (char)0xA5;
}
#else
static inline void scribble(void)
{
}
#endif

/* ---- lists: circular, the oldest first ------------------------------------------------------- */

void picot__task_link(struct picot__task **list, struct picot__task *task)
{
    struct picot__task *first = *list;
    if (!first) {
        *list = task->next = task->prev = task;
        return;
    }
    task->next = first;
    task->prev = first->prev;
    first->prev->next = task;
    first->prev = task;
}

void picot__task_unlink(struct picot__task **list, struct picot__task *task)
{
    if (task->next == task) {
        *list = NULL;
        return;
    }
    task->prev->next = task->next;
    task->next->prev = task->prev;
    if (*list == task) *list = task->next;
}

static struct picot__task **list_of(struct picot__task *task)
{
    return task->group ? (struct picot__task **)(void *)&task->group->children : &task->coro->roots;
}

/* ---- made and ended -------------------------------------------------------------------------- */

/* The root frame is the first block of the arena and the task's top; the caller fills it. */
struct picot__task *picot__task_new(struct picot__coro *coro, picot_group *group, const picot_fn *fn)
{
    size_t root = ((size_t)fn->size + 15) & ~(size_t)15;
    size_t size = sizeof(struct picot__task) + root + FIRST_ARENA_EXTRA;
    struct picot__task *task = picot__block_alloc(coro, size);
    if (!task) return NULL;
    memset(task, 0, sizeof *task);
    task->head.base = (char *)task + sizeof *task;
    task->head.sp = task->head.base + root;
    task->head.limit = (char *)task + size;
    task->head.top = (picot_frame *)(void *)task->head.base;
    task->head.state = PICOT__READY;
    task->coro = coro;
    task->group = group;
    task->alarm_ns = PICOT_NEVER;
    task->block_size = (uint32_t)size;
    PICOT_POISON_(task->head.sp, FIRST_ARENA_EXTRA);
    picot__task_link(list_of(task), task);
    coro->live++;
    return task;
}

void picot__task_discard(struct picot__task *task)
{
    struct picot__coro *coro = task->coro;
    picot__task_unlink(list_of(task), task);
    (void)picot_job_cancel(coro->loop, &task->job);
    if (task->alarm) {
        (void)picot_timer_cancel(coro->loop, task->alarm);
        picot__block_free(coro, task->alarm, sizeof *task->alarm);
    }
    picot__arena_free(task);
    coro->live--;
    picot__block_free(coro, task, task->block_size);
}

static void end(struct picot__task *task, const picot_frame *root)
{
    struct picot__coro *coro = task->coro;
    picot_group *group = task->group;
    int rc = root->rc;
    if (task->ret_value) memcpy(task->ret_value, (const char *)root + root->fn->result_offset, root->fn->result_size);
    if (task == coro->main) {
        coro->main = NULL;
        coro->main_status = rc;
        (void)picot_loop_stop(coro->loop);
    }
    picot__task_discard(task);
    if (group) picot__group_child_ended(group, rc);
}

/* ---- stepped --------------------------------------------------------------------------------- */

/* Resume `frame`, whose callee `child` has ended (NULL: it has none yet), and whoever waits for it in turn. */
static void run(struct picot__task *task, picot_frame *frame, picot_frame *child)
{
    struct picot__coro *coro = task->coro;
    struct picot__task *outer = coro->current;
    coro->current = task;
    task->head.state = PICOT__RUNNING;
    for (;;) {
        if (!frame) {
            end(task, child);
            break;
        }
        task->head.depth = 0;
        scribble();
        picot_step step = frame->fn->resume(&task->head, frame, child);
        if (step.rc == PICOT_STEP_PENDING) {
            task->head.state = PICOT__WAITING;
            break;
        }
        child = step.rc == PICOT_STEP_CALL ? NULL : frame;
        frame = step.rc == PICOT_STEP_CALL ? task->head.top : frame->parent;
    }
    coro->current = outer;
}

static void step(picot_loop *loop, void *user)
{
    struct picot__task *task = user;
    (void)loop;
    run(task, task->head.top, NULL);
}

/* Its top frame is resumed in the next turn: the root for the first time, or a leaf for the last time. */
void picot__task_ready(struct picot__task *task)
{
    (void)picot_call_soon(task->coro->loop, &task->job, step, task);
}

picot_step picot__leaf_return(picot_task *task, picot_frame *leaf, int rc)
{
    leaf->rc = rc;
    task->top = leaf->parent;
    return (picot_step){rc};
}

void picot__leaf_finish(struct picot__task *task, picot_frame *leaf, int rc)
{
    leaf->rc = rc;
    task->head.top = leaf->parent;
    run(task, leaf->parent, leaf);
}
