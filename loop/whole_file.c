/* SPDX-License-Identifier: MIT
 *
 * whole_file.c - reading all of a file, and replacing one: a row of operations each.
 *
 *     read:     open - stat - read, read, ... - close
 *     replace:  temporary_named - write, write, ... - fsync - close - rename       (when one fails: close, unlink)
 *
 * What follows a failure is cleanup: not cancelled, and its own failures do not count.
 */
#include "internal.h"

#include <fcntl.h>
#include <limits.h>
#include <picot/whole_file.h>
#include <sys/stat.h>

#define FIRST_ROOM ((size_t)4096)
#define TEMPORARY_NAME ".picot-XXXXXX"

static void finish(picot_whole_file *file, int64_t result)
{
    file->result = result;
    file->done(file->_.loop, file);
}

/* The next operation, or, when it is refused, its code as if it were the result. */
static void submit(picot_whole_file *file, picot_op_done *done)
{
    int rc = picot_submit(file->_.loop, &file->_.op, done, file);
    if (rc == 0) return;
    file->_.op.result = rc;
    file->_.op.user = file;
    done(file->_.loop, &file->_.op);
}

/* How a step came out: its result, but none counts once it is cancelled. */
static int64_t outcome(const picot_whole_file *file)
{
    int64_t result = file->_.op.result;
    return result >= 0 && file->_.is_cancelled ? -ECANCELED : result;
}

static int begin(picot_loop *loop, picot_whole_file *file, picot_op_done *step, picot_whole_file_done *done, void *user)
{
    file->data = NULL;
    file->done = done;
    file->user = user;
    file->_.loop = loop;
    file->_.fd = 0;
    file->_.room = file->_.size = 0;
    file->_.code = 0;
    file->_.is_cancelled = 0;
    return picot_submit(loop, &file->_.op, step, file);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_closed(picot_loop *loop, picot_op *op)
{
    picot_whole_file *file = op->user;
    int64_t code = file->_.code;
    size_t size = file->_.size;
    if (code >= 0 && file->_.room != size + 1) { /* exactly what is told to be freed */
        char *data = picot_realloc(loop, file->data, file->_.room, size + 1);
        if (data) file->_.room = size + 1;
        if (data) file->data = data;
        if (!data) code = -ENOMEM;
    }
    if (code < 0) {
        picot_free(loop, file->data, file->_.room);
        file->data = NULL;
        finish(file, code);
    } else {
        file->data[size] = 0;
        finish(file, (int64_t)size);
    }
}

static void read_end(picot_whole_file *file, int64_t code)
{
    file->_.code = code;
    picot_op_close(&file->_.op, file->_.fd);
    submit(file, read_closed);
}

static void read_more(picot_whole_file *file);

static void has_read(picot_loop *loop, picot_op *op)
{
    picot_whole_file *file = op->user;
    int64_t n = outcome(file);
    (void)loop;
    if (n > 0) file->_.size += (size_t)n;
    if (file->_.size > file->_.limit) n = PICOT_ETOOLARGE;
    if (n > 0)
        read_more(file);
    else
        read_end(file, n);
}

/* There is always room for one byte more than may come, or for the NUL. */
static int grow(picot_whole_file *file, size_t room)
{
    size_t most = file->_.limit + 1;
    if (room > most) room = most;
    if (room <= file->_.room) return 0;
    char *data = picot_realloc(file->_.loop, file->data, file->_.room, room);
    if (!data) return -ENOMEM;
    file->data = data;
    file->_.room = room;
    return 0;
}

static void read_more(picot_whole_file *file)
{
    int rc = file->_.size == file->_.room ? grow(file, file->_.room * 2) : 0;
    if (rc < 0) {
        read_end(file, rc);
        return;
    }
    picot_op_read(&file->_.op, file->_.fd, file->data + file->_.size, file->_.room - file->_.size, -1);
    submit(file, has_read);
}

static size_t room_for(const struct stat *info)
{
    bool tells = S_ISREG(info->st_mode) && info->st_size > 0 && info->st_size < (off_t)(SIZE_MAX / 4);
    return tells ? (size_t)info->st_size + 1 : FIRST_ROOM;
}

static void read_opened(picot_loop *loop, picot_op *op)
{
    picot_whole_file *file = op->user;
    struct stat info;
    if (op->result < 0) {
        finish(file, op->result);
        return;
    }
    file->_.fd = op->result;
    int64_t rc = outcome(file);
    picot_op_stat(op, file->_.fd, &info);
    if (rc >= 0) rc = picot_submit_now(loop, op, read_closed, file); /* always done at once */
    if (rc >= 0) rc = op->result;
    if (rc >= 0 && S_ISREG(info.st_mode) && info.st_size > 0 && (uint64_t)info.st_size > file->_.limit)
        rc = PICOT_ETOOLARGE;
    if (rc >= 0) rc = grow(file, room_for(&info));
    if (rc < 0)
        read_end(file, rc);
    else
        read_more(file);
}

int picot_whole_file_read(picot_loop *loop, picot_whole_file *file, int dir, const char *path, size_t limit,
                          picot_whole_file_done *done, void *user)
{
    if (!loop || !file || !done || !path || limit > SIZE_MAX / 4) return -EINVAL;
    file->_.limit = limit;
    picot_op_open(&file->_.op, dir, path, O_RDONLY, 0, 0);
    return begin(loop, file, read_opened, done, user);
}

/* ---- replacing ------------------------------------------------------------------------------- */

static void replace_end(picot_whole_file *file, int64_t result)
{
    picot_free(file->_.loop, file->_.temporary, file->_.room);
    file->_.temporary = NULL;
    finish(file, result);
}

static void removed(picot_loop *loop, picot_op *op)
{
    picot_whole_file *file = op->user;
    (void)loop;
    replace_end(file, file->_.code);
}

static void failed_closed(picot_loop *loop, picot_op *op)
{
    picot_whole_file *file = op->user;
    (void)loop;
    picot_op_unlink(&file->_.op, file->_.dir, file->_.temporary, 0);
    submit(file, removed);
}

/* Take it all back. */
static void give_up(picot_whole_file *file, int64_t code)
{
    file->_.code = code;
    if (file->_.fd > 0) {
        picot_op_close(&file->_.op, file->_.fd);
        submit(file, failed_closed);
    } else {
        picot_op_unlink(&file->_.op, file->_.dir, file->_.temporary, 0);
        submit(file, removed);
    }
}

static void renamed(picot_loop *loop, picot_op *op)
{
    picot_whole_file *file = op->user;
    (void)loop;
    if (op->result < 0) /* a cancel that came too late does not count */
        give_up(file, op->result);
    else
        replace_end(file, (int64_t)file->_.limit);
}

static void synced_closed(picot_loop *loop, picot_op *op)
{
    picot_whole_file *file = op->user;
    int64_t rc = outcome(file);
    (void)loop;
    file->_.fd = 0;
    if (rc < 0) {
        give_up(file, rc);
        return;
    }
    picot_op_rename(&file->_.op, file->_.dir, file->_.temporary, file->_.dir, file->_.path, 0);
    submit(file, renamed);
}

static void synced(picot_loop *loop, picot_op *op)
{
    picot_whole_file *file = op->user;
    int64_t rc = outcome(file);
    (void)loop;
    if (rc < 0) {
        give_up(file, rc);
        return;
    }
    picot_op_close(&file->_.op, file->_.fd);
    submit(file, synced_closed);
}

static void write_more(picot_whole_file *file);

static void has_written(picot_loop *loop, picot_op *op)
{
    picot_whole_file *file = op->user;
    int64_t n = outcome(file);
    (void)loop;
    if (n <= 0) {
        give_up(file, n < 0 ? n : -EIO);
        return;
    }
    file->_.size += (size_t)n;
    write_more(file);
}

static void write_more(picot_whole_file *file)
{
    size_t left = file->_.limit - file->_.size;
    if (left > 0) {
        picot_op_write(&file->_.op, file->_.fd, file->_.contents + file->_.size, left, -1);
        submit(file, has_written);
    } else {
        picot_op_fsync(&file->_.op, file->_.fd, 0);
        submit(file, synced);
    }
}

static bool is_template(const picot_whole_file *file)
{
    const char *name = file->_.temporary;
    size_t length = strlen(name), known = sizeof TEMPORARY_NAME - 1;
    return strcmp(name + length - known, TEMPORARY_NAME) == 0;
}

static void replace_created(picot_loop *loop, picot_op *op)
{
    picot_whole_file *file = op->user;
    (void)loop;
    if (op->result > 0) file->_.fd = op->result;
    int64_t rc = outcome(file);
    if (rc < 0 && is_template(file)) /* nothing was made */
        replace_end(file, rc);
    else if (rc < 0)
        give_up(file, rc);
    else
        write_more(file);
}

/* A template for a name in the same directory. Its bytes go to *ret_room. */
static char *make_template(picot_loop *loop, const char *path, size_t *ret_room)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    char *name = picot_alloc(loop, length + sizeof TEMPORARY_NAME);
    if (!name) return NULL;
    memcpy(name, path, length);
    memcpy(name + length, TEMPORARY_NAME, sizeof TEMPORARY_NAME);
    *ret_room = length + sizeof TEMPORARY_NAME;
    return name;
}

