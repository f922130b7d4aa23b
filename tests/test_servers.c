/* SPDX-License-Identifier: MIT
 *
 * test_servers.c - the programs examples/echo_server, http_server and daemon from outside: what they serve, what they
 * refuse, how they end. The environment's `builddir` tells where they are.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

struct server {
    pid_t pid;
    int port;
    char line[256]; /* its first line of output */
};

/* Run a program; both its outputs go into ret_text, up to its end or, with a pid, to the first line's. */
static void run_program(const char *name, const char *const *arguments, pid_t *ret_pid, char *ret_text, size_t size)
{
    char path[512];
    int ends[2];
    size_t len = 0;
    const char *argv[10] = {path};
    const char *builddir = getenv("builddir");
    snprintf(path, sizeof path, "%s/examples/%s", builddir ? builddir : ".", name);
    if (access(path, X_OK) < 0) SKIP("the program was not built");
    for (int i = 0; arguments[i]; i++)
        argv[i + 1] = arguments[i];
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a case that fails leaves no server behind */
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        execv(path, (char **)argv);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t n; len < size - 1 && (n = read(ends[0], ret_text + len, 1)) > 0; len += (size_t)n)
        if (ret_pid && ret_text[len] == '\n') break;
    ret_text[len] = '\0';
    close(ends[0]);
    if (ret_pid) {
        *ret_pid = pid;
        return;
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    snprintf(ret_text + len, size - len, "[%d]", WEXITSTATUS(status));
}

static void start(struct server *server, const char *name, const char *root)
{
    const char *arguments[8] = {"0", "--backend", tap_backend()};
    if (root) arguments[3] = "--root", arguments[4] = root;
    run_program(name, arguments, &server->pid, server->line, sizeof server->line);
    char backend[32] = "";
    if (sscanf(server->line, "listening on 127.0.0.1:%d backend=%31s", &server->port, backend) != 2) {
        if (strstr(server->line, tap_backend())) SKIP("this kernel lacks the backend");
        tap_fail(__FILE__, __LINE__, "first line: %s", server->line);
    }
    CHECK_STR(backend, tap_backend());
}

/* SIGTERM ends a server with status 0. */
static void end(struct server *server)
{
    int status;
    CHECK_EQ(kill(server->pid, SIGTERM), 0);
    CHECK_EQ(waitpid(server->pid, &status, 0), server->pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

static int connect_to(const struct server *server)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server->port)};
    struct timeval patience = {.tv_sec = 10};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

