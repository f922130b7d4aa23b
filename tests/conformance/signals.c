/* SPDX-License-Identifier: MIT
 *
 * signals.c - watchers of signals, on every backend: who is told what, in which loop and thread; storms; dispositions
 * before and after; children that fork; misuse; memory that runs out.
 */
#include "support.h"

#include <errno.h>
#include <picot/signal.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef TAP_TSAN
#define NEEDS_EACH_SIGNAL() SKIP("the sanitizer merges signals")
#else
#define NEEDS_EACH_SIGNAL() ((void)0)
#endif

/* ---- what was told ----------------------------------------------------------------------------- */

struct told {
    picot_signal watcher;
    picot_signal_info last;
    unsigned calls;
    uint64_t arrived; /* those counted as coalesced, too */
};

static void note(picot_loop *loop, picot_signal *watcher, const picot_signal_info *info)
{
    struct told *told = watcher->user;
    (void)loop;
    CHECK(watcher == &told->watcher);
    told->calls++;
    told->arrived += 1 + info->coalesced;
    told->last = *info;
}

static int watch(picot_loop *loop, struct told *told, int number, unsigned flags)
{
    *told = (struct told){.watcher = PICOT_SIGNAL_INIT};
    return picot_signal_add(loop, &told->watcher, number, flags, note, told);
}

static bool was_told(void *arg)
{
    return ((const struct told *)arg)->calls > 0;
}

static void wait_for_it(picot_loop *loop, struct told *told)
{
    CHECK(run_until(loop, was_told, told));
}

static struct sigaction disposition(int number)
{
    struct sigaction present;
    CHECK_EQ(sigaction(number, NULL, &present), 0);
    return present;
}

static void set_disposition(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

/* ---- telling ----------------------------------------------------------------------------------- */

static void told_with_sender(void)
{
    NEEDS_EACH_SIGNAL();
    picot_loop *loop = tap_loop();
    struct told usr, rt;
    CHECK_EQ(watch(loop, &usr, SIGUSR1, 0), 0);
    CHECK_EQ(watch(loop, &rt, SIGRTMIN + 1, 0), 0);
    CHECK_EQ(picot_loop_pending(loop), 2);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(usr.calls, 0); /* not in signal context */
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 1);
    CHECK_EQ(usr.calls, 1);
    CHECK_EQ(usr.last.number, SIGUSR1);
    CHECK_EQ(usr.last.code, SI_USER);
    CHECK_EQ(usr.last.pid, getpid());
    CHECK_EQ(usr.last.uid, getuid());
    CHECK_EQ(usr.last.coalesced, 0);
    for (int i = 1; i <= 5; i++)
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i}), 0);
    wait_for_it(loop, &rt);
    CHECK_EQ(rt.calls, 5); /* real-time signals are queued, and each is told */
    CHECK_EQ(rt.last.code, SI_QUEUE);
    CHECK_EQ(rt.last.value.number, 5);
    CHECK_EQ(rt.last.pid, getpid());
    CHECK_EQ(usr.calls, 1);
    CHECK_EQ(picot_signal_remove(loop, &usr.watcher), 0);
    CHECK_EQ(picot_signal_remove(loop, &usr.watcher), 0);
    CHECK(!picot_signal_active(&usr.watcher));
    CHECK(picot_signal_active(&rt.watcher));
    CHECK_EQ(picot_signal_remove(loop, &rt.watcher), 0);
    CHECK_EQ(picot_loop_pending(loop), 0);
    tap_loop_end(loop);
}

static void child_that_ends(void)
{
    picot_loop *loop = tap_loop();
    struct told told;
    CHECK_EQ(watch(loop, &told, SIGCHLD, 0), 0);
    pid_t pid = fork();
    if (pid == 0) _exit(7);
    wait_for_it(loop, &told);
    CHECK_EQ(told.last.code, CLD_EXITED);
    CHECK_EQ(told.last.pid, pid);
    CHECK_EQ(told.last.status, 7);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_EQ(picot_signal_remove(loop, &told.watcher), 0);
    tap_loop_end(loop);
}

/* A signal that interrupts the wait itself, from outside. */
static void wakes_a_sleeping_loop(void)
{
    picot_loop *loop = tap_loop();
    struct told told;
    CHECK_EQ(watch(loop, &told, SIGUSR2, PICOT_SIGNAL_ONCE), 0);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        const struct timespec pause = {0, 20000000};
        (void)nanosleep(&pause, NULL);
        _exit(kill(parent, SIGUSR2) != 0);
    }
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0); /* until the one-shot watcher has ended */
    CHECK_EQ(told.calls, 1);
    CHECK_EQ(told.last.pid, pid);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    tap_loop_end(loop);
}

