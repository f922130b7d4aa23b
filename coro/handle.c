/* SPDX-License-Identifier: MIT
 *
 * handle.c - the table that turns the handles of futures into futures: an index, a generation, and a tag of the loop,
 * so that stale and foreign ones are found out. An entry whose generations are used up is never used again.
 */
#include "future.h"

#define GENERATION_BITS 20
#define TAG_BITS 15
#define INDEX_BITS 28
#define GENERATION_MASK ((1u << GENERATION_BITS) - 1)
#define TAG_MASK ((1u << TAG_BITS) - 1)
#define INDEX_MASK ((1u << INDEX_BITS) - 1)
#define NO_ENTRY UINT32_MAX
#define FIRST_ENTRIES 16

struct picot__handle {
    struct picot__future *future; /* NULL: free */
    uint32_t generation;          /* of the present or next handle; never 0 */
    uint32_t next_free;
};

/* The time is in it, too: a later loop may get the memory of one that has ended. */
static uint32_t new_tag(const struct picot__coro *coro)
{
    uint64_t seed = (uint64_t)(uintptr_t)coro ^ (uint64_t)picot_loop_now(coro->loop) << 20;
    return (uint32_t)(seed * UINT64_C(0x9E3779B97F4A7C15) >> 40) & TAG_MASK;
}

static bool grow(struct picot__coro *coro)
{
    uint32_t old_count = coro->handle_count, count = old_count ? old_count * 2 : FIRST_ENTRIES;
    if (count > INDEX_MASK) return false;
    if (old_count == 0) coro->handle_tag = new_tag(coro);
    struct picot__handle *handles =
        picot_realloc(coro->loop, coro->handles, old_count * sizeof *handles, count * sizeof *handles);
    if (!handles) return false;
    for (uint32_t i = old_count; i < count; i++)
        handles[i] = (struct picot__handle){NULL, 1, i + 1 < count ? i + 1 : NO_ENTRY};
    coro->handles = handles;
    coro->handle_count = count;
    coro->free_handle = old_count;
    return true;
}

int picot__handle_open(struct picot__coro *coro, struct picot__future *future)
{
    if (coro->handle_count == 0 || coro->free_handle == NO_ENTRY)
        if (!grow(coro)) return -ENOMEM;
    uint32_t index = coro->free_handle;
    struct picot__handle *handle = &coro->handles[index];
    coro->free_handle = handle->next_free;
    handle->future = future;
    future->handle = (int64_t)((uint64_t)handle->generation << (INDEX_BITS + TAG_BITS) |
                               (uint64_t)coro->handle_tag << INDEX_BITS | index);
    return 0;
}

void picot__handle_close(struct picot__coro *coro, picot_future number)
{
    uint32_t index = (uint32_t)number & INDEX_MASK;
    struct picot__handle *handle = &coro->handles[index];
    handle->future = NULL;
    if (handle->generation++ == GENERATION_MASK) return;
    handle->next_free = coro->free_handle;
    coro->free_handle = index;
}

void picot__handles_free(struct picot__coro *coro)
{
    for (uint32_t i = 0; i < coro->handle_count; i++)
        if (coro->handles[i].future) picot__future_free(coro->handles[i].future);
    picot_free(coro->loop, coro->handles, coro->handle_count * sizeof *coro->handles);
}

int picot__future_find(picot_loop *loop, picot_future number, struct picot__future **ret_future)
{
    if (!loop) return -EINVAL;
    int rc = picot__may_use(loop);
    if (rc < 0) return rc;
    const struct picot__coro *coro = picot__coro_find(loop);
    if (number <= 0) return -EBADF;
    bool ours = coro && coro->handle_count > 0;
    if (!ours || ((uint64_t)number >> INDEX_BITS & TAG_MASK) != coro->handle_tag) return -EXDEV;
    uint32_t index = (uint32_t)number & INDEX_MASK;
    if (index >= coro->handle_count) return -EBADF;
    const struct picot__handle *handle = &coro->handles[index];
    if (!handle->future || handle->generation != (uint64_t)number >> (INDEX_BITS + TAG_BITS)) return -EBADF;
    *ret_future = handle->future;
    return 0;
}
