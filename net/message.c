/* SPDX-License-Identifier: MIT
 *
 * message.c - messages between processes, awaited.
 */
#include <picot/message_io.h>

picot_async_def(int, picot_message_send, (picot_fd fd; const void *data; size_t len; const int *fds; size_t fd_count;),
                (picot_message message; int64_t sent;))
{
    picot_begin;
    my->sent = picot_message_to_send(&my->message, my->data, my->len, my->fds, my->fd_count);
    if (my->sent < 0) picot_fail((int)my->sent);
    picot_await(my->sent, picot_sendmsg(.fd = my->fd, .msg = &my->message.msg));
    if (my->sent < 0) picot_fail((int)my->sent);
    picot_return(0);
    picot_end;
}

picot_async_def(int64_t, picot_message_receive,
                (picot_fd fd; void *buf; size_t size; int *ret_fds; size_t fd_count; size_t * ret_fd_count;),
                (picot_message message; int64_t len;))
{
    picot_begin;
    my->len = picot_message_to_receive(&my->message, my->buf, my->size);
    if (my->len < 0) picot_fail((int)my->len);
    picot_await(my->len, picot_recvmsg(.fd = my->fd, .msg = &my->message.msg));
    my->len = picot_message_received(&my->message, my->len, my->ret_fds, my->fd_count, my->ret_fd_count);
    if (my->len < 0) picot_fail((int)my->len);
    picot_return(my->len);
    picot_end;
}
