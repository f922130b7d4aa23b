/* SPDX-License-Identifier: MIT
 *
 * A call without arguments that nobody awaits.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    fetch(); /* ERROR: expected expression|undeclared */
    picot_end;
}
