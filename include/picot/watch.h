/* SPDX-License-Identifier: MIT
 *
 * watch.h - readiness of descriptors that the loop does not own: for hiredis, libcurl, libpq and their like.
 *
 * Level-triggered on every backend: the callback runs in each turn in which an interesting condition holds. One watch
 * per descriptor and loop. Rules of thread, reentrancy, fork and NULL: see loop.h. Remove the watch before the
 * descriptor is closed. Regular files are always ready.
 */
#ifndef PICOT_WATCH_H
#define PICOT_WATCH_H

#include <picot/loop.h>

PICOT_BEGIN_DECLS

enum picot_readiness {
    PICOT_READABLE = 1, /**< data, end of stream, or a connection to accept */
    PICOT_WRITABLE = 2, /**< room for at least some bytes, or a finished connect */
    PICOT_FAILED = 4 /**< an error or a hang-up is pending; reported with whatever interest is set, never asked for */
};

typedef struct picot_watch picot_watch;

/**
 * @param ready  an or of enum picot_readiness; with PICOT_FAILED the bits of the interest are set too, so that a plain
 *               read or write finds out. Inside, the watch may be changed, removed and freed.
 */
typedef void picot_watch_fn(picot_loop *loop, picot_watch *watch, unsigned ready);

/** A watch in the caller's memory. Zero it, or use PICOT_WATCH_INIT, once before its first use. */
struct picot_watch {
    picot_watch_fn *fn;
    void *user;
    struct {
        int fd;
        unsigned char interest; /* an or of enum picot_readiness; 0: paused */
        unsigned char active;
    } _;
};

#define PICOT_WATCH_INIT                                                                                               \
    {                                                                                                                  \
        0, 0,                                                                                                          \
        {                                                                                                              \
            -1, 0, 0                                                                                                   \
        }                                                                                                              \
    }

/**
 * Begin to watch a descriptor.
 * @param fd        a plain descriptor number
 * @param interest  PICOT_READABLE, PICOT_WRITABLE, both, or 0: paused
 * @return  0; -EBADF: not an open descriptor; -EEXIST: it has a watch, or belongs to the loop; -EALREADY: this watch is
 *          active; -EMFILE: select on a system that bounds its sets; -EINVAL, -ENOMEM, -ENOSPC, -EPERM
 * Ownership: the watch is the loop's until it is removed; the descriptor stays the caller's.
 * @since 0.1
 */
PICOT_API int picot_watch_add(picot_loop *loop, picot_watch *watch, int fd, unsigned interest, picot_watch_fn *fn,
                              void *user);

/** Change what is interesting; takes effect at once, also for events of this turn. @return 0; -ENOENT: not active; as
 * add. @since 0.1 */
PICOT_API int picot_watch_set(picot_loop *loop, picot_watch *watch, unsigned interest);

/** Stop watching; the callback will not run again, also not in this turn. @return 0, also when not active; -EINVAL,
 * -EPERM. @since 0.1 */
PICOT_API int picot_watch_remove(picot_loop *loop, picot_watch *watch);

PICOT_END_DECLS

#endif /* PICOT_WATCH_H */
