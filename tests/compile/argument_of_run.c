/* SPDX-License-Identifier: MIT
 *
 * An argument of the wrong type in a call from plain code.
 */
#include "misuse.h"

int user(picot_loop *loop);
int user(picot_loop *loop)
{
    return picot_run(loop, fetch(.url = 7)); /* ERROR: makes pointer from integer|incompatible integer to pointer */
}
