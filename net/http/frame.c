/* SPDX-License-Identifier: MIT
 *
 * frame.c - decides from a message's headers how long its body is, and whether another message may follow.
 *
 * Invariant: of two readings of a length there is never a choice. Whatever another program on the way might read
 * differently (two lengths, a length beside a coding, an unknown coding) is refused.
 * Sources: RFC 9112 sections 3.2 (Host), 6.1 to 6.3 (body length), 9.3 (persistence); RFC 9110 section 10.1.1 (Expect).
 */
#include "internal.h"
#include <string.h>
#include <strings.h>

/* What the headers say, before anything is concluded from it. */
struct facts {
    const char *length, *coding, *host, *expect;
    int lengths, codings, hosts;
    bool close, keep_alive;
};

static void collect(const picot_http_conn *conn, struct facts *ret_facts)
{
    struct facts facts = {0};
    const char *place = NULL, *name, *value;
    while (picot_http_next_header(conn, &place, &name, &value)) {
        if (strcasecmp(name, "content-length") == 0) {
            facts.length = value;
            facts.lengths++;
        } else if (strcasecmp(name, "transfer-encoding") == 0) {
            facts.coding = value;
            facts.codings++;
        } else if (strcasecmp(name, "connection") == 0) {
            facts.close |= picot__http_list_has(value, "close");
            facts.keep_alive |= picot__http_list_has(value, "keep-alive");
        } else if (strcasecmp(name, "host") == 0) {
            facts.host = value;
            facts.hosts++;
        } else if (strcasecmp(name, "expect") == 0) {
            facts.expect = value;
        }
    }
    *ret_facts = facts;
}

/* Digits only: no sign, no list, no white space, below 2^63. */
static int parse_length(const char *text, int64_t *ret_length)
{
    int64_t length = 0;
    if (*text == '\0') return PICOT_EHTTP;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || length > (INT64_MAX - 9) / 10) return PICOT_EHTTP;
        length = length * 10 + (*text - '0');
    }
    *ret_length = length;
    return 0;
}

static void set_fixed(picot_http_conn *conn, int64_t length)
{
    conn->_.in_state = length > 0 ? IN_FIXED : IN_DONE;
    conn->_.in_left = length;
}

/* The part that requests and responses share: a coding or a length, if there is one. *ret_known tells. */
static int frame_body(picot_http_conn *conn, const struct facts *facts, int *ret_answer, bool *ret_known)
{
    int64_t length = 0;
    *ret_known = facts->codings > 0 || facts->lengths > 0;
    *ret_answer = 400;
    if (facts->lengths > 1 || facts->codings > 1 || (facts->lengths && facts->codings)) return PICOT_EHTTP;
    if (facts->codings) {
        if (strcasecmp(facts->coding, "chunked") != 0) *ret_answer = 501;
        if (*ret_answer == 501 || !conn->_.minor) return PICOT_EHTTP;
        conn->_.in_state = IN_CHUNK_SIZE_FIRST;
        conn->_.in_left = 0;
    } else if (facts->lengths) {
        if (parse_length(facts->length, &length) < 0) return PICOT_EHTTP;
        set_fixed(conn, length);
    }
    return 0;
}

static bool host_is_valid(const struct facts *facts, bool required)
{
    if (facts->hosts != 1) return facts->hosts == 0 && !required;
    return !strpbrk(facts->host, " \t/\\?#@,<>\"");
}

static int frame_request(picot_http_conn *conn, const struct facts *facts, int *ret_answer)
{
    bool known;
    int rc = frame_body(conn, facts, ret_answer, &known);
    if (rc < 0) return rc;
    if (!known) set_fixed(conn, 0);
    if (!host_is_valid(facts, conn->_.minor)) return PICOT_EHTTP;
    if (conn->_.in_state == IN_FIXED && conn->_.in_left > limit_body_bytes(conn)) {
        *ret_answer = 413;
        return PICOT_ETOOLARGE;
    }
    if (facts->expect && conn->_.minor) {
        if (strcasecmp(facts->expect, "100-continue") != 0) {
            *ret_answer = 417;
            return PICOT_EHTTP;
        }
        conn->_.expects_continue = conn->_.in_state != IN_DONE;
    }
    conn->_.head_only = strcmp(picot_http_method(conn), "HEAD") == 0;
    return 0;
}

static int frame_response(picot_http_conn *conn, const struct facts *facts)
{
    bool known;
    int unused, status = conn->_.head->status;
    if (status < 100) return PICOT_EHTTP;
    int rc = frame_body(conn, facts, &unused, &known);
    if (rc < 0) return rc;
    if (conn->_.head_only || status < 200 || status == 204 || status == 304) {
        conn->_.in_state = IN_DONE;
    } else if (!known) {
        conn->_.in_state = IN_UNTIL_END;
        conn->_.keep_alive = 0;
    }
    return 0;
}

int picot__http_frame(picot_http_conn *conn, int *ret_answer)
{
    struct facts facts;
    collect(conn, &facts);
    conn->_.in_total = conn->_.in_left = 0;
    conn->_.overhead = 0;
    conn->_.expects_continue = 0;
    conn->_.keep_alive = !facts.close && (conn->_.minor || facts.keep_alive);
    return conn->_.head->is_response ? frame_response(conn, &facts) : frame_request(conn, &facts, ret_answer);
}
