/* SPDX-License-Identifier: MIT
 *
 * make_site.c - make_site DIR [--pages N] [--seed S]: a web site to test a crawler on, always the same for N and S.
 *
 * DIR/www       the files to be served, and www/_redirects, a line "FROM TO STATUS" each (http_server reads it)
 * DIR/site.json how many pages there are: {"pages":..., "ok":..., "not_found":..., "redirects":..., "errors":...}
 * DIR/site.list every page that a crawl from / must fetch, once: "ok /s00/page-0001.html", in the order of strcmp
 *
 * The pages form a tree; page i is linked from page (i - 1) / FANOUT, every time in another way of writing a link, now
 * and then through redirects. Beside that each page has links to pages that are known already, in other spellings, and
 * traps: what looks like a link but stands in a comment, a script or a text, and leads to files that a list of the
 * pages fetched must not show. The figures hold for a crawler that follows at most 10 redirects in a row and counts as
 * an error the answer that closes a loop, or would be the eleventh.
 */
#include "make_site.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- random numbers, files, the list --------------------------------------------------------- */

/* splitmix64, by Sebastiano Vigna: small, and the same everywhere. */
unsigned site_random(struct site *site, unsigned below)
{
    uint64_t z = site->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ z >> 31) >> 32) % below;
}

__attribute__((noreturn)) static void give_up(const char *path)
{
    (void)fprintf(stderr, "make_site: %s: %s\n", path, strerror(errno));
    exit(1);
}

static void make_dir(const char *dir, const char *sub)
{
    char path[SITE_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", dir, sub);
    if (mkdir(path, 0755) < 0 && errno != EEXIST) give_up(path);
}

FILE *site_open(struct site *site, const char *name)
{
    char path[SITE_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", site->dir, name);
    FILE *file = fopen(path, "wb");
    if (!file) give_up(path);
    return file;
}

void site_close(FILE *file, const char *name)
{
    int failed = ferror(file);
    if (fclose(file) != 0 || failed) give_up(name);
}

void site_expect(struct site *site, enum expectation what, const char *target)
{
    static const char *const words[] = {"ok", "not_found", "redirect", "error"};
    char line[SITE_PATH_MAX];
    (void)snprintf(line, sizeof line, "%s %s\n", words[what], target);
    if (site->line_count == SITE_LINES_MAX || !(site->lines[site->line_count++] = strdup(line))) {
        errno = ENOMEM;
        give_up("the list of pages");
    }
    site->counts[what]++;
}

void site_redirect(struct site *site, const char *from, const char *to, enum expectation what)
{
    static const int statuses[] = {301, 302, 303, 307, 308};
    (void)fprintf(site->redirects, "%s %s %d\n", from, to, statuses[site->redirect_count++ % 5]);
    site_expect(site, what, from);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void write_manifest(struct site *site)
{
    size_t *counts = site->counts;
    FILE *file = site_open(site, "site.list");
    qsort(site->lines, site->line_count, sizeof site->lines[0], by_text);
    for (size_t i = 0; i < site->line_count; i++) {
        (void)fputs(site->lines[i], file);
        free(site->lines[i]);
    }
    site_close(file, "site.list");
    file = site_open(site, "site.json");
    (void)fprintf(file, "{\"seed\":%llu,\"pages\":%zu,\"ok\":%zu,\"not_found\":%zu,\"redirects\":%zu,\"errors\":%zu}\n",
                  (unsigned long long)site->seed, site->line_count, counts[EXPECT_OK], counts[EXPECT_NOT_FOUND],
                  counts[EXPECT_REDIRECT], counts[EXPECT_ERROR]);
    site_close(file, "site.json");
}

/* ---- the site as a whole --------------------------------------------------------------------- */

/* Redirects that lead nowhere, and the files beside the pages; page 0 links them all. */
static void write_oddities(struct site *site)
{
    char from[64], to[64];
    site_redirect(site, "/r/loop-a", "/r/loop-b", EXPECT_REDIRECT);
    site_redirect(site, "/r/loop-b", "/r/loop-a", EXPECT_ERROR);
    site_redirect(site, "/r/self", "/r/self#again", EXPECT_ERROR);
    site_redirect(site, "/r/elsewhere", "http://192.0.2.1/trap/", EXPECT_REDIRECT);
    site_redirect(site, "/r/missing", "../missing/redirected.html", EXPECT_REDIRECT);
    site_expect(site, EXPECT_NOT_FOUND, "/missing/redirected.html");
    site_redirect(site, "/r/known", "/", EXPECT_REDIRECT);
    for (int i = 0; i < 12; i++) {
        (void)snprintf(from, sizeof from, "/r/long-%d", i);
        (void)snprintf(to, sizeof to, "/r/long-%d", i + 1);
        if (i <= 10)
            site_redirect(site, from, to, i < 10 ? EXPECT_REDIRECT : EXPECT_ERROR);
        else
            (void)fprintf(site->redirects, "%s /trap/0.html 302\n", from);
    }
    FILE *file = site_open(site, "www/files/empty.html");
    site_close(file, "empty.html");
    site_expect(site, EXPECT_OK, "/files/empty.html");
    file = site_open(site, "www/files/data.bin");
    for (int i = 0; i < 5000; i++)
        (void)fprintf(file, "<a href=/trap/0.html>%c</a>", (int)site_random(site, 256));
    site_close(file, "data.bin");
    site_expect(site, EXPECT_OK, "/files/data.bin");
}

static void write_traps(struct site *site)
{
    char name[64];
    for (int i = 0; i < SITE_TRAPS; i++) {
        (void)snprintf(name, sizeof name, "www/trap/%d.html", i);
        FILE *file = site_open(site, name);
        (void)fprintf(file, "<p>No crawler should come here, by trap %d.</p><a href=/trap/%d.html>on</a>\n", i,
                      (i + 1) % SITE_TRAPS);
        site_close(file, name);
    }
}

static void write_site(struct site *site)
{
    char section[64];
    make_dir(site->dir, "");
    make_dir(site->dir, "www");
    make_dir(site->dir, "www/files");
    make_dir(site->dir, "www/trap");
    for (int i = 0; i <= (site->pages - 1) / SITE_SECTION; i++) {
        (void)snprintf(section, sizeof section, "www/s%02d", i);
        make_dir(site->dir, section);
    }
    site->redirects = site_open(site, "www/_redirects");
    for (int i = 0; i < site->pages; i++)
        site_write_page(site, i);
    write_oddities(site);
    write_traps(site);
    site_close(site->redirects, "_redirects");
    write_manifest(site);
}

static long number(const char *text, long min, long max)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end != text && !*end && !errno && value >= min && value <= max) return value;
    (void)fprintf(stderr, "make_site: \"%s\" is not a number from %ld to %ld\n", text, min, max);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"pages", required_argument, NULL, 'p'}, {"seed", required_argument, NULL, 's'}, {0}};
    static struct site site = {.pages = 1000, .seed = 1};
    for (int id; (id = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        if (id == 'p')
            site.pages = (int)number(optarg, 1, SITE_PAGES_MAX);
        else if (id == 's')
            site.seed = (uint64_t)number(optarg, 0, 1L << 62);
        else
            return 2;
    }
    if (optind + 1 != argc) {
        (void)fputs("Usage: make_site DIR [--pages N] [--seed S]\n", stderr);
        return 2;
    }
    site.dir = argv[optind];
    site.state = site.seed;
    write_site(&site);
    return 0;
}
