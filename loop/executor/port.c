/* SPDX-License-Identifier: MIT
 *
 * port.c - how works come back to a loop: one port per loop and executor, which completed works enter in a batch.
 *
 * Whoever completes the first work of a batch wakes the loop; the others find the batch begun. While many works are out
 * and come back many at a time, the loop looks by itself a moment later, and is woken earlier only by a large batch or
 * when nothing is queued any more: on a shared processor each wake-up interrupts the worker, and costs more than a
 * hundred small works. For the same reason one idle worker is then woken for many works at once, and the others only
 * when it has not got through them by the time of the look.
 *
 * A loop ends only when nobody is about to wake it, and a port keeps its executor's memory, so that the two may end in
 * any order.
 */
#include "../backend/backend.h"
#include "executor.h"
#include "futex.h"

#include <sched.h>

/* What wakes a loop that would look by itself. */
#define LOOKS_AT_MOST 1024
/* Many works out: they are queued for so long before idle workers are woken for them, or until the loop waits. */
#define WAKES_AFTER_NS (50 * PICOT_US)
#define WAKES_AT_MOST 1024

/* A loop that ends looks this often whether a function wants to call into it. */
#define LOOK_NS (5 * PICOT_MS)

/* ---- in workers, with the mutex locked ----------------------------------------------------------- */

bool picot__port_enter(struct picot__port *port, picot_work *work)
{
    work->_.next = NULL;
    *port->tail = work;
    port->tail = &work->_.next;
    port->completed_count++;
    if (port->executor->blocked > 0) (void)pthread_cond_broadcast(&port->executor->room);
    if (port->told) return false;
    port->told = !port->looks || port->completed_count >= LOOKS_AT_MOST || port->executor->queued == 0;
    return port->told;
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
    picot_wheel_disarm(loop, &port->look);
    if (port->watch._.active) picot__watch_drop(loop, &port->watch);
    picot__executor_unref(port->executor);
    picot_free(loop, port, sizeof *port);
}

static picot_work *take_completed(struct picot__port *port, size_t *ret_count, bool *ret_destroyed)
{
    picot_executor *executor = port->executor;
    picot__executor_lock(executor);
    if (port->looks && executor->queued > 0 && executor->idle > 0 && executor->type->wake)
        executor->type->wake(executor, executor->queued); /* those that are awake do not get through */
    picot_work *works = port->completed;
    *ret_count = port->completed_count;
    port->completed = NULL;
    port->tail = &port->completed;
    port->completed_count = 0;
    port->told = false;
    *ret_destroyed = executor->destroyed && port->posting == 0;
    picot__executor_unlock(executor);
    return works;
}

/* Decide who sees to the next batch. Virtual time stands still while works are out: there it is always the worker. */
static void plan_next(picot_loop *loop, struct picot__port *port, size_t count)
{
    bool looks = port->out >= PICOT__LOOKS_OUT && count >= PICOT__LOOKS_BATCH && loop->backend != &picot__backend_sim;
    if (!looks && !port->looks) return;
    picot__executor_lock(port->executor);
    bool forgotten = !looks && port->completed && !port->told;
    port->looks = looks;
    port->told = port->told || forgotten;
    picot__executor_unlock(port->executor);
    if (forgotten) (void)picot_post(loop, &port->posted);
    picot_wheel_disarm(loop, &port->look);
    if (!looks) return;
    port->look.deadline_ns = picot_loop_now(loop) + picot__looks_after_ns(port->out);
    picot_wheel_arm(loop, &port->look);
}

static void collect(picot_loop *loop, void *user)
{
    struct picot__port *port = user;
    bool destroyed;
    size_t count;
    if (port->executor->type->gather) {
        picot__executor_lock(port->executor);
        port->told = true; /* here it is */
        port->executor->type->gather(port->executor);
        picot__executor_unlock(port->executor);
    }
    port->out++; /* it stays while its works are told */
    for (picot_work *work = take_completed(port, &count, &destroyed), *next; work; work = next) {
        next = work->_.next;
        work->_.next = NULL;
        picot__port_returns(port);
        picot__budget_renew(loop);
        work->_.done(loop, work);
    }
    plan_next(loop, port, count);
    bool awaited = port->job._.next || __atomic_load_n(&port->posted._.queued, __ATOMIC_RELAXED);
    if (--port->out == 0 && destroyed && !awaited) port_free(loop, port);
}

