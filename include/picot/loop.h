/* SPDX-License-Identifier: MIT
 *
 * loop.h - the event loop: create, run, stop, destroy, callbacks, posts from elsewhere, embedding.
 *
 * Rules for every function here, unless it says otherwise:
 *   Thread       only the loop's owner thread: the one that created it, and from its first run on for ever the one that
 *                ran it first. Another thread gets -EPERM. Only picot_post may be called from anywhere.
 *   Reentrancy   allowed from inside any callback of the loop.
 *   After fork   PICOT_EFORKED in the child; there, only picot_loop_destroy(loop, PICOT_DESTROY_FORCE) is allowed.
 *   NULL         a NULL loop or object is -EINVAL.
 */
#ifndef PICOT_LOOP_H
#define PICOT_LOOP_H

#include <picot/base.h>

PICOT_BEGIN_DECLS

/** What picot_loop_create may be told. Set with PICOT_LOOP_OPTIONS_INIT, then change members. Grows only at its end. */
typedef struct picot_loop_options {
    size_t size; /**< sizeof of this struct, for compatibility of later versions */
    /**
     * "select", "poll", "epoll", "io_uring", "sim" (for tests, see sim.h), or "auto". NULL: the environment's
     * PICOT_BACKEND (ignored in set-uid programs), else "auto": io_uring where the kernel is 6.1 or later and a probe
     * with one completed NOP passes, else epoll, else poll.
     */
    const char *backend;
    const picot_allocator *allocator; /**< NULL: malloc. Copied; its user pointer must outlive the loop */
    char *explanation;                /**< buffer that receives, on failure, a sentence on what to do; or NULL */
    size_t explanation_size;          /**< its size in bytes */
    uint32_t events_per_turn;         /**< at most so many backend events are handled in one turn; 0: 256 */
    uint32_t inline_budget; /**< results at once that one callback or task step may take before it must wait; 0: 32 */
    uint32_t ring_entries;  /**< io_uring: submission queue size, 0: 256. Completion queue: 16 times that */
    /**
     * For tests, on every backend: not 0: the jobs of one turn, and timers of the same deadline, run in an order that
     * this number decides, the same one in each run of the same program. 0: the environment's PICOT_SEED, a decimal
     * number (ignored in set-uid programs); else none: first in, first out.
     */
    uint64_t seed;
    /**
     * For picot_main alone: the signals that cancel the main task, ended by 0; see picot_loop_set_interrupts. NULL:
     * SIGINT, which is Ctrl-C; an empty list: none.
     */
    const int *interrupts;
} picot_loop_options;

#define PICOT_LOOP_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(picot_loop_options), 0, 0, 0, 0, 0, 0, 0, 0, 0                                                          \
    }

/**
 * Create a loop.
 * @param options   NULL for the defaults
 * @param ret_loop  receives the loop; untouched on failure
 * @return  0; -EINVAL: NULL, a size member that is no known one, or PICOT_SEED is no number; PICOT_ENOBACKEND: no such
 *          backend, or it is unavailable on this kernel or in this container (options->explanation tells which are
 *          valid and why); -ENOMEM; -EMFILE, -ENFILE: no descriptor left for the backend (never a silent fall-back)
 * Ownership: the caller owns the loop and ends it with picot_loop_destroy.
 * Thread: any; the loop may be created in one thread and run in another.
 * @since 0.1
 */
PICOT_API int picot_loop_create(const picot_loop_options *options, picot_loop **ret_loop);

enum picot_destroy {
    PICOT_DESTROY_IDLE = 0, /**< only a loop without work: else -EBUSY and nothing happens */
    PICOT_DESTROY_FORCE = 1 /**< cancel every task and operation, wait for their completions, close what is open */
};

