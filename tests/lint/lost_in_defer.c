/* SPDX-License-Identifier: MIT
 *
 * Seeded bugs for picot-lint: a defer block runs when the function ends, perhaps many awaits later; locals declared
 * outside of it are gone then, whether or not an await stands between.
 */
#include "lint.h"

picot_async_fn(int, closes_a_local, (picot_fd fd;), (int r;))
{
    picot_begin;
    picot_fd conn = my->fd;
    picot_defer
    {
        picot_await(picot_close(.fd = conn)); /* LINT: 'conn' (line 11) is gone when this defer block runs */
    }
    picot_await(picot_sleep(.ns = 1));
    picot_end;
}

picot_async_fn(int, frees_a_local, (size_t size;), (int r;))
{
    picot_begin;
    char *block = malloc(my->size);
    picot_defer free(block); /* LINT: 'block' */
    if (!block) picot_fail(-ENOMEM);
    block[0] = 1;
    picot_end;
}

picot_async_fn(int, set_after_the_defer, (int x;), (int r;))
{
    picot_begin;
    int n;
    picot_defer
    {
        my->r += n; /* LINT: 'n' */
    }
    n = lint_number(my->x);
    my->r = n;
    picot_end;
}

picot_async_fn(int, across_an_await_in_the_defer, (int x;), (int r;))
{
    picot_begin;
    picot_defer
    {
        int n = lint_number(my->x);
        picot_await(picot_sleep(.ns = 1));
        my->r += n; /* LINT: 'n' (line 48) does not survive the await at line 49 */
    }
    picot_yield();
    picot_end;
}

picot_async_fn(int, status_kept_outside, (int x;), (int r;))
{
    picot_begin;
    int ok = 0;
    picot_defer
    {
        if (!ok) my->r = picot_status(); /* LINT: 'ok' */
    }
    picot_try_await(picot_sleep(.ns = 1));
    ok = 1;
    picot_end;
}
