/* SPDX-License-Identifier: MIT
 *
 * signal_wait.h - signals to await: what comes between two waits is kept; and signals that end picot_run.
 *
 *     if (picot_signals_open(picot_this_loop(), &my->signals, SIGHUP, SIGUSR1) < 0) ...
 *     picot_defer { picot_signals_close(&my->signals); }
 *     for (;;) {
 *         picot_try_await(my->number, picot_signal_wait(.signals = &my->signals, .ret_info = &my->info));
 *         if (my->number == SIGHUP) ...
 *     }
 *
 * A picot_signals watches its signals from open to close (see signal.h for what that means to the process), so none is
 * lost while the task is busy: of each signal the last 8 are kept, and what came before them is counted. Signals are
 * taken in turn, so that many of one do not hide another. Several tasks may wait for the same picot_signals: each
 * signal goes to the one that has waited longest. To let several see each signal, open one for each.
 *
 * Rules of thread, fork and NULL: see loop.h.
 */
#ifndef PICOT_SIGNAL_WAIT_H
#define PICOT_SIGNAL_WAIT_H

#include <picot/coro.h>
#include <picot/select.h>
#include <picot/signal.h>

PICOT_BEGIN_DECLS

/** Signals that can be awaited, in the caller's memory. Private. Zero it (locals are) before its first use. */
typedef struct picot_signals {
    picot_loop *loop;
    struct picot__signal_kept *kept; /* one per signal */
    size_t count, next;              /* next: the one that is looked at first */
    picot_waitqueue waiters;
} picot_signals;

/**
 * picot_signals_open(loop, &my->signals, SIGHUP, SIGTERM): begin to watch these signals. Each counts as work of the
 * loop, as a watcher does.
 * @return  0; -EINVAL: NULL, none, or one that cannot be watched; -EALREADY: it is open; -ENOMEM; -EPERM,
 *          PICOT_EFORKED. On failure nothing has changed.
 * Ownership: it stays where it is until picot_signals_close. Memory: 500 bytes per signal, of the loop's allocator.
 */
#define picot_signals_open(loop, signals, ...) picot_signals_open_list(loop, signals, (const int[]){__VA_ARGS__, 0})
/** The same. @param numbers  ended by 0; read during the call. @since 0.1 */
PICOT_API int picot_signals_open_list(picot_loop *loop, picot_signals *signals, const int *numbers);

/** Stop watching; what was kept is dropped, and who still waits gets PICOT_ECLOSED. @return 0, also when not open;
 * -EINVAL, -EPERM, PICOT_EFORKED. @since 0.1 */
PICOT_API int picot_signals_close(picot_signals *signals);

/**
 * picot_await(my->number, picot_signal_wait(.signals = &my->signals, .ret_info = &my->info)): the next signal.
 * Result: its number; PICOT_ECLOSED: it was closed; -ECANCELED; -EINVAL: NULL, or not open; -EPERM: of another loop.
 * ret_info may be NULL; untouched on an error.
 * Cancel: no signal is taken; if one has been handed over by then, success, and the cancellation is told at the next
 * await. @since 0.1
 */
struct picot_signal_wait_head {
    picot_frame _co;
    picot_signals *signals;
    picot_signal_info *ret_info;
    picot_waiter _waiter;
    int _ret;
};
#define picot_signal_wait(...) picot_call(picot_signal_wait, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_signal_wait);

/** Take a signal that has come, without waiting. @return its number; -EBUSY: none; -EINVAL. @since 0.1 */
PICOT_API int picot_signals_try(picot_signals *signals, picot_signal_info *ret_info);

/** An arm for picot_select: rc as picot_signal_wait's result. @since 0.1 */
PICOT_API picot_arm picot_arm_signal(picot_signals *signals, picot_signal_info *ret_info);

/* ---- signals that end a program ---------------------------------------------------------------- */

/**
 * Let signals end picot_run and picot_run_into on this loop. While they run, the first of these signals cancels the
 * main task, once, as picot_task_cancel does, with the reason PICOT_CANCEL_INTERRUPT; its defers run, its groups end.
 * When it ends with -ECANCELED by that and nothing else had cancelled it, the run ends with PICOT_EINTERRUPT; a task
 * that goes on and ends otherwise ends the run as ever. A second signal of the list does not wait: it takes its default
 * effect; the same one again even when the loop is busy and never comes back to look.
 * A signal that is ignored (nohup(1), a background job's SIGINT) or that the program handles by itself when the run
 * begins is left alone. None counts as work: on "sim", a program that waits for nothing else is told -EDEADLK.
 * @param numbers  ended by 0, copied; an empty list or NULL: none. It counts from the next run on; a run that is under
 *                 way goes on without any
 * @return  0; -EINVAL: one cannot be watched; -ENOMEM; -EPERM, PICOT_EFORKED. @since 0.1
 */
PICOT_API int picot_loop_set_interrupts(picot_loop *loop, const int *numbers);

/** The signal that has cancelled the main task of the present or the latest picot_run; 0: none did. @since 0.1 */
PICOT_API int picot_loop_interrupt(const picot_loop *loop);

/**
 * What main() should return for the outcome of picot_main: `return picot_exit_status(picot_main(NULL, call));`
 * @return  0 for values >= 0; 1 for codes. PICOT_EINTERRUPT: does not return: the process dies of SIGINT, by which a
 *          shell knows not to go on with its script (buffers of stdio are not written: fflush before). Thread: any.
 * @since 0.1
 */
PICOT_API int picot_exit_status(int rc);

PICOT_END_DECLS

#endif /* PICOT_SIGNAL_WAIT_H */
