/* SPDX-License-Identifier: MIT
 *
 * crawl.c - see crawl.h.
 */
#include "crawl.h"
#include "fetch.h"
#include <sys/resource.h>

static int64_t cpu_ns(void)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * PICOT_SECOND +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * PICOT_US;
}

static void note_outcome(struct crawl *crawl, struct page *page, int result, int64_t latency_ns)
{
    int64_t latency_us = latency_ns / PICOT_US;
    if (page == crawl->frontier.pages[0]) crawl->start_result = result;
    if (result < 0) page->outcome = OUTCOME_ERROR;
    page->latency_us = latency_us > UINT32_MAX ? UINT32_MAX : (uint32_t)latency_us;
    crawl->counts[page->outcome]++;
}

/* One page of the queue is the asking worker's own; the rest is for others. */
static int wants_worker(const struct crawl *crawl)
{
    return crawl->workers < crawl->options->concurrency && frontier_waiting(&crawl->frontier) > 1;
}

static void leave(struct crawl *crawl, struct fetcher *fetcher)
{
    if (fetcher) fetcher_give(fetcher);
    crawl->workers--;
}

picot_async_decl(int, worker, (struct crawl * crawl; struct page * page;));
#define worker(...) picot_call(worker, __VA_ARGS__)

picot_async_def(int, worker, (struct crawl * crawl; struct page * page;),
                (struct fetcher * fetcher; int result; int64_t begin_ns;))
{
    picot_begin;
    picot_defer
    {
        leave(my->crawl, my->fetcher);
    }
    my->fetcher = fetcher_take(my->crawl);
    if (!my->fetcher) picot_fail(-ENOMEM);
    for (; my->page; my->page = frontier_next(&my->crawl->frontier)) {
        my->fetcher->page = my->page;
        my->begin_ns = picot_loop_update_now(picot_this_loop());
        picot_wait_for(my->result, my->crawl->options->timeout_ns, fetch_page(.fetcher = my->fetcher));
        if (my->result == -ECANCELED || my->result == -ENOMEM) {
            my->page->outcome = OUTCOME_NONE;
            picot_fail(my->result);
        }
        note_outcome(my->crawl, my->page, my->result, picot_loop_update_now(picot_this_loop()) - my->begin_ns);
        if (!picot_http_reusable(&my->fetcher->http)) picot_await(picot_http_close(.conn = &my->fetcher->http));
        while (wants_worker(my->crawl)) {
            picot_try_spawn(my->crawl->group, worker(.crawl = my->crawl, .page = frontier_next(&my->crawl->frontier)));
            my->crawl->workers++;
        }
    }
    picot_end;
}

/* The first connection: it shows whether the site can be reached, and serves the first page. */
picot_async_fn(int, reach_site, (struct crawl * crawl;), (struct fetcher * fetcher; int rc;))
{
    picot_begin;
    my->fetcher = fetcher_take(my->crawl);
    if (!my->fetcher) picot_fail(-ENOMEM);
    picot_defer
    {
        fetcher_give(my->fetcher);
    }
    picot_try_wait_for(my->rc, my->crawl->options->timeout_ns, fetch_connect_first(.fetcher = my->fetcher));
    picot_end;
}
#define reach_site(...) picot_call(reach_site, __VA_ARGS__)

picot_async_fn(int, end_fetchers, (struct crawl * crawl;), (struct fetcher * fetcher;))
{
    picot_begin;
    while (my->crawl->idle) {
        my->fetcher = fetcher_take(my->crawl);
        picot_await(picot_http_close(.conn = &my->fetcher->http));
        fetcher_free(my->fetcher);
    }
    picot_end;
}
#define end_fetchers(...) picot_call(end_fetchers, __VA_ARGS__)

static void begin_clocks(struct crawl *crawl, picot_loop *loop)
{
    crawl->begin_ns = picot_loop_update_now(loop);
    crawl->cpu_begin = cpu_ns();
}

static void end_clocks(struct crawl *crawl, picot_loop *loop)
{
    crawl->end_ns = picot_loop_update_now(loop);
    crawl->cpu_end = cpu_ns();
}

picot_async_def(int, crawl_site, (struct crawl * crawl;), (picot_group group;))
{
    picot_begin;
    url_resolver_init(&my->crawl->resolver, &my->crawl->site);
    begin_clocks(my->crawl, picot_this_loop());
    picot_defer
    {
        end_clocks(my->crawl, picot_this_loop());
        picot_await(end_fetchers(.crawl = my->crawl));
    }
    picot_try_await(reach_site(.crawl = my->crawl));
    picot_task_group(my->group);
    my->crawl->group = &my->group;
    picot_try_spawn(&my->group, worker(.crawl = my->crawl, .page = frontier_next(&my->crawl->frontier)));
    my->crawl->workers++;
    picot_try_await(picot_join(.group = &my->group));
    picot_end;
}
