/* SPDX-License-Identifier: MIT
 *
 * broadcast.c - every receiver sees every item: a ring, and a position per receiver.
 *
 *     ring  | 9 | 6 | 7 | 8 |     capacity 4: item n lies in slot n % 4; oldest 6, sent 10
 *
 * A receiver whose position is `sent` has seen all, and only then do tasks wait through it: an item goes straight into
 * the memory of the first one. With PICOT_PACE each slot counts who has yet to see it; what everyone has seen, from the
 * oldest on, is not kept, and a sender waits while all slots are.
 */
#include <picot/broadcast.h>

#include "store.h"

static bool is_open(const picot_broadcast *broadcast)
{
    return broadcast && broadcast->ready;
}

static char *slot(const picot_broadcast *broadcast, uint64_t position)
{
    return broadcast->items + position % broadcast->capacity * broadcast->item_size;
}

/* ---- sent ---------------------------------------------------------------------------------------- */

/* One item more; returns how many receivers there are. A slot is free, or is the oldest's. */
static int send_item(picot_broadcast *broadcast, const void *item)
{
    uint32_t unseen = broadcast->count;
    uint64_t position = broadcast->sent++;
    picot__item_copy(slot(broadcast, position), item, broadcast->item_size);
    picot_broadcast_receiver *receiver = broadcast->receivers;
    for (; receiver; receiver = receiver->next) {
        picot_waiter *waiter = receiver->waiters.first;
        if (!waiter) continue;
        picot__item_copy(waiter->slot, item, broadcast->item_size);
        receiver->position++;
        unseen--;
        picot__grant(&receiver->waiters, waiter, 0);
    }
    if (broadcast->pace == PICOT_LAP) {
        if (broadcast->sent - broadcast->oldest > broadcast->capacity) broadcast->oldest++;
    } else {
        broadcast->unseen[position % broadcast->capacity] = unseen;
        if (unseen == 0 && broadcast->oldest == position) broadcast->oldest++;
    }
    return (int)broadcast->count;
}

static int try_send(picot_broadcast *broadcast, const void *item)
{
    bool full = broadcast->sent - broadcast->oldest == broadcast->capacity;
    if (broadcast->closed) return PICOT_ECLOSED;
    return full && broadcast->pace == PICOT_PACE ? PICOT__MUST_WAIT : send_item(broadcast, item);
}

/* ---- seen ------------------------------------------------------------------------------------------ */

/* Slots may have become free; the senders that wait longest have them. What one sends may be seen at once. */
static void advance(picot_broadcast *broadcast)
{
    for (;;) {
        while (broadcast->oldest < broadcast->sent && broadcast->unseen[broadcast->oldest % broadcast->capacity] == 0)
            broadcast->oldest++;
        picot_waiter *sender = broadcast->senders.first;
        if (!sender || broadcast->sent - broadcast->oldest == broadcast->capacity) return;
        int rc = send_item(broadcast, sender->slot);
        picot__grant(&broadcast->senders, sender, rc);
    }
}

static void has_seen(picot_broadcast *broadcast, uint64_t position)
{
    if (broadcast->pace == PICOT_LAP) return;
    if (--broadcast->unseen[position % broadcast->capacity] == 0 && position == broadcast->oldest) advance(broadcast);
}

static int try_recv(picot_broadcast_receiver *receiver, void *ret_item)
{
    picot_broadcast *broadcast = receiver->broadcast;
    if (receiver->position == broadcast->sent) return broadcast->closed ? PICOT_ECLOSED : PICOT__MUST_WAIT;
    if (receiver->position < broadcast->oldest) {
        receiver->missed = broadcast->oldest - receiver->position;
        receiver->position = broadcast->oldest;
        return -EOVERFLOW;
    }
    picot__item_copy(ret_item, slot(broadcast, receiver->position), broadcast->item_size);
    has_seen(broadcast, receiver->position++);
    return 0;
}

/* ---- made, joined, left, closed ---------------------------------------------------------------------- */

static size_t unseen_bytes(const picot_broadcast *broadcast)
{
    return broadcast->pace == PICOT_PACE ? broadcast->capacity * sizeof *broadcast->unseen : 0;
}

