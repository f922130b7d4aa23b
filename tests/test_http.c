/* SPDX-License-Identifier: MIT
 *
 * test_http.c - HTTP with both ends: bodies of many sizes, failing handlers, stopping, limits of connections and
 * memory.
 */
#include "http_peer.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- a server and a client in one task ------------------------------------------------------- */

static char pattern[1 << 20];

static void fill_pattern(void)
{
    unsigned x = 12345;
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)((x = x * 1103515245 + 12345) >> 16);
}

/* POST: sends the body back, chunked when the target is "/chunked". GET "/N": N bytes of the pattern. */
picot_http_handler_fn(mirror, (char *body; int64_t n, at, piece; int rc;))
{
    picot_begin;
    my->body = malloc(sizeof pattern);
    CHECK(my->body);
    picot_defer
    {
        free(my->body);
    }
    if (strcmp(picot_http_method(my->conn), "POST") == 0) {
        picot_try_await(my->n, picot_http_read_whole(.conn = my->conn, .buf = my->body, .len = sizeof pattern));
    } else {
        my->n = atol(picot_http_target(my->conn) + 1);
        memcpy(my->body, pattern, (size_t)my->n);
    }
    if (strcmp(picot_http_target(my->conn), "/chunked") != 0) {
        picot_try_await(picot_http_respond(.conn = my->conn, .body = my->body, .len = (size_t)my->n));
        picot_return(0);
    }
    my->rc = picot_http_begin(my->conn, 200, "application/octet-stream", 0, 1);
    if (my->rc < 0) picot_fail(my->rc);
    for (my->at = 0, my->piece = 1; my->at < my->n; my->at += my->piece, my->piece = my->piece * 3 % 30011) {
        if (my->piece > my->n - my->at) my->piece = my->n - my->at;
        picot_try_await(picot_http_write(.conn = my->conn, .data = my->body + my->at, .len = (size_t)my->piece));
    }
    picot_try_await(picot_http_finish(.conn = my->conn));
    picot_end;
}

static const int sizes[] = {0,    1,     2,     3,     100,   511,   512,   4000,   4095,   4096,
                            4097, 16383, 16384, 16385, 65535, 65536, 65537, 100000, 262144, 1 << 20};
enum { SIZE_COUNT = sizeof sizes / sizeof sizes[0] };

/* All sizes, fixed and chunked in both directions, on one connection. */
picot_async_fn(int, all_sizes, (int port;),
               (picot_http_conn conn; char *body; int i, way, status; int64_t n; size_t size, at, piece;))
{
    picot_begin;
    my->body = malloc(sizeof pattern + 1);
    CHECK(my->body);
    picot_try_await(picot_http_connect(.conn = &my->conn, .host = "127.0.0.1", .port = my->port));
    picot_defer
    {
        free(my->body);
        picot_await(picot_http_close(.conn = &my->conn));
    }
    for (my->i = 0; my->i < SIZE_COUNT; my->i++) {
        for (my->way = 0; my->way < 4; my->way++) {
            my->size = (size_t)sizes[my->i];
            picot_try_await(picot_http_request(.conn = &my->conn, .method = "POST", .host = "h",
                                               .target = my->way & 1 ? "/chunked" : "/", .streaming = my->way & 2,
                                               .body = my->way & 2 ? NULL : pattern,
                                               .len = my->way & 2 ? 0 : my->size));
            for (my->at = 0; my->way & 2 && my->at < my->size; my->at += my->piece) {
                my->piece = my->at * 2 + 1 < my->size - my->at ? my->at * 2 + 1 : my->size - my->at;
                picot_try_await(picot_http_write(.conn = &my->conn, .data = pattern + my->at, .len = my->piece));
            }
            if (my->way & 2) picot_try_await(picot_http_finish(.conn = &my->conn));
            picot_try_await(my->status, picot_http_read_response(.conn = &my->conn));
            CHECK_EQ(my->status, 200);
            CHECK_EQ(picot_http_body_length(&my->conn), my->way & 1 ? -1 : (int64_t)my->size);
            picot_try_await(my->n, picot_http_read_whole(.conn = &my->conn, .buf = my->body, .len = sizeof pattern));
            CHECK_EQ(my->n, my->size);
            CHECK_MEM(my->body, pattern, my->size);
            CHECK_EQ(picot_http_reusable(&my->conn), 1);
        }
    }
    picot_end;
}
#define all_sizes(...) picot_call(all_sizes, __VA_ARGS__)

