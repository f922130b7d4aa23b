/* SPDX-License-Identifier: MIT
 *
 * echo_libev.c - the echo server on libev: the fastest of the C libraries at this.
 */
#include "echo.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[ECHO_BUFFER_SIZE];

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)events;
    ssize_t n = recv(watcher->fd, buffer, sizeof buffer, 0);
    if (n > 0 && send(watcher->fd, buffer, (size_t)n, MSG_NOSIGNAL) == n) return;
    ev_io_stop(loop, watcher);
    close(watcher->fd);
    free(watcher);
}

static void on_connection(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)events;
    int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ev_io *client = fd >= 0 ? malloc(sizeof *client) : NULL;
    if (!client) {
        if (fd >= 0) close(fd);
        return;
    }
    ev_io_init(client, on_readable, fd, EV_READ);
    ev_io_start(loop, client);
}

void echo_serve_libev(int listener)
{
    struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
    ev_io watcher;
    ev_io_init(&watcher, on_connection, listener, EV_READ);
    ev_io_start(loop, &watcher);
    ev_run(loop, 0);
    fprintf(stderr, "libev: the loop has ended\n");
}
