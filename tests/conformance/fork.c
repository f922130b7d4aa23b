/* SPDX-License-Identifier: MIT
 *
 * fork.c - processes that fork, on every backend: the child may not use the parent's loop and says so, has its own if
 * it wants, and neither its life nor its end disturbs the parent. Credentials that change are those of the next
 * operation.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void ignore(picot_loop *loop, void *user)
{
    (void)loop;
    (void)user;
}

static void ignore_watch(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    (void)loop;
    (void)watch;
    (void)ready;
}

/* Wait for a child that checks by CHECK, which ends it with a status. */
static void join(pid_t pid)
{
    int status = -1;
    CHECK(pid > 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

static void all_calls_are_refused(picot_loop *loop, picot_fd fd)
{
    picot_op op;
    char byte;
    picot_job job = PICOT_JOB_INIT;
    picot_timer timer = PICOT_TIMER_INIT;
    picot_watch watch = PICOT_WATCH_INIT;
    picot_op_recv(&op, fd, &byte, 1, 0);
    CHECK_EQ(picot_submit(loop, &op, recorded_done, NULL), PICOT_EFORKED);
    CHECK_EQ(picot_submit_now(loop, &op, recorded_done, NULL), PICOT_EFORKED);
    CHECK_EQ(picot_cancel(loop, &op), PICOT_EFORKED);
    CHECK_EQ(picot_adopt(loop, STDIN_FILENO), PICOT_EFORKED);
    CHECK_EQ(picot_release(loop, fd), PICOT_EFORKED);
    CHECK_EQ(picot_call_soon(loop, &job, ignore, NULL), PICOT_EFORKED);
    CHECK_EQ(picot_call_later(loop, &timer, 0, ignore, NULL), PICOT_EFORKED);
    CHECK_EQ(picot_watch_add(loop, &watch, STDIN_FILENO, PICOT_READABLE, ignore_watch, NULL), PICOT_EFORKED);
    CHECK_EQ(picot_loop_stop(loop), PICOT_EFORKED);
    CHECK_EQ(picot_loop_fd(loop), PICOT_EFORKED);
    CHECK_EQ(picot_loop_next_deadline(loop), PICOT_EFORKED);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), PICOT_EFORKED);
    CHECK_EQ(picot_loop_step(loop), PICOT_EFORKED);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), PICOT_EFORKED);
}

