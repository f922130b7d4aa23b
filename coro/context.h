/* SPDX-License-Identifier: MIT
 *
 * context.h - how tasks share and give back their variables.
 */
#ifndef PICOT_CORO_CONTEXT_INTERNAL_H
#define PICOT_CORO_CONTEXT_INTERNAL_H

struct picot__coro;
struct picot__context;

struct picot__context *picot__context_share(struct picot__context *context); /* NULL is allowed */
void picot__context_release(struct picot__coro *coro, struct picot__context *context);

#endif /* PICOT_CORO_CONTEXT_INTERNAL_H */
