/* SPDX-License-Identifier: MIT
 *
 * process_pool.c - an executor whose workers are processes: requests into slots, lent memory, create and destroy.
 */
#include "process_pool.h"

#include "../backend/backend.h"
#include "futex.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#define QUEUE_LIMIT 4096
#define MEMORY_SIZE ((size_t)256 << 20)
#define CANCEL_GRACE_NS (100 * PICOT_MS)

void picot_work_request(picot_work *work, const char *name, const void *data, size_t len, void *ret_data,
                        size_t ret_size)
{
    if (!work) return;
    work->_.kind = PICOT__WORK_REQUEST;
    work->_.u.request.name = name;
    work->_.u.request.data = data;
    work->_.u.request.len = len;
    work->_.u.request.ret_data = ret_data;
    work->_.u.request.ret_size = ret_size;
    work->_.u.request.limit_ns = 0;
    work->_.u.request.exit_status = 0;
}

bool picot__request_is_whole(const picot_work *work)
{
    return work->_.u.request.name && (work->_.u.request.data || work->_.u.request.len == 0);
}

void picot_work_limit(picot_work *work, int64_t limit_ns)
{
    if (work && work->_.kind == PICOT__WORK_REQUEST) work->_.u.request.limit_ns = limit_ns > 0 ? limit_ns : 0;
}

int picot_work_exit_status(const picot_work *work)
{
    return work && work->_.kind == PICOT__WORK_REQUEST ? work->_.u.request.exit_status : 0;
}

/* ---- memory ------------------------------------------------------------------------------------------ */

static uint64_t region_first(void)
{
    return (sizeof(struct picot__process_memory) + PICOT__EXTENT_UNIT - 1) / PICOT__EXTENT_UNIT * PICOT__EXTENT_UNIT;
}

/* The offset of lent memory; 0: these bytes are not all the pool's. */
static uint64_t lent_offset(const struct picot__process_pool *pool, const void *data, size_t len)
{
    uintptr_t first = (uintptr_t)pool->memory + region_first(), end = (uintptr_t)pool->memory + pool->memory_size;
    uintptr_t at = (uintptr_t)data;
    return at >= first && at <= end && len <= end - at ? at - (uintptr_t)pool->memory : 0;
}

int picot_lend(picot_executor *executor, size_t size, void **ret_data)
{
    if (!executor || !ret_data || size == 0 || executor->type->work_kind != PICOT__WORK_REQUEST) return -EINVAL;
    if (picot__executor_forked(executor)) return PICOT_EFORKED;
    struct picot__process_pool *pool = picot__process_pool_of(executor);
    if (size > pool->region.size) return -EMSGSIZE;
    picot__executor_lock(executor);
    uint64_t place = picot__extents_take(&pool->region, size);
    picot__executor_unlock(executor);
    if (place == 0) return -ENOBUFS;
    *ret_data = (char *)pool->memory + place;
    return 0;
}

int picot_lend_return(picot_executor *executor, void *data, size_t size)
{
    if (!executor || !data || size == 0 || executor->type->work_kind != PICOT__WORK_REQUEST) return -EINVAL;
    if (picot__executor_forked(executor)) return PICOT_EFORKED;
    struct picot__process_pool *pool = picot__process_pool_of(executor);
    uint64_t place = lent_offset(pool, data, size);
    if (place == 0 || place % PICOT__EXTENT_UNIT != 0) return -EINVAL;
    picot__executor_lock(executor);
    picot__extents_give(&pool->region, place, size);
    if (executor->queued > 0) picot__process_look(pool); /* somebody may have waited for room */
    picot__executor_unlock(executor);
    return 0;
}

/* ---- into slots ----------------------------------------------------------------------------------------- */

/* Where data or a reply of this size is to lie: in the slot (0), lent, or in a part of the region taken for it. 0; 1:
 * no room now; -EMSGSIZE. */
static int find_place(struct picot__process_pool *pool, const void *data, size_t size, uint64_t *ret_offset,
                      uint64_t *ret_place, uint64_t *ret_size)
{
    *ret_place = *ret_size = 0;
    *ret_offset = data ? lent_offset(pool, data, size) : 0;
    if (*ret_offset != 0 || size <= PICOT__INLINE) return 0;
    if (size > pool->region.size) return -EMSGSIZE;
    *ret_offset = *ret_place = picot__extents_take(&pool->region, size);
    *ret_size = *ret_place ? size : 0;
    return *ret_place ? 0 : 1;
}

