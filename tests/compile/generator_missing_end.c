/* SPDX-License-Identifier: MIT
 *
 * A generator without its picot_end.
 */
#include "misuse.h"

picot_gen_fn(int, user, (int x;), (picot_generator_of(int) g; int v, r; char *text;))
{
    picot_begin;          /* ERROR: label .picot_exit_. used but not defined|undeclared label .picot_exit_. */
    picot_yield_value(1); /* ERROR: label .picot_exit_. used but not defined|undeclared label .picot_exit_. */
}
