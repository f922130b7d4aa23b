/* SPDX-License-Identifier: MIT
 *
 * internal.h - the loop's own structs, and who calls whom inside loop/.
 *
 * The way of an operation: picot_submit (op.c) -> backend submit -> ... kernel ... -> backend wait, called by the turn
 * (turn.c) -> picot__finish (op.c) -> op->done.
 */
#ifndef PICOT_LOOP_INTERNAL_H
#define PICOT_LOOP_INTERNAL_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <assert.h>
#include <picot/error.h>
#include <picot/executor.h>
#include <picot/extension.h>
#include <picot/loop.h>
#include <picot/metrics.h>
#include <picot/op.h>
#include <picot/process.h>
#include <picot/timer.h>
#include <picot/watch.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "outside.h"

/* Cleanup code and misuse: a message with its place, and abort, in debug builds; the code alone in release builds. */
#ifdef PICOT_DEBUG
int picot__misuse(const char *what, const char *file, int line, int code);
#define PICOT__MISUSE(code, what) picot__misuse(what, __FILE__, __LINE__, code)
#else
#define PICOT__MISUSE(code, what) (code)
#endif

#define PICOT__UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- operations ------------------------------------------------------------------------------ */

enum picot__op_kind {
    PICOT__OP_NONE,
    PICOT__OP_SOCKET,
    PICOT__OP_BIND,
    PICOT__OP_LISTEN,
    PICOT__OP_SETSOCKOPT,
    PICOT__OP_GETSOCKOPT,
    PICOT__OP_GETNAME,
    PICOT__OP_SHUTDOWN,
    PICOT__OP_STAT,
    PICOT__OP_ADOPT,   /* internal: u.call.a is a descriptor number; result: enum picot__descriptor_flag bits */
    PICOT__OP_RELEASE, /* internal: forget the descriptor, restore its flags, do not close it */
    PICOT__OP_LAST_IMMEDIATE = PICOT__OP_RELEASE,
    PICOT__OP_ACCEPT,
    PICOT__OP_CONNECT,
    PICOT__OP_RECV,
    PICOT__OP_RECV_LEASED,
    PICOT__OP_SEND,
    PICOT__OP_SEND_ALL,
    PICOT__OP_RECVMSG,
    PICOT__OP_SENDMSG,
    PICOT__OP_READ,
    PICOT__OP_WRITE,
    PICOT__OP_READV,
    PICOT__OP_WRITEV,
    PICOT__OP_FSYNC,
    PICOT__OP_FTRUNCATE,
    PICOT__OP_FALLOCATE,
    PICOT__OP_POLL,
    PICOT__OP_CLOSE,
    PICOT__OP_OPEN,
    PICOT__OP_COPY, /* internal: a piece of a transfer, by a thread; reader of one handle, writer of another */
    PICOT__OP_DIRECTORY_READ, /* u.io: flags is the descriptor's number */
    PICOT__OP_STATX,          /* the first on a path */
    PICOT__OP_READLINK,
    PICOT__OP_RENAME,
    PICOT__OP_UNLINK,
    PICOT__OP_MKDIR,
    PICOT__OP_SYMLINK,
    PICOT__OP_LINK,
    PICOT__OP_TRUNCATE,
    PICOT__OP_CHMOD,
    PICOT__OP_CHOWN,
    PICOT__OP_DIRECTORY_OPEN,
    PICOT__OP_TEMPORARY,
    PICOT__OP_TEMPORARY_NAMED,
    PICOT__OP_TEMPORARY_DIRECTORY,
    PICOT__OP_UTIMES, /* the last on a path */
    PICOT__OP_RESOLVE,
    PICOT__OP_TIMEOUT,
    PICOT__OP_KINDS
};

enum picot__op_state {
    PICOT__IDLE,      /* the caller's */
    PICOT__PENDING,   /* the backend's */
    PICOT__RETRYING,  /* in the retry list: the system was out of something */
    PICOT__FINISHING, /* has its result, waits in loop->finished for its callback */
    PICOT__CLOSING    /* a close that waits for the handle's other operations */
};

enum picot__op_flag {
    PICOT__CANCELLED = 1, /* picot_cancel was called; a second one does nothing */
    PICOT__STARTED = 2,   /* connect: the system call was made once; the next look is at SO_ERROR */
    PICOT__SUBMITTED = 4  /* backend-private */
};

/* Is its result, when there is one, a descriptor that is to become a handle? */
static inline bool picot__opens_handle(unsigned kind)
{
    return kind == PICOT__OP_OPEN || kind == PICOT__OP_TEMPORARY || kind == PICOT__OP_TEMPORARY_NAMED;
}

