/* SPDX-License-Identifier: MIT
 *
 * test_queue_interleavings.c - every order in which three tasks can use a queue or a channel, depth first.
 *
 * Each of three actors has a script, a letter per operation. At each point one of these happens, and each choice is
 * tried: an actor whose last operation is over begins its next one, or the loop has a turn, if anyone is ready to go
 * on. So a cancellation or a shutdown comes before, between and after a hand-over and the turn of the one who has it.
 *
 *     p put   g get   P, G the same without waiting   x get or put by a select   a b c cancel that actor's operation
 *     s shut down gracefully   S at once   (of a channel: s the sender closes, S the receiver)
 *
 * After each step: nobody waits who could go on, and nothing exceeds its bound. At the end of each run: no item is
 * lost or doubled, items and waiters kept their order, a cancellation took effect exactly when it came in time.
 */
#include "coro_support.h"

#include <stdlib.h>

#define ACTORS 3
#define MOST_STEPS 64

/* What is used, behind the same few functions. */
struct kind {
    int is_channel;
    size_t capacity;
    enum picot_order order;
};

struct operation {
    int actor;
    char what;
    int value;      /* put, or got */
    int result;     /* 1000: not over */
    int cancelled;  /* 1: it waited when it was cancelled, so it must end so; -1: it had been granted */
    int began, won; /* when: its place among all steps; won: of a select, the arm */
};

static struct {
    struct kind kind;
    const char *scripts[ACTORS];
    picot_queue queue;
    picot_sender tx;
    picot_receiver rx;
    picot_loop *loop;
    size_t next[ACTORS];
    picot_task *task[ACTORS];
    struct operation *present[ACTORS];
    struct operation operations[MOST_STEPS];
    int count, steps, values, closed, dropped;
    long runs;
} now;

/* ---- choices: an odometer over all runs ----------------------------------------------------------- */

static int choices[MOST_STEPS], widths[MOST_STEPS], depth;

static int choose(int width)
{
    CHECK(depth < MOST_STEPS);
    if (widths[depth] == 0) choices[depth] = 0;
    CHECK(widths[depth] == 0 || widths[depth] == width); /* a run can be repeated */
    widths[depth] = width;
    return choices[depth++];
}

/* The next run differs in its last choice that can still differ. */
static int next_run(void)
{
    while (depth > 0 && choices[depth - 1] + 1 >= widths[depth - 1])
        widths[--depth] = 0;
    if (depth == 0) return 0;
    choices[depth - 1]++;
    for (int i = depth; i < MOST_STEPS; i++)
        widths[i] = 0;
    depth = 0;
    return 1;
}

/* ---- the operations ---------------------------------------------------------------------------------- */

picot_async_fn(int, act, (struct operation * op;), (int r, got; picot_arm arms[2];))
{
    picot_begin;
    now.task[my->op->actor] = picot_self;
    my->got = -1;
    if (my->op->what == 'p' && now.kind.is_channel)
        picot_await(my->r, picot_channel_send(.sender = now.tx, .item = &my->op->value));
    else if (my->op->what == 'p')
        picot_await(my->r, picot_put(.queue = &now.queue, .item = &my->op->value));
    else if (my->op->what == 'g' && now.kind.is_channel)
        picot_await(my->r, picot_channel_recv(.receiver = now.rx, .ret_item = &my->got));
    else if (my->op->what == 'g')
        picot_await(my->r, picot_get(.queue = &now.queue, .ret_item = &my->got));
    else {
        if (now.kind.is_channel) {
            my->arms[0] = picot_arm_channel_recv(now.rx, &my->got);
            my->arms[1] = picot_arm_channel_send(now.tx, &my->op->value);
        } else {
            my->arms[0] = picot_arm_get(&now.queue, &my->got);
            my->arms[1] = picot_arm_put(&now.queue, &my->op->value);
        }
        picot_await(my->r, picot_select(.arms = my->arms, .count = 2));
        my->op->won = my->r;
        if (my->r >= 0) my->r = my->arms[my->r].rc;
    }
    if (my->got >= 0) my->op->value = my->got;
    my->op->result = my->r;
    now.task[my->op->actor] = NULL;
    now.present[my->op->actor] = NULL;
    picot_end;
}
#define act(...) picot_call(act, __VA_ARGS__)

static int try_put(int value)
{
    return now.kind.is_channel ? picot_channel_try_send(now.loop, now.tx, &value)
                               : picot_queue_try_put(&now.queue, &value);
}

static int try_get(int *ret_value)
{
    return now.kind.is_channel ? picot_channel_try_recv(now.loop, now.rx, ret_value)
                               : picot_queue_try_get(&now.queue, ret_value);
}

static void note_dropped(void *user, void *item)
{
    (void)user;
    (void)item;
    now.dropped++;
}

static void shut_down(char what)
{
    now.closed = 1;
    if (!now.kind.is_channel)
        CHECK_EQ(picot_queue_shutdown(&now.queue, what == 's' ? PICOT_GRACEFUL : PICOT_IMMEDIATE), 0);
    else
        (void)picot_channel_close(now.loop, what == 's' ? now.tx : now.rx);
}

