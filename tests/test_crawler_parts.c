/* SPDX-License-Identifier: MIT
 *
 * test_crawler_parts.c - the crawler's parts by themselves: URLs, links, gunzip, the frontier.
 */
#include "../examples/crawl/frontier.h"
#include "../examples/crawl/gunzip.h"
#include "../examples/crawl/links.h"
#include "../examples/crawl/url.h"
#include "tap.h"
#include <errno.h>
#include <picot/error.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- URLs ------------------------------------------------------------------------------------ */

static void start_urls_are_read(void)
{
    static const struct {
        const char *url, *host, *service, *authority, *target;
    } rows[] = {
        {"http://Example.ORG:080/a/../b/%7euser/./x?q=1#f", "example.org", "80", "example.org", "/b/~user/x?q=1"},
        {"http://h", "h", "80", "h", "/"},
        {"http://h?x", "h", "80", "h", "/?x"},
        {"HTTP://h:8080", "h", "8080", "h:8080", "/"},
        {"http://[::1]:8080/", "::1", "8080", "[::1]:8080", "/"},
        {"http://127.0.0.1:80/a b|c", "127.0.0.1", "80", "127.0.0.1", "/a%20b%7Cc"},
    };
    struct site site;
    char target[URL_TARGET_MAX + 1];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *reason = url_start(rows[i].url, &site, target);
        CHECK_STR(reason ? reason : "", "");
        CHECK_STR(site.host, rows[i].host);
        CHECK_STR(site.service, rows[i].service);
        CHECK_STR(site.authority, rows[i].authority);
        CHECK_STR(target, rows[i].target);
    }
}

static void bad_start_urls_are_refused(void)
{
    static const char *const urls[] = {"",
                                       "foo",
                                       "http:",
                                       "http://",
                                       "http:///x",
                                       "http:foo",
                                       "//h/x",
                                       "ftp://h/",
                                       "https://h",
                                       "http://[::1",
                                       "http://h:0/",
                                       "http://h:65536/",
                                       "http://h:8x/",
                                       "http://u:p@h/",
                                       "http://exa mple/",
                                       "http://caf\xc3\xa9/",
                                       "http://h:99999999999999999999/",
                                       "://",
                                       "http://%zz/"};
    struct site site;
    char target[URL_TARGET_MAX + 1], *long_url = malloc(70000);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        if (!url_start(urls[i], &site, target)) tap_fail(__FILE__, __LINE__, "taken: %s", urls[i]);
    for (size_t host_len = 250; host_len < 258; host_len++) {
        (void)sprintf(long_url, "http://%0*d/", (int)host_len, 0);
        CHECK_EQ(url_start(long_url, &site, target) == NULL, host_len <= 253);
    }
    (void)sprintf(long_url, "http://h/%065535d", 0);
    CHECK(url_start(long_url, &site, target) != NULL);
    free(long_url);
}

/* Resolve on http://h:8080/d/e/page.html?x=1, or on the given base; a verdict comes out as "elsewhere" or "malformed".
 */
static const char *resolved(const char *base_href, const char *href, char *ret_target)
{
    static struct url_resolver resolver;
    static struct site site = {"h", "8080", "h:8080"};
    struct url_base base;
    url_base_of_page(&site, "/d/e/page.html?x=1", &base);
    url_resolver_init(&resolver, &site);
    CHECK_EQ(url_resolver_use(&resolver, &base), 0);
    if (base_href) url_rebase(&resolver, base_href, strlen(base_href), &base);
    int len = url_resolve(&resolver, href, strlen(href), ret_target);
    if (len > 0) CHECK_EQ(len, strlen(ret_target));
    return len > 0 ? ret_target : len == URL_ELSEWHERE ? "elsewhere" : "malformed";
}

