/* SPDX-License-Identifier: MIT
 *
 * test_sync.c - locks, blocks that hold them, locks for readers and writers, events, conditions, barriers, wait groups.
 * Built in the GNU and in the ISO form. Every order of steps: test_sync_interleavings.c.
 */
#include "coro_support.h"

/* ---- lock -------------------------------------------------------------------------------------- */

/* Takes the lock, says so, keeps it for some turns; says `lost` when it does not get it. */
picot_async_fn(int, locks, (picot_lock * lock; int turns; char got; char lost;), (int rc;))
{
    picot_begin;
    picot_await(my->rc, picot_lock_acquire(.lock = my->lock));
    if (my->rc < 0) {
        if (my->lost) say(my->lost);
        picot_fail(my->rc);
    }
    say(my->got);
    while (my->turns-- > 0)
        picot_yield();
    CHECK_EQ(picot_lock_release(my->lock), 0);
    picot_end;
}
#define locks(...) picot_call(locks, __VA_ARGS__)

picot_async_fn(int, in_order, (char unused;), (picot_lock lock; picot_group group; int i, r, b;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    CHECK(picot_lock_owner(&my->lock) == NULL);
    CHECK_EQ(picot_lock_try(&my->lock, picot_self), 0);
    CHECK(picot_lock_owner(&my->lock) == picot_self);
    CHECK_EQ(picot_lock_try(&my->lock, picot_self), -EDEADLK);
    picot_await(my->r, picot_lock_acquire(&my->lock));
    CHECK_EQ(my->r, -EDEADLK);
    for (my->i = 0; my->i < 3; my->i++) {
        if (my->i == 1)
            picot_spawn(&my->group, my->b, locks(&my->lock, 2, 'b', 'x'));
        else
            picot_spawn(&my->group, locks(&my->lock, 2, (char)('a' + my->i), 'y'));
    }
    picot_yield();
    CHECK_STR(trace, "");
    CHECK_EQ(picot_lock_release(&my->lock), 0);
    /* It is the first waiter's already: nobody can take it, nor give it back. */
    CHECK(picot_lock_owner(&my->lock) != NULL);
    CHECK_EQ(picot_lock_try(&my->lock, picot_self), -EBUSY);
    CHECK_EQ(picot_lock_release(&my->lock), PICOT_ENOTOWNER);
    picot_await(my->r, picot_lock_acquire(&my->lock)); /* behind the others */
    CHECK_EQ(my->r, 0);
    CHECK_STR(trace, "abc");
    CHECK_EQ(picot_lock_release(&my->lock), 0);
    CHECK_EQ(picot_lock_release(&my->lock), PICOT_ENOTOWNER);
    CHECK(picot_lock_owner(&my->lock) == NULL);
    picot_end;
}

static void lock_order(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(in_order, 0));
    CHECK_EQ(rc, 0);
    CHECK_EQ(picot_lock_release(NULL), -EINVAL);
    CHECK_EQ(picot_lock_break(NULL), -EINVAL);
    CHECK_EQ(picot_lock_try(&(picot_lock){0}, NULL), -EINVAL);
    CHECK(picot_lock_owner(NULL) == NULL && picot_lock_wanted(NULL) == NULL);
}

/* One that is cancelled in the line leaves it; one that was handed the lock keeps it and is told later. */
picot_async_fn(int, keeps_it, (picot_lock * lock;), (int rc;))
{
    picot_begin;
    picot_await(my->rc, picot_lock_acquire(.lock = my->lock));
    CHECK_EQ(my->rc, 0);
    say('k');
    picot_yield();
    CHECK_EQ(picot_error(), -ECANCELED);
    CHECK_EQ(picot_lock_release(my->lock), 0);
    picot_end;
}

picot_async_fn(int, cancels, (char unused;), (picot_lock lock; picot_group doomed, group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_task_group(my->doomed);
    picot_try_await(picot_lock_acquire(&my->lock));
    picot_spawn(&my->doomed, locks(&my->lock, 0, 'a', 'x'));
    picot_yield();
    picot_spawn(&my->group, picot_call(keeps_it, &my->lock));
    picot_spawn(&my->group, locks(&my->lock, 0, 'c', 'y'));
    picot_yield();
    picot_group_cancel(&my->doomed, NULL);
    picot_yield();
    CHECK_STR(trace, "x");
    CHECK_EQ(picot_lock_release(&my->lock), 0);
    CHECK_EQ(picot_task_cancel(picot_lock_owner(&my->lock), NULL), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->r, 0);
    CHECK_STR(trace, "xkc");
    picot_end;
}

static void lock_cancel(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(cancels, 0));
    CHECK_EQ(rc, 0);
}

/* ---- deadlocks --------------------------------------------------------------------------------- */

picot_async_fn(int, takes_two, (picot_lock * first; picot_lock * second; int code;), (int rc;))
{
    picot_begin;
    picot_try_await(picot_lock_acquire(.lock = my->first));
    picot_yield();
    picot_await(my->rc, picot_lock_acquire(.lock = my->second));
    CHECK_EQ(my->rc, my->code);
    if (my->rc == 0) CHECK_EQ(picot_lock_release(my->second), 0);
    if (my->rc == -EDEADLK) { /* the cycle, from the owner of the lock that was refused */
        const picot_task *at = picot_lock_owner(my->second);
        int others = 0;
        for (; at != picot_self; at = picot_lock_owner(picot_lock_wanted(at)))
            others++;
        CHECK_EQ(others, 2);
        say('d');
    }
    CHECK_EQ(picot_lock_release(my->first), 0);
    picot_end;
}
#define takes_two(...) picot_call(takes_two, __VA_ARGS__)

