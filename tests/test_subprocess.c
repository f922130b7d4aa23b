/* SPDX-License-Identifier: MIT
 *
 * test_subprocess.c - children awaited: ends, talks, whole runs, and what becomes of them when the task is cancelled.
 */
#include "dry_memory.h"

#include <sys/wait.h>
#include <unistd.h>

static void no_child_is_left(void)
{
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_EQ(errno, ECHILD);
}

/* As RUN_ALONE; pipes are closed in the background. */
#define RUN_CHILDREN(ret_rc, call)                                                                                     \
    do {                                                                                                               \
        picot_loop *loop_ = tap_loop();                                                                                \
        (ret_rc) = picot_run(loop_, call);                                                                             \
        CHECK_EQ(picot_loop_run(loop_, PICOT_RUN_IDLE), 0);                                                            \
        tap_loop_end(loop_);                                                                                           \
    } while (0)

static picot_process_options shell_options(const char *command)
{
    picot_process_options options = PICOT_PROCESS_OPTIONS_INIT;
    options.shell = command;
    return options;
}

static picot_process *spawn_shell(picot_loop *loop, const char *command, int in, int out)
{
    picot_process_options options = shell_options(command);
    picot_process *process = NULL;
    if (in) options.in.kind = PICOT_STDIO_PIPE;
    if (out) options.out.kind = PICOT_STDIO_PIPE;
    CHECK_EQ(picot_process_spawn(loop, &options, &process, NULL), 0);
    return process;
}

/* ---- waiting ----------------------------------------------------------------------------------- */

picot_async_fn(int, wait_one, (picot_process * process; int expected; int *count;), (int rc, code;))
{
    picot_begin;
    picot_await(my->rc, picot_process_wait(.process = my->process, .ret_code = &my->code));
    CHECK_EQ(my->rc, 0);
    CHECK_EQ(my->code, my->expected);
    ++*my->count;
    picot_end;
}
#define wait_one(...) picot_call(wait_one, __VA_ARGS__)