static void fill(struct picot__process_pool *pool, struct picot__slot *shared, const picot_work *work, bool copied)
{
    size_t len = work->_.u.request.len;
    char *to = shared->data_offset ? (char *)pool->memory + shared->data_offset : shared->bytes;
    if (copied && len > 0) memcpy(to, work->_.u.request.data, len);
    shared->len = len;
    shared->ret_size = work->_.u.request.ret_size;
    shared->asked = 0;
    shared->has_limit = work->_.u.request.limit_ns > 0;
    shared->begun_ns = 0;
}

/* The oldest queued work into a slot. 0; 1: there is no room now; or a code, its result. */
static int enter_slot(struct picot__process_pool *pool, const picot_work *work, uint32_t *ret_number)
{
    int function = picot__forkserver_function(pool->server, work->_.u.request.name);
    if (function < 0) return function;
    if (pool->free_count == 0) return 1;
    uint32_t number = pool->free_slots[pool->free_count - 1];
    struct pool_slot *slot = &pool->slots[number];
    struct picot__slot *shared = &pool->memory->slots[number];
    uint64_t data_offset, reply_offset;
    int rc = find_place(pool, work->_.u.request.data, work->_.u.request.len, &data_offset, &slot->data_place,
                        &slot->data_size);
    if (rc != 0) return rc;
    rc = find_place(pool, work->_.u.request.ret_data, work->_.u.request.ret_size, &reply_offset, &slot->ret_place,
                    &slot->ret_size);
    if (rc != 0) {
        if (slot->data_size) picot__extents_give(&pool->region, slot->data_place, slot->data_size);
        return rc;
    }
    pool->free_count--;
    slot->reply_offset = reply_offset;
    slot->reply_room = work->_.u.request.ret_size;
    slot->kill_ns = PICOT_NEVER;
    slot->kill_code = 0;
    slot->killed = slot->completing = false;
    shared->function = (uint32_t)function;
    shared->data_offset = data_offset;
    shared->ret_offset = reply_offset;
    fill(pool, shared, work, slot->data_size > 0 || data_offset == 0);
    *ret_number = number;
    return 0;
}

/* The mutex stays locked: a wake is short. A worker may sleep before the fork server has said its pid. */
void picot__process_wake(struct picot__process_pool *pool)
{
    for (uint32_t i = 0; i < pool->processes_max; i++) {
        uint32_t asleep = 1, *word = &pool->memory->workers[i].asleep;
        if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != 1 || !pool->processes[i].started) continue;
        if (!__atomic_compare_exchange_n(word, &asleep, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) continue;
        picot__futex_wake_shared(word, 1);
        return;
    }
}

static void publish_slot(struct picot__process_pool *pool, picot_work *work, uint32_t number)
{
    pool->slots[number].work = work;
    work->_.u.request.slot = number;
    if (work->_.u.request.limit_ns > 0) pool->with_limit++;
    if (picot__process_outstanding(pool) == 1) /* nobody has anything to tell yet */
        __atomic_store_n(&pool->memory->notify, PICOT__NOTIFY(PICOT__NOTIFY_FIRST, picot__process_tell(pool)),
                         __ATOMIC_SEQ_CST);
    if (pool->unwatched) picot__process_look(pool);
    pool->unwatched = false;
    __atomic_store_n(&pool->memory->slots[number].state, PICOT__SLOT_PENDING, __ATOMIC_SEQ_CST);
    pool->memory->ring[pool->tail % PICOT__RING] = number;
    __atomic_store_n(&pool->memory->tail, ++pool->tail, __ATOMIC_SEQ_CST);
}

/* The workers' hint must not fall a whole ring behind. A slot that was cancelled leaves its number there; where workers
 * have not passed over those, for they are busy or sleep, it is done here. */
