/* SPDX-License-Identifier: MIT
 *
 * test_coro_shield.c - shields, their grace, raised and lowered; deadlines moved; the one alarm that serves them all.
 * Built in the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <stdbool.h>

static int64_t now_of(const picot_task *task)
{
    return picot_loop_now(picot_task_loop(task));
}

/* ---- what is held off, and until when ---------------------------------------------------------- */

enum source { BY_SCOPE, BY_DEADLINE, BY_TASK, BY_GROUP, SOURCES };
static struct {
    picot_scope *scope;
    picot_task *task;
    picot_group *group;
} target;

static void cancel_it(enum source source)
{
    if (source == BY_SCOPE) CHECK_EQ(picot_scope_cancel(target.scope, NULL), 0);
    if (source == BY_DEADLINE) CHECK_EQ(picot_scope_reschedule(target.scope, 0), 0);
    if (source == BY_TASK) CHECK_EQ(picot_task_cancel(target.task, NULL), 0);
    if (source == BY_GROUP) CHECK_EQ(picot_group_cancel(target.group, NULL), 0);
}

picot_async_fn(int, cancels_soon, (int source; int ms;), (char none;))
{
    picot_begin;
    picot_await(picot_sleep(.ns = my->ms * PICOT_MS));
    say('!');
    cancel_it((enum source)my->source);
    picot_end;
}

enum when { BEFORE, INSIDE, DURING, WHENS };

/* Cancelled before the shield, inside it by its own task, or by another while it waits there. */
picot_async_fn(int, holds_off, (int source; int when; picot_group * helpers;), (picot_scope outer, shield; int r;))
{
    picot_begin;
    target.task = picot_self;
    target.scope = &my->outer;
    picot_cancel_scope(my->outer)
    {
        if (my->when == BEFORE) cancel_it((enum source)my->source);
        picot_shielded(my->shield)
        {
            if (my->when == INSIDE) cancel_it((enum source)my->source);
            if (my->when == DURING) picot_spawn(my->helpers, picot_call(cancels_soon, my->source));
            picot_await(my->r, nap(1, .begun = 'a', .done = 'b'));
            CHECK_EQ(my->r, 0);
            CHECK_EQ(picot_task_deadline(picot_self), PICOT_NEVER);
            picot_await(my->r, nap(0));
            CHECK_EQ(my->r, 0);
        }
        CHECK_EQ(picot_error(), 0);
        CHECK_EQ(picot_task_deadline(picot_self), INT64_MIN);
        picot_await(my->r, nap(0));
        CHECK_EQ(my->r, -ECANCELED);
    }
    CHECK_EQ(picot_scope_caught(&my->shield), 0);
    CHECK_EQ(picot_scope_caught(&my->outer), my->source <= BY_DEADLINE);
    CHECK_EQ(picot_error(), my->source == BY_DEADLINE ? -ETIMEDOUT : -ECANCELED);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, my->source == BY_GROUP ? -ECANCELED : 0); /* of these only the group's is a level */
    picot_end;
}

picot_async_fn(int, one_round, (int source; int when;), (picot_group group, helpers; int r;))
{
    picot_begin;
    picot_task_group(my->helpers);
    picot_task_group(my->group);
    target.group = &my->group;
    trace[0] = 0;
    my->r = 1;
    picot_spawn(&my->group, my->r, picot_call(holds_off, my->source, my->when, &my->helpers));
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(my->r, 0);
    CHECK_STR(trace, my->when == DURING ? "a!b" : "ab");
    picot_end;
}

picot_async_fn(int, holds_all_off, (char unused;), (int source, when, r;))
{
    picot_begin;
    for (my->source = 0; my->source < SOURCES; my->source++)
        for (my->when = 0; my->when < WHENS; my->when++) {
            tap_note("source %d, when %d", my->source, my->when);
            picot_try_await(my->r, picot_call(one_round, my->source, my->when));
        }
    picot_end;
}

