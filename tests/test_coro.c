/* SPDX-License-Identifier: MIT
 *
 * test_coro.c - async functions by themselves: typed arguments and results, awaits wherever C lets one stand,
 * recursion, errors, and the ways in from plain code. Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <pthread.h>
#include <stdlib.h>

/* ---- arguments and results ------------------------------------------------------------------- */

struct pair {
    int a, b;
};
struct big {
    long numbers[40];
};

/* For each type a function that suspends (or not) and gives back its argument. */
#define ECHO(T, name)                                                                                                  \
    picot_async_fn(T, name, (T value; int suspends;), (char none;))                                                    \
    {                                                                                                                  \
        picot_begin;                                                                                                   \
        if (my->suspends) picot_yield();                                                                               \
        picot_return(my->value);                                                                                       \
        picot_end;                                                                                                     \
    }
typedef const char *text;
ECHO(int, echo_int)
ECHO(long, echo_long)
ECHO(long long, echo_llong)
ECHO(unsigned char, echo_byte)
ECHO(double, echo_double)
ECHO(text, echo_text)
ECHO(struct pair, echo_pair)
ECHO(struct big, echo_big)

picot_async_fn(int, all_types, (int suspends;),
               (int i; long l; long long ll; unsigned char byte; double d; text t; struct pair pair; struct big big;))
{
    picot_begin;
    picot_await(my->i, picot_call(echo_int, 7, my->suspends));
    CHECK_EQ(my->i, 7);
    picot_await(my->l, picot_call(echo_long, .value = 1L << 40, .suspends = my->suspends));
    CHECK_EQ(my->l, 1L << 40);
    picot_await(my->ll, picot_call(echo_llong, .suspends = my->suspends, .value = 1LL << 50));
    CHECK_EQ(my->ll, 1LL << 50);
    picot_await(my->byte, picot_call(echo_byte, 200, my->suspends));
    CHECK_EQ(my->byte, 200);
    picot_await(my->d, picot_call(echo_double, 2.5, my->suspends));
    CHECK(my->d == 2.5);
    picot_await(my->t, picot_call(echo_text, "hello", my->suspends));
    CHECK_STR(my->t, "hello");
    picot_await(my->pair, picot_call(echo_pair, {3, 4}, my->suspends));
    CHECK_EQ(my->pair.a * 10 + my->pair.b, 34);
    picot_await(my->big, picot_call(echo_big, .value = {{1, [39] = 9}}, .suspends = my->suspends));
    CHECK_EQ(my->big.numbers[0] * 10 + my->big.numbers[39], 19);
    /* Integers convert as in C. */
    picot_await(my->l, picot_call(echo_int, 5));
    CHECK_EQ(my->l, 5);
    picot_await(my->ll, picot_call(echo_long, 6, 1));
    CHECK_EQ(my->ll, 6);
    picot_return(my->suspends);
    picot_end;
}

static void types(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(all_types, 0));
    CHECK_EQ(rc, 0);
    RUN_ALONE(rc, picot_call(all_types, 1));
    CHECK_EQ(rc, 0); /* picot_run gives the status, not the result */
}

picot_async_fn(int, weigh, (int a; int b; int c; const char *text;), (int r;))
{
    picot_begin;
    my->r = my->a * 100 + my->b * 10 + my->c;
    if (my->text) my->r = -EDOM;
    picot_return(my->r);
    picot_end;
}
#define weigh(...) picot_call(weigh, __VA_ARGS__)

picot_async_fn(int, arguments, (char unused;), (int r;))
{
    picot_begin;
    picot_await(my->r, weigh(1, 2, 3));
    CHECK_EQ(my->r, 123);
    picot_await(my->r, weigh(.c = 3, .a = 1));
    CHECK_EQ(my->r, 103);
    picot_await(my->r, weigh(1, .c = 3));
    CHECK_EQ(my->r, 103);
    picot_await(my->r, weigh());
    CHECK_EQ(my->r, 0);
    picot_await(my->r, weigh(.text = "", ));
    CHECK_EQ(my->r, -EDOM);
    picot_end;
}

static void argument_forms(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(arguments, 0));
    CHECK_EQ(rc, 0);
}

/* Arguments are copied when the call is made, and are the function's own to change. */
picot_async_fn(int, count_down, (int n;), (int steps;))
{
    picot_begin;
    my->steps = 0;
    while (my->n-- > 0) {
        my->steps++;
        picot_yield();
    }
    picot_return(my->steps);
    picot_end;
}

