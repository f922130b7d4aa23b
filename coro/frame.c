/* SPDX-License-Identifier: MIT
 *
 * frame.c - the slow paths of a task's arena, and the defers of a frame.
 *
 * The arena is a stack of chunks; the first lies behind the task's root frame, each further one ends in a trailer that
 * says how to go back. While a task runs a generator, its arena is that of the generator's block. A task's group
 * remembers what its tasks have needed, so that the next ones begin with a chunk of that size.
 *
 * A frame's defers are a list; when the function begins to exit its end is replaced by the shield level to restore,
 * marked by its lowest bit, so that even a defer for which there was no memory can be run shielded.
 */
#include "internal.h"

#define FIRST_CHUNK 512
#define LARGEST_CHUNK ((size_t)8 * 1024) /* also bounds how deep functions call each other on the C stack */
#define LARGEST_HINT 1536                /* of a first chunk, in bytes */
#define LARGEST_KEPT 1024                /* an empty second chunk that stays */

/* At the limit of every chunk but a task's first. */
struct trailer {
    char *sp, *limit; /* of the chunk below; sp is NULL when there is none */
    char *base;       /* of this one */
    size_t size;      /* of this one, trailer included */
};

static struct trailer *trailer_of(const picot_task *task)
{
    return (struct trailer *)(void *)task->limit;
}

static bool is_own(const picot_task *task)
{
    return task->limit == picot__arena_end(task);
}

/* The first chunk of the task's own arena, or of that of a generator which it runs. */
static bool is_first(const picot_task *task)
{
    return is_own(task) || !trailer_of(task)->sp;
}

/* Cleanup must be able to await a close when memory is out: one task at a time may do it in the loop's reserve. */
static char *borrow_reserve(const picot_task *task, size_t size)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    char *reserve = coro->reserve;
    if (task->shield == 0 || size > PICOT__RESERVE_SIZE) return NULL;
    coro->reserve = NULL;
    return reserve;
}

/* The next tasks of this group begin with more. */
static void learn(picot_task *task, size_t size)
{
    const char *arena = picot__arena_end(task) - (size_t)task->arena_units * 8;
    size_t units = ((size_t)(task->sp - arena) + size + 7) / 8;
    if (units > LARGEST_HINT / 8) units = LARGEST_HINT / 8;
    if (units > 255) units = 255;
    if (units <= task->group->arena_units) return;
    task->group->arena_units = (uint8_t)units;
    task->group->plan.fn = NULL;
}

static void *new_chunk(picot_task *task, size_t size)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    size_t chunk = FIRST_CHUNK;
    if (is_own(task))
        learn(task, size);
    else if (!is_first(task))
        chunk = trailer_of(task)->size * 2;
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
    *trailer = (struct trailer){task->sp, task->limit, base, chunk};
    task->sp = base + size;
    task->limit = (char *)trailer;
    task->flags |= PICOT__TASK_GREW;
    PICOT_POISON_(task->sp, (size_t)(task->limit - task->sp));
    return base;
}

void *picot_rt_push_slow(picot_task *task, struct picot_frame_tail *tail, size_t size)
{
    size_t gap = 0;
    if (size & PICOT_ALIGNED_) {
        size &= ~(size_t)PICOT_ALIGNED_;
        gap = (uintptr_t)task->sp & 8; /* it stays behind until the block below is popped */
    }
    if (gap + size <= (size_t)(task->limit - task->sp)) {
        char *block = task->sp + gap;
        task->sp = block + size;
        PICOT_UNPOISON_(block, size);
        return block;
    }
    void *block = new_chunk(task, size);
    if (block) tail->spilled |= PICOT_NEW_CHUNK_;
    return block;
}

static void drop_chunk(picot_task *task)
{
    struct trailer back = *trailer_of(task);
    struct picot__coro *coro = picot__coro_of_task(task);
    if (!coro->reserve && back.size == PICOT__RESERVE_SIZE)
        coro->reserve = back.base; /* any block of that size serves */
    else
        picot__block_free(coro, back.base, back.size);
    task->sp = back.sp;
    task->limit = back.limit;
}

