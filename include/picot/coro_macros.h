/* SPDX-License-Identifier: MIT
 *
 * coro_macros.h - the machinery of coro.h: resume points, tuples, the parts of an await. Names end in `_`: private.
 *
 * PICOT_GOTO 1 is the GNU form: a frame's position is the distance of a label from the body's first one. PICOT_GOTO 0
 * is the ISO form: a case number of one switch around the body. __COUNTER__ numbers both, so that two awaits may share
 * a line.
 */
#ifndef PICOT_CORO_MACROS_H
#define PICOT_CORO_MACROS_H

#ifndef PICOT_GOTO
#if defined(__GNUC__) && !defined(__STRICT_ANSI__) && !defined(PICOT_LINT)
#define PICOT_GOTO 1
#else
#define PICOT_GOTO 0
#endif
#endif

#if defined(__GNUC__)
#define PICOT_UNUSED_ __attribute__((unused))
#define PICOT_LIKELY_(x) __builtin_expect(!!(x), 1)
#define PICOT_EXTENSION_ __extension__
#define PICOT_UNREACHABLE_() __builtin_unreachable()
#define PICOT_ALIASED_ __attribute__((may_alias))
#else
#define PICOT_UNUSED_
#define PICOT_LIKELY_(x) (x)
#define PICOT_EXTENSION_
#define PICOT_UNREACHABLE_() ((void)0)
#define PICOT_ALIASED_
#endif

#if defined(__SANITIZE_ADDRESS__)
#define PICOT_ASAN_ 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PICOT_ASAN_ 1
#endif
#endif
#if defined(PICOT_ASAN_)
#include <sanitizer/asan_interface.h>
#define PICOT_POISON_(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define PICOT_UNPOISON_(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define PICOT_POISON_(p, n) ((void)0)
#define PICOT_UNPOISON_(p, n) ((void)0)
#endif

/* ---- tokens ---------------------------------------------------------------------------------- */

#define PICOT_CAT2_(a, b) a##b
#define PICOT_CAT_(a, b) PICOT_CAT2_(a, b)
#define PICOT_UNPAREN_(...) __VA_ARGS__
#define PICOT_EXPAND_(x) x
#define PICOT_EXPAND2_(x) x /* around something that uses the other one */
#define PICOT_PICK_(_1, _2, _3, _4, _5, _6, chosen, ...) chosen
/* What an await or spawn with a wrong number of arguments becomes: an error with a text, at the user's line. */
#define PICOT_TOO_MANY_(...) _Static_assert(0, "too many arguments: an await takes a call, or a variable and a call")
#define PICOT_TOO_FEW_(...) _Static_assert(0, "too few arguments: a spawn takes &group, call or &group, variable, call")
#define PICOT_TOO_LONG_(...)                                                                                           \
    _Static_assert(0, "too many arguments: a spawn takes &group, call or &group, variable, call")
#define PICOT_FIRST_(first, ...) first
#define PICOT_REST_(first, ...) __VA_ARGS__
#define PICOT_PRE2_(...) (__VA_ARGS__)
#define PICOT_PRE3_(...) (__VA_ARGS__)

#define PICOT_SET_ERROR_(p, code)                                                                                      \
    _Generic((p), int *: picot_rt_error_int, long *: picot_rt_error_long, long long *: picot_rt_error_llong,           \
             default: picot_rt_error_other)((p), sizeof *(p), (code))
#define PICOT_STATUS_OF_(p)                                                                                            \
    _Generic((p), int *: picot_rt_status_int, long *: picot_rt_status_long, long long *: picot_rt_status_llong,        \
             default: picot_rt_status_other)(p)

#define PICOT_RESULT_FLAG_(p)                                                                                          \
    _Generic((p), int * : PICOT_FN_INTEGER, long * : PICOT_FN_INTEGER, long long * : PICOT_FN_INTEGER, default : 0u)

/* A wrong argument or result type is an error at the user's line, not a warning. (Braces: arguments that share their
 * place with what the leaf needs later lie in a union, of which a positional call knows nothing.) */
#if defined(__GNUC__) && !defined(__cplusplus)
#define PICOT_STRICT_ON_                                                                                               \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic error \"-Wint-conversion\"")                                \
        _Pragma("GCC diagnostic error \"-Wincompatible-pointer-types\"")                                               \
            _Pragma("GCC diagnostic ignored \"-Wmissing-braces\"")
