/* SPDX-License-Identifier: MIT
 *
 * test_coro_future_memory.c - out of memory at every allocation in turn: futures, handles, waits, completions, selects,
 * gathers, handshakes, names, variables, trees of failures. Each ends with its result or -ENOMEM, and nothing leaks.
 * Once with a single failure, once with no memory from then on. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include "dry_memory.h"

#define LOOP picot_this_loop()
#define OK_OR_DRY(rc) CHECK(is_ok_or_dry(rc))

static bool is_ok_or_dry(int64_t rc)
{
    if (rc < 0 && rc != -ENOMEM) tap_note("%s", picot_error_name((int)rc));
    return rc >= 0 || rc == -ENOMEM;
}

/* Large frames and results, so that tasks and futures are allocations and not of a slab. */
struct large {
    char bytes[2500];
};

picot_async_fn(struct large, makes_large, (char fill; int code;), (struct large value;))
{
    picot_begin;
    picot_try_await(picot_sleep(.ns = 1));
    if (my->code) picot_fail(my->code);
    memset(&my->value, my->fill, sizeof my->value);
    picot_return(my->value);
    picot_end;
}
#define makes_large(...) picot_call(makes_large, __VA_ARGS__)

picot_async_fn(int, fails_large, (int code;), (char bulk[2500]; int r;))
{
    picot_begin;
    picot_try_await(picot_sleep(.ns = 1));
    picot_fail(my->code);
    picot_end;
}
#define fails_large(...) picot_call(fails_large, __VA_ARGS__)

picot_async_fn(int, starts, (int64_t word;), (char bulk[2500];))
{
    picot_begin;
    picot_try_await(picot_sleep(.ns = 1));
    CHECK_EQ(picot_started(my->word), 0);
    picot_try_await(picot_sleep(.ns = 1));
    picot_end;
}

picot_async_fn(int, awaits_results, (char unused;), (picot_future f[3], own; struct large value; int i, r;))
{
    picot_begin;
    for (my->i = 0; my->i < 3; my->i++) {
        picot_create(my->f[my->i], makes_large('x'));
        OK_OR_DRY(my->f[my->i]);
        if (my->f[my->i] > 0)
            OK_OR_DRY(picot_task_set_name(picot_future_task(LOOP, my->f[my->i]), "a name of its own"));
    }
    my->own = picot_future_create(LOOP, 3000);
    OK_OR_DRY(my->own);
    for (my->i = 0; my->i < 3; my->i++) {
        if (my->f[my->i] < 0) continue;
        picot_await(my->r, picot_result(.of = my->f[my->i], PICOT_INTO(my->value)));
        OK_OR_DRY(my->r);
        if (my->r == 0) CHECK_EQ(my->value.bytes[2499], 'x');
        CHECK_EQ(picot_future_unref(LOOP, my->f[my->i]), 0);
    }
    (void)picot_future_unref(LOOP, my->own);
    picot_end;
}

picot_async_fn(int, awaits_many, (char unused;),
               (picot_future f[30], next; int count, seen, i, r; picot_completions comp; picot_arm arms[2];))
{
    picot_begin;
    for (my->i = 0; my->i < 30; my->i++) {
        picot_create(my->f[my->count], nap(my->i % 3));
        OK_OR_DRY(my->f[my->count]);
        my->count += my->f[my->count] > 0;
    }
    if (my->count == 0) picot_fail(-ENOMEM);
    picot_await(my->r, picot_wait(.futures = my->f, .count = (size_t)my->count, .until = PICOT_FIRST_COMPLETED));
    OK_OR_DRY(my->r);
    my->arms[0] = picot_arm_future(my->f[0]);
    my->arms[1] = picot_arm_sleep(PICOT_SECOND);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK(my->r == 0 || my->r == -ENOMEM);
    my->r = picot_completions_init(&my->comp, LOOP, my->f, (size_t)my->count);
    OK_OR_DRY(my->r);
    while (my->r == 0) {
        picot_await(my->next, picot_next_completed(.of = &my->comp));
        if (my->next < 0) break;
        my->seen++;
    }
    if (my->r == 0) CHECK(my->next == -ENOMEM || (my->next == PICOT_ECLOSED && my->seen == my->count));
    picot_completions_close(&my->comp);
    for (my->i = 0; my->i < my->count; my->i++)
        CHECK_EQ(picot_future_unref(LOOP, my->f[my->i]), 0);
    picot_end;
}

