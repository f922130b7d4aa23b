/* SPDX-License-Identifier: MIT
 *
 * make_site_page.c - one page of make_site: text, links in every way they are written, traps.
 */
#include "make_site.h"
#include <string.h>

enum { TARGET_MAX = 160 };

/* ---- names and spellings --------------------------------------------------------------------- */

static int section_of(int index)
{
    return index / SITE_SECTION;
}

/* The file's name in its section. Some need percent-encoding in a URL, some have characters that must not be encoded.
 */
static void file_name(int index, char *ret_name)
{
    const char *form = index % 50 == 7    ? "caf\xc3\xa9 %04d.html"
                       : index % 50 == 13 ? "~page_%04d.html"
                                          : "page-%04d.html";
    (void)snprintf(ret_name, TARGET_MAX, form, index);
}

static void encode(const char *text, const char *hex, char *ret_encoded)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c > ' ' && c < 0x7f) {
            *ret_encoded++ = *text;
        } else {
            *ret_encoded++ = '%';
            *ret_encoded++ = hex[c >> 4];
            *ret_encoded++ = hex[c & 15];
        }
    }
    *ret_encoded = 0;
}

/* The one spelling a crawler should come to. */
static void target_of(int index, char *ret_target)
{
    char name[TARGET_MAX], encoded[TARGET_MAX * 3];
    if (index == 0) {
        (void)strcpy(ret_target, "/");
        return;
    }
    file_name(index, name);
    encode(name, "0123456789ABCDEF", encoded);
    (void)snprintf(ret_target, TARGET_MAX, "/s%02d/%.*s", section_of(index), TARGET_MAX - 16, encoded);
}

/* One of the ways to say the same, relative to a section's folder or, from page 0, to the root. No blanks, no quotes.
 */
static void spell(struct site *site, int from, int index, char *ret_link)
{
    char name[TARGET_MAX], encoded[TARGET_MAX * 3];
    int section = section_of(index);
    if (index == 0) {
        (void)strcpy(ret_link, site_random(site, 2) ? "/" : "/s00/../#top");
        return;
    }
    file_name(index, name);
    encode(name, "0123456789abcdef", encoded);
    switch (site_random(site, 7)) {
    case 0:
        (void)sprintf(ret_link, "%ss%02d/%s", from ? "../" : "", section, encoded);
        break;
    case 1:
        (void)sprintf(ret_link, "%s./s%02d/./%s", from ? "../" : "", section, encoded);
        break;
    case 2:
        (void)sprintf(ret_link, "/s%02d/../s%02d/%s#part-%d", section, section, encoded, index % 7);
        break;
    case 3:
        (void)sprintf(ret_link, "/%%73%02d/%s", section, encoded);
        break; /* %73 is an s */
    case 4:
        (void)sprintf(ret_link, "/../../s%02d/x/y/../../%s", section, encoded);
        break;
    case 5:
        (void)sprintf(ret_link, "\\s%02d\\%s", section, encoded);
        break;
    default:
        target_of(index, ret_link);
        break;
    }
}

/* With character references for what needs none. */
static void put_with_references(FILE *to, const char *link)
{
    for (; *link; link++) {
        if (*link == '.')
            (void)fputs("&#46;", to);
        else if (*link == '-')
            (void)fputs("&#x2D;", to);
        else
            (void)fputc(*link, to);
    }
}

/* The name as a person would type it. */
static void put_raw_link(FILE *to, int index)
{
    char name[TARGET_MAX];
    file_name(index, name);
    (void)fprintf(to, "<a href=\"/s%02d/%s\">raw</a>\n", section_of(index), name);
}

