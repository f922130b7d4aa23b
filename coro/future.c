/* SPDX-License-Identifier: MIT
 *
 * future.c - a future's life: made, finished, asked, told to callbacks, freed with its last reference.
 *
 *     pending --set, fail, cancel, or the task's end--> finished --last reference--> freed
 */
#include "future.h"

#include <picot/report.h>
#include <stdio.h>

#include "rare.h"
#include "report.h"
#include "waitqueue.h"

struct picot__future *picot__future_new(struct picot__coro *coro, size_t value_size)
{
    if (value_size > SIZE_MAX / 2) return NULL;
    struct picot__future *future = picot__block_alloc(coro, sizeof *future + value_size);
    if (!future) return NULL;
    *future = (struct picot__future){.coro = coro, .refs = 1, .value_size = value_size};
    if (picot__handle_open(coro, future) == 0) return future;
    picot__block_free(coro, future, sizeof *future + value_size);
    return NULL;
}

static const char *name_of(const struct picot__future *future)
{
    if (future->own_name) return future->own_name;
    return future->name ? future->name : "";
}

static void report_loss(const struct picot__future *future)
{
    if (future->rc >= 0 || future->rc == -ECANCELED || future->asked || future->grouped) return;
    picot_report report = {.kind = PICOT_REPORT_NEVER_RETRIEVED,
                           .rc = future->rc,
                           .task_name = name_of(future),
                           .task_id = future->task_id,
                           .file = future->created_file ? future->created_file : "",
                           .line = future->created_line};
    picot__report(future->coro, &report);
}

void picot__future_free(struct picot__future *future)
{
    struct picot__coro *coro = future->coro;
    if (future->own_name) picot__block_free(coro, future->own_name, strlen(future->own_name) + 1);
    picot__block_free(coro, future, sizeof *future + future->value_size);
}

void picot__future_drop(struct picot__future *future)
{
    if (--future->holds > 0 || future->refs > 0) return;
    picot__handle_close(future->coro, future->handle);
    report_loss(future);
    picot__future_free(future);
}

/* Nobody is left to finish a pending one: those who wait are told. */
void picot__future_release(struct picot__future *future)
{
    if (--future->refs > 0) return;
    picot__future_hold(future);
    if (!future->done && !future->task) picot__future_finish(future, -ECANCELED, NULL);
    picot__future_drop(future);
}

/* ---- callbacks ----------------------------------------------------------------------------------- */

static void unlink_callback(struct picot__future *future, picot_done_callback *callback)
{
    if (callback->_.next == callback) {
        future->callbacks = NULL;
    } else {
        callback->_.prev->_.next = callback->_.next;
        callback->_.next->_.prev = callback->_.prev;
        if (future->callbacks == callback) future->callbacks = callback->_.next;
    }
    callback->_.next = callback->_.prev = NULL;
}

static void run_callback(picot_loop *loop, void *user)
{
    picot_done_callback *callback = user;
    picot_future handle = callback->_.future;
    struct picot__future *future;
    if (picot__future_find(loop, handle, &future) < 0) return; /* cannot be: the callback holds it */
    unlink_callback(future, callback);
    callback->fn(loop, handle, callback->user);
    picot__future_drop(future);
}

int picot_future_add_callback(picot_loop *loop, picot_future handle, picot_done_callback *callback,
                              void (*fn)(picot_loop *loop, picot_future future, void *user), void *user)
{
    struct picot__future *future;
    int rc = picot__future_find(loop, handle, &future);
    if (rc < 0) return rc;
    if (!callback || !fn) return -EINVAL;
    if (callback->_.next) return -EALREADY;
    *callback = (picot_done_callback){fn, user, {callback, callback, PICOT_JOB_INIT, handle}};
    picot_done_callback *first = future->callbacks;
    if (first) {
        callback->_.next = first;
        callback->_.prev = first->_.prev;
        first->_.prev->_.next = callback;
        first->_.prev = callback;
    } else {
        future->callbacks = callback;
    }
    picot__future_hold(future);
    return future->done ? picot_call_soon(loop, &callback->_.job, run_callback, callback) : 0;
}

int picot_future_remove_callback(picot_loop *loop, picot_done_callback *callback)
{
    struct picot__future *future;
    if (!callback) return -EINVAL;
    if (!callback->_.next) return 0;
    int rc = picot__future_find(loop, callback->_.future, &future);
    if (rc < 0) return rc;
    (void)picot_job_cancel(loop, &callback->_.job);
    unlink_callback(future, callback);
    picot__future_drop(future);
    return 0;
}

/* Is one of those who wait going to learn the error? picot_wait and the completions are not. */
static bool will_be_asked(const struct picot__future *future)
{
    const picot_waiter *first = future->waiters.first, *waiter = first;
    if (!waiter) return false;
    do {
        if (waiter->want) return true;
        waiter = waiter->next;
    } while (waiter != first);
    return false;
}

void picot__future_finish(struct picot__future *future, int rc, const void *value)
{
    future->done = true;
    future->rc = rc;
    future->task = NULL;
    if (value && rc >= 0) memcpy(future->value, value, future->value_size);
    if (will_be_asked(future)) future->asked = true;
    (void)picot__grant_all(&future->waiters, rc);
    picot_done_callback *callback = future->callbacks;
    if (callback) do {
            (void)picot_call_soon(future->coro->loop, &callback->_.job, run_callback, callback);
            callback = callback->_.next;
        } while (callback != future->callbacks);
}

