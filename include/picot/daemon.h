/* SPDX-License-Identifier: MIT
 *
 * daemon.h - a program in the background: daemonize with readiness, a pid file that is locked, the protocols of
 * systemd.
 *
 *     picot_daemon daemon = PICOT_DAEMON_INIT;
 *     if (background) {
 *         int rc = picot_daemonize(NULL, &daemon);
 *         if (rc < 0) return fprintf(stderr, "%s\n", picot_strerror(rc)), 1;
 *         if (rc > 0) return fputs(daemon.text, stderr), daemon.status;      the process that the shell waits for
 *     }
 *     ... create loops, open sockets, read the configuration; what fails: picot_daemon_fail(&daemon, 1, "why\n") ...
 *     picot_daemon_ready(&daemon);                                          now the shell goes on
 *
 * Plain functions: none needs a loop. Thread: any, unless it says otherwise; none may be called from a signal handler.
 */
#ifndef PICOT_DAEMON_H
#define PICOT_DAEMON_H

#include <picot/base.h>

PICOT_BEGIN_DECLS

/* ---- into the background ------------------------------------------------------------------------- */

#define PICOT_DAEMON_TEXT_SIZE 512

/** What picot_daemonize may be told. Set with PICOT_DAEMON_OPTIONS_INIT, then change members. Grows only at its end. */
typedef struct picot_daemon_options {
    size_t size;           /**< sizeof of this struct, for compatibility of later versions */
    const char *directory; /**< the daemon's working directory; NULL: "/"; "": it stays where it is */
    const char *log;       /**< a file that standard output and error are appended to from readiness on, made with mode
                                0640; NULL: /dev/null */
    int umask;             /**< the daemon's umask(2); negative: it keeps its own */
    int64_t timeout_ns;    /**< how long the parent waits for readiness; 0: without limit */
} picot_daemon_options;

#define PICOT_DAEMON_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(picot_daemon_options), 0, 0, 022, 0                                                                     \
    }

/** Both ends of a start: in the parent what became of it, in the daemon the way to tell. Zero it, or use
 * PICOT_DAEMON_INIT: then, as in a program that stays in the foreground, telling does nothing. */
typedef struct picot_daemon {
    int status;                        /**< in the parent: what to exit with; 0: the daemon is ready */
    int64_t pid;                       /**< in the parent: the daemon's process id; 0: not known */
    char text[PICOT_DAEMON_TEXT_SIZE]; /**< in the parent: why not, as the daemon said, or how it died; "" */
    struct {
        int active, ready_fd, log_fd;
    } _;
} picot_daemon;

#define PICOT_DAEMON_INIT                                                                                              \
    {                                                                                                                  \
        0, 0, "",                                                                                                      \
        {                                                                                                              \
            0, 0, 0                                                                                                    \
        }                                                                                                              \
    }

/**
 * Go on in a process of a session of its own, without a controlling terminal, child of no process of ours (two forks
 * and setsid(2)); and wait, in the present process, until that says that it is ready, or has died.
 *
 * Returns twice. In the daemon standard input is /dev/null at once; standard output and error become the log (or
 * /dev/null) with picot_daemon_ready, so that what fails before is seen in the terminal. All other descriptors stay.
 * Write the buffers of stdio before (fflush(NULL)), for both processes have them.
 *
 * Call it before loops and threads are made: threads do not survive a fork, and a loop that does answers PICOT_EFORKED.
 * @param options     NULL for the defaults
 * @param ret_daemon  in both processes
 * @return  in the daemon 0; in the parent 1: it is over, ret_daemon says how: write its text to stderr and end with its
 *          status; or a code, in the parent, and there is no daemon: -EBUSY: this process has several threads; -EINVAL;
 *          of the log: -EACCES, -ENOENT, ...; -EAGAIN: no more processes; -EMFILE, -ENFILE, -ENOMEM
 * Interrupted by a signal the parent goes on waiting. Killed while it waits: the daemon's picot_daemon_ready says so.
 * @since 0.1
 */
PICOT_API int picot_daemonize(const picot_daemon_options *options, picot_daemon *ret_daemon);

/**
 * In the daemon: it serves now. The parent ends with status 0, and standard output and error become the log.
 * @return  0; -EPIPE: the parent no longer waits (it was killed, or its time was over), the rest is done all the same;
 *          -EALREADY: it was told before; -EINVAL. On a zeroed one nothing is done: 0. @since 0.1
 */
PICOT_API int picot_daemon_ready(picot_daemon *daemon);

/**
 * In the daemon: it cannot serve. The parent ends with this status; this process goes on, to clean up and end.
 * @param status  1 to 255
 * @param text    for the terminal, with its line ends; cut to PICOT_DAEMON_TEXT_SIZE - 1 bytes; NULL: ""
 * @return  as picot_daemon_ready. @since 0.1
 */
PICOT_API int picot_daemon_fail(picot_daemon *daemon, int status, const char *text);

