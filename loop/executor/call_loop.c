/* SPDX-License-Identifier: MIT
 *
 * call_loop.c - from a worker back into the loop that its call came from; and the loop's default executor.
 */
#include "../backend/backend.h"
#include "executor.h"
#include "futex.h"

/* ---- from a worker ------------------------------------------------------------------------------- */

/* On the worker's stack, which waits. */
struct visit {
    picot_posted posted;
    int64_t (*fn)(picot_loop *loop, void *user);
    void *user;
    int64_t result;
    uint32_t done;
};

static void visit_arrived(picot_loop *loop, void *user)
{
    struct visit *visit = user;
    visit->result = visit->fn(loop, visit->user);
    __atomic_store_n(&visit->done, 1, __ATOMIC_RELEASE);
    picot__futex_wake(&visit->done, 1);
}

int picot_worker_call_loop(picot_worker *worker, int64_t (*fn)(picot_loop *loop, void *user), void *user,
                           int64_t *ret_result)
{
    if (!worker || !fn || !worker->work || !worker->work->_.port) return -EINVAL;
    picot_loop *loop = worker->work->_.port->loop;
    if (picot__is_owner(loop)) return -EDEADLK;
    struct visit visit = {PICOT_POSTED_INIT(visit_arrived, &visit), fn, user, 0, 0};
    int rc = picot_post(loop, &visit.posted);
    if (rc < 0) return rc;
    while (!__atomic_load_n(&visit.done, __ATOMIC_ACQUIRE))
        (void)picot__futex_wait(&visit.done, 0, PICOT_NEVER);
    if (ret_result) *ret_result = visit.result;
    return 0;
}

/* ---- the default executor ---------------------------------------------------------------------------- */

int picot_loop_executor(picot_loop *loop, picot_executor **ret_executor)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (!ret_executor) return -EINVAL;
    if (loop->executor) {
        *ret_executor = loop->executor;
        return 0;
    }
    if (!loop->own_executor) {
        picot_thread_pool_options options = PICOT_THREAD_POOL_OPTIONS_INIT;
        options.name = "picot-work";
        options.queue_limit = PICOT_POOL_UNBOUNDED; /* who waits are the loop's own tasks and operations */
        rc = picot_thread_pool_create(&options, &loop->own_executor);
        if (rc < 0) return rc;
        loop->own_executor->owned = true;
    }
    *ret_executor = loop->own_executor;
    return 0;
}

int picot_loop_set_executor(picot_loop *loop, picot_executor *executor)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (executor && (!picot__is_thread_pool(executor) || executor->owned)) return -EINVAL;
    loop->executor = executor;
    return 0;
}

void picot__executor_end_own(picot_loop *loop)
{
    if (loop->own_executor) (void)picot__executor_end(loop->own_executor);
    loop->own_executor = NULL;
}
