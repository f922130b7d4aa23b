/* SPDX-License-Identifier: MIT
 *
 * test_coro_frames.c - the arena: frames of one byte to 200 kB, aligned to 8 and to 16 bytes, with defers, wait_for and
 * shields between them at every place of every chunk; what lies in them keeps its value, what was popped is poisoned.
 * Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <picot/future.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

__extension__ typedef __int128 wide;

static unsigned steps; /* a small generator of numbers: the same programs in each run */
static unsigned next_number(unsigned limit)
{
    steps = steps * 1103515245u + 12345u;
    return (steps >> 16) % limit;
}

static void fill(unsigned char *pad, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i += 1 + size / 300)
        pad[i] = (unsigned char)(seed + i * 7);
}

static void verify(const unsigned char *pad, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i += 1 + size / 300)
        CHECK_EQ(pad[i], (unsigned char)(seed + i * 7));
}

/* Popped memory may not be touched: the address sanitizer knows. The first words of a chunk link free ones. */
static void expect_poison(const void *at)
{
#ifdef PICOT_ASAN_
    CHECK(__asan_address_is_poisoned(at));
#else
    (void)at;
#endif
}

static void expect_no_poison(const void *at, size_t size)
{
#ifdef PICOT_ASAN_
    CHECK(!__asan_region_is_poisoned((void *)(uintptr_t)at, size));
#else
    (void)at;
    (void)size;
#endif
}

/* ---- functions of many sizes ------------------------------------------------------------------- */

static int defers_run, defers_expected;

enum { KINDS = 12 };

/* Awaits the next function of a random kind: plainly, with a deadline, in a scope, or from a defer. */
picot_async_decl(int, step_down, (int depth; const void **ret_last;));
#define step_down(...) picot_call(step_down, __VA_ARGS__)

/* `aligned` is of a type whose alignment is asked for; the pad's size decides where the next frame begins. */
#define MAKE(name, type, size)                                                                                         \
    picot_async_fn(                                                                                                    \
        int, name, (int depth; const void **ret_last; char of[(size) % 7 + 1];),                                       \
        (unsigned char pad[size]; type aligned; picot_scope scope; const void *last; unsigned seed; int r;))           \
    {                                                                                                                  \
        picot_begin;                                                                                                   \
        CHECK_EQ((uintptr_t)&my->aligned % _Alignof(type), 0);                                                         \
        expect_no_poison(my, sizeof *my);                                                                              \
        for (size_t i = 0; i < sizeof my->pad; i += 1 + sizeof my->pad / 50)                                           \
            CHECK_EQ(my->pad[i], 0);                                                                                   \
        my->seed = next_number(1000);                                                                                  \
        fill(my->pad, sizeof my->pad, my->seed);                                                                       \
        my->aligned = (type)my->seed;                                                                                  \
        if (next_number(2)) {                                                                                          \
            defers_expected++;                                                                                         \
            picot_defer                                                                                                \
            {                                                                                                          \
                defers_run++;                                                                                          \
                if (my->depth > 0 && my->seed % 3 == 0) {                                                              \
                    picot_await(my->r, step_down(my->depth / 3));                                                      \
                    CHECK_EQ(my->r, 0);                                                                                \
                }                                                                                                      \
                verify(my->pad, sizeof my->pad, my->seed);                                                             \
            }                                                                                                          \
        }                                                                                                              \
        if (my->seed % 4 == 0) {                                                                                       \
            picot_wait_for(my->r, PICOT_SECOND, step_down(my->depth - 1, &my->last));                                  \
        } else if (my->seed % 4 == 1) {                                                                                \
            picot_timeout(my->scope, PICOT_SECOND) picot_await(my->r, step_down(my->depth - 1, &my->last));            \
        } else {                                                                                                       \
            picot_await(my->r, step_down(my->depth - 1, &my->last));                                                   \
        }                                                                                                              \
        CHECK_EQ(my->r, 0);                                                                                            \
        if (my->last) expect_poison(my->last);                                                                         \
        if (my->seed % 3 == 1) {                                                                                       \
            defers_expected++;                                                                                         \
            picot_defer defers_run++;                                                                                  \
        }                                                                                                              \
        picot_await(my->r, nap(0));                                                                                    \
        CHECK_EQ(my->r, 0);                                                                                            \
        verify(my->pad, sizeof my->pad, my->seed);                                                                     \
        CHECK(my->aligned == (type)my->seed);                                                                          \
        picot_wait_for(my->r, 0, nap(0));                                                                              \
        CHECK_EQ(my->r, -ETIMEDOUT);                                                                                   \
        if (my->ret_last) *my->ret_last = &my->seed;                                                                   \
        picot_return(0);                                                                                               \
        picot_end;                                                                                                     \
    }

