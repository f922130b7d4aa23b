/* SPDX-License-Identifier: MIT
 *
 * gather.c - collects the head of a message, byte by byte as it comes, and refuses at once what no head may contain.
 *
 * Invariant: a gathered head consists of lines that end in CR LF, none of them begins with white space, and it holds no
 * control character but the tab and those line ends. What the parser library is lenient about never reaches it.
 * Sources: RFC 9112 sections 2.2 (bare CR, bare LF, empty lines before a request), 5.2 (folded lines), 11.2
 * (smuggling).
 */
#include "internal.h"
#include <string.h>

enum { SCAN_BLANK, SCAN_BLANK_CR, SCAN_LINE, SCAN_LINE_CR, SCAN_START, SCAN_LAST_CR, SCAN_WHOLE };

/* Some clients end the body of a POST with a line end that its length does not count. */
#define BLANKS_MAX 8

void picot__http_head_free(picot_http_conn *conn)
{
    struct picot_http_head_ *head = conn->_.head;
    if (head) picot_free(conn->loop, head, sizeof *head + head->capacity);
    conn->_.head = NULL;
}

/* Room for `more` bytes of text. A head that came in one piece needs one allocation. */
static int reserve(picot_http_conn *conn, size_t more)
{
    struct picot_http_head_ *head = conn->_.head;
    size_t have = head ? head->len : HEAD_GAP;
    if (head && head->capacity - have >= more) return 0;
    size_t capacity = have + more;
    if (capacity < (head ? 2 * head->capacity : 256)) capacity = head ? 2 * head->capacity : 256;
    size_t old_size = head ? sizeof *head + head->capacity : 0;
    struct picot_http_head_ *larger = picot_realloc(conn->loop, head, old_size, sizeof *head + capacity);
    if (!larger) return -ENOMEM;
    if (!head) *larger = (struct picot_http_head_){.len = HEAD_GAP, .is_response = conn->_.role == ROLE_CLIENT};
    larger->capacity = capacity;
    conn->_.head = larger;
    return 0;
}

/* A response's folded line becomes part of the line before it. */
static int unfold(struct picot_http_head_ *head)
{
    if (!head->is_response || head->lines < 2) return PICOT_EHTTP;
    head->text[head->len - 2] = head->text[head->len - 1] = ' ';
    head->lines--;
    return SCAN_LINE;
}

/* The state after one more byte, or PICOT_EHTTP. */
static int next_state(struct picot_http_head_ *head, unsigned char c)
{
    if (c != '\n' && c != '\r' && ((c < ' ' && c != '\t') || c == 0x7f)) return PICOT_EHTTP;
    switch (head->scan) {
    case SCAN_BLANK:
        if (c == ' ' || c == '\t' || c == '\n') return PICOT_EHTTP;
        return c == '\r' ? SCAN_BLANK_CR : SCAN_LINE;
    case SCAN_BLANK_CR:
        return c == '\n' ? SCAN_BLANK : PICOT_EHTTP;
    case SCAN_LINE:
        if (c == '\n') return PICOT_EHTTP;
        return c == '\r' ? SCAN_LINE_CR : SCAN_LINE;
    case SCAN_LINE_CR:
        if (c != '\n') return PICOT_EHTTP;
        head->lines++;
        return SCAN_START;
    case SCAN_START:
        if (c == '\n') return PICOT_EHTTP;
        if (c == ' ' || c == '\t') return unfold(head);
        return c == '\r' ? SCAN_LAST_CR : SCAN_LINE;
    default:
        return c == '\n' ? SCAN_WHOLE : PICOT_EHTTP;
    }
}

static int check_size(const picot_http_conn *conn, const struct picot_http_head_ *head)
{
    size_t len = head->len - HEAD_GAP;
    if (head->blanks > BLANKS_MAX) return PICOT_EHTTP;
    if (len > limit_head_bytes(conn)) return PICOT_ETOOLARGE;
    /* The first line ("OPTIONS * HTTP/1.1") is the target and at most 64 bytes more. */
    if (head->lines == 0 && len > (size_t)limit_target_bytes(conn) + 64) return PICOT_ETOOLARGE;
    return head->lines > (size_t)limit_header_count(conn) + 1 ? PICOT_ETOOLARGE : 0;
}

int picot__http_gather(picot_http_conn *conn)
{
    const char *bytes = (const char *)conn->_.in.data + conn->_.in_at;
    size_t len = conn->_.in.size - conn->_.in_at, i = 0;
    int state = 0;
    /* Room for what belongs to this head, and never more than the limit asks for, however much a lease holds. */
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    size_t most = (size_t)limit_head_bytes(conn) + 1, wanted = end ? (size_t)(end - bytes) + 4 : len;
    int rc = reserve(conn, wanted < most ? wanted : most);
    struct picot_http_head_ *head = conn->_.head;
    while (rc == 0 && i < len && head->scan != SCAN_WHOLE) {
        state = next_state(head, (unsigned char)bytes[i]);
        if (state < 0) rc = state;
        if (state < 0) break;
        head->scan = (uint8_t)state;
        if (state == SCAN_BLANK || state == SCAN_BLANK_CR)
            head->blanks++;
        else if (head->capacity > head->len)
            head->text[head->len++] = bytes[i];
        else
            rc = PICOT_ETOOLARGE;
        i++;
        if (rc == 0) rc = check_size(conn, head);
    }
    picot__http_consume(conn, i);
    return rc < 0 ? rc : head->scan == SCAN_WHOLE;
}
