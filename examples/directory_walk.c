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

/* The path of a directory that was found; all are kept until the end, whatever becomes of their tasks. */
struct path {
    struct path *next;
    char text[];
};

/* What the tasks share. */
struct walk {
    picot_group group;
    picot_semaphore places; /* directories open at a time */
    struct path *paths;
    long long files, directories, bytes;
};

async_decl(int, walk_directory, (struct walk * walk; const char *path;));
#define walk_directory(...) async_call(walk_directory, __VA_ARGS__)

static const char *keep_path(struct walk *walk, const char *directory, const char *name)
{
    size_t size = strlen(directory) + 1 + strlen(name) + 1;
    struct path *path = malloc(sizeof *path + size);
    if (!path) return NULL;
    snprintf(path->text, size, "%s/%s", directory, name);
    path->next = walk->paths;
    walk->paths = path;
    return path->text;
}

async_def(int, walk_directory, (struct walk * walk; const char *path;),
          (picot_directory_entry entry; size_t position; int64_t size; int64_t r; int directory; struct statx info;
           const char *child; char entries[4096];))
{
    async_begin;
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
            printf("%s/%s\n", my->path, my->entry.name);
            if (S_ISDIR(my->info.stx_mode)) {
                my->child = keep_path(my->walk, my->path, my->entry.name);
                if (!my->child) async_fail(-ENOMEM);
                try_spawn(&my->walk->group, walk_directory(.walk = my->walk, .path = my->child));
            } else {
                my->walk->files++;
                my->walk->bytes += (long long)my->info.stx_size;
            }
        }
    }
    async_end;
}

async_fn(int, walk_all, (const char *path;), (struct walk walk; struct path * first; int r;))
{
    async_begin;
    defer
    {
        while ((my->first = my->walk.paths)) {
            my->walk.paths = my->first->next;
            free(my->first);
        }
    }
    picot_semaphore_init(&my->walk.places, 8);
    task_group(my->walk.group)
    {
        try_spawn(&my->walk.group, walk_directory(.walk = &my->walk, .path = my->path));
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
