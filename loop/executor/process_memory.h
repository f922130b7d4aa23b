/* SPDX-License-Identifier: MIT
 *
 * process_memory.h - what a pool of processes shares with its workers.
 *
 *     header | a place per worker | ring of slot numbers | slots | the rest: large requests and replies
 *
 * The pool writes a request into a free slot, makes it pending, and puts its number into the ring. A worker takes the
 * first pending slot by one compare-and-swap of its state; only that decides whose it is, so that a worker may die at
 * any point. When it is done the worker puts the number into the ring of its own place.
 *
 * The pool trusts nothing that a worker can write: it keeps what it needs to know for itself, and checks numbers after
 * it has read them.
 */
#ifndef PICOT_LOOP_EXECUTOR_PROCESS_MEMORY_H
#define PICOT_LOOP_EXECUTOR_PROCESS_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define PICOT__WORKERS_MAX 64
#define PICOT__SLOTS 1024
#define PICOT__RING (2 * PICOT__SLOTS)
#define PICOT__INLINE 184
#define PICOT__START_DATA 1024

/* KILLED: by the pool, in exchange for TAKEN; the worker that finds it so when it is done waits for its end, so that a
 * kill never hits the call after. */
enum { PICOT__SLOT_FREE, PICOT__SLOT_PENDING, PICOT__SLOT_TAKEN, PICOT__SLOT_DONE, PICOT__SLOT_KILLED };
/* A taken, done or killed slot's state also has the number of the worker. */
#define PICOT__SLOT_STATE(state, worker) ((uint32_t)(state) | ((uint32_t)(worker) << 8))
#define PICOT__SLOT_WORKER(state) ((state) >> 8)

struct picot__slot {
    uint32_t state;    /* atomic */
    uint32_t asked;    /* atomic: PICOT__WORK_ASKED, for picot_worker_cancelled */
    uint32_t function; /* its number in the server's table */
    uint32_t has_limit;
    uint64_t data_offset, len;     /* offset 0: in `bytes` */
    uint64_t ret_offset, ret_size; /* the same */
    int64_t begun_ns;              /* written by the worker when there is a limit */
    int64_t result;                /* written by the worker */
    char bytes[PICOT__INLINE + 8]; /* 256 bytes in all */
};
_Static_assert(sizeof(struct picot__slot) == 256, "slots fill cache lines");

/* How the pool wants to be told of completions: */
enum {
    PICOT__NOTIFY_NOT,   /* somebody is awake */
    PICOT__NOTIFY_FIRST, /* by the first one */
    PICOT__NOTIFY_IDLE,  /* by a worker that has nothing more to do; the pool looks by itself in a moment */
    PICOT__NOTIFY_HOW = 3
};
/* and, shifted, who is told, each by an eventfd. */
enum { PICOT__TELL_SERVICE, PICOT__TELL_LOOP, PICOT__TELL_WAITER, PICOT__TELLS };
#define PICOT__NOTIFY(how, tell) ((uint32_t)(how) | (uint32_t)(tell) << 2)

struct picot__worker_place {
    uint32_t asleep; /* a futex word: 1 while the worker sleeps */
    uint32_t tail;   /* completions ever put into the ring below */
    uint32_t ended;  /* the worker has made its last call, and ends */
    uint32_t unused[13];
    uint32_t completed[PICOT__SLOTS];
};

struct picot__process_memory {
    uint32_t closing; /* workers end when nothing is pending */
    uint32_t notify;  /* PICOT__NOTIFY(); exchanged */
    uint32_t head;    /* slots before it in the ring are not pending; a hint, moved by workers */
    uint32_t tail;    /* slots ever put into the ring */
    uint32_t max_tasks;
    uint32_t start_function; /* UINT32_MAX: none */
    uint32_t start_len;
    uint32_t unused;
    char name[16];
    char start_data[PICOT__START_DATA];
    struct picot__worker_place workers[PICOT__WORKERS_MAX];
    uint32_t ring[PICOT__RING];
    struct picot__slot slots[PICOT__SLOTS];
};

/* Exit codes of workers. */
enum { PICOT__EXIT_RETIRED = 0, PICOT__EXIT_NO_START = 211, PICOT__EXIT_NO_NOTIFY = 212, PICOT__EXIT_SPOILED = 213 };

#endif /* PICOT_LOOP_EXECUTOR_PROCESS_MEMORY_H */