/* Send a request and read to the end of the connection. Returns the status. */
static int ask(const struct server *server, const char *request, size_t request_len, char *ret_text, size_t size)
{
    int fd = connect_to(server), status = 0;
    size_t len = 0;
    CHECK_EQ(send(fd, request, request_len, MSG_NOSIGNAL), request_len);
    CHECK_EQ(shutdown(fd, SHUT_WR), 0);
    for (ssize_t n; len < size - 1 && (n = read(fd, ret_text + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    ret_text[len] = '\0';
    close(fd);
    return sscanf(ret_text, "HTTP/1.1 %d ", &status) == 1 ? status : 0;
}

static char text[512 * 1024];

static int get(const struct server *server, const char *target)
{
    char request[1024];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target);
    return ask(server, request, (size_t)len, text, sizeof text);
}

/* ---- the echo server ------------------------------------------------------------------------- */

static void echoes(void)
{
    struct server server;
    char buf[16];
    start(&server, "echo_server", NULL);
    int fd = connect_to(&server), idle = connect_to(&server);
    CHECK_EQ(send(fd, "hello", 5, MSG_NOSIGNAL), 5);
    CHECK_EQ(recv(fd, buf, 5, MSG_WAITALL), 5);
    CHECK_MEM(buf, "hello", 5);
    end(&server);
    CHECK_EQ(recv(idle, buf, 1, 0), 0);
    close(fd);
    close(idle);
}

static void check_usage(const char *program, const char *a, const char *b, const char *c, const char *expected)
{
    const char *const arguments[] = {a, b, c, NULL};
    run_program(program, arguments, NULL, text, sizeof text);
    if (!strstr(text, expected)) tap_fail(__FILE__, __LINE__, "%s %s %s: %s", program, a ? a : "", b ? b : "", text);
    CHECK(strlen(text) < 2000 && !strstr(text, "[0]"));
}

static void bad_arguments(void)
{
    static const char *const programs[] = {"echo_server", "http_server"};
    for (int i = 0; i < 2; i++) {
        check_usage(programs[i], NULL, NULL, NULL, "[2]");
        check_usage(programs[i], "", NULL, NULL, "[2]");
        check_usage(programs[i], "x", NULL, NULL, "[2]");
        check_usage(programs[i], "80x", NULL, NULL, "[2]");
        check_usage(programs[i], "-1", NULL, NULL, "[2]");
        check_usage(programs[i], "65536", NULL, NULL, "[2]");
        check_usage(programs[i], "99999999999999999999", NULL, NULL, "[2]");
        check_usage(programs[i], "0", "--backend", NULL, "[2]");
        check_usage(programs[i], "0", "--no-such", "x", "[2]");
        check_usage(programs[i], "0", "--backend", "nonsense", "select, poll, epoll");
        check_usage(programs[i], "0", "--backend", "nonsense", "[1]");
    }
    check_usage("http_server", "0", "--root", "/no/such/folder", "/no/such/folder");
    check_usage("http_server", "0", "--root", "/etc/passwd", "[1]");
    check_usage("http_server", "0", "--bind", "localhost", "not an address");
    check_usage("http_server", "0", "--bind", "192.0.2.1", "[1]");
}

/* ---- the HTTP server ------------------------------------------------------------------------- */

static void greets(void)
{
    struct server server;
    start(&server, "http_server", NULL);
    CHECK_EQ(get(&server, "/"), 200);
    CHECK(strstr(text, "\r\nContent-Length: 13\r\n") && strstr(text, "\r\n\r\nHello, world!"));
    CHECK_EQ(get(&server, "/x"), 404);
    int idle = connect_to(&server); /* does not hold the end up */
    char byte;
    end(&server);
    CHECK_EQ(recv(idle, &byte, 1, 0), 0);
    close(idle);
}

static void write_file(const char *root, const char *name, const char *bytes, size_t len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, bytes, len), len);
    close(fd);
}

static void make_link(const char *root, const char *name, const char *to)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    CHECK_EQ(symlink(to, path), 0);
}

/* base/secret.txt, and below base/root what is served. */
static void make_site(char *base, char *ret_root, size_t size, const char *big, size_t big_len)
{
    char path[512];
    CHECK(mkdtemp(base));
    snprintf(ret_root, size, "%s/root", base);
    CHECK_EQ(mkdir(ret_root, 0755), 0);
    snprintf(path, sizeof path, "%s/sub", ret_root);
    CHECK_EQ(mkdir(path, 0755), 0);
    write_file(base, "secret.txt", "secret", 6);
    write_file(ret_root, "index.html", "<p>index", 8);
    write_file(ret_root, "sub/index.html", "<p>sub", 6);
    write_file(ret_root, "a b.txt", "blank", 5);
    write_file(ret_root, "empty", "", 0);
    write_file(ret_root, "big.bin", big, big_len);
    make_link(ret_root, "inside.html", "sub/index.html");
    make_link(ret_root, "outside.txt", "../secret.txt");
    make_link(ret_root, "absolute.txt", "/etc/passwd");
    make_link(ret_root, "loop.txt", "loop.txt");
    snprintf(path, sizeof path, "%s/fifo", ret_root);
    CHECK_EQ(mkfifo(path, 0644), 0);
}

