/* SPDX-License-Identifier: MIT
 *
 * sys_blocking.c - the system calls that may block a thread: regular files, open, name lookups. They run in a pool's
 * thread, touch nothing of the loop, and read their operation only.
 *
 * Sources: openat2(2) (Linux 5.6), open(2), getaddrinfo(3), RFC 1035 section 2.3.4 (length of names).
 */
#include "backend.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <netdb.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define HOST_MAX 253
#define LABEL_MAX 63

/* ---- files ----------------------------------------------------------------------------------- */

static int64_t read_file(const picot_op *op, int fd)
{
    ssize_t n;
    int64_t offset = op->_.u.io.at.offset;
    do {
        n = offset < 0 ? read(fd, op->_.u.io.buf, op->_.u.io.len) : pread(fd, op->_.u.io.buf, op->_.u.io.len, offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* A larger read takes long even from memory. */
#define CACHED_MAX ((size_t)65536)

/*
 * What the system has in memory: preadv2(2) with RWF_NOWAIT (Linux 4.14). All that is asked for, or nothing, for a part
 * may be the end of the file or not. Files that cannot tell (EOPNOTSUPP; ENOSYS in some containers) are not asked
 * again.
 */
int64_t picot__sys_read_cached(struct picot__descriptor *desc, const picot_op *op)
{
    struct iovec one = {op->_.u.io.buf, op->_.u.io.len};
    int64_t offset = op->_.u.io.at.offset;
    if (!(desc->flags & PICOT__TRY_CACHE) || offset < 0 || one.iov_len > CACHED_MAX) return PICOT__AGAIN;
    ssize_t n = preadv2(desc->fd, &one, 1, offset, RWF_NOWAIT);
    if (n >= 0) return (size_t)n == one.iov_len ? n : PICOT__AGAIN;
    if (errno != EAGAIN) desc->flags &= (uint16_t)~PICOT__TRY_CACHE;
    return PICOT__AGAIN;
}

static int64_t write_file(const picot_op *op, int fd)
{
    ssize_t n;
    int64_t offset = op->_.u.io.at.offset;
    do {
        n = offset < 0 ? write(fd, op->_.u.io.buf, op->_.u.io.len) : pwrite(fd, op->_.u.io.buf, op->_.u.io.len, offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int64_t sync_file(const picot_op *op, int fd)
{
    int rc;
    do {
        rc = op->_.u.call.a ? fdatasync(fd) : fsync(fd);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? -errno : 0;
}

static int64_t read_vector(const picot_op *op, int fd)
{
    ssize_t n;
    int64_t offset = op->_.u.io.at.offset;
    int count = (int)op->_.u.io.len;
    do {
        n = offset < 0 ? readv(fd, op->_.u.io.buf, count) : preadv(fd, op->_.u.io.buf, count, offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int64_t write_vector(const picot_op *op, int fd)
{
    ssize_t n;
    int64_t offset = op->_.u.io.at.offset;
    int count = (int)op->_.u.io.len;
    do {
        n = offset < 0 ? writev(fd, op->_.u.io.buf, count) : pwritev(fd, op->_.u.io.buf, count, offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int64_t resize_file(const picot_op *op, int fd)
{
    int rc;
    do {
        rc = op->_.kind == PICOT__OP_FTRUNCATE
                 ? ftruncate(fd, op->_.u.range.length)
                 : fallocate(fd, op->_.u.range.mode, op->_.u.range.offset, op->_.u.range.length);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? -errno : 0;
}

static int64_t read_directory(const picot_op *op)
{
    long n;
    do {
        n = syscall(SYS_getdents64, op->_.u.io.flags, op->_.u.io.buf, op->_.u.io.len);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* O_NONBLOCK while opening: a FIFO without its other end, or a modem's tty, must not hold the thread. */
static int open_with(const picot_op *op, int flags)
{
    const char *path = op->_.u.file.path;
    int dir = op->_.u.file.dir, fd;
    struct open_how how = {.flags = (unsigned)flags, .resolve = RESOLVE_BENEATH};
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) how.mode = op->_.u.file.mode & 07777;
    do {
        fd = op->_.u.file.beneath ? (int)syscall(SYS_openat2, dir, path, &how, sizeof how)
                                  : openat(dir, path, flags, (mode_t)op->_.u.file.mode);
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

static int64_t open_file(const picot_op *op)
{
    int flags = op->_.u.file.flags | O_CLOEXEC;
    int fd = open_with(op, flags | O_NONBLOCK);
    if (fd == -EAGAIN)
        fd = open_with(op, flags); /* another process holds a lease on the file: wait until it is broken */
    return fd;
}

/* ---- names ----------------------------------------------------------------------------------- */

static int check_host(const char *host)
{
    size_t label = 0, len = 0;
    for (const char *c = host; *c; c++) {
        label = *c == '.' ? 0 : label + 1;
        if (label > LABEL_MAX || ++len > HOST_MAX) return -EINVAL;
    }
    return len == 0 ? -EINVAL : 0;
}

static int64_t lookup_code(int rc, int error, bool has_host)
{
    switch (rc) {
    case EAI_NONAME:
        return has_host ? PICOT_ENOHOST : PICOT_ESERVICE;
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return PICOT_ENODATA;
    case EAI_AGAIN:
        return PICOT_ETRYLOOKUP;
    case EAI_SERVICE:
        return PICOT_ESERVICE;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_FAMILY:
    case EAI_SOCKTYPE:
    case EAI_BADFLAGS:
        return -EINVAL;
    case EAI_SYSTEM:
        if (picot__is_exhausted(-error)) return -error;
        return error == EAGAIN || error == EINTR ? PICOT_ETRYLOOKUP : PICOT_ELOOKUP;
    default:
        return PICOT_ELOOKUP;
    }
}

static int64_t resolve(const picot_op *op)
{
    const char *host = op->_.u.lookup.host, *service = op->_.u.lookup.service;
    struct addrinfo *list = NULL, **ret_list = op->_.u.lookup.ret_list;
    if (!ret_list || (!host && !service)) return -EINVAL;
    if (host && check_host(host) < 0) return -EINVAL;
    int rc = getaddrinfo(host, service, op->_.u.lookup.hints, &list);
    if (rc != 0) return lookup_code(rc, errno, host != NULL);
    *ret_list = list;
    return 0;
}

int64_t picot__sys_blocking(picot_op *op, int fd)
{
    switch (op->_.kind) {
    case PICOT__OP_READ:
        return read_file(op, fd);
    case PICOT__OP_WRITE:
        return write_file(op, fd);
    case PICOT__OP_READV:
        return read_vector(op, fd);
    case PICOT__OP_WRITEV:
        return write_vector(op, fd);
    case PICOT__OP_FSYNC:
        return sync_file(op, fd);
    case PICOT__OP_FTRUNCATE:
    case PICOT__OP_FALLOCATE:
        return resize_file(op, fd);
    case PICOT__OP_OPEN:
        return open_file(op);
    case PICOT__OP_RESOLVE:
        return resolve(op);
    case PICOT__OP_COPY:
        return picot__sys_copy(op->_.u.transfer);
    case PICOT__OP_DIRECTORY_READ:
        return read_directory(op);
    case PICOT__OP_TEMPORARY:
        return picot__sys_temporary(op);
    case PICOT__OP_TEMPORARY_NAMED:
    case PICOT__OP_TEMPORARY_DIRECTORY:
        return picot__sys_temporary_named(op);
    default:
        return picot__sys_path(op);
    }
}
