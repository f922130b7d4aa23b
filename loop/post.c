/* SPDX-License-Identifier: MIT
 *
 * post.c - the only way in from other threads and signal handlers: a stack that many push and the loop takes whole.
 *
 * No wake-up is lost: the poster pushes, then looks whether the loop sleeps; the loop says that it will sleep, then
 * looks whether something was pushed. Both orders are sequentially consistent, so at least one of the two sees the
 * other. Of many posters only the first one after that pays for the signal.
 */
#include "backend/backend.h"

int picot_post(picot_loop *loop, picot_posted *posted)
{
    if (!loop || !posted || !posted->fn) return -EINVAL;
    if (!*loop->fork_mark) return PICOT_EFORKED;
    if (__atomic_exchange_n(&posted->_.queued, 1, __ATOMIC_SEQ_CST)) return 1;
    picot_posted *newest = atomic_load(&loop->posted);
    do {
        posted->_.next = newest;
    } while (!atomic_compare_exchange_weak(&loop->posted, &newest, posted));
    if (atomic_load(&loop->sleeping) && atomic_exchange(&loop->sleeping, 0)) loop->backend->wake(loop);
    return 0;
}

bool picot__sleep_begin(picot_loop *loop)
{
    atomic_store(&loop->sleeping, 1);
    if (!atomic_load(&loop->posted)) return true;
    atomic_store(&loop->sleeping, 0);
    return false;
}

void picot__sleep_end(picot_loop *loop)
{
    if (atomic_load_explicit(&loop->sleeping, memory_order_relaxed)) atomic_store(&loop->sleeping, 0);
}

void picot__take_posts(picot_loop *loop)
{
    if (!atomic_load_explicit(&loop->posted, memory_order_relaxed)) return;
    picot_posted *newest = atomic_exchange(&loop->posted, NULL), *oldest = NULL;
    while (newest) {
        picot_posted *next = newest->_.next;
        newest->_.next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        picot_posted *posted = oldest;
        oldest = posted->_.next; /* before it may be posted anew */
        picot_callback *fn = posted->fn;
        void *user = posted->user;
        __atomic_store_n(&posted->_.queued, 0, __ATOMIC_SEQ_CST);
        loop->metrics.posts++;
        picot__budget_renew(loop);
        fn(loop, user);
    }
}