static void exchange_in_own_loop(void)
{
    char got[8];
    struct recorded it = {0};
    picot_loop *loop = tap_loop();
    struct stream stream = open_stream(loop, 0);
    picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
    CHECK_EQ(start(loop, &it), 0);
    run_turns(loop, 2);
    peer_send(stream.theirs, "own", 3);
    CHECK_EQ(finish(loop, &it), 3);
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

/* The parent has operations under way; the child refuses, works on its own, destroys the copy, and leaves. */
static void child_of_a_busy_parent(void)
{
#ifdef PICOT_DEBUG
    SKIP("a debug build aborts here");
#endif
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[8];
        struct recorded in = {0}, waiting = {0};
        struct stream stream = open_stream(loop, flavour);
        picot_op_recv(&in.op, stream.ours, got, sizeof got, 0);
        picot_op_timeout(&waiting.op, 20 * PICOT_MS);
        CHECK_EQ(start(loop, &in), 0);
        CHECK_EQ(start(loop, &waiting), 0);
        run_turns(loop, flavour);
        pid_t pid = fork();
        if (pid == 0) {
            all_calls_are_refused(loop, stream.ours);
            exchange_in_own_loop();
            CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
            CHECK(!completed(&in) && !completed(&waiting)); /* they are the parent's */
            CHECK_EQ(tap_allocated_bytes(), 0);
            exchange_in_own_loop();
            _exit(0);
        }
        join(pid);
        CHECK(!completed(&in));
        peer_send(stream.theirs, "still", 5);
        CHECK_EQ(finish(loop, &in), 5);
        CHECK_MEM(got, "still", 5);
        CHECK_EQ(finish(loop, &waiting), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* The child lives on and does nothing: the parent's sockets end when the parent closes them, for a child that execs. */
static void child_does_not_delay_closes(void)
{
    picot_loop *loop = tap_loop();
    int hold[2];
    char got[8];
    struct recorded in = {0};
    struct stream stream = open_stream(loop, 0);
    CHECK_EQ(pipe2(hold, O_CLOEXEC), 0);
    picot_op_recv(&in.op, stream.ours, got, sizeof got, 0);
    CHECK_EQ(start(loop, &in), 0);
    run_turns(loop, 3);
    int ours = picot_fd_number(loop, stream.ours);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_EQ(close(ours) | close(hold[1]), 0); /* as exec does: all is close-on-exec */
        CHECK_EQ(read(hold[0], got, 1), 0);        /* until the parent has seen what it wants */
        _exit(0);
    }
    CHECK_EQ(read(hold[0], got, 0), 0);
    close_handle(loop, stream.ours);
    struct pollfd wanted = {stream.theirs, POLLIN, 0};
    CHECK_EQ(poll(&wanted, 1, 2000), 1);
    CHECK_EQ(peer_end(stream.theirs), 0);
    CHECK_EQ(close(hold[1]), 0);
    join(pid);
    CHECK_EQ(close(hold[0]) | close(stream.theirs), 0);
    tap_loop_end(loop);
}

/* Nothing of the loop survives exec: what it opened, and what the backend needs for itself. */
static void nothing_survives_exec(void)
{
    picot_loop *loop = tap_loop();
    struct recorded made = {0};
    picot_op_socket(&made.op, AF_INET, SOCK_STREAM, 0);
    CHECK(perform(loop, &made) > 0);
    CHECK(picot_loop_fd(loop) >= 0);
    run_turns(loop, 2);
    pid_t pid = fork();
    if (pid == 0) {
        for (int fd = 3; fd < 64; fd++) {
            if (fcntl(fd, F_GETFD) >= 0 && !is_closed_on_exec(fd)) {
                char link[64], target[64] = "";
                (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
                (void)!readlink(link, target, sizeof target - 1);
                CHECK(strstr(target, "anon_inode") == NULL && strstr(target, "socket") == NULL);
            }
        }
        _exit(0);
    }
    join(pid);
    struct recorded closing = {0};
    picot_op_close(&closing.op, made.result);
    CHECK_EQ(perform(loop, &closing), 0);
    tap_loop_end(loop);
}

/* Generations of processes, each with a loop made before and one made after the fork. */
static void grandchildren(void)
{
    picot_loop *loop = tap_loop();
    run_turns(loop, 1);
    pid_t pid = fork();
    if (pid == 0) {
        picot_loop *second = tap_loop();
        run_turns(second, 1);
        pid = fork();
        if (pid == 0) {
#ifndef PICOT_DEBUG /* there it aborts */
            CHECK_EQ(picot_loop_step(loop), PICOT_EFORKED);
            CHECK_EQ(picot_loop_step(second), PICOT_EFORKED);
#endif
            exchange_in_own_loop();
            CHECK_EQ(picot_loop_destroy(second, PICOT_DESTROY_FORCE), 0);
            CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
            CHECK_EQ(tap_allocated_bytes(), 0);
            _exit(0);
        }
        join(pid);
        CHECK_EQ(picot_loop_step(second), 0);
        tap_loop_end(second);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        _exit(0);
    }
    join(pid);
    CHECK_EQ(picot_loop_step(loop), 0);
    tap_loop_end(loop);
}

/* ---- credentials ----------------------------------------------------------------------------- */

static int64_t open_secret(picot_loop *loop, const char *path)
{
    struct recorded it = {0};
    picot_op_open(&it.op, AT_FDCWD, path, O_RDONLY, 0, 0);
    return perform(loop, &it);
}

/* A loop that has worked as root opens nothing of root's after setuid: neither its ring nor its threads remember. */
static void dropped_privileges(void)
{
    if (geteuid() != 0) {
        SKIP("needs root");
    }
    char path[] = "/tmp/picot-secret-XXXXXX";
    int secret = mkostemp(path, O_CLOEXEC);
    CHECK(secret >= 0);
    CHECK_EQ(fchmod(secret, 0600) | close(secret), 0);
    tap_loop_end(tap_loop()); /* skips where the backend is missing */
    pid_t pid = fork();
    if (pid == 0) {
        picot_loop *loop = tap_loop();
        picot_fd before = open_secret(loop, path);
        CHECK(before > 0);
        close_handle(loop, before);
        CHECK_EQ(setresgid(65534, 65534, 65534), 0);
        CHECK_EQ(setresuid(65534, 65534, 65534), 0);
        for (int i = 0; i < 10; i++) {
            CHECK_EQ(open_secret(loop, path), -EACCES);
        }
        tap_loop_end(loop);
        _exit(0);
    }
    join(pid);
    CHECK_EQ(unlink(path), 0);
}

static const struct tap_case cases[] = {
    {"fork: child of a busy parent", child_of_a_busy_parent, TAP_BACKENDS},
    {"fork: a child does not delay closes", child_does_not_delay_closes, TAP_BACKENDS},
    {"fork: nothing survives exec", nothing_survives_exec, TAP_BACKENDS},
    {"fork: grandchildren", grandchildren, TAP_BACKENDS},
    {"setuid: dropped privileges", dropped_privileges, TAP_BACKENDS},
};

TAP_MAIN(cases)
