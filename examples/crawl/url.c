/* SPDX-License-Identifier: MIT
 *
 * url.c - URLs by uriparser, see url.h.
 *
 * Every step takes memory from the resolver's arena; before each link the arena is cut back to the end of the base. A
 * link that needs more than the arena has is refused like a malformed one.
 */
#include "url.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the arena as uriparser's memory --------------------------------------------------------- */

/* Each block is preceded by its size, which realloc needs to know. */
enum { BLOCK_HEAD = 16 };

static void *arena_malloc(UriMemoryManager *memory, size_t size)
{
    struct url_resolver *resolver = memory->userData;
    size_t room = sizeof resolver->arena - resolver->used;
    if (size > sizeof resolver->arena) return NULL;
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded + BLOCK_HEAD > room) return NULL;
    char *block = resolver->arena + resolver->used;
    memcpy(block, &size, sizeof size);
    resolver->used += rounded + BLOCK_HEAD;
    return block + BLOCK_HEAD;
}

static void *arena_calloc(UriMemoryManager *memory, size_t count, size_t size)
{
    if (size && count > (size_t)-1 / size) return NULL;
    void *block = arena_malloc(memory, count * size);
    if (block) memset(block, 0, count * size);
    return block;
}

static void *arena_realloc(UriMemoryManager *memory, void *old, size_t size)
{
    void *block = arena_malloc(memory, size);
    if (block && old) {
        size_t old_size;
        memcpy(&old_size, (char *)old - BLOCK_HEAD, sizeof old_size);
        memcpy(block, old, old_size < size ? old_size : size);
    }
    return block;
}

static void *arena_reallocarray(UriMemoryManager *memory, void *old, size_t count, size_t size)
{
    if (size && count > (size_t)-1 / size) return NULL;
    return arena_realloc(memory, old, count * size);
}

static void arena_free(UriMemoryManager *memory, void *block)
{
    (void)memory; /* the whole arena is cut back at the next link */
    (void)block;
}

/* ---- repairing what stands in a page --------------------------------------------------------- */

static int is_hex(char c)
{
    return isxdigit((unsigned char)c);
}

/* Bytes that RFC 3986 allows somewhere after the authority; '%' and the brackets are looked at where they stand. */
static int is_url_byte(unsigned char c)
{
    return c > 0x20 && c < 0x7f && !strchr("\"<>\\^`{|}[]%", c);
}

/* Where an authority ends that begins with "//", directly or after a scheme; 0: there is none. */
static size_t authority_end(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && (isalnum((unsigned char)text[at]) || strchr("+-.", text[at])))
        at++;
    at = at < len && at > 0 && text[at] == ':' ? at + 1 : 0;
    if (len - at < 2 || (text[at] != '/' && text[at] != '\\') || (text[at + 1] != '/' && text[at + 1] != '\\'))
        return 0;
    for (at += 2; at < len && !strchr("/\\?#", text[at]);)
        at++;
    return at;
}

static size_t put_encoded(char *to, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    to[0] = '%';
    to[1] = digits[c >> 4];
    to[2] = digits[c & 15];
    return 3;
}

/* Copy without surrounding blanks, line breaks and the fragment, and with what is not allowed percent-encoded. */
static int clean_link(const char *text, size_t len, char *ret_clean)
{
    while (len && (unsigned char)text[0] <= ' ')
        text++, len--;
    while (len && (unsigned char)text[len - 1] <= ' ')
        len--;
    size_t authority = authority_end(text, len), out = 0;
    int in_query = 0;
    for (size_t at = 0; at < len && text[at] != '#'; at++) {
        char c = text[at];
        if (out + 3 > URL_TARGET_MAX) return URL_MALFORMED;
        if (c == '\t' || c == '\n' || c == '\r') continue;
        if (c == '?') in_query = 1;
        if (c == '\\' && !in_query) c = '/';
        int bracket = (c == '[' || c == ']') && at < authority;
        int percent = c == '%' && len - at > 2 && is_hex(text[at + 1]) && is_hex(text[at + 2]);
        if (bracket || percent || is_url_byte((unsigned char)c))
            ret_clean[out++] = c;
        else
            out += put_encoded(ret_clean + out, (unsigned char)c);
    }
    ret_clean[out] = 0;
    return (int)out;
}

