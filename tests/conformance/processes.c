/* SPDX-License-Identifier: MIT
 *
 * processes.c - children, on every backend: how they are started, what they get, how their end is told, and that
 * neither a process nor a descriptor is left behind.
 *
 * The child is often this program itself: see helper.
 */
#include "process_support.h"
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what the child does ----------------------------------------------------------------------- */

/* The open descriptors with their inodes, but for the one that lists them: "0:123 1:124 2:125 ". */
static void list_descriptors(void)
{
    char text[4096];
    size_t len = 0;
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat info;
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(dir) || fstat(fd, &info) < 0) continue;
        len += (size_t)snprintf(text + len, sizeof text - len, "%d:%lu ", fd, (unsigned long)info.st_ino);
    }
    if (write(1, text, len) != (ssize_t)len) _exit(98);
}

static void tell_signals(void)
{
    char text[256];
    int ignored = 0, blocked = 0;
    sigset_t mask;
    struct sigaction action;
    (void)sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int number = 1; number < NSIG; number++) {
        blocked += sigismember(&mask, number) == 1;
        if (sigaction(number, NULL, &action) == 0) ignored += action.sa_handler == SIG_IGN;
    }
    printf("%s", (snprintf(text, sizeof text, "ignored %d blocked %d", ignored, blocked), text));
}

static void copy_input(void)
{
    char buf[65536];
    ssize_t n;
    while ((n = read(0, buf, sizeof buf)) > 0)
        for (ssize_t at = 0, m; at < n; at += m)
            if ((m = write(1, buf + at, (size_t)(n - at))) <= 0) _exit(97);
}

static void ignore_term(void)
{
    (void)signal(SIGTERM, SIG_IGN);
    if (write(1, "!", 1) != 1) _exit(96);
    for (;;)
        (void)pause();
}

