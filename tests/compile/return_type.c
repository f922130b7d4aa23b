/* SPDX-License-Identifier: MIT
 *
 * picot_return of a value of the wrong type.
 */
#include "misuse.h"

picot_async_fn(char *, user, (int x;), (int r;))
{
    picot_begin;
    picot_yield();
    picot_return(my->x); /* ERROR: makes pointer from integer|incompatible integer to pointer */
    picot_end;
}
