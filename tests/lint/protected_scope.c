/* SPDX-License-Identifier: MIT
 *
 * Seeded bugs for picot-lint: scopes that C does not let a resumed function jump into. gcc compiles some of them
 * silently.
 */
#include "lint.h"

picot_async_fn(int, variable_length_array, (int x;), (int r;))
{
    picot_begin;
    if (my->x > 2) {
        int v[my->x]; /* LINT: a variable length array */
        v[0] = 1;
        picot_yield();
        my->r = v[0]; /* LINT: 'v' */
    }
    picot_end;
}

picot_async_fn(int, cleanup_attribute, (int x;), (int r;))
{
    picot_begin;
    if (my->x) {
        __attribute__((cleanup(lint_close))) int fd = 3; /* LINT: __attribute__((cleanup)) */
        my->r = fd;
        picot_yield();
    }
    picot_end;
}

picot_async_fn(int, statement_expression, (int x;), (int r;))
{
    picot_begin;
    my->r = ({
        picot_await(picot_sleep(.ns = 1)); /* LINT: inside a statement expression */
        3;
    });
    picot_end;
}
