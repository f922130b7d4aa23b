/* SPDX-License-Identifier: MIT
 *
 * io.c - the operations of op.h as leaves.
 */
#include "op_leaf.h"

#include <sys/stat.h>

PICOT__OP_LEAF(picot_recv, (picot_fd fd = my->fd; void *buf = my->buf; size_t len = my->len; int flags = my->flags),
               picot_op_recv(&my->_op, fd, buf, len, flags));
PICOT__OP_LEAF(picot_recv_leased, (picot_fd fd = my->fd; picot_lease *ret_lease = my->ret_lease),
               picot_op_recv_leased(&my->_op, fd, ret_lease));
PICOT__OP_LEAF(picot_send,
               (picot_fd fd = my->fd; const void *buf = my->buf; size_t len = my->len; int flags = my->flags),
               picot_op_send(&my->_op, fd, buf, len, flags));
PICOT__OP_LEAF(picot_recvmsg, (picot_fd fd = my->fd; struct msghdr *msg = my->msg; int flags = my->flags),
               picot_op_recvmsg(&my->_op, fd, msg, flags));
PICOT__OP_LEAF(picot_sendmsg, (picot_fd fd = my->fd; const struct msghdr *msg = my->msg; int flags = my->flags),
               picot_op_sendmsg(&my->_op, fd, msg, flags));
PICOT__OP_LEAF(picot_accept,
               (picot_fd fd = my->fd; struct sockaddr *ret_addr = my->ret_addr; socklen_t *ret_len = my->ret_len),
               picot_op_accept(&my->_op, fd, ret_addr, ret_len));
PICOT__OP_LEAF(picot_connect, (picot_fd fd = my->fd; const struct sockaddr *addr = my->addr; socklen_t len = my->len),
               picot_op_connect(&my->_op, fd, addr, len));
PICOT__OP_LEAF(picot_shutdown, (picot_fd fd = my->fd; int how = my->how), picot_op_shutdown(&my->_op, fd, how));
PICOT__OP_LEAF(picot_read,
               (picot_fd fd = my->fd; void *buf = my->buf; size_t len = my->len; int64_t offset = my->offset),
               picot_op_read(&my->_op, fd, buf, len, offset));
PICOT__OP_LEAF(picot_write,
               (picot_fd fd = my->fd; const void *buf = my->buf; size_t len = my->len; int64_t offset = my->offset),
               picot_op_write(&my->_op, fd, buf, len, offset));
PICOT__OP_LEAF(picot_fsync, (picot_fd fd = my->fd; int data_only = my->data_only),
               picot_op_fsync(&my->_op, fd, data_only));
PICOT__OP_LEAF(picot_poll, (picot_fd fd = my->fd; unsigned events = my->events), picot_op_poll(&my->_op, fd, events));
PICOT__OP_LEAF(picot_open,
               (int dir = my->dir, flags = my->flags, beneath = my->beneath; const char *path = my->path;
                unsigned mode = my->mode),
               picot_op_open(&my->_op, dir, path, flags, mode, beneath));
PICOT__OP_LEAF(picot_stat, (picot_fd fd = my->fd; struct stat *ret_stat = my->ret_stat),
               picot_op_stat(&my->_op, fd, ret_stat));
PICOT__OP_LEAF(picot_resolve,
               (const char *host = my->host, *service = my->service; const struct addrinfo *hints = my->hints;
                struct addrinfo **ret_list = my->ret_list),
               picot_op_resolve(&my->_op, host, service, hints, ret_list));

/* ---- sending all: at once, as nearly always, or by an operation for the rest ------------------------ */

PICOT__OP_LEAF_ASSERT(picot_send_all);

static void all_sent(picot_loop *loop, picot_op *op)
{
    struct picot_send_all_head *my =
        (struct picot_send_all_head *)(void *)((char *)op - offsetof(struct picot_send_all_head, _op));
    if (my->_ret_progress) *my->_ret_progress = my->_sent + picot_op_progress(op);
    if (op->result >= 0) op->result += (int64_t)my->_sent;
    picot__op_leaf_done(loop, op);
}

/* So many bytes have gone out. */
static picot_step send_rest(picot_task *task, struct picot_send_all_head *my, size_t sent)
{
    picot_fd fd = my->fd;
    const char *buf = my->buf;
    size_t len = my->len;
    int flags = my->flags;
    my->_ret_progress = my->ret_progress;
    my->_sent = sent;
    if (my->_ret_progress) *my->_ret_progress = sent;
    picot_op_send_all(&my->_op, fd, buf + sent, len - sent, flags);
    picot_step step = picot__op_leaf_begin_with(task, (struct picot__op_leaf *)(void *)my, all_sent);
    if (step.rc == PICOT_STEP_PENDING) return step;
    if (my->_ret_progress) *my->_ret_progress = sent + picot_op_progress(&my->_op);
    if (my->_ret >= 0) my->_ret += (int64_t)sent;
    return step;
}

static __attribute__((noinline)) picot_step send_any(picot_task *task, picot_frame *frame, int64_t sent)
{
    struct picot_send_all_head *my = (struct picot_send_all_head *)(void *)frame;
    picot_step step;
    if (sent == 0 && frame->pos == 0 && my->ret_progress) *my->ret_progress = 0;
    if (sent == 0 && picot__completion_over(task, frame, &my->_ret, &step)) return step;
    if (sent >= 0 || sent == -EAGAIN) return send_rest(task, my, sent > 0 ? (size_t)sent : 0);
    if (my->ret_progress) *my->ret_progress = 0;
    my->_ret = sent;
    return picot__leaf_return(task, frame, (int)sent);
}

picot_step picot_send_all_resume(picot_task *task, picot_frame *frame, picot_frame *child)
{
    struct picot_send_all_head *my = (struct picot_send_all_head *)(void *)frame;
    picot_ready_queue *ready = task->group->ready;
    (void)child;
    if (!PICOT_LIKELY_(frame->pos == 0 && !task->cancel && ready->budget > 0)) return send_any(task, frame, 0);
    int64_t sent = picot_try_send(picot__coro_of_task(task)->loop, my->fd, my->buf, my->len, my->flags);
    if (!PICOT_LIKELY_(sent == (int64_t)my->len)) return send_any(task, frame, sent ? sent : -EAGAIN);
    ready->budget--;
    if (my->ret_progress) *my->ret_progress = my->len;
    my->_ret = sent;
    return picot__leaf_return(task, frame, 0);
}
PICOT__OP_LEAF_FN(picot_send_all);

/* ---- closing ------------------------------------------------------------------------------------- */

/* Closing is cleanup: it is neither refused nor cancelled. */
PICOT__OP_LEAF_ASSERT(picot_close);
picot_step picot_close_resume(picot_task *task, picot_frame *frame, picot_frame *child)
{
    struct picot_close_head *my = (struct picot_close_head *)(void *)frame;
    picot_fd fd = my->fd;
    (void)child;
    picot_op_close(&my->_op, fd);
    return picot__op_leaf_begin(task, (struct picot__op_leaf *)(void *)frame);
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
