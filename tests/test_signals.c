/* SPDX-License-Identifier: MIT
 *
 * test_signals.c - signals awaited: kept between two waits, handed over in order, in a select, cancelled, out of
 * memory. Ctrl-C of real processes: the first cancels the main task, the second ends the process. Built in the GNU and
 * in the ISO form.
 */
#include "dry_memory.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOP picot_this_loop()

/* ---- awaited ------------------------------------------------------------------------------------- */

picot_async_fn(int, waits, (char unused;), (picot_signals s; picot_signal_info info; int n, i;))
{
    picot_begin;
    CHECK_EQ(picot_signals_open(LOOP, &my->s, SIGUSR1, SIGUSR2, SIGRTMIN), 0);
    CHECK_EQ(picot_signals_open(LOOP, &my->s, SIGUSR1), -EALREADY);
    picot_defer
    {
        CHECK_EQ(picot_signals_close(&my->s), 0);
    }
    CHECK_EQ(raise(SIGUSR1), 0);
    picot_await(my->n, picot_signal_wait(.signals = &my->s, .ret_info = &my->info));
    CHECK_EQ(my->n, SIGUSR1);
    CHECK_EQ(picot_error(), 0);
    CHECK_EQ(my->info.number, SIGUSR1);
    CHECK_EQ(my->info.pid, getpid());
    /* While it is busy they are kept, and taken in turn; of many of one the last ones, and how many more there were. */
    for (my->i = 0; my->i < 20; my->i++) {
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = my->i}), 0);
        picot_await(picot_sleep(.ns = PICOT_MS));
    }
    CHECK_EQ(raise(SIGUSR2), 0);
    picot_await(picot_sleep(.ns = PICOT_MS));
    picot_await(my->n, picot_signal_wait(.signals = &my->s, .ret_info = NULL));
    CHECK_EQ(my->n, SIGUSR2);
    for (my->i = 12; my->i < 20; my->i++) {
        picot_await(my->n, picot_signal_wait(.signals = &my->s, .ret_info = &my->info));
        CHECK_EQ(my->n, SIGRTMIN);
        CHECK_EQ(my->info.value.number, my->i);
        CHECK_EQ(my->info.coalesced, my->i == 12 ? 12 : 0);
    }
    CHECK_EQ(picot_signals_try(&my->s, &my->info), -EBUSY);
    /* Cancelled: nothing is taken. */
    picot_wait_for(my->n, PICOT_MS, picot_signal_wait(.signals = &my->s, .ret_info = &my->info));
    CHECK_EQ(my->n, -ETIMEDOUT);
    CHECK_EQ(raise(SIGUSR1), 0);
    picot_await(picot_sleep(.ns = PICOT_MS));
    CHECK_EQ(picot_signals_try(&my->s, NULL), SIGUSR1);
    picot_end;
}

