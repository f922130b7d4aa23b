/* SPDX-License-Identifier: MIT
 *
 * directory_walk.c - prints what lies below a directory, and how many bytes: `directory_walk [PATH]`. A task for each
 * directory, at most eight at work at a time; links are not followed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <picot.h>
#include <picot/short.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the tasks share. */
struct walk {
    picot_group group;
    picot_semaphore places; /* directories open at a time */
    long long files, directories, bytes;
};

async_decl(int, walk_directory, (struct walk * walk; char *path;));
#define walk_directory(...) async_call(walk_directory, __VA_ARGS__)

static char *join(const char *path, const char *name)
{
    char *joined = NULL;
    return asprintf(&joined, "%s/%s", path, name) < 0 ? NULL : joined;
}

/* Takes the path over. */
async_def(int, walk_directory, (struct walk * walk; char *path;),
          (picot_directory_entry entry; size_t position; int64_t size; int64_t r; int directory; struct statx info;
           char *child; char entries[4096];))
{
    async_begin;
    defer
    {
        free(my->path);
    }
    try_await(my->r, picot_semaphore_acquire(.semaphore = &my->walk->places));
    defer
    {
        picot_semaphore_release(&my->walk->places, 1);
    }
    try_await(my->r, picot_directory_open(.dir = AT_FDCWD, .path = my->path, .flags = O_NOFOLLOW));
    my->directory = (int)my->r;
    defer
    {
        picot_directory_close(my->directory);
    }
    my->walk->directories++;
    for (;;) {
        try_await(my->size,
                  picot_directory_read(.directory = my->directory, .buf = my->entries, .len = sizeof my->entries));
        if (my->size == 0) break;
        my->position = 0;
        while (picot_directory_next(my->entries, (size_t)my->size, &my->position, &my->entry) > 0) {
            await(my->r, picot_statx(.dir = my->directory, .path = my->entry.name, .flags = AT_SYMLINK_NOFOLLOW,
                                     .mask = STATX_TYPE | STATX_SIZE, .ret_stat = &my->info));
            if (my->r < 0) continue; /* it has gone meanwhile */
            my->child = join(my->path, my->entry.name);
            if (!my->child) async_fail(-ENOMEM);
            puts(my->child);
            if (S_ISDIR(my->info.stx_mode)) {
                spawn(&my->walk->group, walk_directory(.walk = my->walk, .path = my->child));
                my->r = async_error();
                if (my->r >= 0) continue; /* the path is the task's */
            } else {
                my->walk->files++;
                my->walk->bytes += (long long)my->info.stx_size;
            }
            free(my->child);
            if (my->r < 0) async_fail((int)my->r);
        }
    }
    async_end;
}

async_fn(int, walk_all, (const char *path;), (struct walk walk; char *path_copy; int r;))
{
    async_begin;
    picot_semaphore_init(&my->walk.places, 8);
    task_group(my->walk.group)
    {
        my->path_copy = strdup(my->path);
        if (!my->path_copy) async_fail(-ENOMEM);
        spawn(&my->walk.group, walk_directory(.walk = &my->walk, .path = my->path_copy));
        if (async_error() < 0) free(my->path_copy);
    }
    try_await(my->r, picot_join(.group = &my->walk.group));
    printf("%lld files of %lld bytes in %lld directories\n", my->walk.files, my->walk.bytes, my->walk.directories);
    async_end;
}
#define walk_all(...) async_call(walk_all, __VA_ARGS__)

int main(int argc, char **argv)
{
    int rc = picot_main(NULL, walk_all(.path = argc > 1 ? argv[1] : "."));
    if (rc < 0) fprintf(stderr, "directory_walk: %s\n", picot_strerror(rc));
    return rc < 0;
}
