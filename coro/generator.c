/* SPDX-License-Identifier: MIT
 *
 * generator.c - generators from outside: opened, driven to their next value, closed.
 *
 * picot_next is a leaf of the task that asks. It puts the generator's arena in the place of the task's, resumes the
 * body, and puts it back when the body yields or ends. Delegation is a chain of generators; the innermost one is
 * resumed directly. A body that gives a value makes the picot_next the task's top frame and asks for it to be resumed;
 * one that ends returns to it as to any caller.
 *
 *     caller | picot_next          in the task's arena
 *                  ^ parent
 *             root | picot_yield_from       in the outer generator's
 *                          ^ parent
 *                     root | what it awaits      in the inner one's
 */
#include "generator.h"

#include "waitqueue.h"

/* A body has room for an operation and a sleep; more comes in chunks. */
#define ARENA_SIZE 320

/* Bodies that are resumed from inside each other, on the C stack: beyond this the trampoline does it. */
#define NESTED_DEPTH 16

enum { FRESH, OVER, PAUSED, DRIVING }; /* leaf->pos */

static struct picot_next_head *head_of(picot_frame *leaf)
{
    return (struct picot_next_head *)(void *)leaf;
}

/* ---- opened ---------------------------------------------------------------------------------- */

static void link_body(struct picot__coro *coro, struct picot_gen_body *body)
{
    body->next = coro->generators;
    body->prev = NULL;
    if (body->next) body->next->prev = body;
    coro->generators = body;
}

static void unlink_body(struct picot__coro *coro, struct picot_gen_body *body)
{
    if (body->next) body->next->prev = body->prev;
    if (body->prev)
        body->prev->next = body->next;
    else
        coro->generators = body->next;
}

static int open_body(struct picot__coro *coro, picot_generator *generator, const picot_fn *fn, const void *head,
                     size_t head_size)
{
    size_t frame = fn->size & ~PICOT_ALIGNED_, size = picot__arena_block_size(frame + ARENA_SIZE);
    struct picot_gen_body *body = size > UINT32_MAX ? NULL : picot__block_alloc(coro, size);
    if (!body) return -ENOMEM;
    memcpy(body, head, head_size);
    memset((char *)body + head_size, 0, frame - head_size);
    *body = (struct picot_gen_body){.object = generator, .size = (uint32_t)size, .state = PICOT_GEN_CREATED};
    picot__arena_init((char *)body, frame, size, &body->sp, &body->limit);
    link_body(coro, body);
    *generator = (picot_generator){.body = body, .opened = 1};
    return 0;
}

int picot_rt_gen_open(picot_loop *loop, picot_generator *generator, const picot_fn *fn, const void *head,
                      size_t head_size)
{
    if (!loop || !generator) return -EINVAL;
    if (generator->body) return -EBUSY;
    int rc = picot__may_use(loop);
    if (rc < 0) return rc;
    struct picot__coro *coro = picot__coro_of(loop);
    rc = coro ? open_body(coro, generator, fn, head, head_size) : -ENOMEM;
    if (rc < 0) *generator = (picot_generator){.opened = 1, .refusal = rc, .result = rc};
    return rc;
}

int picot__gen_refusal(const picot_generator *generator)
{
    if (!generator || !generator->opened) return -EINVAL;
    return generator->refusal;
}

/* ---- ended ----------------------------------------------------------------------------------- */

static void free_body(struct picot__coro *coro, struct picot_gen_body *body, int64_t result)
{
    for (struct picot_yield_from_head *delegator = body->delegators; delegator; delegator = delegator->_next)
        delegator->_inner = NULL;
    picot_generator *generator = body->object;
    if (generator) {
        generator->body = NULL;
        generator->result = result;
    }
    unlink_body(coro, body);
    picot__block_free(coro, body, body->size);
}

int picot__gen_end(picot_task *task, struct picot_gen_body *body)
{
    int status = picot__gen_root(body)->rc;
    int64_t result = ((struct picot__gen_frame *)(void *)body)->result;
    if (body->closing && status >= 0) status = PICOT_ECLOSED;
    picot__arena_free_chunks(task);
    free_body(picot__coro_of_task(task), body, status < 0 ? status : result);
    return status < 0 ? status : 0;
}

