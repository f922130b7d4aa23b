/* SPDX-License-Identifier: MIT
 *
 * generator_runtime.h - what the macros of generator.h expand to. Not to be called by hand.
 *
 * A generator is one block of memory. While its body runs, the task's arena is the one behind its frame; the leaf that
 * drives it, picot_next, keeps the place in the arena of the task's own.
 *
 *     block | picot_gen_body | result | tail | root frame | defer | callee frame | leaf |   | trailer
 */
#ifndef PICOT_GENERATOR_RUNTIME_H
#define PICOT_GENERATOR_RUNTIME_H

#include <picot/coro_runtime.h>

PICOT_BEGIN_DECLS

typedef struct picot_generator picot_generator;
struct picot_next_head;
struct picot_yield_from_head;

/** What a generator's frame begins with. Private. */
struct picot_gen_body {
    struct picot_gen_body *next, *prev;       /* among the loop's open generators */
    picot_generator *object;                  /* NULL when it is gone, or was given up */
    struct picot_next_head *driver;           /* while it runs: who asked for the value */
    struct picot_yield_from_head *delegate;   /* it gives the values of another one */
    struct picot_yield_from_head *delegators; /* others give its values */
    const void *sent;                         /* for the yield that is resumed now, or NULL */
    char *sp, *limit;                         /* the arena, while it does not run */
    uint16_t scopes;                          /* how many the driving task had open when it was resumed */
    uint32_t size;                            /* of the block */
    uint32_t sent_size;                       /* of what the yield it is at takes */
    int32_t code;                             /* what the yield ends with */
    uint8_t state;
    uint8_t closing; /* each yield leaves the body */
    uint8_t refused; /* the same, for a yield was refused */
};

/** The leaf behind picot_next, picot_gen_send, picot_gen_throw and picot_gen_close. */
struct picot_next_head {
    picot_frame _co;
    picot_generator *gen;
    void *ret_value;
    const void *sent;
    size_t size, sent_size; /* size 0: any */
    int32_t code;
    int32_t how;
    struct picot_gen_body *_body, *_from; /* the one it drives; the innermost, which has given the value */
    char *_sp, *_limit;                   /* the arena of the task that asks */
    int _ret;
};
PICOT_LEAF_DECL_(picot_next);

enum { PICOT_GEN_NEXT_, PICOT_GEN_SEND_, PICOT_GEN_THROW_, PICOT_GEN_CLOSE_, PICOT_GEN_LEAVE_ };

/** A generator of any type of values: their size is checked at run time. picot_generator_of(T) is safer. Private: ask
 * through the functions of generator.h. */
struct picot_generator {
    struct picot_gen_body *body; /* NULL: closed */
    int64_t result;
    int32_t refusal; /* of a use when there is no body; 0 when it has ended */
    uint8_t opened;  /* at least once, or tried to */
    void *_item;     /* only its type counts */
    struct picot_next_head leave;
};

/** The leaf behind picot_yield_from. */
struct picot_yield_from_head {
    picot_frame _co;
    picot_generator *gen;
    struct picot_gen_body *outer;
    size_t size;
    struct picot_gen_body *_inner; /* NULL: it has ended */
    struct picot_yield_from_head *_next;
    int _ret;
};
PICOT_LEAF_DECL_(picot_yield_from);

PICOT_API int picot_rt_gen_open(picot_loop *loop, picot_generator *generator, const picot_fn *fn, const void *head,
                                size_t head_size);
PICOT_API picot_frame *picot_rt_gen_leave(picot_frame *frame, picot_generator *generator);
PICOT_API int picot_rt_gen_now(picot_loop *loop, const struct picot_next_head *arguments);
PICOT_API int picot_rt_gen_yield(picot_task *task, struct picot_gen_body *body, struct picot_frame_tail *tail,
                                 size_t sent_size);
PICOT_API int picot_rt_gen_yielded(struct picot_gen_body *body, picot_frame *frame);
PICOT_API void picot_rt_gen_receive(struct picot_gen_body *body, void *ret_value, size_t size);
PICOT_API picot_frame *picot_rt_for_begin(picot_task *task, picot_frame *frame, picot_generator *generator,
                                          size_t size);
