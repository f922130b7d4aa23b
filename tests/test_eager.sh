#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_eager.sh - the tests of coroutines once more, with tasks that take their first step inside the spawn, and in virtual
# time: each program whose source includes coro_support.h, or that a word of the command line names.

number=0
for source in "$srcdir"/tests/test_*.c; do
    grep -qE '"(coro_support|dry_memory)\.h"' "$source" || continue
    name=$(basename "$source" .c)
    program=$builddir/tests/$name
    test -x "$program" || continue
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    PICOT_TEST_EAGER=1 PICOT_BACKEND=sim "$program" >"$name.eager" 2>&1
    planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$name.eager")
    # shellcheck disable=SC2016
    $AWK -v name="$name" -v number="$number" -v planned="${planned:-0}" '
        /^(not )?ok [0-9]+ - / {
            came++
            result = $1 == "ok" ? "ok" : "not ok"
            sub(/^(not )?ok [0-9]+ - /, "")
            print result " " ++number " - " name ": " $0
            next
        }
        !/^1\.\./ { print "# " $0 }
        END { if (came != planned || !came) print "not ok " ++number " - " name " ran to its end" }' "$name.eager"
    if test "${planned:-0}" -gt 0; then number=$((number + planned)); else number=$((number + 1)); fi
    rm -f "$name.eager"
done
echo "1..$number"
