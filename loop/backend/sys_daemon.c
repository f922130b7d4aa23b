/* SPDX-License-Identifier: MIT
 *
 * sys_daemon.c - into the background, and the parent learns how that went.
 *
 *     parent --fork--> guard --setsid, fork--> daemon
 *       ^  ^------------ "it died" --|            |
 *       |------------------------- "ready", or why not
 *
 * The guard is the daemon's parent as long as ours waits, for only a parent learns how a process died. It never ends by
 * itself, so that its number is certainly its own when it is killed; if ours dies, the kernel kills it.
 */
#include <fcntl.h>
#include <picot/daemon.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"

#define LAST_WORDS_NS (2 * PICOT_SECOND) /* between the end of a process's descriptors and the news of its death */

struct outcome {
    int status;
    char text[PICOT_DAEMON_TEXT_SIZE];
};

/* What a guard says: first the daemon's process id, then how it has ended. */
struct news {
    pid_t pid;
    int ended, status;
};

struct plumbing {
    int ready[2], news[2]; /* the first one of each is the parent's */
    int null_fd, log_fd;
};

/* ---- descriptors: none may be one of the standard ones, which are about to be replaced ------------- */

static int above_standard(int fd)
{
    if (fd < 0) return -errno;
    if (fd > STDERR_FILENO) return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), rc = -errno;
    (void)close(fd);
    return higher < 0 ? rc : higher;
}

static void shut(int *fd)
{
    if (*fd >= 0) (void)close(*fd);
    *fd = -1;
}

static void drain_plumbing(struct plumbing *pipes)
{
    for (int i = 0; i < 2; i++) {
        shut(&pipes->ready[i]);
        shut(&pipes->news[i]);
    }
    shut(&pipes->null_fd);
    shut(&pipes->log_fd);
}

static int make_pair(int pair[2])
{
    int made[2], rc = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, made) < 0) return -errno;
    for (int i = 0; i < 2; i++) {
        int fd = above_standard(made[i]);
        if (fd < 0 && rc == 0) rc = fd;
        pair[i] = fd < 0 ? -1 : fd;
    }
    return rc;
}

static int make_plumbing(const picot_daemon_options *options, struct plumbing *pipes)
{
    *pipes = (struct plumbing){{-1, -1}, {-1, -1}, -1, -1};
    const char *log = options->log ? options->log : "/dev/null";
    int rc = above_standard(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (rc >= 0) {
        pipes->null_fd = rc;
        rc = above_standard(open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640));
    }
    if (rc >= 0) {
        pipes->log_fd = rc;
        rc = make_pair(pipes->ready);
    }
    if (rc >= 0) rc = make_pair(pipes->news);
    if (rc < 0) drain_plumbing(pipes);
    return rc < 0 ? rc : 0;
}

