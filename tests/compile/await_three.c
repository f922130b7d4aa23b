/* SPDX-License-Identifier: MIT
 *
 * Too many arguments of an await.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_await(my->r, PICOT_SECOND, fetch("x")); /* ERROR: too many arguments: an await takes a call */
    picot_end;
}
