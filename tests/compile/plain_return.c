/* SPDX-License-Identifier: MIT
 *
 * A plain return of a value instead of picot_return.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_yield();
    return my->r; /* ERROR: incompatible type|incompatible result type */
    picot_end;
}
