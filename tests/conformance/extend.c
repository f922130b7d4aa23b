/* SPDX-License-Identifier: MIT
 *
 * extend.c - timers that are put off: never early, never lost, once; on "sim" to the nanosecond.
 */
#include "support.h"
#include <errno.h>
#include <picot/metrics.h>
#include <picot/sim.h>
#include <stdlib.h>

struct entry {
    picot_timer timer;
    unsigned fired;
    int64_t wanted_ns, at_ns;
    char name, *trace;
};

static void fired(picot_loop *loop, void *user)
{
    struct entry *entry = user;
    entry->fired++;
    entry->at_ns = picot_loop_now(loop);
    CHECK(entry->at_ns >= entry->wanted_ns);
    CHECK(picot_loop_clock(loop) >= entry->wanted_ns);
    if (strcmp(picot_loop_backend(loop), "sim") == 0) CHECK_EQ(entry->at_ns, entry->wanted_ns);
    CHECK_EQ(picot_timer_deadline(&entry->timer), PICOT_NEVER);
    if (entry->trace) entry->trace[strlen(entry->trace)] = entry->name;
}

static void set(picot_loop *loop, struct entry *entry, int64_t deadline_ns)
{
    entry->wanted_ns = deadline_ns;
    CHECK_EQ(picot_call_at(loop, &entry->timer, deadline_ns, fired, entry), 0);
}

static void extend(picot_loop *loop, struct entry *entry, int64_t deadline_ns)
{
    entry->wanted_ns = deadline_ns;
    CHECK_EQ(picot_timer_extend_at(loop, &entry->timer, deadline_ns), 0);
    CHECK_EQ(picot_timer_deadline(&entry->timer), deadline_ns);
}

