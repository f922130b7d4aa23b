/* SPDX-License-Identifier: MIT
 *
 * directories.c - reading directories and making temporary files, on every backend. Sources: getdents64(2), open(2),
 * mkostemp(3), mkdtemp(3).
 */
#include "file_support.h"
#include "support.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <picot/file.h>
#include <stdalign.h>
#include <stdio.h>

static int64_t open_directory(picot_loop *loop, int dir, const char *path, int flags)
{
    struct recorded it = {0};
    picot_op_directory_open(&it.op, dir, path, flags);
    return perform(loop, &it);
}

static int64_t read_directory(picot_loop *loop, int directory, void *buf, size_t len)
{
    struct recorded it = {0};
    picot_op_directory_read(&it.op, directory, buf, len);
    return perform(loop, &it);
}

/* ---- reading ------------------------------------------------------------------------------------- */

enum { MANY = 500 };

static void check_entry(const picot_directory_entry *entry, unsigned char seen[MANY])
{
    int number = atoi(entry->name + 5);
    CHECK_EQ(strlen(entry->name), entry->name_length);
    CHECK(entry->inode != 0);
    CHECK_EQ(strncmp(entry->name, "entry", 5), 0);
    CHECK(number >= 0 && number < MANY);
    CHECK_EQ(seen[number], 0);
    seen[number] = 1;
    if (entry->type == DT_UNKNOWN) return;
    CHECK_EQ(entry->type, number % 3 == 0 ? DT_DIR : number % 3 == 1 ? DT_REG : DT_LNK);
}

/* Every entry comes once, whatever the size of the pieces. */
static void reading(void)
{
    static const size_t sizes[] = {300, 1000, 32768, SIZE_MAX};
    static char buf[32768];
    picot_loop *loop = tap_loop();
    struct folder folder;
    char name[32];
    folder_make(&folder);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "entry%d", i);
        if (i % 3 == 0) CHECK_EQ(mkdirat(folder.fd, name, 0700), 0);
        if (i % 3 == 1) folder_put(&folder, name, "", 0);
        if (i % 3 == 2) CHECK_EQ(symlinkat("nowhere", folder.fd, name), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        unsigned char seen[MANY] = {0};
        int directory = (int)open_directory(loop, AT_FDCWD, folder.path, 0), count = 0, rc;
        int64_t n;
        CHECK(directory >= 0);
        CHECK(is_closed_on_exec(directory));
        while ((n = read_directory(loop, directory, buf, sizes[i])) > 0) {
            picot_directory_entry entry;
            size_t position = 0;
            while ((rc = picot_directory_next(buf, (size_t)n, &position, &entry)) > 0) {
                check_entry(&entry, seen);
                count++;
            }
            CHECK_EQ(rc, 0);
        }
        CHECK_EQ(n, 0);
        CHECK_EQ(count, MANY);
        CHECK_EQ(read_directory(loop, directory, buf, sizeof buf), 0);
        CHECK_EQ(picot_directory_close(directory), 0);
        CHECK_EQ(picot_directory_close(directory), -EBADF);
    }
    folder_remove(&folder);
    tap_loop_end(loop);
}

static void reading_badly(void)
{
    char buf[4096];
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct recorded it = {0};
    folder_make(&folder);
    folder_put(&folder, "file", "content", 7);
    CHECK_EQ(mkdirat(folder.fd, "sub", 0700), 0);
    CHECK_EQ(symlinkat("sub", folder.fd, "link"), 0);
    CHECK_EQ(open_directory(loop, folder.fd, NULL, 0), -EINVAL);
    CHECK_EQ(open_directory(loop, folder.fd, "", 0), -ENOENT);
    CHECK_EQ(open_directory(loop, folder.fd, "none", 0), -ENOENT);
    CHECK_EQ(open_directory(loop, folder.fd, "file", 0), -ENOTDIR);
    CHECK_EQ(open_directory(loop, -1, "file", 0), -EBADF);
    CHECK_EQ(open_directory(loop, folder.fd, "link", O_NOFOLLOW), -ENOTDIR);
    int64_t directory = open_directory(loop, folder.fd, "link", 0);
    CHECK(directory >= 0);
    CHECK_EQ(read_directory(loop, (int)directory, buf, 3), -EINVAL);
    CHECK_EQ(read_directory(loop, (int)directory, NULL, 3), -EINVAL);
    CHECK_EQ(read_directory(loop, -1, buf, sizeof buf), -EBADF);
    int64_t n = read_directory(loop, (int)directory, buf, sizeof buf);
    CHECK(n > 0);
    picot_directory_entry entry = {.name = "untouched"};
    size_t position = 0;
    CHECK_EQ(picot_directory_next(buf, (size_t)n, &position, &entry), 0); /* "." and ".." only */
    CHECK_STR(entry.name, "untouched");
    position = 0;
    CHECK_EQ(picot_directory_next(buf, (size_t)n - 1, &position, &entry), -EINVAL);
    position = 0;
    CHECK_EQ(picot_directory_next(NULL, 8, &position, &entry), -EINVAL);
    CHECK_EQ(picot_directory_next(buf, 8, NULL, &entry), -EINVAL);
    CHECK_EQ(picot_directory_next(buf, 8, &position, NULL), -EINVAL);
    position = 9;
    CHECK_EQ(picot_directory_next(buf, 8, &position, &entry), -EINVAL);
    CHECK_EQ(picot_directory_close((int)directory), 0);
    CHECK_EQ(picot_directory_close(-1), -EBADF);
    /* A descriptor that an operation opened while it was being cancelled does not leak. */
    for (int i = 0; i < 20; i++) {
        picot_op_directory_open(&it.op, folder.fd, "sub", 0);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, (unsigned)i % 2);
        CHECK_EQ(picot_cancel(loop, &it.op), 0);
        directory = finish(loop, &it);
        CHECK(directory >= 0 || directory == -ECANCELED);
        if (directory >= 0) CHECK_EQ(picot_directory_close((int)directory), 0);
    }
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* ---- temporary files ----------------------------------------------------------------------------- */