static void put_link(struct site *site, FILE *to, const char *link)
{
    static const char *const forms[] = {"<a href=\"%s\">one</a>\n",
                                        "<A HREF=%s>two</A>\n",
                                        "<a class=big href='%s' title=\"1 > 0\">three</a>\n",
                                        "<map><AREA SHAPE=rect HREF='%s'></map>\n",
                                        "<iframe src=%s></iframe>\n",
                                        "<a\n  href = \n\" %s\t\"\n>four</a>\n",
                                        "<FRAME SRC=\"%s\">\n",
                                        "<link rel=next href=\"%s\">\n",
                                        "<p><b><a href=%s>five</p></b>\n"};
    unsigned form = site_random(site, sizeof forms / sizeof forms[0] + 1);
    if (form < sizeof forms / sizeof forms[0]) {
        (void)fprintf(to, forms[form], link);
        return;
    }
    (void)fputs("<a href='", to);
    put_with_references(to, link);
    (void)fputs("'>six</a>\n", to);
}

static void put_trap(struct site *site, FILE *to)
{
    static const char *const forms[] = {
        "<!-- <a href=\"/trap/%d.html\">old</a> > -->\n",
        "<script>document.write('<a href=\"/trap/%d.html\">x</a>'); if (1 < 2) document.write(\"</a>\");</script>\n",
        "<SCRIPT type=text/x-template><!-- </p><a href=/trap/%d.html>x</a> --></SCRIPT>\n",
        "<style>/* <a href=/trap/%d.html> */</style>\n",
        "<textarea><a href=/trap/%d.html>x</a></textarea>\n",
        "<a href=\"javascript:location='/trap/%d.html'\">script</a>\n",
        "<a href=\"mailto:a@example.org?body=/trap/%d.html\">mail</a>\n",
        "<img src=/trap/%d.html alt=''>\n",
        "<link rel=stylesheet href=/trap/%d.html>\n",
        "<a name=/trap/%d.html>name</a>\n",
        "<a data-href=/trap/%d.html>data</a>\n",
        "<p>See also http://127.0.0.1/trap/%d.html.</p>\n",
        "<a href=\"http://192.0.2.1/trap/%d.html\">another host</a>\n",
        "<a href=https://127.0.0.1/trap/%d.html>another scheme</a>\n",
        "<p>&lt;a href=/trap/%d.html&gt;</p>\n",
        "<p title='<a href=/trap/%d.html>'>title</p>\n"};
    unsigned form = site_random(site, sizeof forms / sizeof forms[0]);
    (void)fprintf(to, forms[form], (int)form % SITE_TRAPS);
}

static void put_text(struct site *site, FILE *to, long bytes)
{
    static const char *const words[] = {
        "the",   "loop",  "waits", "for",  "an",      "event", "and",  "then",  "a",      "task", "that",  "has",
        "been",  "ready", "goes",  "on",   "with",    "its",   "work", "lace",  "edge",   "of",   "small", "loops",
        "along", "one",   "more",  "page", "fetched", "once",  "only", "while", "others", "are",  "read",  "&amp;"};
    long end = ftell(to) + bytes;
    while (ftell(to) < end) {
        (void)fputs("<p>", to);
        for (unsigned i = 20 + site_random(site, 60); i; i--)
            (void)fprintf(to, "%s%s", words[site_random(site, sizeof words / sizeof words[0])],
                          i > 1 ? " " : ".</p>\n");
    }
}

/* ---- a page ---------------------------------------------------------------------------------- */

/* A link to a page that is found by no other way: itself, or through one redirect or three. */
static void put_tree_link(struct site *site, FILE *to, int from, int index)
{
    char link[TARGET_MAX], hops[4][TARGET_MAX];
    int count = index % 100 == 8 ? 3 : index % 10 == 4 ? 1 : 0;
    if (count == 0 && index % 50 == 7) {
        put_raw_link(to, index);
        return;
    }
    spell(site, from, index, link);
    for (int i = 0; i < count; i++)
        (void)snprintf(hops[i], TARGET_MAX, "/r/%d-%d", index, i);
    target_of(index, hops[count]);
    for (int i = 0; i < count; i++)
        site_redirect(site, hops[i], hops[i + 1], EXPECT_REDIRECT);
    put_link(site, to, count ? hops[0] : link);
}

