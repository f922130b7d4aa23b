/* SPDX-License-Identifier: MIT
 *
 * watch.c - the caller's watches on descriptors the loop does not own; the backend does the watching.
 */
#include "backend/backend.h"

#define INTERESTS (PICOT_READABLE | PICOT_WRITABLE)

/* Is it an open descriptor, and of what kind? */
static int64_t classify(picot_loop *loop, int fd)
{
    picot_op op = {0};
    op._.kind = PICOT__OP_ADOPT;
    op._.u.call.a = fd;
    int rc = loop->backend->submit(loop, NULL, &op);
    return rc < 0 ? rc : op.result;
}

static void drop(picot_loop *loop, struct picot__descriptor *desc, picot_watch *watch)
{
    if (watch->_.active != PICOT__WATCH_UNCOUNTED) loop->watches--;
    watch->_.active = 0;
    watch->_.fd = -1;
    desc->watch = NULL;
    picot__descriptor_renew(desc); /* events of this turn that are still to come no longer find it */
}

int picot_watch_add(picot_loop *loop, picot_watch *watch, int fd, unsigned interest, picot_watch_fn *fn, void *user)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_watch_add");
    if (!watch || !fn || interest & ~(unsigned)INTERESTS) return -EINVAL;
    if (watch->_.active) return -EALREADY;
    if (fd < 0) return -EBADF;
    struct picot__descriptor *desc = picot__descriptor_at(loop, fd);
    if (!desc) return -ENOMEM;
    if (desc->watch || desc->flags & PICOT__OPEN) return -EEXIST;
    int64_t kind = classify(loop, fd);
    if (kind < 0) return (int)kind;
    watch->fn = fn;
    watch->user = user;
    watch->_.fd = fd;
    watch->_.interest = (unsigned char)interest;
    watch->_.active = 1;
    picot__descriptor_renew(desc);
    desc->flags = (uint16_t)((desc->flags & PICOT__HOT) | (unsigned)kind);
    desc->backend_index = -1;
    desc->watch = watch;
    loop->watches++;
    rc = loop->backend->watch(loop, desc);
    if (rc < 0) drop(loop, desc, watch);
    return rc < 0 ? rc : 0;
}

int picot_watch_set(picot_loop *loop, picot_watch *watch, unsigned interest)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_watch_set");
    if (!watch || interest & ~(unsigned)INTERESTS) return -EINVAL;
    if (!watch->_.active) return -ENOENT;
    if (watch->_.interest == interest) return 0;
    struct picot__descriptor *desc = picot__descriptor_at(loop, watch->_.fd);
    unsigned char old = watch->_.interest;
    watch->_.interest = (unsigned char)interest;
    rc = loop->backend->watch(loop, desc);
    if (rc < 0) watch->_.interest = old;
    return rc < 0 ? rc : 0;
}

int picot_watch_remove(picot_loop *loop, picot_watch *watch)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_watch_remove");
    if (!watch) return -EINVAL;
    if (watch->_.active) picot__watch_drop(loop, watch);
    return 0;
}

void picot__watch_drop(picot_loop *loop, picot_watch *watch)
{
    struct picot__descriptor *desc = picot__descriptor_at(loop, watch->_.fd);
    desc->watch = NULL;
    (void)loop->backend->watch(loop, desc); /* sees that it is gone; the entry's key is still the registered one */
    drop(loop, desc, watch);
}
