/* SPDX-License-Identifier: MIT
 *
 * io.c - the operations as leaves. Each prepares its operation from its arguments, with which it shares its place;
 * beginning, ending and cancelling are the same for all.
 */
#include "internal.h"

#include <sys/stat.h>

/* What all of them look like once the operation is prepared. */
struct op_leaf {
    picot_frame frame;
    picot_op op;
    int64_t result;
};
#define ASSERT_SHAPE(name)                                                                                             \
    _Static_assert(offsetof(struct name##_head, _op) == offsetof(struct op_leaf, op) &&                                \
                       offsetof(struct name##_head, _ret) == offsetof(struct op_leaf, result),                         \
                   #name ": not of the common shape")

static int status_of(int64_t result)
{
    return result < 0 ? (int)result : 0;
}

static void op_done(picot_loop *loop, picot_op *op)
{
    picot_task *task = op->user;
    struct op_leaf *leaf = (struct op_leaf *)(void *)((char *)op - offsetof(struct op_leaf, op));
    (void)loop;
    leaf->result = op->result;
    if (op->result == -ECANCELED) picot__cancel_delivered(task);
    picot__leaf_finish(task, &leaf->frame, status_of(op->result));
}

static void op_cancel(picot_task *task, picot_frame *frame)
{
    struct op_leaf *leaf = (struct op_leaf *)(void *)frame;
    if (frame->pos == 0) (void)picot_cancel(picot__coro_of_task(task)->loop, &leaf->op);
}

/* Submit; the result is there at once, or the task waits. */
static picot_step begin(picot_task *task, struct op_leaf *leaf)
{
    int rc = picot_submit_now(picot__coro_of_task(task)->loop, &leaf->op, op_done, task);
    if (rc == 0) return (picot_step){PICOT_STEP_PENDING};
    leaf->result = rc < 0 ? rc : leaf->op.result;
    return picot__leaf_return(task, &leaf->frame, status_of(leaf->result));
}

/*
 * A cancelled task is refused before the operation is prepared; one in a long row of refusals comes back here from the
 * ready queue with pos 1.
 */
static bool refused(picot_task *task, picot_frame *frame, picot_step *ret_step)
{
    struct op_leaf *leaf = (struct op_leaf *)(void *)frame;
    if (frame->pos != 0) {
        leaf->result = frame->rc;
        *ret_step = picot__leaf_return(task, frame, frame->rc);
        return true;
    }
    if (!task->cancel || !picot__leaf_refused(task, frame, ret_step)) return false;
    leaf->result = -ECANCELED;
    return true;
}

/* A leaf: `arguments` declares copies of them, for preparing overwrites their place; `prepare` fills my->_op. */
#define LEAF(name, arguments, prepare)                                                                                 \
    ASSERT_SHAPE(name);                                                                                                \
    picot_step name##_resume(picot_task *task, picot_frame *frame, picot_frame *child)                                 \
    {                                                                                                                  \
        struct name##_head *my = (struct name##_head *)(void *)frame;                                                  \
        picot_step step;                                                                                               \
        (void)child;                                                                                                   \
        if (refused(task, frame, &step)) return step;                                                                  \
        PICOT_UNPAREN_ arguments;                                                                                      \
        prepare;                                                                                                       \
        return begin(task, (struct op_leaf *)(void *)frame);                                                           \
    }                                                                                                                  \
    const picot_fn name##_fn = {name##_resume,                                                                         \
                                op_cancel,                                                                             \
                                PICOT_FRAME_SIZE_(struct name##_head),                                                 \
                                PICOT_RESULT_OFFSET_(name),                                                            \
                                sizeof(int64_t),                                                                       \
                                __LINE__,                                                                              \
                                #name,                                                                                 \
                                __FILE__,                                                                              \
                                0}

LEAF(picot_recv, (picot_fd fd = my->fd; void *buf = my->buf; size_t len = my->len; int flags = my->flags),
     picot_op_recv(&my->_op, fd, buf, len, flags));
LEAF(picot_recv_leased, (picot_fd fd = my->fd; picot_lease *ret_lease = my->ret_lease),
     picot_op_recv_leased(&my->_op, fd, ret_lease));
LEAF(picot_send, (picot_fd fd = my->fd; const void *buf = my->buf; size_t len = my->len; int flags = my->flags),
     picot_op_send(&my->_op, fd, buf, len, flags));
LEAF(picot_send_all, (picot_fd fd = my->fd; const void *buf = my->buf; size_t len = my->len; int flags = my->flags),
     picot_op_send_all(&my->_op, fd, buf, len, flags));
LEAF(picot_recvmsg, (picot_fd fd = my->fd; struct msghdr *msg = my->msg; int flags = my->flags),
     picot_op_recvmsg(&my->_op, fd, msg, flags));
LEAF(picot_sendmsg, (picot_fd fd = my->fd; const struct msghdr *msg = my->msg; int flags = my->flags),
     picot_op_sendmsg(&my->_op, fd, msg, flags));
LEAF(picot_accept, (picot_fd fd = my->fd; struct sockaddr *ret_addr = my->ret_addr; socklen_t *ret_len = my->ret_len),
     picot_op_accept(&my->_op, fd, ret_addr, ret_len));
LEAF(picot_connect, (picot_fd fd = my->fd; const struct sockaddr *addr = my->addr; socklen_t len = my->len),
     picot_op_connect(&my->_op, fd, addr, len));
LEAF(picot_shutdown, (picot_fd fd = my->fd; int how = my->how), picot_op_shutdown(&my->_op, fd, how));
LEAF(picot_read, (picot_fd fd = my->fd; void *buf = my->buf; size_t len = my->len; int64_t offset = my->offset),
     picot_op_read(&my->_op, fd, buf, len, offset));
LEAF(picot_write, (picot_fd fd = my->fd; const void *buf = my->buf; size_t len = my->len; int64_t offset = my->offset),
     picot_op_write(&my->_op, fd, buf, len, offset));
LEAF(picot_fsync, (picot_fd fd = my->fd; int data_only = my->data_only), picot_op_fsync(&my->_op, fd, data_only));
LEAF(picot_poll, (picot_fd fd = my->fd; unsigned events = my->events), picot_op_poll(&my->_op, fd, events));
LEAF(picot_open,
     (int dir = my->dir, flags = my->flags, beneath = my->beneath; const char *path = my->path;
      unsigned mode = my->mode),
     picot_op_open(&my->_op, dir, path, flags, mode, beneath));
LEAF(picot_stat, (picot_fd fd = my->fd; struct stat *ret_stat = my->ret_stat), picot_op_stat(&my->_op, fd, ret_stat));
LEAF(picot_resolve,
     (const char *host = my->host, *service = my->service; const struct addrinfo *hints = my->hints;
      struct addrinfo **ret_list = my->ret_list),
     picot_op_resolve(&my->_op, host, service, hints, ret_list));

/* Closing is cleanup: it is neither refused nor cancelled. */
ASSERT_SHAPE(picot_close);
picot_step picot_close_resume(picot_task *task, picot_frame *frame, picot_frame *child)
{
    struct picot_close_head *my = (struct picot_close_head *)(void *)frame;
    picot_fd fd = my->fd;
    (void)child;
    picot_op_close(&my->_op, fd);
    return begin(task, (struct op_leaf *)(void *)frame);
}
const picot_fn picot_close_fn = {picot_close_resume,
                                 NULL,
                                 PICOT_FRAME_SIZE_(struct picot_close_head),
                                 PICOT_RESULT_OFFSET_(picot_close),
                                 sizeof(int64_t),
                                 __LINE__,
                                 "picot_close",
                                 __FILE__,
                                 0};
