/* SPDX-License-Identifier: MIT
 *
 * A time-out that is no number.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_wait_for(my->r, "5s", fetch("x")); /* ERROR: makes integer from pointer|incompatible pointer to integer */
    picot_end;
}
