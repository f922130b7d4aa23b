/* SPDX-License-Identifier: MIT
 *
 * Seeded bugs for picot-lint whose lines are hard to tell: inside macros, in headers, over several lines, short names.
 */
#include "body_in_header.h"

#include <picot/short.h>

#define PAUSE() await(picot_sleep(.ns = 1))
#define ADD_TO_RESULT(x)                                                                                               \
    do {                                                                                                               \
        my->r += (x);                                                                                                  \
    } while (0)
#define TWICE_N (2 * n)

async_fn(int, short_names, (int x;), (int r;))
{
    async_begin;
    int n = my->x;
    await(my->r, from_header(.x = n));
    async_return(n); /* LINT: 'n' (line 19) does not survive the await at line 20 */
    async_end;
}

async_fn(int, inside_macros, (int x, r;), (int unused;))
{
    async_begin;
    int n = my->x;
    PAUSE();
    ADD_TO_RESULT(3 + n); /* LINT: 'n' (line 28) does not survive the await at line 29 */
    async_end;
}

async_fn(int, in_a_macro_s_text, (int x, r;), (int unused;))
{
    async_begin;
    int n = my->x;

    PAUSE();

    ADD_TO_RESULT(TWICE_N); /* LINT: 'n' (line 37) does not survive the await at line 39 */
    async_end;
}

#line 1000 "generated.y"
async_fn(int, two_on_a_line, (int x, r;), (int unused;))
{
    async_begin;
    int a = my->x;
    /* clang-format off */
    PAUSE(); ADD_TO_RESULT(a); PAUSE(); /* LINT: 'a' */
    /* clang-format on */
    async_end;
}
