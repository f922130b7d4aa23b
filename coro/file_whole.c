/* SPDX-License-Identifier: MIT
 *
 * file_whole.c - transfers and whole files as leaves: what has a completion of its own, in the frame.
 */
#include <picot/file_io.h>

#include "completion_leaf.h"
#include "waitqueue.h"

/* ---- transfers --------------------------------------------------------------------------------- */

static void copy_done(picot_loop *loop, picot_transfer *transfer)
{
    picot_task *task = transfer->user;
    struct picot_copy_head *my = (struct picot_copy_head *)(void *)task->top;
    (void)loop;
    if (my->ret_moved) *my->ret_moved = transfer->moved;
    picot__completion_came(task, &my->_ret, transfer->result);
}

static void copy_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_copy_head *my = (struct picot_copy_head *)(void *)leaf;
    if (leaf->pos == 0) (void)picot_transfer_cancel(picot__coro_of_task(task)->loop, &my->_transfer);
}

picot_step picot_copy_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_copy_head *my = (struct picot_copy_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__completion_over(task, leaf, &my->_ret, &step)) return step;
    picot_transfer_prepare(&my->_transfer, my->from, my->from_offset, my->to, my->to_offset, my->count);
    int rc = picot_transfer_start(picot__coro_of_task(task)->loop, &my->_transfer, copy_done, task);
    return picot__completion_begun(task, leaf, &my->_ret, rc);
}
PICOT__LEAF_FN(picot_copy, copy_cancel);

/* ---- whole files ------------------------------------------------------------------------------- */

static void read_done(picot_loop *loop, picot_whole_file *file)
{
    picot_task *task = file->user;
    struct picot_read_file_head *my = (struct picot_read_file_head *)(void *)task->top;
    (void)loop;
    if (file->result >= 0) *my->ret_data = file->data;
    picot__completion_came(task, &my->_ret, file->result);
}

static void read_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_read_file_head *my = (struct picot_read_file_head *)(void *)leaf;
    if (leaf->pos == 0) (void)picot_whole_file_cancel(picot__coro_of_task(task)->loop, &my->_file);
}

picot_step picot_read_file_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_read_file_head *my = (struct picot_read_file_head *)(void *)leaf;
    picot_loop *loop = picot__coro_of_task(task)->loop;
    picot_step step;
    (void)child;
    if (picot__completion_over(task, leaf, &my->_ret, &step)) return step;
    int rc = -EINVAL;
    if (my->ret_data) rc = picot_whole_file_read(loop, &my->_file, my->dir, my->path, my->limit, read_done, task);
    return picot__completion_begun(task, leaf, &my->_ret, rc);
}
PICOT__LEAF_FN(picot_read_file, read_cancel);

static void replace_done(picot_loop *loop, picot_whole_file *file)
{
    picot_task *task = file->user;
    (void)loop;
    picot__completion_came(task, &((struct picot_replace_file_head *)(void *)task->top)->_ret, file->result);
}

static void replace_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_replace_file_head *my = (struct picot_replace_file_head *)(void *)leaf;
    if (leaf->pos == 0) (void)picot_whole_file_cancel(picot__coro_of_task(task)->loop, &my->_file);
}

picot_step picot_replace_file_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_replace_file_head *my = (struct picot_replace_file_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__completion_over(task, leaf, &my->_ret, &step)) return step;
    int rc = picot_whole_file_replace(picot__coro_of_task(task)->loop, &my->_file, my->dir, my->path, my->contents,
                                      my->size, my->mode, replace_done, task);
    return picot__completion_begun(task, leaf, &my->_ret, rc);
}
PICOT__LEAF_FN(picot_replace_file, replace_cancel);
