/* SPDX-License-Identifier: MIT
 *
 * coro_support.h - what the coroutine tests share: a trace of letters, waiting functions, running a task to its end.
 *
 * Each program that includes this runs twice: as it is, and by tests/test_eager.sh with PICOT_TEST_EAGER set, when the
 * tasks of its loops take their first step inside the spawn. What depends on that asks in_eager_mode().
 */
#ifndef PICOT_TESTS_CORO_SUPPORT_H
#define PICOT_TESTS_CORO_SUPPORT_H

#include "tap.h"

#include <picot.h>
#include <stdlib.h>
#include <string.h>

/* ---- the two modes ------------------------------------------------------------------------------ */

static inline int in_eager_mode(void)
{
    return getenv("PICOT_TEST_EAGER") != NULL;
}

/* For a case about the order of things when tasks begin in the next turn. */
static inline void lazy_only(void)
{
    if (in_eager_mode()) SKIP("about tasks that begin in the next turn");
}

/* A loop in the mode of this run. */
static inline picot_loop *in_mode(picot_loop *loop)
{
    if (in_eager_mode()) CHECK_EQ(picot_loop_set_eager(loop, 1), 0);
    return loop;
}

/* Cases that are not about a backend run in virtual time, unless TAP_REAL_TIME is set: what they say of the order of
 * times then holds however slow the machine is. */
static inline void virtual_time(void)
{
    if (!getenv("TAP_REAL_TIME") && !tap_backend()) (void)setenv("PICOT_BACKEND", "sim", 0);
}
#define tap_loop() (virtual_time(), in_mode(tap_loop()))

/* ---- what happened ------------------------------------------------------------------------------ */

/* What happened, in order: a letter each. */
static char trace[512];
static inline void say(char what)
{
    size_t len = strlen(trace);
    if (len + 1 < sizeof trace) {
        trace[len] = what;
        trace[len + 1] = 0;
    }
}

/* Waits for ms milliseconds, or yields when 0, and says what it did: `begun`, then `done`, or `cancelled`. */
picot_async_fn(int, nap, (int ms; char begun; char done; char cancelled; int result;), (int rc;))
{
    picot_begin;
    if (my->begun) say(my->begun);
    if (my->ms == 0)
        picot_yield();
    else
        picot_await(picot_sleep(.ns = my->ms * PICOT_MS));
    my->rc = picot_error();
    if (my->rc < 0 && my->cancelled) say(my->cancelled);
    if (my->rc < 0) picot_fail(my->rc);
    if (my->done) say(my->done);
    picot_return(my->result);
    picot_end;
}
#define nap(...) picot_call(nap, __VA_ARGS__)

/* Ends with this result at once. */
picot_async_fn(int, give, (int result;), (int unused;))
{
    picot_begin;
    picot_return(my->result);
    picot_end;
}
#define give(...) picot_call(give, __VA_ARGS__)

/* Run one task on a loop of its own. */
#define RUN_ALONE(ret_rc, call)                                                                                        \
    do {                                                                                                               \
        picot_loop *loop_ = tap_loop();                                                                                \
        (ret_rc) = picot_run(loop_, call);                                                                             \
        CHECK_EQ(picot_loop_task_count(loop_), 0);                                                                     \
        tap_loop_end(loop_);                                                                                           \
    } while (0)

#endif /* PICOT_TESTS_CORO_SUPPORT_H */
