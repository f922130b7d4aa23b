/* SPDX-License-Identifier: MIT
 *
 * A spawn with the group instead of its address.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(my->group, fetch("x")); /* ERROR: incompatible type */
    picot_end;
}