/* The loop ends: those that were left open. */
void picot__generators_free(struct picot__coro *coro)
{
    while (coro->generators) {
        struct picot_gen_body *body = coro->generators;
        picot_task scratch = {.sp = body->sp, .limit = body->limit, .group = &coro->roots};
        if (body->state != PICOT_GEN_RUNNING) picot__arena_free_chunks(&scratch);
        body->object = NULL; /* it may have gone before, and so may they: */
        body->delegators = NULL;
        free_body(coro, body, 0);
    }
}

/* ---- resumed --------------------------------------------------------------------------------- */

/* The generator whose values this one gives now; NULL: its own. */
static struct picot_gen_body *inner_of(const struct picot_gen_body *body)
{
    return body->delegate ? body->delegate->_inner : NULL;
}

struct picot_gen_body *picot__gen_innermost(struct picot_gen_body *body, bool *ret_busy)
{
    struct picot_gen_body *inner;
    while ((inner = inner_of(body)) && inner->state != PICOT_GEN_RUNNING)
        body = inner;
    *ret_busy = inner != NULL;
    return body;
}

void picot__gen_delegate(struct picot_yield_from_head *delegator, struct picot_gen_body *inner)
{
    delegator->_inner = inner;
    delegator->_next = inner->delegators;
    inner->delegators = delegator;
}

void picot__gen_undelegate(struct picot_yield_from_head *delegator)
{
    if (!delegator->_inner) return;
    struct picot_yield_from_head **at = &delegator->_inner->delegators;
    while (*at != delegator)
        at = &(*at)->_next;
    *at = delegator->_next;
    delegator->_inner = NULL;
}

picot_frame *picot__gen_begin_chain(picot_task *task, struct picot_next_head *driver, struct picot_gen_body *body,
                                    picot_frame *parent)
{
    uint8_t closing = driver->how >= PICOT_GEN_CLOSE_;
    for (;;) {
        struct picot_gen_body *inner = inner_of(body);
        body->driver = driver;
        body->scopes = task->scopes;
        body->state = PICOT_GEN_RUNNING;
        body->closing |= closing;
        picot__gen_root(body)->parent = parent;
        if (!inner) break;
        parent = &body->delegate->_co;
        body = inner;
    }
    body->code = body->closing ? PICOT_ECLOSED : 0;
    body->sent = NULL;
    driver->_from = body;
    task->sp = body->sp;
    task->limit = body->limit;
    return task->top = body->delegate ? &body->delegate->_co : picot__gen_root(body);
}

static void end_chain(struct picot_next_head *my)
{
    for (struct picot_gen_body *body = my->_body; body; body = inner_of(body)) {
        body->state = PICOT_GEN_SUSPENDED;
        body->driver = NULL;
    }
}

/* ---- refused, or ended without the body ------------------------------------------------------- */

#define DRIVE 2 /* no result yet */

static int close_unbegun(picot_task *task, struct picot_gen_body *body, int code)
{
    free_body(picot__coro_of_task(task), body, code);
    return code == PICOT_ECLOSED ? 0 : code;
}

/* The function that holds the object ends while another task drives the generator: it must do without. */
static int give_up(struct picot_gen_body *body)
{
    body->object->body = NULL;
    body->object->result = PICOT_ECLOSED;
    body->object = NULL;
    body->closing = 1;
    return -EBUSY;
}

static int without_body(const struct picot_next_head *my)
{
    int rc = picot__gen_refusal(my->gen);
    if (my->how >= PICOT_GEN_CLOSE_) return my->gen ? 0 : rc;
    return my->how == PICOT_GEN_THROW_ && rc == 0 ? my->code : rc;
}

/* Refuse or end at once: the result; or DRIVE. */
static int consider(picot_task *task, struct picot_next_head *my)
{
    struct picot_gen_body *body = my->gen ? my->gen->body : NULL;
    if (my->how == PICOT_GEN_THROW_ && my->code >= 0) return -EINVAL;
    if (!body) return without_body(my);
    if (body->object != my->gen) return -EINVAL; /* a copy */
    if (body->state == PICOT_GEN_RUNNING) return my->how == PICOT_GEN_LEAVE_ ? give_up(body) : -EBUSY;
    if (my->size > 0 && my->size != picot__gen_value_size(body)) return -EINVAL;
    bool busy;
    struct picot_gen_body *innermost = picot__gen_innermost(body, &busy);
    if (busy && my->how != PICOT_GEN_LEAVE_) return -EBUSY; /* somebody drives it without us */
    if (my->how == PICOT_GEN_SEND_ && (my->sent_size == 0 || my->sent_size != innermost->sent_size)) return -EINVAL;
    if (body->state == PICOT_GEN_CREATED) {
        if (my->how == PICOT_GEN_THROW_) return close_unbegun(task, body, my->code);
        if (my->how >= PICOT_GEN_CLOSE_) return close_unbegun(task, body, PICOT_ECLOSED);
    }
    if (busy) picot__gen_undelegate(innermost->delegate); /* let it go: this one ends without it */
    return DRIVE;
}

