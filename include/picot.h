/* SPDX-License-Identifier: MIT
 *
 * picot.h - all of libpicot: an event loop with five backends, and async functions on top of it.
 *
 * To embed the loop with callbacks alone, include <picot/loop.h> and <picot/op.h>. The HTTP parts are libpicot-http's:
 * <picot/http.h>. The words without prefix (await, defer, ...) are <picot/short.h>'s.
 */
#ifndef PICOT_H
#define PICOT_H

#include <picot/addr.h>
#include <picot/base.h>
#include <picot/broadcast.h>
#include <picot/channel.h>
#include <picot/context.h>
#include <picot/coro.h>
#include <picot/daemon.h>
#include <picot/error.h>
#include <picot/executor.h>
#include <picot/extension.h>
#include <picot/file.h>
#include <picot/file_io.h>
#include <picot/future.h>
#include <picot/generator.h>
#include <picot/group.h>
#include <picot/inspect.h>
#include <picot/io.h>
#include <picot/latest.h>
#include <picot/limiter.h>
#include <picot/loop.h>
#include <picot/message.h>
#include <picot/message_io.h>
#include <picot/metrics.h>
#include <picot/op.h>
#include <picot/process.h>
#include <picot/process_pool.h>
#include <picot/queue.h>
#include <picot/report.h>
#include <picot/scope.h>
#include <picot/select.h>
#include <picot/signal.h>
#include <picot/signal_wait.h>
#include <picot/shared.h>
#include <picot/sim.h>
#include <picot/subprocess.h>
#include <picot/sync.h>
#include <picot/task.h>
#include <picot/tcp.h>
#include <picot/threads.h>
#include <picot/timer.h>
#include <picot/transfer.h>
#include <picot/watch.h>
#include <picot/whole_file.h>
#include <picot/work.h>
#include <picot/works.h>

#endif /* PICOT_H */
