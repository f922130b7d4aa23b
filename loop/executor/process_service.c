/* SPDX-License-Identifier: MIT
 *
 * process_service.c - the thread of a pool of processes: it completes calls, sees workers end, kills and replaces them.
 *
 * It says in shared memory how it wants to be woken before it looks for the last time, and workers tell what they have
 * done before they look how; so no completion is missed. While many calls are out it looks by itself a moment later,
 * and a worker wakes it only when that has nothing more to do.
 */
#include "process_pool.h"

#include "../backend/backend.h"
#include "futex.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

/* Replies beyond this are copied without the mutex. */
#define SHORT_COPY 4096
/* Workers that end one after the other without having been at a call: they cannot live. */
#define CRASHES_MAX 8
/* While calls are out, how often to look after what no worker has told: one may have spoiled what says whom to tell. */
#define LOST_NS PICOT_SECOND
/* So long idle workers may take to end. */
#define ENDS_AFTER_NS PICOT_SECOND

/* ---- calls that are over ---------------------------------------------------------------------------- */

static int64_t take_reply(struct picot__process_pool *pool, uint32_t number)
{
    const struct pool_slot *slot = &pool->slots[number];
    const struct picot__slot *shared = &pool->memory->slots[number];
    int64_t result = __atomic_load_n(&shared->result, __ATOMIC_ACQUIRE);
    if (result <= 0) return result;
    if ((uint64_t)result > slot->reply_room) return -EMSGSIZE;
    if (slot->reply_offset != 0 && slot->ret_size == 0) return result; /* lent: it lies where it is wanted */
    const char *from = slot->reply_offset ? (char *)pool->memory + slot->reply_offset : shared->bytes;
    void *to = slot->work->_.u.request.ret_data;
    if (!to) return result;
    if (result <= SHORT_COPY) {
        memcpy(to, from, (size_t)result);
        return result;
    }
    picot__executor_unlock(&pool->base);
    memcpy(to, from, (size_t)result);
    picot__executor_lock(&pool->base);
    return result;
}

static void complete(struct picot__process_pool *pool, uint32_t number)
{
    pool->slots[number].completing = true; /* meanwhile the mutex may be unlocked */
    int64_t result = take_reply(pool, number);
    picot_work *work = picot__process_slot_free(pool, number);
    pool->crashes = 0;
    picot__work_complete(&pool->base, work, result);
}

static void kill_process(const struct pool_process *process)
{
    if (process->pid > 0) (void)syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
}

/* A worker's ring; what it says is checked: a number may be wrong, or come twice. */
static uint32_t take_completed(struct picot__process_pool *pool, uint32_t index)
{
    struct picot__worker_place *place = &pool->memory->workers[index];
    struct pool_process *process = &pool->processes[index];
    const pid_t pid = process->pid;
    uint32_t tail = __atomic_load_n(&place->tail, __ATOMIC_SEQ_CST), count = 0;
    if (tail - process->seen > PICOT__SLOTS) { /* nonsense: it must not go on */
        if (!process->spoiled) kill_process(process);
        process->spoiled = true;
        return 0;
    }
    /* Where the mutex is unlocked others may take some, or the worker be another one. */
    while (process->pid == pid && !process->spoiled && (int32_t)(tail - process->seen) > 0) {
        uint32_t number = __atomic_load_n(&place->completed[process->seen++ % PICOT__SLOTS], __ATOMIC_RELAXED);
        if (number >= PICOT__SLOTS || !pool->slots[number].work || pool->slots[number].completing) continue;
        uint32_t state = __atomic_load_n(&pool->memory->slots[number].state, __ATOMIC_SEQ_CST);
        if (state != PICOT__SLOT_STATE(PICOT__SLOT_DONE, index)) continue;
        complete(pool, number);
        count++;
    }
    return count;
}

uint32_t picot__process_take_all(struct picot__process_pool *pool)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pool->processes_max; i++)
        if (pool->processes[i].pid > 0) count += take_completed(pool, i);
    return count;
}

/* ---- a broken pool -------------------------------------------------------------------------------- */

