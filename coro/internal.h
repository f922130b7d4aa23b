/* SPDX-License-Identifier: MIT
 *
 * internal.h - the private half of tasks, and who calls whom inside coro/.
 *
 *     spawn -> task.c run -> frames -> a leaf (io.c, wait.c, waitqueue.c, group.c) -> suspended
 *     completion -> picot__leaf_finish -> task.c run -> the leaf's caller goes on
 */
#ifndef PICOT_CORO_INTERNAL_H
#define PICOT_CORO_INTERNAL_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <assert.h>
#include <picot/error.h>
#include <picot/extension.h>
#include <picot/group.h>
#include <picot/io.h>
#include <picot/loop.h>
#include <picot/report.h>
#include <picot/scope.h>
#include <picot/task.h>
#include <picot/timer.h>
#include <stdbool.h>
#include <string.h>

/* Small memory by size class: freed blocks are kept for the next of their size. */
#define PICOT__RESERVE_SIZE 4096
#define PICOT__CLASS_STEP 16
#define PICOT__CLASS_COUNT 129 /* up to 2048 bytes; larger ones come from the loop's allocator directly */

/* What the coroutines keep per loop. */
struct picot__coro {
    picot_extension extension;
    picot_loop *loop;
    picot_task *current;
    picot_group roots;           /* tasks without a group of the user's */
    picot_group groups;          /* head of the circular list of open groups */
    picot_group *last_cancelled; /* of those whose children are still to be cancelled; NULL: no cancel is under way */
    picot_task *main;            /* of picot_run */
    int main_status;
    uint32_t next_id;
    uint32_t eager_depth; /* spawns whose first step runs inside them */
    bool eager;           /* picot_loop_set_eager */
    bool debug;           /* picot_loop_set_debug */
    int64_t slow_step_ns; /* 0: steps are not timed */
    uint64_t report_count;
    picot_report_handler *report_handler;
    void *report_user;
    struct picot__dump_request *dump_request; /* picot_loop_dump_on_signal */
    struct picot__interrupt *interrupts;      /* picot_loop_set_interrupts */
    size_t interrupt_count;
    int interrupted;               /* the signal that has cancelled the main task, or 0 */
    struct picot__handle *handles; /* of futures; see handle.c */
    uint32_t handle_count, free_handle, handle_tag;
    uint64_t future_mark;
    struct picot__completions_block *completions; /* of those that are not closed */
    uint32_t generator_depth;                     /* bodies that are resumed from inside each other */
    struct picot_gen_body *generators;
    size_t live;
    picot_error_node *trees; /* failures of groups that tasks have left; see errors.c */
    void *free_blocks[PICOT__CLASS_COUNT];
    struct picot__slab *slabs;
    struct picot__end *ends; /* of channels: a table, see channel.h */
    uint32_t end_count, end_free;
    void *reserve; /* a chunk for cleanup when memory is out; NULL while lent */
};

/* Pending cancellations. All but picot_task_cancel's are levels: they last until what caused them is left. */
enum picot__cancel_bit {
    PICOT__CANCEL_GROUP = 1,    /* its group was cancelled */
    PICOT__CANCEL_SHUTDOWN = 2, /* the loop ends */
    PICOT__CANCEL_SCOPE = 4,    /* at least one of its scopes is cancelled */
    PICOT__CANCEL_TASK = 8,     /* picot_task_cancel: told once */
    PICOT__CANCEL_CHILD = 16    /* a task of a group that it owns has failed: until that is joined or left */
};

enum picot__task_flag {
    PICOT__TASK_MAIN = 1,        /* of picot_run */
    PICOT__TASK_RESULT = 2,      /* there is a place for its result: see picot__outcome */
    PICOT__TASK_FUTURE = 4,      /* and it is a future */
    PICOT__TASK_HAS_TREE = 8,    /* the loop keeps a tree of errors for it */
    PICOT__TASK_OWNS = 16,       /* a function of it has opened a group */
    PICOT__TASK_BY_GROUP = 32,   /* the first cancellation of the whole task was that of its group, */
    PICOT__TASK_BY_LOOP = 64,    /* or of the loop's end */
    PICOT__TASK_SHIELDS = 128,   /* one of its open scopes may be, or have been, a shield */
    PICOT__TASK_CANCELLED = 256, /* by picot_task_cancel, when there was no memory to count it */
    PICOT__TASK_BY_SIGNAL = 512, /* the first picot_task_cancel was that of interrupt.c */
    PICOT__TASK_GREW = 1024      /* it has, or had, a further chunk in its arena */
};

