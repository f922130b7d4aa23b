/* SPDX-License-Identifier: MIT
 *
 * The result of a task into a variable of another type.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_group group; long r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, my->r, fetch("x")); /* ERROR: incompatible pointer type */
    picot_end;
}