picot_async_fn(int, many_wait, (int unused;),
               (picot_process * process; picot_group group; picot_scope scope; int i, rc, count, waiting;))
{
    picot_begin;
    my->process = spawn_shell(picot_this_loop(), "read x; exit 6", 1, 0);
    my->waiting = 1;
    picot_task_group(my->group);
    for (my->i = 0; my->i < 5; my->i++)
        picot_try_spawn(&my->group, wait_one(.process = my->process, .expected = 6, .count = &my->count));
    picot_timeout(my->scope, PICOT_MS) { /* one that gives up leaves the child and the others alone */
        picot_await(my->rc, picot_process_wait(.process = my->process));
        CHECK_EQ(my->rc, -ECANCELED);
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK_EQ(my->count, 0);
    picot_await(picot_close(.fd = picot_process_stdio(my->process, 0)));
    picot_await(picot_join(.group = &my->group));
    CHECK_EQ(my->count, 5);
    picot_await(wait_one(.process = my->process, .expected = 6, .count = &my->count)); /* also afterwards */
    CHECK_EQ(my->count, 6);
    CHECK_EQ(picot_process_close(my->process), 0);
    picot_await(my->rc, picot_process_wait(.process = NULL));
    CHECK_EQ(my->rc, -EINVAL);
    picot_end;
}

static void many_waits(void)
{
    int rc;
    RUN_CHILDREN(rc, picot_call(many_wait, .unused = 0));
    CHECK_EQ(rc, 0);
    no_child_is_left();
}

/* ---- talking ----------------------------------------------------------------------------------- */

#define SIZE ((size_t)1 << 20)

picot_async_fn(int, resume_talk, (char *input;),
               (picot_process * process; picot_process_output out; picot_scope scope; size_t progress;
                int rc, cuts, code;))
{
    picot_begin;
    my->process = spawn_shell(picot_this_loop(), "sleep 0.02; exec cat", 1, 1);
    do {
        picot_timeout(my->scope, PICOT_MS) {
            picot_await(my->rc, picot_process_communicate(.process = my->process, .input = my->input, .input_len = SIZE,
                                                          .ret_out = &my->out, .progress = &my->progress));
        }
        my->cuts += my->rc == -ECANCELED;
    } while (my->rc == -ECANCELED);
    CHECK_EQ(my->rc, 0);
    CHECK(my->cuts > 0);
    CHECK_EQ(my->progress, SIZE);
    CHECK_EQ(my->out.len, SIZE);
    CHECK_EQ(memcmp(my->out.data, my->input, SIZE), 0);
    CHECK_EQ(picot_process_code(my->process, &my->code), 0);
    CHECK_EQ(my->code, 0);
    CHECK_EQ(picot_process_output_free(picot_this_loop(), &my->out), 0);
    CHECK_EQ(picot_process_close(my->process), 0);
    picot_end;
}

static void talk_is_resumed(void)
{
    int rc;
    char *input = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        input[i] = (char)(i * 31 + i / 257);
    RUN_CHILDREN(rc, picot_call(resume_talk, .input = input));
    CHECK_EQ(rc, 0);
    free(input);
    no_child_is_left();
}

/* By hand: the pipes are handles like others, and nothing is read ahead. */
picot_async_fn(int, converse, (int unused;), (picot_process * process; char text[16]; int64_t n; int i, rc, code;))
{
    picot_begin;
    my->process = spawn_shell(picot_this_loop(), "while read x; do echo \"<$x>\"; done; exit 2", 1, 1);
    for (my->i = 0; my->i < 3; my->i++) {
        picot_try_await(my->n, picot_write(.fd = picot_process_stdio(my->process, 0), .buf = "abc\n", .len = 4,
                                           .offset = PICOT_HERE));
        CHECK_EQ(my->n, 4);
        picot_try_await(my->n, picot_read(.fd = picot_process_stdio(my->process, 1), .buf = my->text,
                                          .len = sizeof my->text, .offset = PICOT_HERE));
        CHECK_EQ(my->n, 6);
        CHECK_EQ(memcmp(my->text, "<abc>\n", 6), 0);
    }
    picot_try_await(picot_close(.fd = picot_process_stdio(my->process, 0)));
    picot_try_await(my->rc, picot_process_wait(.process = my->process, .ret_code = &my->code));
    CHECK_EQ(my->code, 2);
    picot_try_await(my->n, picot_read(.fd = picot_process_stdio(my->process, 1), .buf = my->text,
                                      .len = sizeof my->text, .offset = PICOT_HERE));
    CHECK_EQ(my->n, 0);
    CHECK_EQ(picot_process_close(my->process), 0);
    picot_end;
}

static void by_hand(void)
{
    int rc;
    RUN_CHILDREN(rc, picot_call(converse, .unused = 0));
    CHECK_EQ(rc, 0);
    no_child_is_left();
}

/* ---- runs -------------------------------------------------------------------------------------- */

picot_async_fn(int, runs, (int unused;), (picot_process_result result; int rc; picot_process_options options;))
{
    static const char *const sort[] = {"sort", NULL}, *const missing[] = {"/no/such/program", NULL};
    picot_begin;
    picot_await(my->rc, picot_run_process(.argv = sort, .input = "b\na\n", .input_len = 4, .capture = 1,
                                          .ret_result = &my->result));
    CHECK_EQ(my->rc, 0);
    CHECK_EQ(my->result.code, 0);
    CHECK_STR(my->result.out.data, "a\nb\n");
    CHECK(my->result.err.data == NULL || my->result.err.len == 0);
    CHECK_EQ(picot_process_result_free(picot_this_loop(), &my->result), 0);

    picot_await(my->rc,
                picot_run_process(.shell = "echo out; echo err >&2; exit 3", .capture = 1, .ret_result = &my->result));
    CHECK_EQ(my->rc, 3);
    CHECK_STR(my->result.out.data, "out\n");
    CHECK_STR(my->result.err.data, "err\n");
    CHECK_EQ(picot_process_result_free(picot_this_loop(), &my->result), 0);

    picot_await(my->rc, picot_check_process(.shell = "echo out; echo err >&2; exit 3", .capture = 1,
                                            .ret_result = &my->result)); /* what was captured is there */
    CHECK_EQ(my->rc, PICOT_EEXIT);
    CHECK_EQ(my->result.code, 3);
    CHECK_STR(my->result.out.data, "out\n");
    CHECK_STR(my->result.err.data, "err\n");
    CHECK_EQ(picot_process_result_free(picot_this_loop(), &my->result), 0);

    picot_await(my->rc, picot_run_process(.shell = "kill -9 $$", .ret_result = &my->result));
    CHECK_EQ(my->rc, PICOT_EEXIT);
    CHECK_EQ(my->result.code, -9);

    picot_await(my->rc, picot_run_process(.argv = missing, .ret_result = &my->result));
    CHECK_EQ(my->rc, -ENOENT);
    CHECK_EQ(my->result.step, PICOT_PROCESS_AT_EXEC);
    CHECK_EQ(my->result.code, -1000);

    picot_await(my->rc, picot_run_process(.shell = "exec cat /dev/zero", .capture = 1, .limit = 5000,
                                          .ret_result = &my->result));
    CHECK_EQ(my->rc, PICOT_ETOOLARGE);
    CHECK_EQ(my->result.out.len, 5000);
    CHECK_EQ(my->result.code, -15);
    CHECK_EQ(picot_process_result_free(picot_this_loop(), &my->result), 0);

    my->options = shell_options("pwd");
    my->options.directory = "/dev";
    picot_await(my->rc, picot_run_process(.options = &my->options, .capture = 1, .ret_result = &my->result));
    CHECK_EQ(my->rc, 0);
    CHECK_STR(my->result.out.data, "/dev\n");
    CHECK_EQ(picot_process_result_free(picot_this_loop(), &my->result), 0);
    my->options.size = 1;
    picot_await(my->rc, picot_run_process(.options = &my->options));
    CHECK_EQ(my->rc, -EINVAL);
    picot_await(my->rc, picot_check_process(.shell = "exit 0"));
    CHECK_EQ(my->rc, 0);
    CHECK_EQ(picot_process_result_free(picot_this_loop(), NULL), -EINVAL);
    picot_end;
}

static void whole_runs(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(runs, .unused = 0));
    CHECK_EQ(rc, 0);
    no_child_is_left();
}

