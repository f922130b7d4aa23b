/* SPDX-License-Identifier: MIT
 *
 * addr.c - socket addresses as text and back. Pure functions on bytes of any origin: no lookup, no allocation.
 *
 * Invariant: an address made here has len set to exactly what the kernel wants for it, and all its padding is zero.
 * Sources: inet_pton(3), unix(7), ipv6(7), RFC 4007 section 11 (scopes), RFC 3986 section 3.2.2 (brackets).
 */
#include "internal.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define LOCAL_PREFIX "unix:"
#define LOCAL_PREFIX_LEN (sizeof LOCAL_PREFIX - 1)
#define LOCAL_PATH_AT offsetof(struct sockaddr_un, sun_path)
#define LOCAL_PATH_MAX (sizeof((struct sockaddr_un *)0)->sun_path - 1)

int picot__port_parse(const char *text, size_t len)
{
    int port = 0;
    if (len == 0 || len > 5) return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') return -EINVAL;
        port = port * 10 + (text[i] - '0');
    }
    return port <= 65535 ? port : -EINVAL;
}

static int parse_v4(const char *text, unsigned port, picot_addr *ret_addr)
{
    picot_addr addr = {0};
    if (inet_pton(AF_INET, text, &addr.sa.v4.sin_addr) != 1) return -EINVAL;
    addr.sa.v4.sin_family = AF_INET;
    addr.sa.v4.sin_port = htons((uint16_t)port);
    addr.len = sizeof addr.sa.v4;
    *ret_addr = addr;
    return 0;
}

/* A scope is an interface's name or number: ten digits at most, never 0. */
static int parse_scope(const char *text, uint32_t *ret_scope)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; text[i] >= '0' && text[i] <= '9' && i < 10; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    if (i == 0 || text[i] != '\0') number = if_nametoindex(text);
    if (number == 0 || number > UINT32_MAX) return -EINVAL;
    *ret_scope = (uint32_t)number;
    return 0;
}

static int parse_v6(char *text, unsigned port, picot_addr *ret_addr)
{
    picot_addr addr = {0};
    char *scope = strchr(text, '%');
    if (scope) {
        *scope++ = '\0';
        if (parse_scope(scope, &addr.sa.v6.sin6_scope_id) < 0) return -EINVAL;
    }
    if (inet_pton(AF_INET6, text, &addr.sa.v6.sin6_addr) != 1) return -EINVAL;
    addr.sa.v6.sin6_family = AF_INET6;
    addr.sa.v6.sin6_port = htons((uint16_t)port);
    addr.len = sizeof addr.sa.v6;
    *ret_addr = addr;
    return 0;
}

