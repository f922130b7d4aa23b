/* SPDX-License-Identifier: MIT
 *
 * parse.c - takes a gathered head apart with the parser library of this machine, llhttp or its forerunner http-parser.
 *
 * The only file that knows them. The library sees one whole head, never a body: framing is decided in frame.c and done
 * in body.c and chunked.c, so that both libraries give one behaviour. The parts are moved to the front of the same
 * buffer, each ended by a NUL; they always trail behind the library's place, thanks to the gap the text begins with.
 * Sources: llhttp.h; http_parser.h; RFC 9112 sections 3 to 5.
 */
#include "internal.h"
#include <string.h>

#if defined(HAVE_LLHTTP)
#include <llhttp.h>
typedef llhttp_t http_parser;
typedef llhttp_settings_t http_parser_settings;
#else
#include <http_parser.h>
#endif

enum part { PART_NONE, PART_TARGET, PART_NAME, PART_VALUE };

/* What the callbacks of the library fill. */
struct parts {
    struct picot_http_head_ *head;
    uint32_t out;         /* end of what has been moved to the front */
    enum part kind;       /* of the part that is being moved */
    const char *last_end; /* where the library's last piece of it ended */
    bool complete;
};

static void end_part(struct parts *parts)
{
    char *text = parts->head->text;
    if (parts->kind == PART_VALUE)
        while (text[parts->out - 1] == ' ' || text[parts->out - 1] == '\t')
            parts->out--;
    if (parts->kind != PART_NONE) text[parts->out++] = '\0';
}

/* The library has no callback for the method's text; it precedes the target, a space between them. */
static void move_method(struct parts *parts, const char *target)
{
    struct picot_http_head_ *head = parts->head;
    size_t len = (size_t)(target - head->text) - HEAD_GAP - 1;
    memmove(head->text, head->text + HEAD_GAP, len);
    head->text[len] = '\0';
    parts->out = (uint32_t)len + 1;
}

static int on_part(http_parser *parser, const char *at, size_t len, enum part kind)
{
    struct parts *parts = parser->data;
    bool goes_on = kind == parts->kind && (kind != PART_NAME || at == parts->last_end);
    if (!goes_on) {
        if (kind == PART_TARGET) move_method(parts, at);
        end_part(parts);
        /* A name after a name: the value between them is empty, and llhttp does not mention what is empty. */
        if (kind == PART_NAME && parts->kind == PART_NAME) parts->head->text[parts->out++] = '\0';
        parts->kind = kind;
    }
    memmove(parts->head->text + parts->out, at, len);
    parts->out += (uint32_t)len;
    parts->last_end = at + len;
    return 0;
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
    return on_part(parser, at, len, PART_TARGET);
}

static int on_header_field(http_parser *parser, const char *at, size_t len)
{
    return on_part(parser, at, len, PART_NAME);
}

static int on_header_value(http_parser *parser, const char *at, size_t len)
{
    return on_part(parser, at, len, PART_VALUE);
}

static int on_headers_complete(http_parser *parser)
{
    struct parts *parts = parser->data;
    end_part(parts);
    if (parts->kind == PART_NAME) parts->head->text[parts->out++] = '\0';
    parts->head->end = parts->out;
    parts->complete = true;
    return 1; /* no body: that is not the library's business */
}

