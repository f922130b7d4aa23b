/* SPDX-License-Identifier: MIT
 *
 * http.h - HTTP/1.1, both ends, on async functions. Library: libpicot-http (pkg-config picot-http).
 *
 * A server, whole:
 *
 *     picot_http_handler_fn(hello, (int unused;))
 *     {
 *         picot_begin;
 *         picot_try_await(picot_http_respond(.conn = my->conn, .type = "text/plain", .body = "Hello!", .len = 6));
 *         picot_end;
 *     }
 *     ... picot_await(picot_http_serve(.listener = my->listener, .handler = picot_http_handler(hello)));
 *
 * A client: my->conn is a picot_http_conn, my->piece a const char *, my->status an int, my->n an int64_t.
 *
 *     picot_defer { picot_await(picot_http_close(.conn = &my->conn)); }
 *     picot_try_await(picot_http_connect(.conn = &my->conn, .host = "example.org", .port = 80));
 *     picot_try_await(picot_http_request(.conn = &my->conn, .host = "example.org", .target = "/index.html"));
 *     picot_try_await(my->status, picot_http_read_response(.conn = &my->conn));
 *     do {
 *         picot_try_await(my->n, picot_http_read_piece(.conn = &my->conn, .ret_piece = &my->piece));
 *         ... my->n bytes at my->piece ...
 *     } while (my->n > 0);
 *     if (picot_http_reusable(&my->conn)) ... the next picot_http_request on the same connection ...
 *
 * A connection lives in the caller's memory. While it is idle it holds neither a read buffer nor a parser; those come
 * with the first byte of a message and go with its last. Pipelined requests are answered in order.
 *
 * Messages are read strictly (RFC 9112): a bare CR or LF, a NUL, white space before the colon, Content-Length twice or
 * beside Transfer-Encoding, a transfer coding other than "chunked", a bad chunk size and their like are PICOT_EHTTP. A
 * server has by then answered with the right status (400, 408, 413, 414, 417, 431, 501, 505), and the connection can
 * only be closed.
 *
 * Codes that every call may return: those of recv(2) and send(2); PICOT_EHTTP; PICOT_ETOOLARGE: over a limit;
 * PICOT_EEOF: the message was cut off; -ETIMEDOUT: a time-out of the limits; -ENOMEM; -EINVAL: NULL, a bad argument, or
 * a call out of order; -ECANCELED. After an error of a transfer the connection can only be closed. Arguments that are
 * pointers must live until the call ends. Rules of thread: see loop.h.
 */
#ifndef PICOT_HTTP_H
#define PICOT_HTTP_H

#include <picot/group.h>
#include <picot/io.h>
#include <picot/tcp.h>

PICOT_BEGIN_DECLS

/* ---- limits ---------------------------------------------------------------------------------- */

/** What a connection puts up with. Zero is the default of each. Set with PICOT_HTTP_LIMITS_INIT, then change members.
 */
typedef struct picot_http_limits {
    size_t size;
    uint32_t head_bytes;   /**< first line and headers together, 0: 16 KiB. A server answers 431 */
    uint32_t header_count; /**< 0: 100. A server answers 431 */
    uint32_t target_bytes; /**< the request target, 0: 8 KiB. A server answers 414 */
    int64_t body_bytes;    /**< of a received body, 0: 1 MiB, PICOT_NEVER: no limit. A server answers 413 */
    int64_t connect_ns;    /**< to connect to one address, 0: 10 seconds */
    int64_t idle_ns;       /**< silence before a message begins, 0: 60 seconds. A server then closes; a client fails */
    int64_t head_ns;       /**< from the first byte of a message to the end of its head, 0: 15 seconds */
    int64_t body_ns;       /**< without a byte of the body, 0: 30 seconds */
    int64_t send_ns;       /**< to get 64 KiB out, 0: 30 seconds */
} picot_http_limits;

#define PICOT_HTTP_LIMITS_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(picot_http_limits), 0, 0, 0, 0, 0, 0, 0, 0, 0                                                           \
    }

/* ---- a connection ---------------------------------------------------------------------------- */

/** One connection, of a server or a client, in the caller's memory. Zero it, or use picot_http_init, before its first
 * use. */
