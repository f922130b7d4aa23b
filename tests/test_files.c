/* SPDX-License-Identifier: MIT
 *
 * test_files.c - regular files: read, write, fsync and open, in threads or in the kernel as the backend has it.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <picot/op.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- helpers --------------------------------------------------------------------------------- */

static void count_done(picot_loop *loop, picot_op *op)
{
    (void)loop;
    if (op->user) ++*(int *)op->user;
}

/* Submit and run until it is done. */
static int64_t perform(picot_loop *loop, picot_op *op)
{
    int rc = picot_submit(loop, op, count_done, NULL);

    if (rc < 0) return rc;
    while (picot_op_pending(op))
        CHECK(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0);
    return op->result;
}

static void close_handle(picot_loop *loop, picot_fd handle)
{
    picot_op op;

    picot_op_close(&op, handle);
    CHECK_EQ(perform(loop, &op), 0);
}

static int temporary_file(void)
{
    char path[] = "/tmp/picot-test-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    CHECK(fd >= 0);
    CHECK(unlink(path) == 0);
    return fd;
}

static picot_fd adopt_file(picot_loop *loop)
{
    picot_fd handle = picot_adopt(loop, temporary_file());

    CHECK(handle > 0);
    return handle;
}

static int64_t write_at(picot_loop *loop, picot_fd handle, const char *text, int64_t offset)
{
    picot_op op;

    picot_op_write(&op, handle, text, strlen(text), offset);
    return perform(loop, &op);
}

