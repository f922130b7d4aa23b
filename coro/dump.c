/* SPDX-License-Identifier: MIT
 *
 * dump.c - all tasks of a loop as a tree, as text or JSON, on demand or on a signal.
 *
 * A task's children are those of the groups that its functions have opened; the loop's list of groups is searched for
 * them, only for tasks that ever opened one. So each task is written once, and nothing is allocated.
 */
#include <picot/inspect.h>
#include <picot/signal.h>
#include <stdio.h>

#include "rare.h"

struct dump {
    picot_text_sink *sink;
    void *user;
    const struct picot__coro *coro;
    bool json;
    int64_t count;
};

/* What a signal asks for. */
struct picot__dump_request {
    picot_signal watcher;
    enum picot_dump_format format;
    picot_text_sink *sink;
    void *user;
};

static void put(struct dump *dump, const char *text)
{
    dump->sink(dump->user, text, strlen(text));
}

static void put_number(struct dump *dump, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    put(dump, text);
}

static void put_indent(struct dump *dump, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        put(dump, "  ");
}

/* A JSON string; control characters as \u00XX. */
static void put_string(struct dump *dump, const char *text)
{
    put(dump, "\"");
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        char escaped[8] = {(char)c, 0};
        if (c < 0x20)
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            (void)snprintf(escaped, sizeof escaped, "\\%c", c);
        put(dump, escaped);
    }
    put(dump, "\"");
}

static const struct picot__rare *rare_of(const picot_task *task)
{
    return task->extra ? task->extra->rare : NULL;
}

/* ---- text ---------------------------------------------------------------------------------------- */

static void put_place(struct dump *dump, const char *file, unsigned line)
{
    put(dump, " at ");
    put(dump, file);
    put(dump, ":");
    put_number(dump, line);
}

static void text_head(struct dump *dump, const picot_task *task, unsigned depth)
{
    const struct picot__rare *rare = rare_of(task);
    put_indent(dump, depth);
    put(dump, "task ");
    put_number(dump, task->id);
    put(dump, " ");
    put(dump, picot_task_name(task));
    if (task->cancel) put(dump, " (cancelling)");
    if (rare && rare->created_file) {
        put(dump, ", created");
        put_place(dump, rare->created_file, rare->created_line);
    }
    put(dump, "\n");
    for (const picot_frame *frame = task->top; frame; frame = frame->parent) {
        unsigned line = picot__frame_line(frame);
        put_indent(dump, depth + 1);
        put(dump, frame->fn->name);
        if (line) put_place(dump, frame->fn->file, line);
        put(dump, "\n");
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void json_place(struct dump *dump, const char *file, unsigned line)
{
    put(dump, "\"file\": ");
    put_string(dump, file);
    put(dump, ", \"line\": ");
    put_number(dump, line);
}

static void json_head(struct dump *dump, const picot_task *task)
{
    const struct picot__rare *rare = rare_of(task);
    put(dump, "{\"id\": ");
    put_number(dump, task->id);
    put(dump, ", \"name\": ");
    put_string(dump, picot_task_name(task));
    put(dump, task->cancel ? ", \"cancelling\": true" : ", \"cancelling\": false");
    if (rare && rare->created_file) {
        put(dump, ", \"created\": {");
        json_place(dump, rare->created_file, rare->created_line);
        put(dump, "}");
    }
    put(dump, ", \"awaits\": [");
    for (const picot_frame *frame = task->top; frame; frame = frame->parent) {
        unsigned line = picot__frame_line(frame);
        put(dump, frame == task->top ? "{\"function\": " : ", {\"function\": ");
        put_string(dump, frame->fn->name);
        if (line) {
            put(dump, ", ");
            json_place(dump, frame->fn->file, line);
        }
        put(dump, "}");
    }
    put(dump, "], \"tasks\": [");
}

/* ---- the tree ------------------------------------------------------------------------------------ */

static void dump_list(struct dump *dump, const picot_task *first, unsigned depth, bool *is_first);

static void dump_task(struct dump *dump, const picot_task *task, unsigned depth)
{
    bool is_first = true;
    dump->count++;
    if (dump->json)
        json_head(dump, task);
    else
        text_head(dump, task, depth);
    if (task->flags & PICOT__TASK_OWNS) {
        const picot_group *head = &dump->coro->groups;
        for (const picot_group *group = head->next; group != head; group = group->next)
            if (group->owner == task) dump_list(dump, group->children, depth + 1, &is_first);
    }
    if (dump->json) put(dump, "]}");
}

static void dump_list(struct dump *dump, const picot_task *first, unsigned depth, bool *is_first)
{
    const picot_task *task = first;
    if (!task) return;
    do {
        if (dump->json && !*is_first) put(dump, ", ");
        *is_first = false;
        dump_task(dump, task, depth);
        task = task->next;
    } while (task != first);
}

int64_t picot_loop_dump(const picot_loop *loop, enum picot_dump_format format, picot_text_sink *sink, void *user)
{
    if (!loop || !sink || (format != PICOT_DUMP_TEXT && format != PICOT_DUMP_JSON)) return -EINVAL;
    struct dump dump = {sink, user, picot__coro_find(loop), format == PICOT_DUMP_JSON, 0};
    bool is_first = true;
    if (dump.json) put(&dump, "[");
    if (dump.coro) dump_list(&dump, dump.coro->roots.children, 0, &is_first);
    if (dump.json) put(&dump, "]\n");
    return dump.count;
}

/* ---- on a signal --------------------------------------------------------------------------------- */

static void signal_came(picot_loop *loop, picot_signal *watcher, const picot_signal_info *info)
{
    const struct picot__dump_request *request = watcher->user;
    (void)info;
    (void)picot_loop_dump(loop, request->format, request->sink, request->user);
}

/* The loop ends, and its watchers have ended already. */
void picot__dump_request_free(struct picot__coro *coro)
{
    picot_free(coro->loop, coro->dump_request, sizeof *coro->dump_request);
    coro->dump_request = NULL;
}

int picot_loop_dump_on_signal(picot_loop *loop, int signal_number, enum picot_dump_format format, picot_text_sink *sink,
                              void *user)
{
    if (!loop || signal_number < 0) return -EINVAL;
    if (signal_number > 0 && (!sink || (unsigned)format > PICOT_DUMP_JSON)) return -EINVAL;
    int rc = picot__may_use(loop);
    if (rc < 0) return rc;
    struct picot__coro *coro = picot__coro_of(loop);
    if (!coro) return -ENOMEM;
    if (coro->dump_request) (void)picot_signal_remove(loop, &coro->dump_request->watcher);
    picot__dump_request_free(coro);
    if (signal_number == 0) return 0;
    struct picot__dump_request *request = picot_alloc(loop, sizeof *request);
    if (!request) return -ENOMEM;
    *request = (struct picot__dump_request){PICOT_SIGNAL_INIT, format, sink, user};
    rc = picot_signal_add(loop, &request->watcher, signal_number, PICOT_SIGNAL_BACKGROUND, signal_came, request);
    if (rc < 0)
        picot_free(loop, request, sizeof *request);
    else
        coro->dump_request = request;
    return rc;
}
