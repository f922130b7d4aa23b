/* SPDX-License-Identifier: MIT
 *
 * file_prepare.c - filling in an operation of file.h, and what picot_submit checks of it.
 */
#include "internal.h"

#include <fcntl.h>
#include <limits.h>
#include <picot/file.h>
#include <picot/transfer.h>
#include <sys/uio.h>

static void prepare(picot_op *op, enum picot__op_kind kind, picot_fd fd)
{
    op->_.kind = (uint8_t)kind;
    op->_.state = PICOT__IDLE;
    op->_.flags = 0;
    op->_.fd = fd;
}

static void prepare_vector(picot_op *op, enum picot__op_kind kind, picot_fd fd, const struct iovec *buffers, int count,
                           int64_t offset)
{
    prepare(op, kind, fd);
    op->_.u.io.buf = (void *)(uintptr_t)buffers;
    op->_.u.io.len = (size_t)count; /* a negative one is too large */
    op->_.u.io.at.offset = offset;
    op->_.u.io.flags = 0;
}

void picot_op_readv(picot_op *op, picot_fd fd, const struct iovec *buffers, int count, int64_t offset)
{
    prepare_vector(op, PICOT__OP_READV, fd, buffers, count, offset);
}

void picot_op_writev(picot_op *op, picot_fd fd, const struct iovec *buffers, int count, int64_t offset)
{
    prepare_vector(op, PICOT__OP_WRITEV, fd, buffers, count, offset);
}

/* text: the second path, or what is filled in. */
static void prepare_path(picot_op *op, enum picot__op_kind kind, int dir, const char *path, const void *text)
{
    prepare(op, kind, 0);
    op->_.u.path.path = path;
    op->_.u.path.text = (void *)(uintptr_t)text;
    op->_.u.path.dir = dir;
    op->_.u.path.other = 0;
    op->_.u.path.flags = 0;
    op->_.u.path.mode = 0;
}

void picot_op_statx(picot_op *op, int dir, const char *path, int flags, unsigned mask, struct statx *ret_stat)
{
    prepare_path(op, PICOT__OP_STATX, dir, path, ret_stat);
    op->_.u.path.flags = flags;
    op->_.u.path.other = (int)mask;
}

void picot_op_readlink(picot_op *op, int dir, const char *path, char *ret_target, size_t len)
{
    prepare_path(op, PICOT__OP_READLINK, dir, path, ret_target);
    op->_.u.path.other = len < INT_MAX ? (int)len : INT_MAX;
}

void picot_op_rename(picot_op *op, int dir, const char *path, int new_dir, const char *new_path, unsigned flags)
{
    prepare_path(op, PICOT__OP_RENAME, dir, path, new_path);
    op->_.u.path.other = new_dir;
    op->_.u.path.flags = (int)flags;
}

void picot_op_unlink(picot_op *op, int dir, const char *path, int flags)
{
    prepare_path(op, PICOT__OP_UNLINK, dir, path, NULL);
    op->_.u.path.flags = flags;
}

void picot_op_mkdir(picot_op *op, int dir, const char *path, unsigned mode)
{
    prepare_path(op, PICOT__OP_MKDIR, dir, path, NULL);
    op->_.u.path.mode = mode;
}

void picot_op_symlink(picot_op *op, const char *target, int dir, const char *path)
{
    prepare_path(op, PICOT__OP_SYMLINK, dir, path, target);
}

void picot_op_link(picot_op *op, int dir, const char *path, int new_dir, const char *new_path, int flags)
{
    prepare_path(op, PICOT__OP_LINK, dir, path, new_path);
    op->_.u.path.other = new_dir;
    op->_.u.path.flags = flags;
}

void picot_op_chmod(picot_op *op, int dir, const char *path, unsigned mode)
{
    prepare_path(op, PICOT__OP_CHMOD, dir, path, NULL);
    op->_.u.path.mode = mode;
}

void picot_op_chown(picot_op *op, int dir, const char *path, uid_t owner, gid_t group, int flags)
{
    prepare_path(op, PICOT__OP_CHOWN, dir, path, NULL);
    op->_.u.path.mode = owner;
    op->_.u.path.other = (int)group;
    op->_.u.path.flags = flags;
}

