/* SPDX-License-Identifier: MIT
 *
 * Legitimate uses of plain locals, pointers and switches: picot-lint must report nothing here.
 */
#include "lint.h"
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include <picot/short.h>

enum { LIMIT = 5 };
static const int table[] = {1, 2, 3};
static int global_count;

async_fn(int, after_the_last_await, (int x;), (int n; char buf[32];))
{
    async_begin;
    await(my->n, picot_call(picot_sleep, .ns = 1));
    int k = my->n + 4;
    async_return(k);
    async_end;
}
#define after_the_last_await(...) async_call(after_the_last_await, __VA_ARGS__)

async_fn(int, between_awaits, (int x;), (int n, s; char buf[32];))
{
    async_begin;
    for (my->n = 0; my->n < 3; my->n++) {
        {
            int t = my->n * 2;
            my->s += t;
        }
        for (int i = 0; i < 4; i++)
            my->s += i;
        await(picot_sleep(.ns = 1));
        int u = my->s;
        my->s = u + 1;
    }
    if (my->s > 3) {
        const char *p = my->buf;
        my->s += (int)(p - my->buf);
    }
    async_return(my->s);
    async_end;
}

async_fn(int, before_an_await, (int x;), (int r;))
{
    async_begin;
    for (;;) {
        int before = lint_number(my->x);
        if (before > 5) break;
        await(my->r, after_the_last_await(.x = before + before));
    }
    async_end;
}

/* A local may receive a result: it is assigned after the wait. */
async_fn(int, result_in_a_local, (int x;), (int r;))
{
    async_begin;
    int n;
    for (;;) {
        await(n, after_the_last_await(my->x));
        if (n < 0) break;
        wait_for(n, PICOT_SECOND, after_the_last_await(.x = n));
        if (n == 0) break;
    }
    int m;
    try_await(m, after_the_last_await(4));
    try_wait_for(m, 5 * PICOT_MS, after_the_last_await(m));
    async_return(m);
    async_end;
}

/* Set anew after every await. */
async_fn(int, set_again, (int x;), (int r;))
{
    async_begin;
    int n = my->x;
    my->r = n;
    yield_now();
    n = my->r;
    my->r += n;
    char text[32];
    snprintf(text, sizeof text, "%d", n);
    my->r += text[0];
    yield_now();
    snprintf(text, sizeof text, "%d", my->r);
    my->r += text[0];
    struct lint_pair pair;
    lint_pair_get(&pair);
    my->r += pair.a;
    yield_now();
    lint_pair_get(&pair);
    my->r += pair.b;
    int rest;
    my->r += lint_divide(7, 3, &rest) + rest;
    yield_now();
    pair = (struct lint_pair){.a = 3};
    my->r += lint_divide(7, 3, &rest) + rest + pair.a;
    async_end;
}

async_fn(int, around_a_loop, (int x, r;), (int unused;))
{
    async_begin;
    int last = 0;
    while (my->x-- > 0) {
        my->r += last;
        await(picot_sleep(.ns = 1));
        last = my->x;
    }
    async_end;
}

async_fn(int, declared_in_the_loop, (int x;), (int r;))
{
    async_begin;
    while (my->x > 0) {
        int n;
        char buf[16];
        lint_fill(buf, sizeof buf);
        n = lint_sum(buf, sizeof buf);
        if (n > 3) continue;
        if (n == 3) break;
        await(picot_sleep(.ns = n));
    }
    async_end;
}

async_fn(int, only_one_path_waits, (int x;), (int r;))
{
    async_begin;
    int n = my->x;
    if (n > 3) {
        await(picot_sleep(.ns = 1));
        async_return(my->x);
    }
    if (n < 0) {
        try_await(picot_sleep(.ns = 1));
        async_fail(-EINVAL);
    }
    async_return(n);
    async_end;
}

