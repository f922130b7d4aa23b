/* SPDX-License-Identifier: MIT
 *
 * base.h - what every other header rests on: export marks, durations, the allocator.
 */
#ifndef PICOT_BASE_H
#define PICOT_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define PICOT_BEGIN_DECLS extern "C" {
#define PICOT_END_DECLS }
#else
#define PICOT_BEGIN_DECLS
#define PICOT_END_DECLS
#endif

#if defined(__GNUC__)
#define PICOT_API __attribute__((visibility("default")))
#else
#define PICOT_API
#endif

/** Durations and deadlines are int64_t nanoseconds; these make them readable: `5 * PICOT_SECOND`. */
#define PICOT_US INT64_C(1000)
#define PICOT_MS INT64_C(1000000)
#define PICOT_SECOND INT64_C(1000000000)
/** As a duration or a deadline: no limit. */
#define PICOT_NEVER INT64_MAX

PICOT_BEGIN_DECLS

typedef struct picot_loop picot_loop;

/**
 * A callback of the loop.
 * @param loop  the loop that calls; it is running, in its own thread
 * @param user  the pointer given together with the callback
 */
typedef void picot_callback(picot_loop *loop, void *user);

/**
 * The memory of one loop. Everything that a loop and its tasks allocate comes from here, in the loop's thread.
 * (Threads of the library's own pools and third-party libraries use malloc.)
 */
typedef struct picot_allocator {
    /**
     * One function for all three: old_size 0 allocates, new_size 0 frees and returns NULL, else resizes.
     * @param user      the member below
     * @param block     NULL when old_size is 0
     * @param old_size  bytes, exactly what the block was allocated with
     * @param new_size  bytes
     * @return  memory aligned for any type, or NULL: out of memory, the old block then stays valid
     */
    void *(*resize)(void *user, void *block, size_t old_size, size_t new_size);
    void *user;
} picot_allocator;

/** The library's version, "MAJOR.MINOR.PATCH", of the library that runs (not of the header). Any thread. @since 0.1 */
PICOT_API const char *picot_version(void);

PICOT_END_DECLS

#endif /* PICOT_BASE_H */
