/* SPDX-License-Identifier: MIT
 *
 * stream_send.c - sending on streams, on every backend: all of it, short, to peers that read slowly, left or reset;
 * two writers; reading and writing at once; gathered messages and passed descriptors.
 *
 * No case changes what SIGPIPE does: one signal ends the process and with it the case. See send(2), unix(7).
 */
#include "support.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- a peer in a thread: reads slowly and compares ------------------------------------------- */

struct reader {
    pthread_t thread;
    int fd;
    uint64_t seed;
    size_t limit; /* stops after so many bytes */
    size_t got;
};

static void *read_slowly(void *arg)
{
    struct reader *reader = arg;
    static _Thread_local char block[65536];
    for (unsigned i = 0; reader->got < reader->limit; i++) {
        size_t size = i % 16 == 0 ? 1 + i % 1000 : sizeof block;
        ssize_t bytes = recv(reader->fd, block, size, 0);
        CHECK(bytes >= 0);
        if (bytes == 0) {
            break;
        }
        CHECK_EQ(pattern_match(block, (size_t)bytes, reader->seed, reader->got), bytes);
        reader->got += (size_t)bytes;
    }
    return NULL;
}

static void reader_start(struct reader *reader, int fd, uint64_t seed, size_t limit)
{
    *reader = (struct reader){.fd = fd, .seed = seed, .limit = limit};
    CHECK_EQ(pthread_create(&reader->thread, NULL, read_slowly, reader), 0);
}

static void reader_join(struct reader *reader)
{
    CHECK_EQ(pthread_join(reader->thread, NULL), 0);
}

/* ---- cases ----------------------------------------------------------------------------------- */

static int64_t send_some(picot_loop *loop, picot_fd fd, const void *buf, size_t len)
{
    struct recorded it = {0};
    picot_op_send(&it.op, fd, buf, len, 0);
    return perform(loop, &it);
}

static void small_sends_arrive(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char sent[64], got[64];
        struct stream stream = open_stream(loop, flavour);
        for (uint64_t i = 0; i < 20; i++) {
            pattern_fill(sent, sizeof sent, flavour, 64 * i);
            CHECK_EQ(send_some(loop, stream.ours, sent, sizeof sent), sizeof sent);
            peer_recv(stream.theirs, got, sizeof got);
            CHECK_MEM(got, sent, sizeof sent);
        }
        CHECK_EQ(send_some(loop, stream.ours, NULL, 0), 0);
        CHECK_EQ(send_some(loop, stream.ours, sent, 0), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* The whole of 64 MB in one operation, through a reader that takes odd pieces. */
static void send_all_of_64_mb(void)
{
    enum { TOTAL = 64 * 1000 * 1000 };
    picot_loop *loop = tap_loop();
    char *data = malloc(TOTAL);
    CHECK(data != NULL);
    pattern_fill(data, TOTAL, 64, 0);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct recorded it = {0};
        struct reader reader;
        struct stream stream = open_stream(loop, flavour);
        reader_start(&reader, stream.theirs, 64, SIZE_MAX);
        picot_op_send_all(&it.op, stream.ours, data, TOTAL, 0);
        CHECK_EQ(perform(loop, &it), TOTAL);
        CHECK_EQ(picot_op_progress(&it.op), TOTAL);
        close_handle(loop, stream.ours);
        reader_join(&reader);
        CHECK_EQ(reader.got, TOTAL);
        CHECK_EQ(close(stream.theirs), 0);
    }
    free(data);
    tap_loop_end(loop);
}

/* Plain sends may be short but are never 0; what they claim to have taken is what arrives. */
static void short_sends_add_up(void)
{
    enum { TOTAL = 300 * 1000 };
    picot_loop *loop = tap_loop();
    char *data = malloc(TOTAL);
    CHECK(data != NULL);
    pattern_fill(data, TOTAL, 5, 0);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct reader reader;
        struct stream stream = open_stream(loop, flavour);
        small_buffers(picot_fd_number(loop, stream.ours));
        reader_start(&reader, stream.theirs, 5, SIZE_MAX);
        for (size_t sent = 0; sent < TOTAL;) {
            int64_t bytes = send_some(loop, stream.ours, data + sent, TOTAL - sent);
            CHECK(bytes > 0 && (size_t)bytes <= TOTAL - sent);
            sent += (size_t)bytes;
        }
        close_handle(loop, stream.ours);
        reader_join(&reader);
        CHECK_EQ(reader.got, TOTAL);
        CHECK_EQ(close(stream.theirs), 0);
    }
    free(data);
    tap_loop_end(loop);
}

