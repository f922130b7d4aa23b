/* SPDX-License-Identifier: MIT
 *
 * files_libuv.c - libuv: uv_fs_read on its pool of four threads.
 */
#include "files.h"

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

struct reader {
    uv_fs_t request;
    uv_buf_t buffer;
    int64_t offset;
};

static long left, out, wrong;
static int fd;

static void next(uv_loop_t *loop, struct reader *reader);

static void done(uv_fs_t *request)
{
    struct reader *reader = (struct reader *)(void *)request;
    out--;
    if (request->result != FILES_BLOCK || !files_is_right(reader->buffer.base, reader->offset)) wrong++;
    uv_fs_req_cleanup(request);
    next(request->loop, reader);
}

static void next(uv_loop_t *loop, struct reader *reader)
{
    if (left == 0) return;
    left--;
    reader->offset = files_next_offset();
    if (uv_fs_read(loop, &reader->request, fd, &reader->buffer, 1, reader->offset, done) < 0)
        wrong++;
    else
        out++;
}

double files_of_libuv(const char *unused, const char *path, int flags, long count)
{
    uv_loop_t loop;
    static struct reader readers[FILES_DEPTH];
    (void)unused;
    if (uv_loop_init(&loop) < 0) return -1;
    fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) return -1;
    left = count;
    int64_t begin_ns = files_now_ns();
    for (int i = 0; i < FILES_DEPTH; i++) {
        readers[i].buffer = uv_buf_init(files_buffers[i], FILES_BLOCK);
        next(&loop, &readers[i]);
    }
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    int64_t ns = files_now_ns() - begin_ns;
    (void)close(fd);
    return wrong || out > 0 ? -1 : (double)ns / (double)count;
}
