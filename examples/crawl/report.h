/* SPDX-License-Identifier: MIT
 *
 * report.h - what the crawler says: a progress line on a terminal, the summary, one JSON object, a list of the pages.
 */
#ifndef CRAWLER_REPORT_H
#define CRAWLER_REPORT_H

#include "crawl.h"
#include <stdio.h>

/** A line on standard error, drawn anew ten times a second, where that is a terminal. */
struct progress {
    const struct crawl *crawl;
    picot_timer timer;
    int shown;
};

void progress_begin(struct progress *progress, picot_loop *loop, const struct crawl *crawl);

/** Remove the line. */
void progress_end(struct progress *progress, picot_loop *loop);

/** What was counted, as text or as JSON. interrupted: the crawl was ended early. @return 0, or -1: out of memory */
int report_summary(FILE *to, const struct crawl *crawl, const char *backend, int interrupted);

/** A line for each page that was fetched: its outcome, a blank, its target. */
void report_list(FILE *to, const struct crawl *crawl);

#endif /* CRAWLER_REPORT_H */
