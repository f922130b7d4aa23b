/* SPDX-License-Identifier: MIT
 *
 * test_http_response.c - what a client makes of bytes: good responses, bad ones, cut ones, and those of a stale
 * connection.
 *
 * Every input is sent in one piece and byte by byte; both must give the same. Source: RFC 9112 sections 4 to 9.
 */
#include "http_peer.h"

/* What one request came to. */
struct outcome {
    int64_t status;   /* of picot_http_read_response */
    int64_t body_end; /* 0, or the code that ended the body */
    int reusable;
    char first[64]; /* of the header "A", or empty */
    struct text body;
};

/* One connection, one request, one response of given bytes. */
struct reply {
    const char *method, *bytes;
    size_t len, step;
    int stay_open;
    const picot_http_limits *limits;
};

picot_async_fn(int, answer, (picot_fd listener; const struct reply *reply; struct text * ret_request;), (picot_fd fd;))
{
    picot_begin;
    picot_try_await(my->fd, picot_tcp_accept(.fd = my->listener));
    picot_defer
    {
        picot_await(picot_close(.fd = my->fd));
    }
    my->ret_request->len = 0;
    picot_await(talk_on(.fd = my->fd, .bytes = my->reply->bytes, .len = my->reply->len, .step = my->reply->step,
                        .stay_open = my->reply->stay_open, .ret_text = my->ret_request));
    picot_end;
}
#define answer(...) picot_call(answer, __VA_ARGS__)

picot_async_fn(int, ask, (int port; const struct reply *reply; struct outcome * ret;),
               (picot_http_conn conn; int64_t n; const char *piece;))
{
    picot_begin;
    picot_try_await(
        picot_http_connect(.conn = &my->conn, .host = "127.0.0.1", .port = my->port, .limits = my->reply->limits));
    picot_defer
    {
        picot_await(picot_http_close(.conn = &my->conn));
    }
    my->ret->body.len = 0;
    my->ret->body.data[0] = '\0';
    my->ret->body_end = 0;
    picot_try_await(picot_http_request(.conn = &my->conn, .method = my->reply->method, .host = "h"));
    picot_await(my->ret->status, picot_http_read_response(.conn = &my->conn));
    CHECK_EQ(picot_http_status(&my->conn), my->ret->status > 0 ? my->ret->status : 0);
    if (my->ret->status <= 0) picot_return(0);
    const char *first = picot_http_header(&my->conn, "a");
    snprintf(my->ret->first, sizeof my->ret->first, "%s", first ? first : "");
    do {
        picot_await(my->n, picot_http_read_piece(.conn = &my->conn, .ret_piece = &my->piece));
        if (my->n > 0) text_add(&my->ret->body, my->piece, (size_t)my->n);
    } while (my->n > 0);
    my->ret->body_end = my->n;
    my->ret->reusable = picot_http_reusable(&my->conn);
    picot_end;
}
#define ask(...) picot_call(ask, __VA_ARGS__)

picot_async_fn(int, once, (const struct reply *reply; struct outcome * ret;),
               (picot_group group; picot_addr addr; picot_fd listener; struct text * request;))
{
    picot_begin;
    my->listener = listen_anywhere(picot_this_loop(), &my->addr);
    my->request = malloc(sizeof *my->request);
    CHECK(my->request);
    picot_defer
    {
        free(my->request);
        picot_await(picot_close(.fd = my->listener));
    }
    picot_task_group(my->group);
    picot_try_spawn(&my->group, answer(.listener = my->listener, .reply = my->reply, .ret_request = my->request));
    picot_try_await(ask(.port = picot_addr_port(&my->addr), .reply = my->reply, .ret = my->ret));
    picot_end;
}
#define once(...) picot_call(once, __VA_ARGS__)

static struct outcome outcome;

static void run_once(picot_loop *loop, const struct reply *reply)
{
    CHECK_EQ(picot_run(loop, once(.reply = reply, .ret = &outcome)), 0);
}

static const struct {
    const char *bytes;
    int status;
    const char *body, *first;
    int reusable;
    const char *method;
} good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello", 200, "hello", "b", 1, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", "", 1, NULL},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", "", 1, NULL},
    {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, "", "", 1, NULL},
    {"HTTP/1.1 404 Not \xe4\xf6 Found\r\nContent-Length: 2\r\n\r\nno", 404, "no", "", 1, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", 200, "hello", "", 0, NULL},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", "", 0, NULL},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", 200, "hello", "", 1, NULL},
    {"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end", "", 0, NULL},
    {"HTTP/1.1 200 OK\r\n\r\n", 200, "", "", 0, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x\r\n world\r\n0\r\nT: u\r\n\r\n", 200,
     "hello world", "", 1, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5  \r\nhello\r\n0 \r\n\r\n", 200, "hello", "", 1, NULL},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, "", "", 1, NULL},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", "", 1, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "", "", 1, "HEAD"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, "", "", 1, "HEAD"},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
     "1\r\n\r\ny",
     200, "y", "", 1, NULL},
    {"HTTP/1.1 200 OK\r\nA: one\r\n  two\r\n\tthree\r\nContent-Length: 0\r\n\r\n", 200, "", "one    two  \tthree", 1,
     NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nyunasked", 200, "y", "", 0, NULL},
    {"HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n", 999, "", "", 1, NULL},
};