static void remove_site(const char *base)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    CHECK_EQ(system(command), 0);
}

static const struct {
    const char *target;
    int status;
    const char *body;
} targets[] = {
    {"/", 200, "<p>index"},
    {"/?q=../..", 200, "<p>index"},
    {"/index.html", 200, "<p>index"},
    {"/%69ndex%2Ehtml", 200, "<p>index"},
    {"http://h/index.html", 200, "<p>index"},
    {"http://h", 200, "<p>index"},
    {"/sub/", 200, "<p>sub"},
    {"/sub", 301, NULL},
    {"/./sub/../index.html", 200, "<p>index"},
    {"/inside.html", 200, "<p>sub"},
    {"/a%20b.txt", 200, "blank"},
    {"/empty", 200, ""},
    {"/no", 404, NULL},
    {"/index.html/", 404, NULL},
    {"/index.html/x", 404, NULL},
    {"/fifo", 403, NULL},
    {"/outside.txt", 403, NULL},
    {"/absolute.txt", 403, NULL},
    {"/loop.txt", 403, NULL},
    {"/..", 403, NULL},
    {"/../secret.txt", 403, NULL},
    {"/sub/../../secret.txt", 403, NULL},
    {"/%2e%2e/secret.txt", 403, NULL},
    {"/%2e%2e%2fsecret.txt", 403, NULL},
    {"/..%5csecret.txt", 404, NULL},
    {"/sub/%2e%2e/%2e%2e/secret.txt", 403, NULL},
    {"//etc/passwd", 404, NULL},
    {"/%2fetc/passwd", 404, NULL},
    {"///etc/passwd", 404, NULL},
    {"/index.html%00.txt", 400, NULL},
    {"/%", 400, NULL},
    {"/%4", 400, NULL},
    {"/%zz", 400, NULL},
    {"*", 400, NULL},
    {"index.html", 400, NULL},
};

static void check_targets(const struct server *server)
{
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        int status = get(server, targets[i].target);
        if (status != targets[i].status) tap_note("target: %s", targets[i].target);
        CHECK_EQ(status, targets[i].status);
        CHECK(!strstr(text, "secret") && !strstr(text, "root:"));
        const char *body = strstr(text, "\r\n\r\n");
        CHECK(body);
        if (targets[i].body) CHECK_STR(body + 4, targets[i].body);
    }
    CHECK_EQ(get(server, "//sub"), 301); /* never to another host */
    CHECK(strstr(text, "\r\nLocation: /sub/\r\n"));
    CHECK_EQ(get(server, "/sub?a=b"), 301);
    CHECK(strstr(text, "\r\nLocation: /sub/?a=b\r\n"));
    char longest[6000] = "GET /";
    memset(longest + 5, 'a', 5000);
    strcpy(longest + 5005, " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_EQ(ask(server, longest, strlen(longest), text, sizeof text), 414);
}

