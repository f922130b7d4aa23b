/* SPDX-License-Identifier: MIT
 *
 * queues.c - two producers, three workers, a queue of four between them: who is faster waits for the others.
 */
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>

async_fn(int, producer, (picot_queue * jobs; int first; int count;), (int job;))
{
    async_begin;
    for (my->job = my->first; my->job < my->first + my->count; my->job++)
        try_await(picot_put(.queue = my->jobs, .item = &my->job)); /* waits while four are inside */
    async_end;
}
#define producer(...) async_call(producer, __VA_ARGS__)

/* Works until the queue is shut down and empty. */
async_fn(int, worker, (picot_queue * jobs; long *sum;), (int job, r;))
{
    async_begin;
    for (;;) {
        await(my->r, picot_get(.queue = my->jobs, .ret_item = &my->job));
        if (my->r == PICOT_ECLOSED) async_return(0);
        if (my->r < 0) async_fail(my->r);
        try_await(picot_sleep(.ns = PICOT_MS));
        *my->sum += my->job;
    }
    async_end;
}
#define worker(...) async_call(worker, __VA_ARGS__)

async_fn(int, factory, (long *sum;), (picot_queue jobs; picot_group producers, workers; int i, r;))
{
    async_begin;
    my->r = picot_queue_init(picot_this_loop(), &my->jobs, sizeof(int), 4, NULL);
    if (my->r < 0) async_fail(my->r);
    defer
    {
        picot_queue_destroy(&my->jobs);
    } /* runs last: when nobody can be waiting any more */
    task_group(my->workers);
    task_group(my->producers);
    for (my->i = 0; my->i < 3; my->i++)
        try_spawn(&my->workers, worker(.jobs = &my->jobs, .sum = my->sum));
    try_spawn(&my->producers, producer(.jobs = &my->jobs, .first = 1, .count = 50));
    try_spawn(&my->producers, producer(.jobs = &my->jobs, .first = 51, .count = 50));
    try_await(picot_join(.group = &my->producers));
    picot_queue_shutdown(&my->jobs, PICOT_GRACEFUL);
    try_await(picot_join(.group = &my->workers));
    async_end;
}

int main(void)
{
    long sum = 0;
    picot_loop *loop;
    int rc = picot_loop_create(NULL, &loop);

    if (rc < 0) return fprintf(stderr, "%s\n", picot_strerror(rc)), 1;
    rc = picot_run(loop, async_call(factory, .sum = &sum));
    printf("the jobs from 1 to 100 make %ld: %s\n", sum, picot_strerror(rc));
    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    return rc < 0;
}