/* Directions an operation occupies on its handle. */
enum { PICOT__READS = 1, PICOT__WRITES = 2 };
unsigned picot__op_directions(const picot_op *op);
int64_t picot__vector_size(const picot_op *op);
bool picot__bad_path(const picot_op *op);

/* Does it work on a path, without a handle? An open is a case of its own, and not meant here. */
static inline bool picot__is_on_path(unsigned kind)
{
    return kind >= PICOT__OP_STATX && kind <= PICOT__OP_UTIMES;
}

/*
 * A backend ends an operation. finish calls the completion at once: only from inside backend wait. finish_later queues
 * it for the next delivery of this or the next turn: from anywhere in the loop's thread. Both free the handle's
 * direction, and let a waiting close go on.
 */
void picot__finish(picot_loop *loop, picot_op *op, int64_t result);
void picot__finish_later(picot_loop *loop, picot_op *op, int64_t result);

/* Deliver what finish_later has queued so far. */
void picot__deliver_finished(picot_loop *loop);

/* ---- transfer.c, backend/sys_copy.c: bytes from handle to handle ------------------------------- */

struct picot_transfer;
enum { PICOT__COPY_NONE, PICOT__COPY_RANGE, PICOT__COPY_SENDFILE, PICOT__COPY_SPLICE, PICOT__COPY_READ_WRITE };
/* The result of a COPY that would have blocked; no code, and it stays inside. */
#define PICOT__COPY_BLOCKED (INT64_MIN + 1)
void picot__prepare_copy(picot_op *op, struct picot_transfer *transfer);
/* The next one to try between descriptors with such flags. */
unsigned picot__copy_method_after(unsigned method, unsigned from_flags, unsigned to_flags);
/* In a thread: bytes moved, 0, PICOT__COPY_BLOCKED or a code; transfer->_.wait tells for whom to wait then. */
int64_t picot__sys_copy(struct picot_transfer *transfer);

/* ---- retry.c: operations that wait for the system to have room again ------------------------- */

/* Submit the operation again in a while (connect: 1 ms growing to 50; accept: 50 ms, or when a handle is closed). */
void picot__retry(picot_loop *loop, picot_op *op);
void picot__retry_cancel(picot_loop *loop, picot_op *op);
void picot__retry_kick(picot_loop *loop); /* a descriptor was closed */
bool picot__is_exhausted(int64_t result); /* EMFILE, ENFILE, ENOBUFS, ENOMEM */
void picot__retries_free(picot_loop *loop);

/* ---- descriptors ----------------------------------------------------------------------------- */

enum picot__descriptor_flag {
    PICOT__OPEN = 1,            /* a handle of ours */
    PICOT__SOCKET = 2,          /* recv and send work */
    PICOT__STREAM = 4,          /* TCP: a short read has emptied it (of AF_UNIX streams that is not true) */
    PICOT__FILE = 8,            /* a regular file or block device: always ready, served by threads */
    PICOT__NONBLOCKING = 16,    /* O_NONBLOCK is set */
    PICOT__UNBLOCKED = 32,      /* ... by us: release takes it back */
    PICOT__CLOSE_BEGUN = 64,    /* the handle is invalid but for the close under way */
    PICOT__EXHAUSTED = 128,     /* a listener that has reported EMFILE or its like */
    PICOT__READ_READY = 256,    /* a read attempt is likely to succeed: an event came, or the last one was full */
    PICOT__WRITE_BLOCKED = 512, /* the last write attempt was short: wait for an event */
    PICOT__HUNG_UP = 1024,      /* RDHUP, HUP or ERR was seen: a short read does not mean empty */
    PICOT__ARMED_READ = 2048,   /* backend-private: registered with the kernel */
    PICOT__ARMED_WRITE = 4096,  /* backend-private */
    PICOT__HOT = 8192           /* readiness-private: in the list of those to attempt again next turn */
};

/* What the loop knows of a descriptor number; 64 bytes, in pages, so that an idle connection costs little. */
struct picot__descriptor {
    uint32_t generation; /* of the present or next handle; never 0 */
    uint16_t flags;
    uint16_t backend_flags;
    int32_t fd;
    int32_t backend_index; /* poll: place in the set; io_uring: slot of the armed poll; -1 when none */
    picot_op *reader, *writer, *closer;
    picot_watch *watch;
    struct picot__descriptor *hot_next;
    uint64_t backend_data;
};

