/* SPDX-License-Identifier: MIT
 *
 * transfers.c - bytes from handle to handle, on every backend: every kind to every kind, all bytes checked; slow peers
 * that hold no thread; ends, errors, cancels and closes. Sources: copy_file_range(2), sendfile(2), splice(2).
 */
#include "file_support.h"
#include "support.h"
#include <errno.h>
#include <picot/transfer.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#define SIZE ((size_t)700001)
#define SEED 9

struct moving {
    picot_transfer transfer;
    bool done;
};

static void moving_done(picot_loop *loop, picot_transfer *transfer)
{
    struct moving *it = transfer->user;
    (void)loop;
    CHECK(!it->done);
    it->done = true;
}

static bool is_done(void *arg)
{
    return ((struct moving *)arg)->done;
}

static int64_t move(picot_loop *loop, struct moving *it, picot_fd from, int64_t from_offset, picot_fd to,
                    int64_t to_offset, int64_t count)
{
    it->done = false;
    picot_transfer_prepare(&it->transfer, from, from_offset, to, to_offset, count);
    int rc = picot_transfer_start(loop, &it->transfer, moving_done, it);
    if (rc < 0) return rc;
    CHECK(!it->done);
    CHECK(run_until(loop, is_done, it));
    return it->transfer.result;
}

static char bytes[SIZE], got[SIZE + 1];

static picot_fd open_in(picot_loop *loop, const struct folder *folder, const char *name, int flags)
{
    return adopt(loop, openat(folder->fd, name, flags | O_CREAT | O_CLOEXEC, 0600));
}

/* ---- between files ------------------------------------------------------------------------------- */

