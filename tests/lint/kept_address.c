/* SPDX-License-Identifier: MIT
 *
 * Seeded bugs for picot-lint: addresses of automatic objects that something keeps while the function waits.
 */
#include "lint.h"
#include <alloca.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct lint_box {
    int *number;
    const char *text;
};

picot_async_fn(int, child, (int *number; struct lint_pair * pair; const char *text;), (int r;))
{
    picot_begin;
    picot_yield();
    picot_end;
}
#define child(...) picot_call(child, __VA_ARGS__)

picot_async_fn(int, in_the_frame, (int x;), (int *p;))
{
    picot_begin;
    int v = 5;
    my->p = &v; /* LINT: address of 'v' is kept in the frame */
    picot_await(picot_sleep(.ns = 1));
    picot_return(*my->p);
    picot_end;
}

picot_async_fn(int64_t, receive_buffer, (picot_fd fd;), (int64_t n;))
{
    picot_begin;
    char buf[64];
    picot_await(my->n, picot_recv(.fd = my->fd, .buf = buf, .len = sizeof buf)); /* LINT: address of 'buf' is handed */
    picot_return(my->n);
    picot_end;
}

picot_async_fn(int, output_argument, (int x;), (int r;))
{
    picot_begin;
    int v = 0;
    picot_await(child(.number = &v)); /* LINT: address of 'v' */
    picot_return(v);                  /* LINT: 'v' (line 45) does not survive the await at line 46 */
    picot_end;
}

picot_async_fn(int, one_of_many_arguments, (int x;), (int r;))
{
    picot_begin;
    struct lint_pair pair = {1, 2};
    /* clang-format off */
    picot_wait_for(my->r, PICOT_SECOND,
                   child(.text = "fine",
                         .pair = &pair)); /* LINT: address of 'pair' */
    /* clang-format on */
    picot_end;
}

picot_async_fn(int, compound_literal, (int x;), (struct lint_pair * pair;))
{
    picot_begin;
    my->pair = &(struct lint_pair){.a = my->x + 4}; /* LINT: memory of a compound literal is kept in the frame */
    picot_await(picot_sleep(.ns = 1));
    picot_return(my->pair->a);
    picot_end;
}

picot_async_fn(int, literal_as_argument, (int x;), (int r;))
{
    picot_begin;
    picot_await(my->r,
                child(.pair = &(struct lint_pair){1, 2})); /* LINT: compound literal is handed to an awaited call */
    picot_await(my->r, child(.number = (int[]){1, 2}));    /* LINT: compound literal */
    picot_end;
}

picot_async_fn(int, through_a_pointer, (int x;), (int r;))
{
    picot_begin;
    int v = 3;
    int *p = &v;
    *p = 4;
    picot_await(my->r, child(.number = p)); /* LINT: address of 'v' */
    picot_end;
}

picot_async_fn(int64_t, vector, (picot_fd fd;), (struct msghdr msg; int64_t n;))
{
    picot_begin;
    struct iovec part = {(char *)"x", 1};
    my->msg.msg_iov = &part; /* LINT: address of 'part' */
    my->msg.msg_iovlen = 1;
    picot_await(my->n, picot_sendmsg(.fd = my->fd, .msg = &my->msg));
    picot_return(my->n);
    picot_end;
}

picot_async_fn(int64_t, struct_that_points, (picot_fd fd;), (struct msghdr msg; int64_t n;))
{
    picot_begin;
    char text[4] = "abc";
    struct iovec part;
    part.iov_base = text;
    part.iov_len = sizeof text;
    struct iovec *parts = &part;
    my->msg = (struct msghdr){.msg_iov = parts, .msg_iovlen = 1}; /* LINT: address of 'part' */
    picot_await(my->n, picot_sendmsg(.fd = my->fd, .msg = &my->msg));
    picot_return(my->n);
    picot_end;
}

picot_async_fn(int, in_an_object, (struct lint_box * box;), (int r;))
{
    picot_begin;
    int v = 1;
    struct lint_box *box = my->box;
    box->number = &v; /* LINT: address of 'v' is kept in an object */
    picot_yield();
    picot_end;
}

picot_async_fn(int, result_of_a_task, (int x;), (picot_group group;))
{
    picot_begin;
    picot_task_group(my->group);
    int v;
    picot_spawn(&my->group, v, child(.text = "a")); /* LINT: address of 'v' is handed to a task */
    picot_await(picot_join(.group = &my->group));
    picot_end;
}

picot_async_fn(int, argument_of_a_task, (int x;), (picot_group group; int r;))
{
    picot_begin;
    picot_task_group(my->group);
    char name[8] = "a";
    picot_spawn(&my->group, child(.text = name));        /* LINT: address of 'name' */
    picot_start(picot_this_loop(), child(.text = name)); /* LINT: address of 'name' */
    picot_end;
}

picot_async_fn(int, group_on_the_stack, (int x;), (int r;))
{
    picot_begin;
    picot_group group;
    picot_task_group(group); /* LINT: address of 'group' */
    picot_yield();
    picot_end;
}

picot_async_fn(int, timer_on_the_stack, (int x;), (int r;))
{
    picot_begin;
    picot_timer timer = {0};
    picot_call_later(picot_this_loop(), &timer, 5, NULL, NULL); /* LINT: the loop keeps the address of 'timer' */
    picot_yield();
    picot_end;
}

picot_async_fn(const char *, returned, (int x;), (int r;))
{
    picot_begin;
    char text[8] = "abc";
    picot_return(text); /* LINT: address of 'text' is returned */
    picot_end;
}

picot_async_fn(int, stack_memory, (size_t size;), (char *block;))
{
    picot_begin;
    my->block = alloca(my->size); /* LINT: memory of alloca */
    picot_yield();
    picot_end;
}
