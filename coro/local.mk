# SPDX-License-Identifier: MIT
#
# coro/local.mk - async functions, tasks and groups.

coro_sources = \
    coro/cancel.c \
    coro/errors.c \
    coro/errors.h \
    coro/frame.c \
    coro/generator.c \
    coro/generator.h \
    coro/generator_body.c \
    coro/generator_now.c \
    coro/group.c \
    coro/inspect.c \
    coro/internal.h \
    coro/io.c \
    coro/rare.c \
    coro/rare.h \
    coro/runtime.c \
    coro/scope.c \
    coro/select.c \
    coro/slab.c \
    coro/task.c \
    coro/wait.c \
    coro/waitqueue.c \
    coro/waitqueue.h
