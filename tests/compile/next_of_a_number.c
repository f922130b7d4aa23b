/* SPDX-License-Identifier: MIT
 *
 * A next of what is no generator.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_await(my->r, picot_next(my->v, my->v)); /* ERROR: request for member ._item.|member reference base type */
    picot_end;
}
