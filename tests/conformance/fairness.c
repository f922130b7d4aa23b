/* SPDX-License-Identifier: MIT
 *
 * fairness.c - nobody starves, on every backend: neither by a descriptor that is always ready, nor by accept storms,
 * timers of no delay, jobs that queue themselves anew, or posts without end.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the quiet ones: what must go on --------------------------------------------------------- */

struct quiet {
    struct stream stream; /* an established connection that sends one byte to and fro */
    struct recorded receiving;
    char byte;
    picot_timer timer;
    picot_posted posted;
    picot_job job;
    unsigned round_trips, timers, posts, jobs;
    bool over;
};

static void quiet_timer(picot_loop *loop, void *user)
{
    struct quiet *quiet = user;
    quiet->timers++;
    CHECK_EQ(picot_call_later(loop, &quiet->timer, PICOT_MS, quiet_timer, quiet), 0);
    CHECK(picot_post(loop, &quiet->posted) >= 0);
    if (quiet->jobs < quiet->timers) {
        (void)picot_call_soon(loop, &quiet->job, quiet->job.fn, quiet);
    }
}

static void quiet_posted(picot_loop *loop, void *user)
{
    (void)loop;
    ((struct quiet *)user)->posts++;
}

static void quiet_job(picot_loop *loop, void *user)
{
    (void)loop;
    ((struct quiet *)user)->jobs++;
}

static void quiet_received(picot_loop *loop, picot_op *op)
{
    struct quiet *quiet = op->user;
    CHECK(op->result == 1 || (op->result == -ECANCELED && quiet->over));
    if (quiet->over) {
        return;
    }
    quiet->round_trips++;
    peer_send(quiet->stream.theirs, "e", 1);
    CHECK_EQ(picot_submit(loop, op, quiet_received, quiet), 0);
}

static void quiet_start(picot_loop *loop, struct quiet *quiet)
{
    memset(quiet, 0, sizeof *quiet);
    quiet->stream = open_stream(loop, 0);
    quiet->posted.fn = quiet_posted;
    quiet->posted.user = quiet;
    quiet->job.fn = quiet_job;
    picot_op_recv(&quiet->receiving.op, quiet->stream.ours, &quiet->byte, 1, 0);
    CHECK_EQ(picot_submit(loop, &quiet->receiving.op, quiet_received, quiet), 0);
    peer_send(quiet->stream.theirs, "e", 1);
    CHECK_EQ(picot_call_later(loop, &quiet->timer, PICOT_MS, quiet_timer, quiet), 0);
}

static bool all_went_on(void *arg)
{
    struct quiet *quiet = arg;
    return quiet->timers >= 10 && quiet->posts >= 10 && quiet->jobs >= 10 && quiet->round_trips >= 10;
}

static void quiet_end(picot_loop *loop, struct quiet *quiet)
{
    quiet->over = true;
    CHECK_EQ(picot_timer_cancel(loop, &quiet->timer), 0);
    close_stream(loop, &quiet->stream);
    run_turns(loop, 3);
}

/* ---- the loud ones --------------------------------------------------------------------------- */

struct loud {
    picot_op op;
    picot_fd fd;
    bool now; /* submit_now, as long as it gives results */
    bool over;
    unsigned longest; /* results at once in one callback */
    uint64_t count;
    char buf[4096];
};

static void loud_done(picot_loop *loop, picot_op *op)
{
    struct loud *loud = op->user;
    unsigned at_once = 0;
    int code = 1;
    while (!loud->over && code == 1) {
        CHECK(op->result > 0);
        loud->count++;
        code = loud->now ? picot_submit_now(loop, op, loud_done, loud) : picot_submit(loop, op, loud_done, loud);
        CHECK(code == 0 || (code == 1 && loud->now));
        at_once += code == 1;
    }
    loud->longest = at_once > loud->longest ? at_once : loud->longest;
}

static bool is_idle(void *arg)
{
    return !picot_op_pending(arg);
}