static void one_shot(void)
{
    NEEDS_EACH_SIGNAL();
    picot_loop *loop = tap_loop();
    struct told once, always;
    CHECK_EQ(watch(loop, &once, SIGRTMIN, PICOT_SIGNAL_ONCE), 0);
    CHECK_EQ(watch(loop, &always, SIGRTMIN, 0), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}), 0);
    wait_for_it(loop, &always);
    CHECK_EQ(once.calls, 1);
    CHECK_EQ(once.last.value.number, 0);
    CHECK(!picot_signal_active(&once.watcher));
    CHECK_EQ(always.calls, 3);
    CHECK_EQ(picot_signal_remove(loop, &always.watcher), 0);
    tap_loop_end(loop);
}

/* A one-shot watcher that is added anew in its call sees each signal, and there is no gap in which it would kill. */
static void note_and_again(picot_loop *loop, picot_signal *watcher, const picot_signal_info *info)
{
    struct told *told = watcher->user;
    CHECK(!picot_signal_active(watcher));
    note(loop, watcher, info);
    if (told->calls <= 5) CHECK_EQ(info->value.number, told->calls - 1); /* each once, in order */
    CHECK(disposition(SIGRTMIN).sa_handler != SIG_DFL);
    CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 99}), 0);
    if (told->calls < 10)
        CHECK_EQ(picot_signal_add(loop, watcher, SIGRTMIN, PICOT_SIGNAL_ONCE, note_and_again, told), 0);
}

