/* SPDX-License-Identifier: MIT
 *
 * sys_temporary.c - temporary files and directories: see sys_blocking.c.
 *
 * Sources: open(2) (O_TMPFILE: Linux 3.11, and not on every file system), mkostemp(3), mkdtemp(3), getrandom(2).
 */
#include "backend.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 1000
#define X_COUNT 6
#define HIDDEN_NAME ".picot-XXXXXX"

/* Replace the six X at `xs` by what nobody can guess. */
static int fill_in(char *xs)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    unsigned char random[X_COUNT];
    ssize_t n;
    do {
        n = getrandom(random, sizeof random, 0);
    } while (n < 0 && errno == EINTR);
    if (n < (ssize_t)sizeof random) return n < 0 ? -errno : -EIO;
    for (int i = 0; i < X_COUNT; i++)
        xs[i] = digits[random[i] % 64];
    return 0;
}

/* Where the X of a template begin, or NULL. */
static char *find_xs(char *path)
{
    size_t length = strlen(path);
    if (length < X_COUNT) return NULL;
    char *xs = path + length - X_COUNT;
    return strcmp(xs, "XXXXXX") == 0 ? xs : NULL;
}

static int create(const picot_op *op, const char *path)
{
    int dir = op->_.u.path.dir, flags = op->_.u.path.flags | O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, value;
    mode_t mode = (mode_t)op->_.u.path.mode;
    do {
        value = op->_.kind == PICOT__OP_TEMPORARY_DIRECTORY ? mkdirat(dir, path, mode) : openat(dir, path, flags, mode);
    } while (value < 0 && errno == EINTR);
    return value < 0 ? -errno : value;
}

/* Under a name made from the one at `path`, which has its X at `xs`. */
static int create_unique(const picot_op *op, char *path, char *xs)
{
    int value = -EEXIST;
    for (int i = 0; i < TRIES && value == -EEXIST; i++) {
        value = fill_in(xs);
        if (value == 0) value = create(op, path);
    }
    return value;
}

int64_t picot__sys_temporary_named(picot_op *op)
{
    char path[PATH_MAX], *template_path = (char *)(uintptr_t)op->_.u.path.path;
    if (*template_path == 0) return -ENOENT;
    if (strlen(template_path) >= sizeof path) return -ENAMETOOLONG;
    (void)strcpy(path, template_path);
    char *xs = find_xs(path);
    if (!xs) return -EINVAL;
    int value = create_unique(op, path, xs);
    if (value >= 0) memcpy(template_path + (xs - path), xs, X_COUNT);
    return value;
}

/* A file with a name, which it loses at once. */
static int64_t create_and_remove(const picot_op *op)
{
    static const char name[] = "/" HIDDEN_NAME;
    char path[PATH_MAX];
    size_t length = strlen(op->_.u.path.path);
    if (length + sizeof name > sizeof path) return -ENAMETOOLONG;
    memcpy(path, op->_.u.path.path, length);
    memcpy(path + length, name, sizeof name);
    int fd = create_unique(op, path, path + length + sizeof name - 1 - X_COUNT);
    if (fd < 0) return fd;
    if (unlinkat(op->_.u.path.dir, path, 0) == 0) return fd;
    int code = -errno;
    (void)picot__sys_close(fd);
    return code;
}

/* EISDIR tells a kernel that does not know O_TMPFILE, EOPNOTSUPP a file system. */
int64_t picot__sys_temporary(const picot_op *op)
{
    int flags = op->_.u.path.flags | O_TMPFILE | O_RDWR | O_CLOEXEC, fd;
    do {
        fd = openat(op->_.u.path.dir, op->_.u.path.path, flags, (mode_t)op->_.u.path.mode);
    } while (fd < 0 && errno == EINTR);
    if (fd >= 0) return fd;
    return errno == EOPNOTSUPP || errno == EISDIR ? create_and_remove(op) : -errno;
}
