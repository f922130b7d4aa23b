# SPDX-License-Identifier: MIT
#
# tests/local.mk - every test writes TAP; Automake's tap-driver counts the cases. A shell test ends in .sh.
#
# White-box tests link libpicot_all.la, the objects; API tests link libpicot.la, so that they see only what is exported.

TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
# Exit status 1 repeats what "not ok" has said; a test that dies early misses its plan, and is found by that.
LOG_DRIVER_FLAGS = --merge --ignore-exit
SH_LOG_DRIVER_FLAGS = --merge --ignore-exit
SH_LOG_COMPILER = $(SHELL)

AM_TESTS_ENVIRONMENT = \
    srcdir='$(top_srcdir)'; builddir='$(top_builddir)'; CC='$(CC)'; CXX='$(CXX)'; NM='$(NM)'; AWK='$(AWK)'; \
    LIBTOOL='$(LIBTOOL)'; PKG_CONFIG='$(PKG_CONFIG)'; SANITIZED='$(tests_sanitized)'; \
    SANITIZE_FLAGS='$(SANITIZE_FLAGS)'; \
    export srcdir builddir CC CXX NM AWK LIBTOOL PKG_CONFIG SANITIZED SANITIZE_FLAGS;
if WITH_SANITIZER
tests_sanitized = yes
else
tests_sanitized = no
endif

# API tests and the conformance suite; white-box tests and those of examples say otherwise below.
LDADD = tests/libtap.la libpicot.la
whitebox_libs = tests/libtap.la libpicot_all.la
whitebox_http_libs = tests/libtap.la libpicot_http_all.la libpicot_all.la

check_LTLIBRARIES = tests/libtap.la
tests_libtap_la_SOURCES = tests/tap.c tests/tap.h tests/conformance/others.c tests/conformance/support.c \
    tests/conformance/support.h
tests_libtap_la_LDFLAGS = $(SANITIZE_FLAGS)

TESTS += $(check_PROGRAMS) $(structure_tests)

# ---- the structure of the sources and of what is installed --------------------------------------------------------

structure_tests = \
    tests/structure/docs.sh \
    tests/structure/examples.sh \
    tests/structure/headers.sh \
    tests/structure/imports.sh \
    tests/structure/readme.sh \
    tests/structure/size.sh \
    tests/structure/symbols.sh \
    tests/structure/wings.sh
EXTRA_DIST += $(structure_tests) tests/structure/lib.sh

EXTRA_DIST += tests/installcheck.sh
installcheck-local:
	$(AM_V_at)prefix='$(prefix)' libdir='$(libdir)' includedir='$(includedir)' srcdir='$(top_srcdir)' CC='$(CC)' \
	    CXX='$(CXX)' PKG_CONFIG='$(PKG_CONFIG)' version='$(PACKAGE_VERSION)' \
	    sanitize_flags='$(SANITIZE_FLAGS)' $(SHELL) $(top_srcdir)/tests/installcheck.sh

# ---- the conformance suite: each behaviour, on each backend ------------------------------------------------------------

check_PROGRAMS += \
    tests/conformance/accept \
    tests/conformance/availability \
    tests/conformance/bad_input \
    tests/conformance/cancel \
    tests/conformance/cancel_races \
    tests/conformance/close \
    tests/conformance/connect \
    tests/conformance/datagram \
    tests/conformance/directories \
    tests/conformance/embedding \
    tests/conformance/errors \
    tests/conformance/executor \
    tests/conformance/extend \
    tests/conformance/fairness \
    tests/conformance/files \
    tests/conformance/foreign_fds \
    tests/conformance/fork \
    tests/conformance/leases \
    tests/conformance/loop_lifecycle \
    tests/conformance/memory \
    tests/conformance/metrics \
    tests/conformance/paths \
    tests/conformance/pipes \
    tests/conformance/processes \
    tests/conformance/processes_hard \
    tests/conformance/seed \
    tests/conformance/signals \
    tests/conformance/sim \
    tests/conformance/stream_recv \
    tests/conformance/stream_send \
    tests/conformance/threads \
    tests/conformance/timers \
    tests/conformance/transfers \
    tests/conformance/vectors \
    tests/conformance/watches \
    tests/conformance/whole_files
if WITH_GLIB
check_PROGRAMS += tests/conformance/embedding_glib
endif
tests_conformance_embedding_glib_CPPFLAGS = $(AM_CPPFLAGS) $(GLIB_CFLAGS)
tests_conformance_embedding_glib_LDADD = $(LDADD) $(GLIB_LIBS)

# ---- tests of single parts ---------------------------------------------------------------------------------------------

