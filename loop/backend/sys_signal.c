/* SPDX-License-Identifier: MIT
 *
 * sys_signal.c - which signals the process handles for its loops: the library's one place with variables that change.
 *
 * A disposition belongs to the process, and a handler is told nothing but a number: so there is a table for the
 * process, of lines (a signal of a loop), and this file is the exception to "no mutable globals". It is all zero until
 * a program asks for a watcher, and again after the last one.
 *
 * The handler takes no lock. It walks a list of lines between enter and leave; who takes a line out moves those who
 * come later to the other counter, and waits until the former one is 0: from then on nobody can see the line. Who
 * changes the table holds a mutex, which the handler never asks for.
 *
 * In a forked child the table is the parent's. The C library's fork tells us, and the dispositions of before come back
 * at once; of a child made otherwise the handler learns by its process id, and gives the signal its former effect.
 */
#include <picot/signal.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"

#define FIRST_REAL_TIME 32 /* the kernel's; the C library takes some for itself, up to SIGRTMIN */

static struct {
    pthread_mutex_t lock;
    bool at_fork; /* fork tells us */
    atomic_int pid;
    atomic_uint epoch, inside[2]; /* handlers at work, of even epochs and of odd ones */
    struct entry {
        _Atomic(struct picot__signal_line *) first;
        struct sigaction former;
        bool installed;
    } signals[PICOT__SIGNALS];
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- in signal context ------------------------------------------------------------------------- */

static unsigned enter(void)
{
    for (;;) {
        unsigned epoch = atomic_load(&table.epoch);
        atomic_fetch_add(&table.inside[epoch & 1], 1);
        if (atomic_load(&table.epoch) == epoch) return epoch & 1;
        atomic_fetch_sub(&table.inside[epoch & 1], 1);
    }
}

static void leave(unsigned side)
{
    atomic_fetch_sub(&table.inside[side], 1);
}

/* Not raise: in a child of vfork it would take the parent's thread id. */
static void take_effect(int number, const struct sigaction *action)
{
    (void)sigaction(number, action, NULL);
    (void)kill(getpid(), number); /* it is blocked while its handler runs: it comes when that returns */
}

void picot__sys_signal_default(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    take_effect(number, &action);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    int error = errno;
    struct entry *entry = &table.signals[number];
    (void)context;
    if (getpid() != atomic_load(&table.pid)) {
        take_effect(number, &entry->former);
    } else {
        unsigned side = enter();
        for (struct picot__signal_line *line = atomic_load(&entry->first); line; line = atomic_load(&line->next))
            line->arrived(line, info);
        leave(side);
    }
    errno = error;
}

/* ---- dispositions ------------------------------------------------------------------------------ */

static bool is_ours(const struct sigaction *action)
{
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == on_signal;
}

static int install(struct entry *entry, int number, const struct sigaction *former)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    (void)sigfillset(&action.sa_mask);
    entry->former = *former;
    if (sigaction(number, &action, NULL) < 0) return -errno;
    entry->installed = true;
    return 0;
}

/* A handler that others have put in the place of ours stays. */
static void restore(int number)
{
    struct sigaction present;
    struct entry *entry = &table.signals[number];
    if (sigaction(number, NULL, &present) == 0 && is_ours(&present)) (void)sigaction(number, &entry->former, NULL);
    entry->installed = false;
}

/* ---- fork -------------------------------------------------------------------------------------- */

static void lock_table(void)
{
    (void)pthread_mutex_lock(&table.lock);
}

static void unlock_table(void)
{
    (void)pthread_mutex_unlock(&table.lock);
}

/* What is in the table is the parent's. */
static void begin_anew(void)
{
    for (int number = 1; number < PICOT__SIGNALS; number++) {
        if (table.signals[number].installed) restore(number);
        atomic_store(&table.signals[number].first, NULL);
    }
    atomic_store(&table.inside[0], 0);
    atomic_store(&table.inside[1], 0);
    atomic_store(&table.pid, getpid());
}

static void in_child(void)
{
    begin_anew();
    unlock_table();
}

/* The table is locked: is it this process's? */
static int adopt_table(void)
{
    if (!table.at_fork) {
        int rc = pthread_atfork(lock_table, unlock_table, in_child);
        if (rc != 0) return -rc;
        table.at_fork = true;
    }
    if (atomic_load(&table.pid) != getpid()) begin_anew();
    return 0;
}

/* ---- lines ------------------------------------------------------------------------------------- */

static bool is_default(const struct sigaction *action)
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == SIG_DFL;
}

