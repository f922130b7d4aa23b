/* SPDX-License-Identifier: MIT
 *
 * processes_hard.c - children in a hostile world: numbers that are taken again, children that leave their group or
 * change their user, shortages of descriptors and of processes, threads and signals while one is being made.
 *
 * The child is this program itself: see helper.
 */
#include "process_support.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what the child does ----------------------------------------------------------------------- */

/* It says "!" when it is where it shall be, and stays there. */
static _Noreturn void stay(bool in_its_group)
{
    if (!in_its_group && setpgid(0, getpgid(getppid())) != 0) _exit(98);
    if (write(1, "!", 1) != 1) _exit(97);
    for (;;)
        (void)pause();
}

/* A megabyte, more than a pipe holds. */
static void pour(void)
{
    char piece[4096];
    memset(piece, 'x', sizeof piece);
    for (int i = 0; i < 256; i++)
        if (write(1, piece, sizeof piece) != (ssize_t)sizeof piece) _exit(96);
}

/* Before main, and before anything of the test's: `this-program --child WHAT CODE`. */
__attribute__((constructor)) static void helper(int argc, char **argv)
{
    if (argc < 4 || strcmp(argv[1], "--child") != 0) return;
    if (strcmp(argv[2], "stay") == 0) stay(true);
    if (strcmp(argv[2], "leave group") == 0) stay(false);
    if (strcmp(argv[2], "pour") == 0) pour();
    _exit(atoi(argv[3]));
}

/* ---- the parent's side ------------------------------------------------------------------------- */

/* It is where it wants to be. */
static void spawn_and_hear(picot_loop *loop, struct child *child, picot_process_options options)
{
    char byte = 0;
    struct recorded read = {.completions = 0};
    options.out.kind = PICOT_STDIO_PIPE;
    spawn_as(loop, child, &options);
    picot_op_read(&read.op, picot_process_stdio(child->process, 1), &byte, 1, -1);
    CHECK_EQ(perform(loop, &read), 1);
    CHECK_EQ(byte, '!');
}

/* ---- numbers ------------------------------------------------------------------------------------- */

struct clone3_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/* A stranger with this very number, which was given back just now: it sleeps. */
static void make_stranger(int number)
{
    int tid = number;
    struct clone3_arguments arguments = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&tid, .set_tid_size = 1};
    int pid = (int)syscall(435, &arguments, sizeof arguments);
    if (pid == 0) {
        (void)signal(SIGTERM, SIG_DFL);
        for (;;)
            (void)pause();
    }
    if (pid < 0) SKIP("clone3 cannot choose a number here: Linux before 5.5, not root, or forbidden");
    CHECK_EQ(pid, number);
}

static void dismiss_stranger(int number)
{
    int status = 0;
    CHECK_EQ(waitpid(number, NULL, WNOHANG), 0); /* nothing has hit it */
    CHECK_EQ(kill(number, SIGUSR1), 0);
    CHECK_EQ(waitpid(number, &status, 0), number);
    CHECK_EQ(WTERMSIG(status), SIGUSR1);
}

/* The number has become another's; once after the loop has seen the end, once before. */
static void a_number_taken_again(void)
{
    picot_loop *loop = tap_loop();
    for (int seen = 0; seen < 2; seen++) {
        struct child child;
        picot_process_options options = helper_options("exit", "3");
        options.group = PICOT_PROCESS_GROUP_NEW;
        spawn_as(loop, &child, &options);
        int number = picot_process_pid(child.process), code = 0;
        if (seen) CHECK_EQ(end_of(loop, &child), 3);
        if (!seen) CHECK_EQ(waitpid(number, NULL, 0), number);
        make_stranger(number);
        CHECK_EQ(picot_process_signal(child.process, SIGKILL), -ESRCH);
        CHECK_EQ(picot_process_signal(child.process, 0), -ESRCH);
        CHECK_EQ(picot_process_signal_group(child.process, SIGKILL), -ESRCH);
        CHECK_EQ(picot_process_terminate(child.process), seen ? -ESRCH : 0);
        CHECK(run_until(loop, has_ended, &child));
        CHECK_EQ(picot_process_code(child.process, &code), seen ? 0 : 1);
        CHECK_EQ(code, seen ? 3 : 255);
        finish_child(loop, &child);
        dismiss_stranger(number);
    }
    no_child_is_left();
    tap_loop_end(loop);
}

/* ---- groups -------------------------------------------------------------------------------------- */

/* A child may leave the group that it was given, for ours: it is ended all the same, and we are not. */
static void a_child_leaves_its_group(void)
{
    for (int way = 0; way < 3; way++) {
        picot_loop *loop = tap_loop();
        struct child child;
        picot_process_options options = helper_options("leave group", "0");
        options.group = PICOT_PROCESS_GROUP_NEW;
        spawn_and_hear(loop, &child, options);
        CHECK_EQ(getpgid(picot_process_pid(child.process)), getpgrp());
        if (way == 0) CHECK_EQ(picot_process_terminate(child.process), 0);
        if (way == 1) CHECK_EQ(picot_process_signal_group(child.process, SIGINT), 0);
        if (way == 2) {
            CHECK_EQ(picot_process_close(child.process), 0);
            CHECK(run_until(loop, has_ended, &child));
            CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        } else {
            CHECK_EQ(end_of(loop, &child), way == 0 ? -SIGTERM : -SIGINT);
            finish_child(loop, &child);
        }
        no_child_is_left();
        tap_loop_end(loop);
    }
}