/* No worker can be had, or be trusted: every call, queued, begun or still to come, gets this code. */
static void become_broken(struct picot__process_pool *pool, int code)
{
    if (pool->base.broken) return;
    pool->base.broken = code;
    if (pool->base.blocked > 0) (void)pthread_cond_broadcast(&pool->base.room);
    picot__executor_drop_queued(&pool->base, NULL, code);
    for (uint32_t number = 0; number < PICOT__SLOTS; number++) {
        uint32_t pending = PICOT__SLOT_PENDING;
        if (!pool->slots[number].work) continue;
        if (!__atomic_compare_exchange_n(&pool->memory->slots[number].state, &pending, PICOT__SLOT_FREE, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            continue;
        picot_work *work = picot__process_slot_free(pool, number);
        picot__work_complete(&pool->base, work, code);
    }
    for (uint32_t i = 0; i < pool->processes_max; i++)
        kill_process(&pool->processes[i]);
}

/* ---- workers that have ended ----------------------------------------------------------------------- */

/* Was this work with a worker that is no more? Also what a worker has written there that never was. */
static bool is_orphan(const struct picot__process_pool *pool, uint32_t number)
{
    uint32_t state = __atomic_load_n(&pool->memory->slots[number].state, __ATOMIC_SEQ_CST);
    if (state == PICOT__SLOT_PENDING) return false;
    uint32_t worker = PICOT__SLOT_WORKER(state);
    return worker >= PICOT__WORKERS_MAX || pool->processes[worker].pid == 0;
}

/* Those it was at. Were there any? */
static bool fail_orphans(struct picot__process_pool *pool, uint32_t index, int status)
{
    bool any = false;
    for (uint32_t number = 0; number < PICOT__SLOTS; number++) {
        struct pool_slot *slot = &pool->slots[number];
        if (!slot->work || slot->completing || !is_orphan(pool, number)) continue;
        uint32_t state = __atomic_load_n(&pool->memory->slots[number].state, __ATOMIC_SEQ_CST);
        any = true;
        if (state == PICOT__SLOT_STATE(PICOT__SLOT_DONE, index)) { /* it died between its last two steps */
            complete(pool, number);
            continue;
        }
        int code = slot->killed ? slot->kill_code : pool->base.broken ? pool->base.broken : PICOT_EWORKERDIED;
        slot->work->_.u.request.exit_status = status;
        picot_work *work = picot__process_slot_free(pool, number);
        picot__work_complete(&pool->base, work, code);
    }
    return any;
}

static void worker_ended(struct picot__process_pool *pool, uint32_t index)
{
    struct pool_process *process = &pool->processes[index];
    int status = -SIGKILL;
    (void)take_completed(pool, index);
    picot__executor_unlock(&pool->base);
    (void)picot__forkserver_reap(pool->server, process->pid, &status);
    (void)close(process->pidfd);
    picot__executor_lock(&pool->base);
    process->pid = 0;
    process->started = false;
    pool->base.workers--;
    bool retired =
        status == PICOT__EXIT_RETIRED && __atomic_load_n(&pool->memory->workers[index].ended, __ATOMIC_SEQ_CST);
    bool at_work = fail_orphans(pool, index, status);
    pool->crashes = retired || at_work ? 0 : pool->crashes + 1;
    if (picot__process_outstanding(pool) > 0) picot__process_wake(pool); /* it may have been woken, and been dead */
    if (status == PICOT__EXIT_NO_START || pool->crashes >= CRASHES_MAX || (pool->break_on_crash && !retired))
        become_broken(pool, PICOT_EBROKEN);
}

/* ---- killing ------------------------------------------------------------------------------------------ */

/* Only the worker that is still at this call: it finds out when it is done, and goes no further. */
static void kill_call(struct picot__process_pool *pool, uint32_t number, int code)
{
    struct pool_slot *slot = &pool->slots[number];
    uint32_t *word = &pool->memory->slots[number].state, state = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    uint32_t worker = PICOT__SLOT_WORKER(state);
    if (slot->killed || (state & 0xFF) != PICOT__SLOT_TAKEN || worker >= pool->processes_max) return;
    if (!__atomic_compare_exchange_n(word, &state, PICOT__SLOT_STATE(PICOT__SLOT_KILLED, worker), false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return;
    slot->killed = true;
    slot->kill_code = code;
    kill_process(&pool->processes[worker]);
}

/* When this call's limit is over, as far as is known now. */
static int64_t limit_of(const struct picot__process_pool *pool, uint32_t number, int64_t now_ns)
{
    int64_t limit_ns = pool->slots[number].work->_.u.request.limit_ns;
    int64_t begun_ns = __atomic_load_n(&pool->memory->slots[number].begun_ns, __ATOMIC_ACQUIRE);
    if (limit_ns <= 0) return PICOT_NEVER;
    if (begun_ns <= 0 || begun_ns > now_ns) begun_ns = now_ns; /* not begun */
    return limit_ns < PICOT_NEVER - begun_ns ? begun_ns + limit_ns : PICOT_NEVER;
}

/* Kill what is over its time. When to look again. */
static int64_t watch_limits(struct picot__process_pool *pool)
{
    int64_t next_ns = PICOT_NEVER, now_ns;
    if (pool->with_limit == 0) return PICOT_NEVER;
    now_ns = picot__futex_now();
    for (uint32_t number = 0; number < PICOT__SLOTS; number++) {
        const struct pool_slot *slot = &pool->slots[number];
        if (!slot->work || slot->killed) continue;
        int64_t limit_ns = limit_of(pool, number, now_ns);
        if (limit_ns <= now_ns)
            kill_call(pool, number, -ETIMEDOUT);
        else if (slot->kill_ns <= now_ns)
            kill_call(pool, number, slot->kill_code);
        else if (limit_ns < next_ns || slot->kill_ns < next_ns)
            next_ns = limit_ns < slot->kill_ns ? limit_ns : slot->kill_ns;
    }
    return next_ns;
}

/* ---- starting ------------------------------------------------------------------------------------------ */

static bool wants_process(const struct picot__process_pool *pool)
{
    size_t calls = picot__process_outstanding(pool) + pool->base.queued;
    if (pool->base.broken || pool->base.workers >= pool->processes_max) return false;
    return pool->base.workers < calls || (!pool->base.closing && pool->base.workers < pool->processes_min);
}

static int start_process(struct picot__process_pool *pool)
{
    uint32_t index = 0;
    while (pool->processes[index].pid > 0)
        index++;
    struct pool_process *process = &pool->processes[index];
    struct picot__worker_place *place = &pool->memory->workers[index];
    struct picot__worker_order order = pool->order;
    memset(place, 0, offsetof(struct picot__worker_place, unused));
    process->started = true;
    process->seen = 0;
    process->spoiled = false;
    order.index = index;
    pid_t pid = 0;
    picot__executor_unlock(&pool->base);
    int rc = picot__forkserver_spawn(pool->server, &order, pool->memory_fd, pool->notify_fds, &pid, &process->pidfd);
    picot__executor_lock(&pool->base);
    process->started = rc == 0;
    if (rc < 0) return rc;
    process->pid = pid;
    pool->base.workers++;
    return 0;
}

/* A pool that cannot have a single worker is broken; with some it goes on. */
static void start_processes(struct picot__process_pool *pool)
{
    while (wants_process(pool)) {
        int rc = start_process(pool);
        if (rc == 0) continue;
        if (pool->base.workers == 0) become_broken(pool, PICOT_EBROKEN);
        return;
    }
}

/* ---- the thread ---------------------------------------------------------------------------------------- */

static void end_workers(struct picot__process_pool *pool, bool by_force)
{
    __atomic_store_n(&pool->memory->closing, 1, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < pool->processes_max; i++) {
        __atomic_store_n(&pool->memory->workers[i].asleep, 0, __ATOMIC_SEQ_CST);
        picot__futex_wake_shared(&pool->memory->workers[i].asleep, 1);
        if (by_force) kill_process(&pool->processes[i]);
    }
}

static bool is_over(const struct picot__process_pool *pool)
{
    bool ends = pool->base.closing || pool->base.broken;
    return ends && pool->base.queued == 0 && picot__process_outstanding(pool) == 0;
}

/* Sleep until a worker tells something or ends, or a time; then see to those that have ended. */
static void wait_for_news(struct picot__process_pool *pool, int64_t deadline_ns)
{
    struct pollfd fds[PICOT__WORKERS_MAX + 1] = {{.fd = pool->notify_fds[PICOT__TELL_SERVICE], .events = POLLIN}};
    uint32_t indices[PICOT__WORKERS_MAX + 1], count = 1;
    for (uint32_t i = 0; i < pool->processes_max; i++) {
        if (pool->processes[i].pid == 0) continue;
        indices[count] = i;
        fds[count++] = (struct pollfd){.fd = pool->processes[i].pidfd, .events = POLLIN};
    }
    int64_t timeout_ns = deadline_ns == PICOT_NEVER ? -1 : deadline_ns - picot__futex_now();
    if (deadline_ns != PICOT_NEVER && timeout_ns < 0) timeout_ns = 0;
    struct timespec timeout = {timeout_ns / PICOT_SECOND, timeout_ns % PICOT_SECOND};
    uint64_t news;
    picot__executor_unlock(&pool->base);
    int ready = ppoll(fds, count, timeout_ns < 0 ? NULL : &timeout, NULL);
    if (ready > 0 && fds[0].revents && read(pool->notify_fds[PICOT__TELL_SERVICE], &news, sizeof news) < 0) ready--;
    picot__executor_lock(&pool->base);
    for (uint32_t i = 1; ready > 0 && i < count; i++)
        if (fds[i].revents) worker_ended(pool, indices[i]);
}

bool picot__process_has_news(const struct picot__process_pool *pool)
{
    for (uint32_t i = 0; i < pool->processes_max; i++)
        if (pool->processes[i].pid > 0 && !pool->processes[i].spoiled &&
            __atomic_load_n(&pool->memory->workers[i].tail, __ATOMIC_SEQ_CST) != pool->processes[i].seen)
            return true;
    return false;
}

/* One round: everything that is to be done now. When to look again at the latest. */
static int64_t serve(struct picot__process_pool *pool)
{
    uint32_t count = 0, *notify = &pool->memory->notify;
    int64_t next_ns;
    __atomic_store_n(notify, PICOT__NOTIFY_NOT, __ATOMIC_SEQ_CST);
    do {
        count += picot__process_take_all(pool);
        picot__process_publish(pool);
        start_processes(pool);
        next_ns = watch_limits(pool);
        uint32_t tell = picot__process_tell(pool);
        if (tell == PICOT__TELL_SERVICE && count >= PICOT__LOOKS_BATCH &&
            picot__process_outstanding(pool) >= PICOT__LOOKS_OUT) {
            int64_t look_ns = picot__futex_now() + picot__looks_after_ns(picot__process_outstanding(pool));
            __atomic_store_n(notify, PICOT__NOTIFY(PICOT__NOTIFY_IDLE, tell), __ATOMIC_SEQ_CST);
            return look_ns < next_ns ? look_ns : next_ns;
        }
        __atomic_store_n(notify, PICOT__NOTIFY(PICOT__NOTIFY_FIRST, tell), __ATOMIC_SEQ_CST);
    } while (picot__process_has_news(pool));
    return next_ns;
}

static void take_lost(struct picot__process_pool *pool)
{
    for (uint32_t number = 0; number < PICOT__SLOTS; number++) {
        const struct pool_slot *slot = &pool->slots[number];
        uint32_t state = __atomic_load_n(&pool->memory->slots[number].state, __ATOMIC_SEQ_CST);
        if (slot->work && !slot->completing && (state & 0xFF) == PICOT__SLOT_DONE) complete(pool, number);
    }
}

/* What is done, and in no ring. When to look again: not at all after a while without calls. */
static int64_t look_for_lost(struct picot__process_pool *pool)
{
    pool->unwatched = picot__process_outstanding(pool) == 0 && pool->base.done == pool->done_seen;
    if (pool->unwatched) return PICOT_NEVER;
    int64_t now_ns = picot__futex_now();
    if (now_ns < pool->lost_ns) return pool->lost_ns;
    take_lost(pool);
    pool->done_seen = pool->base.done;
    pool->lost_ns = now_ns + LOST_NS;
    return pool->lost_ns;
}

/* Nothing is left to do: let the workers end, and make those end that do not. When to look again. */
static int64_t finish(struct picot__process_pool *pool)
{
    int64_t now_ns = picot__futex_now();
    if (pool->ends_ns == 0) pool->ends_ns = now_ns + ENDS_AFTER_NS;
    end_workers(pool, pool->base.broken || now_ns >= pool->ends_ns);
    return now_ns >= pool->ends_ns ? PICOT_NEVER : pool->ends_ns;
}

void *picot__process_service(void *argument)
{
    struct picot__process_pool *pool = argument;
    (void)pthread_setname_np(pthread_self(), "picot-pool");
    picot__executor_lock(&pool->base);
    for (;;) {
        int64_t next_ns = serve(pool), lost_ns = look_for_lost(pool);
        if (lost_ns < next_ns) next_ns = lost_ns;
        if (is_over(pool)) {
            next_ns = finish(pool);
            if (pool->base.workers == 0 && pool->base.closing) break;
        }
        wait_for_news(pool, next_ns);
    }
    pool->service_runs = false;
    (void)pthread_cond_broadcast(&pool->service_ended);
    picot__executor_unlock(&pool->base);
    return NULL;
}
