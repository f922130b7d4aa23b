/* SPDX-License-Identifier: MIT
 *
 * sync.c - a kitchen: three cooks share two stoves and one pass; a waiter serves what stands there.
 */
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>

struct kitchen {
    picot_lock pass; /* guards the plates */
    picot_condition served;
    picot_semaphore stoves;
    picot_barrier opening;
    int plates, openings;
};

static int has_plates(void *user)
{
    return ((struct kitchen *)user)->plates;
}

async_fn(int, cook, (struct kitchen * kitchen; int number;), (picot_hold stove, pass; int first, dish;))
{
    async_begin;
    try_await(my->first, picot_barrier_wait(.barrier = &my->kitchen->opening));
    if (my->first == 0) my->kitchen->openings++; /* one of them does it for all */
    for (my->dish = 1; my->dish <= 2; my->dish++) {
        picot_try_with_units(my->stove, &my->kitchen->stoves, 1) {
            try_await(picot_sleep(.ns = my->number * 20 * PICOT_MS));
        }
        picot_try_with_lock(my->pass, &my->kitchen->pass) {
            my->kitchen->plates++;
            (void)picot_condition_notify(&my->kitchen->served, 1);
        }
    }
    async_end;
}

async_fn(int, waiter, (struct kitchen * kitchen; int plates;), (picot_hold pass; int served;))
{
    async_begin;
    while (my->served < my->plates) {
        picot_try_with_lock(my->pass, &my->kitchen->pass) {
            try_await(picot_condition_wait(&my->kitchen->served, .predicate = has_plates, .user = my->kitchen));
            my->served += my->kitchen->plates;
            my->kitchen->plates = 0;
        }
    }
    printf("opened %d time, %d plates served\n", my->kitchen->openings, my->served);
    async_end;
}

async_fn(int, evening, (int cooks;), (struct kitchen kitchen; picot_group staff; int i;))
{
    async_begin;
    (void)picot_condition_init(&my->kitchen.served, &my->kitchen.pass);
    (void)picot_semaphore_init_bounded(&my->kitchen.stoves, 2);
    (void)picot_barrier_init(&my->kitchen.opening, (uint32_t)my->cooks);
    task_group(my->staff);
    for (my->i = 1; my->i <= my->cooks; my->i++)
        try_spawn(&my->staff, async_call(cook, &my->kitchen, my->i));
    try_spawn(&my->staff, async_call(waiter, &my->kitchen, 2 * my->cooks));
    async_end;
}

int main(void)
{
    picot_loop *loop;
    int rc = picot_loop_create(NULL, &loop);

    if (rc < 0) return fprintf(stderr, "%s\n", picot_strerror(rc)), 1;
    rc = picot_run(loop, async_call(evening, .cooks = 3));
    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    return rc < 0 ? fprintf(stderr, "%s\n", picot_strerror(rc)), 1 : 0;
}
