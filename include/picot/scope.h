/* SPDX-License-Identifier: MIT
 *
 * scope.h - deadlines, cancellation and shields around a block of awaits, on the same task.
 *
 *     picot_timeout(my->limit, 5 * PICOT_SECOND) {
 *         picot_await(my->n, fetch(.url = my->url));
 *         picot_await(store(.n = my->n));
 *     }
 *     if (picot_error() == -ETIMEDOUT) ...
 *
 * A scope is a picot_scope among the function's locals. Its cancellation is a level: once its deadline has passed, or
 * picot_scope_cancel was called, each await inside that would wait ends with -ECANCELED, until the block is left. A
 * result that won the race is delivered all the same. After the block picot_error() is -ETIMEDOUT when the scope's own
 * deadline was told inside it, -ECANCELED when its own picot_scope_cancel was; else it is what it was. A scope absorbs
 * only its own cancellation: those of outer scopes, of groups and of the task go on.
 *
 * Leave a block by its end, by `break` or `continue` (both end this block, not a loop around it), or by ending the
 * function; the status of a function that ends inside is translated the same way. Scopes nest. A block costs no
 * allocation but, once per task, that of a small record, and no timer of its own: a task has one alarm.
 *
 * Codes of entering, then the block is skipped: -EINVAL (a negative time-out); -EBUSY (the scope is open already);
 * -ENOMEM (also for more than 65534 scopes on one task). Left by a `goto`: the scope stays open until the function
 * ends, or until an outer one is left, which then gives PICOT_ESCOPE.
 *
 * Of several cancelled scopes the outermost one is told. A scope in a picot_defer block is in force there, and says
 * nothing about the status of the function. docs/cancellation.md has it all at length.
 *
 * Thread: the loop's. After fork: not to be used.
 */
#ifndef PICOT_SCOPE_H
#define PICOT_SCOPE_H

#include <picot/coro_runtime.h>

PICOT_BEGIN_DECLS

/* The outer loop enters and leaves; the inner one runs once, so that break and continue come by the leaving. */
#define PICOT_SCOPE_(scope, deadline_ns, grace_ns)                                                                     \
    for ((scope).step = picot_rt_scope_enter(picot_self, &my->_co, &(scope), (deadline_ns), (grace_ns)) >= 0;          \
         (scope).step; (scope).step = 0, (void)picot_rt_scope_leave(picot_self, &my->_co, &(scope)))                   \
        for (; (scope).step == 1; (scope).step = 2)

/** picot_timeout(my->scope, timeout_ns) { ... }  At most so long, from now on. 0: the first wait inside is cut;
 * PICOT_NEVER: no limit. */
#define picot_timeout(scope, timeout_ns) PICOT_SCOPE_(scope, picot_rt_after(picot_self, (timeout_ns)), -1)
/** picot_timeout_at(my->scope, deadline_ns) { ... }  The same until a time of picot_loop_now's clock; one in the past,
 * negative or not, cuts the first wait. */
#define picot_timeout_at(scope, deadline_ns) PICOT_SCOPE_(scope, deadline_ns, -1)
/** picot_cancel_scope(my->scope) { ... }  No deadline; for picot_scope_cancel and picot_scope_reschedule. */
#define picot_cancel_scope(scope) PICOT_SCOPE_(scope, PICOT_NEVER, -1)
/**
 * picot_shielded(my->scope) { ... }  Cancellation from outside (of outer scopes, the group, the task, the loop's end)
 * is held off inside; it is told at the first await after the block. Its own picot_scope_cancel works.
 */
#define picot_shielded(scope) PICOT_SCOPE_(scope, PICOT_NEVER, PICOT_NEVER)
/** picot_shielded_for(my->scope, grace_ns) { ... }  The same, but only for so long after a cancellation has come from
 * outside: while it waits inside, or before it was entered. Then the block is cut like any other. Negative: as 0. */
#define picot_shielded_for(scope, grace_ns) PICOT_SCOPE_(scope, PICOT_NEVER, (grace_ns) < 0 ? 0 : (grace_ns))