/* Which client a scenario runs against its server. */
enum client { ALL_SIZES, MANY, ODD_HANDLERS, NO_BODIES, IDLE, NO_DESCRIPTORS, DEAF, CROWD, ONE };

static void check_many(const char *body, int64_t n, int i)
{
    CHECK_EQ(n, i * 37 % 5000);
    CHECK_MEM(body, pattern, (size_t)n);
}

/* Twenty small requests on one connection. */
picot_async_fn(int, twenty, (int port;), (picot_http_conn conn; char target[16], body[5000]; int i, status; int64_t n;))
{
    picot_begin;
    picot_try_await(picot_http_connect(.conn = &my->conn, .host = "127.0.0.1", .port = my->port));
    picot_defer
    {
        picot_await(picot_http_close(.conn = &my->conn));
    }
    for (my->i = 0; my->i < 20; my->i++) {
        snprintf(my->target, sizeof my->target, "/%d", my->i * 37 % 5000);
        picot_try_await(picot_http_request(.conn = &my->conn, .host = "h", .target = my->target));
        picot_try_await(my->status, picot_http_read_response(.conn = &my->conn));
        if (my->status != 200) picot_fail(PICOT_EHTTP);
        picot_try_await(my->n, picot_http_read_whole(.conn = &my->conn, .buf = my->body, .len = sizeof my->body));
        check_many(my->body, my->n, my->i);
    }
    picot_end;
}
#define twenty(...) picot_call(twenty, __VA_ARGS__)

picot_async_fn(int, many, (int port; int count;), (picot_group group; int i;))
{
    picot_begin;
    picot_task_group(my->group);
    for (my->i = 0; my->i < my->count; my->i++)
        picot_try_spawn(&my->group, twenty(.port = my->port));
    picot_end;
}
#define many(...) picot_call(many, __VA_ARGS__)

/* One GET on a connection of its own: the status, or a code of what went wrong. */
picot_async_fn(int, get, (int port; const char *target; const char *method; struct text * ret_body;),
               (picot_http_conn conn; int status; int64_t n; const char *piece;))
{
    picot_begin;
    picot_try_await(picot_http_connect(.conn = &my->conn, .host = "127.0.0.1", .port = my->port));
    picot_defer
    {
        picot_await(picot_http_close(.conn = &my->conn));
    }
    picot_try_await(picot_http_request(.conn = &my->conn, .method = my->method, .host = "h", .target = my->target));
    picot_try_await(my->status, picot_http_read_response(.conn = &my->conn));
    if (my->ret_body) my->ret_body->len = 0;
    if (my->ret_body) my->ret_body->data[0] = '\0';
    do {
        picot_try_await(my->n, picot_http_read_piece(.conn = &my->conn, .ret_piece = &my->piece));
        if (my->n > 0 && my->ret_body) text_add(my->ret_body, my->piece, (size_t)my->n);
    } while (my->n > 0);
    picot_return(my->status);
    picot_end;
}
#define get(...) picot_call(get, __VA_ARGS__)

/* ---- handlers that do not behave ------------------------------------------------------------- */

static void check_misuse(picot_http_conn *conn)
{
    CHECK_EQ(picot_http_add_header(conn, "Content-Length", "1"), -EINVAL);
    CHECK_EQ(picot_http_add_header(conn, "transfer-encoding", "chunked"), -EINVAL);
    CHECK_EQ(picot_http_add_header(conn, "Connection", "close"), -EINVAL);
    CHECK_EQ(picot_http_add_header(conn, "A", "b\r\nSet-Cookie: c"), -EINVAL);
    CHECK_EQ(picot_http_add_header(conn, "A", "b\nc"), -EINVAL);
    CHECK_EQ(picot_http_add_header(conn, "A\r\nB", "c"), -EINVAL);
    CHECK_EQ(picot_http_add_header(conn, "A B", "c"), -EINVAL);
    CHECK_EQ(picot_http_add_header(conn, "", "c"), -EINVAL);
    CHECK_EQ(picot_http_add_header(conn, NULL, "c"), -EINVAL);
    CHECK_EQ(picot_http_add_header(conn, "A", NULL), -EINVAL);
    CHECK_EQ(picot_http_add_header(NULL, "A", "b"), -EINVAL);
    CHECK_EQ(picot_http_begin(conn, 100, NULL, 0, 0), -EINVAL);
    CHECK_EQ(picot_http_begin(conn, 600, NULL, 0, 0), -EINVAL);
    CHECK_EQ(picot_http_begin(conn, 200, NULL, -1, 0), -EINVAL);
    CHECK_EQ(picot_http_begin(conn, 200, "a\r\nB: c", 0, 0), -EINVAL);
    CHECK_EQ(picot_http_begin(NULL, 200, NULL, 0, 0), -EINVAL);
    CHECK_EQ(picot_http_reusable(conn), 0);
    CHECK_EQ(picot_http_status(conn), 0);
    CHECK(!picot_http_header(conn, NULL) && !picot_http_header(NULL, "Host") && !picot_http_method(NULL));
}

