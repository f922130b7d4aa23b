/* SPDX-License-Identifier: MIT
 *
 * test_addr.c - addresses as text and back: what is accepted, what is refused, and that bytes of any kind do no harm.
 */
#include "tap.h"
#include <arpa/inet.h>
#include <picot/addr.h>
#include <stdlib.h>

static void check_same(const char *text, unsigned port, const char *expected)
{
    picot_addr addr, again;
    char out[PICOT_ADDR_TEXT_SIZE];
    CHECK_EQ(picot_addr_parse(text, port, &addr), 0);
    CHECK_EQ(picot_addr_format(&addr, out, sizeof out), strlen(expected));
    CHECK_STR(out, expected);
    CHECK_EQ(picot_addr_parse(out, 0, &again), 0);
    CHECK(picot_addr_equal(&addr, &again));
    CHECK_EQ(addr.len, again.len);
}

static void parses_and_formats(void)
{
    check_same("127.0.0.1", 80, "127.0.0.1:80");
    check_same("127.0.0.1:8080", 80, "127.0.0.1:8080");
    check_same("0.0.0.0:0", 80, "0.0.0.0:0");
    check_same("255.255.255.255", 65535, "255.255.255.255:65535");
    check_same("::1", 443, "[::1]:443");
    check_same("[::1]", 443, "[::1]:443");
    check_same("[::1]:80", 443, "[::1]:80");
    check_same("::", 0, "[::]:0");
    check_same("::ffff:1.2.3.4", 1, "[::ffff:1.2.3.4]:1");
    check_same("1:2:3:4:5:6:7:8", 1, "[1:2:3:4:5:6:7:8]:1");
    check_same("fe80::1%1", 1, "[fe80::1%1]:1");
    check_same("[fe80::1%lo]:5", 1, "[fe80::1%1]:5");
    check_same("", 9, "[::]:9");
    check_same(NULL, 9, "[::]:9");
    check_same("unix:/run/x.sock", 0, "unix:/run/x.sock");
    check_same("unix:x", 0, "unix:x");
    check_same("unix:@name", 0, "unix:@name");
}

static void refuses(void)
{
    static const char *const bad[] = {
        "localhost",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:-1",
        "1.2.3.4:+1",
        "1.2.3.4: 1",
        "1.2.3.4:1x",
        "1.2.3.4:000001",
        "1.2.3.4:999999999999999999999",
        "01.2.3.4x",
        "[::1",
        "::1]",
        "[::1]80",
        "[::1]:",
        "[::1]:x",
        "[]",
        "[]:80",
        ":80",
        ":",
        "[1.2.3.4]",
        ":::",
        "1::2::3",
        "::1%",
        "::1%nosuchif0",
        "::1%0",
        "::1%4294967296",
        "::1%99999999999",
        " 127.0.0.1",
        "127.0.0.1 ",
        "127.0.0.1\n",
        "unix:",
        "[",
        "]",
        "0x7f.0.0.1",
        "2130706433",
        "[::1]:80:80",
        "1.2.3.4:8:8",
        "[[::1]]",
        "::1%1%1",
    };
    picot_addr addr = {.len = 77};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tap_note("%s", bad[i]);
        CHECK_EQ(picot_addr_parse(bad[i], 80, &addr), -EINVAL);
    }
    CHECK_EQ(picot_addr_parse("127.0.0.1", 65536, &addr), -EINVAL);
    CHECK_EQ(picot_addr_parse("127.0.0.1", 80, NULL), -EINVAL);
    CHECK_EQ(addr.len, 77);
}

static void long_names(void)
{
    char text[1024] = "unix:";
    picot_addr addr = {0};
    memset(text + 5, 'a', 107);
    CHECK_EQ(picot_addr_parse(text, 0, &addr), 0);
    CHECK_EQ(addr.len, sizeof addr.sa.local);
    char out[PICOT_ADDR_TEXT_SIZE];
    CHECK_EQ(picot_addr_format(&addr, out, sizeof out), 112);
    CHECK_STR(out, text);
    CHECK_EQ(picot_addr_format(&addr, out, 112), -ENOSPC);
    CHECK_EQ(picot_addr_format(&addr, out, 113), 112);
    text[5 + 107] = 'a';
    CHECK_EQ(picot_addr_parse(text, 0, &addr), -ENAMETOOLONG);

    /* An address is never shortened to another one. */
    for (size_t len = 1; len < sizeof text - 1; len++) {
        memset(text, '1', len);
        text[len] = '\0';
        CHECK_EQ(picot_addr_parse(text, 0, &addr), -EINVAL);
        if (len > 4) {
            memcpy(text, "::1%", 4);
            CHECK(picot_addr_parse(text, 0, &addr) == -EINVAL || len <= 14);
        }
    }
}

