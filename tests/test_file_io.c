/* SPDX-License-Identifier: MIT
 *
 * test_file_io.c - files in coroutines: every operation awaited once, transfers and whole files, cancelled ones.
 */
#include "coro_support.h"
#include "file_support.h"

#include <dirent.h>
#include <picot/file_io.h>
#include <sys/uio.h>

static struct folder folder;
static char hello[] = "hello";

/* picot_await of an operation that has to give this. */
#define EXPECT(wanted, call)                                                                                           \
    do {                                                                                                               \
        picot_await(my->r, call);                                                                                      \
        CHECK_EQ(my->r, wanted);                                                                                       \
    } while (0)

picot_async_fn(int, operations, (int unused;),
               (int64_t r; picot_fd fd; char text[64]; struct statx info; struct iovec buffers[2]; char buf[4096];
                size_t position; picot_directory_entry entry; int directory;))
{
    picot_begin;
    EXPECT(0, picot_mkdir(.dir = folder.fd, .path = "sub", .mode = 0700));
    EXPECT(0, picot_symlink(.target = "sub", .dir = folder.fd, .path = "link"));
    EXPECT(3, picot_readlink(.dir = folder.fd, .path = "link", .ret_target = my->text, .len = sizeof my->text));
    picot_await(my->fd, picot_open(.dir = folder.fd, .path = "sub/file", .flags = O_RDWR | O_CREAT, .mode = 0600));
    CHECK(my->fd > 0);
    my->buffers[0] = (struct iovec){hello, 3};
    my->buffers[1] = (struct iovec){hello + 3, 2};
    EXPECT(5, picot_writev(.fd = my->fd, .buffers = my->buffers, .count = 2, .offset = 0));
    my->buffers[0] = (struct iovec){my->text, 2};
    my->buffers[1] = (struct iovec){my->text + 2, 10};
    EXPECT(5, picot_readv(.fd = my->fd, .buffers = my->buffers, .count = 2, .offset = 0));
    CHECK_MEM(my->text, "hello", 5);
    EXPECT(0, picot_ftruncate(.fd = my->fd, .length = 4));
    picot_await(my->r, picot_fallocate(.fd = my->fd, .offset = 0, .length = 100));
    CHECK(my->r == 0 || my->r == -EOPNOTSUPP);
    EXPECT(0, picot_close(.fd = my->fd));
    EXPECT(0, picot_link(.dir = folder.fd, .path = "sub/file", .new_dir = folder.fd, .new_path = "sub/other"));
    EXPECT(0, picot_rename(.dir = folder.fd, .path = "sub/other", .new_dir = folder.fd, .new_path = "sub/third"));
    EXPECT(0, picot_chmod(.dir = folder.fd, .path = "sub/third", .mode = 0640));
    EXPECT(0, picot_chown(.dir = folder.fd, .path = "sub/third", .owner = (uid_t)-1, .group = (gid_t)-1));
    EXPECT(0, picot_utimes(.dir = folder.fd, .path = "sub/third"));
    EXPECT(0, picot_statx(.dir = folder.fd, .path = "sub/third", .mask = STATX_BASIC_STATS, .ret_stat = &my->info));
    CHECK_EQ(my->info.stx_mode & 0777, 0640);
    CHECK_EQ(my->info.stx_nlink, 2);
    EXPECT(0, picot_unlink(.dir = folder.fd, .path = "sub/file"));
    (void)snprintf(my->text, sizeof my->text, "%s/sub/third", folder.path);
    EXPECT(0, picot_truncate(.path = my->text, .length = 2));
    picot_await(my->r, picot_directory_open(.dir = folder.fd, .path = "sub"));
    CHECK(my->r >= 0);
    my->directory = (int)my->r;
    picot_await(my->r, picot_directory_read(.directory = my->directory, .buf = my->buf, .len = sizeof my->buf));
    my->position = 0;
    CHECK_EQ(picot_directory_next(my->buf, (size_t)my->r, &my->position, &my->entry), 1);
    CHECK_STR(my->entry.name, "third");
    CHECK_EQ(picot_directory_next(my->buf, (size_t)my->r, &my->position, &my->entry), 0);
    EXPECT(0, picot_directory_read(.directory = my->directory, .buf = my->buf, .len = sizeof my->buf));
    CHECK_EQ(picot_directory_close(my->directory), 0);
    picot_await(my->fd, picot_temporary(.dir = folder.fd, .path = ".", .mode = 0600));
    CHECK(my->fd > 0);
    EXPECT(0, picot_close(.fd = my->fd));
    (void)strcpy(my->text, "tXXXXXX");
    picot_await(my->fd, picot_temporary_named(.dir = folder.fd, .template_path = my->text, .mode = 0600));
    CHECK(my->fd > 0);
    CHECK(folder_has(&folder, my->text));
    EXPECT(0, picot_close(.fd = my->fd));
    (void)strcpy(my->text, "dXXXXXX");
    EXPECT(0, picot_temporary_directory(.dir = folder.fd, .template_path = my->text, .mode = 0700));
    EXPECT(0, picot_unlink(.dir = folder.fd, .path = my->text, .flags = AT_REMOVEDIR));
    EXPECT(-ENOENT, picot_unlink(.dir = folder.fd, .path = my->text));
    EXPECT(-EINVAL, picot_unlink(.dir = folder.fd));
    picot_return(0);
    picot_end;
}

