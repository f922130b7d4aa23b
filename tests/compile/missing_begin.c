/* SPDX-License-Identifier: MIT
 *
 * The picot_begin is missing.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (int r;))
{
    picot_await(my->r, fetch("x")); /* ERROR: picot_id0_|picot_L0_ */
    picot_end; /* ERROR: picot_id0_|picot_L0_ */
}
