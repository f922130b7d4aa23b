/* SPDX-License-Identifier: MIT
 *
 * extents.c - free parts of a region, in a list by place; neighbours are joined.
 */
#include "extents.h"

#include <errno.h>
#include <stdlib.h>

struct picot__extent {
    struct picot__extent *next;
    uint64_t place, size;
};

static uint64_t in_units(uint64_t size)
{
    return (size + PICOT__EXTENT_UNIT - 1) / PICOT__EXTENT_UNIT * PICOT__EXTENT_UNIT;
}

int picot__extents_open(struct picot__extents *extents, uint64_t first, uint64_t size)
{
    extents->free = NULL;
    extents->size = size;
    picot__extents_give(extents, first, size);
    return extents->free || size == 0 ? 0 : -ENOMEM;
}

void picot__extents_close(struct picot__extents *extents)
{
    while (extents->free) {
        struct picot__extent *extent = extents->free;
        extents->free = extent->next;
        free(extent);
    }
}

uint64_t picot__extents_take(struct picot__extents *extents, uint64_t size)
{
    size = in_units(size);
    for (struct picot__extent **at = &extents->free, *extent; (extent = *at); at = &extent->next) {
        if (extent->size < size) continue;
        uint64_t place = extent->place;
        extent->place += size;
        extent->size -= size;
        if (extent->size == 0) {
            *at = extent->next;
            free(extent);
        }
        return place;
    }
    return 0;
}

void picot__extents_give(struct picot__extents *extents, uint64_t place, uint64_t size)
{
    struct picot__extent **at = &extents->free, *before = NULL, *after;
    size = in_units(size);
    while ((after = *at) && after->place < place) {
        before = after;
        at = &after->next;
    }
    if (before && before->place + before->size == place) {
        before->size += size;
    } else if (after && place + size == after->place) {
        after->place = place;
        after->size += size;
        return;
    } else {
        struct picot__extent *extent = malloc(sizeof *extent);
        if (!extent) return;
        *extent = (struct picot__extent){after, place, size};
        *at = extent;
        return;
    }
    if (!after || before->place + before->size != after->place) return;
    before->size += after->size;
    before->next = after->next;
    free(after);
}