void picot__port_collect(picot_loop *loop, struct picot__port *port)
{
    collect(loop, port);
}

static void look_due(picot_loop *loop, struct picot_wheel_node *node)
{
    collect(loop, (char *)node - offsetof(struct picot__port, look));
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
                                 .posted = PICOT_POSTED_INIT(collect, port),
                                 .look = {.expire = look_due}};
    (void)__atomic_add_fetch(&executor->refs, 1, __ATOMIC_RELAXED);
    loop->ports = port;
    return port;
}

void picot__port_leaves(struct picot__port *port)
{
    port->out++;
    if (port->executor->quiet) return;
    port->loop->works++;
    port->loop->pending_ops++;
}

void picot__port_returns(struct picot__port *port)
{
    port->out--;
    if (port->executor->quiet) return;
    port->loop->works--;
    port->loop->pending_ops--;
}

/* ---- waking workers ------------------------------------------------------------------------------- */

static void wake_workers(struct picot__port *port)
{
    size_t count = port->unwoken;
    port->unwoken = port->clock_at = 0;
    port->loop->unwoken -= count;
    if (count > port->executor->queued) count = port->executor->queued;
    if (count > 1 && port->looks) count = 1;
    if (count > 0) port->executor->type->wake(port->executor, count);
}

/* Have they been queued for long? The clock is read for the first one, the second, the fourth, ...: functions that take
 * long, and submit, hold up nobody for more than twice the time, and short ones seldom read it. */
static bool is_late(struct picot__port *port)
{
    if (port->unwoken < port->clock_at) return false;
    int64_t now_ns = picot__futex_now();
    if (port->unwoken == 1) port->unwoken_since_ns = now_ns;
    port->clock_at = port->unwoken * 2;
    return now_ns - port->unwoken_since_ns >= WAKES_AFTER_NS;
}

bool picot__port_wakes_later(struct picot__port *port)
{
    picot_executor *executor = port->executor;
    if (port->out < PICOT__LOOKS_OUT || executor->idle == 0 || !executor->type->wake) return false;
    port->unwoken++;
    port->loop->unwoken++;
    if (port->unwoken >= WAKES_AT_MOST || is_late(port)) wake_workers(port);
    return true;
}

void picot__works_wake(picot_loop *loop)
{
    for (struct picot__port *port = loop->ports; port; port = port->next) {
        if (port->unwoken == 0) continue;
        picot__executor_lock(port->executor);
        wake_workers(port);
        picot__executor_unlock(port->executor);
    }
}

/* ---- for the core ----------------------------------------------------------------------------------- */

void picot__works_cancel(picot_loop *loop)
{
    for (struct picot__port *port = loop->ports; port; port = port->next) {
        if (port->out == 0 || port->executor->quiet) continue;
        picot__executor_lock(port->executor);
        picot__executor_drop_queued(port->executor, port, -ECANCELED);
        port->executor->type->interrupt_all(port->executor, port);
        picot__executor_unlock(port->executor);
    }
}

/* Are there works that have not come back? With the mutex locked. */
static bool is_out(const struct picot__port *port)
{
    return port->completed_count < port->out;
}

/* Wait a little while works of a port are out. Were there any? */
static bool wait_a_little(struct picot__port *port)
{
    picot_executor *executor = port->executor;
    picot__executor_lock(executor);
    if (executor->type->gather) executor->type->gather(executor);
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
        if (port->out > 0 && !port->executor->quiet && wait_a_little(port)) return true;
    return false;
}

void picot__works_end(picot_loop *loop)
{
    picot__works_cancel(loop);
    picot__works_wake(loop);
    while (wait_for_any(loop))
        picot__take_posts(loop); /* functions that call into the loop are served; works may be told, too */
    for (struct picot__port *port = loop->ports; port; port = port->next)
        if (port->out > 0 && !port->executor->quiet && !port->job._.next)
            (void)picot_call_soon(loop, &port->job, collect, port);
}

void picot__port_settle(picot_loop *loop, picot_executor *executor)
{
    struct picot__port *port = loop->ports;
    while (port && port->executor != executor)
        port = port->next;
    if (!port) return;
    while (wait_a_little(port))
        continue;
    collect(loop, port);
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
