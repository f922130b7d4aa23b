/* SPDX-License-Identifier: MIT
 *
 * destroy.c - the end of a loop. Nothing is freed that the kernel, a thread or a task may still use: a forced destroy
 * cancels, runs the loop until all have ended, closes what is open, and only then frees.
 */
#include "backend/backend.h"

/* How long tasks may take for their cleanup before their operations are cancelled, too. */
#define GRACE_NS PICOT_SECOND
/* Then rounds of 10 ms: a thread in a slow file system is waited for; a task that goes on for ever is not. */
#define ROUNDS 3000

static bool is_with_backend(const picot_op *op)
{
    return op && (op->_.state == PICOT__PENDING || op->_.state == PICOT__RETRYING);
}

void picot__cancel_operations(picot_loop *loop)
{
    for (struct picot__descriptor *desc = picot__descriptor_next(loop, 0); desc;
         desc = picot__descriptor_next(loop, desc->fd + 1)) {
        if (is_with_backend(desc->reader)) (void)picot_cancel(loop, desc->reader);
        if (is_with_backend(desc->writer)) (void)picot_cancel(loop, desc->writer);
        picot__shared_cancel(loop, desc);
    }
    picot__offload_cancel_all(loop);
    picot__works_cancel(loop);
}

static void fail_one(picot_loop *loop, picot_op *op, int code)
{
    if (!is_with_backend(op)) return;
    if (op->_.state == PICOT__RETRYING)
        picot__retry_cancel(loop, op);
    else
        picot__finish_later(loop, op, code);
}

void picot__fail_operations(picot_loop *loop, int code)
{
    picot__works_end(loop);
    picot__children_fail(loop, code);
    picot__offload_end_all(loop, code); /* first: a thread may still be at work on one of those below */
    for (struct picot__descriptor *desc = picot__descriptor_next(loop, 0); desc;
         desc = picot__descriptor_next(loop, desc->fd + 1)) {
        fail_one(loop, desc->reader, code);
        fail_one(loop, desc->writer, code);
        for (uint32_t i = desc->shared ? desc->shared->count : 0; i-- > 0;)
            fail_one(loop, desc->shared->ops[i], code);
    }
}

/* Timers of the user's are dropped; operations and sleeping tasks that wait in the wheel are cancelled by their owners.
 */
static void cancel_timeouts(picot_loop *loop, struct picot_wheel_node *head)
{
    for (struct picot_wheel_node *node = head->next, *next; node != head; node = next) {
        next = node->next;
        picot__drop_timer(loop, node);
    }
}

static void drop_timers(picot_loop *loop)
{
    struct picot__wheel *wheel = &loop->wheel;
    for (int level = 0; level < PICOT__WHEEL_LEVELS; level++)
        for (int slot = 0; slot < PICOT__WHEEL_SLOTS; slot++)
            cancel_timeouts(loop, &wheel->slots[level][slot]);
    cancel_timeouts(loop, &wheel->near);
    cancel_timeouts(loop, &wheel->never);
}

static size_t extensions_pending(picot_loop *loop)
{
    size_t count = 0;
    for (picot_extension *extension = loop->extensions; extension; extension = extension->_.next)
        if (extension->pending) count += extension->pending(loop, extension);
    return count;
}

static size_t all_pending(picot_loop *loop)
{
    return loop->pending_ops + loop->children + loop->child_news + extensions_pending(loop);
}

/* Run turns until the count is 0, at most until a time. */
static void drain(picot_loop *loop, size_t (*count)(picot_loop *), int64_t until_ns)
{
    while (count(loop) > 0 && picot_loop_update_now(loop) < until_ns) {
        if (!loop->failed) loop->failed = picot__turn(loop, until_ns);
        if (loop->failed) {
            picot__fail_operations(loop, PICOT_EBACKEND);
            picot__deliver_finished(loop);
            picot__run_jobs(loop);
        }
    }
}

static void cancel_extensions(picot_loop *loop)
{
    for (picot_extension *extension = loop->extensions; extension; extension = extension->_.next)
        if (extension->cancel) extension->cancel(loop, extension);
}

static void closed(picot_loop *loop, picot_op *op)
{
    (void)loop;
    (void)op;
}

static void close_handles(picot_loop *loop)
{
    for (struct picot__descriptor *desc = picot__descriptor_next(loop, 0); desc;
         desc = picot__descriptor_next(loop, desc->fd + 1)) {
        if (desc->watch) (void)picot_watch_remove(loop, desc->watch);
        if (!(desc->flags & PICOT__OPEN) || desc->flags & PICOT__CLOSE_BEGUN) continue;
        if (loop->failed) { /* its backend takes nothing any more */
            int fd = desc->fd;
            picot__descriptor_forget(loop, desc);
            (void)picot__sys_close(fd);
            continue;
        }
        picot_op op;
        picot_op_close(&op, (picot_fd)picot__descriptor_key(desc));
        if (picot_submit(loop, &op, closed, NULL) == 0)
            while (picot_op_pending(&op) && !loop->failed)
                loop->failed = picot__turn(loop, PICOT_NEVER);
    }
}

/* Cancel, and let everything end by itself: first the tasks, whose cleanup may need operations, then what is left. */
static void end_work(picot_loop *loop)
{
    loop->running = true;
    cancel_extensions(loop);
    picot__children_kill(loop, false);
    drain(loop, extensions_pending, picot_loop_update_now(loop) + GRACE_NS);
    for (int round = 0; all_pending(loop) > 0 && round < ROUNDS; round++) {
        cancel_extensions(loop);
        picot__children_kill(loop, true);
        drop_timers(loop);
        picot__cancel_operations(loop);
        drain(loop, all_pending, picot_loop_update_now(loop) + 10 * PICOT_MS);
    }
    drop_timers(loop);
    if (loop->works > 0) {
        picot__works_end(loop);
        picot__run_jobs(loop);
    }
    close_handles(loop);
    picot__drop_jobs(loop);
    loop->running = false;
}

static void free_loop(picot_loop *loop)
{
    picot__children_free(loop);
    picot__offload_close(loop);
    picot__loop_executor_close(loop);
    picot__executor_end_own(loop);
    picot__ports_close(loop);
    picot__signals_free(loop);
    while (loop->extensions) {
        picot_extension *extension = loop->extensions;
        loop->extensions = extension->_.next;
        if (extension->destroy) extension->destroy(loop, extension);
    }
    loop->backend->close(loop);
    picot__descriptors_free(loop);
    picot__leases_free(loop);
    picot__retries_free(loop);
    picot__fork_mark_close(loop->fork_mark);
    picot_allocator allocator = loop->allocator;
    (void)allocator.resize(allocator.user, loop, sizeof *loop, 0);
}

int picot_loop_destroy(picot_loop *loop, unsigned flags)
{
    if (!loop) return 0;
    if (flags > PICOT_DESTROY_FORCE) return -EINVAL;
    if (loop->running) return PICOT__MISUSE(-EBUSY, "picot_loop_destroy from inside a callback");
    bool forked = !*loop->fork_mark;
    if (forked && flags != PICOT_DESTROY_FORCE) return PICOT_EFORKED;
    if (!forked && picot_loop_pending(loop) > 0) {
        if (flags != PICOT_DESTROY_FORCE) return -EBUSY;
        if (picot__check(loop) < 0) return -EPERM; /* work can only be ended by the thread that began it */
        end_work(loop);
    }
    free_loop(loop);
    return 0;
}