/* The way is full before the submit: the send waits, and goes on when the peer reads. */
static void send_waits_for_room(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char block[4096], last;
        struct recorded it = {0};
        struct stream stream = open_stream(loop, flavour);
        small_buffers(picot_fd_number(loop, stream.ours));
        size_t filled = fill_up(picot_fd_number(loop, stream.ours), 9);
        pattern_fill(&last, 1, 9, filled);
        picot_op_send(&it.op, stream.ours, &last, 1, 0);
        CHECK_EQ(start(loop, &it), 0);
        CHECK(is_calm(run_for(loop, 50 * PICOT_MS)));
        CHECK(!completed(&it));
        for (size_t got = 0; got < filled;) {
            size_t size = filled - got < sizeof block ? filled - got : sizeof block;
            peer_recv(stream.theirs, block, size);
            CHECK_EQ(pattern_match(block, size, 9, got), size);
            got += size;
        }
        CHECK_EQ(finish(loop, &it), 1);
        peer_recv(stream.theirs, block, 1);
        CHECK_EQ(block[0], last);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* At once or not at all, and then an operation waits for the rest. */
static void tries(void)
{
    enum { TOTAL = 4 * 1000 * 1000 };
    picot_loop *loop = tap_loop();
    char *data = malloc(TOTAL);
    CHECK(data != NULL);
    pattern_fill(data, TOTAL, 5, 0);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct recorded it = {0};
        struct reader reader;
        char got[8];
        struct stream stream = open_stream(loop, flavour);
        CHECK_EQ(picot_try_send(loop, stream.ours, "hello", 5, 0), 5);
        peer_recv(stream.theirs, got, 5);
        CHECK_MEM(got, "hello", 5);
        CHECK_EQ(picot_try_send(loop, stream.ours, NULL, 0, 0), 0);
        int64_t sent = picot_try_send(loop, stream.ours, data, TOTAL, 0), more;
        CHECK(sent > 0 && sent < TOTAL);
        while ((more = picot_try_send(loop, stream.ours, data + sent, (size_t)(TOTAL - sent), 0)) > 0)
            sent += more;
        CHECK_EQ(more, -EAGAIN);
        CHECK_EQ(picot_try_send(loop, stream.ours, data, 1, 0), -EAGAIN);
        picot_op_send_all(&it.op, stream.ours, data + sent, (size_t)(TOTAL - sent), 0);
        CHECK_EQ(start(loop, &it), 0);
        CHECK_EQ(picot_try_send(loop, stream.ours, data, 1, 0), -EBUSY);
        reader_start(&reader, stream.theirs, 5, TOTAL);
        CHECK_EQ(finish(loop, &it), TOTAL - sent);
        reader_join(&reader);
        CHECK_EQ(picot_try_send(loop, stream.ours, "x", 1, 0), 1); /* there is room again */
        close_stream(loop, &stream);
        CHECK_EQ(picot_try_send(loop, stream.ours, "x", 1, 0), -EBADF);
    }
    free(data);
    tap_loop_end(loop);
}

static void tries_refused(void)
{
    picot_loop *loop = tap_loop();
    int pipe_fds[2];
    struct stream stream = open_stream(loop, 0);
    CHECK_EQ(picot_try_send(loop, stream.ours, NULL, 1, 0), -EINVAL);
    CHECK_EQ(picot_try_send(loop, stream.ours, "x", SIZE_MAX, 0), -EINVAL);
    CHECK_EQ(picot_try_send(loop, 0, "x", 1, 0), -EBADF);
    CHECK_EQ(picot_try_send(loop, -5, "x", 1, 0), -EBADF);
    CHECK_EQ(pipe(pipe_fds), 0);
    picot_fd writer = picot_adopt(loop, pipe_fds[1]);
    CHECK_EQ(picot_try_send(loop, writer, "x", 1, 0), -ENOTSOCK);
    CHECK_EQ(close(stream.theirs), 0);
    stream.theirs = -1;
    int64_t code = 0;
    for (int i = 0; i < 1000 && code >= 0; i++)
        code = picot_try_send(loop, stream.ours, "x", 1, 0);
    CHECK(code == -EPIPE || code == -ECONNRESET);
    CHECK_EQ(picot_try_send(loop, stream.ours, "x", 1, 0), -EPIPE);
    struct recorded it = {0};
    picot_op_close(&it.op, writer);
    CHECK_EQ(perform(loop, &it), 0);
    CHECK_EQ(close(pipe_fds[0]), 0);
    close_stream(loop, &stream);
    tap_loop_end(loop);
}