static int say(int fd, const void *what, size_t size)
{
    ssize_t n;
    do {
        n = send(fd, what, size, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0; /* a few bytes into an empty socket: all or none */
}

/* ---- the daemon ------------------------------------------------------------------------------------ */

static int tell(picot_daemon *daemon, const struct outcome *outcome)
{
    int rc = say(daemon->_.ready_fd, outcome, sizeof *outcome);
    (void)close(daemon->_.ready_fd);
    (void)close(daemon->_.log_fd);
    daemon->_.active = -1;
    return rc == -ECONNRESET ? -EPIPE : rc;
}

static int may_tell(const picot_daemon *daemon)
{
    if (!daemon) return -EINVAL;
    return daemon->_.active < 0 ? -EALREADY : daemon->_.active;
}

int picot_daemon_ready(picot_daemon *daemon)
{
    struct outcome outcome = {0, ""};
    int rc = may_tell(daemon);
    if (rc <= 0) return rc;
    (void)dup2(daemon->_.log_fd, STDOUT_FILENO);
    (void)dup2(daemon->_.log_fd, STDERR_FILENO);
    return tell(daemon, &outcome);
}

int picot_daemon_fail(picot_daemon *daemon, int status, const char *text)
{
    struct outcome outcome = {status, ""};
    int rc = may_tell(daemon);
    if (status < 1 || status > 255) return -EINVAL;
    if (rc <= 0) return rc;
    if (text) (void)snprintf(outcome.text, sizeof outcome.text, "%s", text);
    return tell(daemon, &outcome);
}

static int become_daemon(const picot_daemon_options *options, struct plumbing *pipes, picot_daemon *ret_daemon)
{
    const char *directory = options->directory ? options->directory : "/";
    *ret_daemon = (picot_daemon){.text = "", ._ = {1, pipes->ready[1], pipes->log_fd}};
    pipes->ready[1] = pipes->log_fd = -1;
    (void)dup2(pipes->null_fd, STDIN_FILENO);
    drain_plumbing(pipes);
    if (options->umask >= 0) (void)umask((mode_t)options->umask);
    if (*directory && chdir(directory) < 0) {
        char text[PICOT_DAEMON_TEXT_SIZE];
        (void)snprintf(text, sizeof text, "cannot change to %s: %s\n", directory, picot_strerror(-errno));
        (void)picot_daemon_fail(ret_daemon, 1, text);
        _exit(1);
    }
    return 0;
}

/* ---- the guard ------------------------------------------------------------------------------------- */

static void watch_over(struct plumbing *pipes, pid_t daemon)
{
    struct news news = {daemon, 0, 0};
    shut(&pipes->ready[1]);
    shut(&pipes->log_fd);
    (void)say(pipes->news[1], &news, sizeof news);
    while (daemon > 0 && waitpid(daemon, &news.status, 0) < 0 && errno == EINTR) {
    }
    news.ended = 1;
    (void)say(pipes->news[1], &news, sizeof news);
    for (;;)
        (void)pause();
}

/* Returns in the daemon only. */
static int become_guard(const picot_daemon_options *options, struct plumbing *pipes, pid_t parent,
                        picot_daemon *ret_daemon)
{
    struct sigaction former, action = {.sa_handler = SIG_DFL};
    shut(&pipes->ready[0]);
    shut(&pipes->news[0]);
    (void)setsid(); /* a child that was just made leads no group: it cannot fail */
    (void)sigaction(SIGCHLD, &action, &former);
    pid_t pid = fork();
    if (pid == 0) {
        (void)sigaction(SIGCHLD, &former, NULL);
        return become_daemon(options, pipes, ret_daemon);
    }
    if (pid < 0) {
        struct outcome outcome = {1, ""};
        (void)snprintf(outcome.text, sizeof outcome.text, "cannot fork: %s\n", picot_strerror(-errno));
        (void)say(pipes->ready[1], &outcome, sizeof outcome);
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    watch_over(pipes, pid);
    return 0;
}

/* ---- the parent ------------------------------------------------------------------------------------ */

static bool hear(int fd, void *what, size_t size)
{
    ssize_t n;
    do {
        n = recv(fd, what, size, MSG_WAITALL);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)size;
}

static void set_outcome(picot_daemon *daemon, int status, const char *text)
{
    daemon->status = status;
    (void)snprintf(daemon->text, sizeof daemon->text, "%s", text);
}

static void tell_death(picot_daemon *daemon, int status)
{
    if (WIFSIGNALED(status)) {
        (void)snprintf(daemon->text, sizeof daemon->text, "the daemon was killed by signal %d before it was ready\n",
                       WTERMSIG(status));
        daemon->status = 128 + WTERMSIG(status);
    } else {
        (void)snprintf(daemon->text, sizeof daemon->text, "the daemon ended with status %d before it was ready\n",
                       WEXITSTATUS(status));
        daemon->status = WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
    }
}

/* Has the daemon spoken? What it said comes before the news of its death, for it was sent before. */
static bool heard_daemon(struct plumbing *pipes, picot_daemon *daemon)
{
    struct outcome outcome;
    struct pollfd ready = {pipes->ready[0], POLLIN, 0};
    if (pipes->ready[0] < 0 || poll(&ready, 1, 0) <= 0) return false;
    if (hear(pipes->ready[0], &outcome, sizeof outcome)) {
        set_outcome(daemon, outcome.status, outcome.text);
        return true;
    }
    shut(&pipes->ready[0]); /* it has closed its end, most likely by dying */
    return false;
}

static bool heard_guard(const struct plumbing *pipes, picot_daemon *daemon)
{
    struct news news;
    if (!hear(pipes->news[0], &news, sizeof news)) {
        set_outcome(daemon, 1, "the start of the daemon failed\n");
        return true;
    }
    if (news.pid > 0) daemon->pid = news.pid;
    if (news.ended) tell_death(daemon, news.status);
    return news.ended;
}

static int wait_for_news(const struct plumbing *pipes, int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns == PICOT_NEVER ? 0 : deadline_ns - picot__sys_now(NULL);
    struct timespec limit = {(time_t)(left_ns / PICOT_SECOND), (long)(left_ns % PICOT_SECOND)};
    struct pollfd fds[2] = {{pipes->news[0], POLLIN, 0}, {pipes->ready[0], POLLIN, 0}};
    if (left_ns < 0) return 0;
    int n = ppoll(fds, 2, deadline_ns == PICOT_NEVER ? NULL : &limit, NULL);
    return n < 0 ? 1 : n == 0 ? 0 : fds[0].revents ? 2 : 1;
}

static void await_outcome(struct plumbing *pipes, int64_t timeout_ns, picot_daemon *daemon)
{
    int64_t deadline_ns = PICOT_NEVER, now_ns = picot__sys_now(NULL);
    if (timeout_ns > 0 && timeout_ns < PICOT_NEVER - now_ns) deadline_ns = now_ns + timeout_ns;
    for (bool silent = false;;) {
        int came = wait_for_news(pipes, deadline_ns);
        if (came == 0) {
            set_outcome(daemon, 1,
                        silent ? "the daemon gave up its readiness without a word\n"
                               : "the daemon was not ready in time\n");
            return;
        }
        if (heard_daemon(pipes, daemon)) return;
        if (came == 2 && heard_guard(pipes, daemon)) return;
        if (pipes->ready[0] < 0 && !silent) {
            silent = true;
            deadline_ns = picot__sys_now(NULL) + LAST_WORDS_NS;
        }
    }
}

/* A daemon that is quick has spoken before its guard. */
static void learn_pid(const struct plumbing *pipes, picot_daemon *daemon)
{
    struct news news;
    if (daemon->pid == 0 && hear(pipes->news[0], &news, sizeof news) && news.pid > 0) daemon->pid = news.pid;
}

static void be_parent(struct plumbing *pipes, pid_t guard, int64_t timeout_ns, picot_daemon *ret_daemon)
{
    *ret_daemon = (picot_daemon){.text = ""};
    shut(&pipes->ready[1]);
    shut(&pipes->news[1]);
    await_outcome(pipes, timeout_ns, ret_daemon);
    learn_pid(pipes, ret_daemon);
    (void)kill(guard, SIGKILL);
    while (waitpid(guard, NULL, 0) < 0 && errno == EINTR) {
    }
    drain_plumbing(pipes);
}

/* ---- all of it ------------------------------------------------------------------------------------- */

/* Of threads that fork leaves behind, locks stay locked. */
static bool has_threads(void)
{
    struct stat info;
    return stat("/proc/self/task", &info) == 0 && info.st_nlink > 3; /* ".", ".." and one */
}

int picot_daemonize(const picot_daemon_options *given, picot_daemon *ret_daemon)
{
    picot_daemon_options options = PICOT_DAEMON_OPTIONS_INIT;
    struct plumbing pipes;
    if (given && given->size != sizeof options) return -EINVAL;
    if (given) options = *given;
    if (!ret_daemon || options.timeout_ns < 0 || options.umask > 0777) return -EINVAL;
    if (has_threads()) return -EBUSY;
    int rc = make_plumbing(&options, &pipes);
    if (rc < 0) return rc;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) return become_guard(&options, &pipes, parent, ret_daemon);
    if (pid < 0) {
        rc = -errno;
        drain_plumbing(&pipes);
        return rc;
    }
    be_parent(&pipes, pid, options.timeout_ns, ret_daemon);
    return 1;
}
