/* SPDX-License-Identifier: MIT
 *
 * http_server.c - serves the files below a folder, or 13 bytes. Usage: http_server PORT [--root DIR] [--bind ADDR] ...
 *
 * Nothing outside the folder is ever opened: neither "..", nor links that lead out of it, nor absolute paths (the
 * kernel refuses them, openat2(2)). Port 0 lets the system choose. SIGTERM and SIGINT end it gracefully, with status 0;
 * a second SIGINT at once.
 * A file `_redirects` in the folder lets paths redirect: see redirects.h.
 */
#include "redirects.h"
#include <fcntl.h>
#include <getopt.h>
#include <picot.h>
#include <picot/extension.h>
#include <picot/http.h>
#include <picot/short.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIECE_MAX ((size_t)64 * 1024)
#define PATH_MAX_BYTES 4096

/* ---- without a root -------------------------------------------------------------------------- */

static const char greeting[] = "Hello, world!";

picot_http_handler_fn(hello, (int known;))
{
    async_begin;
    my->known = strcmp(picot_http_target(my->conn), "/") == 0;
    try_await(picot_http_respond(.conn = my->conn, .status = my->known ? 200 : 404, .type = "text/plain",
                                 .body = my->known ? greeting : "Not Found", .len = my->known ? 13 : 9));
    async_end;
}

/* ---- from a target to a path ----------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The path of "/a%20b?q", or of "http://host/a%20b": where it begins, its length in *ret_len. */
static const char *path_of(const char *target, size_t *ret_len)
{
    const char *scheme = strstr(target, "://");
    if (target[0] != '/' && scheme) {
        target = strchr(scheme + 3, '/');
        if (!target) target = "/";
    }
    while (target[0] == '/' && target[1] == '/')
        target++; /* "//host/x" would redirect to another host */
    *ret_len = strcspn(target, "?#");
    return target;
}

/* A path below the root; a folder's is its index. Returns 0, or the status that refuses the target. */
static int decode_path(const char *target, char *ret_path, size_t size)
{
    size_t len, out = 0;
    const char *path = path_of(target, &len);
    if (*path != '/') return 400;
    for (size_t i = 1; i < len; i++) {
        int c = (unsigned char)path[i];
        if (c == '%') {
            int high = i + 2 < len ? hex_digit(path[i + 1]) : -1, low = high >= 0 ? hex_digit(path[i + 2]) : -1;
            if (low < 0) return 400;
            c = high * 16 + low;
            i += 2;
        }
        if (c == '\0') return 400;
        if (out + sizeof "index.html" >= size) return 414;
        if (c == '/' && out == 0) continue;
        ret_path[out++] = (char)c;
    }
    if (out == 0 || ret_path[out - 1] == '/')
        memcpy(ret_path + out, "index.html", sizeof "index.html");
    else
        ret_path[out] = '\0';
    return 0;
}

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {"html", "text/html; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"txt", "text/plain; charset=utf-8"},
        {"md", "text/plain; charset=utf-8"},
        {"json", "application/json"},
        {"xml", "application/xml"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"ico", "image/x-icon"},
        {"woff2", "font/woff2"},
        {"pdf", "application/pdf"},
        {"wasm", "application/wasm"},
        {"gz", "application/gzip"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++)
        if (strcasecmp(dot + 1, types[i][0]) == 0) return types[i][1];
    return "application/octet-stream";
}

