/* SPDX-License-Identifier: MIT
 *
 * work.c - one call's life: queued, running, done; cancelled, waited for, told.
 *
 * A work without a loop is told in the thread that completes it: its callbacks first, then the state word turns to done
 * and wakes who sleeps on it. From then on nothing of the library touches the work: its owner may free it.
 */
#include "executor.h"
#include "futex.h"

void picot_work_call(picot_work *work, picot_work_fn *fn, void *arg)
{
    if (!work) return;
    work->_.kind = PICOT__WORK_CALL;
    work->_.u.call.fn = fn;
    work->_.u.call.arg = arg;
    work->_.u.call.ask = NULL;
}

static uint32_t load_state(const picot_work *work)
{
    return __atomic_load_n(&work->_.state, __ATOMIC_ACQUIRE);
}

static bool is_done(uint32_t state)
{
    return (state & PICOT__WORK_STATE) == PICOT_WORK_DONE;
}

enum picot_work_state picot_work_state(const picot_work *work)
{
    return work ? (enum picot_work_state)(load_state(work) & PICOT__WORK_STATE) : PICOT_WORK_IDLE;
}

int picot_work_cancelled(const picot_work *work)
{
    return work && is_done(load_state(work)) && load_state(work) & PICOT__WORK_DROPPED;
}

/* ---- the end of a call, with the mutex locked ------------------------------------------------------ */

static void run_callbacks(picot_executor *executor, picot_work *work)
{
    (void)__atomic_or_fetch(&work->_.state, PICOT__WORK_SETTLING, __ATOMIC_RELAXED);
    while (work->_.callbacks) {
        picot_work_callback *callback = work->_.callbacks;
        picot__work_callback_unlink(callback);
        picot__executor_unlock(executor);
        callback->fn(work, callback->user);
        picot__executor_lock(executor);
    }
}

static void settle(picot_executor *executor, picot_work *work, int64_t result, uint32_t state)
{
    struct picot__port *port = work->_.port;
    work->result = result;
    *(port ? &executor->of_loops : &executor->of_threads) -= 1;
    if (port) {
        __atomic_store_n(&work->_.state, state, __ATOMIC_RELEASE);
        if (picot__port_enter(port, work)) picot__port_post(port);
        return;
    }
    if (work->_.callbacks) run_callbacks(executor, work);
    if (executor->type->ends) executor->type->ends(executor, work);
    if (__atomic_exchange_n(&work->_.state, state, __ATOMIC_ACQ_REL) & PICOT__WORK_WAITED) {
        picot__executor_unlock(executor);
        picot__futex_wake(&work->_.state, INT_MAX);
        picot__executor_lock(executor);
    }
}

void picot__work_complete(picot_executor *executor, picot_work *work, int64_t result)
{
    executor->running--;
    executor->done++;
    settle(executor, work, result, PICOT_WORK_DONE);
}

void picot__work_drop(picot_executor *executor, picot_work *work, int code)
{
    settle(executor, work, code, PICOT_WORK_DONE | (code == -ECANCELED ? PICOT__WORK_DROPPED : 0u));
}

/* ---- cancel and wait ------------------------------------------------------------------------------- */

static int cancel_locked(picot_executor *executor, picot_work *work)
{
    uint32_t state = load_state(work);
    switch (state & PICOT__WORK_STATE) {
    case PICOT_WORK_QUEUED:
        picot__executor_leave_queue(executor, work);
        picot__work_drop(executor, work, -ECANCELED);
        return 1;
    case PICOT_WORK_RUNNING:
        if (!(state & (PICOT__WORK_ASKED | PICOT__WORK_SETTLING))) {
            picot__work_ask(work);
            if (executor->type->interrupt && executor->type->interrupt(executor, work)) {
                executor->running--;
                picot__work_drop(executor, work, -ECANCELED);
                return 1;
            }
        }
        return -EBUSY;
    default:
        return state & PICOT__WORK_DROPPED ? 1 : -EALREADY;
    }
}

int picot_work_cancel(picot_work *work)
{
    if (!work) return -EINVAL;
    uint32_t state = load_state(work);
    if (is_done(state)) return state & PICOT__WORK_DROPPED ? 1 : -EALREADY;
    if (state == PICOT_WORK_IDLE) return -EALREADY;
    picot_executor *executor = work->_.executor;
    if (picot__executor_forked(executor)) return PICOT_EFORKED;
    picot__executor_lock(executor);
    int rc = cancel_locked(executor, work);
    picot__executor_unlock(executor);
    return rc;
}

/* Does this thread run it, or is to run it? Then it would wait for itself. */
static bool is_own(picot_executor *executor, const picot_work *work)
{
    picot__executor_lock(executor);
    const picot_worker *self = executor->type->self(executor);
    bool own = self && (executor->single || self->work == work);
    picot__executor_unlock(executor);
    return own;
}

