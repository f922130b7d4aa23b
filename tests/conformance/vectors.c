/* SPDX-License-Identifier: MIT
 *
 * vectors.c - several buffers at once, and the sizes of files, on every backend. Sources: readv(2), ftruncate(2),
 * fallocate(2).
 */
#include "file_support.h"
#include "support.h"
#include <errno.h>
#include <linux/falloc.h>
#include <picot/file.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int64_t readv_some(picot_loop *loop, picot_fd fd, const struct iovec *buffers, int count, int64_t offset)
{
    struct recorded it = {0};
    picot_op_readv(&it.op, fd, buffers, count, offset);
    return perform(loop, &it);
}

static int64_t writev_some(picot_loop *loop, picot_fd fd, const struct iovec *buffers, int count, int64_t offset)
{
    struct recorded it = {0};
    picot_op_writev(&it.op, fd, buffers, count, offset);
    return perform(loop, &it);
}

static struct iovec piece(const void *bytes, size_t size)
{
    return (struct iovec){(void *)(uintptr_t)bytes, size};
}

static picot_fd open_rw(picot_loop *loop, const struct folder *folder, const char *name)
{
    return adopt(loop, openat(folder->fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static void of_a_file(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    char a[4], b[8], c[16];
    const struct iovec out[] = {piece("01", 2), piece("", 0), piece("23456", 5), piece("789", 3)};
    const struct iovec in[] = {piece(a, 4), piece(NULL, 0), piece(b, 3), piece(c, sizeof c)};
    folder_make(&folder);
    picot_fd file = open_rw(loop, &folder, "file");
    CHECK_EQ(writev_some(loop, file, out, 4, -1), 10);
    CHECK_EQ(writev_some(loop, file, out, 1, 4), 2);
    CHECK_EQ(writev_some(loop, file, out + 3, 1, -1), 3);
    CHECK_EQ(readv_some(loop, file, in, 4, 0), 13);
    CHECK_MEM(a, "0123", 4);
    CHECK_MEM(b, "016", 3);
    CHECK_MEM(c, "789789", 6);
    CHECK_EQ(readv_some(loop, file, in, 4, -1), 0);
    CHECK_EQ(readv_some(loop, file, in, 4, 11), 2);
    CHECK_MEM(a, "89", 2);
    CHECK_EQ(lseek(picot_fd_number(loop, file), 9, SEEK_SET), 9);
    CHECK_EQ(readv_some(loop, file, in, 1, -1), 4);
    CHECK_MEM(a, "9789", 4);
    CHECK_EQ(readv_some(loop, file, in, 4, 1000), 0);
    close_handle(loop, file);
    folder_remove(&folder);
    tap_loop_end(loop);
}

static void bad_vectors(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    static struct iovec many[1025];
    char buf[1025];
    const struct iovec empty[2] = {{NULL, 0}, {buf, 0}}, nowhere = {NULL, 1},
                       huge[2] = {{buf, PTRDIFF_MAX}, {buf, PTRDIFF_MAX}};
    folder_make(&folder);
    folder_put(&folder, "file", buf, 10);
    picot_fd file = open_rw(loop, &folder, "file");
    for (int i = 0; i < 1025; i++)
        many[i] = piece(buf + i, 1);
    CHECK_EQ(writev_some(loop, file, many, 1025, 0), -EINVAL);
    CHECK_EQ(writev_some(loop, file, many, -1, 0), -EINVAL);
    CHECK_EQ(writev_some(loop, file, many, 1024, 0), 1024);
    CHECK_EQ(readv_some(loop, file, NULL, 1, 0), -EINVAL);
    CHECK_EQ(readv_some(loop, file, &nowhere, 1, 0), -EINVAL);
    CHECK_EQ(readv_some(loop, file, huge, 2, 0), -EINVAL);
    CHECK_EQ(readv_some(loop, file, NULL, 0, 0), 0);
    CHECK_EQ(readv_some(loop, file, empty, 2, 0), 0);
    CHECK_EQ(writev_some(loop, file, empty, 2, 0), 0);
    CHECK_EQ(readv_some(loop, 12345, many, 1, 0), -EBADF);
    close_handle(loop, file);
    CHECK_EQ(readv_some(loop, file, many, 1, 0), -EBADF);
    file = adopt(loop, openat(folder.fd, "file", O_RDONLY | O_CLOEXEC));
    CHECK_EQ(writev_some(loop, file, many, 1, 0), -EBADF);
    struct recorded first = {0}, second = {0};
    picot_op_readv(&first.op, file, many, 1, -1);
    picot_op_readv(&second.op, file, many, 1, -1);
    CHECK_EQ(start(loop, &first), 0);
    CHECK_EQ(start(loop, &second), -EBUSY);
    CHECK_EQ(finish(loop, &first), 1);
    close_handle(loop, file);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* The same on streams of all kinds: waits for the first byte, takes what there is, tells the end. */
static void of_a_stream(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct stream stream = open_stream(loop, flavour);
        char a[2], b[8];
        const struct iovec in[] = {piece(a, 2), piece(b, 8)}, out[] = {piece("he", 2), piece("llo", 3)};
        const struct iovec empty = {NULL, 0};
        struct recorded it = {0};
        CHECK_EQ(readv_some(loop, stream.ours, in, 2, 0), -ESPIPE);
        CHECK_EQ(writev_some(loop, stream.ours, out, 2, 5), -ESPIPE);
        CHECK_EQ(writev_some(loop, stream.ours, &empty, 1, -1), 0);
        picot_op_readv(&it.op, stream.ours, in, 2, -1);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 3);
        CHECK(!completed(&it));
        peer_send(stream.theirs, "abcde", 5);
        CHECK_EQ(finish(loop, &it), 5);
        CHECK_MEM(a, "ab", 2);
        CHECK_MEM(b, "cde", 3);
        CHECK_EQ(writev_some(loop, stream.ours, out, 2, -1), 5);
        peer_recv(stream.theirs, b, 5);
        CHECK_MEM(b, "hello", 5);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 2);
        CHECK_EQ(picot_cancel(loop, &it.op), 0);
        CHECK_EQ(finish(loop, &it), -ECANCELED);
        peer_send(stream.theirs, "x", 1); /* not lost */
        CHECK_EQ(perform(loop, &it), 1);
        CHECK_EQ(shutdown(stream.theirs, SHUT_WR), 0);
        CHECK_EQ(perform(loop, &it), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* A pipe that is full lets a writer wait; blocking or not, all bytes come in order. No SIGPIPE when the reader goes. */
static void of_a_pipe(void)
{
    enum { SIZE = 300000, HALF = SIZE / 2 };
    static char out[SIZE], in[SIZE];
    picot_loop *loop = tap_loop();
    pattern_fill(out, SIZE, 3, 0);
    for (int blocking = 0; blocking < 2; blocking++) {
        int fds[2];
        CHECK_EQ(pipe2(fds, O_CLOEXEC | (blocking ? 0 : O_NONBLOCK)), 0);
        picot_fd reader = adopt(loop, fds[0]), writer = adopt(loop, fds[1]);
        struct recorded writing = {0};
        size_t sent = 0, received = 0;
        while (received < SIZE) {
            size_t middle = sent + (SIZE - sent) / 3;
            const struct iovec give[] = {piece(out + sent, middle - sent), piece(out + middle, SIZE - middle)};
            const struct iovec take[] = {piece(in + received, 100), piece(in + received + 100, 5000)};
            if (sent < SIZE && !picot_op_pending(&writing.op)) {
                picot_op_writev(&writing.op, writer, give, 2, -1);
                CHECK_EQ(start(loop, &writing), 0);
            }
            int64_t n = received + 5100 <= SIZE
                            ? readv_some(loop, reader, take, 2, -1)
                            : readv_some(loop, reader, &(struct iovec){in + received, SIZE - received}, 1, -1);
            CHECK(n > 0);
            received += (size_t)n;
            if (sent < SIZE) {
                n = finish(loop, &writing);
                CHECK(n > 0);
                sent += (size_t)n;
            }
        }
        CHECK_MEM(in, out, SIZE);
        CHECK_EQ(readv_some(loop, reader, &(struct iovec){in, 1}, 1, 0), -ESPIPE);
        CHECK_EQ(writev_some(loop, reader, &(struct iovec){in, 1}, 1, -1), -EBADF);
        CHECK_EQ(readv_some(loop, writer, &(struct iovec){in, 1}, 1, -1), -EBADF);
        close_handle(loop, reader);
        CHECK_EQ(writev_some(loop, writer, &(struct iovec){out, 1}, 1, -1), -EPIPE);
        close_handle(loop, writer);
    }
    tap_loop_end(loop);
}

/* ---- sizes --------------------------------------------------------------------------------------- */

static int64_t resize(picot_loop *loop, picot_fd fd, int64_t length)
{
    struct recorded it = {0};
    picot_op_ftruncate(&it.op, fd, length);
    return perform(loop, &it);
}

static int64_t allocate(picot_loop *loop, picot_fd fd, int mode, int64_t offset, int64_t length)
{
    struct recorded it = {0};
    picot_op_fallocate(&it.op, fd, mode, offset, length);
    return perform(loop, &it);
}

static void sizes(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    static char got[10000];
    folder_make(&folder);
    folder_put(&folder, "file", "content", 7);
    picot_fd file = open_rw(loop, &folder, "file");
    CHECK_EQ(resize(loop, file, 4), 0);
    CHECK_EQ(folder_get(&folder, "file", got, sizeof got), 4);
    CHECK_EQ(resize(loop, file, 8192), 0);
    CHECK_EQ(folder_get(&folder, "file", got, sizeof got), 8192);
    CHECK_MEM(got, "cont\0\0\0", 7);
    CHECK_EQ(resize(loop, file, -1), -EINVAL);
    CHECK_EQ(resize(loop, 12345, 1), -EBADF);
    int64_t result = allocate(loop, file, 0, 0, 9000);
    CHECK(result == 0 || result == -EOPNOTSUPP);
    if (result == 0) {
        CHECK_EQ(folder_get(&folder, "file", got, sizeof got), 9000);
        CHECK_EQ(allocate(loop, file, FALLOC_FL_KEEP_SIZE, 0, 9500), 0);
        CHECK_EQ(folder_get(&folder, "file", got, sizeof got), 9000);
        result = allocate(loop, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1, 2);
        CHECK(result == 0 || result == -EOPNOTSUPP);
        if (result == 0) {
            CHECK_EQ(folder_get(&folder, "file", got, sizeof got), 9000);
            CHECK_MEM(got, "c\0\0t", 4);
        }
        CHECK_EQ(allocate(loop, file, 0, -1, 5), -EINVAL);
        CHECK_EQ(allocate(loop, file, 0, 0, 0), -EINVAL);
        CHECK_EQ(allocate(loop, file, FALLOC_FL_PUNCH_HOLE, 0, 5), -EOPNOTSUPP);
    }
    close_handle(loop, file);
    file = adopt(loop, openat(folder.fd, "file", O_RDONLY | O_CLOEXEC));
    CHECK_EQ(resize(loop, file, 1), -EINVAL);
    CHECK_EQ(allocate(loop, file, 0, 0, 10), -EBADF);
    close_handle(loop, file);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* What has no size answers as the system calls do. */
static void sizes_of_others(void)
{
    picot_loop *loop = tap_loop();
    int fds[2];
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    picot_fd reader = adopt(loop, fds[0]), writer = adopt(loop, fds[1]);
    CHECK_EQ(resize(loop, writer, 1), -EINVAL);
    CHECK_EQ(allocate(loop, writer, 0, 0, 10), -ESPIPE);
    struct stream stream = open_stream(loop, 0);
    CHECK_EQ(resize(loop, stream.ours, 1), -EINVAL);
    CHECK_EQ(fallocate(picot_fd_number(loop, stream.ours), 0, 0, 10), -1);
    CHECK_EQ(allocate(loop, stream.ours, 0, 0, 10), -errno);
    close_stream(loop, &stream);
    close_handle(loop, reader);
    close_handle(loop, writer);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"vectors: of a file", of_a_file, TAP_BACKENDS},     {"vectors: bad ones", bad_vectors, TAP_BACKENDS},
    {"vectors: of a stream", of_a_stream, TAP_BACKENDS}, {"vectors: of a pipe", of_a_pipe, TAP_BACKENDS},
    {"sizes: of a file", sizes, TAP_BACKENDS},           {"sizes: of what has none", sizes_of_others, TAP_BACKENDS},
};

TAP_MAIN(cases)
