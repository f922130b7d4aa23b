/* SPDX-License-Identifier: MIT
 *
 * echo.h - the servers that bench/echo compares. Each serves a ready listener until SIGTERM, in a process of its own.
 */
#ifndef PICOT_BENCH_ECHO_H
#define PICOT_BENCH_ECHO_H

#define ECHO_BUFFER_SIZE 16384

/* Return only on failure, with a message on stderr; SIGTERM ends the process. */
void echo_serve_raw_epoll(int listener);
void echo_serve_picot(int listener, const char *backend);
#ifdef HAVE_LIBUV
void echo_serve_libuv(int listener);
#endif
#ifdef HAVE_LIBEV
void echo_serve_libev(int listener);
#endif

#endif /* PICOT_BENCH_ECHO_H */
