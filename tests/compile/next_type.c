/* SPDX-License-Identifier: MIT
 *
 * A next into a variable of another type.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_generate(my->g, numbers(1));
    picot_await(my->r, picot_next(my->g, my->text)); /* ERROR: incompatible pointer type */
    picot_end;
}
