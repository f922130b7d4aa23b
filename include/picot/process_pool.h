/* SPDX-License-Identifier: MIT
 *
 * process_pool.h - executors whose workers are processes: calls that may crash, hang or eat memory harm only
 * themselves.
 *
 *     static const picot_process_function functions[] = {{"thumbnail", thumbnail}};
 *
 *     int main(void)
 *     {
 *         picot_process_server *server;                         first of all: before threads, while memory is small
 *         picot_process_server_start(functions, 1, &server);
 *         ...
 *         picot_process_pool_create(server, NULL, &pool);
 *         picot_work_request(&work, "thumbnail", image, image_len, small, sizeof small);
 *         picot_executor_submit(pool, &work);                   and the rest as with threads
 *
 * Processes are forked from a small server, which itself was forked at the beginning: so it costs the same however
 * large the program has become, and no lock of a thread is ever inherited. Requests and replies are bytes. Small ones
 * (184 bytes) travel in the request itself, larger ones are copied through memory that all share, or lie there already
 * (picot_lend), and are not copied at all.
 *
 * A worker that dies (a signal, exit, a bug that closes its descriptors) fails the call it was at with
 * PICOT_EWORKERDIED, and no other; another one takes its place. Memory is shared with workers in both directions: a
 * worker that writes where it should not can spoil the bytes of other calls, but not the calling program.
 *
 * Needs Linux 5.3 (pidfd_open(2)). Rules of thread and fork: see executor.h.
 */
#ifndef PICOT_PROCESS_POOL_H
#define PICOT_PROCESS_POOL_H

#include <picot/executor.h>
#include <picot/process.h>

PICOT_BEGIN_DECLS

struct rlimit;

/**
 * What a worker process calls.
 * @param data, len      the request
 * @param ret, ret_size  room for the reply: as much as the caller has given
 * @return  bytes of the reply, at most ret_size; or a negative code
 */
typedef int64_t picot_process_fn(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size);

/** A function under its name. Tables are static: they are in all processes, at the same place. */
typedef struct picot_process_function {
    const char *name;
    picot_process_fn *fn;
} picot_process_function;

/** The process that forks workers. Opaque. */
typedef struct picot_process_server picot_process_server;

/**
 * Fork the server. It is a copy of the program as it is now, without descriptors but the first three; so call this at
 * the beginning of main. It ends, and its workers with it, when this program ends or picot_process_server_stop is
 * called. SIGINT is ignored in it and in workers; other signals have their default action.
 * @param functions    what workers can be asked for; static
 * @param ret_server   receives it; untouched on failure
 * @return  0; -EBUSY: the program has several threads already, which a fork would not copy; -EINVAL: no functions, or a
 *          name twice; -ENOMEM, -EAGAIN, -EMFILE; -ENOSYS: Linux before 5.3
 * Thread: any. @since 0.1
 */
PICOT_API int picot_process_server_start(const picot_process_function *functions, size_t count,
                                         picot_process_server **ret_server);

/**
 * Start the server at any time, also in a program with threads: the program is executed anew (/proc/self/exe), and its
 * main must begin with picot_process_server_main. It costs what starting the program costs, once.
 * @return  as picot_process_server_start, but never -EBUSY; -ENOEXEC: what was started is no server within 10 s, for
 *          its main does not call picot_process_server_main, or has another table; what posix_spawn(3) said. @since 0.1
 */
PICOT_API int picot_process_server_start_anew(const picot_process_function *functions, size_t count,
                                              picot_process_server **ret_server);

/**
 * First in the main of a program that uses picot_process_server_start_anew: when this process was started as a server
 * it serves, and this never returns.
 * @param functions  the same table
 * @return  0: this is the program itself; go on. Thread: main's. @since 0.1
 */
PICOT_API int picot_process_server_main(int argc, char **argv, const picot_process_function *functions, size_t count);

/** End the server. @return  0; -EBUSY: pools use it. NULL does nothing; in a forked child it is only freed. Thread:
 * any. @since 0.1 */
PICOT_API int picot_process_server_stop(picot_process_server *server);

