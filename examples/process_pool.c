/* SPDX-License-Identifier: MIT
 *
 * process_pool.c - calls that crash: a task hands texts to worker processes, one of which does not survive its own.
 */
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In a worker: the letters of a text from the last to the first. It does not like the letter x. */
static int64_t turn_round(picot_worker *worker, const void *data, size_t len, void *ret, size_t ret_size)
{
    const char *text = data;
    (void)worker;
    if (memchr(text, 'x', len)) abort();
    if (len > ret_size) return -EMSGSIZE;
    for (size_t i = 0; i < len; i++)
        ((char *)ret)[i] = text[len - 1 - i];
    return (int64_t)len;
}

static const picot_process_function functions[] = {{"turn_round", turn_round}};

async_fn(int, ask_all, (picot_executor * pool;), (char ret[16]; const char *text; int64_t len; int i;))
{
    static const char *const texts[] = {"dog", "fox", "tocip"};
    async_begin;
    for (my->i = 0; my->i < 3; my->i++) {
        my->text = texts[my->i];
        await(my->len, picot_request_in(.executor = my->pool, .name = "turn_round", .data = my->text,
                                        .len = strlen(my->text), .ret_data = my->ret, .ret_size = sizeof my->ret));
        if (my->len < 0)
            printf("%s: %s; ", my->text, picot_error_name(my->len));
        else
            printf("%s: %.*s; ", my->text, (int)my->len, my->ret);
    }
    printf("that was all\n");
    async_end;
}
#define ask_all(...) async_call(ask_all, __VA_ARGS__)

int main(void)
{
    picot_process_server *server = NULL;
    picot_executor *pool = NULL;
    int rc = picot_process_server_start(functions, 1, &server); /* first of all: before there are threads */
    if (rc == 0) rc = picot_process_pool_create(server, NULL, &pool);
    if (rc == 0) rc = picot_main(NULL, ask_all(.pool = pool));
    picot_executor_destroy(pool);
    picot_process_server_stop(server);
    if (rc < 0) fprintf(stderr, "process_pool: %s\n", picot_strerror(rc));
    return rc < 0;
}
