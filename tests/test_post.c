/* SPDX-License-Identifier: MIT
 *
 * test_post.c - the way into a loop from other threads and from signal handlers, and the rules about threads.
 */
#include "tap.h"

#include <errno.h>
#include <picot/loop.h>
#include <picot/op.h>
#include <picot/timer.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SCALE 10
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SCALE 10
#endif
#endif
#ifndef SCALE
#define SCALE 1
#endif

/*
 * The thread sanitizer does not see liburing's mmap and munmap: a ring that gets the addresses of another thread's dead
 * one looks like a race to it, unless both hold this.
 */
static pthread_mutex_t meeting = PTHREAD_MUTEX_INITIALIZER;

static void pause_ns(long ns)
{
    struct timespec pause = {0, ns};

    (void)nanosleep(&pause, NULL);
}

static void stop(picot_loop *loop, void *user)
{
    if (user) ++*(int *)user;
    CHECK_EQ(picot_loop_stop(loop), 0);
}

/* ---- many posters ---------------------------------------------------------------------------- */

#define POSTERS 4
#define POSTS (100000 / SCALE)

struct poster {
    picot_loop *loop;
    picot_posted *posts;
    struct numbered *numbers;
    pthread_t thread;
    int arrived;
    int *finished; /* of all posters; the last one stops the loop */
    bool hesitant; /* lets the loop fall asleep now and then */
};

struct numbered {
    struct poster *poster;
    int number;
};

static void arrive(picot_loop *loop, void *user)
{
    struct numbered *numbered = user;
    struct poster *poster = numbered->poster;

    CHECK_EQ(numbered->number, poster->arrived); /* the order of one thread is kept, none is lost */
    poster->arrived++;
    if (poster->arrived == POSTS && ++*poster->finished == POSTERS) CHECK_EQ(picot_loop_stop(loop), 0);
}

static void *post_all(void *argument)
{
    struct poster *poster = argument;

    for (int i = 0; i < POSTS; i++) {
        poster->posts[i] = (picot_posted)PICOT_POSTED_INIT(arrive, &poster->numbers[i]);
        CHECK_EQ(picot_post(poster->loop, &poster->posts[i]), 0);
        if (poster->hesitant && i % 1000 == 999) pause_ns(200000);
    }
    return NULL;
}

/* Until it is stopped. The hold tells "sim" that somebody will post: else it would see that nothing can ever happen. */
static void run_held(picot_loop *loop)
{
    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), 1);
    CHECK_EQ(picot_loop_unhold(loop), 0);
}

static void posts_from_four_threads(void)
{
    picot_loop *loop = tap_loop();
    struct poster posters[POSTERS];
    int finished = 0;

    for (int t = 0; t < POSTERS; t++) {
        posters[t] = (struct poster){.loop = loop, .finished = &finished, .hesitant = t % 2};
        posters[t].posts = calloc(POSTS, sizeof(picot_posted));
        posters[t].numbers = calloc(POSTS, sizeof(struct numbered));
        CHECK(posters[t].posts && posters[t].numbers);
        for (int i = 0; i < POSTS; i++)
            posters[t].numbers[i] = (struct numbered){&posters[t], i};
    }
    for (int t = 0; t < POSTERS; t++)
        CHECK_EQ(pthread_create(&posters[t].thread, NULL, post_all, &posters[t]), 0);
    run_held(loop);
    for (int t = 0; t < POSTERS; t++) {
        CHECK_EQ(pthread_join(posters[t].thread, NULL), 0);
        CHECK_EQ(posters[t].arrived, POSTS);
        free(posters[t].posts);
        free(posters[t].numbers);
    }
    tap_loop_end(loop);
}

/* ---- merging --------------------------------------------------------------------------------- */

#define MERGES (1000000 / SCALE)

struct merging {
    picot_loop *loop;
    picot_posted posted, last;
    long produced, seen; /* produced: atomic */
    int calls, queued, merged;
};

/* A post announces something; what was announced before it must be seen by the call. */
static void look(picot_loop *loop, void *user)
{
    struct merging *m = user;

    (void)loop;
    m->seen = __atomic_load_n(&m->produced, __ATOMIC_ACQUIRE);
    m->calls++;
}

static void *post_the_same(void *argument)
{
    struct merging *m = argument;

    for (int i = 0; i < MERGES; i++) {
        int rc;

        (void)__atomic_add_fetch(&m->produced, 1, __ATOMIC_RELEASE);
        rc = picot_post(m->loop, &m->posted);
        CHECK(rc == 0 || rc == 1);
        m->queued += rc == 0;
        m->merged += rc == 1;
    }
    CHECK_EQ(picot_post(m->loop, &m->last), 0);
    return NULL;
}

