/* SPDX-License-Identifier: MIT
 *
 * tcp.c - TCP connections and listeners, made of the operations of op.h.
 *
 * Invariant: whatever fails or is cancelled half-way leaves no handle behind. Calls that are done at once go through
 * picot__at_once, so that this file meets the kernel only through the backend.
 * Sources: tcp(7), ip(7), ipv6(7), socket(7).
 */
#include "internal.h"
#include <assert.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <picot/extension.h>
#include <picot/task.h>
#include <picot/tcp.h>
#include <string.h>

#define ATTEMPT_NS (10 * PICOT_SECOND)

static void never_called(picot_loop *loop, picot_op *op)
{
    (void)loop, (void)op;
}

int64_t picot__at_once(picot_loop *loop, picot_op *op)
{
    int rc = picot_submit_now(loop, op, never_called, NULL);
    assert(rc != 0 && "this operation is always done at once");
    return rc < 0 ? rc : op->result;
}

static int set_option(picot_loop *loop, picot_fd fd, int level, int name, int value)
{
    picot_op op = {0};
    picot_op_setsockopt(&op, fd, level, name, &value, sizeof value);
    return (int)picot__at_once(loop, &op);
}

/* ---- listening ------------------------------------------------------------------------------- */

/* A close that plain code starts and forgets; it frees its own memory. */
struct closer {
    picot_op op;
};

static void on_closed(picot_loop *loop, picot_op *op)
{
    picot_free(loop, (struct closer *)(void *)op, sizeof(struct closer));
}

static void close_soon(picot_loop *loop, struct closer *closer, picot_fd fd)
{
    picot_op_close(&closer->op, fd);
    if (picot_submit(loop, &closer->op, on_closed, NULL) < 0) on_closed(loop, &closer->op);
}

static int listen_on(picot_loop *loop, picot_fd fd, const picot_addr *addr, const picot_tcp_listen_options *options)
{
    int rc = options->no_reuseaddr ? 0 : set_option(loop, fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc >= 0 && options->reuseport) rc = set_option(loop, fd, SOL_SOCKET, SO_REUSEPORT, 1);
    /* Said either way: the default is a system setting. */
    if (rc >= 0 && addr->sa.any.sa_family == AF_INET6)
        rc = set_option(loop, fd, IPPROTO_IPV6, IPV6_V6ONLY, options->v6_only != 0);
    if (rc < 0) return rc;

    picot_op op = {0};
    picot_op_bind(&op, fd, &addr->sa.any, addr->len);
    rc = (int)picot__at_once(loop, &op);
    if (rc < 0) return rc;
    op = (picot_op){0};
    picot_op_listen(&op, fd, options->backlog);
    return (int)picot__at_once(loop, &op);
}

picot_fd picot_tcp_listen(picot_loop *loop, const picot_addr *addr, const picot_tcp_listen_options *options)
{
    picot_tcp_listen_options defaults = PICOT_TCP_LISTEN_OPTIONS_INIT;
    if (!options) options = &defaults;
    if (!loop || !addr || options->size != sizeof defaults || options->backlog < 0) return -EINVAL;
    if (picot_addr_port(addr) < 0) return picot_addr_port(addr);
    /* Handle 0 is never valid: any other code tells that this thread or process may not use the loop, nor its memory.
     */
    int rc = picot_fd_number(loop, 0);
    if (rc != -EBADF) return rc;

    struct closer *closer = picot_alloc(loop, sizeof *closer);
    if (!closer) return -ENOMEM;
    *closer = (struct closer){0};
    picot_op op = {0};
    picot_op_socket(&op, addr->sa.any.sa_family, SOCK_STREAM, 0);
    picot_fd fd = picot__at_once(loop, &op);
    rc = fd < 0 ? (int)fd : listen_on(loop, fd, addr, options);
    if (fd >= 0 && rc < 0) {
        close_soon(loop, closer, fd);
        return rc;
    }
    picot_free(loop, closer, sizeof *closer);
    return rc < 0 ? rc : fd;
}

/* ---- connecting and accepting ---------------------------------------------------------------- */

static picot_fd open_socket(picot_loop *loop, const picot_addr *addr)
{
    picot_op op = {0};
    if (!addr || picot_addr_port(addr) < 0) return addr ? picot_addr_port(addr) : -EINVAL;
    picot_op_socket(&op, addr->sa.any.sa_family, SOCK_STREAM, 0);
    return picot__at_once(loop, &op);
}

