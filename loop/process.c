/* SPDX-License-Identifier: MIT
 *
 * process.c - children that run: their pidfds are watched, ends are told, signals sent, and none is left behind.
 *
 *     runs --(pidfd readable: reaped)--> ended --(closed)--> freed
 *     runs --(closed: killed)--> closed --(reaped, pipes closed)--> freed
 */
#include "process.h"
#include "backend/backend.h"

#define SIGNAL_KILL 9
#define UNKNOWN_CODE 255

static int check(const picot_process *process)
{
    return process ? picot__check(process->loop) : -EINVAL;
}

/* ---- who waits --------------------------------------------------------------------------------- */

static void tell(picot_loop *loop, void *user)
{
    picot_process_watch *watch = user;
    loop->child_news--;
    watch->fn(loop, watch, watch->_.rc);
}

static void tell_soon(picot_loop *loop, picot_process_watch *watch, int rc)
{
    watch->_.process = NULL;
    watch->_.rc = rc;
    if (picot_call_soon(loop, &watch->_.job, tell, watch) == 0) loop->child_news++;
}

static void unlink_watch(picot_process *process, picot_process_watch *watch)
{
    *(watch->_.prev ? &watch->_.prev->_.next : &process->first) = watch->_.next;
    *(watch->_.next ? &watch->_.next->_.prev : &process->last) = watch->_.prev;
}

static void tell_all(picot_process *process, int rc)
{
    while (process->first) {
        picot_process_watch *watch = process->first;
        unlink_watch(process, watch);
        tell_soon(process->loop, watch, rc);
    }
}

int picot_process_watch_add(picot_process *process, picot_process_watch *watch, picot_process_watch_fn *fn, void *user)
{
    int rc = check(process);
    if (rc < 0) return rc;
    if (!watch || !fn) return -EINVAL;
    if (watch->_.process || watch->_.job._.next) return -EALREADY;
    watch->fn = fn;
    watch->user = user;
    if (process->ended) {
        tell_soon(process->loop, watch, 0);
        return 0;
    }
    watch->_.process = process;
    watch->_.prev = process->last;
    watch->_.next = NULL;
    *(process->last ? &process->last->_.next : &process->first) = watch;
    process->last = watch;
    return 0;
}

int picot_process_watch_remove(picot_loop *loop, picot_process_watch *watch)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (!watch) return -EINVAL;
    if (watch->_.process) unlink_watch(watch->_.process, watch);
    watch->_.process = NULL;
    if (!watch->_.job._.next) return 0;
    loop->child_news--;
    return picot_job_cancel(loop, &watch->_.job);
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void free_if_done(picot_process *process)
{
    if (!process->closed || !process->ended) return;
    for (int i = 0; i < 3; i++)
        if (picot_op_pending(&process->closes[i])) return;
    *(process->prev ? &process->prev->next : &process->loop->first_process) = process->next;
    if (process->next) process->next->prev = process->prev;
    picot_free(process->loop, process, sizeof *process);
}

/* The loop sees no more of it. */
static void let_go(picot_process *process, int code, bool unknown, int rc)
{
    (void)picot_watch_remove(process->loop, &process->watch);
    (void)picot_timer_cancel(process->loop, &process->alarm);
    (void)picot__sys_close(process->pidfd);
    process->pidfd = -1;
    process->code = code;
    process->unknown = unknown;
    process->ended = true;
    process->loop->children--;
    tell_all(process, rc);
}

static int send_signal(const picot_process *process, int signal_number)
{
    return picot__sys_process_signal(process->pidfd, process->pid, signal_number, process->own_group);
}

/* What it has started must go with it: as long as it is not reaped its number is that of the group. */
static void reap(picot_process *process, bool block, int told)
{
    int code = UNKNOWN_CODE;
    if (process->own_group && (process->terminating || process->closed)) (void)send_signal(process, SIGNAL_KILL);
    int rc = picot__sys_process_reap(process->pidfd, process->pid, block, &code);
    if (rc != 0) let_go(process, rc < 0 ? UNKNOWN_CODE : code, rc < 0, told);
}

static void has_ended(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    picot_process *process = watch->user;
    (void)loop;
    (void)ready;
    reap(process, false, 0);
    free_if_done(process);
}

static void enter(picot_process *process)
{
    picot_loop *loop = process->loop;
    process->next = loop->first_process;
    if (process->next) process->next->prev = process;
    loop->first_process = process;
}

int picot__process_enter(picot_process *process)
{
    int code;
    int rc = picot_watch_add(process->loop, &process->watch, process->pidfd, PICOT_READABLE, has_ended, process);
    if (rc < 0) {
        bool killed = send_signal(process, SIGNAL_KILL) == 0;
        (void)picot__sys_process_reap(process->pidfd, process->pid, killed, &code);
        (void)picot__sys_close(process->pidfd);
        return rc;
    }
    process->loop->children++;
    enter(process);
    return 0;
}

/* ---- asking ------------------------------------------------------------------------------------ */

int picot_process_pid(const picot_process *process)
{
    return process ? process->pid : -EINVAL;
}