static void good_responses(void)
{
    picot_loop *loop = tap_loop();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        for (size_t step = 0; step < 4; step++) {
            struct reply reply = {
                .method = good[i].method, .bytes = good[i].bytes, .len = strlen(good[i].bytes), .step = step};
            run_once(loop, &reply);
            CHECK_EQ(outcome.status, good[i].status);
            CHECK_EQ(outcome.body_end, 0);
            CHECK_STR(outcome.body.data, good[i].body);
            CHECK_STR(outcome.first, good[i].first);
            /* What was not asked for may be there only later. */
            if (step == 0 || !strstr(good[i].bytes, "unasked")) CHECK_EQ(outcome.reusable, good[i].reusable);
        }
    }
    tap_loop_end(loop);
}

static const struct {
    const char *bytes;
    int head_end, body_end; /* codes */
    size_t len;
} bad[] = {
    {"\x15\x03\x01\x00\x02\x02\x46", PICOT_EHTTP, 0, 7},
    {"SSH-2.0-x\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/2.0 200 OK\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 20 OK\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 2000 OK\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 -20 OK\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 099 OK\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1  200 OK\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 200 OK\nA: b\n\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 200 OK\r\nA\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", PICOT_EHTTP, 0, 25},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", PICOT_EHTTP, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nabc", 0, PICOT_ETOOLARGE, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\nabc", 0, PICOT_ETOOLARGE, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 0, PICOT_EHTTP, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 0, PICOT_EHTTP, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", 0, PICOT_EEOF, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0, PICOT_EEOF, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", 0, PICOT_EEOF, 0},
    {"HTTP/1.1 200 OK\r\nContent-Le", PICOT_EEOF, 0, 0},
    {"HTTP/1.1 100 Continue\r\n\r\n", PICOT_EEOF, 0, 0},
    {"H", PICOT_EEOF, 0, 0},
    {"", 0, 0, 0},
};

static void bad_responses(void)
{
    picot_http_limits limits = PICOT_HTTP_LIMITS_INIT;
    limits.body_bytes = 1000;
    picot_loop *loop = tap_loop();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t step = 0; step < 2; step++) {
            struct reply reply = {.bytes = bad[i].bytes,
                                  .len = bad[i].len ? bad[i].len : strlen(bad[i].bytes),
                                  .step = step,
                                  .limits = &limits};
            run_once(loop, &reply);
            if (outcome.status < 0 && outcome.status != bad[i].head_end) tap_note("input: %s", bad[i].bytes);
            if (bad[i].head_end < 0) CHECK_EQ(outcome.status, bad[i].head_end);
            CHECK_EQ(outcome.body_end, bad[i].body_end);
            if (bad[i].body_end < 0) CHECK_EQ(outcome.status, 200);
            if (reply.len == 0) CHECK_EQ(outcome.status, 0);
        }
    }
    tap_loop_end(loop);
}

/* A response that is cut off is never taken for a whole one. */
static void cut_responses(void)
{
    static const char *const whole[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x\r\n world\r\n0\r\nT: u\r\n\r\n",
    };
    picot_loop *loop = tap_loop();
    for (size_t i = 0; i < 2; i++) {
        size_t head = (size_t)(strstr(whole[i], "\r\n\r\n") + 4 - whole[i]);
        for (size_t len = 0; len <= strlen(whole[i]); len++) {
            struct reply reply = {.bytes = whole[i], .len = len};
            run_once(loop, &reply);
            CHECK_EQ(outcome.status, len == 0 ? 0 : len < head ? PICOT_EEOF : 200);
            if (len < head) continue;
            CHECK_EQ(outcome.body_end, len < strlen(whole[i]) ? PICOT_EEOF : 0);
            CHECK(strncmp(outcome.body.data, "hello world", outcome.body.len) == 0);
        }
    }
    tap_loop_end(loop);
}

