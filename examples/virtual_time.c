/* SPDX-License-Identifier: MIT
 *
 * virtual_time.c - a test of time-outs that takes no time: a client that backs off, and a server that is not there for
 * an hour. Exit status 0: the client did what it should. With a seed as argument, in another order.
 */
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTE (60 * PICOT_SECOND)

/* ---- what is tested: asks again and again, each time after twice as long, at most after ten minutes ----------------
 */

typedef int64_t ask(void);

async_fn(int, fetch, (ask * ask; int64_t limit_ns; int *ret_tries;), (int64_t delay_ns; int64_t end_ns;))
{
    async_begin;
    my->delay_ns = PICOT_SECOND;
    my->end_ns = picot_loop_now(picot_this_loop()) + my->limit_ns;
    for (*my->ret_tries = 1; my->ask() < 0; ++*my->ret_tries) {
        if (picot_loop_now(picot_this_loop()) + my->delay_ns > my->end_ns) async_fail(-ETIMEDOUT);
        try_await(picot_sleep(.ns = my->delay_ns));
        my->delay_ns = my->delay_ns * 2 < 10 * MINUTE ? my->delay_ns * 2 : 10 * MINUTE;
    }
    async_end;
}
#define fetch(...) async_call(fetch, __VA_ARGS__)

/* ---- the test ------------------------------------------------------------------------------------------------------
 */

static picot_loop *loop;
static int64_t server_is_up_ns;

static int64_t ask_the_server(void)
{
    (void)picot_sim_advance(loop, 30 * PICOT_MS); /* asking takes its time */
    return picot_loop_now(loop) < server_is_up_ns ? -ECONNREFUSED : 0;
}

async_fn(int, waits_for_nobody, (int unused;), ())
{
    async_begin;
    try_await(picot_sleep(.ns = PICOT_NEVER)); /* a wake-up that somebody has forgotten */
    async_end;
}

static int expect(const char *what, int64_t wanted, int64_t found)
{
    printf("%-44s %s\n", what, wanted == found ? "ok" : "WRONG");
    if (wanted != found) fprintf(stderr, "%s: %lld, not %lld\n", what, (long long)found, (long long)wanted);
    return wanted != found;
}

int main(int argc, char **argv)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    int wrong = 0, tries = 0;
    options.backend = "sim";
    options.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    if (picot_loop_create(&options, &loop) < 0) return 1;
    server_is_up_ns = picot_loop_now(loop) + 60 * MINUTE;

    int rc = picot_run(loop, fetch(.ask = ask_the_server, .limit_ns = 120 * MINUTE, .ret_tries = &tries));
    wrong += expect("an hour: the client gets through", 0, rc);
    wrong += expect("an hour: it did not ask too often", 16, tries); /* 10 doublings make 17 minutes, then 5 more */
    wrong += expect("an hour: it was there after ten minutes more", 1,
                    picot_loop_now(loop) - server_is_up_ns <= 10 * MINUTE);

    server_is_up_ns = PICOT_NEVER;
    rc = picot_run(loop, fetch(.ask = ask_the_server, .limit_ns = 120 * MINUTE, .ret_tries = &tries));
    wrong += expect("never: the client gives up", -ETIMEDOUT, rc);

    rc = picot_run(loop, async_call(waits_for_nobody, .unused = 0));
    wrong += expect("a lost wake-up is found", -EDEADLK, rc);

    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    return wrong != 0;
}
