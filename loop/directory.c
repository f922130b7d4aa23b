/* SPDX-License-Identifier: MIT
 *
 * directory.c - going through the entries that a read of a directory has brought. Source: getdents64(2).
 */
#include "backend/backend.h"

#include <picot/file.h>

/* What lies before the name of an entry, and where: inode, position of the next, length of the entry, type. */
enum { INODE_AT = 0, LENGTH_AT = 16, TYPE_AT = 18, NAME_AT = 19 };

static bool is_itself_or_parent(const char *name)
{
    return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

/* The entry at the start of `from`: its length in bytes, or 0 when there is none. */
static size_t take(const unsigned char *from, size_t size, picot_directory_entry *ret_entry)
{
    uint16_t length;
    if (size <= NAME_AT) return 0;
    memcpy(&length, from + LENGTH_AT, sizeof length);
    if (length <= NAME_AT || length > size) return 0;
    const unsigned char *end = memchr(from + NAME_AT, 0, length - NAME_AT);
    if (!end) return 0;
    memcpy(&ret_entry->inode, from + INODE_AT, sizeof ret_entry->inode);
    ret_entry->type = from[TYPE_AT];
    ret_entry->name = (const char *)from + NAME_AT;
    ret_entry->name_length = (size_t)(end - from) - NAME_AT;
    return length;
}

int picot_directory_next(const void *buf, size_t size, size_t *position, picot_directory_entry *ret_entry)
{
    if (!buf || !position || !ret_entry || *position > size) return -EINVAL;
    while (*position < size) {
        picot_directory_entry entry;
        size_t length = take((const unsigned char *)buf + *position, size - *position, &entry);
        if (length == 0) return -EINVAL;
        *position += length;
        if (is_itself_or_parent(entry.name)) continue;
        *ret_entry = entry;
        return 1;
    }
    return 0;
}

int picot_directory_close(int directory)
{
    return directory < 0 ? -EBADF : picot__sys_close(directory);
}
