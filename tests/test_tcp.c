/* SPDX-License-Identifier: MIT
 *
 * test_tcp.c - TCP: listeners, connections by address and by name, options, and that no failure leaves a descriptor
 * behind.
 */
#include "tap.h"
#include <netinet/tcp.h>
#include <picot.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static picot_fd listen_at(picot_loop *loop, const char *text, const picot_tcp_listen_options *options,
                          picot_addr *ret_addr)
{
    picot_addr addr;
    CHECK_EQ(picot_addr_parse(text, 0, &addr), 0);
    picot_fd fd = picot_tcp_listen(loop, &addr, options);
    if (fd > 0) CHECK_EQ(picot_tcp_local_addr(loop, fd, ret_addr), 0);
    return fd;
}

static int option_of(picot_loop *loop, picot_fd fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    CHECK_EQ(getsockopt(picot_fd_number(loop, fd), level, name, &value, &len), 0);
    return value;
}

picot_async_fn(int, close_it, (picot_fd fd;), (int64_t rc;))
{
    picot_begin;
    picot_await(my->rc, picot_close(.fd = my->fd));
    picot_return((int)my->rc);
    picot_end;
}
#define close_it(...) picot_call(close_it, __VA_ARGS__)

/* ---- both ends ------------------------------------------------------------------------------- */

picot_async_fn(int, echo_once, (picot_fd listener; picot_addr * ret_peer;), (picot_fd fd; int64_t n; char buf[64];))
{
    picot_begin;
    picot_try_await(my->fd, picot_tcp_accept(.fd = my->listener, .ret_peer = my->ret_peer));
    picot_defer
    {
        picot_await(picot_close(.fd = my->fd));
    }
    CHECK_EQ(option_of(picot_this_loop(), my->fd, IPPROTO_TCP, TCP_NODELAY), 1);
    picot_try_await(my->n, picot_recv(.fd = my->fd, .buf = my->buf, .len = sizeof my->buf));
    picot_try_await(picot_send_all(.fd = my->fd, .buf = my->buf, .len = (size_t)my->n));
    picot_end;
}
#define echo_once(...) picot_call(echo_once, __VA_ARGS__)

picot_async_fn(int, both_ends, (const char *at; const char *host;),
               (picot_group group; picot_fd listener, fd; picot_addr addr, peer, mine; char buf[64], service[8];
                int64_t n;))
{
    picot_begin;
    my->listener = listen_at(picot_this_loop(), my->at, NULL, &my->addr);
    if (my->listener < 0) picot_return((int)my->listener);
    CHECK(picot_addr_port(&my->addr) > 0);
    picot_task_group(my->group);
    picot_try_spawn(&my->group, echo_once(.listener = my->listener, .ret_peer = &my->peer));
    if (my->host) {
        snprintf(my->service, sizeof my->service, "%d", picot_addr_port(&my->addr));
        picot_await(my->fd, picot_tcp_connect_host(.host = my->host, .service = my->service));
    } else {
        picot_await(my->fd, picot_tcp_connect(.addr = &my->addr));
    }
    if (my->fd < 0) picot_return((int)my->fd);
    CHECK_EQ(option_of(picot_this_loop(), my->fd, IPPROTO_TCP, TCP_NODELAY), 1);
    picot_try_await(picot_send_all(.fd = my->fd, .buf = "ping", .len = 4));
    picot_try_await(my->n, picot_recv(.fd = my->fd, .buf = my->buf, .len = sizeof my->buf));
    CHECK_EQ(my->n, 4);
    CHECK_MEM(my->buf, "ping", 4);
    CHECK_EQ(picot_tcp_local_addr(picot_this_loop(), my->fd, &my->mine), 0);
    CHECK(picot_addr_equal(&my->mine, &my->peer));
    CHECK_EQ(picot_tcp_peer_addr(picot_this_loop(), my->fd, &my->mine), 0);
    CHECK(picot_addr_equal(&my->mine, &my->addr));
    picot_try_await(picot_join(.group = &my->group));
    picot_try_await(picot_close(.fd = my->fd));
    picot_try_await(picot_close(.fd = my->listener));
    picot_end;
}
#define both_ends(...) picot_call(both_ends, __VA_ARGS__)

