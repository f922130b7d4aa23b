/* SPDX-License-Identifier: MIT
 *
 * chunked.c - the framing of a chunked body: sizes, extensions, line ends, trailers. The data between is body.c's.
 *
 * Invariant: extensions and trailers are dropped, and what they may cost is bounded by the limit of a head.
 * Source: RFC 9112 section 7.1.
 */
#include "internal.h"

/* Fifteen digits are sixty bits: a size can be added to any length without overflow. Zeros in front count. */
#define SIZE_DIGITS_MAX 15

static int digit_of(unsigned char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(unsigned char c)
{
    return (c >= ' ' && c != 0x7f) || c == '\t';
}

/* After a digit of the size, and in the white space that some servers pad it with. */
static int after_size(const picot_http_conn *conn, unsigned char c)
{
    if (c == '\r') return IN_CHUNK_SIZE_LF;
    if (c == ';') return IN_CHUNK_EXTENSION;
    return conn->_.role == ROLE_CLIENT && (c == ' ' || c == '\t') ? IN_CHUNK_PADDING : PICOT_EHTTP;
}

static int next_size(picot_http_conn *conn, unsigned char c)
{
    int digit = digit_of(c);
    if (digit < 0) return conn->_.in_state == IN_CHUNK_SIZE ? after_size(conn, c) : PICOT_EHTTP;
    if (conn->_.in_state == IN_CHUNK_SIZE_FIRST) conn->_.digits = 0;
    if (++conn->_.digits > SIZE_DIGITS_MAX) return PICOT_EHTTP;
    conn->_.in_left = conn->_.in_left * 16 + digit;
    return IN_CHUNK_SIZE;
}

/* The state after one more byte of framing, or PICOT_EHTTP. */
static int next_state(picot_http_conn *conn, unsigned char c)
{
    switch (conn->_.in_state) {
    case IN_CHUNK_SIZE_FIRST:
    case IN_CHUNK_SIZE:
        return next_size(conn, c);
    case IN_CHUNK_PADDING:
        return after_size(conn, c);
    case IN_CHUNK_EXTENSION:
        if (c == '\r') return IN_CHUNK_SIZE_LF;
        return is_text(c) ? IN_CHUNK_EXTENSION : PICOT_EHTTP;
    case IN_CHUNK_SIZE_LF:
        if (c != '\n') return PICOT_EHTTP;
        return conn->_.in_left > 0 ? IN_CHUNK_DATA : IN_TRAILER_START;
    case IN_CHUNK_DATA_CR:
        return c == '\r' ? IN_CHUNK_DATA_LF : PICOT_EHTTP;
    case IN_CHUNK_DATA_LF:
        return c == '\n' ? IN_CHUNK_SIZE_FIRST : PICOT_EHTTP;
    case IN_TRAILER_START:
        if (c == '\r') return IN_CHUNK_LAST_LF;
        return is_text(c) && c > ' ' ? IN_TRAILER : PICOT_EHTTP;
    case IN_TRAILER:
        if (c == '\r') return IN_TRAILER_LF;
        return is_text(c) ? IN_TRAILER : PICOT_EHTTP;
    case IN_TRAILER_LF:
        return c == '\n' ? IN_TRAILER_START : PICOT_EHTTP;
    default:
        return c == '\n' ? IN_DONE : PICOT_EHTTP;
    }
}

static bool is_overhead(int state)
{
    return state == IN_CHUNK_PADDING || state == IN_CHUNK_EXTENSION || state == IN_TRAILER;
}

int64_t picot__http_chunk_framing(picot_http_conn *conn, const char *bytes, size_t len)
{
    size_t i = 0;
    while (i < len && conn->_.in_state != IN_CHUNK_DATA && conn->_.in_state != IN_DONE) {
        int state = next_state(conn, (unsigned char)bytes[i++]);
        if (state < 0) return state;
        conn->_.in_state = (uint8_t)state;
        if (is_overhead(state) && ++conn->_.overhead > limit_head_bytes(conn)) return PICOT_ETOOLARGE;
    }
    return (int64_t)i;
}
