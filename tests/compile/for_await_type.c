/* SPDX-License-Identifier: MIT
 *
 * A loop whose variable has another type.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_generate(my->g, numbers(1));
    picot_for_await(my->text, my->g) my->r++; /* ERROR: incompatible pointer type */
    picot_end;
}