static void one_shot_again(void)
{
    NEEDS_EACH_SIGNAL();
    picot_loop *loop = tap_loop();
    struct told told = {.watcher = PICOT_SIGNAL_INIT};
    CHECK_EQ(picot_signal_add(loop, &told.watcher, SIGRTMIN, PICOT_SIGNAL_ONCE, note_and_again, &told), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(told.calls, 10);
    CHECK(disposition(SIGRTMIN).sa_handler == SIG_DFL); /* what came after the last one was forgotten */
    run_turns(loop, 3);
    CHECK_EQ(told.calls, 10);
    tap_loop_end(loop);
}

/* Watchers that go, and one that comes, while they are told. */
struct dance {
    struct told a, b, c, late;
};

static struct dance *dance;

static void remove_the_others(picot_loop *loop, picot_signal *watcher, const picot_signal_info *info)
{
    note(loop, watcher, info);
    CHECK_EQ(picot_signal_remove(loop, &dance->b.watcher), 0);
    CHECK_EQ(picot_signal_remove(loop, watcher), 0);
    CHECK_EQ(watch(loop, &dance->late, SIGUSR1, 0), 0);
}

static void changes_while_told(void)
{
    picot_loop *loop = tap_loop();
    struct dance it = {0};
    dance = &it;
    CHECK_EQ(picot_signal_add(loop, &it.a.watcher, SIGUSR1, 0, remove_the_others, &it.a), 0);
    CHECK_EQ(watch(loop, &it.b, SIGUSR1, 0), 0);
    CHECK_EQ(watch(loop, &it.c, SIGUSR1, 0), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    wait_for_it(loop, &it.c);
    CHECK_EQ(it.a.calls, 1);
    CHECK_EQ(it.b.calls, 0);
    CHECK_EQ(it.late.calls, 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    wait_for_it(loop, &it.late);
    CHECK_EQ(it.a.calls, 1);
    CHECK_EQ(it.c.calls, 2);
    CHECK_EQ(picot_signal_remove(loop, &it.c.watcher), 0);
    CHECK_EQ(raise(SIGUSR1), 0); /* told already, so to speak: not after the removal */
    CHECK_EQ(picot_signal_remove(loop, &it.late.watcher), 0);
    run_turns(loop, 3);
    CHECK_EQ(it.late.calls, 1);
    /* What came then is not told to the next watcher either. */
    CHECK_EQ(watch(loop, &it.a, SIGUSR1, 0), 0);
    run_turns(loop, 3);
    CHECK_EQ(it.a.calls, 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    wait_for_it(loop, &it.a);
    CHECK_EQ(it.a.calls, 1);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(picot_signal_remove(loop, &it.a.watcher), 0);
    CHECK_EQ(watch(loop, &it.a, SIGUSR1, 0), 0); /* with its post still under way */
    run_turns(loop, 3);
    CHECK_EQ(it.a.calls, 0);
    CHECK_EQ(picot_signal_remove(loop, &it.a.watcher), 0);
    tap_loop_end(loop);
}

/* ---- several loops ----------------------------------------------------------------------------- */

static void several_loops_of_a_thread(void)
{
    picot_loop *loops[3];
    struct told told[3][2];
    for (int i = 0; i < 3; i++) {
        loops[i] = tap_loop();
        for (int k = 0; k < 2; k++)
            CHECK_EQ(watch(loops[i], &told[i][k], SIGUSR1, 0), 0);
    }
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    for (int i = 0; i < 3; i++) {
        wait_for_it(loops[i], &told[i][0]);
        for (int k = 0; k < 2; k++) {
            CHECK_EQ(told[i][k].calls, 1);
            CHECK_EQ(picot_signal_remove(loops[i], &told[i][k].watcher), 0);
        }
        CHECK((disposition(SIGUSR1).sa_handler == SIG_DFL) == (i == 2));
        tap_loop_end(loops[i]);
    }
}

#define THREADS 4
#define ROUNDS 50

struct station {
    pthread_t thread;
    atomic_uint *ready, *seen;
    unsigned calls;
};

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static void hear(picot_loop *loop, picot_signal *watcher, const picot_signal_info *info)
{
    struct station *station = watcher->user;
    (void)info;
    if (++station->calls == ROUNDS) CHECK_EQ(picot_loop_stop(loop), 0);
    atomic_fetch_add(station->seen, 1);
}

static void *listen_to_it(void *argument)
{
    struct station *station = argument;
    picot_signal watcher = PICOT_SIGNAL_INIT;
    (void)pthread_mutex_lock(&making); /* the test's allocator and tap_loop */
    picot_loop *loop = tap_loop();
    (void)pthread_mutex_unlock(&making);
    CHECK_EQ(picot_signal_add(loop, &watcher, SIGUSR1, 0, hear, station), 0);
    atomic_fetch_add(station->ready, 1);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), 1);
    CHECK_EQ(picot_signal_remove(loop, &watcher), 0);
    (void)pthread_mutex_lock(&making);
    tap_loop_end(loop);
    (void)pthread_mutex_unlock(&making);
    return NULL;
}

/* Each loop is told each signal; the next one is sent when all have been. */
static void several_threads(void)
{
    struct station stations[THREADS];
    atomic_uint ready = 0, seen = 0;
    tap_loop_end(tap_loop()); /* skips here, not in a thread */
    for (int i = 0; i < THREADS; i++) {
        stations[i] = (struct station){.ready = &ready, .seen = &seen};
        CHECK_EQ(pthread_create(&stations[i].thread, NULL, listen_to_it, &stations[i]), 0);
    }
    while (atomic_load(&ready) < THREADS)
        (void)sched_yield();
    for (unsigned round = 1; round <= ROUNDS; round++) {
        CHECK_EQ(kill(getpid(), SIGUSR1), 0);
        while (atomic_load(&seen) < round * THREADS)
            (void)sched_yield();
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(stations[i].thread, NULL), 0);
        CHECK_EQ(stations[i].calls, ROUNDS);
    }
    CHECK(disposition(SIGUSR1).sa_handler == SIG_DFL);
}

/* Watchers come and go in some threads while others are hit: nothing is touched that is gone. */
struct churn {
    pthread_t thread;
    atomic_bool *over;
    unsigned rounds;
};

static void *come_and_go(void *argument)
{
    struct churn *churn = argument;
    for (unsigned i = 0; i < churn->rounds; i++) {
        struct told told[3];
        (void)pthread_mutex_lock(&making);
        picot_loop *loop = tap_loop();
        (void)pthread_mutex_unlock(&making);
        for (int k = 0; k < 3; k++)
            CHECK_EQ(watch(loop, &told[k], k == 2 ? SIGUSR2 : SIGUSR1, PICOT_SIGNAL_BACKGROUND), 0);
        run_turns(loop, 2);
        CHECK_EQ(picot_signal_remove(loop, &told[1].watcher), 0);
        run_turns(loop, 1);
        CHECK_EQ(picot_signal_remove(loop, &told[0].watcher), 0);
        (void)pthread_mutex_lock(&making);
        tap_loop_end(loop); /* removes the third */
        (void)pthread_mutex_unlock(&making);
        CHECK(!picot_signal_active(&told[2].watcher));
    }
    return NULL;
}

static void *shoot(void *argument)
{
    struct churn *churn = argument;
    while (!atomic_load(churn->over)) {
        CHECK_EQ(kill(getpid(), SIGUSR1), 0);
        CHECK_EQ(kill(getpid(), SIGUSR2), 0);
        (void)sched_yield();
    }
    return NULL;
}

static void churn_under_fire(void)
{
    atomic_bool over = false;
    struct churn users[2] = {{.over = &over, .rounds = 100}, {.over = &over, .rounds = 100}}, gun = {.over = &over};
    set_disposition(SIGUSR1, SIG_IGN); /* between watchers it must not kill */
    set_disposition(SIGUSR2, SIG_IGN);
    tap_loop_end(tap_loop());
    CHECK_EQ(pthread_create(&gun.thread, NULL, shoot, &gun), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&users[i].thread, NULL, come_and_go, &users[i]), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(users[i].thread, NULL), 0);
    atomic_store(&over, true);
    CHECK_EQ(pthread_join(gun.thread, NULL), 0);
    CHECK(disposition(SIGUSR1).sa_handler == SIG_IGN);
}

