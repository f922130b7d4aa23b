/* SPDX-License-Identifier: MIT
 *
 * links.c - see links.h. Source: libxml2's HTMLparser.h and SAX.
 *
 * Only the start of elements is listened to; no tree is built. The encoding is taken for UTF-8 whatever the page
 * claims: links are ASCII in practice, and bytes that are no UTF-8 only make libxml2 read on as ISO 8859-1. So no page
 * can pull in a converter.
 */
#include "links.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

/* "</script" has 8 bytes, "</textarea" 10: enough for libxml2 to know which tag it is. */
enum { TAG_BEGIN_MAX = 16 };

static const char *attribute(const xmlChar **attributes, const char *name)
{
    for (; attributes && attributes[0]; attributes += 2)
        if (strcmp((const char *)attributes[0], name) == 0) return (const char *)attributes[1];
    return NULL;
}

static void report(struct link_parser *parser, enum link_kind kind, const char *href)
{
    if (href) parser->found(parser->user, kind, href, strlen(href));
}

/* Of <link> only the neighbours of a page are pages, not its styles and icons. */
static int is_neighbour(const char *rel)
{
    return rel && (strcasecmp(rel, "next") == 0 || strcasecmp(rel, "prev") == 0);
}

static int holds_only_text(const char *name)
{
    return strcmp(name, "title") == 0 || strcmp(name, "textarea") == 0;
}

static void start_element(void *user, const xmlChar *element, const xmlChar **attributes)
{
    struct link_parser *parser = user;
    const char *name = (const char *)element;
    if (parser->text_only) return;
    parser->text_only = holds_only_text(name);
    if (strcmp(name, "a") == 0 || strcmp(name, "area") == 0) {
        report(parser, LINK_PAGE, attribute(attributes, "href"));
    } else if (strcmp(name, "iframe") == 0 || strcmp(name, "frame") == 0) {
        report(parser, LINK_PAGE, attribute(attributes, "src"));
    } else if (strcmp(name, "link") == 0 && is_neighbour(attribute(attributes, "rel"))) {
        report(parser, LINK_PAGE, attribute(attributes, "href"));
    } else if (strcmp(name, "base") == 0 && !parser->base_seen && attribute(attributes, "href")) {
        parser->base_seen = 1;
        report(parser, LINK_BASE, attribute(attributes, "href"));
    }
}

static void end_element(void *user, const xmlChar *element)
{
    struct link_parser *parser = user;
    if (holds_only_text((const char *)element)) parser->text_only = 0;
}

int links_begin(struct link_parser *parser, link_found *found, void *user)
{
    htmlSAXHandler handler = {.startElement = start_element, .endElement = end_element};
    parser->found = found;
    parser->user = user;
    parser->base_seen = parser->text_only = 0;
    parser->held_len = 0;
    parser->html = htmlCreatePushParserCtxt(&handler, parser, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
    if (!parser->html) return -ENOMEM;
    (void)htmlCtxtUseOptions(parser->html, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                               HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
    parser->html->depth = INT_MAX / 2;
    return 0;
}

static int parse(struct link_parser *parser, const char *data, size_t len)
{
    while (len) {
        int piece = len < INT_MAX ? (int)len : INT_MAX;
        /* Complaints about the page's syntax are none of ours; out of memory is. */
        if (htmlParseChunk(parser->html, data, piece, 0) == XML_ERR_NO_MEMORY) return -ENOMEM;
        data += piece;
        len -= (size_t)piece;
    }
    return 0;
}

/* How much of the piece may be parsed now: all but a tag that begins in its last bytes. */
static size_t parseable(const char *data, size_t len)
{
    size_t tail = len < TAG_BEGIN_MAX ? len : TAG_BEGIN_MAX;
    const char *tag = memrchr(data + len - tail, '<', tail);
    return tag ? (size_t)(tag - data) : len;
}

/* Complete what is held back with new bytes until it can be parsed. @return bytes taken of the piece, or -ENOMEM */
static long parse_held(struct link_parser *parser, const char *data, size_t len)
{
    size_t taken = 0;
    while (parser->held_len && taken < len) {
        while (parser->held_len <= TAG_BEGIN_MAX && taken < len)
            parser->held[parser->held_len++] = data[taken++];
        size_t ready = parseable(parser->held, parser->held_len);
        if (parse(parser, parser->held, ready) < 0) return -ENOMEM;
        parser->held_len -= ready;
        memmove(parser->held, parser->held + ready, parser->held_len);
    }
    return (long)taken;
}

int links_feed(struct link_parser *parser, const char *data, size_t len)
{
    long taken = parse_held(parser, data, len);
    if (taken < 0) return (int)taken;
    data += taken;
    len -= (size_t)taken;
    size_t ready = parseable(data, len);
    if (parse(parser, data, ready) < 0) return -ENOMEM;
    if (ready == len) return 0;
    parser->held_len = len - ready;
    memcpy(parser->held, data + ready, parser->held_len);
    return 0;
}

void links_end(struct link_parser *parser, int complete)
{
    if (!parser->html) return;
    if (complete) (void)htmlParseChunk(parser->html, parser->held, (int)parser->held_len, 1);
    htmlFreeParserCtxt(parser->html);
    parser->html = NULL;
}