static void links_have_one_spelling(void)
{
    static const char *const rows[][2] = {
        {"a.html", "/d/e/a.html"},
        {" \t../a.html\n", "/d/a.html"},
        {"/../../x", "/x"},
        {"./", "/d/e/"},
        {"..", "/d/"},
        {"", "/d/e/page.html?x=1"},
        {"#frag", "/d/e/page.html?x=1"},
        {"?y=2", "/d/e/page.html?y=2"},
        {"//h:8080/z", "/z"},
        {"http://H:8080/%7Ea%2fb%c3%a9", "/~a%2Fb%C3%A9"},
        {"http://h:8080", "/"},
        {"a b\"c", "/d/e/a%20b%22c"},
        {"a\\b?c\\d", "/d/e/a/b?c%5Cd"},
        {"caf\xc3\xa9", "/d/e/caf%C3%A9"},
        {"100%", "/d/e/100%25"},
        {"%zz", "/d/e/%25zz"},
        {"x[1]", "/d/e/x%5B1%5D"},
        {"a//b", "/d/e/a//b"},
        {"/a/%2e%2e/b", "/b"},
        {"/%61%2D%5f", "/a-_"},
        {"/a\nb\t/c\r", "/ab/c"},
        {"http://h/a", "elsewhere"},
        {"http://hh:8080/a", "elsewhere"},
        {"http://h:8080@evil/", "elsewhere"},
        {"http://u@h:8080/x", "elsewhere"},
        {"https://h:8080/", "elsewhere"},
        {"mailto:x@y", "elsewhere"},
        {"javascript:alert('x')", "elsewhere"},
        {"data:text/html,<a href=x>", "elsewhere"},
        {"http://[::1]/a", "elsewhere"},
        {"1:2", "malformed"},
        {"http://h:8080:1/", "malformed"},
    };
    char target[URL_TARGET_MAX + 1];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_STR(resolved(NULL, rows[i][0], target), rows[i][1]);
    CHECK_STR(resolved("/base/dir/", "q.html", target), "/base/dir/q.html");
    CHECK_STR(resolved("../x/y", "q.html", target), "/d/x/q.html");
    CHECK_STR(resolved("http://other/", "q.html", target), "elsewhere");
    CHECK_STR(resolved("javascript:0", "q.html", target), "/d/e/q.html");
    CHECK_STR(resolved("1:2", "q.html", target), "/d/e/q.html");
}

static void resolved_links_are_stable(void)
{
    static const char alphabet[] = "/.%?#:[]@\\ a2eE\xc3\xa9&;=+~\"<";
    char href[64], once[URL_TARGET_MAX + 1], twice[URL_TARGET_MAX + 1];
    unsigned state = 1;
    for (int round = 0; round < 200000; round++) {
        size_t len = round % 40;
        for (size_t i = 0; i < len; i++) {
            state = state * 1664525 + 1013904223;
            href[i] = alphabet[(state >> 16) % (sizeof alphabet - 1)];
        }
        href[len] = 0;
        if (resolved(NULL, href, once) != once) continue;
        CHECK(once[0] == '/' && !strpbrk(once, "#\\ \"<") && strlen(once) <= URL_TARGET_MAX);
        /* "//..." resolved anew would be an authority: say the host first */
        char whole[URL_TARGET_MAX + 32];
        (void)snprintf(whole, sizeof whole, "http://h:8080%s", once);
        CHECK_STR(resolved(NULL, whole, twice), once);
    }
}

static void long_links_are_refused_whole(void)
{
    char href[5000], target[URL_TARGET_MAX + 1];
    for (size_t len = 1; len < sizeof href; len += len < 2000 || len > 2100 ? 499 : 1) {
        href[0] = '/';
        memset(href + 1, 'a', len);
        href[len] = 0;
        CHECK_EQ(resolved(NULL, href, target) == target, len <= URL_TARGET_MAX - 3);
        if (len <= URL_TARGET_MAX - 3) CHECK_STR(target, href);
        memset(href, '/', len);
        memcpy(href, "/x", len > 1 ? 2 : 1);
        (void)resolved(NULL, href, target);
    }
}

