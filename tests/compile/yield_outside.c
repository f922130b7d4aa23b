/* SPDX-License-Identifier: MIT
 *
 * A yield in an async function.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_yield_value(1); /* ERROR: has no member named ._value_of_a_gen_fn.|no member named ._value_of_a_gen_fn. */
    picot_end;
}
