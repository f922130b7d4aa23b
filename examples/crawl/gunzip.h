/* SPDX-License-Identifier: MIT
 *
 * gunzip.h - bodies with Content-Encoding gzip or deflate, unpacked as they arrive, and never to more than is good.
 *
 * A bomb is stopped by two caps: the bytes that come out, and their ratio to the bytes that went in. Exactly one coding
 * is accepted; a chain of several is refused before a byte is unpacked.
 */
#ifndef CRAWLER_GUNZIP_H
#define CRAWLER_GUNZIP_H

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

enum {
    GUNZIP_RATIO_MAX = 256,         /* pages reach 30, bombs 1000 */
    GUNZIP_RATIO_FREE = 1024 * 1024 /* bytes that may come out whatever the ratio */
};

/** Receives what comes out. A negative code ends the unpacking. */
typedef int gunzip_sink(void *user, const char *data, size_t len);

enum gunzip_state { GUNZIP_INSIDE, GUNZIP_COMPLETE, GUNZIP_PADDING };

struct gunzip {
    z_stream z;
    int ready; /* z is initialised; it is kept for the next body */
    enum gunzip_state state;
    uint64_t in, out, out_max;
};

/** Does this Content-Encoding need unpacking? @return 0: it is identity; 1: gzip or deflate; PICOT_EHTTP: anything else
 */
int gunzip_needed(const char *encoding);

/** A body begins. @return 0 or -ENOMEM */
int gunzip_begin(struct gunzip *gunzip, uint64_t out_max);

/**
 * The next piece of the body; `room` is scratch space for what comes out.
 * @return  0; PICOT_ETOOLARGE: a cap is reached; PICOT_EHTTP: no gzip; -ENOMEM; the sink's code
 */
int gunzip_feed(struct gunzip *gunzip, const char *data, size_t len, char *room, size_t room_size, gunzip_sink *sink,
                void *user);

/** The body has ended. @return 0; PICOT_EEOF: in the middle of the packed data */
int gunzip_end(const struct gunzip *gunzip);

void gunzip_free(struct gunzip *gunzip);

#endif /* CRAWLER_GUNZIP_H */
