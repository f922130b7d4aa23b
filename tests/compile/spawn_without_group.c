/* SPDX-License-Identifier: MIT
 *
 * A spawn without its group.
 */
#include "misuse.h"

picot_async_fn(int, user, (int x;), (picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(fetch("x")); /* ERROR: too few arguments: a spawn takes &group */
    picot_end;
}
