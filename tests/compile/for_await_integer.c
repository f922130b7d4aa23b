/* SPDX-License-Identifier: MIT
 *
 * A loop whose variable is another integer.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; long n;))
{
    picot_begin;
    picot_generate(my->g, numbers(1));
    picot_for_await(my->n, my->g) my->n++; /* ERROR: incompatible pointer type */
    picot_end;
}