/* Descriptors of which each read succeeds at once: a device, and several of them with submit_now. */
static void always_ready_descriptors(void)
{
    enum { LOUD = 3 };
    picot_loop *loop = tap_loop();
    for (int now = 0; now < 2; now++) {
        static struct loud louds[LOUD];
        struct quiet quiet;
        memset(louds, 0, sizeof louds);
        quiet_start(loop, &quiet);
        for (int i = 0; i < LOUD; i++) {
            louds[i].fd = adopt(loop, open("/dev/zero", O_RDONLY | O_CLOEXEC));
            louds[i].now = now;
            picot_op_read(&louds[i].op, louds[i].fd, louds[i].buf, sizeof louds[i].buf, -1);
            CHECK_EQ(picot_submit(loop, &louds[i].op, loud_done, &louds[i]), 0);
        }
        CHECK(run_until(loop, all_went_on, &quiet));
        for (int i = 0; i < LOUD; i++) {
            louds[i].over = true;
            CHECK(louds[i].count >= 10);   /* the loud ones are served too, each of them */
            CHECK(louds[i].longest <= 33); /* the budget of one callback */
            CHECK(run_until(loop, is_idle, &louds[i].op));
            close_handle(loop, louds[i].fd);
        }
        quiet_end(loop, &quiet);
    }
    tap_loop_end(loop);
}

struct flood {
    pthread_t thread;
    int fd;
    atomic_bool over;
};

static void *flood_socket(void *arg)
{
    static const char block[65536];
    struct flood *flood = arg;
    while (!atomic_load(&flood->over)) {
        (void)send(flood->fd, block, sizeof block, MSG_NOSIGNAL);
    }
    return NULL;
}

/* A socket that another thread keeps full. */
static void hot_socket(void)
{
    picot_loop *loop = tap_loop();
    for (int now = 0; now < 2; now++) {
        static struct loud loud;
        struct quiet quiet;
        struct stream stream = open_stream(loop, 2);
        struct flood flood = {.fd = stream.theirs};
        memset(&loud, 0, sizeof loud);
        quiet_start(loop, &quiet);
        CHECK_EQ(pthread_create(&flood.thread, NULL, flood_socket, &flood), 0);
        loud.now = now;
        picot_op_recv(&loud.op, stream.ours, loud.buf, sizeof loud.buf, 0);
        CHECK_EQ(picot_submit(loop, &loud.op, loud_done, &loud), 0);
        CHECK(run_until(loop, all_went_on, &quiet));
        CHECK(loud.count >= 10);
        loud.over = true;
        atomic_store(&flood.over, true);
        CHECK_EQ(picot_cancel(loop, &loud.op), 0); /* the flood may end right here */
        CHECK(run_until(loop, is_idle, &loud.op));
        close_handle(loop, stream.ours);
        CHECK_EQ(pthread_join(flood.thread, NULL), 0);
        CHECK_EQ(close(stream.theirs), 0);
        quiet_end(loop, &quiet);
    }
    tap_loop_end(loop);
}

/* ---- accept storm ---------------------------------------------------------------------------- */

struct storm {
    pthread_t thread;
    struct sockaddr_in addr;
    atomic_bool over;
};

static void *connect_without_end(void *arg)
{
    struct storm *storm = arg;
    while (!atomic_load(&storm->over)) {
        int fds[32];
        for (int i = 0; i < 32; i++) {
            fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            reset_on_close(fds[i]);
            give_deadline(fds[i]);
            (void)connect(fds[i], (struct sockaddr *)&storm->addr, sizeof storm->addr);
        }
        for (int i = 0; i < 32; i++) {
            (void)close(fds[i]);
        }
    }
    return NULL;
}

struct accepting {
    picot_op op, closing[64];
    unsigned accepted;
    bool over;
};

static void closed(picot_loop *loop, picot_op *op)
{
    (void)loop;
    CHECK_EQ(op->result, 0);
}

static void accepted(picot_loop *loop, picot_op *op)
{
    struct accepting *it = op->user;
    if (op->result == -ECANCELED) {
        return;
    }
    CHECK(op->result > 0);
    picot_op *closing = &it->closing[it->accepted++ % 64];
    while (picot_op_pending(closing)) {
        closing = &it->closing[it->accepted++ % 64];
    }
    picot_op_close(closing, op->result);
    CHECK_EQ(picot_submit(loop, closing, closed, NULL), 0);
    if (!it->over) {
        CHECK_EQ(picot_submit(loop, op, accepted, it), 0);
    }
}

struct contest {
    struct quiet quiet;
    struct accepting accepting;
};

static bool both_went_on(void *arg)
{
    struct contest *contest = arg;
    return all_went_on(&contest->quiet) && contest->accepting.accepted >= 100;
}

