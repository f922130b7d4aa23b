/* SPDX-License-Identifier: MIT
 *
 * process.h - the loop's side of children: what a spawn is told, and what is kept of one.
 *
 * The way of a spawn: process_spawn.c checks the options and opens pipes; process_order.c turns what is asked for into
 * one block that needs no memory and no lock any more; backend/sys_process.c clones; backend/sys_process_child.c is
 * what the child does with it; process.c waits for the end.
 */
#ifndef PICOT_LOOP_PROCESS_H
#define PICOT_LOOP_PROCESS_H

#include "internal.h"

#define PICOT__CHILD_STACK 32768
#ifdef __mips__
#define PICOT__KERNEL_SIGNALS 128
#else
#define PICOT__KERNEL_SIGNALS 64
#endif

/* A descriptor of the parent's and its number in the child. */
struct picot__fd_move {
    int from, to;
};

/* Where the child is; the errno with which it failed there, or 0. */
struct picot__answer {
    int step, error;
};

/*
 * All that the child needs, by value or in the same block: it shares the parent's memory, may not allocate, and other
 * threads go on.
 */
struct picot__order {
    struct picot__answer *answer; /* written by the child */
    bool apart;                   /* it works in a copy of the memory: only the answer is shared */

    char *const *argv, *const *envp;
    const char *candidates; /* paths to execute, one behind the other, each with a NUL; an empty one is the end */
    const char *directory;
    struct picot__fd_move *moves; /* sorted by `to`, each once */
    size_t move_count;
    int base; /* above every `to` */
    int group, umask, priority, set_priority;
    int64_t uid, gid;
    const gid_t *groups;
    size_t group_count;
    int set_groups;
    const picot_process_limit *limits;
    size_t limit_count;
    int death_signal, keep_signals;
    int parent;             /* its number, for death_signal */
    unsigned char mask[16]; /* the kernel's sigset of the spawning thread */
    char *stack_top;
};

/* ---- process_order.c --------------------------------------------------------------------------- */

/* From options that were checked. from[3]: the parent's descriptors for 0 to 2. One block of *ret_size bytes, with room
 * for the child's stack; or NULL. */
struct picot__order *picot__order_make(picot_loop *loop, const picot_process_options *options, const int from[3],
                                       size_t *ret_size);

/* ---- backend/sys_process.c --------------------------------------------------------------------- */

/* Clone, and wait until the child executes: its number and pidfd; or a code, and nothing is left. The step always. */
int picot__sys_spawn(struct picot__order *order, int *ret_pid, int *ret_pidfd, int *ret_step);
/* A pipe for the child: its end and the parent's, which does not block. parent_writes: it is the child's stdin. */
int picot__sys_pipe(int parent_writes, int *ret_child, int *ret_parent);
int picot__sys_open_null(void);
/* 1: open; 0: not. */
int picot__sys_is_open(int fd);
char *const *picot__sys_environment(void);
/* group: to all of the process group of this number, which was made for the child, and to the child itself, should it
 * have left that. */
int picot__sys_process_signal(int pidfd, int pid, int signal_number, int group);
/* 1: reaped, *ret_code; 0: it runs; -ECHILD: someone else has reaped it. block: wait for it. */
int picot__sys_process_reap(int pidfd, int pid, int block, int *ret_code);

/* backend/sys_process_child.c: what runs in the child, on a stack of its own; does not return. */
int picot__child_main(void *order);

/* ---- process.c --------------------------------------------------------------------------------- */

struct picot_process {
    picot_loop *loop;
    picot_process *next, *prev; /* in loop->first_process */
    int pid, pidfd;             /* pidfd -1: reaped */
    int code;
    bool ended, unknown; /* unknown: nobody can know the code */
    bool closed;         /* by the user: free it when nothing is out any more */
    bool terminating;    /* a stop was asked for; the alarm may be set */
    bool own_group, leave;
    int stop_signal;
    int64_t grace_ns;
    picot_process_stop_fn *stop;
    void *user;
    picot_watch watch;
    picot_timer alarm;
    picot_fd pipes[3]; /* -EBADF: none */
    picot_op closes[3];
    picot_process_watch *first, *last; /* who waits */
};

/* A child was started: wait for its end. 0; or a code, and the child was killed and reaped. */
int picot__process_enter(picot_process *process);
#endif /* PICOT_LOOP_PROCESS_H */
