/* SPDX-License-Identifier: MIT
 *
 * redirects.h - the optional file `_redirects` at the root of http_server: paths that answer with another place.
 *
 * A line each: FROM TO STATUS, parted by blanks; STATUS is 301, 302, 303, 307 or 308. FROM is compared with the path as
 * it is sent, without its query. Empty lines and lines that begin with # are skipped.
 */
#ifndef HTTP_SERVER_REDIRECTS_H
#define HTTP_SERVER_REDIRECTS_H

#include <stddef.h>

struct redirect {
    const char *from, *to;
    int status;
};

struct redirects {
    char *text;            /* the file; the redirects point into it */
    struct redirect *list; /* sorted by `from` */
    size_t count;
};

/**
 * Read the file `_redirects` of a folder; without it there are none. To be called before the loop runs: it blocks.
 * @return  0 or a negative code; *ret_line: the line that is wrong, or 0. Free with redirects_free in any case.
 */
int redirects_load(struct redirects *redirects, int folder, size_t *ret_line);

/** The redirect of a path of `len` bytes, or NULL. */
const struct redirect *redirects_find(const struct redirects *redirects, const char *path, size_t len);

void redirects_free(struct redirects *redirects);

#endif /* HTTP_SERVER_REDIRECTS_H */