static bool ring_has_room(struct picot__process_pool *pool)
{
    struct picot__process_memory *memory = pool->memory;
    uint32_t head = __atomic_load_n(&memory->head, __ATOMIC_SEQ_CST);
    for (int i = 0; i < PICOT__RING && pool->tail - head >= PICOT__RING - 1; i++) {
        uint32_t number = memory->ring[head % PICOT__RING] % PICOT__SLOTS;
        if (__atomic_load_n(&memory->slots[number].state, __ATOMIC_SEQ_CST) == PICOT__SLOT_PENDING) return false;
        if (__atomic_compare_exchange_n(&memory->head, &head, head + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            head++;
    }
    return pool->tail - head < PICOT__RING - 1;
}

static bool needs_process(const struct picot__process_pool *pool)
{
    if (pool->base.workers >= pool->processes_max) return false;
    return pool->base.workers < pool->processes_min ||
           pool->base.workers < picot__process_outstanding(pool) + pool->base.queued;
}

void picot__process_publish(struct picot__process_pool *pool)
{
    picot_executor *executor = &pool->base;
    while (executor->queued > 0 && !executor->broken && ring_has_room(pool)) {
        uint32_t number = 0;
        int rc = enter_slot(pool, executor->queue._.next, &number);
        if (rc == 1) break;
        picot_work *work = picot__executor_take(executor);
        if (rc < 0) {
            picot__work_complete(executor, work, rc);
            continue;
        }
        publish_slot(pool, work, number);
        picot__process_wake(pool);
    }
    if (needs_process(pool)) picot__process_look(pool);
}

picot_work *picot__process_slot_free(struct picot__process_pool *pool, uint32_t number)
{
    struct pool_slot *slot = &pool->slots[number];
    picot_work *work = slot->work;
    if (slot->data_size) picot__extents_give(&pool->region, slot->data_place, slot->data_size);
    if (slot->ret_size) picot__extents_give(&pool->region, slot->ret_place, slot->ret_size);
    if (work->_.u.request.limit_ns > 0) pool->with_limit--;
    if (slot->kill_ns != PICOT_NEVER) pool->with_limit--;
    slot->work = NULL;
    __atomic_store_n(&pool->memory->slots[number].state, PICOT__SLOT_FREE, __ATOMIC_SEQ_CST);
    pool->free_slots[pool->free_count++] = number;
    return work;
}

void picot__process_look(struct picot__process_pool *pool)
{
    static const uint64_t one = 1;
    if (write(pool->notify_fds[PICOT__TELL_SERVICE], &one, sizeof one) < 0) return; /* it is full: it will look */
}

/* ---- as an executor --------------------------------------------------------------------------------------- */

static int pool_enqueue(picot_executor *executor)
{
    picot__process_publish(picot__process_pool_of(executor));
    return 0;
}

/* Not begun: taken back. Else the function may learn of it, and after a while its worker is killed. */
static bool pool_interrupt(picot_executor *executor, picot_work *work)
{
    struct picot__process_pool *pool = picot__process_pool_of(executor);
    uint32_t number = work->_.u.request.slot, pending = PICOT__SLOT_PENDING;
    struct picot__slot *shared = &pool->memory->slots[number];
    struct pool_slot *slot = &pool->slots[number];
    if (slot->work != work) return false; /* it is being completed */
    if (__atomic_compare_exchange_n(&shared->state, &pending, PICOT__SLOT_FREE, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED)) {
        (void)picot__process_slot_free(pool, number);
        if (executor->queued > 0) picot__process_look(pool); /* they may have waited for its memory */
        return true;
    }
    __atomic_store_n(&shared->asked, PICOT__WORK_ASKED, __ATOMIC_RELAXED);
    if (pool->cancel_grace_ns == PICOT_NEVER || slot->kill_ns != PICOT_NEVER) return false;
    slot->kill_ns = picot__futex_deadline(pool->cancel_grace_ns);
    slot->kill_code = -ECANCELED;
    pool->with_limit++;
    picot__process_look(pool);
    return false;
}

static void pool_interrupt_all(picot_executor *executor, const struct picot__port *port)
{
    struct picot__process_pool *pool = picot__process_pool_of(executor);
    for (uint32_t number = 0; number < PICOT__SLOTS; number++) {
        picot_work *work = pool->slots[number].work;
        if (!work || (port && work->_.port != port)) continue;
        picot__work_ask(work);
        if (!pool_interrupt(executor, work)) continue;
        executor->running--;
        picot__work_drop(executor, work, -ECANCELED);
    }
}

static void pool_shutdown(picot_executor *executor)
{
    picot__process_look(picot__process_pool_of(executor));
}

static void pool_join(picot_executor *executor)
{
    struct picot__process_pool *pool = picot__process_pool_of(executor);
    while (pool->service_runs)
        (void)pthread_cond_wait(&pool->service_ended, &executor->mutex);
    bool join = !pool->service_joined;
    pool->service_joined = true;
    picot__executor_unlock(executor);
    if (join) (void)pthread_join(pool->service, NULL);
    picot__executor_lock(executor);
}

static const picot_worker *pool_self(picot_executor *executor)
{
    (void)executor;
    return NULL;
}

static void close_notify(struct picot__process_pool *pool, int tell)
{
    if (pool->notify_fds[tell] >= 0) (void)close(pool->notify_fds[tell]);
    pool->notify_fds[tell] = -1;
}

/* Once. */
static void give_back(struct picot__process_pool *pool)
{
    for (uint32_t i = 0; i < PICOT__WORKERS_MAX; i++)
        if (pool->processes[i].pid > 0) (void)close(pool->processes[i].pidfd);
    picot__extents_close(&pool->region);
    if (pool->memory) (void)munmap(pool->memory, pool->memory_size);
    if (pool->memory_fd >= 0) (void)close(pool->memory_fd);
    pool->memory = NULL;
    pool->memory_fd = -1;
    for (int i = 0; i < PICOT__TELLS; i++)
        if (i != PICOT__TELL_LOOP) close_notify(pool, i); /* ports may still watch that one */
}

static void pool_release(picot_executor *executor)
{
    struct picot__process_pool *pool = picot__process_pool_of(executor);
    give_back(pool);
    picot__forkserver_release(pool->server);
}

static void pool_destroy(picot_executor *executor)
{
    struct picot__process_pool *pool = picot__process_pool_of(executor);
    if (picot__executor_forked(executor)) give_back(pool); /* nobody has ended it */
    close_notify(pool, PICOT__TELL_LOOP);
    free(pool);
}

static const struct picot__executor_type process_pool_type = {
    .name = "processes",
    .work_kind = PICOT__WORK_REQUEST,
    .enqueue = pool_enqueue,
    .enters = picot__process_enters,
    .joins = picot__process_joins,
    .gather = picot__process_gather,
    .wait = picot__process_wait,
    .ends = picot__process_ends,
    .interrupt_all = pool_interrupt_all,
    .interrupt = pool_interrupt,
    .shutdown = pool_shutdown,
    .join = pool_join,
    .self = pool_self,
    .release = pool_release,
    .destroy = pool_destroy,
};

/* ---- create ------------------------------------------------------------------------------------------------- */

static int check_options(const picot_process_pool_options *options)
{
    if (options->size != sizeof *options || options->processes_max > PICOT__WORKERS_MAX) return -EINVAL;
    if (options->processes_max > 0 && options->processes_min > options->processes_max) return -EINVAL;
    if (options->processes_min > PICOT__WORKERS_MAX || options->cancel_grace_ns < 0) return -EINVAL;
    if ((unsigned)options->full > PICOT_POOL_DROP_OLDEST || options->full == PICOT_POOL_CALLER_RUNS) return -EINVAL;
    if (options->limit_count > PICOT__LIMITS_MAX || (options->limit_count > 0 && !options->limits)) return -EINVAL;
    if (options->on_start_len > PICOT__START_DATA || (options->on_start_len > 0 && !options->on_start_data))
        return -EINVAL;
    return options->memory > SIZE_MAX / 4 ? -EINVAL : 0;
}

static uint32_t processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1) return 1;
    return count > PICOT__WORKERS_MAX ? PICOT__WORKERS_MAX : (uint32_t)count;
}