PICOT_API int picot_rt_for_take(picot_task *task, picot_frame *frame, picot_frame *child, void *ret_value, size_t size);

/* ---- a generator's frame ---------------------------------------------------------------------- */

/* The member's name is what the compiler says when a yield stands outside of a generator. */
#define PICOT_GEN_MEMBERS_(T, args)                                                                                    \
    struct picot_gen_body _gen;                                                                                        \
    int64_t _ret;                                                                                                      \
    struct picot_frame_tail _fx;                                                                                       \
    picot_frame _co;                                                                                                   \
    PICOT_UNPAREN_ args T _value_of_a_gen_fn;
#define PICOT_GEN_HEAD_DECL_(T, name, args)                                                                            \
    struct name##_gen_head {                                                                                           \
        PICOT_GEN_MEMBERS_(T, args)                                                                                    \
    }
#define PICOT_GEN_DEFINE_(linkage, T, name, args, locals)                                                              \
    struct name##_gen_frame {                                                                                          \
        union {                                                                                                        \
            struct name##_gen_head _head;                                                                              \
            struct {                                                                                                   \
                PICOT_GEN_MEMBERS_(T, args)                                                                            \
            };                                                                                                         \
        };                                                                                                             \
        PICOT_UNPAREN_ locals                                                                                          \
    };                                                                                                                 \
    PICOT_DEFINE_FN_(linkage, name##_gen, #name, offsetof(struct name##_gen_head, _value_of_a_gen_fn), sizeof(T),      \
                     PICOT_FN_BODY | PICOT_FN_GENERATOR)

/* ---- its object ------------------------------------------------------------------------------- */

/* Both a picot_generator and a picot_generator_of(T) have an _item. */
#define PICOT_GEN_(g) ((picot_generator *)(void *)(sizeof((g)._item) ? &(g) : &(g)))
#if defined(__GNUC__)
#define PICOT_ITEM_(g, lhs) ((__typeof__((g)._item)){&(lhs)})
#define PICOT_ITEM_CHECK_(g, item) sizeof((__typeof__(item) *){(g)._item})
#define PICOT_FOR_CHECK_(g, lhs)                                                                                       \
    PICOT_EXTENSION_({                                                                                                 \
        PICOT_STRICT_ON_(void) sizeof((__typeof__((g)._item)){&(lhs)});                                                \
        PICOT_STRICT_OFF_                                                                                              \
    })
#else
#define PICOT_ITEM_(g, lhs) (1 ? &(lhs) : (g)._item)
#define PICOT_ITEM_CHECK_(g, item) sizeof(1 ? (g)._item : &(item))
#define PICOT_FOR_CHECK_(g, lhs) (void)sizeof(PICOT_ITEM_(g, lhs))
#endif