/* What only tasks with scopes, a name or the like need. */
struct picot__extra {
    picot_task *task;
    struct picot_scope_node *scopes; /* the innermost open one */
    const void *cause;               /* of the last cancellation delivered: a scope, or the task; NULL: none */
    struct picot_wheel_node alarm;   /* for the earliest deadline; armed lazily */
    picot_owned *owned;              /* what it owns, the latest first */
    struct picot__rare *rare;
};

/* Among scope->flags. */
enum {
    PICOT__SCOPE_BY_CALL = 1, /* cancelled by picot_scope_cancel, not by its deadline */
    PICOT__SCOPE_CAUGHT = 2,  /* its cancellation was told inside, and ended here */
    PICOT__SCOPE_LIFTED = 4,  /* it was a shield, and its grace is over */
    PICOT__SCOPE_GRACE = 8,   /* a shield whose grace has begun */
    PICOT__SCOPE_USER = 16,   /* it is a picot_scope */
    PICOT__SCOPE_CLEANUP = 32 /* it was entered in a defer block */
};

/* group->cancelled: why its tasks are. */
enum { PICOT__GROUP_FAILURE = 1, PICOT__GROUP_CALL = 2, PICOT__GROUP_PARENT = 4, PICOT__GROUP_EDGE = 8 };

static inline struct picot_frame_tail *picot__tail_of(picot_frame *frame)
{
    assert(frame->fn->flags & PICOT_FN_BODY);
    return (struct picot_frame_tail *)(void *)frame - 1;
}

static inline struct picot__coro *picot__coro_of_task(const picot_task *task)
{
    return task->group->coro;
}

/* May this thread use this loop, and is this not a forked child? 0, -EPERM, PICOT_EFORKED; -EINVAL for NULL. (Taking
 * back a job that is not queued does nothing but ask that.) */
static inline int picot__may_use(picot_loop *loop)
{
    picot_job none = PICOT_JOB_INIT;
    return loop ? picot_job_cancel(loop, &none) : -EINVAL;
}

/* runtime.c: the per-loop state, made when first needed; NULL: out of memory. */
struct picot__coro *picot__coro_of(picot_loop *loop);
struct picot__coro *picot__coro_find(const picot_loop *loop);

/* slab.c. NULL: no memory. */
void *picot__block_alloc(struct picot__coro *coro, size_t size);
void picot__block_free(struct picot__coro *coro, void *block, size_t size);
void picot__slabs_free(struct picot__coro *coro);

/* channel.c: close the ends that nobody has closed. */
void picot__ends_free(struct picot__coro *coro);

/* frame.c: give the arena's further chunks back. */
void picot__arena_free_chunks(picot_task *task);
/* An arena of a generator's: the size of a block whose first `used` bytes are taken; and its free part. */
size_t picot__arena_block_size(size_t used);
void picot__arena_init(char *block, size_t used, size_t size, char **ret_sp, char **ret_limit);
/* The shield level that was in force before the function began to run its defers. */
uint16_t picot__outer_shield(picot_frame *frame, uint16_t present);

/* spawn.c. New: the root frame is its top, to be filled by the caller. */
picot_task *picot__task_new(picot_group *group, const picot_fn *fn, bool keeps_result);
/* task.c */
static inline size_t picot__task_size(const picot_task *task)
{
    return (size_t)task->size_units * 16;
}
/* Where the result goes of a task that keeps it, memory of its spawner's or a future: the last word of its block. */
static inline void **picot__outcome(const picot_task *task)
{
    return (void **)(void *)((char *)(uintptr_t)task + picot__task_size(task)) - 1;
}
static inline char *picot__arena_end(const picot_task *task)
{
    return (char *)(uintptr_t)task + picot__task_size(task) - (task->flags & PICOT__TASK_RESULT ? sizeof(void *) : 0);
}
struct picot__extra *picot__extra_of(picot_task *task); /* made when first needed; NULL: out of memory */
void picot__task_begin(picot_task *task, bool eager);
void picot__task_step_now(picot_task *task); /* from inside whatever runs; it may have ended on return */
void picot__task_discard(picot_task *task);  /* one that never ran */
/* What a local kept across an await would read in a debug build: rubbish, at once, instead of what happened to be
 * there.
 */
