/* SPDX-License-Identifier: MIT
 *
 * message_io.h - the messages of message.h for coroutines.
 *
 *     my->conn = picot_adopt(picot_this_loop(), ends[0]);
 *     picot_try_await(my->rc, picot_message_send(.fd = my->conn, .data = "go", .len = 2));
 *     picot_await(my->len, picot_message_receive(.fd = my->conn, .buf = my->buf, .size = sizeof my->buf));
 *
 * To wait for several connections, and other things: picot_select with picot_arm_poll.
 */
#ifndef PICOT_MESSAGE_IO_H
#define PICOT_MESSAGE_IO_H

#include <picot/io.h>
#include <picot/message.h>

PICOT_BEGIN_DECLS

/**
 * Send a message. Result: 0; as picot_message_send_now; those of picot_op_sendmsg. Cancel: -ECANCELED, nothing was
 * sent; or it was, and the cancellation is told at the next await. fds must live until the call ends. @since 0.1
 */
PICOT_API_DECL_(int, picot_message_send, (picot_fd fd; const void *data; size_t len; const int *fds; size_t fd_count;));
#define picot_message_send(...) picot_call(picot_message_send, __VA_ARGS__)

/**
 * Receive a message. Arguments and result: as picot_message_receive_now, and the codes of picot_op_recvmsg. Cancel:
 * -ECANCELED, nothing is lost; or one has come, and the cancellation is told at the next await. @since 0.1
 */
PICOT_API_DECL_(int64_t, picot_message_receive,
                (picot_fd fd; void *buf; size_t size; int *ret_fds; size_t fd_count; size_t * ret_fd_count;));
#define picot_message_receive(...) picot_call(picot_message_receive, __VA_ARGS__)

PICOT_END_DECLS

#endif /* PICOT_MESSAGE_IO_H */
