/* SPDX-License-Identifier: MIT
 *
 * frontier.c - see frontier.h.
 */
#include "frontier.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 64 * 1024 };

struct chunk {
    struct chunk *next;
    size_t used;
    _Alignas(16) char bytes[CHUNK_SIZE - 32];
};

void frontier_init(struct frontier *frontier, size_t limit, uint64_t seed)
{
    *frontier = (struct frontier){.limit = limit, .seed = seed | 1};
}

void frontier_free(struct frontier *frontier)
{
    for (struct chunk *chunk = frontier->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(frontier->pages);
    free(frontier->table);
    *frontier = (struct frontier){0};
}

/* Multiply and fold eight bytes at a time, keyed by the seed; the mixing step is that of Wang Yi's wyhash. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash_of(const struct frontier *frontier, const char *text, size_t len)
{
    uint64_t state = frontier->seed ^ len, word;
    for (; len >= 8; text += 8, len -= 8) {
        memcpy(&word, text, 8);
        state = mix(state ^ word, frontier->seed ^ UINT64_C(0x9e3779b97f4a7c15));
    }
    word = 0;
    memcpy(&word, text, len);
    state = mix(state ^ word, UINT64_C(0xd6e8feb86659fd93));
    return (uint32_t)(state ^ state >> 32);
}

/* The slot that holds the target, or the empty one where it belongs. */
static struct page **slot_of(const struct frontier *frontier, uint32_t hash, const char *target, size_t len)
{
    size_t at = hash & (frontier->table_size - 1);
    for (;; at = (at + 1) & (frontier->table_size - 1)) {
        struct page *page = frontier->table[at];
        if (!page) break;
        if (page->hash == hash && strncmp(page->target, target, len) == 0 && !page->target[len]) break;
    }
    return &frontier->table[at];
}

static int grow(struct frontier *frontier)
{
    size_t capacity = frontier->capacity ? frontier->capacity * 2 : 512, table_size = capacity * 2;
    struct page **pages = realloc(frontier->pages, capacity * sizeof *pages);
    if (!pages) return -ENOMEM;
    frontier->pages = pages;
    struct page **table = calloc(table_size, sizeof *table);
    if (!table) return -ENOMEM;
    for (size_t i = 0; i < frontier->found; i++) {
        size_t at = pages[i]->hash & (table_size - 1);
        while (table[at])
            at = (at + 1) & (table_size - 1);
        table[at] = pages[i];
    }
    free(frontier->table);
    frontier->table = table;
    frontier->table_size = table_size;
    frontier->capacity = capacity;
    return 0;
}

static void *take(struct frontier *frontier, size_t size)
{
    struct chunk *chunk = frontier->chunks;
    size = (size + 15) & ~(size_t)15;
    if (!chunk || sizeof chunk->bytes - chunk->used < size) {
        chunk = malloc(sizeof *chunk);
        if (!chunk) return NULL;
        chunk->next = frontier->chunks;
        chunk->used = 0;
        frontier->chunks = chunk;
    }
    void *block = chunk->bytes + chunk->used;
    chunk->used += size;
    return block;
}

int frontier_add(struct frontier *frontier, const char *target, size_t len, struct page **ret_page)
{
    if (frontier->found == frontier->capacity && grow(frontier) < 0) return -ENOMEM;
    uint32_t hash = hash_of(frontier, target, len);
    struct page **slot = slot_of(frontier, hash, target, len);
    if (*slot) {
        if (ret_page) *ret_page = *slot;
        return 0;
    }
    if (frontier->found == frontier->limit) return -ENOSPC;
    if (len > CHUNK_SIZE / 2) return -ENOSPC;
    struct page *page = take(frontier, sizeof *page + len + 1);
    if (!page) return -ENOMEM;
    char *text = memcpy(page + 1, target, len);
    text[len] = 0;
    *page = (struct page){.target = text, .hash = hash};
    *slot = frontier->pages[frontier->found++] = page;
    if (ret_page) *ret_page = page;
    return 1;
}

struct page *frontier_next(struct frontier *frontier)
{
    return frontier->handed_out < frontier->found ? frontier->pages[frontier->handed_out++] : NULL;
}

size_t frontier_waiting(const struct frontier *frontier)
{
    return frontier->found - frontier->handed_out;
}
