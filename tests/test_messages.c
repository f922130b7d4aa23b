/* SPDX-License-Identifier: MIT
 *
 * test_messages.c - messages between processes, awaited: whole ones, descriptors, cancelling, the other end's end.
 */
#include "coro_support.h"

#include <fcntl.h>
#include <picot/message_io.h>
#include <sys/wait.h>
#include <unistd.h>

static int ends[2];

picot_async_fn(int, sender, (picot_fd fd; int count;), (char text[16]; int i; int rc;))
{
    picot_begin;
    for (my->i = 0; my->i < my->count; my->i++) {
        memset(my->text, 'a' + my->i % 26, sizeof my->text);
        picot_await(my->rc, picot_message_send(.fd = my->fd, .data = my->text, .len = (size_t)(my->i % 16 + 1)));
        CHECK_EQ(my->rc, 0);
    }
    picot_return(0);
    picot_end;
}
#define sender(...) picot_call(sender, __VA_ARGS__)

picot_async_fn(int, exchange, (int unused;),
               (picot_fd a; picot_fd b; picot_group group; char buf[64]; int64_t len; int i; int rc; int fds[2];
                int pipes[2]; size_t came; picot_scope scope;))
{
    picot_begin;
    my->a = picot_adopt(picot_this_loop(), ends[0]);
    my->b = picot_adopt(picot_this_loop(), ends[1]);
    CHECK(my->a > 0 && my->b > 0);
    picot_task_group(my->group)
    {
        picot_spawn(&my->group, sender(.fd = my->a, .count = 2000));
        for (my->i = 0; my->i < 2000; my->i++) {
            picot_await(my->len, picot_message_receive(.fd = my->b, .buf = my->buf, .size = sizeof my->buf));
            CHECK_EQ(my->len, my->i % 16 + 1);
            CHECK_EQ(my->buf[my->len - 1], 'a' + my->i % 26);
        }
    }
    CHECK_EQ(pipe(my->pipes), 0);
    picot_await(my->rc, picot_message_send(.fd = my->a, .data = "p", .len = 1, .fds = my->pipes, .fd_count = 2));
    CHECK_EQ(my->rc, 0);
    picot_await(my->len, picot_message_receive(.fd = my->b, .buf = my->buf, .size = 64, .ret_fds = my->fds,
                                               .fd_count = 2, .ret_fd_count = &my->came));
    CHECK_EQ(my->len, 1);
    CHECK_EQ(my->came, 2);
    CHECK_EQ(write(my->fds[1], "x", 1), 1);
    CHECK_EQ(read(my->pipes[0], my->buf, 1), 1);
    CHECK_EQ(close(my->fds[0]) + close(my->fds[1]) + close(my->pipes[0]) + close(my->pipes[1]), 0);
    /* A cancelled receive loses nothing. */
    picot_timeout(my->scope, PICOT_MS) {
        picot_await(my->len, picot_message_receive(.fd = my->b, .buf = my->buf, .size = 64));
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    picot_await(my->rc, picot_message_send(.fd = my->a, .data = "later", .len = 5));
    picot_await(my->len, picot_message_receive(.fd = my->b, .buf = my->buf, .size = 64));
    CHECK_EQ(my->len, 5);
    picot_await(my->rc, picot_message_send(.fd = my->a, .data = "too long", .len = 8));
    picot_await(my->len, picot_message_receive(.fd = my->b, .buf = my->buf, .size = 3));
    CHECK_EQ(my->len, -EMSGSIZE);
    picot_await(my->rc, picot_message_send(.fd = my->a, .data = NULL, .len = 8));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->len, picot_message_receive(.fd = my->b, .buf = NULL, .size = 3));
    CHECK_EQ(my->len, -EINVAL);
    picot_await(picot_close(.fd = my->a));
    picot_await(my->len, picot_message_receive(.fd = my->b, .buf = my->buf, .size = 64));
    CHECK_EQ(my->len, 0);
    picot_await(my->rc, picot_message_send(.fd = my->b, .data = "x", .len = 1));
    CHECK_EQ(my->rc, -EPIPE);
    picot_await(picot_close(.fd = my->b));
    picot_return(0);
    picot_end;
}
#define exchange(...) picot_call(exchange, __VA_ARGS__)

static void messages_are_awaited(void)
{
    int rc;
    CHECK_EQ(picot_message_pair(ends), 0);
    RUN_ALONE(rc, exchange(.unused = 0));
    CHECK_EQ(rc, 0);
}

/* The other end is a process that answers by the blocking forms. */
picot_async_fn(int, ask, (int unused;), (picot_fd fd; int number; int answer; int64_t len; int rc; int i;))
{
    picot_begin;
    my->fd = picot_adopt(picot_this_loop(), ends[0]);
    for (my->i = 0; my->i < 100; my->i++) {
        my->number = my->i;
        picot_try_await(my->rc, picot_message_send(.fd = my->fd, .data = &my->number, .len = sizeof(int)));
        picot_try_await(my->len, picot_message_receive(.fd = my->fd, .buf = &my->answer, .size = sizeof(int)));
        CHECK_EQ(my->answer, my->i * 2);
    }
    picot_await(picot_close(.fd = my->fd));
    picot_return(0);
    picot_end;
}
#define ask(...) picot_call(ask, __VA_ARGS__)

static void another_process_answers(void)
{
    int rc, status;
    CHECK_EQ(picot_message_pair(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int number;
        (void)close(ends[0]);
        while (picot_message_receive_now(ends[1], &number, sizeof number, NULL, 0, NULL, PICOT_NEVER) ==
               sizeof number) {
            number *= 2;
            if (picot_message_send_now(ends[1], &number, sizeof number, NULL, 0, PICOT_NEVER) < 0) _exit(1);
        }
        _exit(0);
    }
    CHECK_EQ(close(ends[1]), 0);
    RUN_ALONE(rc, ask(.unused = 0));
    CHECK_EQ(rc, 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static const struct tap_case cases[] = {
    {"messages are awaited", messages_are_awaited, TAP_BACKENDS},
    {"another process answers", another_process_answers, TAP_BACKENDS},
};

TAP_MAIN(cases)
