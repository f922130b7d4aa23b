/* SPDX-License-Identifier: MIT
 *
 * loop.c - create, run, stop, ask: the loop as its users see it. One turn is turn.c; the end is destroy.c.
 */
#include "backend/backend.h"

#include <stdio.h>

#define DEFAULT_EVENTS_PER_TURN 256
#define DEFAULT_INLINE_BUDGET 32

_Thread_local char picot__thread_marker;

int picot__check_failed(const picot_loop *loop)
{
    if (!loop) return -EINVAL;
    return *loop->fork_mark ? -EPERM : PICOT_EFORKED;
}

static void *default_resize(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

/* ---- create ---------------------------------------------------------------------------------- */

/* The caller may have been built against an older, shorter struct. */
static int read_options(const picot_loop_options *given, picot_loop_options *ret_options)
{
    *ret_options = (picot_loop_options)PICOT_LOOP_OPTIONS_INIT;
    if (given) {
        if (given->size < offsetof(picot_loop_options, ring_entries) || given->size > sizeof *given) return -EINVAL;
        memcpy(ret_options, given, given->size);
    }
    return 0;
}

static void explain(const picot_loop_options *options, const char *reason)
{
    if (options->explanation && options->explanation_size > 0)
        (void)snprintf(options->explanation, options->explanation_size, "%s", reason);
}

static void init(picot_loop *loop, const picot_loop_options *options, const picot_allocator *allocator)
{
    loop->allocator = *allocator;
    loop->owner = &picot__thread_marker;
    loop->ready.head._.next = loop->ready.head._.prev = &loop->ready.head;
    loop->ready.batch._.next = loop->ready.batch._.prev = &loop->ready.batch;
    loop->finished_tail = &loop->finished;
    loop->jobs_per_wait = 1;
    loop->events_per_turn = options->events_per_turn ? options->events_per_turn : DEFAULT_EVENTS_PER_TURN;
    loop->ready.full_budget = options->inline_budget ? options->inline_budget : DEFAULT_INLINE_BUDGET;
    loop->ready.budget = loop->ready.full_budget;
    loop->metrics.sample_every = PICOT__SAMPLE_WAITS;
    loop->metrics.until_sample = 1;
}

int picot_loop_create(const picot_loop_options *given, picot_loop **ret_loop)
{
    static const picot_allocator standard = {default_resize, NULL};
    picot_loop_options options;
    if (!ret_loop) return -EINVAL;
    int rc = read_options(given, &options);
    if (rc < 0) return rc;
    const picot_allocator *allocator = options.allocator ? options.allocator : &standard;
    picot_loop *loop = allocator->resize(allocator->user, NULL, 0, sizeof *loop);
    if (!loop) return -ENOMEM;
    memset(loop, 0, sizeof *loop);
    init(loop, &options, allocator);
    rc = picot__seed_open(loop, &options);
    if (rc < 0) goto no_seed;
    rc = -ENOMEM;
    loop->fork_mark = picot__fork_mark_open();
    if (!loop->fork_mark) goto no_mark;
    rc = picot__backend_open(loop, &options);
    if (rc < 0) goto no_backend;
    loop->now_ns = loop->backend->now(loop);
    picot__wheel_init(&loop->wheel, loop->now_ns);
    *ret_loop = loop;
    return 0;

no_backend:
    picot__fork_mark_close(loop->fork_mark);
no_seed:
    explain(&options, loop->reason);
no_mark:
    (void)allocator->resize(allocator->user, loop, sizeof *loop, 0);
    return rc;
}

/* ---- run ------------------------------------------------------------------------------------- */

/* What could ever call back; open handles alone cannot. */
static size_t live_but_jobs(const picot_loop *loop)
{
    size_t count = loop->pending_ops + loop->armed_timers + loop->watches + loop->holds + loop->signal_watchers;
    for (picot_extension *extension = loop->extensions; extension; extension = extension->_.next)
        if (extension->pending) count += extension->pending((picot_loop *)(uintptr_t)loop, extension);
    return count;
}

size_t picot__live(const picot_loop *loop)
{
    return live_but_jobs(loop) + picot__count_jobs(loop);
}

bool picot__is_live(const picot_loop *loop)
{
    return picot__has_jobs(loop) || live_but_jobs(loop) > 0;
}

/* The backend is lost: whoever waits learns it, and nothing new is taken. */
static int fail(picot_loop *loop, int code)
{
    loop->failed = code;
    (void)snprintf(loop->reason, sizeof loop->reason, "%s: waiting failed: %s (%s)%s", loop->backend->name,
                   picot_strerror(code), picot_error_name(code),
                   code == -EPERM ? "; was it forbidden after the loop was created, by a seccomp filter?" : "");
    picot__fail_operations(loop, PICOT_EBACKEND);
    picot__deliver_finished(loop);
    picot__run_jobs(loop);
    return PICOT_EBACKEND;
}

static int run_turn(picot_loop *loop, int64_t limit_ns)
{
    if (loop->failed) return fail(loop, loop->failed);
    int rc = picot__turn(loop, limit_ns);
    return rc < 0 && rc != -EDEADLK ? fail(loop, rc) : rc;
}

/* One turn in which something happens: a wait may end early, to move far timers down the wheel. */
static int run_once(picot_loop *loop)
{
    uint64_t callbacks = loop->ready.callbacks;
    int rc = 0;
    do {
        rc = run_turn(loop, picot__is_live(loop) && !loop->stop_asked ? PICOT_NEVER : 0);
    } while (rc == 0 && !loop->stop_asked && loop->ready.callbacks == callbacks && picot__is_live(loop));
    return rc;
}

static int run_mode(picot_loop *loop, enum picot_run_mode mode)
{
    int rc = 0;
    if (mode == PICOT_RUN_NOWAIT) return run_turn(loop, 0);
    if (mode == PICOT_RUN_ONCE) return run_once(loop);
    while (rc == 0 && (mode == PICOT_RUN_FOREVER || picot__is_live(loop))) {
        rc = run_turn(loop, loop->stop_asked ? 0 : PICOT_NEVER); /* stopped before it began: a turn without waiting */
        if (loop->stop_asked) break;
    }
    return rc;
}

/* The thread that runs a loop first becomes its owner for good. */
static int become_owner(picot_loop *loop)
{
    if (!loop) return -EINVAL;
    if (!*loop->fork_mark) return PICOT_EFORKED;
    if (!loop->bound) {
        loop->bound = true;
        __atomic_store_n(&loop->owner, &picot__thread_marker, __ATOMIC_RELAXED);
    }
    return loop->owner == &picot__thread_marker ? 0 : -EPERM;
}

int picot_loop_run(picot_loop *loop, enum picot_run_mode mode)
{
    if (!loop || (unsigned)mode > PICOT_RUN_NOWAIT) return -EINVAL;
    int rc = become_owner(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_loop_run");
    if (loop->running) return PICOT__MISUSE(-EBUSY, "picot_loop_run from inside a callback");
    loop->running = true;
    loop->many_turns = mode == PICOT_RUN_FOREVER || mode == PICOT_RUN_IDLE;
    loop->metrics.read_ns = PICOT_NEVER;
    rc = run_mode(loop, mode);
    loop->running = loop->many_turns = false;
    picot__look_up(loop);
    loop->stop_asked = false;
    if (rc < 0) return rc;
    return picot__is_live(loop);
}

int picot_loop_step(picot_loop *loop)
{
    return picot_loop_run(loop, PICOT_RUN_NOWAIT);
}

int picot_loop_stop(picot_loop *loop)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_loop_stop");
    loop->stop_asked = true;
    picot__look_up(loop);
    return 0;
}

int picot_loop_fd(picot_loop *loop)
{
    int rc = picot__check(loop);
    return rc < 0 ? rc : loop->backend->pollable(loop);
}

int64_t picot_loop_next_deadline(picot_loop *loop)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (loop->running) return -EBUSY;
    rc = become_owner(loop);
    if (rc < 0) return rc;
    if (loop->unwoken > 0) picot__works_wake(loop);
    rc = loop->backend->flush(loop);
    if (rc != 0) return rc < 0 ? rc : 0;
    int64_t deadline_ns = picot__next_deadline(loop, PICOT_NEVER);
    return picot__sleep_begin(loop) ? deadline_ns : 0;
}

/* ---- ask ------------------------------------------------------------------------------------- */

size_t picot_loop_pending(const picot_loop *loop)
{
    return loop ? picot__live(loop) + loop->handles : 0;
}

int picot_loop_hold(picot_loop *loop)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    loop->holds++;
    return 0;
}

int picot_loop_unhold(picot_loop *loop)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (loop->holds == 0) return -EINVAL;
    loop->holds--;
    return 0;
}

int64_t picot_loop_now(const picot_loop *loop)
{
    return loop ? loop->now_ns : 0;
}

int64_t picot_loop_update_now(picot_loop *loop)
{
    if (!loop) return 0;
    int64_t now_ns = loop->backend->now(loop);
    if (now_ns > loop->now_ns) loop->now_ns = now_ns; /* a clock seen going back is not followed */
    return loop->now_ns;
}

const char *picot_loop_backend(const picot_loop *loop)
{
    return loop ? loop->backend->name : "none";
}

const char *picot_loop_backend_reason(const picot_loop *loop)
{
    return loop ? loop->reason : "there is no loop";
}
