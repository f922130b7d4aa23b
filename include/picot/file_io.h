/* SPDX-License-Identifier: MIT
 *
 * file_io.h - the operations of file.h as awaitable calls with keyword arguments.
 *
 *     picot_try_await(picot_rename(.dir = AT_FDCWD, .path = "new.conf", .new_dir = AT_FDCWD, .new_path = "app.conf"));
 *
 * Each means what its namesake in file.h means and gives the same results, an int64_t. `dir` has to be given: 0 would
 * be descriptor 0. Cancelled tasks: see io.h.
 */
#ifndef PICOT_FILE_IO_H
#define PICOT_FILE_IO_H

#include <picot/file.h>
#include <picot/io.h>

PICOT_BEGIN_DECLS

/** See picot_op_readv; offset: PICOT_HERE for the current position. @since 0.1 */
PICOT_IO_LEAF_(picot_readv, (picot_fd fd; const struct iovec *buffers; int count; int64_t offset;));
#define picot_readv(...) picot_call(picot_readv, __VA_ARGS__)

/** See picot_op_writev. @since 0.1 */
PICOT_IO_LEAF_(picot_writev, (picot_fd fd; const struct iovec *buffers; int count; int64_t offset;));
#define picot_writev(...) picot_call(picot_writev, __VA_ARGS__)

/** See picot_op_statx. @since 0.1 */
PICOT_IO_LEAF_(picot_statx, (int dir; const char *path; int flags; unsigned mask; struct statx * ret_stat;));
#define picot_statx(...) picot_call(picot_statx, __VA_ARGS__)

/** See picot_op_readlink. @since 0.1 */
PICOT_IO_LEAF_(picot_readlink, (int dir; const char *path; char *ret_target; size_t len;));
#define picot_readlink(...) picot_call(picot_readlink, __VA_ARGS__)

/** See picot_op_rename. @since 0.1 */
PICOT_IO_LEAF_(picot_rename, (int dir; const char *path; int new_dir; const char *new_path; unsigned flags;));
#define picot_rename(...) picot_call(picot_rename, __VA_ARGS__)

/** See picot_op_unlink. @since 0.1 */
PICOT_IO_LEAF_(picot_unlink, (int dir; const char *path; int flags;));
#define picot_unlink(...) picot_call(picot_unlink, __VA_ARGS__)

/** See picot_op_mkdir. @since 0.1 */
PICOT_IO_LEAF_(picot_mkdir, (int dir; const char *path; unsigned mode;));
#define picot_mkdir(...) picot_call(picot_mkdir, __VA_ARGS__)

/** See picot_op_symlink. @since 0.1 */
PICOT_IO_LEAF_(picot_symlink, (const char *target; int dir; const char *path;));
#define picot_symlink(...) picot_call(picot_symlink, __VA_ARGS__)

/** See picot_op_link. @since 0.1 */
PICOT_IO_LEAF_(picot_link, (int dir; const char *path; int new_dir; const char *new_path; int flags;));
#define picot_link(...) picot_call(picot_link, __VA_ARGS__)

/** See picot_op_truncate. @since 0.1 */
PICOT_IO_LEAF_(picot_truncate, (const char *path; int64_t length;));
#define picot_truncate(...) picot_call(picot_truncate, __VA_ARGS__)

/** See picot_op_ftruncate. @since 0.1 */
PICOT_IO_LEAF_(picot_ftruncate, (picot_fd fd; int64_t length;));
#define picot_ftruncate(...) picot_call(picot_ftruncate, __VA_ARGS__)

/** See picot_op_fallocate. @since 0.1 */
PICOT_IO_LEAF_(picot_fallocate, (picot_fd fd; int mode; int64_t offset; int64_t length;));
#define picot_fallocate(...) picot_call(picot_fallocate, __VA_ARGS__)

/** See picot_op_chmod. @since 0.1 */
PICOT_IO_LEAF_(picot_chmod, (int dir; const char *path; unsigned mode;));
#define picot_chmod(...) picot_call(picot_chmod, __VA_ARGS__)

/** See picot_op_chown. @since 0.1 */
PICOT_IO_LEAF_(picot_chown, (int dir; const char *path; uid_t owner; gid_t group; int flags;));
#define picot_chown(...) picot_call(picot_chown, __VA_ARGS__)

/** See picot_op_utimes. @since 0.1 */
PICOT_IO_LEAF_(picot_utimes, (int dir; const char *path; const struct timespec *times; int flags;));
#define picot_utimes(...) picot_call(picot_utimes, __VA_ARGS__)

/** See picot_op_directory_open. @since 0.1 */
PICOT_IO_LEAF_(picot_directory_open, (int dir; const char *path; int flags;));
#define picot_directory_open(...) picot_call(picot_directory_open, __VA_ARGS__)

/** See picot_op_directory_read. @since 0.1 */
PICOT_IO_LEAF_(picot_directory_read, (int directory; void *buf; size_t len;));
#define picot_directory_read(...) picot_call(picot_directory_read, __VA_ARGS__)

/** See picot_op_temporary. @since 0.1 */
PICOT_IO_LEAF_(picot_temporary, (int dir; const char *path; int flags; unsigned mode;));
#define picot_temporary(...) picot_call(picot_temporary, __VA_ARGS__)

/** See picot_op_temporary_named. @since 0.1 */
PICOT_IO_LEAF_(picot_temporary_named, (int dir; char *template_path; int flags; unsigned mode;));
#define picot_temporary_named(...) picot_call(picot_temporary_named, __VA_ARGS__)

/** See picot_op_temporary_directory. @since 0.1 */
PICOT_IO_LEAF_(picot_temporary_directory, (int dir; char *template_path; unsigned mode;));
#define picot_temporary_directory(...) picot_call(picot_temporary_directory, __VA_ARGS__)

PICOT_END_DECLS

#endif /* PICOT_FILE_IO_H */