static void awaited(void)
{
#ifdef TAP_TSAN
    SKIP("the sanitizer merges signals");
#endif
    int rc;
    RUN_ALONE(rc, picot_call(waits, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, takes, (picot_signals * s; char name;), (picot_signal_info info; int n;))
{
    picot_begin;
    picot_await(my->n, picot_signal_wait(.signals = my->s, .ret_info = &my->info));
    say(my->n == SIGUSR1 ? my->name : my->n == PICOT_ECLOSED ? '!' : my->n == -ECANCELED ? 'x' : '?');
    picot_end;
}

/* Each signal goes to who waits longest; a close wakes the rest. */
picot_async_fn(int, several_takers, (char unused;),
               (picot_signals s; picot_group group; picot_task * task; picot_future f; int i;))
{
    picot_begin;
    CHECK_EQ(picot_signals_open(LOOP, &my->s, SIGUSR1), 0);
    picot_task_group(my->group);
    for (my->i = 0; my->i < 4; my->i++) {
        picot_spawn(&my->group, picot_call(takes, .s = &my->s, .name = (char)('a' + my->i)));
        picot_await(picot_sleep(.ns = PICOT_MS));
    }
    for (my->i = 0; my->i < 2; my->i++) {
        CHECK_EQ(raise(SIGUSR1), 0);
        while (strlen(trace) < (size_t)my->i + 1)
            picot_await(picot_sleep(.ns = PICOT_MS));
    }
    CHECK_EQ(picot_signals_close(&my->s), 0);
    CHECK_EQ(picot_signals_close(&my->s), 0);
    picot_await(picot_join(.group = &my->group));
    CHECK_STR(trace, "ab!!");
    picot_end;
}

static void in_order(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(several_takers, 0));
    CHECK_EQ(rc, 0);
}

/* Two in one turn of the loop: one for each of the two who wait, none twice. */
picot_async_fn(int, two_at_once, (char unused;), (picot_signals s; picot_group group;))
{
    picot_begin;
    CHECK_EQ(picot_signals_open(LOOP, &my->s, SIGUSR1, SIGUSR2), 0);
    picot_task_group(my->group);
    picot_spawn(&my->group, picot_call(takes, .s = &my->s, .name = 'a'));
    picot_spawn(&my->group, picot_call(takes, .s = &my->s, .name = 'b'));
    picot_await(picot_sleep(.ns = PICOT_MS));
    CHECK_EQ(raise(SIGUSR2), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    picot_await(picot_join(.group = &my->group));
    CHECK(strcmp(trace, "a?") == 0 || strcmp(trace, "?b") == 0);
    CHECK_EQ(picot_signals_close(&my->s), 0);
    picot_end;
}

static void at_once(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(two_at_once, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, selects, (char unused;), (picot_signals s, none; picot_signal_info info; picot_arm arms[3]; int n;))
{
    picot_begin;
    CHECK_EQ(picot_signals_open(LOOP, &my->s, SIGUSR1), 0);
    my->arms[0] = picot_arm_sleep(PICOT_MS);
    my->arms[1] = picot_arm_signal(&my->s, &my->info);
    picot_await(my->n, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->n, 0);
    CHECK_EQ(raise(SIGUSR1), 0); /* to come, and no deadline before it */
    my->arms[0] = picot_arm_sleep(PICOT_NEVER);
    my->arms[1] = picot_arm_signal(&my->s, &my->info);
    picot_await(my->n, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->n, 1);
    CHECK_EQ(my->arms[1].rc, SIGUSR1);
    CHECK_EQ(my->info.pid, getpid());
    CHECK_EQ(raise(SIGUSR1), 0); /* there already */
    picot_await(picot_sleep(.ns = PICOT_MS));
    my->arms[0] = picot_arm_sleep(PICOT_NEVER);
    my->arms[1] = picot_arm_signal(&my->s, NULL);
    picot_await(my->n, picot_select(.arms = my->arms, .count = 2));
    CHECK_EQ(my->n, 1);
    my->arms[0] = picot_arm_signal(&my->none, NULL);
    picot_await(my->n, picot_select(.arms = my->arms, .count = 1));
    CHECK_EQ(my->n, -EINVAL);
    CHECK_EQ(picot_signals_close(&my->s), 0);
    picot_end;
}

static void selected(void)
{
    int rc;
    RUN_ALONE(rc, picot_call(selects, 0));
    CHECK_EQ(rc, 0);
}

picot_async_fn(int, misuses, (char unused;), (picot_signals s; int n;))
{
    picot_begin;
    picot_await(my->n, picot_signal_wait(.signals = NULL));
    CHECK_EQ(my->n, -EINVAL);
    picot_await(my->n, picot_signal_wait(.signals = &my->s));
    CHECK_EQ(my->n, -EINVAL);
    CHECK_EQ(picot_signals_try(&my->s, NULL), -EINVAL);
    CHECK_EQ(picot_signals_open_list(LOOP, &my->s, NULL), -EINVAL);
    CHECK_EQ(picot_signals_open_list(LOOP, &my->s, (const int[]){0}), -EINVAL);
    CHECK_EQ(picot_signals_open_list(NULL, &my->s, (const int[]){SIGUSR1, 0}), -EINVAL);
    CHECK_EQ(picot_signals_open_list(LOOP, NULL, (const int[]){SIGUSR1, 0}), -EINVAL);
    CHECK_EQ(picot_signals_open(LOOP, &my->s, SIGUSR1, SIGKILL), -EINVAL); /* and the first is undone */
    CHECK_EQ(picot_signals_close(&my->s), 0);
    CHECK_EQ(picot_signals_close(NULL), -EINVAL);
    picot_end;
}

static void misused(void)
{
    struct sigaction present;
    int rc;
    RUN_ALONE(rc, picot_call(misuses, 0));
    CHECK_EQ(rc, 0);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &present), 0);
    CHECK(present.sa_handler == SIG_DFL);
}

/* ---- memory ---------------------------------------------------------------------------------------- */

picot_async_fn(int, opens, (char unused;), (picot_signals s; int rc;))
{
    picot_begin;
    my->rc = picot_signals_open(LOOP, &my->s, SIGUSR1, SIGUSR2);
    if (my->rc < 0) picot_fail(my->rc);
    picot_defer
    {
        (void)picot_signals_close(&my->s);
    }
    CHECK_EQ(raise(SIGUSR2), 0);
    picot_try_await(my->rc, picot_signal_wait(.signals = &my->s));
    CHECK_EQ(my->rc, SIGUSR2);
    picot_return(0);
    picot_end;
}

static void out_of_memory(void)
{
    int rc = -1;
    CHECK(signal(SIGINT, SIG_DFL) != SIG_ERR); /* a job in the background has it ignored */
    for (long count = 0; rc < 0; count++) {
        picot_loop *loop = dry_loop();
        countdown = count;
        rc = picot_loop_set_interrupts(loop, (const int[]){SIGINT, SIGTERM, 0});
        if (rc == 0) rc = picot_run(loop, picot_call(opens, 0));
        CHECK(rc == 0 || rc == -ENOMEM);
        if (countdown > 0) CHECK_EQ(rc, 0);
        countdown = -1;
        CHECK_EQ(picot_loop_destroy(loop, PICOT_DESTROY_FORCE), 0);
        CHECK_EQ(bytes, 0);
        static const int numbers[] = {SIGUSR1, SIGUSR2, SIGINT, SIGTERM};
        for (int i = 0; i < 4; i++) {
            struct sigaction present;
            CHECK_EQ(sigaction(numbers[i], NULL, &present), 0);
            CHECK(present.sa_handler == SIG_DFL);
        }
    }
}

/* ---- Ctrl-C ---------------------------------------------------------------------------------------- */

static int out; /* a child says here what it does */

static void tell(char what)
{
    CHECK_EQ(write(out, &what, 1), 1);
}

enum behaviour { ENDS, GOES_ON, FAILS, HANGS, CLEANS_LONG, CANCELS_ITSELF, SHIELDED };

picot_async_fn(int, program, (enum behaviour how;), (picot_cancellation why; picot_scope scope; int rc;))
{
    picot_begin;
    picot_defer
    {
        tell('d');
        if (my->how == CLEANS_LONG) picot_await(picot_sleep(.ns = PICOT_NEVER));
        CHECK_EQ(picot_loop_unhold(LOOP), 0);
    }
    CHECK_EQ(picot_loop_hold(LOOP), 0); /* tells "sim" to wait for who sends signals */
    tell('r');
    if (my->how == HANGS)
        for (;;)
            ;
    if (my->how == SHIELDED) {
        picot_shielded(my->scope) {
            while (!picot_loop_interrupt(LOOP))
                picot_await(picot_sleep(.ns = 10 * PICOT_MS));
            tell('s');
        }
    }
    picot_await(my->rc, picot_sleep(.ns = PICOT_NEVER));
    CHECK_EQ(my->rc, -ECANCELED);
    CHECK_EQ(picot_task_cancellation(picot_self, &my->why), 0);
    tell(my->why.reason == PICOT_CANCEL_INTERRUPT ? 'i' : '?');
    tell(picot_loop_interrupt(LOOP) == SIGINT ? 'c' : 't');
    if (my->how == FAILS) picot_fail(-EDOM);
    if (my->how == CANCELS_ITSELF) CHECK_EQ(picot_task_cancel(picot_self, "mine"), 0);
    if (my->how == GOES_ON) {
        picot_await(my->rc, picot_sleep(.ns = PICOT_MS)); /* told once */
        CHECK_EQ(my->rc, 0);
        picot_return(5);
    }
    picot_fail(-ECANCELED);
    picot_end;
}

/* A process that runs picot_main; in *ret_from what it tells. It tells its result, too. */
static pid_t start_program(enum behaviour how, const int *interrupts, int *ret_from)
{
    int pipe_fds[2];
    CHECK_EQ(pipe(pipe_fds), 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
        CHECK_EQ(close(pipe_fds[0]), 0);
        out = pipe_fds[1];
        options.interrupts = interrupts;
        CHECK(signal(SIGINT, SIG_DFL) != SIG_ERR);
        int rc = picot_main(&options, picot_call(program, .how = how));
        tell(rc == PICOT_EINTERRUPT ? 'I' : rc == -ECANCELED ? 'C' : rc == -EDOM ? 'F' : rc >= 0 ? 'O' : '?');
        _exit(picot_exit_status(rc));
    }
    CHECK_EQ(close(pipe_fds[1]), 0);
    *ret_from = pipe_fds[0];
    return pid;
}

static void expect(int from, const char *what)
{
    for (; *what; what++) {
        char got = 0;
        CHECK_EQ(read(from, &got, 1), 1);
        CHECK_EQ(got, *what);
    }
}

/* Its status as a shell sees it. */
static int end_of(pid_t pid, int from)
{
    int status = -1;
    char rest;
    CHECK_EQ(read(from, &rest, 1), 0);
    CHECK_EQ(close(from), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void first_interrupt(void)
{
    static const struct {
        enum behaviour how;
        const char *tells;
        int status;
    } rows[] = {
        {ENDS, "icdI", 128 + SIGINT},      {GOES_ON, "icdO", 0}, {FAILS, "icdF", 1}, {CANCELS_ITSELF, "icdC", 1},
        {SHIELDED, "sicdI", 128 + SIGINT},
    };
    tap_loop_end(tap_loop());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int from;
        pid_t pid = start_program(rows[i].how, NULL, &from);
        expect(from, "r");
        CHECK_EQ(kill(pid, SIGINT), 0);
        expect(from, rows[i].tells);
        CHECK_EQ(end_of(pid, from), rows[i].status);
    }
}

static void second_interrupt(void)
{
    int from;
    tap_loop_end(tap_loop());
    pid_t pid = start_program(CLEANS_LONG, NULL, &from);
    expect(from, "r");
    CHECK_EQ(kill(pid, SIGINT), 0);
    expect(from, "icd");
    CHECK_EQ(kill(pid, SIGINT), 0);
    CHECK_EQ(end_of(pid, from), 128 + SIGINT);
    /* A program that never comes back to its loop. The two must not be merged: the first is out of the way when it is
     * no longer pending, and a process that computes takes it at once. */
#ifndef TAP_TSAN
    pid = start_program(HANGS, NULL, &from);
    expect(from, "r");
    while (kill(pid, 0) == 0) {
        int status;
        CHECK_EQ(kill(pid, SIGINT), 0);
        if (waitpid(pid, &status, WNOHANG) != pid) continue;
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), SIGINT);
        break;
    }
    CHECK_EQ(close(from), 0);
#endif
}