/* ---- reading the parts ----------------------------------------------------------------------- */

static size_t range_len(const UriTextRangeA *range)
{
    return range->first ? (size_t)(range->afterLast - range->first) : 0;
}

static int range_is(const UriTextRangeA *range, const char *text)
{
    size_t len = strlen(text);
    return range_len(range) == len && strncasecmp(range->first, text, len) == 0;
}

/* The port as a number; 80 when none is written; -1: not a port. */
static int port_of(const UriUriA *uri)
{
    int port = 0;
    size_t len = range_len(&uri->portText);
    if (!len) return 80;
    for (size_t i = 0; i < len; i++) {
        port = port * 10 + (uri->portText.first[i] - '0');
        if (port > 65535) return -1;
    }
    return port ? port : -1;
}

/* A path and query in its one spelling; the URI is normalised already. */
static int put_target(const UriUriA *uri, char *ret_target)
{
    size_t out = 0;
    for (const UriPathSegmentA *segment = uri->pathHead; segment; segment = segment->next) {
        size_t len = range_len(&segment->text);
        if (out + 1 + len > URL_TARGET_MAX) return URL_MALFORMED;
        ret_target[out++] = '/';
        if (len) memcpy(ret_target + out, segment->text.first, len);
        out += len;
    }
    if (!out) ret_target[out++] = '/';
    if (uri->query.first) {
        size_t len = range_len(&uri->query);
        if (out + 1 + len > URL_TARGET_MAX) return URL_MALFORMED;
        ret_target[out++] = '?';
        memcpy(ret_target + out, uri->query.first, len);
        out += len;
    }
    ret_target[out] = 0;
    return (int)out;
}

/* ---- the start of a crawl -------------------------------------------------------------------- */

static const char *check_start(const UriUriA *uri)
{
    if (!range_len(&uri->scheme)) return "it has no scheme: write http://HOST/";
    if (range_is(&uri->scheme, "https")) return "https is not supported, only http";
    if (!range_is(&uri->scheme, "http")) return "only http is supported";
    if (uri->userInfo.first) return "a user name or password is not supported";
    size_t len = range_len(&uri->hostText);
    if (!len) return "it has no host";
    if (len > 253) return "the host name is longer than 253 bytes";
    if (uri->hostData.ipFuture.first) return "the host is not a name and not an address";
    for (size_t i = 0; i < len && !uri->hostData.ip6; i++)
        if (!isalnum((unsigned char)uri->hostText.first[i]) && !strchr("-._", uri->hostText.first[i]))
            return "the host name has bytes that no host name has";
    if (port_of(uri) < 0) return "the port is not between 1 and 65535";
    return NULL;
}

static void put_site(const UriUriA *uri, struct site *ret_site)
{
    size_t len = range_len(&uri->hostText);
    int port = port_of(uri);
    for (size_t i = 0; i < len; i++)
        ret_site->host[i] = (char)tolower((unsigned char)uri->hostText.first[i]);
    ret_site->host[len] = 0;
    (void)snprintf(ret_site->service, sizeof ret_site->service, "%hu", (unsigned short)port);
    (void)snprintf(ret_site->authority, sizeof ret_site->authority, uri->hostData.ip6 ? "[%s]%s%s" : "%s%s%s",
                   ret_site->host, port == 80 ? "" : ":", port == 80 ? "" : ret_site->service);
}