/* ---- cancelled runs ---------------------------------------------------------------------------- */

static int say_goodbye(picot_process *process, void *user)
{
    (*(int *)user)++;
    return picot_process_signal(process, 2);
}

picot_async_fn(int, timed_runs, (int unused;),
               (picot_process_result result; picot_process_options options; picot_scope scope; int rc, asked;))
{
    picot_begin;
    /* it listens: ended by SIGTERM, and what it said before is there */
    picot_timeout(my->scope, 50 * PICOT_MS) {
        picot_await(my->rc,
                    picot_run_process(.shell = "echo said; exec sleep 100", .capture = 1, .ret_result = &my->result));
    }
    CHECK_EQ(picot_error(), -ETIMEDOUT);
    CHECK_EQ(my->rc, -ECANCELED);
    CHECK_EQ(my->result.code, -15);
    CHECK_EQ(picot_process_result_free(picot_this_loop(), &my->result), 0);
    no_child_is_left();
    /* it does not listen: ended by SIGKILL after the grace */
    my->options = shell_options("trap '' TERM; while :; do sleep 1; done");
    my->options.grace_ns = 20 * PICOT_MS;
    my->options.group = PICOT_PROCESS_GROUP_NEW;
    picot_timeout(my->scope, 50 * PICOT_MS) {
        picot_await(my->rc, picot_run_process(.options = &my->options, .ret_result = &my->result));
    }
    CHECK_EQ(my->rc, -ECANCELED);
    if (my->result.code != -9) CHECK_EQ(my->result.code, -15); /* it may not have got as far as its trap */
    no_child_is_left();
    /* a way of its own */
    my->options = shell_options("exec sleep 100");
    my->options.stop = say_goodbye;
    my->options.user = &my->asked;
    picot_timeout(my->scope, 20 * PICOT_MS) {
        picot_await(my->rc, picot_run_process(.options = &my->options, .ret_result = &my->result));
    }
    CHECK_EQ(my->rc, -ECANCELED);
    CHECK_EQ(my->asked, 1);
    CHECK_EQ(my->result.code, -2);
    no_child_is_left();
    picot_end;
}

