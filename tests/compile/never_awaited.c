/* SPDX-License-Identifier: MIT
 *
 * A call that nobody awaits, with keywords.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;
    fetch(.url = "x"); /* ERROR: expected expression before ...|expected expression */
    picot_end;
}
