/* SPDX-License-Identifier: MIT
 *
 * An option that groups do not have.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_group group;))
{
    picot_begin;
    picot_task_group(my->group, .keep_on = 1); /* ERROR: has no member named .keep_on.|field designator .keep_on. */
    picot_end;
}