static void takes_over(void)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(7)};
    struct sockaddr_storage big = {.ss_family = AF_INET};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    picot_addr addr = {.len = 77};
    CHECK_EQ(picot_addr_from(NULL, 16, &addr), -EINVAL);
    CHECK_EQ(picot_addr_from((struct sockaddr *)&v4, sizeof v4, NULL), -EINVAL);
    CHECK_EQ(picot_addr_from((struct sockaddr *)&v4, 0, &addr), -EINVAL);
    CHECK_EQ(picot_addr_from((struct sockaddr *)&v4, sizeof v4 - 1, &addr), -EINVAL);
    CHECK_EQ(picot_addr_from((struct sockaddr *)&big, sizeof big, &addr), -EINVAL);
    big.ss_family = AF_APPLETALK;
    CHECK_EQ(picot_addr_from((struct sockaddr *)&big, 16, &addr), -EAFNOSUPPORT);
    CHECK_EQ(addr.len, 77);
    CHECK_EQ(picot_addr_from((struct sockaddr *)&v4, sizeof v4, &addr), 0);
    CHECK_EQ(picot_addr_port(&addr), 7);
    CHECK_EQ(picot_addr_from((struct sockaddr *)&local, sizeof local.sun_family, &addr), 0);
    CHECK_EQ(picot_addr_port(&addr), -EAFNOSUPPORT);
    char out[PICOT_ADDR_TEXT_SIZE];
    CHECK_EQ(picot_addr_format(&addr, out, sizeof out), 5);
    CHECK_STR(out, "unix:");
}

static void compares(void)
{
    picot_addr a, b;
    CHECK_EQ(picot_addr_parse("127.0.0.1:80", 0, &a), 0);
    CHECK_EQ(picot_addr_parse("127.0.0.1", 80, &b), 0);
    CHECK_EQ(picot_addr_equal(&a, &b), 1);
    b.sa.v4.sin_zero[3] = 1; /* padding is no part of an address */
    CHECK_EQ(picot_addr_equal(&a, &b), 1);
    CHECK_EQ(picot_addr_parse("127.0.0.1", 81, &b), 0);
    CHECK_EQ(picot_addr_equal(&a, &b), 0);
    CHECK_EQ(picot_addr_parse("::ffff:127.0.0.1", 80, &b), 0);
    CHECK_EQ(picot_addr_equal(&a, &b), 0);
    CHECK_EQ(picot_addr_equal(&a, NULL), 0);
    b = (picot_addr){0};
    CHECK_EQ(picot_addr_equal(&b, &b), 0);
    CHECK_EQ(picot_addr_port(&b), -EINVAL);
    CHECK_EQ(picot_addr_port(NULL), -EINVAL);
    char out[8];
    CHECK_EQ(picot_addr_format(&b, out, sizeof out), -EINVAL);
    CHECK_EQ(picot_addr_format(&a, NULL, 8), -EINVAL);
    CHECK_EQ(picot_addr_format(&a, out, 0), -ENOSPC);
}

/* What parses also formats, and parses to the same again. */
static void random_texts(void)
{
    static const char alphabet[] = "0123456789abcdef:::...[]%@/ux-";
    char text[40], out[PICOT_ADDR_TEXT_SIZE];
    unsigned seed = 1;
    for (int i = 0; i < 300000; i++) {
        size_t len = (size_t)rand_r(&seed) % (sizeof text - 1);
        for (size_t k = 0; k < len; k++)
            text[k] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        text[len] = '\0';
        picot_addr addr, again;
        if (picot_addr_parse(text, 1, &addr) < 0) continue;
        CHECK(picot_addr_format(&addr, out, sizeof out) > 0);
        CHECK_EQ(picot_addr_parse(out, 2, &again), 0);
        CHECK(picot_addr_equal(&addr, &again));
    }
}

static const struct tap_case cases[] = {
    {"parses and formats", parses_and_formats, 0},
    {"refuses what is no address", refuses, 0},
    {"never shortens", long_names, 0},
    {"takes over system addresses", takes_over, 0},
    {"compares", compares, 0},
    {"random texts", random_texts, 0},
};
TAP_MAIN(cases)
