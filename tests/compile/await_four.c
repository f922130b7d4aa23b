/* SPDX-License-Identifier: MIT
 *
 * Far too many arguments of an await.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_try_await(my->r, 1, 2, fetch("x")); /* ERROR: too many arguments: an await takes a call */
    picot_end;
}
