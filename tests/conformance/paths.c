/* SPDX-License-Identifier: MIT
 *
 * paths.c - operations on paths, on every backend: what they do, the same code for each mistake, cancelled, out of
 * memory, and as another user. Whatever a system call would answer here, the loop answers.
 */
#include "file_support.h"
#include "support.h"
#include <errno.h>
#include <limits.h>
#include <picot/file.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

/* ---- one call, by the loop or by ourselves ------------------------------------------------------- */

enum what { MKDIR, UNLINK, RMDIR, RENAME, NOREPLACE, EXCHANGE, SYMLINK, LINK, READLINK, CHMOD, UTIMES, STAT, LSTAT };
#define WHATS 13

struct step {
    enum what what;
    const char *path, *second;
};

static const struct timespec times[2] = {{1000000, 5}, {2000000, 7}};

static void prepare_step(picot_op *op, int dir, const struct step *step, char *ret_text, struct statx *ret_stat)
{
    const char *path = step->path, *second = step->second;
    switch (step->what) {
    case MKDIR:
        picot_op_mkdir(op, dir, path, 0750);
        break;
    case UNLINK:
    case RMDIR:
        picot_op_unlink(op, dir, path, step->what == RMDIR ? AT_REMOVEDIR : 0);
        break;
    case RENAME:
    case NOREPLACE:
    case EXCHANGE:
        picot_op_rename(op, dir, path, dir, second,
                        step->what == RENAME      ? 0
                        : step->what == NOREPLACE ? RENAME_NOREPLACE
                                                  : RENAME_EXCHANGE);
        break;
    case SYMLINK:
        picot_op_symlink(op, second, dir, path);
        break;
    case LINK:
        picot_op_link(op, dir, path, dir, second, 0);
        break;
    case READLINK:
        picot_op_readlink(op, dir, path, ret_text, PATH_MAX);
        break;
    case CHMOD:
        picot_op_chmod(op, dir, path, 0640);
        break;
    case UTIMES:
        picot_op_utimes(op, dir, path, times, 0);
        break;
    case STAT:
    case LSTAT:
        picot_op_statx(op, dir, path, step->what == LSTAT ? AT_SYMLINK_NOFOLLOW : 0, STATX_BASIC_STATS, ret_stat);
        break;
    }
}

static int64_t do_step(int dir, const struct step *step, char *ret_text, struct statx *ret_stat)
{
    const char *path = step->path, *second = step->second;
    switch (step->what) {
    case MKDIR:
        return mkdirat(dir, path, 0750);
    case UNLINK:
    case RMDIR:
        return unlinkat(dir, path, step->what == RMDIR ? AT_REMOVEDIR : 0);
    case RENAME:
        return renameat(dir, path, dir, second);
    case NOREPLACE:
    case EXCHANGE:
        return syscall(SYS_renameat2, dir, path, dir, second,
                       step->what == NOREPLACE ? RENAME_NOREPLACE : RENAME_EXCHANGE);
    case SYMLINK:
        return symlinkat(second, dir, path);
    case LINK:
        return linkat(dir, path, dir, second, 0);
    case READLINK:
        return readlinkat(dir, path, ret_text, PATH_MAX);
    case CHMOD:
        return fchmodat(dir, path, 0640, 0);
    case UTIMES:
        return utimensat(dir, path, times, 0);
    default:
        return statx(dir, path, step->what == LSTAT ? AT_SYMLINK_NOFOLLOW : 0, STATX_BASIC_STATS, ret_stat);
    }
}

/* The same step in two folders that are alike: by the loop in one, by the system call in the other. */
static void compare(picot_loop *loop, const struct folder *ours, const struct folder *theirs, const struct step *step)
{
    static char text[PATH_MAX], expected_text[PATH_MAX];
    struct statx info, expected_info;
    struct recorded it = {0};
    errno = 0;
    int64_t expected = do_step(theirs->fd, step, expected_text, &expected_info);
    if (expected < 0) expected = -errno;
    prepare_step(&it.op, ours->fd, step, text, &info);
    int64_t result = perform(loop, &it);
    if (result != expected) tap_note("step %d on '%.40s' and '%.40s'", step->what, step->path, step->second);
    CHECK_EQ(result, expected);
    if (result < 0) return;
    if (step->what == READLINK) CHECK_MEM(text, expected_text, (size_t)result);
    if (step->what != STAT && step->what != LSTAT) return;
    CHECK_EQ(info.stx_mode, expected_info.stx_mode);
    CHECK_EQ(info.stx_nlink, expected_info.stx_nlink);
    if (S_ISREG(info.stx_mode)) CHECK_EQ(info.stx_size, expected_info.stx_size);
}

