# SPDX-License-Identifier: MIT
#
# coro/local.mk - async functions, tasks, groups and what they wait for.

coro_sources = \
    coro/barrier.c \
    coro/cancel.c \
    coro/condition.c \
    coro/errors.c \
    coro/errors.h \
    coro/event.c \
    coro/frame.c \
    coro/group.c \
    coro/hold.c \
    coro/inspect.c \
    coro/internal.h \
    coro/io.c \
    coro/limiter.c \
    coro/lock.c \
    coro/owned.c \
    coro/rare.c \
    coro/rare.h \
    coro/runtime.c \
    coro/rwlock.c \
    coro/scope.c \
    coro/select.c \
    coro/semaphore.c \
    coro/slab.c \
    coro/sync.h \
    coro/task.c \
    coro/token_bucket.c \
    coro/wait.c \
    coro/waitgroup.c \
    coro/waitqueue.c \
    coro/waitqueue.h
