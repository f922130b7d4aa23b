/* SPDX-License-Identifier: MIT
 *
 * op_leaf.h - an operation as a leaf. Each prepares its operation from its arguments, with which it shares its place;
 * beginning, ending and cancelling are the same for all.
 */
#ifndef PICOT_CORO_OP_LEAF_H
#define PICOT_CORO_OP_LEAF_H

#include "completion_leaf.h"

/* What all of them look like once the operation is prepared. */
struct picot__op_leaf {
    picot_frame frame;
    picot_op op;
    int64_t result;
};
#define PICOT__OP_LEAF_ASSERT(name)                                                                                    \
    _Static_assert(offsetof(struct name##_head, _op) == offsetof(struct picot__op_leaf, op) &&                         \
                       offsetof(struct name##_head, _ret) == offsetof(struct picot__op_leaf, result),                  \
                   #name ": not of the common shape")

static inline void picot__op_leaf_done(picot_loop *loop, picot_op *op)
{
    picot_task *task = op->user;
    struct picot__op_leaf *leaf = (struct picot__op_leaf *)(void *)((char *)op - offsetof(struct picot__op_leaf, op));
    (void)loop;
    leaf->result = op->result;
    if (op->result == -ECANCELED) picot__cancel_delivered(task);
    picot__leaf_finish(task, &leaf->frame, picot__status_of(op->result));
}

static inline void picot__op_leaf_cancel(picot_task *task, picot_frame *frame)
{
    struct picot__op_leaf *leaf = (struct picot__op_leaf *)(void *)frame;
    if (frame->pos == 0) (void)picot_cancel(picot__coro_of_task(task)->loop, &leaf->op);
}

/* Submit; the result is there at once, or the task waits. `done` ends by picot__op_leaf_done. */
static inline picot_step picot__op_leaf_begin_with(picot_task *task, struct picot__op_leaf *leaf, picot_op_done *done)
{
    int rc = picot_submit_now(picot__coro_of_task(task)->loop, &leaf->op, done, task);
    if (rc == 0) return (picot_step){PICOT_STEP_PENDING};
    leaf->result = rc < 0 ? rc : leaf->op.result;
    return picot__leaf_return(task, &leaf->frame, picot__status_of(leaf->result));
}

static inline picot_step picot__op_leaf_begin(picot_task *task, struct picot__op_leaf *leaf)
{
    return picot__op_leaf_begin_with(task, leaf, picot__op_leaf_done);
}

/* A leaf: `arguments` declares copies of them, for preparing overwrites their place; `prepare` fills my->_op. */
#define PICOT__OP_LEAF(name, arguments, prepare)                                                                       \
    PICOT__OP_LEAF_ASSERT(name);                                                                                       \
    picot_step name##_resume(picot_task *task, picot_frame *frame, picot_frame *child)                                 \
    {                                                                                                                  \
        struct name##_head *my = (struct name##_head *)(void *)frame;                                                  \
        picot_step step;                                                                                               \
        (void)child;                                                                                                   \
        if (picot__completion_over(task, frame, &my->_ret, &step)) return step;                                        \
        PICOT_UNPAREN_ arguments;                                                                                      \
        prepare;                                                                                                       \
        return picot__op_leaf_begin(task, (struct picot__op_leaf *)(void *)frame);                                     \
    }                                                                                                                  \
    PICOT__OP_LEAF_FN(name)

/* Its constant. */
#define PICOT__OP_LEAF_FN(name)                                                                                        \
    const picot_fn name##_fn = {name##_resume,                                                                         \
                                picot__op_leaf_cancel,                                                                 \
                                PICOT_FRAME_SIZE_(struct name##_head),                                                 \
                                PICOT_RESULT_OFFSET_(name),                                                            \
                                sizeof(int64_t),                                                                       \
                                __LINE__,                                                                              \
                                #name,                                                                                 \
                                __FILE__,                                                                              \
                                0}

#endif /* PICOT_CORO_OP_LEAF_H */