int picot__work_sleep(picot_work *work, int64_t deadline_ns)
{
    uint32_t state = load_state(work);
    while (!is_done(state)) {
        if (!(state & PICOT__WORK_WAITED) &&
            !__atomic_compare_exchange_n(&work->_.state, &state, state | PICOT__WORK_WAITED, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE))
            continue;
        int rc = picot__futex_wait(&work->_.state, state | PICOT__WORK_WAITED, deadline_ns);
        state = load_state(work);
        if (rc < 0) return is_done(state) ? 0 : rc;
    }
    return 0;
}

/* May it be waited for? 1: it is done; 0: yes; or a code. */
static int check_wait(const picot_work *work)
{
    if (!work) return -EINVAL;
    uint32_t state = load_state(work);
    if (state == PICOT_WORK_IDLE) return -EINVAL;
    if (work->_.port) return -EPERM;
    return is_done(state);
}

int picot_work_wait(picot_work *work, int64_t timeout_ns)
{
    int rc = timeout_ns < 0 ? -EINVAL : check_wait(work);
    if (rc != 0) return rc < 0 ? rc : 0;
    if (timeout_ns == 0) return -ETIMEDOUT;
    if (picot__executor_forked(work->_.executor)) return PICOT_EFORKED;
    if (is_own(work->_.executor, work)) return -EDEADLK;
    int64_t deadline_ns = picot__futex_deadline(timeout_ns);
    picot_executor *executor = work->_.executor;
    return executor->type->wait ? executor->type->wait(executor, work, deadline_ns)
                                : picot__work_sleep(work, deadline_ns);
}

/* ---- callbacks --------------------------------------------------------------------------------------- */

void picot__work_callback_unlink(picot_work_callback *callback)
{
    picot_work *work = callback->_.work;
    if (callback->_.next == callback) {
        work->_.callbacks = NULL;
    } else {
        callback->_.prev->_.next = callback->_.next;
        callback->_.next->_.prev = callback->_.prev;
        if (work->_.callbacks == callback) work->_.callbacks = callback->_.next;
    }
    callback->_.next = callback->_.prev = NULL;
}

static void callback_append(picot_work *work, picot_work_callback *callback)
{
    picot_work_callback *first = work->_.callbacks;
    callback->_.next = callback->_.prev = callback;
    if (first) {
        callback->_.next = first;
        callback->_.prev = first->_.prev;
        first->_.prev->_.next = callback;
        first->_.prev = callback;
    } else {
        work->_.callbacks = callback;
    }
}

int picot_work_add_callback(picot_work *work, picot_work_callback *callback, void (*fn)(picot_work *work, void *user),
                            void *user)
{
    if (!callback || !fn) return -EINVAL;
    int rc = check_wait(work);
    if (rc < 0) return rc;
    if (callback->_.next) return -EALREADY;
    *callback = (picot_work_callback){fn, user, {NULL, NULL, work}};
    if (rc == 0) {
        picot_executor *executor = work->_.executor;
        picot__executor_lock(executor);
        rc = is_done(load_state(work));
        if (rc == 0) callback_append(work, callback);
        picot__executor_unlock(executor);
    }
    if (rc > 0) fn(work, user);
    return 0;
}

int picot_work_remove_callback(picot_work_callback *callback)
{
    if (!callback) return -EINVAL;
    picot_work *work = callback->_.work;
    if (!work || is_done(load_state(work))) return 0;
    picot_executor *executor = work->_.executor;
    picot__executor_lock(executor);
    bool waiting = callback->_.next;
    if (waiting) {
        picot__work_callback_unlink(callback);
        callback->_.work = NULL;
    }
    picot__executor_unlock(executor);
    /* It is being called, or was: then it is over when all of them are. */
    if (!waiting) (void)picot__work_sleep(work, PICOT_NEVER);
    return waiting;
}

/* ---- inside the function -------------------------------------------------------------------------- */

picot_loop *picot_worker_loop(const picot_worker *worker)
{
    return worker ? worker->loop : NULL;
}

int picot_worker_cancelled(const picot_worker *worker)
{
    return worker && worker->asked && __atomic_load_n(worker->asked, __ATOMIC_RELAXED) & PICOT__WORK_ASKED;
}

unsigned picot_worker_index(const picot_worker *worker)
{
    return worker ? worker->index : UINT32_MAX;
}

void *picot_worker_data(const picot_worker *worker)
{
    return worker ? worker->data : NULL;
}

void picot_worker_set_data(picot_worker *worker, void *data)
{
    if (worker) worker->data = data;
}
