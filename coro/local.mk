# SPDX-License-Identifier: MIT
#
# coro/local.mk - async functions, tasks, groups and what they wait for.

coro_sources = \
    coro/barrier.c \
    coro/broadcast.c \
    coro/cancel.c \
    coro/channel.c \
    coro/channel.h \
    coro/channel_wait.c \
    coro/completion_leaf.h \
    coro/completions.c \
    coro/condition.c \
    coro/context.c \
    coro/context.h \
    coro/dump.c \
    coro/errors.c \
    coro/errors.h \
    coro/event.c \
    coro/file.c \
    coro/file_whole.c \
    coro/frame.c \
    coro/future.c \
    coro/future.h \
    coro/future_task.c \
    coro/future_task.h \
    coro/future_wait.c \
    coro/generator.c \
    coro/generator.h \
    coro/generator_body.c \
    coro/generator_now.c \
    coro/group.c \
    coro/handle.c \
    coro/hold.c \
    coro/inspect.c \
    coro/internal.h \
    coro/interrupt.c \
    coro/io.c \
    coro/latest.c \
    coro/limiter.c \
    coro/lock.c \
    coro/next_mapped.c \
    coro/op_leaf.h \
    coro/owned.c \
    coro/process.c \
    coro/queue.c \
    coro/queue_wait.c \
    coro/rare.c \
    coro/rare.h \
    coro/report.c \
    coro/report.h \
    coro/run_in.c \
    coro/runtime.c \
    coro/rwlock.c \
    coro/scope.c \
    coro/select.c \
    coro/semaphore.c \
    coro/signal.c \
    coro/slab.c coro/slab.h \
    coro/spawn.c \
    coro/store.c \
    coro/store.h \
    coro/sync.h \
    coro/task.c \
    coro/threadsafe.c \
    coro/token_bucket.c \
    coro/wait.c \
    coro/wait_many.c \
    coro/waitgroup.c \
    coro/waitqueue.c \
    coro/waitqueue.h
