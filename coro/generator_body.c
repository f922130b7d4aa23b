/* SPDX-License-Identifier: MIT
 *
 * generator_body.c - generators from inside: yields, delegation, loops over values; and what can be asked.
 */
#include "generator.h"

/* ---- a value --------------------------------------------------------------------------------- */

/* What is open now would be open in the task that asks, or in another that asks next time. */
static int yield_refusal(const picot_task *task, const struct picot_gen_body *body, const struct picot_frame_tail *tail)
{
    if (body->closing) return PICOT_ECLOSED;
    return tail->exiting || tail->grouped || task->scopes != body->scopes ? PICOT_ESCOPE : 0;
}

static void refuse(struct picot_gen_body *body, struct picot_frame_tail *tail, int code)
{
    body->refused = 1;
    body->code = code;
    if (tail->exiting && tail->status >= 0) tail->status = code;
}

int picot_rt_gen_yield(picot_task *task, struct picot_gen_body *body, struct picot_frame_tail *tail, size_t sent_size)
{
    int refusal = yield_refusal(task, body, tail);
    if (refusal < 0) {
        refuse(body, tail, refusal);
        return 0;
    }
    body->sent_size = (uint32_t)sent_size;
    picot__gen_save_arena(task, body);
    body->driver->_from = body;
    task->top = &body->driver->_co;
    return PICOT_STEP_CALL;
}

int picot_rt_gen_yielded(struct picot_gen_body *body, picot_frame *frame)
{
    frame->rc = body->code;
    body->code = 0;
    return body->closing || body->refused;
}

void picot_rt_gen_receive(struct picot_gen_body *body, void *ret_value, size_t size)
{
    if (body->sent)
        memcpy(ret_value, body->sent, size);
    else
        memset(ret_value, 0, size);
    body->sent = NULL;
}

/* ---- delegation ------------------------------------------------------------------------------- */

enum { DRIVING = 1 }; /* leaf->pos */

static picot_step back_to_outer(picot_task *task, struct picot_yield_from_head *my, int rc)
{
    my->outer->delegate = NULL;
    picot__gen_undelegate(my);
    if (my->outer->closing && rc >= 0) rc = PICOT_ECLOSED;
    my->_ret = rc;
    return picot__leaf_return(task, &my->_co, rc);
}

/* The inner one has ended: the arena is the outer one's again. */
static picot_step inner_ended(picot_task *task, struct picot_yield_from_head *my)
{
    bool closed = my->_inner->closing;
    int rc = picot__gen_end(task, my->_inner);
    task->sp = my->outer->sp;
    task->limit = my->outer->limit;
    return back_to_outer(task, my, rc == PICOT_ECLOSED && closed ? 0 : rc);
}

static int delegation_refusal(picot_task *task, struct picot_yield_from_head *my)
{
    struct picot_frame_tail *tail = picot__tail_of(picot__gen_root(my->outer));
    int rc = yield_refusal(task, my->outer, tail);
    if (rc < 0) {
        refuse(my->outer, tail, rc);
        return rc;
    }
    struct picot_gen_body *inner = my->gen->body;
    if (!inner) return picot__gen_refusal(my->gen);
    if (inner->object != my->gen || picot__gen_value_size(inner) != my->size) return -EINVAL;
    bool busy;
    (void)picot__gen_innermost(inner, &busy);
    return busy || inner->state == PICOT_GEN_RUNNING ? -EBUSY : 0;
}

picot_step picot_yield_from_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_yield_from_head *my = (struct picot_yield_from_head *)(void *)leaf;
    if (leaf->pos == DRIVING) {
        if (child) return inner_ended(task, my);
        return back_to_outer(task, my, my->outer->code); /* somebody else has ended it: what is thrown is for us */
    }
    int rc = delegation_refusal(task, my);
    if (rc < 0 || !my->gen->body) return back_to_outer(task, my, rc);
    leaf->pos = DRIVING;
    picot__gen_delegate(my, my->gen->body);
    my->outer->delegate = my;
    my->outer->sent_size = 0;
    picot__gen_save_arena(task, my->outer);
    (void)picot__gen_begin_chain(task, my->outer->driver, my->_inner, leaf);
    return (picot_step){PICOT_STEP_CALL};
}

const picot_fn picot_yield_from_fn = {picot_yield_from_resume,
                                      NULL,
                                      PICOT_FRAME_SIZE_(struct picot_yield_from_head),
                                      PICOT_RESULT_OFFSET_(picot_yield_from),
                                      sizeof(int),
                                      __LINE__,
                                      "picot_yield_from",
                                      __FILE__,
                                      0};

/* ---- a loop over the values -------------------------------------------------------------------- */

/* Pushes a picot_next and begins it. NULL: no memory. frame->rc: its step. */
picot_frame *picot_rt_for_begin(picot_task *task, picot_frame *frame, picot_generator *generator, size_t size)
{
    struct picot_frame_tail *tail = picot__tail_of(frame);
    struct picot_next_head *next = picot_rt_push(task, tail, picot_next_fn.size);
    if (!next) return NULL;
    *next = (struct picot_next_head){
        ._co = {.fn = &picot_next_fn, .parent = frame}, .gen = generator, .size = size, .how = PICOT_GEN_NEXT_};
    task->top = &next->_co;
    frame->rc = tail->spilled & PICOT_NEW_CHUNK_ ? PICOT_STEP_CALL : picot_next_resume(task, &next->_co, NULL).rc;
    return &next->_co;
}

/* Returns 1: there is a value; 0: the loop ends, and frame->rc says why. */
int picot_rt_for_take(picot_task *task, picot_frame *frame, picot_frame *child, void *ret_value, size_t size)
{
    struct picot_next_head *next = (struct picot_next_head *)(void *)child;
    frame->rc = -ENOMEM;
    if (!next) return 0;
    int more = next->_ret;
    if (more == 1) {
        const picot_frame *root = picot__gen_root(next->_from);
        memcpy(ret_value, (const char *)root + root->fn->result_offset, size);
    }
    frame->rc = more < 0 ? more : 0;
    picot_rt_pop(task, picot__tail_of(frame), next);
    return more == 1;
}

/* ---- asked ------------------------------------------------------------------------------------- */

enum picot_gen_state picot_gen_state(const picot_generator *generator)
{
    return generator && generator->body ? (enum picot_gen_state)generator->body->state : PICOT_GEN_CLOSED;
}

const char *picot_gen_state_name(enum picot_gen_state state)
{
    static const char *const names[] = {"closed", "created", "running", "suspended"};
    return (unsigned)state < sizeof names / sizeof *names ? names[state] : "?";
}

int64_t picot_gen_result(const picot_generator *generator)
{
    if (!generator || !generator->opened) return -EINVAL;
    return generator->body ? PICOT_ENOTDONE : generator->result;
}

picot_generator *picot_gen_delegate(const picot_generator *generator)
{
    if (picot_gen_state(generator) != PICOT_GEN_SUSPENDED) return NULL;
    const struct picot_yield_from_head *delegate = generator->body->delegate;
    return delegate && delegate->_inner ? delegate->_inner->object : NULL;
}
