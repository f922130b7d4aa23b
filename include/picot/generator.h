/* SPDX-License-Identifier: MIT
 *
 * generator.h - functions that give one value after the other, and may wait before each.
 *
 *     picot_gen_fn(int, count, (int from; int to;), (int i;))
 *     {
 *         picot_begin;
 *         for (my->i = my->from; my->i < my->to; my->i++) {
 *             picot_await(picot_sleep(.ns = PICOT_SECOND));
 *             picot_yield_value(my->i);
 *         }
 *         picot_end;
 *     }
 *     #define count(...) picot_call(count, __VA_ARGS__)
 *
 *     picot_async_fn(int, user, (int to;), (picot_generator_of(int) numbers; int n;))
 *     {
 *         picot_begin;
 *         picot_generate(my->numbers, count(.to = my->to));
 *         picot_for_await(my->n, my->numbers) {
 *             if (my->n > 3) break;
 *         }
 *         picot_end;
 *     }
 *
 * A generator runs on the task of whoever asks for its next value: a deadline or a cancellation of that task reaches
 * what the body waits for, and the body's frames stand in that task's backtrace. Between two values it belongs to no
 * task; several may drive it in turn. Its frame and what its body calls lie in one block of memory of its own.
 *
 * The body may await, defer and open scopes as any async function. At a picot_yield_value each scope it has opened must
 * have been left again, and it must not have opened a picot_task_group, nor be in a defer block; else the yield is
 * refused, and the generator ends with PICOT_ESCOPE. picot_return takes an int64_t; a negative one is the generator's
 * error.
 *
 * The object lies in the locals of the function that opens it, and must neither be copied nor moved. Zeroed, as locals
 * are, it is closed. Where a macro below takes `g`, that is the object itself: my->numbers, or *my->source.
 *
 * Thread: the loop's. After fork: not to be used.
 */
#ifndef PICOT_GENERATOR_H
#define PICOT_GENERATOR_H

#include <picot/coro.h>
#include <picot/generator_runtime.h>

PICOT_BEGIN_DECLS

/* ---- defining -------------------------------------------------------------------------------- */

/**
 * Define a static generator function; T is the type of its values, a plain type name. Arguments and locals are as in
 * picot_async_fn. Follow it with `#define name(...) picot_call(name, __VA_ARGS__)`. It is opened, never awaited.
 */
#define picot_gen_fn(T, name, args, locals)                                                                            \
    PICOT_GEN_HEAD_DECL_(T, name, args);                                                                               \
    PICOT_UNUSED_ static const picot_fn name##_gen_fn;                                                                 \
    static picot_step name##_gen_resume(picot_task *, picot_frame *, picot_frame *);                                   \
    PICOT_GEN_DEFINE_(static, T, name, args, locals)

/** Declare a generator function in a header: picot_gen_decl(int, count, (int from; int to;)); */
#define picot_gen_decl(T, name, args)                                                                                  \
    PICOT_GEN_HEAD_DECL_(T, name, args);                                                                               \
    extern const picot_fn name##_gen_fn;                                                                               \
    picot_step name##_gen_resume(picot_task *, picot_frame *, picot_frame *)

