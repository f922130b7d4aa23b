/* SPDX-License-Identifier: MIT
 *
 * bad_input.c - what nobody should do, on every backend: NULL, wrong sizes, dead handles, operations never prepared,
 * kinds of descriptors that do not fit. A code each time, no crash, and the loop goes on. (Debug builds abort at some
 * of these by design, and run only those cases that they answer.)
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef PICOT_DEBUG
#define SKIP_IN_DEBUG_BUILDS() SKIP("a debug build aborts here")
#else
#define SKIP_IN_DEBUG_BUILDS() (void)0
#endif

static void ignore(picot_loop *loop, void *user)
{
    (void)loop;
    (void)user;
}

static void ignore_watch(picot_loop *loop, picot_watch *watch, unsigned ready)
{
    (void)loop;
    (void)watch;
    (void)ready;
}

/* ---- NULL ------------------------------------------------------------------------------------ */

static void null_loop(void)
{
    SKIP_IN_DEBUG_BUILDS();
    picot_op op;
    picot_job job = PICOT_JOB_INIT;
    picot_timer timer = PICOT_TIMER_INIT;
    picot_watch watch = PICOT_WATCH_INIT;
    picot_lease lease = {0};
    picot_posted posted = PICOT_POSTED_INIT(ignore, NULL);
    picot_op_timeout(&op, 0);
    CHECK_EQ(picot_submit(NULL, &op, recorded_done, NULL), -EINVAL);
    CHECK_EQ(picot_submit_now(NULL, &op, recorded_done, NULL), -EINVAL);
    CHECK_EQ(picot_cancel(NULL, &op), -EINVAL);
    CHECK_EQ(picot_adopt(NULL, 0), -EINVAL);
    CHECK_EQ(picot_release(NULL, 1), -EINVAL);
    CHECK_EQ(picot_fd_number(NULL, 1), -EINVAL);
    CHECK_EQ(picot_lease_return(NULL, &lease), -EINVAL);
    CHECK_EQ(picot_call_soon(NULL, &job, ignore, NULL), -EINVAL);
    CHECK_EQ(picot_job_cancel(NULL, &job), -EINVAL);
    CHECK_EQ(picot_call_later(NULL, &timer, 0, ignore, NULL), -EINVAL);
    CHECK_EQ(picot_call_at(NULL, &timer, 0, ignore, NULL), -EINVAL);
    CHECK_EQ(picot_timer_cancel(NULL, &timer), -EINVAL);
    CHECK_EQ(picot_watch_add(NULL, &watch, 0, PICOT_READABLE, ignore_watch, NULL), -EINVAL);
    CHECK_EQ(picot_watch_set(NULL, &watch, 0), -EINVAL);
    CHECK_EQ(picot_watch_remove(NULL, &watch), -EINVAL);
    CHECK_EQ(picot_post(NULL, &posted), -EINVAL);
    CHECK_EQ(picot_loop_run(NULL, PICOT_RUN_NOWAIT), -EINVAL);
    CHECK_EQ(picot_loop_step(NULL), -EINVAL);
    CHECK_EQ(picot_loop_stop(NULL), -EINVAL);
    CHECK_EQ(picot_loop_hold(NULL), -EINVAL);
    CHECK_EQ(picot_loop_unhold(NULL), -EINVAL);
    CHECK_EQ(picot_loop_fd(NULL), -EINVAL);
    CHECK_EQ(picot_loop_next_deadline(NULL), -EINVAL);
    CHECK_EQ(picot_loop_pending(NULL), 0);
    CHECK_EQ(picot_loop_now(NULL), 0);
    CHECK_EQ(picot_loop_update_now(NULL), 0);
    CHECK(picot_loop_backend_reason(NULL) != NULL);
    CHECK_EQ(picot_loop_destroy(NULL, PICOT_DESTROY_IDLE), 0);
    CHECK_EQ(picot_loop_create(NULL, NULL), -EINVAL);
}

