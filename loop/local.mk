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
    loop/backend/sys_daemon.c \
    loop/backend/sys_notify.c \
    loop/backend/sys_path.c \
    loop/backend/sys_pid_file.c \
    loop/backend/sys_process.c \
    loop/backend/sys_process_child.c \
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
    loop/executor/extents.c \
    loop/executor/extents.h \
    loop/executor/forkserver.c \
    loop/executor/forkserver.h \
    loop/executor/futex.h \
    loop/executor/loop_executor.c \
    loop/executor/map.c \
    loop/executor/message.c \
    loop/executor/offload.c \
    loop/executor/port.c \
    loop/executor/process_memory.h \
    loop/executor/process_pool.c \
    loop/executor/process_pool.h \
    loop/executor/process_service.c \
    loop/executor/process_tell.c \
    loop/executor/process_worker.c \
    loop/executor/shared.c \
    loop/executor/shared_queue.c \
    loop/executor/thread_pool.c \
    loop/executor/work.c \
    loop/executor/works.c \
    loop/extension.c \
    loop/file_prepare.c \
    loop/internal.h \
    loop/job.c \
    loop/lease.c \
    loop/loop.c \
    loop/metrics.c \
    loop/op.c \
    loop/op_cancel.c \
    loop/op_prepare.c \
    loop/outside.h \
    loop/post.c \
    loop/process.c \
    loop/process.h \
    loop/process_order.c \
    loop/process_spawn.c \
    loop/process_talk.c \
    loop/retry.c \
    loop/shared.c \
    loop/shuffle.c \
    loop/signal.c \
    loop/timer.c \
    loop/transfer.c \
    loop/try_send.c \
    loop/turn.c \
    loop/watch.c \
    loop/wheel.c \
    loop/wheel.h \
    loop/wheel_sort.c \
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