/** Define what a header declares with picot_gen_decl: the same arguments, plus locals. */
#define picot_gen_def(T, name, args, locals)                                                                           \
    _Static_assert(sizeof(struct name##_gen_head) == sizeof(struct {PICOT_GEN_MEMBERS_(T, args)}),                     \
                   #name ": arguments or values differ from its picot_gen_decl");                                      \
    PICOT_GEN_DEFINE_(, T, name, args, locals)

/**
 * picot_yield_value(value): hand it to whoever asked, and wait until the next one is asked for. picot_error() is then
 * 0, or the code of picot_gen_throw. When the generator is being closed, the function ends here, through its defers.
 */
#define picot_yield_value(...) PICOT_YIELD_VALUE_(PICOT_STAY_, __COUNTER__, 0, , __VA_ARGS__)
/** The same; but a code that is thrown ends the function with that error, through its defers. */
#define picot_try_yield_value(...) PICOT_YIELD_VALUE_(PICOT_LEAVE_, __COUNTER__, 0, , __VA_ARGS__)

/** picot_yield_into(lhs, value): the same; lhs receives what picot_gen_send sends, and zeroes when nothing was sent. */
#define picot_yield_into(lhs, ...)                                                                                     \
    PICOT_YIELD_VALUE_(PICOT_STAY_, __COUNTER__, sizeof(lhs), PICOT_RECEIVE_(lhs), __VA_ARGS__)
/** The same; but a code that is thrown ends the function. */
#define picot_try_yield_into(lhs, ...)                                                                                 \
    PICOT_YIELD_VALUE_(PICOT_LEAVE_, __COUNTER__, sizeof(lhs), PICOT_RECEIVE_(lhs), __VA_ARGS__)

/**
 * picot_yield_from(g): give all the values of another generator of the same type. What is sent or thrown goes straight
 * to it, and closing closes it first. picot_error() is then the error it ended with, or 0 (picot_gen_result tells what
 * it returned); -EBUSY: it runs already; -EINVAL: it was never opened; -ENOMEM. Keep it open by picot_generate.
 */
#define picot_yield_from(g) PICOT_YIELD_FROM_(PICOT_STAY_, __COUNTER__, g)
/** The same; but an error ends this function with that error. */
#define picot_try_yield_from(g) PICOT_YIELD_FROM_(PICOT_LEAVE_, __COUNTER__, g)

/** Inside a generator's body: its own object, or NULL when that has gone. */
#define picot_this_generator() (my->_gen.object)

/* ---- using ----------------------------------------------------------------------------------- */

/** A local of this type is a generator whose values are of type T: the compiler checks each use. `&g.generator` is what
 * the functions below take. */
#define picot_generator_of(T)                                                                                          \
    union {                                                                                                            \
        picot_generator generator;                                                                                     \
        T *_item;                                                                                                      \
    }

/**
 * picot_generate(g, call): open a generator that is closed when this function ends, by whatever way. An error of its
 * cleanup becomes this function's status if that was a success. picot_error(): 0; -ENOMEM, which each use then repeats;
 * -EBUSY: it is open already. None of the body runs yet.
 */
#define picot_generate(g, call) PICOT_GENERATE_(g, __COUNTER__, __COUNTER__, call)

/**
 * picot_gen_open(g, call): the same without the closing: that is yours, by picot_gen_close. The memory of one that is
 * left open is freed with the loop; its defers never run then.
 */
#define picot_gen_open(g, call)                                                                                        \
    ((void)(my->_co.rc =                                                                                               \
                PICOT_EXPAND_(PICOT_GEN_OPEN_ PICOT_PRE3_(g, picot_task_loop(picot_self), PICOT_UNPAREN_ call))))

/**
 * int picot_gen_open_on(loop, g, call): an expression that does the same from plain code.
 * @return  0; -ENOMEM; -EBUSY: it is open already; -EINVAL, -EPERM
 */
#define picot_gen_open_on(loop, g, call) PICOT_EXPAND_(PICOT_GEN_OPEN_ PICOT_PRE3_(g, loop, PICOT_UNPAREN_ call))

/**
 * picot_for_await(my->x, g) { ... }: once for each value. break and continue work as in any loop. After the last value
 * picot_error() is 0, or the error the generator ended with, or the code of picot_next. A loop left early leaves the
 * generator as it is: another loop goes on where this one stopped.
 */
#define picot_for_await(lhs, g) PICOT_FOR_AWAIT_(PICOT_STAY_, __COUNTER__, lhs, g)
/** The same; but an error ends this function with that error. */
#define picot_try_for_await(lhs, g) PICOT_FOR_AWAIT_(PICOT_LEAVE_, __COUNTER__, lhs, g)

/**
 * picot_await(my->more, picot_next(g, my->x)): run the body to its next value.
 * Result: 1: my->x has it; 0: there are no more; the error it ended with, once, then 0; -EBUSY: it runs already, in
 * this task or another; PICOT_ECLOSED: the function that holds it ended meanwhile; -EINVAL: it was never opened, my->x
 * has another size than its values; -ENOMEM.
 * Cancel: what the body awaits ends with -ECANCELED. A task that is cancelled already is refused with -ECANCELED, and
 * the generator is left as it was.
 */
#define picot_next(g, lhs) PICOT_NEXT_(g, lhs, .how = PICOT_GEN_NEXT_)

/** The same, and the body's picot_yield_into receives my->value, a variable that lives in the frame. -EINVAL: it is not
 * at such a yield, or that takes another size. */
#define picot_gen_send(g, lhs, value)                                                                                  \
    PICOT_NEXT_(g, lhs, .how = PICOT_GEN_SEND_, .sent = &(value), .sent_size = sizeof(value))

/**
 * The same, and the body's yield ends with `code`, a negative one. One that has not begun ends with it, without running
 * its body; to one that has ended it comes back as the result. -EINVAL: not negative.
 */
#define picot_gen_throw(g, lhs, error) PICOT_NEXT_(g, lhs, .how = PICOT_GEN_THROW_, .code = (error))

/**
 * picot_await(my->r, picot_gen_close(g)): end it: its yield leaves the body, through its defers, in which
 * picot_status() is PICOT_ECLOSED; they may await, but not yield. All it holds is given back. One that has not begun
 * runs none of its body. Result: 0, also when it has ended before; the error with which a defer block was left
 * (picot_fail, or a picot_try_await in it); -EBUSY: it runs. Cancel: held off, as in all defers.
 */
#define picot_gen_close(g) (picot_next, .gen = PICOT_GEN_(g), .how = PICOT_GEN_CLOSE_)

/**
 * int picot_gen_next_now(loop, g, x): an expression that drives a generator from plain code, where nothing can wait.
 * @return  as picot_next; -EDEADLK: the body had to wait. It is closed: its await is cancelled, and its defers run in
 *          the coming turns of the loop; what its arguments point to must live until then
 */
#define picot_gen_next_now(loop, g, lhs)                                                                               \
    PICOT_CHECKED_(picot_rt_gen_now(                                                                                   \
        (loop),                                                                                                        \
        &(struct picot_next_head){.gen = PICOT_GEN_(g), .ret_value = PICOT_ITEM_(g, lhs), .size = sizeof(lhs)}))

/**
 * Close a generator from plain code.
 * @return  as picot_gen_close; -EDEADLK: its defers had to wait, and go on in the coming turns of the loop. Thread: the
 *          loop's. @since 0.1
 */
PICOT_API int picot_gen_close_now(picot_loop *loop, picot_generator *generator);

/* ---- asking ---------------------------------------------------------------------------------- */

enum picot_gen_state {
    PICOT_GEN_CLOSED = 0,   /**< its body has ended, or it was closed, or never opened */
    PICOT_GEN_CREATED = 1,  /**< opened, the body has not begun */
    PICOT_GEN_RUNNING = 2,  /**< the body runs, or waits for something; also while it drives another by yield_from */
    PICOT_GEN_SUSPENDED = 3 /**< at a yield */
};

/** What a generator is at. NULL: closed. From anywhere, its own body included. Thread: the loop's. @since 0.1 */
PICOT_API enum picot_gen_state picot_gen_state(const picot_generator *generator);

/** The name of a state: "suspended". A static string. Thread: any. @since 0.1 */
PICOT_API const char *picot_gen_state_name(enum picot_gen_state state);

/**
 * What the body has returned. @return  that, 0 if nothing; the error it ended with; PICOT_ECLOSED: it was closed before
 * its end; PICOT_ENOTDONE: it has not ended; -EINVAL: NULL, never opened. Thread: the loop's. @since 0.1
 */
PICOT_API int64_t picot_gen_result(const picot_generator *generator);

/** Whose values it gives, by picot_yield_from. @return  NULL: nobody's; or it runs just now, or has not begun, or has
 * ended. Thread: the loop's. @since 0.1 */
PICOT_API picot_generator *picot_gen_delegate(const picot_generator *generator);

PICOT_END_DECLS

#endif /* PICOT_GENERATOR_H */
