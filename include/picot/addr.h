/* SPDX-License-Identifier: MIT
 *
 * addr.h - socket addresses: parse, print, compare. Pure functions: any thread, no loop.
 */
#ifndef PICOT_ADDR_H
#define PICOT_ADDR_H

#include <netinet/in.h>
#include <picot/error.h>
#include <sys/socket.h>
#include <sys/un.h>

PICOT_BEGIN_DECLS

/** An address of any family the library speaks; len is 0 when unset. */
typedef struct picot_addr {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } sa;
} picot_addr;

/** Room for every text that picot_addr_format writes, with its terminating NUL. */
#define PICOT_ADDR_TEXT_SIZE 128

/**
 * Read a numeric address; names are not looked up.
 * @param text      "127.0.0.1", "::1", "fe80::1%eth0", "[::1]:80", "127.0.0.1:80", "unix:/run/x.sock", "unix:@name" (an
 *                  abstract name), or NULL or "" for the any-address of IPv6 with IPv4
 * @param port      0 to 65535: the port where the text has none
 * @param ret_addr  receives the address; untouched on failure
 * @return  0; -EINVAL: not an address, or its port disagrees with the range; -ENAMETOOLONG: a local path over 107
 *          bytes. @since 0.1
 */
PICOT_API int picot_addr_parse(const char *text, unsigned port, picot_addr *ret_addr);

/**
 * Take over an address of the system's.
 * @return  0; -EINVAL: NULL, or longer than the union; -EAFNOSUPPORT: another family. @since 0.1
 */
PICOT_API int picot_addr_from(const struct sockaddr *addr, socklen_t len, picot_addr *ret_addr);

/**
 * Write an address as text: "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock".
 * @return  the length without NUL; -EINVAL; -ENOSPC: size is too small. @since 0.1
 */
PICOT_API int picot_addr_format(const picot_addr *addr, char *ret_text, size_t size);

/** The port, 0 to 65535; -EAFNOSUPPORT for local addresses; -EINVAL. @since 0.1 */
PICOT_API int picot_addr_port(const picot_addr *addr);

/** 1 when both are the same address and port, else 0. @since 0.1 */
PICOT_API int picot_addr_equal(const picot_addr *a, const picot_addr *b);

PICOT_END_DECLS

#endif /* PICOT_ADDR_H */