picot_http_handler_fn(odd, (int rc; const char *how; char buf[8]; int64_t n;))
{
    picot_begin;
    my->how = picot_http_target(my->conn);
    if (strcmp(my->how, "/nothing") == 0) picot_return(0);
    if (strcmp(my->how, "/fails") == 0) picot_fail(-EIO);
    if (strcmp(my->how, "/empty") == 0) {
        picot_try_await(picot_http_respond(.conn = my->conn, .status = 204));
    } else if (strcmp(my->how, "/misuse") == 0) {
        check_misuse(my->conn);
        picot_await(my->rc, picot_http_write(.conn = my->conn, .data = "x", .len = 1));
        CHECK_EQ(my->rc, -EINVAL);
        picot_await(my->rc, picot_http_finish(.conn = my->conn));
        CHECK_EQ(my->rc, -EINVAL);
        picot_await(my->rc, picot_http_read_request(.conn = my->conn));
        CHECK_EQ(my->rc, -EINVAL);
        picot_await(my->rc, picot_http_read_response(.conn = my->conn));
        CHECK_EQ(my->rc, -EINVAL);
        picot_await(my->rc, picot_http_request(.conn = my->conn, .host = "h"));
        CHECK_EQ(my->rc, -EINVAL);
        picot_await(my->n, picot_http_read_body(.conn = my->conn, .buf = NULL, .len = 1));
        CHECK_EQ(my->n, -EINVAL);
        picot_await(my->n, picot_http_read_body(.conn = my->conn, .buf = my->buf, .len = sizeof my->buf));
        CHECK_EQ(my->n, 0);
        CHECK_EQ(picot_http_add_header(my->conn, "X-A", "1"), 0);
        picot_try_await(picot_http_respond(.conn = my->conn, .type = "text/plain", .body = "fine", .len = 4));
        CHECK_EQ(picot_http_begin(my->conn, 200, NULL, 0, 0), -EINVAL);
        CHECK_EQ(picot_http_add_header(my->conn, "X-A", "1"), -EINVAL);
    } else { /* lengths that are not kept */
        CHECK_EQ(picot_http_begin(my->conn, 200, NULL, 10, 0), 0);
        CHECK_EQ(picot_http_begin(my->conn, 200, NULL, 10, 0), -EINVAL);
        picot_await(my->rc, picot_http_write(.conn = my->conn, .data = "12345678901", .len = 11));
        CHECK_EQ(my->rc, -EINVAL);
        picot_try_await(picot_http_write(.conn = my->conn, .data = "12345", .len = 5));
        if (strcmp(my->how, "/half") == 0) picot_return(0);
        picot_await(my->rc, picot_http_finish(.conn = my->conn));
        CHECK_EQ(my->rc, -EINVAL);
        picot_fail(my->rc);
    }
    picot_end;
}

static struct text body;

picot_async_fn(int, odd_handlers, (int port;), (int rc;))
{
    picot_begin;
    picot_await(my->rc, get(.port = my->port, .target = "/nothing"));
    CHECK_EQ(my->rc, 500);
    picot_await(my->rc, get(.port = my->port, .target = "/fails"));
    CHECK_EQ(my->rc, 500);
    picot_await(my->rc, get(.port = my->port, .target = "/half"));
    CHECK_EQ(my->rc, PICOT_EEOF);
    picot_await(my->rc, get(.port = my->port, .target = "/short"));
    CHECK_EQ(my->rc, PICOT_EEOF);
    picot_await(my->rc, get(.port = my->port, .target = "/misuse", .ret_body = &body));
    CHECK_EQ(my->rc, 200);
    CHECK_STR(body.data, "fine");
    picot_await(my->rc, get(.port = my->port, .target = "/empty", .ret_body = &body));
    CHECK_EQ(my->rc, 204);
    CHECK_STR(body.data, "");
    picot_end;
}
#define odd_handlers(...) picot_call(odd_handlers, __VA_ARGS__)