static void later_and_earlier(void)
{
    picot_loop *loop = tap_loop();
    struct entry it = {PICOT_TIMER_INIT, 0, 0, 0, 0, NULL};
    for (int i = 0; i < 5; i++) {
        int64_t now_ns = picot_loop_update_now(loop);
        set(loop, &it, now_ns + 2 * PICOT_MS);
        CHECK_EQ(picot_loop_pending(loop), 1);
        if (i != 4) extend(loop, &it, now_ns + 8 * PICOT_MS);
        if (i == 1) extend(loop, &it, now_ns + 4 * PICOT_MS); /* nearer, but behind its place */
        if (i == 2) extend(loop, &it, now_ns + PICOT_MS);     /* before its place */
        if (i == 3) extend(loop, &it, now_ns + 2 * PICOT_MS); /* where it was */
        CHECK_EQ(picot_loop_pending(loop), 1);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        CHECK_EQ(it.fired, (unsigned)i + 1);
    }
    it.wanted_ns = 0;
    CHECK_EQ(picot_timer_extend(loop, &it.timer, PICOT_MS), 0); /* not armed, but set before */
    it.wanted_ns = picot_timer_deadline(&it.timer);
    CHECK_EQ(it.wanted_ns, picot_loop_now(loop) + PICOT_MS);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(it.fired, 6);
    CHECK_EQ(picot_timer_extend(loop, &it.timer, 3600 * PICOT_SECOND), 0);
    CHECK_EQ(picot_timer_cancel(loop, &it.timer), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(it.fired, 6);
    tap_loop_end(loop);
}

/* To the end of time and back. */
static void never_and_back(void)
{
    picot_loop *loop = tap_loop();
    struct entry it = {PICOT_TIMER_INIT, 0, 0, 0, 0, NULL};
    int64_t now_ns = picot_loop_update_now(loop);
    set(loop, &it, now_ns + PICOT_MS);
    CHECK_EQ(picot_timer_extend(loop, &it.timer, PICOT_NEVER), 0);
    CHECK_EQ(picot_timer_deadline(&it.timer), PICOT_NEVER);
    (void)run_for(loop, 3 * PICOT_MS);
    CHECK_EQ(it.fired, 0);
    CHECK_EQ(picot_loop_pending(loop), 1);
    extend(loop, &it, picot_loop_now(loop) + PICOT_MS);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(it.fired, 1);
    CHECK_EQ(picot_timer_extend(loop, &it.timer, INT64_MAX - 1), 0); /* past it */
    CHECK_EQ(picot_timer_deadline(&it.timer), PICOT_NEVER);
    CHECK_EQ(picot_timer_cancel(loop, &it.timer), 0);
    tap_loop_end(loop);
}

/* Each request puts the time-out off: it fires once, after the last one, and what is counted is that. */
static void put_off_by_each_request(void)
{
    picot_loop *loop = tap_loop();
    struct entry it = {PICOT_TIMER_INIT, 0, 0, 0, 0, NULL};
    picot_metrics metrics = PICOT_METRICS_INIT;
    set(loop, &it, picot_loop_update_now(loop) + 5 * PICOT_MS);
    for (int request = 0; request < 10; request++) {
        (void)run_for(loop, 2 * PICOT_MS);
        if (it.fired) break; /* a machine so loaded that 5 ms were over */
        extend(loop, &it, picot_loop_now(loop) + 5 * PICOT_MS);
    }
    if (it.fired == 0) CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(it.fired, 1);
    CHECK_EQ(picot_loop_metrics(loop, &metrics), 0);
    if (tap_is_simulated()) CHECK_EQ(metrics.timers, 11);
    tap_loop_end(loop);
}

/* Equal deadlines: who was put off comes after those set before its former deadline had passed. */
static void order_among_equals(void)
{
    picot_loop *loop = tap_loop();
    char trace[8] = "";
    struct entry entries[4];
    /* Far apart: on a loaded machine a turn may come late, and find all of them due. */
    int64_t base_ns = picot_loop_update_now(loop) + 600 * PICOT_MS;
    for (int i = 0; i < 4; i++)
        entries[i] = (struct entry){PICOT_TIMER_INIT, 0, 0, 0, (char)('a' + i), trace};
    set(loop, &entries[0], base_ns - 500 * PICOT_MS);
    set(loop, &entries[1], base_ns - 300 * PICOT_MS);
    set(loop, &entries[2], base_ns);
    extend(loop, &entries[1], base_ns);
    extend(loop, &entries[0], base_ns);
    set(loop, &entries[3], base_ns);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_STR(trace, "cdab");
    tap_loop_end(loop);
}

struct pair {
    struct entry first, second;
};

static void put_the_other_off(picot_loop *loop, void *user)
{
    struct pair *pair = user;
    extend(loop, &pair->second, picot_loop_now(loop) + PICOT_MS);
    pair->first.fired++;
}

/* In the turn in which both are due: the other one does not fire in it. */
static void within_the_turn(void)
{
    picot_loop *loop = tap_loop();
    struct pair pair = {{PICOT_TIMER_INIT, 0, 0, 0, 0, NULL}, {PICOT_TIMER_INIT, 0, 0, 0, 0, NULL}};
    CHECK_EQ(picot_call_later(loop, &pair.first.timer, 1000, put_the_other_off, &pair), 0);
    CHECK_EQ(picot_call_later(loop, &pair.second.timer, 1000, fired, &pair.second), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK(pair.first.fired == 1 && pair.second.fired == 1);
    tap_loop_end(loop);
}

/* Random steps on many timers, against what each was told last. "sim" checks the exact time of each. */
static void random_steps(void)
{
    enum { COUNT = 64, STEPS = 3000 };
    static struct entry entries[COUNT];
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    picot_loop *loop;
    unsigned expected = 0, happened = 0;
    uint32_t x = 2463534242;
    options.backend = "sim";
    CHECK_EQ(picot_loop_create(&options, &loop), 0);
    for (int step = 0; step < STEPS; step++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        struct entry *entry = &entries[x % COUNT];
        int64_t time_ns = picot_loop_now(loop) + (x >> 6) % 100000 * ((x >> 3) % 8 == 0 ? 1000000 : 100);
        unsigned before = entry->fired;
        bool armed = picot_timer_deadline(&entry->timer) != PICOT_NEVER;
        if (x >> 24 < 100 || !entry->timer.fn)
            set(loop, entry, time_ns);
        else if (x >> 24 < 240)
            extend(loop, entry, time_ns);
        else
            CHECK_EQ(picot_timer_cancel(loop, &entry->timer), 0);
        expected += (x >> 24 < 240 || !before) && !armed;
        expected -= x >> 24 >= 240 && armed && picot_timer_deadline(&entry->timer) == PICOT_NEVER;
        CHECK(picot_sim_run_for(loop, x % 3000000) >= 0);
        for (int i = 0; i < COUNT; i++)
            CHECK(picot_timer_deadline(&entries[i].timer) > picot_loop_now(loop));
    }
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    for (int i = 0; i < COUNT; i++)
        happened += entries[i].fired;
    CHECK_EQ(happened, expected);
    tap_loop_end(loop);
}

static void refusals(void)
{
    picot_loop *loop = tap_loop();
    struct entry it = {PICOT_TIMER_INIT, 0, 0, 0, 0, NULL};
    int64_t deadline_ns = picot_loop_now(loop) + PICOT_SECOND;
#ifndef PICOT_DEBUG
    CHECK_EQ(picot_timer_extend(loop, &it.timer, 1), -EINVAL); /* never set */
    CHECK_EQ(picot_timer_extend_at(loop, &it.timer, 1), -EINVAL);
    CHECK_EQ(picot_timer_extend(loop, NULL, 1), -EINVAL);
    CHECK_EQ(picot_timer_extend_at(loop, NULL, 1), -EINVAL);
#endif
    CHECK_EQ(picot_timer_extend(NULL, &it.timer, 1), -EINVAL);
    CHECK_EQ(picot_timer_extend_at(NULL, &it.timer, 1), -EINVAL);
    set(loop, &it, deadline_ns);
    CHECK_EQ(picot_timer_extend(loop, &it.timer, -1), -EINVAL);
    CHECK_EQ(picot_timer_deadline(&it.timer), deadline_ns);
    CHECK_EQ(picot_timer_cancel(loop, &it.timer), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"extend: later and earlier", later_and_earlier, TAP_BACKENDS},
    {"extend: never and back", never_and_back, TAP_BACKENDS},
    {"extend: put off by each request", put_off_by_each_request, TAP_BACKENDS},
    {"extend: order among equals", order_among_equals, TAP_BACKENDS},
    {"extend: within the turn", within_the_turn, TAP_BACKENDS},
    {"extend: random steps", random_steps, 0},
    {"extend: refusals", refusals, TAP_BACKENDS},
};

TAP_MAIN(cases)