/* One writer per handle: bytes of two can never mix. */
static void second_send_is_refused(void)
{
    enum { TOTAL = 8 * 1000 * 1000 };
    picot_loop *loop = tap_loop();
    char *data = malloc(TOTAL);
    CHECK(data != NULL);
    pattern_fill(data, TOTAL, 2, 0);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct recorded first = {0}, second = {0};
        struct reader reader;
        struct stream stream = open_stream(loop, flavour);
        picot_op_send_all(&first.op, stream.ours, data, TOTAL, 0);
        CHECK_EQ(start(loop, &first), 0);
        picot_op_send_all(&second.op, stream.ours, data, TOTAL, 0);
        CHECK_EQ(start(loop, &second), -EBUSY);
        run_turns(loop, 3);
        CHECK(!completed(&first)); /* nobody reads yet */
        CHECK_EQ(start(loop, &second), -EBUSY);
        picot_op_poll(&second.op, stream.ours, PICOT_WRITABLE);
        CHECK_EQ(start(loop, &second), -EBUSY);
        reader_start(&reader, stream.theirs, 2, TOTAL);
        CHECK_EQ(finish(loop, &first), TOTAL);
        reader_join(&reader);
        close_stream(loop, &stream);
    }
    free(data);
    tap_loop_end(loop);
}

/* A full way out does not hold up what comes in, and the other way round. */
static void both_directions_at_once(void)
{
    enum { TOTAL = 4 * 1000 * 1000 };
    picot_loop *loop = tap_loop();
    char *data = malloc(TOTAL);
    CHECK(data != NULL);
    pattern_fill(data, TOTAL, 3, 0);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char got[16];
        struct recorded sending = {0}, receiving = {0};
        struct reader reader;
        struct stream stream = open_stream(loop, flavour);
        picot_op_send_all(&sending.op, stream.ours, data, TOTAL, 0);
        picot_op_recv(&receiving.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(start(loop, &receiving), 0);
        CHECK_EQ(start(loop, &sending), 0);
        for (int i = 0; i < 5; i++) {
            run_turns(loop, 2);
            peer_send(stream.theirs, "ping", 4);
            CHECK_EQ(finish(loop, &receiving), 4);
            CHECK_MEM(got, "ping", 4);
            CHECK(!completed(&sending));
            CHECK_EQ(start(loop, &receiving), 0);
        }
        reader_start(&reader, stream.theirs, 3, TOTAL);
        CHECK_EQ(finish(loop, &sending), TOTAL);
        reader_join(&reader);
        CHECK(!completed(&receiving));
        CHECK_EQ(close(stream.theirs), 0);
        stream.theirs = -1;
        CHECK_EQ(finish(loop, &receiving), 0);
        close_stream(loop, &stream);
    }
    free(data);
    tap_loop_end(loop);
}