static const char *base_of(const picot_task *task)
{
    return is_own(task) ? (const char *)task : trailer_of(task)->base;
}

/*
 * A task's first function that has needed a second chunk will need it again: the chunk stays the current one, empty,
 * and what is left of the first one is not used any more. So nothing is in the first chunk but what was there before; a
 * block there, the scope around an await, is popped when all behind it has gone. Once an await has begun and ended in
 * the second chunk alone, only defers can be left in the first, which are not popped: pops are short again.
 */
static void keep_chunk(picot_task *task, struct picot_frame_tail *tail, char *at)
{
    const struct trailer *trailer = trailer_of(task);
    char *sp = at >= trailer->base && at < (const char *)trailer ? at : trailer->base;
    PICOT_POISON_(sp, (size_t)(task->sp - sp));
    task->sp = sp;
    tail->spilled = tail->spilled == PICOT_KEEPS_CHUNK_ && at == trailer->base ? 0 : PICOT_KEEPS_CHUNK_;
}

/* Is it the task's first function, in a second chunk small enough to be kept? */
static bool may_keep_chunk(const picot_task *task, const struct picot_frame_tail *tail)
{
    const picot_frame *frame = (const picot_frame *)(const void *)(tail + 1);
    if (frame->parent || is_first(task)) return false;
    const struct trailer *trailer = trailer_of(task);
    return trailer->limit == picot__arena_end(task) && trailer->size <= LARGEST_KEPT;
}

/* The block is the first of its chunk, or lies in a chunk below: defers of its frame may have spilled into later ones.
 */
void picot_rt_pop_slow(picot_task *task, struct picot_frame_tail *tail, void *block)
{
    char *at = block;
    bool found = false;
    while (!found && !is_first(task)) {
        if (may_keep_chunk(task, tail)) {
            keep_chunk(task, tail, at);
            return;
        }
        const struct trailer *trailer = trailer_of(task);
        if (at > trailer->base && at < (const char *)trailer) break;
        found = at == trailer->base;
        drop_chunk(task);
    }
    if (!found) {
        PICOT_POISON_(at, (size_t)(task->sp - at));
        task->sp = at;
    }
    const char *frame = (const char *)tail; /* back in its own chunk: the fast path again */
    if (frame >= base_of(task) && frame < task->sp) tail->spilled = 0;
}

void picot__arena_free_chunks(picot_task *task)
{
    while (!is_first(task))
        drop_chunk(task);
}

size_t picot__arena_block_size(size_t used)
{
    return ((used + 15) & ~(size_t)15) + sizeof(struct trailer);
}

void picot__arena_init(char *block, size_t used, size_t size, char **ret_sp, char **ret_limit)
{
    char *limit = block + size - sizeof(struct trailer), *sp = block + used;
    *(struct trailer *)(void *)limit = (struct trailer){NULL, NULL, block, size};
    PICOT_POISON_(sp, (size_t)(limit - sp));
    *ret_sp = sp;
    *ret_limit = limit;
}

/* ---- defers ---------------------------------------------------------------------------------- */

static bool is_shield(const struct picot_defer_node *node)
{
    return (uintptr_t)node & 1;
}

static void begin_exit(picot_task *task, picot_frame *frame, struct picot_frame_tail *tail)
{
    struct picot_defer_node **end = &tail->defers;
    while (*end)
        end = &(*end)->next;
    *end = (struct picot_defer_node *)((uintptr_t)task->shield << 1 | 1);
    task->shield = (uint16_t)(task->scopes + 1);
    tail->status = frame->rc;
    tail->exiting = 1;
}

uint16_t picot__outer_shield(picot_frame *frame, uint16_t present)
{
    const struct picot_frame_tail *tail = picot__tail_of(frame);
    if (!tail->exiting) return present;
    const struct picot_defer_node *node = tail->defers;
    while (!is_shield(node))
        node = node->next;
    return (uint16_t)((uintptr_t)node >> 1);
}