#define PICOT_STRICT_OFF_ _Pragma("GCC diagnostic pop")
#else
#define PICOT_STRICT_ON_
#define PICOT_STRICT_OFF_
#endif

/* A pointer must point to an object of this type, or be (void *)0. */
#if defined(__GNUC__)
#define PICOT_SAME_TYPE_(object, pointer)                                                                              \
    {                                                                                                                  \
        PICOT_STRICT_ON_ __typeof__(object) *picot_same_ = (pointer);                                                  \
        PICOT_STRICT_OFF_(void) picot_same_;                                                                           \
    }
#else
#define PICOT_SAME_TYPE_(object, pointer) (void)(0 ? (pointer) : &(object));
#endif

/* ---- resume points --------------------------------------------------------------------------- */

/* The lint tool finds the function's own switch, and its suspension points, by their names. */
#ifdef PICOT_LINT
#define PICOT_JUMP_LABEL_                                                                                              \
    picot_jump_:
#else
#define PICOT_JUMP_LABEL_
#endif
#ifdef PICOT_LINT /* a mark that the lint tool finds in the syntax tree, and a way on behind it that it can follow */
void picot_suspension_point(void);
#define PICOT_MARK_() picot_suspension_point()
#define PICOT_SUSPEND_()                                                                                               \
    if (picot_child) return (picot_step)                                                                               \
        {                                                                                                              \
            PICOT_STEP_PENDING                                                                                         \
        }
#else
#define PICOT_MARK_() ((void)0)
#define PICOT_SUSPEND_()                                                                                               \
    return (picot_step)                                                                                                \
    {                                                                                                                  \
        PICOT_STEP_PENDING                                                                                             \
    }
#endif

#if PICOT_GOTO
/* The label distances are only true of one copy of the body: it must be neither inlined nor cloned. */
#if defined(__clang__)
#define PICOT_BODY_ATTRIBUTES_ __attribute__((noinline))
#else
#define PICOT_BODY_ATTRIBUTES_ __attribute__((noinline, noclone))
#endif
#define PICOT_POS_(id)                                                                                                 \
    ((int32_t)((char *)PICOT_EXTENSION_ && PICOT_CAT_(picot_L, id) - (char *)PICOT_EXTENSION_ && picot_L0_))
#define PICOT_LABEL_(id) PICOT_CAT_(picot_L, id)
#define PICOT_CONST_POS_ static const /* a difference of labels is a constant only there */
#define PICOT_DISPATCH_                                                                                                \
    PICOT_EXTENSION_({ goto *(void *)((char *)&&picot_L0_ + my->_co.pos); });                                          \
    picot_L0_:;
#define PICOT_DISPATCH_END_
#else
#define PICOT_BODY_ATTRIBUTES_
/* Far from any case of a switch of the user's around an await, so that it compiles and ends with PICOT_ENESTED. */
#define PICOT_CASE_(id) ((id)-picot_id0_ + 0x5c000000)
#define PICOT_POS_(id) (int32_t) PICOT_CASE_(id)
#define PICOT_CONST_POS_ const
#define PICOT_LABEL_(id) case PICOT_CASE_(id)
#if defined(__GNUC__)
#define PICOT_FALL_OFF_ _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wimplicit-fallthrough\"")
#define PICOT_FALL_ON_ _Pragma("GCC diagnostic pop")
#else
#define PICOT_FALL_OFF_
#define PICOT_FALL_ON_
#endif
#define PICOT_DISPATCH_                                                                                                \
    PICOT_FALL_OFF_ PICOT_JUMP_LABEL_ switch (my->_co.pos)                                                             \
    {                                                                                                                  \
    case 0:;
/* A position without a case belongs to an await inside a switch of the user's: end with a code, defers included. */
#define PICOT_DISPATCH_END_                                                                                            \
    break;                                                                                                             \
    default:                                                                                                           \
        my->_co.rc = PICOT_ENESTED;                                                                                    \
        goto picot_exit_;                                                                                              \
        }                                                                                                              \
        PICOT_FALL_ON_
#endif

/* A frame whose callee runs or waits has the line of that await where the status will be: position and line are stored
 * at once. Where there is only room for an expression, one after the other. */
