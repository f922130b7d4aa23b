/* SPDX-License-Identifier: MIT
 *
 * lease.c - the loop's receive buffers. The buffer used last is lent next, while it is hot in the cache; a bounded
 * number is kept.
 */
#include "internal.h"

#define KEPT_LEASES 64

void *picot__lease_take(picot_loop *loop)
{
    void *buffer = loop->free_leases;
    if (!buffer) return picot_alloc(loop, PICOT__LEASE_SIZE);
    memcpy(&loop->free_leases, buffer, sizeof loop->free_leases); /* a free buffer begins with the next one's address */
    loop->free_lease_count--;
    return buffer;
}

void picot__lease_give(picot_loop *loop, void *buffer)
{
    if (loop->free_lease_count >= KEPT_LEASES) {
        picot_free(loop, buffer, PICOT__LEASE_SIZE);
        return;
    }
    memcpy(buffer, &loop->free_leases, sizeof loop->free_leases);
    loop->free_leases = buffer;
    loop->free_lease_count++;
}

void picot__leases_free(picot_loop *loop)
{
    while (loop->free_leases) {
        void *buffer = picot__lease_take(loop);
        picot_free(loop, buffer, PICOT__LEASE_SIZE);
    }
}

int picot_lease_return(picot_loop *loop, picot_lease *lease)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (!lease) return -EINVAL;
    if (lease->data) picot__lease_give(loop, lease->data);
    lease->data = NULL;
    lease->size = 0;
    return 0;
}