static void check_conditions(const struct server *server)
{
    char request[512], tag[128] = "", date[128] = "";
    CHECK_EQ(get(server, "/index.html"), 200);
    CHECK(strstr(text, "\r\nContent-Type: text/html"));
    CHECK_EQ(sscanf(strstr(text, "\r\nETag: "), "\r\nETag: %127[^\r]", tag), 1);
    CHECK_EQ(sscanf(strstr(text, "\r\nLast-Modified: "), "\r\nLast-Modified: %127[^\r]", date), 1);
    static const char form[] = "GET /index.html HTTP/1.1\r\nHost: h\r\n%s: %s\r\n\r\n";
    int len = snprintf(request, sizeof request, form, "If-None-Match", tag);
    CHECK_EQ(ask(server, request, (size_t)len, text, sizeof text), 304);
    CHECK_STR(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    len = snprintf(request, sizeof request, form, "If-None-Match", "\"other\"");
    CHECK_EQ(ask(server, request, (size_t)len, text, sizeof text), 200);
    len = snprintf(request, sizeof request, form, "If-Modified-Since", date);
    CHECK_EQ(ask(server, request, (size_t)len, text, sizeof text), 304);
    len = snprintf(request, sizeof request, form, "If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK_EQ(ask(server, request, (size_t)len, text, sizeof text), 200);
    len = snprintf(request, sizeof request, form, "If-Modified-Since", "some day");
    CHECK_EQ(ask(server, request, (size_t)len, text, sizeof text), 200);
}

static void check_methods(const struct server *server, size_t big_len)
{
    char expected[64];
    static const char head[] = "HEAD /big.bin HTTP/1.1\r\nHost: h\r\n\r\n";
    static const char post[] = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx";
    static const char bad[] = "GET / HTTP/1.1\r\n\r\n";
    snprintf(expected, sizeof expected, "\r\nContent-Length: %zu\r\n", big_len);
    CHECK_EQ(ask(server, head, sizeof head - 1, text, sizeof text), 200);
    CHECK(strstr(text, expected));
    CHECK_STR(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    CHECK_EQ(ask(server, post, sizeof post - 1, text, sizeof text), 405);
    CHECK(strstr(text, "\r\nAllow: GET, HEAD\r\n"));
    CHECK_EQ(ask(server, bad, sizeof bad - 1, text, sizeof text), 400);
}

static void serves_files(void)
{
    enum { BIG = 300001 };
    static char big[BIG];
    char base[] = "/tmp/picot-site-XXXXXX", root[512];
    struct server server;
    unsigned x = 99;
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)((x = x * 1103515245 + 12345) >> 16);
    make_site(base, root, sizeof root, big, BIG);
    start(&server, "http_server", root);
    check_targets(&server);
    check_conditions(&server);
    check_methods(&server, BIG);
    CHECK_EQ(get(&server, "/big.bin"), 200);
    CHECK_MEM(strstr(text, "\r\n\r\n") + 4, big, BIG);
    end(&server);
    remove_site(base);
}

/* ---- a daemon ---------------------------------------------------------------------------------- */

/* Its number stands in the file when the shell has its prompt back; a second one is refused; SIGTERM removes the file.
 */
static void goes_into_the_background(void)
{
    char base[] = "/tmp/picot-daemon-XXXXXX", path[64], expected[512];
    int pid = 0;
    CHECK(mkdtemp(base));
    snprintf(path, sizeof path, "%s/it.pid", base);
    const char *const arguments[] = {"--background", path, NULL};
    run_program("daemon", arguments, NULL, text, sizeof text);
    if (strstr(text, "no daemon: ") && rmdir(base) == 0) SKIP("a sanitizer has a thread of its own");
    CHECK_STR(text, "[0]");
    FILE *file = fopen(path, "re");
    CHECK(file && fscanf(file, "%d", &pid) == 1 && fclose(file) == 0);
    CHECK(pid > 1 && kill(pid, 0) == 0);
    run_program("daemon", arguments, NULL, text, sizeof text);
    CHECK_EQ(kill(pid, SIGTERM), 0);
    snprintf(expected, sizeof expected,
             "daemon: %s: it runs already: another process holds the pid file (process %d)\n[1]", path, pid);
    CHECK_STR(text, expected);
    while (access(path, F_OK) == 0) /* the case's own limit ends this */
        usleep(1000);
    CHECK_EQ(rmdir(base), 0);
}

static const struct tap_case cases[] = {
    {"echo_server echoes, and ends", echoes, TAP_BACKENDS | TAP_OUTSIDE},
    {"bad arguments", bad_arguments, 0},
    {"http_server greets, and ends", greets, TAP_BACKENDS | TAP_OUTSIDE},
    {"http_server serves files below its root only", serves_files, TAP_BACKENDS | TAP_OUTSIDE},
    {"daemon goes into the background", goes_into_the_background, 0},
};
TAP_MAIN(cases)
