/* SPDX-License-Identifier: MIT
 *
 * file.h - files and directories: operations on paths, several buffers at once, sizes.
 *
 *     picot_op_rename(&op, AT_FDCWD, "new.conf", AT_FDCWD, "app.conf", 0);
 *     picot_submit(loop, &op, on_renamed, server);
 *
 * More operations for the door of op.h; open, read, write, fsync and fstat stand there. All of this may wait for a disk
 * or a server, and never holds the loop: on io_uring the kernel does what it has an operation for, and on the other
 * backends, and for the rest, the thread pool of the loop does it, with the same results. Coroutines use the awaitable
 * forms of file_io.h.
 *
 * Paths. A path is relative to `dir`: a plain descriptor number of a directory (see picot_op_directory_open), or
 * AT_FDCWD. It is the loop's until completion, as is everything else that is pointed to. A NULL path is refused with
 * -EINVAL; an empty one gives -ENOENT, one beyond the system's limits -ENAMETOOLONG, a dir that is none -EBADF or
 * -ENOTDIR. All the other codes are those of the manual page named.
 *
 * Cancelling. What has not begun is taken back: -ECANCELED, and nothing has happened. What has begun goes on and
 * completes with its result. Credentials are those that the process has when the loop hands the operation on: do not
 * change them with operations pending. Codes of submit, threads, reentrancy and fork: see op.h.
 */
#ifndef PICOT_FILE_H
#define PICOT_FILE_H

#include <picot/op.h>
#include <sys/types.h>

PICOT_BEGIN_DECLS

struct iovec;
struct statx;
struct timespec;

/* ---- several buffers at once ------------------------------------------------------------------- */

/**
 * readv(2) into several buffers, in their order, or preadv(2) with offset >= 0; offset -1: the current position, and
 * for sockets, pipes and ttys. Occupies the handle as a read does: of a file with an offset not at all.
 * Result: bytes, 0 at the end, or when all buffers are empty; -EINVAL: more than 1024 of them, or of more bytes than
 * SSIZE_MAX; -ESPIPE: an offset where there are no positions.
 * @param buffers  with all they point to the loop's until completion
 * @param count    0..1024; 0: result 0 at once
 * @since 0.1
 */
PICOT_API void picot_op_readv(picot_op *op, picot_fd fd, const struct iovec *buffers, int count, int64_t offset);

/**
 * writev(2), or pwritev(2) with offset >= 0; see picot_op_readv. Result: bytes taken, possibly fewer than given.
 * @since 0.1
 */
PICOT_API void picot_op_writev(picot_op *op, picot_fd fd, const struct iovec *buffers, int count, int64_t offset);

/* ---- what a path is ---------------------------------------------------------------------------- */

/**
 * statx(2): what is known of a file. Result: 0. Native on io_uring since Linux 5.6.
 * @param flags     0; AT_SYMLINK_NOFOLLOW: of a link itself; AT_EMPTY_PATH with path "": of dir itself; AT_STATX_...
 * @param mask      what is wanted: STATX_BASIC_STATS, STATX_BTIME, ...; ret_stat->stx_mask tells what there was
 * @param ret_stat  the loop's until completion; its contents mean something when the result is 0
 * @since 0.1
 */
PICOT_API void picot_op_statx(picot_op *op, int dir, const char *path, int flags, unsigned mask,
                              struct statx *ret_stat);

/**
 * readlinkat(2): where a symbolic link leads. Result: bytes, no NUL behind them; when it is len there may have been
 * more. -EINVAL: not a link, or len is 0.
 * @since 0.1
 */
PICOT_API void picot_op_readlink(picot_op *op, int dir, const char *path, char *ret_target, size_t len);

/* ---- making, moving, removing ------------------------------------------------------------------ */

/**
 * renameat2(2). Result: 0. Native on io_uring since Linux 5.11.
 * @param flags  0: replaces what is there; RENAME_NOREPLACE: -EEXIST then; RENAME_EXCHANGE; RENAME_WHITEOUT. -EINVAL
 *               where the file system has no such thing
 * @since 0.1
 */
PICOT_API void picot_op_rename(picot_op *op, int dir, const char *path, int new_dir, const char *new_path,
                               unsigned flags);

/** unlinkat(2). Result: 0. flags: 0, or AT_REMOVEDIR: an empty directory. Native on io_uring since Linux 5.11.
 * @since 0.1 */
PICOT_API void picot_op_unlink(picot_op *op, int dir, const char *path, int flags);

/** mkdirat(2). Result: 0. mode: permissions, less the umask. Native on io_uring since Linux 5.15. @since 0.1 */
PICOT_API void picot_op_mkdir(picot_op *op, int dir, const char *path, unsigned mode);

/** symlinkat(2): path becomes a link that leads to target. Result: 0. Native on io_uring since Linux 5.15. @since 0.1
 */
PICOT_API void picot_op_symlink(picot_op *op, const char *target, int dir, const char *path);

/** linkat(2): one more name for a file. Result: 0. flags: 0, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH. Native on io_uring since
 * Linux 5.15. @since 0.1 */
PICOT_API void picot_op_link(picot_op *op, int dir, const char *path, int new_dir, const char *new_path, int flags);

/* ---- sizes and attributes ---------------------------------------------------------------------- */

