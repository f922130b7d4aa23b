/* SPDX-License-Identifier: MIT
 *
 * process_tell.c - who is told by workers, and collects: so that one call costs no wake-up of a third thread.
 *
 * A thread that waits for a call; or the loop whose calls they all are; else, and with many calls under way, the
 * service thread. A worker takes the shared word when it tells; whoever collects sets it anew, and looks once more. One
 * that is stale tells somebody who collects all the same: that costs a wake-up, and loses nothing.
 */
#include "process_pool.h"

#include "../backend/backend.h"
#include "futex.h"

#include <poll.h>

/* With PICOT__LOOKS_OUT calls out the service thread takes them in batches, and goes on until so many calls in a row
 * came while there were fewer. */
#define CALM 256

uint32_t picot__process_tell(const struct picot__process_pool *pool)
{
    const picot_executor *executor = &pool->base;
    if (pool->waiter) return PICOT__TELL_WAITER;
    if (executor->of_threads > 0 || executor->of_loops == 0 || pool->calm < CALM) return PICOT__TELL_SERVICE;
    return pool->port && pool->port->watch._.active ? PICOT__TELL_LOOP : PICOT__TELL_SERVICE;
}

void picot__process_gather(picot_executor *executor)
{
    struct picot__process_pool *pool = picot__process_pool_of(executor);
    if (!pool->memory || picot__process_tell(pool) == PICOT__TELL_SERVICE) return; /* it has ended; others do it */
    uint32_t *notify = &pool->memory->notify;
    do {
        (void)picot__process_take_all(pool);
        picot__process_publish(pool);
        if (picot__process_outstanding(pool) == 0) return;
        __atomic_store_n(notify, PICOT__NOTIFY(PICOT__NOTIFY_FIRST, picot__process_tell(pool)), __ATOMIC_SEQ_CST);
    } while (picot__process_has_news(pool));
}

/* ---- a thread that waits ---------------------------------------------------------------------------- */

static bool is_done(const picot_work *work)
{
    return (__atomic_load_n(&work->_.state, __ATOMIC_ACQUIRE) & PICOT__WORK_STATE) == PICOT_WORK_DONE;
}

void picot__process_ends(picot_executor *executor, const picot_work *work)
{
    static const uint64_t one = 1;
    const struct picot__process_pool *pool = picot__process_pool_of(executor);
    if (pool->waiter == work && write(pool->notify_fds[PICOT__TELL_WAITER], &one, sizeof one) < 0) return;
}

/* Until somebody tells. False: it is too late. */
static bool await_tell(int fd, int64_t deadline_ns)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    uint64_t count;
    if (deadline_ns != PICOT_NEVER) {
        int64_t left_ns = deadline_ns - picot__futex_now();
        if (left_ns <= 0) return false;
        struct timespec left = {left_ns / PICOT_SECOND, left_ns % PICOT_SECOND};
        int rc = ppoll(&polled, 1, &left, NULL);
        if (rc <= 0) return rc < 0;
    }
    return read(fd, &count, sizeof count) > 0 || errno == EINTR;
}

int picot__process_wait(picot_executor *executor, picot_work *work, int64_t deadline_ns)
{
    struct picot__process_pool *pool = picot__process_pool_of(executor);
    bool in_time = true;
    picot__executor_lock(executor);
    if (is_done(work) || pool->waiter || executor->of_threads + executor->of_loops >= PICOT__LOOKS_OUT) {
        picot__executor_unlock(executor);
        return picot__work_sleep(work, deadline_ns);
    }
    pool->waiter = work;
    picot__process_gather(executor);
    while (in_time && !is_done(work)) {
        picot__executor_unlock(executor);
        in_time = await_tell(pool->notify_fds[PICOT__TELL_WAITER], deadline_ns);
        picot__executor_lock(executor);
        picot__process_gather(executor);
    }
    pool->waiter = NULL;
    if (executor->of_threads + executor->of_loops > 0) picot__process_look(pool); /* it says who is told now */
    in_time = is_done(work);
    picot__executor_unlock(executor);
    return in_time ? 0 : -ETIMEDOUT;
}

/* ---- a loop --------------------------------------------------------------------------------------------- */

static void loop_is_told(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    struct picot__port *port = watch->user;
    struct picot__process_pool *pool = picot__process_pool_of(port->executor);
    uint64_t count;
    (void)ready;
    if (read(watch->_.fd, &count, sizeof count) < 0) return;
    picot__executor_lock(port->executor);
    bool stale = pool->memory && picot__process_tell(pool) != PICOT__TELL_LOOP;
    if (stale) picot__process_look(pool);
    picot__executor_unlock(port->executor);
    picot__port_collect(loop, port);
}

/* Where it cannot watch, and on a clock that would run away meanwhile, the service thread posts to it. */
void picot__process_enters(picot_executor *executor, struct picot__port *port)
{
    const struct picot__process_pool *pool = picot__process_pool_of(executor);
    picot_loop *loop = port->loop;
    if (port->watch._.active || loop->backend == &picot__backend_sim) return;
    if (picot_watch_add(loop, &port->watch, pool->notify_fds[PICOT__TELL_LOOP], PICOT_READABLE, loop_is_told, port) < 0)
        return;
    port->watch._.active = PICOT__WATCH_UNCOUNTED;
    loop->watches--;
}

/* It is counted already. Does it change who is to be told of those that are out? */
void picot__process_joins(picot_executor *executor, struct picot__port *port)
{
    struct picot__process_pool *pool = picot__process_pool_of(executor);
    bool alone = executor->of_loops + executor->of_threads == 1;
    uint32_t before = alone ? PICOT__TELL_SERVICE : picot__process_tell(pool);
    if (port && executor->of_loops == 1)
        pool->port = port;
    else if (port && pool->port != port)
        pool->port = NULL;
    if (executor->of_loops >= PICOT__LOOKS_OUT)
        pool->calm = 0;
    else if (pool->calm < CALM)
        pool->calm++;
    if (!port && executor->of_threads == 1 && !alone) before = PICOT__TELL_LOOP; /* it may have been */
    if (before == PICOT__TELL_LOOP && picot__process_tell(pool) != before) picot__process_look(pool);
}
