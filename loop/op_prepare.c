/* SPDX-License-Identifier: MIT
 *
 * op_prepare.c - filling in an operation. Nothing is checked here: picot_submit does.
 */
#include "internal.h"

#include <netdb.h>
#include <sys/stat.h>

static void prepare(picot_op *op, enum picot__op_kind kind, picot_fd fd)
{
    op->_.kind = (uint8_t)kind;
    op->_.state = PICOT__IDLE;
    op->_.flags = 0;
    op->_.fd = fd;
}

static void prepare_io(picot_op *op, enum picot__op_kind kind, picot_fd fd, const void *buf, size_t len, int flags)
{
    prepare(op, kind, fd);
    op->_.u.io.buf = (void *)(uintptr_t)buf; /* a sender's buffer is only read */
    op->_.u.io.len = len;
    op->_.u.io.at.progress = 0;
    op->_.u.io.flags = flags;
}

static void prepare_call(picot_op *op, enum picot__op_kind kind, picot_fd fd, int a, int b, int c)
{
    prepare(op, kind, fd);
    op->_.u.call.a = a;
    op->_.u.call.b = b;
    op->_.u.call.c = c;
    op->_.u.call.len = 0;
    op->_.u.call.value = NULL;
}

void picot_op_socket(picot_op *op, int domain, int type, int protocol)
{
    prepare_call(op, PICOT__OP_SOCKET, 0, domain, type, protocol);
}

void picot_op_bind(picot_op *op, picot_fd fd, const struct sockaddr *addr, socklen_t len)
{
    prepare_call(op, PICOT__OP_BIND, fd, 0, 0, 0);
    op->_.u.call.value = (void *)(uintptr_t)addr;
    op->_.u.call.len = len;
}

void picot_op_listen(picot_op *op, picot_fd fd, int backlog)
{
    prepare_call(op, PICOT__OP_LISTEN, fd, backlog > 0 ? backlog : SOMAXCONN, 0, 0);
}

static void prepare_option(picot_op *op, enum picot__op_kind kind, picot_fd fd, int level, int name, const void *value,
                           socklen_t len)
{
    prepare_call(op, kind, fd, level, name, 0);
    op->_.u.call.value = (void *)(uintptr_t)value;
    op->_.u.call.len = len;
}

void picot_op_setsockopt(picot_op *op, picot_fd fd, int level, int name, const void *value, socklen_t len)
{
    prepare_option(op, PICOT__OP_SETSOCKOPT, fd, level, name, value, len);
}

void picot_op_getsockopt(picot_op *op, picot_fd fd, int level, int name, void *ret_value, socklen_t len)
{
    prepare_option(op, PICOT__OP_GETSOCKOPT, fd, level, name, ret_value, len);
}

void picot_op_getname(picot_op *op, picot_fd fd, int peer, struct sockaddr *ret_addr, socklen_t len)
{
    prepare_option(op, PICOT__OP_GETNAME, fd, peer, 0, ret_addr, len);
}

void picot_op_accept(picot_op *op, picot_fd fd, struct sockaddr *ret_addr, socklen_t *ret_len)
{
    prepare(op, PICOT__OP_ACCEPT, fd);
    op->_.u.addr.addr = ret_addr;
    op->_.u.addr.ret_len = ret_len;
    op->_.u.addr.len = 0;
    op->_.u.addr.flags = 0;
}

void picot_op_connect(picot_op *op, picot_fd fd, const struct sockaddr *addr, socklen_t len)
{
    prepare(op, PICOT__OP_CONNECT, fd);
    op->_.u.addr.addr = (void *)(uintptr_t)addr;
    op->_.u.addr.ret_len = NULL;
    op->_.u.addr.len = len;
    op->_.u.addr.flags = 0;
}

void picot_op_recv(picot_op *op, picot_fd fd, void *buf, size_t len, int flags)
{
    prepare_io(op, PICOT__OP_RECV, fd, buf, len, flags);
}

