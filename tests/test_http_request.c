/* SPDX-License-Identifier: MIT
 *
 * test_http_request.c - what a server makes of bytes: good requests, bad ones, too large ones, slow ones.
 *
 * Every input is sent in one piece and byte by byte; both must give the same answer. Sources of the bad ones: RFC 9112
 * sections 2.2, 3, 5, 6, 7.1, 11.2, and the request smuggling reports of the last years.
 */
#include "http_peer.h"

static struct text text;

static void exchange(picot_loop *loop, const char *bytes, size_t len, size_t step)
{
    struct exchange what = {.bytes = bytes, .len = len, .step = step};
    run_exchange(loop, &what, &text);
}

#define HOST "Host: h\r\n"

static const struct {
    const char *input, *bodies; /* of all responses, in their order */
} good[] = {
    {"GET / HTTP/1.1\r\n" HOST "\r\n", "GET / 1.1|Host=h|"},
    {"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "GET / 1.1|Host=h|"},
    {"GET /a?b=c%20d HTTP/1.1\r\nhOsT: h:80\r\nEmpty:\r\nSpaces:  \t a  b \t \r\n\r\n",
     "GET /a?b=c%20d 1.1|hOsT=h:80|Empty=|Spaces=a  b|"},
    {"GET / HTTP/1.1\r\n" HOST "A:1\r\nA:2\r\nLast:\r\n\r\n", "GET / 1.1|Host=h|A=1|A=2|Last=|"},
    {"GET http://h/x HTTP/1.1\r\n" HOST "\r\n", "GET http://h/x 1.1|Host=h|"},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS * 1.1|Host=h|"},
    {"GET / HTTP/1.0\r\n\r\n", "GET / 1.0|"},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET /3 HTTP/1.0\r\n\r\n",
     "GET / 1.0|Connection=Keep-Alive|GET /2 1.0|"},
    {"GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "Connection: a, close\r\n\r\nGET /3 HTTP/1.1\r\n" HOST
     "\r\n",
     "GET /1 1.1|Host=h|GET /2 1.1|Host=h|Connection=a, close|"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\n" HOST "\r\n",
     "POST / 1.1|Host=h|Content-Length=5|helloGET /2 1.1|Host=h|"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "POST / 1.1|Host=h|Content-Length=0|"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n",
     "POST / 1.1|Host=h|Content-Length=5|helloGET /2 1.1|Host=h|"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n" HOST
     "\r\n",
     "POST / 1.1|Host=h|Transfer-Encoding=chunked|helloGET /2 1.1|Host=h|"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n"
     "000a;x=\"y\";z\r\n0123456789\r\n1\r\na\r\nB;a=b\r\n0123456789a\r\n00\r\nTrailer: x\r\nT2:\r\n\r\n",
     "POST / 1.1|Host=h|Transfer-Encoding=Chunked|0123456789a0123456789a"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "POST / 1.1|Host=h|Transfer-Encoding=chunked|"},
    {"PROPFIND /x HTTP/1.1\r\n" HOST "\r\n", "PROPFIND /x 1.1|Host=h|"},
    {"GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n",
     "GET / 1.1|Host=h|Upgrade=websocket|Connection=Upgrade|GET /2 1.1|Host=h|"},
};

/* The bodies of the responses, one after the other. */
static void bodies_of(const struct text *from, struct text *ret_bodies)
{
    const char *at = from->data, *end = from->data + from->len;
    ret_bodies->len = 0;
    ret_bodies->data[0] = '\0';
    while (at < end) {
        const char *body = strstr(at, "\r\n\r\n"), *length = strstr(at, "Content-Length: ");
        CHECK(strncmp(at, "HTTP/1.1 200 OK\r\n", 17) == 0 && body && length && length < body);
        size_t len = strtoul(length + 16, NULL, 10);
        CHECK(body + 4 + len <= end);
        text_add(ret_bodies, body + 4, len);
        at = body + 4 + len;
    }
}

