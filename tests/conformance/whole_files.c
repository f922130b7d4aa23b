/* SPDX-License-Identifier: MIT
 *
 * whole_files.c - all of a file into memory, and replacing one, on every backend: limits, failures, cancels at each
 * step, and nothing left behind.
 */
#include "file_support.h"
#include "support.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <picot/extension.h>
#include <picot/whole_file.h>

struct whole {
    picot_whole_file file;
    bool done;
};

static void whole_done(picot_loop *loop, picot_whole_file *file)
{
    struct whole *it = file->user;
    (void)loop;
    CHECK(!it->done);
    it->done = true;
}

static bool is_done(void *arg)
{
    return ((struct whole *)arg)->done;
}

static int64_t finish_whole(picot_loop *loop, struct whole *it, int rc)
{
    if (rc < 0) return rc;
    CHECK(!it->done);
    CHECK(run_until(loop, is_done, it));
    return it->file.result;
}

static int64_t read_whole(picot_loop *loop, struct whole *it, int dir, const char *path, size_t limit)
{
    it->done = false;
    return finish_whole(loop, it, picot_whole_file_read(loop, &it->file, dir, path, limit, whole_done, it));
}

static int64_t replace(picot_loop *loop, struct whole *it, int dir, const char *path, const void *contents, size_t size)
{
    it->done = false;
    return finish_whole(loop, it,
                        picot_whole_file_replace(loop, &it->file, dir, path, contents, size, 0640, whole_done, it));
}

static void reading(void)
{
    static const size_t sizes[] = {0, 1, 7, 4095, 4096, 4097, 100000};
    static char bytes[100000];
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct whole it;
    unsigned before = open_descriptors();
    memset(&it, 0xA5, sizeof it);
    folder_make(&folder);
    pattern_fill(bytes, sizeof bytes, 1, 0);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i];
        folder_put(&folder, "file", bytes, size);
        CHECK_EQ(read_whole(loop, &it, folder.fd, "file", 1 << 20), size);
        CHECK_MEM(it.file.data, bytes, size);
        CHECK_EQ(it.file.data[size], 0);
        picot_free(loop, it.file.data, size + 1);
        CHECK_EQ(read_whole(loop, &it, folder.fd, "file", size), size); /* just */
        picot_free(loop, it.file.data, size + 1);
        if (size == 0) continue;
        CHECK_EQ(read_whole(loop, &it, folder.fd, "file", size - 1), PICOT_ETOOLARGE);
        CHECK(it.file.data == NULL);
    }
    CHECK_EQ(read_whole(loop, &it, folder.fd, "none", 10), -ENOENT);
    CHECK_EQ(read_whole(loop, &it, folder.fd, "", 10), -ENOENT);
    CHECK_EQ(read_whole(loop, &it, folder.fd, ".", 10), -EISDIR);
    CHECK_EQ(read_whole(loop, &it, folder.fd, NULL, 10), -EINVAL);
    CHECK_EQ(read_whole(loop, &it, folder.fd, "file", SIZE_MAX), -EINVAL);
    CHECK_EQ(read_whole(loop, &it, -1, "file", 10), -EBADF);
    /* What does not tell its size, and what has no end. */
    int64_t size = read_whole(loop, &it, AT_FDCWD, "/proc/self/maps", 1 << 20);
    CHECK(size > 100);
    CHECK_EQ(strlen(it.file.data), size);
    picot_free(loop, it.file.data, (size_t)size + 1);
    CHECK_EQ(read_whole(loop, &it, AT_FDCWD, "/proc/self/maps", 50), PICOT_ETOOLARGE);
    CHECK_EQ(read_whole(loop, &it, AT_FDCWD, "/dev/zero", 50000), PICOT_ETOOLARGE);
    folder_remove(&folder);
    CHECK(open_descriptors() <= before + 2); /* the executor's own */
    tap_loop_end(loop);
}