static int watch(struct picot__signal_line *line, int number, bool if_default)
{
    struct entry *entry = &table.signals[number];
    struct sigaction present;
    int rc = adopt_table();
    if (rc < 0) return rc;
    if (sigaction(number, NULL, &present) < 0) return -errno;
    bool ours = is_ours(&present);
    if (if_default && !is_default(ours ? &entry->former : &present)) return -EEXIST;
    if (!line) return 0;
    struct picot__signal_line *first = atomic_load(&entry->first);
    atomic_store(&line->next, first);
    atomic_store(&entry->first, line);
    if (!ours) rc = install(entry, number, &present); /* the first line, or others have replaced ours */
    if (rc < 0) atomic_store(&entry->first, first);
    return rc;
}

int picot__sys_signal_watch(struct picot__signal_line *line, int number, bool if_default)
{
    lock_table();
    int rc = watch(line, number, if_default);
    unlock_table();
    return rc;
}

/* Until no handler is at work that may have seen what is no longer in the table. They are short. */
static void await_handlers(void)
{
    unsigned side = atomic_fetch_add(&table.epoch, 1) & 1;
    for (unsigned round = 0; atomic_load(&table.inside[side]) > 0; round++) {
        const struct timespec pause = {0, 50000};
        if (round < 100)
            (void)sched_yield();
        else
            (void)nanosleep(&pause, NULL);
    }
}

void picot__sys_signal_unwatch(struct picot__signal_line *line, int number)
{
    struct entry *entry = &table.signals[number];
    lock_table();
    if (atomic_load(&table.pid) == getpid()) {
        _Atomic(struct picot__signal_line *) *place = &entry->first;
        while (atomic_load(place) && atomic_load(place) != line)
            place = &atomic_load(place)->next;
        if (atomic_load(place)) { /* not after fork */
            atomic_store(place, atomic_load(&line->next));
            if (!atomic_load(&entry->first)) restore(number);
            await_handlers();
        }
    }
    unlock_table();
}

int picot_signal_can_watch(int number)
{
    if (number < 1 || number >= PICOT__SIGNALS || number > SIGRTMAX) return 0;
    switch (number) {
    case SIGKILL:
    case SIGSTOP:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS:
        return 0;
    default:
        return number < FIRST_REAL_TIME || number >= SIGRTMIN; /* those between are the C library's */
    }
}

/* ---- for the end of a program, and for people -------------------------------------------------- */

int picot_signal_die(int number)
{
    sigset_t set;
    struct sigaction action = {.sa_handler = SIG_DFL};
    (void)sigemptyset(&set);
    if (number < 1 || sigaddset(&set, number) < 0) return -EINVAL;
    (void)sigaction(number, &action, NULL); /* refused for SIGKILL, which needs no help */
    int rc = pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    if (rc == 0 && kill(getpid(), number) < 0) rc = errno;
    return -rc;
}

const char *picot_signal_name(int number, char *buf, size_t size)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {SIGHUP, "HUP"},   {SIGINT, "INT"},     {SIGQUIT, "QUIT"}, {SIGILL, "ILL"},   {SIGTRAP, "TRAP"},
        {SIGABRT, "ABRT"}, {SIGBUS, "BUS"},     {SIGFPE, "FPE"},   {SIGKILL, "KILL"}, {SIGUSR1, "USR1"},
        {SIGSEGV, "SEGV"}, {SIGUSR2, "USR2"},   {SIGPIPE, "PIPE"}, {SIGALRM, "ALRM"}, {SIGTERM, "TERM"},
        {SIGCHLD, "CHLD"}, {SIGCONT, "CONT"},   {SIGSTOP, "STOP"}, {SIGTSTP, "TSTP"}, {SIGTTIN, "TTIN"},
        {SIGTTOU, "TTOU"}, {SIGURG, "URG"},     {SIGXCPU, "XCPU"}, {SIGXFSZ, "XFSZ"}, {SIGVTALRM, "VTALRM"},
        {SIGPROF, "PROF"}, {SIGWINCH, "WINCH"}, {SIGIO, "IO"},     {SIGPWR, "PWR"},   {SIGSYS, "SYS"},
    };
    if (!buf || size == 0) return "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number != number) continue;
        (void)snprintf(buf, size, "SIG%s", names[i].name);
        return buf;
    }
    if (number >= SIGRTMIN && number <= SIGRTMAX)
        (void)snprintf(buf, size, "SIGRTMIN+%d", number - SIGRTMIN);
    else
        (void)snprintf(buf, size, "SIG?");
    return buf;
}
