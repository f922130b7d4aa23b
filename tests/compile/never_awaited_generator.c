/* SPDX-License-Identifier: MIT
 *
 * A generator's call that is neither opened nor delegated to.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    numbers(3); /* ERROR: .numbers. undeclared|undeclared identifier .numbers. */
    picot_end;
}
