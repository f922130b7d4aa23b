/* SPDX-License-Identifier: MIT
 *
 * A plain return in a generator.
 */
#include "misuse.h"

picot_gen_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    return 3; /* ERROR: incompatible types|incompatible type|incompatible result type */
    picot_end;
}