MAKE(one_byte, char, 1)
MAKE(one_byte_wide, wide, 1)
MAKE(some, long, 24)
MAKE(some_long_double, long double, 40)
MAKE(hundred, char, 100)
MAKE(hundreds_wide, wide, 400)
MAKE(chunk, long, 500)
MAKE(chunks_long_double, long double, 1000)
MAKE(kilobytes, char, 4000)
MAKE(kilobytes_wide, wide, 8100)
MAKE(large, long, 70001)
MAKE(largest, long double, 200000)

picot_async_def(int, step_down, (int depth; const void **ret_last;), (int r;))
{
    picot_begin;
    if (my->depth <= 0) {
        picot_yield();
        picot_return(0);
    }
    unsigned kind = next_number(KINDS * 4);
    my->r = (int)(kind < KINDS ? kind : kind % 8); /* the small ones more often */
#define CALL(name) picot_await(my->r, picot_call(name, my->depth, .ret_last = my->ret_last))
    if (my->r == 0)
        CALL(one_byte);
    else if (my->r == 1)
        CALL(one_byte_wide);
    else if (my->r == 2)
        CALL(some);
    else if (my->r == 3)
        CALL(some_long_double);
    else if (my->r == 4)
        CALL(hundred);
    else if (my->r == 5)
        CALL(hundreds_wide);
    else if (my->r == 6)
        CALL(chunk);
    else if (my->r == 7)
        CALL(chunks_long_double);
    else if (my->r == 8)
        CALL(kilobytes);
    else if (my->r == 9)
        CALL(kilobytes_wide);
    else if (my->r == 10)
        CALL(large);
    else
        CALL(largest);
    picot_return(picot_error());
    picot_end;
}

static void random_programs(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned seed = 1; seed <= 60; seed++) {
        steps = seed;
        defers_run = defers_expected = 0;
        CHECK_EQ(picot_run(loop, step_down((int)(seed % 30))), 0);
        CHECK_EQ(defers_run, defers_expected);
    }
    tap_loop_end(loop);
}

/* As the first function of a task, too. */
picot_async_fn(int, roots, (char unused;), (picot_group group; int results[6]; int i;))
{
    picot_begin;
    picot_task_group(my->group);
    for (my->i = 0; my->i < 5; my->i++) {
        picot_spawn(&my->group, my->results[0], picot_call(one_byte_wide, 6));
        picot_spawn(&my->group, my->results[1], picot_call(some_long_double, 6));
        picot_spawn(&my->group, my->results[2], picot_call(kilobytes_wide, 6));
        picot_spawn(&my->group, my->results[3], picot_call(largest, 6));
        picot_spawn(&my->group, my->results[4], picot_call(large, 6));
        picot_spawn(&my->group, my->results[5], picot_call(one_byte, 6));
        picot_try_await(picot_join(.group = &my->group));
    }
    picot_end;
}

static void as_roots(void)
{
    int rc;
    steps = 7;
    RUN_ALONE(rc, picot_call(roots, 0));
    CHECK_EQ(rc, 0);
    CHECK_EQ(defers_run, defers_expected);
}

picot_async_fn(int, too_large, (char unused;), (char pad[(size_t)2 * 1024 * 1024];))
{
    picot_begin;
    my->pad[0] = 1;
    picot_end;
}

picot_async_fn(int, calls_too_large, (char unused;), (picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(too_large, 0));
    CHECK_EQ(picot_error(), -ENOMEM);
    picot_try_await(my->r, picot_call(too_large, 0)); /* as a callee it may be as large as memory is */
    picot_end;
}

static void giants(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(too_large, 0));
    CHECK_EQ(rc, -ENOMEM);
    RUN_ALONE(rc, picot_call(calls_too_large, 0));
    CHECK_EQ(rc, 0);
}

/* ---- every place of a chunk -------------------------------------------------------------------- */

/* What is pushed at a given place: a wait_for that is met, one that is not, defers, a scope, an aligned frame. */
picot_async_fn(int, pushes_everything, (int odd;), (picot_scope scope; int r, i; long double d;))
{
    picot_begin;
    my->d = 1.5L;
    picot_defer say('a');
    picot_wait_for(my->r, PICOT_SECOND, nap(0, .result = 3));
    CHECK_EQ(my->r, 3);
    picot_defer
    {
        picot_wait_for(my->r, 0, nap(1));
        CHECK_EQ(my->r, -ETIMEDOUT);
        say('b');
    }
    if (my->odd) {
        picot_defer say('c');
    }
    picot_timeout(my->scope, PICOT_SECOND)
    {
        picot_defer say('d');
        picot_wait_for(my->r, 0, nap(1, .result = 3));
        CHECK_EQ(my->r, -ETIMEDOUT);
        picot_wait_for(my->r, PICOT_SECOND, picot_call(one_byte_wide, 0));
        CHECK_EQ(my->r, 0);
    }
    CHECK(my->d == 1.5L);
    picot_end;
}