static void held_off(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(holds_all_off, 0));
    CHECK_EQ(rc, 0);
}

/* A shield holds off what comes from outside: a time-out inside it, and its own cancel, work. */
picot_async_fn(int, inside_a_shield, (char unused;), (picot_scope shield, scope, inner; int r;))
{
    picot_begin;
    picot_cancel_scope(my->scope)
    {
        CHECK_EQ(picot_scope_cancel(&my->scope, NULL), 0);
        picot_shielded(my->shield)
        {
            picot_timeout(my->inner, PICOT_MS) picot_await(my->r, nap(5000));
            CHECK_EQ(picot_error(), -ETIMEDOUT);
            picot_wait_for(my->r, 0, nap(0));
            CHECK_EQ(my->r, -ETIMEDOUT);
            picot_await(my->r, nap(0));
            CHECK_EQ(my->r, 0);
            CHECK_EQ(picot_scope_cancel(&my->shield, NULL), 0);
            picot_await(my->r, nap(0));
            CHECK_EQ(my->r, -ECANCELED);
        }
        CHECK_EQ(picot_scope_caught(&my->shield), 1);
    }
    CHECK_EQ(picot_scope_caught(&my->scope), 0); /* its own was told to nobody */
    CHECK_EQ(picot_scope_cancelled(&my->scope), 1);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, 0);
    /* An edge that is held off is not used up by what is told inside. */
    picot_shielded(my->shield)
    {
        CHECK_EQ(picot_task_cancel(picot_self, NULL), 0);
        picot_wait_for(my->r, 0, nap(0));
        CHECK_EQ(my->r, -ETIMEDOUT);
    }
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, -ECANCELED);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void from_inside(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(inside_a_shield, 0));
    CHECK_EQ(rc, 0);
}

/* ---- grace ------------------------------------------------------------------------------------- */

picot_async_fn(int, graces, (char unused;),
               (picot_group helpers; picot_scope outer, shield, inner, scope; int64_t at_ns; int r;))
{
    picot_begin;
    picot_task_group(my->helpers);
    target.scope = &my->outer;
    /* It begins when the cancellation comes, not before. */
    picot_cancel_scope(my->outer)
    {
        picot_shielded_for(my->shield, 10 * PICOT_MS)
        {
            picot_await(my->r, nap(12));
            CHECK_EQ(my->r, 0);
            CHECK_EQ(picot_task_deadline(picot_self), PICOT_NEVER);
            my->at_ns = picot_loop_update_now(picot_this_loop());
            cancel_it(BY_SCOPE);
            CHECK(picot_task_deadline(picot_self) >= my->at_ns + 10 * PICOT_MS);
            picot_await(my->r, nap(1));
            CHECK_EQ(my->r, 0);
            picot_await(my->r, nap(5000));
            CHECK_EQ(my->r, -ECANCELED);
            CHECK(now_of(picot_self) >= my->at_ns + 10 * PICOT_MS);
            picot_await(my->r, nap(0));
            CHECK_EQ(my->r, -ECANCELED);
        }
    }
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(picot_scope_caught(&my->outer), 1);
    CHECK_EQ(picot_scope_cancelled(&my->shield), 0);
    /* Cancelled before it was entered: it counts from there. No grace at all is a turn or so. */
    picot_cancel_scope(my->outer)
    {
        cancel_it(BY_SCOPE);
        picot_shielded_for(my->shield, -5)
        {
            picot_await(my->r, nap(5000));
            CHECK_EQ(my->r, -ECANCELED);
        }
    }
    /* A cancellation of what lies inside the shield starts nothing, */
    picot_cancel_scope(my->outer)
    {
        picot_shielded_for(my->shield, PICOT_MS)
        {
            picot_cancel_scope(my->scope)
            {
                picot_shielded(my->inner)
                {
                    CHECK_EQ(picot_scope_cancel(&my->scope, NULL), 0);
                    picot_await(my->r, nap(3));
                    CHECK_EQ(my->r, 0);
                }
            }
            CHECK_EQ(picot_task_deadline(picot_self), PICOT_NEVER);
            /* and does not hide one from outside. */
            picot_cancel_scope(my->scope)
            {
                CHECK_EQ(picot_scope_cancel(&my->scope, NULL), 0);
                cancel_it(BY_SCOPE);
                picot_await(my->r, nap(0));
                CHECK_EQ(my->r, -ECANCELED);
            }
            CHECK_EQ(picot_scope_caught(&my->scope), 1);
            picot_await(my->r, nap(5000));
            CHECK_EQ(my->r, -ECANCELED);
        }
    }
    CHECK_EQ(picot_scope_caught(&my->outer), 1);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void grace(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(graces, 0));
    CHECK_EQ(rc, 0);
}

