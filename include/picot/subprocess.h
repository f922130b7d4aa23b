/* SPDX-License-Identifier: MIT
 *
 * subprocess.h - awaitable forms of process.h, and whole runs of commands.
 *
 *     picot_try_await(picot_check_process(.argv = my->argv, .capture = 1, .ret_result = &my->result));
 *     picot_defer { picot_process_result_free(picot_this_loop(), &my->result); }
 *
 * Deadlines are those of scopes: picot_timeout(my->scope, 5 * PICOT_SECOND) { ... }. A run that is cut ends its command
 * before the await returns, first in good manners, then by force.
 *
 * The streams of a child that one starts itself are handles: picot_read(.fd = picot_process_stdio(p, 1), ...).
 */
#ifndef PICOT_SUBPROCESS_H
#define PICOT_SUBPROCESS_H

#include <picot/coro.h>
#include <picot/process.h>

PICOT_BEGIN_DECLS

#ifndef __cplusplus

/**
 * picot_await(my->rc, picot_process_wait(.process = p, .ret_code = &my->code)): wait for the end of a child, be it over
 * or not; any number of tasks may.
 * Result: 0; 1: it has ended, but its code is unknown; -ECANCELED: also when the process was closed meanwhile; -EINVAL.
 * ret_code, or NULL, receives the code on 0 and 1: see picot_process_code.
 * Cancel: the child is left alone, and can be waited for again; an end that was seen by then is told. @since 0.1
 */
struct picot_process_wait_head {
    picot_frame _co;
    picot_process *process;
    int *ret_code;
    picot_process_watch _watch;
    int _ret;
};
#define picot_process_wait(...) picot_call(picot_process_wait, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_process_wait);

/**
 * picot_await(my->rc, picot_process_communicate(.process = p, .input = text, .input_len = n, .ret_out = &my->out)):
 * write the input and close the child's stdin, read both outputs to their ends at the same time, wait for the child.
 * Arguments: limit: of each output, 0: 16 MiB, SIZE_MAX: none. ret_out, ret_err: zeroed outputs, or such to be
 * continued; NULL: what comes is dropped. progress: NULL, or how much of the input was written before; moved on.
 * Result: 0, PICOT_ETOOLARGE, -ECANCELED, -ENOMEM, a refusal: see picot_process_talk_begin. How the child ended tells
 * picot_process_code. Whatever the result, the outputs hold what was read; free them with picot_process_output_free.
 * Cancel: the child runs on; call again with the same outputs and progress to go on. @since 0.1
 */
struct picot_process_communicate_head {
    picot_frame _co;
    picot_process *process;
    const void *input;
    size_t input_len, limit;
    picot_process_output *ret_out, *ret_err;
    size_t *progress;
    picot_process_talk _talk;
    int _ret;
};
#define picot_process_communicate(...) picot_call(picot_process_communicate, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_process_communicate);

#endif /* not C++ */

/** How a run has ended. Zero it before; free it with picot_process_result_free, also after an error. */
typedef struct picot_process_result {
    int code;                     /**< as picot_process_code; -1000 when it was not started */
    int unknown;                  /**< 1: nobody can know the code, which is 255 */
    enum picot_process_step step; /**< where the start has failed */
    picot_process_output out, err;
} picot_process_result;

/** Free the outputs and zero it. @return 0; -EINVAL, -EPERM. @since 0.1 */
PICOT_API int picot_process_result_free(picot_loop *loop, picot_process_result *result);

/**
 * picot_await(my->code, picot_run_process(.argv = argv, .input = text, .input_len = n, .capture = 1,
 *                                         .ret_result = &my->result)): start a command, talk to it, wait for its end.
 * Arguments: options: NULL: PICOT_PROCESS_OPTIONS_INIT; else read when the call begins. argv, shell: instead of those
 * of the options. input: NULL: none; else stdin is a pipe. capture: 1: stdout and stderr become pipes, unless the
 * options say what they are; what comes is kept in ret_result. limit: as above. check: an exit code other than 0 is
 * PICOT_EEXIT. Result: the exit code, 0 to 255; PICOT_EEXIT: it was killed by a signal, or see check; an error of the
 * spawn; PICOT_ETOOLARGE; -ECANCELED; -ENOMEM; -EINVAL. ret_result, or NULL: is filled as far as things went, also on
 * errors: what was captured before a deadline is there. Cancel, and every error: the command is ended, by
 * options.stop_signal or options.stop, and by SIGKILL after options.grace_ns, with its group if it has one; its end is
 * waited for. @since 0.1
 */
PICOT_API_DECL_(int, picot_run_process,
                (const picot_process_options *options; const char *const *argv; const char *shell; const void *input;
                 size_t input_len; size_t limit; int capture; int check; picot_process_result * ret_result;));
#define picot_run_process(...) picot_call(picot_run_process, __VA_ARGS__)
/** The same with check. @since 0.1 */
#define picot_check_process(...) picot_call(picot_run_process, .check = 1, __VA_ARGS__)

PICOT_END_DECLS

#endif /* PICOT_SUBPROCESS_H */