check_PROGRAMS += \
    tests/test_addr \
    tests/test_channel \
    tests/test_coro \
    tests/test_coro_cancel \
    tests/test_coro_defer \
    tests/test_coro_eager \
    tests/test_coro_errors \
    tests/test_coro_frames \
    tests/test_coro_future \
    tests/test_coro_future_memory \
    tests/test_coro_gather \
    tests/test_coro_groups \
    tests/test_coro_memory \
    tests/test_coro_races \
    tests/test_coro_reports \
    tests/test_coro_scope \
    tests/test_coro_select \
    tests/test_coro_shield \
    tests/test_coro_sweep \
    tests/test_coro_tasks \
    tests/test_coro_wait_for \
    tests/test_daemon \
    tests/test_executor \
    tests/test_file_io \
    tests/test_files \
    tests/test_generators \
    tests/test_generators_memory \
    tests/test_inspect \
    tests/test_limiter \
    tests/test_messages \
    tests/test_offload \
    tests/test_post \
    tests/test_process_pool \
    tests/test_process_pool_wakes \
    tests/test_queue \
    tests/test_queue_interleavings \
    tests/test_request_in \
    tests/test_servers \
    tests/test_subprocess \
    tests/test_shared \
    tests/test_signals \
    tests/test_sync \
    tests/test_sync_interleavings \
    tests/test_tcp \
    tests/test_threads \
    tests/test_wheel \
    tests/test_works
tests_test_offload_LDADD = $(whitebox_libs)
tests_test_sync_interleavings_LDADD = $(whitebox_libs)
tests_test_wheel_LDADD = $(whitebox_libs)

if WITH_HTTP
check_PROGRAMS += \
    tests/test_http \
    tests/test_http_request \
    tests/test_http_response
endif
tests_test_http_LDADD = $(whitebox_http_libs)
tests_test_http_request_LDADD = $(whitebox_http_libs)
tests_test_http_response_LDADD = $(whitebox_http_libs)

# The same in the ISO C form of the macros, beside a library in the GNU form.
check_PROGRAMS += \
    tests/test_channel_iso \
    tests/test_coro_cancel_iso \
    tests/test_coro_defer_iso \
    tests/test_coro_eager_iso \
    tests/test_coro_errors_iso \
    tests/test_coro_frames_iso \
    tests/test_coro_future_iso \
    tests/test_coro_future_memory_iso \
    tests/test_coro_gather_iso \
    tests/test_coro_groups_iso \
    tests/test_coro_iso \
    tests/test_coro_memory_iso \
    tests/test_coro_races_iso \
    tests/test_coro_reports_iso \
    tests/test_coro_scope_iso \
    tests/test_coro_select_iso \
    tests/test_coro_shield_iso \
    tests/test_coro_sweep_iso \
    tests/test_coro_tasks_iso \
    tests/test_coro_wait_for_iso \
    tests/test_file_io_iso \
    tests/test_generators_iso \
    tests/test_generators_memory_iso \
    tests/test_inspect_iso \
    tests/test_limiter_iso \
    tests/test_messages_iso \
    tests/test_queue_interleavings_iso \
    tests/test_queue_iso \
    tests/test_subprocess_iso \
    tests/test_request_in_iso \
    tests/test_signals_iso \
    tests/test_sync_iso \
    tests/test_threads_iso
tests_test_coro_iso_SOURCES = tests/test_coro.c
tests_test_coro_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_defer_iso_SOURCES = tests/test_coro_defer.c
tests_test_coro_defer_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_file_io_iso_SOURCES = tests/test_file_io.c
tests_test_file_io_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_groups_iso_SOURCES = tests/test_coro_groups.c
tests_test_coro_groups_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_memory_iso_SOURCES = tests/test_coro_memory.c
tests_test_coro_memory_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_future_iso_SOURCES = tests/test_coro_future.c
tests_test_coro_future_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_scope_iso_SOURCES = tests/test_coro_scope.c
tests_test_coro_scope_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_inspect_iso_SOURCES = tests/test_inspect.c
tests_test_inspect_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_eager_iso_SOURCES = tests/test_coro_eager.c
tests_test_coro_eager_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_errors_iso_SOURCES = tests/test_coro_errors.c
tests_test_coro_errors_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_future_memory_iso_SOURCES = tests/test_coro_future_memory.c
tests_test_coro_future_memory_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_gather_iso_SOURCES = tests/test_coro_gather.c
tests_test_coro_gather_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_reports_iso_SOURCES = tests/test_coro_reports.c
tests_test_coro_reports_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_select_iso_SOURCES = tests/test_coro_select.c
tests_test_coro_select_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_tasks_iso_SOURCES = tests/test_coro_tasks.c
tests_test_coro_tasks_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_shield_iso_SOURCES = tests/test_coro_shield.c
tests_test_coro_shield_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_races_iso_SOURCES = tests/test_coro_races.c
tests_test_coro_races_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_cancel_iso_SOURCES = tests/test_coro_cancel.c
tests_test_coro_cancel_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_sweep_iso_SOURCES = tests/test_coro_sweep.c
tests_test_coro_sweep_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_frames_iso_SOURCES = tests/test_coro_frames.c
tests_test_coro_frames_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_coro_wait_for_iso_SOURCES = tests/test_coro_wait_for.c
tests_test_coro_wait_for_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_limiter_iso_SOURCES = tests/test_limiter.c
tests_test_limiter_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_signals_iso_SOURCES = tests/test_signals.c
tests_test_signals_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_sync_iso_SOURCES = tests/test_sync.c
tests_test_sync_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_subprocess_iso_SOURCES = tests/test_subprocess.c
tests_test_subprocess_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_request_in_iso_SOURCES = tests/test_request_in.c
tests_test_request_in_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_messages_iso_SOURCES = tests/test_messages.c
tests_test_messages_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_threads_iso_SOURCES = tests/test_threads.c
tests_test_threads_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_channel_iso_SOURCES = tests/test_channel.c
tests_test_channel_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_queue_interleavings_iso_SOURCES = tests/test_queue_interleavings.c
tests_test_queue_interleavings_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_queue_iso_SOURCES = tests/test_queue.c
tests_test_queue_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_generators_iso_SOURCES = tests/test_generators.c
tests_test_generators_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0
tests_test_generators_memory_iso_SOURCES = tests/test_generators_memory.c
tests_test_generators_memory_iso_CPPFLAGS = $(AM_CPPFLAGS) -DPICOT_GOTO=0