static void put_known_links(struct site *site, FILE *to, int from)
{
    char link[TARGET_MAX];
    for (unsigned i = 3 + site_random(site, 8); i; i--) {
        spell(site, from, (int)site_random(site, (unsigned)site->pages), link);
        put_link(site, to, link);
    }
    put_trap(site, to);
}

/* What is only linked here: a page that is missing, and this page with a query, which is another one. */
static void put_own_links(struct site *site, FILE *to, int index)
{
    char link[TARGET_MAX], target[TARGET_MAX];
    if (index % 20 == 3) {
        (void)snprintf(link, sizeof link, "/missing/%d.html", index);
        put_link(site, to, link);
        site_expect(site, EXPECT_NOT_FOUND, link);
    }
    if (index % 100 == 61) {
        target_of(index, target);
        (void)snprintf(link, sizeof link, "%.100s?v=1&amp;w=%d", target, index);
        put_link(site, to, link);
        (void)snprintf(link, sizeof link, "%.100s?v=1&w=%d", target, index);
        site_expect(site, EXPECT_OK, link);
    }
}

static void put_oddity_links(FILE *to)
{
    (void)fputs("<a href=/r/loop-a>a loop</a> <a href=/r/self>itself</a> <a href=r/elsewhere>elsewhere</a>\n"
                "<a href=/r/missing>missing</a> <a href=./r/known>known</a> <a href=/r/long-0>too many</a>\n"
                "<a href=files/empty.html>empty</a> <a href='files/data.bin'>no page</a>\n",
                to);
}

static void put_head(FILE *to, int index)
{
    const char *charset = index % 100 == 55 ? "utf-16" : index % 100 == 56 ? "no-such-charset" : "utf-8";
    (void)fprintf(to,
                  "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=%s>\n<title>Page %d <a href=/trap/0.html></title>\n",
                  charset, index);
    if (index % 37 == 5) (void)fputs("<BASE HREF=\"/s00/\"><base href=/trap/>\n", to);
    (void)fputs("</head>\n<body>\n", to);
}

/* How a page goes wrong before its links: bytes that are no UTF-8, a NUL. And at its end: in the middle of a tag. */
static void put_bad_bytes(FILE *to, int index)
{
    if (index % 100 == 55) (void)fputs("<p>na\xefve caf\xe9 \xff\xfe\xc3</p>\n", to);
    if (index % 100 == 77) (void)fwrite("<p>a\0b</p>\n", 1, 11, to);
}

static void put_end(FILE *to, int index)
{
    if (index % 100 == 33)
        (void)fputs("<p>This page ends in the middle of a tag: <a hre", to);
    else
        (void)fputs("</body>\n</html>\n", to);
}

void site_write_page(struct site *site, int index)
{
    char name[TARGET_MAX], path[TARGET_MAX + 32], target[TARGET_MAX];
    long text = 1000 + (long)site_random(site, 8000);
    file_name(index, name);
    (void)snprintf(path, sizeof path, index ? "www/s%02d/%s" : "www/index.html", section_of(index), name);
    target_of(index, target);
    site_expect(site, EXPECT_OK, target);
    FILE *to = site_open(site, path);
    put_head(to, index);
    if (index == 0) put_oddity_links(to);
    put_trap(site, to);
    put_text(site, to, index == 17 ? 400000 : text / 2);
    put_bad_bytes(to, index);
    put_known_links(site, to, index);
    for (int child = index * SITE_FANOUT + 1; child <= index * SITE_FANOUT + SITE_FANOUT && child < site->pages;
         child++)
        put_tree_link(site, to, index, child);
    put_own_links(site, to, index);
    put_trap(site, to);
    put_text(site, to, text / 2);
    put_end(to, index);
    site_close(to, path);
}
