/* SPDX-License-Identifier: MIT
 *
 * files.c - regular files, on every backend: offsets and the position, several at once, cancelled and closed in the
 * middle; and opening, below a directory too. Sources: pread(2), open(2), openat2(2).
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <picot/file.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int64_t read_some(picot_loop *loop, picot_fd fd, void *buf, size_t len, int64_t offset)
{
    struct recorded it = {0};
    picot_op_read(&it.op, fd, buf, len, offset);
    return perform(loop, &it);
}

static int64_t write_some(picot_loop *loop, picot_fd fd, const void *buf, size_t len, int64_t offset)
{
    struct recorded it = {0};
    picot_op_write(&it.op, fd, buf, len, offset);
    return perform(loop, &it);
}

struct folder {
    char path[64];
    int fd;
};

static void folder_make(struct folder *folder)
{
    strcpy(folder->path, "/tmp/picot-files-XXXXXX");
    CHECK(mkdtemp(folder->path) != NULL);
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(folder->fd >= 0);
}

static void folder_remove(struct folder *folder)
{
    (void)unlinkat(folder->fd, "file", 0);
    (void)unlinkat(folder->fd, "out", 0);
    (void)unlinkat(folder->fd, "fifo", 0);
    (void)unlinkat(folder->fd, "sub", AT_REMOVEDIR);
    CHECK_EQ(close(folder->fd), 0);
    CHECK_EQ(rmdir(folder->path), 0);
}

static int64_t open_file(picot_loop *loop, int dir, const char *path, int flags, int beneath)
{
    struct recorded it = {0};
    picot_op_open(&it.op, dir, path, flags, 0600, beneath);
    return perform(loop, &it);
}

/* Explicit offsets leave the position alone, -1 moves it; both opened by the loop and given in. */
static void file_offsets(void)
{
    picot_loop *loop = tap_loop();
    for (int given = 0; given < 2; given++) {
        struct folder folder;
        char got[16];
        struct stat info;
        struct recorded it = {0};
        folder_make(&folder);
        picot_fd file = given ? adopt(loop, openat(folder.fd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600))
                              : open_file(loop, folder.fd, "file", O_RDWR | O_CREAT, 0);
        CHECK(file > 0);
        CHECK(is_closed_on_exec(picot_fd_number(loop, file)));
        CHECK_EQ(write_some(loop, file, "0123456789", 10, -1), 10);
        CHECK_EQ(write_some(loop, file, "ABC", 3, 4), 3);
        CHECK_EQ(write_some(loop, file, "X", 1, -1), 1);
        CHECK_EQ(read_some(loop, file, got, sizeof got, 0), 11);
        CHECK_MEM(got, "0123ABC789X", 11);
        CHECK_EQ(read_some(loop, file, got, sizeof got, -1), 0);
        CHECK_EQ(read_some(loop, file, got, sizeof got, 100), 0);
        CHECK_EQ(lseek(picot_fd_number(loop, file), 3, SEEK_SET), 3);
        CHECK_EQ(read_some(loop, file, got, 2, -1), 2);
        CHECK_MEM(got, "3A", 2);
        CHECK_EQ(read_some(loop, file, got, 2, -1), 2);
        CHECK_MEM(got, "BC", 2);
        CHECK_EQ(read_some(loop, file, got, 0, 0), 0);
        picot_op_fsync(&it.op, file, given);
        CHECK_EQ(perform(loop, &it), 0);
        picot_op_stat(&it.op, file, &info);
        CHECK_EQ(perform(loop, &it), 0);
        CHECK_EQ(info.st_size, 11);
        picot_op_poll(&it.op, file, PICOT_READABLE);
        CHECK_EQ(perform(loop, &it) & PICOT_READABLE, PICOT_READABLE);
        close_handle(loop, file);
        folder_remove(&folder);
    }
    tap_loop_end(loop);
}

