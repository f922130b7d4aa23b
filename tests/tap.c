/* SPDX-License-Identifier: MIT
 *
 * tap.c - the test library: forks a process per case, judges how it ended, and writes TAP.
 *
 * Invariants: exactly one result line per planned case, whatever the case does; nothing that a case started outlives
 * it (the case leads a process group, which is killed as a whole). A case tells its end by its exit status, and a
 * reason for skipping through a pipe. Source: the TAP 12 specification; the idea of a checked child per case is
 * wayland's.
 */
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <picot/error.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TAP_SLOWDOWN 4
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TAP_SLOWDOWN 4
#endif
#endif
#ifndef TAP_SLOWDOWN
#define TAP_SLOWDOWN 1
#endif

enum { TAP_EXIT_FAILED = 1, TAP_EXIT_SKIPPED = 77 };

/* The run of this program; a process has one, as it has one main. */
static struct {
    int number, failed, skipped;
    int no_fork;
    int skip_pipe;       /* in a child: where the reason goes */
    sigjmp_buf skip;     /* without fork: where SKIP goes */
    const char *backend; /* of the present case */
    char reason[256];
} tap;

/* ---- checks ---------------------------------------------------------------------------------- */

void tap_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    char text[1024];

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)dprintf(STDOUT_FILENO, "# %s:%d: failed: %s\n", file, line, text);
    _exit(TAP_EXIT_FAILED);
}

void tap_skip(const char *reason)
{
    if (tap.no_fork) {
        (void)snprintf(tap.reason, sizeof tap.reason, "%s", reason);
        siglongjmp(tap.skip, 1);
    }
    (void)!write(tap.skip_pipe, reason, strlen(reason));
    _exit(TAP_EXIT_SKIPPED);
}

void tap_note(const char *format, ...)
{
    va_list args;
    char text[1024];

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)dprintf(STDOUT_FILENO, "# %s\n", text);
}

void tap_check_eq(const char *file, int line, const char *a_text, int64_t a, const char *b_text, int64_t b)
{
    if (a == b) return;
    tap_fail(file, line, "%s == %s: %" PRId64 "%s%s and %" PRId64 "%s%s", a_text, b_text, a, a < 0 ? " " : "",
             a < 0 ? picot_error_name(a) : "", b, b < 0 ? " " : "", b < 0 ? picot_error_name(b) : "");
}

void tap_check_str(const char *file, int line, const char *a_text, const char *a, const char *b_text, const char *b)
{
    if (a == b || (a && b && !strcmp(a, b))) return;
    tap_fail(file, line, "%s == %s: \"%s\" and \"%s\"", a_text, b_text, a ? a : "(NULL)", b ? b : "(NULL)");
}

void tap_check_mem(const char *file, int line, const char *a_text, const void *a, const char *b_text, const void *b,
                   size_t n)
{
    const unsigned char *left = a, *right = b;
    size_t at = 0;

    while (at < n && left[at] == right[at])
        at++;
    if (at == n) return;
    tap_fail(file, line, "%s == %s: byte %zu of %zu is 0x%02x and 0x%02x", a_text, b_text, at, n, left[at], right[at]);
}

/* ---- the allocator --------------------------------------------------------------------------- */

#define TAP_MAGIC UINT64_C(0x7069636f74746170)

/* Stands before each block, so that a wrong old_size or an underrun is found. */
struct tap_block {
    _Alignas(max_align_t) uint64_t magic;
    size_t size;
};

static atomic_size_t tap_bytes, tap_allocations;
static atomic_long tap_fail_countdown = -1;

static int allocation_must_fail(void)
{
    long left = atomic_load(&tap_fail_countdown);

    while (left >= 0 && !atomic_compare_exchange_weak(&tap_fail_countdown, &left, left - 1))
        continue;
    return left == 0;
}

static void *tap_resize(void *user, void *block, size_t old_size, size_t new_size)
{
    struct tap_block *old = block ? (struct tap_block *)block - 1 : NULL, *head;

    if (user != &tap_bytes) tap_fail(__FILE__, __LINE__, "the allocator got a foreign user pointer");
    if (!block != !old_size) tap_fail(__FILE__, __LINE__, "block %p with old_size %zu", block, old_size);
    if (old && old->magic != TAP_MAGIC)
        tap_fail(__FILE__, __LINE__, "block %p of %zu bytes: freed before, or never allocated", block, old_size);
    if (old && old->size != old_size)
        tap_fail(__FILE__, __LINE__, "old_size is %zu, the block has %zu", old_size, old->size);
    if (!new_size) {
        if (old) old->magic = 0;
        free(old);
        (void)atomic_fetch_sub(&tap_bytes, old_size);
        return NULL;
    }
    if (new_size > PTRDIFF_MAX || allocation_must_fail()) return NULL;
    head = malloc(sizeof *head + new_size); /* always moves, so that stale pointers are found */
    if (!head) return NULL;
    head->magic = TAP_MAGIC;
    head->size = new_size;
    memset(head + 1, 0xA5, new_size);
    if (old) {
        memcpy(head + 1, block, old_size < new_size ? old_size : new_size);
        old->magic = 0;
        free(old);
    }
    (void)atomic_fetch_add(&tap_bytes, new_size - old_size);
    (void)atomic_fetch_add(&tap_allocations, 1);
    return head + 1;
}