/* ---- storms ------------------------------------------------------------------------------------ */

#define STORM 10000

static bool storm_is_told(void *arg)
{
    return ((const struct told *)arg)->arrived >= STORM;
}

/* 10,000 of one and one of another before the loop runs: the one gets through in the first turn, all are counted. */
static void storm(void)
{
    NEEDS_EACH_SIGNAL();
    picot_loop *loop = tap_loop();
    struct told storm, other;
    CHECK_EQ(watch(loop, &storm, SIGRTMIN, 0), 0);
    CHECK_EQ(watch(loop, &other, SIGRTMIN + 1, 0), 0);
    for (int i = 0; i < STORM; i++) {
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}), 0);
        if (i == STORM / 2) CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 4711}), 0);
    }
    CHECK(picot_loop_run(loop, PICOT_RUN_NOWAIT) >= 0);
    CHECK_EQ(other.calls, 1);
    CHECK_EQ(other.last.value.number, 4711);
    CHECK(run_until(loop, storm_is_told, &storm));
    CHECK_EQ(storm.arrived, STORM);
    CHECK(storm.calls <= 66);
    CHECK_EQ(picot_signal_remove(loop, &storm.watcher), 0);
    CHECK_EQ(picot_signal_remove(loop, &other.watcher), 0);
    tap_loop_end(loop);
}

/* To the loop's thread, or, with no argument, to itself: then handlers run beside the loop. */
static void *send_a_storm(void *argument)
{
    pthread_t target = argument ? *(pthread_t *)argument : pthread_self();
    for (int i = 0; i < STORM; i++)
        while (pthread_kill(target, SIGRTMIN) != 0)
            (void)sched_yield(); /* EAGAIN: the queue of pending signals is full */
    return NULL;
}

/* The same from two threads, while the loop is telling: of 2 x 10,000 none is lost from the count. */
static void storm_from_threads(void)
{
    NEEDS_EACH_SIGNAL();
    picot_loop *loop = tap_loop();
    struct told told, other;
    pthread_t self = pthread_self(), threads[2];
    CHECK_EQ(watch(loop, &told, SIGRTMIN, 0), 0);
    CHECK_EQ(watch(loop, &other, SIGUSR1, 0), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, send_a_storm, i ? &self : NULL), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    wait_for_it(loop, &other);
    while (told.arrived < (uint64_t)2 * STORM)
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 1);
    CHECK_EQ(told.arrived, 2 * STORM);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(picot_signal_remove(loop, &told.watcher), 0);
    CHECK_EQ(picot_signal_remove(loop, &other.watcher), 0);
    tap_loop_end(loop);
}

/* A signal that its own callback sends again, each turn: a timer and a job get through. */
static unsigned echoes;

static void echo(picot_loop *loop, picot_signal *watcher, const picot_signal_info *info)
{
    (void)loop;
    (void)watcher;
    (void)info;
    echoes++;
    CHECK_EQ(raise(SIGUSR1), 0);
}

static void stop(picot_loop *loop, void *user)
{
    (void)user;
    CHECK_EQ(picot_loop_stop(loop), 0);
}

static void endless_signal(void)
{
    picot_loop *loop = tap_loop();
    picot_signal watcher = PICOT_SIGNAL_INIT;
    picot_timer timer = PICOT_TIMER_INIT;
    CHECK_EQ(picot_signal_add(loop, &watcher, SIGUSR1, 0, echo, NULL), 0);
    CHECK_EQ(picot_call_later(loop, &timer, 5 * PICOT_MS, stop, NULL), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), 1);
    CHECK(echoes > 0);
    CHECK_EQ(picot_signal_remove(loop, &watcher), 0);
    tap_loop_end(loop);
}

/* ---- dispositions ------------------------------------------------------------------------------ */

static volatile sig_atomic_t own_calls;

static void own_handler(int number)
{
    (void)number;
    own_calls++;
}

static void another_handler(int number)
{
    (void)number;
}

