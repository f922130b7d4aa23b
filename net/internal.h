/* SPDX-License-Identifier: MIT
 *
 * internal.h - what the files of net/ share with one another, and with nobody else.
 */
#ifndef PICOT_NET_INTERNAL_H
#define PICOT_NET_INTERNAL_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <picot/addr.h>
#include <picot/op.h>

/** Submit an operation that is always done at once (op.h tells which); its result, or the refusal. */
int64_t picot__at_once(picot_loop *loop, picot_op *op);

/** Read exactly "1.2.3.4", "::1", "fe80::1%2" or "[::1]", without a port. @return 0 or -EINVAL */
int picot__addr_parse_ip(const char *text, size_t len, unsigned port, picot_addr *ret_addr);

/** Read a decimal port, 1 to 5 digits. @return 0 to 65535, or -EINVAL */
int picot__port_parse(const char *text, size_t len);

#endif /* PICOT_NET_INTERNAL_H */
