/* SPDX-License-Identifier: MIT
 *
 * process_worker.c - a worker process: takes pending slots, calls their functions, tells the pool; sleeps.
 */
#include "executor.h"
#include "forkserver.h"
#include "futex.h"
#include "process_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

struct worker {
    picot_worker base;
    const picot_process_function *functions;
    size_t function_count;
    struct picot__process_memory *memory;
    struct picot__worker_place *place;
    int notify_fds[PICOT__TELLS];
    uint32_t calls;
};

/* ---- telling the pool ------------------------------------------------------------------------------ */

/* If the pool wants to be told in this way. A worker that cannot tell is of no use: its end is seen. */
static void notify(const struct worker *self, uint32_t how)
{
    static const uint64_t one = 1;
    uint32_t expected = __atomic_load_n(&self->memory->notify, __ATOMIC_SEQ_CST), tell = expected >> 2;
    if ((expected & PICOT__NOTIFY_HOW) != how || tell >= PICOT__TELLS) return;
    if (!__atomic_compare_exchange_n(&self->memory->notify, &expected, PICOT__NOTIFY_NOT, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return;
    if (write(self->notify_fds[tell], &one, sizeof one) < 0 && errno != EAGAIN) _exit(PICOT__EXIT_NO_NOTIFY);
}

static void tell(const struct worker *self, uint32_t number)
{
    uint32_t tail = self->place->tail;
    self->place->completed[tail % PICOT__SLOTS] = number;
    __atomic_store_n(&self->place->tail, tail + 1, __ATOMIC_SEQ_CST);
    notify(self, PICOT__NOTIFY_FIRST);
}

/* ---- one call -------------------------------------------------------------------------------------- */

static int64_t call(struct worker *self, struct picot__slot *slot)
{
    _Alignas(max_align_t) char copy[PICOT__INLINE]; /* the reply may go where the request lies */
    const char *data = (const char *)self->memory + slot->data_offset;
    char *ret = slot->ret_offset ? (char *)self->memory + slot->ret_offset : slot->bytes;
    if (slot->function >= self->function_count) return -ENOSYS;
    if (slot->data_offset == 0) {
        memcpy(copy, slot->bytes, slot->len < sizeof copy ? slot->len : sizeof copy);
        data = copy;
    }
    self->base.asked = &slot->asked;
    int64_t result = self->functions[slot->function].fn(&self->base, data, slot->len, ret, slot->ret_size);
    self->base.asked = NULL;
    return result > (int64_t)slot->ret_size ? -EMSGSIZE : result;
}

static void serve(struct worker *self, uint32_t number)
{
    struct picot__slot *slot = &self->memory->slots[number];
    uint32_t taken = PICOT__SLOT_STATE(PICOT__SLOT_TAKEN, self->base.index);
    if (slot->has_limit) __atomic_store_n(&slot->begun_ns, picot__futex_now(), __ATOMIC_RELEASE);
    slot->result = call(self, slot);
    uint32_t done = PICOT__SLOT_STATE(PICOT__SLOT_DONE, self->base.index);
    if (!__atomic_compare_exchange_n(&slot->state, &taken, done, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        /* Somebody has written there who should not. */
        if (taken != PICOT__SLOT_STATE(PICOT__SLOT_KILLED, self->base.index)) _exit(PICOT__EXIT_SPOILED);
        for (;;)
            (void)pause(); /* it was too late, and SIGKILL is on its way */
    }
    tell(self, number);
    self->calls++;
}

/* ---- taking ---------------------------------------------------------------------------------------- */

/* The first pending slot, now this worker's; false: there is none. */
static bool take(const struct worker *self, uint32_t *ret_number)
{
    struct picot__process_memory *memory = self->memory;
    for (;;) {
        uint32_t head = __atomic_load_n(&memory->head, __ATOMIC_SEQ_CST);
        if (head == __atomic_load_n(&memory->tail, __ATOMIC_SEQ_CST)) return false;
        uint32_t number = memory->ring[head % PICOT__RING] % PICOT__SLOTS, pending = PICOT__SLOT_PENDING;
        uint32_t taken = PICOT__SLOT_STATE(PICOT__SLOT_TAKEN, self->base.index);
        bool mine = __atomic_compare_exchange_n(&memory->slots[number].state, &pending, taken, false, __ATOMIC_SEQ_CST,
                                                __ATOMIC_RELAXED);
        (void)__atomic_compare_exchange_n(&memory->head, &head, head + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
        if (!mine) continue;
        *ret_number = number;
        return true;
    }
}

/* Sleep until the pool wakes this worker, unless something came meanwhile. */
static void sleep_a_while(const struct worker *self)
{
    struct picot__process_memory *memory = self->memory;
    notify(self, PICOT__NOTIFY_IDLE);
    __atomic_store_n(&self->place->asleep, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&memory->head, __ATOMIC_SEQ_CST) == __atomic_load_n(&memory->tail, __ATOMIC_SEQ_CST) &&
        !__atomic_load_n(&memory->closing, __ATOMIC_SEQ_CST))
        picot__futex_wait_shared(&self->place->asleep, 1);
    __atomic_store_n(&self->place->asleep, 0, __ATOMIC_SEQ_CST);
}

static _Noreturn void retire(const struct worker *self)
{
    __atomic_store_n(&self->place->ended, 1, __ATOMIC_SEQ_CST);
    notify(self, PICOT__NOTIFY_IDLE);
    _exit(PICOT__EXIT_RETIRED);
}

static _Noreturn void work(struct worker *self)
{
    const struct picot__process_memory *memory = self->memory;
    for (;;) {
        uint32_t number;
        if (take(self, &number)) {
            serve(self, number);
            if (memory->max_tasks > 0 && self->calls >= memory->max_tasks) retire(self);
        } else if (__atomic_load_n(&memory->closing, __ATOMIC_SEQ_CST)) {
            retire(self);
        } else {
            sleep_a_while(self);
        }
    }
}

/* ---- the beginning ---------------------------------------------------------------------------------- */

static void begin(struct worker *self)
{
    const struct picot__process_memory *memory = self->memory;
    char name[32];
    (void)snprintf(name, sizeof name, "%.15s-%u", memory->name, self->base.index);
    name[15] = 0;
    (void)prctl(PR_SET_NAME, name);
    if (memory->start_function == UINT32_MAX) return;
    if (memory->start_function >= self->function_count) _exit(PICOT__EXIT_NO_START);
    int64_t rc =
        self->functions[memory->start_function].fn(&self->base, memory->start_data, memory->start_len, NULL, 0);
    if (rc < 0) _exit(PICOT__EXIT_NO_START);
}

_Noreturn void picot__process_worker_main(const picot_process_function *functions, size_t function_count,
                                          const struct picot__worker_order *order, int memory_fd, const int *notify_fds)
{
    void *memory = mmap(NULL, order->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
    if (memory == MAP_FAILED) _exit(PICOT__EXIT_NO_START);
    (void)close(memory_fd);
    struct worker self = {.base = {.index = order->index},
                          .functions = functions,
                          .function_count = function_count,
                          .memory = memory,
                          .notify_fds = {notify_fds[0], notify_fds[1], notify_fds[2]}};
    self.place = &self.memory->workers[order->index];
    begin(&self);
    work(&self);
}