/* The grace ends while a defer runs, which goes on undisturbed; what comes after it is cut. */
picot_async_fn(int, defers_long, (char unused;), (int r;))
{
    picot_begin;
    picot_defer
    {
        picot_await(my->r, nap(5));
        CHECK_EQ(my->r, 0);
        say('d');
    }
    picot_end;
}

picot_async_fn(int, outlives_grace, (char unused;), (picot_scope outer, shield; int r;))
{
    picot_begin;
    target.task = picot_self;
    picot_shielded_for(my->shield, PICOT_MS)
    {
        cancel_it(BY_TASK);
        picot_await(my->r, picot_call(defers_long, 0));
        CHECK_EQ(my->r, 0);
        picot_await(my->r, nap(0, .cancelled = 'c'));
        CHECK_EQ(my->r, -ECANCELED);
    }
    CHECK_EQ(picot_error(), -ECANCELED);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, 0); /* told once */
    /* Inside the shield's block when the function ends: the defers of outer functions are as they were. */
    picot_shielded_for(my->shield, PICOT_MS)
    {
        picot_shielded(my->outer)
        {
            cancel_it(BY_TASK);
            picot_await(my->r, nap(4));
            CHECK_EQ(my->r, 0);
        }
        picot_await(my->r, nap(0));
        CHECK_EQ(my->r, -ECANCELED);
    }
    picot_end;
}

static void grace_in_a_defer(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(outlives_grace, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "dc");
}

/* A function ends inside its own shield, or its caller's: its group is left under what is in force outside. */
picot_async_fn(int, leaves_a_group, (int own;), (picot_group group; picot_scope shield; int child;))
{
    picot_begin;
    if (my->own) {
        picot_shielded_for(my->shield, PICOT_MS)
        {
            picot_task_group(my->group);
            picot_spawn(&my->group, nap(5000, .cancelled = 'c'));
            picot_return(0);
        }
    }
    picot_task_group(my->group);
    picot_spawn(&my->group, nap(5000, .cancelled = 'c'));
    picot_defer
    {
        picot_await(my->child, nap(4)); /* the shield outside is lifted meanwhile */
        CHECK_EQ(my->child, 0);
    }
    picot_end;
}

picot_async_fn(int, shields_leaving, (char unused;), (picot_scope scope, shield; int r;))
{
    picot_begin;
    picot_cancel_scope(my->scope)
    {
        CHECK_EQ(picot_scope_cancel(&my->scope, NULL), 0);
        picot_shielded_for(my->shield, PICOT_MS)
        {
            picot_await(my->r, picot_call(leaves_a_group, 0));
            CHECK_EQ(my->r, -ECANCELED);
        }
    }
    CHECK_EQ(picot_scope_caught(&my->scope), 1);
    CHECK_STR(trace, "c");
    picot_timeout(my->scope, PICOT_MS) picot_await(my->r, picot_call(leaves_a_group, 1));
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK_STR(trace, "cc");
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void leaving_a_group(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(shields_leaving, 0));
    CHECK_EQ(rc, 0);
}

