/* SPDX-License-Identifier: MIT
 *
 * fork_mark.c - a page that the kernel zeroes in a forked child, so that every call can see it at the price of one
 * load.
 *
 * MADV_WIPEONFORK: Linux 4.14, madvise(2). Where it is missing the page stays as it is, and a loop used after fork is
 * not noticed.
 */
#include "backend.h"

#include <sys/mman.h>

#define PAGE_SIZE_BYTES 4096 /* the kernel rounds up */

const unsigned char *picot__fork_mark_open(void)
{
    unsigned char *page = mmap(NULL, PAGE_SIZE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return NULL;
#ifdef MADV_WIPEONFORK
    (void)madvise(page, PAGE_SIZE_BYTES, MADV_WIPEONFORK);
#endif
    page[0] = 1;
    return page;
}

void picot__fork_mark_close(const unsigned char *mark)
{
    if (mark) (void)munmap((void *)(uintptr_t)mark, PAGE_SIZE_BYTES);
}

const char *picot__environment(const char *name)
{
#ifdef __GLIBC__
    return secure_getenv(name);
#else
    return getenv(name);
#endif
}
