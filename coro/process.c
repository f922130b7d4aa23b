/* SPDX-License-Identifier: MIT
 *
 * process.c - children as leaves: the end of one, a talk with one; and a whole run.
 */
#include <picot/io.h>
#include <picot/subprocess.h>

#include "waitqueue.h"

/* The leaf is the task's top. */
static void finish(picot_task *task, int *ret, int rc)
{
    *ret = rc;
    if (rc == -ECANCELED && picot__cancel_due(task)) picot__cancel_delivered(task);
    picot__leaf_finish(task, task->top, rc < 0 ? rc : 0);
}

/* ---- wait -------------------------------------------------------------------------------------- */

static void ended(picot_loop *loop, picot_process_watch *watch, int rc)
{
    picot_task *task = watch->user;
    struct picot_process_wait_head *my = (struct picot_process_wait_head *)(void *)task->top;
    (void)loop;
    finish(task, &my->_ret, rc < 0 ? rc : picot_process_code(my->process, my->ret_code));
}

/* An end that is on its way is told. */
static void wait_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_process_wait_head *my = (struct picot_process_wait_head *)(void *)leaf;
    if (leaf->pos != 0 || !my->_watch._.process) return;
    (void)picot_process_watch_remove(picot__coro_of_task(task)->loop, &my->_watch);
    picot__cancel_delivered(task);
    my->_ret = leaf->rc = -ECANCELED;
    leaf->pos = 1;
    picot__task_ready(task);
}

picot_step picot_process_wait_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_process_wait_head *my = (struct picot_process_wait_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_watch = (picot_process_watch){.fn = NULL};
    my->_ret = picot_process_watch_add(my->process, &my->_watch, ended, task);
    if (my->_ret < 0) return picot__leaf_return(task, leaf, my->_ret);
    return (picot_step){PICOT_STEP_PENDING};
}

PICOT__LEAF_FN(picot_process_wait, wait_cancel);

/* ---- communicate ------------------------------------------------------------------------------- */

static void talked(picot_loop *loop, picot_process_talk *talk, int rc)
{
    picot_task *task = talk->user;
    struct picot_process_communicate_head *my = (struct picot_process_communicate_head *)(void *)task->top;
    (void)loop;
    if (my->progress) *my->progress = talk->_.written;
    finish(task, &my->_ret, rc);
}

static void communicate_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_process_communicate_head *my = (struct picot_process_communicate_head *)(void *)leaf;
    if (leaf->pos == 0) (void)picot_process_talk_cancel(picot__coro_of_task(task)->loop, &my->_talk);
}

picot_step picot_process_communicate_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_process_communicate_head *my = (struct picot_process_communicate_head *)(void *)leaf;
    picot_process_talk *talk = &my->_talk;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    memset(talk, 0, sizeof *talk);
    talk->input = my->input;
    talk->input_len = my->input_len;
    talk->limit = my->limit;
    talk->out = my->ret_out;
    talk->err = my->ret_err;
    if (my->progress) talk->_.written = *my->progress;
    my->_ret = picot_process_talk_begin(my->process, talk, talked, task);
    if (my->_ret < 0) return picot__leaf_return(task, leaf, my->_ret);
    return (picot_step){PICOT_STEP_PENDING};
}

PICOT__LEAF_FN(picot_process_communicate, communicate_cancel);

/* ---- a whole run ------------------------------------------------------------------------------- */

#define NOT_STARTED (-1000)

int picot_process_result_free(picot_loop *loop, picot_process_result *result)
{
    int rc = picot__may_use(loop);
    if (rc == 0 && !result) rc = -EINVAL;
    if (rc < 0) return rc;
    (void)picot_process_output_free(loop, &result->out);
    (void)picot_process_output_free(loop, &result->err);
    *result = (picot_process_result){.code = NOT_STARTED};
    return 0;
}

/* What the arguments make of the options. */
static int complete(picot_process_options *options, const picot_process_options *given,
                    const struct picot_run_process_head *arguments)
{
    *options = (picot_process_options)PICOT_PROCESS_OPTIONS_INIT;
    if (given && given->size != sizeof *given) return -EINVAL;
    if (given) *options = *given;
    if (arguments->argv || arguments->shell) {
        options->argv = arguments->argv;
        options->shell = arguments->shell;
    }
    if (arguments->input) options->in.kind = PICOT_STDIO_PIPE;
    if (!arguments->capture) return 0;
    if (options->out.kind == PICOT_STDIO_INHERIT) options->out.kind = PICOT_STDIO_PIPE;
    if (options->err.kind == PICOT_STDIO_INHERIT) options->err.kind = PICOT_STDIO_PIPE;
    return 0;
}

/* The run's result, from how the child ended. */
static int judge(const picot_process *process, int check, picot_process_result *result)
{
    int code = 0;
    int unknown = picot_process_code(process, &code);
    if (result) {
        result->code = code;
        result->unknown = unknown == 1;
    }
    return code < 0 || (check && code != 0) ? PICOT_EEXIT : code;
}

static int start(picot_loop *loop, struct picot_run_process_head *my, picot_process_options *options,
                 picot_process **ret_process)
{
    enum picot_process_step step;
    if (my->ret_result) *my->ret_result = (picot_process_result){.code = NOT_STARTED};
    int rc = complete(options, my->options, my);
    if (rc < 0) return rc;
    rc = picot_process_spawn(loop, options, ret_process, &step);
    if (my->ret_result) my->ret_result->step = step;
    return rc;
}

#undef picot_run_process
picot_async_def(int, picot_run_process,
                (const picot_process_options *options; const char *const *argv; const char *shell; const void *input;
                 size_t input_len; size_t limit; int capture; int check; picot_process_result * ret_result;),
                (picot_process_options all; picot_process * process; int rc, i;))
{
    picot_begin;
    my->rc = start(picot_this_loop(), PICOT_HEAD_OF_(picot_run_process, &my->_co), &my->all, &my->process);
    if (my->rc < 0) picot_fail(my->rc);
    picot_defer
    { /* a child that still runs here is not wanted any more; outer cancellation waits meanwhile */
        if (picot_process_terminate(my->process) == 0) picot_await(picot_process_wait(.process = my->process));
        for (my->i = 0; my->i < 3; my->i++)
            if (picot_process_stdio(my->process, my->i) > 0)
                picot_await(picot_close(.fd = picot_process_stdio(my->process, my->i)));
        if (picot_process_code(my->process, NULL) >= 0) (void)judge(my->process, 0, my->ret_result);
        (void)picot_process_close(my->process);
    }
    picot_await(my->rc,
                picot_process_communicate(.process = my->process, .input = my->input, .input_len = my->input_len,
                                          .limit = my->limit, .ret_out = my->ret_result ? &my->ret_result->out : NULL,
                                          .ret_err = my->ret_result ? &my->ret_result->err : NULL));
    if (my->rc < 0) picot_fail(my->rc);
    my->rc = judge(my->process, my->check, my->ret_result);
    if (my->rc < 0) picot_fail(my->rc);
    picot_return(my->rc);
    picot_end;
}
