/* SPDX-License-Identifier: MIT
 *
 * futex.h - sleeping on a word and waking who sleeps there: futex(2). Sleepers look at the word again whatever woke
 * them.
 */
#ifndef PICOT_LOOP_EXECUTOR_FUTEX_H
#define PICOT_LOOP_EXECUTOR_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <picot/base.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* loop/backend/sys.c: CLOCK_MONOTONIC, of no loop. */
int64_t picot__sys_now(picot_loop *loop);

static inline int64_t picot__futex_now(void)
{
    return picot__sys_now(NULL);
}

/* timeout_ns from now; saturates at PICOT_NEVER. */
static inline int64_t picot__futex_deadline(int64_t timeout_ns)
{
    int64_t now_ns;
    if (timeout_ns == PICOT_NEVER) return PICOT_NEVER;
    now_ns = picot__futex_now();
    return timeout_ns < PICOT_NEVER - now_ns ? now_ns + timeout_ns : PICOT_NEVER;
}

/* Sleep while *word is `value`, until a time of CLOCK_MONOTONIC. 0: look again; -ETIMEDOUT. */
static inline int picot__futex_wait(const uint32_t *word, uint32_t value, int64_t deadline_ns)
{
    struct timespec at = {deadline_ns / PICOT_SECOND, deadline_ns % PICOT_SECOND};
    long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
                      deadline_ns == PICOT_NEVER ? NULL : &at, NULL, FUTEX_BITSET_MATCH_ANY);
    return rc < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

/* The same for a word in memory that processes share; */
static inline int picot__futex_wait_shared_until(const uint32_t *word, uint32_t value, int64_t deadline_ns)
{
    struct timespec at = {deadline_ns / PICOT_SECOND, deadline_ns % PICOT_SECOND};
    long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value, deadline_ns == PICOT_NEVER ? NULL : &at, NULL,
                      FUTEX_BITSET_MATCH_ANY);
    return rc < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}
/* without a time. */
static inline void picot__futex_wait_shared(const uint32_t *word, uint32_t value)
{
    (void)picot__futex_wait_shared_until(word, value, PICOT_NEVER);
}
static inline void picot__futex_wake_shared(const uint32_t *word, int count)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

/* Wake up to `count` sleepers. The word's memory may be gone: nobody then sleeps there. */
static inline void picot__futex_wake(const uint32_t *word, int count)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL, 0);
}

#endif /* PICOT_LOOP_EXECUTOR_FUTEX_H */