/* Returns 1: registered; 0: no memory, the caller goes on with the block itself and then to the function's exit. */
int picot_rt_defer(picot_task *task, picot_frame *frame, int32_t pos, int32_t id)
{
    struct picot_frame_tail *tail = picot__tail_of(frame);
    for (struct picot_defer_node *node = tail->defers; node && !is_shield(node); node = node->next)
        if (node->id == id && node->pos > PICOT_POS_HOLD_) return 1;
    /* The frame is popped by its caller, who must learn that more than it may have to go. */
    struct picot_frame_tail spill = {0};
    struct picot_defer_node *node = picot_rt_push(task, &spill, sizeof *node);
    if (spill.spilled) {
        tail->spilled |= PICOT_NEW_CHUNK_; /* and its next callee is called by the trampoline */
        if (frame->parent && frame->parent->fn->flags & PICOT_FN_BODY)
            picot__tail_of(frame->parent)->spilled |= PICOT_NEW_CHUNK_;
    }
    if (!node) {
        frame->rc = -ENOMEM;
        if (!tail->exiting) begin_exit(task, frame, tail);
        return 0;
    }
    node->next = tail->defers;
    node->pos = pos;
    node->id = id;
    tail->defers = node;
    return 1;
}

/* A shield among the scopes that are closed on the way out is not to be restored. */
static void forget_shield(struct picot_frame_tail *tail, const struct picot_scope_node *scope)
{
    struct picot_defer_node **end = &tail->defers;
    while (!is_shield(*end))
        end = &(*end)->next;
    if ((uintptr_t)*end >> 1 == scope->index)
        *end = (struct picot_defer_node *)((uintptr_t)scope->outer_shield << 1 | 1);
}

/* A defer block of a generator that is closed was left with an error: that is what its closing gives. */
static bool cleanup_failed(const picot_frame *frame, const struct picot_frame_tail *tail)
{
    return frame->rc < 0 && tail->status == PICOT_ECLOSED && frame->fn->flags & PICOT_FN_GENERATOR;
}

/* 1: frame->pos is at the next defer block to run. 0: all have run, and frame->rc is the function's status. Scopes that
 * the function has left open are closed on the way, and what its blocks hold is given back. */
static int exit_next(picot_task *task, picot_frame *frame, struct picot_frame_tail *tail)
{
    if (!tail->exiting)
        begin_exit(task, frame, tail);
    else if (cleanup_failed(frame, tail))
        tail->status = frame->rc;
    frame->rc = tail->status;
    for (struct picot_defer_node *node; !is_shield(node = tail->defers);) {
        tail->defers = node->next;
        if (node->pos == PICOT_POS_HOLD_) {
            picot__hold_undo(node);
            continue;
        }
        if (node->pos != PICOT_POS_SCOPE_) {
            frame->pos = node->pos;
            return 1;
        }
        picot_scope *scope = (picot_scope *)(void *)((char *)node - offsetof(picot_scope, link));
        forget_shield(tail, &scope->node);
        frame->rc = tail->status = picot__scope_unwind(task, node, tail->status);
        task->shield = (uint16_t)(task->scopes + 1); /* those that the next defers open are in force again */
    }
    uint16_t shield = (uint16_t)((uintptr_t)tail->defers >> 1);
    tail->defers = NULL;
    tail->exiting = 0;
    picot__set_shield(task, shield);
    return 0;
}

/* What picot_end does, too, for functions without defers: an error becomes the result. */
static void store_error(picot_frame *frame)
{
    const picot_fn *fn = frame->fn;
    char *result = (char *)frame + fn->result_offset;
    int64_t wide = frame->rc;
    if (!(fn->flags & PICOT_FN_INTEGER))
        memset(result, 0, fn->result_size);
    else if (fn->result_size == sizeof wide)
        memcpy(result, &wide, sizeof wide);
    else
        memcpy(result, &frame->rc, sizeof frame->rc);
}

/* A function with defers or open scopes ends: run the next block, which comes back here; or return to its caller. */
picot_step picot_rt_exit(picot_task *task, picot_frame *frame)
{
    if (exit_next(task, frame, picot__tail_of(frame))) return frame->fn->resume(task, frame, NULL);
    if (frame->rc < 0) store_error(frame);
    task->top = frame->parent;
    return (picot_step){frame->rc};
}