static void null_objects(void)
{
    SKIP_IN_DEBUG_BUILDS();
    picot_loop *loop = tap_loop();
    picot_op op;
    picot_job job = PICOT_JOB_INIT;
    picot_timer timer = PICOT_TIMER_INIT;
    picot_posted posted = PICOT_POSTED_INIT(NULL, NULL);
    picot_op_timeout(&op, 0);
    CHECK_EQ(picot_submit(loop, NULL, recorded_done, NULL), -EINVAL);
    CHECK_EQ(picot_submit(loop, &op, NULL, NULL), -EINVAL);
    CHECK_EQ(picot_cancel(loop, NULL), -EINVAL);
    CHECK_EQ(picot_op_pending(NULL), 0);
    CHECK_EQ(picot_op_progress(NULL), 0);
    CHECK_EQ(picot_lease_return(loop, NULL), -EINVAL);
    CHECK_EQ(picot_call_soon(loop, NULL, ignore, NULL), -EINVAL);
    CHECK_EQ(picot_call_soon(loop, &job, NULL, NULL), -EINVAL);
    CHECK_EQ(picot_job_cancel(loop, NULL), -EINVAL);
    CHECK_EQ(picot_call_later(loop, NULL, 0, ignore, NULL), -EINVAL);
    CHECK_EQ(picot_call_later(loop, &timer, 0, NULL, NULL), -EINVAL);
    CHECK_EQ(picot_timer_cancel(loop, NULL), -EINVAL);
    CHECK_EQ(picot_timer_deadline(NULL), PICOT_NEVER);
    CHECK_EQ(picot_watch_add(loop, NULL, 0, PICOT_READABLE, ignore_watch, NULL), -EINVAL);
    CHECK_EQ(picot_watch_set(loop, NULL, 0), -EINVAL);
    CHECK_EQ(picot_watch_remove(loop, NULL), -EINVAL);
    CHECK_EQ(picot_post(loop, NULL), -EINVAL);
    CHECK_EQ(picot_post(loop, &posted), -EINVAL);
    CHECK_EQ(picot_loop_pending(loop), 0);
    tap_loop_end(loop);
}

/* ---- numbers out of range -------------------------------------------------------------------- */

static void sizes_of_options(void)
{
    static const size_t wrong[] = {0, 1, 8, sizeof(picot_loop_options) + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
        picot_loop *loop = NULL;
        options.size = wrong[i];
        CHECK_EQ(picot_loop_create(&options, &loop), -EINVAL);
        CHECK(loop == NULL);
    }
}

static void delays(void)
{
    picot_loop *loop = tap_loop();
    picot_timer timer = PICOT_TIMER_INIT;
    struct recorded it = {0};
    CHECK_EQ(picot_call_later(loop, &timer, -1, ignore, NULL), -EINVAL);
    CHECK_EQ(picot_call_later(loop, &timer, INT64_MIN, ignore, NULL), -EINVAL);
    picot_op_timeout(&it.op, -1);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_timeout(&it.op, INT64_MIN);
    CHECK_EQ(start(loop, &it), -EINVAL);
    CHECK_EQ(picot_call_at(loop, &timer, INT64_MIN, ignore, NULL), 0); /* long past: the next turn */
    CHECK_EQ(picot_loop_run(loop, PICOT_RUN_NOWAIT), 0);
    tap_loop_end(loop);
}

/* ---- operations ------------------------------------------------------------------------------ */

static void unprepared(void)
{
    picot_loop *loop = tap_loop();
    struct recorded it = {0};
    CHECK_EQ(start(loop, &it), -EINVAL);
    CHECK_EQ(picot_op_pending(&it.op), 0);
    CHECK_EQ(picot_cancel(loop, &it.op), 0);
    CHECK_EQ(picot_loop_pending(loop), 0);
    tap_loop_end(loop);
}

