/* SPDX-License-Identifier: MIT
 *
 * process_spawn.c - from options to a running child: they are checked, its streams opened, and all undone on failure.
 */
#include "backend/backend.h"
#include "process.h"

#define FDS_MAX 256
#define NUMBER_MAX 65535
#define GROUPS_MAX 65536
#define LIMITS_MAX 64

const char *picot_process_step_name(enum picot_process_step step)
{
    static const char *const names[] = {"none",     "prepare", "clone", "group",   "fds",  "directory",
                                        "priority", "limits",  "user",  "signals", "exec", "watch"};
    return (size_t)step < sizeof names / sizeof *names ? names[step] : "?";
}

/* ---- are they possible? ------------------------------------------------------------------------ */

static bool is_program(const picot_process_options *options)
{
    if (options->shell) return !options->argv && !options->file;
    if (!options->argv || !options->argv[0]) return false;
    return (options->file ? options->file : options->argv[0])[0] != 0;
}

static bool is_stdio(const picot_stdio *stdio, int number)
{
    if (stdio->kind == PICOT_STDIO_STDOUT) return number == 2;
    return (unsigned)stdio->kind <= PICOT_STDIO_FD;
}

static bool are_fds(const picot_process_options *options)
{
    const picot_stdio *stdio[] = {&options->in, &options->out, &options->err};
    for (int number = 0; number < 3; number++)
        if (!is_stdio(stdio[number], number)) return false;
    if (options->fd_count > FDS_MAX || (options->fd_count > 0 && !options->fds)) return false;
    for (size_t i = 0; i < options->fd_count; i++) {
        int number = options->fds[i].number;
        if (number < 0 || number > NUMBER_MAX) return false;
        if (number < 3 && stdio[number]->kind != PICOT_STDIO_INHERIT) return false;
        for (size_t j = 0; j < i; j++)
            if (options->fds[j].number == number) return false;
    }
    return true;
}

static bool are_names(const char *const *list)
{
    for (size_t i = 0; list && list[i]; i++)
        if (list[i][0] == 0 || list[i][0] == '=') return false;
    return true;
}

static bool is_signal(int number)
{
    return number >= 0 && number <= PICOT__KERNEL_SIGNALS;
}

static bool are_possible(const picot_process_options *options)
{
    if (options->size != sizeof *options || !is_program(options) || !are_fds(options)) return false;
    if (!are_names(options->extra) || (options->directory && !options->directory[0])) return false;
    if ((unsigned)options->group > PICOT_PROCESS_GROUP_SESSION) return false;
    if (options->umask < -1 || options->umask > 0777) return false;
    if (options->uid < -1 || options->uid >= UINT32_MAX || options->gid < -1 || options->gid >= UINT32_MAX)
        return false;
    if (options->group_count > GROUPS_MAX || (options->group_count > 0 && !options->groups)) return false;
    if (options->keep_groups && options->group_count > 0) return false;
    if (options->limit_count > LIMITS_MAX || (options->limit_count > 0 && !options->limits)) return false;
    return is_signal(options->death_signal) && is_signal(options->stop_signal) && options->grace_ns >= 0;
}

/* ---- the streams ------------------------------------------------------------------------------- */

struct streams {
    int from[3];   /* what the child gets */
    int parent[3]; /* the parent's ends, -1: none */
    int pipes[3];  /* the child's ends, ours to close */
    int null;
    bool had[3]; /* was the number open before? Then it is not one of ours */
};

static void close_one(int *fd)
{
    if (*fd >= 0) (void)picot__sys_close(*fd);
    *fd = -1;
}

static void close_childs(struct streams *streams)
{
    for (int i = 0; i < 3; i++)
        close_one(&streams->pipes[i]);
    close_one(&streams->null);
}

static int null_of(struct streams *streams)
{
    if (streams->null < 0) streams->null = picot__sys_open_null();
    return streams->null;
}

/* What is passed under this number, or NULL. */
static const picot_process_fd *given(const picot_process_options *options, int number)
{
    for (size_t i = 0; i < options->fd_count; i++)
        if (options->fds[i].number == number) return &options->fds[i];
    return NULL;
}

/* What the child gets as this number, or a code. */
static int open_stream(struct streams *streams, const picot_process_options *options, const picot_stdio *stdio,
                       int number)
{
    int rc;
    switch (stdio->kind) {
    case PICOT_STDIO_NULL:
        return null_of(streams);
    case PICOT_STDIO_PIPE:
        rc = picot__sys_pipe(number == 0, &streams->pipes[number], &streams->parent[number]);
        return rc < 0 ? rc : streams->pipes[number];
    case PICOT_STDIO_FD:
        return stdio->fd;
    case PICOT_STDIO_STDOUT:
        return given(options, 1) ? given(options, 1)->fd : streams->from[1];
    case PICOT_STDIO_INHERIT:
    default:
        return streams->had[number] ? number : null_of(streams);
    }
}

