/* SPDX-License-Identifier: MIT
 *
 * shared.c - two processes: the parent passes shared memory to a child in a message; the child counts in it under a
 * lock, dies while it holds it, and the parent is told.
 */
#include <picot.h>
#include <picot/short.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct board {
    picot_shared_lock lock;
    int count;
};

/* The child: plain code, without a loop. */
static int count_to_ten(int socket)
{
    picot_shared memory;
    char word[8];
    int fd;
    size_t fd_count;
    if (picot_message_receive_now(socket, word, sizeof word, &fd, 1, &fd_count, PICOT_NEVER) <= 0) return 1;
    if (picot_shared_attach(fd, &memory) < 0) return 1;
    struct board *board = memory.data;
    for (int i = 0; i < 10; i++) {
        picot_shared_lock_acquire(&board->lock, PICOT_NEVER);
        board->count++;
        if (i == 9) raise(SIGKILL); /* before it gives the lock back */
        picot_shared_lock_release(&board->lock);
    }
    return 0;
}

static int64_t take_lock(picot_worker *worker, void *lock)
{
    (void)worker;
    return picot_shared_lock_acquire(lock, PICOT_SECOND);
}

async_fn(int, hand_over, (int socket; picot_shared memory;),
         (picot_fd conn; struct board * board; char end; int64_t r;))
{
    async_begin;
    my->board = my->memory.data;
    my->conn = picot_adopt(picot_this_loop(), my->socket);
    if (my->conn < 0) async_fail((int)my->conn);
    defer await(picot_close(.fd = my->conn));
    try_await(picot_message_send(.fd = my->conn, .data = "count", .len = 5, .fds = &my->memory.fd, .fd_count = 1));
    await(my->r, picot_message_receive(.fd = my->conn, .buf = &my->end, .size = 1)); /* until the child is gone */
    await(my->r, picot_run_in(.fn = take_lock, .arg = &my->board->lock));            /* it blocks: in a thread */
    printf("counted to %d; the lock: %s\n", my->board->count, picot_error_name(my->r));
    async_end;
}
#define hand_over(...) async_call(hand_over, __VA_ARGS__)

int main(void)
{
    picot_shared memory = {0};
    int ends[2], rc = picot_shared_create(sizeof(struct board), &memory);
    if (rc == 0) rc = picot_shared_lock_init(&((struct board *)memory.data)->lock);
    if (rc == 0) rc = picot_message_pair(ends);
    if (rc == 0) {
        pid_t pid = fork();
        if (pid == 0) {
            close(ends[0]);
            _exit(count_to_ten(ends[1]));
        }
        close(ends[1]);
        rc = picot_main(NULL, hand_over(.socket = ends[0], .memory = memory));
        waitpid(pid, NULL, 0);
    }
    picot_shared_close(&memory);
    if (rc < 0) fprintf(stderr, "shared: %s\n", picot_strerror(rc));
    return rc < 0;
}