static void by_address(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, both_ends(.at = "127.0.0.1")), 0);
    tap_loop_end(loop);
}

static void by_address_v6(void)
{
    picot_loop *loop = tap_loop();
    int rc = picot_run(loop, both_ends(.at = "::1"));
    tap_loop_end(loop);
    if (rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT) SKIP("no IPv6 here");
    CHECK_EQ(rc, 0);
}

static void by_literal(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, both_ends(.at = "127.0.0.1", .host = "127.0.0.1")), 0);
    tap_loop_end(loop);
}

static void by_name(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, both_ends(.at = "127.0.0.1", .host = "localhost")), 0);
    tap_loop_end(loop);
}

/* ---- failures -------------------------------------------------------------------------------- */

picot_async_fn(int, connect_to, (const picot_addr *addr;), (int64_t fd;))
{
    picot_begin;
    picot_await(my->fd, picot_tcp_connect(.addr = my->addr));
    CHECK(my->fd < 0);
    picot_return((int)my->fd);
    picot_end;
}
#define connect_to(...) picot_call(connect_to, __VA_ARGS__)

picot_async_fn(int, connect_to_host, (const char *host; const char *service; int64_t attempt_ns;), (int64_t fd;))
{
    picot_begin;
    picot_await(my->fd, picot_tcp_connect_host(.host = my->host, .service = my->service, .attempt_ns = my->attempt_ns));
    CHECK(my->fd < 0);
    picot_return((int)my->fd);
    picot_end;
}
#define connect_to_host(...) picot_call(connect_to_host, __VA_ARGS__)

/* A port on which nobody listens: one that was just given back. */
static unsigned free_port(picot_loop *loop)
{
    picot_addr addr;
    picot_fd fd = listen_at(loop, "127.0.0.1", NULL, &addr);
    CHECK(fd > 0);
    CHECK_EQ(picot_run(loop, close_it(.fd = fd)), 0);
    return (unsigned)picot_addr_port(&addr);
}

static void refused(void)
{
    picot_loop *loop = tap_loop();
    picot_addr addr = {0};
    char service[8];
    CHECK_EQ(picot_addr_parse("127.0.0.1", free_port(loop), &addr), 0);
    CHECK_EQ(picot_run(loop, connect_to(.addr = &addr)), -ECONNREFUSED);
    snprintf(service, sizeof service, "%d", picot_addr_port(&addr));
    CHECK_EQ(picot_run(loop, connect_to_host(.host = "127.0.0.1", .service = service)), -ECONNREFUSED);
    CHECK_EQ(picot_run(loop, connect_to_host(.host = "localhost", .service = service)), -ECONNREFUSED);
    tap_loop_end(loop);
}

