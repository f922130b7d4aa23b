/* SPDX-License-Identifier: MIT
 *
 * retry.c - operations that wait until the system has room again: an accept without descriptors, a connect to a full
 * AF_UNIX backlog. Neither can be waited for by readiness (poll says writable at once, the listener stays readable), so
 * one timer per loop submits them again; a closed handle does it at once for accepts.
 */
#include "backend/backend.h"

#define FIRST_DELAY_NS PICOT_MS
#define LAST_DELAY_NS (50 * PICOT_MS)

struct picot__retries {
    picot_op *first, **tail;
    struct picot_wheel_node node;
    int64_t delay_ns;
    int64_t last_ns; /* when the operations were last tried again */
    bool kicked;     /* a descriptor was closed: the timer is due now */
};

bool picot__is_exhausted(int64_t result)
{
    return result == -EMFILE || result == -ENFILE || result == -ENOBUFS || result == -ENOMEM;
}

static void expire(picot_loop *loop, struct picot_wheel_node *node);

static void arm(picot_loop *loop, struct picot__retries *retries)
{
    if (retries->node.next) return;
    retries->node.deadline_ns = loop->now_ns + retries->delay_ns;
    retries->node.expire = expire;
    picot__wheel_add(&loop->wheel, &retries->node);
}

static void submit_again(picot_loop *loop, picot_op *op)
{
    struct picot__descriptor *desc = picot__descriptor_of_key(loop, (uint64_t)op->_.fd);
    op->_.state = PICOT__PENDING;
    int rc = desc ? loop->backend->submit(loop, desc, op) : -EBADF;
    if (rc != 0) picot__finish_later(loop, op, rc < 0 ? rc : op->result);
}

/* Each is tried once; those still without room are entered anew by picot__finish_later. */
static void expire(picot_loop *loop, struct picot_wheel_node *node)
{
    struct picot__retries *retries = loop->retries;
    (void)node;
    picot_op *op = retries->first;
    retries->first = NULL;
    retries->tail = &retries->first;
    retries->kicked = false;
    retries->last_ns = loop->now_ns;
    if (retries->delay_ns < LAST_DELAY_NS)
        retries->delay_ns = retries->delay_ns * 2 < LAST_DELAY_NS ? retries->delay_ns * 2 : LAST_DELAY_NS;
    while (op) {
        picot_op *next = op->_.next;
        submit_again(loop, op);
        op = next;
    }
}

static struct picot__retries *get(picot_loop *loop)
{
    if (loop->retries) return loop->retries;
    struct picot__retries *retries = picot_alloc(loop, sizeof *retries);
    if (!retries) return NULL;
    memset(retries, 0, sizeof *retries);
    retries->tail = &retries->first;
    retries->delay_ns = FIRST_DELAY_NS;
    loop->retries = retries;
    return retries;
}

void picot__retry(picot_loop *loop, picot_op *op)
{
    struct picot__retries *retries = get(loop);
    op->_.state = PICOT__RETRYING;
    if (!retries) { /* not even for the list: then the operation ends */
        op->_.flags |= PICOT__CANCELLED;
        picot__finish_later(loop, op, -ENOBUFS);
        return;
    }
    /* A completion backend enters an operation anew a while after it was tried: only real quiet makes it short again.
     */
    if (!retries->first && loop->now_ns - retries->last_ns > 2 * LAST_DELAY_NS) retries->delay_ns = FIRST_DELAY_NS;
    op->_.next = NULL;
    *retries->tail = op;
    retries->tail = &op->_.next;
    arm(loop, retries);
}

void picot__retry_cancel(picot_loop *loop, picot_op *op)
{
    struct picot__retries *retries = loop->retries;
    for (picot_op **link = &retries->first; *link; link = &(*link)->_.next) {
        if (*link != op) continue;
        *link = op->_.next;
        if (!*link) retries->tail = link;
        break;
    }
    if (!retries->first) picot__wheel_remove(&loop->wheel, &retries->node);
    picot__finish_later(loop, op, -ECANCELED);
}

void picot__retry_kick(picot_loop *loop)
{
    struct picot__retries *retries = loop->retries;
    if (!retries || !retries->first || retries->kicked) return;
    retries->kicked = true;
    picot__wheel_remove(&loop->wheel, &retries->node);
    retries->node.deadline_ns = loop->now_ns;
    picot__wheel_add(&loop->wheel, &retries->node);
}

void picot__retries_free(picot_loop *loop)
{
    picot_free(loop, loop->retries, sizeof *loop->retries);
    loop->retries = NULL;
}
