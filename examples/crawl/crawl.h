/* SPDX-License-Identifier: MIT
 *
 * crawl.h - one crawl of one site: what is known, who works, what has been counted.
 *
 * Workers are tasks of one group. Each takes a page from the frontier, fetches it, notes its links, and goes on with
 * the next; one that finds the queue empty ends. Whoever leaves more pages in the queue than he can take himself starts
 * further workers, up to the concurrency. So nobody ever waits for work, and the crawl ends with its last worker.
 *
 * The host's name is looked up once, and every connection goes to the address that answered: neither a redirect nor a
 * name server with second thoughts leads the crawl elsewhere.
 */
#ifndef CRAWLER_CRAWL_H
#define CRAWLER_CRAWL_H

#include "frontier.h"
#include "options.h"
#include "url.h"
#include <picot/http.h>
#include <picot/task.h>

struct fetcher;

struct crawl {
    const struct options *options;
    struct site site;
    picot_addr addr; /* of the site */
    picot_http_limits limits;
    struct frontier frontier;
    picot_group *group;   /* of the workers */
    struct fetcher *idle; /* those no worker uses; their connections stay open */
    long workers;
    size_t counts[OUTCOME_COUNT];
    uint64_t bytes;             /* of bodies, as received */
    int start_result;           /* of the first page: its HTTP status, or a negative code */
    int64_t begin_ns, end_ns;   /* of the loop's clock */
    int64_t cpu_begin, cpu_end; /* of the process, user and system, nanoseconds */
    struct url_resolver resolver;
    char target[URL_TARGET_MAX + 1];
    char room[64 * 1024]; /* for what gunzip makes, one piece at a time */
};

/**
 * The whole crawl. The caller has set options, site and frontier, the start page in it, and zeroed the rest.
 * Result: 0; a code: the site cannot be reached, or -ENOMEM. What was counted is valid in any case.
 */
picot_async_decl(int, crawl_site, (struct crawl * crawl;));
#define crawl_site(...) picot_call(crawl_site, __VA_ARGS__)

#endif /* CRAWLER_CRAWL_H */
