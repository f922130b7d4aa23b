/* SPDX-License-Identifier: MIT
 *
 * misuse.h - what the compile-error tests share: a few async functions to call.
 */
#ifndef PICOT_TESTS_MISUSE_H
#define PICOT_TESTS_MISUSE_H

#include <picot.h>

picot_async_fn(int, fetch, (const char *url; int tries;), (int r;))
{
    picot_begin;
    picot_await(picot_sleep(.ns = my->tries));
    picot_return(my->tries);
    picot_end;
}
#define fetch(...) picot_call(fetch, __VA_ARGS__)

picot_async_fn(char *, name_of, (int number;), (char name[8];))
{
    picot_begin;
    picot_yield();
    picot_return(0);
    picot_end;
}
#define name_of(...) picot_call(name_of, __VA_ARGS__)

picot_gen_fn(int, numbers, (int to;), (int i;))
{
    picot_begin;
    for (my->i = 0; my->i < my->to; my->i++)
        picot_yield_value(my->i);
    picot_end;
}
#define numbers(...) picot_call(numbers, __VA_ARGS__)

picot_async_decl(long, declared, (int a; long b;));
picot_gen_decl(long, declared_gen, (int a; long b;));

#endif /* PICOT_TESTS_MISUSE_H */
