/* SPDX-License-Identifier: MIT
 *
 * signal.c - the watchers of one loop. What came lies in a ring per signal, filled by handlers in any thread; the loop
 * empties it in a post.
 *
 * A ring has many writers, who never wait for each other or for the loop: each cell has a number that says whose turn
 * it is. A full ring drops what comes and counts it; after the last cell the loop looks at that count, so that a signal
 * that found no room is told all the same, with what is known of the one before it.
 */
#include <picot/signal.h>
#include <signal.h>

#include "backend/backend.h"

#define RING 64
#define FLAGS (PICOT_SIGNAL_ONCE | PICOT_SIGNAL_BACKGROUND | PICOT_SIGNAL_IF_DEFAULT | PICOT_SIGNAL_INSIST)

struct cell {
    atomic_uint turn; /* the position that may be written; after that, plus 1: read */
    picot_signal_info info;
};

/* A signal of this loop. Made when first watched, kept until the loop ends. */
struct line {
    struct picot__signal_line shared;
    struct picot__signals *signals;
    int number;
    bool watched; /* it is in the process's table */
    unsigned insisting;
    atomic_int insists; /* 1: a signal is the first one; 2: the next one is the last one */
    atomic_uint tail;
    unsigned head;
    atomic_uint lost;
    picot_signal_info last;
    uint64_t told;       /* so many calls of all watchers */
    picot_signal *first; /* circular */
    picot_signal *next;  /* to be told next, while one is */
    bool telling;
    struct cell cells[RING];
};

#define WORD_BITS 32 /* an atomic that is lock-free everywhere, as handlers need it */
#define WORDS ((PICOT__SIGNALS + WORD_BITS - 1) / WORD_BITS)

struct picot__signals {
    picot_loop *loop;
    picot_posted posted;
    atomic_uint arrived[WORDS]; /* a bit per signal */
    struct line *lines[PICOT__SIGNALS];
};

/* ---- in signal context, any thread ------------------------------------------------------------- */

static void describe(const siginfo_t *from, picot_signal_info *info)
{
    *info = (picot_signal_info){.number = from->si_signo, .code = from->si_code};
    bool sent = from->si_code == SI_USER || from->si_code == SI_QUEUE || from->si_code == SI_MESGQ;
#ifdef SI_TKILL
    sent = sent || from->si_code == SI_TKILL;
#endif
    if (sent || from->si_signo == SIGCHLD) {
        info->pid = from->si_pid;
        info->uid = from->si_uid;
    }
    if (from->si_code == SI_QUEUE || from->si_code == SI_TIMER || from->si_code == SI_MESGQ)
        info->value.pointer = from->si_value.sival_ptr;
    else if (from->si_signo == SIGCHLD)
        info->status = from->si_status;
}

/* Where to write, or NULL: full. */
static struct cell *reserve(struct line *line, unsigned *ret_place)
{
    unsigned place = atomic_load(&line->tail);
    for (;;) {
        struct cell *cell = &line->cells[place % RING];
        int ahead = (int)(atomic_load(&cell->turn) - place);
        if (ahead < 0) return NULL;
        if (ahead > 0)
            place = atomic_load(&line->tail);
        else if (atomic_compare_exchange_weak(&line->tail, &place, place + 1)) {
            *ret_place = place;
            return cell;
        }
    }
}

/* The loop shall look into this line. */
static void ask(struct line *line)
{
    unsigned bit = (unsigned)line->number - 1;
    atomic_fetch_or(&line->signals->arrived[bit / WORD_BITS], 1u << bit % WORD_BITS);
    (void)picot_post(line->signals->loop, &line->signals->posted);
}

static void arrived(struct picot__signal_line *shared, const void *info)
{
    struct line *line = (struct line *)(void *)shared;
    int once = 1;
    if (!atomic_compare_exchange_strong(&line->insists, &once, 2) && once == 2) picot__sys_signal_default(line->number);
    unsigned place;
    struct cell *cell = reserve(line, &place);
    if (cell) {
        describe(info, &cell->info);
        atomic_store(&cell->turn, place + 1);
    } else {
        atomic_fetch_add(&line->lost, 1);
    }
    ask(line);
}

/* ---- telling ----------------------------------------------------------------------------------- */

static bool take(struct line *line, picot_signal_info *ret_info)
{
    struct cell *cell = &line->cells[line->head % RING];
    if (atomic_load(&cell->turn) == line->head + 1) {
        *ret_info = cell->info;
        atomic_store(&cell->turn, line->head + RING);
        line->head++;
        ret_info->coalesced = atomic_exchange(&line->lost, 0);
        line->last = *ret_info;
        return true;
    }
    uint64_t lost = atomic_exchange(&line->lost, 0);
    if (lost == 0) return false;
    *ret_info = line->last;
    ret_info->coalesced = lost - 1;
    return true;
}

static void detach(struct line *line, picot_signal *watcher)
{
    if (line->next == watcher) line->next = watcher->_.next == line->first ? NULL : watcher->_.next;
    if (watcher->_.next == watcher) {
        line->first = NULL;
    } else {
        watcher->_.prev->_.next = watcher->_.next;
        watcher->_.next->_.prev = watcher->_.prev;
        if (line->first == watcher) line->first = watcher->_.next;
    }
    watcher->_.next = watcher->_.prev = NULL;
    if (!(watcher->_.flags & PICOT_SIGNAL_BACKGROUND)) line->signals->loop->signal_watchers--;
    if (watcher->_.flags & PICOT_SIGNAL_INSIST && --line->insisting == 0) atomic_store(&line->insists, 0);
}

