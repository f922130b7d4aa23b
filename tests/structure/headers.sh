#!/bin/sh
# SPDX-License-Identifier: MIT
#
# headers.sh - each public header compiles alone and twice, as pedantic C11 in both compilers' eyes and as C++.
. "$(dirname "$0")/lib.sh"

warnings="-Wall -Wextra -Wundef -Wshadow -Werror -fsyntax-only"

for header in $(public_headers); do
    printf '#include <%s>\n#include <%s>\nint picot_probe;\n' "$header" "$header" >"$scratch/probe.c"
    cp "$scratch/probe.c" "$scratch/probe.cc"
    # shellcheck disable=SC2086
    $CC -std=c11 -pedantic $warnings -I"$srcdir/include" "$scratch/probe.c" >"$scratch/out" 2>&1 && : >"$scratch/out"
    judge "$header as C11" "$scratch/out"
    # shellcheck disable=SC2086
    $CC -std=gnu11 $warnings -DPICOT_GOTO=0 -I"$srcdir/include" "$scratch/probe.c" >"$scratch/out" 2>&1 &&
        : >"$scratch/out"
    judge "$header as GNU C with the ISO coroutines" "$scratch/out"
    if [ "$CXX" = : ]; then
        skip "$header as C++" "no C++ compiler"
        continue
    fi
    # shellcheck disable=SC2086
    $CXX -std=c++11 -pedantic $warnings -I"$srcdir/include" "$scratch/probe.cc" >"$scratch/out" 2>&1 &&
        : >"$scratch/out"
    judge "$header as C++" "$scratch/out"
done

finish