static void restored(void)
{
    void (*const handlers[])(int) = {SIG_DFL, SIG_IGN, own_handler};
    for (unsigned i = 0; i < 3; i++) {
        picot_loop *loop = tap_loop();
        struct told a, b;
        struct sigaction action = {.sa_handler = handlers[i], .sa_flags = SA_RESTART};
        (void)sigaddset(&action.sa_mask, SIGUSR2);
        CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
        CHECK_EQ(watch(loop, &a, SIGUSR1, PICOT_SIGNAL_IF_DEFAULT), i == 0 ? 0 : -EEXIST);
        CHECK(disposition(SIGUSR1).sa_handler == handlers[i] || i == 0);
        if (i > 0) CHECK_EQ(watch(loop, &a, SIGUSR1, 0), 0);
        CHECK_EQ(watch(loop, &b, SIGUSR1, PICOT_SIGNAL_IF_DEFAULT), i == 0 ? 0 : -EEXIST); /* also beside a watcher */
        if (i > 0) CHECK_EQ(watch(loop, &b, SIGUSR1, 0), 0);
        CHECK_EQ(raise(SIGUSR1), 0);
        wait_for_it(loop, &a);
        CHECK_EQ(picot_signal_remove(loop, &a.watcher), 0);
        CHECK(disposition(SIGUSR1).sa_handler != handlers[i]);
        CHECK_EQ(picot_signal_remove(loop, &b.watcher), 0);
        CHECK(disposition(SIGUSR1).sa_handler == handlers[i]);
        action = disposition(SIGUSR1);
        CHECK_EQ(sigismember(&action.sa_mask, SIGUSR2), 1);
        CHECK_EQ(action.sa_flags & (SA_RESTART | SA_SIGINFO), SA_RESTART);
        if (i > 0) CHECK_EQ(raise(SIGUSR1), 0);
        CHECK_EQ(own_calls, i == 2);
        tap_loop_end(loop);
    }
}

/* The loop's end removes what is left; a handler that was put in our place stays. */
static void restored_at_the_end(void)
{
    picot_loop *loop = tap_loop();
    struct told a, b;
    CHECK_EQ(watch(loop, &a, SIGUSR1, 0), 0);
    CHECK_EQ(watch(loop, &b, SIGUSR2, PICOT_SIGNAL_BACKGROUND), 0);
    set_disposition(SIGUSR2, another_handler);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    CHECK(disposition(SIGUSR1).sa_handler == SIG_DFL);
    CHECK(disposition(SIGUSR2).sa_handler == another_handler);
    CHECK(!picot_signal_active(&a.watcher));
    loop = tap_loop();
    CHECK_EQ(watch(loop, &a, SIGUSR1, PICOT_SIGNAL_BACKGROUND), 0); /* the watcher can be used again */
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    tap_loop_end(loop);
}

/* A watcher that is added then gets the signal all the same, and in the end theirs comes back. */
static void replaced_meanwhile(void)
{
    picot_loop *loop = tap_loop(), *other = tap_loop();
    struct told a, b, c;
    CHECK_EQ(watch(loop, &a, SIGUSR1, 0), 0);
    set_disposition(SIGUSR1, own_handler);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(own_calls, 1);
    CHECK_EQ(watch(other, &b, SIGUSR1, PICOT_SIGNAL_IF_DEFAULT), -EEXIST);
    CHECK_EQ(watch(other, &c, SIGUSR1, 0), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    wait_for_it(other, &c);
    wait_for_it(loop, &a);
    CHECK_EQ(own_calls, 1);
    CHECK_EQ(picot_signal_remove(other, &c.watcher), 0);
    CHECK_EQ(picot_signal_remove(loop, &a.watcher), 0);
    CHECK(disposition(SIGUSR1).sa_handler == own_handler);
    tap_loop_end(loop);
    tap_loop_end(other);
}

static void nothing_unasked(void)
{
    struct sigaction before[NSIG];
    for (int i = 1; i < NSIG; i++)
        (void)sigaction(i, NULL, &before[i]);
    picot_loop *loop = tap_loop();
    run_turns(loop, 2);
    for (int i = 1; i < NSIG; i++) {
        struct sigaction now;
        if (sigaction(i, NULL, &now) == 0) CHECK(now.sa_handler == before[i].sa_handler);
    }
    tap_loop_end(loop);
}

/* A slow read(2) of the program's own goes on. */
static void restarts_system_calls(void)
{
    picot_loop *loop = tap_loop();
    struct told told;
    int pipe_fds[2];
    char byte = 0;
    CHECK_EQ(pipe(pipe_fds), 0);
    CHECK_EQ(watch(loop, &told, SIGUSR1, 0), 0);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        const struct timespec pause = {0, 20000000};
        (void)nanosleep(&pause, NULL);
        CHECK_EQ(kill(parent, SIGUSR1), 0);
        (void)nanosleep(&pause, NULL);
        _exit(write(pipe_fds[1], "x", 1) != 1);
    }
    CHECK_EQ(read(pipe_fds[0], &byte, 1), 1);
    wait_for_it(loop, &told);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_EQ(close(pipe_fds[0]) | close(pipe_fds[1]), 0);
    CHECK_EQ(picot_signal_remove(loop, &told.watcher), 0);
    tap_loop_end(loop);
}