static void chosen_signals(void)
{
    static const int both[] = {SIGINT, SIGTERM, 0}, none[] = {0};
    int from;
    tap_loop_end(tap_loop());
    pid_t pid = start_program(ENDS, both, &from);
    expect(from, "r");
    CHECK_EQ(kill(pid, SIGTERM), 0);
    expect(from, "itdI");
    CHECK_EQ(end_of(pid, from), 128 + SIGINT);
    pid = start_program(CLEANS_LONG, both, &from); /* one, and then the other */
    expect(from, "r");
    CHECK_EQ(kill(pid, SIGINT), 0);
    expect(from, "icd");
    CHECK_EQ(kill(pid, SIGTERM), 0);
    CHECK_EQ(end_of(pid, from), 128 + SIGTERM);
    pid = start_program(ENDS, none, &from); /* turned off: the default */
    expect(from, "r");
    CHECK_EQ(kill(pid, SIGINT), 0);
    CHECK_EQ(end_of(pid, from), 128 + SIGINT);
    pid = start_program(ENDS, NULL, &from); /* SIGTERM is not asked for */
    expect(from, "r");
    CHECK_EQ(kill(pid, SIGTERM), 0);
    CHECK_EQ(end_of(pid, from), 128 + SIGTERM);
}

static void fired(int number)
{
    (void)number;
    tell('h');
}