/* Nobody watches it any more. */
static void settle(struct line *line)
{
    if (line->first || line->telling || !line->watched) return;
    picot__sys_signal_unwatch(&line->shared, line->number);
    line->watched = false;
}

/* Each watcher that was there before, once. They may come and go meanwhile. */
static void tell(picot_loop *loop, struct line *line, const picot_signal_info *info)
{
    uint64_t now = ++line->told;
    line->telling = true;
    for (picot_signal *watcher = line->first; watcher; watcher = line->next) {
        line->next = watcher->_.next == line->first ? NULL : watcher->_.next;
        if (watcher->_.since >= now) continue;
        if (watcher->_.flags & PICOT_SIGNAL_ONCE) detach(line, watcher);
        picot__budget_renew(loop);
        watcher->fn(loop, watcher, info);
    }
    line->next = NULL;
    line->telling = false;
    settle(line);
}

static void tell_line(picot_loop *loop, struct line *line)
{
    picot_signal_info info;
    for (unsigned i = 0; i < RING; i++) {
        if (!line->first || !take(line, &info)) return;
        tell(loop, line, &info);
    }
    ask(line); /* the others first */
}

static void tell_all(picot_loop *loop, void *user)
{
    struct picot__signals *signals = user;
    for (unsigned word = 0; word < WORDS; word++) {
        unsigned bits = atomic_exchange(&signals->arrived[word], 0);
        for (; bits; bits &= bits - 1)
            tell_line(loop, signals->lines[word * WORD_BITS + (unsigned)__builtin_ctz(bits) + 1]);
    }
}

/* ---- watchers ---------------------------------------------------------------------------------- */

static struct line *line_of(picot_loop *loop, int number)
{
    struct picot__signals *signals = loop->signals;
    if (!signals) {
        signals = picot_alloc(loop, sizeof *signals);
        if (!signals) return NULL;
        memset(signals, 0, sizeof *signals);
        signals->loop = loop;
        signals->posted = (picot_posted)PICOT_POSTED_INIT(tell_all, signals);
        loop->signals = signals;
    }
    struct line *line = signals->lines[number];
    if (line) return line;
    line = picot_alloc(loop, sizeof *line);
    if (!line) return NULL;
    memset(line, 0, sizeof *line);
    line->shared.arrived = arrived;
    line->signals = signals;
    line->number = number;
    for (unsigned i = 0; i < RING; i++)
        atomic_store(&line->cells[i].turn, i);
    signals->lines[number] = line;
    return line;
}

/* Into the process's table; what came for watchers of before is forgotten. */
static int begin(struct line *line, bool if_default)
{
    picot_signal_info old;
    if (line->watched) return if_default ? picot__sys_signal_watch(NULL, line->number, true) : 0;
    while (take(line, &old)) {
    }
    int rc = picot__sys_signal_watch(&line->shared, line->number, if_default);
    line->watched = rc == 0;
    return rc;
}

static void attach(struct line *line, picot_signal *watcher)
{
    picot_signal *first = line->first;
    if (first) {
        watcher->_.next = first;
        watcher->_.prev = first->_.prev;
        first->_.prev->_.next = watcher;
        first->_.prev = watcher;
    } else {
        line->first = watcher->_.next = watcher->_.prev = watcher;
    }
    if (!(watcher->_.flags & PICOT_SIGNAL_BACKGROUND)) line->signals->loop->signal_watchers++;
    if (watcher->_.flags & PICOT_SIGNAL_INSIST && line->insisting++ == 0) atomic_store(&line->insists, 1);
}

int picot_signal_add(picot_loop *loop, picot_signal *watcher, int number, unsigned flags, picot_signal_fn *fn,
                     void *user)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_signal_add");
    if (!watcher || !fn || flags & ~(unsigned)FLAGS || !picot_signal_can_watch(number)) return -EINVAL;
    if (watcher->_.next) return -EALREADY;
    struct line *line = line_of(loop, number);
    if (!line) return -ENOMEM;
    rc = begin(line, flags & PICOT_SIGNAL_IF_DEFAULT);
    if (rc < 0) return rc;
    watcher->fn = fn;
    watcher->user = user;
    watcher->_.number = number;
    watcher->_.flags = flags;
    watcher->_.since = line->told;
    attach(line, watcher);
    return 0;
}

int picot_signal_remove(picot_loop *loop, picot_signal *watcher)
{
    int rc = picot__check(loop);
    if (rc < 0) return PICOT__MISUSE(rc, "picot_signal_remove");
    if (!watcher) return -EINVAL;
    if (!watcher->_.next) return 0;
    struct line *line = loop->signals->lines[watcher->_.number];
    detach(line, watcher);
    settle(line);
    return 0;
}

int picot_signal_active(const picot_signal *watcher)
{
    return watcher && watcher->_.next;
}

/* ---- the end ----------------------------------------------------------------------------------- */

/* In a forked child the watchers may lie in memory that is gone: they are left alone. */
void picot__signals_free(picot_loop *loop)
{
    struct picot__signals *signals = loop->signals;
    if (!signals) return;
    for (int number = 1; number < PICOT__SIGNALS; number++) {
        struct line *line = signals->lines[number];
        if (!line) continue;
        while (*loop->fork_mark && line->first)
            detach(line, line->first);
        if (line->watched) picot__sys_signal_unwatch(&line->shared, number);
        picot_free(loop, line, sizeof *line);
    }
    picot_free(loop, signals, sizeof *signals);
    loop->signals = NULL;
}
