/* SPDX-License-Identifier: MIT
 *
 * A keyword that the called function does not have.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin;
    picot_await(my->r, fetch(.urll = "x")); /* ERROR: has no member named .urll|field designator .urll. does not refer */
    picot_end;
}