/* ---- the cases ----------------------------------------------------------------------------------- */

/* Two thousand steps among few names, many of them mistakes, in two folders. */
static void in_step(void)
{
    static const char *const names[] = {"a", "b", "c", "a/b", "a/c", "b/a", "c/.", ".", "a/", "b/../c", "none/x", ""};
    enum { NAMES = sizeof names / sizeof *names, STEPS = 2000 };
    picot_loop *loop = tap_loop();
    struct folder ours, theirs;
    uint32_t random = 12345;
    folder_make(&ours);
    folder_make(&theirs);
    for (unsigned i = 0; i < STEPS; i++) {
        struct step step;
        random = random * 1664525 + 1013904223;
        step.what = (random >> 8) % WHATS;
        step.path = names[(random >> 16) % NAMES];
        step.second = names[(random >> 24) % NAMES];
        if (i % 5 == 0 && !folder_has(&theirs, "c")) {
            folder_put(&ours, "c", "file", 4);
            folder_put(&theirs, "c", "file", 4);
        }
        compare(loop, &ours, &theirs, &step);
    }
    folder_remove(&ours);
    folder_remove(&theirs);
    tap_loop_end(loop);
}

/* Each call with each bad path; as a system call would have it, but for NULL. */
static void bad_paths(void)
{
    picot_loop *loop = tap_loop();
    struct folder ours, theirs, *both[] = {&ours, &theirs};
    static char long_name[NAME_MAX + 2], long_path[PATH_MAX + 8];
    memset(long_name, 'n', sizeof long_name - 1);
    for (size_t i = 0; i + 2 < sizeof long_path; i += 2)
        memcpy(long_path + i, "./", 3);
    const char *const bad[] = {"", long_name, long_path, "missing/x", "file/x", "loop", "loop/x", "/", "dir"};
    for (unsigned i = 0; i < 2; i++) {
        folder_make(both[i]);
        folder_put(both[i], "file", "content", 7);
        CHECK_EQ(mkdirat(both[i]->fd, "dir", 0700), 0);
        CHECK_EQ(symlinkat("loop", both[i]->fd, "loop"), 0);
    }
    for (unsigned what = 0; what < WHATS; what++) {
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
            compare(loop, &ours, &theirs, &(struct step){what, bad[i], "second"});
            compare(loop, &ours, &theirs, &(struct step){what, "file", bad[i]});
            (void)unlinkat(ours.fd, "file", 0);
            (void)unlinkat(theirs.fd, "file", 0);
            folder_put(&ours, "file", "content", 7);
            folder_put(&theirs, "file", "content", 7);
        }
        struct recorded it = {0};
        prepare_step(&it.op, ours.fd, &(struct step){what, NULL, "second"}, long_path, NULL);
        CHECK_EQ(start(loop, &it), -EINVAL);
        if ((what >= RENAME && what <= LINK) || what == STAT) {
            prepare_step(&it.op, ours.fd, &(struct step){what, "file", NULL}, NULL, NULL);
            CHECK_EQ(start(loop, &it), -EINVAL);
        }
        prepare_step(&it.op, -1, &(struct step){what, "file", "second"}, long_path, &(struct statx){0});
        CHECK_EQ(perform(loop, &it), -EBADF);
        int file = openat(ours.fd, "file", O_RDONLY | O_CLOEXEC);
        prepare_step(&it.op, file, &(struct step){what, "below", "below2"}, long_path, &(struct statx){0});
        CHECK_EQ(perform(loop, &it), -ENOTDIR);
        CHECK_EQ(close(file), 0);
    }
    folder_remove(&ours);
    folder_remove(&theirs);
    tap_loop_end(loop);
}

