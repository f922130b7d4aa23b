/* SPDX-License-Identifier: MIT
 *
 * loop_lifecycle.c - the loop as a whole, on every backend: creating, the run modes, stopping, jobs, what counts as
 * work, the forced end, ten thousand operations in one turn, and memory that runs out.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void count_up(picot_loop *loop, void *user)
{
    (void)loop;
    ++*(unsigned *)user;
}

static void stop(picot_loop *loop, void *user)
{
    count_up(loop, user);
    CHECK_EQ(picot_loop_stop(loop), 0);
}

/* ---- running --------------------------------------------------------------------------------- */

static void modes_of_an_empty_loop(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 0);
    CHECK_EQ(picot_loop_step(loop), 0);
    CHECK_EQ(picot_loop_run(loop, (enum picot_run_mode)77), -EINVAL);
    CHECK_EQ(picot_loop_stop(loop), 0); /* before a run: that one ends after its first turn */
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), 0);
    tap_loop_end(loop);
}

static void modes_with_work(void)
{
    picot_loop *loop = tap_loop();
    unsigned fired = 0;
    picot_timer timer = PICOT_TIMER_INIT, far = PICOT_TIMER_INIT;
    CHECK_EQ(picot_call_later(loop, &timer, 20 * PICOT_MS, count_up, &fired), 0);
    CHECK_EQ(picot_loop_pending(loop), 1);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
    CHECK_EQ(fired, 0);
    CHECK_EQ(picot_loop_stop(loop), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 1); /* one turn: the stop came before */
    while (fired == 0) {
        int code = picot_loop_run(loop, PICOT_RUN_ONCE);
        CHECK_EQ(code, fired == 0);
    }
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(picot_call_later(loop, &timer, 5 * PICOT_MS, stop, &fired), 0);
    CHECK_EQ(picot_call_later(loop, &far, 3600 * PICOT_SECOND, count_up, &fired), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), 1);
    CHECK_EQ(fired, 2);
    CHECK_EQ(picot_call_later(loop, &timer, 5 * PICOT_MS, stop, &fired), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 1);
    CHECK_EQ(picot_timer_cancel(loop, &far), 0);
    CHECK_EQ(picot_call_later(loop, &timer, PICOT_MS, stop, &fired), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_FOREVER), 0);
    CHECK_EQ(fired, 4);
    tap_loop_end(loop);
}

static void calls_from_inside(picot_loop *loop, void *user)
{
    count_up(loop, user);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), -EBUSY);
    CHECK_EQ(picot_loop_step(loop), -EBUSY);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), -EBUSY);
}

