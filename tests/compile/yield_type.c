/* SPDX-License-Identifier: MIT
 *
 * A yield of another type.
 */
#include "misuse.h"

picot_gen_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_yield_value(my->text); /* ERROR: integer from pointer|incompatible pointer to integer */
    picot_end;
}
