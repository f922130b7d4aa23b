/* SPDX-License-Identifier: MIT
 *
 * process.h - other programs: start, talk to, wait for and end them.
 *
 *     picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
 *     const char *argv[] = {"sort", "-n", NULL};
 *     options.argv = argv;
 *     options.in.kind = options.out.kind = PICOT_STDIO_PIPE;
 *     int rc = picot_process_spawn(loop, &options, &process, NULL);
 *
 * A child is started with vfork's speed and without its traps: it shares the parent's memory until it executes, touches
 * nothing of it, and what goes wrong in it is the result of the spawn: the errno, and the step. It gets the descriptors
 * that were asked for and no others. It is waited for through a pidfd, one of its own: there is no handler of SIGCHLD,
 * nothing is lost when hundreds end at once, and a signal never reaches a stranger that has got the number since.
 *
 * The awaitable forms, and whole runs of commands, are in subprocess.h. Pools of workers: process_pool.h.
 *
 * A running child counts as work of the loop (picot_loop_pending, PICOT_RUN_IDLE), until it was reaped. On the backend
 * "sim" time goes at its real pace while one runs, for it is outside.
 *
 * Rules of thread, reentrancy, fork and NULL: see loop.h. Linux 5.4; what older kernels or a container refuse is
 * -ENOSYS or -EPERM of the spawn.
 */
#ifndef PICOT_PROCESS_H
#define PICOT_PROCESS_H

#include <picot/loop.h>
#include <picot/op.h>
#include <sys/types.h>

PICOT_BEGIN_DECLS

/** A child and the descriptors that lead to it. Opaque; the caller's until picot_process_close. */
typedef struct picot_process picot_process;

/* ---- what to start --------------------------------------------------------------------------- */

enum picot_stdio_kind {
    PICOT_STDIO_INHERIT = 0, /**< the parent's; /dev/null where the parent has closed it */
    PICOT_STDIO_NULL = 1,    /**< /dev/null */
    PICOT_STDIO_PIPE = 2,    /**< a new pipe; the parent's end is a handle of the loop: picot_process_stdio */
    PICOT_STDIO_FD = 3,      /**< a descriptor of the parent's, which stays the parent's */
    PICOT_STDIO_STDOUT = 4   /**< of stderr: the same as stdout */
};

/** One of the three standard streams of the child. */
typedef struct picot_stdio {
    enum picot_stdio_kind kind;
    int fd; /**< with PICOT_STDIO_FD */
} picot_stdio;

/** A descriptor for the child. Several may come from one; one may have any number, also 0 to 2: it then wins over
 * in, out and err, which must be PICOT_STDIO_INHERIT. */
typedef struct picot_process_fd {
    int fd;     /**< the parent's, which stays the parent's */
    int number; /**< what the child calls it: 0 to 65535, each once; the limit of open files (RLIMIT_NOFILE) must leave
                   room above the highest one for as many as are passed, else -EMFILE */
} picot_process_fd;

/** A resource limit of a child, or of a pool's workers: setrlimit(2). */
typedef struct picot_process_limit {
    int resource;        /**< RLIMIT_NOFILE, RLIMIT_AS, ... */
    uint64_t soft, hard; /**< in its unit; RLIM_INFINITY: none */
} picot_process_limit;

enum picot_process_group {
    PICOT_PROCESS_GROUP_INHERIT = 0,
    PICOT_PROCESS_GROUP_NEW = 1,    /**< a process group of its own; ended as a whole, see picot_process_terminate */
    PICOT_PROCESS_GROUP_SESSION = 2 /**< a session, and with it a group, of its own: no controlling terminal */
};

/** A way of ending: ask the child to end, by other means than a signal. What it returns is ignored. Runs in the loop's
 * thread; must not close the process. */
typedef int picot_process_stop_fn(picot_process *process, void *user);

/** What to start and how. Set with PICOT_PROCESS_OPTIONS_INIT. All it points to is read during the spawn only, `user`
 * aside. Grows only at its end. */