/* HEAD and 204 have no body, whatever the handler writes; the connection goes on. */
picot_async_fn(int, no_bodies, (int port;), (picot_http_conn conn; int i, status; char buf[16]; int64_t n;))
{
    static const char *const targets[] = {"/5000", "/chunked", "/0", "/5000"};
    picot_begin;
    picot_try_await(picot_http_connect(.conn = &my->conn, .host = "127.0.0.1", .port = my->port));
    picot_defer
    {
        picot_await(picot_http_close(.conn = &my->conn));
    }
    for (my->i = 0; my->i < 4; my->i++) {
        picot_try_await(picot_http_request(.conn = &my->conn, .method = "HEAD", .host = "h", .target = targets[my->i]));
        picot_try_await(my->status, picot_http_read_response(.conn = &my->conn));
        CHECK_EQ(my->status, 200);
        const char *length = picot_http_header(&my->conn, "content-length");
        if (my->i == 0) CHECK_STR(length, "5000");
        picot_try_await(my->n, picot_http_read_whole(.conn = &my->conn, .buf = my->buf, .len = sizeof my->buf));
        CHECK_EQ(my->n, 0);
        CHECK_EQ(picot_http_reusable(&my->conn), 1);
    }
    /* Requests that would be misread are not sent. */
    picot_await(my->n, picot_http_request(.conn = &my->conn, .host = NULL));
    CHECK_EQ(my->n, -EINVAL);
    picot_await(my->n, picot_http_request(.conn = &my->conn, .host = "h\r\nA: b"));
    CHECK_EQ(my->n, -EINVAL);
    picot_await(my->n, picot_http_request(.conn = &my->conn, .host = "h", .target = "/ HTTP/1.1\r\nA: b"));
    CHECK_EQ(my->n, -EINVAL);
    picot_await(my->n, picot_http_request(.conn = &my->conn, .host = "h", .target = "no-slash"));
    CHECK_EQ(my->n, -EINVAL);
    picot_await(my->n, picot_http_request(.conn = &my->conn, .host = "h", .method = "G T"));
    CHECK_EQ(my->n, -EINVAL);
    picot_await(my->n, picot_http_request(.conn = &my->conn, .host = "h", .method = "CONNECT"));
    CHECK_EQ(my->n, -EINVAL);
    picot_await(my->n, picot_http_request(.conn = &my->conn, .host = "h", .body = NULL, .len = 1));
    CHECK_EQ(my->n, -EINVAL);
    CHECK_EQ(picot_http_add_header(&my->conn, "Host", "other"), -EINVAL);
    picot_end;
}
#define no_bodies(...) picot_call(no_bodies, __VA_ARGS__)

/* ---- stopping -------------------------------------------------------------------------------- */

picot_http_handler_fn(slow, (int64_t ns;))
{
    picot_begin;
    my->ns = atol(picot_http_target(my->conn) + 1) * PICOT_MS;
    picot_try_await(picot_sleep(.ns = my->ns));
    picot_try_await(picot_http_respond(.conn = my->conn, .body = "done", .len = 4));
    picot_end;
}

/* After one request it stays connected until the server ends the connection; counts the milliseconds of that. */
picot_async_fn(int, linger_on, (int port; const char *target; int64_t * ret_ended_ns;),
               (picot_http_conn conn; int status; char buf[16]; int64_t n;))
{
    picot_begin;
    picot_try_await(picot_http_connect(.conn = &my->conn, .host = "127.0.0.1", .port = my->port));
    picot_defer
    {
        picot_await(picot_http_close(.conn = &my->conn));
    }
    picot_try_await(picot_http_request(.conn = &my->conn, .host = "h", .target = my->target));
    picot_await(my->status, picot_http_read_response(.conn = &my->conn));
    if (my->status > 0) picot_await(my->n, picot_http_read_whole(.conn = &my->conn, .buf = my->buf, .len = 16));
    if (my->status > 0) picot_await(my->n, picot_recv(.fd = my->conn.fd, .buf = my->buf, .len = 16));
    *my->ret_ended_ns = picot_loop_now(picot_this_loop());
    picot_return(my->status);
    picot_end;
}
#define linger_on(...) picot_call(linger_on, __VA_ARGS__)

struct stopping {
    int64_t drain_ns;
    int served; /* what picot_http_serve gave */
    int quick, slow;
    int64_t stopped_ns, quick_ended_ns, slow_ended_ns;
    int cancel; /* the whole group instead of a stop */
};

