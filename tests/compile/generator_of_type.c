/* SPDX-License-Identifier: MIT
 *
 * A generator for values of another type.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(long) g;))
{
    picot_begin;
    picot_generate(my->g, numbers(1)); /* ERROR: incompatible pointer type */
    picot_end;
}