/* ---- links ----------------------------------------------------------------------------------- */

static const char tag_soup[] =
    "<!DOCTYPE html><HTML><head><meta charset=koi8-r><title>x <a href=trap></title><base href='/b/'><base href=trap>"
    "<link rel=stylesheet href=trap><LINK REL=next HREF=next.html>"
    "<script>document.write('<a href=\"trap\">x</a>');</script><style><a href=trap></style></head><body>\n"
    "<A HREF=one.html>1</A><a href='two.html?a=1&amp;b=2'>2</a><a name=trap>no</a><!-- <a href=trap> -->"
    "<area SHAPE=rect href=\"three.html\"><iframe SRC=four.html></iframe><a\nhref\n=\n five.html\n>5</a>"
    "<a href=\"caf\xc3\xa9\">u</a><textarea><a href=trap></textarea><p>text > < & &foo; http://trap "
    "<a href=seven.html><noscript><a href=eight.html></a></noscript><a href=nine\n title='>'>x</a>"
    "<a class=q href=ten.html hr=1 HREF=trap><SCRIPT type=x><!-- </p><a href=trap> --></SCRIPT><frame src=frame>"
    "<a href=\"caf\xe9\">latin</a><a href=\"javascript:x\">j</a></p></b></html><a href=last>";

static const char soup_links[] = "base /b/\nnext.html\none.html\ntwo.html?a=1&b=2\nthree.html\nfour.html\nfive.html\n"
                                 "caf\xc3\xa9\nseven.html\neight.html\nnine\nten.html\nframe\n*\njavascript:x\nlast\n";

struct found {
    char text[4096];
    size_t len;
};

/* What comes of bytes that are no UTF-8 is the parser's choice: "*". */
static void collect(void *user, enum link_kind kind, const char *href, size_t len)
{
    struct found *found = user;
    if (strncmp(href, "caf", 3) == 0 && strcmp(href, "caf\xc3\xa9") != 0) href = "*", len = 1;
    CHECK(found->len + len + 10 < sizeof found->text);
    found->len +=
        (size_t)sprintf(found->text + found->len, "%s%.*s\n", kind == LINK_BASE ? "base " : "", (int)len, href);
}

static void links_are_found_however_they_are_written(void)
{
    struct link_parser parser = {0};
    struct found found = {0};
    CHECK_EQ(links_begin(&parser, collect, &found), 0);
    CHECK_EQ(links_feed(&parser, tag_soup, sizeof tag_soup - 1), 0);
    links_end(&parser, 1);
    CHECK_STR(found.text, soup_links);
}

static void pieces_change_nothing(void)
{
    struct link_parser parser = {0};
    size_t len = sizeof tag_soup - 1;
    unsigned state = 1;
    for (size_t step = 1; step < 1500; step++) {
        struct found found = {0};
        CHECK_EQ(links_begin(&parser, collect, &found), 0);
        for (size_t at = 0, piece; at < len; at += piece) {
            state = state * 1664525 + 1013904223;
            piece = step < 600 ? step : 1 + (state >> 16) % 60;
            piece = len - at < piece ? len - at : piece;
            char *copy = malloc(piece); /* so that a read past the piece shows */
            memcpy(copy, tag_soup + at, piece);
            CHECK_EQ(links_feed(&parser, copy, piece), 0);
            free(copy);
        }
        links_end(&parser, 1);
        CHECK_STR(found.text, soup_links);
    }
}

static void noise_does_no_harm(void)
{
    struct link_parser parser = {0};
    unsigned state = 7;
    char noise[3000];
    for (int round = 0; round < 300; round++) {
        struct found found = {.len = 0};
        for (size_t i = 0; i < sizeof noise; i++) {
            state = state * 1664525 + 1013904223;
            noise[i] = (state >> 16) % 4 ? "<>/!-='\"& ahreftscip#;\0\xff"[(state >> 20) % 23] : (char)(state >> 24);
        }
        CHECK_EQ(links_begin(&parser, collect, &found), 0);
        CHECK_EQ(links_feed(&parser, noise, sizeof noise), 0);
        links_end(&parser, round % 2);
    }
}

