/* SPDX-License-Identifier: MIT
 *
 * coro_runtime.h - frames, tasks and the functions behind the macros of coro.h. Not to be called by hand.
 *
 * A task runs one stack of frames in an arena of its own: await pushes the called function's frame and calls it; only
 * if it suspends is the position saved. The task's top frame is its leaf, the operation it waits for; a completion
 * resumes the leaf's caller at once, whatever the depth.
 *
 *     task | root frame | defer | scope | callee frame | leaf |      | -> end of the block, or a trailer that links
 *                                                      ^ top  ^ sp     further chunks; free up to `limit`
 */
#ifndef PICOT_CORO_RUNTIME_H
#define PICOT_CORO_RUNTIME_H

#include <picot/coro_macros.h>
#include <picot/error.h>
#include <picot/extension.h>
#include <picot/loop.h>
#include <picot/timer.h>
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
#define PICOT_STEP_CALL (INT_MIN + 1) /* "resume the task's top frame": the arena has begun a new chunk */

/* The two symbols of an awaitable leaf, whose head is declared above them and is all of its frame. */
#define PICOT_LEAF_DECL_(name)                                                                                         \
    typedef struct name##_head name##_given;                                                                           \
    PICOT_LEAF_SYMBOLS_(name)
#define PICOT_LEAF_SYMBOLS_(name)                                                                                      \
    PICOT_API extern const picot_fn name##_fn;                                                                         \
    PICOT_LEAF_SIZE_(name)                                                                                             \
    PICOT_API picot_step name##_resume(picot_task *, picot_frame *, picot_frame *)
