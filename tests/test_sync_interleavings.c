/* SPDX-License-Identifier: MIT
 *
 * test_sync_interleavings.c - every interleaving of three tasks on each primitive, and of a cancellation at every
 * place.
 *
 * The test is the scheduler: the loop never runs, but the jobs of its ready queue are run here, one by one, in every
 * order (depth first: a run follows a path of choices, the next run changes the last choice that can be changed). One
 * choice more in each run is to cancel one of the tasks. After each step the state must make sense: nobody excluded is
 * inside, nobody waits for what is free, the line is in the order of coming and nobody inside came after somebody who
 * waits. At the end everything has been given back.
 *
 * A task's program is a word, a letter for each thing it does: see `act`. Each await is a place where others come in.
 */
#include "../coro/sync.h"
#include "coro_support.h"

#define ACTORS 3

/* A step costs a thousand times as much in a debug build, which scribbles over the stack: the first ones only. */
#ifdef PICOT_DEBUG
#define MOST_RUNS 1000
#else
#define MOST_RUNS LONG_MAX
#endif

/* ---- choices ----------------------------------------------------------------------------------- */

static struct {
    unsigned char taken[256], of[256];
    int at, len;
} path;

static int choose(size_t of)
{
    CHECK(of > 0 && of < 256 && path.at < 256);
    if (path.at == path.len) {
        path.taken[path.len] = 0;
        path.of[path.len++] = (unsigned char)of;
    }
    CHECK_EQ(path.of[path.at], of);
    return path.taken[path.at++];
}

static bool next_path(void)
{
    path.at = 0;
    while (path.len > 0 && path.taken[path.len - 1] + 1 == path.of[path.len - 1])
        path.len--;
    if (path.len == 0) return false;
    path.taken[path.len - 1]++;
    return true;
}

/* ---- the world --------------------------------------------------------------------------------- */

struct actor {
    const char *program;
    picot_task *task;
    int ticket;                              /* when it began to wait, or got in */
    int units;                               /* of the semaphore: wanted, or held */
    bool locks, locks_second, reads, writes; /* it has been told so */
    bool over;
    int index; /* at the barrier */
    picot_arm arms[3];
};

static struct {
    picot_loop *loop;
    struct picot__coro *coro;
    struct actor actors[ACTORS];
    int tickets, total, items, set_at, notified, won, refused;
    uint32_t budget;
    bool in_order; /* the lock's line is: conditions let theirs come back in the order of notifications */
    picot_lock lock, second;
    picot_rwlock rwlock;
    picot_semaphore semaphore;
    picot_event event;
    picot_condition condition;
    picot_barrier barrier;
} w;

static const struct actor *actor_of(const picot_task *task)
{
    for (int i = 0; i < ACTORS; i++)
        if (w.actors[i].task == task) return &w.actors[i];
    tap_fail(__FILE__, __LINE__, "a task that is nobody");
}

static bool is_waiting(const struct actor *actor, const picot_waitqueue *queue)
{
    const picot_waiter *waiter = queue->first;
    if (waiter) do {
            if (waiter->task == actor->task) return true;
            waiter = waiter->next;
        } while (waiter != queue->first);
    return false;
}

/* Called off, and not told yet. */
static bool is_cancelled(const struct actor *actor)
{
    return !actor->over && actor->task->top->fn == &picot_semaphore_acquire_fn && actor->task->top->rc < 0;
}

static void check_order(const picot_waitqueue *queue)
{
    const picot_waiter *waiter = queue->first;
    if (waiter)
        for (; waiter->next != queue->first; waiter = waiter->next)
            CHECK(actor_of(waiter->task)->ticket < actor_of(waiter->next->task)->ticket);
}

/* Nobody who is inside came after somebody who waits. */
static void check_not_overtaken(const struct actor *inside, const picot_waitqueue *queue)
{
    if (queue->first) CHECK(inside->ticket < actor_of(queue->first->task)->ticket);
}

static void check_lock(void)
{
    const picot_waitqueue *queue = &w.lock.owned.sync.waiters;
    if (!w.lock.owned.owner) CHECK(!queue->first);
    if (w.in_order) check_order(queue);
    for (int i = 0; i < ACTORS; i++) {
        const struct actor *actor = &w.actors[i];
        if (actor->locks) CHECK(w.lock.owned.owner == actor->task);
        if (w.in_order && w.lock.owned.owner == actor->task && !actor->over) check_not_overtaken(actor, queue);
    }
}