const picot_allocator *tap_allocator(void)
{
    static const picot_allocator allocator = {tap_resize, &tap_bytes};

    return &allocator;
}

size_t tap_allocated_bytes(void)
{
    return atomic_load(&tap_bytes);
}

size_t tap_allocation_count(void)
{
    return atomic_load(&tap_allocations);
}

void tap_allocator_fail_after(long count)
{
    atomic_store(&tap_fail_countdown, count);
}

/* ---- loops ----------------------------------------------------------------------------------- */

const char *tap_backend(void)
{
    return tap.backend;
}

int tap_is_simulated(void)
{
    return tap.backend && !strcmp(tap.backend, "sim");
}

picot_loop *tap_loop(void)
{
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    picot_loop *loop = NULL;
    char explanation[256] = "";
    int rc;

    options.backend = tap.backend;
    options.allocator = tap_allocator();
    options.explanation = explanation;
    options.explanation_size = sizeof explanation;
    rc = picot_loop_create(&options, &loop);
    if (rc == PICOT_ENOBACKEND && tap.backend && !strcmp(tap.backend, "io_uring")) tap_skip(explanation);
    if (rc < 0) tap_fail(__FILE__, __LINE__, "picot_loop_create: %s (%s)", picot_error_name(rc), explanation);
    return loop;
}

void tap_loop_end(picot_loop *loop)
{
    int rc = picot_loop_destroy(loop, PICOT_DESTROY_IDLE);

    if (rc < 0)
        tap_fail(__FILE__, __LINE__, "picot_loop_destroy: %s, %zu pending", picot_error_name(rc),
                 picot_loop_pending(loop));
}

/* ---- the balance of a case ------------------------------------------------------------------- */

struct descriptor_list {
    int count;
    int fds[512];
};

static void list_descriptors(struct descriptor_list *list)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    list->count = 0;
    if (!dir) return; /* no /proc: nothing to compare */
    while ((entry = readdir(dir))) {
        int fd = entry->d_name[0] == '.' ? dirfd(dir) : atoi(entry->d_name);

        if (fd != dirfd(dir) && list->count < (int)(sizeof list->fds / sizeof list->fds[0]))
            list->fds[list->count++] = fd;
    }
    (void)closedir(dir);
}

static int contains(const struct descriptor_list *list, int fd)
{
    for (int i = 0; i < list->count; i++)
        if (list->fds[i] == fd) return 1;
    return 0;
}

static void check_descriptors(const char *name, const struct descriptor_list *before)
{
    struct descriptor_list after;
    char link[64], target[128];

    list_descriptors(&after);
    for (int i = 0; i < before->count; i++)
        if (!contains(&after, before->fds[i])) tap_fail(name, 0, "descriptor %d is not open any more", before->fds[i]);
    for (int i = 0; i < after.count; i++) {
        ssize_t len;

        if (contains(before, after.fds[i])) continue;
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", after.fds[i]);
        len = readlink(link, target, sizeof target - 1);
        target[len < 0 ? 0 : len] = 0;
        tap_fail(name, 0, "descriptor %d (%s) is left open", after.fds[i], target);
    }
}

static void run_checked(const struct tap_case *test)
{
    struct descriptor_list before;

    list_descriptors(&before);
    test->run();
    check_descriptors(test->name, &before);
    if (tap_allocated_bytes()) tap_fail(test->name, 0, "%zu bytes are left allocated", tap_allocated_bytes());
}

/* ---- a process per case ---------------------------------------------------------------------- */

static void run_in_child(const struct tap_case *test, int skip_pipe)
{
    sigset_t none;

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    tap.skip_pipe = skip_pipe;
    if (tap.backend) (void)setenv("PICOT_BACKEND", tap.backend, 1);
    run_checked(test);
    exit(0); /* not _exit: leak checkers and coverage report at exit */
}

/* Wait for the child's end and leave it unreaped; 0 when the time is over. SIGCHLD is blocked. */
static int wait_for_end(pid_t pid, int timeout_s)
{
    sigset_t child;
    siginfo_t info;
    struct timespec now, left;
    time_t end_s;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    end_s = now.tv_sec + timeout_s;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid) return 1;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec >= end_s) return 0;
        left = (struct timespec){.tv_sec = end_s - now.tv_sec};
        (void)sigtimedwait(&child, NULL, &left);
    }
}

/* What the child's end means: an exit code, or a failure with a line that says why. */
static int judge(int ended, int status, int timeout_s)
{
    if (!ended)
        printf("# timed out after %d s\n", timeout_s);
    else if (WIFSIGNALED(status))
        printf("# killed by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != TAP_EXIT_FAILED &&
             WEXITSTATUS(status) != TAP_EXIT_SKIPPED)
        printf("# exited with status %d\n", WEXITSTATUS(status));
    return ended && WIFEXITED(status) ? WEXITSTATUS(status) : TAP_EXIT_FAILED;
}

