/* SPDX-License-Identifier: MIT
 *
 * works.c - many calls: wait for some, or take them one by one as they end. Each is watched by a callback, which lists
 * it and wakes the one thread that waits.
 */
#include "executor.h"
#include "futex.h"

#include <picot/works.h>
#include <stdlib.h>

struct watched {
    picot_work_callback callback;
    picot_work *work;
    struct watched *next; /* in the list of those that are done */
    picot_works_done *owner;
};

struct picot_works_done {
    pthread_mutex_t mutex;
    struct watched *first, **last; /* done and not taken */
    uint32_t arrived;              /* a futex word: how many were ever listed */
    size_t left, count;            /* not taken; in the array */
    struct watched watched[];
};

static void work_ended(picot_work *work, void *user)
{
    struct watched *watched = user;
    picot_works_done *done = watched->owner;
    (void)work;
    (void)pthread_mutex_lock(&done->mutex);
    *done->last = watched;
    done->last = &watched->next;
    (void)__atomic_add_fetch(&done->arrived, 1, __ATOMIC_RELEASE);
    /* Still locked: whoever ends the watch takes the mutex first, and so comes after this. */
    picot__futex_wake(&done->arrived, 1);
    (void)pthread_mutex_unlock(&done->mutex);
}

static int by_address(const void *a, const void *b)
{
    const picot_work *x = ((const struct watched *)a)->work, *y = ((const struct watched *)b)->work;
    return (x > y) - (x < y);
}

/* Enter the calls, each once. Sorting finds those that stand twice; the order has no meaning here. */
static void enter_all(picot_works_done *done, picot_work *const *works, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        done->watched[i] = (struct watched){.work = works[i], .owner = done};
    qsort(done->watched, count, sizeof *done->watched, by_address);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || done->watched[i].work != done->watched[kept - 1].work) done->watched[kept++] = done->watched[i];
    done->count = done->left = kept;
}

int picot_works_done_begin(picot_work *const *works, size_t count, picot_works_done **ret_done)
{
    if (!ret_done || (count > 0 && !works) || count > SIZE_MAX / sizeof(struct watched) / 2) return -EINVAL;
    picot_works_done *done = calloc(1, sizeof *done + count * sizeof *done->watched);
    if (!done) return -ENOMEM;
    (void)pthread_mutex_init(&done->mutex, NULL);
    done->last = &done->first;
    enter_all(done, works, count);
    for (size_t i = 0; i < done->count; i++) {
        struct watched *watched = &done->watched[i];
        int rc = picot_work_add_callback(watched->work, &watched->callback, work_ended, watched);
        if (rc < 0) {
            done->count = i;
            picot_works_done_end(done);
            return rc;
        }
    }
    *ret_done = done;
    return 0;
}

/* Sleep until another one has ended than those `seen`. 0 or -ETIMEDOUT. */
static int await_arrival(picot_works_done *done, uint32_t seen, int64_t deadline_ns)
{
    while (__atomic_load_n(&done->arrived, __ATOMIC_ACQUIRE) == seen)
        if (picot__futex_wait(&done->arrived, seen, deadline_ns) < 0) return -ETIMEDOUT;
    return 0;
}

static struct watched *take(picot_works_done *done)
{
    (void)pthread_mutex_lock(&done->mutex);
    struct watched *first = done->first;
    if (first) {
        done->first = first->next;
        if (!done->first) done->last = &done->first;
        done->left--;
    }
    (void)pthread_mutex_unlock(&done->mutex);
    return first;
}

/* deadline_ns 0: only look. */
static int next_until(picot_works_done *done, int64_t deadline_ns, picot_work **ret_work)
{
    if (done->left == 0) return PICOT_ECLOSED;
    for (;;) {
        uint32_t seen = __atomic_load_n(&done->arrived, __ATOMIC_ACQUIRE);
        struct watched *watched = take(done);
        if (watched) {
            /* Its callbacks are called a moment before it is done. */
            (void)picot_work_wait(watched->work, PICOT_NEVER);
            *ret_work = watched->work;
            return 0;
        }
        if (await_arrival(done, seen, deadline_ns) < 0) return -ETIMEDOUT;
    }
}

int picot_works_done_next(picot_works_done *done, int64_t timeout_ns, picot_work **ret_work)
{
    if (!done || !ret_work || timeout_ns < 0) return -EINVAL;
    return next_until(done, timeout_ns == 0 ? 0 : picot__futex_deadline(timeout_ns), ret_work);
}

void picot_works_done_end(picot_works_done *done)
{
    if (!done) return;
    for (size_t i = 0; i < done->count; i++)
        (void)picot_work_remove_callback(&done->watched[i].callback);
    (void)pthread_mutex_destroy(&done->mutex);
    free(done);
}

/* ---- wait for some ------------------------------------------------------------------------------- */

static bool is_enough(const picot_work *last, enum picot_works_until until)
{
    return until == PICOT_WORKS_FIRST || (until == PICOT_WORKS_FIRST_FAILURE && last->result < 0);
}

int64_t picot_works_wait(picot_work *const *works, size_t count, enum picot_works_until until, int64_t timeout_ns)
{
    picot_works_done *done;
    picot_work *work;
    if (count == 0 || timeout_ns < 0 || (unsigned)until > PICOT_WORKS_FIRST_FAILURE) return -EINVAL;
    int rc = picot_works_done_begin(works, count, &done);
    if (rc < 0) return rc;
    int64_t ended = 0, deadline_ns = picot__futex_deadline(timeout_ns);
    bool enough = timeout_ns == 0;
    while (next_until(done, enough ? 0 : deadline_ns, &work) == 0) {
        ended++; /* also those that are done beyond what was asked for */
        enough = enough || is_enough(work, until);
    }
    picot_works_done_end(done);
    return ended;
}
