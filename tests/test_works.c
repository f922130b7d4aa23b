/* SPDX-License-Identifier: MIT
 *
 * test_works.c - many calls from a plain thread: waiting for some, taking them as they end, mapping a function.
 */
#include "executor_support.h"

#include <picot/works.h>
#include <sched.h>
#include <stdlib.h>

/* ---- wait and as they are done ------------------------------------------------------------------- */

static int64_t give_back(picot_worker *worker, void *arg)
{
    (void)worker;
    return (int64_t)(intptr_t)arg;
}

static void start(picot_executor *pool, picot_work *work, picot_work_fn *fn, void *arg)
{
    *work = (picot_work)PICOT_WORK_INIT;
    picot_work_call(work, fn, arg);
    CHECK_EQ(picot_executor_submit(pool, work), 0);
}

static void waits_for_some(void)
{
    picot_executor *pool = pool_with(3, NULL);
    struct gate gate = GATE_INIT;
    picot_work held, quick, bad;
    picot_work *all[] = {&held, &quick, &held, &bad}; /* one twice */
    gate_submit(pool, &held, &gate);
    start(pool, &quick, give_back, (void *)3);
    CHECK_EQ(picot_work_wait(&quick, PICOT_NEVER), 0);
    CHECK_EQ(picot_works_wait(all, 3, PICOT_WORKS_FIRST, PICOT_NEVER), 1);
    CHECK_EQ(picot_works_wait(all, 3, PICOT_WORKS_ALL, 0), 1);
    CHECK_EQ(picot_works_wait(all, 3, PICOT_WORKS_ALL, PICOT_MS), 1); /* the time is over */
    start(pool, &bad, give_back, (void *)-5);
    CHECK_EQ(picot_work_wait(&bad, PICOT_NEVER), 0);
    CHECK_EQ(picot_works_wait(all, 4, PICOT_WORKS_FIRST_FAILURE, PICOT_NEVER), 2);
    gate_release(&gate);
    CHECK_EQ(picot_works_wait(all, 4, PICOT_WORKS_ALL, PICOT_NEVER), 3);
    CHECK_EQ(held.result, 7);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

static void misuse_is_refused(void)
{
    picot_work work = PICOT_WORK_INIT, *all[] = {&work, NULL};
    picot_works_done *done = NULL;
    CHECK_EQ(picot_works_wait(all, 0, PICOT_WORKS_ALL, 0), -EINVAL);
    CHECK_EQ(picot_works_wait(NULL, 1, PICOT_WORKS_ALL, 0), -EINVAL);
    CHECK_EQ(picot_works_wait(all, 1, PICOT_WORKS_ALL, 0), -EINVAL); /* never submitted */
    CHECK_EQ(picot_works_wait(all, 2, PICOT_WORKS_ALL, 0), -EINVAL);
    CHECK_EQ(picot_works_wait(all, 1, PICOT_WORKS_ALL, -1), -EINVAL);
    CHECK_EQ(picot_works_wait(all, 1, (enum picot_works_until)7, 0), -EINVAL);
    CHECK_EQ(picot_works_done_begin(all, 1, &done), -EINVAL);
    CHECK(!done);
    CHECK_EQ(picot_works_done_begin(NULL, 0, &done), 0);
    picot_work *first;
    CHECK_EQ(picot_works_done_next(done, 0, NULL), -EINVAL);
    CHECK_EQ(picot_works_done_next(done, 0, &first), PICOT_ECLOSED);
    picot_works_done_end(done);
    picot_works_done_end(NULL);
}

static void each_comes_out_once(void)
{
    enum { CALLS = 500 };
    static picot_work works[CALLS];
    static picot_work *all[CALLS];
    static int seen[CALLS];
    picot_executor *pool = pool_with(3, NULL);
    picot_works_done *done;
    picot_work *work;
    for (int i = 0; i < CALLS; i++) {
        all[i] = &works[i];
        start(pool, all[i], give_back, (void *)(intptr_t)i);
    }
    CHECK_EQ(picot_works_done_begin(all, CALLS, &done), 0);
    for (int i = 0; i < CALLS; i++) {
        CHECK_EQ(picot_works_done_next(done, PICOT_NEVER, &work), 0);
        CHECK_EQ(picot_work_state(work), PICOT_WORK_DONE);
        CHECK_EQ(++seen[work->result], 1);
    }
    CHECK_EQ(picot_works_done_next(done, PICOT_NEVER, &work), PICOT_ECLOSED);
    picot_works_done_end(done);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

static void may_be_ended_early(void)
{
    picot_executor *pool = pool_with(2, NULL);
    for (int round = 0; round < 200; round++) {
        picot_work works[8], *all[8], *work;
        picot_works_done *done;
        for (int i = 0; i < 8; i++)
            start(pool, all[i] = &works[i], give_back, NULL);
        CHECK_EQ(picot_works_done_begin(all, 8, &done), 0);
        for (int i = 0; i < round % 8; i++)
            CHECK_EQ(picot_works_done_next(done, PICOT_NEVER, &work), 0);
        picot_works_done_end(done);
        CHECK_EQ(picot_works_wait(all, 8, PICOT_WORKS_ALL, PICOT_NEVER), 8);
    }
    struct gate gate = GATE_INIT;
    picot_work held, *one[] = {&held}, *work;
    picot_works_done *done;
    gate_submit(pool, &held, &gate);
    CHECK_EQ(picot_works_done_begin(one, 1, &done), 0);
    CHECK_EQ(picot_works_done_next(done, 0, &work), -ETIMEDOUT);
    CHECK_EQ(picot_works_done_next(done, PICOT_MS, &work), -ETIMEDOUT);
    picot_works_done_end(done);
    gate_release(&gate);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

/* ---- map ----------------------------------------------------------------------------------------- */

static int64_t square(picot_worker *worker, const void *item, void *ret)
{
    int number = *(const int *)item;
    CHECK(worker);
    *(int64_t *)ret = (int64_t)number * number;
    return number == 13 ? -EDOM : number;
}

static picot_map_options squares(const int *numbers, size_t count, size_t chunk)
{
    picot_map_options options = PICOT_MAP_OPTIONS_INIT;
    options.fn = square;
    options.items = numbers;
    options.count = count;
    options.item_size = sizeof *numbers;
    options.result_size = sizeof(int64_t);
    options.chunk = chunk;
    return options;
}

static const size_t chunk_sizes[] = {0, 1, 2, 7, 100, 1000};
#define CHUNK_SIZES (sizeof chunk_sizes / sizeof *chunk_sizes)

/* The same whatever the chunk size, and however far ahead. */
static void results_come_in_order(void)
{
    enum { ITEMS = 100 };
    int numbers[ITEMS];
    picot_executor *pool = pool_with(3, NULL);
    for (int i = 0; i < ITEMS; i++)
        numbers[i] = 1000 + i;
    for (size_t c = 0; c < 2 * CHUNK_SIZES; c++) {
        picot_map_options options = squares(numbers, ITEMS, chunk_sizes[c / 2]);
        picot_map *map;
        picot_mapped mapped;
        options.ahead = c % 2 ? 2 : 0;
        CHECK_EQ(picot_map_create(pool, &options, &map), 0);
        for (int i = 0; i < ITEMS; i++) {
            CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), 0);
            CHECK_EQ(mapped.index, i);
            CHECK_EQ(mapped.result, numbers[i]);
            CHECK_EQ(*(const int64_t *)mapped.value, (int64_t)numbers[i] * numbers[i]);
        }
        CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), PICOT_ECLOSED);
        CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), PICOT_ECLOSED);
        picot_map_destroy(map);
    }
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

