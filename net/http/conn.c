/* SPDX-License-Identifier: MIT
 *
 * conn.c - a connection's beginning and end, the reading of heads, and what the message that was read looks like.
 *
 * Invariant: between two messages a connection holds no lease; the head of the last one goes when the next begins.
 * Sources: RFC 9112 section 9.6 (tear-down); RFC 9110 section 5.1 (names in any case).
 */
#include "internal.h"
#include <string.h>
#include <strings.h>

/* How long, and for how many bytes, a closing connection listens, so that its last answer is not lost to a reset. */
#define LINGER_NS PICOT_SECOND
#define LINGER_BYTES (1024 * 1024)

int picot_http_init(picot_http_conn *conn, picot_loop *loop, picot_fd fd, const picot_http_limits *limits)
{
    if (!conn || !loop || fd <= 0 || (limits && limits->size != sizeof *limits)) return -EINVAL;
    *conn = (picot_http_conn){.loop = loop, .fd = fd, .limits = limits};
    return 0;
}

void picot__http_consume(picot_http_conn *conn, size_t len)
{
    conn->_.in_at += len;
    if (conn->_.in_at < conn->_.in.size) return;
    (void)picot_lease_return(conn->loop, &conn->_.in);
    conn->_.in = (picot_lease){0};
    conn->_.in_at = 0;
}

picot_async_def(int64_t, picot__http_fill, (picot_http_conn * conn; int64_t timeout_ns;), (int64_t n;))
{
    picot_begin;
    picot__http_consume(my->conn, 0);
    picot_wait_for(my->n, my->timeout_ns, picot_recv_leased(.fd = my->conn->fd, .ret_lease = &my->conn->_.in));
    if (my->n <= 0) {
        my->conn->_.in.size = 0;
        my->conn->_.broken = 1;
    }
    picot_return(my->n);
    picot_end;
}

static int64_t time_left(const picot_http_conn *conn, int64_t deadline_ns)
{
    int64_t now = picot_loop_now(conn->loop);
    return deadline_ns > now ? deadline_ns - now : 0;
}

static int64_t deadline_after(const picot_http_conn *conn, int64_t delay_ns)
{
    int64_t now = picot_loop_now(conn->loop);
    return delay_ns < PICOT_NEVER - now ? now + delay_ns : PICOT_NEVER;
}

static int answer_to(const picot_http_conn *conn, int64_t code)
{
    if (code == -ETIMEDOUT) return 408;
    if (code == PICOT_ETOOLARGE) return conn->_.head && conn->_.head->lines == 0 ? 414 : 431;
    return code == PICOT_EHTTP ? 400 : 0;
}

/* Bytes of a head, however many packets it takes. Result: 1: whole; 0: the end before the first byte; negative. */
picot_async_fn(int64_t, gather_head, (picot_http_conn * conn;), (int64_t n, deadline_ns;))
{
    picot_begin;
    my->deadline_ns = PICOT_NEVER;
    my->n = 0;
    for (;;) {
        if (my->conn->_.in_at < my->conn->_.in.size) {
            if (!my->conn->_.head) my->deadline_ns = deadline_after(my->conn, limit_head_ns(my->conn));
            my->n = picot__http_gather(my->conn);
            if (my->n != 0) picot_return(my->n);
        }
        picot_await(my->n, picot__http_fill(.conn = my->conn, .timeout_ns = my->conn->_.head
                                                                                ? time_left(my->conn, my->deadline_ns)
                                                                                : limit_idle_ns(my->conn)));
        if (my->n == 0) picot_return(my->conn->_.head ? PICOT_EEOF : 0);
        if (my->n < 0) picot_return(my->n);
    }
    picot_end;
}
#define gather_head(...) picot_call(gather_head, __VA_ARGS__)

picot_async_def(int, picot__http_read_head, (picot_http_conn * conn; int *ret_answer;), (int64_t n;))
{
    picot_begin;
    picot__http_head_free(my->conn);
    my->conn->_.in_state = IN_IDLE;
    picot_await(my->n, gather_head(.conn = my->conn));
    if (my->n < 0) *my->ret_answer = answer_to(my->conn, my->n);
    if (my->n <= 0) picot_return((int)my->n);
    my->n = picot__http_parse(my->conn, my->ret_answer);
    if (my->n == 0) my->n = picot__http_frame(my->conn, my->ret_answer);
    if (my->n < 0) my->conn->_.head->end = 0; /* nobody shall look at what was refused */
    picot_return(my->n < 0 ? (int)my->n : 1);
    picot_end;
}

picot_async_def(int, picot_http_close, (picot_http_conn * conn;), (int64_t n, total, deadline_ns;))
{
    picot_begin;
    if (!my->conn) picot_fail(-EINVAL);
    my->n = my->conn->fd > 0 && my->conn->_.linger ? 0 : -1;
    my->total = 0;
    if (my->n == 0) {
        my->deadline_ns = deadline_after(my->conn, LINGER_NS);
        picot_await(my->n, picot_shutdown(.fd = my->conn->fd, .how = SHUT_WR));
    }
    while (my->n >= 0 && my->total < LINGER_BYTES) {
        my->conn->_.in_at = my->conn->_.in.size;
        picot_await(my->n, picot__http_fill(.conn = my->conn, .timeout_ns = time_left(my->conn, my->deadline_ns)));
        if (my->n == 0) break;
        my->total += my->n;
    }
    if (my->conn->loop) {
        (void)picot_lease_return(my->conn->loop, &my->conn->_.in);
        picot__http_head_free(my->conn);
        picot__http_out_free(my->conn);
    }
    my->n = 0;
    if (my->conn->fd > 0) picot_await(my->n, picot_close(.fd = my->conn->fd));
    *my->conn = (picot_http_conn){0};
    picot_return((int)my->n);
    picot_end;
}

/* ---- the message that was read --------------------------------------------------------------- */

/* A head that is still being gathered, or was refused, is nothing to look at. */
static const struct picot_http_head_ *shown(const picot_http_conn *conn)
{
    return conn && conn->_.head && conn->_.head->end > 0 ? conn->_.head : NULL;
}

const char *picot_http_method(const picot_http_conn *conn)
{
    const struct picot_http_head_ *head = shown(conn);
    return head && !head->is_response ? head->text : NULL;
}

const char *picot_http_target(const picot_http_conn *conn)
{
    const struct picot_http_head_ *head = shown(conn);
    return head && !head->is_response ? head->text + head->target : NULL;
}

int picot_http_status(const picot_http_conn *conn)
{
    const struct picot_http_head_ *head = shown(conn);
    return head ? head->status : 0;
}

int picot_http_minor_version(const picot_http_conn *conn)
{
    return shown(conn) ? (int)conn->_.minor : -EINVAL;
}

int picot_http_next_header(const picot_http_conn *conn, const char **place, const char **ret_name,
                           const char **ret_value)
{
    const struct picot_http_head_ *head = shown(conn);
    if (!head || !place || !ret_name || !ret_value) return 0;
    const char *name = *place ? *place : head->text + head->fields;
    if (name >= head->text + head->end) return 0;
    const char *value = name + strlen(name) + 1;
    *ret_name = name;
    *ret_value = value;
    *place = value + strlen(value) + 1;
    return 1;
}

const char *picot_http_header(const picot_http_conn *conn, const char *name)
{
    const char *place = NULL, *other, *value;
    while (name && picot_http_next_header(conn, &place, &other, &value))
        if (strcasecmp(name, other) == 0) return value;
    return NULL;
}
