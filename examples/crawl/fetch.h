/* SPDX-License-Identifier: MIT
 *
 * fetch.h - one page: ask for it, read it, note its links. And the connection that is kept for the next one.
 */
#ifndef CRAWLER_FETCH_H
#define CRAWLER_FETCH_H

#include "crawl.h"
#include "gunzip.h"
#include "links.h"

/** A connection to the site with what reads its pages, used by one worker at a time. */
struct fetcher {
    struct crawl *crawl;
    struct fetcher *next_idle;
    struct page *page; /* under way */
    picot_http_conn http;
    struct link_parser links;
    struct gunzip gunzip;
    struct url_base base;
    int out_of_memory; /* while links were noted, inside libxml2's call */
};

/** An idle fetcher, its connection possibly still open, or a new one; NULL: out of memory. */
struct fetcher *fetcher_take(struct crawl *crawl);

/** Back to the idle ones. */
void fetcher_give(struct fetcher *fetcher);

/** Free a fetcher whose connection is closed. */
void fetcher_free(struct fetcher *fetcher);

/** Look the site's host up, connect, and keep the address. Result: 0, or a code of picot_tcp_connect_host. */
picot_async_decl(int, fetch_connect_first, (struct fetcher * fetcher;));
#define fetch_connect_first(...) picot_call(fetch_connect_first, __VA_ARGS__)

/**
 * Fetch fetcher->page; its links, or where it redirects to, are then in the frontier, and its outcome is set.
 * Result: the HTTP status, or a code: broken off, the connection can only be closed. -ENOMEM concerns the whole crawl.
 */
picot_async_decl(int, fetch_page, (struct fetcher * fetcher;));
#define fetch_page(...) picot_call(fetch_page, __VA_ARGS__)

#endif /* CRAWLER_FETCH_H */
