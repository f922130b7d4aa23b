/* SPDX-License-Identifier: MIT
 *
 * descriptor.c - what the loop knows of each descriptor number, and the handles that stand for them.
 *
 * Entries live in pages that stay until the loop ends, so a pointer to one never dangles; a generation tells whether it
 * still means the same descriptor.
 *
 *     handle, event key:   63  generation  32 | 31  descriptor number  0
 */
#include "backend/backend.h"

#define GENERATION_MAX INT32_MAX

static struct picot__descriptor *make_page(picot_loop *loop, size_t index)
{
    if (index >= loop->page_count) {
        size_t count = loop->page_count ? loop->page_count : 16;
        while (count <= index)
            count *= 2;
        void *grown =
            picot_realloc(loop, loop->pages, loop->page_count * sizeof *loop->pages, count * sizeof *loop->pages);
        if (!grown) return NULL;
        loop->pages = grown;
        memset(loop->pages + loop->page_count, 0, (count - loop->page_count) * sizeof *loop->pages);
        loop->page_count = count;
    }
    struct picot__descriptor *page = picot_alloc(loop, PICOT__PAGE_ENTRIES * sizeof *page);
    if (!page) return NULL;
    memset(page, 0, PICOT__PAGE_ENTRIES * sizeof *page);
    for (size_t i = 0; i < PICOT__PAGE_ENTRIES; i++) {
        page[i].generation = 1;
        page[i].fd = (int32_t)(index * PICOT__PAGE_ENTRIES + i);
        page[i].backend_index = -1;
    }
    loop->pages[index] = page;
    return page;
}

struct picot__descriptor *picot__descriptor_at(picot_loop *loop, int fd)
{
    if (fd < 0) return NULL;
    size_t index = (size_t)fd / PICOT__PAGE_ENTRIES;
    struct picot__descriptor *page = index < loop->page_count ? loop->pages[index] : NULL;
    if (!page) page = make_page(loop, index);
    return page ? &page[(size_t)fd % PICOT__PAGE_ENTRIES] : NULL;
}

uint64_t picot__descriptor_key(const struct picot__descriptor *desc)
{
    return (uint64_t)desc->generation << 32 | (uint32_t)desc->fd;
}

void picot__descriptor_renew(struct picot__descriptor *desc)
{
    desc->generation = desc->generation >= GENERATION_MAX ? 1 : desc->generation + 1;
}

void picot__descriptor_forget(picot_loop *loop, struct picot__descriptor *desc)
{
    if (desc->flags & PICOT__OPEN) loop->handles--;
    desc->flags &= PICOT__HOT; /* the list of hot entries is its owner's to mend */
    desc->backend_flags = 0;
    desc->reader = desc->writer = NULL;
    picot__shared_free(loop, desc);
    picot__descriptor_renew(desc);
    picot__retry_kick(loop);
}

/*
 * The system has given out this number anew although we hold a handle for it: somebody closed it behind the loop's
 * back. Its operations end; the old handle becomes stale.
 */
static void evict(picot_loop *loop, struct picot__descriptor *desc)
{
    picot_op *reader = desc->reader, *writer = desc->writer == reader ? NULL : desc->writer;
    if (reader) loop->backend->cancel(loop, desc, reader);
    if (writer) loop->backend->cancel(loop, desc, writer);
    picot__shared_cancel(loop, desc);
    picot_op op = {0};
    op._.kind = PICOT__OP_RELEASE;
    op._.fd = (picot_fd)picot__descriptor_key(desc);
    desc->flags &= (uint16_t)~PICOT__UNBLOCKED;   /* the flags to restore were those of the file that is gone */
    (void)loop->backend->submit(loop, desc, &op); /* the backend lets go of that file */
    picot__descriptor_forget(loop, desc);
}

/* Make the entry a handle; the descriptor stays the caller's on failure. */
static picot_fd enter(picot_loop *loop, int fd, unsigned flags)
{
    struct picot__descriptor *desc = picot__descriptor_at(loop, fd);
    if (!desc) return -ENOMEM;
    if (desc->watch) return -EEXIST;
    if (desc->flags & PICOT__OPEN) evict(loop, desc);
    desc->flags = (uint16_t)((desc->flags & PICOT__HOT) | flags | PICOT__OPEN);
    desc->backend_index = -1;
    desc->shared = NULL;
    loop->handles++;
    return (picot_fd)picot__descriptor_key(desc);
}

picot_fd picot__descriptor_open(picot_loop *loop, int fd, unsigned flags)
{
    picot_fd handle = enter(loop, fd, flags);
    if (handle < 0) (void)picot__sys_close(fd);
    return handle;
}

struct picot__descriptor *picot__descriptor_next(picot_loop *loop, int from)
{
    for (size_t fd = from < 0 ? 0 : (size_t)from; fd / PICOT__PAGE_ENTRIES < loop->page_count; fd++) {
        struct picot__descriptor *page = loop->pages[fd / PICOT__PAGE_ENTRIES];
        if (!page) {
            fd |= PICOT__PAGE_ENTRIES - 1; /* on to the next page */
            continue;
        }
        struct picot__descriptor *desc = &page[fd % PICOT__PAGE_ENTRIES];
        if (desc->watch || desc->flags & PICOT__OPEN) return desc;
    }
    return NULL;
}

void picot__descriptors_free(picot_loop *loop)
{
    for (size_t i = 0; i < loop->page_count; i++) {
        for (size_t j = 0; loop->pages[i] && j < PICOT__PAGE_ENTRIES; j++)
            picot__shared_free(loop, &loop->pages[i][j]);
        picot_free(loop, loop->pages[i], PICOT__PAGE_ENTRIES * sizeof **loop->pages);
    }
    picot_free(loop, loop->pages, loop->page_count * sizeof *loop->pages);
    loop->pages = NULL;
    loop->page_count = 0;
}

picot_fd picot_adopt(picot_loop *loop, int fd)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (fd < 0) return -EBADF;
    struct picot__descriptor *desc = picot__descriptor_at(loop, fd);
    if (!desc) return -ENOMEM;
    if (desc->watch || desc->flags & PICOT__OPEN) return -EEXIST;
    picot_op op = {0};
    op._.kind = PICOT__OP_ADOPT;
    op._.u.call.a = fd;
    rc = loop->backend->submit(loop, NULL, &op);
    if (rc < 0) return rc;
    return op.result < 0 ? op.result : enter(loop, fd, (unsigned)op.result);
}

int picot_release(picot_loop *loop, picot_fd fd)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    struct picot__descriptor *desc = picot__descriptor_of(loop, fd);
    if (!desc) return -EBADF;
    if (picot__has_operations(desc)) return -EBUSY;
    picot_op op = {0};
    op._.kind = PICOT__OP_RELEASE;
    op._.fd = fd;
    rc = loop->backend->submit(loop, desc, &op);
    if (rc < 0) return rc;
    int number = desc->fd;
    picot__descriptor_forget(loop, desc);
    return number;
}

int picot_fd_number(picot_loop *loop, picot_fd fd)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    struct picot__descriptor *desc = picot__descriptor_of(loop, fd);
    return desc ? desc->fd : -EBADF;
}