static int64_t read_at(picot_loop *loop, picot_fd handle, char *buf, size_t len, int64_t offset)
{
    picot_op op;

    memset(buf, 'x', len);
    picot_op_read(&op, handle, buf, len, offset);
    return perform(loop, &op);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void file_offsets(void)
{
    picot_loop *loop = tap_loop();
    picot_fd handle = adopt_file(loop);
    char buf[64];
    picot_op op;

    CHECK_EQ(write_at(loop, handle, "hello", 0), 5);
    CHECK_EQ(write_at(loop, handle, "world", 10), 5); /* leaves a hole */
    CHECK_EQ(read_at(loop, handle, buf, sizeof buf, 0), 15);
    CHECK_MEM(buf, "hello\0\0\0\0\0world", 15);
    CHECK_EQ(buf[15], 'x');
    CHECK_EQ(read_at(loop, handle, buf, 3, 11), 3);
    CHECK_MEM(buf, "orl", 3);
    CHECK_EQ(read_at(loop, handle, buf, sizeof buf, 15), 0); /* the end */
    CHECK_EQ(read_at(loop, handle, buf, sizeof buf, 1 << 30), 0);
    CHECK_EQ(read_at(loop, handle, buf, 0, 0), 0);
    picot_op_fsync(&op, handle, 0);
    CHECK_EQ(perform(loop, &op), 0);
    picot_op_fsync(&op, handle, 1);
    CHECK_EQ(perform(loop, &op), 0);
    close_handle(loop, handle);
    tap_loop_end(loop);
}

static void file_position(void)
{
    picot_loop *loop = tap_loop();
    picot_fd handle = adopt_file(loop);
    char buf[64];

    CHECK_EQ(write_at(loop, handle, "first ", -1), 6);
    CHECK_EQ(write_at(loop, handle, "second", -1), 6);
    CHECK_EQ(read_at(loop, handle, buf, sizeof buf, -1), 0);
    CHECK_EQ(read_at(loop, handle, buf, sizeof buf, 0), 12);
    CHECK_MEM(buf, "first second", 12);
    CHECK_EQ(lseek(picot_fd_number(loop, handle), 3, SEEK_SET), 3);
    CHECK_EQ(read_at(loop, handle, buf, 5, -1), 5);
    CHECK_MEM(buf, "st se", 5);
    CHECK_EQ(read_at(loop, handle, buf, sizeof buf, -1), 4);
    CHECK_MEM(buf, "cond", 4);
    CHECK_EQ(read_at(loop, handle, buf, sizeof buf, -1), 0);
    close_handle(loop, handle);
    tap_loop_end(loop);
}

static void file_errors(void)
{
    picot_loop *loop = tap_loop();
    int number = temporary_file(), done = 0;
    picot_fd handle;
    char path[64], buf[16];
    picot_op op, second;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", number);
    handle = picot_adopt(loop, open(path, O_RDONLY | O_CLOEXEC));
    CHECK(handle > 0);
    CHECK_EQ(write_at(loop, handle, "no", 0), -EBADF);
    picot_op_read(&op, handle, buf, sizeof buf, -1);
    picot_op_read(&second, handle, buf, sizeof buf, -1);
    CHECK_EQ(picot_submit(loop, &op, count_done, &done), 0);
    CHECK_EQ(picot_submit(loop, &op, count_done, &done), -EBUSY);
    CHECK_EQ(picot_submit(loop, &second, count_done, &done), -EBUSY);
    CHECK_EQ(done, 0); /* never from inside submit */
    while (done == 0)
        CHECK(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0);
    CHECK_EQ(op.result, 0);
    picot_op_read(&op, handle, NULL, 5, 0);
    CHECK_EQ(picot_submit(loop, &op, count_done, NULL), -EINVAL);
    close_handle(loop, handle);
    CHECK_EQ(read_at(loop, handle, buf, sizeof buf, 0), -EBADF);
    CHECK_EQ(close(number), 0);
    CHECK_EQ(picot_adopt(loop, number), -EBADF);
    number = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQ(picot_adopt(loop, number), -EISDIR);
    CHECK_EQ(close(number), 0);
    tap_loop_end(loop);
}

/* More files than threads, reads and writes at the same time; every byte checked. */
static void many_files(void)
{
    enum { FILES = 40, ROUNDS = 25, SIZE = 1000 };
    picot_loop *loop = tap_loop();
    static unsigned char out[FILES][SIZE], in[FILES][SIZE];
    picot_op writes[FILES], reads[FILES];
    picot_fd handles[FILES];
    int done;

    for (int i = 0; i < FILES; i++)
        handles[i] = adopt_file(loop);
    for (int round = 0; round < ROUNDS; round++) {
        done = 0;
        for (int i = 0; i < FILES; i++) {
            memset(in[i], 0, SIZE);
            if (round > 0) { /* what the last round has written */
                picot_op_read(&reads[i], handles[i], in[i], SIZE, (round - 1) * SIZE);
                CHECK_EQ(picot_submit(loop, &reads[i], count_done, &done), 0);
            }
        }
        static unsigned char fresh[FILES][SIZE];
        for (int i = 0; i < FILES; i++) {
            for (int j = 0; j < SIZE; j++)
                fresh[i][j] = (unsigned char)(i * 7 + j * 13 + round * 31);
            picot_op_write(&writes[i], handles[i], fresh[i], SIZE, round * SIZE);
            CHECK_EQ(picot_submit(loop, &writes[i], count_done, &done), 0);
        }
        while (done < (round > 0 ? 2 * FILES : FILES))
            CHECK(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0);
        for (int i = 0; i < FILES; i++) {
            CHECK_EQ(writes[i].result, SIZE);
            if (round == 0) continue;
            CHECK_EQ(reads[i].result, SIZE);
            CHECK_MEM(in[i], out[i], SIZE);
        }
        memcpy(out, fresh, sizeof out);
    }
    for (int i = 0; i < FILES; i++)
        close_handle(loop, handles[i]);
    tap_loop_end(loop);
}

/* Each cancelled operation completes once: cancelled, or with what it has really done. */
static void file_cancel(void)
{
    enum { FILES = 20 };
    picot_loop *loop = tap_loop();
    picot_fd handles[FILES];
    picot_op ops[FILES];
    char buf[FILES][8];
    int done = 0;

    for (int i = 0; i < FILES; i++) {
        handles[i] = adopt_file(loop);
        CHECK_EQ(write_at(loop, handles[i], "content", 0), 7);
    }
    for (int i = 0; i < FILES; i++) {
        picot_op_read(&ops[i], handles[i], buf[i], sizeof buf[i], 0);
        CHECK_EQ(picot_submit(loop, &ops[i], count_done, &done), 0);
    }
    for (int i = FILES - 1; i >= 0; i--) {
        CHECK_EQ(picot_cancel(loop, &ops[i]), 0);
        CHECK_EQ(picot_cancel(loop, &ops[i]), 0);
    }
    CHECK_EQ(done, 0);
    while (done < FILES)
        CHECK(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 0);
    CHECK_EQ(done, FILES);
    for (int i = 0; i < FILES; i++) {
        if (ops[i].result != -ECANCELED) CHECK_EQ(ops[i].result, 7);
        CHECK_EQ(read_at(loop, handles[i], buf[i], sizeof buf[i], 0), 7); /* the handle works on */
        CHECK_MEM(buf[i], "content", 7);
        picot_op_read(&ops[i], handles[i], buf[i], sizeof buf[i], 0);
        CHECK_EQ(picot_submit(loop, &ops[i], count_done, &done), 0);
        close_handle(loop, handles[i]); /* ends the read first */
        CHECK(!picot_op_pending(&ops[i]));
        if (ops[i].result != -ECANCELED) CHECK_EQ(ops[i].result, 7);
    }
    tap_loop_end(loop);
}

static void open_files(void)
{
    picot_loop *loop = tap_loop();
    char dir[] = "/tmp/picot-test-XXXXXX", path[64], buf[8];
    picot_op op;
    picot_fd handle;
    int64_t result;
    int dir_fd;

    CHECK(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/file", dir);
    dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    picot_op_open(&op, AT_FDCWD, path, O_RDWR, 0, 0);
    CHECK_EQ(perform(loop, &op), -ENOENT);
    picot_op_open(&op, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600, 0);
    handle = perform(loop, &op);
    CHECK(handle > 0);
    CHECK_EQ(write_at(loop, handle, "abc", 0), 3);
    CHECK_EQ(fcntl(picot_fd_number(loop, handle), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close_handle(loop, handle);
    picot_op_open(&op, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600, 0);
    CHECK_EQ(perform(loop, &op), -EEXIST);
    picot_op_open(&op, dir_fd, "file", O_RDONLY, 0, 1);
    result = perform(loop, &op);
    if (result != -ENOSYS) {
        CHECK(result > 0);
        CHECK_EQ(read_at(loop, result, buf, sizeof buf, -1), 3);
        close_handle(loop, result);
        picot_op_open(&op, dir_fd, "../../etc/passwd", O_RDONLY, 0, 1);
        CHECK_EQ(perform(loop, &op), -EXDEV);
        picot_op_open(&op, dir_fd, "/etc/passwd", O_RDONLY, 0, 1);
        CHECK_EQ(perform(loop, &op), -EXDEV);
    }
    picot_op_open(&op, AT_FDCWD, NULL, O_RDONLY, 0, 0);
    CHECK_EQ(picot_submit(loop, &op, count_done, NULL), -EINVAL);
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(close(dir_fd), 0);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(dir), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"read, write and fsync with offsets", file_offsets, TAP_BACKENDS},
    {"read and write at the current position", file_position, TAP_BACKENDS},
    {"files: errors and misuse", file_errors, TAP_BACKENDS},
    {"many files at the same time", many_files, TAP_BACKENDS},
    {"files: cancel and close", file_cancel, TAP_BACKENDS},
    {"open", open_files, TAP_BACKENDS},
};

TAP_MAIN(cases)
