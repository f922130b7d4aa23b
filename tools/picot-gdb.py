# SPDX-License-Identifier: MIT
#
# picot-gdb.py - async backtraces in gdb: tasks and the chains of awaits they stand in.
#
#     (gdb) source picot-gdb.py            or: gdb -x picot-gdb.py PROGRAM
#     (gdb) picot-tasks LOOP               all tasks of a loop, each with its await chain
#     (gdb) picot-bt                       the task that runs here (a frame with picot_self or a task argument)
#     (gdb) picot-bt TASK                  the await chain of one task, a picot_task *
#
# Works on a live process and on a core file; needs the debugging information of the library (or of any file that
# includes <picot/coro.h>) and calls nothing in the program.

import gdb

BODY = 1  # PICOT_FN_BODY
MAX_FRAMES = 100000
MAX_TASKS = 1000000


def text(value):
    return value.string(errors="replace") if int(value) else "?"


def frames(task):
    """The frames of a task, innermost first, as (function, file, line); line 0: a leaf."""
    frame = task["top"]
    for _ in range(MAX_FRAMES):
        if not int(frame):
            return
        fn = frame["fn"]
        line = 0
        if int(fn["flags"]) & BODY:
            line = max(int(frame["rc"]), 0) or int(fn["line"])
        yield text(fn["name"]), text(fn["file"]), line
        frame = frame["parent"]


def write_task(task, depth=0):
    chain = list(frames(task))
    name = chain[-1][0] if chain else "?"
    cancelling = " (cancelling)" if int(task["cancel"]) else ""
    gdb.write("%stask %d %s%s at %#x\n" % ("  " * depth, int(task["id"]), name, cancelling, int(task.address)))
    for function, file, line in chain:
        where = " at %s:%d" % (file, line) if line else ""
        gdb.write("%s%s%s\n" % ("  " * (depth + 1), function, where))


def children(group):
    first = group["children"]
    task = first
    for _ in range(MAX_TASKS):
        if not int(task):
            return
        yield task.dereference()
        task = task["next"]
        if int(task) == int(first):
            return


def coroutines_of(loop):
    """The state that the coroutines keep with a loop: the extension that has it as its first member."""
    wanted = gdb.lookup_type("struct picot__coro").pointer()
    extension = loop["extensions"]
    while int(extension):
        coro = extension.cast(wanted)
        if int(coro["loop"]) == int(loop) and int(coro["roots"]["coro"]) == int(coro):
            return coro
        extension = extension["_"]["next"]
    raise gdb.GdbError("this loop has no tasks")


def open_groups(coro):
    head = coro["groups"].address
    group = coro["groups"]["next"]
    while int(group) != int(head):
        yield group.dereference()
        group = group["next"]


class PicotTasks(gdb.Command):
    """picot-tasks LOOP: all tasks of a loop (a picot_loop *) as a tree, each with its chain of awaits."""

    def __init__(self):
        super().__init__("picot-tasks", gdb.COMMAND_STACK, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("picot-tasks needs a loop: an expression of type picot_loop *")
        loop = gdb.parse_and_eval(argument).cast(gdb.lookup_type("struct picot_loop").pointer())
        coro = coroutines_of(loop)
        owned = {}
        for group in open_groups(coro):
            owned.setdefault(int(group["owner"]), []).append(group)
        stack = [(task, 0) for task in reversed(list(children(coro["roots"])))]
        while stack:
            task, depth = stack.pop()
            write_task(task, depth)
            below = [child for group in owned.get(int(task.address), []) for child in children(group)]
            stack.extend((child, depth + 1) for child in reversed(below))


class PicotBacktrace(gdb.Command):
    """picot-bt [TASK]: the chain of awaits of a task; without an argument, of the one that runs in this frame."""

    def __init__(self):
        super().__init__("picot-bt", gdb.COMMAND_STACK, gdb.COMPLETE_EXPRESSION)

    @staticmethod
    def current():
        frame = gdb.selected_frame()
        while frame:
            for name in ("picot_self", "task"):
                try:
                    value = frame.read_var(name)
                except ValueError:
                    continue
                if value.is_optimized_out:
                    continue
                if str(value.type.strip_typedefs().unqualified()) == "struct picot_task *" and int(value):
                    return value
            frame = frame.older()
        raise gdb.GdbError("no task runs here: name one, picot-bt TASK, or see picot-tasks LOOP")

    def invoke(self, argument, from_tty):
        task = gdb.parse_and_eval(argument) if argument else self.current()
        write_task(task.cast(gdb.lookup_type("struct picot_task").pointer()).dereference())


PicotTasks()
PicotBacktrace()