static void all_operations(void)
{
    picot_loop *loop = tap_loop();
    folder_make(&folder);
    CHECK_EQ(picot_run(loop, picot_call(operations)), 0);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* ---- transfers and whole files ------------------------------------------------------------------- */

picot_async_fn(int, wholes, (int unused;), (int64_t r, moved; picot_fd from, to; char *text;))
{
    picot_begin;
    EXPECT(8, picot_replace_file(.dir = folder.fd, .path = "a", .contents = "contents", .size = 8, .mode = 0600));
    EXPECT(8, picot_read_file(.dir = folder.fd, .path = "a", .limit = 8, .ret_data = &my->text));
    CHECK_STR(my->text, "contents");
    picot_free(picot_task_loop(picot_self), my->text, 9);
    my->text = NULL;
    EXPECT(PICOT_ETOOLARGE, picot_read_file(.dir = folder.fd, .path = "a", .limit = 7, .ret_data = &my->text));
    CHECK(my->text == NULL);
    EXPECT(-EINVAL, picot_read_file(.dir = folder.fd, .path = "a", .limit = 7));
    EXPECT(-ENOENT, picot_read_file(.dir = folder.fd, .path = "b", .limit = 7, .ret_data = &my->text));
    EXPECT(-ENOENT, picot_replace_file(.dir = folder.fd, .path = "b/c"));
    picot_await(my->from, picot_open(.dir = folder.fd, .path = "a"));
    picot_await(my->to, picot_open(.dir = folder.fd, .path = "b", .flags = O_WRONLY | O_CREAT, .mode = 0600));
    EXPECT(6, picot_copy(.from = my->from, .from_offset = 2, .to = my->to, .count = PICOT_TO_THE_END,
                         .ret_moved = &my->moved));
    CHECK_EQ(my->moved, 6);
    EXPECT(-EBADF, picot_copy(.from = my->from, .to = 77, .count = 1));
    EXPECT(0, picot_close(.fd = my->from));
    EXPECT(0, picot_close(.fd = my->to));
    EXPECT(6, picot_read_file(.dir = folder.fd, .path = "b", .limit = 100, .ret_data = &my->text));
    CHECK_STR(my->text, "ntents");
    picot_free(picot_task_loop(picot_self), my->text, 7);
    picot_return(0);
    picot_end;
}

static void whole_files(void)
{
    picot_loop *loop = tap_loop();
    folder_make(&folder);
    CHECK_EQ(picot_run(loop, picot_call(wholes)), 0);
    folder_remove(&folder);
    tap_loop_end(loop);
}

/* ---- cancelled ----------------------------------------------------------------------------------- */

static int64_t stuck_result, stuck_moved;

/* Into a pipe that nobody reads. */
picot_async_fn(int, stuck, (picot_fd from; picot_fd to;), (int64_t r;))
{
    picot_begin;
    picot_await(stuck_result, picot_copy(.from = my->from, .to = my->to, .to_offset = PICOT_HERE,
                                         .count = PICOT_TO_THE_END, .ret_moved = &stuck_moved));
    picot_return((int)stuck_result);
    picot_end;
}

picot_async_fn(int, cancels, (picot_fd from; picot_fd to;), (int r;))
{
    picot_begin;
    picot_wait_for(my->r, 20 * PICOT_MS, picot_call(stuck, .from = my->from, .to = my->to));
    CHECK_EQ(my->r, -ETIMEDOUT);
    picot_return(0);
    picot_end;
}

static void cancelled_copy(void)
{
    static char bytes[300000];
    picot_loop *loop = tap_loop();
    int fds[2];
    folder_make(&folder);
    folder_put(&folder, "file", bytes, sizeof bytes);
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    picot_fd from = picot_adopt(loop, openat(folder.fd, "file", O_RDONLY | O_CLOEXEC)), to = picot_adopt(loop, fds[1]);
    CHECK_EQ(picot_run(loop, picot_call(cancels, .from = from, .to = to)), 0);
    CHECK_EQ(stuck_result, -ECANCELED);
    CHECK(stuck_moved >= 0 && stuck_moved < (int64_t)sizeof bytes);
    CHECK_EQ(picot_loop_pending(loop), 2); /* the handles */
    CHECK_EQ(close(picot_release(loop, from)), 0);
    CHECK_EQ(close(picot_release(loop, to)), 0);
    CHECK_EQ(close(fds[0]), 0);
    folder_remove(&folder);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"file_io: all operations", all_operations, TAP_BACKENDS},
    {"file_io: transfers and whole files", whole_files, TAP_BACKENDS},
    {"file_io: a cancelled copy", cancelled_copy, TAP_BACKENDS},
};

TAP_MAIN(cases)