/* ---- a second one ------------------------------------------------------------------------------ */

static int status_of(pid_t pid)
{
    int status = -1;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

/* The first is told; the second ends a process that never comes back to its loop. */
static void insisted(void)
{
    tap_loop_end(tap_loop());
    for (int turns = 0; turns < 2; turns++) {
        pid_t pid = fork();
        if (pid == 0) {
            picot_loop *loop = tap_loop();
            struct told told, other;
            set_disposition(SIGINT, SIG_DFL);
            CHECK_EQ(watch(loop, &told, SIGINT, PICOT_SIGNAL_INSIST), 0);
            CHECK_EQ(watch(loop, &other, SIGTERM, PICOT_SIGNAL_INSIST), 0);
            CHECK_EQ(raise(SIGINT), 0);
            if (turns) wait_for_it(loop, &told);
            CHECK_EQ(told.calls, turns);
            CHECK_EQ(raise(SIGTERM), 0); /* the first of its kind */
            (void)raise(SIGINT);
            _exit(1);
        }
        int status = status_of(pid);
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), SIGINT);
    }
    /* Without the flag, and after it was taken away, many may come. */
    picot_loop *loop = tap_loop();
    struct told plain, insists;
    CHECK_EQ(watch(loop, &plain, SIGTERM, 0), 0);
    CHECK_EQ(watch(loop, &insists, SIGTERM, PICOT_SIGNAL_INSIST), 0);
    CHECK_EQ(raise(SIGTERM), 0);
    wait_for_it(loop, &insists);
    CHECK_EQ(picot_signal_remove(loop, &insists.watcher), 0);
    CHECK_EQ(raise(SIGTERM), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 1);
    CHECK_EQ(plain.calls, 2);
    CHECK_EQ(picot_signal_remove(loop, &plain.watcher), 0);
    tap_loop_end(loop);
}

static void dies_as_told(void)
{
    const int numbers[] = {SIGINT, SIGTERM, SIGKILL, SIGUSR1};
    tap_loop_end(tap_loop());
    for (unsigned i = 0; i < 4; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            picot_loop *loop = tap_loop();
            struct told told;
            sigset_t set;
            if (numbers[i] != SIGKILL) CHECK_EQ(watch(loop, &told, numbers[i], 0), 0);
            CHECK_EQ(sigfillset(&set) | sigprocmask(SIG_BLOCK, &set, NULL), 0);
            _exit(picot_signal_die(numbers[i]) + 1);
        }
        int status = status_of(pid);
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), numbers[i]);
    }
    CHECK_EQ(picot_signal_die(0), -EINVAL);
    CHECK_EQ(picot_signal_die(-3), -EINVAL);
    CHECK_EQ(picot_signal_die(12345), -EINVAL);
    CHECK_EQ(picot_signal_die(SIGURG), 0); /* whose default is nothing */
}

/* ---- fork -------------------------------------------------------------------------------------- */