static void take_options(struct picot__process_pool *pool, const picot_process_pool_options *options)
{
    pool->processes_min = options->processes_min;
    pool->processes_max = options->processes_max ? options->processes_max : processors();
    if (pool->processes_max < pool->processes_min) pool->processes_max = pool->processes_min;
    pool->cancel_grace_ns = options->cancel_grace_ns ? options->cancel_grace_ns : CANCEL_GRACE_NS;
    pool->break_on_crash = options->break_on_crash;
    pool->order = (struct picot__worker_order){.nice = options->nice, .limit_count = (uint32_t)options->limit_count};
    if (options->limit_count > 0)
        memcpy(pool->order.limits, options->limits, options->limit_count * sizeof *options->limits);
}

/* Map the shared memory, sealed at its size. */
static int open_memory(struct picot__process_pool *pool, size_t room)
{
    uint64_t first = region_first();
    pool->memory_size = first + (room + PICOT__EXTENT_UNIT - 1) / PICOT__EXTENT_UNIT * PICOT__EXTENT_UNIT;
    pool->order.memory_size = pool->memory_size;
    pool->memory_fd = memfd_create("picot-pool", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (pool->memory_fd < 0) return -errno;
    if (ftruncate(pool->memory_fd, (off_t)pool->memory_size) < 0) return -errno;
    (void)fcntl(pool->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    void *memory = mmap(NULL, pool->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, pool->memory_fd, 0);
    if (memory == MAP_FAILED) return -errno;
    pool->memory = memory;
    for (int i = 0; i < PICOT__TELLS; i++) {
        pool->notify_fds[i] = eventfd(0, EFD_CLOEXEC | (i == PICOT__TELL_WAITER ? 0 : EFD_NONBLOCK));
        if (pool->notify_fds[i] < 0) return -errno;
    }
    return picot__extents_open(&pool->region, first, pool->memory_size - first);
}

/* What workers read at their start. */
static int set_start(struct picot__process_pool *pool, const picot_process_pool_options *options)
{
    struct picot__process_memory *memory = pool->memory;
    int function = options->on_start ? picot__forkserver_function(pool->server, options->on_start) : 0;
    if (function < 0) return -EINVAL;
    memory->start_function = options->on_start ? (uint32_t)function : UINT32_MAX;
    memory->start_len = (uint32_t)options->on_start_len;
    if (options->on_start_len > 0) memcpy(memory->start_data, options->on_start_data, options->on_start_len);
    memory->max_tasks = options->max_tasks_per_child;
    (void)snprintf(memory->name, sizeof memory->name, "%s", options->name ? options->name : "picot-worker");
    for (uint32_t i = 0; i < PICOT__SLOTS; i++)
        pool->free_slots[i] = PICOT__SLOTS - 1 - i;
    pool->free_count = PICOT__SLOTS;
    return 0;
}

static int start_service(struct picot__process_pool *pool)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    pool->service_runs = true;
    int error = pthread_create(&pool->service, NULL, picot__process_service, pool);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) pool->service_runs = false;
    return -error;
}

