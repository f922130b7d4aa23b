/* SPDX-License-Identifier: MIT
 *
 * sys_notify.c - what a service manager is told, and what it has passed: sd_notify(3), sd_listen_fds(3).
 */
#include <fcntl.h>
#include <picot/daemon.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend.h"

#define MOST_FDS 253 /* SCM_MAX_FD, unix(7) */

/* ---- telling ----------------------------------------------------------------------------------- */

/* An address for a path, or for "@name" of the abstract namespace: its length, or a code. */
static int address_of(const char *text, struct sockaddr_un *ret_addr)
{
    size_t len = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || len < 2) return -EINVAL;
    if (len >= sizeof ret_addr->sun_path) return -ENAMETOOLONG;
    *ret_addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret_addr->sun_path, text, len);
    if (text[0] == '@') ret_addr->sun_path[0] = '\0';
    return (int)(offsetof(struct sockaddr_un, sun_path) + len + (text[0] == '/'));
}

static int send_to(struct sockaddr_un *addr, int addr_len, const char *state, const int *fds, size_t count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
    } control;
    struct iovec text = {(void *)(uintptr_t)state, strlen(state)};
    struct msghdr msg = {.msg_name = addr, .msg_namelen = (socklen_t)addr_len, .msg_iov = &text, .msg_iovlen = 1};
    const struct timeval patience = {5, 0};
    if (count > 0) {
        memset(&control, 0, sizeof control);
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ssize_t n;
    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    int rc = n >= 0 ? 1 : errno == EAGAIN ? -ETIMEDOUT : -errno;
    (void)close(fd);
    return rc;
}

int picot_notify_fds(const char *state, const int *fds, size_t count)
{
    struct sockaddr_un addr;
    if (!state || !*state || count > MOST_FDS || (count > 0 && !fds)) return -EINVAL;
    const char *text = picot__environment("NOTIFY_SOCKET");
    if (!text || !*text) return 0;
    int len = address_of(text, &addr);
    return len < 0 ? len : send_to(&addr, len, state, fds, count);
}

int picot_notify(const char *state)
{
    return picot_notify_fds(state, NULL, 0);
}

/* ---- asking ------------------------------------------------------------------------------------ */

/* A number of the environment: 1; 0: there is none; -EINVAL. */
static int number_of(const char *name, int64_t most, int64_t *ret_number)
{
    char *end;
    const char *text = picot__environment(name);
    if (!text) return 0;
    errno = 0;
    long long number = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : -1;
    if (number < 0 || errno || *end || number > most) return -EINVAL;
    *ret_number = number;
    return 1;
}

int picot_notify_watchdog(int64_t *ret_interval_ns)
{
    int64_t interval_us, pid;
    if (!ret_interval_ns) return -EINVAL;
    int rc = number_of("WATCHDOG_USEC", INT64_MAX / PICOT_US, &interval_us);
    if (rc <= 0) return rc;
    if (interval_us == 0) return -EINVAL;
    rc = number_of("WATCHDOG_PID", INT32_MAX, &pid);
    if (rc < 0) return rc;
    if (rc > 0 && pid != getpid()) return 0;
    *ret_interval_ns = interval_us * PICOT_US;
    return 1;
}

static int passed(void)
{
    int64_t pid, count;
    int rc = number_of("LISTEN_PID", INT32_MAX, &pid);
    if (rc <= 0) return rc;
    if (pid != getpid()) return 0;
    rc = number_of("LISTEN_FDS", INT32_MAX - PICOT_LISTEN_FDS_START, &count);
    return rc <= 0 ? rc : (int)count;
}

int picot_listen_fds(void)
{
    int count = passed();
    for (int i = 0; i < count; i++) {
        int fd = PICOT_LISTEN_FDS_START + i, flags = fcntl(fd, F_GETFD);
        if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0) return -errno;
    }
    return count;
}

int picot_listen_fd_name(int fd, char *name, size_t size)
{
    int count = passed(), index = fd - PICOT_LISTEN_FDS_START;
    if (!name || size == 0) return -EINVAL;
    if (count < 0) return count;
    if (fd < PICOT_LISTEN_FDS_START || index >= count) return -ENOENT;
    const char *at = picot__environment("LISTEN_FDNAMES");
    for (; at && index > 0; index--) {
        at = strchr(at, ':');
        if (at) at++;
    }
    if (!at) return snprintf(name, size, "unknown");
    return snprintf(name, size, "%.*s", (int)strcspn(at, ":"), at);
}

void picot_notify_forget(void)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                        "LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unsetenv(names[i]);
}
