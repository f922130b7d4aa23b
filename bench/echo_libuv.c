/* SPDX-License-Identifier: MIT
 *
 * echo_libuv.c - the echo server on libuv, as its guide writes it, with uv_try_write, which is its faster way.
 */
#include "echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static char buffer[ECHO_BUFFER_SIZE];

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    if (n == 0) return;
    uv_buf_t out = uv_buf_init(buf->base, n > 0 ? (unsigned)n : 0);
    if (n < 0 || uv_try_write(stream, &out, 1) != n) uv_close((uv_handle_t *)stream, on_closed);
}

static void on_connection(uv_stream_t *server, int status)
{
    uv_tcp_t *client = status == 0 ? malloc(sizeof *client) : NULL;
    if (!client) return;
    uv_tcp_init(server->loop, client);
    if (uv_accept(server, (uv_stream_t *)client) == 0)
        uv_read_start((uv_stream_t *)client, on_alloc, on_read);
    else
        uv_close((uv_handle_t *)client, on_closed);
}

void echo_serve_libuv(int listener)
{
    uv_loop_t loop;
    uv_tcp_t server;
    uv_loop_init(&loop);
    uv_tcp_init(&loop, &server);
    int rc = uv_tcp_open(&server, listener);
    if (rc == 0) rc = uv_listen((uv_stream_t *)&server, SOMAXCONN, on_connection);
    if (rc == 0) rc = uv_run(&loop, UV_RUN_DEFAULT);
    fprintf(stderr, "libuv: %s\n", uv_strerror(rc));
}
