/* SPDX-License-Identifier: MIT
 *
 * file.c - the operations of file.h as leaves.
 */
#include <picot/file_io.h>

#include "op_leaf.h"

PICOT__OP_LEAF(picot_readv,
               (picot_fd fd = my->fd; const struct iovec *buffers = my->buffers; int count = my->count;
                int64_t offset = my->offset),
               picot_op_readv(&my->_op, fd, buffers, count, offset));
PICOT__OP_LEAF(picot_writev,
               (picot_fd fd = my->fd; const struct iovec *buffers = my->buffers; int count = my->count;
                int64_t offset = my->offset),
               picot_op_writev(&my->_op, fd, buffers, count, offset));
PICOT__OP_LEAF(picot_statx,
               (int dir = my->dir; const char *path = my->path; int flags = my->flags; unsigned mask = my->mask;
                struct statx *ret_stat = my->ret_stat),
               picot_op_statx(&my->_op, dir, path, flags, mask, ret_stat));
PICOT__OP_LEAF(picot_readlink,
               (int dir = my->dir; const char *path = my->path; char *ret_target = my->ret_target;
                size_t len = my->len),
               picot_op_readlink(&my->_op, dir, path, ret_target, len));
PICOT__OP_LEAF(picot_rename,
               (int dir = my->dir; const char *path = my->path; int new_dir = my->new_dir;
                const char *new_path = my->new_path; unsigned flags = my->flags),
               picot_op_rename(&my->_op, dir, path, new_dir, new_path, flags));
PICOT__OP_LEAF(picot_unlink, (int dir = my->dir; const char *path = my->path; int flags = my->flags),
               picot_op_unlink(&my->_op, dir, path, flags));
PICOT__OP_LEAF(picot_mkdir, (int dir = my->dir; const char *path = my->path; unsigned mode = my->mode),
               picot_op_mkdir(&my->_op, dir, path, mode));
PICOT__OP_LEAF(picot_symlink, (const char *target = my->target; int dir = my->dir; const char *path = my->path),
               picot_op_symlink(&my->_op, target, dir, path));
PICOT__OP_LEAF(picot_link,
               (int dir = my->dir; const char *path = my->path; int new_dir = my->new_dir;
                const char *new_path = my->new_path; int flags = my->flags),
               picot_op_link(&my->_op, dir, path, new_dir, new_path, flags));
PICOT__OP_LEAF(picot_truncate, (const char *path = my->path; int64_t length = my->length),
               picot_op_truncate(&my->_op, path, length));
PICOT__OP_LEAF(picot_ftruncate, (picot_fd fd = my->fd; int64_t length = my->length),
               picot_op_ftruncate(&my->_op, fd, length));
PICOT__OP_LEAF(picot_fallocate,
               (picot_fd fd = my->fd; int mode = my->mode; int64_t offset = my->offset; int64_t length = my->length),
               picot_op_fallocate(&my->_op, fd, mode, offset, length));
PICOT__OP_LEAF(picot_chmod, (int dir = my->dir; const char *path = my->path; unsigned mode = my->mode),
               picot_op_chmod(&my->_op, dir, path, mode));
PICOT__OP_LEAF(picot_chown,
               (int dir = my->dir; const char *path = my->path; uid_t owner = my->owner; gid_t group = my->group;
                int flags = my->flags),
               picot_op_chown(&my->_op, dir, path, owner, group, flags));
PICOT__OP_LEAF(picot_utimes,
               (int dir = my->dir; const char *path = my->path; const struct timespec *times = my->times;
                int flags = my->flags),
               picot_op_utimes(&my->_op, dir, path, times, flags));
PICOT__OP_LEAF(picot_directory_open, (int dir = my->dir; const char *path = my->path; int flags = my->flags),
               picot_op_directory_open(&my->_op, dir, path, flags));
PICOT__OP_LEAF(picot_directory_read, (int directory = my->directory; void *buf = my->buf; size_t len = my->len),
               picot_op_directory_read(&my->_op, directory, buf, len));
PICOT__OP_LEAF(picot_temporary,
               (int dir = my->dir; const char *path = my->path; int flags = my->flags; unsigned mode = my->mode),
               picot_op_temporary(&my->_op, dir, path, flags, mode));
PICOT__OP_LEAF(picot_temporary_named,
               (int dir = my->dir; char *template_path = my->template_path; int flags = my->flags;
                unsigned mode = my->mode),
               picot_op_temporary_named(&my->_op, dir, template_path, flags, mode));
PICOT__OP_LEAF(picot_temporary_directory,
               (int dir = my->dir; char *template_path = my->template_path; unsigned mode = my->mode),
               picot_op_temporary_directory(&my->_op, dir, template_path, mode));
