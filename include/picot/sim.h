/* SPDX-License-Identifier: MIT
 *
 * sim.h - tests on the backend "sim": a virtual clock, under the test's control. See docs/testing.md.
 *
 * A loop on this backend never sleeps for a timer: its clock stands still while code runs, and jumps to the next
 * deadline when nothing is ready. A test of an hour takes no time, and sees each time-out exactly when it is due. When
 * nothing is left that could ever happen, picot_loop_run says -EDEADLK. Rules of thread, reentrancy and fork: see
 * loop.h; on other backends these functions are -ENOTSUP.
 */
#ifndef PICOT_SIM_H
#define PICOT_SIM_H

#include <picot/loop.h>

PICOT_BEGIN_DECLS

/**
 * Let time pass while the caller computes: the clock goes forward, nothing runs. picot_loop_now stays until the next
 * turn or picot_loop_update_now, as on the other backends; timers that are overdue then fire late.
 * @param ns  nanoseconds, >= 0; the end of time is not passed
 * @return  0; -ENOTSUP: not on "sim"; -EINVAL: NULL or negative; -EPERM, PICOT_EFORKED
 * Thread: the owner. @since 0.1
 */
PICOT_API int picot_sim_advance(picot_loop *loop, int64_t ns);

/**
 * Run the loop until so much time has passed, or picot_loop_stop: what is due in it happens, at its time. From outside
 * the loop's callbacks.
 * @param ns  nanoseconds, >= 0; 0: what is due now
 * @return  as picot_loop_run: 0: nothing is left to do, 1: work is left, -EBUSY, PICOT_EBACKEND; never -EDEADLK, for
 *          the end of this time is always ahead; and the codes of picot_sim_advance
 * Thread: as picot_loop_run, but the owner. @since 0.1
 */
PICOT_API int picot_sim_run_for(picot_loop *loop, int64_t ns);

PICOT_END_DECLS

#endif /* PICOT_SIM_H */
