/* SPDX-License-Identifier: MIT
 *
 * options.c - see options.h. Numbers are read strictly: "10x", "-1" and "1e3" are errors, not surprises.
 */
#include "options.h"
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <picot/base.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] = "Usage: crawler URL [OPTION]...\n"
                            "Fetch the pages of one host, breadth first, each exactly once, and tell what there was.\n"
                            "\n"
                            "  --backend NAME       select, poll, epoll, io_uring or auto\n"
                            "  --concurrency N      pages under way at a time (16)\n"
                            "  --json               the summary as one JSON object\n"
                            "  --list FILE          write each page and its outcome to FILE\n"
                            "  --max-body BYTES     of one page, as received and as unpacked (8388608)\n"
                            "  --max-pages N        stop after so many pages (1000000)\n"
                            "  --max-redirects N    redirects followed in a row (10)\n"
                            "  --timeout SECONDS    for one page, from request to its last byte (30)\n"
                            "  --help               this text\n";

enum option_id { OPT_BACKEND = 256, OPT_CONCURRENCY, OPT_LIST, OPT_BODY, OPT_PAGES, OPT_REDIRECTS, OPT_TIMEOUT };

static const struct option long_options[] = {{"backend", required_argument, NULL, OPT_BACKEND},
                                             {"concurrency", required_argument, NULL, OPT_CONCURRENCY},
                                             {"json", no_argument, NULL, 'j'},
                                             {"list", required_argument, NULL, OPT_LIST},
                                             {"max-body", required_argument, NULL, OPT_BODY},
                                             {"max-pages", required_argument, NULL, OPT_PAGES},
                                             {"max-redirects", required_argument, NULL, OPT_REDIRECTS},
                                             {"timeout", required_argument, NULL, OPT_TIMEOUT},
                                             {"help", no_argument, NULL, 'h'},
                                             {0}};

static int number(const char *name, long min, long max, long *ret_value)
{
    char *end;
    errno = 0;
    long value = strtol(optarg, &end, 10);
    if (!isdigit((unsigned char)optarg[0]) || *end || errno || value < min || value > max) {
        (void)fprintf(stderr, "crawler: --%s: \"%s\" is not a number from %ld to %ld\n", name, optarg, min, max);
        return -1;
    }
    *ret_value = value;
    return 0;
}

/* Seconds may have a fraction: 0.5. */
static int seconds(int64_t *ret_ns)
{
    char *end;
    double value = strtod(optarg, &end);
    if (!isdigit((unsigned char)optarg[0]) || *end || !(value >= 0.001 && value <= 86400)) {
        (void)fprintf(stderr, "crawler: --timeout: \"%s\" is not a number of seconds from 0.001 to 86400\n", optarg);
        return -1;
    }
    *ret_ns = (int64_t)(value * (double)PICOT_SECOND);
    return 0;
}

static int take(int id, struct options *options)
{
    switch (id) {
    case 'j':
        options->json = 1;
        return 0;
    case OPT_BACKEND:
        options->backend = optarg;
        return 0;
    case OPT_LIST:
        options->list = optarg;
        return 0;
    case OPT_CONCURRENCY:
        return number("concurrency", 1, 10000, &options->concurrency);
    case OPT_BODY:
        return number("max-body", 1, 1L << 30, &options->max_body_bytes);
    case OPT_PAGES:
        return number("max-pages", 1, 100L * 1000 * 1000, &options->max_pages);
    case OPT_REDIRECTS:
        return number("max-redirects", 0, 1000, &options->max_redirects);
    case OPT_TIMEOUT:
        return seconds(&options->timeout_ns);
    case 'h':
        (void)fputs(usage, stdout);
        return 1;
    default:
        (void)fputs("Try 'crawler --help'.\n", stderr);
        return -1; /* getopt_long has said what is wrong */
    }
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
    int id, rc;
    *ret_options = (struct options){.concurrency = 16,
                                    .max_pages = 1000000,
                                    .max_redirects = 10,
                                    .max_body_bytes = 8L << 20,
                                    .timeout_ns = 30 * PICOT_SECOND};
    while ((id = getopt_long(argc, argv, "jh", long_options, NULL)) >= 0)
        if ((rc = take(id, ret_options)) != 0) return rc;
    if (optind + 1 != argc) {
        (void)fputs(optind < argc ? "crawler: give one URL only\n" : "crawler: no URL given\n", stderr);
        (void)fputs("Try 'crawler --help'.\n", stderr);
        return -1;
    }
    ret_options->url = argv[optind];
    return 0;
}
