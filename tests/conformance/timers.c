/* SPDX-License-Identifier: MIT
 *
 * timers.c - time, on every backend: never early, in order, one outcome, no limit at the far end, and signals that
 * interrupt every wait without stretching it. How late a timer may be is never checked tightly.
 */
#include "support.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* Fired timers of a case, in order. */
struct history {
    unsigned count;
    unsigned order[4096];
};

struct entry {
    picot_timer timer;
    struct history *history;
    unsigned index;
    int64_t deadline_ns;
    unsigned fired;
};

static void entry_fired(picot_loop *loop, void *user)
{
    struct entry *entry = user;
    CHECK(picot_loop_now(loop) >= entry->deadline_ns);
    CHECK(clock_of(loop) >= entry->deadline_ns);
    CHECK_EQ(picot_timer_deadline(&entry->timer), PICOT_NEVER);
    entry->history->order[entry->history->count++] = entry->index;
    entry->fired++;
}

static void entry_set(picot_loop *loop, struct entry *entry, int64_t deadline_ns)
{
    entry->deadline_ns = deadline_ns;
    CHECK_EQ(picot_call_at(loop, &entry->timer, deadline_ns, entry_fired, entry), 0);
    CHECK_EQ(picot_timer_deadline(&entry->timer), deadline_ns);
}

static struct entry *entries_new(size_t count, struct history *history)
{
    struct entry *entries = calloc(count, sizeof *entries);
    CHECK(entries != NULL);
    memset(history, 0, sizeof *history);
    for (unsigned i = 0; i < count; i++) {
        entries[i].history = history;
        entries[i].index = i;
    }
    return entries;
}

/* Thousands, in scattered order, with many equal deadlines, some in the past. */
static void order_of_deadline_and_setting(void)
{
    enum { COUNT = 2000 };
    static struct history history;
    picot_loop *loop = tap_loop();
    struct entry *entries = entries_new(COUNT, &history);
    int64_t base = picot_loop_update_now(loop);
    for (unsigned i = 0; i < COUNT; i++) {
        int64_t step = (int64_t)(i * 7919 % 97) - 10;
        entry_set(loop, &entries[i], base + step * 700 * PICOT_US + (int64_t)(i % 3));
    }
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(history.count, COUNT);
    for (unsigned i = 1; i < COUNT; i++) {
        struct entry *before = &entries[history.order[i - 1]], *after = &entries[history.order[i]];
        CHECK(before->deadline_ns <= after->deadline_ns);
        CHECK(before->deadline_ns < after->deadline_ns || before->index < after->index);
    }
    free(entries);
    tap_loop_end(loop);
}

/* One at a time, so that each wait is for exactly this one: from 1 ns to some milliseconds. entry_fired checks. */
static void never_early(void)
{
    static struct history history;
    picot_loop *loop = tap_loop();
    struct entry *entries = entries_new(1, &history);
    for (int64_t delay = 1; delay < 20 * PICOT_MS; delay = delay * 17 / 13 + 1) {
        entry_set(loop, &entries[0], picot_loop_update_now(loop) + delay);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        CHECK_EQ(entries[0].fired, 1);
        entries[0].fired = history.count = 0;
    }
    free(entries);
    tap_loop_end(loop);
}

/* Waiting in between is waiting, not polling. */
static void waits_calmly(void)
{
    picot_loop *loop = tap_loop();
    struct cost cost = run_for(loop, 300 * PICOT_MS);
    CHECK(cost.turns <= 10);
    CHECK(cost.cpu_percent <= 10);
    tap_loop_end(loop);
}

/* Moved to later and earlier, cancelled, and set again. */
static void moved(void)
{
    static struct history history;
    picot_loop *loop = tap_loop();
    struct entry *entries = entries_new(3, &history);
    int64_t base = picot_loop_update_now(loop);
    entry_set(loop, &entries[0], base + 1 * PICOT_MS);
    entry_set(loop, &entries[1], base + 3600 * PICOT_SECOND);
    entry_set(loop, &entries[2], base + 2 * PICOT_MS);
    entry_set(loop, &entries[0], base + 6 * PICOT_MS);
    entry_set(loop, &entries[1], base + 4 * PICOT_MS);
    CHECK_EQ(picot_timer_cancel(loop, &entries[2].timer), 0);
    CHECK_EQ(picot_timer_cancel(loop, &entries[2].timer), 0);
    CHECK_EQ(picot_timer_deadline(&entries[2].timer), PICOT_NEVER);
    CHECK_EQ(picot_loop_pending(loop), 2);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(history.count, 2);
    CHECK_EQ(history.order[0], 1);
    CHECK_EQ(history.order[1], 0);
    CHECK_EQ(entries[2].fired, 0);
    free(entries);
    tap_loop_end(loop);
}

/* ---- callbacks that change timers ------------------------------------------------------------ */

struct rivals {
    struct entry entries[2];
    picot_timer first;
    bool postpone;
};