picot_async_fn(int, three_in_a_ring, (char unused;), (picot_lock a, b, c; picot_group group;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, takes_two(&my->a, &my->b));
    picot_spawn(&my->group, takes_two(&my->b, &my->c));
    picot_spawn(&my->group, takes_two(&my->c, &my->a, -EDEADLK));
    picot_end;
}

static void deadlock(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(three_in_a_ring, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "d");
}

/* Whoever waits on a condition will want its lock back. */
picot_async_fn(int, waits_holding, (picot_lock * held; picot_condition * condition;), (int rc;))
{
    picot_begin;
    picot_try_await(picot_lock_acquire(.lock = my->held));
    picot_try_await(picot_lock_acquire(.lock = my->condition->lock));
    picot_await(my->rc, picot_condition_wait(.condition = my->condition));
    CHECK_EQ(my->rc, 0);
    CHECK_EQ(picot_lock_release(my->condition->lock), 0);
    CHECK_EQ(picot_lock_release(my->held), 0);
    say('w');
    picot_end;
}

picot_async_fn(int, ring_over_condition, (char unused;),
               (picot_lock outer, lock; picot_condition condition; picot_rwlock rwlock; picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    CHECK_EQ(picot_condition_init(&my->condition, &my->lock), 0);
    picot_spawn(&my->group, picot_call(waits_holding, &my->outer, &my->condition));
    picot_yield();
    picot_try_await(picot_lock_acquire(.lock = &my->lock));
    picot_await(my->r, picot_lock_acquire(.lock = &my->outer));
    CHECK_EQ(my->r, -EDEADLK);
    CHECK(picot_lock_wanted(picot_lock_owner(&my->outer)) == &my->lock);
    CHECK_EQ(picot_condition_notify(&my->condition, 1), 1);
    picot_await(my->r, picot_lock_acquire(.lock = &my->outer));
    CHECK_EQ(my->r, -EDEADLK);
    CHECK_EQ(picot_lock_release(&my->lock), 0);
    picot_await(my->r, picot_lock_acquire(.lock = &my->outer));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_lock_release(&my->outer), 0);
    picot_end;
}

static void deadlock_condition(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(ring_over_condition, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "w");
}

/* ---- the owner ends, the lock is broken, another loop ------------------------------------------- */

picot_async_fn(int, forgets, (picot_lock * lock; picot_lock * other; picot_rwlock * rwlock;), (int r;))
{
    picot_begin;
    picot_try_await(picot_lock_acquire(.lock = my->lock));
    picot_try_await(picot_lock_acquire(.lock = my->other));
    picot_try_await(picot_rwlock_write(.rwlock = my->rwlock));
    CHECK_EQ(picot_lock_release(my->other), 0); /* out of turn */
    picot_yield();
    picot_end;
}

picot_async_fn(int, owner_ends, (char unused;),
               (picot_lock lock, other; picot_rwlock rwlock; picot_group group; int a, b, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_spawn(&my->group, picot_call(forgets, &my->lock, &my->other, &my->rwlock));
    picot_spawn(&my->group, my->a, locks(&my->lock, 0, 'a', 'x'));
    picot_spawn(&my->group, my->b, locks(&my->lock, 0, 'b', 'y'));
    picot_yield();
    picot_await(my->r, picot_rwlock_read(.rwlock = &my->rwlock));
    CHECK_EQ(my->r, PICOT_EBROKEN);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->a, PICOT_EBROKEN);
    CHECK_EQ(my->b, PICOT_EBROKEN);
    CHECK_STR(trace, "xy");
    CHECK(picot_lock_owner(&my->lock) == NULL && picot_rwlock_writer(&my->rwlock) == NULL);
    picot_await(my->r, picot_lock_acquire(.lock = &my->lock));
    CHECK_EQ(my->r, PICOT_EBROKEN);
    CHECK_EQ(picot_lock_try(&my->lock, picot_self), PICOT_EBROKEN);
    my->lock = (picot_lock){0};
    CHECK_EQ(picot_lock_try(&my->lock, picot_self), 0);
    CHECK_EQ(picot_lock_try(&my->other, picot_self), 0);
    CHECK_EQ(picot_lock_break(&my->lock), 0); /* a live owner keeps it */
    CHECK_EQ(picot_lock_release(&my->lock), 0);
    CHECK_EQ(picot_lock_try(&my->lock, picot_self), PICOT_EBROKEN);
    CHECK_EQ(picot_lock_release(&my->other), 0);
    picot_end;
}

static void broken(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(owner_ends, 0));
    CHECK_EQ(rc, 0);
}

struct all {
    picot_lock lock;
    picot_rwlock rwlock;
    picot_event event;
    picot_condition condition;
    picot_lock lock_of_condition;
    picot_barrier barrier;
    picot_waitgroup waitgroup;
    picot_semaphore semaphore;
    picot_limiter limiter;
    picot_token_bucket bucket;
};