const char *url_start(const char *text, struct site *ret_site, char *ret_target)
{
    char clean[URL_TARGET_MAX + 1];
    const char *error_at = NULL;
    UriUriA uri;
    if (!*text) return "it is empty";
    if (clean_link(text, strlen(text), clean) < 0) return "it is longer than 2048 bytes";
    int rc = uriParseSingleUriA(&uri, clean, &error_at);
    if (rc != URI_SUCCESS) return rc == URI_ERROR_MALLOC ? "out of memory" : "it is not a URL as RFC 3986 has it";
    const char *reason = check_start(&uri);
    if (!reason) {
        put_site(&uri, ret_site);
        if (uriNormalizeSyntaxExA(&uri, URI_NORMALIZE_PATH | URI_NORMALIZE_QUERY) != URI_SUCCESS)
            reason = "out of memory";
        else if (put_target(&uri, ret_target) < 0)
            reason = "it is longer than 2048 bytes";
    }
    uriFreeUriMembersA(&uri);
    return reason;
}

/* ---- the links of a page --------------------------------------------------------------------- */

void url_resolver_init(struct url_resolver *resolver, const struct site *site)
{
    resolver->site = site;
    resolver->memory = (UriMemoryManager){.malloc = arena_malloc,
                                          .calloc = arena_calloc,
                                          .realloc = arena_realloc,
                                          .reallocarray = arena_reallocarray,
                                          .free = arena_free,
                                          .userData = resolver};
    resolver->base_end = resolver->used = 0;
}

void url_base_of_page(const struct site *site, const char *target, struct url_base *ret_base)
{
    ret_base->len = (size_t)snprintf(ret_base->text, sizeof ret_base->text, "http://%s%s", site->authority, target);
}

int url_resolver_use(struct url_resolver *resolver, const struct url_base *base)
{
    const char *error_at = NULL;
    resolver->used = 0;
    int rc = uriParseSingleUriExMmA(&resolver->base, base->text, base->text + base->len, &error_at, &resolver->memory);
    resolver->base_end = resolver->used;
    return rc == URI_SUCCESS ? 0 : URL_MALFORMED;
}

/* Cut the arena back, repair, parse and resolve: an absolute URI, normalised, valid until the next link. */
static int resolve(struct url_resolver *resolver, const char *href, size_t len, UriUriA *ret_uri)
{
    const char *error_at = NULL;
    UriUriA link;
    resolver->used = resolver->base_end;
    int clean_len = clean_link(href, len, resolver->clean);
    if (clean_len < 0) return URL_MALFORMED;
    const char *end = resolver->clean + clean_len;
    if (uriParseSingleUriExMmA(&link, resolver->clean, end, &error_at, &resolver->memory) != URI_SUCCESS)
        return URL_MALFORMED;
    int rc = uriAddBaseUriExMmA(ret_uri, &link, &resolver->base, URI_RESOLVE_STRICTLY, &resolver->memory);
    if (rc != URI_SUCCESS) return URL_MALFORMED;
    rc = uriNormalizeSyntaxExMmA(ret_uri, URI_NORMALIZE_PATH | URI_NORMALIZE_QUERY, &resolver->memory);
    return rc == URI_SUCCESS ? 0 : URL_MALFORMED;
}

void url_rebase(struct url_resolver *resolver, const char *href, size_t len, struct url_base *base)
{
    UriUriA uri;
    int written = 0;
    char text[sizeof base->text];
    if (resolve(resolver, href, len, &uri) < 0) return;
    if (!range_is(&uri.scheme, "http") && !range_is(&uri.scheme, "https")) return;
    if (uriToStringA(text, &uri, (int)sizeof text, &written) != URI_SUCCESS) return;
    base->len = (size_t)written - 1; /* `written` counts the NUL */
    memcpy(base->text, text, base->len);
    (void)url_resolver_use(resolver, base);
}

int url_resolve(struct url_resolver *resolver, const char *href, size_t len, char *ret_target)
{
    UriUriA uri;
    int rc = resolve(resolver, href, len, &uri);
    if (rc < 0) return rc;
    if (!range_is(&uri.scheme, "http") || uri.userInfo.first) return URL_ELSEWHERE;
    if (!range_is(&uri.hostText, resolver->site->host) || port_of(&uri) != atoi(resolver->site->service))
        return URL_ELSEWHERE;
    return put_target(&uri, ret_target);
}
