# SPDX-License-Identifier: MIT
#
# tools/local.mk - what is installed beside the libraries, and the tools of the tree.

pkgconfig_DATA = tools/picot.pc
if WITH_HTTP
pkgconfig_DATA += tools/picot-http.pc
endif

cmakedir = $(libdir)/cmake/picot
cmake_DATA = tools/picot-config.cmake tools/picot-config-version.cmake

dist_bin_SCRIPTS += tools/picot-lint

# gdb does not load it by itself: `source` it.
gdbdir = $(pkgdatadir)
dist_gdb_DATA = tools/picot-gdb.py

# The site that the demonstration crawls.
noinst_PROGRAMS += tools/make_site
tools_make_site_SOURCES = \
    tools/make_site.c \
    tools/make_site.h \
    tools/make_site_page.c
tools_make_site_LDADD =
EXTRA_DIST += tools/demo
