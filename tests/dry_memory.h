/* SPDX-License-Identifier: MIT
 *
 * dry_memory.h - an allocator that runs dry at a given allocation, and a loop on it.
 */
#ifndef PICOT_TESTS_DRY_MEMORY_H
#define PICOT_TESTS_DRY_MEMORY_H

#include "coro_support.h"

#include <stdbool.h>
#include <stdlib.h>

static long countdown = -1, bytes; /* allocations that still succeed, or -1: all; bytes not given back */
static bool for_good;              /* all fail from then on, not only one */

static void *resize(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user;
    if (new_size > old_size && countdown >= 0) {
        if (countdown == 0) {
            if (!for_good) countdown = -1;
            return NULL;
        }
        countdown--;
    }
    bytes += (long)new_size - (long)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    /* Always a new place, filled with rubbish, so that nothing rests on luck. */
    char *moved = malloc(new_size);
    memset(moved, 0xA5, new_size);
    if (old_size) memcpy(moved, block, old_size < new_size ? old_size : new_size);
    free(block);
    return moved;
}

static inline picot_loop *dry_loop(void)
{
    static const picot_allocator allocator = {resize, NULL};
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    picot_loop *loop = NULL;
    options.allocator = &allocator;
    options.backend = "epoll";
    CHECK_EQ(picot_loop_create(&options, &loop), 0);
    return in_mode(loop);
}

#endif /* PICOT_TESTS_DRY_MEMORY_H */