#define PICOT_SAVE_HERE_(id) (my->_co.pos = PICOT_POS_(id), my->_co.rc = __LINE__)
#define PICOT_SAVE_(id)                                                                                                \
    do {                                                                                                               \
        PICOT_CONST_POS_ struct {                                                                                      \
            int32_t pos, line;                                                                                         \
        } picot_at_ = {PICOT_POS_(id), __LINE__};                                                                      \
        memcpy((char *)&my->_co + offsetof(picot_frame, pos), &picot_at_, sizeof picot_at_);                           \
    } while (0)

/* ---- a function's frame and its three symbols ------------------------------------------------ */

/* Frames that need more than 8 bytes alignment say so in their size; more than 16 is refused. */
#define PICOT_ALIGNED_ 0x80000000u
#if defined(__cplusplus)
#define PICOT_ALIGNOF_(type) alignof(type)
#else
#define PICOT_ALIGNOF_(type) _Alignof(type)
#endif
#define PICOT_FRAME_SIZE_(type)                                                                                        \
    ((uint32_t)((sizeof(type) + 7) / 8 * 8) | (PICOT_ALIGNOF_(type) > 8 ? PICOT_ALIGNED_ : 0))

/* What an await, a spawn and a header see: the tail of a function's frame, its head, arguments, result. */
#define PICOT_HEAD_DECL_(T, name, args)                                                                                \
    struct name##_head {                                                                                               \
        struct picot_frame_tail _fx;                                                                                   \
        picot_frame _co;                                                                                               \
        PICOT_UNPAREN_ args T _ret;                                                                                    \
    };                                                                                                                 \
    typedef struct name##_head name##_given
#define PICOT_RESULT_OFFSET_(name) ((uint32_t)(offsetof(struct name##_head, _ret) - offsetof(struct name##_head, _co)))
/* From a frame to the struct around it. */
#define PICOT_HEAD_OF_(name, frame) ((struct name##_head *)(void *)((char *)(frame)-offsetof(struct name##_head, _co)))

#define PICOT_DEFINE_(linkage, T, name, args, locals)                                                                  \
    struct name##_frame {                                                                                              \
        union {                                                                                                        \
            struct name##_head _head;                                                                                  \
            struct {                                                                                                   \
                struct picot_frame_tail _fx;                                                                           \
                picot_frame _co;                                                                                       \
                PICOT_UNPAREN_ args T _ret;                                                                            \
            };                                                                                                         \
        };                                                                                                             \
        PICOT_UNPAREN_ locals                                                                                          \
    };                                                                                                                 \
    PICOT_DEFINE_FN_(linkage, name, #name, offsetof(struct name##_head, _ret), sizeof(T),                              \
                     PICOT_FN_BODY | PICOT_RESULT_FLAG_((T *)0))

