# SPDX-License-Identifier: MIT
#
# coro/local.mk - async functions, tasks and groups.

coro_sources = \
    coro/broadcast.c \
    coro/cancel.c \
    coro/channel.c \
    coro/channel.h \
    coro/channel_wait.c \
    coro/errors.c \
    coro/errors.h \
    coro/frame.c \
    coro/group.c \
    coro/inspect.c \
    coro/internal.h \
    coro/io.c \
    coro/latest.c \
    coro/queue.c \
    coro/queue_wait.c \
    coro/rare.c \
    coro/rare.h \
    coro/runtime.c \
    coro/scope.c \
    coro/select.c \
    coro/slab.c \
    coro/store.c \
    coro/store.h \
    coro/task.c \
    coro/wait.c \
    coro/waitqueue.c \
    coro/waitqueue.h