async_fn(int, deferred, (picot_fd fd; size_t size;), (char *block; int r;))
{
    async_begin;
    defer await(picot_close(.fd = my->fd));
    my->block = malloc(my->size);
    defer free(my->block);
    if (!my->block) async_fail(-ENOMEM);
    int local = 3;
    defer
    {
        int status = async_status();
        if (status < 0) {
            const char *name = "x";
            my->r += name[0];
        }
        for (int i = 0; i < 3; i++)
            my->r += i;
        await(picot_sleep(.ns = status));
        int later = 4;
        my->r += later;
    }
    my->r = local;
    await(picot_sleep(.ns = 1));
    async_end;
}

async_fn(int, grouped, (int count;), (picot_group group, other; int i; int results[8];))
{
    async_begin;
    task_group(my->group);
    task_group(my->other, .keep_going = 1);
    for (my->i = 0; my->i < my->count; my->i++) {
        int twice = my->i * 2;
        spawn(&my->group, my->results[my->i & 7], after_the_last_await(.x = twice));
        try_spawn(&my->other, after_the_last_await(twice));
    }
    int sum = 0;
    for (int i = 0; i < 8; i++)
        sum += my->results[i];
    my->i = sum;
    try_await(picot_join(.group = &my->group));
    async_end;
}

/* Not code that is evaluated, or not automatic. */
async_fn(int, not_a_use, (int x;), (int r; size_t size;))
{
    async_begin;
    static const char *const words[] = {"a", "b"};
    static const int limit = 4;
    enum { INNER = 3 };
    struct lint_pair pair = {1, 2};
    my->r = pair.a;
    yield_now();
    my->size = sizeof pair + sizeof pair.a;
    (void)pair;
    my->r += limit + INNER + words[1][0] + table[2] + global_count;
    global_count++;
    async_end;
}

/* Pointers to locals that end before the next await. */
async_fn(int, short_lived_pointers, (int x; char *text;), (int r;))
{
    async_begin;
    struct lint_pair pair = {1, 2};
    struct lint_pair *p = &pair;
    p->a = 3;
    lint_pair_use(p);
    struct {
        int *number;
    } box;
    box.number = &pair.b;
    *box.number = 4;
    my->r = p->a + pair.b;
    char *text = my->text;
    my->text = text + 1;
    struct sockaddr_in address = {.sin_family = AF_INET};
    const struct sockaddr *sa = (const struct sockaddr *)&address;
    my->r += sa->sa_family;
    await(picot_sleep(.ns = sizeof box));
    async_end;
}

async_fn(int, address_after_the_last_await, (int x;), (int *p; int r;))
{
    async_begin;
    yield_now();
    int v = 3;
    my->p = &v;
    my->r = *my->p;
    my->p = NULL;
    async_end;
}

async_fn(int, switches, (int x;), (int r;))
{
    async_begin;
    int kind = my->x & 3;
    switch (kind) {
    case 0:
        my->r = 1;
        break;
    case 1: {
        int t = my->x;
        my->r = t;
    } /* fallthrough */
    case 2:
        my->r++;
        break;
    default:
        async_return(-1);
    }
    if (kind == 2) await(picot_sleep(.ns = 1));
    async_end;
}

async_fn(int, jumps, (int x;), (int r;))
{
    async_begin;
again:;
    int n = lint_number(my->x);
    if (n == 0) goto out;
    await(picot_sleep(.ns = n));
    my->x--;
    goto again;
out:
    async_return(n);
    async_end;
}

/* Before begin: initialised from the frame at each resume and never changed. */
async_fn(int, prologue, (struct lint_pair * pair;), (int r;))
{
    struct lint_pair *pair = my->pair;
    int later;
    async_begin;
    pair->a = 3;
    yield_now();
    pair->b = 4;
    later = pair->a;
    my->r = later;
    async_end;
}

async_fn(double, conditions, (int x;), (double d;))
{
    async_begin;
    int a = my->x, b = 0;
    if (a && (b = lint_number(a)) > 0) my->d = b;
    my->d += a ? b : 3;
    do {
        yield_now();
    } while (0);
    a = b = 3;
    my->d += a ? b : 3;
    async_return(my->d);
    async_end;
}