int picot_whole_file_replace(picot_loop *loop, picot_whole_file *file, int dir, const char *path, const void *contents,
                             size_t size, unsigned mode, picot_whole_file_done *done, void *user)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_whole_file_replace");
    if (!file || !done || !path || (!contents && size > 0) || size > PTRDIFF_MAX) return -EINVAL;
    size_t length = strlen(path), room;
    if (length == 0) return -ENOENT;
    if (path[length - 1] == '/') return -EINVAL;
    if (length >= PATH_MAX) return -ENAMETOOLONG;
    char *temporary = make_template(loop, path, &room);
    if (!temporary) return -ENOMEM;
    file->_.temporary = temporary;
    file->_.dir = dir;
    file->_.path = path;
    file->_.contents = contents;
    file->_.limit = size;
    picot_op_temporary_named(&file->_.op, dir, temporary, 0, mode);
    rc = begin(loop, file, replace_created, done, user);
    file->_.room = room;
    if (rc < 0) picot_free(loop, temporary, room);
    return rc;
}

/* ---- cancel ---------------------------------------------------------------------------------- */

int picot_whole_file_cancel(picot_loop *loop, picot_whole_file *file)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_whole_file_cancel");
    if (!file) return -EINVAL;
    if (!picot_op_pending(&file->_.op) || file->_.code < 0 || file->_.is_cancelled) return 0;
    file->_.is_cancelled = 1;
    return picot_cancel(loop, &file->_.op);
}
