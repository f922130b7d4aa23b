/* SPDX-License-Identifier: MIT
 *
 * generator.h - what the two halves of generators share: generator.c drives them, generator_body.c is called by their
 * bodies.
 */
#ifndef PICOT_CORO_GENERATOR_H
#define PICOT_CORO_GENERATOR_H

#include <picot/generator.h>

#include "internal.h"

/* Each generator's block begins like this. */
struct picot__gen_frame {
    struct picot_gen_body body;
    int64_t result;
    struct picot_frame_tail tail;
    picot_frame root;
};

static inline picot_frame *picot__gen_root(struct picot_gen_body *body)
{
    return &((struct picot__gen_frame *)(void *)body)->root;
}

static inline size_t picot__gen_value_size(struct picot_gen_body *body)
{
    return picot__gen_root(body)->fn->result_size;
}

/* While it does not run: the arena it goes on with. */
static inline void picot__gen_save_arena(const picot_task *task, struct picot_gen_body *body)
{
    body->sp = task->sp;
    body->limit = task->limit;
}

/* What a use of an object gives that has no body: 0 when that has ended. */
int picot__gen_refusal(const picot_generator *generator);

/* The end of a chain of delegations, or the one before a generator that is driven from elsewhere: *ret_busy then. */
struct picot_gen_body *picot__gen_innermost(struct picot_gen_body *body, bool *ret_busy);

/* This delegation gives the values of `inner` from now on, or no longer. */
void picot__gen_delegate(struct picot_yield_from_head *delegator, struct picot_gen_body *inner);
void picot__gen_undelegate(struct picot_yield_from_head *delegator);

/* All of the chain run for this driver, the first one as the callee of `parent`. Returns what is to be resumed, the
 * task's top frame: the innermost body, whose arena is the task's from now on, with *ret_innermost->code and ->sent; or
 * the delegation whose generator somebody else has ended. */
picot_frame *picot__gen_begin_chain(picot_task *task, struct picot_next_head *driver, struct picot_gen_body *body,
                                    picot_frame *parent);

/* Its body has ended, and the task's arena is still the generator's: free it, and leave its result in the object. The
 * arena is nobody's then. Returns the status: 0 or an error, PICOT_ECLOSED when it was closed. */
int picot__gen_end(picot_task *task, struct picot_gen_body *body);

#endif /* PICOT_CORO_GENERATOR_H */
