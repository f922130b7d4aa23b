/* SPDX-License-Identifier: MIT
 *
 * The positive control: every macro, used as it is meant to be, compiles without a warning.
 */
#include <picot.h>
#include <string.h>

struct point {
    double x, y;
};

picot_async_decl(long, declared, (const char *url; int tries;));
#define declared(...) picot_call(declared, __VA_ARGS__)
int run_everything(picot_loop *loop);

picot_async_def(long, declared, (const char *url; int tries;), (int64_t n; char buf[32];))
{
    picot_begin;
    picot_try_await(picot_sleep(.ns = my->tries));
    if (!my->url) picot_fail(-EINVAL);
    picot_return((long)strlen(my->url));
    picot_end;
}

/* The shortest possible ones: no arguments, no locals, nothing awaited. */
picot_async_fn(int, empty, (char unused;), (char none;))
{
    picot_begin;
    picot_end;
}
#define empty(...) picot_call(empty, __VA_ARGS__)

picot_async_fn(struct point, point_of, (double x; double y;), (int k;))
{
    picot_begin;
    picot_yield();
    picot_return((struct point){.x = my->x, .y = my->y});
    picot_end;
}
#define point_of(...) picot_call(point_of, __VA_ARGS__)

typedef char *text;
picot_async_fn(text, text_of, (text from;), (int k;))
{
    picot_begin;
    picot_await(empty());
    picot_return(my->from);
    picot_end;
}
#define text_of(...) picot_call(text_of, __VA_ARGS__)

picot_async_fn(long long, recursive, (int depth;), (long long below; int k;))
{
    picot_begin;
    if (my->depth > 0) picot_try_await(my->below, picot_call(recursive, my->depth - 1));
    picot_return(my->below + 1);
    picot_end;
}
#define recursive(...) picot_call(recursive, __VA_ARGS__)

picot_async_fn(int64_t, echo, (picot_fd fd; int64_t idle_ns;), (char buf[64]; int64_t n, total;))
{
    picot_begin;
    picot_defer
    {
        picot_await(picot_close(.fd = my->fd));
    }
    for (;;) {
        picot_try_wait_for(my->n, my->idle_ns, picot_recv(.fd = my->fd, .buf = my->buf, .len = sizeof my->buf));
        if (my->n == 0) break;
        picot_try_await(picot_send_all(.fd = my->fd, .buf = my->buf, .len = (size_t)my->n));
        my->total += my->n;
    }
    picot_return(my->total);
    picot_end;
}
#define echo(...) picot_call(echo, __VA_ARGS__)

picot_async_fn(int, everything, (int x; const char *name;),
               (long n; long long deep; struct point point; text text; picot_group group, other; int i; double sum;
                int64_t total;))
{
    int before;
    picot_begin;
    picot_task_group(my->group);
    picot_task_group(my->other, .keep_going = 1);
    picot_defer my->i++;
    picot_defer
    {
        if (picot_status() < 0) {
            picot_await(empty());
        } else {
            picot_yield();
        }
    }
    for (my->i = 0; my->i < 3; my->i++) {
        int twice = 2 * my->i;
        if (my->i == 1) continue;
        picot_spawn(&my->group, declared("a", .tries = twice));
        picot_try_spawn(&my->other, my->n, declared(.url = my->name));
        picot_spawn(&my->other, echo(.fd = 3));
        if (picot_error() < 0) picot_fail(picot_error());
    }
    before = my->x;
    my->sum += before;
    if (my->x)
        picot_await(my->n, declared("x", 3));
    else
        picot_await(my->point, point_of(1.0, .y = 2));
    while (my->sum < 10) {
        picot_try_await(my->text, text_of());
        my->sum += my->point.x;
        do {
            picot_wait_for(my->deep, 5 * PICOT_MS, recursive(10));
            if (my->deep == -ETIMEDOUT) break;
        } while (my->deep < 0);
    }
    /* clang-format off */
    picot_await(my->n, declared("x")); picot_await(my->n, declared("y"));
    /* clang-format on */
    picot_try_wait_for(my->total, PICOT_NEVER, echo(3, .idle_ns = PICOT_SECOND));
    picot_await(picot_join(.group = &my->group));
    picot_return((int)my->n);
    picot_end;
}
#define everything(...) picot_call(everything, __VA_ARGS__)

/* Generators: declared, of every kind of value, used in each way. */
picot_gen_decl(long, declared_gen, (const char *text;));
#define declared_gen(...) picot_call(declared_gen, __VA_ARGS__)
picot_gen_def(long, declared_gen, (const char *text;), (int i; int64_t command;))
{
    picot_begin;
    picot_defer my->i = 0;
    for (my->i = 0; my->text[my->i]; my->i++) {
        picot_yield_value(my->text[my->i]);
        picot_try_yield_into(my->command, my->i);
    }
    picot_return(my->command);
    picot_end;
}

picot_gen_fn(struct point, points, (int unused;), (int k;))
{
    picot_begin;
    picot_yield_value((struct point){1, 2});
    picot_end;
}
#define points(...) picot_call(points, __VA_ARGS__)

picot_gen_fn(long, filtered, (picot_generator * source;), (picot_generator_of(long) own; long n;))
{
    picot_begin;
    picot_generate(my->own, declared_gen("abc"));
    picot_yield_from(my->own);
    picot_for_await(my->n, *my->source) if (my->n > 3) picot_yield_value(my->n);
    picot_try_yield_from(*my->source);
    picot_end;
}
#define filtered(...) picot_call(filtered, __VA_ARGS__)

picot_async_fn(int, uses_generators, (char unused;),
               (picot_generator_of(long) a, b; picot_generator any; long n; struct point p; int64_t command; int more;))
{
    picot_begin;
    picot_generate(my->a, declared_gen(.text = "abc"));
    picot_generate(my->b, filtered(&my->a.generator));
    picot_gen_open(my->any, points());
    picot_for_await(my->p, my->any) picot_for_await(my->n, my->b)
    {
        if (my->n == 2) continue;
        if (my->n == 3) break;
    }
    picot_await(my->more, picot_next(my->a, my->n));
    picot_try_await(my->more, picot_gen_send(my->a, my->n, my->command));
    picot_wait_for(my->more, PICOT_SECOND, picot_gen_throw(my->a, my->n, -EINVAL));
    picot_await(picot_gen_close(my->any));
    picot_return(picot_gen_state(&my->b.generator));
    picot_end;
}
#define uses_generators(...) picot_call(uses_generators, __VA_ARGS__)

int run_everything(picot_loop *loop)
{
    long value = 0;
    struct point point;
    text result = NULL;
    int rc = picot_run(loop, everything());
    if (rc == 0) rc = picot_run_into(loop, &value, declared("a", .tries = 3));
    if (rc == 0) rc = picot_run_into(loop, &point, point_of(.x = 3));
    if (rc == 0) rc = picot_run_into(loop, &result, text_of(.from = NULL));
    if (rc == 0) rc = picot_start(loop, everything(1, .name = "b"));
    if (rc == 0) rc = picot_start(loop, empty());
    if (rc == 0) rc = picot_run(loop, uses_generators());
    picot_generator_of(struct point) source = {{0}};
    if (rc == 0) rc = picot_gen_open_on(loop, source, points());
    if (rc == 0) rc = picot_gen_next_now(loop, source, point);
    return rc;
}
