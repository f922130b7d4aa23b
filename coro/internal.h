/* SPDX-License-Identifier: MIT
 *
 * internal.h - the private half of tasks, and who calls whom inside coro/.
 *
 *     spawn -> task.c run -> frames -> a leaf (io.c, wait.c, group.c) -> suspended
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
#include <picot/task.h>
#include <picot/timer.h>
#include <stdbool.h>
#include <string.h>

/* Small memory by size class: freed blocks are kept for the next of their size. */
#define PICOT__RESERVE_SIZE 4096
#define PICOT__CLASS_STEP 16
#define PICOT__CLASS_COUNT 65 /* up to 1024 bytes; larger ones come from the loop's allocator directly */

/* What the coroutines keep per loop. */
struct picot__coro {
    picot_extension extension;
    picot_loop *loop;
    struct picot__task *current;
    struct picot__task *roots; /* tasks without a group, circular, the oldest first */
    picot_group groups;        /* head of the circular list of open groups */
    struct picot__task *main;  /* of picot_run */
    int main_status;
    size_t live;
    void *free_blocks[PICOT__CLASS_COUNT];
    struct picot__slab *slabs;
    void *reserve; /* a chunk for cleanup when memory is out; NULL while lent */
};

enum picot__task_state { PICOT__READY, PICOT__RUNNING, PICOT__WAITING };

/* Pending cancellations, all level-triggered: they last until what caused them is left. */
enum picot__cancel_bit {
    PICOT__CANCEL_GROUP = 1,    /* its group was cancelled */
    PICOT__CANCEL_SHUTDOWN = 2, /* the loop ends */
    PICOT__CANCEL_SCOPE = 4     /* at least one of its scopes is past its deadline */
};

/* A deadline around one await; lies in the arena below the awaited frame. */
struct picot__scope {
    struct picot__scope *outer;
    const void *outer_cause; /* the task's cause when the scope was opened */
    int64_t deadline_ns;
    uint32_t index; /* 1 is the outermost */
    bool fired;
};

struct picot__task {
    picot_task head;
    struct picot__coro *coro;
    picot_job job;
    struct picot__scope *scopes;
    const void *cause;  /* of the last cancellation delivered: a scope, or any other address; NULL: none */
    picot_timer *alarm; /* for the earliest deadline; made when first needed, armed lazily */
    int64_t alarm_ns;   /* when it rings; PICOT_NEVER when unarmed */
    picot_group *group;
    struct picot__task *next, *prev; /* in its group's list, or the roots; circular */
    void *ret_value;
    uint32_t block_size;
    uint32_t refusals; /* cancelled awaits in a row */
};

static inline struct picot__task *picot__task_of(picot_task *task)
{
    return (struct picot__task *)(void *)task; /* head is the first member */
}

/* runtime.c: the per-loop state, made when first needed; NULL: out of memory. */
struct picot__coro *picot__coro_of(picot_loop *loop);
struct picot__coro *picot__coro_find(const picot_loop *loop);

/* slab.c */
void *picot__block_alloc(struct picot__coro *coro, size_t size);
void picot__block_free(struct picot__coro *coro, void *block, size_t size);
void picot__slabs_free(struct picot__coro *coro);

/* frame.c: give the arena's further chunks back when a task ends. */
void picot__arena_free(struct picot__task *task);
/* The shield level that was in force before the function began to run its defers. */
uint32_t picot__outer_shield(const picot_frame *frame, uint32_t present);

/* task.c */
struct picot__task *picot__task_new(struct picot__coro *coro, picot_group *group, const picot_fn *fn);
/* Resume its top frame in the next turn: the root, to begin; or a leaf with pos 1, to end with leaf->rc. */
void picot__task_ready(struct picot__task *task);
void picot__task_discard(struct picot__task *task); /* one that never ran */
void picot__task_link(struct picot__task **list, struct picot__task *task);
void picot__task_unlink(struct picot__task **list, struct picot__task *task);

/* A leaf ends at once, from inside its resume; */
picot_step picot__leaf_return(picot_task *task, picot_frame *leaf, int rc);
/* or from a completion: its caller runs now. (From code that itself runs: leaf->pos = 1 and picot__task_ready.) */
void picot__leaf_finish(struct picot__task *task, picot_frame *leaf, int rc);

/* scope.c */
bool picot__cancel_due(const struct picot__task *task); /* is a cancellation pending that is not held off? */
void picot__cancel_delivered(struct picot__task *task); /* an await now ends with -ECANCELED: remember whose it is */
void picot__task_cancel(struct picot__task *task, enum picot__cancel_bit bit);
void picot__task_poke(struct picot__task *task); /* a cancellation became pending: withdraw what it waits for */
/* At the start of a leaf: true, and the step to return, when the await ends with leaf->rc = -ECANCELED. */
bool picot__leaf_refused(picot_task *task, picot_frame *leaf, picot_step *ret_step);

/* group.c */
void picot__group_child_ended(picot_group *group, int rc);

#endif /* PICOT_CORO_INTERNAL_H */
