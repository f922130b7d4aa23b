/* SPDX-License-Identifier: MIT
 *
 * error.h - every code the library returns, with its text.
 *
 * Functions return a value >= 0, or a negative code: -errno of the system (-EAGAIN and -EINTR never reach you),
 * or one of the PICOT_E... below, which lie outside the range of errno values.
 */
#ifndef PICOT_ERROR_H
#define PICOT_ERROR_H

#include <errno.h>
#include <picot/base.h>

/** The codes of the library's own: name, number, text. */
#define PICOT_ERROR_LIST(X)                                                                                            \
    X(PICOT_EFORKED, -5001, "the loop belongs to the parent process: create a new one after fork")                     \
    X(PICOT_EBACKEND, -5002, "the backend failed for good: destroy this loop (picot_loop_backend_reason tells why)")   \
    X(PICOT_ENOBACKEND, -5003, "unknown or unavailable backend: the options' explanation buffer tells why")            \
    X(PICOT_ENOHOST, -5004, "the host name does not exist")                                                            \
    X(PICOT_ENODATA, -5005, "the host name has no address of the wanted family")                                       \
    X(PICOT_ETRYLOOKUP, -5006, "the name server did not answer: try the lookup again later")                           \
    X(PICOT_ELOOKUP, -5007, "the name lookup failed for good")                                                         \
    X(PICOT_ESERVICE, -5008, "unknown service name or port")                                                           \
    X(PICOT_EHTTP, -5009, "the peer does not speak valid HTTP/1.1")                                                    \
    X(PICOT_ETOOLARGE, -5010, "a message is larger than the configured limit")                                         \
    X(PICOT_EEOF, -5011, "the peer closed the connection in the middle of a message")                                  \
    X(PICOT_EURL, -5012, "malformed or unsupported URL")                                                               \
    X(PICOT_EREDIRECT, -5013, "too many redirects, or a redirect loop")                                                \
    X(PICOT_ENESTED, -5014, "await inside a nested switch: not possible in the ISO C build, use if or a helper")       \
    X(PICOT_EWORKERDIED, -5015, "the worker that ran this call died; a new one has taken its place")                   \
    X(PICOT_ESCOPE, -5016, "a scope was left by a jump, or is open across a yield: leave its block first")             \
    X(PICOT_ECLOSED, -5017, "the queue, channel or generator is closed: nothing more will come")                       \
    X(PICOT_ENOTOWNER, -5018, "only the task that holds it may release it")                                            \
    X(PICOT_EBROKEN, -5019,                                                                                            \
      "broken: a barrier before its reset, a lock whose owner has ended, a queue without consumers")                   \
    X(PICOT_ENOTDONE, -5020, "it has no result yet: await it, or ask again when it is done")                           \
    X(PICOT_ENOTSTARTED, -5021, "the task ended before it said that it had started")                                   \
    X(PICOT_EEXIT, -5040, "the command ended with an exit code other than 0, or by a signal")                          \
    X(PICOT_EINTERRUPT, -5050, "interrupted: a signal such as Ctrl-C has ended it")                                    \
    X(PICOT_ERUNNING, -5051, "it runs already: another process holds the pid file")                                    \
    X(PICOT_EOWNERDIED, -5060, "the lock is taken, but its last owner died with it: check what it guards")

#define PICOT_ERROR_ENUM_(name, number, text) name = number,
enum picot_error { PICOT_ERROR_LIST(PICOT_ERROR_ENUM_) PICOT_ERROR_LAST_ = -5999 };
#undef PICOT_ERROR_ENUM_

PICOT_BEGIN_DECLS

/**
 * The text of a code, in English.
 * @param code  any int; values >= 0 give "success"
 * @return  a static string, never NULL; unknown codes give "unknown error". Thread: any. Signal handlers: yes.
 * @since 0.1
 */
PICOT_API const char *picot_strerror(int64_t code);

/**
 * The name of a code: "ECONNREFUSED", "PICOT_EFORKED"; "OK" for values >= 0.
 * @return  a static string, never NULL; unknown codes give "E?". Thread: any. Signal handlers: yes.
 * @since 0.1
 */
PICOT_API const char *picot_error_name(int64_t code);

PICOT_END_DECLS

#endif /* PICOT_ERROR_H */