picot_async_fn(int, uses_all, (struct all * all; int code;), (int r;))
{
    picot_begin;
    picot_await(my->r, picot_lock_acquire(.lock = my->all ? &my->all->lock : NULL));
    CHECK_EQ(my->r, my->code);
    if (my->r == 0) picot_lock_release(&my->all->lock);
    picot_await(my->r, picot_rwlock_read(.rwlock = my->all ? &my->all->rwlock : NULL));
    CHECK_EQ(my->r, my->code);
    if (my->r == 0) picot_rwlock_release_read(&my->all->rwlock);
    picot_await(my->r, picot_rwlock_write(.rwlock = my->all ? &my->all->rwlock : NULL));
    CHECK_EQ(my->r, my->code);
    if (my->r == 0) picot_rwlock_release_write(&my->all->rwlock);
    picot_await(my->r, picot_event_wait(.event = my->all ? &my->all->event : NULL));
    CHECK_EQ(my->r, my->code);
    picot_await(my->r, picot_condition_wait(.condition = my->all ? &my->all->condition : NULL));
    CHECK_EQ(my->r, my->code == 0 ? PICOT_ENOTOWNER : my->code);
    picot_await(my->r, picot_barrier_wait(.barrier = my->all ? &my->all->barrier : NULL));
    CHECK_EQ(my->r, my->code);
    picot_await(my->r, picot_waitgroup_wait(.group = my->all ? &my->all->waitgroup : NULL));
    CHECK_EQ(my->r, my->code);
    picot_await(my->r, picot_semaphore_acquire(.semaphore = my->all ? &my->all->semaphore : NULL));
    CHECK_EQ(my->r, my->code);
    picot_await(my->r, picot_limiter_acquire(.limiter = my->all ? &my->all->limiter : NULL));
    CHECK_EQ(my->r, my->code);
    if (my->r == 0) picot_limiter_release(&my->all->limiter, NULL);
    picot_await(my->r, picot_token_bucket_take(.bucket = my->all ? &my->all->bucket : NULL));
    CHECK_EQ(my->r, my->code);
    picot_end;
}

static void other_loop(void)
{
    picot_loop *one = tap_loop(), *two = tap_loop();
    struct all all = {.event = {.set = 1}, .semaphore = {.value = 5}};
    CHECK_EQ(picot_condition_init(&all.condition, &all.lock_of_condition), 0);
    CHECK_EQ(picot_barrier_init(&all.barrier, 1), 0);
    CHECK_EQ(picot_limiter_init(&all.limiter, 1), 0);
    CHECK_EQ(picot_token_bucket_init(&all.bucket, one, 1, 1, 5), 0);
    CHECK_EQ(picot_run(one, picot_call(uses_all, &all, 0)), 0);
    CHECK_EQ(picot_run(two, picot_call(uses_all, &all, -EPERM)), 0);
    CHECK_EQ(picot_run(one, picot_call(uses_all, &all, 0)), 0);
    CHECK_EQ(picot_run(one, picot_call(uses_all, NULL, -EINVAL)), 0);
    picot_lock_break(&all.lock);
    picot_rwlock_break(&all.rwlock);
    picot_event_break(&all.event);
    picot_condition_break(&all.condition);
    picot_barrier_abort(&all.barrier);
    picot_waitgroup_break(&all.waitgroup);
    picot_semaphore_break(&all.semaphore);
    picot_limiter_break(&all.limiter);
    picot_token_bucket_break(&all.bucket);
    CHECK_EQ(picot_run(one, picot_call(uses_all, &all, PICOT_EBROKEN)), 0);
    tap_loop_end(one);
    tap_loop_end(two);
}

/* ---- memory ------------------------------------------------------------------------------------ */

picot_async_fn(int, tries_hard, (picot_lock * lock;), (int r;))
{
    picot_begin;
    tap_allocator_fail_after(0);
    picot_await(my->r, picot_lock_acquire(.lock = my->lock));
    tap_allocator_fail_after(-1);
    if (my->r < 0) {
        CHECK_EQ(my->r, -ENOMEM);
        CHECK(picot_lock_owner(my->lock) == NULL);
        say('m');
        picot_await(my->r, picot_lock_acquire(.lock = my->lock));
    }
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_lock_release(my->lock), 0);
    picot_end;
}

/* Blocks come from slabs: enough tasks, and one meets an empty one. */
picot_async_fn(int, many_try, (char unused;), (picot_lock lock; picot_group group; int i;))
{
    picot_begin;
    picot_task_group(my->group);
    for (my->i = 0; my->i < 300; my->i++)
        picot_try_spawn(&my->group, picot_call(tries_hard, &my->lock));
    picot_end;
}

static void memory(void)
{
    int rc;
    lazy_only();
    RUN_ALONE(rc, picot_call(many_try, 0));
    CHECK_EQ(rc, 0);
    CHECK(trace[0] == 'm');
}

/* ---- blocks ------------------------------------------------------------------------------------ */

picot_async_fn(int, leaves_by, (picot_lock * lock; int way;), (picot_hold hold; int i;))
{
    picot_begin;
    picot_defer
    {
        say(picot_lock_owner(my->lock) == picot_self ? 'H' : 'd');
    }
    for (my->i = 0; my->i < 2; my->i++) {
        picot_with_lock(my->hold, my->lock) {
            CHECK(picot_lock_owner(my->lock) == picot_self);
            picot_yield();
            CHECK(picot_lock_owner(my->lock) == picot_self);
            say('i');
            if (my->way == 1) break;
            if (my->way == 2) continue;
            if (my->way == 3) picot_return(7);
            if (my->way == 4) picot_fail(-EDOM);
            if (my->way == 5) picot_try_await(picot_sleep(.ns = -1));
            if (my->way == 6) goto out;
            say('e');
        }
        CHECK(picot_lock_owner(my->lock) != picot_self);
        say('o');
    }
    picot_return(1);
out:
    CHECK(picot_lock_owner(my->lock) == picot_self);
    picot_return(8);
    picot_end;
}

static void block_left(void)
{
    static const struct {
        int result;
        const char *trace;
    } expected[] = {{1, "ieoieod"}, {1, "ioiod"}, {1, "ioiod"}, {7, "id"}, {-EDOM, "id"}, {-EINVAL, "id"}, {8, "id"}};
    picot_loop *loop = tap_loop();
    picot_lock lock = {0};
    for (int way = 0; way < 7; way++) {
        int value = 0;
        trace[0] = 0;
        (void)picot_run_into(loop, &value, picot_call(leaves_by, &lock, way));
        CHECK_EQ(value, expected[way].result);
        CHECK_STR(trace, expected[way].trace);
        CHECK(picot_lock_owner(&lock) == NULL);
    }
    tap_loop_end(loop);
}