/** A pool of processes. Set with PICOT_PROCESS_POOL_OPTIONS_INIT, then change members. Grows only at its end. */
typedef struct picot_process_pool_options {
    size_t size;                  /**< sizeof this struct */
    const char *name;             /**< of the processes, "name-0", cut to 15 bytes; NULL: "picot-worker" */
    uint32_t processes_min;       /**< started at once, and kept */
    uint32_t processes_max;       /**< 1 to 64; 0: as many as there are processors */
    uint32_t max_tasks_per_child; /**< after so many calls a worker ends and is replaced; 0: never */
    size_t queue_limit;           /**< calls that wait for a worker; 0: 4096; PICOT_POOL_UNBOUNDED */
    enum picot_pool_full full;    /**< not PICOT_POOL_CALLER_RUNS */
    size_t memory;                /**< shared, for large requests and replies; taken when used. 0: 256 MiB */
    int64_t cancel_grace_ns;      /**< so long a running call that was cancelled may go on; then its worker is killed.
                                       0: 100 ms; PICOT_NEVER: it is not killed */
    const char *on_start;         /**< a function that each worker calls first, with the bytes below, no reply. When it
                                       fails the pool is broken: PICOT_EBROKEN */
    const void *on_start_data;    /**< copied; at most 1024 bytes */
    size_t on_start_len;
    const picot_process_limit *limits; /**< of each worker; copied; at most 8 */
    size_t limit_count;
    int nice;           /**< added to the workers' niceness: nice(2) */
    int break_on_crash; /**< != 0: a worker's death breaks the pool, as Python's does: all calls get PICOT_EBROKEN */
} picot_process_pool_options;

#define PICOT_PROCESS_POOL_OPTIONS_INIT                                                                                \
    {                                                                                                                  \
        sizeof(picot_process_pool_options), 0, 0, 0, 0, 0, PICOT_POOL_WAIT, 0, 0, 0, 0, 0, 0, 0, 0, 0                  \
    }

/**
 * Create a pool of processes.
 * @param options       NULL: the defaults
 * @param ret_executor  receives it; untouched on failure
 * @return  0; -EINVAL: an option out of its range, no such on_start; -ENOMEM, -EMFILE, -EAGAIN; PICOT_EFORKED
 * Ownership: the caller's, to be ended by picot_executor_destroy before the server is stopped. @since 0.1
 */
PICOT_API int picot_process_pool_create(picot_process_server *server, const picot_process_pool_options *options,
                                        picot_executor **ret_executor);

/**
 * Prepare a request for a pool of processes. Its result is the length of the reply, or what the function has returned;
 * or PICOT_EWORKERDIED; -ETIMEDOUT, -ECANCELED: its worker was killed; -EMSGSIZE: larger than the pool's memory, or the
 * function says that the reply is longer than ret_size; -ENOSYS: the server has no function of this name.
 * @param name      static, or living until it is done
 * @param data      len bytes; the executor's until it is done, and unchanged until then
 * @param ret_data  room for the reply, the executor's until it is done
 * @since 0.1
 */
PICOT_API void picot_work_request(picot_work *work, const char *name, const void *data, size_t len, void *ret_data,
                                  size_t ret_size);

/** At most so long may the function take, from when a worker begins it; then its worker is killed, and the result is
 * -ETIMEDOUT. After picot_work_request; 0: no limit. @since 0.1 */
PICOT_API void picot_work_limit(picot_work *work, int64_t limit_ns);

/** How the worker ended that died at this call: the negative number of a signal, or the code of an exit; 0: none did.
 * @since 0.1 */
PICOT_API int picot_work_exit_status(const picot_work *work);

/**
 * Memory that a pool shares with its workers, zeroed or as it was left by its last user. As data or ret_data of a
 * request to this pool, or inside, it is not copied.
 * @param ret_data  receives it, aligned to a page
 * @return  0; -ENOBUFS: none of this size is free now; -EMSGSIZE: larger than the pool's memory; -EINVAL; PICOT_EFORKED
 * Ownership: the caller's, to be given back before the pool is destroyed. @since 0.1
 */
PICOT_API int picot_lend(picot_executor *executor, size_t size, void **ret_data);

/** Give it back, with the size it was asked for. No call may be using it. @return  0; -EINVAL; PICOT_EFORKED.
 * @since 0.1 */
PICOT_API int picot_lend_return(picot_executor *executor, void *data, size_t size);

PICOT_END_DECLS

#endif /* PICOT_PROCESS_POOL_H */