static void unordered_results_come_each_once(void)
{
    enum { ITEMS = 100 };
    int numbers[ITEMS];
    picot_executor *pool = pool_with(3, NULL);
    for (int i = 0; i < ITEMS; i++)
        numbers[i] = 2000 + i;
    for (size_t c = 0; c < 2 * CHUNK_SIZES; c++) {
        picot_map_options options = squares(numbers, ITEMS, chunk_sizes[c / 2]);
        int seen[ITEMS] = {0};
        picot_map *map;
        picot_mapped mapped;
        options.ahead = c % 2 ? 3 : 0;
        options.unordered = 1;
        CHECK_EQ(picot_map_create(pool, &options, &map), 0);
        for (int i = 0; i < ITEMS; i++) {
            CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), 0);
            CHECK_EQ(mapped.result, numbers[mapped.index]);
            CHECK_EQ(++seen[mapped.index], 1);
        }
        CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), PICOT_ECLOSED);
        picot_map_destroy(map);
    }
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

static void a_failure_comes_at_its_place(void)
{
    int numbers[40];
    picot_executor *pool = pool_with(2, NULL);
    picot_map *map;
    picot_mapped mapped;
    for (int i = 0; i < 40; i++)
        numbers[i] = i;
    for (size_t c = 0; c < CHUNK_SIZES; c++) {
        picot_map_options options = squares(numbers, 40, chunk_sizes[c]);
        CHECK_EQ(picot_map_create(pool, &options, &map), 0);
        for (int i = 0; i <= 13; i++) {
            CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), 0);
            CHECK_EQ(mapped.result, i == 13 ? -EDOM : i);
        }
        CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), PICOT_ECLOSED);
        picot_map_destroy(map);
        options.keep_going = 1;
        CHECK_EQ(picot_map_create(pool, &options, &map), 0);
        for (int i = 0; i < 40; i++) {
            CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), 0);
            CHECK_EQ(mapped.result, i == 13 ? -EDOM : i);
        }
        picot_map_destroy(map);
    }
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