/* ---- the leaf -------------------------------------------------------------------------------- */

static picot_step finish(picot_task *task, struct picot_next_head *my, int result)
{
    my->_ret = result;
    return picot__leaf_return(task, &my->_co, result < 0 ? result : 0);
}

static void restore_arena(picot_task *task, const struct picot_next_head *my)
{
    task->sp = my->_sp;
    task->limit = my->_limit;
}

static picot_step has_yielded(picot_task *task, struct picot_next_head *my)
{
    restore_arena(task, my);
    end_chain(my);
    const picot_frame *root = picot__gen_root(my->_from);
    if (my->ret_value) memcpy(my->ret_value, (const char *)root + root->fn->result_offset, root->fn->result_size);
    return finish(task, my, 1);
}

static picot_step has_ended(picot_task *task, struct picot_next_head *my)
{
    int rc = picot__gen_end(task, my->_body);
    restore_arena(task, my);
    my->_body = NULL;
    return finish(task, my, rc == PICOT_ECLOSED && my->how >= PICOT_GEN_CLOSE_ ? 0 : rc);
}

/* The trampoline in small, until the chain has given a value, has ended, or waits. */
static picot_step resume_chain(picot_task *task, struct picot_next_head *my, picot_frame *frame)
{
    picot_frame *child = NULL;
    while (frame != &my->_co) {
        picot__scribble();
        picot_step step = frame->fn->resume(task, frame, child);
        if (step.rc == PICOT_STEP_CALL && task->top == &my->_co) return has_yielded(task, my);
        if (step.rc <= PICOT_STEP_CALL) return step;
        child = frame;
        frame = frame->parent;
    }
    return has_ended(task, my);
}

static picot_step drive(picot_task *task, struct picot_next_head *my)
{
    struct picot__coro *coro = picot__coro_of_task(task);
    my->_co.pos = DRIVING;
    my->_body = my->gen->body;
    my->_sp = task->sp;
    my->_limit = task->limit;
    picot_frame *frame = picot__gen_begin_chain(task, my, my->_body, &my->_co);
    if (my->how == PICOT_GEN_THROW_) my->_from->code = my->code;
    if (my->how == PICOT_GEN_SEND_) my->_from->sent = my->sent;
    if (coro->generator_depth >= NESTED_DEPTH) return (picot_step){PICOT_STEP_CALL};
    coro->generator_depth++;
    picot_step step = resume_chain(task, my, frame);
    coro->generator_depth--;
    return step;
}

/* Values that are there at once cost from the step's budget, too; without any left it waits for the next turn. */
static bool pause_before(picot_task *task, struct picot_next_head *my)
{
    picot_ready_queue *ready = task->group->ready;
    if (my->_co.pos == PAUSED) return false;
    if (ready->budget > 0) {
        ready->budget--;
        return false;
    }
    my->_co.pos = PAUSED;
    picot__task_ready(task);
    return true;
}

picot_step picot_next_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_next_head *my = head_of(leaf);
    picot_step step;
    if (leaf->pos == DRIVING) return child ? has_ended(task, my) : has_yielded(task, my);
    if (leaf->pos == OVER) return picot__leaf_return(task, leaf, leaf->rc);
    if (my->how < PICOT_GEN_CLOSE_) {
        if (picot__leaf_refused(task, leaf, &step)) {
            my->_ret = leaf->rc;
            return step;
        }
        if (pause_before(task, my)) return (picot_step){PICOT_STEP_PENDING};
    }
    int result = consider(task, my);
    return result == DRIVE ? drive(task, my) : finish(task, my, result);
}

PICOT__LEAF_FN(picot_next, NULL);

picot_frame *picot_rt_gen_leave(picot_frame *frame, picot_generator *generator)
{
    generator->leave = (struct picot_next_head){
        ._co = {.fn = &picot_next_fn, .parent = frame}, .gen = generator, .how = PICOT_GEN_LEAVE_};
    return &generator->leave._co;
}