static int open_pool(struct picot__process_pool *pool, const picot_process_pool_options *options)
{
    int rc = open_memory(pool, options->memory ? options->memory : MEMORY_SIZE);
    if (rc == 0) rc = set_start(pool, options);
    if (rc < 0) return rc;
    rc = picot__executor_init(&pool->base, &process_pool_type,
                              options->queue_limit ? options->queue_limit : QUEUE_LIMIT, options->full);
    if (rc < 0) return rc;
    (void)pthread_cond_init(&pool->service_ended, NULL);
    rc = start_service(pool);
    if (rc < 0) picot__fork_mark_close(pool->base.fork_mark);
    return rc;
}

int picot_process_pool_create(picot_process_server *server, const picot_process_pool_options *options,
                              picot_executor **ret_executor)
{
    static const picot_process_pool_options defaults = PICOT_PROCESS_POOL_OPTIONS_INIT;
    if (!options) options = &defaults;
    int rc = server && ret_executor ? check_options(options) : -EINVAL;
    if (rc == 0) rc = picot__forkserver_hold(server);
    if (rc < 0) return rc;
    struct picot__process_pool *pool = calloc(1, sizeof *pool);
    if (pool) {
        pool->server = server;
        pool->memory_fd = -1;
        for (int i = 0; i < PICOT__TELLS; i++)
            pool->notify_fds[i] = -1;
        take_options(pool, options);
        rc = open_pool(pool, options);
        if (rc < 0) {
            give_back(pool);
            close_notify(pool, PICOT__TELL_LOOP);
        }
    }
    if (!pool || rc < 0) {
        picot__forkserver_release(server);
        free(pool);
        return pool ? rc : -ENOMEM;
    }
    *ret_executor = &pool->base;
    return 0;
}
