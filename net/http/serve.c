/* SPDX-License-Identifier: MIT
 *
 * serve.c - a whole server: one task accepts, one task per connection reads requests and runs the handler.
 *
 *     picot_http_serve --- acceptor: accept_all --- waits in wait_for_room while there are enough sessions
 *                      \-- sessions: session, session, ...
 *
 * Invariant: every accepted connection belongs to exactly one session, which closes it, whatever ends it.
 */
#include "internal.h"
#include <string.h>

#define MAX_CONNECTIONS 65536
#define DRAIN_NS (10 * PICOT_SECOND)
#define MEMORY_PAUSE_NS (50 * PICOT_MS)
#define REST_NS PICOT_MS

/* What the tasks of one server share; lies in picot_http_serve's frame. */
struct service {
    picot_http_server *server;
    const picot_http_server_options *options;
    const picot_fn *handler;
    void *user;
    picot_fd listener;
    picot_group *sessions;
    uint32_t most;
};

/* A session as its server sees it; lies in the session's frame. */
struct picot_http_session_ {
    picot_http_conn conn;
    struct picot_http_session_ *next, **link; /* in server->_.sessions; link points at what points here */
};

static void link_session(picot_http_server *server, struct picot_http_session_ *session)
{
    session->next = server->_.sessions;
    session->link = &server->_.sessions;
    if (session->next) session->next->link = &session->next;
    server->_.sessions = session;
}

static void unlink_session(picot_http_server *server, struct picot_http_session_ *session)
{
    *session->link = session->next;
    if (session->next) session->next->link = session->link;
    server->_.live--;
    if (server->_.full) (void)picot_group_cancel(server->_.full, "there is room again");
}

/* ---- one connection -------------------------------------------------------------------------- */

static void never_called(picot_loop *loop, picot_op *op)
{
    (void)loop, (void)op;
}

/* Waits for the first byte of a request. The end of its input is what it then sees, after whatever is still queued. */
static void end_if_idle(picot_http_conn *conn)
{
    picot_op op = {0};
    conn->_.draining = 1;
    if (conn->_.head || conn->_.out_state == OUT_READY || conn->_.out_state == OUT_BODY) return;
    picot_op_shutdown(&op, conn->fd, SHUT_RD);
    (void)picot_submit_now(conn->loop, &op, never_called, NULL); /* always done at once */
}

/* The macros of an await paste names; these three make "picot_http_any_handler" the one that the service names. */
#define picot_http_any_handler_fn (*my->service->handler)
#define picot_http_any_handler_resume my->service->handler->resume
#define picot_http_any_handler_frame_size() my->service->handler->size
#define any_handler(...) picot_call(picot_http_any_handler, __VA_ARGS__)

picot_async_fn(int, session, (struct service * service; picot_fd fd;), (int64_t rc; struct picot_http_session_ self;))
{
    picot_begin;
    (void)picot_http_init(&my->self.conn, picot_this_loop(), my->fd, &my->service->options->limits);
    link_session(my->service->server, &my->self);
    if (my->service->server->_.stopping) end_if_idle(&my->self.conn);
    picot_defer
    {
        unlink_session(my->service->server, &my->self);
        picot_await(picot_http_close(.conn = &my->self.conn));
    }
    for (;;) {
        picot_await(my->rc, picot_http_read_request(.conn = &my->self.conn));
        if (my->rc <= 0) break;
        my->service->server->requests++;
        picot_await(my->rc, any_handler(.conn = &my->self.conn, .user = my->service->user));
        if (my->self.conn._.out_state == OUT_READY && my->rc != -ECANCELED && my->rc != PICOT_EEOF)
            picot_await(picot__http_refuse(.conn = &my->self.conn, .code = my->rc));
        if (my->rc < 0 || my->self.conn._.out_state != OUT_DONE) break;
    }
    picot_return(0);
    picot_end;
}
#define session(...) picot_call(session, __VA_ARGS__)

/* ---- accepting ------------------------------------------------------------------------------- */

picot_async_fn(int, forever, (int unused;), (int unused2;))
{
    picot_begin;
    picot_await(picot_sleep(.ns = PICOT_NEVER));
    picot_end;
}
#define forever(...) picot_call(forever, __VA_ARGS__)

/* A sleep that the end of a session ends. */
picot_async_fn(int, wait_for_room, (picot_http_server * server;), (picot_group gate;))
{
    picot_begin;
    picot_task_group(my->gate, .keep_going = 1);
    picot_try_spawn(&my->gate, forever(.unused = 0));
    my->server->_.full = &my->gate;
    picot_await(picot_join(.group = &my->gate));
    my->server->_.full = NULL;
    picot_end;
}
#define wait_for_room(...) picot_call(wait_for_room, __VA_ARGS__)

/* Codes of accept that are about one connection, or about a shortage that passes. */
static bool passes(int64_t code)
{
    static const int codes[] = {EMFILE,      ENFILE,    ENOBUFS,      ENOMEM, EPROTO,      ECONNABORTED, ENETDOWN,
                                ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET, ENOPROTOOPT, EPERM,        ETIMEDOUT};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (code == -codes[i]) return true;
    return false;
}

