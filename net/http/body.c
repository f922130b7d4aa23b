/* SPDX-License-Identifier: MIT
 *
 * body.c - the reading of bodies: by the piece in place, by the buffer, whole, or not at all.
 *
 * Invariant: a body that ends before its length or its last chunk is an error, never an end.
 * Sources: RFC 9112 sections 6.3 and 8 (incomplete messages); RFC 9110 section 10.1.1 (100-continue).
 */
#include "internal.h"
#include <string.h>

/* Inside this file only: nothing is left in the lease. No call of the library ever results in it. */
#define NEED_MORE (-EAGAIN)

static bool in_data(const picot_http_conn *conn)
{
    return conn->_.in_state == IN_FIXED || conn->_.in_state == IN_UNTIL_END || conn->_.in_state == IN_CHUNK_DATA;
}

/* Account for data that is handed out. */
static int take(picot_http_conn *conn, size_t len)
{
    int64_t most = limit_body_bytes(conn) - conn->_.in_total;
    if ((int64_t)len > most || conn->_.in_left > most) return PICOT_ETOOLARGE; /* in_left: announced, still to come */
    conn->_.in_total += (int64_t)len;
    conn->_.in_at += len;
    if (conn->_.in_state == IN_UNTIL_END) return 0;
    conn->_.in_left -= (int64_t)len;
    if (conn->_.in_left == 0) conn->_.in_state = conn->_.in_state == IN_FIXED ? IN_DONE : IN_CHUNK_DATA_CR;
    return 0;
}

/* The next data that is in the lease already. */
static int64_t next_piece(picot_http_conn *conn, size_t most, const char **ret_piece)
{
    for (;;) {
        size_t len = conn->_.in.size - conn->_.in_at;
        const char *bytes = (const char *)conn->_.in.data + conn->_.in_at;
        if (conn->_.in_state == IN_DONE) return 0;
        if (conn->_.in_state == IN_IDLE || conn->_.in_state == IN_FAILED) return -EINVAL;
        if (len == 0) return NEED_MORE;
        if (in_data(conn)) {
            if (len > most) len = most;
            if (conn->_.in_state != IN_UNTIL_END && (int64_t)len > conn->_.in_left) len = (size_t)conn->_.in_left;
            int rc = take(conn, len);
            if (rc < 0) return rc;
            *ret_piece = bytes;
            return (int64_t)len;
        }
        int64_t used = picot__http_chunk_framing(conn, bytes, len);
        if (used < 0) return used;
        conn->_.in_at += (size_t)used;
    }
}

static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

picot_async_fn(int64_t, read_some, (picot_http_conn * conn; size_t most; const char **ret_piece;), (int64_t n;))
{
    picot_begin;
    if (!my->conn || my->conn->fd <= 0) picot_fail(-EINVAL);
    for (;;) {
        my->n = next_piece(my->conn, my->most, my->ret_piece);
        if (my->n == 0) picot__http_consume(my->conn, 0);
        if (my->n != NEED_MORE) break;
        if (my->conn->_.expects_continue) {
            my->conn->_.expects_continue = 0;
            picot_wait_for(my->n, limit_send_ns(my->conn),
                           picot_send_all(.fd = my->conn->fd, .buf = go_on, .len = sizeof go_on - 1));
            if (my->n < 0) break;
        }
        picot_await(my->n, picot__http_fill(.conn = my->conn, .timeout_ns = limit_body_ns(my->conn)));
        if (my->n < 0) break;
        if (my->n == 0 && my->conn->_.in_state != IN_UNTIL_END) my->n = PICOT_EEOF;
        if (my->n == 0) my->conn->_.in_state = IN_DONE;
        if (my->n <= 0) break;
    }
    if (my->n < 0) my->conn->_.in_state = IN_FAILED;
    picot_return(my->n);
    picot_end;
}
#define read_some(...) picot_call(read_some, __VA_ARGS__)

picot_async_def(int64_t, picot_http_read_piece, (picot_http_conn * conn; const char **ret_piece;), (int64_t n;))
{
    picot_begin;
    if (!my->ret_piece) picot_fail(-EINVAL);
    picot_await(my->n, read_some(.conn = my->conn, .most = SIZE_MAX, .ret_piece = my->ret_piece));
    picot_return(my->n);
    picot_end;
}

picot_async_def(int64_t, picot_http_read_body, (picot_http_conn * conn; void *buf; size_t len;),
                (const char *piece; int64_t n;))
{
    picot_begin;
    if (my->len == 0) picot_return(0);
    if (!my->buf) picot_fail(-EINVAL);
    picot_try_await(my->n, read_some(.conn = my->conn, .most = my->len, .ret_piece = &my->piece));
    if (my->n > 0) memcpy(my->buf, my->piece, (size_t)my->n);
    picot_return(my->n);
    picot_end;
}

picot_async_def(int64_t, picot_http_read_whole, (picot_http_conn * conn; void *buf; size_t len;),
                (const char *piece; int64_t n; size_t total;))
{
    picot_begin;
    if (my->len > 0 && !my->buf) picot_fail(-EINVAL);
    my->total = 0;
    for (;;) {
        picot_try_await(my->n, read_some(.conn = my->conn, .most = SIZE_MAX, .ret_piece = &my->piece));
        if (my->n == 0) break;
        if ((size_t)my->n > my->len - my->total) {
            my->conn->_.in_state = IN_FAILED;
            picot_fail(PICOT_ETOOLARGE);
        }
        memcpy((char *)my->buf + my->total, my->piece, (size_t)my->n);
        my->total += (size_t)my->n;
    }
    picot_return((int64_t)my->total);
    picot_end;
}

picot_async_def(int64_t, picot_http_skip_body, (picot_http_conn * conn; int64_t limit;),
                (const char *piece; int64_t n, total;))
{
    picot_begin;
    my->total = 0;
    do {
        picot_try_await(my->n, read_some(.conn = my->conn, .most = SIZE_MAX, .ret_piece = &my->piece));
        my->total += my->n;
        if (my->total > my->limit) {
            my->conn->_.in_state = IN_FAILED;
            picot_fail(PICOT_ETOOLARGE);
        }
    } while (my->n > 0);
    picot_return(my->total);
    picot_end;
}

int64_t picot_http_body_length(const picot_http_conn *conn)
{
    if (!conn || !conn->_.head) return 0;
    if (conn->_.in_state == IN_DONE || conn->_.in_state == IN_IDLE) return conn->_.in_total;
    return conn->_.in_state == IN_FIXED ? conn->_.in_total + conn->_.in_left : -1;
}
