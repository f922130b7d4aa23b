/* SPDX-License-Identifier: MIT
 *
 * embedding_glib.c - the loop inside GLib's main loop, on every backend: a source of GLib's that polls picot_loop_fd,
 * with timers and idle callbacks of both sides, and data that GLib itself sends. Built only where glib-2.0 is.
 */
#include "support.h"
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

struct picot_source {
    GSource source;
    picot_loop *loop;
    gpointer tag;
};

/* g_source_set_ready_time takes microseconds of the same clock: CLOCK_MONOTONIC; rounded up, never early. */
static gboolean source_prepare(GSource *source, int *timeout)
{
    int64_t deadline = picot_loop_next_deadline(((struct picot_source *)source)->loop);
    CHECK(deadline >= 0);
    int64_t left = deadline - clock_now();
    if (deadline == PICOT_NEVER) {
        *timeout = -1;
    } else {
        *timeout = left <= 0 ? 0 : left > 3600 * PICOT_SECOND ? 3600000 : (int)((left + PICOT_MS - 1) / PICOT_MS);
    }
    return left <= 0;
}

static gboolean source_check(GSource *source)
{
    struct picot_source *it = (struct picot_source *)source;
    return g_source_query_unix_fd(source, it->tag) != 0 || picot_loop_next_deadline(it->loop) <= clock_now();
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    (void)callback;
    (void)user;
    CHECK(picot_loop_step(((struct picot_source *)source)->loop) >= 0);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_functions = {source_prepare, source_check, source_dispatch, NULL, NULL, NULL};

struct host {
    GMainContext *context;
    GMainLoop *main_loop;
    GSource *source;
    picot_loop *loop;
};

static void host_open(struct host *host)
{
    host->loop = tap_loop();
    host->context = g_main_context_new();
    host->main_loop = g_main_loop_new(host->context, FALSE);
    host->source = g_source_new(&source_functions, sizeof(struct picot_source));
    struct picot_source *it = (struct picot_source *)host->source;
    it->loop = host->loop;
    it->tag = g_source_add_unix_fd(host->source, picot_loop_fd(host->loop), G_IO_IN);
    CHECK(g_source_attach(host->source, host->context) > 0);
}

static void host_close(struct host *host)
{
    g_source_destroy(host->source);
    g_source_unref(host->source);
    g_main_loop_unref(host->main_loop);
    g_main_context_unref(host->context);
    tap_loop_end(host->loop);
}

static gboolean is_late(gpointer user)
{
    (void)user;
    CHECK(!"GLib's main loop got nowhere");
    return G_SOURCE_REMOVE;
}

static void host_run(struct host *host)
{
    GSource *guard = g_timeout_source_new_seconds(10);
    g_source_set_callback(guard, is_late, NULL, NULL);
    CHECK(g_source_attach(guard, host->context) > 0);
    g_main_loop_run(host->main_loop);
    g_source_destroy(guard);
    g_source_unref(guard);
}

/* ---- an exchange in which each side sets off the other --------------------------------------- */

struct exchange {
    struct host *host;
    struct stream stream;
    picot_op receiving;
    picot_timer timer;
    char byte;
    unsigned received, ticks, glib_ticks;
};

static gboolean glib_sends(gpointer user)
{
    struct exchange *it = user;
    peer_send(it->stream.theirs, "g", 1);
    return G_SOURCE_REMOVE;
}

static void received(picot_loop *loop, picot_op *op)
{
    struct exchange *it = op->user;
    CHECK_EQ(op->result, 1);
    CHECK_EQ(it->byte, 'g');
    if (++it->received == 200) {
        g_main_loop_quit(it->host->main_loop);
        return;
    }
    CHECK_EQ(picot_submit(loop, op, received, it), 0);
    GSource *soon = it->received % 2 ? g_idle_source_new() : g_timeout_source_new(1);
    g_source_set_callback(soon, glib_sends, it, NULL);
    CHECK(g_source_attach(soon, it->host->context) > 0);
    g_source_unref(soon);
}

static void tick(picot_loop *loop, void *user)
{
    struct exchange *it = user;
    it->ticks++;
    CHECK_EQ(picot_call_later(loop, &it->timer, 5 * PICOT_MS, tick, it), 0);
}

static gboolean glib_tick(gpointer user)
{
    ((struct exchange *)user)->glib_ticks++;
    return G_SOURCE_CONTINUE;
}

static void both_take_turns(void)
{
    struct host host;
    struct exchange it;
    host_open(&host);
    memset(&it, 0, sizeof it);
    it.host = &host;
    it.stream = open_stream(host.loop, 0);
    picot_op_recv(&it.receiving, it.stream.ours, &it.byte, 1, 0);
    CHECK_EQ(picot_submit(host.loop, &it.receiving, received, &it), 0);
    CHECK_EQ(picot_call_later(host.loop, &it.timer, PICOT_MS, tick, &it), 0);
    GSource *ticker = g_timeout_source_new(5);
    g_source_set_callback(ticker, glib_tick, &it, NULL);
    CHECK(g_source_attach(ticker, host.context) > 0);
    peer_send(it.stream.theirs, "g", 1);
    host_run(&host);
    CHECK_EQ(it.received, 200);
    CHECK(it.ticks >= 5);
    CHECK(it.glib_ticks >= 5);
    g_source_destroy(ticker);
    g_source_unref(ticker);
    CHECK_EQ(picot_timer_cancel(host.loop, &it.timer), 0);
    close_stream(host.loop, &it.stream);
    host_close(&host);
}

/* ---- a post of another thread ends GLib's sleep ---------------------------------------------- */

struct wake {
    struct host *host;
    picot_posted posted;
};

static void quit(picot_loop *loop, void *user)
{
    (void)loop;
    g_main_loop_quit(((struct wake *)user)->host->main_loop);
}

static gpointer post_later(gpointer user)
{
    struct wake *it = user;
    g_usleep(3000);
    CHECK_EQ(picot_post(it->host->loop, &it->posted), 0);
    return NULL;
}

static void post_wakes_glib(void)
{
    struct host host;
    host_open(&host);
    for (int i = 0; i < 10; i++) {
        struct wake it = {&host, PICOT_POSTED_INIT(quit, &it)};
        GThread *thread = g_thread_new("post", post_later, &it);
        host_run(&host);
        (void)g_thread_join(thread);
    }
    host_close(&host);
}

static const struct tap_case cases[] = {
    {"glib: both take turns", both_take_turns, TAP_BACKENDS | TAP_OUTSIDE},
    {"glib: a post wakes GLib", post_wakes_glib, TAP_BACKENDS},
};

/* GLib keeps a wake-up descriptor per context and some for itself; the first context is made before cases are counted.
 */
int main(int argc, char **argv)
{
    g_main_context_unref(g_main_context_new());
    return tap_main(cases, sizeof cases / sizeof cases[0], argc, argv);
}
