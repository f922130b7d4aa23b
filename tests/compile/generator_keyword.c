/* SPDX-License-Identifier: MIT
 *
 * A keyword that the generator does not have.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_generate(my->g,
                   numbers(.too = 1)); /* ERROR: has no member named .too|field designator .too. does not refer */
    picot_end;
}
