/* SPDX-License-Identifier: MIT
 *
 * loop_executor.c - a loop as an executor: other threads submit, its own thread is the one worker.
 *
 * Calls may take longer than their functions: those are in the list `running` until picot_work_finish. That list is
 * changed in the loop's thread only, with the mutex locked; when a running call is asked to end, the loop is woken
 * and looks for it there.
 */
#include "../backend/backend.h"
#include "executor.h"

#include <stdlib.h>

struct loop_executor {
    picot_executor base;
    picot_worker worker;
    picot_loop *loop;
    picot_posted posted;
    picot_work running; /* head of a circular list */
};

static struct loop_executor *self_of(picot_executor *executor)
{
    return (struct loop_executor *)(void *)executor;
}

/* ---- in the loop's thread -------------------------------------------------------------------------- */

static void run_one(struct loop_executor *self, picot_work *work)
{
    picot__work_append(&self->running, work);
    self->worker.work = work;
    self->worker.asked = &work->_.state;
    picot__executor_unlock(&self->base);
    picot__budget_renew(self->loop);
    int64_t result = work->_.u.call.fn(&self->worker, work->_.u.call.arg);
    picot__executor_lock(&self->base);
    self->worker.work = NULL;
    self->worker.asked = NULL;
    if (result == PICOT_WORK_LATER) return;
    picot__work_unlink(work);
    picot__work_complete(&self->base, work, result);
}

/* A running call that was asked to end, and not yet told so. */
static picot_work *next_asked(struct loop_executor *self)
{
    for (picot_work *work = self->running._.next; work != &self->running; work = work->_.next) {
        uint32_t state = __atomic_load_n(&work->_.state, __ATOMIC_RELAXED);
        if ((state & (PICOT__WORK_ASKED | PICOT__WORK_TOLD)) == PICOT__WORK_ASKED) return work;
    }
    return NULL;
}

static void tell_asked(struct loop_executor *self)
{
    picot_work *work;
    while ((work = next_asked(self))) {
        (void)__atomic_or_fetch(&work->_.state, PICOT__WORK_TOLD, __ATOMIC_RELAXED);
        if (!work->_.u.call.ask) continue;
        picot__executor_unlock(&self->base);
        work->_.u.call.ask(self->loop, work);
        picot__executor_lock(&self->base);
    }
}

/* Those that are queued now; what they submit comes in a later turn. */
static void posted_arrived(picot_loop *loop, void *user)
{
    struct loop_executor *self = user;
    (void)loop;
    picot__executor_lock(&self->base);
    for (size_t left = self->base.queued; left > 0; left--) {
        picot_work *work = picot__executor_take(&self->base);
        if (!work) break;
        run_one(self, work);
    }
    tell_asked(self);
    picot__executor_unlock(&self->base);
}

int picot_work_finish(picot_work *work, int64_t result)
{
    if (!work || result == PICOT_WORK_LATER || picot_work_state(work) != PICOT_WORK_RUNNING) return -EINVAL;
    picot_executor *executor = work->_.executor;
    if (!executor->single || !work->_.next || !executor->type->self(executor)) return -EINVAL;
    picot__executor_lock(executor);
    picot__work_unlink(work);
    picot__work_complete(executor, work, result);
    picot__executor_unlock(executor);
    return 0;
}

void picot_work_on_cancel(picot_work *work, void (*ask)(picot_loop *loop, picot_work *work))
{
    if (work) work->_.u.call.ask = ask;
}

/* ---- as an executor -------------------------------------------------------------------------------- */

/* The mutex stays locked: the loop cannot end meanwhile. */
static int wake_loop(picot_executor *executor)
{
    struct loop_executor *self = self_of(executor);
    (void)picot_post(self->loop, &self->posted);
    return 0;
}

static bool interrupt(picot_executor *executor, picot_work *work)
{
    (void)work;
    (void)wake_loop(executor);
    return false;
}

static void interrupt_all(picot_executor *executor, const struct picot__port *port)
{
    struct loop_executor *self = self_of(executor);
    for (picot_work *work = self->running._.next; work != &self->running; work = work->_.next)
        if (!port || work->_.port == port) picot__work_ask(work);
    (void)wake_loop(executor);
}

static void needs_nothing(picot_executor *executor)
{
    (void)executor;
}

static const picot_worker *worker_self(picot_executor *executor)
{
    struct loop_executor *self = self_of(executor);
    return picot__is_owner(self->loop) ? &self->worker : NULL;
}

static void destroy(picot_executor *executor)
{
    free(self_of(executor));
}

static const struct picot__executor_type loop_executor_type = {
    .name = "loop",
    .work_kind = PICOT__WORK_CALL,
    .enqueue = wake_loop,
    .interrupt_all = interrupt_all,
    .interrupt = interrupt,
    .shutdown = needs_nothing,
    .join = needs_nothing,
    .self = worker_self,
    .destroy = destroy,
};

int picot_loop_as_executor(picot_loop *loop, picot_executor **ret_executor)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (!ret_executor) return -EINVAL;
    if (!loop->as_executor) {
        struct loop_executor *self = calloc(1, sizeof *self);
        if (!self) return -ENOMEM;
        rc = picot__executor_init(&self->base, &loop_executor_type, SIZE_MAX, PICOT_POOL_WAIT);
        if (rc < 0) {
            free(self);
            return rc;
        }
        self->loop = loop;
        self->base.owned = self->base.single = true;
        self->base.workers = 1;
        self->worker = (picot_worker){.executor = &self->base, .loop = loop};
        self->posted = (picot_posted)PICOT_POSTED_INIT(posted_arrived, self);
        self->running._.next = self->running._.prev = &self->running;
        loop->as_executor = &self->base;
    }
    *ret_executor = loop->as_executor;
    return 0;
}

void picot__loop_executor_close(picot_loop *loop)
{
    picot_executor *executor = loop->as_executor;
    loop->as_executor = NULL;
    if (!executor) return;
    if (!picot__executor_forked(executor)) {
        struct loop_executor *self = self_of(executor);
        picot__executor_lock(executor);
        executor->closing = true;
        picot__executor_drop_queued(executor, NULL, -ECANCELED);
        while (self->running._.next != &self->running) { /* nobody is left to finish them */
            picot_work *work = self->running._.next;
            picot__work_unlink(work);
            picot__work_complete(executor, work, -ECANCELED);
        }
        picot__executor_unlock(executor);
    }
    picot__executor_unref(executor);
}
