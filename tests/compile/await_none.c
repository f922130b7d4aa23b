/* SPDX-License-Identifier: MIT
 *
 * An await of nothing.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_await(); /* ERROR: . */
    picot_end;
}
