/* SPDX-License-Identifier: MIT
 *
 * A delegation to a generator of another type.
 */
#include "misuse.h"

picot_gen_fn(long, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_generate(my->g, numbers(1));
    picot_yield_from(my->g); /* ERROR: incompatible pointer type */
    picot_end;
}