typedef struct picot_process_options {
    size_t size; /**< sizeof of this struct, for compatibility of later versions */

    const char *const *argv; /**< the program's name and its arguments, then NULL; a name without a slash is looked for
                                in the PATH that the child will have, else in /usr/local/bin:/usr/bin:/bin */
    const char *shell;       /**< instead: a command for /bin/sh -c. Never put foreign text into one */
    const char *file;        /**< what to execute, when it is not argv[0]; or NULL */

    const char *const *environment; /**< NAME=value, then NULL; NULL: the parent's */
    const char *const *extra;       /**< added to it, or replacing; a NAME alone takes it away; then NULL; or NULL */
    const char *directory;          /**< working directory; NULL: the parent's */

    picot_stdio in, out, err;
    const picot_process_fd *fds; /**< further descriptors */
    size_t fd_count;             /**< up to 256 */

    enum picot_process_group group;
    int umask;       /**< 0 to 0777; -1: the parent's */
    int nice;        /**< added to the parent's priority: see nice(2) */
    int64_t uid;     /**< -1: the parent's; else real, effective and saved ones. The child then starts in a copy of the
                        parent's memory, as after fork(2): slower where that is large; so does gid */
    int64_t gid;     /**< -1: the parent's */
    int keep_groups; /**< 0: with uid or gid set, the supplementary groups become `groups`, or none; 1: they stay */
    const gid_t *groups;
    size_t group_count;                /**< up to 65536 */
    const picot_process_limit *limits; /**< set before the user is changed, so that they can be raised */
    size_t limit_count;                /**< up to 64 */

    int death_signal; /**< sent to the child by the kernel when the thread that spawns it ends (PR_SET_PDEATHSIG); 0:
                         none. A program that gains privileges by being executed loses it */
    int keep_signals; /**< 0: nothing is blocked or ignored in the child; 1: it keeps the spawning thread's mask, and
                         ignores what the parent ignores */
    int leave; /**< 1: neither picot_process_close nor the end of the loop touches a running child; nobody reaps it then
                */

    int stop_signal;             /**< how picot_process_terminate asks; 0: SIGTERM */
    int64_t grace_ns;            /**< how long it then waits before SIGKILL; PICOT_NEVER: for ever */
    picot_process_stop_fn *stop; /**< asks instead of stop_signal; or NULL */
    void *user;                  /**< of stop, and of picot_process_user */
} picot_process_options;

#define PICOT_PROCESS_OPTIONS_INIT                                                                                     \
    {                                                                                                                  \
        sizeof(picot_process_options), 0, 0, 0, 0, 0, 0, {PICOT_STDIO_INHERIT, 0}, {PICOT_STDIO_INHERIT, 0},           \
            {PICOT_STDIO_INHERIT, 0}, 0, 0, PICOT_PROCESS_GROUP_INHERIT, -1, 0, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0,     \
            5 * PICOT_SECOND, 0, 0                                                                                     \
    }

/** Where a spawn has failed. */
enum picot_process_step {
    PICOT_PROCESS_AT_NONE = 0,
    PICOT_PROCESS_AT_PREPARE = 1,   /**< in the parent: memory, pipes, /dev/null */
    PICOT_PROCESS_AT_CLONE = 2,     /**< no process or no pidfd */
    PICOT_PROCESS_AT_GROUP = 3,     /**< setsid, setpgid */
    PICOT_PROCESS_AT_FDS = 4,       /**< a descriptor that is not open, or too many */
    PICOT_PROCESS_AT_DIRECTORY = 5, /**< chdir */
    PICOT_PROCESS_AT_PRIORITY = 6,  /**< nice */
    PICOT_PROCESS_AT_LIMITS = 7,    /**< setrlimit */
    PICOT_PROCESS_AT_USER = 8,      /**< setgroups, setgid or setuid */
    PICOT_PROCESS_AT_SIGNALS = 9,   /**< death_signal */
    PICOT_PROCESS_AT_EXEC = 10,     /**< execve: no such program, not executable, ... */
    PICOT_PROCESS_AT_WATCH = 11     /**< the loop cannot watch the child, which was killed */
};

/** The name of a step: "exec", "directory". A static string; "?" for unknown ones. Thread: any. @since 0.1 */
PICOT_API const char *picot_process_step_name(enum picot_process_step step);

/**
 * Start a program. When this returns 0 it is being executed. Takes as long as the child needs to get there, however
 * large this program is (but see options.uid); more when directories are remote. This thread waits meanwhile, others
 * go on.
 * @param ret_process  receives the child; untouched on failure, and nothing is left behind: no zombie, no descriptor
 * @param ret_step     receives where it failed; PICOT_PROCESS_AT_NONE on success; or NULL
 * @return  0; -EINVAL: neither or both of argv and shell, an empty name, a number twice or out of range, an impossible
 *          option; -ENOENT: no such program, interpreter or directory; -EACCES, -ENOEXEC, -E2BIG, -ENOTDIR, -EPERM,
 * ...: the errno of ret_step; -EBADF: a descriptor is not open; -EAGAIN: too many processes, clone(2); -ENOMEM,
 *          -EMFILE, -ENFILE; -ENOSYS: no pidfd on this system
 * Thread: the loop's; death_signal is tied to it. clone(2), pidfd_open(2), close_range(2) from Linux 5.9. @since 0.1
 */