/* Two locks: who would wait for ever has been refused, so nobody waits for one that waits for him. */
static void check_second(void)
{
    const picot_waitqueue *queue = &w.second.owned.sync.waiters;
    if (!w.second.owned.owner) CHECK(!queue->first);
    for (int i = 0; i < ACTORS; i++) {
        const struct actor *actor = &w.actors[i];
        if (actor->locks_second) CHECK(w.second.owned.owner == actor->task);
        if (actor->locks && is_waiting(actor, queue))
            for (int j = 0; j < ACTORS; j++)
                CHECK(!w.actors[j].locks_second || !is_waiting(&w.actors[j], &w.lock.owned.sync.waiters));
    }
}

static void check_rwlock(void)
{
    const picot_waitqueue *queue = &w.rwlock.owned.sync.waiters;
    size_t reading = 0;
    if (w.rwlock.owned.owner) CHECK_EQ(w.rwlock.readers, 0);
    if (queue->first) CHECK(w.rwlock.owned.owner || (queue->first->want == 1 && w.rwlock.readers > 0));
    check_order(queue);
    for (int i = 0; i < ACTORS; i++) {
        const struct actor *actor = &w.actors[i];
        reading += actor->reads;
        if (actor->writes) CHECK(w.rwlock.owned.owner == actor->task);
        if (actor->writes || actor->reads) check_not_overtaken(actor, queue);
    }
    CHECK(reading <= w.rwlock.readers);
}

static void check_semaphore(void)
{
    const picot_waitqueue *queue = &w.semaphore.sync.waiters;
    int64_t out = 0;
    if (queue->first) CHECK(queue->first->want > w.semaphore.value);
    check_order(queue);
    for (int i = 0; i < ACTORS; i++)
        if (!is_waiting(&w.actors[i], queue) && !is_cancelled(&w.actors[i])) {
            out += w.actors[i].units;
            if (w.actors[i].units > 0) check_not_overtaken(&w.actors[i], queue);
        }
    CHECK(w.semaphore.value >= 0);
    CHECK_EQ(out + w.semaphore.value, w.total);
}

static void check(void)
{
    check_lock();
    check_second();
    check_rwlock();
    check_semaphore();
    if (w.event.set) CHECK(!w.event.sync.waiters.first);
    if (w.event.sync.waiters.first) CHECK(actor_of(w.event.sync.waiters.first->task)->ticket > w.set_at);
    check_order(&w.event.sync.waiters);
    check_order(&w.condition.sync.waiters);
    check_order(&w.barrier.sync.waiters);
    uint32_t waiting = 0;
    for (int i = 0; i < ACTORS; i++)
        waiting += is_waiting(&w.actors[i], &w.barrier.sync.waiters);
    CHECK(waiting < ACTORS);
    CHECK_EQ(w.barrier.arrived, waiting);
}

/* ---- the actors -------------------------------------------------------------------------------- */

static int has_items(void *user)
{
    (void)user;
    CHECK(w.lock.owned.owner);
    return w.items;
}

/* What needs no await. False: it is something else. */
static bool act_at_once(struct actor *actor, char what)
{
    switch (what) {
    case 'U':
        actor->locks = false;
        CHECK_EQ(picot_lock_release(&w.lock), 0);
        return true;
    case 'O':
        actor->locks_second = false;
        CHECK_EQ(picot_lock_release(&w.second), 0);
        return true;
    case 'T': /* a try must not overtake */
        actor->ticket = ++w.tickets;
        if (picot_lock_try(&w.lock, actor->task) == 0) actor->locks = true;
        return true;
    case 'V':
        if (!actor->locks) return true;
        return act_at_once(actor, 'U');
    case 'R':
        actor->reads = false;
        CHECK_EQ(picot_rwlock_release_read(&w.rwlock), 0);
        return true;
    case 'W':
        actor->writes = false;
        CHECK_EQ(picot_rwlock_release_write(&w.rwlock), 0);
        return true;
    case 'd':
        actor->writes = false;
        actor->reads = true;
        CHECK_EQ(picot_rwlock_downgrade(&w.rwlock), 0);
        return true;
    case 'A': {
        int units = actor->units;
        actor->units = 0;
        CHECK_EQ(picot_semaphore_release(&w.semaphore, units), 0);
        return true;
    }
    case 'S':
        w.set_at = w.tickets;
        return picot_event_set(&w.event) == 0;
    case 'C':
        return picot_event_clear(&w.event) == 0;
    case 'N':
        w.notified += picot_event_notify_one(&w.event);
        return true;
    case 'i': /* an item, for one of those who wait on the condition */
        w.items++;
        CHECK(picot_condition_notify(&w.condition, 1) >= 0);
        return true;
    case 't':
        w.items--;
        return true;
    default:
        return false;
    }
}