/* ---- raised and lowered ------------------------------------------------------------------------ */

picot_async_fn(int, sets_shield, (picot_scope * scope; int on; int ms;), (char none;))
{
    picot_begin;
    picot_await(picot_sleep(.ns = my->ms * PICOT_MS));
    CHECK_EQ(picot_scope_set_shield(my->scope, my->on), 0);
    say(my->on ? 'u' : 'd');
    picot_end;
}

picot_async_fn(int, raises, (char unused;), (picot_group helpers; picot_scope outer, shield, deeper; int r;))
{
    picot_begin;
    picot_task_group(my->helpers);
    target.scope = &my->outer;
    picot_cancel_scope(my->outer)
    {
        cancel_it(BY_SCOPE);
        picot_cancel_scope(my->shield)
        {
            CHECK_EQ(picot_scope_set_shield(&my->shield, 1), 0);
            picot_await(my->r, nap(1));
            CHECK_EQ(my->r, 0);
            CHECK_EQ(picot_scope_set_shield(&my->shield, 0), 0);
            picot_await(my->r, nap(0));
            CHECK_EQ(my->r, -ECANCELED);
            CHECK_EQ(picot_scope_set_shield(&my->shield, 1), 0); /* again, without end */
            picot_spawn(&my->helpers, picot_call(sets_shield, &my->shield, 0, 1));
            picot_await(my->r, nap(5000, .cancelled = 'c')); /* lowered meanwhile: told to who sleeps there */
            CHECK_EQ(my->r, -ECANCELED);
            /* One inside stays up when the one outside is lowered; then nothing is. */
            CHECK_EQ(picot_scope_set_shield(&my->shield, 1), 0);
            picot_shielded(my->deeper)
            {
                CHECK_EQ(picot_scope_set_shield(&my->shield, 0), 0);
                picot_await(my->r, nap(0));
                CHECK_EQ(my->r, 0);
            }
            picot_await(my->r, nap(0));
            CHECK_EQ(my->r, -ECANCELED);
            /* One outside is raised while one inside is up: it holds when that is left. */
            picot_shielded(my->deeper) CHECK_EQ(picot_scope_set_shield(&my->shield, 1), 0);
            picot_await(my->r, nap(0));
            CHECK_EQ(my->r, 0);
        }
        /* A lifted one is raised again. */
        picot_shielded_for(my->shield, 0)
        {
            picot_await(my->r, nap(5000));
            CHECK_EQ(my->r, -ECANCELED);
            CHECK_EQ(picot_scope_set_shield(&my->shield, 1), 0);
            picot_await(my->r, nap(3));
            CHECK_EQ(my->r, 0);
        }
    }
    CHECK_EQ(picot_scope_caught(&my->outer), 1);
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void raising(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(raises, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "dc");
}

/* Another task, or a defer, sets the shield of a scope outside of the function that exits. */
picot_async_fn(int, sets_in_a_defer, (picot_scope * scope; int on;), (picot_scope own; int r;))
{
    picot_begin;
    picot_defer
    {
        CHECK_EQ(picot_scope_set_shield(my->scope, my->on), 0);
        picot_await(my->r, nap(0));
        CHECK_EQ(my->r, 0);
        picot_shielded_for(my->own, 0) /* of a defer's own: the defer's shield stays when it is lifted or lowered */
        {
            picot_await(my->r, nap(1));
            CHECK_EQ(my->r, 0);
            CHECK_EQ(picot_scope_set_shield(&my->own, 0), 0);
            picot_await(my->r, nap(0));
            CHECK_EQ(my->r, 0);
        }
        picot_await(my->r, nap(0));
        CHECK_EQ(my->r, 0);
    }
    picot_end;
}

picot_async_fn(int, set_from_defers, (char unused;), (picot_scope outer, shield; int r;))
{
    picot_begin;
    picot_cancel_scope(my->outer)
    {
        CHECK_EQ(picot_scope_cancel(&my->outer, NULL), 0);
        picot_cancel_scope(my->shield)
        {
            picot_await(my->r, picot_call(sets_in_a_defer, &my->shield, 1));
            picot_await(my->r, nap(0));
            CHECK_EQ(my->r, 0);
            picot_await(my->r, picot_call(sets_in_a_defer, &my->shield, 0));
            picot_await(my->r, nap(0));
            CHECK_EQ(my->r, -ECANCELED);
        }
    }
    picot_await(my->r, nap(0));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void raising_in_defers(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(set_from_defers, 0));
    CHECK_EQ(rc, 0);
}

/* ---- deadlines moved, and the alarm ------------------------------------------------------------ */

picot_async_fn(int, moves, (picot_scope * scope; int ms; int64_t by_ns;), (char none;))
{
    picot_begin;
    picot_await(picot_sleep(.ns = my->ms * PICOT_MS));
    CHECK_EQ(picot_scope_reschedule(
                 my->scope, my->by_ns == PICOT_NEVER ? PICOT_NEVER : picot_loop_now(picot_this_loop()) + my->by_ns),
             0);
    picot_end;
}

picot_async_fn(int, reschedules, (char unused;), (picot_group helpers; picot_scope scope; int64_t at_ns; int r;))
{
    picot_begin;
    picot_task_group(my->helpers);
    /* Later, while it waits. */
    my->at_ns = picot_loop_update_now(picot_this_loop());
    picot_timeout(my->scope, 3 * PICOT_MS)
    {
        CHECK_EQ(picot_scope_deadline(&my->scope), my->at_ns + 3 * PICOT_MS);
        CHECK_EQ(picot_task_deadline(picot_self), my->at_ns + 3 * PICOT_MS);
        picot_spawn(&my->helpers, picot_call(moves, &my->scope, 1, 10 * PICOT_MS));
        picot_await(my->r, nap(5000));
        CHECK_EQ(my->r, -ECANCELED);
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK(now_of(picot_self) >= my->at_ns + 11 * PICOT_MS);
    CHECK(picot_scope_deadline(&my->scope) >= my->at_ns + 11 * PICOT_MS);
    /* Earlier; in the past: now. */
    picot_timeout(my->scope, 60 * PICOT_SECOND)
    {
        picot_spawn(&my->helpers, picot_call(moves, &my->scope, 1, PICOT_MS));
        picot_await(my->r, nap(30000));
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    picot_cancel_scope(my->scope)
    {
        picot_spawn(&my->helpers, picot_call(moves, &my->scope, 0, -PICOT_SECOND));
        picot_await(my->r, nap(30000));
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK_EQ(picot_scope_expired(&my->scope), 1);
    /* Away. */
    picot_timeout(my->scope, 3 * PICOT_MS)
    {
        CHECK_EQ(picot_scope_reschedule(&my->scope, PICOT_NEVER), 0);
        picot_await(my->r, nap(6));
        CHECK_EQ(my->r, 0);
    }
    CHECK_EQ(picot_error(), 0);
    /* Moved although it has passed, before anybody noticed. */
    picot_timeout(my->scope, 1)
    {
        CHECK_EQ(picot_scope_reschedule(&my->scope, picot_loop_now(picot_this_loop()) + PICOT_SECOND), 0);
        picot_await(my->r, nap(1));
        CHECK_EQ(my->r, 0);
    }
    CHECK_EQ(picot_error(), 0);
    picot_end;
}

static void rescheduling(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(reschedules, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, nearest_of_all, (char unused;), (picot_scope a, b, c; int64_t now_ns; int r;))
{
    picot_begin;
    my->now_ns = picot_loop_update_now(picot_this_loop());
    picot_timeout_at(my->a, my->now_ns + 20 * PICOT_SECOND)
    {
        picot_timeout_at(my->b, my->now_ns + 30 * PICOT_SECOND)
        {
            CHECK_EQ(picot_task_deadline(picot_self), my->now_ns + 20 * PICOT_SECOND);
            picot_shielded(my->c)
            {
                CHECK_EQ(picot_task_deadline(picot_self), PICOT_NEVER);
                CHECK_EQ(picot_scope_reschedule(&my->c, my->now_ns + 40 * PICOT_SECOND), 0);
                CHECK_EQ(picot_task_deadline(picot_self), my->now_ns + 40 * PICOT_SECOND);
            }
            CHECK_EQ(picot_scope_reschedule(&my->b, my->now_ns + 10 * PICOT_SECOND), 0);
            CHECK_EQ(picot_task_deadline(picot_self), my->now_ns + 10 * PICOT_SECOND);
            CHECK_EQ(picot_scope_cancel(&my->b, NULL), 0);
            CHECK_EQ(picot_task_deadline(picot_self), INT64_MIN);
        }
        CHECK_EQ(picot_task_deadline(picot_self), my->now_ns + 20 * PICOT_SECOND);
        picot_timeout_at(my->b, INT64_MIN) picot_await(my->r, nap(0)); /* a deadline that was asked for */
        CHECK_EQ(picot_error(), -ETIMEDOUT);
    }
    picot_end;
}

static void nearest(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(nearest_of_all, 0));
    CHECK_EQ(rc, 0);
}

/* Many deadlines, all met: each in its order. */
picot_async_fn(int, innermost_first, (int level;), (picot_scope scope; int r;))
{
    picot_begin;
    picot_timeout(my->scope, (13 - my->level) * PICOT_MS)
    {
        if (my->level < 12) picot_await(my->r, picot_call(innermost_first, my->level + 1));
        picot_await(my->r, nap(5000));
        CHECK_EQ(my->r, -ECANCELED);
    }
    /* On a slow machine the next one has passed, too, and the outermost wins. */
    CHECK(picot_error() == -ETIMEDOUT || (picot_error() == -ECANCELED && my->level > 1));
    say((char)('a' + my->level));
    picot_end;
}

static void alarms(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, picot_call(innermost_first, 1)), 0);
    CHECK_STR(trace, "mlkjihgfedcb");
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(picot_loop_next_deadline(loop), PICOT_NEVER);
    tap_loop_end(loop);
}

/* A deadline that was not met leaves an alarm that rings once, for nothing; with its task it is gone. */
picot_async_fn(int, in_time, (char unused;), (picot_scope scope; int i, r;))
{
    picot_begin;
    for (my->i = 0; my->i < 100; my->i++) {
        picot_timeout(my->scope, 20 * PICOT_SECOND + my->i) picot_yield();
        picot_wait_for(my->r, 10 * PICOT_SECOND + my->i, nap(0));
        CHECK_EQ(my->r, 0);
    }
    CHECK_EQ(picot_loop_pending(picot_this_loop()), 1); /* this task, and no timer */
    picot_end;
}

static void nothing_left(void)
{
    picot_loop *loop = tap_loop();
    CHECK_EQ(picot_run(loop, picot_call(in_time, 0)), 0);
    CHECK_EQ(picot_loop_pending(loop), 0);
    CHECK_EQ(picot_loop_next_deadline(loop), PICOT_NEVER);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"cancellation is held off, and told after the block", held_off, 0},
    {"what is inside works", from_inside, 0},
    {"grace", grace, 0},
    {"grace that ends in a defer", grace_in_a_defer, 0},
    {"a group is left in a shield", leaving_a_group, 0},
    {"raised and lowered", raising, 0},
    {"raised and lowered in defers", raising_in_defers, 0},
    {"deadlines moved", rescheduling, 0},
    {"the nearest deadline", nearest, 0},
    {"many deadlines on one alarm", alarms, 0},
    {"nothing is left of a deadline", nothing_left, 0},
};

TAP_MAIN(cases)