/* Before main, and before anything of the test's: `this-program --child WHAT`. */
__attribute__((constructor)) static void helper(int argc, char **argv)
{
    if (argc < 3 || strcmp(argv[1], "--child") != 0) return;
    const char *what = argv[2];
    struct rlimit limit = {0, 0};
    if (strcmp(what, "fds") == 0) list_descriptors();
    if (strcmp(what, "signals") == 0) tell_signals();
    if (strcmp(what, "copy") == 0) copy_input();
    if (strcmp(what, "stubborn") == 0) ignore_term();
    if (strcmp(what, "pause") == 0)
        for (;;)
            (void)pause();
    if (strcmp(what, "limits") == 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0)
        printf("%lu %lu", (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
    if (strcmp(what, "self") == 0)
        printf("%d %d %d %o %d", getpgrp() == getpid(), getsid(0) == getpid(), getpriority(PRIO_PROCESS, 0), umask(0),
               argc);
    (void)fflush(stdout);
    _exit(argc > 3 ? atoi(argv[3]) : 0);
}

struct talk {
    picot_process_talk talk;
    picot_process_output out, err;
    int calls, rc;
};

static void on_talked(picot_loop *loop, picot_process_talk *talk, int rc)
{
    struct talk *it = talk->user;
    (void)loop;
    it->calls++;
    it->rc = rc;
}

static bool has_talked(void *arg)
{
    return ((struct talk *)arg)->calls > 0;
}

static int talk_to(picot_loop *loop, picot_process *process, struct talk *it, const void *input, size_t len)
{
    it->talk.input = input;
    it->talk.input_len = len;
    it->talk.out = &it->out;
    it->talk.err = &it->err;
    it->calls = 0;
    CHECK_EQ(picot_process_talk_begin(process, &it->talk, on_talked, it), 0);
    CHECK_EQ(it->calls, 0);
    CHECK(run_until(loop, has_talked, it));
    CHECK_EQ(it->calls, 1);
    return it->rc;
}

static void free_talk(picot_loop *loop, struct talk *it)
{
    CHECK_EQ(picot_process_output_free(loop, &it->out), 0);
    CHECK_EQ(picot_process_output_free(loop, &it->err), 0);
}

/* Run it and compare what it says with `expected`. */
static void expect_output(picot_loop *loop, const picot_process_options *options, const char *expected)
{
    struct child child;
    struct talk talk = {.calls = 0};
    picot_process_options piped = *options;
    piped.out.kind = PICOT_STDIO_PIPE;
    spawn_as(loop, &child, &piped);
    CHECK_EQ(talk_to(loop, child.process, &talk, NULL, 0), 0);
    CHECK(talk.out.data != NULL);
    CHECK_STR(talk.out.data, expected);
    CHECK_EQ(end_of(loop, &child), 0);
    free_talk(loop, &talk);
    finish_child(loop, &child);
    no_child_is_left();
}

static void expect_shell(picot_loop *loop, picot_process_options options, const char *command, const char *expected)
{
    options.shell = command;
    expect_output(loop, &options, expected);
}

/* ---- ends -------------------------------------------------------------------------------------- */

static void exit_codes(void)
{
    static const struct {
        const char *command;
        int code;
    } table[] = {{"exit 0", 0},      {"exit 1", 1},        {"exit 255", 255},
                 {"kill -9 $$", -9}, {"kill -15 $$", -15}, {"true", 0}};
    picot_loop *loop = tap_loop();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
        struct child child;
        options.shell = table[i].command;
        options.user = &child;
        spawn_as(loop, &child, &options);
        CHECK(picot_process_pid(child.process) > 1);
        CHECK(picot_process_user(child.process) == &child);
        CHECK(picot_process_loop(child.process) == loop);
        CHECK_EQ(end_of(loop, &child), table[i].code);
        CHECK_EQ(picot_process_pidfd(child.process), -ESRCH);
        finish_child(loop, &child);
    }
    no_child_is_left();
    tap_loop_end(loop);
}

/* Any number wait, before and after the end; one changes its mind. */
static void many_waits(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    picot_process_watch watches[10] = {{0}};
    struct child seen[10] = {{0}};
    spawn_helper(loop, &child, "pause", NULL);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(picot_process_watch_add(child.process, &watches[i], on_end, &seen[i]), 0);
    CHECK_EQ(picot_process_watch_add(child.process, &watches[0], on_end, &seen[0]), -EALREADY);
    CHECK_EQ(picot_process_watch_remove(loop, &watches[2]), 0);
    CHECK_EQ(picot_process_watch_remove(loop, &watches[2]), 0);
    CHECK_EQ(picot_process_code(child.process, NULL), PICOT_ENOTDONE);
    CHECK_EQ(picot_process_signal(child.process, SIGINT), 0);
    CHECK_EQ(end_of(loop, &child), -SIGINT);
    for (int i = 5; i < 10; i++)
        CHECK_EQ(picot_process_watch_add(child.process, &watches[i], on_end, &seen[i]), 0);
    CHECK_EQ(seen[5].calls, 0);
    CHECK_EQ(picot_process_watch_remove(loop, &watches[6]), 0);
    run_turns(loop, 3);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(seen[i].calls, i == 2 || i == 6 ? 0 : 1);
        CHECK_EQ(seen[i].rc, 0);
    }
    CHECK_EQ(code_of(&child), -SIGINT);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

/* Reaped: a signal goes nowhere, whoever has the number now. */
static void signals_never_reach_a_stranger(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    spawn_helper(loop, &child, "pause", NULL);
    CHECK_EQ(picot_process_signal(child.process, 0), 0);
    CHECK_EQ(picot_process_signal(child.process, 65), -EINVAL);
    CHECK_EQ(picot_process_signal(child.process, -1), -EINVAL);
    CHECK_EQ(picot_process_signal_group(child.process, SIGKILL), -EINVAL); /* it has none of its own: it is ours! */
    CHECK_EQ(picot_process_signal(child.process, SIGKILL), 0);
    CHECK_EQ(end_of(loop, &child), -SIGKILL);
    CHECK_EQ(picot_process_signal(child.process, SIGKILL), -ESRCH);
    CHECK_EQ(picot_process_signal(child.process, 0), -ESRCH);
    CHECK_EQ(picot_process_terminate(child.process), -ESRCH);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

/* Nobody can know the code, and nobody hangs. */
static void sigchld_ignored(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    int code = 0;
    CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    spawn_helper(loop, &child, "exit", "3");
    CHECK(run_until(loop, has_ended, &child));
    CHECK_EQ(child.rc, 0);
    CHECK_EQ(picot_process_code(child.process, &code), 1);
    CHECK_EQ(code, 255);
    CHECK_EQ(picot_process_signal(child.process, SIGKILL), -ESRCH);
    finish_child(loop, &child);
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    const char *argv[] = {"/nowhere/at/all", NULL};
    picot_process *process = NULL;
    options.argv = argv;
    CHECK_EQ(picot_process_spawn(loop, &options, &process, NULL), -ENOENT);
    no_child_is_left();
    tap_loop_end(loop);
}

static void reaped_by_someone_else(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    int status = 0, code = 0;
    spawn_helper(loop, &child, "exit", "3");
    CHECK_EQ(waitpid(picot_process_pid(child.process), &status, 0), picot_process_pid(child.process));
    CHECK_EQ(picot_process_signal(child.process, SIGKILL), -ESRCH); /* the loop has not seen it, the pidfd knows */
    CHECK_EQ(picot_process_terminate(child.process), 0);
    CHECK(run_until(loop, has_ended, &child));
    CHECK_EQ(picot_process_code(child.process, &code), 1);
    CHECK_EQ(code, 255);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

#define CROWD 200

/* They all end at the same moment: when their common input does. */
static void two_hundred_end_at_once(void)
{
    picot_loop *loop = tap_loop();
    static struct child crowd[CROWD];
    int gate[2];
    CHECK_EQ(pipe2(gate, O_CLOEXEC), 0);
    for (int i = 0; i < CROWD; i++) {
        char code[16];
        (void)snprintf(code, sizeof code, "%d", i);
        picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
        const char *argv[] = {"sh", "-c", "read x; exit $0", code, NULL};
        options.argv = argv;
        options.in = (picot_stdio){PICOT_STDIO_FD, gate[0]};
        spawn_as(loop, &crowd[i], &options);
    }
    CHECK_EQ(close(gate[0]) | close(gate[1]), 0);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQ(end_of(loop, &crowd[i]), i);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQ(picot_process_close(crowd[i].process), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    no_child_is_left();
    tap_loop_end(loop);
}

/* ---- failed spawns ----------------------------------------------------------------------------- */

static void expect_failure(picot_loop *loop, const picot_process_options *options, int code,
                           enum picot_process_step expected)
{
    picot_process *untouched = (picot_process *)(void *)&code, *process = untouched;
    enum picot_process_step step = PICOT_PROCESS_AT_NONE;
    unsigned open = open_descriptors();
    CHECK_EQ(picot_process_spawn(loop, options, &process, &step), code);
    CHECK_STR(picot_process_step_name(step), picot_process_step_name(expected));
    CHECK(process == untouched);
    CHECK_EQ(open_descriptors(), open);
    CHECK_EQ(picot_loop_pending(loop), 0);
    no_child_is_left();
}

static void failed_spawns(void)
{
    picot_loop *loop = tap_loop();
    const char *argv[] = {"/nowhere/at/all", NULL};
    picot_process_options plain = PICOT_PROCESS_OPTIONS_INIT, options;
    char path[] = "/tmp/picot-processes-XXXXXX", script[64];
    CHECK(mkdtemp(path) != NULL);
    (void)snprintf(script, sizeof script, "%s/script", path);
    plain.argv = argv;
    plain.in.kind = plain.out.kind = plain.err.kind = PICOT_STDIO_PIPE;
    expect_failure(loop, &plain, -ENOENT, PICOT_PROCESS_AT_EXEC);
    argv[0] = "no-such-program-anywhere";
    expect_failure(loop, &plain, -ENOENT, PICOT_PROCESS_AT_EXEC);
    argv[0] = path; /* a directory */
    expect_failure(loop, &plain, -EACCES, PICOT_PROCESS_AT_EXEC);
    argv[0] = "/dev/null/x";
    expect_failure(loop, &plain, -ENOTDIR, PICOT_PROCESS_AT_EXEC);
    argv[0] = script;
    int fd = open(script, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "echo", 4), 4);
    expect_failure(loop, &plain, -ETXTBSY, PICOT_PROCESS_AT_EXEC);
    CHECK_EQ(close(fd), 0);
    expect_failure(loop, &plain, -ENOEXEC, PICOT_PROCESS_AT_EXEC);
    fd = open(script, O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK_EQ(write(fd, "#!/no/interpreter\n", 18), 18);
    CHECK_EQ(close(fd), 0);
    expect_failure(loop, &plain, -ENOENT, PICOT_PROCESS_AT_EXEC);
    CHECK_EQ(unlink(script) | rmdir(path), 0);
    argv[0] = "true";
    options = plain;
    options.directory = "/nowhere";
    expect_failure(loop, &options, -ENOENT, PICOT_PROCESS_AT_DIRECTORY);
    options.directory = "/dev/null";
    expect_failure(loop, &options, -ENOTDIR, PICOT_PROCESS_AT_DIRECTORY);
    options = plain;
    options.in = (picot_stdio){PICOT_STDIO_FD, 987};
    expect_failure(loop, &options, -EBADF, PICOT_PROCESS_AT_FDS);
    options = plain;
    options.fds = &(picot_process_fd){986, 5};
    options.fd_count = 1;
    expect_failure(loop, &options, -EBADF, PICOT_PROCESS_AT_FDS);
    options = plain;
    int next = dup(0); /* the number that the first pipe would have */
    CHECK_EQ(close(next), 0);
    options.fds = &(picot_process_fd){next, 5};
    options.fd_count = 1;
    expect_failure(loop, &options, -EBADF, PICOT_PROCESS_AT_FDS);
    options = plain;
    options.limits = &(picot_process_limit){999, 1, 1};
    options.limit_count = 1;
    expect_failure(loop, &options, -EINVAL, PICOT_PROCESS_AT_LIMITS);
    tap_loop_end(loop);
}

static void huge_argument_list(void)
{
    enum { COUNT = 40, SIZE = 130000 };
    picot_loop *loop = tap_loop();
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    char *big = malloc(SIZE);
    const char *argv[COUNT + 2];
    struct rlimit limit;
    CHECK(big != NULL);
    CHECK_EQ(getrlimit(RLIMIT_STACK, &limit), 0);
    memset(big, 'x', SIZE - 1);
    big[SIZE - 1] = 0;
    argv[0] = "true";
    for (int i = 1; i <= COUNT; i++)
        argv[i] = big;
    argv[COUNT + 1] = NULL;
    options.argv = argv;
    if (limit.rlim_cur / 4 < (rlim_t)COUNT * SIZE) expect_failure(loop, &options, -E2BIG, PICOT_PROCESS_AT_EXEC);
    free(big);
    tap_loop_end(loop);
}

static void bad_options(void)
{
    picot_loop *loop = tap_loop();
    const char *argv[] = {"true", NULL}, *none[] = {NULL}, *empty[] = {"", NULL}, *nameless[] = {"=x", NULL};
    picot_process_options plain = PICOT_PROCESS_OPTIONS_INIT;
    picot_process_fd twice[] = {{0, 5}, {1, 5}}, low = {0, 1}, negative = {0, -1}, high = {0, 65536};
    picot_process *process = NULL;
    plain.argv = argv;
#define REFUSED(...)                                                                                                   \
    do {                                                                                                               \
        picot_process_options options = plain;                                                                         \
        __VA_ARGS__;                                                                                                   \
        expect_failure(loop, &options, -EINVAL, PICOT_PROCESS_AT_PREPARE);                                             \
    } while (0)
    REFUSED(options.size = 0);
    REFUSED(options.size++);
    REFUSED(options.argv = NULL);
    REFUSED(options.argv = none);
    REFUSED(options.argv = empty);
    REFUSED(options.file = "");
    REFUSED(options.shell = "true");
    REFUSED(options.directory = "");
    REFUSED(options.extra = nameless);
    REFUSED(options.extra = empty);
    REFUSED(options.in.kind = PICOT_STDIO_STDOUT);
    REFUSED(options.out.kind = PICOT_STDIO_STDOUT);
    REFUSED(options.err.kind = (enum picot_stdio_kind)5);
    REFUSED(options.fds = twice, options.fd_count = 2);
    REFUSED(options.fds = &low, options.fd_count = 1, options.out.kind = PICOT_STDIO_PIPE);
    REFUSED(options.fds = &negative, options.fd_count = 1);
    REFUSED(options.fds = &high, options.fd_count = 1);
    REFUSED(options.fd_count = 1);
    REFUSED(options.group = (enum picot_process_group)3);
    REFUSED(options.umask = 01000);
    REFUSED(options.umask = -2);
    REFUSED(options.uid = -2);
    REFUSED(options.uid = UINT32_MAX);
    REFUSED(options.gid = INT64_MAX);
    REFUSED(options.group_count = 1);
    REFUSED(options.limit_count = 1);
    REFUSED(options.death_signal = 65);
    REFUSED(options.stop_signal = -1);
    REFUSED(options.grace_ns = -1);
    CHECK_EQ(picot_process_spawn(loop, NULL, &process, NULL), -EINVAL);
    CHECK_EQ(picot_process_spawn(loop, &plain, NULL, NULL), -EINVAL);
    CHECK_EQ(picot_process_spawn(NULL, &plain, &process, NULL), -EINVAL);
    CHECK_EQ(picot_process_close(NULL), 0);
    CHECK_EQ(picot_process_pid(NULL), -EINVAL);
    CHECK_EQ(picot_process_stdio(NULL, 1), -EINVAL);
    CHECK_EQ(picot_process_code(NULL, NULL), -EINVAL);
    CHECK_EQ(picot_process_signal(NULL, 1), -EINVAL);
    CHECK_EQ(picot_process_terminate(NULL), -EINVAL);
    CHECK_STR(picot_process_step_name((enum picot_process_step)99), "?");
    tap_loop_end(loop);
}

/* ---- what the child gets ----------------------------------------------------------------------- */

static unsigned long inode_of(int fd)
{
    struct stat info;
    CHECK_EQ(fstat(fd, &info), 0);
    return (unsigned long)info.st_ino;
}

/* Whatever is open here, also without close-on-exec: the child has its three, and no more. */
static void no_descriptor_leaks(void)
{
    picot_loop *loop = tap_loop();
    int open_ones[40];
    for (int i = 0; i < 40; i++)
        CHECK((open_ones[i] = open("/dev/zero", O_RDONLY)) >= 0);
    int far = fcntl(open_ones[0], F_DUPFD, 900);
    CHECK(far >= 900);
    picot_process_options options = helper_options("fds", NULL);
    struct child child;
    struct talk talk = {.calls = 0};
    options.in.kind = PICOT_STDIO_NULL;
    options.out.kind = PICOT_STDIO_PIPE;
    options.err.kind = PICOT_STDIO_STDOUT;
    spawn_as(loop, &child, &options);
    CHECK_EQ(talk_to(loop, child.process, &talk, NULL, 0), 0);
    unsigned long in, out, err;
    int len = 0;
    CHECK_EQ(sscanf(talk.out.data, "0:%lu 1:%lu 2:%lu %n", &in, &out, &err, &len), 3);
    CHECK_EQ(talk.out.data[len], 0);
    CHECK_EQ(out, err);
    CHECK(in != out);
    CHECK_EQ(out, inode_of(picot_fd_number(loop, picot_process_stdio(child.process, 1))));
    CHECK_EQ(picot_process_stdio(child.process, 0), -EBADF);
    CHECK_EQ(picot_process_stdio(child.process, 2), -EBADF);
    CHECK_EQ(picot_process_stdio(child.process, 3), -EINVAL);
    free_talk(loop, &talk);
    finish_child(loop, &child);
    for (int i = 0; i < 40; i++)
        (void)close(open_ones[i]);
    (void)close(far);
    tap_loop_end(loop);
}

/* Passed descriptors keep their numbers, also where these are each other's, or 0 to 2. */
static void passed_descriptors_collide(void)
{
    picot_loop *loop = tap_loop();
    int p[3][2], report[2];
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pipe2(p[i], O_CLOEXEC), 0);
    CHECK_EQ(pipe2(report, O_CLOEXEC), 0);
    /* a ring: each gets the number of the next one; then numbers below three; one twice; a far one */
    picot_process_fd fds[] = {{p[0][0], p[1][0]}, {p[1][0], p[2][0]}, {p[2][0], p[0][0]}, {p[0][1], 0},
                              {report[1], 1},     {p[0][0], 2},       {p[0][0], 200},     {0, 100}};
    unsigned long zero = inode_of(0);
    picot_process_options options = helper_options("fds", NULL);
    struct child child;
    char expected[1024], got[1024] = {0};
    size_t len = 0;
    options.fds = fds;
    options.fd_count = sizeof fds / sizeof *fds;
    spawn_as(loop, &child, &options);
    CHECK_EQ(end_of(loop, &child), 0);
    CHECK(read(report[0], got, sizeof got - 1) > 0);
    for (int number = 0; number < 300; number++)
        for (size_t i = 0; i < options.fd_count; i++)
            if (fds[i].number == number)
                len += (size_t)snprintf(expected + len, sizeof expected - len, "%d:%lu ", number,
                                        number == 100 ? zero : inode_of(fds[i].fd));
    CHECK_STR(got, expected);
    finish_child(loop, &child);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(close(p[i][0]) | close(p[i][1]), 0);
    options = helper_options("fds", NULL); /* stderr follows a stdout that is passed */
    options.fds = &(picot_process_fd){report[1], 1};
    options.fd_count = 1;
    options.in.kind = PICOT_STDIO_NULL;
    options.err.kind = PICOT_STDIO_STDOUT;
    spawn_as(loop, &child, &options);
    CHECK_EQ(end_of(loop, &child), 0);
    finish_child(loop, &child);
    memset(got, 0, sizeof got);
    CHECK(read(report[0], got, sizeof got - 1) > 0);
    (void)snprintf(expected, sizeof expected, "1:%lu 2:%lu ", inode_of(report[1]), inode_of(report[1]));
    CHECK_STR(strchr(got, ' ') + 1, expected);
    CHECK_EQ(close(report[0]) | close(report[1]), 0);
    tap_loop_end(loop);
}

/* A program without standard streams: its pipes have their numbers, its child has three all the same. */
static void parent_without_streams(void)
{
    picot_loop *loop = warm_loop();
    int saved[3];
    for (int i = 0; i < 3; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 50);
        CHECK(saved[i] >= 50);
    }
    for (int i = 0; i < 3; i++)
        (void)close(i);
    picot_process_options options = helper_options("copy", "0"), listing;
    struct child child;
    struct talk talk = {.calls = 0}, list = {.calls = 0};
    options.in.kind = options.out.kind = PICOT_STDIO_PIPE;
    spawn_as(loop, &child, &options);
    int rc = talk_to(loop, child.process, &talk, "through", 7);
    finish_child(loop, &child);
    listing = helper_options("fds", NULL);
    listing.out.kind = PICOT_STDIO_PIPE;
    spawn_as(loop, &child, &listing);
    int rc2 = talk_to(loop, child.process, &list, NULL, 0);
    finish_child(loop, &child);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(dup2(saved[i], i), i);
        (void)close(saved[i]);
    }
    CHECK_EQ(rc | rc2, 0);
    CHECK_STR(talk.out.data, "through");
    unsigned long in, out, err;
    int len = 0;
    CHECK_EQ(sscanf(list.out.data, "0:%lu 1:%lu 2:%lu %n", &in, &out, &err, &len), 3);
    CHECK_EQ(list.out.data[len], 0);
    CHECK_EQ(in, err); /* /dev/null */
    free_talk(loop, &talk);
    free_talk(loop, &list);
    tap_loop_end(loop);
}

static void environment_and_directory(void)
{
    picot_loop *loop = tap_loop();
    const char *environment[] = {"A=1", "B=2", "PATH=/usr/bin:/bin", NULL};
    const char *extra[] = {"B=3", "A", "C=x=y", "C=z", "D", NULL};
    picot_process_options plain = PICOT_PROCESS_OPTIONS_INIT, options = plain;
    CHECK_EQ(setenv("PICOT_TEST_INHERITED", "yes", 1), 0);
    expect_shell(loop, plain, "printf %s \"$PICOT_TEST_INHERITED\"", "yes");
    options.extra = extra;
    expect_shell(loop, options, "printf %s \"$PICOT_TEST_INHERITED $B $C\"", "yes 3 z");
    options.environment = environment;
    expect_shell(loop, options, "printf %s \"$PICOT_TEST_INHERITED ${A-none} $B $C\"", " none 3 z");
    options = plain;
    options.directory = "/dev";
    expect_shell(loop, options, "pwd", "/dev\n");
    const char *argv[] = {"other name", "-c", "printf %s \"$0\"", NULL};
    options = plain;
    options.argv = argv;
    options.file = "sh";
    expect_output(loop, &options, "other name");
    const char *path[] = {"PATH=:/nowhere:/dev/null:/bin:/usr/bin", NULL}; /* the child's, not ours */
    options.environment = path;
    expect_output(loop, &options, "other name");
    const char *wrong[] = {"PATH=/nowhere", NULL};
    options.environment = wrong;
    expect_failure(loop, &options, -ENOENT, PICOT_PROCESS_AT_EXEC);
    tap_loop_end(loop);
}

static void groups_umask_priority_limits(void)
{
    picot_loop *loop = tap_loop();
    char expected[64];
    int priority = getpriority(PRIO_PROCESS, 0);
    mode_t mask = umask(022);
    picot_process_options options = helper_options("self", NULL);
    (void)snprintf(expected, sizeof expected, "0 0 %d 22 3", priority);
    expect_output(loop, &options, expected);
    options.group = PICOT_PROCESS_GROUP_NEW;
    options.umask = 077;
    options.nice = 3;
    (void)snprintf(expected, sizeof expected, "1 0 %d 77 3", priority + 3 > 19 ? 19 : priority + 3);
    expect_output(loop, &options, expected);
    options.group = PICOT_PROCESS_GROUP_SESSION;
    options.umask = 0;
    options.nice = 0;
    (void)snprintf(expected, sizeof expected, "1 1 %d 0 3", priority);
    expect_output(loop, &options, expected);
    (void)umask(mask);
    options = helper_options("limits", NULL);
    options.limits = &(picot_process_limit){RLIMIT_NOFILE, 33, 44};
    options.limit_count = 1;
    expect_output(loop, &options, "33 44");
    tap_loop_end(loop);
}

static volatile sig_atomic_t handled;
static void handle(int number)
{
    (void)number;
    handled++;
}

/* Nothing is blocked or ignored in the child unless that is asked for; here nothing changes. */
static void signals_are_reset(void)
{
    picot_loop *loop = tap_loop();
    sigset_t mask, before, after;
    struct sigaction action = {.sa_handler = handle}, now;
    /* Whoever runs this in the background may have them ignored. */
    CHECK(signal(SIGINT, SIG_DFL) != SIG_ERR && signal(SIGQUIT, SIG_DFL) != SIG_ERR);
    CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGUSR2);
    (void)sigaddset(&mask, SIGRTMIN);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &mask, NULL), 0);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
    picot_process_options options = helper_options("signals", NULL);
    expect_output(loop, &options, "ignored 0 blocked 0");
    options.keep_signals = 1;
    expect_output(loop, &options, "ignored 2 blocked 2");
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
    CHECK_EQ(memcmp(&before, &after, 8), 0);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &now), 0);
    CHECK(now.sa_handler == handle);
    CHECK_EQ(sigaction(SIGHUP, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_IGN);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(handled, 1);
    tap_loop_end(loop);
}

