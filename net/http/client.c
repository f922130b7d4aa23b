/* SPDX-License-Identifier: MIT
 *
 * client.c - the client's end of one connection: a request goes out, its response comes in, the connection may be used
 * again.
 *
 * Invariant: a request leaves only on a connection on which nothing is outstanding and nothing has come unasked: no
 * response is ever taken for that of another request.
 * Sources: RFC 9112 sections 3, 6.3, 9.3; RFC 9110 sections 8.6 (Content-Length of requests), 15.2 (1xx).
 */
#include "internal.h"
#include <stdio.h>
#include <string.h>

#define INTERIM_MAX 16

picot_async_def(int, picot_http_connect,
                (picot_http_conn * conn; const char *host; int port; const picot_http_limits *limits;),
                (char service[12]; int64_t fd;))
{
    picot_begin;
    if (!my->conn || !my->host || my->port < 0 || my->port > 65535) picot_fail(-EINVAL);
    if (my->limits && my->limits->size != sizeof *my->limits) picot_fail(-EINVAL);
    *my->conn = (picot_http_conn){.loop = picot_this_loop(), .limits = my->limits};
    (void)snprintf(my->service, sizeof my->service, "%d", my->port ? my->port : 80);
    picot_try_await(my->fd, picot_tcp_connect_host(.host = my->host, .service = my->service,
                                                   .attempt_ns = limit_connect_ns(my->conn)));
    my->conn->fd = my->fd;
    my->conn->_.role = ROLE_CLIENT;
    picot_end;
}

/* ---- the request ----------------------------------------------------------------------------- */

/* Visible ASCII, and bytes over 127, which some targets carry raw. */
static bool is_visible(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f) return false;
    return true;
}

static bool is_target(const char *target)
{
    return (target[0] == '/' || strcmp(target, "*") == 0 || strstr(target, "://")) && is_visible(target);
}

static int add_request_head(picot_http_conn *conn, const char *method, const char *target, const char *host,
                            const char *type, int64_t length)
{
    size_t size = strlen(method) + strlen(target) + strlen(host) + sizeof "  HTTP/1.1\r\nHost: \r\n";
    char *first = picot_alloc(conn->loop, size);
    if (!first) return -ENOMEM;
    (void)snprintf(first, size, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, host);
    int rc = picot__http_out_head(conn, first, type, length);
    picot_free(conn->loop, first, size);
    return rc;
}

/* The length a request announces; without a body only where one is expected. */
static int64_t request_length(const char *method, size_t len, int streaming)
{
    if (streaming) return LENGTH_CHUNKED;
    bool expected = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    return len > 0 || expected ? (int64_t)len : LENGTH_UNTIL_END;
}

static bool may_request(const picot_http_conn *conn)
{
    if (!conn || conn->fd <= 0 || conn->_.role == ROLE_SERVER || conn->_.broken) return false;
    return conn->_.out_state == OUT_IDLE || picot_http_reusable(conn);
}

static int begin_request(picot_http_conn *conn, const char *method, const char *target, const char *host,
                         const char *type, size_t len, int streaming)
{
    if (!may_request(conn) || !host || !*host || !is_visible(host) || strpbrk(host, "/\\?#@")) return -EINVAL;
    if (!picot__http_is_token(method, strlen(method)) || strcmp(method, "CONNECT") == 0) return -EINVAL;
    if (!is_target(target) || len > INT64_MAX || (streaming && len > 0)) return -EINVAL;
    int64_t length = request_length(method, len, streaming);
    int rc = add_request_head(conn, method, target, host, type, length);
    if (rc < 0) return rc;
    conn->_.role = ROLE_CLIENT;
    conn->_.reused = conn->_.out_state == OUT_DONE;
    conn->_.head_only = strcmp(method, "HEAD") == 0;
    conn->_.no_body = 0;
    conn->_.out_left = streaming ? LENGTH_CHUNKED : 0;
    conn->_.out_state = OUT_BODY;
    conn->_.in_state = IN_IDLE;
    return 0;
}

picot_async_def(int, picot_http_request,
                (picot_http_conn * conn; const char *method; const char *target; const char *host; const char *type;
                 const void *body; size_t len; int streaming;),
                (int rc;))
{
    picot_begin;
    if (!my->method) my->method = "GET";
    if (!my->target) my->target = "/";
    if (my->len > 0 && !my->body) picot_fail(-EINVAL);
    my->rc = begin_request(my->conn, my->method, my->target, my->host, my->type, my->len, my->streaming);
    if (my->rc < 0) picot_fail(my->rc);
    if (my->streaming) picot_return(0); /* the head goes with the first piece */
    picot_try_await(picot__http_flush(.conn = my->conn, .data = my->body, .len = my->len));
    picot__http_out_free(my->conn);
    my->conn->_.out_state = OUT_DONE;
    picot_end;
}

/* ---- the response ---------------------------------------------------------------------------- */

/* A kept connection that the server closes meanwhile shows it as an end or as a reset. */
static bool is_stale(const picot_http_conn *conn, int64_t rc)
{
    return rc == 0 || (conn->_.reused && !conn->_.head && (rc == -ECONNRESET || rc == -EPIPE));
}

picot_async_def(int, picot_http_read_response, (picot_http_conn * conn;), (int64_t n; int unused, interim;))
{
    picot_begin;
    if (!my->conn || my->conn->fd <= 0 || my->conn->_.role != ROLE_CLIENT) picot_fail(-EINVAL);
    if (my->conn->_.out_state < OUT_BODY || my->conn->_.in_state != IN_IDLE) picot_fail(-EINVAL);
    for (my->interim = 0; my->interim < INTERIM_MAX; my->interim++) {
        picot_await(my->n, picot__http_read_head(.conn = my->conn, .ret_answer = &my->unused));
        if (my->n > 0 && picot_http_status(my->conn) == 101) my->n = PICOT_EHTTP; /* nobody asked for an upgrade */
        if (my->n <= 0 || picot_http_status(my->conn) >= 200) break;
        my->conn->_.in_state = IN_IDLE;
        if (my->interim == INTERIM_MAX - 1) my->n = PICOT_EHTTP;
    }
    if (my->n > 0) picot_return(picot_http_status(my->conn));
    if (is_stale(my->conn, my->n) && my->interim == 0)
        my->n = 0;
    else if (my->n == 0)
        my->n = PICOT_EEOF;
    my->conn->_.broken = 1;
    my->conn->_.in_state = IN_FAILED;
    picot__http_head_free(my->conn);
    picot_return((int)my->n);
    picot_end;
}

int picot_http_reusable(const picot_http_conn *conn)
{
    return conn && conn->fd > 0 && conn->_.role == ROLE_CLIENT && !conn->_.broken && conn->_.keep_alive &&
           conn->_.in_state == IN_DONE && conn->_.out_state == OUT_DONE && conn->_.in_at == conn->_.in.size;
}
