/* SPDX-License-Identifier: MIT
 *
 * others.c - programs of other users, for cases that run as root: where they cannot be executed, in a view that has
 * what they need. It is the case's own, and goes with its process.
 */
#include "support.h"
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A change of user in this process only, and a program that needs its libraries. */
static bool can_execute(void)
{
    int status = -1;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (chdir("/") == 0 && setresgid(4321, 4321, 4321) == 0 && setresuid(1234, 1234, 1234) == 0)
            (void)execl("/bin/sh", "sh", "-c", "exec 2>&-; exit 0", (char *)NULL);
        _exit(1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status == 0;
}

/* The same under the new root: a link, or what the folder holds. */
static bool carry_over(const char *name)
{
    char target[256], from[64], to[64];
    (void)snprintf(from, sizeof from, "/%s", name);
    (void)snprintf(to, sizeof to, "/tmp/%s", name);
    ssize_t len = readlink(from, target, sizeof target - 1);
    if (len > 0) {
        target[len] = 0;
        return symlink(target, to) == 0;
    }
    if (access(from, F_OK) != 0) return true;
    return mkdir(to, 0755) == 0 && mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0;
}

static bool enter_view(void)
{
    static const char *const names[] = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "dev", "proc", "nix"};
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return false;
    if (mount("tmpfs", "/tmp", "tmpfs", 0, "mode=755") != 0) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!carry_over(names[i])) return false;
    return mkdir("/tmp/tmp", 01777) == 0 && chroot("/tmp") == 0 && chdir("/") == 0;
}

bool may_become_others(void)
{
    if (geteuid() != 0) return false;
    return can_execute() || (enter_view() && can_execute());
}