typedef struct picot_http_conn {
    picot_loop *loop;
    picot_fd fd; /**< 0 when not connected */
    const picot_http_limits *limits;
    struct {
        struct picot_http_head_ *head; /* the message that was read last */
        char *out;                     /* head or chunk line to be sent before the next data */
        picot_lease in;                /* received bytes; those before in_at are consumed */
        size_t in_at;
        int64_t in_left;  /* body bytes to come: of the message, or of the chunk */
        int64_t in_total; /* body bytes received */
        int64_t out_left; /* body bytes still to be written; -1: chunked; -2: until the end */
        uint32_t out_len, out_capacity, overhead;
        uint8_t role, in_state, out_state, digits;
        unsigned keep_alive : 1, no_body : 1, head_only : 1, expects_continue : 1, broken : 1, linger : 1, reused : 1;
        unsigned minor : 1, draining : 1, drain_unread : 1;
    } _;
} picot_http_conn;

/**
 * Begin to speak HTTP on a connected handle; for servers that accept by themselves. (picot_http_connect does it, too.)
 * @param conn    filled; what it held is forgotten
 * @param loop    the loop of the handle
 * @param fd      a connected stream socket; the connection's from here on, closed by picot_http_close
 * @param limits  NULL for the defaults; must outlive the connection
 * @return  0; -EINVAL. @since 0.1
 */
PICOT_API int picot_http_init(picot_http_conn *conn, picot_loop *loop, picot_fd fd, const picot_http_limits *limits);

/**
 * picot_await(picot_http_close(.conn = &my->conn)): close the handle and free what the connection holds; conn is then
 * zeroed. When the other end may still be sending, it is first told the end and listened to for up to a second, so that
 * a last response is not lost. Not connected: frees only. Result: 0, or what close said. For defer blocks. @since 0.1
 */
PICOT_API_DECL_(int, picot_http_close, (picot_http_conn * conn;));
#define picot_http_close(...) picot_call(picot_http_close, __VA_ARGS__)

/* ---- the message that was read: valid until the next message is read, or the connection closed  */

/** The request's method, "GET"; NULL when no request was read. @since 0.1 */
PICOT_API const char *picot_http_method(const picot_http_conn *conn);

/** The request's target as it came, "/a%20b?c=d"; NULL when no request was read. @since 0.1 */
PICOT_API const char *picot_http_target(const picot_http_conn *conn);

/** The response's status, 200 to 999; 0 when no response was read. @since 0.1 */
PICOT_API int picot_http_status(const picot_http_conn *conn);

/** The message's version: 0 for HTTP/1.0, 1 for HTTP/1.1; -EINVAL when none was read. @since 0.1 */
PICOT_API int picot_http_minor_version(const picot_http_conn *conn);

/**
 * A header of the message, by name in any case.
 * @return  the value of the first of that name, without white space around it; NULL when there is none. @since 0.1
 */
PICOT_API const char *picot_http_header(const picot_http_conn *conn, const char *name);

/**
 * The headers one by one, in the order they came: for (p = NULL; picot_http_next_header(conn, &p, &name, &value);) ...
 * @param place  NULL before the first call; then private
 * @return  1: one more; 0: no more. @since 0.1
 */
PICOT_API int picot_http_next_header(const picot_http_conn *conn, const char **place, const char **ret_name,
                                     const char **ret_value);

/**
 * Bytes of the message's body: its Content-Length, 0 when it has none, -1 when it is not known before its end.
 * @since 0.1
 */
PICOT_API int64_t picot_http_body_length(const picot_http_conn *conn);

/* ---- reading a body, on both ends ------------------------------------------------------------ */

/**
 * The next piece of the body, in place. Sends "100 Continue" first where the client waits for it.
 * Result: bytes at *ret_piece, valid until the next call on the connection; 0 at the end of the body; PICOT_ETOOLARGE
 * as soon as the body exceeds body_bytes; PICOT_EEOF when it was cut off. @since 0.1
 */
PICOT_API_DECL_(int64_t, picot_http_read_piece, (picot_http_conn * conn; const char **ret_piece;));
#define picot_http_read_piece(...) picot_call(picot_http_read_piece, __VA_ARGS__)

/** The same, into a buffer: bytes, at most len; 0 at the end of the body, or when len is 0. @since 0.1 */
PICOT_API_DECL_(int64_t, picot_http_read_body, (picot_http_conn * conn; void *buf; size_t len;));
#define picot_http_read_body(...) picot_call(picot_http_read_body, __VA_ARGS__)

