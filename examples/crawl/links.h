/* SPDX-License-Identifier: MIT
 *
 * links.h - the links of an HTML page that arrives in pieces, by libxml2's push parser.
 *
 * Taken are <a href>, <area href>, <frame src>, <iframe src> and <link rel=next|prev href>; reported too is the first
 * <base href>. What stands in comments, scripts and styles is no link, and neither are plain URLs in the text. Broken
 * HTML is read as far as it makes sense, the way a browser reads it. How the page is cut into pieces changes nothing.
 */
#ifndef CRAWLER_LINKS_H
#define CRAWLER_LINKS_H

#include <libxml/HTMLparser.h>
#include <stddef.h>

enum link_kind { LINK_PAGE, LINK_BASE };

/** A link as it is written, entities decoded. The text is the parser's and dies with the call. */
typedef void link_found(void *user, enum link_kind kind, const char *href, size_t len);

struct link_parser {
    link_found *found;
    void *user;
    htmlParserCtxtPtr html; /* NULL between pages */
    int base_seen, text_only;
    size_t held_len;
    char held[32]; /* the end of the last piece: a tag that has only begun */
};

/** A page begins. @return 0 or -ENOMEM. links_end follows in any case. */
int links_begin(struct link_parser *parser, link_found *found, void *user);

/** The next piece of the page. @return 0 or -ENOMEM */
int links_feed(struct link_parser *parser, const char *data, size_t len);

/** The page has ended: `complete` reports what the parser still holds back; otherwise the rest is dropped. */
void links_end(struct link_parser *parser, int complete);

#endif /* CRAWLER_LINKS_H */
