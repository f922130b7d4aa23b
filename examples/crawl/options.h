/* SPDX-License-Identifier: MIT
 *
 * options.h - the crawler's command line.
 */
#ifndef CRAWLER_OPTIONS_H
#define CRAWLER_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

struct options {
    const char *url;
    const char *backend; /* NULL: the library chooses */
    const char *list;    /* a file that receives each page and its outcome, or NULL */
    long concurrency;
    long max_pages;
    long max_redirects;
    long max_body_bytes; /* as received, and again as unpacked */
    int64_t timeout_ns;  /* for one page, whole */
    int json;
};

/** @return 0: go on; 1: --help was printed; -1: a message is on stderr */
int options_parse(int argc, char **argv, struct options *ret_options);

#endif /* CRAWLER_OPTIONS_H */
