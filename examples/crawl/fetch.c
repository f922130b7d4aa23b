/* SPDX-License-Identifier: MIT
 *
 * fetch.c - see fetch.h.
 *
 * A body is never held as a whole: each piece goes from the connection's buffer, through gunzip where the page is
 * packed, into the link parser, and every link into the frontier. Source: RFC 9110, sections 8.4 and 15.
 */
#include "fetch.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { UNREAD_MAX = 64 * 1024 }; /* bytes of an uninteresting body that are cheaper to read than a new connection */

/* ---- fetchers -------------------------------------------------------------------------------- */

struct fetcher *fetcher_take(struct crawl *crawl)
{
    struct fetcher *fetcher = crawl->idle;
    if (fetcher) {
        crawl->idle = fetcher->next_idle;
        return fetcher;
    }
    fetcher = calloc(1, sizeof *fetcher);
    if (fetcher) fetcher->crawl = crawl;
    return fetcher;
}

void fetcher_give(struct fetcher *fetcher)
{
    fetcher->next_idle = fetcher->crawl->idle;
    fetcher->crawl->idle = fetcher;
}

void fetcher_free(struct fetcher *fetcher)
{
    gunzip_free(&fetcher->gunzip);
    free(fetcher);
}

/* ---- what a page says ------------------------------------------------------------------------ */

/* Of links: called by the parser in the middle of a piece. */
static void note_link(void *user, enum link_kind kind, const char *href, size_t len)
{
    struct fetcher *fetcher = user;
    struct crawl *crawl = fetcher->crawl;
    if (kind == LINK_BASE) {
        url_rebase(&crawl->resolver, href, len, &fetcher->base);
        return;
    }
    int target_len = url_resolve(&crawl->resolver, href, len, crawl->target);
    if (target_len <= 0) return;
    if (frontier_add(&crawl->frontier, crawl->target, (size_t)target_len, NULL) == -ENOMEM) fetcher->out_of_memory = 1;
}

static int feed_links(void *user, const char *data, size_t len)
{
    struct fetcher *fetcher = user;
    int rc = links_feed(&fetcher->links, data, len);
    return fetcher->out_of_memory ? -ENOMEM : rc;
}

static int is_html(const char *type)
{
    return !type || strncasecmp(type, "text/html", 9) == 0 || strncasecmp(type, "application/xhtml+xml", 21) == 0;
}

/* Does this redirect lead, through others, back to the page? Loops are cut where they close, so that the walk ends. */
static int closes_a_loop(const struct page *page, const struct page *to)
{
    while (to && to != page)
        to = to->leads_to;
    return to == page;
}

static int follow(struct fetcher *fetcher, const char *location)
{
    struct crawl *crawl = fetcher->crawl;
    struct page *page = fetcher->page, *to = NULL;
    page->outcome = OUTCOME_ERROR;
    if (!location || page->hops >= crawl->options->max_redirects) return 0;
    url_base_of_page(&crawl->site, page->target, &fetcher->base);
    if (url_resolver_use(&crawl->resolver, &fetcher->base) < 0) return 0;
    int len = url_resolve(&crawl->resolver, location, strlen(location), crawl->target);
    if (len == URL_MALFORMED) return 0;
    int rc = len == URL_ELSEWHERE ? 0 : frontier_add(&crawl->frontier, crawl->target, (size_t)len, &to);
    if (rc == -ENOMEM) return rc;
    if (rc == 1) to->hops = (uint16_t)(page->hops + 1);
    if (to && closes_a_loop(page, to)) return 0;
    page->leads_to = to;
    page->outcome = OUTCOME_REDIRECT;
    return 0;
}

/* ---- its body, piece by piece ---------------------------------------------------------------- */

static int body_begin(struct fetcher *fetcher)
{
    int packed = gunzip_needed(picot_http_header(&fetcher->http, "Content-Encoding"));
    if (packed < 0) return packed;
    url_base_of_page(&fetcher->crawl->site, fetcher->page->target, &fetcher->base);
    fetcher->out_of_memory = 0;
    int rc = links_begin(&fetcher->links, note_link, fetcher);
    if (rc < 0) return rc;
    if (!packed) return 0;
    rc = gunzip_begin(&fetcher->gunzip, (uint64_t)fetcher->crawl->options->max_body_bytes);
    return rc < 0 ? rc : 1;
}

static int body_feed(struct fetcher *fetcher, int packed, const char *data, size_t len)
{
    struct crawl *crawl = fetcher->crawl;
    /* Other pages' pieces may have come in between: the resolver forgets, the base does not. */
    if (url_resolver_use(&crawl->resolver, &fetcher->base) < 0) return PICOT_EURL;
    crawl->bytes += len;
    if (packed) return gunzip_feed(&fetcher->gunzip, data, len, crawl->room, sizeof crawl->room, feed_links, fetcher);
    return feed_links(fetcher, data, len);
}

static int body_end(struct fetcher *fetcher, int packed)
{
    if (url_resolver_use(&fetcher->crawl->resolver, &fetcher->base) < 0) return PICOT_EURL;
    links_end(&fetcher->links, 1);
    if (fetcher->out_of_memory) return -ENOMEM;
    return packed ? gunzip_end(&fetcher->gunzip) : 0;
}