picot_async_fn(int, stop_scenario, (struct stopping * what;),
               (picot_group servers, clients; picot_http_server server; picot_http_server_options options;
                picot_addr addr; picot_fd listener; int port;))
{
    picot_begin;
    my->listener = listen_anywhere(picot_this_loop(), &my->addr);
    my->port = picot_addr_port(&my->addr);
    my->server = (picot_http_server){0};
    my->options = (picot_http_server_options)PICOT_HTTP_SERVER_OPTIONS_INIT;
    my->options.drain_ns = my->what->drain_ns;
    picot_task_group(my->servers, .keep_going = 1);
    picot_try_spawn(&my->servers, my->what->served,
                    picot_http_serve(.listener = my->listener, .options = &my->options, .server = &my->server,
                                     .handler = picot_http_handler(slow)));
    picot_task_group(my->clients, .keep_going = 1);
    picot_try_spawn(&my->clients, my->what->quick,
                    linger_on(.port = my->port, .target = "/0", .ret_ended_ns = &my->what->quick_ended_ns));
    picot_try_spawn(&my->clients, my->what->slow,
                    linger_on(.port = my->port, .target = "/200", .ret_ended_ns = &my->what->slow_ended_ns));
    picot_try_await(picot_sleep(.ns = 50 * PICOT_MS));
    my->what->stopped_ns = picot_loop_now(picot_this_loop());
    CHECK_EQ(my->server.accepted, 2);
    if (my->what->cancel)
        CHECK_EQ(picot_group_cancel(&my->servers, NULL), 0);
    else
        CHECK_EQ(picot_http_server_stop(&my->server), 0);
    picot_try_await(picot_join(.group = &my->servers));
    picot_try_await(picot_join(.group = &my->clients));
    CHECK_EQ(picot_http_server_stop(&my->server), 0); /* it runs no more */
    CHECK_EQ(picot_http_server_stop(NULL), -EINVAL);
    picot_end;
}
#define stop_scenario(...) picot_call(stop_scenario, __VA_ARGS__)

static void stop_drains(void)
{
    struct stopping what = {.drain_ns = 0};
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, stop_scenario(.what = &what)), 0);
    CHECK_EQ(what.served, 0);
    CHECK_EQ(what.quick, 200);
    CHECK_EQ(what.slow, 200);
    CHECK(what.quick_ended_ns - what.stopped_ns < 100 * PICOT_MS); /* idle: at once */
    CHECK(what.slow_ended_ns - what.stopped_ns > 100 * PICOT_MS);  /* busy: after its answer */
    tap_loop_end(loop);
}

static void drain_times_out(void)
{
    struct stopping what = {.drain_ns = 50 * PICOT_MS};
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, stop_scenario(.what = &what)), 0);
    CHECK_EQ(what.served, -ETIMEDOUT);
    CHECK_EQ(what.quick, 200);
    CHECK_EQ(what.slow, 0); /* cut off before its answer */
    tap_loop_end(loop);
}

static void cancel_cuts_off(void)
{
    struct stopping what = {.cancel = 1};
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, stop_scenario(.what = &what)), 0);
    CHECK_EQ(what.served, -ECANCELED);
    CHECK_EQ(what.quick, 200);
    CHECK_EQ(what.slow, 0);
    CHECK(what.slow_ended_ns - what.stopped_ns < 100 * PICOT_MS);
    tap_loop_end(loop);
}

/* ---- one server, one kind of client ---------------------------------------------------------- */

struct scenario {
    enum client client;
    const picot_http_server_options *options;
    const picot_fn *handler;
    void *user;
    int count;
    uint64_t accepted;
    size_t idle_bytes; /* of memory, per idle connection */
};

/* The handler's user: how many of it run, and ran at once. */
struct gauge {
    int now, most;
};

picot_http_handler_fn(gauged, (struct gauge * gauge;))
{
    picot_begin;
    my->gauge = my->user;
    if (++my->gauge->now > my->gauge->most) my->gauge->most = my->gauge->now;
    picot_await(picot_sleep(.ns = 5 * PICOT_MS));
    my->gauge->now--;
    picot_try_await(picot_http_respond(.conn = my->conn, .body = "x", .len = 1));
    picot_end;
}

