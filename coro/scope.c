/* SPDX-License-Identifier: MIT
 *
 * scope.c - scopes: entered, left, cancelled, moved, shielded; and the one alarm that a task has for all of them.
 *
 * The alarm is lazy: armed for the earliest deadline seen, and when it rings early, because that deadline's scope has
 * long been left, it is armed anew. A deadline around every receive costs a comparison.
 */
#include "internal.h"

static picot_loop *loop_of(const picot_task *task)
{
    return picot__coro_of_task(task)->loop;
}

static picot_scope *user_scope(struct picot_scope_node *node)
{
    return node->flags & PICOT__SCOPE_USER ? (picot_scope *)(void *)node : NULL; /* its first member */
}

/* ---- the alarm ------------------------------------------------------------------------------- */

static void alarm_rings(picot_loop *loop, struct picot_wheel_node *node);

static void set_alarm(struct picot__extra *extra, int64_t deadline_ns)
{
    if (deadline_ns >= extra->alarm.deadline_ns) return;
    picot_loop *loop = loop_of(extra->task);
    picot_wheel_disarm(loop, &extra->alarm);
    extra->alarm.deadline_ns = deadline_ns;
    extra->alarm.expire = alarm_rings;
    picot_wheel_arm(loop, &extra->alarm);
}

/* The nearest time at which something is to happen to this scope. */
static int64_t next_of(struct picot_scope_node *node)
{
    int64_t next_ns = node->fired ? PICOT_NEVER : node->deadline_ns;
    const picot_scope *scope = user_scope(node);
    if (scope && node->flags & PICOT__SCOPE_GRACE && scope->grace_deadline_ns < next_ns)
        next_ns = scope->grace_deadline_ns;
    return next_ns;
}

static void fire(picot_task *task, struct picot_scope_node *node)
{
    node->fired = 1;
    task->cancel |= PICOT__CANCEL_SCOPE;
}

static void lift(picot_task *task, struct picot_scope_node *node)
{
    node->flags = (uint8_t)((node->flags & ~PICOT__SCOPE_GRACE) | PICOT__SCOPE_LIFTED);
    picot__set_shield(task, task->shield);
}

static void alarm_rings(picot_loop *loop, struct picot_wheel_node *alarm)
{
    struct picot__extra *extra = (struct picot__extra *)(void *)((char *)alarm - offsetof(struct picot__extra, alarm));
    int64_t now_ns = picot_loop_now(loop), next_ns = PICOT_NEVER;
    alarm->deadline_ns = PICOT_NEVER;
    for (struct picot_scope_node *node = extra->scopes; node; node = node->outer) {
        if (!node->fired && node->deadline_ns <= now_ns) fire(extra->task, node);
        const picot_scope *scope = user_scope(node);
        if (scope && node->flags & PICOT__SCOPE_GRACE && scope->grace_deadline_ns <= now_ns) lift(extra->task, node);
        int64_t node_ns = next_of(node);
        if (node_ns < next_ns) next_ns = node_ns;
    }
    set_alarm(extra, next_ns);
    picot__task_poke(extra->task);
}

/* ---- shields --------------------------------------------------------------------------------- */

static bool is_up(const struct picot_scope_node *node)
{
    return node->shielded && !(node->flags & PICOT__SCOPE_LIFTED);
}

/*
 * Levels are those of shields and of exiting functions, and grow inwards. The one to restore may be that of a shield
 * lifted since: then it is what was outside of it (a level that was in force when the scope of its number was entered
 * is an exiting function's). A shield raised since may be further in than all of them.
 */
void picot__set_shield(picot_task *task, uint16_t level)
{
    uint16_t highest = 0;
    const struct picot_scope_node *node = task->flags & PICOT__TASK_SHIELDS ? task->extra->scopes : NULL;
    for (; node; node = node->outer) {
        if (is_up(node) && highest == 0) highest = node->index;
        if (node->index == level && node->outer_shield < level && !is_up(node)) level = node->outer_shield;
    }
    task->shield = level > highest ? level : highest;
}

static void shield(picot_task *task, struct picot_scope_node *node)
{
    node->shielded = 1;
    task->flags |= PICOT__TASK_SHIELDS;
}

static bool pending_outside(const picot_task *task, const struct picot_scope_node *node)
{
    if (task->cancel & ~PICOT__CANCEL_SCOPE) return true;
    while ((node = node->outer))
        if (node->fired) return true;
    return false;
}

/* Shields that hold a pending cancellation off only for so long begin to count. */
void picot__scope_start_grace(picot_task *task)
{
    if (!(task->flags & PICOT__TASK_SHIELDS)) return;
    for (struct picot_scope_node *node = task->extra->scopes; node; node = node->outer) {
        picot_scope *scope = user_scope(node);
        if (!scope || !is_up(node) || node->flags & PICOT__SCOPE_GRACE || scope->grace_ns == PICOT_NEVER) continue;
        if (!pending_outside(task, node)) continue;
        node->flags |= PICOT__SCOPE_GRACE;
        scope->grace_deadline_ns = picot_rt_after(task, scope->grace_ns);
        set_alarm(task->extra, scope->grace_deadline_ns);
    }
}

