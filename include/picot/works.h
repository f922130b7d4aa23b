/* SPDX-License-Identifier: MIT
 *
 * works.h - many calls: wait for some of them, take them as they are done, map a function over items. For plain
 * threads; coroutines have the same in threads.h.
 *
 *     picot_map_options options = PICOT_MAP_OPTIONS_INIT;
 *     options.fn = thumbnail;                               int64_t thumbnail(picot_worker *, const void *item, void
 * *ret) options.items = paths, options.count = n, options.item_size = sizeof *paths; picot_map *map;
 *     picot_map_create(pool, &options, &map);
 *     while ((rc = picot_map_next(map, PICOT_NEVER, &item)) != PICOT_ECLOSED) ... item.result
 *     picot_map_destroy(map);
 *
 * Thread: any, but each completed-list and each map is used by one thread at a time.
 */
#ifndef PICOT_WORKS_H
#define PICOT_WORKS_H

#include <picot/work.h>

PICOT_BEGIN_DECLS

/** What picot_works_wait waits for. */
enum picot_works_until {
    PICOT_WORKS_ALL = 0,          /**< all are done */
    PICOT_WORKS_FIRST = 1,        /**< at least one is */
    PICOT_WORKS_FIRST_FAILURE = 2 /**< one has a negative result, or all are done */
};

/**
 * Wait, blocking this thread, for some of many submitted calls. Which are done is told by picot_work_state.
 * @param works       pointers; one that stands twice counts once
 * @param timeout_ns  at most so long; 0: only look; PICOT_NEVER
 * @return  how many are done, also when the time is over; -EINVAL: none given, NULL, never submitted, a negative time;
 *          -EPERM: one completes on a loop; -ENOMEM. @since 0.1
 */
PICOT_API int64_t picot_works_wait(picot_work *const *works, size_t count, enum picot_works_until until,
                                   int64_t timeout_ns);

/* ---- as they are done -------------------------------------------------------------------------- */

/** The ends of many calls, one by one. Opaque. */
typedef struct picot_works_done picot_works_done;

/**
 * Begin to watch submitted calls. They must exist until it is ended.
 * @param ret_done  receives it; untouched on failure
 * @return  0; -ENOMEM; -EINVAL, -EPERM: as picot_works_wait. No calls: all are done. @since 0.1
 */
PICOT_API int picot_works_done_begin(picot_work *const *works, size_t count, picot_works_done **ret_done);

/**
 * The next call that is done, in the order they ended; each comes out once.
 * @return  0; PICOT_ECLOSED: all have come; -ETIMEDOUT: none within timeout_ns, and one may ask again; -EINVAL
 * @since 0.1
 */
PICOT_API int picot_works_done_next(picot_works_done *done, int64_t timeout_ns, picot_work **ret_work);

/** End it, at any time; the calls are left alone. NULL does nothing. @since 0.1 */
PICOT_API void picot_works_done_end(picot_works_done *done);

/* ---- map ---------------------------------------------------------------------------------------- */

/**
 * A function over items.
 * @param item     the item
 * @param ret      room for result_size bytes, NULL when that is 0
 * @return  >= 0, or a negative code: the item's result
 */
typedef int64_t picot_map_fn(picot_worker *worker, const void *item, void *ret);

/** What to map. Set with PICOT_MAP_OPTIONS_INIT, then change members. Grows only at its end. */
typedef struct picot_map_options {
    size_t size; /**< sizeof this struct */
    picot_map_fn *fn;
    const void *items; /**< an array of `count`; not copied. NULL: `next` gives them */
    size_t count;
    size_t item_size;   /**< bytes of an item, at least 1 */
    size_t result_size; /**< bytes that fn gives beside its code; 0: none */
    /**
     * Items one by one, when they are needed, in the thread that asks for results: 1 and the item in ret_item; 0: there
     * are no more; a negative code comes out at its place, as the last.
     */
    int (*next)(void *user, void *ret_item);
    void *user;
    size_t chunk; /**< items that one call of a worker does; 0: 1 */
    /**
     * Chunks that are under way or done and not asked for, at most. 0: all of an array at once; of `next`: 64. This is
     * what makes it lazy.
     */
    size_t ahead;
    int unordered;  /**< != 0: results as they are done, chunk by chunk; 0: in the items' order */
    int keep_going; /**< != 0: a failed item is but a result; 0: it is the last one, and the rest is cancelled */
} picot_map_options;

#define PICOT_MAP_OPTIONS_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(picot_map_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                                     \
    }

/** One item's outcome. */
typedef struct picot_mapped {
    size_t index;      /**< of the item */
    int64_t result;    /**< what fn has returned; or a code: what `next` gave, or the executor's refusal */
    const void *value; /**< result_size bytes, valid until the next picot_map_next; NULL when that is 0 */
} picot_mapped;

/** Results of a mapped function. Opaque. */
typedef struct picot_map picot_map;

/**
 * Begin: chunks are submitted to the pool, as many as `ahead` allows.
 * @return  0; -EINVAL: no fn, no size, neither items nor next, an overflow; -ENOMEM
 * @param ret_map  receives it; untouched on failure. The executor must live until it is destroyed. @since 0.1
 */
PICOT_API int picot_map_create(picot_executor *executor, const picot_map_options *options, picot_map **ret_map);

/**
 * The next outcome.
 * @return  0; PICOT_ECLOSED: there are no more; -ETIMEDOUT: not within timeout_ns, and one may ask again; -ENOMEM;
 *          -EINVAL. @since 0.1
 */
PICOT_API int picot_map_next(picot_map *map, int64_t timeout_ns, picot_mapped *ret_mapped);

/**
 * Have notify(user) called once when picot_map_next is worth another try: in the worker that brings something, with the
 * map locked; it must only wake or post. For loops of other kinds; Picot's own has picot_next_mapped.
 * @param notify  NULL: take it back; after that it does not run
 * @return  0: it will be called, or (taken back) there was none, or it was called already; 1: taken back, it was not
 *          called; or something is there, and it will not be called; -EBUSY: another one is set; -EINVAL. @since 0.1
 */
PICOT_API int picot_map_notify(picot_map *map, void (*notify)(void *user), void *user);

/** End it, at any time: chunks that have not begun are cancelled, running ones are asked to end and waited for. NULL
 * does nothing. @since 0.1 */
PICOT_API void picot_map_destroy(picot_map *map);

PICOT_END_DECLS

#endif /* PICOT_WORKS_H */
