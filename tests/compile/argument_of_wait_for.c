/* SPDX-License-Identifier: MIT
 *
 * An argument of the wrong type in a wait_for.
 */
#include "misuse.h"

picot_async_fn(int, user, (int *p;), (int r;))
{
    picot_begin;
    picot_try_wait_for(my->r, PICOT_SECOND, fetch(my->p)); /* ERROR: incompatible pointer type */
    picot_end;
}