static void no_run_or_destroy_from_inside(void)
{
#ifdef PICOT_DEBUG
    SKIP("a debug build aborts here");
#endif
    picot_loop *loop = tap_loop();
    unsigned called = 0;
    picot_job job = PICOT_JOB_INIT;
    picot_timer timer = PICOT_TIMER_INIT;
    CHECK_EQ(picot_call_soon(loop, &job, calls_from_inside, &called), 0);
    CHECK_EQ(picot_call_later(loop, &timer, 0, calls_from_inside, &called), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(called, 2);
    tap_loop_end(loop);
}

/* Every sort of work is counted once and keeps the loop from being destroyed and from being idle. */
static void pending_counts(void)
{
    picot_loop *loop = tap_loop();
    unsigned called = 0;
    struct recorded it = {0};
    picot_job job = PICOT_JOB_INIT;
    picot_timer timer = PICOT_TIMER_INIT;
    CHECK_EQ(picot_call_soon(loop, &job, count_up, &called), 0);
    CHECK_EQ(picot_loop_pending(loop), 1);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
    CHECK_EQ(picot_job_cancel(loop, &job), 0);
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(picot_call_later(loop, &timer, PICOT_NEVER, count_up, &called), 0);
    CHECK_EQ(picot_loop_pending(loop), 1);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
    CHECK_EQ(picot_timer_cancel(loop, &timer), 0);
    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK_EQ(picot_loop_hold(loop), 0);
    CHECK_EQ(picot_loop_pending(loop), 2);
    CHECK_EQ(picot_loop_unhold(loop), 0);
    CHECK_EQ(picot_loop_unhold(loop), 0);
    CHECK_EQ(picot_loop_unhold(loop), -EINVAL);
    picot_op_timeout(&it.op, PICOT_NEVER);
    CHECK_EQ(start(loop, &it), 0);
    CHECK_EQ(picot_loop_pending(loop), 1);
    CHECK_EQ(picot_cancel(loop, &it.op), 0);
    CHECK_EQ(picot_loop_pending(loop), 1); /* until its completion */
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(it.result, -ECANCELED);
    struct stream stream = open_stream(loop, 0);
    CHECK_EQ(picot_loop_pending(loop), 1);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
    close_stream(loop, &stream);
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(picot_loop_destroy(loop, 99), -EINVAL);
    CHECK_EQ(called, 0);
    tap_loop_end(loop);
}

/* Nothing is left that could ever call back: a handle alone never does, though it counts for destroy. */
static void idle_with_an_open_handle(void)
{
    picot_loop *loop = tap_loop();
    struct stream stream = open_stream(loop, 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(picot_loop_pending(loop), 1);
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

struct chain {
    picot_job jobs[6];
    picot_loop *loop;
    char order[16];
};

static void note(struct chain *chain, char letter)
{
    size_t len = strlen(chain->order);
    CHECK(len + 1 < sizeof chain->order);
    chain->order[len] = letter;
}

static void job_d(picot_loop *loop, void *user)
{
    (void)loop;
    note(user, 'd');
}

static void job_a(picot_loop *loop, void *user)
{
    struct chain *chain = user;
    note(chain, 'a');
    CHECK_EQ(picot_call_soon(loop, &chain->jobs[3], job_d, chain), 0); /* the turn after this one */
    CHECK_EQ(picot_call_soon(loop, &chain->jobs[0], job_d, chain), 0); /* itself anew */
    CHECK_EQ(picot_job_cancel(loop, &chain->jobs[2]), 0);              /* due in this very turn */
}

static void job_b(picot_loop *loop, void *user)
{
    (void)loop;
    note(user, 'b');
}

static void jobs_in_order(void)
{
    picot_loop *loop = tap_loop();
    struct chain chain;
    memset(&chain, 0, sizeof chain);
    CHECK_EQ(picot_call_soon(loop, &chain.jobs[0], job_a, &chain), 0);
    CHECK_EQ(picot_call_soon(loop, &chain.jobs[0], job_a, &chain), -EALREADY);
    CHECK_EQ(picot_call_soon(loop, &chain.jobs[1], job_b, &chain), 0);
    CHECK_EQ(picot_call_soon(loop, &chain.jobs[2], job_d, &chain), 0);
    CHECK_STR(chain.order, "");
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 1);
    CHECK_STR(chain.order, "ab");
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 0);
    CHECK_STR(chain.order, "abdd");
    tap_loop_end(loop);
}

/* ---- the forced end -------------------------------------------------------------------------- */

static unsigned threads_of_process(void)
{
    unsigned count = 0;
    char line[128];
    FILE *status = fopen("/proc/self/status", "re");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL) {
        (void)sscanf(line, "Threads: %u", &count);
    }
    CHECK_EQ(fclose(status), 0);
    return count;
}