static int run_library(http_parser *parser, struct parts *parts)
{
    http_parser_settings settings;
    struct picot_http_head_ *head = parts->head;
#if defined(HAVE_LLHTTP)
    llhttp_settings_init(&settings);
#else
    http_parser_settings_init(&settings);
#endif
    settings.on_url = on_url;
    settings.on_header_field = on_header_field;
    settings.on_header_value = on_header_value;
    settings.on_headers_complete = on_headers_complete;
#if defined(HAVE_LLHTTP)
    llhttp_init(parser, head->is_response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
    parser->data = parts;
    return (int)llhttp_execute(parser, head->text + HEAD_GAP, head->len - HEAD_GAP);
#else
    http_parser_init(parser, head->is_response ? HTTP_RESPONSE : HTTP_REQUEST);
    parser->data = parts;
    (void)http_parser_execute(parser, &settings, head->text + HEAD_GAP, head->len - HEAD_GAP);
    return (int)HTTP_PARSER_ERRNO(parser);
#endif
}

/* ---- what the libraries let pass, each another part of it ------------------------------------ */

/* "HTTP/1.1": PICOT_EHTTP when it is no version, 505 when it is another major one, else 0. */
static int check_version(const char *text, size_t len)
{
    if (len != 8 || memcmp(text, "HTTP/", 5) != 0 || text[6] != '.') return PICOT_EHTTP;
    if (text[5] < '0' || text[5] > '9' || text[7] < '0' || text[7] > '9') return PICOT_EHTTP;
    return text[5] == '1' ? 0 : 505;
}

/* "METHOD target HTTP/1.1", one space between them. Returns 0, or the status of the refusal. */
static int check_request_line(const char *line, size_t len)
{
    const char *target = memchr(line, ' ', len);
    if (!target++ || !picot__http_is_token(line, (size_t)(target - 1 - line))) return 400;
    const char *end = line + len, *version = memchr(target, ' ', (size_t)(end - target));
    if (!version++ || version - 1 == target || memchr(target, '\t', (size_t)(version - target))) return 400;
    int rc = check_version(version, (size_t)(end - version));
    return rc < 0 ? 400 : rc;
}

/* "HTTP/1.1 200 OK"; the text may be missing, and the space before it. Returns 0 or PICOT_EHTTP. */
static int check_status_line(const char *line, size_t len)
{
    if (len < 12 || check_version(line, 8) != 0 || line[8] != ' ') return PICOT_EHTTP;
    for (size_t i = 9; i < 12; i++)
        if (line[i] < '0' || line[i] > '9') return PICOT_EHTTP;
    return len == 12 || line[12] == ' ' ? 0 : PICOT_EHTTP;
}

static int check_first_line(const struct picot_http_head_ *head, int *ret_answer)
{
    const char *line = head->text + HEAD_GAP, *end = memchr(line, '\r', head->len - HEAD_GAP);
    if (head->is_response) return check_status_line(line, (size_t)(end - line));
    *ret_answer = check_request_line(line, (size_t)(end - line));
    return *ret_answer ? PICOT_EHTTP : 0;
}

/* Spaces in names, bytes that are no text. */
static int check_fields(const struct picot_http_head_ *head, uint32_t most)
{
    uint32_t count = 0;
    for (const char *at = head->text + head->fields, *end = head->text + head->end; at < end; count++) {
        size_t name_len = strlen(at);
        const char *value = at + name_len + 1;
        size_t value_len = strlen(value);
        if (!picot__http_is_token(at, name_len) || !picot__http_is_text(value, value_len)) return PICOT_EHTTP;
        at = value + value_len + 1;
    }
    return count > most ? PICOT_ETOOLARGE : 0;
}

int picot__http_parse(picot_http_conn *conn, int *ret_answer)
{
    struct picot_http_head_ *head = conn->_.head;
    http_parser parser;
    struct parts parts = {.head = head};
    int rc = check_first_line(head, ret_answer);
    if (rc < 0) return rc;
    if (head->is_response) { /* both parts of the request's line are empty */
        parts.out = 2;
        head->text[0] = head->text[1] = '\0';
    }
    int error = run_library(&parser, &parts);
    *ret_answer = error == HPE_INVALID_METHOD ? 501 : 400;
    if (!parts.complete) return PICOT_EHTTP;
    head->target = (uint32_t)strlen(head->text) + 1;
    head->fields = head->target + (uint32_t)strlen(head->text + head->target) + 1;
    head->status = head->is_response ? (uint16_t)parser.status_code : 0;
    conn->_.minor = parser.http_minor > 0;
    if (head->fields - head->target - 1 > limit_target_bytes(conn)) {
        *ret_answer = 414;
        return PICOT_ETOOLARGE;
    }
    rc = check_fields(head, limit_header_count(conn));
    if (rc == PICOT_ETOOLARGE) *ret_answer = 431;
    return rc;
}
