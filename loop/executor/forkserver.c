/* SPDX-License-Identifier: MIT
 *
 * forkserver.c - the process that forks workers: started early, while the program is small and has one thread.
 *
 * It answers two questions over a socket: fork a worker (the answer brings a pidfd), and how did that one end. A worker
 * that has ended stays a zombie until the second question, so that its number cannot become another's. The server ends
 * when the socket does, and its workers are killed with it.
 */
#include "forkserver.h"
#include "process_memory.h"

#include "../backend/backend.h"

#include <fcntl.h>
#include <picot/message.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define SOCKET_FD 3  /* in the server; */
#define PROGRAM_FD 4 /* a pidfd of the program; behind it nothing is open */
#define ARGUMENT "--picot-process-server"
#define HELLO_MS 10000
#define ANSWER_NS (10 * PICOT_SECOND)

struct picot_process_server {
    const picot_process_function *functions;
    size_t function_count;
    const unsigned char *fork_mark;
    pthread_mutex_t mutex; /* one question at a time */
    int socket;
    pid_t pid;
    uint32_t pools; /* accessed atomically */
};

enum { ASK_SPAWN = 1, ASK_REAP = 2 };

struct question {
    uint32_t kind;
    int32_t pid;
    struct picot__worker_order order;
};

struct answer {
    int32_t rc, pid, status;
};

/* ---- messages ----------------------------------------------------------------------------------------- */

#define FDS_MAX (1 + PICOT__TELLS)

static int send_message(int socket, const void *data, size_t len, const int *fds, size_t fd_count)
{
    return picot_message_send_now(socket, data, len, fds, fd_count, PICOT_NEVER);
}

/* A whole message of this length, and as many descriptors as came, -1 for those that did not. */
static int receive_message(int socket, void *data, size_t len, int *fds, size_t fd_count, int64_t timeout_ns)
{
    size_t came;
    for (size_t i = 0; i < fd_count; i++)
        fds[i] = -1;
    int64_t received = picot_message_receive_now(socket, data, len, fds, fd_count, &came, timeout_ns);
    return received == (int64_t)len ? 0 : -EPIPE;
}

/* ---- in the server ------------------------------------------------------------------------------------ */

static void die_with(pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0); /* it was faster */
}

static void limit_worker(const struct picot__worker_order *order)
{
    for (uint32_t i = 0; i < order->limit_count && i < PICOT__LIMITS_MAX; i++) {
        struct rlimit limit = {order->limits[i].soft, order->limits[i].hard};
        (void)setrlimit((__rlimit_resource_t)order->limits[i].resource, &limit);
    }
    if (order->nice) (void)nice(order->nice);
}

static void spawn(const picot_process_server *server, const struct question *question, int *fds)
{
    struct answer answer = {0, 0, 0};
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        die_with(self);
        (void)close(SOCKET_FD);
        (void)close(PROGRAM_FD);
        limit_worker(&question->order);
        picot__process_worker_main(server->functions, server->function_count, &question->order, fds[0], fds + 1);
    }
    int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    answer.rc = pidfd < 0 ? -errno : 0;
    answer.pid = pid;
    if (pid > 0 && pidfd < 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    if (send_message(SOCKET_FD, &answer, sizeof answer, &pidfd, pidfd >= 0) < 0) _exit(0);
    if (pidfd >= 0) (void)close(pidfd);
}

static void reap(const struct question *question)
{
    struct answer answer = {0, question->pid, 0};
    int status;
    if (waitpid(question->pid, &status, 0) != question->pid)
        answer.rc = -ECHILD;
    else
        answer.status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    if (send_message(SOCKET_FD, &answer, sizeof answer, NULL, 0) < 0) _exit(0);
}

static void close_from(int first)
{
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    long end = sysconf(_SC_OPEN_MAX);
    for (int fd = first; fd < end; fd++)
        (void)close(fd);
}