/* What is held is given back in turn with the defers; blocks nest; a hold serves one block at a time. */
picot_async_fn(int, nests, (picot_lock * a; picot_lock * b; picot_rwlock * rwlock;), (picot_hold one, two; int r;))
{
    picot_begin;
    picot_with_lock(my->one, my->a) {
        picot_defer
        {
            CHECK(picot_lock_owner(my->a) == picot_self);
            picot_with_lock(my->two, my->b) {
                picot_yield();
                say('D');
            }
            CHECK(picot_lock_owner(my->b) == NULL);
        }
        picot_with_lock(my->two, my->b) {
            say('2');
        }
        CHECK(picot_lock_owner(my->b) == NULL);
        picot_with_lock(my->two, my->a) {
            say('!');
        }
        CHECK_EQ(picot_error(), -EDEADLK);
        picot_with_write(my->two, my->rwlock) {
            picot_yield();
            CHECK(picot_rwlock_writer(my->rwlock) == picot_self);
            CHECK_EQ(picot_rwlock_downgrade(my->rwlock), 0);
            CHECK_EQ(picot_rwlock_readers(my->rwlock), 1);
        }
        CHECK_EQ(picot_rwlock_readers(my->rwlock), 0);
        picot_with_write(my->two, my->rwlock) {
            say('w');
        }
        CHECK(picot_rwlock_writer(my->rwlock) == NULL);
        picot_try_with_read(my->two, my->rwlock) {
            CHECK_EQ(picot_rwlock_readers(my->rwlock), 1);
        }
        CHECK_EQ(picot_rwlock_readers(my->rwlock), 0);
        picot_with_lock(my->one, my->b) {
            say('!');
        }
        CHECK_EQ(picot_error(), -EINVAL);
        picot_try_with_lock(my->two, my->a) {
            say('!');
        }
        say('!');
    }
    picot_end;
}

static void block_nested(void)
{
    picot_loop *loop = tap_loop();
    picot_lock a = {0}, b = {0};
    picot_rwlock rwlock = {0};
    CHECK_EQ(picot_run(loop, picot_call(nests, &a, &b, &rwlock)), -EDEADLK);
    CHECK_STR(trace, "2wD");
    CHECK(picot_lock_owner(&a) == NULL && picot_lock_owner(&b) == NULL);
    tap_loop_end(loop);
}

picot_async_fn(int, holds_until, (picot_lock * lock; picot_event * event;), (picot_hold hold;))
{
    picot_begin;
    picot_try_with_lock(my->hold, my->lock)
        picot_try_await(picot_event_wait(.event = my->event));
    say('a');
    picot_end;
}

/* Not acquired: cancelled by a deadline around the block. */
picot_async_fn(int, waits_in_vain, (picot_lock * lock;), (picot_hold hold; int r;))
{
    picot_begin;
    picot_try_with_lock(my->hold, my->lock) {
        say('!');
    }
    say('!');
    picot_end;
}

picot_async_fn(int, in_vain, (char unused;),
               (picot_lock lock; picot_event event; picot_group group; picot_scope scope; picot_hold hold; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(holds_until, &my->lock, &my->event));
    picot_yield();
    picot_wait_for(my->r, 0, picot_call(waits_in_vain, &my->lock));
    CHECK_EQ(my->r, -ETIMEDOUT);
    picot_timeout(my->scope, PICOT_MS) {
        picot_with_lock(my->hold, &my->lock) {
            say('!');
        }
        CHECK_EQ(picot_error(), -ECANCELED);
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    picot_event_set(&my->event);
    picot_with_lock(my->hold, &my->lock) {
        say('b');
    }
    picot_end;
}

static void block_not_entered(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(in_vain, 0));
    CHECK_EQ(rc, 0);
    CHECK(!strcmp(trace, "ab"));
}

/* ---- readers and writers ----------------------------------------------------------------------- */

picot_async_fn(int, reads, (picot_rwlock * lock; int turns; char got;), (int rc;))
{
    picot_begin;
    picot_try_await(picot_rwlock_read(.rwlock = my->lock));
    say(my->got);
    CHECK(picot_rwlock_writer(my->lock) == NULL);
    while (my->turns-- > 0)
        picot_yield();
    CHECK_EQ(picot_rwlock_release_read(my->lock), 0);
    picot_end;
}
#define reads(...) picot_call(reads, __VA_ARGS__)

picot_async_fn(int, writes, (picot_rwlock * lock; int turns; char got; int downgrade;), (int rc;))
{
    picot_begin;
    picot_try_await(picot_rwlock_write(.rwlock = my->lock));
    say(my->got);
    CHECK(picot_rwlock_writer(my->lock) == picot_self);
    CHECK_EQ(picot_rwlock_readers(my->lock), 0);
    while (my->turns-- > 0)
        picot_yield();
    if (my->downgrade) {
        CHECK_EQ(picot_rwlock_downgrade(my->lock), 0);
        say('v');
        picot_yield();
        picot_yield();
        say('u');
        CHECK_EQ(picot_rwlock_release_read(my->lock), 0);
    } else {
        CHECK_EQ(picot_rwlock_release_write(my->lock), 0);
    }
    picot_end;
}
#define writes(...) picot_call(writes, __VA_ARGS__)

