/* SPDX-License-Identifier: MIT
 *
 * A generator's argument of another type.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_generate(
        my->g, numbers(.to = "1")); /* ERROR: integer from pointer|integer from .char|incompatible pointer to integer */
    picot_end;
}