void picot_op_recv_leased(picot_op *op, picot_fd fd, picot_lease *ret_lease)
{
    prepare_io(op, PICOT__OP_RECV_LEASED, fd, NULL, 0, 0);
    op->_.u.io.at.ret_lease = ret_lease;
}

void picot_op_send(picot_op *op, picot_fd fd, const void *buf, size_t len, int flags)
{
    prepare_io(op, PICOT__OP_SEND, fd, buf, len, flags);
}

void picot_op_send_all(picot_op *op, picot_fd fd, const void *buf, size_t len, int flags)
{
    prepare_io(op, PICOT__OP_SEND_ALL, fd, buf, len, flags);
}

static void prepare_message(picot_op *op, enum picot__op_kind kind, picot_fd fd, const struct msghdr *msg, int flags)
{
    prepare(op, kind, fd);
    op->_.u.msg.msg = (struct msghdr *)(uintptr_t)msg;
    op->_.u.msg.flags = flags;
}

void picot_op_recvmsg(picot_op *op, picot_fd fd, struct msghdr *msg, int flags)
{
    prepare_message(op, PICOT__OP_RECVMSG, fd, msg, flags);
}

void picot_op_sendmsg(picot_op *op, picot_fd fd, const struct msghdr *msg, int flags)
{
    prepare_message(op, PICOT__OP_SENDMSG, fd, msg, flags);
}

void picot_op_shutdown(picot_op *op, picot_fd fd, int how)
{
    prepare_call(op, PICOT__OP_SHUTDOWN, fd, how, 0, 0);
}

void picot_op_read(picot_op *op, picot_fd fd, void *buf, size_t len, int64_t offset)
{
    prepare_io(op, PICOT__OP_READ, fd, buf, len, 0);
    op->_.u.io.at.offset = offset < 0 ? -1 : offset;
}

void picot_op_write(picot_op *op, picot_fd fd, const void *buf, size_t len, int64_t offset)
{
    prepare_io(op, PICOT__OP_WRITE, fd, buf, len, 0);
    op->_.u.io.at.offset = offset < 0 ? -1 : offset;
}

void picot_op_fsync(picot_op *op, picot_fd fd, int data_only)
{
    prepare_call(op, PICOT__OP_FSYNC, fd, data_only, 0, 0);
}

void picot_op_poll(picot_op *op, picot_fd fd, unsigned events)
{
    prepare_call(op, PICOT__OP_POLL, fd, (int)events, 0, 0);
}

void picot_op_close(picot_op *op, picot_fd fd)
{
    prepare_call(op, PICOT__OP_CLOSE, fd, 0, 0, 0);
}

void picot_op_open(picot_op *op, int dir, const char *path, int flags, unsigned mode, int beneath)
{
    prepare(op, PICOT__OP_OPEN, 0);
    op->_.u.file.path = path;
    op->_.u.file.flags = flags;
    op->_.u.file.mode = mode;
    op->_.u.file.dir = dir;
    op->_.u.file.beneath = beneath != 0;
}

void picot_op_stat(picot_op *op, picot_fd fd, struct stat *ret_stat)
{
    prepare_call(op, PICOT__OP_STAT, fd, 0, 0, 0);
    op->_.u.call.value = ret_stat;
}

void picot_op_timeout(picot_op *op, int64_t delay_ns)
{
    prepare(op, PICOT__OP_TIMEOUT, 0);
    op->_.u.timeout.next = NULL;
    op->_.u.timeout.deadline_ns = delay_ns; /* until submit, which knows the time */
}

void picot_op_resolve(picot_op *op, const char *host, const char *service, const struct addrinfo *hints,
                      struct addrinfo **ret_list)
{
    prepare(op, PICOT__OP_RESOLVE, 0);
    op->_.u.lookup.host = host;
    op->_.u.lookup.service = service;
    op->_.u.lookup.hints = hints;
    op->_.u.lookup.ret_list = ret_list;
}
