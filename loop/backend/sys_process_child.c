/* SPDX-License-Identifier: MIT
 *
 * sys_process_child.c - what a new child does between clone and execve.
 *
 * It runs in the parent's memory, or in a copy where it changes its user, on a stack of its own, while the thread that
 * made it is suspended and all others go on; every signal is blocked. So: raw system calls only, no lock, no
 * allocation, no function of the C library that keeps state (its setuid would change all threads of the parent, for
 * one), and nothing is written but the order and this stack. Sanitizers would count its calls as the parent's: their
 * instrumentation is off here.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../process.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#ifdef __clang__
#if __has_attribute(disable_sanitizer_instrumentation)
#define ALONE __attribute__((noinline, disable_sanitizer_instrumentation))
#else
#define ALONE __attribute__((noinline, no_sanitize("address", "thread", "undefined")))
#endif
#else
#define ALONE __attribute__((noinline, no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined")))
#endif

/* What syscall(2) returns is in errno, which is the suspended thread's: nobody sees that it changes. */
ALONE static _Noreturn void fail(struct picot__order *order, int error)
{
    order->answer->error = error ? error : EINVAL;
    for (;;)
        (void)syscall(SYS_exit_group, 127);
}

ALONE static void must(struct picot__order *order, long result)
{
    if (result < 0) fail(order, errno);
}

/* ---- descriptors ------------------------------------------------------------------------------- */

/* The entries of /proc/self/fd, as getdents64 gives them. */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

ALONE static int number_of(const char *name)
{
    int number = 0;
    if (!*name) return -1;
    for (; *name; name++) {
        if (*name < '0' || *name > '9') return -1;
        number = number * 10 + (*name - '0');
    }
    return number;
}

/* One pass over /proc/self/fd: how many between first and last were closed; -1: there is no such folder. */
ALONE static int close_listed(int first, int last)
{
    char room[1024] __attribute__((aligned(8)));
    int closed = 0;
    long got;
    int dir = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (dir < 0) return -1;
    while ((got = syscall(SYS_getdents64, dir, room, sizeof room)) > 0) {
        for (long at = 0; at < got;) {
            const struct entry *entry = (const struct entry *)(const void *)(room + at);
            int fd = number_of(entry->name);
            at += entry->size;
            if (fd >= first && fd <= last && fd != dir && syscall(SYS_close, fd) == 0) closed++;
        }
    }
    (void)syscall(SYS_close, dir);
    return closed;
}

/* Before Linux 5.9, or where it is forbidden. Closing moves what a pass has not seen yet: until one finds nothing. */
ALONE static void close_slowly(int first, int last)
{
    int closed;
    do
        closed = close_listed(first, last);
    while (closed > 0);
    if (closed == 0) return;
    struct {
        uint64_t soft, hard;
    } limit = {1024, 1024};
    (void)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    uint64_t end = limit.hard > 1 << 20 ? 1 << 20 : limit.hard;
    for (uint64_t fd = (uint64_t)first; fd <= (uint64_t)last && fd < end; fd++)
        (void)syscall(SYS_close, (int)fd);
}

ALONE static void close_between(int first, int last)
{
    if (first > last) return;
    if (syscall(SYS_close_range, first, last, 0) < 0) close_slowly(first, last);
}

/*
 * Everything goes up out of the way first, then each to its number: so that no number is overwritten before it was
 * used, whatever they are.
 */
ALONE static void move_descriptors(struct picot__order *order)
{
    int next = 0;
    for (size_t i = 0; i < order->move_count; i++) {
        if (order->moves[i].from >= order->base) continue;
        long high = syscall(SYS_fcntl, order->moves[i].from, F_DUPFD_CLOEXEC, order->base);
        if (high < 0 && errno == EINVAL) fail(order, EMFILE); /* such numbers are beyond RLIMIT_NOFILE */
        must(order, high);
        order->moves[i].from = (int)high;
    }
    for (size_t i = 0; i < order->move_count; i++)
        must(order, syscall(SYS_dup3, order->moves[i].from, order->moves[i].to, 0));
    for (size_t i = 0; i < order->move_count; i++) {
        close_between(next, order->moves[i].to - 1);
        next = order->moves[i].to + 1;
    }
    close_between(next, INT32_MAX);
}

/* ---- whose it is ------------------------------------------------------------------------------- */

#ifdef SYS_setgroups32
#define SETGROUPS SYS_setgroups32
#define SETRESGID SYS_setresgid32
#define SETRESUID SYS_setresuid32
#else
#define SETGROUPS SYS_setgroups
#define SETRESGID SYS_setresgid
#define SETRESUID SYS_setresuid
#endif