/* ---- lazily ---------------------------------------------------------------------------------------- */

struct source {
    int given, end;
    int code; /* after the last one */
};

static int next_number(void *user, void *ret_item)
{
    struct source *source = user;
    if (source->given == source->end) return source->code;
    *(int *)ret_item = 100 + source->given++;
    return 1;
}

static void items_are_drawn_when_needed(void)
{
    picot_executor *pool = pool_with(2, NULL);
    for (size_t chunk = 1; chunk <= 4; chunk++) {
        struct source source = {0, 50, -EIO};
        picot_map_options options = squares(NULL, 0, chunk);
        picot_map *map;
        picot_mapped mapped;
        options.next = next_number;
        options.user = &source;
        options.ahead = 3;
        CHECK_EQ(picot_map_create(pool, &options, &map), 0);
        CHECK_EQ(source.given, 3 * (int)chunk);
        for (int i = 0; i < 50; i++) {
            CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), 0);
            CHECK_EQ(mapped.index, i);
            CHECK_EQ(mapped.result, 100 + i);
            CHECK(source.given <= i + 1 + 4 * (int)chunk);
        }
        CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), 0);
        CHECK_EQ(mapped.index, 50);
        CHECK_EQ(mapped.result, -EIO);
        CHECK(!mapped.value);
        CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), PICOT_ECLOSED);
        picot_map_destroy(map);
    }
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

/* ---- empty, misused, ended early ------------------------------------------------------------------- */

