/* SPDX-License-Identifier: MIT
 *
 * executor.c - executors of all kinds: the queue, what happens when it is full, the end.
 */
#include "executor.h"

#include "../backend/backend.h"

/* ---- for the types ------------------------------------------------------------------------------- */

int picot__executor_init(picot_executor *executor, const struct picot__executor_type *type, size_t queue_limit,
                         enum picot_pool_full full)
{
    executor->fork_mark = picot__fork_mark_open();
    if (!executor->fork_mark) return -ENOMEM;
    executor->type = type;
    executor->refs = 1;
    executor->queue_limit = queue_limit;
    executor->full = full;
    executor->queue._.next = executor->queue._.prev = &executor->queue;
    /* On Linux neither needs anything but its memory. */
    (void)pthread_mutex_init(&executor->mutex, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&executor->room, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return 0;
}

bool picot__executor_forked(const picot_executor *executor)
{
    return !*executor->fork_mark;
}

void picot__executor_unref(picot_executor *executor)
{
    const unsigned char *fork_mark = executor->fork_mark;
    if (__atomic_sub_fetch(&executor->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    if (*fork_mark) {
        (void)pthread_cond_destroy(&executor->room);
        (void)pthread_mutex_destroy(&executor->mutex);
    }
    executor->type->destroy(executor);
    picot__fork_mark_close(fork_mark);
}

void picot__executor_leave_queue(picot_executor *executor, picot_work *work)
{
    picot__work_unlink(work);
    executor->queued--;
    if (executor->blocked > 0) (void)pthread_cond_broadcast(&executor->room);
}

picot_work *picot__executor_take(picot_executor *executor)
{
    picot_work *work = executor->queue._.next;
    if (work == &executor->queue) return NULL;
    picot__executor_leave_queue(executor, work);
    executor->running++;
    (void)__atomic_xor_fetch(&work->_.state, PICOT_WORK_QUEUED ^ PICOT_WORK_RUNNING, __ATOMIC_RELAXED);
    return work;
}

void picot__executor_drop_queued(picot_executor *executor, const struct picot__port *port, int code)
{
    /* First all into a list of their own: between drops the mutex may be unlocked, and the queue change. */
    picot_work chosen, *next;
    chosen._.next = chosen._.prev = &chosen;
    for (picot_work *work = executor->queue._.next; work != &executor->queue; work = next) {
        next = work->_.next;
        if (port && work->_.port != port) continue;
        picot__work_unlink(work);
        picot__work_append(&chosen, work);
    }
    while (chosen._.next != &chosen) {
        picot_work *work = chosen._.next;
        picot__executor_leave_queue(executor, work);
        picot__work_drop(executor, work, code);
    }
}

/* ---- submit -------------------------------------------------------------------------------------- */

/* Is there a place for one more? 0: yes; or a code. Called and left with the mutex locked. */
static int make_room(picot_executor *executor, const picot_work *work, bool blocks)
{
    while (!executor->closing && !executor->broken && executor->queued >= executor->queue_limit) {
        if (executor->full == PICOT_POOL_REFUSE) return -ENOBUFS;
        if (executor->full == PICOT_POOL_DROP_OLDEST) {
            picot_work *oldest = executor->queue._.next;
            picot__executor_leave_queue(executor, oldest);
            picot__work_drop(executor, oldest, -ECANCELED);
            continue;
        }
        if (work->_.port || !blocks) break;
        if (executor->full == PICOT_POOL_CALLER_RUNS) return 1;
        if (executor->type->self(executor)) return -EDEADLK;
        executor->blocked++;
        (void)pthread_cond_wait(&executor->room, &executor->mutex);
        executor->blocked--;
    }
    if (executor->closing) return PICOT_ECLOSED;
    return executor->broken;
}

/* In the thread that submits it. */
static void run_here(picot_executor *executor, picot_work *work)
{
    picot_worker worker = {executor, work, &work->_.state, UINT32_MAX, NULL, NULL};
    __atomic_store_n(&work->_.state, PICOT_WORK_RUNNING, __ATOMIC_RELAXED);
    executor->running++;
    executor->of_threads++;
    picot__executor_unlock(executor);
    int64_t result = work->_.u.call.fn(&worker, work->_.u.call.arg);
    picot__executor_lock(executor);
    picot__work_complete(executor, work, result);
}

/* Nobody can run it: take it out again, unless it was cancelled meanwhile, which has been told. */
static int take_back(picot_executor *executor, picot_work *work, int code)
{
    for (picot_work *queued = executor->queue._.next; queued != &executor->queue; queued = queued->_.next) {
        if (queued != work) continue;
        picot__executor_leave_queue(executor, work);
        *(work->_.port ? &executor->of_loops : &executor->of_threads) -= 1;
        __atomic_store_n(&work->_.state, PICOT_WORK_IDLE, __ATOMIC_RELAXED);
        return code;
    }
    return 0;
}

static int submit_locked(picot_executor *executor, picot_work *work, bool blocks)
{
    int rc = make_room(executor, work, blocks);
    if (rc < 0) return rc;
    if (rc == 1) {
        run_here(executor, work);
        return 1;
    }
    __atomic_store_n(&work->_.state, PICOT_WORK_QUEUED, __ATOMIC_RELAXED);
    picot__work_append(&executor->queue, work);
    executor->queued++;
    *(work->_.port ? &executor->of_loops : &executor->of_threads) += 1;
    if (executor->type->joins) executor->type->joins(executor, work->_.port);
    if (work->_.port && picot__port_wakes_later(work->_.port)) return 0;
    rc = executor->type->enqueue(executor);
    return rc < 0 ? take_back(executor, work, rc) : 0;
}

static int check_submit(const picot_executor *executor, const picot_work *work)
{
    if (!executor || !work || work->_.kind != executor->type->work_kind) return -EINVAL;
    if (work->_.kind == PICOT__WORK_CALL && !work->_.u.call.fn) return -EINVAL;
    if (work->_.kind == PICOT__WORK_REQUEST && !picot__request_is_whole(work)) return -EINVAL;
    if (picot__executor_forked(executor)) return PICOT_EFORKED;
    enum picot_work_state state = picot_work_state(work);
    return state == PICOT_WORK_QUEUED || state == PICOT_WORK_RUNNING ? -EBUSY : 0;
}

int picot__executor_submit(picot_executor *executor, picot_work *work, bool blocks)
{
    int rc = check_submit(executor, work);
    if (rc < 0) return rc;
    work->_.executor = executor;
    work->_.port = NULL;
    work->_.callbacks = NULL;
    picot__executor_lock(executor);
    rc = submit_locked(executor, work, blocks);
    picot__executor_unlock(executor);
    return rc;
}

int picot_executor_submit(picot_executor *executor, picot_work *work)
{
    return picot__executor_submit(executor, work, true);
}

int picot_executor_submit_on(picot_executor *executor, picot_work *work, picot_loop *loop, picot_work_done_fn *done,
                             void *user)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (!done) return -EINVAL;
    rc = check_submit(executor, work);
    if (rc < 0) return rc;
    struct picot__port *port = picot__port_of(loop, executor);
    if (!port) return -ENOMEM;
    work->_.executor = executor;
    work->_.port = port;
    work->_.callbacks = NULL;
    work->_.done = done;
    work->user = user;
    picot__port_leaves(port);
    if (executor->type->enters) executor->type->enters(executor, port);
    picot__executor_lock(executor);
    rc = submit_locked(executor, work, false);
    picot__executor_unlock(executor);
    if (rc < 0) picot__port_returns(port);
    return rc;
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void begin_shutdown(picot_executor *executor, unsigned flags)
{
    if (!executor->closing) {
        executor->closing = true;
        if (executor->blocked > 0) (void)pthread_cond_broadcast(&executor->room);
    }
    if (flags & PICOT_SHUTDOWN_CANCEL) {
        picot__executor_drop_queued(executor, NULL, -ECANCELED);
        executor->type->interrupt_all(executor, NULL);
    }
    executor->type->shutdown(executor);
}

static int shut_down(picot_executor *executor, unsigned flags)
{
    int rc = 0;
    picot__executor_lock(executor);
    if (flags & PICOT_SHUTDOWN_WAIT && executor->type->self(executor)) {
        rc = -EDEADLK;
    } else {
        begin_shutdown(executor, flags);
        if (flags & PICOT_SHUTDOWN_WAIT) executor->type->join(executor);
    }
    picot__executor_unlock(executor);
    return rc;
}

int picot_executor_shutdown(picot_executor *executor, unsigned flags)
{
    if (!executor || flags > (PICOT_SHUTDOWN_WAIT | PICOT_SHUTDOWN_CANCEL)) return -EINVAL;
    if (picot__executor_forked(executor)) return PICOT_EFORKED;
    return executor->owned ? -EBUSY : shut_down(executor, flags);
}

int picot__executor_end(picot_executor *executor)
{
    if (!picot__executor_forked(executor)) {
        int rc = shut_down(executor, PICOT_SHUTDOWN_WAIT);
        if (rc < 0) return rc;
        picot__executor_lock(executor);
        executor->destroyed = true;
        picot__executor_unlock(executor);
        if (executor->type->release) executor->type->release(executor);
    }
    picot__executor_unref(executor);
    return 0;
}

int picot_executor_destroy(picot_executor *executor)
{
    if (!executor) return 0;
    return executor->owned ? -EBUSY : picot__executor_end(executor);
}

int picot_executor_stats_get(picot_executor *executor, picot_executor_stats *ret_stats)
{
    if (!executor || !ret_stats) return -EINVAL;
    if (picot__executor_forked(executor)) return PICOT_EFORKED;
    picot__executor_lock(executor);
    /* A submit that runs its call itself is no worker. */
    size_t busy = executor->running < executor->workers ? executor->running : executor->workers;
    *ret_stats = (picot_executor_stats){.workers = executor->workers,
                                        .idle_workers = executor->workers - busy,
                                        .queued = executor->queued,
                                        .running = executor->running,
                                        .done = executor->done};
    picot__executor_unlock(executor);
    return 0;
}
