/* SPDX-License-Identifier: MIT
 *
 * report.c - see report.h.
 */
#include "report.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

static const char *const outcome_names[OUTCOME_COUNT] = {"none", "ok", "not_found", "redirect", "error"};

static size_t pages_done(const struct crawl *crawl)
{
    size_t done = 0;
    for (int i = OUTCOME_OK; i < OUTCOME_COUNT; i++)
        done += crawl->counts[i];
    return done;
}

/* ---- progress -------------------------------------------------------------------------------- */

static void draw(const struct crawl *crawl)
{
    char bar[BAR_WIDTH + 1];
    size_t done = pages_done(crawl), found = crawl->frontier.found;
    size_t full = found ? done * BAR_WIDTH / found : 0;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', full);
    bar[BAR_WIDTH] = 0;
    (void)fprintf(stderr, "\r[%s] %zu of %zu pages, %zu not found, %zu errors \033[K", bar, done, found,
                  crawl->counts[OUTCOME_NOT_FOUND], crawl->counts[OUTCOME_ERROR]);
    (void)fflush(stderr);
}

static void tick(picot_loop *loop, void *user)
{
    struct progress *progress = user;
    draw(progress->crawl);
    progress->shown = 1;
    (void)picot_call_later(loop, &progress->timer, 100 * PICOT_MS, tick, progress);
}

void progress_begin(struct progress *progress, picot_loop *loop, const struct crawl *crawl)
{
    *progress = (struct progress){.crawl = crawl, .timer = PICOT_TIMER_INIT};
    if (isatty(STDERR_FILENO)) (void)picot_call_later(loop, &progress->timer, 100 * PICOT_MS, tick, progress);
}

void progress_end(struct progress *progress, picot_loop *loop)
{
    (void)picot_timer_cancel(loop, &progress->timer);
    if (progress->shown) (void)fputs("\r\033[K", stderr);
}

/* ---- summary --------------------------------------------------------------------------------- */

struct figures {
    size_t pages;
    double seconds, pages_per_s, cpu_us_per_page, p50_ms, p99_ms;
};

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* The nearest-rank percentile of sorted latencies, in milliseconds. */
static double percentile(const uint32_t *latencies_us, size_t count, unsigned percent)
{
    return count ? latencies_us[(count * percent + 99) / 100 - 1] / 1000.0 : 0;
}

static int latencies(const struct crawl *crawl, struct figures *figures)
{
    size_t count = 0;
    uint32_t *sorted = malloc((figures->pages + 1) * sizeof *sorted);
    if (!sorted) return -1;
    for (size_t i = 0; i < crawl->frontier.handed_out; i++)
        if (crawl->frontier.pages[i]->outcome && count < figures->pages)
            sorted[count++] = crawl->frontier.pages[i]->latency_us;
    qsort(sorted, count, sizeof *sorted, by_value);
    figures->p50_ms = percentile(sorted, count, 50);
    figures->p99_ms = percentile(sorted, count, 99);
    free(sorted);
    return 0;
}

static void print_json(FILE *to, const struct crawl *crawl, const char *backend, const struct figures *figures,
                       int interrupted)
{
    (void)fprintf(to,
                  "{\"backend\":\"%s\",\"pages\":%zu,\"ok\":%zu,\"not_found\":%zu,\"redirects\":%zu,\"errors\":%zu,"
                  "\"bytes\":%llu,\"seconds\":%.6f,\"pages_per_s\":%.1f,\"cpu_us_per_page\":%.2f,\"p50_ms\":%.3f,"
                  "\"p99_ms\":%.3f,\"interrupted\":%s}\n",
                  backend, figures->pages, crawl->counts[OUTCOME_OK], crawl->counts[OUTCOME_NOT_FOUND],
                  crawl->counts[OUTCOME_REDIRECT], crawl->counts[OUTCOME_ERROR], (unsigned long long)crawl->bytes,
                  figures->seconds, figures->pages_per_s, figures->cpu_us_per_page, figures->p50_ms, figures->p99_ms,
                  interrupted ? "true" : "false");
}

static void print_text(FILE *to, const struct crawl *crawl, const char *backend, const struct figures *figures,
                       int interrupted)
{
    (void)fprintf(to, "http://%s%s with the %s backend%s\n", crawl->site.authority, crawl->frontier.pages[0]->target,
                  backend, interrupted ? ", interrupted" : "");
    (void)fprintf(to, "  pages    %zu: %zu ok, %zu not found, %zu redirects, %zu errors\n", figures->pages,
                  crawl->counts[OUTCOME_OK], crawl->counts[OUTCOME_NOT_FOUND], crawl->counts[OUTCOME_REDIRECT],
                  crawl->counts[OUTCOME_ERROR]);
    (void)fprintf(to, "  bodies   %.3f MB\n", (double)crawl->bytes / 1e6);
    (void)fprintf(to, "  time     %.3f s, %.0f pages a second, %.1f us of CPU per page\n", figures->seconds,
                  figures->pages_per_s, figures->cpu_us_per_page);
    (void)fprintf(to, "  latency  half within %.3f ms, 99 of 100 within %.3f ms\n", figures->p50_ms, figures->p99_ms);
}

int report_summary(FILE *to, const struct crawl *crawl, const char *backend, int interrupted)
{
    struct figures figures = {.pages = pages_done(crawl)};
    figures.seconds = (double)(crawl->end_ns - crawl->begin_ns) / (double)PICOT_SECOND;
    if (figures.seconds > 0) figures.pages_per_s = (double)figures.pages / figures.seconds;
    if (figures.pages)
        figures.cpu_us_per_page = (double)(crawl->cpu_end - crawl->cpu_begin) / 1e3 / (double)figures.pages;
    if (latencies(crawl, &figures) < 0) return -1;
    (crawl->options->json ? print_json : print_text)(to, crawl, backend, &figures, interrupted);
    return 0;
}

void report_list(FILE *to, const struct crawl *crawl)
{
    for (size_t i = 0; i < crawl->frontier.handed_out; i++) {
        const struct page *page = crawl->frontier.pages[i];
        if (page->outcome) (void)fprintf(to, "%s %s\n", outcome_names[page->outcome], page->target);
    }
}
