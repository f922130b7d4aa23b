/* SPDX-License-Identifier: MIT
 *
 * A pointer result into an integer.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_await(my->r, name_of(1)); /* ERROR: makes integer from pointer|incompatible pointer to integer */
    picot_end;
}