static void merged_posts(void)
{
    picot_loop *loop = tap_loop();
    struct merging m = {.loop = loop};
    pthread_t thread;

    m.posted = (picot_posted)PICOT_POSTED_INIT(look, &m);
    m.last = (picot_posted)PICOT_POSTED_INIT(stop, NULL);
    CHECK_EQ(pthread_create(&thread, NULL, post_the_same, &m), 0);
    run_held(loop);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(m.queued + m.merged, MERGES);
    CHECK_EQ(m.calls, m.queued); /* one call per post that was not merged */
    CHECK_EQ(m.seen, MERGES);    /* and the last call has seen everything */
    tap_loop_end(loop);
}

static void post_from_the_loop(picot_loop *loop, void *user)
{
    struct merging *m = user;

    if (++m->calls == 10)
        CHECK_EQ(picot_loop_stop(loop), 0);
    else
        CHECK_EQ(picot_post(loop, &m->posted), 0); /* anew from its own call: not merged */
}

/* In its own thread the loop can be posted to as well; each post has a turn of its own. */
static void posted_by_itself(void)
{
    picot_loop *loop = tap_loop();
    struct merging m = {.loop = loop};
    picot_posted no_function = PICOT_POSTED_INIT(NULL, NULL);

    m.posted = (picot_posted)PICOT_POSTED_INIT(post_from_the_loop, &m);
    CHECK_EQ(picot_post(loop, &m.posted), 0);
    CHECK_EQ(picot_post(loop, &m.posted), 1);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 0);
    CHECK_EQ(m.calls, 1);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), 0);
    CHECK_EQ(m.calls, 10);
    CHECK_EQ(picot_post(NULL, &m.posted), -EINVAL);
    CHECK_EQ(picot_post(loop, NULL), -EINVAL);
    CHECK_EQ(picot_post(loop, &no_function), -EINVAL);
    tap_loop_end(loop);
}

/* ---- ping-pong: every post has to wake a sleeping loop --------------------------------------- */

#define ROUNDS (20000 / SCALE)

struct ping {
    picot_loop *loops[2];
    picot_posted posted[2];
    int rounds;
};

static void strike(picot_loop *loop, void *user)
{
    struct ping *ping = user;
    int other = ping->loops[0] == loop;

    if (++ping->rounds >= 2 * ROUNDS) {
        CHECK_EQ(picot_loop_stop(loop), 0);
        if (ping->rounds > 2 * ROUNDS) return;
    }
    CHECK_EQ(picot_post(ping->loops[other], &ping->posted[other]), 0);
}

static void *run_in_a_thread(void *argument)
{
    CHECK_EQ(picot_loop_run(argument, PICOT_RUN_NOWAIT), 0); /* now it is this thread's */
    run_held(argument);
    return NULL;
}

/* Two loops in two threads, both asleep but for the one that has the ball. A lost wake-up hangs. */
static void wake_ups_are_not_lost(void)
{
    struct ping ping = {.loops = {tap_loop(), tap_loop()}};
    pthread_t thread;

    for (int i = 0; i < 2; i++)
        ping.posted[i] = (picot_posted)PICOT_POSTED_INIT(strike, &ping);
    CHECK_EQ(pthread_create(&thread, NULL, run_in_a_thread, ping.loops[1]), 0);
    CHECK_EQ(picot_post(ping.loops[0], &ping.posted[0]), 0);
    run_held(ping.loops[0]);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(ping.rounds, 2 * ROUNDS + 1);
    tap_loop_end(ping.loops[0]);
    tap_loop_end(ping.loops[1]);
}

/* ---- signals --------------------------------------------------------------------------------- */

static picot_loop *signalled_loop; /* a handler has nothing else to find it by */
static picot_posted signalled_post;
static volatile sig_atomic_t signals_seen, errno_kept = 1;

static void on_alarm(int number)
{
    int before = errno;

    (void)number;
    errno = 4321;
    signals_seen++;
    (void)picot_post(signalled_loop, &signalled_post);
    if (errno != 4321) errno_kept = 0;
    errno = before;
}

static void count_signal(picot_loop *loop, void *user)
{
    int *calls = user;

    if (++*calls == 300) CHECK_EQ(picot_loop_stop(loop), 0);
}

