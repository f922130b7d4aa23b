# SPDX-License-Identifier: MIT
#
# examples/local.mk - complete programs, linked with the library's objects so that they run from the build folder.

noinst_PROGRAMS += \
    examples/cancellation \
    examples/daemon \
    examples/directory_walk \
    examples/echo_server \
    examples/executors \
    examples/file_copy \
    examples/generators \
    examples/inspection \
    examples/process_pool \
    examples/queues \
    examples/shared \
    examples/signals \
    examples/subprocess \
    examples/sync \
    examples/tasks \
    examples/virtual_time
examples_cancellation_LDADD = libpicot_all.la
examples_daemon_LDADD = libpicot_all.la
examples_directory_walk_LDADD = libpicot_all.la
examples_echo_server_LDADD = libpicot_all.la
examples_file_copy_LDADD = libpicot_all.la
examples_generators_LDADD = libpicot_all.la
examples_inspection_LDADD = libpicot_all.la
examples_executors_LDADD = libpicot_all.la
examples_process_pool_LDADD = libpicot_all.la
examples_queues_LDADD = libpicot_all.la
examples_shared_LDADD = libpicot_all.la
examples_signals_LDADD = libpicot_all.la
examples_subprocess_LDADD = libpicot_all.la
examples_sync_LDADD = libpicot_all.la
examples_tasks_LDADD = libpicot_all.la
examples_virtual_time_LDADD = libpicot_all.la

if WITH_HTTP
noinst_PROGRAMS += examples/http_server
examples_http_server_SOURCES = examples/http_server.c examples/redirects.c examples/redirects.h
examples_http_server_LDADD = libpicot_http_all.la libpicot_all.la
endif

if WITH_CRAWLER
noinst_PROGRAMS += examples/crawler
endif
examples_crawler_SOURCES = \
    examples/crawl/crawl.c \
    examples/crawl/crawl.h \
    examples/crawl/fetch.c \
    examples/crawl/fetch.h \
    examples/crawl/frontier.c \
    examples/crawl/frontier.h \
    examples/crawl/gunzip.c \
    examples/crawl/gunzip.h \
    examples/crawl/links.c \
    examples/crawl/links.h \
    examples/crawl/main.c \
    examples/crawl/options.c \
    examples/crawl/options.h \
    examples/crawl/report.c \
    examples/crawl/report.h \
    examples/crawl/url.c \
    examples/crawl/url.h
examples_crawler_CPPFLAGS = $(AM_CPPFLAGS) $(LIBXML2_CFLAGS) $(URIPARSER_CFLAGS) $(ZLIB_CFLAGS)
examples_crawler_LDADD = libpicot_http_all.la libpicot_all.la $(LIBXML2_LIBS) $(URIPARSER_LIBS) $(ZLIB_LIBS)
