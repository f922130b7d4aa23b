/* SPDX-License-Identifier: MIT
 *
 * files.c - reads of 4 KiB at random places, 32 under way, from the page cache and past it (O_DIRECT); beside libuv in
 * the same run.
 *
 * Each row runs in a process of its own, and every block is looked at; the libraries take turns, round by round, and
 * the medians of the time that passed are printed: one JSON object per line. The file is made in the current directory,
 * or at the path given, and removed at the end.
 */
#include "files.h"

#include <fcntl.h>
#include <picot/base.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS 101

static const struct row {
    const char *name;
    int flags;
    long count;
} rows[] = {
    {"file_read_cached", O_RDONLY, 400000},
    {"file_read_direct", O_RDONLY | O_DIRECT, 50000},
};
#define ROWS (sizeof rows / sizeof *rows)

static struct impl {
    const char *name;
    double (*run)(const char *backend, const char *path, int flags, long count);
    const char *backend;
    double ns[ROWS][MAX_ROUNDS];
} impls[] = {
    {.name = "picot-io_uring", .run = files_of_picot, .backend = "io_uring"},
    {.name = "picot-epoll", .run = files_of_picot, .backend = "epoll"},
#ifdef HAVE_LIBUV
    {.name = "libuv", .run = files_of_libuv},
#endif
};
#define IMPLS (sizeof impls / sizeof *impls)

_Alignas(FILES_BLOCK) char files_buffers[FILES_DEPTH][FILES_BLOCK];
static int rounds = 5;
static const char *only = NULL, *path = "picot-bench-files.tmp";
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

/* ---- one measurement ----------------------------------------------------------------------------- */

static double measure(const struct impl *impl, const struct row *row)
{
    int pipes[2], status = 1;
    double ns = -1;
    if (pipe(pipes) < 0) return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        (void)dprintf(pipes[1], "%f\n", impl->run(impl->backend, path, row->flags, row->count));
        _exit(0);
    }
    close(pipes[1]);
    FILE *in = fdopen(pipes[0], "r");
    if (!in || fscanf(in, "%lf", &ns) != 1) ns = -1;
    if (in) fclose(in);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? ns : -1;
}

/* ---- all ------------------------------------------------------------------------------------------- */

static bool is_there(const struct impl *impl)
{
    return !only || strstr(impl->name, only);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int report(struct impl *impl, size_t row)
{
    qsort(impl->ns[row], (size_t)rounds, sizeof(double), by_value);
    if (impl->ns[row][0] < 0) {
        fprintf(stderr, "files: %s failed at %s\n", impl->name, rows[row].name);
        return 1;
    }
    double median = impl->ns[row][rounds / 2];
    printf("{\"bench\": \"files\", \"impl\": \"%s\", \"row\": \"%s\", \"rounds\": %d, \"ns_per_op\": %.1f, "
           "\"per_second\": %.0f}\n",
           impl->name, rows[row].name, rounds, median, 1e9 / median);
    return 0;
}

static int read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc) return -1;
        long value = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--only") == 0)
            only = argv[i + 1];
        else if (strcmp(argv[i], "--file") == 0)
            path = argv[i + 1];
        else if (strcmp(argv[i], "--rounds") == 0 && value > 0 && value <= MAX_ROUNDS)
            rounds = (int)value;
        else
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (read_arguments(argc, argv) < 0) {
        fprintf(stderr, "usage: files [--rounds N] [--only WORD] [--file PATH]\n"
                        "Reads of 4 KiB at depth 32. --only: libraries with WORD in their name.\n");
        return 2;
    }
    if (make_file() < 0) {
        perror(path);
        return 1;
    }
    for (int round = 0; round < rounds; round++)
        for (size_t row = 0; row < ROWS; row++)
            for (size_t i = 0; i < IMPLS; i++)
                if (is_there(&impls[i])) impls[i].ns[row][round] = measure(&impls[i], &rows[row]);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = 0; i < IMPLS; i++)
            if (is_there(&impls[i])) failed |= report(&impls[i], row);
    (void)unlink(path);
    return failed;
}
