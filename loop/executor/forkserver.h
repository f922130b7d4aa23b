/* SPDX-License-Identifier: MIT
 *
 * forkserver.h - the small process that forks workers, and how it is asked to.
 */
#ifndef PICOT_LOOP_EXECUTOR_FORKSERVER_H
#define PICOT_LOOP_EXECUTOR_FORKSERVER_H

#include <picot/process_pool.h>
#include <sys/types.h>

#define PICOT__LIMITS_MAX 8

/* What a worker is told at its start; it travels as it is. */
struct picot__worker_order {
    uint32_t index; /* of its place */
    int nice;
    uint32_t limit_count;
    uint64_t memory_size;
    picot_process_limit limits[PICOT__LIMITS_MAX];
};

/*
 * Fork a worker with the pool's memory and the descriptors it notifies by, PICOT__TELLS. 0, its pid and a pidfd,
 * close-on-exec; or a code, PICOT_EBROKEN when the server is gone. Blocks for as long as a small fork takes. Thread:
 * any.
 */
int picot__forkserver_spawn(picot_process_server *server, const struct picot__worker_order *order, int memory_fd,
                            const int *notify_fds, pid_t *ret_pid, int *ret_pidfd);

/* How a worker that has ended did so: the negative signal, or the exit code. The server forgets it. 0 or a code. */
int picot__forkserver_reap(picot_process_server *server, pid_t pid, int *ret_status);

/* The number of a function; -ENOSYS. */
int picot__forkserver_function(const picot_process_server *server, const char *name);

/* A pool uses it, or no longer. PICOT_EFORKED in a forked child. */
int picot__forkserver_hold(picot_process_server *server);
void picot__forkserver_release(picot_process_server *server);

/* process_worker.c: be a worker until the end; in the new process. */
_Noreturn void picot__process_worker_main(const picot_process_function *functions, size_t function_count,
                                          const struct picot__worker_order *order, int memory_fd,
                                          const int *notify_fds);

#endif /* PICOT_LOOP_EXECUTOR_FORKSERVER_H */
