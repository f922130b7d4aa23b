/* SPDX-License-Identifier: MIT
 *
 * select.c - readiness by pselect(2), for completeness and as the strictest test of what the others may rely on.
 *
 * Defects of select, and what is done about each:
 *   - fd_set ends at FD_SETSIZE and the FD_ macros write beyond it (or abort, with _FORTIFY_SOURCE). Linux takes
 *     bitmaps of any length: they are our own, of unsigned long as the kernel's, and grow with the largest number.
 *     Elsewhere a number from FD_SETSIZE on is refused with -EMFILE.
 *   - One closed number makes the whole call fail with EBADF: the set is searched with fcntl, and the operations
 *     of that number alone end with -EBADF.
 *   - It cannot tell errors and hang-ups from readiness. Operations need not know; a watch gets poll(2)'s answer.
 *   - The sets are overwritten and must be copied for each call; its cost grows with the largest number.
 *   - A search cut off by the batch limit would favour low numbers: the next one goes on where it ended.
 *   - ENOMEM, for the kernel's copy of the sets, says nothing about the descriptors: no events this time.
 */
#include "readiness.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>
#include <time.h>

#define WORD_BITS ((int)(8 * sizeof(unsigned long)))

enum row { WANT_READ, WANT_WRITE, GOT_READ, GOT_WRITE, ROWS };

struct select_state {
    struct picot__readiness base;
    unsigned long *bits; /* ROWS rows of so many words */
    int words;
    int end;  /* one more than the largest number in the set */
    int next; /* where the next search begins */
};

static unsigned long *row(const struct select_state *state, enum row which)
{
    return state->bits + (size_t)which * (size_t)state->words;
}

static bool has(const struct select_state *state, enum row which, int fd)
{
    return row(state, which)[fd / WORD_BITS] >> (fd % WORD_BITS) & 1;
}

static void put(struct select_state *state, enum row which, int fd, bool on)
{
    unsigned long *word = &row(state, which)[fd / WORD_BITS], bit = 1UL << (fd % WORD_BITS);
    *word = on ? *word | bit : *word & ~bit;
}

static size_t size_of(int words)
{
    return (size_t)words * ROWS * sizeof(unsigned long);
}

static int reserve(picot_loop *loop, struct select_state *state, int fd)
{
#ifndef __linux__
    if (fd >= FD_SETSIZE) return -EMFILE;
#endif
    if (fd / WORD_BITS < state->words) return 0;
    int words = state->words ? state->words : FD_SETSIZE / WORD_BITS;
    while (words <= fd / WORD_BITS)
        words *= 2;
    unsigned long *bits = picot_alloc(loop, size_of(words));
    if (!bits) return -ENOMEM;
    memset(bits, 0, size_of(words));
    for (int which = 0; which < ROWS && state->words; which++)
        memcpy(bits + (size_t)which * (size_t)words, row(state, which), (size_t)state->words * sizeof *bits);
    picot_free(loop, state->bits, size_of(state->words));
    state->bits = bits;
    state->words = words;
    return 0;
}

static void lower_end(struct select_state *state)
{
    while (state->end > 0) {
        int last = (state->end - 1) / WORD_BITS;
        if (!row(state, WANT_READ)[last] && !row(state, WANT_WRITE)[last])
            state->end = last * WORD_BITS;
        else if (!has(state, WANT_READ, state->end - 1) && !has(state, WANT_WRITE, state->end - 1))
            state->end--;
        else
            break;
    }
}

