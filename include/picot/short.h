/* SPDX-License-Identifier: MIT
 *
 * short.h - the words of coro.h without their prefix, for programs that want them. Include it last: it takes ordinary
 * words. A `#define` of a function's name also rewrites `x->name(...)`.
 */
#ifndef PICOT_SHORT_H
#define PICOT_SHORT_H

#include <picot/coro.h>
#include <picot/generator.h>
#include <picot/scope.h>

#define async_fn picot_async_fn
#define async_decl picot_async_decl
#define async_def picot_async_def
#define async_call picot_call
#define async_begin picot_begin
#define async_end picot_end
#define async_return picot_return
#define async_fail picot_fail
#define async_error picot_error
#define async_status picot_status
#define await picot_await
#define try_await picot_try_await
#define wait_for picot_wait_for
#define try_wait_for picot_try_wait_for
#define defer picot_defer
#define spawn picot_spawn
#define try_spawn picot_try_spawn
#define task_group picot_task_group
#define yield_now picot_yield
#define gen_fn picot_gen_fn
#define gen_decl picot_gen_decl
#define gen_def picot_gen_def
#define generator_of picot_generator_of
#define generate picot_generate
#define gen_open picot_gen_open
#define for_await picot_for_await
#define try_for_await picot_try_for_await
#define yield_value picot_yield_value
#define try_yield_value picot_try_yield_value
#define yield_into picot_yield_into
#define try_yield_into picot_try_yield_into
#define yield_from picot_yield_from
#define try_yield_from picot_try_yield_from

/* Blocks: only where a parenthesis follows, so that members may have these names. */
#define timeout(...) picot_timeout(__VA_ARGS__)
#define timeout_at(...) picot_timeout_at(__VA_ARGS__)
#define cancel_scope(...) picot_cancel_scope(__VA_ARGS__)
#define shielded(...) picot_shielded(__VA_ARGS__)
#define shielded_for(...) picot_shielded_for(__VA_ARGS__)

#endif /* PICOT_SHORT_H */
