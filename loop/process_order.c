/* SPDX-License-Identifier: MIT
 *
 * process_order.c - what a child shall do, prepared so that it needs neither memory nor a search: one block.
 */
#include "process.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* ---- the block --------------------------------------------------------------------------------- */

/* The same function measures, with data NULL, and fills. */
struct block {
    char *data;
    size_t used;
};

static void *take(struct block *block, size_t size, size_t align)
{
    block->used = (block->used + align - 1) & ~(align - 1);
    void *place = block->data ? block->data + block->used : NULL;
    block->used += size;
    return place;
}

static void put(struct block *block, const char *text, size_t len)
{
    char *place = take(block, len, 1);
    if (place) memcpy(place, text, len);
}

/* ---- the environment --------------------------------------------------------------------------- */

static size_t name_length(const char *entry)
{
    return strcspn(entry, "=");
}

static bool same_name(const char *a, const char *b)
{
    size_t len = name_length(a);
    return len == name_length(b) && memcmp(a, b, len) == 0;
}

static size_t count(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* Is the name that this entry has set or taken away by one of the list, from `first` on? */
static bool is_named(const char *const *list, size_t first, const char *entry)
{
    for (size_t i = first; list[i]; i++)
        if (same_name(list[i], entry)) return true;
    return false;
}

static char *const *merge(struct block *block, const char *const *base, const char *const *extra)
{
    size_t n = 0, extras = count(extra);
    const char **list = take(block, (count(base) + extras + 1) * sizeof *list, _Alignof(char *));
    if (!list) return NULL;
    for (size_t i = 0; base && base[i]; i++)
        if (!is_named(extra, 0, base[i])) list[n++] = base[i];
    for (size_t i = 0; i < extras; i++)
        if (extra[i][name_length(extra[i])] == '=' && !is_named(extra, i + 1, extra[i])) list[n++] = extra[i];
    list[n] = NULL;
    return (char *const *)(uintptr_t)list;
}

static char *const *environment_of(struct block *block, const picot_process_options *options)
{
    const char *const *base = options->environment;
    if (!base) base = (const char *const *)(uintptr_t)picot__sys_environment();
    if (!options->extra && base) return (char *const *)(uintptr_t)base;
    static const char *const none[] = {NULL};
    return merge(block, base, options->extra ? options->extra : none);
}

/* ---- the program ------------------------------------------------------------------------------- */

/* The last word on PATH, as it stands in the child's environment. */
static const char *search_path(const picot_process_options *options)
{
    const char *const *base = options->environment, *found = NULL;
    if (!base) base = (const char *const *)(uintptr_t)picot__sys_environment();
    for (size_t i = 0; base && base[i] && !found; i++)
        if (same_name(base[i], "PATH")) found = base[i];
    for (size_t i = 0; options->extra && options->extra[i]; i++)
        if (same_name(options->extra[i], "PATH")) found = options->extra[i];
    return found && found[4] == '=' && found[5] ? found + 5 : DEFAULT_PATH;
}

static const char *candidates_of(struct block *block, const picot_process_options *options)
{
    const char *name = options->shell ? "/bin/sh" : options->file ? options->file : options->argv[0];
    size_t len = strlen(name);
    size_t begin = block->used;
    if (strchr(name, '/')) {
        put(block, name, len + 1);
    } else {
        for (const char *path = search_path(options), *end; path; path = *end ? end + 1 : NULL) {
            end = path + strcspn(path, ":");
            put(block, path, (size_t)(end - path));
            if (end > path) put(block, "/", 1); /* an empty one is the working directory */
            put(block, name, len + 1);
        }
    }
    put(block, "", 1);
    return block->data ? block->data + begin : NULL;
}

static char *const *arguments_of(struct block *block, const picot_process_options *options)
{
    if (!options->shell) return (char *const *)(uintptr_t)options->argv;
    const char **list = take(block, 4 * sizeof *list, _Alignof(char *));
    if (!list) return NULL;
    list[0] = options->argv && options->argv[0] ? options->argv[0] : "sh";
    list[1] = "-c";
    list[2] = options->shell;
    list[3] = NULL;
    return (char *const *)(uintptr_t)list;
}

/* ---- descriptors ------------------------------------------------------------------------------- */

static void insert(struct picot__order *order, int from, int to)
{
    size_t i = order->move_count++;
    for (; i > 0 && order->moves[i - 1].to > to; i--)
        order->moves[i] = order->moves[i - 1];
    order->moves[i] = (struct picot__fd_move){from, to};
    if (to >= order->base) order->base = to + 1;
}

static void fill_moves(struct picot__order *order, const picot_process_options *options, const int from[3])
{
    order->base = 3;
    for (size_t i = 0; i < options->fd_count; i++)
        insert(order, options->fds[i].fd, options->fds[i].number);
    for (int number = 0; number < 3; number++)
        if (from[number] >= 0) insert(order, from[number], number);
}

/* ---- all --------------------------------------------------------------------------------------- */

static struct picot__order *lay_out(struct block *block, const picot_process_options *options, const int from[3])
{
    struct picot__order *order = take(block, sizeof *order, _Alignof(struct picot__order));
    struct picot__fd_move *moves =
        take(block, (options->fd_count + 3) * sizeof *moves, _Alignof(struct picot__fd_move));
    char *const *argv = arguments_of(block, options);
    char *const *envp = environment_of(block, options);
    const char *candidates = candidates_of(block, options);
    char *stack = take(block, PICOT__CHILD_STACK, 16);
    if (!order) return NULL;
    memset(order, 0, sizeof *order);
    order->argv = argv;
    order->envp = envp;
    order->candidates = candidates;
    order->stack_top = stack + PICOT__CHILD_STACK;
    order->moves = moves;
    fill_moves(order, options, from);
    return order;
}

struct picot__order *picot__order_make(picot_loop *loop, const picot_process_options *options, const int from[3],
                                       size_t *ret_size)
{
    struct block block = {NULL, 0};
    (void)lay_out(&block, options, from);
    size_t size = block.used;
    block = (struct block){picot_alloc(loop, size), 0};
    if (!block.data) return NULL;
    struct picot__order *order = lay_out(&block, options, from);
    order->directory = options->directory;
    order->group = (int)options->group;
    order->umask = options->umask;
    order->priority = options->nice;
    order->set_priority = options->nice != 0;
    order->uid = options->uid;
    order->gid = options->gid;
    order->apart = options->uid >= 0 || options->gid >= 0;
    order->groups = options->groups;
    order->group_count = options->group_count;
    order->set_groups = options->group_count > 0 || ((options->uid >= 0 || options->gid >= 0) && !options->keep_groups);
    order->limits = options->limits;
    order->limit_count = options->limit_count;
    order->death_signal = options->death_signal;
    order->keep_signals = options->keep_signals;
    *ret_size = size;
    return order;
}