PICOT_API int picot_process_spawn(picot_loop *loop, const picot_process_options *options, picot_process **ret_process,
                                  enum picot_process_step *ret_step);

/* ---- the child ------------------------------------------------------------------------------- */

/** Its number; it is its own until the child is reaped. For messages: do not send signals to it. -EINVAL for NULL.
 * @since 0.1 */
PICOT_API int picot_process_pid(const picot_process *process);
/** Its pidfd, the loop's, for waitid(2) WNOWAIT, pidfd_getfd(2), setns(2); -ESRCH: it was reaped; -EINVAL: NULL.
 * @since 0.1 */
PICOT_API int picot_process_pidfd(const picot_process *process);
/** The options' user pointer. NULL for NULL. @since 0.1 */
PICOT_API void *picot_process_user(const picot_process *process);
/** The loop that it belongs to. NULL for NULL. @since 0.1 */
PICOT_API picot_loop *picot_process_loop(const picot_process *process);

/**
 * The parent's end of a pipe to the child: written to for number 0, read from for 1 and 2. Use picot_read and
 * picot_write, or their operations; it may be closed any time, and is closed by picot_process_close. What the child
 * has left in a pipe stays readable after its end.
 * @param number  0, 1 or 2
 * @return  a handle, possibly stale; -EBADF: there was no pipe; -EINVAL
 * @since 0.1
 */
PICOT_API picot_fd picot_process_stdio(const picot_process *process, int number);

/**
 * How the child ended.
 * @param ret_code  receives 0 to 255: its exit status; the negative number of the signal that killed it; 255 when
 *                  nobody can know: it was reaped by someone else, as when SIGCHLD is ignored. Or NULL
 * @return  0: it has ended; 1: it has, but its code is unknown; PICOT_ENOTDONE: it runs, or its end was not seen yet;
 *          -EINVAL. @since 0.1
 */
PICOT_API int picot_process_code(const picot_process *process, int *ret_code);

typedef struct picot_process_watch picot_process_watch;
/**
 * @param rc  0: the child has ended, picot_process_code tells how; -ECANCELED: the process was closed, or the loop
 *            ends; PICOT_EBACKEND. Inside, the watch may be freed and the process closed.
 */
typedef void picot_process_watch_fn(picot_loop *loop, picot_process_watch *watch, int rc);
/** Someone who waits for an end; in the caller's memory. Zero it once before its first use. */
struct picot_process_watch {
    picot_process_watch_fn *fn;
    void *user;
    struct {
        picot_job job;
        picot_process *process; /* NULL: not waiting */
        picot_process_watch *next, *prev;
        int rc;
    } _;
};

/**
 * Have fn called once, when the child has ended, or soon when it has already; never from inside this call. Any number
 * may wait at a time; they are told in the order in which they came.
 * @return  0; -EALREADY: this watch waits; -EINVAL, -EPERM, PICOT_EFORKED. @since 0.1
 */
PICOT_API int picot_process_watch_add(picot_process *process, picot_process_watch *watch, picot_process_watch_fn *fn,
                                      void *user);
/** Wait no longer: fn will not be called. @return 0, also when it does not wait; -EINVAL, -EPERM. @since 0.1 */
PICOT_API int picot_process_watch_remove(picot_loop *loop, picot_process_watch *watch);

/* ---- ending it ------------------------------------------------------------------------------- */

/**
 * Send a signal to the child, by its pidfd.
 * @param signal_number  1 to 64; 0: only ask whether it is there
 * @return  0; -ESRCH: it has been reaped; -EINVAL; -EPERM: it changed its user, or the other thread. A child that has
 *          ended but whose end the loop has not seen yet takes any signal. pidfd_send_signal(2). @since 0.1
 */
PICOT_API int picot_process_signal(picot_process *process, int signal_number);

/**
 * The same, to all of its process group, which must have been one of its own; and to the child should it have left
 * that.
 * @return  as picot_process_signal; -EINVAL: it has no group of its own. Linux 6.9; before, kill(2), which can only hit
 *          that group, because the child has not been reaped. @since 0.1
 */