/* ---- of one's own -------------------------------------------------------------------------------- */

picot_future picot_rt_future_create(picot_loop *loop, size_t value_size, const char *file, unsigned line)
{
    if (!loop) return -EINVAL;
    int rc = picot__may_use(loop);
    if (rc < 0) return rc;
    struct picot__coro *coro = picot__coro_of(loop);
    struct picot__future *future = coro ? picot__future_new(coro, value_size) : NULL;
    if (!future) return -ENOMEM;
    if (coro->debug) {
        future->created_file = file;
        future->created_line = line;
    }
    return future->handle;
}

picot_future(picot_future_create)(picot_loop *loop, size_t value_size)
{
    return picot_rt_future_create(loop, value_size, NULL, 0);
}

/* A future that its owner may finish. */
static int find_open(picot_loop *loop, picot_future handle, struct picot__future **ret_future)
{
    int rc = picot__future_find(loop, handle, ret_future);
    if (rc < 0) return rc;
    if ((*ret_future)->of_task) return -EPERM;
    return (*ret_future)->done ? -EALREADY : 0;
}

int picot_future_set(picot_loop *loop, picot_future handle, const void *value, size_t value_size)
{
    struct picot__future *future;
    int rc = find_open(loop, handle, &future);
    if (rc < 0) return rc;
    if (value_size != future->value_size || (!value && value_size > 0)) return -EINVAL;
    picot__future_finish(future, 0, value);
    return 0;
}

int picot_future_fail(picot_loop *loop, picot_future handle, int code)
{
    struct picot__future *future;
    int rc = find_open(loop, handle, &future);
    if (rc < 0) return rc;
    if (code >= 0 || code == -ECANCELED) return -EINVAL;
    picot__future_finish(future, code, NULL);
    return 0;
}

int picot_future_cancel(picot_loop *loop, picot_future handle, const char *text)
{
    struct picot__future *future;
    int rc = picot__future_find(loop, handle, &future);
    if (rc < 0) return rc;
    if (future->done) return 0;
    if (future->task)
        (void)picot_task_cancel(future->task, text);
    else
        picot__future_finish(future, -ECANCELED, NULL);
    return 1;
}

/* ---- asked --------------------------------------------------------------------------------------- */

int picot_future_done(picot_loop *loop, picot_future handle)
{
    struct picot__future *future;
    int rc = picot__future_find(loop, handle, &future);
    return rc < 0 ? rc : future->done;
}

int picot_future_cancelled(picot_loop *loop, picot_future handle)
{
    struct picot__future *future;
    int rc = picot__future_find(loop, handle, &future);
    return rc < 0 ? rc : future->done && future->rc == -ECANCELED;
}

int picot_future_result(picot_loop *loop, picot_future handle, void *ret_value, size_t value_size)
{
    struct picot__future *future;
    int rc = picot__future_find(loop, handle, &future);
    if (rc < 0) return rc;
    if (!future->done) return PICOT_ENOTDONE;
    if (ret_value && value_size != future->value_size) return -EINVAL;
    future->asked = true;
    if (future->rc >= 0 && ret_value) memcpy(ret_value, future->value, value_size);
    return future->rc;
}

picot_task *picot_future_task(picot_loop *loop, picot_future handle)
{
    struct picot__future *future;
    return picot__future_find(loop, handle, &future) == 0 ? future->task : NULL;
}

int picot_future_ref(picot_loop *loop, picot_future handle)
{
    struct picot__future *future;
    int rc = picot__future_find(loop, handle, &future);
    if (rc == 0) future->refs++;
    return rc;
}

int picot_future_unref(picot_loop *loop, picot_future handle)
{
    struct picot__future *future;
    if (handle < 0) return 0;
    int rc = picot__future_find(loop, handle, &future);
    if (rc < 0) return rc;
    if (future->refs == 0) return -EBADF; /* the library still holds it, for those who wait */
    picot__future_release(future);
    return 0;
}

static const char *state_of(const struct picot__future *future)
{
    if (future->done) return future->rc == -ECANCELED ? "cancelled" : "finished";
    if (future->task && picot_task_cancelling(future->task) > 0) return "cancelling";
    return "pending";
}

int picot_future_describe(picot_loop *loop, picot_future handle, char *buf, size_t size)
{
    struct picot__future *future;
    int rc = picot__future_find(loop, handle, &future);
    if (rc < 0) return rc;
    if (!buf && size > 0) return -EINVAL;
    char what[96] = "future", more[96] = "";
    if (future->of_task)
        (void)snprintf(what, sizeof what, "task %u %s", future->task_id,
                       future->task ? picot_task_name(future->task) : name_of(future));
    if (future->done && future->rc < 0 && future->rc != -ECANCELED)
        (void)snprintf(more, sizeof more, ", %d %s", future->rc, picot_error_name(future->rc));
    else if (future->task && !(future->task->top->fn->flags & PICOT_FN_BODY))
        (void)snprintf(more, sizeof more, ", awaits %s", future->task->top->fn->name);
    return snprintf(buf, size, "%s: %s%s", what, state_of(future), more);
}