static void stop_the_rival(picot_loop *loop, void *user)
{
    struct rivals *rivals = user;
    if (rivals->postpone) {
        entry_set(loop, &rivals->entries[0], picot_loop_now(loop) + 5 * PICOT_MS);
    } else {
        CHECK_EQ(picot_timer_cancel(loop, &rivals->entries[0].timer), 0);
    }
}

/* Both are due in the same turn; the first takes the second away, or puts it off: one outcome, never both. */
static void cancelled_in_the_turn_it_is_due(void)
{
    static struct history history;
    picot_loop *loop = tap_loop();
    for (int postpone = 0; postpone < 2; postpone++) {
        struct rivals rivals;
        memset(&rivals, 0, sizeof rivals);
        memset(&history, 0, sizeof history);
        rivals.entries[0].history = rivals.entries[1].history = &history;
        rivals.entries[1].index = 1;
        rivals.postpone = postpone;
        int64_t due = picot_loop_update_now(loop) + PICOT_MS;
        CHECK_EQ(picot_call_at(loop, &rivals.first, due, stop_the_rival, &rivals), 0);
        entry_set(loop, &rivals.entries[0], due);
        entry_set(loop, &rivals.entries[1], due);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        CHECK_EQ(rivals.entries[1].fired, 1);
        CHECK_EQ(rivals.entries[0].fired, postpone);
        CHECK_EQ(history.order[0], 1);
    }
    tap_loop_end(loop);
}

struct repeater {
    picot_timer timer;
    unsigned fired, limit;
};

static void set_again(picot_loop *loop, void *user)
{
    struct repeater *it = user;
    if (++it->fired < it->limit) {
        CHECK_EQ(picot_call_later(loop, &it->timer, 0, set_again, it), 0);
    }
}

/* A delay of 0 is the next turn, also from the timer's own callback: never twice in one turn. */
static void zero_delay_is_the_next_turn(void)
{
    picot_loop *loop = tap_loop();
    struct repeater it = {PICOT_TIMER_INIT, 0, 5};
    CHECK_EQ(picot_call_later(loop, &it.timer, 0, set_again, &it), 0);
    CHECK_EQ(it.fired, 0);
    for (unsigned turn = 1; turn <= 5; turn++) {
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), turn < 5);
        CHECK_EQ(it.fired, turn);
    }
    tap_loop_end(loop);
}

static void free_itself(picot_loop *loop, void *user)
{
    (void)loop;
    free(user);
}

static void freed_in_its_own_callback(void)
{
    picot_loop *loop = tap_loop();
    for (int i = 0; i < 100; i++) {
        picot_timer *timer = calloc(1, sizeof *timer);
        CHECK_EQ(picot_call_later(loop, timer, i % 10 * PICOT_US, free_itself, timer), 0);
    }
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    tap_loop_end(loop);
}

/* ---- the far end ----------------------------------------------------------------------------- */

/* Times no timespec holds: armed, counted, never fired, and the waits of others go on as ever. */
static void huge_delays(void)
{
    static const int64_t delays[] = {PICOT_NEVER,
                                     INT64_MAX - 1,
                                     INT64_MAX / 2,
                                     INT64_C(1000000) * 3600 * PICOT_SECOND,
                                     INT64_C(50) * 24 * 3600 * PICOT_SECOND,
                                     INT64_C(36) * 60 * PICOT_SECOND};
    enum { COUNT = sizeof delays / sizeof delays[0] };
    static struct history history;
    picot_loop *loop = tap_loop();
    struct entry *entries = entries_new(2 * COUNT, &history);
    struct recorded ops[COUNT];
    memset(ops, 0, sizeof ops);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(picot_call_later(loop, &entries[i].timer, delays[i], entry_fired, &entries[i]), 0);
        CHECK(picot_timer_deadline(&entries[i].timer) >= delays[i]);
        CHECK_EQ(picot_call_at(loop, &entries[COUNT + i].timer, delays[i], entry_fired, &entries[COUNT + i]), 0);
        picot_op_timeout(&ops[i].op, delays[i]);
        CHECK_EQ(start(loop, &ops[i]), 0);
        if (i < 3) { /* alone with the far ones, the loop waits and turns calmly */
            CHECK(is_calm(run_for(loop, 10 * PICOT_MS)));
        }
        run_turns(loop, 2);
    }
    CHECK(is_calm(run_for(loop, 30 * PICOT_MS)));
    /* call_at takes a time of the clock: those that lie in the past of a long-running machine have fired by now. */
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(entries[i].fired, 0);
        CHECK(!completed(&ops[i]));
        CHECK_EQ(entries[COUNT + i].fired, delays[i] <= clock_of(loop));
    }
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(picot_timer_cancel(loop, &entries[i].timer), 0);
        CHECK_EQ(picot_timer_cancel(loop, &entries[COUNT + i].timer), 0);
        CHECK_EQ(picot_cancel(loop, &ops[i].op), 0);
        CHECK_EQ(finish(loop, &ops[i]), -ECANCELED);
    }
    free(entries);
    tap_loop_end(loop);
}

/* ---- the operation --------------------------------------------------------------------------- */

