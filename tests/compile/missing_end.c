/* SPDX-License-Identifier: MIT
 *
 * The picot_end is missing.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_begin; /* ERROR: label .picot_exit_. used but not defined|undeclared label .picot_exit_. */
    picot_await(my->r, fetch("x"));
    picot_return(my->r); /* ERROR: label .picot_exit_. used but not defined|undeclared label .picot_exit_. */
}
