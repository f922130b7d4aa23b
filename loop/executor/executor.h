/* SPDX-License-Identifier: MIT
 *
 * executor.h - what executors have in common: the private half of executor.h and work.h.
 *
 *     submit -> executor.c -> type->enqueue -> a worker -> picot__work_complete -> the port of a loop, or those who
 * wait
 *
 * One mutex per executor guards its lists of works, its ports' lists and the state changes of its works (the state
 * itself is also read without it). A work is in the executor's queue, or with a worker, or in its port's list, or its
 * owner's.
 */
#ifndef PICOT_LOOP_EXECUTOR_EXECUTOR_H
#define PICOT_LOOP_EXECUTOR_EXECUTOR_H

#include <picot/executor.h>
#include <picot/timer.h>
#include <picot/watch.h>
#include <pthread.h>
#include <stdbool.h>

/* work->_.state: an enum picot_work_state in the low bits, and: */
enum {
    PICOT__WORK_STATE = 3,
    PICOT__WORK_ASKED = 4,     /* to end early: the cancel token */
    PICOT__WORK_WAITED = 8,    /* a thread sleeps on the state word */
    PICOT__WORK_SETTLING = 16, /* running, its result is there, its callbacks are being called */
    PICOT__WORK_DROPPED = 32,  /* done, without having run: it was cancelled */
    PICOT__WORK_TOLD = 64      /* its `ask` was called */
};

/* Who takes what is completed looks by itself, and is not woken for each, while so many are out and as many came at
 * once as here; so soon. */
#define PICOT__LOOKS_OUT 64
#define PICOT__LOOKS_BATCH 8
/* When, with so many out: the more there are, the longer each waits for its turn anyway. */
static inline int64_t picot__looks_after_ns(size_t out)
{
    return 50 * PICOT_US + (int64_t)(out < 4096 ? out : 4096) * 100;
}

/* work->_.kind */
enum { PICOT__WORK_NONE, PICOT__WORK_CALL, PICOT__WORK_REQUEST };

/* Who runs works. A type's worker is a larger struct that begins with this one. */
struct picot_worker {
    picot_executor *executor; /* NULL in another process */
    picot_work *work;         /* that it runs; NULL */
    const uint32_t *asked;    /* a word with PICOT__WORK_ASKED, while it runs one */
    unsigned index;
    void *data;
    picot_loop *loop; /* whose thread it is; NULL */
};

/* A kind of executor. All but destroy are called with the mutex locked, and may unlock it meanwhile. */
struct picot__executor_type {
    const char *name;
    uint32_t work_kind; /* what it takes */
    /* The work is in executor->queue, at its end: see that somebody will run it. A code: nobody can, it is taken out
     * again. */
    int (*enqueue)(picot_executor *executor);
    /* A work of this port is about to be submitted: in the loop's thread, without the mutex. May be NULL. */
    void (*enters)(picot_executor *executor, struct picot__port *port);
    /* A work has joined the queue, and is counted; of this port, or of none. May be NULL. */
    void (*joins)(picot_executor *executor, struct picot__port *port);
    /* A loop is about to tell what is completed: complete what can be. May be NULL. */
    void (*gather)(picot_executor *executor);
    /* Wait for a work in the waiting thread's own way, without the mutex. 0 or -ETIMEDOUT. May be NULL. */
    int (*wait)(picot_executor *executor, picot_work *work, int64_t deadline_ns);
    /* A work without a port is about to be done: for `wait`. May be NULL. */
    void (*ends)(picot_executor *executor, const picot_work *work);
    /* Wake up to so many idle workers, for works that were queued without enqueue. NULL: each is enqueued. */
    void (*wake)(picot_executor *executor, size_t count);
    /* Ask running works to end, as picot__work_ask: those of a port, all when it is NULL; and if the type can do more.
     */
    void (*interrupt_all)(picot_executor *executor, const struct picot__port *port);
    /* One, whose token is set. True: it had not begun, is out of the type's hands, and does not run. May be NULL. */
    bool (*interrupt)(picot_executor *executor, picot_work *work);
    /* closing is set: wake everybody, so that they end when the queue is empty. */
    void (*shutdown)(picot_executor *executor);
    /* Wait until all workers have ended; closing is set. */
    void (*join)(picot_executor *executor);
    /* The worker that this thread is; NULL: it is none of this executor's. */
    const picot_worker *(*self)(picot_executor *executor);
    /* Its owner has ended it, and all workers have ended: give back all but what ports still look at. May be NULL. */
    void (*release)(picot_executor *executor);
    /* Free it. All workers have ended; or, in a forked child, they are not this process's. Without the mutex. */
    void (*destroy)(picot_executor *executor);
};

struct picot_executor {
    const struct picot__executor_type *type;
    const unsigned char *fork_mark;
    pthread_mutex_t mutex;
    pthread_cond_t room;    /* the queue has room again, for blocked submits; or a port has works, for one that waits */
    picot_work queue;       /* head of a circular list, the oldest first */
    size_t queued, running; /* works */
    size_t of_loops, of_threads; /* works submitted and not done, with a port and without */
    size_t workers, idle;        /* idle: those that nobody has begun to wake */
    size_t queue_limit;
    enum picot_pool_full full;
    unsigned blocked; /* who waits for `room` */
    uint64_t done;
    uint32_t refs; /* accessed atomically: the owner's, and one per port */
    bool closing, destroyed;
    bool owned;  /* by a loop */
    bool single; /* it has one worker, ever */
    bool quiet;  /* its works are operations of a loop, which counts them as such */
    int broken;  /* what every call now gets; 0 */
};

