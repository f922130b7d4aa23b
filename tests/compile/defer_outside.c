/* SPDX-License-Identifier: MIT
 *
 * A defer in a plain function.
 */
#include "misuse.h"

int user(int x);
int user(int x)
{
    picot_defer x++; /* ERROR: .my. undeclared|undeclared identifier .my. */
    return x;
}