int picot_process_pidfd(const picot_process *process)
{
    if (!process) return -EINVAL;
    return process->pidfd < 0 ? -ESRCH : process->pidfd;
}

void *picot_process_user(const picot_process *process)
{
    return process ? process->user : NULL;
}

picot_loop *picot_process_loop(const picot_process *process)
{
    return process ? process->loop : NULL;
}

picot_fd picot_process_stdio(const picot_process *process, int number)
{
    if (!process || number < 0 || number > 2) return -EINVAL;
    return process->pipes[number];
}

int picot_process_code(const picot_process *process, int *ret_code)
{
    if (!process) return -EINVAL;
    if (!process->ended) return PICOT_ENOTDONE;
    if (ret_code) *ret_code = process->code;
    return process->unknown ? 1 : 0;
}

/* ---- signals ----------------------------------------------------------------------------------- */

static int may_signal(const picot_process *process, int signal_number)
{
    int rc = check(process);
    if (rc < 0) return rc;
    if (signal_number < 0 || signal_number > PICOT__KERNEL_SIGNALS) return -EINVAL;
    return process->ended ? -ESRCH : 0;
}

int picot_process_signal(picot_process *process, int signal_number)
{
    int rc = may_signal(process, signal_number);
    return rc < 0 ? rc : picot__sys_process_signal(process->pidfd, process->pid, signal_number, 0);
}

int picot_process_signal_group(picot_process *process, int signal_number)
{
    int rc = may_signal(process, signal_number);
    if (rc == 0 && !process->own_group) rc = -EINVAL;
    return rc < 0 ? rc : send_signal(process, signal_number);
}

static void grace_is_over(picot_loop *loop, void *user)
{
    (void)loop;
    (void)send_signal(user, SIGNAL_KILL);
}

int picot_process_terminate(picot_process *process)
{
    int rc = may_signal(process, 0);
    if (rc < 0 || process->terminating) return rc;
    process->terminating = true;
    if (process->stop)
        (void)process->stop(process, process->user);
    else
        rc = send_signal(process, process->stop_signal);
    if (rc == -EPERM) process->terminating = false;
    if (rc == -ESRCH) rc = 0; /* somebody else has reaped it: the loop is about to see */
    if (rc < 0 || process->grace_ns == PICOT_NEVER) return rc;
    return picot_call_later(process->loop, &process->alarm, process->grace_ns, grace_is_over, process);
}

/* ---- closing ----------------------------------------------------------------------------------- */

static void pipe_closed(picot_loop *loop, picot_op *op)
{
    (void)loop;
    free_if_done(op->user);
}

/* The user may have closed them: then the handle is stale, and this does nothing. */
static void close_pipes(picot_process *process)
{
    for (int i = 0; i < 3; i++) {
        if (process->pipes[i] <= 0) continue;
        picot_op_close(&process->closes[i], process->pipes[i]);
        (void)picot_submit_now(process->loop, &process->closes[i], pipe_closed, process);
    }
}

int picot_process_close(picot_process *process)
{
    if (!process) return 0;
    int rc = check(process);
    if (rc < 0) return rc;
    if (process->closed) return -EINVAL;
    process->closed = true;
    tell_all(process, -ECANCELED);
    close_pipes(process);
    if (!process->ended && process->leave)
        let_go(process, UNKNOWN_CODE, true, -ECANCELED);
    else if (!process->ended)
        (void)send_signal(process, SIGNAL_KILL);
    free_if_done(process);
    return 0;
}

/* ---- the end of the loop ----------------------------------------------------------------------- */

/* One that has become another user's may be out of reach: the loop does not wait for it for ever. */
static void kill_or_let_go(picot_process *process, bool let)
{
    if (send_signal(process, SIGNAL_KILL) != -EPERM || !let) return;
    let_go(process, UNKNOWN_CODE, true, -ECANCELED);
    free_if_done(process);
}

void picot__children_kill(picot_loop *loop, bool all)
{
    for (picot_process *process = loop->first_process, *next; process; process = next) {
        next = process->next;
        if (process->ended) continue;
        if (process->leave && !process->closed)
            let_go(process, UNKNOWN_CODE, true, -ECANCELED);
        else if (all || (!process->first && !process->terminating))
            kill_or_let_go(process, all);
    }
}

void picot__children_fail(picot_loop *loop, int code)
{
    for (picot_process *process = loop->first_process, *next; process; process = next) {
        next = process->next;
        if (process->ended) continue;
        if (process->leave) {
            let_go(process, UNKNOWN_CODE, true, code);
        } else {
            process->terminating = true;
            if (send_signal(process, SIGNAL_KILL) == -EPERM)
                let_go(process, UNKNOWN_CODE, true, code);
            else
                reap(process, true, code);
        }
        free_if_done(process);
    }
}

void picot__children_free(picot_loop *loop)
{
    for (picot_process *process = loop->first_process, *next; process; process = next) {
        next = process->next;
        if (process->pidfd >= 0) (void)picot__sys_close(process->pidfd);
        picot_free(loop, process, sizeof *process);
    }
    loop->first_process = NULL;
}