/* What is ignored stays so, and a handler of the program's own is kept. */
picot_async_fn(int, keeps, (char unused;), (int rc;))
{
    picot_begin;
    CHECK_EQ(raise(SIGINT), 0);
    CHECK_EQ(raise(SIGTERM), 0);
    picot_await(my->rc, picot_sleep(.ns = 10 * PICOT_MS));
    CHECK_EQ(my->rc, 0);
    picot_end;
}

static void left_alone(void)
{
    static const int both[] = {SIGINT, SIGTERM, 0};
    int pipe_fds[2];
    struct sigaction own = {.sa_handler = fired}, present;
    CHECK_EQ(pipe(pipe_fds), 0);
    out = pipe_fds[1];
    CHECK(signal(SIGINT, SIG_IGN) != SIG_ERR);
    CHECK_EQ(sigaction(SIGTERM, &own, NULL), 0);
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    options.interrupts = both;
    tap_loop_end(tap_loop());
    CHECK_EQ(picot_main(&options, picot_call(keeps, 0)), 0);
    expect(pipe_fds[0], "h");
    CHECK_EQ(close(pipe_fds[0]) | close(pipe_fds[1]), 0);
    CHECK_EQ(sigaction(SIGINT, NULL, &present), 0);
    CHECK(present.sa_handler == SIG_IGN);
    CHECK_EQ(sigaction(SIGTERM, NULL, &present), 0);
    CHECK(present.sa_handler == fired);
}

