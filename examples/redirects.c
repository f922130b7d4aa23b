/* SPDX-License-Identifier: MIT
 *
 * redirects.c - see redirects.h.
 */
#include "redirects.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 16 * 1024 * 1024 };

/* The whole file, with a NUL; NULL with *ret_code 0: there is none. */
static char *read_text(int folder, int *ret_code)
{
    struct stat info;
    char *text = NULL;
    ssize_t len = 0;
    int fd = openat(folder, "_redirects", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        *ret_code = errno == ENOENT ? 0 : -errno;
        return NULL;
    }
    *ret_code = fstat(fd, &info) < 0 ? -errno : 0;
    if (*ret_code == 0 && (!S_ISREG(info.st_mode) || info.st_size > FILE_SIZE_MAX)) *ret_code = -EFBIG;
    if (*ret_code == 0 && !(text = calloc(1, (size_t)info.st_size + 1))) *ret_code = -ENOMEM;
    for (ssize_t n = 1; *ret_code == 0 && n > 0 && len < info.st_size; len += n)
        if ((n = read(fd, text + len, (size_t)(info.st_size - len))) < 0) *ret_code = -errno;
    (void)close(fd);
    if (*ret_code < 0) free(text);
    return *ret_code < 0 ? NULL : text;
}

static int is_status(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* @return 1: *ret_redirect is filled; 0: nothing on this line; -EINVAL */
static int parse_line(char *line, struct redirect *ret_redirect)
{
    char *rest = NULL, *end;
    char *from = strtok_r(line, " \t\r", &rest);
    if (!from || from[0] == '#') return 0;
    char *to = strtok_r(NULL, " \t\r", &rest), *status = strtok_r(NULL, " \t\r", &rest);
    if (from[0] != '/' || !to || !status || strtok_r(NULL, " \t\r", &rest)) return -EINVAL;
    long number = strtol(status, &end, 10);
    if (*end || !is_status(number)) return -EINVAL;
    *ret_redirect = (struct redirect){from, to, (int)number};
    return 1;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct redirect *)a)->from, ((const struct redirect *)b)->from);
}

int redirects_load(struct redirects *redirects, int folder, size_t *ret_line)
{
    int rc = 0;
    size_t lines = 1;
    *redirects = (struct redirects){0};
    *ret_line = 0;
    redirects->text = read_text(folder, &rc);
    if (!redirects->text) return rc;
    for (const char *at = redirects->text; (at = strchr(at, '\n')); at++)
        lines++;
    redirects->list = calloc(lines, sizeof *redirects->list);
    if (!redirects->list) return -ENOMEM;
    char *line = redirects->text;
    for (size_t number = 1; line; number++) {
        char *end = strchr(line, '\n');
        if (end) *end = '\0';
        rc = parse_line(line, &redirects->list[redirects->count]);
        if (rc < 0) {
            *ret_line = number;
            return rc;
        }
        redirects->count += (size_t)rc;
        line = end ? end + 1 : NULL;
    }
    qsort(redirects->list, redirects->count, sizeof *redirects->list, by_path);
    return 0;
}

const struct redirect *redirects_find(const struct redirects *redirects, const char *path, size_t len)
{
    size_t low = 0, high = redirects->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct redirect *redirect = &redirects->list[middle];
        int order = strncmp(redirect->from, path, len);
        if (order == 0 && redirect->from[len] == '\0') return redirect;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void redirects_free(struct redirects *redirects)
{
    free(redirects->list);
    free(redirects->text);
    *redirects = (struct redirects){0};
}