static void replacing(void)
{
    static char bytes[200000], got[200001];
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct whole it = {0};
    struct stat info;
    char path[128];
    static char long_path[PATH_MAX + 8];
    folder_make(&folder);
    pattern_fill(bytes, sizeof bytes, 1, 0);
    CHECK_EQ(replace(loop, &it, folder.fd, "file", "first", 5), 5);
    CHECK_EQ(folder_get(&folder, "file", got, sizeof got), 5);
    CHECK_MEM(got, "first", 5);
    CHECK_EQ(fstatat(folder.fd, "file", &info, 0), 0);
    CHECK_EQ(info.st_mode & 0777 & ~0640U, 0);
    ino_t inode = info.st_ino;
    (void)snprintf(path, sizeof path, "%s/file", folder.path);
    CHECK_EQ(replace(loop, &it, AT_FDCWD, path, bytes, sizeof bytes), sizeof bytes);
    CHECK_EQ(folder_get(&folder, "file", got, sizeof got), sizeof bytes);
    CHECK_MEM(got, bytes, sizeof bytes);
    CHECK_EQ(fstatat(folder.fd, "file", &info, 0), 0);
    CHECK(info.st_ino != inode); /* another file: who has the old one open keeps it */
    CHECK_EQ(replace(loop, &it, folder.fd, "file", NULL, 0), 0);
    CHECK_EQ(folder_get(&folder, "file", got, sizeof got), 0);
    CHECK_EQ(mkdirat(folder.fd, "sub", 0700), 0);
    CHECK_EQ(replace(loop, &it, folder.fd, "sub", "x", 1), -EISDIR); /* and the temporary file is gone */
    CHECK_EQ(replace(loop, &it, folder.fd, "sub/", "x", 1), -EINVAL);
    CHECK_EQ(replace(loop, &it, folder.fd, "none/file", "x", 1), -ENOENT);
    CHECK_EQ(replace(loop, &it, folder.fd, "", "x", 1), -ENOENT);
    CHECK_EQ(replace(loop, &it, folder.fd, NULL, "x", 1), -EINVAL);
    CHECK_EQ(replace(loop, &it, folder.fd, "file", NULL, 1), -EINVAL);
    CHECK_EQ(replace(loop, &it, -1, "file", "x", 1), -EBADF);
    memset(long_path, 'x', sizeof long_path - 1);
    CHECK_EQ(replace(loop, &it, folder.fd, long_path, "x", 1), -ENAMETOOLONG);
    CHECK_EQ(count_entries(folder.path), 2);
    if (access("/dev/full", W_OK) == 0) CHECK(replace(loop, &it, AT_FDCWD, "/proc/self/none", "x", 1) < 0);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* Cancelled after any number of turns: the old contents or the new, as the result says, and no third file. */
static void cancelled(void)
{
    static char bytes[100000], got[100001];
    picot_loop *loop = tap_loop();
    struct folder folder;
    unsigned replaced = 0, stopped = 0;
    folder_make(&folder);
    pattern_fill(bytes, sizeof bytes, 1, 0);
    for (unsigned i = 0; i < 60; i++) {
        struct whole it = {0};
        folder_put(&folder, "file", "old", 3);
        CHECK_EQ(picot_whole_file_cancel(loop, &it.file), 0);
        CHECK_EQ(
            picot_whole_file_replace(loop, &it.file, folder.fd, "file", bytes, sizeof bytes, 0600, whole_done, &it), 0);
        for (unsigned turn = 0; turn < i / 2 && !it.done; turn++)
            CHECK(picot_loop_run(loop, i % 2 ? PICOT_RUN_ONCE : PICOT_RUN_NOWAIT) >= 0);
        CHECK_EQ(picot_whole_file_cancel(loop, &it.file), 0);
        CHECK_EQ(picot_whole_file_cancel(loop, &it.file), 0);
        CHECK(run_until(loop, is_done, &it));
        ssize_t size = folder_get(&folder, "file", got, sizeof got);
        if (it.file.result == -ECANCELED) {
            CHECK_EQ(size, 3);
            CHECK_MEM(got, "old", 3);
            stopped++;
        } else {
            CHECK_EQ(it.file.result, sizeof bytes);
            CHECK_EQ(size, sizeof bytes);
            CHECK_MEM(got, bytes, sizeof bytes);
            replaced++;
        }
        CHECK_EQ(count_entries(folder.path), 1);
    }
    CHECK(stopped > 0 && replaced > 0);
    folder_put(&folder, "file", bytes, sizeof bytes);
    for (unsigned i = 0; i < 30; i++) {
        struct whole it = {0};
        CHECK_EQ(picot_whole_file_read(loop, &it.file, folder.fd, "file", 1 << 20, whole_done, &it), 0);
        for (unsigned turn = 0; turn < i / 2 && !it.done; turn++)
            CHECK(picot_loop_run(loop, i % 2 ? PICOT_RUN_ONCE : PICOT_RUN_NOWAIT) >= 0);
        CHECK_EQ(picot_whole_file_cancel(loop, &it.file), 0);
        CHECK(run_until(loop, is_done, &it));
        if (it.file.result == -ECANCELED) {
            CHECK(it.file.data == NULL);
        } else {
            CHECK_EQ(it.file.result, sizeof bytes);
            CHECK_MEM(it.file.data, bytes, sizeof bytes);
            picot_free(loop, it.file.data, sizeof bytes + 1);
        }
    }
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* Each allocation fails in turn. */
static void out_of_memory(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    int64_t result = -ENOMEM;
    folder_make(&folder);
    for (long after = 0; result == -ENOMEM; after++) {
        struct whole it = {0};
        CHECK(after < 100);
        folder_put(&folder, "file", "old", 3);
        tap_allocator_fail_after(after);
        result = replace(loop, &it, folder.fd, "file", "new contents", 12);
        tap_allocator_fail_after(-1);
        CHECK(result == 12 || result == -ENOMEM);
        char got[16];
        CHECK_EQ(folder_get(&folder, "file", got, sizeof got), result == 12 ? 12 : 3);
        if (count_entries(folder.path) > 1) tap_note("after %ld allocations", after);
        CHECK_EQ(count_entries(folder.path), 1);
    }
    result = -ENOMEM;
    for (long after = 0; result == -ENOMEM; after++) {
        struct whole it = {0};
        CHECK(after < 100);
        tap_allocator_fail_after(after);
        result = read_whole(loop, &it, AT_FDCWD, "/proc/self/maps", 1 << 20);
        tap_allocator_fail_after(-1);
        CHECK(result > 0 || result == -ENOMEM);
        if (result > 0) picot_free(loop, it.file.data, (size_t)result + 1);
    }
    folder_remove(&folder);
    tap_loop_end(loop);
}

static void destroyed(void)
{
    for (unsigned i = 0; i < 10; i++) {
        picot_loop *loop = tap_loop();
        struct folder folder;
        struct whole it = {0};
        folder_make(&folder);
        folder_put(&folder, "file", "old", 3);
        CHECK_EQ(picot_whole_file_replace(loop, &it.file, folder.fd, "file", "new", 3, 0600, whole_done, &it), 0);
        for (unsigned turn = 0; turn < i && !it.done; turn++)
            CHECK(picot_loop_run(loop, PICOT_RUN_NOWAIT) >= 0);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        CHECK(it.done);
        folder_remove(&folder);
    }
}

static const struct tap_case cases[] = {
    {"whole files: reading", reading, TAP_BACKENDS},
    {"whole files: replacing", replacing, TAP_BACKENDS},
    {"whole files: cancelled", cancelled, TAP_BACKENDS},
    {"whole files: out of memory", out_of_memory, TAP_BACKENDS},
    {"whole files: destroyed under way", destroyed, TAP_BACKENDS},
};

TAP_MAIN(cases)