static int run_forked(const struct tap_case *test)
{
    int timeout_s = (test->flags & TAP_SLOW ? 120 : 30) * TAP_SLOWDOWN, ended, status = 0, pipes[2];
    ssize_t len;
    pid_t pid;

    if (pipe(pipes)) return TAP_EXIT_FAILED;
    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        (void)close(pipes[0]);
        run_in_child(test, pipes[1]);
    }
    (void)close(pipes[1]);
    if (pid < 0) {
        (void)close(pipes[0]);
        return TAP_EXIT_FAILED;
    }
    (void)setpgid(pid, pid); /* in both: whichever comes first */
    ended = wait_for_end(pid, timeout_s);
    (void)kill(-pid, SIGKILL); /* unreaped, so the number is still its own */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    status = judge(ended, status, timeout_s);
    len = status == TAP_EXIT_SKIPPED ? read(pipes[0], tap.reason, sizeof tap.reason - 1) : 0;
    tap.reason[len < 0 ? 0 : len] = 0;
    (void)close(pipes[0]);
    return status;
}

static int run_here(const struct tap_case *test)
{
    if (tap.backend) (void)setenv("PICOT_BACKEND", tap.backend, 1);
    if (sigsetjmp(tap.skip, 1)) return TAP_EXIT_SKIPPED;
    run_checked(test);
    return 0;
}

/* ---- the program ----------------------------------------------------------------------------- */

static void run_case(const struct tap_case *test, const char *name)
{
    int status;

    tap.number++;
    if ((test->flags & TAP_SLOW) && getenv("TAP_QUICK")) {
        (void)snprintf(tap.reason, sizeof tap.reason, "slow, and TAP_QUICK is set");
        status = TAP_EXIT_SKIPPED;
    } else {
        status = tap.no_fork ? run_here(test) : run_forked(test);
    }
    for (char *c = tap.reason; *c; c++)
        if (*c == '\n' || *c == '#') *c = ' ';
    if (status == TAP_EXIT_SKIPPED)
        printf("ok %d - %s # SKIP %s\n", tap.number, name, tap.reason);
    else
        printf("%s %d - %s\n", status ? "not ok" : "ok", tap.number, name);
    (void)fflush(stdout);
    tap.failed += status != 0 && status != TAP_EXIT_SKIPPED;
    tap.skipped += status == TAP_EXIT_SKIPPED;
}

static int is_wanted(const char *name, int argc, char **argv)
{
    int words = 0;

    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "--", 2)) continue;
        words++;
        if (strstr(name, argv[i])) return 1;
    }
    return !words;
}

/* One case, on each of its backends. Visits what is wanted; returns how many there are. */
static int each_run(const struct tap_case *test, int argc, char **argv,
                    void (*visit)(const struct tap_case *, const char *))
{
    char names[128] = "", name[256], *rest = names, *backend = NULL;
    int count = 0;

    if (test->flags & TAP_BACKENDS) (void)snprintf(names, sizeof names, "%s", picot_backend_names());
    do {
        if (test->flags & TAP_BACKENDS) {
            backend = strtok_r(rest, ", ", &rest);
            if (!backend) break;
            (void)snprintf(name, sizeof name, "%s [%s]", test->name, backend);
        } else {
            (void)snprintf(name, sizeof name, "%s", test->name);
        }
        tap.backend = backend;
        if (test->flags & TAP_OUTSIDE && tap_is_simulated()) continue;
        if (!is_wanted(name, argc, argv)) continue;
        count++;
        if (visit) visit(test, name);
    } while (backend);
    return count;
}

static void print_name(const struct tap_case *test, const char *name)
{
    (void)test;
    puts(name);
}

static int visit_all(const struct tap_case *cases, size_t count, int argc, char **argv,
                     void (*visit)(const struct tap_case *, const char *))
{
    int total = 0;

    for (size_t i = 0; i < count && cases[i].name; i++)
        total += each_run(&cases[i], argc, argv, visit);
    return total;
}

int tap_main(const struct tap_case *cases, size_t count, int argc, char **argv)
{
    sigset_t child;
    int planned, list = 0;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--list"))
            list = 1;
        else if (!strcmp(argv[i], "--no-fork"))
            tap.no_fork = 1;
        else if (!strncmp(argv[i], "--", 2))
            return fprintf(stderr, "usage: %s [--list] [--no-fork] [WORD]...\n", argv[0]), 2;
    }
    if (list) return visit_all(cases, count, argc, argv, print_name), 0;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child, NULL);
    planned = visit_all(cases, count, argc, argv, NULL);
    printf("1..%d\n", planned);
    (void)visit_all(cases, count, argc, argv, run_case);
    if (tap.failed) return TAP_EXIT_FAILED;
    return planned && tap.skipped == planned ? TAP_EXIT_SKIPPED : 0;
}
