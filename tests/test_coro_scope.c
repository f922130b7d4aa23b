/* SPDX-License-Identifier: MIT
 *
 * test_coro_scope.c - scopes around blocks: entered and left by every way, in loops, in defers, nested, deep. Built in
 * the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <stdbool.h>

/* Nothing is left of the scopes of before: the task may wait, and no deadline is in force. */
#define CHECK_CLEAN()                                                                                                  \
    do {                                                                                                               \
        CHECK_EQ(picot_task_deadline(picot_self), PICOT_NEVER);                                                        \
        picot_await(my->r, nap(0));                                                                                    \
        CHECK_EQ(my->r, 0);                                                                                            \
    } while (0)

/* ---- what a block does ------------------------------------------------------------------------- */

picot_async_fn(int, timeouts, (char unused;), (picot_scope scope; int r;))
{
    picot_begin;
    picot_timeout(my->scope, PICOT_MS)
    {
        picot_await(my->r, nap(5000));
        CHECK_EQ(my->r, -ECANCELED);
        picot_await(my->r, nap(5000));
        CHECK_EQ(my->r, -ECANCELED); /* a level */
        picot_yield();
        CHECK_EQ(picot_error(), -ECANCELED);
        say('a');
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK_EQ(picot_scope_cancelled(&my->scope), 1);
    CHECK_EQ(picot_scope_expired(&my->scope), 1);
    CHECK_EQ(picot_scope_caught(&my->scope), 1);
    CHECK_CLEAN();
    picot_timeout(my->scope, PICOT_SECOND) picot_await(my->r, nap(1));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(picot_scope_cancelled(&my->scope), 0);
    CHECK_EQ(picot_scope_expired(&my->scope), 0);
    CHECK_EQ(picot_scope_caught(&my->scope), 0);
    CHECK(picot_scope_deadline(&my->scope) > picot_loop_now(picot_this_loop()));
    CHECK_CLEAN();
    /* An error of what is inside passes through. */
    picot_timeout(my->scope, PICOT_SECOND) picot_await(my->r, give(-EDOM));
    CHECK_EQ(picot_error(), -EDOM);
    CHECK_EQ(picot_scope_expired(&my->scope), 0);
    picot_timeout(my->scope, PICOT_NEVER) picot_await(my->r, nap(1, .result = 4));
    CHECK_EQ(my->r, 4);
    CHECK_CLEAN();
    picot_end;
}

static void time_outs(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(timeouts, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "a");
}

/* A deadline in the past: the body runs to where it would wait. */
picot_async_fn(int, past_deadlines, (char unused;), (picot_scope scope; int i, r;))
{
    picot_begin;
    for (my->i = 0; my->i < 6; my->i++) {
        static const int64_t before_ns[] = {0, 1, PICOT_SECOND, INT64_MAX / 2};
        my->r = 1;
        if (my->i < 4) picot_timeout_at(my->scope, picot_loop_now(picot_this_loop()) - before_ns[my->i])
            {
                picot_await(give(7));
                CHECK_EQ(picot_error(), 0);
                picot_await(my->r, nap(0));
            }
        else
            picot_timeout_at(my->scope, my->i == 4 ? INT64_MIN : -1) picot_await(my->r, picot_sleep(.ns = 0));
        CHECK_EQ(my->r, -ECANCELED);
        CHECK_EQ(picot_error(), -ETIMEDOUT);
        CHECK_EQ(picot_scope_expired(&my->scope), 1);
    }
    picot_timeout(my->scope, 0) picot_await(my->r, give(3)); /* it need not wait */
    CHECK_EQ(my->r, 3);
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(picot_scope_cancelled(&my->scope), 1);
    CHECK_EQ(picot_scope_caught(&my->scope), 0);
    CHECK_CLEAN();
    picot_end;
}

static void in_the_past(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(past_deadlines, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, cancels_a_scope, (picot_scope * scope;), (char none;))
{
    picot_begin;
    picot_yield();
    say('c');
    CHECK_EQ(picot_scope_cancel(my->scope, "enough"), 0);
    CHECK_EQ(picot_scope_cancel(my->scope, "again"), 0); /* does nothing */
    picot_end;
}

picot_async_fn(int, cancels, (char unused;), (picot_group group; picot_scope scope; picot_cancellation why; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_cancel_scope(my->scope)
    {
        CHECK_EQ(picot_scope_deadline(&my->scope), PICOT_NEVER);
        picot_spawn(&my->group, picot_call(cancels_a_scope, &my->scope));
        picot_await(my->r, nap(5000));
        CHECK_EQ(my->r, -ECANCELED);
        CHECK_EQ(picot_task_cancellation(picot_self, &my->why), 0);
        CHECK_EQ(my->why.reason, PICOT_CANCEL_USER);
        CHECK(my->why.scope == &my->scope);
        CHECK_STR(my->why.text, "enough");
        CHECK(my->why.origin != picot_task_id(picot_self) && my->why.origin > 0);
    }
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(picot_scope_cancelled(&my->scope), 1);
    CHECK_EQ(picot_scope_expired(&my->scope), 0);
    CHECK_EQ(picot_scope_caught(&my->scope), 1);
    CHECK_CLEAN();
    CHECK_EQ(picot_task_cancellation(picot_self, &my->why), -ENOENT);
    /* Cancelled from inside, before a first await: the body runs to it; its result is what the block was. */
    picot_timeout(my->scope, PICOT_SECOND)
    {
        CHECK_EQ(picot_scope_cancel(&my->scope, NULL), 0);
        CHECK_EQ(picot_scope_reschedule(&my->scope, PICOT_NEVER), -ECANCELED);
        say('d');
        picot_await(my->r, nap(0));
        CHECK_EQ(my->r, -ECANCELED);
        CHECK_EQ(picot_task_cancellation(picot_self, &my->why), 0);
        CHECK_EQ(my->why.origin, picot_task_id(picot_self));
        CHECK_STR(my->why.text, "");
    }
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_CLEAN();
    picot_end;
}

static void by_call(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(cancels, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "cd");
}

/* ---- misuse ------------------------------------------------------------------------------------ */

picot_async_fn(int, misuses, (char unused;), (picot_scope scope, other; int r, ran;))
{
    picot_begin;
    CHECK_EQ(picot_scope_cancel(NULL, NULL), -EINVAL);
    CHECK_EQ(picot_scope_cancel(&my->scope, NULL), -EINVAL);
    CHECK_EQ(picot_scope_reschedule(NULL, 0), -EINVAL);
    CHECK_EQ(picot_scope_reschedule(&my->scope, 0), -EINVAL);
    CHECK_EQ(picot_scope_set_shield(NULL, 1), -EINVAL);
    CHECK_EQ(picot_scope_set_shield(&my->scope, 1), -EINVAL);
    CHECK_EQ(picot_scope_deadline(NULL), -EINVAL);
    CHECK_EQ(picot_scope_deadline(&my->scope), -EINVAL);
    CHECK_EQ(picot_scope_cancelled(NULL), 0);
    CHECK_EQ(picot_scope_cancelled(&my->scope), 0);
    CHECK_EQ(picot_scope_expired(NULL), 0);
    CHECK_EQ(picot_scope_caught(NULL), 0);
    CHECK_EQ(picot_task_deadline(NULL), PICOT_NEVER);
    picot_timeout(my->scope, -1) my->ran = 1;
    CHECK_EQ(picot_error(), -EINVAL);
    picot_timeout(my->scope, INT64_MIN) my->ran = 1;
    CHECK_EQ(picot_error(), -EINVAL);
    CHECK_EQ(picot_scope_deadline(&my->scope), -EINVAL);
    picot_cancel_scope(my->scope)
    {
        picot_timeout(my->scope, 0) my->ran = 1;
        CHECK_EQ(picot_error(), -EBUSY);
        picot_shielded(my->scope) my->ran = 1;
        CHECK_EQ(picot_error(), -EBUSY);
        CHECK_EQ(picot_scope_deadline(&my->scope), PICOT_NEVER);
        picot_await(my->r, nap(1));
        CHECK_EQ(my->r, 0);
        picot_timeout(my->scope, 0) my->ran = 1;
        if (my->r == 0) break; /* leaves the block that is open */
        CHECK(false);
    }
    CHECK_EQ(my->ran, 0);
    CHECK_EQ(picot_scope_cancel(&my->scope, NULL), -EINVAL);
    CHECK_EQ(picot_scope_deadline(&my->scope), PICOT_NEVER);
    CHECK_CLEAN();
    picot_end;
}

static void misuse(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(misuses, 0));
    CHECK_EQ(rc, 0);
}

/* ---- ways out ---------------------------------------------------------------------------------- */

enum way { END, BREAK, CONTINUE, GOTO, RETURN_CODE, RETURN_VALUE, FAIL, TRY, TRY_WAIT, FALL_OFF, WAYS };

/* A block whose deadline has passed is left; what the function does then is reported by letters. */
picot_async_fn(int, leaves, (int way;), (picot_scope outer, scope; int r;))
{
    picot_begin;
    picot_defer say('z');
    picot_timeout(my->outer, PICOT_SECOND)
    {
        picot_timeout(my->scope, PICOT_MS)
        {
            picot_defer
            {
                CHECK_EQ(picot_status() == 0, my->way <= CONTINUE || my->way == RETURN_VALUE || my->way == FALL_OFF);
                say('y');
            }
            picot_await(my->r, nap(5000));
            if (my->way == BREAK) break;
            if (my->way == CONTINUE) continue;
            if (my->way == GOTO) goto out;
            if (my->way == RETURN_CODE) picot_return(my->r);
            if (my->way == RETURN_VALUE) picot_return(8);
            if (my->way == FAIL) picot_fail(-EDOM);
            if (my->way == TRY) picot_try_await(nap(0));
            if (my->way == TRY_WAIT) picot_try_wait_for(my->r, PICOT_SECOND, nap(0));
            if (my->way != END) goto end;
            say('e');
        }
        CHECK_EQ(picot_error(), -ETIMEDOUT);
        CHECK_EQ(picot_scope_caught(&my->scope), 1);
        picot_await(my->r, nap(0));
        CHECK_EQ(my->r, 0);
        say('i');
    }
    say('o');
    CHECK_CLEAN();
    picot_return(0);
out: /* both are still open */
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, -ECANCELED);
    picot_timeout(my->scope, 0) CHECK(false);
    CHECK_EQ(picot_error(), -EBUSY);
    picot_fail(-ECANCELED);
end:;
    picot_end;
}

picot_async_fn(int, leaves_all_ways, (char unused;), (int way, r;))
{
    static const struct {
        int result;
        const char *trace;
    } expected[WAYS] = {{0, "eioyz"}, {0, "ioyz"},   {0, "ioyz"},        {-ETIMEDOUT, "yz"}, {-ETIMEDOUT, "yz"},
                        {8, "yz"},    {-EDOM, "yz"}, {-ETIMEDOUT, "yz"}, {-ETIMEDOUT, "yz"}, {0, "yz"}};
    picot_begin;
    for (my->way = 0; my->way < WAYS; my->way++) {
        trace[0] = 0;
        picot_await(my->r, picot_call(leaves, my->way));
        tap_note("way %d: %d %s", my->way, my->r, trace);
        CHECK_EQ(my->r, expected[my->way].result);
        CHECK_STR(trace, expected[my->way].trace);
        CHECK_CLEAN();
    }
    picot_end;
}

static void ways_out(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(leaves_all_ways, 0));
    CHECK_EQ(rc, 0);
}