static void bad_flags(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct recorded it = {0};
    struct statx info;
    char text[8];
    folder_make(&folder);
    folder_put(&folder, "file", "content", 7);
    CHECK_EQ(symlinkat("target", folder.fd, "link"), 0);
    picot_op_rename(&it.op, folder.fd, "file", folder.fd, "new", 0x100);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    picot_op_unlink(&it.op, folder.fd, "file", 0x4);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    picot_op_link(&it.op, folder.fd, "file", folder.fd, "new", 0x8);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    picot_op_statx(&it.op, folder.fd, "file", 0x8, STATX_BASIC_STATS, &info);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    picot_op_statx(&it.op, folder.fd, "file", 0, 0x80000000U, &info);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    picot_op_utimes(&it.op, folder.fd, "file", NULL, 0x8);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    picot_op_chown(&it.op, folder.fd, "file", (uid_t)-1, (gid_t)-1, 0x8);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    picot_op_readlink(&it.op, folder.fd, "link", text, 0);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_readlink(&it.op, folder.fd, "link", text, 3);
    CHECK_EQ(perform(loop, &it), 3);
    CHECK_MEM(text, "tar", 3);
    picot_op_readlink(&it.op, folder.fd, "file", text, sizeof text);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    CHECK(folder_has(&folder, "file"));
    folder_remove(&folder);
    tap_loop_end(loop);
}