static void forget_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL}, before;
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(number, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Is there a question? False: the program has ended, also if children of it still hold the socket. */
static bool await_question(void)
{
    struct pollfd fds[2] = {{.fd = SOCKET_FD, .events = POLLIN}, {.fd = PROGRAM_FD, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR) return false;
    return !fds[1].revents;
}

static _Noreturn void be_server(const picot_process_server *server, int socket, pid_t parent)
{
    struct question question;
    int fds[FDS_MAX];
    if (socket != SOCKET_FD && dup2(socket, SOCKET_FD) < 0) _exit(1);
    close_from(SOCKET_FD + 1);
    (void)fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
    int program = (int)syscall(SYS_pidfd_open, parent, 0);
    if (program != PROGRAM_FD || getppid() != parent) _exit(0); /* it was faster */
    forget_signals();
    (void)prctl(PR_SET_NAME, "picot-server");
    while (await_question() && receive_message(SOCKET_FD, &question, sizeof question, fds, FDS_MAX, PICOT_NEVER) == 0) {
        if (question.kind == ASK_SPAWN)
            spawn(server, &question, fds);
        else
            reap(&question);
        for (int i = 0; i < FDS_MAX; i++)
            if (fds[i] >= 0) (void)close(fds[i]);
    }
    _exit(0);
}

/* ---- in the program ------------------------------------------------------------------------------------ */

/* A server that is stopped, or in some other way does not answer, must hold up nobody for ever: that is its end. */
static int ask(picot_process_server *server, const struct question *question, const int *fds, size_t fd_count,
               struct answer *ret_answer, int *ret_fd)
{
    (void)pthread_mutex_lock(&server->mutex);
    int rc = send_message(server->socket, question, sizeof *question, fds, fd_count);
    if (rc == 0) rc = receive_message(server->socket, ret_answer, sizeof *ret_answer, ret_fd, 1, ANSWER_NS);
    if (rc < 0 && *server->fork_mark)
        (void)kill(server->pid, SIGKILL); /* an answer that came now would be out of step */
    (void)pthread_mutex_unlock(&server->mutex);
    return rc < 0 ? PICOT_EBROKEN : ret_answer->rc;
}

int picot__forkserver_spawn(picot_process_server *server, const struct picot__worker_order *order, int memory_fd,
                            const int *notify_fds, pid_t *ret_pid, int *ret_pidfd)
{
    struct question question = {.kind = ASK_SPAWN, .order = *order};
    struct answer answer;
    int fds[FDS_MAX] = {memory_fd, notify_fds[0], notify_fds[1], notify_fds[2]}, pidfd;
    int rc = ask(server, &question, fds, FDS_MAX, &answer, &pidfd);
    if (rc == 0 && pidfd < 0) rc = -EMFILE; /* it came, and there was no room for it */
    if (rc < 0) return rc;
    *ret_pid = answer.pid;
    *ret_pidfd = pidfd;
    return 0;
}

int picot__forkserver_reap(picot_process_server *server, pid_t pid, int *ret_status)
{
    struct question question = {.kind = ASK_REAP, .pid = pid};
    struct answer answer;
    int none;
    int rc = ask(server, &question, NULL, 0, &answer, &none);
    if (rc == 0) *ret_status = answer.status;
    return rc;
}

int picot__forkserver_function(const picot_process_server *server, const char *name)
{
    for (size_t i = 0; i < server->function_count; i++)
        if (server->functions[i].name == name || strcmp(server->functions[i].name, name) == 0) return (int)i;
    return -ENOSYS;
}

int picot__forkserver_hold(picot_process_server *server)
{
    if (!*server->fork_mark) return PICOT_EFORKED;
    (void)__atomic_add_fetch(&server->pools, 1, __ATOMIC_RELAXED);
    return 0;
}

void picot__forkserver_release(picot_process_server *server)
{
    (void)__atomic_sub_fetch(&server->pools, 1, __ATOMIC_RELEASE);
}

static int check_functions(const picot_process_function *functions, size_t count)
{
    if (!functions || count == 0 || count > INT32_MAX) return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (!functions[i].name || !functions[i].fn) return -EINVAL;
        for (size_t j = 0; j < i; j++)
            if (strcmp(functions[i].name, functions[j].name) == 0) return -EINVAL;
    }
    return 0;
}

/* A directory of as many directories as there are threads, besides its own two. Unknown without /proc; and where a
 * sanitizer has threads of its own. */
static bool has_threads(void)
{
#ifdef PICOT_SANITIZED
    return false;
#else
    struct stat info;
    return stat("/proc/self/task", &info) == 0 && info.st_nlink > 3;
#endif
}

static int has_pidfds(void)
{
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (pidfd < 0) return -errno;
    (void)close(pidfd);
    return 0;
}

/* ---- the program executed anew ---------------------------------------------------------------------- */

/* Of two tables that are equal in names and order it is the same. */
static int32_t fingerprint(const picot_process_function *functions, size_t count)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < count; i++)
        for (const char *at = functions[i].name;; at++) {
            hash = (hash ^ (unsigned char)*at) * 16777619u;
            if (!*at) break;
        }
    return (int32_t)hash;
}

