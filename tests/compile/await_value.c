/* SPDX-License-Identifier: MIT
 *
 * An await of something that is no call.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_await(my->r, my->x); /* ERROR: . */
    picot_end;
}
