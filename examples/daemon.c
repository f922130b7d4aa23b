/* SPDX-License-Identifier: MIT
 *
 * daemon.c - a daemon. Usage: daemon [--background] PIDFILE
 *
 * `kill $(cat PIDFILE)` ends it. Under systemd (Type=notify) it stays in the foreground, and tells.
 */
#include <picot.h>
#include <picot/short.h>
#include <signal.h>
#include <stdio.h>

async_fn(int, serve, (picot_daemon * daemon;), (int64_t interval_ns;))
{
    async_begin;
    picot_daemon_ready(my->daemon); /* the shell goes on */
    picot_notify("READY=1\nSTATUS=Sleeping");
    defer
    {
        picot_notify("STOPPING=1");
    }
    if (picot_notify_watchdog(&my->interval_ns) <= 0) my->interval_ns = PICOT_NEVER;
    for (;;) {
        try_await(picot_sleep(.ns = my->interval_ns == PICOT_NEVER ? PICOT_NEVER : my->interval_ns / 2));
        picot_notify("WATCHDOG=1");
    }
    async_end;
}
#define serve(...) async_call(serve, __VA_ARGS__)

static int fail(picot_daemon *daemon, const char *what, int rc, int64_t holder)
{
    char text[PICOT_DAEMON_TEXT_SIZE];
    snprintf(text, sizeof text, "daemon: %s: %s (process %lld)\n", what, picot_strerror(rc), (long long)holder);
    fputs(text, stderr);
    picot_daemon_fail(daemon, 1, "");
    return 1;
}

int main(int argc, char **argv)
{
    picot_daemon daemon = PICOT_DAEMON_INIT;
    picot_daemon_options in_place = PICOT_DAEMON_OPTIONS_INIT;
    picot_pid_file file = PICOT_PID_FILE_INIT;
    picot_loop_options options = PICOT_LOOP_OPTIONS_INIT;
    int64_t holder = 0;
    int background = argc == 3 && strcmp(argv[1], "--background") == 0;
    if (argc != 2 + background) return fprintf(stderr, "usage: daemon [--background] PIDFILE\n"), 2;
    in_place.directory = ""; /* the pid file may be a relative path */
    int rc = background ? picot_daemonize(&in_place, &daemon) : 0;
    if (rc < 0) return fail(&daemon, "no daemon", rc, 0);
    if (rc > 0) return fputs(daemon.text, stderr), daemon.status; /* the process that the shell waits for */
    rc = picot_pid_file_open(&file, argv[argc - 1], 0644, &holder);
    if (rc < 0) return fail(&daemon, argv[argc - 1], rc, holder);
    options.interrupts = (const int[]){SIGTERM, SIGINT, 0};
    rc = picot_main(&options, serve(.daemon = &daemon));
    picot_pid_file_close(&file);
    return rc != PICOT_EINTERRUPT;
}