/* Left by goto, the inner one is closed with the outer one, which tells so. */
picot_async_fn(int, jumps, (char unused;), (picot_scope outer, inner, innermost; int r;))
{
    picot_begin;
    picot_cancel_scope(my->outer)
    {
        picot_timeout(my->inner, 0) picot_cancel_scope(my->innermost) goto after;
    after:
        picot_await(my->r, nap(0));
        CHECK_EQ(my->r, -ECANCELED); /* of the inner one, which is open */
    }
    CHECK_EQ(picot_error(), PICOT_ESCOPE);
    CHECK_EQ(picot_scope_cancel(&my->inner, NULL), -EINVAL);
    CHECK_EQ(picot_scope_cancel(&my->innermost, NULL), -EINVAL);
    CHECK_CLEAN();
    picot_timeout(my->inner, PICOT_SECOND) picot_await(my->r, nap(1)); /* it may be entered anew */
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_error(), 0);
    CHECK_CLEAN();
    picot_timeout(my->outer, 0)
    {
        picot_shielded(my->inner) goto shielded;
    shielded:
        picot_await(my->r, nap(0));
        CHECK_EQ(my->r, 0); /* the shield is up as long as it is open */
    }
    CHECK_EQ(picot_error(), PICOT_ESCOPE);
    CHECK_CLEAN();
    picot_end;
}