noinst_HEADERS += \
    tests/conformance/process_support.h \
    tests/coro_support.h \
    tests/dry_memory.h \
    tests/executor_support.h \
    tests/file_support.h \
    tests/http_peer.h

if WITH_CRAWLER
check_PROGRAMS += tests/test_crawler tests/test_crawler_parts
endif
tests_test_crawler_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS)
tests_test_crawler_LDADD = $(LDADD) $(ZLIB_LIBS)
tests_test_crawler_parts_SOURCES = tests/test_crawler_parts.c \
    examples/crawl/frontier.c examples/crawl/gunzip.c examples/crawl/links.c examples/crawl/url.c
tests_test_crawler_parts_CPPFLAGS = $(AM_CPPFLAGS) $(LIBXML2_CFLAGS) $(URIPARSER_CFLAGS) $(ZLIB_CFLAGS)
tests_test_crawler_parts_LDADD = $(whitebox_http_libs) $(LIBXML2_LIBS) $(URIPARSER_LIBS) $(ZLIB_LIBS)

# What test_gdb.sh looks into.
noinst_PROGRAMS += tests/gdb_subject
tests_gdb_subject_LDADD = libpicot_all.la

script_tests = \
    tests/test_compile_errors.sh \
    tests/test_crawler_site.sh \
    tests/test_eager.sh \
    tests/test_file_examples.sh \
    tests/test_gdb.sh \
    tests/test_lint.sh \
    tests/test_virtual_time.sh
TESTS += $(script_tests)
EXTRA_DIST += $(script_tests)
EXTRA_DIST += \
    tests/compile/argument_of_run.c \
    tests/compile/argument_of_spawn.c \
    tests/compile/argument_of_wait_for.c \
    tests/compile/argument_pointer.c \
    tests/compile/argument_type.c \
    tests/compile/await_four.c \
    tests/compile/await_none.c \
    tests/compile/await_outside.c \
    tests/compile/await_plain_function.c \
    tests/compile/await_three.c \
    tests/compile/await_undefined.c \
    tests/compile/await_value.c \
    tests/compile/declared_otherwise.c \
    tests/compile/defer_outside.c \
    tests/compile/for_await_integer.c \
    tests/compile/for_await_type.c \
    tests/compile/generator_argument.c \
    tests/compile/generator_awaited.c \
    tests/compile/generator_declared_otherwise.c \
    tests/compile/generator_keyword.c \
    tests/compile/generator_missing_end.c \
    tests/compile/generator_of_async.c \
    tests/compile/generator_of_type.c \
    tests/compile/generator_plain_return.c \
    tests/compile/good.c \
    tests/compile/missing_begin.c \
    tests/compile/missing_end.c \
    tests/compile/misuse.h \
    tests/compile/never_awaited.c \
    tests/compile/never_awaited_empty.c \
    tests/compile/never_awaited_generator.c \
    tests/compile/never_awaited_positional.c \
    tests/compile/next_of_a_number.c \
    tests/compile/next_type.c \
    tests/compile/option_of_group.c \
    tests/compile/plain_return.c \
    tests/compile/result_integer.c \
    tests/compile/result_of_run.c \
    tests/compile/result_of_spawn.c \
    tests/compile/result_pointer.c \
    tests/compile/return_type.c \
    tests/compile/spawn_group_value.c \
    tests/compile/spawn_without_group.c \
    tests/compile/timeout_pointer.c \
    tests/compile/undeclared_local.c \
    tests/compile/unknown_keyword.c \
    tests/compile/yield_from_outside.c \
    tests/compile/yield_from_type.c \
    tests/compile/yield_outside.c \
    tests/compile/yield_pointer_type.c \
    tests/compile/yield_type.c \
    tests/lint/across_macros.c \
    tests/lint/body_in_header.h \
    tests/lint/clean.c \
    tests/lint/generators.c \
    tests/lint/kept_address.c \
    tests/lint/lint.h \
    tests/lint/lost_in_defer.c \
    tests/lint/lost_local.c \
    tests/lint/other_rules.c \
    tests/lint/protected_scope.c \
    tests/lint/scopes.c
