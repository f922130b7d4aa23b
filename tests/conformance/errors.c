/* SPDX-License-Identifier: MIT
 *
 * errors.c - the same error for the same mistake, on every backend: a table of operations on sockets in a given state,
 * and what the system says. Names and texts of codes. Name lookups that cannot succeed.
 */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the table ------------------------------------------------------------------------------- */

enum state {
    FRESH_TCP,
    BOUND_TCP,
    LISTENING,
    CONNECTED,
    SHUT_FOR_WRITING,
    FRESH_UNIX,
    FRESH_UDP,
    FRESH_DATAGRAM,
    STATES
};

enum action {
    RECV,
    RECVMSG,
    RECV_OOB,
    SEND,
    SENDMSG,
    READ,
    WRITE,
    ACCEPT,
    CONNECT_USED,    /* to an address that listens */
    CONNECT_SHORT,   /* an address that is too short */
    CONNECT_FAMILY,  /* of another family */
    CONNECT_NOWHERE, /* AF_UNIX: no such name */
    BIND_USED,       /* to an address in use */
    BIND_AGAIN,
    LISTEN,
    SHUTDOWN,
    SHUTDOWN_BADLY,
    PEER_NAME,
    OPTION_UNKNOWN,
    FSYNC,
    READ_AT
};

static const struct row {
    enum state state;
    enum action action;
    int code;
} table[] = {
    {FRESH_TCP, RECV, -ENOTCONN},
    {FRESH_TCP, RECVMSG, -ENOTCONN},
    {FRESH_TCP, SEND, -EPIPE},
    {FRESH_TCP, SENDMSG, -EPIPE},
    {FRESH_TCP, READ, -ENOTCONN},
    {FRESH_TCP, WRITE, -EPIPE},
    {FRESH_TCP, ACCEPT, -EINVAL},
    {FRESH_TCP, CONNECT_SHORT, -EINVAL},
    {FRESH_TCP, CONNECT_FAMILY, -EAFNOSUPPORT},
    {FRESH_TCP, BIND_USED, -EADDRINUSE},
    {FRESH_TCP, SHUTDOWN, -ENOTCONN},
    {FRESH_TCP, SHUTDOWN_BADLY, -EINVAL},
    {FRESH_TCP, PEER_NAME, -ENOTCONN},
    {FRESH_TCP, OPTION_UNKNOWN, -ENOPROTOOPT},
    {FRESH_TCP, FSYNC, -EINVAL},
    {FRESH_TCP, READ_AT, -ESPIPE},
    {BOUND_TCP, BIND_AGAIN, -EINVAL},
    {BOUND_TCP, ACCEPT, -EINVAL},
    {LISTENING, RECV, -ENOTCONN},
    {LISTENING, SEND, -EPIPE},
    {LISTENING, CONNECT_USED, -EISCONN},
    {LISTENING, PEER_NAME, -ENOTCONN},
    {CONNECTED, CONNECT_USED, -EISCONN},
    {CONNECTED, BIND_AGAIN, -EINVAL},
    {CONNECTED, LISTEN, -EINVAL},
    {CONNECTED, ACCEPT, -EINVAL},
    {CONNECTED, RECV_OOB, -EINVAL},
    {CONNECTED, SHUTDOWN_BADLY, -EINVAL},
    {CONNECTED, OPTION_UNKNOWN, -ENOPROTOOPT},
    {CONNECTED, READ_AT, -ESPIPE},
    {SHUT_FOR_WRITING, SEND, -EPIPE},
    {SHUT_FOR_WRITING, SENDMSG, -EPIPE},
    {SHUT_FOR_WRITING, WRITE, -EPIPE},
    {FRESH_UNIX, RECV, -EINVAL},
    {FRESH_UNIX, RECVMSG, -EINVAL},
    {FRESH_UNIX, SEND, -ENOTCONN},
    {FRESH_UNIX, SENDMSG, -ENOTCONN},
    {FRESH_UNIX, ACCEPT, -EINVAL},
    {FRESH_UNIX, CONNECT_NOWHERE, -ENOENT},
    {FRESH_UNIX, PEER_NAME, -ENOTCONN},
    {FRESH_UNIX, LISTEN, -EINVAL},
    {FRESH_UDP, SEND, -EDESTADDRREQ},
    {FRESH_UDP, SENDMSG, -EDESTADDRREQ},
    {FRESH_UDP, ACCEPT, -EOPNOTSUPP},
    {FRESH_UDP, LISTEN, -EOPNOTSUPP},
    {FRESH_UDP, SHUTDOWN, -ENOTCONN},
    {FRESH_UDP, PEER_NAME, -ENOTCONN},
    {FRESH_DATAGRAM, SEND, -ENOTCONN},
    {FRESH_DATAGRAM, ACCEPT, -EOPNOTSUPP},
    {FRESH_DATAGRAM, LISTEN, -EOPNOTSUPP},
    {FRESH_DATAGRAM, CONNECT_NOWHERE, -ENOENT},
};

