/* SPDX-License-Identifier: MIT
 *
 * errors.c - trees of failures, in the memory of the tasks that failed.
 *
 * A group's list holds its own failures. When the group is left the list goes to the task that owned it, in the loop's
 * list of such trees; when that task fails in turn, the tree becomes the inner part of its node.
 */
#include "errors.h"

_Static_assert(sizeof(picot_error_node) <= sizeof(picot_task), "a node takes the place of a task");

/* Without recursion, for groups may be nested as deep as memory allows: inner lists are put in front of the rest. */
static void free_list(struct picot__coro *coro, picot_error_node *node)
{
    while (node) {
        picot_error_node *next = (picot_error_node *)(uintptr_t)node->next;
        picot_error_node *inner = (picot_error_node *)(uintptr_t)node->inner, *last = inner;
        if (inner) {
            while (last->next)
                last = (picot_error_node *)(uintptr_t)last->next;
            last->next = next;
            next = inner;
        }
        picot__block_free(coro, node, node->_.size);
        node = next;
    }
}

/* Take a task's tree out of the loop's list. */
static picot_error_node *take_tree(picot_task *task)
{
    if (!(task->flags & PICOT__TASK_HAS_TREE)) return NULL;
    picot_error_node **at = &picot__coro_of_task(task)->trees;
    while ((*at)->_.owner != task)
        at = &(*at)->_.next_tree;
    picot_error_node *tree = *at;
    *at = tree->_.next_tree;
    task->flags &= (uint16_t)~PICOT__TASK_HAS_TREE;
    return tree;
}

void picot__errors_add(picot_task *task, picot_group *group, const char *name, int rc)
{
    uint32_t id = task->id;
    size_t size = picot__task_size(task);
    picot_error_node *inner = take_tree(task), *node = (picot_error_node *)(void *)task;
    PICOT_UNPOISON_(node, sizeof *node);
    *node = (picot_error_node){NULL, inner, name, id, rc, {size, NULL, NULL, NULL}};
    for (; inner; inner = (picot_error_node *)(uintptr_t)inner->next)
        inner->_.outer = node;
    if (group->last_error)
        group->last_error->next = node;
    else
        group->errors = node;
    group->plan.fn = NULL;
    group->told = 0;
    group->last_error = node;
}

void picot__errors_free(picot_group *group)
{
    free_list(group->coro, group->errors);
    group->errors = group->last_error = NULL;
}

void picot__errors_keep(picot_group *group, picot_task *task)
{
    if (!group->errors) return;
    struct picot__coro *coro = group->coro;
    free_list(coro, take_tree(task));
    group->errors->_.owner = task;
    group->errors->_.next_tree = coro->trees;
    coro->trees = group->errors;
    task->flags |= PICOT__TASK_HAS_TREE;
    group->errors = group->last_error = NULL;
}

void picot__errors_drop(picot_task *task)
{
    free_list(picot__coro_of_task(task), take_tree(task));
}

const picot_error_node *picot_group_errors(const picot_group *group)
{
    return group && group->open ? group->errors : NULL;
}

const picot_error_node *picot_task_errors(const picot_task *task)
{
    if (!task || !(task->flags & PICOT__TASK_HAS_TREE)) return NULL;
    const picot_error_node *tree = picot__coro_of_task(task)->trees;
    while (tree->_.owner != task)
        tree = tree->_.next_tree;
    return tree;
}

/* Depth first, outer ones before their inner ones; `top` is the outer one of where it began. */
static const picot_error_node *after(const picot_error_node *node, const picot_error_node *top)
{
    if (node->inner) return node->inner;
    while (!node->next && node->_.outer != top)
        node = node->_.outer;
    return node->next;
}

const picot_error_node *picot_errors_find(const picot_error_node *first, int code)
{
    const picot_error_node *node = first;
    while (node && (node->inner || node->rc != code))
        node = after(node, first->_.outer);
    return node;
}

size_t picot_errors_count(const picot_error_node *first)
{
    size_t count = 0;
    for (const picot_error_node *node = first; node; node = after(node, first->_.outer))
        count += !node->inner;
    return count;
}