/**
 * Destroy a loop and free all it owns.
 * @param loop   NULL is allowed and does nothing
 * @param flags  one of enum picot_destroy. With PICOT_DESTROY_FORCE every pending operation completes with -ECANCELED
 *               (its callback runs, tasks run their defers), timers are dropped, jobs may run once more, handles are
 *               closed. A name lookup or a file operation that a thread is at work on is waited for.
 * @return  0; -EBUSY: called from inside a callback, or work is left (picot_loop_pending counts it); -EPERM: work is
 *          left and this is not the owner thread; -EINVAL: unknown flags; PICOT_EFORKED: in a forked child without
 *          force
 * Thread: the owner; any thread when no work is left and the loop no longer runs.
 * @since 0.1
 */
PICOT_API int picot_loop_destroy(picot_loop *loop, unsigned flags);

enum picot_run_mode {
    PICOT_RUN_FOREVER = 0, /**< until picot_loop_stop, idle or not */
    PICOT_RUN_IDLE = 1,    /**< until nothing is left that could ever call back, or picot_loop_stop */
    PICOT_RUN_ONCE = 2,    /**< one turn in which something happens; it waits for that, unless nothing is left */
    PICOT_RUN_NOWAIT = 3   /**< one turn that never waits */
};

/**
 * Run the loop in this thread, which becomes its owner for good.
 * @param loop  the loop
 * @param mode  one of enum picot_run_mode
 * @return  0: ended and nothing is left to do; 1: ended with work left (stopped, or a single turn); -EBUSY: already
 *          running (also from inside its callbacks); -EINVAL; PICOT_EBACKEND: the backend failed for good, every
 *          pending operation was completed with that code; -EDEADLK, on the backend "sim" only: it would wait for ever,
 *          because nothing is left that could happen: no deadline, no operation, watch, job or hold, though tasks may
 *          wait for each other. picot_loop_dump tells where they wait. The loop remains usable.
 * Thread: any for the first run, then only that one. @since 0.1
 */
PICOT_API int picot_loop_run(picot_loop *loop, enum picot_run_mode mode);

/** End picot_loop_run after the present turn; before a run: that run ends after its first turn. @return 0 or a code.
 * @since 0.1 */
PICOT_API int picot_loop_stop(picot_loop *loop);

/**
 * How much work is left: pending operations, timers, jobs, watches, open handles, live tasks, holds.
 * @return  the count, 0 for NULL. @since 0.1
 */
PICOT_API size_t picot_loop_pending(const picot_loop *loop);

/**
 * Keep PICOT_RUN_IDLE from ending, for a loop that waits for posts of other threads. Counts; undone by
 * picot_loop_unhold.
 * @return  0, or a code; picot_loop_unhold without a hold: -EINVAL. @since 0.1
 */
PICOT_API int picot_loop_hold(picot_loop *loop);
PICOT_API int picot_loop_unhold(picot_loop *loop);

/**
 * The loop's time: monotonic nanoseconds of an unspecified start (CLOCK_MONOTONIC; on "sim" a virtual clock), read once
 * per turn after waiting.
 * @return  the time; 0 for NULL. @since 0.1
 */
PICOT_API int64_t picot_loop_now(const picot_loop *loop);

/** Read the clock anew, after long computing, and return it. 0 for NULL. @since 0.1 */
PICOT_API int64_t picot_loop_update_now(picot_loop *loop);

/** The name of the backend in use: "epoll". A static string; "none" for NULL. Thread: any. @since 0.1 */
PICOT_API const char *picot_loop_backend(const picot_loop *loop);

/** Why this backend was chosen, or what has failed, as a sentence; lives as long as the loop. Thread: owner. @since 0.1
 */
PICOT_API const char *picot_loop_backend_reason(const picot_loop *loop);

/** The names that picot_loop_create accepts, "select, poll, epoll, io_uring, sim", as built. Thread: any. @since 0.1 */
PICOT_API const char *picot_backend_names(void);

/** The seed in use, from the options or the environment; 0: none, or NULL. Thread: any. @since 0.1 */
PICOT_API uint64_t picot_loop_seed(const picot_loop *loop);

/* ---- jobs: callbacks for the next turn ------------------------------------------------------- */

