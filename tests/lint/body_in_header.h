/* SPDX-License-Identifier: MIT
 *
 * body_in_header.h - a header that defines async functions: findings must carry this file's name and lines.
 */
#ifndef PICOT_TESTS_BODY_IN_HEADER_H
#define PICOT_TESTS_BODY_IN_HEADER_H

#include "lint.h"

picot_async_fn(int, from_header, (int x;), (int r;))
{
    picot_begin;
    int n = my->x;
    picot_await(picot_sleep(.ns = 1));
    my->r = n; /* LINT: 'n' (line 13) does not survive the await at line 14 */
    picot_end;
}
#define from_header(...) picot_call(from_header, __VA_ARGS__)

#endif /* PICOT_TESTS_BODY_IN_HEADER_H */