/* Without supplementary groups, unless they are asked for. */
static void users_and_groups(void)
{
    static const char show[] = "while read k a b c d; do case $k in [UG]id:) printf '%s ' $k $a $b $c;; "
                               "Groups:) echo $k $a $b $c;; esac; done </proc/self/status";
    if (!may_become_others()) SKIP("not root, or others cannot execute programs here");
    picot_loop *loop = tap_loop();
    gid_t ours[] = {11, 12}, theirs[] = {21, 22, 23};
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    CHECK_EQ(setgroups(2, ours), 0);
    expect_shell(loop, options, show, "Uid: 0 0 0 Gid: 0 0 0 Groups: 11 12\n");
    options.directory = "/";
    options.uid = 1234;
    options.gid = 4321;
    expect_shell(loop, options, show, "Uid: 1234 1234 1234 Gid: 4321 4321 4321 Groups:\n");
    options.groups = theirs;
    options.group_count = 3;
    expect_shell(loop, options, show, "Uid: 1234 1234 1234 Gid: 4321 4321 4321 Groups: 21 22 23\n");
    options.groups = NULL;
    options.group_count = 0;
    options.keep_groups = 1;
    expect_shell(loop, options, show, "Uid: 1234 1234 1234 Gid: 4321 4321 4321 Groups: 11 12\n");
    options.keep_groups = 0;
    options.uid = -1;
    expect_shell(loop, options, show, "Uid: 0 0 0 Gid: 4321 4321 4321 Groups:\n");
    CHECK_EQ(geteuid(), 0);
    CHECK_EQ(setresuid(1234, 1234, 1234), 0);
    options = (picot_process_options)PICOT_PROCESS_OPTIONS_INIT;
    options.shell = "true";
    options.uid = 0;
    expect_failure(loop, &options, -EPERM, PICOT_PROCESS_AT_USER);
    tap_loop_end(loop);
}

