/* SPDX-License-Identifier: MIT
 *
 * Seeded bugs for picot-lint around the blocks of scope.h: what stands before, in and behind them.
 */
#include "lint.h"

picot_async_fn(int, over_a_block, (int x;), (picot_scope limit;))
{
    picot_begin;
    int n = my->x;
    picot_timeout(my->limit, PICOT_SECOND)
    {
        picot_await(picot_sleep(.ns = 1));
    }
    picot_return(n); /* LINT: 'n' */
    picot_end;
}

picot_async_fn(int, in_a_block, (int x;), (picot_scope limit; int r;))
{
    picot_begin;
    picot_timeout_at(my->limit, my->x)
    {
        int n = lint_number(my->x);
        if (n == 3) break;
        picot_await(picot_sleep(.ns = n));
        my->r = n; /* LINT: 'n' */
    }
    picot_end;
}

picot_async_fn(int, in_a_shield, (int x;), (picot_scope shield; int r;))
{
    picot_begin;
    char text[8];
    lint_fill(text, sizeof text);
    picot_shielded(my->shield) picot_await(picot_sleep(.ns = 1));
    picot_shielded_for(my->shield, PICOT_SECOND)
    {
        my->r = lint_sum(text, sizeof text); /* LINT: 'text' */
    }
    picot_end;
}

picot_async_fn(int, in_a_loop_around, (int x;), (picot_scope scope; int r;))
{
    picot_begin;
    for (int i = 0; i < 3; i++) { /* LINT: 'i' */
        picot_cancel_scope(my->scope)
        {
            if (my->x > 3) continue;
            picot_await(picot_sleep(.ns = 1));
        }
    }
    picot_end;
}

picot_async_fn(int, nested_blocks, (int x;), (picot_scope outer, inner; int r;))
{
    picot_begin;
    picot_timeout(my->outer, PICOT_SECOND)
    {
        int rest = my->x;
        picot_timeout(my->inner, 1) picot_await(picot_sleep(.ns = 1));
        if (picot_error() == -ETIMEDOUT) my->r = rest; /* LINT: 'rest' */
    }
    picot_end;
}

picot_async_fn(int, local_scope, (int x;), (int r;))
{
    picot_begin;
    picot_scope limit = {.step = 0};
    picot_timeout(limit, PICOT_SECOND) /* LINT: 'limit' */
    {
        picot_await(picot_sleep(.ns = 1));
    }
    picot_end;
}

picot_async_fn(int, time_out_in_a_local, (int x;), (picot_scope limit; int r;))
{
    picot_begin;
    int64_t limit_ns = my->x;
    picot_yield();
    picot_timeout(my->limit, limit_ns) picot_await(picot_sleep(.ns = 1)); /* LINT: 'limit_ns' */
    picot_end;
}