/** The rest of the body, whole, into a buffer. Result: its bytes; PICOT_ETOOLARGE: more than len. @since 0.1 */
PICOT_API_DECL_(int64_t, picot_http_read_whole, (picot_http_conn * conn; void *buf; size_t len;));
#define picot_http_read_whole(...) picot_call(picot_http_read_whole, __VA_ARGS__)

/** Read the rest of the body and drop it, at most limit bytes of it. Result: bytes dropped; PICOT_ETOOLARGE: there is
 * more. @since 0.1 */
PICOT_API_DECL_(int64_t, picot_http_skip_body, (picot_http_conn * conn; int64_t limit;));
#define picot_http_skip_body(...) picot_call(picot_http_skip_body, __VA_ARGS__)

/* ---- server ---------------------------------------------------------------------------------- */

/**
 * The next request's head. A rest of the last request's body is read and dropped.
 * Result: 1: a request; 0: the end: closed by the client between two messages, silent for idle_ns, or no keep-alive;
 * negative: see above, the error's answer has been sent. @since 0.1
 */
PICOT_API_DECL_(int, picot_http_read_request, (picot_http_conn * conn;));
#define picot_http_read_request(...) picot_call(picot_http_read_request, __VA_ARGS__)

/**
 * Add a header to the next response or request of the connection. Content-Length, Transfer-Encoding, Connection (and of
 * a request Host) are the library's.
 * @param name, value  copied
 * @return  0; -EINVAL: a character that may not stand there, such as a line end, or one of those names, or a message is
 *          on its way out; -ENOMEM; PICOT_ETOOLARGE: more than 64 KiB of headers. @since 0.1
 */
PICOT_API int picot_http_add_header(picot_http_conn *conn, const char *name, const char *value);

/** Close after the present response: "Connection: close". @return 0; -EINVAL. @since 0.1 */
PICOT_API int picot_http_set_close(picot_http_conn *conn);

/**
 * A response, whole, head and body together. Result: 0.
 * status: 200 to 599, 0: 200. type: the Content-Type, or NULL. For HEAD, 204 and 304 the body is not sent. @since 0.1
 */
PICOT_API_DECL_(int, picot_http_respond,
                (picot_http_conn * conn; int status; const char *type; const void *body; size_t len;));
#define picot_http_respond(...) picot_call(picot_http_respond, __VA_ARGS__)

/**
 * A response, by pieces: begin, write, ..., finish. Nothing is sent before the first write or the finish.
 * length: the body's bytes; or chunked = 1 when unknown (an HTTP/1.0 client gets it until the end of the connection).
 * @return  0; -EINVAL: no request, or a response is on its way; -ENOMEM. @since 0.1
 */
PICOT_API int picot_http_begin(picot_http_conn *conn, int status, const char *type, int64_t length, int chunked);

/** Bytes of a body begun by picot_http_begin, or by picot_http_request with streaming. Result: 0; -EINVAL: over the
 * length. @since 0.1 */
PICOT_API_DECL_(int, picot_http_write, (picot_http_conn * conn; const void *data; size_t len;));
#define picot_http_write(...) picot_call(picot_http_write, __VA_ARGS__)

/**
 * The body's end. Result: 0; -EINVAL: less than its length was written (the connection can only be closed).
 * @since 0.1
 */
PICOT_API_DECL_(int, picot_http_finish, (picot_http_conn * conn;));
#define picot_http_finish(...) picot_call(picot_http_finish, __VA_ARGS__)

/* ---- a server, ready made -------------------------------------------------------------------- */

/** What the frames of all handlers begin with. */
struct picot_http_any_handler_head {
    struct picot_frame_tail _fx;
    picot_frame _co;
    picot_http_conn *conn;
    void *user;
    int _ret;
};
typedef struct picot_http_any_handler_head picot_http_any_handler_given;

/**
 * Define a handler: picot_http_handler_fn(name, (locals;)) { picot_begin; ... picot_end; }
 * It runs once for each request, which my->conn holds, and answers it; my->user is picot_http_serve's. When it ends
 * with an error, or without an answer, the client gets 500; in the middle of an answer the connection is closed.
 */
#define picot_http_handler_fn(name, locals) picot_async_fn(int, name, (picot_http_conn * conn; void *user;), locals)