/* ---- users --------------------------------------------------------------------------------------- */

static picot_process_options other_user(const char *command)
{
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    options.shell = command;
    options.directory = "/";
    options.uid = options.gid = 1234;
    return options;
}

/* A change of user marks the memory in which it happens as nobody's to look at: it must not be ours, which would write
 * no core file and have no /proc of its own from then on. Failures are told all the same. */
static void a_change_of_user_leaves_us_alone(void)
{
    if (!may_become_others()) SKIP("not root, or others cannot execute programs here");
    picot_loop *loop = tap_loop();
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
    picot_process_options options = other_user("exit 3");
    struct child child;
    spawn_as(loop, &child, &options);
    CHECK_EQ(end_of(loop, &child), 3);
    CHECK_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
    finish_child(loop, &child);
    const char *argv[] = {"/nowhere/at/all", NULL};
    picot_process *process = NULL;
    enum picot_process_step step = PICOT_PROCESS_AT_NONE;
    options.shell = NULL;
    options.argv = argv;
    CHECK_EQ(picot_process_spawn(loop, &options, &process, &step), -ENOENT);
    CHECK_EQ(step, PICOT_PROCESS_AT_EXEC);
    options.limits = &(picot_process_limit){999, 1, 1};
    options.limit_count = 1;
    CHECK_EQ(picot_process_spawn(loop, &options, &process, &step), -EINVAL);
    CHECK_EQ(step, PICOT_PROCESS_AT_LIMITS);
    CHECK_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
    no_child_is_left();
    tap_loop_end(loop);
}

/* A child that we may not signal any more: it is said, and neither closing it nor the end of the loop hangs. */
static void a_child_out_of_reach(void)
{
    if (!may_become_others()) SKIP("not root, or others cannot execute programs here");
    for (int closed = 0; closed < 2; closed++) {
        picot_loop *loop = tap_loop();
        struct child child;
        picot_process_options options = other_user("exec sleep 1000");
        options.grace_ns = 0;
        spawn_as(loop, &child, &options);
        pid_t pid = picot_process_pid(child.process);
        CHECK_EQ(setresuid(4321, 4321, 0), 0);
        CHECK_EQ(picot_process_signal(child.process, SIGKILL), -EPERM);
        CHECK_EQ(picot_process_terminate(child.process), -EPERM);
        if (closed) CHECK_EQ(picot_process_close(child.process), 0);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        CHECK_EQ(child.rc, -ECANCELED);
        CHECK_EQ(setresuid(0, 0, 0), 0);
        CHECK_EQ(kill(pid, SIGKILL), 0);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
    }
}

/* ---- shortages ----------------------------------------------------------------------------------- */

/* With room for 0, 1, 2 ... descriptors more: -EMFILE until there are enough, and nothing is left behind. */
static void out_of_descriptors(void)
{
    picot_loop *loop = warm_loop();
    unsigned failures = 0, open = open_descriptors();
    int first = dup(0), rc = -EMFILE;
    CHECK_EQ(close(first), 0);
    struct rlimit before, less;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (int room = 0; rc != 0 && room < 16; room++) {
        struct child child = {.calls = 0};
        picot_process_options options = helper_options("exit", "0");
        options.in.kind = options.out.kind = PICOT_STDIO_PIPE;
        options.err.kind = PICOT_STDIO_NULL;
        less = (struct rlimit){(rlim_t)(first + room), before.rlim_max};
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &less), 0);
        rc = picot_process_spawn(loop, &options, &child.process, NULL);
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (rc == 0) {
            watch_it(&child);
            CHECK_EQ(end_of(loop, &child), 0);
            finish_child(loop, &child);
        } else {
            CHECK_EQ(rc, -EMFILE);
            failures++;
        }
        CHECK_EQ(open_descriptors(), open);
        no_child_is_left();
    }
    CHECK_EQ(rc, 0);
    CHECK(failures >= 6); /* two pipes, /dev/null, a pidfd */
    tap_loop_end(loop);
}

/* Whoever this is has no process left. */
static _Noreturn void be_one_of_none(void)
{
    picot_loop *loop = tap_loop();
    struct rlimit none = {0, 0};
    picot_process *process = NULL;
    enum picot_process_step step = PICOT_PROCESS_AT_NONE;
    picot_process_options options = helper_options("exit", "0");
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
    CHECK_EQ(setresuid(54321, 54321, 54321), 0);
    unsigned open = open_descriptors();
    options.out.kind = PICOT_STDIO_PIPE;
    CHECK_EQ(picot_process_spawn(loop, &options, &process, &step), -EAGAIN);
    CHECK_EQ(step, PICOT_PROCESS_AT_CLONE);
    CHECK_EQ(open_descriptors(), open);
    no_child_is_left();
    tap_loop_end(loop);
    _exit(7); /* without the end of a case: a sanitizer's would need a process */
}