/* What a descriptor of the kernel's still gives until its end. */
static size_t read_to_end(int fd)
{
    char buf[256];
    size_t all = 0;
    ssize_t n;
    while ((n = read(fd, buf, sizeof buf)) > 0)
        all += (size_t)n;
    CHECK_EQ(n, 0);
    return all;
}

/* ---- ending it --------------------------------------------------------------------------------- */

static picot_process_options stubborn_options(int64_t grace_ns)
{
    picot_process_options options = helper_options("stubborn", NULL);
    options.out.kind = PICOT_STDIO_PIPE;
    options.grace_ns = grace_ns;
    return options;
}

/* It has said that it ignores SIGTERM. */
static void await_refusal(picot_loop *loop, struct child *child)
{
    char byte = 0;
    struct recorded read = {.completions = 0};
    picot_op_read(&read.op, picot_process_stdio(child->process, 1), &byte, 1, -1);
    CHECK_EQ(perform(loop, &read), 1);
    CHECK_EQ(byte, '!');
}

static void termination_escalates(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    picot_process_options options = stubborn_options(30 * PICOT_MS);
    spawn_as(loop, &child, &options);
    await_refusal(loop, &child);
    int64_t begin = clock_now();
    CHECK_EQ(picot_process_terminate(child.process), 0);
    CHECK_EQ(picot_process_terminate(child.process), 0);
    CHECK_EQ(end_of(loop, &child), -SIGKILL);
    CHECK(clock_now() - begin >= 30 * PICOT_MS); /* of the real clock, on "sim" too: a grace that is one */
    finish_child(loop, &child);
    spawn_helper(loop, &child, "pause", NULL); /* one that listens */
    CHECK_EQ(picot_process_terminate(child.process), 0);
    CHECK_EQ(end_of(loop, &child), -SIGTERM);
    finish_child(loop, &child);
    no_child_is_left();
    tap_loop_end(loop);
}

