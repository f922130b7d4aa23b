/* SPDX-License-Identifier: MIT
 *
 * seed.c - the order of jobs and of timers with equal deadlines: first in, first out without a seed; with one an order
 * that only the seed decides, on every backend.
 */
#include "support.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

enum { COUNT = 50 };

struct trace {
    unsigned count;
    unsigned char order[2 * COUNT];
};

struct item {
    picot_job job;
    picot_timer timer;
    struct trace *trace;
    struct item *victim;
    unsigned char index;
};

static picot_loop *seeded(uint64_t seed)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.seed = seed;
    picot_loop *loop = loop_with(&options);
    CHECK_EQ(picot_loop_seed(loop), seed);
    return loop;
}

static void note(picot_loop *loop, void *user)
{
    struct item *item = user;
    item->trace->order[item->trace->count++] = item->index;
    if (!item->victim) return;
    CHECK_EQ(picot_job_cancel(loop, &item->victim->job), 0);
    CHECK_EQ(picot_timer_cancel(loop, &item->victim->timer), 0);
}

static struct item *items_new(struct trace *trace)
{
    struct item *items = calloc(COUNT, sizeof *items);
    CHECK(items != NULL);
    memset(trace, 0, sizeof *trace);
    for (unsigned i = 0; i < COUNT; i++) {
        items[i].trace = trace;
        items[i].index = (unsigned char)i;
    }
    return items;
}

/* All once. */
static void check_complete(const struct trace *trace, unsigned times)
{
    unsigned seen[COUNT] = {0};
    CHECK_EQ(trace->count, COUNT * times);
    for (unsigned i = 0; i < trace->count; i++)
        seen[trace->order[i]]++;
    for (unsigned i = 0; i < COUNT; i++)
        CHECK_EQ(seen[i], times);
}