static int status_of(int64_t code)
{
    switch (code) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ENXIO:
        return 404;
    case -EACCES:
    case -EPERM:
    case -EXDEV:
    case -ELOOP:
        return 403;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
        return 503;
    default:
        return 500;
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

struct site {
    int root; /* a directory's plain descriptor */
    struct redirects redirects;
};

/* What a file's version is known by. */
static void tag_of(const struct stat *info, char *ret_tag, size_t size)
{
    snprintf(ret_tag, size, "\"%llx-%llx-%lx\"", (unsigned long long)info->st_size, (unsigned long long)info->st_mtime,
             (unsigned long)info->st_mtim.tv_nsec);
}

static int is_unchanged(const picot_http_conn *conn, const struct stat *info, const char *tag)
{
    const char *known = picot_http_header(conn, "If-None-Match");
    if (known) return strcmp(known, "*") == 0 || strstr(known, tag) != NULL;
    const char *since = picot_http_header(conn, "If-Modified-Since");
    struct tm tm = {0};
    const char *end = since ? strptime(since, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
    return end && *end == '\0' && info->st_mtime <= timegm(&tm);
}

static int add_file_headers(picot_http_conn *conn, const struct stat *info, const char *tag)
{
    char date[40];
    struct tm tm;
    int rc = picot_http_add_header(conn, "ETag", tag);
    if (rc == 0 && gmtime_r(&info->st_mtime, &tm) && strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        rc = picot_http_add_header(conn, "Last-Modified", date);
    return rc;
}

/* A folder asked for without its "/": the links of its index are relative to it. */
static int add_location(picot_http_conn *conn)
{
    size_t len;
    char location[PATH_MAX_BYTES * 3];
    const char *path = path_of(picot_http_target(conn), &len);
    if (snprintf(location, sizeof location, "%.*s/%s", (int)len, path, path + len) >= (int)sizeof location)
        return PICOT_ETOOLARGE;
    return picot_http_add_header(conn, "Location", location);
}

/* The status of a target that redirects, its Location added; 0: it does not; or a code. */
static int redirect_of(picot_http_conn *conn, const struct site *site)
{
    size_t len;
    const char *path = path_of(picot_http_target(conn), &len);
    const struct redirect *redirect = redirects_find(&site->redirects, path, len);
    int rc = redirect ? picot_http_add_header(conn, "Location", redirect->to) : 0;
    return rc < 0 || !redirect ? rc : redirect->status;
}

async_fn(int, refuse, (picot_http_conn * conn; int status;), (char text[8];))
{
    async_begin;
    snprintf(my->text, sizeof my->text, "%d\n", my->status);
    try_await(picot_http_respond(.conn = my->conn, .status = my->status, .type = "text/plain", .body = my->text,
                                 .len = strlen(my->text)));
    async_end;
}
#define refuse(...) async_call(refuse, __VA_ARGS__)

/* The body, by pieces: memory does not grow with the file. */
async_fn(int, send_file, (picot_http_conn * conn; picot_fd file; int64_t size;),
         (char *piece; size_t piece_size; int64_t n, offset;))
{
    async_begin;
    my->piece_size = my->size < (int64_t)PIECE_MAX ? (size_t)my->size : PIECE_MAX;
    my->piece = picot_alloc(picot_this_loop(), my->piece_size);
    if (!my->piece) async_fail(-ENOMEM);
    defer
    {
        picot_free(picot_this_loop(), my->piece, my->piece_size);
    }
    for (my->offset = 0; my->offset < my->size; my->offset += my->n) {
        my->n = my->size - my->offset;
        if (my->n > (int64_t)my->piece_size) my->n = (int64_t)my->piece_size;
        try_await(my->n, picot_read(.fd = my->file, .buf = my->piece, .len = (size_t)my->n, .offset = my->offset));
        if (my->n == 0) async_fail(-EIO); /* the file has shrunk: the connection is closed, so that it shows */
        try_await(picot_http_write(.conn = my->conn, .data = my->piece, .len = (size_t)my->n));
    }
    async_end;
}
#define send_file(...) async_call(send_file, __VA_ARGS__)

async_fn(int, respond_with, (picot_http_conn * conn; picot_fd file; const char *path;),
         (struct stat info; char tag[64]; int rc;))
{
    async_begin;
    try_await(picot_stat(.fd = my->file, .ret_stat = &my->info));
    if (!S_ISREG(my->info.st_mode)) { /* a FIFO or a device never ends */
        try_await(refuse(.conn = my->conn, .status = 403));
        async_return(0);
    }
    tag_of(&my->info, my->tag, sizeof my->tag);
    my->rc = add_file_headers(my->conn, &my->info, my->tag);
    if (my->rc < 0) async_fail(my->rc);
    if (is_unchanged(my->conn, &my->info, my->tag)) {
        try_await(picot_http_respond(.conn = my->conn, .status = 304));
        async_return(0);
    }
    my->rc = picot_http_begin(my->conn, 200, type_of(my->path), my->info.st_size, 0);
    if (my->rc < 0) async_fail(my->rc);
    if (my->info.st_size > 0 && strcmp(picot_http_method(my->conn), "HEAD") != 0)
        try_await(send_file(.conn = my->conn, .file = my->file, .size = my->info.st_size));
    try_await(picot_http_finish(.conn = my->conn));
    async_end;
}
#define respond_with(...) async_call(respond_with, __VA_ARGS__)

async_fn(int, serve_path, (picot_http_conn * conn; const struct site *site;),
         (char path[PATH_MAX_BYTES]; int64_t file;))
{
    async_begin;
    my->file = redirect_of(my->conn, my->site);
    if (my->file == 0) my->file = decode_path(picot_http_target(my->conn), my->path, sizeof my->path);
    if (my->file < 0) async_fail((int)my->file);
    if (my->file > 0) {
        try_await(refuse(.conn = my->conn, .status = (int)my->file));
        async_return(0);
    }
    await(my->file, picot_open(.dir = my->site->root, .path = my->path, .flags = O_RDONLY | O_NOCTTY, .beneath = 1));
    if (my->file == -EISDIR) {
        my->file = add_location(my->conn);
        try_await(refuse(.conn = my->conn, .status = my->file < 0 ? 414 : 301));
        async_return(0);
    }
    if (my->file < 0) {
        try_await(refuse(.conn = my->conn, .status = status_of(my->file)));
        async_return(0);
    }
    defer
    {
        await(picot_close(.fd = my->file));
    }
    try_await(respond_with(.conn = my->conn, .file = my->file, .path = my->path));
    async_end;
}
#define serve_path(...) async_call(serve_path, __VA_ARGS__)

picot_http_handler_fn(files, (const char *method;))
{
    async_begin;
    my->method = picot_http_method(my->conn);
    if (strcmp(my->method, "GET") == 0 || strcmp(my->method, "HEAD") == 0) {
        try_await(serve_path(.conn = my->conn, .site = my->user));
        async_return(0);
    }
    if (picot_http_add_header(my->conn, "Allow", "GET, HEAD") < 0) async_fail(-ENOMEM);
    try_await(refuse(.conn = my->conn, .status = 405));
    async_end;
}

/* ---- the program around it ------------------------------------------------------------------- */

static picot_loop *loop;
static picot_http_server server;

static void on_signal(picot_loop *self, picot_signal *watcher, const picot_signal_info *info)
{
    (void)self, (void)watcher, (void)info;
    picot_http_server_stop(&server);
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "http_server: %s: %s\n", what, why);
    return 1;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: http_server PORT [--backend NAME] [--root DIR] [--bind ADDR]\n"
            "  PORT    0 to 65535; 0: the system chooses, see the first line of output\n"
            "  NAME    auto, %s\n"
            "  DIR     serve the files below it; without it, 13 bytes at /\n"
            "  ADDR    a numeric address; 127.0.0.1 if not given\n",
            picot_backend_names());
    return 2;
}

struct arguments {
    const char *backend, *root, *bind;
    unsigned port;
};

static int parse_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
    static const struct option known[] = {
        {"backend", required_argument, NULL, 'b'},
        {"root", required_argument, NULL, 'r'},
        {"bind", required_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    struct arguments arguments = {.bind = "127.0.0.1"};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'b')
            arguments.backend = optarg;
        else if (option == 'r')
            arguments.root = optarg;
        else if (option == 'a')
            arguments.bind = optarg;
        else
            return -1;
    }
    char *end;
    if (optind != argc - 1 || argv[optind][0] < '0' || argv[optind][0] > '9') return -1;
    unsigned long port = strtoul(argv[optind], &end, 10);
    if (*end || port > 65535) return -1;
    arguments.port = (unsigned)port;
    *ret_arguments = arguments;
    return 0;
}