/* The groups first: without privileges nobody could drop them. */
ALONE static void change_user(struct picot__order *order)
{
    if (order->set_groups) must(order, syscall(SETGROUPS, order->group_count, order->groups));
    if (order->gid >= 0) must(order, syscall(SETRESGID, (gid_t)order->gid, (gid_t)order->gid, (gid_t)order->gid));
    if (order->uid >= 0) must(order, syscall(SETRESUID, (uid_t)order->uid, (uid_t)order->uid, (uid_t)order->uid));
}

ALONE static void set_limits(struct picot__order *order)
{
    for (size_t i = 0; i < order->limit_count; i++) {
        struct {
            uint64_t soft, hard;
        } limit = {order->limits[i].soft, order->limits[i].hard};
        must(order, syscall(SYS_prlimit64, 0, order->limits[i].resource, &limit, NULL));
    }
}

/* After the change of the user, which clears it. */
ALONE static void die_with_parent(struct picot__order *order)
{
    if (!order->death_signal) return;
    must(order, syscall(SYS_prctl, PR_SET_PDEATHSIG, order->death_signal, 0, 0, 0));
    if (syscall(SYS_getppid) != order->parent) fail(order, ESRCH); /* it was faster */
}

/* ---- signals ----------------------------------------------------------------------------------- */

/* The kernel's struct sigaction, which is not the C library's. All zero: SIG_DFL. */
struct action {
#ifdef __mips__
    unsigned flags;
    void (*handler)(int);
#else
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
#endif
    unsigned long mask[16];
};

/* No handler of the parent's may run here once the mask is opened; the table is a copy, the parent keeps its own. */
ALONE static void reset_signals(struct picot__order *order)
{
    struct action before;
    static const struct action none;
    for (int number = 1; number <= PICOT__KERNEL_SIGNALS; number++) {
        if (number == SIGKILL || number == SIGSTOP) continue;
        if (order->keep_signals) {
            if (syscall(SYS_rt_sigaction, number, NULL, &before, PICOT__KERNEL_SIGNALS / 8) < 0) continue;
            if (before.handler == SIG_IGN || before.handler == SIG_DFL) continue;
        }
        (void)syscall(SYS_rt_sigaction, number, &none, NULL, PICOT__KERNEL_SIGNALS / 8);
    }
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, order->mask, NULL, PICOT__KERNEL_SIGNALS / 8);
}

/* ---- the program ------------------------------------------------------------------------------- */

/* As execvp(3): what is not there is passed over; what may not be executed is told when there is nothing better. */
ALONE static _Noreturn void execute(struct picot__order *order)
{
    int error = 0;
    const char *path = order->candidates;
    while (*path) {
        (void)syscall(SYS_execve, path, order->argv, order->envp);
        int now = errno;
        bool missing = now == ENOENT || now == ENOTDIR || now == ESTALE || now == ENODEV || now == ETIMEDOUT;
        if (!missing && now != EACCES) fail(order, now);
        if (!error || now == EACCES || (error != EACCES && now == ENOENT)) error = now;
        while (*path)
            path++;
        path++;
    }
    fail(order, error ? error : ENOENT);
}

ALONE int picot__child_main(void *arg)
{
    struct picot__order *order = arg;
    order->answer->step = PICOT_PROCESS_AT_GROUP;
    if (order->group == PICOT_PROCESS_GROUP_SESSION) must(order, syscall(SYS_setsid));
    if (order->group == PICOT_PROCESS_GROUP_NEW) must(order, syscall(SYS_setpgid, 0, 0));
    order->answer->step = PICOT_PROCESS_AT_FDS;
    move_descriptors(order);
    order->answer->step = PICOT_PROCESS_AT_DIRECTORY;
    if (order->directory) must(order, syscall(SYS_chdir, order->directory));
    if (order->umask >= 0) (void)syscall(SYS_umask, order->umask);
    order->answer->step = PICOT_PROCESS_AT_PRIORITY;
    if (order->set_priority) must(order, syscall(SYS_setpriority, PRIO_PROCESS, 0, order->priority));
    order->answer->step = PICOT_PROCESS_AT_LIMITS;
    set_limits(order);
    order->answer->step = PICOT_PROCESS_AT_USER;
    change_user(order);
    order->answer->step = PICOT_PROCESS_AT_SIGNALS;
    die_with_parent(order);
    reset_signals(order);
    order->answer->step = PICOT_PROCESS_AT_EXEC;
    execute(order);
}
