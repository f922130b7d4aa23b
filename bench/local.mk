# SPDX-License-Identifier: MIT
#
# bench/local.mk - benchmarks: one JSON object per line. Not run by make check.

noinst_PROGRAMS += bench/coro bench/echo bench/executors bench/files bench/idle bench/timers
bench_coro_SOURCES = bench/coro.c bench/coro_rows.c bench/coro_rows.h
bench_coro_CPPFLAGS = $(AM_CPPFLAGS) -DBENCH_SOURCES='"$(abs_top_srcdir)/bench"'
bench_coro_LDADD = libpicot_all.la
EXTRA_DIST += bench/coro.go bench/coro_asyncio.py
bench_idle_SOURCES = bench/idle.c
bench_idle_LDADD = libpicot_all.la
bench_echo_SOURCES = bench/echo.c bench/echo.h bench/echo_picot.c bench/echo_raw.c bench/rows.c bench/rows.h
bench_echo_CPPFLAGS = $(AM_CPPFLAGS) $(LIBUV_CFLAGS)
bench_echo_LDADD = libpicot_all.la
if WITH_LIBEV
bench_echo_SOURCES += bench/echo_libev.c
bench_echo_LDADD += $(LIBEV_LIBS)
endif
if WITH_LIBUV
bench_echo_SOURCES += bench/echo_libuv.c
bench_echo_LDADD += $(LIBUV_LIBS)
endif
bench_executors_SOURCES = bench/executors.c bench/executors.h bench/executors_floor.c bench/executors_picot.c \
    bench/executors_processes.c bench/rows.c bench/rows.h
bench_executors_CPPFLAGS = $(AM_CPPFLAGS) $(LIBUV_CFLAGS) -DBENCH_SOURCES='"$(abs_top_srcdir)/bench"'
bench_executors_LDADD = libpicot_all.la
if WITH_LIBUV
bench_executors_SOURCES += bench/executors_libuv.c
bench_executors_LDADD += $(LIBUV_LIBS)
endif
EXTRA_DIST += bench/executors_asyncio.py
bench_files_SOURCES = bench/files.c bench/files.h bench/files_floor.c bench/files_picot.c bench/rows.c bench/rows.h
bench_files_CPPFLAGS = $(AM_CPPFLAGS) $(LIBUV_CFLAGS)
bench_files_LDADD = libpicot_all.la
if WITH_LIBUV
bench_files_SOURCES += bench/files_libuv.c
bench_files_LDADD += $(LIBUV_LIBS)
endif
bench_timers_SOURCES = bench/timers.c bench/timers.h bench/timers_picot.c bench/rows.c bench/rows.h
bench_timers_CPPFLAGS = $(AM_CPPFLAGS) $(LIBUV_CFLAGS) $(LIBEVENT_CFLAGS) -DBENCH_SOURCES='"$(abs_top_srcdir)/bench"'
bench_timers_LDADD = libpicot_all.la -ldl
EXTRA_DIST += bench/timers.go bench/timers_asyncio.py
# First: libev brings functions of the same names.
if WITH_LIBEVENT
bench_timers_SOURCES += bench/timers_libevent.c
bench_timers_LDADD += $(LIBEVENT_LIBS)
endif
if WITH_LIBEV
bench_timers_SOURCES += bench/timers_libev.c
bench_timers_LDADD += $(LIBEV_LIBS)
endif
if WITH_LIBUV
bench_timers_SOURCES += bench/timers_libuv.c
bench_timers_LDADD += $(LIBUV_LIBS)
endif
