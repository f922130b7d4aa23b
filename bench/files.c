/* SPDX-License-Identifier: MIT
 *
 * files.c - reads of 4 KiB at random places, 32 under way, from the page cache and past it (O_DIRECT); beside libuv in
 * the same run, and the least that the machine takes: pread(2) for what is in memory, a bare ring past it.
 *
 * Every block is looked at, and the time that passed is measured. The file is made in the current directory, or at the
 * path given, and removed at the end.
 */
#include "files.h"

#include "rows.h"

#include <fcntl.h>
#include <picot/base.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
    int flags;
    long count;
} rows[] = {{O_RDONLY, 400000}, {O_RDONLY | O_DIRECT, 50000}};

_Alignas(FILES_BLOCK) char files_buffers[FILES_DEPTH][FILES_BLOCK];
static const char *path = "picot-bench-files.tmp";
static bool made;
static uint32_t random_state = 1;

int64_t files_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * PICOT_SECOND + now.tv_nsec;
}

int64_t files_next_offset(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return (int64_t)(random_state >> 8) % FILES_BLOCKS * FILES_BLOCK;
}

/* A block begins with its own place. */
int files_is_right(const char *block, int64_t offset)
{
    return memcmp(block, &offset, sizeof offset) == 0;
}

static int make_file(void)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return -1;
    for (int64_t i = 0; i < FILES_BLOCKS; i++) {
        int64_t offset = i * FILES_BLOCK;
        memcpy(files_buffers[0], &offset, sizeof offset);
        if (write(fd, files_buffers[0], FILES_BLOCK) != FILES_BLOCK) return -1;
    }
    return fsync(fd) < 0 || close(fd) < 0 ? -1 : 0;
}

static int prepare(void)
{
    if (access(path, F_OK) == 0) {
        (void)fprintf(stderr, "files: %s is there already, and would be removed at the end\n", path);
        return 1;
    }
    made = true;
    if (make_file() == 0) return 0;
    perror(path);
    return 1;
}

static double measure(size_t impl, size_t row)
{
    if (impl == 2) return files_floor(path, rows[row].flags, rows[row].count);
#ifdef HAVE_LIBUV
    if (impl == 3) return files_of_libuv(NULL, path, rows[row].flags, rows[row].count);
#endif
    return files_of_picot(impl == 0 ? "io_uring" : "epoll", path, rows[row].flags, rows[row].count);
}

int main(int argc, char **argv)
{
    static const struct rows_bench bench = {.name = "files",
                                            .rows = {"file_read_cached", "file_read_direct"},
                                            .impls =
                                                {
                                                    "picot-io_uring",
                                                    "picot-epoll",
                                                    "floor",
#ifdef HAVE_LIBUV
                                                    "libuv",
#endif
                                                },
                                            .per_second = true,
                                            .usage = "Reads of 4 KiB at depth 32 of a file made at --file.\n",
                                            .option = "--file",
                                            .option_value = &path,
                                            .measure = measure};
    int status = rows_run(&bench, argc, argv, prepare);
    if (made) (void)unlink(path);
    return status;
}