/** truncate(2): cut a file, or lengthen it by a hole. Result: 0. length: bytes, >= 0. Occupies nothing. @since 0.1 */
PICOT_API void picot_op_truncate(picot_op *op, const char *path, int64_t length);

/** ftruncate(2). Result: 0. Occupies the handle as a write does. Native on io_uring since Linux 6.9. @since 0.1 */
PICOT_API void picot_op_ftruncate(picot_op *op, picot_fd fd, int64_t length);

/**
 * fallocate(2): have room for bytes offset..offset + length, or punch a hole, as mode says: 0, FALLOC_FL_KEEP_SIZE,
 * FALLOC_FL_PUNCH_HOLE, ... Result: 0. Occupies the handle as a write does. Native on io_uring since Linux 5.6.
 * @since 0.1
 */
PICOT_API void picot_op_fallocate(picot_op *op, picot_fd fd, int mode, int64_t offset, int64_t length);

/** fchmodat(2); follows links. Result: 0. @since 0.1 */
PICOT_API void picot_op_chmod(picot_op *op, int dir, const char *path, unsigned mode);

/** fchownat(2). Result: 0. (uid_t)-1, (gid_t)-1: as it is. flags: 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH. @since 0.1 */
PICOT_API void picot_op_chown(picot_op *op, int dir, const char *path, uid_t owner, gid_t group, int flags);

/**
 * utimensat(2): when it was last read and changed. Result: 0.
 * @param times  two: read, changed; tv_nsec may be UTIME_NOW or UTIME_OMIT. NULL: both now
 * @param flags  0, AT_SYMLINK_NOFOLLOW
 * @since 0.1
 */
PICOT_API void picot_op_utimes(picot_op *op, int dir, const char *path, const struct timespec *times, int flags);

/* ---- directories ------------------------------------------------------------------------------- */

/**
 * open(2) of a directory, for reading its entries and as `dir` of other operations. Native on io_uring.
 * Result: a plain descriptor number, close-on-exec, the caller's: end it with picot_directory_close. -ENOTDIR; -ELOOP.
 * @param flags  0; O_NOFOLLOW: not by a link, -ENOTDIR or -ELOOP; O_PATH: only as `dir`
 * @since 0.1
 */
PICOT_API void picot_op_directory_open(picot_op *op, int dir, const char *path, int flags);

/**
 * getdents64(2): the next entries, as many as find room; picot_directory_next goes through them. One at a time for each
 * directory. Always in a thread. Result: bytes filled in, 0 at the end. -EINVAL: no room for the next entry; -EBADF,
 * -ENOTDIR.
 * @param directory  of picot_op_directory_open, not with O_PATH
 * @param buf, len   the loop's until completion; room in bytes: 32 KiB are fine, an entry takes up to 280
 * @since 0.1
 */
PICOT_API void picot_op_directory_read(picot_op *op, int directory, void *buf, size_t len);

/** An entry of a directory. */
typedef struct picot_directory_entry {
    const char *name;   /**< ends with NUL; lies in the buffer that was read into */
    size_t name_length; /**< bytes without the NUL */
    uint64_t inode;
    unsigned char type; /**< DT_REG, DT_DIR, DT_LNK, ... of <dirent.h>; DT_UNKNOWN where the file system does not tell:
                             ask picot_op_statx */
} picot_directory_entry;

/**
 * Go through what picot_op_directory_read has brought. "." and ".." are left out.
 * @param buf, size   as read: the buffer, and the result
 * @param position    0 before the first call, then left alone
 * @param ret_entry   filled in when the answer is 1
 * @return  1: an entry; 0: that was all; -EINVAL: NULL, or not what was read. Thread: any. @since 0.1
 */
PICOT_API int picot_directory_next(const void *buf, size_t size, size_t *position, picot_directory_entry *ret_entry);

/** close(2); does not block. @return 0, -EBADF. Thread: any. @since 0.1 */
PICOT_API int picot_directory_close(int directory);

/* ---- temporary files --------------------------------------------------------------------------- */

/**
 * A file without a name, in the directory `path`, for reading and writing; gone when it is closed. O_TMPFILE, or where
 * the file system has no such thing a file that is removed at once. Result: a handle; codes of open(2).
 * @param flags  0, or more flags for open(2): O_DIRECT, O_SYNC, ...; O_EXCL: it cannot be given a name by linkat(2)
 * @param mode   permissions, less the umask: of interest when it is given a name
 * @since 0.1
 */
PICOT_API void picot_op_temporary(picot_op *op, int dir, const char *path, int flags, unsigned mode);

/**
 * A new file with a name that nobody had, for reading and writing, as mkostemp(3). Result: a handle; -EINVAL: the
 * template does not end in "XXXXXX"; -EEXIST: no name was free; codes of open(2); -ENOMEM: there may be no memory
 * for the handle after the file was made: then the template has its name.
 * @param template_path  its six X are replaced when it was made, and else not; the loop's until completion
 * @param flags          0, or more flags for open(2)
 * @param mode           permissions, less the umask
 * @since 0.1
 */
PICOT_API void picot_op_temporary_named(picot_op *op, int dir, char *template_path, int flags, unsigned mode);

/** A new directory in the same way, as mkdtemp(3). Result: 0. @since 0.1 */
PICOT_API void picot_op_temporary_directory(picot_op *op, int dir, char *template_path, unsigned mode);

PICOT_END_DECLS

#endif /* PICOT_FILE_H */