/* What the frame of a callee takes: for leaves a constant; for a function only where its definition is seen. */
#if defined(__cplusplus)
#define PICOT_LEAF_SIZE_(name)
#define PICOT_FN_SIZE_(name)
#else
#define PICOT_LEAF_SIZE_(name)                                                                                         \
    PICOT_UNUSED_ static inline uint32_t name##_frame_size(void)                                                       \
    {                                                                                                                  \
        return PICOT_FRAME_SIZE_(struct name##_head);                                                                  \
    }
#define PICOT_FN_SIZE_(name)                                                                                           \
    PICOT_UNUSED_ static inline uint32_t name##_frame_size(void)                                                       \
    {                                                                                                                  \
        return name##_fn.size;                                                                                         \
    }
#endif

/** One constant per async function. */
struct picot_fn {
    picot_step (*resume)(picot_task *, picot_frame *, picot_frame *child);
    void (*cancel)(picot_task *, picot_frame *); /* leaves only: withdraw what the task waits for */
    uint32_t size;                               /* of the frame; PICOT_ALIGNED_ added when it needs 16 bytes */
    uint32_t result_offset, result_size;
    uint32_t line;
    const char *name, *file;
    unsigned flags;
};
#define PICOT_FN_BODY 1u      /* its frames have a tail: it is a function of picot_async_fn, or of picot_gen_fn */
#define PICOT_FN_INTEGER 2u   /* its result is an int, a long or a long long: errors are stored there */
#define PICOT_FN_GENERATOR 4u /* what it gives is its values */

/** The head of every frame, and all there is of a leaf's. */
struct picot_frame {
    const picot_fn *fn;
    picot_frame *parent;
    int32_t pos; /* where to go on: label offset, or case number; a leaf's own */
    int32_t rc;  /* status of the last await; at the end, of the function; above 0: the line of its present await */
};

/** What the frame of a function has behind its head. */
struct picot_frame_tail {
    struct picot_defer_node *defers;                  /* registered blocks, last first */
    int32_t status;                                   /* the function's status while its defers run */
    uint8_t exiting : 1, defer_once : 1, grouped : 1; /* grouped: it has opened a picot_task_group */
    uint8_t spilled;                                  /* what it pushes may lie in a newer chunk: bits below */
};

#define PICOT_NEW_CHUNK_ 1   /* it has begun one: its callees are called by the trampoline */
#define PICOT_KEEPS_CHUNK_ 2 /* it is the task's first function, and goes on in the second chunk */

struct picot_defer_node {
    struct picot_defer_node *next;
    int32_t pos; /* PICOT_POS_SCOPE_, PICOT_POS_HOLD_: not a block but a picot_scope to close, a picot_hold to undo */
    int32_t id;  /* which block it is: compilers merge equal blocks, whose positions are then the same */
};
#define PICOT_POS_SCOPE_ INT_MIN
#define PICOT_POS_HOLD_ (INT_MIN + 1)
#define PICOT_BAD_TIME_ (INT64_MIN + 1) /* the deadline of a negative time-out */

/** What a block holds, in its function's list of what to undo. Private. Zero it (locals are) before its first use. */
typedef struct picot_hold {
    struct picot_defer_node link;
    void (*undo)(struct picot_hold *hold); /* gives `object` back */
    void *object;                          /* NULL: nothing is held */
    void *wanted;                          /* what the block is about to acquire */
    int64_t units;
    uint8_t step; /* of the loops that a block expands to */
} picot_hold;

/** A deadline or shield around awaits, as the task knows it. */
struct picot_scope_node {
    struct picot_scope_node *outer;
    const void *outer_cause; /* the task's cause when it was opened */
    int64_t deadline_ns;     /* of picot_loop_now's clock */
    uint16_t index;          /* 1 is the outermost */
    uint8_t fired;           /* cancelled: its deadline has passed, or picot_scope_cancel */
    uint8_t shielded;        /* it holds off cancellations from outside */
    uint16_t outer_shield;   /* the task's shield level when it was opened */
    uint8_t flags;           /* private */
};

/** A scope. Private: ask through the functions below. Zero it (locals are) before its first use. */
typedef struct picot_scope {
    struct picot_scope_node node;
    struct picot_defer_node link; /* in its function's list of what to undo */
    picot_task *task;             /* NULL when it is not open */
    picot_frame *frame;
    int64_t grace_ns;          /* of a shield: so long it holds after a cancellation has come; PICOT_NEVER: always */
    int64_t grace_deadline_ns; /* when that ends */
    const char *text;
    uint32_t origin;
    uint8_t step; /* of the loops that a block expands to */
    uint8_t outcome;
} picot_scope;

/** A task. Small, for there may be millions: what few tasks need lies in `extra`. All private. */
struct picot_task {
    char *sp, *limit;    /* the free part of the arena's current chunk */
    picot_frame *top;    /* the leaf */
    picot_group *group;  /* it owns the task */
    uint16_t scopes;     /* how many are open */
    uint16_t shield;     /* cancellations from outside this many scopes are held off; 0: none are */
    uint8_t cancel;      /* pending cancellations, private bits */
    uint8_t refusals;    /* cancelled awaits in a row */
    uint8_t arena_units; /* size of the first chunk behind the root frame, in units of 8 bytes */
    uint16_t size_units; /* of the whole block, in units of 16 bytes */
    uint16_t flags;      /* private bits */
    uint32_t id;
    union {
        picot_job job;                 /* while it is ready */
        struct picot_wheel_node sleep; /* while it sleeps */
    } wait;
    struct picot_task *next, *prev; /* in its group's list; circular */
    struct picot__extra *extra;
};

/** A task's place in a queue for something. Lies in a leaf, or in an arm of a picot_select. Private. */
typedef struct picot_waiter {
    struct picot_waiter *next, *prev; /* circular; next is NULL when it is in no queue */
    picot_task *task;
    void (*granted)(struct picot_waiter *, int rc); /* it has got what it waited for, or a code */
    void *owner;                                    /* its leaf, or arm */
    void *slot;                                     /* where an item goes to or comes from */
    int64_t want;                                   /* units, direction, or whatever the queue's owner reads there */
} picot_waiter;

/** Those who wait for something, the first one first. Zero it before its first use. Private. */
typedef struct picot_waitqueue {
    picot_waiter *first;
} picot_waitqueue;

/** What every primitive of sync.h and limiter.h has. Private. */
typedef struct picot_sync {
    picot_waitqueue waiters;
    struct picot__coro *coro; /* of its loop, once somebody has awaited it */
    int broken;
} picot_sync;

/** What a task can own alone. Private. */
typedef struct picot_owned {
    picot_sync sync;
    picot_task *owner;
    struct picot_owned *next; /* what the owner has owned before */
} picot_owned;

/** The leaf that ends a picot_task_group. It lies in the group, for leaving must not depend on memory. */
struct picot_group_leave_head {
    picot_frame _co;
    picot_group *group;
    int _ret;
    uint32_t _shield;
};
PICOT_LEAF_DECL_(picot_group_leave);

/** How the next task of a group is made when it is like the last one, of the same function, and nothing forbids it or
 * has to be looked after: offsets in its block, and what it begins with. Private. */
struct picot_spawn_plan {
    const picot_fn *fn; /* NULL: there is none */
    void **blocks;      /* the free ones of its size */
    uint32_t sp, limit, top;
    int32_t keeps_result;
    uint8_t arena_units;
    uint16_t size_units, flags;
};

/** A group of tasks, in the frame of the function that opens it. Private: ask through the functions of group.h. */
struct picot_group {
    struct picot_group *next, *prev; /* among the loop's open groups */
    struct picot__coro *coro;
    picot_ready_queue *ready;                     /* the loop's */
    picot_task *owner;                            /* the task whose function opened it */
    picot_task *children;                         /* those alive, the oldest first */
    picot_frame *joiner;                          /* the owner's leaf while it waits here */
    picot_waitqueue room;                         /* those who wait in picot_room */
    struct picot_error_node *errors, *last_error; /* of tasks that failed, the first one first */
    const char *text;                             /* why it was cancelled, or NULL */
    uint32_t origin;                              /* the id of the task that cancelled it or failed */
    uint32_t live, limit;                         /* limit 0: none */
    int32_t rc;                                   /* the first failure */
    int32_t spawn_rc;                             /* of picot_gather: kept over its join */
    uint32_t promised;                            /* granted by picot_room, and not gone on yet */
    picot_job room_job;                           /* looks for more room when those have gone on */
    uint8_t open, cancelled, keep_going, collect, eager, failed;
    uint8_t told;        /* its errors are those of a join that is over */
    uint8_t arena_units; /* what its tasks have been seen to need */
    uint8_t reason;      /* why it was cancelled first */
    struct picot_spawn_plan plan;
    struct picot_group *next_cancelled; /* among those whose tasks are still to be told; itself: the last one */
    struct picot_group_leave_head leave;
};

typedef struct picot_group_options {
    int keep_going; /**< a failing task does not cancel the others, and its error stays with it */
    int collect;    /**< the same, but join gives the first failure, and picot_group_errors has them all */
    int eager;      /**< tasks take their first step inside the spawn */
    uint32_t limit; /**< at most so many tasks at a time; 0: no limit. See picot_room */
    int _end;
} picot_group_options;

PICOT_API void *picot_rt_push_slow(picot_task *task, struct picot_frame_tail *tail, size_t size);
PICOT_API void picot_rt_pop_slow(picot_task *task, struct picot_frame_tail *tail, void *block);
PICOT_API int picot_rt_defer(picot_task *task, picot_frame *frame, int32_t pos, int32_t id);
PICOT_API picot_step picot_rt_exit(picot_task *task, picot_frame *frame);
PICOT_API int picot_rt_scope_open(picot_task *task, struct picot_frame_tail *tail, int64_t timeout_ns);
PICOT_API int picot_rt_scope_close(picot_task *task, int rc);
PICOT_API void picot_rt_scope_pop(picot_task *task, struct picot_frame_tail *tail);
PICOT_API int picot_rt_scope_enter(picot_task *task, picot_frame *frame, picot_scope *scope, int64_t deadline_ns,
                                   int64_t grace_ns);
PICOT_API int picot_rt_scope_leave(picot_task *task, picot_frame *frame, picot_scope *scope);
PICOT_API void picot_rt_hold_enter(picot_frame *frame, picot_hold *hold);
PICOT_API void picot_rt_hold_leave(picot_frame *frame, picot_hold *hold);
PICOT_API int64_t picot_rt_after(const picot_task *task, int64_t timeout_ns);
PICOT_API int picot_rt_yielded(picot_task *task);
PICOT_API void picot_rt_step(picot_loop *loop, void *task);
PICOT_API void picot_rt_group_open(picot_task *task, picot_group *group, picot_group_options options);
PICOT_API picot_task *picot_rt_spawn_open(picot_task *owner, picot_group *group, const picot_fn *fn, int keeps_result,
                                          int32_t *ret_rc, unsigned line);
PICOT_API void picot_rt_spawn_start(picot_task *task, void *ret_value);
PICOT_API picot_task *picot_rt_spawn_future(picot_task *owner, picot_group *group, const picot_fn *fn, int32_t *ret_rc,
                                            unsigned line);
PICOT_API int64_t picot_rt_spawn_handle(picot_task *task);
PICOT_API picot_task *picot_rt_spawn_waited(picot_task *owner, picot_group *group, const picot_fn *fn, int32_t *ret_rc,
                                            unsigned line);
PICOT_API void picot_rt_spawn_undo(picot_group *group);
PICOT_API void picot_rt_gather_failed(picot_task *owner, picot_group *group);
PICOT_API int picot_rt_started(picot_task *task, int64_t value);
PICOT_API int picot_rt_start(picot_loop *loop, const picot_fn *fn, const void *head, size_t head_size);
PICOT_API int picot_rt_main(const picot_loop_options *options, const picot_fn *fn, const void *head, size_t head_size);
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

/* The arena's fast path: blocks are multiples of 8 bytes, the newest is popped first. Frames that need 16 have a size
 * so large that they always go the slow path. */
static inline void *picot_rt_push(picot_task *task, struct picot_frame_tail *tail, size_t size)
{
    char *block = task->sp;
    if (PICOT_LIKELY_(size <= (size_t)(task->limit - block))) {
        if (!block) PICOT_UNREACHABLE_();
        task->sp = block + size;
        PICOT_UNPOISON_(block, size);
        return block;
    }
    return picot_rt_push_slow(task, tail, size);
}

static inline void picot_rt_pop(picot_task *task, struct picot_frame_tail *tail, void *block)
{
    if (PICOT_LIKELY_(!tail->spilled)) {
        PICOT_POISON_(block, (size_t)(task->sp - (char *)block));
        task->sp = (char *)block;
    } else {
        picot_rt_pop_slow(task, tail, block);
    }
}

/* The task's top frame is resumed in the next turn. Its job is always made out, but while it sleeps. */
static inline void picot_rt_ready(picot_task *task)
{
    picot_ready_append(task->group->ready, &task->wait.job);
}

/* A new task, its root frame filled, begins: nearly all do so in the next turn. */
static inline void picot_rt_spawn_begin(picot_task *task, int keeps_result, void *ret_value)
{
    if (!keeps_result && PICOT_LIKELY_(!task->group->eager))
        picot_rt_ready(task);
    else
        picot_rt_spawn_start(task, ret_value);
}

/** The leaf behind picot_yield where it is awaited like any call: suspends for one turn of the ready queue. */
struct picot_yield_once_head {
    picot_frame _co;
    int unused;
    int _ret;
};
PICOT_LEAF_DECL_(picot_yield_once);

/** The leaf behind picot_join. */
struct picot_join_head {
    picot_frame _co;
    picot_group *group;
    int _ret;
};
PICOT_LEAF_DECL_(picot_join);

PICOT_END_DECLS

#endif /* PICOT_CORO_RUNTIME_H */
