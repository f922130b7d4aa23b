/* SPDX-License-Identifier: MIT
 *
 * The result of picot_run_into into a variable of another type.
 */
#include "misuse.h"

int user(picot_loop *loop);
int user(picot_loop *loop)
{
    long value = 0;
    int rc = picot_run_into(loop, &value, fetch("x")); /* ERROR: incompatible pointer type */
    return rc ? rc : (int)value;
}
