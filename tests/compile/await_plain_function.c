/* SPDX-License-Identifier: MIT
 *
 * An await of a plain function.
 */
#include "misuse.h"

int plain(int x);
picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_await(my->r, plain(3)); /* ERROR: . */
    picot_end;
}
