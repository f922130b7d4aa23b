/* SPDX-License-Identifier: MIT
 *
 * threads.c - other threads and signal handlers, on every backend: a post is never lost, whenever it comes; everything
 * else from a wrong thread is refused; a loop made here may run there.
 */
#include "support.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

struct posts {
    picot_posted posted;
    _Atomic unsigned calls;
};

static void count_post(picot_loop *loop, void *user)
{
    (void)loop;
    atomic_fetch_add(&((struct posts *)user)->calls, 1);
}

static void posts_init(struct posts *posts)
{
    posts->posted = (picot_posted)PICOT_POSTED_INIT(count_post, posts);
    atomic_store(&posts->calls, 0);
}

static bool was_called(void *arg)
{
    return atomic_load(&((struct posts *)arg)->calls) > 0;
}

/* ---- never lost ------------------------------------------------------------------------------ */

/* Before the sleep: the loop may not go to sleep over it. Posts that wait are merged. */
static void posted_before_the_sleep(void)
{
    picot_loop *loop = tap_loop();
    struct posts posts;
    posts_init(&posts);
    for (unsigned i = 0; i < 100; i++) {
        atomic_store(&posts.calls, 0);
        CHECK_EQ(picot_post(loop, &posts.posted), 0);
        CHECK_EQ(picot_post(loop, &posts.posted), 1);
        CHECK_EQ(picot_post(loop, &posts.posted), 1);
        CHECK_EQ(posts.calls, 0);
        CHECK(run_until(loop, was_called, &posts));
        CHECK_EQ(posts.calls, 1);
    }
    tap_loop_end(loop);
}

/* Ping-pong: the loop sleeps for this post alone, with moments that wander over begin, middle and end of the sleep. */
struct pingpong {
    picot_loop *loop;
    struct posts posts;
    _Atomic unsigned round;
    unsigned rounds;
};

static void *post_at_odd_moments(void *arg)
{
    struct pingpong *it = arg;
    for (unsigned i = 1; i <= it->rounds; i++) {
        while (atomic_load(&it->round) < i) {
            (void)sched_yield();
        }
        for (volatile unsigned delay = i * 31 % 4000; delay > 0; delay--) {
        }
        CHECK_EQ(picot_post(it->loop, &it->posts.posted), 0);
    }
    return NULL;
}