static void too_many_processes(void)
{
    int status = 0;
    if (!may_become_others()) SKIP("not root, or others cannot execute programs here");
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) be_one_of_none();
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 7);
}

/* ---- what goes on meanwhile ---------------------------------------------------------------------- */

static atomic_int *strangers; /* in memory that a child would share */
static atomic_int ticks;
static pid_t ourselves;

static void tick(int number)
{
    int error = errno;
    (void)number;
    atomic_fetch_add(&ticks, 1);
    if ((pid_t)syscall(SYS_getpid) != ourselves) atomic_fetch_add(strangers, 1);
    errno = error;
}

static atomic_bool enough;

/* Locks of the C library's that a child must not need: of memory, of streams, of the environment. */
static void *make_noise(void *arg)
{
    FILE *null = fopen("/dev/null", "we");
    (void)arg;
    for (unsigned i = 1; null && !atomic_load(&enough); i++) {
        void *memory = malloc(i % 5000 + 1);
        (void)fprintf(null, "%p", memory);
        (void)fflush(null);
        free(memory);
    }
    if (null) (void)fclose(null);
    return NULL;
}

/* To our group, and with it to a child that is just being made: one that it ignores when it is another program. */
static void *make_signals(void *arg)
{
    (void)arg;
    while (!atomic_load(&enough)) {
        (void)kill(0, SIGURG);
        (void)usleep(20);
    }
    return NULL;
}

/* Signals by the thousand and threads that hold locks: no handler runs in a child, and none gets stuck. */
static void noise(void)
{
    enum { ROUNDS = 200 };
    picot_loop *loop = tap_loop();
    pthread_t threads[3];
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    strangers = mmap(NULL, sizeof *strangers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(strangers != MAP_FAILED);
    ourselves = getpid();
    CHECK_EQ(setpgid(0, 0), 0);
    CHECK_EQ(sigaction(SIGURG, &action, NULL), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, i < 2 ? make_noise : make_signals, NULL), 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct child child;
        char code[8];
        (void)snprintf(code, sizeof code, "%d", i);
        picot_process_options options = helper_options("exit", code);
        if (i % 2) options.keep_signals = 1;
        spawn_as(loop, &child, &options);
        CHECK_EQ(end_of(loop, &child), i);
        finish_child(loop, &child);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK(atomic_load(&ticks) > 0);
    CHECK_EQ(atomic_load(strangers), 0);
    CHECK_EQ(munmap(strangers, sizeof *strangers), 0);
    no_child_is_left();
    tap_loop_end(loop);
}

/* ---- early and slow ------------------------------------------------------------------------------ */

/* It has ended before the loop could look, and nobody waited yet. */
static void it_was_faster(void)
{
    picot_loop *loop = tap_loop();
    struct child child = {.calls = 0};
    siginfo_t info;
    picot_process_options options = helper_options("exit", "9");
    CHECK_EQ(picot_process_spawn(loop, &options, &child.process, NULL), 0);
    CHECK_EQ(waitid(P_PID, (id_t)picot_process_pid(child.process), &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(picot_process_code(child.process, NULL), PICOT_ENOTDONE);
    watch_it(&child);
    CHECK_EQ(child.calls, 0);
    CHECK_EQ(end_of(loop, &child), 9);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

/* What is not read is not taken out of the pipe: the child waits, and goes on when somebody reads. */
static void a_reader_sets_the_pace(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    struct recorded read = {.completions = 0};
    static char room[65536];
    picot_process_options options = helper_options("pour", "4");
    options.out.kind = PICOT_STDIO_PIPE;
    spawn_as(loop, &child, &options);
    int64_t all = 0, until = clock_now() + 20 * PICOT_MS;
    while (clock_now() < until)
        CHECK(picot_loop_run(loop, PICOT_RUN_NOWAIT) >= 0);
    CHECK_EQ(child.calls, 0);
    do {
        picot_op_read(&read.op, picot_process_stdio(child.process, 1), room, sizeof room, -1);
        CHECK(perform(loop, &read) >= 0);
        all += read.result;
    } while (read.result > 0);
    CHECK_EQ(all, 1 << 20);
    CHECK_EQ(end_of(loop, &child), 4);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"process: a number taken again", a_number_taken_again, TAP_BACKENDS},
    {"process: a child leaves its group", a_child_leaves_its_group, TAP_BACKENDS},
    {"process: a change of user leaves us alone", a_change_of_user_leaves_us_alone, TAP_BACKENDS},
    {"process: a child out of reach", a_child_out_of_reach, TAP_BACKENDS},
    {"process: out of descriptors", out_of_descriptors, TAP_BACKENDS},
    {"process: too many processes", too_many_processes, 0},
    {"process: noise", noise, TAP_BACKENDS},
    {"process: it was faster", it_was_faster, TAP_BACKENDS},
    {"process: a reader sets the pace", a_reader_sets_the_pace, TAP_BACKENDS},
};

TAP_MAIN(cases)