picot_async_def(int64_t, picot_tcp_connect, (const picot_addr *addr;), (picot_fd fd; int64_t rc;))
{
    picot_begin;
    my->fd = open_socket(picot_this_loop(), my->addr);
    if (my->fd < 0) picot_return(my->fd);
    my->rc = picot_tcp_set_nodelay(picot_this_loop(), my->fd, 1);
    if (my->rc >= 0) picot_await(my->rc, picot_connect(.fd = my->fd, .addr = &my->addr->sa.any, .len = my->addr->len));
    if (my->rc >= 0) picot_return(my->fd);
    picot_await(picot_close(.fd = my->fd));
    picot_return(my->rc);
    picot_end;
}

/* A number and a numeric address need no lookup, and so no thread. */
static int literal(const char *host, const char *service, picot_addr *ret_addr)
{
    if (!host || !service) return -EINVAL;
    int port = picot__port_parse(service, strlen(service));
    return port < 0 ? port : picot__addr_parse_ip(host, strlen(host), (unsigned)port, ret_addr);
}

static const struct addrinfo stream_hints = {.ai_socktype = SOCK_STREAM};

picot_async_def(int64_t, picot_tcp_connect_host, (const char *host; const char *service; int64_t attempt_ns;),
                (picot_addr addr; struct addrinfo * list, *next; int64_t result;))
{
    picot_begin;
    if (my->attempt_ns == 0) my->attempt_ns = ATTEMPT_NS;
    if (literal(my->host, my->service, &my->addr) == 0) {
        picot_wait_for(my->result, my->attempt_ns, picot_tcp_connect(.addr = &my->addr));
        picot_return(my->result);
    }
    my->list = NULL;
    picot_defer
    {
        if (my->list) freeaddrinfo(my->list);
    }
    picot_try_await(
        picot_resolve(.host = my->host, .service = my->service, .hints = &stream_hints, .ret_list = &my->list));
    my->result = PICOT_ENODATA;
    for (my->next = my->list; my->next; my->next = my->next->ai_next) {
        if (picot_addr_from(my->next->ai_addr, my->next->ai_addrlen, &my->addr) < 0) continue;
        picot_wait_for(my->result, my->attempt_ns, picot_tcp_connect(.addr = &my->addr));
        if (my->result >= 0 || my->result == -ECANCELED) break;
    }
    picot_return(my->result);
    picot_end;
}

picot_async_def(int64_t, picot_tcp_accept, (picot_fd fd; picot_addr * ret_peer;),
                (picot_addr peer; socklen_t len; picot_fd conn;))
{
    picot_begin;
    my->peer = (picot_addr){0};
    my->len = sizeof my->peer.sa;
    picot_try_await(my->conn, picot_accept(.fd = my->fd, .ret_addr = &my->peer.sa.any, .ret_len = &my->len));
    /* Only speed is at stake: a connection that cannot have the option is a good one nevertheless. */
    (void)picot_tcp_set_nodelay(picot_this_loop(), my->conn, 1);
    if (my->ret_peer) {
        my->peer.len = my->len;
        *my->ret_peer = my->peer;
    }
    picot_return(my->conn);
    picot_end;
}

/* ---- options and names ----------------------------------------------------------------------- */

int picot_tcp_set_nodelay(picot_loop *loop, picot_fd fd, int on)
{
    return set_option(loop, fd, IPPROTO_TCP, TCP_NODELAY, on != 0);
}

int picot_tcp_set_keepalive(picot_loop *loop, picot_fd fd, int idle_s, int interval_s, int count)
{
    if (idle_s == 0) return set_option(loop, fd, SOL_SOCKET, SO_KEEPALIVE, 0);
    if (idle_s < 0 || idle_s > 32767 || interval_s < 1 || interval_s > 32767 || count < 1 || count > 127)
        return -EINVAL;
    int rc = set_option(loop, fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
    if (rc >= 0) rc = set_option(loop, fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
    if (rc >= 0) rc = set_option(loop, fd, IPPROTO_TCP, TCP_KEEPCNT, count);
    if (rc >= 0) rc = set_option(loop, fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    return rc;
}

static int name_of(picot_loop *loop, picot_fd fd, int peer, picot_addr *ret_addr)
{
    if (!ret_addr) return -EINVAL;
    picot_addr addr = {0};
    picot_op op = {0};
    picot_op_getname(&op, fd, peer, &addr.sa.any, sizeof addr.sa);
    int64_t len = picot__at_once(loop, &op);
    if (len < 0) return (int)len;
    addr.len = (socklen_t)len;
    *ret_addr = addr;
    return 0;
}

int picot_tcp_local_addr(picot_loop *loop, picot_fd fd, picot_addr *ret_addr)
{
    return name_of(loop, fd, 0, ret_addr);
}

int picot_tcp_peer_addr(picot_loop *loop, picot_fd fd, picot_addr *ret_addr)
{
    return name_of(loop, fd, 1, ret_addr);
}
