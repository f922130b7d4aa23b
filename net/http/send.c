/* SPDX-License-Identifier: MIT
 *
 * send.c - messages on their way out: the head, then the body as it is written.
 *
 * The out buffer holds what must precede the caller's next data: the head, later a chunk's size line. Small data joins
 * it in one send; large data is sent in place behind it. Invariant: nothing that contains a line end becomes a header.
 * Source: RFC 9112 sections 4, 6, 7 and 9.6.
 */
#include "internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COPY_MAX 4096
#define PIECE_MAX ((size_t)64 * 1024)
#define ADDED_MAX (64 * 1024)
#define LENGTH_NONE (-3)

void picot__http_out_free(picot_http_conn *conn)
{
    picot_free(conn->loop, conn->_.out, conn->_.out_capacity);
    conn->_.out = NULL;
    conn->_.out_len = conn->_.out_capacity = 0;
}

int picot__http_out_add(picot_http_conn *conn, const void *bytes, size_t len)
{
    size_t need = conn->_.out_len + len;
    if (need > conn->_.out_capacity) {
        size_t capacity = conn->_.out_capacity ? conn->_.out_capacity : 128;
        while (capacity < need)
            capacity *= 2;
        char *larger =
            capacity > UINT32_MAX / 2 ? NULL : picot_realloc(conn->loop, conn->_.out, conn->_.out_capacity, capacity);
        if (!larger) return -ENOMEM;
        conn->_.out = larger;
        conn->_.out_capacity = (uint32_t)capacity;
    }
    if (len > 0) memcpy(conn->_.out + conn->_.out_len, bytes, len);
    conn->_.out_len = (uint32_t)need;
    return 0;
}

static int add_text(picot_http_conn *conn, const char *text)
{
    return picot__http_out_add(conn, text, strlen(text));
}

static int add_line(picot_http_conn *conn, const char *name, const char *value)
{
    uint32_t before = conn->_.out_len;
    int rc = add_text(conn, name);
    if (rc == 0) rc = add_text(conn, ": ");
    if (rc == 0) rc = add_text(conn, value);
    if (rc == 0) rc = add_text(conn, "\r\n");
    if (rc < 0) conn->_.out_len = before;
    return rc;
}

static bool may_add(const picot_http_conn *conn)
{
    if (conn->_.role == ROLE_SERVER) return conn->_.out_state == OUT_READY;
    return conn->_.out_state == OUT_IDLE || conn->_.out_state == OUT_DONE;
}

int picot_http_add_header(picot_http_conn *conn, const char *name, const char *value)
{
    static const char *const own[] = {"Content-Length", "Transfer-Encoding", "Connection"};
    if (!conn || !conn->loop || !name || !value || !may_add(conn)) return -EINVAL;
    if (!picot__http_is_token(name, strlen(name)) || !picot__http_is_text(value, strlen(value))) return -EINVAL;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcasecmp(name, own[i]) == 0) return -EINVAL;
    if (conn->_.role != ROLE_SERVER && strcasecmp(name, "Host") == 0) return -EINVAL;
    if (conn->_.out_len + strlen(name) + strlen(value) > ADDED_MAX) return PICOT_ETOOLARGE;
    return add_line(conn, name, value);
}

static int add_own_lines(picot_http_conn *conn, const char *type, int64_t length)
{
    char number[24];
    int rc = 0;
    if (type) rc = add_line(conn, "Content-Type", type);
    (void)snprintf(number, sizeof number, "%" PRId64, length);
    if (rc == 0 && length >= 0) rc = add_line(conn, "Content-Length", number);
    if (rc == 0 && length == LENGTH_CHUNKED) rc = add_line(conn, "Transfer-Encoding", "chunked");
    if (rc == 0 && conn->_.role == ROLE_SERVER && !conn->_.keep_alive)
        rc = add_line(conn, "Connection", "close");
    else if (rc == 0 && conn->_.role == ROLE_SERVER && !conn->_.minor)
        rc = add_line(conn, "Connection", "keep-alive");
    return rc;
}

int picot__http_out_head(picot_http_conn *conn, const char *first, const char *type, int64_t length)
{
    if (type && !picot__http_is_text(type, strlen(type))) return -EINVAL;
    char *added = conn->_.out;
    uint32_t added_len = conn->_.out_len, added_capacity = conn->_.out_capacity;
    conn->_.out = NULL;
    conn->_.out_len = conn->_.out_capacity = 0;
    int rc = add_text(conn, first);
    if (rc == 0) rc = add_own_lines(conn, type, length);
    if (rc == 0) rc = picot__http_out_add(conn, added, added_len);
    if (rc == 0) rc = add_text(conn, "\r\n");
    picot_free(conn->loop, added, added_capacity);
    if (rc < 0) picot__http_out_free(conn);
    return rc;
}

/* ---- to the wire ----------------------------------------------------------------------------- */

picot_async_fn(int64_t, send_piecewise, (picot_http_conn * conn; const char *bytes; size_t len; int flags;),
               (int64_t n; size_t piece;))
{
    picot_begin;
    for (; my->len > 0; my->bytes += my->piece, my->len -= my->piece) {
        my->piece = my->len < PIECE_MAX ? my->len : PIECE_MAX;
        picot_wait_for(my->n, limit_send_ns(my->conn),
                       picot_send_all(.fd = my->conn->fd, .buf = my->bytes, .len = my->piece, .flags = my->flags));
        if (my->n < 0) {
            my->conn->_.broken = 1;
            picot_return(my->n);
        }
    }
    picot_return(0);
    picot_end;
}
#define send_piecewise(...) picot_call(send_piecewise, __VA_ARGS__)