static void empty_and_misused_maps(void)
{
    int numbers[1] = {0};
    picot_executor *pool = pool_with(1, NULL);
    picot_map_options options = squares(NULL, 0, 5);
    picot_map *map = NULL;
    picot_mapped mapped;
    CHECK_EQ(picot_map_create(pool, &options, &map), 0);
    CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), PICOT_ECLOSED);
    CHECK_EQ(picot_map_next(map, -1, &mapped), -EINVAL);
    CHECK_EQ(picot_map_next(map, 0, NULL), -EINVAL);
    picot_map_destroy(map);
    picot_map_destroy(NULL);
    map = NULL;
    CHECK_EQ(picot_map_create(NULL, &options, &map), -EINVAL);
    CHECK_EQ(picot_map_create(pool, NULL, &map), -EINVAL);
    options.count = 1;
    CHECK_EQ(picot_map_create(pool, &options, &map), -EINVAL);
    options = squares(numbers, 1, 1);
    options.item_size = 0;
    CHECK_EQ(picot_map_create(pool, &options, &map), -EINVAL);
    options = squares(numbers, SIZE_MAX, 1);
    options.result_size = SIZE_MAX / 2;
    CHECK_EQ(picot_map_create(pool, &options, &map), -EINVAL);
    options = squares(numbers, 1, 1);
    options.fn = NULL;
    CHECK_EQ(picot_map_create(pool, &options, &map), -EINVAL);
    CHECK(!map);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

static struct gate map_gate = GATE_INIT;
static int mapped_items; /* atomic */

static int64_t enter_gate(picot_worker *worker, const void *item, void *ret)
{
    (void)item;
    (void)ret;
    (void)__atomic_add_fetch(&mapped_items, 1, __ATOMIC_RELAXED);
    gate_enter(&map_gate);
    while (!picot_worker_cancelled(worker))
        (void)sched_yield();
    return 0;
}

static void *open_gate(void *arg)
{
    gate_release(arg);
    return NULL;
}

static void leaving_cancels_what_has_not_begun(void)
{
    int numbers[30] = {0};
    picot_executor *pool = pool_with(1, NULL);
    picot_map_options options = squares(numbers, 30, 3);
    picot_map *map;
    picot_mapped mapped;
    pthread_t helper;
    options.fn = enter_gate;
    options.result_size = 0;
    CHECK_EQ(picot_map_create(pool, &options, &map), 0);
    gate_await(&map_gate, 1);
    CHECK_EQ(picot_map_next(map, 0, &mapped), -ETIMEDOUT);
    CHECK_EQ(picot_map_next(map, PICOT_MS, &mapped), -ETIMEDOUT);
    CHECK_EQ(pthread_create(&helper, NULL, open_gate, &map_gate), 0);
    picot_map_destroy(map);
    CHECK_EQ(pthread_join(helper, NULL), 0);
    CHECK_EQ(mapped_items, 1);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

static void after_a_shutdown_items_are_refused(void)
{
    int numbers[5] = {0, 1, 2, 3, 4};
    picot_executor *pool = pool_with(1, NULL);
    picot_map_options options = squares(numbers, 5, 2);
    picot_map *map;
    picot_mapped mapped;
    CHECK_EQ(picot_executor_shutdown(pool, PICOT_SHUTDOWN_WAIT), 0);
    options.keep_going = 1;
    CHECK_EQ(picot_map_create(pool, &options, &map), 0);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), 0);
        CHECK_EQ(mapped.result, PICOT_ECLOSED);
        CHECK_EQ(mapped.index, i);
    }
    CHECK_EQ(picot_map_next(map, PICOT_NEVER, &mapped), PICOT_ECLOSED);
    picot_map_destroy(map);
    CHECK_EQ(picot_executor_destroy(pool), 0);
}

static const struct tap_case cases[] = {
    {"waits for some", waits_for_some, 0},
    {"misuse is refused", misuse_is_refused, 0},
    {"each comes out once", each_comes_out_once, 0},
    {"may be ended early", may_be_ended_early, 0},
    {"results come in order", results_come_in_order, 0},
    {"unordered results come each once", unordered_results_come_each_once, 0},
    {"a failure comes at its place", a_failure_comes_at_its_place, 0},
    {"items are drawn when needed", items_are_drawn_when_needed, 0},
    {"empty and misused maps", empty_and_misused_maps, 0},
    {"leaving cancels what has not begun", leaving_cancels_what_has_not_begun, 0},
    {"after a shutdown items are refused", after_a_shutdown_items_are_refused, 0},
};

TAP_MAIN(cases)
