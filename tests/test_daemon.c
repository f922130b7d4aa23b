/* SPDX-License-Identifier: MIT
 *
 * test_daemon.c - into the background: session, terminal, readiness, failures that the parent tells; pid files and
 * those who race for them; the protocols of a service manager, with sockets of our own.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <picot/daemon.h>
#include <picot/error.h>
#include <picot/loop.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef TAP_TSAN
#define NEEDS_ONE_THREAD() SKIP("the sanitizer has a thread of its own")
#else
#define NEEDS_ONE_THREAD() ((void)0)
#endif

/* ---- a daemon and who has started it ------------------------------------------------------------- */

/* What a daemon says of itself. */
struct self {
    pid_t pid, sid, pgid;
    int tty_errno, stdin_is_null, umask, stdout_is_kept;
    char directory[64];
};

struct start {
    pid_t shell;     /* the process that calls picot_daemonize */
    int from, to;    /* what the daemon says; a byte lets it go on */
    int text;        /* what the shell's process writes to its standard error */
    int daemons_out; /* what the daemon writes to its standard output */
};

static struct self describe_self(void)
{
    struct self self = {.pid = getpid(), .sid = getsid(0), .pgid = getpgid(0)};
    struct stat null, in;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    self.tty_errno = fd < 0 ? errno : 0;
    CHECK_EQ(stat("/dev/null", &null) | fstat(0, &in), 0);
    self.stdin_is_null = null.st_rdev == in.st_rdev;
    self.umask = (int)umask(0);
    (void)umask((mode_t)self.umask);
    CHECK(getcwd(self.directory, sizeof self.directory) != NULL);
    return self;
}

/* A terminal of its own, so that there is one to lose. */
static void take_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    char name[64];
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof name) != 0) return;
    int slave = open(name, O_RDWR);
    if (slave >= 0) (void)ioctl(slave, TIOCSCTTY, 0);
}

typedef void daemon_fn(picot_daemon *daemon, const struct start *start);

/* The daemon itself: it says who it is, waits for a byte, and does what the case wants. */
static void be_daemon(picot_daemon *daemon, const struct start *start, daemon_fn *fn)
{
    char byte;
    struct self self = describe_self();
    CHECK_EQ(close(start->text) | close(start->daemons_out), 0); /* there are 1 and 2 */
    CHECK_EQ(write(start->from, &self, sizeof self), sizeof self);
    if (read(start->to, &byte, 1) == 1) fn(daemon, start);
    _exit(0);
}

static void pipe_to(int *ret_read, int *ret_write)
{
    int fds[2];
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    *ret_read = fds[0];
    *ret_write = fds[1];
}

static struct start start(const picot_daemon_options *options, daemon_fn *fn)
{
    struct start ours, theirs;
    pipe_to(&ours.from, &theirs.from);
    pipe_to(&theirs.to, &ours.to);
    pipe_to(&ours.text, &theirs.text);
    pipe_to(&ours.daemons_out, &theirs.daemons_out);
    (void)fflush(NULL);
    ours.shell = theirs.shell = fork();
    CHECK(ours.shell >= 0);
    if (ours.shell == 0) {
        picot_daemon daemon;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        CHECK(setsid() > 0);
        take_terminal();
        CHECK_EQ(dup2(theirs.text, 2) + dup2(theirs.daemons_out, 1), 3);
        (void)close(ours.from);
        (void)close(ours.to);
        (void)close(ours.text);
        (void)close(ours.daemons_out);
        int rc = picot_daemonize(options, &daemon);
        if (rc == 0) be_daemon(&daemon, &theirs, fn);
        if (rc < 0) _exit(200);
        CHECK_EQ(write(2, daemon.text, strlen(daemon.text)), strlen(daemon.text));
        _exit(daemon.pid > 1 ? daemon.status : 201);
    }
    (void)close(theirs.from);
    (void)close(theirs.to);
    (void)close(theirs.text);
    (void)close(theirs.daemons_out);
    return ours;
}

static struct self read_self(const struct start *start)
{
    struct self self;
    CHECK_EQ(read(start->from, &self, sizeof self), sizeof self);
    return self;
}