static void jumped_out(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(jumps, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, loops, (char unused;), (picot_scope scope; int i, r, cut, broken, rounds;))
{
    picot_begin;
    for (my->i = 0; my->i < 300; my->i++) {
        picot_timeout(my->scope, my->i % 3 == 0 ? 0 : PICOT_SECOND)
        {
            picot_await(my->r, nap(0));
            if (my->i % 5 == 0) continue;
            if (my->i % 7 == 0) {
                my->broken++;
                break;
            }
        }
        CHECK_EQ(picot_error(), my->i % 3 == 0 ? -ETIMEDOUT : 0);
        my->cut += picot_error() < 0;
        my->rounds++;
    }
    CHECK_EQ(my->rounds, 300);
    CHECK_EQ(my->cut, 100);
    CHECK_EQ(my->broken, 34);
    CHECK_CLEAN();
    picot_end;
}

static void in_loops(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(loops, 0));
    CHECK_EQ(rc, 0);
}

/* ---- nested ------------------------------------------------------------------------------------ */

picot_async_fn(int, equal_deadlines, (char unused;), (picot_scope outer, inner; int64_t at_ns; int r;))
{
    picot_begin;
    my->at_ns = picot_loop_now(picot_this_loop()) + PICOT_MS;
    picot_timeout_at(my->outer, my->at_ns)
    {
        picot_timeout_at(my->inner, my->at_ns) picot_await(my->r, nap(5000));
        CHECK_EQ(picot_error(), -ECANCELED);
        CHECK_EQ(picot_scope_expired(&my->inner), 1);
        CHECK_EQ(picot_scope_caught(&my->inner), 0);
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK_EQ(picot_scope_caught(&my->outer), 1);
    /* The inner one alone; then the outer one while the inner one is being left. */
    picot_timeout(my->outer, PICOT_SECOND)
    {
        picot_timeout(my->inner, 0)
        {
            picot_await(my->r, nap(0));
            CHECK_EQ(picot_scope_cancel(&my->outer, NULL), 0);
        }
        CHECK_EQ(picot_error(), -ETIMEDOUT);
        picot_await(my->r, nap(0));
        CHECK_EQ(my->r, -ECANCELED);
    }
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(picot_scope_caught(&my->outer), 1);
    CHECK_CLEAN();
    picot_end;
}

static void nested(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(equal_deadlines, 0));
    CHECK_EQ(rc, 0);
}

