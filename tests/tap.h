/* SPDX-License-Identifier: MIT
 *
 * tap.h - the test library: a process per case, so that an abort, a hang or a leak costs one case only.
 *
 * A test program is a table of cases and TAP_MAIN. Each case runs in a forked child with a time-out; after it the child
 * checks that it has the same descriptors open as before and that tap_allocator is in balance. The parent writes the
 * Test Anything Protocol for Automake's tap-driver.
 *
 *     static void adds_up(void) { CHECK_EQ(1 + 1, 2); }
 *     static const struct tap_case cases[] = {{"adds up", adds_up, 0}, {0}};
 *     TAP_MAIN(cases)
 */
#ifndef PICOT_TESTS_TAP_H
#define PICOT_TESTS_TAP_H

#include <picot/base.h>
#include <picot/loop.h>
#include <string.h>

/* Defined in a build with ThreadSanitizer: it has a thread of its own, and holds signals back, one of each number. */
#if defined(__SANITIZE_THREAD__)
#define TAP_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TAP_TSAN 1
#endif
#endif

enum tap_flag {
    TAP_BACKENDS = 1, /* once per backend of picot_backend_names, with PICOT_BACKEND set in that child */
    TAP_SLOW = 2,     /* 120 s instead of 30 s; left out when the environment's TAP_QUICK is set */
    TAP_OUTSIDE = 4   /* peers in real time meet deadlines: left out on "sim", whose clock does not wait for them */
};

/* A table of these ends with its array, or with an entry whose name is NULL. */
struct tap_case {
    const char *name;
    void (*run)(void);
    unsigned flags;
};

/* Arguments: [--list] [--no-fork] [words: only the cases whose name, backend included, contains one of them]. */
int tap_main(const struct tap_case *cases, size_t count, int argc, char **argv);

#define TAP_MAIN(cases)                                                                                                \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        return tap_main(cases, sizeof(cases) / sizeof((cases)[0]), argc, argv);                                        \
    }

/* ---- inside a case: the first failed check ends it ------------------------------------------- */

#define CHECK(cond) ((cond) ? (void)0 : tap_fail(__FILE__, __LINE__, "%s", #cond))

/* Both are evaluated once and compared as int64_t; negative ones are shown with their error name. */
#define CHECK_EQ(a, b) tap_check_eq(__FILE__, __LINE__, #a, (int64_t)(a), #b, (int64_t)(b))
#define CHECK_STR(a, b) tap_check_str(__FILE__, __LINE__, #a, a, #b, b)
#define CHECK_MEM(a, b, n) tap_check_mem(__FILE__, __LINE__, #a, a, #b, b, n)

/* End the case: it does not apply here. */
#define SKIP(reason) tap_skip(reason)

void tap_fail(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));
void tap_skip(const char *reason) __attribute__((noreturn));
void tap_check_eq(const char *file, int line, const char *a_text, int64_t a, const char *b_text, int64_t b);
void tap_check_str(const char *file, int line, const char *a_text, const char *a, const char *b_text, const char *b);
void tap_check_mem(const char *file, int line, const char *a_text, const void *a, const char *b_text, const void *b,
                   size_t n);

/* A line for the log. */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- what cases share ------------------------------------------------------------------------ */

/* The backend this case runs on, or NULL without TAP_BACKENDS. */
const char *tap_backend(void);

/* Is that "sim", whose clock is virtual? */
int tap_is_simulated(void);

/* A loop on tap_backend with tap_allocator; skips the case where this kernel lacks the backend. */
picot_loop *tap_loop(void);

/* Destroy an idle loop: work left over fails the case. */
void tap_loop_end(picot_loop *loop);

/* Counts bytes, checks every old_size, and has its balance checked at the end of the case. Any thread. */
const picot_allocator *tap_allocator(void);

/* Bytes and calls so far: of all allocations not yet freed, and of all allocations made. */
size_t tap_allocated_bytes(void);
size_t tap_allocation_count(void);

/* Let the allocation after `count` more ones fail, once; negative: let none fail. */
void tap_allocator_fail_after(long count);

#endif /* PICOT_TESTS_TAP_H */