static void runs_under_deadlines(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(timed_runs, .unused = 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, one_run, (picot_process_result * result; picot_task * *ret_task;), (int rc;))
{
    picot_begin;
    if (my->ret_task) *my->ret_task = picot_self;
    picot_await(my->rc, picot_run_process(.shell = "read x; echo $x; exit 0", .input = "hello\n", .input_len = 6,
                                          .capture = 1, .ret_result = my->result));
    if (my->rc < 0) picot_fail(my->rc);
    picot_end;
}

/* Cancelled in the turn `after`, whatever is under way then: the child is gone when the task is. */
static void cancelled_in_every_phase(void)
{
    picot_loop *loop = tap_loop();
    int phase, whole = 0, cut = 0;
    for (phase = 1; phase < 60 && whole < 3; phase++) {
        picot_process_result result = {.code = 0};
        picot_task *task = NULL;
        CHECK_EQ(picot_start(loop, picot_call(one_run, .result = &result, .ret_task = &task)), 0);
        for (int turn = 0; turn < phase && picot_loop_task_count(loop) > 0; turn++)
            CHECK(picot_loop_run(loop, PICOT_RUN_ONCE) >= 0);
        if (picot_loop_task_count(loop) > 0) {
            CHECK_EQ(picot_task_cancel(task, NULL), 0);
            cut++;
        } else {
            whole++;
        }
        CHECK_EQ(picot_loop_run(loop, PICOT_RUN_IDLE), 0);
        CHECK_EQ(picot_loop_task_count(loop), 0);
        CHECK_EQ(picot_loop_pending(loop), 0);
        no_child_is_left();
        CHECK_EQ(picot_process_result_free(loop, &result), 0);
    }
    CHECK(cut > 1);
    tap_loop_end(loop);
}

picot_async_fn(int, long_run, (int64_t grace_ns;), (picot_process_options options;))
{
    picot_begin;
    my->options = shell_options("trap '' TERM; while :; do sleep 1; done");
    my->options.group = PICOT_PROCESS_GROUP_NEW;
    my->options.grace_ns = my->grace_ns;
    picot_await(picot_run_process(.options = &my->options));
    picot_end;
}

/* The loop ends: runs end in good manners, but a grace without end ends, too. */
static void the_loop_ends(void)
{
    for (int way = 0; way < 2; way++) {
        picot_loop *loop = tap_loop();
        CHECK_EQ(picot_start(loop, picot_call(long_run, .grace_ns = way ? PICOT_NEVER : 5 * PICOT_MS)), 0);
        for (int turn = 0; turn < 3; turn++)
            CHECK(picot_loop_run(loop, PICOT_RUN_NOWAIT) >= 0);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        no_child_is_left();
    }
}

static void out_of_memory(void)
{
    int failures = 0;
    for (long at = 0; at < 80; at++) {
        picot_loop *loop = dry_loop();
        picot_process_result result = {.code = 0};
        countdown = at;
        int rc = picot_run(loop, picot_call(one_run, .result = &result));
        countdown = -1;
        if (rc < 0) {
            CHECK_EQ(rc, -ENOMEM);
            failures++;
        } else {
            CHECK_STR(result.out.data, "hello\n");
        }
        CHECK_EQ(picot_process_output_free(loop, &result.out), 0);
        CHECK_EQ(picot_process_output_free(loop, &result.err), 0);
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        CHECK_EQ(bytes, 0);
        no_child_is_left();
    }
    CHECK(failures > 5);
}

static const struct tap_case cases[] = {
    {"subprocess: many waits", many_waits, TAP_BACKENDS},
    {"subprocess: a talk is resumed", talk_is_resumed, TAP_BACKENDS},
    {"subprocess: by hand", by_hand, TAP_BACKENDS},
    {"subprocess: whole runs", whole_runs, TAP_BACKENDS},
    {"subprocess: runs under deadlines", runs_under_deadlines, TAP_BACKENDS},
    {"subprocess: cancelled in every phase", cancelled_in_every_phase, TAP_BACKENDS},
    {"subprocess: the loop ends", the_loop_ends, TAP_BACKENDS},
    {"subprocess: out of memory", out_of_memory, 0},
};

TAP_MAIN(cases)