static int say_bye(picot_process *process, void *user)
{
    (*(int *)user)++;
    return picot_process_signal(process, SIGINT);
}

static void a_way_of_its_own(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    int asked = 0;
    picot_process_options options = helper_options("pause", NULL);
    options.stop = say_bye;
    options.user = &asked;
    spawn_as(loop, &child, &options);
    CHECK_EQ(picot_process_terminate(child.process), 0);
    CHECK_EQ(end_of(loop, &child), -SIGINT);
    CHECK_EQ(asked, 1);
    finish_child(loop, &child);
    options = helper_options("pause", NULL);
    options.stop_signal = SIGQUIT;
    spawn_as(loop, &child, &options);
    CHECK_EQ(picot_process_terminate(child.process), 0);
    CHECK_EQ(end_of(loop, &child), -SIGQUIT);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

/* The group goes with it: a grandchild in the background holds the pipe, which ends only when that is dead. */
static void the_group_goes_with_it(void)
{
    for (int way = 0; way < 3; way++) {
        picot_loop *loop = tap_loop();
        struct child child;
        struct recorded read = {.completions = 0};
        char text[32] = {0};
        int gate[2];
        picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
        CHECK_EQ(pipe2(gate, O_CLOEXEC), 0);
        options.shell = way == 0 ? "(trap '' TERM; exec sleep 100) & echo up; wait" : "sleep 100 & echo up; wait";
        options.out.kind = PICOT_STDIO_PIPE;
        options.fds = &(picot_process_fd){gate[1], 7};
        options.fd_count = 1;
        options.group = PICOT_PROCESS_GROUP_NEW;
        spawn_as(loop, &child, &options);
        CHECK_EQ(close(gate[1]), 0);
        picot_op_read(&read.op, picot_process_stdio(child.process, 1), text, sizeof text, -1);
        CHECK_EQ(perform(loop, &read), 3);
        if (way == 2) {
            CHECK_EQ(picot_process_close(child.process), 0);
            CHECK(run_until(loop, has_ended, &child));
            CHECK_EQ(child.rc, -ECANCELED);
        } else {
            CHECK_EQ(picot_process_terminate(child.process), 0);
            CHECK_EQ(end_of(loop, &child), -SIGTERM);
            CHECK_EQ(picot_process_close(child.process), 0);
        }
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        CHECK_EQ(read_to_end(gate[0]), 0);
        CHECK_EQ(close(gate[0]), 0);
        tap_loop_end(loop);
    }
}

static void closing_kills_and_reaps(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    picot_process_options options = stubborn_options(0);
    spawn_as(loop, &child, &options);
    await_refusal(loop, &child);
    CHECK_EQ(picot_process_close(child.process), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(child.calls, 1);
    CHECK_EQ(child.rc, -ECANCELED);
    no_child_is_left();
    tap_loop_end(loop);
}

static void a_child_that_is_left(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    picot_process_options options = helper_options("pause", NULL);
    options.leave = 1;
    spawn_as(loop, &child, &options);
    pid_t pid = picot_process_pid(child.process);
    CHECK_EQ(picot_process_close(child.process), 0);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    CHECK_EQ(child.rc, -ECANCELED);
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* it runs */
    spawn_as(loop, &child, &options);
    pid_t second = picot_process_pid(child.process);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    CHECK_EQ(child.rc, -ECANCELED);
    CHECK_EQ(waitpid(second, NULL, WNOHANG), 0);
    CHECK_EQ(kill(pid, SIGKILL) | kill(second, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_EQ(waitpid(second, NULL, 0), second);
}

static void the_loop_ends(void)
{
    picot_loop *loop = tap_loop();
    struct child children[4];
    struct talk talk = {.calls = 0};
    for (int i = 0; i < 4; i++) {
        picot_process_options options = stubborn_options(0);
        options.in.kind = PICOT_STDIO_PIPE;
        spawn_as(loop, &children[i], &options);
    }
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_IDLE), -EBUSY);
    CHECK_EQ(picot_process_talk_begin(children[0].process, &talk.talk, on_talked, &talk), 0);
    CHECK_EQ(picot_process_watch_remove(loop, &children[1].watch), 0);
    CHECK_EQ(picot_process_close(children[2].process), 0);
    run_turns(loop, 2);
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    CHECK_EQ(talk.calls, 1);
    CHECK_EQ(talk.rc, -ECANCELED);
    no_child_is_left();
}

/* ---- talking ----------------------------------------------------------------------------------- */

#define PIECE ((size_t)8 << 20)

/* More than all buffers hold, in both directions at once, through one that copies. */
static void eight_megabytes_each_way(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    struct talk talk = {.calls = 0};
    char *input = malloc(PIECE);
    picot_process_options options = helper_options("copy", "5");
    CHECK(input != NULL);
    pattern_fill(input, PIECE, 1, 0);
    options.in.kind = options.out.kind = options.err.kind = PICOT_STDIO_PIPE;
    spawn_as(loop, &child, &options);
    CHECK_EQ(talk_to(loop, child.process, &talk, input, PIECE), 0);
    CHECK_EQ(code_of(&child), 5);
    CHECK_EQ(talk.out.len, PIECE);
    CHECK_EQ(pattern_match(talk.out.data, PIECE, 1, 0), PIECE);
    CHECK_EQ(talk.out.data[PIECE], 0);
    CHECK_EQ(talk.err.len, 0);
    free_talk(loop, &talk);
    finish_child(loop, &child);
    free(input);
    tap_loop_end(loop);
}

/* Both outputs are drained at the same time, whichever is full; what comes after the end of the child is read. */
static void both_outputs(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    struct talk talk = {.calls = 0};
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    options.shell = "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789 >&2; i=$((i+1)); "
                    "done; echo out; (sleep 0.05; echo late) & exit 3";
    options.in.kind = options.out.kind = options.err.kind = PICOT_STDIO_PIPE;
    spawn_as(loop, &child, &options);
    CHECK_EQ(talk_to(loop, child.process, &talk, "", 0), 0);
    CHECK_EQ(code_of(&child), 3);
    CHECK_EQ(talk.err.len, 41 * 3000);
    CHECK_STR(talk.out.data, "out\nlate\n");
    free_talk(loop, &talk);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

/* No input closes stdin: the child has an end at once. */
static void no_input(void)
{
    picot_loop *loop = tap_loop();
    for (int empty = 0; empty < 2; empty++) {
        struct child child;
        struct talk talk = {.calls = 0};
        picot_process_options options = helper_options("copy", "0");
        options.in.kind = options.out.kind = PICOT_STDIO_PIPE;
        spawn_as(loop, &child, &options);
        CHECK_EQ(talk_to(loop, child.process, &talk, empty ? "" : NULL, 0), 0);
        CHECK_EQ(talk.out.len, 0);
        free_talk(loop, &talk);
        finish_child(loop, &child);
    }
    tap_loop_end(loop);
}

/* A child that does not read is no error of the talk; of a plain write it is. */
static void a_broken_pipe(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    struct talk talk = {.calls = 0};
    struct recorded write = {.completions = 0};
    char *input = calloc(1, PIECE);
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    options.shell = "exec 0<&-; echo done; exit 4";
    options.in.kind = options.out.kind = PICOT_STDIO_PIPE;
    spawn_as(loop, &child, &options);
    CHECK_EQ(talk_to(loop, child.process, &talk, input, PIECE), 0);
    CHECK_EQ(code_of(&child), 4);
    CHECK_STR(talk.out.data, "done\n");
    free_talk(loop, &talk);
    finish_child(loop, &child);
    spawn_as(loop, &child, &options);
    CHECK_EQ(end_of(loop, &child), 4);
    picot_op_write(&write.op, picot_process_stdio(child.process, 0), input, 100, -1);
    CHECK_EQ(perform(loop, &write), -EPIPE);
    char text[8] = {0};
    struct recorded read = {.completions = 0}; /* what it left is readable to its end */
    picot_op_read(&read.op, picot_process_stdio(child.process, 1), text, 3, -1);
    CHECK_EQ(perform(loop, &read), 3);
    picot_op_read(&read.op, picot_process_stdio(child.process, 1), text + 3, 4, -1);
    CHECK_EQ(perform(loop, &read), 2);
    CHECK_STR(text, "done\n");
    CHECK_EQ(perform(loop, &read), 0);
    finish_child(loop, &child);
    free(input);
    tap_loop_end(loop);
}

static void limits_of_outputs(void)
{
    picot_loop *loop = tap_loop();
    for (size_t limit = 9; limit <= 11; limit++) {
        struct child child;
        struct talk talk = {.calls = 0};
        picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
        options.shell = "printf 0123456789; exec >/dev/null; sleep 0.01; exec cat";
        options.in.kind = options.out.kind = PICOT_STDIO_PIPE;
        talk.talk.limit = limit;
        spawn_as(loop, &child, &options);
        CHECK_EQ(talk_to(loop, child.process, &talk, NULL, 0), limit < 10 ? PICOT_ETOOLARGE : 0);
        CHECK_EQ(talk.out.len, limit < 10 ? limit : 10);
        CHECK_EQ(memcmp(talk.out.data, "0123456789", talk.out.len), 0);
        CHECK_EQ(talk.out.data[talk.out.len], 0);
        free_talk(loop, &talk);
        finish_child(loop, &child);
    }
    struct child child; /* one without end */
    struct talk talk = {.calls = 0};
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    options.shell = "exec cat /dev/zero";
    options.out.kind = PICOT_STDIO_PIPE;
    talk.talk.limit = 1000000;
    spawn_as(loop, &child, &options);
    CHECK_EQ(talk_to(loop, child.process, &talk, NULL, 0), PICOT_ETOOLARGE);
    CHECK_EQ(talk.out.len, 1000000);
    CHECK_EQ(picot_process_code(child.process, NULL), PICOT_ENOTDONE); /* it runs on */
    free_talk(loop, &talk);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

/* Cut in the middle, and taken up again: nothing is lost or doubled. */
static void cancelled_and_resumed(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    struct talk talk = {.calls = 0};
    char *input = malloc(PIECE);
    unsigned cuts = 0;
    picot_process_options options = helper_options("copy", "0");
    CHECK(input != NULL);
    pattern_fill(input, PIECE, 2, 0);
    options.in.kind = options.out.kind = PICOT_STDIO_PIPE;
    spawn_as(loop, &child, &options);
    talk.talk = (picot_process_talk){.input = input, .input_len = PIECE, .out = &talk.out};
    do {
        talk.calls = 0;
        CHECK_EQ(picot_process_talk_begin(child.process, &talk.talk, on_talked, &talk), 0);
        CHECK_EQ(picot_process_talk_begin(child.process, &talk.talk, on_talked, &talk), -EALREADY);
        for (unsigned turn = 0; turn < cuts && !talk.calls; turn++)
            CHECK(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0);
        CHECK_EQ(picot_process_talk_cancel(loop, &talk.talk), 0);
        CHECK(run_until(loop, has_talked, &talk));
        CHECK_EQ(talk.calls, 1);
        cuts++;
    } while (talk.rc == -ECANCELED && cuts < 10000);
    CHECK_EQ(talk.rc, 0);
    CHECK(cuts > 2);
    CHECK_EQ(talk.out.len, PIECE);
    CHECK_EQ(pattern_match(talk.out.data, PIECE, 2, 0), PIECE);
    CHECK_EQ(picot_process_talk_cancel(loop, &talk.talk), 0);
    free_talk(loop, &talk);
    finish_child(loop, &child);
    free(input);
    tap_loop_end(loop);
}

/* The process is closed under a talk, after any number of turns. */
static void closed_under_a_talk(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned turns = 0; turns < 12; turns++) {
        struct child child;
        struct talk talk = {.calls = 0};
        char *input = calloc(1, PIECE / 8);
        picot_process_options options = helper_options("copy", "0");
        options.in.kind = options.out.kind = PICOT_STDIO_PIPE;
        spawn_as(loop, &child, &options);
        talk.talk = (picot_process_talk){.input = input, .input_len = PIECE / 8, .out = &talk.out, .err = &talk.err};
        CHECK_EQ(picot_process_talk_begin(child.process, &talk.talk, on_talked, &talk), 0);
        for (unsigned turn = 0; turn < turns && !talk.calls; turn++)
            CHECK(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0);
        CHECK_EQ(picot_process_close(child.process), 0);
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        CHECK_EQ(talk.calls, 1);
        if (talk.rc != 0) {
            CHECK_EQ(talk.rc, -ECANCELED);
        }
        free_talk(loop, &talk);
        free(input);
        no_child_is_left();
    }
    tap_loop_end(loop);
}

static void refused_talks(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    struct talk talk = {.calls = 0}, other = {.calls = 0};
    picot_process_options options = helper_options("copy", "0");
    options.out.kind = PICOT_STDIO_PIPE;
    options.in.kind = PICOT_STDIO_NULL;
    spawn_as(loop, &child, &options);
    talk.talk.input = "x";
    talk.talk.input_len = 1;
    CHECK_EQ(picot_process_talk_begin(child.process, &talk.talk, on_talked, &talk), -EINVAL); /* stdin is no pipe */
    talk.talk.input_len = 0;
    talk.talk.out = talk.talk.err = &talk.out;
    CHECK_EQ(picot_process_talk_begin(child.process, &talk.talk, on_talked, &talk), -EINVAL);
    talk.talk.err = NULL;
    CHECK_EQ(picot_process_talk_begin(child.process, &talk.talk, NULL, &talk), -EINVAL);
    CHECK_EQ(picot_process_talk_begin(NULL, &talk.talk, on_talked, &talk), -EINVAL);
    CHECK_EQ(end_of(loop, &child), 0);
    finish_child(loop, &child);
    options = helper_options("pause", NULL);
    options.out.kind = PICOT_STDIO_PIPE;
    spawn_as(loop, &child, &options);
    CHECK_EQ(picot_process_talk_begin(child.process, &talk.talk, on_talked, &talk), 0);
    CHECK_EQ(talk_to(loop, child.process, &other, NULL, 0), -EBUSY);
    CHECK_EQ(picot_process_signal(child.process, SIGKILL), 0);
    CHECK(run_until(loop, has_talked, &talk));
    CHECK_EQ(talk.rc, 0);
    CHECK_EQ(code_of(&child), -SIGKILL);
    free_talk(loop, &talk);
    free_talk(loop, &other);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

/* ---- memory, threads, forks -------------------------------------------------------------------- */

static void out_of_memory_everywhere(void)
{
    picot_loop *loop = warm_loop();
    const char *extra[] = {"X=1", NULL};
    unsigned failures = 0;
    for (long at = 0; at < 60; at++) {
        struct child child = {.calls = 0};
        struct talk talk = {.calls = 0};
        picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
        options.shell = "i=0; while [ $i -lt 1000 ]; do echo 0123456789; i=$((i+1)); done; exec cat";
        options.extra = extra;
        options.in.kind = options.out.kind = options.err.kind = PICOT_STDIO_PIPE;
        unsigned open = open_descriptors();
        tap_allocator_fail_after(at);
        int rc = picot_process_spawn(loop, &options, &child.process, NULL);
        if (rc == 0) {
            talk.talk = (picot_process_talk){.input = "in", .input_len = 2, .out = &talk.out};
            rc = picot_process_talk_begin(child.process, &talk.talk, on_talked, &talk);
            if (rc == 0) {
                CHECK(run_until(loop, has_talked, &talk));
                rc = talk.rc;
            }
            tap_allocator_fail_after(-1);
            if (rc == 0) {
                CHECK_EQ(talk.out.len, 11002);
            }
            free_talk(loop, &talk);
            CHECK_EQ(picot_process_close(child.process), 0);
            CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        }
        tap_allocator_fail_after(-1);
        if (rc != 0) {
            CHECK_EQ(rc, -ENOMEM);
            failures++;
        }
        CHECK_EQ(open_descriptors(), open);
        no_child_is_left();
    }
    CHECK(failures >= 3);
    tap_loop_end(loop);
}

#define EACH 20

static void *run_twenty(void *arg)
{
    picot_loop_options plain = PICOT_LOOP_OPTIONS_INIT;
    picot_loop *loop = loop_with(&plain);
    struct child children[EACH];
    (void)arg;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < EACH; i++) {
            char code[16];
            (void)snprintf(code, sizeof code, "%d", i);
            const char *argv[] = {"/proc/self/exe", "--child", "exit", code, NULL};
            picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
            options.argv = argv;
            spawn_as(loop, &children[i], &options);
        }
        for (int i = 0; i < EACH; i++) {
            CHECK_EQ(end_of(loop, &children[i]), i);
            CHECK_EQ(picot_process_close(children[i].process), 0);
        }
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
    }
    tap_loop_end(loop);
    return NULL;
}

static void two_loops_in_two_threads(void)
{
    pthread_t threads[2];
    picot_loop *loop = tap_loop(); /* skips where there is no such backend */
    tap_loop_end(loop);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, run_twenty, NULL), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    no_child_is_left();
}

/* A forked copy may not touch the children, and destroying the loop there leaves them alone. */
static void a_forked_copy(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    int status = 0;
    spawn_helper(loop, &child, "pause", NULL);
    run_turns(loop, 1);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        int good = picot_process_signal(child.process, SIGKILL) == PICOT_EFORKED &&
                   picot_process_terminate(child.process) == PICOT_EFORKED &&
                   picot_process_close(child.process) == PICOT_EFORKED &&
                   picot_loop_destroy(loop, PICOT_DESTROY_FORCE) == 0;
        _exit(good ? 0 : 1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(picot_process_signal(child.process, 0), 0);
    CHECK_EQ(picot_process_terminate(child.process), 0);
    CHECK_EQ(end_of(loop, &child), -SIGTERM);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

static void *touch(void *arg)
{
    struct child *child = arg;
    CHECK_EQ(picot_process_signal(child->process, SIGKILL), -EPERM);
    CHECK_EQ(picot_process_terminate(child->process), -EPERM);
    CHECK_EQ(picot_process_close(child->process), -EPERM);
    return NULL;
}

static void another_thread(void)
{
    picot_loop *loop = tap_loop();
    struct child child;
    pthread_t thread;
    spawn_helper(loop, &child, "pause", NULL);
    CHECK_EQ(pthread_create(&thread, NULL, touch, &child), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    finish_child(loop, &child);
    tap_loop_end(loop);
}

static _Noreturn void be_in_between(int gate, int64_t uid)
{
    picot_loop *loop = tap_loop();
    struct child child;
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    options.shell = "exec sleep 100";
    options.directory = "/";
    options.death_signal = SIGKILL;
    options.uid = options.gid = uid;
    options.fds = &(picot_process_fd){gate, 5};
    options.fd_count = 1;
    spawn_as(loop, &child, &options);
    _exit(7);
}

/* The death signal: a program in between ends, its child with it, also where that has changed its user. */
static void dies_with_its_parent(void)
{
    for (int64_t uid = -1; uid < (may_become_others() ? 2 : 0); uid += 2) {
        int gate[2], status = 0;
        CHECK_EQ(pipe2(gate, O_CLOEXEC), 0);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) be_in_between(gate[1], uid);
        CHECK_EQ(close(gate[1]), 0);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(WEXITSTATUS(status), 7);
        int64_t begin = clock_now();
        CHECK_EQ(read_to_end(gate[0]), 0);
        CHECK(clock_now() - begin < 60 * PICOT_SECOND); /* it did not sleep to its end */
        CHECK_EQ(close(gate[0]), 0);
    }
}

/* ---- kernels and containers that lack something --------------------------------------------------- */

#define NR_PIDFD_SEND_SIGNAL 424
#define NR_PIDFD_OPEN 434
#define NR_CLOSE_RANGE 436

/* From now on this system call ends with a code: always (mask 0), or when an argument has one of these bits. */
static void forbid(unsigned number, unsigned argument, unsigned mask, int code)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offsetof(struct seccomp_data, args) + argument * 8)),
        BPF_JUMP(BPF_JMP | (mask ? BPF_JSET : BPF_JGE) | BPF_K, mask, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)code & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof program[0], program};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0) SKIP("no seccomp filters here");
}