/* One scope per level of a recursion over many chunks of the arena; that of one level is cancelled. */
picot_async_fn(int, descends, (int level; int fires_at;), (picot_scope scope; int r;))
{
    picot_begin;
    picot_defer say('.');
    picot_timeout(my->scope, my->level == my->fires_at ? 0 : PICOT_SECOND)
    {
        if (my->level > 0)
            picot_try_await(my->r, picot_call(descends, my->level - 1, my->fires_at));
        else
            picot_try_await(my->r, nap(0));
    }
    CHECK(false);
    picot_end;
}
#define descends(...) picot_call(descends, __VA_ARGS__)

picot_async_fn(int, dives, (char unused;), (picot_scope scope; int i, r;))
{
    picot_begin;
    for (my->i = 0; my->i < 400; my->i += 57) {
        trace[0] = 0;
        picot_await(my->r, descends(400, my->i));
        CHECK_EQ(my->r, -ETIMEDOUT);
        CHECK_EQ(strlen(trace), 401);
        CHECK_CLEAN();
    }
    picot_timeout(my->scope, 0) picot_await(my->r, descends(300, -1));
    CHECK_EQ(my->r, -ECANCELED);
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK_CLEAN();
    picot_end;
}

static void in_a_recursion(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(dives, 0));
    CHECK_EQ(rc, 0);
}

