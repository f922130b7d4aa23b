/* SPDX-License-Identifier: MIT
 *
 * An integer result into a pointer.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (char *name;))
{
    picot_begin;
    picot_wait_for(my->name, PICOT_SECOND, fetch("x")); /* ERROR: makes pointer from integer|incompatible integer to pointer */
    picot_end;
}
