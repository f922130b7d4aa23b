/* SPDX-License-Identifier: MIT
 *
 * map.c - a function over items: chunks of them as works, of which a bounded number is ahead of who takes the results.
 *
 * A chunk is free, or with a worker, or arrived: its work's callback has listed it, and its results are taken one by
 * one. In order, the one begun first is taken first, whichever arrives first.
 */
#include "executor.h"
#include "futex.h"

#include <picot/works.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD_OF_NEXT 64

struct chunk {
    picot_work work;
    picot_work_callback callback;
    picot_map *map;
    size_t first, count; /* items */
    int end_code;        /* instead of a further item: what `next` has said */
    int refusal;         /* of the executor: the result of all items */
    bool arrived;
    struct chunk *next;         /* free ones; or the one begun after it */
    struct chunk *next_arrived; /* the mutex guards it */
    char *items;                /* copies of what `next` gave; or in the caller's array */
    int64_t *results;           /* of each item */
    char *values;
};

struct picot_map {
    picot_map_options options;
    picot_executor *executor;
    size_t chunk_size;
    struct chunk *free, *oldest, **newest; /* oldest to newest: begun and not taken, in the items' order */
    size_t next_item;                      /* that no chunk has */
    struct chunk *taking;                  /* whose results are being taken */
    size_t position;                       /* in it */
    bool exhausted, ended;                 /* all items are with chunks; nothing more comes out */
    pthread_mutex_t mutex;                 /* of the list of arrived chunks */
    struct chunk *first_arrived, **last_arrived;
    uint32_t arrivals;          /* a futex word */
    void (*notify)(void *user); /* once; the mutex guards it */
    void *notify_user;
    struct chunk chunks[];
};

/* ---- in a worker --------------------------------------------------------------------------------- */

static int64_t run_chunk(picot_worker *worker, void *arg)
{
    struct chunk *chunk = arg;
    const picot_map_options *options = &chunk->map->options;
    bool failed = false;
    for (size_t i = 0; i < chunk->count; i++) {
        char *value = options->result_size ? chunk->values + i * options->result_size : NULL;
        bool skipped = (failed && !options->keep_going) || picot_worker_cancelled(worker);
        chunk->results[i] = skipped ? -ECANCELED : options->fn(worker, chunk->items + i * options->item_size, value);
        failed = failed || chunk->results[i] < 0;
    }
    return 0;
}

/* Where the chunk's work has ended. */
static void chunk_ended(picot_work *work, void *user)
{
    struct chunk *chunk = user;
    picot_map *map = chunk->map;
    (void)work;
    (void)pthread_mutex_lock(&map->mutex);
    chunk->next_arrived = NULL;
    *map->last_arrived = chunk;
    map->last_arrived = &chunk->next_arrived;
    (void)__atomic_add_fetch(&map->arrivals, 1, __ATOMIC_RELEASE);
    picot__futex_wake(&map->arrivals, 1);
    void (*notify)(void *user) = map->notify;
    map->notify = NULL;
    if (notify) notify(map->notify_user);
    (void)pthread_mutex_unlock(&map->mutex);
}

/* ---- submitting chunks --------------------------------------------------------------------------- */

/* Copy items from `next`. */
static void draw_items(picot_map *map, struct chunk *chunk)
{
    while (chunk->count < map->chunk_size && !map->exhausted) {
        int rc = map->options.next(map->options.user, chunk->items + chunk->count * map->options.item_size);
        if (rc > 0) {
            chunk->count++;
        } else {
            map->exhausted = true;
            chunk->end_code = rc;
        }
    }
}

static void choose_items(picot_map *map, struct chunk *chunk)
{
    size_t left = map->options.count - map->next_item;
    chunk->items = (char *)(uintptr_t)map->options.items + map->next_item * map->options.item_size;
    chunk->count = left < map->chunk_size ? left : map->chunk_size;
    map->exhausted = chunk->count == left;
}

static void hand_over(picot_map *map, struct chunk *chunk)
{
    int rc = 1;
    picot_work_call(&chunk->work, run_chunk, chunk);
    if (chunk->count > 0) rc = picot__executor_submit(map->executor, &chunk->work, false);
    if (rc < 0) chunk->refusal = rc;
    if (rc == 0) /* it is queued, running or done: the callback is called in any case */
        (void)picot_work_add_callback(&chunk->work, &chunk->callback, chunk_ended, chunk);
    else
        chunk_ended(&chunk->work, chunk);
}