picot_async_fn(int, crowd, (int port; int count;), (picot_group group; int i;))
{
    picot_begin;
    picot_task_group(my->group);
    for (my->i = 0; my->i < my->count; my->i++)
        picot_try_spawn(&my->group, get(.port = my->port));
    picot_end;
}
#define crowd(...) picot_call(crowd, __VA_ARGS__)

/* Connections of plain sockets, outside the loop, that have had a request answered, and stay. */
static int plain_connection(int port)
{
    static const char request[] = "GET /10 HTTP/1.1\r\nHost: h\r\n\r\n";
    picot_addr addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(picot_addr_parse("127.0.0.1", (unsigned)port, &addr), 0);
    CHECK_EQ(connect(fd, &addr.sa.any, addr.len), 0);
    CHECK_EQ(write(fd, request, sizeof request - 1), sizeof request - 1);
    return fd;
}

picot_async_fn(int, idle, (int port; size_t * ret_bytes;), (int fds[100]; size_t before; int i; char buf[512];))
{
    picot_begin;
    my->before = 0;
    for (my->i = 0; my->i < 100; my->i++) {
        my->fds[my->i] = plain_connection(my->port);
        picot_try_await(picot_sleep(.ns = PICOT_MS));
        while (recv(my->fds[my->i], my->buf, sizeof my->buf, MSG_DONTWAIT) < 0)
            picot_try_await(picot_sleep(.ns = PICOT_MS));
        if (my->i == 49) my->before = tap_allocated_bytes();
    }
    *my->ret_bytes = (tap_allocated_bytes() - my->before) / 50;
    for (my->i = 0; my->i < 100; my->i++)
        close(my->fds[my->i]);
    picot_end;
}
#define idle(...) picot_call(idle, __VA_ARGS__)

/* Writes until that fails; tells how. */
picot_http_handler_fn(endless, (int rc;))
{
    picot_begin;
    CHECK_EQ(picot_http_begin(my->conn, 200, NULL, 0, 1), 0);
    do {
        picot_await(my->rc, picot_http_write(.conn = my->conn, .data = pattern, .len = sizeof pattern));
    } while (my->rc == 0);
    *(int *)my->user = my->rc;
    picot_return(my->rc);
    picot_end;
}

/* Asks, and does not read the answer. */
picot_async_fn(int, deaf, (int port; const int *code;), (int fd;))
{
    picot_begin;
    my->fd = plain_connection(my->port);
    while (*my->code == 0)
        picot_try_await(picot_sleep(.ns = 5 * PICOT_MS));
    close(my->fd);
    picot_end;
}
#define deaf(...) picot_call(deaf, __VA_ARGS__)

