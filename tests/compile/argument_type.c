/* SPDX-License-Identifier: MIT
 *
 * An argument of the wrong type: a number where a string belongs.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_await(my->r, fetch(.url = 7)); /* ERROR: makes pointer from integer|incompatible integer to pointer */
    picot_end;
}