picot_async_def(int, picot__http_flush, (picot_http_conn * conn; const void *data; size_t len;), (int64_t n;))
{
    picot_begin;
    if (my->conn->_.out_len > 0 && my->len > 0 && my->conn->_.out_len + my->len <= COPY_MAX) {
        my->n = picot__http_out_add(my->conn, my->data, my->len);
        if (my->n == 0) my->len = 0; /* without memory for the copy it is sent in place */
    }
    picot_await(my->n, send_piecewise(.conn = my->conn, .bytes = my->conn->_.out, .len = my->conn->_.out_len,
                                      .flags = my->len > 0 ? MSG_MORE : 0));
    my->conn->_.out_len = 0;
    if (my->n >= 0 && my->len > 0)
        picot_await(my->n, send_piecewise(.conn = my->conn, .bytes = my->data, .len = my->len));
    picot_return(my->n < 0 ? (int)my->n : 0);
    picot_end;
}

/* A message has left. */
static void end_message(picot_http_conn *conn)
{
    picot__http_out_free(conn);
    conn->_.out_state = OUT_DONE;
}

picot_async_def(int, picot_http_write, (picot_http_conn * conn; const void *data; size_t len;), (int rc;))
{
    picot_begin;
    if (!my->conn || my->conn->_.out_state != OUT_BODY || (my->len > 0 && !my->data)) picot_fail(-EINVAL);
    if (my->conn->_.out_left >= 0 && my->len > (uint64_t)my->conn->_.out_left) picot_fail(-EINVAL);
    if (my->len == 0) picot_return(0);
    if (my->conn->_.out_left >= 0) my->conn->_.out_left -= (int64_t)my->len;
    if (my->conn->_.no_body) picot_return(0);
    if (my->conn->_.out_left == LENGTH_CHUNKED) {
        char line[24];
        int len = snprintf(line, sizeof line, "%zx\r\n", my->len);
        my->rc = picot__http_out_add(my->conn, line, (size_t)len);
        if (my->rc < 0) picot_fail(my->rc);
    }
    picot_try_await(picot__http_flush(.conn = my->conn, .data = my->data, .len = my->len));
    my->rc = my->conn->_.out_left == LENGTH_CHUNKED ? add_text(my->conn, "\r\n") : 0;
    if (my->rc < 0) my->conn->_.broken = 1;
    picot_return(my->rc);
    picot_end;
}

picot_async_def(int, picot_http_finish, (picot_http_conn * conn;), (int rc;))
{
    picot_begin;
    if (!my->conn || my->conn->_.out_state != OUT_BODY) picot_fail(-EINVAL);
    if (my->conn->_.out_left > 0 && !my->conn->_.no_body) {
        my->conn->_.broken = 1;
        picot_fail(-EINVAL);
    }
    if (my->conn->_.out_left == LENGTH_CHUNKED && !my->conn->_.no_body) {
        my->rc = add_text(my->conn, "0\r\n\r\n");
        if (my->rc < 0) picot_fail(my->rc);
    }
    picot_try_await(picot__http_flush(.conn = my->conn));
    end_message(my->conn);
    picot_end;
}

/* ---- responses ------------------------------------------------------------------------------- */

int picot_http_set_close(picot_http_conn *conn)
{
    if (!conn || conn->_.role != ROLE_SERVER) return -EINVAL;
    conn->_.keep_alive = 0;
    return 0;
}

/* May the connection go on although the request's body has not been read to its end? */
static bool rest_is_small(const picot_http_conn *conn)
{
    if (conn->_.in_state == IN_DONE) return true;
    return !conn->_.expects_continue && conn->_.in_state == IN_FIXED && conn->_.in_left <= UNREAD_MAX;
}

int picot_http_begin(picot_http_conn *conn, int status, const char *type, int64_t length, int chunked)
{
    char first[96];
    if (!conn || conn->_.role != ROLE_SERVER || conn->_.out_state != OUT_READY || length < 0) return -EINVAL;
    if (status == 0) status = 200;
    if (status < 200 || status > 599) return -EINVAL;
    bool empty = status == 204 || status == 304;
    if (chunked) length = conn->_.minor ? LENGTH_CHUNKED : LENGTH_UNTIL_END;
    if (!rest_is_small(conn)) conn->_.linger = 1;
    if (!rest_is_small(conn) || conn->_.draining || length == LENGTH_UNTIL_END) conn->_.keep_alive = 0;
    (void)snprintf(first, sizeof first, "HTTP/1.1 %d %s\r\n", status, picot__http_reason(status));
    int rc = picot__http_out_head(conn, first, type, empty ? LENGTH_NONE : length);
    if (rc < 0) return rc;
    conn->_.no_body = empty || conn->_.head_only;
    conn->_.out_left = length;
    conn->_.out_state = OUT_BODY;
    return 0;
}

picot_async_def(int, picot_http_respond,
                (picot_http_conn * conn; int status; const char *type; const void *body; size_t len;), (int rc;))
{
    picot_begin;
    if (my->len > INT64_MAX || (my->len > 0 && !my->body)) picot_fail(-EINVAL);
    my->rc = picot_http_begin(my->conn, my->status, my->type, (int64_t)my->len, 0);
    if (my->rc < 0) picot_fail(my->rc);
    picot_try_await(picot__http_flush(.conn = my->conn, .data = my->body, .len = my->conn->_.no_body ? 0 : my->len));
    end_message(my->conn);
    picot_end;
}
