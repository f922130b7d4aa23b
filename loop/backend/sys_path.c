/* SPDX-License-Identifier: MIT
 *
 * sys_path.c - the system calls on paths, which may block a thread: see sys_blocking.c.
 *
 * Sources: statx(2) (Linux 4.11), renameat2(2) (3.15), unlinkat(2), mkdirat(2), symlinkat(2), linkat(2), readlinkat(2),
 * truncate(2), fchmodat(2), fchownat(2), utimensat(2).
 */
#include "backend.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc before 2.28 has no renameat2. */
static int rename_path(const picot_op *op)
{
    const char *path = op->_.u.path.path, *new_path = op->_.u.path.text;
    int dir = op->_.u.path.dir, new_dir = op->_.u.path.other;
    unsigned flags = (unsigned)op->_.u.path.flags;
    return flags ? (int)syscall(SYS_renameat2, dir, path, new_dir, new_path, flags)
                 : renameat(dir, path, new_dir, new_path);
}

/* One system call: its value, with errno. */
static int64_t call(const picot_op *op)
{
    const char *path = op->_.u.path.path;
    void *text = op->_.u.path.text;
    int dir = op->_.u.path.dir, other = op->_.u.path.other, flags = op->_.u.path.flags;
    switch (op->_.kind) {
    case PICOT__OP_DIRECTORY_OPEN:
        return openat(dir, path, flags);
    case PICOT__OP_STATX:
        return statx(dir, path, flags, (unsigned)other, text);
    case PICOT__OP_READLINK:
        return readlinkat(dir, path, text, (size_t)other);
    case PICOT__OP_RENAME:
        return rename_path(op);
    case PICOT__OP_UNLINK:
        return unlinkat(dir, path, flags);
    case PICOT__OP_MKDIR:
        return mkdirat(dir, path, (mode_t)op->_.u.path.mode);
    case PICOT__OP_SYMLINK:
        return symlinkat(text, dir, path);
    case PICOT__OP_LINK:
        return linkat(dir, path, other, text, flags);
    case PICOT__OP_CHMOD:
        return fchmodat(dir, path, (mode_t)op->_.u.path.mode, 0);
    case PICOT__OP_CHOWN:
        return fchownat(dir, path, (uid_t)op->_.u.path.mode, (gid_t)other, flags);
    case PICOT__OP_UTIMES:
        return utimensat(dir, path, text, flags);
    default:
        errno = EINVAL;
        return -1;
    }
}

int64_t picot__sys_path(const picot_op *op)
{
    int64_t value;
    do {
        value = op->_.kind == PICOT__OP_TRUNCATE ? truncate(op->_.u.range.path, op->_.u.range.length) : call(op);
    } while (value < 0 && errno == EINTR);
    return value < 0 ? -errno : value;
}
