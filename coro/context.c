/* SPDX-License-Identifier: MIT
 *
 * context.c - variables of tasks: a counted table that tasks share until one of them sets something.
 */
#include "context.h"

#include <picot/context.h>

#include "rare.h"

struct picot__context {
    size_t refs, count;
    struct entry {
        const picot_context_key *key;
        void *value;
    } entries[];
};

static size_t size_of(size_t count)
{
    return sizeof(struct picot__context) + count * sizeof(struct entry);
}

struct picot__context *picot__context_share(struct picot__context *context)
{
    if (context) context->refs++;
    return context;
}

void picot__context_release(struct picot__coro *coro, struct picot__context *context)
{
    if (context && --context->refs == 0) picot__block_free(coro, context, size_of(context->count));
}

/* Where a variable stands; the table's count when it is not there. */
static size_t find(const struct picot__context *context, const picot_context_key *key)
{
    size_t i = 0, count = context ? context->count : 0;
    while (i < count && context->entries[i].key != key)
        i++;
    return i;
}

/* A table of the task's own, with room for one entry at `index`. */
static struct picot__context *copy(struct picot__coro *coro, struct picot__context *old, size_t index)
{
    size_t old_count = old ? old->count : 0, count = index < old_count ? old_count : index + 1;
    struct picot__context *context = picot__block_alloc(coro, size_of(count));
    if (!context) return NULL;
    context->refs = 1;
    context->count = count;
    if (old) memcpy(context->entries, old->entries, old_count * sizeof(struct entry));
    picot__context_release(coro, old);
    return context;
}

int picot_context_set(picot_task *task, const picot_context_key *key, void *value)
{
    if (!task || !key) return -EINVAL;
    struct picot__rare *rare = picot__rare_of(task);
    if (!rare) return -ENOMEM;
    struct picot__context *context = rare->context;
    size_t index = find(context, key);
    if (!context || context->refs > 1 || index == context->count) {
        context = copy(picot__coro_of_task(task), context, index);
        if (!context) return -ENOMEM;
        rare->context = context;
    }
    context->entries[index] = (struct entry){key, value};
    return 0;
}

void *picot_context_get(const picot_task *task, const picot_context_key *key)
{
    if (!task || !key) return NULL;
    const struct picot__context *context = task->extra && task->extra->rare ? task->extra->rare->context : NULL;
    size_t index = find(context, key);
    return context && index < context->count ? context->entries[index].value : key->initial;
}
