/* SPDX-License-Identifier: MIT
 *
 * test_coro_scope.c - scopes around blocks: time-outs, cancels, shields, how they are left, what they tell. Built in
 * the GNU and in the ISO form.
 */
#include "coro_support.h"

#include <stdbool.h>

picot_async_fn(int, timeouts, (char unused;), (picot_scope scope, inner; int r;))
{
    picot_begin;
    picot_timeout(my->scope, PICOT_MS)
    {
        picot_await(my->r, nap(5000));
        CHECK_EQ(my->r, -ECANCELED);
        picot_await(my->r, nap(5000));
        CHECK_EQ(my->r, -ECANCELED); /* a level */
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK_EQ(picot_scope_expired(&my->scope), 1);
    CHECK_EQ(picot_scope_caught(&my->scope), 1);
    picot_await(my->r, nap(1));
    CHECK_EQ(my->r, 0);
    picot_timeout(my->scope, PICOT_SECOND)
    {
        picot_await(my->r, nap(1));
        if (my->r == 0) break;
        CHECK(false);
    }
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(picot_scope_expired(&my->scope), 0);
    picot_timeout(my->scope, -1) CHECK(false);
    CHECK_EQ(picot_error(), -EINVAL);
    picot_cancel_scope(my->scope)
    {
        picot_shielded(my->inner)
        {
            CHECK_EQ(picot_scope_cancel(&my->scope, "enough"), 0);
            picot_await(my->r, nap(1));
            CHECK_EQ(my->r, 0);
        }
        picot_await(my->r, nap(1));
        CHECK_EQ(my->r, -ECANCELED);
    }
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(picot_scope_expired(&my->scope), 0);
    CHECK_EQ(picot_scope_cancelled(&my->scope), 1);
    picot_cancel_scope(my->scope)
    {
        picot_shielded_for(my->inner, PICOT_MS)
        {
            CHECK_EQ(picot_scope_cancel(&my->scope, "enough"), 0);
            picot_await(my->r, nap(5000));
            CHECK_EQ(my->r, -ECANCELED);
        }
    }
    CHECK_EQ(picot_error(), -ECANCELED);
    picot_timeout(my->scope, PICOT_MS)
    {
        picot_try_await(nap(5000));
    }
    CHECK(false);
    picot_end;
}

static void time_outs(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(timeouts, 0));
    CHECK_EQ(rc, -ETIMEDOUT);
}

static const struct tap_case cases[] = {
    {"time-outs", time_outs, 0},
};

TAP_MAIN(cases)
