#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_virtual_time.sh - the program in docs/testing.md and examples/virtual_time.c do what they say, and in no time.
. "$(dirname "$0")/structure/lib.sh"

sed -n '/^```c$/,/^```$/p' "$srcdir/docs/testing.md" | sed '/^```/d' >"$scratch/day.c"
# shellcheck disable=SC2086
$CC -std=gnu11 -Wall -Wextra -Wshadow -Werror $SANITIZE_FLAGS -I"$srcdir/include" -c "$scratch/day.c" \
    -o "$scratch/day.o" >"$scratch/out" 2>&1 && : >"$scratch/out"
judge "the program of docs/testing.md compiles" "$scratch/out"
if [ -f "$builddir/.libs/libpicot.so" ] && [ -f "$scratch/day.o" ]; then
    # shellcheck disable=SC2086
    $CC $SANITIZE_FLAGS "$scratch/day.o" -o "$scratch/day" -L"$builddir/.libs" -lpicot >"$scratch/out" 2>&1
    LD_LIBRARY_PATH="$builddir/.libs" "$scratch/day" >>"$scratch/out" 2>&1
    echo "status $?" >>"$scratch/out"
    printf '24 beats in 24 hours\nstatus 0\n' | diff - "$scratch/out" >"$scratch/diff"
    judge "the program of docs/testing.md runs" "$scratch/diff"
else
    skip "the program of docs/testing.md runs" "no shared library in this build"
fi

for seed in 0 1 2; do
    "$builddir/examples/virtual_time" $seed >"$scratch/out" 2>&1 && : >"$scratch/out"
    judge "examples/virtual_time, seed $seed" "$scratch/out"
done

finish
