/* SPDX-License-Identifier: MIT
 *
 * watches.c - readiness of descriptors that are not the loop's, on every backend: level-triggered, changed and removed
 * at any moment, and above all from inside a callback.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct seen {
    picot_watch watch;
    unsigned calls, ready; /* ready: all bits so far */
    unsigned remove_after; /* 0: never */
};

static void see(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    struct seen *seen = watch->user;
    seen->calls++;
    seen->ready |= ready;
    CHECK(ready != 0);
    if (seen->calls == seen->remove_after) {
        CHECK_EQ(picot_watch_remove(loop, watch), 0);
    }
}

static bool was_called(void *arg)
{
    return ((struct seen *)arg)->calls > 0;
}

static void add(picot_loop *loop, struct seen *seen, int fd, unsigned interest)
{
    memset(seen, 0, sizeof *seen);
    CHECK_EQ(picot_watch_add(loop, &seen->watch, fd, interest, see, seen), 0);
}

/* The condition holds: a call in each turn, until it does not. */
static void level_triggered(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        int fds[2];
        struct seen seen;
        stream_pair(flavour, fds);
        add(loop, &seen, fds[0], PICOT_READABLE);
        CHECK_EQ(picot_loop_pending(loop), 1);
        CHECK(is_calm(run_for(loop, 20 * PICOT_MS)));
        CHECK_EQ(seen.calls, 0);
        peer_send(fds[1], "abc", 3);
        CHECK(run_until(loop, was_called, &seen));
        seen.calls = 0;
        for (unsigned turn = 0; turn < 10; turn++) {
            CHECK_EQ(picot_loop_run(loop, PICOT_RUN_ONCE), 1);
        }
        CHECK(seen.calls >= 9 && seen.calls <= 10);
        CHECK_EQ(seen.ready, PICOT_READABLE);
        CHECK_EQ(recv(fds[0], got, 2, 0), 2); /* one byte stays */
        seen.calls = 0;
        CHECK(run_until(loop, was_called, &seen));
        CHECK_EQ(recv(fds[0], got, 2, 0), 1);
        run_turns(loop, 2); /* one call may be under way */
        seen.calls = 0;
        CHECK(is_calm(run_for(loop, 20 * PICOT_MS)));
        CHECK_EQ(seen.calls, 0);
        CHECK_EQ(picot_watch_remove(loop, &seen.watch), 0);
        CHECK_EQ(picot_watch_remove(loop, &seen.watch), 0);
        CHECK_EQ(close(fds[0]) | close(fds[1]), 0);
    }
    tap_loop_end(loop);
}

/* Interest comes and goes; nothing is reported that nobody asked for. */
static void interest_changes(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        int fds[2];
        struct seen seen;
        stream_pair(flavour, fds);
        add(loop, &seen, fds[0], 0);
        peer_send(fds[1], "x", 1);
        CHECK(is_calm(run_for(loop, 10 * PICOT_MS)));
        CHECK_EQ(seen.calls, 0);
        CHECK_EQ(picot_watch_set(loop, &seen.watch, PICOT_WRITABLE), 0);
        CHECK(run_until(loop, was_called, &seen));
        CHECK_EQ(seen.ready, PICOT_WRITABLE);
        CHECK_EQ(picot_watch_set(loop, &seen.watch, PICOT_READABLE), 0);
        seen.calls = seen.ready = 0;
        CHECK(run_until(loop, was_called, &seen));
        CHECK_EQ(seen.ready, PICOT_READABLE);
        CHECK_EQ(picot_watch_set(loop, &seen.watch, PICOT_READABLE | PICOT_WRITABLE), 0);
        seen.calls = seen.ready = 0;
        run_turns(loop, 4);
        CHECK(seen.calls > 0);
        CHECK_EQ(seen.ready, PICOT_READABLE | PICOT_WRITABLE);
        CHECK_EQ(picot_watch_set(loop, &seen.watch, 0), 0);
        seen.calls = 0;
        CHECK(is_calm(run_for(loop, 10 * PICOT_MS)));
        CHECK_EQ(seen.calls, 0);
        CHECK_EQ(picot_watch_remove(loop, &seen.watch), 0);
        CHECK_EQ(close(fds[0]) | close(fds[1]), 0);
    }
    tap_loop_end(loop);
}

/* A hang-up or a reset: FAILED and the bits that were asked for, so that a plain read finds out. */
static void failures(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < 2; flavour++) {
        int fds[2];
        struct seen seen;
        stream_pair(flavour, fds);
        add(loop, &seen, fds[0], PICOT_READABLE);
        run_turns(loop, 2);
        reset_on_close(fds[1]);
        CHECK_EQ(close(fds[1]), 0);
        CHECK(run_until(loop, was_called, &seen));
        CHECK(seen.ready & PICOT_READABLE);
        if (strcmp(picot_loop_backend(loop), "select") != 0) { /* select(2) has no word for it */
            CHECK(seen.ready & PICOT_FAILED);
        }
        CHECK_EQ(picot_watch_remove(loop, &seen.watch), 0);
        CHECK_EQ(close(fds[0]), 0);
    }
    int pipes[2];
    struct seen seen;
    CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
    CHECK_EQ(close(pipes[0]), 0);
    add(loop, &seen, pipes[1], PICOT_WRITABLE); /* a pipe without a reader */
    CHECK(run_until(loop, was_called, &seen));
    CHECK(seen.ready & PICOT_WRITABLE);
    CHECK_EQ(picot_watch_remove(loop, &seen.watch), 0);
    CHECK_EQ(close(pipes[1]), 0);
    tap_loop_end(loop);
}