/* A timer at 1 kHz interrupts the loop's own thread, mostly while it sleeps. */
static void posts_from_a_signal_handler(void)
{
    picot_loop *loop = tap_loop();
    struct sigaction action = {.sa_handler = on_alarm}, before;
    struct itimerval timer = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
    int calls = 0;

    signalled_loop = loop;
    signalled_post = (picot_posted)PICOT_POSTED_INIT(count_signal, &calls);
    CHECK_EQ(sigaction(SIGALRM, &action, &before), 0); /* without SA_RESTART */
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    run_held(loop);
    CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
    CHECK_EQ(sigaction(SIGALRM, &before, NULL), 0);
    CHECK_EQ(calls, 300);
    CHECK(signals_seen >= calls);
    CHECK(errno_kept);
    CHECK(picot_loop_run(loop, PICOT_RUN_NOWAIT) >= 0); /* a last one may be waiting */
    tap_loop_end(loop);
}

/* ---- holds and run modes --------------------------------------------------------------------- */

static void unhold(picot_loop *loop, void *user)
{
    ++*(int *)user;
    CHECK_EQ(picot_loop_unhold(loop), 0);
}

struct delayed {
    picot_loop *loop;
    picot_posted posted;
    long delay_ns;
};

static void *post_delayed(void *argument)
{
    struct delayed *delayed = argument;

    pause_ns(delayed->delay_ns);
    CHECK_EQ(picot_post(delayed->loop, &delayed->posted), 0);
    return NULL;
}

