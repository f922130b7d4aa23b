/* SPDX-License-Identifier: MIT
 *
 * An await of a function that does not exist.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_await(my->r, picot_call(fecth, .url = "x")); /* ERROR: fecth */
    picot_end;
}
