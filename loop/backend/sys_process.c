/* SPDX-License-Identifier: MIT
 *
 * sys_process.c - the system calls about children, on the parent's side: pipes, clone, signals, reaping.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../process.h"
#include "backend.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP 4
#endif

/* ---- descriptors ------------------------------------------------------------------------------- */

int picot__sys_pipe(int parent_writes, int *ret_child, int *ret_parent)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) return -errno;
    int parent = fds[parent_writes ? 1 : 0];
    int flags = fcntl(parent, F_GETFL); /* only this end: the child expects one that blocks */
    if (flags < 0 || fcntl(parent, F_SETFL, flags | O_NONBLOCK) < 0) {
        int rc = -errno;
        (void)picot__sys_close(fds[0]);
        (void)picot__sys_close(fds[1]);
        return rc;
    }
    *ret_parent = parent;
    *ret_child = fds[parent_writes ? 0 : 1];
    return 0;
}

int picot__sys_open_null(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? -errno : fd;
}

int picot__sys_is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

char *const *picot__sys_environment(void)
{
    return environ;
}

/*
 * ThreadSanitizer replaces clone(2) by one for children that have their own memory: it must not see this one. (Of the C
 * library's two names for it, the other one.)
 */
#ifdef PICOT__TSAN
extern int unseen_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...) __asm__("__clone");
#else
#define unseen_clone clone
#endif

/* ---- clone ------------------------------------------------------------------------------------- */

/* Signals as the kernel has them: also those that the C library keeps for itself. */
static void block_all(unsigned char before[16])
{
    unsigned char all[PICOT__KERNEL_SIGNALS / 8];
    memset(all, 0xff, sizeof all);
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, all, before, sizeof all);
}

static void restore(const unsigned char before[16])
{
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL, PICOT__KERNEL_SIGNALS / 8);
}

/* Nobody else learns of it: killed and reaped here. */
static void end_child(int pidfd, int pid)
{
    int code;
    if (pidfd >= 0)
        (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    else
        (void)kill(pid, SIGKILL);
    (void)picot__sys_process_reap(pidfd, pid, 1, &code);
    if (pidfd >= 0) (void)picot__sys_close(pidfd);
}

static int do_clone(struct picot__order *order, int flags, int *ret_pidfd)
{
    flags |= CLONE_VFORK | SIGCHLD | (order->apart ? 0 : CLONE_VM);
    int pid = unseen_clone(picot__child_main, order->stack_top, flags, order, ret_pidfd);
    return pid < 0 ? -errno : pid;
}

/*
 * The flag is Linux 5.2; where something in between does not know it, ask afterwards: the number cannot have become
 * another's before its parent has reaped it.
 */
static int clone_with_pidfd(struct picot__order *order, int *ret_pidfd)
{
    *ret_pidfd = -1;
    int pid = do_clone(order, CLONE_PIDFD, ret_pidfd);
    if (pid == -EINVAL || pid == -ENOSYS) {
        int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
        if (self < 0) return errno == EPERM ? -EPERM : -ENOSYS;
        (void)picot__sys_close(self);
        pid = do_clone(order, 0, NULL);
    }
    if (pid < 0 || *ret_pidfd >= 0) return pid;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    int rc = pidfd < 0 ? -errno : 0;
    if (rc < 0) end_child(-1, pid);
    *ret_pidfd = pidfd;
    return rc < 0 ? rc : pid;
}

/* With every signal blocked, and no cancellation of this thread: the child has its mask, and nobody comes between. */
static int clone_undisturbed(struct picot__order *order, int *ret_pidfd)
{
    unsigned char before[16] = {0};
    int state;
    order->parent = getpid();
    if (order->set_priority) {
        errno = 0;
        order->priority += getpriority(PRIO_PROCESS, 0);
    }
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    block_all(before);
    if (order->keep_signals) memcpy(order->mask, before, sizeof before);
    int pid = clone_with_pidfd(order, ret_pidfd);
    restore(before);
    (void)pthread_setcancelstate(state, NULL);
    return pid;
}

static int spawn(struct picot__order *order, int *ret_pid, int *ret_pidfd)
{
    int pidfd = -1;
    order->answer->step = PICOT_PROCESS_AT_CLONE;
    order->answer->error = 0;
    int pid = clone_undisturbed(order, &pidfd);
    if (pid < 0) return pid;
    if (order->answer->error) {
        end_child(pidfd, pid);
        return -order->answer->error;
    }
    order->answer->step = PICOT_PROCESS_AT_NONE;
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return 0;
}

/*
 * A change of user marks the memory that it happens in as not to be looked at by anyone: were that ours, we would write
 * no core file and lose our own /proc, and a process of less rights would have had our memory. So it gets a copy.
 */
static int spawn_apart(struct picot__order *order, int *ret_pid, int *ret_pidfd, int *ret_step)
{
    void *page = mmap(NULL, sizeof *order->answer, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *ret_step = PICOT_PROCESS_AT_PREPARE;
    if (page == MAP_FAILED) return -errno;
    order->answer = page;
    int rc = spawn(order, ret_pid, ret_pidfd);
    *ret_step = order->answer->step;
    (void)munmap(page, sizeof *order->answer);
    return rc;
}

int picot__sys_spawn(struct picot__order *order, int *ret_pid, int *ret_pidfd, int *ret_step)
{
    struct picot__answer answer;
    if (order->apart) return spawn_apart(order, ret_pid, ret_pidfd, ret_step);
    order->answer = &answer;
    int rc = spawn(order, ret_pid, ret_pidfd);
    *ret_step = answer.step;
    return rc;
}

/* ---- afterwards -------------------------------------------------------------------------------- */

static int send_by_pidfd(int pidfd, int signal_number, unsigned flags)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, flags) < 0 ? -errno : 0;
}