static void bad_arguments(void)
{
#ifdef PICOT_DEBUG
    SKIP("a debug build aborts on misuse");
#endif
    static const char *const bad_names[] = {"", "a..b",
                                            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example"};
    picot_loop *loop = tap_loop();
    picot_addr addr = {0}, local;
    CHECK_EQ(picot_run(loop, connect_to(.addr = NULL)), -EINVAL);
    CHECK_EQ(picot_run(loop, connect_to(.addr = &addr)), -EINVAL);
    CHECK_EQ(picot_addr_parse("unix:/x", 0, &local), 0);
    CHECK_EQ(picot_run(loop, connect_to(.addr = &local)), -EAFNOSUPPORT);
    CHECK_EQ(picot_run(loop, connect_to_host(.host = NULL, .service = NULL)), -EINVAL);
    for (size_t i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++) {
        int rc = picot_run(loop, connect_to_host(.host = bad_names[i], .service = "80"));
        CHECK(rc == -EINVAL || rc == PICOT_ENOHOST);
    }
    CHECK(picot_run(loop, connect_to_host(.host = "127.0.0.1", .service = "no-such-service")) < 0);

    picot_tcp_listen_options options = PICOT_TCP_LISTEN_OPTIONS_INIT;
    CHECK_EQ(picot_tcp_listen(NULL, &addr, NULL), -EINVAL);
    CHECK_EQ(picot_tcp_listen(loop, NULL, NULL), -EINVAL);
    CHECK_EQ(picot_tcp_listen(loop, &addr, NULL), -EINVAL);
    CHECK_EQ(picot_tcp_listen(loop, &local, NULL), -EAFNOSUPPORT);
    CHECK_EQ(picot_addr_parse("127.0.0.1", 0, &addr), 0);
    options.size = 3;
    CHECK_EQ(picot_tcp_listen(loop, &addr, &options), -EINVAL);
    options.size = sizeof options;
    options.backlog = -1;
    CHECK_EQ(picot_tcp_listen(loop, &addr, &options), -EINVAL);
    CHECK_EQ(picot_addr_parse("192.0.2.1", 0, &addr), 0); /* RFC 5737: nobody's address, so not ours */
    CHECK_EQ(picot_tcp_listen(loop, &addr, NULL), -EADDRNOTAVAIL);
    CHECK_EQ(picot_tcp_set_nodelay(loop, 0, 1), -EBADF);
    CHECK_EQ(picot_tcp_set_nodelay(NULL, 0, 1), -EINVAL);
    CHECK_EQ(picot_tcp_local_addr(loop, 0, &addr), -EBADF);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0); /* what the failed listens close */
    tap_loop_end(loop);
}