struct scene {
    picot_loop *loop;
    picot_fd fd;
    int listener, peer;
    struct sockaddr_in used;
};

static picot_fd new_socket(picot_loop *loop, int domain, int type)
{
    struct recorded it = {0};
    picot_op_socket(&it.op, domain, type, 0);
    picot_fd fd = perform(loop, &it);
    CHECK(fd > 0);
    return fd;
}

static void scene_open(struct scene *scene, enum state state)
{
    static const struct {
        int domain, type;
    } kinds[STATES] = {{AF_INET, SOCK_STREAM}, {AF_INET, SOCK_STREAM}, {AF_INET, SOCK_STREAM}, {AF_INET, SOCK_STREAM},
                       {AF_INET, SOCK_STREAM}, {AF_UNIX, SOCK_STREAM}, {AF_INET, SOCK_DGRAM},  {AF_UNIX, SOCK_DGRAM}};
    struct recorded it = {0};
    struct sockaddr_in any;
    loopback(&any, 0);
    scene->peer = -1;
    scene->listener = bound_listener(8, &scene->used);
    scene->fd = new_socket(scene->loop, kinds[state].domain, kinds[state].type);
    if (state == BOUND_TCP || state == LISTENING) {
        picot_op_bind(&it.op, scene->fd, (struct sockaddr *)&any, sizeof any);
        CHECK_EQ(perform(scene->loop, &it), 0);
    }
    if (state == LISTENING) {
        picot_op_listen(&it.op, scene->fd, 4);
        CHECK_EQ(perform(scene->loop, &it), 0);
    }
    if (state == CONNECTED || state == SHUT_FOR_WRITING) {
        picot_op_connect(&it.op, scene->fd, (struct sockaddr *)&scene->used, sizeof scene->used);
        CHECK_EQ(perform(scene->loop, &it), 0);
        scene->peer = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);
        CHECK(scene->peer >= 0);
    }
    if (state == SHUT_FOR_WRITING) {
        picot_op_shutdown(&it.op, scene->fd, SHUT_WR);
        CHECK_EQ(perform(scene->loop, &it), 0);
    }
}

static void scene_close(struct scene *scene)
{
    close_handle(scene->loop, scene->fd);
    CHECK_EQ(close(scene->listener), 0);
    CHECK(scene->peer < 0 || close(scene->peer) == 0);
}

static void prepare_transfer(picot_op *op, picot_fd fd, enum action action)
{
    static char buf[64] = "x";
    static struct iovec part = {buf, 1};
    static struct msghdr msg;
    msg = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
    switch (action) {
    case RECV:
        picot_op_recv(op, fd, buf, sizeof buf, 0);
        break;
    case RECVMSG:
        picot_op_recvmsg(op, fd, &msg, 0);
        break;
    case RECV_OOB:
        picot_op_recv(op, fd, buf, 1, MSG_OOB);
        break;
    case SEND:
        picot_op_send(op, fd, buf, 1, 0);
        break;
    case SENDMSG:
        picot_op_sendmsg(op, fd, &msg, 0);
        break;
    case READ:
        picot_op_read(op, fd, buf, sizeof buf, -1);
        break;
    case WRITE:
        picot_op_write(op, fd, buf, 1, -1);
        break;
    case FSYNC:
        picot_op_fsync(op, fd, 0);
        break;
    case READ_AT:
        picot_op_read(op, fd, buf, 1, 10);
        break;
    default:
        CHECK(!"no such action");
    }
}

