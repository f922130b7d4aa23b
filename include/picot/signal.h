/* SPDX-License-Identifier: MIT
 *
 * signal.h - signals of the process as callbacks of the loop, with who sent them.
 *
 *     picot_signal hup = PICOT_SIGNAL_INIT;
 *     picot_signal_add(loop, &hup, SIGHUP, 0, on_hangup, server);
 *     ...
 *     static void on_hangup(picot_loop *loop, picot_signal *watcher, const picot_signal_info *info) { reload(...); }
 *
 * The callback runs in the loop's thread like any other, never in signal context; so it may do everything. Many
 * watchers, in many loops and threads, may watch the same signal: each is called. With the first watcher of a signal
 * the process gets a handler for it, with the last one's removal the disposition of before comes back: the default, an
 * ignored signal, or a handler of the program's own (unless somebody has replaced the library's meanwhile: then that
 * stays). Without a watcher the library installs nothing.
 *
 * What is counted. Of the signals 1 to 31 the system itself merges those that are pending. What reaches the process is
 * told one by one, up to 64 of a signal in one turn; what is more than fits between two turns is counted
 * (info->coalesced), and told with a neighbour's info. So a storm of one signal neither starves another one nor the
 * rest of the loop, and after a signal a callback always follows.
 *
 * Threads. A signal that is blocked in every thread is never seen: block it in no thread, or leave one where it is not.
 * The library changes no signal mask. A system call of the program's own that is interrupted is restarted (SA_RESTART)
 * where the system can. The handler runs on the alternate stack where there is one.
 *
 * After fork. The child begins without watchers, with the dispositions of before them: a signal for the child never
 * runs the parent's callbacks. In a child of vfork(2) or clone(2), of which the C library tells nobody, a signal takes
 * the effect it had before. Rules of thread, reentrancy and NULL: see loop.h. Awaitable signals: signal_wait.h.
 */
#ifndef PICOT_SIGNAL_H
#define PICOT_SIGNAL_H

#include <picot/loop.h>

PICOT_BEGIN_DECLS

/** What is known of a signal that came: of its siginfo_t, see sigaction(2). */
typedef struct picot_signal_info {
    int number; /**< SIGTERM */
    int code;   /**< SI_USER, SI_QUEUE, SI_TKILL, SI_TIMER, CLD_EXITED, SI_KERNEL, ...: which members below are valid */
    int32_t pid;    /**< of the sender (of SIGCHLD: of the child); 0: the kernel, or another pid namespace */
    uint32_t uid;   /**< the same, real user id */
    int32_t status; /**< SIGCHLD: exit status or signal; else 0 */
    union {
        int number;
        void *pointer;
    } value;            /**< of sigqueue(3), timers and message queues; else zero */
    uint64_t coalesced; /**< so many more came before this one, and there was no room to tell them one by one */
} picot_signal_info;

typedef struct picot_signal picot_signal;

/** @param info  valid during the call. Inside, watchers may be added, removed and freed, this one too. */
typedef void picot_signal_fn(picot_loop *loop, picot_signal *watcher, const picot_signal_info *info);

/** A watcher in the caller's memory. Zero it, or use PICOT_SIGNAL_INIT, once before its first use. */
struct picot_signal {
    picot_signal_fn *fn;
    void *user;
    struct {
        picot_signal *next, *prev; /* in its loop's list for this signal; next is NULL when not active */
        uint64_t since;            /* it is told what comes after that many */
        int number;
        unsigned flags;
    } _;
};

#define PICOT_SIGNAL_INIT                                                                                              \
    {                                                                                                                  \
        0, 0,                                                                                                          \
        {                                                                                                              \
            0, 0, 0, 0, 0                                                                                              \
        }                                                                                                              \
    }

enum picot_signal_flag {
    PICOT_SIGNAL_ONCE = 1,       /**< the watcher is removed before its first call */
    PICOT_SIGNAL_BACKGROUND = 2, /**< it keeps neither PICOT_RUN_IDLE from ending nor PICOT_DESTROY_IDLE from success,
                                      and "sim" does not wait for it */
    PICOT_SIGNAL_IF_DEFAULT = 4, /**< refuse with -EEXIST where the signal is ignored (nohup(1), background jobs) or has
                                      a handler of the program's own; watchers do not count */
    PICOT_SIGNAL_INSIST = 8 /**< the first one is told, as ever; a second one takes the signal's default effect at once,
                                 from inside the handler, however busy the loop is: for Ctrl-C */
};

/**
 * Begin to watch a signal.
 * @param number  1 to SIGRTMAX. Not SIGKILL and SIGSTOP, which cannot be caught; not SIGSEGV, SIGBUS, SIGFPE, SIGILL,
 *                SIGTRAP and SIGSYS, after which the program cannot go on to the loop
 * @param flags   an or of enum picot_signal_flag
 * @param fn      called once for each signal that comes after this call
 * @return  0; -EINVAL: NULL, a flag or number that is none of these; -EALREADY: this watcher is active; -EEXIST: see
 *          PICOT_SIGNAL_IF_DEFAULT; -ENOMEM; -EPERM, PICOT_EFORKED. On failure nothing has changed.
 * Ownership: the watcher is the loop's until it is removed, or its one call begins.
 * Cost: the first one of a signal in a loop takes 5 KiB, which the loop keeps. @since 0.1
 */
PICOT_API int picot_signal_add(picot_loop *loop, picot_signal *watcher, int number, unsigned flags, picot_signal_fn *fn,
                               void *user);

/**
 * Stop watching: the callback will not run again, also not for signals that have come already. The last watcher of a
 * signal in the process: the disposition of before is restored; inside a callback for this signal, when that returns,
 * so that another watcher may take its place without a gap.
 * @return  0, also when not active; -EINVAL, -EPERM, PICOT_EFORKED. @since 0.1
 */
PICOT_API int picot_signal_remove(picot_loop *loop, picot_signal *watcher);

/** Can it be watched? 1 or 0. See the numbers of picot_signal_add. Thread: any. @since 0.1 */
PICOT_API int picot_signal_can_watch(int number);

/** Is the watcher between add and its end? 0 for NULL. @since 0.1 */
PICOT_API int picot_signal_active(const picot_signal *watcher);

/**
 * Let the process die of a signal, as if nobody had caught it: the shell then sees that (status 128 + number). For the
 * end of a main() that has cleaned up after a Ctrl-C.
 * @param number  a signal whose default is to end the process, SIGINT say; it is unblocked in this thread
 * @return  -EINVAL: no such signal; else only if the signal's default is something else: 0
 * Thread: any. @since 0.1
 */
PICOT_API int picot_signal_die(int number);

/** The name of a signal: "SIGTERM", "SIGRTMIN+3"; "SIG?" for what is none. @param buf  at least 16 bytes. @return buf.
 * Thread: any. @since 0.1 */
PICOT_API const char *picot_signal_name(int number, char *buf, size_t size);

PICOT_END_DECLS

#endif /* PICOT_SIGNAL_H */