/* Operations of many kinds in flight, in heap buffers that are freed right after; peers see their ends at once. */
static void forced_destroy(void)
{
    enum { STREAMS = 20, SENT = 16 * 1000 * 1000 };
    for (unsigned turns = 0; turns < 4; turns++) {
        picot_loop *loop = tap_loop();
        unsigned threads = threads_of_process(), fired = 0;
        struct recorded *ops = calloc(2 * STREAMS + 3, sizeof *ops);
        char *bufs = malloc(STREAMS * 64), *sent = calloc(1, SENT);
        struct stream streams[STREAMS];
        struct sockaddr_in addr;
        picot_timer timer = PICOT_TIMER_INIT;
        CHECK(ops != NULL && bufs != NULL && sent != NULL);
        for (unsigned i = 0; i < STREAMS; i++) {
            streams[i] = open_stream(loop, i % FLAVOURS);
            picot_op_recv(&ops[2 * i].op, streams[i].ours, bufs + 64 * i, 64, 0);
            if (i % FLAVOURS >= 2 || i == 0) { /* a full TCP connection takes a while to read out */
                picot_op_send_all(&ops[2 * i + 1].op, streams[i].ours, sent, SENT, 0);
            } else {
                picot_op_timeout(&ops[2 * i + 1].op, 3600 * PICOT_SECOND);
            }
        }
        picot_op_accept(&ops[2 * STREAMS].op, adopt(loop, bound_listener(4, &addr)), NULL, NULL);
        picot_op_timeout(&ops[2 * STREAMS + 1].op, PICOT_NEVER);
        picot_op_open(&ops[2 * STREAMS + 2].op, AT_FDCWD, "/dev/null", O_RDONLY, 0, 0);
        for (unsigned i = 0; i < 2 * STREAMS + 3; i++) {
            CHECK_EQ(start(loop, &ops[i]), 0);
        }
        run_turns(loop, turns);
        CHECK_EQ(picot_call_later(loop, &timer, 0, count_up, &fired), 0);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        for (unsigned i = 0; i < 2 * STREAMS + 2; i++) {
            CHECK(completed(&ops[i]));
            CHECK_EQ(ops[i].result, -ECANCELED);
        }
        CHECK(completed(&ops[2 * STREAMS + 2])); /* opened and closed again, or not begun */
        CHECK_EQ(fired, 0);
        free(ops);
        free(bufs);
        free(sent);
        for (unsigned i = 0; i < STREAMS; i++) {
            ssize_t bytes;
            char block[4096];
            while ((bytes = recv(streams[i].theirs, block, sizeof block, 0)) > 0) { /* what was under way */
            }
            CHECK_EQ(bytes, 0);
            CHECK_EQ(close(streams[i].theirs), 0);
        }
        /* A joined thread is counted a moment longer; the first round may leave one of a sanitizer's. */
        for (int i = 0; i < 2000 && threads_of_process() > threads; i++) {
            (void)poll(NULL, 0, 1);
        }
        CHECK(threads_of_process() <= threads || turns == 0);
    }
}

/* Completions of a forced end may submit anew, for cleanup that needs operations: that is cancelled in its turn. */
static void submit_again(picot_loop *loop, picot_op *op)
{
    struct recorded *it = (struct recorded *)op;
    it->completions++;
    it->result = op->result;
    if (it->completions < 20) {
        (void)picot_submit(loop, op, submit_again, it);
    }
}

