/* SPDX-License-Identifier: MIT
 *
 * file_support.h - a folder of a case's own, and what is in it.
 */
#ifndef PICOT_TESTS_FILE_SUPPORT_H
#define PICOT_TESTS_FILE_SUPPORT_H

#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[64];
    int fd;
};

static inline void folder_make(struct folder *folder)
{
    (void)strcpy(folder->path, "/tmp/picot-test-XXXXXX");
    CHECK(mkdtemp(folder->path) != NULL);
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(folder->fd >= 0);
}

static inline int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

static inline void folder_remove(struct folder *folder)
{
    CHECK_EQ(close(folder->fd), 0);
    CHECK_EQ(nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A file in it with these bytes. */
static inline void folder_put(const struct folder *folder, const char *name, const void *bytes, size_t size)
{
    int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, (const char *)bytes + done, size - done);
        CHECK(n > 0);
        done += (size_t)n;
    }
    CHECK_EQ(close(fd), 0);
}

/* Its bytes, at most size; how many. A negative code when it cannot be opened. */
static inline ssize_t folder_get(const struct folder *folder, const char *name, void *bytes, size_t size)
{
    int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    size_t done = 0;
    ssize_t n = 1;
    while (n > 0 && done < size) {
        n = read(fd, (char *)bytes + done, size - done);
        CHECK(n >= 0);
        done += (size_t)n;
    }
    CHECK_EQ(close(fd), 0);
    return (ssize_t)done;
}

static inline int folder_has(const struct folder *folder, const char *name)
{
    struct stat info;
    return fstatat(folder->fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

/* How many things are in it, besides itself and its parent. */
static inline int count_entries(const char *path)
{
    DIR *stream = opendir(path);
    int count = -2;
    CHECK(stream != NULL);
    while (readdir(stream))
        count++;
    CHECK_EQ(closedir(stream), 0);
    return count;
}

#endif /* PICOT_TESTS_FILE_SUPPORT_H */
