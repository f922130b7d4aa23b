/* SPDX-License-Identifier: MIT
 *
 * process_talk.c - one exchange with a child: its input is written while both outputs are read, then its end is waited
 * for. It keeps the handles, not the process: that may be closed under it, which ends every operation here.
 */
#include "process.h"

#define DEFAULT_LIMIT ((size_t)16 << 20)
#define SPILL_SIZE 16384
#define FIRST_ROOM 4096

int picot_process_output_free(picot_loop *loop, picot_process_output *output)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (!output) return -EINVAL;
    picot_free(loop, output->data, output->room);
    *output = (picot_process_output){NULL, 0, 0};
    return 0;
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void deliver(picot_loop *loop, void *user)
{
    picot_process_talk *talk = user;
    picot_free(loop, talk->_.spill, SPILL_SIZE);
    talk->_.spill = NULL;
    talk->_.loop = NULL;
    loop->child_news--;
    talk->fn(loop, talk, talk->_.rc);
}

static void end_if_done(picot_process_talk *talk)
{
    if (talk->_.out == 0) (void)picot_call_soon(talk->_.loop, &talk->_.job, deliver, talk);
}

/* The first failure counts. Whatever is under way ends; each end comes by itself. */
static void stop(picot_process_talk *talk, int rc)
{
    if (talk->_.rc < 0) return;
    talk->_.rc = rc;
    for (int i = 0; i < 3; i++)
        if (picot_op_pending(&talk->_.ops[i])) (void)picot_cancel(talk->_.loop, &talk->_.ops[i]);
    if (!talk->_.waiting) return;
    (void)picot_process_watch_remove(talk->_.loop, &talk->_.watch);
    talk->_.waiting = 0;
    talk->_.out--;
}

/* A handle that became stale was closed by somebody: the same as if its operation had been cancelled by that. */
static int code_of(int64_t result)
{
    return result == -EBADF ? -ECANCELED : (int)result;
}

static void child_ended(picot_loop *loop, picot_process_watch *watch, int rc)
{
    picot_process_talk *talk = watch->user;
    (void)loop;
    talk->_.waiting = 0;
    talk->_.out--;
    if (rc < 0) stop(talk, rc);
    end_if_done(talk);
}

/* ---- its outputs ------------------------------------------------------------------------------- */

static picot_process_output *output_of(const picot_process_talk *talk, int number)
{
    return number == 1 ? talk->out : talk->err;
}

static size_t limit_of(const picot_process_talk *talk)
{
    return talk->limit ? talk->limit : DEFAULT_LIMIT;
}

/* Room for at least one more byte and a NUL; doubled, so that many small pieces cost little. */
static int make_room(picot_loop *loop, picot_process_output *output, size_t limit)
{
    if (output->room > output->len + 1) return 0;
    size_t room = output->room ? output->room * 2 : FIRST_ROOM;
    if (room < output->room) return -ENOMEM;
    if (limit < SIZE_MAX && room > limit + 1) room = limit + 1;
    if (room <= output->len + 1) room = output->len + 2;
    char *data = picot_realloc(loop, output->data, output->room, room);
    if (!data) return -ENOMEM;
    output->data = data;
    output->room = room;
    return 0;
}

/* Where the next bytes go; the place for one is enough to learn that there are too many. */
static int prepare_read(picot_process_talk *talk, int number)
{
    picot_process_output *output = output_of(talk, number);
    void *place = talk->_.spill;
    size_t len = SPILL_SIZE, limit = limit_of(talk);
    if (output && output->len >= limit) {
        place = talk->_.probe;
        len = 1;
    } else if (output) {
        int rc = make_room(talk->_.loop, output, limit);
        if (rc < 0) return rc;
        place = output->data + output->len;
        len = output->room - output->len - 1;
        if (len > limit - output->len) len = limit - output->len;
    }
    picot_op_read(&talk->_.ops[number], talk->_.fds[number], place, len, -1);
    return 0;
}

/* 1: go on reading; 0: that was its end; or a code. */
static int take(picot_process_talk *talk, int number, int64_t result)
{
    picot_process_output *output = output_of(talk, number);
    if (result <= 0 || !output) return result <= 0 ? code_of(result) : 1;
    if (output->len >= limit_of(talk)) return PICOT_ETOOLARGE;
    output->len += (size_t)result;
    output->data[output->len] = 0;
    return 1;
}

static void read_done(picot_loop *loop, picot_op *op);
static void wrote(picot_loop *loop, picot_op *op);

