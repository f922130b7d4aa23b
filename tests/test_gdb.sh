#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_gdb.sh - tools/picot-gdb.py in gdb: the tree of tasks of a stopped program, and the chain of awaits of one task.
. "$(dirname "$0")/structure/lib.sh"

program=$builddir/tests/gdb_subject
if ! command -v gdb >/dev/null 2>&1; then
    skip "async backtraces in gdb" "no gdb"
    finish
    exit
fi
if [ "${SANITIZED:-no}" = yes ]; then
    skip "async backtraces in gdb" "sanitizers do not like to be traced"
    finish
    exit
fi

HOME=$scratch gdb -nx -batch -ex 'set debuginfod enabled off' -ex "source $srcdir/tools/picot-gdb.py" \
    -ex 'break stop_here' -ex run -ex 'picot-tasks subject_loop' -ex 'picot-bt subject_task' "$program" \
    >"$scratch/gdb" 2>&1
if grep -q -e 'Cannot PTRACE' -e 'ptrace: Operation not permitted' -e 'Python scripting is not supported' "$scratch/gdb"; then
    skip "async backtraces in gdb" "gdb may not trace here"
    finish
    exit
fi
sed -n '/^task 1/,$p' "$scratch/gdb" | sed 's/ at 0x[0-9a-f]*$//; s,at .*/gdb_subject,at gdb_subject,' >"$scratch/seen"
cat >"$scratch/wanted" <<'END'
task 1 parent
  parent at gdb_subject.c:23
  task 2 child
    picot_sleep
    child at gdb_subject.c:18
  task 3 child
    picot_sleep
    child at gdb_subject.c:18
task 1 parent
  parent at gdb_subject.c:23
END
head -n 10 "$scratch/seen" | diff "$scratch/wanted" - >"$scratch/out" || cat "$scratch/gdb" >>"$scratch/out"
judge "async backtraces in gdb" "$scratch/out"
finish
