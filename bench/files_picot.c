/* SPDX-License-Identifier: MIT
 *
 * files_picot.c - ours: a handle per read under way, for a handle has one reader.
 */
#include "files.h"

#include <fcntl.h>
#include <picot/op.h>

struct reader {
    picot_op op;
    picot_fd fd;
    char *buffer;
    int64_t offset;
};

static long left, out, wrong;

static void next(picot_loop *loop, struct reader *reader);

static void done(picot_loop *loop, picot_op *op)
{
    struct reader *reader = op->user;
    out--;
    if (op->result != FILES_BLOCK || !files_is_right(reader->buffer, reader->offset)) wrong++;
    next(loop, reader);
}

static void next(picot_loop *loop, struct reader *reader)
{
    if (left == 0) return;
    left--;
    reader->offset = files_next_offset();
    picot_op_read(&reader->op, reader->fd, reader->buffer, FILES_BLOCK, reader->offset);
    if (picot_submit(loop, &reader->op, done, reader) < 0)
        wrong++;
    else
        out++;
}

double files_of_picot(const char *backend, const char *path, int flags, long count)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    picot_loop *loop = NULL;
    static struct reader readers[FILES_DEPTH];
    options.backend = backend;
    if (picot_loop_create(&options, &loop) < 0) return -1;
    left = count;
    for (int i = 0; i < FILES_DEPTH; i++) {
        readers[i].fd = picot_adopt(loop, open(path, flags | O_CLOEXEC));
        readers[i].buffer = files_buffers[i];
        if (readers[i].fd < 0) return -1;
    }
    int64_t begin_ns = files_now_ns();
    for (int i = 0; i < FILES_DEPTH; i++)
        next(loop, &readers[i]);
    while (out > 0)
        if (picot_loop_run(loop, PICOT_RUN_ONCE) < 0) return -1;
    int64_t ns = files_now_ns() - begin_ns;
    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    return wrong ? -1 : (double)ns / (double)count;
}