/* A signal for the child has its former effect there, and the parent hears nothing of it. */
static void signals_of_a_child(void)
{
    picot_loop *loop = tap_loop();
    struct told told, ignored;
    set_disposition(SIGUSR2, SIG_IGN);
    CHECK_EQ(watch(loop, &told, SIGUSR1, 0), 0);
    CHECK_EQ(watch(loop, &ignored, SIGUSR2, 0), 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(disposition(SIGUSR1).sa_handler == SIG_DFL);
        CHECK(disposition(SIGUSR2).sa_handler == SIG_IGN);
        CHECK_EQ(raise(SIGUSR2), 0);
        (void)raise(SIGUSR1);
        _exit(1);
    }
    int status = status_of(pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGUSR1);
    run_turns(loop, 3);
    CHECK_EQ(told.calls + ignored.calls, 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    wait_for_it(loop, &told);
    CHECK_EQ(picot_signal_remove(loop, &told.watcher), 0);
    CHECK_EQ(picot_signal_remove(loop, &ignored.watcher), 0);
    tap_loop_end(loop);
}

/* The child watches with a loop of its own, and destroys the copy of the parent's, before that or after. */
static void a_child_that_watches(void)
{
#ifdef PICOT_DEBUG
    SKIP("a debug build aborts here");
#endif
    picot_loop *loop = tap_loop();
    struct told parents, childs;
    CHECK_EQ(watch(loop, &parents, SIGUSR1, 0), 0);
    CHECK_EQ(raise(SIGUSR1), 0); /* waits in the ring: the parent's, and a copy in the child */
    for (int early = 0; early < 2; early++) {
        pid_t pid = fork();
        if (pid == 0) {
            CHECK_EQ(picot_signal_remove(loop, &parents.watcher), PICOT_EFORKED);
            CHECK_EQ(picot_signal_add(loop, &childs.watcher, SIGUSR1, 0, note, NULL), PICOT_EFORKED);
            if (early) CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
            picot_loop *own = tap_loop();
            CHECK_EQ(watch(own, &childs, SIGUSR1, 0), 0);
            run_turns(own, 3);
            CHECK_EQ(childs.calls, 0);
            CHECK_EQ(raise(SIGUSR1), 0);
            wait_for_it(own, &childs);
            CHECK_EQ(childs.last.pid, getpid());
            CHECK_EQ(parents.calls, 0);
            CHECK_EQ(picot_signal_remove(own, &childs.watcher), 0);
            CHECK(disposition(SIGUSR1).sa_handler == SIG_DFL);
            tap_loop_end(own);
            if (!early) CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
            CHECK_EQ(tap_allocated_bytes(), 0);
            _exit(0);
        }
        CHECK_EQ(status_of(pid), 0);
    }
    wait_for_it(loop, &parents);
    CHECK_EQ(parents.calls, 1);
    CHECK_EQ(picot_signal_remove(loop, &parents.watcher), 0);
    tap_loop_end(loop);
}

/* vfork shares the memory of the parent: there the handler must see whose process it is in. */
static void child_of_vfork(void)
{
    picot_loop *loop = tap_loop();
    struct told told;
    CHECK_EQ(watch(loop, &told, SIGUSR1, 0), 0);
    pid_t pid = vfork();
    if (pid == 0) {
        (void)kill(getpid(), SIGUSR1);
        _exit(1);
    }
    int status = status_of(pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGUSR1);
    run_turns(loop, 3);
    CHECK_EQ(told.calls, 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    wait_for_it(loop, &told);
    CHECK_EQ(picot_signal_remove(loop, &told.watcher), 0);
    tap_loop_end(loop);
}

/* ---- misuse and memory ------------------------------------------------------------------------- */

static void bad_input(void)
{
    picot_loop *loop = tap_loop();
    struct told told = {.watcher = PICOT_SIGNAL_INIT};
    char name[16];
    const int wrong[] = {0,       -1,      INT32_MIN, INT32_MAX, 65,     128,     129,    1000, SIGKILL,
                         SIGSTOP, SIGSEGV, SIGBUS,    SIGFPE,    SIGILL, SIGTRAP, SIGSYS, 32,   33};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_EQ(picot_signal_add(loop, &told.watcher, wrong[i], 0, note, &told), -EINVAL);
        CHECK(!picot_signal_active(&told.watcher));
    }
#ifndef PICOT_DEBUG /* there it aborts */
    CHECK_EQ(picot_signal_add(NULL, &told.watcher, SIGUSR1, 0, note, &told), -EINVAL);
    CHECK_EQ(picot_signal_remove(NULL, &told.watcher), -EINVAL);
#endif
    CHECK_EQ(picot_signal_add(loop, NULL, SIGUSR1, 0, note, &told), -EINVAL);
    CHECK_EQ(picot_signal_add(loop, &told.watcher, SIGUSR1, 0, NULL, &told), -EINVAL);
    CHECK_EQ(picot_signal_add(loop, &told.watcher, SIGUSR1, 16, note, &told), -EINVAL);
    CHECK_EQ(picot_signal_remove(loop, NULL), -EINVAL);
    CHECK_EQ(picot_signal_remove(loop, &told.watcher), 0);
    CHECK(!picot_signal_active(NULL));
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(watch(loop, &told, SIGUSR1, 0), 0);
    CHECK_EQ(picot_signal_add(loop, &told.watcher, SIGUSR1, 0, note, &told), -EALREADY);
    CHECK_EQ(picot_signal_add(loop, &told.watcher, SIGUSR2, 0, note, &told), -EALREADY);
    CHECK_EQ(picot_signal_remove(loop, &told.watcher), 0);
    for (int number = 1; number <= SIGRTMAX; number++) { /* every one that there is */
        int rc = picot_signal_add(loop, &told.watcher, number, 0, note, &told);
        CHECK(rc == 0 || rc == -EINVAL);
        CHECK_EQ(picot_signal_remove(loop, &told.watcher), 0);
    }
    CHECK_STR(picot_signal_name(SIGTERM, name, sizeof name), "SIGTERM");
    CHECK_STR(picot_signal_name(SIGRTMIN + 3, name, sizeof name), "SIGRTMIN+3");
    CHECK_STR(picot_signal_name(0, name, sizeof name), "SIG?");
    CHECK_STR(picot_signal_name(SIGTERM, name, 4), "SIG");
    CHECK_STR(picot_signal_name(SIGTERM, NULL, 4), "");
    tap_loop_end(loop);
}

static void out_of_memory(void)
{
    for (long count = 0;; count++) {
        picot_loop *loop = tap_loop();
        struct told a = {.watcher = PICOT_SIGNAL_INIT};
        tap_allocator_fail_after(count);
        int rc = picot_signal_add(loop, &a.watcher, SIGUSR1, 0, note, &a);
        tap_allocator_fail_after(-1);
        CHECK(rc == 0 || rc == -ENOMEM);
        CHECK_EQ(picot_signal_active(&a.watcher), rc == 0);
        if (rc < 0) {
            CHECK(disposition(SIGUSR1).sa_handler == SIG_DFL);
            CHECK_EQ(picot_loop_pending(loop), 0);
            CHECK_EQ(watch(loop, &a, SIGUSR1, 0), 0); /* it can be tried again */
        }
        CHECK_EQ(raise(SIGUSR1), 0);
        wait_for_it(loop, &a);
        CHECK_EQ(picot_signal_remove(loop, &a.watcher), 0);
        tap_loop_end(loop);
        if (rc == 0) {
            CHECK(count >= 2);
            return;
        }
    }
}

/* "sim": a watcher that counts is waited for in real time, a deadline before it is jumped to; a background one is not.
 */
static void on_the_virtual_clock(void)
{
    picot_loop *loop = tap_loop();
    struct told told;
    if (!tap_is_simulated()) {
        tap_loop_end(loop);
        SKIP("about the virtual clock");
    }
    CHECK_EQ(watch(loop, &told, SIGUSR1, PICOT_SIGNAL_BACKGROUND), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), -EDEADLK);
    picot_timer timer = PICOT_TIMER_INIT;
    int64_t begin_ns = picot_loop_now(loop);
    CHECK_EQ(picot_call_later(loop, &timer, 3600 * PICOT_SECOND, stop, NULL), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), 0);
    CHECK_EQ(picot_loop_now(loop) - begin_ns, 3600 * PICOT_SECOND);
    CHECK_EQ(picot_signal_remove(loop, &told.watcher), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"signals: told with their sender", told_with_sender, TAP_BACKENDS},
    {"signals: a child that ends", child_that_ends, TAP_BACKENDS},
    {"signals: wake a sleeping loop", wakes_a_sleeping_loop, TAP_BACKENDS},
    {"signals: one-shot", one_shot, TAP_BACKENDS},
    {"signals: one-shot, again and again", one_shot_again, TAP_BACKENDS},
    {"signals: watchers change while told", changes_while_told, TAP_BACKENDS},
    {"signals: several loops of a thread", several_loops_of_a_thread, TAP_BACKENDS},
    {"signals: several loops in threads", several_threads, TAP_BACKENDS},
    {"signals: watchers come and go under fire", churn_under_fire, TAP_BACKENDS},
    {"signals: a storm of one and one of another", storm, TAP_BACKENDS},
    {"signals: a storm from threads", storm_from_threads, TAP_BACKENDS},
    {"signals: one without end", endless_signal, TAP_BACKENDS},
    {"signals: dispositions come back", restored, TAP_BACKENDS},
    {"signals: and at the loop's end", restored_at_the_end, TAP_BACKENDS},
    {"signals: a handler replaced meanwhile", replaced_meanwhile, TAP_BACKENDS},
    {"signals: no handler unasked", nothing_unasked, TAP_BACKENDS},
    {"signals: system calls are restarted", restarts_system_calls, TAP_BACKENDS},
    {"signals: a second one", insisted, TAP_BACKENDS},
    {"signals: die as told", dies_as_told, TAP_BACKENDS},
    {"signals: for a child", signals_of_a_child, TAP_BACKENDS},
    {"signals: a child that watches", a_child_that_watches, TAP_BACKENDS},
    {"signals: a child of vfork", child_of_vfork, TAP_BACKENDS},
    {"signals: bad input", bad_input, TAP_BACKENDS},
    {"signals: out of memory", out_of_memory, TAP_BACKENDS},
    {"signals: on the virtual clock", on_the_virtual_clock, TAP_BACKENDS},
};

TAP_MAIN(cases)
