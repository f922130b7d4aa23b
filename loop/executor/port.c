/* SPDX-License-Identifier: MIT
 *
 * port.c - how works come back to a loop: one port per loop and executor, which completed works enter in a batch.
 *
 * Whoever completes the first work of a batch wakes the loop; the others find the batch begun. A loop ends only when
 * nobody is about to wake it, and a port keeps its executor's memory, so that the two may end in any order.
 */
#include "../backend/backend.h"
#include "executor.h"
#include "futex.h"

#include <sched.h>

/* A loop that ends looks this often whether a function wants to call into it. */
#define LOOK_NS (5 * PICOT_MS)

/* ---- in workers, with the mutex locked ----------------------------------------------------------- */

bool picot__port_enter(struct picot__port *port, picot_work *work)
{
    bool first = !port->completed;
    work->_.next = NULL;
    *port->tail = work;
    port->tail = &work->_.next;
    if (port->executor->blocked > 0) (void)pthread_cond_broadcast(&port->executor->room);
    return first;
}

void picot__port_post(struct picot__port *port)
{
    picot_executor *executor = port->executor;
    port->posting++;
    picot__executor_unlock(executor);
    (void)picot_post(port->loop, &port->posted);
    picot__executor_lock(executor);
    port->posting--;
}

/* ---- in the loop's thread -------------------------------------------------------------------------- */

static void port_free(picot_loop *loop, struct picot__port *port)
{
    struct picot__port **at = &loop->ports;
    while (*at != port)
        at = &(*at)->next;
    *at = port->next;
    picot__executor_unref(port->executor);
    picot_free(loop, port, sizeof *port);
}

static picot_work *take_completed(struct picot__port *port, bool *ret_destroyed)
{
    picot__executor_lock(port->executor);
    picot_work *works = port->completed;
    port->completed = NULL;
    port->tail = &port->completed;
    *ret_destroyed = port->executor->destroyed && port->posting == 0;
    picot__executor_unlock(port->executor);
    return works;
}

static void collect(picot_loop *loop, void *user)
{
    struct picot__port *port = user;
    bool destroyed;
    port->out++; /* it stays while its works are told */
    for (picot_work *work = take_completed(port, &destroyed), *next; work; work = next) {
        next = work->_.next;
        work->_.next = NULL;
        picot__port_returns(port);
        picot__budget_renew(loop);
        work->_.done(loop, work);
    }
    bool awaited = port->job._.next || __atomic_load_n(&port->posted._.queued, __ATOMIC_RELAXED);
    if (--port->out == 0 && destroyed && !awaited) port_free(loop, port);
}

struct picot__port *picot__port_of(picot_loop *loop, picot_executor *executor)
{
    for (struct picot__port *port = loop->ports; port; port = port->next)
        if (port->executor == executor) return port;
    struct picot__port *port = picot_alloc(loop, sizeof *port);
    if (!port) return NULL;
    *port = (struct picot__port){.next = loop->ports,
                                 .loop = loop,
                                 .executor = executor,
                                 .tail = &port->completed,
                                 .posted = PICOT_POSTED_INIT(collect, port)};
    (void)__atomic_add_fetch(&executor->refs, 1, __ATOMIC_RELAXED);
    loop->ports = port;
    return port;
}

void picot__port_leaves(struct picot__port *port)
{
    port->out++;
    port->loop->works++;
    port->loop->pending_ops++;
}

void picot__port_returns(struct picot__port *port)
{
    port->out--;
    port->loop->works--;
    port->loop->pending_ops--;
}

/* ---- for the core ----------------------------------------------------------------------------------- */

void picot__works_cancel(picot_loop *loop)
{
    for (struct picot__port *port = loop->ports; port; port = port->next) {
        if (port->out == 0) continue;
        picot__executor_lock(port->executor);
        picot__executor_drop_queued(port->executor, port, -ECANCELED);
        port->executor->type->interrupt_all(port->executor, port);
        picot__executor_unlock(port->executor);
    }
}

/* Are there works that have not come back? With the mutex locked. */
static bool is_out(const struct picot__port *port)
{
    size_t count = 0;
    for (const picot_work *work = port->completed; work; work = work->_.next)
        count++;
    return count < port->out;
}

/* Wait a little while works of a port are out. Were there any? */
static bool wait_a_little(struct picot__port *port)
{
    picot_executor *executor = port->executor;
    picot__executor_lock(executor);
    bool waits = is_out(port);
    if (waits) {
        int64_t until_ns = picot__futex_now() + LOOK_NS;
        struct timespec until = {until_ns / PICOT_SECOND, until_ns % PICOT_SECOND};
        executor->blocked++;
        (void)pthread_cond_timedwait(&executor->room, &executor->mutex, &until);
        executor->blocked--;
    }
    picot__executor_unlock(executor);
    return waits;
}

static bool wait_for_any(picot_loop *loop)
{
    for (struct picot__port *port = loop->ports; port; port = port->next)
        if (port->out > 0 && wait_a_little(port)) return true;
    return false;
}

void picot__works_end(picot_loop *loop)
{
    picot__works_cancel(loop);
    while (wait_for_any(loop))
        picot__take_posts(loop); /* functions that call into the loop are served; works may be told, too */
    for (struct picot__port *port = loop->ports; port; port = port->next)
        if (port->out > 0 && !port->job._.next) (void)picot_call_soon(loop, &port->job, collect, port);
}

void picot__ports_close(picot_loop *loop)
{
    while (loop->ports) {
        struct picot__port *port = loop->ports;
        picot_executor *executor = port->executor;
        if (!picot__executor_forked(executor)) {
            picot__executor_lock(executor);
            while (port->posting > 0) { /* it has woken this loop, and is on its way out */
                picot__executor_unlock(executor);
                (void)sched_yield();
                picot__executor_lock(executor);
            }
            picot__executor_unlock(executor);
        }
        port_free(loop, port);
    }
}