/* ---- gunzip ---------------------------------------------------------------------------------- */

struct sunk {
    unsigned char *data;
    size_t len, room;
    int refuse;
};

static int sink(void *user, const char *data, size_t len)
{
    struct sunk *sunk = user;
    if (sunk->refuse) return sunk->refuse;
    if (sunk->data && sunk->len + len <= sunk->room) memcpy(sunk->data + sunk->len, data, len);
    sunk->len += len;
    return 0;
}

/* bits: 16 + 15 for gzip, 15 for zlib. */
static size_t pack(const void *data, size_t len, int bits, unsigned char *ret_packed, size_t room)
{
    z_stream z = {0};
    CHECK_EQ(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)len;
    z.next_out = ret_packed;
    z.avail_out = (uInt)room;
    CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    CHECK_EQ(deflateEnd(&z), Z_OK);
    return room - z.avail_out;
}

static int unpack(struct gunzip *gunzip, const unsigned char *packed, size_t len, size_t piece, struct sunk *sunk)
{
    char room[777];
    int rc = gunzip_begin(gunzip, 64 << 20);
    for (size_t at = 0; rc >= 0 && at < len; at += piece)
        rc = gunzip_feed(gunzip, (const char *)packed + at, len - at < piece ? len - at : piece, room, sizeof room,
                         sink, sunk);
    return rc < 0 ? rc : gunzip_end(gunzip);
}

static void packed_bodies_come_out_whole(void)
{
    static unsigned char text[20000], packed[40000], out[50000];
    struct gunzip gunzip = {0};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)("abcdefgh"[i % 8] + i / 1000);
    for (int bits = 15; bits <= 31; bits += 16) {
        size_t len = pack(text, sizeof text, bits, packed, sizeof packed);
        static const size_t pieces[] = {1, 2, 7, 100, 40000};
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
            struct sunk sunk = {out, 0, sizeof out, 0};
            CHECK_EQ(unpack(&gunzip, packed, len, pieces[i], &sunk), 0);
            CHECK_EQ(sunk.len, sizeof text);
            CHECK_MEM(out, text, sizeof text);
        }
        for (size_t cut = 0; cut < len; cut++) {
            struct sunk sunk = {out, 0, sizeof out, 0};
            CHECK_EQ(unpack(&gunzip, packed, cut, 64, &sunk), PICOT_EEOF);
        }
    }
    gunzip_free(&gunzip);
}

static void members_and_padding(void)
{
    static unsigned char text[1000], packed[4000], out[5000];
    struct gunzip gunzip = {0};
    memset(text, 'x', sizeof text);
    size_t one = pack(text, sizeof text, 31, packed, 1000);
    size_t both = one + pack(text, sizeof text, 31, packed + one, 1000);
    for (size_t piece = 1; piece < 60; piece++) {
        struct sunk sunk = {out, 0, sizeof out, 0};
        CHECK_EQ(unpack(&gunzip, packed, both, piece, &sunk), 0);
        CHECK_EQ(sunk.len, 2 * sizeof text);
        sunk.len = 0;
        CHECK_EQ(unpack(&gunzip, packed, both + 500, piece, &sunk), 0); /* zeros follow */
        CHECK_EQ(sunk.len, 2 * sizeof text);
    }
    gunzip_free(&gunzip);
}