/* The entry of a descriptor number, made on demand; NULL: out of memory or negative. */
struct picot__descriptor *picot__descriptor_at(picot_loop *loop, int fd);
#define PICOT__PAGE_ENTRIES 64
/* What handles and events of the present registration are told from older ones by; see picot__descriptor_of_key. */
uint64_t picot__descriptor_key(const struct picot__descriptor *desc);
/* Take a new descriptor number in; closes it on failure. flags: SOCKET, STREAM, FILE, NONBLOCKING. Handle or code. */
picot_fd picot__descriptor_open(picot_loop *loop, int fd, unsigned flags);
/* A new generation: keys and handles of before no longer find the entry. */
void picot__descriptor_renew(struct picot__descriptor *desc);
/* The number is about to be closed or given away: the handle becomes stale, armed keys too. */
void picot__descriptor_forget(picot_loop *loop, struct picot__descriptor *desc);
void picot__descriptors_free(picot_loop *loop);
/* Walk: the first entry with fd >= from that is open or watched, or NULL. */
struct picot__descriptor *picot__descriptor_next(picot_loop *loop, int from);

/* ---- leases: receive buffers that idle connections do not hold ------------------------------- */

#define PICOT__LEASE_SIZE 16384
void *picot__lease_take(picot_loop *loop); /* PICOT__LEASE_SIZE bytes, or NULL */
void picot__lease_give(picot_loop *loop, void *buffer);
void picot__leases_free(picot_loop *loop);

/* ---- the timing wheel (wheel.c) -------------------------------------------------------------- */

#define PICOT__WHEEL_LEVELS 9
#define PICOT__WHEEL_SLOTS 64
#define PICOT__WHEEL_TICK_SHIFT 10 /* a tick is 1024 ns */

struct picot__wheel {
    uint64_t tick;                          /* the tick of the latest expire; see tick_of in wheel.c */
    uint64_t occupied[PICOT__WHEEL_LEVELS]; /* a bit per slot that is not empty */
    struct picot_wheel_node slots[PICOT__WHEEL_LEVELS][PICOT__WHEEL_SLOTS]; /* list heads; circular */
    struct picot_wheel_node near;  /* deadlines in the present tick or before it, in order of adding */
    struct picot_wheel_node never; /* PICOT_NEVER */
};

void picot__wheel_init(struct picot__wheel *wheel, int64_t now_ns);
/* Enter an unarmed node at node->deadline_ns. */
void picot__wheel_add(struct picot__wheel *wheel, struct picot_wheel_node *node);
/* Take a node out of whatever list it is in, the list of picot__wheel_expire included; unarmed nodes are left alone. */
void picot__wheel_remove(struct picot__wheel *wheel, struct picot_wheel_node *node);
/* No node is due before this time; PICOT_NEVER when empty. Exact when few timers are near it, and once it is near. */
int64_t picot__wheel_next(const struct picot__wheel *wheel);

/* ---- what is due (due.c) --------------------------------------------------------------------- */

#define PICOT__DUE_DEPTH 4
#define PICOT__DUE_FIRST_BITS 8
#define PICOT__DUE_NEXT_BITS 6
#define PICOT__DUE_PARTS ((1 << PICOT__DUE_FIRST_BITS) + ((PICOT__DUE_DEPTH - 1) << PICOT__DUE_NEXT_BITS))

/* Lists in the order of time, each with the nodes of 2^bits ticks. */
struct picot__due_row {
    unsigned next, untouched, end; /* places in parts */
    unsigned bits, mask;
};

/* The nodes that a turn has taken out of the wheel, brought into order piece by piece. Large: nothing is preset. */
struct picot__due {
    struct picot_wheel_node ready; /* the next piece, in order */
    /* The rows of parts that were dealt last, the last row first. */
    struct picot__due_row rows[PICOT__DUE_DEPTH];
    struct picot_wheel_node parts[PICOT__DUE_PARTS];
    unsigned depth;
    /* Then, from `level` on, all slots of each level below the top one; then the slots of that. */
    struct picot_wheel_node levels[PICOT__WHEEL_LEVELS], top_slots[PICOT__WHEEL_SLOTS];
    uint64_t top_occupied;
    unsigned level, top;
    struct picot_wheel_node last; /* then those of the wheel's new tick */
};

/* Take out the nodes with deadline_ns <= now_ns. They count as armed until picot__wheel_remove takes them out of `due`.
 */
void picot__wheel_expire(struct picot__wheel *wheel, int64_t now_ns, struct picot__due *due);
/*
 * Make due->ready the next nodes in the order of (deadline, order of adding), all those of a deadline together; what is
 * still in it stays. False: nothing is left.
 */
