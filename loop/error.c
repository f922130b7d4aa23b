/* SPDX-License-Identifier: MIT
 *
 * error.c - the texts and names of codes. Own codes come from the one list in error.h, the others from the C library.
 */
#include "internal.h"

#include <string.h>

#define PICOT_TEXT(name, number, text)                                                                                 \
    case number:                                                                                                       \
        return text;
#define PICOT_NAME(name, number, text)                                                                                 \
    case number:                                                                                                       \
        return #name;

const char *picot_version(void)
{
    return PACKAGE_VERSION;
}

const char *picot_strerror(int64_t code)
{
    if (code >= 0) return "success";
    switch (code) {
        PICOT_ERROR_LIST(PICOT_TEXT)
    default:
        break;
    }
    if (code < -4095) return "unknown error";
#ifdef HAVE_STRERRORDESC_NP
    const char *text = strerrordesc_np((int)-code);
#else
    const char *text = strerror((int)-code);
#endif
    return text ? text : "unknown error";
}

const char *picot_error_name(int64_t code)
{
    if (code >= 0) return "OK";
    switch (code) {
        PICOT_ERROR_LIST(PICOT_NAME)
    default:
        break;
    }
#ifdef HAVE_STRERRORDESC_NP
    const char *name = code >= -4095 ? strerrorname_np((int)-code) : NULL;
    if (name) return name;
#endif
    return "E?";
}

#ifdef PICOT_DEBUG
#include <stdio.h>
int picot__misuse(const char *what, const char *file, int line, int code)
{
    fprintf(stderr, "picot: %s:%d: %s: %s (%s)\n", file, line, what, picot_strerror(code), picot_error_name(code));
    abort();
}
#endif
