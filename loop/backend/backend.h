/* SPDX-License-Identifier: MIT
 *
 * backend.h - the one door: the table through which the loop reaches the system, and what its implementations share.
 *
 * Above this table nothing makes a system call that can block, fail or tell the time. Five rows: select, poll and epoll
 * stand on readiness.c, and so does sim, whose clock is virtual; io_uring is native.
 *
 * What the core (op.c) has done before it calls submit: checked thread, fork and arguments; found the descriptor and
 * that it is neither stale nor closing; entered the operation as desc->reader and/or desc->writer. What a backend
 * owes it: exactly one of DONE, refused, or pending with one later picot__finish or picot__finish_later.
 */
#ifndef PICOT_LOOP_BACKEND_BACKEND_H
#define PICOT_LOOP_BACKEND_BACKEND_H

#include "../internal.h"

/* Defined in a build with ThreadSanitizer, which does not see system calls that are not made by the C library. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PICOT__TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define PICOT__TSAN 1
#endif

/* submit: op->result is valid, no completion follows. */
#define PICOT__DONE 1
/* attempt: the system call would block. Outside the range of every result. */
#define PICOT__AGAIN INT64_MIN

struct picot__backend {
    const char *name;

    /* Can this machine run it? 0, or a negative code and a sentence that says why. Tried once per loop creation. */
    int (*probe)(char *reason, size_t size);

    /* Allocate and set loop->backend_state. 0 or a negative code; nothing is left behind on failure. */
    int (*open)(picot_loop *loop, const picot_loop_options *options);

    /* Free everything. Called when no operation is pending; may run in another thread than the loop ran in. */
    void (*close)(picot_loop *loop);

    /* The monotonic clock; of sim a virtual one. */
    int64_t (*now)(picot_loop *loop);

    /*
     * Begin an operation. desc is NULL for kinds without a handle. PICOT__DONE with op->result set where that costs no
     * waiting; 0: pending; negative: refused. Never calls a completion. The core decides whether a result at once may
     * be handed to the caller or is queued. A CLOSE comes when desc has neither reader nor writer left.
     */
    int (*submit)(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);

    /* End a pending operation early; its completion follows by picot__finish_later, or by its own real end. */
    void (*cancel)(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);

    /*
     * Hand to the kernel what is waiting to be submitted; wait until deadline_ns (a time in the past or 0: do not wait;
     * PICOT_NEVER: no limit) or a wake; handle at most loop->events_per_turn events, by picot__finish and
     * watch callbacks. Sleeps only between picot__sleep_begin (which may refuse: then do not wait) and
     * picot__sleep_end. Updates loop->now_ns after waiting, before the first event. 0; -EDEADLK: it would wait for
     * ever, as nothing can happen (only sim knows); or another negative code: the wait failed for good (EINTR is no
     * failure).
     */
    int (*wait)(picot_loop *loop, int64_t deadline_ns);

    /* End a wait that is under way. Any thread, signal handlers. */
    void (*wake)(picot_loop *loop);

    /* A watch was added, changed (desc->watch->_.interest) or removed (desc->watch is NULL). 0 or a negative code. */
    int (*watch)(picot_loop *loop, struct picot__descriptor *desc);

    /* A descriptor that polls readable when wait would find something. Negative code on failure. */
    int (*pollable)(picot_loop *loop);

    /*
     * Hand to the kernel what is waiting to be submitted, without waiting; for a foreign loop that is about to sleep.
     * 0; 1: it must not sleep, whatever its clock says (sim); or a negative code.
     */
    int (*flush)(picot_loop *loop);
};

extern const struct picot__backend picot__backend_select, picot__backend_poll, picot__backend_epoll;
extern const struct picot__backend picot__backend_sim;      /* never chosen by auto */
extern const struct picot__backend picot__backend_io_uring; /* with HAVE_LIBURING */

/* ---- attempt.c: one system call for one operation, shared by all ----------------------------- */