/* The exit status of the process that the shell waits for. */
static int status_of(const struct start *start)
{
    int status = -1;
    CHECK_EQ(waitpid(start->shell, &status, 0), start->shell);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* All that comes until nobody holds the other end. */
static void read_all(int fd, char *text, size_t size)
{
    size_t len = 0;
    for (ssize_t n; len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    text[len] = '\0';
}

static void finish(struct start *start)
{
    char rest[8];
    if (start->to >= 0) CHECK_EQ(close(start->to), 0);
    read_all(start->from, rest, sizeof rest); /* the daemon has ended */
    CHECK_EQ(close(start->from) | close(start->text) | close(start->daemons_out), 0);
}

static void let_go(const struct start *start)
{
    CHECK_EQ(write(start->to, "x", 1), 1);
}

/* ---- ready ----------------------------------------------------------------------------------------- */

static void is_ready(picot_daemon *daemon, const struct start *start)
{
    char byte;
    CHECK_EQ(write(1, "before\n", 7), 7);
    CHECK_EQ(picot_daemon_ready(daemon), 0);
    CHECK_EQ(write(1, "after\n", 6) + write(2, "error\n", 6), 12);
    CHECK_EQ(picot_daemon_ready(daemon), -EALREADY);
    CHECK_EQ(picot_daemon_fail(daemon, 1, "too late"), -EALREADY);
    CHECK_EQ(write(start->from, "r", 1), 1);
    CHECK_EQ(read(start->to, &byte, 1), 1); /* it lives on */
}

static void ready(void)
{
    NEEDS_ONE_THREAD();
    char log[] = "/tmp/picot-daemon-XXXXXX", text[128], byte;
    int log_fd = mkstemp(log);
    CHECK(log_fd >= 0);
    CHECK_EQ(write(log_fd, "old\n", 4), 4);
    picot_daemon_options options = PICOT_DAEMON_OPTIONS_INIT;
    options.log = log;
    options.umask = 027;
    struct start it = start(&options, is_ready);
    struct self self = read_self(&it);
    CHECK(self.pid != it.shell);
    CHECK(self.sid != it.shell && self.sid != self.pid); /* not the leader: it can get no terminal by opening one */
    CHECK(self.pgid != it.shell);
    CHECK_EQ(self.tty_errno, ENXIO);
    CHECK(self.stdin_is_null);
    CHECK_EQ(self.umask, 027);
    CHECK_STR(self.directory, "/");
    CHECK_EQ(waitpid(it.shell, NULL, WNOHANG), 0); /* not before it is ready */
    let_go(&it);
    CHECK_EQ(read(it.from, &byte, 1), 1);
    CHECK_EQ(byte, 'r');
    CHECK_EQ(status_of(&it), 0);
    CHECK_EQ(kill(self.pid, 0), 0);
    CHECK_EQ(kill(self.sid, 0), -1); /* the process between has gone */
    read_all(it.text, text, sizeof text);
    CHECK_STR(text, "");
    read_all(it.daemons_out, text, sizeof text);
    CHECK_STR(text, "before\n"); /* and nobody holds it any more */
    let_go(&it);
    finish(&it);
    ssize_t n = pread(log_fd, text, sizeof text, 0);
    CHECK_EQ(n, 16);
    CHECK_MEM(text, "old\nafter\nerror\n", 16);
    CHECK_EQ(close(log_fd) | unlink(log), 0);
}

/* ---- not ready ------------------------------------------------------------------------------------- */

static void fails(picot_daemon *daemon, const struct start *start)
{
    (void)start;
    CHECK_EQ(picot_daemon_fail(daemon, 0, NULL), -EINVAL);
    CHECK_EQ(picot_daemon_fail(daemon, 256, NULL), -EINVAL);
    CHECK_EQ(picot_daemon_fail(daemon, 42, "port 80 is taken\n"), 0);
}

static void exits(picot_daemon *daemon, const struct start *start)
{
    (void)daemon;
    (void)start;
    _exit(7);
}

static void exits_well(picot_daemon *daemon, const struct start *start)
{
    (void)daemon;
    (void)start;
    _exit(0);
}

static void is_killed(picot_daemon *daemon, const struct start *start)
{
    (void)daemon;
    (void)start;
    (void)kill(getpid(), SIGKILL);
}

/* It leaves a child behind that holds all its descriptors. */
static void leaves_a_child(picot_daemon *daemon, const struct start *start)
{
    (void)daemon;
    if (fork() == 0) {
        char byte;
        CHECK_EQ(read(start->to, &byte, 1), 0);
        _exit(0);
    }
    _exit(9);
}

static void says_too_much(picot_daemon *daemon, const struct start *start)
{
    char text[2000];
    (void)start;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    CHECK_EQ(picot_daemon_fail(daemon, 1, text), 0);
}

static void not_ready(void)
{
    NEEDS_ONE_THREAD();
    static const struct {
        daemon_fn *fn;
        int status;
        const char *text;
    } rows[] = {
        {fails, 42, "port 80 is taken\n"},
        {exits, 7, "the daemon ended with status 7 before it was ready\n"},
        {exits_well, 1, "the daemon ended with status 0 before it was ready\n"},
        {is_killed, 128 + SIGKILL, "the daemon was killed by signal 9 before it was ready\n"},
        {leaves_a_child, 9, "the daemon ended with status 9 before it was ready\n"},
        {says_too_much, 1, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[2048];
        struct start it = start(NULL, rows[i].fn);
        (void)read_self(&it);
        CHECK_EQ(waitpid(it.shell, NULL, WNOHANG), 0);
        let_go(&it);
        CHECK_EQ(status_of(&it), rows[i].status);
        CHECK_EQ(close(it.to), 0); /* lets the child go */
        it.to = -1;
        read_all(it.text, text, sizeof text);
        if (rows[i].text)
            CHECK_STR(text, rows[i].text);
        else
            CHECK_EQ(strlen(text), PICOT_DAEMON_TEXT_SIZE - 1);
        finish(&it);
    }
}

static void never_called(picot_daemon *daemon, const struct start *start)
{
    (void)daemon;
    (void)start;
}

static void cannot_start(void)
{
    NEEDS_ONE_THREAD();
    char text[256];
    picot_daemon_options options = PICOT_DAEMON_OPTIONS_INIT;
    options.directory = "/nonexistent";
    struct start it = start(&options, never_called);
    CHECK_EQ(status_of(&it), 1);
    read_all(it.text, text, sizeof text);
    CHECK(strncmp(text, "cannot change to /nonexistent: ", 31) == 0);
    finish(&it);
    picot_daemon daemon;
    options.directory = NULL;
    options.log = "/nonexistent/log";
    CHECK_EQ(picot_daemonize(&options, &daemon), -ENOENT);
    options.log = "/tmp";
    CHECK_EQ(picot_daemonize(&options, &daemon), -EISDIR);
}

static void finds_nobody(picot_daemon *daemon, const struct start *start)
{
    char byte = (char)(picot_daemon_ready(daemon) == -EPIPE ? 'p' : '?');
    CHECK_EQ(write(start->from, &byte, 1), 1);
}

/* The parent gives up, or dies: the daemon's word finds nobody. */
static void parent_gone(void)
{
    NEEDS_ONE_THREAD();
    for (int killed = 0; killed < 2; killed++) {
        picot_daemon_options options = PICOT_DAEMON_OPTIONS_INIT;
        char byte, text[128];
        if (!killed) options.timeout_ns = 50 * PICOT_MS;
        struct start it = start(&options, finds_nobody);
        (void)read_self(&it);
        if (killed) CHECK_EQ(kill(it.shell, SIGKILL), 0);
        CHECK_EQ(status_of(&it), killed ? 1000 + SIGKILL : 1);
        let_go(&it);
        CHECK_EQ(read(it.from, &byte, 1), 1);
        CHECK_EQ(byte, 'p');
        read_all(it.text, text, sizeof text);
        CHECK_STR(text, killed ? "" : "the daemon was not ready in time\n");
        finish(&it);
    }
}

static void *wait_a_while(void *argument)
{
    char byte;
    CHECK_EQ(read(*(int *)argument, &byte, 1), 0);
    return NULL;
}

static void refusals(void)
{
    picot_daemon daemon = PICOT_DAEMON_INIT;
    picot_daemon_options options = PICOT_DAEMON_OPTIONS_INIT;
    CHECK_EQ(picot_daemonize(NULL, NULL), -EINVAL);
    options.size = 3;
    CHECK_EQ(picot_daemonize(&options, &daemon), -EINVAL);
    options = (picot_daemon_options)PICOT_DAEMON_OPTIONS_INIT;
    options.timeout_ns = -1;
    CHECK_EQ(picot_daemonize(&options, &daemon), -EINVAL);
    options.timeout_ns = 0;
    options.umask = 01000;
    CHECK_EQ(picot_daemonize(&options, &daemon), -EINVAL);
    CHECK_EQ(picot_daemon_ready(NULL), -EINVAL);
    CHECK_EQ(picot_daemon_fail(NULL, 1, ""), -EINVAL);
    CHECK_EQ(picot_daemon_ready(&daemon), 0); /* in the foreground */
    CHECK_EQ(picot_daemon_fail(&daemon, 1, "why"), 0);
    int fds[2];
    pthread_t thread;
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(pthread_create(&thread, NULL, wait_a_while, &fds[0]), 0);
    CHECK_EQ(picot_daemonize(NULL, &daemon), -EBUSY);
    CHECK_EQ(close(fds[1]), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(close(fds[0]), 0);
}

/* Without standard descriptors: what is opened on the way must not land there. */
static void without_standard_descriptors(void)
{
    NEEDS_ONE_THREAD();
    int from, to;
    pipe_to(&from, &to);
    pid_t pid = fork();
    if (pid == 0) {
        int high = fcntl(to, F_DUPFD_CLOEXEC, 20);
        picot_daemon daemon;
        for (int fd = 0; fd < 20; fd++)
            (void)close(fd);
        int rc = picot_daemonize(NULL, &daemon);
        if (rc != 0) _exit(rc < 0 ? 99 : daemon.status);
        char said = (char)(picot_daemon_ready(&daemon) == 0 && fcntl(0, F_GETFD) == 0 && fcntl(1, F_GETFD) == 0 &&
                                   fcntl(2, F_GETFD) == 0 && fcntl(3, F_GETFD) < 0
                               ? 'y'
                               : 'n');
        (void)!write(high, &said, 1);
        _exit(0);
    }
    int status;
    char said;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(read(from, &said, 1), 1);
    CHECK_EQ(said, 'y');
    CHECK_EQ(close(from) | close(to), 0);
}

/* ---- pid files ------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/picot-pid-XXXXXX", path[64];

static void make_folder(void)
{
    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof path, "%s/it.pid", folder);
}

static void remove_folder(void)
{
    CHECK_EQ(rmdir(folder), 0); /* and it is empty */
}

static int64_t content(void)
{
    FILE *file = fopen(path, "re");
    long long pid = -1;
    if (!file) return -1;
    if (fscanf(file, "%lld", &pid) != 1) pid = -2;
    (void)fclose(file);
    return pid;
}

/* Another process tries, and says what it got. */
static int another(int64_t *ret_holder)
{
    int64_t answer[2] = {0, -1};
    int from, to;
    pipe_to(&from, &to);
    pid_t pid = fork();
    if (pid == 0) {
        picot_pid_file file = PICOT_PID_FILE_INIT;
        answer[0] = picot_pid_file_open(&file, path, 0644, &answer[1]);
        CHECK_EQ(write(to, answer, sizeof answer), sizeof answer);
        CHECK_EQ(picot_pid_file_close(&file), 0);
        _exit(0);
    }
    CHECK_EQ(read(from, answer, sizeof answer), sizeof answer);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_EQ(close(from) | close(to), 0);
    *ret_holder = answer[1];
    return (int)answer[0];
}

static void pid_file(void)
{
    picot_pid_file file = PICOT_PID_FILE_INIT;
    int64_t holder = -1;
    struct stat info;
    make_folder();
    (void)umask(022);
    CHECK_EQ(picot_pid_file_open(&file, path, 0664, NULL), 0);
    CHECK_EQ(content(), getpid());
    CHECK_EQ(stat(path, &info), 0);
    CHECK_EQ(info.st_mode & 0777, 0644);
    CHECK_EQ(picot_pid_file_open(&file, path, 0644, NULL), -EALREADY);
    CHECK_EQ(another(&holder), PICOT_ERUNNING);
    CHECK_EQ(holder, getpid());
    picot_pid_file second = PICOT_PID_FILE_INIT; /* also in this process */
    CHECK_EQ(picot_pid_file_open(&second, path, 0644, &holder), PICOT_ERUNNING);
    CHECK_EQ(picot_pid_file_close(&second), 0);
    CHECK_EQ(content(), getpid());
    CHECK_EQ(picot_pid_file_close(&file), 0);
    CHECK_EQ(content(), -1);
    CHECK_EQ(picot_pid_file_close(&file), 0);
    CHECK_EQ(another(&holder), 0);
    CHECK_EQ(content(), -1);
    /* Left behind by one who crashed, longer than ours: no obstacle. */
    FILE *left = fopen(path, "we");
    CHECK(left && fputs("1234567890123456789\nmore\n", left) >= 0 && fclose(left) == 0);
    CHECK_EQ(picot_pid_file_open(&file, path, 0644, &holder), 0);
    CHECK_EQ(content(), getpid());
    CHECK_EQ(stat(path, &info), 0);
    CHECK(info.st_size < 15);
    /* A forked child that closes leaves the file, and the lock, to the parent. */
    pid_t pid = fork();
    if (pid == 0) _exit(picot_pid_file_close(&file) != 0);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(content(), getpid());
    CHECK_EQ(another(&holder), PICOT_ERUNNING);
    /* Another file in its place is not ours to remove. */
    CHECK_EQ(unlink(path), 0);
    left = fopen(path, "we");
    CHECK(left && fputs("77\n", left) >= 0 && fclose(left) == 0);
    CHECK_EQ(picot_pid_file_close(&file), 0);
    CHECK_EQ(content(), 77);
    CHECK_EQ(unlink(path), 0);
    remove_folder();
}

static void pid_file_refusals(void)
{
    picot_pid_file file = PICOT_PID_FILE_INIT;
    make_folder();
    CHECK_EQ(picot_pid_file_open(NULL, path, 0644, NULL), -EINVAL);
    CHECK_EQ(picot_pid_file_open(&file, NULL, 0644, NULL), -EINVAL);
    CHECK_EQ(picot_pid_file_open(&file, "", 0644, NULL), -EINVAL);
    CHECK_EQ(picot_pid_file_open(&file, path, 01644, NULL), -EINVAL);
    CHECK_EQ(picot_pid_file_open(&file, folder, 0644, NULL), -EISDIR);
    CHECK_EQ(picot_pid_file_open(&file, "/nonexistent/a.pid", 0644, NULL), -ENOENT);
    CHECK_EQ(symlink("/etc/passwd", path), 0);
    CHECK_EQ(picot_pid_file_open(&file, path, 0644, NULL), -ELOOP);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(picot_pid_file_close(NULL), -EINVAL);
    CHECK_EQ(picot_pid_file_close(&file), 0);
    remove_folder();
}

#define RACERS 4
#define RACES 200

/* Processes that take and leave it: never two at once, which a second file, made with O_EXCL, would show. */
static void pid_file_race(void)
{
    char proof[80];
    pid_t pids[RACERS];
    make_folder();
    (void)snprintf(proof, sizeof proof, "%s/alone", folder);
    for (int i = 0; i < RACERS; i++) {
        pids[i] = fork();
        if (pids[i] != 0) continue;
        for (int won = 0; won < RACES;) {
            picot_pid_file file = PICOT_PID_FILE_INIT;
            int rc = picot_pid_file_open(&file, path, 0644, NULL);
            if (rc == PICOT_ERUNNING) continue;
            CHECK_EQ(rc, 0);
            int fd = open(proof, O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0600);
            CHECK(fd >= 0);
            CHECK_EQ(content(), getpid());
            CHECK_EQ(close(fd) | unlink(proof), 0);
            CHECK_EQ(picot_pid_file_close(&file), 0);
            won++;
        }
        _exit(0);
    }
    for (int i = 0; i < RACERS; i++) {
        int status;
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, 0);
    }
    remove_folder();
}

/* ---- a service manager ----------------------------------------------------------------------------- */

static int manager(const char *address)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const struct timeval patience = {10, 0};
    size_t len = strlen(address);
    memcpy(addr.sun_path, address, len);
    if (address[0] == '@') addr.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    CHECK_EQ(setenv("NOTIFY_SOCKET", address, 1), 0);
    return fd;
}

static void check_told(int fd, const char *state)
{
    char got[256] = "";
    CHECK_EQ(recv(fd, got, sizeof got - 1, 0), strlen(state));
    CHECK_STR(got, state);
}

static void notifies(void)
{
    char address[80];
    CHECK_EQ(unsetenv("NOTIFY_SOCKET"), 0);
    CHECK_EQ(picot_notify("READY=1"), 0);
    make_folder();
    for (int abstract = 0; abstract < 2; abstract++) {
        (void)snprintf(address, sizeof address, "%s%s/notify", abstract ? "@" : "", folder);
        int fd = manager(address);
        CHECK_EQ(picot_notify("READY=1\nSTATUS=Serving\nMAINPID=4711"), 1);
        check_told(fd, "READY=1\nSTATUS=Serving\nMAINPID=4711");
        CHECK_EQ(picot_notify("WATCHDOG=1"), 1);
        check_told(fd, "WATCHDOG=1");
        CHECK_EQ(close(fd), 0);
        CHECK_EQ(picot_notify("READY=1"), -ECONNREFUSED);
        if (!abstract) CHECK_EQ(unlink(address), 0);
        if (!abstract) CHECK_EQ(picot_notify("READY=1"), -ENOENT);
    }
    remove_folder();
    CHECK_EQ(picot_notify(NULL), -EINVAL);
    CHECK_EQ(picot_notify(""), -EINVAL);
    static const char *const wrong[] = {"relative", "vsock:2:1234", "/", "@"};
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(setenv("NOTIFY_SOCKET", wrong[i], 1), 0);
        CHECK_EQ(picot_notify("READY=1"), -EINVAL);
    }
    char longer[200];
    memset(longer, '/', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    CHECK_EQ(setenv("NOTIFY_SOCKET", longer, 1), 0);
    CHECK_EQ(picot_notify("READY=1"), -ENAMETOOLONG);
    CHECK_EQ(setenv("NOTIFY_SOCKET", "", 1), 0);
    CHECK_EQ(picot_notify("READY=1"), 0);
}

static void passes_descriptors(void)
{
    char text[64] = "", address[64];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control;
    (void)snprintf(address, sizeof address, "@picot-test-%d", (int)getpid());
    int fd = manager(address), ends[2], got[2];
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(picot_notify_fds("FDSTORE=1\nFDNAME=a", ends, 2), 1);
    struct iovec into = {text, sizeof text - 1};
    struct msghdr msg = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    CHECK_EQ(recvmsg(fd, &msg, MSG_CMSG_CLOEXEC), 18);
    CHECK_STR(text, "FDSTORE=1\nFDNAME=a");
    const struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
    CHECK(head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof got));
    memcpy(got, CMSG_DATA(head), sizeof got);
    CHECK_EQ(write(got[1], "z", 1), 1); /* the same pipe */
    CHECK_EQ(read(ends[0], text, 1), 1);
    CHECK_EQ(close(got[0]) | close(got[1]) | close(ends[0]) | close(ends[1]), 0);
    CHECK_EQ(picot_notify_fds("FDSTORE=1", ends, 2), -EBADF);
    CHECK_EQ(picot_notify_fds("FDSTORE=1", NULL, 2), -EINVAL);
    CHECK_EQ(picot_notify_fds("FDSTORE=1", ends, 254), -EINVAL);
    CHECK_EQ(close(fd), 0);
}