static void give_all_back(struct actor *actor)
{
    if (actor->locks) (void)act_at_once(actor, 'U');
    if (actor->locks_second) (void)act_at_once(actor, 'O');
    if (actor->reads) (void)act_at_once(actor, 'R');
    if (actor->writes) (void)act_at_once(actor, 'W');
    if (actor->units > 0) (void)act_at_once(actor, 'A');
    actor->over = true;
}

/* The end of an await. False: cancelled. */
static bool came_back(struct actor *actor, char what, int rc)
{
    CHECK(rc >= 0 || rc == -ECANCELED || (rc == -EDEADLK && (what == 'L' || what == 'M')));
    w.refused += rc == -EDEADLK;
    if (what == 'M') actor->locks_second = rc >= 0;
    if (what == 'L' || what == 'c') actor->locks = rc >= 0 || what == 'c';
    if (what == 'c') CHECK(w.lock.owned.owner == actor->task);
    if (what == 'r') actor->reads = rc >= 0;
    if (what == 'w') actor->writes = rc >= 0;
    if ((what == 'a' || what == 'b') && rc < 0) actor->units = 0;
    if (what == 'p') actor->index = rc;
    if (what == 'e' || what == 'x') w.won += what == 'e' ? rc >= 0 : rc == 1;
    if (what == 'x') {
        actor->locks = rc == 0 || rc == 2;
        CHECK(actor->locks == (w.lock.owned.owner == actor->task));
    }
    return rc >= 0;
}

picot_async_fn(int, act, (struct actor * actor;), (char what; int rc;))
{
    picot_begin;
    while ((my->what = *my->actor->program++)) {
        if (act_at_once(my->actor, my->what)) continue;
        if (my->what != '.') my->actor->ticket = ++w.tickets;
        if (my->what == 'L') picot_await(my->rc, picot_lock_acquire(.lock = &w.lock));
        if (my->what == 'M') picot_await(my->rc, picot_lock_acquire(.lock = &w.second));
        if (my->what == 'r') picot_await(my->rc, picot_rwlock_read(.rwlock = &w.rwlock));
        if (my->what == 'w') picot_await(my->rc, picot_rwlock_write(.rwlock = &w.rwlock));
        if (my->what == 'a' || my->what == 'b') {
            my->actor->units = my->what - 'a' + 1;
            picot_await(my->rc, picot_semaphore_acquire(.semaphore = &w.semaphore, .units = my->actor->units));
        }
        if (my->what == 'e') picot_await(my->rc, picot_event_wait(.event = &w.event));
        if (my->what == 'c') {
            my->actor->locks = false;
            picot_await(my->rc, picot_condition_wait(.condition = &w.condition, .predicate = has_items));
        }
        if (my->what == 'x') { /* the first of: the lock, the event, the lock once more */
            my->actor->arms[0] = picot_arm_lock(&w.lock);
            my->actor->arms[1] = picot_arm_event(&w.event);
            my->actor->arms[2] = picot_arm_lock(&w.lock);
            picot_await(my->rc, picot_select(.arms = my->actor->arms, .count = 3));
        }
        if (my->what == 'p') picot_await(my->rc, picot_barrier_wait(.barrier = &w.barrier));
        if (my->what == '.') {
            picot_yield();
            my->rc = picot_error();
        }
        if (!came_back(my->actor, my->what, my->rc)) break;
    }
    give_all_back(my->actor);
    picot_end;
}

/* ---- a run, and all of them -------------------------------------------------------------------- */

static void begin_world(const char *const *programs, int total)
{
    memset(w.actors, 0, sizeof w.actors);
    w.tickets = w.items = w.set_at = w.notified = w.won = w.refused = 0;
    w.total = total;
    w.lock = w.second = (picot_lock){0};
    w.rwlock = (picot_rwlock){0};
    w.event = (picot_event){0};
    CHECK_EQ(picot_semaphore_init(&w.semaphore, total), 0);
    CHECK_EQ(picot_condition_init(&w.condition, &w.lock), 0);
    CHECK_EQ(picot_barrier_init(&w.barrier, ACTORS), 0);
    for (int i = 0; i < ACTORS; i++) {
        w.actors[i].program = programs[i];
        CHECK_EQ(picot_start(w.loop, picot_call(act, &w.actors[i])), 0);
        w.actors[i].task = w.coro->roots.children->prev; /* the youngest */
    }
}

static size_t ready_count(const picot_ready_queue *ready)
{
    size_t count = 0;
    for (const picot_job *job = ready->head._.next; job != &ready->head; job = job->_.next)
        count++;
    return count;
}

