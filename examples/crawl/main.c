/* SPDX-License-Identifier: MIT
 *
 * main.c - the crawler: crawler URL [OPTION]...
 *
 * Exit status: 0: the crawl is done, or was ended by SIGINT or SIGTERM with a summary of what there was; 1: the site
 * cannot be reached or gave no page, or a resource is missing; 2: the command line or the URL is wrong.
 */
#include "crawl.h"
#include "options.h"
#include "report.h"
#include <libxml/parser.h>
#include <picot/signal_wait.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

/* A connection per page under way, and some descriptors for the rest. */
static void fit_descriptors(struct options *options)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) return;
    long most = limit.rlim_cur > 64 ? (long)limit.rlim_cur - 32 : 1;
    if (options->concurrency <= most) return;
    (void)fprintf(stderr, "crawler: --concurrency is cut to %ld by the limit of open files\n", most);
    options->concurrency = most;
}

static int prepare(struct crawl *crawl, struct options *options, const char *target)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) seed = (uintptr_t)crawl;
    crawl->options = options;
    crawl->limits = (picot_http_limits)PICOT_HTTP_LIMITS_INIT;
    crawl->limits.body_bytes = options->max_body_bytes;
    frontier_init(&crawl->frontier, (size_t)options->max_pages, seed);
    return frontier_add(&crawl->frontier, target, strlen(target), NULL);
}

/* What to tell besides the summary. @return the exit status */
static int verdict(const struct crawl *crawl, int rc)
{
    const char *url = crawl->options->url;
    if (rc == PICOT_EINTERRUPT) return 0;
    if (rc < 0) {
        const char *what = crawl->frontier.handed_out ? "the crawl failed" : "cannot reach the host";
        (void)fprintf(stderr, "crawler: %s: %s: %s\n", url, what, picot_strerror(rc));
    } else if (crawl->start_result < 0) {
        (void)fprintf(stderr, "crawler: %s: the page cannot be read: %s\n", url, picot_strerror(crawl->start_result));
    } else if (crawl->counts[OUTCOME_OK] == 0) {
        (void)fprintf(stderr, "crawler: %s: no page: the server's answer was %d\n", url, crawl->start_result);
    }
    return rc < 0 || crawl->counts[OUTCOME_OK] == 0;
}

static int run(struct crawl *crawl, picot_loop *loop, FILE *list)
{
    struct progress progress;
    /* The first one ends the crawl in order, a second one at once. */
    (void)picot_loop_set_interrupts(loop, (const int[]){SIGINT, SIGTERM, 0});
    progress_begin(&progress, loop, crawl);
    int rc = picot_run(loop, crawl_site(.crawl = crawl));
    progress_end(&progress, loop);
    int status = verdict(crawl, rc);
    if ((rc >= 0 || rc == PICOT_EINTERRUPT || crawl->frontier.handed_out) &&
        report_summary(stdout, crawl, picot_loop_backend(loop), rc == PICOT_EINTERRUPT) < 0)
        status = 1;
    if (list) report_list(list, crawl);
    return status;
}

static int open_loop(const struct options *options, picot_loop **ret_loop)
{
    char explanation[512] = "";
    picot_loop_options loop_options = PICOT_LOOP_OPTIONS_INIT;
    loop_options.backend = options->backend;
    loop_options.explanation = explanation;
    loop_options.explanation_size = sizeof explanation;
    int rc = picot_loop_create(&loop_options, ret_loop);
    if (rc < 0) (void)fprintf(stderr, "crawler: no event loop: %s\n", *explanation ? explanation : picot_strerror(rc));
    return rc;
}

static int crawl_with(struct options *options, struct crawl *crawl, FILE *list)
{
    picot_loop *loop = NULL;
    char target[URL_TARGET_MAX + 1];
    const char *reason = url_start(options->url, &crawl->site, target);
    if (reason) {
        (void)fprintf(stderr, "crawler: \"%s\" is not a URL to start from: %s\n", options->url, reason);
        return 2;
    }
    fit_descriptors(options);
    if (prepare(crawl, options, target) < 0) {
        (void)fputs("crawler: out of memory\n", stderr);
        return 1;
    }
    if (open_loop(options, &loop) < 0) return options->backend ? 2 : 1;
    int status = run(crawl, loop, list);
    (void)picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    FILE *list = NULL;
    int parsed = options_parse(argc, argv, &options);
    if (parsed) return parsed > 0 ? 0 : 2;
    if (options.list && !(list = fopen(options.list, "we"))) {
        (void)fprintf(stderr, "crawler: --list: %s: %s\n", options.list, strerror(errno));
        return 1;
    }
    struct crawl *crawl = calloc(1, sizeof *crawl);
    int status = crawl ? crawl_with(&options, crawl, list) : 1;
    if (crawl) frontier_free(&crawl->frontier);
    free(crawl);
    if (list && fclose(list) != 0) {
        (void)fprintf(stderr, "crawler: --list: %s: %s\n", options.list, strerror(errno));
        status = 1;
    }
    xmlCleanupParser();
    return fflush(stdout) == 0 ? status : 1;
}