/* A session for a new connection; without memory for it the connection is closed. */
picot_async_fn(int, admit, (struct service * service; picot_fd fd;), (int rc;))
{
    picot_begin;
    picot_spawn(my->service->sessions, session(.service = my->service, .fd = my->fd));
    my->rc = picot_error();
    if (my->rc < 0) {
        picot_await(picot_close(.fd = my->fd));
        picot_return(my->rc);
    }
    my->service->server->_.live++;
    my->service->server->accepted++;
    picot_end;
}
#define admit(...) picot_call(admit, __VA_ARGS__)

picot_async_fn(int, accept_all, (struct service * service;), (int64_t fd;))
{
    picot_begin;
    for (;;) {
        while (my->service->server->_.live >= my->service->most)
            picot_try_await(wait_for_room(.server = my->service->server));
        picot_await(my->fd, picot_tcp_accept(.fd = my->service->listener));
        if (my->fd < 0 && !passes(my->fd)) picot_fail((int)my->fd);
        if (my->fd >= 0) picot_await(my->fd, admit(.service = my->service, .fd = my->fd));
        /* The backend makes the next accept wait, but not for memory of ours. */
        if (my->fd == -ENOMEM) picot_try_await(picot_sleep(.ns = MEMORY_PAUSE_NS));
    }
    picot_end;
}
#define accept_all(...) picot_call(accept_all, __VA_ARGS__)

/* At a stop: connections that the kernel has taken already, perhaps with a request, are not to be reset. */
picot_async_fn(int, accept_rest, (struct service * service;), (int64_t fd;))
{
    picot_begin;
    while (my->service->server->_.live < my->service->most) {
        picot_wait_for(my->fd, REST_NS, picot_tcp_accept(.fd = my->service->listener));
        if (my->fd < 0) break;
        picot_try_await(admit(.service = my->service, .fd = my->fd));
    }
    picot_return(0);
    picot_end;
}
#define accept_rest(...) picot_call(accept_rest, __VA_ARGS__)

/* ---- the server ------------------------------------------------------------------------------ */

int picot_http_server_stop(picot_http_server *server)
{
    if (!server) return -EINVAL;
    server->_.stopping = 1; /* also before its task has begun: it then ends at once */
    if (!server->_.acceptor) return 0;
    (void)picot_group_cancel(server->_.acceptor, "the server stops");
    for (struct picot_http_session_ *each = server->_.sessions; each; each = each->next)
        end_if_idle(&each->conn);
    return 0;
}

static const picot_http_server_options default_options = PICOT_HTTP_SERVER_OPTIONS_INIT;

/* The functions that picot_http_handler lets through have this frame. */
static bool is_handler(const picot_fn *fn)
{
    return fn && fn->result_offset == PICOT_RESULT_OFFSET_(picot_http_any_handler) &&
           fn->result_size == sizeof(int);
}

static int check(const picot_fn *handler, const picot_http_server_options *options)
{
    if (!is_handler(handler)) return -EINVAL;
    if (options && (options->size != sizeof *options || options->limits.size != sizeof options->limits)) return -EINVAL;
    return options && options->drain_ns < 0 ? -EINVAL : 0;
}

picot_async_def(int, picot_http_serve,
                (picot_fd listener; const picot_fn *handler; void *user; const picot_http_server_options *options;
                 picot_http_server * server;),
                (picot_http_server own; picot_group acceptor, sessions; struct service service; int rc, drained;))
{
    picot_begin;
    picot_defer
    {
        if (my->server) my->server->_.acceptor = NULL;
        if (my->listener > 0) picot_await(picot_close(.fd = my->listener));
    }
    my->rc = check(my->handler, my->options);
    if (my->rc < 0) picot_fail(my->rc);
    if (!my->options) my->options = &default_options;
    my->own = (picot_http_server){0};
    if (!my->server) my->server = &my->own;
    if (my->server->_.stopping) picot_return(0);
    my->service = (struct service){
        .server = my->server,
        .options = my->options,
        .handler = my->handler,
        .user = my->user,
        .listener = my->listener,
        .sessions = &my->sessions,
        .most = my->options->max_connections ? my->options->max_connections : MAX_CONNECTIONS,
    };
    picot_task_group(my->sessions, .keep_going = 1);
    picot_task_group(my->acceptor, .keep_going = 1);
    my->server->_.acceptor = &my->acceptor;
    my->rc = 0;
    picot_try_spawn(&my->acceptor, my->rc, accept_all(.service = &my->service));
    picot_try_await(picot_join(.group = &my->acceptor));
    if (!my->server->_.stopping) (void)picot_http_server_stop(my->server); /* accepting failed: end what is idle */
    my->server->_.acceptor = NULL;
    picot_await(accept_rest(.service = &my->service));
    picot_await(picot_close(.fd = my->listener));
    my->listener = 0;
    picot_wait_for(my->drained, my->options->drain_ns ? my->options->drain_ns : DRAIN_NS,
                   picot_join(.group = &my->sessions));
    if (my->rc == -ECANCELED) my->rc = 0; /* that is how a stop ends the acceptor */
    picot_return(my->rc < 0 ? my->rc : my->drained);
    picot_end;
}
