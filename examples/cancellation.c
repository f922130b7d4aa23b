/* SPDX-License-Identifier: MIT
 *
 * cancellation.c - a deadline around several awaits, a cleanup that is not cut, and a shutdown with a grace.
 */
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>

/* Works until it is cancelled; then it has 50 ms to save what it has. */
async_fn(int, worker, (int id;), (picot_scope saving; picot_cancellation why; int done;))
{
    async_begin;
    for (;;) {
        await(picot_sleep(.ns = 5 * PICOT_MS));
        if (async_error() < 0) break;
        my->done++;
    }
    if (picot_task_cancellation(picot_self, &my->why) == 0)
        printf("worker %d: %s, \"%s\", ", my->id, picot_cancel_reason_name(my->why.reason), my->why.text);
    shielded_for(my->saving, 50 * PICOT_MS)
    {
        await(picot_sleep(.ns = PICOT_MS)); /* not cut, although the worker is cancelled */
        printf("%s; ", async_error() < 0 ? "lost" : "saved");
    }
    async_fail(-ECANCELED);
    async_end;
}
#define worker(...) async_call(worker, __VA_ARGS__)

async_fn(int, program, (int unused;), (picot_group workers; picot_scope limit; int r;))
{
    async_begin;
    defer
    {
        printf("program: %s\n", async_status() < 0 ? picot_error_name(async_status()) : "done");
    }
    timeout(my->limit, 10 * PICOT_MS) /* one deadline for all that is inside */
    {
        await(picot_sleep(.ns = PICOT_MS));
        await(picot_sleep(.ns = PICOT_SECOND));
    }
    printf("limit: %s; ", async_error() == -ETIMEDOUT ? "passed" : "met");

    wait_for(my->r, PICOT_MS, picot_sleep(.ns = PICOT_SECOND)); /* the same for a single call */
    printf("wait_for: %s; ", picot_error_name(my->r));

    task_group(my->workers);
    spawn(&my->workers, worker(.id = 1));
    await(picot_sleep(.ns = 12 * PICOT_MS));
    picot_group_cancel(&my->workers, "closing time");
    try_await(picot_join(.group = &my->workers)); /* no failure: it was asked for */
    async_end;
}

int main(void)
{
    picot_loop *loop;
    int rc = picot_loop_create(NULL, &loop);

    if (rc == 0) rc = picot_run(loop, async_call(program, 0));
    if (rc == 0) rc = picot_loop_destroy(loop, PICOT_DESTROY_IDLE);
    return rc < 0;
}
