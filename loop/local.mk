# SPDX-License-Identifier: MIT
#
# loop/local.mk - the event loop.

loop_sources = \
    loop/backend.c \
    loop/backend/attempt.c \
    loop/backend/attempt.h \
    loop/backend/attempt_plain.c \
    loop/backend/backend.h \
    loop/backend/epoll.c \
    loop/backend/fork_mark.c \
    loop/backend/mirror.c \
    loop/backend/poll.c \
    loop/backend/poll.h \
    loop/backend/readiness.c \
    loop/backend/readiness.h \
    loop/backend/select.c \
    loop/backend/sim.c \
    loop/backend/sys.c \
    loop/backend/sys_blocking.c \
    loop/backend/sys_copy.c \
    loop/backend/sys_path.c \
    loop/backend/sys_signal.c \
    loop/backend/sys_temporary.c \
    loop/backend/wakefd.c \
    loop/descriptor.c \
    loop/destroy.c \
    loop/directory.c \
    loop/due.c \
    loop/error.c \
    loop/executor/call_loop.c \
    loop/executor/executor.c \
    loop/executor/executor.h \
    loop/executor/futex.h \
    loop/executor/loop_executor.c \
    loop/executor/map.c \
    loop/executor/offload.c \
    loop/executor/port.c \
    loop/executor/thread.c \
    loop/executor/thread.h \
    loop/executor/thread_pool.c \
    loop/executor/work.c \
    loop/executor/works.c \
    loop/extension.c \
    loop/internal.h \
    loop/file_prepare.c \
    loop/job.c \
    loop/lease.c \
    loop/loop.c \
    loop/metrics.c \
    loop/op.c \
    loop/op_prepare.c \
    loop/post.c \
    loop/retry.c \
    loop/shuffle.c \
    loop/timer.c \
    loop/transfer.c \
    loop/turn.c \
    loop/watch.c \
    loop/wheel.c \
    loop/wheel.h \
    loop/whole_file.c

if WITH_URING
loop_sources += \
    loop/backend/uring.c \
    loop/backend/uring.h \
    loop/backend/uring_cancel.c \
    loop/backend/uring_done.c \
    loop/backend/uring_ops.c \
    loop/backend/uring_path.c \
    loop/backend/uring_poll.c \
    loop/backend/uring_probe.c \
    loop/backend/uring_queue.c \
    loop/backend/uring_slot.c
endif
