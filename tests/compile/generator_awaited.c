/* SPDX-License-Identifier: MIT
 *
 * A generator that is awaited.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    picot_await(my->r, numbers(1)); /* ERROR: .numbers_fn. undeclared|undeclared identifier .numbers_fn. */
    picot_end;
}
