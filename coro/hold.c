/* SPDX-License-Identifier: MIT
 *
 * hold.c - blocks that hold something, picot_with_lock and its like: it is given back however the block is left.
 *
 * What is held stands among the function's defers, so that a function that ends inside the block gives it back in turn.
 */
#include "sync.h"

/* In use already: it acquires nothing, and is told -EINVAL. */
int picot__hold_begin(picot_hold *hold, void *object, void (*undo)(picot_hold *))
{
    hold->wanted = NULL;
    if (!hold->object) {
        hold->wanted = object;
        hold->undo = undo;
    }
    return 1;
}

/* The acquiring has ended. */
void picot_rt_hold_enter(picot_frame *frame, picot_hold *hold)
{
    struct picot_frame_tail *tail = picot__tail_of(frame);
    hold->step = 0;
    if (frame->rc < 0) return;
    hold->step = 2;
    hold->object = hold->wanted;
    hold->link = (struct picot_defer_node){tail->defers, PICOT_POS_HOLD_, 0};
    tail->defers = &hold->link;
}

static void give_back(picot_hold *hold)
{
    hold->undo(hold);
    hold->object = NULL;
}

void picot_rt_hold_leave(picot_frame *frame, picot_hold *hold)
{
    struct picot_defer_node **at = &picot__tail_of(frame)->defers;
    hold->step = 0;
    while (*at != &hold->link)
        at = &(*at)->next;
    *at = hold->link.next;
    give_back(hold);
}

void picot__hold_undo(struct picot_defer_node *node)
{
    give_back((picot_hold *)(void *)((char *)node - offsetof(picot_hold, link)));
}
