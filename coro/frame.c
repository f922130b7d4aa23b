/* SPDX-License-Identifier: MIT
 *
 * frame.c - the slow paths of a task's arena, and the defers of a frame.
 *
 * The arena is a stack of chunks; the first lies behind the task itself, each further one ends in a trailer that says
 * how to go back. A frame's defers are a list; when the function begins to exit its end is replaced by the shield level
 * to restore, marked by its lowest bit, so that even a defer for which there was no memory can be run shielded.
 */
#include "internal.h"

#define FIRST_CHUNK 512
#define LARGEST_CHUNK ((size_t)64 * 1024)

/* At the limit of every chunk but the first. */
struct trailer {
    char *sp, *limit, *base; /* of the chunk below */
    size_t size;             /* of this chunk, trailer included */
};

static bool is_first(const picot_task *task)
{
    return task->base == (const char *)task + sizeof(struct picot__task);
}

static struct trailer *trailer_of(const picot_task *task)
{
    return (struct trailer *)(void *)task->limit;
}

/* Cleanup must be able to await a close when memory is out: one task at a time may do it in the loop's reserve. */
static char *borrow_reserve(const picot_task *task, size_t size)
{
    struct picot__coro *coro = picot__task_of((picot_task *)(uintptr_t)task)->coro;
    char *reserve = coro->reserve;
    if (task->shield == 0 || size > PICOT__RESERVE_SIZE) return NULL;
    coro->reserve = NULL;
    return reserve;
}

void *picot_rt_push_slow(picot_task *task, size_t size)
{
    struct picot__coro *coro = picot__task_of(task)->coro;
    size_t chunk = is_first(task) ? FIRST_CHUNK : trailer_of(task)->size * 2;
    if (chunk > LARGEST_CHUNK) chunk = LARGEST_CHUNK;
    if (chunk < size + sizeof(struct trailer)) chunk = size + sizeof(struct trailer);
    chunk = (chunk + 15) & ~(size_t)15;
    char *base = picot__block_alloc(coro, chunk);
    if (!base) {
        base = borrow_reserve(task, size + sizeof(struct trailer));
        if (!base) return NULL;
        chunk = PICOT__RESERVE_SIZE;
        PICOT_UNPOISON_(base, chunk);
    }
    struct trailer *trailer = (struct trailer *)(void *)(base + chunk - sizeof *trailer);
    *trailer = (struct trailer){task->sp, task->limit, task->base, chunk};
    task->base = base;
    task->sp = base + size;
    task->limit = (char *)trailer;
    PICOT_POISON_(task->sp, (size_t)(task->limit - task->sp));
    return base;
}

static void drop_chunk(picot_task *task)
{
    struct trailer back = *trailer_of(task);
    struct picot__coro *coro = picot__task_of(task)->coro;
    if (!coro->reserve && back.size == PICOT__RESERVE_SIZE)
        coro->reserve = task->base; /* any block of that size serves */
    else
        picot__block_free(coro, task->base, back.size);
    task->sp = back.sp;
    task->limit = back.limit;
    task->base = back.base;
}

/* The block is the first of its chunk, or lies in a chunk below: defers of its frame may have spilled into later ones.
 */
void picot_rt_pop_slow(picot_task *task, void *block)
{
    char *at = block;
    while (!is_first(task) && (at <= task->base || at > task->limit)) {
        bool found = at == task->base;
        drop_chunk(task);
        if (found) return;
    }
    PICOT_POISON_(at, (size_t)(task->sp - at));
    task->sp = at;
}

void picot__arena_free(struct picot__task *task)
{
    while (!is_first(&task->head))
        drop_chunk(&task->head);
}

/* ---- defers ---------------------------------------------------------------------------------- */

static bool is_shield(const struct picot_defer_node *node)
{
    return (uintptr_t)node & 1;
}

static void begin_exit(picot_task *task, picot_frame *frame)
{
    struct picot_defer_node **end = &frame->defers;
    while (*end)
        end = &(*end)->next;
    *end = (struct picot_defer_node *)((uintptr_t)task->shield << 1 | 1);
    task->shield = task->scope_count + 1;
    frame->status = frame->rc;
    frame->exiting = 1;
}

uint32_t picot__outer_shield(const picot_frame *frame, uint32_t present)
{
    if (!frame || !frame->exiting) return present;
    const struct picot_defer_node *node = frame->defers;
    while (!is_shield(node))
        node = node->next;
    return (uint32_t)((uintptr_t)node >> 1);
}

/* Returns 1: registered; 0: no memory, the caller goes on with the block itself and then to the function's exit. */
int picot_rt_defer(picot_task *task, picot_frame *frame, int32_t pos)
{
    for (struct picot_defer_node *node = frame->defers; node && !is_shield(node); node = node->next)
        if (node->pos == pos) return 1;
    struct picot_defer_node *node = picot_rt_push(task, sizeof *node);
    if (!node) {
        frame->rc = -ENOMEM;
        if (!frame->exiting) begin_exit(task, frame);
        return 0;
    }
    node->next = frame->defers;
    node->pos = pos;
    frame->defers = node;
    return 1;
}

/* Returns 1 with frame->pos at the next defer block to run; 0 when all have run and frame->rc is the function's status.
 */
int picot_rt_exit_next(picot_task *task, picot_frame *frame)
{
    if (!frame->exiting) begin_exit(task, frame);
    frame->rc = frame->status;
    struct picot_defer_node *node = frame->defers;
    if (!is_shield(node)) {
        frame->defers = node->next;
        frame->pos = node->pos;
        return 1;
    }
    task->shield = (uint32_t)((uintptr_t)node >> 1);
    frame->defers = NULL;
    frame->exiting = 0;
    return 0;
}
