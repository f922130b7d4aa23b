/* SPDX-License-Identifier: MIT
 *
 * process_pool.h - the private half of pools of processes.
 *
 *     submit -> process_pool.c publishes it in a slot -> a worker -> process_service.c completes it
 *
 * The executor's mutex guards all of it. The service thread completes calls, sees workers end, kills and replaces them.
 */
#ifndef PICOT_LOOP_EXECUTOR_PROCESS_POOL_H
#define PICOT_LOOP_EXECUTOR_PROCESS_POOL_H

#include "executor.h"
#include "extents.h"
#include "forkserver.h"
#include "process_memory.h"

/* What the pool knows of a slot; the shared half may say anything. */
struct pool_slot {
    picot_work *work;                                    /* NULL: free */
    uint64_t data_place, data_size, ret_place, ret_size; /* taken of the region for it; size 0: nothing was */
    uint64_t reply_offset, reply_room;                   /* where the reply is; offset 0: in the slot */
    int64_t kill_ns;                                     /* when a cancelled one is killed; PICOT_NEVER */
    bool completing;                                     /* its reply is being copied */
    int kill_code;                                       /* what it then gets; of one that was killed its result */
    bool killed;
};

struct pool_process {
    pid_t pid;    /* 0: this place is free, or its worker has not been announced yet */
    bool started; /* from before its worker is asked for until that has been reaped */
    int pidfd;
    uint32_t seen; /* completions taken from its ring */
    bool spoiled;  /* what its ring says is nonsense */
};

struct picot__process_pool {
    picot_executor base;
    picot_process_server *server;
    struct picot__process_memory *memory;
    uint64_t memory_size;
    int memory_fd, notify_fds[PICOT__TELLS]; /* eventfds: of workers, and of whoever wants the service thread to look */
    picot_work *waiter;                      /* that a thread waits for by collecting itself; NULL */
    struct picot__port *port;                /* whose works all those of loops are; NULL: of several */
    uint32_t calm;                           /* calls in a row that came while few were out */
    struct picot__extents region;
    struct pool_slot slots[PICOT__SLOTS];
    uint32_t free_slots[PICOT__SLOTS], free_count;
    uint32_t tail;       /* slots ever put into the ring */
    uint32_t with_limit; /* outstanding works that have a limit, or are to be killed */
    struct pool_process processes[PICOT__WORKERS_MAX];
    uint32_t processes_min, processes_max;
    uint32_t crashes; /* in a row, of workers that were at no call */
    int64_t cancel_grace_ns;
    int64_t lost_ns;    /* when to look for calls that are done and told nobody */
    uint64_t done_seen; /* calls done at the last such look */
    bool unwatched;     /* there is none to come */
    int64_t ends_ns;    /* when workers that have nothing to do are killed at the end; 0: it has not come */
    bool break_on_crash;
    struct picot__worker_order order;
    pthread_t service;
    bool service_runs, service_joined;
    pthread_cond_t service_ended;
};

static inline struct picot__process_pool *picot__process_pool_of(picot_executor *executor)
{
    return (struct picot__process_pool *)(void *)executor;
}

static inline uint32_t picot__process_outstanding(const struct picot__process_pool *pool)
{
    return PICOT__SLOTS - pool->free_count;
}

/* All with the mutex locked, which may be unlocked meanwhile. */

/* process_pool.c: put queued works into slots, as long as there is room, and wake workers for them. */
void picot__process_publish(struct picot__process_pool *pool);
/* Wake a worker that sleeps, if there is one. */
void picot__process_wake(struct picot__process_pool *pool);
/* A slot whose work is over: its memory is free again, its work the caller's. */
picot_work *picot__process_slot_free(struct picot__process_pool *pool, uint32_t number);
/* Have the service thread look. */
void picot__process_look(struct picot__process_pool *pool);
/* process_tell.c: who collects. As the shared word says it. */
uint32_t picot__process_tell(const struct picot__process_pool *pool);
void picot__process_enters(picot_executor *executor, struct picot__port *port);
void picot__process_joins(picot_executor *executor, struct picot__port *port);
int picot__process_wait(picot_executor *executor, picot_work *work, int64_t deadline_ns);
void picot__process_ends(picot_executor *executor, const picot_work *work);
void picot__process_gather(picot_executor *executor);
/* process_service.c: has a worker done anything since its ring was looked at? */
bool picot__process_has_news(const struct picot__process_pool *pool);
/* Complete what is done. How many. */
uint32_t picot__process_take_all(struct picot__process_pool *pool);
/* The thread. */
void *picot__process_service(void *pool);

#endif /* PICOT_LOOP_EXECUTOR_PROCESS_POOL_H */