static int load_redirects(struct site *site)
{
    size_t line;
    int rc = redirects_load(&site->redirects, site->root, &line);
    if (line) fprintf(stderr, "http_server: _redirects: line %zu: not \"FROM TO STATUS\"\n", line);
    if (rc < 0 && !line) fail("_redirects", picot_strerror(rc));
    if (rc < 0) redirects_free(&site->redirects);
    return rc;
}

static int run(const struct arguments *arguments, struct site *site)
{
    static const picot_http_server_options options = PICOT_HTTP_SERVER_OPTIONS_INIT;
    char text[PICOT_ADDR_TEXT_SIZE] = "";
    picot_addr addr;
    if (picot_addr_parse(arguments->bind, arguments->port, &addr) < 0) return fail(arguments->bind, "not an address");
    picot_fd listener = picot_tcp_listen(loop, &addr, NULL);
    if (listener < 0) return fail("cannot listen", picot_strerror(listener));
    picot_tcp_local_addr(loop, listener, &addr);
    picot_addr_format(&addr, text, sizeof text);
    printf("listening on %s backend=%s\n", text, picot_loop_backend(loop));
    fflush(stdout);
    const picot_fn *handler = site->root >= 0 ? picot_http_handler(files) : picot_http_handler(hello);
    int rc = picot_run(loop, picot_http_serve(.listener = listener, .handler = handler, .user = site,
                                              .options = &options, .server = &server));
    if (rc == -ETIMEDOUT) fprintf(stderr, "http_server: some clients were too slow and have been cut off\n");
    return rc == 0 || rc == -ETIMEDOUT ? 0 : fail("serving ended", picot_strerror(rc));
}

int main(int argc, char **argv)
{
    char why[512] = "";
    struct arguments arguments;
    struct site site = {.root = -1};
    if (parse_arguments(argc, argv, &arguments) < 0) return usage();
    if (arguments.root) site.root = open(arguments.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (arguments.root && site.root < 0) return fail(arguments.root, picot_strerror(-errno));
    if (site.root >= 0 && load_redirects(&site) < 0) return 1;

    struct rlimit limit; /* a connection is a descriptor */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) limit.rlim_cur = limit.rlim_max, setrlimit(RLIMIT_NOFILE, &limit);
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.backend = arguments.backend;
    options.explanation = why;
    options.explanation_size = sizeof why;
    int rc = picot_loop_create(&options, &loop);
    if (rc < 0) return fail("cannot create a loop", why[0] ? why : picot_strerror(rc));
    picot_signal watchers[2] = {PICOT_SIGNAL_INIT, PICOT_SIGNAL_INIT};
    picot_signal_add(loop, &watchers[0], SIGTERM, PICOT_SIGNAL_BACKGROUND, on_signal, NULL);
    picot_signal_add(loop, &watchers[1], SIGINT, PICOT_SIGNAL_BACKGROUND | PICOT_SIGNAL_INSIST, on_signal, NULL);
    rc = run(&arguments, &site);
    picot_loop_destroy(loop, PICOT_DESTROY_FORCE);
    if (site.root >= 0) close(site.root);
    redirects_free(&site.redirects);
    return rc;
}