static void posted_around_the_sleep(void)
{
    picot_loop *loop = tap_loop();
    pthread_t thread;
    static struct pingpong it;
    it.loop = loop;
    it.rounds = 20000;
    atomic_store(&it.round, 0);
    posts_init(&it.posts);
    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK_EQ(pthread_create(&thread, NULL, post_at_odd_moments, &it), 0);
    for (unsigned i = 1; i <= it.rounds; i++) {
        atomic_store(&it.round, i);
        CHECK(run_until(loop, was_called, &it.posts));
        CHECK_EQ(atomic_exchange(&it.posts.calls, 0), 1);
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(picot_loop_unhold(loop), 0);
    tap_loop_end(loop);
}

/* A thread each, a million posts in all: merged into far fewer calls, the last of each thread is not missed. */
struct crowd {
    picot_loop *loop;
    struct posts posts;
};

static void *post_without_pause(void *arg)
{
    struct crowd *crowd = arg;
    for (unsigned i = 0; i < 500000; i++) {
        CHECK(picot_post(crowd->loop, &crowd->posts.posted) >= 0);
    }
    atomic_store(&crowd->posts.calls, 0);
    CHECK(picot_post(crowd->loop, &crowd->posts.posted) >= 0);
    return NULL;
}

static void a_million_posts(void)
{
    picot_loop *loop = tap_loop();
    pthread_t threads[2];
    static struct crowd crowds[2];
    for (int i = 0; i < 2; i++) {
        crowds[i].loop = loop;
        posts_init(&crowds[i].posts);
        CHECK_EQ(pthread_create(&threads[i], NULL, post_without_pause, &crowds[i]), 0);
    }
    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK(run_until(loop, was_called, &crowds[0].posts));
    for (int i = 0; i < 2; i++) {
        CHECK(picot_loop_run(loop, PICOT_RUN_NOWAIT) >= 0);
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(run_until(loop, was_called, &crowds[i].posts));
    }
    CHECK_EQ(picot_loop_unhold(loop), 0);
    run_turns(loop, 2);
    tap_loop_end(loop);
}

/* Posts of one thread are called in the order they were made. */
struct ordered {
    picot_posted posted[50];
    unsigned order[50], count;
    struct ordered_user {
        struct ordered *all;
        unsigned index;
    } users[50];
};

static void note_order(picot_loop *loop, void *user)
{
    (void)loop;
    struct ordered_user *it = user;
    it->all->order[it->all->count++] = it->index;
}

static void order_of_posts(void)
{
    picot_loop *loop = tap_loop();
    static struct ordered all;
    for (unsigned i = 0; i < 50; i++) {
        all.users[i] = (struct ordered_user){&all, i};
        all.posted[i] = (picot_posted)PICOT_POSTED_INIT(note_order, &all.users[i]);
        CHECK_EQ(picot_post(loop, &all.posted[i]), 0);
    }
    run_turns(loop, 2);
    CHECK_EQ(all.count, 50);
    for (unsigned i = 0; i < 50; i++) {
        CHECK_EQ(all.order[i], i);
    }
    tap_loop_end(loop);
}

/* ---- signal handlers ------------------------------------------------------------------------- */

static picot_loop *signalled_loop;
static struct posts signalled_posts;

static void on_alarm(int number)
{
    (void)number;
    int before = errno;
    errno = 4711;
    (void)picot_post(signalled_loop, &signalled_posts.posted);
    if (errno != 4711) {
        _exit(99);
    }
    errno = before;
}

/* The alarm comes while the loop sleeps, and sometimes before. */
static void posted_by_a_signal_handler(void)
{
    struct sigaction action = {.sa_handler = on_alarm}, old;
    signalled_loop = tap_loop();
    posts_init(&signalled_posts);
    CHECK_EQ(sigaction(SIGALRM, &action, &old), 0);
    for (int i = 0; i < 100; i++) {
        struct itimerval once = {{0, 0}, {0, 1 + i * 20}};
        atomic_store(&signalled_posts.calls, 0);
        CHECK_EQ(setitimer(ITIMER_REAL, &once, NULL), 0);
        CHECK(run_until(signalled_loop, was_called, &signalled_posts));
    }
    CHECK_EQ(sigaction(SIGALRM, &old, NULL), 0);
    tap_loop_end(signalled_loop);
}

/* ---- the wrong thread ------------------------------------------------------------------------ */

static void ignore(picot_loop *loop, void *user)
{
    (void)loop;
    (void)user;
}

static void ignore_watch(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    (void)loop;
    (void)watch;
    (void)ready;
}

static void *call_everything(void *arg)
{
    picot_loop *loop = arg;
    picot_op op;
    picot_job job = PICOT_JOB_INIT;
    picot_timer timer = PICOT_TIMER_INIT;
    picot_watch watch = PICOT_WATCH_INIT;
    picot_lease lease = {0};
    picot_op_timeout(&op, 0);
    CHECK_EQ(picot_submit(loop, &op, recorded_done, NULL), -EPERM);
    CHECK_EQ(picot_submit_now(loop, &op, recorded_done, NULL), -EPERM);
    CHECK_EQ(picot_cancel(loop, &op), -EPERM);
    CHECK_EQ(picot_adopt(loop, STDIN_FILENO), -EPERM);
    CHECK_EQ(picot_release(loop, 1), -EPERM);
    CHECK_EQ(picot_fd_number(loop, 1), -EPERM);
    CHECK_EQ(picot_lease_return(loop, &lease), -EPERM);
    CHECK_EQ(picot_call_soon(loop, &job, ignore, NULL), -EPERM);
    CHECK_EQ(picot_job_cancel(loop, &job), -EPERM);
    CHECK_EQ(picot_call_later(loop, &timer, 0, ignore, NULL), -EPERM);
    CHECK_EQ(picot_call_at(loop, &timer, 0, ignore, NULL), -EPERM);
    CHECK_EQ(picot_timer_cancel(loop, &timer), -EPERM);
    CHECK_EQ(picot_watch_add(loop, &watch, STDIN_FILENO, PICOT_READABLE, ignore_watch, NULL), -EPERM);
    CHECK_EQ(picot_watch_set(loop, &watch, 0), -EPERM);
    CHECK_EQ(picot_watch_remove(loop, &watch), -EPERM);
    CHECK_EQ(picot_loop_stop(loop), -EPERM);
    CHECK_EQ(picot_loop_hold(loop), -EPERM);
    CHECK_EQ(picot_loop_unhold(loop), -EPERM);
    CHECK_EQ(picot_loop_fd(loop), -EPERM);
    CHECK_EQ(picot_loop_next_deadline(loop), -EPERM);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), -EPERM);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), -EPERM);
    return NULL;
}