PICOT_API int picot_process_signal_group(picot_process *process, int signal_number);

/**
 * End it in good manners: options.stop_signal, or options.stop; SIGKILL when it still runs after options.grace_ns. With
 * a group of its own the signals go to the group, and what is left of that when the child ends is killed, too. Calling
 * again while it is under way does nothing. Returns at once: wait for the end.
 * @return  0; -ESRCH: it has ended; -EINVAL, -EPERM, PICOT_EFORKED. @since 0.1
 */
PICOT_API int picot_process_terminate(picot_process *process);

/**
 * Done with it: its pipes are closed; a running child, with its own group if it has one, is killed by SIGKILL and
 * reaped by the loop in the background, unless options.leave is set; one that has ended is not signalled. Who waits is
 * told -ECANCELED. The pointer is no longer valid. One that we may not signal, because it has changed its user, stays
 * until it ends: it is work of the loop, and let go when that is destroyed.
 * @return  0, also for NULL; -EPERM, PICOT_EFORKED. @since 0.1
 */
PICOT_API int picot_process_close(picot_process *process);

/* ---- talking to it --------------------------------------------------------------------------- */

/** Bytes of the child's; give them back with picot_process_output_free. Zero it before its first use. */
typedef struct picot_process_output {
    char *data;  /**< followed by a NUL; NULL when nothing came */
    size_t len;  /**< bytes */
    size_t room; /**< private */
} picot_process_output;

/** Free what was captured and zero it. @return 0; -EINVAL, -EPERM. @since 0.1 */
PICOT_API int picot_process_output_free(picot_loop *loop, picot_process_output *output);

typedef struct picot_process_talk picot_process_talk;
/** @param rc  see picot_process_talk_begin. Inside, the talk may be freed and the process closed. */
typedef void picot_process_talk_fn(picot_loop *loop, picot_process_talk *talk, int rc);

/** One exchange with a child. Zero it, then set the first members; it may be begun again when it was cut. */
struct picot_process_talk {
    const void *input;         /**< what the child shall read; NULL: nothing */
    size_t input_len;          /**< its length in bytes */
    size_t limit;              /**< of each output, in bytes; 0: 16 MiB; SIZE_MAX: none */
    picot_process_output *out; /**< what comes is put at its end; NULL: read and dropped */
    picot_process_output *err; /**< the same of stderr */
    picot_process_talk_fn *fn; /**< set by picot_process_talk_begin */
    void *user;                /**< set by picot_process_talk_begin */
    struct {
        picot_loop *loop; /* NULL: not under way */
        picot_fd fds[3];
        picot_op ops[3]; /* by the number of the stream */
        picot_process_watch watch;
        picot_job job;
        size_t written;  /* of the input */
        void *spill;     /* where goes what nobody wants, */
        char probe[2];   /* and what is too much */
        int rc, waiting; /* waiting: for the child */
        unsigned out;    /* operations and waits that are still to end */
    } _;
};

/**
 * Write the input and close the child's stdin, read stdout and stderr to their ends, all at the same time, and wait for
 * the child; streams that are no pipes are left alone. A child that does not read its input is no error. An output ends
 * when all who have it have closed it: a grandchild in the background can hold it open.
 * @return  0: fn follows, once, from a later point of the loop, with 0: all is read and the child has ended;
 *          PICOT_ETOOLARGE: an output passed its limit, and was kept up to that; -ECANCELED; -ENOMEM; another code of a
 *          read or write. On each of these the child runs on. Or a refusal: -EALREADY: it is under way; -EINVAL,
 * -EPERM, -ENOMEM, PICOT_EFORKED; -EBUSY comes to fn when somebody else reads or writes one of the pipes. Ownership:
 * the talk, the input and the outputs are the loop's until fn. @since 0.1
 */
PICOT_API int picot_process_talk_begin(picot_process *process, picot_process_talk *talk, picot_process_talk_fn *fn,
                                       void *user);
/** Cut it: fn follows, with -ECANCELED, or with what had happened by then. What was read is in the outputs, and what
 * was not written is remembered: it may be begun again. @return 0, also when it is not under way; -EINVAL, -EPERM.
 * @since 0.1 */
PICOT_API int picot_process_talk_cancel(picot_loop *loop, picot_process_talk *talk);

PICOT_END_DECLS

#endif /* PICOT_PROCESS_H */
