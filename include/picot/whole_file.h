/* SPDX-License-Identifier: MIT
 *
 * whole_file.h - a file as one piece: all of it into memory, or replaced by other contents at once.
 *
 *     picot_whole_file_read(loop, &config, AT_FDCWD, "app.conf", 1 << 20, on_config, app);
 *
 * Built of the operations of op.h and file.h, so nothing waits for the disk but the operation itself. Coroutines:
 * picot_read_file and picot_replace_file of file_io.h. Rules of thread, reentrancy and fork: see loop.h.
 */
#ifndef PICOT_WHOLE_FILE_H
#define PICOT_WHOLE_FILE_H

#include <picot/file.h>

PICOT_BEGIN_DECLS

typedef struct picot_whole_file picot_whole_file;

/** The end: file->result holds the outcome. The struct is the caller's again. */
typedef void picot_whole_file_done(picot_loop *loop, picot_whole_file *file);

/** In the caller's memory, the loop's until the end. Need not be initialised, but for picot_whole_file_cancel
 * before a start. */
struct picot_whole_file {
    int64_t result; /**< bytes read or written, or a negative code */
    char *data; /**< read: the contents, with a NUL behind them; NULL on failure. The caller's: picot_free(loop, data,
                     (size_t)result + 1) */
    picot_whole_file_done *done;
    void *user;
    struct {
        picot_op op;
        picot_loop *loop;
        picot_fd fd;
        const char *path, *contents;
        char *temporary;
        size_t room, size, limit;
        int64_t code;
        int dir, is_cancelled;
        unsigned mode;
    } _;
};

/**
 * Read all of a file, whatever its kind: until its end.
 * Result: bytes; PICOT_ETOOLARGE: there are more than limit; the codes of open(2) and read(2); -ENOMEM; -ECANCELED.
 * @param dir, path  as in file.h; the loop's until the end
 * @param limit      bytes, at most SIZE_MAX / 4
 * @return  0: done follows once, never from inside; or refused: -EINVAL, -ENOENT, -ENAMETOOLONG, -ENOMEM, -EPERM,
 *          PICOT_EFORKED, PICOT_EBACKEND.
 * @since 0.1
 */
PICOT_API int picot_whole_file_read(picot_loop *loop, picot_whole_file *file, int dir, const char *path, size_t limit,
                                    picot_whole_file_done *done, void *user);

/**
 * Give a path new contents, all or nothing: a temporary file in the same directory is written, flushed to the disk
 * (fsync), and takes the name (rename). Whoever opens the path finds the old contents or the new ones, also after a
 * crash. A link at the path is replaced, not followed. On failure and cancel the temporary file is removed.
 * Result: size; -EINVAL: path ends in a slash; the codes of open(2), write(2), fsync(2), rename(2); -ENOMEM;
 * -ECANCELED: the path is as it was.
 * @param contents, size  what to write, the loop's until the end; NULL with 0
 * @param mode            permissions of the new file, less the umask; those of the old one do not count
 * @return  as picot_whole_file_read. @since 0.1
 */
PICOT_API int picot_whole_file_replace(picot_loop *loop, picot_whole_file *file, int dir, const char *path,
                                       const void *contents, size_t size, unsigned mode, picot_whole_file_done *done,
                                       void *user);

/** Ask that it ends early; done follows. @return 0, also when it is not under way; -EINVAL, -EPERM, PICOT_EFORKED.
 * @since 0.1 */
PICOT_API int picot_whole_file_cancel(picot_loop *loop, picot_whole_file *file);

PICOT_END_DECLS

#endif /* PICOT_WHOLE_FILE_H */