picot_async_fn(int, arguments_are_copies, (char unused;), (int n, r;))
{
    picot_begin;
    my->n = 5;
    picot_await(my->r, picot_call(count_down, my->n));
    CHECK_EQ(my->r * 10 + my->n, 55);
    picot_end;
}

static void copied_arguments(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(arguments_are_copies, 0));
    CHECK_EQ(rc, 0);
}

/* ---- errors ---------------------------------------------------------------------------------- */

picot_async_fn(double, fails_with, (int code;), (char none;))
{
    picot_begin;
    picot_fail(my->code);
    picot_end;
}

picot_async_fn(int, tries, (int code;), (int r;))
{
    picot_begin;
    say('a');
    picot_try_await(give(my->code));
    say('b');
    picot_end;
}

picot_async_fn(long, error_values, (char unused;), (int i; long l; long long ll; double d; struct pair pair; text t;))
{
    picot_begin;
    picot_await(my->i, give(-EDOM));
    CHECK_EQ(my->i, -EDOM);
    CHECK_EQ(picot_error(), -EDOM);
    picot_await(my->i, give(3));
    CHECK_EQ(picot_error(), 0);
    my->d = 4;
    picot_await(my->d, picot_call(fails_with, -ERANGE));
    CHECK(my->d == 0);
    CHECK_EQ(picot_error(), -ERANGE);
    picot_await(my->i, picot_call(tries, -EPIPE));
    CHECK_EQ(my->i, -EPIPE);
    picot_await(my->i, picot_call(tries, 5));
    CHECK_EQ(my->i, 0); /* fell off its end: success, and a result never set is zero */
    CHECK_STR(trace, "aab");
    picot_await(my->l, picot_call(echo_long, -5));
    CHECK_EQ(my->l * 100 + picot_error(), -505);
    picot_await(my->ll, picot_call(echo_llong, -6));
    CHECK_EQ(my->ll * 100 + picot_error(), -606);
    /* Of other types no value is an error. */
    picot_await(my->d, picot_call(echo_double, -7));
    CHECK(my->d == -7);
    CHECK_EQ(picot_error(), 0);
    picot_await(my->pair, picot_call(echo_pair, {-1, -1}));
    CHECK_EQ(picot_error(), 0);
    picot_fail(-ENOTTY);
    picot_end;
}

/* The arguments of a call are made out before it begins: they see the status of what was before. */
picot_async_fn(int, passes_status_on, (char unused;), (picot_group group; picot_future f; int i, j;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_await(my->i, give(-EDOM));
    picot_await(my->i, give(picot_error()));
    CHECK_EQ(my->i, -EDOM);
    picot_wait_for(my->i, PICOT_NEVER, give(picot_error() + 2));
    CHECK_EQ(my->i, 2); /* the scope around it has begun well */
    picot_await(my->i, give(-EDOM));
    picot_spawn(&my->group, my->i, give(picot_error()));
    CHECK_EQ(picot_error(), 0);
    picot_await(my->j, give(-ERANGE));
    picot_spawn_future(my->f, &my->group, give(picot_error()));
    CHECK_EQ(picot_error(), 0);
    picot_await(my->j, picot_result(.of = my->f));
    CHECK_EQ(picot_error(), -ERANGE);
    CHECK_EQ(picot_future_unref(picot_this_loop(), my->f), 0);
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(my->i, -EDOM);
    picot_end;
}

static void status_in_arguments(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(passes_status_on, 0));
    CHECK_EQ(rc, 0);
}

static void errors(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(error_values, 0));
    CHECK_EQ(rc, -ENOTTY);
}

/* ---- where an await may stand ---------------------------------------------------------------- */

