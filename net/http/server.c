/* SPDX-License-Identifier: MIT
 *
 * server.c - the server's end of one connection: the next request, or the answer that refuses it.
 *
 * Invariant: requests are answered in the order they came, since the next one is not looked at before the last is
 * answered. A refusal is the last thing a connection says.
 */
#include "internal.h"
#include <string.h>

picot_async_fn(int, refuse, (picot_http_conn * conn; int status;), (int rc; const char *reason;))
{
    picot_begin;
    picot__http_out_free(my->conn);
    my->conn->_.out_state = OUT_READY;
    my->conn->_.in_state = IN_FAILED;
    my->conn->_.keep_alive = my->conn->_.head_only = 0;
    my->reason = picot__http_reason(my->status);
    picot_await(my->rc, picot_http_respond(.conn = my->conn, .status = my->status, .type = "text/plain",
                                           .body = my->reason, .len = strlen(my->reason)));
    my->conn->_.linger = my->rc >= 0;
    my->conn->_.broken = 1;
    picot_end;
}
#define refuse(...) picot_call(refuse, __VA_ARGS__)

picot_async_def(int, picot__http_refuse, (picot_http_conn * conn; int64_t code;), (int status;))
{
    picot_begin;
    my->status = my->code == PICOT_EHTTP ? 400 : my->code == PICOT_ETOOLARGE ? 413 : my->code == -ETIMEDOUT ? 408 : 500;
    picot_await(refuse(.conn = my->conn, .status = my->status));
    picot_end;
}

static bool is_over(const picot_http_conn *conn)
{
    bool first = conn->_.out_state == OUT_IDLE;
    return conn->_.broken || (!first && (conn->_.draining || !conn->_.keep_alive));
}

static bool may_read(const picot_http_conn *conn)
{
    return conn && conn->fd > 0 && conn->_.role != ROLE_CLIENT &&
           (conn->_.out_state == OUT_IDLE || conn->_.out_state == OUT_DONE);
}

picot_async_def(int, picot_http_read_request, (picot_http_conn * conn;), (int64_t n; int answer;))
{
    picot_begin;
    if (!may_read(my->conn)) picot_fail(-EINVAL);
    my->conn->_.role = ROLE_SERVER;
    if (is_over(my->conn)) picot_return(0);
    if (my->conn->_.out_state == OUT_DONE && my->conn->_.in_state != IN_DONE) {
        picot_await(my->n, picot_http_skip_body(.conn = my->conn, .limit = UNREAD_MAX));
        if (my->n < 0) my->conn->_.broken = my->conn->_.linger = 1;
        if (my->n < 0) picot_fail((int)my->n);
    }
    my->answer = 0;
    my->conn->_.minor = 1; /* what a refusal of an unreadable head is written for */
    picot_await(my->n, picot__http_read_head(.conn = my->conn, .ret_answer = &my->answer));
    /* Silence between two messages is an end like any other. */
    if (my->n == -ETIMEDOUT && !my->conn->_.head) picot_return(0);
    if (my->n > 0) my->conn->_.out_state = OUT_READY;
    if (my->n < 0 && my->answer > 0) picot_await(refuse(.conn = my->conn, .status = my->answer));
    if (my->n < 0) my->conn->_.broken = 1;
    picot_return((int)my->n);
    picot_end;
}
