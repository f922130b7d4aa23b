/* SPDX-License-Identifier: MIT
 *
 * Seeded bugs for picot-lint: static locals, awaits inside a switch, code before picot_begin.
 */
#include "lint.h"

picot_async_fn(int, counts, (int x;), (int r;))
{
    picot_begin;
    static int calls; /* LINT: static 'calls' is shared by all running calls of 'counts' */
    calls = my->x;
    picot_await(picot_sleep(.ns = 1));
    picot_return(calls);
    picot_end;
}

picot_async_fn(int, static_buffer, (int x;), (int r;))
{
    picot_begin;
    static char text[32];      /* LINT: static 'text' */
    static const char *names[] /* LINT: static 'names' */
        = {"a", "b"};
    lint_fill(text, sizeof text);
    names[0] = text;
    picot_end;
}

picot_async_fn(int, await_in_a_switch, (int x, r;), (int unused;))
{
    picot_begin;
    switch (my->x) {
    case 1:
        picot_await(picot_sleep(.ns = 1)); /* LINT: await inside a switch */
        break;
    case 2:
        if (my->r) {
            picot_try_await(picot_sleep(.ns = 2)); /* LINT: await inside a switch */
        }
        break;
    default:
        picot_defer lint_number(3); /* LINT: picot_defer inside a switch */
    }
    picot_end;
}

picot_async_fn(int, before_begin, (int x;), (int r;))
{
    int n = 4;
    my->r = 0;                      /* LINT: this runs again at each resume */
    int other = lint_number(my->x); /* LINT: this call runs again at each resume */
    picot_begin;
    n++;
    picot_yield();
    my->r += n; /* LINT: 'n' */
    my->r += other;
    picot_end;
}