static void in_use(void)
{
    picot_loop *loop = tap_loop();
    picot_addr addr;
    picot_fd first = listen_at(loop, "127.0.0.1", NULL, &addr);
    CHECK(first > 0);
    CHECK_EQ(picot_tcp_listen(loop, &addr, NULL), -EADDRINUSE);
    CHECK_EQ(picot_run(loop, close_it(.fd = first)), 0);
    picot_fd again = picot_tcp_listen(loop, &addr, NULL);
    CHECK(again > 0);
    CHECK_EQ(picot_run(loop, close_it(.fd = again)), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    tap_loop_end(loop);
}

static void options(void)
{
    picot_loop *loop = tap_loop();
    picot_tcp_listen_options two = PICOT_TCP_LISTEN_OPTIONS_INIT;
    two.reuseport = 1;
    two.backlog = 5;
    picot_addr addr, unused;
    picot_fd first = listen_at(loop, "127.0.0.1", &two, &addr);
    CHECK(first > 0);
    CHECK_EQ(option_of(loop, first, SOL_SOCKET, SO_REUSEPORT), 1);
    CHECK_EQ(option_of(loop, first, SOL_SOCKET, SO_REUSEADDR), 1);
    picot_fd second = picot_tcp_listen(loop, &addr, &two);
    CHECK(second > 0);
    CHECK_EQ(picot_tcp_peer_addr(loop, first, &unused), -ENOTCONN);

    CHECK_EQ(picot_tcp_set_keepalive(loop, first, 60, 10, 3), 0);
    CHECK_EQ(option_of(loop, first, SOL_SOCKET, SO_KEEPALIVE), 1);
    CHECK_EQ(option_of(loop, first, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    CHECK_EQ(option_of(loop, first, IPPROTO_TCP, TCP_KEEPINTVL), 10);
    CHECK_EQ(option_of(loop, first, IPPROTO_TCP, TCP_KEEPCNT), 3);
    CHECK_EQ(picot_tcp_set_keepalive(loop, first, 0, 0, 0), 0);
    CHECK_EQ(option_of(loop, first, SOL_SOCKET, SO_KEEPALIVE), 0);
    CHECK_EQ(picot_tcp_set_keepalive(loop, first, -1, 10, 3), -EINVAL);
    CHECK_EQ(picot_tcp_set_keepalive(loop, first, 32768, 10, 3), -EINVAL);
    CHECK_EQ(picot_tcp_set_keepalive(loop, first, 1, 0, 3), -EINVAL);
    CHECK_EQ(picot_tcp_set_keepalive(loop, first, 1, 1, 128), -EINVAL);
    CHECK_EQ(picot_tcp_set_nodelay(loop, first, 1), 0);
    CHECK_EQ(option_of(loop, first, IPPROTO_TCP, TCP_NODELAY), 1);
    CHECK_EQ(picot_tcp_set_nodelay(loop, first, 0), 0);
    CHECK_EQ(option_of(loop, first, IPPROTO_TCP, TCP_NODELAY), 0);

    CHECK_EQ(picot_run(loop, close_it(.fd = first)), 0);
    CHECK_EQ(picot_run(loop, close_it(.fd = second)), 0);
#ifndef PICOT_DEBUG
    CHECK_EQ(picot_tcp_set_nodelay(loop, first, 1), -EBADF);
#endif
    tap_loop_end(loop);
}

static void *from_another_thread(void *loop)
{
    picot_addr addr;
    CHECK_EQ(picot_addr_parse("127.0.0.1", 0, &addr), 0);
    CHECK_EQ(picot_tcp_listen(loop, &addr, NULL), -EPERM);
    CHECK_EQ(picot_tcp_set_nodelay(loop, 1, 1), -EPERM);
    return NULL;
}

static void wrong_thread(void)
{
#ifdef PICOT_DEBUG
    SKIP("a debug build aborts on misuse");
#endif
    pthread_t thread;
    picot_loop *loop = tap_loop();
    CHECK_EQ(pthread_create(&thread, NULL, from_another_thread, loop), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    tap_loop_end(loop);
}

/* ---- a connect that hangs: its time-out and its cancel close the socket ---------------------- */

picot_async_fn(int, hang, (const picot_addr *addr; int64_t attempt_ns;), (int64_t fd; char service[8];))
{
    picot_begin;
    if (my->attempt_ns == 0) {
        picot_await(my->fd, picot_tcp_connect(.addr = my->addr));
    } else {
        snprintf(my->service, sizeof my->service, "%d", picot_addr_port(my->addr));
        picot_await(my->fd,
                    picot_tcp_connect_host(.host = "127.0.0.1", .service = my->service, .attempt_ns = my->attempt_ns));
    }
    picot_return((int)my->fd);
    picot_end;
}
#define hang(...) picot_call(hang, __VA_ARGS__)

picot_async_fn(int, full_backlog, (int unused;),
               (picot_group group; picot_tcp_listen_options options; picot_addr addr; picot_fd listener, fill[2];
                int rc;))
{
    picot_begin;
    my->options = (picot_tcp_listen_options)PICOT_TCP_LISTEN_OPTIONS_INIT;
    my->options.backlog = 1;
    my->listener = listen_at(picot_this_loop(), "127.0.0.1", &my->options, &my->addr);
    CHECK(my->listener > 0);
    picot_try_await(my->fill[0], picot_tcp_connect(.addr = &my->addr));
    picot_try_await(my->fill[1], picot_tcp_connect(.addr = &my->addr));

    picot_await(my->rc, hang(.addr = &my->addr, .attempt_ns = 50 * PICOT_MS));
    CHECK_EQ(my->rc, -ETIMEDOUT);
    picot_wait_for(my->rc, 50 * PICOT_MS, hang(.addr = &my->addr));
    CHECK_EQ(my->rc, -ETIMEDOUT);
    picot_task_group(my->group, .keep_going = 1);
    picot_try_spawn(&my->group, my->rc, hang(.addr = &my->addr));
    picot_try_await(picot_sleep(.ns = 20 * PICOT_MS));
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_try_await(picot_join(.group = &my->group));
    CHECK_EQ(my->rc, -ECANCELED);

    picot_try_await(picot_close(.fd = my->fill[0]));
    picot_try_await(picot_close(.fd = my->fill[1]));
    picot_try_await(picot_close(.fd = my->listener));
    picot_end;
}
#define full_backlog(...) picot_call(full_backlog, __VA_ARGS__)

static void hanging_connect(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, full_backlog(.unused = 0)), 0);
    tap_loop_end(loop);
}

/* ---- without memory -------------------------------------------------------------------------- */

static void no_memory(void)
{
    picot_loop *loop = tap_loop();
    int rc = -ENOMEM;
    for (long after = 0; rc == -ENOMEM && after < 100; after++) {
        tap_allocator_fail_after(after);
        rc = picot_run(loop, both_ends(.at = "127.0.0.1"));
        tap_allocator_fail_after(-1);
        if (rc == 0) break;
        CHECK_EQ(rc, -ENOMEM);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        loop = tap_loop();
    }
    CHECK_EQ(rc, 0);
    tap_loop_end(loop);
}

/* ---- how far a send came ------------------------------------------------------------------------- */

static char large[4 << 20];

/* The other end, which reads when it comes by. */
picot_async_fn(int, drains, (int fd; size_t wanted;), (size_t all; ssize_t got; char buf[16384];))
{
    picot_begin;
    while (my->all < my->wanted) {
        my->got = read(my->fd, my->buf, sizeof my->buf);
        if (my->got > 0) my->all += (size_t)my->got;
        picot_try_await(picot_sleep(.ns = my->got > 0 ? 0 : PICOT_MS));
    }
    picot_end;
}
#define drains(...) picot_call(drains, __VA_ARGS__)

picot_async_fn(int, send_and_tell, (int *fds;),
               (picot_fd fd; int64_t n; size_t progress; picot_scope scope; ssize_t got; size_t all; picot_group group;
                char buf[65536];))
{
    picot_begin;
    picot_task_group(my->group);
    my->fd = picot_adopt(picot_this_loop(), my->fds[0]);
    my->progress = 77;
    picot_await(my->n, picot_send_all(.fd = my->fd, .buf = "four", .len = 4, .ret_progress = &my->progress));
    CHECK_EQ(my->n, 4);
    CHECK_EQ(my->progress, 4);
    picot_timeout(my->scope, PICOT_MS) /* nobody reads: it is cut in the middle */
    {
        picot_await(my->n,
                    picot_send_all(.fd = my->fd, .buf = large, .len = sizeof large, .ret_progress = &my->progress));
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK(my->progress > 0 && my->progress < sizeof large);
    for (my->all = 0; (my->got = read(my->fds[1], my->buf, sizeof my->buf)) > 0;)
        my->all += (size_t)my->got;
    CHECK_EQ(my->all, my->progress + 4); /* no more and no less */
    picot_spawn(&my->group, drains(.fd = my->fds[1], .wanted = sizeof large));
    picot_await(my->n, picot_send_all(.fd = my->fd, .buf = large, .len = sizeof large, .ret_progress = &my->progress));
    CHECK_EQ(my->n, sizeof large); /* some of it at once, the rest waited for */
    CHECK_EQ(my->progress, sizeof large);
    picot_await(my->n, picot_join(.group = &my->group));
    CHECK_EQ(my->n, 0);
    picot_await(my->n, picot_send_all(.fd = 12345, .buf = "x", .len = 1, .ret_progress = &my->progress));
    CHECK_EQ(my->n, -EBADF);
    CHECK_EQ(my->progress, 0);
    picot_await(picot_close(.fd = my->fd));
    picot_return(0);
    picot_end;
}
#define send_and_tell(...) picot_call(send_and_tell, __VA_ARGS__)

static void a_send_tells_its_progress(void)
{
    int fds[2];
    picot_loop *loop = tap_loop();
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    CHECK_EQ(picot_run(loop, send_and_tell(.fds = fds)), 0);
    CHECK_EQ(close(fds[1]), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"a send tells how far it came", a_send_tells_its_progress, TAP_BACKENDS},
    {"both ends by address", by_address, TAP_BACKENDS},
    {"both ends by IPv6 address", by_address_v6, TAP_BACKENDS},
    {"both ends by literal", by_literal, TAP_BACKENDS},
    {"both ends by name", by_name, TAP_BACKENDS},
    {"connection refused", refused, TAP_BACKENDS},
    {"bad arguments", bad_arguments, TAP_BACKENDS},
    {"address in use", in_use, TAP_BACKENDS},
    {"options", options, TAP_BACKENDS},
    {"wrong thread", wrong_thread, TAP_BACKENDS},
    {"a connect that hangs", hanging_connect, TAP_BACKENDS},
    {"no memory", no_memory, TAP_BACKENDS},
};
TAP_MAIN(cases)
