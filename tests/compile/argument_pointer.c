/* SPDX-License-Identifier: MIT
 *
 * An argument of the wrong pointer type.
 */
#include "misuse.h"

picot_async_fn(int, user, (int *p;), (int r;))
{
    picot_begin;
    picot_await(my->r, fetch(.url = my->p)); /* ERROR: incompatible pointer type */
    picot_end;
}