/* Linux before 5.9: /proc lists what is open. */
static void without_close_range(void)
{
    forbid(NR_CLOSE_RANGE, 0, 0, ENOSYS);
    CHECK_EQ(syscall(NR_CLOSE_RANGE, 1000, 1001, 0), -1);
    no_descriptor_leaks();
    passed_descriptors_collide();
}

static void without_clone_pidfd(void)
{
    forbid(SYS_clone, 0, 0x1000, EINVAL);
    exit_codes();
    failed_spawns();
    closing_kills_and_reaps();
}

static void without_wait_by_pidfd(void)
{
    forbid(SYS_waitid, 0, 2, EINVAL); /* P_PIDFD is 3, P_PID 1 */
    exit_codes();
    failed_spawns();
    signals_never_reach_a_stranger();
}

/* Linux before 6.9. */
static void without_group_signals(void)
{
    forbid(NR_PIDFD_SEND_SIGNAL, 3, ~0U, EINVAL);
    the_group_goes_with_it();
}

static void without_pidfd_send_signal(void)
{
    forbid(NR_PIDFD_SEND_SIGNAL, 0, 0, EPERM);
    the_group_goes_with_it();
    closing_kills_and_reaps();
    signals_never_reach_a_stranger();
    reaped_by_someone_else();
}