bool picot__due_refill(struct picot__due *due);

/* Take the first node out of due->ready, which is not empty. */
static inline struct picot_wheel_node *picot__due_take(struct picot__due *due)
{
    struct picot_wheel_node *node = due->ready.next, *next = node->next;
    due->ready.next = next;
    next->prev = &due->ready;
    node->next = NULL;
    return node;
}

/* What a picot_timer's node, taken out of the wheel, has as expire. */
void picot__timer_expired(picot_loop *loop, struct picot_wheel_node *node);

/* ---- metrics.c: what the loop counts --------------------------------------------------------- */

#define PICOT__SAMPLE_WAITS 16

struct picot__metrics {
    uint64_t events, timers, posts;
    int64_t waiting_ns, busy_ns;
    int64_t read_ns;         /* the clock after the last wait of this run; PICOT_NEVER: there was none */
    int64_t sampled_busy_ns; /* before the wait that was measured last */
    uint32_t sample_every, until_sample;
    bool sampling; /* the present wait is measured for others */
    uint64_t lag[PICOT_METRICS_LAGS];
};

/* A wait is over. before_ns: the clock when it began, after_ns when it did not wait; 0: it was not read. */
void picot__metrics_wait(picot_loop *loop, int64_t before_ns, int64_t after_ns);

/* ---- the loop -------------------------------------------------------------------------------- */

/* What every operation touches comes first and together: it is read anew from the cache after each system call. */
struct picot_loop {
    const char *owner;              /* the address of the owner thread's picot__thread_marker */
    const unsigned char *fork_mark; /* a page that fork wipes: 0 in a child */
    struct picot__descriptor **pages;
    size_t page_count;
    const struct picot__backend *backend;
    void *backend_state;
    size_t pending_ops;
    int failed; /* the backend's fatal code, or 0 */

    int64_t now_ns;
    uint32_t events_per_turn;
    uint64_t turns;        /* counted since the loop was created */
    uint64_t seed, random; /* 0: first in, first out; the state of the random numbers */
    void *free_leases;
    size_t free_lease_count;
    struct picot__descriptor *hot;        /* readiness.c: entries to attempt again */
    bool running, stop_asked, many_turns; /* many_turns: the run is not for one turn only */
    bool bound;                           /* it has run, its owner no longer changes */

    /* what is waiting */
    picot_ready_queue ready;
    uint64_t callbacks_at_wait; /* see picot__turn */
    uint32_t jobs_per_wait;
    picot_op *finished, **finished_tail; /* completions to deliver */
    _Atomic(picot_posted *) posted;      /* a stack, newest first; reversed when taken */
    atomic_int sleeping;                 /* the waker must signal */

    /* what is alive, with pending_ops: the sum is picot_loop_pending */
    size_t armed_timers, watches, handles, holds, signal_watchers;

    size_t children;              /* that run, and whose end the loop will see */
    size_t child_news;            /* ends that are still to be told, and talks under way */
    picot_process *first_process; /* of all that are not freed */
    struct picot__retries *retries;
    struct picot__offloads *offloads;
    struct picot__port *ports;               /* ways back from executors */
    size_t works;                            /* calls that executors have; pending_ops counts them, too */
    size_t unwoken;                          /* of these, queued ones for which no worker was woken yet */
    picot_executor *executor, *own_executor; /* the default one: the user's, or made when needed */
    picot_executor *as_executor;             /* this loop as one */
    struct picot__signals *signals;
    picot_extension *extensions;
    picot_allocator allocator;
    struct picot__metrics metrics;
    struct picot__wheel wheel;
    char reason[256];
};

/* Its address names the thread; nobody writes it. Initial-exec: one load, also in a shared library. */
extern _Thread_local char picot__thread_marker __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* For other threads: is this the owner? */
static inline bool picot__is_owner(const picot_loop *loop)
{
    return __atomic_load_n(&loop->owner, __ATOMIC_RELAXED) == &picot__thread_marker;
}

int picot__check_failed(const picot_loop *loop);

/* May this thread touch this loop? 0, -EPERM or PICOT_EFORKED; a NULL loop is -EINVAL. */
static inline int picot__check(const picot_loop *loop)
{
    if (PICOT__UNLIKELY(!loop || loop->owner != &picot__thread_marker || !*loop->fork_mark)) {
        int code = picot__check_failed(loop);

        if (code >= 0) __builtin_unreachable(); /* so that callers return it at once, and save no registers for it */
        return code;
    }
    return 0;
}

