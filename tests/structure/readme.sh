#!/bin/sh
# SPDX-License-Identifier: MIT
#
# readme.sh - the program in README.md compiles without a warning and links.
. "$(dirname "$0")/lib.sh"

sed -n '/^```c$/,/^```$/p' "$srcdir/README.md" | sed '/^```/d' >"$scratch/server.c"
# shellcheck disable=SC2086
$CC -std=gnu11 -Wall -Wextra -Wshadow -Werror $SANITIZE_FLAGS -I"$srcdir/include" -c "$scratch/server.c" \
    -o "$scratch/server.o" >"$scratch/out" 2>&1 && : >"$scratch/out"
judge "the echo server of README.md compiles" "$scratch/out"
if [ -f "$builddir/.libs/libpicot.so" ] && [ -f "$scratch/server.o" ]; then
    # shellcheck disable=SC2086
    $CC $SANITIZE_FLAGS "$scratch/server.o" -o "$scratch/server" -L"$builddir/.libs" -lpicot >"$scratch/out" 2>&1 &&
        : >"$scratch/out"
    judge "the echo server of README.md links" "$scratch/out"
else
    skip "the echo server of README.md links" "no shared library in this build"
fi

finish