static void accept_storm(void)
{
    picot_loop *loop = tap_loop();
    static struct contest contest;
    struct accepting *it = &contest.accepting;
    struct storm storm = {.over = false};
    memset(&contest, 0, sizeof contest);
    quiet_start(loop, &contest.quiet);
    picot_fd fd = adopt(loop, bound_listener(128, &storm.addr));
    CHECK_EQ(pthread_create(&storm.thread, NULL, connect_without_end, &storm), 0);
    picot_op_accept(&it->op, fd, NULL, NULL);
    CHECK_EQ(picot_submit(loop, &it->op, accepted, it), 0);
    CHECK(run_until(loop, both_went_on, &contest));
    atomic_store(&storm.over, true);
    it->over = true;
    close_handle(loop, fd);
    CHECK_EQ(pthread_join(storm.thread, NULL), 0);
    quiet_end(loop, &contest.quiet);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    tap_loop_end(loop);
}

/* ---- callbacks that ask for themselves again ------------------------------------------------- */

struct eager {
    picot_timer timer;
    picot_job job;
    picot_posted posted;
    bool over;
    unsigned timers, jobs, posts;
};

static void eager_timer(picot_loop *loop, void *user)
{
    struct eager *it = user;
    it->timers++;
    if (!it->over) {
        CHECK_EQ(picot_call_later(loop, &it->timer, 0, eager_timer, it), 0);
    }
}

static void eager_job(picot_loop *loop, void *user)
{
    struct eager *it = user;
    it->jobs++;
    if (!it->over) {
        CHECK_EQ(picot_call_soon(loop, &it->job, eager_job, it), 0);
    }
}

static void eager_posted(picot_loop *loop, void *user)
{
    struct eager *it = user;
    it->posts++;
    if (!it->over) {
        CHECK_EQ(picot_post(loop, &it->posted), 0);
    }
}

/* Each of the three runs once per turn and no more, whatever it asks for. */
static void eager_callbacks(void)
{
    picot_loop *loop = tap_loop();
    struct quiet quiet;
    struct eager it = {.posted = PICOT_POSTED_INIT(eager_posted, NULL)};
    it.posted.user = &it;
    CHECK_EQ(picot_call_later(loop, &it.timer, 0, eager_timer, &it), 0);
    CHECK_EQ(picot_call_soon(loop, &it.job, eager_job, &it), 0);
    CHECK_EQ(picot_post(loop, &it.posted), 0);
    for (unsigned turn = 1; turn <= 20; turn++) {
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
        CHECK(it.timers <= turn && it.jobs <= turn && it.posts <= turn);
        CHECK(it.timers + 1 >= turn && it.jobs + 1 >= turn && it.posts + 1 >= turn);
    }
    quiet_start(loop, &quiet);
    CHECK(run_until(loop, all_went_on, &quiet));
    it.over = true;
    quiet_end(loop, &quiet);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    tap_loop_end(loop);
}

/* A turn that may handle one event only still reaches all of them. */
static void one_event_per_turn(void)
{
    enum { COUNT = 30 };
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.events_per_turn = 1;
    options.inline_budget = 1;
    picot_loop *loop = loop_with(&options);
    struct stream streams[COUNT];
    static struct loud louds[COUNT];
    memset(louds, 0, sizeof louds);
    for (int i = 0; i < COUNT; i++) {
        streams[i] = open_stream(loop, (unsigned)i % FLAVOURS);
        louds[i].over = true;
        picot_op_recv(&louds[i].op, streams[i].ours, louds[i].buf, 8, 0);
        CHECK_EQ(picot_submit(loop, &louds[i].op, loud_done, &louds[i]), 0);
    }
    run_turns(loop, 2);
    for (int i = 0; i < COUNT; i++) {
        peer_send(streams[i].theirs, "x", 1);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK(run_until(loop, is_idle, &louds[i].op));
        CHECK_EQ(louds[i].op.result, 1);
        close_stream(loop, &streams[i]);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"fairness: descriptors that are always ready", always_ready_descriptors, TAP_BACKENDS},
    {"fairness: a hot socket", hot_socket, TAP_BACKENDS},
    {"fairness: an accept storm", accept_storm, TAP_BACKENDS},
    {"fairness: callbacks that ask for themselves again", eager_callbacks, TAP_BACKENDS},
    {"fairness: one event per turn", one_event_per_turn, TAP_BACKENDS},
};

TAP_MAIN(cases)
