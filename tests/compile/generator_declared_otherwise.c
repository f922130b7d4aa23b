/* SPDX-License-Identifier: MIT
 *
 * A generator that is declared with other arguments.
 */
#include "misuse.h"

picot_gen_def(long, declared_gen, (int a; long b, c;), (int r;)) /* ERROR: differ from its picot_gen_decl */
{
    picot_begin;
    picot_end;
}
