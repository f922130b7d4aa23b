/* SPDX-License-Identifier: MIT
 *
 * gunzip.c - see gunzip.h. Source: zlib.h, RFC 1950 and 1952, RFC 9110 section 8.4.1.
 */
#include "gunzip.h"
#include <errno.h>
#include <picot/error.h>
#include <string.h>
#include <strings.h>

int gunzip_needed(const char *encoding)
{
    if (!encoding || !*encoding || strcasecmp(encoding, "identity") == 0) return 0;
    if (strcasecmp(encoding, "gzip") == 0 || strcasecmp(encoding, "x-gzip") == 0) return 1;
    return strcasecmp(encoding, "deflate") == 0 ? 1 : PICOT_EHTTP;
}

int gunzip_begin(struct gunzip *gunzip, uint64_t out_max)
{
    int rc;
    if (gunzip->ready) {
        rc = inflateReset(&gunzip->z);
    } else {
        memset(&gunzip->z, 0, sizeof gunzip->z);
        rc = inflateInit2(&gunzip->z, 32 + MAX_WBITS); /* 32: gzip or zlib, by its first bytes */
    }
    if (rc != Z_OK) return -ENOMEM;
    gunzip->ready = 1;
    gunzip->state = GUNZIP_INSIDE;
    gunzip->in = gunzip->out = 0;
    gunzip->out_max = out_max;
    return 0;
}

static int over_a_cap(const struct gunzip *gunzip)
{
    return gunzip->out > gunzip->out_max ||
           (gunzip->out > GUNZIP_RATIO_FREE && gunzip->out / GUNZIP_RATIO_MAX > gunzip->in);
}

/* After a member another one may follow; what is none is padding and ignored, as gzip(1) does. */
static int next_member(struct gunzip *gunzip)
{
    gunzip->state = gunzip->z.next_in[0] == 0x1f ? GUNZIP_INSIDE : GUNZIP_PADDING;
    return gunzip->state == GUNZIP_PADDING || inflateReset(&gunzip->z) == Z_OK ? 0 : PICOT_EHTTP;
}

/* One call of inflate, its output handed on. */
static int inflate_some(struct gunzip *gunzip, char *room, size_t room_size, gunzip_sink *sink, void *user)
{
    z_stream *z = &gunzip->z;
    uInt avail_before = z->avail_in;
    z->next_out = (Bytef *)room;
    z->avail_out = (uInt)room_size;
    int rc = inflate(z, Z_NO_FLUSH);
    if (rc == Z_MEM_ERROR) return -ENOMEM;
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) return PICOT_EHTTP;
    size_t got = room_size - z->avail_out;
    gunzip->in += avail_before - z->avail_in;
    gunzip->out += got;
    if (rc == Z_STREAM_END) gunzip->state = GUNZIP_COMPLETE;
    if (over_a_cap(gunzip)) return PICOT_ETOOLARGE;
    return got ? sink(user, room, got) : 0;
}

int gunzip_feed(struct gunzip *gunzip, const char *data, size_t len, char *room, size_t room_size, gunzip_sink *sink,
                void *user)
{
    int rc = len > UINT32_MAX ? PICOT_ETOOLARGE : 0;
    z_stream *z = &gunzip->z;
    z->next_in = (Bytef *)(uintptr_t)data; /* zlib does not write there */
    z->avail_in = (uInt)len;
    z->avail_out = 1;
    /* A full room may mean that more waits inside zlib. */
    while (rc >= 0 && gunzip->state != GUNZIP_PADDING && (z->avail_in > 0 || z->avail_out == 0)) {
        if (gunzip->state == GUNZIP_COMPLETE && z->avail_in == 0) break;
        rc = gunzip->state == GUNZIP_COMPLETE ? next_member(gunzip) : 0;
        if (rc >= 0 && gunzip->state == GUNZIP_INSIDE) rc = inflate_some(gunzip, room, room_size, sink, user);
    }
    return rc < 0 ? rc : 0;
}

int gunzip_end(const struct gunzip *gunzip)
{
    return gunzip->state == GUNZIP_INSIDE ? PICOT_EEOF : 0;
}

void gunzip_free(struct gunzip *gunzip)
{
    if (gunzip->ready) (void)inflateEnd(&gunzip->z);
    gunzip->ready = 0;
}