picot_async_fn(int, gathers, (char unused;), (picot_group group; struct large a, b; int64_t word; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_gather(&my->group, (my->a, makes_large('a')), (my->b, makes_large('b')));
    OK_OR_DRY(picot_error());
    if (picot_error() == 0) CHECK(my->a.bytes[7] == 'a' && my->b.bytes[7] == 'b');
    picot_try_await(picot_join(.group = &my->group));
    picot_spawn_started(my->word, &my->group, picot_call(starts, 5));
    CHECK(my->word == 5 || my->word == -ENOMEM);
    CHECK_EQ(picot_error(), my->word < 0 ? -ENOMEM : 0);
    picot_try_await(picot_join(.group = &my->group)); /* a handshake refused has left nothing behind */
    picot_end;
}

/* No failure is lost, however little memory there is: its node takes the place of the task. */
picot_async_fn(int, fails_nested, (char unused;), (picot_group group;))
{
    picot_begin;
    picot_task_group(my->group, .collect = 1);
    picot_try_spawn(&my->group, fails_large(-101));
    picot_try_spawn(&my->group, fails_large(-102));
    picot_end;
}

picot_async_fn(int, collects, (char unused;), (picot_group group; const picot_error_node *e; int spawned, r;))
{
    picot_begin;
    picot_task_group(my->group, .collect = 1);
    picot_spawn(&my->group, picot_call(fails_nested, 0));
    my->spawned += picot_error() == 0;
    picot_spawn(&my->group, fails_large(-103));
    my->spawned += picot_error() == 0;
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK(my->r < 0 || my->spawned == 0);
    if (my->r != -ENOMEM || picot_group_size(&my->group) == 0) {
        my->e = picot_group_errors(&my->group);
        CHECK(picot_errors_count(my->e) >= (size_t)my->spawned);
        for (; my->e; my->e = my->e->next)
            CHECK(my->e->rc == -ENOMEM || (my->e->rc <= -101 && my->e->rc >= -103));
    }
    if (my->r == -103 || my->r == -101) picot_return(0);
    picot_fail(-ENOMEM);
    picot_end;
}

static const picot_context_key keys[200];

picot_async_fn(int, sees, (void *expected;), (char none;))
{
    picot_begin;
    CHECK(picot_context_get(picot_self, &keys[0]) == my->expected);
    picot_end;
}

picot_async_fn(int, sets_variables, (char unused;), (picot_group group; int i, r, set;))
{
    picot_begin;
    picot_task_group(my->group);
    for (my->i = 0; my->i < 200; my->i++) {
        my->r = picot_context_set(picot_self, &keys[my->i], &my->set);
        OK_OR_DRY(my->r);
        CHECK(picot_context_get(picot_self, &keys[my->i]) == (my->r == 0 ? &my->set : NULL));
        picot_spawn(&my->group, picot_call(sees, picot_context_get(picot_self, &keys[0])));
        OK_OR_DRY(picot_error());
    }
    picot_try_await(picot_join(.group = &my->group));
    picot_end;
}

/* A cancellation without memory for its reason is one all the same, and no failure. */
picot_async_fn(int, cancels, (char unused;), (picot_group group; picot_future f; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn_future(my->f, &my->group, nap(5000));
    if (my->f < 0) picot_fail((int)my->f);
    picot_yield();
    picot_yield();
    (void)picot_future_cancel(LOOP, my->f, "why");
    picot_await(my->r, picot_result(.of = my->f));
    CHECK(my->r == -ECANCELED || my->r == -ENOMEM);
    CHECK_EQ(picot_future_unref(LOOP, my->f), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    OK_OR_DRY(my->r);
    picot_end;
}

picot_async_fn(int, all, (char unused;), (int r;))
{
    picot_begin;
    picot_await(my->r, picot_call(awaits_results, 0));
    OK_OR_DRY(my->r);
    picot_await(my->r, picot_call(awaits_many, 0));
    OK_OR_DRY(my->r);
    picot_await(my->r, picot_call(gathers, 0));
    OK_OR_DRY(my->r);
    picot_await(my->r, picot_call(collects, 0));
    OK_OR_DRY(my->r);
    picot_await(my->r, picot_call(sets_variables, 0));
    OK_OR_DRY(my->r);
    picot_await(my->r, picot_call(cancels, 0));
    OK_OR_DRY(my->r);
    picot_end;
}

static long run_once(long fail_at, bool debug)
{
    picot_loop *loop = dry_loop();
    CHECK_EQ(picot_loop_set_debug(loop, debug), 0);
    countdown = fail_at;
    OK_OR_DRY(picot_run(loop, picot_call(all, 0)));
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    long left = countdown;
    countdown = -1;
    CHECK_EQ(picot_loop_task_count(loop), 0);
    CHECK_EQ(picot_run(loop, picot_call(all, 0)), 0); /* the loop is none the worse for it */
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), 0);
    CHECK_EQ(bytes, 0);
    return left;
}

static void at_each(bool debug)
{
    for_good = false;
    long count = 1000000 - run_once(1000000, debug);
    tap_note("%ld allocations", count);
    CHECK(count > 20);
    for (int good = 0; good < 2; good++) {
        for_good = good;
        for (long i = 0; i < count; i++)
            (void)run_once(i, debug);
    }
}

static void plain(void)
{
    at_each(false);
}

static void debugging(void)
{
    at_each(true);
}

/* Memory for the task, but none for the frame of who waits for its start: the spawn is undone. */
picot_async_fn(int, says_word, (int unused;), (char none;))
{
    picot_begin;
    CHECK_EQ(picot_started(5), 0);
    picot_end;
}

picot_async_fn(int, starts_dry, (picot_group * group;), (char bulk[64]; int64_t word; size_t before;))
{
    picot_begin;
    for_good = true;
    countdown = 0;
    picot_spawn(my->group, picot_call(says_word, 0));
    CHECK_EQ(picot_error(), 0); /* there is a block for a task */
    my->before = picot_loop_task_count(LOOP);
    picot_spawn_started(my->word, my->group, picot_call(says_word, 0));
    CHECK_EQ(my->word, -ENOMEM);
    CHECK_EQ(picot_error(), -ENOMEM);
    CHECK_EQ(picot_group_size(my->group), 1);
    CHECK_EQ(picot_loop_task_count(LOOP), my->before);
    countdown = -1;
    picot_spawn_started(my->word, my->group, picot_call(says_word, 0));
    CHECK_EQ(my->word, 5);
    picot_end;
}

picot_async_fn(int, seeds, (int unused;), (picot_group group; int64_t a, b;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn_started(my->a, &my->group, picot_call(says_word, 0));
    picot_spawn_started(my->b, &my->group, picot_call(says_word, 0));
    CHECK_EQ(my->a + my->b, 10);
    picot_try_await(picot_call(starts_dry, &my->group));
    picot_end;
}

static void undone(void)
{
    lazy_only();
    picot_loop *loop = dry_loop();
    countdown = -1;
    CHECK_EQ(picot_run(loop, picot_call(seeds, 0)), 0);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), 0);
    CHECK_EQ(bytes, 0);
}

static const struct tap_case cases[] = {
    {"a start without memory is undone", undone, 0},
    {"at each allocation", plain, TAP_SLOW},
    {"at each allocation of a debugging loop", debugging, TAP_SLOW},
};

TAP_MAIN(cases)