#ifdef PICOT_DEBUG
void picot__scribble(void);
#else
static inline void picot__scribble(void)
{
}
#endif
/* It is new, or its sleep is over: its place is a job's. */
static inline void picot__task_make_job(picot_task *task)
{
    task->wait.job = (picot_job){picot_rt_step, task, {NULL, NULL}};
}
/* Is it in the ready queue? Its leaf has got its result then, or it will look for a cancellation when its turn comes.
 */
static inline bool picot__task_queued(const picot_task *task)
{
    return task->wait.job.fn == picot_rt_step && task->wait.job._.next;
}
/* Resume its top frame in the next turn: the root, to begin; or a leaf with pos 1, to end with leaf->rc. */
static inline void picot__task_ready(picot_task *task)
{
    picot_rt_ready(task);
}

/* A leaf ends at once, from inside its resume; */
static inline picot_step picot__leaf_return(picot_task *task, picot_frame *leaf, int rc)
{
    leaf->rc = rc;
    task->top = leaf->parent;
    return (picot_step){rc};
}
/* or from a completion: its caller runs now. (From code that itself runs: leaf->pos = 1 and picot__task_ready.) */
void picot__leaf_finish(picot_task *task, picot_frame *leaf, int rc);

/* cancel.c */
bool picot__cancel_due(const picot_task *task); /* is a cancellation pending that is not held off? */
void picot__cancel_delivered(picot_task *task); /* an await now ends with -ECANCELED: remember whose it is */
void picot__task_cancel(picot_task *task, enum picot__cancel_bit bit);
void picot__task_poke(picot_task *task); /* a cancellation became pending: withdraw what it waits for */
/* At the start of a leaf: true, and the step to return, when the await ends with leaf->rc = -ECANCELED. */
bool picot__leaf_refused_slow(picot_task *task, picot_frame *leaf, picot_step *ret_step);
static inline bool picot__leaf_refused(picot_task *task, picot_frame *leaf, picot_step *ret_step)
{
    return task->cancel && picot__leaf_refused_slow(task, leaf, ret_step);
}
/* scope.c. The function that opened this scope ends with a status: close it, and give the status as it is outside. */
int picot__scope_unwind(picot_task *task, struct picot_defer_node *node, int status);
void picot__set_shield(picot_task *task, uint16_t level);
void picot__scope_start_grace(picot_task *task);
/* hold.c: the function that holds this ends. */
void picot__hold_undo(struct picot_defer_node *node);
/* owned.c: the task that owns these has ended. */
void picot__owned_abandon(picot_owned *last, const picot_task *task);
/* rare.c */
void picot__extra_free(picot_task *task);
/* A task begins with its creator's context, and in a debugging loop knows where it was created: in a line of its
 * creator's function, or 0 for where that is now. 0 or -ENOMEM. */
int picot__inherit_slow(picot_task *creator, picot_task *task, unsigned line);
static inline int picot__inherit(picot_task *creator, picot_task *task, unsigned line)
{
    return picot__coro_of_task(task)->debug || (creator && creator->extra) ? picot__inherit_slow(creator, task, line)
                                                                           : 0;
}

/* inspect.c, dump.c */
unsigned picot__frame_line(const picot_frame *frame);
void picot__dump_request_free(struct picot__coro *coro);

/* interrupt.c. Around a run; begin: 0 or a code. */
int picot__interrupts_begin(struct picot__coro *coro);
void picot__interrupts_end(struct picot__coro *coro);
void picot__interrupts_free(struct picot__coro *coro);
/* The status of the run whose main task ends with this one. */
int picot__interrupt_status(const picot_task *task, int rc);

/* generator.c. The loop ends: free those that are still open. */
void picot__generators_free(struct picot__coro *coro);

/* runtime.c. A task outside any group, with the frame of its first function filled. */
int picot__root_new(picot_loop *loop, const picot_fn *fn, const void *head, size_t head_size, bool keeps_result,
                    picot_task **ret_task);

/* group.c */
void picot__group_init(picot_group *group, struct picot__coro *coro);
bool picot__group_fails(const picot_task *task, int rc); /* is it a failure of its group when this task ends so? */
int picot__spawn_refusal(const picot_group *group);      /* may a task be spawned into it? 0 or a code */
void picot__group_offer_room(picot_group *group);        /* to the first who waits for it, if there is any */
void picot__group_child_ended(picot_group *group, int rc, uint32_t id, bool failed);
void picot__group_cancel(picot_group *group, uint8_t why, uint32_t origin);

#endif /* PICOT_CORO_INTERNAL_H */
