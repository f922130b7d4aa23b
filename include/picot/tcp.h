/* SPDX-License-Identifier: MIT
 *
 * tcp.h - TCP: listen, connect, accept, and the options of a connection. Data moves by recv, send, send_all of io.h.
 */
#ifndef PICOT_TCP_H
#define PICOT_TCP_H

#include <picot/addr.h>
#include <picot/io.h>

PICOT_BEGIN_DECLS

/** What picot_tcp_listen may be told; zero is the default of each. Set with PICOT_TCP_LISTEN_OPTIONS_INIT. */
typedef struct picot_tcp_listen_options {
    size_t size;
    int backlog;      /**< connections waiting to be accepted; 0: SOMAXCONN */
    int reuseport;    /**< SO_REUSEPORT: several listeners share one port; -ENOPROTOOPT where missing */
    int no_reuseaddr; /**< do not set SO_REUSEADDR, which lets a restarted server bind at once */
    int v6_only;      /**< an IPv6 listener takes no IPv4 connections */
} picot_tcp_listen_options;

#define PICOT_TCP_LISTEN_OPTIONS_INIT                                                                                  \
    {                                                                                                                  \
        sizeof(picot_tcp_listen_options), 0, 0, 0, 0                                                                   \
    }

/**
 * Open a listener: socket, bind and listen, at once.
 * @param addr     an IPv4 or IPv6 address; port 0: the system chooses one, see picot_tcp_local_addr
 * @param options  NULL for the defaults
 * @return  a handle; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EAFNOSUPPORT, -ENOPROTOOPT, -EMFILE, -ENFILE, -ENOMEM,
 *          -EINVAL, -EPERM, PICOT_EFORKED
 * Ownership: the caller closes the handle (picot_close). Thread: the loop's. @since 0.1
 */
PICOT_API picot_fd picot_tcp_listen(picot_loop *loop, const picot_addr *addr, const picot_tcp_listen_options *options);

/**
 * picot_await(my->conn, picot_tcp_connect(.addr = &my->addr)): a connected handle with TCP_NODELAY set.
 * Result: the handle; the codes of connect(2): -ECONNREFUSED, -ETIMEDOUT, -ENETUNREACH, -EHOSTUNREACH, ...; -EMFILE,
 * -ENFILE, -EINVAL. On an error and on a cancel the socket is closed. addr must live until the call ends. @since 0.1
 */
PICOT_API_DECL_(int64_t, picot_tcp_connect, (const picot_addr *addr;));
#define picot_tcp_connect(...) picot_call(picot_tcp_connect, __VA_ARGS__)

/**
 * picot_await(my->conn, picot_tcp_connect_host(.host = "localhost", .service = "80")): look the name up, then try its
 * addresses in turn until one answers. Result: as picot_tcp_connect, of the last address tried, and those of
 * picot_resolve. attempt_ns bounds one address, 0: 10 seconds. @since 0.1
 */
PICOT_API_DECL_(int64_t, picot_tcp_connect_host, (const char *host; const char *service; int64_t attempt_ns;));
#define picot_tcp_connect_host(...) picot_call(picot_tcp_connect_host, __VA_ARGS__)

/**
 * picot_await(my->conn, picot_tcp_accept(.fd = my->listener, .ret_peer = &my->peer)): the next connection, with
 * TCP_NODELAY set. Result: the handle, or the codes of picot_op_accept. ret_peer may be NULL. @since 0.1
 */
PICOT_API_DECL_(int64_t, picot_tcp_accept, (picot_fd fd; picot_addr * ret_peer;));
#define picot_tcp_accept(...) picot_call(picot_tcp_accept, __VA_ARGS__)

/** Send small pieces at once (TCP_NODELAY). On by default for connections made here. @return 0 or a code. @since 0.1 */
PICOT_API int picot_tcp_set_nodelay(picot_loop *loop, picot_fd fd, int on);

/**
 * Probe an idle connection (SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
 * @param idle_s      seconds of silence before the first probe, 1 to 32767; 0 turns probing off
 * @param interval_s  seconds between probes, 1 to 32767
 * @param count       probes without an answer until the connection is given up, 1 to 127
 * @return  0; -EINVAL, -EBADF, -EPERM. @since 0.1
 */
PICOT_API int picot_tcp_set_keepalive(picot_loop *loop, picot_fd fd, int idle_s, int interval_s, int count);

/** The address of this end. @return 0 or a code; ret_addr is untouched on failure. @since 0.1 */
PICOT_API int picot_tcp_local_addr(picot_loop *loop, picot_fd fd, picot_addr *ret_addr);

/** The address of the other end. @return 0; -ENOTCONN, ...; ret_addr is untouched on failure. @since 0.1 */
PICOT_API int picot_tcp_peer_addr(picot_loop *loop, picot_fd fd, picot_addr *ret_addr);

PICOT_END_DECLS

#endif /* PICOT_TCP_H */