/* As many as there can be: the next one is refused. */
picot_async_fn(int, nests, (int *count; int of_a_call;), (picot_scope scope; int r;))
{
    picot_begin;
    ++*my->count;
    if (my->of_a_call) {
        picot_try_wait_for(my->r, PICOT_SECOND, picot_call(nests, my->count, 1));
    } else {
        picot_cancel_scope(my->scope) picot_try_await(my->r, picot_call(nests, my->count, 0));
        picot_return(picot_error());
    }
    picot_end;
}

static void too_many(void)
{
    for (int of_a_call = 0; of_a_call < 2; of_a_call++) {
        int rc, count = 0;
        RUN_ALONE(rc, picot_call(nests, &count, of_a_call));
        CHECK_EQ(rc, -ENOMEM);
        CHECK_EQ(count, 65535);
    }
}

/* ---- in defers --------------------------------------------------------------------------------- */

/* Ends inside its scope; what its defers open then is in force, and says nothing about the function. */
picot_async_fn(int, cleans_up, (int how;), (picot_scope scope, later; int r;))
{
    picot_begin;
    picot_defer
    {
        CHECK_EQ(picot_status(), my->how == 0 ? -ETIMEDOUT : -EDOM);
        picot_wait_for(my->r, PICOT_MS, nap(5000));
        CHECK_EQ(my->r, -ETIMEDOUT);
        picot_timeout(my->later, PICOT_MS) picot_await(my->r, nap(5000));
        CHECK_EQ(picot_error(), -ETIMEDOUT);
        say('c');
    }
    picot_timeout(my->scope, 0)
    {
        picot_defer
        {
            picot_await(my->r, nap(1)); /* held off, like everything from outside */
            CHECK_EQ(my->r, 0);
            say('b');
        }
        if (my->how == 1) picot_fail(-EDOM);
        say('a');
        picot_try_await(nap(0));
    }
    picot_end;
}

/* A deadline in a cleanup does not make a time-out of the cancellation that is cleaned up. */
picot_async_fn(int, hurries, (char unused;), (picot_scope scope; int r;))
{
    picot_begin;
    picot_defer
    {
        picot_timeout(my->scope, 0) picot_try_await(nap(0)); /* leaves the block and this defer */
        CHECK(false);
    }
    picot_try_await(nap(5000));
    picot_end;
}

picot_async_fn(int, sees_cleanups, (char unused;), (picot_group group; picot_scope scope; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_await(my->r, picot_call(cleans_up, 0));
    CHECK_EQ(my->r, -ETIMEDOUT);
    CHECK_STR(trace, "abc");
    picot_await(my->r, picot_call(cleans_up, 1));
    CHECK_EQ(my->r, -EDOM);
    CHECK_CLEAN();
    picot_spawn(&my->group, my->r, picot_call(hurries, 0));
    picot_await(nap(1));
    CHECK_EQ(picot_group_cancel(&my->group, NULL), 0);
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(my->r, -ECANCELED);
    picot_cancel_scope(my->scope)
    {
        CHECK_EQ(picot_scope_cancel(&my->scope, NULL), 0);
        picot_await(my->r, picot_call(hurries, 0));
        CHECK_EQ(my->r, -ECANCELED);
    }
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(picot_scope_caught(&my->scope), 1);
    CHECK_CLEAN();
    picot_end;
}

static void in_defers(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(sees_cleanups, 0));
    CHECK_EQ(rc, 0);
}

static const struct tap_case cases[] = {
    {"time-outs", time_outs, 0},
    {"a deadline in the past cuts the first wait", in_the_past, 0},
    {"cancelled by a call", by_call, 0},
    {"misuse", misuse, 0},
    {"left by every way", ways_out, 0},
    {"left by a goto", jumped_out, 0},
    {"in loops", in_loops, 0},
    {"nested", nested, 0},
    {"in a recursion", in_a_recursion, 0},
    {"sixty-five thousand", too_many, 0},
    {"in defers", in_defers, 0},
};

TAP_MAIN(cases)