static void prepare(picot_op *op, const struct scene *scene, enum action action)
{
    static char buf[64];
    static struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/tmp/picot no such socket"};
    static const struct sockaddr_in foreign = {.sin_family = AF_APPLETALK};
    const struct sockaddr *used = (const struct sockaddr *)&scene->used;
    picot_fd fd = scene->fd;
    switch (action) {
    case ACCEPT:
        picot_op_accept(op, fd, NULL, NULL);
        break;
    case CONNECT_USED:
        picot_op_connect(op, fd, used, sizeof scene->used);
        break;
    case CONNECT_SHORT:
        picot_op_connect(op, fd, used, 4);
        break;
    case CONNECT_FAMILY:
        picot_op_connect(op, fd, (const struct sockaddr *)&foreign, sizeof foreign);
        break;
    case CONNECT_NOWHERE:
        picot_op_connect(op, fd, (const struct sockaddr *)&nowhere, sizeof nowhere);
        break;
    case BIND_USED:
    case BIND_AGAIN:
        picot_op_bind(op, fd, used, sizeof scene->used);
        break;
    case LISTEN:
        picot_op_listen(op, fd, 4);
        break;
    case SHUTDOWN:
        picot_op_shutdown(op, fd, SHUT_RDWR);
        break;
    case SHUTDOWN_BADLY:
        picot_op_shutdown(op, fd, 77);
        break;
    case PEER_NAME:
        picot_op_getname(op, fd, 1, (struct sockaddr *)buf, sizeof(struct sockaddr_in));
        break;
    case OPTION_UNKNOWN:
        picot_op_getsockopt(op, fd, SOL_SOCKET, 9999, buf, 4);
        break;
    default:
        prepare_transfer(op, fd, action);
        break;
    }
}

/* Each row with picot_submit, and with picot_submit_now; both times as a result, not as a refusal. */
static void same_errors(void)
{
    struct scene scene = {.loop = tap_loop()};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct recorded it = {0};
        scene_open(&scene, table[i].state);
        prepare(&it.op, &scene, table[i].action);
        CHECK_EQ(start(scene.loop, &it), 0);
        int64_t code = finish(scene.loop, &it);
        if (code != table[i].code) {
            tap_note("row %zu: state %d, action %d", i, table[i].state, table[i].action);
        }
        CHECK_EQ(code, table[i].code);
        prepare(&it.op, &scene, table[i].action);
        it.completions = 0;
        int now = picot_submit_now(scene.loop, &it.op, recorded_done, NULL);
        CHECK(now >= 0);
        CHECK_EQ(now == 1 ? it.op.result : finish(scene.loop, &it), table[i].code);
        scene_close(&scene);
    }
    tap_loop_end(scene.loop);
}