/* ---- one at a time ------------------------------------------------------------------------------- */

/** A pid file that this process holds. Zero it, or use PICOT_PID_FILE_INIT, once before its first use. */
typedef struct picot_pid_file {
    struct {
        const char *path;
        int held, fd;
        int64_t pid;
    } _;
} picot_pid_file;

#define PICOT_PID_FILE_INIT                                                                                            \
    {                                                                                                                  \
        {                                                                                                              \
            0, 0, 0, 0                                                                                                 \
        }                                                                                                              \
    }

/**
 * Lock a pid file, and write this process's id into it: in the daemon, after picot_daemonize. Of several that start at
 * once exactly one succeeds. The lock ends with the process, however it ends, so a file that was left behind is no
 * obstacle; a child that is forked without an exec has it, too, and keeps it (fcntl(2), open file description locks).
 * @param path        outlives the file; absolute if the working directory may change
 * @param mode        permissions of a file that is made: 0644
 * @param ret_holder  receives, with PICOT_ERUNNING, the process id of who holds it, or 0 when that has not written it
 *                    yet; NULL: not wanted
 * @return  0; PICOT_ERUNNING: another process holds it; -EALREADY: this picot_pid_file is open; -EINVAL; -EACCES,
 *          -ENOENT, -EISDIR, -EROFS, -ENOSPC, -ELOOP (a symbolic link is not followed), ...
 * @since 0.1
 */
PICOT_API int picot_pid_file_open(picot_pid_file *file, const char *path, unsigned mode, int64_t *ret_holder);

/**
 * Remove the file and give the lock back. In a forked child the file stays: it is the parent's. A file that somebody
 * has put in its place stays, too.
 * @return  0, also when it is not open; -EINVAL; what unlink(2) says, and the lock is given back all the same.
 * @since 0.1
 */
PICOT_API int picot_pid_file_close(picot_pid_file *file);

/* ---- under systemd, or whoever speaks its protocols ------------------------------------------------ */

/**
 * sd_notify(3): tell the service manager. States are lines: "READY=1", "STATUS=Serving 7 clients", "RELOADING=1",
 * "STOPPING=1", "WATCHDOG=1", "MAINPID=4711", "ERRNO=2"; several are separated by "\n".
 * @return  1: told; 0: there is nobody to tell (no NOTIFY_SOCKET; also in set-uid programs); -EINVAL: NULL, "", or a
 *          NOTIFY_SOCKET that is neither an absolute path nor "@name"; -ENAMETOOLONG: it; -ETIMEDOUT: the manager has
 *          not read for 5 seconds; -ECONNREFUSED, -ENOENT, -EACCES: nobody listens there; -EMFILE, -ENFILE, -ENOMEM
 * It may wait for a manager that is busy; in practice it does not. @since 0.1
 */
PICOT_API int picot_notify(const char *state);

/**
 * The same, and pass descriptors, "FDSTORE=1\nFDNAME=listener": they come back with picot_listen_fds after a restart.
 * @param fds    read during the call; they stay the caller's
 * @param count  up to 253; 0 as picot_notify
 * @return  as picot_notify; -EINVAL: too many; -EBADF. @since 0.1
 */
PICOT_API int picot_notify_fds(const char *state, const int *fds, size_t count);

/**
 * Does the manager expect "WATCHDOG=1" from this process, and how often? Send it in half that time, from a timer of the
 * loop whose health it is to tell.
 * @param ret_interval_ns  receives, with 1, the interval
 * @return  1: yes; 0: no; -EINVAL: NULL, or WATCHDOG_USEC or WATCHDOG_PID is no number. @since 0.1
 */
PICOT_API int picot_notify_watchdog(int64_t *ret_interval_ns);

/** The first descriptor of socket activation. */
#define PICOT_LISTEN_FDS_START 3

/**
 * sd_listen_fds(3): how many sockets the manager has passed: PICOT_LISTEN_FDS_START and those behind it. They are made
 * close-on-exec; give them to loops with picot_adopt.
 * @return  the count; 0: none, or they are for another process; -EINVAL: LISTEN_FDS or LISTEN_PID is no number; -EBADF:
 *          one is not open. @since 0.1
 */
PICOT_API int picot_listen_fds(void);

/**
 * The name of one of them, FileDescriptorName= of its unit or FDNAME= of who stored it.
 * @param fd    PICOT_LISTEN_FDS_START + n
 * @param name  receives the name, cut to size; "unknown" where the manager gave none
 * @return  its length, as snprintf; -ENOENT: no such descriptor was passed; -EINVAL. @since 0.1
 */
PICOT_API int picot_listen_fd_name(int fd, char *name, size_t size);

/**
 * Remove the variables that all of these read from the environment, so that children do not take them for their own.
 * Thread: while no other one reads or writes the environment. @since 0.1
 */
PICOT_API void picot_notify_forget(void);

PICOT_END_DECLS

#endif /* PICOT_DAEMON_H */
