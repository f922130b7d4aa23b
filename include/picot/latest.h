/* SPDX-License-Identifier: MIT
 *
 * latest.h - one value that changes: many set it, and who waits for a change sees the latest one.
 *
 *     picot_latest_init(loop, &my->config, sizeof(struct config), &initial);
 *     picot_latest_set(&my->config, &changed);
 *     for (;;) {
 *         picot_try_await(picot_latest_changed(.latest = &my->config, .seen = &my->seen, .ret_value = &my->copy));
 *         ...
 *     }
 *
 * Each set makes a new version: 1 is the initial value's. Versions in between may be skipped, the last never is. What a
 * task has seen is a number of its own: zeroed, the first wait ends at once with the value there is.
 *
 * It lies in its user's memory and must outlive the tasks that wait, or be destroyed first. All functions here: the
 * loop's thread; -EINVAL for a NULL and for what is zeroed or destroyed; a task of another loop is refused with -EPERM.
 */
#ifndef PICOT_LATEST_H
#define PICOT_LATEST_H

#include <picot/coro.h>
#include <picot/select.h>

PICOT_BEGIN_DECLS

/** A value that changes. Private. */
typedef struct picot_latest {
    picot_ready_queue *ready; /* the loop's; NULL: none */
    picot_loop *loop;
    void *value;
    size_t size;
    uint64_t version;
    picot_waitqueue waiters;
    uint8_t closed;
} picot_latest;

/**
 * Make one.
 * @param size     of the value, in bytes, at least 1
 * @param initial  the first value; copied
 * @return  0; -ENOMEM; -EINVAL. Ownership: picot_latest_destroy gives the memory back. @since 0.1
 */
PICOT_API int picot_latest_init(picot_loop *loop, picot_latest *latest, size_t size, const void *initial);

/** Let those who wait go with PICOT_ECLOSED, and give the memory back; then as zeroed. NULL, or zeroed: nothing
 * happens.
 * @since 0.1 */
PICOT_API void picot_latest_destroy(picot_latest *latest);

/** Set a value, and wake those who wait, each with a copy. @return how many waited; PICOT_ECLOSED; -EINVAL. Never
 * waits. @since 0.1 */
PICOT_API int picot_latest_set(picot_latest *latest, const void *value);

/** Copy the value out. @param ret_version  of it, for picot_latest_changed; or NULL. @return 0, also when it is closed;
 * -EINVAL. @since 0.1 */
PICOT_API int picot_latest_get(const picot_latest *latest, void *ret_value, uint64_t *ret_version);

/** The value in its place, not to be changed. @return NULL for a NULL, zeroed or destroyed one. Valid until the next
 * set or destroy: not across an await. @since 0.1 */
PICOT_API const void *picot_latest_borrow(const picot_latest *latest);

/** The version there is; 0 for NULL, zeroed or destroyed. @since 0.1 */
PICOT_API uint64_t picot_latest_version(const picot_latest *latest);

/** No more changes: sets fail with PICOT_ECLOSED, and so does a wait by those who have seen the last value.
 * @return 0, also again; -EINVAL. @since 0.1 */
PICOT_API int picot_latest_close(picot_latest *latest);

/**
 * picot_await(picot_latest_changed(.latest = &my->l, .seen = &my->seen, .ret_value = &my->v)): wait for a version that
 * is not *seen. Then *seen is the version of what is in *ret_value (NULL: not copied).
 * Result: 0; PICOT_ECLOSED: there will be none; -ECANCELED, -EINVAL, -EPERM: *seen and *ret_value are untouched.
 * Ownership: seen and ret_value must stay until then. Cancel: once a value has been handed over, success, and the
 * cancellation is told at the next await. @since 0.1
 */
struct picot_latest_changed_head {
    picot_frame _co;
    picot_latest *latest;
    uint64_t *seen;
    void *ret_value;
    picot_waiter _waiter;
    int _ret;
};
#define picot_latest_changed(...) picot_call(picot_latest_changed, __VA_ARGS__)
PICOT_LEAF_DECL_(picot_latest_changed);

/** An arm for picot_select: rc as picot_latest_changed's result. @since 0.1 */
PICOT_API picot_arm picot_arm_latest_changed(picot_latest *latest, uint64_t *seen, void *ret_value);

PICOT_END_DECLS

#endif /* PICOT_LATEST_H */
