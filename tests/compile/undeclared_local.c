/* SPDX-License-Identifier: MIT
 *
 * my-> of a local that is not declared.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_await(my->total, fetch("x")); /* ERROR: no member named .total. */
    picot_end;
}