/* A type's executor is a larger struct that begins with this one, zeroed. It has one reference. 0 or a code. */
int picot__executor_init(picot_executor *executor, const struct picot__executor_type *type, size_t queue_limit,
                         enum picot_pool_full full);
void picot__executor_unref(picot_executor *executor); /* with the last one it is freed, by type->destroy */
bool picot__executor_forked(const picot_executor *executor);

static inline void picot__executor_lock(picot_executor *executor)
{
    (void)pthread_mutex_lock(&executor->mutex);
}
static inline void picot__executor_unlock(picot_executor *executor)
{
    (void)pthread_mutex_unlock(&executor->mutex);
}

/*
 * For workers, with the mutex locked: take the oldest queued work, which is then running; NULL: there is none. Whoever
 * waits for room is told.
 */
picot_work *picot__executor_take(picot_executor *executor);

/*
 * A running work has its result. Called and left with the mutex locked, which is unlocked meanwhile when a loop must be
 * woken or callbacks are called. The work may be gone on return.
 */
void picot__work_complete(picot_executor *executor, picot_work *work, int64_t result);

/* With the mutex locked: a callback that is added is so no more. */
void picot__work_callback_unlink(picot_work_callback *callback);

/* With the mutex locked: its token is set. */
static inline void picot__work_ask(picot_work *work)
{
    (void)__atomic_or_fetch(&work->_.state, PICOT__WORK_ASKED, __ATOMIC_RELAXED);
}

/* With the mutex locked: out of the queue. */
void picot__executor_leave_queue(picot_executor *executor, picot_work *work);

/* blocks: picot_executor_submit. Else one that never waits for room: for calls whose number is bounded by other means.
 */
int picot__executor_submit(picot_executor *executor, picot_work *work, bool blocks);

/* Shut down, wait, give the owner's reference back. 0 or -EDEADLK. */
int picot__executor_end(picot_executor *executor);

/* With the mutex locked, which may be unlocked meanwhile. A queued work, out of the queue already, is done without
 * having run. */
void picot__work_drop(picot_executor *executor, picot_work *work, int code);

/* With the mutex locked, which may be unlocked meanwhile: drop all queued works; of one port only, unless NULL. */
void picot__executor_drop_queued(picot_executor *executor, const struct picot__port *port, int code);

/* ---- port.c: an executor's way into a loop ------------------------------------------------------ */

struct picot__port {
    struct picot__port *next; /* of the loop's; in its thread only */
    picot_loop *loop;
    picot_executor *executor;
    size_t out;                    /* works submitted and not yet told to the loop; its thread only */
    picot_work *completed, **tail; /* to be told, the oldest first; the mutex guards it, and what follows */
    size_t completed_count;
    size_t unwoken;  /* works queued for which nobody was woken yet; the loop's thread only, and the next two */
    size_t clock_at; /* when there are so many the clock is read */
    int64_t unwoken_since_ns;
    unsigned posting; /* workers that are about to wake the loop */
    bool told;        /* the loop is being woken for what is in the list */
    bool looks;       /* it will look by itself: `look` is armed */
    picot_posted posted;
    picot_job job;
    struct picot_wheel_node look;
    picot_watch watch; /* of a descriptor of the type's; no work of the loop's */
};

/* In the loop's thread. The port of an executor, made when first needed, with a reference; NULL: out of memory. */
struct picot__port *picot__port_of(picot_loop *loop, picot_executor *executor);
/* Wait until all works of this loop have come back from an executor, and tell them. */
void picot__port_settle(picot_loop *loop, picot_executor *executor);
void picot__port_leaves(struct picot__port *port);  /* a work is about to be submitted, */
void picot__port_returns(struct picot__port *port); /* and was refused, or has been told */
/* With the mutex locked, for a work that is queued: will the loop wake somebody for it, with others, in a moment? */
bool picot__port_wakes_later(struct picot__port *port);

/* With the mutex locked: a work is done, and goes to its port. True: the loop must be woken, by picot__port_post. */
bool picot__port_enter(struct picot__port *port, picot_work *work);
/* Called and left with the mutex locked, which is unlocked meanwhile. */
void picot__port_post(struct picot__port *port);

/* process_pool.c: does it name a function, and bytes where it says that there are some? */
bool picot__request_is_whole(const picot_work *work);

/* In the loop's thread, without the mutex: tell what is completed. */
void picot__port_collect(picot_loop *loop, struct picot__port *port);

/* The wait of types that have none of their own. */
int picot__work_sleep(picot_work *work, int64_t deadline_ns);

/* thread_pool.c: may it be a loop's default? */
bool picot__is_thread_pool(const picot_executor *executor);

/* ---- lists of works ------------------------------------------------------------------------------ */

static inline void picot__work_append(picot_work *head, picot_work *work)
{
    work->_.prev = head->_.prev;
    work->_.next = head;
    head->_.prev->_.next = work;
    head->_.prev = work;
}
static inline void picot__work_unlink(picot_work *work)
{
    work->_.prev->_.next = work->_.next;
    work->_.next->_.prev = work->_.prev;
    work->_.next = work->_.prev = NULL;
}

#endif /* PICOT_LOOP_EXECUTOR_EXECUTOR_H */
