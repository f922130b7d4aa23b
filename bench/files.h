/* SPDX-License-Identifier: MIT
 *
 * files.h - what bench/files and the libraries it compares share: reads of 4 KiB at random places of one file, 32 of
 * them under way.
 */
#ifndef PICOT_BENCH_FILES_H
#define PICOT_BENCH_FILES_H

#include <stdint.h>

#define FILES_DEPTH 32
#define FILES_BLOCK 4096
#define FILES_BLOCKS 16384 /* of the file: 64 MiB */

/* Buffers for FILES_DEPTH blocks, aligned as O_DIRECT wants it. */
extern char files_buffers[FILES_DEPTH][FILES_BLOCK];

/* Where the next block is read, and whether it was the right one. */
int64_t files_next_offset(void);
int files_is_right(const char *block, int64_t offset);

/* The clock, in nanoseconds. */
int64_t files_now_ns(void);

/* Nanoseconds per read, `count` reads of the file opened with these flags; negative: it failed. */
double files_of_picot(const char *backend, const char *path, int flags, long count);
/* The same without a library, as fast as it goes; 0: not on this machine. */
double files_floor(const char *path, int flags, long count);
#ifdef HAVE_LIBUV
double files_of_libuv(const char *unused, const char *path, int flags, long count);
#endif

#endif /* PICOT_BENCH_FILES_H */