static void unnamed(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct recorded it = {0};
    char got[8];
    folder_make(&folder);
    picot_op_temporary(&it.op, AT_FDCWD, folder.path, 0, 0600);
    picot_fd file = perform(loop, &it);
    CHECK(file > 0);
    CHECK(is_closed_on_exec(picot_fd_number(loop, file)));
    CHECK_EQ(count_entries(folder.path), 0);
    picot_op_write(&it.op, file, "content", 7, 0);
    CHECK_EQ(perform(loop, &it), 7);
    picot_op_read(&it.op, file, got, sizeof got, 0);
    CHECK_EQ(perform(loop, &it), 7);
    CHECK_MEM(got, "content", 7);
    close_handle(loop, file);
    picot_op_temporary(&it.op, folder.fd, "none", 0, 0600);
    CHECK_EQ(perform(loop, &it), -ENOENT);
    picot_op_temporary(&it.op, folder.fd, "", 0, 0600);
    CHECK_EQ(perform(loop, &it), -ENOENT);
    picot_op_temporary(&it.op, folder.fd, NULL, 0, 0600);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* Where there is no O_TMPFILE the file is made and removed: /proc and its like refuse both. */
static void unnamed_elsewhere(void)
{
    picot_loop *loop = tap_loop();
    struct recorded it = {0};
    picot_op_temporary(&it.op, AT_FDCWD, "/proc/self", 0, 0600);
    int64_t result = perform(loop, &it);
    CHECK(result == -ENOENT || result == -EACCES || result == -EPERM || result == -EOPNOTSUPP);
    tap_loop_end(loop);
}

static void named(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct recorded it = {0};
    char path[128], expected[128], last[8] = "";
    static char long_path[PATH_MAX + 8];
    folder_make(&folder);
    for (int i = 0; i < 50; i++) {
        struct stat info;
        (void)snprintf(path, sizeof path, "%s/fileXXXXXX", folder.path);
        picot_op_temporary_named(&it.op, AT_FDCWD, path, 0, 0640);
        picot_fd file = perform(loop, &it);
        CHECK(file > 0);
        CHECK_EQ(strlen(path), strlen(folder.path) + 11);
        CHECK(strcmp(path + strlen(path) - 6, "XXXXXX") != 0);
        CHECK(strcmp(path + strlen(path) - 6, last) != 0);
        (void)strcpy(last, path + strlen(path) - 6);
        CHECK_EQ(stat(path, &info), 0);
        CHECK(S_ISREG(info.st_mode));
        CHECK_EQ(info.st_mode & 0777 & ~0640U, 0);
        close_handle(loop, file);
        (void)strcpy(path, "dXXXXXX");
        picot_op_temporary_directory(&it.op, folder.fd, path, 0700);
        CHECK_EQ(perform(loop, &it), 0);
        CHECK_EQ(fstatat(folder.fd, path, &info, 0), 0);
        CHECK(S_ISDIR(info.st_mode));
    }
    CHECK_EQ(count_entries(folder.path), 100);
    (void)snprintf(path, sizeof path, "%s/fileXXXXX", folder.path); /* five */
    (void)strcpy(expected, path);
    picot_op_temporary_named(&it.op, AT_FDCWD, path, 0, 0600);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    (void)strcpy(path, "none/XXXXXX");
    picot_op_temporary_directory(&it.op, folder.fd, path, 0700);
    CHECK_EQ(perform(loop, &it), -ENOENT);
    CHECK_STR(path, "none/XXXXXX"); /* untouched */
    picot_op_temporary_named(&it.op, folder.fd, NULL, 0, 0600);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    (void)strcpy(path, "");
    picot_op_temporary_named(&it.op, folder.fd, path, 0, 0600);
    CHECK_EQ(perform(loop, &it), -ENOENT);
    memset(long_path, 'X', sizeof long_path - 1);
    picot_op_temporary_named(&it.op, folder.fd, long_path, 0, 0600);
    CHECK_EQ(perform(loop, &it), -ENAMETOOLONG);
    folder_remove(&folder);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"directories: reading", reading, TAP_BACKENDS},
    {"directories: reading badly", reading_badly, TAP_BACKENDS},
    {"temporary: without a name", unnamed, TAP_BACKENDS},
    {"temporary: where there is no such thing", unnamed_elsewhere, TAP_BACKENDS},
    {"temporary: with a name", named, TAP_BACKENDS},
};

TAP_MAIN(cases)