/** A handler as an argument. Only what picot_http_handler_fn defines compiles. */
#define picot_http_handler(name)                                                                                       \
    (0 * sizeof(char[sizeof(struct name##_head) == sizeof(struct picot_http_any_handler_head) ? 1 : -1]) +             \
     (1 ? &name##_fn : (const picot_fn *)(0 ? (void *)&((struct name##_head *)0)->conn->fd : (void *)0)))

/** What picot_http_serve may be told; zero is the default of each. Set with PICOT_HTTP_SERVER_OPTIONS_INIT. */
typedef struct picot_http_server_options {
    size_t size;
    picot_http_limits limits;
    uint32_t max_connections; /**< more than that wait in the kernel's queue; 0: 65536 */
    int64_t drain_ns;         /**< after picot_http_server_stop, until what is left is cut off; 0: 10 seconds */
} picot_http_server_options;

#define PICOT_HTTP_SERVER_OPTIONS_INIT                                                                                 \
    {                                                                                                                  \
        sizeof(picot_http_server_options), PICOT_HTTP_LIMITS_INIT, 0, 0                                                \
    }

/** A running server, in the caller's memory; zeroed before picot_http_serve, which uses it until it ends. */
typedef struct picot_http_server {
    uint64_t accepted; /**< connections so far */
    uint64_t requests; /**< requests so far */
    struct {
        struct picot_http_session_ *sessions; /* those alive */
        picot_group *acceptor;                /* non-NULL while accepting */
        picot_group *full;                    /* non-NULL while the acceptor waits for a session's end */
        uint32_t live;
        uint8_t stopping;
    } _;
} picot_http_server;

/**
 * Accept connections and serve each in a task of its own, until picot_http_server_stop; then let the present requests
 * end. Running out of descriptors or memory pauses accepting, and no more.
 * listener: taken over, closed as soon as it stops accepting. handler: see picot_http_handler. user: the handler's.
 * options: NULL for the defaults, else they must outlive the call. server: NULL when it need not be stopped.
 * Result: 0 after a stop; -ETIMEDOUT: drain_ns passed and connections were cut off; the codes of picot_op_accept that
 * do not pass; -EINVAL. Cancel: all connections are cut off. @since 0.1
 */
PICOT_API_DECL_(int, picot_http_serve,
                (picot_fd listener; const picot_fn *handler; void *user; const picot_http_server_options *options;
                 picot_http_server * server;));
#define picot_http_serve(...) picot_call(picot_http_serve, __VA_ARGS__)

/**
 * End a server gracefully: no new connections, idle ones are closed, busy ones after their present response. On a
 * signal: from the callback of a picot_signal.
 * @return  0, also when it is not running; before its task has begun: it then ends at once. Thread: the loop's.
 * @since 0.1
 */
PICOT_API int picot_http_server_stop(picot_http_server *server);

/* ---- client ---------------------------------------------------------------------------------- */

/**
 * Look a host up, connect, and begin to speak HTTP. Result: 0, or the codes of picot_tcp_connect_host; conn is then not
 * connected. host: a name or an address, "::1" and "[::1]" alike. port: 1 to 65535, 0: 80. limits: as picot_http_init.
 * @since 0.1
 */
PICOT_API_DECL_(int, picot_http_connect,
                (picot_http_conn * conn; const char *host; int port; const picot_http_limits *limits;));
#define picot_http_connect(...) picot_call(picot_http_connect, __VA_ARGS__)

/**
 * Send a request. A rest of the last response's body must have been read. Result: 0.
 * method: NULL: "GET". target: NULL: "/". host: the Host header, "example.org:8080"; required. type: the Content-Type
 * of the body, or NULL. streaming: 1: the body follows by picot_http_write and picot_http_finish, chunked. @since 0.1
 */
PICOT_API_DECL_(int, picot_http_request,
                (picot_http_conn * conn; const char *method; const char *target; const char *host; const char *type;
                 const void *body; size_t len; int streaming;));
#define picot_http_request(...) picot_call(picot_http_request, __VA_ARGS__)

/**
 * The head of the response to the last request. Interim (1xx) responses are skipped.
 * Result: the status, 200 to 999; 0: the connection ended before the first byte, as it may with a reused one: send the
 * request again on a new connection if it may be repeated; negative: see above. @since 0.1
 */
PICOT_API_DECL_(int, picot_http_read_response, (picot_http_conn * conn;));
#define picot_http_read_response(...) picot_call(picot_http_read_response, __VA_ARGS__)

/** 1 when the last response was read to its end and the connection may carry another request, else 0. @since 0.1 */
PICOT_API int picot_http_reusable(const picot_http_conn *conn);

PICOT_END_DECLS

#endif /* PICOT_HTTP_H */
