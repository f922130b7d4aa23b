/* SPDX-License-Identifier: MIT
 *
 * A delegation in an async function.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_generate(my->g, numbers(1));
    picot_yield_from(my->g); /* ERROR: no member named ._value_of_a_gen_fn. */
    picot_end;
}
