/* SPDX-License-Identifier: MIT
 *
 * extents.h - which parts of a region are free: first fit, in whole pages. Knows numbers only, never the memory itself.
 */
#ifndef PICOT_LOOP_EXECUTOR_EXTENTS_H
#define PICOT_LOOP_EXECUTOR_EXTENTS_H

#include <stdint.h>

#define PICOT__EXTENT_UNIT 4096u

struct picot__extents {
    struct picot__extent *free; /* by their place */
    uint64_t size;
};

/* A region of `size` bytes that begins at `first`, all of it free. 0, -ENOMEM. */
int picot__extents_open(struct picot__extents *extents, uint64_t first, uint64_t size);
void picot__extents_close(struct picot__extents *extents);

/* The place of `size` bytes, now taken; 0: there is none, or no memory to note it. */
uint64_t picot__extents_take(struct picot__extents *extents, uint64_t size);
/* Give them back. Out of memory they are lost to the region, and nothing else. */
void picot__extents_give(struct picot__extents *extents, uint64_t place, uint64_t size);

#endif /* PICOT_LOOP_EXECUTOR_EXTENTS_H */