/* What waitid(2) says of a child; a filter that does not know P_PIDFD is gone around: it is ours by number, too. */
static int wait_for(int pidfd, int pid, int options, siginfo_t *ret_info)
{
    bool by_pidfd = pidfd >= 0;
    for (;;) {
        memset(ret_info, 0, sizeof *ret_info);
        int rc = waitid(by_pidfd ? (idtype_t)P_PIDFD : P_PID, (id_t)(by_pidfd ? pidfd : pid), ret_info, options);
        if (rc == 0) return 0;
        if (by_pidfd && (errno == EINVAL || errno == EPERM))
            by_pidfd = false;
        else if (errno != EINTR)
            return -errno;
    }
}

/* A number cannot have become another's while the child is ours to reap. */
static int send_by_number(int pidfd, int pid, int signal_number, int group)
{
    siginfo_t info;
    if (wait_for(pidfd, pid, WEXITED | WNOHANG | WNOWAIT, &info) < 0) return -ESRCH;
    return kill(group ? -pid : pid, signal_number) < 0 ? -errno : 0;
}

static int send_either(int pidfd, int pid, int signal_number, int group)
{
    int rc = send_by_pidfd(pidfd, signal_number, group ? PIDFD_SIGNAL_PROCESS_GROUP : 0);
    bool lacking = rc == -ENOSYS || rc == -EPERM || (group && rc == -EINVAL); /* groups: Linux 6.9; or a filter */
    return lacking ? send_by_number(pidfd, pid, signal_number, group) : rc;
}

/* Has it gone to another group? Should the number be a stranger's by now, then its pidfd says that it is no more. */
static int send_to_group(int pidfd, int pid, int signal_number)
{
    int rc = send_either(pidfd, pid, signal_number, 1);
    if (getpgid(pid) == pid) return rc;
    int own = send_either(pidfd, pid, signal_number, 0);
    return rc == 0 ? 0 : own;
}

int picot__sys_process_signal(int pidfd, int pid, int signal_number, int group)
{
    return group ? send_to_group(pidfd, pid, signal_number) : send_either(pidfd, pid, signal_number, 0);
}

int picot__sys_process_reap(int pidfd, int pid, int block, int *ret_code)
{
    siginfo_t info;
    int rc = wait_for(pidfd, pid, WEXITED | (block ? 0 : WNOHANG), &info);
    if (rc < 0) return rc;
    if (info.si_pid == 0) return 0;
    *ret_code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    return 1;
}