/*
 * Try an operation on a descriptor without blocking, also on blocking descriptors: recv, recv_leased, send, send_all,
 * recvmsg, sendmsg, accept, connect (first call and the look at SO_ERROR), read and write on sockets, pipes and ttys.
 * Loops over EINTR, aborted connections, and the pieces of a send_all. Never raises SIGPIPE.
 * Result, or a negative code, or PICOT__AGAIN. An accepted descriptor is already a handle.
 * Afterwards desc->flags tells READ_READY / WRITE_BLOCKED: whether another attempt is likely to succeed.
 */
int64_t picot__attempt(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);
/* One send(2): bytes, a code or PICOT__AGAIN, which the latch then remembers. */
int64_t picot__transmit(struct picot__descriptor *desc, const void *buf, size_t len, int flags);

/* Give back what a lease holds, if anything, and zero it. */
void picot__lease_drop(picot_loop *loop, picot_lease *lease);

/* ---- sys.c: what never blocks; sys_blocking.c: what may block a thread ----------------------- */

/* Kinds that are always done at once: socket, bind, listen, socket options, names, shutdown, stat, adopt. */
int picot__is_immediate(unsigned kind);
int64_t picot__sys_perform(picot_loop *loop, struct picot__descriptor *desc, picot_op *op);

/*
 * Kinds that may block a thread: read, write, fsync and their like on regular files; open, and all else on paths;
 * resolve. Runs in a pool thread: no loop.
 * Result of open: the bare descriptor, to be handed to picot__sys_opened in the loop's thread.
 */
int64_t picot__sys_blocking(picot_op *op, int fd);
/* A read at an offset of a file, in the loop's thread, if that needs no disk: all that was asked for, or PICOT__AGAIN.
 */
int64_t picot__sys_read_cached(struct picot__descriptor *desc, const picot_op *op);
int64_t picot__sys_path(const picot_op *op);      /* sys_path.c: the part of it that works on paths */
int64_t picot__sys_temporary(const picot_op *op); /* sys_temporary.c */
int64_t picot__sys_temporary_named(picot_op *op);
/* Make a handle of a descriptor that open gave; closes it on failure. Handle or code (-EISDIR: a directory). */
picot_fd picot__sys_opened(picot_loop *loop, int fd);

/* close(2) with -EINTR counted as closed. */
int picot__sys_close(int fd);

/* Make a descriptor non-blocking, remembering in desc->flags that release must undo it. */
int picot__sys_unblock(struct picot__descriptor *desc, int fd);

int64_t picot__sys_now(picot_loop *loop);

/* getenv, but NULL in set-uid programs. */
const char *picot__environment(const char *name);

#ifdef HAVE_LIBURING
/* Is the kernel new enough (6.1) that `auto` may take io_uring? */
int picot__uring_kernel_is_proven(void);
#endif

/* ---- fork_mark.c: a byte that is 1, and 0 in a forked child ---------------------------------- */

const unsigned char *picot__fork_mark_open(void); /* NULL: out of memory */
void picot__fork_mark_close(const unsigned char *mark);

/* ---- sys_signal.c: the process's signals ----------------------------------------------------- */

/* A signal of a loop, in the process's table. */
struct picot__signal_line {
    _Atomic(struct picot__signal_line *) next;
    void (*arrived)(struct picot__signal_line *line, const void *siginfo); /* in signal context, any thread */
};

/*
 * Put a line into the table, and install the handler if it is the first one. if_default: -EEXIST where the signal would
 * have another effect than its default without us. line NULL: only ask. 0 or a code, and nothing has changed.
 */
int picot__sys_signal_watch(struct picot__signal_line *line, int number, bool if_default);
/* Take it out; the last one restores the disposition. Afterwards no handler touches it. Not in the table: nothing. */
void picot__sys_signal_unwatch(struct picot__signal_line *line, int number);
/* In signal context: from now on this signal has its default effect; it comes once more. */
void picot__sys_signal_default(int number);

/* ---- wakefd.c: the eventfd that ends a wait -------------------------------------------------- */

int picot__wakefd_open(void);
void picot__wakefd_signal(int fd); /* any thread, signal handlers; keeps errno */
void picot__wakefd_drain(int fd);

#endif /* PICOT_LOOP_BACKEND_BACKEND_H */
