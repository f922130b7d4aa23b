/* SPDX-License-Identifier: MIT
 *
 * internal.h - what the files of net/http/ share: the states of a connection, the head of a message, the inner calls.
 *
 *     received bytes:   lease  --gather-->  head  --parse, framing-->  what the accessors show
 *                         \----- body.c, chunked.c -----> the caller
 *     bytes to send:    out (status line, headers, chunk line)  then the caller's data, in place
 *
 * A message's head is gathered whole before it is parsed: a request means the same however it was cut into packets.
 */
#ifndef PICOT_HTTP_INTERNAL_H
#define PICOT_HTTP_INTERNAL_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <picot/extension.h>
#include <picot/http.h>
#include <picot/task.h>
#include <stdbool.h>

/* ---- states ---------------------------------------------------------------------------------- */

enum { ROLE_NONE, ROLE_SERVER, ROLE_CLIENT };

/* Where the reading side stands. From CHUNK_SIZE to CHUNK_LAST_LF: inside the framing of a chunked body. */
enum picot__http_in {
    IN_IDLE, /* no message was read yet, or its head is being read */
    IN_FIXED,
    IN_UNTIL_END,
    IN_CHUNK_SIZE_FIRST, /* a chunk's size must begin here */
    IN_CHUNK_SIZE,
    IN_CHUNK_PADDING,
    IN_CHUNK_EXTENSION,
    IN_CHUNK_SIZE_LF,
    IN_CHUNK_DATA,
    IN_CHUNK_DATA_CR,
    IN_CHUNK_DATA_LF,
    IN_TRAILER_START,
    IN_TRAILER,
    IN_TRAILER_LF,
    IN_CHUNK_LAST_LF,
    IN_DONE,
    IN_FAILED
};

enum picot__http_out {
    OUT_IDLE,  /* nothing to send yet; a client may send a request */
    OUT_READY, /* a request waits for its response */
    OUT_BODY,  /* a head was begun, its body is being written */
    OUT_DONE   /* a message was sent */
};

enum { LENGTH_CHUNKED = -1, LENGTH_UNTIL_END = -2 };

/* A rest of a request's body up to this size is read and dropped to keep the connection. */
#define UNREAD_MAX (64 * 1024)

/* ---- a message's head ------------------------------------------------------------------------ */

/*
 * While it is gathered the text begins at HEAD_GAP; parsing moves it down to 0 and ends each part with a NUL:
 *     method NUL target NUL { name NUL value NUL }        of a request; of a response both of the first are empty
 */
struct picot_http_head_ {
    size_t capacity; /* of text */
    uint32_t len;    /* bytes in text, the gap included */
    uint32_t target, fields, end;
    uint32_t lines;  /* ended so far */
    uint32_t blanks; /* bytes of empty lines before the first one */
    uint8_t scan;    /* state of gather.c */
    uint8_t is_response;
    uint16_t status;
    char text[];
};
#define HEAD_GAP 8

/** Move bytes from the lease into the head. @return 1: whole; 0: needs more; -ENOMEM, PICOT_EHTTP, PICOT_ETOOLARGE */
int picot__http_gather(picot_http_conn *conn);

/** Take a whole head apart. @param ret_answer  receives, on an error, the status a server answers with */
int picot__http_parse(picot_http_conn *conn, int *ret_answer);

/** Decide how long the body is and whether the connection stays. @return as picot__http_parse */
int picot__http_frame(picot_http_conn *conn, int *ret_answer);

void picot__http_head_free(picot_http_conn *conn);

/** A head, whole, parsed and framed. Result: 1; 0: ended, or silent too long, before its first byte; negative. */
picot_async_decl(int, picot__http_read_head, (picot_http_conn * conn; int *ret_answer;));
#define picot__http_read_head(...) picot_call(picot__http_read_head, __VA_ARGS__)

/* ---- bodies ---------------------------------------------------------------------------------- */