static void without_any_pidfd(void)
{
    forbid(SYS_clone, 0, 0x1000, EINVAL);
    forbid(NR_PIDFD_OPEN, 0, 0, ENOSYS);
    picot_loop *loop = tap_loop();
    picot_process_options options = helper_options("exit", NULL);
    expect_failure(loop, &options, -ENOSYS, PICOT_PROCESS_AT_CLONE);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"process: exit codes", exit_codes, TAP_BACKENDS},
    {"process: many waits", many_waits, TAP_BACKENDS},
    {"process: signals never reach a stranger", signals_never_reach_a_stranger, TAP_BACKENDS},
    {"process: SIGCHLD ignored", sigchld_ignored, TAP_BACKENDS},
    {"process: reaped by someone else", reaped_by_someone_else, TAP_BACKENDS},
    {"process: two hundred end at once", two_hundred_end_at_once, TAP_BACKENDS},
    {"process: failed spawns", failed_spawns, TAP_BACKENDS},
    {"process: huge argument list", huge_argument_list, 0},
    {"process: bad options", bad_options, 0},
    {"process: no descriptor leaks", no_descriptor_leaks, TAP_BACKENDS},
    {"process: passed descriptors collide", passed_descriptors_collide, TAP_BACKENDS},
    {"process: parent without streams", parent_without_streams, TAP_BACKENDS},
    {"process: environment and directory", environment_and_directory, 0},
    {"process: groups, umask, priority, limits", groups_umask_priority_limits, 0},
    {"process: signals are reset", signals_are_reset, TAP_BACKENDS},
    {"process: users and groups", users_and_groups, 0},
    {"process: termination escalates", termination_escalates, TAP_BACKENDS},
    {"process: a way of its own to end", a_way_of_its_own, TAP_BACKENDS},
    {"process: the group goes with it", the_group_goes_with_it, TAP_BACKENDS},
    {"process: closing kills and reaps", closing_kills_and_reaps, TAP_BACKENDS},
    {"process: a child that is left", a_child_that_is_left, TAP_BACKENDS},
    {"process: the loop ends", the_loop_ends, TAP_BACKENDS},
    {"process: 8 MiB each way", eight_megabytes_each_way, TAP_BACKENDS},
    {"process: both outputs", both_outputs, TAP_BACKENDS},
    {"process: no input", no_input, TAP_BACKENDS},
    {"process: a broken pipe", a_broken_pipe, TAP_BACKENDS},
    {"process: limits of outputs", limits_of_outputs, TAP_BACKENDS},
    {"process: talk cancelled and resumed", cancelled_and_resumed, TAP_BACKENDS},
    {"process: closed under a talk", closed_under_a_talk, TAP_BACKENDS},
    {"process: refused talks", refused_talks, TAP_BACKENDS},
    {"process: out of memory everywhere", out_of_memory_everywhere, TAP_BACKENDS},
    {"process: two loops in two threads", two_loops_in_two_threads, TAP_BACKENDS},
    {"process: a forked copy", a_forked_copy, TAP_BACKENDS},
    {"process: another thread", another_thread, TAP_BACKENDS},
    {"process: dies with its parent", dies_with_its_parent, 0},
    {"process: without close_range", without_close_range, 0},
    {"process: without CLONE_PIDFD", without_clone_pidfd, 0},
    {"process: without P_PIDFD", without_wait_by_pidfd, 0},
    {"process: without signals to groups", without_group_signals, 0},
    {"process: without pidfd_send_signal", without_pidfd_send_signal, 0},
    {"process: without any pidfd", without_any_pidfd, 0},
};

TAP_MAIN(cases)
