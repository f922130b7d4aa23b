/* SPDX-License-Identifier: MIT
 *
 * A yield of another pointer type.
 */
#include "misuse.h"

typedef char *text;
picot_gen_fn(text, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_yield_value(&my->v); /* ERROR: incompatible pointer type */
    picot_end;
}