static int select_set(picot_loop *loop, struct picot__descriptor *desc, unsigned interest)
{
    struct select_state *state = loop->backend_state;
    int rc = interest ? reserve(loop, state, desc->fd) : 0;
    if (rc < 0) return rc;
    if (desc->fd / WORD_BITS >= state->words) return 0;
    put(state, WANT_READ, desc->fd, interest & PICOT_READABLE);
    put(state, WANT_WRITE, desc->fd, interest & PICOT_WRITABLE);
    if (interest && desc->fd >= state->end) state->end = desc->fd + 1;
    lower_end(state);
    return 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static unsigned ready_of_watch(int fd, unsigned ready)
{
    struct pollfd entry = {.fd = fd};
    if (poll(&entry, 1, 0) > 0 && entry.revents & (POLLERR | POLLHUP)) ready |= PICOT_FAILED;
    return ready;
}

static void add_event(picot_loop *loop, struct select_state *state, int fd)
{
    unsigned ready =
        (has(state, GOT_READ, fd) ? PICOT_READABLE : 0U) | (has(state, GOT_WRITE, fd) ? PICOT_WRITABLE : 0U);
    const struct picot__descriptor *desc = ready ? picot__descriptor_at(loop, fd) : NULL;
    if (!desc) return;
    if (desc->watch) ready = ready_of_watch(fd, ready);
    picot__batch_add(&state->base, picot__descriptor_key(desc), ready);
}

/* Each word once, from the one where the last search was cut off; empty words cost one look. */
static void collect(picot_loop *loop, struct select_state *state)
{
    int words = (state->end + WORD_BITS - 1) / WORD_BITS, word = state->next;
    for (int i = 0; i < words; i++, word++) {
        if (word >= words) word = 0;
        unsigned long found = row(state, GOT_READ)[word] | row(state, GOT_WRITE)[word];
        for (; found; found &= found - 1) {
            if (picot__batch_full(&state->base)) {
                state->next = word;
                return;
            }
            add_event(loop, state, word * WORD_BITS + __builtin_ctzl(found));
        }
    }
    state->next = 0;
}

static void drain_wake(struct select_state *state)
{
    if (!has(state, GOT_READ, state->base.wake_fd)) return;
    put(state, GOT_READ, state->base.wake_fd, false);
    picot__wakefd_drain(state->base.wake_fd);
}

/* EBADF: which of them are closed? */
static void collect_invalid(picot_loop *loop, struct select_state *state)
{
    for (int fd = 0; fd < state->end && !picot__batch_full(&state->base); fd++) {
        if (!has(state, WANT_READ, fd) && !has(state, WANT_WRITE, fd)) continue;
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        const struct picot__descriptor *desc = picot__descriptor_at(loop, fd);
        if (desc) picot__batch_add(&state->base, picot__descriptor_key(desc), PICOT__READY_INVALID);
    }
}

static int select_wait(picot_loop *loop, int64_t timeout_ns)
{
    struct select_state *state = loop->backend_state;
    struct timespec limit = {(time_t)(timeout_ns / PICOT_SECOND), (long)(timeout_ns % PICOT_SECOND)};
    size_t bytes = (size_t)((state->end + WORD_BITS - 1) / WORD_BITS) * sizeof *state->bits;
    memcpy(row(state, GOT_READ), row(state, WANT_READ), bytes);
    memcpy(row(state, GOT_WRITE), row(state, WANT_WRITE), bytes);
    int found = pselect(state->end, (fd_set *)(void *)row(state, GOT_READ), (fd_set *)(void *)row(state, GOT_WRITE),
                        NULL, timeout_ns == PICOT_NEVER ? NULL : &limit, NULL);
    if (found < 0 && errno == EBADF) {
        collect_invalid(loop, state);
        return 0;
    }
    if (found < 0) return errno == EINTR || errno == ENOMEM ? 0 : -errno;
    if (found == 0) return 0;
    drain_wake(state);
    collect(loop, state);
    return 0;
}

/* ---- open and close -------------------------------------------------------------------------- */

static void select_close(picot_loop *loop)
{
    struct select_state *state = loop->backend_state;
    picot_free(loop, state->bits, size_of(state->words));
    picot__readiness_close(loop, sizeof *state);
}

static int select_open(picot_loop *loop, const picot_loop_options *options)
{
    static const struct picot__poller poller = {false, select_set, select_wait, NULL, NULL};
    (void)options;
    int rc = picot__readiness_open(loop, &poller, sizeof(struct select_state));
    if (rc < 0) return rc;
    struct select_state *state = loop->backend_state;
    rc = reserve(loop, state, state->base.wake_fd);
    if (rc < 0) {
        select_close(loop);
        return rc;
    }
    put(state, WANT_READ, state->base.wake_fd, true);
    state->end = state->base.wake_fd + 1;
    return 0;
}

const struct picot__backend picot__backend_select = {
    .name = "select",
    .open = select_open,
    .close = select_close,
    .now = picot__sys_now,
    .submit = picot__readiness_submit,
    .cancel = picot__readiness_cancel,
    .wait = picot__readiness_wait,
    .wake = picot__readiness_wake,
    .watch = picot__readiness_watch,
    .pollable = picot__mirror_pollable,
    .flush = picot__readiness_flush,
};
