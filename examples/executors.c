/* SPDX-License-Identifier: MIT
 *
 * executors.c - blocking work next to coroutines: a task counts primes in other threads and stays able to do other
 * things; a map spreads ranges over a pool.
 */
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>

struct range {
    int from, to;
};

static int64_t count_primes(picot_worker *worker, void *arg)
{
    const struct range *range = arg;
    int64_t count = 0;
    for (int n = range->from; n < range->to; n++) {
        int divisor = 2;
        while (divisor * divisor <= n && n % divisor != 0)
            divisor++;
        if (n > 1 && divisor * divisor > n) count++;
        if (n % 1024 == 0 && picot_worker_cancelled(worker)) return -ECANCELED; /* nobody wants it any more */
    }
    return count;
}

static int64_t count_item(picot_worker *worker, const void *item, void *ret)
{
    (void)ret;
    return count_primes(worker, (void *)(uintptr_t)item);
}

/* What else the loop does meanwhile. */
async_fn(int, ticker, (int *ticks;), (int unused;))
{
    async_begin;
    for (;;) {
        try_await(picot_sleep(.ns = PICOT_MS));
        ++*my->ticks;
    }
    async_end;
}
#define ticker(...) async_call(ticker, __VA_ARGS__)

async_fn(int, primes, (picot_executor * pool; int ticks;),
         (struct range all; struct range parts[8]; picot_group others; picot_map * map; picot_mapped item;
          picot_map_options options; int64_t whole; int64_t sum; int i; int r;))
{
    async_begin;
    task_group(my->others)
    {
        spawn(&my->others, ticker(.ticks = &my->ticks));
        my->all = (struct range){0, 40000};
        try_await(my->whole, picot_run_in(.fn = count_primes, .arg = &my->all)); /* the loop's own pool */

        for (my->i = 0; my->i < 8; my->i++)
            my->parts[my->i] = (struct range){my->i * 5000, (my->i + 1) * 5000};
        my->options = (picot_map_options)PICOT_MAP_OPTIONS_INIT;
        my->options.fn = count_item;
        my->options.items = my->parts;
        my->options.count = 8;
        my->options.item_size = sizeof my->parts[0];
        my->r = picot_map_create(my->pool, &my->options, &my->map);
        if (my->r < 0) async_fail(my->r);
        defer
        {
            picot_map_destroy(my->map);
        }
        for (;;) {
            await(my->r, picot_next_mapped(.map = my->map, .ret_mapped = &my->item));
            if (my->r == PICOT_ECLOSED) break;
            if (my->r < 0) async_fail(my->r);
            my->sum += my->item.result;
        }
        picot_group_cancel(&my->others, NULL);
    }
    printf("primes below 40000: %d in one call, %d in eight\n", (int)my->whole, (int)my->sum);
    async_end;
}
#define primes(...) async_call(primes, __VA_ARGS__)

int main(void)
{
    picot_thread_pool_options options = PICOT_THREAD_POOL_OPTIONS_INIT;
    picot_executor *pool;
    options.name = "primes";
    options.threads_max = 4;
    int rc = picot_thread_pool_create(&options, &pool);
    if (rc == 0) {
        rc = picot_main(NULL, primes(.pool = pool));
        picot_executor_destroy(pool);
    }
    if (rc < 0) printf("primes: %s\n", picot_strerror(rc));
    return rc < 0;
}