static void regular_files_are_always_ready(void)
{
    picot_loop *loop = tap_loop();
    struct seen seen;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    add(loop, &seen, fd, PICOT_READABLE);
    CHECK(run_until(loop, was_called, &seen));
    seen.calls = 0;
    CHECK(run_until(loop, was_called, &seen));
    seen.remove_after = seen.calls + 1;
    seen.calls = seen.remove_after - 1;
    run_turns(loop, 5);
    CHECK_EQ(seen.calls, seen.remove_after);
    CHECK_EQ(close(fd), 0);
    tap_loop_end(loop);
}

/* ---- inside callbacks ------------------------------------------------------------------------ */

/* Several are ready in one batch. Each callback removes all others and itself, and frees them: one call in all. */
struct group {
    struct member {
        picot_watch watch;
        int fds[2];
        struct group *group;
    } * members[16];
    unsigned calls;
};

static void end_all(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    struct group *group = ((struct member *)watch->user)->group;
    CHECK_EQ(ready, PICOT_READABLE);
    group->calls++;
    for (int i = 0; i < 16; i++) {
        struct member *member = group->members[i];
        CHECK_EQ(picot_watch_remove(loop, &member->watch), 0);
        CHECK_EQ(close(member->fds[0]) | close(member->fds[1]), 0);
        free(member);
    }
}

static void removed_from_inside(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct group group = {.calls = 0};
        for (int i = 0; i < 16; i++) {
            struct member *member = calloc(1, sizeof *member);
            CHECK(member != NULL);
            group.members[i] = member;
            member->group = &group;
            stream_pair(flavour, member->fds);
            CHECK_EQ(picot_watch_add(loop, &member->watch, member->fds[0], PICOT_READABLE, end_all, member), 0);
        }
        run_turns(loop, 2);
        for (int i = 0; i < 16; i++) {
            peer_send(group.members[i]->fds[1], "x", 1);
        }
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        CHECK_EQ(group.calls, 1);
    }
    tap_loop_end(loop);
}

/* Two are ready; the first takes away the interest of the second, in the same turn. */
struct couple {
    struct seen seen;
    picot_watch *other;
    bool add_again;
};

static void silence_other(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    struct couple *couple = watch->user;
    (void)ready;
    couple->seen.calls++;
    CHECK_EQ(picot_watch_set(loop, couple->other, 0), 0);
    CHECK_EQ(picot_watch_set(loop, watch, 0), 0);
}

static void paused_from_inside(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        int fds[2][2];
        struct couple couples[2];
        memset(couples, 0, sizeof couples);
        for (int i = 0; i < 2; i++) {
            stream_pair(flavour, fds[i]);
            couples[i].other = &couples[1 - i].seen.watch;
            CHECK_EQ(picot_watch_add(loop, &couples[i].seen.watch, fds[i][0], PICOT_READABLE | PICOT_WRITABLE,
                                     silence_other, &couples[i]),
                     0);
        }
        run_turns(loop, 5);
        CHECK_EQ(couples[0].seen.calls + couples[1].seen.calls, 1);
        for (int i = 0; i < 2; i++) { /* and it can be given back */
            couples[i].seen.calls = 0;
            CHECK_EQ(picot_watch_remove(loop, &couples[i].seen.watch), 0);
        }
        struct seen again;
        add(loop, &again, fds[1][0], PICOT_WRITABLE);
        CHECK(run_until(loop, was_called, &again));
        CHECK_EQ(picot_watch_remove(loop, &again.watch), 0);
        for (int i = 0; i < 2; i++) {
            CHECK_EQ(close(fds[i][0]) | close(fds[i][1]), 0);
        }
    }
    tap_loop_end(loop);
}

/* A callback removes its watch, closes the descriptor, and watches a new one of the same number. */
struct reborn {
    picot_watch watch;
    int fds[2], next[2];
    unsigned calls;
};

static void unexpected(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    (void)loop;
    (void)ready;
    ((struct reborn *)watch->user)->calls += 100;
}

static void swap_descriptor(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    struct reborn *it = watch->user;
    (void)ready;
    it->calls++;
    CHECK_EQ(picot_watch_remove(loop, watch), 0);
    CHECK_EQ(dup3(it->next[0], it->fds[0], O_CLOEXEC), it->fds[0]); /* nothing has arrived at this one */
    CHECK_EQ(picot_watch_add(loop, watch, it->fds[0], PICOT_READABLE, unexpected, it), 0);
}