/* As many as may be ahead. */
static void begin_chunks(picot_map *map)
{
    while (!map->exhausted && !map->ended && map->free) {
        struct chunk *chunk = map->free;
        chunk->first = map->next_item;
        chunk->count = 0;
        chunk->end_code = chunk->refusal = 0;
        chunk->arrived = false;
        if (map->options.next)
            draw_items(map, chunk);
        else
            choose_items(map, chunk);
        if (chunk->count == 0 && chunk->end_code == 0) return; /* there was nothing more */
        map->free = chunk->next;
        map->next_item += chunk->count;
        chunk->next = NULL;
        *map->newest = chunk;
        map->newest = &chunk->next;
        hand_over(map, chunk);
    }
}

/* ---- taking results ------------------------------------------------------------------------------ */

static struct chunk *take_arrived(picot_map *map)
{
    (void)pthread_mutex_lock(&map->mutex);
    struct chunk *chunk = map->first_arrived;
    if (chunk) {
        map->first_arrived = chunk->next_arrived;
        if (!map->first_arrived) map->last_arrived = &map->first_arrived;
    }
    (void)pthread_mutex_unlock(&map->mutex);
    return chunk;
}

/* The chunk whose turn it is, if it has arrived. */
static struct chunk *next_arrived(picot_map *map)
{
    struct chunk *chunk;
    if (map->options.unordered) return take_arrived(map);
    while ((chunk = take_arrived(map)))
        chunk->arrived = true;
    return map->oldest->arrived ? map->oldest : NULL;
}

static void settle(struct chunk *chunk)
{
    if (picot_work_state(&chunk->work) != PICOT_WORK_IDLE) (void)picot_work_wait(&chunk->work, PICOT_NEVER);
}

static int await_chunk(picot_map *map, int64_t deadline_ns)
{
    for (;;) {
        uint32_t seen = __atomic_load_n(&map->arrivals, __ATOMIC_ACQUIRE);
        struct chunk *chunk = next_arrived(map);
        if (chunk) {
            settle(chunk); /* its callback is called a moment before it is done */
            map->taking = chunk;
            map->position = 0;
            return 0;
        }
        while (__atomic_load_n(&map->arrivals, __ATOMIC_ACQUIRE) == seen)
            if (picot__futex_wait(&map->arrivals, seen, deadline_ns) < 0) return -ETIMEDOUT;
    }
}

static int64_t result_of(const struct chunk *chunk, size_t position)
{
    if (position == chunk->count) return chunk->end_code;
    if (chunk->refusal < 0) return chunk->refusal;
    return picot_work_cancelled(&chunk->work) ? -ECANCELED : chunk->results[position];
}

/* Is there no further item in the present chunk? */
static bool is_over(const picot_map *map)
{
    const struct chunk *chunk = map->taking;
    return map->position == chunk->count + (chunk->end_code < 0);
}

/* All results of the present chunk have been taken: it is free again. */
static void leave_chunk(picot_map *map)
{
    struct chunk *chunk = map->taking, **at = &map->oldest;
    while (*at != chunk)
        at = &(*at)->next;
    *at = chunk->next;
    if (map->newest == &chunk->next) map->newest = at;
    chunk->next = map->free;
    map->free = chunk;
    map->taking = NULL;
}

static void cancel_chunks(picot_map *map)
{
    for (struct chunk *chunk = map->oldest; chunk; chunk = chunk->next)
        (void)picot_work_cancel(&chunk->work);
}

static void take_item(picot_map *map, picot_mapped *ret_mapped)
{
    const struct chunk *chunk = map->taking;
    size_t position = map->position++, size = map->options.result_size;
    bool has_value = size > 0 && position < chunk->count;
    *ret_mapped = (picot_mapped){.index = chunk->first + position,
                                 .result = result_of(chunk, position),
                                 .value = has_value ? chunk->values + position * size : NULL};
    if (ret_mapped->result >= 0 || map->options.keep_going) return;
    map->ended = true;
    cancel_chunks(map);
}