static void free_memory(picot_broadcast *broadcast)
{
    size_t size = broadcast->capacity * broadcast->item_size;
    if (broadcast->items) picot_free(broadcast->loop, broadcast->items, size);
    if (broadcast->unseen) picot_free(broadcast->loop, broadcast->unseen, unseen_bytes(broadcast));
    *broadcast = (picot_broadcast){0};
}

int picot_broadcast_init(picot_loop *loop, picot_broadcast *broadcast, size_t item_size, size_t capacity,
                         enum picot_pace pace)
{
    size_t bytes;
    if (!loop || !broadcast || item_size == 0 || capacity == 0 || capacity == PICOT_UNBOUNDED) return -EINVAL;
    if ((unsigned)pace > PICOT_PACE) return -EINVAL;
    if (__builtin_mul_overflow(capacity, item_size, &bytes) || capacity > SIZE_MAX / sizeof(uint32_t)) return -ENOMEM;
    *broadcast = (picot_broadcast){.loop = loop, .item_size = item_size, .capacity = capacity};
    broadcast->pace = (uint8_t)pace;
    broadcast->items = picot_alloc(loop, bytes);
    if (pace == PICOT_PACE) broadcast->unseen = picot_alloc(loop, unseen_bytes(broadcast));
    if (!broadcast->items || (pace == PICOT_PACE && !broadcast->unseen)) {
        free_memory(broadcast);
        return -ENOMEM;
    }
    broadcast->ready = picot_extension_ready(loop);
    return 0;
}

int picot_broadcast_join(picot_broadcast *broadcast, picot_broadcast_receiver *receiver)
{
    if (!is_open(broadcast) || !receiver) return -EINVAL;
    if (receiver->broadcast) return -EALREADY;
    if (broadcast->closed) return PICOT_ECLOSED;
    *receiver = (picot_broadcast_receiver){.broadcast = broadcast, .position = broadcast->sent};
    receiver->next = broadcast->receivers;
    if (receiver->next) receiver->next->prev = receiver;
    broadcast->receivers = receiver;
    broadcast->count++;
    return 0;
}

static void unlink_receiver(picot_broadcast *broadcast, picot_broadcast_receiver *receiver)
{
    if (receiver->prev)
        receiver->prev->next = receiver->next;
    else
        broadcast->receivers = receiver->next;
    if (receiver->next) receiver->next->prev = receiver->prev;
    receiver->broadcast = NULL;
    broadcast->count--;
}

void picot_broadcast_leave(picot_broadcast_receiver *receiver)
{
    if (!receiver || !receiver->broadcast) return;
    picot_broadcast *broadcast = receiver->broadcast;
    (void)picot__grant_all(&receiver->waiters, PICOT_ECLOSED);
    unlink_receiver(broadcast, receiver);
    if (broadcast->pace == PICOT_LAP) return;
    uint64_t sent = broadcast->sent; /* as long as its slots are not free no sender goes on */
    for (uint64_t position = receiver->position; position < sent; position++)
        broadcast->unseen[position % broadcast->capacity]--;
    advance(broadcast);
}

int picot_broadcast_close(picot_broadcast *broadcast)
{
    if (!is_open(broadcast)) return -EINVAL;
    broadcast->closed = 1;
    (void)picot__grant_all(&broadcast->senders, PICOT_ECLOSED);
    for (picot_broadcast_receiver *receiver = broadcast->receivers; receiver; receiver = receiver->next)
        (void)picot__grant_all(&receiver->waiters, PICOT_ECLOSED);
    return 0;
}

void picot_broadcast_destroy(picot_broadcast *broadcast)
{
    if (!is_open(broadcast)) return;
    (void)picot_broadcast_close(broadcast);
    while (broadcast->receivers)
        unlink_receiver(broadcast, broadcast->receivers);
    free_memory(broadcast);
}

/* ---- without waiting, and sizes ------------------------------------------------------------------------ */

int picot_broadcast_try_send(picot_broadcast *broadcast, const void *item)
{
    if (!is_open(broadcast) || !item) return -EINVAL;
    int rc = try_send(broadcast, item);
    return rc == PICOT__MUST_WAIT ? -EBUSY : rc;
}

int picot_broadcast_try_recv(picot_broadcast_receiver *receiver, void *ret_item)
{
    if (!receiver || !receiver->broadcast || !ret_item) return -EINVAL;
    int rc = try_recv(receiver, ret_item);
    return rc == PICOT__MUST_WAIT ? -EBUSY : rc;
}