/**
 * Run the chunk decoder over the framing at the beginning of some bytes, up to data, the body's end, or their end.
 * @return  bytes of framing; PICOT_EHTTP, PICOT_ETOOLARGE
 */
int64_t picot__http_chunk_framing(picot_http_conn *conn, const char *bytes, size_t len);

/** Receive into the lease, which must be used up, within a time-out. Result: bytes, 0 at the end. */
picot_async_decl(int64_t, picot__http_fill, (picot_http_conn * conn; int64_t timeout_ns;));
#define picot__http_fill(...) picot_call(picot__http_fill, __VA_ARGS__)

/** Mark bytes of the lease as used; an empty lease goes back to the pool. */
void picot__http_consume(picot_http_conn *conn, size_t len);

/* ---- sending --------------------------------------------------------------------------------- */

/** Append to conn's out buffer. @return 0, -ENOMEM */
int picot__http_out_add(picot_http_conn *conn, const void *bytes, size_t len);

/** Send the out buffer, then data. Result: 0. */
picot_async_decl(int, picot__http_flush, (picot_http_conn * conn; const void *data; size_t len;));
#define picot__http_flush(...) picot_call(picot__http_flush, __VA_ARGS__)

/** Put a first line, and the headers that are the library's, before those that were added. @return 0, -EINVAL, -ENOMEM
 */
int picot__http_out_head(picot_http_conn *conn, const char *first, const char *type, int64_t length);

void picot__http_out_free(picot_http_conn *conn);

/** Answer a request whose handler failed, or did not answer; the connection's last message. Result: 0. */
picot_async_decl(int, picot__http_refuse, (picot_http_conn * conn; int64_t code;));
#define picot__http_refuse(...) picot_call(picot__http_refuse, __VA_ARGS__)

/* ---- words ----------------------------------------------------------------------------------- */

const char *picot__http_reason(int status);
bool picot__http_is_token(const char *text, size_t len);
/** Visible characters, spaces, tabs and bytes over 127 only. */
bool picot__http_is_text(const char *text, size_t len);
/** Is a word one of a comma-separated list, in any case? */
bool picot__http_list_has(const char *list, const char *word);

/* ---- limits: what a connection was told, or the defaults ------------------------------------- */

#define LIMIT_(conn, member, otherwise)                                                                                \
    ((conn)->limits && (conn)->limits->member > 0 ? (conn)->limits->member : (otherwise))

static inline uint32_t limit_head_bytes(const picot_http_conn *conn)
{
    return LIMIT_(conn, head_bytes, 16 * 1024);
}
static inline uint32_t limit_header_count(const picot_http_conn *conn)
{
    return LIMIT_(conn, header_count, 100);
}
static inline uint32_t limit_target_bytes(const picot_http_conn *conn)
{
    return LIMIT_(conn, target_bytes, 8 * 1024);
}
static inline int64_t limit_body_bytes(const picot_http_conn *conn)
{
    return LIMIT_(conn, body_bytes, 1024 * 1024);
}
static inline int64_t limit_connect_ns(const picot_http_conn *conn)
{
    return LIMIT_(conn, connect_ns, 10 * PICOT_SECOND);
}
static inline int64_t limit_idle_ns(const picot_http_conn *conn)
{
    return LIMIT_(conn, idle_ns, 60 * PICOT_SECOND);
}
static inline int64_t limit_head_ns(const picot_http_conn *conn)
{
    return LIMIT_(conn, head_ns, 15 * PICOT_SECOND);
}
static inline int64_t limit_body_ns(const picot_http_conn *conn)
{
    return LIMIT_(conn, body_ns, 30 * PICOT_SECOND);
}
static inline int64_t limit_send_ns(const picot_http_conn *conn)
{
    return LIMIT_(conn, send_ns, 30 * PICOT_SECOND);
}

#endif /* PICOT_HTTP_INTERNAL_H */