static void holds(void)
{
    picot_loop *loop = tap_loop();
    int calls = 0;
    struct delayed delayed = {loop, PICOT_POSTED_INIT(unhold, &calls), 20000000};
    pthread_t thread;

    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0); /* nothing: ends at once */
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 0);
    CHECK_EQ(picot_loop_unhold(loop), -EINVAL);
    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK_EQ(picot_loop_pending(loop), 2);
    CHECK_EQ(picot_loop_unhold(loop), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
    CHECK_EQ(pthread_create(&thread, NULL, post_delayed, &delayed), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0); /* held until the post arrives */
    CHECK_EQ(calls, 1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(picot_loop_pending(loop), 0);
    tap_loop_end(loop);
}

/* PICOT_RUN_ONCE waits for a post and ends after it; with a hold left it tells 1. */
static void once_waits_for_a_post(void)
{
    picot_loop *loop = tap_loop();
    int calls = 0;
    struct delayed delayed = {loop, PICOT_POSTED_INIT(unhold, &calls), 20000000};
    pthread_t thread;

    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK_EQ(pthread_create(&thread, NULL, post_delayed, &delayed), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 1);
    CHECK_EQ(calls, 1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(picot_loop_unhold(loop), 0);
    tap_loop_end(loop);
}

/* ---- which thread may what ------------------------------------------------------------------- */

struct foreign {
    picot_loop *loop;
    int calls;
};

#ifndef PICOT_DEBUG
static void never(picot_loop *loop, void *user)
{
    (void)loop;
    (void)user;
    CHECK(!"called");
}

static void never_done(picot_loop *loop, picot_op *op)
{
    (void)loop;
    (void)op;
    CHECK(!"completed");
}

static void *try_everything(void *argument)
{
    picot_loop *loop = argument;
    picot_timer timer = PICOT_TIMER_INIT;
    picot_job job = PICOT_JOB_INIT;
    picot_op op;

    CHECK_EQ(picot_call_soon(loop, &job, never, NULL), -EPERM);
    CHECK_EQ(picot_job_cancel(loop, &job), -EPERM);
    CHECK_EQ(picot_call_later(loop, &timer, 0, never, NULL), -EPERM);
    CHECK_EQ(picot_call_at(loop, &timer, 0, never, NULL), -EPERM);
    CHECK_EQ(picot_timer_cancel(loop, &timer), -EPERM);
    picot_op_timeout(&op, 0);
    CHECK_EQ(picot_submit(loop, &op, never_done, NULL), -EPERM);
    CHECK_EQ(picot_submit_now(loop, &op, never_done, NULL), -EPERM);
    CHECK_EQ(picot_cancel(loop, &op), -EPERM);
    CHECK_EQ(picot_adopt(loop, 0), -EPERM);
    CHECK_EQ(picot_loop_hold(loop), -EPERM);
    CHECK_EQ(picot_loop_unhold(loop), -EPERM);
    CHECK_EQ(picot_loop_stop(loop), -EPERM);
    CHECK_EQ(picot_loop_fd(loop), -EPERM);
    CHECK(picot_loop_run(loop, PICOT_RUN_NOWAIT) < 0);
    CHECK(picot_loop_backend(loop));
    return NULL;
}

static void wrong_thread(void)
{
    picot_loop *loop = tap_loop();
    pthread_t thread;

    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1); /* from now on this is its thread */
    CHECK_EQ(pthread_create(&thread, NULL, try_everything, loop), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(picot_loop_pending(loop), 1);
    CHECK_EQ(picot_loop_unhold(loop), 0);
    tap_loop_end(loop);
}
#endif

static void *run_and_end(void *argument)
{
    struct foreign *foreign = argument;
    picot_timer timer = PICOT_TIMER_INIT;
    int calls = 0;

    CHECK_EQ(picot_loop_run(foreign->loop, PICOT_RUN_IDLE), 0); /* makes this its thread; does the job set before */
    CHECK_EQ(foreign->calls, 1);
    CHECK_EQ(picot_call_later(foreign->loop, &timer, PICOT_MS, stop, &calls), 0);
    CHECK_EQ(picot_loop_run(foreign->loop, PICOT_RUN_FOREVER), 0);
    CHECK_EQ(calls, 1);
    tap_loop_end(foreign->loop);
    return NULL;
}

static void count_call(picot_loop *loop, void *user)
{
    struct foreign *foreign = user;

    CHECK(loop == foreign->loop);
    foreign->calls++;
}

/* Created and given its first work in one thread, run in another. */
static void created_elsewhere(void)
{
    struct foreign foreign = {tap_loop(), 0};
    picot_job job = PICOT_JOB_INIT;
    pthread_t thread;

    CHECK_EQ(picot_call_soon(foreign.loop, &job, count_call, &foreign), 0);
    CHECK_EQ(pthread_create(&thread, NULL, run_and_end, &foreign), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* ---- several loops --------------------------------------------------------------------------- */

#define LOOPS 4
#define TICKS 200

struct ticking {
    const char *backend;
    picot_timer timer;
    picot_job job;
    int ticks, jobs;
};

static void do_job(picot_loop *loop, void *user)
{
    struct ticking *ticking = user;

    (void)loop;
    ticking->jobs++;
}

static void tick(picot_loop *loop, void *user)
{
    struct ticking *ticking = user;

    CHECK_EQ(picot_call_soon(loop, &ticking->job, do_job, ticking), 0);
    if (++ticking->ticks < TICKS) CHECK_EQ(picot_call_later(loop, &ticking->timer, 20 * PICOT_US, tick, ticking), 0);
}

static void *own_loop(void *argument)
{
    struct ticking *ticking = argument;

    for (int round = 0; round < 5; round++) {
        picot_loop *loop;

        (void)pthread_mutex_lock(&meeting);
        loop = tap_loop();
        (void)pthread_mutex_unlock(&meeting);
        CHECK_STR(picot_loop_backend(loop), ticking->backend);
        ticking->ticks = ticking->jobs = 0;
        CHECK_EQ(picot_call_later(loop, &ticking->timer, 0, tick, ticking), 0);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        CHECK_EQ(ticking->ticks, TICKS);
        CHECK_EQ(ticking->jobs, TICKS);
        (void)pthread_mutex_lock(&meeting);
        tap_loop_end(loop);
        (void)pthread_mutex_unlock(&meeting);
    }
    return NULL;
}

static void loops_in_threads(void)
{
    struct ticking tickings[LOOPS];
    pthread_t threads[LOOPS];
    picot_loop *loop = tap_loop(); /* skips the case here, not in a thread */

    tap_loop_end(loop);
    for (int i = 0; i < LOOPS; i++) {
        tickings[i] = (struct ticking){.backend = tap_backend()};
        CHECK_EQ(pthread_create(&threads[i], NULL, own_loop, &tickings[i]), 0);
    }
    for (int i = 0; i < LOOPS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static const struct tap_case cases[] = {
    {"posts from four threads keep their order", posts_from_four_threads, TAP_BACKENDS},
    {"posts of the same are merged", merged_posts, TAP_BACKENDS},
    {"posts of the loop to itself", posted_by_itself, TAP_BACKENDS},
    {"wake-ups are not lost", wake_ups_are_not_lost, TAP_BACKENDS},
    {"posts from a signal handler", posts_from_a_signal_handler, TAP_BACKENDS},
    {"holds keep an idle run going", holds, TAP_BACKENDS},
    {"run once waits for a post", once_waits_for_a_post, TAP_BACKENDS},
#ifndef PICOT_DEBUG
    {"other threads are refused", wrong_thread, TAP_BACKENDS},
#endif
    {"created in one thread, run in another", created_elsewhere, TAP_BACKENDS},
    {"several loops in several threads", loops_in_threads, TAP_BACKENDS},
};

TAP_MAIN(cases)
