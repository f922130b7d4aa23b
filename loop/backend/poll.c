/* SPDX-License-Identifier: MIT
 *
 * poll.c - readiness by poll(2): a dense array of the descriptors that somebody waits for.
 *
 * Invariants: entry 0 is the wake; an entry's place is its descriptor's backend_index; a removed one is replaced by
 * the last.
 *
 * Defects of poll, and what is done about each:
 *   - Its cost grows with the set: only descriptors with a parked operation or an unpaused watch are in it, and
 *     the search for what is ready ends with the last one.
 *   - A closed number is reported as POLLNVAL, for ever: the operations of that number alone end with -EBADF.
 *   - ERR and HUP are reported whatever the mask: who is not waited for is taken out, not masked.
 *   - A search cut off by the batch limit would favour low places: the next one goes on where it ended.
 *   - poll counts milliseconds: ppoll (nanoseconds) is used.
 *   - ENOMEM, for the kernel's copy of the array, says nothing about the descriptors: no events this time.
 *   - EINVAL when the set is larger than RLIMIT_NOFILE, lowered after the descriptors were opened: the loop fails
 *     with the code.
 */
#include "poll.h"

#include <poll.h>
#include <time.h>

static int grow(picot_loop *loop, struct picot__poll *state)
{
    unsigned capacity = state->capacity ? state->capacity * 2 : 16;
    void *set = picot_realloc(loop, state->set, state->capacity * sizeof *state->set, capacity * sizeof *state->set);
    if (!set) return -ENOMEM;
    state->set = set;
    state->capacity = capacity;
    return 0;
}

static void remove_entry(picot_loop *loop, struct picot__poll *state, unsigned place)
{
    struct pollfd last = state->set[--state->count];
    if (place == state->count) return;
    state->set[place] = last;
    struct picot__descriptor *moved = picot__descriptor_at(loop, last.fd);
    if (moved && moved->backend_index == (int32_t)state->count) moved->backend_index = (int32_t)place;
}

int picot__poll_set(picot_loop *loop, struct picot__descriptor *desc, unsigned interest)
{
    struct picot__poll *state = loop->backend_state;
    if (!interest) {
        if (desc->backend_index >= 0) remove_entry(loop, state, (unsigned)desc->backend_index);
        desc->backend_index = -1;
        return 0;
    }
    if (desc->backend_index < 0) {
        int rc = state->count < state->capacity ? 0 : grow(loop, state);
        if (rc < 0) return rc;
        desc->backend_index = (int32_t)state->count++;
    }
    short events = (short)((interest & PICOT_READABLE ? POLLIN : 0) | (interest & PICOT_WRITABLE ? POLLOUT : 0));
    state->set[desc->backend_index] = (struct pollfd){.fd = desc->fd, .events = events};
    return 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static unsigned ready_of(short revents)
{
    if (revents & POLLNVAL) return PICOT__READY_INVALID;
    unsigned ready = 0;
    if (revents & POLLIN) ready |= PICOT_READABLE;
    if (revents & POLLOUT) ready |= PICOT_WRITABLE;
    if (revents & (POLLERR | POLLHUP)) ready |= PICOT_FAILED;
    return ready;
}

static void collect(picot_loop *loop, struct picot__poll *state, int found)
{
    unsigned count = state->count, place = state->next;
    for (unsigned i = 0; i < count && found > 0 && !picot__batch_full(&state->base); i++, place++) {
        if (place >= count) place = 0;
        struct pollfd *entry = &state->set[place];
        if (!entry->revents) continue;
        found--;
        const struct picot__descriptor *desc = place ? picot__descriptor_at(loop, entry->fd) : NULL;
        if (!desc) continue;
        if (desc->backend_index == (int32_t)place)
            picot__batch_add(&state->base, picot__descriptor_key(desc), ready_of(entry->revents));
        else
            entry->fd = -1; /* left by a handle whose number was closed behind the loop's back and given out anew */
    }
    state->next = place;
}

int picot__poll_wait(picot_loop *loop, int64_t timeout_ns)
{
    struct picot__poll *state = loop->backend_state;
    struct timespec limit = {(time_t)(timeout_ns / PICOT_SECOND), (long)(timeout_ns % PICOT_SECOND)};
    int found = ppoll(state->set, state->count, timeout_ns == PICOT_NEVER ? NULL : &limit, NULL);
    if (found < 0) return errno == EINTR || errno == ENOMEM || errno == EAGAIN ? 0 : -errno;
    if (state->set[0].revents) picot__wakefd_drain(state->base.wake_fd);
    collect(loop, state, found);
    return 0;
}

bool picot__poll_is_ready(const struct picot__poll *state)
{
    return poll(state->set, state->count, 0) > 0;
}

/* ---- open and close -------------------------------------------------------------------------- */

void picot__poll_close(picot_loop *loop, size_t state_size)
{
    struct picot__poll *state = loop->backend_state;
    picot_free(loop, state->set, state->capacity * sizeof *state->set);
    picot__readiness_close(loop, state_size);
}

int picot__poll_open(picot_loop *loop, const struct picot__poller *poller, size_t state_size)
{
    int rc = picot__readiness_open(loop, poller, state_size);
    if (rc < 0) return rc;
    struct picot__poll *state = loop->backend_state;
    rc = grow(loop, state);
    if (rc < 0) {
        picot__poll_close(loop, state_size);
        return rc;
    }
    state->set[0] = (struct pollfd){.fd = state->base.wake_fd, .events = POLLIN};
    state->count = 1;
    return 0;
}

static void poll_close(picot_loop *loop)
{
    picot__poll_close(loop, sizeof(struct picot__poll));
}

static int poll_open(picot_loop *loop, const picot_loop_options *options)
{
    static const struct picot__poller poller = {false, picot__poll_set, picot__poll_wait, NULL, NULL};
    (void)options;
    return picot__poll_open(loop, &poller, sizeof(struct picot__poll));
}

const struct picot__backend picot__backend_poll = {
    .name = "poll",
    .open = poll_open,
    .close = poll_close,
    .now = picot__sys_now,
    .submit = picot__readiness_submit,
    .cancel = picot__readiness_cancel,
    .wait = picot__readiness_wait,
    .wake = picot__readiness_wake,
    .watch = picot__readiness_watch,
    .pollable = picot__mirror_pollable,
    .flush = picot__readiness_flush,
};
