/* SPDX-License-Identifier: MIT
 *
 * signals.c - a service that beats, reloads on SIGHUP and ends on SIGTERM. It sends both to itself.
 */
#include <picot.h>
#include <picot/short.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

async_fn(int, serve, (int beats;),
         (picot_signals signals; picot_signal_info info; picot_arm arms[2]; int which, reloads;))
{
    async_begin;
    my->which = picot_signals_open(picot_this_loop(), &my->signals, SIGHUP, SIGTERM);
    if (my->which < 0) async_fail(my->which);
    defer
    {
        picot_signals_close(&my->signals);
    }
    do {
        my->arms[0] = picot_arm_sleep(10 * PICOT_MS);
        my->arms[1] = picot_arm_signal(&my->signals, &my->info);
        try_await(my->which, picot_select(.arms = my->arms, .count = 2));
        if (my->which == 0) /* a beat: it is time for the operator to do something */
            kill(getpid(), my->beats-- > 0 ? SIGHUP : SIGTERM);
        else if (my->info.number == SIGHUP)
            my->reloads++;
    } while (my->which == 0 || my->info.number != SIGTERM);
    printf("%d reloads, then SIGTERM from %s\n", my->reloads, my->info.pid == getpid() ? "ourselves" : "outside");
    async_end;
}
#define serve(...) async_call(serve, __VA_ARGS__)

int main(void)
{
    int rc = picot_main(NULL, serve(.beats = 3));
    return picot_exit_status(rc); /* Ctrl-C: the shell sees that */
}