/* Asked before anything is opened here, which could have the number of one that is not. */
static bool are_open(const picot_process_options *options)
{
    const picot_stdio *stdio[] = {&options->in, &options->out, &options->err};
    for (int number = 0; number < 3; number++)
        if (stdio[number]->kind == PICOT_STDIO_FD && !picot__sys_is_open(stdio[number]->fd)) return false;
    for (size_t i = 0; i < options->fd_count; i++)
        if (!picot__sys_is_open(options->fds[i].fd)) return false;
    return true;
}

static int open_streams(struct streams *streams, const picot_process_options *options)
{
    const picot_stdio *stdio[] = {&options->in, &options->out, &options->err};
    for (int number = 0; number < 3; number++) {
        streams->from[number] = streams->parent[number] = streams->pipes[number] = -1;
        streams->had[number] = picot__sys_is_open(number);
    }
    streams->null = -1;
    if (!are_open(options)) return -EBADF;
    for (int number = 0; number < 3; number++) {
        if (given(options, number)) continue;
        int fd = open_stream(streams, options, stdio[number], number);
        if (fd < 0) return fd;
        streams->from[number] = fd;
    }
    return 0;
}

/* ---- spawning ---------------------------------------------------------------------------------- */

static picot_process *make_process(picot_loop *loop, const picot_process_options *options)
{
    picot_process *process = picot_alloc(loop, sizeof *process);
    if (!process) return NULL;
    memset(process, 0, sizeof *process);
    process->loop = loop;
    process->pidfd = -1;
    process->own_group = options->group != PICOT_PROCESS_GROUP_INHERIT;
    process->leave = options->leave != 0;
    process->stop_signal = options->stop_signal ? options->stop_signal : 15; /* SIGTERM */
    process->grace_ns = options->grace_ns;
    process->stop = options->stop;
    process->user = options->user;
    for (int i = 0; i < 3; i++)
        process->pipes[i] = -EBADF;
    return process;
}

static int execute(picot_process *process, const picot_process_options *options, const int from[3], int *step)
{
    size_t size;
    *step = PICOT_PROCESS_AT_PREPARE;
    struct picot__order *order = picot__order_make(process->loop, options, from, &size);
    if (!order) return -ENOMEM;
    int rc = picot__sys_spawn(order, &process->pid, &process->pidfd, step);
    picot_free(process->loop, order, size);
    return rc;
}

/* The parent's ends become handles before there is a child: that can fail. */
static int adopt_pipes(picot_process *process, struct streams *streams)
{
    for (int number = 0; number < 3; number++) {
        int fd = streams->parent[number];
        if (fd < 0) continue;
        streams->parent[number] = -1; /* closed on failure, too */
        picot_fd handle = picot__descriptor_open(process->loop, fd, PICOT__NONBLOCKING);
        if (handle < 0) return (int)handle;
        process->pipes[number] = handle;
    }
    return 0;
}

/* Nothing has been submitted on them: they can be closed at once. */
static void drop_pipes(picot_process *process, struct streams *streams)
{
    for (int number = 0; number < 3; number++) {
        close_one(&streams->parent[number]);
        int fd = process->pipes[number] > 0 ? picot_release(process->loop, process->pipes[number]) : -1;
        close_one(&fd);
    }
}

static int spawn(picot_process *process, const picot_process_options *options, int *step)
{
    struct streams streams;
    *step = PICOT_PROCESS_AT_PREPARE;
    int rc = open_streams(&streams, options);
    if (rc == -EBADF) *step = PICOT_PROCESS_AT_FDS;
    if (rc == 0) rc = adopt_pipes(process, &streams);
    if (rc == 0) rc = execute(process, options, streams.from, step);
    close_childs(&streams);
    if (rc == 0) {
        *step = PICOT_PROCESS_AT_WATCH;
        rc = picot__process_enter(process);
    }
    if (rc < 0) drop_pipes(process, &streams);
    return rc;
}

int picot_process_spawn(picot_loop *loop, const picot_process_options *options, picot_process **ret_process,
                        enum picot_process_step *ret_step)
{
    int step = PICOT_PROCESS_AT_PREPARE;
    int rc = picot__check(loop);
    if (rc == 0 && (!options || !ret_process || !are_possible(options))) rc = -EINVAL;
    if (rc == 0 && loop->failed) rc = PICOT_EBACKEND;
    picot_process *process = rc == 0 ? make_process(loop, options) : NULL;
    if (rc == 0) rc = process ? spawn(process, options, &step) : -ENOMEM;
    if (ret_step) *ret_step = rc < 0 ? (enum picot_process_step)step : PICOT_PROCESS_AT_NONE;
    if (rc < 0)
        picot_free(loop, process, process ? sizeof *process : 0);
    else
        *ret_process = process;
    return rc;
}
