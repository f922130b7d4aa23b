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
#include <picot/coro.h>
#include <picot/error.h>
#include <picot/extension.h>
#include <picot/group.h>
#include <picot/io.h>
#include <picot/loop.h>
#include <picot/metrics.h>
#include <picot/op.h>
#include <picot/sim.h>
#include <picot/task.h>
#include <picot/tcp.h>
#include <picot/timer.h>
#include <picot/watch.h>

#endif /* PICOT_H */
