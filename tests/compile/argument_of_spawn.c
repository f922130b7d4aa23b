/* SPDX-License-Identifier: MIT
 *
 * An argument of the wrong type in a spawn.
 */
#include "misuse.h"

picot_async_fn(int, user, (int *p;), (picot_group group;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, fetch(.url = my->p)); /* ERROR: incompatible pointer type */
    picot_end;
}