/* ---- entered and left ------------------------------------------------------------------------ */

static int64_t time_after(int64_t now_ns, int64_t timeout_ns)
{
    return timeout_ns > PICOT_NEVER - now_ns ? PICOT_NEVER : now_ns + timeout_ns;
}

int64_t picot_rt_after(const picot_task *task, int64_t timeout_ns)
{
    return timeout_ns < 0 ? PICOT_BAD_TIME_ : time_after(picot_loop_now(loop_of(task)), timeout_ns);
}

static void push_node(struct picot__extra *extra, struct picot_scope_node *node, int64_t now_ns, int64_t deadline_ns)
{
    picot_task *task = extra->task;
    *node = (struct picot_scope_node){.outer = extra->scopes,
                                      .outer_cause = extra->cause,
                                      .deadline_ns = deadline_ns,
                                      .index = ++task->scopes,
                                      .outer_shield = task->shield};
    extra->scopes = node;
    if (deadline_ns <= now_ns)
        fire(task, node);
    else
        set_alarm(extra, deadline_ns);
}

static void pop_node(picot_task *task, struct picot_scope_node *node)
{
    struct picot__extra *extra = task->extra;
    extra->scopes = node->outer;
    task->scopes--;
    if (task->scopes == 0) task->flags &= (uint16_t)~PICOT__TASK_SHIELDS;
    if (node->shielded && task->shield == node->index) picot__set_shield(task, node->outer_shield);
    /* A deadline inside a cleanup must not make it forget whose cancellation is being cleaned up. */
    if (!extra->cause || extra->cause == node) extra->cause = node->outer_cause;
    if (!node->fired) return;
    bool others = false;
    for (const struct picot_scope_node *outer = extra->scopes; outer && !others; outer = outer->outer)
        others = outer->fired;
    if (!others) task->cancel &= (uint8_t)~PICOT__CANCEL_SCOPE;
}

/* What a status is outside of a scope: its own cancellation is translated. */
static int translate(const picot_task *task, struct picot_scope_node *node, int rc)
{
    if (rc != -ECANCELED || task->extra->cause != node) return rc;
    node->flags |= PICOT__SCOPE_CAUGHT;
    return node->flags & PICOT__SCOPE_BY_CALL ? -ECANCELED : -ETIMEDOUT;
}

/* ---- wait_for: a scope in the arena ---------------------------------------------------------- */

int picot_rt_scope_open(picot_task *task, struct picot_frame_tail *tail, int64_t timeout_ns)
{
    if (timeout_ns < 0) return -EINVAL;
    struct picot__extra *extra = picot__extra_of(task);
    if (!extra || task->scopes == UINT16_MAX - 1) return -ENOMEM;
    struct picot_scope_node *node = picot_rt_push(task, tail, sizeof *node);
    if (!node) return -ENOMEM;
    int64_t now_ns = picot_loop_now(loop_of(task)); /* read once: each receive under a deadline comes here */
    push_node(extra, node, now_ns, time_after(now_ns, timeout_ns));
    return 0;
}

/* The awaited call has ended with rc: is it this scope's time-out? */
int picot_rt_scope_close(picot_task *task, int rc)
{
    rc = translate(task, task->extra->scopes, rc);
    if (rc == -ETIMEDOUT && task->extra->cause == task->extra->scopes) task->extra->cause = NULL;
    return rc;
}

void picot_rt_scope_pop(picot_task *task, struct picot_frame_tail *tail)
{
    struct picot_scope_node *node = task->extra->scopes;
    pop_node(task, node);
    picot_rt_pop(task, tail, node);
}

/* ---- scopes of the user's -------------------------------------------------------------------- */

int picot_rt_scope_enter(picot_task *task, picot_frame *frame, picot_scope *scope, int64_t deadline_ns,
                         int64_t grace_ns)
{
    struct picot_frame_tail *tail = picot__tail_of(frame);
    frame->rc = -EINVAL;
    if (deadline_ns == PICOT_BAD_TIME_) return frame->rc;
    frame->rc = -EBUSY;
    if (scope->task) return frame->rc;
    struct picot__extra *extra = picot__extra_of(task);
    frame->rc = -ENOMEM;
    if (!extra || task->scopes == UINT16_MAX - 1) return frame->rc;
    *scope = (picot_scope){.task = task, .frame = frame, .grace_ns = grace_ns};
    push_node(extra, &scope->node, picot_loop_now(loop_of(task)), deadline_ns);
    scope->node.flags = tail->exiting ? PICOT__SCOPE_USER | PICOT__SCOPE_CLEANUP : PICOT__SCOPE_USER;
    if (grace_ns >= 0) {
        shield(task, &scope->node);
        task->shield = scope->node.index;
        if (task->cancel) picot__scope_start_grace(task);
    }
    scope->link = (struct picot_defer_node){tail->defers, PICOT_POS_SCOPE_, 0};
    tail->defers = &scope->link;
    return frame->rc = 0;
}

