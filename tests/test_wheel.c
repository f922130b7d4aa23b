/* SPDX-License-Identifier: MIT
 *
 * test_wheel.c - the timing wheel against a sorted array, over millions of random steps; then the timers on top of it.
 *
 * After every step the wheel must hand out exactly the prefix of the sorted array that is due: nothing early, nothing
 * lost, ordered by (deadline, order of adding). PICOT_TEST_SEED repeats a run.
 */
#include "../loop/internal.h"
#include "tap.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(PICOT_DEBUG)
#define STEPS 600000
#else
#define STEPS 3000000
#endif
#define ITEMS 512

struct item {
    struct picot_wheel_node node;
    uint64_t sequence; /* order of adding */
};

/* The wheel under test, and the same content in order. */
struct model {
    struct picot__wheel wheel;
    struct item items[ITEMS];
    struct item *sorted[ITEMS];
    size_t count;
    int64_t now_ns, last_deadline_ns;
    uint64_t sequence, random;
    size_t fired, step;
};

static uint64_t test_seed; /* of the case's process; shown when a check fails */

#define MODEL_CHECK(cond)                                                                                              \
    ((cond) ? (void)0                                                                                                  \
            : tap_fail(__FILE__, __LINE__, "%s, PICOT_TEST_SEED=%" PRIu64 ", step %zu", #cond, test_seed, m->step))

static uint64_t random_next(struct model *m)
{
    uint64_t z = m->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t random_below(struct model *m, uint64_t limit)
{
    return random_next(m) % limit;
}

static bool is_before(const struct item *a, const struct item *b)
{
    if (a->node.deadline_ns != b->node.deadline_ns) return a->node.deadline_ns < b->node.deadline_ns;
    return a->sequence < b->sequence;
}

/* How many entries of the sorted array come before the item. */
static size_t place_of(const struct model *m, const struct item *item)
{
    size_t low = 0, high = m->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (is_before(m->sorted[middle], item))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void model_add(struct model *m, struct item *item, int64_t deadline_ns)
{
    size_t place;

    item->node.deadline_ns = m->last_deadline_ns = deadline_ns;
    item->sequence = m->sequence++;
    place = place_of(m, item);
    memmove(m->sorted + place + 1, m->sorted + place, (m->count - place) * sizeof m->sorted[0]);
    m->sorted[place] = item;
    m->count++;
    picot__wheel_add(&m->wheel, &item->node);
}

static void model_remove(struct model *m, struct item *item)
{
    size_t place;

    picot__wheel_remove(&m->wheel, &item->node);
    MODEL_CHECK(!item->node.next);
    place = place_of(m, item);
    MODEL_CHECK(place < m->count && m->sorted[place] == item);
    m->count--;
    memmove(m->sorted + place, m->sorted + place + 1, (m->count - place) * sizeof m->sorted[0]);
}

static int64_t add_clamped(int64_t time_ns, int64_t delta_ns)
{
    int64_t sum;

    if (!__builtin_add_overflow(time_ns, delta_ns, &sum)) return sum;
    return delta_ns < 0 ? INT64_MIN : INT64_MAX;
}

/* A number of random magnitude. */
static int64_t random_span(struct model *m, unsigned bits)
{
    return (int64_t)(random_next(m) >> 1 >> (63 - random_below(m, bits)));
}

static int64_t random_deadline(struct model *m)
{
    switch (random_below(m, 16)) {
    case 0:
        return m->last_deadline_ns; /* equals stay in the order of adding */
    case 1:
        return m->last_deadline_ns ^ 1;
    case 2:
        return m->now_ns;
    case 3:
        return add_clamped(m->now_ns, -random_span(m, 20));
    case 4:
        return random_below(m, 8) ? add_clamped(m->now_ns, -random_span(m, 62)) : INT64_MIN;
    case 5:
        return random_below(m, 8) ? add_clamped(m->now_ns, random_span(m, 62)) : INT64_MAX - 1;
    case 6:
        return random_below(m, 8) ? add_clamped(m->now_ns, random_span(m, 50)) : PICOT_NEVER;
    case 7:
        return add_clamped(m->now_ns | 0xfffff, 1); /* the first of a higher level's slot */
    case 8:
    case 9:
        return add_clamped(m->now_ns, (int64_t)random_below(m, 3000));
    default:
        return add_clamped(m->now_ns, random_span(m, 32));
    }
}

static void add_some(struct model *m)
{
    struct item *item = &m->items[random_below(m, ITEMS)];

    if (item->node.next) model_remove(m, item); /* a timer that is set anew */
    model_add(m, item, random_deadline(m));
}

static void remove_some(struct model *m)
{
    struct item *item = &m->items[random_below(m, ITEMS)];

    if (item->node.next)
        model_remove(m, item);
    else
        picot__wheel_remove(&m->wheel, &item->node); /* no effect */
}

static bool is_due(const struct model *m, const struct item *item)
{
    return item->node.deadline_ns <= m->now_ns && item->node.deadline_ns != PICOT_NEVER;
}

/* Expire at now_ns. The callbacks of a turn remove and add: also what is in the list of the due, also to the past. */
static void model_expire(struct model *m)
{
    struct picot__due due;
    struct item *item;
    uint64_t turn_sequence = m->sequence;
    size_t place = 0;

    picot__wheel_expire(&m->wheel, m->now_ns, &due);
    while (picot__due_refill(&due)) {
        item = (struct item *)due.ready.next;
        MODEL_CHECK(is_due(m, item));
        while (place < m->count && m->sorted[place]->sequence >= turn_sequence)
            place++; /* added in this turn: for the next one */
        MODEL_CHECK(place < m->count && m->sorted[place] == item);
        model_remove(m, item);
        m->fired++;
        if (random_below(m, 8) == 0) {
            add_some(m);
            place = 0;
        }
        if (random_below(m, 8) == 0) {
            remove_some(m);
            place = 0;
        }
    }
    for (place = 0; place < m->count && is_due(m, m->sorted[place]); place++)
        MODEL_CHECK(m->sorted[place]->sequence >= turn_sequence);
}

static void check_next(struct model *m)
{
    int64_t next_ns = picot__wheel_next(&m->wheel);

    if (m->count == 0 || m->sorted[0]->node.deadline_ns == PICOT_NEVER)
        MODEL_CHECK(next_ns == PICOT_NEVER);
    else
        MODEL_CHECK(next_ns <= m->sorted[0]->node.deadline_ns);
}

static void check_bitmaps(struct model *m)
{
    for (unsigned level = 0; level < PICOT__WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < PICOT__WHEEL_SLOTS; slot++) {
            const struct picot_wheel_node *list = &m->wheel.slots[level][slot];

            MODEL_CHECK((m->wheel.occupied[level] >> slot & 1) == (list->next != list));
        }
    }
}

/* As an idle loop does: sleep until the wheel's next time. It reaches the first deadline in a few turns, not before it.
 */
static void sleep_until_one_fires(struct model *m)
{
    int64_t first_ns = m->count ? m->sorted[0]->node.deadline_ns : PICOT_NEVER;
    size_t fired = m->fired;

    if (first_ns == PICOT_NEVER) return;
    for (int turns = 0; m->fired == fired; turns++) {
        int64_t next_ns = picot__wheel_next(&m->wheel);

        MODEL_CHECK(turns <= PICOT__WHEEL_LEVELS + 1);
        MODEL_CHECK(next_ns <= first_ns);
        if (next_ns > m->now_ns) m->now_ns = next_ns;
        model_expire(m);
    }
}

static void advance_some(struct model *m)
{
    int64_t before_ns = m->now_ns;

    switch (random_below(m, 16)) {
    case 0:
        sleep_until_one_fires(m);
        break;
    case 1:
        m->now_ns = add_clamped(m->now_ns, -random_span(m, 40)); /* a clock seen going back */
        model_expire(m);
        m->now_ns = before_ns;
        break;
    case 2:
        m->now_ns = add_clamped(m->now_ns, random_span(m, random_below(m, 64) ? 44 : 63));
        break;
    case 3:
        break;
    case 4:
    case 5:
    case 6:
        m->now_ns = add_clamped(m->now_ns, random_span(m, 30));
        break;
    default:
        m->now_ns = add_clamped(m->now_ns, (int64_t)random_below(m, 5000));
    }
    model_expire(m);
    check_next(m);
}

static void model_start(struct model *m)
{
    static const int64_t starts_ns[] = {0, 1, 1000 * PICOT_SECOND, 12345678901234567, -5 * PICOT_SECOND, INT64_MIN};

    for (size_t i = 0; i < ITEMS; i++)
        picot__wheel_remove(&m->wheel, &m->items[i].node);
    m->count = 0;
    m->now_ns = starts_ns[random_below(m, sizeof starts_ns / sizeof starts_ns[0])];
    picot__wheel_init(&m->wheel, m->now_ns);
}

static void random_steps(void)
{
    const char *given = getenv("PICOT_TEST_SEED");
    struct model *m = calloc(1, sizeof *m);

    CHECK(m);
    test_seed = m->random = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    tap_note("PICOT_TEST_SEED=%" PRIu64, test_seed);
    picot__wheel_init(&m->wheel, 0);
    for (m->step = 0; m->step < STEPS; m->step++) {
        uint64_t kind = random_below(m, 8);

        if (m->now_ns > INT64_MAX / 2 ? m->step % 256 == 0 : m->step % 65536 == 0) model_start(m);
        if (kind < 4)
            add_some(m);
        else if (kind < 6)
            remove_some(m);
        else
            advance_some(m);
        if (m->step % 1024 == 0) check_bitmaps(m);
    }
    CHECK(m->fired > STEPS / 8);
    tap_note("%zu steps, %zu fired", m->step, m->fired);
    free(m);
}

/* ---- named cases ----------------------------------------------------------------------------- */

/* 35 minutes, 25 days, 50 days, the last nanosecond: fired once, in order, by a loop that sleeps until the next. */
static void long_delays(void)
{
    static const int64_t delays_ns[] = {
        0, 1, 1023, 1024, 2100 * PICOT_SECOND, 25 * 86400 * PICOT_SECOND, 50 * 86400 * PICOT_SECOND, INT64_MAX - 1,
    };
    enum { COUNT = sizeof delays_ns / sizeof delays_ns[0] };
    struct picot_wheel_node nodes[COUNT + 1] = {{0}};
    struct picot__wheel wheel;
    struct picot__due due;
    int64_t now_ns = 0;

    picot__wheel_init(&wheel, now_ns);
    for (int i = 0; i < COUNT; i++) {
        nodes[i].deadline_ns = delays_ns[i];
        picot__wheel_add(&wheel, &nodes[i]);
    }
    nodes[COUNT].deadline_ns = PICOT_NEVER;
    picot__wheel_add(&wheel, &nodes[COUNT]);
    for (int i = 0; i < COUNT;) {
        now_ns = picot__wheel_next(&wheel);
        CHECK_EQ(now_ns, delays_ns[i]);
        picot__wheel_expire(&wheel, now_ns, &due);
        for (; picot__due_refill(&due); i++) {
            CHECK(due.ready.next == &nodes[i]);
            picot__wheel_remove(&wheel, due.ready.next);
        }
    }
    CHECK_EQ(picot__wheel_next(&wheel), PICOT_NEVER);
    picot__wheel_expire(&wheel, PICOT_NEVER, &due);
    CHECK(!picot__due_refill(&due) && nodes[COUNT].next);
    picot__wheel_remove(&wheel, &nodes[COUNT]);
    CHECK(!nodes[COUNT].next);
}

/* A hundred thousand in falling order, and one jump over all of them: sorted, equals in the order of adding. */
static void one_jump_over_many(void)
{
    enum { COUNT = 100000 };
    struct picot_wheel_node *nodes = calloc(COUNT, sizeof *nodes), *node, *last = NULL;
    struct picot__wheel wheel;
    struct picot__due due;
    int count = 0;

    CHECK(nodes);
    picot__wheel_init(&wheel, 0);
    for (int i = 0; i < COUNT; i++) {
        nodes[i].deadline_ns = (COUNT - i) / 4 * 777;
        picot__wheel_add(&wheel, &nodes[i]);
    }
    picot__wheel_expire(&wheel, 3600 * PICOT_SECOND, &due);
    for (; picot__due_refill(&due); count++) {
        node = due.ready.next;
        CHECK(!last || last->deadline_ns < node->deadline_ns ||
              (last->deadline_ns == node->deadline_ns && last < node));
        last = node;
        picot__wheel_remove(&wheel, node);
    }
    CHECK_EQ(count, COUNT);
    free(nodes);
}

enum { MANY = 20000 };

/* All that is due fires in order, while half of the others are taken out. Equals: in the order of adding.
 */
static void fire_many(struct model *m, struct item *items, int64_t now_ns)
{
    struct picot__due due;
    size_t left = MANY, fired = 0;
    int64_t last_ns = INT64_MIN;
    uint64_t last = 0;

    picot__wheel_expire(&m->wheel, now_ns, &due);
    while (picot__due_refill(&due)) {
        struct item *item = (struct item *)due.ready.next, *other = &items[random_below(m, MANY)];

        CHECK(item->node.deadline_ns > last_ns || (item->node.deadline_ns == last_ns && item->sequence > last));
        last_ns = item->node.deadline_ns;
        last = item->sequence;
        CHECK(picot__due_take(&due) == &item->node);
        fired++;
        left--;
        if (!other->node.next || random_below(m, 2)) continue;
        picot__wheel_remove(&m->wheel, &other->node);
        left--;
    }
    CHECK_EQ(left, 0);
    CHECK(fired > MANY / 2);
    CHECK_EQ(picot__wheel_next(&m->wheel), PICOT_NEVER);
}

/* Jumps over many at once, of all lengths, into slots that hold thousands; and half of them are taken out meanwhile. */
static void jumps_over_all_levels(void)
{
    struct item *items = calloc(MANY, sizeof *items);
    struct model m = {.random = 5};

    CHECK(items);
    for (int bits = 12; bits < 63; bits++) {
        int64_t start_ns = (int64_t)random_below(&m, UINT64_C(1) << 61), limit_ns = INT64_C(1) << bits;

        if (bits > 60) start_ns = 0;
        picot__wheel_init(&m.wheel, start_ns);
        for (size_t i = 0; i < MANY; i++) {
            items[i].sequence = i;
            items[i].node.deadline_ns =
                start_ns + (int64_t)random_below(&m, (uint64_t)limit_ns) / (1 + i % 3) * (1 + i % 3);
            picot__wheel_add(&m.wheel, &items[i].node);
        }
        fire_many(&m, items, start_ns + limit_ns);
    }
    free(items);
}

/* The same with crowds: most are due within a few ticks, at up to three far times, others anywhere. */
static void jumps_over_crowds(void)
{
    struct item *items = calloc(MANY, sizeof *items);
    struct model m = {.random = 7};

    CHECK(items);
    for (int bits = 14; bits < 62; bits++) {
        uint64_t limit = UINT64_C(1) << bits, width = UINT64_C(1) << random_below(&m, 14),
                 crowds = 1 + random_below(&m, 3), places[3];

        for (int i = 0; i < 3; i++)
            places[i] = random_below(&m, limit - width);
        picot__wheel_init(&m.wheel, 0);
        for (size_t i = 0; i < MANY; i++) {
            uint64_t place = places[random_below(&m, crowds)] + random_below(&m, width);

            items[i].sequence = i;
            items[i].node.deadline_ns = (int64_t)(i % 16 ? place : random_below(&m, limit));
            picot__wheel_add(&m.wheel, &items[i].node);
        }
        fire_many(&m, items, (int64_t)limit);
    }
    free(items);
}

/* ---- timers ---------------------------------------------------------------------------------- */

/* Writes down the order in which its timers fire. */
struct order {
    picot_timer timers[8];
    char fired[32];
    size_t count;
    int64_t earliest_ns;
};

static void write_down(picot_loop *loop, void *user)
{
    struct order *order = user;
    char name = '?';

    for (int i = 0; i < 8; i++) {
        picot_timer *timer = &order->timers[i];

        /* The one that fires is the one that was armed and is not any more. */
        if (timer->fn && picot_timer_deadline(timer) == PICOT_NEVER) {
            name = (char)('a' + i);
            timer->fn = NULL;
        }
    }
    CHECK(picot_loop_now(loop) >= order->earliest_ns);
    CHECK(order->count < sizeof order->fired - 1);
    order->fired[order->count++] = name;
}

static void timers_fire_in_order(void)
{
    picot_loop *loop = tap_loop();
    struct order order = {.count = 0};
    int64_t now_ns = picot_loop_now(loop), base_ns = now_ns + 2 * PICOT_MS;

    order.earliest_ns = INT64_MIN;
    CHECK_EQ(picot_call_at(loop, &order.timers[0], base_ns + 5, write_down, &order), 0);
    CHECK_EQ(picot_call_at(loop, &order.timers[1], base_ns + 3, write_down, &order), 0);
    CHECK_EQ(picot_call_at(loop, &order.timers[2], base_ns + 5, write_down, &order), 0);
    CHECK_EQ(picot_call_at(loop, &order.timers[3], base_ns - PICOT_MS, write_down, &order), 0);
    CHECK_EQ(picot_call_at(loop, &order.timers[4], -7, write_down, &order), 0);
    CHECK_EQ(picot_call_later(loop, &order.timers[5], 0, write_down, &order), 0);
    CHECK_EQ(picot_call_at(loop, &order.timers[6], base_ns, write_down, &order), 0);
    CHECK_EQ(picot_call_at(loop, &order.timers[6], base_ns + 5, write_down, &order), 0); /* moved, to the end */
    CHECK_EQ(picot_call_later(loop, &order.timers[7], PICOT_NEVER, write_down, &order), 0);
    CHECK_EQ(picot_loop_pending(loop), 8);
    CHECK_EQ(picot_timer_deadline(&order.timers[6]), base_ns + 5);
    CHECK_EQ(picot_timer_deadline(&order.timers[7]), PICOT_NEVER);
    CHECK_EQ(picot_timer_cancel(loop, &order.timers[7]), 0);
    CHECK_EQ(picot_timer_cancel(loop, &order.timers[7]), 0);
    order.timers[7].fn = NULL;
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_STR(order.fired, "efdbacg");
    CHECK(picot_loop_now(loop) >= base_ns + 5);
    tap_loop_end(loop);
}

static void timers_reject(void)
{
    picot_loop *loop = tap_loop();
    picot_timer timer = PICOT_TIMER_INIT;
    struct order order = {.count = 0};

    CHECK_EQ(picot_call_later(loop, &timer, -1, write_down, &order), -EINVAL);
    CHECK_EQ(picot_call_later(loop, &timer, INT64_MIN, write_down, &order), -EINVAL);
#ifndef PICOT_DEBUG
    CHECK_EQ(picot_call_later(loop, NULL, 1, write_down, &order), -EINVAL);
    CHECK_EQ(picot_call_later(loop, &timer, 1, NULL, &order), -EINVAL);
    CHECK_EQ(picot_call_later(NULL, &timer, 1, write_down, &order), -EINVAL);
    CHECK_EQ(picot_call_at(NULL, &timer, 1, write_down, &order), -EINVAL);
    CHECK_EQ(picot_call_at(loop, NULL, 1, write_down, &order), -EINVAL);
    CHECK_EQ(picot_timer_cancel(NULL, &timer), -EINVAL);
    CHECK_EQ(picot_timer_cancel(loop, NULL), -EINVAL);
#endif
    CHECK_EQ(picot_timer_deadline(NULL), PICOT_NEVER);
    CHECK_EQ(picot_timer_cancel(loop, &timer), 0);
    CHECK_EQ(picot_call_later(loop, &timer, INT64_MAX - 1, write_down, &order), 0); /* past the end of time */
    CHECK_EQ(picot_timer_deadline(&timer), PICOT_NEVER);
    CHECK_EQ(picot_timer_cancel(loop, &timer), 0);
    CHECK_EQ(picot_loop_pending(loop), 0);
    tap_loop_end(loop);
}

/* A timer that sets itself with 0 lets everything else have its turns. */
struct rearming {
    picot_timer timer, end;
    int fired, until;
};

static void fire_again(picot_loop *loop, void *user)
{
    struct rearming *r = user;

    r->fired++;
    if (r->fired < r->until) CHECK_EQ(picot_call_later(loop, &r->timer, 0, fire_again, r), 0);
}

static void zero_delay_gives_turns(void)
{
    picot_loop *loop = tap_loop();
    struct rearming r = {.until = 100};

    CHECK_EQ(picot_call_later(loop, &r.timer, 0, fire_again, &r), 0);
    for (int turn = 1; turn <= r.until; turn++) {
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), turn < r.until);
        CHECK_EQ(r.fired, turn);
    }
    tap_loop_end(loop);
}

static void cancel_both(picot_loop *loop, void *user)
{
    struct rearming *r = user;

    r->fired++;
    CHECK_EQ(picot_timer_cancel(loop, &r->timer), 0);
    CHECK_EQ(picot_timer_cancel(loop, &r->end), 0);
}

/* Two due in the same turn, and the first cancels the second: it does not fire. */
static void cancel_within_the_turn(void)
{
    picot_loop *loop = tap_loop();
    struct rearming r = {.until = 0};

    CHECK_EQ(picot_call_later(loop, &r.timer, 1000, cancel_both, &r), 0);
    CHECK_EQ(picot_call_later(loop, &r.end, 1000, cancel_both, &r), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(r.fired, 1);
    tap_loop_end(loop);
}

static void free_itself(picot_loop *loop, void *user)
{
    picot_timer *timer = user;

    CHECK_EQ(picot_timer_cancel(loop, timer), 0); /* no effect: it fires */
    free(timer);
}

static void freed_in_its_callback(void)
{
    picot_loop *loop = tap_loop();

    for (int i = 0; i < 100; i++) {
        picot_timer *timer = calloc(1, sizeof *timer);

        CHECK(timer);
        CHECK_EQ(picot_call_later(loop, timer, i * 10 * PICOT_US, free_itself, timer), 0);
    }
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"random steps against a sorted array", random_steps, 0},
    {"delays up to the end of time", long_delays, 0},
    {"one jump over many", one_jump_over_many, 0},
    {"jumps over all levels", jumps_over_all_levels, 0},
    {"jumps over crowds", jumps_over_crowds, 0},
    {"timers fire in order", timers_fire_in_order, TAP_BACKENDS},
    {"timers reject bad arguments", timers_reject, 0},
    {"a timer re-armed with 0 gives turns", zero_delay_gives_turns, TAP_BACKENDS},
    {"cancelled by a callback of the same turn", cancel_within_the_turn, TAP_BACKENDS},
    {"freed in its own callback", freed_in_its_callback, TAP_BACKENDS},
};

TAP_MAIN(cases)