static struct trace jobs_with(uint64_t seed)
{
    struct trace trace;
    picot_loop *loop = seeded(seed);
    struct item *items = items_new(&trace);
    for (unsigned i = 0; i < COUNT; i++)
        CHECK_EQ(picot_call_soon(loop, &items[i].job, note, &items[i]), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    for (unsigned i = 0; i < COUNT; i++)
        CHECK_EQ(picot_call_soon(loop, &items[i].job, note, &items[i]), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    check_complete(&trace, 2);
    free(items);
    tap_loop_end(loop);
    return trace;
}

/* Five deadlines, ten timers each: the order of the deadlines is kept. */
static struct trace timers_with(uint64_t seed)
{
    struct trace trace;
    picot_loop *loop = seeded(seed);
    struct item *items = items_new(&trace);
    int64_t begin = picot_loop_update_now(loop);
    for (unsigned i = 0; i < COUNT; i++)
        CHECK_EQ(picot_call_at(loop, &items[i].timer, begin + 10000 + i % 5, note, &items[i]), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    check_complete(&trace, 1);
    for (unsigned i = 1; i < COUNT; i++)
        CHECK(trace.order[i] % 5 >= trace.order[i - 1] % 5);
    free(items);
    tap_loop_end(loop);
    return trace;
}

static bool same(const struct trace *a, const struct trace *b)
{
    return a->count == b->count && memcmp(a->order, b->order, a->count) == 0;
}

static void check_orders(struct trace (*run)(uint64_t seed), bool (*is_plain)(const struct trace *))
{
    struct trace plain = run(0), first = run(1), again = run(1), other = run(2), high = run(UINT64_MAX);
    CHECK(is_plain(&plain));
    CHECK(same(&first, &again));
    CHECK(!same(&first, &plain) && !same(&first, &other) && !same(&other, &plain) && !same(&high, &first));
}

static bool in_order(const struct trace *trace)
{
    for (unsigned i = 0; i < trace->count; i++)
        if (trace->order[i] != i % COUNT) return false;
    return true;
}

static bool in_order_of_deadline(const struct trace *trace)
{
    for (unsigned i = 0; i < trace->count; i++)
        if (trace->order[i] != i / 10 + i % 10 * 5) return false;
    return true;
}

static void jobs(void)
{
    check_orders(jobs_with, in_order);
    struct trace twice = jobs_with(7);
    CHECK(memcmp(twice.order, twice.order + COUNT, COUNT) != 0); /* each batch anew */
}

static void timers(void)
{
    check_orders(timers_with, in_order_of_deadline);
}

/* Who runs first takes the other one out, of the shuffled list, too. */
static void cancelled_by_each_other(void)
{
    unsigned first = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct trace trace;
        picot_loop *loop = seeded(seed);
        struct item *items = items_new(&trace);
        int64_t begin = picot_loop_update_now(loop);
        for (unsigned i = 0; i < 2; i++) {
            items[i].victim = &items[1 - i];
            CHECK_EQ(picot_call_soon(loop, &items[i].job, note, &items[i]), 0);
        }
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        for (unsigned i = 0; i < 2; i++)
            CHECK_EQ(picot_call_at(loop, &items[i].timer, begin, note, &items[i]), 0);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        CHECK_EQ(trace.count, 2);
        first += trace.order[0] == 0;
        free(items);
        tap_loop_end(loop);
    }
    CHECK(first > 5 && first < 35);
}

/* Of three jobs each of the six orders comes about as often. */
static void every_order(void)
{
    enum { ROUNDS = 1200 };
    unsigned seen[3][3] = {{0}};
    struct trace trace;
    picot_loop *loop = seeded(12345);
    struct item *items = items_new(&trace);
    for (int round = 0; round < ROUNDS; round++) {
        trace.count = 0;
        for (unsigned i = 0; i < 3; i++)
            CHECK_EQ(picot_call_soon(loop, &items[i].job, note, &items[i]), 0);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        seen[trace.order[0]][trace.order[1]]++;
    }
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            CHECK(i == j ? seen[i][j] == 0 : seen[i][j] > ROUNDS / 6 / 2 && seen[i][j] < ROUNDS / 6 * 2);
    free(items);
    tap_loop_end(loop);
}

/* ---- where it comes from --------------------------------------------------------------------- */

static uint64_t seed_of_environment(const char *text, uint64_t option)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    CHECK_EQ(setenv("PICOT_SEED", text, 1), 0);
    options.seed = option;
    picot_loop *loop = loop_with(&options);
    uint64_t seed = picot_loop_seed(loop);
    tap_loop_end(loop);
    return seed;
}

static void environment(void)
{
    static const char *const bad[] = {"x", "0x10", "-1", "1 ", "18446744073709551616", "99999999999999999999"};
    CHECK_EQ(picot_loop_seed(NULL), 0);
    CHECK_EQ(seed_of_environment("77", 0), 77);
    CHECK_EQ(seed_of_environment("77", 5), 5);
    CHECK_EQ(seed_of_environment("0", 0), 0);
    CHECK_EQ(seed_of_environment("", 0), 0);
    CHECK(seed_of_environment("18446744073709551615", 0) == UINT64_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
        picot_loop *loop = (picot_loop *)&loop;
        char why[200] = "";
        options.explanation = why;
        options.explanation_size = sizeof why;
        CHECK_EQ(setenv("PICOT_SEED", bad[i], 1), 0);
        CHECK_EQ(picot_loop_create(&options, &loop), -EINVAL);
        CHECK(loop == (picot_loop *)&loop);
        CHECK(strstr(why, "PICOT_SEED") && strstr(why, bad[i]));
    }
    CHECK_EQ(unsetenv("PICOT_SEED"), 0);
}

/* A program built before there were seeds. */
static void older_options(void)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    picot_loop *loop;
    options.size = offsetof(picot_loop_options, seed);
    options.seed = 99; /* not its member */
    options.backend = tap_backend();
    int rc = picot_loop_create(&options, &loop);
    if (rc == PICOT_ENOBACKEND) SKIP("not on this kernel");
    CHECK_EQ(rc, 0);
    CHECK_EQ(picot_loop_seed(loop), 0);
    tap_loop_end(loop);
    options.size = sizeof options + 1;
    CHECK_EQ(picot_loop_create(&options, &loop), -EINVAL);
}

static const struct tap_case cases[] = {
    {"seed: jobs", jobs, TAP_BACKENDS},
    {"seed: timers", timers, TAP_BACKENDS},
    {"seed: cancelled by each other", cancelled_by_each_other, TAP_BACKENDS},
    {"seed: every order", every_order, TAP_BACKENDS},
    {"seed: the environment", environment, TAP_BACKENDS},
    {"seed: older options", older_options, TAP_BACKENDS},
};

TAP_MAIN(cases)