int picot__addr_parse_ip(const char *text, size_t len, unsigned port, picot_addr *ret_addr)
{
    char copy[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
    int brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (brackets) text++, len -= 2;
    if (len == 0 || len >= sizeof copy) return -EINVAL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (strlen(copy) != len) return -EINVAL;
    if (!brackets && !memchr(copy, ':', len)) return parse_v4(copy, port, ret_addr);
    return parse_v6(copy, port, ret_addr);
}

static int parse_local(const char *path, picot_addr *ret_addr)
{
    picot_addr addr = {0};
    size_t len = strlen(path);
    if (len == 0) return -EINVAL;
    if (len > LOCAL_PATH_MAX) return -ENAMETOOLONG;
    addr.sa.local.sun_family = AF_UNIX;
    memcpy(addr.sa.local.sun_path, path, len);
    /* An abstract name begins with NUL and has no NUL at its end; a path has one. */
    int abstract = path[0] == '@';
    if (abstract) addr.sa.local.sun_path[0] = '\0';
    addr.len = (socklen_t)(LOCAL_PATH_AT + len + (abstract ? 0 : 1));
    *ret_addr = addr;
    return 0;
}

static void any_address(unsigned port, picot_addr *ret_addr)
{
    picot_addr addr = {0};
    addr.sa.v6.sin6_family = AF_INET6;
    addr.sa.v6.sin6_port = htons((uint16_t)port);
    addr.len = sizeof addr.sa.v6;
    *ret_addr = addr;
}

int picot_addr_parse(const char *text, unsigned port, picot_addr *ret_addr)
{
    if (!ret_addr || port > 65535) return -EINVAL;
    if (!text || !*text) {
        any_address(port, ret_addr);
        return 0;
    }
    if (strncmp(text, LOCAL_PREFIX, LOCAL_PREFIX_LEN) == 0) return parse_local(text + LOCAL_PREFIX_LEN, ret_addr);

    size_t len = strlen(text);
    /* Only "[...]:port", or the one colon of "1.2.3.4:port", sets a port off. */
    const char *colon = memchr(text, ':', len);
    if (text[0] == '[') {
        const char *bracket = memchr(text, ']', len);
        colon = bracket && bracket[1] == ':' ? bracket + 1 : NULL;
    } else if (colon && strchr(colon + 1, ':')) {
        colon = NULL;
    }
    if (colon) {
        int own_port = picot__port_parse(colon + 1, strlen(colon + 1));
        if (own_port < 0) return -EINVAL;
        port = (unsigned)own_port;
        len = (size_t)(colon - text);
    }
    return picot__addr_parse_ip(text, len, port, ret_addr);
}

int picot_addr_from(const struct sockaddr *addr, socklen_t len, picot_addr *ret_addr)
{
    if (!addr || !ret_addr || len < sizeof addr->sa_family || len > sizeof ret_addr->sa) return -EINVAL;
    socklen_t least;
    switch (addr->sa_family) {
    case AF_INET:
        least = sizeof(struct sockaddr_in);
        break;
    case AF_INET6:
        least = sizeof(struct sockaddr_in6);
        break;
    case AF_UNIX:
        least = LOCAL_PATH_AT;
        break;
    default:
        return -EAFNOSUPPORT;
    }
    if (len < least) return -EINVAL;
    picot_addr copy = {.len = addr->sa_family == AF_UNIX ? len : least};
    memcpy(&copy.sa, addr, copy.len);
    *ret_addr = copy;
    return 0;
}

static int format_local(const picot_addr *addr, char *ret_text, size_t size)
{
    if (addr->len < LOCAL_PATH_AT || addr->len > sizeof addr->sa.local) return -EINVAL;
    size_t len = addr->len - LOCAL_PATH_AT;
    const char *path = addr->sa.local.sun_path;
    if (len > 0 && path[0] != '\0') len = strnlen(path, len);
    char text[PICOT_ADDR_TEXT_SIZE] = LOCAL_PREFIX;
    /* NULs, the first of an abstract name and those inside one, become '@': a C string has no other way. */
    for (size_t i = 0; i < len; i++)
        text[LOCAL_PREFIX_LEN + i] = path[i] ? path[i] : '@';
    len += LOCAL_PREFIX_LEN;
    if (len >= size) return -ENOSPC;
    memcpy(ret_text, text, len);
    ret_text[len] = '\0';
    return (int)len;
}

int picot_addr_format(const picot_addr *addr, char *ret_text, size_t size)
{
    char ip[INET6_ADDRSTRLEN], scope[12] = "", text[PICOT_ADDR_TEXT_SIZE];
    if (!addr || !ret_text || addr->len < sizeof addr->sa.any.sa_family) return -EINVAL;
    int len;
    switch (addr->sa.any.sa_family) {
    case AF_INET:
        if (!inet_ntop(AF_INET, &addr->sa.v4.sin_addr, ip, sizeof ip)) return -EINVAL;
        len = snprintf(text, sizeof text, "%s:%u", ip, (unsigned)ntohs(addr->sa.v4.sin_port));
        break;
    case AF_INET6:
        if (!inet_ntop(AF_INET6, &addr->sa.v6.sin6_addr, ip, sizeof ip)) return -EINVAL;
        if (addr->sa.v6.sin6_scope_id) (void)snprintf(scope, sizeof scope, "%%%u", (unsigned)addr->sa.v6.sin6_scope_id);
        len = snprintf(text, sizeof text, "[%s%s]:%u", ip, scope, (unsigned)ntohs(addr->sa.v6.sin6_port));
        break;
    case AF_UNIX:
        return format_local(addr, ret_text, size);
    default:
        return -EINVAL;
    }
    if ((size_t)len >= size) return -ENOSPC;
    memcpy(ret_text, text, (size_t)len + 1);
    return len;
}

int picot_addr_port(const picot_addr *addr)
{
    if (!addr || addr->len < sizeof addr->sa.any.sa_family) return -EINVAL;
    if (addr->sa.any.sa_family == AF_INET) return ntohs(addr->sa.v4.sin_port);
    if (addr->sa.any.sa_family == AF_INET6) return ntohs(addr->sa.v6.sin6_port);
    return -EAFNOSUPPORT;
}

int picot_addr_equal(const picot_addr *a, const picot_addr *b)
{
    if (!a || !b || a->len == 0 || b->len == 0 || a->sa.any.sa_family != b->sa.any.sa_family) return 0;
    switch (a->sa.any.sa_family) {
    case AF_INET:
        return a->sa.v4.sin_port == b->sa.v4.sin_port && a->sa.v4.sin_addr.s_addr == b->sa.v4.sin_addr.s_addr;
    case AF_INET6:
        /* The flow label belongs to a packet's way, not to the address. */
        return a->sa.v6.sin6_port == b->sa.v6.sin6_port && a->sa.v6.sin6_scope_id == b->sa.v6.sin6_scope_id &&
               memcmp(&a->sa.v6.sin6_addr, &b->sa.v6.sin6_addr, sizeof a->sa.v6.sin6_addr) == 0;
    default:
        return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
    }
}
