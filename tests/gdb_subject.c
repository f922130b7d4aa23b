/* SPDX-License-Identifier: MIT
 *
 * gdb_subject.c - what test_gdb.sh stops: a task with two children that sleep. It knows the line numbers.
 */
#include <picot.h>
#include <picot/short.h>

/* Where the debugger finds them in an optimised build, too. */
picot_loop *volatile subject_loop;
picot_task *volatile subject_task;
void stop_here(void);

async_fn(int, child, (int64_t ns;), (int rc;))
{
    async_begin;
    /* The line of the await is what is seen. */

    await(my->rc, picot_sleep(.ns = my->ns));
    async_end;
}
#define child(...) async_call(child, __VA_ARGS__)

async_fn(int, parent, (char unused;), (picot_group group;))
{
    async_begin;
    task_group(my->group);
    spawn(&my->group, child(.ns = PICOT_SECOND));
    spawn(&my->group, child(.ns = PICOT_SECOND));

    /* Both have begun after this. */
    yield_now();
    subject_task = picot_self;
    stop_here();
    (void)picot_group_cancel(&my->group, "seen");
    async_end;
}

__attribute__((noinline)) void stop_here(void)
{
    static volatile int stops;
    stops = stops + 1;
}

int main(void)
{
    picot_loop *loop;
    if (picot_loop_create(NULL, &loop) < 0) return 1;
    subject_loop = loop;
    int rc = picot_run(loop, async_call(parent, .unused = 0));
    return picot_loop_destroy(loop, PICOT_DESTROY_FORCE) < 0 || rc < 0;
}