/* Is something with a thread that will come back? Then virtual time stands still. */
static inline bool picot__is_out(const picot_loop *loop)
{
    return loop->works > 0 || picot__offload_is_out(loop);
}

/* The entry an event or an operation was registered for, or NULL when that registration is over. */
static inline struct picot__descriptor *picot__descriptor_of_key(picot_loop *loop, uint64_t key)
{
    size_t fd = (size_t)(key & UINT32_MAX), page = fd / PICOT__PAGE_ENTRIES;
    if (page >= loop->page_count || !loop->pages[page]) return NULL;
    struct picot__descriptor *desc = &loop->pages[page][fd % PICOT__PAGE_ENTRIES];
    return desc->generation == key >> 32 ? desc : NULL;
}

/* The entry of a handle, or NULL: stale, closing, or never valid. */
static inline struct picot__descriptor *picot__descriptor_of(picot_loop *loop, picot_fd handle)
{
    struct picot__descriptor *desc = handle > 0 ? picot__descriptor_of_key(loop, (uint64_t)handle) : NULL;
    return desc && (desc->flags & (PICOT__OPEN | PICOT__CLOSE_BEGUN)) == PICOT__OPEN ? desc : NULL;
}

/*
 * turn.c: one turn. limit_ns: wait at most until then when nothing is ready. 0; -EDEADLK: nothing can ever happen, told
 * by the backend "sim" only; or the backend's fatal code.
 */
int picot__turn(picot_loop *loop, int64_t limit_ns);
int64_t picot__next_deadline(const picot_loop *loop, int64_t limit_ns);

/* shuffle.c: the order of a loop with a seed. */
int picot__seed_open(picot_loop *loop, const picot_loop_options *options);
/* Permute a circular list. links: where an item, and the head, has its next and, right behind it, its prev. */
void picot__shuffle(picot_loop *loop, void *head, size_t links);
/* Permute each run of equal deadlines in a list that is sorted. */
void picot__shuffle_equals(picot_loop *loop, struct picot_wheel_node *due);

/* Something waits that is not a job: no more turns of jobs alone. */
static inline void picot__look_up(picot_loop *loop)
{
    loop->ready.again_until = 0;
}

/* loop.c: the count of what could ever call back, and whether there is any. */
size_t picot__live(const picot_loop *loop);
bool picot__is_live(const picot_loop *loop);

/* job.c */
void picot__run_jobs(picot_loop *loop); /* those that are ready now */
void picot__drop_jobs(picot_loop *loop);
size_t picot__count_jobs(const picot_loop *loop);
static inline bool picot__has_jobs(const picot_loop *loop)
{
    return loop->ready.head._.next != &loop->ready.head;
}

/* backend.c: choose and open, into loop->backend; loop->reason tells why, or why not. */
int picot__backend_open(picot_loop *loop, const picot_loop_options *options);

/* op.c: a forced destroy meets this node in the wheel: a timer of the user's is dropped, an operation cancelled. */
void picot__drop_timer(picot_loop *loop, struct picot_wheel_node *node);

/* destroy.c: end every operation with this code, or by cancelling it. */
void picot__fail_operations(picot_loop *loop, int code);
void picot__cancel_operations(picot_loop *loop);

/* post.c: between begin and end a post signals the backend. begin refuses when something is posted already. */
bool picot__sleep_begin(picot_loop *loop);
void picot__sleep_end(picot_loop *loop);
void picot__take_posts(picot_loop *loop); /* run what other threads have posted */

/* A wait that has not read the clock: must it, as a sample? */
static inline bool picot__metrics_sample(picot_loop *loop)
{
    if (loop->metrics.read_ns == PICOT_NEVER || --loop->metrics.until_sample > 0) return false;
    loop->metrics.until_sample = loop->metrics.sample_every;
    loop->metrics.sampling = true;
    return true;
}

/* Timers begin to run; the earliest was due at that time. */
static inline void picot__metrics_lag(picot_loop *loop, int64_t deadline_ns)
{
    uint64_t late_us = ((uint64_t)loop->now_ns - (uint64_t)deadline_ns) / PICOT_US;
    unsigned bucket = late_us ? 64 - (unsigned)__builtin_clzll(late_us) : 0;
    loop->metrics.lag[bucket < PICOT_METRICS_LAGS ? bucket : PICOT_METRICS_LAGS - 1]++;
}

/* A callback of the user's begins: it has the whole budget of results at once. */
static inline void picot__budget_renew(picot_loop *loop)
{
    loop->ready.callbacks++;
    loop->ready.budget = loop->ready.full_budget;
}

#endif /* PICOT_LOOP_INTERNAL_H */
