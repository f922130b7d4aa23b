/* SPDX-License-Identifier: MIT
 *
 * uring_probe.c - a ring on kernels of different ages, and whether this machine lets us use one.
 *
 * A kernel answers flags that it does not know with EINVAL, so the sets are tried from the newest down:
 * DEFER_TASKRUN Linux 6.1, SINGLE_ISSUER 6.0, COOP_TASKRUN 5.19, SUBMIT_ALL 5.18, CQSIZE and CLAMP 5.5. See
 * io_uring_setup(2).
 *
 * That a ring can be made proves little: container run-times filter the three system calls one by one, and a filter on
 * io_uring_enter lets the set-up succeed. So the probe ends with one operation that has gone through.
 */
#include "uring.h"

#include <stdio.h>
#include <sys/utsname.h>
#ifdef PICOT__TSAN
#include <sanitizer/tsan_interface.h>
#endif

#define CQ_PER_SQ 16u
#define SMALLEST_RING 8u
#define PROBE_ENTRIES 8u

/* What the backend is built on; IORING_FEAT_RSRC_TAGS came with multishot poll, Linux 5.13. */
#define NEEDED_FEATURES                                                                                                \
    (IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS | IORING_FEAT_FAST_POLL |                 \
     IORING_FEAT_EXT_ARG | IORING_FEAT_RSRC_TAGS)

static const unsigned char needed_operations[] = {
    IORING_OP_NOP,  IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL, IORING_OP_ACCEPT, IORING_OP_CONNECT, IORING_OP_SEND,
    IORING_OP_READ, IORING_OP_WRITE,    IORING_OP_SENDMSG,      IORING_OP_FSYNC,  IORING_OP_OPENAT,  IORING_OP_OPENAT2,
};

#define BASIC (IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE)
static const unsigned flag_sets[] = {
    BASIC | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER |
        IORING_SETUP_DEFER_TASKRUN,
    BASIC | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER |
        IORING_SETUP_COOP_TASKRUN,
    BASIC | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_COOP_TASKRUN,
    BASIC | IORING_SETUP_SUBMIT_ALL,
    BASIC,
};
#define FLAG_SETS (sizeof flag_sets / sizeof *flag_sets)

/* One set of flags. Short of memory (locked memory up to Linux 5.11, contiguous memory later) a smaller ring will do.
 */
static int try_flags(struct io_uring *ring, unsigned entries, unsigned flags)
{
    int rc;
    do {
        struct io_uring_params params = {.flags = flags, .cq_entries = entries * CQ_PER_SQ};
        rc = io_uring_queue_init_params(entries, ring, &params);
        entries /= 2;
    } while (rc == -ENOMEM && entries >= SMALLEST_RING);
    return rc;
}

/* liburing maps and unmaps rings by system calls of its own, which ThreadSanitizer does not see: a ring where another
 * thread's old one was looks like a race to it. So it is told that the one came after the other. */
#ifdef PICOT__TSAN
#define RING_COMES() __tsan_acquire((void *)(uintptr_t)flag_sets)
#define RING_GOES() __tsan_release((void *)(uintptr_t)flag_sets)
#else
#define RING_COMES() ((void)0)
#define RING_GOES() ((void)0)
#endif

int picot__uring_set_up(struct io_uring *ring, unsigned entries, unsigned extra)
{
    int rc = -EINVAL;
    for (size_t i = 0; i < FLAG_SETS && rc == -EINVAL; i++)
        rc = try_flags(ring, entries, flag_sets[i] | extra);
    if (rc >= 0) RING_COMES();
    return rc;
}

void picot__uring_tear_down(struct io_uring *ring)
{
    RING_GOES();
    io_uring_queue_exit(ring);
}

int picot__uring_kernel_is_proven(void)
{
    struct utsname name;
    unsigned major, minor;
    if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2) return 0;
    return major > 6 || (major == 6 && minor >= 1);
}

static const char *explain_set_up(int rc)
{
    switch (rc) {
    case -ENOSYS:
        return "this kernel has no io_uring; Linux 5.13 or later is needed";
    case -EPERM:
    case -EACCES:
        return "io_uring is forbidden here, by a seccomp filter (as containers have) or by the sysctl "
               "kernel.io_uring_disabled";
    case -EMFILE:
    case -ENFILE:
        return "no file descriptor is left for the ring";
    case -ENOMEM:
        return "no memory is left for the ring";
    default:
        return "this kernel refuses to set up a ring";
    }
}

static int check_operations(struct io_uring *ring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    if (!probe) return -EPERM;
    int rc = 0;
    for (size_t i = 0; i < sizeof needed_operations; i++)
        if (!io_uring_opcode_supported(probe, needed_operations[i])) rc = -ENOSYS;
    io_uring_free_probe(probe);
    return rc;
}

/* One operation that does nothing, there and back. */
static int complete_one(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    if (!sqe) return -ENOMEM;
    io_uring_prep_nop(sqe);
    sqe->user_data = PICOT__URING_IGNORED;
    int rc = io_uring_submit_and_wait(ring, 1);
    if (rc < 0 && rc != -EINTR) return rc;
    struct io_uring_cqe *cqe;
    rc = io_uring_wait_cqe(ring, &cqe);
    while (rc == -EINTR)
        rc = io_uring_wait_cqe(ring, &cqe);
    if (rc < 0) return rc;
    rc = cqe->user_data == PICOT__URING_IGNORED && cqe->res == 0 ? 0 : -EIO;
    io_uring_cqe_seen(ring, cqe);
    return rc;
}

static int check_ring(struct io_uring *ring, const char **ret_why)
{
    *ret_why = "this kernel's io_uring lacks features; Linux 5.13 or later is needed";
    if ((ring->features & NEEDED_FEATURES) != NEEDED_FEATURES) return -ENOSYS;
    int rc = check_operations(ring);
    if (rc == -EPERM) *ret_why = "a seccomp filter forbids io_uring_register";
    if (rc < 0) return rc;
    *ret_why = "a ring can be made but not used: probably a seccomp filter forbids io_uring_enter";
    return complete_one(ring);
}

int picot__uring_probe(char *reason, size_t size)
{
    struct io_uring ring;
    int rc = picot__uring_set_up(&ring, PROBE_ENTRIES, 0);
    const char *why = explain_set_up(rc);
    if (rc >= 0) {
        rc = check_ring(&ring, &why);
        picot__uring_tear_down(&ring);
    }
    if (rc < 0) (void)snprintf(reason, size, "%s", why);
    return rc < 0 ? rc : 0;
}
