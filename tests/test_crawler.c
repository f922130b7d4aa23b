/* SPDX-License-Identifier: MIT
 *
 * test_crawler.c - the crawler as a program, against a server that does all it should not.
 *
 * The server is a process of the case with plain blocking sockets and a process per connection; what it answers depends
 * on the path alone. Page "/" links everything. The expected list below is the whole specification of a row.
 */
#include "tap.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

/* ---- the server ------------------------------------------------------------------------------ */

struct answer {
    const char *path;
    const char *outcome; /* as --list says it */
    const char *text;    /* what is sent, head and all; NULL: see special_answer */
};

#define HTML(body_len) "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: " #body_len "\r\n\r\n"
#define TO(location) "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " location "\r\n\r\n"

static const struct answer answers[] = {
    {"/ok", "ok", HTML(2) "ok"},
    {"/silent-close", "ok", HTML(2) "ok"}, /* and then the connection is gone, without a word */
    {"/after-close", "ok", HTML(2) "ok"},
    {"/until-end", "ok", "HTTP/1.1 200 OK\r\n\r\n<a href=from-until-end>"},
    {"/from-until-end", "ok", HTML(2) "ok"},
    {"/chunked", "ok",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n<a href=/from-ch\r\n6\r\nunked>\r\n0\r\n\r\n"},
    {"/from-chunked", "ok", HTML(2) "ok"},
    {"/204", "ok", "HTTP/1.1 204 No Content\r\n\r\n"},
    {"/interim", "ok", "HTTP/1.1 103 Early Hints\r\n\r\n" HTML(2) "ok"},
    {"/500", "error", "HTTP/1.1 500 Oops\r\nContent-Length: 20\r\n\r\n<a href=/trap></a>.."},
    {"/404", "not_found", "HTTP/1.1 404 No\r\nContent-Length: 20\r\n\r\n<a href=/trap></a>.."},
    {"/410", "not_found", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"},
    {"/cut", "error", HTML(1000) "<p>"},
    {"/garbage", "error", "SSH-2.0-OpenSSH_9.2\r\n\r\n"},
    {"/nothing", "error", ""},
    {"/smuggled", "error",
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"},
    {"/two-lengths", "error", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"},
    {"/bad-chunk", "error", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nx"},
    {"/nested", "error", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\nok"},
    {"/brotli", "error", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok"},
    {"/no-gzip", "error", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"},
    {"/loop-1", "redirect", TO("/loop-2")},
    {"/loop-2", "redirect", TO("loop-3")},
    {"/loop-3", "error", TO("./loop-1")},
    {"/self", "error", TO("/self#x")},
    {"/chain-0", "redirect", TO("/chain-1")},
    {"/chain-1", "redirect", TO("/chain-2")},
    {"/chain-2", "error", TO("/trap")}, /* --max-redirects 2 */
    {"/elsewhere", "redirect", TO("http://127.0.0.2:1/trap")},
    {"/rebound", "redirect", TO("http://[::ffff:127.0.0.1]:22/trap")},
    {"/no-location", "error", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"},
    {"/bad-location", "error", TO("http://[")},
    {"/gzip", "ok", NULL},
    {"/from-gzip", "ok", HTML(2) "ok"},
    {"/gzip-cut", "error", NULL},
    {"/bomb", "error", NULL},
    {"/bomb-chunked", "error", NULL},
    {"/bomb-redirect", "redirect", NULL},
    {"/header-bomb", "error", NULL},
    {"/endless", "error", NULL},
    {"/too-big", "error", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n<a href=/trap>"},
    {"/drip", "error", NULL},
    {"/hang", "error", NULL},
    {"/trap", NULL, HTML(2) "ok"},
};
enum { ANSWERS = sizeof answers / sizeof answers[0] };

static int put(int fd, const void *data, size_t len)
{
    return send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}

static int put_text(int fd, const char *text)
{
    return put(fd, text, strlen(text));
}

/* `len` bytes of text, which repeats `unit`, packed. */
static size_t pack(const char *unit, size_t times, unsigned char *ret_packed, size_t room)
{
    z_stream z = {0};
    if (deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    z.next_out = ret_packed;
    z.avail_out = (uInt)room;
    for (; times; times--) {
        z.next_in = (Bytef *)(uintptr_t)unit;
        z.avail_in = (uInt)strlen(unit);
        (void)deflate(&z, times > 1 ? Z_NO_FLUSH : Z_FINISH);
    }
    (void)deflateEnd(&z);
    return room - z.avail_out;
}

static int put_packed(int fd, const char *head, const char *unit, size_t times, size_t cut)
{
    static unsigned char packed[200000];
    char length[64];
    size_t len = pack(unit, times, packed, sizeof packed);
    (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", len - cut);
    return put_text(fd, head) | put_text(fd, length) | put(fd, packed, len - cut);
}

#define PACKED "Content-Type: text/html\r\nContent-Encoding: gzip\r\n"

/* What cannot be written as a constant. Endless answers end with the crawler's patience. */
static int special_answer(int fd, const char *path)
{
    char zeros[1001];
    memset(zeros, '0', 1000);
    zeros[1000] = 0;
    if (strcmp(path, "/gzip") == 0)
        return put_packed(fd, "HTTP/1.1 200 OK\r\n" PACKED, "<a href=/from-gzip>x</a>", 1, 0);
    if (strcmp(path, "/gzip-cut") == 0) return put_packed(fd, "HTTP/1.1 200 OK\r\n" PACKED, "<p>some text</p>", 100, 9);
    if (strcmp(path, "/bomb") == 0) return put_packed(fd, "HTTP/1.1 200 OK\r\n" PACKED, zeros, 60000, 0);
    if (strcmp(path, "/bomb-redirect") == 0)
        return put_packed(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\n" PACKED, zeros, 60000, 0);
    if (strcmp(path, "/bomb-chunked") == 0) {
        static unsigned char packed[200000];
        size_t len = pack(zeros, 60000, packed, sizeof packed);
        char size[32];
        (void)snprintf(size, sizeof size, "%zx\r\n", len);
        return put_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" PACKED "\r\n") | put_text(fd, size) |
               put(fd, packed, len) | put_text(fd, "\r\n0\r\n\r\n");
    }
    int rc = put_text(fd, strcmp(path, "/endless") == 0 ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                                        : "HTTP/1.1 200 OK\r\n");
    while (rc == 0 && strcmp(path, "/header-bomb") == 0)
        rc = put_text(fd, "X-More: and more\r\n");
    while (rc == 0 && strcmp(path, "/endless") == 0)
        rc = put_text(fd, "10\r\n<p>never ending.\r\n");
    while (rc == 0 && strcmp(path, "/drip") == 0)
        rc = usleep(50000) | put_text(fd, "X");
    if (rc == 0) (void)pause(); /* /hang */
    return -1;
}

/* Some are found by redirects or on other pages; the trap by nothing at all. */
static int is_linked(const struct answer *answer)
{
    static const char *const others[] = {"/from-", "/loop-2", "/loop-3", "/chain-1", "/chain-2", "/trap"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strncmp(answer->path, others[i], strlen(others[i])) == 0) return 0;
    return 1;
}

static int put_start_page(int fd)
{
    char page[8192], head[128];
    int len = 0;
    for (int i = 0; i < ANSWERS; i++)
        if (is_linked(&answers[i])) len += sprintf(page + len, "<a href=%s>x</a>\n", answers[i].path);
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n", len);
    return put_text(fd, head) | put(fd, page, (size_t)len);
}

/* @return 0: the connection may carry another request */
static int answer(int fd, const char *path)
{
    if (strcmp(path, "/") == 0) return put_start_page(fd);
    for (int i = 0; i < ANSWERS; i++) {
        if (strcmp(path, answers[i].path) != 0) continue;
        int rc = answers[i].text ? put_text(fd, answers[i].text) : special_answer(fd, path);
        static const char *const last[] = {"/silent-close", "/until-end", "/cut", "/garbage", "/nothing", "/too-big"};
        for (size_t k = 0; k < sizeof last / sizeof last[0]; k++)
            rc |= strcmp(path, last[k]) == 0;
        return rc;
    }
    return put_text(fd, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
}

/* One request at a time; each third one is answered by silence and an end, as a server with little patience does. */
static void serve_connection(int fd)
{
    char request[4096], path[64];
    for (int count = 0; count < 2; count++) {
        size_t len = 0;
        do {
            ssize_t n = recv(fd, request + len, sizeof request - 1 - len, 0);
            if (n <= 0) return;
            len += (size_t)n;
            request[len] = 0;
        } while (!strstr(request, "\r\n\r\n"));
        if (sscanf(request, "GET %63s HTTP/1.1", path) != 1 || answer(fd, path) != 0) return;
    }
    (void)recv(fd, request, sizeof request, 0);
}

/* Ends with the case: the harness kills its process group. */
static int start_server(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&addr, len) == 0 && listen(listener, 64) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&addr, &len) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid > 0) {
        (void)close(listener);
        return ntohs(addr.sin_port);
    }
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && fork() == 0) {
            serve_connection(fd);
            _exit(0);
        }
        (void)close(fd);
    }
}

/* ---- the crawler ----------------------------------------------------------------------------- */

struct ended {
    int status; /* the exit status, or minus the signal */
    char out[4096], err[4096];
};

static void read_back(FILE *file, char *ret_text, size_t size)
{
    rewind(file);
    ret_text[fread(ret_text, 1, size - 1, file)] = 0;
    (void)fclose(file);
}

/* Arguments end with NULL. interrupt_ms: SIGINT after so long, or 0. */
static struct ended crawl(const char *const *arguments, int interrupt_ms)
{
    char program[4096];
    const char *builddir = getenv("builddir");
    struct ended ended;
    FILE *out = tmpfile(), *err = tmpfile();
    CHECK(out && err);
    (void)snprintf(program, sizeof program, "%s/examples/crawler", builddir ? builddir : ".");
    if (access(program, X_OK) < 0) SKIP("no crawler in this build");
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(fileno(out), STDOUT_FILENO);
        (void)dup2(fileno(err), STDERR_FILENO);
        (void)signal(SIGINT, SIG_DFL); /* who runs this in the background has it ignored, and so it would stay */
        (void)execv(program, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    if (interrupt_ms) {
        (void)usleep((useconds_t)interrupt_ms * 1000);
        (void)kill(pid, SIGINT);
    }
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    read_back(out, ended.out, sizeof ended.out);
    read_back(err, ended.err, sizeof ended.err);
    return ended;
}

static struct ended crawl_url(const char *url)
{
    return crawl((const char *const[]){"crawler", url, "--json", NULL}, 0);
}

static long json_number(const char *json, const char *name)
{
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(json, key);
    if (!at) tap_fail(__FILE__, __LINE__, "no %s in %s", name, json);
    return strtol(at + strlen(key), NULL, 10);
}

/* ---- cases ----------------------------------------------------------------------------------- */

/* What the list says about a target; "" when it is not there, "twice" when it is there more than once. */
static const char *listed(const char *list, const char *target)
{
    static char outcome[32];
    char line[128], word[32], path[96];
    int found = 0;
    for (const char *at = list; *at; at = strchr(at, '\n') + 1) {
        (void)snprintf(line, sizeof line, "%.100s", at);
        CHECK_EQ(sscanf(line, "%31s %95s", word, path), 2);
        if (strcmp(path, target) == 0 && ++found == 1) (void)strcpy(outcome, word);
    }
    return found == 0 ? "" : found == 1 ? outcome : "twice";
}

static void a_hostile_server_does_no_harm(void)
{
    tap_loop_end(tap_loop()); /* skips where the backend is missing */
    char url[64], list_path[] = "/tmp/picot-crawler-XXXXXX", list[8192];
    int fd = mkstemp(list_path);
    CHECK(fd >= 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", start_server());
    struct ended ended = crawl((const char *const[]){"crawler", url, "--json", "--timeout", "5", "--max-redirects", "2",
                                                     "--max-body", "300000", "--list", list_path, NULL},
                               0);
    (void)unlink(list_path);
    ssize_t len = read(fd, list, sizeof list - 1);
    (void)close(fd);
    CHECK(len >= 0);
    list[len] = 0;
    CHECK_STR(ended.err, "");
    CHECK_EQ(ended.status, 0);
    for (int i = 0; i < ANSWERS; i++) {
        const char *expected = answers[i].outcome ? answers[i].outcome : "", *is = listed(list, answers[i].path);
        if (strcmp(is, expected) != 0)
            tap_fail(__FILE__, __LINE__, "%s: \"%s\" instead of \"%s\"", answers[i].path, is, expected);
    }
    CHECK_EQ(json_number(ended.out, "pages"), ANSWERS);
}

static void hosts_that_cannot_be_reached(void)
{
    char url[200];
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, never listening: connections are refused */
    CHECK(bind(fd, (struct sockaddr *)&addr, len) == 0 && getsockname(fd, (struct sockaddr *)&addr, &len) == 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(addr.sin_port));
    struct ended ended = crawl_url(url);
    (void)close(fd);
    CHECK_EQ(ended.status, 1);
    CHECK(strstr(ended.err, url) && strstr(ended.err, "cannot reach") && strstr(ended.err, "refused"));
    CHECK_STR(ended.out, "");
    (void)snprintf(url, sizeof url, "http://%064d/", 0);
    ended = crawl_url(url);
    CHECK_EQ(ended.status, 1);
    CHECK(strstr(ended.err, "cannot reach"));
}

static void start_pages_that_are_none(void)
{
    static const char *const paths[] = {"/hang", "/garbage", "/500", "/404", "/self", "/bomb"};
    int port = start_server();
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char url[64];
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, paths[i]);
        struct ended ended = crawl((const char *const[]){"crawler", url, "--json", "--timeout", "0.5", NULL}, 0);
        CHECK_EQ(ended.status, 1);
        CHECK(strstr(ended.err, url));
        CHECK_EQ(json_number(ended.out, "pages"), 1);
    }
}

static void bad_command_lines(void)
{
    static const char *const rows[][4] = {
        {"crawler", NULL},
        {"crawler", "nonsense", NULL},
        {"crawler", "https://h/", NULL},
        {"crawler", "http://h:99999/", NULL},
        {"crawler", "http://h/", "http://h/", NULL},
        {"crawler", "http://h/", "--concurrency=0", NULL},
        {"crawler", "http://h/", "--concurrency=1e3", NULL},
        {"crawler", "http://h/", "--concurrency=99999999999999999999", NULL},
        {"crawler", "http://h/", "--timeout=-1", NULL},
        {"crawler", "http://h/", "--timeout=nan", NULL},
        {"crawler", "http://h/", "--max-pages=", NULL},
        {"crawler", "http://h/", "--no-such-option", NULL},
        {"crawler", "http://h/", "--backend=kqueue", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ended ended = crawl(rows[i], 0);
        CHECK_EQ(ended.status, 2);
        CHECK(strlen(ended.err) > 10 && strlen(ended.err) < 400);
        CHECK_STR(ended.out, "");
        if (strstr(rows[i][2] ? rows[i][2] : "", "kqueue"))
            CHECK(strstr(ended.err, "kqueue") && strstr(ended.err, "epoll") && strstr(ended.err, "select"));
    }
    struct ended ended = crawl((const char *const[]){"crawler", "http://h/", "--list", "/nonexistent/x", NULL}, 0);
    CHECK_EQ(ended.status, 1);
    CHECK(strstr(ended.err, "/nonexistent/x"));
}

static void an_interrupt_ends_with_a_summary(void)
{
    tap_loop_end(tap_loop());
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", start_server());
    struct ended ended = crawl((const char *const[]){"crawler", url, "--json", NULL}, 1000);
    CHECK_STR(ended.err, "");
    CHECK_EQ(ended.status, 0);
    CHECK(strstr(ended.out, "\"interrupted\":true"));
    CHECK(json_number(ended.out, "ok") > 5);
    CHECK(json_number(ended.out, "pages") < ANSWERS);
}

static void a_limit_of_pages_is_kept(void)
{
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", start_server());
    struct ended ended = crawl((const char *const[]){"crawler", url, "--json", "--max-pages=5", NULL}, 0);
    CHECK_EQ(ended.status, 0);
    CHECK_EQ(json_number(ended.out, "pages"), 5);
    CHECK(strstr(ended.out, "\"interrupted\":false"));
}

static const struct tap_case cases[] = {
    {"a hostile server does no harm", a_hostile_server_does_no_harm, TAP_BACKENDS | TAP_OUTSIDE},
    {"hosts that cannot be reached", hosts_that_cannot_be_reached, 0},
    {"start pages that are none", start_pages_that_are_none, 0},
    {"bad command lines", bad_command_lines, 0},
    {"an interrupt ends with a summary", an_interrupt_ends_with_a_summary, TAP_BACKENDS | TAP_OUTSIDE},
    {"a limit of pages is kept", a_limit_of_pages_is_kept, 0},
};

TAP_MAIN(cases)
