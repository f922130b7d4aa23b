/* SPDX-License-Identifier: MIT
 *
 * frontier.h - the pages of a crawl: those to come, first in first out, and those that were, so that none comes twice.
 *
 * Both are one list: the pages in the order they were found, and a cursor. What lies behind the cursor has been handed
 * out, what lies before it is the queue; a hash table over all of them knows the targets. Pages never move.
 */
#ifndef CRAWLER_FRONTIER_H
#define CRAWLER_FRONTIER_H

#include <stddef.h>
#include <stdint.h>

enum outcome { OUTCOME_NONE, OUTCOME_OK, OUTCOME_NOT_FOUND, OUTCOME_REDIRECT, OUTCOME_ERROR, OUTCOME_COUNT };

struct page {
    const char *target;    /* NUL-terminated, the frontier's */
    struct page *leads_to; /* the page this one redirects to, or NULL */
    uint32_t hash;
    uint32_t latency_us;
    uint16_t hops;   /* redirects in a row that have led here */
    uint8_t outcome; /* enum outcome; OUTCOME_NONE until it has been fetched */
};

struct frontier {
    struct page **pages;  /* in the order they were found */
    struct page **table;  /* open addressing; a power of two, at most half full */
    struct chunk *chunks; /* where pages and targets live */
    size_t found, handed_out, capacity, table_size, limit;
    uint64_t seed;
};

/** limit: so many pages and no more. seed: unpredictable, so that no site can build collisions. */
void frontier_init(struct frontier *frontier, size_t limit, uint64_t seed);

void frontier_free(struct frontier *frontier);

/**
 * Note a page unless it is known.
 * @return  1: new; 0: known before; -ENOSPC: new, but the limit is reached; -ENOMEM. ret_page (may be NULL) receives
 * the page in the first two cases.
 */
int frontier_add(struct frontier *frontier, const char *target, size_t len, struct page **ret_page);

/** The next page of the queue, or NULL. */
struct page *frontier_next(struct frontier *frontier);

/** How many pages wait. */
size_t frontier_waiting(const struct frontier *frontier);

#endif /* CRAWLER_FRONTIER_H */