/* Does it wait in the queue still? What runs while it does not is its task's next turn. */
static int waits(int actor)
{
    const picot_task *task = now.task[actor];
    return task && task->wait.job._.next == NULL;
}

static void cancel(int actor)
{
    struct operation *op = now.present[actor];
    if (!op || op->cancelled) return;
    op->cancelled = waits(actor) ? 1 : -1;
    CHECK_EQ(picot_task_cancel(now.task[actor], NULL), 0);
}

/* ---- checked after each step --------------------------------------------------------------------------- */

/* Who waits in a put, and who in a get; a select waits in both. */
static void count_waiting(int *ret_putters, int *ret_getters)
{
    *ret_putters = *ret_getters = 0;
    for (int i = 0; i < ACTORS; i++) {
        if (!waits(i)) continue;
        *ret_putters += now.present[i]->what != 'g';
        *ret_getters += now.present[i]->what != 'p';
    }
}

static void check_state(void)
{
    int putters, getters, both = 0;
    count_waiting(&putters, &getters);
    for (int i = 0; i < ACTORS; i++)
        both += waits(i) && now.present[i]->what == 'x';
    int64_t len = now.kind.is_channel ? picot_channel_len(now.loop, now.rx) : (int64_t)picot_queue_len(&now.queue);
    if (len < 0) len = now.kind.is_channel ? picot_channel_len(now.loop, now.tx) : 0;
    if (len < 0) len = 0;
    CHECK(len <= (int64_t)now.kind.capacity);
    if (putters) CHECK_EQ(len, now.kind.capacity); /* else it could go on */
    if (getters) CHECK_EQ(len, 0);
    if (putters > both) CHECK_EQ(getters - both, 0); /* they could serve each other */
    if (both) CHECK(putters == both && getters == both);
    CHECK(both <= 1);
    if (now.closed) CHECK_EQ(putters + getters, 0);
    if (now.kind.is_channel) return;
    CHECK_EQ(picot_queue_waiting_putters(&now.queue), putters);
    CHECK_EQ(picot_queue_waiting_getters(&now.queue), getters);
}

/* The operations of a run that is wrong. */
static void explain(void)
{
    tap_note("%s %s %s, %s %zu", now.scripts[0], now.scripts[1], now.scripts[2],
             now.kind.is_channel ? "channel" : "queue", now.kind.capacity);
    for (int i = 0; i < now.count; i++) {
        const struct operation *op = &now.operations[i];
        tap_note("step %d: %d %c, value %d, result %d%s", op->began, op->actor, op->what, op->value, op->result,
                 op->cancelled ? ", cancelled" : "");
    }
}

/* ---- checked at the end ---------------------------------------------------------------------------------- */

static int is_put(const struct operation *op)
{
    return op->what == 'p' || op->what == 'P' || (op->what == 'x' && op->won == 1);
}

static int is_get(const struct operation *op)
{
    return op->what == 'g' || op->what == 'G' || (op->what == 'x' && op->won == 0);
}

/* Values are numbered as their puts began, waiters are served in order: so gets, as they began, get ascending ones. */
static void check_fifo(void)
{
    int last = -1;
    for (int i = 0; i < now.count; i++) {
        const struct operation *op = &now.operations[i];
        if (!is_get(op) || op->result != 0) continue;
        CHECK(op->value > last);
        last = op->value;
    }
}

static void check_run(void)
{
    int put[MOST_STEPS] = {0}, got[MOST_STEPS] = {0}, puts = 0, gets = 0;
    for (int i = 0; i < now.count; i++) {
        const struct operation *op = &now.operations[i];
        CHECK(op->result != 1000);
        if (op->cancelled == 1) CHECK_EQ(op->result, -ECANCELED);
        if (op->cancelled != 1) CHECK(op->result != -ECANCELED);
        if (op->result == 0 && is_put(op)) put[op->value]++, puts++;
        if (op->result == 0 && is_get(op)) got[op->value]++, gets++;
    }
    for (int i = 0; i < now.values; i++) {
        CHECK(put[i] <= 1);
        CHECK(got[i] <= put[i]); /* nothing doubled, nothing from nowhere */
    }
    if (puts != gets + now.dropped) explain();
    CHECK_EQ(puts, gets + now.dropped); /* nothing lost */
    if (now.kind.order == PICOT_FIFO) check_fifo();
}

/* ---- a run ------------------------------------------------------------------------------------------------- */

static int is_ready(int actor)
{
    return now.task[actor] && !waits(actor);
}

static int can_begin(int actor)
{
    return !now.present[actor] && now.scripts[actor][now.next[actor]];
}

/* The actors that can go on, and -1 for a turn. */
static int options(int *ret_options)
{
    int count = 0, turn = 0;
    for (int i = 0; i < ACTORS; i++) {
        if (can_begin(i)) ret_options[count++] = i;
        turn |= is_ready(i);
    }
    if (turn) ret_options[count++] = -1;
    return count;
}

