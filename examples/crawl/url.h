/* SPDX-License-Identifier: MIT
 *
 * url.h - from what stands in a page to what is asked of the server: one host, one spelling per page.
 *
 * A crawl stays on one site. A page is known by its request target ("/a/b?c"), normalised so that two spellings of one
 * page are the same bytes: absolute, no dot segments, no fragment, percent-encoding only where it is needed and in
 * upper case (RFC 3986, section 6.2.2). What a browser would repair in a link (blanks, backslashes, bytes that RFC 3986
 * does not allow) is repaired the same way.
 */
#ifndef CRAWLER_URL_H
#define CRAWLER_URL_H

#include <stddef.h>
#include <uriparser/Uri.h>

enum { URL_TARGET_MAX = 2048 }; /* bytes of a target; longer links are refused, never shortened */

/** The one server a crawl talks to. */
struct site {
    char host[254];      /* lower case, no brackets */
    char service[6];     /* the port, decimal */
    char authority[264]; /* as the Host header has it: brackets around IPv6, no port when it is 80 */
};

/** Where the links of a page start from: its URL, or what its <base href> says. */
struct url_base {
    char text[URL_TARGET_MAX + 300];
    size_t len;
};

/** Resolves links, one page after the other. Large: one for a crawl, not one for each page under way. */
struct url_resolver {
    const struct site *site;
    UriMemoryManager memory; /* hands out `arena`, so that a link costs no malloc */
    UriUriA base;            /* parsed; its texts are the url_base's, its nodes at the arena's start */
    size_t base_end, used;
    char clean[URL_TARGET_MAX + 1];
    _Alignas(16) char arena[96 * 1024];
};

enum url_verdict { URL_MALFORMED = -1, URL_ELSEWHERE = 0 };

/**
 * Read the URL a crawl starts from.
 * @return  NULL, or a sentence on what is wrong with it; ret_target has room for URL_TARGET_MAX + 1 bytes
 */
const char *url_start(const char *text, struct site *ret_site, char *ret_target);

/** The base of a page of the site. */
void url_base_of_page(const struct site *site, const char *target, struct url_base *ret_base);

void url_resolver_init(struct url_resolver *resolver, const struct site *site);

/** The links to come stand on this base, which must live as long. @return 0, or URL_MALFORMED */
int url_resolver_use(struct url_resolver *resolver, const struct url_base *base);

/** A <base href>, resolved and taken into use. One that is unusable changes nothing. */
void url_rebase(struct url_resolver *resolver, const char *href, size_t len, struct url_base *base);

/**
 * The target a link leads to.
 * @return  its length; URL_ELSEWHERE: not http, or another host or port; URL_MALFORMED. ret_target: as above.
 */
int url_resolve(struct url_resolver *resolver, const char *href, size_t len, char *ret_target);

#endif /* CRAWLER_URL_H */
