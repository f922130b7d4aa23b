/* SPDX-License-Identifier: MIT
 *
 * Seeded bugs for picot-lint: plain locals that are set before an await and used after it. A line that must be reported
 * carries a LINT comment with a part of the message; test_lint.sh compares.
 */
#include "lint.h"

picot_async_fn(int, initialised, (int x;), (int r;))
{
    picot_begin;
    int n = my->x + 4;
    picot_await(picot_sleep(.ns = 1));
    picot_return(n); /* LINT: 'n' (line 11) does not survive the await at line 12 */
    picot_end;
}
#define initialised(...) picot_call(initialised, __VA_ARGS__)

picot_async_fn(int, assigned, (int x;), (int r;))
{
    picot_begin;
    int n;
    n = lint_number(my->x);
    picot_await(my->r, initialised(.x = n));
    my->r += n; /* LINT: 'n' */
    picot_return(my->r);
    picot_end;
}

picot_async_fn(int, for_counter, (int count, sum;), (int unused;))
{
    picot_begin;
    for (int i = 0; i < my->count; i++) { /* LINT: 'i' (line 32) does not survive the await at line 33 */
        picot_await(picot_sleep(.ns = 1));
        my->sum++;
    }
    picot_return(my->sum);
    picot_end;
}

picot_async_fn(int, array, (int x;), (int r;))
{
    picot_begin;
    char text[16];
    lint_fill(text, sizeof text);
    picot_await(picot_sleep(.ns = 1));
    picot_return(lint_sum(text, sizeof text)); /* LINT: 'text' */
    picot_end;
}

picot_async_fn(int, array_element, (int x;), (int r;))
{
    picot_begin;
    int numbers[4] = {1, 2, 3, 4};
    picot_yield();
    picot_return(numbers[2]); /* LINT: 'numbers' */
    picot_end;
}

picot_async_fn(int, cached_pointer, (int x;), (char buf[4];))
{
    picot_begin;
    my->buf[0] = 5;
    char *p = my->buf;
    picot_await(picot_sleep(.ns = 1));
    picot_return(p[0]); /* LINT: 'p' */
    picot_end;
}

picot_async_fn(int, in_one_branch, (int x;), (int r;))
{
    picot_begin;
    int n;
    if (my->x > 100) {
        n = 1;
    } else {
        n = 5;
        picot_await(picot_sleep(.ns = 1));
    }
    picot_return(n); /* LINT: 'n' */
    picot_end;
}

picot_async_fn(int, whole_struct, (int x;), (int r;))
{
    picot_begin;
    struct lint_pair pair = {1, 2};
    picot_try_await(picot_sleep(.ns = 1));
    picot_return(pair.b); /* LINT: 'pair' */
    picot_end;
}

picot_async_fn(int, struct_filled_by_parts, (int x;), (int r;))
{
    picot_begin;
    struct lint_pair pair;
    pair.a = 1;
    picot_try_wait_for(my->r, PICOT_SECOND, initialised(.x = 1));
    pair.b = 2;
    lint_pair_use(&pair); /* LINT: 'pair' */
    picot_end;
}

/* The value goes round the loop: set at its end, but not always, and used at its beginning. */
picot_async_fn(int, around_the_loop, (int x, r;), (int unused;))
{
    picot_begin;
    int last = 0;
    while (my->x-- > 0) {
        my->r += last; /* LINT: 'last' (line 107) does not survive the await at line 110 */
        picot_await(picot_sleep(.ns = 1));
        if (my->x & 1) last = my->x;
    }
    picot_end;
}

picot_async_fn(int, do_while, (int x;), (int r;))
{
    picot_begin;
    int more;
    do {
        more = lint_number(my->x--);
        picot_yield();
    } while (more); /* LINT: 'more' */
    picot_end;
}

picot_async_fn(int, increments, (int x;), (int r;))
{
    picot_begin;
    unsigned n = 0;
    picot_yield();
    n++; /* LINT: 'n' */
    picot_yield();
    picot_return((int)n);
    picot_end;
}

picot_async_fn(int, compound_assignment, (int x;), (int r;))
{
    picot_begin;
    long total = my->x;
    picot_yield();
    total += 4; /* LINT: 'total' */
    my->r = (int)total;
    picot_end;
}

/* A constant is a variable, too: on the new stack nobody has initialised it. */
picot_async_fn(int, constant, (int x;), (int r;))
{
    picot_begin;
    const int64_t pause_ns = 5 * PICOT_MS;
    picot_await(picot_sleep(.ns = pause_ns));
    picot_await(picot_sleep(.ns = pause_ns)); /* LINT: 'pause_ns' */
    picot_end;
}

picot_async_fn(int, as_time_limit, (int x;), (int r;))
{
    picot_begin;
    int64_t limit_ns = PICOT_SECOND;
    picot_yield();
    picot_wait_for(my->r, limit_ns, initialised(.x = 1)); /* LINT: 'limit_ns' */
    picot_end;
}

picot_async_fn(int, argument_of_a_later_call, (int x;), (int r;))
{
    picot_begin;
    int n = lint_number(1);
    picot_await(my->r, initialised(.x = n));
    /* clang-format off */
    picot_await(my->r,
                initialised(
                    .x = n)); /* LINT: 'n' */
    /* clang-format on */
    picot_end;
}

picot_async_fn(int, behind_a_goto, (int x;), (int r;))
{
    picot_begin;
    int tries = 0;
again:
    tries++; /* LINT: 'tries' */
    picot_await(my->r, initialised(.x = 1));
    if (my->r < 0) goto again;
    picot_end;
}

picot_async_fn(int, in_a_switch_without_await, (int x;), (int r;))
{
    picot_begin;
    int kind = lint_number(2);
    picot_yield();
    switch (kind) { /* LINT: 'kind' */
    case 1:
        my->r = 1;
        break;
    default:
        my->r = 2;
    }
    picot_end;
}

picot_async_fn(int, only_when_true, (int x;), (int r;))
{
    picot_begin;
    int flag = lint_number(2);
    picot_yield();
    my->r = my->x && flag; /* LINT: 'flag' */
    picot_end;
}

picot_async_fn(int, inner_block, (int x;), (int r; picot_group group;))
{
    picot_begin;
    if (my->x) {
        int n = 4;
        {
            picot_task_group(my->group); /* a group waits only at the end: this alone would be fine */
            picot_yield();
        }
        my->r = n; /* LINT: 'n' */
    }
    picot_end;
}

picot_async_fn(double, floating, (double x;), (double sum;))
{
    picot_begin;
    double half = my->x / 2;
    picot_yield();
    picot_return(half); /* LINT: 'half' */
    picot_end;
}
