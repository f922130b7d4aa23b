/* SPDX-License-Identifier: MIT
 *
 * An async function that is opened as a generator.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_generate(my->g, fetch("x")); /* ERROR: fetch_gen_fn */
    picot_end;
}