static struct operation *new_operation(int actor, char what)
{
    struct operation *op = &now.operations[now.count++];
    *op = (struct operation){actor, what, 0, 1000, 0, now.steps, -1};
    if (strchr("pPx", what)) op->value = now.values++;
    return op;
}

/* All but those that may wait. */
static void at_once(int actor, char what)
{
    if (what == 'P' || what == 'G') {
        struct operation *op = new_operation(actor, what);
        op->result = what == 'P' ? try_put(op->value) : try_get(&op->value);
    } else if (what == 's' || what == 'S') {
        shut_down(what);
    } else {
        cancel(what - 'a');
    }
}

static void begin_run(picot_loop *loop)
{
    picot_queue_options queue_options = {.order = now.kind.order, .dispose = note_dropped};
    now.loop = loop;
    now.count = now.steps = now.values = now.closed = now.dropped = 0;
    memset(now.next, 0, sizeof now.next);
    if (now.kind.is_channel)
        CHECK_EQ(picot_channel_open(loop, sizeof(int), now.kind.capacity, &queue_options, &now.tx, &now.rx), 0);
    else
        CHECK_EQ(picot_queue_init(loop, &now.queue, sizeof(int), now.kind.capacity, &queue_options), 0);
}

/* What is inside is counted as dropped; who waits goes. */
static void end_run(void)
{
    if (now.kind.is_channel) {
        (void)picot_channel_close(now.loop, now.tx);
        (void)picot_channel_close(now.loop, now.rx);
    } else {
        picot_queue_destroy(&now.queue);
    }
}

picot_async_fn(int, runs_through, (char unused;),
               (picot_group group; int options[ACTORS + 1], count, chosen; char what;))
{
    picot_begin;
    picot_task_group(my->group, .keep_going = 1, .eager = 1);
    do {
        picot_yield(); /* results at once cost from the budget of a step: here the runs are independent of each other */
        begin_run(picot_this_loop());
        while ((my->count = options(my->options)) > 0) {
            my->chosen = my->options[choose(my->count)];
            now.steps++;
            if (my->chosen < 0) {
                picot_yield();
            } else {
                my->what = now.scripts[my->chosen][now.next[my->chosen]++];
                if (strchr("pgx", my->what)) {
                    now.present[my->chosen] = new_operation(my->chosen, my->what);
                    picot_spawn(&my->group, act(now.present[my->chosen]));
                    CHECK_EQ(picot_error(), 0);
                } else {
                    at_once(my->chosen, my->what);
                }
            }
            check_state();
        }
        end_run();
        picot_await(picot_join(.group = &my->group));
        check_run();
        now.runs++;
    } while (next_run());
    picot_end;
}

static void explore(struct kind kind, const char *const *scripts)
{
    int rc;
    memset(&now, 0, sizeof now);
    memset(widths, 0, sizeof widths);
    depth = 0;
    now.kind = kind;
    for (int i = 0; i < ACTORS; i++)
        now.scripts[i] = scripts[i];
    RUN_ALONE(rc, picot_call(runs_through, 0));
    CHECK_EQ(rc, 0);
    CHECK(now.runs > 20);
    tap_note("%s %s %s, %s %zu: %ld runs", scripts[0], scripts[1], scripts[2], kind.is_channel ? "channel" : "queue",
             kind.capacity, now.runs);
}

static void explore_all(struct kind kind)
{
    static const char *const scripts[][ACTORS] = {
        {"ppp", "ggg", "ab"}, /* one putter, one getter, a canceller */
        {"pp", "pp", "gga"},  /* two putters and who takes from them, and cancels one */
        {"gg", "gg", "ppa"},  /* the same for getters */
        {"pp", "gg", "as"},   /* cancelled, then shut down */
        {"pp", "gg", "sS"},   /* the upgrade */
        {"ppp", "gP", "bS"},  /* at once */
        {"pp", "Gg", "Pab"},  /* with forms that do not wait */
        {"x", "pg", "gaP"},   /* a select that wins either way, or is cancelled */
        {"xx", "pg", "sa"},   {"x", "gp", "aS"},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        explore(kind, scripts[i]);
}

static void queue_of_1(void)
{
    explore_all((struct kind){0, 1, PICOT_FIFO});
}

static void queue_of_2(void)
{
    explore_all((struct kind){0, 2, PICOT_FIFO});
}

static void stack_of_2(void)
{
    explore_all((struct kind){0, 2, PICOT_LIFO});
}

static void channel_of_0(void)
{
    explore_all((struct kind){1, 0, PICOT_FIFO});
}

static void channel_of_1(void)
{
    explore_all((struct kind){1, 1, PICOT_FIFO});
}

static void channel_of_2(void)
{
    explore_all((struct kind){1, 2, PICOT_FIFO});
}

static const struct tap_case cases[] = {
    {"a queue of 1", queue_of_1, 0},
    {"a queue of 2", queue_of_2, 0},
    {"last in first out, of 2", stack_of_2, 0},
    {"a channel of 0", channel_of_0, 0},
    {"a channel of 1", channel_of_1, 0},
    {"a channel of 2", channel_of_2, 0},
};

TAP_MAIN(cases)
