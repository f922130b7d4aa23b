/* SPDX-License-Identifier: MIT
 *
 * extension.h - for libraries built on the loop: state of their own per loop, and the loop's memory.
 *
 * The coroutines of Picot are such a library. Rules of thread, reentrancy, fork and NULL: see loop.h.
 */
#ifndef PICOT_EXTENSION_H
#define PICOT_EXTENSION_H

#include <picot/loop.h>
#include <picot/timer.h>

PICOT_BEGIN_DECLS

typedef struct picot_extension picot_extension;

/** State that lives and dies with a loop; usually the first member of a larger struct. Callbacks may be NULL. */
struct picot_extension {
    const void *key; /**< identifies the library: the address of one of its static objects */
    /** How much work is left; added to picot_loop_pending and looked at by PICOT_RUN_IDLE. */
    size_t (*pending)(picot_loop *loop, picot_extension *extension);
    /** A forced destroy begins: cancel everything. The loop then runs until pending answers 0. */
    void (*cancel)(picot_loop *loop, picot_extension *extension);
    /** The loop ends: free the extension. Nothing of the loop but picot_free may be used. */
    void (*destroy)(picot_loop *loop, picot_extension *extension);
    struct {
        picot_extension *next;
    } _;
};

/** Attach state to a loop. @return 0; -EEXIST: the key is taken; -EINVAL, -EPERM. Ownership: the loop's until destroy
 * runs. @since 0.1 */
PICOT_API int picot_extension_add(picot_loop *loop, picot_extension *extension);

/** The state attached under a key, or NULL. @since 0.1 */
PICOT_API picot_extension *picot_extension_find(const picot_loop *loop, const void *key);

/* ---- jobs and times without a call or a check, for libraries that have very many --------------- */

/* Between two stores: compilers join neighbouring ones through a vector register, which takes longer. */
#if defined(__GNUC__)
#define PICOT_STORES_APART_() __asm__ __volatile__("" : : : "memory")
#else
#define PICOT_STORES_APART_() ((void)0)
#endif

/** The loop's ready queue. Private but for the functions below. */
typedef struct picot_ready_queue {
    picot_job head;       /* of the circular list of jobs for the next turn, the oldest first */
    picot_job batch;      /* the same of those that are still to run in this turn */
    uint32_t budget;      /* results at once that the present callback or step may still take; then it must wait */
    uint32_t full_budget; /* what each begins with */
    uint64_t callbacks;   /* counted since the loop was created */
    uint64_t again_until; /* up to so many, the next turn may begin without a look at anything but this queue */
    uint64_t turns;       /* counted since the loop was created */
} picot_ready_queue;

/** The loop's ready queue, for picot_ready_append. NULL for NULL. It lives as long as the loop. @since 0.1 */
PICOT_API picot_ready_queue *picot_extension_ready(picot_loop *loop);

/**
 * The same as picot_call_soon, with job->fn and job->user set before, and without its checks: only in the loop's
 * thread, and only a job that is not queued.
 */
static inline void picot_ready_append(picot_ready_queue *queue, picot_job *job)
{
    picot_job *tail = queue->head._.prev;
    job->_.next = &queue->head;
    PICOT_STORES_APART_();
    job->_.prev = tail;
    tail->_.next = job;
    queue->head._.prev = job;
}

/** Take a queued job back; not for one that is not queued. */
static inline void picot_ready_remove(picot_job *job)
{
    job->_.prev->_.next = job->_.next;
    job->_.next->_.prev = job->_.prev;
    job->_.next = job->_.prev = NULL;
}

/** A callback or a step begins that the loop does not know of, from a picot_wheel_node: it has the whole budget. */
static inline void picot_ready_begin(picot_ready_queue *queue)
{
    queue->budget = queue->full_budget;
    queue->callbacks++;
}

/**
 * Take the first job of this turn, to be run at once: for a job that goes on with the next one when it is of its own
 * kind. There is one: queue->batch._.next is not &queue->batch.
 */
static inline picot_job *picot_ready_take(picot_ready_queue *queue)
{
    picot_job *job = queue->batch._.next, *next = job->_.next;
    queue->batch._.next = next;
    next->_.prev = &queue->batch;
    job->_.next = NULL;
    picot_ready_begin(queue);
    return job;
}

/**
 * All jobs of this turn have been taken. 1: the next turn has begun, and there is a first one; 0: return to the loop.
 */
static inline int picot_ready_again(picot_ready_queue *queue)
{
    picot_job *first = queue->head._.next, *last = queue->head._.prev;
    if (first == &queue->head || queue->callbacks >= queue->again_until) return 0;
    queue->head._.next = queue->head._.prev = &queue->head;
    queue->batch._.next = first;
    queue->batch._.prev = last;
    first->_.prev = last->_.next = &queue->batch;
    queue->turns++;
    return 1;
}

/**
 * All jobs of this turn have been taken: picot_ready_again, and when the first job of the new turn is of this kind
 * picot_ready_take as well. NULL: return to the loop.
 */
static inline picot_job *picot_ready_again_take(picot_ready_queue *queue, picot_callback *fn)
{
    picot_job *first = queue->head._.next, *last = queue->head._.prev, *second = first->_.next;
    if (first->fn != fn || queue->callbacks >= queue->again_until) { /* the head of an empty queue has no fn */
        (void)picot_ready_again(queue);
        return NULL;
    }
    queue->head._.next = &queue->head;
    PICOT_STORES_APART_();
    queue->head._.prev = &queue->head;
    if (second != &queue->head) {
        queue->batch._.next = second;
        queue->batch._.prev = last;
        second->_.prev = last->_.next = &queue->batch;
    }
    first->_.next = NULL;
    queue->turns++;
    picot_ready_begin(queue);
    return first;
}

/**
 * Have node->expire(loop, node) called at node->deadline_ns: a timer without a picot_timer around it. Both are set
 * before; the node is not armed. It keeps no run from ending, and a forced destroy leaves it alone: its owner counts
 * as pending by other means.
 * Thread: the loop's, unchecked. Cancel: picot_wheel_disarm, also of a node that is not armed (next is NULL).
 * @since 0.1
 */
PICOT_API void picot_wheel_arm(picot_loop *loop, struct picot_wheel_node *node);
PICOT_API void picot_wheel_disarm(picot_loop *loop, struct picot_wheel_node *node);

/* ---- memory ------------------------------------------------------------------------------------ */

/** Memory of the loop's allocator, uninitialised; NULL when out of memory or size is 0. @since 0.1 */
PICOT_API void *picot_alloc(picot_loop *loop, size_t size);

/** Change the size of memory of picot_alloc; block NULL with old_size 0 allocates. NULL: out of memory, block stays.
 * @since 0.1 */
PICOT_API void *picot_realloc(picot_loop *loop, void *block, size_t old_size, size_t new_size);

/** Give memory back. @param size  what it was allocated with. NULL does nothing. @since 0.1 */
PICOT_API void picot_free(picot_loop *loop, void *block, size_t size);

PICOT_END_DECLS

#endif /* PICOT_EXTENSION_H */
