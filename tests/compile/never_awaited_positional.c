/* SPDX-License-Identifier: MIT
 *
 * A call that nobody awaits.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    fetch("x", 3); /* ERROR: .fetch. undeclared|undeclared identifier .fetch. */
    picot_end;
}
