/* SPDX-License-Identifier: MIT
 *
 * http_peer.h - for the tests of HTTP: a peer that sends given bytes as they are, and a server whose answers tell all
 * it saw.
 */
#ifndef PICOT_TESTS_HTTP_PEER_H
#define PICOT_TESTS_HTTP_PEER_H

#include "tap.h"
#include <picot.h>
#include <picot/http.h>
#include <stdio.h>
#include <stdlib.h>

/* What a peer received. */
struct text {
    size_t len;
    int64_t end; /* how it ended: 0, or a code */
    char data[256 * 1024];
};

static inline void text_add(struct text *text, const char *bytes, size_t len)
{
    CHECK(len < sizeof text->data - text->len);
    memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = '\0';
}

/* A listener on a port of the system's choice. */
static inline picot_fd listen_anywhere(picot_loop *loop, picot_addr *ret_addr)
{
    picot_addr addr;
    CHECK_EQ(picot_addr_parse("127.0.0.1", 0, &addr), 0);
    picot_fd fd = picot_tcp_listen(loop, &addr, NULL);
    CHECK(fd > 0);
    CHECK_EQ(picot_tcp_local_addr(loop, fd, ret_addr), 0);
    return fd;
}

/* Send bytes, `step` at a time with turns in between (0: all at once), end the stream, and read all that comes. */
picot_async_fn(int, talk_on, (picot_fd fd; const char *bytes; size_t len, step; int stay_open; struct text * ret_text;),
               (int64_t n; size_t at, piece; int turns; char buf[4096];))
{
    picot_begin;
    my->n = 0;
    for (my->at = 0; my->n >= 0 && my->at < my->len; my->at += my->piece) {
        my->piece = my->step && my->step < my->len - my->at ? my->step : my->len - my->at;
        picot_await(my->n, picot_send_all(.fd = my->fd, .buf = my->bytes + my->at, .len = my->piece));
        for (my->turns = 0; my->step && my->turns < 3; my->turns++)
            picot_await(picot_sleep(.ns = 1)); /* a turn that looks at the kernel: a yield need not be one */
    }
    if (my->n >= 0 && !my->stay_open) picot_await(my->n, picot_shutdown(.fd = my->fd, .how = SHUT_WR));
    for (;;) {
        picot_await(my->n, picot_recv(.fd = my->fd, .buf = my->buf, .len = sizeof my->buf));
        if (my->n <= 0) break;
        text_add(my->ret_text, my->buf, (size_t)my->n);
    }
    my->ret_text->end = my->n;
    picot_end;
}
#define talk_on(...) picot_call(talk_on, __VA_ARGS__)

picot_async_fn(int, talk,
               (const picot_addr *addr; const char *bytes; size_t len, step; int stay_open; struct text * ret_text;),
               (picot_fd fd;))
{
    picot_begin;
    my->ret_text->len = 0;
    my->ret_text->data[0] = '\0';
    picot_try_await(my->fd, picot_tcp_connect(.addr = my->addr));
    picot_defer
    {
        picot_await(picot_close(.fd = my->fd));
    }
    picot_await(talk_on(.fd = my->fd, .bytes = my->bytes, .len = my->len, .step = my->step, .stay_open = my->stay_open,
                        .ret_text = my->ret_text));
    picot_end;
}
#define talk(...) picot_call(talk, __VA_ARGS__)

/* What the handler below saw last. */
struct seen {
    int requests;
    int64_t body_end; /* 0, or the code that ended the body */
};

/* Answers with the request as text: "POST /x 1.1|name=value|...|body". */
picot_http_handler_fn(describe, (struct text * text; char line[64]; char piece[512]; int64_t n; struct seen * seen;))
{
    picot_begin;
    my->seen = my->user;
    my->text = malloc(sizeof *my->text);
    CHECK(my->text);
    picot_defer
    {
        free(my->text);
    }
    my->text->len = 0;
    text_add(my->text, picot_http_method(my->conn), strlen(picot_http_method(my->conn)));
    text_add(my->text, " ", 1);
    text_add(my->text, picot_http_target(my->conn), strlen(picot_http_target(my->conn)));
    text_add(my->text, picot_http_minor_version(my->conn) ? " 1.1|" : " 1.0|", 5);
    const char *place = NULL, *name, *value;
    while (picot_http_next_header(my->conn, &place, &name, &value)) {
        text_add(my->text, name, strlen(name));
        text_add(my->text, "=", 1);
        text_add(my->text, value, strlen(value));
        text_add(my->text, "|", 1);
    }
    do {
        picot_await(my->n, picot_http_read_body(.conn = my->conn, .buf = my->piece, .len = sizeof my->piece));
        if (my->n > 0) text_add(my->text, my->piece, (size_t)my->n);
    } while (my->n > 0);
    if (my->seen) my->seen->requests++;
    if (my->seen) my->seen->body_end = my->n;
    if (my->n < 0) picot_fail((int)my->n);
    picot_try_await(picot_http_respond(.conn = my->conn, .body = my->text->data, .len = my->text->len));
    picot_end;
}

/* One server, one peer; the server is then stopped. */
struct exchange {
    const picot_http_server_options *options;
    const picot_fn *handler; /* NULL: describe */
    void *user;
    const char *bytes;
    size_t len, step;
    int stay_open;
};

picot_async_fn(int, exchange_task, (const struct exchange *what; struct text * ret_text;),
               (picot_group group; picot_http_server server; picot_addr addr; picot_fd listener; int rc;))
{
    picot_begin;
    my->listener = listen_anywhere(picot_this_loop(), &my->addr);
    my->server = (picot_http_server){0};
    picot_task_group(my->group);
    picot_try_spawn(&my->group, my->rc,
                    picot_http_serve(.listener = my->listener, .options = my->what->options, .server = &my->server,
                                     .handler = my->what->handler ? my->what->handler : picot_http_handler(describe),
                                     .user = my->what->user));
    picot_try_await(talk(.addr = &my->addr, .bytes = my->what->bytes, .len = my->what->len, .step = my->what->step,
                         .stay_open = my->what->stay_open, .ret_text = my->ret_text));
    CHECK_EQ(picot_http_server_stop(&my->server), 0);
    picot_try_await(picot_join(.group = &my->group));
    picot_return(my->rc);
    picot_end;
}
#define exchange_task(...) picot_call(exchange_task, __VA_ARGS__)

static inline void run_exchange(picot_loop *loop, const struct exchange *what, struct text *ret_text)
{
    CHECK_EQ(picot_run(loop, exchange_task(.what = what, .ret_text = ret_text)), 0);
}

/* The status of the first response; 0 when there is none. */
static inline int status_of_text(const struct text *text)
{
    int status = 0;
    return sscanf(text->data, "HTTP/1.1 %d ", &status) == 1 ? status : 0;
}

static inline int count_of(const struct text *text, const char *needle)
{
    int count = 0;
    for (const char *at = text->data; (at = strstr(at, needle)); at += strlen(needle))
        count++;
    return count;
}

#endif /* PICOT_TESTS_HTTP_PEER_H */