static void run_job(picot_ready_queue *ready, int which)
{
    picot_job *job = ready->head._.next;
    while (which-- > 0)
        job = job->_.next;
    picot_ready_remove(job);
    ready->budget = w.budget;
    job->fn(w.loop, job->user);
}

static void cancel_one(int which)
{
    for (int i = 0; i < ACTORS; i++)
        if (!w.actors[i].over && which-- == 0) CHECK_EQ(picot_task_cancel(w.actors[i].task, NULL), 0);
}

static size_t alive(void)
{
    return (size_t)!w.actors[0].over + !w.actors[1].over + !w.actors[2].over;
}

/* Those who are left wait for something that nobody will give any more: is that so? Then they are called off. */
static void finish_world(picot_ready_queue *ready)
{
    CHECK(!w.condition.sync.waiters.first || w.items == 0);
    CHECK(!w.lock.owned.owner && w.rwlock.readers == 0 && !w.rwlock.owned.owner);
    CHECK(!w.semaphore.sync.waiters.first);
    while (alive() > 0) {
        cancel_one(0);
        while (ready_count(ready) > 0) {
            run_job(ready, 0);
            check();
        }
    }
    CHECK(!w.lock.owned.owner && !w.second.owned.owner && w.rwlock.readers == 0 && !w.rwlock.owned.owner);
    CHECK_EQ(w.semaphore.value, w.total);
    CHECK(!w.event.sync.waiters.first && !w.condition.sync.waiters.first && !w.barrier.sync.waiters.first);
    CHECK_EQ(picot_loop_task_count(w.loop), 0);
}

typedef void at_end(bool cancelled);

static void run_once(const char *const *programs, int total, int cancels, at_end *judge)
{
    picot_ready_queue *ready = picot_extension_ready(w.loop);
    bool cancelled = false;
    begin_world(programs, total);
    while (ready_count(ready) > 0) {
        size_t jobs = ready_count(ready), choices = jobs + (cancels > 0 ? alive() : 0);
        int which = choose(choices);
        if ((size_t)which < jobs) {
            run_job(ready, which);
        } else {
            cancel_one(which - (int)jobs);
            cancelled = true;
            cancels--;
        }
        check();
    }
    if (judge) judge(cancelled);
    finish_world(ready);
}

static long explore(const char *a, const char *b, const char *c, int total, int cancels, at_end *judge)
{
    const char *const programs[ACTORS] = {a, b, c};
    long runs = 0;
    w.loop = tap_loop();
    w.coro = picot__coro_of(w.loop);
    for (int slow = 0; slow < 2; slow++) { /* results at once: really so, and in a turn of their own */
        long left = MOST_RUNS;
        w.budget = slow ? 0 : 100;
        memset(&path, 0, sizeof path);
        do {
            run_once(programs, total, cancels, judge);
            runs++;
        } while (--left > 0 && next_path());
    }
    tap_loop_end(w.loop);
    tap_note("%s, %s, %s: %ld interleavings", a, b, c, runs);
    return runs;
}

/* ---- the cases --------------------------------------------------------------------------------- */

static void locks(void)
{
    long runs = 0;
    lazy_only();
    w.in_order = true;
    runs += explore("L.U", "L.U", "L.U", 0, 1, NULL);
    runs += explore("L.U", "LU.L.U", "L.U", 0, 0, NULL);
    runs += explore("LUL.U", "L.U", "T.V", 0, 1, NULL);
    runs += explore("L.U", "T.VT.V", "LULU", 0, 1, NULL);
    runs += explore("L.U", "LU", "LU", 0, 2, NULL);
    CHECK(runs > 10000 || MOST_RUNS < LONG_MAX);
}

static int most_refused;

static void nobody_is_left(bool cancelled)
{
    (void)cancelled;
    CHECK_EQ(alive(), 0);
    if (w.refused > most_refused) most_refused = w.refused;
}

static void notes_refusals(bool cancelled)
{
    (void)cancelled;
    if (w.refused > most_refused) most_refused = w.refused;
}

static void deadlocks(void)
{
    long runs = 0;
    lazy_only();
    w.in_order = false; /* a ticket is for one line */
    runs += explore("L.M.OU", "M.L.UO", "L.U", 0, 1, nobody_is_left);
    CHECK(most_refused == 1 || MOST_RUNS < LONG_MAX);
    runs += explore("LM.OU", "M.LUO", "ML.UO", 0, 1, nobody_is_left);
    most_refused = 0;
    runs += explore("MLctUO", "LMOiU", "M.O", 0, 1, notes_refusals);
    runs += explore("MLctUO", "L.MOU", "LiU", 0, 1, notes_refusals);
    CHECK(most_refused == 1 || MOST_RUNS < LONG_MAX);
    CHECK(runs > 10000 || MOST_RUNS < LONG_MAX);
}