#define PICOT_GEN_OPEN_(g, loop, name, ...)                                                                            \
    PICOT_CHECKED_(PICOT_ITEM_CHECK_(g, ((struct name##_gen_head *)0)->_value_of_a_gen_fn)                             \
                       ? picot_rt_gen_open((loop), PICOT_GEN_(g), &name##_gen_fn,                                      \
                                           &(struct name##_gen_head){._co = {.fn = &name##_gen_fn}, __VA_ARGS__},      \
                                           sizeof(struct name##_gen_head))                                             \
                       : 0)

/* The leaf lies in the object, for leaving must not depend on memory. */
#define PICOT_GENERATE_(g, defer_id, leave_id, call)                                                                   \
    PICOT_DEFER_AFTER_(picot_gen_open(g, call), defer_id)                                                              \
    do {                                                                                                               \
        PICOT_SAVE_(leave_id);                                                                                         \
        PICOT_MARK_();                                                                                                 \
        picot_child = picot_self->top = picot_rt_gen_leave(&my->_co, PICOT_GEN_(g));                                   \
        {                                                                                                              \
            picot_step picot_step_ = picot_next_resume(picot_self, picot_self->top, (picot_frame *)0);                 \
            if (picot_step_.rc <= PICOT_STEP_CALL) return picot_step_;                                                 \
        }                                                                                                              \
        PICOT_LABEL_(leave_id) :;                                                                                      \
        my->_co.rc = picot_child->rc;                                                                                  \
        if (my->_co.rc < 0 && my->_fx.status >= 0) my->_fx.status = my->_co.rc;                                        \
    } while (0)

#define PICOT_NEXT_(g, lhs, ...)                                                                                       \
    (picot_next, .gen = PICOT_GEN_(g), .ret_value = PICOT_ITEM_(g, lhs), .size = sizeof(lhs), __VA_ARGS__)

/* ---- waiting ---------------------------------------------------------------------------------- */

/* A loop waits for its next value: the step that picot_rt_for_begin has left, and the frame keeps its line. */
static inline int picot_rt_for_waits(picot_frame *frame, int32_t line)
{
    int step = frame->rc;
    frame->rc = line;
    return step;
}

/* All in expressions, for the user's statement follows the last `else`. */
#define PICOT_FOR_AWAIT_(fail, id, lhs, g)                                                                             \
    for (PICOT_FOR_CHECK_(g, lhs);;)                                                                                   \
        if (PICOT_SAVE_HERE_(id), PICOT_MARK_(),                                                                       \
            picot_child = picot_rt_for_begin(picot_self, &my->_co, PICOT_GEN_(g), sizeof(lhs)),                        \
            my->_co.rc <= PICOT_STEP_CALL)                                                                             \
            return (picot_step){picot_rt_for_waits(&my->_co, __LINE__)};                                               \
        else                                                                                                           \
            PICOT_LABEL_(id) : if (!picot_rt_for_take(picot_self, &my->_co, picot_child, &(lhs), sizeof(lhs)))         \
            {                                                                                                          \
                fail break;                                                                                            \
            }                                                                                                          \
    else

#define PICOT_RECEIVE_(lhs) picot_rt_gen_receive(&my->_gen, &(lhs), sizeof(lhs));

#define PICOT_YIELD_VALUE_(fail, id, sent_size, receive, ...)                                                          \
    do {                                                                                                               \
        PICOT_STRICT_ON_ my->_value_of_a_gen_fn = (__VA_ARGS__);                                                       \
        PICOT_STRICT_OFF_                                                                                              \
        PICOT_SAVE_(id);                                                                                               \
        PICOT_MARK_();                                                                                                 \
        {                                                                                                              \
            picot_step picot_step_ = {picot_rt_gen_yield(picot_self, &my->_gen, &my->_fx, (sent_size))};               \
            if (picot_step_.rc <= PICOT_STEP_CALL) return picot_step_;                                                 \
        }                                                                                                              \
        PICOT_LABEL_(id) :;                                                                                            \
        if (picot_rt_gen_yielded(&my->_gen, &my->_co)) goto picot_exit_;                                               \
        receive fail                                                                                                   \
    } while (0)

#define PICOT_YIELD_FROM_(fail, id, g)                                                                                 \
    do {                                                                                                               \
        (void)PICOT_CHECKED_((int)PICOT_ITEM_CHECK_(g, my->_value_of_a_gen_fn));                                       \
        do {                                                                                                           \
            PICOT_RUN_CHILD_(id, my->_co.rc = -ENOMEM, picot_yield_from, .gen = PICOT_GEN_(g), .outer = &my->_gen,     \
                             .size = sizeof(my->_value_of_a_gen_fn))                                                   \
            my->_co.rc = picot_child->rc;                                                                              \
            PICOT_POP_(picot_yield_from);                                                                              \
        } while (0);                                                                                                   \
        if (my->_gen.closing | my->_gen.refused) goto picot_exit_;                                                     \
        fail                                                                                                           \
    } while (0)

PICOT_END_DECLS

#endif /* PICOT_GENERATOR_RUNTIME_H */