/**
 * Cancel what is inside a scope. The first call's text is kept; more calls do nothing.
 * @param text  why, for picot_task_cancellation; a string that outlives the scope, or NULL
 * @return  0; -EINVAL: NULL or not open. From inside any callback or task of the loop. @since 0.1
 */
PICOT_API int picot_scope_cancel(picot_scope *scope, const char *text);

/**
 * Move an open scope's deadline: later, earlier, or away (PICOT_NEVER). One in the past cancels now. A scope that is
 * cancelled already stays so.
 * @param deadline_ns  a time of picot_loop_now's clock
 * @return  0; -EINVAL: NULL or not open; -ECANCELED: too late. From inside any callback or task of the loop. @since 0.1
 */
PICOT_API int picot_scope_reschedule(picot_scope *scope, int64_t deadline_ns);

/** When a scope ends, or would have ended: a time, or PICOT_NEVER; also after it was left. -EINVAL: NULL, or it was
 * never entered. @since 0.1 */
PICOT_API int64_t picot_scope_deadline(const picot_scope *scope);

/** 1: it was cancelled, by its deadline or by picot_scope_cancel, whether or not an await was told; else 0. Also after
 * it was left. @since 0.1 */
PICOT_API int picot_scope_cancelled(const picot_scope *scope);
/** 1: the same, and by its deadline. @since 0.1 */
PICOT_API int picot_scope_expired(const picot_scope *scope);
/** After it was left: 1: its cancellation cut an await inside, and ended here. @since 0.1 */
PICOT_API int picot_scope_caught(const picot_scope *scope);

/**
 * Raise or lower an open scope's shield, be it the innermost scope or not. Lowering tells a cancellation that is
 * pending to the task that waits inside. Raising does not take back one that was told; a shield raised so has no grace.
 * @param on  1 or 0
 * @return  0; -EINVAL: NULL or not open. @since 0.1
 */
PICOT_API int picot_scope_set_shield(picot_scope *scope, int on);

/** The nearest deadline in force for this task: of its scopes, up to the innermost shield and the end of its grace;
 * INT64_MIN: it is cancelled; PICOT_NEVER: none, or NULL. Thread: the loop's. @since 0.1 */
PICOT_API int64_t picot_task_deadline(const picot_task *task);

/** Why an await was cut. */
enum picot_cancel_reason {
    PICOT_CANCEL_NONE = 0,
    PICOT_CANCEL_USER = 1,     /**< picot_task_cancel, picot_future_cancel, picot_scope_cancel, picot_group_cancel */
    PICOT_CANCEL_DEADLINE = 2, /**< the deadline of a scope or of a wait_for */
    PICOT_CANCEL_SIBLING = 3,  /**< another task of its group failed */
    PICOT_CANCEL_PARENT = 4,   /**< the function that owns its group was cancelled or has failed */
    PICOT_CANCEL_SHUTDOWN = 5, /**< the loop ends, or picot_run was stopped */
    PICOT_CANCEL_INTERRUPT = 6 /**< a signal: Ctrl-C, see picot_loop_set_interrupts */
};

typedef struct picot_cancellation {
    enum picot_cancel_reason reason;
    uint32_t origin;          /**< the id of the task that asked or failed; 0: none, or plain code */
    const char *text;         /**< what it said; "" when nothing */
    const picot_scope *scope; /**< the scope that was cancelled; NULL: none, or that of a wait_for */
} picot_cancellation;

/**
 * Who cancelled this task and why: the cancellation that was told last and whose scope is still open, or the one that
 * is pending, be it held off or not. Of several of the whole task the first one's reason is kept.
 * @return  0; -ENOENT: none; -EINVAL: NULL. Thread: the loop's. @since 0.1
 */
PICOT_API int picot_task_cancellation(const picot_task *task, picot_cancellation *ret_cancellation);

/** The name of a reason: "deadline". A static string. Thread: any. @since 0.1 */
PICOT_API const char *picot_cancel_reason_name(enum picot_cancel_reason reason);

PICOT_END_DECLS

#endif /* PICOT_SCOPE_H */