/* Read as long as something is there and this callback may; then wait. */
static void read_on(picot_process_talk *talk, int number)
{
    picot_op *op = &talk->_.ops[number];
    int rc = 1;
    while (rc > 0 && talk->_.rc == 0) {
        rc = prepare_read(talk, number);
        if (rc < 0) break;
        rc = picot_submit_now(talk->_.loop, op, read_done, talk);
        if (rc == 0) {
            talk->_.out++;
            return;
        }
        rc = rc < 0 ? code_of(rc) : take(talk, number, op->result);
    }
    if (rc < 0) stop(talk, rc);
}

static void read_done(picot_loop *loop, picot_op *op)
{
    picot_process_talk *talk = op->user;
    int number = op == &talk->_.ops[1] ? 1 : 2;
    (void)loop;
    talk->_.out--;
    int rc = take(talk, number, op->result);
    if (rc < 0) stop(talk, rc);
    if (rc > 0) read_on(talk, number);
    end_if_done(talk);
}

/* ---- its input --------------------------------------------------------------------------------- */

static void input_closed(picot_loop *loop, picot_op *op)
{
    picot_process_talk *talk = op->user;
    (void)loop;
    talk->_.out--;
    end_if_done(talk);
}

static void close_input(picot_process_talk *talk)
{
    picot_op_close(&talk->_.ops[0], talk->_.fds[0]);
    if (picot_submit(talk->_.loop, &talk->_.ops[0], input_closed, talk) == 0) talk->_.out++;
}

/* A child that does not want all of it is no error. */
static int account(picot_process_talk *talk, int64_t result)
{
    if (result == -EPIPE) talk->_.written = talk->input_len;
    if (result < 0) return result == -EPIPE ? 0 : code_of(result);
    talk->_.written += (size_t)result;
    return 0;
}

static void write_on(picot_process_talk *talk)
{
    picot_op *op = &talk->_.ops[0];
    int rc = 0;
    while (rc == 0 && talk->_.rc == 0 && talk->_.written < talk->input_len) {
        picot_op_write(op, talk->_.fds[0], (const char *)talk->input + talk->_.written,
                       talk->input_len - talk->_.written, -1);
        rc = picot_submit_now(talk->_.loop, op, wrote, talk);
        if (rc == 0) {
            talk->_.out++;
            return;
        }
        rc = rc < 0 ? code_of(rc) : account(talk, op->result);
    }
    if (rc < 0)
        stop(talk, rc);
    else if (talk->_.rc == 0)
        close_input(talk);
}

static void wrote(picot_loop *loop, picot_op *op)
{
    picot_process_talk *talk = op->user;
    (void)loop;
    talk->_.out--;
    int rc = account(talk, op->result);
    if (rc < 0)
        stop(talk, rc);
    else
        write_on(talk);
    end_if_done(talk);
}

/* ---- begin and cancel -------------------------------------------------------------------------- */

static bool is_open(const picot_process_talk *talk, int number)
{
    return picot_fd_number(talk->_.loop, talk->_.fds[number]) >= 0;
}

static int prepare(picot_process_talk *talk, picot_process *process)
{
    picot_loop *loop = process->loop;
    void *spill = NULL;
    if (!talk->out || !talk->err) {
        spill = picot_alloc(loop, SPILL_SIZE);
        if (!spill) return -ENOMEM;
    }
    talk->_.spill = spill;
    talk->_.loop = loop;
    loop->child_news++;
    talk->_.rc = 0;
    talk->_.out = 0;
    for (int i = 0; i < 3; i++)
        talk->_.fds[i] = process->pipes[i];
    memset(talk->_.ops, 0, sizeof talk->_.ops);
    return 0;
}

int picot_process_talk_begin(picot_process *process, picot_process_talk *talk, picot_process_talk_fn *fn, void *user)
{
    int rc = process ? picot__check(process->loop) : -EINVAL;
    if (rc < 0) return rc;
    if (!talk || !fn || (talk->out && talk->out == talk->err)) return -EINVAL;
    if (talk->input_len > 0 && (!talk->input || process->pipes[0] <= 0)) return -EINVAL;
    if (talk->_.loop) return -EALREADY;
    rc = prepare(talk, process);
    if (rc < 0) return rc;
    talk->fn = fn;
    talk->user = user;
    (void)picot_process_watch_add(process, &talk->_.watch, child_ended, talk);
    talk->_.waiting = 1;
    talk->_.out++;
    if (is_open(talk, 0)) write_on(talk);
    for (int number = 1; number < 3; number++)
        if (talk->_.rc == 0 && is_open(talk, number)) read_on(talk, number);
    end_if_done(talk);
    return 0;
}

int picot_process_talk_cancel(picot_loop *loop, picot_process_talk *talk)
{
    int rc = picot__check(loop);
    if (rc < 0) return rc;
    if (!talk) return -EINVAL;
    if (!talk->_.loop || talk->_.out == 0) return 0;
    stop(talk, -ECANCELED);
    end_if_done(talk);
    return 0;
}