static void silent_servers(void)
{
    static const char *const inputs[] = {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"};
    picot_http_limits limits = PICOT_HTTP_LIMITS_INIT;
    limits.idle_ns = limits.head_ns = limits.body_ns = 50 * PICOT_MS;
    picot_loop *loop = tap_loop();
    for (size_t i = 0; i < 3; i++) {
        struct reply reply = {.bytes = inputs[i], .len = strlen(inputs[i]), .stay_open = 1, .limits = &limits};
        int64_t start = picot_loop_update_now(loop);
        run_once(loop, &reply);
        CHECK_EQ(i < 2 ? outcome.status : outcome.body_end, -ETIMEDOUT);
        CHECK(picot_loop_update_now(loop) - start >= 49 * PICOT_MS);
    }
    tap_loop_end(loop);
}

static void endless_heads(void)
{
    static char input[100 * 1024];
    picot_loop *loop = tap_loop();
    int len = sprintf(input, "HTTP/1.1 200 OK\r\nA: ");
    memset(input + len, 'a', sizeof input - (size_t)len);
    struct reply reply = {.bytes = input, .len = sizeof input};
    run_once(loop, &reply);
    CHECK_EQ(outcome.status, PICOT_ETOOLARGE);

    len = sprintf(input, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 101; i++)
        len += sprintf(input + len, "A: b\r\n");
    len += sprintf(input + len, "\r\n");
    reply.len = (size_t)len;
    run_once(loop, &reply);
    CHECK_EQ(outcome.status, PICOT_ETOOLARGE);

    /* Interim responses for ever. */
    len = 0;
    for (int i = 0; i < 20; i++)
        len += sprintf(input + len, "HTTP/1.1 102 Processing\r\n\r\n");
    len += sprintf(input + len, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    reply.len = (size_t)len;
    run_once(loop, &reply);
    CHECK_EQ(outcome.status, PICOT_EHTTP);
    tap_loop_end(loop);
}

/* ---- the same connection twice --------------------------------------------------------------- */

picot_async_fn(int, twice, (int port;), (picot_http_conn conn; int status; char body[16]; int64_t n;))
{
    picot_begin;
    picot_try_await(picot_http_connect(.conn = &my->conn, .host = "localhost", .port = my->port));
    picot_defer
    {
        picot_await(picot_http_close(.conn = &my->conn));
    }
    CHECK_EQ(picot_http_reusable(&my->conn), 0);
    picot_try_await(picot_http_request(.conn = &my->conn, .host = "h"));
    picot_await(my->n, picot_http_request(.conn = &my->conn, .host = "h")); /* before the response */
    CHECK_EQ(my->n, -EINVAL);
    picot_try_await(my->status, picot_http_read_response(.conn = &my->conn));
    CHECK_EQ(my->status, 200);
    picot_await(my->n, picot_http_request(.conn = &my->conn, .host = "h")); /* before its body's end */
    CHECK_EQ(my->n, -EINVAL);
    picot_await(my->status, picot_http_read_response(.conn = &my->conn)); /* without a request */
    CHECK_EQ(my->status, -EINVAL);
    picot_try_await(my->n, picot_http_read_whole(.conn = &my->conn, .buf = my->body, .len = sizeof my->body));
    CHECK_EQ(my->n, 5);
    CHECK_EQ(picot_http_reusable(&my->conn), 1);
    picot_try_await(picot_sleep(.ns = 20 * PICOT_MS)); /* meanwhile the server closes */
    picot_await(my->n, picot_http_request(.conn = &my->conn, .host = "h"));
    CHECK(my->n == 0 || my->n == -EPIPE || my->n == -ECONNRESET);
    picot_await(my->status, picot_http_read_response(.conn = &my->conn));
    if (my->n == 0) CHECK_EQ(my->status, 0); /* stale: to be repeated */
    CHECK_EQ(picot_http_reusable(&my->conn), 0);
    picot_end;
}
#define twice(...) picot_call(twice, __VA_ARGS__)

picot_async_fn(int, stale_scenario, (int unused;),
               (picot_group group; picot_addr addr; picot_fd listener; struct reply reply; struct text * request;))
{
    static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    picot_begin;
    my->listener = listen_anywhere(picot_this_loop(), &my->addr);
    my->request = malloc(sizeof *my->request);
    CHECK(my->request);
    my->reply = (struct reply){.bytes = bytes, .len = sizeof bytes - 1};
    picot_defer
    {
        free(my->request);
        picot_await(picot_close(.fd = my->listener));
    }
    picot_task_group(my->group);
    picot_try_spawn(&my->group, answer(.listener = my->listener, .reply = &my->reply, .ret_request = my->request));
    picot_try_await(twice(.port = picot_addr_port(&my->addr)));
    picot_end;
}
#define stale_scenario(...) picot_call(stale_scenario, __VA_ARGS__)

static void stale_connection(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, stale_scenario(.unused = 0)), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"good responses", good_responses, TAP_BACKENDS}, {"bad responses", bad_responses, TAP_BACKENDS},
    {"cut responses", cut_responses, TAP_BACKENDS},   {"silent servers", silent_servers, TAP_BACKENDS},
    {"endless heads", endless_heads, TAP_BACKENDS},   {"a stale connection", stale_connection, TAP_BACKENDS},
};
TAP_MAIN(cases)
