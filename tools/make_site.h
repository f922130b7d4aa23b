/* SPDX-License-Identifier: MIT
 *
 * make_site.h - what the two halves of make_site share: the site (make_site.c) and its pages (make_site_page.c).
 */
#ifndef MAKE_SITE_H
#define MAKE_SITE_H

#include <stdint.h>
#include <stdio.h>

enum {
    SITE_PAGES_MAX = 20000,
    SITE_LINES_MAX = 2 * SITE_PAGES_MAX + 100,
    SITE_PATH_MAX = 4096,
    SITE_SECTION = 40, /* pages in one folder */
    SITE_TRAPS = 16,
    SITE_FANOUT = 5
};

enum expectation { EXPECT_OK, EXPECT_NOT_FOUND, EXPECT_REDIRECT, EXPECT_ERROR };

struct site {
    const char *dir;
    int pages;
    uint64_t seed, state;
    FILE *redirects;
    unsigned redirect_count;
    size_t counts[4], line_count;
    char *lines[SITE_LINES_MAX];
};

/** A number from 0 to below - 1. */
unsigned site_random(struct site *site, unsigned below);

/** Open a file below the site's folder, close it; a failure ends the program with a message. */
FILE *site_open(struct site *site, const char *name);
void site_close(FILE *file, const char *name);

/** Note what a crawl must find at a target. */
void site_expect(struct site *site, enum expectation what, const char *target);

/** Let `from` redirect, and note what a crawl must make of it. */
void site_redirect(struct site *site, const char *from, const char *to, enum expectation what);

/** Write page `index` of the tree with its links, and note it and what only it links. */
void site_write_page(struct site *site, int index);

#endif /* MAKE_SITE_H */