static void between_files(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct moving it = {0};
    folder_make(&folder);
    pattern_fill(bytes, SIZE, SEED, 0);
    folder_put(&folder, "from", bytes, SIZE);
    picot_fd from = open_in(loop, &folder, "from", O_RDONLY), to = open_in(loop, &folder, "to", O_RDWR);
    CHECK_EQ(move(loop, &it, from, 0, to, 0, PICOT_TO_THE_END), SIZE);
    CHECK_EQ(it.transfer.moved, SIZE);
    CHECK_EQ(folder_get(&folder, "to", got, sizeof got), SIZE);
    CHECK_MEM(got, bytes, SIZE);
    CHECK_EQ(move(loop, &it, from, 10, to, 0, 100), 100); /* a part */
    CHECK_EQ(move(loop, &it, from, (int64_t)SIZE - 5, to, 100, 100), 5);
    CHECK_EQ(move(loop, &it, from, (int64_t)SIZE + 5, to, 200, 100), 0);
    CHECK_EQ(move(loop, &it, from, 0, to, 200, 0), 0);
    CHECK_EQ(folder_get(&folder, "to", got, sizeof got), SIZE);
    CHECK_MEM(got, bytes + 10, 100);
    CHECK_MEM(got + 100, bytes + SIZE - 5, 5);
    CHECK_MEM(got + 105, bytes + 105, SIZE - 105);
    close_handle(loop, to);
    to = open_in(loop, &folder, "positions", O_RDWR);
    CHECK_EQ(move(loop, &it, from, PICOT_POSITION, to, PICOT_POSITION, 1000), 1000);
    CHECK_EQ(move(loop, &it, from, PICOT_POSITION, to, PICOT_POSITION, PICOT_TO_THE_END), SIZE - 1000);
    CHECK_EQ(folder_get(&folder, "positions", got, sizeof got), SIZE);
    CHECK_MEM(got, bytes, SIZE);
    close_handle(loop, to);
    to = open_in(loop, &folder, "appended", O_WRONLY | O_APPEND); /* which the kernel's copies refuse */
    CHECK_EQ(move(loop, &it, from, 0, to, PICOT_POSITION, 1000), 1000);
    CHECK_EQ(move(loop, &it, from, 1000, to, PICOT_POSITION, PICOT_TO_THE_END), SIZE - 1000);
    CHECK_EQ(folder_get(&folder, "appended", got, sizeof got), SIZE);
    CHECK_MEM(got, bytes, SIZE);
    close_handle(loop, to);
    close_handle(loop, from);
    to = open_in(loop, &folder, "to", O_RDWR); /* to itself */
    CHECK_EQ(move(loop, &it, to, 0, to, 350000, 1000), 1000);
    CHECK_EQ(folder_get(&folder, "to", got, sizeof got), SIZE);
    CHECK_MEM(got + 350000, got, 1000);
    from = adopt(loop, open("/proc/self/maps", O_RDONLY | O_CLOEXEC)); /* its size is 0 */
    CHECK(move(loop, &it, from, 0, to, 0, PICOT_TO_THE_END) > 100);
    close_handle(loop, from);
    close_handle(loop, to);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* ---- any kind to any kind ------------------------------------------------------------------------ */

/* An end of a way: ours in the loop, theirs outside. A file has no other end. */
enum kind { A_FILE, APPENDED, PIPE, BLOCKING_PIPE, TCP, BLOCKING_TCP, LOCAL, KINDS };

struct way {
    enum kind kind;
    picot_fd ours;
    int theirs;
};

/* Far less than SIZE, but not so little that TCP waits for its timers: its segments are as large as 64 KiB here. */
static void limit_buffers(int fd)
{
    int size = 100000;
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

static struct way open_way(picot_loop *loop, const struct folder *folder, enum kind kind, bool source)
{
    struct way way = {kind, 0, -1};
    int fds[2];
    if (kind <= APPENDED) {
        if (source) folder_put(folder, "source", bytes, SIZE);
        way.ours = source             ? open_in(loop, folder, "source", O_RDONLY)
                   : kind == APPENDED ? open_in(loop, folder, "target", O_WRONLY | O_APPEND | O_TRUNC)
                                      : open_in(loop, folder, "target", O_WRONLY | O_TRUNC);
        return way;
    }
    if (kind == PIPE || kind == BLOCKING_PIPE) {
        CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
        way.ours = adopt(loop, fds[source ? 0 : 1]);
        way.theirs = fds[source ? 1 : 0];
        if (kind == PIPE) set_nonblocking(picot_fd_number(loop, way.ours), true);
    } else {
        if (kind == LOCAL)
            CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        else
            tcp_pair(fds);
        limit_buffers(fds[0]);
        limit_buffers(fds[1]);
        if (kind == TCP) set_nonblocking(fds[0], true);
        way.ours = adopt(loop, fds[0]);
        way.theirs = fds[1];
    }
    set_nonblocking(way.theirs, true);
    return way;
}

/* What the outside does in a turn: feeds the source and drains the target, as much as goes. */
struct outside {
    struct way *from, *to;
    size_t fed, drained;
    struct moving *it;
};

static bool outside_moves(void *arg)
{
    struct outside *outside = arg;
    if (outside->from->theirs >= 0) {
        ssize_t n = write(outside->from->theirs, bytes + outside->fed, SIZE - outside->fed);
        if (n > 0) outside->fed += (size_t)n;
        if (outside->fed == SIZE) {
            CHECK_EQ(close(outside->from->theirs), 0);
            outside->from->theirs = -1;
        }
    }
    if (outside->to->theirs >= 0) {
        ssize_t n = read(outside->to->theirs, got + outside->drained, sizeof got - outside->drained);
        if (n > 0) outside->drained += (size_t)n;
    }
    return outside->it->done;
}

static void any_to_any(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    folder_make(&folder);
    pattern_fill(bytes, SIZE, SEED, 0);
    for (int a = 0; a < KINDS; a++) {
        for (int b = 0; b < KINDS; b++) {
            if (a == APPENDED) continue;
            struct way from = open_way(loop, &folder, a, true), to = open_way(loop, &folder, b, false);
            struct moving it = {0};
            struct outside outside = {&from, &to, 0, 0, &it};
            memset(got, 0, sizeof got);
            picot_transfer_prepare(&it.transfer, from.ours, PICOT_POSITION, to.ours, PICOT_POSITION, PICOT_TO_THE_END);
            CHECK_EQ(picot_transfer_start(loop, &it.transfer, moving_done, &it), 0);
            for (int i = 0; i < 1000000 && !outside_moves(&outside); i++)
                CHECK(picot_loop_run(loop, PICOT_RUN_NOWAIT) >= 0);
            if (it.transfer.result != (int64_t)SIZE) tap_note("from kind %d to kind %d", a, b);
            CHECK(it.done);
            CHECK_EQ(it.transfer.result, SIZE);
            CHECK_EQ(it.transfer.moved, SIZE);
            close_handle(loop, from.ours);
            close_handle(loop, to.ours);
            if (to.theirs < 0) {
                CHECK_EQ(folder_get(&folder, "target", got, sizeof got), SIZE);
            } else {
                set_nonblocking(to.theirs, false);
                while (outside.drained < SIZE)
                    CHECK(read(to.theirs, got + outside.drained, 1) == 1 && ++outside.drained > 0);
                CHECK_EQ(read(to.theirs, got + outside.drained, 1), 0);
                CHECK_EQ(close(to.theirs), 0);
            }
            CHECK_MEM(got, bytes, SIZE);
        }
    }
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* ---- slow peers ---------------------------------------------------------------------------------- */

/* More transfers to peers that read nothing than there are threads: files are still served, and cancels work. */
static void slow_peers(void)
{
    enum { PEERS = 20 };
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct moving its[PEERS] = {0};
    struct way ways[PEERS];
    picot_fd sources[PEERS];
    struct recorded reading = {0};
    folder_make(&folder);
    pattern_fill(bytes, SIZE, SEED, 0);
    folder_put(&folder, "source", bytes, SIZE);
    for (int i = 0; i < PEERS; i++) {
        ways[i] = open_way(loop, &folder, i % 2 ? BLOCKING_TCP : BLOCKING_PIPE, false);
        sources[i] = open_in(loop, &folder, "source", O_RDONLY);
        picot_transfer_prepare(&its[i].transfer, sources[i], 0, ways[i].ours, PICOT_POSITION, PICOT_TO_THE_END);
        CHECK_EQ(picot_transfer_start(loop, &its[i].transfer, moving_done, &its[i]), 0);
    }
    picot_fd file = open_in(loop, &folder, "source", O_RDONLY);
    for (int i = 0; i < 50; i++) {
        picot_op_read(&reading.op, file, got, 1000, i * 1000);
        CHECK_EQ(perform(loop, &reading), 1000);
        CHECK_MEM(got, bytes + i * 1000, 1000);
    }
    for (int i = 0; i < PEERS; i++) {
        CHECK(!its[i].done);
        CHECK_EQ(picot_transfer_cancel(loop, &its[i].transfer), 0);
        CHECK_EQ(picot_transfer_cancel(loop, &its[i].transfer), 0);
        CHECK(run_until(loop, is_done, &its[i]));
        CHECK_EQ(its[i].transfer.result, -ECANCELED);
        CHECK_EQ(picot_transfer_cancel(loop, &its[i].transfer), 0);
        close_handle(loop, ways[i].ours);
        close_handle(loop, sources[i]);
        set_nonblocking(ways[i].theirs, false);
        size_t count = 0;
        ssize_t n;
        while ((n = read(ways[i].theirs, got + count, sizeof got - count)) > 0)
            count += (size_t)n;
        CHECK_EQ(count, its[i].transfer.moved); /* exact */
        CHECK_MEM(got, bytes, count);
        CHECK_EQ(close(ways[i].theirs), 0);
    }
    close_handle(loop, file);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* ---- what goes wrong ----------------------------------------------------------------------------- */

static void bad_transfers(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    struct moving it = {0};
    folder_make(&folder);
    folder_put(&folder, "file", "content", 7);
    picot_fd file = open_in(loop, &folder, "file", O_RDONLY), other = open_in(loop, &folder, "other", O_WRONLY);
    struct way way = open_way(loop, &folder, PIPE, false);
    CHECK_EQ(move(loop, &it, file, 0, other, 0, -1), -EINVAL);
    CHECK_EQ(move(loop, &it, file, -2, other, 0, 1), -EINVAL);
    CHECK_EQ(move(loop, &it, file, 0, 12345, 0, 1), -EBADF);
    CHECK_EQ(move(loop, &it, 12345, 0, other, 0, 1), -EBADF);
    CHECK_EQ(move(loop, &it, file, 0, file, 0, 1), -EBADF);   /* not open for writing */
    CHECK_EQ(move(loop, &it, other, 0, other, 0, 1), -EBADF); /* nor for reading */
    CHECK_EQ(move(loop, &it, file, 0, way.ours, 3, 1), -ESPIPE);
    CHECK_EQ(move(loop, &it, way.ours, PICOT_POSITION, other, 0, 1), -EBADF);
    CHECK_EQ(picot_transfer_start(loop, NULL, moving_done, NULL), -EINVAL);
    CHECK_EQ(picot_transfer_start(loop, &it.transfer, NULL, NULL), -EINVAL);
    CHECK_EQ(picot_transfer_cancel(loop, NULL), -EINVAL);
    struct recorded reading = {0};
    picot_op_read(&reading.op, file, got, 7, PICOT_POSITION);
    CHECK_EQ(start(loop, &reading), 0);
    CHECK_EQ(move(loop, &it, file, 0, other, 0, 1), -EBUSY);
    CHECK_EQ(finish(loop, &reading), 7);
    CHECK_EQ(close(way.theirs), 0);
    CHECK_EQ(move(loop, &it, file, 0, way.ours, PICOT_POSITION, 7), -EPIPE); /* and no SIGPIPE */
    close_handle(loop, way.ours);
    way = open_way(loop, &folder, LOCAL, false);
    CHECK_EQ(close(way.theirs), 0);
    CHECK_EQ(move(loop, &it, file, 0, way.ours, PICOT_POSITION, 7), -EPIPE);
    close_handle(loop, way.ours);
    if (access("/dev/full", W_OK) == 0) {
        way.ours = adopt(loop, open("/dev/full", O_WRONLY | O_CLOEXEC));
        CHECK_EQ(move(loop, &it, file, 0, way.ours, PICOT_POSITION, 7), -ENOSPC);
        close_handle(loop, way.ours);
    }
    close_handle(loop, file);
    close_handle(loop, other);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* Either handle closed under a transfer, in any state of it. */
static void closed_under_way(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    folder_make(&folder);
    pattern_fill(bytes, SIZE, SEED, 0);
    folder_put(&folder, "source", bytes, SIZE);
    for (unsigned i = 0; i < 40; i++) {
        struct moving it = {0};
        struct way way = open_way(loop, &folder, i / 2 % 2 ? TCP : PIPE, false);
        picot_fd file = open_in(loop, &folder, "source", O_RDONLY);
        picot_transfer_prepare(&it.transfer, file, 0, way.ours, PICOT_POSITION, PICOT_TO_THE_END);
        CHECK_EQ(picot_transfer_start(loop, &it.transfer, moving_done, &it), 0);
        run_turns(loop, i / 4);
        close_handle(loop, i % 2 ? file : way.ours);
        if (i % 2) { /* it may be waiting for the other one */
            set_nonblocking(way.theirs, true);
            for (int turn = 0; turn < 100000 && !it.done; turn++) {
                (void)!read(way.theirs, got, sizeof got);
                run_turns(loop, 1);
            }
        }
        CHECK(run_until(loop, is_done, &it));
        CHECK(it.transfer.result == -ECANCELED || it.transfer.result == -EBADF);
        close_handle(loop, i % 2 ? way.ours : file);
        CHECK_EQ(close(way.theirs), 0);
    }
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* The position of the file tells how much went out, and others may read the file with offsets meanwhile. */
static void peer_gone(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    folder_make(&folder);
    pattern_fill(bytes, SIZE, SEED, 0);
    folder_put(&folder, "source", bytes, SIZE);
    picot_fd file = open_in(loop, &folder, "source", O_RDONLY);
    for (enum kind kind = PIPE; kind < KINDS; kind++) {
        struct way way = open_way(loop, &folder, kind, false);
        struct moving it = {0};
        struct recorded reading = {0};
        CHECK_EQ(lseek(picot_fd_number(loop, file), 100, SEEK_SET), 100);
        picot_transfer_prepare(&it.transfer, file, PICOT_POSITION, way.ours, PICOT_POSITION, PICOT_TO_THE_END);
        CHECK_EQ(picot_transfer_start(loop, &it.transfer, moving_done, &it), 0);
        picot_op_read(&reading.op, file, got, 1000, 5000);
        CHECK_EQ(perform(loop, &reading), 1000);
        CHECK_MEM(got, bytes + 5000, 1000);
        set_nonblocking(way.theirs, false);
        run_turns(loop, 20);
        for (size_t have = 0; have < 1000;) {
            run_turns(loop, 1);
            struct pollfd entry = {.fd = way.theirs, .events = POLLIN};
            if (poll(&entry, 1, 0) != 1) continue;
            ssize_t n = read(way.theirs, got + have, 1000 - have);
            CHECK(n > 0);
            have += (size_t)n;
        }
        CHECK_MEM(got, bytes + 100, 1000);
        CHECK_EQ(close(way.theirs), 0);
        CHECK(run_until(loop, is_done, &it));
        CHECK(it.transfer.result == -EPIPE || it.transfer.result == -ECONNRESET);
        CHECK(it.transfer.moved >= 1000);
        CHECK_EQ(lseek(picot_fd_number(loop, file), 0, SEEK_CUR), 100 + it.transfer.moved);
        close_handle(loop, way.ours);
    }
    close_handle(loop, file);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* A socket to itself sends back what comes, until it is closed. */
static void echo(void)
{
    picot_loop *loop = tap_loop();
    for (enum kind kind = TCP; kind < KINDS; kind++) {
        struct way way = open_way(loop, NULL, kind, false);
        struct moving it = {0};
        picot_transfer_prepare(&it.transfer, way.ours, PICOT_POSITION, way.ours, PICOT_POSITION, PICOT_TO_THE_END);
        CHECK_EQ(picot_transfer_start(loop, &it.transfer, moving_done, &it), 0);
        for (int i = 0; i < 5; i++) {
            peer_send(way.theirs, "12345", 5);
            for (int have = 0; have < 5;) {
                run_turns(loop, 5);
                ssize_t n = recv(way.theirs, got + have, (size_t)(5 - have), MSG_DONTWAIT);
                if (n > 0) have += (int)n;
            }
            CHECK_MEM(got, "12345", 5);
        }
        close_handle(loop, way.ours);
        CHECK(run_until(loop, is_done, &it));
        CHECK(it.transfer.result == -ECANCELED || it.transfer.result == -EBADF);
        CHECK_EQ(it.transfer.moved, 25);
        CHECK_EQ(close(way.theirs), 0);
    }
    tap_loop_end(loop);
}

static void destroyed_under_way(void)
{
    for (unsigned i = 0; i < 6; i++) {
        picot_loop *loop = tap_loop();
        struct folder folder;
        struct moving it = {0};
        folder_make(&folder);
        folder_put(&folder, "source", bytes, SIZE);
        struct way way = open_way(loop, &folder, PIPE, false);
        picot_fd file = open_in(loop, &folder, "source", O_RDONLY);
        picot_transfer_prepare(&it.transfer, file, 0, way.ours, PICOT_POSITION, PICOT_TO_THE_END);
        CHECK_EQ(picot_transfer_start(loop, &it.transfer, moving_done, &it), 0);
        run_turns(loop, i);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        CHECK(it.done);
        CHECK(it.transfer.result < 0);
        CHECK_EQ(close(way.theirs), 0);
        folder_remove(&folder);
    }
}

static void out_of_memory(void)
{
    picot_loop *loop = tap_loop();
    struct folder folder;
    folder_make(&folder);
    folder_put(&folder, "source", "content", 7);
    picot_fd from = open_in(loop, &folder, "source", O_RDONLY), to = open_in(loop, &folder, "to", O_WRONLY | O_APPEND);
    int64_t result = -ENOMEM;
    for (long after = 0; result == -ENOMEM; after++) {
        struct moving it = {0};
        CHECK(after < 50);
        tap_allocator_fail_after(after);
        result = move(loop, &it, from, 0, to, PICOT_POSITION, 7);
        tap_allocator_fail_after(-1);
        CHECK(result == 7 || (result == -ENOMEM && it.transfer.moved < 8));
    }
    close_handle(loop, from);
    close_handle(loop, to);
    folder_remove(&folder);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"transfers: between files", between_files, TAP_BACKENDS},
    {"transfers: any to any", any_to_any, TAP_BACKENDS | TAP_SLOW},
    {"transfers: slow peers", slow_peers, TAP_BACKENDS},
    {"transfers: bad ones", bad_transfers, TAP_BACKENDS},
    {"transfers: closed under way", closed_under_way, TAP_BACKENDS},
    {"transfers: the peer is gone", peer_gone, TAP_BACKENDS},
    {"transfers: an echo", echo, TAP_BACKENDS},
    {"transfers: destroyed under way", destroyed_under_way, TAP_BACKENDS},
    {"transfers: out of memory", out_of_memory, TAP_BACKENDS},
};

TAP_MAIN(cases)