uint64_t picot_broadcast_missed(const picot_broadcast_receiver *receiver)
{
    return receiver ? receiver->missed : 0;
}

size_t picot_broadcast_receivers(const picot_broadcast *broadcast)
{
    return is_open(broadcast) ? broadcast->count : 0;
}

/* ---- leaves ---------------------------------------------------------------------------------------------- */

static void send_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_broadcast_send_head *my = (struct picot_broadcast_send_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &my->broadcast->senders, &my->_waiter);
}

/* Granted, it has the number of receivers in leaf->rc, which is to be a status. */
picot_step picot_broadcast_send_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_broadcast_send_head *my = (struct picot_broadcast_send_head *)(void *)leaf;
    picot_broadcast *broadcast = my->broadcast;
    picot_step step;
    (void)child;
    if (leaf->pos == PICOT__TURN) return picot__leaf_return(task, leaf, 0);
    if (leaf->pos == 1 && leaf->rc > 0) {
        my->_ret = leaf->rc;
        return picot__leaf_return(task, leaf, 0);
    }
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    if (!is_open(broadcast) || !my->item)
        my->_ret = -EINVAL;
    else
        my->_ret = broadcast->ready == task->group->ready ? try_send(broadcast, my->item) : -EPERM;
    if (my->_ret != PICOT__MUST_WAIT) return picot__leaf_result(task, leaf, my->_ret);
    my->_waiter.slot = (void *)(uintptr_t)my->item;
    return picot__park(task, leaf, &broadcast->senders, &my->_waiter);
}

PICOT__LEAF_FN(picot_broadcast_send, send_cancel);

static void recv_cancel(picot_task *task, picot_frame *leaf)
{
    struct picot_broadcast_recv_head *my = (struct picot_broadcast_recv_head *)(void *)leaf;
    (void)picot__unpark(task, leaf, &my->receiver->waiters, &my->_waiter);
}

static int check_receiver(const picot_broadcast_receiver *receiver, const picot_ready_queue *ready)
{
    if (!receiver || !receiver->broadcast) return -EINVAL;
    return receiver->broadcast->ready == ready ? 0 : -EPERM;
}

picot_step picot_broadcast_recv_resume(picot_task *task, picot_frame *leaf, picot_frame *child)
{
    struct picot_broadcast_recv_head *my = (struct picot_broadcast_recv_head *)(void *)leaf;
    picot_step step;
    (void)child;
    if (picot__parked_over(task, leaf, &my->_ret, &step)) return step;
    my->_ret = my->ret_item ? check_receiver(my->receiver, task->group->ready) : -EINVAL;
    if (my->_ret == 0) my->_ret = try_recv(my->receiver, my->ret_item);
    if (my->_ret != PICOT__MUST_WAIT) return picot__leaf_result(task, leaf, my->_ret);
    my->_waiter.slot = my->ret_item;
    return picot__park(task, leaf, &my->receiver->waiters, &my->_waiter);
}

PICOT__LEAF_FN(picot_broadcast_recv, recv_cancel);

/* ---- an arm ------------------------------------------------------------------------------------------------ */

static int arm_poll(picot_loop *loop, picot_arm *arm)
{
    int rc = arm->waiter.slot ? check_receiver(arm->object, picot_extension_ready(loop)) : -EINVAL;
    if (rc < 0) return rc;
    arm->rc = try_recv(arm->object, arm->waiter.slot);
    return arm->rc != PICOT__MUST_WAIT;
}

static int arm_enlist(picot_loop *loop, picot_arm *arm)
{
    picot_broadcast_receiver *receiver = arm->object;
    (void)loop;
    picot__waitqueue_append(&receiver->waiters, &arm->waiter);
    return 0;
}

static int arm_withdraw(picot_loop *loop, picot_arm *arm)
{
    picot_broadcast_receiver *receiver = arm->object;
    (void)loop;
    (void)picot__waitqueue_remove(&receiver->waiters, &arm->waiter);
    return 1;
}

picot_arm picot_arm_broadcast_recv(picot_broadcast_receiver *receiver, void *ret_item)
{
    static const struct picot_arm_kind kind = {arm_poll, arm_enlist, arm_withdraw};
    return (picot_arm){.kind = &kind, .object = receiver, .waiter = {.slot = ret_item}};
}