/* A reset connection: the one that waits for the error gets it, and what comes after is the same everywhere. */
static void errors_after_a_reset(void)
{
    picot_loop *loop = tap_loop();
    for (unsigned flavour = 0; flavour < 2; flavour++) {
        char got[4];
        int value = -1;
        struct recorded in = {0}, out = {0}, option = {0};
        struct stream stream = open_stream(loop, flavour);
        reset_on_close(stream.theirs);
        CHECK_EQ(close(stream.theirs), 0);
        stream.theirs = -1;
        wait_readable(picot_fd_number(loop, stream.ours));
        picot_op_send(&out.op, stream.ours, "x", 1, 0);
        CHECK_EQ(perform(loop, &out), -ECONNRESET);
        CHECK_EQ(perform(loop, &out), -EPIPE);
        picot_op_recv(&in.op, stream.ours, got, sizeof got, 0);
        CHECK_EQ(perform(loop, &in), 0);
        picot_op_getsockopt(&option.op, stream.ours, SOL_SOCKET, SO_ERROR, &value, sizeof value);
        CHECK_EQ(perform(loop, &option), sizeof value);
        CHECK_EQ(value, 0);
        close_stream(loop, &stream);
    }
    tap_loop_end(loop);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void names_and_texts(void)
{
#define CHECK_CODE(name, number, text)                                                                                 \
    CHECK_EQ(name, number);                                                                                            \
    CHECK_STR(picot_error_name(number), #name);                                                                        \
    CHECK_STR(picot_strerror(number), text);
    PICOT_ERROR_LIST(CHECK_CODE)
#undef CHECK_CODE
#ifdef HAVE_STRERRORDESC_NP
    CHECK_STR(picot_error_name(-ECONNREFUSED), "ECONNREFUSED");
#endif
    CHECK_STR(picot_error_name(0), "OK");
    CHECK_STR(picot_error_name(INT64_MAX), "OK");
    CHECK_STR(picot_error_name(INT64_MIN), "E?");
    CHECK_STR(picot_error_name(-4999), "E?");
    CHECK_STR(picot_strerror(0), "success");
    CHECK_STR(picot_strerror(-ENOENT), "No such file or directory");
    CHECK_STR(picot_strerror(INT64_MIN), "unknown error");
    CHECK_STR(picot_strerror(-4999), "unknown error");
}

/* ---- lookups --------------------------------------------------------------------------------- */

static int64_t resolve(picot_loop *loop, const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_list)
{
    struct recorded it = {0};
    picot_op_resolve(&it.op, host, service, hints, ret_list);
    return perform(loop, &it);
}

/* Numbers only, so that no name server is asked; and what is never sent to one. */
static void lookups(void)
{
    picot_loop *loop = tap_loop();
    static char long_name[300], long_label[80];
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL, *untouched = (struct addrinfo *)&hints;
    memset(long_name, 'a', sizeof long_name - 1);
    for (int i = 50; i < 299; i += 50) {
        long_name[i] = '.';
    }
    memset(long_label, 'b', 64);
    CHECK_EQ(resolve(loop, "127.0.0.1", "80", &hints, &list), 0);
    CHECK(list != NULL);
    CHECK_EQ(((struct sockaddr_in *)list->ai_addr)->sin_port, htons(80));
    freeaddrinfo(list);
    list = untouched;
    CHECK_EQ(resolve(loop, "", "80", &hints, &list), -EINVAL);
    CHECK_EQ(resolve(loop, long_name, "80", &hints, &list), -EINVAL);
    CHECK_EQ(resolve(loop, long_label, "80", &hints, &list), -EINVAL);
    CHECK_EQ(resolve(loop, "127.0.0.1", "no such service", &hints, &list), PICOT_ESERVICE);
    CHECK_EQ(resolve(loop, "no.number", "80", &hints, &list), PICOT_ENOHOST);
    CHECK(list == untouched);
    CHECK_EQ(resolve(loop, NULL, "80", &hints, &list), 0);
    freeaddrinfo(list);
    tap_loop_end(loop);
}

/* Cancelled at any stage: one completion, and a list that came too late is not leaked. */
static void cancelled_lookups(void)
{
    picot_loop *loop = tap_loop();
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    for (unsigned i = 0; i < 60; i++) {
        struct recorded it = {0};
        struct addrinfo *list = NULL;
        picot_op_resolve(&it.op, "127.0.0.1", "80", &hints, &list);
        CHECK_EQ(start(loop, &it), 0);
        run_turns(loop, i % 3);
        CHECK_EQ(picot_cancel(loop, &it.op), 0);
        int64_t code = finish(loop, &it);
        CHECK(code == 0 || code == -ECANCELED);
        CHECK((code == 0) == (list != NULL));
        if (list != NULL) {
            freeaddrinfo(list);
        }
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"errors: the table", same_errors, TAP_BACKENDS},
    {"errors: after a reset", errors_after_a_reset, TAP_BACKENDS},
    {"errors: names and texts", names_and_texts, 0},
    {"resolve: results and refusals", lookups, TAP_BACKENDS},
    {"resolve: cancelled", cancelled_lookups, TAP_BACKENDS},
};

TAP_MAIN(cases)
