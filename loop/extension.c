/* SPDX-License-Identifier: MIT
 *
 * extension.c - state of other libraries that lives with a loop, and the loop's memory.
 */
#include "internal.h"

int picot_extension_add(picot_loop *loop, picot_extension *extension)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (!extension || !extension->key) return -EINVAL;
    if (picot_extension_find(loop, extension->key)) return -EEXIST;
    extension->_.next = loop->extensions;
    loop->extensions = extension;
    return 0;
}

picot_extension *picot_extension_find(const picot_loop *loop, const void *key)
{
    picot_extension *extension = loop ? loop->extensions : NULL;
    while (extension && extension->key != key)
        extension = extension->_.next;
    return extension;
}

picot_ready_queue *picot_extension_ready(picot_loop *loop)
{
    return loop ? &loop->ready : NULL;
}

void picot_wheel_arm(picot_loop *loop, struct picot_wheel_node *node)
{
    picot__wheel_add(&loop->wheel, node);
}

void picot_wheel_disarm(picot_loop *loop, struct picot_wheel_node *node)
{
    picot__wheel_remove(&loop->wheel, node);
}

void *picot_alloc(picot_loop *loop, size_t size)
{
    return size ? loop->allocator.resize(loop->allocator.user, NULL, 0, size) : NULL;
}

void *picot_realloc(picot_loop *loop, void *block, size_t old_size, size_t new_size)
{
    return loop->allocator.resize(loop->allocator.user, block, old_size, new_size);
}

void picot_free(picot_loop *loop, void *block, size_t size)
{
    if (block) (void)loop->allocator.resize(loop->allocator.user, block, size, 0);
}