picot_async_fn(int, read_html, (struct fetcher * fetcher;), (const char *piece; int64_t n; int packed, rc;))
{
    picot_begin;
    picot_defer
    {
        links_end(&my->fetcher->links, 0);
    }
    my->packed = my->rc = body_begin(my->fetcher);
    while (my->rc >= 0) {
        picot_try_await(my->n, picot_http_read_piece(.conn = &my->fetcher->http, .ret_piece = &my->piece));
        if (my->n == 0) break;
        my->rc = body_feed(my->fetcher, my->packed, my->piece, (size_t)my->n);
    }
    if (my->rc >= 0) my->rc = body_end(my->fetcher, my->packed);
    picot_return(my->rc);
    picot_end;
}
#define read_html(...) picot_call(read_html, __VA_ARGS__)

/* Files that are no HTML are read to their end, too, and count by their size. */
picot_async_fn(int, read_other, (struct fetcher * fetcher;), (int64_t n;))
{
    picot_begin;
    picot_try_await(my->n, picot_http_skip_body(.conn = &my->fetcher->http, .limit = PICOT_NEVER));
    my->fetcher->crawl->bytes += (uint64_t)my->n;
    picot_end;
}
#define read_other(...) picot_call(read_other, __VA_ARGS__)

/* ---- a connection, a question, an answer ----------------------------------------------------- */

static int begin_http(struct fetcher *fetcher, picot_loop *loop, picot_fd fd)
{
    return picot_http_init(&fetcher->http, loop, fd, &fetcher->crawl->limits);
}

picot_async_def(int, fetch_connect_first, (struct fetcher * fetcher;), (picot_fd fd;))
{
    picot_begin;
    picot_try_await(my->fd, picot_tcp_connect_host(.host = my->fetcher->crawl->site.host,
                                                   .service = my->fetcher->crawl->site.service));
    (void)begin_http(my->fetcher, picot_this_loop(), my->fd);
    picot_return(picot_tcp_peer_addr(picot_this_loop(), my->fd, &my->fetcher->crawl->addr));
    picot_end;
}

picot_async_fn(int, connect_again, (struct fetcher * fetcher;), (picot_fd fd;))
{
    picot_begin;
    picot_try_await(my->fd, picot_tcp_connect(.addr = &my->fetcher->crawl->addr));
    picot_return(begin_http(my->fetcher, picot_this_loop(), my->fd));
    picot_end;
}
#define connect_again(...) picot_call(connect_again, __VA_ARGS__)

/* Result: the status; 0: the connection was gone before it answered. */
picot_async_fn(int, ask, (struct fetcher * fetcher;), (int status;))
{
    picot_begin;
    (void)picot_http_add_header(&my->fetcher->http, "Accept-Encoding", "gzip");
    (void)picot_http_add_header(&my->fetcher->http, "User-Agent", "picot-crawler");
    picot_await(my->status, picot_http_request(.conn = &my->fetcher->http, .target = my->fetcher->page->target,
                                               .host = my->fetcher->crawl->site.authority));
    if (my->status >= 0) picot_await(my->status, picot_http_read_response(.conn = &my->fetcher->http));
    picot_return(my->status == -EPIPE || my->status == -ECONNRESET ? 0 : my->status);
    picot_end;
}
#define ask(...) picot_call(ask, __VA_ARGS__)

/* A server may close a kept connection at any time, also just now: then, and only then, the question is asked again. */
picot_async_fn(int, ask_patiently, (struct fetcher * fetcher;), (int status, is_new;))
{
    picot_begin;
    for (my->status = my->is_new = 0; my->status == 0 && !my->is_new;) {
        my->is_new = my->fetcher->http.fd == 0;
        if (my->is_new) picot_try_await(connect_again(.fetcher = my->fetcher));
        picot_try_await(my->status, ask(.fetcher = my->fetcher));
        if (my->status == 0) picot_await(picot_http_close(.conn = &my->fetcher->http));
    }
    picot_return(my->status ? my->status : PICOT_EEOF);
    picot_end;
}
#define ask_patiently(...) picot_call(ask_patiently, __VA_ARGS__)

static enum outcome outcome_of(int status)
{
    if (status >= 200 && status < 300) return OUTCOME_OK;
    return status == 404 || status == 410 ? OUTCOME_NOT_FOUND : OUTCOME_ERROR;
}

static int is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

picot_async_def(int, fetch_page, (struct fetcher * fetcher;), (int status, rc;))
{
    picot_begin;
    my->fetcher->page->outcome = OUTCOME_ERROR; /* until it is known better */
    my->rc = 0;
    picot_try_await(my->status, ask_patiently(.fetcher = my->fetcher));
    if (is_redirect(my->status))
        my->rc = follow(my->fetcher, picot_http_header(&my->fetcher->http, "Location"));
    else if (outcome_of(my->status) != OUTCOME_OK)
        my->fetcher->page->outcome = (uint8_t)outcome_of(my->status);
    else if (is_html(picot_http_header(&my->fetcher->http, "Content-Type")))
        picot_await(my->rc, read_html(.fetcher = my->fetcher));
    else
        picot_await(my->rc, read_other(.fetcher = my->fetcher));
    if (my->rc < 0) picot_fail(my->rc);
    if (outcome_of(my->status) == OUTCOME_OK) my->fetcher->page->outcome = OUTCOME_OK;
    /* Too much left of a body nobody wants: the connection is then not reusable, and the page none the worse. */
    if (outcome_of(my->status) != OUTCOME_OK)
        picot_await(picot_http_skip_body(.conn = &my->fetcher->http, .limit = UNREAD_MAX));
    picot_return(my->status);
    picot_end;
}