static void readers_and_writers(void)
{
    long runs = 0;
    lazy_only();
    runs += explore("r.R", "w.W", "r.R", 0, 1, NULL);
    runs += explore("w.W", "w.W", "r.R", 0, 1, NULL);
    runs += explore("r.R", "r.R", "r.R", 0, 1, NULL);
    runs += explore("w.d.R", "r.R", "w.W", 0, 1, NULL);
    runs += explore("w.dR", "rRwW", "wW", 0, 0, NULL);
    runs += explore("rR", "w.W", "rR", 0, 2, NULL);
    CHECK(runs > 10000 || MOST_RUNS < LONG_MAX);
}

static void semaphores(void)
{
    long runs = 0;
    lazy_only();
    runs += explore("a.A", "a.A", "a.A", 2, 1, NULL);
    runs += explore("b.A", "a.A", "b.A", 2, 1, NULL);
    runs += explore("b.A", "a.A", "a.A", 2, 1, NULL);
    runs += explore("b.A", "b.A", "a.A", 3, 1, NULL);
    runs += explore("aAaA", "b.A", "a.A", 2, 0, NULL);
    runs += explore("bA", "a.A", "aA", 2, 2, NULL);
    CHECK(runs > 10000 || MOST_RUNS < LONG_MAX);
}

static void each_notify_reaches_one(bool cancelled)
{
    (void)cancelled;
    CHECK_EQ(w.won, w.notified);
}

static void events(void)
{
    long runs = 0;
    lazy_only();
    runs += explore("e", "e", "SC", 0, 1, NULL);
    runs += explore("e.e", "e", ".S.C", 0, 1, NULL);
    runs += explore("e", "e.", "S.C.S", 0, 1, NULL);
    runs += explore("e.e", "e", ".N.N", 0, 2, each_notify_reaches_one);
    runs += explore("e", "e.e", "N.NN", 0, 1, each_notify_reaches_one);
    CHECK(runs > 5000 || MOST_RUNS < LONG_MAX);
}

/* An item each for those who wait: takers are over but for cancelled ones, and those for whom there was none. */
static void conditions(void)
{
    long runs = 0;
    lazy_only();
    w.in_order = false;
    runs += explore("LctU", "LctU", "LiU", 0, 1, NULL);
    runs += explore("LctU", "LctU", "LiU.LiU", 0, 1, NULL);
    runs += explore("LctU", "L.U", "L.iU", 0, 1, NULL);
    runs += explore("LctU", "LctU", "LiiU", 0, 2, NULL);
    runs += explore("LctU", "LiU", "L.iU", 0, 2, NULL);
    CHECK(runs > 10000 || MOST_RUNS < LONG_MAX);
}

static void all_met(bool cancelled)
{
    for (int i = 0; i < ACTORS && !cancelled; i++) {
        CHECK(w.actors[i].over);
        for (int j = 0; j < i; j++)
            CHECK((w.actors[i].index < w.actors[j].index) == (w.actors[i].ticket < w.actors[j].ticket));
    }
}

static void selects(void)
{
    long runs = 0;
    lazy_only();
    w.in_order = false; /* two places in the line */
    runs += explore("x.V", "L.U", "N", 0, 1, each_notify_reaches_one);
    runs += explore("x.V", "x.V", "L.U", 0, 1, NULL);
    runs += explore("x.V", "x.V", "L.NU", 0, 1, each_notify_reaches_one);
    runs += explore("xV.x", "L.UL", "S.C", 0, 1, NULL);
    CHECK(runs > 10000 || MOST_RUNS < LONG_MAX);
}

static void barriers(void)
{
    long runs = 0;
    lazy_only();
    runs += explore(".p", "p", "p", 0, 2, all_met);
    runs += explore("p.p", "p.p", "p.p", 0, 0, all_met);
    runs += explore("pp", "p.p", "pp", 0, 1, all_met);
    CHECK(runs > 2000 || MOST_RUNS < LONG_MAX);
}

static const struct tap_case cases[] = {
    {"lock", locks, 0},           {"two locks", deadlocks, 0}, {"readers and writers", readers_and_writers, 0},
    {"semaphore", semaphores, 0}, {"event", events, 0},        {"condition", conditions, 0},
    {"barrier", barriers, 0},     {"select", selects, 0},
};
TAP_MAIN(cases)
