/* SPDX-License-Identifier: MIT
 *
 * sys.c - the system calls that never block, for every backend: making sockets, naming them, their options, closing;
 * and telling what a descriptor is. What may block a thread is sys_blocking.c.
 */
#include "backend.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int64_t picot__sys_now(picot_loop *loop)
{
    struct timespec now;
    (void)loop;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock is there and the pointer valid */
    return (int64_t)now.tv_sec * PICOT_SECOND + now.tv_nsec;
}

int picot__sys_close(int fd)
{
    /* Linux has given the number up before it reports EINTR: a second close could hit somebody else's descriptor. */
    return close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

static int set_nonblocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return wanted == flags || fcntl(fd, F_SETFL, wanted) == 0 ? 0 : -errno;
}

int picot__sys_unblock(struct picot__descriptor *desc, int fd)
{
    int rc = set_nonblocking(fd, true);
    if (rc == 0) desc->flags |= PICOT__NONBLOCKING | PICOT__UNBLOCKED;
    return rc;
}

/* ---- what a descriptor is -------------------------------------------------------------------- */

/*
 * TCP alone gets PICOT__STREAM: a short read has emptied it. An AF_UNIX stream also stops reading where descriptors
 * were passed or the sender changed, and SCTP between messages.
 */
static unsigned socket_kind(int domain, int type, int protocol)
{
    bool internet = domain == AF_INET || domain == AF_INET6;
    bool stream = (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM;
    return internet && stream && (protocol == 0 || protocol == IPPROTO_TCP) ? PICOT__STREAM : 0;
}

static int socket_number(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

static int classify(int fd)
{
    struct stat info;
    if (fstat(fd, &info) < 0) return -errno;
    if (S_ISDIR(info.st_mode)) return -EISDIR;
    int mode = fcntl(fd, F_GETFL);
    if (mode < 0) return -errno;
    unsigned flags = mode & O_NONBLOCK ? PICOT__NONBLOCKING : 0;
    if (S_ISREG(info.st_mode) || S_ISBLK(info.st_mode)) flags |= PICOT__FILE;
    /* Past the cache a read waits for the disk even where it is told not to. */
    if (flags & PICOT__FILE && !(mode & O_DIRECT)) flags |= PICOT__TRY_CACHE;
    if (S_ISSOCK(info.st_mode)) {
        flags |= PICOT__SOCKET;
        flags |= socket_kind(socket_number(fd, SO_DOMAIN), socket_number(fd, SO_TYPE), socket_number(fd, SO_PROTOCOL));
    }
    return (int)flags;
}

picot_fd picot__sys_opened(picot_loop *loop, int fd)
{
    int flags = classify(fd);
    if (flags > 0 && flags & PICOT__FILE && flags & PICOT__NONBLOCKING) { /* opening needed it, the file does not */
        (void)set_nonblocking(fd, false);
        flags &= ~PICOT__NONBLOCKING;
    }
    if (flags >= 0) return picot__descriptor_open(loop, fd, (unsigned)flags);
    (void)picot__sys_close(fd);
    return flags;
}

/* ---- what is always done at once ------------------------------------------------------------- */

static int64_t make_socket(picot_loop *loop, const picot_op *op)
{
    int domain = op->_.u.call.a, type = op->_.u.call.b, protocol = op->_.u.call.c;
    int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0) return -errno;
    return picot__descriptor_open(loop, fd, PICOT__SOCKET | PICOT__NONBLOCKING | socket_kind(domain, type, protocol));
}

static int64_t set_option(struct picot__descriptor *desc, const picot_op *op)
{
    int level = op->_.u.call.a, name = op->_.u.call.b;
    if (setsockopt(desc->fd, level, name, op->_.u.call.value, op->_.u.call.len) < 0) return -errno;
    /* An upper layer keeps record boundaries: from now on a short read does not mean empty. */
    if (level == IPPROTO_TCP && name == TCP_ULP) desc->flags &= (uint16_t)~PICOT__STREAM;
    return 0;
}

static int64_t get_option(const struct picot__descriptor *desc, const picot_op *op)
{
    socklen_t len = op->_.u.call.len;
    if (getsockopt(desc->fd, op->_.u.call.a, op->_.u.call.b, op->_.u.call.value, &len) < 0) return -errno;
    return len < op->_.u.call.len ? len : op->_.u.call.len;
}

static int64_t get_name(const struct picot__descriptor *desc, const picot_op *op)
{
    socklen_t len = op->_.u.call.len;
    int rc = op->_.u.call.a ? getpeername(desc->fd, op->_.u.call.value, &len)
                            : getsockname(desc->fd, op->_.u.call.value, &len);
    if (rc < 0) return -errno;
    return len < op->_.u.call.len ? len : op->_.u.call.len;
}

static int64_t release(struct picot__descriptor *desc)
{
    if (desc->flags & PICOT__UNBLOCKED) (void)set_nonblocking(desc->fd, false);
    desc->flags &= (uint16_t) ~(PICOT__UNBLOCKED | PICOT__NONBLOCKING);
    return 0;
}

static int64_t code(int rc)
{
    return rc < 0 ? -errno : 0;
}

int picot__is_immediate(unsigned kind)
{
    return kind >= PICOT__OP_SOCKET && kind <= PICOT__OP_LAST_IMMEDIATE;
}

int64_t picot__sys_perform(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    switch (op->_.kind) {
    case PICOT__OP_SOCKET:
        return make_socket(loop, op);
    case PICOT__OP_BIND:
        return code(bind(desc->fd, op->_.u.call.value, op->_.u.call.len));
    case PICOT__OP_LISTEN:
        return code(listen(desc->fd, op->_.u.call.a));
    case PICOT__OP_SETSOCKOPT:
        return set_option(desc, op);
    case PICOT__OP_GETSOCKOPT:
        return get_option(desc, op);
    case PICOT__OP_GETNAME:
        return get_name(desc, op);
    case PICOT__OP_SHUTDOWN:
        if (op->_.u.call.a != SHUT_WR)
            desc->flags |= PICOT__HUNG_UP; /* from now on no data does not mean that more will come */
        return code(shutdown(desc->fd, op->_.u.call.a));
    case PICOT__OP_STAT:
        return op->_.u.call.value ? code(fstat(desc->fd, op->_.u.call.value)) : -EINVAL;
    case PICOT__OP_ADOPT:
        return classify(op->_.u.call.a);
    case PICOT__OP_RELEASE:
        return release(desc);
    default:
        return -EINVAL;
    }
}