static void number_reused_from_inside(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct reborn it;
        memset(&it, 0, sizeof it);
        stream_pair(flavour, it.fds);
        stream_pair(flavour, it.next);
        CHECK_EQ(picot_watch_add(loop, &it.watch, it.fds[0], PICOT_READABLE, swap_descriptor, &it), 0);
        run_turns(loop, 2);
        peer_send(it.fds[1], "x", 1);
        (void)run_for(loop, 30 * PICOT_MS);
        CHECK_EQ(it.calls, 1);
        peer_send(it.next[1], "y", 1);
        (void)run_for(loop, 10 * PICOT_MS);
        CHECK(it.calls > 100);
        CHECK_EQ(picot_watch_remove(loop, &it.watch), 0);
        CHECK_EQ(close(it.fds[0]) | close(it.fds[1]) | close(it.next[0]) | close(it.next[1]), 0);
    }
    tap_loop_end(loop);
}

/* ---- together with handles, and refused ------------------------------------------------------ */

static void refusals(void)
{
    picot_loop *loop = tap_loop();
    int fds[2];
    struct seen first, second;
    memset(&second, 0, sizeof second);
    stream_pair(0, fds);
    add(loop, &first, fds[0], PICOT_READABLE);
    CHECK_EQ(picot_watch_add(loop, &second.watch, fds[0], PICOT_READABLE, see, &second), -EEXIST);
    CHECK_EQ(picot_watch_add(loop, &first.watch, fds[1], PICOT_READABLE, see, &first), -EALREADY);
    CHECK_EQ(picot_adopt(loop, fds[0]), -EEXIST);
    CHECK_EQ(picot_watch_set(loop, &second.watch, PICOT_READABLE), -ENOENT);
    CHECK_EQ(picot_watch_add(loop, &second.watch, fds[1], 8, see, &second), -EINVAL);
    CHECK_EQ(picot_watch_add(loop, &second.watch, fds[1], PICOT_READABLE, NULL, &second), -EINVAL);
    CHECK_EQ(picot_watch_add(loop, &second.watch, -1, PICOT_READABLE, see, &second), -EBADF);
    CHECK_EQ(picot_watch_remove(loop, &first.watch), 0);
    CHECK_EQ(close(fds[1]), 0);
    CHECK_EQ(picot_watch_add(loop, &second.watch, fds[1], PICOT_READABLE, see, &second), -EBADF);
    picot_fd fd = adopt(loop, fds[0]);
    CHECK_EQ(picot_watch_add(loop, &second.watch, fds[0], PICOT_READABLE, see, &second), -EEXIST);
    close_handle(loop, fd);
    tap_loop_end(loop);
}

/* The rule says: remove first. Who does not gets no spin and no hang, and can still remove it. */
static void descriptor_closed_under_its_watch(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        int fds[2];
        struct seen seen;
        stream_pair(flavour, fds);
        add(loop, &seen, fds[0], PICOT_READABLE);
        run_turns(loop, 2);
        CHECK_EQ(close(fds[0]), 0);
        CHECK(is_calm(run_for(loop, 100 * PICOT_MS)));
        CHECK(seen.calls <= 2);
        CHECK_EQ(picot_watch_remove(loop, &seen.watch), 0);
        CHECK_EQ(close(fds[1]), 0);
    }
    tap_loop_end(loop);
}

/* Worse: the file lives on in a duplicate, is ready for ever, and the set can no longer be told by number. */
static void duplicate_of_a_closed_descriptor(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        int fds[2];
        struct seen seen;
        stream_pair(flavour, fds);
        int duplicate = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
        add(loop, &seen, fds[0], PICOT_READABLE);
        run_turns(loop, 2);
        CHECK_EQ(close(fds[0]), 0);
        CHECK_EQ(picot_watch_remove(loop, &seen.watch), 0);
        peer_send(fds[1], "late", 4);
        CHECK(is_calm(run_for(loop, 100 * PICOT_MS)));
        CHECK_EQ(seen.calls, 0);
        struct seen other; /* the others are still watched */
        add(loop, &other, duplicate, PICOT_READABLE);
        CHECK(run_until(loop, was_called, &other));
        CHECK_EQ(picot_watch_remove(loop, &other.watch), 0);
        CHECK_EQ(close(duplicate) | close(fds[1]), 0);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"watch: level-triggered", level_triggered, TAP_BACKENDS},
    {"watch: interest changes", interest_changes, TAP_BACKENDS},
    {"watch: failures", failures, TAP_BACKENDS},
    {"watch: regular files are always ready", regular_files_are_always_ready, TAP_BACKENDS},
    {"watch: removed from inside", removed_from_inside, TAP_BACKENDS},
    {"watch: paused from inside", paused_from_inside, TAP_BACKENDS},
    {"watch: the number is reused from inside", number_reused_from_inside, TAP_BACKENDS},
    {"watch: refusals", refusals, TAP_BACKENDS},
    {"watch: duplicate of a closed descriptor", duplicate_of_a_closed_descriptor, TAP_BACKENDS},
    {"watch: descriptor closed under it", descriptor_closed_under_its_watch, TAP_BACKENDS},
};

TAP_MAIN(cases)