async_fn(int, silenced, (int x;), (int r;))
{
    async_begin;
    static int calls; /* picot-lint: ignore(static-local) - statistics, of one thread */
    calls++;
    async_end;
}

/* Locals of the frame: set by assignment, by a result, through their address, in one branch, before a defer. */
static void fill_frame(void *frame);
async_fn(int, sets_first, (int x;),
         (int sum, last, seen, given; char buf[8]; struct lint_pair pair, other; picot_group group; void *block;))
{
    async_begin;
    defer free(my->block);
    my->block = NULL;
    my->sum = 0;
    for (int i = 0; i < 3; i++)
        my->sum += i;
    for (int i = 0; i < 3; i++) {
        if (i > 0) my->sum += my->last;
        my->last = i;
    }
    lint_fill(my->buf, sizeof my->buf);
    my->sum += my->buf[0];
    my->pair.a = 1;
    my->sum += my->pair.a;
    lint_pair_get(&my->other);
    my->sum += my->other.b;
    await(my->given, after_the_last_await(1));
    my->sum += my->given + my->x;
    task_group(my->group);
    for (int i = 0; i < 3; i++) {
        if (i == 0)
            my->seen = 1;
        else
            my->seen++;
    }
    async_return(my->sum + (int)sizeof my->group);
    async_end;
}

async_fn(int, set_elsewhere, (int x;), (int sum;))
{
    async_begin;
    fill_frame(my);
    async_return(my->sum);
    async_end;
}

/* A million is no problem for the tool: recursion, and calls without arguments. */
async_decl(int, recursive, (int depth;));
#define recursive(...) async_call(recursive, __VA_ARGS__)
async_def(int, recursive, (int depth;), (int r;))
{
    async_begin;
    if (my->depth == LIMIT) async_return(0);
    try_await(my->r, recursive(my->depth + 1));
    try_await(my->r, recursive());
    async_return(my->r);
    async_end;
}

/* Not an async body, whatever its name says. */
int plain_body(int x);
int plain_body(int x)
{
    static int calls;
    int n = x;
    calls += n;
    return calls;
}

/* Generators and loops over their values. */
gen_fn(int, numbers, (int to;), (int i, command;))
{
    async_begin;
    for (my->i = 0; my->i < my->to; my->i++) {
        int twice = 2 * my->i;
        if (twice > 5) await(picot_sleep(.ns = twice));
        yield_value(my->i);
        int received;
        yield_into(received, my->i + 1);
        my->command = received;
        try_yield_value(my->command);
        if (async_error() < 0) break;
    }
    async_end;
}
#define numbers(...) async_call(numbers, __VA_ARGS__)

gen_fn(int, even_numbers, (int to;), (generator_of(int) source; int n;))
{
    async_begin;
    generate(my->source, numbers(.to = my->to));
    for_await(my->n, my->source)
    {
        int half = my->n / 2;
        if (half * 2 != my->n) continue;
        yield_value(my->n);
    }
    yield_from(my->source);
    async_end;
}
#define even_numbers(...) async_call(even_numbers, __VA_ARGS__)

async_fn(int, loops, (int to;), (generator_of(int) source; picot_generator other; int n, r;))
{
    async_begin;
    generate(my->source, even_numbers(my->to));
    gen_open(my->other, numbers(.to = my->to));
    int value;
    for_await(value, my->source)
    {
        if (value == 3) break;
        my->n += value;
        for_await(my->r, my->other) my->n += my->r;
    }
    await(my->r, picot_next(my->source, my->n));
    await(my->r, picot_gen_close(my->other));
    async_return(my->r);
    async_end;
}

async_fn(int, blocks, (int64_t ns;), (picot_scope outer, inner; int r;))
{
    async_begin;
    int64_t ns = my->ns;
    picot_timeout(my->outer, ns)
    {
        int n = lint_number(3);
        if (n == 2) break;
        picot_shielded(my->inner) await(picot_sleep(.ns = n));
        int after = my->r;
        my->r += after;
    }
    for (my->r = 0; my->r < 3; my->r++)
        picot_cancel_scope(my->outer) await(picot_sleep(.ns = 1));
    async_end;
}
