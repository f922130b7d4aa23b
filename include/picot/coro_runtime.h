/* SPDX-License-Identifier: MIT
 *
 * coro_runtime.h - frames, tasks and the functions behind the macros of coro.h. Not to be called by hand.
 *
 * A task runs one stack of frames in an arena of its own: await pushes the called function's frame and calls it; only
 * if it suspends is the position saved. The task's top frame is its leaf, the operation it waits for; a completion
 * resumes the leaf's caller at once, whatever the depth.
 *
 *     arena  | root frame | defer | scope | callee frame | leaf |      |
 *            ^ base                                      ^ top    ^ sp  ^ limit, then a trailer that links the chunks
 */
#ifndef PICOT_CORO_RUNTIME_H
#define PICOT_CORO_RUNTIME_H

#include <picot/coro_macros.h>
#include <picot/error.h>
#include <picot/loop.h>
#include <string.h>

PICOT_BEGIN_DECLS

typedef struct picot_task picot_task;
typedef struct picot_frame picot_frame;
typedef struct picot_fn picot_fn;
typedef struct picot_group picot_group;

/** What a step of a function returns: its status, or one of the two below. A struct, so that `return x;` does not
 * compile. */
typedef struct picot_step {
    int rc;
} picot_step;
#define PICOT_STEP_PENDING INT_MIN    /* the task waits for its leaf */
#define PICOT_STEP_CALL (INT_MIN + 1) /* "resume the task's top frame": the C stack has become deep enough */

/** One constant per async function. */
struct picot_fn {
    picot_step (*resume)(picot_task *, picot_frame *, picot_frame *child);
    void (*cancel)(picot_task *, picot_frame *); /* leaves only: withdraw what the task waits for */
    uint32_t size, result_offset, result_size;
    uint32_t line;
    const char *name, *file;
};

/** The head of every frame. */
struct picot_frame {
    const picot_fn *fn;
    picot_frame *parent;
    struct picot_defer_node *defers; /* registered blocks, last first */
    int32_t pos;                     /* where to go on: label offset, or case number */
    int32_t rc;                      /* status of the last await; at the end, of the function */
    int32_t status;                  /* the function's status while its defers run */
    uint16_t line;                   /* of the current await, for backtraces */
    uint8_t exiting : 1, defer_once : 1;
};

struct picot_defer_node {
    struct picot_defer_node *next;
    int32_t pos;
};

/** The part of a task that the macros touch; the rest is private and lies behind it. */
struct picot_task {
    char *sp, *limit, *base; /* the arena's current chunk */
    picot_frame *top;        /* the leaf */
    uint16_t depth;          /* C calls below the trampoline */
    uint8_t cancel;          /* pending cancellations, private bits */
    uint8_t state;
    uint32_t scope_count;
    uint32_t shield; /* cancellations from outside this many scopes are held off; 0: none are */
};

/** The leaf that ends a picot_task_group. It lies in the group, for leaving must not depend on memory. */
struct picot_group_leave_head {
    picot_frame _co;
    picot_group *group;
    int _ret;
    uint32_t _shield;
};
PICOT_API extern const picot_fn picot_group_leave_fn;
PICOT_API picot_step picot_group_leave_resume(picot_task *, picot_frame *, picot_frame *);

/** A group of tasks, in the frame of the function that opens it. Private: ask through the functions of group.h. */
struct picot_group {
    struct picot_group *next, *prev; /* among the loop's open groups */
    picot_task *owner;               /* the task whose function opened it */
    picot_task *children;            /* those alive, the oldest first */
    picot_frame *joiner;             /* the owner's leaf while it waits here */
    uint32_t live;
    int32_t rc; /* the first failure */
    uint8_t open, cancelled, keep_going;
    struct picot_group_leave_head leave;
};

typedef struct picot_group_options {
    int keep_going; /**< a failing task does not cancel the others, and its error stays with it */
    int _end;
} picot_group_options;

PICOT_API void *picot_rt_push_slow(picot_task *task, size_t size);
PICOT_API void picot_rt_pop_slow(picot_task *task, void *block);
PICOT_API int picot_rt_defer(picot_task *task, picot_frame *frame, int32_t pos);
PICOT_API int picot_rt_exit_next(picot_task *task, picot_frame *frame);
PICOT_API int picot_rt_scope_open(picot_task *task, int64_t timeout_ns);
PICOT_API int picot_rt_scope_close(picot_task *task, int rc);
PICOT_API void picot_rt_scope_pop(picot_task *task);
PICOT_API void picot_rt_group_open(picot_task *task, picot_group *group, picot_group_options options);
PICOT_API picot_task *picot_rt_spawn_open(picot_task *owner, picot_group *group, const picot_fn *fn, int32_t *ret_rc);
PICOT_API void picot_rt_spawn_start(picot_task *task, void *ret_value);
PICOT_API int picot_rt_start(picot_loop *loop, const picot_fn *fn, const void *head, size_t head_size);
PICOT_API int picot_rt_run(picot_loop *loop, void *ret_value, const picot_fn *fn, const void *head, size_t head_size);

/* Storing an error into a result: integers take the code, the rest is zeroed. Chosen by _Generic in coro_macros.h. */
static inline void picot_rt_error_int(void *p, size_t size, int rc)
{
    (void)size;
    *(int *)p = rc;
}
static inline void picot_rt_error_long(void *p, size_t size, int rc)
{
    (void)size;
    *(long *)p = rc;
}
static inline void picot_rt_error_llong(void *p, size_t size, int rc)
{
    (void)size;
    *(long long *)p = rc;
}
static inline void picot_rt_error_other(void *p, size_t size, int rc)
{
    (void)rc;
    memset(p, 0, size);
}
static inline int picot_rt_status_int(const void *p)
{
    return *(const int *)p < 0 ? *(const int *)p : 0;
}
static inline int picot_rt_status_long(const void *p)
{
    return *(const long *)p < 0 ? (int)*(const long *)p : 0;
}
static inline int picot_rt_status_llong(const void *p)
{
    return *(const long long *)p < 0 ? (int)*(const long long *)p : 0;
}
static inline int picot_rt_status_other(const void *p)
{
    (void)p;
    return 0;
}

/* The arena's fast path. Blocks are multiples of 16 bytes; the newest is popped first. */
static inline void *picot_rt_push(picot_task *task, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (PICOT_LIKELY_(size <= (size_t)(task->limit - task->sp))) {
        void *block = task->sp;
        task->sp += size;
        PICOT_UNPOISON_(block, size);
        return block;
    }
    return picot_rt_push_slow(task, size);
}

static inline void picot_rt_pop(picot_task *task, void *block)
{
    if (PICOT_LIKELY_((size_t)((char *)block - task->base - 1) < (size_t)(task->limit - task->base))) {
        PICOT_POISON_(block, (size_t)(task->sp - (char *)block));
        task->sp = (char *)block;
    } else {
        picot_rt_pop_slow(task, block);
    }
}

/** The leaf behind picot_yield: suspends for one turn of the ready queue. */
struct picot_yield_once_head {
    picot_frame _co;
    int unused;
    int _ret;
};
PICOT_API extern const picot_fn picot_yield_once_fn;
PICOT_API picot_step picot_yield_once_resume(picot_task *, picot_frame *, picot_frame *);

/** The leaf behind picot_join. */
struct picot_join_head {
    picot_frame _co;
    picot_group *group;
    int _ret;
};
PICOT_API extern const picot_fn picot_join_fn;
PICOT_API picot_step picot_join_resume(picot_task *, picot_frame *, picot_frame *);

PICOT_END_DECLS

#endif /* PICOT_CORO_RUNTIME_H */