static void attributes(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct recorded it = {0};
    struct stat info;
    struct statx more;
    char path[128];
    folder_make(&folder);
    folder_put(&folder, "file", "content", 7);
    CHECK_EQ(symlinkat("file", folder.fd, "link"), 0);
    picot_op_chmod(&it.op, folder.fd, "link", 0604);
    CHECK_EQ(perform(loop, &it), 0);
    picot_op_utimes(&it.op, folder.fd, "file", times, 0);
    CHECK_EQ(perform(loop, &it), 0);
    CHECK_EQ(fstatat(folder.fd, "file", &info, 0), 0);
    CHECK_EQ(info.st_mode & 07777, 0604);
    CHECK_EQ(info.st_atim.tv_sec, 1000000);
    CHECK_EQ(info.st_mtim.tv_sec, 2000000);
    CHECK_EQ(info.st_mtim.tv_nsec, 7);
    picot_op_statx(&it.op, folder.fd, "link", 0, STATX_BASIC_STATS, &more);
    CHECK_EQ(perform(loop, &it), 0);
    CHECK_EQ(more.stx_ino, info.st_ino);
    CHECK_EQ(more.stx_size, 7);
    CHECK_EQ(more.stx_mtime.tv_nsec, 7);
    picot_op_statx(&it.op, folder.fd, "link", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &more);
    CHECK_EQ(perform(loop, &it), 0);
    CHECK(S_ISLNK(more.stx_mode));
    picot_op_statx(&it.op, folder.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &more);
    CHECK_EQ(perform(loop, &it), 0);
    CHECK(S_ISDIR(more.stx_mode));
    picot_op_chown(&it.op, folder.fd, "file", (uid_t)-1, (gid_t)-1, 0);
    CHECK_EQ(perform(loop, &it), 0);
    if (geteuid() == 0) {
        picot_op_chown(&it.op, folder.fd, "file", 1234, 4321, 0);
        CHECK_EQ(perform(loop, &it), 0);
        CHECK_EQ(fstatat(folder.fd, "file", &info, 0), 0);
        CHECK_EQ(info.st_uid, 1234);
        CHECK_EQ(info.st_gid, 4321);
        CHECK_EQ(fstatat(folder.fd, "link", &info, AT_SYMLINK_NOFOLLOW), 0);
        CHECK_EQ(info.st_uid, 0);
    }
    (void)snprintf(path, sizeof path, "%s/file", folder.path);
    picot_op_truncate(&it.op, path, 3);
    CHECK_EQ(perform(loop, &it), 0);
    CHECK_EQ(folder_get(&folder, "file", path, 64), 3);
    (void)snprintf(path, sizeof path, "%s/none", folder.path);
    CHECK_EQ(perform(loop, &it), -ENOENT);
    picot_op_truncate(&it.op, folder.path, 3);
    CHECK_EQ(perform(loop, &it), -EISDIR);
    picot_op_truncate(&it.op, folder.path, -1);
    CHECK_EQ(perform(loop, &it), -EINVAL);
    picot_op_truncate(&it.op, NULL, 0);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_truncate(&it.op, "", 0);
    CHECK_EQ(perform(loop, &it), -ENOENT);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* More than there are threads, all at once; then some taken back: each has happened or has not, as its result says. */
static void many_and_cancelled(void)
{
    enum { MANY = 64 };
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct recorded its[MANY];
    char names[MANY][16];
    folder_make(&folder);
    for (int round = 0; round < 4; round++) {
        memset(its, 0, sizeof its);
        for (int i = 0; i < MANY; i++) {
            (void)snprintf(names[i], sizeof names[i], "r%d-%d", round, i);
            picot_op_mkdir(&its[i].op, folder.fd, names[i], 0700);
            CHECK_EQ(start(loop, &its[i]), 0);
        }
        for (int i = MANY - 1; i >= 0 && round > 0; i -= round)
            CHECK_EQ(picot_cancel(loop, &its[i].op), 0);
        for (int i = 0; i < MANY; i++) {
            int64_t result = finish(loop, &its[i]);
            CHECK(result == 0 || (result == -ECANCELED && round > 0));
            CHECK_EQ(folder_has(&folder, names[i]), result == 0);
        }
    }
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* A destroy with work under way ends it. */
static void destroyed(void)
{
    enum { MANY = 32 };
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct recorded its[MANY];
    struct statx infos[MANY];
    memset(its, 0, sizeof its);
    folder_make(&folder);
    for (int i = 0; i < MANY; i++) {
        picot_op_statx(&its[i].op, folder.fd, ".", 0, STATX_BASIC_STATS, &infos[i]);
        CHECK_EQ(start(loop, &its[i]), 0);
    }
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(its[i].completions, 1);
        CHECK(its[i].result == 0 || its[i].result == -ECANCELED);
    }
    folder_remove(&folder);
}

static void out_of_memory(void)
{
    picot_loop *loop = tap_loop();
    struct folder ours, theirs;
    folder_make(&ours);
    folder_make(&theirs);
    for (unsigned what = 0; what < WHATS; what++) {
        for (long after = 0;; after++) {
            CHECK(after < 50);
            char text[PATH_MAX];
            struct statx info;
            struct recorded it = {0};
            prepare_step(&it.op, ours.fd, &(struct step){what, "none", "none"}, text, &info);
            tap_allocator_fail_after(after);
            int64_t result = perform(loop, &it);
            tap_allocator_fail_after(-1);
            (void)unlinkat(ours.fd, "none", AT_REMOVEDIR);
            (void)unlinkat(ours.fd, "none", 0);
            if (result != -ENOMEM) break;
        }
    }
    folder_remove(&ours);
    folder_remove(&theirs);
    tap_loop_end(loop);
}

/*
 * Who gives up root may not open what is root's, neither through the kernel's ring nor through threads that were
 * started before.
 */
static void as_nobody(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct recorded it = {0};
    if (geteuid() != 0) SKIP("needs root");
    folder_make(&folder);
    folder_put(&folder, "secret", "secret", 6);
    CHECK_EQ(fchmod(folder.fd, 0711), 0);
    picot_op_open(&it.op, folder.fd, "secret", O_RDONLY, 0, 0);
    picot_fd handle = perform(loop, &it);
    CHECK(handle > 0);
    close_handle(loop, handle);
    CHECK_EQ(setresgid(65534, 65534, (gid_t)-1), 0);
    CHECK_EQ(setresuid(65534, 65534, (uid_t)-1), 0);
    for (int i = 0; i < 20; i++) {
        picot_op_open(&it.op, folder.fd, "secret", O_RDONLY, 0, 0);
        CHECK_EQ(perform(loop, &it), -EACCES);
        picot_op_mkdir(&it.op, folder.fd, "new", 0700);
        CHECK_EQ(perform(loop, &it), -EACCES);
        picot_op_chmod(&it.op, folder.fd, "secret", 0666);
        CHECK_EQ(perform(loop, &it), -EPERM);
    }
    CHECK_EQ(setresuid(0, 0, 0), 0);
    CHECK_EQ(setresgid(0, 0, 0), 0);
    folder_remove(&folder);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"paths: as the system calls, step by step", in_step, TAP_BACKENDS},
    {"paths: bad paths", bad_paths, TAP_BACKENDS},
    {"paths: bad flags", bad_flags, TAP_BACKENDS},
    {"paths: attributes", attributes, TAP_BACKENDS},
    {"paths: many at once, and cancelled", many_and_cancelled, TAP_BACKENDS},
    {"paths: destroyed under way", destroyed, TAP_BACKENDS},
    {"paths: out of memory", out_of_memory, TAP_BACKENDS},
    {"paths: as nobody", as_nobody, TAP_BACKENDS},
};

TAP_MAIN(cases)