picot_async_fn(int, many_places, (int ms;), (int i, j, sum, r;))
{
    picot_begin;
    /* clang-format off */
    picot_await(my->r, give(1)); picot_await(my->i, nap(my->ms, .result = 2)); picot_yield(); picot_yield();
    /* clang-format on */
    CHECK_EQ(my->r * 10 + my->i, 12);
    my->sum = 0;
    for (my->i = 0; my->i < 3; my->i++) {
        for (my->j = 0; my->j < 3; my->j++) {
            if (my->j == 1) continue;
            if (my->i == 2) break;
            {
                picot_try_await(my->r, nap(my->ms, .result = my->i * 10 + my->j));
                my->sum += my->r;
            }
        }
    }
    CHECK_EQ(my->sum, 0 + 2 + 10 + 12);
    if (my->sum == 0)
        picot_await(my->r, give(5));
    else
        picot_await(my->r, nap(my->ms, .result = 6));
    CHECK_EQ(my->r, 6);
    do {
        picot_try_wait_for(my->r, PICOT_SECOND, nap(my->ms, .result = my->i));
        my->i--;
    } while (my->i > 0);
    CHECK_EQ(my->r, 1);
    goto there;
    picot_fail(-EDOM);
there:
    picot_await(my->r, nap(my->ms, .result = 8));
    picot_return(my->r);
    picot_end;
}

static void places(void)
{
    int rc, value = 0;
    RUN_ALONE(rc, picot_call(many_places, 1));
    CHECK_EQ(rc, 0);
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run_into(loop, &value, picot_call(many_places, 0)), 0);
    CHECK_EQ(value, 8);
    tap_loop_end(loop);
}

/* clang-format off */
picot_async_fn(int, in_a_switch, (int kind; int ready;), (int r, after;))
{
    picot_begin;
    picot_defer say('d');
    my->r = 0;
    switch (my->kind) {
    case 1:
        if (my->ready)
            picot_await(my->r, give(10)); /* picot-lint: ignore(nested-switch) */
        else
            picot_await(my->r, nap(1, .result = 11)); /* picot-lint: ignore(nested-switch) */
        break;
    case 2:
        picot_yield(); /* picot-lint: ignore(nested-switch) */
        my->r += 5; /* fallthrough */
    default:
        picot_yield(); /* picot-lint: ignore(nested-switch) */
        my->r += 100;
    }
    picot_yield();
    my->after = 1;
    picot_return(my->r + my->after);
    picot_end;
}
/* clang-format on */

static void user_switch(void)
{
    picot_loop *loop = tap_loop();
    static const int expected[][2] = {{1, 12}, {2, 106}, {3, 101}};
    for (int i = 0; i < 3; i++) {
        int value = 0;
        trace[0] = 0;
        int rc = picot_run_into(loop, &value, picot_call(in_a_switch, expected[i][0]));
#if PICOT_GOTO
        CHECK_EQ(rc, 0);
        CHECK_EQ(value, expected[i][1]);
#else
        CHECK_EQ(rc, PICOT_ENESTED);
        CHECK_EQ(value, PICOT_ENESTED);
#endif
        CHECK_STR(trace, "d");
    }
    int value = 0; /* an await that need not wait works in both forms */
    CHECK_EQ(picot_run_into(loop, &value, picot_call(in_a_switch, 1, 1)), 0);
    CHECK_EQ(value, 11);
    tap_loop_end(loop);
}

/* Both forms, below many frames of large functions: what the abandoned call leaves in the arena goes with its caller.
 */
picot_async_fn(int, nested_below, (int depth;), (char bulk[700]; int r;))
{
    picot_begin;
    if (my->depth > 0)
        picot_await(my->r, picot_call(nested_below, my->depth - 1));
    else
        picot_await(my->r, picot_call(in_a_switch, 2));
    picot_await(my->r, give(my->r));
    picot_return(my->r);
    picot_end;
}

static void nested_deep(void)
{
    picot_loop *loop = tap_loop();
    for (int depth = 0; depth < 5; depth++) {
        int value = 0;
        int rc = picot_run_into(loop, &value, picot_call(nested_below, depth));
        CHECK_EQ(value, PICOT_GOTO ? 106 : PICOT_ENESTED);
        CHECK_EQ(rc, PICOT_GOTO ? 0 : PICOT_ENESTED);
    }
    tap_loop_end(loop);
}

/* ---- recursion ------------------------------------------------------------------------------- */

static long defers_run;

picot_async_fn(long, dive, (long depth; int code; int suspends; int defers;), (long below;))
{
    picot_begin;
    if (my->defers) {
        picot_defer
        {
            if (my->defers > 1) picot_await(give(0));
            defers_run++;
        }
    }
    if (my->depth == 0) {
        if (my->suspends) picot_yield();
        picot_return(my->code);
    }
    picot_try_await(my->below, picot_call(dive, my->depth - 1, my->code, my->suspends, my->defers));
    picot_return(my->below + 1);
    picot_end;
}

