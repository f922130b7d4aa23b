# SPDX-License-Identifier: MIT
#
# coro/local.mk - async functions, tasks and groups.

coro_sources = \
    coro/frame.c \
    coro/group.c \
    coro/inspect.c \
    coro/internal.h \
    coro/io.c \
    coro/runtime.c \
    coro/scope.c \
    coro/slab.c \
    coro/task.c \
    coro/wait.c
