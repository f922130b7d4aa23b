/* SPDX-License-Identifier: MIT
 *
 * Seeded bugs for picot-lint around generators: a yield is a wait like any other, and so is each round of a loop over
 * values.
 */
#include "lint.h"

picot_gen_fn(int, over_a_yield, (int from;), (int r;))
{
    picot_begin;
    int n = my->from;
    picot_yield_value(n);
    picot_yield_value(n + 1); /* LINT: 'n' */
    picot_end;
}
#define over_a_yield(...) picot_call(over_a_yield, __VA_ARGS__)

picot_gen_fn(long, counter_of_a_loop, (int to;), (int r;))
{
    picot_begin;
    for (int i = 0; i < my->to; i++) { /* LINT: 'i' */
        picot_try_yield_value(i);
    }
    picot_end;
}
#define counter_of_a_loop(...) picot_call(counter_of_a_loop, __VA_ARGS__)

picot_gen_fn(int, over_a_reception, (int x;), (int command;))
{
    picot_begin;
    int sum = 0;
    for (;;) {
        picot_yield_into(my->command, sum); /* LINT: 'sum' */
        sum += my->command;
    }
    picot_end;
}

picot_gen_fn(const char *, gives_a_local, (int x;), (char text[8];))
{
    picot_begin;
    char text[8];
    lint_fill(text, sizeof text);
    picot_yield_value(text); /* LINT: address of 'text' is given away by a yield */
    picot_yield_value(my->text);
    picot_end;
}

picot_gen_fn(int, over_a_delegation, (int x;), (picot_generator_of(int) inner;))
{
    picot_begin;
    int n = my->x;
    picot_generate(my->inner, over_a_yield(n));
    picot_yield_from(my->inner);
    picot_yield_value(n); /* LINT: 'n' */
    picot_end;
}

picot_gen_fn(int, in_its_defer, (int x;), (int r;))
{
    picot_begin;
    char *block = malloc(8);
    picot_defer free(block); /* LINT: 'block' (line 62) is gone when */
    picot_yield_value(1);
    picot_end;
}

picot_gen_fn(int, static_in_a_generator, (int x;), (int r;))
{
    picot_begin;
    static int n; /* LINT: static 'n' is shared by all running calls of 'static_in_a_generator' */
    picot_yield_value(n++);
    picot_end;
}

picot_gen_fn(int, yields_in_a_switch, (int x;), (int r;))
{
    picot_begin;
    switch (my->x) {
    case 0:
        picot_yield_value(1); /* LINT: await inside a switch */
        break;
    default:
        break;
    }
    picot_end;
}

picot_async_fn(int, sum_in_a_local, (int x;), (picot_generator_of(int) numbers; int n;))
{
    picot_begin;
    int sum = 0;
    picot_generate(my->numbers, over_a_yield(my->x));
    picot_for_await(my->n, my->numbers) sum += my->n; /* LINT: 'sum' */
    picot_return(sum);
    picot_end;
}

picot_async_fn(int, value_in_a_local, (int x;), (picot_generator_of(int) numbers; int r;))
{
    picot_begin;
    int n;
    picot_generate(my->numbers, over_a_yield(my->x));
    picot_for_await(n, my->numbers)
    {
        picot_await(picot_sleep(.ns = n));
        my->r += n; /* LINT: 'n' */
    }
    picot_end;
}

picot_async_fn(int, value_of_next, (int x;), (picot_generator_of(int) numbers; int r;))
{
    picot_begin;
    picot_generate(my->numbers, over_a_yield(my->x));
    int n = 0;
    picot_await(my->r, picot_next(my->numbers, n));            /* LINT: address of 'n' is handed to an awaited call */
    picot_await(my->r, picot_gen_send(my->numbers, my->r, n)); /* LINT: 'n' */
    picot_end;
}

picot_async_fn(int, local_generator, (int x;), (int n;))
{
    picot_begin;
    picot_generator_of(int) numbers = {{0}};
    picot_generate(numbers, over_a_yield(my->x)); /* LINT: 'numbers' */
    picot_end;
}

picot_gen_fn(int, of_a_pair, (struct lint_pair * pair;), (int r;))
{
    picot_begin;
    picot_yield_value(my->pair->a);
    picot_end;
}

picot_async_fn(int, argument_in_a_local, (int x;), (picot_generator_of(int) numbers; int n;))
{
    picot_begin;
    struct lint_pair pair = {1, 2};
    picot_generate(my->numbers,
                   picot_call(of_a_pair, .pair = &pair)); /* LINT: address of 'pair' is handed to a generator */
    picot_for_await(my->n, my->numbers) lint_number(my->n);
    picot_end;
}