static void good_requests(void)
{
    static struct text bodies;
    picot_loop *loop = tap_loop();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        for (size_t step = 0; step < 3; step++) {
            exchange(loop, good[i].input, strlen(good[i].input), step);
            CHECK_EQ(text.end, 0);
            bodies_of(&text, &bodies);
            CHECK_STR(bodies.data, good[i].bodies);
        }
    }
    tap_loop_end(loop);
}

/* Cut in two at every place. */
static void cut_anywhere(void)
{
    static const char input[] = "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3;e\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
    static struct text bodies;
    picot_loop *loop = tap_loop();
    for (size_t cut = 1; cut < sizeof input - 1; cut++) {
        exchange(loop, input, sizeof input - 1, cut);
        bodies_of(&text, &bodies);
        CHECK_STR(bodies.data, "POST /x 1.1|Host=h|Transfer-Encoding=chunked|abc0123456789GET /2 1.1|Host=h|");
    }
    tap_loop_end(loop);
}

static const struct {
    const char *input;
    int status;
    size_t len; /* 0: up to the NUL */
} bad[] = {
    /* first lines */
    {"GET\r\n\r\n", 400, 0},
    {"GET /\r\n\r\n", 400, 0},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400, 0},
    {"GET / HTTP/1.1\n" HOST "\r\n", 400, 0},
    {"GET / HTTP/1.1\r" HOST "\r\n", 400, 0},
    {"GET / a HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505, 0},
    {"GET / HTTP/0.9\r\n" HOST "\r\n", 505, 0},
    {"GET / HTTP/1.10\r\n" HOST "\r\n", 400, 0},
    {"GET / HTTP/1\r\n" HOST "\r\n", 400, 0},
    {"GET / http/1.1\r\n" HOST "\r\n", 400, 0},
    {"GET / ICE/1.0\r\n" HOST "\r\n", 400, 0},
    {"FROBNICATE / HTTP/1.1\r\n" HOST "\r\n", 501, 0},
    {"G(T / HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"get / HTTP/1.1\r\n" HOST "\r\n", 501, 0},
    {"GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"GET /\0x HTTP/1.1\r\n" HOST "\r\n", 400, 24},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 0},
    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, 11},
    {"\0\0\0\0\0\0\0\0", 400, 8},
    {"\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"\nGET / HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    /* header lines */
    {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST "A B: c\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST " A: b\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n A: b\r\n" HOST "\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST "A: b\nC: d\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST "A: b\n\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST "A: \0b\r\n\r\n", 400, 33},
    {"GET / HTTP/1.1\r\n" HOST "A\0: b\r\n\r\n", 400, 33},
    {"GET / HTTP/1.1\r\n" HOST "A: b\x08\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST "\xc3\xa4: b\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST "A[]: b\r\n\r\n", 400, 0},
    /* hosts */
    {"GET / HTTP/1.1\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, 0},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 0},
    {"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400, 0},
    /* lengths and codings */
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: -3\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3 3\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\nabc", 0, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999999\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length : 3\r\n\r\nabc", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 0, 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 0, 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 0, 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 0, 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\x0b"
     "chunked\r\n\r\n0\r\n\r\n",
     400, 0},
    {"POST / HTTP/1.1\r\n" HOST "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 0},
    {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 0},
    {"POST / HTTP/1.1\r\n" HOST "Expect: the worst\r\nContent-Length: 3\r\n\r\nabc", 417, 0},
/* chunks */
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
    {CHUNKED "\r\n", 400, 0},
    {CHUNKED "g\r\n", 400, 0},
    {CHUNKED "-1\r\n", 400, 0},
    {CHUNKED "0x1\r\na\r\n0\r\n\r\n", 400, 0},
    {CHUNKED " 1\r\na\r\n0\r\n\r\n", 400, 0},
    {CHUNKED "1 \r\na\r\n0\r\n\r\n", 400, 0},
    {CHUNKED "1\na\r\n0\r\n\r\n", 400, 0},
    {CHUNKED "1\r\na\n0\r\n\r\n", 400, 0},
    {CHUNKED "1\r\nab\r\n0\r\n\r\n", 400, 0},
    {CHUNKED "2\r\na\r\n0\r\n\r\n", 400, 0},
    {CHUNKED "1\r\na0\r\n\r\n", 400, 0},
    {CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n", 400, 0},
    {CHUNKED "1;a\rb\r\na\r\n0\r\n\r\n", 400, 0},
    {CHUNKED "1;a\0b\r\na\r\n0\r\n\r\n", 400, sizeof CHUNKED + 15},
    {CHUNKED "ffffffffffffffff\r\n", 400, 0},
    {CHUNKED "10000000000000000\r\n", 400, 0},
    {CHUNKED "0000000000000000000001\r\na\r\n0\r\n\r\n", 400, 0},
    {CHUNKED "fffffffffffffff\r\n", 413, 0},
    {CHUNKED "0\r\n\n", 400, 0},
    {CHUNKED "0\r\nA: b\n\r\n", 400, 0},
    {CHUNKED "0\r\n A: b\r\n\r\n", 400, 0},
    {CHUNKED "0\r\nA: \x01\r\n\r\n", 400, 0},
};

/* A refusal is one answer and the end: what follows the bad request is never looked at. */
static void bad_requests(void)
{
    static const char next[] = "GET /smuggled HTTP/1.1\r\n" HOST "\r\n";
    static char input[1024];
    picot_loop *loop = tap_loop();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t len = bad[i].len ? bad[i].len : strlen(bad[i].input);
        memcpy(input, bad[i].input, len);
        memcpy(input + len, next, sizeof next);
        for (size_t step = 0; step < 2; step++) {
            exchange(loop, input, len + sizeof next - 1, step);
            int status = status_of_text(&text);
            if (status < 400 || (bad[i].status && status != bad[i].status)) tap_note("input: %s", bad[i].input);
            if (bad[i].status) CHECK_EQ(status, bad[i].status);
            CHECK(status >= 400 && status <= 599);
            CHECK_EQ(count_of(&text, "HTTP/1.1 "), 1);
            CHECK_EQ(count_of(&text, "\r\nConnection: close\r\n"), 1);
            CHECK_EQ(count_of(&text, "smuggled"), 0);
        }
    }
    tap_loop_end(loop);
}

static void random_bytes(void)
{
    static const char words[][20] = {"GET ",
                                     "POST ",
                                     "/",
                                     " HTTP/1.1",
                                     "\r\n",
                                     "\r\n\r\n",
                                     "Host: h\r\n",
                                     "Content-Length: ",
                                     "Transfer-Encoding",
                                     ": chunked\r\n",
                                     "5",
                                     "\r",
                                     "\n",
                                     "a",
                                     ":",
                                     "\t",
                                     " ",
                                     "\xff"};
    picot_loop *loop = tap_loop();
    unsigned seed = 7;
    static char input[2048];
    for (int round = 0; round < 300; round++) {
        size_t len = 0;
        for (int words_left = rand_r(&seed) % 40; words_left > 0; words_left--) {
            const char *word = words[(size_t)rand_r(&seed) % (sizeof words / sizeof words[0])];
            size_t word_len = strnlen(word, sizeof words[0]);
            memcpy(input + len, word, word_len);
            len += word_len;
            if (rand_r(&seed) % 16 == 0) input[len++] = (char)rand_r(&seed);
        }
        exchange(loop, input, len, 0);
        size_t whole = text.len;
        char *copy = malloc(whole + 1);
        CHECK(copy);
        memcpy(copy, text.data, whole);
        exchange(loop, input, len, 1 + (size_t)rand_r(&seed) % 7);
        CHECK_EQ(text.len, whole);
        CHECK_MEM(text.data, copy, whole);
        free(copy);
    }
    tap_loop_end(loop);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static int status_with(picot_loop *loop, const picot_http_server_options *options, const char *bytes, size_t len)
{
    struct exchange what = {.options = options, .bytes = bytes, .len = len};
    run_exchange(loop, &what, &text);
    return status_of_text(&text);
}

static void limits(void)
{
    static char input[64 * 1024];
    picot_http_server_options options = PICOT_HTTP_SERVER_OPTIONS_INIT;
    options.limits.head_bytes = 2000;
    options.limits.header_count = 20;
    options.limits.target_bytes = 500;
    options.limits.body_bytes = 1000;
    picot_loop *loop = tap_loop();

    for (int target = 499; target <= 502; target++) {
        int len = sprintf(input, "GET /%0*d HTTP/1.1\r\nHost: h\r\n\r\n", target - 1, 0);
        CHECK_EQ(status_with(loop, &options, input, (size_t)len), target <= 500 ? 200 : 414);
    }
    size_t endless = (size_t)sprintf(input, "GET /%060000d", 0);
    CHECK_EQ(status_with(loop, &options, input, endless), 414);

    for (int count = 19; count <= 21; count++) {
        int len = sprintf(input, "GET / HTTP/1.1\r\nHost: h\r\n");
        for (int i = 1; i < count; i++)
            len += sprintf(input + len, "A: b\r\n");
        len += sprintf(input + len, "\r\n");
        CHECK_EQ(status_with(loop, &options, input, (size_t)len), count <= 20 ? 200 : 431);
    }
    for (int size = 1999; size <= 2001; size++) {
        int len = sprintf(input, "GET / HTTP/1.1\r\nHost: h\r\nA: ");
        len += sprintf(input + len, "%0*d\r\n\r\n", size - len - 4, 0);
        CHECK_EQ(len, size);
        CHECK_EQ(status_with(loop, &options, input, (size_t)len), size <= 2000 ? 200 : 431);
    }
    endless = (size_t)sprintf(input, "GET / HTTP/1.1\r\nHost: h\r\nA: %060000d", 0);
    CHECK_EQ(status_with(loop, &options, input, endless), 431);

    for (int body = 999; body <= 1001; body++) {
        int len = sprintf(input, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%0*d", body, body, 0);
        CHECK_EQ(status_with(loop, &options, input, (size_t)len), body <= 1000 ? 200 : 413);
        len = sprintf(input, CHUNKED "%x\r\n%0*d\r\n0\r\n\r\n", (unsigned)body, body, 0);
        CHECK_EQ(status_with(loop, &options, input, (size_t)len), body <= 1000 ? 200 : 413);
    }
    endless = (size_t)sprintf(input, CHUNKED "1;%060000d", 0);
    CHECK_EQ(status_with(loop, &options, input, endless), 413);
    endless = (size_t)sprintf(input, CHUNKED "0\r\nA: %060000d", 0);
    CHECK_EQ(status_with(loop, &options, input, endless), 413);
    tap_loop_end(loop);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void slow_clients(void)
{
    static const struct {
        const char *input;
        int status;
    } slow[] = {
        {"", 0}, /* idle: closed without a word */
        {"\r\n", 408},
        {"GET / HT", 408},
        {"GET / HTTP/1.1\r\nHost: h\r\n", 408},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc", 408},
        {CHUNKED "5\r\nabc", 408},
        {CHUNKED "5", 408},
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 200}, /* then idle */
    };
    picot_http_server_options options = PICOT_HTTP_SERVER_OPTIONS_INIT;
    options.limits.idle_ns = options.limits.head_ns = options.limits.body_ns = 60 * PICOT_MS;
    picot_loop *loop = tap_loop();
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        struct exchange what = {
            .options = &options, .bytes = slow[i].input, .len = strlen(slow[i].input), .stay_open = 1};
        int64_t start = picot_loop_update_now(loop);
        run_exchange(loop, &what, &text);
        int64_t took = picot_loop_update_now(loop) - start;
        CHECK_EQ(status_of_text(&text), slow[i].status);
        CHECK(took >= 59 * PICOT_MS && took < 10 * PICOT_SECOND);
    }
    tap_loop_end(loop);
}

/* A byte now and then does not keep a request's head open. */
picot_async_fn(int, drip, (picot_fd fd;), (int64_t n;))
{
    picot_begin;
    for (;;) {
        picot_try_await(picot_sleep(.ns = 5 * PICOT_MS));
        picot_try_await(my->n, picot_send_all(.fd = my->fd, .buf = "A", .len = 1));
    }
    picot_end;
}
#define drip(...) picot_call(drip, __VA_ARGS__)

picot_async_fn(int, slowloris, (const picot_http_server_options *options;),
               (picot_group group, drips; picot_http_server server; picot_addr addr; picot_fd listener, fd; int rc;))
{
    picot_begin;
    my->listener = listen_anywhere(picot_this_loop(), &my->addr);
    my->server = (picot_http_server){0};
    picot_task_group(my->group);
    picot_try_spawn(&my->group, my->rc,
                    picot_http_serve(.listener = my->listener, .options = my->options, .server = &my->server,
                                     .handler = picot_http_handler(describe)));
    picot_try_await(my->fd, picot_tcp_connect(.addr = &my->addr));
    picot_task_group(my->drips, .keep_going = 1);
    picot_try_spawn(&my->drips, drip(.fd = my->fd));
    text.len = 0;
    picot_try_await(talk_on(.fd = my->fd, .bytes = "GET /", .len = 5, .stay_open = 1, .ret_text = &text));
    CHECK_EQ(picot_group_cancel(&my->drips, NULL), 0);
    picot_try_await(picot_join(.group = &my->drips));
    picot_try_await(picot_close(.fd = my->fd));
    CHECK_EQ(picot_http_server_stop(&my->server), 0);
    picot_try_await(picot_join(.group = &my->group));
    picot_end;
}
#define slowloris(...) picot_call(slowloris, __VA_ARGS__)

static void dripping_client(void)
{
    picot_http_server_options options = PICOT_HTTP_SERVER_OPTIONS_INIT;
    options.limits.head_ns = 100 * PICOT_MS;
    picot_loop *loop = tap_loop();
    int64_t start = picot_loop_update_now(loop);
    CHECK_EQ(picot_run(loop, slowloris(.options = &options)), 0);
    CHECK(picot_loop_update_now(loop) - start < 10 * PICOT_SECOND);
    CHECK_EQ(status_of_text(&text), 408);
    tap_loop_end(loop);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static void truncated_bodies(void)
{
    static const char *const whole[] = {
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789",
        CHUNKED "4;x=y\r\nabcd\r\n6\r\n012345\r\n0\r\nT: x\r\n\r\n",
    };
    picot_loop *loop = tap_loop();
    for (size_t i = 0; i < 2; i++) {
        size_t head = (size_t)(strstr(whole[i], "\r\n\r\n") + 4 - whole[i]);
        for (size_t len = 1; len <= strlen(whole[i]); len++) {
            struct seen seen = {0};
            struct exchange what = {.bytes = whole[i], .len = len, .user = &seen};
            run_exchange(loop, &what, &text);
            CHECK_EQ(seen.requests, len >= head);
            CHECK_EQ(seen.body_end, len < head || len == strlen(whole[i]) ? 0 : PICOT_EEOF);
            CHECK_EQ(status_of_text(&text), len == strlen(whole[i]) ? 200 : 0);
        }
    }
    tap_loop_end(loop);
}

/* Answers without looking at the body. */
picot_http_handler_fn(ignore_body, (int unused;))
{
    picot_begin;
    picot_try_await(picot_http_respond(.conn = my->conn, .body = "ok", .len = 2));
    picot_end;
}

static void unread_bodies(void)
{
    static char input[400 * 1024];
    static const char next[] = "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
    picot_http_server_options options = PICOT_HTTP_SERVER_OPTIONS_INIT;
    options.limits.body_bytes = 1024 * 1024;
    picot_loop *loop = tap_loop();
    struct exchange what = {.options = &options, .handler = picot_http_handler(ignore_body), .bytes = input};
    static const int sizes[] = {1, 60000, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int len = sprintf(input, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%0*d", sizes[i], sizes[i], 0);
        memcpy(input + len, next, sizeof next);
        what.len = (size_t)len + sizeof next - 1;
        run_exchange(loop, &what, &text);
        /* A large rest is not worth reading: the answer, complete, and the end. */
        CHECK_EQ(count_of(&text, "200 OK"), sizes[i] <= 65536 ? 2 : 1);
        CHECK_EQ(count_of(&text, "\r\n\r\nok"), sizes[i] <= 65536 ? 2 : 1);
        CHECK_EQ(count_of(&text, "Connection: close"), sizes[i] <= 65536 ? 0 : 1);
    }
    what.bytes = CHUNKED "1\r\na\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
    what.len = strlen(what.bytes);
    run_exchange(loop, &what, &text);
    CHECK_EQ(count_of(&text, "200 OK"), 1);
    tap_loop_end(loop);
}

static void expects_continue(void)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n";
    picot_loop *loop = tap_loop();
    struct exchange what = {.bytes = head, .len = sizeof head - 1};
    run_exchange(loop, &what, &text);
    CHECK_STR(text.data, "HTTP/1.1 100 Continue\r\n\r\n"); /* and no answer: the body never came */

    char with_body[256];
    what.bytes = with_body;
    what.len = (size_t)sprintf(with_body, "%shello", head);
    run_exchange(loop, &what, &text);
    CHECK_EQ(status_of_text(&text), 200); /* the body is there already: nothing to ask for */
    CHECK_EQ(count_of(&text, "100 Continue"), 0);
    what.step = 1;
    run_exchange(loop, &what, &text);
    CHECK_EQ(count_of(&text, "100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), 1);

    /* Refused without reading: whether the body will come nobody knows, so that the connection must end. */
    what = (struct exchange){.bytes = head, .len = sizeof head - 1, .handler = picot_http_handler(ignore_body)};
    run_exchange(loop, &what, &text);
    CHECK_EQ(count_of(&text, "100 Continue"), 0);
    CHECK_EQ(count_of(&text, "Connection: close"), 1);
    tap_loop_end(loop);
}

static void pipelined_in_order(void)
{
    enum { COUNT = 200 };
    static char input[COUNT * 64];
    static struct text bodies, expected;
    picot_loop *loop = tap_loop();
    int len = 0;
    expected.len = 0;
    for (int i = 0; i < COUNT; i++) {
        char line[64];
        const char *body = i % 3 == 0 ? "Content-Length: 3\r\n\r\nabc" : "\r\n";
        len += snprintf(input + len, sizeof input - (size_t)len, "GET /%d HTTP/1.1\r\nHost: h\r\n%s", i, body);
        int line_len =
            snprintf(line, sizeof line, "GET /%d 1.1|Host=h|%s", i, i % 3 == 0 ? "Content-Length=3|abc" : "");
        text_add(&expected, line, (size_t)line_len);
    }
    for (size_t step = 0; step < 3; step++) {
        exchange(loop, input, (size_t)len, step * 37);
        bodies_of(&text, &bodies);
        CHECK_STR(bodies.data, expected.data);
    }
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"good requests", good_requests, TAP_BACKENDS},
    {"cut in two at every place", cut_anywhere, TAP_BACKENDS},
    {"bad requests are refused", bad_requests, TAP_BACKENDS},
    {"random bytes", random_bytes, TAP_BACKENDS},
    {"limits", limits, TAP_BACKENDS},
    {"slow clients", slow_clients, TAP_BACKENDS},
    {"a dripping client", dripping_client, TAP_BACKENDS},
    {"truncated bodies", truncated_bodies, TAP_BACKENDS},
    {"unread bodies", unread_bodies, TAP_BACKENDS},
    {"100-continue", expects_continue, TAP_BACKENDS},
    {"pipelined requests in order", pipelined_in_order, TAP_BACKENDS},
};
TAP_MAIN(cases)