/* Frames of every size in steps of 8 bytes, so that everything lands everywhere. */
#define SHIFT(name, bytes)                                                                                             \
    picot_async_fn(int, name, (int depth; int odd;), (char pad[bytes]; int r;))                                        \
    {                                                                                                                  \
        picot_begin;                                                                                                   \
        memset(my->pad, my->depth, sizeof my->pad);                                                                    \
        if (my->depth > 0)                                                                                             \
            picot_await(my->r, picot_call(name, my->depth - 1, my->odd));                                              \
        else                                                                                                           \
            picot_await(my->r, picot_call(pushes_everything, my->odd));                                                \
        CHECK_EQ(my->r, 0);                                                                                            \
        CHECK_EQ(my->pad[bytes - 1], my->depth);                                                                       \
        picot_wait_for(my->r, PICOT_SECOND, nap(0));                                                                   \
        CHECK_EQ(my->r, 0);                                                                                            \
        picot_end;                                                                                                     \
    }
SHIFT(shift8, 8)
SHIFT(shift16, 16)
SHIFT(shift24, 24)
SHIFT(shift56, 56)
SHIFT(shift120, 120)

static void every_place(void)
{
    picot_loop *loop = tap_loop();
    steps = 3;
    for (int depth = 0; depth < 70; depth++)
        for (int kind = 0; kind < 10; kind++) {
            int rc = 1, odd = kind & 1;
            trace[0] = 0;
            switch (kind / 2) {
            case 0:
                rc = picot_run(loop, picot_call(shift8, depth, odd));
                break;
            case 1:
                rc = picot_run(loop, picot_call(shift16, depth, odd));
                break;
            case 2:
                rc = picot_run(loop, picot_call(shift24, depth, odd));
                break;
            case 3:
                rc = picot_run(loop, picot_call(shift56, depth, odd));
                break;
            default:
                rc = picot_run(loop, picot_call(shift120, depth, odd));
            }
            CHECK_EQ(rc, 0);
            CHECK_STR(trace, odd ? "dcba" : "dba");
        }
    tap_loop_end(loop);
}

/* So many defers that they spill into new chunks, from frames in the middle of older ones. (Equal blocks: a compiler
 * may make one of them, and yet each counts.) */
#define D5                                                                                                             \
    picot_defer defers_run++;                                                                                          \
    picot_defer defers_run++;                                                                                          \
    picot_defer defers_run++;                                                                                          \
    picot_defer defers_run++;                                                                                          \
    picot_defer defers_run++
picot_async_fn(int, spills, (int depth;), (char pad[72]; int r;))
{
    picot_begin;
    fill((unsigned char *)my->pad, sizeof my->pad, (unsigned)my->depth);
    D5;
    D5;
    D5;
    D5;
    D5;
    D5;
    D5;
    D5;
    if (my->depth > 0) {
        picot_wait_for(my->r, PICOT_SECOND, picot_call(spills, my->depth - 1));
        CHECK_EQ(my->r, 0);
    }
    D5;
    D5;
    picot_await(my->r, picot_call(some_long_double, 0));
    CHECK_EQ(my->r, 0);
    verify((unsigned char *)my->pad, sizeof my->pad, (unsigned)my->depth);
    picot_end;
}

static void spilled_defers(void)
{
    picot_loop *loop = tap_loop();
    for (int depth = 0; depth < 40; depth++) {
        defers_run = defers_expected = 0;
        CHECK_EQ(picot_run(loop, picot_call(spills, depth)), 0);
        CHECK_EQ(defers_run, defers_expected + (depth + 1) * 50);
    }
    tap_loop_end(loop);
}

/* Calls of many depths in a row: the arena gives its chunks back. */
picot_async_fn(int, breathes, (char unused;), (int i, r; size_t bytes;))
{
    picot_begin;
    for (my->i = 0; my->i < 40; my->i++) {
        picot_await(my->r, picot_call(spills, my->i % 20));
        CHECK_EQ(my->r, 0);
        if (my->i == 19) my->bytes = tap_allocated_bytes();
    }
    CHECK_EQ(tap_allocated_bytes(), my->bytes);
    picot_end;
}

static void given_back(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(breathes, 0));
    CHECK_EQ(rc, 0);
}

static const struct tap_case cases[] = {
    {"random programs of all sizes", random_programs, 0},
    {"as the first functions of tasks", as_roots, 0},
    {"very large frames", giants, 0},
    {"at every place of a chunk", every_place, 0},
    {"defers that spill into new chunks", spilled_defers, 0},
    {"chunks are given back", given_back, 0},
};

TAP_MAIN(cases)