picot_async_fn(int, reads_and_writes, (char unused;), (picot_rwlock lock; picot_group group, doomed; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_task_group(my->doomed);
    picot_spawn(&my->group, reads(&my->lock, 5, 'a'));
    picot_spawn(&my->group, reads(&my->lock, 5, 'b'));
    picot_spawn(&my->group, writes(&my->lock, 2, 'W', 1));
    picot_spawn(&my->group, reads(&my->lock, 1, 'c'));
    picot_spawn(&my->group, reads(&my->lock, 1, 'd'));
    picot_spawn(&my->group, writes(&my->lock, 2, 'X'));
    picot_yield();
    CHECK_STR(trace, "ab"); /* together; and c and d stand behind the writer */
    CHECK_EQ(picot_rwlock_readers(&my->lock), 2);
    CHECK_EQ(picot_rwlock_try_read(&my->lock, picot_self), -EBUSY);
    CHECK_EQ(picot_rwlock_try_write(&my->lock, picot_self), -EBUSY);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_STR(trace, "abWvcduX");
    /* A writer that gives up lets the readers behind it in. */
    trace[0] = 0;
    CHECK_EQ(picot_rwlock_try_read(&my->lock, picot_self), 0);
    picot_spawn(&my->doomed, writes(&my->lock, 0, 'Y'));
    picot_yield();
    picot_spawn(&my->group, reads(&my->lock, 0, 'e'));
    picot_yield();
    picot_yield();
    CHECK_STR(trace, "");
    picot_group_cancel(&my->doomed, NULL);
    picot_yield();
    picot_yield();
    CHECK_STR(trace, "e");
    CHECK_EQ(picot_rwlock_release_read(&my->lock), 0);
    CHECK_EQ(picot_rwlock_release_read(&my->lock), PICOT_ENOTOWNER);
    CHECK_EQ(picot_rwlock_release_write(&my->lock), PICOT_ENOTOWNER);
    CHECK_EQ(picot_rwlock_downgrade(&my->lock), PICOT_ENOTOWNER);
    CHECK_EQ(picot_rwlock_try_write(&my->lock, picot_self), 0);
    picot_await(my->r, picot_rwlock_read(.rwlock = &my->lock));
    CHECK_EQ(my->r, -EDEADLK);
    picot_await(my->r, picot_rwlock_write(.rwlock = &my->lock));
    CHECK_EQ(my->r, -EDEADLK);
    CHECK_EQ(picot_rwlock_release_write(&my->lock), 0);
    picot_end;
}

static void readers_and_writers(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(reads_and_writes, 0));
    CHECK_EQ(rc, 0);
    CHECK_EQ(picot_rwlock_release_read(NULL), -EINVAL);
    CHECK_EQ(picot_rwlock_release_write(NULL), -EINVAL);
    CHECK_EQ(picot_rwlock_try_read(NULL, NULL), -EINVAL);
    CHECK_EQ(picot_rwlock_break(NULL), -EINVAL);
    CHECK_EQ(picot_rwlock_readers(NULL), 0);
    CHECK(picot_rwlock_writer(NULL) == NULL);
}

/* ---- event ------------------------------------------------------------------------------------- */

picot_async_fn(int, awaits_event, (picot_event * event; char got; char lost;), (int rc;))
{
    picot_begin;
    picot_await(my->rc, picot_event_wait(.event = my->event));
    say(my->rc == 0 ? my->got : my->lost);
    picot_return(my->rc);
    picot_end;
}
#define awaits_event(...) picot_call(awaits_event, __VA_ARGS__)

