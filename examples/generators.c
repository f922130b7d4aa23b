/* SPDX-License-Identifier: MIT
 *
 * generators.c - a service that answers in pages, as a stream of numbers: filtered, and closed when there are enough.
 */
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>

enum { PAGE = 4 };

/* What would be a request: it takes a while. */
async_fn(int, fetch_page, (int page; int *ret_items;), (char none;))
{
    async_begin;
    try_await(picot_sleep(.ns = PICOT_MS));
    for (int i = 0; i < PAGE; i++)
        my->ret_items[i] = my->page * PAGE + i;
    async_return(PAGE);
    async_end;
}
#define fetch_page(...) async_call(fetch_page, __VA_ARGS__)

/* One number after the other; a page is fetched when its first number is asked for. */
gen_fn(int, numbers, (char unused;), (int items[PAGE], page, count, i;))
{
    async_begin;
    defer printf("; closed after %d pages", my->page);
    for (;;) {
        try_await(my->count, fetch_page(.page = my->page, .ret_items = my->items));
        my->page++;
        for (my->i = 0; my->i < my->count; my->i++)
            try_yield_value(my->items[my->i]);
    }
    async_end;
}
#define numbers(...) async_call(numbers, __VA_ARGS__)

static int is_prime(int n)
{
    for (int i = 2; i * i <= n; i++)
        if (n % i == 0) return 0;
    return n > 1;
}

/* A filter: an error of its source becomes its own. */
gen_fn(int, primes, (char unused;), (generator_of(int) source; int n;))
{
    async_begin;
    generate(my->source, numbers());
    try_for_await(my->n, my->source)
    {
        if (is_prime(my->n)) try_yield_value(my->n);
    }
    async_end;
}
#define primes(...) async_call(primes, __VA_ARGS__)

/* Delegation: a first value of its own, then those of another. */
gen_fn(int, one_and_primes, (char unused;), (generator_of(int) rest;))
{
    async_begin;
    generate(my->rest, primes());
    try_yield_value(1);
    try_yield_from(my->rest);
    async_end;
}
#define one_and_primes(...) async_call(one_and_primes, __VA_ARGS__)

async_fn(int, user, (int limit;), (generator_of(int) stream; int n;))
{
    async_begin;
    generate(my->stream, one_and_primes());
    try_for_await(my->n, my->stream)
    {
        if (my->n > my->limit) break; /* the end of this function closes all three */
        printf(" %d", my->n);
    }
    async_end;
}

int main(void)
{
    picot_loop *loop;
    int rc = picot_loop_create(NULL, &loop);

    if (rc < 0) return fprintf(stderr, "%s\n", picot_strerror(rc)), 1;
    printf("values");
    rc = picot_run(loop, async_call(user, .limit = 13));
    printf(": %s\n", picot_strerror(rc));
    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    return rc < 0;
}