static void missing_buffers(void)
{
    picot_loop *loop = tap_loop();
    struct recorded it = {0};
    struct stream stream = open_stream(loop, 0);
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    picot_op_recv(&it.op, stream.ours, NULL, 10, 0);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_send(&it.op, stream.ours, NULL, 10, 0);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_send_all(&it.op, stream.ours, NULL, 10, 0);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_read(&it.op, stream.ours, NULL, 10, -1);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_write(&it.op, stream.ours, NULL, 10, -1);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_recv(&it.op, stream.ours, &len, SIZE_MAX, 0);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_recvmsg(&it.op, stream.ours, NULL, 0);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_sendmsg(&it.op, stream.ours, NULL, 0);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_recv_leased(&it.op, stream.ours, NULL);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_connect(&it.op, stream.ours, NULL, sizeof addr);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_accept(&it.op, stream.ours, (struct sockaddr *)&addr, NULL);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_accept(&it.op, stream.ours, NULL, &len);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_poll(&it.op, stream.ours, 0);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_poll(&it.op, stream.ours, 64);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_open(&it.op, AT_FDCWD, NULL, O_RDONLY, 0, 0);
    CHECK_EQ(start(loop, &it), -EINVAL);
    picot_op_resolve(&it.op, "localhost", NULL, NULL, NULL);
    CHECK_EQ(start(loop, &it), -EINVAL);
    char byte; /* nothing of this has taken a direction of the handle */
    picot_op_recv(&it.op, stream.ours, &byte, 1, 0);
    CHECK_EQ(start(loop, &it), 0);
    peer_send(stream.theirs, "x", 1);
    CHECK_EQ(finish(loop, &it), 1);
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

/* Pointers that the kernel refuses, not we: EFAULT, and the loop goes on. */
static void wild_pointers(void)
{
    picot_loop *loop = tap_loop();
    struct recorded it = {0};
    struct stream stream = open_stream(loop, 0);
    void *wild = (void *)(uintptr_t)16;
    peer_send(stream.theirs, "x", 1);
    picot_op_recv(&it.op, stream.ours, wild, 10, 0);
    CHECK_EQ(perform(loop, &it), -EFAULT);
    picot_op_send(&it.op, stream.ours, wild, 10, 0);
    CHECK_EQ(perform(loop, &it), -EFAULT);
    picot_op_connect(&it.op, stream.ours, wild, sizeof(struct sockaddr_in));
    CHECK_EQ(perform(loop, &it), -EFAULT);
    picot_op_open(&it.op, AT_FDCWD, wild, O_RDONLY, 0, 0);
    CHECK_EQ(perform(loop, &it), -EFAULT);
    picot_op_bind(&it.op, stream.ours, wild, sizeof(struct sockaddr_in));
    CHECK_EQ(perform(loop, &it), -EFAULT);
    char byte;
    picot_op_recv(&it.op, stream.ours, &byte, 1, 0);
    CHECK_EQ(perform(loop, &it), 1);
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

/* ---- handles --------------------------------------------------------------------------------- */

/* Kinds 0 to 9 move bytes. */
static void prepare_transfer(picot_op *op, int kind, picot_fd fd)
{
    static char buf[8];
    static picot_lease lease;
    static struct iovec part = {buf, sizeof buf};
    static struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    switch (kind) {
    case 0:
        picot_op_recv(op, fd, buf, sizeof buf, 0);
        break;
    case 1:
        picot_op_send(op, fd, buf, sizeof buf, 0);
        break;
    case 2:
        picot_op_send_all(op, fd, buf, sizeof buf, 0);
        break;
    case 3:
        picot_op_recvmsg(op, fd, &msg, 0);
        break;
    case 4:
        picot_op_sendmsg(op, fd, &msg, 0);
        break;
    case 5:
        picot_op_recv_leased(op, fd, &lease);
        break;
    case 6:
        picot_op_read(op, fd, buf, sizeof buf, -1);
        break;
    case 7:
        picot_op_write(op, fd, buf, sizeof buf, -1);
        break;
    case 8:
        picot_op_fsync(op, fd, 0);
        break;
    default:
        picot_op_poll(op, fd, PICOT_READABLE);
        break;
    }
}

static void prepare_any(struct recorded *it, int kind, picot_fd fd)
{
    static char buf[8];
    static struct stat info;
    static struct sockaddr_in addr;
    picot_op *op = &it->op;
    if (kind <= 9) {
        prepare_transfer(op, kind, fd);
        return;
    }
    switch (kind) {
    case 10:
        picot_op_accept(op, fd, NULL, NULL);
        break;
    case 11:
        picot_op_connect(op, fd, (struct sockaddr *)&addr, sizeof addr);
        break;
    case 12:
        picot_op_bind(op, fd, (struct sockaddr *)&addr, sizeof addr);
        break;
    case 13:
        picot_op_listen(op, fd, 1);
        break;
    case 14:
        picot_op_shutdown(op, fd, SHUT_RD);
        break;
    case 15:
        picot_op_getname(op, fd, 0, (struct sockaddr *)&addr, sizeof addr);
        break;
    case 16:
        picot_op_getsockopt(op, fd, SOL_SOCKET, SO_ERROR, buf, 4);
        break;
    case 17:
        picot_op_setsockopt(op, fd, SOL_SOCKET, SO_RCVBUF, buf, 4);
        break;
    case 18:
        picot_op_stat(op, fd, &info);
        break;
    case 19: /* nothing to do, but not on a dead handle */
        picot_op_recv(op, fd, buf, 0, 0);
        break;
    default:
        picot_op_close(op, fd);
        break;
    }
}
#define KINDS 21

/* Never valid, made up, closed, and closed with its number living again in another handle. */
static void dead_handles(void)
{
    picot_loop *loop = tap_loop();
    struct stream gone = open_stream(loop, 0);
    picot_fd stale = gone.ours;
    close_stream(loop, &gone);
    struct stream young = open_stream(loop, 0), other = open_stream(loop, 1);
    const picot_fd dead[] = {0,
                             -1,
                             -EBADF,
                             INT64_MIN,
                             INT64_MAX,
                             3,
                             1234567,
                             stale,
                             young.ours + ((picot_fd)1 << 32),
                             young.ours ^ ((picot_fd)1 << 40)};
    for (size_t i = 0; i < sizeof dead / sizeof dead[0]; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            struct recorded it = {0};
            prepare_any(&it, kind, dead[i]);
            CHECK_EQ(start(loop, &it), -EBADF);
        }
        CHECK_EQ(picot_release(loop, dead[i]), -EBADF);
        CHECK_EQ(picot_fd_number(loop, dead[i]), -EBADF);
    }
    char got[4];
    struct recorded it = {0};
    peer_send(young.theirs, "ok", 2);
    picot_op_recv(&it.op, young.ours, got, sizeof got, 0);
    CHECK_EQ(perform(loop, &it), 2);
    close_stream(loop, &young);
    close_stream(loop, &other);
    tap_loop_end(loop);
}

static void bad_adoptions(void)
{
    picot_loop *loop = tap_loop();
    int closed = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    CHECK_EQ(close(closed), 0);
    CHECK_EQ(picot_adopt(loop, -1), -EBADF);
    CHECK_EQ(picot_adopt(loop, INT32_MIN), -EBADF);
    CHECK_EQ(picot_adopt(loop, INT32_MAX), -EBADF);
    CHECK_EQ(picot_adopt(loop, closed), -EBADF);
    int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQ(picot_adopt(loop, directory), -EISDIR);
    CHECK(is_closed_on_exec(directory)); /* still open, still ours */
    CHECK_EQ(close(directory), 0);
    CHECK_EQ(picot_loop_pending(loop), 0);
    tap_loop_end(loop);
}

/* Kinds of descriptors that an operation does not fit: what the system says, and the handle is as good as before. */
static void wrong_kinds_of_descriptors(void)
{
    picot_loop *loop = tap_loop();
    int pipes[2];
    struct recorded it = {0};
    CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
    picot_fd in = adopt(loop, pipes[0]), out = adopt(loop, pipes[1]);
    for (int kind = 0; kind <= 17; kind++) {
        if (kind >= 6 && kind <= 9) {
            continue;
        }
        prepare_any(&it, kind, in);
        CHECK_EQ(perform(loop, &it), -ENOTSOCK);
    }
    prepare_any(&it, 7, in);
    CHECK_EQ(perform(loop, &it), -EBADF); /* write to the read end */
    prepare_any(&it, 6, out);
    CHECK_EQ(perform(loop, &it), -EBADF);
    prepare_any(&it, 8, in);
    CHECK_EQ(perform(loop, &it), -EINVAL); /* fsync(2): bound to a special file */
    char byte = 0;
    picot_op_read(&it.op, in, &byte, 1, 5);
    CHECK_EQ(perform(loop, &it), -ESPIPE);
    picot_op_write(&it.op, out, &byte, 1, 5);
    CHECK_EQ(perform(loop, &it), -ESPIPE);
    picot_op_write(&it.op, out, "p", 1, -1);
    CHECK_EQ(perform(loop, &it), 1);
    picot_op_read(&it.op, in, &byte, 1, -1);
    CHECK_EQ(perform(loop, &it), 1);
    CHECK_EQ(byte, 'p');
    close_handle(loop, in);
    close_handle(loop, out);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"bad: NULL loop", null_loop, 0},
    {"bad: NULL objects", null_objects, TAP_BACKENDS},
    {"bad: sizes of options", sizes_of_options, 0},
    {"bad: delays", delays, TAP_BACKENDS},
    {"bad: unprepared operation", unprepared, TAP_BACKENDS},
    {"bad: missing buffers", missing_buffers, TAP_BACKENDS},
    {"bad: wild pointers", wild_pointers, TAP_BACKENDS},
    {"bad: dead handles", dead_handles, TAP_BACKENDS},
    {"bad: adoptions", bad_adoptions, TAP_BACKENDS},
    {"bad: wrong kinds of descriptors", wrong_kinds_of_descriptors, TAP_BACKENDS},
};

TAP_MAIN(cases)
