/* SPDX-License-Identifier: MIT
 *
 * uring_path.c - operations on paths, and sizes of files, on io_uring. The kernel has learned them one by one, so it is
 * asked; what it does not know, or has no operation for, a thread does.
 *
 *   directory_open        OPENAT                            5.6
 *   statx, fallocate      STATX, FALLOCATE                  Linux 5.6
 *   rename, unlink        RENAMEAT, UNLINKAT                5.11
 *   mkdir, symlink, link  MKDIRAT, SYMLINKAT, LINKAT        5.15
 *   ftruncate             FTRUNCATE                         6.9
 *   readlink, truncate, chmod, chown, utimes, directory_read, temporary files: threads
 *
 * Sources: io_uring_enter(2), and the manual pages of the calls.
 */
#include "uring.h"

#include <fcntl.h>
#include <limits.h>

#define OP_FTRUNCATE 55 /* not in the headers of liburing before 2.6 */

/* The kernel's operation of each kind; 0 is NOP: none. */
static const unsigned char native_of[PICOT__OP_KINDS] = {
    [PICOT__OP_DIRECTORY_OPEN] = IORING_OP_OPENAT, [PICOT__OP_STATX] = IORING_OP_STATX,
    [PICOT__OP_RENAME] = IORING_OP_RENAMEAT,       [PICOT__OP_UNLINK] = IORING_OP_UNLINKAT,
    [PICOT__OP_MKDIR] = IORING_OP_MKDIRAT,         [PICOT__OP_SYMLINK] = IORING_OP_SYMLINKAT,
    [PICOT__OP_LINK] = IORING_OP_LINKAT,           [PICOT__OP_FALLOCATE] = IORING_OP_FALLOCATE,
    [PICOT__OP_FTRUNCATE] = OP_FTRUNCATE,
};
_Static_assert(PICOT__OP_KINDS <= 64, "a bit for each kind in uring->natives");

void picot__uring_find_natives(struct picot__uring *uring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(&uring->ring);
    uring->natives = 0;
    if (!probe) return; /* threads do it, then */
    for (unsigned kind = 0; kind < PICOT__OP_KINDS; kind++)
        if (native_of[kind] && io_uring_opcode_supported(probe, native_of[kind])) uring->natives |= UINT64_C(1) << kind;
    io_uring_free_probe(probe);
}

static void fill_ftruncate(struct io_uring_sqe *sqe, int fd, const picot_op *op)
{
    sqe->opcode = OP_FTRUNCATE;
    sqe->fd = fd;
    sqe->off = (uint64_t)op->_.u.range.length;
}

/* The length has 64 bits here, which liburing before 2.4 takes for an off_t. */
static void fill_fallocate(struct io_uring_sqe *sqe, int fd, const picot_op *op)
{
    sqe->opcode = IORING_OP_FALLOCATE;
    sqe->fd = fd;
    sqe->off = (uint64_t)op->_.u.range.offset;
    sqe->addr = (uint64_t)op->_.u.range.length;
    sqe->len = (unsigned)op->_.u.range.mode;
}

static void fill(struct io_uring_sqe *sqe, int fd, const picot_op *op)
{
    const char *path = op->_.u.path.path;
    void *text = op->_.u.path.text;
    int dir = op->_.u.path.dir, other = op->_.u.path.other, flags = op->_.u.path.flags;
    switch (op->_.kind) {
    case PICOT__OP_DIRECTORY_OPEN:
        io_uring_prep_openat(sqe, dir, path, flags, 0);
        break;
    case PICOT__OP_STATX:
        io_uring_prep_statx(sqe, dir, path, flags, (unsigned)other, text);
        break;
    case PICOT__OP_RENAME:
        io_uring_prep_renameat(sqe, dir, path, other, text, (unsigned)flags);
        break;
    case PICOT__OP_UNLINK:
        io_uring_prep_unlinkat(sqe, dir, path, flags);
        break;
    case PICOT__OP_MKDIR:
        io_uring_prep_mkdirat(sqe, dir, path, (mode_t)op->_.u.path.mode);
        break;
    case PICOT__OP_SYMLINK:
        io_uring_prep_symlinkat(sqe, text, dir, path);
        break;
    case PICOT__OP_LINK:
        io_uring_prep_linkat(sqe, dir, path, other, text, flags);
        break;
    case PICOT__OP_FALLOCATE:
        fill_fallocate(sqe, fd, op);
        break;
    default:
        fill_ftruncate(sqe, fd, op);
        break;
    }
}

/*
 * The ring looks at both paths before it follows the first, the system call after: of two mistakes they would tell a
 * different one.
 */
static bool is_plain(const picot_op *op)
{
    if (op->_.kind != PICOT__OP_RENAME && op->_.kind != PICOT__OP_LINK && op->_.kind != PICOT__OP_SYMLINK) return true;
    size_t length = strnlen(op->_.u.path.text, PATH_MAX);
    return length > 0 && length < PATH_MAX;
}

int picot__uring_submit_file_call(picot_loop *loop, struct picot__descriptor *desc, picot_op *op)
{
    struct picot__uring *uring = picot__uring_of(loop);
    int fd = desc ? desc->fd : -1;
    if (!(uring->natives >> op->_.kind & 1) || !is_plain(op)) return picot__uring_offload(loop, op, fd);
    uint32_t index;
    struct io_uring_sqe *sqe = picot__uring_begin(loop, PICOT__URING_OPERATION, &index);
    if (!sqe) return -ENOMEM;
    fill(sqe, fd, op);
    picot__uring_enter_slot(uring, index, desc, op);
    return 0;
}