picot_async_fn(int, events, (char unused;), (picot_event event; picot_group group, doomed; int r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_task_group(my->doomed);
    CHECK_EQ(picot_event_is_set(&my->event), 0);
    CHECK_EQ(picot_event_notify_one(&my->event), 0);
    picot_spawn(&my->group, awaits_event(&my->event, 'a'));
    picot_spawn(&my->doomed, awaits_event(&my->event, '!', 'x'));
    picot_spawn(&my->group, awaits_event(&my->event, 'b'));
    picot_spawn(&my->group, awaits_event(&my->event, 'c'));
    picot_yield();
    picot_group_cancel(&my->doomed, NULL);
    picot_yield();
    CHECK_STR(trace, "x");
    CHECK_EQ(picot_event_notify_one(&my->event), 1);
    CHECK_EQ(picot_event_is_set(&my->event), 0);
    picot_yield();
    CHECK_STR(trace, "xa");
    CHECK_EQ(picot_event_set(&my->event), 0);
    CHECK_EQ(picot_event_clear(&my->event), 0);
    picot_spawn(&my->group, awaits_event(&my->event, 'd', 'z'));
    picot_yield();
    picot_yield();
    CHECK_STR(trace, "xabc");
    CHECK_EQ(picot_event_break(&my->event), 0);
    picot_yield();
    CHECK_STR(trace, "xabcz");
    my->event = (picot_event){0};
    CHECK_EQ(picot_event_set(&my->event), 0);
    CHECK_EQ(picot_event_is_set(&my->event), 1);
    picot_await(my->r, picot_event_wait(&my->event));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void event(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(events, 0));
    CHECK_EQ(rc, 0);
    CHECK_EQ(picot_event_set(NULL), -EINVAL);
    CHECK_EQ(picot_event_clear(NULL), -EINVAL);
    CHECK_EQ(picot_event_is_set(NULL), 0);
    CHECK_EQ(picot_event_notify_one(NULL), -EINVAL);
    CHECK_EQ(picot_event_break(NULL), -EINVAL);
}

/* ---- condition --------------------------------------------------------------------------------- */

struct store {
    picot_lock lock;
    picot_condition filled;
    int items, asked;
};

static int has_items(void *user)
{
    struct store *store = user;
    store->asked++;
    return store->items;
}

/* Waits, says so, and keeps the lock for a turn. */
picot_async_fn(int, awaits_change, (struct store * store; char got; char lost; picot_predicate * predicate;),
               (picot_hold hold; int rc;))
{
    picot_begin;
    picot_try_with_lock(my->hold, &my->store->lock) {
        picot_await(my->rc, picot_condition_wait(.condition = &my->store->filled, .predicate = my->predicate,
                                                 .user = my->store));
        CHECK(picot_lock_owner(&my->store->lock) == picot_self);
        say(my->rc >= 0 ? my->got : my->lost);
        if (my->rc > 0) my->store->items--;
        picot_yield();
    }
    picot_return(my->rc);
    picot_end;
}
#define awaits_change(...) picot_call(awaits_change, __VA_ARGS__)

picot_async_fn(int, conditions, (char unused;), (struct store store; picot_group group; int a, b, c, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(picot_condition_init(&my->store.filled, &my->store.lock), 0);
    picot_await(my->r, picot_condition_wait(.condition = &my->store.filled));
    CHECK_EQ(my->r, PICOT_ENOTOWNER);
    CHECK_EQ(picot_condition_notify(&my->store.filled, 1), PICOT_ENOTOWNER);
    CHECK_EQ(picot_condition_notify_all(&my->store.filled), PICOT_ENOTOWNER);
    picot_spawn(&my->group, my->a, awaits_change(&my->store, 'a'));
    picot_spawn(&my->group, my->b, awaits_change(&my->store, 'b'));
    picot_spawn(&my->group, my->c, awaits_change(&my->store, 'c'));
    picot_yield();
    picot_try_await(picot_lock_acquire(.lock = &my->store.lock));
    CHECK_EQ(picot_condition_notify(&my->store.filled, 1), 1);
    picot_yield();
    CHECK_STR(trace, ""); /* the lock first */
    CHECK_EQ(picot_lock_release(&my->store.lock), 0);
    picot_yield();
    picot_yield();
    CHECK_STR(trace, "a");
    picot_try_await(picot_lock_acquire(.lock = &my->store.lock));
    CHECK_EQ(picot_condition_notify_all(&my->store.filled), 2);
    CHECK_EQ(picot_condition_notify_all(&my->store.filled), 0);
    CHECK_EQ(picot_lock_release(&my->store.lock), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_STR(trace, "abc");
    CHECK_EQ(my->a + my->b + my->c, 0);
    /* A predicate is asked before waiting, and again and again. */
    my->store.items = 5;
    picot_spawn(&my->group, my->a, awaits_change(&my->store, 'p', 0, has_items));
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->a, 5);
    CHECK_EQ(my->store.asked, 1);
    my->store.items = 0;
    picot_spawn(&my->group, my->a, awaits_change(&my->store, 'q', 0, has_items));
    picot_yield();
    for (my->r = 0; my->r < 3; my->r++) {
        picot_try_await(picot_lock_acquire(.lock = &my->store.lock));
        if (my->r == 2) my->store.items = -EDOM;
        CHECK_EQ(picot_condition_notify(&my->store.filled, 1), 1);
        CHECK_EQ(picot_lock_release(&my->store.lock), 0);
        picot_yield();
    }
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->store.asked, 5);
    CHECK_EQ(my->a, -EDOM);
    CHECK(picot_lock_owner(&my->store.lock) == NULL);
    picot_end;
}

static void condition(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(conditions, 0));
    CHECK_EQ(rc, 0);
    CHECK_EQ(picot_condition_init(NULL, NULL), -EINVAL);
    CHECK_EQ(picot_condition_notify(NULL, 1), -EINVAL);
    CHECK_EQ(picot_condition_notify(&(picot_condition){.lock = NULL}, 1), -EINVAL);
    CHECK_EQ(picot_condition_break(NULL), -EINVAL);
}