static void close_scope(picot_task *task, picot_scope *scope)
{
    pop_node(task, &scope->node);
    scope->task = NULL;
}

/* The scopes inside are still open: they were left by a goto. */
static bool close_inner(picot_task *task, const picot_scope *scope)
{
    bool found = false;
    while (task->extra->scopes != &scope->node) {
        struct picot_scope_node *node = task->extra->scopes;
        picot_scope *inner = user_scope(node);
        pop_node(task, node);
        if (inner) inner->task = NULL;
        found = true;
    }
    return found;
}

static bool unlink_scopes(struct picot_frame_tail *tail, const picot_scope *scope)
{
    struct picot_defer_node **at = &tail->defers;
    while (*at && !((uintptr_t)*at & 1)) {
        struct picot_defer_node *node = *at;
        const picot_scope *other = (const picot_scope *)(const void *)((char *)node - offsetof(picot_scope, link));
        bool closed = node->pos == PICOT_POS_SCOPE_ && !other->task;
        if (closed || node == &scope->link) *at = node->next;
        if (node == &scope->link) return true;
        if (!closed) at = &node->next;
    }
    return false;
}

int picot_rt_scope_leave(picot_task *task, picot_frame *frame, picot_scope *scope)
{
    if (!scope->task) return frame->rc; /* an outer one has closed it already */
    bool jumped = close_inner(task, scope);
    if (task->extra->cause == &scope->node) frame->rc = translate(task, &scope->node, -ECANCELED);
    (void)unlink_scopes(picot__tail_of(frame), scope);
    close_scope(task, scope);
    if (jumped) frame->rc = PICOT_ESCOPE;
    return frame->rc;
}

int picot__scope_unwind(picot_task *task, struct picot_defer_node *link, int status)
{
    picot_scope *scope = (picot_scope *)(void *)((char *)link - offsetof(picot_scope, link));
    if (!scope->task) return status;
    (void)close_inner(task, scope);
    int outside = translate(task, &scope->node, status);
    bool cleanup = scope->node.flags & PICOT__SCOPE_CLEANUP; /* then the status is of what came before it */
    close_scope(task, scope);
    return cleanup ? status : outside;
}

/* ---- acted upon ------------------------------------------------------------------------------ */

static bool is_open(const picot_scope *scope)
{
    return scope && scope->task;
}

int picot_scope_cancel(picot_scope *scope, const char *text)
{
    if (!is_open(scope)) return -EINVAL;
    if (scope->node.fired) return 0;
    const picot_task *current = picot__coro_of_task(scope->task)->current;
    scope->node.flags |= PICOT__SCOPE_BY_CALL;
    scope->text = text;
    scope->origin = current ? current->id : 0;
    fire(scope->task, &scope->node);
    picot__task_poke(scope->task);
    return 0;
}

int picot_scope_reschedule(picot_scope *scope, int64_t deadline_ns)
{
    if (!is_open(scope)) return -EINVAL;
    if (scope->node.fired) return -ECANCELED;
    scope->node.deadline_ns = deadline_ns;
    if (deadline_ns <= picot_loop_now(loop_of(scope->task))) {
        fire(scope->task, &scope->node);
        picot__task_poke(scope->task);
    } else {
        set_alarm(scope->task->extra, deadline_ns);
    }
    return 0;
}

int picot_scope_set_shield(picot_scope *scope, int on)
{
    if (!is_open(scope)) return -EINVAL;
    picot_task *task = scope->task;
    struct picot_scope_node *node = &scope->node;
    node->flags &= (uint8_t) ~(PICOT__SCOPE_LIFTED | PICOT__SCOPE_GRACE);
    if (on)
        shield(task, node);
    else
        node->shielded = 0;
    scope->grace_ns = PICOT_NEVER;
    picot__set_shield(task, task->shield);
    picot__task_poke(task);
    return 0;
}

/* ---- asked ----------------------------------------------------------------------------------- */

int64_t picot_scope_deadline(const picot_scope *scope)
{
    return scope && scope->frame ? scope->node.deadline_ns : -EINVAL;
}

int picot_scope_cancelled(const picot_scope *scope)
{
    return scope && scope->node.fired;
}

int picot_scope_expired(const picot_scope *scope)
{
    return scope && scope->node.fired && !(scope->node.flags & PICOT__SCOPE_BY_CALL);
}

int picot_scope_caught(const picot_scope *scope)
{
    return scope && scope->node.flags & PICOT__SCOPE_CAUGHT;
}

int64_t picot_task_deadline(const picot_task *task)
{
    int64_t nearest_ns = PICOT_NEVER;
    if (!task) return nearest_ns;
    if (picot__cancel_due(task)) return INT64_MIN;
    struct picot_scope_node *node = task->extra ? task->extra->scopes : NULL;
    for (; node && node->index >= task->shield; node = node->outer)
        if (next_of(node) < nearest_ns) nearest_ns = next_of(node);
    return nearest_ns;
}