/* The loop has run here, so it belongs here. */
static void wrong_thread(void)
{
#ifdef PICOT_DEBUG
    SKIP("a debug build aborts here");
#endif
    picot_loop *loop = tap_loop();
    pthread_t thread;
    char got[8];
    struct recorded it = {0};
    struct stream stream = open_stream(loop, 0);
    run_turns(loop, 1);
    picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
    CHECK_EQ(start(loop, &it), 0);
    CHECK_EQ(pthread_create(&thread, NULL, call_everything, loop), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    peer_send(stream.theirs, "fine", 4); /* and nothing was disturbed */
    CHECK_EQ(finish(loop, &it), 4);
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

/* ---- made here, run there -------------------------------------------------------------------- */

struct moved {
    picot_loop *loop;
    struct stream stream;
    struct recorded receiving;
    char got[8];
};

static void *run_there(void *arg)
{
    struct moved *it = arg;
    struct recorded sleeping = {0};
    run_turns(it->loop, 1);                        /* from now on it is this thread's */
    CHECK_EQ(finish(it->loop, &it->receiving), 4); /* submitted by the other thread */
    CHECK_EQ(start(it->loop, &it->receiving), 0);
    run_turns(it->loop, 2);
    peer_send(it->stream.theirs, "there", 5);
    CHECK_EQ(finish(it->loop, &it->receiving), 5);
    picot_op_timeout(&sleeping.op, PICOT_MS);
    CHECK_EQ(perform(it->loop, &sleeping), 0);
    close_stream(it->loop, &it->stream);
    tap_loop_end(it->loop);
    return NULL;
}

/* Prepared completely in one thread, operation included, before the first run in another. */
static void made_here_run_there(void)
{
    pthread_t thread;
    static struct moved it;
    memset(&it, 0, sizeof it);
    it.loop = tap_loop();
    it.stream = open_stream(it.loop, 0);
    picot_op_recv(&it.receiving.op, it.stream.ours, it.got, sizeof it.got, 0);
    CHECK_EQ(start(it.loop, &it.receiving), 0);
    peer_send(it.stream.theirs, "here", 4);
    CHECK_EQ(pthread_create(&thread, NULL, run_there, &it), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* A loop per thread, at the same time: nothing is shared. */
static void *own_loop(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        char got[4];
        struct recorded it = {0};
        picot_loop *loop = tap_loop();
        struct stream stream = open_stream(loop, (unsigned)i % FLAVOURS);
        picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 2);
        peer_send(stream.theirs, "own", 3);
        CHECK_EQ(finish(loop, &it), 3);
        close_stream(loop, &stream);
        tap_loop_end(loop);
    }
    return NULL;
}

static void a_loop_per_thread(void)
{
    pthread_t threads[4];
#ifdef TAP_TSAN
    if (strcmp(tap_backend(), "io_uring") == 0) {
        SKIP("liburing maps its rings unseen by this sanitizer, which takes one at the same address for shared");
    }
#endif
    tap_loop_end(tap_loop()); /* skips where the backend is missing */
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, own_loop, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
}

static const struct tap_case cases[] = {
    {"post: before the sleep, merged", posted_before_the_sleep, TAP_BACKENDS},
    {"post: around the sleep", posted_around_the_sleep, TAP_BACKENDS | TAP_SLOW},
    {"post: a million", a_million_posts, TAP_BACKENDS | TAP_SLOW},
    {"post: in order", order_of_posts, TAP_BACKENDS},
    {"post: by a signal handler", posted_by_a_signal_handler, TAP_BACKENDS},
    {"threads: the wrong one", wrong_thread, TAP_BACKENDS},
    {"threads: made here, run there", made_here_run_there, TAP_BACKENDS},
    {"threads: a loop each", a_loop_per_thread, TAP_BACKENDS},
};

TAP_MAIN(cases)