/* picot_run installs nothing unless told; what it installs is gone between two runs. */
picot_async_fn(int, looks, (char unused;), (struct sigaction present;))
{
    picot_begin;
    CHECK_EQ(sigaction(SIGUSR1, NULL, &my->present), 0);
    picot_return(my->present.sa_handler != SIG_DFL);
    picot_end;
}

static void around_each_run(void)
{
    static const int usr[] = {SIGUSR1, 0}, wrong[] = {SIGUSR1, SIGKILL, 0};
    struct sigaction present;
    picot_loop *loop = tap_loop();
    int value = -1;
    CHECK_EQ(picot_loop_set_interrupts(NULL, usr), -EINVAL);
    CHECK_EQ(picot_loop_set_interrupts(loop, wrong), -EINVAL);
    CHECK_EQ(picot_run_into(loop, &value, picot_call(looks, 0)), 0);
    CHECK_EQ(value, 0);
    CHECK_EQ(picot_loop_set_interrupts(loop, usr), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(picot_run_into(loop, &value, picot_call(looks, 0)), 0);
        CHECK_EQ(value, 1);
        CHECK_EQ(sigaction(SIGUSR1, NULL, &present), 0);
        CHECK(present.sa_handler == SIG_DFL);
    }
    CHECK_EQ(picot_loop_set_interrupts(loop, NULL), 0);
    CHECK_EQ(picot_run_into(loop, &value, picot_call(looks, 0)), 0);
    CHECK_EQ(value, 0);
    CHECK_EQ(picot_loop_interrupt(loop), 0);
    CHECK_EQ(picot_loop_interrupt(NULL), 0);
    CHECK_EQ(picot_exit_status(0), 0);
    CHECK_EQ(picot_exit_status(3), 0);
    CHECK_EQ(picot_exit_status(-EIO), 1);
    tap_loop_end(loop);
}

static const struct tap_case cases[] = {
    {"awaited", awaited, TAP_BACKENDS},
    {"several wait: in order", in_order, TAP_BACKENDS},
    {"several come at once", at_once, TAP_BACKENDS},
    {"in a select", selected, TAP_BACKENDS},
    {"misuse", misused, TAP_BACKENDS},
    {"out of memory", out_of_memory, 0},
    {"a first interrupt", first_interrupt, TAP_BACKENDS},
    {"a second one", second_interrupt, TAP_BACKENDS},
    {"chosen signals", chosen_signals, TAP_BACKENDS},
    {"what is ignored or handled is left alone", left_alone, TAP_BACKENDS},
    {"around each run", around_each_run, TAP_BACKENDS},
};

TAP_MAIN(cases)
