/* SPDX-License-Identifier: MIT
 *
 * sys_pid_file.c - a pid file, held by a lock: who has the lock on the file that has the name is the one.
 *
 * The holder removes the name before it gives the lock back. Who has opened the file in between gets a lock on a file
 * without a name, sees that, and begins anew.
 */
#include <fcntl.h>
#include <picot/daemon.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"

#define LOOKS 50 /* for the number of a holder who has just begun, 2 ms apart */

static bool has_name(int fd, const char *path)
{
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

/* 0; PICOT_ERUNNING; or a code. */
static int lock(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0) return 0;
    return errno == EAGAIN || errno == EACCES ? PICOT_ERUNNING : -errno;
}

static int64_t read_pid(int fd)
{
    char text[24] = "", *end = text;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    long long pid = n > 0 ? strtoll(text, &end, 10) : 0;
    return pid > 0 && *end == '\n' ? pid : 0;
}

static int64_t holder_of(int fd)
{
    int64_t pid = read_pid(fd);
    for (int i = 0; pid == 0 && i < LOOKS; i++) {
        const struct timespec pause = {0, 2000000};
        (void)nanosleep(&pause, NULL);
        pid = read_pid(fd);
    }
    return pid;
}

static int write_pid(int fd, pid_t pid)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld\n", (long long)pid);
    if (ftruncate(fd, 0) < 0) return -errno;
    ssize_t n = pwrite(fd, text, (size_t)len, 0);
    return n < 0 ? -errno : n == len ? 0 : -ENOSPC;
}

/* One try: the locked descriptor; -ESTALE: the file has lost its name meanwhile; or a code. */
static int try_open(const char *path, unsigned mode, int64_t *ret_holder)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, (mode_t)mode);
    if (fd < 0) return -errno;
    int rc = lock(fd);
    if (rc == PICOT_ERUNNING && ret_holder) *ret_holder = holder_of(fd);
    if (rc == 0 && !has_name(fd, path)) rc = -ESTALE;
    if (rc == 0) return fd;
    (void)close(fd);
    return rc;
}

int picot_pid_file_open(picot_pid_file *file, const char *path, unsigned mode, int64_t *ret_holder)
{
    int fd;
    if (!file || !path || !*path || mode > 0777) return -EINVAL;
    if (file->_.held) return -EALREADY;
    do {
        fd = try_open(path, mode, ret_holder);
    } while (fd == -ESTALE);
    if (fd < 0) return fd;
    pid_t pid = getpid();
    int rc = write_pid(fd, pid);
    if (rc < 0) {
        (void)unlink(path);
        (void)close(fd);
        return rc;
    }
    file->_.path = path;
    file->_.held = 1;
    file->_.fd = fd;
    file->_.pid = pid;
    return 0;
}

int picot_pid_file_close(picot_pid_file *file)
{
    int rc = 0;
    if (!file) return -EINVAL;
    if (!file->_.held) return 0;
    if (file->_.pid == getpid() && has_name(file->_.fd, file->_.path) && unlink(file->_.path) < 0) rc = -errno;
    (void)close(file->_.fd);
    file->_.held = 0;
    return rc;
}