/* Sends to a peer that is gone: a code, and never a signal. */
static void peer_is_gone(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct recorded it = {0};
        int64_t code = 0;
        struct stream stream = open_stream(loop, flavour);
        CHECK_EQ(close(stream.theirs), 0);
        stream.theirs = -1;
        for (int i = 0; i < 1000 && code >= 0; i++) {
            code = send_some(loop, stream.ours, "x", 1);
            CHECK(code != 0 && code != NEVER_CAME);
        }
        CHECK(code == -EPIPE || code == -ECONNRESET);
        CHECK_EQ(send_some(loop, stream.ours, "x", 1), -EPIPE);
        picot_op_send_all(&it.op, stream.ours, "xx", 2, 0);
        CHECK_EQ(perform(loop, &it), -EPIPE);
        CHECK_EQ(picot_op_progress(&it.op), 0);
        picot_op_write(&it.op, stream.ours, "x", 1, -1);
        CHECK_EQ(perform(loop, &it), -EPIPE);
        struct iovec part = {(char *)"x", 1};
        struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
        picot_op_sendmsg(&it.op, stream.ours, &msg, 0);
        CHECK_EQ(perform(loop, &it), -EPIPE);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* The reset comes while a send waits for room; what is reported is what TCP says, and progress tells the bytes taken.
 */
static void reset_while_sending(void)
{
    enum { TOTAL = 16 * 1000 * 1000 };
    picot_loop *loop = tap_loop();
    char *data = calloc(1, TOTAL);
    CHECK(data != NULL);
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        struct recorded it = {0};
        struct stream stream = open_stream(loop, flavour);
        picot_op_send_all(&it.op, stream.ours, data, TOTAL, 0);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, 5);
        CHECK(!completed(&it));
        if (flavour_is_tcp(flavour)) {
            reset_on_close(stream.theirs);
        }
        CHECK_EQ(close(stream.theirs), 0);
        stream.theirs = -1;
        int64_t code = finish(loop, &it);
        CHECK(code == -EPIPE || code == -ECONNRESET);
        CHECK(picot_op_progress(&it.op) > 0 && picot_op_progress(&it.op) < TOTAL);
        close_stream(loop, &stream);
    }
    free(data);
    tap_loop_end(loop);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void gather_and_scatter(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
        char left[3], right[32], got[16];
        struct recorded out = {0}, in = {0};
        struct stream stream = open_stream(loop, flavour);
        struct iovec parts[2] = {{(char *)"hello ", 6}, {(char *)"world", 5}};
        struct msghdr sent = {.msg_iov = parts, .msg_iovlen = 2};
        picot_op_sendmsg(&out.op, stream.ours, &sent, 0);
        CHECK_EQ(perform(loop, &out), 11);
        peer_recv(stream.theirs, got, 11);
        CHECK_MEM(got, "hello world", 11);
        struct iovec rooms[2] = {{left, sizeof left}, {right, sizeof right}};
        struct msghdr received = {.msg_iov = rooms, .msg_iovlen = 2};
        picot_op_recvmsg(&in.op, stream.ours, &received, 0);
        CHECK_EQ(start(loop, &in), 0);
        run_turns(loop, 3);
        peer_send(stream.theirs, "hello world", 11);
        CHECK_EQ(finish(loop, &in), 11);
        CHECK_MEM(left, "hel", 3);
        CHECK_MEM(right, "lo world", 8);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

static void pass_descriptor(int way, int fd)
{
    union control control;
    struct iovec part = {(char *)"d", 1};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    memset(&control, 0, sizeof control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    CHECK_EQ(sendmsg(way, &msg, MSG_NOSIGNAL), 1);
}

/* Whether it is there already or comes later: a passed descriptor is close-on-exec. */
static void passed_descriptors_close_on_exec(void)
{
    picot_loop *loop = tap_loop();
    for (int late = 0; late < 2; late++) {
        char byte;
        int passed;
        union control control;
        struct recorded it = {0};
        struct stream stream = open_stream(loop, 2);
        struct iovec room = {&byte, 1};
        struct msghdr msg = {
            .msg_iov = &room, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        if (!late) {
            pass_descriptor(stream.theirs, STDIN_FILENO);
        }
        picot_op_recvmsg(&it.op, stream.ours, &msg, 0);
        CHECK_EQ(start(loop, &it), 0);
        if (late) {
            run_turns(loop, 3);
            pass_descriptor(stream.theirs, STDIN_FILENO);
        }
        CHECK_EQ(finish(loop, &it), 1);
        struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
        CHECK(header != NULL && header->cmsg_type == SCM_RIGHTS);
        memcpy(&passed, CMSG_DATA(header), sizeof passed);
        CHECK(is_closed_on_exec(passed));
        CHECK_EQ(close(passed), 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"send: small ones arrive", small_sends_arrive, TAP_BACKENDS},
    {"send: all of 64 MB", send_all_of_64_mb, TAP_BACKENDS},
    {"send: short ones add up", short_sends_add_up, TAP_BACKENDS},
    {"send: waits for room", send_waits_for_room, TAP_BACKENDS},
    {"send: tries", tries, TAP_BACKENDS},
    {"send: tries that are refused", tries_refused, TAP_BACKENDS},
    {"send: a second one is refused", second_send_is_refused, TAP_BACKENDS},
    {"send: both directions at once", both_directions_at_once, TAP_BACKENDS},
    {"send: the peer is gone", peer_is_gone, TAP_BACKENDS},
    {"send: reset while sending", reset_while_sending, TAP_BACKENDS},
    {"sendmsg, recvmsg: gather and scatter", gather_and_scatter, TAP_BACKENDS},
    {"recvmsg: passed descriptors close on exec", passed_descriptors_close_on_exec, TAP_BACKENDS},
};

TAP_MAIN(cases)