/* Bytes of C stack that a million deep calls may use: what the thread below has. */
#define SMALL_STACK ((size_t)256 * 1024)

static void *dive_deep(void *user)
{
    (void)user;
    picot_loop *loop = tap_loop();
    long value = 0;
    for (int suspends = 0; suspends < 2; suspends++) {
        CHECK_EQ(picot_run_into(loop, &value, picot_call(dive, .depth = 1000000, .suspends = suspends)), 0);
        CHECK_EQ(value, 1000000);
    }
    CHECK_EQ(picot_run_into(loop, &value, picot_call(dive, .depth = 1000000, .code = -EDOM)), -EDOM);
    CHECK_EQ(value, -EDOM);
    for (int defers = 1; defers < 3; defers++) {
        defers_run = 0;
        CHECK_EQ(picot_run_into(loop, &value, picot_call(dive, 100000, -EDOM, .suspends = 1, .defers = defers)), -EDOM);
        CHECK_EQ(defers_run, 100001);
    }
    tap_loop_end(loop);
    return NULL;
}

static void recursion(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK_EQ(pthread_attr_init(&attributes), 0);
#ifndef PICOT_ASAN_ /* its red zones need more stack */
    CHECK_EQ(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
#endif
    CHECK_EQ(pthread_create(&thread, &attributes, dive_deep, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

/* ---- the ways in ----------------------------------------------------------------------------- */

picot_async_fn(int, runs_inside, (char unused;), (int r;))
{
    picot_begin;
    my->r = picot_run(picot_this_loop(), give(1));
    CHECK_EQ(my->r, -EBUSY);
    picot_yield();
    my->r = picot_run(picot_this_loop(), give(1));
    CHECK_EQ(my->r, -EBUSY);
    CHECK(picot_task_current(picot_this_loop()) == picot_self);
    CHECK_STR(picot_task_name(picot_self), "runs_inside");
    picot_end;
}

static void run_refusals(void)
{
    picot_loop *loop = tap_loop();
    int value = 3;
    CHECK_EQ(picot_run(NULL, give(1)), -EINVAL);
    CHECK_EQ(picot_start(NULL, give(1)), -EINVAL);
    CHECK_EQ(picot_run(loop, picot_call(runs_inside, 0)), 0);
    CHECK_EQ(picot_run_into(loop, &value, give(-ENOENT)), -ENOENT);
    CHECK_EQ(value, -ENOENT);
    CHECK_EQ(picot_run_into(loop, &value, give(42)), 0);
    CHECK_EQ(value, 42);
    CHECK(!picot_task_current(loop));
    CHECK(!picot_task_loop(NULL));
    CHECK_EQ(picot_loop_task_count(NULL), 0);
    CHECK_EQ(picot_loop_task_count(loop), 0);
    tap_loop_end(loop);
}

static void run_within_callback(picot_loop *loop, void *user)
{
    *(int *)user = picot_run(loop, give(1));
}

static void run_from_a_callback(void)
{
    picot_loop *loop = tap_loop();
    picot_job job = PICOT_JOB_INIT;
    int rc = 0;
    CHECK_EQ(picot_call_soon(loop, &job, run_within_callback, &rc), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(rc, -EBUSY);
    CHECK_EQ(picot_loop_task_count(loop), 0);
    tap_loop_end(loop);
}

static void started_tasks(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_start(loop, nap(2, 'a', 'b')), 0);
    CHECK_EQ(picot_start(loop, nap(0, 'c', 'd')), 0);
    CHECK_EQ(picot_start(loop, give(-EDOM)), 0); /* nobody collects it */
    CHECK_EQ(picot_loop_task_count(loop), in_eager_mode() ? 2 : 3);
    CHECK_EQ(picot_loop_pending(loop) >= picot_loop_task_count(loop), 1);
    CHECK_STR(trace, in_eager_mode() ? "ac" : ""); /* the first step is in the next turn */
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_STR(trace, "acdb");
    CHECK_EQ(picot_loop_task_count(loop), 0);
    tap_loop_end(loop);
}

/* Others live on while picot_run waits for its own, and after it. */
static void run_among_others(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_start(loop, nap(30, 'a', 'b')), 0);
    CHECK_EQ(picot_run(loop, nap(1, 'c', 'd')), 0);
    CHECK_STR(trace, "acd");
    CHECK_EQ(picot_loop_task_count(loop), 1);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_STR(trace, "acdb");
    tap_loop_end(loop);
}

static void stop(picot_loop *loop, void *user)
{
    (void)user;
    CHECK_EQ(picot_loop_stop(loop), 0);
}

picot_async_fn(int, stopped, (char unused;), (int r;))
{
    picot_begin;
    picot_defer
    {
        CHECK_EQ(picot_status(), -ECANCELED);
        picot_await(my->r, nap(2));
        CHECK_EQ(my->r, 0);
        say('z');
    }
    picot_try_await(nap(10000, 'a', 'b', 'c'));
    picot_end;
}

static void stopped_run(void)
{
    picot_loop *loop = tap_loop();
    picot_timer timer = PICOT_TIMER_INIT;
    CHECK_EQ(picot_call_later(loop, &timer, 2 * PICOT_MS, stop, NULL), 0);
    CHECK_EQ(picot_run(loop, picot_call(stopped, 0)), -EINTR);
    CHECK_STR(trace, "acz");
    CHECK_EQ(picot_loop_task_count(loop), 0);
    tap_loop_end(loop);
}

/* ---- order ----------------------------------------------------------------------------------- */

picot_async_fn(int, takes_turns, (char name; int turns;), (int i;))
{
    picot_begin;
    for (my->i = 0; my->i < my->turns; my->i++) {
        say(my->name);
        picot_yield();
    }
    picot_end;
}

static void fairness(void)
{
    picot_loop *loop = tap_loop();
    for (char name = 'a'; name <= 'd'; name++)
        CHECK_EQ(picot_start(loop, picot_call(takes_turns, name, 4)), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_STR(trace, "abcdabcdabcdabcd");
    tap_loop_end(loop);
}

static void count_turn(picot_loop *loop, void *user)
{
    picot_job *job = user;
    say('.');
    if (strlen(trace) < 60) CHECK_EQ(picot_call_soon(loop, job, count_turn, job), 0);
}

/* A task that yields leaves room for plain callbacks, too. */
static void fairness_to_callbacks(void)
{
    picot_loop *loop = tap_loop();
    picot_job job = PICOT_JOB_INIT;
    CHECK_EQ(picot_start(loop, picot_call(takes_turns, 'a', 20)), 0);
    CHECK_EQ(picot_call_soon(loop, &job, count_turn, &job), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    /* An eager task has begun inside picot_start, too. */
    CHECK_EQ(strncmp(trace + in_eager_mode(), "a.a.a.a.a.a.a.a.a.a.a.a.", 24), 0);
    tap_loop_end(loop);
}

static void sleeping_order(void)
{
    picot_loop *loop = tap_loop();
    static const int delays[] = {30, 10, 40, 20, 0, 50};
    for (int i = 0; i < 6; i++)
        CHECK_EQ(picot_start(loop, nap(delays[i], .done = (char)('a' + delays[i] / 10))), 0);
    int64_t begun = picot_loop_update_now(loop);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_STR(trace, "abcdef");
    int64_t took = picot_loop_update_now(loop) - begun;
    CHECK(took >= 50 * PICOT_MS);
    tap_loop_end(loop);
}

picot_async_fn(int, odd_sleeps, (char unused;), (int r;))
{
    picot_begin;
    picot_await(my->r, picot_sleep(.ns = -1));
    CHECK_EQ(my->r, -EINVAL);
    picot_await(my->r, picot_sleep(.ns = INT64_MIN));
    CHECK_EQ(my->r, -EINVAL);
    picot_await(my->r, picot_sleep());
    CHECK_EQ(my->r, 0);
    picot_wait_for(my->r, PICOT_MS, picot_sleep(.ns = PICOT_NEVER));
    CHECK_EQ(my->r, -ETIMEDOUT);
    picot_wait_for(my->r, PICOT_MS, picot_sleep(.ns = PICOT_NEVER - 1));
    CHECK_EQ(my->r, -ETIMEDOUT);
    picot_end;
}

static void sleeping_oddly(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(odd_sleeps, 0));
    CHECK_EQ(rc, 0);
}

/* ---- declared in a header, several calls at once --------------------------------------------- */

picot_async_decl(long, sum_of, (const int *numbers; size_t count;));
#define sum_of(...) picot_call(sum_of, __VA_ARGS__)

picot_async_fn(long, uses_declared, (int count;), (int numbers[4]; long r;))
{
    picot_begin;
    memcpy(my->numbers, (const int[]){1, 2, 3, 4}, sizeof my->numbers);
    picot_try_await(my->r, sum_of(my->numbers, .count = (size_t)my->count));
    picot_return(my->r);
    picot_end;
}

picot_async_def(long, sum_of, (const int *numbers; size_t count;), (long sum; size_t i;))
{
    picot_begin;
    my->sum = 0;
    for (my->i = 0; my->i < my->count; my->i++) {
        my->sum += my->numbers[my->i];
        picot_yield();
    }
    picot_return(my->sum);
    picot_end;
}

static void declared(void)
{
    picot_loop *loop = tap_loop();
    long value = 0;
    CHECK_EQ(picot_run_into(loop, &value, picot_call(uses_declared, 4)), 0);
    CHECK_EQ(value, 10);
    CHECK_EQ(picot_run_into(loop, &value, picot_call(uses_declared, 2)), 0);
    CHECK_EQ(value, 3);
    tap_loop_end(loop);
}

/* A frame far larger than the arena's chunks, above small ones. */
picot_async_fn(int, huge_frame, (int depth;), (char bulk[100000]; int r;))
{
    picot_begin;
    memset(my->bulk, my->depth, sizeof my->bulk);
    my->r = 0;
    picot_yield();
    if (my->depth > 0) picot_try_await(my->r, picot_call(huge_frame, my->depth - 1));
    for (size_t i = 0; i < sizeof my->bulk; i++)
        CHECK_EQ(my->bulk[i], my->depth);
    picot_return(my->r + 1);
    picot_end;
}

static void huge_frames(void)
{
    picot_loop *loop = tap_loop();
    int value = 0;
    for (int i = 0; i < 3; i++)
        CHECK_EQ(picot_run_into(loop, &value, picot_call(huge_frame, 20)), 0);
    CHECK_EQ(value, 21);
    tap_loop_end(loop);
}

/* ---- all in one expression ------------------------------------------------------------------- */

picot_async_fn(int, leaves_one_behind, (int code;), (char none;))
{
    picot_begin;
    CHECK_EQ(picot_start(picot_this_loop(), nap(5000, .begun = 'b', .cancelled = 'x')), 0);
    picot_yield();
    picot_return(my->code);
    picot_end;
}

static void all_in_one(void)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.allocator = tap_allocator();
    CHECK_EQ(picot_main(&options, picot_call(leaves_one_behind, 0)), 0);
    CHECK_STR(trace, "bx"); /* what is left is cancelled */
    CHECK_EQ(picot_main(&options, picot_call(leaves_one_behind, -EDOM)), -EDOM);
    CHECK_EQ(picot_main(NULL, give(0)), 0);
    options.backend = "none such";
    CHECK_EQ(picot_main(&options, give(0)), PICOT_ENOBACKEND);
}

static const struct tap_case cases[] = {
    {"arguments and results of all types", types, 0},
    {"keyword, positional and missing arguments", argument_forms, 0},
    {"arguments are copies", copied_arguments, 0},
    {"errors: negative integers, zeroed others, try_await, fail", errors, 0},
    {"errors: the status in arguments", status_in_arguments, 0},
    {"awaits in blocks, loops, branches, two on a line", places, 0},
    {"awaits in a switch", user_switch, 0},
    {"awaits in a switch, deep in the arena", nested_deep, 0},
    {"a million deep on a small stack", recursion, TAP_SLOW},
    {"picot_run refuses, and hands results out", run_refusals, 0},
    {"picot_run in a callback", run_from_a_callback, 0},
    {"picot_start", started_tasks, 0},
    {"picot_run among other tasks", run_among_others, 0},
    {"picot_run stopped by picot_loop_stop", stopped_run, 0},
    {"yield takes turns", fairness, 0},
    {"yield leaves room for callbacks", fairness_to_callbacks, 0},
    {"sleeps end in the order of their times", sleeping_order, 0},
    {"sleeps of odd lengths", sleeping_oddly, 0},
    {"declared first, defined later", declared, 0},
    {"huge frames", huge_frames, 0},
    {"picot_main", all_in_one, 0},
};

TAP_MAIN(cases)
