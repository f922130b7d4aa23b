/* SPDX-License-Identifier: MIT
 *
 * A definition whose arguments differ from those of its declaration.
 */
#include "misuse.h"

picot_async_def(long, declared, (int a;), (int r;)) /* ERROR: declared: arguments or result differ from its picot_async_decl */
{
    picot_begin;
    picot_yield();
    picot_end;
}