static void timeout_operation(void)
{
    picot_loop *loop = tap_loop();
    struct recorded short_one = {0}, long_one = {0}, zero = {0};
    int64_t begin = picot_loop_update_now(loop);
    picot_op_timeout(&long_one.op, 30 * PICOT_MS);
    picot_op_timeout(&short_one.op, 10 * PICOT_MS);
    picot_op_timeout(&zero.op, 0);
    CHECK_EQ(start(loop, &long_one), 0);
    CHECK_EQ(start(loop, &short_one), 0);
    CHECK_EQ(start(loop, &zero), 0);
    CHECK_EQ(finish(loop, &long_one), 0);
    CHECK(clock_of(loop) - begin >= 30 * PICOT_MS);
    CHECK(completed(&short_one) && completed(&zero));
    CHECK(zero.order < short_one.order && short_one.order < long_one.order);
    tap_loop_end(loop);
}

struct limited {
    struct recorded base;
    bool fired;
};

static void cancel_it(picot_loop *loop, void *user)
{
    struct limited *it = user;
    it->fired = true;
    CHECK_EQ(picot_cancel(loop, &it->base.op), 0);
}

/* A limit by a timer against data that arrives around the same moment: the bytes, or ECANCELED and they stay. */
static void limit_races_with_data(void)
{
    picot_loop *loop = tap_loop();
    struct stream stream = open_stream(loop, 0);
    for (unsigned i = 0; i < 200; i++) {
        char got[8], before[8];
        struct limited it;
        picot_timer timer = PICOT_TIMER_INIT;
        memset(&it, 0, sizeof it);
        memset(got, 7, sizeof got);
        memset(before, 7, sizeof before);
        picot_op_recv(&it.base.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &it.base), 0);
        run_turns(loop, i % 3);
        CHECK_EQ(picot_call_later(loop, &timer, i % 4 * 10 * PICOT_US, cancel_it, &it), 0);
        if (i % 2 == 0) {
            peer_send(stream.theirs, "abc", 3);
        }
        int64_t result = finish(loop, &it.base);
        CHECK(result == 3 || (result == -ECANCELED && it.fired));
        if (result < 0) {
            run_turns(loop, 2);
            CHECK_MEM(got, before, sizeof got);
        }
        if (i % 2 == 0 && result < 0) {
            CHECK_EQ(perform(loop, &it.base), 3);
        }
        CHECK_EQ(picot_timer_cancel(loop, &timer), 0);
    }
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

/* ---- signals --------------------------------------------------------------------------------- */

static volatile sig_atomic_t ticks;

static void on_tick(int number)
{
    (void)number;
    ticks++;
}

/*
 * A thousand interruptions per second, of system calls that restart and that do not: nobody notices. The hold makes
 * "sim" wait in real time.
 */
static void interrupted_waits(void)
{
    picot_loop *loop = tap_loop();
    for (int restart = 0; restart < 2; restart++) {
        struct sigaction action = {.sa_handler = on_tick, .sa_flags = restart ? SA_RESTART : 0}, old;
        struct itimerval every_ms = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
        char got[8];
        struct recorded idle = {0}, it = {0};
        struct stream stream = open_stream(loop, (unsigned)restart);
        ticks = 0;
        CHECK_EQ(sigaction(SIGALRM, &action, &old), 0);
        CHECK_EQ(setitimer(ITIMER_REAL, &every_ms, NULL), 0);
        picot_op_recv(&idle.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &idle), 0);
        picot_op_timeout(&it.op, 200 * PICOT_MS);
        int64_t begin = clock_now();
        (void)picot_loop_update_now(loop);
        CHECK_EQ(picot_loop_hold(loop), 0);
        CHECK_EQ(perform(loop, &it), 0);
        CHECK_EQ(picot_loop_unhold(loop), 0);
        int64_t took = clock_now() - begin;
        CHECK(took >= 200 * PICOT_MS && took < 2000 * PICOT_MS);
        CHECK(!completed(&idle));
        CHECK(ticks > 10);
        CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
        CHECK_EQ(sigaction(SIGALRM, &old, NULL), 0);
        peer_send(stream.theirs, "ok", 2);
        CHECK_EQ(finish(loop, &idle), 2);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"timer: order of deadline and setting", order_of_deadline_and_setting, TAP_BACKENDS},
    {"timer: never early", never_early, TAP_BACKENDS},
    {"timer: waits calmly", waits_calmly, TAP_BACKENDS},
    {"timer: moved and cancelled", moved, TAP_BACKENDS},
    {"timer: cancelled in the turn it is due", cancelled_in_the_turn_it_is_due, TAP_BACKENDS},
    {"timer: zero is the next turn", zero_delay_is_the_next_turn, TAP_BACKENDS},
    {"timer: freed in its own callback", freed_in_its_own_callback, TAP_BACKENDS},
    {"timer: huge delays", huge_delays, TAP_BACKENDS},
    {"timeout: the operation", timeout_operation, TAP_BACKENDS},
    {"timeout: races with data", limit_races_with_data, TAP_BACKENDS},
    {"signals: interrupted waits", interrupted_waits, TAP_BACKENDS},
};

TAP_MAIN(cases)