picot_async_fn(int, cancels_waiters, (char unused;), (struct store store; picot_group group, doomed; int r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_task_group(my->doomed);
    CHECK_EQ(picot_condition_init(&my->store.filled, &my->store.lock), 0);
    picot_spawn(&my->doomed, awaits_change(&my->store, '!', 'x'));
    picot_spawn(&my->group, awaits_change(&my->store, 'b', 'y'));
    picot_yield();
    /* Cancelled after the notification, before it has the lock; it cannot be called away from the lock's line. */
    picot_try_await(picot_lock_acquire(.lock = &my->store.lock));
    CHECK_EQ(picot_condition_notify(&my->store.filled, 1), 1);
    picot_group_cancel(&my->doomed, NULL);
    picot_yield();
    picot_group_cancel(&my->doomed, NULL);
    picot_yield();
    CHECK_STR(trace, "");
    CHECK_EQ(picot_lock_release(&my->store.lock), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_STR(trace, "xb"); /* the notification went on to the other */
    picot_end;
}

picot_async_fn(int, breaks_condition, (char unused;), (struct store store; picot_group group; int a, b, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(picot_condition_init(&my->store.filled, &my->store.lock), 0);
    picot_spawn(&my->group, my->a, awaits_change(&my->store, '!', 'x'));
    picot_spawn(&my->group, my->b, awaits_change(&my->store, '!', 'y'));
    picot_yield();
    CHECK_EQ(picot_condition_break(&my->store.filled), 0); /* each comes back with the lock */
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->a, PICOT_EBROKEN);
    CHECK_EQ(my->b, PICOT_EBROKEN);
    CHECK_STR(trace, "xy");
    picot_end;
}

/* The lock itself is broken while somebody waits on the condition. */
picot_async_fn(int, comes_back_without, (struct store * store;), (int rc;))
{
    picot_begin;
    picot_try_await(picot_lock_acquire(.lock = &my->store->lock));
    picot_await(my->rc, picot_condition_wait(.condition = &my->store->filled));
    CHECK(picot_lock_owner(&my->store->lock) != picot_self);
    picot_return(my->rc);
    picot_end;
}

picot_async_fn(int, breaks_lock, (char unused;), (struct store store; picot_group group; int a, b, r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    CHECK_EQ(picot_condition_init(&my->store.filled, &my->store.lock), 0);
    picot_spawn(&my->group, my->a, picot_call(comes_back_without, &my->store));
    picot_spawn(&my->group, my->b, picot_call(comes_back_without, &my->store));
    picot_yield();
    picot_try_await(picot_lock_acquire(.lock = &my->store.lock));
    CHECK_EQ(picot_condition_notify(&my->store.filled, 1), 1);
    CHECK_EQ(picot_lock_break(&my->store.lock), 0);
    CHECK_EQ(picot_condition_notify(&my->store.filled, 1), 1);
    CHECK_EQ(picot_lock_release(&my->store.lock), 0);
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_EQ(my->a, PICOT_EBROKEN);
    CHECK_EQ(my->b, PICOT_EBROKEN);
    picot_end;
}

static void condition_cancel(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(cancels_waiters, 0));
    CHECK_EQ(rc, 0);
}

static void condition_break(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(breaks_condition, 0));
    CHECK_EQ(rc, 0);
    RUN_ALONE(rc, picot_call(breaks_lock, 0));
    CHECK_EQ(rc, 0);
}

/* ---- barrier ----------------------------------------------------------------------------------- */

picot_async_fn(int, meets, (picot_barrier * barrier; char got; char lost;), (int rc;))
{
    picot_begin;
    picot_await(my->rc, picot_barrier_wait(.barrier = my->barrier));
    say(my->rc >= 0 ? my->got : my->lost);
    if (my->rc >= 0) say((char)('0' + my->rc));
    picot_return(my->rc);
    picot_end;
}
#define meets(...) picot_call(meets, __VA_ARGS__)

picot_async_fn(int, barriers, (char unused;), (picot_barrier barrier; picot_group group, doomed; int r;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1);
    picot_task_group(my->doomed);
    CHECK_EQ(picot_barrier_init(&my->barrier, 3), 0);
    picot_spawn(&my->group, meets(&my->barrier, 'a'));
    picot_spawn(&my->doomed, meets(&my->barrier, '!', 'x'));
    picot_spawn(&my->group, meets(&my->barrier, 'b'));
    picot_spawn(&my->group, meets(&my->barrier, 'c', 'z')); /* of the next round */
    picot_yield();
    CHECK_EQ(picot_barrier_waiting(&my->barrier), 1);
    picot_yield();
    CHECK(!strcmp(trace, "!2a0b1") || strlen(trace) == 6);
    trace[0] = 0;
    picot_spawn(&my->doomed, meets(&my->barrier, '!', 'x'));
    picot_yield();
    CHECK_EQ(picot_barrier_waiting(&my->barrier), 2);
    picot_group_cancel(&my->doomed, NULL); /* it just leaves */
    picot_yield();
    CHECK_STR(trace, "x");
    CHECK_EQ(picot_barrier_waiting(&my->barrier), 1);
    picot_spawn(&my->group, meets(&my->barrier, 'd', 'z'));
    picot_yield();
    picot_await(my->r, picot_barrier_wait(&my->barrier));
    CHECK_EQ(my->r, 2);
    /* A reset while those let go have not run yet concerns only those who wait anew. */
    picot_spawn(&my->group, meets(&my->barrier, 'e', 'y'));
    CHECK_EQ(picot_barrier_reset(&my->barrier), 0);
    picot_yield();
    picot_yield();
    CHECK_STR(trace, "xc0d1");
    CHECK_EQ(picot_barrier_reset(&my->barrier), 0);
    CHECK_EQ(picot_barrier_broken(&my->barrier), 0);
    picot_yield();
    CHECK_STR(trace, "xc0d1y");
    picot_spawn(&my->group, meets(&my->barrier, 'f', 'q'));
    picot_yield();
    CHECK_EQ(picot_barrier_abort(&my->barrier), 0);
    CHECK_EQ(picot_barrier_broken(&my->barrier), 1);
    picot_await(my->r, picot_barrier_wait(&my->barrier));
    CHECK_EQ(my->r, PICOT_EBROKEN);
    CHECK_STR(trace, "xc0d1y");
    picot_await(my->r, picot_join(.group = &my->group));
    CHECK_STR(trace, "xc0d1yq");
    CHECK_EQ(picot_barrier_reset(&my->barrier), 0);
    CHECK_EQ(picot_barrier_waiting(&my->barrier), 0);
    CHECK_EQ(picot_barrier_init(&my->barrier, 1), 0);
    picot_await(my->r, picot_barrier_wait(&my->barrier));
    CHECK_EQ(my->r, 0);
    picot_end;
}

static void barrier(void)
{
    int rc;
    lazy_only();
    RUN_ALONE(rc, picot_call(barriers, 0));
    CHECK_EQ(rc, 0);
    CHECK_EQ(picot_barrier_init(NULL, 1), -EINVAL);
    CHECK_EQ(picot_barrier_init(&(picot_barrier){.parties = 1}, 0), -EINVAL);
    CHECK_EQ(picot_barrier_abort(NULL), -EINVAL);
    CHECK_EQ(picot_barrier_reset(NULL), -EINVAL);
    CHECK_EQ(picot_barrier_waiting(NULL), 0);
    CHECK_EQ(picot_barrier_broken(NULL), 0);
}

/* ---- wait group -------------------------------------------------------------------------------- */

picot_async_fn(int, works, (picot_waitgroup * work; int turns;), (int r;))
{
    picot_begin;
    while (my->turns-- > 0)
        picot_yield();
    say('w');
    CHECK_EQ(picot_waitgroup_done(my->work), 0);
    picot_end;
}

picot_async_fn(int, waitgroups, (char unused;), (picot_waitgroup work; picot_group group; int i, r;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_await(my->r, picot_waitgroup_wait(&my->work));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_waitgroup_done(&my->work), -ERANGE);
    CHECK_EQ(picot_waitgroup_add(&my->work, -1), -EINVAL);
    CHECK_EQ(picot_waitgroup_add(&my->work, 3), 0);
    CHECK_EQ(picot_waitgroup_add(&my->work, INT64_MAX), -EOVERFLOW);
    CHECK_EQ(picot_waitgroup_count(&my->work), 3);
    picot_wait_for(my->r, 0, picot_waitgroup_wait(&my->work));
    CHECK_EQ(my->r, -ETIMEDOUT);
    for (my->i = 1; my->i <= 3; my->i++)
        picot_spawn(&my->group, picot_call(works, &my->work, my->i * 2));
    picot_await(my->r, picot_waitgroup_wait(&my->work));
    CHECK_EQ(my->r, 0);
    CHECK_STR(trace, "www");
    picot_end;
}

static void waitgroup(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(waitgroups, 0));
    CHECK_EQ(rc, 0);
    CHECK_EQ(picot_waitgroup_add(NULL, 1), -EINVAL);
    CHECK_EQ(picot_waitgroup_done(NULL), -EINVAL);
    CHECK_EQ(picot_waitgroup_count(NULL), 0);
    CHECK_EQ(picot_waitgroup_break(NULL), -EINVAL);
}