void picot_op_utimes(picot_op *op, int dir, const char *path, const struct timespec *times, int flags)
{
    prepare_path(op, PICOT__OP_UTIMES, dir, path, times);
    op->_.u.path.flags = flags;
}

static void prepare_range(picot_op *op, enum picot__op_kind kind, picot_fd fd, int64_t offset, int64_t length)
{
    prepare(op, kind, fd);
    op->_.u.range.path = NULL;
    op->_.u.range.offset = offset;
    op->_.u.range.length = length;
    op->_.u.range.mode = 0;
}

void picot_op_truncate(picot_op *op, const char *path, int64_t length)
{
    prepare_range(op, PICOT__OP_TRUNCATE, 0, 0, length);
    op->_.u.range.path = path;
}

void picot_op_ftruncate(picot_op *op, picot_fd fd, int64_t length)
{
    prepare_range(op, PICOT__OP_FTRUNCATE, fd, 0, length);
}

void picot_op_fallocate(picot_op *op, picot_fd fd, int mode, int64_t offset, int64_t length)
{
    prepare_range(op, PICOT__OP_FALLOCATE, fd, offset, length);
    op->_.u.range.mode = mode;
}

/* ---- directories and temporary files --------------------------------------------------------- */

void picot_op_directory_open(picot_op *op, int dir, const char *path, int flags)
{
    prepare_path(op, PICOT__OP_DIRECTORY_OPEN, dir, path, NULL);
    op->_.u.path.flags = flags | O_RDONLY | O_DIRECTORY | O_CLOEXEC;
}

void picot_op_directory_read(picot_op *op, int directory, void *buf, size_t len)
{
    prepare(op, PICOT__OP_DIRECTORY_READ, 0);
    op->_.u.io.buf = buf;
    op->_.u.io.len = len < INT_MAX ? len : INT_MAX;
    op->_.u.io.at.offset = 0;
    op->_.u.io.flags = directory;
}

static void prepare_temporary(picot_op *op, enum picot__op_kind kind, int dir, const char *path, int flags,
                              unsigned mode)
{
    prepare_path(op, kind, dir, path, NULL);
    op->_.u.path.flags = flags;
    op->_.u.path.mode = mode;
}

void picot_op_temporary(picot_op *op, int dir, const char *path, int flags, unsigned mode)
{
    prepare_temporary(op, PICOT__OP_TEMPORARY, dir, path, flags, mode);
}

void picot_op_temporary_named(picot_op *op, int dir, char *template_path, int flags, unsigned mode)
{
    prepare_temporary(op, PICOT__OP_TEMPORARY_NAMED, dir, template_path, flags, mode);
}

void picot_op_temporary_directory(picot_op *op, int dir, char *template_path, unsigned mode)
{
    prepare_temporary(op, PICOT__OP_TEMPORARY_DIRECTORY, dir, template_path, 0, mode);
}

/* ---- inside ---------------------------------------------------------------------------------- */

void picot__prepare_copy(picot_op *op, picot_transfer *transfer)
{
    op->_.kind = PICOT__OP_COPY;
    op->_.state = PICOT__IDLE;
    op->_.flags = 0;
    op->_.fd = transfer->_.to;
    op->_.u.transfer = transfer;
}

/* ---- what picot_submit checks ---------------------------------------------------------------- */

/* The bytes of several buffers, or -EINVAL. As readv(2) has it. */
int64_t picot__vector_size(const picot_op *op)
{
    const struct iovec *buffers = op->_.u.io.buf;
    size_t count = op->_.u.io.len, total = 0;
    if (count > IOV_MAX || (count > 0 && !buffers)) return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (buffers[i].iov_len > PTRDIFF_MAX - total || (buffers[i].iov_len > 0 && !buffers[i].iov_base))
            return -EINVAL;
        total += buffers[i].iov_len;
    }
    return (int64_t)total;
}

bool picot__bad_path(const picot_op *op)
{
    if (!op->_.u.path.path) return true;
    switch (op->_.kind) {
    case PICOT__OP_STATX:
    case PICOT__OP_RENAME:
    case PICOT__OP_SYMLINK:
    case PICOT__OP_LINK:
        return !op->_.u.path.text;
    case PICOT__OP_READLINK:
        return !op->_.u.path.text || op->_.u.path.other <= 0;
    default:
        return false;
    }
}