static void put(const char *name, const char *value)
{
    CHECK_EQ(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void watchdog(void)
{
    char self[24];
    (void)snprintf(self, sizeof self, "%d", (int)getpid());
    const struct {
        const char *usec, *pid;
        int rc;
        int64_t ns;
    } rows[] = {
        {NULL, NULL, 0, 0},
        {"30000000", NULL, 1, 30 * PICOT_SECOND},
        {"1", self, 1, 1000},
        {"1", "1", 0, 0},
        {"0", NULL, -EINVAL, 0},
        {"-5", NULL, -EINVAL, 0},
        {"12x", NULL, -EINVAL, 0},
        {"", NULL, -EINVAL, 0},
        {"99999999999999999999", NULL, -EINVAL, 0},
        {"1", "x", -EINVAL, 0},
        {NULL, self, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ns = 0;
        put("WATCHDOG_USEC", rows[i].usec);
        put("WATCHDOG_PID", rows[i].pid);
        CHECK_EQ(picot_notify_watchdog(&ns), rows[i].rc);
        CHECK_EQ(ns, rows[i].ns);
    }
    CHECK_EQ(picot_notify_watchdog(NULL), -EINVAL);
}

static void passed_sockets(void)
{
    char self[24], name[32];
    (void)snprintf(self, sizeof self, "%d", (int)getpid());
    put("LISTEN_PID", NULL);
    put("LISTEN_FDS", NULL);
    put("LISTEN_FDNAMES", NULL);
    CHECK_EQ(picot_listen_fds(), 0);
    put("LISTEN_FDS", "2");
    CHECK_EQ(picot_listen_fds(), 0); /* not without a process */
    put("LISTEN_PID", "1");
    CHECK_EQ(picot_listen_fds(), 0); /* for another one */
    CHECK_EQ(picot_listen_fd_name(3, name, sizeof name), -ENOENT);
    pid_t pid = fork();
    if (pid == 0) { /* here the numbers 3 and 4 can be had */
        (void)snprintf(self, sizeof self, "%d", (int)getpid());
        put("LISTEN_PID", self);
        int one = socket(AF_UNIX, SOCK_STREAM, 0);
        CHECK(one >= 0 && dup2(one, 3) == 3 && dup2(one, 4) == 4 && (one <= 4 || close(one) == 0));
        (void)close(5);
        CHECK_EQ(picot_listen_fds(), 2);
        CHECK_EQ(fcntl(3, F_GETFD), FD_CLOEXEC);
        CHECK_EQ(fcntl(4, F_GETFD), FD_CLOEXEC);
        CHECK_EQ(picot_listen_fd_name(3, name, sizeof name), 7);
        CHECK_STR(name, "unknown");
        put("LISTEN_FDNAMES", "web:admin");
        CHECK_EQ(picot_listen_fd_name(3, name, sizeof name), 3);
        CHECK_STR(name, "web");
        CHECK_EQ(picot_listen_fd_name(4, name, 3), 5);
        CHECK_STR(name, "ad");
        CHECK_EQ(picot_listen_fd_name(5, name, sizeof name), -ENOENT);
        CHECK_EQ(picot_listen_fd_name(2, name, sizeof name), -ENOENT);
        CHECK_EQ(picot_listen_fd_name(-1, name, sizeof name), -ENOENT);
        CHECK_EQ(picot_listen_fd_name(3, NULL, 3), -EINVAL);
        put("LISTEN_FDNAMES", "web");
        CHECK_EQ(picot_listen_fd_name(4, name, sizeof name), 7);
        put("LISTEN_FDS", "3");
        CHECK_EQ(picot_listen_fds(), -EBADF);
        put("LISTEN_FDS", "two");
        CHECK_EQ(picot_listen_fds(), -EINVAL);
        put("LISTEN_FDS", "99999999999");
        CHECK_EQ(picot_listen_fds(), -EINVAL);
        put("LISTEN_PID", "");
        CHECK_EQ(picot_listen_fds(), -EINVAL);
        put("NOTIFY_SOCKET", "@x");
        picot_notify_forget();
        CHECK(!getenv("LISTEN_PID") && !getenv("LISTEN_FDS") && !getenv("LISTEN_FDNAMES") && !getenv("NOTIFY_SOCKET"));
        CHECK_EQ(picot_listen_fds(), 0);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static const struct tap_case cases[] = {
    {"daemon: ready", ready, 0},
    {"daemon: not ready", not_ready, 0},
    {"daemon: cannot start", cannot_start, 0},
    {"daemon: the parent has gone", parent_gone, 0},
    {"daemon: refusals", refusals, 0},
    {"daemon: without standard descriptors", without_standard_descriptors, 0},
    {"pid file", pid_file, 0},
    {"pid file: refusals", pid_file_refusals, 0},
    {"pid file: a race", pid_file_race, 0},
    {"notify", notifies, 0},
    {"notify: descriptors", passes_descriptors, 0},
    {"notify: watchdog", watchdog, 0},
    {"sockets that were passed", passed_sockets, 0},
};

TAP_MAIN(cases)
