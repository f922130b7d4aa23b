/* SPDX-License-Identifier: MIT
 *
 * files_floor.c - the least that this machine takes: a bare ring, for reads from the page cache a plain pread.
 */
#include "files.h"

#include <fcntl.h>
#include <unistd.h>

static double plain_reads(int fd, long count)
{
    long wrong = 0;
    int64_t begin_ns = files_now_ns();
    for (long i = 0; i < count; i++) {
        int64_t offset = files_next_offset();
        wrong += pread(fd, files_buffers[i % FILES_DEPTH], FILES_BLOCK, offset) != FILES_BLOCK;
        wrong += !files_is_right(files_buffers[i % FILES_DEPTH], offset);
    }
    return wrong ? -1 : (double)(files_now_ns() - begin_ns) / (double)count;
}

#ifdef HAVE_LIBURING
#include <liburing.h>

static void ask(struct io_uring *ring, int fd, int64_t *offsets, unsigned i)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    offsets[i] = files_next_offset();
    io_uring_prep_read(sqe, fd, files_buffers[i], FILES_BLOCK, (uint64_t)offsets[i]);
    io_uring_sqe_set_data64(sqe, i);
}

static double ring_reads(int fd, long count)
{
    struct io_uring ring;
    int64_t offsets[FILES_DEPTH];
    long left = count, out = 0, wrong = 0;
    if (io_uring_queue_init(2 * FILES_DEPTH, &ring, 0) < 0) return 0; /* there is none here */
    int64_t begin_ns = files_now_ns();
    for (unsigned i = 0; i < FILES_DEPTH; i++, left--, out++)
        ask(&ring, fd, offsets, i);
    while (out > 0) {
        struct io_uring_cqe *cqe;
        unsigned head, seen = 0;
        if (io_uring_submit_and_wait(&ring, 1) < 0) break;
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            unsigned i = (unsigned)cqe->user_data;
            wrong += cqe->res != FILES_BLOCK || !files_is_right(files_buffers[i], offsets[i]);
            seen++;
            out--;
            if (left == 0) continue;
            ask(&ring, fd, offsets, i);
            left--;
            out++;
        }
        io_uring_cq_advance(&ring, seen);
    }
    int64_t ns = files_now_ns() - begin_ns;
    io_uring_queue_exit(&ring);
    return wrong || out > 0 ? -1 : (double)ns / (double)count;
}
#else
static double ring_reads(int fd, long count)
{
    (void)fd, (void)count;
    return 0;
}
#endif

double files_floor(const char *path, int flags, long count)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) return -1;
    double ns = flags & O_DIRECT ? ring_reads(fd, count) : plain_reads(fd, count);
    (void)close(fd);
    return ns;
}
