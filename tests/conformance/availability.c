/* SPDX-License-Identifier: MIT
 *
 * availability.c - which backend one gets: by name, by the environment, by default; what happens in a container that
 * forbids io_uring; and that a shortage of descriptors or memory is never mistaken for "unavailable".
 *
 * The filter is the one that Docker and others install: seccomp(2) with BPF, refusing the three system calls.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int create(const char *backend, char *explanation, size_t size, picot_loop **ret_loop)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.backend = backend;
    options.allocator = tap_allocator();
    options.explanation = explanation;
    options.explanation_size = size;
    return picot_loop_create(&options, ret_loop);
}

/* It was made, says what it is and why, and works. */
static void check_loop(picot_loop *loop, const char *backend)
{
    CHECK_STR(picot_loop_backend(loop), backend);
    CHECK(picot_loop_backend_reason(loop) != NULL && picot_loop_backend_reason(loop)[0] != '\0');
    check_receive(loop);
    tap_loop_end(loop);
}

static void by_name(void)
{
    static const char *const names[] = {"select", "poll", "epoll", "sim"};
    CHECK_EQ(unsetenv("PICOT_BACKEND"), 0);
    for (int i = 0; i < 4; i++) {
        picot_loop *loop = NULL;
        CHECK(strstr(picot_backend_names(), names[i]) != NULL);
        CHECK_EQ(create(names[i], NULL, 0, &loop), 0);
        check_loop(loop, names[i]);
    }
    picot_loop *loop = NULL;
    CHECK_EQ(create("auto", NULL, 0, &loop), 0);
    CHECK(strcmp(picot_loop_backend(loop), "sim") != 0);
    check_loop(loop, picot_loop_backend(loop));
    CHECK_EQ(picot_loop_create(NULL, &loop), 0);
    check_loop(loop, picot_loop_backend(loop));
    CHECK_STR(picot_loop_backend(NULL), "none");
}

/* The explanation lists what would be valid, and fits whatever buffer it is given. */
static void unknown_names(void)
{
    static const char *const names[] = {"kqueue", "EPOLL", "epoll ", "epol", "io_uringx"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char explanation[512] = "", tiny[9];
        picot_loop *loop = (picot_loop *)&loop;
        CHECK_EQ(create(names[i], explanation, sizeof explanation, &loop), PICOT_ENOBACKEND);
        CHECK(loop == (picot_loop *)&loop); /* untouched */
        CHECK(strstr(explanation, "select") != NULL && strstr(explanation, "epoll") != NULL);
        memset(tiny, 'x', sizeof tiny);
        CHECK_EQ(create(names[i], tiny, sizeof tiny - 1, &loop), PICOT_ENOBACKEND);
        CHECK(memchr(tiny, '\0', sizeof tiny - 1) != NULL);
        CHECK_EQ(tiny[sizeof tiny - 1], 'x');
        CHECK_EQ(create(names[i], tiny, 0, &loop), PICOT_ENOBACKEND);
        CHECK_EQ(create(names[i], NULL, 100, &loop), PICOT_ENOBACKEND);
    }
}

/* The environment decides where the program does not; a wrong word in it is an error, not a silent default. */
static void by_environment(void)
{
    picot_loop *loop = NULL;
    char explanation[512] = "";
    CHECK_EQ(setenv("PICOT_BACKEND", "poll", 1), 0);
    CHECK_EQ(create(NULL, NULL, 0, &loop), 0);
    check_loop(loop, "poll");
    CHECK_EQ(create("select", NULL, 0, &loop), 0);
    check_loop(loop, "select");
    CHECK_EQ(setenv("PICOT_BACKEND", "nonsense", 1), 0);
    CHECK_EQ(create(NULL, explanation, sizeof explanation, &loop), PICOT_ENOBACKEND);
    CHECK(strstr(explanation, "epoll") != NULL);
    CHECK_EQ(create("select", NULL, 0, &loop), 0);
    check_loop(loop, "select");
    CHECK_EQ(unsetenv("PICOT_BACKEND"), 0);
}

/* ---- io_uring forbidden ---------------------------------------------------------------------- */

/* Refuse io_uring_setup, _enter and _register with a code; a tried kernel call proves that the filter works. */
static void forbid_io_uring(int code)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_enter, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_register, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)code & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof program[0], program};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0) {
        SKIP("no seccomp filters here");
    }
    CHECK_EQ(syscall(__NR_io_uring_setup, 1, NULL), -1);
    CHECK_EQ(errno, code);
}