/* Many blocks through several handles at once, timers in between, closes with operations still running. */
static void files_in_parallel(void)
{
    enum { FILES = 8, BLOCK = 50000, ROUNDS = 10 };
    picot_loop *loop = tap_loop();
    struct folder folder;
    static char blocks[FILES][BLOCK], got[FILES][BLOCK];
    struct recorded ops[FILES];
    picot_fd files[FILES];
    folder_make(&folder);
    memset(ops, 0, sizeof ops);
    files[0] = open_file(loop, folder.fd, "file", O_RDWR | O_CREAT, 0);
    for (int i = 1; i < FILES; i++) {
        files[i] = open_file(loop, folder.fd, "file", O_RDWR, 0);
    }
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < FILES; i++) {
            pattern_fill(blocks[i], BLOCK, round, i * BLOCK);
            picot_op_write(&ops[i].op, files[i], blocks[i], BLOCK, (int64_t)(i * BLOCK));
            CHECK_EQ(start(loop, &ops[i]), 0);
        }
        for (int i = 0; i < FILES; i++) {
            CHECK_EQ(finish(loop, &ops[i]), BLOCK);
        }
        for (uint64_t i = 0; i < FILES; i++) {
            uint64_t other = (i + 3) % FILES;
            picot_op_read(&ops[i].op, files[i], got[i], BLOCK, (int64_t)(other * BLOCK));
            CHECK_EQ(start(loop, &ops[i]), 0);
        }
        for (uint64_t i = 0; i < FILES; i++) {
            CHECK_EQ(finish(loop, &ops[i]), BLOCK);
            CHECK_EQ(pattern_match(got[i], BLOCK, round, (i + 3) % FILES * BLOCK), BLOCK);
        }
    }
    for (int i = 0; i < FILES; i++) {
        picot_op_read(&ops[i].op, files[i], got[i], BLOCK, 0);
        CHECK_EQ(start(loop, &ops[i]), 0);
        close_handle(loop, files[i]);
        CHECK(ops[i].result == -ECANCELED || ops[i].result == BLOCK);
    }
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* Reads and writes with an offset share a handle; those at the position do not. */
static void many_at_once(void)
{
    enum { MANY = 200, BLOCK = 4096 };
    picot_loop *loop = tap_loop();
    struct folder folder;
    static char blocks[MANY][BLOCK];
    static struct recorded ops[MANY];
    folder_make(&folder);
    picot_fd file = open_file(loop, folder.fd, "file", O_RDWR | O_CREAT, 0);
    memset(ops, 0, sizeof ops);
    for (uint64_t i = 0; i < MANY; i++) {
        pattern_fill(blocks[i], BLOCK, 5, i * BLOCK);
        picot_op_write(&ops[i].op, file, blocks[i], BLOCK, (int64_t)(i * BLOCK));
        CHECK_EQ(start(loop, &ops[i]), 0);
    }
    for (unsigned i = 0; i < MANY; i++)
        CHECK_EQ(finish(loop, &ops[i]), BLOCK);
    memset(blocks, 0, sizeof blocks);
    for (uint64_t i = 0; i < MANY; i++) {
        struct iovec piece = {blocks[i], BLOCK};
        int64_t offset = (int64_t)((MANY - 1 - i) * BLOCK);
        if (i % 2)
            picot_op_read(&ops[i].op, file, blocks[i], BLOCK, offset);
        else
            picot_op_readv(&ops[i].op, file, &piece, 1, offset);
        CHECK_EQ(start(loop, &ops[i]), 0);
        if (i % 2 == 0) CHECK_EQ(finish(loop, &ops[i]), BLOCK); /* the piece ends here */
    }
    struct recorded position[2] = {{.op = {0}}, {.op = {0}}};
    char byte;
    picot_op_read(&position[0].op, file, &byte, 1, -1);
    picot_op_read(&position[1].op, file, &byte, 1, -1);
    CHECK_EQ(start(loop, &position[0]), 0);
    CHECK_EQ(start(loop, &position[1]), -EBUSY);
    CHECK_EQ(picot_release(loop, file), -EBUSY);
    CHECK_EQ(finish(loop, &position[0]), 1);
    for (uint64_t i = 0; i < MANY; i++) {
        CHECK_EQ(finish(loop, &ops[i]), BLOCK);
        CHECK_EQ(pattern_match(blocks[i], BLOCK, 5, (MANY - 1 - i) * BLOCK), BLOCK);
    }
    /* A close in the middle ends them all first, each with its result or -ECANCELED. */
    for (uint64_t i = 0; i < MANY; i++) {
        picot_op_write(&ops[i].op, file, blocks[i], BLOCK, (int64_t)(i * BLOCK));
        CHECK_EQ(start(loop, &ops[i]), 0);
    }
    close_handle(loop, file);
    for (unsigned i = 0; i < MANY; i++)
        CHECK(completed(&ops[i]) && (ops[i].result == BLOCK || ops[i].result == -ECANCELED));
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* A forced end, a release and a number that is taken away meet those that share. */
static void many_destroyed(void)
{
    enum { MANY = 40 };
    picot_loop *loop = tap_loop();
    struct folder folder;
    static struct recorded ops[MANY];
    static char bytes[MANY];
    folder_make(&folder);
    picot_fd file = open_file(loop, folder.fd, "file", O_RDWR | O_CREAT, 0);
    memset(ops, 0, sizeof ops);
    for (int i = 0; i < MANY; i++) {
        picot_op_write(&ops[i].op, file, &bytes[i], 1, i);
        CHECK_EQ(start(loop, &ops[i]), 0);
    }
    for (int i = 0; i < MANY; i += 2)
        CHECK_EQ(picot_cancel(loop, &ops[i].op), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    for (int i = 0; i < MANY; i++)
        CHECK(completed(&ops[i]) && (ops[i].result == 1 || ops[i].result == -ECANCELED));
    folder_remove(&folder);
}

/* What is in memory is read as it is written, beyond the end too; each allocation may fail. */
static void from_memory(void)
{
    for (long count = 0; count < 6; count++) {
        picot_loop *loop = tap_loop();
        struct folder folder;
        char got[16];
        struct recorded it = {0};
        folder_make(&folder);
        picot_fd file = open_file(loop, folder.fd, "file", O_RDWR | O_CREAT, 0);
        CHECK_EQ(write_some(loop, file, "0123456789", 10, -1), 10); /* at the position: makes no table */
        tap_allocator_fail_after(count);
        int64_t some = read_some(loop, file, got, 4, 3);
        tap_allocator_fail_after(-1);
        CHECK(some == 4 || some == -ENOMEM);
        CHECK(count > 0 || some == -ENOMEM);
        if (some == 4) CHECK_MEM(got, "3456", 4);
        picot_op_read(&it.op, file, got, 4, 3);
        int rc = picot_submit_now(loop, &it.op, recorded_done, NULL);
        CHECK(rc == 1 || rc == 0);
        CHECK_EQ(rc == 1 ? it.op.result : finish(loop, &it), 4);
        CHECK_EQ(read_some(loop, file, got, 16, 3), 7);
        CHECK_EQ(read_some(loop, file, got, 16, 10), 0);
        CHECK_EQ(write_some(loop, file, "ab", 2, 9), 2);
        CHECK_EQ(read_some(loop, file, got, 3, 8), 3);
        CHECK_MEM(got, "8ab", 3);
        close_handle(loop, file);
        folder_remove(&folder);
        tap_loop_end(loop);
    }
}

static void file_cancelled(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    folder_make(&folder);
    picot_fd file = open_file(loop, folder.fd, "file", O_RDWR | O_CREAT, 0);
    CHECK_EQ(write_some(loop, file, "content", 7, 0), 7);
    for (unsigned i = 0; i < 60; i++) {
        char got[8];
        struct recorded it = {0};
        picot_op_read(&it.op, file, got, sizeof got, 0);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, i % 3);
        CHECK_EQ(picot_cancel(loop, &it.op), 0);
        int64_t result = finish(loop, &it);
        CHECK(result == 7 || result == -ECANCELED);
        if (result == 7) {
            CHECK_MEM(got, "content", 7);
        }
    }
    close_handle(loop, file);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void opening(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    char got[8];
    folder_make(&folder);
    CHECK_EQ(open_file(loop, folder.fd, "missing", O_RDONLY, 0), -ENOENT);
    CHECK_EQ(mkfifoat(folder.fd, "fifo", 0600), 0);
    picot_fd fifo = open_file(loop, folder.fd, "fifo", O_RDONLY, 0); /* would block for ever without O_NONBLOCK */
    CHECK(fifo > 0);
    CHECK(is_nonblocking(picot_fd_number(loop, fifo)));
    CHECK_EQ(read_some(loop, fifo, got, sizeof got, -1), 0); /* no writer */
    picot_fd writer = open_file(loop, folder.fd, "fifo", O_WRONLY, 0);
    CHECK(writer > 0);
    CHECK_EQ(write_some(loop, writer, "fifo", 4, -1), 4);
    CHECK_EQ(read_some(loop, fifo, got, sizeof got, -1), 4);
    CHECK_EQ(open_file(loop, folder.fd, "file", O_RDWR | O_CREAT | O_EXCL, 0) > 0 ? 0 : -1, 0);
    CHECK_EQ(open_file(loop, folder.fd, "file", O_RDWR | O_CREAT | O_EXCL, 0), -EEXIST);
    CHECK_EQ(open_file(loop, folder.fd, "file/below", O_RDONLY, 0), -ENOTDIR);
    close_handle(loop, fifo);
    close_handle(loop, writer);
    folder_remove(&folder);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0); /* closes "file" */
}

static void opening_beneath(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    folder_make(&folder);
    CHECK_EQ(mkdirat(folder.fd, "sub", 0700), 0);
    CHECK_EQ(symlinkat("/etc/passwd", folder.fd, "out"), 0);
    picot_fd inside = open_file(loop, folder.fd, "sub/../file", O_RDWR | O_CREAT, 1);
    if (inside == -ENOSYS) {
        SKIP("no openat2 here");
    }
    CHECK(inside > 0);
    CHECK_EQ(open_file(loop, folder.fd, "../passwd", O_RDONLY, 1), -EXDEV);
    CHECK_EQ(open_file(loop, folder.fd, "/etc/passwd", O_RDONLY, 1), -EXDEV);
    CHECK_EQ(open_file(loop, folder.fd, "out", O_RDONLY, 1), -EXDEV);
    picot_fd outside = open_file(loop, folder.fd, "out", O_RDONLY, 0);
    CHECK(outside > 0);
    close_handle(loop, outside);
    close_handle(loop, inside);
    folder_remove(&folder);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"file: offsets and position", file_offsets, TAP_BACKENDS},
    {"file: in parallel", files_in_parallel, TAP_BACKENDS},
    {"many at once on a file", many_at_once, TAP_BACKENDS},
    {"many, and a forced end", many_destroyed, TAP_BACKENDS},
    {"reads from memory", from_memory, TAP_BACKENDS},
    {"file: cancelled", file_cancelled, TAP_BACKENDS},
    {"open: what it opens, and errors", opening, TAP_BACKENDS},
    {"open: beneath", opening_beneath, TAP_BACKENDS},
};

TAP_MAIN(cases)
