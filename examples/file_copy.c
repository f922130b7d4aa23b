/* SPDX-License-Identifier: MIT
 *
 * file_copy.c - copies a file: `file_copy FROM TO`. The target gets the permissions of the source, is complete or not
 * there at all, and nothing of it passes through this program where the kernel can copy by itself. Without arguments it
 * shows itself in a temporary directory.
 */
#include <fcntl.h>
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TEMPORARY ".file_copy-XXXXXX"

/* Copy under a temporary name in the target's directory, then give it its own. Result: bytes. */
async_fn(int64_t, copy_file, (const char *from; const char *to;),
         (struct statx info; picot_fd source; picot_fd target; int64_t size; int64_t r; char temporary[4096];))
{
    async_begin;
    const char *slash = strrchr(my->to, '/');
    int length = slash ? (int)(slash - my->to) + 1 : 0;
    if (snprintf(my->temporary, sizeof my->temporary, "%.*s" TEMPORARY, length, my->to) >= (int)sizeof my->temporary)
        async_fail(-ENAMETOOLONG);

    try_await(my->source, picot_open(.dir = AT_FDCWD, .path = my->from, .flags = O_RDONLY));
    defer
    {
        await(picot_close(.fd = my->source));
    }
    try_await(my->r, picot_statx(.dir = picot_fd_number(picot_task_loop(picot_self), my->source), .path = "",
                                 .flags = AT_EMPTY_PATH, .mask = STATX_MODE, .ret_stat = &my->info));
    try_await(my->target,
              picot_temporary_named(.dir = AT_FDCWD, .template_path = my->temporary, .mode = my->info.stx_mode & 0777));
    defer
    {
        await(picot_close(.fd = my->target));
        await(picot_unlink(.dir = AT_FDCWD, .path = my->temporary)); /* not there any more when all went well */
    }
    try_await(my->size, picot_copy(.from = my->source, .to = my->target, .count = PICOT_TO_THE_END));
    try_await(my->r, picot_fsync(.fd = my->target));
    try_await(my->r, picot_rename(.dir = AT_FDCWD, .path = my->temporary, .new_dir = AT_FDCWD, .new_path = my->to));
    async_return(my->size);
    async_end;
}
#define copy_file(...) async_call(copy_file, __VA_ARGS__)

/* A file and its copy. */
async_fn(int, show, (int unused;), (char dir[32]; char from[64]; char to[64]; char *text; int64_t r;))
{
    async_begin;
    (void)snprintf(my->dir, sizeof my->dir, "/tmp/file_copy-XXXXXX");
    try_await(my->r, picot_temporary_directory(.dir = AT_FDCWD, .template_path = my->dir, .mode = 0700));
    (void)snprintf(my->from, sizeof my->from, "%s/from", my->dir);
    (void)snprintf(my->to, sizeof my->to, "%s/to", my->dir);
    defer
    {
        await(picot_unlink(.dir = AT_FDCWD, .path = my->from));
        await(picot_unlink(.dir = AT_FDCWD, .path = my->to));
        await(picot_unlink(.dir = AT_FDCWD, .path = my->dir, .flags = AT_REMOVEDIR));
    }
    try_await(my->r, picot_replace_file(.dir = AT_FDCWD, .path = my->from, .contents = "hello, files", .size = 12,
                                        .mode = 0600));
    try_await(my->r, copy_file(.from = my->from, .to = my->to));
    printf("copied %d bytes: ", (int)my->r);
    try_await(my->r, picot_read_file(.dir = AT_FDCWD, .path = my->to, .limit = 1000, .ret_data = &my->text));
    printf("%s\n", my->text);
    picot_free(picot_task_loop(picot_self), my->text, (size_t)my->r + 1);
    async_end;
}
#define show(...) async_call(show, __VA_ARGS__)

async_fn(int, copy_named, (const char *from; const char *to;), (int64_t size;))
{
    async_begin;
    try_await(my->size, copy_file(.from = my->from, .to = my->to));
    async_end;
}
#define copy_named(...) async_call(copy_named, __VA_ARGS__)

int main(int argc, char **argv)
{
    if (argc != 1 && argc != 3) {
        fprintf(stderr, "usage: file_copy [FROM TO]\n");
        return 2;
    }
    int rc =
        argc == 1 ? picot_main(NULL, show(.unused = 0)) : picot_main(NULL, copy_named(.from = argv[1], .to = argv[2]));
    if (rc < 0) fprintf(stderr, "file_copy: %s\n", picot_strerror(rc));
    return rc < 0;
}