static void forbidden(int code)
{
    char explanation[512] = "";
    picot_loop *loop = NULL;
    CHECK_EQ(unsetenv("PICOT_BACKEND"), 0);
    forbid_io_uring(code);
    CHECK_EQ(create("auto", NULL, 0, &loop), 0);
    tap_note("%s", picot_loop_backend_reason(loop));
    if (strstr(picot_backend_names(), "io_uring") != NULL) {
        CHECK(strstr(picot_loop_backend_reason(loop), "io_uring") != NULL);
    }
    check_loop(loop, "epoll");
    CHECK_EQ(create(NULL, NULL, 0, &loop), 0);
    check_loop(loop, "epoll");
    CHECK_EQ(create("io_uring", explanation, sizeof explanation, &loop), PICOT_ENOBACKEND);
    tap_note("%s", explanation);
    CHECK(strstr(explanation, "io_uring") != NULL);
    CHECK_EQ(setenv("PICOT_BACKEND", "io_uring", 1), 0); /* asked for by name there, too: no silent fall-back */
    CHECK_EQ(create(NULL, explanation, sizeof explanation, &loop), PICOT_ENOBACKEND);
    CHECK_EQ(unsetenv("PICOT_BACKEND"), 0);
}

static void forbidden_with_eperm(void)
{
    forbidden(EPERM);
}

static void forbidden_with_enosys(void)
{
    forbidden(ENOSYS);
}

/* The filter comes when the loop is made already: its operations end with a code, and the loop can be destroyed. */
static void forbidden_afterwards(void)
{
    picot_loop *loop = NULL;
    char got[4];
    struct recorded it = {0};
    int code = create("io_uring", NULL, 0, &loop);
    if (code == PICOT_ENOBACKEND) {
        SKIP("no io_uring here");
    }
    CHECK_EQ(code, 0);
    struct stream stream = open_stream(loop, 0);
    picot_op_recv(&it.op, stream.ours, got, sizeof got, 0);
    CHECK_EQ(start(loop, &it), 0);
    run_turns(loop, 2);
    forbid_io_uring(EPERM);
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), PICOT_EBACKEND);
    CHECK(completed(&it));
    CHECK_EQ(it.result, PICOT_EBACKEND);
    CHECK_EQ(start(loop, &it), PICOT_EBACKEND);
    CHECK(picot_loop_backend_reason(loop)[0] != '\0');
    CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
    CHECK_EQ(close(stream.theirs), 0);
}

/* ---- a shortage is not an absence ------------------------------------------------------------ */

/* With room for 0, 1, 2 ... descriptors: -EMFILE until there are enough, and never another backend instead. */
static void out_of_descriptors(void)
{
    struct rlimit limit, old;
    const char *backend = tap_backend();
    tap_loop_end(tap_loop()); /* skips where the backend is missing */
    int first = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    CHECK_EQ(close(first), 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (int room = 0;; room++) {
        picot_loop *loop = NULL;
        CHECK(room < 20);
        limit = old;
        limit.rlim_cur = (rlim_t)(first + room);
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
        int code = create(backend, NULL, 0, &loop);
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
        if (code == 0) {
            CHECK_STR(picot_loop_backend(loop), backend);
            CHECK(room > 0);
            tap_loop_end(loop);
            return;
        }
        CHECK_EQ(code, -EMFILE);
        CHECK_EQ(tap_allocated_bytes(), 0);
    }
}

static void auto_out_of_descriptors(void)
{
    struct rlimit limit, old;
    picot_loop *loop = NULL;
    CHECK_EQ(unsetenv("PICOT_BACKEND"), 0);
    CHECK_EQ(create(NULL, NULL, 0, &loop), 0);
    const char *usual = picot_loop_backend(loop);
    tap_loop_end(loop);
    int first = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    CHECK_EQ(close(first), 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (int room = 0, code = -1; code != 0; room++) {
        CHECK(room < 20);
        limit = old;
        limit.rlim_cur = (rlim_t)(first + room);
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
        code = create(NULL, NULL, 0, &loop);
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
        CHECK(code == 0 || code == -EMFILE);
    }
    CHECK_STR(picot_loop_backend(loop), usual);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"backend: by name", by_name, 0},
    {"backend: unknown names", unknown_names, 0},
    {"backend: by the environment", by_environment, 0},
    {"backend: io_uring forbidden, EPERM", forbidden_with_eperm, 0},
    {"backend: io_uring forbidden, ENOSYS", forbidden_with_enosys, 0},
    {"backend: io_uring forbidden afterwards", forbidden_afterwards, 0},
    {"backend: out of descriptors", out_of_descriptors, TAP_BACKENDS},
    {"backend: auto, out of descriptors", auto_out_of_descriptors, 0},
};

TAP_MAIN(cases)
