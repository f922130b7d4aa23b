# SPDX-License-Identifier: MIT
#
# coro/local.mk - async functions, tasks and groups.

coro_sources = \
    coro/cancel.c \
    coro/completions.c \
    coro/context.c \
    coro/context.h \
    coro/dump.c \
    coro/errors.c \
    coro/errors.h \
    coro/frame.c \
    coro/future.c \
    coro/future.h \
    coro/future_task.c \
    coro/future_task.h \
    coro/future_wait.c \
    coro/group.c \
    coro/handle.c \
    coro/inspect.c \
    coro/internal.h \
    coro/io.c \
    coro/rare.c \
    coro/rare.h \
    coro/report.c \
    coro/report.h \
    coro/runtime.c \
    coro/scope.c \
    coro/select.c \
    coro/slab.c \
    coro/task.c \
    coro/wait.c \
    coro/wait_many.c \
    coro/waitqueue.c \
    coro/waitqueue.h