/* Takes all descriptors there are, lets a connection come, and only later gives them back. */
picot_async_fn(int, no_descriptors, (int port; picot_http_server * server;),
               (int fds[64]; int count, one, spare; char buf[512];))
{
    picot_begin;
    my->one = plain_connection(my->port); /* its descriptor, before there is none */
    my->spare = plain_connection(my->port);
    my->count = 0;
    while (my->count < 64 && (my->fds[my->count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        my->count++;
    CHECK(my->count < 64);
    picot_try_await(picot_sleep(.ns = 120 * PICOT_MS));
    CHECK_EQ(my->server->accepted, 0);
    while (my->count > 0)
        close(my->fds[--my->count]);
    while (my->server->requests < 2)
        picot_try_await(picot_sleep(.ns = 5 * PICOT_MS));
    CHECK_EQ(my->server->accepted, 2);
    close(my->one);
    close(my->spare);
    picot_end;
}
#define no_descriptors(...) picot_call(no_descriptors, __VA_ARGS__)

picot_async_fn(int, run_client, (struct scenario * what; int port; picot_http_server * server;), (int status;))
{
    picot_begin;
    if (my->what->client == ALL_SIZES) picot_try_await(all_sizes(.port = my->port));
    if (my->what->client == MANY) picot_try_await(many(.port = my->port, .count = my->what->count));
    if (my->what->client == ODD_HANDLERS) picot_try_await(odd_handlers(.port = my->port));
    if (my->what->client == NO_BODIES) picot_try_await(no_bodies(.port = my->port));
    if (my->what->client == CROWD) picot_try_await(crowd(.port = my->port, .count = my->what->count));
    if (my->what->client == IDLE) picot_try_await(idle(.port = my->port, .ret_bytes = &my->what->idle_bytes));
    if (my->what->client == DEAF) picot_try_await(deaf(.port = my->port, .code = my->what->user));
    if (my->what->client == NO_DESCRIPTORS) picot_try_await(no_descriptors(.port = my->port, .server = my->server));
    if (my->what->client == ONE) {
        picot_try_await(my->status, get(.port = my->port, .target = "/100"));
        if (my->status != 200) picot_fail(-EIO);
    }
    picot_end;
}
#define run_client(...) picot_call(run_client, __VA_ARGS__)

picot_async_fn(int, scenario, (struct scenario * what;),
               (picot_group servers; picot_http_server server; picot_addr addr; picot_fd listener; int served, rc;))
{
    picot_begin;
    CHECK_EQ(picot_addr_parse("127.0.0.1", 0, &my->addr), 0);
    my->listener = picot_tcp_listen(picot_this_loop(), &my->addr, NULL);
    if (my->listener < 0) picot_return((int)my->listener);
    CHECK_EQ(picot_tcp_local_addr(picot_this_loop(), my->listener, &my->addr), 0);
    my->server = (picot_http_server){0};
    picot_task_group(my->servers, .keep_going = 1);
    my->served = 0;
    picot_spawn(&my->servers, my->served,
                picot_http_serve(.listener = my->listener, .options = my->what->options, .server = &my->server,
                                 .handler = my->what->handler, .user = my->what->user));
    my->rc = picot_error();
    if (my->rc < 0) { /* without memory for its task the server has not begun, and closes nothing */
        picot_await(picot_close(.fd = my->listener));
        picot_fail(my->rc);
    }
    picot_await(my->rc, run_client(.what = my->what, .port = picot_addr_port(&my->addr), .server = &my->server));
    my->what->accepted = my->server.accepted;
    if (my->served == 0) CHECK_EQ(picot_http_server_stop(&my->server), 0);
    picot_await(picot_join(.group = &my->servers));
    if (my->rc == 0) CHECK_EQ(my->served, 0);
    picot_return(my->rc);
    picot_end;
}
#define scenario(...) picot_call(scenario, __VA_ARGS__)

static void run_scenario(struct scenario *what)
{
    picot_loop *loop = tap_loop();
    fill_pattern();
    if (!what->handler) what->handler = picot_http_handler(mirror);
    CHECK_EQ(picot_run(loop, scenario(.what = what)), 0);
    tap_loop_end(loop);
}

static void bodies(void)
{
    struct scenario what = {.client = ALL_SIZES};
    run_scenario(&what);
    CHECK_EQ(what.accepted, 1);
}

static void many_connections(void)
{
    struct scenario what = {.client = MANY, .count = 100};
    run_scenario(&what);
    CHECK_EQ(what.accepted, 100);
}

static void odd_ones(void)
{
    struct scenario what = {.client = ODD_HANDLERS, .handler = picot_http_handler(odd)};
    run_scenario(&what);
}

static void without_bodies(void)
{
    struct scenario what = {.client = NO_BODIES};
    run_scenario(&what);
}

static void connection_limit(void)
{
    picot_http_server_options options = PICOT_HTTP_SERVER_OPTIONS_INIT;
    struct gauge gauge = {0, 0};
    options.max_connections = 3;
    struct scenario what = {
        .client = CROWD, .count = 20, .options = &options, .handler = picot_http_handler(gauged), .user = &gauge};
    run_scenario(&what);
    CHECK_EQ(what.accepted, 20);
    CHECK_EQ(gauge.most, 3);
}

static void idle_memory(void)
{
    struct scenario what = {.client = IDLE};
    run_scenario(&what);
    tap_note("%zu bytes for each idle connection", what.idle_bytes);
    CHECK(what.idle_bytes <= 2048);
}

static void deaf_client(void)
{
    int code = 0;
    picot_http_server_options options = PICOT_HTTP_SERVER_OPTIONS_INIT;
    options.limits.send_ns = 60 * PICOT_MS;
    struct scenario what = {.client = DEAF, .options = &options, .handler = picot_http_handler(endless), .user = &code};
    run_scenario(&what);
    CHECK_EQ(code, -ETIMEDOUT);
}

static void out_of_descriptors(void)
{
    struct scenario what = {.client = NO_DESCRIPTORS};
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 40;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    run_scenario(&what);
}

/* Each allocation in turn fails: a code, no crash, nothing left behind, and the loop goes on. */
static void out_of_memory(void)
{
    picot_http_server_options options = PICOT_HTTP_SERVER_OPTIONS_INIT;
    picot_http_limits *limits = &options.limits;
    limits->idle_ns = limits->head_ns = limits->body_ns = PICOT_SECOND;
    int passed = 0;
    fill_pattern();
    for (long after = 0; after < 400 && passed < 3; after++) {
        picot_loop *loop = tap_loop();
        struct scenario what = {.client = ONE, .options = &options, .handler = picot_http_handler(mirror)};
        tap_allocator_fail_after(after);
        int rc = picot_run(loop, scenario(.what = &what));
        tap_allocator_fail_after(-1);
        passed = rc == 0 ? passed + 1 : 0;
        what = (struct scenario){.client = ONE, .options = &options, .handler = picot_http_handler(mirror)};
        CHECK_EQ(picot_run(loop, scenario(.what = &what)), 0);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    }
    CHECK_EQ(passed, 3);
}

/* ---- arguments ------------------------------------------------------------------------------- */

picot_async_fn(int, bad_calls, (const char *unused;),
               (picot_http_conn conn; picot_http_server_options options; picot_http_limits limits; int rc; int64_t n;))
{
    picot_begin;
    my->conn = (picot_http_conn){0};
    picot_await(my->rc, picot_http_close(.conn = NULL));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->rc, picot_http_close(.conn = &my->conn)); /* never connected: nothing to do */
    CHECK_EQ(my->rc, 0);
    picot_await(my->rc, picot_http_request(.conn = &my->conn, .host = "h"));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->rc, picot_http_read_response(.conn = &my->conn));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->rc, picot_http_read_request(.conn = &my->conn));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->n, picot_http_skip_body(.conn = &my->conn, .limit = 1));
    CHECK_EQ(my->n, -EINVAL);
    picot_await(my->rc, picot_http_connect(.conn = NULL, .host = "h"));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->rc, picot_http_connect(.conn = &my->conn, .host = NULL));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->rc, picot_http_connect(.conn = &my->conn, .host = "127.0.0.1", .port = 65536));
    CHECK_EQ(my->rc, -EINVAL);
    my->limits = (picot_http_limits){.size = 1};
    picot_await(my->rc, picot_http_connect(.conn = &my->conn, .host = "127.0.0.1", .limits = &my->limits));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->rc, picot_http_connect(.conn = &my->conn, .host = "127.0.0.1", .port = 1));
    CHECK_EQ(my->rc, -ECONNREFUSED);
    picot_await(my->rc, picot_http_close(.conn = &my->conn));
    CHECK_EQ(my->rc, 0);
    picot_await(my->rc, picot_http_serve(.handler = NULL));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->rc, picot_http_serve(.handler = &picot_recv_fn));
    CHECK_EQ(my->rc, -EINVAL);
    my->options = (picot_http_server_options){.size = 1};
    picot_await(my->rc, picot_http_serve(.handler = picot_http_handler(mirror), .options = &my->options));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->rc, picot_http_serve(.handler = picot_http_handler(mirror), .listener = 0));
    CHECK_EQ(my->rc, -EBADF);
    CHECK_EQ(picot_http_init(NULL, picot_this_loop(), 1, NULL), -EINVAL);
    CHECK_EQ(picot_http_init(&my->conn, NULL, 1, NULL), -EINVAL);
    CHECK_EQ(picot_http_init(&my->conn, picot_this_loop(), -9, NULL), -EINVAL);
    CHECK_EQ(picot_http_set_close(NULL), -EINVAL);
    picot_end;
}
#define bad_calls(...) picot_call(bad_calls, __VA_ARGS__)

static void bad_arguments(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, bad_calls(.unused = 0)), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"bodies of many sizes", bodies, TAP_BACKENDS},
    {"many connections", many_connections, TAP_BACKENDS},
    {"handlers that do not behave", odd_ones, TAP_BACKENDS},
    {"responses without bodies", without_bodies, TAP_BACKENDS},
    {"a stop drains", stop_drains, TAP_BACKENDS},
    {"a drain times out", drain_times_out, TAP_BACKENDS},
    {"a cancel cuts off", cancel_cuts_off, TAP_BACKENDS},
    {"limit of connections", connection_limit, TAP_BACKENDS},
    {"memory of idle connections", idle_memory, TAP_BACKENDS},
    {"a client that does not read", deaf_client, TAP_BACKENDS},
    {"out of descriptors", out_of_descriptors, TAP_BACKENDS},
    {"out of memory", out_of_memory, TAP_BACKENDS},
    {"bad arguments", bad_arguments, TAP_BACKENDS},
};
TAP_MAIN(cases)
