/* SPDX-License-Identifier: MIT
 *
 * subprocess.c - four ways to use other programs: a run with input and output, one that fails, one that takes too long,
 * and a conversation.
 */
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>

/* What a command says on a text. */
async_fn(int, sorted, (const char *text; size_t len;), (picot_process_result result; int code;))
{
    static const char *const argv[] = {"sort", "-r", NULL};
    async_begin;
    defer
    {
        picot_process_result_free(picot_this_loop(), &my->result);
    }
    try_await(my->code, picot_check_process(.argv = argv, .input = my->text, .input_len = my->len, .capture = 1,
                                            .ret_result = &my->result));
    printf("%.1s", my->result.out.data);
    async_end;
}

/* It is ended, and has ended when the block is left. */
async_fn(int, too_slow, (int64_t ns;), (picot_process_result result; picot_scope limit;))
{
    async_begin;
    timeout(my->limit, my->ns)
    {
        await(picot_run_process(.shell = "exec sleep 60", .ret_result = &my->result));
    }
    printf(", %s by signal %d", async_error() == -ETIMEDOUT ? "ended" : "?", -my->result.code);
    async_end;
}

/* A child of one's own, with its pipes as handles of the loop. */
async_fn(int, conversation, (int number;), (picot_process * child; char text[32]; int64_t n; int code;))
{
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    async_begin;
    options.shell = "read n; echo $((n * n)); exit 3";
    options.in.kind = options.out.kind = PICOT_STDIO_PIPE;
    my->code = picot_process_spawn(picot_this_loop(), &options, &my->child, NULL);
    if (my->code < 0) async_fail(my->code);
    defer
    {
        picot_process_close(my->child); /* kills it, should it still run */
    }
    my->n = snprintf(my->text, sizeof my->text, "%d\n", my->number);
    try_await(picot_write(.fd = picot_process_stdio(my->child, 0), .buf = my->text, .len = (size_t)my->n,
                          .offset = PICOT_HERE));
    try_await(my->n, picot_read(.fd = picot_process_stdio(my->child, 1), .buf = my->text, .len = sizeof my->text,
                                .offset = PICOT_HERE));
    try_await(picot_process_wait(.process = my->child, .ret_code = &my->code));
    printf(", %.*s and exit code %d\n", (int)my->n - 1, my->text, my->code);
    async_end;
}

async_fn(int, all, (int unused;), (picot_process_result result; int r;))
{
    async_begin;
    try_await(async_call(sorted, .text = "a\nc\nb\n", .len = 6));
    await(my->r,
          picot_check_process(.shell = "echo no such thing >&2; exit 4", .capture = 1, .ret_result = &my->result));
    printf(", %s with %d and %zu bytes", picot_error_name(my->r), my->result.code, my->result.err.len);
    picot_process_result_free(picot_this_loop(), &my->result);
    try_await(async_call(too_slow, .ns = 50 * PICOT_MS));
    try_await(async_call(conversation, .number = 12));
    async_end;
}

int main(void)
{
    int rc = picot_main(NULL, async_call(all, .unused = 0));
    if (rc < 0) fprintf(stderr, "%s\n", picot_strerror(rc));
    return rc < 0;
}