static void forced_destroy_of_stubborn_operations(void)
{
    picot_loop *loop = tap_loop();
    char got[8];
    struct recorded receiving = {0}, waiting = {0};
    struct stream stream = open_stream(loop, 0);
    picot_op_recv(&receiving.op, stream.ours, got, sizeof got, 0);
    picot_op_timeout(&waiting.op, 3600 * PICOT_SECOND);
    CHECK_EQ(picot_submit(loop, &receiving.op, submit_again, NULL), 0);
    CHECK_EQ(picot_submit(loop, &waiting.op, submit_again, NULL), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    CHECK(completed(&receiving) && completed(&waiting));
    CHECK(!picot_op_pending(&receiving.op) && !picot_op_pending(&waiting.op));
    CHECK_EQ(receiving.result, -ECANCELED);
    CHECK_EQ(peer_end(stream.theirs), 0);
    CHECK_EQ(close(stream.theirs), 0);
}

/* ---- many at once ---------------------------------------------------------------------------- */

/* All numbers stand for one socket: one byte makes all polls complete, 10000 in one turn, of a small ring too. */
static void many_operations(uint32_t ring_entries, unsigned count)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.ring_entries = ring_entries;
    picot_loop *loop = loop_with(&options);
    int fds[2];
    stream_pair(2, fds);
    struct recorded *ops = calloc(count, sizeof *ops);
    picot_fd *handles = calloc(count, sizeof *handles);
    CHECK(ops != NULL && handles != NULL);
    for (unsigned i = 0; i < count; i++) {
        handles[i] = adopt(loop, fcntl(fds[0], F_DUPFD_CLOEXEC, 0));
        picot_op_poll(&ops[i].op, handles[i], PICOT_READABLE);
        CHECK_EQ(start(loop, &ops[i]), 0);
    }
    run_turns(loop, 1);
    peer_send(fds[1], "x", 1);
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(finish(loop, &ops[i]), PICOT_READABLE);
    }
    CHECK_EQ(recv(fds[0], &(char){0}, 1, 0), 1);
    for (unsigned i = 0; i < count; i++) { /* and again, all cancelled in one turn */
        CHECK_EQ(start(loop, &ops[i]), 0);
    }
    run_turns(loop, 1);
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(picot_cancel(loop, &ops[i].op), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(finish(loop, &ops[i]), -ECANCELED);
        picot_op_close(&ops[i].op, handles[i]);
        CHECK_EQ(start(loop, &ops[i]), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(finish(loop, &ops[i]), 0);
    }
    free(ops);
    free(handles);
    CHECK_EQ(close(fds[0]) | close(fds[1]), 0);
    tap_loop_end(loop);
}

static void ten_thousand_operations(void)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 10100) {
        SKIP("needs 10100 descriptors");
    }
    many_operations(0, 10000);
}

static void more_than_a_small_ring_holds(void)
{
    many_operations(4, 700);
}

/* Their memory comes and goes at the same places: in a build with ThreadSanitizer that must not look like a race. */
static void *make_and_end_loops(void *right)
{
    for (int i = 0; i < 50; i++) {
        picot_loop *loop;
        unsigned count = 0;
        picot_job job = PICOT_JOB_INIT;
        if (picot_loop_create(NULL, &loop) < 0) return NULL;
        bool ran = picot_call_soon(loop, &job, count_up, &count) == 0 && picot_loop_run(loop, PICOT_RUN_IDLE) == 0 &&
                   count == 1;
        if (picot_loop_destroy(loop, PICOT_DESTROY_IDLE) < 0 || !ran) return NULL;
    }
    return right;
}

static void in_several_threads(void)
{
    pthread_t threads[3];
    void *right;
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, make_and_end_loops, threads), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(pthread_join(threads[i], &right), 0);
        CHECK(right);
    }
}

static const struct tap_case cases[] = {
    {"loop: run modes of an empty loop", modes_of_an_empty_loop, TAP_BACKENDS},
    {"loop: run modes with work", modes_with_work, TAP_BACKENDS},
    {"loop: no run or destroy from inside", no_run_or_destroy_from_inside, TAP_BACKENDS},
    {"loop: what counts as pending", pending_counts, TAP_BACKENDS},
    {"loop: idle with an open handle", idle_with_an_open_handle, TAP_BACKENDS},
    {"jobs: in order, in the next turn", jobs_in_order, TAP_BACKENDS},
    {"destroy: forced, with operations in flight", forced_destroy, TAP_BACKENDS},
    {"destroy: forced, with stubborn operations", forced_destroy_of_stubborn_operations, TAP_BACKENDS},
    {"loops: in several threads", in_several_threads, TAP_BACKENDS},
    {"many: ten thousand operations", ten_thousand_operations, TAP_BACKENDS | TAP_SLOW},
    {"many: more than a small ring holds", more_than_a_small_ring_holds, TAP_BACKENDS},
};

TAP_MAIN(cases)