static void bombs_are_refused(void)
{
    enum { ZEROS = 16 << 20 };
    unsigned char *zeros = calloc(1, ZEROS), *packed = malloc(ZEROS / 100);
    struct gunzip gunzip = {0};
    struct sunk sunk = {NULL, 0, 0, 0};
    size_t len = pack(zeros, ZEROS, 31, packed, ZEROS / 100);
    CHECK(ZEROS / len > GUNZIP_RATIO_MAX);
    CHECK_EQ(unpack(&gunzip, packed, len, 1000, &sunk), PICOT_ETOOLARGE);
    CHECK(sunk.len <= GUNZIP_RATIO_FREE + GUNZIP_RATIO_MAX * 1000);
    /* the cap on size, whatever the ratio */
    char room[4096];
    sunk.len = 0;
    CHECK_EQ(gunzip_begin(&gunzip, 100000), 0);
    CHECK_EQ(gunzip_feed(&gunzip, (const char *)packed, len, room, sizeof room, sink, &sunk), PICOT_ETOOLARGE);
    CHECK(sunk.len <= 100000);
    /* noise, and a sink that has had enough */
    CHECK_EQ(unpack(&gunzip, zeros, 100, 100, &sunk), PICOT_EHTTP);
    sunk.refuse = -ENOMEM;
    CHECK_EQ(unpack(&gunzip, packed, len, 1000, &sunk), -ENOMEM);
    gunzip_free(&gunzip);
    free(packed);
    free(zeros);
}

static void only_one_coding_is_accepted(void)
{
    CHECK_EQ(gunzip_needed(NULL), 0);
    CHECK_EQ(gunzip_needed(""), 0);
    CHECK_EQ(gunzip_needed("identity"), 0);
    CHECK_EQ(gunzip_needed("GZIP"), 1);
    CHECK_EQ(gunzip_needed("x-gzip"), 1);
    CHECK_EQ(gunzip_needed("deflate"), 1);
    CHECK_EQ(gunzip_needed("gzip, gzip"), PICOT_EHTTP);
    CHECK_EQ(gunzip_needed("br"), PICOT_EHTTP);
}

/* ---- the frontier ---------------------------------------------------------------------------- */

static void pages_come_once_and_in_order(void)
{
    struct frontier frontier;
    struct page *page = NULL;
    char target[32];
    frontier_init(&frontier, 50000, 42);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 50000; i++) {
            int len = sprintf(target, "/page/%d", i * 7919 % 50000);
            CHECK_EQ(frontier_add(&frontier, target, (size_t)len, &page), round == 0);
            CHECK_STR(page->target, target);
        }
    CHECK_EQ(frontier_add(&frontier, "/one/more", 9, NULL), -ENOSPC);
    CHECK_EQ(frontier_add(&frontier, "/page/1xx", 7, NULL), 0); /* the length counts, not a NUL */
    CHECK_EQ(frontier_waiting(&frontier), 50000);
    for (int i = 0; i < 50000; i++) {
        (void)sprintf(target, "/page/%d", i * 7919 % 50000);
        page = frontier_next(&frontier);
        CHECK(page != NULL);
        CHECK_STR(page->target, target);
    }
    CHECK(frontier_next(&frontier) == NULL);
    frontier_free(&frontier);
}

static const struct tap_case cases[] = {
    {"start URLs are read", start_urls_are_read, 0},
    {"bad start URLs are refused", bad_start_urls_are_refused, 0},
    {"links have one spelling", links_have_one_spelling, 0},
    {"resolved links are stable", resolved_links_are_stable, 0},
    {"long links are refused whole", long_links_are_refused_whole, 0},
    {"links are found however they are written", links_are_found_however_they_are_written, 0},
    {"the cutting into pieces changes no link", pieces_change_nothing, 0},
    {"noise does no harm", noise_does_no_harm, 0},
    {"packed bodies come out whole, cut ones do not", packed_bodies_come_out_whole, 0},
    {"gzip members and padding", members_and_padding, 0},
    {"bombs are refused", bombs_are_refused, 0},
    {"only one content coding is accepted", only_one_coding_is_accepted, 0},
    {"pages come once and in order", pages_come_once_and_in_order, 0},
};

TAP_MAIN(cases)
