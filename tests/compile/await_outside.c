/* SPDX-License-Identifier: MIT
 *
 * An await in a plain function.
 */
#include "misuse.h"

int user(int x);
int user(int x)
{
    picot_await(x, fetch("x")); /* ERROR: .my. undeclared|undeclared identifier .my. */
    return x;
}