int picot_map_next(picot_map *map, int64_t timeout_ns, picot_mapped *ret_mapped)
{
    if (!map || !ret_mapped || timeout_ns < 0) return -EINVAL;
    if (map->taking && is_over(map)) leave_chunk(map);
    if (!map->ended) begin_chunks(map);
    if (map->ended || !map->oldest) return PICOT_ECLOSED;
    if (!map->taking) {
        int rc = await_chunk(map, timeout_ns == 0 ? 0 : picot__futex_deadline(timeout_ns));
        if (rc < 0) return rc;
    }
    take_item(map, ret_mapped);
    return 0;
}

int picot_map_notify(picot_map *map, void (*notify)(void *user), void *user)
{
    if (!map) return -EINVAL;
    (void)pthread_mutex_lock(&map->mutex);
    int rc = notify ? map->first_arrived != NULL : map->notify != NULL;
    if (notify && map->notify) {
        rc = -EBUSY;
    } else if (!notify || rc == 0) {
        map->notify = notify;
        map->notify_user = user;
    }
    (void)pthread_mutex_unlock(&map->mutex);
    return rc;
}

/* ---- create and destroy -------------------------------------------------------------------------- */

static int check(picot_executor *executor, const picot_map_options *options, picot_map **ret_map)
{
    if (!executor || !options || !ret_map || options->size != sizeof *options) return -EINVAL;
    if (!options->fn || options->item_size == 0 || (options->next && options->items)) return -EINVAL;
    if (!options->next && !options->items && options->count > 0) return -EINVAL;
    return 0;
}

static size_t chunks_of(const picot_map_options *options, size_t chunk_size)
{
    if (options->next) return options->ahead ? options->ahead : AHEAD_OF_NEXT;
    size_t all = options->count / chunk_size + (options->count % chunk_size != 0);
    return options->ahead && options->ahead < all ? options->ahead : all;
}

static size_t aligned(size_t size)
{
    return (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
}

/* Bytes of a chunk's results, values and copies of items; 0: too many. */
static size_t room_of_chunk(const picot_map_options *options, size_t chunk_size, size_t ret_offsets[2])
{
    size_t values, items;
    if (__builtin_mul_overflow(chunk_size, options->result_size, &values)) return 0;
    if (__builtin_mul_overflow(chunk_size, options->next ? options->item_size : 0, &items)) return 0;
    if (chunk_size > SIZE_MAX / 64 || values > SIZE_MAX / 8 || items > SIZE_MAX / 8) return 0;
    ret_offsets[0] = aligned(chunk_size * sizeof(int64_t));
    ret_offsets[1] = ret_offsets[0] + aligned(values);
    return ret_offsets[1] + aligned(items);
}

int picot_map_create(picot_executor *executor, const picot_map_options *options, picot_map **ret_map)
{
    int rc = check(executor, options, ret_map);
    if (rc < 0) return rc;
    size_t chunk_size = options->chunk ? options->chunk : 1, offsets[2], all, chunks = chunks_of(options, chunk_size);
    if (!options->next && chunk_size > options->count) chunk_size = options->count ? options->count : 1;
    size_t room = room_of_chunk(options, chunk_size, offsets);
    if (room == 0 || __builtin_mul_overflow(chunks, room + sizeof(struct chunk), &all)) return -EINVAL;
    size_t head = aligned(sizeof(picot_map) + chunks * sizeof(struct chunk));
    picot_map *map = head < SIZE_MAX - all ? calloc(1, head + chunks * room) : NULL;
    if (!map) return -ENOMEM;
    map->options = *options;
    map->executor = executor;
    map->chunk_size = chunk_size;
    map->newest = &map->oldest;
    map->last_arrived = &map->first_arrived;
    (void)pthread_mutex_init(&map->mutex, NULL);
    for (size_t i = chunks; i-- > 0;) {
        struct chunk *chunk = &map->chunks[i];
        char *memory = (char *)map + head + i * room;
        *chunk = (struct chunk){.map = map, .next = map->free, .items = memory + offsets[1]};
        chunk->results = (int64_t *)(void *)memory;
        chunk->values = memory + offsets[0];
        map->free = chunk;
    }
    begin_chunks(map);
    *ret_map = map;
    return 0;
}

void picot_map_destroy(picot_map *map)
{
    if (!map) return;
    cancel_chunks(map);
    for (struct chunk *chunk = map->oldest; chunk; chunk = chunk->next)
        settle(chunk);
    (void)pthread_mutex_destroy(&map->mutex);
    free(map);
}