/**
 * A callback to run soon, in the caller's memory. Zero it, or use PICOT_JOB_INIT, once before its first use; from
 * picot_call_soon until it runs or is cancelled the loop uses it.
 */
typedef struct picot_job {
    picot_callback *fn;
    void *user;
    struct {
        struct picot_job *next, *prev; /* in the loop's ready queue; next is NULL when not queued */
    } _;
} picot_job;

#define PICOT_JOB_INIT                                                                                                 \
    {                                                                                                                  \
        0, 0,                                                                                                          \
        {                                                                                                              \
            0, 0                                                                                                       \
        }                                                                                                              \
    }

/**
 * Call fn(loop, user) soon: after all jobs queued before, never from inside this call. Queued by a job: in the next
 * turn. With a seed (see picot_loop_options) the jobs of a turn run in any order.
 * @return  0; -EALREADY: the job is queued already; -EINVAL, -EPERM, PICOT_EFORKED
 * Ownership: the job is the loop's until it starts to run; the callback may free or queue it anew.
 * @since 0.1
 */
PICOT_API int picot_call_soon(picot_loop *loop, picot_job *job, picot_callback *fn, void *user);

/** Take a queued job back; it will not run. @return 0, also when it is not queued; -EINVAL, -EPERM. @since 0.1 */
PICOT_API int picot_job_cancel(picot_loop *loop, picot_job *job);

/* ---- posts: from other threads and from signal handlers -------------------------------------- */

/** A callback that any thread or signal handler may ask for, in the caller's memory. Zero it once (PICOT_POSTED_INIT).
 */
typedef struct picot_posted {
    picot_callback *fn;
    void *user;
    struct {
        struct picot_posted *next;
        int queued; /* accessed atomically */
    } _;
} picot_posted;

#define PICOT_POSTED_INIT(fn, user)                                                                                    \
    {                                                                                                                  \
        fn, user,                                                                                                      \
        {                                                                                                              \
            0, 0                                                                                                       \
        }                                                                                                              \
    }

/**
 * Have posted->fn(loop, posted->user) called in the loop's thread, soon. Posting again before the call has begun is
 * merged into that one call. Calls of one thread keep their order. Wakes the loop when it sleeps.
 * @param loop    a loop that is not being destroyed
 * @param posted  fn and user set by the caller; the loop uses it until the call begins
 * @return  0: queued; 1: merged into a post that is still waiting; -EINVAL
 * Thread: any. Signal handlers: yes (it preserves errno). @since 0.1
 */
PICOT_API int picot_post(picot_loop *loop, picot_posted *posted);

/* ---- embedding in a foreign loop ------------------------------------------------------------- */

/**
 * A descriptor that polls readable when the loop has something to do: add it, level-triggered for reading, to epoll,
 * poll or another loop. Before that loop sleeps call picot_loop_next_deadline; when it is readable or the deadline has
 * passed call picot_loop_step.
 * @return  the descriptor, owned by the loop; -EMFILE, -ENFILE, -ENOMEM, -EPERM. @since 0.1
 */
PICOT_API int picot_loop_fd(picot_loop *loop);

/**
 * Hand everything submitted so far to the kernel, and tell when picot_loop_step must be called at the latest. To be
 * called after the last other call into the loop, right before the foreign loop sleeps. On "sim", once picot_loop_fd
 * was asked for, the clock jumps to the deadline here, unless something is ready or a thread of the loop's pools is at
 * work, and 0 is returned: the foreign loop need not sleep.
 * @return  a time of picot_loop_now's clock (in the past: at once), PICOT_NEVER, or a negative code. @since 0.1
 */
PICOT_API int64_t picot_loop_next_deadline(picot_loop *loop);

/** One turn that never waits; the same as picot_loop_run(loop, PICOT_RUN_NOWAIT). @return as there. @since 0.1 */
PICOT_API int picot_loop_step(picot_loop *loop);

PICOT_END_DECLS

#endif /* PICOT_LOOP_H */