/* ---- arms -------------------------------------------------------------------------------------- */

picot_async_fn(int, selects, (char unused;),
               (picot_lock lock; picot_event event; picot_semaphore units; picot_arm arms[4]; picot_group group;
                int r;))
{
    picot_begin;
    picot_task_group(my->group);
    /* At once, in the order of the arms. */
    my->arms[0] = picot_arm_event(&my->event);
    my->arms[1] = picot_arm_lock(&my->lock);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 1);
    CHECK(picot_lock_owner(&my->lock) == picot_self);
    CHECK_EQ(picot_lock_release(&my->lock), 0);
    my->arms[0] = picot_arm_lock(NULL);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 1));
    CHECK_EQ(my->r, -EINVAL);
    /* By waiting; the others leave no trace. The same thing twice is won once. */
    picot_spawn(&my->group, locks(&my->lock, 3, 'a', 0));
    picot_yield();
    my->arms[0] = picot_arm_event(&my->event);
    my->arms[1] = picot_arm_lock(&my->lock);
    my->arms[2] = picot_arm_lock(&my->lock);
    my->arms[3] = picot_arm_semaphore(&my->units, 2);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 4));
    CHECK_EQ(my->r, 1);
    CHECK_EQ(my->arms[1].rc, 0);
    CHECK(picot_lock_owner(&my->lock) == picot_self);
    CHECK_EQ(picot_event_notify_one(&my->event), 0);
    CHECK_EQ(picot_semaphore_release(&my->units, 2), 0);
    CHECK_EQ(picot_semaphore_value(&my->units), 2);
    CHECK_EQ(picot_lock_release(&my->lock), 0);
    CHECK(picot_lock_owner(&my->lock) == NULL);
    my->arms[0] = picot_arm_semaphore(&my->units, 2);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 1));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(picot_semaphore_value(&my->units), 0);
    my->arms[0] = picot_arm_semaphore(&my->units, -2);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 1));
    CHECK_EQ(my->r, -EINVAL);
    CHECK_EQ(picot_lock_break(&my->lock), 0);
    my->arms[0] = picot_arm_lock(&my->lock);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 1));
    CHECK_EQ(my->r, 0);
    CHECK_EQ(my->arms[0].rc, PICOT_EBROKEN);
    picot_end;
}

/* An event that is set while one task waits for it with two arms, and with another task behind it. */
picot_async_fn(int, selects_twice, (picot_event * event;), (picot_arm arms[2]; int r;))
{
    picot_begin;
    my->arms[0] = picot_arm_event(my->event);
    my->arms[1] = picot_arm_event(my->event);
    picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->r, 0);
    say('s');
    picot_end;
}

picot_async_fn(int, sets_for_both, (char unused;), (picot_event event; picot_group group;))
{
    picot_begin;
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(selects_twice, &my->event));
    picot_spawn(&my->group, awaits_event(&my->event, 'e'));
    picot_yield();
    CHECK_EQ(picot_event_set(&my->event), 0);
    picot_end;
}

static void arms(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(selects, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "a");
    RUN_ALONE(rc, picot_call(sets_for_both, 0));
    CHECK_EQ(rc, 0);
    CHECK_STR(trace, "ase");
}

static const struct tap_case cases[] = {
    {"lock: in order, handed over, owned", lock_order, 0},
    {"lock: a cancelled waiter leaves, a cancelled owner keeps it", lock_cancel, 0},
    {"lock: a ring of three is refused and can be walked", deadlock, 0},
    {"lock: a ring over a condition is refused", deadlock_condition, 0},
    {"lock: an owner that ends breaks it", broken, 0},
    {"lock: out of memory", memory, 0},
    {"another loop, NULL, broken: every primitive", other_loop, 0},
    {"block: left by every way", block_left, 0},
    {"block: nested, in defers, refused", block_nested, 0},
    {"block: not entered", block_not_entered, 0},
    {"readers and writers", readers_and_writers, 0},
    {"event", event, 0},
    {"condition: notified, with a predicate", condition, 0},
    {"condition: cancelled after the notification", condition_cancel, 0},
    {"condition: broken", condition_break, 0},
    {"barrier", barrier, 0},
    {"wait group", waitgroup, 0},
    {"arms of a select", arms, 0},
};
TAP_MAIN(cases)