int picot_process_server_main(int argc, char **argv, const picot_process_function *functions, size_t count)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (argc != 3 || !argv || strcmp(argv[1], ARGUMENT) != 0 || check_functions(functions, count) < 0) return 0;
    pid_t parent = (pid_t)strtol(argv[2], NULL, 10);
    (void)getsockopt(SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &size);
    if (parent != getppid() || type != SOCK_SEQPACKET) _exit(1);
    struct answer hello = {0, getpid(), fingerprint(functions, count)};
    if (send_message(SOCKET_FD, &hello, sizeof hello, NULL, 0) < 0) _exit(1);
    picot_process_server server = {.functions = functions, .function_count = count};
    be_server(&server, SOCKET_FD, parent);
}

static int execute(picot_process_server *server, int socket)
{
    extern char **environ;
    char name[] = "picot-server", argument[] = ARGUMENT, parent[16];
    char *argv[] = {name, argument, parent, NULL};
    posix_spawn_file_actions_t actions;
    (void)snprintf(parent, sizeof parent, "%d", (int)getpid());
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return -error;
    error = posix_spawn_file_actions_adddup2(&actions, socket, SOCKET_FD); /* onto itself: not closed by execve */
    if (!error) error = posix_spawn(&server->pid, "/proc/self/exe", &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return -error;
}

static int await_hello(const picot_process_server *server)
{
    struct answer hello;
    struct pollfd polled = {.fd = server->socket, .events = POLLIN};
    int none, rc;
    do
        rc = poll(&polled, 1, HELLO_MS);
    while (rc < 0 && errno == EINTR);
    if (rc <= 0 || receive_message(server->socket, &hello, sizeof hello, &none, 1, PICOT_NEVER) < 0) return -ENOEXEC;
    return hello.status == fingerprint(server->functions, server->function_count) ? 0 : -ENOEXEC;
}

static int start_anew(picot_process_server *server)
{
    int sockets[2], rc = has_pidfds();
    if (rc < 0) return rc;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) return -errno;
    server->socket = sockets[0];
    rc = execute(server, sockets[1]);
    (void)close(sockets[1]);
    if (rc == 0) {
        rc = await_hello(server);
        if (rc < 0) {
            (void)kill(server->pid, SIGKILL);
            (void)waitpid(server->pid, NULL, 0);
        }
    }
    if (rc < 0) (void)close(sockets[0]);
    return rc;
}

/* ---- by fork ------------------------------------------------------------------------------------------- */

static int start(picot_process_server *server)
{
    int sockets[2], rc = has_pidfds();
    if (rc < 0) return rc;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) return -errno;
    pid_t self = getpid();
    server->pid = fork();
    if (server->pid == 0) be_server(server, sockets[1], self);
    rc = server->pid < 0 ? -errno : 0;
    (void)close(sockets[1]);
    if (rc < 0) (void)close(sockets[0]);
    server->socket = sockets[0];
    return rc;
}

static int create(const picot_process_function *functions, size_t count, int (*how)(picot_process_server *),
                  picot_process_server **ret_server)
{
    picot_process_server *server = calloc(1, sizeof *server);
    if (!server) return -ENOMEM;
    *server = (picot_process_server){functions, count, picot__fork_mark_open(), PTHREAD_MUTEX_INITIALIZER, -1, 0, 0};
    int rc = server->fork_mark ? how(server) : -ENOMEM;
    if (rc < 0) {
        picot__fork_mark_close(server->fork_mark);
        free(server);
        return rc;
    }
    *ret_server = server;
    return 0;
}

int picot_process_server_start(const picot_process_function *functions, size_t count, picot_process_server **ret_server)
{
    int rc = ret_server ? check_functions(functions, count) : -EINVAL;
    if (rc < 0) return rc;
    return has_threads() ? -EBUSY : create(functions, count, start, ret_server);
}

int picot_process_server_start_anew(const picot_process_function *functions, size_t count,
                                    picot_process_server **ret_server)
{
    int rc = ret_server ? check_functions(functions, count) : -EINVAL;
    return rc < 0 ? rc : create(functions, count, start_anew, ret_server);
}

int picot_process_server_stop(picot_process_server *server)
{
    if (!server) return 0;
    bool forked = !*server->fork_mark;
    if (!forked && __atomic_load_n(&server->pools, __ATOMIC_ACQUIRE) > 0) return -EBUSY;
    (void)close(server->socket);
    if (!forked) {
        (void)kill(server->pid, SIGCONT); /* one that is stopped would not see it */
        (void)waitpid(server->pid, NULL, 0);
    }
    (void)pthread_mutex_destroy(&server->mutex);
    picot__fork_mark_close(server->fork_mark);
    free(server);
    return 0;
}