/* The constant and the body of a function whose frame is declared; what it gives lies at an offset of the frame. */
#define PICOT_DEFINE_FN_(linkage, name, text, offset, size, flags)                                                     \
    _Static_assert(PICOT_ALIGNOF_(struct name##_frame) <= 16,                                                          \
                   text ": arguments and locals may be aligned to 16 bytes at most");                                  \
    PICOT_BODY_ATTRIBUTES_ static picot_step name##_body(picot_task *, struct name##_frame *, picot_frame *);          \
    linkage picot_step name##_resume(picot_task *task_, picot_frame *frame_, picot_frame *child_)                      \
    {                                                                                                                  \
        return name##_body(task_, (struct name##_frame *)(void *)PICOT_HEAD_OF_(name, frame_), child_);                \
    }                                                                                                                  \
    linkage const picot_fn name##_fn = {name##_resume,                                                                 \
                                        (void (*)(picot_task *, picot_frame *))0,                                      \
                                        PICOT_FRAME_SIZE_(struct name##_frame),                                        \
                                        (uint32_t)((offset)-offsetof(struct name##_head, _co)),                        \
                                        (size),                                                                        \
                                        __LINE__,                                                                      \
                                        text,                                                                          \
                                        __FILE__,                                                                      \
                                        (flags)};                                                                      \
    static picot_step name##_body(picot_task *picot_self, struct name##_frame *my, picot_frame *picot_child)

/* ---- await ----------------------------------------------------------------------------------- */

#define PICOT_STAY_
#define PICOT_LEAVE_                                                                                                   \
    if (my->_co.rc < 0) goto picot_exit_;

/* Fill a new frame: arguments left out and all locals are zero. Of a leaf that is an operation only the head and the
 * arguments are stored: what else it has it fills itself. */
#define PICOT_SIZE_OF_(name) (PICOT_CAT_(name, _frame_size)() & ~PICOT_ALIGNED_)
#define PICOT_FILL_(name, head_, parent_, ...)                                                                         \
    if (PICOT_SIZE_OF_(name) > sizeof(struct name##_head))                                                             \
        memset((char *)(head_) + sizeof(struct name##_head), 0, PICOT_SIZE_OF_(name) - sizeof(struct name##_head));    \
    PICOT_STRICT_ON_ *(name##_given *)(void *)(head_) =                                                                \
        (name##_given){._co = {.fn = &name##_fn, .parent = (parent_)}, __VA_ARGS__};                                   \
    PICOT_STRICT_OFF_

/* After this picot_child is the ended callee. No memory for its frame: picot_child is NULL, `lacking` is done, and the
 * loop around is left. A callee that lies in a new chunk is called by the trampoline, so that the C stack stays shallow
 * however deep calls go. */
#define PICOT_RUN_CHILD_(id, lacking, name, ...)                                                                       \
    PICOT_MARK_();                                                                                                     \
    (void)sizeof(&name##_fn); /* what is no async function is named here */                                            \
    {                                                                                                                  \
        struct name##_head *picot_new_ =                                                                               \
            (struct name##_head *)picot_rt_push(picot_self, &my->_fx, PICOT_CAT_(name, _frame_size)());                \
        if (!PICOT_LIKELY_(picot_new_)) {                                                                              \
            picot_child = (picot_frame *)0;                                                                            \
            lacking;                                                                                                   \
            break;                                                                                                     \
        }                                                                                                              \
        PICOT_FILL_(name, picot_new_, &my->_co, __VA_ARGS__)                                                           \
        PICOT_SAVE_(id); /* behind the arguments, which may ask for the status */                                      \
        picot_self->top = &picot_new_->_co;                                                                            \
        if (!PICOT_LIKELY_(!(my->_fx.spilled & PICOT_NEW_CHUNK_))) return (picot_step){PICOT_STEP_CALL};               \
        picot_step picot_step_ = PICOT_CAT_(name, _resume)(picot_self, &picot_new_->_co, (picot_frame *)0);            \
        if (picot_step_.rc <= PICOT_STEP_CALL) return picot_step_;                                                     \
        picot_child = &picot_new_->_co;                                                                                \
    }                                                                                                                  \
    PICOT_LABEL_(id) :;

#define PICOT_TAKE_(lhs, name)                                                                                         \
    PICOT_STRICT_ON_ lhs = PICOT_HEAD_OF_(name, picot_child)->_ret;                                                    \
    PICOT_STRICT_OFF_
#define PICOT_POP_(name) picot_rt_pop(picot_self, &my->_fx, PICOT_HEAD_OF_(name, picot_child))

#define PICOT_AWAIT1__(fail, id, name, ...)                                                                            \
    do {                                                                                                               \
        do {                                                                                                           \
            PICOT_RUN_CHILD_(id, my->_co.rc = -ENOMEM, name, __VA_ARGS__)                                              \
            my->_co.rc = picot_child->rc;                                                                              \
            PICOT_POP_(name);                                                                                          \
        } while (0);                                                                                                   \
        fail                                                                                                           \
    } while (0)

#define PICOT_AWAIT2__(fail, id, lhs, name, ...)                                                                       \
    do {                                                                                                               \
        do {                                                                                                           \
            PICOT_RUN_CHILD_(id, my->_co.rc = -ENOMEM; PICOT_SET_ERROR_(&(lhs), -ENOMEM), name, __VA_ARGS__)           \
            my->_co.rc = picot_child->rc;                                                                              \
            PICOT_TAKE_(lhs, name)                                                                                     \
            PICOT_POP_(name);                                                                                          \
        } while (0);                                                                                                   \
        fail                                                                                                           \
    } while (0)

#define PICOT_AWAIT1_(fail, id, call) PICOT_EXPAND_(PICOT_AWAIT1__ PICOT_PRE2_(fail, id, PICOT_UNPAREN_ call))
#define PICOT_AWAIT2_(fail, id, lhs, call) PICOT_EXPAND_(PICOT_AWAIT2__ PICOT_PRE3_(fail, id, lhs, PICOT_UNPAREN_ call))

#define PICOT_WAIT_FOR__(fail, id, lhs, timeout_ns, name, ...)                                                         \
    do {                                                                                                               \
        PICOT_STRICT_ON_ my->_co.rc = picot_rt_scope_open(picot_self, &my->_fx, (timeout_ns));                         \
        PICOT_STRICT_OFF_                                                                                              \
        if (PICOT_LIKELY_(my->_co.rc >= 0)) {                                                                          \
            do {                                                                                                       \
                PICOT_RUN_CHILD_(id, my->_co.rc = picot_rt_scope_close(picot_self, -ENOMEM);                           \
                                 PICOT_SET_ERROR_(&(lhs), -ENOMEM), name, __VA_ARGS__)                                 \
                my->_co.rc = picot_rt_scope_close(picot_self, picot_child->rc);                                        \
                if (my->_co.rc == -ETIMEDOUT) PICOT_SET_ERROR_(&PICOT_HEAD_OF_(name, picot_child)->_ret, -ETIMEDOUT);  \
                PICOT_TAKE_(lhs, name)                                                                                 \
                PICOT_POP_(name);                                                                                      \
            } while (0);                                                                                               \
            picot_rt_scope_pop(picot_self, &my->_fx);                                                                  \
        } else {                                                                                                       \
            PICOT_SET_ERROR_(&(lhs), my->_co.rc);                                                                      \
        }                                                                                                              \
        fail                                                                                                           \
    } while (0)
#define PICOT_WAIT_FOR_(fail, id, lhs, timeout_ns, call)                                                               \
    PICOT_EXPAND_(PICOT_WAIT_FOR__ PICOT_PRE3_(fail, id, lhs, timeout_ns, PICOT_UNPAREN_ call))

/*
 * A block that holds something. The outer loop comes by here up to three times: step 1 acquires, 2 runs the block, and
 * anything else leaves it: 3 after a break, 4 after its end.
 */
#define PICOT_HOLD_(fail, id, hold, begin, call)                                                                       \
    for ((hold).step = (uint8_t)(begin); (hold).step;)                                                                 \
        if ((hold).step == 1) {                                                                                        \
            PICOT_AWAIT1_(PICOT_STAY_, id, call);                                                                      \
            picot_rt_hold_enter(&my->_co, &(hold));                                                                    \
            fail                                                                                                       \
        } else if ((hold).step != 2)                                                                                   \
            picot_rt_hold_leave(&my->_co, &(hold));                                                                    \
        else                                                                                                           \
            for ((hold).step = 3; (hold).step == 3; (hold).step = 4)

/* To the end of the ready queue. A cancellation that is pending when its turn comes is told then. */
#define PICOT_YIELD_(fail, id)                                                                                         \
    do {                                                                                                               \
        PICOT_SAVE_(id);                                                                                               \
        PICOT_MARK_();                                                                                                 \
        picot_rt_ready(picot_self);                                                                                    \
        PICOT_SUSPEND_();                                                                                              \
        PICOT_LABEL_(id) :;                                                                                            \
        my->_co.rc = PICOT_LIKELY_(!picot_self->cancel) ? 0 : picot_rt_yielded(picot_self);                            \
        fail                                                                                                           \
    } while (0)
/* ---- defer, groups, tasks -------------------------------------------------------------------- */

/* Registering falls through the empty branch; the exit jumps to the label, runs the block once and goes on exiting. */
#define PICOT_DEFER_(id) PICOT_DEFER_AFTER_((void)0, id)
/* The same, and something before it, in one statement. */
#define PICOT_DEFER_AFTER_(first, id)                                                                                  \
    if (first, picot_rt_defer(picot_self, &my->_co, PICOT_POS_(id), (id))) {                                           \
        PICOT_MARK_();                                                                                                 \
    } else                                                                                                             \
        PICOT_LABEL_(id)                                                                                               \
            : for (my->_fx.defer_once = 1;                                                                             \
                   ;) if (!my->_fx.defer_once && (my->_co.rc = my->_fx.status, 1)) goto picot_exit_;                   \
    else for (; my->_fx.defer_once;) if ((my->_fx.defer_once = 0), 0)                                                  \
    {                                                                                                                  \
    }                                                                                                                  \
    else

#define PICOT_GROUP_(g, defer_id, leave_id, ...)                                                                       \
    my->_fx.grouped = 1;                                                                                               \
    picot_rt_group_open(picot_self, &(g), (picot_group_options){PICOT_REST_(__VA_ARGS__, ._end = 0)});                 \
    PICOT_DEFER_(defer_id)                                                                                             \
    {                                                                                                                  \
        PICOT_SAVE_(leave_id);                                                                                         \
        PICOT_MARK_();                                                                                                 \
        (g).leave =                                                                                                    \
            (struct picot_group_leave_head){._co = {.fn = &picot_group_leave_fn, .parent = &my->_co}, .group = &(g)};  \
        picot_self->top = &(g).leave._co;                                                                              \
        picot_child = picot_self->top;                                                                                 \
        {                                                                                                              \
            picot_step picot_step_ = picot_group_leave_resume(picot_self, picot_self->top, (picot_frame *)0);          \
            if (picot_step_.rc <= PICOT_STEP_CALL) return picot_step_;                                                 \
        }                                                                                                              \
        PICOT_LABEL_(leave_id) :;                                                                                      \
        my->_co.rc = picot_child->rc;                                                                                  \
        if (my->_co.rc < 0 && my->_fx.status >= 0) my->_fx.status = my->_co.rc;                                        \
    }

#define PICOT_SPAWN__(fail, group, keeps, ret_value, name, ...)                                                        \
    do {                                                                                                               \
        picot_task *picot_new_ = picot_rt_spawn_open(picot_self, (group), &name##_fn, keeps, &my->_co.rc, __LINE__);   \
        if (PICOT_LIKELY_(picot_new_)) {                                                                               \
            struct name##_head *picot_root_ = PICOT_HEAD_OF_(name, picot_new_->top);                                   \
            PICOT_FILL_(name, picot_root_, (picot_frame *)0, __VA_ARGS__)                                              \
            PICOT_SAME_TYPE_(picot_root_->_ret, ret_value)                                                             \
            picot_rt_spawn_begin(picot_new_, keeps, (ret_value));                                                      \
            my->_co.rc = 0;                                                                                            \
        }                                                                                                              \
        fail                                                                                                           \
    } while (0)
#define PICOT_SPAWN2_(fail, group, call)                                                                               \
    PICOT_EXPAND_(PICOT_SPAWN__ PICOT_PRE3_(fail, group, 0, (void *)0, PICOT_UNPAREN_ call))
#define PICOT_SPAWN3_(fail, group, lhs, call)                                                                          \
    PICOT_EXPAND_(PICOT_SPAWN__ PICOT_PRE3_(fail, group, 1, &(lhs), PICOT_UNPAREN_ call))

#define PICOT_LITERAL_(name, ...)                                                                                      \
    &name##_fn, &(struct name##_head){._co = {.fn = &name##_fn}, __VA_ARGS__}, sizeof(struct name##_head)
/* Expressions, and yet strict about types: with GNU C a statement expression gives the pragmas their place. */
#if defined(__GNUC__)
#define PICOT_CHECKED_(expression)                                                                                     \
    PICOT_EXTENSION_({                                                                                                 \
        PICOT_STRICT_ON_ int picot_rc_ = (expression);                                                                 \
        PICOT_STRICT_OFF_ picot_rc_;                                                                                   \
    })
#define PICOT_POINTER_TO_(object, pointer) ((__typeof__(object) *){(pointer)})
#else
#define PICOT_CHECKED_(expression) (expression)
#define PICOT_POINTER_TO_(object, pointer) (1 ? (pointer) : &(object))
#endif
#define PICOT_START_(loop, name, ...) PICOT_CHECKED_(picot_rt_start((loop), PICOT_LITERAL_(name, __VA_ARGS__)))
#define PICOT_MAIN_(options, name, ...) PICOT_CHECKED_(picot_rt_main((options), PICOT_LITERAL_(name, __VA_ARGS__)))
#define PICOT_RUN_(loop, ret_value, name, ...)                                                                         \
    PICOT_CHECKED_(picot_rt_run((loop), (ret_value), PICOT_LITERAL_(name, __VA_ARGS__)))
#define PICOT_RUN_INTO_(loop, ret_value, name, ...)                                                                    \
    PICOT_CHECKED_(picot_rt_run((loop), PICOT_POINTER_TO_(((struct name##_head *)0)->_ret, ret_value),                 \
                                PICOT_LITERAL_(name, __VA_ARGS__)))

#endif /* PICOT_CORO_MACROS_H */
